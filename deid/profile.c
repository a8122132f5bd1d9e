#include "deid/profile.h"

#include "core/arena.h"
#include "core/buffer.h"
#include "core/config.h"
#include "core/file.h"
#include "core/limits.h"
#include "core/memory.h"
#include "core/text.h"

#include <stdio.h>
#include <string.h>

enum { TAG_BUCKETS = 1024, NO_RULE = -1 };

struct lethe_profile {
    lethe_arena *arena; /* strings and rules */
    const char *name, *recipients;
    uint32_t options;
    lethe_text_mode text;
    unsigned age_limit_years;
    bool allow_list, keep_overlays;
    lethe_document_policy documents;
    lethe_pixel_policy pixels;
    lethe_slide_options slides;
    lethe_rule *rules;
    size_t rule_count;
    int32_t *next;               /* chain of rules in a bucket, latest first */
    int32_t bucket[TAG_BUCKETS]; /* rules with a whole last tag, by tag */
    int32_t general;             /* the others */
};

const char *lethe_action_name(lethe_action action) {
    static const char *const names[LETHE_ACTIONS] = {"remove", "empty", "dummy", "uid", "clean", "shift", "age", "token", "replace", "keep"};
    return (unsigned)action < LETHE_ACTIONS ? names[action] : "?";
}

/* --- the YAML form --- */

typedef struct rule_yaml {
    char *tag, *creator, *vr, *sop_class, *modality, *value;
    int action;
} rule_yaml;

typedef struct modality_yaml {
    char *modality, *mode;
} modality_yaml;

typedef struct profile_yaml {
    char *name;
    int base, text, documents;
    uint32_t *options;
    int *text_given, *documents_given;
    int *ages_over;
    bool *allow_list, *keep_overlays;
    rule_yaml *rules;
    unsigned rules_count;
    struct {
        modality_yaml *modalities;
        unsigned modalities_count;
        int *unknown_device;
        bool redact_markers, ignore_catalogue, trust_declared_clean, no_reading;
        int *video;
    } * pixels;
    struct {
        char *certificate;
    } * reidentify;
    struct {
        int label, macro, thumbnail, text;
        bool read_barcode, allow_missing_label, keep_removed_labels;
    } * slides;
} profile_yaml;

static const cyaml_strval_t base_words[] = {{"basic", 0}, {"research", 1}, {"challenge", 2}};
static const cyaml_strval_t option_words[] = {
    {"retain-safe-private", LETHE_OPTION_SAFE_PRIVATE},
    {"retain-uids", LETHE_OPTION_UIDS},
    {"retain-device-identity", LETHE_OPTION_DEVICE},
    {"retain-institution-identity", LETHE_OPTION_INSTITUTION},
    {"retain-patient-characteristics", LETHE_OPTION_PATIENT},
    {"retain-full-dates", LETHE_OPTION_FULL_DATES},
    {"retain-modified-dates", LETHE_OPTION_MODIFIED_DATES},
    {"clean-descriptors", LETHE_OPTION_DESCRIPTORS},
    {"clean-structured-content", LETHE_OPTION_STRUCTURED},
    {"clean-graphics", LETHE_OPTION_GRAPHICS},
    {"clean-pixel-data", LETHE_OPTION_PIXELS},
};
static const cyaml_strval_t text_words[] = {{"strict", LETHE_TEXT_STRICT}, {"research", LETHE_TEXT_RESEARCH}};
static const cyaml_strval_t document_words[] = {
    {"quarantine", LETHE_DOCUMENT_QUARANTINE}, {"review", LETHE_DOCUMENT_REVIEW}, {"drop", LETHE_DOCUMENT_DROP}, {"keep", LETHE_DOCUMENT_KEEP}};
