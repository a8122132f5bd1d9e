/* The proof for MRXS, with a reader of its own. */
#include "core/file.h"
#include "core/limits.h"
#include "core/memory.h"
#include "core/text.h"
#include "deid/slides/verify.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_DATA = 1000, VERSION = 5 };

typedef struct span {
    uint64_t start, end;
    uint32_t file;
} span;

typedef struct side {
    const char *folder;
    lethe_buffer ini, index;
    size_t id_bytes;
    uint32_t levels;
    span *used; /* of the index, file 0 */
    size_t used_count, used_capacity;
    lethe_error *error;
} side;

/* The value behind "KEY = " of the ini; "" when absent. */
static void value_of(const side *s, const char *key, char out[128]) {
    out[0] = '\0';
    for (const char *at = lethe_buffer_text(&s->ini); (at = strstr(at, key)) != NULL; at++) {
        if (at != lethe_buffer_text(&s->ini) && at[-1] != '\n') continue;
        const char *value = at + strlen(key);
        value += strspn(value, " ");
        if (*value++ != '=') continue;
        value += strspn(value, " ");
        size_t length = strcspn(value, "\r\n");
        (void)snprintf(out, 128, "%.*s", (int)(length < 127 ? length : 127), value);
        return;
    }
}

static lethe_status load(side *s, const char *name, lethe_buffer *into) {
    char *path = lethe_path_join(s->folder, name);
    lethe_status status = path ? lethe_file_read(path, into, s->error) : lethe_fail(s->error, LETHE_NO_MEMORY, "out of memory");
    lethe_free(path);
    return status;
}

static lethe_status open_side(side *s, const char *folder, lethe_error *error) {
    char text[128];
    int64_t count = 0;
    *s = (side){.folder = folder, .error = error};
    lethe_buffer_init(&s->ini, 1 << 20);
    lethe_buffer_init(&s->index, LETHE_LIMIT_ARENA_BYTES);
    lethe_status status = load(s, "Slidedat.ini", &s->ini);
    if (status != LETHE_OK) return status;
    value_of(s, "INDEXFILE", text);
    status = load(s, *text ? text : "Index.dat", &s->index);
    value_of(s, "SLIDE_ID", text);
    s->id_bytes = strlen(text);
    value_of(s, "HIER_0_COUNT", text);
    if (status == LETHE_OK && (!lethe_text_to_int64(text, &count) || count < 1 || count > 64))
        status = lethe_fail(error, LETHE_UNSAFE, "output: no levels");
    s->levels = (uint32_t)count;
    return status;
}

static void close_side(side *s) {
    lethe_buffer_release(&s->ini);
    lethe_buffer_release(&s->index);
    lethe_free(s->used);
}

static uint32_t at32(const side *s, uint64_t at) {
    if (at + 4 > s->index.size) return UINT32_MAX;
    const uint8_t *b = s->index.bytes + at;
    return (uint32_t)b[0] | (uint32_t)b[1] << 8 | (uint32_t)b[2] << 16 | (uint32_t)b[3] << 24;
}

static lethe_status use(side *s, uint64_t start, uint64_t bytes) {
    if (s->used_count == s->used_capacity) {
        size_t capacity = s->used_capacity ? 2 * s->used_capacity : 64;
        span *grown = lethe_realloc_array(s->used, capacity, sizeof *grown);
        if (!grown) return lethe_fail(s->error, LETHE_NO_MEMORY, "out of memory");
        s->used = grown;
        s->used_capacity = capacity;
    }
    s->used[s->used_count++] = (span){start, start + bytes, 0};
    return LETHE_OK;
}

static int by_start(const void *a, const void *b) {
    const span *left = a, *right = b;
    if (left->file != right->file) return left->file < right->file ? -1 : 1;
    if (left->start != right->start) return left->start < right->start ? -1 : 1;
    return left->end < right->end ? -1 : left->end > right->end;
}

/* One list of the index per call: its only page, entry by entry. Returns the count. */
typedef struct entry {
    uint32_t image, offset, bytes, file;
} entry;

static lethe_status list_of(side *s, uint32_t level, entry **entries, size_t *count) {
    uint32_t array = at32(s, VERSION + s->id_bytes), head = at32(s, (uint64_t)array + 4 * (uint64_t)level), page = at32(s, (uint64_t)head + 4);
    *entries = NULL;
    *count = 0;
    size_t capacity = 0;
    lethe_status status = use(s, head, 8);
    for (size_t pages = 0; status == LETHE_OK && page != 0; pages++) {
        uint32_t length = at32(s, page), next = at32(s, (uint64_t)page + 4);
        uint64_t bytes = 8 + 16 * (uint64_t)length;
        if (length == UINT32_MAX || (uint64_t)page + bytes > s->index.size || pages > s->index.size)
            return lethe_fail(s->error, LETHE_UNSAFE, "index list leaves the file");
        status = use(s, page, bytes);
        capacity = *count + length;
        entry *grown = status == LETHE_OK ? lethe_realloc_array(*entries, capacity + 1, sizeof *grown) : NULL;
        if (!grown) return lethe_fail(s->error, LETHE_NO_MEMORY, "out of memory");
        *entries = grown;
        for (uint32_t i = 0; i < length; i++) {
            uint64_t at = (uint64_t)page + 8 + 16 * (uint64_t)i;
            grown[(*count)++] = (entry){at32(s, at), at32(s, at + 4), at32(s, at + 8), at32(s, at + 12)};
        }
        page = next;
    }
    return status;
}

