/* Where bytes of a set stand: one bit a byte, 64 bytes at a time.
 *
 * Compressed pixels hold every byte alike, texts only some: a stretch in which every byte belongs to the set is rare among pixels, so that a search
 * for texts may pass over nearly all of them. Layer: deid. Thread rule: immutable once built. */
#ifndef LETHE_DEID_SLIDES_BYTE_SET_H
#define LETHE_DEID_SLIDES_BYTE_SET_H

#include <stddef.h>
#include <stdint.h>

enum { LETHE_BYTE_SET_BLOCK = 64 };

/* Zero is the empty set. Bit (b >> 4) of rows[b & 15] says whether b belongs to it. */
typedef struct lethe_byte_set {
    uint16_t rows[16];
} lethe_byte_set;

void lethe_byte_set_add(lethe_byte_set *set, uint8_t byte);
/* masks[i] gets bit k when bytes[64 * i + k] belongs to the set, for `blocks` whole blocks. Cost: about a third of a processor cycle a byte with
 * AVX2, two without. */
void lethe_byte_set_find(const lethe_byte_set *set, const uint8_t *bytes, size_t blocks, uint64_t *masks);

#endif
