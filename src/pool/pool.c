/*
 * pool.c - slabs, a depot of free objects, and two magazines per thread.
 *
 *   thread A  loaded [..... 20]  spare [....... 32]        thread B  loaded [. 3]  spare [ 0]
 *                 ^ acquire and release here                  |
 *                 32 at a time, under the mutex                |
 *   depot     free [o o o o o o o o o o ...]  <---------------+
 *   slabs     [used|used|free|used|...|next_object -> never used yet ......]
 *
 * P1  The spare magazine is full or empty. When loaded runs empty or full they change places, and only
 *     when that does not help the depot is asked: a thread that goes to and fro at a boundary does not
 *     lock each time.
 * P2  The depot has room for every object of the pool; it is made when a slab is added. So releasing
 *     needs no memory.
 * P3  Free objects are not written to: dropping many cold ones costs no cache misses. Under
 *     AddressSanitizer they are poisoned.
 * Threads: magazines belong to a thread (thread_slot.h) and pass on with their content when it ends;
 * counters in them are written by it and read by anyone, hence relaxed atomics.
 */
#include "pool/pool.h"

#include <stdbool.h>
#include <string.h>

#include "os/alloc.h"
#include "os/pages.h"
#include "os/thread.h"
#include "pool/poison.h"
#include "pool/thread_slot.h"

enum { MAGAZINE_OBJECTS = 32 };

struct magazine {
    unsigned count;
    void *objects[MAGAZINE_OBJECTS];
};

struct magazines {
    struct vv_thread_slot slot; /* first: slots and magazines are cast into each other */
    struct magazine *loaded;
    struct magazine *spare;
    _Atomic uint64_t acquired;
    _Atomic uint64_t released;
    struct magazine pair[2];
};

struct slab {
    struct slab *next;
    uint8_t *bytes;
    size_t length;
};

struct vv_pool {
    struct vv_slot_owner threads; /* first: slot_init gets a pointer to it */
    size_t object_bytes;
    uint64_t budget_bytes;

    struct vv_mutex mutex; /* guards everything below */
    void **depot;
    size_t depot_count;
    size_t depot_capacity;
    uint8_t *next_object; /* in the newest slab, never used yet */
    uint8_t *slab_end;
    struct slab *slabs;
    size_t next_slab_bytes;
    uint64_t slab_bytes;
    uint64_t slab_count;
    uint64_t exchanges;
    uint64_t released_directly; /* by threads that could not get magazines */
};

static void magazines_init(struct vv_slot_owner *owner, struct vv_thread_slot *slot)
{
    (void)owner;
    struct magazines *magazines = (struct magazines *)slot;
    magazines->loaded = &magazines->pair[0];
    magazines->spare = &magazines->pair[1];
}

varve_status vv_pool_create(const struct vv_pool_options *options, struct vv_pool **pool)
{
    VV_ASSERT(options->object_bytes >= 1 &&
              options->object_bytes <= VV_PAGES_HUGE_BYTES - VV_CACHE_LINE_BYTES);
    struct vv_pool *created = vv_alloc_zeroed(1, sizeof(*created));
    if (created == NULL) {
        return VARVE_NO_MEMORY;
    }
    size_t lines = (options->object_bytes + VV_CACHE_LINE_BYTES - 1) / VV_CACHE_LINE_BYTES;
    created->object_bytes = lines * VV_CACHE_LINE_BYTES;
    created->budget_bytes = options->budget_bytes > 0 ? options->budget_bytes : UINT64_MAX;
    created->next_slab_bytes = VV_PAGES_SMALL_BYTES;
    while (created->next_slab_bytes < created->object_bytes) {
        created->next_slab_bytes *= 2;
    }
    vv_slot_owner_init(&created->threads, sizeof(struct magazines), magazines_init);
    vv_mutex_init(&created->mutex);
    *pool = created;
    return VARVE_OK;
}

