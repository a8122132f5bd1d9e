#include "annotate/rename.h"

#include "annotate/image_index_internal.h"
#include "annotate/text_out.h"
#include "core/arena.h"
#include "core/file.h"
#include "core/limits.h"
#include "core/memory.h"
#include "core/pseudonym.h"
#include "imaging/dicom/edit.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct lethe_renamer {
    lethe_pseudonymizer *pseudonymizer;
};

/* --- names --- */

lethe_status lethe_renamer_create(const char *key_path, const char *snapshot, lethe_renamer **out, lethe_error *error) {
    uint8_t key[LETHE_KEY_BYTES] = {0}, own[LETHE_KEY_BYTES] = {0};
    lethe_pseudonymizer *ground = NULL;
    *out = NULL;
    lethe_renamer *renamer = lethe_alloc_array(1, sizeof *renamer);
    lethe_status status = renamer == NULL ? lethe_fail(error, LETHE_NO_MEMORY, "no memory for names") : LETHE_OK;
    if (status == LETHE_OK && access(key_path, F_OK) != 0) status = lethe_key_create(key_path, error);
    if (status == LETHE_OK) status = lethe_key_load(key_path, key, error);
    if (status == LETHE_OK) status = lethe_pseudonymizer_create(key, &ground, error);
    if (status == LETHE_OK) status = lethe_pseudonym_digest(ground, "case names", snapshot, strlen(snapshot), own, error);
    if (status == LETHE_OK) status = lethe_pseudonymizer_create(own, &renamer->pseudonymizer, error);
    lethe_pseudonymizer_destroy(ground);
    lethe_wipe(key, sizeof key);
    lethe_wipe(own, sizeof own);
    if (status == LETHE_OK) *out = renamer;
    else lethe_renamer_destroy(renamer);
    return status;
}

void lethe_renamer_destroy(lethe_renamer *renamer) {
    if (renamer == NULL) return;
    lethe_pseudonymizer_destroy(renamer->pseudonymizer);
    lethe_free(renamer);
}

static lethe_status letters(lethe_renamer *renamer, const char *purpose, const char *value, char out[LETHE_CASE_NAME_SIZE], lethe_error *error) {
    uint8_t digest[32];
    uint64_t number = 0;
    lethe_status status = lethe_pseudonym_digest(renamer->pseudonymizer, purpose, value, strlen(value), digest, error);
    if (status != LETHE_OK) return status;
    for (int i = 0; i < 8; i++) number = number << 8 | digest[i];
    for (int i = 0; i < LETHE_CASE_NAME_SIZE - 1; i++, number /= 26) out[i] = (char)('A' + (int)(number % 26));
    out[LETHE_CASE_NAME_SIZE - 1] = '\0';
    return LETHE_OK;
}

lethe_status lethe_renamer_case(lethe_renamer *renamer, const char *patient, char out[LETHE_CASE_NAME_SIZE], lethe_error *error) {
    return letters(renamer, "patient", patient, out, error);
}

lethe_status lethe_renamer_uid(lethe_renamer *renamer, const char *uid, char out[LETHE_UID_SIZE], lethe_error *error) {
    if (uid[0] == '\0' || strncmp(uid, "1.2.840.10008.", 14) == 0 || strlen(uid) >= LETHE_UID_SIZE) {
        (void)snprintf(out, LETHE_UID_SIZE, "%s", uid);
        return LETHE_OK;
    }
    return lethe_pseudonym_uid(renamer->pseudonymizer, uid, strlen(uid), out, error);
}

/* --- the index --- */

static lethe_status keep(lethe_image_index *index, const char *text, const char **out, lethe_error *error) {
    *out = lethe_arena_strndup(index->arena, text, strlen(text));
    return *out != NULL ? LETHE_OK : lethe_fail(error, LETHE_NO_MEMORY, "no memory for names");
}

static lethe_status rename_uid(lethe_renamer *renamer, lethe_image_index *index, const char **uid, lethe_error *error) {
    char fresh[LETHE_UID_SIZE];
    lethe_status status = lethe_renamer_uid(renamer, *uid, fresh, error);
    return status == LETHE_OK ? keep(index, fresh, uid, error) : status;
}

static const char *ending_of(const char *path) {
    const char *dot = strrchr(lethe_path_name(path), '.');
    return dot == NULL ? "" : dot;
}

