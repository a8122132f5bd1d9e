#include "deid/slides/slide_deid.h"

#include "core/limits.h"
#include "core/memory.h"
#include "core/text.h"
#include "deid/slides/marks.h"
#include "deid/slides/regions.h"
#include "deid/slides/slide_job.h"
#include "deid/slides/verify.h"
#include "imaging/slide/openslide_compare.h"
#include "imaging/slide/slide.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* --- registry: one line per format --- */

#define REFUSED(name_, reason_)                                                                                                                      \
    { .name = name_, .refusal = reason_ }
static const lethe_slide_rules lethe_slide_zeiss =
    REFUSED("zeiss", "Zeiss CZI is recognised but not handled: its attachments and XML may show the label");
static const lethe_slide_rules lethe_slide_olympus = REFUSED("olympus", "Olympus VSI is recognised but not handled: its tag tree is not published");
static const lethe_slide_rules lethe_slide_isyntax =
    REFUSED("isyntax", "Philips iSyntax is recognised but not handled: its header holds label and macro");
static const lethe_slide_rules lethe_slide_sakura =
    REFUSED("sakura", "Sakura SVSLIDE is recognised but not handled: its database keeps deleted rows");
static const lethe_slide_rules lethe_slide_vms =
    REFUSED("hamamatsu-vms", "Hamamatsu VMS is recognised but not handled: its side files show the label");
static const lethe_slide_rules lethe_slide_trestle = REFUSED("trestle", "Trestle TIFF is recognised but not handled");
static const lethe_slide_rules lethe_slide_dicom = REFUSED("dicom", "DICOM slides are de-identified as DICOM instances");
static const lethe_slide_rules lethe_slide_tiff = REFUSED("tiff", "a TIFF file, but not a tiled pyramid that can be read");

const lethe_slide_rules *const lethe_slide_registry[] = {
    &lethe_slide_aperio,
    &lethe_slide_generic,
    &lethe_slide_ome,
    &lethe_slide_philips,
    &lethe_slide_leica,
    &lethe_slide_ventana,
    &lethe_slide_hamamatsu,
    &lethe_slide_mirax,
    &lethe_slide_zeiss,
    &lethe_slide_olympus,
    &lethe_slide_isyntax,
    &lethe_slide_sakura,
    &lethe_slide_vms,
    &lethe_slide_trestle,
    &lethe_slide_dicom,
    &lethe_slide_tiff,
    NULL,
};

static const lethe_slide_rules *format_named(const char *name) {
    for (size_t i = 0; name && lethe_slide_registry[i]; i++)
        if (strcmp(lethe_slide_registry[i]->name, name) == 0) return lethe_slide_registry[i];
    return NULL;
}

/* --- names --- */

/* The name without folders and extension; "" when memory is short. */
static const char *stem_of(lethe_arena *arena, const char *name) {
    const char *base = lethe_path_name(name), *dot = strrchr(base, '.');
    size_t length = dot && dot != base && strlen(dot) <= 6 ? (size_t)(dot - base) : strlen(base);
    if (length > 4 && strncasecmp(base + length - 4, ".ome", 4) == 0) length -= 4;
    const char *copy = lethe_arena_strndup(arena, base, length);
    return copy ? copy : "";
}

static bool is_number(const char *text, size_t length) {
    for (size_t i = 0; i < length; i++)
        if (text[i] < '0' || text[i] > '9') return false;
    return true;
}

/* A path's parts may name the patient, the case, the hospital: all of them count, whole and in pieces. */
static lethe_status remember_name(lethe_slide_job *job, const char *name, lethe_error *error) {
    lethe_status status = LETHE_OK;
    for (const char *part = name; status == LETHE_OK && *part;) {
        size_t length = strcspn(part, "/");
        const char *dot = memrchr(part, '.', length);
        size_t bare = dot && dot != part && part + length - dot <= 6 ? (size_t)(dot - part) : length;
        if (bare >= 5 || (bare == 4 && !is_number(part, bare))) status = lethe_job_removed(job, part, bare, error);
        for (size_t at = 0; status == LETHE_OK && at < bare;) {
            size_t word = strcspn(part + at, " _.,;()[]/");
            if (word > bare - at) word = bare - at;
            if (word >= 4 && word < bare && (word >= 5 || !is_number(part + at, word))) status = lethe_job_removed(job, part + at, word, error);
            at += word + 1;
        }
        part += length + (part[length] == '/');
    }
    return status;
}

