#include "ingest/multipart.h"

#include "core/text.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

enum { PREAMBLE, AFTER_DELIMITER, HEADERS, BODY, EPILOGUE };
enum { PENDING_BYTES = 1 << 20 };

/* The value of a parameter of a header, unquoted; false when absent or too long. */
static bool parameter(const char *header, const char *name, char *out, size_t size) {
    size_t name_length = strlen(name), used = 0;
    for (const char *at = strchr(header, ';'); at != NULL; at = strchr(at, ';')) {
        at += 1 + strspn(at + 1, " \t");
        if (strncasecmp(at, name, name_length) != 0 || at[name_length] != '=') continue;
        at += name_length + 1;
        bool quoted = *at == '"';
        if (quoted) at++;
        while (*at != '\0' && (quoted ? *at != '"' : *at != ';' && *at != ' ')) {
            if (used + 1 == size) return false;
            out[used++] = *at++;
        }
        out[used] = '\0';
        return !quoted || *at == '"';
    }
    return false;
}

lethe_status lethe_multipart_init(lethe_multipart *multipart, const char *content_type, const lethe_multipart_handler *handler, lethe_error *error) {
    char boundary[LETHE_MULTIPART_BOUNDARY_BYTES + 1], type[64];
    memset(multipart, 0, sizeof *multipart);
    multipart->handler = *handler;
    lethe_buffer_init(&multipart->pending, PENDING_BYTES);
    if (content_type == NULL || strncasecmp(content_type, "multipart/related", 17) != 0)
        return lethe_fail(error, LETHE_UNSUPPORTED, "not multipart/related");
    if (parameter(content_type, "type", type, sizeof type) && !lethe_text_equal_fold(type, "application/dicom"))
        return lethe_fail(error, LETHE_UNSUPPORTED, "not of type application/dicom");
    if (!parameter(content_type, "boundary", boundary, sizeof boundary) || boundary[0] == '\0')
        return lethe_fail(error, LETHE_MALFORMED, "no usable boundary");
    multipart->delimiter_length = (size_t)snprintf(multipart->delimiter, sizeof multipart->delimiter, "\r\n--%s", boundary);
    /* The first delimiter may stand at the very start. */
    return lethe_buffer_append(&multipart->pending, "\r\n", 2, error);
}

static void consume(lethe_buffer *pending, size_t size) {
    memmove(pending->bytes, pending->bytes + size, pending->size - size);
    pending->size -= size;
    pending->bytes[pending->size] = '\0';
}

/* Content up to the next delimiter. *more tells whether another step may be possible. */
static lethe_status step_content(lethe_multipart *self, bool *more, lethe_error *error) {
    lethe_buffer *pending = &self->pending;
    const uint8_t *found = memmem(pending->bytes, pending->size, self->delimiter, self->delimiter_length);
    size_t keep = self->delimiter_length - 1;
    size_t content = found != NULL ? (size_t)(found - pending->bytes) : pending->size > keep ? pending->size - keep : 0;
    lethe_status status = LETHE_OK;
    if (self->state == BODY && content != 0) status = self->handler.data(self->handler.context, pending->bytes, content, error);
    *more = found != NULL;
    if (found != NULL) {
        if (status == LETHE_OK && self->state == BODY) status = self->handler.end(self->handler.context, error);
        self->state = AFTER_DELIMITER;
        content += self->delimiter_length;
    }
    consume(pending, content);
    return status;
}

static lethe_status step_after_delimiter(lethe_multipart *self, bool *more, lethe_error *error) {
    const uint8_t *bytes = self->pending.bytes;
    *more = self->pending.size >= 2;
    if (!*more) return LETHE_OK;
    if (bytes[0] == '-' && bytes[1] == '-') self->state = EPILOGUE;
    else if (bytes[0] == '\r' && bytes[1] == '\n') self->state = HEADERS;
    else return lethe_fail(error, LETHE_MALFORMED, "a multipart delimiter is damaged");
    /* CR LF stays: it may begin the empty line after no headers. */
    if (self->state == EPILOGUE) consume(&self->pending, 2);
    return LETHE_OK;
}

static lethe_status step_headers(lethe_multipart *self, bool *more, lethe_error *error) {
    lethe_buffer *pending = &self->pending;
    char type[256] = "";
    const char *text = (const char *)pending->bytes, *end = memmem(pending->bytes, pending->size, "\r\n\r\n", 4);
    *more = end != NULL;
    if (end == NULL)
        return pending->size > LETHE_MULTIPART_HEADER_BYTES ? lethe_fail(error, LETHE_MALFORMED, "a part's headers are too long") : LETHE_OK;
    for (const char *line = text; line != NULL && line < end; line = memmem(line, (size_t)(end - line), "\r\n", 2)) {
        line += 2;
        if (end > line && (size_t)(end - line) > 13 && strncasecmp(line, "Content-Type:", 13) == 0) {
            line += 13;
            while (line < end && (*line == ' ' || *line == '\t')) line++;
            size_t length = 0;
            while (line + length < end && line[length] != '\r' && length < sizeof type - 1) length++;
            memcpy(type, line, length);
            type[length] = '\0';
        }
    }
    consume(pending, (size_t)(end - text) + 4);
    self->state = BODY;
    /* An empty body's delimiter begins with the CR LF that has just been taken: no STOW-RS part is empty, so that is an error further on. */
    return self->handler.begin(self->handler.context, type, error);
}

lethe_status lethe_multipart_feed(lethe_multipart *multipart, const void *bytes, size_t size, lethe_error *error) {
    const uint8_t *at = bytes;
    while (size != 0) {
        size_t take = size < PENDING_BYTES / 2 ? size : PENDING_BYTES / 2;
        lethe_status status = lethe_buffer_append(&multipart->pending, at, take, error);
        for (bool more = true; status == LETHE_OK && more;) {
            if (multipart->state == EPILOGUE) {
                lethe_buffer_clear(&multipart->pending);
                more = false;
            } else if (multipart->state == AFTER_DELIMITER) {
                status = step_after_delimiter(multipart, &more, error);
            } else if (multipart->state == HEADERS) {
                status = step_headers(multipart, &more, error);
            } else {
                status = step_content(multipart, &more, error);
            }
        }
        if (status != LETHE_OK) return status;
        at += take;
        size -= take;
    }
    return LETHE_OK;
}

lethe_status lethe_multipart_finish(lethe_multipart *multipart, lethe_error *error) {
    return multipart->state == EPILOGUE ? LETHE_OK : lethe_fail(error, LETHE_MALFORMED, "the body ends before its closing delimiter");
}

void lethe_multipart_release(lethe_multipart *multipart) { lethe_buffer_release(&multipart->pending); }
