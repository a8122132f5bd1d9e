#include "deid/report.h"

#include "core/file.h"
#include "core/memory.h"
#include "core/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { KEY = 320, SMALLEST_SHOWN = 20 };

/* A counted key; for risk groups `patients` counts distinct patients. */
typedef struct tally {
    char key[KEY];
    uint64_t count;
} tally;

typedef struct tallies {
    tally *entries;
    size_t count, capacity;
} tallies;

typedef struct membership {
    char patient[80], group[KEY];
} membership;

struct lethe_report {
    const lethe_profile *profile;
    uint64_t outcomes[4], inputs, slides, unknown_class, no_patient_id, redacted;
    uint64_t removed, emptied, replaced, uids, cleaned, shifted, kept_private, dropped_private;
    tallies reasons, modalities;
    membership *members; /* one per patient and group seen in a row; made unique when written */
    size_t member_count, member_capacity;
};

lethe_status lethe_report_create(const lethe_profile *profile, lethe_report **out, lethe_error *error) {
    *out = lethe_alloc_array(1, sizeof **out);
    if (*out == NULL) return lethe_fail(error, LETHE_NO_MEMORY, "no memory for a report");
    (*out)->profile = profile;
    return LETHE_OK;
}

void lethe_report_destroy(lethe_report *report) {
    if (report == NULL) return;
    lethe_free(report->reasons.entries);
    lethe_free(report->modalities.entries);
    lethe_free(report->members);
    lethe_free(report);
}

static lethe_status count_key(tallies *t, const char *key, lethe_error *error) {
    for (size_t i = 0; i < t->count; i++) {
        if (strncmp(t->entries[i].key, key, KEY - 1) != 0) continue;
        t->entries[i].count++;
        return LETHE_OK;
    }
    if (t->count == 2000) return LETHE_OK; /* reasons with offsets: the page shows the first of them */
    if (t->count == t->capacity) {
        size_t capacity = t->capacity == 0 ? 32 : 2 * t->capacity;
        tally *grown = lethe_realloc_array(t->entries, capacity, sizeof *grown);
        if (grown == NULL) return lethe_fail(error, LETHE_NO_MEMORY, "no memory for a report");
        t->entries = grown;
        t->capacity = capacity;
    }
    tally *fresh = &t->entries[t->count++];
    (void)snprintf(fresh->key, sizeof fresh->key, "%s", key);
    fresh->count = 1;
    return LETHE_OK;
}

static const char *age_group(const char *age, char out[24]) {
    int64_t years;
    char number[4] = {age[0], age[0] != '\0' ? age[1] : '\0', age[0] != '\0' && age[1] != '\0' ? age[2] : '\0', '\0'};
    char plain[5];
    (void)snprintf(plain, sizeof plain, "%s", number);
    if (strlen(age) != 4 || !lethe_text_to_int64(plain, &years)) return "unknown";
    if (age[3] != 'Y') return "under 2";
    if (years >= 90) return "90 and over";
    (void)snprintf(out, 24, "%d to %d", (int)(years / 10 * 10), (int)(years / 10 * 10 + 9));
    return out;
}

static lethe_status add_member(lethe_report *report, const lethe_result *r, lethe_error *error) {
    membership m = {0};
    char age[24];
    (void)snprintf(m.patient, sizeof m.patient, "%s", r->patient);
    (void)snprintf(m.group, sizeof m.group, "%s|%s|%s|%s %s|%.4s", age_group(r->age, age), r->sex[0] != '\0' ? r->sex : "unknown",
                   r->institution[0] != '\0' ? r->institution : "not kept", r->manufacturer, r->model,
                   r->study_date[0] != '\0' ? r->study_date : "-");
    if (report->member_count != 0 && memcmp(&report->members[report->member_count - 1], &m, sizeof m) == 0) return LETHE_OK;
    if (report->member_count == report->member_capacity) {
        size_t capacity = report->member_capacity == 0 ? 256 : 2 * report->member_capacity;
        membership *grown = lethe_realloc_array(report->members, capacity, sizeof *grown);
        if (grown == NULL) return lethe_fail(error, LETHE_NO_MEMORY, "no memory for a report");
        report->members = grown;
        report->member_capacity = capacity;
    }
    report->members[report->member_count++] = m;
    return LETHE_OK;
}

