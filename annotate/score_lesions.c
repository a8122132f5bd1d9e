/* Metrics of findings and masks: FROC over points, PI-CAI over detection maps, Dice and Hausdorff over masks.
 *
 * FROC: the truth is images.csv (image) and lesions.csv (image,x,y,radius: circles, in the same pixels as the findings); a submission is
 * image,x,y,score. PI-CAI, Dice, HD95: folders of NIfTI files with the same names on both sides (a submission's `_detection_map` before the ending is
 * allowed). */
#include "annotate/formats/nifti_file.h"
#include "annotate/score_internal.h"

#include "core/file.h"
#include "core/memory.h"
#include "core/text.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* --- FROC --- */

typedef struct circle {
    size_t image;
    double x, y, radius;
} circle;

static size_t image_number(const lethe_csv *images, int id, const char *name) {
    for (size_t i = 0; i < lethe_csv_rows(images); i++)
        if (strcmp(lethe_csv_get(images, i, (size_t)id), name) == 0) return i;
    return SIZE_MAX;
}

static lethe_status read_columns(const lethe_csv *csv, const char *name, size_t row, const char *const *columns, size_t count, double *values,
                                 lethe_error *error) {
    lethe_status status = LETHE_OK;
    for (size_t i = 0; status == LETHE_OK && i < count; i++) {
        int column = lethe_csv_find(csv, columns[i]);
        if (column < 0) return lethe_fail(error, LETHE_MALFORMED, "%s: line 1: no column '%s'", name, columns[i]);
        status = lethe_score_number(csv, name, row, column, &values[i], error);
    }
    return status;
}

/* Best-scored finding first; each takes the nearest lesion that it lies in. Later hits of a lesion that is taken do not count. */
static lethe_status add_finding(lethe_scored *scored, size_t image, double score, bool hit, lethe_error *error) {
    scored_case *c = &scored->cases[image];
    scored_finding *grown = lethe_realloc_array(c->findings, c->finding_count + 1, sizeof *grown);
    if (grown == NULL) return lethe_fail(error, LETHE_NO_MEMORY, "no memory for findings");
    c->findings = grown;
    c->findings[c->finding_count++] = (scored_finding){.score = score, .is_lesion = hit};
    return LETHE_OK;
}

typedef struct point_finding {
    size_t image, row;
    double x, y, score;
} point_finding;

static int best_first(const void *a, const void *b) {
    const point_finding *left = a, *right = b;
    if (left->score < right->score || left->score > right->score) return left->score > right->score ? -1 : 1;
    return left->row < right->row ? -1 : left->row > right->row;
}

static lethe_status match_points(lethe_scored *scored, point_finding *findings, size_t count, const circle *lesions, size_t lesion_count,
                                 lethe_error *error) {
    bool *taken = lethe_alloc_array(lesion_count, sizeof *taken);
    lethe_status status = taken == NULL ? lethe_fail(error, LETHE_NO_MEMORY, "no memory for findings") : LETHE_OK;
    if (status == LETHE_OK && count > 1) qsort(findings, count, sizeof *findings, best_first);
    for (size_t i = 0; status == LETHE_OK && i < count; i++) {
        size_t hit = SIZE_MAX;
        double nearest = INFINITY;
        for (size_t k = 0; k < lesion_count; k++) {
            double away = hypot(lesions[k].x - findings[i].x, lesions[k].y - findings[i].y);
            if (lesions[k].image != findings[i].image || away > lesions[k].radius || away >= nearest) continue;
            nearest = away;
            hit = k;
        }
        if (hit == SIZE_MAX || !taken[hit]) status = add_finding(scored, findings[i].image, findings[i].score, hit != SIZE_MAX, error);
        if (hit != SIZE_MAX) taken[hit] = true;
    }
    lethe_free(taken);
    return status;
}

