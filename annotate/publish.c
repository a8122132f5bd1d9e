#include "annotate/publish.h"

#include "core/file.h"
#include "core/memory.h"
#include "core/pseudonym.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *lethe_split_name(lethe_split split) {
    static const char *const names[LETHE_SPLITS] = {"train", "validation", "test"};
    return (unsigned)split < LETHE_SPLITS ? names[split] : "unknown";
}

/* --- splits --- */

typedef struct patient {
    const char *name;
    char stratum[256], order[65];
    lethe_split split;
} patient;

static int by_stratum(const void *a, const void *b) {
    const patient *left = a, *right = b;
    int order = strcmp(left->stratum, right->stratum);
    return order != 0 ? order : strcmp(left->order, right->order);
}

static int by_name(const void *a, const void *b) { return strcmp(((const patient *)a)->name, ((const patient *)b)->name); }

/* Value of the label on this patient: the largest text said, "" when none. */
static const char *label_value(const lethe_dataset *d, const char *name, const char *label) {
    const char *best = "";
    for (size_t i = 0; label != NULL && i < d->labels->count; i++) {
        const lethe_annotation *a = &d->labels->items[i];
        if (strcmp(a->patient, name) == 0 && strcmp(a->label, label) == 0 && strcmp(a->value, best) > 0) best = a->value;
    }
    return best;
}

static bool has_region(const lethe_dataset *d, const char *name) {
    for (size_t i = 0; i < d->part_count; i++)
        if (strcmp(d->parts[i].annotation->patient, name) == 0) return true;
    return false;
}

static lethe_status describe_patient(const lethe_dataset *d, const lethe_publication *p, const lethe_image_ref *first, patient *out,
                                     lethe_error *error) {
    char text[400];
    out->name = first->patient;
    (void)snprintf(out->stratum, sizeof out->stratum, "%.60s|%d|%.60s|%.40s", label_value(d, first->patient, p->stratify),
                   has_region(d, first->patient), first->manufacturer, first->modality);
    int length = snprintf(text, sizeof text, "%llu|%.300s", (unsigned long long)p->seed, first->patient);
    return lethe_sha256_hex(text, (size_t)length, out->order, error);
}

/* Cut each stratum so that, over all strata so far, every split has its share: small strata do not all fall into train. */
static void deal(patient *patients, size_t count, const double shares[LETHE_SPLITS]) {
    double total = shares[0] + shares[1] + shares[2], owed[LETHE_SPLITS] = {0};
    for (size_t i = 0; i < count; i++) {
        size_t best = 0;
        for (size_t k = 0; k < LETHE_SPLITS; k++) owed[k] += shares[k] / total;
        for (size_t k = 1; k < LETHE_SPLITS; k++)
            if (owed[k] > owed[best] + 1e-12) best = k;
        patients[i].split = (lethe_split)best;
        owed[best] -= 1;
    }
}

lethe_status lethe_split_assign(const lethe_dataset *d, const lethe_publication *p, uint8_t *splits, lethe_error *error) {
    size_t images = lethe_image_index_count(d->index), count = 0;
    patient *patients = lethe_alloc_array(images, sizeof *patients);
    lethe_status status = patients == NULL ? lethe_fail(error, LETHE_NO_MEMORY, "no memory for splits") : LETHE_OK;
    for (size_t i = 0; status == LETHE_OK && i < images; i++) { /* the catalogue is ordered by patient */
        const lethe_image_ref *ref = lethe_image_index_at(d->index, i);
        if (count == 0 || strcmp(patients[count - 1].name, ref->patient) != 0) status = describe_patient(d, p, ref, &patients[count++], error);
    }
    if (status == LETHE_OK) {
        qsort(patients, count, sizeof *patients, by_stratum);
        deal(patients, count, p->shares);
        qsort(patients, count, sizeof *patients, by_name);
        for (size_t i = 0; i < images; i++) {
            patient key = {.name = lethe_image_index_at(d->index, i)->patient};
            const patient *found = bsearch(&key, patients, count, sizeof key, by_name);
            splits[i] = found == NULL ? LETHE_SPLIT_TRAIN : (uint8_t)found->split;
        }
    }
    lethe_free(patients);
    return status;
}

/* --- writing --- */

static lethe_status copy_images(lethe_dataset *d, lethe_error *error) {
    lethe_status status = LETHE_OK;
    for (size_t i = 0; status == LETHE_OK && i < lethe_image_index_count(d->index); i++) {
        if (!lethe_dataset_has(d, i)) continue;
        const char *path = lethe_image_index_at(d->index, i)->path;
        char *source = lethe_path_join(d->released_path, path), *target = lethe_path_join("images", path);
        if (source == NULL || target == NULL) status = lethe_fail(error, LETHE_NO_MEMORY, "no memory for a path");
        else status = lethe_package_copy(d->package, target, source, error);
        lethe_free(source);
        lethe_free(target);
    }
    return status;
}

static lethe_status write_formats(lethe_dataset *d, const lethe_format *const *formats, size_t count, lethe_error *error) {
    lethe_status status = LETHE_OK;
    for (size_t i = 0; status == LETHE_OK && i < count; i++) status = formats[i]->write(d, error);
    return status;
}

