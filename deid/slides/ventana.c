/* Ventana BIF: directories say what they are in their description ("level=0 mag=40 quality=95", "Label Image", "Thumbnail"); XMP holds <iScan> for
 * the slide and <EncodeInfo> for the stitching of level 0. Readers want the iScan element in the first directory, which is the label's: a small black
 * picture takes its place. */
#include "core/limits.h"
#include "core/memory.h"
#include "core/text.h"
#include "deid/slides/slide_job.h"
#include "deid/slides/xml_filter.h"

#include <libxml/tree.h>
#include <math.h>
#include <string.h>

static const lethe_typed_rule rules[] = {
    {"Metadata", LETHE_TYPED_EMPTY, NULL},
    {"iScan", LETHE_TYPED_EMPTY, NULL},
    {"iScan@Z-layers", LETHE_TYPED_INTEGER, NULL},
    {"iScan@Z-spacing", LETHE_TYPED_DECIMAL, NULL},
    {"iScan@Magnification", LETHE_TYPED_DECIMAL, NULL},
    {"iScan@ScanRes", LETHE_TYPED_DECIMAL, NULL},
    {"iScan@ScanWhitePoint", LETHE_TYPED_DECIMAL, NULL},
    {"iScan@FocusQuality", LETHE_TYPED_DECIMAL, NULL},
    {"iScan@SlideAnnotation", LETHE_TYPED_EMPTY, NULL},
    {"AOI#", LETHE_TYPED_EMPTY, NULL},
    {"AOI#@Left", LETHE_TYPED_INTEGER, NULL},
    {"AOI#@Top", LETHE_TYPED_INTEGER, NULL},
    {"AOI#@Right", LETHE_TYPED_INTEGER, NULL},
    {"AOI#@Bottom", LETHE_TYPED_INTEGER, NULL},
    {"AOI#@AOIScore", LETHE_TYPED_DECIMAL, NULL},
    {"AOI#@OriginX", LETHE_TYPED_INTEGER, NULL},
    {"AOI#@OriginY", LETHE_TYPED_INTEGER, NULL},
    {"EncodeInfo", LETHE_TYPED_EMPTY, NULL},
    {"EncodeInfo@Ver", LETHE_TYPED_INTEGER, NULL},
    {"SlideStitchInfo", LETHE_TYPED_EMPTY, NULL},
    {"ImageInfo", LETHE_TYPED_EMPTY, NULL},
    {"ImageInfo@AOIScanned", LETHE_TYPED_INTEGER, NULL},
    {"ImageInfo@AOIIndex", LETHE_TYPED_INTEGER, NULL},
    {"ImageInfo@NumCols", LETHE_TYPED_INTEGER, NULL},
    {"ImageInfo@NumRows", LETHE_TYPED_INTEGER, NULL},
    {"ImageInfo@Width", LETHE_TYPED_INTEGER, NULL},
    {"ImageInfo@Height", LETHE_TYPED_INTEGER, NULL},
    {"ImageInfo@Pos-X", LETHE_TYPED_INTEGER, NULL},
    {"ImageInfo@Pos-Y", LETHE_TYPED_INTEGER, NULL},
    {"TileJointInfo", LETHE_TYPED_EMPTY, NULL},
    {"TileJointInfo@FlagJoined", LETHE_TYPED_INTEGER, NULL},
    {"TileJointInfo@Confidence", LETHE_TYPED_INTEGER, NULL},
    {"TileJointInfo@Direction", LETHE_TYPED_WORD, "LEFT|RIGHT|UP|DOWN"},
    {"TileJointInfo@Tile1", LETHE_TYPED_INTEGER, NULL},
    {"TileJointInfo@Tile2", LETHE_TYPED_INTEGER, NULL},
    {"TileJointInfo@OverlapX", LETHE_TYPED_INTEGER, NULL},
    {"TileJointInfo@OverlapY", LETHE_TYPED_INTEGER, NULL},
    {"FrameInfo", LETHE_TYPED_EMPTY, NULL},
    {"FrameInfo@AOIScanned", LETHE_TYPED_INTEGER, NULL},
    {"FrameInfo@AOIIndex", LETHE_TYPED_INTEGER, NULL},
    {"Frame", LETHE_TYPED_EMPTY, NULL},
    {"Frame@XY", LETHE_TYPED_DECIMALS, NULL},
    {"Frame@Z", LETHE_TYPED_DECIMALS, NULL},
    {"AoiOrigin", LETHE_TYPED_EMPTY, NULL},
    {NULL, LETHE_TYPED_NOTHING, NULL},
};
static const lethe_typed_rule level_keys[] = {{"level", LETHE_TYPED_INTEGER, NULL},
                                              {"mag", LETHE_TYPED_DECIMAL, NULL},
                                              {"quality", LETHE_TYPED_INTEGER, NULL},
                                              {NULL, LETHE_TYPED_NOTHING, NULL}};
