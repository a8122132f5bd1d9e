#include "deid/slides/verify.h"

#include "core/memory.h"
#include "deid/slides/scan.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { MAX_DIRECTORIES = 4096, MAX_ENTRIES = 4096, MAX_PADDING = 4096, RELEASE_BYTES = 8 << 20 };

/* --- a reader of its own --- */

typedef struct file {
    const uint8_t *bytes;
    uint64_t size;
    bool swap, big, ndpi;
} file;

typedef struct field {
    uint16_t tag, type;
    uint64_t count, at, length; /* `at`: of the value */
    bool outside;               /* the value stands outside the entry */
    uint32_t high;
} field;

typedef struct image {
    uint64_t at, length, width, height, tile_width, tile_height, compression, segments;
    field offsets, counts;
    field *fields;
    uint32_t field_count;
    bool tiled, used;
} image;

typedef struct image_list {
    image *images;
    size_t count, capacity;
} image_list;

typedef struct range {
    uint64_t start, end;
    uint8_t kind; /* one of RANGE_* */
} range;
enum { RANGE_STRUCTURE, RANGE_TEXT, RANGE_PIXELS };

typedef struct range_list {
    range *ranges;
    size_t count, capacity;
} range_list;

static uint64_t get(const file *f, uint64_t at, unsigned bytes) {
    uint64_t value = 0;
    if (at > f->size || bytes > f->size - at) return 0;
    for (unsigned i = 0; i < bytes; i++) value |= (uint64_t)f->bytes[at + i] << 8 * (f->swap ? bytes - 1 - i : i);
    return value;
}

static unsigned unit_of(uint64_t type) {
    switch (type) {
    case 1:
    case 2:
    case 6:
    case 7: return 1;
    case 3:
    case 8: return 2;
    case 4:
    case 9:
    case 11:
    case 13: return 4;
    case 5:
    case 10:
    case 12:
    case 16:
    case 17:
    case 18: return 8;
    default: return 0;
    }
}

static uint64_t number(const file *f, const field *v, uint64_t index) {
    unsigned unit = unit_of(v->type);
    if (!unit || index >= v->count || v->type == 5 || v->type == 10) return 0;
    uint64_t value = get(f, v->at + index * unit, unit);
    if (f->ndpi && !v->outside && v->count == 1 && unit == 4) value |= (uint64_t)v->high << 32;
    return value;
}

static lethe_status grow(void **array, size_t count, size_t *capacity, size_t unit, lethe_error *error) {
    if (count < *capacity) return LETHE_OK;
    size_t wanted = *capacity ? 2 * *capacity : 256;
    void *grown = lethe_realloc_array(*array, wanted, unit);
    if (!grown) return lethe_fail(error, LETHE_NO_MEMORY, "out of memory");
    *array = grown;
    *capacity = wanted;
    return LETHE_OK;
}

static lethe_status add_range(range_list *list, uint64_t start, uint64_t length, uint8_t kind, lethe_error *error) {
    if (!length) return LETHE_OK;
    lethe_status status = grow((void **)&list->ranges, list->count, &list->capacity, sizeof *list->ranges, error);
    if (status == LETHE_OK) list->ranges[list->count++] = (range){start, start + length, kind};
    return status;
}

static void note(const file *f, image *im, const field *v) {
    switch (v->tag) {
    case 256: im->width = number(f, v, 0); break;
    case 257: im->height = number(f, v, 0); break;
    case 259: im->compression = number(f, v, 0); break;
    case 322: im->tile_width = number(f, v, 0); break;
    case 323: im->tile_height = number(f, v, 0); break;
    case 324: im->tiled = true; /* fall through */
    case 273:
        if (v->tag == 324 || !im->tiled) im->offsets = *v;
        break;
    case 279:
    case 325:
        if (v->tag == 325 || !im->counts.tag) im->counts = *v;
        break;
    default: break;
    }
}

