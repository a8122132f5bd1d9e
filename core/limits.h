/* Every limit on untrusted input, in one place. A limit is generous for real data and small enough that a hostile file cannot hurt. */
#ifndef LETHE_CORE_LIMITS_H
#define LETHE_CORE_LIMITS_H

#define LETHE_LIMIT_SEQUENCE_DEPTH 64           /* nested DICOM sequences */
#define LETHE_LIMIT_ELEMENTS (4u << 20)         /* elements and items in one data set */
#define LETHE_LIMIT_INFLATED_BYTES (1ull << 30) /* deflated transfer syntax, inflated */
#define LETHE_LIMIT_ARENA_BYTES (512u << 20)    /* parse-lifetime memory of one file */
#define LETHE_LIMIT_FRAMES (1u << 20)           /* frames of one instance */
#define LETHE_LIMIT_PIXEL_SIDE 65535            /* rows or columns of a frame */
#define LETHE_LIMIT_FRAME_BYTES (1ull << 30)    /* one decoded frame */
#define LETHE_LIMIT_TIFF_DIRECTORIES 4096
#define LETHE_LIMIT_TIFF_ENTRIES 4096           /* tags of one directory */
#define LETHE_LIMIT_TIFF_TILES (64u << 20)      /* tiles of one directory */
#define LETHE_LIMIT_TEXT_FILE_BYTES (64u << 20) /* YAML, XML, ini, CSV headers */
#define LETHE_LIMIT_CSV_FIELD_BYTES (1u << 20)
#define LETHE_LIMIT_ARCHIVE_ENTRIES (4u << 20) /* members of a ZIP or tar file */
#define LETHE_LIMIT_ARCHIVE_RATIO 200          /* unpacked to packed size, beyond the first LETHE_LIMIT_ARCHIVE_FREE_BYTES */
#define LETHE_LIMIT_ARCHIVE_FREE_BYTES (256u << 20)
#define LETHE_LIMIT_ARCHIVE_BYTES (4ull << 40) /* unpacked */

#endif
