#include "deid/pixels/devices.h"

#include "deid/pixels/devices_table.h"

#include <ctype.h>
#include <string.h>

size_t lethe_device_rule_count(void) { return lethe_device_rule_table_count; }
const lethe_device_rule *lethe_device_rule_at(size_t index) { return index < lethe_device_rule_table_count ? &lethe_device_rule_table[index] : NULL; }
const lethe_device_condition *lethe_device_conditions(const lethe_device_rule *rule) { return lethe_device_condition_table + rule->first_condition; }
const lethe_device_box *lethe_device_boxes(const lethe_device_rule *rule) { return lethe_device_box_table + rule->first_box; }

static int fold(char c) { return tolower((unsigned char)c); }

static bool starts_fold(const char *text, const char *prefix, size_t length) {
    for (size_t i = 0; i < length; i++)
        if (text[i] == '\0' || fold(text[i]) != fold(prefix[i])) return false;
    return true;
}

static bool compare(unsigned operation, const char *text, const char *value, size_t length) {
    size_t size = strlen(text);
    switch (operation) {
    case LETHE_DEVICE_EQUALS: return size == length && starts_fold(text, value, length);
    case LETHE_DEVICE_STARTS: return starts_fold(text, value, length);
    case LETHE_DEVICE_ENDS: return size >= length && starts_fold(text + size - length, value, length);
    case LETHE_DEVICE_CONTAINS:
        for (size_t i = 0; i + length <= size; i++)
            if (starts_fold(text + i, value, length)) return true;
        return false;
    default: return false;
    }
}

/* Sequences count as present by their first item. */
void lethe_device_text(const lethe_dicom_dataset *dataset, lethe_tag tag, char *out, size_t size) {
    out[0] = '\0';
    const lethe_dicom_item *item = lethe_tag_group(tag) == 0x0002 ? dataset->meta : dataset->root;
    if (item == NULL) return;
    const lethe_dicom_element *element = lethe_dicom_find(item, tag);
    if (element == NULL) return;
    if (element->form != LETHE_DICOM_LEAF) {
        if (element->item_count > 0) memcpy(out, "1", 2);
        return;
    }
    size_t length = element->value_bytes < size - 1 ? (size_t)element->value_bytes : size - 1;
    memcpy(out, element->value, length);
    while (length > 0 && (out[length - 1] == ' ' || out[length - 1] == '\0')) length--;
    out[length] = '\0';
    size_t leading = strspn(out, " ");
    memmove(out, out + leading, length - leading + 1);
    for (char *at = out; *at != '\0'; at++)
        if ((unsigned char)*at < 0x20 || (unsigned char)*at > 0x7E || *at == '|') *at = '?';
}

/* Hundreds of conditions ask for a dozen attributes: each is read once. */
enum { MOST_TEXTS = 16, TEXT_BYTES = 512 };
typedef struct texts {
    const lethe_dicom_dataset *dataset;
    unsigned count;
    lethe_tag tags[MOST_TEXTS];
    char text[MOST_TEXTS][TEXT_BYTES];
} texts;

static const char *text_of(texts *known, lethe_tag tag) {
    for (unsigned i = 0; i < known->count; i++)
        if (known->tags[i] == tag) return known->text[i];
    if (known->count == MOST_TEXTS) known->count = 0;
    known->tags[known->count] = tag;
    lethe_device_text(known->dataset, tag, known->text[known->count], TEXT_BYTES);
    return known->text[known->count++];
}

static bool holds(texts *known, const lethe_device_condition *condition) {
    const char *text = text_of(known, condition->tag);
    bool found = false;
    if (condition->operation == LETHE_DEVICE_PRESENT) found = text[0] != '\0';
    else if (condition->operation == LETHE_DEVICE_ABSENT) found = text[0] == '\0';
    else
        for (const char *at = condition->value; !found;) {
            size_t length = strcspn(at, "|");
            found = compare(condition->operation, text, at, length);
            if (at[length] == '\0') break;
            at += length + 1;
        }
    return found != condition->negated;
}

bool lethe_device_conditions_hold(const lethe_dicom_dataset *dataset, const lethe_device_condition *conditions, unsigned count) {
    texts known;
    known.dataset = dataset;
    known.count = 0;
    for (unsigned i = 0; i < count; i++)
        if (!holds(&known, &conditions[i])) return false;
    return true;
}

void lethe_device_find(const lethe_dicom_dataset *dataset, lethe_device_match *match) {
    *match = (lethe_device_match){0};
    int64_t rows = 0, columns = 0;
    (void)lethe_dicom_int(dataset->root, LETHE_TAG(0x0028, 0x0010), 0, &rows);
    (void)lethe_dicom_int(dataset->root, LETHE_TAG(0x0028, 0x0011), 0, &columns);
    texts known;
    known.dataset = dataset;
    known.count = 0;
    for (size_t i = 0; i < lethe_device_rule_table_count; i++) {
        const lethe_device_rule *rule = &lethe_device_rule_table[i];
        if ((rule->rows != 0 && rule->rows != rows) || (rule->columns != 0 && rule->columns != columns)) continue;
        const lethe_device_condition *conditions = lethe_device_conditions(rule);
        bool all = true;
        for (unsigned c = 0; c < rule->condition_count && all; c++) all = holds(&known, &conditions[c]);
        if (!all) continue;
        if (rule->kind == LETHE_DEVICE_CLEAN) {
            if (match->clean == NULL) match->clean = rule;
        } else if (match->burns_count < sizeof match->burns / sizeof *match->burns) {
            match->burns[match->burns_count++] = rule;
        }
    }
    if (match->burns_count > 0) match->clean = NULL;
}
