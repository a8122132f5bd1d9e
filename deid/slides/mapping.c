/* CSV: slide names or bar codes -> patients and pre-assigned pseudonyms. */
#include "core/limits.h"
#include "core/memory.h"
#include "core/text.h"
#include "deid/slides/slide_job.h"

#include <stdlib.h>
#include <string.h>

enum { MAX_COLUMNS = 32 };

typedef struct mapping_entry {
    const char *slide, *barcode;
    lethe_slide_mapping_row row;
} mapping_entry;

struct lethe_slide_mapping {
    lethe_arena *arena;
    mapping_entry *entries; /* in file order */
    mapping_entry **by_name, **by_barcode;
    size_t count, capacity;
};

typedef enum column {
    COLUMN_SLIDE,
    COLUMN_BARCODE,
    COLUMN_PATIENT,
    COLUMN_ISSUER,
    COLUMN_PSEUDONYM,
    COLUMN_SLIDE_PSEUDONYM,
    COLUMN_MASK,
    COLUMN_COUNT,
    COLUMN_NONE
} column;

typedef struct csv {
    const char *at, *end;
    unsigned line;
    lethe_arena *arena;
} csv;

static column column_named(const char *name) {
    static const struct {
        const char *name;
        column column;
    } names[] = {{"slide", COLUMN_SLIDE},
                 {"file", COLUMN_SLIDE},
                 {"barcode", COLUMN_BARCODE},
                 {"patient_id", COLUMN_PATIENT},
                 {"issuer", COLUMN_ISSUER},
                 {"pseudonym", COLUMN_PSEUDONYM},
                 {"patient_pseudonym", COLUMN_PSEUDONYM},
                 {"slide_pseudonym", COLUMN_SLIDE_PSEUDONYM},
                 {"mask", COLUMN_MASK}};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (lethe_text_equal_fold(names[i].name, name)) return names[i].column;
    return COLUMN_NONE;
}

/* One field (RFC 4180); *last tells that the record ends behind it. NULL when memory is short or a quote stays open. */
static char *next_field(csv *file, bool *last) {
    size_t room = 0, used = 0;
    bool quoted = file->at < file->end && *file->at == '"';
    const char *scan = file->at;
    if (quoted) {
        for (scan++; scan < file->end && !(*scan == '"' && !(scan + 1 < file->end && scan[1] == '"')); scan++)
            if (*scan == '"') scan++;
        if (scan >= file->end) return NULL;
        scan++;
    } else
        while (scan < file->end && *scan != ',' && *scan != ';' && *scan != '\n' && *scan != '\r') scan++;
    room = (size_t)(scan - file->at) + 1;
    char *field = room > LETHE_LIMIT_CSV_FIELD_BYTES ? NULL : lethe_arena_alloc(file->arena, room);
    if (!field) return NULL;
    const char *from = file->at + quoted, *to = scan - quoted;
    for (; from < to; from++) {
        if (quoted && *from == '"') from++;
        field[used++] = *from;
    }
    while (used && (field[used - 1] == ' ' || field[used - 1] == '\t')) used--;
    field[used] = '\0';
    file->at = scan;
    *last = !(file->at < file->end && (*file->at == ',' || *file->at == ';'));
    if (!*last) file->at++;
    else {
        if (file->at < file->end && *file->at == '\r') file->at++;
        if (file->at < file->end && *file->at == '\n') file->at++;
        file->line++;
    }
    return field + strspn(field, " \t");
}

static bool is_pseudonym(const char *text) {
    size_t length = strlen(text);
    if (length > 64) return false;
    for (; *text; text++)
        if (!((*text >= '0' && *text <= '9') || ((*text | 0x20) >= 'a' && (*text | 0x20) <= 'z') || *text == '-' || *text == '_')) return false;
    return true;
}

/* A slide's name without folders and extension. */
static const char *stem(lethe_arena *arena, const char *name) {
    const char *base = strrchr(name, '/');
    base = base ? base + 1 : name;
    const char *dot = strrchr(base, '.');
    size_t length = dot && dot != base && strlen(dot) <= 6 ? (size_t)(dot - base) : strlen(base);
    if (length > 4 && strncasecmp(base + length - 4, ".ome", 4) == 0) length -= 4; /* "case.ome.tiff" */
    return lethe_arena_strndup(arena, base, length);
}

