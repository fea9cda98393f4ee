/*
 * working_set.c - a table of items, and two queues that say which of them stay.
 *
 *   buckets[hash] --> item --> item
 *
 *   small [new ... old] --asked for again--> main [new ... old] --asked for again--> main
 *                       +--not--> gone, its key remembered      +--not--> gone
 *
 * W1  An item in the table has a reference of the set, which is given back only when every reader
 *     that may have found it there has left its epoch: counting up from what one has found in a
 *     section never starts at 0.
 * W2  Chains are changed under the mutex and read without it: an item is linked in front, complete;
 *     one that is taken out keeps its own link.
 * W3  The counters of hits are one per thread, so that readers share no line that they write.
 * Threads: any.
 */
#include "mmap/working_set.h"

#include <string.h>

#include "os/alloc.h"
#include "os/thread.h"
#include "pool/thread_slot.h"

enum {
    BUCKET_BYTES = 32 << 10, /* of items, about, for one bucket */
    BUCKETS_MIN = 64,
    BUCKETS_MAX = 1 << 20,
    GHOSTS = 1024, /* keys of what was given up lately */
    SMALL_PERCENT = 10,
    HITS_MAX = 3,
};

enum { QUEUE_SMALL, QUEUE_MAIN, QUEUES };

struct queue {
    struct vv_working_item *newest;
    struct vv_working_item *oldest;
    uint64_t bytes;
};

struct reader_slot {
    struct vv_thread_slot slot;
    _Atomic uint64_t hits;
    _Atomic uint64_t misses;
};

struct vv_working_set {
    struct vv_epoch *epoch;
    struct vv_slot_owner readers; /* of struct reader_slot */
    uint64_t bytes_max;
    size_t bucket_count; /* a power of two */
    _Atomic uint64_t next_owner;
    _Atomic(struct vv_working_item *) *buckets;

    /* Guarded by mutex. */
    _Alignas(64) struct vv_mutex mutex;
    struct queue queues[QUEUES];
    uint64_t evictions;
    uint64_t ghosts[GHOSTS]; /* hashes of keys, a ring; 0: none */
    size_t next_ghost;
};

/* ------------------------------------------------------------------------------- items */

struct vv_working_item *vv_working_item_create(size_t length, size_t padding)
{
    struct vv_working_item *item = vv_alloc(sizeof(*item) + length + padding);
    if (item != NULL) {
        memset(item, 0, sizeof(*item));
        atomic_init(&item->references, 1);
        item->length = length;
    }
    return item;
}

void vv_working_item_release(struct vv_working_item *item)
{
    /* Release: reads of the bytes come before the last reference goes; acquire: before they are
     * freed. */
    if (item != NULL &&
        atomic_fetch_sub_explicit(&item->references, 1, memory_order_acq_rel) == 1) {
        vv_free(item);
    }
}

static void release_deferred(struct vv_epoch_entry *entry)
{
    vv_working_item_release((struct vv_working_item *)(void *)entry);
}

static bool same_key(struct vv_working_key left, struct vv_working_key right)
{
    return left.owner == right.owner && left.number == right.number;
}

/* Never 0: that is no ghost. */
static uint64_t hash_key(struct vv_working_key key)
{
    uint64_t hash =
        (key.owner * UINT64_C(0x9e3779b97f4a7c15) ^ key.number) * UINT64_C(0xbf58476d1ce4e5b9);
    return (hash ^ (hash >> 29)) | 1;
}

static _Atomic(struct vv_working_item *) *bucket_of(const struct vv_working_set *set, uint64_t hash)
{
    return &set->buckets[(hash >> 1) & (set->bucket_count - 1)];
}

/* --------------------------------------------------------------------------- life cycle */

static void reader_init(struct vv_slot_owner *owner, struct vv_thread_slot *slot)
{
    struct reader_slot *reader = (struct reader_slot *)(void *)slot;
    (void)owner;
    atomic_init(&reader->hits, 0);
    atomic_init(&reader->misses, 0);
}

struct vv_working_set *vv_working_set_create(struct vv_epoch *epoch, uint64_t bytes_max)
{
    struct vv_working_set *set = vv_alloc_aligned(VV_CACHE_LINE_BYTES, sizeof(*set));
    if (set == NULL) {
        return NULL;
    }
    memset(set, 0, sizeof(*set));
    set->epoch = epoch;
    set->bytes_max = bytes_max;
    set->bucket_count = BUCKETS_MIN;
    while (set->bucket_count < BUCKETS_MAX && set->bucket_count < bytes_max / BUCKET_BYTES) {
        set->bucket_count *= 2;
    }
    set->buckets = vv_alloc_zeroed(set->bucket_count, sizeof(*set->buckets));
    if (set->buckets == NULL) {
        vv_free(set);
        return NULL;
    }
    vv_mutex_init(&set->mutex);
    vv_slot_owner_init(&set->readers, sizeof(struct reader_slot), reader_init);
    return set;
}

