/* Shards: images (and tiles) with their labels as samples in tar or zip files, named as WebDataset readers expect: <split>-000000.tar, and in it the
 * files of one sample one after the other under one name without dots: KEY.dcm, KEY.json, KEY.png. Times, owners and modes are constants. */
#include "annotate/publish.h"

#include "annotate/text_out.h"
#include "core/file.h"
#include "core/memory.h"
#include "core/text.h"

#include <archive.h>
#include <archive_entry.h>
#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

typedef struct shard_writer {
    lethe_dataset *d;
    const lethe_publication *p;
    const char *split; /* "train"; "data" without splits */
    const char *prefix;
    bool labels; /* may be told */
    struct archive *archive;
    char *path;
    char relative[64];
    unsigned number;
    uint64_t bytes;
    size_t samples;
} shard_writer;

static lethe_status close_shard(shard_writer *w, lethe_error *error) {
    if (w->archive == NULL) return LETHE_OK;
    lethe_status status = archive_write_close(w->archive) == ARCHIVE_OK ? LETHE_OK : lethe_fail(error, LETHE_IO, "cannot finish a shard");
    (void)archive_write_free(w->archive);
    w->archive = NULL;
    if (status == LETHE_OK) status = lethe_package_adopt(w->d->package, w->relative, error);
    lethe_free(w->path);
    w->path = NULL;
    return status;
}

static lethe_status open_shard(shard_writer *w, lethe_error *error) {
    bool zip = w->p->shards == LETHE_SHARDS_ZIP;
    (void)snprintf(w->relative, sizeof w->relative, "shards/%s-%06u.%s", w->split, w->number++, zip ? "zip" : "tar");
    lethe_status status = lethe_package_place(w->d->package, w->relative, &w->path, error);
    if (status != LETHE_OK) return status;
    w->archive = archive_write_new();
    w->bytes = 0;
    bool good = w->archive != NULL &&
                (zip ? archive_write_set_format_zip(w->archive) == ARCHIVE_OK && archive_write_zip_set_compression_store(w->archive) == ARCHIVE_OK
                     : archive_write_set_format_pax_restricted(w->archive) == ARCHIVE_OK) &&
                archive_write_open_filename(w->archive, w->path) == ARCHIVE_OK;
    return good ? LETHE_OK : lethe_fail(error, LETHE_IO, "cannot make a shard");
}

static lethe_status put_file(shard_writer *w, const char *key, const char *extension, const void *bytes, size_t size, lethe_error *error) {
    struct archive_entry *entry = archive_entry_new();
    char name[700];
    if (entry == NULL) return lethe_fail(error, LETHE_NO_MEMORY, "no memory for a shard");
    (void)snprintf(name, sizeof name, "%s.%s", key, extension);
    archive_entry_set_pathname(entry, name);
    archive_entry_set_size(entry, (la_int64_t)size);
    archive_entry_set_filetype(entry, AE_IFREG);
    archive_entry_set_perm(entry, 0644);
    archive_entry_set_mtime(entry, 0, 0);
    bool good = archive_write_header(w->archive, entry) == ARCHIVE_OK;
    for (size_t at = 0; good && at < size;) {
        size_t piece = size - at < (size_t)1 << 24 ? size - at : (size_t)1 << 24;
        good = archive_write_data(w->archive, (const uint8_t *)bytes + at, piece) == (la_ssize_t)piece;
        at += piece;
    }
    archive_entry_free(entry);
    w->bytes += size + 1024;
    return good ? LETHE_OK : lethe_fail(error, LETHE_IO, "cannot write a shard");
}

/* Takes the path. */
static lethe_status put_path(shard_writer *w, const char *key, const char *extension, char *path, lethe_error *error) {
    lethe_map map = {.fd = -1};
    lethe_status status = path == NULL ? lethe_fail(error, LETHE_NO_MEMORY, "no memory for a path") : lethe_map_open(path, &map, error);
    if (status == LETHE_OK) status = put_file(w, key, extension, map.bytes, map.size, error);
    if (map.fd >= 0) lethe_map_close(&map);
    lethe_free(path);
    return status;
}

