/* OME-TIFF: the description of the first directory is OME-XML; each Image lists its planes as directories (TiffData), the pyramid of a plane stands
 * in SubIFDs or in further directories. Images that are named label or macro, or that are no plane of the pyramid, go with their directories. */
#include "core/limits.h"
#include "core/memory.h"
#include "core/text.h"
#include "deid/slides/slide_job.h"
#include "deid/slides/xml_filter.h"
#include "imaging/slide/tiff_levels.h"

#include <inttypes.h>
#include <libxml/tree.h>
#include <string.h>
#include <strings.h>

#define LENGTH_UNITS "\xC2\xB5m|\xCE\xBCm|nm|mm|cm|m|pixel|reference frame"
static const lethe_typed_rule rules[] = {
    {"OME", LETHE_TYPED_EMPTY, NULL},
    {"Instrument", LETHE_TYPED_EMPTY, NULL},
    {"Instrument@ID", LETHE_TYPED_OME_ID, NULL},
    {"Objective", LETHE_TYPED_EMPTY, NULL},
    {"Objective@ID", LETHE_TYPED_OME_ID, NULL},
    {"Objective@NominalMagnification", LETHE_TYPED_DECIMAL, NULL},
    {"Objective@CalibratedMagnification", LETHE_TYPED_DECIMAL, NULL},
    {"Objective@LensNA", LETHE_TYPED_DECIMAL, NULL},
    {"Objective@WorkingDistance", LETHE_TYPED_DECIMAL, NULL},
    {"Objective@Immersion", LETHE_TYPED_WORD, "Air|Oil|Water|Glycerol|Multi|Other"},
    {"Objective@Correction", LETHE_TYPED_WORD, "PlanApo|PlanFluor|Apo|Achromat|Plan|UV|Other"},
    {"Image", LETHE_TYPED_EMPTY, NULL},
    {"Image@ID", LETHE_TYPED_OME_ID, NULL},
    {"ObjectiveSettings", LETHE_TYPED_EMPTY, NULL},
    {"ObjectiveSettings@ID", LETHE_TYPED_OME_ID, NULL},
    {"InstrumentRef", LETHE_TYPED_EMPTY, NULL},
    {"InstrumentRef@ID", LETHE_TYPED_OME_ID, NULL},
    {"Pixels", LETHE_TYPED_EMPTY, NULL},
    {"Pixels@ID", LETHE_TYPED_OME_ID, NULL},
    {"Pixels@DimensionOrder", LETHE_TYPED_WORD, "XYZCT|XYZTC|XYCTZ|XYCZT|XYTCZ|XYTZC"},
    {"Pixels@Type", LETHE_TYPED_WORD, "int8|int16|int32|uint8|uint16|uint32|float|double|bit|complex|double-complex"},
    {"Pixels@BigEndian", LETHE_TYPED_FLAG, NULL},
    {"Pixels@Interleaved", LETHE_TYPED_FLAG, NULL},
    {"Pixels@SignificantBits", LETHE_TYPED_INTEGER, NULL},
    {"Pixels@SizeX", LETHE_TYPED_INTEGER, NULL},
    {"Pixels@SizeY", LETHE_TYPED_INTEGER, NULL},
    {"Pixels@SizeZ", LETHE_TYPED_INTEGER, NULL},
    {"Pixels@SizeC", LETHE_TYPED_INTEGER, NULL},
    {"Pixels@SizeT", LETHE_TYPED_INTEGER, NULL},
    {"Pixels@PhysicalSizeX", LETHE_TYPED_DECIMAL, NULL},
    {"Pixels@PhysicalSizeY", LETHE_TYPED_DECIMAL, NULL},
    {"Pixels@PhysicalSizeZ", LETHE_TYPED_DECIMAL, NULL},
    {"Pixels@PhysicalSizeXUnit", LETHE_TYPED_WORD, LENGTH_UNITS},
    {"Pixels@PhysicalSizeYUnit", LETHE_TYPED_WORD, LENGTH_UNITS},
    {"Pixels@PhysicalSizeZUnit", LETHE_TYPED_WORD, LENGTH_UNITS},
    {"Pixels@TimeIncrement", LETHE_TYPED_DECIMAL, NULL},
    {"Channel", LETHE_TYPED_EMPTY, NULL},
    {"Channel@ID", LETHE_TYPED_OME_ID, NULL},
    {"Channel@SamplesPerPixel", LETHE_TYPED_INTEGER, NULL},
    {"Channel@Color", LETHE_TYPED_INTEGER, NULL},
    {"Channel@Name", LETHE_TYPED_WORD, "DAPI|FITC|TRITC|Cy3|Cy5|Red|Green|Blue|Brightfield"},
    {"Channel@EmissionWavelength", LETHE_TYPED_DECIMAL, NULL},
    {"Channel@ExcitationWavelength", LETHE_TYPED_DECIMAL, NULL},
    {"Channel@EmissionWavelengthUnit", LETHE_TYPED_WORD, "nm"},
    {"Channel@ExcitationWavelengthUnit", LETHE_TYPED_WORD, "nm"},
    {"LightPath", LETHE_TYPED_EMPTY, NULL},
    {"TiffData", LETHE_TYPED_EMPTY, NULL},
    {"TiffData@FirstC", LETHE_TYPED_INTEGER, NULL},
    {"TiffData@FirstT", LETHE_TYPED_INTEGER, NULL},
    {"TiffData@FirstZ", LETHE_TYPED_INTEGER, NULL},
    {"TiffData@PlaneCount", LETHE_TYPED_INTEGER, NULL},
    {NULL, LETHE_TYPED_NOTHING, NULL},
};
static const lethe_typed_rule *const vocabulary[] = {rules, NULL};
static const uint16_t handled[] = {LETHE_TIFF_IMAGE_DESCRIPTION, 0};

