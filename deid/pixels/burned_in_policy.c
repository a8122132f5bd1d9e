#include "deid/pixels/burned_in_internal.h"

#include "core/limits.h"
#include "core/text.h"
#include "deid/pixels/pixel_rules.h"

#include <stdio.h>
#include <string.h>

void lethe_pixel_policy_default(lethe_pixel_policy *policy) { *policy = (lethe_pixel_policy){0}; }

lethe_status lethe_pixel_policy_set(lethe_pixel_policy *policy, const char *modality, const char *mode, lethe_error *error) {
    static const char *const words[] = {"any-text", "phi-only", "off"};
    unsigned index = 0;
    while (index < 3 && strcmp(mode, words[index]) != 0) index++;
    if (index == 3) return lethe_fail(error, LETHE_CONFIG, "no pixel mode '%.40s' (any-text, phi-only, off)", mode);
    if (policy->modality_count == LETHE_PIXEL_MODALITIES) return lethe_fail(error, LETHE_LIMIT, "more than %d modalities", LETHE_PIXEL_MODALITIES);
    memmove(&policy->modalities[1], &policy->modalities[0], policy->modality_count * sizeof policy->modalities[0]);
    (void)snprintf(policy->modalities[0].modality, sizeof policy->modalities[0].modality, "%s", modality);
    policy->modalities[0].mode = (lethe_pixel_mode)index;
    policy->modality_count++;
    return LETHE_OK;
}

static bool in_list(const char *word, const char *const *list) {
    for (; *list != NULL; list++)
        if (strcmp(word, *list) == 0) return true;
    return false;
}

/* Has the second value of Image Type, or any word in it, something to do with captured screens? */
static bool is_captured(const lethe_dicom_dataset *dataset) {
    static const char *const words[] = {"SECONDARY", "SCREEN", "SAVE", "CAPTURE", "SCANNED", "LOCALIZER_TEXT", "REPORT", "DOSE", "OTHER"};
    const lethe_dicom_element *type = lethe_dicom_find(dataset->root, LETHE_TAG(0x0008, 0x0008));
    if (type == NULL || type->form != LETHE_DICOM_LEAF || type->value_bytes == 0) return true;
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (memmem(type->value, (size_t)type->value_bytes, words[i], strlen(words[i])) != NULL) return true;
    const lethe_dicom_element *conversion = lethe_dicom_find(dataset->root, LETHE_TAG(0x0008, 0x0064));
    return conversion != NULL && conversion->value_bytes > 0;
}

/* Modalities that are believed to hold no text, with the SOP classes that bear them out (below 1.2.840.10008.5.1.4.1.1): Modality alone is a word
 * that any sender may have put there. */
typedef struct harmless {
    const char *modality;
    bool measured; /* pixels are measured values; else the object holds no picture at all */
    const char *classes[4];
} harmless;
static const harmless harmless_kinds[] = {
    {"CT", true, {"2"}},        {"MR", true, {"4"}},     {"PT", true, {"128", "130"}}, {"NM", true, {"20", "5"}},
    {"SEG", false, {"66"}},     {"REG", false, {"66"}},  {"RTDOSE", false, {"481"}},   {"RTSTRUCT", false, {"481"}},
    {"RTPLAN", false, {"481"}}, {"PMAP", false, {"30"}}, {"SM", false, {"77.1.6"}},
};

static const harmless *find_harmless(const char *modality, const char *sop_class) {
    static const char root[] = "1.2.840.10008.5.1.4.1.1.";
    if (!lethe_text_starts(sop_class, root)) return NULL;
    const char *rest = sop_class + strlen(root);
    for (size_t i = 0; i < sizeof harmless_kinds / sizeof *harmless_kinds; i++)
        for (size_t c = 0; strcmp(harmless_kinds[i].modality, modality) == 0 && c < 4 && harmless_kinds[i].classes[c] != NULL; c++) {
            size_t length = strlen(harmless_kinds[i].classes[c]);
            if (strncmp(rest, harmless_kinds[i].classes[c], length) == 0 && (rest[length] == '\0' || rest[length] == '.')) return &harmless_kinds[i];
        }
    return NULL;
}

