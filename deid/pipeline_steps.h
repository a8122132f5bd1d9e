/* Inside of the pipeline: shared by pipeline.c, pipeline_slide.c, explain.c and documents.c only. */
#ifndef LETHE_DEID_PIPELINE_STEPS_H
#define LETHE_DEID_PIPELINE_STEPS_H

#include "deid/audit.h"
#include "deid/pipeline.h"
#include "deid/pixels/redact.h"
#include "deid/slides/slide_deid.h"
#include "deid/tally.h"
#include "imaging/dicom/edit.h"

struct lethe_engine {
    lethe_engine_options options;
    lethe_pseudonymizer *pseudonymizer;
    lethe_arena *arena; /* of the instance at hand */
    lethe_scrub *scrub;
    lethe_audit *audit;
    lethe_burned_in *burned_in;
    lethe_buffer sealed; /* (0400,0520) of the instance at hand */
    lethe_buffer others; /* of known.h, for the next input */
    bool probe;          /* the next input is only tried */
    lethe_tally *tally;  /* NULL: nobody counts */
    uint64_t told[1024]; /* by group: digests of what lethe_engine_learn has told already */
    lethe_outlet *outlet;
    char ink_front[512]; /* file that stands for the DICOM slide that was searched for ink last; "" = none */
    unsigned ink_count;  /* places, the first of which is ink_first */
    lethe_slide_region ink_first;
    lethe_buffer input; /* bytes of the instance at hand, where they were read whole */
    /* The instance at hand. */
    lethe_map map;
    lethe_dicom_dataset *dataset;
    lethe_edit_script *script;
    lethe_pixel_decision decision;
    lethe_redaction *redaction;
};

/* What one instance carries through the steps. */
typedef struct instance {
    lethe_result *result;
    const char *source_name, *path;
    char patient_original[256];
    int32_t shift_days;
    char relative[512];
    bool fatal;   /* the failure is the run's, not the instance's */
    bool dropped; /* the failure drops the instance */
    bool needs_review;
    bool digest;  /* the digest is needed although the options skip it */
    bool compare; /* an output of that name stands there: is what they say the same? */
    bool audited; /* it was the audit that failed */
    char review_reason[200];
    lethe_tag forced[16]; /* elements that the audit found wanting in an earlier attempt */
    unsigned forced_count;
} instance;

/* Ink on DICOM slides makes them wait; masks of the slide mapping become boxes of `engine->decision`. Other instances: nothing happens. Errors:
 * LETHE_UNSAFE (a mask that cannot be placed, a label in the image), LETHE_NO_MEMORY. */
LETHE_NODISCARD lethe_status lethe_engine_wsi(lethe_engine *engine, const char *path, instance *in, lethe_error *error);
/* Fill the catalogue fields from an output's bytes. */
LETHE_NODISCARD lethe_status lethe_result_describe(lethe_result *result, const uint8_t *bytes, size_t size, lethe_error *error);
LETHE_NODISCARD lethe_status lethe_engine_slide(lethe_engine *engine, const char *path, const char *source_name, lethe_result *result,
                                                lethe_error *error);

#endif
