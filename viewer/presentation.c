/* Presentation states read from DICOM: references, lookup tables, displayed areas, rotation. Graphics: presentation_graphics.c. */
#include "viewer/presentation.h"

#include "core/file.h"
#include "core/memory.h"
#include "viewer/presentation_internal.h"

#include <math.h>
#include <string.h>

enum { ARENA_BYTES = 64 << 20, HEADER_ARENA_BYTES = 256 << 20, MOST_ITEMS = 100000 };

bool lethe_presentation_class(const char *sop_class) {
    static const char *const classes[] = {"1.2.840.10008.5.1.4.1.1.11.1", "1.2.840.10008.5.1.4.1.1.11.2", "1.2.840.10008.5.1.4.1.1.11.5"};
    for (size_t i = 0; sop_class && i < sizeof classes / sizeof *classes; i++)
        if (strcmp(sop_class, classes[i]) == 0) return true;
    return false;
}

const lethe_dicom_item *lethe_presentation_items(const lethe_dicom_item *item, lethe_tag tag, uint32_t *count) {
    const lethe_dicom_element *e = lethe_dicom_find(item, tag);
    bool is = e && e->form == LETHE_DICOM_SEQUENCE;
    if (count) *count = is ? e->item_count : 0;
    return is ? e->items : NULL;
}

const char *lethe_presentation_text(lethe_presentation_reader *r, const lethe_dicom_item *item, lethe_tag tag) {
    const lethe_dicom_element *e = lethe_dicom_find(item, tag);
    if (!e || e->form != LETHE_DICOM_LEAF || e->value_bytes == 0 || e->value_bytes > 10240) return "";
    lethe_buffer utf8;
    lethe_buffer_init(&utf8, 1 << 16);
    const char *text = NULL;
    if (lethe_charset_decode(r->charset, e->value, (size_t)e->value_bytes, e->vr, &utf8, NULL, NULL) == LETHE_OK) {
        size_t length = utf8.size;
        while (length > 0 && (utf8.bytes[length - 1] == ' ' || utf8.bytes[length - 1] == '\0')) length--;
        text = length ? lethe_arena_strndup(r->arena, (const char *)utf8.bytes, length) : "";
    }
    lethe_buffer_release(&utf8);
    if (!text) r->short_of_memory = true;
    return text ? text : "";
}

/* --- what a part of the state is for --- */

static lethe_status add_image(lethe_presentation_reader *r, const lethe_dicom_item *item, lethe_presentation_image *images, size_t most,
                              size_t *count, lethe_error *error) {
    char uid[65];
    if (!lethe_dicom_text(item, LETHE_TAG(0x0008, 0x1155), 0, uid, sizeof uid))
        return lethe_fail(error, LETHE_MALFORMED, "(0008,1155) is missing in a reference of a presentation state");
    const char *instance = lethe_arena_strndup(r->arena, uid, strlen(uid));
    if (!instance) return lethe_fail(error, LETHE_NO_MEMORY, "out of memory");
    const lethe_dicom_element *list = lethe_dicom_find(item, LETHE_TAG(0x0008, 0x1160));
    unsigned frames = list ? lethe_dicom_multiplicity(list) : 0;
    if (frames == 0 && *count < most) images[(*count)++] = (lethe_presentation_image){instance, 0};
    for (unsigned i = 0; i < frames && *count < most; i++) {
        int64_t frame = 0;
        if (!lethe_dicom_element_int(list, i, &frame) || frame < 1 || frame > UINT32_MAX)
            return lethe_fail(error, LETHE_MALFORMED, "(0008,1160) of a presentation state is no frame number");
        images[(*count)++] = (lethe_presentation_image){instance, (uint32_t)frame};
    }
    return LETHE_OK;
}

static size_t references_of(const lethe_dicom_item *item) {
    size_t count = 0;
    for (const lethe_dicom_item *i = lethe_presentation_items(item, LETHE_TAG(0x0008, 0x1140), NULL); i; i = i->next) {
        const lethe_dicom_element *frames = lethe_dicom_find(i, LETHE_TAG(0x0008, 0x1160));
        unsigned listed = frames ? lethe_dicom_multiplicity(frames) : 0;
        count += listed ? listed : 1;
    }
    return count;
}

