/* Runs over many inputs: folders to a folder, or a project's inbox. The parent hands batches to confined worker processes and alone writes manifest,
 * catalogue and queue. Layer: deid. Thread rule: one run at a time per process. */
#ifndef LETHE_DEID_RUN_H
#define LETHE_DEID_RUN_H

#include "core/error.h"
#include "core/project.h"
#include "core/queue.h"
#include "deid/crosswalk.h"
#include "deid/known.h"
#include "deid/manifest.h"
#include "deid/profile.h"

#include <signal.h>

typedef struct lethe_run_counts {
    uint64_t inputs, released, quarantined, review, dropped;
    unsigned unused_rows; /* of the slide mapping: no slide has their name or bar code */
    char unused_lines[160];
} lethe_run_counts;

/* Told about each input, in the order of the inputs, in the parent. */
typedef lethe_status (*lethe_run_visit_fn)(void *context, const char *path, const char *source, const lethe_result *result, lethe_error *error);

/* Told what each input tells about its patient and study, in the order of the inputs. */
typedef lethe_status (*lethe_run_learn_fn)(void *context, const char *path, const char *source, const lethe_learned *learned, const void *values,
                                           size_t size, lethe_error *error);

/* Told what workers counted (tally.h), in any order. */
typedef lethe_status (*lethe_run_tally_fn)(void *context, const void *bytes, size_t size, lethe_error *error);

/* Why inputs of one SOP Instance UID are not all released. */
#define LETHE_REASON_CONFLICT "another input has the same SOP Instance UID and other content"
#define LETHE_REASON_COPY "another input is the same instance, encoded otherwise: that one is released"

/* --- workers, shared by both runs --- */

typedef struct lethe_crew lethe_crew;
typedef struct lethe_crew_options {
    lethe_engine_options engine; /* profile, key ...: borrowed until the crew is destroyed */
    unsigned workers;            /* 0 = one per processor */
    bool show_slides;            /* workers show on stderr how far a large slide is */
    const char *const *readable; /* NULL-terminated: inputs */
    const char *const *writable; /* NULL-terminated: output, scratch */
    lethe_run_visit_fn visit;
    lethe_run_learn_fn learn; /* for lethe_crew_learn; may be NULL */
    lethe_run_tally_fn tally; /* with engine.want_tally */
    void *context;
} lethe_crew_options;
LETHE_NODISCARD lethe_status lethe_crew_start(const lethe_crew_options *options, lethe_crew **out, lethe_error *error);
/* Add an input; `visit` is called later, maybe from inside. Copies both strings. */
LETHE_NODISCARD lethe_status lethe_crew_add(lethe_crew *crew, const char *path, const char *source, lethe_error *error);
/* The same with what other objects told (known.h; copied); with `probe` the input is only tried: nothing is released. */
LETHE_NODISCARD lethe_status lethe_crew_add_knowing(lethe_crew *crew, const char *path, const char *source, const void *values, size_t size,
                                                    bool probe, lethe_error *error);
/* An input whose outcome is known without looking: `visit` hears of it in its turn. `result` is copied. */
LETHE_NODISCARD lethe_status lethe_crew_add_result(lethe_crew *crew, const char *path, const char *source, const lethe_result *result,
                                                   lethe_error *error);
/* Only read it: `learn` is called later. Learn all, flush, then add. */
LETHE_NODISCARD lethe_status lethe_crew_learn(lethe_crew *crew, const char *path, const char *source, lethe_error *error);
/* Finish all that was added. */
LETHE_NODISCARD lethe_status lethe_crew_flush(lethe_crew *crew, lethe_error *error);
/* After a failure: wait for what is under way and let `visit` hear of all that is known, so that nothing is released that nobody has written down.
 * Every result is visited, also after `visit` failed; the first failure is returned. The crew is of no use afterwards. */
LETHE_NODISCARD lethe_status lethe_crew_wind_up(lethe_crew *crew, lethe_error *error);
void lethe_crew_destroy(lethe_crew *crew);

/* --- IN... -o OUT --- */

typedef struct lethe_folder_run {
    const char *const *inputs;
    unsigned input_count;
    const char *output;
    const lethe_profile *profile;
    const uint8_t *key;
    unsigned jobs;
    unsigned shard, shards;                 /* 1..shards; shards 0 = all */
    const char *manifest;                   /* NULL = none */
    const char *report;                     /* HTML; NULL = none */
    const char *private_folder;             /* for the page of texts before and after cleaning; NULL = none is made */
    const char *crosswalk_file, *recipient; /* encrypted crosswalk and its recipient's certificate (PEM); both or none */
    const lethe_crosswalk *crosswalk;
    struct lethe_slide_mapping *slide_mapping;   /* rows that are used are noted in it */
    const struct lethe_recipients *recipients;   /* encrypted.h; may be NULL */
    const struct lethe_pixel_rules *pixel_rules; /* pixel_rules.h; may be NULL */
    bool quiet;
} lethe_folder_run;
LETHE_NODISCARD lethe_status lethe_run_folder(const lethe_folder_run *run, lethe_run_counts *counts, lethe_error *error);

/* --- a project's inbox --- */

typedef struct lethe_project_run {
    const lethe_project *project;
    const lethe_profile *profile;
    unsigned jobs;
    bool watch; /* until *stop is set */
    const volatile sig_atomic_t *stop;
    const char *report;
    const char *crosswalk_file, *recipient;
    const lethe_crosswalk *crosswalk;
    struct lethe_slide_mapping *slide_mapping; /* rows that are used are noted in it */
    const struct lethe_recipients *recipients; /* encrypted.h; may be NULL */
    bool quiet;
} lethe_project_run;
/* The slide mapping at `path`, or where that is NULL the project's own, private/slides.csv; *out is NULL when there is none. Errors: as
 * lethe_slide_mapping_load. */
LETHE_NODISCARD lethe_status lethe_run_load_mapping(const lethe_project *project, const char *path, struct lethe_slide_mapping **out,
                                                    lethe_error *error);
/* Tell a slide mapping of all slides of the project, and check its rows. NULL mapping: nothing happens. Errors: LETHE_CONFIG with the lines of names
 * that fit several slides, and with `masks` of masks whose slide is not there. */
LETHE_NODISCARD lethe_status lethe_run_check_mapping(lethe_queue *queue, struct lethe_slide_mapping *mapping, bool masks, lethe_error *error);
LETHE_NODISCARD lethe_status lethe_run_project(const lethe_project_run *run, lethe_run_counts *counts, lethe_error *error);

#endif