static lethe_status put_package_file(shard_writer *w, const char *key, const char *extension, const char *relative, lethe_error *error) {
    return put_path(w, key, extension, lethe_asprintf("%s/%s%s", lethe_package_folder(w->d->package), w->prefix, relative), error);
}

static lethe_status next_sample(shard_writer *w, lethe_error *error) {
    lethe_status status = LETHE_OK;
    if (w->archive != NULL && w->bytes >= w->p->shard_bytes) status = close_shard(w, error);
    if (status == LETHE_OK && w->archive == NULL) status = open_shard(w, error);
    w->samples++;
    return status;
}

/* A sample's name ends at its first dot, and loaders take folders apart. */
static void make_key(const char *stem, char *key, size_t size) {
    size_t at = 0;
    for (; stem[at] != '\0' && at + 1 < size; at++) key[at] = isalnum((unsigned char)stem[at]) || stem[at] == '-' ? stem[at] : '_';
    key[at] = '\0';
}

static const char *extension_of(const char *path) {
    const char *dot = strrchr(lethe_path_name(path), '.');
    return dot == NULL ? "bin" : dot + 1;
}

/* --- labels of a sample --- */

static lethe_status put_text_field(lethe_buffer *out, const char *key, const char *text, lethe_error *error) {
    lethe_status status = lethe_buffer_printf(out, error, "\"%s\":", key);
    return status == LETHE_OK ? lethe_json_string(out, text, error) : status;
}

static lethe_status put_geometry(lethe_buffer *out, const lethe_part *part, lethe_error *error) {
    const lethe_shape *shape = &part->annotation->shape;
    lethe_status status = lethe_buffer_printf(out, error, ",\"frame\":%u,\"shape\":\"%s\"", part->frame + 1, lethe_shape_kind_name(shape->kind));
    if (status == LETHE_OK && shape->slice_count > 0) {
        const lethe_rle *mask = &shape->slices[part->slice].mask;
        status = lethe_buffer_printf(out, error, ",\"mask\":{\"x\":%" PRId64 ",\"y\":%" PRId64 ",\"columns\":%u,\"rows\":%u,\"runs\":[", mask->x,
                                     mask->y, mask->columns, mask->rows);
        for (size_t i = 0; status == LETHE_OK && i < mask->run_count; i++)
            status = lethe_buffer_printf(out, error, "%s%u", i == 0 ? "" : ",", mask->runs[i]);
        return status == LETHE_OK ? lethe_buffer_append_text(out, "]}", error) : status;
    }
    if (status == LETHE_OK) status = lethe_buffer_append_text(out, ",\"points\":[", error);
    for (size_t i = 0; status == LETHE_OK && i < shape->point_count; i++) {
        status = lethe_buffer_append_text(out, i == 0 ? "[" : ",[", error);
        if (status == LETHE_OK) status = lethe_json_number(out, shape->points[i].x, error);
        if (status == LETHE_OK) status = lethe_buffer_append_text(out, ",", error);
        if (status == LETHE_OK) status = lethe_json_number(out, shape->points[i].y, error);
        if (status == LETHE_OK) status = lethe_buffer_append_text(out, "]", error);
    }
    if (status == LETHE_OK) status = lethe_buffer_append_text(out, "]", error);
    if (status == LETHE_OK && shape->ring_ends != NULL) {
        status = lethe_buffer_append_text(out, ",\"ring_ends\":[", error);
        for (size_t i = 0; status == LETHE_OK && i < shape->ring_count; i++)
            status = lethe_buffer_printf(out, error, "%s%u", i == 0 ? "" : ",", shape->ring_ends[i]);
        if (status == LETHE_OK) status = lethe_buffer_append_text(out, "]", error);
    }
    if (status == LETHE_OK && (shape->kind == LETHE_SHAPE_ELLIPSE || shape->kind == LETHE_SHAPE_ROTATED_BOX)) {
        status = lethe_buffer_append_text(out, ",\"angle_degrees\":", error);
        if (status == LETHE_OK) status = lethe_json_number(out, shape->angle_degrees, error);
    }
    return status;
}