static const cyaml_strval_t action_words[] = {{"remove", LETHE_ACTION_REMOVE}, {"empty", LETHE_ACTION_EMPTY}, {"dummy", LETHE_ACTION_DUMMY},
                                              {"uid", LETHE_ACTION_UID},       {"clean", LETHE_ACTION_CLEAN}, {"shift", LETHE_ACTION_SHIFT},
                                              {"age", LETHE_ACTION_AGE},       {"token", LETHE_ACTION_TOKEN}, {"replace", LETHE_ACTION_REPLACE},
                                              {"keep", LETHE_ACTION_KEEP}};
static const cyaml_strval_t device_words[] = {
    {"redact", LETHE_UNKNOWN_DEVICE_REDACT}, {"review", LETHE_UNKNOWN_DEVICE_REVIEW}, {"quarantine", LETHE_UNKNOWN_DEVICE_QUARANTINE}};
static const cyaml_strval_t video_words[] = {{"review", 0}, {"quarantine", 1}};
static const cyaml_strval_t label_words[] = {{"remove", LETHE_SLIDE_LABEL_REMOVE}, {"pseudonym", LETHE_SLIDE_LABEL_PSEUDONYM}};
static const cyaml_strval_t macro_words[] = {{"remove", LETHE_SLIDE_MACRO_REMOVE}, {"blackout", LETHE_SLIDE_MACRO_BLACKOUT}};
static const cyaml_strval_t thumbnail_words[] = {{"remove", LETHE_SLIDE_THUMBNAIL_REMOVE}, {"keep", LETHE_SLIDE_THUMBNAIL_KEEP}};

static const cyaml_strval_t slide_text_words[] = {{"search", LETHE_SLIDE_TEXT_SEARCH}, {"keep", LETHE_SLIDE_TEXT_KEEP}};

enum { OPT = CYAML_FLAG_OPTIONAL, OPT_PTR = CYAML_FLAG_OPTIONAL | CYAML_FLAG_POINTER, STRICT = CYAML_FLAG_STRICT };

static const cyaml_schema_field_t rule_fields[] = {CYAML_FIELD_STRING_PTR("tag", OPT_PTR, rule_yaml, tag, 1, 256),
                                                   CYAML_FIELD_STRING_PTR("creator", OPT_PTR, rule_yaml, creator, 1, 64),
                                                   CYAML_FIELD_STRING_PTR("vr", OPT_PTR, rule_yaml, vr, 2, 2),
                                                   CYAML_FIELD_STRING_PTR("sop_class", OPT_PTR, rule_yaml, sop_class, 1, 64),
                                                   CYAML_FIELD_STRING_PTR("modality", OPT_PTR, rule_yaml, modality, 1, 16),
                                                   CYAML_FIELD_ENUM("action", STRICT, rule_yaml, action, action_words, CYAML_ARRAY_LEN(action_words)),
                                                   CYAML_FIELD_STRING_PTR("value", OPT_PTR, rule_yaml, value, 0, 1024),
                                                   CYAML_FIELD_END};
static const cyaml_schema_value_t rule_entry = {CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, rule_yaml, rule_fields)};

static const cyaml_schema_field_t modality_fields[] = {CYAML_FIELD_STRING_PTR("modality", CYAML_FLAG_POINTER, modality_yaml, modality, 1, 16),
                                                       CYAML_FIELD_STRING_PTR("mode", CYAML_FLAG_POINTER, modality_yaml, mode, 1, 32),
                                                       CYAML_FIELD_END};
static const cyaml_schema_value_t modality_entry = {CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, modality_yaml, modality_fields)};

/* Anonymous members of profile_yaml, by type. */
#define PIXELS __typeof__(*((profile_yaml *)0)->pixels)
#define SLIDES __typeof__(*((profile_yaml *)0)->slides)
#define REIDENTIFY __typeof__(*((profile_yaml *)0)->reidentify)

static const cyaml_schema_field_t reidentify_fields[] = {CYAML_FIELD_STRING_PTR("certificate", CYAML_FLAG_POINTER, REIDENTIFY, certificate, 1, 4096),
                                                         CYAML_FIELD_END};