typedef struct proof {
    side in, out;
    lethe_map in_data[MAX_DATA], out_data[MAX_DATA];
    uint32_t in_count, out_count;
    span *kept; /* ranges of output data files */
    size_t kept_count, kept_capacity;
    lethe_error *error;
} proof;

static lethe_status open_data(side *s, lethe_map *maps, uint32_t *count) {
    char text[128], key[32];
    int64_t wanted = 0;
    value_of(s, "FILE_COUNT", text);
    if (!lethe_text_to_int64(text, &wanted) || wanted < 1 || wanted > MAX_DATA) return lethe_fail(s->error, LETHE_UNSAFE, "output: no data files");
    for (uint32_t i = 0; i < (uint32_t)wanted; i++) {
        (void)snprintf(key, sizeof key, "FILE_%u", i);
        value_of(s, key, text);
        char *path = lethe_path_join(s->folder, text);
        lethe_status status = path && *text && !strchr(text, '/') ? lethe_map_open(path, &maps[i], s->error)
                                                                  : lethe_fail(s->error, LETHE_UNSAFE, "data file has no name");
        lethe_free(path);
        if (status != LETHE_OK) return status;
        *count = i + 1;
    }
    return LETHE_OK;
}

static const uint8_t *data_at(const lethe_map *maps, uint32_t count, const entry *e) {
    if (e->file >= count || e->offset > maps[e->file].size || e->bytes > maps[e->file].size - e->offset) return NULL;
    return maps[e->file].bytes + e->offset;
}

static lethe_status keep(proof *p, const entry *e) {
    if (p->kept_count == p->kept_capacity) {
        size_t capacity = p->kept_capacity ? 2 * p->kept_capacity : 256;
        span *grown = lethe_realloc_array(p->kept, capacity, sizeof *grown);
        if (!grown) return lethe_fail(p->error, LETHE_NO_MEMORY, "out of memory");
        p->kept = grown;
        p->kept_capacity = capacity;
    }
    p->kept[p->kept_count++] = (span){e->offset, (uint64_t)e->offset + e->bytes, e->file};
    return LETHE_OK;
}

/* Equal, or shorter by dropped comments: then the scan behind the last of them must be equal. */
static bool same_picture(const uint8_t *in, uint32_t in_bytes, const uint8_t *out, uint32_t out_bytes) {
    if (in_bytes == out_bytes) return memcmp(in, out, in_bytes) == 0;
    if (out_bytes > in_bytes || out_bytes < 64) return false;
    const uint8_t *scan_in = memmem(in, in_bytes, "\xFF\xDA", 2), *scan_out = memmem(out, out_bytes, "\xFF\xDA", 2);
    if (!scan_in || !scan_out) return out[0] == 0x89; /* PNG: chunk checksums and the viewer's comparison hold */
    size_t rest = out_bytes - (size_t)(scan_out - out);
    while (scan_in && (size_t)(in + in_bytes - scan_in) >= rest) {
        if (memcmp(scan_in, scan_out, rest) == 0) return true;
        scan_in = memmem(scan_in + 2, (size_t)(in + in_bytes - scan_in - 2), "\xFF\xDA", 2);
    }
    return false;
}

static lethe_status compare_level(proof *p, uint32_t level, const lethe_verify_touched *touched) {
    entry *in = NULL, *out = NULL;
    size_t in_count = 0, out_count = 0;
    lethe_status status = list_of(&p->in, level, &in, &in_count);
    if (status == LETHE_OK) status = list_of(&p->out, level, &out, &out_count);
    if (status == LETHE_OK && in_count != out_count)
        status = lethe_fail(p->error, LETHE_UNSAFE, "output: level %u has another number of pictures", level);
    for (size_t i = 0; status == LETHE_OK && i < in_count; i++) {
        const uint8_t *from = data_at(p->in_data, p->in_count, &in[i]), *to = data_at(p->out_data, p->out_count, &out[i]);
        bool may_differ = touched && touched->is_touched(touched->context, level, i);
        if (!from || !to || in[i].image != out[i].image || (!may_differ && !same_picture(from, in[i].bytes, to, out[i].bytes)))
            status = lethe_fail(p->error, LETHE_UNSAFE, "output: picture %zu of level %u differs from the input's", i, level);
        else status = keep(p, &out[i]);
    }
    lethe_free(in);
    lethe_free(out);
    return status;
}

