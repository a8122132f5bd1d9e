/* Anatomy-like pictures: ellipses with soft edges over smooth texture and noise. Values are physical (signal, HU), rounded by the caller. Thread
 * rule: no state. */
#ifndef LETHE_TESTDATA_PICTURE_H
#define LETHE_TESTDATA_PICTURE_H

#include "testdata/random.h"

#include <stddef.h>
#include <stdint.h>

typedef struct lethe_picture {
    unsigned columns, rows;
    int16_t *values; /* owned by the caller */
} lethe_picture;

void lethe_picture_fill(lethe_picture *picture, int value);
/* Centre and radii as fractions of the picture's width and height; `soft` pixels of edge. */
void lethe_picture_ellipse(lethe_picture *picture, double cx, double cy, double rx, double ry, int value);
/* Smooth texture of `amplitude` inside what is above `threshold`, plus noise of `noise` (uniform, half range) everywhere. */
void lethe_picture_texture(lethe_picture *picture, lethe_random *random, int threshold, int amplitude, int noise);
void lethe_picture_clamp(lethe_picture *picture, int low, int high);

#endif
