#include "deid/documents.h"

#include "core/text.h"
#include "deid/pipeline_steps.h"

#include <string.h>
#include <zlib.h>

static lethe_status drop(instance *in, lethe_error *error, const char *why) {
    in->dropped = true;
    return lethe_fail(error, LETHE_DENIED, "%s", why);
}

/* Encapsulated PDF, CDA, STL, OBJ, MTL (PS3.4 B.5: 1.2.840.10008.5.1.4.1.1.104.x). */
static lethe_status document(const lethe_profile *profile, instance *in, lethe_error *error) {
    switch (lethe_profile_documents(profile)) {
    case LETHE_DOCUMENT_DROP: return drop(in, error, "encapsulated document: the profile drops it");
    case LETHE_DOCUMENT_REVIEW: return lethe_fail(error, LETHE_REVIEW, "encapsulated document: a person has to look at it");
    case LETHE_DOCUMENT_KEEP: return LETHE_OK;
    default: return lethe_fail(error, LETHE_UNSAFE, "encapsulated document: its content cannot be shown to be clean");
    }
}

lethe_status lethe_documents_check(const lethe_dicom_dataset *dataset, const lethe_profile *profile, struct instance *in, lethe_error *error) {
    const char *sop_class = in->result->sop_class;
    if (strcmp(sop_class, "1.2.840.10008.1.3.10") == 0 || lethe_dicom_find(dataset->root, LETHE_TAG(0x0004, 0x1220)) != NULL)
        return drop(in, error, "DICOMDIR: an index of other files; it is made again over what is released");
    if (sop_class[0] == '\0') return lethe_fail(error, LETHE_MALFORMED, "(0008,0016) SOP Class UID is missing");
    if (lethe_text_starts(sop_class, "1.2.840.10008.5.1.4.1.1.104.") || lethe_dicom_find(dataset->root, LETHE_TAG(0x0042, 0x0011)) != NULL)
        return document(profile, in, error);
    if (strcmp(sop_class, "1.2.840.10008.5.1.4.1.1.66") == 0)
        return lethe_fail(error, LETHE_UNSAFE, "raw data: its content cannot be shown to be clean");
    if (strcmp(sop_class, "1.2.840.10008.5.1.4.1.1.77.1.6") == 0) {
        char flavour[33] = "";
        if (lethe_dicom_text(dataset->root, LETHE_TAG(0x0008, 0x0008), 2, flavour, sizeof flavour) &&
            (strcmp(flavour, "LABEL") == 0 || strcmp(flavour, "OVERVIEW") == 0))
            return drop(in, error, "label or overview of a slide: it shows the slide's label");
    }
    return LETHE_OK;
}

/* --- documents that are kept --- */

enum { STREAM_CAP = 64 << 20 };

static lethe_status inflate_stream(const uint8_t *bytes, size_t size, lethe_buffer *out, lethe_error *error) {
    z_stream stream = {.next_in = (Bytef *)(uintptr_t)bytes, .avail_in = size > UINT32_MAX ? UINT32_MAX : (uInt)size};
    if (inflateInit(&stream) != Z_OK) return lethe_fail(error, LETHE_NO_MEMORY, "no memory to inflate a document");
    int result = Z_OK;
    lethe_status status = LETHE_OK;
    while (result == Z_OK && status == LETHE_OK) {
        uint8_t chunk[16384];
        stream.next_out = chunk;
        stream.avail_out = sizeof chunk;
        result = inflate(&stream, Z_NO_FLUSH);
        status = lethe_buffer_append(out, chunk, sizeof chunk - stream.avail_out, error);
    }
    (void)inflateEnd(&stream);
    return status != LETHE_OK       ? status
           : result == Z_STREAM_END ? LETHE_OK
                                    : lethe_fail(error, LETHE_REVIEW, "encapsulated document: a stream cannot be read");
}

/* Text of PDF strings run together: "[(DU)-20(PONT)] TJ" reads "DUPONT". */
static lethe_status join_strings(const lethe_buffer *content, lethe_buffer *out, lethe_error *error) {
    lethe_status status = LETHE_OK;
    bool inside = false;
    for (size_t i = 0; i < content->size && status == LETHE_OK; i++) {
        uint8_t c = content->bytes[i];
        if (!inside && c == '(') inside = true;
        else if (inside && c == '\\' && i + 1 < content->size) status = lethe_buffer_append(out, &content->bytes[++i], 1, error);
        else if (inside && c == ')') inside = false;
        else if (inside) status = lethe_buffer_append(out, &c, 1, error);
        else if (c == ']' || c == 'j' || c == 'J') status = lethe_buffer_append(out, " ", 1, error); /* end of a shown line */
    }
    return status;
}

static lethe_status search_stream(const uint8_t *bytes, size_t size, struct lethe_audit *audit, lethe_error *error) {
    lethe_buffer content, text;
    lethe_buffer_init(&content, STREAM_CAP);
    lethe_buffer_init(&text, STREAM_CAP);
    lethe_status status = inflate_stream(bytes, size, &content, error);
    if (status == LETHE_OK) status = lethe_audit_bytes(audit, content.bytes, content.size, error);
    if (status == LETHE_OK) status = join_strings(&content, &text, error);
    if (status == LETHE_OK) status = lethe_audit_bytes(audit, text.bytes, text.size, error);
    lethe_buffer_release(&text);
    lethe_buffer_release(&content);
    return status;
}

lethe_status lethe_documents_search(const lethe_dicom_dataset *dataset, struct lethe_audit *audit, lethe_error *error) {
    const lethe_dicom_element *element = lethe_dicom_find(dataset->root, LETHE_TAG(0x0042, 0x0011));
    if (element == NULL || element->form != LETHE_DICOM_LEAF) return LETHE_OK;
    const uint8_t *at = element->value, *end = at + element->value_bytes;
    bool pdf = element->value_bytes > 5 && memcmp(at, "%PDF-", 5) == 0;
    if (!pdf) return LETHE_OK; /* its bytes are searched with the rest of the output */
    if (memmem(at, (size_t)(end - at), "/Encrypt", 8) != NULL) return lethe_fail(error, LETHE_REVIEW, "encapsulated document: it is encrypted");
    static const char *const pictures[] = {"/DCTDecode", "/JPXDecode", "/CCITTFaxDecode", "/JBIG2Decode"};
    for (size_t i = 0; i < sizeof pictures / sizeof *pictures; i++)
        if (memmem(at, (size_t)(end - at), pictures[i], strlen(pictures[i])) != NULL)
            return lethe_fail(error, LETHE_REVIEW, "encapsulated document: it holds pictures that a person has to look at");
    lethe_status status = LETHE_OK;
    while (status == LETHE_OK) {
        const uint8_t *stream = memmem(at, (size_t)(end - at), "stream", 6);
        if (stream == NULL) break;
        at = stream + 6;
        if (stream - element->value >= 3 && memcmp(stream - 3, "end", 3) == 0) continue;
        while (at < end && (*at == '\r' || *at == '\n')) at++;
        const uint8_t *stop = memmem(at, (size_t)(end - at), "endstream", 9);
        if (stop == NULL) return lethe_fail(error, LETHE_REVIEW, "encapsulated document: a stream has no end");
        bool deflated = stop - at > 2 && (at[0] & 0x0F) == 8 && ((unsigned)at[0] << 8 | at[1]) % 31 == 0;
        if (deflated) status = search_stream(at, (size_t)(stop - at), audit, error);
        at = stop;
    }
    return status;
}
