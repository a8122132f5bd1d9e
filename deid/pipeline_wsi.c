/* Whole-slide images as DICOM (VL Whole Slide Microscopy): ink on the glass is searched on the slide as a whole, and regions that a person has drawn
 * in pixels of its largest level become boxes in the frames of each instance. */
#include "deid/pipeline_steps.h"

#include "core/memory.h"
#include "deid/pixels/burned_in_internal.h"
#include "deid/slides/marks.h"
#include "deid/slides/slide_job.h"
#include "imaging/dicom/pixels.h"
#include "imaging/slide/slide.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static const char class_uid[] = "1.2.840.10008.5.1.4.1.1.77.1.6";

typedef struct matrix {
    int64_t width, height; /* of this instance's total pixel matrix */
    int64_t across, down, tile_w, tile_h;
    uint32_t frames, first;  /* first: of a concatenation, how many frames lie in the parts before */
    bool full;               /* TILED_FULL, or one that fits in one frame */
    double scale_x, scale_y; /* pixels of level 0 per pixel */
} matrix;

static int64_t integer(const lethe_dicom_item *item, lethe_tag tag, int64_t fallback) {
    int64_t value;
    return lethe_dicom_int(item, tag, 0, &value) ? value : fallback;
}

/* --- which row of the list is meant --- */

static const lethe_slide_mapping_row *find_row(const lethe_engine *engine, const instance *in) {
    char container[129] = "";
    (void)lethe_dicom_text(engine->dataset->root, LETHE_TAG(0x0040, 0x0512), 0, container, sizeof container);
    return lethe_slide_mapping_find(engine->options.slide_mapping, in->source_name, container);
}

/* --- regions --- */

/* Size of the largest level, which regions are drawn on. It must be the scan itself: a smaller one would put them elsewhere. */
static lethe_status measure_front(const char *path, int64_t size[2], lethe_error *error) {
    lethe_slide *slide = NULL, *front = NULL;
    lethe_map map = {.fd = -1};
    lethe_dicom_dataset *dataset = NULL;
    char origin[17] = "", sampling[17] = "";
    lethe_arena *arena = lethe_arena_create(LETHE_LIMIT_ARENA_BYTES);
    lethe_status status = arena ? lethe_slide_open(path, &slide, error) : lethe_fail(error, LETHE_NO_MEMORY, "no memory for a slide");
    if (status == LETHE_OK) status = lethe_slide_open(lethe_slide_front(slide), &front, error);
    if (status == LETHE_OK) status = lethe_map_open(lethe_slide_front(slide), &map, error);
    if (status == LETHE_OK) status = lethe_dicom_dataset_parse(map.bytes, map.size, arena, &dataset, error);
    if (status == LETHE_OK) {
        (void)lethe_dicom_text(dataset->root, LETHE_TAG(0x0008, 0x0008), 0, origin, sizeof origin);
        (void)lethe_dicom_text(dataset->root, LETHE_TAG(0x0008, 0x0008), 3, sampling, sizeof sampling);
        size[0] = lethe_slide_level_at(front, 0)->width_px;
        size[1] = lethe_slide_level_at(front, 0)->height_px;
        if (strcmp(origin, "ORIGINAL") != 0 || strcmp(sampling, "RESAMPLED") == 0)
            status = lethe_fail(error, LETHE_UNSAFE, "the largest level of the slide does not stand beside this instance: its mask cannot be placed");
    }
    lethe_dicom_dataset_release(dataset);
    lethe_map_close(&map);
    lethe_slide_close(front);
    lethe_slide_close(slide);
    lethe_arena_destroy(arena);
    return status;
}

