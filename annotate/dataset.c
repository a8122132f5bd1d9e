/* What an export works on: a snapshot's labels laid out by image and frame. */
#include "annotate/format.h"

#include "annotate/rename.h"
#include "annotate/snapshot.h"
#include "annotate/store_internal.h"
#include "core/memory.h"
#include "core/pseudonym.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What one author is called in the export. */
typedef struct author_code {
    char name[128], code[128], order[65];
    lethe_role role;
    bool spoke; /* in this snapshot */
} author_code;

typedef struct dataset_holder {
    lethe_dataset dataset; /* first */
    lethe_schema *schema;
    author_code *authors; /* sorted by name */
    size_t author_count, author_capacity;
    char name[256];
} dataset_holder;

static int by_place(const void *a, const void *b) {
    const lethe_part *left = a, *right = b;
    if (left->image != right->image) return left->image < right->image ? -1 : 1;
    if (left->frame != right->frame) return left->frame < right->frame ? -1 : 1;
    if (left->annotation->id != right->annotation->id) return left->annotation->id < right->annotation->id ? -1 : 1;
    return left->slice < right->slice ? -1 : left->slice > right->slice;
}

static size_t parts_in(const lethe_annotation *a) {
    if (a->level != LETHE_LEVEL_REGION) return 0;
    return a->shape.slice_count == 0 ? 1 : a->shape.slice_count;
}

static lethe_status lay_out(lethe_dataset *d, lethe_error *error) {
    size_t total = 0;
    for (size_t i = 0; i < d->labels->count; i++) total += parts_in(&d->labels->items[i]);
    if ((d->parts = lethe_alloc_array(total, sizeof *d->parts)) == NULL) return lethe_fail(error, LETHE_NO_MEMORY, "no memory for a data set");
    for (size_t i = 0; i < d->labels->count; i++) {
        const lethe_annotation *a = &d->labels->items[i];
        for (size_t slice = 0; slice < parts_in(a); slice++) {
            const lethe_mask_slice *of = a->shape.slice_count == 0 ? NULL : &a->shape.slices[slice];
            const char *name = of != NULL && of->image != NULL && of->image[0] != '\0' ? of->image : a->image;
            const lethe_image_ref *image = lethe_image_index_find(d->index, name, NULL);
            if (image == NULL) continue; /* this one image of a volume was withdrawn */
            d->parts[d->part_count++] = (lethe_part){a, slice, lethe_image_index_position(d->index, image), of != NULL ? of->frame : a->shape.frame};
        }
    }
    if (d->part_count > 1) qsort(d->parts, d->part_count, sizeof *d->parts, by_place);
    return LETHE_OK;
}

static int by_patient(const void *a, const void *b) {
    const lethe_annotation *left = *(const lethe_annotation *const *)a, *right = *(const lethe_annotation *const *)b;
    int order = strcmp(left->patient, right->patient);
    return order != 0 ? order : left->id < right->id ? -1 : left->id > right->id;
}

static lethe_status list_classifications(lethe_dataset *d, lethe_error *error) {
    d->classified = lethe_alloc_array(d->labels->count, sizeof(lethe_annotation *));
    if (d->classified == NULL) return lethe_fail(error, LETHE_NO_MEMORY, "no memory for a data set");
    for (size_t i = 0; i < d->labels->count; i++)
        if (d->labels->items[i].level != LETHE_LEVEL_REGION) d->classified[d->classified_count++] = &d->labels->items[i];
    if (d->classified_count > 1) qsort(d->classified, d->classified_count, sizeof *d->classified, by_patient);
    return LETHE_OK;
}

const lethe_annotation *const *lethe_dataset_classifications(const lethe_dataset *d, const char *patient, size_t *count) {
    size_t low = 0, high = d->classified_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (strcmp(d->classified[middle]->patient, patient) < 0) low = middle + 1;
        else high = middle;
    }
    size_t end = low;
    while (end < d->classified_count && strcmp(d->classified[end]->patient, patient) == 0) end++;
    *count = end - low;
    return d->classified + low;
}

