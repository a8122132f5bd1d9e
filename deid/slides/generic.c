/* Tiled pyramidal TIFF of no particular vendor: pixels and their geometry stay, every text goes. */
#include "deid/slides/slide_job.h"
#include "imaging/slide/tiff_levels.h"

static lethe_status plan(lethe_slide_job *job, lethe_error *error) {
    const lethe_tiff_tree *tree = job->probe->tree;
    lethe_status status = LETHE_OK;
    for (const lethe_tiff_directory *d = tree->first; status == LETHE_OK && d; d = d->next) {
        lethe_tiff_role role = lethe_tiff_role_of(tree, d, "generic");
        if (role == LETHE_TIFF_ROLE_STRANGE) return lethe_fail(error, LETHE_UNSAFE, "directory %u is tiled but no level of the pyramid", d->index);
        if (role != LETHE_TIFF_ROLE_LEVEL) {
            status = lethe_plan_remove(job, d, NULL, error);
            continue;
        }
        lethe_tiff_draft_directory *out;
        status = lethe_plan_keep(job, d, NULL, NULL, NULL, &out, error);
        if (status == LETHE_OK) status = lethe_plan_remove_children(job, d, LETHE_TIFF_SUB_IFDS, error);
        for (const lethe_tiff_directory *child = d->children; status == LETHE_OK && child; child = child->next) {
            if (child->parent_tag != LETHE_TIFF_SUB_IFDS) continue;
            bool level = d == tree->first && lethe_tiff_role_of(tree, child, "generic") == LETHE_TIFF_ROLE_LEVEL && !child->children;
            status = level ? lethe_plan_keep(job, child, out, NULL, NULL, NULL, error) : lethe_plan_remove(job, child, NULL, error);
        }
    }
    return status;
}

const lethe_slide_rules lethe_slide_generic = {.name = "generic", .extension = ".tiff", .has_plain_levels = true, .plan = plan};