static lethe_status read_image(const file *f, uint64_t at, image *im, uint64_t *next, lethe_error *error) {
    unsigned head = f->big ? 8 : 2, row = f->big ? 20 : 12, word = f->big ? 8 : 4, tail = f->big || f->ndpi ? 8 : 4;
    *im = (image){0}; /* whatever happens, it can be released */
    if (at < 8 || at > f->size || f->size - at < head) return lethe_fail(error, LETHE_UNSAFE, "output: directory outside the file");
    uint64_t count = get(f, at, head);
    *im = (image){.at = at, .length = head + count * row + tail + (f->ndpi ? 4 * count : 0), .compression = 1};
    if (count > MAX_ENTRIES || im->length > f->size - at) return lethe_fail(error, LETHE_UNSAFE, "output: directory at %" PRIu64 " is cut off", at);
    im->fields = lethe_alloc_array((size_t)count + 1, sizeof *im->fields);
    if (!im->fields) return lethe_fail(error, LETHE_NO_MEMORY, "out of memory");
    for (uint64_t i = 0; i < count; i++) {
        uint64_t entry = at + head + i * row;
        field *v = &im->fields[im->field_count++];
        *v = (field){.tag = (uint16_t)get(f, entry, 2), .type = (uint16_t)get(f, entry + 2, 2), .count = get(f, entry + 4, word)};
        unsigned unit = unit_of(v->type);
        if (!unit || v->count > f->size / unit) return lethe_fail(error, LETHE_UNSAFE, "output: tag %u has an unknown type or count", v->tag);
        v->length = v->count * unit;
        v->outside = v->length > word;
        if (f->ndpi) v->high = (uint32_t)get(f, at + head + count * row + 8 + 4 * i, 4);
        v->at = v->outside ? get(f, entry + 4 + word, word) | (uint64_t)v->high << 32 : entry + 4 + word;
        if (v->at > f->size || v->length > f->size - v->at) return lethe_fail(error, LETHE_UNSAFE, "output: tag %u points outside the file", v->tag);
        note(f, im, v);
    }
    im->segments = im->offsets.tag && im->counts.tag && im->offsets.count == im->counts.count ? im->offsets.count : 0;
    *next = get(f, at + head + count * row, tail);
    return LETHE_OK;
}

static lethe_status add_image(const file *f, image_list *list, uint64_t at, uint64_t *next, lethe_error *error) {
    for (size_t i = 0; i < list->count; i++)
        if (list->images[i].at == at) return lethe_fail(error, LETHE_UNSAFE, "directories form a loop");
    if (list->count == MAX_DIRECTORIES) return lethe_fail(error, LETHE_UNSAFE, "too many directories");
    lethe_status status = grow((void **)&list->images, list->count, &list->capacity, sizeof *list->images, error);
    if (status != LETHE_OK) return status;
    status = read_image(f, at, &list->images[list->count], next, error);
    list->count++;
    return status;
}

/* The chain and its SubIFDs, one level deep; other kinds of children are not followed: the output has none. */
static lethe_status read_images(const file *f, image_list *list, lethe_error *error) {
    uint64_t next = get(f, f->big ? 8 : 4, f->big || f->ndpi ? 8 : 4);
    while (next) {
        lethe_status status = add_image(f, list, next, &next, error);
        if (status != LETHE_OK) return status;
    }
    for (size_t i = 0, chain = list->count; i < chain; i++)
        for (uint32_t k = 0; k < list->images[i].field_count; k++) {
            field v = list->images[i].fields[k];
            if (v.tag != 330) continue;
            for (uint64_t s = 0; s < v.count; s++) {
                uint64_t at = number(f, &v, s);
                while (at) {
                    lethe_status status = add_image(f, list, at, &at, error);
                    if (status != LETHE_OK) return status;
                }
            }
        }
    return LETHE_OK;
}

static void release_images(image_list *list) {
    for (size_t i = 0; i < list->count; i++) lethe_free(list->images[i].fields);
    lethe_free(list->images);
    *list = (image_list){0};
}

static file file_of(const uint8_t *bytes, uint64_t size, const char *format) {
    file f = {.bytes = bytes, .size = size};
    f.swap = size > 4 && bytes[0] == 'M';
    f.big = get(&f, 2, 2) == 43;
    f.ndpi = strcmp(format, "hamamatsu") == 0;
    return f;
}

/* --- what may stand in an output --- */

typedef enum tag_class { TAG_NONE, TAG_NUMBER, TAG_TEXT } tag_class;