static const cyaml_schema_field_t pixel_fields[] = {
    CYAML_FIELD_SEQUENCE_COUNT("modalities", OPT_PTR, PIXELS, modalities, modalities_count, &modality_entry, 0, LETHE_PIXEL_MODALITIES),
    CYAML_FIELD_ENUM_PTR("unknown_device", OPT_PTR | STRICT, PIXELS, unknown_device, device_words, CYAML_ARRAY_LEN(device_words)),
    CYAML_FIELD_BOOL("redact_markers", OPT, PIXELS, redact_markers),
    CYAML_FIELD_BOOL("ignore_catalogue", OPT, PIXELS, ignore_catalogue),
    CYAML_FIELD_BOOL("trust_declared_clean", OPT, PIXELS, trust_declared_clean),
    CYAML_FIELD_BOOL("no_reading", OPT, PIXELS, no_reading),
    CYAML_FIELD_ENUM_PTR("video", OPT_PTR | STRICT, PIXELS, video, video_words, CYAML_ARRAY_LEN(video_words)),
    CYAML_FIELD_END};
static const cyaml_schema_field_t slide_fields[] = {
    CYAML_FIELD_ENUM("label", OPT | STRICT, SLIDES, label, label_words, CYAML_ARRAY_LEN(label_words)),
    CYAML_FIELD_ENUM("macro", OPT | STRICT, SLIDES, macro, macro_words, CYAML_ARRAY_LEN(macro_words)),
    CYAML_FIELD_ENUM("thumbnail", OPT | STRICT, SLIDES, thumbnail, thumbnail_words, CYAML_ARRAY_LEN(thumbnail_words)),
    CYAML_FIELD_ENUM("text", OPT | STRICT, SLIDES, text, slide_text_words, CYAML_ARRAY_LEN(slide_text_words)),
    CYAML_FIELD_BOOL("read_barcode", OPT, SLIDES, read_barcode),
    CYAML_FIELD_BOOL("allow_missing_label", OPT, SLIDES, allow_missing_label),
    CYAML_FIELD_BOOL("keep_removed_labels", OPT, SLIDES, keep_removed_labels),
    CYAML_FIELD_END};

static const cyaml_schema_field_t profile_fields[] = {
    CYAML_FIELD_STRING_PTR("name", OPT_PTR, profile_yaml, name, 1, 64),
    CYAML_FIELD_ENUM("base", OPT | STRICT, profile_yaml, base, base_words, CYAML_ARRAY_LEN(base_words)),
    CYAML_FIELD_FLAGS_PTR("options", OPT_PTR | STRICT, profile_yaml, options, option_words, CYAML_ARRAY_LEN(option_words)),
    CYAML_FIELD_ENUM_PTR("text", OPT_PTR | STRICT, profile_yaml, text_given, text_words, CYAML_ARRAY_LEN(text_words)),
    CYAML_FIELD_ENUM_PTR("documents", OPT_PTR | STRICT, profile_yaml, documents_given, document_words, CYAML_ARRAY_LEN(document_words)),
    CYAML_FIELD_INT_PTR("ages_over", OPT_PTR, profile_yaml, ages_over),
    CYAML_FIELD_BOOL_PTR("allow_list", OPT_PTR, profile_yaml, allow_list),
    CYAML_FIELD_BOOL_PTR("keep_region_overlays", OPT_PTR, profile_yaml, keep_overlays),
    CYAML_FIELD_SEQUENCE_COUNT("rules", OPT_PTR, profile_yaml, rules, rules_count, &rule_entry, 0, 10000),
    CYAML_FIELD_MAPPING_PTR("pixels", OPT_PTR, profile_yaml, pixels, pixel_fields),
    CYAML_FIELD_MAPPING_PTR("slides", OPT_PTR, profile_yaml, slides, slide_fields),
    CYAML_FIELD_MAPPING_PTR("reidentify", OPT_PTR, profile_yaml, reidentify, reidentify_fields),
    CYAML_FIELD_END};
