#include "imaging/dicom/frames.h"

#include "core/limits.h"
#include "core/memory.h"

#include <string.h>

enum { ITEM_HEADER_BYTES = 8 };
static const lethe_tag extended_offset_table = LETHE_TAG(0x7FE0, 0x0001), extended_lengths = LETHE_TAG(0x7FE0, 0x0002);

void lethe_frame_table_release(lethe_frame_table *table) {
    if (table == NULL) return;
    lethe_free(table->fragments);
    lethe_free(table->first);
    *table = (lethe_frame_table){0};
}

static uint64_t little_endian(const uint8_t *at, unsigned bytes) {
    uint64_t value = 0;
    for (unsigned i = 0; i < bytes; i++) value |= (uint64_t)at[i] << (8 * i);
    return value;
}

static lethe_status gather(const lethe_dicom_element *pixel_data, lethe_frame_table *table, lethe_error *error) {
    if (pixel_data->item_count < 2)
        return lethe_fail(error, LETHE_MALFORMED, "(7FE0,0010) at %llu has no fragment", (unsigned long long)pixel_data->offset);
    table->fragments = lethe_alloc_array(pixel_data->item_count - 1, sizeof *table->fragments);
    if (table->fragments == NULL) return lethe_fail(error, LETHE_NO_MEMORY, "no memory for %u fragments", pixel_data->item_count);
    const lethe_dicom_item *item = pixel_data->items->next;
    uint64_t base = item->offset;
    for (; item != NULL; item = item->next) {
        const uint8_t *bytes = pixel_data->value + (item->offset + item->header_bytes - (pixel_data->offset + pixel_data->header_bytes));
        table->fragments[table->fragment_count++] = (lethe_fragment){.bytes = bytes, .size = item->value_bytes, .offset = item->offset - base};
    }
    return LETHE_OK;
}

/* Offsets must name item tags, in rising order, the first of them 0. */
static bool use_offsets(lethe_frame_table *table, const uint8_t *offsets, uint64_t size, unsigned width) {
    if (offsets == NULL || size != (uint64_t)table->frames * width || little_endian(offsets, width) != 0) return false;
    uint32_t at = 0;
    for (uint32_t i = 0; i < table->frames; i++) {
        uint64_t offset = little_endian(offsets + (size_t)i * width, width);
        while (at < table->fragment_count && table->fragments[at].offset < offset) at++;
        if (at == table->fragment_count || table->fragments[at].offset != offset) return false;
        if (i > 0 && table->first[i - 1] >= at) return false;
        table->first[i] = at;
    }
    table->first[table->frames] = table->fragment_count;
    return true;
}

/* A JPEG, JPEG-LS or JPEG 2000 codestream begins with SOI or SOC, or a JP2 signature box. */
static bool starts_stream(const lethe_fragment *fragment) {
    static const uint8_t box[] = {0, 0, 0, 12, 'j', 'P', ' ', ' '};
    if (fragment->size < 8) return false;
    if (memcmp(fragment->bytes, box, sizeof box) == 0) return true;
    return fragment->bytes[0] == 0xFF &&
           ((fragment->bytes[1] == 0xD8 && fragment->bytes[2] == 0xFF) || (fragment->bytes[1] == 0x4F && fragment->bytes[2] == 0xFF));
}

static bool use_streams(lethe_frame_table *table) {
    uint32_t frame = 0;
    for (uint32_t i = 0; i < table->fragment_count; i++) {
        if (!starts_stream(&table->fragments[i])) {
            if (i == 0) return false;
            continue;
        }
        if (frame == table->frames) return false;
        table->first[frame++] = i;
    }
    table->first[table->frames] = table->fragment_count;
    return frame == table->frames;
}

static bool tells_offsets(const lethe_frame_table *table, const uint8_t *offsets, uint64_t size, unsigned width) {
    if (size == 0) return true;
    if (size != (uint64_t)table->frames * width) return false;
    for (uint32_t i = 0; i < table->frames; i++) {
        uint64_t offset = table->fragments[table->first[i]].offset;
        if (little_endian(offsets + (size_t)i * width, width) != (width == 4 ? (uint32_t)offset : offset)) return false;
    }
    return true;
}

