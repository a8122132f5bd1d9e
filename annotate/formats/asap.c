/* ASAP's XML: one file per image; the group of an annotation is its label. Dots, rectangles, polygons and splines (taken as polygons). What ASAP
 * cannot say (holes, masks of several pieces) becomes one polygon per ring. */
#include "annotate/formats/formats.h"

#include "core/file.h"
#include "core/limits.h"
#include "core/memory.h"
#include "core/text.h"

#include <libxml/parser.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- export --- */

static lethe_status put_coordinates(lethe_buffer *out, const lethe_point *points, size_t count, lethe_error *error) {
    lethe_status status = lethe_buffer_append_text(out, "\t\t\t<Coordinates>\n", error);
    for (size_t i = 0; status == LETHE_OK && i < count; i++)
        status = lethe_buffer_printf(out, error, "\t\t\t\t<Coordinate Order=\"%zu\" X=\"%.17g\" Y=\"%.17g\" />\n", i, points[i].x, points[i].y);
    return status == LETHE_OK ? lethe_buffer_append_text(out, "\t\t\t</Coordinates>\n\t\t</Annotation>\n", error) : status;
}

static lethe_status put_head(lethe_buffer *out, size_t number, const char *type, const char *label, uint32_t colour, lethe_error *error) {
    lethe_status status = lethe_buffer_printf(out, error, "\t\t<Annotation Name=\"Annotation %zu\" Type=\"%s\" PartOfGroup=\"", number, type);
    if (status == LETHE_OK) status = lethe_html_escape(label, out, error);
    return status == LETHE_OK ? lethe_buffer_printf(out, error, "\" Color=\"#%06X\">\n", colour) : status;
}

static lethe_status put_part(const lethe_dataset *d, const lethe_part *part, size_t *number, lethe_buffer *out, lethe_error *error) {
    const lethe_shape *s = &part->annotation->shape;
    const char *label = part->annotation->label;
    uint32_t colour = d->categories[lethe_dataset_category(d, label)].colour_rgb;
    lethe_shape outline = {0};
    if (s->kind == LETHE_SHAPE_POINT || s->kind == LETHE_SHAPE_LINE || s->kind == LETHE_SHAPE_POLYLINE || s->kind == LETHE_SHAPE_MEASUREMENT) {
        lethe_status status = put_head(out, (*number)++, s->kind == LETHE_SHAPE_POINT ? "Dot" : "PointSet", label, colour, error);
        return status == LETHE_OK ? put_coordinates(out, s->points, s->point_count, error) : status;
    }
    lethe_status status = lethe_shape_to_polygon(s, part->slice, &outline, error);
    size_t rings = outline.ring_ends == NULL ? 1 : outline.ring_count, from = 0;
    for (size_t ring = 0; status == LETHE_OK && ring < rings; ring++) {
        size_t end = outline.ring_ends == NULL ? outline.point_count : outline.ring_ends[ring];
        status = put_head(out, (*number)++, s->kind == LETHE_SHAPE_BOX ? "Rectangle" : "Polygon", label, colour, error);
        if (status == LETHE_OK) status = put_coordinates(out, outline.points + from, end - from, error);
        from = end;
    }
    lethe_shape_release(&outline);
    return status;
}

static lethe_status put_groups(const lethe_dataset *d, lethe_buffer *out, lethe_error *error) {
    lethe_status status = lethe_buffer_append_text(out, "\t</Annotations>\n\t<AnnotationGroups>\n", error);
    for (size_t i = 0; status == LETHE_OK && i < d->category_count; i++) {
        status = lethe_buffer_append_text(out, "\t\t<Group Name=\"", error);
        if (status == LETHE_OK) status = lethe_html_escape(d->categories[i].name, out, error);
        if (status == LETHE_OK)
            status = lethe_buffer_printf(out, error, "\" PartOfGroup=\"None\" Color=\"#%06X\">\n\t\t\t<Attributes />\n\t\t</Group>\n",
                                         d->categories[i].colour_rgb);
    }
    return status == LETHE_OK ? lethe_buffer_append_text(out, "\t</AnnotationGroups>\n</ASAP_Annotations>\n", error) : status;
}