static const lethe_typed_rule *const vocabulary[] = {rules, level_keys, NULL};
static const uint16_t handled[] = {LETHE_TIFF_IMAGE_DESCRIPTION, LETHE_TIFF_XMP, 0};

static lethe_status keep_xmp(lethe_slide_job *job, const lethe_tiff_directory *d, lethe_tiff_draft_directory *out, lethe_error *error) {
    const lethe_tiff_entry *entry = lethe_tiff_find(d, LETHE_TIFF_XMP);
    if (!entry || !entry->value || !entry->bytes || lethe_tiff_type_bytes(entry->type) != 1) return LETHE_OK;
    size_t length = strnlen((const char *)entry->value, (size_t)entry->bytes);
    xmlDoc *doc = NULL;
    lethe_buffer text;
    lethe_buffer_init(&text, LETHE_LIMIT_TEXT_FILE_BYTES);
    lethe_status status = lethe_job_removed_blob(job, entry->value + length, entry->bytes - length, error);
    if (status == LETHE_OK) status = lethe_xml_parse((const char *)entry->value, length, &doc, error);
    lethe_xml_filter filter = {.job = job, .rules = rules};
    if (status == LETHE_OK) status = lethe_xml_filter_run(&filter, doc, &text, error);
    xmlFreeDoc(doc);
    char *copy = status == LETHE_OK ? lethe_arena_strndup(job->arena, lethe_buffer_text(&text), text.size) : NULL;
    if (status == LETHE_OK && !copy) status = lethe_fail(error, LETHE_NO_MEMORY, "out of memory");
    if (status == LETHE_OK) status = lethe_tiff_draft_raw(out, LETHE_TIFF_XMP, LETHE_TIFF_BYTE, text.size, copy, error);
    lethe_buffer_release(&text);
    return status;
}

/* "level=0 mag=40 quality=95": known keys with numbers, in that order. */
static lethe_status keep_level_text(lethe_slide_job *job, const char *text, lethe_tiff_draft_directory *out, lethe_error *error) {
    lethe_buffer kept;
    lethe_buffer_init(&kept, 4096);
    lethe_status status = LETHE_OK;
    for (const char *at = text; status == LETHE_OK && *at;) {
        size_t length = strcspn(at, " ");
        const char *equals = memchr(at, '=', length);
        const lethe_typed_rule *rule = equals ? lethe_typed_find(level_keys, 3, at, (size_t)(equals - at)) : NULL;
        bool fits = rule && lethe_typed_fits(rule->kind, NULL, equals + 1, (size_t)(at + length - equals - 1));
        if (fits) status = lethe_buffer_printf(&kept, error, "%s%.*s", kept.size ? " " : "", (int)length, at);
        else if (length) status = lethe_job_removed(job, at, length, error);
        *(fits ? &job->result->keys_kept : &job->result->keys_removed) += 1;
        at += length + (at[length] == ' ');
    }
    if (status == LETHE_OK) status = lethe_tiff_draft_text(out, LETHE_TIFF_IMAGE_DESCRIPTION, lethe_buffer_text(&kept), error);
    lethe_buffer_release(&kept);
    return status;
}

