#include "deid/verify.h"

#include "core/file.h"
#include "core/limits.h"
#include "core/memory.h"
#include "core/pseudonym.h"
#include "core/text.h"
#include "deid/annex_e.h"
#include "deid/attributes.h"
#include "deid/audit.h"
#include "deid/encrypted.h"
#include "deid/manifest.h"
#include "deid/slides/verify.h"
#include "deid/text/patterns.h"
#include "deid/values.h"
#include "imaging/dicom/dataset.h"
#include "imaging/slide/slide.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

typedef struct digest_entry {
    char *output;
    char sha256[65];
    size_t line; /* the last line of an output counts */
    bool seen;
} digest_entry;

typedef struct verify {
    lethe_verify_fn tell;
    void *context;
    lethe_verify_counts *counts;
    lethe_audit *audit;
    lethe_arena *arena;
    const lethe_profile *profile;
    bool has_manifest;
    digest_entry *digests; /* sorted by output and line */
    size_t digest_count, digest_capacity;
    const char *folder;
    char (*by_sha)[65]; /* sorted, for second names in a file-set; NULL until asked for */
} verify;

/* --- the manifest's digests --- */

static int by_output(const void *a, const void *b) {
    const digest_entry *x = a, *y = b;
    int order = strcmp(x->output, y->output);
    return order != 0 ? order : x->line < y->line ? -1 : x->line > y->line;
}

/* The last entry of an output; NULL when the manifest does not name it. */
static digest_entry *find_digest(verify *v, const char *output) {
    size_t low = 0, high = v->digest_count; /* the first entry beyond */
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (strcmp(v->digests[middle].output, output) <= 0) low = middle + 1;
        else high = middle;
    }
    return low != 0 && strcmp(v->digests[low - 1].output, output) == 0 ? &v->digests[low - 1] : NULL;
}

static lethe_status add_digest(verify *v, const char *output, const char *sha256, lethe_error *error) {
    if (v->digest_count == v->digest_capacity) {
        size_t capacity = v->digest_capacity == 0 ? 256 : 2 * v->digest_capacity;
        digest_entry *grown = lethe_realloc_array(v->digests, capacity, sizeof *grown);
        if (grown == NULL) return lethe_fail(error, LETHE_NO_MEMORY, "no memory for the manifest");
        v->digests = grown;
        v->digest_capacity = capacity;
    }
    digest_entry *entry = &v->digests[v->digest_count];
    entry->output = lethe_strdup(output);
    entry->seen = false;
    entry->line = v->digest_count;
    (void)snprintf(entry->sha256, sizeof entry->sha256, "%s", sha256);
    if (entry->output == NULL) return lethe_fail(error, LETHE_NO_MEMORY, "no memory for the manifest");
    v->digest_count++;
    return LETHE_OK;
}

static lethe_status load_manifest(verify *v, const char *path, lethe_error *error) {
    uint64_t lines = 0;
    lethe_status status = lethe_manifest_verify(path, &lines, error);
    if (status != LETHE_OK) return status;
    v->has_manifest = true;
    v->counts->lines += lines;
    FILE *file = fopen(path, "re");
    if (file == NULL) return lethe_fail(error, LETHE_IO, "cannot open the manifest");
    char *line = NULL;
    size_t capacity = 0;
    for (uint64_t i = 0; i < lines && status == LETHE_OK && getline(&line, &capacity, file) > 0; i++) {
        json_t *object = json_loads(line, 0, NULL);
        const char *output = json_string_value(json_object_get(object, "output")), *sha256 = json_string_value(json_object_get(object, "sha256"));
        if (object == NULL) status = lethe_fail(error, LETHE_MALFORMED, "manifest: line %llu is not JSON", (unsigned long long)i + 1);
        else if (output != NULL && sha256 != NULL) status = add_digest(v, output, sha256, error);
        const char *chain = json_string_value(json_object_get(object, "chain"));
        if (chain != NULL) (void)snprintf(v->counts->chain, sizeof v->counts->chain, "%s", chain);
        json_decref(object);
    }
    free(line);
    (void)fclose(file);
    return status;
}

typedef struct manifest_folder {
    verify *v;
    lethe_buffer chains;
} manifest_folder;

