/* The headers of a series: its frames, how they are shown, and the facts that hanging needs. */
#include "viewer/study.h"

#include "viewer/cut_off.h"

#include "core/file.h"
#include "core/memory.h"
#include "core/text.h"
#include "imaging/dicom/overlay.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { HEADER_ARENA_BYTES = 512 << 20, SHUTTER_ARENA_BYTES = 64 << 20 };

static void text_of(const lethe_dicom_item *root, lethe_tag tag, char *out, size_t size) {
    if (!lethe_dicom_text(root, tag, 0, out, size)) out[0] = '\0';
}

static bool patient_orientation_is_right(const lethe_dicom_item *root) {
    /* PatientOrientation says where rows run to: "P" of a mammogram means that the chest wall is on the right of the stored picture. */
    char word[17];
    return lethe_dicom_text(root, LETHE_TAG(0x0020, 0x0020), 0, word, sizeof word) && word[0] == 'P';
}

static void read_hanging_facts(lethe_series *series, const lethe_dicom_item *root) {
    series->peeked = true;
    size_t used = 0;
    char part[17];
    for (unsigned i = 0; i < 4 && lethe_dicom_text(root, LETHE_TAG(0x0008, 0x0008), i, part, sizeof part); i++)
        used += (size_t)snprintf(series->image_type + used, sizeof series->image_type - used, "%s%s", i ? "\\" : "", part);
    text_of(root, LETHE_TAG(0x0018, 0x0020), series->sequence, sizeof series->sequence);
    double echo;
    if (lethe_dicom_double(root, LETHE_TAG(0x0018, 0x0081), 0, &echo) && echo > 0) series->echo_ms = echo;
    if (series->laterality[0] == '\0') {
        text_of(root, LETHE_TAG(0x0020, 0x0062), series->laterality, sizeof series->laterality);
        if (series->laterality[0] == '\0') text_of(root, LETHE_TAG(0x0020, 0x0060), series->laterality, sizeof series->laterality);
    }
    if (series->view_position[0] == '\0') text_of(root, LETHE_TAG(0x0018, 0x5101), series->view_position, sizeof series->view_position);
    series->chest_wall_right = patient_orientation_is_right(root);
}

/* The mean of the Frame Time Vector (PS3.3 C.7.6.5.1.2), whose first value is 0 by definition. */
static bool frame_time(const lethe_dicom_item *root, double *out_ms) {
    const lethe_dicom_element *vector = lethe_dicom_find(root, LETHE_TAG(0x0018, 0x1065));
    unsigned count = vector ? lethe_dicom_multiplicity(vector) : 0, used = count < 4096 ? count : 4096;
    double sum = 0, value;
    for (unsigned i = 1; i < used; i++)
        if (lethe_dicom_double(root, LETHE_TAG(0x0018, 0x1065), i, &value) && value > 0) sum += value;
    if (!(sum > 0)) return false;
    *out_ms = sum / (used - 1);
    return true;
}

/* A profile that cannot be read leaves the colours as they are stored. */
static void read_profile(lethe_series *series, const lethe_dicom_item *root) {
    const lethe_dicom_element *icc = lethe_dicom_find(root, LETHE_TAG(0x0028, 0x2000));
    if (!icc) { /* slides and endoscopy keep it in the optical path */
        const lethe_dicom_element *path = lethe_dicom_find(root, LETHE_TAG(0x0048, 0x0105));
        if (path && path->form == LETHE_DICOM_SEQUENCE && path->items) icc = lethe_dicom_find(path->items, LETHE_TAG(0x0028, 0x2000));
    }
    if (icc && icc->form == LETHE_DICOM_LEAF && series->colour && !series->profile && !series->outside)
        (void)!lethe_colour_profile_create(icc->value, (size_t)icc->value_bytes, &series->profile, NULL);
}

