#include "deid/dicomdir.h"

#include "core/file.h"
#include "core/limits.h"
#include "core/memory.h"
#include "core/pseudonym.h"
#include "core/text.h"
#include "deid/values.h"
#include "imaging/dicom/edit.h"

#include <errno.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const lethe_dicom_encoding explicit_little = {.explicit_vr = true};

/* --- which record, with which keys (PS3.3 F.5) --- */

typedef struct key {
    lethe_tag tag;
    lethe_vr vr;
    const char *dummy; /* when the instance has none; NULL: left empty */
} key;

enum { MOST_KEYS = 9 };

typedef struct record_type {
    const char *sop_class; /* a prefix; "" = every other image */
    const char *name;
    key keys[MOST_KEYS];
} record_type;

#define INSTANCE_NUMBER                                                                                                                              \
    { 0x00200013, LETHE_VR_IS, "1" }
#define CONTENT_DATE                                                                                                                                 \
    {0x00080023, LETHE_VR_DA, "19000101"}, { 0x00080033, LETHE_VR_TM, "000000" }
#define CONTENT_LABEL                                                                                                                                \
    {0x00700080, LETHE_VR_CS, "UNNAMED"}, {0x00700081, LETHE_VR_LO, NULL}, { 0x00700084, LETHE_VR_PN, NULL }

static const record_type record_types[] = {
    {"1.2.840.10008.5.1.4.1.1.88.59", "KEY OBJECT DOC", {CONTENT_DATE, INSTANCE_NUMBER, {0x0040A043, LETHE_VR_SQ, NULL}}},
    {"1.2.840.10008.5.1.4.1.1.88.",
     "SR DOCUMENT",
     {CONTENT_DATE,
      INSTANCE_NUMBER,
      {0x0040A030, LETHE_VR_DT, NULL},
      {0x0040A043, LETHE_VR_SQ, NULL},
      {0x0040A491, LETHE_VR_CS, "COMPLETE"},
      {0x0040A493, LETHE_VR_CS, "UNVERIFIED"}}},
    {"1.2.840.10008.5.1.4.1.1.11.",
     "PRESENTATION",
     {{0x00081115, LETHE_VR_SQ, NULL},
      INSTANCE_NUMBER,
      {0x00700080, LETHE_VR_CS, "UNNAMED"},
      {0x00700081, LETHE_VR_LO, NULL},
      {0x00700082, LETHE_VR_DA, "19000101"},
      {0x00700083, LETHE_VR_TM, "000000"},
      {0x00700084, LETHE_VR_PN, NULL}}},
    {"1.2.840.10008.5.1.4.1.1.9.", "WAVEFORM", {CONTENT_DATE, INSTANCE_NUMBER}},
    {"1.2.840.10008.5.1.4.1.1.481.2", "RT DOSE", {INSTANCE_NUMBER, {0x3004000A, LETHE_VR_CS, "PLAN"}}},
    {"1.2.840.10008.5.1.4.1.1.481.3",
     "RT STRUCTURE SET",
     {INSTANCE_NUMBER, {0x30060002, LETHE_VR_SH, "UNNAMED"}, {0x30060008, LETHE_VR_DA, NULL}, {0x30060009, LETHE_VR_TM, NULL}}},
    {"1.2.840.10008.5.1.4.1.1.481.5",
     "RT PLAN",
     {INSTANCE_NUMBER, {0x300A0002, LETHE_VR_SH, "UNNAMED"}, {0x300A0006, LETHE_VR_DA, NULL}, {0x300A0007, LETHE_VR_TM, NULL}}},
    {"1.2.840.10008.5.1.4.1.1.104.",
     "ENCAP DOC",
     {CONTENT_DATE,
      INSTANCE_NUMBER,
      {0x0040A043, LETHE_VR_SQ, NULL},
      {0x00420010, LETHE_VR_ST, NULL},
      {0x00420012, LETHE_VR_LO, "application/octet-stream"}}},
    {"1.2.840.10008.5.1.4.1.1.66.1", "REGISTRATION", {CONTENT_DATE, INSTANCE_NUMBER, CONTENT_LABEL}},
    {"1.2.840.10008.5.1.4.1.1.66.2", "FIDUCIAL", {CONTENT_DATE, INSTANCE_NUMBER, CONTENT_LABEL}},
    {"1.2.840.10008.5.1.4.1.1.66.5", "SURFACE", {CONTENT_DATE, INSTANCE_NUMBER, CONTENT_LABEL}},
    {"1.2.840.10008.5.1.4.1.1.67", "VALUE MAP", {CONTENT_DATE, INSTANCE_NUMBER, CONTENT_LABEL}},
    {"", "IMAGE", {INSTANCE_NUMBER}},
};

