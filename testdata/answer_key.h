/* What must go and what must stay: one JSON line per check, with the verbs that MIDI-B uses.
 *
 *     {"file":"dicom/...","patient_id":"...","study":"...","series":"...","instance":"...","modality":"MR",
 *      "path":"<(0008,1110)>[<0000>]<(0008,1155)>","action":"uid_changed","value":"what stands in the file","text":"what the verb looks at"}
 *
 * A path is `<(gggg,eeee)>`, for private elements `<(gggg,"CREATOR",ee)>`, items `[<0000>]`. Pixel checks carry "frame", "box":[x,y,w,h] and "mask",
 * the drawn glyphs as base64 of rows of bits, most significant first, each row padded to a byte. Checks of file names and slides use the path "file".
 */
#ifndef LETHE_TESTDATA_ANSWER_KEY_H
#define LETHE_TESTDATA_ANSWER_KEY_H

#include "core/error.h"

#include <stddef.h>
#include <stdint.h>

typedef struct lethe_answer_key lethe_answer_key;

typedef enum lethe_answer_action {
    LETHE_ANSWER_TAG_RETAINED,
    LETHE_ANSWER_TEXT_NOTNULL,
    LETHE_ANSWER_TEXT_RETAINED,
    LETHE_ANSWER_TEXT_REMOVED,
    LETHE_ANSWER_DATE_SHIFTED,
    LETHE_ANSWER_UID_CHANGED,
    LETHE_ANSWER_UID_CONSISTENT,
    LETHE_ANSWER_PATID_CONSISTENT,
    LETHE_ANSWER_PIXELS_RETAINED, /* text = SHA-256 of the raw value of Pixel Data */
    LETHE_ANSWER_PIXELS_HIDDEN,
    LETHE_ANSWER_BYTES_ABSENT /* `text` stands nowhere in the output's bytes, in any of the usual encodings */
} lethe_answer_action;

/* The instance that the following answers are about; strings are copied. */
typedef struct lethe_answer_subject {
    const char *file; /* relative to the output folder */
    const char *patient_id, *study, *series, *instance, *modality;
    const char *issuer; /* of the patient ID; NULL or "" = none */
} lethe_answer_subject;

LETHE_NODISCARD lethe_status lethe_answer_key_create(const char *path, lethe_answer_key **out, lethe_error *error);
LETHE_NODISCARD lethe_status lethe_answer_key_commit(lethe_answer_key *key, lethe_error *error); /* frees in every case */
void lethe_answer_key_discard(lethe_answer_key *key);

LETHE_NODISCARD lethe_status lethe_answer_subject_set(lethe_answer_key *key, const lethe_answer_subject *subject, lethe_error *error);
/* `value` is what stands in the file (may be NULL), `text` what the verb looks for (NULL = the value). UTF-8 both. */
LETHE_NODISCARD lethe_status lethe_answer_add(lethe_answer_key *key, const char *path, lethe_answer_action action, const char *value,
                                              const char *text, lethe_error *error);

typedef struct lethe_answer_box {
    unsigned frame, x_px, y_px, width_px, height_px;
    const uint8_t *mask; /* width x height bytes, non-zero where a glyph was drawn; borrowed */
} lethe_answer_box;
LETHE_NODISCARD lethe_status lethe_answer_add_box(lethe_answer_key *key, const lethe_answer_box *box, const char *text, lethe_error *error);
/* One pixels_hidden check for all `frames` frames from box->frame on (a caption that stands still). */
LETHE_NODISCARD lethe_status lethe_answer_add_boxes(lethe_answer_key *key, const lethe_answer_box *box, unsigned frames, const char *text,
                                                    lethe_error *error);
uint64_t lethe_answer_key_count(const lethe_answer_key *key);

#endif
