/* CSV: slide names or bar codes -> patients and pre-assigned pseudonyms. */
#include "core/limits.h"
#include "core/memory.h"
#include "core/text.h"
#include "deid/slides/slide_job.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_COLUMNS = 32 };

typedef struct mapping_entry {
    const char *slide, *base, *barcode; /* as written; the name without folders */
    lethe_slide_mapping_row row;
    unsigned line;
    const char *fits; /* the input whose name it is; NULL: none that was told of */
    bool fits_more, used;
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

static const char *base_of(const char *name) {
    const char *slash = strrchr(name, '/');
    return slash ? slash + 1 : name;
}

/* Length of a file name without its extension. */
static size_t stem_length(const char *base) {
    const char *dot = strrchr(base, '.');
    size_t length = dot && dot != base && strlen(dot) <= 6 ? (size_t)(dot - base) : strlen(base);
    if (length > 4 && strncasecmp(base + length - 4, ".ome", 4) == 0) length -= 4; /* "case.ome.tiff" */
    return length;
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
    mapping->entries[mapping->count] = (mapping_entry){.slide = fields[COLUMN_SLIDE],
                                                       .base = base_of(fields[COLUMN_SLIDE]),
                                                       .barcode = fields[COLUMN_BARCODE],
                                                       .line = line,
                                                       .row = {.patient_id = fields[COLUMN_PATIENT],
                                                               .issuer = fields[COLUMN_ISSUER],
                                                               .pseudonym = fields[COLUMN_PSEUDONYM],
                                                               .slide_pseudonym = fields[COLUMN_SLIDE_PSEUDONYM],
                                                               .mask = fields[COLUMN_MASK],
                                                               .number = (uint32_t)mapping->count + 1}};
    mapping->count++;
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

static int by_name(const void *a, const void *b) {
    const mapping_entry *x = *(mapping_entry *const *)a, *y = *(mapping_entry *const *)b;
    int order = strcmp(x->base, y->base);
    return order ? order : strcmp(x->slide, y->slide);
}
static int by_barcode(const void *a, const void *b) { return strcmp((*(mapping_entry *const *)a)->barcode, (*(mapping_entry *const *)b)->barcode); }

static lethe_status make_index(lethe_slide_mapping *mapping, lethe_error *error) {
    mapping->by_name = lethe_alloc_array(mapping->count + 1, sizeof *mapping->by_name);
    mapping->by_barcode = lethe_alloc_array(mapping->count + 1, sizeof *mapping->by_barcode);
    if (!mapping->by_name || !mapping->by_barcode) return lethe_fail(error, LETHE_NO_MEMORY, "out of memory");
    for (size_t i = 0; i < mapping->count; i++) mapping->by_name[i] = mapping->by_barcode[i] = &mapping->entries[i];
    qsort(mapping->by_name, mapping->count, sizeof *mapping->by_name, by_name);
    qsort(mapping->by_barcode, mapping->count, sizeof *mapping->by_barcode, by_barcode);
    for (size_t i = 1; i < mapping->count; i++) {
        const mapping_entry *name = mapping->by_name[i], *code = mapping->by_barcode[i];
        if (*name->slide && strcmp(name->slide, mapping->by_name[i - 1]->slide) == 0)
            return lethe_fail(error, LETHE_CONFIG, "slide mapping, lines %u and %u: a slide stands on two lines", mapping->by_name[i - 1]->line,
                              name->line);
        if (*code->barcode && strcmp(code->barcode, mapping->by_barcode[i - 1]->barcode) == 0)
            return lethe_fail(error, LETHE_CONFIG, "slide mapping, lines %u and %u: a bar code stands on two lines", mapping->by_barcode[i - 1]->line,
                              code->line);
    }
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

/* True when the row names the input: the end of its path, from a folder's border on, with or without the extension. */
static bool names_input(const mapping_entry *entry, const char *name, size_t stem) {
    size_t length = strlen(entry->slide), name_length = strlen(name), folders = name_length - strlen(base_of(name));
    const size_t ends[] = {name_length, folders + stem};
    for (unsigned i = 0; i < 2; i++) {
        if (length > ends[i] || memcmp(name + ends[i] - length, entry->slide, length) != 0) continue;
        if (length == ends[i] || name[ends[i] - length - 1] == '/') return true;
    }
    return false;
}

/* The row that names the input best: with the most folders, with the extension before without. */
static mapping_entry *find_name(const lethe_slide_mapping *mapping, const char *name) {
    const char *base = base_of(name);
    size_t stem = stem_length(base);
    mapping_entry *best = NULL;
    for (unsigned whole = 0; whole < 2 && !best; whole++) {
        size_t wanted = whole ? stem : strlen(base), first = 0, last = mapping->count;
        if (!wanted || (whole && !base[stem])) continue;
        while (first < last) { /* the first row whose name does not come before */
            size_t middle = first + (last - first) / 2;
            int order = strncmp(mapping->by_name[middle]->base, base, wanted);
            if (order < 0) first = middle + 1;
            else last = middle;
        }
        for (; first < mapping->count && strncmp(mapping->by_name[first]->base, base, wanted) == 0; first++) {
            mapping_entry *entry = mapping->by_name[first];
            if (entry->base[wanted] || !names_input(entry, name, stem)) continue;
            if (!best || strlen(entry->slide) > strlen(best->slide)) best = entry;
        }
    }
    return best;
}

const lethe_slide_mapping_row *lethe_slide_mapping_find(const lethe_slide_mapping *mapping, const char *name, const char *barcode) {
    if (!mapping || !mapping->count) return NULL;
    if (name && *name) {
        const mapping_entry *found = find_name(mapping, name);
        if (found) return &found->row;
    }
    if (barcode && *barcode) {
        mapping_entry wanted = {.barcode = barcode}, *key = &wanted;
        mapping_entry **found = bsearch(&key, mapping->by_barcode, mapping->count, sizeof *found, by_barcode);
        if (found) return &(*found)->row;
    }
    return NULL;
}

/* --- rows that fit nothing --- */

/* Side files often share a slide's name; only what may be one makes a name ambiguous. */
static bool may_be_slide(const char *base) {
    static const char *const kinds[] = {".svs", ".tif", ".tiff", ".ndpi", ".mrxs", ".scn", ".bif", ".dcm"};
    const char *dot = strrchr(base, '.');
    for (size_t i = 0; dot && i < sizeof kinds / sizeof *kinds; i++)
        if (lethe_text_equal_fold(dot, kinds[i])) return true;
    return !dot;
}

lethe_status lethe_slide_mapping_note_input(lethe_slide_mapping *mapping, const char *name, lethe_error *error) {
    mapping_entry *entry = mapping ? find_name(mapping, name) : NULL;
    if (!entry || (strcmp(entry->base, base_of(name)) != 0 && !may_be_slide(base_of(name)))) return LETHE_OK;
    entry->fits_more |= entry->fits && strcmp(entry->fits, name) != 0;
    if (!entry->fits) entry->fits = lethe_arena_strndup(mapping->arena, name, strlen(name));
    return entry->fits ? LETHE_OK : lethe_fail(error, LETHE_NO_MEMORY, "out of memory");
}

void lethe_slide_mapping_note_used(lethe_slide_mapping *mapping, uint32_t number) {
    if (mapping && number && number <= mapping->count) mapping->entries[number - 1].used = true;
}

static unsigned list_lines(const lethe_slide_mapping *mapping, bool (*belongs)(const mapping_entry *), char *lines, size_t size) {
    unsigned count = 0;
    size_t used = 0;
    *lines = '\0';
    for (size_t i = 0; i < mapping->count; i++) {
        if (!belongs(&mapping->entries[i])) continue;
        if (used + 24 < size) used += (size_t)snprintf(lines + used, size - used, "%s%u", count ? ", " : "", mapping->entries[i].line);
        else if (lines[used - 1] != '.') used += (size_t)snprintf(lines + used, size - used, " ...");
        count++;
    }
    return count;
}

static bool is_ambiguous(const mapping_entry *entry) { return entry->fits_more; }
static bool is_lost_mask(const mapping_entry *entry) { return *entry->slide && !*entry->barcode && *entry->row.mask && !entry->fits; }
static bool is_unused(const mapping_entry *entry) { return !entry->used; }
static bool is_unused_name(const mapping_entry *entry) { return !entry->used && !entry->fits && *entry->slide && !*entry->barcode; }

bool lethe_slide_mapping_may_fit(const lethe_slide_mapping *mapping, const char *name) {
    bool codes = false;
    for (size_t i = 0; i < mapping->count; i++) codes |= *mapping->entries[i].barcode != '\0';
    return codes || find_name(mapping, name);
}

lethe_status lethe_slide_mapping_check_names(const lethe_slide_mapping *mapping, lethe_error *error) {
    char lines[160];
    if (mapping && list_lines(mapping, is_ambiguous, lines, sizeof lines))
        return lethe_fail(error, LETHE_CONFIG, "slide mapping, line %s: the name fits several inputs; give it with its folder", lines);
    return LETHE_OK;
}

lethe_status lethe_slide_mapping_check_inputs(const lethe_slide_mapping *mapping, lethe_error *error) {
    char lines[160];
    lethe_status status = lethe_slide_mapping_check_names(mapping, error);
    if (status == LETHE_OK && mapping && list_lines(mapping, is_lost_mask, lines, sizeof lines))
        return lethe_fail(error, LETHE_CONFIG, "slide mapping, line %s: a mask for a slide that is not there; nothing was released", lines);
    return status;
}

unsigned lethe_slide_mapping_unused(const lethe_slide_mapping *mapping, bool names_only, char *lines, size_t size) {
    *lines = '\0';
    return mapping ? list_lines(mapping, names_only ? is_unused_name : is_unused, lines, size) : 0;
}
