/* A slide in one TIFF file: planned, copied, proven and named. */
#include "core/file.h"
#include "core/text.h"
#include "deid/slides/follow.h"
#include "deid/slides/slide_job.h"
#include "deid/slides/verify.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static lethe_status prove(lethe_slide_job *job, lethe_output *output, const lethe_follow *follow, lethe_error *error) {
    lethe_map map = {.fd = -1};
    lethe_verify_report report;
    int fd = dup(lethe_output_fd(output));
    if (fd < 0) return lethe_fail_errno(error, errno, "cannot read the output back");
    lethe_status status = lethe_map_take(fd, &map, error);
    if (status != LETHE_OK) return status;
    lethe_verify_options options = {.format = job->format->name,
                                    .source = job->probe->map.bytes,
                                    .source_size = job->probe->map.size,
                                    .search = job->search,
                                    .ledger = lethe_follow_ledger(follow),
                                    .made_images = job->made_images,
                                    .made_last = job->made_last,
                                    .regions = job->regions,
                                    .region_count = job->region_count,
                                    .maps = job->out_maps,
                                    .map_count = job->out_map_count};
    status = lethe_verify_tiff(map.bytes, map.size, &options, &report, error);
    char path[64];
    (void)snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    if (status == LETHE_OK && report.tiles_redacted > job->result->tiles_redacted)
        status = lethe_fail(error, LETHE_UNSAFE, "output: more tiles differ than were redacted");
    if (status == LETHE_OK) status = lethe_job_prove_pixels(job, path, error);
    if (status == LETHE_OK) status = lethe_job_measure(job, path, error);
    lethe_map_close(&map);
    return status;
}

/* What stands at the target already must be this very slide. */
static lethe_status check_target(const char *path, const lethe_output *output, const char *sha256, lethe_error *error) {
    struct stat info;
    if (lstat(path, &info) != 0) return errno == ENOENT ? LETHE_OK : lethe_fail_errno(error, errno, "cannot look at the output's place");
    char there[65], own[65], self[64];
    lethe_status status = lethe_sha256_file(path, there, error);
    (void)snprintf(self, sizeof self, "/proc/self/fd/%d", lethe_output_fd(output));
    if (status == LETHE_OK && !*sha256) {
        status = lethe_sha256_file(self, own, error);
        sha256 = own;
    }
    if (status == LETHE_OK && strcmp(there, sha256) != 0) return lethe_fail(error, LETHE_UNSAFE, "another output stands under the slide's pseudonym");
    return status;
}

/* The input as it was when its bytes were looked at: those that are copied are the same ones only as long as nobody writes to it. */
static bool is_unchanged(int fd, const struct stat *before) {
    struct stat now;
    return fstat(fd, &now) == 0 && now.st_size == before->st_size && now.st_mtim.tv_sec == before->st_mtim.tv_sec &&
           now.st_mtim.tv_nsec == before->st_mtim.tv_nsec && now.st_ctim.tv_sec == before->st_ctim.tv_sec &&
           now.st_ctim.tv_nsec == before->st_ctim.tv_nsec;
}

static lethe_status make_plan(lethe_slide_job *job, lethe_error *error) {
    job->draft = lethe_tiff_draft_create(job->probe->tree, job->arena);
    if (!job->draft) return lethe_fail(error, LETHE_NO_MEMORY, "out of memory");
    if (job->region_count && job->format->has_placed_levels) {
        job->out_map_count = job->probe->tree->directory_count + 8u; /* more than a draft ever has */
        job->out_maps = lethe_arena_alloc_array(job->arena, job->out_map_count, sizeof *job->out_maps);
        if (!job->out_maps) return lethe_fail(error, LETHE_NO_MEMORY, "out of memory");
    }
    lethe_status status = lethe_plan_check(job, error);
    if (status == LETHE_OK) status = job->format->plan(job, error);
    if (status == LETHE_OK && job->format->has_label_always && !job->label_found && !job->options->allow_missing_label)
        status = lethe_fail(error, LETHE_UNSAFE, "no label image was found where this format always has one");
    return status;
}

