/* The tree of directories of a TIFF file: classic, BigTIFF and Hamamatsu's NDPI (classic with 64-bit offsets), as typed values over the mapped bytes.
 *
 * Every directory is found: the chain, SubIFDs, EXIF, GPS and interoperability directories. Nothing is interpreted beyond TIFF 6.0, BigTIFF and the
 * tag types; loops, offsets outside the file and excessive counts are errors that name the offset. Layer: imaging. Thread rule: immutable after
 * parse. */
#ifndef LETHE_IMAGING_SLIDE_TIFF_TREE_H
#define LETHE_IMAGING_SLIDE_TIFF_TREE_H

#include "core/arena.h"
#include "core/error.h"

#include <stddef.h>
#include <stdint.h>

/* Tags that the tree or several formats need (TIFF 6.0, TIFF technical notes, EXIF 2.32). */
enum {
    LETHE_TIFF_SUBFILE_TYPE = 254,
    LETHE_TIFF_WIDTH = 256,
    LETHE_TIFF_HEIGHT = 257,
    LETHE_TIFF_BITS_PER_SAMPLE = 258,
    LETHE_TIFF_COMPRESSION = 259,
    LETHE_TIFF_PHOTOMETRIC = 262,
    LETHE_TIFF_IMAGE_DESCRIPTION = 270,
    LETHE_TIFF_MAKE = 271,
    LETHE_TIFF_MODEL = 272,
    LETHE_TIFF_STRIP_OFFSETS = 273,
    LETHE_TIFF_ORIENTATION = 274,
    LETHE_TIFF_SAMPLES_PER_PIXEL = 277,
    LETHE_TIFF_ROWS_PER_STRIP = 278,
    LETHE_TIFF_STRIP_BYTE_COUNTS = 279,
    LETHE_TIFF_X_RESOLUTION = 282,
    LETHE_TIFF_Y_RESOLUTION = 283,
    LETHE_TIFF_PLANAR_CONFIGURATION = 284,
    LETHE_TIFF_RESOLUTION_UNIT = 296,
    LETHE_TIFF_SOFTWARE = 305,
    LETHE_TIFF_DATE_TIME = 306,
    LETHE_TIFF_PREDICTOR = 317,
    LETHE_TIFF_TILE_WIDTH = 322,
    LETHE_TIFF_TILE_HEIGHT = 323,
    LETHE_TIFF_TILE_OFFSETS = 324,
    LETHE_TIFF_TILE_BYTE_COUNTS = 325,
    LETHE_TIFF_SUB_IFDS = 330,
    LETHE_TIFF_JPEG_TABLES = 347,
    LETHE_TIFF_YCBCR_SUBSAMPLING = 530,
    LETHE_TIFF_XMP = 700,
    LETHE_TIFF_ICC_PROFILE = 34675,
    LETHE_TIFF_EXIF_IFD = 34665,
    LETHE_TIFF_GPS_IFD = 34853,
    LETHE_TIFF_INTEROPERABILITY_IFD = 40965,
    LETHE_NDPI_FORMAT_FLAG = 65420,
    LETHE_NDPI_SOURCE_LENS = 65421,
    LETHE_NDPI_MCU_STARTS = 65426,
    LETHE_NDPI_REFERENCE = 65427,
    LETHE_NDPI_MCU_STARTS_HIGH = 65432,
    LETHE_NDPI_PROPERTY_MAP = 65449
};

/* Values of Compression. */
enum {
    LETHE_TIFF_NONE = 1,
    LETHE_TIFF_LZW = 5,
    LETHE_TIFF_OLD_JPEG = 6,
    LETHE_TIFF_JPEG = 7,
    LETHE_TIFF_DEFLATE = 8,
    LETHE_TIFF_OLD_DEFLATE = 32946,
    LETHE_TIFF_PACKBITS = 32773,
    LETHE_TIFF_APERIO_J2K_YCBCR = 33003,
    LETHE_TIFF_APERIO_J2K_RGB = 33005,
    LETHE_TIFF_JPEG_2000 = 34712,
    LETHE_TIFF_ZSTD = 50000,
    LETHE_TIFF_WEBP = 50001
};

typedef enum lethe_tiff_type {
    LETHE_TIFF_BYTE = 1,
    LETHE_TIFF_ASCII,
    LETHE_TIFF_SHORT,
    LETHE_TIFF_LONG,
    LETHE_TIFF_RATIONAL,
    LETHE_TIFF_SBYTE,
    LETHE_TIFF_UNDEFINED,
    LETHE_TIFF_SSHORT,
    LETHE_TIFF_SLONG,
    LETHE_TIFF_SRATIONAL,
    LETHE_TIFF_FLOAT,
    LETHE_TIFF_DOUBLE,
    LETHE_TIFF_IFD,
    LETHE_TIFF_LONG8 = 16,
    LETHE_TIFF_SLONG8,
    LETHE_TIFF_IFD8
} lethe_tiff_type;