static lethe_status remember_known(lethe_slide_job *job, const char *name, lethe_error *error) {
    lethe_status status = remember_name(job, name, error);
    for (size_t i = 0; status == LETHE_OK && i < job->options->known_identifier_count; i++) {
        const char *value = job->options->known_identifiers[i];
        if (value) status = lethe_job_removed(job, value, strlen(value), error);
    }
    return status;
}

/* --- the label, on the private side --- */

typedef struct barcode_list {
    lethe_slide_job *job;
    char texts[8][129];
    unsigned count;
    lethe_status status;
    lethe_error *error;
} barcode_list;

static void on_barcode(void *context, const char *text) {
    barcode_list *list = context;
    if (list->status == LETHE_OK) list->status = lethe_job_removed(list->job, text, strlen(text), list->error);
    if (list->count < sizeof list->texts / sizeof *list->texts) (void)snprintf(list->texts[list->count++], sizeof *list->texts, "%s", text);
}

static lethe_status look_at_label(lethe_slide_job *job, lethe_image *label, barcode_list *codes, lethe_error *error) {
    lethe_slide *slide = NULL;
    lethe_error ignored = {0};
    if (!job->options->read_barcode && !job->options->private_folder) return LETHE_OK;
    if (lethe_slide_open(job->probe->path, &slide, &ignored) != LETHE_OK) return LETHE_OK;
    /* A slide without a readable label is judged by its plan, not here. */
    bool read = lethe_slide_read_associated(slide, "label", label, &ignored) == LETHE_OK;
    /* Where a format has no label of its own, the photograph of the whole slide shows it. */
    if (!read) read = lethe_slide_read_associated(slide, "macro", label, &ignored) == LETHE_OK;
    lethe_slide_close(slide);
    if (!read || !job->options->read_barcode) return LETHE_OK;
    lethe_status status = lethe_barcode_read(label, on_barcode, codes, error);
    return status == LETHE_OK ? codes->status : status;
}

static lethe_status keep_label_picture(lethe_slide_job *job, const lethe_image *label, lethe_error *error) {
    if (!job->options->private_folder || !label->pixels) return LETHE_OK;
    lethe_buffer png;
    lethe_buffer_init(&png, 64u << 20);
    char name[128];
    (void)snprintf(name, sizeof name, "%s-label.png", job->result->slide);
    char *path = lethe_path_join(job->options->private_folder, name);
    lethe_status status = path ? lethe_png_encode(label, &png, error) : lethe_fail(error, LETHE_NO_MEMORY, "out of memory");
    if (status == LETHE_OK) status = lethe_file_write(path, png.bytes, png.size, 0600, error);
    lethe_free(path);
    lethe_buffer_release(&png);
    return status;
}

/* --- pseudonyms --- */

static lethe_status name_output(lethe_slide_job *job, const char *source_name, const barcode_list *codes, lethe_error *error) {
    lethe_slide_result *result = job->result;
    lethe_pseudonymizer *p = job->options->pseudonymizer;
    const char *stem = stem_of(job->arena, source_name);
    const lethe_slide_mapping_row *row = lethe_slide_mapping_find(job->options->mapping, source_name, NULL);
    for (unsigned i = 0; !row && i < codes->count; i++) row = lethe_slide_mapping_find(job->options->mapping, NULL, codes->texts[i]);
    job->row = row;
    if (row) result->mapping_row = row->number;
    if (row && !*row->patient_id && !*row->pseudonym) row = NULL; /* a mask alone says nothing about the patient */
    lethe_status status = LETHE_OK;
    char patient[LETHE_PATIENT_PSEUDONYM_SIZE], token[LETHE_TOKEN_SIZE];
    if (row && *row->patient_id) status = lethe_job_removed(job, row->patient_id, strlen(row->patient_id), error);
    if (status == LETHE_OK && row && *row->pseudonym) (void)snprintf(result->patient, sizeof result->patient, "%s", row->pseudonym);
    else if (status == LETHE_OK) {
        /* A slide of an unknown patient gets a patient of its own. */
        char *own = row ? NULL : lethe_arena_printf(job->arena, "slide:%s", stem);
        if (!row && !own) return lethe_fail(error, LETHE_NO_MEMORY, "out of memory");
        status = lethe_pseudonym_patient(p, row ? row->issuer : "", row ? row->patient_id : own, patient, error);
        if (status == LETHE_OK) (void)snprintf(result->patient, sizeof result->patient, "%s", patient);
    }
    if (status != LETHE_OK) return status;
    if (job->row && *job->row->slide_pseudonym) row = job->row;
    if (row && *row->slide_pseudonym) (void)snprintf(result->slide, sizeof result->slide, "%s", row->slide_pseudonym);
    else {
        status = lethe_pseudonym_token(p, "slide", source_name, strlen(source_name), token, error);
        if (status == LETHE_OK) (void)snprintf(result->slide, sizeof result->slide, "S-%s", token);
    }
    return status;
}

