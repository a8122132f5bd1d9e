/* 3DHISTECH MRXS: NAME.mrxs beside a folder NAME with Slidedat.ini, Index.dat and data files. Written anew: the ini from typed keys, the index from
 * the levels and the positions of the camera, data files with the pictures that the new index names and nothing else, under a new slide identifier.
 */
#include "core/limits.h"
#include "core/memory.h"
#include "core/text.h"
#include "deid/slides/mirax_regions.h"
#include "deid/slides/slide_job.h"
#include "deid/slides/verify.h"
#include "imaging/slide/ini.h"
#include "imaging/slide/mirax_index.h"
#include "imaging/slide/source.h"
#include "imaging/slide/stream_check.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

enum { MAX_FILES = 1000, MAX_LEVELS = 64, MAX_IMAGE_BYTES = 64 << 20 };

static const lethe_typed_rule general_keys[] = {
    {"SLIDE_VERSION", LETHE_TYPED_DECIMAL, NULL},
    {"CURRENT_SLIDE_VERSION", LETHE_TYPED_DECIMAL, NULL},
    {"IMAGENUMBER_X", LETHE_TYPED_INTEGER, NULL},
    {"IMAGENUMBER_Y", LETHE_TYPED_INTEGER, NULL},
    {"OBJECTIVE_MAGNIFICATION", LETHE_TYPED_INTEGER, NULL},
    {"CameraImageDivisionsPerSide", LETHE_TYPED_INTEGER, NULL},
    {"SLIDE_TYPE", LETHE_TYPED_WORD, "SLIDE_TYPE_BRIGHTFIELD|SLIDE_TYPE_FLUORESCENCE"},
    {"SLIDE_BITDEPTH", LETHE_TYPED_INTEGER, NULL},
    {"CAMERA_BITDEPTH", LETHE_TYPED_INTEGER, NULL},
    {"OUTPUT_RESOLUTION", LETHE_TYPED_DECIMAL, NULL},
    {"ADAPTER_SIZE", LETHE_TYPED_DECIMAL, NULL},
    {NULL, LETHE_TYPED_NOTHING, NULL},
};
static const lethe_typed_rule level_keys[] = {
    {"OVERLAP_X", LETHE_TYPED_DECIMAL, NULL},
    {"OVERLAP_Y", LETHE_TYPED_DECIMAL, NULL},
    {"MICROMETER_PER_PIXEL_X", LETHE_TYPED_DECIMAL, NULL},
    {"MICROMETER_PER_PIXEL_Y", LETHE_TYPED_DECIMAL, NULL},
    {"IMAGE_FORMAT", LETHE_TYPED_WORD, "JPEG|PNG|BMP24"},
    {"IMAGE_FILL_COLOR_BGR", LETHE_TYPED_INTEGER, NULL},
    {"IMAGE_COMPRESSION_FACTOR", LETHE_TYPED_DECIMAL, NULL},
    {"DIGITIZER_WIDTH", LETHE_TYPED_INTEGER, NULL},
    {"DIGITIZER_HEIGHT", LETHE_TYPED_INTEGER, NULL},
    {"IMAGE_CONCAT_FACTOR", LETHE_TYPED_INTEGER, NULL},
    {NULL, LETHE_TYPED_NOTHING, NULL},
};
static const lethe_typed_rule names[] = {
    {"Slide zoom level", LETHE_TYPED_WORD,
     "VIMSLIDE_POSITION_BUFFER|StitchingIntensityLayer|default|Index.dat|Slidedat.ini|Slidedat|Data|Index|File|Count|Name|Section|Layer|Hier|NonHier|"
     "General|Hierarchical|DataFile|ZoomLevel|Zoom|Version|Position|Format|Buffer"},
    {NULL, LETHE_TYPED_NOTHING, NULL}};
static const lethe_typed_rule *const vocabulary[] = {general_keys, level_keys, names, NULL};

typedef struct source_file {
    lethe_map map;
    bool open;
} source_file;

/* One kept range. */
typedef struct range {
    uint32_t file, level, record; /* level UINT32_MAX: the positions */
    uint64_t offset, bytes;
    lethe_stream_pieces pieces;
    uint64_t out_offset;
    const struct range *same; /* shares the place of another */
    const uint8_t *made;      /* its bytes with regions blacked out, in the arena; NULL: those of the source */
    size_t made_bytes;
} range;

typedef struct mirax {
    lethe_slide_job *job;
    char *folder; /* of the source, owned */
    lethe_ini *ini;
    lethe_mirax_index *index;
    source_file files[MAX_FILES];
    uint32_t file_count, level_count;
    uint32_t other_count, position_record; /* UINT32_MAX: none */
    const char *position_name;
    const char *level_sections[MAX_LEVELS];
    range *ranges;
    size_t range_count;
    char id[65];
    lethe_mirax_layout layout; /* when there are regions */
    lethe_error *error;
} mirax;