static tag_class class_of(uint16_t tag, const char *format) {
    static const uint16_t numbers[] = {254, 255, 256, 257, 258, 259, 262, 266, 273, 274, 277, 278, 279, 282, 283, 284, 296,   317,   318,
                                       319, 320, 322, 323, 324, 325, 330, 338, 339, 340, 341, 347, 529, 530, 531, 532, 32997, 32998, 34675};
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        if (numbers[i] == tag) return TAG_NUMBER;
    if (strcmp(format, "hamamatsu") == 0) {
        if (tag >= 65420 && tag <= 65426 && tag != 65425) return TAG_NUMBER;
        if (tag == 65432 || tag == 65433 || tag == 65439 || tag == 65441) return TAG_NUMBER;
        return tag == 271 || tag == 272 || tag == 305 || tag == 65449 ? TAG_TEXT : TAG_NONE;
    }
    if (tag == 270) return strcmp(format, "generic") == 0 ? TAG_NONE : TAG_TEXT;
    if (tag == 305) return strcmp(format, "philips") == 0 ? TAG_TEXT : TAG_NONE;
    if (tag == 700) return strcmp(format, "ventana") == 0 ? TAG_TEXT : TAG_NONE;
    return TAG_NONE;
}

static lethe_status account_image(const file *f, const image *im, const char *format, range_list *list, lethe_verify_report *report,
                                  lethe_error *error) {
    lethe_status status = add_range(list, im->at, im->length, RANGE_STRUCTURE, error);
    for (uint32_t i = 0; status == LETHE_OK && i < im->field_count; i++) {
        const field *v = &im->fields[i];
        tag_class kind = class_of(v->tag, format);
        if (kind == TAG_NONE) return lethe_fail(error, LETHE_UNSAFE, "output: tag %u is not allowed", v->tag);
        if (i && v->tag <= im->fields[i - 1].tag) return lethe_fail(error, LETHE_UNSAFE, "output: tags are not in order at %u", v->tag);
        report->tags++;
        unsigned unit = unit_of(v->type), word = f->big ? 8 : 4;
        for (uint64_t k = v->length; !v->outside && k < word; k++)
            if (f->bytes[v->at + k]) return lethe_fail(error, LETHE_UNSAFE, "output: bytes behind the value of tag %u", v->tag);
        bool text = kind == TAG_TEXT || v->type == 2 || v->type == 7;
        if (v->type == 2 && v->length && memchr(f->bytes + v->at, 0, (size_t)v->length) != f->bytes + v->at + v->length - 1)
            return lethe_fail(error, LETHE_UNSAFE, "output: text of tag %u does not end at its NUL", v->tag);
        if (v->outside) status = add_range(list, v->at, v->count * unit, text ? RANGE_TEXT : RANGE_STRUCTURE, error);
    }
    for (uint64_t i = 0; status == LETHE_OK && i < im->segments; i++) {
        uint64_t at = number(f, &im->offsets, i), length = number(f, &im->counts, i);
        if (!length) continue;
        if (at < 8 || at > f->size || length > f->size - at) return lethe_fail(error, LETHE_UNSAFE, "output: image data outside the file");
        status = add_range(list, at, length, RANGE_PIXELS, error);
        report->tiles++;
    }
    return status;
}

static int by_start(const void *a, const void *b) {
    const range *left = a, *right = b;
    if (left->start != right->start) return left->start < right->start ? -1 : 1;
    return left->end < right->end ? -1 : left->end > right->end;
}

static lethe_status check_gap(const file *f, uint64_t from, uint64_t to, lethe_verify_report *report, lethe_error *error) {
    if (to - from >= MAX_PADDING)
        return lethe_fail(error, LETHE_UNSAFE, "output: %" PRIu64 " bytes at %" PRIu64 " belong to nothing", to - from, from);
    for (uint64_t i = from; i < to; i++)
        if (f->bytes[i]) return lethe_fail(error, LETHE_UNSAFE, "output: byte at %" PRIu64 " belongs to nothing", i);
    report->padding_bytes += to - from;
    return LETHE_OK;
}

/* Sorted ranges must fill the file; equal ranges of pixels may be shared. */
static lethe_status check_cover(const file *f, range_list *list, lethe_verify_report *report, lethe_error *error) {
    qsort(list->ranges, list->count, sizeof *list->ranges, by_start);
    uint64_t end = 0;
    size_t kept = 0;
    for (size_t i = 0; i < list->count; i++) {
        range r = list->ranges[i];
        if (kept && r.start < end) {
            const range *before = &list->ranges[kept - 1];
            if (before->start == r.start && before->end == r.end && before->kind == RANGE_PIXELS && r.kind == RANGE_PIXELS) continue;
            return lethe_fail(error, LETHE_UNSAFE, "output: two things share the byte at %" PRIu64, r.start);
        }
        lethe_status status = check_gap(f, end, r.start, report, error);
        if (status != LETHE_OK) return status;
        end = r.end;
        list->ranges[kept++] = r;
    }
    list->count = kept;
    return check_gap(f, end, f->size, report, error);
}

