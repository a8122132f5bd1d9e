/* A small TIFF writer for invented slides: classic, BigTIFF and NDPI, either byte order, any order of parts, gaps, shared strips, wrong pointers. It
 * shares no code with the writer of imaging/slide. Thread rule: one thread at a time. */
#ifndef LETHE_TESTDATA_SLIDE_TIFF_H
#define LETHE_TESTDATA_SLIDE_TIFF_H

#include "core/buffer.h"
#include "core/error.h"

#include <stdint.h>

typedef struct slide_entry {
    uint16_t tag, type;
    uint64_t count;
    uint8_t *bytes; /* owned; in the file's byte order */
    size_t size;
} slide_entry;

typedef struct slide_directory {
    slide_entry entries[64];
    unsigned count;
} slide_directory;

typedef struct slide_tiff {
    lethe_buffer file;
    bool big, big_endian, ndpi;
    uint64_t link_at; /* where the offset of the next directory goes */
    bool failed;      /* out of memory at some point: slide_tiff_save fails */
} slide_tiff;

void slide_tiff_start(slide_tiff *tiff, bool big, bool big_endian, bool ndpi);
/* Append raw bytes; returns their offset. */
uint64_t slide_tiff_put(slide_tiff *tiff, const void *bytes, size_t size);
void slide_tag_number(slide_tiff *tiff, slide_directory *directory, uint16_t tag, uint16_t type, uint64_t value);
void slide_tag_numbers(slide_tiff *tiff, slide_directory *directory, uint16_t tag, uint16_t type, const uint64_t *values, size_t count);
void slide_tag_text(slide_tiff *tiff, slide_directory *directory, uint16_t tag, const char *text);
void slide_tag_bytes(slide_tiff *tiff, slide_directory *directory, uint16_t tag, uint16_t type, const void *bytes, size_t size);
void slide_tag_rational(slide_tiff *tiff, slide_directory *directory, uint16_t tag, uint32_t above, uint32_t below);
void slide_tag_float(slide_tiff *tiff, slide_directory *directory, uint16_t tag, float value);
/* Write a directory with its values. `linked`: it becomes the next of the chain. Returns its offset; the directory is emptied. */
uint64_t slide_tiff_end(slide_tiff *tiff, slide_directory *directory, bool linked);
LETHE_NODISCARD lethe_status slide_tiff_save(slide_tiff *tiff, const char *path, lethe_error *error); /* releases in every case */

#endif
