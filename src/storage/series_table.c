/*
 * series_table.c - series by label set in a ck_hs, by ref in a two-level directory.
 *
 *   hash set:  hash(key) --> series                      single writer, lock-free readers
 *   directory: pages[ref >> 12] --> [4096 x series *]    filled in order, never moved
 *
 * T1  A series is complete before it is published: first its directory entry, then the count
 *     (release), then the hash set.
 * T2  ck_hs copies itself when it grows and hands the old copy to free(p, size, defer): with defer
 *     it goes to the epoch, because readers may still walk it.
 * T3  ck is invisible to ThreadSanitizer: the edges that it makes are told by hand.
 * Thread: find and get from any; create under create_mutex; the label index under its own lock.
 */
#include "storage/series_table.h"

#include <ck_hs.h>
#include <stdatomic.h>

#include "os/alloc.h"
#include "os/thread.h"

#if defined(__SANITIZE_THREAD__)
#define VV_THREAD_SANITIZER 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define VV_THREAD_SANITIZER 1
#endif
#endif
#ifdef VV_THREAD_SANITIZER
void __tsan_acquire(void *address);
void __tsan_release(void *address);
#else
#define __tsan_acquire(address) ((void)(address))
#define __tsan_release(address) ((void)(address))
#endif

enum {
    DIRECTORY_PAGE_BITS = 12,
    DIRECTORY_PAGE_ENTRIES = 1 << DIRECTORY_PAGE_BITS,
    DIRECTORY_PAGES = 1 << 14,
    SERIES_MAX = DIRECTORY_PAGES * DIRECTORY_PAGE_ENTRIES,
    INITIAL_CAPACITY = 64,
};

struct directory_page {
    _Atomic(struct vv_series *) entries[DIRECTORY_PAGE_ENTRIES];
};

struct vv_series_table {
    struct vv_epoch *epoch;
    ck_hs_t set;
    _Atomic uint32_t count;
    struct vv_mutex create_mutex;
    struct vv_rwlock index_lock; /* taken after create_mutex */
    struct vv_label_index *index;
    _Atomic(struct directory_page *) pages[DIRECTORY_PAGES];
};

/* What find looks for: ck_hs compares it with series through compare_series(). */
struct wanted_series {
    struct vv_key key;
    uint64_t hash;
};

/* ---- memory of ck_hs: the epoch is found through a header before every allocation (T2) ---- */

struct set_memory {
    struct vv_epoch_entry entry;
    _Alignas(64) uint8_t bytes[];
};

/* ck_malloc carries no context: the table under construction or growth of this thread. Set under
 * create_mutex around every call that may allocate or free. */
static _Thread_local struct vv_epoch *set_epoch;

static void *set_malloc(size_t size)
{
    struct set_memory *memory = vv_alloc_aligned(64, sizeof(*memory) + size);
    return memory == NULL ? NULL : memory->bytes;
}

static void set_memory_destroy(struct vv_epoch_entry *entry)
{
    vv_free((char *)entry - offsetof(struct set_memory, entry));
}

static void set_free(void *bytes, size_t size, bool defer)
{
    (void)size;
    struct set_memory *memory =
        (struct set_memory *)(void *)((char *)bytes - offsetof(struct set_memory, bytes));
    if (defer && set_epoch != NULL) {
        vv_epoch_defer(set_epoch, &memory->entry, set_memory_destroy);
    } else {
        vv_free(memory);
    }
}

static struct ck_malloc set_allocator = {.malloc = set_malloc, .free = set_free};

static unsigned long hash_series(const void *object, unsigned long seed)
{
    (void)seed;
    return ((const struct vv_series *)object)->hash;
}

/* The first argument comes from the set, the second is what vv_series_table_find() looks for. */
static bool compare_series(const void *in_set, const void *wanted)
{
    const struct vv_series *series = in_set;
    const struct wanted_series *other = wanted;
    if (set_epoch != NULL) {
        return false; /* put_unique(): another series, not a wanted one, and known to differ */
    }
    __tsan_acquire(
        (void *)(uintptr_t)in_set); /* ck has read the pointer before what it points to */
    return series->hash == other->hash && vv_key_equal(vv_series_key(series), other->key);
}

struct vv_series_table *vv_series_table_create(struct vv_epoch *epoch)
{
    struct vv_series_table *table = vv_alloc_zeroed(1, sizeof(*table));
    if (table == NULL) {
        return NULL;
    }
    table->epoch = epoch;
    table->index = vv_label_index_create();
    set_epoch = NULL;
    if (table->index == NULL ||
        !ck_hs_init(&table->set, CK_HS_MODE_SPMC | CK_HS_MODE_OBJECT, hash_series, compare_series,
                    &set_allocator, INITIAL_CAPACITY, 0)) {
        vv_label_index_destroy(table->index);
        vv_free(table);
        return NULL;
    }
    vv_mutex_init(&table->create_mutex);
    vv_rwlock_init(&table->index_lock);
    return table;
}