static lethe_status write_asap(lethe_dataset *d, lethe_error *error) {
    lethe_status status = LETHE_OK;
    for (size_t image = 0; status == LETHE_OK && image < lethe_image_index_count(d->index); image++) {
        size_t count, number = 0;
        const lethe_part *parts = lethe_dataset_parts_of(d, image, &count);
        if (count == 0 || !lethe_dataset_has(d, image)) continue;
        char name[640];
        lethe_buffer out;
        lethe_buffer_init(&out, (size_t)1 << 33);
        (void)snprintf(name, sizeof name, "asap/%s.xml", lethe_image_index_at(d->index, image)->stem);
        status = lethe_buffer_append_text(&out, "<?xml version=\"1.0\"?>\n<ASAP_Annotations>\n\t<Annotations>\n", error);
        for (size_t i = 0; status == LETHE_OK && i < count; i++) status = put_part(d, &parts[i], &number, &out, error);
        if (status == LETHE_OK) status = put_groups(d, &out, error);
        if (status == LETHE_OK) status = lethe_package_write(d->package, name, out.bytes, out.size, error);
        lethe_buffer_release(&out);
    }
    return status;
}

/* --- import --- */

static xmlNodePtr child(xmlNodePtr node, const char *name) {
    for (xmlNodePtr at = node == NULL ? NULL : node->children; at != NULL; at = at->next)
        if (at->type == XML_ELEMENT_NODE && strcmp((const char *)at->name, name) == 0) return at;
    return NULL;
}

static bool number_of(xmlNodePtr node, const char *name, double *value) {
    xmlChar *text = xmlGetProp(node, (const xmlChar *)name);
    bool good = text != NULL && lethe_text_to_double((const char *)text, value);
    xmlFree(text);
    return good;
}

typedef struct ordered_point {
    double order;
    lethe_point at;
} ordered_point;

static int by_order(const void *a, const void *b) {
    double left = ((const ordered_point *)a)->order, right = ((const ordered_point *)b)->order;
    return left < right ? -1 : left > right;
}

/* Points of an annotation in their order, in the import's arena. */
static lethe_status read_coordinates(lethe_import *import, xmlNodePtr annotation, const char *where, lethe_point **points, size_t *count,
                                     lethe_error *error) {
    size_t total = 0;
    lethe_status status = LETHE_OK;
    *count = 0;
    xmlNodePtr list = child(annotation, "Coordinates");
    for (xmlNodePtr at = list == NULL ? NULL : list->children; at != NULL; at = at->next) total++;
    ordered_point *found = lethe_alloc_array(total, sizeof *found);
    *points = lethe_arena_alloc_array(lethe_import_arena(import), total == 0 ? 1 : total, sizeof **points);
    if (found == NULL || *points == NULL) status = lethe_fail(error, LETHE_NO_MEMORY, "no memory for a shape");
    for (xmlNodePtr at = list == NULL ? NULL : list->children; status == LETHE_OK && at != NULL; at = at->next) {
        if (at->type != XML_ELEMENT_NODE) continue;
        ordered_point *slot = &found[*count];
        if (!number_of(at, "Order", &slot->order) || !number_of(at, "X", &slot->at.x) || !number_of(at, "Y", &slot->at.y))
            status = lethe_fail(error, LETHE_MALFORMED, "%s: %s: a coordinate on line %ld is not three numbers", lethe_import_file_name(import),
                                where, xmlGetLineNo(at));
        else ++*count;
    }
    if (status == LETHE_OK && *count > 1) qsort(found, *count, sizeof *found, by_order);
    for (size_t i = 0; status == LETHE_OK && i < *count; i++) (*points)[i] = found[i].at;
    lethe_free(found);
    return status;
}

static lethe_status add_points(lethe_import *import, const lethe_image_ref *image, const char *label, const lethe_point *points, size_t count,
                               const char *where, lethe_error *error) {
    lethe_status status = LETHE_OK;
    for (size_t i = 0; status == LETHE_OK && i < count; i++) {
        lethe_point at = points[i];
        lethe_annotation a = {.level = LETHE_LEVEL_REGION,
                              .image = image->key,
                              .label = label,
                              .confidence = -1,
                              .shape = {.kind = LETHE_SHAPE_POINT, .points = &at, .point_count = 1}};
        status = lethe_import_add(import, &a, where, error);
    }
    return status;
}

