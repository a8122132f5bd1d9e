/* The search of a whole mapped file for removed values, by two threads: one of its own, and the caller once it has nothing better to do.
 *
 * Layer: deid. Thread rule: start and finish on one thread; the bytes and the search must stay as they are in between. */
#ifndef LETHE_DEID_SLIDES_SCAN_H
#define LETHE_DEID_SLIDES_SCAN_H

#include "core/error.h"
#include "deid/slides/search.h"

#include <stdint.h>

typedef struct lethe_scan lethe_scan;

/* Begin to search `bytes` (a mapping of a file; borrowed, as is `search`) as LETHE_SEARCH_PIXELS. Pages that were searched are given back. When no
 * thread can be had, everything is left to lethe_scan_finish. Errors: LETHE_NO_MEMORY. */
LETHE_NODISCARD lethe_status lethe_scan_start(const uint8_t *bytes, uint64_t size, const lethe_search *search, lethe_scan **out, lethe_error *error);
/* Search what is left beside the thread, wait for it, release. Errors: LETHE_UNSAFE with the offset of the first hit in the file. */
LETHE_NODISCARD lethe_status lethe_scan_finish(lethe_scan *scan, lethe_error *error);
/* Stop early and release; NULL is a no-op. */
void lethe_scan_cancel(lethe_scan *scan);

#endif