static lethe_status load_shard(void *context, const char *path, const char *relative, lethe_error *error) {
    manifest_folder *f = context;
    if (!lethe_text_ends(relative, ".jsonl")) return LETHE_OK;
    f->v->counts->chain[0] = '\0';
    lethe_error why = {0};
    lethe_status status = load_manifest(f->v, path, &why);
    if (status != LETHE_OK) return lethe_fail(error, status, "%s: %s", relative, why.message);
    return lethe_buffer_append_text(&f->chains, f->v->counts->chain, error);
}

/* One manifest, or a folder of those that shards wrote: its chain is SHA-256 over theirs, in the order of their names. */
static lethe_status load_manifests(verify *v, const char *path, lethe_error *error) {
    struct stat info;
    lethe_status status = LETHE_OK;
    if (stat(path, &info) != 0 || !S_ISDIR(info.st_mode)) {
        status = load_manifest(v, path, error);
    } else {
        manifest_folder f = {.v = v};
        lethe_buffer_init(&f.chains, 1u << 24);
        status = lethe_walk(path, load_shard, &f, error);
        if (status == LETHE_OK && !v->has_manifest) status = lethe_fail(error, LETHE_NOT_FOUND, "no manifest (*.jsonl) in the folder of manifests");
        if (status == LETHE_OK) status = lethe_sha256_hex(f.chains.bytes, f.chains.size, v->counts->chain, error);
        lethe_buffer_release(&f.chains);
    }
    if (v->digest_count != 0) qsort(v->digests, v->digest_count, sizeof *v->digests, by_output);
    return status;
}

static lethe_status check_digest(verify *v, const char *relative, const lethe_map *map, lethe_error *error) {
    if (!v->has_manifest) return LETHE_OK;
    digest_entry *entry = find_digest(v, relative);
    if (entry == NULL) return lethe_fail(error, LETHE_UNSAFE, "the manifest does not know this file");
    char digest[65];
    lethe_status status = lethe_sha256_fd(map->fd, digest, error);
    if (status != LETHE_OK) return status;
    entry->seen = true;
    return strcmp(digest, entry->sha256) == 0 ? LETHE_OK : lethe_fail(error, LETHE_UNSAFE, "its SHA-256 is not the one of the manifest");
}

/* --- the rules, by what the file declares --- */

static uint32_t declared_options(const lethe_dicom_item *root) {
    static const struct {
        const char *code;
        uint32_t option;
    } codes[] = {{"113103", LETHE_OPTION_GRAPHICS},   {"113104", LETHE_OPTION_STRUCTURED},     {"113105", LETHE_OPTION_DESCRIPTORS},
                 {"113106", LETHE_OPTION_FULL_DATES}, {"113107", LETHE_OPTION_MODIFIED_DATES}, {"113108", LETHE_OPTION_PATIENT},
                 {"113109", LETHE_OPTION_DEVICE},     {"113110", LETHE_OPTION_UIDS},           {"113111", LETHE_OPTION_SAFE_PRIVATE},
                 {"113112", LETHE_OPTION_INSTITUTION}};
    uint32_t options = 0;
    const lethe_dicom_element *sequence = lethe_dicom_find(root, LETHE_TAG(0x0012, 0x0064));
    for (const lethe_dicom_item *item = sequence == NULL ? NULL : sequence->items; item != NULL; item = item->next) {
        char code[17] = "";
        (void)lethe_dicom_text(item, LETHE_TAG(0x0008, 0x0100), 0, code, sizeof code);
        for (size_t i = 0; i < sizeof codes / sizeof *codes; i++)
            if (strcmp(code, codes[i].code) == 0) options |= codes[i].option;
    }
    return options;
}

typedef struct element_check {
    const lethe_profile *profile;
    char modality[17];
    const char *sop_class;
    uint32_t options;
    char patient[80]; /* the pseudonym: Patient ID of the root */
    const lethe_iod_class *iod;
    lethe_status status;
    lethe_error *error;
} element_check;