static const key patient_keys[] = {{0x00100010, LETHE_VR_PN, NULL}, {0x00100020, LETHE_VR_LO, "UNKNOWN"}, {0, 0, NULL}};
static const key study_keys[] = {{0x00080020, LETHE_VR_DA, "19000101"},
                                 {0x00080030, LETHE_VR_TM, "000000"},
                                 {0x00080050, LETHE_VR_SH, NULL},
                                 {0x00081030, LETHE_VR_LO, NULL},
                                 {0x0020000D, LETHE_VR_UI, NULL},
                                 {0x00200010, LETHE_VR_SH, "1"},
                                 {0, 0, NULL}};
static const key series_keys[] = {{0x00080060, LETHE_VR_CS, "OT"}, {0x0020000E, LETHE_VR_UI, NULL}, {0x00200011, LETHE_VR_IS, "1"}, {0, 0, NULL}};

static const record_type *type_of(const char *sop_class) {
    for (size_t i = 0;; i++)
        if (strncmp(sop_class, record_types[i].sop_class, strlen(record_types[i].sop_class)) == 0) return &record_types[i];
}

/* --- what is indexed --- */

enum { LEVELS = 4 }; /* patient, study, series, instance */

typedef struct entry {
    char *path;
    char patient[80], study[65], series[65], instance[65];
    int64_t number;
    lethe_buffer records[LEVELS]; /* encoded keys; those above the series only where they are needed */
} entry;

typedef struct file_set {
    const char *released, *media;
    entry *entries;
    size_t count, capacity;
    lethe_arena *arena;
    lethe_dicomdir_counts *counts;
    bool skip_exports;
} file_set;

static lethe_status put_code(const lethe_dicom_item *root, lethe_tag tag, lethe_buffer *out, lethe_error *error) {
    const lethe_dicom_element *sequence = lethe_dicom_find(root, tag);
    lethe_status status = lethe_dicom_encode_sequence_begin(out, explicit_little, tag, error);
    if (sequence != NULL && sequence->form == LETHE_DICOM_SEQUENCE && sequence->items != NULL) {
        static const lethe_tag parts[] = {0x00080100, 0x00080102, 0x00080104};
        static const lethe_vr vrs[] = {LETHE_VR_SH, LETHE_VR_SH, LETHE_VR_LO};
        if (status == LETHE_OK) status = lethe_dicom_encode_item_begin(out, explicit_little, error);
        for (int i = 0; i < 3 && status == LETHE_OK; i++) {
            const lethe_dicom_element *part = lethe_dicom_find(sequence->items, parts[i]);
            if (part != NULL && part->form == LETHE_DICOM_LEAF)
                status = lethe_dicom_encode(out, explicit_little, parts[i], vrs[i], part->value, (size_t)part->value_bytes, error);
        }
        if (status == LETHE_OK) status = lethe_dicom_encode_item_end(out, explicit_little, error);
    }
    return status == LETHE_OK ? lethe_dicom_encode_sequence_end(out, explicit_little, error) : status;
}

enum { VERIFICATION = 0x0040A030, REFERENCED_SERIES = 0x00081115 };

/* Type 1C: when a document is verified. The moment itself is not worth telling. */
static lethe_status put_verification(const lethe_dicom_item *root, lethe_buffer *out, lethe_error *error) {
    char flag[17] = "";
    (void)lethe_dicom_text(root, LETHE_TAG(0x0040, 0xA493), 0, flag, sizeof flag);
    if (strcmp(flag, "VERIFIED") != 0) return LETHE_OK;
    return lethe_dicom_encode_text(out, explicit_little, VERIFICATION, LETHE_VR_DT, "19000101000000", error);
}

