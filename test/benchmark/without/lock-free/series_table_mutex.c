/*
 * series_table_mutex.c - stands in for storage/series/series_table.c where the lock-free table is
 * switched off: a chained hash map of heap objects under one mutex.
 *
 *   buckets[hash & mask] --> node --> node ...      nodes[ref]
 *
 * Thread: any; everything under the mutex. A series stays where it is until the end.
 */
#include "storage/series/series_table.h"

#include <stdlib.h>
#include <string.h>

#include "os/alloc.h"
#include "os/thread.h"

enum { FIRST_BUCKETS = 64 };

struct node {
    struct node *next;
    struct vv_series series; /* last: its key follows */
};

struct vv_series_table {
    struct vv_mutex mutex;
    struct node **buckets;
    size_t bucket_count; /* a power of two */
    struct node **nodes; /* by ref */
    size_t capacity;
    uint32_t count;
    uint32_t growths;
    uint64_t key_bytes;
    struct vv_label_index *index;
};

struct vv_series_table *vv_series_table_create(struct vv_epoch *epoch)
{
    (void)epoch;
    struct vv_series_table *table = vv_alloc_zeroed(1, sizeof(*table));
    if (table == NULL) {
        return NULL;
    }
    table->buckets = vv_alloc_zeroed(FIRST_BUCKETS, sizeof(struct node *));
    table->bucket_count = FIRST_BUCKETS;
    table->index = vv_label_index_create();
    vv_mutex_init(&table->mutex);
    if (table->buckets == NULL || table->index == NULL) {
        vv_series_table_destroy(table);
        return NULL;
    }
    return table;
}

void vv_series_table_destroy(struct vv_series_table *table)
{
    if (table == NULL) {
        return;
    }
    for (uint32_t ref = 0; ref < table->count; ref++) {
        vv_free(table->nodes[ref]);
    }
    vv_label_index_destroy(table->index);
    vv_mutex_fini(&table->mutex);
    vv_free(table->nodes);
    vv_free(table->buckets);
    vv_free(table);
}

/* -------------------------------------------------------------------------- finding */

static struct vv_series *find_locked(const struct vv_series_table *table, struct vv_key key,
                                     uint64_t hash)
{
    struct node *node = table->buckets[hash & (table->bucket_count - 1)];
    while (node != NULL &&
           (node->series.hash != hash || !vv_key_equal(vv_series_key(&node->series), key))) {
        node = node->next;
    }
    return node != NULL ? &node->series : NULL;
}

struct vv_series *vv_series_table_find(struct vv_series_table *table, struct vv_key key,
                                       uint64_t hash)
{
    vv_mutex_lock(&table->mutex);
    struct vv_series *series = find_locked(table, key, hash);
    vv_mutex_unlock(&table->mutex);
    return series;
}

void vv_series_table_find_batch(struct vv_series_table *table, const struct vv_key *keys,
                                const uint64_t *hashes, size_t count, struct vv_series **series)
{
    for (size_t i = 0; i < count; i++) {
        series[i] = vv_series_table_find(table, keys[i], hashes[i]);
    }
}

/* Readers see a const table. */
static struct vv_mutex *mutex_of(const struct vv_series_table *table)
{
    return (struct vv_mutex *)(uintptr_t)&table->mutex;
}

struct vv_series *vv_series_table_get(const struct vv_series_table *table, uint32_t ref)
{
    vv_mutex_lock(mutex_of(table));
    struct vv_series *series = ref < table->count ? &table->nodes[ref]->series : NULL;
    vv_mutex_unlock(mutex_of(table));
    return series;
}

uint32_t vv_series_table_count(const struct vv_series_table *table)
{
    vv_mutex_lock(mutex_of(table));
    uint32_t count = table->count;
    vv_mutex_unlock(mutex_of(table));
    return count;
}

/* Memory comes from the heap, series by series: there is nothing to get ahead. */
bool vv_series_table_wants_room(struct vv_series_table *table)
{
    (void)table;
    return false;
}

void vv_series_table_make_room(struct vv_series_table *table)
{
    (void)table;
}

