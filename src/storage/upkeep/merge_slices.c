/*
 * merge_slices.c - a map of time that stays small, and the cuts through it.
 *
 * Z1  The map never forgets a sample, but blurs: what lies close together becomes one stretch.
 * Z2  A gap that is nearly all of the time that a slice spans is cut, so that strays do not make a
 *     block that overlaps everything; then slices that are too large are cut by weight.
 * Thread: one at a time.
 */
#include "storage/upkeep/merge_slices.h"

#include <stdlib.h>

static const uint64_t gap_min = 86400ULL * 1000000000; /* a day: less is not worth a block */

enum {
    GAP_SHARE = 4, /* a gap is cut if it is more than 3/4 of the time spanned */
};

static int compare_extents(const void *a, const void *b)
{
    const struct vv_time_extent *left = a, *right = b;
    if (left->time_min != right->time_min) {
        return left->time_min < right->time_min ? -1 : 1;
    }
    return (left->time_max > right->time_max) - (left->time_max < right->time_max);
}

static int compare_widths(const void *a, const void *b)
{
    uint64_t left = *(const uint64_t *)a, right = *(const uint64_t *)b;
    return (left > right) - (left < right);
}

static struct vv_time_extent join(struct vv_time_extent a, struct vv_time_extent b)
{
    a.time_max = b.time_max > a.time_max ? b.time_max : a.time_max;
    a.samples += b.samples;
    return a;
}

static uint64_t width(const struct vv_time_extent *extent)
{
    return (uint64_t)extent->time_max - (uint64_t)extent->time_min;
}

/* Joins the half of all neighbouring pairs that make the narrowest stretches. */
static void halve(struct vv_time_map *map)
{
    uint64_t widths[VV_TIME_MAP_EXTENTS];
    qsort(map->extents, map->count, sizeof(map->extents[0]), compare_extents);
    size_t pairs = map->count / 2;
    for (size_t i = 0; i < pairs; i++) {
        struct vv_time_extent both = join(map->extents[2 * i], map->extents[2 * i + 1]);
        widths[i] = width(&both);
    }
    qsort(widths, pairs, sizeof(widths[0]), compare_widths);
    uint64_t widest = widths[pairs / 2];
    size_t kept = 0;
    for (size_t i = 0; i < pairs; i++) {
        struct vv_time_extent both = join(map->extents[2 * i], map->extents[2 * i + 1]);
        if (width(&both) <= widest) {
            map->extents[kept++] = both;
        } else {
            map->extents[kept] = map->extents[2 * i];
            map->extents[kept + 1] = map->extents[2 * i + 1];
            kept += 2;
        }
    }
    map->count = kept;
}

void vv_time_map_add(struct vv_time_map *map, struct vv_time_extent extent)
{
    map->extents[map->count++] = extent;
    if (map->count == 2 * VV_TIME_MAP_EXTENTS) {
        halve(map);
    }
}

/* The widest gap between the extents [first, end); *at is the extent behind it, 0 if there is no
 * gap. *span: of all of them. */
static uint64_t widest_gap(const struct vv_time_map *map, size_t first, size_t end, size_t *at,
                           uint64_t *span)
{
    uint64_t widest = 0;
    int64_t reached = map->extents[first].time_max;
    *at = 0;
    for (size_t i = first + 1; i < end; i++) {
        const struct vv_time_extent *extent = &map->extents[i];
        if (extent->time_min > reached) {
            uint64_t gap = (uint64_t)extent->time_min - (uint64_t)reached;
            if (gap > widest) {
                widest = gap;
                *at = i;
            }
        }
        reached = extent->time_max > reached ? extent->time_max : reached;
    }
    *span = (uint64_t)reached - (uint64_t)map->extents[first].time_min;
    return widest;
}

/* Cuts at the gaps of Z2: starts has the first extent of each part; returns how many parts. */
static size_t cut_gaps(const struct vv_time_map *map, size_t parts_max, size_t *starts)
{
    size_t parts = 1;
    starts[0] = 0;
    for (size_t part = 0; part < parts && parts < parts_max;) {
        size_t end = part + 1 < parts ? starts[part + 1] : map->count;
        size_t at;
        uint64_t span;
        uint64_t gap = widest_gap(map, starts[part], end, &at, &span);
        if (at == 0 || gap < gap_min || gap <= span - span / GAP_SHARE) {
            part++;
            continue;
        }
        for (size_t i = parts; i > part + 1; i--) {
            starts[i] = starts[i - 1];
        }
        starts[part + 1] = at;
        parts++;
    }
    return parts;
}

static uint64_t samples_in(const struct vv_time_map *map, size_t first, size_t end)
{
    uint64_t samples = 0;
    for (size_t i = first; i < end; i++) {
        samples += map->extents[i].samples;
    }
    return samples;
}

/* Cuts [first, end) into so many parts of a like weight; returns the new number of bounds. */
static size_t cut_weight(const struct vv_time_map *map, size_t first, size_t end, size_t parts,
                         size_t bound_count, int64_t *bounds)
{
    uint64_t total = samples_in(map, first, end), passed = 0;
    size_t done = 1;
    for (size_t i = first; i < end && done < parts; i++) {
        int64_t start = map->extents[i].time_min;
        int64_t before = bound_count > 0 ? bounds[bound_count - 1] : INT64_MIN;
        if (passed >= total / parts * done && i > first && start > before &&
            start > map->extents[first].time_min) {
            bounds[bound_count++] = start;
            done++;
        }
        passed += map->extents[i].samples;
    }
    return bound_count;
}

size_t vv_time_map_cut(struct vv_time_map *map, uint64_t total_bytes, uint64_t target,
                       size_t slices_max, int64_t *bounds)
{
    size_t starts[VV_MERGE_SLICES_MAX];
    size_t bound_count = 0;
    if (map->count == 0 || slices_max <= 1) {
        return 0;
    }
    slices_max = slices_max < VV_MERGE_SLICES_MAX ? slices_max : VV_MERGE_SLICES_MAX;
    qsort(map->extents, map->count, sizeof(map->extents[0]), compare_extents);
    uint64_t samples = samples_in(map, 0, map->count);
    size_t parts = cut_gaps(map, slices_max, starts);
    size_t spare = slices_max - parts;
    for (size_t part = 0; part < parts; part++) {
        size_t first = starts[part], end = part + 1 < parts ? starts[part + 1] : map->count;
        if (part > 0) {
            bounds[bound_count++] = map->extents[first].time_min;
        }
        double share = (double)samples_in(map, first, end) / (double)(samples > 0 ? samples : 1);
        double wanted = share * (double)total_bytes / (double)(target > 0 ? target : 1) + 0.5;
        size_t pieces = wanted > (double)(spare + 1) ? spare + 1 : (size_t)wanted;
        if (pieces > 1) {
            size_t before = bound_count;
            bound_count = cut_weight(map, first, end, pieces, bound_count, bounds);
            spare -= bound_count - before;
        }
    }
    return bound_count;
}