/* As it stands in the instance; one in another encoding is left out. */
static lethe_status put_sequence(const lethe_dicom_item *root, const lethe_dicom_element *e, lethe_buffer *out, lethe_error *error) {
    bool same = e != NULL && e->form == LETHE_DICOM_SEQUENCE && root->encoding.explicit_vr && !root->encoding.big_endian && e->vr == LETHE_VR_SQ;
    if (!same || e->value_bytes > (1u << 15)) return LETHE_OK;
    return lethe_buffer_append(out, e->value - e->header_bytes, (size_t)(e->header_bytes + e->value_bytes + e->trailer_bytes), error);
}

static lethe_status put_keys(const lethe_dicom_item *root, const key *keys, size_t most, lethe_buffer *out, lethe_error *error) {
    const lethe_dicom_element *charset = lethe_dicom_find(root, LETHE_TAG(0x0008, 0x0005));
    lethe_status status = LETHE_OK;
    if (charset != NULL && charset->form == LETHE_DICOM_LEAF && charset->value_bytes != 0)
        status = lethe_dicom_encode(out, explicit_little, charset->tag, LETHE_VR_CS, charset->value, (size_t)charset->value_bytes, error);
    for (size_t i = 0; i < most && keys[i].tag != 0 && status == LETHE_OK; i++) {
        const key *k = &keys[i];
        const lethe_dicom_element *e = lethe_dicom_find(root, k->tag);
        bool has = e != NULL && e->form == LETHE_DICOM_LEAF && e->value_bytes != 0 && e->value_bytes < 4096;
        if (k->tag == VERIFICATION) status = put_verification(root, out, error);
        else if (k->vr == LETHE_VR_SQ && k->tag == REFERENCED_SERIES) status = put_sequence(root, e, out, error);
        else if (k->vr == LETHE_VR_SQ) status = put_code(root, k->tag, out, error);
        else if (has) status = lethe_dicom_encode(out, explicit_little, k->tag, k->vr, e->value, (size_t)e->value_bytes, error);
        else status = lethe_dicom_encode_text(out, explicit_little, k->tag, k->vr, k->dummy == NULL ? "" : k->dummy, error);
    }
    return status;
}

static void free_entry(entry *e) {
    lethe_free(e->path);
    for (int i = 0; i < LEVELS; i++) lethe_buffer_release(&e->records[i]);
}

static lethe_status read_entry(const lethe_dicom_dataset *dataset, entry *e, lethe_error *error) {
    const lethe_dicom_item *root = dataset->root;
    char sop_class[65] = "";
    (void)lethe_dicom_text(root, LETHE_TAG(0x0010, 0x0020), 0, e->patient, sizeof e->patient);
    (void)lethe_dicom_text(root, LETHE_TAG(0x0020, 0x000D), 0, e->study, sizeof e->study);
    (void)lethe_dicom_text(root, LETHE_TAG(0x0020, 0x000E), 0, e->series, sizeof e->series);
    (void)lethe_dicom_text(root, LETHE_TAG(0x0008, 0x0018), 0, e->instance, sizeof e->instance);
    (void)lethe_dicom_text(root, LETHE_TAG(0x0008, 0x0016), 0, sop_class, sizeof sop_class);
    (void)lethe_dicom_int(root, LETHE_TAG(0x0020, 0x0013), 0, &e->number);
    if (e->study[0] == '\0' || e->series[0] == '\0' || e->instance[0] == '\0' || sop_class[0] == '\0')
        return lethe_fail(error, LETHE_NOT_FOUND, "no place in a directory");
    const record_type *type = type_of(sop_class);
    lethe_status status = put_keys(root, patient_keys, 8, &e->records[0], error);
    if (status == LETHE_OK) status = put_keys(root, study_keys, 8, &e->records[1], error);
    if (status == LETHE_OK) status = put_keys(root, series_keys, 8, &e->records[2], error);
    /* Of the instance: type and references stand in front of its keys; the File ID is known later. */
    if (status == LETHE_OK) status = lethe_buffer_append(&e->records[3], type->name, strlen(type->name) + 1, error);
    lethe_buffer *out = &e->records[3];
    const char *syntax = dataset->transfer_syntax[0] != '\0' ? dataset->transfer_syntax : "1.2.840.10008.1.2";
    if (status == LETHE_OK) status = lethe_dicom_encode_text(out, explicit_little, LETHE_TAG(0x0004, 0x1510), LETHE_VR_UI, sop_class, error);
    if (status == LETHE_OK) status = lethe_dicom_encode_text(out, explicit_little, LETHE_TAG(0x0004, 0x1511), LETHE_VR_UI, e->instance, error);
    if (status == LETHE_OK) status = lethe_dicom_encode_text(out, explicit_little, LETHE_TAG(0x0004, 0x1512), LETHE_VR_UI, syntax, error);
    return status == LETHE_OK ? put_keys(root, type->keys, MOST_KEYS, out, error) : status;
}

