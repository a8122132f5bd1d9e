#include "testdata/slide_tiff.h"

#include "core/file.h"
#include "core/memory.h"

#include <stdlib.h>
#include <string.h>

static void encode(const slide_tiff *tiff, uint8_t *at, uint64_t value, unsigned bytes) {
    for (unsigned i = 0; i < bytes; i++) at[tiff->big_endian ? bytes - 1 - i : i] = (uint8_t)(value >> 8 * i);
}

static unsigned unit(uint16_t type) {
    static const uint8_t units[] = {0, 1, 1, 2, 4, 8, 1, 1, 2, 4, 8, 4, 8, 4, 0, 0, 8, 8, 8};
    return type < sizeof units ? units[type] : 1;
}

uint64_t slide_tiff_put(slide_tiff *tiff, const void *bytes, size_t size) {
    uint64_t at = tiff->file.size;
    if (size && lethe_buffer_append(&tiff->file, bytes, size, NULL) != LETHE_OK) tiff->failed = true;
    return at;
}

void slide_tiff_start(slide_tiff *tiff, bool big, bool big_endian, bool ndpi) {
    *tiff = (slide_tiff){.big = big, .big_endian = big_endian, .ndpi = ndpi};
    lethe_buffer_init(&tiff->file, (size_t)3 << 30);
    uint8_t head[16] = {0};
    memcpy(head, big_endian ? "MM" : "II", 2);
    encode(tiff, head + 2, big ? 43 : 42, 2);
    if (big) encode(tiff, head + 4, 8, 2);
    tiff->link_at = big ? 8 : 4;
    (void)slide_tiff_put(tiff, head, big ? 16 : ndpi ? 12 : 8);
}

static void add(slide_tiff *tiff, slide_directory *directory, uint16_t tag, uint16_t type, uint64_t count, const void *bytes, size_t size) {
    slide_entry *entry = directory->count < 64 ? &directory->entries[directory->count] : NULL;
    uint8_t *copy = lethe_alloc(size);
    if (!entry || !copy) {
        tiff->failed = true;
        lethe_free(copy);
        return;
    }
    memcpy(copy, bytes, size);
    *entry = (slide_entry){tag, type, count, copy, size};
    directory->count++;
}

void slide_tag_numbers(slide_tiff *tiff, slide_directory *directory, uint16_t tag, uint16_t type, const uint64_t *values, size_t count) {
    uint8_t *bytes = lethe_alloc(count * unit(type) + 1);
    if (!bytes) {
        tiff->failed = true;
        return;
    }
    for (size_t i = 0; i < count; i++) encode(tiff, bytes + i * unit(type), values[i], unit(type));
    add(tiff, directory, tag, type, count, bytes, count * unit(type));
    lethe_free(bytes);
}

void slide_tag_number(slide_tiff *tiff, slide_directory *directory, uint16_t tag, uint16_t type, uint64_t value) {
    slide_tag_numbers(tiff, directory, tag, type, &value, 1);
}

void slide_tag_text(slide_tiff *tiff, slide_directory *directory, uint16_t tag, const char *text) {
    add(tiff, directory, tag, 2, strlen(text) + 1, text, strlen(text) + 1);
}

void slide_tag_bytes(slide_tiff *tiff, slide_directory *directory, uint16_t tag, uint16_t type, const void *bytes, size_t size) {
    add(tiff, directory, tag, type, size / unit(type), bytes, size);
}

void slide_tag_rational(slide_tiff *tiff, slide_directory *directory, uint16_t tag, uint32_t above, uint32_t below) {
    uint8_t bytes[8];
    encode(tiff, bytes, above, 4);
    encode(tiff, bytes + 4, below, 4);
    add(tiff, directory, tag, 5, 1, bytes, 8);
}

void slide_tag_float(slide_tiff *tiff, slide_directory *directory, uint16_t tag, float value) {
    uint32_t bits;
    uint8_t bytes[4];
    memcpy(&bits, &value, 4);
    encode(tiff, bytes, bits, 4);
    add(tiff, directory, tag, 11, 1, bytes, 4);
}

static int by_tag(const void *a, const void *b) { return ((const slide_entry *)a)->tag - ((const slide_entry *)b)->tag; }

uint64_t slide_tiff_end(slide_tiff *tiff, slide_directory *directory, bool linked) {
    unsigned word = tiff->big ? 8 : 4, head = tiff->big ? 8 : 2, tail = tiff->big || tiff->ndpi ? 8 : 4;
    uint64_t offsets[64] = {0};
    qsort(directory->entries, directory->count, sizeof *directory->entries, by_tag);
    for (unsigned i = 0; i < directory->count; i++)
        if (directory->entries[i].size > word) {
            if (tiff->file.size & 1) (void)slide_tiff_put(tiff, "", 1);
            offsets[i] = slide_tiff_put(tiff, directory->entries[i].bytes, directory->entries[i].size);
        }
    if (tiff->file.size & 1) (void)slide_tiff_put(tiff, "", 1);
    uint8_t row[20];
    encode(tiff, row, directory->count, head);
    uint64_t at = slide_tiff_put(tiff, row, head);
    for (unsigned i = 0; i < directory->count; i++) {
        const slide_entry *entry = &directory->entries[i];
        memset(row, 0, sizeof row);
        encode(tiff, row, entry->tag, 2);
        encode(tiff, row + 2, entry->type, 2);
        encode(tiff, row + 4, entry->count, word);
        if (entry->size > word) encode(tiff, row + 4 + word, offsets[i], word);
        else memcpy(row + 4 + word, entry->bytes, entry->size);
        (void)slide_tiff_put(tiff, row, 4 + 2 * word);
    }
    memset(row, 0, sizeof row);
    uint64_t link = slide_tiff_put(tiff, row, tail);
    for (unsigned i = 0; tiff->ndpi && i < directory->count; i++) {
        encode(tiff, row, offsets[i] >> 32, 4);
        (void)slide_tiff_put(tiff, row, 4);
    }
    if (linked && !tiff->failed) {
        encode(tiff, tiff->file.bytes + tiff->link_at, at, tail);
        tiff->link_at = link;
    }
    for (unsigned i = 0; i < directory->count; i++) lethe_free(directory->entries[i].bytes);
    *directory = (slide_directory){0};
    return at;
}

lethe_status slide_tiff_save(slide_tiff *tiff, const char *path, lethe_error *error) {
    lethe_status status =
        tiff->failed ? lethe_fail(error, LETHE_NO_MEMORY, "out of memory") : lethe_file_write(path, tiff->file.bytes, tiff->file.size, 0644, error);
    lethe_buffer_release(&tiff->file);
    return status;
}
