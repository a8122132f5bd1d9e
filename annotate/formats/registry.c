/* Every format, in the order in which help shows them. */
#include "annotate/formats/formats.h"

#include <string.h>

const lethe_format *const lethe_formats[] = {
    &lethe_format_coco,
    &lethe_format_csv,
    &lethe_format_png,
    &lethe_format_geojson,
    &lethe_format_asap,
    &lethe_format_yolo,
    &lethe_format_nifti,
    &lethe_format_seg,
    &lethe_format_rtstruct,
    &lethe_format_sr,
    &lethe_format_tiles,
    &lethe_format_omop,
    NULL,
};

const lethe_format *lethe_format_find(const char *name) {
    for (size_t i = 0; lethe_formats[i] != NULL; i++)
        if (strcmp(lethe_formats[i]->name, name) == 0) return lethe_formats[i];
    return NULL;
}
