/*
 * checksum.h - XXH3-64: the checksum of everything on disk, and the hash of everything in memory.
 *
 * The values are part of the formats: they never change, whatever the machine. About 10 GB/s and
 * more from memory in cache, a few nanoseconds for a series key.
 *
 * Threads: pure functions; a checksum state belongs to one thread at a time.
 */
#ifndef VARVE_BASE_CHECKSUM_H
#define VARVE_BASE_CHECKSUM_H

#include <stddef.h>
#include <stdint.h>

/* XXH3-64 of the bytes under a seed. bytes may be NULL if length is 0. */
uint64_t vv_checksum(const void *bytes, size_t length, uint64_t seed);

/* vv_checksum() with seed 0: hash of series keys, symbols and the like. */
uint64_t vv_hash(const void *bytes, size_t length);

/* A checksum of bytes that come piece by piece. In the caller's memory; needs no cleaning up. */
struct vv_checksum_state {
    _Alignas(64) unsigned char opaque[576];
};

void vv_checksum_init(struct vv_checksum_state *state, uint64_t seed);

/* bytes may be NULL if length is 0. */
void vv_checksum_update(struct vv_checksum_state *state, const void *bytes, size_t length);

/* Equals vv_checksum() of all bytes so far under the seed. More may be added afterwards. */
uint64_t vv_checksum_finish(const struct vv_checksum_state *state);

#endif