bool lethe_annotation_covers(const lethe_annotation *a, const lethe_image_ref *image) {
    switch (a->level) {
    case LETHE_LEVEL_IMAGE: return strcmp(a->image, image->key) == 0;
    case LETHE_LEVEL_SERIES: return strcmp(a->series_uid, image->series_uid) == 0;
    case LETHE_LEVEL_STUDY: return strcmp(a->study_uid, image->study_uid) == 0 && (a->image[0] == '\0' || strcmp(a->image, image->key) == 0);
    case LETHE_LEVEL_PATIENT: return strcmp(a->patient, image->patient) == 0;
    default: return false;
    }
}

static int by_category_name(const void *a, const void *b) { return strcmp(((const lethe_category *)a)->name, ((const lethe_category *)b)->name); }

static bool has_category(const lethe_dataset *d, const char *name) {
    for (size_t i = 0; i < d->category_count; i++)
        if (strcmp(d->categories[i].name, name) == 0) return true;
    return false;
}

static lethe_status list_categories(lethe_dataset *d, lethe_error *error) {
    size_t known = d->schema == NULL ? 0 : d->schema->labels_count, capacity = known + 16;
    d->categories = lethe_alloc_array(capacity, sizeof *d->categories);
    if (d->categories == NULL) return lethe_fail(error, LETHE_NO_MEMORY, "no memory for a data set");
    for (size_t i = 0; i < known; i++) {
        const lethe_label *label = &d->schema->labels[i];
        if (label->level == LETHE_LEVEL_REGION)
            d->categories[d->category_count++] = (lethe_category){label->question.name, label->question.title, label, label->colour_rgb};
    }
    size_t first_unknown = d->category_count;
    for (size_t i = 0; i < d->part_count; i++) {
        const char *name = d->parts[i].annotation->label;
        if (has_category(d, name)) continue;
        if (d->category_count == capacity) {
            lethe_category *grown = lethe_realloc_array(d->categories, capacity * 2, sizeof *grown);
            if (grown == NULL) return lethe_fail(error, LETHE_NO_MEMORY, "no memory for a data set");
            d->categories = grown;
            capacity *= 2;
        }
        d->categories[d->category_count++] = (lethe_category){name, name, NULL, 0x808080};
    }
    size_t unknown = d->category_count - first_unknown;
    if (unknown > 1) qsort(d->categories + first_unknown, unknown, sizeof *d->categories, by_category_name);
    return LETHE_OK;
}

/* Numbers of a store may be clocks (PostgreSQL) that JavaScript and spreadsheets round: in an export labels count from 1, in the order of their
 * making. */
static void number_labels(lethe_annotations *labels) {
    for (size_t i = 0; i < labels->count; i++) labels->items[i].id = (int64_t)i + 1;
}

typedef struct wanted_snapshot {
    int64_t id;
    dataset_holder *holder;
    bool found;
} wanted_snapshot;

static lethe_status note_snapshot(void *context, const lethe_snapshot *snapshot, lethe_error *error) {
    (void)error;
    wanted_snapshot *wanted = context;
    if (snapshot->id != wanted->id) return LETHE_OK;
    wanted->found = true;
    wanted->holder->dataset.snapshot_at_us = snapshot->at_us;
    wanted->holder->dataset.withdrawn = (size_t)(snapshot->items < 0 ? 0 : snapshot->items);
    (void)snprintf(wanted->holder->name, sizeof wanted->holder->name, "%s", snapshot->name);
    return LETHE_OK;
}

/* --- readers stand under codes --- */

static int by_author_order(const void *a, const void *b) { return strcmp(((const author_code *)a)->order, ((const author_code *)b)->order); }
static int by_author_name(const void *a, const void *b) { return strcmp(((const author_code *)a)->name, ((const author_code *)b)->name); }

