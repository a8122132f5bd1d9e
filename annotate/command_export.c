/* lethe export: a snapshot as files. */
#include "annotate/commands.h"

#include "annotate/changed.h"
#include "annotate/publish.h"
#include "annotate/rename.h"
#include "annotate/snapshot.h"
#include "core/memory.h"
#include "core/text.h"

#include <stdio.h>
#include <string.h>

enum { MOST_FORMATS = 32 };

/* "coco,png" -> formats. */
static int parse_formats(lethe_command *c, const char *list, const lethe_format *formats[MOST_FORMATS], size_t *count) {
    *count = 0;
    for (const char *at = list; *at != '\0';) {
        char name[32];
        size_t length = strcspn(at, ",");
        if (length == 0 || length >= sizeof name) return lethe_command_usage(c, "'%s' is not a list of formats", list);
        memcpy(name, at, length);
        name[length] = '\0';
        const lethe_format *format = lethe_format_find(name);
        if (format == NULL || format->write == NULL || *count == MOST_FORMATS) return lethe_command_usage(c, "'%s' is not an export format", name);
        formats[(*count)++] = format;
        at += length + (at[length] == ',');
    }
    return 0;
}

/* Random case names: by which key, and where the organiser's mapping goes. */
typedef struct naming {
    const char *key_path, *mapping_path;
} naming;

static lethe_status name_cases(lethe_command *c, int64_t snapshot, const naming *names, lethe_image_index *index, lethe_renamer **renamer,
                               lethe_error *error) {
    char words[300] = "";
    if (names->key_path == NULL) return LETHE_OK;
    lethe_status status = lethe_snapshot_identity(c->store, snapshot, words, sizeof words, error);
    if (status == LETHE_OK) status = lethe_renamer_create(names->key_path, words, renamer, error);
    if (status == LETHE_OK) status = lethe_rename_index(*renamer, index, error);
    return status == LETHE_OK ? lethe_rename_mapping(index, names->mapping_path, error) : status;
}

/* A snapshot is a fact: what was frozen about other pixels is told, and goes out only with somebody's word. */
static lethe_status check_unchanged(lethe_command *c, int64_t snapshot, bool accepted, int64_t *images, lethe_error *error) {
    int64_t annotations = 0;
    lethe_status status = lethe_changed_count(c->store, snapshot, images, &annotations, error);
    if (status != LETHE_OK || *images == 0) return status;
    if (!accepted)
        return lethe_fail(error, LETHE_USAGE,
                          "%lld images of this snapshot were made again after it was frozen (lethe snapshot verify): freeze another one, or give "
                          "--changed-images",
                          (long long)*images);
    if (!c->quiet)
        (void)fprintf(stderr, "lethe export: %lld images were made again after this snapshot was frozen: other pixels inside of redaction boxes\n",
                      (long long)*images);
    return LETHE_OK;
}

static lethe_status run_export(lethe_command *c, const char *snapshot, const lethe_format *const *formats, size_t count, const char *out,
                               const lethe_dataset_options *options, const lethe_publication *publication, const naming *names, lethe_error *error) {
    lethe_image_index *index = NULL;
    lethe_renamer *renamer = NULL;
    lethe_dataset *dataset = NULL;
    lethe_package *package = NULL;
    int64_t id = 0, changed = 0;
    lethe_status status = lethe_command_open(c, error);
    if (status == LETHE_OK) status = lethe_snapshot_find(c->store, snapshot, &id, error);
    if (status == LETHE_OK) status = check_unchanged(c, id, options->changed_images, &changed, error);
    if (status == LETHE_OK) status = lethe_image_index_load(lethe_store_catalogue(c->store), &index, error);
    if (status == LETHE_OK) status = name_cases(c, id, names, index, &renamer, error);
    if (status == LETHE_OK) status = lethe_dataset_load(c->store, c->project->released_path, index, id, options, &dataset, error);
    if (status == LETHE_OK) status = lethe_package_create(out, &package, error);
    if (status == LETHE_OK) dataset->package = package;
    if (status == LETHE_OK) dataset->changed = (size_t)changed;
    if (status == LETHE_OK && publication != NULL) status = lethe_publish(dataset, publication, formats, count, error);
    for (size_t i = 0; status == LETHE_OK && publication == NULL && i < count; i++) status = formats[i]->write(dataset, error);
    if (status == LETHE_OK) status = lethe_package_finish(package, error);
    if (status == LETHE_OK) {
        size_t files;
        (void)lethe_package_files(package, &files);
        (void)printf(c->json ? "{\"files\":%zu,\"annotations\":%zu}\n" : "%zu files, %zu annotations\n", files, dataset->labels->count);
    }
    lethe_package_destroy(package);
    lethe_dataset_destroy(dataset);
    lethe_image_index_destroy(index);
    lethe_renamer_destroy(renamer);
    return status;
}