static lethe_status rename_image(lethe_renamer *renamer, lethe_image_index *index, lethe_image_ref *ref, lethe_error *error) {
    char name[LETHE_CASE_NAME_SIZE], slide[LETHE_CASE_NAME_SIZE], path[512];
    lethe_status status = lethe_renamer_case(renamer, ref->patient, name, error);
    ref->source_patient = ref->patient;
    ref->source_key = ref->key;
    if (status == LETHE_OK) status = keep(index, name, &ref->patient, error);
    if (status == LETHE_OK) status = rename_uid(renamer, index, &ref->study_uid, error);
    if (status == LETHE_OK) status = rename_uid(renamer, index, &ref->series_uid, error);
    if (status == LETHE_OK && !ref->is_slide) status = rename_uid(renamer, index, &ref->key, error);
    if (status == LETHE_OK && ref->is_slide) status = letters(renamer, "slide", ref->source, slide, error);
    if (status != LETHE_OK) return status;
    int length = ref->is_slide ? snprintf(path, sizeof path, "%s/%s%s", name, slide, ending_of(ref->source))
                               : snprintf(path, sizeof path, "%s/%s/%s/%s.dcm", name, ref->study_uid, ref->series_uid, ref->key);
    if (length < 0 || (size_t)length >= sizeof path) return lethe_fail(error, LETHE_LIMIT, "a name is too long");
    status = keep(index, path, &ref->path, error);
    path[(size_t)length - strlen(ending_of(path))] = '\0';
    if (status == LETHE_OK) status = keep(index, path, &ref->stem, error);
    if (status == LETHE_OK && ref->is_slide) ref->key = ref->path;
    return status;
}

/* Neighbours of the sorted index: one name, two patients? */
static lethe_status check_names(const lethe_image_index *index, lethe_error *error) {
    for (size_t i = 1; i < index->count; i++) {
        const lethe_image_ref *a = &index->images[i - 1], *b = &index->images[i];
        bool one_patient = strcmp(a->patient, b->patient) == 0, one_path = strcmp(a->path, b->path) == 0;
        if (one_path || (one_patient && strcmp(a->source_patient, b->source_patient) != 0))
            return lethe_fail(error, LETHE_EXISTS, "two cases would get one name: take another key for the names");
    }
    return LETHE_OK;
}

lethe_status lethe_rename_index(lethe_renamer *renamer, lethe_image_index *index, lethe_error *error) {
    lethe_status status = LETHE_OK;
    index->renamer = renamer;
    for (size_t i = 0; status == LETHE_OK && i < index->count; i++) status = rename_image(renamer, index, &index->images[i], error);
    if (status == LETHE_OK) status = lethe_image_index_arrange(index, error);
    return status == LETHE_OK ? check_names(index, error) : status;
}

/* --- labels --- */

typedef struct known_image {
    const char *old;
    const lethe_image_ref *ref;
} known_image;

static int by_old(const void *a, const void *b) { return strcmp(((const known_image *)a)->old, ((const known_image *)b)->old); }

static const lethe_image_ref *find_old(const known_image *known, size_t count, const char *old) {
    known_image key = {.old = old};
    const known_image *found = count == 0 ? NULL : bsearch(&key, known, count, sizeof key, by_old);
    return found == NULL ? NULL : found->ref;
}

