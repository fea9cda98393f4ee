/*
 * pool.c - slabs, a depot of free objects, and a magazine of some per thread.
 *
 *   thread A  magazine [o o o o o . . . . . .]      thread B  magazine [o o o o o o o o o o o]
 *                               ^ acquire and release here               |
 *                                                oldest 32, under the lock |
 *   depot     [o o o o o o o o o o ...]  <---------------------------------+
 *   slabs     [used|used|free|used|...|next_object -> never used yet ......]
 *
 * P1  A magazine holds two halves of 32. Empty, it is filled with one half; full, it gives away one
 *     half. So a thread that goes to and fro at a boundary does not lock each time (the classic
 *     pair of magazines, in one array).
 * P2  The depot has room for every object of the pool; it is made when a slab is added. So
 *     releasing needs no memory.
 * P3  Free objects are not written to: dropping many cold ones costs no cache misses. Under
 *     AddressSanitizer they are poisoned.
 * Threads: a magazine belongs to a thread (thread_slot.h) and passes on with its content when it
 * ends; its count is written by that thread and read by anyone, hence a relaxed atomic.
 */
#include "pool/pool.h"

#include <stdbool.h>
#include <string.h>

#include "os/alloc.h"
#include "os/pages.h"
#include "os/thread.h"
#include "pool/poison.h"
#include "pool/slab_directory.h"
#include "pool/thread_slot.h"

enum { HALF_OBJECTS = VV_MAGAZINE_OBJECTS / 2 };

struct slab {
    struct slab *next;
    uint8_t *bytes;
    size_t length;
};

struct vv_pool {
    struct vv_slot_owner threads; /* first: see pool.h */
    size_t object_bytes;
    uint64_t budget_bytes;
    struct vv_slab_directory *directory; /* NULL: the pool's own slabs */

    /* Guards everything below. No mutex: a visit copies 32 pointers or, now and then, asks the
     * system for a slab, and appends are to make no system calls in order to wait. */
    struct vv_spin lock;
    void **depot;
    size_t depot_count;
    size_t depot_capacity;
    uint8_t *next_object; /* in the newest slab, never used yet */
    uint8_t *slab_end;
    struct slab *slabs;
    size_t next_slab_bytes;
    uint64_t slab_bytes;
    uint64_t slab_count;
    uint64_t outside; /* objects in magazines or in use */
    uint64_t exchanges;
};

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
    created->directory = options->directory;
    created->next_slab_bytes = options->directory != NULL ? VV_SLAB_BYTES : VV_PAGES_SMALL_BYTES;
    while (created->next_slab_bytes < created->object_bytes) {
        created->next_slab_bytes *= 2;
    }
    vv_slot_owner_init(&created->threads, sizeof(struct vv_magazine), NULL);
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
        if (pool->directory == NULL) {
            vv_pages_free(slab->bytes, slab->length);
        }
        vv_free(slab);
    }
    vv_free(pool->depot);
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
    size_t objects = length / pool->object_bytes;
    if (slab == NULL || !grow_depot_locked(pool, objects)) {
        vv_free(slab);
        return false;
    }
    /* With a directory the first unit says which slab it is. */
    uint8_t *bytes = pool->directory != NULL
                         ? vv_slab_directory_add(pool->directory, pool->slab_count > 0)
                         : vv_pages_alloc(length);
    size_t taken_bytes = pool->directory != NULL ? VV_SLAB_UNIT_BYTES : 0;
    if (bytes == NULL) {
        pool->depot_capacity -= objects; /* its memory stays, for the next try */
        vv_free(slab);
        return false;
    }
    vv_poison(bytes + taken_bytes, length - taken_bytes);
    *slab = (struct slab){.next = pool->slabs, .bytes = bytes, .length = length};
    pool->slabs = slab;
    pool->slab_bytes += length;
    pool->slab_count++;
    pool->next_object = bytes + taken_bytes;
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
    pool->outside += taken;
    return taken;
}

static void put_locked(struct vv_pool *pool, void *const *objects, size_t count)
{
    pool->exchanges++;
    VV_ASSERT(pool->depot_count + count <= pool->depot_capacity);
    memcpy(pool->depot + pool->depot_count, objects, count * sizeof(*objects));
    pool->depot_count += count;
    pool->outside -= count;
}

static size_t count_of(const struct vv_magazine *magazine)
{
    return atomic_load_explicit(&magazine->count, memory_order_relaxed);
}

static void set_count(struct vv_magazine *magazine, size_t count)
{
    atomic_store_explicit(&magazine->count, count, memory_order_relaxed);
}

/* Fills half of an empty magazine; false when there are no objects. */
static bool fill(struct vv_pool *pool, struct vv_magazine *magazine)
{
    vv_spin_lock(&pool->lock);
    size_t taken = take_locked(pool, magazine->objects, HALF_OBJECTS);
    vv_spin_unlock(&pool->lock);
    set_count(magazine, taken);
    return taken > 0;
}

