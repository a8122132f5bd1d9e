#include "ingest/door.h"

#include "core/config.h"
#include "core/file.h"
#include "core/memory.h"
#include "core/text.h"

#include <stddef.h>
#include <string.h>

/* --- schema; everything that is not ours stands as ignored --- */

typedef struct door_ingest {
    lethe_door *door;
} door_ingest;

typedef struct door_file {
    door_ingest ingest;
} door_file;

enum { OPTIONAL_TEXT = CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL };

static const cyaml_schema_field_t allow_fields[] = {
    CYAML_FIELD_STRING_PTR("aet", OPTIONAL_TEXT, lethe_door_allow, aet, 1, 16),
    CYAML_FIELD_STRING_PTR("host", OPTIONAL_TEXT, lethe_door_allow, host, 1, 255),
    CYAML_FIELD_STRING_PTR("certificate", OPTIONAL_TEXT, lethe_door_allow, certificate, 64, 64),
    CYAML_FIELD_INT("priority", CYAML_FLAG_OPTIONAL, lethe_door_allow, priority),
    CYAML_FIELD_END,
};
static const cyaml_schema_value_t allow_schema = {CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, lethe_door_allow, allow_fields)};
static const cyaml_schema_value_t uid_schema = {CYAML_VALUE_STRING(CYAML_FLAG_POINTER, char, 1, 64)};

static const cyaml_strval_t originals_words[] = {
    {"keep", LETHE_ORIGINALS_KEEP},
    {"move", LETHE_ORIGINALS_MOVE},
    {"delete", LETHE_ORIGINALS_DELETE},
};

static const cyaml_schema_field_t tls_fields[] = {
    CYAML_FIELD_STRING_PTR("certificate", CYAML_FLAG_POINTER, lethe_door_tls, certificate, 1, 4095),
    CYAML_FIELD_STRING_PTR("private_key", CYAML_FLAG_POINTER, lethe_door_tls, private_key, 1, 4095),
    CYAML_FIELD_STRING_PTR("authorities", OPTIONAL_TEXT, lethe_door_tls, authorities, 1, 4095),
    CYAML_FIELD_BOOL("require_client", CYAML_FLAG_OPTIONAL, lethe_door_tls, require_client),
    CYAML_FIELD_END,
};

static const cyaml_schema_field_t stow_fields[] = {
    CYAML_FIELD_UINT("port", CYAML_FLAG_OPTIONAL, lethe_door_stow, port),
    CYAML_FIELD_STRING_PTR("host", OPTIONAL_TEXT, lethe_door_stow, host, 1, 255),
    CYAML_FIELD_STRING_PTR("token_file", CYAML_FLAG_POINTER, lethe_door_stow, token_file, 1, 4095),
    CYAML_FIELD_END,
};

static const cyaml_schema_field_t audit_fields[] = {
    CYAML_FIELD_STRING_PTR("host", CYAML_FLAG_POINTER, lethe_door_audit, host, 1, 255),
    CYAML_FIELD_UINT("port", CYAML_FLAG_OPTIONAL, lethe_door_audit, port),
    CYAML_FIELD_STRING_PTR("authorities", CYAML_FLAG_POINTER, lethe_door_audit, authorities, 1, 4095),
    CYAML_FIELD_STRING_PTR("certificate", OPTIONAL_TEXT, lethe_door_audit, certificate, 1, 4095),
    CYAML_FIELD_STRING_PTR("private_key", OPTIONAL_TEXT, lethe_door_audit, private_key, 1, 4095),
    CYAML_FIELD_END,
};

