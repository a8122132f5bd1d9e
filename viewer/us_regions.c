/* Calibrated regions of ultrasound images (PS3.3 C.8.5.5): each has a scale of its own, and only what lies in one region can be measured. */
#include "viewer/study.h"

#include <math.h>

static bool whole(const lethe_dicom_item *item, lethe_tag tag, double *out) {
    int64_t value;
    if (!lethe_dicom_int(item, tag, 0, &value) || value < INT32_MIN || value > INT32_MAX) return false;
    *out = (double)value;
    return true;
}

const lethe_us_region *lethe_us_regions_load(const lethe_dicom_item *root, lethe_arena *arena, size_t *count) {
    enum { MOST = 256, CENTIMETRES = 3 };
    *count = 0;
    const lethe_dicom_element *sequence = lethe_dicom_find(root, LETHE_TAG(0x0018, 0x6011));
    if (!sequence || sequence->form != LETHE_DICOM_SEQUENCE || sequence->item_count == 0 || sequence->item_count > MOST) return NULL;
    lethe_us_region *regions = lethe_arena_alloc_array(arena, sequence->item_count, sizeof *regions);
    if (!regions) return NULL;
    for (const lethe_dicom_item *item = sequence->items; item; item = item->next) {
        double x0, y0, x1, y1, across_unit = 0, down_unit = 0, dx = 0, dy = 0;
        if (!whole(item, LETHE_TAG(0x0018, 0x6018), &x0) || !whole(item, LETHE_TAG(0x0018, 0x601A), &y0) ||
            !whole(item, LETHE_TAG(0x0018, 0x601C), &x1) || !whole(item, LETHE_TAG(0x0018, 0x601E), &y1) || x1 < x0 || y1 < y0)
            continue;
        (void)whole(item, LETHE_TAG(0x0018, 0x6024), &across_unit);
        (void)whole(item, LETHE_TAG(0x0018, 0x6026), &down_unit);
        bool scaled = lethe_dicom_double(item, LETHE_TAG(0x0018, 0x602C), 0, &dx) && lethe_dicom_double(item, LETHE_TAG(0x0018, 0x602E), 0, &dy) &&
                      isfinite(dx) && isfinite(dy) && dx != 0 && dy != 0;
        bool spatial = scaled && (int)across_unit == CENTIMETRES && (int)down_unit == CENTIMETRES;
        regions[(*count)++] = (lethe_us_region){{x0, y0, x1 - x0 + 1, y1 - y0 + 1}, spatial ? fabs(dx) * 10 : 0, spatial ? fabs(dy) * 10 : 0};
    }
    return regions;
}

bool lethe_us_regions_scale(const lethe_us_region *regions, size_t region_count, const lethe_point *points, size_t count, double *across_mm,
                            double *down_mm) {
    const lethe_us_region *found = NULL;
    for (size_t i = 0; i < region_count; i++) {
        const lethe_rect *r = &regions[i].rect;
        bool all = count > 0;
        for (size_t p = 0; p < count && all; p++)
            all = points[p].x >= r->x && points[p].y >= r->y && points[p].x <= r->x + r->width && points[p].y <= r->y + r->height;
        /* A region on top of another is the smaller one. */
        if (all && (!found || r->width * r->height < found->rect.width * found->rect.height)) found = &regions[i];
    }
    *across_mm = *down_mm = 1;
    if (!found || !(found->across_mm > 0)) return false;
    *across_mm = found->across_mm;
    *down_mm = found->down_mm;
    return true;
}
