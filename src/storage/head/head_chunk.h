/*
 * head_chunk.h - sealed samples of the head: immutable, encoded, reference-counted; and iterating
 * over them.
 *
 * They are encoded as in a block, so that a flush hands them on as they are and a query can do with
 * their statistics.
 */
#ifndef VARVE_STORAGE_HEAD_CHUNK_H
#define VARVE_STORAGE_HEAD_CHUNK_H

#include <stdatomic.h>

#include "mmap/block_encode.h"
#include "query/iter.h"
#include "query/memory.h"

struct vv_head_chunk {
    atomic_uint references;
    struct vv_encoded_chunk encoded; /* its columns stand in bytes */
    uint8_t bytes[];                 /* timestamps, values, VV_DECODE_PADDING */
};

/* Encodes 1 to VV_COLUMN_MAX samples with increasing timestamps; one reference. NULL: out of
 * memory. */
struct vv_head_chunk *vv_head_chunk_create(const int64_t *timestamps, const double *values,
                                           size_t count);
void vv_head_chunk_release(struct vv_head_chunk *chunk);
size_t vv_head_chunk_bytes(const struct vv_head_chunk *chunk);

/* Raw samples behind the chunks of an iterator: extents from the newest on, see head_line.h. */
struct vv_extent;
struct vv_tail_part {
    struct vv_extent *const *extents;
    size_t extent_count;
    size_t sample_count; /* in all of them */
};

/* An iterator over chunks in time order (references are taken over) and then over copies of tail
 * samples, of which it delivers those in [start, end). Chunk and tail times must ascend and not
 * overlap. memory is nullable: the heap. Its where() says how the chunk is encoded, which stays so
 * until the iterator is destroyed. */
varve_status vv_head_iter_create(struct vv_head_chunk *const *chunks, size_t chunk_count,
                                 const struct vv_tail_part *tail, int64_t start, int64_t end,
                                 struct vv_query_memory *memory,
                                 struct vv_iter **iter) VARVE_MUST_CHECK;

#endif