/* --- what a person, or the search for ink, has to say about the scan itself --- */

static lethe_status gather_regions(lethe_slide_job *job, lethe_error *error) {
    const lethe_slide_options *options = job->options;
    lethe_slide_region *all = lethe_arena_alloc_array(job->arena, LETHE_SLIDE_REGIONS, sizeof *all);
    size_t count = 0;
    if (!all) return lethe_fail(error, LETHE_NO_MEMORY, "out of memory");
    bool given = job->row && *job->row->mask;
    job->approved = options->approved || given;
    if (given && !lethe_slide_mask_parse(job->row->mask, all, LETHE_SLIDE_REGIONS, &count))
        return lethe_fail(error, LETHE_UNSAFE, "the mask of the slide cannot be read");
    if (options->region_count > LETHE_SLIDE_REGIONS - count) return lethe_fail(error, LETHE_LIMIT, "too many regions");
    for (size_t i = 0; i < options->region_count; i++) all[count++] = options->regions[i];
    job->regions = all;
    job->region_count = count;
    if (count && !job->format->has_plain_levels && !job->format->has_placed_levels)
        return lethe_fail(error, LETHE_UNSAFE, "regions of a slide in this format cannot be blacked out");
    return LETHE_OK;
}

static bool is_inside(const lethe_slide_region *mark, const lethe_slide_region *region) {
    return mark->x_l0 >= region->x_l0 && mark->y_l0 >= region->y_l0 && mark->x_l0 + mark->width_l0 <= region->x_l0 + region->width_l0 &&
           mark->y_l0 + mark->height_l0 <= region->y_l0 + region->height_l0;
}

/* Ink that no region covers waits for a person. */
lethe_status lethe_job_search_marks(lethe_slide_job *job, lethe_error *error) {
    lethe_slide_result *result = job->result;
    lethe_slide *slide = NULL;
    lethe_error why = {0};
    if (job->approved || (job->options->text == LETHE_SLIDE_TEXT_KEEP && !job->options->drawn)) return LETHE_OK;
    lethe_slide_region found[LETHE_MARKS_MOST];
    unsigned count = 0;
    lethe_status status = lethe_slide_open(job->probe->path, &slide, &why);
    if (status == LETHE_OK) status = lethe_marks_find_on_slide(slide, found, LETHE_MARKS_MOST, &count, &why);
    lethe_slide_close(slide);
    if (status == LETHE_NO_MEMORY) return lethe_fail(error, status, "%s", why.message);
    if (status != LETHE_OK) return lethe_fail(error, LETHE_REVIEW, "the scan cannot be searched for ink and writing: %s", why.message);
    for (unsigned i = 0; i < count; i++) {
        bool covered = false;
        for (size_t k = 0; k < job->region_count; k++) covered |= is_inside(&found[i], &job->regions[k]);
        if (!covered) result->marks[result->mark_count++] = found[i];
    }
    if (!result->mark_count && !job->options->drawn) return LETHE_OK;
    if (!result->mark_count) return lethe_fail(error, LETHE_REVIEW, "regions are drawn and nothing else was found: approve to release");
    return lethe_fail(error, LETHE_REVIEW, "ink or writing on the glass in %u place%s of the scan", result->mark_count,
                      result->mark_count == 1 ? "" : "s");
}

