#include "deid/pixels/burned_in_search.h"

#include "deid/pixels/redact_internal.h"
#include "deid/pixels/text_detector.h"
#include "deid/text/identifiers.h"
#include "imaging/dicom/codec.h"

#include <stdio.h>
#include <string.h>

/* From SURE on a line is text whatever a reader makes of it; a LIKELY one that cannot be read waits for a person; below DOUBT nobody is asked. */
static const float score_sure = 0.85f, score_likely = 0.75f, score_doubt = 0.6f, score_continues = 0.05f, score_flicker = 0.97f,
                   score_certain = 0.99f, score_company = 0.95f;
enum {
    SEARCH_ROUNDS = 7,
    PALETTE_ROUNDS = 3,
    READS_PER_FRAME = 10,
    CLEARED = LETHE_PIXELS_CLEARED,
    BLOCK = 16,
    CROWD = 2,
    MARKER_GLYPHS = 6,
    MARKER_HEIGHTS = 6,
    ALL_BARS = 85,
    LEGIBLE_HEIGHTS = 12,
    FEW_FRAMES = 4
};
/* What the search knows of a box it has found. */
typedef struct lethe_pixel_track {
    uint32_t frames;    /* in which it was seen */
    uint64_t seed_area; /* of the first sighting: bounds what joining may add up to */
    float score;        /* best */
} track;

typedef enum finding { FOUND_NOTHING, FOUND_TEXT, FOUND_IDENTIFIER, FOUND_MARKER } finding;

static bool read_line(lethe_pixel_search *s, const lethe_image *image, const lethe_text_line *line, lethe_ocr_text *text) {
    lethe_burned_in *engine = s->engine;
    if (engine->policy.no_reading || engine->ocr_missing || s->reads_left == 0) return false;
    if (engine->ocr == NULL && lethe_ocr_create(&engine->ocr, NULL) != LETHE_OK) {
        engine->ocr_missing = true;
        return false;
    }
    s->reads_left--;
    return lethe_ocr_read(engine->ocr, image, line, text, NULL) == LETHE_OK;
}

static uint64_t overlap(const lethe_pixel_box *a, const lethe_pixel_box *b) {
    uint32_t x0 = a->x > b->x ? a->x : b->x, y0 = a->y > b->y ? a->y : b->y;
    uint32_t x1 = a->x + a->w < b->x + b->w ? a->x + a->w : b->x + b->w, y1 = a->y + a->h < b->y + b->h ? a->y + a->h : b->y + b->h;
    return x0 < x1 && y0 < y1 ? (uint64_t)(x1 - x0) * (y1 - y0) : 0;
}

static bool was_cleared(const lethe_pixel_search *s, const lethe_text_line *line) {
    lethe_pixel_box box = {.x = line->x, .y = line->y, .w = line->w, .h = line->h};
    for (unsigned i = 0; i < s->cleared_count; i++) {
        const lethe_pixel_box *have = &s->cleared[i];
        uint64_t common = overlap(have, &box), area = (uint64_t)box.w * box.h, have_area = (uint64_t)have->w * have->h;
        if (common * 10 >= area * 9 && common * 10 >= have_area * 9) return true;
    }
    return false;
}

/* Somebody has to look here. Not in a single frame of a cine, where speckle looks like text now and then. */
static void doubt(lethe_pixel_search *s, const lethe_text_line *line) {
    if (s->verifying || (!s->standing && s->info->frames >= FEW_FRAMES) || s->doubts == LETHE_PIXELS_DOUBTS) return;
    s->doubtful[s->doubts++] = *line;
}

/* What a reader makes of a line: letters enough, and sure enough of them. */
static bool is_legible(const lethe_ocr_text *text, bool likely) {
    return (likely && text->confidence >= 45 && text->letters >= 3) || (text->confidence >= 70 && text->letters >= 4);
}

static finding judge_known_only(lethe_pixel_search *s, const lethe_image *image, const lethe_text_line *line) {
    lethe_ocr_text text = {0};
    finding found = FOUND_NOTHING;
    bool sure = line->score >= score_sure;
    if (!read_line(s, image, line, &text)) found = sure ? FOUND_TEXT : FOUND_NOTHING;
    else if (lethe_burned_in_names_someone(s->identifiers, text.text)) found = FOUND_IDENTIFIER;
    else if (lethe_burned_in_looks_identifying(text.text)) found = FOUND_TEXT;
    else if (sure && text.confidence < 50) found = FOUND_TEXT; /* nobody can say what it is */
    lethe_wipe(&text, sizeof text);
    return found;
}

