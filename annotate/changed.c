#include "annotate/changed.h"

#include "annotate/store_internal.h"

/* Annotations of an image: on itself, on what it belongs to, or (volumes) among others on it. */
#define CHANGED "SELECT e.path AS path, c.changed_us AS changed_us, a.id AS annotation FROM entry_change c JOIN entry e ON e.path = c.path "
#define ON_TARGET                                                                                                                                    \
    CHANGED                                                                                                                                          \
    "JOIN target t ON (t.image <> '' AND t.image IN (e.instance_uid, e.path)) OR (t.image = '' AND t.patient = e.patient AND t.study_uid IN "        \
    "('', e.study_uid) AND t.series_uid IN ('', e.series_uid)) JOIN annotation a ON a.target = t.no "
#define ON_VOLUME CHANGED "JOIN annotation_image v ON v.image IN (e.instance_uid, e.path) JOIN annotation a ON a.id = v.annotation "
#define SINCE_LABELLED "JOIN annotation_revision r ON r.id = a.head WHERE a.deleted = 0 AND c.changed_us > r.at_us"
#define SINCE_FROZEN                                                                                                                                 \
    "JOIN snapshot_item i ON i.annotation = a.id JOIN snapshot s ON s.id = i.snapshot WHERE i.snapshot = ?1 AND c.changed_us > s.at_us"
#define EACH(since)                                                                                                                                  \
    "SELECT path, changed_us, COUNT(*) FROM (" ON_TARGET since " UNION " ON_VOLUME since ") AS touched GROUP BY path, changed_us ORDER BY path"

lethe_status lethe_changed_visit(lethe_store *store, int64_t snapshot, lethe_changed_fn visit, void *context, lethe_error *error) {
    lethe_statement *statement = NULL;
    bool row = true;
    lethe_status status = lethe_statement_prepare(store->database, snapshot == 0 ? EACH(SINCE_LABELLED) : EACH(SINCE_FROZEN), &statement, error);
    if (status == LETHE_OK && snapshot != 0) lethe_statement_bind_int64(statement, 1, snapshot);
    while (status == LETHE_OK && (status = lethe_statement_step(statement, &row, error)) == LETHE_OK && row) {
        lethe_changed_image image = {lethe_statement_text(statement, 0), lethe_statement_int64(statement, 1), lethe_statement_int64(statement, 2)};
        status = visit(context, &image, error);
    }
    lethe_statement_finalize(statement);
    return status;
}

static lethe_status add_up(void *context, const lethe_changed_image *image, lethe_error *error) {
    int64_t *sums = context;
    (void)error;
    sums[0]++;
    sums[1] += image->annotations;
    return LETHE_OK;
}

lethe_status lethe_changed_count(lethe_store *store, int64_t snapshot, int64_t *images, int64_t *annotations, lethe_error *error) {
    int64_t sums[2] = {0};
    lethe_status status = lethe_changed_visit(store, snapshot, add_up, sums, error);
    *images = sums[0];
    *annotations = sums[1];
    return status;
}
