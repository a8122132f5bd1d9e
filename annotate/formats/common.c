#include "annotate/formats/formats.h"

#include "core/file.h"
#include "core/text.h"

#include <string.h>
#include <sys/stat.h>

typedef struct file_walk {
    lethe_import *import;
    const char *suffix;
    lethe_file_fn read;
    size_t count;
} file_walk;

static lethe_status visit(void *context, const char *path, const char *relative, lethe_error *error) {
    file_walk *walk = context;
    if (!lethe_text_ends(relative, walk->suffix)) return LETHE_OK;
    walk->count++;
    return walk->read(walk->import, path, relative, error);
}

lethe_status lethe_format_each_file(lethe_import *import, const char *path, const char *suffix, lethe_file_fn read, lethe_error *error) {
    struct stat info;
    file_walk walk = {import, suffix, read, 0};
    if (stat(path, &info) == 0 && !S_ISDIR(info.st_mode)) return read(import, path, lethe_path_name(path), error);
    lethe_status status = lethe_walk(path, visit, &walk, error);
    if (status == LETHE_OK && walk.count == 0) status = lethe_fail(error, LETHE_NOT_FOUND, "no file ends in %s there", suffix);
    return status;
}

lethe_status lethe_format_image_of(lethe_import *import, const char *relative, const lethe_image_ref **image, lethe_error *error) {
    const char *name = lethe_import_settings(import)->image;
    return lethe_import_find(import, name != NULL ? name : relative, relative, image, error);
}
