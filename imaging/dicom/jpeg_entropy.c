#include "imaging/dicom/jpeg_entropy.h"

#include <string.h>

/* Zigzag order (ISO 10918-1 figure 5): natural index of the k-th coefficient. */
static const uint8_t zigzag[64] = {0,  1,  8,  16, 9,  2,  3,  10, 17, 24, 32, 25, 18, 11, 4,  5,  12, 19, 26, 33, 40, 48,
                                   41, 34, 27, 20, 13, 6,  7,  14, 21, 28, 35, 42, 49, 56, 57, 50, 43, 36, 29, 22, 15, 23,
                                   30, 37, 44, 51, 58, 59, 52, 45, 38, 31, 39, 46, 53, 60, 61, 54, 47, 55, 62, 63};

typedef struct huffman {
    uint32_t frequency[257];
    uint8_t bits[17], values[256], length[256];
    uint16_t code[256];
    unsigned count;
} huffman;

typedef struct coder {
    struct jpeg_decompress_struct *in;
    jvirt_barray_ptr *arrays;
    lethe_buffer *out;
    lethe_error *error;
    lethe_status status;
    huffman dc[2], ac[2]; /* luminance and the rest */
    bool counting;
    uint64_t pending;
    unsigned pending_bits;
    int last_dc[4];
    unsigned restarts;
} coder;

static void put_byte(coder *c, unsigned value) {
    uint8_t byte = (uint8_t)value;
    if (c->status == LETHE_OK) c->status = lethe_buffer_append(c->out, &byte, 1, c->error);
}
static void put_word(coder *c, unsigned value) {
    put_byte(c, value >> 8);
    put_byte(c, value & 255);
}

static void put_bits(coder *c, unsigned value, unsigned count) {
    c->pending = c->pending << count | (value & ((1u << count) - 1));
    c->pending_bits += count;
    while (c->pending_bits >= 8) {
        unsigned byte = (unsigned)(c->pending >> (c->pending_bits - 8)) & 255;
        put_byte(c, byte);
        if (byte == 0xFF) put_byte(c, 0);
        c->pending_bits -= 8;
    }
}
static void flush_bits(coder *c) {
    if (c->pending_bits > 0) put_bits(c, 0x7F, 8 - c->pending_bits);
    c->pending = 0;
    c->pending_bits = 0;
}

static void put_symbol(coder *c, huffman *table, unsigned symbol) {
    if (c->counting) table->frequency[symbol]++;
    else put_bits(c, table->code[symbol], table->length[symbol]);
}

static unsigned size_of(int value) {
    unsigned magnitude = (unsigned)(value < 0 ? -value : value), bits = 0;
    while (magnitude != 0) {
        bits++;
        magnitude >>= 1;
    }
    return bits;
}
static void put_value(coder *c, int value, unsigned bits) {
    if (!c->counting && bits > 0) put_bits(c, (unsigned)(value < 0 ? value - 1 : value), bits);
}

static void put_block(coder *c, const JCOEF *block, int component) {
    huffman *dc = &c->dc[component > 0], *ac = &c->ac[component > 0];
    int difference = block[0] - c->last_dc[component];
    c->last_dc[component] = block[0];
    unsigned bits = size_of(difference), run = 0;
    put_symbol(c, dc, bits);
    put_value(c, difference, bits);
    for (unsigned k = 1; k < 64; k++) {
        int value = block[zigzag[k]];
        if (value == 0) {
            run++;
            continue;
        }
        for (; run > 15; run -= 16) put_symbol(c, ac, 0xF0);
        bits = size_of(value);
        put_symbol(c, ac, run << 4 | bits);
        put_value(c, value, bits);
        run = 0;
    }
    if (run > 0) put_symbol(c, ac, 0);
}

