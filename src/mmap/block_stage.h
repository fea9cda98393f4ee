/*
 * block_stage.h - chunks on their way into a block wait raw until there are enough of them to be
 * encoded side by side.
 *
 *   add, add, add ...  ->  encode (all chunks, on all threads)  ->  take in order  ->  clear
 *
 * What becomes of a chunk depends on the chunks and their order alone, never on the threads.
 * Threads: one at a time; encode uses those of the workers that it is given.
 */
#ifndef VARVE_MMAP_BLOCK_STAGE_H
#define VARVE_MMAP_BLOCK_STAGE_H

#include "mmap/block_format.h"
#include "os/workers.h"

enum {
    VV_STAGE_SAMPLES = 1 << 18, /* 4 MiB: some milliseconds of encoding between two wake-ups */
    VV_STAGE_CHUNKS = 1 << 11,
};

/* A column that may be the same as one that the block has already. */
struct vv_column_candidate {
    bool known;          /* there is one; encode sets it to false if it differs after all */
    uint64_t where;      /* its number */
    const uint8_t *copy; /* its encoding, followed by VV_DECODE_PADDING bytes; NULL: arithmetic */
    size_t copy_bytes;
};

struct vv_staged_column {
    uint64_t hash; /* of the raw column */
    /* First chunk of the stage with the same column; its own index if there is none before. */
    uint32_t twin;
    struct vv_column_candidate candidate; /* set between add and encode */
    const uint8_t *encoded;               /* if it has neither a twin nor a candidate */
    size_t bytes;                         /* 0: timestamps in an arithmetic sequence */
};

struct vv_staged_chunk {
    uint32_t first; /* sample */
    uint32_t count;
    struct vv_staged_column times;
    struct vv_staged_column values;
    uint8_t statistics[VV_STATISTICS_BYTES]; /* a record; after encode */
};

struct vv_block_stage;

varve_status vv_block_stage_create(struct vv_block_stage **stage) VARVE_MUST_CHECK;
void vv_block_stage_destroy(struct vv_block_stage *stage); /* NULL is fine */

/* Whether one more chunk of count samples fits. An empty stage has room for any. */
bool vv_block_stage_has_room(const struct vv_block_stage *stage, size_t count);
/* Copies a chunk of 1 to VV_COLUMN_MAX samples; the result lives until clear. */
struct vv_staged_chunk *vv_block_stage_add(struct vv_block_stage *stage, const int64_t *timestamps,
                                           const double *values, size_t count);
/* Encodes what has to be and computes the statistics, on the threads of workers (nullable) and in
 * the caller's. */
void vv_block_stage_encode(struct vv_block_stage *stage, struct vv_workers *workers);

uint32_t vv_block_stage_count(const struct vv_block_stage *stage);
struct vv_staged_chunk *vv_block_stage_chunk(struct vv_block_stage *stage, uint32_t index);
/* Of a chunk that is its own twin: others have the timestamps of theirs. */
const int64_t *vv_block_stage_timestamps(const struct vv_block_stage *stage,
                                         const struct vv_staged_chunk *chunk);
const double *vv_block_stage_values(const struct vv_block_stage *stage,
                                    const struct vv_staged_chunk *chunk);
void vv_block_stage_clear(struct vv_block_stage *stage);

#endif