static const cyaml_schema_value_t profile_schema = {CYAML_VALUE_MAPPING(CYAML_FLAG_POINTER, profile_yaml, profile_fields)};

/* --- building --- */

static lethe_profile *create_empty(void) {
    lethe_profile *profile = lethe_alloc_array(1, sizeof *profile);
    if (profile == NULL) return NULL;
    profile->arena = lethe_arena_create(8u << 20);
    if (profile->arena == NULL) {
        lethe_free(profile);
        return NULL;
    }
    for (size_t i = 0; i < TAG_BUCKETS; i++) profile->bucket[i] = NO_RULE;
    profile->general = NO_RULE;
    lethe_pixel_policy_default(&profile->pixels);
    return profile;
}

void lethe_profile_destroy(lethe_profile *profile) {
    if (profile == NULL) return;
    lethe_arena_destroy(profile->arena);
    lethe_free(profile);
}

static void set_base(lethe_profile *profile, int base) {
    static const uint32_t cleaned = LETHE_OPTION_DESCRIPTORS | LETHE_OPTION_STRUCTURED | LETHE_OPTION_GRAPHICS | LETHE_OPTION_PIXELS;
    profile->name = base_words[base].str;
    profile->text = LETHE_TEXT_STRICT;
    if (base == 0) {
        profile->options = LETHE_OPTION_PIXELS;
    } else if (base == 1) {
        profile->options = cleaned | LETHE_OPTION_SAFE_PRIVATE | LETHE_OPTION_PATIENT | LETHE_OPTION_MODIFIED_DATES;
        profile->text = LETHE_TEXT_RESEARCH;
        profile->keep_overlays = true;
    } else {
        profile->options = cleaned | LETHE_OPTION_PATIENT;
        profile->age_limit_years = 89;
        profile->allow_list = true;
        profile->pixels.redact_markers = false;
        profile->pixels.unknown_device = LETHE_UNKNOWN_DEVICE_QUARANTINE;
    }
}

/* Line of the n-th appearance of a value in the text, for messages; 0 when it cannot be told. */
static unsigned line_of(const char *text, size_t size, const char *word) {
    size_t length = strlen(word);
    unsigned line = 1;
    for (size_t i = 0; length != 0 && i + length <= size; i++) {
        if (text[i] == '\n') line++;
        if (memcmp(text + i, word, length) == 0) return line;
    }
    return 0;
}

static const char *nearest_keyword(const char *word) {
    const char *best = NULL;
    size_t best_distance = 4;
    for (size_t i = 0; i < lethe_dictionary_count(); i++) {
        const char *keyword = lethe_dictionary_at(i)->keyword;
        if (keyword == NULL || keyword[0] == '\0') continue;
        size_t distance = lethe_text_distance(word, keyword, best_distance);
        if (distance < best_distance) best_distance = distance, best = keyword;
    }
    return best;
}

/* "gggg,eeee" with x for any digit. */
static bool parse_tag_pattern(const char *text, lethe_tag *tag, lethe_tag *mask) {
    char digits[9];
    size_t count = 0;
    for (const char *at = text; *at != '\0'; at++) {
        if (*at == '(' || *at == ')' || *at == ',' || *at == ' ') continue;
        if (count == 8) return false;
        digits[count++] = *at;
    }
    if (count != 8) return false;
    digits[8] = '\0';
    lethe_tag value = 0, bits = 0;
    for (size_t i = 0; i < 8; i++) {
        char c = digits[i];
        uint32_t digit = 0, bit = 0xF;
        if (c >= '0' && c <= '9') digit = (uint32_t)(c - '0');
        else if (c >= 'a' && c <= 'f') digit = (uint32_t)(c - 'a' + 10);
        else if (c >= 'A' && c <= 'F') digit = (uint32_t)(c - 'A' + 10);
        else if (c == 'x' || c == 'X') bit = 0;
        else return false;
        value = value << 4 | digit;
        bits = bits << 4 | bit;
    }
    *tag = value;
    *mask = bits;
    return true;
}

