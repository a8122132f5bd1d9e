#include "deid/pipeline.h"

#include "core/limits.h"
#include "core/memory.h"
#include "core/text.h"
#include "deid/audit.h"
#include "deid/content.h"
#include "deid/crosswalk.h"
#include "deid/documents.h"
#include "deid/encrypted.h"
#include "deid/known.h"
#include "deid/objections.h"
#include "deid/pipeline_steps.h"
#include "deid/pixels/redact.h"
#include "deid/values.h"
#include "imaging/dicom/edit.h"
#include "imaging/slide/slide.h"

#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

const char *lethe_outcome_name(lethe_outcome outcome) {
    static const char *const names[] = {"quarantined", "released", "review", "dropped"};
    return (unsigned)outcome < 4 ? names[outcome] : "?";
}

/* --- the engine --- */

/* Small files are read whole. Of larger ones the kernel copies the pixel data, which costs less than any way through this process's memory. */
enum { READ_WHOLE_BYTES = 32 << 10 };

lethe_status lethe_engine_create(const lethe_engine_options *options, lethe_engine **out, lethe_error *error) {
    *out = NULL;
    lethe_engine *engine = lethe_alloc_array(1, sizeof *engine);
    if (engine == NULL) return lethe_fail(error, LETHE_NO_MEMORY, "no memory for an engine");
    engine->options = *options;
    engine->options.key = NULL;
    engine->map.fd = -1;
    lethe_buffer_init(&engine->sealed, LETHE_LIMIT_ARENA_BYTES);
    lethe_buffer_init(&engine->others, 64u << 20);
    lethe_buffer_init(&engine->input, READ_WHOLE_BYTES);
    engine->arena = lethe_arena_create(LETHE_LIMIT_ARENA_BYTES);
    lethe_status status = engine->arena == NULL ? lethe_fail(error, LETHE_NO_MEMORY, "no memory for an engine") : LETHE_OK;
    if (status == LETHE_OK) status = lethe_pseudonymizer_create(options->key, &engine->pseudonymizer, error);
    if (status == LETHE_OK) status = lethe_scrub_create(options->profile, &engine->scrub, error);
    if (status == LETHE_OK) status = lethe_audit_create(&engine->audit, error);
    if (status == LETHE_OK) status = lethe_outlet_create(&engine->outlet, error);
    if (status == LETHE_OK && options->want_tally)
        status = lethe_tally_create(lethe_profile_options(options->profile), options->want_texts, &engine->tally, error);
    if (status != LETHE_OK) lethe_engine_destroy(engine);
    else *out = engine;
    return status;
}

/* What the last instance left for lethe_engine_explain. */
static void forget_instance(lethe_engine *engine) {
    lethe_redaction_destroy(engine->redaction);
    engine->redaction = NULL;
    lethe_pixel_decision_release(&engine->decision);
    engine->decision = (lethe_pixel_decision){0};
    lethe_dicom_dataset_release(engine->dataset);
    engine->dataset = NULL;
    engine->script = NULL;
    lethe_map_close(&engine->map);
    lethe_arena_reset(engine->arena);
}

void lethe_engine_destroy(lethe_engine *engine) {
    if (engine == NULL) return;
    if (engine->arena != NULL) forget_instance(engine);
    lethe_burned_in_destroy(engine->burned_in);
    lethe_buffer_release(&engine->sealed);
    if (engine->others.bytes != NULL) lethe_wipe(engine->others.bytes, engine->others.size);
    lethe_buffer_release(&engine->others);
    if (engine->input.bytes != NULL) lethe_wipe(engine->input.bytes, engine->input.capacity);
    lethe_buffer_release(&engine->input);
    lethe_outlet_destroy(engine->outlet);
    lethe_audit_destroy(engine->audit);
    lethe_tally_destroy(engine->tally);
    lethe_scrub_destroy(engine->scrub);
    lethe_pseudonymizer_destroy(engine->pseudonymizer);
    lethe_arena_destroy(engine->arena);
    lethe_free(engine);
}

/* --- who it is --- */