typedef struct ome {
    lethe_slide_job *job;
    uint32_t count;
    uint8_t *unwanted; /* directories of label and macro */
    uint8_t *kept;
    uint32_t *moved;
} ome;

static bool is_named(const xmlNode *node, const char *name) { return node->type == XML_ELEMENT_NODE && strcmp((const char *)node->name, name) == 0; }

static bool contains_fold(const char *text, const char *word) {
    for (; *text; text++)
        if (strncasecmp(text, word, strlen(word)) == 0) return true;
    return false;
}

static bool is_label_image(const xmlNode *image) {
    char name[128];
    return lethe_xml_attribute(image, "Name", name) &&
           (contains_fold(name, "label") || contains_fold(name, "macro") || contains_fold(name, "overview"));
}

typedef void (*plane_fn)(ome *o, uint64_t ifd);

/* The directories of an image; those beyond the chain are passed over. */
static void each_plane(ome *o, const xmlNode *image, plane_fn visit) {
    const xmlNode *pixels = lethe_xml_child(image, "Pixels");
    for (const xmlNode *data = pixels ? pixels->children : NULL; data; data = data->next) {
        int64_t ifd = 0, planes = 1;
        if (!is_named(data, "TiffData")) continue;
        (void)lethe_xml_integer(data, "IFD", &ifd);
        (void)lethe_xml_integer(data, "PlaneCount", &planes);
        for (int64_t i = 0; i < planes && i < LETHE_LIMIT_TIFF_DIRECTORIES; i++)
            if (ifd + i >= 0 && ifd + i < o->count) visit(o, (uint64_t)(ifd + i));
    }
}

static void mark_unwanted(ome *o, uint64_t ifd) { o->unwanted[ifd] = 1; }

static lethe_xml_verdict decide(void *context, const xmlNode *element) {
    ome *o = context;
    if (!is_named(element, "Image")) return LETHE_XML_BY_RULES;
    if (is_label_image(element)) return LETHE_XML_DROP;
    const xmlNode *pixels = lethe_xml_child(element, "Pixels");
    bool planes = false, stays = false;
    for (const xmlNode *data = pixels ? pixels->children : NULL; data; data = data->next) {
        int64_t ifd = 0;
        if (!is_named(data, "TiffData")) continue;
        planes = true;
        (void)lethe_xml_integer(data, "IFD", &ifd);
        stays |= ifd >= 0 && ifd < o->count && o->kept[ifd];
    }
    return planes && !stays ? LETHE_XML_DROP : LETHE_XML_BY_RULES;
}

static lethe_xml_verdict rewrite(void *context, const xmlNode *element, const char *name, const char *text, char out[128]) {
    const ome *o = context;
    int64_t ifd;
    if (!name || !is_named(element, "TiffData") || strcmp(name, "IFD") != 0) return LETHE_XML_BY_RULES;
    if (!lethe_text_to_int64(text, &ifd) || ifd < 0 || ifd >= o->count || !o->kept[ifd]) return LETHE_XML_DROP;
    (void)snprintf(out, 128, "%u", o->moved[ifd]);
    return LETHE_XML_KEEP;
}

static bool is_plane(const lethe_tiff_tree *tree, const lethe_tiff_directory *d) {
    if (lethe_tiff_role_of(tree, d, "ome") == LETHE_TIFF_ROLE_LEVEL) return true;
    /* Stacks of planes are often in strips: as large as the first one, and not told to be anything else. */
    bool same = lethe_tiff_uint(tree, d, LETHE_TIFF_WIDTH, 0) == lethe_tiff_uint(tree, tree->first, LETHE_TIFF_WIDTH, 1) &&
                lethe_tiff_uint(tree, d, LETHE_TIFF_HEIGHT, 0) == lethe_tiff_uint(tree, tree->first, LETHE_TIFF_HEIGHT, 1);
    return same && lethe_tiff_uint(tree, d, LETHE_TIFF_SUBFILE_TYPE, 0) == 0;
}