static lethe_status take_references(lethe_presentation_reader *r, const lethe_dicom_item *holder, lethe_presentation_image *images, size_t most,
                                    size_t *count, lethe_error *error) {
    lethe_status status = LETHE_OK;
    for (const lethe_dicom_item *i = lethe_presentation_items(holder, LETHE_TAG(0x0008, 0x1140), NULL); i && !status; i = i->next)
        status = add_image(r, i, images, most, count, error);
    return status;
}

lethe_status lethe_presentation_scope_take(lethe_presentation_reader *r, const lethe_dicom_item *item, lethe_presentation_scope *out,
                                           lethe_error *error) {
    *out = (lethe_presentation_scope){0};
    size_t most = references_of(item), count = 0;
    if (most == 0) return LETHE_OK;
    if (most > MOST_ITEMS) return lethe_fail(error, LETHE_LIMIT, "too many references in a presentation state");
    lethe_presentation_image *images = lethe_arena_alloc_array(r->arena, most, sizeof *images);
    if (!images) return lethe_fail(error, LETHE_NO_MEMORY, "out of memory");
    lethe_status status = take_references(r, item, images, most, &count, error);
    *out = (lethe_presentation_scope){images, count};
    return status;
}

/* PS3.3 C.11.11: all images that the state is for, by series. */
static lethe_status take_images(lethe_presentation_reader *r, const lethe_dicom_item *root, lethe_presentation_scope *out, lethe_error *error) {
    size_t most = 0, count = 0;
    const lethe_dicom_item *series = lethe_presentation_items(root, LETHE_TAG(0x0008, 0x1115), NULL);
    for (const lethe_dicom_item *s = series; s; s = s->next) most += references_of(s);
    if (most == 0) return lethe_fail(error, LETHE_MALFORMED, "(0008,1115): the presentation state names no image");
    if (most > MOST_ITEMS) return lethe_fail(error, LETHE_LIMIT, "too many references in a presentation state");
    lethe_presentation_image *images = lethe_arena_alloc_array(r->arena, most, sizeof *images);
    if (!images) return lethe_fail(error, LETHE_NO_MEMORY, "out of memory");
    lethe_status status = LETHE_OK;
    for (const lethe_dicom_item *s = series; s && !status; s = s->next) status = take_references(r, s, images, most, &count, error);
    *out = (lethe_presentation_scope){images, count};
    return status;
}

/* --- lookup tables --- */

static int function_of(const lethe_dicom_item *item) {
    char word[17];
    if (!lethe_dicom_text(item, LETHE_TAG(0x0028, 0x1056), 0, word, sizeof word)) return LETHE_VOI_LINEAR;
    return strcmp(word, "SIGMOID") == 0 ? LETHE_VOI_SIGMOID : strcmp(word, "LINEAR_EXACT") == 0 ? LETHE_VOI_LINEAR_EXACT : LETHE_VOI_LINEAR;
}

/* The first input of a table is below zero when its descriptor says so: there is no Pixel Representation in a state. */
static bool is_signed_table(const lethe_dicom_item *lut) {
    const lethe_dicom_element *descriptor = lethe_dicom_find(lut, LETHE_TAG(0x0028, 0x3002));
    return descriptor && descriptor->vr == LETHE_VR_SS;
}

static lethe_status take_voi(lethe_presentation_reader *r, const lethe_dicom_item *root, lethe_presentation *state, lethe_error *error) {
    uint32_t count;
    const lethe_dicom_item *item = lethe_presentation_items(root, LETHE_TAG(0x0028, 0x3110), &count);
    if (count == 0) return LETHE_OK;
    if (count > MOST_ITEMS) return lethe_fail(error, LETHE_LIMIT, "too many items in (0028,3110)");
    state->voi = lethe_arena_alloc_array(r->arena, count, sizeof *state->voi);
    if (!state->voi) return lethe_fail(error, LETHE_NO_MEMORY, "out of memory");
    lethe_status status = LETHE_OK;
    for (; item && !status; item = item->next) {
        lethe_presentation_voi *voi = &state->voi[state->voi_count++];
        status = lethe_presentation_scope_take(r, item, &voi->scope, error);
        double centre, width;
        voi->has_window = lethe_dicom_double(item, LETHE_TAG(0x0028, 0x1050), 0, &centre) &&
                          lethe_dicom_double(item, LETHE_TAG(0x0028, 0x1051), 0, &width) && isfinite(centre) && isfinite(width) && width > 0;
        if (voi->has_window) {
            voi->centre = centre;
            voi->width = width;
            voi->function = function_of(item);
            continue;
        }
        const lethe_dicom_item *lut = lethe_presentation_items(item, LETHE_TAG(0x0028, 0x3010), NULL);
        bool is_signed = state->modality.entries == 0 && state->intercept < 0;
        if (!status && lut) status = lethe_display_table_take(lut, is_signed || is_signed_table(lut), &voi->table, error);
        if (!status && voi->table.entries == 0) status = lethe_fail(error, LETHE_MALFORMED, "(0028,3110) has neither a window nor a table");
    }
    return status;
}

