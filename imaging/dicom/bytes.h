/* Numbers in bytes of either order, at any alignment. Layer: imaging. Thread rule: no state. */
#ifndef LETHE_IMAGING_DICOM_BYTES_H
#define LETHE_IMAGING_DICOM_BYTES_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

static inline uint16_t lethe_get16(const uint8_t *at, bool big_endian) {
    uint16_t value;
    memcpy(&value, at, sizeof value);
    return big_endian ? __builtin_bswap16(value) : value;
}

static inline uint32_t lethe_get32(const uint8_t *at, bool big_endian) {
    uint32_t value;
    memcpy(&value, at, sizeof value);
    return big_endian ? __builtin_bswap32(value) : value;
}

static inline uint64_t lethe_get64(const uint8_t *at, bool big_endian) {
    uint64_t value;
    memcpy(&value, at, sizeof value);
    return big_endian ? __builtin_bswap64(value) : value;
}

static inline void lethe_put16(uint8_t *at, uint16_t value, bool big_endian) {
    if (big_endian) value = __builtin_bswap16(value);
    memcpy(at, &value, sizeof value);
}

static inline void lethe_put32(uint8_t *at, uint32_t value, bool big_endian) {
    if (big_endian) value = __builtin_bswap32(value);
    memcpy(at, &value, sizeof value);
}

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "bytes.h is written for little-endian machines");

#endif