static lethe_status note_positions(proof *p) {
    side *s = &p->out;
    char text[128];
    value_of(s, "NONHIER_COUNT", text);
    uint32_t array = at32(s, VERSION + s->id_bytes + 4);
    lethe_status status = use(s, 0, VERSION + s->id_bytes + 8);
    if (status == LETHE_OK) status = use(s, at32(s, VERSION + s->id_bytes), 4 * (uint64_t)s->levels);
    if (status != LETHE_OK || strcmp(text, "0") == 0) return status;
    uint32_t head = at32(s, array), page = at32(s, (uint64_t)head + 4);
    const entry e = {0, at32(s, (uint64_t)page + 16), at32(s, (uint64_t)page + 20), at32(s, (uint64_t)page + 24)};
    if (!data_at(p->out_data, p->out_count, &e)) return lethe_fail(p->error, LETHE_UNSAFE, "output: positions leave their file");
    status = use(s, array, 4);
    if (status == LETHE_OK) status = use(s, head, 8);
    if (status == LETHE_OK) status = use(s, page, 28);
    return status == LETHE_OK ? keep(p, &e) : status;
}

/* Sorted spans of one file must fill it from `head` to its end. */
static lethe_status check_cover(span *spans, size_t count, uint64_t head, uint64_t size, lethe_error *error) {
    uint64_t end = head;
    for (size_t i = 0; i < count; i++) {
        if (i && spans[i].start == spans[i - 1].start && spans[i].end == spans[i - 1].end) continue;
        if (spans[i].start != end) return lethe_fail(error, LETHE_UNSAFE, "output: bytes at %" PRIu64 " belong to nothing or to two things", end);
        end = spans[i].end;
    }
    return end == size ? LETHE_OK : lethe_fail(error, LETHE_UNSAFE, "output: bytes behind %" PRIu64 " belong to nothing", end);
}

static lethe_status check_covers(proof *p) {
    qsort(p->out.used, p->out.used_count, sizeof *p->out.used, by_start);
    lethe_status status = check_cover(p->out.used, p->out.used_count, 0, p->out.index.size, p->error);
    if (p->kept_count) qsort(p->kept, p->kept_count, sizeof *p->kept, by_start);
    size_t first = 0;
    for (uint32_t f = 0; status == LETHE_OK && f < p->out_count; f++) {
        size_t last = first;
        while (last < p->kept_count && p->kept[last].file == f) last++;
        status = check_cover(p->kept + first, last - first, VERSION + p->out.id_bytes + 4, p->out_data[f].size, p->error);
        first = last;
    }
    return status;
}

static lethe_status search_everything(proof *p, const char *output_folder, const lethe_search *search) {
    lethe_search_hit hit;
    lethe_map front = {.fd = -1};
    lethe_status status = lethe_verify_search(p->out.ini.bytes, p->out.ini.size, search, p->error);
    if (status == LETHE_OK && lethe_search_run(search, LETHE_SEARCH_PIXELS, p->out.index.bytes, p->out.index.size, &hit))
        status = lethe_fail(p->error, LETHE_UNSAFE, "output: a removed value stands in the index");
    for (uint32_t f = 0; status == LETHE_OK && f < p->out_count; f++)
        if (lethe_search_run(search, LETHE_SEARCH_PIXELS, p->out_data[f].bytes, p->out_data[f].size, &hit))
            status = lethe_fail(p->error, LETHE_UNSAFE, "output: a removed value (number %zu) stands in data file %u at offset %" PRIu64,
                                hit.value + 1, f, hit.offset);
    char *path = lethe_asprintf("%s.mrxs", output_folder);
    if (status == LETHE_OK) status = path ? lethe_map_open(path, &front, p->error) : lethe_fail(p->error, LETHE_NO_MEMORY, "out of memory");
    if (status == LETHE_OK) status = lethe_verify_search(front.bytes, front.size, search, p->error);
    lethe_map_close(&front);
    lethe_free(path);
    return status;
}

lethe_status lethe_verify_mirax(const char *input_folder, const char *output_folder, const lethe_search *search, const lethe_verify_touched *touched,
                                lethe_error *error) {
    proof *p = lethe_alloc_array(1, sizeof *p);
    if (!p) return lethe_fail(error, LETHE_NO_MEMORY, "out of memory");
    p->error = error;
    lethe_status status = open_side(&p->in, input_folder, error), second = open_side(&p->out, output_folder, error);
    if (status == LETHE_OK) status = second;
    if (status == LETHE_OK) status = open_data(&p->in, p->in_data, &p->in_count);
    if (status == LETHE_OK) status = open_data(&p->out, p->out_data, &p->out_count);
    if (status == LETHE_OK && p->in.levels != p->out.levels) status = lethe_fail(error, LETHE_UNSAFE, "output: another number of levels");
    for (uint32_t i = 0; status == LETHE_OK && i < p->in.levels; i++) status = compare_level(p, i, touched);
    if (status == LETHE_OK) status = note_positions(p);
    if (status == LETHE_OK) status = check_covers(p);
    if (status == LETHE_OK) status = search_everything(p, output_folder, search);
    for (uint32_t i = 0; i < p->in_count; i++) lethe_map_close(&p->in_data[i]);
    for (uint32_t i = 0; i < p->out_count; i++) lethe_map_close(&p->out_data[i]);
    close_side(&p->in);
    close_side(&p->out);
    lethe_free(p->kept);
    lethe_free(p);
    return status;
}
