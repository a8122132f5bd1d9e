/* De-identification of whole-slide images: every format through one door.
 *
 * The slide is never patched. Its directories (or records) are parsed into typed values, what an allow-list of the format names is written to a new
 * file, tile and strip bytes are copied unchanged, and an independent verifier (deid/slides/verify.h) accounts for every byte before the output
 * becomes visible. docs/slides.md says what is kept per format. Layer: deid. Thread rule: no shared state; one thread at a time per options and
 * result. */
#ifndef LETHE_DEID_SLIDES_SLIDE_DEID_H
#define LETHE_DEID_SLIDES_SLIDE_DEID_H

#include "core/error.h"
#include "core/file.h"
#include "core/pseudonym.h"

#include <stddef.h>
#include <stdint.h>

/* --- policy: zero is the safe choice --- */

typedef enum lethe_slide_label_policy {
    LETHE_SLIDE_LABEL_REMOVE = 0,
    LETHE_SLIDE_LABEL_PSEUDONYM /* a new label image that shows the slide's pseudonym, where the format has a place for it (else removed) */
} lethe_slide_label_policy;

typedef enum lethe_slide_macro_policy {
    LETHE_SLIDE_MACRO_REMOVE = 0,
    LETHE_SLIDE_MACRO_BLACKOUT /* kept, decoded and written anew, all but the scanned area black (where the format tells it; else removed) */
} lethe_slide_macro_policy;

typedef enum lethe_slide_thumbnail_policy {
    LETHE_SLIDE_THUMBNAIL_REMOVE = 0,
    LETHE_SLIDE_THUMBNAIL_KEEP /* kept when its shape shows that it is the scanned area alone (else removed) */
} lethe_slide_thumbnail_policy;

typedef enum lethe_slide_text_policy {
    LETHE_SLIDE_TEXT_SEARCH = 0, /* ink and writing on a low level send the slide to review (deid/slides/marks.h) */
    LETHE_SLIDE_TEXT_KEEP        /* not looked for: the slides are known to be without, or a person has looked */
} lethe_slide_text_policy;

/* A rectangle in pixels of level 0. */
typedef struct lethe_slide_region {
    int64_t x_l0, y_l0, width_l0, height_l0;
} lethe_slide_region;
enum { LETHE_SLIDE_REGIONS = 256 };

/* --- names and barcodes -> patients and pre-assigned pseudonyms --- */

typedef struct lethe_slide_mapping lethe_slide_mapping;

/* Read a CSV file with a header line. Column `slide` (file name with or without extension, optionally behind folders) or `barcode`; `patient_id`
 * (optional `issuer`) or `pseudonym`
 * ("patient_pseudonym" is the same); optional `slide_pseudonym`; optional `mask`: "none", or rectangles
 * "X,Y,W,H X,Y,W,H" in pixels of level 0 that a person has drawn: they are blacked out, and the slide does not wait for review. Pseudonyms are
 * letters, digits, '-' and '_', at most 64. Errors: LETHE_CONFIG with the line number, LETHE_IO, LETHE_LIMIT. */
LETHE_NODISCARD lethe_status lethe_slide_mapping_load(const char *path, lethe_slide_mapping **out, lethe_error *error);
void lethe_slide_mapping_destroy(lethe_slide_mapping *mapping);
size_t lethe_slide_mapping_count(const lethe_slide_mapping *mapping);

/* Rows that fit nothing are mistakes of the list. Tell of each input's name (as the manifest calls it) before the first output. NULL mapping: nothing
 * happens. Errors: LETHE_NO_MEMORY. */
LETHE_NODISCARD lethe_status lethe_slide_mapping_note_input(lethe_slide_mapping *mapping, const char *name, lethe_error *error);
/* After all inputs were told. Errors: LETHE_CONFIG with the lines of names that fit several inputs. */
LETHE_NODISCARD lethe_status lethe_slide_mapping_check_names(const lethe_slide_mapping *mapping, lethe_error *error);
/* The same, and with the lines of masks whose slide is not there. */
LETHE_NODISCARD lethe_status lethe_slide_mapping_check_inputs(const lethe_slide_mapping *mapping, lethe_error *error);
/* True when a row has the input's name, or rows have bar codes, which nobody knows before the label is read. */
bool lethe_slide_mapping_may_fit(const lethe_slide_mapping *mapping, const char *name);
/* Row `number` of a result (from 1; 0 = none) was used. */
void lethe_slide_mapping_note_used(lethe_slide_mapping *mapping, uint32_t number);
/* How many rows no slide used; their line numbers go into `lines`, as many as fit (at least 32 bytes). `names_only`: rows without a bar code whose
 * name is that of no input that was told of. */