/* --- the same tiles as the input --- */

/* Drop page table entries of a mapped stretch, so that a large file does not count as memory in use. */
static void forget(const uint8_t *bytes, uint64_t from, uint64_t to) {
    uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE), start = ((uintptr_t)bytes + from + page - 1) & ~(page - 1),
              end = ((uintptr_t)bytes + to) & ~(page - 1);
    if (end > start) (void)madvise((void *)start, end - start, MADV_DONTNEED);
}

/* The next kept piece of a JPEG or JPEG 2000 header: segments that only comment are passed over in both streams. */
static uint64_t skip_comments(const uint8_t *b, uint64_t size, uint64_t at, bool j2k) {
    while (at + 4 <= size && b[at] == 0xFF) {
        uint8_t marker = b[at + 1];
        if (!j2k && marker == 0xFF) {
            at++;
            continue;
        }
        bool comment = j2k ? marker == 0x64 : marker == 0xFE || (marker >= 0xE0 && marker <= 0xEF);
        if (!comment) break;
        at += 2 + (uint64_t)(b[at + 2] << 8 | b[at + 3]);
    }
    return at;
}

/* True when frame and scan name none of the quantisation or Huffman tables of the segment at `at`: a decoder forgets them. */
static bool is_unused_table(const uint8_t *b, uint64_t size, uint64_t at) {
    if (at + 4 > size || b[at] != 0xFF || (b[at + 1] != 0xDB && b[at + 1] != 0xC4)) return false;
    const bool huffman = b[at + 1] == 0xC4;
    uint32_t used = 0; /* bits 0 to 15: quantisers or DC tables, 16 to 31: AC tables */
    bool frame = false;
    unsigned components = 0;
    for (uint64_t s = 2; s + 4 <= size && b[s] == 0xFF; s += 2 + (uint64_t)(b[s + 2] << 8 | b[s + 3])) {
        const uint64_t length = (uint64_t)(b[s + 2] << 8 | b[s + 3]);
        if (s + 2 + length > size || b[s + 1] == 0xC2) return false; /* scans of a progressive stream have tables of their own */
        if ((b[s + 1] == 0xC0 || b[s + 1] == 0xC1) && length >= 8 && length >= 8 + 3u * b[s + 9]) {
            frame = true;
            components = b[s + 9];
            for (unsigned i = 0; !huffman && i < b[s + 9]; i++) used |= 1u << (b[s + 12 + 3 * i] & 15);
        }
        if (b[s + 1] != 0xDA) continue;
        if (length < 6 || length < 6 + 2u * b[s + 4] || b[s + 4] != components) return false; /* other scans follow, with tables of their own */
        for (unsigned i = 0; huffman && i < b[s + 4]; i++) used |= 1u << (b[s + 6 + 2 * i] >> 4) | 1u << (16 + (b[s + 6 + 2 * i] & 15));
        break;
    }
    for (uint64_t t = at + 4, end = at + 2 + (uint64_t)(b[at + 2] << 8 | b[at + 3]); frame && t < end && end <= size;) {
        if (used >> ((b[t] & 15) + (huffman && b[t] >> 4 ? 16 : 0)) & 1) return false;
        uint64_t next = t + (huffman ? 17u : b[t] >> 4 ? 129u : 65u);
        for (unsigned i = 1; huffman && i <= 16 && t + i < end; i++) next += b[t + i];
        t = next;
    }
    return frame;
}

