/* Philips TIFF: the description is a tree of DataObject, Attribute and Array elements in the manner of DICOM. Label and macro stand twice: as base64
 * JPEG in the XML and as directories. */
#include "core/limits.h"
#include "core/memory.h"
#include "deid/slides/slide_job.h"
#include "deid/slides/xml_filter.h"
#include "imaging/slide/tiff_levels.h"

#include <libxml/tree.h>
#include <stdio.h>
#include <string.h>

/* By the Name of the Attribute. LETHE_TYPED_EMPTY: it holds an array. */
static const lethe_typed_rule attributes[] = {
    {"DICOM_BITS_ALLOCATED", LETHE_TYPED_INTEGER, NULL},
    {"DICOM_BITS_STORED", LETHE_TYPED_INTEGER, NULL},
    {"DICOM_HIGH_BIT", LETHE_TYPED_INTEGER, NULL},
    {"DICOM_SAMPLES_PER_PIXEL", LETHE_TYPED_INTEGER, NULL},
    {"DICOM_PIXEL_REPRESENTATION", LETHE_TYPED_INTEGER, NULL},
    {"DICOM_PLANAR_CONFIGURATION", LETHE_TYPED_INTEGER, NULL},
    {"DICOM_PHOTOMETRIC_INTERPRETATION", LETHE_TYPED_WORD, "RGB|YBR_FULL|YBR_FULL_422|MONOCHROME2"},
    {"DICOM_PIXEL_SPACING", LETHE_TYPED_DECIMALS, NULL},
    {"DICOM_LOSSY_IMAGE_COMPRESSION", LETHE_TYPED_DECIMALS, NULL},
    {"DICOM_LOSSY_IMAGE_COMPRESSION_RATIO", LETHE_TYPED_DECIMALS, NULL},
    {"DICOM_LOSSY_IMAGE_COMPRESSION_METHOD", LETHE_TYPED_WORD,
     "\"PHILIPS_DP_1_0\"|\"PHILIPS_TIFF_1_0\"|\"ISO_10918_1\"|\"PHILIPS_DP_1_0\" \"PHILIPS_TIFF_1_0\""},
    {"DICOM_MANUFACTURER", LETHE_TYPED_WORD, "PHILIPS|Philips|Hamamatsu|3DHISTECH"},
    {"PIM_DP_SCANNED_IMAGES", LETHE_TYPED_EMPTY, NULL},
    {"PIM_DP_IMAGE_TYPE", LETHE_TYPED_WORD, "WSI"},
    {"PIM_DP_IMAGE_ROWS", LETHE_TYPED_INTEGER, NULL},
    {"PIM_DP_IMAGE_COLUMNS", LETHE_TYPED_INTEGER, NULL},
    {"PIIM_PIXEL_DATA_REPRESENTATION_SEQUENCE", LETHE_TYPED_EMPTY, NULL},
    {"PIIM_DP_PIXEL_DATA_REPRESENTATION_POSITION", LETHE_TYPED_DECIMALS, NULL},
    {"PIIM_PIXEL_DATA_REPRESENTATION_COLUMNS", LETHE_TYPED_INTEGER, NULL},
    {"PIIM_PIXEL_DATA_REPRESENTATION_ROWS", LETHE_TYPED_INTEGER, NULL},
    {"PIIM_PIXEL_DATA_REPRESENTATION_NUMBER", LETHE_TYPED_INTEGER, NULL},
    {"UFS_IMAGE_DIMENSIONS_OVER_BLOCK", LETHE_TYPED_DECIMALS, NULL},
    {"UFS_IMAGE_NUMBER_OF_BLOCKS", LETHE_TYPED_INTEGER, NULL},
    {"UFS_IMAGE_BLOCK_SIZE", LETHE_TYPED_DECIMALS, NULL},
    {NULL, LETHE_TYPED_NOTHING, NULL},
};
static const lethe_typed_rule rules[] = {
    {"DataObject", LETHE_TYPED_EMPTY, NULL},
    {"DataObject@ObjectType", LETHE_TYPED_WORD, "DPUfsImport|DPScannedImage|PixelDataRepresentation|DPImageBlockHeaderTemplate"},
    {"Array", LETHE_TYPED_EMPTY, NULL},
    {"Attribute@Group", LETHE_TYPED_HEX, NULL},
    {"Attribute@Element", LETHE_TYPED_HEX, NULL},
    {"Attribute@PMSVR", LETHE_TYPED_WORD,
     "IString|IStringArray|IDouble|IDoubleArray|IUInt16|IUInt32|IUInt64|IInt16|IInt32|IDataObjectArray|IUInt16Array|IUInt32Array"},
    {NULL, LETHE_TYPED_NOTHING, NULL},
};
static const lethe_typed_rule software[] = {{"Software", LETHE_TYPED_WORD, "Philips DP v1.0|Philips DP|Philips"}, {NULL, LETHE_TYPED_NOTHING, NULL}};
static const lethe_typed_rule markup[] = {{"Attribute", LETHE_TYPED_WORD, "Element|Group|Name|PMSVR|ObjectType"}, {NULL, LETHE_TYPED_NOTHING, NULL}};
static const lethe_typed_rule *const vocabulary[] = {attributes, rules, software, markup, NULL};
static const uint16_t handled_first[] = {LETHE_TIFF_IMAGE_DESCRIPTION, LETHE_TIFF_SOFTWARE, 0};

