/* A bitmap font of our own (cells of 6 x 11 pixels; upper and lower case Latin with the common accents, digits, punctuation) for burned-in text.
 * Thread rule: no state. */
#ifndef LETHE_TESTDATA_FONT_H
#define LETHE_TESTDATA_FONT_H

#include <stddef.h>
#include <stdint.h>

/* Size in pixels of `text` (UTF-8, one line) at `scale` (1 = cells of 6 x 11 px). */
void lethe_font_measure(const char *text, unsigned scale, unsigned *width_px, unsigned *height_px);
/* Mark the glyphs in `mask` (width x height bytes as measured, zeroed by the caller) with 1. */
void lethe_font_draw(const char *text, unsigned scale, uint8_t *mask, unsigned width_px, unsigned height_px);

#endif