lethe_pixel_mode lethe_burned_in_mode(const lethe_pixel_policy *policy, const lethe_dicom_dataset *dataset, const lethe_device_match *devices,
                                      const char **reason) {
    static const char *const radiographs[] = {"CR", "DX", "MG", "IO", "PX", NULL};
    char modality[17] = "", declared[17] = "", sop_class[65] = "";
    (void)lethe_dicom_text(dataset->root, LETHE_TAG(0x0008, 0x0060), 0, modality, sizeof modality);
    (void)lethe_dicom_text(dataset->root, LETHE_TAG(0x0028, 0x0301), 0, declared, sizeof declared);
    (void)lethe_dicom_text(dataset->root, LETHE_TAG(0x0008, 0x0016), 0, sop_class, sizeof sop_class);
    bool secondary = lethe_text_starts(sop_class, "1.2.840.10008.5.1.4.1.1.7");
    *reason = "policy for this modality";
    for (unsigned i = 0; i < policy->modality_count; i++)
        if (strcmp(policy->modalities[i].modality, modality) == 0 || strcmp(policy->modalities[i].modality, "*") == 0 ||
            (secondary && strcmp(policy->modalities[i].modality, "SC") == 0))
            return policy->modalities[i].mode;
    *reason = "BurnedInAnnotation says YES";
    if (strcmp(declared, "YES") == 0) return LETHE_PIXELS_ANY_TEXT;
    *reason = "BurnedInAnnotation says NO and is trusted";
    if (policy->trust_declared_clean && strcmp(declared, "NO") == 0) return LETHE_PIXELS_OFF;
    *reason = "secondary capture";
    if (secondary) return LETHE_PIXELS_ANY_TEXT;
    *reason = "the object holds no picture";
    const harmless *kind = find_harmless(modality, sop_class);
    if (kind != NULL && !kind->measured) return LETHE_PIXELS_OFF;
    if (kind != NULL) {
        *reason = "original or derived cross-section, no capture";
        if (!is_captured(dataset)) return LETHE_PIXELS_OFF;
        *reason = "captured or secondary image of a cross-section modality";
        return LETHE_PIXELS_ANY_TEXT;
    }
    *reason = "a rule of the project says that the device burns no text";
    if (devices->own_clean != NULL) return LETHE_PIXELS_OFF;
    *reason = "device known to burn no text";
    if (!policy->ignore_catalogue && devices->clean != NULL && in_list(modality, radiographs)) return LETHE_PIXELS_OFF;
    *reason = "modality at risk";
    return LETHE_PIXELS_ANY_TEXT;
}

/* --- boxes from the header --- */

lethe_status lethe_pixel_decision_add(lethe_pixel_decision *decision, const lethe_pixel_box *box, lethe_error *error) {
    if (decision->box_count == decision->box_capacity) {
        if (decision->box_count >= 1u << 20) return lethe_fail(error, LETHE_LIMIT, "more than %u boxes", 1u << 20);
        size_t capacity = decision->box_capacity * 2 + 16;
        lethe_pixel_box *grown = lethe_realloc_array(decision->boxes, capacity, sizeof *grown);
        if (grown == NULL) return lethe_fail(error, LETHE_NO_MEMORY, "no memory for boxes");
        decision->boxes = grown;
        decision->box_capacity = capacity;
    }
    decision->boxes[decision->box_count++] = *box;
    return LETHE_OK;
}

