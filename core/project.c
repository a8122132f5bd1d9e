#include "core/project.h"

#include "core/config.h"
#include "core/file.h"
#include "core/limits.h"
#include "core/memory.h"
#include "core/text.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <sys/stat.h>

/* --- project.yaml --- */

typedef struct peer_tls_file {
    char *authorities, *certificate, *private_key, *name;
} peer_tls_file;

typedef struct peer_file {
    char *name, *aet, *host, *url, *token_file;
    peer_tls_file *tls;
    uint32_t port;
} peer_file;

typedef struct ingest_file {
    char *aet, *host;
    uint32_t port;
    char **watch;
    unsigned watch_count;
    peer_file *peers;
    unsigned peers_count;
} ingest_file;

typedef struct project_file {
    char *name, *profile, *store;
    ingest_file ingest;
} project_file;

enum { TEXT = CYAML_FLAG_POINTER, OPTIONAL_TEXT = CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL };

static const cyaml_schema_field_t peer_tls_fields[] = {
    CYAML_FIELD_STRING_PTR("authorities", OPTIONAL_TEXT, peer_tls_file, authorities, 1, 4095),
    CYAML_FIELD_STRING_PTR("certificate", OPTIONAL_TEXT, peer_tls_file, certificate, 1, 4095),
    CYAML_FIELD_STRING_PTR("private_key", OPTIONAL_TEXT, peer_tls_file, private_key, 1, 4095),
    CYAML_FIELD_STRING_PTR("name", OPTIONAL_TEXT, peer_tls_file, name, 1, 255),
    CYAML_FIELD_END,
};
static const cyaml_schema_field_t peer_fields[] = {
    CYAML_FIELD_STRING_PTR("name", TEXT, peer_file, name, 1, 64),
    CYAML_FIELD_STRING_PTR("aet", OPTIONAL_TEXT, peer_file, aet, 1, 16),
    CYAML_FIELD_STRING_PTR("host", OPTIONAL_TEXT, peer_file, host, 1, 255),
    CYAML_FIELD_UINT("port", CYAML_FLAG_OPTIONAL, peer_file, port),
    CYAML_FIELD_STRING_PTR("url", OPTIONAL_TEXT, peer_file, url, 0, 2048),
    CYAML_FIELD_STRING_PTR("token_file", OPTIONAL_TEXT, peer_file, token_file, 1, 4095),
    CYAML_FIELD_MAPPING_PTR("tls", OPTIONAL_TEXT, peer_file, tls, peer_tls_fields),
    CYAML_FIELD_END,
};
static const cyaml_schema_value_t peer_schema = {CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, peer_file, peer_fields)};
static const cyaml_schema_value_t path_schema = {CYAML_VALUE_STRING(CYAML_FLAG_POINTER, char, 1, 4095)};

/* What other rooms read from the same file stands here as ignored, so that a misspelt key is still an error. */
static const cyaml_schema_field_t ingest_fields[] = {
    CYAML_FIELD_STRING_PTR("aet", OPTIONAL_TEXT, ingest_file, aet, 1, 16),
    CYAML_FIELD_STRING_PTR("host", OPTIONAL_TEXT, ingest_file, host, 1, 255),
    CYAML_FIELD_UINT("port", CYAML_FLAG_OPTIONAL, ingest_file, port),
    CYAML_FIELD_SEQUENCE("watch", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, ingest_file, watch, &path_schema, 0, 256),
    CYAML_FIELD_SEQUENCE("peers", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, ingest_file, peers, &peer_schema, 0, 1024),
    CYAML_FIELD_IGNORE("door", CYAML_FLAG_OPTIONAL),
    CYAML_FIELD_END,
};

static const cyaml_schema_field_t project_fields[] = {
    CYAML_FIELD_STRING_PTR("name", TEXT, project_file, name, 1, 255),
    CYAML_FIELD_STRING_PTR("profile", OPTIONAL_TEXT, project_file, profile, 1, 4095),
    CYAML_FIELD_STRING_PTR("store", OPTIONAL_TEXT, project_file, store, 0, 2048),
    CYAML_FIELD_MAPPING("ingest", CYAML_FLAG_OPTIONAL, project_file, ingest, ingest_fields),
    CYAML_FIELD_IGNORE("deid", CYAML_FLAG_OPTIONAL),
    CYAML_FIELD_IGNORE("annotate", CYAML_FLAG_OPTIONAL),
    CYAML_FIELD_IGNORE("viewer", CYAML_FLAG_OPTIONAL),
    CYAML_FIELD_END,
};
static const cyaml_schema_value_t project_schema = {CYAML_VALUE_MAPPING(CYAML_FLAG_POINTER, project_file, project_fields)};

