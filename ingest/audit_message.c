#include "ingest/audit_message.h"

#include "core/text.h"

#include <ctype.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

enum { MESSAGE_BYTES = 64 << 10, PRIORITY = 10 * 8 + 5 /* security and authorization, notice: PS3.15 A.6 */ };

/* Event IDs of PS3.16 CID 400. What the trail knows beyond them is Application Activity, typed by its own word. */
typedef struct event_kind {
    const char *event, *code, *name, *action, *type_code, *type_name; /* type NULL = the event's own word */
} event_kind;

static const event_kind kinds[] = {
    {"serve_start", "110100", "Application Activity", "E", "110120", "Application Start"},
    {"serve_stop", "110100", "Application Activity", "E", "110121", "Application Stop"},
    {"association", "110104", "DICOM Instances Transferred", "C", NULL, NULL},
    {"rejected", "110113", "Security Alert", "E", "110126", "Node Authentication"},
    {"pull", "110104", "DICOM Instances Transferred", "C", NULL, NULL},
    {"send", "110104", "DICOM Instances Transferred", "R", NULL, NULL},
};
static const event_kind other = {"", "110100", "Application Activity", "E", NULL, NULL};

static const event_kind *kind_of(const char *event, const char *end) {
    if (strcmp(event, "association") == 0 && strcmp(end, "rejected") == 0) event = "rejected";
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (strcmp(kinds[i].event, event) == 0) return &kinds[i];
    return &other;
}

/* Attribute values: an XML escape is an HTML escape here; control characters cannot stand in a line of JSON that we wrote. */
static lethe_status put_attribute(lethe_buffer *out, const char *name, const char *value, lethe_error *error) {
    lethe_status status = lethe_buffer_printf(out, error, " %s=\"", name);
    if (status == LETHE_OK) status = lethe_html_escape(value, out, error);
    return status == LETHE_OK ? lethe_buffer_append(out, "\"", 1, error) : status;
}

static lethe_status put_code(lethe_buffer *out, const char *element, const char *code, const char *system, const char *text, lethe_error *error) {
    lethe_status status = lethe_buffer_printf(out, error, "<%s", element);
    if (status == LETHE_OK) status = put_attribute(out, "csd-code", code, error);
    if (status == LETHE_OK) status = put_attribute(out, "codeSystemName", system, error);
    if (status == LETHE_OK) status = put_attribute(out, "originalText", text, error);
    return status == LETHE_OK ? lethe_buffer_append_text(out, "/>", error) : status;
}

static lethe_status put_participant(lethe_buffer *out, const char *user, bool requestor, const char *host, const char *role, const char *role_name,
                                    lethe_error *error) {
    lethe_status status = lethe_buffer_append_text(out, "<ActiveParticipant", error);
    if (status == LETHE_OK) status = put_attribute(out, "UserID", user, error);
    if (status == LETHE_OK) status = put_attribute(out, "UserIsRequestor", requestor ? "true" : "false", error);
    if (status == LETHE_OK && host[0] != '\0') status = put_attribute(out, "NetworkAccessPointID", host, error);
    /* 1: machine name, 2: address */
    if (status == LETHE_OK && host[0] != '\0')
        status = put_attribute(out, "NetworkAccessPointTypeCode", isdigit((unsigned char)host[0]) || strchr(host, ':') != NULL ? "2" : "1", error);
    if (status == LETHE_OK) status = lethe_buffer_append_text(out, ">", error);
    if (status == LETHE_OK) status = put_code(out, "RoleIDCode", role, "DCM", role_name, error);
    return status == LETHE_OK ? lethe_buffer_append_text(out, "</ActiveParticipant>", error) : status;
}

static lethe_status put_participants(lethe_buffer *out, const lethe_audit_source *source, const event_kind *kind, const char *peer,
                                     lethe_error *error) {
    bool transfer = strcmp(kind->code, "110104") == 0, sends = strcmp(kind->event, "send") == 0;
    if (!transfer && peer[0] == '\0') return put_participant(out, source->aet, false, source->hostname, "110150", "Application", error);
    lethe_status status = put_participant(out, peer[0] != '\0' ? peer : "peer", !sends && strcmp(kind->event, "pull") != 0, peer,
                                          sends ? "110152" : "110153", sends ? "Destination Role ID" : "Source Role ID", error);
    if (status == LETHE_OK)
        status = put_participant(out, source->aet, sends || strcmp(kind->event, "pull") == 0, source->hostname, sends ? "110153" : "110152",
                                 sends ? "Source Role ID" : "Destination Role ID", error);
    return status;
}