static lethe_status patient_pseudonym(lethe_engine *engine, const char *issuer, const char *id, char out[80], int32_t *shift_days,
                                      lethe_error *error) {
    char keyed[LETHE_PATIENT_PSEUDONYM_SIZE];
    lethe_status status = lethe_pseudonym_patient(engine->pseudonymizer, issuer, id, keyed, error);
    if (status == LETHE_OK) status = lethe_pseudonym_date_shift(engine->pseudonymizer, issuer, id, shift_days, error);
    if (status != LETHE_OK) return status;
    const char *assigned = engine->options.crosswalk == NULL ? NULL : lethe_crosswalk_find(engine->options.crosswalk, issuer, id);
    (void)snprintf(out, 80, "%s", assigned != NULL ? assigned : keyed);
    return LETHE_OK;
}

lethe_status lethe_engine_patient(lethe_engine *engine, const char *issuer, const char *patient_id, char out[80], lethe_error *error) {
    int32_t shift;
    return patient_pseudonym(engine, issuer, patient_id, out, &shift, error);
}

static uint64_t digest_of(uint64_t hash, const char *text, size_t size) {
    for (size_t i = 0; i < size; i++) hash = (hash ^ (uint8_t)text[i]) * 1099511628211ull;
    return hash;
}

/* Folded, so that spellings that differ in case, accents or punctuation count as one. */
static void note_person(lethe_engine *engine, lethe_result *r) {
    const lethe_dicom_element *name = lethe_dicom_find(engine->dataset->root, LETHE_TAG(0x0010, 0x0010));
    if (name == NULL || name->form != LETHE_DICOM_LEAF || name->value_bytes == 0 || name->value_bytes > 512) return;
    lethe_buffer copy;
    lethe_buffer_init(&copy, 1u << 16);
    const char *utf8;
    size_t size;
    char folded[1024], birth[16] = "";
    if (lethe_value_utf8(name, LETHE_VR_PN, &copy, &utf8, &size, NULL) == LETHE_OK) {
        size_t length = lethe_text_fold(utf8, size, folded, sizeof folded), kept = 0;
        for (size_t i = 0; i < length && i < sizeof folded; i++)
            if (folded[i] != '^' && folded[i] != ' ' && folded[i] != '-' && folded[i] != ',') folded[kept++] = folded[i];
        if (kept != 0) r->name_digest = digest_of(1469598103934665603ull, folded, kept) | 1;
    }
    lethe_buffer_release(&copy);
    if (r->name_digest != 0 && lethe_dicom_text(engine->dataset->root, LETHE_TAG(0x0010, 0x0030), 0, birth, sizeof birth))
        r->person_digest = digest_of(r->name_digest, birth, strlen(birth)) | 1;
}

static lethe_status identify(lethe_engine *engine, instance *in, lethe_error *error) {
    const lethe_dicom_item *root = engine->dataset->root;
    char issuer[256] = "", name[256] = "", birth[64] = "", joined[700];
    (void)lethe_dicom_text(root, LETHE_TAG(0x0010, 0x0020), 0, in->patient_original, sizeof in->patient_original);
    (void)lethe_dicom_text(root, LETHE_TAG(0x0010, 0x0021), 0, issuer, sizeof issuer);
    const char *id = in->patient_original;
    (void)snprintf(in->result->original_id, sizeof in->result->original_id, "%.128s", id);
    (void)snprintf(in->result->original_issuer, sizeof in->result->original_issuer, "%.64s", issuer);
    note_person(engine, in->result);
    if (id[0] == '\0') {
        in->result->notes |= LETHE_NOTE_NO_PATIENT_ID;
        (void)lethe_dicom_text(root, LETHE_TAG(0x0010, 0x0010), 0, name, sizeof name);
        (void)lethe_dicom_text(root, LETHE_TAG(0x0010, 0x0030), 0, birth, sizeof birth);
        char study[65] = "";
        (void)lethe_dicom_text(root, LETHE_TAG(0x0020, 0x000D), 0, study, sizeof study);
        if (name[0] != '\0' && birth[0] != '\0') (void)snprintf(joined, sizeof joined, "name %s birth %s", name, birth);
        else (void)snprintf(joined, sizeof joined, "study %s", study);
        (void)snprintf(issuer, sizeof issuer, "%s",
                       "\x1F"
                       "no patient ID");
        id = joined;
    }
    lethe_status status = patient_pseudonym(engine, issuer, id, in->result->patient, &in->shift_days, error);
    if (status == LETHE_OK) status = lethe_pseudonym_patient(engine->pseudonymizer, issuer, id, in->result->keyed, error);
    /* An objection that names no issuer is of whoever has this ID, whoever issued it. */
    if (status == LETHE_OK && issuer[0] != '\0' && id == in->patient_original)
        status = lethe_pseudonym_patient(engine->pseudonymizer, "", id, in->result->unissued, error);
    if (status == LETHE_OK && lethe_result_is_objected(in->result, engine->options.objections)) {
        in->dropped = true;
        return lethe_fail(error, LETHE_DENIED, "the patient objects to the use of the data");
    }
    return status;
}