static const lethe_typed_rule *attribute_rule(const xmlNode *element) {
    char name[128];
    if (strcmp((const char *)element->name, "Attribute") != 0 || !lethe_xml_attribute(element, "Name", name)) return NULL;
    return lethe_typed_find(attributes, sizeof attributes / sizeof *attributes - 1, name, strlen(name));
}

/* The image type of a DataObject among the scanned images; "" when it has none. */
static void image_type(const xmlNode *object, char out[128]) {
    out[0] = '\0';
    for (const xmlNode *node = object->children; node; node = node->next) {
        char name[128];
        if (node->type != XML_ELEMENT_NODE || !lethe_xml_attribute(node, "Name", name) || strcmp(name, "PIM_DP_IMAGE_TYPE") != 0) continue;
        xmlChar *text = xmlNodeGetContent((xmlNode *)(uintptr_t)node);
        if (text) (void)snprintf(out, 128, "%s", (const char *)text);
        xmlFree(text);
        return;
    }
}

static lethe_xml_verdict decide(void *context, const xmlNode *element) {
    lethe_slide_job *job = context;
    if (strcmp((const char *)element->name, "Attribute") == 0) return attribute_rule(element) ? LETHE_XML_KEEP : LETHE_XML_DROP;
    char type[128], object[128];
    if (strcmp((const char *)element->name, "DataObject") == 0 && lethe_xml_attribute(element, "ObjectType", object) &&
        strcmp(object, "DPScannedImage") == 0) {
        image_type(element, type);
        if (strcmp(type, "WSI") != 0) {
            job->label_found = true;
            job->result->images_removed++;
            return LETHE_XML_DROP;
        }
    }
    return LETHE_XML_BY_RULES;
}

static lethe_xml_verdict take(void *context, const xmlNode *element, const char *name, const char *text, char out[128]) {
    (void)context;
    const lethe_typed_rule *rule = attribute_rule(element);
    if (!rule || strlen(text) >= 128) return rule ? LETHE_XML_DROP : LETHE_XML_BY_RULES;
    if (name && strcmp(name, "Name") != 0) return LETHE_XML_BY_RULES;
    if (!name && (rule->kind == LETHE_TYPED_EMPTY || !lethe_typed_fits(rule->kind, rule->words, text, strlen(text)))) return LETHE_XML_DROP;
    (void)snprintf(out, 128, "%s", text);
    return LETHE_XML_KEEP;
}

