/* The catalogue of what was released: patients, studies, series, instances and slides under their pseudonyms. Released side: holds only values that
 * stand in released files. deid writes it, annotate and viewer read it. Layer: core. Thread rule: one thread at a time per object. */
#ifndef LETHE_CORE_CATALOGUE_H
#define LETHE_CORE_CATALOGUE_H

#include "core/database.h"
#include "core/error.h"
#include "core/project.h"

#include <stdint.h>

/* One released instance or slide. Strings are UTF-8 and never NULL when read; NULL counts as "" when written. */
typedef struct lethe_catalogue_entry {
    const char *path; /* below released/ */
    const char *kind; /* "dicom" or "slide" */
    const char *patient, *study_uid, *series_uid, *instance_uid;
    const char *modality, *sop_class, *series_description, *study_description, *body_part, *study_date;
    const char *manufacturer, *model, *sex, *age, *laterality, *view_position;
    int64_t series_number, instance_number;
    int64_t rows, columns, frames; /* slides: height and width of level 0 */
    const char *sha256;
} lethe_catalogue_entry;

typedef struct lethe_catalogue lethe_catalogue;

/* Creates the tables when missing. `database` can be reached for further tables (annotations) of the released side. */
LETHE_NODISCARD lethe_status lethe_catalogue_open(const lethe_project *project, lethe_catalogue **out, lethe_error *error);
void lethe_catalogue_close(lethe_catalogue *catalogue);
lethe_database *lethe_catalogue_database(lethe_catalogue *catalogue); /* borrowed */

/* Insert or replace (by path) in one transaction. Where other bytes come under a path than were released there before (a redaction that was made
 * again), table entry_change (path, changed_us: UTC, microseconds since 1970) says since when. */
LETHE_NODISCARD lethe_status lethe_catalogue_put(lethe_catalogue *catalogue, const lethe_catalogue_entry *entries, size_t count, lethe_error *error);
LETHE_NODISCARD lethe_status lethe_catalogue_remove(lethe_catalogue *catalogue, const char *path, lethe_error *error);
/* Withdraw all of a patient; returns how many entries went. */
LETHE_NODISCARD lethe_status lethe_catalogue_remove_patient(lethe_catalogue *catalogue, const char *patient, int64_t *removed, lethe_error *error);

typedef struct lethe_catalogue_filter {
    const char *patient, *study_uid, *series_uid, *modality, *instance_uid; /* NULL or "" = any */
} lethe_catalogue_filter;
typedef lethe_status (*lethe_catalogue_fn)(void *context, const lethe_catalogue_entry *entry, lethe_error *error);
/* Ordered by patient, study, series number, series, instance number, path. Strings are borrowed during the call. */
LETHE_NODISCARD lethe_status lethe_catalogue_visit(lethe_catalogue *catalogue, const lethe_catalogue_filter *filter, lethe_catalogue_fn visit,
                                                   void *context, lethe_error *error);

#endif
