#include "imaging/slide/tiff_write.h"

#include "core/memory.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum {
    PAGE = 4096,
    ALIGN_RUN_BYTES = 1 << 20,
    COPY_CHUNK = 2 << 20,       /* small enough that whoever looks at it finds it in a processor's cache */
    SHARE_CHUNK = 64 << 20,     /* nothing is copied: one request to the file system for many bytes */
    READ_AHEAD_BYTES = 32 << 20 /* asked from a disk before they are copied */
};

typedef struct draft_value {
    uint16_t tag, type;
    uint64_t count, bytes;
    const uint8_t *value; /* NULL for the lists of segments and of SubIFDs: made while writing */
    uint64_t out_offset;  /* of the value, when it does not fit into the entry */
} draft_value;

struct lethe_tiff_draft_directory {
    lethe_tiff_draft *draft;
    lethe_tiff_draft_directory *next, *first_child, *last_child;
    draft_value *values; /* sorted by tag when laid out */
    size_t value_count, value_capacity, child_count;
    lethe_tiff_segment *segments;
    uint64_t segment_count;
    bool tiled;
    uint64_t out_offset, next_offset;
};

struct lethe_tiff_draft {
    lethe_arena *arena;
    bool big_endian, big, ndpi;
    lethe_tiff_draft_directory *first, *last;
    size_t count;
};

/* What is written, in order of its place in the output. */
typedef struct block {
    enum { BLOCK_DIRECTORY, BLOCK_VALUE, BLOCK_SEGMENT } kind;
    uint64_t out_offset, bytes;
    lethe_tiff_draft_directory *directory;
    size_t index; /* of the value */
    const lethe_tiff_segment *segment;
} block;

typedef struct layout {
    lethe_tiff_draft *draft;
    block *blocks; /* directories and values only; segments stand in `order` */
    size_t block_count, block_capacity;
    lethe_tiff_segment **order; /* distinct kept segments by source offset, per run of `segment_blocks` */
    uint64_t order_count;
    uint64_t at; /* end of what has a place */
    lethe_error *error;
} layout;

/* --- building --- */

lethe_tiff_draft *lethe_tiff_draft_create(const lethe_tiff_tree *source, lethe_arena *arena) {
    lethe_tiff_draft *draft = lethe_arena_alloc(arena, sizeof *draft);
    if (draft) *draft = (lethe_tiff_draft){.arena = arena, .big_endian = source->big_endian, .big = source->big, .ndpi = source->ndpi};
    return draft;
}

lethe_tiff_draft_directory *lethe_tiff_draft_add(lethe_tiff_draft *draft, lethe_tiff_draft_directory *parent) {
    lethe_tiff_draft_directory *directory = lethe_arena_alloc(draft->arena, sizeof *directory);
    if (!directory) return NULL;
    directory->draft = draft;
    lethe_tiff_draft_directory **first = parent ? &parent->first_child : &draft->first, **last = parent ? &parent->last_child : &draft->last;
    if (*last) (*last)->next = directory;
    else *first = directory;
    *last = directory;
    if (parent) parent->child_count++;
    draft->count++;
    return directory;
}

size_t lethe_tiff_draft_count(const lethe_tiff_draft *draft) { return draft->count; }

static void put_number(const lethe_tiff_draft *draft, uint8_t *at, uint64_t value, unsigned bytes) {
    for (unsigned i = 0; i < bytes; i++) at[draft->big_endian ? bytes - 1 - i : i] = (uint8_t)(value >> (8 * i));
}

lethe_status lethe_tiff_draft_raw(lethe_tiff_draft_directory *directory, uint16_t tag, uint16_t type, uint64_t count, const void *value,
                                  lethe_error *error) {
    draft_value *slot = NULL;
    for (size_t i = 0; i < directory->value_count; i++)
        if (directory->values[i].tag == tag) slot = &directory->values[i];
    if (!slot && directory->value_count == directory->value_capacity) {
        size_t capacity = directory->value_capacity ? 2 * directory->value_capacity : 32;
        draft_value *grown = lethe_arena_alloc_array(directory->draft->arena, capacity, sizeof *grown);
        if (!grown) return lethe_fail(error, LETHE_NO_MEMORY, "out of memory");
        if (directory->value_count) memcpy(grown, directory->values, directory->value_count * sizeof *grown);
        directory->values = grown;
        directory->value_capacity = capacity;
    }
    if (!slot) slot = &directory->values[directory->value_count++];
    *slot = (draft_value){.tag = tag, .type = type, .count = count, .bytes = count * lethe_tiff_type_bytes(type), .value = value};
    return LETHE_OK;
}

