/* Which directories of a tiled TIFF slide are levels of its pyramid, and which pictures beside it. Used by the reader and by de-identification.
 * Layer: imaging. Thread rule: no state. */
#ifndef LETHE_IMAGING_SLIDE_TIFF_LEVELS_H
#define LETHE_IMAGING_SLIDE_TIFF_LEVELS_H

#include "imaging/slide/tiff_tree.h"

typedef enum lethe_tiff_role {
    LETHE_TIFF_ROLE_LEVEL,
    LETHE_TIFF_ROLE_THUMBNAIL,
    LETHE_TIFF_ROLE_LABEL,
    LETHE_TIFF_ROLE_MACRO,
    LETHE_TIFF_ROLE_OTHER,  /* a picture of unknown content that is not tiled like a level */
    LETHE_TIFF_ROLE_STRANGE /* tiled, but it does not fit the pyramid: another specimen, plane or label */
} lethe_tiff_role;

/* The role of a directory in an Aperio, Philips, OME or generic slide. `format` as of probe.h. Aperio's newer scanners leave the description of label
 * and macro empty: NewSubfileType 1 is the label then, 9 the macro. */
lethe_tiff_role lethe_tiff_role_of(const lethe_tiff_tree *tree, const lethe_tiff_directory *directory, const char *format);
/* True when width x height is level 0 made smaller by one factor in both directions (rounding of one pixel and of one tile allowed). */
bool lethe_tiff_is_scaled(uint64_t width0, uint64_t height0, uint64_t width, uint64_t height, uint64_t tile_px);
/* "KEY = value" of an Aperio description as a number; false when absent. */
bool lethe_aperio_number(const char *description, const char *key, double *value);

#endif