/* --- where it goes --- */

static bool is_plain_uid(const char *uid) {
    size_t length = strlen(uid);
    if (length == 0 || length > 64 || uid[0] == '.' || strstr(uid, "..") != NULL) return false;
    return strspn(uid, "0123456789.") == length;
}

static lethe_status output_uid(lethe_engine *engine, lethe_tag tag, char out[LETHE_UID_SIZE], lethe_error *error) {
    char uid[129] = "";
    (void)lethe_dicom_text(engine->dataset->root, tag, 0, uid, sizeof uid);
    out[0] = '\0';
    if (uid[0] == '\0') return LETHE_OK;
    bool keep = (lethe_profile_options(engine->options.profile) & LETHE_OPTION_UIDS) != 0 || lethe_uid_is_registered(uid, strlen(uid));
    if (keep && is_plain_uid(uid)) {
        (void)snprintf(out, LETHE_UID_SIZE, "%s", uid);
        return LETHE_OK;
    }
    return lethe_pseudonym_uid(engine->pseudonymizer, uid, strlen(uid), out, error);
}

static lethe_status place(lethe_engine *engine, instance *in, lethe_error *error) {
    lethe_result *r = in->result;
    lethe_status status = output_uid(engine, LETHE_TAG(0x0020, 0x000D), r->study_uid, error);
    if (status == LETHE_OK) status = output_uid(engine, LETHE_TAG(0x0020, 0x000E), r->series_uid, error);
    if (status == LETHE_OK) status = output_uid(engine, LETHE_TAG(0x0008, 0x0018), r->instance_uid, error);
    if (status != LETHE_OK) return status;
    if (r->instance_uid[0] == '\0') return lethe_fail(error, LETHE_MALFORMED, "(0008,0018) SOP Instance UID is missing");
    (void)snprintf(in->relative, sizeof in->relative, "%s/%s/%s/%s.dcm", r->patient, r->study_uid[0] != '\0' ? r->study_uid : "no-study",
                   r->series_uid[0] != '\0' ? r->series_uid : "no-series", r->instance_uid);
    return LETHE_OK;
}

/* --- the audit's questions --- */

/* A postcode stands by chance in numbers ("1.20000"): texts are cleaned of it, and the address as a whole is searched for. */
static bool is_postcode(const lethe_identifier *identifier) {
    size_t length = strlen(identifier->folded);
    return identifier->kind == LETHE_ID_ADDRESS && length <= 6 && strspn(identifier->folded, "0123456789") == length;
}

static lethe_status fill_audit(lethe_engine *engine, const lethe_attribute_record *record, lethe_error *error) {
    static const lethe_audit_kind kinds[] = {[LETHE_REMOVED_TEXT] = LETHE_AUDIT_TEXT,
                                             [LETHE_REMOVED_NAME] = LETHE_AUDIT_NAME,
                                             [LETHE_REMOVED_DATE] = LETHE_AUDIT_DATE,
                                             [LETHE_REMOVED_UID] = LETHE_AUDIT_UID};
    lethe_audit *audit = engine->audit;
    lethe_audit_reset(audit);
    lethe_status status = LETHE_OK;
    for (size_t i = 0; i < record->written_count && status == LETHE_OK; i++)
        status = lethe_audit_allow(audit, record->written[i].bytes, record->written[i].size, error);
    for (size_t i = 0; i < record->removed_count && status == LETHE_OK; i++) {
        const lethe_removed_value *value = &record->removed[i];
        if (value->kind == LETHE_REMOVED_UID && lethe_uid_is_registered((const char *)value->bytes, strnlen((const char *)value->bytes, value->size)))
            continue;
        status = lethe_audit_add(audit, kinds[value->kind], value->bytes, value->size, error);
    }
    const lethe_identifiers *known = lethe_scrub_identifiers(engine->scrub);
    for (size_t i = 0; i < lethe_identifiers_count(known) && status == LETHE_OK; i++) {
        const lethe_identifier *identifier = lethe_identifiers_at(known, i);
        if (identifier->common || identifier->kind == LETHE_ID_UID || is_postcode(identifier)) continue;
        lethe_audit_kind kind = identifier->kind == LETHE_ID_DATE ? LETHE_AUDIT_DATE : LETHE_AUDIT_WORD;
        status = lethe_audit_add(audit, kind, identifier->text, strlen(identifier->text), error);
    }
    return status;
}