static lethe_status add_file(void *context, const char *path, const char *relative, lethe_error *error) {
    file_set *set = context;
    if (strcmp(relative, "DICOMDIR") == 0 || strncmp(relative, "DICOM/PT", 8) == 0) return LETHE_OK; /* of an earlier file-set */
    if (set->skip_exports && strncmp(relative, "exports/", 8) == 0) return LETHE_OK;
    if (set->count == set->capacity) {
        size_t capacity = set->capacity == 0 ? 256 : 2 * set->capacity;
        entry *grown = lethe_realloc_array(set->entries, capacity, sizeof *grown);
        if (grown == NULL) return lethe_fail(error, LETHE_NO_MEMORY, "no memory for a directory");
        set->entries = grown;
        set->capacity = capacity;
    }
    entry *e = &set->entries[set->count];
    *e = (entry){.path = lethe_strdup(path)};
    for (int i = 0; i < LEVELS; i++) lethe_buffer_init(&e->records[i], 1u << 16);
    lethe_map map = {.fd = -1};
    lethe_dicom_dataset *dataset = NULL;
    lethe_error why = {0};
    lethe_arena_reset(set->arena);
    lethe_status status = e->path == NULL ? LETHE_NO_MEMORY : lethe_map_open(path, &map, &why);
    if (status == LETHE_OK && !lethe_dicom_looks_like(map.bytes, map.size)) status = LETHE_NOT_FOUND;
    if (status == LETHE_OK) status = lethe_dicom_dataset_parse(map.bytes, map.size, set->arena, &dataset, &why);
    if (status == LETHE_OK) status = read_entry(dataset, e, &why);
    lethe_dicom_dataset_release(dataset);
    lethe_map_close(&map);
    if (status == LETHE_OK) {
        set->count++;
        return LETHE_OK;
    }
    free_entry(e);
    if (status == LETHE_NO_MEMORY || status == LETHE_IO) return lethe_fail(error, status, "cannot read a released file for the directory");
    set->counts->left_out++;
    return LETHE_OK;
}

static int by_place(const void *a, const void *b) {
    const entry *x = a, *y = b;
    int order = strcmp(x->patient, y->patient);
    if (order == 0) order = strcmp(x->study, y->study);
    if (order == 0) order = strcmp(x->series, y->series);
    if (order == 0) order = x->number < y->number ? -1 : x->number > y->number;
    return order != 0 ? order : strcmp(x->instance, y->instance);
}

/* --- the files under their second names --- */

static lethe_status copy_file(const char *from, const char *to, lethe_error *error) {
    lethe_map map;
    lethe_output *output = NULL;
    lethe_status status = lethe_map_open(from, &map, error);
    if (status != LETHE_OK) return status;
    status = lethe_output_create(to, &output, error);
    if (status == LETHE_OK) status = lethe_output_copy(output, map.fd, 0, map.size, error);
    if (status == LETHE_OK) status = lethe_output_commit(output, 0644, LETHE_SYNC_NONE, error);
    else lethe_output_discard(output);
    lethe_map_close(&map);
    return status;
}

