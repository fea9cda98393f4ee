/*
 * block_sink.h - a series on its way into a block, collected and encoded where its samples lie.
 *
 *   on any thread, series by series:  source -> sink: tombstones, encoded chunks
 *   on one thread, in order:          sink -> block
 *
 * What comes out depends on what is put in alone. Threads: a sink belongs to one at a time.
 */
#ifndef VARVE_MMAP_BLOCK_SINK_H
#define VARVE_MMAP_BLOCK_SINK_H

#include "index/key.h"
#include "mmap/block_encode.h"
#include "pool/buffer.h"
#include "query/merge.h"

/* A chunk, and where its columns stand in the bytes of the sink. */
struct vv_sunk_chunk {
    unsigned layer;
    varve_duplicates policy;
    size_t times_at;
    size_t values_at;
    struct vv_encoded_chunk encoded; /* its columns point nowhere: vv_block_sink_chunk_at() */
};

struct vv_block_sink {
    bool begun;
    struct vv_key key;           /* the filler's, who keeps it until the series are in the block */
    struct vv_buffer tombstones; /* struct vv_range */
    struct vv_buffer chunks;     /* struct vv_sunk_chunk */
    struct vv_buffer bytes;
};

static inline void vv_block_sink_clear(struct vv_block_sink *sink)
{
    sink->begun = false;
    vv_buffer_clear(&sink->tombstones);
    vv_buffer_clear(&sink->chunks);
    vv_buffer_clear(&sink->bytes);
}
void vv_block_sink_fini(struct vv_block_sink *sink);

/* A sink that was never begun leaves no trace in the block. */
static inline void vv_block_sink_begin(struct vv_block_sink *sink, struct vv_key key)
{
    sink->begun = true;
    sink->key = key;
}
varve_status vv_block_sink_add_tombstone(struct vv_block_sink *sink,
                                         struct vv_range range) VARVE_MUST_CHECK;
/* As vv_block_writer_add_chunk(): the samples are encoded before it returns. INVALID: timestamps do
 * not increase. NO_MEMORY. */
varve_status vv_block_sink_add_chunk(struct vv_block_sink *sink, unsigned layer,
                                     varve_duplicates policy, const int64_t *timestamps,
                                     const double *values, size_t count) VARVE_MUST_CHECK;
/* The same for a chunk that is encoded, whose bytes are copied. */
varve_status vv_block_sink_add_encoded(struct vv_block_sink *sink, unsigned layer,
                                       varve_duplicates policy,
                                       const struct vv_encoded_chunk *encoded) VARVE_MUST_CHECK;

static inline size_t vv_block_sink_chunk_count(const struct vv_block_sink *sink)
{
    return sink->chunks.length / sizeof(struct vv_sunk_chunk);
}
/* Valid until the sink changes. */
struct vv_sunk_chunk vv_block_sink_chunk_at(const struct vv_block_sink *sink, size_t index);

#endif