lethe_status lethe_report_add(lethe_report *report, const lethe_result *r, lethe_error *error) {
    report->inputs++;
    report->outcomes[r->outcome]++;
    report->slides += r->is_slide;
    report->unknown_class += (r->notes & LETHE_NOTE_UNKNOWN_CLASS) != 0;
    report->no_patient_id += (r->notes & LETHE_NOTE_NO_PATIENT_ID) != 0;
    if (r->outcome != LETHE_OUTCOME_RELEASED) {
        char reason[KEY];
        (void)snprintf(reason, sizeof reason, "%s: %s", lethe_outcome_name(r->outcome), r->reason);
        return count_key(&report->reasons, reason, error);
    }
    report->redacted += r->box_count != 0;
    report->removed += r->removed;
    report->emptied += r->emptied;
    report->replaced += r->replaced;
    report->uids += r->uids;
    report->cleaned += r->cleaned;
    report->shifted += r->shifted;
    report->kept_private += r->kept_private;
    report->dropped_private += r->dropped_private;
    lethe_status status = count_key(&report->modalities, r->modality[0] != '\0' ? r->modality : "unknown", error);
    return status == LETHE_OK && r->patient[0] != '\0' ? add_member(report, r, error) : status;
}

/* --- writing --- */

static int by_group(const void *a, const void *b) {
    const membership *x = a, *y = b;
    int order = strcmp(x->group, y->group);
    return order != 0 ? order : strcmp(x->patient, y->patient);
}

static int by_count_down(const void *a, const void *b) {
    const tally *x = a, *y = b;
    return x->count == y->count ? strcmp(x->key, y->key) : x->count < y->count ? 1 : -1;
}

static int by_count_up(const void *a, const void *b) { return -by_count_down(a, b); }

static lethe_status row(lethe_buffer *out, const char *key, uint64_t value, lethe_error *error) {
    lethe_status status = lethe_buffer_append_text(out, "<tr><td>", error);
    if (status == LETHE_OK) status = lethe_html_escape(key, out, error);
    return status == LETHE_OK ? lethe_buffer_printf(out, error, "</td><td class=n>%llu</td></tr>\n", (unsigned long long)value) : status;
}

static lethe_status table(lethe_buffer *out, const char *title, const char *left, const tally *entries, size_t count, lethe_error *error) {
    lethe_status status = lethe_buffer_printf(out, error, "<h2>%s</h2>\n<table><tr><th>%s</th><th>number</th></tr>\n", title, left);
    for (size_t i = 0; i < count && i < 200 && status == LETHE_OK; i++) status = row(out, entries[i].key, entries[i].count, error);
    return status == LETHE_OK ? lethe_buffer_append_text(out, "</table>\n", error) : status;
}

static lethe_status write_actions(const lethe_report *r, lethe_buffer *out, lethe_error *error) {
    const tally actions[] = {
        {"X: attributes removed (PS3.15 Table E.1-1; not in the dictionary; private)", r->removed},
        {"Z: attributes emptied", r->emptied},
        {"D: attributes given a dummy or a keyed pseudonym", r->replaced},
        {"U: attributes with UIDs replaced", r->uids},
        {"C: texts cleaned (E.3.4, E.3.5)", r->cleaned},
        {"C: dates and times shifted (E.3.6)", r->shifted},
        {"private attributes kept (E.3.10)", r->kept_private},
        {"private attributes removed", r->dropped_private},
        {"images with redacted regions (E.3.1)", r->redacted},
    };
    return table(out, "Actions by clause", "action", actions, sizeof actions / sizeof *actions, error);
}