/* Enough of a line to tell whether it is legible: reading costs by its length. */
static lethe_text_line middle_of(const lethe_text_line *line) {
    lethe_text_line part = *line;
    uint32_t *start = line->vertical ? &part.y : &part.x, *length = line->vertical ? &part.h : &part.w, most = LEGIBLE_HEIGHTS * line->height_px;
    if (*length > most) {
        *start += (*length - most) / 2;
        *length = most;
    }
    return part;
}

/* Laterality and views stand upright, are short, and of capitals alone: nothing rises above them or hangs below. */
static bool may_be_marker(const lethe_text_line *line) {
    bool level = line->h <= line->height_px + line->height_px / 4 + 1;
    return !line->vertical && level && line->glyphs <= MARKER_GLYPHS && line->w <= MARKER_HEIGHTS * line->height_px;
}

/* What is surely text goes unread; only what may be a marker that stands alone is read, to keep it. What is likely goes when it can be read.
 * `crowded`: other text stands close by, so that this is no lonely marker. */
static finding judge(lethe_pixel_search *s, const lethe_image *image, const lethe_text_line *line, bool crowded) {
    if (line->score < score_doubt) return FOUND_NOTHING;
    if (s->mode == LETHE_PIXELS_PHI_ONLY) return judge_known_only(s, image, line);
    /* A ladder of bars is a ruler until a reader sees letters. */
    bool ticks = line->bars >= ALL_BARS && line->score < score_certain, markers = !s->engine->policy.redact_markers;
    bool sure = line->score >= score_sure && !ticks, likely = line->score >= score_likely && !ticks;
    if (sure && (crowded || !markers || !may_be_marker(line))) return FOUND_TEXT;
    if (!likely && !ticks) return FOUND_NOTHING; /* texture: reading has never told it from letters */
    lethe_ocr_text text = {0};
    finding found = FOUND_NOTHING;
    lethe_text_line part = middle_of(line);
    if (!read_line(s, image, &part, &text)) {
        if (sure || s->engine->ocr == NULL) found = likely ? FOUND_TEXT : FOUND_NOTHING; /* no reader: on the safe side */
        else if (likely) doubt(s, line);                                                 /* too many to read */
    } else if (lethe_burned_in_names_someone(s->identifiers, text.text)) {
        found = FOUND_IDENTIFIER;
    } else if (markers && text.confidence >= 60 && lethe_burned_in_is_marker(text.text)) {
        found = FOUND_MARKER;
    } else if (sure || is_legible(&text, likely)) {
        found = FOUND_TEXT;
    } else if (likely) {
        doubt(s, line);
    }
    lethe_wipe(&text, sizeof text);
    return found;
}

/* --- boxes --- */

static lethe_pixel_box box_of_line(const lethe_pixel_search *s, const lethe_text_line *line, uint32_t frame, finding found) {
    uint32_t along = line->height_px * 8 / 5 + 4, across = line->height_px / 2 + 4;
    uint32_t mx = line->vertical ? across : along, my = line->vertical ? along : across;
    lethe_pixel_box box = {.first_frame = frame, .last_frame = frame, .x = line->x > mx ? line->x - mx : 0, .y = line->y > my ? line->y - my : 0};
    uint32_t x1 = line->x + line->w + mx, y1 = line->y + line->h + my;
    box.w = (x1 < s->info->columns ? x1 : s->info->columns) - box.x;
    box.h = (y1 < s->info->rows ? y1 : s->info->rows) - box.y;
    (void)snprintf(box.why, sizeof box.why, "%s", found == FOUND_IDENTIFIER ? "known identifier" : "text");
    return box;
}