bool lethe_slide_mask_parse(const char *mask, lethe_slide_region *regions, size_t room, size_t *count) {
    *count = 0;
    if (strcmp(mask, "none") == 0) return true;
    for (const char *at = mask + strspn(mask, " "); *at; at += strspn(at, " ")) {
        int64_t values[4];
        for (unsigned i = 0; i < 4; i++) {
            char number[16];
            size_t length = strspn(at, "0123456789");
            if (length == 0 || length >= sizeof number) return false;
            memcpy(number, at, length);
            number[length] = '\0';
            if (!lethe_text_to_int64(number, &values[i]) || values[i] > INT32_MAX) return false;
            at += length;
            if (i < 3 && *at++ != ',') return false;
        }
        if ((*at && *at != ' ') || values[2] == 0 || values[3] == 0 || *count == room) return false;
        regions[(*count)++] = (lethe_slide_region){values[0], values[1], values[2], values[3]};
    }
    return true;
}

static lethe_status add_row(lethe_slide_mapping *mapping, const char *const fields[COLUMN_COUNT], unsigned line, lethe_error *error) {
    if (!*fields[COLUMN_SLIDE] && !*fields[COLUMN_BARCODE]) return LETHE_OK;
    if (!*fields[COLUMN_PATIENT] && !*fields[COLUMN_PSEUDONYM] && !*fields[COLUMN_MASK])
        return lethe_fail(error, LETHE_CONFIG, "slide mapping, line %u: neither patient_id nor pseudonym", line);
    lethe_slide_region regions[LETHE_SLIDE_REGIONS];
    size_t region_count;
    if (!lethe_slide_mask_parse(fields[COLUMN_MASK], regions, LETHE_SLIDE_REGIONS, &region_count))
        return lethe_fail(error, LETHE_CONFIG, "slide mapping, line %u: a mask is \"none\" or rectangles X,Y,W,H in pixels of level 0", line);
    if (!is_pseudonym(fields[COLUMN_PSEUDONYM]) || !is_pseudonym(fields[COLUMN_SLIDE_PSEUDONYM]))
        return lethe_fail(error, LETHE_CONFIG, "slide mapping, line %u: a pseudonym has letters, digits, '-' and '_' only, at most 64", line);
    if (mapping->count == mapping->capacity) {
        size_t capacity = mapping->capacity ? 2 * mapping->capacity : 256;
        mapping_entry *grown = lethe_realloc_array(mapping->entries, capacity, sizeof *grown);
        if (!grown) return lethe_fail(error, LETHE_NO_MEMORY, "out of memory");
        mapping->entries = grown;
        mapping->capacity = capacity;
    }
    const char *slide = stem(mapping->arena, fields[COLUMN_SLIDE]);
    if (!slide) return lethe_fail(error, LETHE_NO_MEMORY, "out of memory");
    mapping->entries[mapping->count++] = (mapping_entry){
        slide,
        fields[COLUMN_BARCODE],
        {fields[COLUMN_PATIENT], fields[COLUMN_ISSUER], fields[COLUMN_PSEUDONYM], fields[COLUMN_SLIDE_PSEUDONYM], fields[COLUMN_MASK]}};
    return LETHE_OK;
}

static lethe_status read_rows(lethe_slide_mapping *mapping, csv *file, lethe_error *error) {
    column columns[MAX_COLUMNS];
    unsigned count = 0;
    bool last = false, has_key = false, has_value = false;
    while (!last) {
        char *name = next_field(file, &last);
        if (!name || count == MAX_COLUMNS) return lethe_fail(error, LETHE_CONFIG, "slide mapping, line 1: cannot be read");
        if (strncmp(name, "\xEF\xBB\xBF", 3) == 0) name += 3;
        columns[count] = column_named(name);
        has_key |= columns[count] == COLUMN_SLIDE || columns[count] == COLUMN_BARCODE;
        has_value |= columns[count] == COLUMN_PATIENT || columns[count] == COLUMN_PSEUDONYM || columns[count] == COLUMN_MASK;
        count++;
    }
    if (!has_key || !has_value)
        return lethe_fail(error, LETHE_CONFIG, "slide mapping, line 1: needs slide or barcode, and patient_id, pseudonym or mask");
    while (file->at < file->end) {
        const char *fields[COLUMN_COUNT] = {"", "", "", "", "", "", ""};
        unsigned line = file->line;
        last = false;
        for (unsigned i = 0; !last; i++) {
            const char *field = next_field(file, &last);
            if (!field || i == MAX_COLUMNS) return lethe_fail(error, LETHE_CONFIG, "slide mapping, line %u: cannot be read", line);
            if (i < count && columns[i] < COLUMN_COUNT) fields[columns[i]] = field;
        }
        lethe_status status = add_row(mapping, fields, line, error);
        if (status != LETHE_OK) return status;
    }
    return LETHE_OK;
}