/* Gives the older half of a full magazine to the depot: the newer one is still in the cache. */
static void give_half(struct vv_pool *pool, struct vv_magazine *magazine)
{
    vv_spin_lock(&pool->lock);
    put_locked(pool, magazine->objects, HALF_OBJECTS);
    vv_spin_unlock(&pool->lock);
    memcpy(magazine->objects, magazine->objects + HALF_OBJECTS,
           HALF_OBJECTS * sizeof(magazine->objects[0]));
    set_count(magazine, HALF_OBJECTS);
}

static void *take_one(struct vv_magazine *magazine)
{
    size_t count = count_of(magazine) - 1;
    set_count(magazine, count);
    return magazine->objects[count];
}

void *vv_pool_acquire_slowly(struct vv_pool *pool)
{
    struct vv_magazine *magazine = (struct vv_magazine *)vv_thread_slot_get(&pool->threads);
    if (magazine == NULL || (count_of(magazine) == 0 && !fill(pool, magazine))) {
        return NULL;
    }
    void *object = take_one(magazine);
    vv_unpoison(object, pool->object_bytes);
    return object;
}

/* For a thread without a magazine, which memory was out for. */
static void release_directly(struct vv_pool *pool, void *object)
{
    vv_spin_lock(&pool->lock);
    put_locked(pool, &object, 1);
    vv_spin_unlock(&pool->lock);
}

void vv_pool_release_slowly(struct vv_pool *pool, void *object)
{
    VV_ASSERT(!vv_is_poisoned(object)); /* released twice */
    vv_poison(object, pool->object_bytes);
    struct vv_magazine *magazine = (struct vv_magazine *)vv_thread_slot_get(&pool->threads);
    if (magazine == NULL) {
        release_directly(pool, object);
        return;
    }
    if (count_of(magazine) == VV_MAGAZINE_OBJECTS) {
        give_half(pool, magazine);
    }
    size_t count = count_of(magazine);
    magazine->objects[count] = object;
    set_count(magazine, count + 1);
}

/* Asks for the objects that are handed out next: whoever takes some mostly takes as many again, and
 * used objects lie in memory as they were given back, in no order that the processor foresees. */
static void prefetch_next(const struct vv_magazine *magazine, size_t count)
{
    size_t left = count_of(magazine);
    for (size_t next = 0; next < count && next < left; next++) {
        __builtin_prefetch(magazine->objects[left - 1 - next], 1);
    }
}

size_t vv_pool_acquire_bulk(struct vv_pool *pool, void **objects, size_t count)
{
    struct vv_magazine *magazine = (struct vv_magazine *)vv_thread_slot_get(&pool->threads);
    if (magazine == NULL) {
        return 0;
    }
    size_t taken = 0;
    if (count >= HALF_OBJECTS) {
        vv_spin_lock(&pool->lock);
        taken = take_locked(pool, objects, count);
        vv_spin_unlock(&pool->lock);
    }
    while (taken < count && (count_of(magazine) > 0 || fill(pool, magazine))) {
        objects[taken++] = take_one(magazine);
    }
    for (size_t index = 0; index < taken; index++) {
        vv_unpoison(objects[index], pool->object_bytes);
    }
    prefetch_next(magazine, count);
    return taken;
}

void vv_pool_release_bulk(struct vv_pool *pool, void *const *objects, size_t count)
{
    struct vv_magazine *magazine = (struct vv_magazine *)vv_thread_slot_get(&pool->threads);
    if (magazine == NULL || count < HALF_OBJECTS) {
        for (size_t index = 0; index < count; index++) {
            vv_pool_release(pool, objects[index]);
        }
        return;
    }
    for (size_t index = 0; index < count; index++) {
        VV_ASSERT(!vv_is_poisoned(objects[index])); /* released twice */
        vv_poison(objects[index], pool->object_bytes);
    }
    vv_spin_lock(&pool->lock);
    put_locked(pool, objects, count);
    vv_spin_unlock(&pool->lock);
}

static void subtract_free(struct vv_thread_slot *slot, void *visitor)
{
    struct vv_pool_stats *stats = visitor;
    stats->in_use -= count_of((const struct vv_magazine *)slot);
}

struct vv_pool_stats vv_pool_stats(struct vv_pool *pool)
{
    struct vv_pool_stats stats = {.object_bytes = pool->object_bytes};
    vv_spin_lock(&pool->lock);
    stats.in_use = pool->outside;
    stats.exchanges = pool->exchanges;
    stats.slab_bytes = pool->slab_bytes;
    stats.slab_count = pool->slab_count;
    vv_spin_unlock(&pool->lock);
    vv_slot_owner_visit(&pool->threads, subtract_free, &stats);
    return stats;
}
