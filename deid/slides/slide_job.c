#include "deid/slides/slide_job.h"

#include "core/memory.h"
#include "core/text.h"

#include <string.h>

enum { MAX_REMOVED = 4096, LONGEST = 512, SAMPLE = 64, SAMPLES = 8 };

/* Words of our own making that may stand in any output. */
static const char *const common_words[] = {"label",   "macro", "thumbnail", "image",    "slide",  "slides",    "tiff",  "true",
                                           "false",   "none",  "unknown",   "jpeg",     "aperio", "hamamatsu", "leica", "ventana",
                                           "philips", "mirax", "level",     "overview", "scan",   "bigtiff"};

static bool equals(const char *word, const char *text, size_t length) { return strlen(word) == length && strncasecmp(word, text, length) == 0; }

static bool in_words(const char *words, const char *text, size_t length) {
    for (const char *at = words; at && *at;) {
        size_t size = strcspn(at, "|");
        if (size == length && strncasecmp(at, text, length) == 0) return true;
        at += size + (at[size] == '|');
    }
    return false;
}

static bool is_vocabulary(const lethe_slide_job *job, const char *text, size_t length) {
    for (size_t i = 0; i < sizeof common_words / sizeof *common_words; i++)
        if (equals(common_words[i], text, length)) return true;
    const lethe_typed_rule *const *tables = job->format ? job->format->vocabulary : NULL;
    for (; tables && *tables; tables++)
        for (const lethe_typed_rule *rule = *tables; rule->key; rule++)
            if (equals(rule->key, text, length) || in_words(rule->words, text, length)) return true;
    return false;
}

lethe_status lethe_job_removed(lethe_slide_job *job, const char *text, size_t length, lethe_error *error) {
    lethe_slide_result *result = job->result;
    lethe_typed_trim(&text, &length);
    if (length < 3 || is_vocabulary(job, text, length)) return LETHE_OK;
    if (length > LONGEST) length = LONGEST;
    for (size_t i = 0; i < result->removed_count; i++)
        if (strlen(result->removed[i]) == length && memcmp(result->removed[i], text, length) == 0) return LETHE_OK;
    if (result->removed_count == MAX_REMOVED) return LETHE_OK;
    if (result->removed_count == job->removed_capacity) {
        size_t capacity = job->removed_capacity ? 2 * job->removed_capacity : 64;
        char **grown = lethe_realloc_array(result->removed, capacity, sizeof *grown);
        if (!grown) return lethe_fail(error, LETHE_NO_MEMORY, "out of memory");
        result->removed = grown;
        job->removed_capacity = capacity;
    }
    char *copy = lethe_strndup(text, length);
    if (!copy) return lethe_fail(error, LETHE_NO_MEMORY, "out of memory");
    result->removed[result->removed_count++] = copy;
    return lethe_search_add(job->search, copy, length, error);
}

static bool is_separator(uint8_t c) { return c < 0x20 || c == 0x7F || c == '"' || c == '<' || c == '>' || c == '|' || c == '='; }

/* Namespaces and other addresses of schemas are no identifiers of people. */
static bool is_schema(const char *text, size_t length) { return length > 7 && (memcmp(text, "http://", 7) == 0 || memcmp(text, "https:/", 7) == 0); }

lethe_status lethe_job_removed_blob(lethe_slide_job *job, const uint8_t *bytes, uint64_t size, lethe_error *error) {
    if (size > 1 << 20) size = 1 << 20;
    for (uint64_t at = 0; at < size;) {
        uint64_t end = at;
        while (end < size && !is_separator(bytes[end])) end++;
        const char *run = (const char *)bytes + at;
        size_t length = (size_t)(end - at);
        lethe_typed_trim(&run, &length);
        bool xml_name = at > 0 && bytes[at - 1] == '<'; /* the name of an element, perhaps with that of its first attribute */
        if (length >= 4 && length <= LONGEST && lethe_utf8_is_valid(run, length) && !is_schema(run, length) && !xml_name) {
            lethe_status status = lethe_job_removed(job, run, length, error);
            if (status != LETHE_OK) return status;
        }
        at = end + 1;
    }
    return LETHE_OK;
}

/* A window whose bytes vary enough that it cannot be background by chance. */
static bool is_telling(const uint8_t *bytes) {
    bool seen[256] = {false};
    unsigned distinct = 0;
    for (unsigned i = 0; i < SAMPLE; i++) {
        distinct += !seen[bytes[i]];
        seen[bytes[i]] = true;
    }
    return distinct >= 40;
}

lethe_status lethe_job_removed_stream(lethe_slide_job *job, const uint8_t *bytes, uint64_t size, lethe_error *error) {
    /* Not the head: tables of a JPEG stream are the same in every picture of a scanner. */
    if (size < 4 * SAMPLE) return LETHE_OK;
    uint64_t step = (size - SAMPLE) / (SAMPLES + 1);
    for (unsigned i = 0; i < SAMPLES; i++) {
        uint64_t from = size / 3 + i * step * 2 / 3;
        for (uint64_t at = from; at + SAMPLE <= size && at < from + 4096; at += SAMPLE) {
            if (!is_telling(bytes + at)) continue;
            lethe_status status = lethe_search_add_sample(job->search, bytes, (size_t)size, (size_t)at, error);
            if (status != LETHE_OK) return status;
            break;
        }
    }
    return LETHE_OK;
}