static const cyaml_schema_field_t door_fields[] = {
    CYAML_FIELD_UINT("max_associations", CYAML_FLAG_OPTIONAL, lethe_door, max_associations),
    CYAML_FIELD_UINT("idle_seconds", CYAML_FLAG_OPTIONAL, lethe_door, idle_seconds),
    CYAML_FIELD_UINT("stall_seconds", CYAML_FLAG_OPTIONAL, lethe_door, stall_seconds),
    CYAML_FIELD_UINT("max_pdu_bytes", CYAML_FLAG_OPTIONAL, lethe_door, max_pdu_bytes),
    CYAML_FIELD_UINT("reserve_mib", CYAML_FLAG_OPTIONAL, lethe_door, reserve_mib),
    CYAML_FIELD_UINT("max_queued", CYAML_FLAG_OPTIONAL, lethe_door, max_queued),
    CYAML_FIELD_BOOL("check_called", CYAML_FLAG_OPTIONAL, lethe_door, check_called),
    CYAML_FIELD_SEQUENCE("allow", OPTIONAL_TEXT, lethe_door, allow, &allow_schema, 0, 4096),
    CYAML_FIELD_SEQUENCE("sop_classes", OPTIONAL_TEXT, lethe_door, sop_classes, &uid_schema, 0, 4096),
    CYAML_FIELD_STRING_PTR("cohort", OPTIONAL_TEXT, lethe_door, cohort, 1, 4095),
    CYAML_FIELD_STRING_PTR("metrics", OPTIONAL_TEXT, lethe_door, metrics, 1, 255),
    CYAML_FIELD_ENUM("originals", CYAML_FLAG_OPTIONAL, lethe_door, originals, originals_words, CYAML_ARRAY_LEN(originals_words)),
    CYAML_FIELD_UINT("stable_seconds", CYAML_FLAG_OPTIONAL, lethe_door, stable_seconds),
    CYAML_FIELD_UINT("rescan_seconds", CYAML_FLAG_OPTIONAL, lethe_door, rescan_seconds),
    CYAML_FIELD_MAPPING("tls", CYAML_FLAG_OPTIONAL, lethe_door, tls, tls_fields),
    CYAML_FIELD_MAPPING("stow", CYAML_FLAG_OPTIONAL, lethe_door, stow, stow_fields),
    CYAML_FIELD_MAPPING("audit", CYAML_FLAG_OPTIONAL, lethe_door, audit, audit_fields),
    CYAML_FIELD_END,
};

/* core/project.c checks the other keys. */
static const cyaml_schema_field_t ingest_fields[] = {
    CYAML_FIELD_MAPPING_PTR("door", CYAML_FLAG_OPTIONAL, door_ingest, door, door_fields),
    CYAML_FIELD_IGNORE("aet", CYAML_FLAG_OPTIONAL),
    CYAML_FIELD_IGNORE("host", CYAML_FLAG_OPTIONAL),
    CYAML_FIELD_IGNORE("port", CYAML_FLAG_OPTIONAL),
    CYAML_FIELD_IGNORE("watch", CYAML_FLAG_OPTIONAL),
    CYAML_FIELD_IGNORE("peers", CYAML_FLAG_OPTIONAL),
    CYAML_FIELD_END,
};
static const cyaml_schema_field_t file_fields[] = {
    CYAML_FIELD_MAPPING("ingest", CYAML_FLAG_OPTIONAL, door_file, ingest, ingest_fields),
    CYAML_FIELD_IGNORE("name", CYAML_FLAG_OPTIONAL),
    CYAML_FIELD_IGNORE("profile", CYAML_FLAG_OPTIONAL),
    CYAML_FIELD_IGNORE("store", CYAML_FLAG_OPTIONAL),
    CYAML_FIELD_IGNORE("deid", CYAML_FLAG_OPTIONAL),
    CYAML_FIELD_IGNORE("annotate", CYAML_FLAG_OPTIONAL),
    CYAML_FIELD_IGNORE("viewer", CYAML_FLAG_OPTIONAL),
    CYAML_FIELD_END,
};
static const cyaml_schema_value_t file_schema = {CYAML_VALUE_MAPPING(CYAML_FLAG_POINTER, door_file, file_fields)};

/* --- our own copy --- */

static bool copy_text(char **to, const char *from) {
    *to = from == NULL ? NULL : lethe_strdup(from);
    return from == NULL || *to != NULL;
}

static bool copy_path(const lethe_project *project, char **to, const char *from) {
    *to = from == NULL ? NULL : from[0] == '/' ? lethe_strdup(from) : lethe_path_join(project->folder, from);
    return from == NULL || *to != NULL;
}