/* --- writing --- */

static lethe_status check_pixels(lethe_engine *engine, const uint8_t *bytes, size_t size, int fd, lethe_error *error) {
    const lethe_pixel_decision *decision = &engine->decision;
    bool touched = decision->box_count != 0 || decision->clear_unused_bits || decision->strip_streams;
    if (!touched || engine->burned_in == NULL) return LETHE_OK;
    lethe_arena *arena = lethe_arena_create(LETHE_LIMIT_ARENA_BYTES);
    lethe_dicom_dataset *after = NULL;
    lethe_status status = arena == NULL ? lethe_fail(error, LETHE_NO_MEMORY, "no memory to check the output") : LETHE_OK;
    if (status == LETHE_OK) status = lethe_dicom_dataset_parse(bytes, size, arena, &after, error);
    lethe_burned_in_files(engine->burned_in, engine->map.fd, fd);
    if (status == LETHE_OK)
        status = lethe_burned_in_verify(engine->burned_in, engine->dataset, after, lethe_scrub_identifiers(engine->scrub), &engine->decision, error);
    lethe_burned_in_files(engine->burned_in, -1, -1);
    lethe_dicom_dataset_release(after);
    lethe_arena_destroy(arena);
    return status;
}

/* The output as written but not yet visible: audited, hashed, described. */
static lethe_status examine(lethe_engine *engine, instance *in, lethe_output *output, lethe_error *error) {
    size_t size = (size_t)lethe_output_size(output);
    /* Of large outputs only the headers are read again. Small ones are read into the arena: cheaper than a mapping. */
    bool small = size <= (32u << 10);
    uint8_t *bytes = small ? lethe_arena_alloc(engine->arena, size) : mmap(NULL, size, PROT_READ, MAP_SHARED, lethe_output_fd(output), 0);
    if (bytes == MAP_FAILED || bytes == NULL || (small && pread(lethe_output_fd(output), bytes, size, 0) != (ssize_t)size)) {
        in->fatal = true;
        if (!small && bytes != MAP_FAILED) (void)munmap(bytes, size);
        return lethe_fail(error, LETHE_IO, "cannot read the output for its audit");
    }
    lethe_status status = lethe_audit_dicom(engine->audit, bytes, size, error);
    in->audited = status != LETHE_OK;
    if (status == LETHE_OK) status = check_pixels(engine, bytes, size, lethe_output_fd(output), error);
    if (status == LETHE_OK && (in->digest || !engine->options.skip_sha256)) status = lethe_output_sha256(output, in->result->sha256, error);
    if (status == LETHE_OK && (engine->probe || in->compare)) status = lethe_content_digest(bytes, size, in->result->content, error);
    if (status == LETHE_OK && engine->options.want_catalogue) status = lethe_result_describe(in->result, bytes, size, error);
    if (!small) (void)munmap(bytes, size);
    return status;
}

/* The same bytes again are the same instance; the same content in other bytes is so, too, and the first stays; other content is a conflict that a
 * person must see. LETHE_EXISTS: what was to be written was not looked at for its content. */
static lethe_status meet_existing(instance *in, const char *path, lethe_error *error) {
    char digest[65];
    lethe_status status = lethe_sha256_file(path, digest, error);
    if (status != LETHE_OK) return status;
    bool same = strcmp(digest, in->result->sha256) == 0;
    if (!same && !in->compare) return LETHE_EXISTS;
    if (!same && lethe_content_digest_file(path, digest, NULL) == LETHE_OK && strcmp(digest, in->result->content) == 0) {
        in->dropped = true;
        return lethe_fail(error, LETHE_DENIED, "the same instance, encoded otherwise, is released already");
    }
    if (!same) return lethe_fail(error, LETHE_UNSAFE, "another instance with the same SOP Instance UID and other content is released already");
    in->result->notes |= LETHE_NOTE_REPLACED_SAME;
    return LETHE_OK;
}