/* Join with a box of the same place in this or an earlier frame, or add. */
static lethe_status add_found(lethe_pixel_search *s, const lethe_pixel_box *box, float score) {
    lethe_pixel_decision *d = s->decision;
    uint64_t area = (uint64_t)box->w * box->h;
    for (size_t i = s->first_found; i < d->box_count; i++) {
        lethe_pixel_box *have = &d->boxes[i];
        track *t = &s->tracks[i - s->first_found];
        uint64_t common = overlap(have, box), have_area = (uint64_t)have->w * have->h, smaller = area < have_area ? area : have_area;
        uint64_t larger = area < have_area ? have_area : area;
        uint32_t x0 = have->x < box->x ? have->x : box->x, y0 = have->y < box->y ? have->y : box->y;
        uint32_t x1 = have->x + have->w > box->x + box->w ? have->x + have->w : box->x + box->w;
        uint32_t y1 = have->y + have->h > box->y + box->h ? have->y + have->h : box->y + box->h;
        uint64_t joined = (uint64_t)(x1 - x0) * (y1 - y0);
        if (common * 2 < smaller || joined * 10 > larger * 13 || joined * 10 > (t->seed_area > area ? t->seed_area : area) * 18) continue;
        if (box->first_frame < have->first_frame) have->first_frame = box->first_frame;
        if (box->last_frame > have->last_frame) {
            have->last_frame = box->last_frame;
            t->frames++;
        }
        if (score > t->score) t->score = score;
        have->x = x0;
        have->y = y0;
        have->w = x1 - x0;
        have->h = y1 - y0;
        return LETHE_OK;
    }
    size_t index = d->box_count - s->first_found;
    if (index >= s->track_capacity) {
        size_t capacity = s->track_capacity * 2 + 64;
        track *grown = lethe_realloc_array(s->tracks, capacity, sizeof *grown);
        if (grown == NULL) return lethe_fail(s->error, LETHE_NO_MEMORY, "no memory for boxes");
        s->tracks = grown;
        s->track_capacity = capacity;
    }
    s->tracks[index] = (track){.frames = box->last_frame - box->first_frame + 1, .seed_area = area, .score = score};
    return lethe_pixel_decision_add(d, box, s->error);
}

static void fill_box(lethe_image *image, const lethe_pixel_box *box, const uint32_t fill[4]) {
    for (uint32_t y = box->y; y < box->y + box->h && y < image->rows; y++)
        for (uint32_t x = box->x; x < box->x + box->w && x < image->columns; x++)
            for (unsigned c = 0; c < image->samples; c++) {
                size_t index = ((size_t)y * image->columns + x) * image->samples + c;
                if (image->bytes_per_sample == 1) image->pixels[index] = (uint8_t)fill[c];
                else if (image->bytes_per_sample == 2) ((uint16_t *)(void *)image->pixels)[index] = (uint16_t)fill[c];
                else ((uint32_t *)(void *)image->pixels)[index] = fill[c];
            }
}

/* Nine tenths of it, by one box; nearly all of it before that box was filled, when a line may still be seen longer than it was at first. */
static bool is_covered(const lethe_pixel_search *s, const lethe_text_line *line, uint32_t frame, bool filled) {
    lethe_pixel_box box = {.x = line->x, .y = line->y, .w = line->w, .h = line->h};
    uint64_t area = (uint64_t)box.w * box.h, covered = 0;
    for (size_t i = 0; i < s->decision->box_count; i++) {
        const lethe_pixel_box *have = &s->decision->boxes[i];
        if (frame < have->first_frame || frame > have->last_frame) continue;
        covered = overlap(have, &box);
        if (covered * 100 >= area * (filled ? 90 : 98)) return true;
    }
    return false;
}

/* A person has looked and said: no text here. */
static bool is_kept(const lethe_pixel_search *s, const lethe_text_line *line, uint32_t frame) {
    lethe_pixel_box box = {.x = line->x, .y = line->y, .w = line->w, .h = line->h};
    for (size_t i = 0; i < s->decision->kept_count; i++) {
        const lethe_pixel_box *have = &s->decision->kept[i];
        if (frame >= have->first_frame && frame <= have->last_frame && overlap(have, &box) * 10 >= (uint64_t)box.w * box.h * 9) return true;
    }
    return false;
}

/* --- pictures --- */