/* Whole numbers of the line, as details of the project, which is the one object that is named. Values are base64 (A.5.2.3). */
static lethe_status put_object(lethe_buffer *out, json_t *line, lethe_error *error) {
    lethe_status status = lethe_buffer_append_text(
        out,
        "<ParticipantObjectIdentification ParticipantObjectID=\"project\" ParticipantObjectTypeCode=\"2\" ParticipantObjectTypeCodeRole=\"3\">"
        "<ParticipantObjectIDTypeCode csd-code=\"project\" codeSystemName=\"99LETHE\" originalText=\"project\"/>",
        error);
    const char *name;
    json_t *value;
    json_object_foreach(line, name, value) {
        char text[32];
        if (status != LETHE_OK) break;
        if (!json_is_integer(value) || strcmp(name, "user") == 0) continue;
        (void)snprintf(text, sizeof text, "%lld", (long long)json_integer_value(value));
        status = lethe_buffer_append_text(out, "<ParticipantObjectDetail", error);
        if (status == LETHE_OK) status = put_attribute(out, "type", name, error);
        if (status == LETHE_OK) status = lethe_buffer_append_text(out, " value=\"", error);
        if (status == LETHE_OK) status = lethe_base64((const uint8_t *)text, strlen(text), out, error);
        if (status == LETHE_OK) status = lethe_buffer_append_text(out, "\"/>", error);
    }
    return status == LETHE_OK ? lethe_buffer_append_text(out, "</ParticipantObjectIdentification>", error) : status;
}

static const char *text_of(const json_t *line, const char *name) {
    const char *text = json_string_value(json_object_get(line, name));
    return text == NULL ? "" : text;
}

static lethe_status put_message(lethe_buffer *out, const lethe_audit_source *source, json_t *line, lethe_error *error) {
    const char *event = text_of(line, "event"), *end = text_of(line, "end");
    const event_kind *kind = kind_of(event, end);
    /* 4: a minor failure, an action that may be tried again. */
    bool failed = strcmp(end, "broken") == 0 || strcmp(end, "rejected") == 0 || json_integer_value(json_object_get(line, "failed")) != 0 ||
                  json_integer_value(json_object_get(line, "missing")) != 0;
    lethe_status status = lethe_buffer_append_text(out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?><AuditMessage><EventIdentification", error);
    if (status == LETHE_OK) status = put_attribute(out, "EventActionCode", kind->action, error);
    if (status == LETHE_OK) status = put_attribute(out, "EventDateTime", text_of(line, "time"), error);
    if (status == LETHE_OK) status = put_attribute(out, "EventOutcomeIndicator", failed ? "4" : "0", error);
    if (status == LETHE_OK) status = lethe_buffer_append_text(out, ">", error);
    if (status == LETHE_OK) status = put_code(out, "EventID", kind->code, "DCM", kind->name, error);
    if (status == LETHE_OK)
        status = kind->type_code != NULL ? put_code(out, "EventTypeCode", kind->type_code, "DCM", kind->type_name, error)
                                         : put_code(out, "EventTypeCode", event, "99LETHE", event, error);
    if (status == LETHE_OK) status = lethe_buffer_append_text(out, "</EventIdentification>", error);
    if (status == LETHE_OK) status = put_participants(out, source, kind, text_of(line, "peer"), error);
    if (status == LETHE_OK) status = lethe_buffer_append_text(out, "<AuditSourceIdentification", error);
    if (status == LETHE_OK) status = put_attribute(out, "AuditSourceID", source->aet, error);
    /* 4: application server process */
    if (status == LETHE_OK) status = lethe_buffer_append_text(out, "><AuditSourceTypeCode csd-code=\"4\"/></AuditSourceIdentification>", error);
    if (status == LETHE_OK) status = put_object(out, line, error);
    return status == LETHE_OK ? lethe_buffer_append_text(out, "</AuditMessage>", error) : status;
}

lethe_status lethe_audit_frame(const lethe_audit_source *source, const char *line, size_t length, lethe_buffer *out, lethe_error *error) {
    lethe_buffer message, head;
    lethe_buffer_init(&message, MESSAGE_BYTES);
    lethe_buffer_init(&head, MESSAGE_BYTES);
    json_t *parsed = json_loadb(line, length, 0, NULL);
    lethe_status status = json_is_object(parsed) && text_of(parsed, "event")[0] != '\0' && text_of(parsed, "time")[0] != '\0'
                              ? put_message(&message, source, parsed, error)
                              : lethe_fail(error, LETHE_MALFORMED, "no line of an audit trail");
    if (status == LETHE_OK)
        status = lethe_buffer_printf(&head, error, "<%d>1 %s %.200s lethe %ld DICOM+RFC3881 - \xEF\xBB\xBF", PRIORITY, text_of(parsed, "time"),
                                     source->hostname[0] == '\0' ? "-" : source->hostname, source->pid);
    if (status == LETHE_OK) status = lethe_buffer_printf(out, error, "%zu ", head.size + message.size);
    if (status == LETHE_OK) status = lethe_buffer_append(out, head.bytes, head.size, error);
    if (status == LETHE_OK) status = lethe_buffer_append(out, message.bytes, message.size, error);
    json_decref(parsed);
    lethe_buffer_release(&message);
    lethe_buffer_release(&head);
    return status;
}
