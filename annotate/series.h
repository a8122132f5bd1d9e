/* The frames of one released DICOM series in space, and the attributes that objects made from it share with it. Layer: annotate. One thread at a
 * time. */
#ifndef LETHE_ANNOTATE_SERIES_H
#define LETHE_ANNOTATE_SERIES_H

#include "annotate/format.h"
#include "imaging/volume.h"

typedef struct lethe_series_frame {
    size_t image;   /* position in the index */
    uint32_t frame; /* from 0 */
    lethe_frame_geometry geometry;
} lethe_series_frame;

typedef struct lethe_series {
    lethe_series_frame *frames; /* along the normal; where several share a position, stack after stack */
    size_t count;
    unsigned stacks; /* how many frames share a position: count / stacks frames make a volume */
    uint32_t columns, rows;
    bool in_space; /* every frame has a plane */
    char frame_of_reference[65];
    /* raw attribute values of the first image */
    char patient_name[65], patient_id[65], patient_birth_date[17], patient_sex[17];
    char study_uid[65], study_date[17], study_time[17], study_id[17], accession[17], referring[65], charset[65], laterality[17], body_part[17],
        modality[17];
} lethe_series;

/* Errors: LETHE_NOT_FOUND when the series has no DICOM image, LETHE_UNSUPPORTED when its images differ in size, what the parser says. */
LETHE_NODISCARD lethe_status lethe_series_load(const lethe_image_index *index, const char *released_path, const char *series_uid, lethe_series **out,
                                               lethe_error *error);
void lethe_series_destroy(lethe_series *series);
/* Position among frames of (image, frame); SIZE_MAX when it is not there. */
size_t lethe_series_find(const lethe_series *series, size_t image, uint32_t frame);
/* Distance between neighbours along the normal in mm; 0 when there is no regular one. */
double lethe_series_step_mm(const lethe_series *series);
/* Decode each frame in order and hand it over as modality values (columns * rows floats). */
typedef lethe_status (*lethe_series_pixels_fn)(void *context, size_t position, const float *values, lethe_error *error);
LETHE_NODISCARD lethe_status lethe_series_decode(const lethe_series *series, const lethe_image_index *index, const char *released_path,
                                                 lethe_series_pixels_fn visit, void *context, lethe_error *error);

/* Call `visit` for each DICOM series that has regions in the export, in catalogue order; `parts` (count of them) are those of the series, by frame
 * order of the index. */
typedef lethe_status (*lethe_series_fn)(lethe_dataset *dataset, const lethe_series *series, const char *series_uid, const lethe_part *const *parts,
                                        size_t count, lethe_error *error);
LETHE_NODISCARD lethe_status lethe_dataset_each_series(lethe_dataset *dataset, lethe_series_fn visit, lethe_error *error);

/* "2.25." and 128 bits of SHA-256 of these words, so that the same export gives the same UID. NULL-terminated list. */
LETHE_NODISCARD lethe_status lethe_derived_uid(const char *const *words, char out[65], lethe_error *error);

#endif
