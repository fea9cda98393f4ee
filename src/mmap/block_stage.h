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

#include "mmap/block_encode.h"
#include "os/workers.h"

enum {
    VV_STAGE_SAMPLES = 1 << 18, /* 4 MiB: some milliseconds of encoding between two wake-ups */
    VV_STAGE_CHUNKS = 1 << 11,
};

struct vv_staged_chunk {
    uint32_t first; /* sample */
    /* A chunk of the stage with the same timestamps, which has their encoding; its own index if
     * there is none before it. */
    uint32_t times_twin;
    bool is_carried;
    uint64_t values_number;          /* of the column, if it is carried */
    uint64_t times_number;           /* room for who takes the chunks */
    struct vv_encoded_chunk encoded; /* columns and statistics: after encode */
};

struct vv_block_stage;

varve_status vv_block_stage_create(struct vv_block_stage **stage) VARVE_MUST_CHECK;
void vv_block_stage_destroy(struct vv_block_stage *stage); /* NULL is fine */

/* Whether one more chunk of count samples fits. An empty stage has room for any. */
bool vv_block_stage_has_room(const struct vv_block_stage *stage, size_t count);
/* Copies a chunk of 1 to VV_COLUMN_MAX samples, which lives until clear. False: its timestamps do
 * not increase, and it was not added. */
bool vv_block_stage_add(struct vv_block_stage *stage, const int64_t *timestamps,
                        const double *values, size_t count) VARVE_MUST_CHECK;
/* A chunk whose values are in the block already, as the column of that number: encode leaves
 * encoded.values as it is. statistics: the record of them. */
bool vv_block_stage_add_carried(struct vv_block_stage *stage, const int64_t *timestamps,
                                uint32_t count, const uint8_t *statistics,
                                uint64_t values_number) VARVE_MUST_CHECK;
/* Encodes what has to be and computes the statistics, on the threads of workers (nullable) and in
 * the caller's. */
void vv_block_stage_encode(struct vv_block_stage *stage, struct vv_workers *workers);

uint32_t vv_block_stage_count(const struct vv_block_stage *stage);
struct vv_staged_chunk *vv_block_stage_chunk(struct vv_block_stage *stage, uint32_t index);
void vv_block_stage_clear(struct vv_block_stage *stage);

#endif