static bool copy_door(const lethe_project *project, lethe_door *to, const lethe_door *from) {
    *to = *from;
    to->allow = NULL;
    to->sop_classes = NULL;
    to->allow_count = to->sop_classes_count = 0;
    bool ok = copy_path(project, &to->cohort, from->cohort);
    ok &= copy_text(&to->metrics, from->metrics);
    ok &= copy_path(project, &to->tls.certificate, from->tls.certificate);
    ok &= copy_path(project, &to->tls.private_key, from->tls.private_key);
    ok &= copy_path(project, &to->tls.authorities, from->tls.authorities);
    ok &= copy_text(&to->stow.host, from->stow.host);
    ok &= copy_path(project, &to->stow.token_file, from->stow.token_file);
    ok &= copy_text(&to->audit.host, from->audit.host);
    ok &= copy_path(project, &to->audit.authorities, from->audit.authorities);
    ok &= copy_path(project, &to->audit.certificate, from->audit.certificate);
    ok &= copy_path(project, &to->audit.private_key, from->audit.private_key);
    if (!ok) return false;
    to->allow = lethe_alloc_array(from->allow_count + 1, sizeof *to->allow);
    to->sop_classes = lethe_alloc_array(from->sop_classes_count + 1, sizeof *to->sop_classes);
    if (to->allow == NULL || to->sop_classes == NULL) return false;
    for (uint32_t i = 0; i < from->allow_count; i++) {
        lethe_door_allow *entry = &to->allow[to->allow_count++];
        entry->priority = from->allow[i].priority;
        ok &= copy_text(&entry->aet, from->allow[i].aet);
        ok &= copy_text(&entry->host, from->allow[i].host);
        ok &= copy_text(&entry->certificate, from->allow[i].certificate);
    }
    for (uint32_t i = 0; i < from->sop_classes_count; i++) ok &= copy_text(&to->sop_classes[to->sop_classes_count++], from->sop_classes[i]);
    return ok;
}

static void set_default(uint32_t *value, uint32_t otherwise) {
    if (*value == 0) *value = otherwise;
}

lethe_status lethe_door_load(const lethe_project *project, lethe_door **out, lethe_error *error) {
    static const lethe_door nothing = {0};
    *out = NULL;
    cyaml_data_t *data = NULL;
    lethe_status status = lethe_config_load(project->config_path, "project.yaml", &file_schema, &data, error);
    if (status != LETHE_OK) return status;
    const door_file *file = data;
    lethe_door *door = lethe_alloc_array(1, sizeof *door);
    if (door == NULL || !copy_door(project, door, file->ingest.door == NULL ? &nothing : file->ingest.door)) {
        lethe_door_free(door);
        door = NULL;
        status = lethe_fail(error, LETHE_NO_MEMORY, "no memory for the configuration");
    }
    lethe_config_free(&file_schema, data);
    if (status != LETHE_OK) return status;
    set_default(&door->max_associations, 64);
    set_default(&door->idle_seconds, 300);
    set_default(&door->stall_seconds, 60);
    set_default(&door->max_pdu_bytes, 131072);
    set_default(&door->reserve_mib, 1024);
    set_default(&door->stable_seconds, 5);
    set_default(&door->rescan_seconds, 60);
    set_default(&door->audit.port, 6514); /* RFC 5425 4.1 */
    if (door->max_associations > 1024 || door->max_pdu_bytes < 4096 || door->max_pdu_bytes > 131072) {
        lethe_door_free(door);
        return lethe_fail(error, LETHE_CONFIG, "project.yaml: ingest.door: max_associations is at most 1024, max_pdu_bytes 4096 to 131072");
    }
    if (door->audit.port > UINT16_MAX || (door->audit.certificate == NULL) != (door->audit.private_key == NULL)) {
        lethe_door_free(door);
        return lethe_fail(error, LETHE_CONFIG, "project.yaml: ingest.door.audit: certificate and private_key go together, port is at most 65535");
    }
    *out = door;
    return LETHE_OK;
}

void lethe_door_free(lethe_door *door) {
    if (door == NULL) return;
    for (uint32_t i = 0; i < door->allow_count; i++) {
        lethe_free(door->allow[i].aet);
        lethe_free(door->allow[i].host);
        lethe_free(door->allow[i].certificate);
    }
    for (uint32_t i = 0; i < door->sop_classes_count; i++) lethe_free(door->sop_classes[i]);
    char *const texts[] = {door->cohort,           door->metrics,         door->tls.certificate, door->tls.private_key,   door->tls.authorities,
                           door->stow.host,        door->stow.token_file, door->audit.host,      door->audit.authorities, door->audit.certificate,
                           door->audit.private_key};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) lethe_free(texts[i]);
    lethe_free(door->allow);
    lethe_free(door->sop_classes);
    lethe_free(door);
}
