/*
 * block_statistics.h - statistics of chunks as the rows of a cold block: short, nothing twice.
 *
 * Threads: pure functions. Bytes: BLOCK_FORMAT.md, "Statistics rows".
 */
#ifndef VARVE_MMAP_BLOCK_STATISTICS_H
#define VARVE_MMAP_BLOCK_STATISTICS_H

#include "mmap/block_format.h"
#include "pool/buffer.h"

/* Appends the rows of count records (VV_STATISTICS_BYTES each) to out. */
varve_status vv_block_statistics_pack(const uint8_t *records, size_t count,
                                      struct vv_buffer *out) VARVE_MUST_CHECK;
/* Reads count rows, which fill in exactly, into records. */
varve_status vv_block_statistics_unpack(const uint8_t *in, size_t length, size_t count,
                                        uint8_t *records) VARVE_MUST_CHECK;

#endif
