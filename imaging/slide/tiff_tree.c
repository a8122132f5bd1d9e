#include "imaging/slide/tiff_tree.h"

#include "core/limits.h"
#include "core/memory.h"

#include <inttypes.h>
#include <string.h>

enum { MAX_DEPTH = 8, MAX_CHILDREN = 1024 };

typedef struct parser {
    lethe_tiff_tree *tree;
    uint64_t *seen; /* offsets of directories met so far; a second visit is a loop */
    size_t seen_count, seen_capacity;
    lethe_error *error;
} parser;

static uint64_t number(const lethe_tiff_tree *tree, const uint8_t *at, unsigned bytes) {
    uint64_t value = 0;
    for (unsigned i = 0; i < bytes; i++) value = value << 8 | at[tree->big_endian ? i : bytes - 1 - i];
    return value;
}

uint32_t lethe_tiff_type_bytes(uint16_t type) {
    static const uint8_t bytes[] = {0, 1, 1, 2, 4, 8, 1, 1, 2, 4, 8, 4, 8, 4, 0, 0, 8, 8, 8};
    return type < sizeof bytes ? bytes[type] : 0;
}

bool lethe_tiff_looks_like(const uint8_t *bytes, uint64_t size) {
    if (size < 8) return false;
    return memcmp(bytes, "II*\0", 4) == 0 || memcmp(bytes, "MM\0*", 4) == 0 || memcmp(bytes, "II+\0", 4) == 0 || memcmp(bytes, "MM\0+", 4) == 0;
}

static bool inside(const lethe_tiff_tree *tree, uint64_t offset, uint64_t bytes) { return offset <= tree->size && bytes <= tree->size - offset; }

/* --- one directory --- */

static lethe_status remember(parser *p, uint64_t offset) {
    for (size_t i = 0; i < p->seen_count; i++)
        if (p->seen[i] == offset) return lethe_fail(p->error, LETHE_MALFORMED, "directory at offset %" PRIu64 " is reached twice", offset);
    if (p->seen_count >= LETHE_LIMIT_TIFF_DIRECTORIES)
        return lethe_fail(p->error, LETHE_LIMIT, "more than %d directories", LETHE_LIMIT_TIFF_DIRECTORIES);
    if (p->seen_count == p->seen_capacity) {
        size_t capacity = p->seen_capacity ? 2 * p->seen_capacity : 64;
        uint64_t *grown = lethe_realloc_array(p->seen, capacity, sizeof *grown);
        if (!grown) return lethe_fail(p->error, LETHE_NO_MEMORY, "out of memory");
        p->seen = grown;
        p->seen_capacity = capacity;
    }
    p->seen[p->seen_count++] = offset;
    return LETHE_OK;
}

static lethe_status read_entry(parser *p, const uint8_t *at, uint64_t file_offset, uint32_t high, lethe_tiff_entry *entry) {
    lethe_tiff_tree *tree = p->tree;
    unsigned word = tree->big ? 8 : 4;
    entry->tag = (uint16_t)number(tree, at, 2);
    entry->type = (uint16_t)number(tree, at + 2, 2);
    entry->count = number(tree, at + 4, word);
    entry->ndpi_high = high;
    uint32_t unit = lethe_tiff_type_bytes(entry->type);
    entry->known_type = unit != 0;
    if (!unit) {
        entry->offset = file_offset + 4 + word;
        return LETHE_OK;
    }
    if (__builtin_mul_overflow(entry->count, (uint64_t)unit, &entry->bytes))
        return lethe_fail(p->error, LETHE_MALFORMED, "tag %u at offset %" PRIu64 ": count is too large", entry->tag, file_offset);
    entry->inlined = entry->bytes <= word;
    if (entry->inlined) entry->offset = file_offset + 4 + word;
    else entry->offset = number(tree, at + 4 + word, word) | (uint64_t)high << 32;
    if (!inside(tree, entry->offset, entry->bytes))
        return lethe_fail(p->error, LETHE_MALFORMED, "tag %u at offset %" PRIu64 ": value of %" PRIu64 " bytes at %" PRIu64 " lies outside the file",
                          entry->tag, file_offset, entry->bytes, entry->offset);
    entry->value = tree->bytes + entry->offset;
    return LETHE_OK;
}

