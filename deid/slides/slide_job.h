/* Inside of deid/slides: one slide on its way, and what each format offers. Adding a format: docs/slides.md. Layer: deid. */
#ifndef LETHE_DEID_SLIDES_SLIDE_JOB_H
#define LETHE_DEID_SLIDES_SLIDE_JOB_H

#include "deid/slides/regions.h"
#include "deid/slides/search.h"
#include "deid/slides/slide_deid.h"
#include "deid/slides/typed.h"
#include "imaging/image.h"
#include "imaging/slide/probe.h"
#include "imaging/slide/source.h"
#include "imaging/slide/tiff_write.h"

typedef struct lethe_slide_rules lethe_slide_rules;
typedef struct lethe_slide_mapping_row lethe_slide_mapping_row;

typedef struct lethe_slide_job {
    const lethe_slide_options *options;
    const lethe_slide_rules *format;
    const lethe_slide_probe *probe;
    lethe_slide_result *result;
    lethe_arena *arena;
    lethe_search *search;
    lethe_tiff_draft *draft;  /* TIFF formats: what `plan` fills */
    const char *stage_folder; /* other formats: where `write` puts its files */
    bool label_found;
    bool look_first;                   /* all streams are looked into before anything is written: one of them must be cut */
    unsigned made_images;              /* directories in the draft whose pixels we made */
    unsigned made_last;                /* of them, those that are its last ones and look like pictures of the input: not compared with those */
    const lethe_slide_region *regions; /* to be blacked out; in the arena */
    size_t region_count;
    const lethe_level_map *level_map; /* where readers show the directory that is kept next; NULL: as a smaller copy of the first one */
    const lethe_level_map **out_maps; /* of the draft's directories, in order; NULL when there is no region */
    size_t out_map_count;
    const uint64_t *strip_moved; /* of the directory that was kept last: restart offsets after a region went; NULL: unchanged */
    uint64_t strip_start_count;
    const lethe_slide_mapping_row *row; /* of the mapping; NULL = none */
    uint32_t macro_px[2];               /* columns and rows of a macro that was kept */
    bool macro_as_jpeg;                 /* readers of the format take the macro as JPEG only */
    bool approved;                      /* a person has looked at the slide */
    size_t removed_capacity;
} lethe_slide_job;

struct lethe_slide_rules {
    const char *name;                                                /* as of imaging/slide/probe.h */
    const char *extension;                                           /* of the output, with dot */
    const char *refusal;                                             /* set: recognised, never passed through; the reason */
    bool has_label_always;                                           /* no label image found is an error */
    bool has_plain_levels;                                           /* every level is one grid of tiles over the whole of level 0: regions can go */
    bool has_placed_levels;                                          /* `plan` or `write` says itself where levels are shown: regions can go */
    lethe_status (*plan)(lethe_slide_job *job, lethe_error *error);  /* TIFF: fill job->draft */
    lethe_status (*write)(lethe_slide_job *job, lethe_error *error); /* several files: write all into job->stage_folder */
    const lethe_typed_rule *const *vocabulary; /* NULL-terminated list of rule tables that end with key NULL: their words are no identifiers */
};

extern const lethe_slide_rules *const lethe_slide_registry[]; /* NULL-terminated; registry in slide_deid.c */
extern const lethe_slide_rules lethe_slide_aperio, lethe_slide_generic, lethe_slide_ome, lethe_slide_philips, lethe_slide_leica, lethe_slide_ventana,
    lethe_slide_hamamatsu, lethe_slide_mirax;

/* --- values that go --- */

/* Remember a removed value: it must not stand in the output. Words of the format's own vocabulary are passed over. */
LETHE_NODISCARD lethe_status lethe_job_removed(lethe_slide_job *job, const char *text, size_t length, lethe_error *error);
/* Remember everything readable in a removed blob: runs of printable characters between quotes, angle brackets, bars and line ends. */
LETHE_NODISCARD lethe_status lethe_job_removed_blob(lethe_slide_job *job, const uint8_t *bytes, uint64_t size, lethe_error *error);
/* Remember telling pieces of a removed picture's compressed stream. */
LETHE_NODISCARD lethe_status lethe_job_removed_stream(lethe_slide_job *job, const uint8_t *bytes, uint64_t size, lethe_error *error);

/* --- writing and proving --- */

/* Ink and writing on the glass that no region covers. Errors: LETHE_REVIEW; job->result->marks says where. */
LETHE_NODISCARD lethe_status lethe_job_search_marks(lethe_slide_job *job, lethe_error *error);
/* OpenSlide sees the same slide in the output, and nothing in the regions. Errors: LETHE_UNSAFE. */
LETHE_NODISCARD lethe_status lethe_job_prove_pixels(lethe_slide_job *job, const char *path, lethe_error *error);
/* Size, levels and scale of the output, for the result. Errors: LETHE_UNSAFE. */
LETHE_NODISCARD lethe_status lethe_job_measure(lethe_slide_job *job, const char *path, lethe_error *error);
/* The whole way of a TIFF slide: plan, copy, proof, name (write_tiff.c). Errors: LETHE_REVIEW, LETHE_UNSAFE and others of the slide, LETHE_IO. */
LETHE_NODISCARD lethe_status lethe_job_write_tiff(lethe_slide_job *job, const char *target, lethe_error *error);