/* --- reading --- */

static lethe_ini_entry *take_named(mirax *m, const char *prefix, unsigned a, const char *middle, unsigned b, const char *suffix) {
    char key[96];
    if (b == UINT32_MAX) (void)snprintf(key, sizeof key, "%s_%u_%s", prefix, a, middle);
    else (void)snprintf(key, sizeof key, "%s_%u_%s_%u%s", prefix, a, middle, b, suffix);
    return lethe_ini_find(m->ini, "HIERARCHICAL", key);
}

static lethe_status count_of(mirax *m, const char *prefix, unsigned n, uint32_t most, uint32_t *count) {
    lethe_ini_entry *entry = take_named(m, prefix, n, "COUNT", UINT32_MAX, "");
    int64_t value;
    if (!entry || !lethe_text_to_int64(entry->value, &value) || value < 0 || value > most)
        return lethe_fail(m->error, LETHE_UNSAFE, "Slidedat.ini: count of group %u is missing or too large", n);
    *count = (uint32_t)value;
    return LETHE_OK;
}

static lethe_status read_levels(mirax *m) {
    lethe_ini_entry *name = take_named(m, "HIER", 0, "NAME", UINT32_MAX, "");
    if (!name || strcmp(name->value, "Slide zoom level") != 0)
        return lethe_fail(m->error, LETHE_UNSAFE, "Slidedat.ini: the first hierarchy is not the zoom level");
    lethe_status status = count_of(m, "HIER", 0, MAX_LEVELS, &m->level_count);
    for (uint32_t i = 0; status == LETHE_OK && i < m->level_count; i++) {
        lethe_ini_entry *section = take_named(m, "HIER", 0, "VAL", i, "_SECTION");
        if (!section) return lethe_fail(m->error, LETHE_UNSAFE, "Slidedat.ini: level %u has no section", i);
        m->level_sections[i] = section->value;
    }
    if (status == LETHE_OK && !m->level_count) status = lethe_fail(m->error, LETHE_UNSAFE, "Slidedat.ini: no level");
    return status;
}

static lethe_status read_others(mirax *m) {
    int64_t groups = 0;
    (void)lethe_ini_integer(m->ini, "HIERARCHICAL", "NONHIER_COUNT", &groups);
    if (groups < 0 || groups > 1000) return lethe_fail(m->error, LETHE_UNSAFE, "Slidedat.ini: too many groups");
    m->position_record = UINT32_MAX;
    for (uint32_t g = 0; g < (uint32_t)groups; g++) {
        lethe_ini_entry *name = take_named(m, "NONHIER", g, "NAME", UINT32_MAX, "");
        uint32_t count = 0;
        lethe_status status = count_of(m, "NONHIER", g, 1000, &count);
        if (status != LETHE_OK) return status;
        bool vimslide = name && strcmp(name->value, "VIMSLIDE_POSITION_BUFFER") == 0,
             stitching = name && strcmp(name->value, "StitchingIntensityLayer") == 0;
        if (count && (vimslide || (stitching && m->position_record == UINT32_MAX))) {
            m->position_record = m->other_count;
            m->position_name = vimslide ? "VIMSLIDE_POSITION_BUFFER" : "StitchingIntensityLayer";
        }
        for (uint32_t i = 0; i < count; i++) {
            lethe_ini_entry *value = take_named(m, "NONHIER", g, "VAL", i, "");
            m->job->label_found |= value && strcmp(value->value, "ScanDataLayer_SlideBarcode") == 0;
        }
        m->other_count += count;
    }
    return LETHE_OK;
}

static lethe_status open_in_folder(mirax *m, const char *name, lethe_map *map) {
    if (strchr(name, '/') || strchr(name, '\\') || strcmp(name, "..") == 0 || !*name)
        return lethe_fail(m->error, LETHE_UNSAFE, "a file name leads out of the folder");
    char *path = lethe_path_join(m->folder, name);
    if (!path) return lethe_fail(m->error, LETHE_NO_MEMORY, "out of memory");
    lethe_error why = {0};
    lethe_status status = lethe_map_open(path, map, &why);
    lethe_free(path);
    return status == LETHE_OK ? status : lethe_fail(m->error, LETHE_MALFORMED, "a file of the slide is missing or cannot be read");
}