/* --- where readers show a tile: level 0 advances from tile to tile by what all joints say on average; smaller levels are cut like level 0 --- */

typedef struct stitching {
    int64_t across, down;           /* tiles of level 0 */
    double tile_width, tile_height; /* of level 0 */
    double advance_x, advance_y;
    double power; /* magnification of level 0; 0: no region asks for it */
} stitching;

static bool is_element(const xmlNode *node, const char *name) {
    return node->type == XML_ELEMENT_NODE && strcmp((const char *)node->name, name) == 0;
}

typedef struct joints {
    double overlap[2], weight[2]; /* sideways, up */
} joints;

static bool add_joints(const xmlNode *info, joints *sum) {
    int64_t scanned = 0;
    if (!lethe_xml_integer(info, "AOIScanned", &scanned)) return false;
    for (const xmlNode *joint = scanned ? info->children : NULL; joint; joint = joint->next) {
        int64_t x = 0, y = 0, weight = 0;
        char direction[128] = "";
        if (!is_element(joint, "TileJointInfo")) continue;
        bool read = lethe_xml_integer(joint, "OverlapX", &x) && lethe_xml_integer(joint, "OverlapY", &y) &&
                    lethe_xml_integer(joint, "Confidence", &weight) && lethe_xml_attribute(joint, "Direction", direction);
        bool up = strcmp(direction, "UP") == 0;
        if (!read || (!up && strcmp(direction, "RIGHT") != 0)) return false;
        sum->overlap[up] += (double)weight * (double)(up ? y : x);
        sum->weight[up] += (double)weight;
    }
    return true;
}

/* "level=0 mag=40 ...": the number behind a key. */
static bool level_number(const char *text, const char *key, double *value) {
    size_t length = strlen(key);
    for (const char *at = text; *at; at += strcspn(at, " "), at += *at == ' ') {
        char number[32];
        size_t used = strcspn(at, " ");
        if (used <= length || used - length >= sizeof number || strncmp(at, key, length) != 0) continue;
        memcpy(number, at + length, used - length);
        number[used - length] = '\0';
        return lethe_text_to_double(number, value);
    }
    return false;
}

static lethe_status read_joints(const lethe_tiff_entry *entry, joints *sum, lethe_error *error) {
    xmlDoc *doc = NULL;
    size_t length = entry && entry->value ? strnlen((const char *)entry->value, (size_t)entry->bytes) : 0;
    lethe_status status = lethe_xml_parse(length ? (const char *)entry->value : "", length, &doc, error);
    if (status != LETHE_OK) return status;
    const xmlNode *root = xmlDocGetRootElement(doc), *stitch = root ? lethe_xml_child(root, "SlideStitchInfo") : NULL;
    bool read = stitch != NULL;
    for (const xmlNode *info = stitch ? stitch->children : NULL; read && info; info = info->next)
        if (is_element(info, "ImageInfo")) read = add_joints(info, sum);
    xmlFreeDoc(doc);
    return read ? LETHE_OK : lethe_fail(error, LETHE_UNSAFE, "the stitching of level 0 cannot be read: regions cannot be placed");
}

