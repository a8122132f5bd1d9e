/* Descriptions of a data set for people: README.md, CARD.md, LICENSE, schema.yaml. They say only what can be counted. */
#include "annotate/publish_machine.h"

#include "annotate/agreement.h"
#include "annotate/publish_figures.h"
#include "annotate/text_out.h"
#include "core/memory.h"
#include "core/text.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

typedef struct counts {
    size_t patients, images, regions, classifications, labelled_images, female, male;
    size_t patients_in[LETHE_SPLITS], images_in[LETHE_SPLITS];
    double youngest, oldest; /* years; NaN when no age is given */
    char modalities[128], date[16];
} counts;

static void add_word(char *list, size_t size, const char *word) {
    size_t length = strlen(list);
    if (word[0] == '\0' || strstr(list, word) != NULL || length + strlen(word) + 3 > size) return;
    (void)snprintf(list + length, size - length, "%s%s", length == 0 ? "" : ", ", word);
}

static void add_age(counts *c, const char *age) { /* PS3.5 AS: 060Y */
    double years = NAN;
    if (strlen(age) == 4 && age[3] == 'Y' && age[0] >= '0' && age[0] <= '9' && age[1] >= '0' && age[1] <= '9' && age[2] >= '0' && age[2] <= '9')
        years = (age[0] - '0') * 100 + (age[1] - '0') * 10 + (age[2] - '0');
    if (isnan(years)) return;
    if (isnan(c->youngest) || years < c->youngest) c->youngest = years;
    if (isnan(c->oldest) || years > c->oldest) c->oldest = years;
}

/* The selection holds what is not hidden: totals with the hidden labels in them would tell, less the open ones, what is hidden. */
static bool is_open(const lethe_dataset *d, size_t image) { return d->selected == NULL || d->selected[image] != 0; }

static void count_all(const lethe_dataset *d, const uint8_t *splits, counts *c) {
    *c = (counts){.youngest = NAN, .oldest = NAN};
    const char *last = "";
    for (size_t i = 0; i < lethe_image_index_count(d->index); i++) {
        const lethe_image_ref *ref = lethe_image_index_at(d->index, i);
        size_t parts;
        c->images++;
        if (splits != NULL) c->images_in[splits[i]]++;
        (void)lethe_dataset_parts_of(d, i, &parts);
        c->labelled_images += parts > 0 && is_open(d, i);
        add_word(c->modalities, sizeof c->modalities, ref->modality);
        add_age(c, ref->age);
        if (strcmp(ref->patient, last) == 0) continue;
        last = ref->patient;
        c->patients++;
        if (splits != NULL) c->patients_in[splits[i]]++;
        c->female += strcmp(ref->sex, "F") == 0;
        c->male += strcmp(ref->sex, "M") == 0;
    }
    for (size_t i = 0; i < d->labels->count; i++)
        if (lethe_dataset_has_label(d, &d->labels->items[i]))
            (d->labels->items[i].level == LETHE_LEVEL_REGION ? &c->regions : &c->classifications)[0]++;
    time_t seconds = (time_t)(d->snapshot_at_us / 1000000);
    struct tm parts;
    if (gmtime_r(&seconds, &parts) != NULL) (void)strftime(c->date, sizeof c->date, "%Y-%m-%d", &parts);
}

static const char *title_of(const lethe_dataset *d, const lethe_publication *p) { return p->title != NULL ? p->title : d->snapshot_name; }
static const char *licence_of(const lethe_publication *p) {
    return p->licence != NULL ? p->licence : "not stated: ask the data controller before any use";
}

static lethe_status write_text(lethe_dataset *d, const char *name, lethe_buffer *text, lethe_status status, lethe_error *error) {
    if (status == LETHE_OK) status = lethe_package_write(d->package, name, text->bytes, text->size, error);
    lethe_buffer_release(text);
    return status;
}