static lethe_status open_files(mirax *m) {
    int64_t count = 0;
    if (!lethe_ini_integer(m->ini, "DATAFILE", "FILE_COUNT", &count) || count < 1 || count > MAX_FILES)
        return lethe_fail(m->error, LETHE_UNSAFE, "Slidedat.ini: count of data files is missing or too large");
    m->file_count = (uint32_t)count;
    for (uint32_t i = 0; i < m->file_count; i++) {
        char key[32];
        (void)snprintf(key, sizeof key, "FILE_%u", i);
        lethe_ini_entry *name = lethe_ini_find(m->ini, "DATAFILE", key);
        if (!name) return lethe_fail(m->error, LETHE_UNSAFE, "Slidedat.ini: data file %u has no name", i);
        lethe_status status = open_in_folder(m, name->value, &m->files[i].map);
        if (status != LETHE_OK) return status;
        m->files[i].open = true;
        m->job->result->input_bytes += m->files[i].map.size;
    }
    return LETHE_OK;
}

static lethe_status read_ini(mirax *m) {
    lethe_map map = {.fd = -1};
    lethe_status status = open_in_folder(m, "Slidedat.ini", &map);
    if (status == LETHE_OK && map.size > 1 << 20) status = lethe_fail(m->error, LETHE_LIMIT, "Slidedat.ini is too long");
    if (status == LETHE_OK) status = lethe_ini_parse((const char *)map.bytes, map.size, m->job->arena, &m->ini, m->error);
    lethe_map_close(&map);
    if (status == LETHE_OK) status = read_levels(m);
    if (status == LETHE_OK) status = read_others(m);
    return status == LETHE_OK ? open_files(m) : status;
}

static lethe_status read_index(mirax *m) {
    const char *id = lethe_ini_text(m->ini, "GENERAL", "SLIDE_ID"), *name = lethe_ini_text(m->ini, "HIERARCHICAL", "INDEXFILE");
    lethe_map map = {.fd = -1};
    lethe_status status = open_in_folder(m, *name ? name : "Index.dat", &map);
    if (status == LETHE_OK && (map.size < 5 + strlen(id) || memcmp(map.bytes + 5, id, strlen(id)) != 0))
        status = lethe_fail(m->error, LETHE_MALFORMED, "Index.dat belongs to another slide");
    if (status == LETHE_OK)
        status = lethe_mirax_index_parse(map.bytes, map.size, strlen(id), m->level_count, m->other_count, m->job->arena, &m->index, m->error);
    lethe_map_close(&map);
    return status;
}

/* --- choosing --- */

static lethe_status check_png(const uint8_t *bytes, size_t size, lethe_stream_pieces *pieces, lethe_error *error) {
    static const char kept[][5] = {"IHDR", "PLTE", "IDAT", "IEND", "tRNS", "gAMA", "sRGB", "pHYs"};
    if (size < 8 || memcmp(bytes, "\x89PNG\r\n\x1A\n", 8) != 0) return lethe_fail(error, LETHE_MALFORMED, "picture is not PNG");
    pieces->keep[0].offset = 0;
    pieces->keep[0].size = 8;
    pieces->count = 1;
    size_t total = 8;
    for (size_t at = 8; at + 12 <= size;) {
        size_t length = (size_t)bytes[at] << 24 | (size_t)bytes[at + 1] << 16 | (size_t)bytes[at + 2] << 8 | bytes[at + 3];
        if (length > size - at - 12) return lethe_fail(error, LETHE_MALFORMED, "PNG chunk is cut off");
        bool keep = false;
        for (size_t i = 0; i < sizeof kept / sizeof *kept; i++) keep |= memcmp(kept[i], bytes + at + 4, 4) == 0;
        size_t whole = length + 12;
        if (keep && pieces->keep[pieces->count - 1].offset + pieces->keep[pieces->count - 1].size == at)
            pieces->keep[pieces->count - 1].size += whole;
        else if (keep) {
            if (pieces->count == LETHE_STREAM_PIECES) return lethe_fail(error, LETHE_UNSAFE, "PNG has too many foreign chunks");
            pieces->keep[pieces->count].offset = at;
            pieces->keep[pieces->count++].size = whole;
        }
        if (keep) total += whole;
        bool end = memcmp(bytes + at + 4, "IEND", 4) == 0;
        at += whole;
        if (end) break;
    }
    pieces->dropped_bytes = size - total;
    return LETHE_OK;
}

static lethe_status check_bmp(const uint8_t *bytes, size_t size, lethe_stream_pieces *pieces, lethe_error *error) {
    if (size < 54 || memcmp(bytes, "BM", 2) != 0) return lethe_fail(error, LETHE_MALFORMED, "picture is not BMP");
    size_t declared = (size_t)bytes[2] | (size_t)bytes[3] << 8 | (size_t)bytes[4] << 16 | (size_t)bytes[5] << 24;
    if (declared != size) return lethe_fail(error, LETHE_UNSAFE, "BMP has another size than it says");
    pieces->count = 1;
    pieces->keep[0].offset = 0;
    pieces->keep[0].size = size;
    return LETHE_OK;
}

