#include "deid/pixels/redact.h"

#include "core/limits.h"
#include "core/memory.h"
#include "deid/pixels/redact_internal.h"
#include "deid/pixels/redact_raw.h"
#include "imaging/dicom/codec.h"
#include "imaging/dicom/jpeg_patch.h"
#include "imaging/dicom/pixels.h"
#include "imaging/dicom/stream_text.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static const char rule_fill[] = "burned-in text removed (PS3.15 E.3.1)";
static const lethe_tag tag_offsets = LETHE_TAG(0x7FE0, 0x0001), tag_lengths = LETHE_TAG(0x7FE0, 0x0002);

struct lethe_redaction {
    int fd;
    uint64_t written;
    char transfer_syntax[65];
    lethe_raw_paint *paint; /* of raw pixel data; the edit script borrows it */
};

const char *lethe_redaction_transfer_syntax(const lethe_redaction *redaction) { return redaction == NULL ? "" : redaction->transfer_syntax; }

void lethe_redaction_destroy(lethe_redaction *redaction) {
    if (redaction == NULL) return;
    if (redaction->fd >= 0) (void)close(redaction->fd);
    lethe_raw_paint_destroy(redaction->paint);
    lethe_free(redaction);
}

/* --- masks --- */

bool lethe_redact_frame_has_box(const lethe_pixel_decision *decision, uint32_t frame) {
    for (size_t i = 0; i < decision->box_count; i++)
        if (frame >= decision->boxes[i].first_frame && frame <= decision->boxes[i].last_frame) return true;
    return false;
}

bool lethe_redact_mask(const lethe_pixel_decision *decision, uint32_t frame, uint32_t columns, uint32_t rows, uint8_t *mask) {
    bool any = false;
    memset(mask, 0, (size_t)columns * rows);
    for (size_t i = 0; i < decision->box_count; i++) {
        const lethe_pixel_box *box = &decision->boxes[i];
        if (frame < box->first_frame || frame > box->last_frame || box->x >= columns || box->y >= rows) continue;
        uint32_t w = box->w > columns - box->x ? columns - box->x : box->w, h = box->h > rows - box->y ? rows - box->y : box->h;
        for (uint32_t y = box->y; y < box->y + h; y++) memset(mask + (size_t)y * columns + box->x, 1, w);
        any = any || (w > 0 && h > 0);
    }
    return any;
}

/* --- fill values --- */

/* A palette's darkest entry. */
static uint32_t darkest_index(const lethe_dicom_dataset *dataset, const lethe_pixels_info *info) {
    lethe_image indexes = {.columns = info->bits_stored < 8 ? 1u << info->bits_stored : 256,
                           .rows = 1,
                           .samples = 1,
                           .bytes_per_sample = 1,
                           .bits_stored = 8,
                           .photometric = LETHE_PALETTE_COLOR};
    lethe_image colours = {0};
    lethe_display display;
    uint32_t best = 0, best_sum = UINT32_MAX;
    if (info->bits_allocated != 8 || lethe_image_allocate(&indexes, NULL) != LETHE_OK) return 0;
    for (uint32_t i = 0; i < indexes.columns; i++) indexes.pixels[i] = (uint8_t)i;
    lethe_display_load(dataset, 0, 0, &display);
    if (lethe_display_render(dataset, &indexes, &display, &colours, NULL) == LETHE_OK)
        for (uint32_t i = 0; i < indexes.columns; i++) {
            uint32_t sum = (uint32_t)colours.pixels[3 * i] + colours.pixels[3 * i + 1] + colours.pixels[3 * i + 2];
            if (sum < best_sum) {
                best_sum = sum;
                best = i;
            }
        }
    lethe_image_release(&colours);
    lethe_image_release(&indexes);
    return best;
}