void vv_pool_destroy(struct vv_pool *pool)
{
    if (pool == NULL) {
        return;
    }
    vv_slot_owner_fini(&pool->threads);
    while (pool->slabs != NULL) {
        struct slab *slab = pool->slabs;
        pool->slabs = slab->next;
        vv_unpoison(slab->bytes, slab->length);
        vv_pages_free(slab->bytes, slab->length);
        vv_free(slab);
    }
    vv_free(pool->depot);
    vv_mutex_fini(&pool->mutex);
    vv_free(pool);
}

/* Room in the depot for so many more objects (P2). */
static bool grow_depot_locked(struct vv_pool *pool, size_t more)
{
    void **depot = vv_realloc(pool->depot, (pool->depot_capacity + more) * sizeof(*depot));
    if (depot == NULL) {
        return false;
    }
    pool->depot = depot;
    pool->depot_capacity += more;
    return true;
}

/* Slabs start small, for databases that stay small, and double up to one huge page. */
static bool add_slab_locked(struct vv_pool *pool)
{
    size_t length = pool->next_slab_bytes;
    if (pool->slab_bytes + length > pool->budget_bytes) {
        return false;
    }
    struct slab *slab = vv_alloc(sizeof(*slab));
    uint8_t *bytes = vv_pages_alloc(length);
    if (slab == NULL || bytes == NULL || !grow_depot_locked(pool, length / pool->object_bytes)) {
        vv_pages_free(bytes, length);
        vv_free(slab);
        return false;
    }
    vv_poison(bytes, length);
    *slab = (struct slab){.next = pool->slabs, .bytes = bytes, .length = length};
    pool->slabs = slab;
    pool->slab_bytes += length;
    pool->slab_count++;
    pool->next_object = bytes;
    pool->slab_end = bytes + length;
    if (length < VV_PAGES_HUGE_BYTES) {
        pool->next_slab_bytes = length * 2;
    }
    return true;
}

/* Takes up to count objects, used ones first, and returns how many. */
static size_t take_locked(struct vv_pool *pool, void **objects, size_t count)
{
    pool->exchanges++;
    size_t taken = pool->depot_count < count ? pool->depot_count : count;
    pool->depot_count -= taken;
    if (taken > 0) { /* no depot yet otherwise */
        memcpy(objects, pool->depot + pool->depot_count, taken * sizeof(*objects));
    }
    while (taken < count) {
        size_t left_bytes = (size_t)(pool->slab_end - pool->next_object);
        if (left_bytes < pool->object_bytes && !add_slab_locked(pool)) {
            break;
        }
        objects[taken++] = pool->next_object;
        pool->next_object += pool->object_bytes;
    }
    return taken;
}

static void put_locked(struct vv_pool *pool, void *const *objects, size_t count)
{
    pool->exchanges++;
    VV_ASSERT(pool->depot_count + count <= pool->depot_capacity);
    memcpy(pool->depot + pool->depot_count, objects, count * sizeof(*objects));
    pool->depot_count += count;
}

/* Written by one thread only: a plain addition that others may read. */
static void add_relaxed(_Atomic uint64_t *counter, uint64_t more)
{
    uint64_t value = atomic_load_explicit(counter, memory_order_relaxed);
    atomic_store_explicit(counter, value + more, memory_order_relaxed);
}

static void swap_magazines(struct magazines *magazines)
{
    struct magazine *loaded = magazines->loaded;
    magazines->loaded = magazines->spare;
    magazines->spare = loaded;
}

/* Loaded is empty: gets objects into it; false when there are none. */
static bool reload(struct vv_pool *pool, struct magazines *magazines)
{
    swap_magazines(magazines);
    struct magazine *loaded = magazines->loaded;
    if (loaded->count == 0) {
        vv_mutex_lock(&pool->mutex);
        loaded->count = (unsigned)take_locked(pool, loaded->objects, MAGAZINE_OBJECTS);
        vv_mutex_unlock(&pool->mutex);
    }
    return loaded->count > 0;
}

/* Loaded is full: makes it empty. */
static void unload(struct vv_pool *pool, struct magazines *magazines)
{
    swap_magazines(magazines);
    struct magazine *loaded = magazines->loaded;
    if (loaded->count > 0) {
        vv_mutex_lock(&pool->mutex);
        put_locked(pool, loaded->objects, loaded->count);
        vv_mutex_unlock(&pool->mutex);
        loaded->count = 0;
    }
}