static bool is_dummy(const lethe_dicom_element *element) {
    char text[64] = "";
    (void)lethe_dicom_element_text(element, 0, text, sizeof text);
    return strcmp(text, "ANONYMIZED") == 0 || strcmp(text, "0") == 0 || strcmp(text, "000000") == 0 || strncmp(text, "19000101", 8) == 0 ||
           strcmp(text, "000Y") == 0 || strncmp(text, "urn:anon", 8) == 0;
}

/* A keyed token, or the patient's pseudonym: what is written where the table asks for a dummy. */
static bool is_pseudonym(const element_check *c, const lethe_dicom_element *element) {
    char text[96] = "";
    (void)lethe_dicom_element_text(element, 0, text, sizeof text);
    if (c->patient[0] != '\0' && strcmp(text, c->patient) == 0) return true;
    size_t length = strlen(text), at = length > 2 && strncmp(text, "P-", 2) == 0 ? 2 : 0;
    return length - at == LETHE_TOKEN_SIZE - 1 && strspn(text + at, "0123456789ABCDEFGHJKMNPQRSTVWXYZ") == length - at;
}

/* A text, name or date that Table E.1-1 lets stand only as a dummy or with no value, under the declared options. */
static bool stands_by_no_right(const element_check *c, const lethe_annex_row *row, const lethe_dicom_element *e) {
    if (row == NULL || e->form != LETHE_DICOM_LEAF || e->value_bytes == 0 || ((row->kept_by | row->cleaned_by) & c->options) != 0) return false;
    if (row->basic == LETHE_ANNEX_X || row->basic == LETHE_ANNEX_K || row->basic == LETHE_ANNEX_C || row->basic == LETHE_ANNEX_U ||
        row->basic == LETHE_ANNEX_XZU)
        return false;
    if (!lethe_vr_is_text(e->vr) && e->vr != LETHE_VR_PN && e->vr != LETHE_VR_DA && e->vr != LETHE_VR_DT) return false;
    return !is_dummy(e) && !is_pseudonym(c, e);
}

/* True when a rule of the profile itself decides: then the table does not. Private creators stand for what their block keeps. */
static bool ruled(element_check *c, const lethe_dicom_element *e) {
    if (c->profile == NULL) return false;
    if (lethe_tag_is_private_creator(e->tag)) {
        uint32_t block = lethe_tag_element(e->tag);
        for (const lethe_dicom_element *other = e->next; other != NULL; other = other->next)
            if (lethe_tag_group(other->tag) == lethe_tag_group(e->tag) && lethe_tag_element(other->tag) >> 8 == block && ruled(c, other)) return true;
        return false;
    }
    const lethe_dictionary_entry *entry = lethe_tag_is_private(e->tag) ? NULL : lethe_dictionary_find(e->tag);
    lethe_rule_query query = {.element = e, .vr = lethe_value_vr(e, entry), .sop_class = c->sop_class, .modality = c->modality};
    const lethe_rule *rule = lethe_profile_rule(c->profile, &query);
    if (rule == NULL) return false;
    char tag[96], text[1100] = "";
    lethe_tag_format(e->tag, tag, sizeof tag);
    (void)lethe_dicom_element_text(e, 0, text, sizeof text);
    bool empty = e->value_bytes == 0 && e->item_count == 0;
    if (rule->action == LETHE_ACTION_REPLACE && strcmp(text, rule->value) != 0 && e->form == LETHE_DICOM_LEAF && strchr(rule->value, '\\') == NULL)
        c->status = lethe_fail(c->error, LETHE_UNSAFE, "%s has another value than %s writes", tag, rule->label);
    if (rule->action == LETHE_ACTION_EMPTY && !empty && !is_dummy(e))
        c->status = lethe_fail(c->error, LETHE_UNSAFE, "%s has a value although %s empties it", tag, rule->label);
    if (rule->action == LETHE_ACTION_REMOVE) c->status = lethe_fail(c->error, LETHE_UNSAFE, "%s stands although %s removes it", tag, rule->label);
    return rule->action == LETHE_ACTION_KEEP || rule->action == LETHE_ACTION_REPLACE || rule->action == LETHE_ACTION_SHIFT ||
           rule->action == LETHE_ACTION_CLEAN || rule->action == LETHE_ACTION_TOKEN || rule->action == LETHE_ACTION_AGE || c->status != LETHE_OK;
}