static const uint8_t *bytes_of(const mirax *m, uint32_t file, uint64_t offset, uint64_t bytes) {
    if (file >= m->file_count || offset > m->files[file].map.size || bytes > m->files[file].map.size - offset) return NULL;
    return m->files[file].map.bytes + offset;
}

static lethe_status add_range(mirax *m, range added) {
    const uint8_t *bytes = bytes_of(m, added.file, added.offset, added.bytes);
    if (!bytes || added.bytes > MAX_IMAGE_BYTES) return lethe_fail(m->error, LETHE_MALFORMED, "a picture lies outside its data file");
    const char *format = added.level == UINT32_MAX ? "" : lethe_ini_text(m->ini, m->level_sections[added.level], "IMAGE_FORMAT");
    lethe_status status = LETHE_OK;
    if (added.level == UINT32_MAX) {
        added.pieces.count = 1;
        added.pieces.keep[0].size = (size_t)added.bytes;
    } else if (strcmp(format, "JPEG") == 0) status = lethe_jpeg_check(bytes, (size_t)added.bytes, &added.pieces, m->error);
    else if (strcmp(format, "PNG") == 0) status = check_png(bytes, (size_t)added.bytes, &added.pieces, m->error);
    else if (strcmp(format, "BMP24") == 0) status = check_bmp(bytes, (size_t)added.bytes, &added.pieces, m->error);
    else status = lethe_fail(m->error, LETHE_UNSAFE, "Slidedat.ini: picture format of level %u is unknown", added.level);
    if (status != LETHE_OK) return status;
    if (added.pieces.dropped_bytes) {
        m->job->result->tiles_cleaned++;
        status = lethe_job_removed_blob(m->job, bytes, added.bytes < 4096 ? added.bytes : 4096, m->error);
    }
    m->ranges[m->range_count++] = added;
    m->job->result->tiles_kept += added.level != UINT32_MAX;
    return status;
}

/* A flag and two numbers of pixels, which no slide has more than a hundred million of. */
static bool is_position(const uint8_t *record) {
    enum { MOST_PX = 1 << 27 };
    for (unsigned i = 0; i < 2; i++) {
        const uint8_t *at = record + 1 + 4 * i;
        int32_t value = (int32_t)((uint32_t)at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24);
        if (value > MOST_PX || value < -MOST_PX) return false;
    }
    return record[0] <= 1;
}

/* Positions are records of a flag and two numbers, plain or deflated; anything else could be anything. */
static lethe_status check_positions(mirax *m, const uint8_t *bytes, uint64_t size) {
    if (strcmp(m->position_name, "VIMSLIDE_POSITION_BUFFER") == 0) {
        if (size % 9) return lethe_fail(m->error, LETHE_UNSAFE, "positions are of a wrong size");
        for (uint64_t i = 0; i < size; i += 9)
            if (!is_position(bytes + i)) return lethe_fail(m->error, LETHE_UNSAFE, "positions hold an unknown flag or a number out of range");
        return LETHE_OK;
    }
    z_stream stream = {.next_in = (Bytef *)(uintptr_t)bytes, .avail_in = (uInt)size};
    uint8_t out[9 * 512];
    size_t held = 0;
    uint64_t total = 0;
    bool sound = inflateInit(&stream) == Z_OK;
    int code = Z_OK;
    while (sound && code == Z_OK && total < 1u << 30) {
        stream.next_out = out + held;
        stream.avail_out = (uInt)(sizeof out - held);
        code = inflate(&stream, Z_NO_FLUSH);
        size_t there = sizeof out - stream.avail_out;
        total += there - held;
        for (held = 0; held + 9 <= there; held += 9) sound &= is_position(out + held);
        there -= held;
        memmove(out, out + held, there);
        held = there;
    }
    sound &= code == Z_STREAM_END && stream.avail_in == 0 && total % 9 == 0;
    (void)inflateEnd(&stream);
    return sound ? LETHE_OK : lethe_fail(m->error, LETHE_UNSAFE, "positions are not of the known kind");
}

