/* Writing DICOM objects from scratch, element by element, explicit VR little endian; the first error sticks. Layer: annotate. One thread at a time.
 */
#ifndef LETHE_ANNOTATE_DICOM_WRITE_H
#define LETHE_ANNOTATE_DICOM_WRITE_H

#include "annotate/schema.h"
#include "annotate/series.h"
#include "core/buffer.h"
#include "imaging/dicom/edit.h"

typedef struct lethe_dicom_writer {
    lethe_buffer out;
    lethe_status status;
    lethe_error *error;
} lethe_dicom_writer;

/* Preamble and file meta. Elements must then come in ascending order within each item. */
void lethe_dw_begin(lethe_dicom_writer *w, const char *sop_class, const char *sop_instance, lethe_error *error);
void lethe_dw_text(lethe_dicom_writer *w, lethe_tag tag, lethe_vr vr, const char *text);
void lethe_dw_us(lethe_dicom_writer *w, lethe_tag tag, unsigned value);
void lethe_dw_ul(lethe_dicom_writer *w, lethe_tag tag, const uint32_t *values, size_t count);
void lethe_dw_fl(lethe_dicom_writer *w, lethe_tag tag, const float *values, size_t count);
/* Decimal strings of at most 16 characters, joined by backslashes. */
void lethe_dw_ds(lethe_dicom_writer *w, lethe_tag tag, const double *values, size_t count);
void lethe_dw_is(lethe_dicom_writer *w, lethe_tag tag, int64_t value);
void lethe_dw_bytes(lethe_dicom_writer *w, lethe_tag tag, lethe_vr vr, const void *bytes, size_t size);
void lethe_dw_sequence(lethe_dicom_writer *w, lethe_tag tag);
void lethe_dw_sequence_end(lethe_dicom_writer *w);
void lethe_dw_item(lethe_dicom_writer *w);
void lethe_dw_item_end(lethe_dicom_writer *w);
/* A sequence of one code item. */
void lethe_dw_code(lethe_dicom_writer *w, lethe_tag tag, const char *value, const char *scheme, const char *meaning);
/* The code of a label, or of our own scheme 99LETHE with its name. */
void lethe_dw_label_code(lethe_dicom_writer *w, lethe_tag tag, const lethe_category *category);
/* Group 0008: SOP common, dates, modality, of a study's object. `series_description` and content come later. */
void lethe_dw_general(lethe_dicom_writer *w, const lethe_series *of, const char *sop_class, const char *sop_instance, const char *image_type,
                      const char *modality, int64_t at_us, const char *description); /* image_type NULL: no picture */
/* (0010,xxxx) and (0012,0062..) of the series. */
void lethe_dw_patient(lethe_dicom_writer *w, const lethe_series *of);
/* (0020,000D)..(0020,0013): study, series, instance. */
void lethe_dw_identity(lethe_dicom_writer *w, const lethe_series *of, const char *series_uid, int64_t series_number);

#endif