static lethe_status rename_label(lethe_renamer *renamer, const known_image *known, size_t count, lethe_annotations *labels, lethe_annotation *a,
                                 lethe_error *error) {
    char name[LETHE_CASE_NAME_SIZE], uid[LETHE_UID_SIZE];
    const char **uids[2] = {&a->study_uid, &a->series_uid};
    lethe_status status = lethe_renamer_case(renamer, a->patient, name, error);
    if (status == LETHE_OK && (a->patient = lethe_arena_strndup(labels->arena, name, strlen(name))) == NULL)
        status = lethe_fail(error, LETHE_NO_MEMORY, "no memory for names");
    for (int i = 0; status == LETHE_OK && i < 2; i++) {
        status = lethe_renamer_uid(renamer, *uids[i], uid, error);
        if (status == LETHE_OK && (*uids[i] = lethe_arena_strndup(labels->arena, uid, strlen(uid))) == NULL)
            status = lethe_fail(error, LETHE_NO_MEMORY, "no memory for names");
    }
    if (status == LETHE_OK && a->image[0] != '\0') {
        const lethe_image_ref *ref = find_old(known, count, a->image);
        if (ref == NULL) return lethe_fail(error, LETHE_NOT_FOUND, "a label's image is not in the catalogue");
        a->image = ref->key;
    }
    for (size_t i = 0; status == LETHE_OK && i < a->shape.slice_count; i++) {
        char **image = &a->shape.slices[i].image;
        if (*image == NULL || (*image)[0] == '\0') continue;
        const lethe_image_ref *ref = find_old(known, count, *image);
        /* An image of a volume that was withdrawn keeps no name at all. */
        const char *fresh = ref == NULL ? "withdrawn" : ref->key;
        if ((*image = lethe_arena_strndup(labels->arena, fresh, strlen(fresh))) == NULL)
            status = lethe_fail(error, LETHE_NO_MEMORY, "no memory for names");
    }
    return status;
}

lethe_status lethe_rename_labels(lethe_renamer *renamer, const lethe_image_index *index, lethe_annotations *labels, lethe_error *error) {
    known_image *known = lethe_alloc_array(index->count, sizeof *known);
    lethe_status status = known == NULL ? lethe_fail(error, LETHE_NO_MEMORY, "no memory for names") : LETHE_OK;
    for (size_t i = 0; status == LETHE_OK && i < index->count; i++) known[i] = (known_image){index->images[i].source_key, &index->images[i]};
    if (status == LETHE_OK && index->count > 1) qsort(known, index->count, sizeof *known, by_old);
    for (size_t i = 0; status == LETHE_OK && i < labels->count; i++)
        status = rename_label(renamer, known, index->count, labels, &labels->items[i], error);
    lethe_free(known);
    return status;
}

/* --- files --- */

typedef struct rewriting {
    lethe_renamer *renamer;
    lethe_edit_script *script;
    const lethe_image_ref *ref;
    lethe_status status;
    lethe_error *error;
} rewriting;

/* Classes, syntaxes and implementations are no names. */
static bool names_something(lethe_tag tag) {
    static const lethe_tag classes[] = {0x00020002, 0x00020010, 0x00020012, 0x00080016, 0x00081150, 0x0008010C};
    for (size_t i = 0; i < sizeof classes / sizeof *classes; i++)
        if (classes[i] == tag) return false;
    return true;
}

static bool rewrite_uids(rewriting *w, const lethe_dicom_element *element) {
    lethe_buffer joined;
    lethe_buffer_init(&joined, 1 << 20);
    unsigned count = lethe_dicom_multiplicity(element);
    for (unsigned i = 0; w->status == LETHE_OK && i < count; i++) {
        char old[80], fresh[LETHE_UID_SIZE];
        if (!lethe_dicom_element_text(element, i, old, sizeof old)) old[0] = '\0';
        w->status = lethe_renamer_uid(w->renamer, old, fresh, w->error);
        if (w->status == LETHE_OK) w->status = lethe_buffer_printf(&joined, w->error, "%s%s", i == 0 ? "" : "\\", fresh);
    }
    if (w->status == LETHE_OK) w->status = lethe_edit_replace(w->script, element, LETHE_VR_NONE, joined.bytes, joined.size, "case name", w->error);
    lethe_buffer_release(&joined);
    return w->status == LETHE_OK;
}

static bool rewrite_element(void *context, const lethe_dicom_element *element) {
    rewriting *w = context;
    if (element->form != LETHE_DICOM_LEAF) return true;
    if (element->vr == LETHE_VR_UI) return names_something(element->tag) && element->value_bytes > 0 ? rewrite_uids(w, element) : true;
    if (element->tag == 0x00100010 || element->tag == 0x00100020)
        w->status = lethe_edit_replace(w->script, element, LETHE_VR_NONE, w->ref->patient, strlen(w->ref->patient), "case name", w->error);
    else if ((element->tag == 0x00080050 || element->tag == 0x00200010) && element->value_bytes > 0)
        w->status = lethe_edit_replace(w->script, element, LETHE_VR_NONE, "", 0, "case name", w->error);
    return w->status == LETHE_OK;
}

static bool is_name_byte(uint8_t byte) { return isalnum(byte) || byte == '.' || byte == '-'; }

