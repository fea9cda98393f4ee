/*
 * merge.h - many sources of one series, one resolved sequence of samples.
 *
 * Sources are given oldest first in log order. A sample of a source is dropped if a tombstone of a
 * later source covers its timestamp. Equal timestamps are folded from the oldest to the newest
 * source, each step by the policy of the newer source. Within one source timestamps are unique
 * already.
 */
#ifndef VARVE_QUERY_MERGE_H
#define VARVE_QUERY_MERGE_H

#include "query/iter.h"
#include "query/memory.h"

/* A deleted range [start, end); end INT64_MAX: everything from start on. */
struct vv_range {
    int64_t start;
    int64_t end;
};

struct vv_merge_source {
    struct vv_iter *iter;    /* nullable: a source of tombstones only. Owned by the merge. */
    varve_duplicates policy; /* how its samples meet older ones; not DEFAULT */
    int64_t time_min; /* no sample of iter is earlier (INT64_MIN if unknown): lets the merge */
    int64_t time_max; /* open sources late and pass spans through where nothing overlaps */
    const struct vv_range *tombstones; /* delete from OLDER sources; copied */
    size_t tombstone_count;
};

/* One resolution step: what becomes of older when newer arrives under policy (ERROR behaves as
 * LAST). */
double vv_resolve_duplicate(varve_duplicates policy, double older, double newer);

/**
 * vv_merge_create() - an iterator over the resolved samples in [start, end).
 *
 * Takes all source iterators over, also on failure. Disjoint sources cost no per-sample work: their
 * spans are passed through, cut at start and end. INVALID start > end is the caller's to check.
 */
varve_status vv_merge_create(const struct vv_merge_source *sources, size_t source_count,
                             int64_t start, int64_t end, struct vv_iter **iter) VARVE_MUST_CHECK;

/* The same in the memory of a query (nullable: the heap). If one source has an iterator and nothing
 * deletes from it, *iter is that iterator itself, which must deliver nothing outside of
 * [start, end). */
varve_status vv_merge_create_in(struct vv_query_memory *memory,
                                const struct vv_merge_source *sources, size_t source_count,
                                int64_t start, int64_t end, struct vv_iter **iter) VARVE_MUST_CHECK;

/* An iterator over copies of two arrays (strictly increasing timestamps); count may be 0. */
varve_status vv_array_iter_create(const int64_t *timestamps, const double *values, size_t count,
                                  struct vv_iter **iter) VARVE_MUST_CHECK;

#endif