static lethe_status read_directory(parser *p, uint64_t offset, lethe_tiff_directory **out, uint64_t *next) {
    lethe_tiff_tree *tree = p->tree;
    lethe_status status = remember(p, offset);
    if (status != LETHE_OK) return status;
    unsigned count_bytes = tree->big ? 8 : 2, entry_bytes = tree->big ? 20 : 12, next_bytes = tree->big || tree->ndpi ? 8 : 4;
    if (!inside(tree, offset, count_bytes))
        return lethe_fail(p->error, LETHE_MALFORMED, "directory offset %" PRIu64 " lies outside the file", offset);
    uint64_t count = number(tree, tree->bytes + offset, count_bytes);
    if (count > LETHE_LIMIT_TIFF_ENTRIES)
        return lethe_fail(p->error, LETHE_LIMIT, "directory at offset %" PRIu64 " has %" PRIu64 " entries", offset, count);
    uint64_t bytes = count_bytes + count * entry_bytes + next_bytes + (tree->ndpi ? 4 * count : 0);
    if (!inside(tree, offset, bytes)) return lethe_fail(p->error, LETHE_MALFORMED, "directory at offset %" PRIu64 " is cut off", offset);

    lethe_tiff_directory *directory = lethe_arena_alloc(tree->arena, sizeof *directory);
    lethe_tiff_entry *entries = lethe_arena_alloc_array(tree->arena, count ? count : 1, sizeof *entries);
    if (!directory || !entries) return lethe_fail(p->error, LETHE_NO_MEMORY, "out of memory for directories");
    directory->offset = offset;
    directory->bytes = bytes;
    directory->entries = entries;
    directory->entry_count = (uint32_t)count;
    uint64_t after = offset + count_bytes + count * entry_bytes;
    for (uint32_t i = 0; i < count; i++) {
        uint64_t at = offset + count_bytes + (uint64_t)i * entry_bytes;
        uint32_t high = tree->ndpi ? (uint32_t)number(tree, tree->bytes + after + 8 + 4 * (uint64_t)i, 4) : 0;
        status = read_entry(p, tree->bytes + at, at, high, &entries[i]);
        if (status != LETHE_OK) return status;
    }
    *next = number(tree, tree->bytes + after, next_bytes);
    tree->directory_count++;
    *out = directory;
    return LETHE_OK;
}

/* --- children --- */

static bool is_directory_pointer(uint16_t tag) {
    return tag == LETHE_TIFF_SUB_IFDS || tag == LETHE_TIFF_EXIF_IFD || tag == LETHE_TIFF_GPS_IFD || tag == LETHE_TIFF_INTEROPERABILITY_IFD;
}

static bool has_pointer_type(uint16_t type) {
    return type == LETHE_TIFF_LONG || type == LETHE_TIFF_IFD || type == LETHE_TIFF_LONG8 || type == LETHE_TIFF_IFD8;
}

/* Read the children of `directory`. Chains that hang off a child (its own "next") are children too. Recursion is bounded by MAX_DEPTH. */
static lethe_status read_children(parser *p, lethe_tiff_directory *directory, unsigned depth) {
    lethe_tiff_directory **tail = &directory->children;
    uint32_t index = 0;
    for (uint32_t i = 0; i < directory->entry_count; i++) {
        const lethe_tiff_entry *entry = &directory->entries[i];
        if (!is_directory_pointer(entry->tag) || !has_pointer_type(entry->type)) continue;
        if (depth >= MAX_DEPTH) return lethe_fail(p->error, LETHE_LIMIT, "directories nested deeper than %d", MAX_DEPTH);
        if (entry->count > MAX_CHILDREN)
            return lethe_fail(p->error, LETHE_LIMIT, "tag %u points to %" PRIu64 " directories", entry->tag, entry->count);
        for (uint64_t k = 0; k < entry->count; k++) {
            uint64_t offset = 0;
            (void)lethe_tiff_entry_uint(p->tree, entry, k, &offset);
            while (offset != 0) {
                lethe_tiff_directory *child = NULL;
                lethe_status status = read_directory(p, offset, &child, &offset);
                if (status != LETHE_OK) return status;
                child->parent = directory;
                child->parent_tag = entry->tag;
                child->index = index++;
                *tail = child;
                tail = &child->next;
                status = read_children(p, child, depth + 1);
                if (status != LETHE_OK) return status;
            }
        }
    }
    return LETHE_OK;
}

/* --- the whole file --- */