/* True when `out` is `in` without comments, application segments, tables that nothing uses and bytes behind its end. */
static bool same_pixels(const uint8_t *in, uint64_t in_size, const uint8_t *out, uint64_t out_size, uint64_t compression) {
    bool jpeg = compression == 7, j2k = compression == 33003 || compression == 33005 || compression == 34712;
    if (!jpeg && !j2k) return out_size < in_size && memcmp(in, out, (size_t)out_size) == 0;
    uint64_t i = 2, o = 2;
    if (in_size < 4 || out_size < 4 || memcmp(in, out, 2) != 0) return false;
    for (;;) {
        i = skip_comments(in, in_size, i, j2k);
        o = skip_comments(out, out_size, o, j2k);
        if (o >= out_size) return true;
        if (jpeg && is_unused_table(in, in_size, i)) {
            i += 2 + (uint64_t)(in[i + 2] << 8 | in[i + 3]);
            continue;
        }
        if (i + 4 > in_size || o + 4 > out_size || in[i + 1] != out[o + 1])
            return i + 2 <= in_size && o + 2 == out_size && memcmp(in + i, out + o, 2) == 0;
        uint8_t marker = in[i + 1];
        if (marker == 0xDA || (j2k && marker == 0x90)) return out_size - o <= in_size - i && memcmp(in + i, out + o, (size_t)(out_size - o)) == 0;
        uint64_t length = 2 + (uint64_t)(in[i + 2] << 8 | in[i + 3]);
        if (i + length > in_size || o + length > out_size || memcmp(in + i, out + o, (size_t)length) != 0) return false;
        i += length;
        o += length;
    }
}

/* The boxes that regions make on an image, two pixels wider than the writer's: in pixels of the image. NULL and 0 when there are none. */
static lethe_status boxes_on(const image *im, const image *first, size_t number_in_file, const lethe_verify_options *options, lethe_level_box **boxes,
                             size_t *count, lethe_error *error) {
    *boxes = NULL;
    *count = 0;
    if (!options->region_count || !im->width || !im->height || im->width > INT32_MAX || im->height > INT32_MAX) return LETHE_OK;
    double fx = (double)first->width / (double)im->width, fy = (double)first->height / (double)im->height;
    if (strcmp(options->format, "philips") == 0) fx = fy = exp2(round(log2((fx + fy) / 2)));
    const lethe_level_part whole = {.box = {0, 0, (int64_t)im->width, (int64_t)im->height}, .across_l0 = fx, .down_l0 = fy};
    const lethe_level_map alone = {&whole, 1}, *map = number_in_file < options->map_count ? options->maps[number_in_file] : &alone;
    if (!map) return LETHE_OK;
    for (int pass = 0; pass < 2; pass++) {
        size_t found = 0;
        for (size_t p = 0; p < map->count; p++)
            for (size_t i = 0; i < options->region_count; i++) {
                lethe_level_box box;
                if (!lethe_region_on_part(&options->regions[i], &map->parts[p], &box)) continue;
                if (*boxes) (*boxes)[found] = (lethe_level_box){box.x - 2, box.y - 2, box.width + 4, box.height + 4};
                found++;
            }
        *count = found;
        if (!found || *boxes) return LETHE_OK;
        *boxes = lethe_alloc_array(found, sizeof **boxes);
        if (!*boxes) return lethe_fail(error, LETHE_NO_MEMORY, "out of memory");
    }
    return LETHE_OK;
}

/* May tile `index` differ? Only when a box touches it. */
static bool is_touched(const image *im, const lethe_level_box *boxes, size_t box_count, uint64_t index) {
    if (!box_count || !im->tiled || !im->tile_width || !im->tile_height) return false;
    uint64_t across = (im->width + im->tile_width - 1) / im->tile_width, down = (im->height + im->tile_height - 1) / im->tile_height;
    uint64_t place = index % (across * down);
    int64_t left = (int64_t)(place % across * im->tile_width), top = (int64_t)(place / across * im->tile_height);
    for (size_t i = 0; i < box_count; i++)
        if (boxes[i].x < left + (int64_t)im->tile_width && boxes[i].x + boxes[i].width > left && boxes[i].y < top + (int64_t)im->tile_height &&
            boxes[i].y + boxes[i].height > top)
            return true;
    return false;
}

/* Tiles of an image of the output beside those of the input. */
typedef struct comparison {
    const file *in, *out;
    const image *from, *to;
    const lethe_level_box *boxes; /* tiles that they touch may differ */
    size_t box_count;
    uint64_t done_bytes; /* of the output, for `progress` */
    const lethe_verify_options *options;
    lethe_verify_report *report;
    lethe_error *error;
} comparison;

