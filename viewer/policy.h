/* What a project forbids its viewers: section `viewer` of project.yaml.
 *
 *     viewer:
 *       screenshots: false   # (default: true) no picture is saved: --screenshot and the script's step are refused
 *       clipboard: false     # (default: true) nothing is copied from the fields of the viewer, nothing is pasted into them
 *
 * Layer: viewer. Thread rule: plain values. */
#ifndef LETHE_VIEWER_POLICY_H
#define LETHE_VIEWER_POLICY_H

#include "core/error.h"
#include "core/project.h"

#include <stdbool.h>

typedef struct lethe_view_policy {
    bool no_screenshots, no_clipboard;
} lethe_view_policy;

/* Read it. Errors: LETHE_CONFIG for a misspelt key or a value that is neither true nor false: then nothing may be opened; LETHE_IO. */
LETHE_NODISCARD lethe_status lethe_view_policy_load(const lethe_project *project, lethe_view_policy *out, lethe_error *error);

/* Whether a picture of the screen may be saved to `path`. Errors: LETHE_DENIED when the policy says no, or when `private_side` (originals are on
 * the screen) and the folder of `path` is not below private/ of the project. */
LETHE_NODISCARD lethe_status lethe_view_policy_picture(const lethe_view_policy *policy, const lethe_project *project, bool private_side,
                                                       const char *path, lethe_error *error);

#endif
