/* Inside of imaging/slide: what a source of pixels offers to slide.c. Layer: imaging. */
#ifndef LETHE_IMAGING_SLIDE_SOURCE_H
#define LETHE_IMAGING_SLIDE_SOURCE_H

#include "imaging/slide/probe.h"
#include "imaging/slide/slide.h"

enum { LETHE_SLIDE_MAX_LEVELS = 64 };

typedef struct lethe_slide_source lethe_slide_source;

struct lethe_slide {
    const lethe_slide_source *source;
    void *state; /* the source's own */
    const char *format;
    char *path;
    lethe_slide_probe probe;
    lethe_slide_level levels[LETHE_SLIDE_MAX_LEVELS];
    unsigned level_count;
    double mpp_um, objective_power;
    const uint8_t *icc; /* borrowed from the map or owned by the source's state */
    size_t icc_size;
};

struct lethe_slide_source {
    /* Fill levels and properties, set `state`. LETHE_UNSUPPORTED lets the next source try. */
    lethe_status (*open)(lethe_slide *slide, lethe_error *error);
    void (*close)(lethe_slide *slide);
    /* `rgba` is allocated in the tile's (cut) size, all white. */
    lethe_status (*read_tile)(lethe_slide *slide, unsigned level, int64_t column, int64_t row, lethe_image *rgba, lethe_error *error);
    lethe_status (*read_associated)(lethe_slide *slide, const char *name, lethe_image *rgba, lethe_error *error);
    /* A tile at 1 / shrink of its size. NULL, or LETHE_UNSUPPORTED: this source, or this tile, can only be read whole. */
    lethe_status (*read_reduced)(lethe_slide *slide, unsigned level, int64_t column, int64_t row, unsigned shrink, lethe_image *rgba,
                                 lethe_error *error);
    const char *(*front)(const lethe_slide *slide); /* NULL: the file that was opened */
};

extern const lethe_slide_source lethe_tiff_source, lethe_openslide_source, lethe_dicom_source;

/* Allocate a white RGBA picture. */
LETHE_NODISCARD lethe_status lethe_slide_white(uint32_t columns, uint32_t rows, lethe_image *rgba, lethe_error *error);

/* --- decoders: one compressed tile to RGBA of exactly columns x rows (what the stream has beyond is cut off, what it lacks stays white) --- */
typedef struct lethe_jpeg_hint {
    const uint8_t *tables; /* JPEGTables of the directory; NULL = none */
    size_t tables_size;
    bool rgb;        /* the components are RGB although no marker says so (PhotometricInterpretation 2) */
    unsigned shrink; /* 2, 4 or 8: decode to that fraction of the size, from the low frequencies of each block; 0 and 1: whole */
} lethe_jpeg_hint;
/* Errors: LETHE_MALFORMED. */
LETHE_NODISCARD lethe_status lethe_jpeg_tile_decode(const uint8_t *bytes, size_t size, const lethe_jpeg_hint *hint, lethe_image *rgba,
                                                    lethe_error *error);
LETHE_NODISCARD lethe_status lethe_j2k_tile_decode(const uint8_t *bytes, size_t size, bool ycc, lethe_image *rgba, lethe_error *error);
/* Encode RGBA (alpha ignored) as baseline JPEG, appended. Errors: LETHE_NO_MEMORY, LETHE_LIMIT. */
struct lethe_buffer;
LETHE_NODISCARD lethe_status lethe_jpeg_encode(const lethe_image *rgba, int quality, struct lethe_buffer *out, lethe_error *error);

#endif