lethe_status lethe_burned_in_device_boxes(const lethe_device_match *devices, const lethe_pixels_info *info, lethe_pixel_decision *decision,
                                          lethe_error *error) {
    for (unsigned r = 0; r < devices->burns_count; r++) {
        const lethe_device_rule *rule = devices->burns[r];
        const lethe_device_box *boxes = lethe_device_boxes(rule);
        for (unsigned i = 0; i < rule->box_count; i++) {
            if (boxes[i].x >= info->columns || boxes[i].y >= info->rows) continue;
            lethe_pixel_box box = {.last_frame = info->frames - 1, .x = boxes[i].x, .y = boxes[i].y, .w = boxes[i].w, .h = boxes[i].h};
            if (box.w > info->columns - box.x) box.w = info->columns - box.x;
            if (box.h > info->rows - box.y) box.h = info->rows - box.y;
            (void)snprintf(box.why, sizeof box.why, "device rule %.40s", rule->name);
            lethe_status status = lethe_pixel_decision_add(decision, &box, error);
            if (status != LETHE_OK) return status;
        }
        if (decision->rule[0] == '\0') (void)snprintf(decision->rule, sizeof decision->rule, "%s", rule->name);
    }
    return LETHE_OK;
}

static bool clip(const lethe_pixels_info *info, lethe_pixel_box *box) {
    if (box->x >= info->columns || box->y >= info->rows || box->first_frame >= info->frames) return false;
    if (box->w > info->columns - box->x) box->w = info->columns - box->x;
    if (box->h > info->rows - box->y) box->h = info->rows - box->y;
    if (box->last_frame >= info->frames) box->last_frame = info->frames - 1;
    return true;
}

static lethe_status keep_places(const lethe_pixel_rule *rule, const lethe_pixels_info *info, lethe_pixel_decision *decision, lethe_error *error) {
    if (rule->keep_count == 0) return LETHE_OK;
    lethe_pixel_box *grown = lethe_realloc_array(decision->kept, decision->kept_count + rule->keep_count, sizeof *grown);
    if (grown == NULL) return lethe_fail(error, LETHE_NO_MEMORY, "no memory for boxes");
    decision->kept = grown;
    for (unsigned i = 0; i < rule->keep_count; i++) {
        lethe_pixel_box box = rule->keep[i];
        if (clip(info, &box)) decision->kept[decision->kept_count++] = box;
    }
    return LETHE_OK;
}

lethe_status lethe_burned_in_own_rules(const lethe_pixel_policy *policy, const lethe_dicom_dataset *dataset, const lethe_pixels_info *info,
                                       lethe_device_match *devices, lethe_pixel_decision *decision, lethe_error *error) {
    lethe_status status = LETHE_OK;
    for (size_t i = 0; i < lethe_pixel_rules_count(policy->rules) && status == LETHE_OK; i++) {
        const lethe_pixel_rule *rule = lethe_pixel_rules_at(policy->rules, i);
        if (!lethe_pixel_rule_fits(rule, dataset)) continue;
        if (rule->clean) devices->own_clean = rule->name;
        if (rule->is_device && rule->remove_count > 0) devices->own_device = true;
        for (unsigned b = 0; b < rule->remove_count && status == LETHE_OK; b++) {
            lethe_pixel_box box = rule->remove[b];
            if (clip(info, &box)) status = lethe_pixel_decision_add(decision, &box, error);
        }
        if (status == LETHE_OK) status = keep_places(rule, info, decision, error);
        if (decision->rule[0] == '\0') (void)snprintf(decision->rule, sizeof decision->rule, "own rule %s", rule->name);
    }
    return status;
}

enum { MAX_REGIONS = 64 };
typedef struct region {
    uint32_t x0, y0, x1, y1; /* ends outside */
} region;

