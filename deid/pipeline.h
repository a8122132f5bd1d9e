/* One input -> one outcome: parse, decide, edit, write, audit, make visible. Everything of a run that does not change is prepared once in an engine.
 *
 * Fail closed: whatever goes wrong on the way leaves no output and an outcome with a reason. Layer: deid. Thread rule: one thread at a time per
 * engine; create one per worker, after fork. */
#ifndef LETHE_DEID_PIPELINE_H
#define LETHE_DEID_PIPELINE_H

#include "core/catalogue.h"
#include "core/file.h"
#include "deid/attributes.h"
#include "deid/pixels/burned_in.h"
#include "deid/profile.h"

typedef enum lethe_outcome { LETHE_OUTCOME_QUARANTINED = 0, LETHE_OUTCOME_RELEASED, LETHE_OUTCOME_REVIEW, LETHE_OUTCOME_DROPPED } lethe_outcome;
const char *lethe_outcome_name(lethe_outcome outcome);

/* Pseudonyms that stand in a list (objections, pre-assigned); see objections.h and crosswalk.h. */
typedef struct lethe_objections lethe_objections;
typedef struct lethe_crosswalk lethe_crosswalk;

typedef struct lethe_engine_options {
    const lethe_profile *profile;                    /* borrowed */
    const uint8_t *key;                              /* LETHE_KEY_BYTES, copied */
    const char *output_folder;                       /* where released files go; NULL: nothing is written (dry run) */
    const char *scratch_folder;                      /* private; for large redacted pixel data; NULL = in memory */
    const lethe_objections *objections;              /* borrowed, may be NULL */
    const lethe_crosswalk *crosswalk;                /* pre-assigned pseudonyms; borrowed, may be NULL */
    const struct lethe_slide_mapping *slide_mapping; /* borrowed, may be NULL */
    const struct lethe_slide_masks *slide_masks;     /* regions that reviewers drew on slides; borrowed, may be NULL */
    const struct lethe_pixel_rules *pixel_rules;     /* the project's own; borrowed, may be NULL */
    const struct lethe_recipients *recipients;       /* encrypted.h: what is removed travels along, for them only; borrowed, may be NULL */
    lethe_sync sync;
    bool explain;     /* keep the script of the last instance for lethe_engine_explain */
    bool skip_sha256; /* nobody asks for the digests: results may come without */
    void (*slide_progress)(void *context, uint64_t done_bytes, uint64_t total_bytes); /* while a slide is copied and proven; may be NULL */
    void *slide_progress_context;
    bool want_catalogue; /* fill the catalogue fields of results */
    bool want_tally;     /* count what happens to each attribute: lethe_engine_take_tally */
    bool want_texts;     /* and keep texts before and after cleaning (tally.h) */
    bool force_release;  /* a person has approved: review becomes release, quarantine stays */
    bool replace;        /* an output that stands there already is made again: other bytes take its place */
} lethe_engine_options;

typedef struct lethe_engine lethe_engine;
LETHE_NODISCARD lethe_status lethe_engine_create(const lethe_engine_options *options, lethe_engine **out, lethe_error *error);
void lethe_engine_destroy(lethe_engine *engine);

enum { LETHE_RESULT_BOXES = 64, LETHE_RESULT_ID_BYTES = 129, LETHE_RESULT_ISSUER_BYTES = 65 };

