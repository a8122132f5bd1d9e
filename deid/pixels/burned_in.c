#include "deid/pixels/burned_in.h"

#include "core/limits.h"
#include "deid/pixels/burned_in_search.h"

#include <stdio.h>
#include <string.h>

lethe_status lethe_burned_in_create(const lethe_pixel_policy *policy, lethe_burned_in **out, lethe_error *error) {
    *out = NULL;
    lethe_burned_in *engine = lethe_alloc_array(1, sizeof *engine);
    if (engine != NULL) engine->detector = lethe_text_detector_create();
    if (engine == NULL || engine->detector == NULL) {
        lethe_free(engine);
        return lethe_fail(error, LETHE_NO_MEMORY, "no memory for the pixel stage");
    }
    engine->policy = *policy;
    engine->before_fd = engine->after_fd = -1;
    *out = engine;
    return LETHE_OK;
}

void lethe_burned_in_destroy(lethe_burned_in *engine) {
    if (engine == NULL) return;
    lethe_text_detector_destroy(engine->detector);
    lethe_ocr_destroy(engine->ocr);
    lethe_free(engine);
}

void lethe_pixel_decision_release(lethe_pixel_decision *decision) {
    if (decision == NULL) return;
    lethe_free(decision->boxes);
    lethe_free(decision->kept);
    lethe_free(decision->drawn);
    *decision = (lethe_pixel_decision){0};
}

/* --- decide --- */

/* Letters as high as these are rarer than anatomy that resembles them: the walls of a vessel, a row of ribs. */
bool lethe_burned_in_takes_much(const lethe_pixel_decision *decision, size_t first, const lethe_pixels_info *info) {
    enum { LARGE_PIXELS = 96, MUCH = 5 };
    for (size_t i = first; i < decision->box_count; i++) {
        const lethe_pixel_box *box = &decision->boxes[i];
        bool large = box->w > LARGE_PIXELS && box->h > LARGE_PIXELS;
        if (large && (uint64_t)box->w * box->h > (uint64_t)info->columns * info->rows / MUCH) return true;
    }
    return false;
}

static void conclude(lethe_burned_in *engine, const lethe_device_match *devices, bool regions, bool found_text, const char *doubts,
                     lethe_pixel_decision *decision) {
    if (decision->verdict == LETHE_PIXELS_QUARANTINE) return;
    bool known = devices->burns_count > 0 || devices->own_device || regions;
    if (found_text && !known && engine->policy.unknown_device != LETHE_UNKNOWN_DEVICE_REDACT) {
        bool review = engine->policy.unknown_device == LETHE_UNKNOWN_DEVICE_REVIEW;
        decision->verdict = review ? LETHE_PIXELS_REVIEW : LETHE_PIXELS_QUARANTINE;
        (void)snprintf(decision->reason, sizeof decision->reason, "text in the pixels of a device that the catalogue does not know");
        return;
    }
    if (doubts != NULL) {
        decision->verdict = LETHE_PIXELS_REVIEW;
        (void)snprintf(decision->reason, sizeof decision->reason, "%s: a person has to look", doubts);
        return;
    }
    if (decision->box_count > 0 || decision->clear_unused_bits) decision->verdict = LETHE_PIXELS_REDACT;
    else decision->verdict = decision->searched ? LETHE_PIXELS_CLEAN : LETHE_PIXELS_NOT_SEARCHED;
}