static lethe_status load_froc(const char *truth, const char *submission, lethe_scored **out, lethe_error *error) {
    static const char *const circle_columns[] = {"x", "y", "radius"}, *const finding_columns[] = {"x", "y", "score"};
    char *images_path = lethe_path_join(truth, "images.csv"), *lesions_path = lethe_path_join(truth, "lesions.csv");
    lethe_csv *images = NULL, *lesions = NULL, *given = NULL;
    circle *circles = NULL;
    point_finding *findings = NULL;
    lethe_scored *scored = NULL;
    const char *name = lethe_path_name(submission);
    lethe_status status = images_path == NULL || lesions_path == NULL ? lethe_fail(error, LETHE_NO_MEMORY, "no memory for a path")
                                                                      : lethe_csv_load(images_path, &images, error);
    if (status == LETHE_OK) status = lethe_csv_load(lesions_path, &lesions, error);
    if (status == LETHE_OK) status = lethe_csv_load(submission, &given, error);
    if (status != LETHE_OK) goto out;
    status = LETHE_NO_MEMORY;
    circles = lethe_alloc_array(lethe_csv_rows(lesions), sizeof *circles);
    findings = lethe_alloc_array(lethe_csv_rows(given), sizeof *findings);
    if (circles == NULL || findings == NULL || (scored = lethe_scored_create(lethe_csv_rows(images))) == NULL) goto out;
    status = LETHE_OK;
    int id = lethe_score_id_column(images), lesion_id = lethe_score_id_column(lesions),
        given_id = lethe_csv_find(given, lethe_csv_header(images, (size_t)id));
    if (given_id < 0) status = lethe_fail(error, LETHE_MALFORMED, "%s: line 1: no column '%s'", name, lethe_csv_header(images, (size_t)id));
    for (size_t i = 0; status == LETHE_OK && i < lethe_csv_rows(lesions); i++) {
        double v[3];
        status = read_columns(lesions, "lesions.csv", i, circle_columns, 3, v, error);
        circles[i] = (circle){image_number(images, id, lethe_csv_get(lesions, i, (size_t)lesion_id)), v[0], v[1], v[2]};
        if (status == LETHE_OK && circles[i].image == SIZE_MAX)
            status = lethe_fail(error, LETHE_MALFORMED, "lesions.csv: line %zu: not in images.csv", lethe_csv_line(lesions, i));
        if (status == LETHE_OK) scored->cases[circles[i].image].lesion_count++;
    }
    for (size_t i = 0; status == LETHE_OK && i < lethe_csv_rows(given); i++) {
        double v[3];
        status = read_columns(given, name, i, finding_columns, 3, v, error);
        findings[i] = (point_finding){image_number(images, id, lethe_csv_get(given, i, (size_t)given_id)), i, v[0], v[1], v[2]};
        if (status == LETHE_OK && findings[i].image == SIZE_MAX)
            status = lethe_fail(error, LETHE_MALFORMED, "%s: line %zu: '%.60s' is not in the test set", name, lethe_csv_line(given, i),
                                lethe_csv_get(given, i, (size_t)given_id));
    }
    if (status == LETHE_OK) status = match_points(scored, findings, lethe_csv_rows(given), circles, lethe_csv_rows(lesions), error);
out:
    if (status == LETHE_OK) {
        *out = scored;
        scored = NULL;
    } else {
        (void)lethe_fail(error, status, "no memory for a score");
    }
    lethe_scored_destroy(scored);
    lethe_csv_destroy(images);
    lethe_csv_destroy(lesions);
    lethe_csv_destroy(given);
    lethe_free(circles);
    lethe_free(findings);
    lethe_free(images_path);
    lethe_free(lesions_path);
    return status;
}

/* All findings of some cases; lesions are numbered anew, so that a case drawn twice has lesions of its own. */
static bool gather(const lethe_scored *scored, const size_t *cases, size_t count, lethe_finding **findings, size_t *found, size_t *lesions) {
    size_t total = 0;
    *lesions = *found = 0;
    for (size_t i = 0; i < count; i++) total += scored->cases[cases[i]].finding_count;
    *findings = lethe_alloc_array(total, sizeof **findings);
    if (*findings == NULL) return false;
    int64_t next = 0;
    for (size_t i = 0; i < count; i++) {
        const scored_case *c = &scored->cases[cases[i]];
        *lesions += c->lesion_count;
        for (size_t k = 0; k < c->finding_count; k++)
            if (!c->findings[k].missed) (*findings)[(*found)++] = (lethe_finding){c->findings[k].score, c->findings[k].is_lesion ? next++ : -1};
    }
    return true;
}

