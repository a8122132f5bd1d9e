/* Live-wire: the cheapest path along edges of the image between two points (Dijkstra on gradient costs in a window around the anchor).
 * Layer: viewer. Thread rule: one thread at a time per object. */
#ifndef LETHE_VIEWER_TOOLS_LIVEWIRE_H
#define LETHE_VIEWER_TOOLS_LIVEWIRE_H

#include "annotate/shape.h"
#include "core/error.h"
#include "imaging/image.h"

typedef struct lethe_livewire lethe_livewire;

/* Prepare paths from the pixel under `anchor`; reaches `reach_px` in each direction. Copies what it needs of the image. */
LETHE_NODISCARD lethe_status lethe_livewire_create(const lethe_image *pixels, lethe_point anchor, uint32_t reach_px, lethe_livewire **out,
                                                   lethe_error *error);
void lethe_livewire_destroy(lethe_livewire *wire);
/* The path from the anchor to `to` (cut to the window) as pixel centres, anchor first; returns how many of `capacity` points were written. */
size_t lethe_livewire_path(const lethe_livewire *wire, lethe_point to, lethe_point *out, size_t capacity);

#endif
