/*
 * shard_order.c - all series of the head in the order of their keys, kept from flush to flush.
 *
 *   order of the last flush   b d f h        (refs)
 *   series made since         c a            sorted alone: a c
 *   order now                 a b c d f h    merged from behind, in place
 *
 * O1  Series are never taken out of the table, and refs only grow: refs below the length of the
 *     order are in it.
 *
 * Thread: under maintenance_mutex.
 */
#include <stdlib.h>

#include "os/alloc.h"
#include "storage/shard.h"

/* The series from ref first on, in key order; *list is from vv_alloc. */
static varve_status sort_new(const struct vv_series_table *table, size_t first, size_t count,
                             struct vv_series ***list)
{
    struct vv_series **sorted = vv_alloc(count * sizeof(*sorted));
    if (sorted == NULL) {
        return VARVE_NO_MEMORY;
    }
    for (size_t i = 0; i < count; i++) {
        sorted[i] = vv_series_table_get(table, (uint32_t)(first + i));
    }
    qsort(sorted, count, sizeof(*sorted), vv_series_compare);
    *list = sorted;
    return VARVE_OK;
}

/* Merges the new series into the order, which has old_count refs and room for all. */
static void merge_new(const struct vv_series_table *table, uint32_t *order, size_t old_count,
                      struct vv_series **added, size_t added_count)
{
    while (added_count > 0) {
        struct vv_series *last = added[added_count - 1];
        struct vv_series *old =
            old_count > 0 ? vv_series_table_get(table, order[old_count - 1]) : NULL;
        size_t end = old_count + added_count;
        if (old != NULL && vv_series_compare(&old, &last) > 0) {
            order[end - 1] = old->ref;
            old_count--;
        } else {
            order[end - 1] = last->ref;
            added_count--;
        }
    }
}

varve_status vv_shard_order_series(struct vv_shard *shard, const uint32_t **refs, size_t *count)
{
    struct vv_buffer *order = &shard->order_buffer;
    size_t known = vv_series_table_count(shard->table);
    size_t old_count = order->length / sizeof(**refs);
    if (known > old_count) {
        struct vv_series **added;
        VV_TRY(vv_buffer_reserve(order, (known - old_count) * sizeof(**refs)));
        VV_TRY(sort_new(shard->table, old_count, known - old_count, &added));
        merge_new(shard->table, (uint32_t *)(void *)order->bytes, old_count, added,
                  known - old_count);
        order->length = known * sizeof(**refs);
        vv_free(added);
    }
    *refs = (const uint32_t *)(const void *)order->bytes;
    *count = known;
    return VARVE_OK;
}