static lethe_status second_name(const file_set *set, const entry *e, const char *relative, lethe_error *error) {
    char *to = lethe_path_join(set->media, relative);
    lethe_status status = to == NULL ? lethe_fail(error, LETHE_NO_MEMORY, "no memory for a path") : lethe_folder_create_for(to, 0755, error);
    if (status == LETHE_OK && link(e->path, to) != 0) {
        if (errno == EXDEV || errno == EPERM || errno == EMLINK || errno == EOPNOTSUPP) status = copy_file(e->path, to, error);
        else status = lethe_fail_errno(error, errno, "cannot give a file its place in the file-set");
    }
    lethe_free(to);
    return status;
}

static int remove_one(const char *path, const struct stat *info, int type, struct FTW *at) {
    (void)info;
    (void)at;
    return type == FTW_DP ? rmdir(path) : unlink(path);
}

/* Nothing but names of an earlier file-set is removed: a patient may have been given the pseudonym "DICOM". */
static lethe_status is_ours(void *context, const char *path, const char *relative, lethe_error *error) {
    (void)context;
    (void)path;
    bool ours =
        strlen(relative) == 35 && strncmp(relative, "PT", 2) == 0 && strncmp(relative + 9, "ST", 2) == 0 && strncmp(relative + 18, "SE", 2) == 0;
    return ours ? LETHE_OK : lethe_fail(error, LETHE_EXISTS, "a folder DICOM that is no earlier file-set stands in the way of a new one");
}

/* What an earlier directory left: names only, the released files have their own. */
static lethe_status clear_media(const char *media, lethe_error *error) {
    char *folder = lethe_path_join(media, "DICOM");
    if (folder == NULL) return lethe_fail(error, LETHE_NO_MEMORY, "no memory for a path");
    bool there = access(folder, F_OK) == 0;
    lethe_status status = there ? lethe_walk(folder, is_ours, NULL, error) : LETHE_OK;
    if (status != LETHE_OK) {
        lethe_free(folder);
        return status;
    }
    int result = there ? nftw(folder, remove_one, 16, FTW_PHYS | FTW_DEPTH) : 0;
    lethe_free(folder);
    return result == 0 ? LETHE_OK : lethe_fail(error, LETHE_IO, "cannot clear the place of the file-set");
}

/* --- the directory --- */

typedef struct writing {
    lethe_buffer out;
    size_t open_next[LEVELS], open_lower[LEVELS]; /* where the offsets of the record before, by level, are to be written; 0 = none */
    size_t first_root, last_root;                 /* fields of the head */
    bool any;
} writing;

static void patch(writing *w, size_t at, size_t value) {
    for (unsigned i = 0; at != 0 && i < 4; i++) w->out.bytes[at + i] = (uint8_t)(value >> 8 * i);
}

/* Link a record that is about to be written at the end, and write its fixed part. */
static lethe_status begin_record(writing *w, int level, const char *type, lethe_error *error) {
    static const uint8_t zero[4] = {0};
    size_t here = w->out.size;
    patch(w, w->open_next[level], here);
    if (level > 0) {
        patch(w, w->open_lower[level - 1], here);
        w->open_lower[level - 1] = 0;
    } else {
        if (!w->any) patch(w, w->first_root, here);
        patch(w, w->last_root, here);
        w->any = true;
    }
    for (int lower = level + 1; lower < LEVELS; lower++) w->open_next[lower] = 0;
    lethe_status status = lethe_dicom_encode_item_begin(&w->out, explicit_little, error);
    if (status == LETHE_OK) status = lethe_dicom_encode(&w->out, explicit_little, LETHE_TAG(0x0004, 0x1400), LETHE_VR_UL, zero, 4, error);
    w->open_next[level] = w->out.size - 4;
    if (status == LETHE_OK) status = lethe_dicom_encode_us(&w->out, explicit_little, LETHE_TAG(0x0004, 0x1410), 0xFFFF, error);
    if (status == LETHE_OK) status = lethe_dicom_encode(&w->out, explicit_little, LETHE_TAG(0x0004, 0x1420), LETHE_VR_UL, zero, 4, error);
    w->open_lower[level] = w->out.size - 4;
    return status == LETHE_OK ? lethe_dicom_encode_text(&w->out, explicit_little, LETHE_TAG(0x0004, 0x1430), LETHE_VR_CS, type, error) : status;
}

