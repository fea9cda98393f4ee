/*
 * series_buckets.c - buckets of one cache line, that grow a little with each series.
 *
 *   bucket (64 bytes):  | 7 tags of 8 bits, 0 = free | series * | series * | ... 7 of them |
 *   growing:            current (twice as many) --older--> those before, complete
 *
 * B1  A series goes into the first bucket from its hash on that has a free slot, and slots never
 *     become free: a search ends at the first bucket that is not full.
 * B2  A pointer is stored before its tag (release); a reader takes the tags first (acquire).
 * B3  Growing copies a few buckets with each creation; older stays linked, complete and unchanged,
 *     until all are copied. A reader takes the link before it searches current: either older has
 *     what current lacks, or the link was cut after everything had been copied.
 * Thread: any number of readers in epoch sections, one writer.
 */
#include "storage/series/series_buckets.h"

#include <stdatomic.h>
#include <string.h>

#include "os/alloc.h"

enum {
    SLOTS = 7,
    BUCKETS_MIN = 2,
    BUCKETS_MOVED = 4, /* with one creation: growing ends long before the next growth */
    TAG_SHIFT = 48     /* hash bits: 56-63 sub-table, 48-55 tag, low ones bucket */
};

struct bucket {
    _Alignas(64) _Atomic uint64_t tags;
    _Atomic(struct vv_series *) series[SLOTS];
};
_Static_assert(sizeof(struct bucket) == 64, "a bucket is a cache line");

struct vv_buckets {
    struct vv_epoch_entry entry;
    _Atomic(struct vv_buckets *) older; /* B3 */
    size_t mask;                        /* buckets - 1 */
    struct bucket buckets[];
};

static uint64_t tag_of(uint64_t hash)
{
    uint64_t tag = hash >> TAG_SHIFT & 0xff;
    return tag == 0 ? 1 : tag;
}

/* High bits of the bytes that equal the tag; a byte above an equal one may be there wrongly. */
static uint64_t match(uint64_t tags, uint64_t tag)
{
    const uint64_t ones = UINT64_C(0x0101010101010101);
    uint64_t difference = tags ^ tag * ones;
    return (difference - ones) & ~difference & UINT64_C(0x0080808080808080);
}

static bool is_full(uint64_t tags)
{
    return tags >> (SLOTS - 1) * 8 != 0; /* filled from the lowest slot on */
}

static bool equals(const struct vv_series *series, struct vv_key key, uint64_t hash)
{
    return series->hash == hash && vv_key_equal(vv_series_key(series), key);
}

static struct vv_series *find_in(const struct vv_buckets *table, struct vv_key key, uint64_t hash)
{
    uint64_t tag = tag_of(hash);
    for (size_t at = hash & table->mask;; at = (at + 1) & table->mask) {
        const struct bucket *bucket = &table->buckets[at];
        uint64_t tags = atomic_load_explicit(&bucket->tags, memory_order_acquire); /* B2 */
        for (uint64_t hits = match(tags, tag); hits != 0; hits &= hits - 1) {
            unsigned slot = (unsigned)__builtin_ctzll(hits) / 8;
            struct vv_series *series =
                atomic_load_explicit(&bucket->series[slot], memory_order_relaxed);
            if (series != NULL && equals(series, key, hash)) {
                return series;
            }
        }
        if (!is_full(tags)) {
            return NULL;
        }
    }
}

struct vv_series *vv_sub_table_find(const struct vv_sub_table *sub, struct vv_key key,
                                    uint64_t hash)
{
    const struct vv_buckets *current = atomic_load_explicit(&sub->current, memory_order_acquire);
    if (current == NULL) {
        return NULL;
    }
    const struct vv_buckets *older =
        atomic_load_explicit(&current->older, memory_order_acquire); /* B3: before the search */
    struct vv_series *series = find_in(current, key, hash);
    return series != NULL || older == NULL ? series : find_in(older, key, hash);
}

void vv_sub_table_prefetch_bucket(const struct vv_sub_table *sub, uint64_t hash)
{
    const struct vv_buckets *current = atomic_load_explicit(&sub->current, memory_order_acquire);
    if (current != NULL) {
        __builtin_prefetch(&current->buckets[hash & current->mask]);
    }
}

