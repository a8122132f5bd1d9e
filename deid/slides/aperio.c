/* Aperio SVS: AT2, CS2 and GT450, classic and BigTIFF.
 *
 * The description of every directory is "library and geometry | key = value | ...". The geometry is kept word by word when it follows its grammar,
 * keys by the table below, everything else goes. Label and macro are told by the second line of their description, or by NewSubfileType 1 and 9 where
 * the description is empty (GT450). */
#include "core/memory.h"
#include "core/text.h"
#include "deid/slides/slide_job.h"
#include "imaging/slide/tiff_levels.h"

#include <stdio.h>
#include <string.h>

static const lethe_typed_rule keys[] = {
    {"AppMag", LETHE_TYPED_DECIMAL, NULL},
    {"MPP", LETHE_TYPED_DECIMAL, NULL},
    {"StripeWidth", LETHE_TYPED_INTEGER, NULL},
    {"Left", LETHE_TYPED_DECIMAL, NULL},
    {"Top", LETHE_TYPED_DECIMAL, NULL},
    {"LineCameraSkew", LETHE_TYPED_DECIMAL, NULL},
    {"LineAreaXOffset", LETHE_TYPED_DECIMAL, NULL},
    {"LineAreaYOffset", LETHE_TYPED_DECIMAL, NULL},
    {"Focus Offset", LETHE_TYPED_DECIMAL, NULL},
    {"OriginalWidth", LETHE_TYPED_INTEGER, NULL},
    {"Originalheight", LETHE_TYPED_INTEGER, NULL},
    {"OriginalHeight", LETHE_TYPED_INTEGER, NULL},
    {"Exposure Time", LETHE_TYPED_DECIMAL, NULL},
    {"Exposure Scale", LETHE_TYPED_DECIMAL, NULL},
    {"DisplayColor", LETHE_TYPED_INTEGER, NULL},
    {"OffsetZ", LETHE_TYPED_DECIMAL, NULL},
    {"Gamma", LETHE_TYPED_DECIMAL, NULL},
    {"ICC Profile", LETHE_TYPED_WORD, "ScanScope v1|AT2|GT450|CS2|sRGB"},
    {NULL, LETHE_TYPED_NOTHING, NULL},
};
static const lethe_typed_rule head_words[] = {
    {"", LETHE_TYPED_WORD,
     "Aperio|Image|Library|Leica|Biosystems|Format|Slide|label|macro|thumbnail|->|-|;|JPEG/RGB|JPEG/YCC|J2K/YUV16|J2K/YCC|J2K/RGB|J2K/KDU|LZW/"
     "RGB|GT450|AT2|CS2"},
    {NULL, LETHE_TYPED_NOTHING, NULL},
};
static const lethe_typed_rule *const vocabulary[] = {keys, head_words, NULL};

static bool is_digit(char c) { return c >= '0' && c <= '9'; }

/* Match `word` against `shape`, in which 9 stands for 1 to 7 digits and everything else for itself. */
static bool has_shape(const char *word, size_t length, const char *shape) {
    size_t at = 0;
    for (; *shape; shape++) {
        if (*shape != '9') {
            if (at == length || word[at++] != *shape) return false;
            continue;
        }
        size_t start = at;
        while (at < length && is_digit(word[at])) at++;
        if (at == start || at - start > 7) return false;
    }
    return at == length;
}

static bool is_head_word(const char *word, size_t length) {
    static const char *const shapes[] = {"9x9",  "[9,9",     "9x9]",      "[9,9,9x9]", "(9x9)", "Q=9",   "v9.9.9",
                                         "v9.9", "v9.9.9.9", "JPEG/RGB;", "Q=9;",      "(9,9)", "[9x9]", "[9,9]"};
    if (lethe_typed_fits(LETHE_TYPED_WORD, head_words[0].words, word, length)) return true;
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++)
        if (has_shape(word, length, shapes[i])) return true;
    return false;
}

