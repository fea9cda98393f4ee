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

/* Reads count positions below limit. positions has VV_POSITIONS_ROOM entries. CORRUPT: bytes are
 * missing, a position is out of range, or a bitmap has another number of bits set. */
varve_status vv_positions_decode(const struct vv_kernels *kernels, struct vv_reader *reader,
                                 size_t count, size_t limit, uint16_t *positions) VARVE_MUST_CHECK;

#endif