void lethe_redact_fill_values(const lethe_dicom_dataset *dataset, const lethe_pixels_info *info, bool became_rgb, uint32_t fill[4]) {
    memset(fill, 0, 4 * sizeof *fill);
    uint32_t bits = info->bits_stored, mask = bits >= 32 ? UINT32_MAX : (1u << bits) - 1;
    unsigned shift = info->high_bit + 1u > bits ? info->high_bit + 1u - bits : 0;
    if (info->photometric == LETHE_YBR_FULL && !became_rgb && info->samples_per_pixel == 3) fill[1] = fill[2] = 1u << (bits - 1);
    if (info->photometric == LETHE_PALETTE_COLOR) fill[0] = darkest_index(dataset, info);
    if (info->photometric == LETHE_MONOCHROME1) fill[0] = info->is_signed ? mask >> 1 : mask;
    if (info->photometric == LETHE_MONOCHROME2 && info->is_signed) fill[0] = info->codec == LETHE_CODEC_RAW ? ((mask >> 1) + 1) & mask : 0;
    if (info->has_padding && info->samples_per_pixel == 1) {
        int64_t low = info->is_signed ? -(int64_t)(mask >> 1) - 1 : 0, high = info->is_signed ? (int64_t)(mask >> 1) : (int64_t)mask;
        if (info->padding_value >= low && info->padding_value <= high) fill[0] = (uint32_t)info->padding_value & mask;
    }
    /* Sign-extend as writers of signed words do, where the cell has room above. */
    if (info->is_signed && info->samples_per_pixel == 1 && shift == 0 && bits < 32 && (fill[0] & (1u << (bits - 1))) != 0) fill[0] |= ~mask;
    for (unsigned c = 0; c < 4; c++) fill[c] <<= shift;
}

static uint32_t used_bits(const lethe_pixels_info *info) {
    uint32_t mask = info->bits_stored >= 32 ? UINT32_MAX : (1u << info->bits_stored) - 1;
    return mask << (info->high_bit + 1u - info->bits_stored);
}

/* --- words in memory --- */

static void fill_words(lethe_image *image, const uint8_t *mask, const uint32_t fill[4]) {
    size_t count = (size_t)image->columns * image->rows;
    for (size_t i = 0; i < count; i++) {
        if (mask[i] == 0) continue;
        for (unsigned c = 0; c < image->samples; c++) {
            size_t index = i * image->samples + c;
            if (image->bytes_per_sample == 1) image->pixels[index] = (uint8_t)fill[c];
            else if (image->bytes_per_sample == 2) ((uint16_t *)(void *)image->pixels)[index] = (uint16_t)fill[c];
            else ((uint32_t *)(void *)image->pixels)[index] = fill[c];
        }
    }
}

/* A word without the bits that are none of its sample's; the sign goes on above it, as writers of signed words have it. */
static uint32_t cleared(uint32_t word, uint32_t keep, bool is_signed) {
    uint32_t sign = keep & ~(keep >> 1);
    word &= keep;
    return is_signed && (word & sign) != 0 ? word | ~(keep | (sign - 1)) : word;
}

static void clear_words(lethe_image *image, uint32_t keep) {
    size_t count = (size_t)image->columns * image->rows * image->samples;
    if (image->bytes_per_sample == 2)
        for (size_t i = 0; i < count; i++) {
            uint16_t *word = (uint16_t *)(void *)image->pixels + i;
            *word = (uint16_t)cleared(*word, keep, image->is_signed);
        }
    else if (image->bytes_per_sample == 1)
        for (size_t i = 0; i < count; i++) image->pixels[i] = (uint8_t)cleared(image->pixels[i], keep, image->is_signed);
}

/* --- the work on one instance --- */

typedef struct job {
    const lethe_dicom_dataset *dataset;
    lethe_pixel_decision *decision;
    lethe_edit_script *script;
    const lethe_redact_options *options;
    lethe_redaction *redaction;
    lethe_pixels *pixels;
    const lethe_pixels_info *info;
    const lethe_dicom_element *element;
    uint8_t *mask;
    lethe_buffer joined, encoded;
    const char *syntax; /* to encode in */
    bool reencode_all;
    uint64_t *offsets, *lengths;
    lethe_error *error;
} job;

