/*
 * page_arena.h - memory that is given back all at once, for what lives as long as its database:
 * straight from the kernel, on huge pages as soon as there is much of it.
 *
 * An allocation is a pointer bump; but when the kernel clears a huge page for a new slab, that
 * takes 0.2 ms, and 5 ms on a virtual machine whose host has to find the memory first. Who cannot
 * wait so long has another thread get the next slab ahead.
 * Threads: one at a time, but for vv_page_slab_create(). For short-lived things see arena.h.
 */
#ifndef VARVE_POOL_PAGE_ARENA_H
#define VARVE_POOL_PAGE_ARENA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct vv_page_slab;

struct vv_page_arena {
    struct vv_page_slab *newest; /* zeroed: nothing yet */
    struct vv_page_slab *spare;  /* the next one, untouched by the owner; NULL: there is none */
    uint64_t slab_bytes;         /* in all, with the spare */
};

/* Gives everything back; a zeroed arena is fine. */
void vv_page_arena_fini(struct vv_page_arena *arena);
/* bytes, zeroed, at an alignment that is a power of two up to 4096. NULL when memory is out. */
void *vv_page_arena_alloc(struct vv_page_arena *arena, size_t bytes, size_t alignment);

/* Whether slabs are huge pages, half of the newest is used and there is no spare. */
bool vv_page_arena_wants_spare(const struct vv_page_arena *arena);
/* A slab for vv_page_arena_give_spare(), all of it in memory. NULL when memory is out. Any thread,
 * without the exclusion that the arena needs. */
struct vv_page_slab *vv_page_slab_create(void);
/* Takes the slab, or frees it if the arena wants none any more. */
void vv_page_arena_give_spare(struct vv_page_arena *arena, struct vv_page_slab *slab);

#endif
