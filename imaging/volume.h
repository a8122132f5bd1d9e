/* Series in patient space: the plane of a frame, the order of frames, volumes, and planes cut through them at any angle.
 *
 * Patient coordinates are millimetres in the DICOM patient system (PS3.3 C.7.6.2.1.1): +x to the left hand, +y to the back, +z to the head. Voxel
 * coordinates (i, j, k) are column, row, slice; the centre of the first voxel is (0, 0, 0). Layer: imaging. Thread rule: plain values; a volume is
 * immutable once filled and readable by many threads. */
#ifndef LETHE_IMAGING_VOLUME_H
#define LETHE_IMAGING_VOLUME_H

#include "core/error.h"
#include "imaging/dicom/dataset.h"
#include "imaging/image.h"

#include <stddef.h>
#include <stdint.h>

typedef struct lethe_frame_geometry {
    bool has_plane; /* position and orientation are known */
    bool has_spacing;
    double position_mm[3];                    /* centre of the first pixel */
    double row_direction[3];                  /* unit vector of increasing column */
    double column_direction[3];               /* unit vector of increasing row */
    double normal[3];                         /* row x column */
    double row_spacing_mm, column_spacing_mm; /* between rows, between columns; 1 when unknown */
    double thickness_mm;                      /* 0 when unknown */
} lethe_frame_geometry;

/* From ImagePositionPatient, ImageOrientationPatient and PixelSpacing, looked up in the per-frame and shared functional groups of enhanced objects;
 * spacing falls back to ImagerPixelSpacing and NominalScannedPixelSpacing (then it is at the detector, not in the patient). Frames from 0. */
void lethe_frame_geometry_load(const lethe_dicom_dataset *dataset, uint32_t frame, lethe_frame_geometry *geometry);

/* The letters of a direction in the patient, strongest first, at most three: "L", "PH", ... (PS3.3 C.7.6.1.1.1). Parts under about 10 degrees are
 * left out. */
void lethe_orientation_letters(const double direction[3], char out[4]);

/* Order for showing: frames of one orientation together, along their normal, and where several share a position (b-values, phases) stack after stack.
 * `instance` is the order in which to take those. Frames without a plane come last, by instance. `order` gets `count` indices; *stacks (may be NULL)
 * how many frames share a position at most. Errors: LETHE_NO_MEMORY. */
LETHE_NODISCARD lethe_status lethe_series_sort(const lethe_frame_geometry *frames, const int64_t *instances, size_t count, size_t *order,
                                               unsigned *stacks, lethe_error *error);

typedef struct lethe_volume {
    uint32_t columns, rows, slices;
    double origin_mm[3];                             /* centre of voxel (0, 0, 0) */
    double i_step_mm[3], j_step_mm[3], k_step_mm[3]; /* patient vectors from voxel to voxel */
    double inverse[9];                               /* patient offset -> voxel */
    float low, high;                                 /* range of values */
    float *voxels;                                   /* owned; [k][j][i], modality units */
} lethe_volume;

/* Plan a volume from frames in slice order: same size, orientation and spacing, even distances (within 5 % or 0.1 mm). No voxels yet. Errors:
 * LETHE_UNSUPPORTED saying what does not fit. */
LETHE_NODISCARD lethe_status lethe_volume_plan(const lethe_frame_geometry *frames, size_t count, uint32_t columns, uint32_t rows,
                                               lethe_volume *volume, lethe_error *error);
/* Errors: LETHE_NO_MEMORY, LETHE_LIMIT. */
LETHE_NODISCARD lethe_status lethe_volume_allocate(lethe_volume *volume, lethe_error *error);
/* Copy a decoded grey frame in as slice k, as value * slope + intercept. Errors: LETHE_UNSUPPORTED for another size or colour. */
LETHE_NODISCARD lethe_status lethe_volume_put(lethe_volume *volume, uint32_t k, const lethe_image *frame, double slope, double intercept,
                                              lethe_error *error);
void lethe_volume_release(lethe_volume *volume);
void lethe_volume_to_voxel(const lethe_volume *volume, const double patient_mm[3], double voxel[3]);
void lethe_volume_to_patient(const lethe_volume *volume, const double voxel[3], double patient_mm[3]);
/* Trilinear, or the nearest voxel; `outside` where there is none. */
float lethe_volume_sample(const lethe_volume *volume, const double patient_mm[3], bool linear, float outside);

typedef enum lethe_slab { LETHE_SLAB_MEAN, LETHE_SLAB_MAXIMUM, LETHE_SLAB_MINIMUM } lethe_slab;

/* A plane to cut: pixel (c, r) lies at origin + c * across + r * down. */
typedef struct lethe_plane {
    double origin_mm[3], across_mm[3], down_mm[3];
    uint32_t columns, rows;
    double slab_mm;  /* 0 = a thin plane */
    lethe_slab slab; /* how values through the slab become one */
    bool nearest;
} lethe_plane;

/* Fill `out` (columns * rows). Cost: one sample per pixel, or slab / smallest spacing of them. */
void lethe_volume_cut(const lethe_volume *volume, const lethe_plane *plane, float outside, float *out);

typedef enum lethe_view_plane { LETHE_PLANE_AXIAL, LETHE_PLANE_CORONAL, LETHE_PLANE_SAGITTAL } lethe_view_plane;

/* The anatomical plane through a patient point as a radiologist looks at it (patient's right on the left; head up), square pixels of the smallest
 * spacing, wide enough for the whole volume. */
void lethe_volume_view_plane(const lethe_volume *volume, lethe_view_plane which, const double through_mm[3], lethe_plane *plane);
/* The middle of the volume. */
void lethe_volume_centre(const lethe_volume *volume, double patient_mm[3]);

#endif
