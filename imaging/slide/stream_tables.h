/* Tables of a JPEG stream that nothing in it uses: decoders read them and forget them, so that they can carry anything. Layer: imaging. Thread rule:
 * no state. */
#ifndef LETHE_IMAGING_SLIDE_STREAM_TABLES_H
#define LETHE_IMAGING_SLIDE_STREAM_TABLES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Which tables a sequential stream's frame and scan name: bit n stands for destination n (T.81, B.2.2 and B.2.3). */
typedef struct lethe_jpeg_tables {
    bool known; /* false: tables without a frame, or a frame of several scans; every table counts as used */
    uint8_t quantisers, dc, ac;
} lethe_jpeg_tables;

typedef enum lethe_jpeg_tables_use { LETHE_TABLES_USED, LETHE_TABLES_UNUSED, LETHE_TABLES_TEXT } lethe_jpeg_tables_use;

/* Look at the headers of the stream up to its first scan. */
lethe_jpeg_tables lethe_jpeg_tables_of(const uint8_t *bytes, size_t size);
/* The use of a DQT (marker 0xDB) or DHT (0xC4) segment whose content is well-formed: LETHE_TABLES_UNUSED when no table in it is used,
 * LETHE_TABLES_TEXT when an unused one beside used ones, or one that is beyond the usual two, reads like text. */
lethe_jpeg_tables_use lethe_jpeg_tables_check(const lethe_jpeg_tables *tables, uint8_t marker, const uint8_t *data, size_t size);

#endif