static lethe_status write_readme(lethe_dataset *d, const lethe_publication *p, const counts *c, lethe_error *error) {
    lethe_buffer out;
    lethe_buffer_init(&out, 1 << 22);
    lethe_status status = lethe_buffer_printf(
        &out, error, "# %s\n\n%s%s%zu images (%s) of %zu patients; %zu regions and %zu classifications, frozen as snapshot `%s` on %s.\n\n",
        title_of(d, p), p->description != NULL ? p->description : "", p->description != NULL ? "\n\n" : "", c->images, c->modalities, c->patients,
        c->regions, c->classifications, d->snapshot_name, c->date);
    if (status == LETHE_OK)
        status = lethe_buffer_append_text(
            &out,
            "| file | what |\n|---|---|\n| CARD.md | counts, readers, agreement, known limits; its [figures](figures/) |\n| schema.yaml | the labels "
            "and what they mean |\n"
            "| SHA256SUMS | hash of every file: `sha256sum -c SHA256SUMS` |\n| croissant.json | MLCommons Croissant 1.1 |\n| healthdcat.jsonld | "
            "HealthDCAT-AP |\n"
            "| LICENSE | terms of use |\n",
            error);
    if (status == LETHE_OK && c->images_in[0] + c->images_in[1] + c->images_in[2] > 0)
        status = lethe_buffer_append_text(&out,
                                          "| splits.csv | which image is in which split; no patient is in two |\n| leakage.json | what splits share: "
                                          "machines, sites, look-alike pictures |\n| train/, validation/, test/ | the splits |\n",
                                          error);
    if (status == LETHE_OK && p->shards != LETHE_SHARDS_NONE)
        status = lethe_buffer_append_text(&out, "| shards/ | images, tiles and labels as samples, in the naming of WebDataset |\n", error);
    if (status == LETHE_OK && p->preview > 0) status = lethe_buffer_append_text(&out, "| preview/ | a seeded sample as pictures |\n", error);
    if (status == LETHE_OK && p->hidden_path != NULL)
        status = lethe_buffer_append_text(&out, "\nThe labels of the test split are held back and counted nowhere here.\n", error);
    if (status == LETHE_OK && d->withdrawn > 0)
        status =
            lethe_buffer_printf(&out, error, "\n%zu annotations of the snapshot are left out: what they were about was withdrawn.\n", d->withdrawn);
    if (status == LETHE_OK && d->changed > 0)
        status = lethe_buffer_printf(&out, error,
                                     "\n%zu images were made again after the snapshot was frozen: inside of their redaction boxes their pixels are "
                                     "not those that were labelled.\n",
                                     d->changed);
    if (status == LETHE_OK) status = lethe_buffer_printf(&out, error, "\nLicence: %s\n", licence_of(p));
    return write_text(d, "README.md", &out, status, error);
}

/* Counts per label and value or per reader: a small table with linear search, labels are few. */
static lethe_status put_label_counts(const lethe_dataset *d, lethe_buffer *out, lethe_error *error) {
    lethe_status status = lethe_buffer_append_text(out, "\n## Labels\n\n| label | level | annotations | patients |\n|---|---|---|---|\n", error);
    size_t known = d->schema == NULL ? 0 : d->schema->labels_count;
    for (size_t l = 0; status == LETHE_OK && l < known; l++) {
        const lethe_label *label = &d->schema->labels[l];
        size_t annotations = 0, patients = 0;
        const char *last = "";
        for (size_t i = 0; i < d->labels->count; i++) {
            const lethe_annotation *a = &d->labels->items[i];
            if (strcmp(a->label, label->question.name) != 0 || !lethe_dataset_has_label(d, a)) continue;
            annotations++;
            if (strcmp(a->patient, last) != 0) patients++; /* labels of one patient mostly follow each other */
            last = a->patient;
        }
        status = lethe_buffer_printf(out, error, "| %s | %s | %zu | %s%zu |\n", label->question.name, lethe_level_name(label->level), annotations,
                                     patients > 1 ? "at most " : "", patients);
    }
    return status;
}

static const char *reader_of(const lethe_dataset *d, const char *name) {
    return name[0] == '\0' || strcmp(name, "truth") == 0 ? name : lethe_dataset_reader(d, name);
}

static lethe_status put_agreement(lethe_dataset *d, lethe_buffer *out, lethe_error *error) {
    lethe_agreement *agreement = NULL;
    lethe_agreement_options options = {.rounds = 200, .seed = 1, .snapshot = d->snapshot, .schema = d->schema};
    if (lethe_store_role(d->store) == LETHE_ROLE_READER) return LETHE_OK;
    lethe_status status = lethe_agreement_compute(d->store, &options, &agreement, error);
    if (status == LETHE_OK) status = lethe_buffer_append_text(out, "\n## Readers\n\n", error);
    if (status == LETHE_OK && agreement->row_count == 0)
        status = lethe_buffer_append_text(out, "No case was read by two of them, so that agreement cannot be told.\n", error);
    else if (status == LETHE_OK)
        status = lethe_buffer_append_text(
            out,
            "Labels of every reader are kept apart in the exports.\n\n| label | measure | readers | n | value | 95 % |\n|---|---|---|---|---|---|\n",
            error);
    for (size_t i = 0; status == LETHE_OK && i < agreement->row_count; i++) {
        const lethe_agreement_row *row = &agreement->rows[i];
        char interval[48] = "";
        if (!isnan(row->low)) (void)snprintf(interval, sizeof interval, "%.3f to %.3f", row->low, row->high);
        if (isnan(row->value)) continue;
        status = lethe_buffer_printf(out, error, "| %s | %s | %s %s | %zu | %.3f | %s |\n", row->label, row->measure,
                                     row->reader_a[0] == '\0' ? "all" : reader_of(d, row->reader_a), reader_of(d, row->reader_b), row->units,
                                     row->value, interval);
    }
    if (status == LETHE_OK) status = lethe_figure_agreement(d, agreement, reader_of, out, error);
    lethe_agreement_destroy(agreement);
    return status;
}