void vv_working_set_destroy(struct vv_working_set *set)
{
    if (set == NULL) {
        return;
    }
    VV_ASSERT(set->queues[QUEUE_SMALL].oldest == NULL && set->queues[QUEUE_MAIN].oldest == NULL);
    vv_slot_owner_fini(&set->readers);
    vv_mutex_fini(&set->mutex);
    vv_free(set->buckets);
    vv_free(set);
}

uint64_t vv_working_set_add_owner(struct vv_working_set *set)
{
    return atomic_fetch_add_explicit(&set->next_owner, 1, memory_order_relaxed);
}

/* ------------------------------------------------------------------ queues; under mutex */

static void enqueue(struct vv_working_set *set, unsigned number, struct vv_working_item *item)
{
    struct queue *queue = &set->queues[number];
    item->queue = (uint8_t)number;
    item->newer = NULL;
    item->older = queue->newest;
    if (queue->newest != NULL) {
        queue->newest->newer = item;
    } else {
        queue->oldest = item;
    }
    queue->newest = item;
    queue->bytes += item->length;
    atomic_store_explicit(&item->hits, 0, memory_order_relaxed);
}

static void dequeue(struct vv_working_set *set, struct vv_working_item *item)
{
    struct queue *queue = &set->queues[item->queue];
    if (item->newer != NULL) {
        item->newer->older = item->older;
    } else {
        queue->newest = item->older;
    }
    if (item->older != NULL) {
        item->older->newer = item->newer;
    } else {
        queue->oldest = item->newer;
    }
    queue->bytes -= item->length;
}

/* Takes an item out of queue and table; the set's reference goes when no reader can be on its way
 * to it (W1). */
static void drop(struct vv_working_set *set, struct vv_working_item *item)
{
    _Atomic(struct vv_working_item *) *link = bucket_of(set, hash_key(item->key));
    struct vv_working_item *found;
    while ((found = atomic_load_explicit(link, memory_order_relaxed)) != item) {
        link = &found->chain;
    }
    atomic_store_explicit(link, atomic_load_explicit(&item->chain, memory_order_relaxed),
                          memory_order_release);
    dequeue(set, item);
    vv_epoch_defer(set->epoch, &item->entry, release_deferred);
}

static void remember(struct vv_working_set *set, struct vv_working_key key)
{
    set->ghosts[set->next_ghost] = hash_key(key);
    set->next_ghost = (set->next_ghost + 1) % GHOSTS;
}

/* Whether the key was given up lately; it is forgotten by that. */
static bool is_remembered(struct vv_working_set *set, struct vv_working_key key)
{
    uint64_t hash = hash_key(key);
    for (size_t index = 0; index < GHOSTS; index++) {
        if (set->ghosts[index] == hash) {
            set->ghosts[index] = 0;
            return true;
        }
    }
    return false;
}

/* The oldest of the small queue moves on if it was asked for again, else it goes. */
static void pass_small(struct vv_working_set *set)
{
    struct vv_working_item *item = set->queues[QUEUE_SMALL].oldest;
    if (atomic_load_explicit(&item->hits, memory_order_relaxed) > 0) {
        dequeue(set, item);
        enqueue(set, QUEUE_MAIN, item);
        return;
    }
    remember(set, item->key);
    set->evictions++;
    drop(set, item);
}

/* The oldest of the main queue gets another round for each time that it was asked for, else it
 * goes. */
static void pass_main(struct vv_working_set *set)
{
    struct vv_working_item *item = set->queues[QUEUE_MAIN].oldest;
    unsigned char hits = atomic_load_explicit(&item->hits, memory_order_relaxed);
    if (hits > 0) {
        dequeue(set, item);
        enqueue(set, QUEUE_MAIN, item);
        atomic_store_explicit(&item->hits, (unsigned char)(hits - 1), memory_order_relaxed);
        return;
    }
    set->evictions++;
    drop(set, item);
}

static uint64_t kept_bytes(const struct vv_working_set *set)
{
    return set->queues[QUEUE_SMALL].bytes + set->queues[QUEUE_MAIN].bytes;
}