static unsigned load_regions(const lethe_dicom_dataset *dataset, const lethe_pixels_info *info, region *regions) {
    const lethe_dicom_element *sequence = lethe_dicom_find(dataset->root, LETHE_TAG(0x0018, 0x6011));
    unsigned count = 0;
    if (sequence == NULL || sequence->form != LETHE_DICOM_SEQUENCE) return 0;
    for (const lethe_dicom_item *item = sequence->items; item != NULL && count < MAX_REGIONS; item = item->next) {
        int64_t x0, y0, x1, y1;
        if (!lethe_dicom_int(item, LETHE_TAG(0x0018, 0x6018), 0, &x0) || !lethe_dicom_int(item, LETHE_TAG(0x0018, 0x601A), 0, &y0) ||
            !lethe_dicom_int(item, LETHE_TAG(0x0018, 0x601C), 0, &x1) || !lethe_dicom_int(item, LETHE_TAG(0x0018, 0x601E), 0, &y1))
            continue;
        if (x0 < 0) x0 = 0;
        if (y0 < 0) y0 = 0;
        if (x1 >= info->columns) x1 = (int64_t)info->columns - 1;
        if (y1 >= info->rows) y1 = (int64_t)info->rows - 1;
        if (x1 - x0 < 8 || y1 - y0 < 8) continue;
        regions[count++] = (region){(uint32_t)x0, (uint32_t)y0, (uint32_t)x1 + 1, (uint32_t)y1 + 1};
    }
    return count;
}

static int by_number(const void *a, const void *b) {
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

/* Everything outside the union of the regions, as boxes: bands between the regions' horizontal edges. */
lethe_status lethe_burned_in_region_boxes(const lethe_dicom_dataset *dataset, const lethe_pixels_info *info, lethe_pixel_decision *decision,
                                          bool *used, lethe_error *error) {
    region regions[MAX_REGIONS];
    uint32_t edges[2 * MAX_REGIONS + 2];
    unsigned count = load_regions(dataset, info, regions), edge_count = 0;
    *used = count > 0;
    if (count == 0) return LETHE_OK;
    edges[edge_count++] = 0;
    edges[edge_count++] = info->rows;
    for (unsigned i = 0; i < count; i++) {
        edges[edge_count++] = regions[i].y0;
        edges[edge_count++] = regions[i].y1;
    }
    qsort(edges, edge_count, sizeof *edges, by_number);
    lethe_pixel_box box = {.last_frame = info->frames - 1};
    (void)snprintf(box.why, sizeof box.why, "outside ultrasound regions");
    for (unsigned e = 0; e + 1 < edge_count; e++) {
        if (edges[e] == edges[e + 1]) continue;
        box.y = edges[e];
        box.h = edges[e + 1] - edges[e];
        uint32_t x = 0;
        while (x < info->columns) {
            /* The nearest region of this band that starts at or before x, or the next to start. */
            uint32_t next = info->columns, covered = x;
            for (unsigned i = 0; i < count; i++) {
                if (regions[i].y0 > edges[e] || regions[i].y1 < edges[e + 1]) continue;
                if (regions[i].x0 <= x && regions[i].x1 > covered) covered = regions[i].x1;
                if (regions[i].x0 > x && regions[i].x0 < next) next = regions[i].x0;
            }
            if (covered > x) {
                x = covered;
                continue;
            }
            box.x = x;
            box.w = next - x;
            lethe_status status = lethe_pixel_decision_add(decision, &box, error);
            if (status != LETHE_OK) return status;
            x = next;
        }
    }
    return LETHE_OK;
}

/* Overlay planes that live in unused bits of the pixel cells (retired, PS3.5 8.1.2): position named, no data of their own. */
bool lethe_burned_in_has_embedded_overlay(const lethe_dicom_dataset *dataset, const lethe_pixels_info *info) {
    if (info->bits_allocated <= info->bits_stored || info->bits_allocated < 8) return false;
    for (const lethe_dicom_element *e = dataset->root->first; e != NULL; e = e->next) {
        uint16_t group = lethe_tag_group(e->tag);
        if (group < 0x6000 || group > 0x60FF || lethe_tag_element(e->tag) != 0x0102) continue;
        int64_t position = 0;
        if (lethe_dicom_element_int(e, 0, &position) && position > 0 && lethe_dicom_find(dataset->root, LETHE_TAG(group, 0x3000)) == NULL)
            return true;
    }
    return false;
}
