#include "imaging/dicom/jpeg_patch.h"

#include "core/memory.h"

#include <string.h>

enum { LOOK_BITS = 10, COMPONENTS = 4, FLAT_BITS = 11 };

typedef struct code_table {
    uint16_t look[1 << LOOK_BITS]; /* length << 8 | symbol; 0: longer than that */
    int32_t max_code[18];          /* by length; -1: none */
    int32_t offset[17];            /* index of the first value of a length, less its code */
    uint8_t values[256];
    uint16_t code[256];
    uint8_t length[256]; /* 0: the table has no code for it */
    bool defined;
} code_table;

typedef struct component {
    uint8_t id, h, v, quantisation;
    const code_table *dc, *ac;
    uint32_t across, down; /* blocks of the picture */
    int fill;              /* DC coefficient of a flat block */
    int last_in, last_out; /* DC of the block before, as it was and as it is */
} component;

/* Bits that are read and bits that are written. A block works on a copy of it, which stays in registers. */
typedef struct stream {
    const uint8_t *at, *end;
    uint64_t in;               /* bits from the top */
    unsigned in_bits, missing; /* missing: zero bits that were put in behind the last byte */
    uint64_t pending;          /* from the top, too */
    unsigned pending_bits;
    uint8_t *to; /* there is room for a row of MCUs: grow() */
} stream;

typedef struct patch {
    const lethe_jpeg_redaction *r;
    const uint8_t *bytes;
    size_t size, at; /* at: of the head only */
    code_table dc[4], ac[4];
    uint16_t first_step[4]; /* of the quantisation tables */
    component components[COMPONENTS];
    component *in_scan[COMPONENTS];
    unsigned count, scan_count, h_max, v_max, restart;
    bool jfif, adobe;
    uint8_t adobe_transform;
    stream s;
    uint8_t *marks; /* of a row of MCUs: the mask touches it */
    lethe_buffer *out;
    lethe_error *error;
} patch;

static unsigned be16(const uint8_t *at) { return (unsigned)at[0] << 8 | at[1]; }

/* --- head --- */

static bool read_codes(patch *p, const uint8_t *at, size_t size) {
    while (size > 0) {
        if (size < 17 || (at[0] & 0xEF) > 3) return false;
        code_table *t = at[0] >> 4 ? &p->ac[at[0] & 3] : &p->dc[at[0] & 3];
        unsigned total = 0;
        for (unsigned i = 1; i <= 16; i++) total += at[i];
        if (total > 256 || size < 17 + total) return false;
        *t = (code_table){.defined = true};
        memcpy(t->values, at + 17, total);
        int32_t code = 0;
        unsigned index = 0;
        for (unsigned length = 1; length <= 16; length++, code <<= 1) {
            t->offset[length] = (int32_t)index - code;
            for (unsigned i = 0; i < at[length]; i++, index++, code++) {
                uint8_t symbol = t->values[index];
                if (code >= 1 << length || t->length[symbol] != 0) return false;
                t->code[symbol] = (uint16_t)code;
                t->length[symbol] = (uint8_t)length;
                for (unsigned fill = 0; length <= LOOK_BITS && fill < 1u << (LOOK_BITS - length); fill++)
                    t->look[((unsigned)code << (LOOK_BITS - length)) + fill] = (uint16_t)(length << 8 | symbol);
            }
            t->max_code[length] = at[length] != 0 ? code - 1 : -1;
        }
        at += 17 + total;
        size -= 17 + total;
    }
    return true;
}

static bool read_quantisation(patch *p, const uint8_t *at, size_t size) {
    while (size > 0) {
        size_t need = at[0] >> 4 != 0 ? 129 : 65;
        if ((at[0] & 15) > 3 || size < need) return false;
        p->first_step[at[0] & 3] = (uint16_t)(at[0] >> 4 != 0 ? be16(at + 1) : at[1]);
        at += need;
        size -= need;
    }
    return true;
}