static lethe_status compare_image(comparison *c) {
    const file *in = c->in, *out = c->out;
    const image *from = c->from, *to = c->to;
    lethe_verify_report *report = c->report;
    lethe_error *error = c->error;
    uint64_t released = 0;
    for (uint64_t i = 0; i < to->segments; i++) {
        uint64_t in_at = number(in, &from->offsets, i), in_length = number(in, &from->counts, i);
        uint64_t out_at = number(out, &to->offsets, i), out_length = number(out, &to->counts, i);
        if (!in_at) in_length = 0;
        if (!in_length && !out_length) continue;
        if (in_at > in->size || in_length > in->size - in_at)
            return lethe_fail(error, LETHE_UNSAFE, "output: tile %" PRIu64 " has no counterpart", i);
        bool known = in_length == out_length && c->options->ledger && lethe_ledger_holds(c->options->ledger, in_at, out_at, out_length);
        bool same = known || (in_length == out_length && memcmp(in->bytes + in_at, out->bytes + out_at, (size_t)in_length) == 0);
        if (!same && is_touched(to, c->boxes, c->box_count, i)) {
            report->tiles_redacted++;
            continue;
        }
        if (!same && c->box_count && !to->tiled && to->segments == 1 && to->compression == 7) {
            lethe_status status = lethe_verify_strip(in->bytes + in_at, in_length, out->bytes + out_at, out_length, to->width, c->boxes, c->box_count,
                                                     &report->tiles_redacted, error);
            if (status != LETHE_OK) return status;
            report->tiles_compared++;
            continue;
        }
        if (!same && !same_pixels(in->bytes + in_at, in_length, out->bytes + out_at, out_length, to->compression))
            return lethe_fail(error, LETHE_UNSAFE, "output: tile %" PRIu64 " differs from the input's", i);
        report->tiles_compared++;
        if (known) continue;
        released += out_length;
        if (released > RELEASE_BYTES) {
            forget(in->bytes, in_at - (in_at < released ? in_at : released), in_at + in_length);
            forget(out->bytes, out_at - (out_at < released ? out_at : released), out_at + out_length);
            c->done_bytes += released;
            released = 0;
            if (c->options->progress) c->options->progress(c->options->progress_context, c->done_bytes, out->size);
        }
    }
    c->done_bytes += released;
    return LETHE_OK;
}

static lethe_status compare_images(const file *in, image_list *from, const file *out, image_list *to, const lethe_verify_options *options,
                                   lethe_verify_report *report, lethe_error *error) {
    unsigned unmatched = 0;
    comparison c = {.in = in, .out = out, .options = options, .report = report, .error = error};
    for (size_t i = 0; i < to->count; i++) {
        image *wanted = &to->images[i];
        image *match = NULL;
        bool made = i + options->made_last >= to->count;
        for (size_t k = 0; k < from->count && !match && !made; k++) {
            image *candidate = &from->images[k];
            if (!candidate->used && candidate->width == wanted->width && candidate->height == wanted->height && candidate->tiled == wanted->tiled &&
                candidate->tile_width == wanted->tile_width && candidate->tile_height == wanted->tile_height &&
                candidate->compression == wanted->compression && candidate->segments == wanted->segments)
                match = candidate;
        }
        if (!match) {
            if (++unmatched > options->made_images) return lethe_fail(error, LETHE_UNSAFE, "output: directory %zu is not one of the input", i);
            continue;
        }
        match->used = true;
        lethe_level_box *boxes;
        size_t box_count;
        lethe_status status = boxes_on(wanted, &from->images[0], i, options, &boxes, &box_count, error);
        c.from = match, c.to = wanted, c.boxes = boxes, c.box_count = box_count;
        if (status == LETHE_OK) status = compare_image(&c);
        lethe_free(boxes);
        if (status != LETHE_OK) return status;
    }
    if (options->progress) options->progress(options->progress_context, out->size, out->size);
    return LETHE_OK;
}

/* --- nothing of what was removed --- */

static lethe_status search_pixels(const uint8_t *bytes, uint64_t size, const lethe_search *search, lethe_error *error) {
    lethe_scan *scan;
    lethe_status status = lethe_scan_start(bytes, size, search, &scan, error);
    return status == LETHE_OK ? lethe_scan_finish(scan, error) : status;
}

static lethe_status search_text(const uint8_t *bytes, uint64_t start, uint64_t end, const lethe_search *search, lethe_error *error) {
    lethe_search_hit hit;
    if (lethe_search_run(search, LETHE_SEARCH_TEXT, bytes + start, end - start, &hit))
        return lethe_fail(error, LETHE_UNSAFE, "output: a removed value (number %zu) stands at offset %" PRIu64, hit.value + 1, start + hit.offset);
    return LETHE_OK;
}