static lethe_status read_matrix(const lethe_engine *engine, const char *path, matrix *m, lethe_error *error) {
    const lethe_dicom_item *root = engine->dataset->root;
    char organisation[17] = "";
    int64_t size[2] = {0};
    (void)lethe_dicom_text(root, LETHE_TAG(0x0020, 0x9311), 0, organisation, sizeof organisation);
    m->tile_w = integer(root, LETHE_TAG(0x0028, 0x0011), 0);
    m->tile_h = integer(root, LETHE_TAG(0x0028, 0x0010), 0);
    m->width = integer(root, LETHE_TAG(0x0048, 0x0006), m->tile_w);
    m->height = integer(root, LETHE_TAG(0x0048, 0x0007), m->tile_h);
    int64_t frames = integer(root, LETHE_TAG(0x0028, 0x0008), 1), first = integer(root, LETHE_TAG(0x0020, 0x9228), 0);
    bool good = m->tile_w > 0 && m->tile_h > 0 && m->width > 0 && m->height > 0 && m->width <= INT32_MAX && m->height <= INT32_MAX && frames > 0 &&
                frames <= INT32_MAX && first >= 0 && first <= INT32_MAX;
    if (!good) return lethe_fail(error, LETHE_UNSAFE, "(0048,0006): the total pixel matrix has no usable size: the mask cannot be placed");
    m->frames = (uint32_t)frames;
    m->first = (uint32_t)first;
    m->across = (m->width + m->tile_w - 1) / m->tile_w;
    m->down = (m->height + m->tile_h - 1) / m->tile_h;
    m->full = strcmp(organisation, "TILED_FULL") == 0 || (m->across == 1 && m->down == 1);
    lethe_status status = measure_front(path, size, error);
    m->scale_x = (double)size[0] / (double)m->width;
    m->scale_y = (double)size[1] / (double)m->height;
    return status;
}

/* Top left corner of a frame in the total pixel matrix, from 0. */
static bool frame_at(const matrix *m, uint32_t frame, const lethe_dicom_item *groups, int64_t corner[2]) {
    if (m->full) { /* through the tiles of one plane, then through those of the next (PS3.3 C.7.6.17.3) */
        int64_t place = ((int64_t)frame + m->first) % (m->across * m->down);
        corner[0] = place % m->across * m->tile_w;
        corner[1] = place / m->across * m->tile_h;
        return true;
    }
    const lethe_dicom_element *position = groups ? lethe_dicom_find(groups, LETHE_TAG(0x0048, 0x021A)) : NULL;
    if (!position || !position->items) return false;
    corner[0] = integer(position->items, LETHE_TAG(0x0048, 0x021E), 0) - 1;
    corner[1] = integer(position->items, LETHE_TAG(0x0048, 0x021F), 0) - 1;
    return corner[0] >= 0 && corner[1] >= 0;
}

static lethe_status box_frame(lethe_engine *engine, const matrix *m, uint32_t frame, const int64_t corner[2], const lethe_slide_region *region,
                              lethe_error *error) {
    int64_t left = (int64_t)floor((double)region->x_l0 / m->scale_x), top = (int64_t)floor((double)region->y_l0 / m->scale_y);
    int64_t right = (int64_t)ceil((double)(region->x_l0 + region->width_l0) / m->scale_x),
            bottom = (int64_t)ceil((double)(region->y_l0 + region->height_l0) / m->scale_y);
    if (m->scale_x > 1 || m->scale_y > 1) left--, top--, right++, bottom++; /* pixels there mix what lies beside the region with it */
    left = left > corner[0] ? left - corner[0] : 0;
    top = top > corner[1] ? top - corner[1] : 0;
    right = right - corner[0] < m->tile_w ? right - corner[0] : m->tile_w;
    bottom = bottom - corner[1] < m->tile_h ? bottom - corner[1] : m->tile_h;
    if (left >= right || top >= bottom) return LETHE_OK;
    lethe_pixel_box box = {.first_frame = frame,
                           .last_frame = frame,
                           .x = (uint32_t)left,
                           .y = (uint32_t)top,
                           .w = (uint32_t)(right - left),
                           .h = (uint32_t)(bottom - top)};
    (void)snprintf(box.why, sizeof box.why, "mask of the slide");
    return lethe_pixel_decision_add(&engine->decision, &box, error);
}

