/* A list of patients who object, as a hospital hands it over: one Patient ID a line, in UTF-8. Who is on it and is not understood would go on being
 * released, so that whatever does not look like such a list is refused. */
#include "core/file.h"
#include "core/limits.h"
#include "core/memory.h"
#include "core/text.h"
#include "deid/objections.h"

#include <string.h>

enum { LONGEST_LINE = 256 };

static lethe_status refuse(lethe_error *error, size_t line, const char *what) {
    return lethe_fail(error, LETHE_CONFIG, "the list of patients: line %zu %s; one patient ID a line is wanted", line, what);
}

/* `patient`: the line without the spaces around it, which Patient IDs do not have either (PS3.5 6.2). */
static lethe_status take_line(const char *at, const char *end, size_t line, char patient[LONGEST_LINE + 1], lethe_error *error) {
    if (end - at > LONGEST_LINE) return refuse(error, line, "has more than 256 bytes");
    while (at < end && (*at == ' ' || *at == '\t')) at++;
    while (end > at && (end[-1] == ' ' || end[-1] == '\t')) end--;
    for (const char *c = at; c < end; c++)
        if ((unsigned char)*c < 0x20 || *c == 0x7F || *c == '\\') return refuse(error, line, "has a character that no patient ID has (a table?)");
    memcpy(patient, at, (size_t)(end - at));
    patient[end - at] = '\0';
    return LETHE_OK;
}

static lethe_status visit_lines(const char *at, const char *end, lethe_patient_fn visit, void *context, size_t *count, lethe_error *error) {
    char patient[LONGEST_LINE + 1];
    lethe_status status = LETHE_OK;
    for (size_t line = 1; at < end && status == LETHE_OK; line++) {
        const char *stop = at;
        while (stop < end && *stop != '\n' && *stop != '\r') stop++;
        status = take_line(at, stop, line, patient, error);
        if (status == LETHE_OK && patient[0] != '\0') {
            ++*count;
            if (visit != NULL) status = visit(context, patient, error);
        }
        at = stop + (end - stop > 1 && stop[0] == '\r' && stop[1] == '\n' ? 2 : 1);
    }
    lethe_wipe(patient, sizeof patient);
    return status;
}

lethe_status lethe_objections_read_list(const char *path, lethe_patient_fn visit, void *context, lethe_error *error) {
    lethe_buffer text;
    lethe_buffer_init(&text, LETHE_LIMIT_TEXT_FILE_BYTES);
    lethe_error why = {0};
    size_t count = 0;
    lethe_status status = lethe_file_read(path, &text, &why);
    const char *at = lethe_buffer_text(&text), *end = at + text.size;
    if (status != LETHE_OK) status = lethe_fail(error, status, "cannot read the list of patients: %s", why.message);
    else if (memchr(at, '\0', text.size) != NULL || !lethe_utf8_is_valid(at, text.size))
        status = lethe_fail(error, LETHE_CONFIG, "the list of patients is no text in UTF-8 (UTF-16? Latin-1?)");
    if (status == LETHE_OK && lethe_text_starts(at, "\xEF\xBB\xBF")) at += 3;
    /* The whole list is looked at before anybody of it is put on the list. */
    if (status == LETHE_OK) status = visit_lines(at, end, NULL, NULL, &count, error);
    if (status == LETHE_OK && count == 0) status = lethe_fail(error, LETHE_CONFIG, "the list of patients is empty");
    if (status == LETHE_OK) status = visit_lines(at, end, visit, context, &count, error);
    if (text.bytes != NULL) lethe_wipe(text.bytes, text.size);
    lethe_buffer_release(&text);
    return status;
}
