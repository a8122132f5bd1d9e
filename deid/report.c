#include "deid/report_internal.h"

#include "core/memory.h"
#include "core/text.h"

#include <stdio.h>
#include <string.h>

lethe_status lethe_report_create(const lethe_profile *profile, bool want_texts, lethe_report **out, lethe_error *error) {
    *out = NULL;
    lethe_report *report = lethe_alloc_array(1, sizeof *report);
    if (report == NULL) return lethe_fail(error, LETHE_NO_MEMORY, "no memory for a report");
    report->profile = profile;
    lethe_status status = lethe_tally_create(lethe_profile_options(profile), want_texts, &report->tally, error);
    if (status != LETHE_OK) lethe_report_destroy(report);
    else *out = report;
    return status;
}

lethe_status lethe_report_merge(lethe_report *report, const void *bytes, size_t size, lethe_error *error) {
    return lethe_tally_merge(report->tally, bytes, size, error);
}

void lethe_report_destroy(lethe_report *report) {
    if (report == NULL) return;
    lethe_tally_destroy(report->tally);
    lethe_free(report->reasons.entries);
    lethe_free(report->modalities.entries);
    lethe_free(report->members);
    lethe_free(report);
}

static lethe_status count_key(lethe_report_counts *t, const char *key, lethe_error *error) {
    for (size_t i = 0; i < t->count; i++) {
        if (strncmp(t->entries[i].key, key, LETHE_REPORT_KEY - 1) != 0) continue;
        t->entries[i].count++;
        return LETHE_OK;
    }
    if (t->count == LETHE_REPORT_REASONS) return LETHE_OK; /* reasons with offsets: the page shows the first of them */
    if (t->count == t->capacity) {
        size_t capacity = t->capacity == 0 ? 32 : 2 * t->capacity;
        lethe_report_count *grown = lethe_realloc_array(t->entries, capacity, sizeof *grown);
        if (grown == NULL) return lethe_fail(error, LETHE_NO_MEMORY, "no memory for a report");
        t->entries = grown;
        t->capacity = capacity;
    }
    lethe_report_count *fresh = &t->entries[t->count++];
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

#define SEPARATOR "\x1F"

/* True dates single out by the day; shifted ones tell others the year at most. */
static lethe_status add_member(lethe_report *report, const lethe_result *r, lethe_error *error) {
    bool full_dates = (lethe_profile_options(report->profile) & LETHE_OPTION_FULL_DATES) != 0;
    lethe_report_member m = {0};
    char age[24], date[17] = "not kept";
    if (r->study_date[0] != '\0') (void)snprintf(date, sizeof date, "%.*s", full_dates ? 8 : 4, r->study_date);
    (void)snprintf(m.patient, sizeof m.patient, "%s", r->patient);
    (void)snprintf(m.group, sizeof m.group, "%s" SEPARATOR "%s" SEPARATOR "%s" SEPARATOR "%s %s" SEPARATOR "%s", age_group(r->age, age),
                   r->sex[0] != '\0' ? r->sex : "unknown", r->institution[0] != '\0' ? r->institution : "not kept", r->manufacturer, r->model, date);
    if (report->member_count != 0 && memcmp(&report->members[report->member_count - 1], &m, sizeof m) == 0) return LETHE_OK;
    if (report->member_count == report->member_capacity) {
        size_t capacity = report->member_capacity == 0 ? 256 : 2 * report->member_capacity;
        lethe_report_member *grown = lethe_realloc_array(report->members, capacity, sizeof *grown);
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
        char reason[LETHE_REPORT_KEY];
        (void)snprintf(reason, sizeof reason, "%s: %s", lethe_outcome_name(r->outcome), r->reason);
        return count_key(&report->reasons, reason, error);
    }
    report->redacted += r->box_count != 0;
    report->dropped_private += r->dropped_private;
    lethe_status status = count_key(&report->modalities, r->modality[0] != '\0' ? r->modality : "unknown", error);
    return status == LETHE_OK && r->patient[0] != '\0' ? add_member(report, r, error) : status;
}
