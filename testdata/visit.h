/* What all instances of one examination share: the person, dates, UIDs and the attributes of the common modules, with identifiers planted in them. */
#ifndef LETHE_TESTDATA_VISIT_H
#define LETHE_TESTDATA_VISIT_H

#include "testdata/draft.h"
#include "testdata/kinds.h"
#include "testdata/random.h"

typedef enum lethe_vendor { VENDOR_SIEMENS, VENDOR_GE, VENDOR_PHILIPS } lethe_vendor;

typedef struct lethe_visit {
    const lethe_testdata_options *options;
    const char *folder;
    lethe_answer_key *key;
    lethe_error *error;
    lethe_person person;
    unsigned patient_index, study_index;
    lethe_vendor vendor;
    lethe_random random; /* of the pixels and of what is planted where */
    char study_uid[65], study_da[9], study_tm[14], accession[17], study_id[17], age[5];
    char birth_french[11]; /* 12/03/1961 */
    const char *title;     /* M. or Mme */
    const char *protocol;  /* "IRM PROSTATE": set by the kind */
    unsigned instances;    /* written so far */
} lethe_visit;

typedef struct lethe_series {
    lethe_visit *visit;
    const char *modality, *sop_class, *description, *body_part; /* borrowed */
    unsigned number;
    char uid[65], frame_uid[65];
    unsigned instances;
} lethe_series;

/* Examination `study_index` of person `patient_index`. */
void lethe_visit_begin(lethe_visit *visit, const lethe_testdata_options *options, const char *folder, lethe_answer_key *key, unsigned patient_index,
                       unsigned study_index, lethe_error *error);
void lethe_series_begin(lethe_visit *visit, lethe_series *series, unsigned number, const char *modality, const char *sop_class,
                        const char *description, const char *body_part);

/* The UID of something of this examination, named by a number that only it has (0 the study, 1 to 999 series, 100000 and more instances). */
void lethe_related_uid(const lethe_visit *visit, unsigned what, char uid[65]);
/* UID of instance `number` (from 1) of a series. */
void lethe_instance_uid(const lethe_series *series, unsigned number, char uid[65]);
/* A draft with patient, study, series, equipment and SOP common modules filled and answered; its subject is set in the key. NULL when memory is
 * short. `image` adds the general image module. */
LETHE_NODISCARD lethe_draft *lethe_instance_begin(lethe_series *series, unsigned number, bool image);
/* Plant the instance's last identifiers, write it in a form that depends on its number, destroy the draft. `form` NULL = by number. */
LETHE_NODISCARD lethe_status lethe_instance_end(lethe_series *series, lethe_draft *draft, const lethe_draft_form *form);

/* `base` with something identifying after it, chosen by `variant`; answers for both parts. At most 64 characters (LO) or 16 (SH). */
void lethe_plant_text(lethe_draft_item *item, const lethe_visit *visit, uint32_t tag, const char *vr, const char *base, unsigned variant);
/* A code sequence item (PS3.3 8.8). */
lethe_draft_item *lethe_put_code(lethe_draft_item *item, uint32_t sequence, const char *value, const char *scheme, const char *meaning);
/* A reference: SOP class and instance UID in an item of `sequence`. */
lethe_draft_item *lethe_put_reference(lethe_draft_item *item, uint32_t sequence, const char *sop_class, const char *uid);

typedef struct lethe_pixel_format {
    unsigned rows, columns, samples, bits_allocated, bits_stored, frames; /* frames 0: not a multi-frame object */
    bool is_signed;
    const char *photometric;
} lethe_pixel_format;
void lethe_put_pixel_format(lethe_draft *draft, const lethe_pixel_format *format);

/* Draw `text` into 8-bit pixels and answer that it must not stay readable. `samples` 1 or 3; all `frames` frames alike. Returns the box. */
LETHE_NODISCARD lethe_status lethe_burn_text(lethe_visit *visit, uint8_t *pixels, const lethe_pixel_format *format, const char *text, unsigned x_px,
                                             unsigned y_px, unsigned scale, uint8_t value);

#endif
