#include "deid/slides/xml_filter.h"

#include "core/limits.h"
#include "core/text.h"

#include <libxml/parser.h>
#include <libxml/tree.h>
#include <string.h>

enum { MAX_DEPTH = 64, MAX_KEY = 160 };

/* Namespaces that slides use; others are dropped with their prefix. */
static const char *const namespaces[] = {"http://www.leica-microsystems.com/scn/2010/10/01",  "http://www.leica-microsystems.com/scn/2010/03/10",
                                         "http://www.openmicroscopy.org/Schemas/OME/2016-06", "http://www.openmicroscopy.org/Schemas/OME/2015-01",
                                         "http://www.openmicroscopy.org/Schemas/OME/2013-06", "http://www.openmicroscopy.org/Schemas/OME/2012-06",
                                         "http://www.openmicroscopy.org/Schemas/OME/2011-06"};

static const char *known_namespace(const xmlNs *ns) {
    for (size_t i = 0; ns && ns->href && i < sizeof namespaces / sizeof *namespaces; i++)
        if (strcmp((const char *)ns->href, namespaces[i]) == 0) return namespaces[i];
    return NULL;
}

static unsigned depth_of(const xmlNode *root) {
    unsigned deepest = 0, depth = 1;
    for (const xmlNode *node = root; node;) {
        if (depth > deepest) deepest = depth;
        if (deepest > MAX_DEPTH) return deepest;
        if (node->type == XML_ELEMENT_NODE && node->children) {
            node = node->children;
            depth++;
            continue;
        }
        while (node && node != root && !node->next) {
            node = node->parent;
            depth--;
        }
        node = node && node != root ? node->next : NULL;
    }
    return deepest;
}

lethe_status lethe_xml_parse(const char *text, size_t size, xmlDoc **out, lethe_error *error) {
    *out = NULL;
    if (size > LETHE_LIMIT_TEXT_FILE_BYTES) return lethe_fail(error, LETHE_LIMIT, "XML is too long");
    if (memmem(text, size, "<!DOCTYPE", 9) || memmem(text, size, "<!ENTITY", 8))
        return lethe_fail(error, LETHE_UNSAFE, "XML with a document type declaration");
    xmlDoc *doc =
        xmlReadMemory(text, (int)size, NULL, NULL, XML_PARSE_NONET | XML_PARSE_NOERROR | XML_PARSE_NOWARNING | XML_PARSE_HUGE | XML_PARSE_NOCDATA);
    if (!doc || !xmlDocGetRootElement(doc)) {
        xmlFreeDoc(doc);
        return lethe_fail(error, LETHE_MALFORMED, "XML cannot be parsed");
    }
    if (depth_of(xmlDocGetRootElement(doc)) > MAX_DEPTH) {
        xmlFreeDoc(doc);
        return lethe_fail(error, LETHE_UNSAFE, "XML is nested deeper than %d", MAX_DEPTH);
    }
    *out = doc;
    return LETHE_OK;
}

bool lethe_xml_attribute(const xmlNode *element, const char *name, char out[128]) {
    xmlChar *value = xmlGetNoNsProp((xmlNode *)(uintptr_t)element, (const xmlChar *)name);
    bool fits = value && strlen((const char *)value) < 128;
    if (fits) memcpy(out, value, strlen((const char *)value) + 1);
    xmlFree(value);
    return fits;
}

bool lethe_xml_integer(const xmlNode *element, const char *name, int64_t *value) {
    char text[128];
    return lethe_xml_attribute(element, name, text) && lethe_text_to_int64(text, value);
}

const xmlNode *lethe_xml_child(const xmlNode *element, const char *name) {
    for (const xmlNode *node = element ? element->children : NULL; node; node = node->next)
        if (node->type == XML_ELEMENT_NODE && strcmp((const char *)node->name, name) == 0) return node;
    return NULL;
}

/* --- what goes is remembered --- */

static lethe_status remember_text(const lethe_xml_filter *filter, const char *text, lethe_error *error) {
    size_t length = strlen(text);
    if (!filter->job) return LETHE_OK;
    filter->job->result->keys_removed++;
    if (length <= 512) return lethe_job_removed(filter->job, text, length, error);
    /* Long texts are pictures in base64, as a rule: neither that text nor its bytes may come back. */
    lethe_buffer bytes;
    lethe_buffer_init(&bytes, LETHE_LIMIT_TEXT_FILE_BYTES);
    lethe_status status = lethe_job_removed_stream(filter->job, (const uint8_t *)text, length, error);
    if (status == LETHE_OK && lethe_unbase64(text, length, &bytes, NULL) == LETHE_OK)
        status = lethe_job_removed_stream(filter->job, bytes.bytes, bytes.size, error);
    lethe_buffer_release(&bytes);
    return status;
}

