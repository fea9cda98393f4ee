/*
 * pool_heap.c - stands in for pool/pool.c where pools are switched off: each object is asked of the
 * heap, and given back to it.
 *
 * H1  The heap is one arena, so that all objects lie near the end of the data segment and have
 *     handles (slab_directory.h of this folder). Threads have their own few free objects all the
 *     same: glibc keeps those.
 * H2  What is in use when a pool is destroyed stays until the process ends: the heap does not know
 *     whose it is.
 * Threads: any.
 */
#include "pool/pool.h"

#include <malloc.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <unistd.h>

#include "os/alloc.h"
#include "pool/slab_directory.h"
#include "pool/thread_slot.h"

uintptr_t vv_heap_base;

struct vv_pool {
    struct vv_slot_owner threads; /* first: see pool.h; no thread ever has a magazine */
    size_t object_bytes;
    uint64_t budget_bytes;
    _Atomic uint64_t acquired;
    _Atomic uint64_t released;
};

varve_status vv_pool_create(const struct vv_pool_options *options, struct vv_pool **pool)
{
    if (vv_heap_base == 0) {
        (void)mallopt(M_ARENA_MAX, 1); /* H1 */
        vv_heap_base = ((uintptr_t)sbrk(0) & ~(uintptr_t)63) - (UINT64_C(128) << 30);
    }
    struct vv_pool *created = vv_alloc_zeroed(1, sizeof(*created));
    if (created == NULL) {
        return VARVE_NO_MEMORY;
    }
    vv_slot_owner_init(&created->threads, sizeof(struct vv_magazine), NULL);
    created->object_bytes = (options->object_bytes + 63) & ~(size_t)63;
    created->budget_bytes = options->budget_bytes > 0 ? options->budget_bytes : UINT64_MAX;
    *pool = created;
    return VARVE_OK;
}

void vv_pool_destroy(struct vv_pool *pool)
{
    if (pool != NULL) {
        vv_slot_owner_fini(&pool->threads);
        vv_free(pool); /* H2 */
    }
}

void *vv_pool_acquire_slowly(struct vv_pool *pool)
{
    uint64_t used = atomic_load_explicit(&pool->acquired, memory_order_relaxed) -
                    atomic_load_explicit(&pool->released, memory_order_relaxed);
    if (used * pool->object_bytes >= pool->budget_bytes) {
        return NULL;
    }
    void *object = vv_alloc_aligned(64, pool->object_bytes);
    if (object != NULL) {
        atomic_fetch_add_explicit(&pool->acquired, 1, memory_order_relaxed);
    }
    return object;
}

void vv_pool_release_slowly(struct vv_pool *pool, void *object)
{
    vv_free(object);
    atomic_fetch_add_explicit(&pool->released, 1, memory_order_relaxed);
}

size_t vv_pool_acquire_bulk(struct vv_pool *pool, void **objects, size_t count)
{
    size_t taken = 0;
    while (taken < count && (objects[taken] = vv_pool_acquire(pool)) != NULL) {
        taken++;
    }
    return taken;
}

void vv_pool_release_bulk(struct vv_pool *pool, void *const *objects, size_t count)
{
    for (size_t index = 0; index < count; index++) {
        vv_pool_release(pool, objects[index]);
    }
}

struct vv_pool_stats vv_pool_stats(struct vv_pool *pool)
{
    uint64_t acquired = atomic_load_explicit(&pool->acquired, memory_order_relaxed);
    uint64_t released = atomic_load_explicit(&pool->released, memory_order_relaxed);
    return (struct vv_pool_stats){.in_use = acquired - released,
                                  .slab_bytes = (acquired - released) * pool->object_bytes,
                                  .slab_count = acquired - released,
                                  .object_bytes = pool->object_bytes};
}