/* Code lengths of at most 16 bits from frequencies (K.2), with one code point kept free so that no code is all ones. */
static void build_table(huffman *t) {
    uint32_t frequency[257];
    int others[257];
    unsigned size[257] = {0}, bits[64] = {0};
    memcpy(frequency, t->frequency, sizeof frequency);
    frequency[256] = 1;
    for (int i = 0; i < 257; i++) others[i] = -1;
    for (;;) {
        int a = -1, b = -1;
        for (int i = 0; i < 257; i++)
            if (frequency[i] != 0 && (a < 0 || frequency[i] <= frequency[a])) a = i;
        for (int i = 0; i < 257; i++)
            if (frequency[i] != 0 && i != a && (b < 0 || frequency[i] <= frequency[b])) b = i;
        if (b < 0) break;
        frequency[a] += frequency[b];
        frequency[b] = 0;
        int i = a;
        for (size[i]++; others[i] >= 0; size[i]++) i = others[i];
        others[i] = b;
        for (i = b, size[i]++; others[i] >= 0; size[i]++) i = others[i];
    }
    for (int i = 0; i < 257; i++)
        if (size[i] > 0) bits[size[i] < 63 ? size[i] : 63]++;
    for (unsigned i = 63; i > 16; i--)
        while (bits[i] > 0) {
            unsigned j = i - 2;
            while (bits[j] == 0) j--;
            bits[i] -= 2;
            bits[i - 1]++;
            bits[j + 1] += 2;
            bits[j]--;
        }
    unsigned longest = 16;
    while (longest > 0 && bits[longest] == 0) longest--;
    if (longest > 0) bits[longest]--; /* the reserved point */
    t->count = 0;
    for (unsigned length = 1; length <= 63; length++)
        for (unsigned symbol = 0; symbol < 256; symbol++)
            if (size[symbol] == length) t->values[t->count++] = (uint8_t)symbol;
    unsigned code = 0, at = 0;
    for (unsigned length = 1; length <= 16; length++) {
        t->bits[length] = (uint8_t)bits[length];
        for (unsigned i = 0; i < bits[length] && at < t->count; i++, at++, code++) {
            t->code[t->values[at]] = (uint16_t)code;
            t->length[t->values[at]] = (uint8_t)length;
        }
        code <<= 1;
    }
}

static void put_table(coder *c, const huffman *t, unsigned id) {
    put_word(c, 0xFFC4);
    put_word(c, 2 + 17 + t->count);
    put_byte(c, id);
    for (unsigned i = 1; i <= 16; i++) put_byte(c, t->bits[i]);
    for (unsigned i = 0; i < t->count; i++) put_byte(c, t->values[i]);
}

static void put_head(coder *c, unsigned precision) {
    struct jpeg_decompress_struct *in = c->in;
    put_word(c, 0xFFD8);
    if (in->saw_Adobe_marker) {
        static const uint8_t adobe[] = {0xFF, 0xEE, 0, 14, 'A', 'd', 'o', 'b', 'e', 0, 100, 0, 0, 0, 0};
        for (unsigned i = 0; i < sizeof adobe; i++) put_byte(c, adobe[i]);
        put_byte(c, in->Adobe_transform);
    }
    for (unsigned q = 0; q < NUM_QUANT_TBLS; q++) {
        const JQUANT_TBL *table = in->quant_tbl_ptrs[q];
        if (table == NULL) continue;
        put_word(c, 0xFFDB);
        put_word(c, 2 + 1 + 128);
        put_byte(c, 0x10 | q);
        for (unsigned i = 0; i < 64; i++) put_word(c, table->quantval[zigzag[i]]);
    }
    put_word(c, 0xFFC1);
    put_word(c, 8 + 3 * (unsigned)in->num_components);
    put_byte(c, precision);
    put_word(c, in->image_height);
    put_word(c, in->image_width);
    put_byte(c, (unsigned)in->num_components);
    for (int i = 0; i < in->num_components; i++) {
        put_byte(c, (unsigned)in->comp_info[i].component_id);
        put_byte(c, (unsigned)(in->comp_info[i].h_samp_factor << 4 | in->comp_info[i].v_samp_factor));
        put_byte(c, (unsigned)in->comp_info[i].quant_tbl_no);
    }
    unsigned sets = in->num_components > 1 ? 2 : 1;
    for (unsigned i = 0; i < sets; i++) {
        put_table(c, &c->dc[i], i);
        put_table(c, &c->ac[i], 0x10 | i);
    }
    if (in->restart_interval > 0) {
        put_word(c, 0xFFDD);
        put_word(c, 4);
        put_word(c, in->restart_interval);
    }
    put_word(c, 0xFFDA);
    put_word(c, 6 + 2 * (unsigned)in->num_components);
    put_byte(c, (unsigned)in->num_components);
    for (int i = 0; i < in->num_components; i++) {
        put_byte(c, (unsigned)in->comp_info[i].component_id);
        put_byte(c, i > 0 ? 0x11 : 0x00);
    }
    put_byte(c, 0);
    put_byte(c, 63);
    put_byte(c, 0);
}

