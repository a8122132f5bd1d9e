/* Leica SCN: BigTIFF with an XML description that says which directory is which picture. The image whose view is the whole collection is the macro
 * photograph; a supplementalImage is the label. */
#include "core/limits.h"
#include "core/memory.h"
#include "core/text.h"
#include "deid/slides/slide_job.h"
#include "deid/slides/xml_filter.h"

#include <inttypes.h>
#include <libxml/tree.h>
#include <stdio.h>
#include <string.h>

static const lethe_typed_rule rules[] = {
    {"scn", LETHE_TYPED_EMPTY, NULL},
    {"collection", LETHE_TYPED_EMPTY, NULL},
    {"collection@sizeX", LETHE_TYPED_INTEGER, NULL},
    {"collection@sizeY", LETHE_TYPED_INTEGER, NULL},
    {"image", LETHE_TYPED_EMPTY, NULL},
    {"device", LETHE_TYPED_EMPTY, NULL},
    {"device@model", LETHE_TYPED_WORD, "Leica SCN400|Leica SCN400F|Leica SCN400 F"},
    {"scanSettings", LETHE_TYPED_EMPTY, NULL},
    {"objectiveSettings", LETHE_TYPED_EMPTY, NULL},
    {"objective", LETHE_TYPED_DECIMAL, NULL},
    {"illuminationSettings", LETHE_TYPED_EMPTY, NULL},
    {"numericalAperture", LETHE_TYPED_DECIMAL, NULL},
    {"illuminationSource", LETHE_TYPED_WORD, "brightfield|fluorescence|oblique"},
    {"pixels", LETHE_TYPED_EMPTY, NULL},
    {"pixels@sizeX", LETHE_TYPED_INTEGER, NULL},
    {"pixels@sizeY", LETHE_TYPED_INTEGER, NULL},
    {"pixels@sizeZ", LETHE_TYPED_INTEGER, NULL},
    {"pixels@sizeC", LETHE_TYPED_INTEGER, NULL},
    {"dimension", LETHE_TYPED_EMPTY, NULL},
    {"dimension@sizeX", LETHE_TYPED_INTEGER, NULL},
    {"dimension@sizeY", LETHE_TYPED_INTEGER, NULL},
    {"dimension@r", LETHE_TYPED_INTEGER, NULL},
    {"dimension@z", LETHE_TYPED_INTEGER, NULL},
    {"dimension@c", LETHE_TYPED_INTEGER, NULL},
    {"view", LETHE_TYPED_EMPTY, NULL},
    {"view@sizeX", LETHE_TYPED_INTEGER, NULL},
    {"view@sizeY", LETHE_TYPED_INTEGER, NULL},
    {"view@offsetX", LETHE_TYPED_INTEGER, NULL},
    {"view@offsetY", LETHE_TYPED_INTEGER, NULL},
    {"view@spacingZ", LETHE_TYPED_DECIMAL, NULL},
    {NULL, LETHE_TYPED_NOTHING, NULL},
};
static const lethe_typed_rule *const vocabulary[] = {rules, NULL};
static const uint16_t handled[] = {LETHE_TIFF_IMAGE_DESCRIPTION, 0};

typedef struct scn {
    const xmlNode *collection;
    int64_t width, height;
    uint32_t count;        /* directories */
    uint8_t *kept;         /* per directory */
    uint32_t *moved;       /* old index -> new */
    const xmlNode **image; /* per directory: the image that it is a dimension of */
    double unit_l0;        /* nanometres of a pixel of level 0; 0: no region asks for it */
    unsigned macros, images;
} scn;

static bool is_named(const xmlNode *node, const char *name) { return node->type == XML_ELEMENT_NODE && strcmp((const char *)node->name, name) == 0; }

static bool is_macro(const scn *s, const xmlNode *image) {
    const xmlNode *view = lethe_xml_child(image, "view");
    int64_t x = 1, y = 1, width = 0, height = 0;
    if (!view) return true; /* no place on the slide: not a scan */
    bool read = lethe_xml_integer(view, "offsetX", &x) && lethe_xml_integer(view, "offsetY", &y) && lethe_xml_integer(view, "sizeX", &width) &&
                lethe_xml_integer(view, "sizeY", &height);
    return !read || (x == 0 && y == 0) || (width >= s->width && height >= s->height);
}

static lethe_status mark_image(scn *s, const xmlNode *image, lethe_error *error) {
    const xmlNode *pixels = lethe_xml_child(image, "pixels");
    for (const xmlNode *d = pixels ? pixels->children : NULL; d; d = d->next) {
        int64_t ifd;
        if (!is_named(d, "dimension")) continue;
        if (!lethe_xml_integer(d, "ifd", &ifd) || ifd < 0 || ifd >= s->count)
            return lethe_fail(error, LETHE_UNSAFE, "a dimension names a directory that is not there");
        s->kept[ifd] = 1;
        s->image[ifd] = image;
    }
    s->images++;
    return LETHE_OK;
}

