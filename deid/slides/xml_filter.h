/* XML by allow-list: a new document from the elements, attributes and texts that a table of rules names, each with its type.
 *
 * Rules are keyed "element@attribute", or "element" for an element and its text (LETHE_TYPED_EMPTY: the element without text). Digits at the end of
 * an element's name may be written '#' ("AOI#"). Everything else goes: unknown elements with all they contain, comments, processing instructions,
 * unknown namespaces. A document type declaration is refused. Layer: deid. Thread rule: no shared state. */
#ifndef LETHE_DEID_SLIDES_XML_FILTER_H
#define LETHE_DEID_SLIDES_XML_FILTER_H

#include "core/buffer.h"
#include "deid/slides/slide_job.h"

/* libxml2's nodes; its headers are needed only by those who walk them. */
typedef struct _xmlNode xmlNode;
typedef struct _xmlDoc xmlDoc;

typedef enum lethe_xml_verdict { LETHE_XML_BY_RULES, LETHE_XML_DROP, LETHE_XML_KEEP } lethe_xml_verdict;

typedef struct lethe_xml_filter {
    lethe_slide_job *job;          /* NULL: nothing is remembered (fuzzing) */
    const lethe_typed_rule *rules; /* ended by key NULL */
    /* May be NULL. Called for each element before the rules. */
    lethe_xml_verdict (*decide)(void *context, const xmlNode *element);
    /* May be NULL. Called for each attribute (its name) and each text (name NULL) before the rules: LETHE_XML_KEEP with `out` written takes that
     * text. */
    lethe_xml_verdict (*value)(void *context, const xmlNode *element, const char *name, const char *text, char out[128]);
    void *context;
} lethe_xml_filter;

/* Parse; the caller frees with xmlFreeDoc. Errors: LETHE_MALFORMED, LETHE_UNSAFE (document type declaration, nested deeper than 64), LETHE_LIMIT. */
LETHE_NODISCARD lethe_status lethe_xml_parse(const char *text, size_t size, xmlDoc **out, lethe_error *error);
/* Append the filtered document to `out`. Errors: LETHE_UNSAFE when nothing is left. */
LETHE_NODISCARD lethe_status lethe_xml_filter_run(const lethe_xml_filter *filter, const xmlDoc *doc, lethe_buffer *out, lethe_error *error);
/* Parse and filter in one step. */
LETHE_NODISCARD lethe_status lethe_xml_filter_text(const lethe_xml_filter *filter, const char *text, size_t size, lethe_buffer *out,
                                                   lethe_error *error);
/* An attribute of an element as text of at most 127 bytes; false when absent or longer. */
bool lethe_xml_attribute(const xmlNode *element, const char *name, char out[128]);
bool lethe_xml_integer(const xmlNode *element, const char *name, int64_t *value);
/* The first child element of that name, or NULL. */
const xmlNode *lethe_xml_child(const xmlNode *element, const char *name);

#endif
