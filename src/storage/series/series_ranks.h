/*
 * series_ranks.h - where series stand in the order of their keys, for who puts many into order.
 *
 * Immutable, and shared: each flush makes new ones if there are new series. Of series that came
 * later nothing is known; the order of those that are known stays what it was.
 */
#ifndef VARVE_STORAGE_SERIES_RANKS_H
#define VARVE_STORAGE_SERIES_RANKS_H

#include <stdatomic.h>

#include "storage/series/series_table.h"

struct vv_series_ranks {
    _Atomic uint64_t references;
    uint32_t count;
    uint32_t ranks[]; /* by ref */
};

/* order: the refs 0 to count - 1 in key order. NULL: out of memory. One reference. */
struct vv_series_ranks *vv_series_ranks_create(const uint32_t *order, size_t count);
/* NULL is fine, here and there. Any thread. */
struct vv_series_ranks *vv_series_ranks_acquire(struct vv_series_ranks *ranks);
void vv_series_ranks_release(struct vv_series_ranks *ranks);

/**
 * vv_series_ranks_sort() - puts series into key order.
 *
 * @ranks   nullable: nothing is known.
 * @refs    of series of the table, each once.
 * @room    2 * count entries, scratch.
 * @sorted  count entries.
 *
 * Cost: some nanoseconds for each series that is known, and no key is read; a sort by comparing
 * keys, which allocates, for all others.
 */
void vv_series_ranks_sort(const struct vv_series_ranks *ranks, const struct vv_series_table *table,
                          const uint32_t *refs, size_t count, uint64_t *room,
                          struct vv_series **sorted);

#endif
