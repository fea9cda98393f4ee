/*
 * block_pack.h - pages of records as columns: how a cold block keeps its directory small.
 *
 * Threads: pure functions. Bytes: BLOCK_FORMAT.md, "Packed pages".
 */
#ifndef VARVE_MMAP_BLOCK_PACK_H
#define VARVE_MMAP_BLOCK_PACK_H

#include "mmap/block_format.h"
#include "pool/buffer.h"

/* Writes count records (1 to VV_BLOCK_PAGE_RECORDS) of a section to out, which is cleared first. */
varve_status vv_block_records_pack(enum vv_block_section section, const uint8_t *records,
                                   size_t count, struct vv_buffer *out) VARVE_MUST_CHECK;
/* The opposite. in is followed by VV_DECODE_PADDING readable bytes; records has room for count.
 * CORRUPT: the bytes are no packed page of so many records. */
varve_status vv_block_records_unpack(enum vv_block_section section, const uint8_t *in,
                                     size_t length, size_t count,
                                     uint8_t *records) VARVE_MUST_CHECK;

#endif
