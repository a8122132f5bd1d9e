/* Each rule of the device catalogue fires on an instance made from its own conditions, and does not when one of them fails; own rules beside it. */
#include "core/buffer.h"
#include "core/file.h"
#include "core/limits.h"
#include "core/memory.h"
#include "deid/pixels/devices.h"
#include "deid/pixels/pixel_rules.h"
#include "imaging/dicom/edit.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

enum { MOST = 24 };
typedef struct value {
    lethe_tag tag;
    char text[600];
} value;
typedef struct sample {
    value values[MOST];
    unsigned count;
    unsigned rows, columns;
} sample;

static value *slot(sample *s, lethe_tag tag) {
    for (unsigned i = 0; i < s->count; i++)
        if (s->values[i].tag == tag) return &s->values[i];
    assert_true(s->count < MOST);
    s->values[s->count].tag = tag;
    return &s->values[s->count++];
}

/* Fulfil a condition: the first of its alternatives, behind what other conditions asked for already. */
static void fulfil(sample *s, const lethe_device_condition *c) {
    if (c->negated || c->operation == LETHE_DEVICE_ABSENT) return; /* nothing that is not asked for is there */
    value *v = slot(s, c->tag);
    char one[300];
    (void)snprintf(one, sizeof one, "%.*s", (int)strcspn(c->value, "|"), c->value);
    if (c->operation == LETHE_DEVICE_PRESENT) {
        if (v->text[0] == '\0') (void)snprintf(v->text, sizeof v->text, "X");
        return;
    }
    char before[600];
    memcpy(before, v->text, sizeof before);
    if (c->operation == LETHE_DEVICE_CONTAINS && strcasestr(before, one) != NULL) return;
    if (c->operation == LETHE_DEVICE_EQUALS || before[0] == '\0') (void)snprintf(v->text, sizeof v->text, "%s", one);
    else if (c->operation == LETHE_DEVICE_STARTS) (void)snprintf(v->text, sizeof v->text, "%s%.250s", one, before);
    else (void)snprintf(v->text, sizeof v->text, "%.250s\\%s", before, one);
}

static int by_tag(const void *a, const void *b) {
    lethe_tag x = ((const value *)a)->tag, y = ((const value *)b)->tag;
    return (x > y) - (x < y);
}

static void put(lethe_buffer *out, lethe_tag tag, const char *vr, const void *bytes, size_t size) {
    bool wide = strcmp(vr, "SQ") == 0 || strcmp(vr, "OB") == 0;
    uint8_t head[12] = {(uint8_t)(tag >> 16), (uint8_t)(tag >> 24), (uint8_t)tag, (uint8_t)(tag >> 8), (uint8_t)vr[0], (uint8_t)vr[1]};
    size_t even = size + (size & 1);
    head[wide ? 8 : 6] = (uint8_t)even;
    head[wide ? 9 : 7] = (uint8_t)(even >> 8);
    assert_int_equal(lethe_buffer_append(out, head, wide ? 12 : 8, NULL), LETHE_OK);
    assert_int_equal(lethe_buffer_append(out, bytes, size, NULL), LETHE_OK);
    if (even != size) assert_int_equal(lethe_buffer_append(out, " ", 1, NULL), LETHE_OK);
}

static void put_value(lethe_buffer *out, const value *v) {
    static const uint8_t item[] = {0xFE, 0xFF, 0x00, 0xE0, 0, 0, 0, 0};
    if (v->tag == LETHE_TAG(0x0018, 0x6011)) put(out, v->tag, "SQ", item, sizeof item);
    else put(out, v->tag, "LO", v->text, strlen(v->text));
}

static void build(sample *s, lethe_buffer *out) {
    static const char syntax[] = "1.2.840.10008.1.2.1";
    lethe_buffer meta;
    lethe_buffer_init(&meta, 1u << 16);
    put(&meta, LETHE_TAG(0x0002, 0x0010), "UI", syntax, sizeof syntax - 1);
    qsort(s->values, s->count, sizeof *s->values, by_tag);
    for (unsigned i = 0; i < s->count; i++)
        if (lethe_tag_group(s->values[i].tag) == 2 && s->values[i].tag != LETHE_TAG(0x0002, 0x0010)) put_value(&meta, &s->values[i]);
    uint8_t preamble[132] = {0}, length[4] = {(uint8_t)meta.size, (uint8_t)(meta.size >> 8), 0, 0};
    memcpy(preamble + 128, "DICM", 4);
    assert_int_equal(lethe_buffer_append(out, preamble, sizeof preamble, NULL), LETHE_OK);
    put(out, LETHE_TAG(0x0002, 0x0000), "UL", length, 4);
    assert_int_equal(lethe_buffer_append(out, meta.bytes, meta.size, NULL), LETHE_OK);
    lethe_buffer_release(&meta);
    bool sized = false;
    uint8_t rows[2] = {(uint8_t)s->rows, (uint8_t)(s->rows >> 8)}, columns[2] = {(uint8_t)s->columns, (uint8_t)(s->columns >> 8)};
    for (unsigned i = 0; i <= s->count; i++) {
        if (!sized && (i == s->count || s->values[i].tag > LETHE_TAG(0x0028, 0x0010))) {
            put(out, LETHE_TAG(0x0028, 0x0010), "US", rows, 2);
            put(out, LETHE_TAG(0x0028, 0x0011), "US", columns, 2);
            sized = true;
        }
        if (i < s->count && lethe_tag_group(s->values[i].tag) > 2) put_value(out, &s->values[i]);
    }
}