static const lethe_typed_rule *find_rule(const lethe_xml_filter *filter, const char *element, const char *attribute);

/* A number or word that would be allowed elsewhere tells nothing about a person, and may well stand there. */
static bool is_structural(const lethe_xml_filter *filter, const xmlNode *element, const char *attribute, const char *text) {
    const lethe_typed_rule *rule = find_rule(filter, (const char *)element->name, attribute);
    return rule && lethe_typed_fits(rule->kind, rule->words, text, strlen(text));
}

static lethe_status remember_attributes(const lethe_xml_filter *filter, const xmlNode *element, lethe_error *error) {
    lethe_status status = LETHE_OK;
    for (const xmlAttr *a = element->properties; status == LETHE_OK && a; a = a->next) {
        xmlChar *value = xmlNodeListGetString(element->doc, a->children, 1);
        if (value && !is_structural(filter, element, (const char *)a->name, (const char *)value))
            status = remember_text(filter, (const char *)value, error);
        xmlFree(value);
    }
    return status;
}

/* A whole subtree. Depth is bounded by lethe_xml_parse. */
static lethe_status remember_node(const lethe_xml_filter *filter, const xmlNode *node, lethe_error *error) {
    if (node->type == XML_TEXT_NODE || node->type == XML_CDATA_SECTION_NODE || node->type == XML_COMMENT_NODE || node->type == XML_PI_NODE)
        return node->content ? remember_text(filter, (const char *)node->content, error) : LETHE_OK;
    if (node->type != XML_ELEMENT_NODE) return LETHE_OK;
    lethe_status status = remember_attributes(filter, node, error);
    for (const xmlNode *child = node->children; status == LETHE_OK && child; child = child->next) status = remember_node(filter, child, error);
    return status;
}

/* --- what stays is written anew --- */

/* The element's name for the rules: trailing digits become '#' when no rule knows the name itself. */
static void rule_name(const char *name, bool digits, char out[MAX_KEY / 2]) {
    size_t length = strnlen(name, MAX_KEY / 2 - 2);
    memcpy(out, name, length);
    out[length] = '\0';
    if (!digits) return;
    while (length && out[length - 1] >= '0' && out[length - 1] <= '9') length--;
    out[length] = '#';
    out[length + 1] = '\0';
}

static const lethe_typed_rule *find_rule(const lethe_xml_filter *filter, const char *element, const char *attribute) {
    char name[MAX_KEY / 2], key[MAX_KEY];
    for (unsigned digits = 0; digits < 2; digits++) {
        rule_name(element, digits, name);
        int length = attribute ? snprintf(key, sizeof key, "%s@%.70s", name, attribute) : snprintf(key, sizeof key, "%s", name);
        if (length < 0 || (size_t)length >= sizeof key) return NULL;
        for (const lethe_typed_rule *rule = filter->rules; rule->key; rule++)
            if (strcmp(rule->key, key) == 0) return rule;
    }
    return NULL;
}

static lethe_status put_escaped(const char *text, lethe_buffer *out, lethe_error *error) { return lethe_html_escape(text, out, error); }

/* Take, refuse or rewrite one value; appends `before`, the value, `after` when it stays. */
static lethe_status put_value(const lethe_xml_filter *filter, const xmlNode *element, const char *attribute, const char *text, const char *before,
                              const char *after, lethe_buffer *out, bool *kept, lethe_error *error) {
    char own[128] = "";
    *kept = false;
    lethe_xml_verdict verdict = filter->value ? filter->value(filter->context, element, attribute, text, own) : LETHE_XML_BY_RULES;
    if (verdict == LETHE_XML_BY_RULES) {
        const lethe_typed_rule *rule = find_rule(filter, (const char *)element->name, attribute);
        bool fits = rule && rule->kind != LETHE_TYPED_EMPTY && lethe_typed_fits(rule->kind, rule->words, text, strlen(text));
        verdict = fits ? LETHE_XML_KEEP : LETHE_XML_DROP;
    } else if (verdict == LETHE_XML_KEEP) text = own;
    if (verdict == LETHE_XML_DROP) return remember_text(filter, text, error);
    if (filter->job) filter->job->result->keys_kept++;
    *kept = true;
    lethe_status status = lethe_buffer_append_text(out, before, error);
    if (status == LETHE_OK) status = put_escaped(text, out, error);
    return status == LETHE_OK ? lethe_buffer_append_text(out, after, error) : status;
}

