/*
 * kernel_lanes.h - the ends of a payload in lanes, which no kernel reads or writes in whole
 * vectors.
 *
 *   | whole words, 16 lanes each ... | last words: 16 fields of rest bits | last row: count % 16
 *   fields |
 *
 * Kernels work on groups of as many rows as a word has bits: such a group is `width` whole words in
 * each lane. What is left of a payload is laid out as one more such group in memory of the kernel.
 */
#ifndef VARVE_COMPRESS_KERNEL_LANES_H
#define VARVE_COMPRESS_KERNEL_LANES_H

#include "compress/bits.h"
#include "compress/kernels.h"

/* Copies the words from group_start to the end of the rows to group, which has room for `width`
 * words of
 * 16 lanes; group_rows are left, fewer than 32. What is not written is never used. */
static inline void vv_lanes_last_group32(const uint8_t *group_start, size_t group_rows,
                                         unsigned width, uint32_t *group)
{
    size_t whole = group_rows * width / 32;
    unsigned rest = (unsigned)(group_rows * width % 32);
    const uint8_t *last = group_start + whole * VV_LANES * sizeof *group;
    memcpy(group, group_start, whole * VV_LANES * sizeof *group);
    if (rest != 0) {
        for (size_t lane = 0; lane < VV_LANES; lane++) {
            group[whole * VV_LANES + lane] = vv_bits_get32(last, lane, rest);
        }
    }
}

/* The same for words of 64 bits; fewer than 64 rows are left. */
static inline void vv_lanes_last_group64(const uint8_t *group_start, size_t group_rows,
                                         unsigned width, uint64_t *group)
{
    size_t whole = group_rows * width / 64;
    unsigned rest = (unsigned)(group_rows * width % 64);
    const uint8_t *last = group_start + whole * VV_LANES * sizeof *group;
    memcpy(group, group_start, whole * VV_LANES * sizeof *group);
    if (rest != 0) {
        for (size_t lane = 0; lane < VV_LANES; lane++) {
            group[whole * VV_LANES + lane] = vv_bits_get(last, lane, rest);
        }
    }
}

#endif