void vv_series_table_destroy(struct vv_series_table *table)
{
    if (table == NULL) {
        return;
    }
    set_epoch = NULL;
    ck_hs_destroy(&table->set);
    uint32_t count = vv_series_table_count(table);
    for (uint32_t ref = 0; ref < count; ref++) {
        vv_free(vv_series_table_get(table, ref));
    }
    for (size_t i = 0; i < DIRECTORY_PAGES; i++) {
        vv_free(atomic_load(&table->pages[i]));
    }
    vv_label_index_destroy(table->index);
    vv_rwlock_fini(&table->index_lock);
    vv_mutex_fini(&table->create_mutex);
    vv_free(table);
}

struct vv_series *vv_series_table_find(struct vv_series_table *table, struct vv_key key,
                                       uint64_t hash)
{
    struct wanted_series wanted = {key, hash};
    struct vv_epoch_section *section = vv_epoch_enter(table->epoch);
    if (section == NULL) {
        return NULL; /* find_or_create() looks again under its lock */
    }
    struct vv_series *series = ck_hs_get(&table->set, hash, &wanted);
    vv_epoch_exit(section);
    return series;
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

/* Makes sure that the directory has the page for ref. */
static varve_status reserve_directory(struct vv_series_table *table, uint32_t ref)
{
    _Atomic(struct directory_page *) *slot = &table->pages[ref >> DIRECTORY_PAGE_BITS];
    if (atomic_load(slot) != NULL) {
        return VARVE_OK;
    }
    struct directory_page *page = vv_alloc_zeroed(1, sizeof(*page));
    if (page == NULL) {
        return VARVE_NO_MEMORY;
    }
    atomic_store_explicit(slot, page, memory_order_release);
    return VARVE_OK;
}

/* Adds a new series everywhere. Needs create_mutex. */
static varve_status publish_series(struct vv_series_table *table, struct vv_series *series)
{
    VV_TRY(reserve_directory(table, series->ref));
    vv_rwlock_write_lock(&table->index_lock);
    varve_status status = vv_label_index_add(table->index, series->ref, vv_series_key(series));
    vv_rwlock_write_unlock(&table->index_lock);
    VV_TRY(status);
    struct directory_page *page = atomic_load(&table->pages[series->ref >> DIRECTORY_PAGE_BITS]);
    atomic_store_explicit(&page->entries[series->ref & (DIRECTORY_PAGE_ENTRIES - 1)], series,
                          memory_order_release);
    atomic_store_explicit(&table->count, series->ref + 1, memory_order_release);
    __tsan_release(series);
    set_epoch = table->epoch;
    /* Known to be absent, so that put_unique() needs no comparison. Its growth is the only thing
     * that can fail: then the series is reachable by ref and by labels of a query, and has no
     * samples. */
    bool added = ck_hs_put_unique(&table->set, series->hash, series);
    set_epoch = NULL;
    return added ? VARVE_OK : VARVE_NO_MEMORY;
}

varve_status vv_series_table_find_or_create(struct vv_series_table *table, struct vv_key key,
                                            uint64_t hash, uint64_t series_max,
                                            struct vv_series **series)
{
    *series = vv_series_table_find(table, key, hash);
    if (*series != NULL) {
        return VARVE_OK;
    }
    vv_mutex_lock(&table->create_mutex);
    varve_status status = VARVE_OK;
    struct wanted_series wanted = {key, hash};
    *series = ck_hs_get(&table->set, hash, &wanted);
    if (*series == NULL) {
        uint32_t ref = vv_series_table_count(table);
        struct vv_series *created = NULL;
        if (ref >= series_max || ref >= SERIES_MAX) {
            status = VARVE_LIMIT;
        } else {
            created = vv_alloc_zeroed(1, sizeof(*created) + key.length);
            status = created == NULL ? VARVE_NO_MEMORY : VARVE_OK;
        }
        if (status == VARVE_OK) {
            created->hash = hash;
            created->ref = ref;
            created->key_length = (uint32_t)key.length;
            memcpy(created->key, key.bytes, key.length);
            status = publish_series(table, created);
            *series = created;
            if (status != VARVE_OK && vv_series_table_count(table) == ref) {
                vv_free(created);
            }
        }
    }
    vv_mutex_unlock(&table->create_mutex);
    if (vv_epoch_pending(table->epoch) > 0) {
        (void)vv_epoch_poll(table->epoch);
    }
    return status;
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