/* NDPI calls itself classic little-endian TIFF, but its first offset has 8 bytes and its first directory the format flag. */
static bool is_ndpi(const lethe_tiff_tree *tree) {
    if (tree->big || tree->big_endian || tree->size < 16) return false;
    uint64_t offset = number(tree, tree->bytes + 4, 8);
    if (!inside(tree, offset, 2)) return false;
    uint64_t count = number(tree, tree->bytes + offset, 2);
    if (!inside(tree, offset, 2 + 16 * count + 8)) return false;
    for (uint64_t i = 0; i < count; i++)
        if (number(tree, tree->bytes + offset + 2 + 12 * i, 2) == LETHE_NDPI_FORMAT_FLAG) return true;
    return false;
}

static lethe_status read_header(parser *p, uint64_t *first) {
    lethe_tiff_tree *tree = p->tree;
    if (!lethe_tiff_looks_like(tree->bytes, tree->size)) return lethe_fail(p->error, LETHE_MALFORMED, "not a TIFF file");
    tree->big_endian = tree->bytes[0] == 'M';
    tree->big = number(tree, tree->bytes + 2, 2) == 43;
    if (tree->big) {
        if (tree->size < 16 || number(tree, tree->bytes + 4, 2) != 8 || number(tree, tree->bytes + 6, 2) != 0)
            return lethe_fail(p->error, LETHE_MALFORMED, "BigTIFF header is wrong");
        *first = number(tree, tree->bytes + 8, 8);
        return LETHE_OK;
    }
    tree->ndpi = is_ndpi(tree);
    *first = number(tree, tree->bytes + 4, tree->ndpi ? 8 : 4);
    return LETHE_OK;
}

lethe_status lethe_tiff_parse(const uint8_t *bytes, uint64_t size, lethe_arena *arena, lethe_tiff_tree **out, lethe_error *error) {
    *out = NULL;
    lethe_tiff_tree *tree = lethe_arena_alloc(arena, sizeof *tree);
    if (!tree) return lethe_fail(error, LETHE_NO_MEMORY, "out of memory");
    *tree = (lethe_tiff_tree){.bytes = bytes, .size = size, .arena = arena};
    parser p = {.tree = tree, .error = error};
    uint64_t offset = 0;
    lethe_status status = read_header(&p, &offset);
    lethe_tiff_directory **tail = &tree->first;
    while (status == LETHE_OK && offset != 0) {
        lethe_tiff_directory *directory = NULL;
        status = read_directory(&p, offset, &directory, &offset);
        if (status != LETHE_OK) break;
        directory->index = tree->chain_count++;
        *tail = directory;
        tail = &directory->next;
        status = read_children(&p, directory, 0);
    }
    if (status == LETHE_OK && !tree->first) status = lethe_fail(error, LETHE_MALFORMED, "TIFF file without a directory");
    lethe_free(p.seen);
    if (status == LETHE_OK) *out = tree;
    return status;
}

/* --- values --- */

const lethe_tiff_directory *lethe_tiff_at(const lethe_tiff_tree *tree, uint32_t index) {
    const lethe_tiff_directory *directory = tree->first;
    while (directory && directory->index < index) directory = directory->next;
    return directory;
}

const lethe_tiff_entry *lethe_tiff_find(const lethe_tiff_directory *directory, uint16_t tag) {
    for (uint32_t i = 0; i < directory->entry_count; i++)
        if (directory->entries[i].tag == tag) return &directory->entries[i];
    return NULL;
}

bool lethe_tiff_entry_uint(const lethe_tiff_tree *tree, const lethe_tiff_entry *entry, uint64_t index, uint64_t *value) {
    if (!entry || !entry->value || index >= entry->count) return false;
    unsigned unit = lethe_tiff_type_bytes(entry->type);
    const uint8_t *at = entry->value + index * unit;
    switch (entry->type) {
    case LETHE_TIFF_BYTE:
    case LETHE_TIFF_SHORT:
    case LETHE_TIFF_LONG:
    case LETHE_TIFF_IFD:
    case LETHE_TIFF_LONG8:
    case LETHE_TIFF_IFD8: *value = number(tree, at, unit); break;
    default: return false;
    }
    if (tree->ndpi && entry->inlined && entry->count == 1 && unit == 4) *value |= (uint64_t)entry->ndpi_high << 32;
    return true;
}