/* Copy and look at what is copied. `*unclean`: a stream that was taken to be clean is not; the plan has to be made again with a look into each. */
static lethe_status copy(lethe_slide_job *job, lethe_output *output, lethe_follow *follow, bool *unclean, lethe_error *error) {
    const lethe_tiff_watcher watcher = {lethe_follow_copied, lethe_follow_ended, follow};
    lethe_error seen = {0}, written = {0};
    lethe_status status = lethe_tiff_draft_write(job->draft, job->probe->map.fd, output, &watcher, &written);
    lethe_status looked = lethe_follow_result(follow, unclean, &seen);
    if (looked != LETHE_OK && (status == LETHE_OK || status == LETHE_DENIED)) return lethe_fail(error, looked, "%s", seen.message);
    return status == LETHE_OK ? lethe_output_flush(output, error) : lethe_fail(error, status, "%s", written.message);
}

static lethe_status write_once(lethe_slide_job *job, const char *target, bool *unclean, lethe_error *error) {
    lethe_output *output = NULL;
    lethe_follow *follow = NULL;
    lethe_slide_result *result = job->result;
    struct stat before;
    *unclean = false;
    if (fstat(job->probe->map.fd, &before) != 0) return lethe_fail_errno(error, errno, "cannot look at the input");
    lethe_status status = make_plan(job, error);
    if (status == LETHE_OK && !job->look_first) status = lethe_job_search_marks(job, error);
    if (status == LETHE_OK) status = lethe_folder_create_for(target, 0755, error);
    if (status == LETHE_OK) status = lethe_output_create(target, &output, error);
    if (status != LETHE_OK) return status;
    const lethe_follow_options options = {.source_fd = job->probe->map.fd,
                                          .output_fd = lethe_output_fd(output),
                                          .source = job->probe->map.bytes,
                                          .source_size = job->probe->map.size,
                                          .source_is_mapped = !job->probe->map.copied,
                                          .search = job->search,
                                          .digest = !job->options->skip_sha256,
                                          .progress = job->options->progress,
                                          .progress_context = job->options->progress_context};
    status = lethe_follow_start(&options, &follow, error);
    if (status == LETHE_OK) status = copy(job, output, follow, unclean, error);
    if (status == LETHE_OK) status = prove(job, output, follow, error);
    if (status == LETHE_OK) status = lethe_follow_digest(follow, lethe_output_size(output), result->sha256, error);
    if (status == LETHE_OK && !is_unchanged(job->probe->map.fd, &before))
        status = lethe_fail(error, LETHE_UNSAFE, "the slide was changed while it was read");
    if (status == LETHE_OK && job->options->progress)
        job->options->progress(job->options->progress_context, 2 * lethe_output_size(output), 2 * lethe_output_size(output));
    lethe_follow_destroy(follow);
    if (status == LETHE_OK && !job->options->replace) status = check_target(target, output, result->sha256, error);
    if (status != LETHE_OK) {
        lethe_output_discard(output);
        return status;
    }
    result->output_bytes = lethe_output_size(output);
    return lethe_output_commit(output, 0644, job->options->sync, error);
}

lethe_status lethe_job_write_tiff(lethe_slide_job *job, const char *target, lethe_error *error) {
    const lethe_slide_job fresh = *job;
    const lethe_slide_result nothing = *job->result;
    bool unclean;
    lethe_error first = {0};
    lethe_status status = write_once(job, target, &unclean, &first);
    if (status == LETHE_OK || !unclean) return status == LETHE_OK ? status : lethe_fail(error, status, "%s", first.message);
    /* What was counted is counted again; removed values stay known. */
    lethe_slide_result result = nothing;
    result.removed = job->result->removed;
    result.removed_count = job->result->removed_count;
    size_t removed_capacity = job->removed_capacity;
    *job->result = result;
    *job = fresh;
    job->removed_capacity = removed_capacity;
    job->look_first = true;
    return write_once(job, target, &unclean, error);
}