static lethe_status open_scratch(job *j) {
    if (j->redaction->fd >= 0) return LETHE_OK;
    if (j->options->scratch_folder != NULL) j->redaction->fd = open(j->options->scratch_folder, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (j->redaction->fd < 0) j->redaction->fd = memfd_create("lethe", MFD_CLOEXEC);
    return j->redaction->fd < 0 ? lethe_fail_errno(j->error, errno, "cannot make a scratch file") : LETHE_OK;
}

static lethe_status append(job *j, const void *bytes, size_t size) {
    const uint8_t *at = bytes;
    while (size > 0) {
        ssize_t wrote = write(j->redaction->fd, at, size);
        if (wrote < 0 && errno == EINTR) continue;
        if (wrote <= 0) return lethe_fail_errno(j->error, errno, "cannot write a scratch file");
        at += wrote;
        size -= (size_t)wrote;
        j->redaction->written += (uint64_t)wrote;
    }
    return LETHE_OK;
}

/* --- raw --- */

static bool is_422(const lethe_pixels_info *info) {
    return info->samples_per_pixel == 3 && info->bits_allocated == 8 &&
           (strcmp(info->photometric_text, "YBR_FULL_422") == 0 || strcmp(info->photometric_text, "YBR_PARTIAL_422") == 0);
}

static void put_word(uint8_t *at, uint32_t value, unsigned width, bool big_endian) {
    for (unsigned b = 0; b < width; b++) at[b] = (uint8_t)(value >> (8 * (big_endian ? width - 1 - b : b)));
}

/* Overwrite masked samples of one raw frame, in the file's own layout. `swapped`: 8-bit samples in big-endian words. */
static void fill_raw(const job *j, uint8_t *frame, uint64_t frame_offset, const uint32_t fill[4]) {
    const lethe_pixels_info *info = j->info;
    size_t count = (size_t)info->columns * info->rows, samples = info->samples_per_pixel, width = info->bits_allocated / 8u;
    bool big_endian = j->dataset->encoding.big_endian, swapped = big_endian && width == 1 && j->element->vr == LETHE_VR_OW;
    for (size_t i = 0; i < count; i++) {
        if (j->mask[i] == 0) continue;
        if (is_422(info)) {
            uint8_t *quad = frame + i / 2 * 4;
            quad[i % 2] = (uint8_t)fill[0];
            quad[2] = (uint8_t)fill[1];
            quad[3] = (uint8_t)fill[2];
            continue;
        }
        for (size_t c = 0; c < samples; c++) {
            size_t at = (info->planar_configuration == 1 ? c * count + i : i * samples + c) * width;
            if (swapped) at = (size_t)(((frame_offset + at) ^ 1u) - frame_offset);
            put_word(frame + at, fill[c], (unsigned)width, big_endian);
        }
    }
}

/* One bit a pixel, the first in the lowest bit (PS3.5 8.1.1); `skip`: bits of the first byte that are the frame's before. */
static void fill_bits(const job *j, uint8_t *bytes, unsigned skip, uint32_t fill) {
    size_t count = (size_t)j->info->columns * j->info->rows;
    for (size_t i = 0; i < count; i++) {
        if (j->mask[i] == 0) continue;
        size_t bit = i + skip;
        if ((fill & 1) != 0) bytes[bit / 8] |= (uint8_t)(1u << (bit % 8));
        else bytes[bit / 8] &= (uint8_t) ~(1u << (bit % 8));
    }
}

static void clear_raw(const job *j, uint8_t *frame, size_t size) {
    size_t width = j->info->bits_allocated / 8u;
    uint32_t keep = used_bits(j->info), padding = (uint32_t)j->info->padding_value & (UINT32_MAX >> (32 - 8 * width));
    bool big_endian = j->dataset->encoding.big_endian;
    for (size_t at = 0; at + width <= size; at += width) {
        uint32_t word = 0;
        for (size_t b = 0; b < width; b++) word |= (uint32_t)frame[at + b] << (8 * (big_endian ? width - 1 - b : b));
        if (j->decision->keep_padding && word == padding) continue;
        put_word(frame + at, cleared(word, keep, j->info->is_signed), (unsigned)width, big_endian);
    }
}

/* Only the rows of the boxes pass through memory; the rest goes from file to file. */
static lethe_status paint_raw(job *j) {
    lethe_status status = lethe_raw_paint_create(j->dataset, j->pixels, j->decision, &j->redaction->paint, j->error);
    if (status != LETHE_OK) return status;
    lethe_edit_painter painter = lethe_raw_paint_painter(j->redaction->paint);
    return lethe_edit_paint(j->script, j->element, &painter, rule_fill, j->error);
}

/* Bits, swapped bytes and cleared overlays: every frame goes through a scratch file. */
static lethe_status redact_raw(job *j) {
    const lethe_pixels_info *info = j->info;
    bool one_bit = info->bits_allocated == 1;
    if (one_bit ? info->samples_per_pixel != 1 || j->dataset->encoding.big_endian
                : info->bits_allocated < 8 || info->bits_allocated > 32 || j->element->tag != LETHE_TAG(0x7FE0, 0x0010))
        return lethe_fail(j->error, LETHE_UNSUPPORTED, "redaction of %u bits allocated", info->bits_allocated);
    uint32_t fill[4];
    lethe_redact_fill_values(j->dataset, info, false, fill);
    for (size_t i = 0; i < j->decision->box_count && is_422(info); i++) { /* two pixels share their chroma */
        lethe_pixel_box *box = &j->decision->boxes[i];
        box->w += box->x % 2;
        box->x -= box->x % 2;
        box->w += box->w % 2;
    }
    if (!j->decision->clear_unused_bits && lethe_raw_paint_fits(j->dataset, j->pixels)) return paint_raw(j);
    lethe_status status = open_scratch(j);
    uint64_t end = 0, frame_bits = (uint64_t)info->columns * info->rows; /* bits: of one-bit frames, which share the byte between them */
    uint8_t shared = 0;
    for (uint32_t frame = 0; frame < info->frames && status == LETHE_OK; frame++) {
        const uint8_t *bytes = NULL;
        size_t size = 0;
        unsigned skip = one_bit ? (unsigned)(frame * frame_bits % 8) : 0, over = one_bit ? (unsigned)((frame + 1) * frame_bits % 8) : 0;
        bool any = lethe_redact_frame_has_box(j->decision, frame) && lethe_redact_mask(j->decision, frame, info->columns, info->rows, j->mask);
        status = lethe_pixels_frame_bytes(j->pixels, frame, &j->joined, &bytes, &size, j->error);
        if (status != LETHE_OK) break;
        uint64_t offset = (uint64_t)(bytes - j->element->value);
        lethe_buffer_clear(&j->encoded);
        status = lethe_buffer_append(&j->encoded, bytes, size, j->error);
        if (status != LETHE_OK) break;
        if (skip != 0) j->encoded.bytes[0] = (uint8_t)((uint32_t)(j->encoded.bytes[0] >> skip << skip) | (shared & ((1u << skip) - 1)));
        if (any && one_bit) fill_bits(j, j->encoded.bytes, skip, fill[0]);
        else if (any) fill_raw(j, j->encoded.bytes, offset, fill);
        if (j->decision->clear_unused_bits) clear_raw(j, j->encoded.bytes, size);
        end = offset + size;
        shared = j->encoded.bytes[size - 1];
        if (over != 0 && frame + 1 < info->frames) size--; /* the next one has it, too */
        status = append(j, j->encoded.bytes, size);
    }
    if (status != LETHE_OK) return status;
    if (end < j->element->value_bytes) status = append(j, j->element->value + end, (size_t)(j->element->value_bytes - end));
    if (status == LETHE_OK)
        status = lethe_edit_replace_from_file(j->script, j->element, j->element->vr, false, j->redaction->fd, 0, j->redaction->written, rule_fill,
                                              j->error);
    return status;
}

/* --- encapsulated --- */

static bool is_dct(const job *j, const uint8_t *bytes, size_t size) {
    uint8_t sof, precision, components;
    uint32_t columns, rows;
    return (j->info->codec == LETHE_CODEC_JPEG_BASELINE || j->info->codec == LETHE_CODEC_JPEG_EXTENDED) &&
           lethe_jpeg_probe(bytes, size, &sof, &precision, &columns, &rows, &components) && sof <= 0xC2;
}

static lethe_status encode_frame(job *j, bool any, const uint8_t *bytes, size_t size) {
    lethe_image image = {0};
    lethe_codec_traits traits;
    if (any && is_dct(j, bytes, size)) {
        lethe_jpeg_redaction r = {.columns = j->info->columns,
                                  .rows = j->info->rows,
                                  .mask = j->mask,
                                  .white = j->info->photometric == LETHE_MONOCHROME1,
                                  .is_rgb = j->info->photometric == LETHE_RGB};
        bool done;
        lethe_status status = lethe_jpeg_patch(bytes, size, &r, &done, &j->encoded, j->error);
        return status != LETHE_OK || done ? status : lethe_jpeg_redact(bytes, size, &r, &j->encoded, j->error);
    }
    lethe_status status = lethe_codec_decode(j->info, j->dataset->transfer_syntax, bytes, size, &image, &traits, j->error);
    if (status != LETHE_OK) return status;
    uint32_t fill[4];
    lethe_redact_fill_values(j->dataset, j->info, traits.became_rgb, fill);
    if (j->info->codec == LETHE_CODEC_JPEG_2000 && traits.stream_signed && !j->info->is_signed) fill[0] &= 0x7FFF;
    if (any) fill_words(&image, j->mask, fill);
    if (j->decision->clear_unused_bits) clear_words(&image, used_bits(j->info));
    if (traits.became_rgb && j->info->codec == LETHE_CODEC_JPEG_2000 && strcmp(j->info->photometric_text, "YBR_ICT") == 0)
        traits.colour_transformed = true;
    if (traits.precision > 8u * image.bytes_per_sample) traits.precision = (uint16_t)(8 * image.bytes_per_sample);
    status = lethe_codec_encode(j->info, j->syntax, &image, &traits, &j->encoded, j->error);
    lethe_image_release(&image);
    return status;
}

static lethe_status append_item(job *j, const uint8_t *bytes, size_t size) {
    uint64_t even = (uint64_t)size + (size & 1);
    if (even >= UINT32_MAX) return lethe_fail(j->error, LETHE_LIMIT, "a frame of %zu bytes does not fit into a fragment", size);
    uint8_t header[8] = {0xFE, 0xFF, 0x00, 0xE0, (uint8_t)even, (uint8_t)(even >> 8), (uint8_t)(even >> 16), (uint8_t)(even >> 24)};
    lethe_status status = append(j, header, sizeof header);
    if (status == LETHE_OK) status = append(j, bytes, size);
    if (status == LETHE_OK && even != size) status = append(j, "", 1);
    return status;
}

static void put_u64(uint8_t *at, uint64_t value, unsigned bytes) {
    for (unsigned i = 0; i < bytes; i++) at[i] = (uint8_t)(value >> (8 * i));
}

/* Basic offset table: filled as far as 32 bits reach, empty beside an extended one (PS3.5 A.4). */
static lethe_status finish_tables(job *j, bool extended, bool table_filled) {
    const lethe_dicom_item *root = j->dataset->root;
    uint32_t frames = j->info->frames;
    lethe_status status = LETHE_OK;
    uint8_t *values = lethe_alloc_array(frames, 8);
    if (values == NULL) return lethe_fail(j->error, LETHE_NO_MEMORY, "no memory for offsets");
    if (table_filled) {
        for (uint32_t i = 0; i < frames; i++) put_u64(values + 4u * i, j->offsets[i], 4);
        if (pwrite(j->redaction->fd, values, 4u * (size_t)frames, 8) != (ssize_t)(4u * (size_t)frames))
            status = lethe_fail_errno(j->error, errno, "cannot write a scratch file");
    }
    if (extended) {
        const lethe_dicom_element *offsets = lethe_dicom_find(root, tag_offsets), *lengths = lethe_dicom_find(root, tag_lengths);
        for (uint32_t i = 0; i < frames; i++) put_u64(values + 8u * i, j->offsets[i], 8);
        if (status == LETHE_OK && offsets != NULL)
            status = lethe_edit_replace(j->script, offsets, 0, values, 8u * (size_t)frames, rule_fill, j->error);
        for (uint32_t i = 0; i < frames; i++) put_u64(values + 8u * i, j->lengths[i], 8);
        if (status == LETHE_OK && lengths != NULL)
            status = lethe_edit_replace(j->script, lengths, 0, values, 8u * (size_t)frames, rule_fill, j->error);
    }
    lethe_free(values);
    return status;
}

static void choose_syntax(job *j) {
    const char *syntax = j->dataset->transfer_syntax;
    j->syntax = syntax;
    if (j->info->codec != LETHE_CODEC_JPEG_2000) return;
    if (strcmp(syntax, "1.2.840.10008.1.2.4.201") == 0 || strcmp(syntax, "1.2.840.10008.1.2.4.202") == 0) j->syntax = "1.2.840.10008.1.2.4.90";
    if (strcmp(syntax, "1.2.840.10008.1.2.4.203") == 0) j->syntax = "1.2.840.10008.1.2.4.91";
    /* One photometric interpretation holds for every frame: a reversible colour transform in one means in all. */
    j->reencode_all = j->syntax != syntax || strcmp(j->info->photometric_text, "YBR_ICT") == 0;
}

static lethe_status redact_frames(job *j) {
    const lethe_pixels_info *info = j->info;
    const lethe_dicom_item *table = j->element->items;
    bool extended = lethe_dicom_find(j->dataset->root, tag_offsets) != NULL;
    bool table_filled = !extended && (info->frames > 1 || (table != NULL && table->value_bytes > 0));
    choose_syntax(j);
    j->offsets = lethe_alloc_array(info->frames, sizeof *j->offsets);
    j->lengths = lethe_alloc_array(info->frames, sizeof *j->lengths);
    if (j->offsets == NULL || j->lengths == NULL) return lethe_fail(j->error, LETHE_NO_MEMORY, "no memory for offsets");
    lethe_status status = open_scratch(j);
    uint32_t table_bytes = table_filled ? 4 * info->frames : 0;
    uint8_t header[8] = {0xFE, 0xFF, 0x00, 0xE0};
    put_u64(header + 4, table_bytes, 4);
    if (status == LETHE_OK) status = append(j, header, sizeof header);
    for (uint32_t i = 0; i < table_bytes / 4 && status == LETHE_OK; i++) status = append(j, "\0\0\0", 4);
    uint64_t base = j->redaction->written;
    for (uint32_t frame = 0; frame < info->frames && status == LETHE_OK; frame++) {
        const uint8_t *bytes = NULL;
        size_t size = 0;
        bool any = lethe_redact_frame_has_box(j->decision, frame) && lethe_redact_mask(j->decision, frame, info->columns, info->rows, j->mask);
        status = lethe_pixels_frame_bytes(j->pixels, frame, &j->joined, &bytes, &size, j->error);
        if (status == LETHE_OK && (any || j->reencode_all || j->decision->clear_unused_bits)) {
            lethe_buffer_clear(&j->encoded);
            status = encode_frame(j, any, bytes, size);
            bytes = j->encoded.bytes;
            size = j->encoded.size;
        } else if (status == LETHE_OK && j->decision->strip_streams) {
            lethe_buffer_clear(&j->encoded);
            status = lethe_stream_clean(info, bytes, size, &j->encoded, j->error);
            bytes = j->encoded.bytes;
            size = j->encoded.size;
        }
        j->offsets[frame] = j->redaction->written - base;
        j->lengths[frame] = size;
        if (status == LETHE_OK && table_filled && j->offsets[frame] > UINT32_MAX)
            status = lethe_fail(j->error, LETHE_LIMIT, "pixel data beyond 4 GiB needs an extended offset table");
        if (status == LETHE_OK) status = append_item(j, bytes, size);
    }
    if (status == LETHE_OK) status = finish_tables(j, extended, table_filled);
    const lethe_dicom_element *lengths = lethe_dicom_find(j->dataset->root, tag_lengths);
    if (status == LETHE_OK && !extended && lengths != NULL) status = lethe_edit_drop(j->script, lengths, "lengths without offsets", j->error);
    if (status == LETHE_OK)
        status =
            lethe_edit_replace_from_file(j->script, j->element, LETHE_VR_OB, true, j->redaction->fd, 0, j->redaction->written, rule_fill, j->error);
    if (status == LETHE_OK && j->syntax != j->dataset->transfer_syntax) {
        (void)snprintf(j->redaction->transfer_syntax, sizeof j->redaction->transfer_syntax, "%s", j->syntax);
        /* Told where people look: each box of the manifest and of `explain`. */
        for (size_t i = 0; i < j->decision->box_count; i++) {
            lethe_pixel_box *box = &j->decision->boxes[i];
            char why[sizeof box->why];
            (void)snprintf(why, sizeof why, "%.30s; HTJ2K now JPEG 2000", box->why);
            memcpy(box->why, why, sizeof why);
        }
        status = lethe_edit_transfer_syntax(j->script, j->syntax, j->error);
    }
    if (status == LETHE_OK && strcmp(info->photometric_text, "YBR_ICT") == 0)
        status = lethe_edit_insert(j->script, j->dataset->root, LETHE_TAG(0x0028, 0x0004), LETHE_VR_CS, "YBR_RCT", 7, rule_fill, j->error);
    return status;
}

/* Boxes in the record must hold everything that changes: whole MCUs, and the pixel beside them that smooth chroma upsampling reaches. */
static lethe_status grow_boxes(job *j) {
    uint32_t block_w = 1, block_h = 1;
    for (uint32_t frame = 0; frame < j->info->frames; frame++) {
        if (!lethe_redact_frame_has_box(j->decision, frame)) continue;
        const uint8_t *bytes;
        size_t size;
        uint32_t w, h;
        lethe_status status = lethe_pixels_frame_bytes(j->pixels, frame, &j->joined, &bytes, &size, j->error);
        if (status != LETHE_OK) return status;
        if (!is_dct(j, bytes, size) || !lethe_jpeg_block_size(bytes, size, &w, &h)) continue;
        if (w > block_w) block_w = w;
        if (h > block_h) block_h = h;
    }
    if (block_w == 1) return LETHE_OK;
    lethe_free(j->decision->drawn);
    j->decision->drawn_count = 0;
    j->decision->drawn = lethe_alloc_array(j->decision->box_count + 1, sizeof *j->decision->drawn);
    if (j->decision->drawn == NULL) return lethe_fail(j->error, LETHE_NO_MEMORY, "no memory for boxes");
    memcpy(j->decision->drawn, j->decision->boxes, j->decision->box_count * sizeof *j->decision->boxes);
    j->decision->drawn_count = j->decision->box_count;
    for (size_t i = 0; i < j->decision->box_count; i++) {
        lethe_pixel_box *box = &j->decision->boxes[i];
        uint32_t x1 = box->x + box->w, y1 = box->y + box->h, margin = block_w > 8 || block_h > 8 ? 2 : 0;
        uint32_t x0 = box->x / block_w * block_w, y0 = box->y / block_h * block_h;
        x1 = (x1 + block_w - 1) / block_w * block_w + margin;
        y1 = (y1 + block_h - 1) / block_h * block_h + margin;
        x0 = x0 > margin ? x0 - margin : 0;
        y0 = y0 > margin ? y0 - margin : 0;
        if (x1 > j->info->columns) x1 = j->info->columns;
        if (y1 > j->info->rows) y1 = j->info->rows;
        box->x = x0;
        box->y = y0;
        box->w = x1 - x0;
        box->h = y1 - y0;
    }
    return LETHE_OK;
}

/* --- attributes --- */

static lethe_status set_text(job *j, lethe_tag tag, lethe_vr vr, const char *text) {
    return lethe_edit_insert(j->script, j->dataset->root, tag, vr, text, strlen(text), rule_fill, j->error);
}

static lethe_status set_attributes(job *j, bool redacted) {
    const lethe_dicom_item *root = j->dataset->root;
    lethe_status status = LETHE_OK;
    if (j->decision->all_text && j->decision->searched) status = set_text(j, LETHE_TAG(0x0028, 0x0301), LETHE_VR_CS, "NO");
    if (status != LETHE_OK || !redacted) return status;
    const lethe_dicom_element *type = lethe_dicom_find(root, LETHE_TAG(0x0008, 0x0008));
    if (type != NULL && type->form == LETHE_DICOM_LEAF && type->value_bytes < 200) {
        char value[256] = "DERIVED";
        size_t skip = 0;
        while (skip < type->value_bytes && type->value[skip] != '\\') skip++;
        memcpy(value + 7, type->value + skip, (size_t)type->value_bytes - skip);
        value[7 + type->value_bytes - skip] = '\0';
        size_t length = strlen(value);
        while (length > 0 && value[length - 1] == ' ') value[--length] = '\0';
        status = set_text(j, LETHE_TAG(0x0008, 0x0008), LETHE_VR_CS, value);
    }
    const char *how =
        j->redaction->transfer_syntax[0] != '\0' ? "Burned-in text removed; HTJ2K written as JPEG 2000 lossless" : "Burned-in text removed";
    if (status == LETHE_OK) status = set_text(j, LETHE_TAG(0x0008, 0x2111), LETHE_VR_ST, how);
    const lethe_dicom_element *icon = lethe_dicom_find(root, LETHE_TAG(0x0088, 0x0200));
    if (status == LETHE_OK && icon != NULL) status = lethe_edit_drop(j->script, icon, rule_fill, j->error);
    return status;
}

lethe_status lethe_redact_apply(const lethe_dicom_dataset *dataset, lethe_pixel_decision *decision, lethe_edit_script *script,
                                const lethe_redact_options *options, lethe_redaction **out, lethe_error *error) {
    static const lethe_redact_options none = {0};
    *out = NULL;
    job j = {.dataset = dataset, .decision = decision, .script = script, .options = options == NULL ? &none : options, .error = error};
    lethe_buffer_init(&j.joined, LETHE_LIMIT_FRAME_BYTES);
    lethe_buffer_init(&j.encoded, LETHE_LIMIT_FRAME_BYTES);
    lethe_status status = LETHE_OK;
    bool redact = decision->box_count > 0 || decision->clear_unused_bits, touch = redact || decision->strip_streams;
    j.redaction = lethe_alloc_array(1, sizeof *j.redaction);
    if (j.redaction == NULL) {
        status = lethe_fail(error, LETHE_NO_MEMORY, "no memory for a redaction");
        goto out;
    }
    j.redaction->fd = -1;
    if (touch) {
        status = lethe_pixels_open(dataset, &j.pixels, error);
        if (status != LETHE_OK) goto out;
        j.info = lethe_pixels_describe(j.pixels);
        j.element = lethe_pixels_element(j.pixels);
        j.mask = lethe_alloc_array((size_t)j.info->columns * j.info->rows, 1);
        if (j.mask == NULL) {
            status = lethe_fail(error, LETHE_NO_MEMORY, "no memory for a mask");
            goto out;
        }
        status = j.info->encapsulated ? redact_frames(&j) : redact_raw(&j);
        if (status == LETHE_OK && j.info->encapsulated) status = grow_boxes(&j);
    }
    if (status == LETHE_OK && !j.options->keep_attributes) status = set_attributes(&j, redact);
out:
    lethe_pixels_close(j.pixels);
    lethe_free(j.mask);
    lethe_free(j.offsets);
    lethe_free(j.lengths);
    lethe_buffer_release(&j.joined);
    lethe_buffer_release(&j.encoded);
    if (status != LETHE_OK) lethe_redaction_destroy(j.redaction);
    else *out = j.redaction;
    return status;
}
