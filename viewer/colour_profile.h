/* Colour as the scanner meant it: a picture's ICC profile applied towards sRGB, which screens are taken to be. colour_profile.c is the only file that
 * knows Little CMS. Layer: viewer. Thread rule: immutable once made; apply from any thread. */
#ifndef LETHE_VIEWER_COLOUR_PROFILE_H
#define LETHE_VIEWER_COLOUR_PROFILE_H

#include "imaging/image.h"

typedef struct lethe_colour_profile lethe_colour_profile;

/* From the bytes of an ICC profile (copied). Errors: LETHE_MALFORMED when it is no RGB profile. */
LETHE_NODISCARD lethe_status lethe_colour_profile_create(const uint8_t *icc, size_t size, lethe_colour_profile **out, lethe_error *error);
void lethe_colour_profile_destroy(lethe_colour_profile *profile);
/* In place, RGB or RGBA of 8 bits; other pictures stay as they are. */
void lethe_colour_profile_apply(const lethe_colour_profile *profile, lethe_image *image);

#endif
