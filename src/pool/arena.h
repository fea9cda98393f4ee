/*
 * arena.h - memory that is given back all at once.
 *
 * For what lives and dies together: the parts of one query, of one parsed request. An allocation is
 * a pointer bump; there is no free but vv_arena_reset() and vv_arena_fini(). Threads: one at a
 * time.
 */
#ifndef VARVE_POOL_ARENA_H
#define VARVE_POOL_ARENA_H

#include <stddef.h>
#include <stdint.h>

struct vv_arena_chunk;

struct vv_arena {
    uint8_t *next; /* first free byte of the newest chunk */
    uint8_t *end;
    struct vv_arena_chunk *newest;
    size_t chunk_bytes;    /* size of the next chunk */
    size_t used_bytes;     /* handed out since init or reset, with alignment */
    size_t reserved_bytes; /* taken from the heap */
};

/* Allocates nothing yet. first_chunk_bytes 0 means 4 KiB; chunks double up to 1 MiB. */
void vv_arena_init(struct vv_arena *arena, size_t first_chunk_bytes);
/* Gives everything back; a zeroed arena is fine. */
void vv_arena_fini(struct vv_arena *arena);
/* Makes everything handed out invalid and keeps the newest chunk for what comes. */
void vv_arena_reset(struct vv_arena *arena);

/* bytes (0 is legal: a pointer not to be followed) at an alignment that is a power of two;
 * uninitialised. NULL when memory is out. */
void *vv_arena_alloc(struct vv_arena *arena, size_t bytes, size_t alignment);
/* count * bytes, zeroed, aligned for any type; NULL when memory is out or the product overflows. */
void *vv_arena_alloc_zeroed(struct vv_arena *arena, size_t count, size_t bytes);
/* A copy of length bytes and a NUL behind them; bytes may be NULL if length is 0. NULL when memory
 * is out. */
char *vv_arena_copy(struct vv_arena *arena, const void *bytes, size_t length);

#endif