typedef struct lethe_tiff_entry {
    uint16_t tag, type;
    bool inlined;       /* the value stands in the entry itself */
    bool known_type;    /* false: `value` is NULL and `bytes` 0 */
    uint32_t ndpi_high; /* the upper 32 bits that NDPI keeps behind the directory */
    uint64_t count;
    uint64_t offset;      /* of the value's first byte in the file */
    uint64_t bytes;       /* count * size of the type */
    const uint8_t *value; /* borrowed from the parsed bytes */
} lethe_tiff_entry;

typedef struct lethe_tiff_directory lethe_tiff_directory;
struct lethe_tiff_directory {
    uint64_t offset, bytes; /* of the directory itself: count, entries, next offset, NDPI's upper words */
    uint32_t index;         /* position in the chain, or among its parent's children */
    uint32_t entry_count;
    lethe_tiff_entry *entries;      /* in file order */
    uint16_t parent_tag;            /* 0 in the chain, else the tag that points here */
    lethe_tiff_directory *parent;   /* NULL in the chain */
    lethe_tiff_directory *next;     /* in the chain, or the next child of `parent` */
    lethe_tiff_directory *children; /* first of SubIFDs, EXIF, GPS ... */
};

typedef struct lethe_tiff_tree {
    const uint8_t *bytes; /* borrowed */
    uint64_t size;
    bool big_endian, big, ndpi;
    lethe_tiff_directory *first;           /* the chain */
    uint32_t chain_count, directory_count; /* the latter counts children too */
    lethe_arena *arena;
} lethe_tiff_tree;

/* Cheap test: the first bytes of a TIFF or BigTIFF. */
bool lethe_tiff_looks_like(const uint8_t *bytes, uint64_t size);
/* Parse. The tree and its nodes live in `arena`. Errors: LETHE_MALFORMED with the offset (not a TIFF, loop, value or directory outside the file),
 * LETHE_LIMIT (core/limits.h), LETHE_NO_MEMORY. Cost: linear in entries; values are not read. */
LETHE_NODISCARD lethe_status lethe_tiff_parse(const uint8_t *bytes, uint64_t size, lethe_arena *arena, lethe_tiff_tree **out, lethe_error *error);

/* Bytes of one value of a type; 0 for an unknown type. */
uint32_t lethe_tiff_type_bytes(uint16_t type);
/* The directory at `index` of the chain; NULL beyond its end. */
const lethe_tiff_directory *lethe_tiff_at(const lethe_tiff_tree *tree, uint32_t index);
/* The first entry with `tag`; NULL when absent. */
const lethe_tiff_entry *lethe_tiff_find(const lethe_tiff_directory *directory, uint16_t tag);
/* Value `index` of an entry as a number; false when absent, negative or of another kind. */
bool lethe_tiff_entry_uint(const lethe_tiff_tree *tree, const lethe_tiff_entry *entry, uint64_t index, uint64_t *value);
bool lethe_tiff_entry_double(const lethe_tiff_tree *tree, const lethe_tiff_entry *entry, uint64_t index, double *value);
/* The first value of a tag; `fallback` when absent. */
uint64_t lethe_tiff_uint(const lethe_tiff_tree *tree, const lethe_tiff_directory *directory, uint16_t tag, uint64_t fallback);
double lethe_tiff_double(const lethe_tiff_tree *tree, const lethe_tiff_directory *directory, uint16_t tag, double fallback);
/* The bytes of an ASCII (or BYTE, UNDEFINED) value up to its first NUL, as a copy in the tree's arena; "" when absent; NULL when memory is short. */
const char *lethe_tiff_text(const lethe_tiff_tree *tree, const lethe_tiff_directory *directory, uint16_t tag);

/* Image data: tiles when TileOffsets stands in the directory, else strips. */
typedef struct lethe_tiff_segments {
    const lethe_tiff_entry *offsets, *byte_counts;
    bool tiled;
    uint64_t count;
} lethe_tiff_segments;

/* False when there is no image data or the two lists do not fit each other. */
bool lethe_tiff_segments_of(const lethe_tiff_directory *directory, lethe_tiff_segments *segments);
/* Where segment `index` lies. A missing tile has 0 bytes. False when it is outside the file. */
bool lethe_tiff_segment_at(const lethe_tiff_tree *tree, const lethe_tiff_segments *segments, uint64_t index, uint64_t *offset, uint64_t *bytes);

#endif
