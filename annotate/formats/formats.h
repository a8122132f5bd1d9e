/* What the files of annotate/formats share. */
#ifndef LETHE_ANNOTATE_FORMATS_FORMATS_H
#define LETHE_ANNOTATE_FORMATS_FORMATS_H

#include "annotate/format.h"

extern const lethe_format lethe_format_coco, lethe_format_csv, lethe_format_png, lethe_format_geojson, lethe_format_asap, lethe_format_yolo,
    lethe_format_nifti, lethe_format_seg, lethe_format_rtstruct, lethe_format_sr, lethe_format_omop, lethe_format_tiles;

/* Call `read` for a file, or for each file below a folder whose name ends in `suffix`. `relative` is the name below the folder (or the file's own).
 */
typedef lethe_status (*lethe_file_fn)(lethe_import *import, const char *path, const char *relative, lethe_error *error);
LETHE_NODISCARD lethe_status lethe_format_each_file(lethe_import *import, const char *path, const char *suffix, lethe_file_fn read,
                                                    lethe_error *error);
/* The image that a file without an image's name in it is about: --image, or the one whose stem the file's name is. */
LETHE_NODISCARD lethe_status lethe_format_image_of(lethe_import *import, const char *relative, const lethe_image_ref **image, lethe_error *error);

#endif