/* --- making one --- */

static lethe_status yaml_text(lethe_buffer *out, const char *key, const char *value, lethe_error *error) {
    if (!lethe_utf8_is_valid(value, strlen(value))) return lethe_fail(error, LETHE_USAGE, "%s is not UTF-8", key);
    lethe_status status = lethe_buffer_printf(out, error, "%s: \"", key);
    for (const char *at = value; status == LETHE_OK && *at != '\0'; at++) {
        if ((unsigned char)*at < 0x20) return lethe_fail(error, LETHE_USAGE, "%s has control characters", key);
        if (*at == '"' || *at == '\\') status = lethe_buffer_append(out, "\\", 1, error);
        if (status == LETHE_OK) status = lethe_buffer_append(out, at, 1, error);
    }
    return status == LETHE_OK ? lethe_buffer_append_text(out, "\"\n", error) : status;
}

static lethe_status write_project_file(const char *path, const char *name, const char *store, lethe_error *error) {
    lethe_buffer text;
    lethe_buffer_init(&text, LETHE_LIMIT_TEXT_FILE_BYTES);
    lethe_status status = lethe_buffer_append_text(&text, "# A Lethe project. docs/ingest.md describes every key.\n", error);
    if (status == LETHE_OK) status = yaml_text(&text, "name", name, error);
    if (status == LETHE_OK) status = lethe_buffer_append_text(&text, "profile: research\n", error);
    if (status == LETHE_OK) status = yaml_text(&text, "store", store, error);
    if (status == LETHE_OK)
        status = lethe_buffer_append_text(&text,
                                          "ingest:\n"
                                          "  aet: LETHE\n"
                                          "  host: 127.0.0.1\n"
                                          "  port: 11112\n"
                                          "  watch: []\n"
                                          "  peers: []\n",
                                          error);
    /* A store URL may hold a password. */
    if (status == LETHE_OK) status = lethe_file_write(path, text.bytes, text.size, store[0] == '\0' ? 0644 : 0640, error);
    lethe_buffer_release(&text);
    return status;
}

static lethe_status make_folder(const char *root, const char *below, mode_t mode, lethe_error *error) {
    char *path = lethe_path_join(root, below);
    lethe_status status = path == NULL ? lethe_fail(error, LETHE_NO_MEMORY, "no memory for a path") : lethe_folder_create(path, mode, error);
    lethe_free(path);
    return status;
}

lethe_status lethe_project_create(const char *folder, const char *name, const char *store, lethe_error *error) {
    static const struct {
        const char *path;
        mode_t mode;
    } folders[] = {{"private", 0700},        {"private/inbox", 0700}, {"private/quarantine", 0700},
                   {"private/review", 0700}, {"released", 0755},      {"released/exports", 0755}};
    if (name == NULL || name[0] == '\0') return lethe_fail(error, LETHE_USAGE, "a project needs a name");
    if (store == NULL) store = "";
    if (store[0] != '\0' && !lethe_text_starts(store, "postgresql://") && !lethe_text_starts(store, "postgres://"))
        return lethe_fail(error, LETHE_USAGE, "--store is postgresql://..., or nothing for SQLite in the project folder");
    char *config = lethe_path_join(folder, "project.yaml"), *key = lethe_path_join(folder, "private/key");
    struct stat info;
    lethe_status status = LETHE_OK;
    if (config == NULL || key == NULL) status = lethe_fail(error, LETHE_NO_MEMORY, "no memory for a path");
    else if (lstat(config, &info) == 0) status = lethe_fail(error, LETHE_EXISTS, "there is a project already");
    if (status == LETHE_OK) status = lethe_folder_create(folder, 0755, error);
    for (size_t i = 0; status == LETHE_OK && i < sizeof folders / sizeof *folders; i++)
        status = make_folder(folder, folders[i].path, folders[i].mode, error);
    if (status == LETHE_OK) {
        /* An earlier attempt may have been cut off after the key: that key stays. */
        lethe_status made = lethe_key_create(key, NULL);
        if (made != LETHE_OK && made != LETHE_EXISTS) status = lethe_fail(error, made, "cannot create the project key");
    }
    if (status == LETHE_OK) status = write_project_file(config, name, store, error); /* last: a folder with project.yaml is complete */
    lethe_free(config);
    lethe_free(key);
    return status;
}

/* --- opening --- */

