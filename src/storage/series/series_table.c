/*
 * series_table.c - series by label set in 256 sub-tables, by ref in a two-level directory.
 *
 *   hash >> 56 --> sub-table: its own lock, its own buckets (series_buckets.c)
 *   ref  >> 12 --> page of the directory: [4096 x series *]    filled in order, never moved
 *
 * T1  A series is complete before it is published: first its directory entry, then the count
 *     (release), then the bucket. So whoever finds it by key may use its ref.
 * T2  Refs are given in the order of publication: those below the count exist.
 * T3  Room in the buckets is made before a series is: what was created can be found.
 * T4  Memory for series comes in huge pages, which take long to clear. Another thread has the next
 *     one ready when the newest is full; if it is late, the creator gets one.
 * Thread: find and get from any; creation under the mutex of the sub-table, and for the ref, the
 * memory and the labels under ref_mutex, taken after it; the label index under its own lock.
 */
#include "storage/series/series_table.h"

#include <stdatomic.h>
#include <string.h>

#include "os/alloc.h"
#include "os/pages.h"
#include "os/thread.h"
#include "pool/page_arena.h"
#include "storage/series/series_buckets.h"

enum {
    SUB_TABLE_BITS = 8,
    SUB_TABLES = 1 << SUB_TABLE_BITS,
    DIRECTORY_PAGE_BITS = 12,
    DIRECTORY_PAGE_ENTRIES = 1 << DIRECTORY_PAGE_BITS,
    DIRECTORY_PAGES = 1 << 14,
    SERIES_MAX = DIRECTORY_PAGES * DIRECTORY_PAGE_ENTRIES,
    BATCH_KEYS = 16 /* looked for at once: as many misses as a core keeps under way */
};

struct directory_page {
    _Atomic(struct vv_series *) entries[DIRECTORY_PAGE_ENTRIES];
};

struct locked_sub_table {
    _Alignas(64) struct vv_sub_table sub;
    struct vv_mutex mutex; /* of creators */
};

struct vv_series_table {
    struct vv_epoch *epoch;
    struct locked_sub_table *sub_tables;
    _Atomic(struct directory_page *) *pages; /* DIRECTORY_PAGES entries */

    struct vv_mutex ref_mutex;
    struct vv_page_arena arena;               /* series and directory pages; under ref_mutex */
    const struct vv_page_slab *wanted_behind; /* T4: asked when this was the newest; ref_mutex */
    struct vv_rwlock index_lock;
    struct vv_label_index *index; /* under index_lock, and ref_mutex for changes */
    _Alignas(64) _Atomic uint32_t count;
    _Atomic bool wants_room; /* T4; relaxed: make_room looks for itself */
};

enum { PAGES_BYTES = DIRECTORY_PAGES * sizeof(struct directory_page *) };

static struct locked_sub_table *sub_table_of(const struct vv_series_table *table, uint64_t hash)
{
    return &table->sub_tables[hash >> (64 - SUB_TABLE_BITS)];
}

struct vv_series_table *vv_series_table_create(struct vv_epoch *epoch)
{
    struct vv_series_table *table = vv_alloc_aligned(64, sizeof(*table));
    if (table == NULL) {
        return NULL;
    }
    memset(table, 0, sizeof(*table));
    table->epoch = epoch;
    table->index = vv_label_index_create();
    table->sub_tables = vv_alloc_aligned(64, SUB_TABLES * sizeof(*table->sub_tables));
    table->pages = vv_pages_alloc(PAGES_BYTES);
    if (table->index == NULL || table->sub_tables == NULL || table->pages == NULL) {
        vv_label_index_destroy(table->index);
        vv_free(table->sub_tables);
        vv_pages_free(table->pages, PAGES_BYTES);
        vv_free(table);
        return NULL;
    }
    memset(table->sub_tables, 0, SUB_TABLES * sizeof(*table->sub_tables));
    for (size_t i = 0; i < SUB_TABLES; i++) {
        vv_mutex_init(&table->sub_tables[i].mutex);
    }
    vv_mutex_init(&table->ref_mutex);
    vv_rwlock_init(&table->index_lock);
    return table;
}

void vv_series_table_destroy(struct vv_series_table *table)
{
    if (table == NULL) {
        return;
    }
    for (size_t i = 0; i < SUB_TABLES; i++) {
        vv_sub_table_fini(&table->sub_tables[i].sub);
        vv_mutex_fini(&table->sub_tables[i].mutex);
    }
    vv_label_index_destroy(table->index);
    vv_page_arena_fini(&table->arena);
    vv_rwlock_fini(&table->index_lock);
    vv_mutex_fini(&table->ref_mutex);
    vv_pages_free(table->pages, PAGES_BYTES);
    vv_free(table->sub_tables);
    vv_free(table);
}