static bool check_one(void *context, const lethe_dicom_element *e) {
    element_check *c = context;
    const lethe_annex_row *row = lethe_annex_e_find(e->tag);
    char tag[96];
    lethe_tag_format(e->tag, tag, sizeof tag);
    if (ruled(c, e)) return c->status == LETHE_OK;
    if (lethe_tag_is_private(e->tag) && (c->options & LETHE_OPTION_SAFE_PRIVATE) == 0)
        c->status = lethe_fail(c->error, LETHE_UNSAFE, "private element %s is left", tag);
    else if (row != NULL && row->basic == LETHE_ANNEX_X && !lethe_tag_is_private(e->tag) && ((row->kept_by | row->cleaned_by) & c->options) == 0 &&
             e->value_bytes != 0) {
        lethe_tag parent = e->parent->parent == NULL ? 0 : e->parent->parent->tag;
        lethe_iod_type type = lethe_iod_type_of(c->iod, parent, e->tag);
        bool allowed = type == LETHE_TYPE_1 && e->form == LETHE_DICOM_LEAF && is_dummy(e);
        if (!allowed && (e->form == LETHE_DICOM_LEAF || type != LETHE_TYPE_1))
            c->status = lethe_fail(c->error, LETHE_UNSAFE, "%s stands although PS3.15 Table E.1-1 removes it under the declared options", tag);
    }
    if (c->status == LETHE_OK && e->tag == LETHE_TAG(0x0400, 0x0520) && !lethe_envelope_is_one(e->value, (size_t)e->value_bytes))
        c->status = lethe_fail(c->error, LETHE_UNSAFE, "%s is not encrypted (CMS EnvelopedData is wanted)", tag);
    if (c->status == LETHE_OK && !lethe_tag_is_private(e->tag) && stands_by_no_right(c, row, e))
        c->status = lethe_fail(c->error, LETHE_UNSAFE, "%s has a value although PS3.15 Table E.1-1 replaces it under the declared options", tag);
    if (c->status == LETHE_OK && e->form == LETHE_DICOM_LEAF && (lethe_vr_is_text(e->vr) || e->vr == LETHE_VR_UN) && e->value_bytes <= (1u << 20)) {
        const char *pattern = lethe_pattern_find((const char *)e->value, (size_t)e->value_bytes);
        const lethe_dictionary_entry *entry = lethe_tag_is_private(e->tag) ? NULL : lethe_dictionary_find(e->tag);
        bool numbers =
            entry != NULL && (entry->vr == LETHE_VR_DS || entry->vr == LETHE_VR_IS) && lethe_value_fits(entry->vr, e->value, (size_t)e->value_bytes);
        if (pattern != NULL && !numbers) c->status = lethe_fail(c->error, LETHE_UNSAFE, "%s holds what looks like %s", tag, pattern);
    }
    return c->status == LETHE_OK;
}

static lethe_status check_dicom(verify *v, const lethe_map *map, lethe_error *error) {
    lethe_audit_reset(v->audit);
    lethe_status status = lethe_audit_dicom(v->audit, map->bytes, map->size, error);
    if (status != LETHE_OK) return status;
    lethe_dicom_dataset *dataset = NULL;
    lethe_arena_reset(v->arena);
    status = lethe_dicom_dataset_parse(map->bytes, map->size, v->arena, &dataset, error);
    if (status != LETHE_OK) return status;
    char sop_class[65] = "";
    (void)lethe_dicom_text(dataset->root, LETHE_TAG(0x0008, 0x0016), 0, sop_class, sizeof sop_class);
    element_check check = {.options = declared_options(dataset->root),
                           .profile = v->profile,
                           .sop_class = sop_class,
                           .iod = lethe_iod_class_find(sop_class),
                           .error = error};
    (void)lethe_dicom_text(dataset->root, LETHE_TAG(0x0008, 0x0060), 0, check.modality, sizeof check.modality);
    (void)lethe_dicom_text(dataset->root, LETHE_TAG(0x0010, 0x0020), 0, check.patient, sizeof check.patient);
    char birth[16] = "";
    const lethe_dicom_element *birth_element = lethe_dicom_find(dataset->root, LETHE_TAG(0x0010, 0x0030));
    if (lethe_dicom_text(dataset->root, LETHE_TAG(0x0010, 0x0030), 0, birth, sizeof birth) && strcmp(birth, "19000101") != 0 &&
        !ruled(&check, birth_element) && check.status == LETHE_OK)
        status = lethe_fail(error, LETHE_UNSAFE, "(0010,0030) PatientBirthDate has a value");
    if (status == LETHE_OK) {
        lethe_dicom_visit(dataset->root, check_one, &check);
        status = check.status;
    }
    lethe_dicom_dataset_release(dataset);
    return status;
}

