#include "ingest/add.h"

#include "core/file.h"
#include "core/memory.h"
#include "core/text.h"
#include "imaging/dicom/dataset.h"
#include "imaging/slide/slide.h"
#include "ingest/archive.h"
#include "ingest/objection.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { BATCH = 64, LOOK_BYTES = 1 << 16 };

#define DICOMDIR_CLASS "1.2.840.10008.1.3.10"

/* Why something does not come in. */
enum { NOT_IN_COHORT, OBJECTS, REASONS };
static const char *const reasons[REASONS] = {"not in the cohort", "the patient objects to the use of the data"};

struct lethe_adder {
    lethe_queue *queue;
    lethe_inbox *inbox;
    lethe_add_options options;
    lethe_arena *arena;
    lethe_add_counts counts;
    lethe_item items[BATCH];
    lethe_inbox_file *files[BATCH];
    char *originals[BATCH];
    size_t waiting;
    lethe_item last;
    /* While an archive is being taken in: */
    const char *archive_name, *archive_path;
    bool archive_ends;          /* this flush is its last */
    uint64_t left_out[REASONS]; /* of its members: their tombstones are recorded with its end, since a kill begins it anew */
    uint64_t archive_failed_before;
};

lethe_status lethe_adder_create(lethe_queue *queue, lethe_inbox *inbox, const lethe_add_options *options, lethe_adder **out, lethe_error *error) {
    *out = NULL;
    lethe_adder *fresh = lethe_alloc_array(1, sizeof *fresh);
    if (fresh == NULL) return lethe_fail(error, LETHE_NO_MEMORY, "no memory for adding files");
    fresh->queue = queue;
    fresh->inbox = inbox;
    fresh->options = *options;
    fresh->arena = lethe_arena_create(LETHE_LIMIT_ARENA_BYTES);
    if (fresh->arena == NULL) {
        lethe_free(fresh);
        return lethe_fail(error, LETHE_NO_MEMORY, "no memory for adding files");
    }
    *out = fresh;
    return LETHE_OK;
}

static void forget_waiting(lethe_adder *adder, bool discard) {
    for (size_t i = 0; i < adder->waiting; i++) {
        if (discard) lethe_inbox_discard(adder->files[i]);
        else lethe_inbox_keep(adder->files[i]);
        lethe_free(adder->originals[i]);
    }
    adder->waiting = 0;
}

void lethe_adder_destroy(lethe_adder *adder) {
    if (adder == NULL) return;
    forget_waiting(adder, true);
    lethe_arena_destroy(adder->arena);
    lethe_free(adder);
}

const lethe_item *lethe_adder_last(const lethe_adder *adder) { return &adder->last; }
const lethe_add_counts *lethe_adder_counts(const lethe_adder *adder) { return &adder->counts; }

/* --- committing --- */

static void count_item(lethe_adder *adder, const lethe_item *item) {
    if (item->state == LETHE_ITEM_QUARANTINED) adder->counts.quarantined++;
    else if (item->state == LETHE_ITEM_DROPPED) adder->counts.dropped++;
    else if (item->reason[0] != '\0') adder->counts.conflicts++;
    else adder->counts.added++;
}

static lethe_item tombstone_of(const lethe_adder *adder, int why) {
    lethe_item tombstone = {.kind = LETHE_ITEM_DICOM, .state = LETHE_ITEM_DROPPED};
    (void)snprintf(tombstone.source, sizeof tombstone.source, "%s", adder->options.source);
    (void)snprintf(tombstone.reason, sizeof tombstone.reason, "%s", reasons[why]);
    return tombstone;
}

static bool archive_is_whole(const lethe_adder *adder) { return adder->counts.failed == adder->archive_failed_before; }

/* The end of an archive: its tombstones, and that it is known. One of which a member could not be read is looked at again when somebody keeps a list
 * of what is known (a watched folder). */