static bool read_frame(patch *p, const uint8_t *at, size_t size) {
    if (p->count != 0 || size < 6 || at[0] != 8 || be16(at + 1) != p->r->rows || be16(at + 3) != p->r->columns) return false;
    p->count = at[5];
    if (p->count < 1 || p->count > COMPONENTS || size != 6 + 3u * p->count) return false;
    for (unsigned i = 0; i < p->count; i++) {
        const uint8_t *c = at + 6 + 3 * i;
        component *to = &p->components[i];
        *to = (component){.id = c[0], .h = c[1] >> 4, .v = c[1] & 15, .quantisation = c[2]};
        if (to->h < 1 || to->h > 4 || to->v < 1 || to->v > 4 || to->quantisation > 3) return false;
        if (to->h > p->h_max) p->h_max = to->h;
        if (to->v > p->v_max) p->v_max = to->v;
    }
    return true;
}

static uint32_t ceil_div(uint64_t a, uint64_t b) { return (uint32_t)((a + b - 1) / b); }

static bool read_scan(patch *p, const uint8_t *at, size_t size) {
    if (p->count == 0 || size < 1 || at[0] != p->count || size != 4 + 2u * at[0]) return false;
    if (at[size - 3] != 0 || at[size - 2] != 63 || at[size - 1] != 0) return false;
    bool told = p->jfif || p->adobe, ycc = p->count == 3 && (told ? (p->jfif || p->adobe_transform != 0) : !p->r->is_rgb);
    p->scan_count = at[0];
    for (unsigned i = 0; i < p->scan_count; i++) {
        component *c = &p->components[i]; /* scans have the order of the frame (B.2.3) */
        const uint8_t *from = at + 1 + 2 * i;
        if (c->id != from[0] || (from[1] & 0xCC) != 0) return false;
        c->dc = &p->dc[from[1] >> 4];
        c->ac = &p->ac[from[1] & 15];
        c->across = ceil_div((uint64_t)p->r->columns * c->h, 8u * p->h_max);
        c->down = ceil_div((uint64_t)p->r->rows * c->v, 8u * p->v_max);
        int step = p->first_step[c->quantisation] < 1 ? 1 : p->first_step[c->quantisation];
        c->fill = ycc && i > 0 ? 0 : (p->r->white ? 127 : -128) * 8 / step;
        if (!c->dc->defined || !c->ac->defined || c->ac->length[0] == 0) return false;
        p->in_scan[i] = c;
    }
    return true;
}

/* A segment of the head: taken in, and copied when it says nothing but how samples are coded. */
static bool read_segment(patch *p, uint8_t marker, const uint8_t *payload, size_t size, bool *copy) {
    *copy = true;
    switch (marker) {
    case 0xC0:
    case 0xC1: return read_frame(p, payload, size);
    case 0xC4: return read_codes(p, payload, size);
    case 0xDB: return read_quantisation(p, payload, size);
    case 0xDD: p->restart = size == 2 ? be16(payload) : 0; return size == 2;
    case 0xE0:
        if (size < 5 || memcmp(payload, "JFIF", 5) != 0) return *copy = false, true;
        p->jfif = true;
        return size == 14 && payload[12] == 0 && payload[13] == 0;
    case 0xEE:
        if (size < 5 || memcmp(payload, "Adobe", 5) != 0) return *copy = false, true;
        p->adobe = true;
        p->adobe_transform = size == 12 ? payload[11] : 0;
        return size == 12;
    default: *copy = false; return marker == 0xFE || (marker >= 0xE0 && marker <= 0xEF);
    }
}

/* Up to the first entropy-coded byte. *usable false: another kind of stream. */
static lethe_status read_head(patch *p, bool *usable) {
    static const uint8_t soi[] = {0xFF, 0xD8};
    *usable = false;
    if (p->size < 4 || memcmp(p->bytes, soi, 2) != 0) return LETHE_OK;
    lethe_status status = lethe_buffer_append(p->out, soi, 2, p->error);
    for (p->at = 2; status == LETHE_OK && p->at + 4 <= p->size;) {
        const uint8_t *at = p->bytes + p->at;
        if (at[0] != 0xFF) return LETHE_OK;
        if (at[1] == 0xFF) {
            p->at++;
            continue;
        }
        size_t length = be16(at + 2);
        if (length < 2 || length > p->size - p->at - 2) return LETHE_OK;
        bool scan = at[1] == 0xDA, copy = true;
        if (!(scan ? read_scan(p, at + 4, length - 2) : read_segment(p, at[1], at + 4, length - 2, &copy))) return LETHE_OK;
        if (copy) status = lethe_buffer_append(p->out, at, length + 2, p->error);
        p->at += length + 2;
        *usable = scan;
        if (scan) return status;
    }
    return status;
}