/* Does an unsure line continue a box of text: same band, about the same height, close by? */
static bool continues(const lethe_text_line *line, const lethe_text_line *sure) {
    if (line->vertical != sure->vertical) return false;
    int64_t a0 = line->vertical ? line->x : line->y, a1 = a0 + (line->vertical ? line->w : line->h), b0 = sure->vertical ? sure->x : sure->y,
            b1 = b0 + (sure->vertical ? sure->w : sure->h);
    int64_t u0 = line->vertical ? line->y : line->x, u1 = u0 + (line->vertical ? line->h : line->w), v0 = sure->vertical ? sure->y : sure->x,
            v1 = v0 + (sure->vertical ? sure->h : sure->w);
    int64_t band = (a1 < b1 ? a1 : b1) - (a0 > b0 ? a0 : b0), smaller = a1 - a0 < b1 - b0 ? a1 - a0 : b1 - b0,
            larger = a1 - a0 > b1 - b0 ? a1 - a0 : b1 - b0;
    int64_t gap = u0 > v1 ? u0 - v1 : v0 > u1 ? v0 - u1 : 0;
    return band * 10 >= smaller * 6 && larger * 10 <= smaller * 22 && gap <= 2 * (int64_t)sure->height_px;
}

/* Does it continue a box that was found and filled already? Boxes carry a margin of half the letters and four pixels on either side. */
static bool continues_box(const lethe_pixel_search *s, const lethe_text_line *line, uint32_t frame) {
    for (size_t i = s->first_found; i < s->decision->box_count; i++) {
        const lethe_pixel_box *b = &s->decision->boxes[i];
        if (frame < b->first_frame || frame > b->last_frame || s->tracks[i - s->first_found].score < score_sure) continue;
        bool vertical = b->h > b->w;
        uint32_t across = vertical ? b->w : b->h;
        if (vertical != line->vertical || across < 12) continue;
        uint32_t letters = (uint32_t)((float)(across - 8) / 2.0f), margin = letters / 2 + 4;
        lethe_text_line sure = {.x = b->x, .y = b->y, .w = b->w, .h = b->h, .height_px = letters, .vertical = vertical};
        if (vertical) {
            sure.x += margin;
            sure.w -= 2 * margin < sure.w ? 2 * margin : 0;
        } else {
            sure.y += margin;
            sure.h -= 2 * margin < sure.h ? 2 * margin : 0;
        }
        if (continues(line, &sure)) return true;
    }
    return false;
}

/* How many lines that are surely text stand beside, above or below this one. */
static bool is_crowded(const lethe_text_line *lines, size_t count, size_t index) {
    const lethe_text_line *line = &lines[index];
    int64_t reach = 5 * (int64_t)line->height_px / 2;
    unsigned near = 0;
    for (size_t i = 0; i < count && near < CROWD; i++) {
        const lethe_text_line *other = &lines[i];
        if (i == index || other->score < score_sure) continue;
        int64_t dx = (int64_t)other->x > (int64_t)line->x + line->w    ? (int64_t)other->x - line->x - line->w
                     : (int64_t)line->x > (int64_t)other->x + other->w ? (int64_t)line->x - other->x - other->w
                                                                       : 0,
                dy = (int64_t)other->y > (int64_t)line->y + line->h    ? (int64_t)other->y - line->y - line->h
                     : (int64_t)line->y > (int64_t)other->y + other->h ? (int64_t)line->y - other->y - other->h
                                                                       : 0;
        near += (dx > 0 || dy > 0) && dx <= reach && dy <= reach;
    }
    return near >= CROWD;
}

/* What one line is; FOUND_NOTHING also for what is known already. */
static finding consider(lethe_pixel_search *s, const lethe_image *image, const lethe_text_line *lines, size_t count, size_t i, uint32_t frame,
                        bool filled) {
    const lethe_text_line *line = &lines[i];
    bool follow = s->mode == LETHE_PIXELS_ANY_TEXT && !s->verifying && line->score < score_sure;
    if (line->score < score_continues || (!s->verifying && is_covered(s, line, frame, filled)) || is_kept(s, line, frame)) return FOUND_NOTHING;
    if (s->verifying && s->info->frames >= FEW_FRAMES && line->score < score_flicker) return FOUND_NOTHING;
    if (line->score < score_sure && was_cleared(s, line)) return FOUND_NOTHING;
    for (size_t k = 0; k < count && follow; k++)
        if (k != i && lines[k].score >= score_sure && lines[k].glyphs >= 5 && continues(line, &lines[k])) return FOUND_TEXT;
    if (follow && continues_box(s, line, frame)) return FOUND_TEXT;
    finding found = judge(s, image, line, is_crowded(lines, count, i));
    if (found == FOUND_MARKER) s->decision->markers_kept++;
    if (found != FOUND_TEXT && found != FOUND_IDENTIFIER && s->cleared_count < CLEARED)
        s->cleared[s->cleared_count++] = (lethe_pixel_box){.x = line->x, .y = line->y, .w = line->w, .h = line->h};
    return found;
}