static lethe_status put_above(writing *w, int level, const entry *e, lethe_error *error) {
    static const char *const types[] = {"PATIENT", "STUDY", "SERIES"};
    lethe_status status = begin_record(w, level, types[level], error);
    if (status == LETHE_OK) status = lethe_buffer_append(&w->out, e->records[level].bytes, e->records[level].size, error);
    return status == LETHE_OK ? lethe_dicom_encode_item_end(&w->out, explicit_little, error) : status;
}

static lethe_status put_instance(writing *w, const entry *e, const char *relative, lethe_error *error) {
    const char *type = lethe_buffer_text(&e->records[3]);
    size_t head = strlen(type) + 1;
    char file_id[64];
    (void)snprintf(file_id, sizeof file_id, "%s", relative);
    for (char *at = file_id; *at != '\0'; at++)
        if (*at == '/') *at = '\\';
    lethe_status status = begin_record(w, 3, type, error);
    if (status == LETHE_OK) status = lethe_dicom_encode_text(&w->out, explicit_little, LETHE_TAG(0x0004, 0x1500), LETHE_VR_CS, file_id, error);
    if (status == LETHE_OK) status = lethe_buffer_append(&w->out, e->records[3].bytes + head, e->records[3].size - head, error);
    return status == LETHE_OK ? lethe_dicom_encode_item_end(&w->out, explicit_little, error) : status;
}

static lethe_status begin_directory(const file_set *set, writing *w, lethe_error *error) {
    static const uint8_t zero[4] = {0};
    char digest[65], uid[65];
    lethe_buffer all;
    lethe_buffer_init(&all, 1u << 30);
    lethe_status status = lethe_buffer_append_text(&all, "DICOMDIR", error);
    for (size_t i = 0; i < set->count && status == LETHE_OK; i++) status = lethe_buffer_append_text(&all, set->entries[i].instance, error);
    if (status == LETHE_OK) status = lethe_sha256_hex(all.bytes, all.size, digest, error);
    lethe_buffer_release(&all);
    if (status != LETHE_OK) return status;
    digest[15] = '\0'; /* 60 bits of what the directory holds: the same set, the same UID */
    (void)snprintf(uid, sizeof uid, "2.25.%llu", strtoull(digest, NULL, 16));
    status = lethe_dicom_encode_file_head(&w->out, "1.2.840.10008.1.3.10", uid, "1.2.840.10008.1.2.1", error);
    if (status == LETHE_OK) status = lethe_dicom_encode_text(&w->out, explicit_little, LETHE_TAG(0x0004, 0x1130), LETHE_VR_CS, "LETHE", error);
    if (status == LETHE_OK) status = lethe_dicom_encode(&w->out, explicit_little, LETHE_TAG(0x0004, 0x1200), LETHE_VR_UL, zero, 4, error);
    w->first_root = w->out.size - 4;
    if (status == LETHE_OK) status = lethe_dicom_encode(&w->out, explicit_little, LETHE_TAG(0x0004, 0x1202), LETHE_VR_UL, zero, 4, error);
    w->last_root = w->out.size - 4;
    if (status == LETHE_OK) status = lethe_dicom_encode_us(&w->out, explicit_little, LETHE_TAG(0x0004, 0x1212), 0, error);
    return status == LETHE_OK ? lethe_dicom_encode_sequence_begin(&w->out, explicit_little, LETHE_TAG(0x0004, 0x1220), error) : status;
}

