/*
 * ranges.h - lists of deleted ranges, and what they leave of a run of timestamps.
 *
 * Threads: lists are immutable once made.
 */
#ifndef VARVE_QUERY_RANGES_H
#define VARVE_QUERY_RANGES_H

#include "query/merge.h"

/* Ranges sorted by start, disjoint and not touching, none of them empty. */
struct vv_range_list {
    size_t count;
    struct vv_range ranges[];
};

/* The union of a list (nullable: empty) and count ranges in any order, as a new list that is given
 * back with vv_free(). NULL: out of memory. */
struct vv_range_list *vv_range_list_unite(const struct vv_range_list *list,
                                          const struct vv_range *ranges, size_t count);

/* The first index in [from, count) whose timestamp is >= timestamp; count if there is none.
 * Gallops: cheap where the answer is near from. */
size_t vv_timestamps_find(const int64_t *timestamps, size_t from, size_t count, int64_t timestamp);

#endif