lethe_status lethe_tiff_draft_keep(lethe_tiff_draft_directory *directory, const lethe_tiff_entry *entry, lethe_error *error) {
    return lethe_tiff_draft_raw(directory, entry->tag, entry->type, entry->count, entry->value, error);
}

lethe_status lethe_tiff_draft_uint(lethe_tiff_draft_directory *directory, uint16_t tag, uint16_t type, uint64_t value, lethe_error *error) {
    uint32_t bytes = lethe_tiff_type_bytes(type);
    uint8_t *copy = lethe_arena_alloc(directory->draft->arena, 8);
    if (!copy) return lethe_fail(error, LETHE_NO_MEMORY, "out of memory");
    put_number(directory->draft, copy, value, bytes);
    return lethe_tiff_draft_raw(directory, tag, type, 1, copy, error);
}

lethe_status lethe_tiff_draft_text(lethe_tiff_draft_directory *directory, uint16_t tag, const char *text, lethe_error *error) {
    char *copy = lethe_arena_strndup(directory->draft->arena, text, strlen(text));
    if (!copy) return lethe_fail(error, LETHE_NO_MEMORY, "out of memory");
    return lethe_tiff_draft_raw(directory, tag, LETHE_TIFF_ASCII, strlen(text) + 1, copy, error);
}

lethe_status lethe_tiff_draft_segments(lethe_tiff_draft_directory *directory, bool tiled, lethe_tiff_segment *segments, uint64_t count,
                                       lethe_error *error) {
    uint16_t type = directory->draft->big ? LETHE_TIFF_LONG8 : LETHE_TIFF_LONG;
    directory->tiled = tiled;
    directory->segments = segments;
    directory->segment_count = count;
    lethe_status status = lethe_tiff_draft_raw(directory, tiled ? LETHE_TIFF_TILE_OFFSETS : LETHE_TIFF_STRIP_OFFSETS, type, count, NULL, error);
    if (status != LETHE_OK) return status;
    return lethe_tiff_draft_raw(directory, tiled ? LETHE_TIFF_TILE_BYTE_COUNTS : LETHE_TIFF_STRIP_BYTE_COUNTS, type, count, NULL, error);
}

void lethe_tiff_draft_segments_of(const lethe_tiff_draft_directory *directory, lethe_tiff_segment **segments, uint64_t *count) {
    *segments = directory->segments;
    *count = directory->segment_count;
}

/* --- layout --- */

static lethe_status add_block(layout *l, block added) {
    if (l->block_count == l->block_capacity) {
        size_t capacity = l->block_capacity ? 2 * l->block_capacity : 256;
        block *grown = lethe_realloc_array(l->blocks, capacity, sizeof *grown);
        if (!grown) return lethe_fail(l->error, LETHE_NO_MEMORY, "out of memory for the layout");
        l->blocks = grown;
        l->block_capacity = capacity;
    }
    added.out_offset = l->at;
    l->blocks[l->block_count++] = added;
    l->at += added.bytes;
    return LETHE_OK;
}

static int by_tag(const void *a, const void *b) { return ((const draft_value *)a)->tag - ((const draft_value *)b)->tag; }

static uint64_t directory_bytes(const lethe_tiff_draft *draft, uint64_t entries) {
    if (draft->big) return 8 + 20 * entries + 8;
    return 2 + 12 * entries + (draft->ndpi ? 8 + 4 * entries : 4);
}

static void align(layout *l) { l->at = (l->at + 7) & ~(uint64_t)7; }

static lethe_status place_values(layout *l, lethe_tiff_draft_directory *directory) {
    const unsigned word = l->draft->big ? 8 : 4;
    for (size_t i = 0; i < directory->value_count; i++) {
        draft_value *value = &directory->values[i];
        if (value->bytes <= word) continue;
        align(l);
        value->out_offset = l->at;
        lethe_status status = add_block(l, (block){.kind = BLOCK_VALUE, .bytes = value->bytes, .directory = directory, .index = i});
        if (status != LETHE_OK) return status;
    }
    return LETHE_OK;
}

static lethe_status place_directory(layout *l, lethe_tiff_draft_directory *directory) {
    align(l);
    directory->out_offset = l->at;
    return add_block(l, (block){.kind = BLOCK_DIRECTORY, .bytes = directory_bytes(l->draft, directory->value_count), .directory = directory});
}