/* All blocks in scan order: one component block by block, several MCU by MCU. Blocks that only pad the MCU repeat the last DC. */
static void put_scan(coder *c) {
    struct jpeg_decompress_struct *in = c->in;
    memset(c->last_dc, 0, sizeof c->last_dc);
    c->restarts = 0;
    bool single = in->num_components == 1;
    JDIMENSION across = single ? in->comp_info[0].width_in_blocks
                               : (in->image_width + 8u * (unsigned)in->max_h_samp_factor - 1) / (8u * (unsigned)in->max_h_samp_factor);
    JDIMENSION down = single ? in->comp_info[0].height_in_blocks
                             : (in->image_height + 8u * (unsigned)in->max_v_samp_factor - 1) / (8u * (unsigned)in->max_v_samp_factor);
    unsigned since = 0;
    for (JDIMENSION y = 0; y < down && c->status == LETHE_OK; y++)
        for (JDIMENSION x = 0; x < across; x++) {
            if (in->restart_interval > 0 && since == in->restart_interval) {
                if (!c->counting) {
                    flush_bits(c);
                    put_word(c, 0xFFD0 + (c->restarts & 7));
                }
                c->restarts++;
                memset(c->last_dc, 0, sizeof c->last_dc);
                since = 0;
            }
            since++;
            for (int i = 0; i < in->num_components; i++) {
                const jpeg_component_info *component = &in->comp_info[i];
                int h = single ? 1 : component->h_samp_factor, v = single ? 1 : component->v_samp_factor;
                for (int by = 0; by < v; by++)
                    for (int bx = 0; bx < h; bx++) {
                        JDIMENSION column = x * (JDIMENSION)h + (JDIMENSION)bx, row = y * (JDIMENSION)v + (JDIMENSION)by;
                        JCOEF padding[DCTSIZE2] = {0};
                        const JCOEF *block = padding;
                        padding[0] = (JCOEF)c->last_dc[i];
                        if (column < component->width_in_blocks && row < component->height_in_blocks) {
                            JBLOCKARRAY line = in->mem->access_virt_barray((j_common_ptr)in, c->arrays[i], row, 1, FALSE);
                            block = line[0][column];
                        }
                        put_block(c, block, i);
                    }
            }
        }
}

lethe_status lethe_jpeg_entropy_write(struct jpeg_decompress_struct *in, jvirt_barray_ptr *arrays, unsigned precision, lethe_buffer *out,
                                      lethe_error *error) {
    if (in->num_components > 4 || in->num_components < 1) return lethe_fail(error, LETHE_UNSUPPORTED, "JPEG of %d components", in->num_components);
    coder c = {.in = in, .arrays = arrays, .out = out, .error = error, .counting = true};
    put_scan(&c);
    for (unsigned i = 0; i < 2; i++) {
        build_table(&c.dc[i]);
        build_table(&c.ac[i]);
    }
    c.counting = false;
    put_head(&c, precision);
    put_scan(&c);
    flush_bits(&c);
    put_word(&c, 0xFFD9);
    return c.status;
}
