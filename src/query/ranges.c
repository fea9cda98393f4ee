/*
 * ranges.c - lists of deleted ranges, and search in runs of timestamps.
 *
 * Threads: pure; the list that is made belongs to the caller.
 */
#include "query/ranges.h"

#include <stdlib.h>
#include <string.h>

#include "os/alloc.h"

static int compare_starts(const void *a, const void *b)
{
    const struct vv_range *left = a;
    const struct vv_range *right = b;
    return (left->start > right->start) - (left->start < right->start);
}

/* Sorts the ranges and melts those that overlap or touch; returns how many are left. */
static size_t normalise(struct vv_range *ranges, size_t count)
{
    size_t kept = 0;
    qsort(ranges, count, sizeof(ranges[0]), compare_starts);
    for (size_t index = 0; index < count; index++) {
        struct vv_range range = ranges[index];
        if (range.start >= range.end) {
            continue;
        }
        if (kept > 0 && range.start <= ranges[kept - 1].end) {
            if (range.end > ranges[kept - 1].end) {
                ranges[kept - 1].end = range.end;
            }
        } else {
            ranges[kept++] = range;
        }
    }
    return kept;
}

struct vv_range_list *vv_range_list_unite(const struct vv_range_list *list,
                                          const struct vv_range *ranges, size_t count)
{
    size_t old_count = list != NULL ? list->count : 0;
    struct vv_range_list *united =
        vv_alloc(sizeof(*united) + (old_count + count) * sizeof(united->ranges[0]));
    if (united == NULL) {
        return NULL;
    }
    if (old_count > 0) {
        memcpy(united->ranges, list->ranges, old_count * sizeof(united->ranges[0]));
    }
    if (count > 0) {
        memcpy(united->ranges + old_count, ranges, count * sizeof(united->ranges[0]));
    }
    united->count = normalise(united->ranges, old_count + count);
    return united;
}

size_t vv_timestamps_find(const int64_t *timestamps, size_t from, size_t count, int64_t timestamp)
{
    size_t low = from;
    size_t step = 1;
    /* Double the step until it is beyond; everything before low is smaller than timestamp. */
    while (low < count && step <= count - low && timestamps[low + step - 1] < timestamp) {
        low += step;
        step *= 2;
    }
    size_t high = step <= count - low ? low + step - 1 : count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (timestamps[middle] < timestamp) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}