static lethe_status read_stitching(const lethe_slide_job *job, stitching *s, lethe_error *error) {
    const lethe_tiff_tree *tree = job->probe->tree;
    for (const lethe_tiff_directory *d = tree->first; d; d = d->next) {
        const char *text = lethe_tiff_text(tree, d, LETHE_TIFF_IMAGE_DESCRIPTION);
        double level = -1;
        if (!text || !lethe_text_starts(text, "level=") || !level_number(text, "level=", &level) || level > 0 || level < 0) continue;
        uint64_t width = lethe_tiff_uint(tree, d, LETHE_TIFF_WIDTH, 0), height = lethe_tiff_uint(tree, d, LETHE_TIFF_HEIGHT, 0);
        uint64_t wide = lethe_tiff_uint(tree, d, LETHE_TIFF_TILE_WIDTH, 0), high = lethe_tiff_uint(tree, d, LETHE_TIFF_TILE_HEIGHT, 0);
        joints sum = {0};
        lethe_status status = read_joints(lethe_tiff_find(d, LETHE_TIFF_XMP), &sum, error);
        if (status != LETHE_OK) return status;
        if (!wide || !high || width > INT32_MAX || height > INT32_MAX || !level_number(text, "mag=", &s->power) || !(s->power > 0)) break;
        s->across = (int64_t)((width + wide - 1) / wide);
        s->down = (int64_t)((height + high - 1) / high);
        s->tile_width = (double)wide;
        s->tile_height = (double)high;
        s->advance_x = (double)wide - (sum.weight[0] > 0 ? sum.overlap[0] / sum.weight[0] : 0);
        s->advance_y = (double)high - (sum.weight[1] > 0 ? sum.overlap[1] / sum.weight[1] : 0);
        return LETHE_OK;
    }
    return lethe_fail(error, LETHE_UNSAFE, "level 0 cannot be found: regions cannot be placed");
}

/* Parts that no region touches are left out. */
static lethe_status place_level(lethe_slide_job *job, const stitching *s, const lethe_tiff_directory *d, const char *text, lethe_error *error) {
    enum { MOST_PARTS = 1 << 20 };
    job->level_map = NULL;
    if (!job->region_count) return LETHE_OK;
    double power = 0;
    if (!level_number(text, "mag=", &power) || !(power > 0) || power > s->power)
        return lethe_fail(error, LETHE_UNSAFE, "directory %u has no magnification: regions cannot be placed", d->index);
    double factor = s->power / power;
    int64_t width = (int64_t)lethe_tiff_uint(job->probe->tree, d, LETHE_TIFF_WIDTH, 0),
            height = (int64_t)lethe_tiff_uint(job->probe->tree, d, LETHE_TIFF_HEIGHT, 0);
    lethe_level_map *map = lethe_arena_alloc(job->arena, sizeof *map);
    lethe_level_part *parts = NULL;
    if (!map || s->across * s->down > MOST_PARTS) return lethe_fail(error, LETHE_LIMIT, "level 0 has too many tiles");
    size_t count = 0;
    for (int pass = 0; pass < 2; pass++) {
        if (pass && !(parts = lethe_arena_alloc_array(job->arena, count + 1, sizeof *parts)))
            return lethe_fail(error, LETHE_NO_MEMORY, "out of memory");
        count = 0;
        for (int64_t i = 0; i < s->across * s->down; i++) {
            double column = (double)(i % s->across), row = (double)(i / s->across), left = column * s->tile_width / factor,
                   top = row * s->tile_height / factor;
            lethe_level_box box = {(int64_t)left, (int64_t)top, (int64_t)ceil((column + 1) * s->tile_width / factor) - (int64_t)left,
                                   (int64_t)ceil((row + 1) * s->tile_height / factor) - (int64_t)top},
                            hit;
            lethe_level_part part = {.box = box,
                                     .x_l0 = column * s->advance_x - (left - floor(left)) * factor,
                                     .y_l0 = row * s->advance_y - (top - floor(top)) * factor,
                                     .across_l0 = factor,
                                     .down_l0 = factor};
            bool touched = false;
            for (size_t k = 0; box.x < width && box.y < height && k < job->region_count; k++)
                touched |= lethe_region_on_part(&job->regions[k], &part, &hit);
            if (touched && parts) parts[count] = part;
            count += touched;
        }
    }
    *map = (lethe_level_map){parts, count};
    job->level_map = map;
    return LETHE_OK;
}