typedef struct lethe_result {
    lethe_outcome outcome;
    bool is_slide;
    char reason[256];                            /* empty when released; no attribute values */
    char output[512];                            /* below the output folder; "" unless released */
    char sha256[65];                             /* of the output; see skip_sha256 */
    char content[65];                            /* of inputs that were tried (lethe_engine_probe_next): content.h */
    char keyed[LETHE_PATIENT_PSEUDONYM_SIZE];    /* the pseudonym by key, where `patient` may be a pre-assigned one; "" when not known */
    char unissued[LETHE_PATIENT_PSEUDONYM_SIZE]; /* the pseudonym of the same ID without its issuer; "" when there is none */
    char patient[80];                            /* pseudonym; "" when it never came so far */
    uint32_t removed, emptied, replaced, uids, cleaned, shifted, kept_private, dropped_private; /* elements */
    /* For the catalogue and the report: values as they stand in the output. */
    char study_uid[65], series_uid[65], instance_uid[65], sop_class[65], modality[17], series_description[129], study_description[129], body_part[33],
        study_date[17], manufacturer[65], model[65], sex[17], age[9], laterality[17], view_position[17], institution[65];
    int64_t series_number, instance_number, rows, columns, frames;
    /* Private: for people.h, in memory only. Digests of the folded name, and of name and birth date; 0 = not known. */
    char original_id[LETHE_RESULT_ID_BYTES], original_issuer[LETHE_RESULT_ISSUER_BYTES];
    uint64_t name_digest, person_digest;
    uint32_t slide_row; /* of the slide mapping, from 1; 0 = none fits */
    /* Notes for the report: bits below. */
    uint32_t notes;
    unsigned box_count;
    lethe_pixel_box boxes[LETHE_RESULT_BOXES]; /* the first of them; last member: results travel without the unused ones */
} lethe_result;

enum {
    LETHE_NOTE_UNKNOWN_CLASS = 1 << 0, /* SOP class that the Type tables do not know: strictest branches were taken */
    LETHE_NOTE_NO_PATIENT_ID = 1 << 1, /* Patient ID missing: the pseudonym comes from name and birth date, or from the study */
    LETHE_NOTE_REPLACED_SAME = 1 << 2  /* the output existed already with the same bytes */
};

/* Do one input. LETHE_OK when the outcome is known (a quarantine is no error); errors are those of the run itself: LETHE_IO of the output side (disk
 * full), LETHE_NO_MEMORY, LETHE_INTERNAL. `source_name` is what the manifest will call it. */
LETHE_NODISCARD lethe_status lethe_engine_process(lethe_engine *engine, const char *path, const char *source_name, lethe_result *result,
                                                  lethe_error *error);

/* What an input tells about its patient and study (known.h), appended to `out` as a lethe_learned and its values. An input that cannot be read tells
 * nothing: it is quarantined when its turn comes. */
struct lethe_learned;
LETHE_NODISCARD lethe_status lethe_engine_learn(lethe_engine *engine, const char *path, lethe_buffer *out, lethe_error *error);
/* What others told about the patient and study of the next input (known.h). Copied. */
LETHE_NODISCARD lethe_status lethe_engine_know(lethe_engine *engine, const void *values, size_t size, lethe_error *error);
/* The next input is only tried: the result has the digest of what would be released, and nothing is released. */
void lethe_engine_probe_next(lethe_engine *engine);
/* A new round of work begins: folders of outputs that were kept open are looked up again. */
void lethe_engine_start_task(lethe_engine *engine);

/* Append what was counted since the last call, as lethe_tally_take writes it; nothing without options.want_tally. */
LETHE_NODISCARD lethe_status lethe_engine_take_tally(lethe_engine *engine, lethe_buffer *out, lethe_error *error);

/* Print the edits of the last instance (options.explain): tag path, action, rule, before -> after. For the person at the terminal who holds the
 * input. */
LETHE_NODISCARD lethe_status lethe_engine_explain(lethe_engine *engine, lethe_buffer *out, lethe_error *error);

/* The pseudonym of a patient as the pipeline would give it, and the digest under which an objection stands. `issuer` may be "". */
LETHE_NODISCARD lethe_status lethe_engine_patient(lethe_engine *engine, const char *issuer, const char *patient_id, char out[80], lethe_error *error);

/* Take a result that a worker sent (boxes that are not used are not sent). A worker may have been taken over by what it read: false for bytes that no
 * engine makes, in particular strings without their end, more boxes than there can be, and outputs outside of the output folder. */
LETHE_NODISCARD bool lethe_result_take(const void *bytes, size_t size, lethe_result *result);
/* True when the patient of a result stands on the list, under whichever pseudonym. NULL list: false. */
bool lethe_result_is_objected(const lethe_result *result, const lethe_objections *objections);

/* What the catalogue says of a released instance or slide. Strings are borrowed from the result. */
lethe_catalogue_entry lethe_result_entry(const lethe_result *result);

#endif