/* "70,15,15" */
static bool parse_shares(const char *text, double shares[LETHE_SPLITS]) {
    for (int i = 0; i < LETHE_SPLITS; i++) {
        char number[24];
        size_t length = strcspn(text, ",");
        if (length == 0 || length >= sizeof number) return false;
        memcpy(number, text, length);
        number[length] = '\0';
        if (!lethe_text_to_double(number, &shares[i]) || !(shares[i] >= 0) || shares[i] > 1e6) return false;
        text += length + (text[length] == ',');
    }
    return *text == '\0' && shares[0] + shares[1] + shares[2] > 0;
}

/* "512", "0.5": false when there is something else. */
static bool number_of(const char *text, double low, double high, double *value) {
    return text == NULL || (lethe_text_to_double(text, value) && *value >= low && *value <= high);
}

/* --tile-size, --tile-level, --tile-mpp, --tile-type, --tile-all. */
static int tile_options(lethe_command *c, lethe_dataset_options *options) {
    const char *size = lethe_command_option(c, "--tile-size"), *level = lethe_command_option(c, "--tile-level"),
               *mpp = lethe_command_option(c, "--tile-mpp"), *type = lethe_command_option(c, "--tile-type");
    double side = 0, number = 0;
    options->tile_all = lethe_command_flag(c, "--tile-all");
    if (!number_of(size, 16, 4096, &side) || !number_of(level, 0, 63, &number) || !number_of(mpp, 0.01, 1000, &options->tile_mpp_um))
        return lethe_command_usage(c, "--tile-size wants 16 to 4096 pixels, --tile-level a number, --tile-mpp micrometres per pixel");
    if (level != NULL && mpp != NULL) return lethe_command_usage(c, "--tile-level or --tile-mpp, not both");
    if (type != NULL && strcmp(type, "png") != 0 && strcmp(type, "jpeg") != 0) return lethe_command_usage(c, "--tile-type is jpeg or png");
    options->tile_png = type != NULL && strcmp(type, "png") == 0;
    options->tile_px = (uint32_t)side;
    options->tile_level = (uint32_t)number;
    return 0;
}

/* --shards, --shard-size, --preview, --sites. */
static int package_options(lethe_command *c, lethe_publication *p) {
    const char *shards = lethe_command_option(c, "--shards"), *size = lethe_command_option(c, "--shard-size"),
               *preview = lethe_command_option(c, "--preview");
    double mib = 256, pictures = 0;
    p->sites_path = lethe_command_option(c, "--sites");
    if (shards != NULL && strcmp(shards, "tar") != 0 && strcmp(shards, "zip") != 0) return lethe_command_usage(c, "--shards is tar or zip");
    if (!number_of(size, 0.001, 1e6, &mib) || !number_of(preview, 1, 999, &pictures))
        return lethe_command_usage(c, "--shard-size wants MiB, --preview 1 to 999 pictures");
    p->shards = shards == NULL ? LETHE_SHARDS_NONE : shards[0] == 't' ? LETHE_SHARDS_TAR : LETHE_SHARDS_ZIP;
    p->shard_bytes = (uint64_t)(mib * 1048576);
    p->preview = (unsigned)pictures;
    return 0;
}

static bool writes_tiles(const lethe_format *const *formats, size_t count) {
    for (size_t i = 0; i < count; i++)
        if (strcmp(formats[i]->name, "tiles") == 0) return true;
    return false;
}