static lethe_status also_of_archive(lethe_adder *adder, lethe_error *error) {
    lethe_status status = LETHE_OK;
    if (!adder->archive_ends || (adder->options.also != NULL && !archive_is_whole(adder))) return LETHE_OK;
    for (int why = 0; status == LETHE_OK && why < REASONS; why++) {
        const lethe_item tombstone = tombstone_of(adder, why);
        status = lethe_queue_record_within(adder->queue, &tombstone, adder->left_out[why], error);
    }
    if (status == LETHE_OK && adder->options.also != NULL)
        status = adder->options.also(adder->options.context, adder->archive_path, LETHE_ITEM_QUEUED, error);
    return status;
}

static lethe_status also_of_all(void *context, lethe_error *error) {
    lethe_adder *adder = context;
    lethe_status status = LETHE_OK;
    if (adder->archive_path != NULL) return also_of_archive(adder, error); /* its members are known by it alone */
    if (adder->options.also == NULL) return LETHE_OK;
    for (size_t i = 0; status == LETHE_OK && i < adder->waiting; i++)
        status = adder->options.also(adder->options.context, adder->originals[i], adder->items[i].state, error);
    return status;
}

/* A store that went away over its commit is asked once more: a row that stands already, with the same file, counts as recorded. *in_doubt: rows may
 * stand although this failed. */
static lethe_status record(lethe_adder *adder, lethe_status results[BATCH], bool *in_doubt, lethe_error *error) {
    lethe_status status = LETHE_DATABASE;
    for (int attempt = 0; attempt < 2 && status == LETHE_DATABASE; attempt++) {
        lethe_error_clear(error);
        status = lethe_queue_record_with(adder->queue, adder->items, adder->waiting, results, also_of_all, adder, error);
        if (status == LETHE_DATABASE && lethe_database_in_doubt(lethe_queue_database(adder->queue))) *in_doubt = true;
    }
    return status;
}

lethe_status lethe_adder_flush(lethe_adder *adder, lethe_error *error) {
    if (adder->waiting == 0 && !adder->archive_ends) return LETHE_OK;
    lethe_status results[BATCH];
    bool in_doubt = false;
    lethe_status status = lethe_inbox_sync_folders(adder->inbox, adder->items, adder->waiting, error);
    if (status == LETHE_OK) status = record(adder, results, &in_doubt, error);
    if (status != LETHE_OK) {
        forget_waiting(adder, !in_doubt); /* files without a row are swept at the next start */
        return status;
    }
    for (size_t i = 0; i < adder->waiting; i++) {
        if (results[i] == LETHE_OK) {
            count_item(adder, &adder->items[i]);
        } else { /* the same content came before */
            adder->counts.duplicates++;
            lethe_inbox_discard(adder->files[i]);
            adder->files[i] = NULL;
        }
        if (adder->options.done != NULL && adder->archive_path == NULL)
            adder->options.done(adder->options.context, adder->originals[i], adder->items[i].state);
    }
    forget_waiting(adder, false);
    return LETHE_OK;
}

/* Takes `file`. */
static lethe_status enqueue(lethe_adder *adder, const lethe_item *item, lethe_inbox_file *file, const char *original, lethe_error *error) {
    char *copy = lethe_strdup(original);
    if (copy == NULL) {
        lethe_inbox_discard(file);
        return lethe_fail(error, LETHE_NO_MEMORY, "no memory for a path");
    }
    adder->items[adder->waiting] = adder->last = *item;
    adder->files[adder->waiting] = file;
    adder->originals[adder->waiting++] = copy;
    return adder->waiting == BATCH ? lethe_adder_flush(adder, error) : LETHE_OK;
}

/* --- looking --- */

typedef struct found {
    lethe_item item;
    uint64_t skip_bytes; /* before the data set */
    const char *extension;
    bool is_index; /* a DICOMDIR */
    bool is_folder_slide;
    bool is_archive;
    bool is_left_out;
    int why; /* NOT_IN_COHORT, OBJECTS */
    lethe_cohort_facts facts;
} found;

static void take_ascii(char *out, size_t size, const char *text) {
    size_t i = 0;
    for (; i + 1 < size && text[i] != '\0'; i++) out[i] = text[i] > 0x20 && text[i] < 0x7f ? text[i] : '?';
    out[i] = '\0';
}