typedef struct source_text {
    const char *name, *text;
    size_t size;
} source_text;

static lethe_status bad_word(const source_text *source, const char *key, const char *word, const char *nearest, lethe_error *error) {
    return lethe_fail(error, LETHE_CONFIG, "%s:%u: %s: '%.60s' is not known%s%s%s", source->name, line_of(source->text, source->size, word), key,
                      word, nearest != NULL ? "; did you mean '" : "", nearest != NULL ? nearest : "", nearest != NULL ? "'?" : "");
}

static lethe_status compile_path(const source_text *source, const char *text, lethe_rule *rule, lethe_error *error) {
    char copy[257];
    (void)snprintf(copy, sizeof copy, "%s", text);
    char *at = copy;
    if (*at == '/') rule->anchored = true, at++;
    for (char *part = at; part != NULL;) {
        char *slash = strchr(part, '/');
        if (slash != NULL) *slash = '\0';
        if (rule->path_count == LETHE_RULE_PATH)
            return lethe_fail(error, LETHE_CONFIG, "%s:%u: tag: path deeper than %d", source->name, line_of(source->text, source->size, text),
                              LETHE_RULE_PATH);
        lethe_tag tag, mask = 0xFFFFFFFFu;
        const lethe_dictionary_entry *entry = lethe_dictionary_find_keyword(part);
        if (entry != NULL) tag = entry->tag, mask = entry->mask;
        else if (!parse_tag_pattern(part, &tag, &mask)) return bad_word(source, "tag", part, nearest_keyword(part), error);
        if (slash != NULL && mask != 0xFFFFFFFFu)
            return lethe_fail(error, LETHE_CONFIG, "%s:%u: tag: only the last part of a path may hold x", source->name,
                              line_of(source->text, source->size, part));
        rule->path[rule->path_count++] = tag;
        rule->mask = mask;
        part = slash != NULL ? slash + 1 : NULL;
    }
    return LETHE_OK;
}

static lethe_status compile_rule(lethe_profile *profile, const source_text *source, const rule_yaml *from, size_t index, lethe_error *error) {
    static const char *const vrs[] = {"AE", "AS", "AT", "CS", "DA", "DS", "DT", "FD", "FL", "IS", "LO", "LT", "OB", "OD", "OF", "OL", "OV", "OW",
                                      "PN", "SH", "SL", "SQ", "SS", "ST", "SV", "TM", "UC", "UI", "UL", "UN", "UR", "US", "UT", "UV", NULL};
    lethe_rule *rule = &profile->rules[index];
    lethe_status status = LETHE_OK;
    rule->action = (lethe_action)from->action;
    rule->label = lethe_arena_printf(profile->arena, "profile %s, rule %zu", profile->name, index + 1);
    if (from->tag != NULL) status = compile_path(source, from->tag, rule, error);
    if (status != LETHE_OK) return status;
    if (from->vr != NULL) {
        rule->vr = LETHE_VR(from->vr[0], from->vr[1]);
        if (!lethe_vr_is_known(rule->vr)) return bad_word(source, "vr", from->vr, lethe_text_nearest(from->vr, vrs), error);
    }
    rule->creator = from->creator == NULL ? NULL : lethe_arena_strndup(profile->arena, from->creator, strlen(from->creator));
    rule->sop_class = from->sop_class == NULL ? NULL : lethe_arena_strndup(profile->arena, from->sop_class, strlen(from->sop_class));
    rule->modality = from->modality == NULL ? NULL : lethe_arena_strndup(profile->arena, from->modality, strlen(from->modality));
    rule->value = from->value == NULL ? NULL : lethe_arena_strndup(profile->arena, from->value, strlen(from->value));
    if (rule->label == NULL) return lethe_fail(error, LETHE_NO_MEMORY, "no memory for a profile");
    if (rule->action == LETHE_ACTION_REPLACE && rule->value == NULL)
        return lethe_fail(error, LETHE_CONFIG, "%s: rules: rule %zu: action replace needs a value", source->name, index + 1);
    if (from->tag == NULL && from->creator == NULL && from->vr == NULL && from->sop_class == NULL && from->modality == NULL)
        return lethe_fail(error, LETHE_CONFIG,
                          "%s: rules: rule %zu: says nothing about which attributes it means (tag, creator, vr, sop_class or modality)", source->name,
                          index + 1);
    if (rule->action == LETHE_ACTION_KEEP && from->tag == NULL && from->creator == NULL && from->vr == NULL)
        return lethe_fail(error, LETHE_CONFIG, "%s: rules: rule %zu: would keep every attribute of a class or modality; name a tag, creator or vr",
                          source->name, index + 1);
    bool whole = rule->path_count != 0 && rule->mask == 0xFFFFFFFFu;
    int32_t *head = whole ? &profile->bucket[(rule->path[rule->path_count - 1] * 2654435761u) >> 22] : &profile->general;
    profile->next[index] = *head;
    *head = (int32_t)index;
    return LETHE_OK;
}