static void read_series_facts(lethe_series *series, const lethe_dicom_dataset *dataset) {
    const lethe_dicom_item *root = dataset->root;
    if (!series->peeked) read_hanging_facts(series, root);
    lethe_pixels *pixels = NULL;
    if (lethe_pixels_open(dataset, &pixels, NULL) == LETHE_OK) {
        const lethe_pixels_info *info = lethe_pixels_describe(pixels);
        series->columns = info->columns;
        series->rows = info->rows;
        series->colour = info->samples_per_pixel > 1 || info->photometric == LETHE_PALETTE_COLOR;
        series->aspect = info->aspect > 0 ? info->aspect : 1;
        series->bits_stored = info->bits_stored;
        series->is_signed = info->is_signed;
        series->has_padding = info->has_padding && !series->colour;
        series->padding_low = series->padding_high = info->padding_value;
        double limit;
        if (series->has_padding && lethe_dicom_double(root, LETHE_TAG(0x0028, 0x0121), 0, &limit)) {
            series->padding_low = fmin(series->padding_low, limit);
            series->padding_high = fmax(series->padding_high, limit);
        }
    }
    lethe_pixels_close(pixels);
    read_profile(series, root);
    series->has_overlays = lethe_overlay_count(dataset) > 0;
    for (unsigned i = 0; i < LETHE_FRAME_WINDOWS; i++)
        if (!lethe_dicom_text(root, LETHE_TAG(0x0028, 0x1055), i, series->window_names[i], sizeof series->window_names[i]))
            series->window_names[i][0] = '\0';
    double value;
    if (frame_time(root, &value)) series->frame_ms = value;
    else if (lethe_dicom_double(root, LETHE_TAG(0x0018, 0x1063), 0, &value) && value > 0) series->frame_ms = value;
    else if (lethe_dicom_double(root, LETHE_TAG(0x0008, 0x2144), 0, &value) && value > 0) series->frame_ms = 1000 / value;
    else if (lethe_dicom_double(root, LETHE_TAG(0x0018, 0x0040), 0, &value) && value > 0) series->frame_ms = 1000 / value;
    series->calibrated = lethe_dicom_find(root, LETHE_TAG(0x0028, 0x0030)) != NULL || lethe_dicom_find(root, LETHE_TAG(0x5200, 0x9229)) != NULL;
    text_of(root, LETHE_TAG(0x0028, 0x1054), series->unit, sizeof series->unit);
    if (series->unit[0] == '\0' && strcmp(series->modality, "CT") == 0) (void)snprintf(series->unit, sizeof series->unit, "HU");
    /* Only units of PS3.3 C.11.1.1.2: a replaced value is no unit. */
    static const char *const units[] = {"HU", "OD", "PCT", "HU_MOD", "MGML", "Z_EFF", "ED", "EDW"};
    bool known = false;
    for (size_t i = 0; i < sizeof units / sizeof *units; i++) known = known || strcmp(series->unit, units[i]) == 0;
    if (!known) series->unit[0] = '\0';
}

static bool same_table(const lethe_display_table *a, const lethe_display_table *b) {
    return a->entries == b->entries && a->bits == b->bits && a->first == b->first && memcmp(a->values, b->values, 2 * (size_t)a->entries) == 0;
}

/* The VOI LUT of a frame, kept once for all frames that have the same one. */
static lethe_status take_table(lethe_series *series, const lethe_dicom_dataset *dataset, lethe_study_frame *frame, lethe_error *error) {
    lethe_display_table table;
    lethe_error damaged = {0};
    if (lethe_display_table_load(dataset, frame->frame, LETHE_TABLE_VOI, 0, &table, &damaged) || table.entries == 0) return LETHE_OK;
    for (size_t i = 0; i < series->table_count; i++)
        if (same_table(&series->tables[i], &table)) {
            lethe_display_table_release(&table);
            frame->table = (uint16_t)(i + 1);
            return LETHE_OK;
        }
    lethe_display_table *more =
        series->table_count < UINT16_MAX - 1 ? lethe_realloc_array(series->tables, series->table_count + 1, sizeof *more) : NULL;
    if (!more) {
        lethe_display_table_release(&table);
        return lethe_fail(error, LETHE_NO_MEMORY, "out of memory");
    }
    series->tables = more;
    more[series->table_count++] = table;
    frame->table = (uint16_t)series->table_count;
    return LETHE_OK;
}

static void take_windows(const lethe_dicom_dataset *dataset, lethe_study_frame *frame) {
    frame->window_count = 0;
    for (unsigned i = 0; i < LETHE_FRAME_WINDOWS; i++) {
        lethe_display display;
        lethe_display_load(dataset, frame->frame, i, &display);
        if (!display.has_window) break;
        frame->windows[i][0] = display.centre;
        frame->windows[i][1] = display.width;
        frame->window_count++;
    }
}