/* ------------------------------------------------------------------------- creating */

static void grow_buckets_locked(struct vv_series_table *table)
{
    size_t count = table->bucket_count * 2;
    struct node **buckets = vv_alloc_zeroed(count, sizeof(struct node *));
    if (buckets == NULL) {
        return; /* chains get longer, that is all */
    }
    for (uint32_t ref = 0; ref < table->count; ref++) {
        struct node *node = table->nodes[ref];
        struct node **bucket = &buckets[node->series.hash & (count - 1)];
        node->next = *bucket;
        *bucket = node;
    }
    vv_free(table->buckets);
    table->buckets = buckets;
    table->bucket_count = count;
    table->growths++;
}

static varve_status reserve_ref_locked(struct vv_series_table *table)
{
    if (table->count < table->capacity) {
        return VARVE_OK;
    }
    size_t capacity = table->capacity > 0 ? table->capacity * 2 : FIRST_BUCKETS;
    struct node **nodes = vv_realloc(table->nodes, capacity * sizeof(struct node *));
    if (nodes == NULL) {
        return VARVE_NO_MEMORY;
    }
    table->nodes = nodes;
    table->capacity = capacity;
    return VARVE_OK;
}

static varve_status create_locked(struct vv_series_table *table, struct vv_key key, uint64_t hash,
                                  struct vv_series **series)
{
    VV_TRY(reserve_ref_locked(table));
    struct node *node = vv_alloc_zeroed(1, sizeof(*node) + key.length);
    if (node == NULL) {
        return VARVE_NO_MEMORY;
    }
    node->series.hash = hash;
    node->series.ref = table->count;
    node->series.key_length = (uint32_t)key.length;
    memcpy(node->series.key, key.bytes, key.length);
    varve_status status = vv_label_index_add(table->index, table->count, key);
    if (status != VARVE_OK) {
        vv_free(node);
        return status;
    }
    struct node **bucket = &table->buckets[hash & (table->bucket_count - 1)];
    node->next = *bucket;
    *bucket = node;
    table->nodes[table->count++] = node;
    table->key_bytes += key.length;
    if (table->count > table->bucket_count) {
        grow_buckets_locked(table);
    }
    *series = &node->series;
    return VARVE_OK;
}

varve_status vv_series_table_find_or_create(struct vv_series_table *table, struct vv_key key,
                                            uint64_t hash, uint64_t series_max,
                                            struct vv_series **series)
{
    varve_status status = VARVE_OK;
    vv_mutex_lock(&table->mutex);
    *series = find_locked(table, key, hash);
    if (*series == NULL) {
        status = table->count >= series_max ? VARVE_LIMIT : create_locked(table, key, hash, series);
    }
    vv_mutex_unlock(&table->mutex);
    return status;
}

struct vv_series_table_stats vv_series_table_stats(struct vv_series_table *table)
{
    vv_mutex_lock(&table->mutex);
    uint64_t bucket_bytes = table->bucket_count * sizeof(struct node *);
    struct vv_series_table_stats stats = {
        .bucket_bytes = bucket_bytes,
        .series_bytes = bucket_bytes + table->capacity * sizeof(struct node *) +
                        table->count * sizeof(struct node) + table->key_bytes,
        .growths = table->growths,
        .moved_max = table->count};
    vv_mutex_unlock(&table->mutex);
    return stats;
}

varve_status vv_series_table_read_index(struct vv_series_table *table,
                                        varve_status (*read)(void *context,
                                                             const struct vv_label_source *source),
                                        void *context)
{
    vv_mutex_lock(&table->mutex);
    struct vv_label_source source = vv_label_index_source(table->index);
    varve_status status = read(context, &source);
    vv_mutex_unlock(&table->mutex);
    return status;
}

int vv_series_compare(const void *a, const void *b)
{
    const struct vv_series *left = *(struct vv_series *const *)a;
    const struct vv_series *right = *(struct vv_series *const *)b;
    return vv_key_compare(vv_series_key(left), vv_series_key(right));
}