/* LETHE_EXISTS: something stands there already, and what was to be written has no digest to compare. */
static lethe_status write_once(lethe_engine *engine, instance *in, lethe_error *error) {
    char *path = lethe_path_join(engine->options.output_folder, in->relative);
    lethe_output *output = NULL;
    lethe_status status =
        path == NULL ? lethe_fail(error, LETHE_NO_MEMORY, "no memory for a path") : lethe_output_create_in(engine->outlet, path, &output, error);
    in->digest = in->digest || engine->probe;
    if (status == LETHE_OK && (in->digest || !engine->options.skip_sha256)) status = lethe_output_want_sha256(output, error);
    if (status != LETHE_OK && status != LETHE_EXISTS) in->fatal = true;
    if (status == LETHE_OK) {
        /* What is in memory already is written from there. */
        status = lethe_edit_write(engine->script, engine->map.lent ? -1 : engine->map.fd, output, error);
        if (status == LETHE_OK) status = lethe_output_flush(output, error);
        if (status == LETHE_IO) in->fatal = true;
    }
    if (status == LETHE_OK) status = examine(engine, in, output, error);
    if (status == LETHE_OK && in->needs_review && !engine->options.force_release) status = lethe_fail(error, LETHE_REVIEW, "%s", in->review_reason);
    if (status != LETHE_OK || engine->probe) {
        lethe_output_discard(output);
    } else {
        lethe_error detail = {0};
        status = engine->options.replace ? lethe_output_commit(output, 0644, engine->options.sync, &detail)
                                         : lethe_output_commit_new(output, 0644, engine->options.sync, &detail);
        if (status == LETHE_EXISTS && in->result->sha256[0] != '\0') {
            status = meet_existing(in, path, error);
        } else if (status != LETHE_OK && status != LETHE_EXISTS) {
            in->fatal = true;
            status = lethe_fail(error, status, "%s", detail.message);
        }
    }
    lethe_free(path);
    return status;
}

static lethe_status write_output(lethe_engine *engine, instance *in, lethe_error *error) {
    lethe_status status = write_once(engine, in, error);
    if (status != LETHE_EXISTS || in->compare) return status;
    in->digest = in->compare = true;
    return write_once(engine, in, error);
}

/* --- one instance --- */

static void count_edits(lethe_result *r, const lethe_attribute_record *record) {
    r->removed = record->counts[LETHE_ACTION_REMOVE];
    r->emptied = record->counts[LETHE_ACTION_EMPTY];
    r->replaced = record->counts[LETHE_ACTION_DUMMY] + record->counts[LETHE_ACTION_TOKEN] + record->counts[LETHE_ACTION_REPLACE] +
                  record->counts[LETHE_ACTION_AGE];
    r->uids = record->counts[LETHE_ACTION_UID];
    r->cleaned = record->counts[LETHE_ACTION_CLEAN];
    r->shifted = record->counts[LETHE_ACTION_SHIFT];
    r->kept_private = record->counts[LETHE_ACTION_KEEP];
    r->dropped_private = record->private_dropped;
}

static lethe_status decide_pixels(lethe_engine *engine, instance *in, lethe_error *error) {
    lethe_status status = LETHE_OK;
    if (engine->burned_in == NULL) {
        lethe_pixel_policy policy = *lethe_profile_pixels(engine->options.profile);
        if (engine->options.pixel_rules != NULL) policy.rules = engine->options.pixel_rules;
        status = lethe_burned_in_create(&policy, &engine->burned_in, error);
    }
    if (status != LETHE_OK) return status;
    lethe_burned_in_files(engine->burned_in, engine->map.fd, -1);
    status = lethe_burned_in_decide(engine->burned_in, engine->dataset, lethe_scrub_identifiers(engine->scrub), &engine->decision, error);
    lethe_burned_in_files(engine->burned_in, -1, -1);
    if (status != LETHE_OK) return status;
    if (engine->decision.verdict == LETHE_PIXELS_QUARANTINE) return lethe_fail(error, LETHE_UNSAFE, "%s", engine->decision.reason);
    if (engine->decision.verdict == LETHE_PIXELS_REVIEW) {
        in->needs_review = true;
        (void)snprintf(in->review_reason, sizeof in->review_reason, "%s", engine->decision.reason);
    }
    return lethe_engine_wsi(engine, in->path, in, error);
}