static size_t blocks_across(const lethe_pixel_search *s) { return (s->info->columns + BLOCK - 1) / BLOCK; }
static size_t blocks_down(const lethe_pixel_search *s) { return (s->info->rows + BLOCK - 1) / BLOCK; }

/* Mark the blocks of a box and `reach` pixels around it: `look` is LETHE_TEXT_LOOK or LETHE_TEXT_LOOK_CLOSELY. */
static void mark_blocks(const lethe_pixel_search *s, uint8_t *map, const lethe_pixel_box *box, uint32_t reach, uint8_t look) {
    size_t across = blocks_across(s), x0 = (box->x > reach ? box->x - reach : 0) / BLOCK, y0 = (box->y > reach ? box->y - reach : 0) / BLOCK;
    size_t x1 = (box->x + box->w + reach) / BLOCK, y1 = (box->y + box->h + reach) / BLOCK;
    for (size_t y = y0; y <= y1 && y < blocks_down(s); y++)
        for (size_t x = x0; x <= x1 && x < across; x++) map[y * across + x] = look;
}

static void fill_found(lethe_pixel_search *s, lethe_image *image, uint32_t frame, const uint32_t fill[4], size_t from) {
    for (size_t i = from; i < s->decision->box_count; i++) {
        const lethe_pixel_box *have = &s->decision->boxes[i];
        if (frame >= have->first_frame && frame <= have->last_frame) fill_box(image, have, fill);
    }
}

/* Search one picture until nothing new turns up: the second round looks closely around what the first has found, then that is filled, and the next
 * rounds look around it again. `first` to `last` are the frames that the boxes are for; `blocks` is where to look (NULL: everywhere). */
static lethe_status search_picture(lethe_pixel_search *s, lethe_image *image, uint32_t first, uint32_t last, const uint8_t *blocks,
                                   const uint32_t fill[4], bool *found_any) {
    *found_any = false;
    s->reads_left = READS_PER_FRAME;
    if (!s->verifying) fill_found(s, image, first, fill, 0);
    const uint8_t *where = blocks;
    for (unsigned round = 0; round < SEARCH_ROUNDS; round++) {
        const lethe_text_line *lines;
        size_t count, near_size = blocks_across(s) * blocks_down(s);
        bool added = false;
        lethe_status status = lethe_text_detector_find_in(s->engine->detector, image, where, &lines, &count, s->error);
        if (status != LETHE_OK) return status;
        for (size_t i = 0; i < count; i++) {
            finding found = consider(s, image, lines, count, i, first, round != 1);
            if (found != FOUND_TEXT && found != FOUND_IDENTIFIER) continue;
            *found_any = true;
            if (s->verifying) return LETHE_OK;
            if (!added && round != 1) memset(s->near, 0, near_size);
            lethe_pixel_box box = box_of_line(s, &lines[i], first, found);
            box.last_frame = last;
            mark_blocks(s, s->near, &box, 3 * BLOCK + 2 * lines[i].height_px, LETHE_TEXT_LOOK_CLOSELY);
            status = add_found(s, &box, lines[i].score);
            if (status != LETHE_OK) return status;
            added = true;
        }
        if (s->verifying || (!added && round != 1)) return LETHE_OK;
        if (round > 0) fill_found(s, image, first, fill, s->first_found);
        where = s->near; /* farther away nothing has changed */
    }
    return LETHE_OK;
}

/* Palette indexes as they are, and as the colours they stand for: text can hide in either. Filling for one changes the other, so both are searched
 * until neither shows more. */