static lethe_status take_tables(lethe_presentation_reader *r, const lethe_dicom_item *root, lethe_presentation *state, lethe_error *error) {
    state->slope = 1;
    double slope, intercept;
    state->has_rescale = lethe_dicom_double(root, LETHE_TAG(0x0028, 0x1053), 0, &slope) &&
                         lethe_dicom_double(root, LETHE_TAG(0x0028, 0x1052), 0, &intercept) && isfinite(slope) && isfinite(intercept) && slope != 0;
    if (state->has_rescale) {
        state->slope = slope;
        state->intercept = intercept;
    }
    lethe_status status = LETHE_OK;
    const lethe_dicom_item *item = lethe_presentation_items(root, LETHE_TAG(0x0028, 0x3000), NULL);
    if (item) status = lethe_display_table_take(item, is_signed_table(item), &state->modality, error);
    if (!status) status = take_voi(r, root, state, error);
    char shape[17];
    item = lethe_presentation_items(root, LETHE_TAG(0x2050, 0x0010), NULL);
    if (!status && item) {
        status = lethe_display_table_take(item, false, &state->lut_table, error);
        if (!status && state->lut_table.entries) state->lut = LETHE_LUT_TABLE;
    } else if (lethe_dicom_text(root, LETHE_TAG(0x2050, 0x0020), 0, shape, sizeof shape) && strcmp(shape, "INVERSE") == 0)
        state->lut = LETHE_LUT_INVERSE;
    return status;
}

/* --- geometry --- */

static lethe_status take_areas(lethe_presentation_reader *r, const lethe_dicom_item *root, lethe_presentation *state, lethe_error *error) {
    uint32_t count;
    const lethe_dicom_item *item = lethe_presentation_items(root, LETHE_TAG(0x0070, 0x005A), &count);
    if (count > MOST_ITEMS) return lethe_fail(error, LETHE_LIMIT, "too many items in (0070,005A)");
    state->areas = count ? lethe_arena_alloc_array(r->arena, count, sizeof *state->areas) : NULL;
    if (count && !state->areas) return lethe_fail(error, LETHE_NO_MEMORY, "out of memory");
    lethe_status status = LETHE_OK;
    for (; item && !status; item = item->next) {
        lethe_presentation_area *area = &state->areas[state->area_count++];
        status = lethe_presentation_scope_take(r, item, &area->scope, error);
        int64_t corner[4];
        for (unsigned i = 0; i < 4 && !status; i++)
            if (!lethe_dicom_int(item, i < 2 ? LETHE_TAG(0x0070, 0x0052) : LETHE_TAG(0x0070, 0x0053), i % 2, &corner[i]))
                status = lethe_fail(error, LETHE_MALFORMED, "(0070,005A) without corners");
        if (status) break;
        /* Pixels counted from 1; which of the corners is the upper left one on the screen depends on the rotation. */
        double x0 = fmin((double)corner[0], (double)corner[2]) - 1, x1 = fmax((double)corner[0], (double)corner[2]);
        double y0 = fmin((double)corner[1], (double)corner[3]) - 1, y1 = fmax((double)corner[1], (double)corner[3]);
        area->rect = (lethe_rect){x0, y0, x1 - x0, y1 - y0};
        char mode[17] = "";
        (void)lethe_dicom_text(item, LETHE_TAG(0x0070, 0x0100), 0, mode, sizeof mode);
        area->size = strcmp(mode, "TRUE SIZE") == 0 ? LETHE_SIZE_TRUE : strcmp(mode, "MAGNIFY") == 0 ? LETHE_SIZE_MAGNIFY : LETHE_SIZE_FIT;
        double down, across, value;
        if (lethe_dicom_double(item, LETHE_TAG(0x0070, 0x0101), 0, &down) && lethe_dicom_double(item, LETHE_TAG(0x0070, 0x0101), 1, &across) &&
            down > 0 && across > 0 && isfinite(down) && isfinite(across)) {
            area->across_mm = across;
            area->aspect = down / across;
        } else if (lethe_dicom_double(item, LETHE_TAG(0x0070, 0x0102), 0, &down) && lethe_dicom_double(item, LETHE_TAG(0x0070, 0x0102), 1, &across) &&
                   down > 0 && across > 0 && isfinite(down / across))
            area->aspect = down / across;
        if (lethe_dicom_double(item, LETHE_TAG(0x0070, 0x0103), 0, &value) && value > 0 && isfinite(value)) area->magnification = value;
        if (area->size == LETHE_SIZE_MAGNIFY && !(area->magnification > 0)) area->size = LETHE_SIZE_FIT;
        if (area->size == LETHE_SIZE_TRUE && !(area->across_mm > 0)) area->size = LETHE_SIZE_FIT;
    }
    return status;
}

