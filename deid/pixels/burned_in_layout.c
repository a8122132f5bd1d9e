/* Is every byte of the pixel data a sample, or at least known to be none? What cannot be followed is not released, whatever the modality. */
#include "deid/pixels/burned_in_internal.h"

#include "core/limits.h"
#include "core/text.h"
#include "imaging/dicom/stream_text.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

static void refuse(lethe_pixel_decision *decision, const char *why) {
    decision->verdict = LETHE_PIXELS_QUARANTINE;
    (void)snprintf(decision->reason, sizeof decision->reason, "pixel data cannot be read: %.120s", why);
}

/* One object has pixel data of one kind (PS3.3 C.7.6.3, C.7.6.24, C.7.6.25); a second one would never be looked at. */
static bool has_two_kinds(const lethe_dicom_dataset *dataset) {
    static const lethe_tag kinds[] = {LETHE_TAG(0x7FE0, 0x0008), LETHE_TAG(0x7FE0, 0x0009), LETHE_TAG(0x7FE0, 0x0010)};
    unsigned count = 0;
    for (unsigned i = 0; i < 3; i++) {
        const lethe_dicom_element *element = lethe_dicom_find(dataset->root, kinds[i]);
        count += element != NULL && (element->form != LETHE_DICOM_LEAF || element->value_bytes != 0);
    }
    return count > 1;
}

/* What is wrong with the form in which frames are stored; NULL: nothing. */
static const char *wrong_form(const lethe_dicom_dataset *dataset, const lethe_pixels_info *info) {
    lethe_dicom_encoding encoding;
    bool deflated, encapsulated;
    (void)lethe_transfer_syntax_encoding(dataset->transfer_syntax, &encoding, &deflated, &encapsulated);
    if (has_two_kinds(dataset)) return "there is pixel data of two kinds";
    if (info->encapsulated && info->codec == LETHE_CODEC_UNKNOWN) return "nobody here can follow its transfer syntax (0002,0010)";
    if (!info->encapsulated && encapsulated && dataset->transfer_syntax[0] != '\0') return "its transfer syntax (0002,0010) asks for fragments";
    /* GE's own: a little-endian data set with big-endian samples. */
    if (strcmp(dataset->transfer_syntax, "1.2.840.113619.5.2") == 0 && info->bits_allocated > 8) return "its samples are in an order of their own";
    return NULL;
}

static lethe_status look_at_streams(lethe_pixels *pixels, lethe_pixel_decision *decision, lethe_error *error) {
    const lethe_pixels_info *info = lethe_pixels_describe(pixels);
    lethe_status status = LETHE_OK;
    lethe_error why = {0};
    lethe_buffer joined;
    lethe_buffer_init(&joined, LETHE_LIMIT_FRAME_BYTES);
    decision->strip_streams = !lethe_pixels_tables_fit(pixels);
    for (uint32_t frame = 0; frame < info->frames && status == LETHE_OK; frame++) {
        const uint8_t *bytes = NULL;
        size_t size = 0;
        bool text = false;
        status = lethe_pixels_frame_bytes(pixels, frame, &joined, &bytes, &size, &why);
        if (status == LETHE_OK) status = lethe_stream_examine(info, bytes, size, &text, &why);
        decision->strip_streams = decision->strip_streams || text;
    }
    lethe_buffer_release(&joined);
    if (status == LETHE_NO_MEMORY) return lethe_fail(error, status, "%s", why.message);
    if (status != LETHE_OK) refuse(decision, why.message);
    return LETHE_OK;
}

/* --- bits of raw words that belong to no sample (PS3.5 8.1.1) --- */

enum { CHUNK_BYTES = 128 << 10, MAPPED_BYTES = 4 << 20, BLOCK_WORDS = 2048 };

typedef struct spare_bits {
    uint8_t pattern[8]; /* the mask over and over, in the byte order of the file */
    uint32_t mask, high, low;
    unsigned width, above; /* bytes of a word; the first bit above the sample */
    bool is_signed, big_endian;
    bool has_padding;         /* Pixel Padding Value uses such bits, too (seen: 63536 where 12 bits are stored) */
    uint32_t padding;         /* as a word */
    uint64_t used, padded;    /* words that use such bits; words that are that padding */
    uint64_t borders, unseen; /* neighbours of which one is padding; of those, the ones with the same sample */
} spare_bits;