/* --- bits --- */

static bool has_ff(uint64_t word) {
    uint64_t inverse = ~word; /* a byte FF is a zero byte of this */
    return ((inverse - 0x0101010101010101u) & ~inverse & 0x8080808080808080u) != 0;
}

/* At least 32 bits, zeros where the data ends or a marker stands. Eight bytes at once, whether they are needed or not: a jump that nobody can predict
 * costs more. Bits behind the last whole byte are put in again, as they are, by the next call. */
static inline void refill(stream *s) {
    if (s->end - s->at >= 8) {
        uint64_t word;
        memcpy(&word, s->at, sizeof word);
        word = __builtin_bswap64(word);
        if (!has_ff(word)) {
            unsigned whole = (63 - s->in_bits) / 8;
            s->in |= word >> s->in_bits;
            s->at += whole;
            s->in_bits += 8 * whole;
            return;
        }
    }
    if (s->in_bits >= 32) return;
    while (s->in_bits <= 56) {
        uint64_t byte = 0;
        if (s->at < s->end && *s->at != 0xFF) byte = *s->at++;
        else if (s->end - s->at > 1 && s->at[0] == 0xFF && s->at[1] == 0) {
            byte = 0xFF;
            s->at += 2;
        } else s->missing += 8;
        s->in |= byte << (56 - s->in_bits);
        s->in_bits += 8;
    }
}

static inline uint32_t take(stream *s, unsigned count) {
    uint32_t value = count == 0 ? 0 : (uint32_t)(s->in >> (64 - count));
    s->in <<= count;
    s->in_bits -= count;
    return value;
}

/* Up to 32 bits; what is pending before is less than a byte. */
static inline void put(stream *s, uint64_t value, unsigned count) {
    s->pending_bits += count;
    s->pending |= value << (64 - s->pending_bits);
    unsigned whole = s->pending_bits / 8;
    if (!has_ff(s->pending)) {
        uint64_t swapped = __builtin_bswap64(s->pending);
        memcpy(s->to, &swapped, sizeof swapped);
        s->to += whole;
    } else {
        for (unsigned i = 0; i < whole; i++) {
            uint8_t byte = (uint8_t)(s->pending >> (56 - 8 * i));
            *s->to++ = byte;
            if (byte == 0xFF) *s->to++ = 0;
        }
    }
    s->pending <<= 8 * whole;
    s->pending_bits %= 8;
}

static void flush(stream *s) {
    unsigned ones = (8 - s->pending_bits) % 8;
    if (ones != 0) put(s, (1u << ones) - 1, ones);
    s->pending = 0;
}

/* Length << 8 | symbol of the next code, which is not yet taken; 0: there is no such code. Needs 16 bits. */
static inline unsigned next_code(const stream *s, const code_table *t) {
    unsigned entry = t->look[s->in >> (64 - LOOK_BITS)];
    for (unsigned n = LOOK_BITS + 1; entry == 0 && n <= 16; n++) {
        int32_t value = (int32_t)(s->in >> (64 - n));
        if (t->max_code[n] < 0 || value > t->max_code[n] || t->offset[n] + value < 0) continue;
        entry = n << 8 | t->values[(t->offset[n] + value) & 255];
    }
    return entry;
}

/* --- blocks --- */

static bool put_difference(stream *s, const code_table *t, int difference) {
    unsigned magnitude = (unsigned)(difference < 0 ? -difference : difference), bits = 0;
    while (magnitude >> bits != 0) bits++;
    if (bits > FLAT_BITS || t->length[bits] == 0) return false;
    put(s, t->code[bits], t->length[bits]);
    if (bits > 0) put(s, (uint32_t)(difference < 0 ? difference - 1 : difference) & ((1u << bits) - 1), bits);
    return true;
}