static double froc_value(const void *context, const size_t *cases, size_t count) {
    lethe_finding *findings;
    size_t found, lesions;
    double mean = NAN;
    if (gather(context, cases, count, &findings, &found, &lesions) && lethe_froc(findings, found, lesions, count, NULL, &mean, NULL) != LETHE_OK)
        mean = NAN;
    lethe_free(findings);
    return mean;
}

static lethe_status more_froc(const lethe_scored *scored, lethe_score *score, lethe_error *error) {
    static const char *const names[6] = {"sensitivity_at_0.25", "sensitivity_at_0.5", "sensitivity_at_1",
                                         "sensitivity_at_2",    "sensitivity_at_4",   "sensitivity_at_8"};
    lethe_finding *findings = NULL;
    size_t found, lesions, *all = lethe_alloc_array(scored->count, sizeof *all);
    double at[6], mean;
    lethe_status status = LETHE_OK;
    for (size_t i = 0; all != NULL && i < scored->count; i++) all[i] = i;
    if (all == NULL || !gather(scored, all, scored->count, &findings, &found, &lesions))
        status = lethe_fail(error, LETHE_NO_MEMORY, "no memory for a score");
    if (status == LETHE_OK) status = lethe_froc(findings, found, lesions, scored->count, at, &mean, error);
    for (int i = 0; status == LETHE_OK && lesions > 0 && i < 6; i++) {
        lethe_score_value *v = &score->values[score->count++];
        *v = (lethe_score_value){"", at[i], {NAN, NAN}};
        (void)snprintf(v->name, sizeof v->name, "%s", names[i]);
    }
    lethe_free(all);
    lethe_free(findings);
    return status;
}

const lethe_metric lethe_metric_froc = {
    "froc", "mean sensitivity at 1/4 to 8 false positives per image (CAMELYON16): points in circles", load_froc, froc_value, more_froc, "froc",
    false};

/* --- pairs of NIfTI files --- */

typedef lethe_status (*pair_fn)(scored_case *c, const lethe_nifti *truth, const lethe_nifti *submitted, lethe_error *error);

typedef struct pair_walk {
    const char *submission;
    lethe_scored *scored;
    size_t capacity;
    pair_fn compare;
} pair_walk;

/* The submitted file that answers truth file `name` ("case.nii.gz"). */
static char *find_answer(const char *folder, const char *name) {
    static const char *const endings[] = {".nii.gz", ".nii", "_detection_map.nii.gz", "_detection_map.nii"};
    size_t stem = lethe_text_ends(name, ".nii.gz") ? strlen(name) - 7 : strlen(name) - 4;
    for (size_t i = 0; i < sizeof endings / sizeof *endings; i++) {
        char *path = lethe_asprintf("%s/%.*s%s", folder, (int)stem, name, endings[i]);
        if (path == NULL || access(path, R_OK) == 0) return path;
        lethe_free(path);
    }
    return NULL;
}