/* --- writing and proving --- */

lethe_status lethe_job_measure(lethe_slide_job *job, const char *path, lethe_error *error) {
    lethe_slide_result *result = job->result;
    lethe_slide *slide = NULL;
    lethe_error own = {0};
    lethe_status status = lethe_slide_open(path, &slide, &own);
    if (status == LETHE_UNSUPPORTED) return LETHE_OK; /* a kind that no reader here decodes; its structure was proven */
    if (status != LETHE_OK) return lethe_fail(error, LETHE_UNSAFE, "the output cannot be opened: %s", own.message);
    const lethe_slide_level *first = lethe_slide_level_at(slide, 0);
    result->width_px = first->width_px;
    result->height_px = first->height_px;
    result->levels = lethe_slide_level_count(slide);
    result->mpp_um = lethe_slide_mpp_um(slide);
    result->objective_power = lethe_slide_objective_power(slide);
    lethe_slide_close(slide);
    return LETHE_OK;
}

/* The same pixels as the input's but in the regions, where nothing is to be seen. */
lethe_status lethe_job_prove_pixels(lethe_slide_job *job, const char *path, lethe_error *error) {
    lethe_compare_area areas[LETHE_SLIDE_REGIONS];
    for (size_t i = 0; i < job->region_count; i++)
        areas[i] = (lethe_compare_area){job->regions[i].x_l0, job->regions[i].y_l0, job->regions[i].width_l0, job->regions[i].height_l0};
    lethe_status status = lethe_openslide_compare_outside(job->probe->path, path, areas, job->region_count, &job->result->openslide_regions, error);
    if (status != LETHE_OK) return status;
    /* Where a region reaches beyond a scan there is nothing to be black. */
    return job->format->has_placed_levels ? lethe_openslide_flat(path, areas, job->region_count, error)
                                          : lethe_regions_prove(path, job->regions, job->region_count, error);
}

/* --- slides of several files: staged in a hidden folder, proven there, then renamed into place --- */

static lethe_status hash_file(void *context, const char *path, const char *relative, lethe_error *error) {
    lethe_buffer *list = context;
    char sha256[65];
    lethe_status status = lethe_sha256_file(path, sha256, error);
    return status == LETHE_OK ? lethe_buffer_printf(list, error, "%s  %s\n", sha256, relative) : status;
}

static lethe_status hash_tree(const char *folder, char sha256[65], lethe_error *error) {
    lethe_buffer list;
    lethe_buffer_init(&list, 1 << 20);
    lethe_status status = lethe_walk(folder, hash_file, &list, error);
    if (status == LETHE_OK) status = lethe_sha256_hex(list.bytes, list.size, sha256, error);
    lethe_buffer_release(&list);
    return status;
}

static int remove_entry(const char *path, const struct stat *info, int kind, struct FTW *position) {
    (void)info, (void)kind, (void)position;
    return remove(path);
}

static void remove_tree(const char *folder) { (void)nftw(folder, remove_entry, 8, FTW_DEPTH | FTW_PHYS | FTW_MOUNT); }

int lethe_slide_output_remove(const char *path) {
    int failed = unlink(path);
    if ((failed && errno != ENOENT) || !lethe_text_ends(path, ".mrxs")) return failed;
    int why = errno;
    char *folder = lethe_strndup(path, strlen(path) - strlen(".mrxs"));
    struct stat info;
    if (!folder) errno = ENOMEM;
    else if (lstat(folder, &info) == 0 && S_ISDIR(info.st_mode)) remove_tree(folder);
    bool stands = !folder || lstat(folder, &info) == 0;
    lethe_free(folder);
    if (stands) return -1;
    errno = why;
    return failed;
}