static lethe_status put_boxes(lethe_engine *engine, const char *path, const lethe_slide_region *regions, size_t count, lethe_error *error) {
    matrix m = {0};
    lethe_status status = read_matrix(engine, path, &m, error);
    const lethe_dicom_element *groups = lethe_dicom_find(engine->dataset->root, LETHE_TAG(0x5200, 0x9230));
    const lethe_dicom_item *item = groups ? groups->items : NULL;
    for (uint32_t frame = 0; status == LETHE_OK && frame < m.frames; frame++, item = item ? item->next : NULL) {
        int64_t corner[2];
        if (!frame_at(&m, frame, item, corner))
            return lethe_fail(error, LETHE_UNSAFE, "(0048,021A): nobody knows where a frame lies: the mask cannot be placed");
        for (size_t i = 0; status == LETHE_OK && i < count; i++) status = box_frame(engine, &m, frame, corner, &regions[i], error);
    }
    if (status == LETHE_OK && engine->decision.box_count) engine->decision.verdict = LETHE_PIXELS_REDACT;
    return status;
}

/* --- ink --- */

/* Instances of one series come one after the other: what was found on their volume is remembered. A thumbnail shows what the volume shows, too small
 * to be searched by itself. */
static lethe_status find_ink(lethe_engine *engine, const char *path, lethe_error *error) {
    lethe_slide *opened = NULL, *front = NULL;
    lethe_slide_region found[LETHE_MARKS_MOST];
    lethe_status status = lethe_slide_open(path, &opened, error);
    const char *name = status == LETHE_OK ? lethe_slide_front(opened) : "";
    if (status == LETHE_OK && strcmp(engine->ink_front, name) != 0) {
        unsigned count = 0;
        status = lethe_slide_open(name, &front, error);
        if (status == LETHE_OK) status = lethe_marks_find_on_slide(front, found, LETHE_MARKS_MOST, &count, error);
        bool remember = status == LETHE_OK && strlen(name) < sizeof engine->ink_front;
        (void)snprintf(engine->ink_front, sizeof engine->ink_front, "%s", remember ? name : "");
        engine->ink_count = count;
        if (count) engine->ink_first = found[0];
    }
    lethe_slide_close(front);
    lethe_slide_close(opened);
    return status;
}

lethe_status lethe_engine_wsi(lethe_engine *engine, const char *path, instance *in, lethe_error *error) {
    lethe_slide_region regions[LETHE_SLIDE_REGIONS];
    size_t region_count = 0;
    char label[17] = "";
    if (strcmp(in->result->sop_class, class_uid) != 0 || !path) return LETHE_OK;
    (void)lethe_dicom_text(engine->dataset->root, LETHE_TAG(0x0048, 0x0010), 0, label, sizeof label);
    if (strcmp(label, "YES") == 0) return lethe_fail(error, LETHE_UNSAFE, "(0048,0010): the slide's label shows in this image");
    const lethe_slide_mapping_row *row = find_row(engine, in);
    if (row) in->result->slide_row = row->number;
    if (row && *row->mask) {
        if (!lethe_slide_mask_parse(row->mask, regions, LETHE_SLIDE_REGIONS, &region_count))
            return lethe_fail(error, LETHE_UNSAFE, "the mask of the slide cannot be read");
        return region_count ? put_boxes(engine, path, regions, region_count, error) : LETHE_OK;
    }
    lethe_error why = {0};
    bool search = lethe_profile_slides(engine->options.profile)->text == LETHE_SLIDE_TEXT_SEARCH && !engine->options.force_release &&
                  engine->options.output_folder;
    if (!search) return LETHE_OK;
    lethe_status status = find_ink(engine, path, &why);
    if (status == LETHE_NO_MEMORY) return lethe_fail(error, status, "%s", why.message);
    if (status == LETHE_OK && !engine->ink_count) return LETHE_OK;
    const lethe_slide_region *first = &engine->ink_first;
    in->needs_review = true;
    if (status != LETHE_OK) (void)snprintf(in->review_reason, sizeof in->review_reason, "the slide cannot be searched for ink: %.120s", why.message);
    else
        (void)snprintf(in->review_reason, sizeof in->review_reason,
                       "ink or writing on the glass in %u place%s of the slide, the first offset %d,%d,%d,%d", engine->ink_count,
                       engine->ink_count == 1 ? "" : "s", (int)first->x_l0, (int)first->y_l0, (int)first->width_l0, (int)first->height_l0);
    return LETHE_OK;
}
