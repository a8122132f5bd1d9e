/* Inside of the report: shared by report.c and report_page.c only. */
#ifndef LETHE_DEID_REPORT_INTERNAL_H
#define LETHE_DEID_REPORT_INTERNAL_H

#include "deid/report.h"

enum { LETHE_REPORT_KEY = 320, LETHE_REPORT_REASONS = 2000 };

/* A counted key; for risk groups the count is of distinct patients, and the key has its columns between 0x1F. */
typedef struct lethe_report_count {
    char key[LETHE_REPORT_KEY];
    uint64_t count;
} lethe_report_count;

typedef struct lethe_report_counts {
    lethe_report_count *entries;
    size_t count, capacity;
} lethe_report_counts;

typedef struct lethe_report_member {
    char patient[80], group[LETHE_REPORT_KEY];
} lethe_report_member;

struct lethe_report {
    const lethe_profile *profile;
    lethe_tally *tally;
    uint64_t outcomes[4], inputs, slides, unknown_class, no_patient_id, redacted, dropped_private;
    lethe_report_counts reasons, modalities;
    lethe_report_member *members; /* one per patient and group seen in a row; made unique when written */
    size_t member_count, member_capacity;
};

#endif