static lethe_status choose(mirax *m) {
    size_t total = 1;
    for (uint32_t i = 0; i < m->level_count; i++) total += m->index->levels[i].count;
    m->ranges = lethe_alloc_array(total, sizeof *m->ranges);
    if (!m->ranges) return lethe_fail(m->error, LETHE_NO_MEMORY, "out of memory");
    lethe_status status = LETHE_OK;
    for (uint32_t level = 0; level < m->level_count; level++)
        for (size_t i = 0; status == LETHE_OK && i < m->index->levels[level].count; i++) {
            const lethe_mirax_record *r = &m->index->levels[level].records[i];
            status = add_range(m, (range){.file = r->file, .level = level, .record = (uint32_t)i, .offset = r->offset, .bytes = r->bytes});
        }
    for (uint32_t i = 0; status == LETHE_OK && i < m->other_count; i++) {
        const lethe_mirax_record *r = &m->index->others[i];
        const uint8_t *bytes = bytes_of(m, r->file, r->offset, r->bytes);
        if (!r->bytes) continue;
        if (!bytes) return lethe_fail(m->error, LETHE_MALFORMED, "record %u lies outside its data file", i);
        if (i == m->position_record) {
            status = check_positions(m, bytes, r->bytes);
            if (status == LETHE_OK) status = add_range(m, (range){.file = r->file, .level = UINT32_MAX, .offset = r->offset, .bytes = r->bytes});
            continue;
        }
        m->job->result->images_removed++;
        status = lethe_job_removed_stream(m->job, bytes, r->bytes, m->error);
        if (status == LETHE_OK && r->bytes < 65536 && bytes[0] != 0xFF) status = lethe_job_removed_blob(m->job, bytes, r->bytes, m->error);
    }
    return status;
}

/* --- regions --- */

static lethe_status redact_range(mirax *m, range *r) {
    const uint8_t *bytes = bytes_of(m, r->file, r->offset, r->bytes);
    const char *format = lethe_ini_text(m->ini, m->level_sections[r->level], "IMAGE_FORMAT");
    lethe_level_box *boxes;
    size_t count;
    lethe_status status = lethe_mirax_boxes(&m->layout, r->level, m->index->levels[r->level].records[r->record].image, m->job->regions,
                                            m->job->region_count, m->job->arena, &boxes, &count, m->error);
    if (status != LETHE_OK || !count) return status;
    lethe_buffer made;
    lethe_buffer_init(&made, MAX_IMAGE_BYTES);
    status = lethe_mirax_redact(format, bytes, (size_t)r->bytes, boxes, count, &made, m->error);
    uint8_t *copy = status == LETHE_OK ? lethe_arena_alloc(m->job->arena, made.size + 1) : NULL;
    if (status == LETHE_OK && !copy) status = lethe_fail(m->error, LETHE_LIMIT, "the regions touch too many pictures");
    if (status == LETHE_OK) {
        memcpy(copy, made.bytes, made.size);
        r->made = copy;
        r->made_bytes = made.size;
        m->job->result->tiles_redacted++;
    }
    lethe_buffer_release(&made);
    return status;
}

static lethe_status redact(mirax *m) {
    if (!m->job->region_count) return LETHE_OK;
    const lethe_mirax_record *where = m->position_record < m->other_count ? &m->index->others[m->position_record] : NULL;
    const uint8_t *positions = where && where->bytes ? bytes_of(m, where->file, where->offset, where->bytes) : NULL;
    bool deflated = positions && strcmp(m->position_name, "StitchingIntensityLayer") == 0;
    lethe_status status = lethe_mirax_layout_read(m->ini, m->level_sections, m->level_count, positions, positions ? where->bytes : 0, deflated,
                                                  m->job->arena, &m->layout, m->error);
    for (size_t i = 0; status == LETHE_OK && i < m->range_count; i++)
        if (m->ranges[i].level != UINT32_MAX) status = redact_range(m, &m->ranges[i]);
    return status;
}

/* --- writing --- */

static int by_place(const void *a, const void *b) {
    const range *left = *(range *const *)a, *right = *(range *const *)b;
    if (left->file != right->file) return left->file < right->file ? -1 : 1;
    if (left->offset != right->offset) return left->offset < right->offset ? -1 : 1;
    return left->bytes < right->bytes ? -1 : left->bytes > right->bytes;
}

static uint64_t out_bytes(const range *r) { return r->made ? r->made_bytes : r->bytes - r->pieces.dropped_bytes; }

static size_t head_bytes(const mirax *m) { return 5 + strlen(m->id) + 4; }

static lethe_status write_data_file(mirax *m, uint32_t file, range *const *order, size_t count) {
    char name[32], head[128];
    (void)snprintf(name, sizeof name, "Data%04u.dat", file);
    char *path = lethe_path_join(m->job->stage_folder, name);
    lethe_output *output = NULL;
    lethe_status status = path ? lethe_output_create(path, &output, m->error) : lethe_fail(m->error, LETHE_NO_MEMORY, "out of memory");
    (void)snprintf(head, sizeof head, "01.02%s%4u", m->id, file % 10000);
    if (status == LETHE_OK) status = lethe_output_write(output, head, head_bytes(m), m->error);
    for (size_t i = 0; status == LETHE_OK && i < count; i++) {
        const range *r = order[i];
        if (r->same) continue;
        if (r->made) {
            status = lethe_output_write(output, r->made, r->made_bytes, m->error);
            continue;
        }
        for (unsigned p = 0; status == LETHE_OK && p < r->pieces.count; p++)
            status = lethe_output_copy(output, m->files[file].map.fd, r->offset + r->pieces.keep[p].offset, r->pieces.keep[p].size, m->error);
    }
    if (status == LETHE_OK) status = lethe_output_commit(output, 0644, m->job->options->sync, m->error);
    else lethe_output_discard(output);
    lethe_free(path);
    return status;
}

