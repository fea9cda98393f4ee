/*
 * series_buckets.h - one sub-table of the series table: from hash and key to series.
 *
 * Readers need no lock, but an epoch section; writers one at a time.
 */
#ifndef VARVE_STORAGE_SERIES_BUCKETS_H
#define VARVE_STORAGE_SERIES_BUCKETS_H

#include "storage/series/series_table.h"

struct vv_buckets; /* an array of them, of one size */

struct vv_sub_table {
    _Atomic(struct vv_buckets *) current; /* NULL until the first reserve */

    /* Of the writer. */
    uint64_t bytes; /* of buckets, but for those that wait for readers */
    uint32_t count; /* series */
    uint32_t growths;
    uint32_t moved_max; /* entries that one reserve moved */
    size_t next_to_move;
};

/* No readers any more. A zeroed one is fine. */
void vv_sub_table_fini(struct vv_sub_table *sub);

/* The series, or NULL. In an epoch section, or as the writer. */
struct vv_series *vv_sub_table_find(const struct vv_sub_table *sub, struct vv_key key,
                                    uint64_t hash);
/* The steps of finding: ask for the bucket of a hash; then, with the bucket at hand, for the series
 * that may be the one. */
void vv_sub_table_prefetch_bucket(const struct vv_sub_table *sub, uint64_t hash);
void vv_sub_table_prefetch_series(const struct vv_sub_table *sub, uint64_t hash);

/* Makes room for one more and does a share of the work of growing. NO_MEMORY: nothing changed. */
varve_status vv_sub_table_reserve(struct vv_sub_table *sub,
                                  struct vv_epoch *epoch) VARVE_MUST_CHECK;
/* Adds a series that is not there, for which room was reserved. */
void vv_sub_table_add(struct vv_sub_table *sub, struct vv_series *series);

#endif