/* The first coefficient, as its difference from the block before. */
static bool pass_dc(stream *s, component *c, bool flat, int dc) {
    refill(s);
    unsigned entry = next_code(s, c->dc), symbol = entry & 255, length = entry >> 8;
    if (entry == 0 || symbol > FLAT_BITS) return false;
    uint32_t code = take(s, length), extra = take(s, symbol);
    int difference = symbol == 0 ? 0 : extra >> (symbol - 1) != 0 ? (int)extra : (int)extra - (1 << symbol) + 1;
    c->last_in += difference;
    if (c->last_in < INT16_MIN || c->last_in > INT16_MAX) return false; /* no picture has that: only a sum that is meant to run over */
    int now = flat ? dc : c->last_in;
    if (now - c->last_out == difference && !flat) put(s, (uint64_t)code << symbol | extra, length + symbol);
    else if (!put_difference(s, c->dc, now - c->last_out)) return false;
    c->last_out = now;
    return true;
}

/* One block from the input to the output; `flat`: its own content goes, and `dc` stays. */
static bool pass_block(patch *p, component *c, bool flat, int dc) {
    stream own = p->s, *s = &own;
    const code_table *ac = c->ac;
    if (!pass_dc(s, c, flat, dc)) return false;
    for (unsigned k = 1; k < 64; k++) {
        refill(s);
        unsigned entry = next_code(s, ac), symbol = entry & 255,
                 whole = (entry >> 8) + (symbol & 15); /* the code and what follows it: 31 bits at most */
        if (entry == 0) return false;
        uint32_t bits = take(s, whole);
        if (!flat) put(s, bits, whole);
        if ((symbol & 15) == 0 && symbol != 0xF0) {
            if (symbol != 0) return false; /* a run of blocks: progressive only */
            break;
        }
        k += symbol >> 4;
        if (k > 63) return false;
    }
    if (flat) put(s, ac->code[0], ac->length[0]);
    p->s = own;
    return own.missing <= own.in_bits; /* no bit was read that is not there */
}

/* Does the mask touch the pixels that a block reaches? As jpeg_blocks.c has it. */
static bool touched(const patch *p, const component *c, uint32_t bx, uint32_t by) {
    const lethe_jpeg_redaction *r = p->r;
    uint64_t x0 = (uint64_t)bx * p->h_max * 8 / c->h, x1 = ((uint64_t)bx + 1) * p->h_max * 8 / c->h;
    uint64_t y0 = (uint64_t)by * p->v_max * 8 / c->v, y1 = ((uint64_t)by + 1) * p->v_max * 8 / c->v;
    if (x1 > r->columns) x1 = r->columns;
    if (y1 > r->rows) y1 = r->rows;
    if (x0 >= x1) return false;
    for (uint64_t y = y0; y < y1; y++)
        if (memchr(r->mask + y * r->columns + x0, 1, (size_t)(x1 - x0)) != NULL) return true;
    return false;
}

/* Most MCUs are far from any box: their blocks need not be asked one by one. */
static void mark_row(patch *p, uint32_t y, uint32_t across) {
    const lethe_jpeg_redaction *r = p->r;
    uint32_t width = p->scan_count == 1 ? 8 : 8u * p->h_max, height = p->scan_count == 1 ? 8 : 8u * p->v_max;
    memset(p->marks, 0, across);
    for (uint32_t line = y * height; line < (y + 1) * height && line < r->rows; line++) {
        const uint8_t *row = r->mask + (size_t)line * r->columns, *hit = memchr(row, 1, r->columns);
        while (hit != NULL) {
            uint32_t x = (uint32_t)(hit - row) / width, next = (x + 1) * width;
            if (x < across) p->marks[x] = 1;
            hit = next < r->columns ? memchr(row + next, 1, r->columns - next) : NULL;
        }
    }
}

static bool pass_mcu(patch *p, uint32_t x, uint32_t y) {
    bool single = p->scan_count == 1;
    for (unsigned i = 0; i < p->scan_count; i++) {
        component *c = p->in_scan[i];
        unsigned h = single ? 1 : c->h, v = single ? 1 : c->v;
        for (unsigned by = 0; by < v; by++)
            for (unsigned bx = 0; bx < h; bx++) {
                uint32_t column = x * h + bx, row = y * v + by;
                bool padding = column >= c->across || row >= c->down; /* shown by nobody, but a copy of what stands beside it */
                bool flat = padding || (p->marks[x] != 0 && touched(p, c, column, row));
                if (!pass_block(p, c, flat, padding ? c->last_out : c->fill)) return false;
            }
    }
    return true;
}