static lethe_status compare_file(void *context, const char *path, const char *relative, lethe_error *error) {
    pair_walk *walk = context;
    lethe_nifti truth = {0}, submitted = {0};
    if (!lethe_text_ends(relative, ".nii.gz") && !lethe_text_ends(relative, ".nii")) return LETHE_OK;
    if (walk->scored->count == walk->capacity) {
        size_t capacity = walk->capacity == 0 ? 64 : walk->capacity * 2;
        scored_case *grown = lethe_realloc_array(walk->scored->cases, capacity, sizeof *grown);
        if (grown == NULL) return lethe_fail(error, LETHE_NO_MEMORY, "no memory for a score");
        walk->scored->cases = grown;
        walk->capacity = capacity;
    }
    scored_case *c = &walk->scored->cases[walk->scored->count];
    memset(c, 0, sizeof *c);
    c->id = lethe_strdup(relative);
    walk->scored->count++;
    char *answer = find_answer(walk->submission, relative);
    lethe_status status = c->id == NULL ? lethe_fail(error, LETHE_NO_MEMORY, "no memory for a score") : LETHE_OK;
    if (status == LETHE_OK && answer == NULL) status = lethe_fail(error, LETHE_MALFORMED, "the submission has no file for %.100s", relative);
    if (status == LETHE_OK) status = lethe_nifti_load(path, &truth, error);
    lethe_error inner = {0};
    if (status == LETHE_OK && (status = lethe_nifti_load(answer, &submitted, &inner)) != LETHE_OK)
        (void)lethe_fail(error, status, "%.100s of the submission: %.120s", relative, inner.message);
    if (status == LETHE_OK && (truth.columns != submitted.columns || truth.rows != submitted.rows || truth.slices != submitted.slices))
        status = lethe_fail(error, LETHE_MALFORMED, "%.100s of the submission: %u x %u x %u voxels, the truth has %u x %u x %u", relative,
                            submitted.columns, submitted.rows, submitted.slices, truth.columns, truth.rows, truth.slices);
    size_t voxels = (size_t)truth.columns * truth.rows * truth.slices;
    for (size_t i = 0; status == LETHE_OK && i < voxels; i++)
        if (!isfinite(submitted.voxels[i]))
            status = lethe_fail(error, LETHE_MALFORMED, "%.100s of the submission: a voxel is not a number", relative);
    if (status == LETHE_OK) status = walk->compare(c, &truth, &submitted, error);
    lethe_nifti_release(&truth);
    lethe_nifti_release(&submitted);
    lethe_free(answer);
    return status;
}

static lethe_status load_pairs(const char *truth, const char *submission, pair_fn compare, lethe_scored **out, lethe_error *error) {
    pair_walk walk = {.submission = submission, .scored = lethe_scored_create(0), .compare = compare};
    if (walk.scored == NULL) return lethe_fail(error, LETHE_NO_MEMORY, "no memory for a score");
    lethe_status status = lethe_walk(truth, compare_file, &walk, error);
    if (status == LETHE_OK && walk.scored->count == 0) status = lethe_fail(error, LETHE_NOT_FOUND, "the truth holds no NIfTI files");
    if (status == LETHE_OK) *out = walk.scored;
    else lethe_scored_destroy(walk.scored);
    return status;
}

static lethe_grid grid_of(const lethe_nifti *n) {
    return (lethe_grid){n->columns, n->rows, n->slices, {n->spacing_mm[0], n->spacing_mm[1], n->spacing_mm[2]}};
}

/* --- PI-CAI --- */

enum { MOST_CELLS = 1 << 24 };

/* IoU of every lesion (row) with every finding (column); what is below 0.10 counts as 0. */
static lethe_status overlaps(const uint32_t *truth, uint32_t truths, const uint32_t *found, uint32_t finds, size_t voxels, double **out,
                             lethe_error *error) {
    size_t cells, stride = (size_t)finds + 1;
    *out = NULL;
    if (!lethe_multiply_size((size_t)truths + 1, stride, &cells) || cells > MOST_CELLS) return lethe_fail(error, LETHE_LIMIT, "too many lesions");
    size_t *both = lethe_alloc_array(cells, sizeof *both), *truth_size = lethe_alloc_array((size_t)truths + 1, sizeof *truth_size),
           *found_size = lethe_alloc_array(stride, sizeof *found_size);
    *out = lethe_alloc_array(cells, sizeof **out);
    bool complete = both != NULL && truth_size != NULL && found_size != NULL && *out != NULL;
    for (size_t i = 0; complete && i < voxels; i++) {
        both[truth[i] * stride + found[i]]++;
        truth_size[truth[i]]++;
        found_size[found[i]]++;
    }
    for (size_t t = 1; complete && t <= truths; t++)
        for (size_t f = 1; f <= finds; f++) {
            double shared = (double)both[t * stride + f], iou = shared / ((double)truth_size[t] + (double)found_size[f] - shared);
            (*out)[(t - 1) * finds + f - 1] = iou < 0.10 ? 0 : iou;
        }
    lethe_free(both);
    lethe_free(truth_size);
    lethe_free(found_size);
    return complete ? LETHE_OK : lethe_fail(error, LETHE_NO_MEMORY, "no memory for lesions");
}

