#include "deid/burned_in.h"

#include "core/limits.h"
#include "core/text.h"
#include "deid/burned_in_internal.h"
#include "deid/identifiers.h"
#include "deid/ocr.h"
#include "deid/redact_internal.h"
#include "deid/text_detector.h"
#include "imaging/dicom/codec.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

/* Above SURE a line is text whatever the reader makes of it; a LIKELY one needs a reader who sees letters; below DOUBT it is not even read. */
static const float score_sure = 0.85f, score_likely = 0.5f, score_doubt = 0.2f, score_continues = 0.03f, score_flicker = 0.97f, score_large = 0.97f;
enum { SEARCH_ROUNDS = 3, READS_PER_FRAME = 12, CLEARED = 64 };

struct lethe_burned_in {
    lethe_pixel_policy policy;
    lethe_text_detector *detector;
    lethe_ocr *ocr;
    bool ocr_missing;
};

/* What the search knows of a box it has found. */
typedef struct track {
    uint32_t frames;    /* in which it was seen */
    uint64_t seed_area; /* of the first sighting: bounds what joining may add up to */
    float score;        /* best */
} track;

typedef struct search {
    lethe_burned_in *engine;
    const lethe_dicom_dataset *dataset;
    const lethe_identifiers *identifiers;
    lethe_pixel_mode mode;
    lethe_pixel_decision *decision;
    lethe_pixels *pixels;
    const lethe_pixels_info *info;
    uint32_t fill[4];
    /* Boxes from `first_found` on come from the search; `tracks[i]` is about box first_found + i. */
    size_t first_found;
    track *tracks;
    size_t track_capacity;
    unsigned reads_left;
    /* Places that were read in an earlier frame and hold no text that has to go: what stands still is read once. */
    lethe_pixel_box cleared[CLEARED];
    unsigned cleared_count;
    bool verifying;
    lethe_error *error;
} search;

lethe_status lethe_burned_in_create(const lethe_pixel_policy *policy, lethe_burned_in **out, lethe_error *error) {
    *out = NULL;
    lethe_burned_in *engine = lethe_alloc_array(1, sizeof *engine);
    if (engine != NULL) engine->detector = lethe_text_detector_create();
    if (engine == NULL || engine->detector == NULL) {
        lethe_free(engine);
        return lethe_fail(error, LETHE_NO_MEMORY, "no memory for the pixel stage");
    }
    engine->policy = *policy;
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
    *decision = (lethe_pixel_decision){0};
}

/* --- what a line says --- */

/* Laterality, view and projection markers (PS3.16 CID 4013 ff., and what film markers carry): letters only, no patient. */
static bool is_marker(const char *text) {
    static const char *const markers[] = {"L",     "R",     "LT",  "RT",  "CC",  "LCC",   "RCC",     "MLO",    "LMLO",  "RMLO",    "ML",
                                          "LM",    "LMO",   "LML", "RML", "LLM", "RLM",   "XCC",     "XCCL",   "XCCM",  "LXCC",    "RXCC",
                                          "LXCCL", "RXCCL", "SIO", "FB",  "AT",  "LAT",   "AP",      "PA",     "LL",    "RL",      "LEFT",
                                          "RIGHT", "OBL",   "AX",  "SAG", "COR", "TRANS", "LONG",    "CV",     "TAN",   "MAG",     "SPOT",
                                          "ID",    "RM",    "LD",  "RD",  "SUP", "INF",   "UPRIGHT", "SUPINE", "ERECT", "CRANIAL", "CAUDAL"};
    char word[24];
    size_t length = 0;
    for (; *text != '\0'; text++) {
        if (isspace((unsigned char)*text) || *text == '-' || *text == '.' || *text == '(' || *text == ')') continue;
        if (!isalpha((unsigned char)*text) || length + 1 >= sizeof word) return false;
        word[length++] = (char)toupper((unsigned char)*text);
    }
    word[length] = '\0';
    for (size_t i = 0; i < sizeof markers / sizeof *markers; i++)
        if (strcmp(word, markers[i]) == 0) return true;
    return false;
}