/* `stage` holds NAME/ and NAME.mrxs; the small file comes last, so that a slide is there as a whole or not at all. */
static lethe_status publish(const char *stage, const char *folder, const char *name, const char *extension, bool replace, lethe_error *error) {
    char *from = lethe_asprintf("%s/%s", stage, name), *to = lethe_asprintf("%s/%s", folder, name);
    char *front_from = lethe_asprintf("%s/%s%s", stage, name, extension), *front_to = lethe_asprintf("%s/%s%s", folder, name, extension);
    lethe_status status = LETHE_OK;
    if (!from || !to || !front_from || !front_to) status = lethe_fail(error, LETHE_NO_MEMORY, "out of memory");
    else if (replace && lethe_slide_output_remove(front_to) != 0 && errno != ENOENT)
        status = lethe_fail_errno(error, errno, "cannot remove the slide that is made again");
    else if (access(front_to, F_OK) == 0) status = lethe_fail(error, LETHE_UNSAFE, "another output stands under the slide's pseudonym");
    else {
        remove_tree(to); /* half a slide of an interrupted run */
        if (rename(from, to) != 0 || rename(front_from, front_to) != 0) status = lethe_fail_errno(error, errno, "cannot rename the output");
    }
    if (status == LETHE_OK) status = lethe_folder_sync(folder, error);
    lethe_free(from);
    lethe_free(to);
    lethe_free(front_from);
    lethe_free(front_to);
    return status;
}

/* True when the very same slide stands at its place from an earlier run. */
static bool stands_already(const char *folder, const char *name, const char *extension, const char *stage) {
    char *old = lethe_asprintf("%s/%s", folder, name), *fresh = lethe_asprintf("%s/%s", stage, name),
         *front = lethe_asprintf("%s/%s%s", folder, name, extension);
    char a[65], b[65];
    bool same = old && fresh && front && access(front, F_OK) == 0 && hash_tree(old, a, NULL) == LETHE_OK && hash_tree(fresh, b, NULL) == LETHE_OK &&
                strcmp(a, b) == 0;
    lethe_free(old);
    lethe_free(fresh);
    lethe_free(front);
    return same;
}

static lethe_status add_bytes(void *context, const char *path, const char *relative, lethe_error *error) {
    struct stat info;
    (void)relative;
    if (stat(path, &info) != 0) return lethe_fail_errno(error, errno, "cannot look at the output");
    *(uint64_t *)context += (uint64_t)info.st_size;
    return LETHE_OK;
}

static lethe_status write_tree(lethe_slide_job *job, const char *output_folder, lethe_error *error) {
    lethe_slide_result *result = job->result;
    char *folder = lethe_asprintf("%s/%s/slides", output_folder, result->patient);
    char *stage = folder ? lethe_asprintf("%s/.lethe-%s.tmp", folder, result->slide) : NULL;
    char *inside = stage ? lethe_asprintf("%s/%s", stage, result->slide) : NULL,
         *front = inside ? lethe_asprintf("%s%s", inside, job->format->extension) : NULL;
    lethe_status status = front ? LETHE_OK : lethe_fail(error, LETHE_NO_MEMORY, "out of memory");
    if (status == LETHE_OK) {
        remove_tree(stage);
        status = lethe_folder_create(folder, 0755, error);
    }
    if (status == LETHE_OK) status = lethe_folder_create(stage, 0700, error);
    if (status == LETHE_OK) status = lethe_folder_create(inside, 0755, error);
    job->stage_folder = inside;
    if (status == LETHE_OK) status = job->format->write(job, error);
    if (status == LETHE_OK) status = lethe_job_search_marks(job, error);
    if (status == LETHE_OK) status = lethe_job_prove_pixels(job, front, error);
    if (status == LETHE_OK) status = lethe_job_measure(job, front, error);
    if (status == LETHE_OK) status = hash_tree(stage, result->sha256, error);
    if (status == LETHE_OK) status = lethe_walk(stage, add_bytes, &result->output_bytes, error);
    if (status == LETHE_OK && !stands_already(folder, result->slide, job->format->extension, stage))
        status = publish(stage, folder, result->slide, job->format->extension, job->options->replace, error);
    if (stage) remove_tree(stage);
    job->stage_folder = NULL;
    lethe_free(folder);
    lethe_free(stage);
    lethe_free(inside);
    lethe_free(front);
    return status;
}