static lethe_status write_directory(file_set *set, lethe_error *error) {
    writing w = {0};
    lethe_buffer_init(&w.out, UINT32_MAX);
    lethe_dicomdir_counts *c = set->counts;
    lethe_status status = begin_directory(set, &w, error);
    unsigned study = 0, series = 0, instance = 0;
    for (size_t i = 0; i < set->count && status == LETHE_OK; i++) {
        const entry *e = &set->entries[i], *before = i == 0 ? NULL : &set->entries[i - 1];
        bool new_patient = before == NULL || strcmp(before->patient, e->patient) != 0,
             new_study = new_patient || strcmp(before->study, e->study) != 0, new_series = new_study || strcmp(before->series, e->series) != 0;
        if (new_patient) c->patients++, study = 0;
        if (new_study) c->studies++, study++, series = 0;
        if (new_series) c->series++, series++, instance = 0;
        c->instances++;
        instance++;
        char relative[64];
        (void)snprintf(relative, sizeof relative, "DICOM/PT%06u/ST%06u/SE%06u/IM%06u", (unsigned)c->patients % 1000000, study % 1000000,
                       series % 1000000, instance % 1000000);
        if (new_patient) status = put_above(&w, 0, e, error);
        if (status == LETHE_OK && new_study) status = put_above(&w, 1, e, error);
        if (status == LETHE_OK && new_series) status = put_above(&w, 2, e, error);
        if (status == LETHE_OK) status = put_instance(&w, e, relative, error);
        if (status == LETHE_OK) status = second_name(set, e, relative, error);
    }
    if (status == LETHE_OK) status = lethe_dicom_encode_sequence_end(&w.out, explicit_little, error);
    char *path = status == LETHE_OK ? lethe_path_join(set->media, "DICOMDIR") : NULL;
    if (status == LETHE_OK && path == NULL) status = lethe_fail(error, LETHE_NO_MEMORY, "no memory for a path");
    if (status == LETHE_OK) status = lethe_file_write(path, w.out.bytes, w.out.size, 0644, error);
    lethe_free(path);
    lethe_buffer_release(&w.out);
    return status;
}

/* Exports of a project lie beside what is released: copies. */
static bool has_exports(const char *released) {
    char *config = lethe_path_join(released, "../project.yaml");
    bool has = config != NULL && access(config, F_OK) == 0;
    lethe_free(config);
    return has;
}

lethe_status lethe_dicomdir_write(const char *released, const char *media, lethe_dicomdir_counts *counts, lethe_error *error) {
    *counts = (lethe_dicomdir_counts){0};
    file_set set = {.released = released, .media = media, .counts = counts, .arena = lethe_arena_create(LETHE_LIMIT_ARENA_BYTES)};
    set.skip_exports = has_exports(released);
    lethe_status status =
        set.arena == NULL ? lethe_fail(error, LETHE_NO_MEMORY, "no memory for a directory") : lethe_folder_create(media, 0755, error);
    if (status == LETHE_OK) status = lethe_walk(released, add_file, &set, error);
    if (set.count != 0) qsort(set.entries, set.count, sizeof *set.entries, by_place);
    if (status == LETHE_OK) status = clear_media(media, error);
    if (status == LETHE_OK) status = write_directory(&set, error);
    for (size_t i = 0; i < set.count; i++) free_entry(&set.entries[i]);
    lethe_free(set.entries);
    lethe_arena_destroy(set.arena);
    return status;
}

lethe_status lethe_dicomdir_remove(const char *media, lethe_error *error) {
    char *directory = lethe_path_join(media, "DICOMDIR"), *folder = lethe_path_join(media, "DICOM");
    lethe_status status = directory == NULL || folder == NULL ? lethe_fail(error, LETHE_NO_MEMORY, "no memory for a path") : LETHE_OK;
    bool ours = status == LETHE_OK && access(folder, F_OK) == 0 && lethe_walk(folder, is_ours, NULL, NULL) == LETHE_OK;
    if (ours) status = clear_media(media, error);
    if (status == LETHE_OK && unlink(directory) != 0 && errno != ENOENT) status = lethe_fail_errno(error, errno, "cannot remove a DICOMDIR");
    lethe_free(directory);
    lethe_free(folder);
    return status;
}
