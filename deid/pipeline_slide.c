#include "deid/pipeline_steps.h"

#include "core/file.h"
#include "core/memory.h"
#include "deid/objections.h"
#include "deid/slides/masks.h"
#include "deid/slides/slide_deid.h"

#include <stdio.h>
#include <string.h>

static bool objects(void *context, const char *patient_pseudonym) {
    const lethe_engine *engine = context;
    return lethe_objections_contain(engine->options.objections, patient_pseudonym);
}

lethe_status lethe_engine_slide(lethe_engine *engine, const char *path, const char *source_name, lethe_result *result, lethe_error *error) {
    lethe_slide_options options = *lethe_profile_slides(engine->options.profile);
    options.pseudonymizer = engine->pseudonymizer;
    options.mapping = engine->options.slide_mapping;
    options.source_name = source_name;
    options.sync = engine->options.sync;
    options.skip_sha256 = engine->options.skip_sha256;
    options.progress = engine->options.slide_progress;
    options.progress_context = engine->options.slide_progress_context;
    result->is_slide = true;
    if (engine->options.output_folder == NULL) {
        result->outcome = LETHE_OUTCOME_REVIEW;
        (void)snprintf(result->reason, sizeof result->reason, "a slide: nothing to explain without an output");
        return LETHE_OK;
    }
    /* Boxes of a profile are pixels of level 0 here. */
    const lethe_pixel_policy *pixels = lethe_profile_pixels(engine->options.profile);
    lethe_slide_region regions[LETHE_SLIDE_REGIONS];
    for (unsigned i = 0; i < pixels->extra_count && options.region_count < LETHE_SLIDE_REGIONS; i++)
        regions[options.region_count++] =
            (lethe_slide_region){pixels->extra_boxes[i].x, pixels->extra_boxes[i].y, pixels->extra_boxes[i].w, pixels->extra_boxes[i].h};
    size_t drawn =
        lethe_slide_masks_of(engine->options.slide_masks, path, regions + options.region_count, LETHE_SLIDE_REGIONS - options.region_count);
    options.region_count += drawn;
    options.drawn = drawn != 0;
    options.replace = engine->options.replace;
    options.regions = regions;
    options.approved = engine->options.force_release;
    options.objected = objects;
    options.objected_context = engine;
    lethe_slide_result slide;
    lethe_error why = {0};
    lethe_status made = LETHE_OK;
    /* Without a project the scratch folder is the output itself: nothing private may lie there. */
    const char *scratch = engine->options.scratch_folder;
    bool has_private = scratch && strcmp(scratch, engine->options.output_folder) != 0;
    char *labels = options.keep_removed_labels && has_private ? lethe_path_join(scratch, "slide-labels") : NULL;
    if (options.keep_removed_labels && !labels) {
        result->outcome = LETHE_OUTCOME_QUARANTINED;
        (void)snprintf(result->reason, sizeof result->reason, "the profile keeps removed labels: that needs the private folder of a project");
        return LETHE_OK;
    }
    if (labels) made = lethe_folder_create(labels, 0700, error);
    options.private_folder = labels;
    if (made != LETHE_OK) {
        lethe_free(labels);
        return made;
    }
    lethe_status status = lethe_slide_deidentify(path, &options, engine->options.output_folder, &slide, &why);
    if (status == LETHE_OK) {
        result->outcome = slide.outcome == LETHE_SLIDE_RELEASED  ? LETHE_OUTCOME_RELEASED
                          : slide.outcome == LETHE_SLIDE_REVIEW  ? LETHE_OUTCOME_REVIEW
                          : slide.outcome == LETHE_SLIDE_DROPPED ? LETHE_OUTCOME_DROPPED
                                                                 : LETHE_OUTCOME_QUARANTINED;
        (void)snprintf(result->reason, sizeof result->reason, "%s", slide.reason);
        (void)snprintf(result->output, sizeof result->output, "%s", result->outcome == LETHE_OUTCOME_RELEASED ? slide.output : "");
        (void)snprintf(result->sha256, sizeof result->sha256, "%s", result->outcome == LETHE_OUTCOME_RELEASED ? slide.sha256 : "");
        (void)snprintf(result->patient, sizeof result->patient, "%s", slide.patient);
        (void)snprintf(result->instance_uid, sizeof result->instance_uid, "%.64s", slide.slide);
        (void)snprintf(result->modality, sizeof result->modality, "SM");
        for (unsigned i = 0; i < slide.mark_count && result->box_count < LETHE_RESULT_BOXES; i++) {
            lethe_pixel_box *box = &result->boxes[result->box_count++];
            *box = (lethe_pixel_box){.x = (uint32_t)slide.marks[i].x_l0,
                                     .y = (uint32_t)slide.marks[i].y_l0,
                                     .w = (uint32_t)slide.marks[i].width_l0,
                                     .h = (uint32_t)slide.marks[i].height_l0};
            (void)snprintf(box->why, sizeof box->why, "ink or writing on the glass");
        }
        result->slide_row = slide.mapping_row;
        result->rows = slide.height_px;
        result->columns = slide.width_px;
        result->frames = slide.levels;
        result->cleaned = (uint32_t)slide.tiles_cleaned;
        result->replaced = (uint32_t)slide.tiles_redacted;
        result->removed = (uint32_t)(slide.tags_removed + slide.keys_removed + slide.images_removed);
    } else if (status != LETHE_IO && status != LETHE_NO_MEMORY) {
        result->outcome = LETHE_OUTCOME_QUARANTINED;
        (void)snprintf(result->reason, sizeof result->reason, "%s", why.message);
        status = LETHE_OK;
    } else {
        status = lethe_fail(error, status, "%s", why.message);
    }
    lethe_slide_result_release(&slide);
    lethe_free(labels);
    return status;
}