static lethe_status redact(lethe_engine *engine, instance *in, lethe_error *error) {
    lethe_pixel_decision *decision = &engine->decision;
    if (!decision->searched && decision->box_count == 0 && !decision->clear_unused_bits && !decision->strip_streams) return LETHE_OK;
    lethe_redact_options options = {.scratch_folder = engine->options.scratch_folder};
    lethe_status status = lethe_redact_apply(engine->dataset, decision, engine->script, &options, &engine->redaction, error);
    for (size_t i = 0; status == LETHE_OK && i < decision->box_count && in->result->box_count < LETHE_RESULT_BOXES; i++)
        in->result->boxes[in->result->box_count++] = decision->boxes[i];
    return status;
}

/* A document that cannot be searched waits for a person; what is found in one is not for a person to release. */
static lethe_status search_document(lethe_engine *engine, instance *in, lethe_error *error) {
    lethe_error doubt = {0};
    lethe_status status = lethe_documents_search(engine->dataset, engine->audit, &doubt);
    if (status != LETHE_REVIEW) return status == LETHE_OK ? LETHE_OK : lethe_fail(error, status, "%s", doubt.message);
    in->needs_review = true;
    (void)snprintf(in->review_reason, sizeof in->review_reason, "%.*s", (int)sizeof in->review_reason - 1, doubt.message);
    return LETHE_OK;
}

static lethe_status edit_and_write(lethe_engine *engine, instance *in, lethe_error *error) {
    lethe_attribute_record record;
    in->audited = false;
    lethe_redaction_destroy(engine->redaction);
    engine->redaction = NULL;
    engine->script = lethe_edit_script_create(engine->dataset);
    if (engine->script == NULL) return lethe_fail(error, LETHE_NO_MEMORY, "no memory for an edit script");
    lethe_attribute_job job = {.profile = engine->options.profile,
                               .pseudonymizer = engine->pseudonymizer,
                               .dataset = engine->dataset,
                               .script = engine->script,
                               .patient = in->result->patient,
                               .patient_original = in->patient_original,
                               .scrub = engine->scrub,
                               .explain = engine->options.explain,
                               .pixels_cleaned = engine->decision.searched || engine->decision.box_count != 0,
                               .forced = in->forced,
                               .forced_count = in->forced_count};
    lethe_status status = lethe_attributes_edit(&job, &record, error);
    if (status == LETHE_OK) count_edits(in->result, &record);
    if (status == LETHE_OK && job.unsafe_graphics && !engine->decision.clear_unused_bits)
        status = lethe_fail(error, LETHE_UNSAFE, "(60xx,0102): overlay planes share the pixel cells");
    lethe_buffer_clear(&engine->sealed);
    if (status == LETHE_OK && engine->options.recipients != NULL) /* before pixels change: those cannot be brought back */
        status = lethe_encrypted_insert(engine->options.recipients, engine->pseudonymizer, engine->dataset, engine->script, &engine->sealed, error);
    if (status == LETHE_OK) status = redact(engine, in, error);
    if (status == LETHE_OK) status = lethe_redact_tail(engine->dataset, engine->script, error);
    for (size_t i = 0; status == LETHE_OK && in->forced_count == 0 && i < record.removed_count; i++)
        if (record.removed[i].kind == LETHE_REMOVED_TEXT)
            status = lethe_scrub_add_literal(engine->scrub, record.removed[i].bytes, record.removed[i].size, error);
    if (status == LETHE_OK) status = fill_audit(engine, &record, error);
    if (status == LETHE_OK) lethe_audit_exempt(engine->audit, engine->sealed.bytes, engine->sealed.size);
    if (status == LETHE_OK) status = search_document(engine, in, error);
    if (status != LETHE_OK || engine->options.output_folder == NULL) return status;
    return write_output(engine, in, error);
}