static void take_rotation(const lethe_dicom_item *root, lethe_presentation *state) {
    int64_t rotation = 0;
    char flip[17];
    if (lethe_dicom_int(root, LETHE_TAG(0x0070, 0x0042), 0, &rotation)) state->rotation = (int)(((rotation % 360) + 360) % 360 / 90 * 90);
    state->mirrored = lethe_dicom_text(root, LETHE_TAG(0x0070, 0x0041), 0, flip, sizeof flip) && flip[0] == 'Y';
}

/* --- the whole --- */

void lethe_presentation_destroy(lethe_presentation *state) {
    if (!state) return;
    lethe_display_table_release(&state->modality);
    lethe_display_table_release(&state->lut_table);
    for (size_t i = 0; i < state->voi_count; i++) lethe_display_table_release(&state->voi[i].table);
    lethe_arena_destroy(state->arena);
    lethe_free(state);
}

lethe_status lethe_presentation_take(const lethe_dicom_dataset *dataset, lethe_presentation **out, lethe_error *error) {
    *out = NULL;
    const lethe_dicom_item *root = dataset->root;
    char word[129];
    if (!lethe_dicom_text(root, LETHE_TAG(0x0008, 0x0016), 0, word, sizeof word) || !lethe_presentation_class(word))
        return lethe_fail(error, LETHE_UNSUPPORTED, "no presentation state of a kind that is shown here");
    bool is_colour = strcmp(word, "1.2.840.10008.5.1.4.1.1.11.2") == 0;
    lethe_presentation *state = lethe_alloc_array(1, sizeof *state);
    lethe_presentation_reader r = {.arena = state ? lethe_arena_create(ARENA_BYTES) : NULL};
    if (!r.arena) {
        lethe_free(state);
        return lethe_fail(error, LETHE_NO_MEMORY, "out of memory");
    }
    state->arena = r.arena;
    state->is_colour = is_colour;
    lethe_status status = lethe_charset_create(lethe_charset_governing(root, word), &r.charset, error);
    if (!status) {
        state->uid = lethe_presentation_text(&r, root, LETHE_TAG(0x0008, 0x0018));
        state->label = lethe_presentation_text(&r, root, LETHE_TAG(0x0070, 0x0080));
        state->description = lethe_presentation_text(&r, root, LETHE_TAG(0x0070, 0x0081));
        status = take_images(&r, root, &state->images, error);
    }
    if (!status && !is_colour) status = take_tables(&r, root, state, error);
    if (!status) status = take_areas(&r, root, state, error);
    if (!status) take_rotation(root, state);
    if (!status) (void)lethe_shutter_load(root, r.arena, &state->shutter);
    if (!status) status = lethe_presentation_graphics_take(&r, root, state, error);
    if (!status && r.short_of_memory) status = lethe_fail(error, LETHE_NO_MEMORY, "out of memory");
    lethe_charset_destroy(r.charset);
    if (status) lethe_presentation_destroy(state);
    else *out = state;
    return status;
}