/* -------------------------------------------------------------------------- finding */

struct vv_series *vv_series_table_find(struct vv_series_table *table, struct vv_key key,
                                       uint64_t hash)
{
    struct vv_epoch_section *section = vv_epoch_enter(table->epoch);
    if (section == NULL) { /* no memory for the thread's record: as a creator, then */
        struct locked_sub_table *place = sub_table_of(table, hash);
        vv_mutex_lock(&place->mutex);
        struct vv_series *series = vv_sub_table_find(&place->sub, key, hash);
        vv_mutex_unlock(&place->mutex);
        return series;
    }
    struct vv_series *series = vv_sub_table_find(&sub_table_of(table, hash)->sub, key, hash);
    vv_epoch_exit(section);
    return series;
}

void vv_series_table_find_batch(struct vv_series_table *table, const struct vv_key *keys,
                                const uint64_t *hashes, size_t count, struct vv_series **series)
{
    for (size_t first = 0; first < count; first += BATCH_KEYS) {
        size_t end = count - first < BATCH_KEYS ? count : first + BATCH_KEYS;
        struct vv_epoch_section *section = vv_epoch_enter(table->epoch);
        if (section != NULL) {
            for (size_t i = first; i < end; i++) {
                vv_sub_table_prefetch_bucket(&sub_table_of(table, hashes[i])->sub, hashes[i]);
            }
            for (size_t i = first; i < end; i++) {
                vv_sub_table_prefetch_series(&sub_table_of(table, hashes[i])->sub, hashes[i]);
            }
            for (size_t i = first; i < end; i++) {
                series[i] =
                    vv_sub_table_find(&sub_table_of(table, hashes[i])->sub, keys[i], hashes[i]);
            }
            vv_epoch_exit(section);
            continue;
        }
        for (size_t i = first; i < end; i++) {
            series[i] = vv_series_table_find(table, keys[i], hashes[i]);
        }
    }
}

struct vv_series *vv_series_table_get(const struct vv_series_table *table, uint32_t ref)
{
    if (ref >= atomic_load_explicit(&table->count, memory_order_acquire)) {
        return NULL;
    }
    struct directory_page *page =
        atomic_load_explicit(&table->pages[ref >> DIRECTORY_PAGE_BITS], memory_order_acquire);
    return atomic_load_explicit(&page->entries[ref & (DIRECTORY_PAGE_ENTRIES - 1)],
                                memory_order_acquire);
}

uint32_t vv_series_table_count(const struct vv_series_table *table)
{
    return atomic_load_explicit(&table->count, memory_order_acquire);
}

/* ------------------------------------------------------------------------- creating */

/* The directory page for a ref; NULL: out of memory. Needs ref_mutex. */
static struct directory_page *reserve_page(struct vv_series_table *table, uint32_t ref)
{
    _Atomic(struct directory_page *) *slot = &table->pages[ref >> DIRECTORY_PAGE_BITS];
    struct directory_page *page = atomic_load_explicit(slot, memory_order_relaxed);
    if (page == NULL) {
        page = vv_page_arena_alloc(&table->arena, sizeof(*page), 64);
        atomic_store_explicit(slot, page, memory_order_release);
    }
    return page;
}

/* Asks for the next slab once while the newest is filled. Needs ref_mutex. */
static void want_room(struct vv_series_table *table)
{
    if (table->wanted_behind != table->arena.newest && vv_page_arena_wants_spare(&table->arena)) {
        table->wanted_behind = table->arena.newest;
        atomic_store_explicit(&table->wants_room, true, memory_order_relaxed);
    }
}

bool vv_series_table_wants_room(struct vv_series_table *table)
{
    return atomic_load_explicit(&table->wants_room, memory_order_relaxed) &&
           atomic_exchange_explicit(&table->wants_room, false, memory_order_relaxed);
}

void vv_series_table_make_room(struct vv_series_table *table)
{
    vv_mutex_lock(&table->ref_mutex);
    bool wanted = vv_page_arena_wants_spare(&table->arena);
    vv_mutex_unlock(&table->ref_mutex);
    struct vv_page_slab *slab = wanted ? vv_page_slab_create() : NULL;
    if (slab != NULL) { /* else the creator tries, and has somebody to tell */
        vv_mutex_lock(&table->ref_mutex);
        vv_page_arena_give_spare(&table->arena, slab);
        vv_mutex_unlock(&table->ref_mutex);
    }
}

