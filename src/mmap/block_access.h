/*
 * block_access.h - how often a block is read: what is read all the time is kept fast to read when
 * it is merged, the rest small.
 *
 *   turn (a flush)      1  2  3  4  5  6  7  8
 *   read in it          .  x  x  .  x  x  x  x    6 of 8: read often
 *
 * Readers only say that they were there, which writes the block's memory once a turn at most. So it
 * can be left on.
 */
#ifndef VARVE_MMAP_BLOCK_ACCESS_H
#define VARVE_MMAP_BLOCK_ACCESS_H

#include "mmap/block.h"

enum {
    VV_BLOCK_TURNS = 8,
    VV_BLOCK_READ_OFTEN = 4 /* turns: the block is wanted fast rather than small */
};

/* A query reads samples of the block. Any thread. Cost: a load. */
void vv_block_note_read(struct vv_block *block);
/* A turn is over. One thread at a time, as for the next two. */
void vv_block_end_turn(struct vv_block *block);
/* In how many of the last VV_BLOCK_TURNS turns that are over it was read. */
unsigned vv_block_turns_read(const struct vv_block *block);
/* block has what from had: whoever read that is going to read this. Of several, what was read most
 * counts. */
void vv_block_inherit_reads(struct vv_block *block, const struct vv_block *from);

#endif