static bool fires(const lethe_dicom_dataset *dataset, const lethe_device_rule *rule) {
    int64_t rows = 0, columns = 0;
    (void)lethe_dicom_int(dataset->root, LETHE_TAG(0x0028, 0x0010), 0, &rows);
    (void)lethe_dicom_int(dataset->root, LETHE_TAG(0x0028, 0x0011), 0, &columns);
    if ((rule->rows != 0 && rule->rows != rows) || (rule->columns != 0 && rule->columns != columns)) return false;
    return lethe_device_conditions_hold(dataset, lethe_device_conditions(rule), rule->condition_count);
}

/* One instance; *found: the whole catalogue names the rule, or 16 others before it. */
static bool try_rule(sample *s, const lethe_device_rule *rule, bool *found) {
    lethe_buffer file;
    lethe_error error = {0};
    lethe_dicom_dataset *dataset = NULL;
    lethe_device_match match;
    lethe_buffer_init(&file, 1u << 20);
    lethe_arena *arena = lethe_arena_create(LETHE_LIMIT_ARENA_BYTES);
    build(s, &file);
    if (lethe_dicom_dataset_parse(file.bytes, file.size, arena, &dataset, &error) != LETHE_OK) fail_msg("%s: %s", rule->name, error.message);
    bool fired = fires(dataset, rule);
    lethe_device_find(dataset, &match);
    *found = match.clean == rule || match.burns_count == sizeof match.burns / sizeof *match.burns ||
             (rule->kind == LETHE_DEVICE_CLEAN && (match.clean != NULL || match.burns_count > 0));
    for (unsigned i = 0; i < match.burns_count; i++) *found = *found || match.burns[i] == rule;
    lethe_dicom_dataset_release(dataset);
    lethe_arena_destroy(arena);
    lethe_buffer_release(&file);
    return fired;
}

static void every_rule_fires_once(void **state) {
    (void)state;
    unsigned contradictory = 0, silent = 0;
    for (size_t i = 0; i < lethe_device_rule_count(); i++) {
        const lethe_device_rule *rule = lethe_device_rule_at(i);
        sample s = {.rows = rule->rows == 0 ? 480 : rule->rows, .columns = rule->columns == 0 ? 640 : rule->columns};
        bool found = false;
        for (unsigned c = 0; c < rule->condition_count; c++) fulfil(&s, &lethe_device_conditions(rule)[c]);
        if (!try_rule(&s, rule, &found)) {
            print_message("never fires: %s\n", rule->name);
            contradictory++;
            continue;
        }
        if (!found) fail_msg("'%s' fits, and the catalogue does not name it", rule->name);
        /* Another size, or without what the first condition asks for, it is silent. */
        if (rule->rows != 0) {
            s.rows++;
            assert_false(try_rule(&s, rule, &found));
            s.rows--;
            silent++;
        }
        const lethe_device_condition *first = &lethe_device_conditions(rule)[0];
        if (!first->negated && first->operation != LETHE_DEVICE_ABSENT) {
            sample without = s;
            for (unsigned v = 0; v < without.count; v++)
                if (without.values[v].tag == first->tag) without.values[v--] = without.values[--without.count];
            assert_false(try_rule(&without, rule, &found));
            silent++;
        }
        assert_true(rule->kind == LETHE_DEVICE_CLEAN ? rule->box_count == 0 : rule->box_count > 0);
    }
    print_message("%zu rules, %u that ask for what excludes itself, %u cases in which one is silent\n", lethe_device_rule_count(), contradictory,
                  silent);
    assert_true(lethe_device_rule_count() > 300);
    assert_true(contradictory * 50 < lethe_device_rule_count());
    assert_true(silent > lethe_device_rule_count() / 2);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(every_rule_fires_once)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
