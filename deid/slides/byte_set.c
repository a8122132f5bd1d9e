#include "deid/slides/byte_set.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

void lethe_byte_set_add(lethe_byte_set *set, uint8_t byte) { set->rows[byte & 15] = (uint16_t)(set->rows[byte & 15] | 1u << (byte >> 4)); }

static void find_plain(const lethe_byte_set *set, const uint8_t *bytes, size_t blocks, uint64_t *masks) {
    uint8_t member[256];
    for (unsigned b = 0; b < sizeof member; b++) member[b] = set->rows[b & 15] >> (b >> 4) & 1;
    for (size_t i = 0; i < blocks; i++, bytes += LETHE_BYTE_SET_BLOCK) {
        uint64_t mask = 0;
        for (unsigned k = 0; k < LETHE_BYTE_SET_BLOCK; k++) mask |= (uint64_t)member[bytes[k]] << k;
        masks[i] = mask;
    }
}

#if defined(__x86_64__)
/* The low half of a byte picks a row of eight columns, one table for the upper halves 0 to 7 and one for 8 to 15; a shuffle gives zero where the
 * index has its top bit set, so that each byte takes from one table only. The upper half picks the column. */
__attribute__((target("avx2"))) static inline uint32_t find_32(__m256i bytes, __m256i lower_rows, __m256i upper_rows, __m256i columns) {
    const __m256i index_bits = _mm256_set1_epi8((char)0x8F), top_bit = _mm256_set1_epi8((char)0x80), low_half = _mm256_set1_epi8(0x0F);
    __m256i index = _mm256_and_si256(bytes, index_bits);
    __m256i row = _mm256_or_si256(_mm256_shuffle_epi8(lower_rows, index), _mm256_shuffle_epi8(upper_rows, _mm256_xor_si256(index, top_bit)));
    __m256i column = _mm256_shuffle_epi8(columns, _mm256_and_si256(_mm256_srli_epi16(bytes, 4), low_half));
    __m256i outside = _mm256_cmpeq_epi8(_mm256_and_si256(row, column), _mm256_setzero_si256());
    return ~(uint32_t)_mm256_movemask_epi8(outside);
}

__attribute__((target("avx2"))) static void find_wide(const lethe_byte_set *set, const uint8_t *bytes, size_t blocks, uint64_t *masks) {
    uint8_t lower[32], upper[32], bits[32];
    for (unsigned i = 0; i < 32; i++) {
        lower[i] = (uint8_t)set->rows[i & 15];
        upper[i] = (uint8_t)(set->rows[i & 15] >> 8);
        bits[i] = (uint8_t)(1u << (i & 7));
    }
    const __m256i lower_rows = _mm256_loadu_si256((const __m256i *)(const void *)lower),
                  upper_rows = _mm256_loadu_si256((const __m256i *)(const void *)upper),
                  columns = _mm256_loadu_si256((const __m256i *)(const void *)bits);
    for (size_t i = 0; i < blocks; i++, bytes += LETHE_BYTE_SET_BLOCK) {
        __m256i first = _mm256_loadu_si256((const __m256i *)(const void *)bytes),
                second = _mm256_loadu_si256((const __m256i *)(const void *)(bytes + 32));
        masks[i] = find_32(first, lower_rows, upper_rows, columns) | (uint64_t)find_32(second, lower_rows, upper_rows, columns) << 32;
    }
}
#endif

void lethe_byte_set_find(const lethe_byte_set *set, const uint8_t *bytes, size_t blocks, uint64_t *masks) {
#if defined(__x86_64__)
    if (__builtin_cpu_supports("avx2")) {
        find_wide(set, bytes, blocks, masks);
        return;
    }
#endif
    find_plain(set, bytes, blocks, masks);
}