/* Room for a row of MCUs: no block has more than 64 codes of 16 + 15 bits, each byte of which may need another behind it. */
static lethe_status grow(patch *p, uint32_t across) {
    size_t blocks = 0;
    for (unsigned i = 0; i < p->scan_count; i++) blocks += (size_t)p->in_scan[i]->h * p->in_scan[i]->v;
    size_t need = blocks * across * 512 + 64, have = p->out->size;
    lethe_status status = lethe_buffer_extend(p->out, need, &p->s.to, p->error);
    if (status == LETHE_OK) p->out->size = have;
    return status;
}

static void keep_written(patch *p) { p->out->size = (size_t)(p->s.to - p->out->bytes); }

/* The next marker at or behind `at`; the end when there is none. */
static const uint8_t *find_marker(const uint8_t *at, const uint8_t *end) {
    while (end - at > 1 && !(at[0] == 0xFF && at[1] != 0 && at[1] != 0xFF)) at++;
    return end - at > 1 ? at : end;
}

static bool pass_restart(patch *p, unsigned number) {
    stream *s = &p->s;
    flush(s);
    s->in = 0;
    s->in_bits = s->missing = 0;
    s->at = find_marker(s->at, s->end); /* what is left of the interval belongs to no block */
    if (s->at == s->end || s->at[1] != 0xD0 + number) return false;
    s->at += 2;
    *s->to++ = 0xFF;
    *s->to++ = (uint8_t)(0xD0 + number);
    for (unsigned i = 0; i < p->scan_count; i++) p->in_scan[i]->last_in = p->in_scan[i]->last_out = 0;
    return true;
}

/* `passed` false: a stream that is damaged or has no code for what is to be written. */
static lethe_status pass_blocks(patch *p, bool *passed) {
    bool single = p->scan_count == 1;
    uint32_t across = single ? p->in_scan[0]->across : ceil_div(p->r->columns, 8u * p->h_max);
    uint32_t down = single ? p->in_scan[0]->down : ceil_div(p->r->rows, 8u * p->v_max);
    unsigned left = p->restart, number = 0;
    *passed = false;
    p->s = (stream){.at = p->bytes + p->at, .end = p->bytes + p->size};
    p->marks = lethe_alloc_array(across, 1);
    if (p->marks == NULL) return lethe_fail(p->error, LETHE_NO_MEMORY, "no memory for a JPEG frame");
    for (uint32_t y = 0; y < down; y++) {
        lethe_status status = grow(p, across);
        if (status != LETHE_OK) return status;
        mark_row(p, y, across);
        for (uint32_t x = 0; x < across; x++) {
            if (p->restart != 0 && left-- == 0) {
                if (!pass_restart(p, number)) return LETHE_OK;
                number = (number + 1) & 7;
                left = p->restart - 1;
            }
            if (!pass_mcu(p, x, y)) return LETHE_OK;
        }
        keep_written(p);
    }
    flush(&p->s);
    keep_written(p);
    *passed = true;
    return LETHE_OK;
}

/* One scan is all: the next marker is the end. */
static bool ends_here(const patch *p) {
    const uint8_t *at = find_marker(p->s.at, p->s.end);
    return at != p->s.end && at[1] == 0xD9;
}

lethe_status lethe_jpeg_patch(const uint8_t *bytes, size_t size, const lethe_jpeg_redaction *redaction, bool *done, lethe_buffer *out,
                              lethe_error *error) {
    size_t start = out->size;
    *done = false;
    patch *p = lethe_alloc_array(1, sizeof *p);
    if (p == NULL) return lethe_fail(error, LETHE_NO_MEMORY, "no memory for a JPEG frame");
    p->r = redaction;
    p->bytes = bytes;
    p->size = size;
    p->out = out;
    p->error = error;
    bool usable = false;
    lethe_status status = read_head(p, &usable);
    if (status == LETHE_OK && usable) status = pass_blocks(p, &usable);
    if (status == LETHE_OK && usable && ends_here(p)) {
        status = lethe_buffer_append(out, "\xFF\xD9", 2, error);
        *done = status == LETHE_OK;
    }
    if (!*done) out->size = start;
    lethe_free(p->marks);
    lethe_free(p);
    return status;
}
