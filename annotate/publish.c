#include "annotate/publish.h"

#include "annotate/leakage.h"
#include "annotate/rename.h"
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
    size_t count = 0;
    const lethe_annotation *const *about = lethe_dataset_classifications(d, name, &count);
    for (size_t i = 0; label != NULL && i < count; i++)
        if (strcmp(about[i]->label, label) == 0 && strcmp(about[i]->value, best) > 0) best = about[i]->value;
    return best;
}

/* `images` of this patient from `first` on: has any a region? */
static bool has_region(const lethe_dataset *d, size_t first) {
    const char *name = lethe_image_index_at(d->index, first)->patient;
    for (size_t i = first; i < lethe_image_index_count(d->index) && strcmp(lethe_image_index_at(d->index, i)->patient, name) == 0; i++) {
        size_t count;
        (void)lethe_dataset_parts_of(d, i, &count);
        if (count > 0) return true;
    }
    return false;
}

static lethe_status describe_patient(const lethe_dataset *d, const lethe_publication *p, const lethe_csv *sites, size_t first, patient *out,
                                     lethe_error *error) {
    char text[400];
    const lethe_image_ref *ref = lethe_image_index_at(d->index, first);
    out->name = ref->patient;
    (void)snprintf(out->stratum, sizeof out->stratum, "%.60s|%d|%.60s|%.40s|%.60s", label_value(d, ref->patient, p->stratify), has_region(d, first),
                   ref->manufacturer, ref->modality, lethe_site_of(sites, ref));
    int length = snprintf(text, sizeof text, "%llu|%.300s", (unsigned long long)p->seed, ref->patient);
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
    lethe_csv *sites = NULL;
    patient *patients = lethe_alloc_array(images, sizeof *patients);
    lethe_status status =
        patients == NULL ? lethe_fail(error, LETHE_NO_MEMORY, "no memory for splits") : lethe_sites_load(p->sites_path, &sites, error);
    for (size_t i = 0; status == LETHE_OK && i < images; i++) { /* the catalogue is ordered by patient */
        const lethe_image_ref *ref = lethe_image_index_at(d->index, i);
        if (count == 0 || strcmp(patients[count - 1].name, ref->patient) != 0) status = describe_patient(d, p, sites, i, &patients[count++], error);
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
    lethe_csv_destroy(sites);
    return status;
}

/* --- writing --- */

static lethe_status copy_images(lethe_dataset *d, lethe_error *error) {
    lethe_status status = LETHE_OK;
    for (size_t i = 0; status == LETHE_OK && i < lethe_image_index_count(d->index); i++) {
        if (!lethe_dataset_has(d, i)) continue;
        const lethe_image_ref *ref = lethe_image_index_at(d->index, i);
        lethe_renamer *renamer = lethe_image_index_renamer(d->index);
        char *source = lethe_path_join(d->released_path, ref->source), *target = lethe_path_join("images", ref->path);
        if (source == NULL || target == NULL) status = lethe_fail(error, LETHE_NO_MEMORY, "no memory for a path");
        else if (renamer != NULL && !ref->is_slide) status = lethe_rename_dicom(renamer, source, ref, d->package, target, error);
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

/* Tiles of a hidden split are pictures: all of the slide, since a choice by regions would tell where they are. Leaves tile_all set. */
static lethe_status write_open_tiles(lethe_dataset *d, const lethe_format *const *formats, size_t count, lethe_error *error) {
    lethe_status status = LETHE_OK;
    d->options.tile_all = true;
    d->options.tile_part = LETHE_TILES_PICTURES;
    for (size_t i = 0; status == LETHE_OK && i < count; i++)
        if (strcmp(formats[i]->name, "tiles") == 0) status = formats[i]->write(d, error);
    return status;
}

/* The labels of the test split go into a folder beside the package, are sealed and removed. */
static lethe_status hide_test(lethe_dataset *d, const lethe_publication *p, const lethe_format *const *formats, size_t count, lethe_error *error) {
    lethe_package *open = d->package, *hidden = NULL;
    const lethe_dataset_options options = d->options;
    char *folder = lethe_asprintf("%s.labels", p->hidden_path);
    lethe_status status = folder == NULL ? lethe_fail(error, LETHE_NO_MEMORY, "no memory for a path") : lethe_folder_create(folder, 0700, error);
    if (status == LETHE_OK) status = lethe_package_create(folder, &hidden, error);
    if (status == LETHE_OK) status = write_open_tiles(d, formats, count, error);
    if (status == LETHE_OK) {
        d->package = hidden;
        d->options.tile_part = LETHE_TILES_MASKS;
        status = write_formats(d, formats, count, error);
        if (status == LETHE_OK) status = lethe_package_finish(hidden, error);
        if (status == LETHE_OK) status = lethe_seal(folder, p->key_path, p->hidden_path, error);
        (void)nftw(folder, remove_found, 16, FTW_DEPTH | FTW_PHYS);
    }
    d->package = open;
    d->options = options;
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
    lethe_status status = lethe_publish_writes_loose(d, p) ? copy_images(d, error) : LETHE_OK;
    lethe_package *package = d->package;
    bool hide = which == LETHE_SPLIT_TEST && p->hidden_path != NULL;
    if (status == LETHE_OK) status = hide ? hide_test(d, p, formats, count, error) : write_formats(d, formats, count, error);
    lethe_package_set_prefix(package, "");
    if (status == LETHE_OK && p->shards != LETHE_SHARDS_NONE) status = lethe_shards_write(d, p, lethe_split_name(which), !hide, error);
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

lethe_status lethe_publish(lethe_dataset *d, const lethe_publication *p, const lethe_format *const *formats, size_t count, lethe_error *error) {
    size_t images = lethe_image_index_count(d->index);
    bool split = p->shares[0] + p->shares[1] + p->shares[2] > 0;
    uint8_t *splits = split ? lethe_alloc_array(images, 1) : NULL;
    lethe_status status = LETHE_OK;
    if (split && (splits == NULL || (d->selected = lethe_alloc_array(images, 1)) == NULL))
        status = lethe_fail(error, LETHE_NO_MEMORY, "no memory for splits");
    if (status == LETHE_OK && split) status = lethe_split_assign(d, p, splits, error);
    if (status == LETHE_OK && split) status = lethe_leakage_write(d, p, splits, error);
    if (status == LETHE_OK && !split) {
        if (lethe_publish_writes_loose(d, p)) status = copy_images(d, error);
        if (status == LETHE_OK) status = write_formats(d, formats, count, error);
        if (status == LETHE_OK && p->shards != LETHE_SHARDS_NONE) status = lethe_shards_write(d, p, NULL, true, error);
    }
    for (int which = 0; status == LETHE_OK && split && which < LETHE_SPLITS; which++)
        if (p->shares[which] > 0) status = write_split(d, p, splits, (lethe_split)which, formats, count, error);
    lethe_free(d->selected);
    d->selected = NULL;
    if (status == LETHE_OK && split) status = write_split_table(d, splits, error);
    if (status == LETHE_OK && p->preview > 0) status = lethe_preview_write(d, p, splits, error);
    if (status == LETHE_OK) status = lethe_publish_metadata(d, p, splits, error);
    lethe_free(splits);
    return status;
}
