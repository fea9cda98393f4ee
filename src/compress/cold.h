/*
 * cold.h - the cold tier: groups of value columns that compaction packs once more with zstd.
 *
 *   columns of many series, sorted by metric --encode--> a group of about 64 KiB --zstd--> bytes on
 *   disk
 *
 * A group is the encodings of its columns end to end: once it is decompressed, each is decoded by
 * vv_values_decode(). The writer encodes every group in several forms (integer_block.h), compresses
 * them in several ways and keeps the smallest. Bytes: CODECS.md, "Cold groups".
 *
 * Memory: nothing is allocated. The caller gives each thread a writer or a reader in memory of its
 * own; they hold no other resource and need no closing. Threads: one per writer and reader.
 */
#ifndef VARVE_COMPRESS_COLD_H
#define VARVE_COMPRESS_COLD_H

#include "compress/codec.h"

enum {
    VV_COLD_GROUP_BYTES = 64 * 1024,      /* packed bytes at which a group is full */
    VV_COLD_GROUP_BYTES_MAX = 256 * 1024, /* decompressed bytes of any group */
    VV_COLD_GROUP_COLUMNS_MAX = 4096,     /* columns in a group */
    VV_COLD_MEMORY_ALIGNMENT = 64,
};

/* Bytes that are always enough for a compressed group. */
#define VV_COLD_GROUP_BOUND (VV_COLD_GROUP_BYTES_MAX + 64)

/* A column to write: the values stay the caller's, count is 1 to VV_COLUMN_MAX. */
struct vv_cold_column {
    const double *values;
    uint32_t count;
};

struct vv_cold_writer;
struct vv_cold_reader;

/* Bytes of memory that a writer (some 6 MiB) and a reader (some 100 KiB) need: ask zstd, so at run
 * time. */
size_t vv_cold_writer_bytes(void);
size_t vv_cold_reader_bytes(void);

/* Makes a writer or reader in memory of that size, aligned to VV_COLD_MEMORY_ALIGNMENT, which stays
 * the caller's and is released by releasing the memory. */
struct vv_cold_writer *vv_cold_writer_init(void *memory);
struct vv_cold_reader *vv_cold_reader_init(void *memory);

/**
 * vv_cold_group_write() - make a group of the first columns of many.
 *
 * @columns  column_count (>= 1) columns in the order of their series; like next to like packs best.
 * @out      VV_COLD_GROUP_BOUND bytes: the compressed group. *length says how many are used.
 * @offsets  offsets[i] to offsets[i + 1] is column i in the decompressed group: room for
 *           column_count + 1 entries or VV_COLD_GROUP_COLUMNS_MAX + 1, whichever is less.
 * Returns how many columns went in, at least 1: the rest is for the next group.
 * Cost: 0.2 to 1 microseconds a value; it encodes and compresses several times.
 */
size_t vv_cold_group_write(struct vv_cold_writer *writer, const struct vv_cold_column *columns,
                           size_t column_count, uint8_t *out, size_t *length, uint32_t *offsets);

/* Decompressed length of a group. CORRUPT: no group, or beyond VV_COLD_GROUP_BYTES_MAX. */
varve_status vv_cold_group_length(const uint8_t *in, size_t length,
                                  size_t *group_length) VARVE_MUST_CHECK;

/**
 * vv_cold_group_read() - decompress a group, whose columns are then read from it.
 *
 * @group     room for vv_cold_group_length() + VV_DECODE_PADDING bytes; the padding is zeroed.
 * @capacity  bytes there.
 * CORRUPT: the bytes are no group, or it does not fit into capacity; group holds any bytes then.
 */
varve_status vv_cold_group_read(struct vv_cold_reader *reader, const uint8_t *in, size_t length,
                                uint8_t *group, size_t capacity) VARVE_MUST_CHECK;

#endif