static lethe_status keep_plane(ome *o, const lethe_tiff_directory *d, lethe_tiff_draft_directory **out, lethe_error *error) {
    const lethe_tiff_tree *tree = o->job->probe->tree;
    lethe_status status = lethe_plan_keep(o->job, d, NULL, NULL, d == tree->first ? handled : NULL, out, error);
    if (status == LETHE_OK) status = lethe_plan_remove_children(o->job, d, LETHE_TIFF_SUB_IFDS, error);
    uint64_t width = lethe_tiff_uint(tree, d, LETHE_TIFF_WIDTH, 0), height = lethe_tiff_uint(tree, d, LETHE_TIFF_HEIGHT, 0);
    for (const lethe_tiff_directory *child = d->children; status == LETHE_OK && child; child = child->next) {
        if (child->parent_tag != LETHE_TIFF_SUB_IFDS) continue;
        bool level = lethe_tiff_is_scaled(width, height, lethe_tiff_uint(tree, child, LETHE_TIFF_WIDTH, 0),
                                          lethe_tiff_uint(tree, child, LETHE_TIFF_HEIGHT, 0), 0);
        if (!level || child->children) status = lethe_plan_remove(o->job, child, NULL, error);
        else status = lethe_plan_keep(o->job, child, *out, NULL, NULL, NULL, error);
    }
    return status;
}

static lethe_status plan_directories(ome *o, lethe_tiff_draft_directory **first, lethe_error *error) {
    const lethe_tiff_tree *tree = o->job->probe->tree;
    lethe_status status = LETHE_OK;
    uint32_t next = 0;
    for (const lethe_tiff_directory *d = tree->first; status == LETHE_OK && d; d = d->next) {
        lethe_tiff_draft_directory *out = NULL;
        o->kept[d->index] = !o->unwanted[d->index] && is_plane(tree, d);
        if (d == tree->first && !o->kept[0]) return lethe_fail(error, LETHE_UNSAFE, "the first directory is no plane");
        if (!o->kept[d->index]) status = lethe_plan_remove(o->job, d, NULL, error);
        else {
            o->moved[d->index] = next++;
            status = keep_plane(o, d, &out, error);
            if (d == tree->first) *first = out;
        }
    }
    return status;
}

static lethe_status plan(lethe_slide_job *job, lethe_error *error) {
    const lethe_tiff_tree *tree = job->probe->tree;
    const char *text = lethe_tiff_text(tree, tree->first, LETHE_TIFF_IMAGE_DESCRIPTION);
    const lethe_tiff_entry *entry = lethe_tiff_find(tree->first, LETHE_TIFF_IMAGE_DESCRIPTION);
    ome o = {.job = job, .count = tree->chain_count};
    o.unwanted = lethe_arena_alloc_array(job->arena, o.count, 1);
    o.kept = lethe_arena_alloc_array(job->arena, o.count, 1);
    o.moved = lethe_arena_alloc_array(job->arena, o.count, sizeof *o.moved);
    if (!text || !o.unwanted || !o.kept || !o.moved) return lethe_fail(error, LETHE_NO_MEMORY, "out of memory");
    if (!entry || !strstr(text, "<OME")) return lethe_fail(error, LETHE_UNSAFE, "OME-XML does not stand in the first directory");
    xmlDoc *doc = NULL;
    lethe_tiff_draft_directory *first = NULL;
    lethe_buffer clean;
    lethe_buffer_init(&clean, LETHE_LIMIT_TEXT_FILE_BYTES);
    lethe_status status = lethe_job_removed_blob(job, entry->value + strlen(text), entry->bytes - strlen(text), error);
    if (status == LETHE_OK) status = lethe_xml_parse(text, strlen(text), &doc, error);
    for (const xmlNode *node = doc ? xmlDocGetRootElement(doc)->children : NULL; node; node = node->next)
        if (is_named(node, "Image") && is_label_image(node)) each_plane(&o, node, mark_unwanted);
    if (status == LETHE_OK) status = plan_directories(&o, &first, error);
    lethe_xml_filter filter = {.job = job, .rules = rules, .decide = decide, .value = rewrite, .context = &o};
    if (status == LETHE_OK) status = lethe_xml_filter_run(&filter, doc, &clean, error);
    if (status == LETHE_OK) status = lethe_tiff_draft_text(first, LETHE_TIFF_IMAGE_DESCRIPTION, lethe_buffer_text(&clean), error);
    xmlFreeDoc(doc);
    lethe_buffer_release(&clean);
    return status;
}

const lethe_slide_rules lethe_slide_ome = {.name = "ome", .extension = ".ome.tiff", .has_plain_levels = true, .plan = plan, .vocabulary = vocabulary};
