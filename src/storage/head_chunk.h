/*
 * head_chunk.h - sealed samples of the head: immutable, encoded, reference-counted; and runs of
 * them.
 */
#ifndef VARVE_STORAGE_HEAD_CHUNK_H
#define VARVE_STORAGE_HEAD_CHUNK_H

#include <stdatomic.h>

#include "compress/codec.h"
#include "storage/head.h"

struct vv_head_chunk {
    atomic_uint references;
    uint32_t count; /* 1 to VV_COLUMN_MAX */
    uint32_t timestamps_length;
    uint32_t values_length;
    int64_t time_min;
    int64_t time_max;
    uint8_t bytes[]; /* timestamps, values, VV_DECODE_PADDING */
};

/* The newest samples of a run, sorted by time, unique, raw. */
struct vv_tail {
    int64_t *timestamps; /* capacity entries, values behind them in the same allocation */
    double *values;
    uint32_t count;
    uint32_t capacity;
    int64_t time_last; /* of the last sample, if there is one: saves a look at cold memory */
};

/* Samples of one generation under one policy, in log order of their chunks. */
struct vv_run {
    struct vv_run *newer;
    uint64_t generation;
    varve_duplicates policy;
    uint32_t chunk_count;
    uint32_t chunk_capacity;
    struct vv_head_chunk **chunks;
    int64_t sealed_time_max; /* of all chunks; INT64_MIN without one */
    struct vv_tail tail;
};

/* Encodes 1 to VV_COLUMN_MAX samples with increasing timestamps; one reference. NULL: out of
 * memory. */
struct vv_head_chunk *vv_head_chunk_create(const int64_t *timestamps, const double *values,
                                           size_t count);
void vv_head_chunk_release(struct vv_head_chunk *chunk);
/* Decodes into arrays with room for VV_DECODE_ROOM(count). */
void vv_head_chunk_decode(const struct vv_head_chunk *chunk, int64_t *timestamps, double *values);
size_t vv_head_chunk_bytes(const struct vv_head_chunk *chunk);

/* An iterator over chunks in time order (references are taken over) and then over copies of tail
 * samples, of which it delivers those in [start, end). Chunk and tail times must ascend and not
 * overlap. */
varve_status vv_head_iter_create(struct vv_head_chunk *const *chunks, size_t chunk_count,
                                 const int64_t *timestamps, const double *values, size_t tail_count,
                                 int64_t start, int64_t end,
                                 struct vv_iter **iter) VARVE_MUST_CHECK;

#endif