static lethe_status apply_yaml(lethe_profile *profile, const source_text *source, const profile_yaml *from, lethe_error *error) {
    set_base(profile, from->base);
    if (from->name != NULL) profile->name = lethe_arena_strndup(profile->arena, from->name, strlen(from->name));
    else profile->name = lethe_arena_strndup(profile->arena, source->name, strlen(source->name));
    if (from->options != NULL) profile->options = *from->options;
    if ((profile->options & LETHE_OPTION_FULL_DATES) != 0 && (profile->options & LETHE_OPTION_MODIFIED_DATES) != 0)
        return lethe_fail(error, LETHE_CONFIG, "%s:%u: options: retain-full-dates and retain-modified-dates exclude each other", source->name,
                          line_of(source->text, source->size, "retain-modified-dates"));
    if (from->text_given != NULL) profile->text = (lethe_text_mode)*from->text_given;
    if (from->documents_given != NULL) profile->documents = (lethe_document_policy)*from->documents_given;
    if (from->allow_list != NULL) profile->allow_list = *from->allow_list;
    if (from->keep_overlays != NULL) profile->keep_overlays = *from->keep_overlays;
    if (from->ages_over != NULL) {
        if (*from->ages_over < 0 || *from->ages_over > 130)
            return lethe_fail(error, LETHE_CONFIG, "%s:%u: ages_over: 0 to 130 years, 0 for no grouping", source->name,
                              line_of(source->text, source->size, "ages_over"));
        profile->age_limit_years = (unsigned)*from->ages_over;
    }
    if (from->pixels != NULL) {
        for (unsigned i = 0; i < from->pixels->modalities_count; i++) {
            lethe_error detail = {0};
            const modality_yaml *entry = &from->pixels->modalities[i];
            if (lethe_pixel_policy_set(&profile->pixels, entry->modality, entry->mode, &detail) != LETHE_OK) {
                static const char *const modes[] = {"any-text", "phi-only", "off", NULL};
                return bad_word(source, "pixels.modalities.mode", entry->mode, lethe_text_nearest(entry->mode, modes), error);
            }
        }
        if (from->pixels->unknown_device != NULL) profile->pixels.unknown_device = (lethe_unknown_device)*from->pixels->unknown_device;
        if (from->pixels->video != NULL) profile->pixels.review_video = (uint8_t)*from->pixels->video;
        profile->pixels.redact_markers = from->pixels->redact_markers;
        profile->pixels.ignore_catalogue = from->pixels->ignore_catalogue;
        profile->pixels.trust_declared_clean = from->pixels->trust_declared_clean;
        profile->pixels.no_reading = from->pixels->no_reading;
    }
    if (from->slides != NULL) {
        profile->slides.label = (lethe_slide_label_policy)from->slides->label;
        profile->slides.macro = (lethe_slide_macro_policy)from->slides->macro;
        profile->slides.thumbnail = (lethe_slide_thumbnail_policy)from->slides->thumbnail;
        profile->slides.text = (lethe_slide_text_policy)from->slides->text;
        profile->slides.read_barcode = from->slides->read_barcode;
        profile->slides.allow_missing_label = from->slides->allow_missing_label;
        profile->slides.keep_removed_labels = from->slides->keep_removed_labels;
    }
    if (from->reidentify != NULL) {
        profile->recipients = lethe_arena_strndup(profile->arena, from->reidentify->certificate, strlen(from->reidentify->certificate));
        if (profile->recipients == NULL) return lethe_fail(error, LETHE_NO_MEMORY, "no memory for a profile");
    }
    if (from->rules_count == 0) return LETHE_OK;
    profile->rules = lethe_arena_alloc_array(profile->arena, from->rules_count, sizeof *profile->rules);
    profile->next = lethe_arena_alloc_array(profile->arena, from->rules_count, sizeof *profile->next);
    if (profile->rules == NULL || profile->next == NULL || profile->name == NULL)
        return lethe_fail(error, LETHE_NO_MEMORY, "no memory for a profile");
    profile->rule_count = from->rules_count;
    lethe_status status = LETHE_OK;
    for (size_t i = 0; status == LETHE_OK && i < from->rules_count; i++) status = compile_rule(profile, source, &from->rules[i], i, error);
    return status;
}