static lethe_status write_description(lethe_slide_job *job, const lethe_tiff_directory *d, lethe_tiff_draft_directory *out, lethe_error *error) {
    const char *text = lethe_tiff_text(job->probe->tree, d, LETHE_TIFF_IMAGE_DESCRIPTION);
    const lethe_tiff_entry *entry = lethe_tiff_find(d, LETHE_TIFF_IMAGE_DESCRIPTION);
    if (!text || !*text || !entry) return lethe_fail(error, LETHE_UNSAFE, "no description in the first directory");
    xmlDoc *doc = NULL;
    lethe_buffer clean;
    lethe_buffer_init(&clean, LETHE_LIMIT_TEXT_FILE_BYTES);
    lethe_status status = lethe_job_removed_blob(job, entry->value + strlen(text), entry->bytes - strlen(text), error);
    if (status == LETHE_OK) status = lethe_xml_parse(text, strlen(text), &doc, error);
    lethe_xml_filter filter = {.job = job, .rules = rules, .decide = decide, .value = take, .context = job};
    if (status == LETHE_OK) status = lethe_xml_filter_run(&filter, doc, &clean, error);
    xmlFreeDoc(doc);
    if (status == LETHE_OK) status = lethe_tiff_draft_text(out, LETHE_TIFF_IMAGE_DESCRIPTION, lethe_buffer_text(&clean), error);
    lethe_buffer_release(&clean);
    if (status != LETHE_OK) return status;
    /* Readers know the format by the first word of Software. */
    const char *made_by = lethe_tiff_text(job->probe->tree, d, LETHE_TIFF_SOFTWARE);
    bool known = made_by && lethe_typed_fits(LETHE_TYPED_WORD, software[0].words, made_by, strlen(made_by));
    if (made_by && !known) status = lethe_job_removed(job, made_by, strlen(made_by), error);
    return status == LETHE_OK ? lethe_tiff_draft_text(out, LETHE_TIFF_SOFTWARE, known ? made_by : "Philips DP v1.0", error) : status;
}

/* New pictures of our own: the label that shows the pseudonym, the macro without its label. */
static lethe_status add_pictures(lethe_slide_job *job, lethe_error *error) {
    lethe_tiff_draft_directory *out;
    lethe_image label = {0};
    lethe_status status = LETHE_OK;
    if (job->options->label == LETHE_SLIDE_LABEL_PSEUDONYM) {
        status = lethe_label_draw(job->result->slide, 400, 400, &label, error);
        if (status == LETHE_OK) status = lethe_plan_picture(job, &label, &out, error);
        if (status == LETHE_OK) status = lethe_tiff_draft_text(out, LETHE_TIFF_IMAGE_DESCRIPTION, "Label", error);
        lethe_image_release(&label);
    }
    if (status == LETHE_OK) status = lethe_macro_blackout(job, &out, error);
    return status == LETHE_OK && out ? lethe_tiff_draft_text(out, LETHE_TIFF_IMAGE_DESCRIPTION, "Macro", error) : status;
}

static lethe_status plan(lethe_slide_job *job, lethe_error *error) {
    const lethe_tiff_tree *tree = job->probe->tree;
    lethe_status status = LETHE_OK;
    for (const lethe_tiff_directory *d = tree->first; status == LETHE_OK && d; d = d->next) {
        lethe_tiff_role role = lethe_tiff_role_of(tree, d, "philips");
        job->label_found |= role == LETHE_TIFF_ROLE_LABEL || role == LETHE_TIFF_ROLE_MACRO;
        if (role == LETHE_TIFF_ROLE_STRANGE) return lethe_fail(error, LETHE_UNSAFE, "directory %u is tiled but no level of the pyramid", d->index);
        if (role != LETHE_TIFF_ROLE_LEVEL) {
            if (d == tree->first) return lethe_fail(error, LETHE_UNSAFE, "the first directory is no level");
            status = lethe_plan_remove(job, d, NULL, error);
            continue;
        }
        lethe_tiff_draft_directory *out;
        status = lethe_plan_keep(job, d, NULL, NULL, d == tree->first ? handled_first : NULL, &out, error);
        if (status == LETHE_OK) status = lethe_plan_remove_children(job, d, 0, error);
        if (status == LETHE_OK && d == tree->first) status = write_description(job, d, out, error);
    }
    return status == LETHE_OK ? add_pictures(job, error) : status;
}

const lethe_slide_rules lethe_slide_philips = {
    .name = "philips", .extension = ".tiff", .has_label_always = true, .has_plain_levels = true, .plan = plan, .vocabulary = vocabulary};