/* File names may be in any encoding: what is no UTF-8 becomes U+FFFD. Cut at a whole character. */
static void take_utf8(char *out, size_t size, const char *text) {
    size_t used = 0;
    for (const char *end = text + strlen(text); text < end;) {
        char piece[4];
        size_t length = lethe_utf8_put(lethe_utf8_next(&text, end), piece);
        if (used + length >= size) break;
        memcpy(out + used, piece, length);
        used += length;
    }
    out[used] = '\0';
}

/* "scan.zip/folder/image" for a member of an archive. */
static void take_name(const lethe_adder *adder, lethe_item *item, const char *name) {
    char full[sizeof item->source_name];
    (void)snprintf(full, sizeof full, "%s%s%s", adder->archive_name == NULL ? "" : adder->archive_name, adder->archive_name == NULL ? "" : "/", name);
    take_utf8(item->source_name, sizeof item->source_name, full);
}

static void quarantine(found *what, const char *reason) {
    what->item.state = LETHE_ITEM_QUARANTINED;
    (void)snprintf(what->item.reason, sizeof what->item.reason, "%s", reason);
}

static void look_into_dicom(lethe_adder *adder, const lethe_map *map, found *what) {
    lethe_dicom_dataset *dataset = NULL;
    char text[128];
    what->item.kind = LETHE_ITEM_DICOM;
    what->extension = ".dcm";
    lethe_arena_reset(adder->arena);
    /* What cannot be parsed is taken in all the same: de-identification quarantines it with its reason. */
    if (lethe_dicom_dataset_parse(map->bytes, map->size, adder->arena, &dataset, NULL) != LETHE_OK) return;
    if (lethe_dicom_text(dataset->root, 0x00080016, 0, text, sizeof text) ||
        (dataset->meta != NULL && lethe_dicom_text(dataset->meta, 0x00020002, 0, text, sizeof text)))
        take_ascii(what->item.sop_class, sizeof what->item.sop_class, text);
    if (lethe_dicom_text(dataset->root, 0x00080018, 0, text, sizeof text) ||
        (dataset->meta != NULL && lethe_dicom_text(dataset->meta, 0x00020003, 0, text, sizeof text)))
        take_ascii(what->item.sop_instance, sizeof what->item.sop_instance, text);
    lethe_cohort_facts_of(dataset, &what->facts);
    what->is_left_out = adder->options.cohort != NULL && !lethe_cohort_has(adder->options.cohort, &what->facts);
    what->is_index = strcmp(what->item.sop_class, DICOMDIR_CLASS) == 0;
    what->skip_bytes = dataset->data_set_offset;
    lethe_dicom_dataset_release(dataset);
}

static lethe_status look(lethe_adder *adder, const char *path, const lethe_map *map, found *what) {
    what->extension = ".bin";
    if (map->size == 0) {
        quarantine(what, "empty file");
        return LETHE_OK;
    }
    if (lethe_dicom_looks_like(map->bytes, map->size)) {
        look_into_dicom(adder, map, what);
        return LETHE_OK;
    }
    const char *slide = lethe_slide_detect(path);
    if (slide == NULL && lethe_archive_looks_like(map->bytes, map->size)) {
        what->is_archive = true;
        return LETHE_OK;
    }
    if (slide == NULL) {
        quarantine(what, "neither DICOM nor a known slide format");
        return LETHE_OK;
    }
    what->item.kind = LETHE_ITEM_SLIDE;
    what->is_folder_slide = strcmp(slide, "mirax") == 0;
    const char *dot = strrchr(lethe_path_name(path), '.');
    what->extension = dot != NULL && strlen(dot) <= 8 ? dot : ".tif";
    return LETHE_OK;
}

/* --- one file --- */

static lethe_status copy_in(lethe_adder *adder, const char *path, found *what, lethe_inbox_file **file, lethe_map *map, lethe_error *error) {
    if (what->is_folder_slide) return lethe_inbox_copy_slide(adder->inbox, path, &what->item, file, error);
    return lethe_inbox_copy(adder->inbox, map->fd, map->size, what->skip_bytes, what->extension, &what->item, file, error);
}

