#include "viewer/policy.h"

#include "core/config.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct viewer_section {
    bool *screenshots, *clipboard; /* NULL: not said */
} viewer_section;

typedef struct policy_file {
    viewer_section viewer;
} policy_file;

enum { OPTIONAL = CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL };

static const cyaml_schema_field_t viewer_fields[] = {
    CYAML_FIELD_BOOL_PTR("screenshots", OPTIONAL, viewer_section, screenshots),
    CYAML_FIELD_BOOL_PTR("clipboard", OPTIONAL, viewer_section, clipboard),
    CYAML_FIELD_END,
};
/* core/project.c checks the other keys. */
static const cyaml_schema_field_t file_fields[] = {
    CYAML_FIELD_MAPPING("viewer", CYAML_FLAG_OPTIONAL, policy_file, viewer, viewer_fields),
    CYAML_FIELD_IGNORE("name", CYAML_FLAG_OPTIONAL),
    CYAML_FIELD_IGNORE("profile", CYAML_FLAG_OPTIONAL),
    CYAML_FIELD_IGNORE("store", CYAML_FLAG_OPTIONAL),
    CYAML_FIELD_IGNORE("ingest", CYAML_FLAG_OPTIONAL),
    CYAML_FIELD_IGNORE("deid", CYAML_FLAG_OPTIONAL),
    CYAML_FIELD_IGNORE("annotate", CYAML_FLAG_OPTIONAL),
    CYAML_FIELD_END,
};
static const cyaml_schema_value_t file_schema = {CYAML_VALUE_MAPPING(CYAML_FLAG_POINTER, policy_file, file_fields)};

lethe_status lethe_view_policy_load(const lethe_project *project, lethe_view_policy *out, lethe_error *error) {
    *out = (lethe_view_policy){.no_screenshots = true, .no_clipboard = true};
    cyaml_data_t *data = NULL;
    lethe_status status = lethe_config_load(project->config_path, "project.yaml", &file_schema, &data, error);
    if (status) return status;
    const policy_file *file = data;
    out->no_screenshots = file->viewer.screenshots && !*file->viewer.screenshots;
    out->no_clipboard = file->viewer.clipboard && !*file->viewer.clipboard;
    lethe_config_free(&file_schema, data);
    return LETHE_OK;
}

/* Whether the folder of `path`, links followed, is `root` or below it. */
static bool lies_below(const char *path, const char *root) {
    char folder[PATH_MAX], real[PATH_MAX], real_root[PATH_MAX];
    const char *slash = strrchr(path, '/');
    int length = slash ? (int)(slash - path) : 0;
    if (length >= (int)sizeof folder) return false;
    (void)snprintf(folder, sizeof folder, "%.*s", length, path);
    if (!realpath(slash ? (length ? folder : "/") : ".", real) || !realpath(root, real_root)) return false;
    size_t n = strlen(real_root);
    return strncmp(real, real_root, n) == 0 && (real[n] == '/' || real[n] == '\0');
}

lethe_status lethe_view_policy_picture(const lethe_view_policy *policy, const lethe_project *project, bool private_side, const char *path,
                                       lethe_error *error) {
    if (policy->no_screenshots) return lethe_fail(error, LETHE_DENIED, "the project does not allow pictures of the screen (project.yaml: viewer)");
    if (private_side && !lies_below(path, project->private_path))
        return lethe_fail(error, LETHE_DENIED, "pictures of originals are saved below private/ of the project only");
    return LETHE_OK;
}