lethe_status lethe_profile_parse(const char *yaml, size_t size, const char *name, lethe_profile **out, lethe_error *error) {
    *out = NULL;
    cyaml_data_t *data = NULL;
    lethe_profile *profile = create_empty();
    lethe_status status = profile == NULL ? lethe_fail(error, LETHE_NO_MEMORY, "no memory for a profile") : LETHE_OK;
    if (status == LETHE_OK) status = lethe_config_parse(yaml, size, name, &profile_schema, &data, error);
    source_text source = {.name = name, .text = yaml, .size = size};
    if (status == LETHE_OK) status = apply_yaml(profile, &source, (const profile_yaml *)data, error);
    if (data != NULL) lethe_config_free(&profile_schema, data);
    if (status != LETHE_OK) lethe_profile_destroy(profile);
    else *out = profile;
    return status;
}

lethe_status lethe_profile_load(const char *name_or_path, lethe_profile **out, lethe_error *error) {
    *out = NULL;
    for (int i = 0; i < 3; i++) {
        if (strcmp(name_or_path, base_words[i].str) != 0) continue;
        lethe_profile *profile = create_empty();
        if (profile == NULL) return lethe_fail(error, LETHE_NO_MEMORY, "no memory for a profile");
        set_base(profile, i);
        *out = profile;
        return LETHE_OK;
    }
    if (strchr(name_or_path, '/') == NULL && !lethe_text_ends(name_or_path, ".yaml") && !lethe_text_ends(name_or_path, ".yml")) {
        static const char *const names[] = {"basic", "research", "challenge", NULL};
        const char *nearest = lethe_text_nearest(name_or_path, names);
        return lethe_fail(error, LETHE_NOT_FOUND, "no profile '%s' is built in%s%s%s (basic, research, challenge, or a .yaml file)", name_or_path,
                          nearest != NULL ? "; did you mean '" : "", nearest != NULL ? nearest : "", nearest != NULL ? "'?" : "");
    }
    lethe_buffer text;
    lethe_buffer_init(&text, LETHE_LIMIT_TEXT_FILE_BYTES);
    lethe_status status = lethe_file_read(name_or_path, &text, error);
    if (status == LETHE_OK) status = lethe_profile_parse(lethe_buffer_text(&text), text.size, lethe_path_name(name_or_path), out, error);
    lethe_buffer_release(&text);
    size_t folder = (size_t)(lethe_path_name(name_or_path) - name_or_path);
    lethe_profile *profile = status == LETHE_OK ? *out : NULL;
    if (profile == NULL || profile->recipients == NULL || profile->recipients[0] == '/' || folder == 0) return status;
    profile->recipients = lethe_arena_printf(profile->arena, "%.*s%s", (int)folder, name_or_path, profile->recipients);
    if (profile->recipients != NULL) return LETHE_OK;
    lethe_profile_destroy(profile);
    *out = NULL;
    return lethe_fail(error, LETHE_NO_MEMORY, "no memory for a profile");
}