/* The free part before the first '|': lines of words. */
static lethe_status clean_head(lethe_slide_job *job, const char *text, size_t length, lethe_buffer *out, lethe_error *error) {
    lethe_status status = LETHE_OK;
    bool gap = false;
    for (size_t at = 0; status == LETHE_OK && at < length;) {
        size_t space = at;
        while (space < length && strchr(" \t\r\n", text[space]) && text[space]) space++;
        size_t end = space;
        while (end < length && !(strchr(" \t\r\n", text[end]) && text[end]) && text[end] != ';') end++;
        if (end < length && text[end] == ';') end++; /* a semicolon ends a step of the conversion history */
        size_t word = end - space;
        bool ends_step = word > 1 && text[end - 1] == ';';
        if (word && (is_head_word(text + space, word) || (ends_step && is_head_word(text + space, word - 1)))) {
            if (space > at) status = lethe_buffer_append(out, text + at, space - at, error);
            else if (gap) status = lethe_buffer_append_text(out, " ", error);
            if (status == LETHE_OK) status = lethe_buffer_append(out, text + space, word, error);
            job->result->keys_kept++;
            gap = false;
        } else if (word) {
            status = lethe_job_removed(job, text + space, word, error);
            job->result->keys_removed++;
            gap = true;
        } else status = lethe_buffer_append(out, text + at, space - at, error);
        at = end;
    }
    return status;
}

static lethe_status clean_key(lethe_slide_job *job, const char *text, size_t length, lethe_buffer *out, lethe_error *error) {
    const char *equals = memchr(text, '=', length);
    const char *key = text, *value = equals ? equals + 1 : text + length;
    size_t key_length = equals ? (size_t)(equals - text) : length, value_length = (size_t)(text + length - value);
    lethe_typed_trim(&key, &key_length);
    lethe_typed_trim(&value, &value_length);
    const lethe_typed_rule *rule = lethe_typed_find(keys, sizeof keys / sizeof *keys - 1, key, key_length);
    if (equals && rule && lethe_typed_fits(rule->kind, rule->words, value, value_length)) {
        job->result->keys_kept++;
        lethe_status status = lethe_buffer_append_text(out, "|", error);
        return status == LETHE_OK ? lethe_buffer_append(out, text, length, error) : status;
    }
    job->result->keys_removed++;
    lethe_status status = lethe_job_removed(job, value, value_length, error);
    /* An unknown key may be an identifier itself, when it has no value. */
    if (status == LETHE_OK && !equals) status = lethe_job_removed(job, key, key_length, error);
    return status;
}

/* A description with what may stay. With `out` NULL only the removed values are remembered. */
static lethe_status clean_description(lethe_slide_job *job, const char *text, lethe_buffer *out, lethe_error *error) {
    lethe_buffer scratch;
    lethe_buffer_init(&scratch, 1 << 20);
    if (!out) out = &scratch;
    size_t head = strcspn(text, "|");
    lethe_status status = clean_head(job, text, head, out, error);
    for (const char *at = text + head; status == LETHE_OK && *at == '|';) {
        at++;
        size_t length = strcspn(at, "|");
        status = clean_key(job, at, length, out, error);
        at += length;
    }
    lethe_buffer_release(&scratch);
    return status;
}

static const uint16_t handled[] = {LETHE_TIFF_IMAGE_DESCRIPTION, 0};

/* Bytes behind the text's end are a hiding place, too. */
static lethe_status remember_tail(lethe_slide_job *job, const lethe_tiff_directory *directory, size_t text_length, lethe_error *error) {
    const lethe_tiff_entry *entry = lethe_tiff_find(directory, LETHE_TIFF_IMAGE_DESCRIPTION);
    if (!entry || !entry->value || entry->bytes <= text_length) return LETHE_OK;
    return lethe_job_removed_blob(job, entry->value + text_length, entry->bytes - text_length, error);
}

