/*
 * block_writer.h - the inside of a writer of blocks, for those who fill it.
 */
#ifndef VARVE_MMAP_BLOCK_WRITER_H
#define VARVE_MMAP_BLOCK_WRITER_H

#include "mmap/block.h"
#include "mmap/block_sink.h"

struct vv_workers *vv_block_writer_workers(const struct vv_block_writer *writer);

/* As vv_block_writer_add_chunk(), for a chunk that is encoded. */
varve_status vv_block_writer_place(struct vv_block_writer *writer, unsigned layer,
                                   varve_duplicates policy, const struct vv_encoded_chunk *chunk,
                                   varve_error *error) VARVE_MUST_CHECK;

#endif