static lethe_status read_annotation(lethe_import *import, const lethe_image_ref *image, xmlNodePtr node, lethe_error *error) {
    char where[64];
    lethe_point *points = NULL;
    size_t count = 0;
    (void)snprintf(where, sizeof where, "line %ld", xmlGetLineNo(node));
    xmlChar *group = xmlGetProp(node, (const xmlChar *)"PartOfGroup"), *type = xmlGetProp(node, (const xmlChar *)"Type");
    const char *kind = type == NULL ? "" : (const char *)type, *label = lethe_import_label(import, group == NULL ? "None" : (const char *)group);
    lethe_status status = label == NULL ? LETHE_OK : read_coordinates(import, node, where, &points, &count, error);
    if (status == LETHE_OK && label != NULL) {
        lethe_shape shape = {.kind = LETHE_SHAPE_POLYGON, .points = points, .point_count = count};
        lethe_box box;
        lethe_point corners[2];
        if (strcmp(kind, "Rectangle") == 0 && count == 4) {
            (void)lethe_shape_bounds(&shape, &box);
            corners[0] = (lethe_point){box.x0, box.y0};
            corners[1] = (lethe_point){box.x1, box.y1};
            shape = (lethe_shape){.kind = LETHE_SHAPE_BOX, .points = corners, .point_count = 2};
        }
        lethe_annotation a = {.level = LETHE_LEVEL_REGION, .image = image->key, .label = label, .confidence = -1, .shape = shape};
        if (strcmp(kind, "Dot") == 0 || strcmp(kind, "PointSet") == 0) status = add_points(import, image, label, points, count, where, error);
        else if (strcmp(kind, "Polygon") == 0 || strcmp(kind, "Rectangle") == 0 || strcmp(kind, "Spline") == 0)
            status = lethe_import_add(import, &a, where, error);
        else status = lethe_fail(error, LETHE_UNSUPPORTED, "%s: %s: type '%.40s' is not taken", lethe_import_file_name(import), where, kind);
    }
    xmlFree(group);
    xmlFree(type);
    return status;
}

static lethe_status read_file(lethe_import *import, const char *path, const char *relative, lethe_error *error) {
    const lethe_image_ref *image = NULL;
    lethe_buffer text;
    xmlDocPtr document = NULL;
    lethe_buffer_init(&text, LETHE_LIMIT_TEXT_FILE_BYTES);
    lethe_status status = lethe_format_image_of(import, relative, &image, error);
    if (status == LETHE_OK) status = lethe_file_read(path, &text, error);
    if (status == LETHE_OK) {
        xmlParserCtxtPtr parser = xmlNewParserCtxt();
        /* Entities are not expanded and nothing is fetched. */
        document = parser == NULL ? NULL
                                  : xmlCtxtReadMemory(parser, lethe_buffer_text(&text), (int)text.size, NULL, NULL,
                                                      XML_PARSE_NONET | XML_PARSE_NOERROR | XML_PARSE_NOWARNING);
        const xmlError *why = parser == NULL ? NULL : xmlCtxtGetLastError(parser);
        if (document == NULL) status = lethe_fail(error, LETHE_MALFORMED, "%s:%d: not well-formed XML", relative, why == NULL ? 0 : why->line);
        xmlFreeParserCtxt(parser);
    }
    if (status == LETHE_OK) {
        xmlNodePtr root = xmlDocGetRootElement(document), list = child(root, "Annotations");
        if (root == NULL || strcmp((const char *)root->name, "ASAP_Annotations") != 0 || list == NULL)
            status = lethe_fail(error, LETHE_MALFORMED, "%s: not ASAP annotations", relative);
        for (xmlNodePtr at = list == NULL ? NULL : list->children; status == LETHE_OK && at != NULL; at = at->next)
            if (at->type == XML_ELEMENT_NODE && strcmp((const char *)at->name, "Annotation") == 0) status = read_annotation(import, image, at, error);
    }
    xmlFreeDoc(document);
    lethe_buffer_release(&text);
    return status;
}

static lethe_status read_asap(lethe_import *import, const char *path, lethe_error *error) {
    return lethe_format_each_file(import, path, ".xml", read_file, error);
}

const lethe_format lethe_format_asap = {"asap", "ASAP XML per image (slides)", write_asap, read_asap};
