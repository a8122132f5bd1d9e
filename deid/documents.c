#include "deid/documents.h"

#include "core/text.h"
#include "deid/documents_text.h"
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

bool lethe_documents_is_directory(const lethe_dicom_dataset *dataset) {
    char sop_class[65] = "";
    if (lethe_dicom_find(dataset->root, LETHE_TAG(0x7FE0, 0x0010)) != NULL) return false; /* a picture is never let go as an index */
    if (lethe_dicom_find(dataset->root, LETHE_TAG(0x0004, 0x1220)) != NULL) return true;
    (void)lethe_dicom_text(dataset->root, LETHE_TAG(0x0008, 0x0016), 0, sop_class, sizeof sop_class);
    if (sop_class[0] == '\0' && dataset->meta != NULL)
        (void)lethe_dicom_text(dataset->meta, LETHE_TAG(0x0002, 0x0002), 0, sop_class, sizeof sop_class);
    return strcmp(sop_class, "1.2.840.10008.1.3.10") == 0;
}

lethe_status lethe_documents_check(const lethe_dicom_dataset *dataset, const lethe_profile *profile, struct instance *in, lethe_error *error) {
    const char *sop_class = in->result->sop_class;
    if (lethe_documents_is_directory(dataset)) return drop(in, error, "DICOMDIR: an index of other files; it is made again over what is released");
    if (sop_class[0] == '\0') return lethe_fail(error, LETHE_MALFORMED, "(0008,0016) SOP Class UID is missing");
    if (strcmp(sop_class, "1.2.840.10008.1.3.10") == 0 || lethe_dicom_find(dataset->root, LETHE_TAG(0x0004, 0x1220)) != NULL)
        return lethe_fail(error, LETHE_UNSAFE, "(0004,1220) Directory Record Sequence: an index that is also a picture can be released as neither");
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

static int hex_digit(uint8_t c) {
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* Strings of a PDF (ISO 32000-1, 7.3.4) as they read one after the other. */
typedef struct pdf_text {
    const uint8_t *at, *end;
    lethe_buffer *out;
    unsigned letters, few; /* of the line at hand; lines of one or two letters in a row */
    bool scattered;        /* text that is placed letter by letter: nobody can tell its words */
} pdf_text;

static lethe_status put_letter(pdf_text *t, uint8_t letter, lethe_error *error) {
    t->letters++;
    return lethe_buffer_append(t->out, &letter, 1, error);
}

/* Behind a backslash: one to three octal digits, a letter that stands for a control character, an end of line that counts for nothing. */
static lethe_status escaped(pdf_text *t, lethe_error *error) {
    if (t->at == t->end) return LETHE_OK;
    uint8_t c = *t->at;
    if (c >= '0' && c <= '7') {
        unsigned value = 0;
        for (unsigned i = 0; i < 3 && t->at < t->end && *t->at >= '0' && *t->at <= '7'; i++) value = value * 8 + (unsigned)(*t->at++ - '0');
        return put_letter(t, (uint8_t)value, error);
    }
    t->at++;
    if (c == '\r' || c == '\n') return LETHE_OK;
    return put_letter(t, strchr("nrtbf", c) != NULL && c != 0 ? ' ' : c, error);
}

static lethe_status literal(pdf_text *t, lethe_error *error) {
    lethe_status status = LETHE_OK;
    for (unsigned depth = 1; t->at < t->end && status == LETHE_OK;) {
        uint8_t c = *t->at++;
        if (c == ')' && --depth == 0) break;
        depth += c == '(';
        status = c == '\\' ? escaped(t, error) : put_letter(t, c, error);
    }
    return status;
}

static lethe_status hexadecimal(pdf_text *t, lethe_error *error) {
    lethe_status status = LETHE_OK;
    int high = -1;
    while (t->at < t->end && *t->at != '>' && status == LETHE_OK) {
        int digit = hex_digit(*t->at++);
        if (digit < 0) continue;
        if (high < 0) {
            high = digit;
            continue;
        }
        status = put_letter(t, (uint8_t)(high << 4 | digit), error);
        high = -1;
    }
    return status == LETHE_OK && high >= 0 ? put_letter(t, (uint8_t)(high << 4), error) : status;
}

/* Text of PDF strings run together: "[(DU)-20(PONT)] TJ" reads "DUPONT". */
static lethe_status join_strings(const uint8_t *bytes, size_t size, lethe_buffer *out, bool *scattered, lethe_error *error) {
    pdf_text t = {.at = bytes, .end = bytes + size, .out = out};
    lethe_status status = LETHE_OK;
    while (t.at < t.end && status == LETHE_OK) {
        uint8_t c = *t.at++;
        if (c == '(') status = literal(&t, error);
        else if (c == '<' && t.at < t.end && *t.at == '<') t.at++;
        else if (c == '<') status = hexadecimal(&t, error);
        else if ((c == 'j' || c == 'J' || c == '\'' || c == '"') && t.letters != 0) { /* end of a shown line */
            t.few = t.letters <= 2 ? t.few + 1 : 0;
            t.scattered = t.scattered || t.few >= 4;
            t.letters = 0;
            status = lethe_buffer_append(out, " ", 1, error);
        }
    }
    *scattered = t.scattered;
    return status;
}

static bool is_delimiter(uint8_t c) { return c <= 0x20 || (c < 0x7F && strchr("()<>[]{}/%", c) != NULL); }

/* The word stands by itself (ISO 32000-1, 7.2.2). */
static bool has_token(const uint8_t *bytes, size_t size, const char *word) {
    size_t length = strlen(word);
    for (const uint8_t *at = bytes, *end = bytes + size; (at = memmem(at, (size_t)(end - at), word, length)) != NULL; at++) {
        bool starts = word[0] == '/' || at == bytes || is_delimiter(at[-1]);
        if (starts && ((size_t)(end - at) == length || is_delimiter(at[length]))) return true;
    }
    return false;
}

/* What keeps text from being read here: fonts whose codes are no letters, filters that are not undone, files within, scripts, pictures. */
static lethe_status search_structure(const uint8_t *bytes, size_t size, lethe_error *error) {
    static const struct {
        const char *word, *why;
    } words[] = {
        {"/Encrypt", "it is encrypted"},
        {"/DCTDecode", "it holds pictures that a person has to look at"},
        {"/JPXDecode", "it holds pictures that a person has to look at"},
        {"/CCITTFaxDecode", "it holds pictures that a person has to look at"},
        {"/JBIG2Decode", "it holds pictures that a person has to look at"},
        {"/LZWDecode", "a stream cannot be read"},
        {"/ASCII85Decode", "a stream cannot be read"},
        {"/ASCIIHexDecode", "a stream cannot be read"},
        {"/RunLengthDecode", "a stream cannot be read"},
        {"/Identity-", "its text has codes that are no letters"},
        {"/Type0", "its text has codes that are no letters"},
        {"/Type3", "its text has codes that are no letters"},
        {"/Differences", "its text has codes that are no letters"},
        {"/FontFile", "its text has codes that are no letters"},
        {"/ToUnicode", "its text has codes that are no letters"},
        {"/EmbeddedFile", "it holds files or forms that cannot be searched"},
        {"/JavaScript", "it holds files or forms that cannot be searched"},
        {"/XFA", "it holds files or forms that cannot be searched"},
    };
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (memmem(bytes, size, words[i].word, strlen(words[i].word)) != NULL)
            return lethe_fail(error, LETHE_REVIEW, "encapsulated document: %s", words[i].why);
    /* Every office program names the procedure sets ImageB, ImageC and ImageI; an image is called Image, and nothing but. */
    if (has_token(bytes, size, "/Image"))
        return lethe_fail(error, LETHE_REVIEW, "encapsulated document: it holds pictures that a person has to look at");
    return LETHE_OK;
}

/* "/Ty#70e0" is another way to write "/Type0" (ISO 32000-1, 7.3.5). */
static bool has_escaped_name(const uint8_t *bytes, size_t size) {
    bool name = false;
    for (size_t i = 0; i + 2 < size; i++) {
        uint8_t c = bytes[i];
        if (name && c == '#' && hex_digit(bytes[i + 1]) >= 0 && hex_digit(bytes[i + 2]) >= 0) return true;
        name = c == '/' || (name && c > ' ' && c < 0x7F && strchr("()<>[]{}%", c) == NULL);
    }
    return false;
}

static lethe_status search_text(const uint8_t *bytes, size_t size, bool content, struct lethe_audit *audit, lethe_error *error) {
    lethe_buffer text;
    lethe_buffer_init(&text, STREAM_CAP);
    bool scattered = false;
    lethe_status status = join_strings(bytes, size, &text, &scattered, error);
    if (status == LETHE_OK) status = lethe_audit_bytes(audit, text.bytes, text.size, error);
    if (status == LETHE_OK && content && scattered)
        status = lethe_fail(error, LETHE_REVIEW, "encapsulated document: its text is placed letter by letter");
    if (status == LETHE_OK && content && has_token(bytes, size, "BI"))
        status = lethe_fail(error, LETHE_REVIEW, "encapsulated document: it holds pictures that a person has to look at");
    if (status == LETHE_OK && content && has_escaped_name(bytes, size))
        status = lethe_fail(error, LETHE_REVIEW, "encapsulated document: it holds names that are written as numbers");
    lethe_buffer_release(&text);
    return status;
}

static lethe_status search_stream(const uint8_t *bytes, size_t size, struct lethe_audit *audit, lethe_error *error) {
    lethe_buffer content;
    lethe_buffer_init(&content, STREAM_CAP);
    lethe_status status = inflate_stream(bytes, size, &content, error);
    if (status == LETHE_OK) status = search_structure(content.bytes, content.size, error);
    if (status == LETHE_OK) status = lethe_audit_bytes(audit, content.bytes, content.size, error);
    if (status == LETHE_OK) status = search_text(content.bytes, content.size, true, audit, error);
    lethe_buffer_release(&content);
    return status;
}

lethe_status lethe_documents_search(const lethe_dicom_dataset *dataset, struct lethe_audit *audit, lethe_error *error) {
    const lethe_dicom_element *element = lethe_dicom_find(dataset->root, LETHE_TAG(0x0042, 0x0011));
    if (element == NULL || element->form != LETHE_DICOM_LEAF) return LETHE_OK;
    const uint8_t *at = element->value, *end = at + element->value_bytes;
    bool pdf = element->value_bytes > 5 && memcmp(at, "%PDF-", 5) == 0;
    if (!pdf) return lethe_documents_search_text(at, (size_t)(end - at), audit, error);
    lethe_status status = search_structure(at, (size_t)(end - at), error);
    if (status == LETHE_OK) status = search_text(at, (size_t)(end - at), false, audit, error);
    const uint8_t *between = at; /* what stands outside of streams */
    while (status == LETHE_OK) {
        const uint8_t *stream = memmem(at, (size_t)(end - at), "stream", 6);
        if (stream == NULL) break;
        at = stream + 6;
        if (stream - element->value >= 3 && memcmp(stream - 3, "end", 3) == 0) continue;
        bool filtered = memmem(between, (size_t)(stream - between), "/Filter", 7) != NULL;
        /* Differences between bytes instead of bytes; tables of cross-references are written so, and hold no text. */
        if (has_token(between, (size_t)(stream - between), "/Predictor") && !has_token(between, (size_t)(stream - between), "/XRef"))
            return lethe_fail(error, LETHE_REVIEW, "encapsulated document: a stream cannot be read");
        if (has_escaped_name(between, (size_t)(stream - between)))
            return lethe_fail(error, LETHE_REVIEW, "encapsulated document: it holds names that are written as numbers");
        while (at < end && (*at == '\r' || *at == '\n')) at++;
        const uint8_t *stop = memmem(at, (size_t)(end - at), "endstream", 9);
        if (stop == NULL) return lethe_fail(error, LETHE_REVIEW, "encapsulated document: a stream has no end");
        bool deflated = stop - at > 2 && (at[0] & 0x0F) == 8 && ((unsigned)at[0] << 8 | at[1]) % 31 == 0;
        if (deflated) status = search_stream(at, (size_t)(stop - at), audit, error);
        else if (filtered) return lethe_fail(error, LETHE_REVIEW, "encapsulated document: a stream cannot be read");
        else status = search_text(at, (size_t)(stop - at), true, audit, error);
        at = between = stop;
    }
    if (status == LETHE_OK && has_escaped_name(between, (size_t)(end - between)))
        return lethe_fail(error, LETHE_REVIEW, "encapsulated document: it holds names that are written as numbers");
    return status;
}