unsigned lethe_slide_mapping_unused(const lethe_slide_mapping *mapping, bool names_only, char *lines, size_t size);

/* --- the job --- */

typedef struct lethe_slide_options {
    lethe_pseudonymizer *pseudonymizer;   /* borrowed, needed */
    const lethe_slide_mapping *mapping;   /* borrowed; NULL = none */
    const char *source_name;              /* the name under which the slide came; NULL = the name in the path. Its parts count as identifiers */
    const char *const *known_identifiers; /* UTF-8 strings that must not stand anywhere in the output; borrowed */
    size_t known_identifier_count;
    lethe_slide_label_policy label;
    lethe_slide_macro_policy macro;
    lethe_slide_thumbnail_policy thumbnail;
    lethe_slide_text_policy text;
    const lethe_slide_region *regions; /* blacked out on every level; borrowed. A format that cannot do so quarantines */
    size_t region_count;
    bool drawn;    /* a reviewer has drawn some of the regions and may go on: unless `approved`, the slide waits */
    bool replace;  /* another output that stands under the slide's pseudonym is one of the same slide: it is replaced */
    bool approved; /* a person has looked at the slide: nothing goes to review */
    bool (*objected)(void *context, const char *patient_pseudonym); /* true: the patient's slides are never released; may be NULL */
    void *objected_context;
    bool read_barcode;          /* look for a bar code on the label, for `mapping` */
    bool allow_missing_label;   /* the input is known to have lost its label already; false: that is an error where the format always has one */
    bool keep_removed_labels;   /* of a profile: the run shall give a private folder for them */
    const char *private_folder; /* existing private folder; the removed label goes there as <slide pseudonym>-label.png, mode 0600. NULL = nowhere */
    lethe_sync sync;
    bool skip_sha256; /* nobody asks for the digest: result->sha256 may stay empty (TIFF formats) */
    /* May be NULL. Called while a TIFF slide is copied (the first half of `total_bytes`) and while it is proven (the other half). */
    void (*progress)(void *context, uint64_t done_bytes, uint64_t total_bytes);
    void *progress_context;
} lethe_slide_options;

typedef enum lethe_slide_outcome {
    LETHE_SLIDE_QUARANTINED = 0, /* nothing was written */
    LETHE_SLIDE_RELEASED,
    LETHE_SLIDE_REVIEW, /* nothing was written; a person has to decide: `marks` says where to look */
    LETHE_SLIDE_DROPPED /* nothing was written; the patient objects */
} lethe_slide_outcome;

typedef struct lethe_slide_result {
    lethe_slide_outcome outcome;
    char reason[256];   /* of a quarantine or review; no values */
    const char *format; /* "aperio" ...; static; NULL when not a slide */
    char output[512];   /* below the output folder: "<patient>/slides/<slide>.svs"; "" unless released */
    char patient[80];   /* pseudonym */
    char slide[80];     /* pseudonym */
    char sha256[65];    /* of the output; of several files (MRXS): of the lines "<sha256>  <name>\n", sorted by name */
    uint64_t input_bytes, output_bytes;
    uint64_t tags_kept, tags_removed, keys_kept, keys_removed, directories_removed, images_removed, tiles_kept, tiles_cleaned;
    int64_t width_px, height_px; /* of level 0 */
    unsigned levels;
    double mpp_um, objective_power; /* 0 = unknown */
    uint64_t openslide_regions;     /* compared; 0 when OpenSlide did not open the input */
    uint64_t tiles_redacted;        /* encoded again because a region touches them */
    uint32_t mapping_row;           /* of the mapping, from 1; 0 = none fits */
    lethe_slide_region marks[64];   /* ink or writing that was found, in pixels of level 0 */
    unsigned mark_count;
    char **removed; /* values that were removed, UTF-8, for the private audit record; owned */
    size_t removed_count;
} lethe_slide_result;

/* De-identify the slide at `path` (for MRXS the .mrxs file; its folder stands beside it) to `output_folder`/<result->output>; folders are made as
 * needed (0755), files have mode 0644. LETHE_OK when the outcome is known (look at result->outcome). Fails, with outcome quarantined too, on
 * LETHE_IO (the output could not be written), LETHE_NO_MEMORY, LETHE_CRYPTO, LETHE_INTERNAL. Always pair with lethe_slide_result_release. */
LETHE_NODISCARD lethe_status lethe_slide_deidentify(const char *path, const lethe_slide_options *options, const char *output_folder,
                                                    lethe_slide_result *result, lethe_error *error);
/* Remove a released file as unlink does (0, or -1 with errno); with an MRXS slide goes the folder of its data, which holds nearly all of it. */
int lethe_slide_output_remove(const char *path);
void lethe_slide_result_release(lethe_slide_result *result);

#endif