/* --- asking --- */

const char *lethe_profile_name(const lethe_profile *profile) { return profile->name; }
const char *lethe_profile_recipients(const lethe_profile *profile) { return profile->recipients; }
uint32_t lethe_profile_options(const lethe_profile *profile) { return profile->options; }
lethe_text_mode lethe_profile_text(const lethe_profile *profile) { return profile->text; }
unsigned lethe_profile_age_limit(const lethe_profile *profile) { return profile->age_limit_years; }
bool lethe_profile_allow_list(const lethe_profile *profile) { return profile->allow_list; }
lethe_document_policy lethe_profile_documents(const lethe_profile *profile) { return profile->documents; }
bool lethe_profile_keep_overlays(const lethe_profile *profile) { return profile->keep_overlays; }
const lethe_pixel_policy *lethe_profile_pixels(const lethe_profile *profile) { return &profile->pixels; }
const lethe_slide_options *lethe_profile_slides(const lethe_profile *profile) { return &profile->slides; }

static bool same_creator(const char *rule, const char *found) {
    if (found == NULL) return false;
    while (*rule == ' ') rule++;
    while (*found == ' ') found++;
    char a[65], b[65];
    (void)snprintf(a, sizeof a, "%s", rule);
    (void)snprintf(b, sizeof b, "%s", found);
    for (size_t n = strlen(a); n != 0 && a[n - 1] == ' '; n--) a[n - 1] = '\0';
    for (size_t n = strlen(b); n != 0 && b[n - 1] == ' '; n--) b[n - 1] = '\0';
    return lethe_text_equal_fold(a, b);
}

static bool rule_fits(const lethe_rule *rule, const lethe_rule_query *query) {
    const lethe_dicom_element *element = query->element;
    if (rule->vr != 0 && rule->vr != query->vr) return false;
    if (rule->path_count != 0) {
        unsigned at = rule->path_count - 1;
        if ((element->tag & rule->mask) != (rule->path[at] & rule->mask)) return false;
        const lethe_dicom_element *up = element->parent == NULL ? NULL : element->parent->parent;
        while (at-- != 0) {
            if (up == NULL || up->tag != rule->path[at]) return false;
            up = up->parent == NULL ? NULL : up->parent->parent;
        }
        if (rule->anchored && up != NULL) return false;
    }
    if (rule->creator != NULL && !same_creator(rule->creator, element->private_creator)) return false;
    if (rule->sop_class != NULL && strcmp(rule->sop_class, query->sop_class) != 0) return false;
    return rule->modality == NULL || strcmp(rule->modality, query->modality) == 0;
}

static const lethe_rule *search_chain(const lethe_profile *profile, int32_t head, const lethe_rule_query *query) {
    for (int32_t i = head; i != NO_RULE; i = profile->next[i])
        if (rule_fits(&profile->rules[i], query)) return &profile->rules[i];
    return NULL;
}

const lethe_rule *lethe_profile_rule(const lethe_profile *profile, const lethe_rule_query *query) {
    if (profile->rule_count == 0) return NULL;
    const lethe_rule *exact = search_chain(profile, profile->bucket[(query->element->tag * 2654435761u) >> 22], query);
    const lethe_rule *general = search_chain(profile, profile->general, query);
    if (exact == NULL) return general;
    return general == NULL || exact > general ? exact : general; /* rules lie in one array: the later one wins */
}