static lethe_status write_options(const lethe_report *r, lethe_buffer *out, lethe_error *error) {
    static const struct {
        uint32_t option;
        const char *text;
    } options[] = {
        {LETHE_OPTION_SAFE_PRIVATE, "private attributes that a safe list names by creator, each value checked again (E.3.10)"},
        {LETHE_OPTION_UIDS, "UIDs as they were (E.3.9)"},
        {LETHE_OPTION_DEVICE, "identity of devices (E.3.8)"},
        {LETHE_OPTION_INSTITUTION, "identity of institutions (E.3.11)"},
        {LETHE_OPTION_PATIENT, "sex, age, size, weight and other characteristics of the patient (E.3.7)"},
        {LETHE_OPTION_FULL_DATES, "dates and times as they were (E.3.6)"},
        {LETHE_OPTION_MODIFIED_DATES, "dates shifted by one number of days per patient: intervals stay (E.3.6)"},
        {LETHE_OPTION_DESCRIPTORS, "descriptions and comments after cleaning (E.3.5)"},
        {LETHE_OPTION_STRUCTURED, "content of structured reports after cleaning (E.3.4)"},
        {LETHE_OPTION_GRAPHICS, "graphics without text, region overlays (E.3.3)"},
    };
    lethe_status status =
        lethe_buffer_append_text(out,
                                 "<h2>What is kept, and why</h2>\n<ul>\n<li>attributes that PS3.15 Table E.1-1 does not name, searched for "
                                 "identifiers</li>\n",
                                 error);
    for (size_t i = 0; i < sizeof options / sizeof *options && status == LETHE_OK; i++)
        if ((lethe_profile_options(r->profile) & options[i].option) != 0) status = lethe_buffer_printf(out, error, "<li>%s</li>\n", options[i].text);
    return status == LETHE_OK ? lethe_buffer_append_text(out, "</ul>\n", error) : status;
}

/* Groups of patients that agree in everything kept that others may know, smallest first. */
static lethe_status write_risk(lethe_report *r, lethe_buffer *out, lethe_error *error) {
    qsort(r->members, r->member_count, sizeof *r->members, by_group);
    tally *groups = lethe_alloc_array(r->member_count + 1, sizeof *groups);
    if (groups == NULL) return lethe_fail(error, LETHE_NO_MEMORY, "no memory for a report");
    size_t count = 0;
    uint64_t patients = 0;
    for (size_t i = 0; i < r->member_count; i++) {
        if (i > 0 && memcmp(&r->members[i], &r->members[i - 1], sizeof r->members[i]) == 0) continue;
        patients++;
        if (count == 0 || strcmp(groups[count - 1].key, r->members[i].group) != 0) {
            (void)snprintf(groups[count].key, sizeof groups[count].key, "%s", r->members[i].group);
            groups[count++].count = 0;
        }
        groups[count - 1].count++;
    }
    qsort(groups, count, sizeof *groups, by_count_up);
    uint64_t alone = 0, under_five = 0;
    for (size_t i = 0; i < count; i++) {
        alone += groups[i].count == 1 ? 1 : 0;
        under_five += groups[i].count < 5 ? groups[i].count : 0;
    }
    lethe_status status = lethe_buffer_printf(out, error,
                                              "<h2>Residual risk</h2>\n<p>Patients are grouped by what is kept and others may know: age group, sex, "
                                              "site, device and year of study (as released). k is the "
                                              "number of patients in a group; a patient alone in a group (k = 1) is the easiest to single "
                                              "out.</p>\n<table><tr><td>groups</td><td class=n>%zu</td></tr>"
                                              "<tr><td>smallest k</td><td class=n>%llu</td></tr><tr><td>patients alone (k = 1)</td><td "
                                              "class=n>%llu</td></tr><tr><td>patients with k under 5</td><td "
                                              "class=n>%llu</td></tr><tr><td>patients and groups in all</td><td class=n>%llu</td></tr></table>\n",
                                              count, (unsigned long long)(count == 0 ? 0 : groups[0].count), (unsigned long long)alone,
                                              (unsigned long long)under_five, (unsigned long long)patients);
    if (status == LETHE_OK)
        status = table(out, "Smallest groups", "age | sex | site | device | year", groups, count < SMALLEST_SHOWN ? count : SMALLEST_SHOWN, error);
    lethe_free(groups);
    return status;
}

