/* File formats of labels. One file per format in annotate/formats/, one line in annotate/formats/registry.c (docs/annotate.md tells how to add one).
 *
 * An export writes the files of one data set into its package. An import reads one file (or folder) and adds annotations; nothing is stored unless
 * all of it is good. Layer: annotate. Thread rule: one thread at a time. */
#ifndef LETHE_ANNOTATE_FORMAT_H
#define LETHE_ANNOTATE_FORMAT_H

#include "annotate/image_index.h"
#include "annotate/package.h"
#include "annotate/store.h"

/* --- export --- */

/* A region on one image and frame: an annotation, or one slice of a volume. */
typedef struct lethe_part {
    const lethe_annotation *annotation;
    size_t slice; /* of annotation->shape, for masks and volumes */
    size_t image; /* position in the index */
    uint32_t frame;
} lethe_part;

typedef struct lethe_category {
    const char *name, *title;
    const lethe_label *label; /* NULL when the schema does not know it */
    uint32_t colour_rgb;
} lethe_category;

typedef struct lethe_dataset_options {
    const char *author;     /* only this reader's labels; NULL = everybody's */
    bool keep_empty_frames; /* DICOM SEG: frames without a set pixel are written too */
    bool with_images;       /* write the images beside the labels */
    bool changed_images;    /* also when images were made again after the snapshot was frozen */
    uint32_t tile_px;       /* slides: side of a tile; 0 = 512 */
    uint32_t tile_level;    /* slides: pyramid level of tiles */
    double tile_mpp_um;     /* slides: resolution of tiles in micrometres per pixel, in place of a level; 0 = the level */
    bool tile_png;          /* slides: tiles without loss */
    bool tile_all;          /* slides: tiles that no region touches, too */
    enum { LETHE_TILES_BOTH, LETHE_TILES_PICTURES, LETHE_TILES_MASKS } tile_part; /* what of tiles is written: hidden labels are masks only */
    bool reader_names;                                                            /* readers stand under their names; else under codes */
    uint64_t seed;
} lethe_dataset_options;

typedef struct lethe_dataset {
    lethe_store *store;
    const char *released_path;
    const lethe_image_index *index;
    const lethe_schema *schema; /* NULL when the snapshot was made without one */
    lethe_annotations *labels;  /* by id */
    lethe_part *parts;          /* regions, by image, frame, annotation */
    size_t part_count;
    lethe_category *categories; /* region labels: the schema's in its order, then others by name */
    size_t category_count;
    const char *snapshot_name;
    int64_t snapshot; /* its number in the store */
    int64_t snapshot_at_us;
    size_t withdrawn; /* annotations of the snapshot whose images or patients were withdrawn since: they are absent */
    size_t changed;   /* images of the snapshot that were made again since: other pixels inside of their redaction boxes */
    lethe_dataset_options options;
    lethe_package *package;
    const lethe_annotation **classified; /* labels that are no regions, by patient, then id */
    size_t classified_count;
    uint8_t *selected; /* per image of the index: 1 when it belongs to this export; NULL = all */
} lethe_dataset;

/* Load what a snapshot froze. Errors: LETHE_NOT_FOUND. */
LETHE_NODISCARD lethe_status lethe_dataset_load(lethe_store *store, const char *released_path, const lethe_image_index *index, int64_t snapshot,
                                                const lethe_dataset_options *options, lethe_dataset **out, lethe_error *error);
void lethe_dataset_destroy(lethe_dataset *dataset);
/* What is said of a patient and of anything of theirs, regions apart. Borrowed. */
const lethe_annotation *const *lethe_dataset_classifications(const lethe_dataset *dataset, const char *patient, size_t *count);
/* Does a classification hold for this image: said of it, its series, study or patient? */
bool lethe_annotation_covers(const lethe_annotation *annotation, const lethe_image_ref *image);
/* Position in categories; the category is there for every region label of the set. */
size_t lethe_dataset_category(const lethe_dataset *dataset, const char *label);
/* The parts on one image: the first, and how many. */
const lethe_part *lethe_dataset_parts_of(const lethe_dataset *dataset, size_t image, size_t *count);
static inline bool lethe_dataset_has(const lethe_dataset *dataset, size_t image) {
    return dataset->selected == NULL || dataset->selected[image] != 0;
}
/* Whether a label belongs to this export: one of its patient's images does (splits go by patient). */
bool lethe_dataset_has_label(const lethe_dataset *dataset, const lethe_annotation *annotation);
/* What a reader is called in this export: a code ("reader-2"), or the name where options.reader_names says so. Borrowed. */
const char *lethe_dataset_reader(const lethe_dataset *dataset, const char *author);
/* "stem" of the image's files, with "_f0007" for a later frame of several; into out. */
void lethe_dataset_stem(const lethe_dataset *dataset, size_t image, uint32_t frame, char *out, size_t size);

/* --- import --- */

typedef struct lethe_import lethe_import;

typedef struct lethe_import_options {
    const char *author;        /* NULL = the store's user */
    const char *source;        /* model or file, kept with each annotation; NULL = the file's name */
    bool shared;               /* a model's predictions, to be corrected by every reader */
    const char *const *map;    /* pairs: foreign label, own label; NULL-terminated; own "" = leave out. NULL = none */
    const char *series_uid;    /* formats that do not name their image (NIfTI, PNG): the series */
    const char *image;         /* or the image */
    const char *released_path; /* the project's released/ folder; NULL = the images themselves cannot be read */
} lethe_import_options;

lethe_store *lethe_import_store(const lethe_import *import);
const lethe_image_index *lethe_import_index(const lethe_import *import);
const lethe_import_options *lethe_import_settings(const lethe_import *import);
const char *lethe_import_released(const lethe_import *import); /* the released/ folder */
const char *lethe_import_file_name(const lethe_import *import);
/* Memory that lives until the import ends. */
lethe_arena *lethe_import_arena(const lethe_import *import);
/* The own name of a foreign label: mapped, or the same; NULL = leave it out. */
const char *lethe_import_label(const lethe_import *import, const char *foreign);
/* Find an image by any of its names. Errors: LETHE_NOT_FOUND, LETHE_MALFORMED when ambiguous; `where` ("line 7") goes into the message. */
LETHE_NODISCARD lethe_status lethe_import_find(lethe_import *import, const char *name, const char *where, const lethe_image_ref **image,
                                               lethe_error *error);
/* Take an annotation (copied; strings may be NULL). Checked against the schema now, so that `where` is named; stored when the whole import succeeded.
 */
LETHE_NODISCARD lethe_status lethe_import_add(lethe_import *import, const lethe_annotation *annotation, const char *where, lethe_error *error);

/* --- the registry --- */

typedef struct lethe_format {
    const char *name, *help;
    lethe_status (*write)(lethe_dataset *dataset, lethe_error *error);                /* NULL: not exported */
    lethe_status (*read)(lethe_import *import, const char *path, lethe_error *error); /* NULL: not imported */
} lethe_format;

/* NULL-terminated. */
extern const lethe_format *const lethe_formats[];
const lethe_format *lethe_format_find(const char *name);

/* Read a file with a format and store what it holds; *count gets how many annotations. */
LETHE_NODISCARD lethe_status lethe_import_run(lethe_store *store, const lethe_image_index *index, const lethe_format *format, const char *path,
                                              const lethe_import_options *options, int64_t *count, lethe_error *error);

#endif