static lethe_status keep_image(lethe_slide_job *job, const lethe_tiff_directory *directory, lethe_error *error) {
    lethe_tiff_draft_directory *out;
    lethe_status status = lethe_plan_keep(job, directory, NULL, NULL, handled, &out, error);
    const char *text = status == LETHE_OK ? lethe_tiff_text(job->probe->tree, directory, LETHE_TIFF_IMAGE_DESCRIPTION) : NULL;
    if (status == LETHE_OK && !text) return lethe_fail(error, LETHE_NO_MEMORY, "out of memory");
    if (status != LETHE_OK) return status;
    status = lethe_plan_remove_children(job, directory, 0, error);
    if (status == LETHE_OK) status = remember_tail(job, directory, strlen(text), error);
    if (status != LETHE_OK || !*text) return status;
    lethe_buffer clean;
    lethe_buffer_init(&clean, 1 << 20);
    status = clean_description(job, text, &clean, error);
    if (status == LETHE_OK) status = lethe_tiff_draft_text(out, LETHE_TIFF_IMAGE_DESCRIPTION, lethe_buffer_text(&clean), error);
    lethe_buffer_release(&clean);
    return status;
}

static lethe_status remove_image(lethe_slide_job *job, const lethe_tiff_directory *directory, lethe_error *error) {
    lethe_status status = lethe_plan_remove(job, directory, handled, error);
    const char *text = status == LETHE_OK ? lethe_tiff_text(job->probe->tree, directory, LETHE_TIFF_IMAGE_DESCRIPTION) : NULL;
    if (status == LETHE_OK && text) status = clean_description(job, text, NULL, error);
    return status == LETHE_OK && text ? remember_tail(job, directory, strlen(text), error) : status;
}

static lethe_status add_label(lethe_slide_job *job, lethe_error *error) {
    lethe_image picture = {0};
    lethe_tiff_draft_directory *out;
    lethe_status status = lethe_label_draw(job->result->slide, 400, 400, &picture, error);
    if (status == LETHE_OK) status = lethe_plan_picture(job, &picture, &out, error);
    lethe_image_release(&picture);
    if (status == LETHE_OK) status = lethe_tiff_draft_uint(out, LETHE_TIFF_SUBFILE_TYPE, LETHE_TIFF_LONG, 1, error);
    if (status == LETHE_OK) status = lethe_tiff_draft_text(out, LETHE_TIFF_IMAGE_DESCRIPTION, "Aperio Image Library v1.0.0 \nlabel 400x400", error);
    return status;
}

static lethe_status add_macro(lethe_slide_job *job, lethe_error *error) {
    lethe_tiff_draft_directory *out;
    char text[96];
    lethe_status status = lethe_macro_blackout(job, &out, error);
    if (status != LETHE_OK || !out) return status;
    (void)snprintf(text, sizeof text, "Aperio Image Library v1.0.0 \nmacro %ux%u", job->macro_px[0], job->macro_px[1]);
    status = lethe_tiff_draft_uint(out, LETHE_TIFF_SUBFILE_TYPE, LETHE_TIFF_LONG, 9, error);
    return status == LETHE_OK ? lethe_tiff_draft_text(out, LETHE_TIFF_IMAGE_DESCRIPTION, text, error) : status;
}

static lethe_status plan(lethe_slide_job *job, lethe_error *error) {
    const lethe_tiff_tree *tree = job->probe->tree;
    lethe_status status = LETHE_OK;
    for (const lethe_tiff_directory *d = tree->first; status == LETHE_OK && d; d = d->next) {
        lethe_tiff_role role = lethe_tiff_role_of(tree, d, "aperio");
        job->label_found |= role == LETHE_TIFF_ROLE_LABEL;
        if (role == LETHE_TIFF_ROLE_STRANGE) return lethe_fail(error, LETHE_UNSAFE, "directory %u is tiled but no level of the pyramid", d->index);
        bool keep = role == LETHE_TIFF_ROLE_LEVEL || (role == LETHE_TIFF_ROLE_THUMBNAIL && job->options->thumbnail == LETHE_SLIDE_THUMBNAIL_KEEP);
        status = keep ? keep_image(job, d, error) : remove_image(job, d, error);
    }
    if (status == LETHE_OK && job->options->label == LETHE_SLIDE_LABEL_PSEUDONYM) status = add_label(job, error);
    return status == LETHE_OK ? add_macro(job, error) : status;
}

const lethe_slide_rules lethe_slide_aperio = {
    .name = "aperio", .extension = ".svs", .has_label_always = true, .has_plain_levels = true, .plan = plan, .vocabulary = vocabulary};