int lethe_command_export(lethe_command *c) {
    const char *snapshot = lethe_command_option(c, "--snapshot"), *list = lethe_command_option(c, "--format"), *out = lethe_command_option(c, "-o");
    const char *shares = lethe_command_option(c, "--split"), *seed = lethe_command_option(c, "--seed");
    lethe_dataset_options options = {.author = lethe_command_option(c, "--author"),
                                     .keep_empty_frames = lethe_command_flag(c, "--keep-empty-frames"),
                                     .reader_names = lethe_command_flag(c, "--reader-names"),
                                     .with_images = lethe_command_flag(c, "--with-images"),
                                     .changed_images = lethe_command_flag(c, "--changed-images")};
    lethe_publication publication = {.title = lethe_command_option(c, "--title"),
                                     .licence = lethe_command_option(c, "--licence"),
                                     .description = lethe_command_option(c, "--description"),
                                     .url = lethe_command_option(c, "--url"),
                                     .creator = lethe_command_option(c, "--creator"),
                                     .contact = lethe_command_option(c, "--contact"),
                                     .access_body = lethe_command_option(c, "--access-body"),
                                     .health_category = lethe_command_option(c, "--health-category"),
                                     .spatial = lethe_command_option(c, "--spatial"),
                                     .stratify = lethe_command_option(c, "--stratify"),
                                     .hidden_path = lethe_command_option(c, "--hide-test"),
                                     .key_path = lethe_command_option(c, "--key"),
                                     .check_duplicates = lethe_command_flag(c, "--check-duplicates")};
    naming names = {.key_path = lethe_command_option(c, "--case-names"), .mapping_path = lethe_command_option(c, "--mapping")};
    int wrong = tile_options(c, &options);
    if (wrong == 0) wrong = package_options(c, &publication);
    if (wrong != 0) return wrong;
    bool package = lethe_command_flag(c, "--package") || shares != NULL || options.with_images || publication.shards != LETHE_SHARDS_NONE ||
                   publication.preview > 0;
    const lethe_format *formats[MOST_FORMATS];
    lethe_error error = {0};
    int64_t seed_number = 1;
    size_t count = 0;
    int left = lethe_command_leftover(c);
    if (left != 0) return left;
    if (snapshot == NULL || list == NULL || out == NULL || out[0] == '\0')
        return lethe_command_usage(c, "--snapshot N --format FORMAT[,FORMAT] -o FOLDER are needed");
    if (shares != NULL && !parse_shares(shares, publication.shares))
        return lethe_command_usage(c, "--split wants TRAIN,VALIDATION,TEST, e.g. 70,15,15");
    if (seed != NULL && !lethe_text_to_int64(seed, &seed_number)) return lethe_command_usage(c, "--seed wants a number");
    if (publication.hidden_path != NULL && (publication.shares[LETHE_SPLIT_TEST] <= 0 || publication.key_path == NULL))
        return lethe_command_usage(c, "--hide-test FILE needs --split with a test share, and --key FILE");
    if ((names.key_path == NULL) != (names.mapping_path == NULL))
        return lethe_command_usage(c, "--case-names KEYFILE and --mapping FILE.csv belong together");
    if (publication.check_duplicates && shares == NULL) return lethe_command_usage(c, "--check-duplicates compares splits: give --split");
    publication.seed = (uint64_t)seed_number;
    left = parse_formats(c, list, formats, &count);
    if (left != 0) return left;
    if (publication.shards != LETHE_SHARDS_NONE && !options.with_images && !writes_tiles(formats, count))
        return lethe_command_usage(c, "--shards needs --with-images or the format tiles");
    return run_export(c, snapshot, formats, count, out, &options, package ? &publication : NULL, &names, &error) == LETHE_OK
               ? LETHE_EXIT_DONE
               : lethe_command_fail(c, &error);
}

int lethe_command_unseal(lethe_command *c) {
    const char *key = lethe_command_option(c, "--key"), *out = lethe_command_option(c, "-o"), *file = lethe_command_word(c);
    lethe_error error = {0};
    int left = lethe_command_leftover(c);
    if (left != 0) return left;
    if (file == NULL || key == NULL || out == NULL) return lethe_command_usage(c, "unseal FILE --key FILE -o FOLDER");
    return lethe_unseal(file, key, out, &error) == LETHE_OK ? LETHE_EXIT_DONE : lethe_command_fail(c, &error);
}