static lethe_status search_both(lethe_pixel_search *s, lethe_image *image, uint32_t frame, const uint8_t *blocks, bool *found) {
    static const uint32_t black[4] = {0};
    lethe_display display;
    *found = false;
    lethe_display_load(s->dataset, frame, 0, &display);
    for (unsigned round = 0; round < PALETTE_ROUNDS; round++) {
        lethe_image colours = {0};
        bool here = false, there = false;
        lethe_status status = search_picture(s, image, frame, frame, blocks, s->fill, &here);
        if (status == LETHE_OK && !(s->verifying && here)) status = lethe_display_render(s->dataset, image, &display, &colours, s->error);
        if (status == LETHE_OK && colours.pixels != NULL) status = search_picture(s, &colours, frame, frame, blocks, black, &there);
        lethe_image_release(&colours);
        if (status != LETHE_OK) return status;
        *found = *found || here || there;
        if (s->verifying || !there) return LETHE_OK;
    }
    return LETHE_OK;
}

/* --- frames --- */

static lethe_status prepare_maps(lethe_pixel_search *s) {
    size_t blocks = blocks_across(s) * blocks_down(s);
    if (s->changed != NULL) return LETHE_OK;
    s->changed = lethe_alloc_array(blocks, 3);
    if (s->changed == NULL) return lethe_fail(s->error, LETHE_NO_MEMORY, "no memory to search frames");
    s->look = s->changed + blocks;
    s->near = s->look + blocks;
    return LETHE_OK;
}

static void compare_blocks(lethe_pixel_search *s, const lethe_image *image) {
    size_t across = blocks_across(s), size = (size_t)image->samples * image->bytes_per_sample, row = size * image->columns;
    memset(s->changed, 0, across * blocks_down(s));
    for (uint32_t y = 0; y < image->rows; y++) {
        const uint8_t *a = image->pixels + y * row, *b = s->previous + y * row;
        if (memcmp(a, b, row) == 0) continue;
        uint8_t *changed = s->changed + y / BLOCK * across;
        for (size_t x = 0; x < across; x++) {
            size_t from = x * BLOCK * size, bytes = from + BLOCK * size <= row ? BLOCK * size : row - from;
            if (changed[x] == 0 && memcmp(a + from, b + from, bytes) != 0) changed[x] = 1;
        }
    }
}

static bool touches_changed(const lethe_pixel_search *s, const lethe_pixel_box *box) {
    size_t across = blocks_across(s);
    for (size_t y = box->y / BLOCK; y <= (box->y + box->h) / BLOCK && y < blocks_down(s); y++)
        for (size_t x = box->x / BLOCK; x <= (box->x + box->w) / BLOCK && x < across; x++)
            if (s->changed[y * across + x] != 0) return true;
    return false;
}

/* Where a frame has to be searched: what stands still was searched in the frame before. Boxes whose place stands still hold for this frame, too.
 * NULL: everywhere. */
static const uint8_t *where_to_look(lethe_pixel_search *s, const lethe_image *image, uint32_t frame) {
    size_t bytes = lethe_image_size_bytes(image), across = blocks_across(s), down = blocks_down(s);
    bool comparable = s->have_previous && bytes == s->previous_bytes;
    if (comparable) {
        compare_blocks(s, image);
        memset(s->look, 0, across * down);
        for (size_t y = 0; y < down; y++)
            for (size_t x = 0; x < across; x++) {
                if (s->changed[y * across + x] == 0) continue;
                lethe_pixel_box box = {.x = (uint32_t)(x * BLOCK), .y = (uint32_t)(y * BLOCK), .w = BLOCK - 1, .h = BLOCK - 1};
                mark_blocks(s, s->look, &box, 2 * BLOCK, LETHE_TEXT_LOOK);
            }
        for (size_t i = s->first_found; i < s->decision->box_count && !s->verifying; i++) {
            lethe_pixel_box *box = &s->decision->boxes[i];
            if (box->last_frame + 1 != frame) continue;
            if (touches_changed(s, box)) mark_blocks(s, s->look, box, BLOCK, LETHE_TEXT_LOOK);
            else {
                box->last_frame = frame;
                s->tracks[i - s->first_found].frames++;
            }
        }
    }
    if (s->info->frames > 1) {
        if (s->previous == NULL || s->previous_bytes != bytes) {
            lethe_free(s->previous);
            s->previous = lethe_alloc(bytes);
            s->previous_bytes = bytes;
        }
        s->have_previous = s->previous != NULL;
        if (s->have_previous) memcpy(s->previous, image->pixels, bytes);
    }
    return comparable ? s->look : NULL;
}