/* --- a file-set (dicomdir.h) among released files --- */

static int by_text(const void *a, const void *b) { return strcmp(a, b); }

/* A second name: its content is one that the manifest names. */
static lethe_status check_second_name(verify *v, const lethe_map *map, lethe_error *error) {
    if (!v->has_manifest) return LETHE_OK;
    if (v->by_sha == NULL && v->digest_count != 0) {
        v->by_sha = lethe_alloc_array(v->digest_count, sizeof *v->by_sha);
        if (v->by_sha == NULL) return lethe_fail(error, LETHE_NO_MEMORY, "no memory for the manifest");
        for (size_t i = 0; i < v->digest_count; i++) memcpy(v->by_sha[i], v->digests[i].sha256, sizeof v->by_sha[i]);
        qsort(v->by_sha, v->digest_count, sizeof *v->by_sha, by_text);
    }
    char digest[65];
    lethe_status status = lethe_sha256_fd(map->fd, digest, error);
    if (status != LETHE_OK) return status;
    bool known = v->by_sha != NULL && bsearch(digest, v->by_sha, v->digest_count, sizeof *v->by_sha, by_text) != NULL;
    return known ? LETHE_OK : lethe_fail(error, LETHE_UNSAFE, "the manifest knows no file with this content");
}

/* The directory is ours alone: every value in it is one of a released instance, and every file that it names is there. */
static lethe_status check_directory(verify *v, const lethe_map *map, lethe_error *error) {
    lethe_dicom_dataset *dataset = NULL;
    lethe_arena_reset(v->arena);
    lethe_status status = lethe_dicom_dataset_parse(map->bytes, map->size, v->arena, &dataset, error);
    if (status != LETHE_OK) return status;
    const lethe_dicom_element *records = lethe_dicom_find(dataset->root, LETHE_TAG(0x0004, 0x1220));
    for (const lethe_dicom_item *item = records == NULL ? NULL : records->items; item != NULL && status == LETHE_OK; item = item->next) {
        const lethe_dicom_element *id = lethe_dicom_find(item, LETHE_TAG(0x0004, 0x1500));
        char part[80], name[80], patient[80] = "";
        (void)lethe_dicom_text(item, LETHE_TAG(0x0010, 0x0020), 0, patient, sizeof patient);
        (void)lethe_dicom_text(item, LETHE_TAG(0x0010, 0x0010), 0, name, sizeof name);
        const lethe_dicom_element *patient_name = lethe_dicom_find(item, LETHE_TAG(0x0010, 0x0010));
        if (patient_name != NULL && patient_name->value_bytes != 0 && strcmp(name, patient) != 0)
            status = lethe_fail(error, LETHE_UNSAFE, "(0010,0010) of a directory record is no pseudonym");
        if (id == NULL || status != LETHE_OK) continue;
        char *path = lethe_strdup(v->folder);
        for (unsigned i = 0; path != NULL && i < 8 && lethe_dicom_element_text(id, i, part, sizeof part); i++) {
            char *longer = lethe_path_is_safe(part) ? lethe_path_join(path, part) : NULL;
            lethe_free(path);
            path = longer;
        }
        if (path == NULL || access(path, F_OK) != 0)
            status = lethe_fail(error, LETHE_UNSAFE, "(0004,1500): the directory names a file that is not there");
        lethe_free(path);
    }
    lethe_dicom_dataset_release(dataset);
    return status;
}