static lethe_status write_card(lethe_dataset *d, const lethe_publication *p, const uint8_t *splits, const counts *c, lethe_error *error) {
    lethe_buffer out;
    lethe_buffer_init(&out, 1 << 24);
    lethe_status status =
        lethe_buffer_printf(&out, error,
                            "# Data set card: %s\n\n## Counts\n\n| what | n |\n|---|---|\n| patients | %zu |\n| women, men | %zu, %zu |\n| images | "
                            "%zu |\n| images with regions | %zu |\n"
                            "| regions | %zu |\n| classifications | %zu |\n",
                            title_of(d, p), c->patients, c->female, c->male, c->images, c->labelled_images, c->regions, c->classifications);
    for (int i = 0; status == LETHE_OK && i < LETHE_SPLITS; i++)
        if (c->images_in[i] > 0)
            status = lethe_buffer_printf(&out, error, "| %s: patients, images | %zu, %zu |\n", lethe_split_name((lethe_split)i), c->patients_in[i],
                                         c->images_in[i]);
    if (status == LETHE_OK && !isnan(c->youngest)) status = lethe_buffer_printf(&out, error, "| age | %g to %g years |\n", c->youngest, c->oldest);
    if (status == LETHE_OK) status = put_label_counts(d, &out, error);
    if (status == LETHE_OK) status = lethe_figures_write(d, p, splits, lethe_dataset_has_label, &out, error);
    if (status == LETHE_OK) status = put_agreement(d, &out, error);
    if (status == LETHE_OK)
        status = lethe_buffer_printf(&out, error,
                                     "\n## How it was made\n\nImages were de-identified and audited before anybody labelled them. Labels follow "
                                     "schema `%s` version %u. %s%s\n\n"
                                     "## Known limits\n\n- Patient identities are pseudonyms; dates are shifted by a constant per patient.\n- Counts "
                                     "of patients per label are upper bounds where a patient's labels are not stored together.\n"
                                     "- Nothing here says how representative the patients are.\n",
                                     d->schema == NULL ? "none" : d->schema->name, d->schema == NULL ? 0 : d->schema->version,
                                     d->options.author == NULL ? "The exports hold every reader's labels." : "The exports hold the labels of: ",
                                     d->options.author == NULL ? "" : d->options.author);
    return write_text(d, "CARD.md", &out, status, error);
}

lethe_status lethe_publish_metadata(lethe_dataset *d, const lethe_publication *p, const uint8_t *splits, lethe_error *error) {
    counts c;
    size_t images = lethe_image_index_count(d->index);
    if (splits != NULL && p->hidden_path != NULL) {
        if ((d->selected = lethe_alloc_array(images, 1)) == NULL) return lethe_fail(error, LETHE_NO_MEMORY, "no memory for counts");
        for (size_t i = 0; i < images; i++) d->selected[i] = splits[i] != LETHE_SPLIT_TEST;
    }
    count_all(d, splits, &c);
    lethe_status status = write_readme(d, p, &c, error);
    if (status == LETHE_OK) status = write_card(d, p, splits, &c, error);
    lethe_free(d->selected);
    d->selected = NULL;
    if (status == LETHE_OK) {
        char *licence = lethe_asprintf("%s\n", licence_of(p));
        status = licence == NULL ? lethe_fail(error, LETHE_NO_MEMORY, "no memory for a licence")
                                 : lethe_package_write(d->package, "LICENSE", licence, strlen(licence), error);
        lethe_free(licence);
    }
    if (status == LETHE_OK && d->schema != NULL)
        status = lethe_package_write(d->package, "schema.yaml", d->schema->yaml, strlen(d->schema->yaml), error);
    const lethe_publish_facts facts = {.title = title_of(d, p),
                                       .licence = licence_of(p),
                                       .date = c.date,
                                       .modalities = c.modalities,
                                       .images = c.images,
                                       .patients = c.patients,
                                       .youngest = c.youngest,
                                       .oldest = c.oldest};
    return status == LETHE_OK ? lethe_publish_machine(d, p, &facts, error) : status;
}
