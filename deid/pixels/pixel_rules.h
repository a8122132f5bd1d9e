/* A project's own pixel rules: a YAML file beside the built-in device catalogue, written by hand or by `lethe review ... --to device`. A rule says
 * which images it is about and what is removed from them, what is known to be no text, or that they carry none. docs/pixel-rules.md is its page for
 * people. Layer: deid. Thread rule: immutable after load. */
#ifndef LETHE_DEID_PIXEL_RULES_H
#define LETHE_DEID_PIXEL_RULES_H

#include "core/buffer.h"
#include "core/error.h"
#include "deid/pixels/burned_in.h"
#include "deid/pixels/devices.h"

typedef struct lethe_pixel_rule {
    const char *name;
    uint16_t rows, columns; /* 0 = any */
    const lethe_device_condition *conditions;
    unsigned condition_count;
    const lethe_pixel_box *remove, *keep; /* clipped to the image when they are used */
    unsigned remove_count, keep_count;
    bool clean;     /* burns no text on such images */
    bool is_device; /* about a device, not about one series or instance: it makes the device known */
} lethe_pixel_rule;

typedef struct lethe_pixel_rules lethe_pixel_rules;

/* Errors: LETHE_IO when it cannot be read, LETHE_CONFIG with its name and what is wrong, LETHE_NO_MEMORY. */
LETHE_NODISCARD lethe_status lethe_pixel_rules_load(const char *path, lethe_pixel_rules **out, lethe_error *error);
/* The same where a missing file is no rules: *out is NULL then. */
LETHE_NODISCARD lethe_status lethe_pixel_rules_load_optional(const char *path, lethe_pixel_rules **out, lethe_error *error);
void lethe_pixel_rules_destroy(lethe_pixel_rules *rules);
size_t lethe_pixel_rules_count(const lethe_pixel_rules *rules); /* NULL: 0 */
const lethe_pixel_rule *lethe_pixel_rules_at(const lethe_pixel_rules *rules, size_t index);
/* Both made from files of the same bytes (or both NULL). */
bool lethe_pixel_rules_same(const lethe_pixel_rules *a, const lethe_pixel_rules *b);
/* Does a rule hold for an instance? Header only. */
bool lethe_pixel_rule_fits(const lethe_pixel_rule *rule, const lethe_dicom_dataset *dataset);

/* --- writing, for the review desk --- */

typedef enum lethe_pixel_rule_scope { LETHE_PIXEL_RULE_INSTANCE, LETHE_PIXEL_RULE_SERIES, LETHE_PIXEL_RULE_DEVICE } lethe_pixel_rule_scope;
typedef struct lethe_pixel_rule_draft {
    const char *name; /* one line */
    lethe_pixel_rule_scope scope;
    const lethe_dicom_dataset *dataset; /* of an image that the rule is about */
    const lethe_pixel_box *remove, *keep;
    unsigned remove_count, keep_count;
} lethe_pixel_rule_draft;
/* The rule as text for the file; in a worker, since it looks into an image. Errors: LETHE_UNSUPPORTED when the image does not say which device,
 * series or instance it is. */
LETHE_NODISCARD lethe_status lethe_pixel_rule_format(const lethe_pixel_rule_draft *draft, lethe_buffer *out, lethe_error *error);
/* Put the formatted rule `name` at the end of the file (mode 0600, made when missing, replaced atomically); a rule of that name is replaced. The file
 * must load afterwards, or it stays as it was. */
LETHE_NODISCARD lethe_status lethe_pixel_rules_put(const char *path, const char *name, const char *text, lethe_error *error);
/* Rules from formatted text alone, without a file. */
LETHE_NODISCARD lethe_status lethe_pixel_rules_from_text(const char *text, size_t size, lethe_pixel_rules **out, lethe_error *error);
/* Take a rule out by its name; a name that is not there is no error. */
LETHE_NODISCARD lethe_status lethe_pixel_rules_remove(const char *path, const char *name, lethe_error *error);

#endif