static lethe_status check_file(void *context, const char *path, const char *relative, lethe_error *error) {
    verify *v = context;
    if (strncmp(relative, "catalogue.db", 12) == 0 || strncmp(relative, "exports/", 8) == 0) return LETHE_OK; /* not instances */
    lethe_map map;
    lethe_status status = lethe_map_open(path, &map, error);
    if (status != LETHE_OK) return status;
    lethe_error why = {0};
    v->counts->files++;
    if (strcmp(relative, "DICOMDIR") == 0) {
        status = check_directory(v, &map, &why);
    } else if (lethe_dicom_looks_like(map.bytes, map.size) && strncmp(relative, "DICOM/PT", 8) == 0) {
        status = check_second_name(v, &map, &why);
        if (status == LETHE_OK) status = check_dicom(v, &map, &why);
    } else if (lethe_dicom_looks_like(map.bytes, map.size)) {
        status = check_digest(v, relative, &map, &why);
        if (status == LETHE_OK) status = check_dicom(v, &map, &why);
    } else if (lethe_slide_detect(path) != NULL || strstr(relative, "/slides/") != NULL) {
        const char *pattern = NULL;
        size_t head = map.size < 65536 ? map.size : 65536; /* descriptions stand at the start or the end of slides */
        if (!lethe_text_ends(relative, ".mrxs") && lethe_slide_detect(path) != NULL) status = check_digest(v, relative, &map, &why);
        if (map.size != 0) pattern = lethe_pattern_find((const char *)map.bytes, head);
        if (status == LETHE_OK && pattern != NULL) status = lethe_fail(&why, LETHE_UNSAFE, "the slide holds what looks like %s", pattern);
        /* Files of an MRXS slide are proven with their .mrxs file. */
        lethe_verify_report report;
        if (status == LETHE_OK && lethe_slide_detect(path) != NULL) status = lethe_slide_verify(path, &report, &why);
    } else {
        status = lethe_fail(&why, LETHE_UNSAFE, "neither DICOM nor a slide");
    }
    lethe_map_close(&map);
    if (status == LETHE_NO_MEMORY) return lethe_fail(error, status, "%s", why.message);
    if (status == LETHE_OK) {
        v->counts->good++;
    } else {
        v->counts->bad++;
        if (v->tell != NULL) v->tell(v->context, relative, why.message);
    }
    return LETHE_OK;
}

static lethe_status check_other(void *context, const char *relative, const char *what, lethe_error *error) {
    (void)error;
    verify *v = context;
    char reason[80];
    (void)snprintf(reason, sizeof reason, "a %s: nothing that was released", what);
    v->counts->files++;
    v->counts->bad++;
    if (v->tell != NULL) v->tell(v->context, relative, reason);
    return LETHE_OK;
}

lethe_status lethe_verify(const char *path, const char *manifest, const lethe_profile *profile, lethe_verify_fn tell, void *context,
                          lethe_verify_counts *counts, lethe_error *error) {
    *counts = (lethe_verify_counts){0};
    verify v = {.tell = tell, .context = context, .counts = counts, .profile = profile, .folder = path};
    v.arena = lethe_arena_create(LETHE_LIMIT_ARENA_BYTES);
    lethe_status status = v.arena == NULL ? lethe_fail(error, LETHE_NO_MEMORY, "no memory to verify") : lethe_audit_create(&v.audit, error);
    if (status == LETHE_OK && manifest != NULL) status = load_manifests(&v, manifest, error);
    if (status == LETHE_OK) status = lethe_walk_all(path, check_file, check_other, &v, error);
    for (size_t i = 0; status == LETHE_OK && i < v.digest_count; i++) {
        if (v.digests[i].seen || &v.digests[i] != find_digest(&v, v.digests[i].output)) continue;
        char *file = lethe_text_ends(v.digests[i].output, ".mrxs") ? lethe_path_join(path, v.digests[i].output) : NULL;
        bool there = file != NULL && access(file, F_OK) == 0;
        lethe_free(file);
        if (there) continue;
        counts->bad++;
        if (tell != NULL) tell(context, v.digests[i].output, "stands in the manifest but not in the folder");
    }
    for (size_t i = 0; i < v.digest_count; i++) lethe_free(v.digests[i].output);
    lethe_free(v.digests);
    lethe_free(v.by_sha);
    lethe_audit_destroy(v.audit);
    lethe_arena_destroy(v.arena);
    return status;
}
