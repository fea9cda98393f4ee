/*
 * positions.h - increasing positions inside a column: where exceptions stand and where runs start.
 *
 *   code u8    0..10: the gaps between positions as fields of that many bits;  31: a bitmap
 *   fields     gap i = position i - position i-1 - 1 (position -1 is -1), or ceil(limit / 8) bytes
 */
#ifndef VARVE_COMPRESS_POSITIONS_H
#define VARVE_COMPRESS_POSITIONS_H

#include "base/bytes.h"
#include "base/status.h"
#include "compress/kernels.h"

/* Writes count (>= 1) positions below limit; returns the bytes used, at most 1 + the bitmap's. */
size_t vv_positions_encode(const uint16_t *positions, size_t count, size_t limit, uint8_t *out);

/* Bytes that vv_positions_encode() would use. */
size_t vv_positions_size(const uint16_t *positions, size_t count, size_t limit);

/* Positions as they were read. Gaps are in the list at once; a bitmap stays where it stands, in the
 * bytes that it was read from, until somebody wants a list of it. */
struct vv_positions {
    size_t count;
    size_t limit;
    const uint8_t *bitmap; /* NULL: gaps */
    uint16_t list[VV_POSITIONS_ROOM];
};

/* Reads count positions below limit. CORRUPT: bytes are missing, a position is out of range, or a
 * bitmap has another number of bits set. */
varve_status vv_positions_parse(const struct vv_kernels *kernels, struct vv_reader *reader,
                                size_t count, size_t limit,
                                struct vv_positions *positions) VARVE_MUST_CHECK;

/* The positions as a list: theirs, or room, which has VV_POSITIONS_ROOM entries. */
const uint16_t *vv_positions_list(const struct vv_kernels *kernels,
                                  const struct vv_positions *positions, uint16_t *room);

/* Whether 0 is one of them. */
bool vv_positions_have_zero(const struct vv_positions *positions);

/* Fills out, limit entries, with runs: the first one up to the first position, which is not 0, and
 * a further one from each position on. runs: one more than there are positions, and 8 readable
 * entries behind them. */
void vv_positions_expand(const struct vv_kernels *kernels, const struct vv_positions *positions,
                         const uint64_t *runs, uint64_t *out);

#endif
