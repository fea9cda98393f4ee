/*
 * block_encode.h - a chunk as it goes into a block: its columns encoded, its statistics computed.
 *
 * What comes out is a function of the samples alone, so that equal columns have equal bytes.
 * Threads: pure functions.
 */
#ifndef VARVE_MMAP_BLOCK_ENCODE_H
#define VARVE_MMAP_BLOCK_ENCODE_H

#include "compress/codec.h"
#include "mmap/block_format.h"

/* The encoding of a column. */
struct vv_encoded_column {
    const uint8_t *bytes;
    uint32_t length; /* 0: timestamps in an arithmetic sequence */
    uint64_t hash;   /* of the bytes; of an arithmetic sequence: of what tells it from others */
};

struct vv_encoded_chunk {
    int64_t time_min;
    int64_t time_max;
    uint32_t count; /* 1 to VV_COLUMN_MAX */
    struct vv_encoded_column times;
    struct vv_encoded_column values;
    uint8_t statistics[VV_STATISTICS_BYTES]; /* a record */
};

/* Whether each of count (>= 1) timestamps is greater than the one before. */
bool vv_block_times_increase(const int64_t *timestamps, size_t count);

/* Encodes count (>= 1) increasing timestamps into room, which has VV_TIMESTAMPS_BOUND(count)
 * bytes. */
struct vv_encoded_column vv_block_encode_times(const int64_t *timestamps, size_t count,
                                               uint8_t *room);
/* The same for values, with VV_VALUES_BOUND(count) bytes of room; writes their statistics, too. */
struct vv_encoded_column vv_block_encode_values(const double *values, size_t count, uint8_t *room,
                                                uint8_t *statistics);
/* Decodes what these made, and has never left memory, into arrays with room for
 * VV_DECODE_ROOM(count). Columns are followed by VV_DECODE_PADDING readable bytes. */
void vv_block_decode(const struct vv_encoded_chunk *chunk, int64_t *timestamps, double *values);

#endif
