#include "imaging/slide/mirax_index.h"

#include <inttypes.h>

enum { VERSION_BYTES = 5, MAX_RECORDS = 16 << 20, MAX_LISTS = 4096, RECORD_BYTES = 16 };

typedef struct reader {
    const uint8_t *bytes;
    size_t size;
    lethe_error *error;
} reader;

/* A 32-bit number; all numbers of the format are signed, and none may be negative. */
static lethe_status number(const reader *r, uint64_t at, uint32_t *value) {
    if (at > r->size || r->size - at < 4) return lethe_fail(r->error, LETHE_MALFORMED, "index: offset %" PRIu64 " lies outside the file", at);
    const uint8_t *b = r->bytes + at;
    *value = (uint32_t)b[0] | (uint32_t)b[1] << 8 | (uint32_t)b[2] << 16 | (uint32_t)b[3] << 24;
    if (*value > INT32_MAX) return lethe_fail(r->error, LETHE_MALFORMED, "index: negative number at offset %" PRIu64, at);
    return LETHE_OK;
}

/* The pointer of list `n` of the array behind `root` leads to a zero and the pointer of its first page. */
static lethe_status first_page(const reader *r, uint32_t array, uint32_t n, uint32_t *page) {
    uint32_t head = 0, zero = 1;
    lethe_status status = number(r, (uint64_t)array + 4 * (uint64_t)n, &head);
    *page = 0;
    if (status != LETHE_OK || head == 0) return status;
    status = number(r, head, &zero);
    if (status == LETHE_OK && zero != 0) return lethe_fail(r->error, LETHE_MALFORMED, "index: no zero at the head of a list at offset %u", head);
    return status == LETHE_OK ? number(r, (uint64_t)head + 4, page) : status;
}

static lethe_status read_record(const reader *r, uint64_t at, lethe_mirax_record *record) {
    uint32_t offset = 0, bytes = 0;
    lethe_status status = number(r, at, &record->image);
    if (status == LETHE_OK) status = number(r, at + 4, &offset);
    if (status == LETHE_OK) status = number(r, at + 8, &bytes);
    if (status == LETHE_OK) status = number(r, at + 12, &record->file);
    record->offset = offset;
    record->bytes = bytes;
    return status;
}

/* Two passes over the pages: count, then read. */
static lethe_status read_level(const reader *r, uint32_t array, uint32_t level, lethe_arena *arena, lethe_mirax_list *list) {
    uint32_t first = 0, length = 0, next = 0;
    lethe_status status = first_page(r, array, level, &first);
    size_t total = 0, pages = 0;
    for (uint32_t page = first; status == LETHE_OK && page; page = next) {
        status = number(r, page, &length);
        if (status == LETHE_OK) status = number(r, (uint64_t)page + 4, &next);
        total += length;
        if (status == LETHE_OK && (++pages > r->size / 8 || total > MAX_RECORDS || (uint64_t)total * RECORD_BYTES > r->size))
            return lethe_fail(r->error, LETHE_MALFORMED, "index: pages of level %u do not end", level);
    }
    if (status != LETHE_OK) return status;
    list->records = lethe_arena_alloc_array(arena, total + 1, sizeof *list->records);
    if (!list->records) return lethe_fail(r->error, LETHE_NO_MEMORY, "out of memory for the index");
    for (uint32_t page = first; page && status == LETHE_OK; page = next) {
        status = number(r, page, &length);
        if (status == LETHE_OK) status = number(r, (uint64_t)page + 4, &next);
        for (uint32_t i = 0; status == LETHE_OK && i < length && list->count < total; i++)
            status = read_record(r, (uint64_t)page + 8 + (uint64_t)i * RECORD_BYTES, &list->records[list->count++]);
    }
    return status;
}

static lethe_status read_other(const reader *r, uint32_t array, uint32_t n, lethe_mirax_record *record) {
    uint32_t page = 0, one = 0;
    lethe_status status = first_page(r, array, n, &page);
    if (status != LETHE_OK || !page) return status;
    status = number(r, page, &one);
    /* page length, next page, two zeros, then offset, size and file */
    if (status == LETHE_OK && one != 1) return lethe_fail(r->error, LETHE_MALFORMED, "index: record %u has a page of %u entries", n, one);
    uint32_t offset = 0, bytes = 0;
    if (status == LETHE_OK) status = number(r, (uint64_t)page + 16, &offset);
    if (status == LETHE_OK) status = number(r, (uint64_t)page + 20, &bytes);
    if (status == LETHE_OK) status = number(r, (uint64_t)page + 24, &record->file);
    record->offset = offset;
    record->bytes = bytes;
    return status;
}

lethe_status lethe_mirax_index_parse(const uint8_t *bytes, size_t size, size_t id_bytes, uint32_t level_count, uint32_t other_count,
                                     lethe_arena *arena, lethe_mirax_index **out, lethe_error *error) {
    *out = NULL;
    const reader r = {bytes, size, error};
    if (level_count > MAX_LISTS || other_count > MAX_LISTS || id_bytes > 4096) return lethe_fail(error, LETHE_LIMIT, "index: too many lists");
    lethe_mirax_index *index = lethe_arena_alloc(arena, sizeof *index);
    if (index) {
        index->levels = lethe_arena_alloc_array(arena, level_count + 1u, sizeof *index->levels);
        index->others = lethe_arena_alloc_array(arena, other_count + 1u, sizeof *index->others);
    }
    if (!index || !index->levels || !index->others) return lethe_fail(error, LETHE_NO_MEMORY, "out of memory for the index");
    index->level_count = level_count;
    index->other_count = other_count;
    uint32_t levels = 0, others = 0;
    lethe_status status = number(&r, VERSION_BYTES + id_bytes, &levels);
    if (status == LETHE_OK) status = number(&r, VERSION_BYTES + id_bytes + 4, &others);
    for (uint32_t i = 0; status == LETHE_OK && i < level_count; i++) status = read_level(&r, levels, i, arena, &index->levels[i]);
    for (uint32_t i = 0; status == LETHE_OK && i < other_count; i++) status = read_other(&r, others, i, &index->others[i]);
    if (status == LETHE_OK) *out = index;
    return status;
}
