#include "annotate/leakage.h"

#include "core/memory.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

lethe_status lethe_sites_load(const char *path, lethe_csv **out, lethe_error *error) {
    *out = NULL;
    if (path == NULL) return LETHE_OK;
    lethe_status status = lethe_csv_load(path, out, error);
    if (status == LETHE_OK && (lethe_csv_find(*out, "patient") < 0 || lethe_csv_find(*out, "site") < 0)) {
        lethe_csv_destroy(*out);
        *out = NULL;
        status = lethe_fail(error, LETHE_MALFORMED, "the table of sites needs the columns patient and site");
    }
    return status;
}

const char *lethe_site_of(const lethe_csv *sites, const lethe_image_ref *ref) {
    if (sites == NULL) return "";
    size_t patient = (size_t)lethe_csv_find(sites, "patient"), site = (size_t)lethe_csv_find(sites, "site");
    for (size_t row = 0; row < lethe_csv_rows(sites); row++)
        if (strcmp(lethe_csv_get(sites, row, patient), ref->source_patient) == 0) return lethe_csv_get(sites, row, site);
    return "";
}

/* One patient of one split on one machine or at one site. */
typedef struct seen {
    char group[160];
    const char *patient;
    uint8_t split;
} seen;

static int by_group(const void *a, const void *b) {
    const seen *left = a, *right = b;
    int order = strcmp(left->group, right->group);
    if (order == 0) order = (int)left->split - (int)right->split;
    return order != 0 ? order : strcmp(left->patient, right->patient);
}

/* "key":[{"name":..,"patients":{"train":n,...}}]: patients are counted once per group and split. */
static lethe_status put_groups(const char *key, seen *list, size_t count, lethe_buffer *out, lethe_error *error) {
    size_t shared = 0, groups = 0;
    lethe_status status = lethe_buffer_printf(out, error, ",\n \"%s\":[", key);
    if (count > 1) qsort(list, count, sizeof *list, by_group);
    for (size_t i = 0; status == LETHE_OK && i < count;) {
        size_t end = i, patients[LETHE_SPLITS] = {0}, splits = 0;
        for (; end < count && strcmp(list[end].group, list[i].group) == 0; end++)
            if (end == i || list[end].split != list[end - 1].split || strcmp(list[end].patient, list[end - 1].patient) != 0)
                patients[list[end].split]++;
        status = lethe_buffer_append_text(out, groups++ == 0 ? "\n  {\"name\":" : ",\n  {\"name\":", error);
        if (status == LETHE_OK) status = lethe_json_string(out, list[i].group[0] == '\0' ? "not known" : list[i].group, error);
        for (int k = 0; status == LETHE_OK && k < LETHE_SPLITS; k++) {
            status = lethe_buffer_printf(out, error, ",\"%s\":%zu", lethe_split_name((lethe_split)k), patients[k]);
            splits += patients[k] > 0;
        }
        if (status == LETHE_OK) status = lethe_buffer_append_text(out, "}", error);
        shared += splits > 1;
        i = end;
    }
    return status == LETHE_OK ? lethe_buffer_printf(out, error, "],\n \"%s_in_several_splits\":%zu", key, shared) : status;
}

static size_t patients_in_two(const lethe_dataset *d, const uint8_t *splits) {
    size_t found = 0;
    for (size_t i = 1; i < lethe_image_index_count(d->index); i++)
        found += splits[i] != splits[i - 1] &&
                 strcmp(lethe_image_index_at(d->index, i)->source_patient, lethe_image_index_at(d->index, i - 1)->source_patient) == 0;
    return found;
}

static lethe_status put_pairs(const lethe_dataset *d, const uint8_t *splits, lethe_buffer *out, lethe_error *error) {
    lethe_buffer found;
    size_t count = 0, unread = 0;
    lethe_buffer_init(&found, (size_t)1 << 30);
    lethe_status status = lethe_leak_check(d, splits, &found, &count, &unread, error);
    if (status == LETHE_OK && count > 0)
        status = lethe_fail(error, LETHE_UNSAFE, "%zu pairs of pictures in different splits look the same; the first: %.*s", count,
                            (int)strcspn(lethe_buffer_text(&found), "\n"), lethe_buffer_text(&found));
    if (status == LETHE_OK) status = lethe_buffer_printf(out, error, ",\n \"look_alike_pairs\":%zu,\n \"images_not_compared\":%zu", count, unread);
    lethe_buffer_release(&found);
    return status;
}

lethe_status lethe_leakage_write(lethe_dataset *d, const lethe_publication *p, const uint8_t *splits, lethe_error *error) {
    size_t images = lethe_image_index_count(d->index), twice = patients_in_two(d, splits);
    lethe_csv *sites = NULL;
    lethe_buffer out;
    lethe_buffer_init(&out, (size_t)1 << 28);
    seen *list = lethe_alloc_array(images, sizeof *list);
    lethe_status status =
        list == NULL ? lethe_fail(error, LETHE_NO_MEMORY, "no memory for a report") : lethe_sites_load(p->sites_path, &sites, error);
    if (status == LETHE_OK && twice > 0) status = lethe_fail(error, LETHE_UNSAFE, "%zu patients are in two splits", twice);
    if (status == LETHE_OK) status = lethe_buffer_printf(&out, error, "{\"patients_in_several_splits\":%zu", twice);
    for (size_t i = 0; status == LETHE_OK && i < images; i++) {
        const lethe_image_ref *ref = lethe_image_index_at(d->index, i);
        list[i] = (seen){.patient = ref->patient, .split = splits[i]};
        (void)snprintf(list[i].group, sizeof list[i].group, "%.76s%s%.76s", ref->manufacturer, ref->model[0] == '\0' ? "" : " ", ref->model);
    }
    if (status == LETHE_OK) status = put_groups("machines", list, images, &out, error);
    const char *patient = NULL, *site = "";
    for (size_t i = 0; status == LETHE_OK && sites != NULL && i < images; i++) {
        const lethe_image_ref *ref = lethe_image_index_at(d->index, i);
        if (patient == NULL || strcmp(patient, ref->patient) != 0) site = lethe_site_of(sites, ref);
        patient = ref->patient;
        list[i] = (seen){.patient = patient, .split = splits[i]};
        (void)snprintf(list[i].group, sizeof list[i].group, "%.150s", site);
    }
    if (status == LETHE_OK && sites != NULL) status = put_groups("sites", list, images, &out, error);
    if (status == LETHE_OK && p->check_duplicates) status = put_pairs(d, splits, &out, error);
    if (status == LETHE_OK) status = lethe_buffer_append_text(&out, "}\n", error);
    if (status == LETHE_OK) status = lethe_package_write(d->package, "leakage.json", out.bytes, out.size, error);
    lethe_csv_destroy(sites);
    lethe_buffer_release(&out);
    lethe_free(list);
    return status;
}