/* As a whole: a long new UID may begin like a short old one. */
static bool holds_name(const uint8_t *bytes, size_t size, const char *name) {
    size_t length = strlen(name);
    for (size_t at = 0; length <= size - at;) {
        const uint8_t *found = memmem(bytes + at, size - at, name, length);
        if (found == NULL) return false;
        size_t place = (size_t)(found - bytes), after = place + length;
        if ((place == 0 || !is_name_byte(found[-1])) && (after == size || !is_name_byte(bytes[after]))) return true;
        at = place + 1;
    }
    return false;
}

/* No old name may stand anywhere in what was written. */
static lethe_status check_output(const char *path, const lethe_image_ref *ref, lethe_error *error) {
    lethe_map map = {.fd = -1};
    const char *const old[] = {ref->source_patient, ref->source_key};
    lethe_status status = lethe_map_open(path, &map, error);
    for (size_t i = 0; status == LETHE_OK && i < sizeof old / sizeof *old; i++)
        if (strlen(old[i]) > 7 && holds_name(map.bytes, map.size, old[i]))
            status = lethe_fail(error, LETHE_UNSAFE, "a file still holds a name of the project after it was renamed");
    if (map.fd >= 0) lethe_map_close(&map);
    return status;
}

lethe_status lethe_rename_dicom(lethe_renamer *renamer, const char *source, const lethe_image_ref *ref, lethe_package *package, const char *relative,
                                lethe_error *error) {
    lethe_map map = {.fd = -1};
    lethe_dicom_dataset *dataset = NULL;
    lethe_output *output = NULL;
    char *path = NULL;
    lethe_arena *arena = lethe_arena_create(LETHE_LIMIT_ARENA_BYTES);
    lethe_status status = arena == NULL ? lethe_fail(error, LETHE_NO_MEMORY, "no memory for a file") : lethe_map_open(source, &map, error);
    if (status == LETHE_OK) status = lethe_dicom_dataset_parse(map.bytes, map.size, arena, &dataset, error);
    rewriting w = {.renamer = renamer, .ref = ref, .error = error};
    if (status == LETHE_OK && (w.script = lethe_edit_script_create(dataset)) == NULL)
        status = lethe_fail(error, LETHE_NO_MEMORY, "no memory for a file");
    if (status == LETHE_OK) {
        if (dataset->meta != NULL) lethe_dicom_visit(dataset->meta, rewrite_element, &w);
        if (w.status == LETHE_OK) lethe_dicom_visit(dataset->root, rewrite_element, &w);
        status = w.status;
    }
    if (status == LETHE_OK) status = lethe_package_place(package, relative, &path, error);
    if (status == LETHE_OK) status = lethe_output_create(path, &output, error);
    if (status == LETHE_OK) status = lethe_edit_write(w.script, map.fd, output, error);
    if (status == LETHE_OK) {
        status = lethe_output_commit(output, 0644, LETHE_SYNC_NONE, error);
        output = NULL;
    }
    lethe_output_discard(output);
    if (status == LETHE_OK) status = check_output(path, ref, error);
    if (status == LETHE_OK) status = lethe_package_adopt(package, relative, error);
    lethe_dicom_dataset_release(dataset);
    if (map.fd >= 0) lethe_map_close(&map);
    lethe_arena_destroy(arena);
    lethe_free(path);
    return status;
}

lethe_status lethe_rename_mapping(const lethe_image_index *index, const char *path, lethe_error *error) {
    lethe_buffer out;
    lethe_buffer_init(&out, (size_t)1 << 32);
    lethe_status status = lethe_buffer_append_text(&out, "case,path,patient,released_path\n", error);
    for (size_t i = 0; status == LETHE_OK && i < index->count; i++) {
        const lethe_image_ref *ref = &index->images[i];
        const char *const fields[4] = {ref->patient, ref->path, ref->source_patient, ref->source};
        for (int k = 0; status == LETHE_OK && k < 4; k++) {
            status = lethe_csv_field(&out, fields[k], error);
            if (status == LETHE_OK) status = lethe_buffer_append(&out, k < 3 ? "," : "\n", 1, error);
        }
    }
    if (status == LETHE_OK) status = lethe_file_write(path, out.bytes, out.size, 0600, error);
    lethe_buffer_release(&out);
    return status;
}