static lethe_status put_attributes(const lethe_xml_filter *filter, const xmlNode *element, lethe_buffer *out, lethe_error *error) {
    lethe_status status = LETHE_OK;
    for (const xmlAttr *a = element->properties; status == LETHE_OK && a; a = a->next) {
        xmlChar *value = xmlNodeListGetString(element->doc, a->children, 1);
        char before[160];
        bool kept;
        (void)snprintf(before, sizeof before, " %.120s=\"", (const char *)a->name);
        if (a->ns) status = value ? remember_text(filter, (const char *)value, error) : LETHE_OK; /* xsi: and the like */
        else status = put_value(filter, element, (const char *)a->name, value ? (const char *)value : "", before, "\"", out, &kept, error);
        xmlFree(value);
    }
    return status;
}

static bool is_blank(const char *text) { return text[strspn(text, " \t\r\n")] == '\0'; }

static lethe_status put_element(const lethe_xml_filter *filter, const xmlNode *element, bool root, lethe_buffer *out, lethe_error *error);

static lethe_status put_children(const lethe_xml_filter *filter, const xmlNode *element, lethe_buffer *out, lethe_error *error) {
    lethe_status status = LETHE_OK;
    for (const xmlNode *node = element->children; status == LETHE_OK && node; node = node->next) {
        bool kept;
        if (node->type == XML_ELEMENT_NODE) status = put_element(filter, node, false, out, error);
        else if (node->type == XML_TEXT_NODE && node->content && !is_blank((const char *)node->content))
            status = put_value(filter, element, NULL, (const char *)node->content, "", "", out, &kept, error);
        else if (node->type != XML_TEXT_NODE) status = remember_node(filter, node, error);
    }
    return status;
}

/* Depth is bounded by lethe_xml_parse. */
static lethe_status put_element(const lethe_xml_filter *filter, const xmlNode *element, bool root, lethe_buffer *out, lethe_error *error) {
    const char *name = (const char *)element->name;
    lethe_xml_verdict verdict = filter->decide ? filter->decide(filter->context, element) : LETHE_XML_BY_RULES;
    if (verdict == LETHE_XML_BY_RULES) verdict = find_rule(filter, name, NULL) ? LETHE_XML_KEEP : LETHE_XML_DROP;
    if (verdict == LETHE_XML_DROP) return remember_node(filter, element, error);
    const char *ns = root ? known_namespace(element->ns) : NULL;
    lethe_status status = lethe_buffer_printf(out, error, "<%s", name);
    if (status == LETHE_OK && ns) status = lethe_buffer_printf(out, error, " xmlns=\"%s\"", ns);
    if (status == LETHE_OK) status = put_attributes(filter, element, out, error);
    if (status == LETHE_OK) status = lethe_buffer_append_text(out, ">", error);
    size_t empty = out->size;
    if (status == LETHE_OK) status = put_children(filter, element, out, error);
    if (status == LETHE_OK && out->size == empty) {
        out->size--; /* the ">" */
        return lethe_buffer_append_text(out, "/>", error);
    }
    return status == LETHE_OK ? lethe_buffer_printf(out, error, "</%s>", name) : status;
}

lethe_status lethe_xml_filter_run(const lethe_xml_filter *filter, const xmlDoc *doc, lethe_buffer *out, lethe_error *error) {
    const xmlNode *root = xmlDocGetRootElement((xmlDoc *)(uintptr_t)doc);
    lethe_status status = lethe_buffer_append_text(out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>", error);
    size_t before = out->size;
    for (const xmlNode *node = doc->children; status == LETHE_OK && node; node = node->next)
        if (node != root) status = remember_node(filter, node, error); /* comments around the root */
    if (status == LETHE_OK) status = put_element(filter, root, true, out, error);
    if (status == LETHE_OK && out->size == before) status = lethe_fail(error, LETHE_UNSAFE, "XML of an unknown kind");
    return status;
}

lethe_status lethe_xml_filter_text(const lethe_xml_filter *filter, const char *text, size_t size, lethe_buffer *out, lethe_error *error) {
    xmlDoc *doc = NULL;
    lethe_status status = lethe_xml_parse(text, size, &doc, error);
    if (status == LETHE_OK) status = lethe_xml_filter_run(filter, doc, out, error);
    xmlFreeDoc(doc);
    return status;
}