static lethe_status note_author(void *context, const char *name, lethe_role role, lethe_error *error) {
    dataset_holder *holder = context;
    if (holder->author_count == holder->author_capacity) {
        size_t capacity = holder->author_capacity == 0 ? 32 : holder->author_capacity * 2;
        author_code *grown = lethe_realloc_array(holder->authors, capacity, sizeof *grown);
        if (grown == NULL) return lethe_fail(error, LETHE_NO_MEMORY, "no memory for readers");
        holder->authors = grown;
        holder->author_capacity = capacity;
    }
    author_code *author = &holder->authors[holder->author_count++];
    char text[400];
    *author = (author_code){.role = role};
    (void)snprintf(author->name, sizeof author->name, "%s", name);
    /* Neither the alphabet nor the order of joining shows in the numbers. */
    int length = snprintf(text, sizeof text, "%s|%s", holder->name, name);
    return lethe_sha256_hex(text, (size_t)length, author->order, error);
}

/* Who only ever speaks by a consensus rule is nobody: that name stays. */
static bool is_consensus(const lethe_annotations *labels, const char *name) {
    bool any = false;
    for (size_t i = 0; i < labels->count; i++) {
        if (strcmp(labels->items[i].author, name) != 0) continue;
        if (strncmp(labels->items[i].tool, "consensus", 9) != 0) return false;
        any = true;
    }
    return any;
}

const char *lethe_dataset_reader(const lethe_dataset *dataset, const char *author) {
    const dataset_holder *holder = (const dataset_holder *)dataset;
    author_code key;
    (void)snprintf(key.name, sizeof key.name, "%s", author);
    const author_code *found = holder->author_count == 0 ? NULL : bsearch(&key, holder->authors, holder->author_count, sizeof key, by_author_name);
    return found != NULL ? found->code : dataset->options.reader_names ? author : "unknown";
}

/* Only who labelled in this snapshot has a code: users that join later do not change it. */
static void forget_others(dataset_holder *holder) {
    const lethe_annotations *labels = holder->dataset.labels;
    const char *last = "";
    size_t kept = 0;
    for (size_t i = 0; i < labels->count; i++) {
        author_code key;
        if (strcmp(labels->items[i].author, last) == 0) continue;
        last = labels->items[i].author;
        (void)snprintf(key.name, sizeof key.name, "%s", last);
        author_code *found = holder->author_count == 0 ? NULL : bsearch(&key, holder->authors, holder->author_count, sizeof key, by_author_name);
        if (found != NULL) found->spoke = true;
    }
    for (size_t i = 0; i < holder->author_count; i++)
        if (holder->authors[i].spoke) holder->authors[kept++] = holder->authors[i];
    holder->author_count = kept;
}

static void keep_author(lethe_annotations *labels, const char *author) {
    size_t kept = 0;
    for (size_t i = 0; i < labels->count; i++)
        if (strcmp(labels->items[i].author, author) == 0) labels->items[kept++] = labels->items[i];
    labels->count = kept;
}

static lethe_status name_authors(dataset_holder *holder, lethe_error *error) {
    lethe_dataset *d = &holder->dataset;
    unsigned numbers[3] = {0};
    lethe_status status = lethe_store_visit_users(d->store, note_author, holder, error);
    if (status != LETHE_OK) return status;
    if (holder->author_count > 1) qsort(holder->authors, holder->author_count, sizeof *holder->authors, by_author_name);
    forget_others(holder);
    if (holder->author_count > 1) qsort(holder->authors, holder->author_count, sizeof *holder->authors, by_author_order);
    for (size_t i = 0; i < holder->author_count; i++) {
        author_code *author = &holder->authors[i];
        unsigned number = ++numbers[author->role];
        if (d->options.reader_names || is_consensus(d->labels, author->name)) memcpy(author->code, author->name, sizeof author->code);
        else (void)snprintf(author->code, sizeof author->code, "%s-%u", lethe_role_name(author->role), number);
    }
    if (holder->author_count > 1) qsort(holder->authors, holder->author_count, sizeof *holder->authors, by_author_name);
    if (d->options.author != NULL) keep_author(d->labels, d->options.author);
    for (size_t i = 0; i < d->labels->count; i++) d->labels->items[i].author = lethe_dataset_reader(d, d->labels->items[i].author);
    if (d->options.author != NULL) d->options.author = lethe_dataset_reader(d, d->options.author);
    return LETHE_OK;
}

