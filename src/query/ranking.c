/*
 * ranking.c - sorting rows by time and value, keeping the first of each time, sorting back.
 *
 * Threads: pure.
 */
#include "query/ranking.h"

#include <math.h>
#include <stdlib.h>

static int compare_order(const void *a, const void *b)
{
    const struct vv_ranked_row *left = a;
    const struct vv_ranked_row *right = b;
    return (left->order > right->order) - (left->order < right->order);
}

static int compare_rank(const struct vv_ranked_row *left, const struct vv_ranked_row *right,
                        bool top)
{
    if (left->time != right->time) {
        return left->time < right->time ? -1 : 1;
    }
    bool left_none = isnan(left->value) != 0;
    bool right_none = isnan(right->value) != 0;
    if (left_none != right_none) {
        return left_none ? 1 : -1;
    }
    if (!left_none && left->value != right->value) {
        return (left->value > right->value) == top ? -1 : 1;
    }
    return compare_order(left, right);
}

static int compare_top(const void *a, const void *b)
{
    return compare_rank(a, b, true);
}

static int compare_bottom(const void *a, const void *b)
{
    return compare_rank(a, b, false);
}

size_t vv_ranking_select(struct vv_ranked_row *rows, size_t count, size_t keep, bool top,
                         bool ranked)
{
    size_t kept = 0;
    size_t of_time = 0;
    int64_t time = 0;
    qsort(rows, count, sizeof(rows[0]), top ? compare_top : compare_bottom);
    for (size_t row = 0; row < count; row++) {
        of_time = row > 0 && rows[row].time == time ? of_time + 1 : 0;
        time = rows[row].time;
        if (of_time < keep) {
            rows[kept++] = rows[row];
        }
    }
    if (!ranked) {
        qsort(rows, kept, sizeof(rows[0]), compare_order);
    }
    return kept;
}
