/* NIfTI-1 files, plain or gzip: reading and writing one 3D volume. Layer: annotate. */
#ifndef LETHE_ANNOTATE_NIFTI_FILE_H
#define LETHE_ANNOTATE_NIFTI_FILE_H

#include "core/buffer.h"
#include "core/error.h"

#include <stdint.h>

typedef struct lethe_nifti {
    uint32_t columns, rows, slices;
    double spacing_mm[3];
    double affine[12]; /* rows of the 3 x 4 matrix voxel -> RAS+ millimetres */
    float *voxels;     /* owned, scaled; [k][j][i] */
} lethe_nifti;

/* Errors: LETHE_MALFORMED, LETHE_UNSUPPORTED (not one 3D volume of real numbers), LETHE_LIMIT. */
LETHE_NODISCARD lethe_status lethe_nifti_load(const char *path, lethe_nifti *out, lethe_error *error);
LETHE_NODISCARD lethe_status lethe_nifti_parse(const uint8_t *bytes, size_t size, lethe_nifti *out, lethe_error *error);
void lethe_nifti_release(lethe_nifti *nifti);
typedef enum lethe_nifti_type { LETHE_NIFTI_UINT8 = 2, LETHE_NIFTI_INT16 = 4, LETHE_NIFTI_FLOAT32 = 16 } lethe_nifti_type;
/* Append a gzip-compressed file. Values must fit the type. */
LETHE_NODISCARD lethe_status lethe_nifti_encode(const lethe_nifti *nifti, lethe_nifti_type type, lethe_buffer *out, lethe_error *error);

#endif