/* Sort tags; SubIFDs get their pointer tag. */
static lethe_status prepare(layout *l, lethe_tiff_draft_directory *directory) {
    if (directory->child_count) {
        lethe_status status = lethe_tiff_draft_raw(directory, LETHE_TIFF_SUB_IFDS, l->draft->big ? LETHE_TIFF_IFD8 : LETHE_TIFF_LONG,
                                                   directory->child_count, NULL, l->error);
        if (status != LETHE_OK) return status;
    }
    qsort(directory->values, directory->value_count, sizeof *directory->values, by_tag);
    if (!l->draft->big && directory->value_count > UINT16_MAX) return lethe_fail(l->error, LETHE_LIMIT, "too many tags in one directory");
    return LETHE_OK;
}

static int by_source(const void *a, const void *b) {
    const lethe_tiff_segment *left = *(lethe_tiff_segment *const *)a, *right = *(lethe_tiff_segment *const *)b;
    if (left->offset != right->offset) return left->offset < right->offset ? -1 : 1;
    if (left->bytes != right->bytes) return left->bytes < right->bytes ? -1 : 1;
    return left < right ? -1 : left > right;
}

/* True when `b` is the same range of the source as `a`, so that it may share a's place. */
static bool same_source(const lethe_tiff_segment *a, const lethe_tiff_segment *b) {
    return a->offset == b->offset && a->bytes == b->bytes && (!a->pieces == !b->pieces);
}

static bool from_memory(const lethe_tiff_segment *segment) { return segment->pieces && segment->pieces[0].memory && segment->piece_count == 1; }

/* Give order[first, last) places: sorted by source, equal ones shared, long runs on the source's position within a page so that file systems can
 * share extents. */
static lethe_status place_segments(layout *l, uint64_t first, uint64_t last) {
    qsort(l->order + first, (size_t)(last - first), sizeof *l->order, by_source);
    uint64_t kept = first, source_end = 0;
    const lethe_tiff_segment *before = NULL; /* the last one from the source */
    const void *noted = NULL;                /* what was last said of its range */
    for (uint64_t i = first; i < last; i++) {
        lethe_tiff_segment *segment = l->order[i];
        if (from_memory(segment)) {
            segment->out_offset = l->at;
            l->at += segment->bytes;
            l->order[kept++] = segment;
            continue;
        }
        if (before && same_source(before, segment)) {
            segment->out_offset = before->out_offset;
            segment->shared = true;
            /* Written once, but told of for each directory that reads it in its own way. */
            if (segment->note && segment->note != noted) l->order[kept++] = segment;
            noted = segment->note;
            continue;
        }
        if (segment->offset < source_end)
            return lethe_fail(l->error, LETHE_UNSAFE, "image data at offset %" PRIu64 " overlaps other image data", segment->offset);
        if (segment->offset != source_end || segment->pieces || !before) {
            uint64_t run = segment->bytes;
            for (uint64_t k = i + 1; k < last && run < ALIGN_RUN_BYTES && l->order[k]->offset == segment->offset + run; k++)
                run += l->order[k]->bytes;
            if (run >= ALIGN_RUN_BYTES) l->at += (segment->offset - l->at) & (PAGE - 1);
        }
        segment->out_offset = l->at;
        l->at += segment->bytes;
        source_end = segment->pieces ? segment->offset : segment->offset + segment->bytes;
        before = l->order[kept++] = segment;
        noted = segment->note;
    }
    /* Shared ones leave holes in the order; close them. */
    for (uint64_t i = kept; i < last; i++) l->order[i] = NULL;
    return LETHE_OK;
}

typedef lethe_status (*directory_fn)(layout *l, lethe_tiff_draft_directory *directory);

/* Chain order, each directory before its children; children have no children of their own in a draft. */
static lethe_status each_directory(layout *l, directory_fn visit) {
    for (lethe_tiff_draft_directory *directory = l->draft->first; directory; directory = directory->next) {
        lethe_status status = visit(l, directory);
        for (lethe_tiff_draft_directory *child = directory->first_child; status == LETHE_OK && child; child = child->next) status = visit(l, child);
        if (status != LETHE_OK) return status;
    }
    return LETHE_OK;
}

static lethe_status place_front(layout *l, lethe_tiff_draft_directory *directory) {
    lethe_status status = place_directory(l, directory);
    return status == LETHE_OK ? place_values(l, directory) : status;
}