static uint32_t word_at(const spare_bits *b, const uint8_t *at) {
    uint32_t word = 0;
    for (unsigned i = 0; i < b->width; i++) word |= (uint32_t)at[b->big_endian ? b->width - 1 - i : i] << (8 * i);
    return word;
}

/* A sign that goes on above the sample is none of these. */
static bool word_is_plain(const spare_bits *b, uint32_t word) {
    uint32_t above = word & b->high;
    return (word & b->low) == 0 && (above == 0 || (b->is_signed && above == b->high));
}

static bool block_of_words_is_plain(const spare_bits *b, const uint8_t *bytes) {
    uint16_t words[BLOCK_WORDS], bad = 0, top = (uint16_t)((b->high >> b->above) & ~1u), low = (uint16_t)b->low;
    unsigned above = b->above;
    memcpy(words, bytes, sizeof words);
    /* All zeros or all ones above: one more is 0 or 1, modulo their width. */
    for (size_t i = 0; i < BLOCK_WORDS; i++) bad |= (uint16_t)((((words[i] >> above) + 1) & top) | (words[i] & low));
    return bad == 0;
}

static bool block_of_bits_is_plain(const spare_bits *b, const uint8_t *bytes) {
    uint64_t words[BLOCK_WORDS / 4], pattern, all = 0;
    memcpy(words, bytes, sizeof words);
    memcpy(&pattern, b->pattern, sizeof pattern);
    for (size_t i = 0; i < BLOCK_WORDS / 4; i++) all |= words[i];
    return (all & pattern) == 0;
}

static void look_at_words(spare_bits *b, const uint8_t *bytes, size_t size) {
    size_t at = 0, block = 2u * BLOCK_WORDS;
    bool lanes = b->is_signed && b->high != 0;
    while (at + b->width <= size) {
        bool fast = at + block <= size && !(lanes && (b->width != 2 || b->big_endian));
        if (fast && (lanes ? block_of_words_is_plain(b, bytes + at) : block_of_bits_is_plain(b, bytes + at))) {
            at += block;
            continue;
        }
        for (size_t end = fast ? at + block : size; at + b->width <= end; at += b->width) {
            uint32_t word = word_at(b, bytes + at);
            if (word_is_plain(b, word)) continue;
            if (b->has_padding && word == b->padding) b->padded++;
            else b->used++;
        }
    }
}

/* Where padding has the same sample as its neighbour, only the spare bits tell them apart: a picture of such would be seen by nobody who looks at
 * samples, and by all who look at words. */
static void look_at_borders(spare_bits *b, const uint8_t *bytes, size_t size) {
    uint32_t before = b->padding;
    for (size_t at = 0; at + b->width <= size; at += b->width) {
        uint32_t word = word_at(b, bytes + at);
        if ((word == b->padding) != (before == b->padding)) {
            b->borders++;
            b->unseen += ((word ^ before) & ~b->mask) == 0;
        }
        before = word;
    }
}

static bool padding_hides_something(const spare_bits *b) {
    enum { BY_CHANCE = 8, SHARE = 16 };
    return b->unseen > BY_CHANCE && b->unseen > b->borders / SHARE;
}

/* All of the value, in parts. `fd` < 0: from memory. */
static lethe_status visit_words(int fd, const lethe_dicom_element *element, void (*look)(spare_bits *, const uint8_t *, size_t), spare_bits *b,
                                lethe_error *error) {
    uint8_t *chunk = fd >= 0 ? lethe_alloc(CHUNK_BYTES) : NULL;
    if (fd >= 0 && chunk == NULL) return lethe_fail(error, LETHE_NO_MEMORY, "no memory to look at pixel data");
    lethe_status status = LETHE_OK;
    for (uint64_t at = 0; at < element->value_bytes && status == LETHE_OK; at += CHUNK_BYTES) {
        size_t part = element->value_bytes - at < CHUNK_BYTES ? (size_t)(element->value_bytes - at) : CHUNK_BYTES;
        const uint8_t *bytes = element->value + at;
        if (fd >= 0) {
            ssize_t got = pread(fd, chunk, part, (off_t)(element->offset + element->header_bytes + at));
            if (got != (ssize_t)part) status = lethe_fail(error, LETHE_IO, "cannot read pixel data");
            bytes = chunk;
        }
        if (status == LETHE_OK) look(b, bytes, part);
    }
    lethe_free(chunk);
    return status;
}