static char *copy_or(const char *text, const char *otherwise) { return lethe_strdup(text == NULL || text[0] == '\0' ? otherwise : text); }

/* Relative paths are below the project folder. */
static char *copy_path(const lethe_project *project, const char *path) {
    if (path == NULL || path[0] == '\0' || path[0] == '/') return lethe_strdup(path == NULL ? "" : path);
    return lethe_path_join(project->folder, path);
}

static lethe_status take_peer(const lethe_project *project, const peer_file *from, unsigned i, lethe_peer *to, lethe_error *error) {
    static const peer_tls_file nothing = {0};
    const peer_tls_file *tls = from->tls == NULL ? &nothing : from->tls;
    if (from->port > UINT16_MAX) return lethe_fail(error, LETHE_CONFIG, "project.yaml: ingest.peers[%u].port: over 65535", i);
    if ((tls->certificate == NULL) != (tls->private_key == NULL))
        return lethe_fail(error, LETHE_CONFIG, "project.yaml: ingest.peers[%u].tls: certificate and private_key go together", i);
    if (from->tls != NULL && from->port != 0 && tls->authorities == NULL)
        return lethe_fail(error, LETHE_CONFIG, "project.yaml: ingest.peers[%u].tls: DICOM over TLS needs authorities", i);
    if (tls->name != NULL && from->port == 0)
        return lethe_fail(error, LETHE_CONFIG, "project.yaml: ingest.peers[%u].tls.name: HTTPS always compares the name of its URL", i);
    *to = (lethe_peer){.name = copy_or(from->name, ""),
                       .aet = copy_or(from->aet, "ANY-SCP"),
                       .host = copy_or(from->host, ""),
                       .port = (uint16_t)from->port,
                       .url = copy_or(from->url, ""),
                       .token_file = copy_path(project, from->token_file),
                       .tls = from->tls != NULL,
                       .authorities = copy_path(project, tls->authorities),
                       .certificate = copy_path(project, tls->certificate),
                       .private_key = copy_path(project, tls->private_key),
                       .tls_name = copy_or(tls->name, "")};
    bool complete = to->name != NULL && to->aet != NULL && to->host != NULL && to->url != NULL && to->token_file != NULL && to->authorities != NULL &&
                    to->certificate != NULL && to->private_key != NULL && to->tls_name != NULL;
    return complete ? LETHE_OK : lethe_fail(error, LETHE_NO_MEMORY, "no memory for peers");
}

static lethe_status take_peers(lethe_project *project, const ingest_file *file, lethe_error *error) {
    if (file->peers_count == 0) return LETHE_OK;
    project->ingest.peers = lethe_alloc_array(file->peers_count, sizeof *project->ingest.peers);
    if (project->ingest.peers == NULL) return lethe_fail(error, LETHE_NO_MEMORY, "no memory for peers");
    project->ingest.peers_count = file->peers_count;
    lethe_status status = LETHE_OK;
    for (unsigned i = 0; status == LETHE_OK && i < file->peers_count; i++)
        status = take_peer(project, &file->peers[i], i, &project->ingest.peers[i], error);
    return status;
}

static lethe_status take_ingest(lethe_project *project, const ingest_file *file, lethe_error *error) {
    if (file->port > UINT16_MAX) return lethe_fail(error, LETHE_CONFIG, "project.yaml: ingest.port: over 65535");
    project->ingest.port = (uint16_t)(file->port == 0 ? 11112 : file->port);
    project->ingest.aet = copy_or(file->aet, "LETHE");
    project->ingest.host = copy_or(file->host, "127.0.0.1");
    if (project->ingest.aet == NULL || project->ingest.host == NULL) return lethe_fail(error, LETHE_NO_MEMORY, "no memory for a project");
    if (file->watch_count != 0) {
        project->ingest.watch = lethe_alloc_array(file->watch_count, sizeof *project->ingest.watch);
        if (project->ingest.watch == NULL) return lethe_fail(error, LETHE_NO_MEMORY, "no memory for a project");
        project->ingest.watch_count = file->watch_count;
        for (unsigned i = 0; i < file->watch_count; i++) {
            /* Relative to the project folder. */
            project->ingest.watch[i] = file->watch[i][0] == '/' ? lethe_strdup(file->watch[i]) : lethe_path_join(project->folder, file->watch[i]);
            if (project->ingest.watch[i] == NULL) return lethe_fail(error, LETHE_NO_MEMORY, "no memory for a project");
        }
    }
    return take_peers(project, file, error);
}