static lethe_status collect(layout *l, lethe_tiff_draft_directory *directory) {
    for (uint64_t i = 0; i < directory->segment_count; i++)
        if (directory->segments[i].bytes) l->order[l->order_count++] = &directory->segments[i];
    return LETHE_OK;
}

static lethe_status place_ndpi(layout *l, lethe_tiff_draft_directory *directory) {
    uint64_t first = l->order_count;
    (void)collect(l, directory);
    lethe_status status = place_segments(l, first, l->order_count);
    if (status == LETHE_OK) status = place_values(l, directory);
    if (status == LETHE_OK) status = place_directory(l, directory);
    return status;
}

static lethe_status count_segments(layout *l, lethe_tiff_draft_directory *directory) {
    l->order_count += directory->segment_count;
    return LETHE_OK;
}

static lethe_status make_layout(layout *l) {
    lethe_tiff_draft *draft = l->draft;
    lethe_status status = each_directory(l, prepare);
    if (status == LETHE_OK) status = each_directory(l, count_segments);
    if (status != LETHE_OK) return status;
    l->order = lethe_alloc_array((size_t)l->order_count + 1, sizeof *l->order);
    if (!l->order) return lethe_fail(l->error, LETHE_NO_MEMORY, "out of memory for the layout");
    l->order_count = 0;
    l->at = draft->big ? 16 : draft->ndpi ? 12 : 8;
    if (draft->ndpi) {
        status = each_directory(l, place_ndpi);
    } else {
        status = each_directory(l, place_front);
        if (status == LETHE_OK) status = each_directory(l, collect);
        if (status == LETHE_OK) status = place_segments(l, 0, l->order_count);
    }
    if (status != LETHE_OK) return status;
    if (!draft->big && !draft->ndpi && l->at > UINT32_MAX) return lethe_fail(l->error, LETHE_LIMIT, "a classic TIFF file cannot pass 4 GiB");
    for (lethe_tiff_draft_directory *directory = draft->first; directory; directory = directory->next)
        directory->next_offset = directory->next ? directory->next->out_offset : 0;
    return LETHE_OK;
}

/* --- writing --- */

typedef struct writer {
    layout *l;
    lethe_output *output;
    int source_fd;
    uint64_t run_source, run_bytes; /* source bytes not copied yet */
    uint64_t asked;                 /* end of what was asked from the disk */
    uint64_t told;                  /* segments of the order that the watcher knows */
    bool no_sharing;                /* the file system cannot */
    const lethe_tiff_watcher *watcher;
    lethe_error *error;
} writer;

/* The range of `bytes` that now ends the output came from `source`. */
static lethe_status tell(writer *w, uint64_t source, uint64_t bytes, bool shares_blocks) {
    layout *l = w->l;
    const uint64_t end = lethe_output_size(w->output);
    if (!w->watcher || !w->watcher->copied) return LETHE_OK;
    for (uint64_t at = end - bytes; at < end;) {
        uint64_t piece = end - at < COPY_CHUNK ? end - at : COPY_CHUNK, first = w->told;
        while (w->told < l->order_count && (!l->order[w->told] || l->order[w->told]->out_offset < at + piece)) w->told++;
        const lethe_tiff_copied range = {.source_offset = source,
                                         .out_offset = at,
                                         .bytes = piece,
                                         .shares_blocks = shares_blocks,
                                         .segments = l->order + first,
                                         .segment_count = (size_t)(w->told - first),
                                         .total_bytes = l->at};
        if (!w->watcher->copied(w->watcher->context, &range)) return lethe_fail(w->error, LETHE_DENIED, "writing was stopped");
        at += piece;
        source += piece;
    }
    return LETHE_OK;
}

/* Bytes that will be wanted soon. A hint: nothing depends on it. */
static void ask_ahead(writer *w) {
    uint64_t end = w->run_source + (w->run_bytes < READ_AHEAD_BYTES ? w->run_bytes : READ_AHEAD_BYTES);
    uint64_t from = w->asked > w->run_source && w->asked <= end ? w->asked : w->run_source;
    if (end - from < READ_AHEAD_BYTES / 2 && w->run_bytes > READ_AHEAD_BYTES) return;
    if (end > from) (void)posix_fadvise(w->source_fd, (off_t)from, (off_t)(end - from), POSIX_FADV_WILLNEED);
    w->asked = end;
}