void *vv_pool_acquire(struct vv_pool *pool)
{
    struct magazines *magazines = (struct magazines *)vv_thread_slot_get(&pool->threads);
    if (magazines == NULL || (magazines->loaded->count == 0 && !reload(pool, magazines))) {
        return NULL;
    }
    void *object = magazines->loaded->objects[--magazines->loaded->count];
    add_relaxed(&magazines->acquired, 1);
    vv_unpoison(object, pool->object_bytes);
    return object;
}

/* For a thread without magazines, which memory was out for. */
static void release_directly(struct vv_pool *pool, void *object)
{
    vv_mutex_lock(&pool->mutex);
    put_locked(pool, &object, 1);
    pool->released_directly++;
    vv_mutex_unlock(&pool->mutex);
}

void vv_pool_release(struct vv_pool *pool, void *object)
{
    VV_ASSERT(!vv_is_poisoned(object)); /* released twice */
    vv_poison(object, pool->object_bytes);
    struct magazines *magazines = (struct magazines *)vv_thread_slot_get(&pool->threads);
    if (magazines == NULL) {
        release_directly(pool, object);
        return;
    }
    if (magazines->loaded->count == MAGAZINE_OBJECTS) {
        unload(pool, magazines);
    }
    magazines->loaded->objects[magazines->loaded->count++] = object;
    add_relaxed(&magazines->released, 1);
}

size_t vv_pool_acquire_bulk(struct vv_pool *pool, void **objects, size_t count)
{
    struct magazines *magazines = (struct magazines *)vv_thread_slot_get(&pool->threads);
    if (magazines == NULL) {
        return 0;
    }
    size_t taken = 0;
    if (count >= MAGAZINE_OBJECTS) {
        vv_mutex_lock(&pool->mutex);
        taken = take_locked(pool, objects, count);
        vv_mutex_unlock(&pool->mutex);
    }
    while (taken < count && (magazines->loaded->count > 0 || reload(pool, magazines))) {
        objects[taken++] = magazines->loaded->objects[--magazines->loaded->count];
    }
    for (size_t index = 0; index < taken; index++) {
        vv_unpoison(objects[index], pool->object_bytes);
    }
    add_relaxed(&magazines->acquired, taken);
    return taken;
}

void vv_pool_release_bulk(struct vv_pool *pool, void *const *objects, size_t count)
{
    struct magazines *magazines = (struct magazines *)vv_thread_slot_get(&pool->threads);
    if (magazines == NULL || count < MAGAZINE_OBJECTS) {
        for (size_t index = 0; index < count; index++) {
            vv_pool_release(pool, objects[index]);
        }
        return;
    }
    for (size_t index = 0; index < count; index++) {
        VV_ASSERT(!vv_is_poisoned(objects[index])); /* released twice */
        vv_poison(objects[index], pool->object_bytes);
    }
    vv_mutex_lock(&pool->mutex);
    put_locked(pool, objects, count);
    vv_mutex_unlock(&pool->mutex);
    add_relaxed(&magazines->released, count);
}

static void add_thread_stats(struct vv_thread_slot *slot, void *visitor)
{
    const struct magazines *magazines = (const struct magazines *)slot;
    struct vv_pool_stats *stats = visitor;
    stats->acquired += atomic_load_explicit(&magazines->acquired, memory_order_relaxed);
    stats->released += atomic_load_explicit(&magazines->released, memory_order_relaxed);
}

struct vv_pool_stats vv_pool_stats(struct vv_pool *pool)
{
    struct vv_pool_stats stats = {.object_bytes = pool->object_bytes};
    vv_slot_owner_visit(&pool->threads, add_thread_stats, &stats);
    vv_mutex_lock(&pool->mutex);
    stats.released += pool->released_directly;
    stats.exchanges = pool->exchanges;
    stats.slab_bytes = pool->slab_bytes;
    stats.slab_count = pool->slab_count;
    vv_mutex_unlock(&pool->mutex);
    return stats;
}