/* A date, a long number, or a word that introduces a name. */
static bool looks_identifying(const char *text) {
    static const char *const words[] = {"NAME", "NOM", "PATIENT", "DOB", "BIRTH", "ID", "MRN", "IPP", "NIP", "ACC", "DR", "HOSP", "CLIN", "CHU"};
    unsigned digits = 0, run = 0, longest = 0, separators = 0;
    for (const char *at = text; *at != '\0'; at++) {
        if (isdigit((unsigned char)*at)) {
            digits++;
            if (++run > longest) longest = run;
        } else {
            run = 0;
            if (*at == '/' || *at == '-' || *at == '.') separators++;
        }
    }
    if (longest >= 5 || (digits >= 6 && separators >= 2)) return true;
    char upper[256];
    size_t i = 0;
    for (; text[i] != '\0' && i + 1 < sizeof upper; i++) upper[i] = (char)toupper((unsigned char)text[i]);
    upper[i] = '\0';
    for (size_t w = 0; w < sizeof words / sizeof *words; w++)
        if (strstr(upper, words[w]) != NULL) return true;
    return false;
}

/* Known identifiers, as read: equal, or one or two letters off in longer words. */
static bool names_someone(const lethe_identifiers *identifiers, const char *text) {
    if (identifiers == NULL) return false;
    if (lethe_identifiers_in_text(identifiers, text, strlen(text), NULL)) return true;
    char folded[512], word[64];
    size_t size = lethe_text_fold(text, strlen(text), folded, sizeof folded);
    for (size_t at = 0; at < size;) {
        while (at < size && !isalnum((unsigned char)folded[at])) at++;
        size_t length = 0;
        while (at < size && isalnum((unsigned char)folded[at])) {
            if (length + 1 < sizeof word) word[length++] = folded[at];
            at++;
        }
        word[length] = '\0';
        if (length < 4) continue;
        size_t allowed = length >= 8 ? 2 : 1;
        for (size_t i = 0; i < lethe_identifiers_count(identifiers); i++) {
            const lethe_identifier *known = lethe_identifiers_at(identifiers, i);
            if (known->common || known->kind == LETHE_ID_UID || strlen(known->folded) < 4) continue;
            if (lethe_text_distance(word, known->folded, allowed) <= allowed) return true;
        }
    }
    return false;
}

typedef enum finding { FOUND_NOTHING, FOUND_TEXT, FOUND_IDENTIFIER, FOUND_MARKER } finding;