/* As much of the run as one step takes: whole pages where both files have them at the same place, since only these can be shared. */
static lethe_status flush_some(writer *w) {
    const uint64_t from = w->run_source, in_page = from & (PAGE - 1), to = lethe_output_size(w->output);
    const bool in_step = !w->no_sharing && ((from - to) & (PAGE - 1)) == 0 && w->run_bytes >= ALIGN_RUN_BYTES;
    uint64_t bytes = w->run_bytes < COPY_CHUNK ? w->run_bytes : COPY_CHUNK;
    bool shared = false;
    lethe_status status = LETHE_OK;
    ask_ahead(w);
    if (in_step && in_page) bytes = PAGE - in_page;
    else if (in_step) {
        uint64_t pages = (w->run_bytes < SHARE_CHUNK ? w->run_bytes : SHARE_CHUNK) & ~(uint64_t)(PAGE - 1);
        status = lethe_output_share(w->output, w->source_fd, from, pages, &shared, w->error);
        if (shared) bytes = pages;
        else w->no_sharing = true;
    }
    if (status == LETHE_OK && !shared) status = lethe_output_copy(w->output, w->source_fd, from, bytes, w->error);
    w->run_source += bytes;
    w->run_bytes -= bytes;
    return status == LETHE_OK ? tell(w, from, bytes, shared) : status;
}

static lethe_status flush_run(writer *w) {
    lethe_status status = LETHE_OK;
    while (status == LETHE_OK && w->run_bytes) status = flush_some(w);
    return status;
}

static lethe_status pad_to(writer *w, uint64_t offset) {
    static const uint8_t zeros[PAGE];
    uint64_t at = lethe_output_size(w->output) + w->run_bytes;
    if (at == offset) return LETHE_OK;
    lethe_status status = flush_run(w);
    if (status != LETHE_OK) return status;
    if (at > offset || offset - at > sizeof zeros) return lethe_fail(w->error, LETHE_INTERNAL, "layout of the output is inconsistent");
    return lethe_output_write(w->output, zeros, (size_t)(offset - at), w->error);
}

static lethe_status write_piece(writer *w, const lethe_tiff_piece *piece) {
    if (piece->memory) {
        lethe_status status = flush_run(w);
        return status == LETHE_OK ? lethe_output_write(w->output, piece->memory, (size_t)piece->bytes, w->error) : status;
    }
    if (w->run_bytes && piece->offset == w->run_source + w->run_bytes) {
        w->run_bytes += piece->bytes;
        return LETHE_OK;
    }
    lethe_status status = flush_run(w);
    w->run_source = piece->offset;
    w->run_bytes = piece->bytes;
    return status;
}

static lethe_status write_segment(writer *w, const lethe_tiff_segment *segment) {
    lethe_status status = pad_to(w, segment->out_offset);
    if (!segment->pieces) {
        lethe_tiff_piece whole = {.offset = segment->offset, .bytes = segment->bytes};
        return status == LETHE_OK ? write_piece(w, &whole) : status;
    }
    for (uint32_t i = 0; status == LETHE_OK && i < segment->piece_count; i++) status = write_piece(w, &segment->pieces[i]);
    return status;
}

static uint64_t made_value(const lethe_tiff_draft_directory *directory, const draft_value *value, uint64_t index) {
    if (value->tag == LETHE_TIFF_SUB_IFDS) {
        const lethe_tiff_draft_directory *child = directory->first_child;
        while (child && index--) child = child->next;
        return child ? child->out_offset : 0;
    }
    bool counts = value->tag == LETHE_TIFF_TILE_BYTE_COUNTS || value->tag == LETHE_TIFF_STRIP_BYTE_COUNTS;
    const lethe_tiff_segment *segment = &directory->segments[index];
    return counts ? segment->bytes : segment->bytes ? segment->out_offset : 0;
}

static lethe_status write_value(writer *w, const block *b) {
    const draft_value *value = &b->directory->values[b->index];
    if (value->value) return lethe_output_write(w->output, value->value, (size_t)value->bytes, w->error);
    unsigned unit = lethe_tiff_type_bytes(value->type);
    uint8_t piece[4096];
    size_t used = 0;
    for (uint64_t i = 0; i < value->count; i++) {
        uint64_t number = made_value(b->directory, value, i);
        if (unit == 4 && number > UINT32_MAX) return lethe_fail(w->error, LETHE_UNSUPPORTED, "several strips beyond 4 GiB in one directory");
        put_number(w->l->draft, piece + used, number, unit);
        used += unit;
        if (used + 8 > sizeof piece || i + 1 == value->count) {
            lethe_status status = lethe_output_write(w->output, piece, used, w->error);
            if (status != LETHE_OK) return status;
            used = 0;
        }
    }
    return LETHE_OK;
}