/* Pair lesions and findings: as many pairs as can be, then the largest total overlap. A finding that overlaps a lesion enough but is in no pair is
 * neither a hit nor a false alarm. */
static lethe_status pair_lesions(scored_case *c, double *iou, uint32_t truths, uint32_t finds, lethe_error *error) {
    size_t *column = lethe_alloc_array(truths, sizeof *column), kept = 0;
    bool *touched = lethe_alloc_array(finds, sizeof *touched);
    lethe_status status = column == NULL || touched == NULL ? lethe_fail(error, LETHE_NO_MEMORY, "no memory for lesions") : LETHE_OK;
    for (size_t i = 0; status == LETHE_OK && i < (size_t)truths * finds; i++)
        if (iou[i] > 0) {
            iou[i] += 1;
            touched[i % finds] = true;
        }
    if (status == LETHE_OK) status = lethe_match_largest(iou, truths, finds, column, error);
    for (size_t t = 0; status == LETHE_OK && t < truths; t++)
        if (column[t] != SIZE_MAX && iou[t * finds + column[t]] > 0) c->findings[column[t]].is_lesion = true;
        else column[t] = SIZE_MAX;
    for (size_t f = 0; status == LETHE_OK && f < finds; f++)
        if (c->findings[f].is_lesion || !touched[f]) c->findings[kept++] = c->findings[f];
    c->finding_count = kept;
    for (size_t t = 0; status == LETHE_OK && t < truths; t++)
        if (column[t] == SIZE_MAX) c->findings[c->finding_count++] = (scored_finding){.is_lesion = true, .missed = true};
    lethe_free(column);
    lethe_free(touched);
    return status;
}

static int by_value(const void *a, const void *b) {
    float left = *(const float *)a, right = *(const float *)b;
    return left < right ? -1 : left > right;
}

/* A detection map gives each finding one value: more values than findings mean that a map of probabilities was handed in. */
static lethe_status check_detection_map(const lethe_nifti *map, const uint32_t *labels, uint32_t finds, size_t voxels, const char *id,
                                        lethe_error *error) {
    float *values = lethe_alloc_array(voxels, sizeof *values);
    size_t count = 0, different = 0;
    if (values == NULL) return lethe_fail(error, LETHE_NO_MEMORY, "no memory for lesions");
    for (size_t i = 0; i < voxels; i++)
        if (labels[i] != 0 && (count == 0 || map->voxels[i] < values[count - 1] || map->voxels[i] > values[count - 1]))
            values[count++] = map->voxels[i];
    if (count > 1) qsort(values, count, sizeof *values, by_value);
    for (size_t i = 0; i < count; i++) different += i == 0 || values[i] > values[i - 1];
    lethe_free(values);
    if (different <= finds) return LETHE_OK;
    return lethe_fail(
        error, LETHE_MALFORMED,
        "%.100s of the submission: %zu different values in %u findings: a detection map has one value per finding, this looks like a map of "
        "probabilities",
        id, different, finds);
}

/* Components (26-connected) of the truth against those of the detection map; a hit is an IoU of at least 0.10, one to one. The score of a finding is
 * its highest voxel, of the case its best finding. */