static lethe_status load_config(lethe_project *project, lethe_error *error) {
    struct stat info;
    if (stat(project->config_path, &info) != 0)
        return errno == ENOENT || errno == ENOTDIR ? lethe_fail(error, LETHE_NOT_FOUND, "no project here (project.yaml is missing)")
                                                   : lethe_fail_errno(error, errno, "cannot read project.yaml");
    cyaml_data_t *data = NULL;
    lethe_status status = lethe_config_load(project->config_path, "project.yaml", &project_schema, &data, error);
    if (status != LETHE_OK) return status;
    const project_file *file = data;
    project->name = copy_or(file->name, "");
    project->profile = copy_or(file->profile, "research");
    project->store = copy_or(file->store, "");
    if (project->name == NULL || project->profile == NULL || project->store == NULL)
        status = lethe_fail(error, LETHE_NO_MEMORY, "no memory for a project");
    else if (project->store[0] != '\0' && !lethe_text_starts(project->store, "postgresql://") && !lethe_text_starts(project->store, "postgres://"))
        status = lethe_fail(error, LETHE_CONFIG, "project.yaml: store: neither empty nor postgresql://...");
    if (status == LETHE_OK) status = take_ingest(project, &file->ingest, error);
    lethe_config_free(&project_schema, data);
    return status;
}

static lethe_status check_private(const lethe_project *project, lethe_error *error) {
    struct stat info;
    if (stat(project->private_path, &info) != 0 || !S_ISDIR(info.st_mode))
        return lethe_fail(error, LETHE_NOT_FOUND, "the project has no private folder");
    if ((info.st_mode & 077) != 0)
        return lethe_fail(error, LETHE_DENIED, "the private folder is open to others (mode %03o, must be 700)", (unsigned)info.st_mode & 0777u);
    return LETHE_OK;
}

lethe_status lethe_project_open(const char *folder, bool private_side, lethe_project **out, lethe_error *error) {
    *out = NULL;
    lethe_project *project = lethe_alloc_array(1, sizeof *project);
    if (project == NULL) return lethe_fail(error, LETHE_NO_MEMORY, "no memory for a project");
    project->folder = lethe_strdup(folder);
    project->private_path = lethe_path_join(folder, "private");
    project->released_path = lethe_path_join(folder, "released");
    project->inbox_path = lethe_path_join(folder, "private/inbox");
    project->quarantine_path = lethe_path_join(folder, "private/quarantine");
    project->review_path = lethe_path_join(folder, "private/review");
    project->key_path = lethe_path_join(folder, "private/key");
    project->config_path = lethe_path_join(folder, "project.yaml");
    bool complete = project->folder != NULL && project->private_path != NULL && project->released_path != NULL && project->inbox_path != NULL &&
                    project->quarantine_path != NULL && project->review_path != NULL && project->key_path != NULL && project->config_path != NULL;
    lethe_status status = complete ? load_config(project, error) : lethe_fail(error, LETHE_NO_MEMORY, "no memory for a project");
    if (status == LETHE_OK && private_side) status = check_private(project, error);
    if (status != LETHE_OK) lethe_project_close(project);
    else *out = project;
    return status;
}

void lethe_project_close(lethe_project *project) {
    if (project == NULL) return;
    char *const texts[] = {project->folder,      project->private_path, project->released_path, project->inbox_path, project->quarantine_path,
                           project->review_path, project->key_path,     project->name,          project->profile,    project->store,
                           project->ingest.aet,  project->ingest.host,  project->config_path};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) lethe_free(texts[i]);
    for (unsigned i = 0; i < project->ingest.watch_count; i++) lethe_free(project->ingest.watch[i]);
    lethe_free(project->ingest.watch);
    for (unsigned i = 0; i < project->ingest.peers_count; i++) {
        const lethe_peer *peer = &project->ingest.peers[i];
        char *const owned[] = {peer->name,        peer->aet,         peer->host,        peer->url,     peer->token_file,
                               peer->authorities, peer->certificate, peer->private_key, peer->tls_name};
        for (size_t j = 0; j < sizeof owned / sizeof *owned; j++) lethe_free(owned[j]);
    }
    lethe_free(project->ingest.peers);
    lethe_free(project);
}

char *lethe_project_intake_url(const lethe_project *project) {
    return project->store[0] != '\0' ? lethe_strdup(project->store) : lethe_path_join(project->private_path, "intake.db");
}

char *lethe_project_catalogue_url(const lethe_project *project) {
    return project->store[0] != '\0' ? lethe_strdup(project->store) : lethe_path_join(project->released_path, "catalogue.db");
}