static lethe_status keep_level(lethe_slide_job *job, const stitching *s, const lethe_tiff_directory *d, const char *text, lethe_error *error) {
    lethe_tiff_draft_directory *out;
    lethe_status status = place_level(job, s, d, text, error);
    if (status == LETHE_OK) status = lethe_plan_keep(job, d, NULL, NULL, handled, &out, error);
    if (status == LETHE_OK) status = lethe_plan_remove_children(job, d, 0, error);
    if (status == LETHE_OK) status = keep_level_text(job, text, out, error);
    return status == LETHE_OK ? keep_xmp(job, d, out, error) : status;
}

static lethe_status put_placeholder(lethe_slide_job *job, const lethe_tiff_directory *d, lethe_error *error) {
    lethe_image black = {.columns = 16, .rows = 16, .samples = 4, .bytes_per_sample = 1, .bits_stored = 8, .photometric = LETHE_RGB};
    lethe_tiff_draft_directory *out;
    bool pseudonym = job->options->label == LETHE_SLIDE_LABEL_PSEUDONYM;
    lethe_status status = lethe_plan_remove(job, d, handled, error);
    if (status == LETHE_OK) status = pseudonym ? lethe_label_draw(job->result->slide, 400, 400, &black, error) : lethe_image_allocate(&black, error);
    if (status == LETHE_OK) status = lethe_plan_picture(job, &black, &out, error);
    lethe_image_release(&black);
    if (status == LETHE_OK) status = lethe_tiff_draft_text(out, LETHE_TIFF_IMAGE_DESCRIPTION, "Label Image", error);
    return status == LETHE_OK ? keep_xmp(job, d, out, error) : status;
}

static bool has_xmp_of(const lethe_tiff_directory *d, const char *element) {
    const lethe_tiff_entry *entry = lethe_tiff_find(d, LETHE_TIFF_XMP);
    return entry && entry->value && entry->bytes && memmem(entry->value, (size_t)entry->bytes, element, strlen(element));
}

static lethe_status plan(lethe_slide_job *job, lethe_error *error) {
    const lethe_tiff_tree *tree = job->probe->tree;
    stitching s = {0};
    lethe_status status = job->region_count ? read_stitching(job, &s, error) : LETHE_OK;
    bool first = true;
    for (const lethe_tiff_directory *d = tree->first; status == LETHE_OK && d; d = d->next) {
        const char *text = lethe_tiff_text(tree, d, LETHE_TIFF_IMAGE_DESCRIPTION);
        if (!text) return lethe_fail(error, LETHE_NO_MEMORY, "out of memory");
        const lethe_tiff_entry *entry = lethe_tiff_find(d, LETHE_TIFF_IMAGE_DESCRIPTION);
        if (entry && entry->value && entry->bytes > strlen(text))
            status = lethe_job_removed_blob(job, entry->value + strlen(text), entry->bytes - strlen(text), error);
        bool label = strncmp(text, "Label", 5) == 0;
        job->label_found |= label;
        if (status != LETHE_OK) break;
        if (lethe_text_starts(text, "level=")) {
            status = keep_level(job, &s, d, text, error);
            first = false;
        } else if (first && has_xmp_of(d, "<iScan")) {
            status = put_placeholder(job, d, error);
            first = false;
        } else if (label || lethe_text_starts(text, "Thumbnail") || lethe_text_starts(text, "Probability") ||
                   !lethe_tiff_find(d, LETHE_TIFF_TILE_WIDTH))
            status = lethe_plan_remove(job, d, NULL, error);
        else return lethe_fail(error, LETHE_UNSAFE, "directory %u is tiled, but no level", d->index);
    }
    return status;
}

const lethe_slide_rules lethe_slide_ventana = {
    .name = "ventana", .extension = ".bif", .has_label_always = true, .has_placed_levels = true, .plan = plan, .vocabulary = vocabulary};