lethe_status lethe_presentation_load(const char *path, lethe_presentation **out, lethe_error *error) {
    *out = NULL;
    lethe_map map = {0};
    lethe_dicom_dataset *dataset = NULL;
    lethe_status status = lethe_map_open(path, &map, error);
    if (status) return status;
    lethe_arena *arena = lethe_arena_create(HEADER_ARENA_BYTES);
    status = arena ? lethe_dicom_dataset_parse(map.bytes, map.size, arena, &dataset, error) : lethe_fail(error, LETHE_NO_MEMORY, "out of memory");
    if (!status) status = lethe_presentation_take(dataset, out, error);
    lethe_dicom_dataset_release(dataset);
    lethe_arena_destroy(arena);
    lethe_map_close(&map);
    return status;
}

/* --- asking it --- */

bool lethe_presentation_covers(const lethe_presentation *state, const lethe_presentation_scope *scope, const char *instance, uint32_t frame) {
    if (scope->count == 0) scope = &state->images;
    for (size_t i = 0; i < scope->count; i++)
        if ((scope->images[i].frame == 0 || scope->images[i].frame == frame + 1) && strcmp(scope->images[i].instance, instance) == 0) return true;
    return false;
}

const lethe_presentation_voi *lethe_presentation_voi_for(const lethe_presentation *state, const char *instance, uint32_t frame) {
    for (size_t i = 0; i < state->voi_count; i++)
        if (lethe_presentation_covers(state, &state->voi[i].scope, instance, frame)) return &state->voi[i];
    return NULL;
}

const lethe_presentation_area *lethe_presentation_area_for(const lethe_presentation *state, const char *instance, uint32_t frame) {
    for (size_t i = 0; i < state->area_count; i++)
        if (lethe_presentation_covers(state, &state->areas[i].scope, instance, frame)) return &state->areas[i];
    return NULL;
}

static double voi_of(const lethe_presentation_voi *voi, double value, int32_t low, int32_t high) {
    if (!voi) return high > low ? (value - low) / ((double)high - low) : 0; /* C.11.8: without one, nothing is left out */
    if (!voi->has_window) {
        int64_t i = (int64_t)value - voi->table.first;
        if (i < 0) i = 0;
        if (i >= voi->table.entries) i = voi->table.entries - 1;
        return voi->table.values[i] / (double)((1u << voi->table.bits) - 1);
    }
    double c = voi->centre, w = voi->width, y;
    if (voi->function == LETHE_VOI_SIGMOID) y = 1 / (1 + exp(-4 * (value - c) / w));
    else if (voi->function == LETHE_VOI_LINEAR_EXACT) y = (value - c) / w + 0.5;
    else y = w > 1 ? (value - (c - 0.5)) / (w - 1) + 0.5 : value > c - 0.5;
    return y < 0 ? 0 : y > 1 ? 1 : y;
}

lethe_status lethe_presentation_table(const lethe_presentation *state, const lethe_presentation_voi *voi, int32_t low, int32_t high,
                                      lethe_display_table *out, lethe_error *error) {
    *out = (lethe_display_table){0};
    int64_t count = (int64_t)high - low + 1;
    if (count < 1 || count > 65536) return lethe_fail(error, LETHE_LIMIT, "the presentation LUT is not drawn over more than 65536 values");
    uint16_t *values = lethe_alloc_array((size_t)count, sizeof *values);
    if (!values) return lethe_fail(error, LETHE_NO_MEMORY, "out of memory");
    for (int64_t i = 0; i < count; i++) {
        double g = voi_of(voi, (double)(low + i), low, high);
        if (state->lut == LETHE_LUT_INVERSE) g = 1 - g;
        else if (state->lut == LETHE_LUT_TABLE) {
            const lethe_display_table *t = &state->lut_table;
            g = t->values[(size_t)(g * (t->entries - 1) + 0.5)] / (double)((1u << t->bits) - 1);
        }
        values[i] = (uint16_t)(g * 65535 + 0.5);
    }
    *out = (lethe_display_table){.entries = (uint32_t)count, .bits = 16, .first = low, .values = values};
    return LETHE_OK;
}