static lethe_status write_data(mirax *m) {
    range **order = lethe_alloc_array(m->range_count + 1, sizeof *order);
    if (!order) return lethe_fail(m->error, LETHE_NO_MEMORY, "out of memory");
    for (size_t i = 0; i < m->range_count; i++) order[i] = &m->ranges[i];
    qsort(order, m->range_count, sizeof *order, by_place);
    lethe_status status = LETHE_OK;
    uint64_t at = 0, end = 0;
    uint32_t file = UINT32_MAX;
    const range *before = NULL;
    for (size_t i = 0; status == LETHE_OK && i < m->range_count; i++) {
        range *r = order[i];
        if (r->file != file) at = head_bytes(m), end = 0, before = NULL, file = r->file;
        bool twin = before && before->offset == r->offset && before->bytes == r->bytes;
        if (twin && !r->made && !before->made) {
            r->same = before;
            r->out_offset = before->out_offset;
            continue;
        }
        if (r->offset < end && !twin) status = lethe_fail(m->error, LETHE_UNSAFE, "pictures overlap each other");
        r->out_offset = at;
        at += out_bytes(r);
        end = r->offset + r->bytes;
        before = r;
        if (at > INT32_MAX) status = lethe_fail(m->error, LETHE_LIMIT, "a data file would pass 2 GiB");
    }
    size_t first = 0;
    for (uint32_t f = 0; status == LETHE_OK && f < m->file_count; f++) {
        size_t last = first;
        while (last < m->range_count && order[last]->file == f) last++;
        status = write_data_file(m, f, order + first, last - first);
        first = last;
    }
    lethe_free(order);
    return status;
}

static lethe_status put32(mirax *m, lethe_buffer *out, uint64_t value) {
    const uint8_t bytes[4] = {(uint8_t)value, (uint8_t)(value >> 8), (uint8_t)(value >> 16), (uint8_t)(value >> 24)};
    return lethe_buffer_append(out, bytes, 4, m->error);
}

static void set32(lethe_buffer *in, size_t at, uint64_t value) {
    for (unsigned i = 0; i < 4; i++) in->bytes[at + i] = (uint8_t)(value >> 8 * i);
}

static const range *position_range(const mirax *m) {
    for (size_t i = 0; i < m->range_count; i++)
        if (m->ranges[i].level == UINT32_MAX) return &m->ranges[i];
    return NULL;
}

static lethe_status fill_index(mirax *m, lethe_buffer *out) {
    lethe_status status = lethe_buffer_printf(out, m->error, "01.02%s", m->id);
    size_t roots = out->size, levels = roots + 8, others = levels + 4 * (size_t)m->level_count;
    const range *positions = position_range(m);
    if (status == LETHE_OK) status = put32(m, out, levels);
    if (status == LETHE_OK) status = put32(m, out, others);
    for (uint32_t i = 0; status == LETHE_OK && i < m->level_count + (positions ? 1 : 0); i++) status = put32(m, out, 0);
    size_t next = 0;
    for (uint32_t level = 0; status == LETHE_OK && level < m->level_count; level++) {
        size_t count = m->index->levels[level].count;
        set32(out, levels + 4 * (size_t)level, out->size);
        status = put32(m, out, 0);
        if (status == LETHE_OK) status = put32(m, out, out->size + 4);
        if (status == LETHE_OK) status = put32(m, out, count);
        if (status == LETHE_OK) status = put32(m, out, 0);
        /* Ranges stand level by level in the order of the index. */
        for (size_t i = 0; status == LETHE_OK && i < count; i++, next++) {
            const range *r = &m->ranges[next];
            status = put32(m, out, m->index->levels[level].records[i].image);
            if (status == LETHE_OK) status = put32(m, out, r->out_offset);
            if (status == LETHE_OK) status = put32(m, out, out_bytes(r));
            if (status == LETHE_OK) status = put32(m, out, r->file);
        }
    }
    if (status != LETHE_OK || !positions) return status;
    set32(out, others, out->size);
    const uint64_t page[] = {0, out->size + 8, 1, 0, 0, 0, positions->out_offset, positions->bytes, positions->file};
    for (size_t i = 0; status == LETHE_OK && i < sizeof page / sizeof *page; i++) status = put32(m, out, page[i]);
    return status;
}