static lethe_status mark_images(scn *s, lethe_error *error) {
    lethe_status status = LETHE_OK;
    if (!s->collection || !lethe_xml_integer(s->collection, "sizeX", &s->width) || !lethe_xml_integer(s->collection, "sizeY", &s->height))
        return lethe_fail(error, LETHE_UNSAFE, "SCN description without a collection");
    for (const xmlNode *node = s->collection->children; status == LETHE_OK && node; node = node->next) {
        if (is_named(node, "supplementalImage")) s->macros++;
        if (!is_named(node, "image")) continue;
        if (is_macro(s, node)) s->macros++;
        else status = mark_image(s, node, error);
    }
    /* A directory that a macro shares with a scan would show the label. */
    for (const xmlNode *node = s->collection->children; status == LETHE_OK && node; node = node->next) {
        const xmlNode *pixels = is_named(node, "image") && is_macro(s, node) ? lethe_xml_child(node, "pixels") : NULL;
        for (const xmlNode *d = pixels ? pixels->children : NULL; d; d = d->next) {
            int64_t ifd;
            if (is_named(d, "dimension") && lethe_xml_integer(d, "ifd", &ifd) && ifd >= 0 && ifd < s->count && s->kept[ifd])
                return lethe_fail(error, LETHE_UNSAFE, "directory %" PRId64 " belongs to a scan and to the macro photograph", ifd);
        }
    }
    if (status == LETHE_OK && !s->images) status = lethe_fail(error, LETHE_UNSAFE, "SCN description without a scan");
    return status;
}

static lethe_xml_verdict decide(void *context, const xmlNode *element) {
    const scn *s = context;
    if (is_named(element, "supplementalImage")) return LETHE_XML_DROP;
    if (is_named(element, "image") && is_macro(s, element)) return LETHE_XML_DROP;
    return LETHE_XML_BY_RULES;
}

static lethe_xml_verdict rewrite(void *context, const xmlNode *element, const char *name, const char *text, char out[128]) {
    const scn *s = context;
    int64_t ifd;
    if (!name || strcmp(name, "ifd") != 0 || !is_named(element, "dimension")) return LETHE_XML_BY_RULES;
    if (!lethe_text_to_int64(text, &ifd) || ifd < 0 || ifd >= s->count || !s->kept[ifd]) return LETHE_XML_DROP;
    (void)snprintf(out, 128, "%u", s->moved[ifd]);
    return LETHE_XML_KEEP;
}

static lethe_status write_description(lethe_slide_job *job, scn *s, const xmlDoc *doc, lethe_tiff_draft_directory *first, lethe_error *error) {
    lethe_xml_filter filter = {.job = job, .rules = rules, .decide = decide, .value = rewrite, .context = s};
    lethe_buffer text;
    lethe_buffer_init(&text, LETHE_LIMIT_TEXT_FILE_BYTES);
    lethe_status status = lethe_xml_filter_run(&filter, doc, &text, error);
    if (status == LETHE_OK) status = lethe_tiff_draft_text(first, LETHE_TIFF_IMAGE_DESCRIPTION, lethe_buffer_text(&text), error);
    lethe_buffer_release(&text);
    return status;
}

/* --- where readers show a scan: its view on the collection, in pixels of the finest scan --- */

static bool is_brightfield(const xmlNode *image) {
    const xmlNode *settings = lethe_xml_child(image, "scanSettings"), *light = settings ? lethe_xml_child(settings, "illuminationSettings") : NULL;
    const xmlNode *source = light ? lethe_xml_child(light, "illuminationSource") : NULL, *text = source ? source->children : NULL;
    return text && text->type == XML_TEXT_NODE && strcmp((const char *)text->content, "brightfield") == 0;
}

/* Nanometres per pixel of an image's widest dimension; 0 when it does not say. */
static double unit_of(const xmlNode *image) {
    const xmlNode *view = lethe_xml_child(image, "view"), *pixels = lethe_xml_child(image, "pixels");
    int64_t nm = 0, width, widest = 0;
    for (const xmlNode *d = pixels ? pixels->children : NULL; d; d = d->next)
        if (is_named(d, "dimension") && lethe_xml_integer(d, "sizeX", &width) && width > widest) widest = width;
    return view && lethe_xml_integer(view, "sizeX", &nm) && nm > 0 && widest > 0 ? (double)nm / (double)widest : 0;
}

/* Readers take scans in bright field for level 0; a slide without any is shown by its finest scan. */
static void find_unit(scn *s) {
    for (int bright = 1; bright >= 0 && s->unit_l0 <= 0; bright--)
        for (uint32_t i = 0; i < s->count; i++) {
            double unit = s->kept[i] && s->image[i] && (!bright || is_brightfield(s->image[i])) ? unit_of(s->image[i]) : 0;
            if (unit > 0 && (s->unit_l0 <= 0 || unit < s->unit_l0)) s->unit_l0 = unit;
        }
}