/* Does the patient object? */
static lethe_status look_for_objection(lethe_adder *adder, found *what, lethe_error *error) {
    bool any = false, objects = false;
    if (what->facts.patient_id[0] == '\0' || what->is_left_out) return LETHE_OK;
    lethe_status status = lethe_door_has_objections(adder->queue, &any, error);
    if (status == LETHE_OK && any)
        status =
            lethe_door_patient_objects(lethe_inbox_project(adder->inbox), adder->queue, what->facts.issuer, what->facts.patient_id, &objects, error);
    if (objects) {
        what->is_left_out = true;
        what->why = OBJECTS;
    }
    return status;
}

/* What stays is a tombstone that says why and nothing else. */
static lethe_status drop(lethe_adder *adder, const char *path, int why, lethe_error *error) {
    if (adder->archive_path != NULL) {
        adder->left_out[why]++;
        return LETHE_OK;
    }
    const lethe_item tombstone = tombstone_of(adder, why);
    return enqueue(adder, &tombstone, NULL, path, error);
}

static lethe_status add_archive(lethe_adder *adder, const char *path, const char *name, found *what, lethe_error *error);

/* A medium with an index came in: de-identification makes one over what is released (deid/file_set.c looks for this name). It lies in the inbox,
 * which is all that confined services may write, and has a name that the sweep passes over. */
static lethe_status note_medium(const lethe_adder *adder, lethe_error *error) {
    char *note = lethe_path_join(lethe_inbox_project(adder->inbox)->inbox_path, ".lethe-file-set.tmp");
    if (note == NULL) return lethe_fail(error, LETHE_NO_MEMORY, "no memory for a path");
    lethe_status status = lethe_folder_create(note, 0700, error); /* a folder: nobody takes it for an image */
    lethe_free(note);
    return status;
}

static lethe_status add_one(lethe_adder *adder, const char *path, const char *name, lethe_error *error) {
    lethe_map map = {.fd = -1};
    lethe_inbox_file *file = NULL;
    found what = {0};
    lethe_status status = lethe_map_open(path, &map, error);
    if (status != LETHE_OK) return status;
    status = look(adder, path, &map, &what);
    if (status == LETHE_OK) status = look_for_objection(adder, &what, error);
    if (status == LETHE_OK && what.is_archive) {
        if (adder->archive_name != NULL) quarantine(&what, "an archive within an archive");
        else status = add_archive(adder, path, name, &what, error);
        what.is_archive = what.item.state != LETHE_ITEM_QUARANTINED;
    }
    if (status == LETHE_OK && what.is_index) {
        adder->counts.indexes++;
        status = note_medium(adder, error);
    } else if (status == LETHE_OK && what.is_left_out) {
        status = drop(adder, path, what.why, error);
    } else if (status == LETHE_OK && !what.is_archive) {
        what.item.priority = adder->options.priority;
        (void)snprintf(what.item.source, sizeof what.item.source, "%s", adder->options.source);
        take_name(adder, &what.item, name);
        status = copy_in(adder, path, &what, &file, &map, error);
        if (status == LETHE_OK) status = enqueue(adder, &what.item, file, path, error);
    }
    lethe_map_close(&map);
    return status;
}

/* A failure of this file alone does not stop the others. */
static bool concerns_all(lethe_status status) {
    return status == LETHE_LIMIT || status == LETHE_DATABASE || status == LETHE_NO_MEMORY || status == LETHE_CRYPTO || status == LETHE_INTERNAL;
}

lethe_status lethe_adder_file(lethe_adder *adder, const char *path, const char *name, lethe_error *error) {
    lethe_error own = {0};
    lethe_status status = add_one(adder, path, name, &own);
    if (status == LETHE_OK) return LETHE_OK;
    if (concerns_all(status)) return lethe_fail(error, status, "%s", own.message);
    adder->counts.failed++;
    if (adder->options.trouble != NULL) adder->options.trouble(adder->options.context, path, &own);
    return LETHE_OK;
}