static lethe_status put_said(lethe_buffer *out, const lethe_annotation *a, lethe_error *error) {
    lethe_status status = put_text_field(out, "label", a->label, error);
    if (status == LETHE_OK && a->value[0] != '\0') {
        status = lethe_buffer_append_text(out, ",", error);
        if (status == LETHE_OK) status = put_text_field(out, "value", a->value, error);
    }
    if (status == LETHE_OK && a->form[0] != '\0') status = lethe_buffer_printf(out, error, ",\"form\":%s", a->form);
    if (status == LETHE_OK) status = lethe_buffer_append_text(out, ",", error);
    return status == LETHE_OK ? put_text_field(out, "author", a->author, error) : status;
}

static lethe_status put_labels(const shard_writer *w, size_t image, lethe_buffer *out, lethe_error *error) {
    const lethe_image_ref *ref = lethe_image_index_at(w->d->index, image);
    size_t count, classified;
    const lethe_part *parts = lethe_dataset_parts_of(w->d, image, &count);
    const lethe_annotation *const *about = lethe_dataset_classifications(w->d, ref->patient, &classified);
    lethe_status status = lethe_buffer_append_text(out, ",\"classifications\":[", error);
    for (size_t i = 0, n = 0; status == LETHE_OK && i < classified; i++) {
        if (!lethe_annotation_covers(about[i], ref)) continue;
        status = lethe_buffer_append_text(out, n++ == 0 ? "{" : ",{", error);
        if (status == LETHE_OK) status = put_said(out, about[i], error);
        if (status == LETHE_OK) status = lethe_buffer_append_text(out, "}", error);
    }
    if (status == LETHE_OK) status = lethe_buffer_append_text(out, "],\"regions\":[", error);
    for (size_t i = 0; status == LETHE_OK && i < count; i++) {
        status = lethe_buffer_append_text(out, i == 0 ? "{" : ",{", error);
        if (status == LETHE_OK) status = put_said(out, parts[i].annotation, error);
        if (status == LETHE_OK) status = put_geometry(out, &parts[i], error);
        if (status == LETHE_OK) status = lethe_buffer_append_text(out, "}", error);
    }
    return status == LETHE_OK ? lethe_buffer_append_text(out, "]", error) : status;
}

static lethe_status put_image_sample(shard_writer *w, size_t image, lethe_error *error) {
    const lethe_image_ref *ref = lethe_image_index_at(w->d->index, image);
    char key[640], relative[700];
    lethe_buffer text;
    lethe_buffer_init(&text, (size_t)1 << 30);
    make_key(ref->stem, key, sizeof key);
    (void)snprintf(relative, sizeof relative, "images/%s", ref->path);
    lethe_status status = next_sample(w, error);
    bool loose = lethe_publish_writes_loose(w->d, w->p); /* files that were renamed stand in the package; others come from where they are */
    if (status == LETHE_OK && loose) status = put_package_file(w, key, extension_of(ref->path), relative, error);
    else if (status == LETHE_OK) status = put_path(w, key, extension_of(ref->path), lethe_path_join(w->d->released_path, ref->source), error);
    if (status == LETHE_OK) status = lethe_buffer_append_text(&text, "{", error);
    if (status == LETHE_OK) status = put_text_field(&text, "image", ref->key, error);
    if (status == LETHE_OK) status = lethe_buffer_append_text(&text, ",", error);
    if (status == LETHE_OK) status = put_text_field(&text, "path", ref->path, error);
    if (status == LETHE_OK) status = lethe_buffer_append_text(&text, ",", error);
    if (status == LETHE_OK) status = put_text_field(&text, "patient", ref->patient, error);
    if (status == LETHE_OK && w->labels) status = put_labels(w, image, &text, error);
    if (status == LETHE_OK) status = lethe_buffer_append_text(&text, "}\n", error);
    if (status == LETHE_OK) status = put_file(w, key, "json", text.bytes, text.size, error);
    lethe_buffer_release(&text);
    return status;
}