static void make_room(struct vv_working_set *set, size_t length)
{
    while (kept_bytes(set) > 0 && kept_bytes(set) + length > set->bytes_max) {
        bool small_is_full = set->queues[QUEUE_SMALL].bytes > set->bytes_max / 100 * SMALL_PERCENT;
        if (set->queues[QUEUE_MAIN].oldest == NULL ||
            (small_is_full && set->queues[QUEUE_SMALL].oldest != NULL)) {
            pass_small(set);
        } else {
            pass_main(set);
        }
    }
}

/* --------------------------------------------------------------------- finding, keeping */

static struct vv_working_item *find_in_chain(const struct vv_working_set *set,
                                             struct vv_working_key key)
{
    struct vv_working_item *item =
        atomic_load_explicit(bucket_of(set, hash_key(key)), memory_order_acquire);
    while (item != NULL && !same_key(item->key, key)) {
        item = atomic_load_explicit(&item->chain, memory_order_acquire);
    }
    return item;
}

static void count(struct vv_working_set *set, bool hit)
{
    struct reader_slot *reader = (struct reader_slot *)(void *)vv_thread_slot_get(&set->readers);
    if (reader != NULL) {
        _Atomic uint64_t *counter = hit ? &reader->hits : &reader->misses;
        uint64_t before = atomic_load_explicit(counter, memory_order_relaxed);
        atomic_store_explicit(counter, before + 1, memory_order_relaxed);
    }
}

struct vv_working_item *vv_working_set_find(struct vv_working_set *set, struct vv_working_key key)
{
    struct vv_epoch_section *section = vv_epoch_enter(set->epoch);
    if (section == NULL) {
        return NULL; /* as good as a miss */
    }
    struct vv_working_item *item = find_in_chain(set, key);
    if (item != NULL) {
        atomic_fetch_add_explicit(&item->references, 1, memory_order_relaxed);
        unsigned char hits = atomic_load_explicit(&item->hits, memory_order_relaxed);
        if (hits < HITS_MAX) { /* a hot item's line is not written for this any more */
            atomic_store_explicit(&item->hits, (unsigned char)(hits + 1), memory_order_relaxed);
        }
    }
    vv_epoch_exit(section);
    count(set, item != NULL);
    return item;
}

void vv_working_set_keep(struct vv_working_set *set, struct vv_working_key key,
                         struct vv_working_item *item)
{
    if (item->length > set->bytes_max) {
        return;
    }
    vv_mutex_lock(&set->mutex);
    if (find_in_chain(set, key) == NULL) {
        make_room(set, item->length);
        _Atomic(struct vv_working_item *) *bucket = bucket_of(set, hash_key(key));
        item->key = key;
        atomic_fetch_add_explicit(&item->references, 1, memory_order_relaxed);
        atomic_store_explicit(&item->chain, atomic_load_explicit(bucket, memory_order_relaxed),
                              memory_order_relaxed);
        atomic_store_explicit(bucket, item, memory_order_release);
        enqueue(set, is_remembered(set, key) ? QUEUE_MAIN : QUEUE_SMALL, item);
    }
    vv_mutex_unlock(&set->mutex);
    if (vv_epoch_pending(set->epoch) > 0) {
        (void)vv_epoch_poll(set->epoch);
    }
}

void vv_working_set_remove_owner(struct vv_working_set *set, uint64_t owner)
{
    vv_mutex_lock(&set->mutex);
    for (unsigned number = 0; number < QUEUES; number++) {
        struct vv_working_item *item = set->queues[number].oldest;
        while (item != NULL) {
            struct vv_working_item *newer = item->newer;
            if (item->key.owner == owner) {
                drop(set, item);
            }
            item = newer;
        }
    }
    vv_mutex_unlock(&set->mutex);
    (void)vv_epoch_poll(set->epoch);
}

/* ------------------------------------------------------------------------------ figures */

static void add_reader(struct vv_thread_slot *slot, void *visitor)
{
    struct reader_slot *reader = (struct reader_slot *)(void *)slot;
    struct vv_working_set_figures *figures = visitor;
    figures->hits += atomic_load_explicit(&reader->hits, memory_order_relaxed);
    figures->misses += atomic_load_explicit(&reader->misses, memory_order_relaxed);
}

struct vv_working_set_figures vv_working_set_figures(struct vv_working_set *set)
{
    struct vv_working_set_figures figures = {0};
    vv_slot_owner_visit(&set->readers, add_reader, &figures);
    vv_mutex_lock(&set->mutex);
    figures.evictions = set->evictions;
    figures.bytes = kept_bytes(set);
    vv_mutex_unlock(&set->mutex);
    return figures;
}