static lethe_status append_frames(lethe_series *series, uint32_t file, const lethe_dicom_dataset *dataset, lethe_error *error) {
    int64_t frames = 1;
    (void)lethe_dicom_int(dataset->root, LETHE_TAG(0x0028, 0x0008), 0, &frames);
    if (frames < 1 || frames > 1000000) frames = 1;
    lethe_study_frame *more = lethe_realloc_array(series->frames, series->frame_count + (size_t)frames, sizeof *more);
    if (!more) return lethe_fail(error, LETHE_NO_MEMORY, "out of memory");
    series->frames = more;
    if (frames > 1) series->multi_frame = true;
    for (int64_t f = 0; f < frames; f++) {
        lethe_study_frame *frame = &more[series->frame_count++];
        frame->file = file;
        frame->frame = (uint32_t)f;
        lethe_frame_geometry_load(dataset, (uint32_t)f, &frame->geometry);
        lethe_display_load(dataset, (uint32_t)f, 0, &frame->display);
        take_windows(dataset, frame);
        frame->table = 0;
        lethe_status status = series->colour ? LETHE_OK : take_table(series, dataset, frame, error);
        if (status) return status;
        if (lethe_dicom_find(dataset->root, LETHE_TAG(0x0028, 0x3000)) && !series->colour) { /* the reader applies it */
            frame->display.slope = 1;
            frame->display.intercept = 0;
            series->mapped = true;
            if (series->modality_table.entries == 0)
                (void)!lethe_display_table_load(dataset, 0, LETHE_TABLE_MODALITY, 0, &series->modality_table, NULL);
            series->has_padding = false; /* a stored value, which the LUT takes elsewhere */
        }
    }
    return LETHE_OK;
}

static void take_regions(lethe_series *series, uint32_t file, const lethe_dicom_item *root) {
    if (!lethe_dicom_find(root, LETHE_TAG(0x0018, 0x6011))) return;
    if (!series->arena) series->arena = lethe_arena_create(SHUTTER_ARENA_BYTES);
    if (series->arena) series->files[file].regions = lethe_us_regions_load(root, series->arena, &series->files[file].region_count);
}

/* PS3.3 C.7.6.11: what the image itself wants to be hidden. */
static void take_shutter(lethe_series *series, uint32_t file, const lethe_dicom_item *root) {
    lethe_shutter shutter;
    if (!lethe_dicom_find(root, LETHE_TAG(0x0018, 0x1600))) return;
    if (!series->arena) series->arena = lethe_arena_create(SHUTTER_ARENA_BYTES);
    lethe_shutter *kept = series->arena && lethe_shutter_load(root, series->arena, &shutter) ? lethe_arena_alloc(series->arena, sizeof *kept) : NULL;
    if (kept) *kept = shutter;
    series->files[file].shutter = kept;
}

static lethe_status load_file(lethe_series *series, uint32_t index, lethe_error *error) {
    lethe_map map = {0};
    lethe_dicom_dataset *dataset = NULL;
    size_t frames_before = series->frame_count;
    unsigned met = lethe_cut_off_count();
    lethe_status status = lethe_map_open(series->files[index].path, &map, error);
    if (status) return status;
    lethe_arena *arena = lethe_arena_create(HEADER_ARENA_BYTES);
    status = arena ? lethe_dicom_dataset_parse(map.bytes, map.size, arena, &dataset, error) : lethe_fail(error, LETHE_NO_MEMORY, "out of memory");
    if (!status && series->frame_count == 0) read_series_facts(series, dataset);
    if (!status) status = append_frames(series, index, dataset, error);
    if (!status) take_shutter(series, index, dataset->root);
    if (!status) take_regions(series, index, dataset->root);
    lethe_dicom_dataset_release(dataset);
    lethe_arena_destroy(arena);
    lethe_map_close(&map);
    if (lethe_cut_off_count() == met) return status;
    series->frame_count = frames_before;
    return lethe_fail(error, LETHE_IO, "the file was cut off, or cannot be read any more");
}

void lethe_series_peek(lethe_series *series) {
    if (series->peeked || series->is_slide || series->file_count == 0) return;
    lethe_map map = {0};
    lethe_dicom_dataset *dataset = NULL;
    if (lethe_map_open(series->files[0].path, &map, NULL)) return;
    lethe_arena *arena = lethe_arena_create(HEADER_ARENA_BYTES);
    if (arena && lethe_dicom_dataset_parse(map.bytes, map.size, arena, &dataset, NULL) == LETHE_OK) read_hanging_facts(series, dataset->root);
    lethe_dicom_dataset_release(dataset);
    lethe_arena_destroy(arena);
    lethe_map_close(&map);
}