static int by_name(const void *a, const void *b) { return strcmp((*(mapping_entry *const *)a)->slide, (*(mapping_entry *const *)b)->slide); }
static int by_barcode(const void *a, const void *b) { return strcmp((*(mapping_entry *const *)a)->barcode, (*(mapping_entry *const *)b)->barcode); }

static lethe_status make_index(lethe_slide_mapping *mapping, lethe_error *error) {
    mapping->by_name = lethe_alloc_array(mapping->count + 1, sizeof *mapping->by_name);
    mapping->by_barcode = lethe_alloc_array(mapping->count + 1, sizeof *mapping->by_barcode);
    if (!mapping->by_name || !mapping->by_barcode) return lethe_fail(error, LETHE_NO_MEMORY, "out of memory");
    for (size_t i = 0; i < mapping->count; i++) mapping->by_name[i] = mapping->by_barcode[i] = &mapping->entries[i];
    qsort(mapping->by_name, mapping->count, sizeof *mapping->by_name, by_name);
    qsort(mapping->by_barcode, mapping->count, sizeof *mapping->by_barcode, by_barcode);
    for (size_t i = 1; i < mapping->count; i++)
        if (*mapping->by_name[i]->slide && strcmp(mapping->by_name[i]->slide, mapping->by_name[i - 1]->slide) == 0)
            return lethe_fail(error, LETHE_CONFIG, "slide mapping: a slide stands on two lines");
    return LETHE_OK;
}

lethe_status lethe_slide_mapping_load(const char *path, lethe_slide_mapping **out, lethe_error *error) {
    *out = NULL;
    lethe_buffer text;
    lethe_buffer_init(&text, LETHE_LIMIT_TEXT_FILE_BYTES);
    lethe_slide_mapping *mapping = lethe_alloc_array(1, sizeof *mapping);
    lethe_status status = mapping ? LETHE_OK : lethe_fail(error, LETHE_NO_MEMORY, "out of memory");
    if (status == LETHE_OK && !(mapping->arena = lethe_arena_create(LETHE_LIMIT_ARENA_BYTES)))
        status = lethe_fail(error, LETHE_NO_MEMORY, "out of memory");
    if (status == LETHE_OK) status = lethe_file_read(path, &text, error);
    if (status == LETHE_OK) {
        csv file = {.at = lethe_buffer_text(&text), .end = lethe_buffer_text(&text) + text.size, .line = 1, .arena = mapping->arena};
        status = read_rows(mapping, &file, error);
    }
    if (status == LETHE_OK) status = make_index(mapping, error);
    lethe_buffer_release(&text);
    if (status == LETHE_OK) *out = mapping;
    else lethe_slide_mapping_destroy(mapping);
    return status;
}

void lethe_slide_mapping_destroy(lethe_slide_mapping *mapping) {
    if (!mapping) return;
    lethe_free(mapping->by_name);
    lethe_free(mapping->by_barcode);
    lethe_free(mapping->entries);
    lethe_arena_destroy(mapping->arena);
    lethe_free(mapping);
}

size_t lethe_slide_mapping_count(const lethe_slide_mapping *mapping) { return mapping->count; }

const lethe_slide_mapping_row *lethe_slide_mapping_find(const lethe_slide_mapping *mapping, const char *name, const char *barcode) {
    if (!mapping || !mapping->count) return NULL;
    mapping_entry wanted = {.slide = name, .barcode = barcode}, *key = &wanted;
    if (name && *name) {
        mapping_entry **found = bsearch(&key, mapping->by_name, mapping->count, sizeof *found, by_name);
        if (found) return &(*found)->row;
    }
    if (barcode && *barcode) {
        mapping_entry **found = bsearch(&key, mapping->by_barcode, mapping->count, sizeof *found, by_barcode);
        if (found) return &(*found)->row;
    }
    return NULL;
}
