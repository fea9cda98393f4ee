/*
 * cold_bytes.h - the cold tier for bytes that are no value columns: text, rows, directory pages.
 *
 * The result has the form of a cold group and is read by vv_cold_group_read(). Nothing is
 * allocated; the caller gives each thread memory, which holds no other resource. Threads: one per
 * packer.
 */
#ifndef VARVE_COMPRESS_COLD_BYTES_H
#define VARVE_COMPRESS_COLD_BYTES_H

#include "compress/cold.h"

struct vv_cold_packer;

/* Bytes of memory that a packer needs, some 2 MiB: asks zstd, so at run time. */
size_t vv_cold_packer_bytes(void);
/* Makes a packer in memory of that size, aligned to VV_COLD_MEMORY_ALIGNMENT. */
struct vv_cold_packer *vv_cold_packer_init(void *memory);

/* Compresses 1 to VV_COLD_GROUP_BYTES_MAX bytes to out, which has VV_COLD_GROUP_BOUND. Returns the
 * length, which is that of the bytes and a few more where they cannot be compressed.
 * Cost: some 50 ns a byte. */
size_t vv_cold_bytes_write(struct vv_cold_packer *packer, const uint8_t *bytes, size_t length,
                           uint8_t *out);

#endif