static lethe_status look_at_spare_bits(int fd, const lethe_dicom_dataset *dataset, lethe_pixels *pixels, lethe_pixel_decision *decision,
                                       lethe_error *error) {
    const lethe_pixels_info *info = lethe_pixels_describe(pixels);
    const lethe_dicom_element *element = lethe_pixels_element(pixels);
    unsigned allocated = info->bits_allocated, stored = info->bits_stored, below = info->high_bit + 1u - stored;
    if (allocated <= stored || allocated < 8 || allocated > 32 || element->tag != LETHE_TAG(0x7FE0, 0x0010)) return LETHE_OK;
    uint32_t all = allocated == 32 ? UINT32_MAX : (1u << allocated) - 1, sample = ((stored == 32 ? 0 : 1u << stored) - 1) << below;
    spare_bits b = {.mask = all & ~sample,
                    .low = (1u << below) - 1,
                    .width = allocated / 8,
                    .above = info->high_bit + 1u,
                    .is_signed = info->is_signed,
                    .big_endian = dataset->encoding.big_endian && allocated > 8};
    b.high = b.mask & ~b.low;
    for (unsigned i = 0; i < sizeof b.pattern; i++)
        b.pattern[i] = (uint8_t)(b.mask >> (8 * (b.big_endian ? b.width - 1 - i % b.width : i % b.width)));
    b.padding = (uint32_t)info->padding_value & all;
    b.has_padding = info->has_padding && info->samples_per_pixel == 1 && !word_is_plain(&b, b.padding);
    bool in_file = fd >= 0 && !dataset->deflated && element->value_bytes > MAPPED_BYTES; /* pages of a mapping stay resident */
    lethe_status status = visit_words(in_file ? fd : -1, element, look_at_words, &b, error);
    if (status == LETHE_OK && b.padded != 0) status = visit_words(in_file ? fd : -1, element, look_at_borders, &b, error);
    if (status != LETHE_OK) return status;
    if (padding_hides_something(&b)) b.used += b.padded;
    else decision->keep_padding = b.padded != 0;
    if (b.used == 0) return LETHE_OK;
    decision->clear_unused_bits = true;
    /* An overlay marks some pixels; where a good part of the words is affected, Bits Stored is wrong, and clearing would spoil the picture. */
    if (b.used > element->value_bytes / b.width / 4) refuse(decision, "samples have more bits than Bits Stored (0028,0101) says");
    return LETHE_OK;
}

/* Padding is short, or the same byte over and over. More than that are frames that Number of Frames does not tell, or samples that lie otherwise than
 * the header says: what is searched would not be what others see. Y without subsampling under YBR_FULL_422 is a habit of some writers. */
static bool has_more_samples(const lethe_pixels *pixels, const uint8_t *frame, size_t size) {
    enum { PADDING_BYTES = 64 };
    const lethe_pixels_info *info = lethe_pixels_describe(pixels);
    const lethe_dicom_element *element = lethe_pixels_element(pixels);
    const uint8_t *tail = frame + size;
    size_t left = (size_t)(element->value + element->value_bytes - tail);
    if (left < PADDING_BYTES || left < size / 4) return false;
    return lethe_text_ends(info->photometric_text, "_422") || memcmp(tail, tail + 1, left - 1) != 0;
}

/* --- both --- */

lethe_status lethe_burned_in_layout(int fd, const lethe_dicom_dataset *dataset, lethe_pixels *pixels, lethe_pixel_decision *decision,
                                    lethe_error *error) {
    const lethe_pixels_info *info = lethe_pixels_describe(pixels);
    const char *wrong = wrong_form(dataset, info);
    if (wrong != NULL) {
        refuse(decision, wrong);
        return LETHE_OK;
    }
    if (info->codec == LETHE_CODEC_VIDEO) return LETHE_OK;
    if (info->encapsulated) return look_at_streams(pixels, decision, error);
    const uint8_t *bytes;
    size_t size;
    lethe_error why = {0};
    /* The last frame is there when all are. */
    if (lethe_pixels_frame_bytes(pixels, info->frames - 1, NULL, &bytes, &size, &why) != LETHE_OK) {
        refuse(decision, why.message);
        return LETHE_OK;
    }
    if (has_more_samples(pixels, bytes, size)) {
        refuse(decision, "there are more samples than the header tells");
        return LETHE_OK;
    }
    return look_at_spare_bits(fd, dataset, pixels, decision, error);
}
