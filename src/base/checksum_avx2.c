/*
 * checksum_avx2.c - XXH3-64 for AVX2.
 *
 * Compiled with the flags of that instruction set, which the header of xxhash makes use of; called
 * only where base/cpu.h says that it is there.
 */
#include "base/checksum_wide.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

uint64_t vv_checksum_avx2(const void *bytes, size_t length, uint64_t seed)
{
    return XXH3_64bits_withSeed(bytes, length, seed);
}
