/* A DICOM file-set over released instances (PS3.10 8, PS3.3 F): a DICOMDIR, and beside it File IDs of eight characters as the standard asks for,
 * which are second names (hard links) of the released files, or copies on another file system. Layer: deid. Thread rule: no state. */
#ifndef LETHE_DEID_DICOMDIR_H
#define LETHE_DEID_DICOMDIR_H

#include "core/error.h"

#include <stdint.h>

typedef struct lethe_dicomdir_counts {
    uint64_t patients, studies, series, instances;
    uint64_t left_out; /* files that are no instance with a place in a directory (slides, DICOM without UIDs) */
} lethe_dicomdir_counts;

/* Make `media`/DICOMDIR and `media`/DICOM/... for what lies below `released`; the two may be one folder. What stood under these two names before is
 * replaced. In a project `exports/` is left out. Not for two at a time: see file_set.h. Memory: about 2 kB per instance. Errors: LETHE_IO,
 * LETHE_NO_MEMORY, LETHE_LIMIT (more than 4 GB of directory). */
LETHE_NODISCARD lethe_status lethe_dicomdir_write(const char *released, const char *media, lethe_dicomdir_counts *counts, lethe_error *error);
/* Remove what lethe_dicomdir_write made below `media`; the released files keep their own names. Nothing there: LETHE_OK. */
LETHE_NODISCARD lethe_status lethe_dicomdir_remove(const char *media, lethe_error *error);

#endif