static lethe_status run_instance(lethe_engine *engine, instance *in, lethe_error *error) {
    lethe_status status = lethe_dicom_dataset_parse(engine->map.bytes, engine->map.size, engine->arena, &engine->dataset, error);
    if (status != LETHE_OK) return status;
    (void)lethe_dicom_text(engine->dataset->root, LETHE_TAG(0x0008, 0x0016), 0, in->result->sop_class, sizeof in->result->sop_class);
    (void)lethe_dicom_text(engine->dataset->root, LETHE_TAG(0x0008, 0x0060), 0, in->result->modality, sizeof in->result->modality);
    status = lethe_documents_check(engine->dataset, engine->options.profile, in, error);
    if (status == LETHE_OK) status = identify(engine, in, error);
    if (status == LETHE_OK) status = place(engine, in, error);
    if (status != LETHE_OK) return status;
    if (lethe_iod_class_find(in->result->sop_class) == NULL) in->result->notes |= LETHE_NOTE_UNKNOWN_CLASS;
    status = lethe_scrub_learn(engine->scrub, engine->dataset, in->source_name, in->shift_days, error);
    if (status == LETHE_OK) status = lethe_scrub_know(engine->scrub, engine->others.bytes, engine->others.size, error);
    if (status == LETHE_OK) status = decide_pixels(engine, in, error);
    if (status != LETHE_OK) return status;
    /* Redaction lets the boxes grow to whole blocks; a second attempt starts from what was asked for. */
    size_t box_count = engine->decision.box_count;
    lethe_pixel_box *asked = box_count == 0 ? NULL : lethe_arena_alloc_array(engine->arena, box_count, sizeof *asked);
    if (box_count != 0 && asked == NULL) return lethe_fail(error, LETHE_NO_MEMORY, "no memory for boxes");
    if (asked != NULL) memcpy(asked, engine->decision.boxes, box_count * sizeof *asked);
    for (;;) {
        lethe_error why = {0};
        if (asked != NULL) memcpy(engine->decision.boxes, asked, box_count * sizeof *asked);
        status = edit_and_write(engine, in, &why);
        lethe_tag tag = lethe_audit_found_tag(engine->audit);
        /* What the rules kept and the audit does not let pass goes too, as long as that is one element more each time. */
        bool again = status == LETHE_UNSAFE && in->audited && tag != 0 && lethe_tag_group(tag) != 0x0002 &&
                     in->forced_count < sizeof in->forced / sizeof in->forced[0];
        unsigned named = 0;
        for (unsigned i = 0; i < in->forced_count; i++) named += in->forced[i] == tag;
        again = again && named < 2;
        if (!again) return status == LETHE_OK ? status : lethe_fail(error, status, "%s", why.message);
        in->forced[in->forced_count++] = tag;
        in->result->box_count = 0;
    }
}

/* A reason names tags and offsets; any other number of four digits or more may have been read from the input ("19610312 frames"). */
static void hide_numbers(char *text) {
    bool offset = false;
    for (char *at = text; *at != '\0';) {
        size_t digits = strspn(at, "0123456789"), tag = strspn(at + (*at == '('), "0123456789abcdefABCDEF,");
        if (*at == '(' && tag == 9 && at[10] == ')') {
            at += 11;
            continue;
        }
        if (digits >= 4 && !offset) {
            memset(at, '#', digits);
        }
        if (digits == 0) offset = strncmp(at, "offset ", 7) == 0;
        at += offset ? 7 : digits == 0 ? 1 : digits;
        if (digits != 0) offset = false;
    }
}

static void quarantine(instance *in, const lethe_error *why) {
    in->result->outcome = in->dropped ? LETHE_OUTCOME_DROPPED : why->status == LETHE_REVIEW ? LETHE_OUTCOME_REVIEW : LETHE_OUTCOME_QUARANTINED;
    (void)snprintf(in->result->reason, sizeof in->result->reason, "%s", why->message[0] != '\0' ? why->message : lethe_status_name(why->status));
    hide_numbers(in->result->reason);
    in->result->output[0] = in->result->sha256[0] = '\0';
}