static int remove_found(const char *path, const struct stat *info, int flag, struct FTW *where) {
    (void)info;
    (void)flag;
    (void)where;
    return remove(path);
}

/* The labels of the test split go into a folder beside the package, are sealed and removed. */
static lethe_status hide_test(lethe_dataset *d, const lethe_publication *p, const lethe_format *const *formats, size_t count, lethe_error *error) {
    lethe_package *open = d->package, *hidden = NULL;
    char *folder = lethe_asprintf("%s.labels", p->hidden_path);
    lethe_status status = folder == NULL ? lethe_fail(error, LETHE_NO_MEMORY, "no memory for a path") : lethe_folder_create(folder, 0700, error);
    if (status == LETHE_OK) status = lethe_package_create(folder, &hidden, error);
    if (status == LETHE_OK) {
        d->package = hidden;
        status = write_formats(d, formats, count, error);
        if (status == LETHE_OK) status = lethe_package_finish(hidden, error);
        if (status == LETHE_OK) status = lethe_seal(folder, p->key_path, p->hidden_path, error);
        (void)nftw(folder, remove_found, 16, FTW_DEPTH | FTW_PHYS);
    }
    d->package = open;
    lethe_package_destroy(hidden);
    lethe_free(folder);
    return status;
}

static lethe_status write_split(lethe_dataset *d, const lethe_publication *p, const uint8_t *splits, lethe_split which,
                                const lethe_format *const *formats, size_t count, lethe_error *error) {
    size_t images = lethe_image_index_count(d->index);
    char prefix[32];
    for (size_t i = 0; i < images; i++) d->selected[i] = splits[i] == (uint8_t)which;
    (void)snprintf(prefix, sizeof prefix, "%s/", lethe_split_name(which));
    lethe_package_set_prefix(d->package, prefix);
    lethe_status status = d->options.with_images ? copy_images(d, error) : LETHE_OK;
    lethe_package *package = d->package;
    bool hide = which == LETHE_SPLIT_TEST && p->hidden_path != NULL;
    if (status == LETHE_OK) status = hide ? hide_test(d, p, formats, count, error) : write_formats(d, formats, count, error);
    lethe_package_set_prefix(package, "");
    return status;
}

static lethe_status write_split_table(lethe_dataset *d, const uint8_t *splits, lethe_error *error) {
    lethe_buffer out;
    lethe_buffer_init(&out, (size_t)1 << 32);
    lethe_status status = lethe_buffer_append_text(&out, "image,path,patient,split\n", error);
    for (size_t i = 0; status == LETHE_OK && i < lethe_image_index_count(d->index); i++) {
        const lethe_image_ref *ref = lethe_image_index_at(d->index, i);
        status = lethe_buffer_printf(&out, error, "%s,%s,%s,%s\n", ref->key, ref->path, ref->patient, lethe_split_name((lethe_split)splits[i]));
    }
    if (status == LETHE_OK) status = lethe_package_write(d->package, "splits.csv", out.bytes, out.size, error);
    lethe_buffer_release(&out);
    return status;
}

static lethe_status check_leaks(lethe_dataset *d, const uint8_t *splits, lethe_error *error) {
    lethe_buffer found;
    size_t count = 0;
    lethe_buffer_init(&found, (size_t)1 << 30);
    lethe_status status = lethe_leak_check(d, splits, &found, &count, error);
    if (status == LETHE_OK && count > 0)
        status = lethe_fail(error, LETHE_UNSAFE, "%zu pairs of pictures in different splits look the same; the first: %.*s", count,
                            (int)strcspn(lethe_buffer_text(&found), "\n"), lethe_buffer_text(&found));
    lethe_buffer_release(&found);
    return status;
}

lethe_status lethe_publish(lethe_dataset *d, const lethe_publication *p, const lethe_format *const *formats, size_t count, lethe_error *error) {
    size_t images = lethe_image_index_count(d->index);
    bool split = p->shares[0] + p->shares[1] + p->shares[2] > 0;
    uint8_t *splits = split ? lethe_alloc_array(images, 1) : NULL;
    lethe_status status = LETHE_OK;
    if (split && (splits == NULL || (d->selected = lethe_alloc_array(images, 1)) == NULL))
        status = lethe_fail(error, LETHE_NO_MEMORY, "no memory for splits");
    if (status == LETHE_OK && split) status = lethe_split_assign(d, p, splits, error);
    if (status == LETHE_OK && split && p->check_duplicates) status = check_leaks(d, splits, error);
    if (status == LETHE_OK && !split) {
        if (d->options.with_images) status = copy_images(d, error);
        if (status == LETHE_OK) status = write_formats(d, formats, count, error);
    }
    for (int which = 0; status == LETHE_OK && split && which < LETHE_SPLITS; which++)
        if (p->shares[which] > 0) status = write_split(d, p, splits, (lethe_split)which, formats, count, error);
    lethe_free(d->selected);
    d->selected = NULL;
    if (status == LETHE_OK && split) status = write_split_table(d, splits, error);
    if (status == LETHE_OK) status = lethe_publish_metadata(d, p, splits, error);
    lethe_free(splits);
    return status;
}