lethe_status lethe_dataset_load(lethe_store *store, const char *released_path, const lethe_image_index *index, int64_t snapshot,
                                const lethe_dataset_options *options, lethe_dataset **out, lethe_error *error) {
    *out = NULL;
    dataset_holder *holder = lethe_alloc_array(1, sizeof *holder);
    if (holder == NULL) return lethe_fail(error, LETHE_NO_MEMORY, "no memory for a data set");
    lethe_dataset *d = &holder->dataset;
    wanted_snapshot wanted = {snapshot, holder, false};
    d->store = store;
    d->released_path = released_path;
    d->index = index;
    d->snapshot_name = holder->name;
    d->snapshot = snapshot;
    if (options != NULL) d->options = *options;
    if (lethe_store_role(store) == LETHE_ROLE_READER) {
        lethe_free(holder);
        return lethe_fail(error, LETHE_DENIED, "a reader exports nothing: an organiser or adjudicator does");
    }
    lethe_status status = lethe_snapshot_visit(store, note_snapshot, &wanted, error);
    if (status == LETHE_OK && !wanted.found) status = lethe_fail(error, LETHE_NOT_FOUND, "no snapshot %lld", (long long)snapshot);
    if (status == LETHE_OK) status = lethe_snapshot_schema(store, snapshot, &holder->schema, error);
    d->schema = holder->schema;
    if (status == LETHE_OK) status = lethe_store_load_snapshot(store, snapshot, NULL, &d->labels, error);
    if (status == LETHE_OK) d->withdrawn -= d->withdrawn < d->labels->count ? d->withdrawn : d->labels->count;
    if (status == LETHE_OK) number_labels(d->labels);
    if (status == LETHE_OK) status = name_authors(holder, error);
    if (status == LETHE_OK && lethe_image_index_renamer(index) != NULL)
        status = lethe_rename_labels(lethe_image_index_renamer(index), index, d->labels, error);
    if (status == LETHE_OK) status = lay_out(d, error);
    if (status == LETHE_OK) status = list_classifications(d, error);
    if (status == LETHE_OK) status = list_categories(d, error);
    if (status == LETHE_OK) *out = d;
    else lethe_dataset_destroy(d);
    return status;
}

void lethe_dataset_destroy(lethe_dataset *dataset) {
    if (dataset == NULL) return;
    lethe_annotations_destroy(dataset->labels);
    lethe_free(dataset->parts);
    lethe_free(dataset->classified);
    lethe_free(dataset->categories);
    lethe_free(dataset->selected);
    lethe_schema_destroy(((dataset_holder *)dataset)->schema);
    lethe_free(((dataset_holder *)dataset)->authors);
    lethe_free(dataset);
}

size_t lethe_dataset_category(const lethe_dataset *dataset, const char *label) {
    size_t i = 0;
    while (i + 1 < dataset->category_count && strcmp(dataset->categories[i].name, label) != 0) i++;
    return i;
}

const lethe_part *lethe_dataset_parts_of(const lethe_dataset *dataset, size_t image, size_t *count) {
    size_t low = 0, high = dataset->part_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (dataset->parts[middle].image < image) low = middle + 1;
        else high = middle;
    }
    size_t end = low;
    while (end < dataset->part_count && dataset->parts[end].image == image) end++;
    *count = end - low;
    return dataset->parts + low;
}

bool lethe_dataset_has_label(const lethe_dataset *dataset, const lethe_annotation *annotation) {
    size_t low = 0, high = lethe_image_index_count(dataset->index); /* ordered by patient */
    if (dataset->selected == NULL) return true;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (strcmp(lethe_image_index_at(dataset->index, middle)->patient, annotation->patient) < 0) low = middle + 1;
        else high = middle;
    }
    for (; low < lethe_image_index_count(dataset->index) && strcmp(lethe_image_index_at(dataset->index, low)->patient, annotation->patient) == 0;
         low++)
        if (dataset->selected[low] != 0) return true;
    return false;
}

void lethe_dataset_stem(const lethe_dataset *dataset, size_t image, uint32_t frame, char *out, size_t size) {
    const lethe_image_ref *ref = lethe_image_index_at(dataset->index, image);
    if (ref->frames > 1) (void)snprintf(out, size, "%s_f%04u", ref->stem, frame + 1);
    else (void)snprintf(out, size, "%s", ref->stem);
}