/* Scanned forms of one bit: black and white as the detector knows them. */
static void stretch_bits(lethe_image *image) {
    size_t count = lethe_image_size_bytes(image);
    for (size_t i = 0; i < count; i++) image->pixels[i] = image->pixels[i] != 0 ? 255 : 0;
    image->bits_stored = 8;
}

lethe_status lethe_pixel_search_frame(lethe_pixel_search *s, lethe_image *image, uint32_t frame, bool *found) {
    *found = false;
    if (s->info->bits_allocated == 1) stretch_bits(image);
    lethe_status status = prepare_maps(s);
    if (status != LETHE_OK) return status;
    const uint8_t *blocks = where_to_look(s, image, frame);
    if (blocks != NULL && memchr(blocks, 1, blocks_across(s) * blocks_down(s)) == NULL) return LETHE_OK; /* nothing moved */
    if (image->photometric == LETHE_PALETTE_COLOR) return search_both(s, image, frame, blocks, found);
    return search_picture(s, image, frame, frame, blocks, s->fill, found);
}

void lethe_pixel_search_release(lethe_pixel_search *s) {
    lethe_free(s->tracks);
    lethe_free(s->changed);
    if (s->previous != NULL) lethe_wipe(s->previous, s->previous_bytes);
    lethe_free(s->previous);
    s->tracks = NULL;
    s->changed = s->look = s->near = s->previous = NULL;
}

/* In a cine anatomy moves and overlays stand still: the mean over time leaves them. */
typedef struct average {
    uint32_t *sums; /* of every sample; NULL when not wanted */
    uint32_t frames;
} average;

static void average_add(average *a, const lethe_image *image) {
    size_t count = (size_t)image->columns * image->rows * image->samples;
    if (a->sums == NULL || image->bytes_per_sample > 2 || a->frames > 60000) return;
    if (image->bytes_per_sample == 1)
        for (size_t i = 0; i < count; i++) a->sums[i] += (uint8_t)(image->pixels[i] ^ (image->is_signed ? 0x80 : 0));
    else
        for (size_t i = 0; i < count; i++) a->sums[i] += ((const uint16_t *)(const void *)image->pixels)[i] ^ (image->is_signed ? 0x8000u : 0u);
    a->frames++;
}

static lethe_status search_average(lethe_pixel_search *s, const average *a, lethe_image *image, bool *found) {
    size_t count = (size_t)image->columns * image->rows * image->samples;
    for (size_t i = 0; i < count; i++) {
        uint32_t mean = a->sums[i] / a->frames;
        if (image->bytes_per_sample == 1) image->pixels[i] = (uint8_t)(mean ^ (image->is_signed ? 0x80u : 0u));
        else ((uint16_t *)(void *)image->pixels)[i] = (uint16_t)(mean ^ (image->is_signed ? 0x8000u : 0u));
    }
    s->standing = true;
    lethe_status status = search_picture(s, image, 0, s->info->frames - 1, NULL, s->fill, found);
    s->standing = false;
    return status;
}

/* Other text is there, at least as many lines of it as doubts: a picture full of doubts is one of texture. Where the list of doubts is full there may
 * be more of them, which nobody would fill. */
static bool is_company(const lethe_pixel_search *s) {
    unsigned sure = 0;
    if (s->doubts == LETHE_PIXELS_DOUBTS) return false;
    for (size_t i = s->first_found; i < s->decision->box_count; i++) sure += s->tracks[i - s->first_found].score >= score_company;
    return sure > 0 && s->doubts <= sure;
}

/* A doubt is settled where a box was found in the end, and where other text is: then it goes, too. (In long cines only what stands still is
 * doubtful.) */
