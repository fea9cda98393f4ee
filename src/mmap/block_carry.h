/*
 * block_carry.h - what a cold block hands on to another one as it is: pages of values, compressed.
 *
 *   from:  | page 0 | page 1 | page 2 |        to: | ... | page 0 | page 2 | ... |
 *             |  |     |        |                           |  |     |
 *           chunks   chunks   chunks                      chunks   chunks
 *
 * Packing values for size takes a hundred times as long as copying them. Whoever merges blocks asks
 * which chunks lie in pages that are worth keeping and adds those without decoding them; all others
 * are decoded, put together and packed anew.
 */
#ifndef VARVE_MMAP_BLOCK_CARRY_H
#define VARVE_MMAP_BLOCK_CARRY_H

#include "mmap/block_reader.h"

struct vv_block_carry; /* one thread at a time */

/* Begins to look for pages worth keeping in a block, to which a reference is taken. NO_MEMORY. */
varve_status vv_block_carry_create(struct vv_block *block,
                                   struct vv_block_carry **carry) VARVE_MUST_CHECK;
/* Each series of the block must be added. goes: nothing in what is merged touches its samples, of
 * which no two have one timestamp. A page goes as a whole, or not at all. CORRUPT, IO, NO_MEMORY.
 * Cost: some nanoseconds a chunk. */
varve_status vv_block_carry_add_series(struct vv_block_carry *carry, uint32_t id,
                                       bool goes) VARVE_MUST_CHECK;
/* Decides which pages are kept: those whose series all go, that are at least half full, and that
 * have run_chunks_min chunks of each of their series on average, so that reading a series does not
 * touch many pages. False: none is. */
bool vv_block_carry_choose(struct vv_block_carry *carry, uint64_t run_chunks_min);
void vv_block_carry_destroy(struct vv_block_carry *carry); /* NULL is fine */

const struct vv_block *vv_block_carry_block(const struct vv_block_carry *carry);
/* Whether the chunk of the block (an index of its directory) lies in a page that is handed on. */
varve_status vv_block_carry_has(const struct vv_block_carry *carry, uint32_t index,
                                bool *has) VARVE_MUST_CHECK;

/* ---- for the writer of the other block ---- */

/* A chunk without its values; lives until the next one is read. */
struct vv_carried_chunk {
    struct vv_block_chunk chunk;
    const int64_t *timestamps;
    const uint8_t *statistics; /* record */
};
varve_status vv_block_carry_read(struct vv_block_carry *carry, uint32_t index,
                                 struct vv_carried_chunk *carried) VARVE_MUST_CHECK;
/* Its values after all: room for VV_COLUMN_MAX. */
varve_status vv_block_carry_values(struct vv_block_carry *carry,
                                   const struct vv_carried_chunk *carried,
                                   double *values) VARVE_MUST_CHECK;
/* The number that a page has in the other block: what was set, or VV_BLOCK_NONE. */
uint32_t vv_block_carry_page(const struct vv_block_carry *carry, uint32_t page);
void vv_block_carry_set_page(struct vv_block_carry *carry, uint32_t page, uint32_t number);

#endif