static lethe_status write_directory(writer *w, const lethe_tiff_draft_directory *directory) {
    const lethe_tiff_draft *draft = w->l->draft;
    const unsigned word = draft->big ? 8 : 4;
    uint64_t size = directory_bytes(draft, directory->value_count);
    uint8_t *bytes = lethe_alloc_array((size_t)size, 1);
    if (!bytes) return lethe_fail(w->error, LETHE_NO_MEMORY, "out of memory");
    uint8_t *at = bytes, *high = NULL;
    put_number(draft, at, directory->value_count, draft->big ? 8 : 2);
    at += draft->big ? 8 : 2;
    if (draft->ndpi) high = at + 12 * directory->value_count + 8;
    for (size_t i = 0; i < directory->value_count; i++, at += 4 + 2 * word) {
        const draft_value *value = &directory->values[i];
        put_number(draft, at, value->tag, 2);
        put_number(draft, at + 2, value->type, 2);
        put_number(draft, at + 4, value->count, word);
        uint64_t number = value->out_offset;
        if (value->bytes <= word && value->value) {
            memcpy(at + 4 + word, value->value, (size_t)value->bytes);
            continue;
        }
        bool made_inline = value->bytes <= word;
        if (made_inline) number = made_value(directory, value, 0);
        unsigned unit = made_inline ? lethe_tiff_type_bytes(value->type) : word;
        put_number(draft, at + 4 + word, number, unit);
        if (made_inline && value->count > 1) put_number(draft, at + 4 + word + unit, made_value(directory, value, 1), unit); /* 2 x LONG in BigTIFF */
        if (high) put_number(draft, high + 4 * i, number >> 32, 4);
    }
    put_number(draft, at, directory->next_offset, draft->big || draft->ndpi ? 8 : 4);
    lethe_status status = lethe_output_write(w->output, bytes, (size_t)size, w->error);
    lethe_free(bytes);
    return status;
}

static lethe_status write_header(writer *w) {
    const lethe_tiff_draft *draft = w->l->draft;
    uint8_t header[16] = {0};
    memcpy(header, draft->big_endian ? "MM" : "II", 2);
    put_number(draft, header + 2, draft->big ? 43 : 42, 2);
    if (draft->big) {
        put_number(draft, header + 4, 8, 2);
        put_number(draft, header + 8, draft->first->out_offset, 8);
    } else put_number(draft, header + 4, draft->first->out_offset, draft->ndpi ? 8 : 4);
    return lethe_output_write(w->output, header, draft->big ? 16 : draft->ndpi ? 12 : 8, w->error);
}

/* Two sorted lists, one output: whichever comes next. */
static lethe_status write_blocks(writer *w) {
    layout *l = w->l;
    size_t b = 0;
    uint64_t s = 0;
    lethe_status status = LETHE_OK;
    while (status == LETHE_OK) {
        while (s < l->order_count && (!l->order[s] || l->order[s]->shared)) s++;
        bool segment_next = s < l->order_count && (b >= l->block_count || l->order[s]->out_offset < l->blocks[b].out_offset);
        if (segment_next) {
            status = write_segment(w, l->order[s++]);
            continue;
        }
        if (b >= l->block_count) break;
        const block *next = &l->blocks[b++];
        status = pad_to(w, next->out_offset);
        if (status == LETHE_OK) status = flush_run(w);
        if (status == LETHE_OK) status = next->kind == BLOCK_DIRECTORY ? write_directory(w, next->directory) : write_value(w, next);
    }
    return status == LETHE_OK ? flush_run(w) : status;
}

lethe_status lethe_tiff_draft_write(lethe_tiff_draft *draft, int source_fd, lethe_output *output, const lethe_tiff_watcher *watcher,
                                    lethe_error *error) {
    if (!draft->first) return lethe_fail(error, LETHE_UNSAFE, "nothing of the slide may be kept");
    layout l = {.draft = draft, .error = error};
    lethe_status status = make_layout(&l);
    writer w = {.l = &l, .output = output, .source_fd = source_fd, .watcher = watcher, .error = error};
    if (status == LETHE_OK) status = write_header(&w);
    if (status == LETHE_OK) status = write_blocks(&w);
    if (status == LETHE_OK && lethe_output_size(output) != l.at) status = lethe_fail(error, LETHE_INTERNAL, "layout of the output is inconsistent");
    if (watcher && watcher->ended) watcher->ended(watcher->context);
    lethe_free(l.blocks);
    lethe_free(l.order);
    return status;
}
