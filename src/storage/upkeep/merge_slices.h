/*
 * merge_slices.h - where in time a merged block is to be cut.
 *
 *   samples:   x                                        xxxxxxxxxxxxxxxxxxxxxxxxxxxx
 *   slices:  [1970)[                                        2026 a     )[    2026 b )
 *
 * Bounds follow from where the samples are: a lonely one far away gets a small block of its own,
 * and the rest is cut into parts of about one size. Memory: bounded, whatever the data.
 */
#ifndef VARVE_STORAGE_MERGE_SLICES_H
#define VARVE_STORAGE_MERGE_SLICES_H

#include "base/status.h"

enum { VV_TIME_MAP_EXTENTS = 1024, VV_MERGE_SLICES_MAX = 256 };

/* A stretch of time with samples in it. */
struct vv_time_extent {
    int64_t time_min;
    int64_t time_max;
    uint64_t samples;
};

/* How samples are spread over time, roughly. */
struct vv_time_map {
    size_t count;
    struct vv_time_extent extents[2 * VV_TIME_MAP_EXTENTS];
};

/* Adds samples; when it is full, neighbours become one, narrow ones first. */
void vv_time_map_add(struct vv_time_map *map, struct vv_time_extent extent);

/**
 * vv_time_map_cut() - bounds for slices of about target bytes each.
 *
 * @total_bytes  what all samples of the map take.
 * @slices_max   at least 1; at most so many slices, and at most VV_MERGE_SLICES_MAX.
 * @bounds       out: the starts of all slices but the first, ascending; room for
 *               VV_MERGE_SLICES_MAX.
 * Returns how many bounds there are: 0, one slice. Sorts the map.
 */
size_t vv_time_map_cut(struct vv_time_map *map, uint64_t total_bytes, uint64_t target,
                       size_t slices_max, int64_t *bounds);

#endif