static lethe_status put_keys(mirax *m, const char *section, const lethe_typed_rule *rules, lethe_buffer *out) {
    lethe_status status = LETHE_OK;
    for (const lethe_typed_rule *rule = rules; status == LETHE_OK && rule->key; rule++) {
        lethe_ini_entry *entry = lethe_ini_find(m->ini, section, rule->key);
        if (!entry || !lethe_typed_fits(rule->kind, rule->words, entry->value, strlen(entry->value))) continue;
        entry->used = true;
        m->job->result->keys_kept++;
        status = lethe_buffer_printf(out, m->error, "%s = %s\r\n", rule->key, entry->value);
    }
    return status;
}

static lethe_status fill_ini(mirax *m, lethe_buffer *out) {
    const range *positions = position_range(m);
    lethe_status status = lethe_buffer_printf(out, m->error, "[GENERAL]\r\nSLIDE_ID = %s\r\n", m->id);
    if (status == LETHE_OK) status = put_keys(m, "GENERAL", general_keys, out);
    if (status == LETHE_OK)
        status = lethe_buffer_printf(out, m->error, "\r\n[HIERARCHICAL]\r\nHIER_COUNT = 1\r\nHIER_0_NAME = Slide zoom level\r\nHIER_0_COUNT = %u\r\n",
                                     m->level_count);
    for (uint32_t i = 0; status == LETHE_OK && i < m->level_count; i++)
        status =
            lethe_buffer_printf(out, m->error, "HIER_0_VAL_%u = ZoomLevel_%u\r\nHIER_0_VAL_%u_SECTION = LAYER_0_LEVEL_%u_SECTION\r\n", i, i, i, i);
    if (status == LETHE_OK) status = lethe_buffer_printf(out, m->error, "NONHIER_COUNT = %d\r\n", positions ? 1 : 0);
    if (status == LETHE_OK && positions)
        status = lethe_buffer_printf(out, m->error,
                                     "NONHIER_0_NAME = %s\r\nNONHIER_0_COUNT = 1\r\nNONHIER_0_VAL_0 = default\r\nNONHIER_0_VAL_0_SECTION = "
                                     "NONHIERLAYER_0_LEVEL_0_SECTION\r\n",
                                     m->position_name);
    if (status == LETHE_OK)
        status = lethe_buffer_printf(out, m->error, "INDEXFILE = Index.dat\r\n\r\n[DATAFILE]\r\nFILE_COUNT = %u\r\n", m->file_count);
    for (uint32_t i = 0; status == LETHE_OK && i < m->file_count; i++)
        status = lethe_buffer_printf(out, m->error, "FILE_%u = Data%04u.dat\r\n", i, i);
    for (uint32_t i = 0; status == LETHE_OK && i < m->level_count; i++) {
        status = lethe_buffer_printf(out, m->error, "\r\n[LAYER_0_LEVEL_%u_SECTION]\r\n", i);
        if (status == LETHE_OK) status = put_keys(m, m->level_sections[i], level_keys, out);
    }
    if (status == LETHE_OK && positions)
        status = lethe_buffer_append_text(out, "\r\n[NONHIERLAYER_0_LEVEL_0_SECTION]\r\nVIMSLIDE_POSITION_DATA_FORMAT_VERSION = 257\r\n", m->error);
    return status;
}

/* Keys of the hierarchy are made anew; their words are no identifiers unless they say so. */
static bool is_scaffold(const lethe_ini_entry *entry) {
    static const char *const prefixes[] = {"HIER_", "FILE_", "INDEXFILE", "NONHIER_COUNT"};
    for (size_t i = 0; i < sizeof prefixes / sizeof *prefixes; i++)
        if (lethe_text_starts(entry->key, prefixes[i])) return true;
    return lethe_text_starts(entry->key, "NONHIER_") &&
           (lethe_text_ends(entry->key, "_SECTION") || lethe_text_ends(entry->key, "_NAME") || lethe_text_ends(entry->key, "_COUNT"));
}

static lethe_status remember_rest(mirax *m) {
    lethe_status status = LETHE_OK;
    for (size_t i = 0; status == LETHE_OK && i < m->ini->count; i++) {
        const lethe_ini_entry *entry = &m->ini->entries[i];
        if (entry->used || is_scaffold(entry)) continue;
        m->job->result->keys_removed++;
        status = lethe_job_removed(m->job, entry->value, strlen(entry->value), m->error);
    }
    return status;
}

static lethe_status save(mirax *m, const char *path, const lethe_buffer *bytes) {
    return lethe_file_write(path, bytes->bytes, bytes->size, 0644, m->error);
}

