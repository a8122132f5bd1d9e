/* The device catalogue: which devices burn text, where, and which are known to burn none. An own table (devices_table.c) generated from public
 * catalogues by devices_generate.py. docs/pixels.md says how to add an entry. Layer: deid. Thread rule: constant tables. */
#ifndef LETHE_DEID_DEVICES_H
#define LETHE_DEID_DEVICES_H

#include "imaging/dicom/dataset.h"

#include <stddef.h>
#include <stdint.h>

/* How a condition compares, ASCII case folded. */
typedef enum lethe_device_operator {
    LETHE_DEVICE_CONTAINS,
    LETHE_DEVICE_EQUALS,
    LETHE_DEVICE_STARTS,
    LETHE_DEVICE_ENDS,
    LETHE_DEVICE_PRESENT, /* has a value */
    LETHE_DEVICE_ABSENT   /* missing or empty */
} lethe_device_operator;

typedef struct lethe_device_condition {
    lethe_tag tag;
    uint8_t operation; /* lethe_device_operator */
    bool negated;
    const char *value; /* alternatives separated by '|' */
} lethe_device_condition;

typedef struct lethe_device_box {
    uint16_t x, y, w, h; /* clipped to the frame */
} lethe_device_box;

typedef enum lethe_device_kind {
    LETHE_DEVICE_BURNS, /* text in the boxes */
    LETHE_DEVICE_CLEAN  /* known to write none on such images */
} lethe_device_kind;

typedef struct lethe_device_rule {
    const char *name;       /* "ctp-12: GE AW workstation" */
    const char *source;     /* which public catalogue the fact comes from */
    uint8_t kind;           /* lethe_device_kind */
    uint16_t rows, columns; /* 0 = any */
    uint16_t first_condition, condition_count;
    uint16_t first_box, box_count;
} lethe_device_rule;

size_t lethe_device_rule_count(void);
const lethe_device_rule *lethe_device_rule_at(size_t index);
const lethe_device_condition *lethe_device_conditions(const lethe_device_rule *rule);
const lethe_device_box *lethe_device_boxes(const lethe_device_rule *rule);

typedef struct lethe_device_match {
    const lethe_device_rule *burns[64]; /* all that apply: their boxes add up */
    unsigned burns_count;
    const lethe_device_rule *clean; /* first that applies, or NULL */
    const char *own_clean;          /* a rule of the project says the same (burned_in_policy.c), or NULL */
    bool own_device;                /* a rule of the project knows the device and where it burns */
} lethe_device_match;
/* Find the rules for an instance. Cheap: header only. */
void lethe_device_find(const lethe_dicom_dataset *dataset, lethe_device_match *match);

/* Do all conditions hold? For rules from other sources (pixel_rules.h). */
bool lethe_device_conditions_hold(const lethe_dicom_dataset *dataset, const lethe_device_condition *conditions, unsigned count);
/* An attribute as conditions see it: the whole value without outer spaces; bytes that are no printable ASCII, and '|', are '?'. */
void lethe_device_text(const lethe_dicom_dataset *dataset, lethe_tag tag, char *out, size_t size);

#endif
