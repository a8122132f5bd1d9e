#include "deid/pipeline_steps.h"

#include "deid/slides/slide_deid.h"

#include <stdio.h>
#include <string.h>

lethe_status lethe_engine_slide(lethe_engine *engine, const char *path, const char *source_name, lethe_result *result, lethe_error *error) {
    lethe_slide_options options = *lethe_profile_slides(engine->options.profile);
    options.pseudonymizer = engine->pseudonymizer;
    options.mapping = engine->options.slide_mapping;
    options.source_name = source_name;
    options.sync = engine->options.sync;
    result->is_slide = true;
    if (engine->options.output_folder == NULL) {
        result->outcome = LETHE_OUTCOME_REVIEW;
        (void)snprintf(result->reason, sizeof result->reason, "a slide: nothing to explain without an output");
        return LETHE_OK;
    }
    lethe_slide_result slide;
    lethe_error why = {0};
    lethe_status status = lethe_slide_deidentify(path, &options, engine->options.output_folder, &slide, &why);
    if (status == LETHE_OK) {
        result->outcome = slide.outcome == LETHE_SLIDE_RELEASED ? LETHE_OUTCOME_RELEASED
                          : slide.outcome == LETHE_SLIDE_REVIEW ? LETHE_OUTCOME_REVIEW
                                                                : LETHE_OUTCOME_QUARANTINED;
        (void)snprintf(result->reason, sizeof result->reason, "%s", slide.reason);
        (void)snprintf(result->output, sizeof result->output, "%s", result->outcome == LETHE_OUTCOME_RELEASED ? slide.output : "");
        (void)snprintf(result->sha256, sizeof result->sha256, "%s", result->outcome == LETHE_OUTCOME_RELEASED ? slide.sha256 : "");
        (void)snprintf(result->patient, sizeof result->patient, "%s", slide.patient);
        (void)snprintf(result->instance_uid, sizeof result->instance_uid, "%.64s", slide.slide);
        (void)snprintf(result->modality, sizeof result->modality, "SM");
        result->rows = slide.height_px;
        result->columns = slide.width_px;
        result->frames = slide.levels;
        result->removed = (uint32_t)(slide.tags_removed + slide.keys_removed + slide.images_removed);
    } else if (status != LETHE_IO && status != LETHE_NO_MEMORY) {
        result->outcome = LETHE_OUTCOME_QUARANTINED;
        (void)snprintf(result->reason, sizeof result->reason, "%s", why.message);
        status = LETHE_OK;
    } else {
        status = lethe_fail(error, status, "%s", why.message);
    }
    lethe_slide_result_release(&slide);
    return status;
}