static lethe_status process(lethe_engine *engine, const char *path, const char *source_name, lethe_result *result, lethe_error *error) {
    *result = (lethe_result){.outcome = LETHE_OUTCOME_QUARANTINED};
    forget_instance(engine);
    instance in = {.result = result, .source_name = source_name, .path = path};
    lethe_error why = {0};
    lethe_status status = lethe_map_read(path, &engine->input, READ_WHOLE_BYTES, &engine->map, &why);
    if (status == LETHE_OK && !lethe_dicom_looks_like(engine->map.bytes, engine->map.size)) {
        lethe_map_close(&engine->map);
        if (lethe_slide_detect(path) != NULL) return lethe_engine_slide(engine, path, source_name, result, error);
        status = lethe_fail(&why, LETHE_UNSUPPORTED, "neither DICOM nor a slide of a known format");
    }
    if (status == LETHE_OK) status = run_instance(engine, &in, &why);
    if (status == LETHE_OK && engine->tally != NULL && !engine->probe) {
        status = lethe_tally_add(engine->tally, engine->dataset, engine->script, &why);
        if (status != LETHE_OK) in.fatal = true; /* of memory: the run ends, and tells */
    }
    if (status == LETHE_OK) {
        result->outcome = LETHE_OUTCOME_RELEASED;
        (void)snprintf(result->output, sizeof result->output, "%s", in.relative);
    } else if (in.fatal) {
        return lethe_fail(error, why.status == LETHE_OK ? status : why.status, "%s", why.message);
    } else {
        if (why.status == LETHE_OK) why.status = status;
        quarantine(&in, &why);
    }
    if (!engine->options.explain) forget_instance(engine);
    return LETHE_OK;
}

lethe_status lethe_engine_process(lethe_engine *engine, const char *path, const char *source_name, lethe_result *result, lethe_error *error) {
    lethe_status status = process(engine, path, source_name, result, error);
    lethe_buffer_clear(&engine->others);
    engine->probe = false;
    return status;
}

lethe_status lethe_engine_know(lethe_engine *engine, const void *values, size_t size, lethe_error *error) {
    lethe_buffer_clear(&engine->others);
    return lethe_buffer_append(&engine->others, values, size, error);
}

lethe_status lethe_engine_take_tally(lethe_engine *engine, lethe_buffer *out, lethe_error *error) {
    return engine->tally == NULL ? LETHE_OK : lethe_tally_take(engine->tally, out, error);
}

void lethe_engine_start_task(lethe_engine *engine) { lethe_outlet_forget(engine->outlet); }

void lethe_engine_probe_next(lethe_engine *engine) { engine->probe = true; }

/* Values that were told once for the same patient and study need not travel again: most instances of a series tell the same. */
static bool is_told(lethe_engine *engine, const lethe_learned *learned) {
    uint64_t key = learned->patient * 31 + learned->study, whole = (key ^ learned->digest) | 1;
    uint64_t *slot = &engine->told[(key ^ key >> 32) % (sizeof engine->told / sizeof engine->told[0])];
    bool told = *slot == whole;
    *slot = whole;
    return told;
}

lethe_status lethe_engine_learn(lethe_engine *engine, const char *path, lethe_buffer *out, lethe_error *error) {
    lethe_learned learned = {0};
    lethe_buffer values;
    lethe_buffer_init(&values, 2u << 20);
    forget_instance(engine);
    lethe_error why = {0};
    lethe_status status = lethe_map_open(path, &engine->map, &why);
    if (status == LETHE_OK && !lethe_dicom_looks_like(engine->map.bytes, engine->map.size)) status = LETHE_UNSUPPORTED;
    if (status == LETHE_OK) status = lethe_dicom_dataset_parse(engine->map.bytes, engine->map.size, engine->arena, &engine->dataset, &why);
    if (status == LETHE_OK) status = lethe_known_learn(engine->dataset, &learned, &values, &why);
    forget_instance(engine);
    bool silent = status != LETHE_OK || is_told(engine, &learned);
    if (status != LETHE_OK) learned = (lethe_learned){0};
    if (silent) learned.told = 0;
    status = status == LETHE_NO_MEMORY ? lethe_fail(error, status, "%s", why.message) : lethe_buffer_append(out, &learned, sizeof learned, error);
    if (status == LETHE_OK && !silent) status = lethe_buffer_append(out, values.bytes, values.size, error);
    if (values.bytes != NULL) lethe_wipe(values.bytes, values.size);
    lethe_buffer_release(&values);
    return status;
}