static lethe_status save_in_stage(mirax *m, const char *name, lethe_status (*fill)(mirax *m, lethe_buffer *out)) {
    lethe_buffer bytes;
    lethe_buffer_init(&bytes, LETHE_LIMIT_ARENA_BYTES);
    char *path = lethe_path_join(m->job->stage_folder, name);
    lethe_status status = path ? fill(m, &bytes) : lethe_fail(m->error, LETHE_NO_MEMORY, "out of memory");
    if (status == LETHE_OK) status = save(m, path, &bytes);
    lethe_free(path);
    lethe_buffer_release(&bytes);
    return status;
}

/* NAME.mrxs itself is a preview that may show the label: a white one takes its place. */
static lethe_status save_front(mirax *m) {
    lethe_image white = {0};
    lethe_buffer bytes;
    lethe_buffer_init(&bytes, 1 << 20);
    char *path = lethe_asprintf("%s.mrxs", m->job->stage_folder);
    lethe_status status = path ? lethe_slide_white(64, 64, &white, m->error) : lethe_fail(m->error, LETHE_NO_MEMORY, "out of memory");
    if (status == LETHE_OK) status = lethe_jpeg_encode(&white, 80, &bytes, m->error);
    if (status == LETHE_OK) status = save(m, path, &bytes);
    lethe_image_release(&white);
    lethe_buffer_release(&bytes);
    lethe_free(path);
    return status;
}

/* The new identifier: as long as the old one, a function of the slide's pseudonym. */
static lethe_status make_id(mirax *m) {
    uint8_t digest[32];
    const char *slide = m->job->result->slide, *old = lethe_ini_text(m->ini, "GENERAL", "SLIDE_ID");
    lethe_status status = lethe_pseudonym_digest(m->job->options->pseudonymizer, "slide-id", slide, strlen(slide), digest, m->error);
    lethe_hex(digest, sizeof digest, m->id);
    size_t length = strlen(old);
    if (length >= 8 && length <= 64) m->id[length] = '\0';
    else m->id[32] = '\0';
    for (char *c = m->id; *c; c++)
        if (*c >= 'a') *c = (char)(*c - 32);
    return status;
}

static lethe_status remember_front(mirax *m) {
    const lethe_map *front = &m->job->probe->map;
    if (!front->size) return LETHE_OK;
    lethe_status status = lethe_job_removed_stream(m->job, front->bytes, front->size, m->error);
    return status == LETHE_OK && front->bytes[0] != 0xFF && front->size < 1 << 20
               ? lethe_job_removed_blob(m->job, front->bytes, front->size, m->error)
               : status;
}

static bool is_made(const void *context, uint32_t level, size_t record) {
    const mirax *m = context;
    size_t first = 0;
    for (uint32_t i = 0; i < level; i++) first += m->index->levels[i].count;
    return record < m->index->levels[level].count && m->ranges[first + record].made;
}

static lethe_status prove_slide(mirax *m) {
    const lethe_verify_touched touched = {is_made, m};
    return lethe_verify_mirax(m->folder, m->job->stage_folder, m->job->search, m->job->region_count ? &touched : NULL, m->error);
}

static lethe_status write_slide(lethe_slide_job *job, lethe_error *error) {
    mirax *m = lethe_alloc_array(1, sizeof *m);
    if (!m) return lethe_fail(error, LETHE_NO_MEMORY, "out of memory");
    m->job = job;
    m->error = error;
    const char *path = job->probe->path, *dot = strrchr(path, '.');
    m->folder = lethe_strndup(path, (size_t)(dot - path));
    lethe_status status = m->folder ? read_ini(m) : lethe_fail(error, LETHE_NO_MEMORY, "out of memory");
    if (status == LETHE_OK) status = read_index(m);
    if (status == LETHE_OK) status = remember_front(m);
    if (status == LETHE_OK) status = make_id(m);
    if (status == LETHE_OK) status = choose(m);
    if (status == LETHE_OK && !job->label_found && !job->options->allow_missing_label)
        status = lethe_fail(error, LETHE_UNSAFE, "no label image was found where this format always has one");
    if (status == LETHE_OK) status = redact(m);
    if (status == LETHE_OK) status = write_data(m);
    if (status == LETHE_OK) status = save_in_stage(m, "Index.dat", fill_index);
    if (status == LETHE_OK) status = save_in_stage(m, "Slidedat.ini", fill_ini);
    if (status == LETHE_OK) status = remember_rest(m);
    if (status == LETHE_OK) status = save_front(m);
    if (status == LETHE_OK) status = prove_slide(m);
    for (uint32_t i = 0; i < m->file_count; i++)
        if (m->files[i].open) lethe_map_close(&m->files[i].map);
    lethe_free(m->ranges);
    lethe_free(m->folder);
    lethe_free(m);
    return status;
}

const lethe_slide_rules lethe_slide_mirax = {
    .name = "mirax", .extension = ".mrxs", .has_label_always = true, .has_placed_levels = true, .write = write_slide, .vocabulary = vocabulary};
