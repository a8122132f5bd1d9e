/* One instance's knowledge of its patient, and what is done with it to texts and dates: identifiers.h, text.h and dates.h behind one object.
 * Layer: deid. Thread rule: one thread at a time per object. */
#ifndef LETHE_DEID_SCRUB_H
#define LETHE_DEID_SCRUB_H

#include "core/buffer.h"
#include "deid/profile.h"
#include "deid/text/identifiers.h"
#include "imaging/dicom/dataset.h"

typedef struct lethe_scrub lethe_scrub;

LETHE_NODISCARD lethe_status lethe_scrub_create(const lethe_profile *profile, lethe_scrub **out, lethe_error *error);
void lethe_scrub_destroy(lethe_scrub *scrub);
/* Forget the last instance and gather the known identifiers of this one, at every depth. `source_name` (may be NULL) is the name it came under. */
LETHE_NODISCARD lethe_status lethe_scrub_learn(lethe_scrub *scrub, const lethe_dicom_dataset *dataset, const char *source_name, int32_t shift_days,
                                               lethe_error *error);
/* Values that other objects of the patient or study told (known.h); forgotten by the next lethe_scrub_learn. */
LETHE_NODISCARD lethe_status lethe_scrub_know(lethe_scrub *scrub, const void *values, size_t size, lethe_error *error);
/* A removed value that strict cleaning takes out wherever it stands again; forgotten by the next lethe_scrub_learn. */
LETHE_NODISCARD lethe_status lethe_scrub_add_literal(lethe_scrub *scrub, const void *bytes, size_t size, lethe_error *error);
const lethe_identifiers *lethe_scrub_identifiers(const lethe_scrub *scrub);

typedef enum lethe_clean_mode {
    LETHE_CLEAN_IDENTIFIERS, /* known identifiers and patterns only */
    LETHE_CLEAN_FULL,        /* as the profile's text policy says */
    LETHE_CLEAN_PRODUCT,     /* what names a device or a program: revisions and web addresses stay, too */
    LETHE_CLEAN_STRICT       /* words that no vocabulary knows go too, whatever the profile says */
} lethe_clean_mode;
/* Append the cleaned text; *changed tells whether anything went. */
LETHE_NODISCARD lethe_status lethe_scrub_text(lethe_scrub *scrub, const char *utf8, size_t size, lethe_clean_mode mode, lethe_buffer *out,
                                              bool *changed, lethe_error *error);
/* True when the text holds a known identifier. `person_only`: only names and numbers of people count (not institutions, devices ...). */
bool lethe_scrub_hits(const lethe_scrub *scrub, const char *utf8, size_t size, bool person_only);
/* True when bytes that are no text (an ICC profile, a table) hold a known name or number of five letters or more, whatever stands beside it. */
bool lethe_scrub_hits_bytes(const lethe_scrub *scrub, const uint8_t *bytes, size_t size);
/* Shift a value of VR DA, DT or TM (several values and ranges too). *valid is false, and nothing appended, when it is none. */
LETHE_NODISCARD lethe_status lethe_scrub_shift(lethe_scrub *scrub, lethe_vr vr, const char *text, size_t size, lethe_buffer *out, bool *valid,
                                               lethe_error *error);
#endif