static lethe_status place_directory(lethe_slide_job *job, const scn *s, const lethe_tiff_directory *d, lethe_error *error) {
    job->level_map = NULL;
    if (!job->region_count) return LETHE_OK;
    const xmlNode *view = s->image[d->index] ? lethe_xml_child(s->image[d->index], "view") : NULL;
    uint64_t width = lethe_tiff_uint(job->probe->tree, d, LETHE_TIFF_WIDTH, 0), height = lethe_tiff_uint(job->probe->tree, d, LETHE_TIFF_HEIGHT, 0);
    int64_t nm = 0, x = 0, y = 0;
    bool known = view && lethe_xml_integer(view, "sizeX", &nm) && lethe_xml_integer(view, "offsetX", &x) && lethe_xml_integer(view, "offsetY", &y);
    if (!known || nm <= 0 || s->unit_l0 <= 0 || !width || width > INT32_MAX || height > INT32_MAX)
        return lethe_fail(error, LETHE_UNSAFE, "nobody knows where directory %u is shown: regions cannot be placed", d->index);
    double scale = (double)nm / (double)width / s->unit_l0;
    lethe_level_part *part = lethe_arena_alloc(job->arena, sizeof *part);
    lethe_level_map *map = lethe_arena_alloc(job->arena, sizeof *map);
    if (!part || !map) return lethe_fail(error, LETHE_NO_MEMORY, "out of memory");
    *part = (lethe_level_part){.box = {0, 0, (int64_t)width, (int64_t)height},
                               .x_l0 = (double)x / s->unit_l0,
                               .y_l0 = (double)y / s->unit_l0,
                               .across_l0 = scale,
                               .down_l0 = scale};
    *map = (lethe_level_map){part, 1};
    job->level_map = map;
    return LETHE_OK;
}

static lethe_status plan_directories(lethe_slide_job *job, scn *s, const lethe_tiff_directory *described, const xmlDoc *doc, lethe_error *error) {
    lethe_status status = LETHE_OK;
    lethe_tiff_draft_directory *first = NULL;
    uint32_t next = 0;
    for (uint32_t i = 0; i < s->count; i++) s->moved[i] = s->kept[i] ? next++ : 0;
    for (const lethe_tiff_directory *d = job->probe->tree->first; status == LETHE_OK && d; d = d->next) {
        const uint16_t *own = d == described ? handled : NULL;
        if (!s->kept[d->index]) {
            status = lethe_plan_remove(job, d, own, error);
            continue;
        }
        if (!lethe_tiff_find(d, LETHE_TIFF_TILE_WIDTH)) return lethe_fail(error, LETHE_UNSAFE, "directory %u of a scan is not tiled", d->index);
        lethe_tiff_draft_directory *out;
        status = place_directory(job, s, d, error);
        if (status == LETHE_OK) status = lethe_plan_keep(job, d, NULL, NULL, own, &out, error);
        if (status == LETHE_OK) status = lethe_plan_remove_children(job, d, 0, error);
        if (!first) first = out;
    }
    return status == LETHE_OK ? write_description(job, s, doc, first, error) : status;
}

static lethe_status plan(lethe_slide_job *job, lethe_error *error) {
    const lethe_tiff_tree *tree = job->probe->tree;
    const lethe_tiff_directory *described = NULL;
    xmlDoc *doc = NULL;
    const char *text = "";
    for (const lethe_tiff_directory *d = tree->first; d && !described; d = d->next) {
        text = lethe_tiff_text(tree, d, LETHE_TIFF_IMAGE_DESCRIPTION);
        if (!text) return lethe_fail(error, LETHE_NO_MEMORY, "out of memory");
        if (strstr(text, "leica-microsystems.com/scn/")) described = d;
    }
    scn s = {.count = tree->chain_count};
    s.kept = lethe_arena_alloc_array(job->arena, tree->chain_count, 1);
    s.moved = lethe_arena_alloc_array(job->arena, tree->chain_count, sizeof *s.moved);
    s.image = lethe_arena_alloc_array(job->arena, tree->chain_count, sizeof *s.image);
    if (!described || !s.kept || !s.moved || !s.image) return lethe_fail(error, LETHE_UNSAFE, "SCN description cannot be read");
    const lethe_tiff_entry *entry = lethe_tiff_find(described, LETHE_TIFF_IMAGE_DESCRIPTION);
    lethe_status status = lethe_job_removed_blob(job, entry->value + strlen(text), entry->bytes - strlen(text), error);
    if (status == LETHE_OK) status = lethe_xml_parse(text, strlen(text), &doc, error);
    if (status != LETHE_OK) return status;
    s.collection = lethe_xml_child(xmlDocGetRootElement(doc), "collection");
    status = mark_images(&s, error);
    if (status == LETHE_OK && job->region_count) find_unit(&s);
    if (status == LETHE_OK) status = plan_directories(job, &s, described, doc, error);
    job->label_found = s.macros != 0;
    xmlFreeDoc(doc);
    return status;
}

const lethe_slide_rules lethe_slide_leica = {
    .name = "leica", .extension = ".scn", .has_label_always = true, .has_placed_levels = true, .plan = plan, .vocabulary = vocabulary};