static lethe_status compare_picai(scored_case *c, const lethe_nifti *truth, const lethe_nifti *submitted, lethe_error *error) {
    size_t voxels = (size_t)truth->columns * truth->rows * truth->slices;
    lethe_grid grid = grid_of(truth);
    uint32_t truths = 0, finds = 0, *truth_labels = lethe_alloc_array(voxels, sizeof *truth_labels),
             *found_labels = lethe_alloc_array(voxels, sizeof *found_labels);
    uint8_t *mask = lethe_alloc_array(voxels, 1);
    double *iou = NULL;
    lethe_status status =
        truth_labels == NULL || found_labels == NULL || mask == NULL ? lethe_fail(error, LETHE_NO_MEMORY, "no memory for lesions") : LETHE_OK;
    for (size_t i = 0; status == LETHE_OK && i < voxels; i++) mask[i] = truth->voxels[i] > 0;
    if (status == LETHE_OK) status = lethe_components(mask, &grid, truth_labels, &truths, error);
    for (size_t i = 0; status == LETHE_OK && i < voxels; i++) {
        if (submitted->voxels[i] < 0 || submitted->voxels[i] > 1)
            status = lethe_fail(error, LETHE_MALFORMED, "%.100s of the submission: a detection map holds values from 0 to 1", c->id);
        mask[i] = submitted->voxels[i] > 0;
    }
    if (status == LETHE_OK) status = lethe_components(mask, &grid, found_labels, &finds, error);
    if (status == LETHE_OK) status = check_detection_map(submitted, found_labels, finds, voxels, c->id, error);
    if (status == LETHE_OK) status = overlaps(truth_labels, truths, found_labels, finds, voxels, &iou, error);
    if (status == LETHE_OK && (c->findings = lethe_alloc_array((size_t)truths + finds, sizeof *c->findings)) == NULL)
        status = lethe_fail(error, LETHE_NO_MEMORY, "no memory for lesions");
    if (status == LETHE_OK) {
        c->truth = truths > 0;
        c->lesion_count = truths;
        for (size_t i = 0; i < voxels; i++)
            if (found_labels[i] != 0)
                c->findings[found_labels[i] - 1].score = fmax(c->findings[found_labels[i] - 1].score, (double)submitted->voxels[i]);
        for (uint32_t f = 0; f < finds; f++) c->score = fmax(c->score, c->findings[f].score);
        status = pair_lesions(c, iou, truths, finds, error);
    }
    lethe_free(truth_labels);
    lethe_free(found_labels);
    lethe_free(mask);
    lethe_free(iou);
    return status;
}

static lethe_status load_picai(const char *truth, const char *submission, lethe_scored **out, lethe_error *error) {
    return load_pairs(truth, submission, compare_picai, out, error);
}

static void picai_parts(const lethe_scored *scored, const size_t *cases, size_t count, double *auroc, double *precision) {
    size_t total = 0, found = 0, missed = 0;
    *auroc = *precision = NAN;
    for (size_t i = 0; i < count; i++) total += scored->cases[cases[i]].finding_count;
    double *scores = lethe_alloc_array(count, sizeof *scores), *finding_scores = lethe_alloc_array(total, sizeof *finding_scores);
    int *labels = lethe_alloc_array(count, sizeof *labels), *finding_labels = lethe_alloc_array(total, sizeof *finding_labels);
    lethe_auroc_result result;
    if (scores != NULL && finding_scores != NULL && labels != NULL && finding_labels != NULL) {
        for (size_t i = 0; i < count; i++) {
            const scored_case *c = &scored->cases[cases[i]];
            scores[i] = c->score;
            labels[i] = c->truth;
            for (size_t k = 0; k < c->finding_count; k++) {
                if (c->findings[k].missed) {
                    missed++;
                    continue;
                }
                finding_scores[found] = c->findings[k].score;
                finding_labels[found++] = c->findings[k].is_lesion;
            }
        }
        if (lethe_auroc(scores, labels, count, &result, NULL) == LETHE_OK) *auroc = result.area;
        if (lethe_average_precision(finding_scores, finding_labels, found, missed, precision, NULL) != LETHE_OK) *precision = NAN;
    }
    lethe_free(scores);
    lethe_free(finding_scores);
    lethe_free(labels);
    lethe_free(finding_labels);
}

static double picai_value(const void *context, const size_t *cases, size_t count) {
    double auroc, precision;
    picai_parts(context, cases, count, &auroc, &precision);
    return (auroc + precision) / 2;
}

static lethe_status more_picai(const lethe_scored *scored, lethe_score *score, lethe_error *error) {
    double auroc, precision;
    size_t *all = lethe_alloc_array(scored->count, sizeof *all);
    if (all == NULL) return lethe_fail(error, LETHE_NO_MEMORY, "no memory for a score");
    for (size_t i = 0; i < scored->count; i++) all[i] = i;
    picai_parts(scored, all, scored->count, &auroc, &precision);
    score->values[score->count++] = (lethe_score_value){"auroc", auroc, {NAN, NAN}};
    score->values[score->count++] = (lethe_score_value){"average_precision", precision, {NAN, NAN}};
    lethe_free(all);
    return LETHE_OK;
}