static lethe_status settle_doubts(lethe_pixel_search *s, bool company) {
    unsigned kept = 0;
    for (unsigned i = 0; i < s->doubts; i++) {
        const lethe_text_line line = s->doubtful[i];
        const lethe_pixel_box doubt = {.x = line.x, .y = line.y, .w = line.w, .h = line.h};
        uint64_t area = (uint64_t)doubt.w * doubt.h, covered = 0;
        for (size_t k = 0; k < s->decision->box_count; k++) {
            uint64_t common = overlap(&s->decision->boxes[k], &doubt);
            covered = common > covered ? common : covered;
        }
        if (covered * 10 >= area * 6) continue;
        if (!company) {
            s->doubtful[kept++] = line;
            continue;
        }
        lethe_pixel_box box = box_of_line(s, &line, 0, FOUND_TEXT);
        box.last_frame = s->info->frames - 1;
        lethe_status status = lethe_pixel_decision_add(s->decision, &box, s->error);
        if (status != LETHE_OK) return status;
    }
    s->doubts = kept;
    return LETHE_OK;
}

/* What was seen in a good part of the frames is taken to stand in all of them; what flickered up once among many frames and was not beyond doubt is
 * speckle. */
static void settle_tracks(lethe_pixel_search *s) {
    size_t kept = s->first_found;
    for (size_t i = s->first_found; i < s->decision->box_count; i++) {
        lethe_pixel_box box = s->decision->boxes[i];
        track t = s->tracks[i - s->first_found];
        if (s->info->frames >= FEW_FRAMES && t.frames == 1 && t.score < score_flicker) continue;
        if (s->info->frames > 1 && (uint64_t)t.frames * 4 >= s->info->frames) {
            box.first_frame = 0;
            box.last_frame = s->info->frames - 1;
        }
        s->tracks[kept - s->first_found] = t;
        s->decision->boxes[kept++] = box;
    }
    s->decision->box_count = kept;
}

static void load_fill(lethe_pixel_search *s) {
    lethe_redact_fill_values(s->dataset, s->info,
                             s->info->photometric == LETHE_YBR_FULL && s->info->codec != LETHE_CODEC_RAW && s->info->codec != LETHE_CODEC_RLE,
                             s->fill);
    unsigned shift = s->info->high_bit + 1u > s->info->bits_stored ? s->info->high_bit + 1u - s->info->bits_stored : 0;
    for (unsigned c = 0; c < 4; c++) s->fill[c] = s->info->bits_allocated == 1 ? s->fill[c] * 255 : s->fill[c] >> shift;
}

lethe_status lethe_pixel_search_all(lethe_pixel_search *s) {
    average a = {0};
    lethe_image image = {0};
    lethe_status status = LETHE_OK;
    bool any = false;
    s->first_found = s->decision->box_count;
    load_fill(s);
    if (s->info->frames >= FEW_FRAMES && s->info->bits_allocated > 1)
        a.sums = lethe_alloc_array((size_t)s->info->columns * s->info->rows, (size_t)s->info->samples_per_pixel * sizeof *a.sums);
    for (uint32_t frame = 0; frame < s->info->frames && status == LETHE_OK; frame++) {
        lethe_error why = {0};
        bool found;
        lethe_image_release(&image);
        status = lethe_pixels_decode(s->pixels, frame, &image, &why);
        if (status != LETHE_OK) {
            s->decision->verdict = LETHE_PIXELS_QUARANTINE;
            (void)snprintf(s->decision->reason, sizeof s->decision->reason, "frame %u cannot be searched: %.110s", frame, why.message);
            if (status != LETHE_NO_MEMORY) status = LETHE_OK;
            goto out;
        }
        average_add(&a, &image);
        status = lethe_pixel_search_frame(s, &image, frame, &found);
        any = any || found;
        s->decision->frames_searched++;
    }
    if (status == LETHE_OK && a.frames >= FEW_FRAMES && image.pixels != NULL) {
        bool found;
        status = search_average(s, &a, &image, &found);
        any = any || found;
    }
    if (status == LETHE_OK) {
        settle_tracks(s);
        status = settle_doubts(s, is_company(s));
        s->decision->searched = true;
        s->decision->all_text = s->mode == LETHE_PIXELS_ANY_TEXT;
        if (any && s->decision->box_count > 0) s->decision->verdict = LETHE_PIXELS_REDACT;
    }
out:
    lethe_image_release(&image);
    lethe_free(a.sums);
    return status;
}