/* --- TIFF directories --- */

/* A rule for a tag of a kept directory: numbers only, at most `count` values, none above `highest` (0 = any). */
typedef struct lethe_tag_rule {
    uint16_t tag;
    uint32_t count, highest;
} lethe_tag_rule;

/* Check that no tag stands twice in any directory. Errors: LETHE_UNSAFE. */
LETHE_NODISCARD lethe_status lethe_plan_check(lethe_slide_job *job, lethe_error *error);
/* Keep an image: allowed tags, its tiles or strips after a look into each stream. `extra` may add rules (tag 0 ends; NULL = none). Values of all
 * other tags are remembered as removed, but for those in `handled` (ended by 0; NULL = none), which the caller treats itself. */
LETHE_NODISCARD lethe_status lethe_plan_keep(lethe_slide_job *job, const lethe_tiff_directory *directory, lethe_tiff_draft_directory *parent,
                                             const lethe_tag_rule *extra, const uint16_t *handled, lethe_tiff_draft_directory **out,
                                             lethe_error *error);
/* Remove an image or other directory, with its children: remember its values and its streams. `handled` as above. */
LETHE_NODISCARD lethe_status lethe_plan_remove(lethe_slide_job *job, const lethe_tiff_directory *directory, const uint16_t *handled,
                                               lethe_error *error);
/* Remove the EXIF, GPS and other children of a kept directory, but for those of `keep_tag`. */
LETHE_NODISCARD lethe_status lethe_plan_remove_children(lethe_slide_job *job, const lethe_tiff_directory *directory, uint16_t keep_tag,
                                                        lethe_error *error);
/* A new uncompressed RGB image. */
LETHE_NODISCARD lethe_status lethe_plan_picture(lethe_slide_job *job, const lethe_image *rgba, lethe_tiff_draft_directory **out, lethe_error *error);

/* The same as a JPEG stream in one strip. */
LETHE_NODISCARD lethe_status lethe_plan_jpeg_picture(lethe_slide_job *job, const lethe_image *rgba, lethe_tiff_draft_directory **out,
                                                     lethe_error *error);

/* --- pictures --- */

/* A label that shows `text` in black on white. */
LETHE_NODISCARD lethe_status lethe_label_draw(const char *text, uint32_t columns, uint32_t rows, lethe_image *rgba, lethe_error *error);
/* The same letters on a picture, black, 5 x 7 pixels times `scale` each; what is no letter, digit, '-' or '_' is a gap. */
void lethe_label_text(const char *text, lethe_image *rgba, uint32_t left, uint32_t top, uint32_t scale);
/* Where the profile asks for it: the macro photograph with the label's share black, as a new image of the draft. *out is NULL when it is not kept:
 * not asked for, no readable macro, a shape that does not tell where the label is, or something that looks like writing in the rest. */
LETHE_NODISCARD lethe_status lethe_macro_blackout(lethe_slide_job *job, lethe_tiff_draft_directory **out, lethe_error *error);
/* Columns at the left end of a macro of that size that are made black. */
uint32_t lethe_macro_label_px(uint32_t columns, uint32_t rows);
/* True when they are, in RGB. */
bool lethe_macro_is_black(const uint8_t *rgb, uint32_t columns, uint32_t rows);
/* Bar codes in a picture: each decoded text is passed to `found`. Errors: LETHE_NO_MEMORY. */
LETHE_NODISCARD lethe_status lethe_barcode_read(const lethe_image *rgba, void (*found)(void *context, const char *text), void *context,
                                                lethe_error *error);

/* --- ICC profiles (icc.c) --- */

/* A profile with the same colour transform whose texts, dates and unknown tags are gone: `out` is the input itself when nothing had to go, else a new
 * one in the arena. Errors: LETHE_MALFORMED. */
LETHE_NODISCARD lethe_status lethe_icc_clean(lethe_slide_job *job, const uint8_t *bytes, size_t size, const uint8_t **out, size_t *out_size,
                                             lethe_error *error);

/* --- mapping (mapping.c) --- */

struct lethe_slide_mapping_row {
    const char *patient_id, *issuer, *pseudonym, *slide_pseudonym; /* "" when not given */
    const char *mask; /* "" when not given; "none" or "X,Y,W,H X,Y,W,H ...": a person has looked at the slide */
    uint32_t number;  /* from 1 */
};
/* The rectangles of a mask; false when it is written wrongly or holds more than `room`. */
bool lethe_slide_mask_parse(const char *mask, lethe_slide_region *regions, size_t room, size_t *count);
/* By name (that of the source, with its folders and extension; the row may lack them), then by barcode. NULL arguments do not match. */
const lethe_slide_mapping_row *lethe_slide_mapping_find(const lethe_slide_mapping *mapping, const char *name, const char *barcode);

#endif