static lethe_status decide(lethe_burned_in *engine, const lethe_dicom_dataset *dataset, const lethe_identifiers *identifiers, lethe_pixels *pixels,
                           lethe_pixel_decision *decision, lethe_error *error) {
    const lethe_pixels_info *info = lethe_pixels_describe(pixels);
    lethe_device_match devices = {0};
    const char *reason;
    bool regions = false;
    lethe_status status = LETHE_OK;
    if (!engine->policy.ignore_catalogue) lethe_device_find(dataset, &devices);
    status = lethe_burned_in_own_rules(&engine->policy, dataset, info, &devices, decision, error);
    if (status != LETHE_OK) return status;
    lethe_pixel_mode mode = lethe_burned_in_mode(&engine->policy, dataset, &devices, &reason);
    (void)snprintf(decision->reason, sizeof decision->reason, "%s", reason);
    if (mode == LETHE_PIXELS_OFF && devices.clean != NULL) (void)snprintf(decision->rule, sizeof decision->rule, "%s", devices.clean->name);
    decision->clear_unused_bits = lethe_burned_in_has_embedded_overlay(dataset, info);
    status = lethe_burned_in_layout(engine->before_fd, dataset, pixels, decision, error);
    if (status != LETHE_OK || decision->verdict == LETHE_PIXELS_QUARANTINE) return status;
    if (info->codec == LETHE_CODEC_VIDEO) {
        decision->verdict = engine->policy.review_video == 1 ? LETHE_PIXELS_QUARANTINE : LETHE_PIXELS_REVIEW;
        decision->clear_unused_bits = false;
        (void)snprintf(decision->reason, sizeof decision->reason, "video is not searched: a person has to look");
        return LETHE_OK;
    }
    if (!engine->policy.ignore_catalogue) {
        status = lethe_burned_in_device_boxes(&devices, info, decision, error);
        if (status == LETHE_OK) status = lethe_burned_in_region_boxes(dataset, info, decision, &regions, error);
        if (status != LETHE_OK) return status;
    }
    for (unsigned i = 0; i < engine->policy.extra_count; i++) {
        lethe_pixel_box box = engine->policy.extra_boxes[i];
        if (box.x >= info->columns || box.y >= info->rows || box.first_frame >= info->frames) continue;
        if (box.last_frame >= info->frames) box.last_frame = info->frames - 1;
        if (box.w > info->columns - box.x) box.w = info->columns - box.x;
        if (box.h > info->rows - box.y) box.h = info->rows - box.y;
        status = lethe_pixel_decision_add(decision, &box, error);
        if (status != LETHE_OK) return status;
    }
    if (mode != LETHE_PIXELS_OFF) {
        lethe_pixel_search s = {.engine = engine,
                                .dataset = dataset,
                                .identifiers = identifiers,
                                .mode = mode,
                                .decision = decision,
                                .pixels = pixels,
                                .info = info,
                                .error = error};
        status = lethe_pixel_search_all(&s);
        size_t first = s.first_found;
        const char *doubts = s.doubts > 0                                        ? "something in the pixels looks like text and cannot be read"
                             : lethe_burned_in_takes_much(decision, first, info) ? "what looks like large letters covers much of the picture"
                                                                                 : NULL;
        lethe_pixel_search_release(&s);
        if (status != LETHE_OK) return status;
        conclude(engine, &devices, regions, decision->box_count > first, doubts, decision);
        return LETHE_OK;
    }
    conclude(engine, &devices, regions, false, NULL, decision);
    return LETHE_OK;
}

lethe_status lethe_burned_in_decide(lethe_burned_in *engine, const lethe_dicom_dataset *dataset, const lethe_identifiers *identifiers,
                                    lethe_pixel_decision *decision, lethe_error *error) {
    lethe_error why = {0};
    lethe_pixels *pixels;
    *decision = (lethe_pixel_decision){0};
    lethe_status status = lethe_pixels_open(dataset, &pixels, &why);
    if (status == LETHE_NOT_FOUND) {
        (void)snprintf(decision->reason, sizeof decision->reason, "no pixel data");
        return LETHE_OK;
    }
    if (status == LETHE_NO_MEMORY) return lethe_fail(error, status, "%s", why.message);
    if (status != LETHE_OK) {
        decision->verdict = LETHE_PIXELS_QUARANTINE;
        (void)snprintf(decision->reason, sizeof decision->reason, "pixel data cannot be read: %.120s", why.message);
        return LETHE_OK;
    }
    status = decide(engine, dataset, identifiers, pixels, decision, error);
    lethe_pixels_close(pixels);
    if (status != LETHE_OK) lethe_pixel_decision_release(decision);
    return status;
}