static lethe_status write_doubt(void *context, const char *pseudonym, const char *why, lethe_error *error) {
    return lethe_buffer_printf(context, error, "<tr><td>%s</td><td>%s</td></tr>\n", pseudonym, why);
}

static lethe_status write_people(const lethe_people *people, lethe_buffer *out, lethe_error *error) {
    lethe_people_counts c;
    lethe_people_count(people, &c);
    const tally rows[] = {{"patients", c.patients},
                          {"patient IDs that came with several names", c.several_names},
                          {"patients whose name and birth date also stand under another ID", c.several_ids}};
    lethe_status status = table(out, "Patients", "", rows, sizeof rows / sizeof *rows, error);
    if (status != LETHE_OK || c.several_names + c.several_ids == 0) return status;
    status = lethe_buffer_append_text(out, "<p>To be looked at on the private side: one patient may be two here, or two one.</p>\n<table>\n", error);
    if (status == LETHE_OK) status = lethe_people_visit_doubts(people, write_doubt, out, error);
    return status == LETHE_OK ? lethe_buffer_append_text(out, "</table>\n", error) : status;
}

lethe_status lethe_report_write(lethe_report *r, const lethe_people *people, const char *path, lethe_error *error) {
    lethe_buffer out;
    lethe_buffer_init(&out, 64u << 20);
    lethe_status status =
        lethe_buffer_append_text(&out,
                                 "<!DOCTYPE html>\n<html lang=en><meta charset=utf-8><title>De-identification "
                                 "report</title>\n<style>body{font:15px/1.5 sans-serif;max-width:60em;margin:2em auto;"
                                 "padding:0 1em}table{border-collapse:collapse;margin:1em 0}td,th{border:1px solid #bbb;padding:.2em "
                                 ".6em;text-align:left}.n{text-align:right}</style>\n"
                                 "<h1>De-identification report</h1>\n<p>Lethe " LETHE_VERSION ", DICOM PS3.15 Annex E edition 2025b, profile ",
                                 error);
    if (status == LETHE_OK) status = lethe_html_escape(lethe_profile_name(r->profile), &out, error);
    if (status == LETHE_OK) status = lethe_buffer_append_text(&out, ".</p>\n", error);
    const tally outcomes[] = {{"inputs", r->inputs},
                              {"released", r->outcomes[LETHE_OUTCOME_RELEASED]},
                              {"quarantined", r->outcomes[LETHE_OUTCOME_QUARANTINED]},
                              {"waiting for review", r->outcomes[LETHE_OUTCOME_REVIEW]},
                              {"dropped", r->outcomes[LETHE_OUTCOME_DROPPED]},
                              {"slides among them", r->slides},
                              {"instances of unknown SOP classes (strictest rules)", r->unknown_class},
                              {"instances without a patient ID", r->no_patient_id}};
    if (status == LETHE_OK) status = table(&out, "Outcomes", "outcome", outcomes, sizeof outcomes / sizeof *outcomes, error);
    if (status == LETHE_OK) status = write_actions(r, &out, error);
    if (status == LETHE_OK) status = write_options(r, &out, error);
    if (r->modalities.count != 0) qsort(r->modalities.entries, r->modalities.count, sizeof(tally), by_count_down);
    if (r->reasons.count != 0) qsort(r->reasons.entries, r->reasons.count, sizeof(tally), by_count_down);
    if (status == LETHE_OK) status = table(&out, "Released by modality", "modality", r->modalities.entries, r->modalities.count, error);
    if (status == LETHE_OK) status = table(&out, "Not released: reasons", "reason", r->reasons.entries, r->reasons.count, error);
    if (status == LETHE_OK && people != NULL) status = write_people(people, &out, error);
    if (status == LETHE_OK) status = write_risk(r, &out, error);
    if (status == LETHE_OK) status = lethe_buffer_append_text(&out, "</html>\n", error);
    if (status == LETHE_OK) status = lethe_file_write(path, out.bytes, out.size, 0600, error);
    lethe_buffer_release(&out);
    return status;
}