bool lethe_tiff_entry_double(const lethe_tiff_tree *tree, const lethe_tiff_entry *entry, uint64_t index, double *value) {
    if (!entry || !entry->value || index >= entry->count) return false;
    unsigned unit = lethe_tiff_type_bytes(entry->type);
    const uint8_t *at = entry->value + index * unit;
    uint64_t bits = number(tree, at, unit == 8 && (entry->type == LETHE_TIFF_RATIONAL || entry->type == LETHE_TIFF_SRATIONAL) ? 4 : unit);
    switch (entry->type) {
    case LETHE_TIFF_RATIONAL: {
        uint64_t below = number(tree, at + 4, 4);
        if (!below) return false;
        *value = (double)bits / (double)below;
        return true;
    }
    case LETHE_TIFF_SRATIONAL: {
        int32_t below = (int32_t)number(tree, at + 4, 4);
        if (!below) return false;
        *value = (double)(int32_t)bits / below;
        return true;
    }
    case LETHE_TIFF_FLOAT: {
        uint32_t narrow = (uint32_t)bits;
        float single;
        memcpy(&single, &narrow, sizeof single);
        *value = (double)single;
        return true;
    }
    case LETHE_TIFF_DOUBLE: memcpy(value, &bits, sizeof *value); return true;
    case LETHE_TIFF_SBYTE: *value = (int8_t)bits; return true;
    case LETHE_TIFF_SSHORT: *value = (int16_t)bits; return true;
    case LETHE_TIFF_SLONG: *value = (int32_t)bits; return true;
    case LETHE_TIFF_SLONG8: *value = (double)(int64_t)bits; return true;
    default: break;
    }
    uint64_t whole;
    if (!lethe_tiff_entry_uint(tree, entry, index, &whole)) return false;
    *value = (double)whole;
    return true;
}

uint64_t lethe_tiff_uint(const lethe_tiff_tree *tree, const lethe_tiff_directory *directory, uint16_t tag, uint64_t fallback) {
    uint64_t value;
    return lethe_tiff_entry_uint(tree, lethe_tiff_find(directory, tag), 0, &value) ? value : fallback;
}

double lethe_tiff_double(const lethe_tiff_tree *tree, const lethe_tiff_directory *directory, uint16_t tag, double fallback) {
    double value;
    return lethe_tiff_entry_double(tree, lethe_tiff_find(directory, tag), 0, &value) ? value : fallback;
}

const char *lethe_tiff_text(const lethe_tiff_tree *tree, const lethe_tiff_directory *directory, uint16_t tag) {
    const lethe_tiff_entry *entry = lethe_tiff_find(directory, tag);
    if (!entry || !entry->value || lethe_tiff_type_bytes(entry->type) != 1 || entry->bytes > LETHE_LIMIT_TEXT_FILE_BYTES) return "";
    size_t length = strnlen((const char *)entry->value, (size_t)entry->bytes);
    return lethe_arena_strndup(tree->arena, (const char *)entry->value, length);
}

/* --- image data --- */

bool lethe_tiff_segments_of(const lethe_tiff_directory *directory, lethe_tiff_segments *segments) {
    *segments = (lethe_tiff_segments){0};
    const lethe_tiff_entry *offsets = lethe_tiff_find(directory, LETHE_TIFF_TILE_OFFSETS);
    segments->tiled = offsets != NULL;
    if (!offsets) offsets = lethe_tiff_find(directory, LETHE_TIFF_STRIP_OFFSETS);
    const lethe_tiff_entry *counts = lethe_tiff_find(directory, segments->tiled ? LETHE_TIFF_TILE_BYTE_COUNTS : LETHE_TIFF_STRIP_BYTE_COUNTS);
    if (!offsets || !counts || offsets->count != counts->count || offsets->count == 0 || offsets->count > LETHE_LIMIT_TIFF_TILES) return false;
    segments->offsets = offsets;
    segments->byte_counts = counts;
    segments->count = offsets->count;
    return true;
}

bool lethe_tiff_segment_at(const lethe_tiff_tree *tree, const lethe_tiff_segments *segments, uint64_t index, uint64_t *offset, uint64_t *bytes) {
    if (!lethe_tiff_entry_uint(tree, segments->offsets, index, offset) || !lethe_tiff_entry_uint(tree, segments->byte_counts, index, bytes))
        return false;
    if (*bytes == 0 || *offset == 0) {
        *offset = *bytes = 0;
        return true;
    }
    return inside(tree, *offset, *bytes);
}