/* Lengths are told before padding (PS3.3 C.7.6.3.1.8). */
static bool tells_lengths(const lethe_frame_table *table, const uint8_t *lengths, uint64_t size) {
    if (size == 0) return true;
    if (size != (uint64_t)table->frames * 8) return false;
    for (uint32_t i = 0; i < table->frames; i++) {
        uint64_t have = 0, told = little_endian(lengths + (size_t)i * 8, 8);
        for (uint32_t f = table->first[i]; f < table->first[i + 1]; f++) have += table->fragments[f].size;
        if (told != have && told + 1 != have) return false;
    }
    return true;
}

bool lethe_frame_table_is_told(const lethe_frame_table *table, const lethe_dicom_item *root, const lethe_dicom_element *pixel_data) {
    const lethe_dicom_element *offsets = lethe_dicom_find(root, extended_offset_table), *lengths = lethe_dicom_find(root, extended_lengths);
    const lethe_dicom_item *basic = pixel_data->items;
    const uint8_t *at = pixel_data->value + (basic->offset + basic->header_bytes - (pixel_data->offset + pixel_data->header_bytes));
    if (!tells_offsets(table, at, basic->value_bytes, 4)) return false;
    if (offsets != NULL && (offsets->form != LETHE_DICOM_LEAF || !tells_offsets(table, offsets->value, offsets->value_bytes, 8))) return false;
    return lengths == NULL || (lengths->form == LETHE_DICOM_LEAF && tells_lengths(table, lengths->value, lengths->value_bytes));
}

/* A picture that no frame is left for: whoever reads frames one by one never sees it. */
static bool has_hidden_stream(const lethe_frame_table *table) {
    if (table->fragment_count == table->frames || !starts_stream(&table->fragments[0])) return false;
    for (uint32_t i = 0; i < table->frames; i++)
        for (uint32_t f = table->first[i] + 1; f < table->first[i + 1]; f++)
            if (starts_stream(&table->fragments[f])) return true;
    return false;
}

static lethe_status check_streams(lethe_frame_table *table, lethe_error *error) {
    if (!has_hidden_stream(table)) return LETHE_OK;
    lethe_frame_table_release(table);
    return lethe_fail(error, LETHE_MALFORMED, "more pictures than frames (0028,0008)");
}

lethe_status lethe_frame_table_build(const lethe_dicom_item *root, const lethe_dicom_element *pixel_data, uint32_t frames, lethe_frame_table *table,
                                     lethe_error *error) {
    *table = (lethe_frame_table){.frames = frames};
    lethe_status status = gather(pixel_data, table, error);
    if (status != LETHE_OK) goto out;
    table->first = frames > table->fragment_count ? NULL : lethe_alloc_array((size_t)frames + 1, sizeof *table->first);
    if (table->first == NULL) {
        status = frames > table->fragment_count
                     ? lethe_fail(error, LETHE_MALFORMED, "more frames (0028,0008) than the %u fragments that are there", table->fragment_count)
                     : lethe_fail(error, LETHE_NO_MEMORY, "no memory for the frames that (0028,0008) announces");
        goto out;
    }
    if (frames == 1) {
        table->first[1] = table->fragment_count;
        return check_streams(table, error);
    }
    const lethe_dicom_element *extended = lethe_dicom_find(root, extended_offset_table);
    if (extended != NULL && extended->form == LETHE_DICOM_LEAF && use_offsets(table, extended->value, extended->value_bytes, 8))
        return check_streams(table, error);
    const lethe_dicom_item *basic = pixel_data->items;
    const uint8_t *offsets = pixel_data->value + (basic->offset + basic->header_bytes - (pixel_data->offset + pixel_data->header_bytes));
    if (basic->value_bytes != 0 && use_offsets(table, offsets, basic->value_bytes, 4)) return check_streams(table, error);
    if (table->fragment_count == frames) {
        for (uint32_t i = 0; i <= frames; i++) table->first[i] = i;
        return LETHE_OK;
    }
    if (use_streams(table)) return LETHE_OK;
    status = lethe_fail(error, LETHE_MALFORMED, "%u frames cannot be told apart in %u fragments", frames, table->fragment_count);
out:
    if (status != LETHE_OK) lethe_frame_table_release(table);
    return status;
}
