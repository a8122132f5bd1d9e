/* Which format a slide file is in, by its content. One line per format in probe.c. Layer: imaging. Thread rule: no shared state. */
#ifndef LETHE_IMAGING_SLIDE_PROBE_H
#define LETHE_IMAGING_SLIDE_PROBE_H

#include "core/file.h"
#include "imaging/slide/tiff_tree.h"

/* What a detector may look at. */
typedef struct lethe_slide_probe {
    const char *path;
    lethe_map map;
    lethe_arena *arena;
    lethe_tiff_tree *tree; /* NULL when the file is no TIFF, or a broken one */
    bool broken_tiff;      /* starts like a TIFF, but its directories cannot be read: `tiff_error` says why */
    lethe_error tiff_error;
} lethe_slide_probe;

/* Map the file and parse its directories if it is a TIFF. Errors: LETHE_IO, LETHE_NO_MEMORY. Pair with lethe_slide_probe_close. */
LETHE_NODISCARD lethe_status lethe_slide_probe_open(const char *path, lethe_slide_probe *probe, lethe_error *error);
void lethe_slide_probe_close(lethe_slide_probe *probe);
/* "aperio" "hamamatsu" "leica" "ventana" "philips" "ome" "generic" "mirax" "dicom"; "zeiss" "olympus" "isyntax" "sakura" "hamamatsu-vms" "trestle"
 * (recognised only); "tiff" for a TIFF that is no tiled pyramid or cannot be parsed; NULL for everything else. Static. */
const char *lethe_slide_probe_format(const lethe_slide_probe *probe);

#endif
