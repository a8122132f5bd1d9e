/* Pictures of invented slides: tissue, labels, macro photographs, and their compressed forms. Thread rule: no shared state. */
#ifndef LETHE_TESTDATA_SLIDE_ART_H
#define LETHE_TESTDATA_SLIDE_ART_H

#include "core/buffer.h"
#include "core/error.h"

#include <stdint.h>

/* Colour of the tissue at a point of level 0; `phase` differs from slide to slide. */
void slide_tissue(uint32_t phase, int64_t x, int64_t y, uint8_t rgb[3]);
/* Fill an RGB tile of width x height whose corner is (x, y) on a level that is `factor` times smaller. */
void slide_tissue_tile(uint32_t phase, int64_t x, int64_t y, int64_t factor, uint32_t width, uint32_t height, uint8_t *rgb);
/* A label with lines of text (newline-separated) on white, RGB. */
void slide_label(const char *text, uint32_t width, uint32_t height, uint8_t *rgb);

typedef struct slide_jpeg {
    int quality;
    bool rgb;                /* components stay RGB, as Aperio writes them */
    bool split_tables;       /* abbreviated stream: tables come apart */
    bool half_width;         /* 4:2:2 */
    unsigned restart_blocks; /* restart interval in MCUs; 0 = none */
    const char *comment;     /* a COM segment; NULL = none */
} slide_jpeg;
/* Append a JPEG; `tables` (may be NULL unless split) gets the tables-only stream. */
LETHE_NODISCARD lethe_status slide_jpeg_encode(const uint8_t *rgb, uint32_t width, uint32_t height, const slide_jpeg *how, lethe_buffer *out,
                                               lethe_buffer *tables, lethe_error *error);
/* Append TIFF LZW (codes of 9 bits only: the table is cleared in time). */
LETHE_NODISCARD lethe_status slide_lzw_encode(const uint8_t *bytes, size_t size, lethe_buffer *out, lethe_error *error);

#endif