static bool read_line(search *s, const lethe_image *image, const lethe_text_line *line, lethe_ocr_text *text) {
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

static bool was_cleared(const search *s, const lethe_text_line *line) {
    lethe_pixel_box box = {.x = line->x, .y = line->y, .w = line->w, .h = line->h};
    for (unsigned i = 0; i < s->cleared_count; i++) {
        const lethe_pixel_box *have = &s->cleared[i];
        uint64_t common = overlap(have, &box), area = (uint64_t)box.w * box.h, have_area = (uint64_t)have->w * have->h;
        if (common * 10 >= area * 9 && common * 10 >= have_area * 9) return true;
    }
    return false;
}

static finding judge(search *s, const lethe_image *image, const lethe_text_line *line) {
    lethe_ocr_text text = {0};
    finding found = FOUND_NOTHING;
    /* Large letters are easy to read and large structures of anatomy easy to mistake: there the reader has to agree. */
    bool sure = line->score >= (line->height_px >= 18 ? score_large : score_sure), likely = line->score >= score_likely, shortish = line->glyphs <= 7;
    if (line->score < score_doubt) return FOUND_NOTHING;
    bool keep_markers = !s->engine->policy.redact_markers;
    if (s->mode == LETHE_PIXELS_PHI_ONLY) {
        if (!read_line(s, image, line, &text)) found = sure ? FOUND_TEXT : FOUND_NOTHING;
        else if (names_someone(s->identifiers, text.text)) found = FOUND_IDENTIFIER;
        else if (looks_identifying(text.text)) found = FOUND_TEXT;
        else if (sure && text.confidence < 50) found = FOUND_TEXT; /* nobody can say what it is */
    } else if (sure && !(shortish && keep_markers)) {
        found = FOUND_TEXT;
    } else if (!read_line(s, image, line, &text)) {
        found = likely ? FOUND_TEXT : FOUND_NOTHING; /* no reader: on the safe side */
    } else if (names_someone(s->identifiers, text.text)) {
        found = FOUND_IDENTIFIER;
    } else if (keep_markers && text.confidence >= 60 && is_marker(text.text)) {
        found = FOUND_MARKER;
    } else if (sure || (likely && text.confidence >= 35 && text.letters >= 2) || (text.confidence >= 65 && text.letters >= 3)) {
        found = FOUND_TEXT;
    }
    lethe_wipe(&text, sizeof text);
    return found;
}

/* --- boxes --- */

static lethe_pixel_box box_of_line(const search *s, const lethe_text_line *line, uint32_t frame, finding found) {
    uint32_t along = line->height_px * 6 / 5 + 3, across = line->height_px * 2 / 5 + 3;
    uint32_t mx = line->vertical ? across : along, my = line->vertical ? along : across;
    lethe_pixel_box box = {.first_frame = frame, .last_frame = frame, .x = line->x > mx ? line->x - mx : 0, .y = line->y > my ? line->y - my : 0};
    uint32_t x1 = line->x + line->w + mx, y1 = line->y + line->h + my;
    box.w = (x1 < s->info->columns ? x1 : s->info->columns) - box.x;
    box.h = (y1 < s->info->rows ? y1 : s->info->rows) - box.y;
    (void)snprintf(box.why, sizeof box.why, "%s", found == FOUND_IDENTIFIER ? "known identifier" : "text");
    return box;
}

/* Join with a box of the same place in this or an earlier frame, or add. */
static lethe_status add_found(search *s, const lethe_pixel_box *box, float score) {
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

static bool is_covered(const search *s, const lethe_text_line *line, uint32_t frame) {
    lethe_pixel_box box = {.x = line->x, .y = line->y, .w = line->w, .h = line->h};
    uint64_t area = (uint64_t)box.w * box.h, covered = 0;
    for (size_t i = 0; i < s->decision->box_count; i++) {
        const lethe_pixel_box *have = &s->decision->boxes[i];
        if (frame < have->first_frame || frame > have->last_frame) continue;
        covered = overlap(have, &box);
        if (covered * 10 >= area * 9) return true;
    }
    return false;
}

/* A person has looked and said: no text here. */
static bool is_kept(const search *s, const lethe_text_line *line, uint32_t frame) {
    lethe_pixel_box box = {.x = line->x, .y = line->y, .w = line->w, .h = line->h};
    for (size_t i = 0; i < s->decision->kept_count; i++) {
        const lethe_pixel_box *have = &s->decision->kept[i];
        if (frame >= have->first_frame && frame <= have->last_frame && overlap(have, &box) * 10 >= (uint64_t)box.w * box.h * 9) return true;
    }
    return false;
}

/* --- frames --- */

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
    return band * 10 >= smaller * 6 && larger * 10 <= smaller * 18 && gap <= 2 * (int64_t)sure->height_px;
}

/* Does it continue a box that was found and filled already? Boxes carry a margin of two fifths of the letters and three pixels on either side. */
static bool continues_box(const search *s, const lethe_text_line *line, uint32_t frame) {
    for (size_t i = s->first_found; i < s->decision->box_count; i++) {
        const lethe_pixel_box *b = &s->decision->boxes[i];
        if (frame < b->first_frame || frame > b->last_frame || s->tracks[i - s->first_found].score < score_sure) continue;
        bool vertical = b->h > b->w;
        uint32_t across = vertical ? b->w : b->h;
        if (vertical != line->vertical || across < 12) continue;
        uint32_t letters = (uint32_t)((float)(across - 6) / 1.8f), margin = letters * 2 / 5 + 3;
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

/* Search one picture until nothing new turns up; what was found is filled before the next round. `last` >= `first`: the frames that the boxes are
 * for. */
static lethe_status search_picture(search *s, lethe_image *image, uint32_t first, uint32_t last, bool *found_any) {
    *found_any = false;
    s->reads_left = READS_PER_FRAME;
    for (size_t i = 0; i < s->decision->box_count; i++) {
        const lethe_pixel_box *have = &s->decision->boxes[i];
        if (!s->verifying && first >= have->first_frame && first <= have->last_frame) fill_box(image, have, s->fill);
    }
    for (unsigned round = 0; round < SEARCH_ROUNDS; round++) {
        const lethe_text_line *lines;
        size_t count;
        bool added = false;
        lethe_status status = lethe_text_detector_find(s->engine->detector, image, &lines, &count, s->error);
        if (status != LETHE_OK) return status;
        for (size_t i = 0; i < count; i++) {
            if (lines[i].score < score_continues || (!s->verifying && is_covered(s, &lines[i], first))) continue;
            if (is_kept(s, &lines[i], first)) continue;
            finding found = FOUND_NOTHING;
            if (s->verifying && s->info->frames >= 4 && lines[i].score < score_flicker) continue;
            if (lines[i].score < score_sure && was_cleared(s, &lines[i])) continue;
            for (size_t k = 0; k < count && s->mode == LETHE_PIXELS_ANY_TEXT && found == FOUND_NOTHING && !s->verifying; k++)
                if (k != i && lines[k].score >= score_sure && lines[k].glyphs >= 5 && lines[i].score < score_sure && continues(&lines[i], &lines[k]))
                    found = FOUND_TEXT;
            if (found == FOUND_NOTHING && s->mode == LETHE_PIXELS_ANY_TEXT && !s->verifying && lines[i].score < score_sure &&
                continues_box(s, &lines[i], first))
                found = FOUND_TEXT;
            if (found == FOUND_NOTHING) found = judge(s, image, &lines[i]);
            if (found == FOUND_MARKER) s->decision->markers_kept++;
            if (found != FOUND_TEXT && found != FOUND_IDENTIFIER) {
                if (s->cleared_count < CLEARED)
                    s->cleared[s->cleared_count++] = (lethe_pixel_box){.x = lines[i].x, .y = lines[i].y, .w = lines[i].w, .h = lines[i].h};
                continue;
            }
            *found_any = true;
            if (s->verifying) return LETHE_OK;
            lethe_pixel_box box = box_of_line(s, &lines[i], first, found);
            box.last_frame = last;
            status = add_found(s, &box, lines[i].score);
            if (status != LETHE_OK) return status;
            added = true;
        }
        if (!added || s->verifying) return LETHE_OK;
        for (size_t i = s->first_found; i < s->decision->box_count; i++) {
            const lethe_pixel_box *have = &s->decision->boxes[i];
            if (first >= have->first_frame && first <= have->last_frame) fill_box(image, have, s->fill);
        }
    }
    return LETHE_OK;
}

/* Palette indexes as they are, and as the colours they stand for: text can hide in either. */
static lethe_status search_frame(search *s, lethe_image *image, uint32_t first, uint32_t last, bool *found) {
    lethe_status status = search_picture(s, image, first, last, found);
    if (status != LETHE_OK || image->photometric != LETHE_PALETTE_COLOR || (s->verifying && *found)) return status;
    lethe_display display;
    lethe_image colours = {0};
    bool more = false;
    uint32_t black[4] = {0};
    uint32_t keep[4];
    lethe_display_load(s->dataset, first, 0, &display);
    status = lethe_display_render(s->dataset, image, &display, &colours, s->error);
    if (status != LETHE_OK) return status;
    memcpy(keep, s->fill, sizeof keep);
    memcpy(s->fill, black, sizeof black);
    status = search_picture(s, &colours, first, last, &more);
    memcpy(s->fill, keep, sizeof keep);
    lethe_image_release(&colours);
    *found = *found || more;
    return status;
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

static lethe_status search_average(search *s, const average *a, lethe_image *image, bool *found) {
    size_t count = (size_t)image->columns * image->rows * image->samples;
    for (size_t i = 0; i < count; i++) {
        uint32_t mean = a->sums[i] / a->frames;
        if (image->bytes_per_sample == 1) image->pixels[i] = (uint8_t)(mean ^ (image->is_signed ? 0x80u : 0u));
        else ((uint16_t *)(void *)image->pixels)[i] = (uint16_t)(mean ^ (image->is_signed ? 0x8000u : 0u));
    }
    return search_picture(s, image, 0, s->info->frames - 1, found);
}

/* What was seen in a good part of the frames is taken to stand in all of them; what flickered up once among many frames and was not beyond doubt is
 * speckle. */
static void settle_tracks(search *s) {
    size_t kept = s->first_found;
    for (size_t i = s->first_found; i < s->decision->box_count; i++) {
        lethe_pixel_box box = s->decision->boxes[i];
        track t = s->tracks[i - s->first_found];
        if (s->info->frames >= 4 && t.frames == 1 && t.score < score_flicker) continue;
        if (s->info->frames > 1 && (uint64_t)t.frames * 4 >= s->info->frames) {
            box.first_frame = 0;
            box.last_frame = s->info->frames - 1;
        }
        s->tracks[kept - s->first_found] = t;
        s->decision->boxes[kept++] = box;
    }
    s->decision->box_count = kept;
}

static void load_fill(search *s) {
    lethe_redact_fill_values(s->dataset, s->info,
                             s->info->photometric == LETHE_YBR_FULL && s->info->codec != LETHE_CODEC_RAW && s->info->codec != LETHE_CODEC_RLE,
                             s->fill);
    unsigned shift = s->info->high_bit + 1u > s->info->bits_stored ? s->info->high_bit + 1u - s->info->bits_stored : 0;
    for (unsigned c = 0; c < 4; c++) s->fill[c] >>= shift;
}

static lethe_status search_all(search *s) {
    average a = {0};
    lethe_image image = {0};
    lethe_status status = LETHE_OK;
    bool any = false;
    s->first_found = s->decision->box_count;
    load_fill(s);
    if (s->info->frames >= 4)
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
        status = search_frame(s, &image, frame, frame, &found);
        any = any || found;
        s->decision->frames_searched++;
    }
    if (status == LETHE_OK && a.frames >= 4 && image.pixels != NULL) {
        bool found;
        status = search_average(s, &a, &image, &found);
        any = any || found;
    }
    if (status == LETHE_OK) {
        settle_tracks(s);
        s->decision->searched = true;
        s->decision->all_text = s->mode == LETHE_PIXELS_ANY_TEXT;
        if (any && s->decision->box_count > 0) s->decision->verdict = LETHE_PIXELS_REDACT;
    }
out:
    lethe_image_release(&image);
    lethe_free(a.sums);
    return status;
}

/* --- decide --- */

static void conclude(lethe_burned_in *engine, const lethe_device_match *devices, bool regions, bool found_text, lethe_pixel_decision *decision) {
    if (decision->verdict == LETHE_PIXELS_QUARANTINE) return;
    bool known = devices->burns_count > 0 || devices->own_device || regions;
    if (found_text && !known && engine->policy.unknown_device != LETHE_UNKNOWN_DEVICE_REDACT) {
        bool review = engine->policy.unknown_device == LETHE_UNKNOWN_DEVICE_REVIEW;
        decision->verdict = review ? LETHE_PIXELS_REVIEW : LETHE_PIXELS_QUARANTINE;
        (void)snprintf(decision->reason, sizeof decision->reason, "text in the pixels of a device that the catalogue does not know");
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
    if (mode != LETHE_PIXELS_OFF && info->bits_allocated > 1) {
        if (info->codec == LETHE_CODEC_VIDEO) {
            decision->verdict = engine->policy.review_video == 1 ? LETHE_PIXELS_QUARANTINE : LETHE_PIXELS_REVIEW;
            decision->box_count = 0;
            decision->clear_unused_bits = false;
            (void)snprintf(decision->reason, sizeof decision->reason, "video is not searched: a person has to look");
            return LETHE_OK;
        }
        search s = {.engine = engine,
                    .dataset = dataset,
                    .identifiers = identifiers,
                    .mode = mode,
                    .decision = decision,
                    .pixels = pixels,
                    .info = info,
                    .error = error};
        status = search_all(&s);
        size_t first = s.first_found;
        lethe_free(s.tracks);
        if (status != LETHE_OK) return status;
        conclude(engine, &devices, regions, decision->box_count > first, decision);
        return LETHE_OK;
    }
    conclude(engine, &devices, regions, false, decision);
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

/* --- verify --- */

static lethe_status compare_frame(const lethe_pixel_decision *decision, uint32_t frame, const lethe_image *before, const lethe_image *after,
                                  uint8_t *mask, lethe_error *error) {
    size_t size = (size_t)before->samples * before->bytes_per_sample, count = (size_t)before->columns * before->rows;
    if (before->columns != after->columns || before->rows != after->rows || before->samples != after->samples ||
        before->bytes_per_sample != after->bytes_per_sample)
        return lethe_fail(error, LETHE_INTERNAL, "frame %u changed its form by redaction", frame);
    (void)lethe_redact_mask(decision, frame, before->columns, before->rows, mask);
    for (size_t i = 0; i < count; i++)
        if (mask[i] == 0 && memcmp(before->pixels + i * size, after->pixels + i * size, size) != 0)
            return lethe_fail(error, LETHE_INTERNAL, "frame %u: pixel (%zu, %zu) outside every box changed", frame, i % before->columns,
                              i / before->columns);
    return LETHE_OK;
}

static lethe_status verify_frame(search *s, lethe_pixels *before, uint32_t frame, uint8_t *mask) {
    lethe_image was = {0}, is = {0};
    bool legible = false;
    lethe_status status = lethe_pixels_decode(s->pixels, frame, &is, s->error);
    if (status == LETHE_OK) status = lethe_pixels_decode(before, frame, &was, s->error);
    if (status == LETHE_OK) status = compare_frame(s->decision, frame, &was, &is, mask, s->error);
    if (status == LETHE_OK && s->mode != LETHE_PIXELS_OFF) status = search_frame(s, &is, frame, frame, &legible);
    if (status == LETHE_OK && legible) status = lethe_fail(s->error, LETHE_UNSAFE, "frame %u: text is still legible after redaction", frame);
    lethe_image_release(&was);
    lethe_image_release(&is);
    return status;
}

lethe_status lethe_burned_in_verify(lethe_burned_in *engine, const lethe_dicom_dataset *before, const lethe_dicom_dataset *after,
                                    const lethe_identifiers *identifiers, const lethe_pixel_decision *decision, lethe_error *error) {
    lethe_pixels *old = NULL, *new = NULL;
    uint8_t *mask = NULL;
    lethe_pixel_decision scratch = *decision;
    lethe_device_match devices = {0};
    const char *reason;
    lethe_status status = lethe_pixels_open(before, &old, error);
    if (status == LETHE_OK) status = lethe_pixels_open(after, &new, error);
    if (status != LETHE_OK) goto out;
    const lethe_pixels_info *info = lethe_pixels_describe(new);
    mask = lethe_alloc_array((size_t)info->columns * info->rows, 1);
    if (mask == NULL) {
        status = lethe_fail(error, LETHE_NO_MEMORY, "no memory for a mask");
        goto out;
    }
    if (info->frames != lethe_pixels_describe(old)->frames || info->columns != lethe_pixels_describe(old)->columns ||
        info->rows != lethe_pixels_describe(old)->rows) {
        status = lethe_fail(error, LETHE_INTERNAL, "redaction changed the size of the image");
        goto out;
    }
    if (!engine->policy.ignore_catalogue) lethe_device_find(before, &devices);
    search s = {.engine = engine,
                .dataset = after,
                .identifiers = identifiers,
                .decision = &scratch,
                .pixels = new,
                .info = info,
                .verifying = true,
                .error = error};
    s.mode = decision->searched ? lethe_burned_in_mode(&engine->policy, before, &devices, &reason) : LETHE_PIXELS_OFF;
    for (uint32_t frame = 0; frame < info->frames && status == LETHE_OK; frame++) status = verify_frame(&s, old, frame, mask);
out:
    lethe_free(mask);
    lethe_pixels_close(old);
    lethe_pixels_close(new);
    return status;
}