/* A cine keeps its own order; stacks are put in the order of space. */
static lethe_status sort_frames(lethe_series *series, lethe_error *error) {
    size_t count = series->frame_count;
    lethe_frame_geometry *geometry = lethe_alloc_array(count, sizeof *geometry);
    int64_t *instances = lethe_alloc_array(count, sizeof *instances);
    size_t *order = lethe_alloc_array(count, sizeof *order);
    lethe_study_frame *sorted = lethe_alloc_array(count, sizeof *sorted);
    lethe_status status = LETHE_OK;
    if (!geometry || !instances || !order || !sorted) {
        status = lethe_fail(error, LETHE_NO_MEMORY, "out of memory");
        goto out;
    }
    for (size_t i = 0; i < count; i++) {
        geometry[i] = series->frames[i].geometry;
        instances[i] = series->files[series->frames[i].file].instance_number * 1000000 + series->frames[i].frame;
        if (series->frame_ms > 0 && series->file_count == 1) geometry[i].has_plane = false;
    }
    status = lethe_series_sort(geometry, instances, count, order, &series->stacks, error);
    if (status) goto out;
    for (size_t i = 0; i < count; i++) sorted[i] = series->frames[order[i]];
    memcpy(series->frames, sorted, count * sizeof *sorted);
out:
    lethe_free(geometry);
    lethe_free(instances);
    lethe_free(order);
    lethe_free(sorted);
    return status;
}

static lethe_status load_slide(lethe_series *series) {
    lethe_error error = {0};
    unsigned met = lethe_cut_off_count();
    if (lethe_slide_open(series->files[0].path, &series->slide, &error)) {
        (void)snprintf(series->failure, sizeof series->failure, "%s", error.message);
        return LETHE_OK;
    }
    /* Of a DICOM slide the catalogue may name the thumbnail first. */
    if (strcmp(lethe_slide_front(series->slide), series->files[0].path) != 0) {
        lethe_slide *front = NULL;
        if (lethe_slide_open(lethe_slide_front(series->slide), &front, &error) == LETHE_OK) {
            lethe_slide_close(series->slide);
            series->slide = front;
        }
    }
    if (lethe_cut_off_count() != met) atomic_store(&series->cut_off, true);
    const lethe_slide_level *level = lethe_slide_level_at(series->slide, 0);
    series->columns = (uint32_t)level->width_px;
    series->rows = (uint32_t)level->height_px;
    series->colour = true;
    size_t size = 0;
    const uint8_t *icc = lethe_slide_icc(series->slide, &size);
    if (icc) (void)!lethe_colour_profile_create(icc, size, &series->profile, NULL);
    return LETHE_OK;
}

lethe_status lethe_series_load_counted(lethe_series *series, atomic_size_t *done, const atomic_bool *stop, lethe_error *error) {
    if (series->loaded) return LETHE_OK;
    series->loaded = true;
    if (series->is_slide) return load_slide(series);
    for (size_t i = 0; i < series->file_count && !(stop && atomic_load(stop)); i++) {
        lethe_error failure = {0};
        lethe_status status = load_file(series, (uint32_t)i, &failure);
        if (status == LETHE_NO_MEMORY) return lethe_fail(error, status, "%s", failure.message);
        series->damaged_files += status != LETHE_OK;
        if (status && series->failure[0] == '\0') (void)snprintf(series->failure, sizeof series->failure, "%s", failure.message);
        if (done) atomic_fetch_add(done, 1);
    }
    return series->frame_count > 1 ? sort_frames(series, error) : LETHE_OK;
}

lethe_status lethe_series_load(lethe_series *series, lethe_error *error) { return lethe_series_load_counted(series, NULL, NULL, error); }

bool lethe_series_load_one(lethe_series *series, uint32_t file) {
    lethe_error failure = {0};
    return load_file(series, file, &failure) == LETHE_OK && series->frame_count > 0;
}

bool lethe_series_spacing(const lethe_series *series, size_t frame, double *across_mm, double *down_mm) {
    *across_mm = *down_mm = 1;
    if (series->is_slide) {
        double um = series->slide ? lethe_slide_mpp_um(series->slide) : 0;
        if (!(um > 0)) return false;
        *across_mm = *down_mm = um / 1000;
        return true;
    }
    if (frame >= series->frame_count) return false;
    const lethe_frame_geometry *g = &series->frames[frame].geometry;
    *across_mm = g->column_spacing_mm;
    *down_mm = g->row_spacing_mm;
    return g->has_spacing;
}