const lethe_metric lethe_metric_picai = {
    "picai", "(AUROC + AP) / 2 of PI-CAI: NIfTI detection maps, hit at IoU 0.10, 26-connected lesions", load_picai, picai_value, more_picai, "picai",
    false};

/* --- Dice, IoU, HD95 --- */

/* Means over the labels that either side has. */
static lethe_status compare_masks(scored_case *c, const lethe_nifti *truth, const lethe_nifti *submitted, lethe_error *error) {
    size_t voxels = (size_t)truth->columns * truth->rows * truth->slices, labels = 0;
    lethe_grid grid = grid_of(truth);
    bool present[256] = {false};
    uint8_t *a = lethe_alloc_array(voxels, 1), *b = lethe_alloc_array(voxels, 1);
    lethe_status status = a == NULL || b == NULL ? lethe_fail(error, LETHE_NO_MEMORY, "no memory for masks") : LETHE_OK;
    for (size_t i = 0; status == LETHE_OK && i < voxels; i++) {
        float values[2] = {truth->voxels[i], submitted->voxels[i]};
        for (int k = 0; k < 2; k++) {
            if (values[k] < 0 || values[k] > 255 || floorf(values[k]) < values[k])
                status = lethe_fail(error, LETHE_MALFORMED, "%.100s%s: a mask holds whole numbers from 0 to 255", c->id,
                                    k == 1 ? " of the submission" : "");
            else present[(int)values[k]] = true;
        }
    }
    for (int value = 1; status == LETHE_OK && value < 256; value++) {
        double dice, iou, distance = NAN;
        if (!present[value]) continue;
        for (size_t i = 0; i < voxels; i++) {
            a[i] = (int)truth->voxels[i] == value;
            b[i] = (int)submitted->voxels[i] == value;
        }
        lethe_overlap(a, b, voxels, &dice, &iou);
        status = lethe_hausdorff95(a, b, &grid, &distance, error);
        /* A label that one side lacks is as far off as the volume is long. */
        if (isnan(distance))
            distance =
                sqrt(pow(grid.columns * grid.spacing_mm[0], 2) + pow(grid.rows * grid.spacing_mm[1], 2) + pow(grid.slices * grid.spacing_mm[2], 2));
        c->values[0] += dice;
        c->values[1] += iou;
        c->values[2] += distance;
        labels++;
    }
    for (int i = 0; i < 3; i++) c->values[i] = labels > 0 ? c->values[i] / (double)labels : i < 2 ? 1 : 0;
    lethe_free(a);
    lethe_free(b);
    return status;
}

static lethe_status load_masks(const char *truth, const char *submission, lethe_scored **out, lethe_error *error) {
    return load_pairs(truth, submission, compare_masks, out, error);
}

static double mean_value(const lethe_scored *scored, const size_t *cases, size_t count, int which) {
    double sum = 0;
    for (size_t i = 0; i < count; i++) sum += scored->cases[cases == NULL ? i : cases[i]].values[which];
    return count == 0 ? NAN : sum / (double)count;
}

static double dice_value(const void *context, const size_t *cases, size_t count) { return mean_value(context, cases, count, 0); }
static double hd95_value(const void *context, const size_t *cases, size_t count) { return mean_value(context, cases, count, 2); }

static lethe_status more_masks(const lethe_scored *scored, lethe_score *score, lethe_error *error) {
    (void)error;
    static const char *const names[3] = {"mean_dice", "mean_iou", "mean_hd95_mm"};
    for (int i = 0; i < 3; i++) {
        lethe_score_value *v = &score->values[score->count++];
        *v = (lethe_score_value){"", mean_value(scored, NULL, scored->count, i), {NAN, NAN}};
        (void)snprintf(v->name, sizeof v->name, "%s", names[i]);
    }
    return LETHE_OK;
}

const lethe_metric lethe_metric_dice = {"dice", "mean Dice of NIfTI masks (IoU and HD95 too)", load_masks, dice_value, more_masks, "dice", false};
const lethe_metric lethe_metric_hd95 = {"hd95", "mean 95 % Hausdorff distance of NIfTI masks in mm", load_masks, hd95_value, more_masks, "hd95_mm",
                                        true};
