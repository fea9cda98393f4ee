/*
 * page_arena.h - memory that is given back all at once, for what lives as long as its database:
 * straight from the kernel, on huge pages as soon as there is much of it.
 *
 * An allocation is a pointer bump. Threads: one at a time. For short-lived things see arena.h.
 */
#ifndef VARVE_POOL_PAGE_ARENA_H
#define VARVE_POOL_PAGE_ARENA_H

#include <stddef.h>
#include <stdint.h>

struct vv_page_slab;

struct vv_page_arena {
    struct vv_page_slab *newest; /* zeroed: nothing yet */
    uint64_t slab_bytes;         /* in all */
};

/* Gives everything back; a zeroed arena is fine. */
void vv_page_arena_fini(struct vv_page_arena *arena);
/* bytes, zeroed, at an alignment that is a power of two up to 4096. NULL when memory is out. */
void *vv_page_arena_alloc(struct vv_page_arena *arena, size_t bytes, size_t alignment);

#endif