/* Texts as text; everything, across all borders, is searched as pixels by the scan. */
static lethe_status search_texts(const file *f, const range_list *list, const lethe_search *search, lethe_error *error) {
    lethe_status status = LETHE_OK;
    for (size_t i = 0; status == LETHE_OK && i < list->count; i++)
        if (list->ranges[i].kind == RANGE_TEXT) status = search_text(f->bytes, list->ranges[i].start, list->ranges[i].end, search, error);
    return status;
}

/* All that the ledger does not speak of, with what stands around it. */
static lethe_status search_rest(const uint8_t *bytes, uint64_t size, const lethe_ledger *ledger, const lethe_search *search, lethe_error *error) {
    const uint64_t overlap = lethe_search_overlap(search);
    uint64_t at = 0;
    lethe_status status = LETHE_OK;
    for (size_t i = 0; status == LETHE_OK && i <= ledger->count; i++) {
        const lethe_ledger_run *next = i < ledger->count ? &ledger->runs[i] : NULL;
        uint64_t end = next ? next->out : size;
        if (end < at || end > size) return lethe_fail(error, LETHE_INTERNAL, "what was searched does not fit the output");
        if (end > at || (next && next->apart) || (i && ledger->runs[i - 1].apart)) {
            uint64_t from = at > overlap ? at - overlap : 0, to = size - end > overlap ? end + overlap : size;
            lethe_search_hit hit;
            if (lethe_search_run(search, LETHE_SEARCH_PIXELS, bytes + from, to - from, &hit))
                status = lethe_fail(error, LETHE_UNSAFE, "output: a removed value (number %zu) stands at offset %" PRIu64, hit.value + 1,
                                    from + hit.offset);
        }
        if (next) at = next->out + next->bytes;
    }
    return status;
}

lethe_status lethe_verify_search(const uint8_t *bytes, uint64_t size, const lethe_search *search, lethe_error *error) {
    enum { EDGE = 64 << 10, SMALL = 1 << 20 };
    if (size <= SMALL) return search_text(bytes, 0, size, search, error);
    lethe_status status = search_text(bytes, 0, EDGE, search, error);
    if (status == LETHE_OK) status = search_pixels(bytes, size, search, error);
    return status == LETHE_OK ? search_text(bytes, size - EDGE, size, search, error) : status;
}

lethe_status lethe_verify_tiff(const uint8_t *bytes, uint64_t size, const lethe_verify_options *options, lethe_verify_report *report,
                               lethe_error *error) {
    *report = (lethe_verify_report){0};
    file out = file_of(bytes, size, options->format), in = {0};
    image_list images = {0}, sources = {0};
    range_list ranges = {0};
    lethe_status status = size < 16 ? lethe_fail(error, LETHE_UNSAFE, "output: too short") : read_images(&out, &images, error);
    if (status == LETHE_OK) status = add_range(&ranges, 0, out.big ? 16 : out.ndpi ? 12 : 8, RANGE_STRUCTURE, error);
    for (size_t i = 0; status == LETHE_OK && i < images.count; i++)
        status = account_image(&out, &images.images[i], options->format, &ranges, report, error);
    if (status == LETHE_OK) status = check_cover(&out, &ranges, report, error);
    report->directories = images.count;
    /* A thread searches while tiles are compared. */
    lethe_scan *scan = NULL;
    if (status == LETHE_OK && options->search && options->ledger) status = search_rest(bytes, size, options->ledger, options->search, error);
    else if (status == LETHE_OK && options->search) status = lethe_scan_start(bytes, size, options->search, &scan, error);
    if (status == LETHE_OK && options->source) {
        in = file_of(options->source, options->source_size, options->format);
        status = read_images(&in, &sources, error);
        if (status == LETHE_OK) status = compare_images(&in, &sources, &out, &images, options, report, error);
    }
    if (status == LETHE_OK && options->search) status = search_texts(&out, &ranges, options->search, error);
    if (status == LETHE_OK && scan) status = lethe_scan_finish(scan, error);
    else lethe_scan_cancel(scan);
    release_images(&images);
    release_images(&sources);
    lethe_free(ranges.ranges);
    return status;
}