/* The folder "slide/" beside "slide.mrxs" belongs to that slide. */
bool lethe_add_belongs_to_slide(const char *path) {
    for (const char *slash = strrchr(path, '/'); slash != NULL && slash != path;) {
        char *main_file = lethe_asprintf("%.*s.mrxs", (int)(slash - path), path);
        struct stat info;
        bool belongs = main_file != NULL && stat(main_file, &info) == 0 && S_ISREG(info.st_mode);
        lethe_free(main_file);
        if (belongs) return true;
        const char *above = slash;
        while (above > path && above[-1] != '/') above--;
        slash = above > path ? above - 1 : NULL;
    }
    return false;
}

static lethe_status visit(void *context, const char *path, const char *relative, lethe_error *error) {
    lethe_adder *adder = context;
    if (lethe_add_belongs_to_slide(path)) return LETHE_OK;
    return lethe_adder_file(adder, path, relative, error);
}

/* --- archives --- */

static int remove_entry(const char *path, const struct stat *info, int kind, struct FTW *where) {
    (void)info;
    (void)where;
    return kind == FTW_DP ? rmdir(path) : unlink(path);
}

/* The members in their batches, and in the last transaction what the archive leaves behind. */
static lethe_status add_members(lethe_adder *adder, const char *path, const char *name, const char *folder, lethe_error *error) {
    lethe_status status = lethe_adder_flush(adder, error);
    if (status != LETHE_OK) return status;
    adder->archive_name = name;
    adder->archive_path = path;
    adder->archive_failed_before = adder->counts.failed;
    memset(adder->left_out, 0, sizeof adder->left_out);
    status = lethe_walk(folder, visit, adder, error);
    if (status == LETHE_OK) {
        adder->archive_ends = true;
        status = lethe_adder_flush(adder, error);
        adder->archive_ends = false;
    }
    for (int why = 0; status == LETHE_OK && why < REASONS; why++) adder->counts.dropped += adder->left_out[why];
    adder->archive_name = adder->archive_path = NULL;
    if (status == LETHE_OK && adder->options.done != NULL && archive_is_whole(adder))
        adder->options.done(adder->options.context, path, LETHE_ITEM_QUEUED);
    return status;
}

/* Unpack into a private folder and take that in. An archive that is refused goes to quarantine as a whole and gives nothing. */
static lethe_status add_archive(lethe_adder *adder, const char *path, const char *name, found *what, lethe_error *error) {
    char *folder = NULL;
    uint64_t room = 0;
    lethe_status status = lethe_inbox_make_folder(adder->inbox, &folder, &room, error);
    if (status != LETHE_OK) return status;
    lethe_error refusal = {0};
    status = lethe_archive_unpack(path, folder, room, &refusal);
    if (status == LETHE_UNSAFE || status == LETHE_LIMIT || status == LETHE_MALFORMED) {
        what->extension = ".bin";
        quarantine(what, refusal.message);
        status = LETHE_OK;
    } else if (status != LETHE_OK) {
        (void)lethe_fail(error, status, "%s", refusal.message);
    } else {
        status = add_members(adder, path, name, folder, error);
    }
    (void)nftw(folder, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
    lethe_free(folder);
    return status;
}

lethe_status lethe_adder_path(lethe_adder *adder, const char *path, lethe_error *error) {
    lethe_error own = {0};
    struct stat info;
    if (stat(path, &info) != 0) {
        (void)lethe_fail_errno(&own, errno, "cannot read");
        adder->counts.failed++;
        if (adder->options.trouble != NULL) adder->options.trouble(adder->options.context, path, &own);
        return LETHE_OK;
    }
    if (S_ISREG(info.st_mode) && lethe_text_equal_fold(lethe_path_name(path), "DICOMDIR")) {
        /* A medium's index: what it speaks of lies around it. */
        size_t length = (size_t)(lethe_path_name(path) - path);
        char *folder = length == 0 ? lethe_strdup(".") : lethe_strndup(path, length);
        if (folder == NULL) return lethe_fail(error, LETHE_NO_MEMORY, "no memory for a path");
        lethe_status status = lethe_walk(folder, visit, adder, error);
        lethe_free(folder);
        return status;
    }
    return S_ISREG(info.st_mode) ? lethe_adder_file(adder, path, lethe_path_name(path), error) : lethe_walk(path, visit, adder, error);
}