void vv_sub_table_prefetch_series(const struct vv_sub_table *sub, uint64_t hash)
{
    const struct vv_buckets *current = atomic_load_explicit(&sub->current, memory_order_acquire);
    if (current == NULL) {
        return;
    }
    const struct bucket *bucket = &current->buckets[hash & current->mask];
    uint64_t tags = atomic_load_explicit(&bucket->tags, memory_order_acquire);
    uint64_t hits = match(tags, tag_of(hash));
    if (hits != 0) {
        unsigned slot = (unsigned)__builtin_ctzll(hits) / 8;
        const uint8_t *series =
            (const uint8_t *)atomic_load_explicit(&bucket->series[slot], memory_order_relaxed);
        __builtin_prefetch(series);
        __builtin_prefetch(series + 64);
    }
}

/* -------------------------------------------------------------------------- writing */

static size_t buckets_bytes(size_t count)
{
    return sizeof(struct vv_buckets) + count * sizeof(struct bucket);
}

static void buckets_destroy(struct vv_epoch_entry *entry)
{
    vv_free((char *)entry - offsetof(struct vv_buckets, entry));
}

static struct vv_buckets *buckets_create(size_t count)
{
    struct vv_buckets *table = vv_alloc_aligned(64, buckets_bytes(count));
    if (table != NULL) {
        memset(table, 0, buckets_bytes(count));
        table->mask = count - 1;
    }
    return table;
}

void vv_sub_table_fini(struct vv_sub_table *sub)
{
    struct vv_buckets *current = atomic_load(&sub->current);
    if (current != NULL) {
        vv_free(atomic_load(&current->older));
        vv_free(current);
    }
}

static void add_to(struct vv_buckets *table, struct vv_series *series)
{
    for (size_t at = series->hash & table->mask;; at = (at + 1) & table->mask) {
        struct bucket *bucket = &table->buckets[at];
        uint64_t tags = atomic_load_explicit(&bucket->tags, memory_order_relaxed);
        if (is_full(tags)) {
            continue;
        }
        unsigned slot = tags == 0 ? 0 : (64 - (unsigned)__builtin_clzll(tags) + 7) / 8;
        atomic_store_explicit(&bucket->series[slot], series, memory_order_relaxed);
        atomic_store_explicit(&bucket->tags, tags | tag_of(series->hash) << slot * 8,
                              memory_order_release); /* B2 */
        return;
    }
}

/* Copies a few buckets of older; cuts the link after the last one. */
static void move_some(struct vv_sub_table *sub, struct vv_buckets *current, struct vv_epoch *epoch)
{
    struct vv_buckets *older = atomic_load_explicit(&current->older, memory_order_relaxed);
    if (older == NULL) {
        return;
    }
    uint32_t moved = 0;
    for (int i = 0; i < BUCKETS_MOVED && sub->next_to_move <= older->mask; i++) {
        const struct bucket *bucket = &older->buckets[sub->next_to_move++];
        for (unsigned slot = 0; slot < SLOTS; slot++) {
            struct vv_series *series =
                atomic_load_explicit(&bucket->series[slot], memory_order_relaxed);
            if (series != NULL) {
                add_to(current, series);
                moved++;
            }
        }
    }
    sub->moved_max = moved > sub->moved_max ? moved : sub->moved_max;
    if (sub->next_to_move > older->mask) {
        atomic_store_explicit(&current->older, NULL, memory_order_release); /* B3 */
        sub->bytes -= buckets_bytes(older->mask + 1);
        vv_epoch_defer(epoch, &older->entry, buckets_destroy);
    }
}

varve_status vv_sub_table_reserve(struct vv_sub_table *sub, struct vv_epoch *epoch)
{
    struct vv_buckets *current = atomic_load_explicit(&sub->current, memory_order_relaxed);
    size_t count = current == NULL ? 0 : current->mask + 1;
    /* Full at 6 of 7 slots: longer runs of full buckets cost more than they save. */
    if (sub->count < count * (SLOTS - 1)) {
        move_some(sub, current, epoch);
        return VARVE_OK;
    }
    VV_ASSERT(current == NULL || atomic_load(&current->older) == NULL);
    size_t grown = count == 0 ? BUCKETS_MIN : count * 2;
    struct vv_buckets *table = buckets_create(grown);
    if (table == NULL) {
        return VARVE_NO_MEMORY;
    }
    atomic_store_explicit(&table->older, current, memory_order_relaxed);
    atomic_store_explicit(&sub->current, table, memory_order_release);
    sub->bytes += buckets_bytes(grown);
    sub->next_to_move = 0;
    sub->growths++;
    return VARVE_OK;
}

void vv_sub_table_add(struct vv_sub_table *sub, struct vv_series *series)
{
    add_to(atomic_load_explicit(&sub->current, memory_order_relaxed), series);
    sub->count++;
}
