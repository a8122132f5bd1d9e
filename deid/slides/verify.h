/* The proof: an output is read again by a reader of its own, which shares no code with the parser and writer that made it.
 *
 * Every byte must be header, directory, value of a tag that the format allows, image data or zero padding; every tile must be that of the input; no
 * removed value and no piece of a removed picture may be found anywhere; and OpenSlide, where it opens the input, must see the same slide. Layer:
 * deid. Thread rule: no shared state. */
#ifndef LETHE_DEID_SLIDES_VERIFY_H
#define LETHE_DEID_SLIDES_VERIFY_H

#include "core/error.h"
#include "deid/slides/ledger.h"
#include "deid/slides/regions.h"
#include "deid/slides/search.h"
#include "deid/slides/slide_deid.h"

#include <stddef.h>
#include <stdint.h>

typedef struct lethe_verify_options {
    const char *format;
    const uint8_t *source; /* the input's bytes, to compare tiles; NULL = look at the output alone */
    uint64_t source_size;
    const lethe_search *search;        /* NULL = nothing to search */
    const lethe_ledger *ledger;        /* what was compared with the input and searched already; NULL = nothing */
    unsigned made_images;              /* directories whose pixels are new */
    unsigned made_last;                /* of them, the last ones of the file: not compared with any of the input */
    const lethe_slide_region *regions; /* tiles that they touch may differ from the input's; what they show is proven by lethe_regions_prove */
    size_t region_count;
    const lethe_level_map *const
        *maps; /* where each directory of the output is shown, in order; NULL entries and NULL: as a smaller copy of the first */
    size_t map_count;
    void (*progress)(void *context, uint64_t done_bytes, uint64_t total_bytes); /* of the output, while tiles are compared; may be NULL */
    void *progress_context;
} lethe_verify_options;

typedef struct lethe_verify_report {
    uint64_t directories, tags, tiles, tiles_compared, tiles_redacted, padding_bytes;
} lethe_verify_report;

/* TIFF-based formats. Errors: LETHE_UNSAFE with the offset or tag of what should not be there. */
LETHE_NODISCARD lethe_status lethe_verify_tiff(const uint8_t *bytes, uint64_t size, const lethe_verify_options *options, lethe_verify_report *report,
                                               lethe_error *error);
/* A level in one JPEG stream: every restart interval equals the input's but for those that a box touches, and so does the rest of the stream but for
 * comments. `*redacted` grows by the number of intervals that differ. Errors: LETHE_UNSAFE. */
LETHE_NODISCARD lethe_status lethe_verify_strip(const uint8_t *in, uint64_t in_size, const uint8_t *out, uint64_t out_size, uint64_t width_px,
                                                const lethe_level_box *boxes, size_t box_count, uint64_t *redacted, lethe_error *error);
/* Search a whole file of another kind: all of it as text when small, else as pixels with its first and last 64 KiB as text. Errors: LETHE_UNSAFE. */
LETHE_NODISCARD lethe_status lethe_verify_search(const uint8_t *bytes, uint64_t size, const lethe_search *search, lethe_error *error);

/* Which pictures of an MRXS slide may differ from the input's: those that a region touches. What they show is proven by lethe_regions_prove. */
typedef struct lethe_verify_touched {
    bool (*is_touched)(const void *context, uint32_t level, size_t record);
    const void *context;
} lethe_verify_touched;
/* An MRXS slide: every byte of the new Index.dat and data files is header, list or picture, every picture that of the input (but for `touched`; NULL:
 * none), and the search finds nothing in any file of `output_folder` nor in `output_folder`.mrxs. Errors: LETHE_UNSAFE. */
LETHE_NODISCARD lethe_status lethe_verify_mirax(const char *input_folder, const char *output_folder, const lethe_search *search,
                                                const lethe_verify_touched *touched, lethe_error *error);

/* For `lethe deid verify`: a released slide on its own. Structure, allowed tags and keys, no label or macro picture, nothing unaccounted for.
 * Errors: LETHE_UNSAFE, LETHE_UNSUPPORTED (no slide of a known format), LETHE_IO. */
LETHE_NODISCARD lethe_status lethe_slide_verify(const char *path, lethe_verify_report *report, lethe_error *error);

#endif