static lethe_status run(lethe_slide_job *job, const char *output_folder, lethe_error *error) {
    lethe_slide_result *result = job->result;
    const char *name = job->options->source_name ? job->options->source_name : lethe_path_name(job->probe->path);
    lethe_image label = {0};
    barcode_list *codes = lethe_arena_alloc(job->arena, sizeof *codes);
    if (!codes) return lethe_fail(error, LETHE_NO_MEMORY, "out of memory");
    *codes = (barcode_list){.job = job, .error = error};
    lethe_status status = remember_known(job, name, error);
    if (status == LETHE_OK) status = look_at_label(job, &label, codes, error);
    if (status == LETHE_OK) status = name_output(job, name, codes, error);
    if (status == LETHE_OK && job->options->objected && job->options->objected(job->options->objected_context, result->patient))
        status = lethe_fail(error, LETHE_DENIED, "the patient objects to the use of the data");
    if (status == LETHE_OK) status = gather_regions(job, error);
    if (status == LETHE_OK)
        (void)snprintf(result->output, sizeof result->output, "%s/slides/%s%s", result->patient, result->slide, job->format->extension);
    char *target = status == LETHE_OK ? lethe_path_join(output_folder, result->output) : NULL;
    if (status == LETHE_OK && !target) status = lethe_fail(error, LETHE_NO_MEMORY, "out of memory");
    if (status == LETHE_OK) status = job->format->write ? write_tree(job, output_folder, error) : lethe_job_write_tiff(job, target, error);
    if (status == LETHE_OK) status = keep_label_picture(job, &label, error);
    lethe_image_release(&label);
    lethe_free(target);
    return status;
}

/* A failure of the machine is the caller's; everything else is the slide's. */
static bool is_fault(lethe_status status) {
    return status == LETHE_IO || status == LETHE_NO_MEMORY || status == LETHE_CRYPTO || status == LETHE_INTERNAL;
}

static lethe_status conclude(lethe_slide_result *result, lethe_status status, const lethe_error *why, lethe_error *error) {
    if (status == LETHE_OK) {
        result->outcome = LETHE_SLIDE_RELEASED;
        return LETHE_OK;
    }
    result->outcome = status == LETHE_REVIEW ? LETHE_SLIDE_REVIEW : status == LETHE_DENIED ? LETHE_SLIDE_DROPPED : LETHE_SLIDE_QUARANTINED;
    result->output[0] = '\0';
    result->sha256[0] = '\0';
    (void)snprintf(result->reason, sizeof result->reason, "%s", why->message);
    return is_fault(status) ? lethe_fail(error, status, "%s", why->message) : LETHE_OK;
}

lethe_status lethe_slide_deidentify(const char *path, const lethe_slide_options *options, const char *output_folder, lethe_slide_result *result,
                                    lethe_error *error) {
    *result = (lethe_slide_result){0};
    lethe_error why = {0};
    lethe_slide_probe probe;
    lethe_slide_job job = {.options = options, .probe = &probe, .result = result};
    lethe_status status = lethe_slide_probe_open(path, &probe, &why);
    if (status != LETHE_OK) return conclude(result, status, &why, error);
    result->format = lethe_slide_probe_format(&probe);
    result->input_bytes = probe.map.size;
    job.format = format_named(result->format);
    job.arena = lethe_arena_create(LETHE_LIMIT_ARENA_BYTES);
    if (!job.arena) status = lethe_fail(&why, LETHE_NO_MEMORY, "out of memory");
    if (status == LETHE_OK) status = lethe_search_create(&job.search, &why);
    if (status == LETHE_OK && !job.format) status = lethe_fail(&why, LETHE_UNSUPPORTED, "not a slide of a known format");
    else if (status == LETHE_OK && probe.broken_tiff) status = lethe_fail(&why, LETHE_MALFORMED, "%s", probe.tiff_error.message);
    else if (status == LETHE_OK && job.format->refusal) status = lethe_fail(&why, LETHE_UNSUPPORTED, "%s", job.format->refusal);
    if (status == LETHE_OK) status = run(&job, output_folder, &why);
    lethe_search_destroy(job.search);
    lethe_arena_destroy(job.arena);
    lethe_slide_probe_close(&probe);
    return conclude(result, status, &why, error);
}

void lethe_slide_result_release(lethe_slide_result *result) {
    for (size_t i = 0; i < result->removed_count; i++) lethe_free(result->removed[i]);
    lethe_free(result->removed);
    result->removed = NULL;
    result->removed_count = 0;
}