/* "tiles/images/<slide>/<x>_<y>.jpg" and its mask. */
static lethe_status put_tile_sample(shard_writer *w, const char *relative, lethe_error *error) {
    char key[640], mask[700];
    const char *place = relative + strlen("tiles/images/"), *extension = extension_of(relative);
    int stem = (int)(strlen(place) - strlen(extension) - 1);
    char *name = lethe_asprintf("%.*s", stem, place);
    lethe_status status = name == NULL ? lethe_fail(error, LETHE_NO_MEMORY, "no memory for a name") : next_sample(w, error);
    if (status == LETHE_OK) {
        make_key(name, key, sizeof key);
        (void)snprintf(mask, sizeof mask, "tiles/masks/%s.png", name);
        status = put_package_file(w, key, extension, relative, error);
    }
    if (status == LETHE_OK && w->labels) status = put_package_file(w, key, "mask.png", mask, error);
    lethe_free(name);
    return status;
}

/* The package's list changes when a shard is noted: take the tiles' names first. */
static lethe_status put_tiles(shard_writer *w, lethe_error *error) {
    char beginning[128];
    size_t count, tiles = 0;
    const lethe_package_file *files = lethe_package_files(w->d->package, &count);
    (void)snprintf(beginning, sizeof beginning, "%stiles/images/", w->prefix);
    char **names = lethe_alloc_array(count, sizeof(char *));
    lethe_status status = names == NULL ? lethe_fail(error, LETHE_NO_MEMORY, "no memory for names") : LETHE_OK;
    for (size_t i = 0; status == LETHE_OK && i < count; i++)
        if (strncmp(files[i].path, beginning, strlen(beginning)) == 0 && (names[tiles++] = lethe_strdup(files[i].path + strlen(w->prefix))) == NULL)
            status = lethe_fail(error, LETHE_NO_MEMORY, "no memory for names");
    for (size_t i = 0; status == LETHE_OK && i < tiles; i++) status = put_tile_sample(w, names[i], error);
    for (size_t i = 0; names != NULL && i < tiles; i++) lethe_free(names[i]);
    lethe_free(names);
    return status;
}

lethe_status lethe_shards_write(lethe_dataset *d, const lethe_publication *p, const char *split, bool labels, lethe_error *error) {
    char prefix[64] = "", gone[96];
    if (split != NULL) (void)snprintf(prefix, sizeof prefix, "%s/", split);
    shard_writer w = {.d = d, .p = p, .split = split == NULL ? "data" : split, .prefix = prefix, .labels = labels};
    lethe_status status = LETHE_OK;
    for (size_t i = 0; status == LETHE_OK && d->options.with_images && i < lethe_image_index_count(d->index); i++)
        if (lethe_dataset_has(d, i)) status = put_image_sample(&w, i, error);
    if (status == LETHE_OK) status = put_tiles(&w, error);
    if (status == LETHE_OK) status = close_shard(&w, error);
    if (w.archive != NULL) (void)archive_write_free(w.archive);
    lethe_free(w.path);
    static const char *const loose[] = {"images/", "tiles/images/", "tiles/masks/"};
    for (size_t i = 0; status == LETHE_OK && i < 3; i++) {
        (void)snprintf(gone, sizeof gone, "%s%s", prefix, loose[i]);
        status = lethe_package_remove(d->package, gone, error);
    }
    return status;
}
