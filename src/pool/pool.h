/*
 * pool.h - objects of one size, aligned to cache lines, taken and given back without a lock.
 *
 * Each thread keeps up to 64 free objects of a pool to itself; only every 32nd call or so exchanges
 * 32 of them with the shared depot, under a spin lock. Memory comes in slabs of up to 2 MiB and
 * stays with the pool until it is destroyed. Objects may be released by another thread than the one
 * that acquired them.
 *
 * Under AddressSanitizer a touch of a free object, and releasing one twice, is reported.
 *
 * Threads: any. A pool may be destroyed while threads that have used it live on.
 * Cost: a pair of acquire and release touches lines of the thread alone; both are inlined as far as
 * the thread's magazine goes, about ten instructions.
 */
#ifndef VARVE_POOL_POOL_H
#define VARVE_POOL_POOL_H

#include <stddef.h>
#include <stdint.h>

#include "base/status.h"
#include "pool/poison.h"
#include "pool/thread_slot.h"

struct vv_pool; /* begins with its struct vv_slot_owner */
struct vv_slab_directory;

struct vv_pool_options {
    size_t object_bytes;                 /* >= 1; rounded up to whole cache lines of 64 bytes */
    uint64_t budget_bytes;               /* of slabs; 0 = no limit */
    struct vv_slab_directory *directory; /* nullable; outlives the pool, owns its slabs, and gives
                                            objects handles */
};

struct vv_pool_stats {
    uint64_t in_use;    /* objects handed out and not given back */
    uint64_t exchanges; /* visits to the depot: times that its lock was taken */
    uint64_t slab_bytes;
    uint64_t slab_count;
    size_t object_bytes; /* rounded up */
};

/* VARVE_NO_MEMORY, or a pool in *pool. Allocates no slab yet. */
varve_status vv_pool_create(const struct vv_pool_options *options, struct vv_pool **pool);
/* Frees all slabs, whatever is still in use; no thread may be inside a call. NULL is fine. */
void vv_pool_destroy(struct vv_pool *pool);

enum { VV_MAGAZINE_OBJECTS = 64 };

/* The free objects that a thread keeps to itself. */
struct vv_magazine {
    struct vv_thread_slot slot; /* first: a slot is cast to its magazine; zeroed is empty */
    _Atomic size_t count;       /* written by the thread, read by others for statistics */
    void *objects[VV_MAGAZINE_OBJECTS];
};

/* Whether *magazine is that of the calling thread, because it has used it of late; if not it is to
 * be looked for. Never under AddressSanitizer, where each object is marked as free or taken. */
static inline bool vv_pool_find_magazine(struct vv_pool *pool, struct vv_magazine **magazine)
{
    struct vv_thread_slot *slot = NULL;
    bool found = vv_thread_slot_is_recent((const struct vv_slot_owner *)(void *)pool, &slot);
    *magazine = (struct vv_magazine *)slot;
#ifdef VV_ADDRESS_SANITIZER
    found = false;
#endif
    return found;
}

/* The parts of the two below that are not inlined. */
void *vv_pool_acquire_slowly(struct vv_pool *pool);
void vv_pool_release_slowly(struct vv_pool *pool, void *object);

/* An object, uninitialised; NULL when memory or the budget is out. */
static inline void *vv_pool_acquire(struct vv_pool *pool)
{
    struct vv_magazine *magazine;
    if (vv_pool_find_magazine(pool, &magazine)) {
        size_t count = atomic_load_explicit(&magazine->count, memory_order_relaxed);
        if (count > 0) {
            atomic_store_explicit(&magazine->count, count - 1, memory_order_relaxed);
            return magazine->objects[count - 1];
        }
    }
    return vv_pool_acquire_slowly(pool);
}

/* Never fails. Allocates only the magazine of a thread that is new to the pool; without memory for
 * it the object goes straight to the depot. */
static inline void vv_pool_release(struct vv_pool *pool, void *object)
{
    struct vv_magazine *magazine;
    if (vv_pool_find_magazine(pool, &magazine)) {
        size_t count = atomic_load_explicit(&magazine->count, memory_order_relaxed);
        if (count < VV_MAGAZINE_OBJECTS) {
            magazine->objects[count] = object;
            atomic_store_explicit(&magazine->count, count + 1, memory_order_relaxed);
            return;
        }
    }
    vv_pool_release_slowly(pool, object);
}

/* Stores up to count objects and returns how many: fewer only when memory or the budget is out.
 * Large counts lock once, and new objects follow each other in memory. */
size_t vv_pool_acquire_bulk(struct vv_pool *pool, void **objects, size_t count);
void vv_pool_release_bulk(struct vv_pool *pool, void *const *objects, size_t count);

/* Exact when no thread is inside a call. */
struct vv_pool_stats vv_pool_stats(struct vv_pool *pool);

#endif