/* A new series with the next ref, known to the directory and the label index. Needs ref_mutex. */
static varve_status create_series(struct vv_series_table *table, struct vv_key key, uint64_t hash,
                                  uint64_t series_max, struct vv_series **series)
{
    uint32_t ref = vv_series_table_count(table);
    if (ref >= series_max || ref >= SERIES_MAX) {
        return VARVE_LIMIT;
    }
    struct directory_page *page = reserve_page(table, ref);
    struct vv_series *created =
        vv_page_arena_alloc(&table->arena, sizeof(*created) + key.length, sizeof(uint64_t));
    if (page == NULL || created == NULL) {
        return VARVE_NO_MEMORY; /* the arena keeps what it gave */
    }
    created->hash = hash;
    created->ref = ref;
    created->key_length = (uint32_t)key.length;
    memcpy(created->key, key.bytes, key.length);
    vv_rwlock_write_lock(&table->index_lock);
    varve_status status = vv_label_index_add(table->index, ref, key);
    vv_rwlock_write_unlock(&table->index_lock);
    VV_TRY(status);
    atomic_store_explicit(&page->entries[ref & (DIRECTORY_PAGE_ENTRIES - 1)], created,
                          memory_order_release);
    atomic_store_explicit(&table->count, ref + 1, memory_order_release);
    *series = created;
    want_room(table);
    return VARVE_OK;
}

/* Needs the mutex of the sub-table. */
static varve_status create_locked(struct vv_series_table *table, struct vv_sub_table *sub,
                                  struct vv_key key, uint64_t hash, uint64_t series_max,
                                  struct vv_series **series)
{
    *series = vv_sub_table_find(sub, key, hash);
    if (*series != NULL) {
        return VARVE_OK;
    }
    VV_TRY(vv_sub_table_reserve(sub, table->epoch)); /* T3 */
    vv_mutex_lock(&table->ref_mutex);
    varve_status status = create_series(table, key, hash, series_max, series);
    vv_mutex_unlock(&table->ref_mutex);
    if (status == VARVE_OK) {
        vv_sub_table_add(sub, *series);
    }
    return status;
}

varve_status vv_series_table_find_or_create(struct vv_series_table *table, struct vv_key key,
                                            uint64_t hash, uint64_t series_max,
                                            struct vv_series **series)
{
    *series = vv_series_table_find(table, key, hash);
    if (*series != NULL) {
        return VARVE_OK;
    }
    struct locked_sub_table *place = sub_table_of(table, hash);
    vv_mutex_lock(&place->mutex);
    varve_status status = create_locked(table, &place->sub, key, hash, series_max, series);
    vv_mutex_unlock(&place->mutex);
    if (vv_epoch_pending(table->epoch) > 0) {
        (void)vv_epoch_poll(table->epoch);
    }
    return status;
}

struct vv_series_table_stats vv_series_table_stats(struct vv_series_table *table)
{
    struct vv_series_table_stats stats = {0};
    for (size_t i = 0; i < SUB_TABLES; i++) {
        struct locked_sub_table *place = &table->sub_tables[i];
        vv_mutex_lock(&place->mutex);
        const struct vv_sub_table *sub = &place->sub;
        stats.bucket_bytes += sub->bytes;
        stats.growths += sub->growths;
        stats.moved_max = sub->moved_max > stats.moved_max ? sub->moved_max : stats.moved_max;
        vv_mutex_unlock(&place->mutex);
    }
    vv_mutex_lock(&table->ref_mutex);
    stats.series_bytes = stats.bucket_bytes + table->arena.slab_bytes;
    vv_mutex_unlock(&table->ref_mutex);
    return stats;
}

varve_status vv_series_table_read_index(struct vv_series_table *table,
                                        varve_status (*read)(void *context,
                                                             const struct vv_label_source *source),
                                        void *context)
{
    vv_rwlock_read_lock(&table->index_lock);
    struct vv_label_source source = vv_label_index_source(table->index);
    varve_status status = read(context, &source);
    vv_rwlock_read_unlock(&table->index_lock);
    return status;
}

int vv_series_compare(const void *a, const void *b)
{
    const struct vv_series *left = *(struct vv_series *const *)a;
    const struct vv_series *right = *(struct vv_series *const *)b;
    return vv_key_compare(vv_series_key(left), vv_series_key(right));
}
