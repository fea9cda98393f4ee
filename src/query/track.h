/*
 * track.h - what functions of the order of samples need to know while a series goes by.
 *
 * A track follows the numbers (values that are not NaN) of one series through its steps; when a
 * step is over its results go to the bucket's state. Threads: one at a time.
 */
#ifndef VARVE_QUERY_TRACK_H
#define VARVE_QUERY_TRACK_H

#include "query/bucket.h"
#include "query/iter.h"
#include "query/merge.h"

struct vv_track {
    unsigned parts;
    struct vv_range range; /* of the query: steps end there at the latest */

    /* The newest number of the series before the present step. */
    bool has_past;
    int64_t past_time;
    double past;
    size_t past_entry; /* of its step */

    /* Of the present step. */
    uint64_t count;
    int64_t first_time;
    double first;
    int64_t before_time; /* last but one; only if count > 1 */
    double before;
    int64_t last_time;
    double last;
    double inside; /* increase from first to last */
    uint64_t resets;
    uint64_t changes;
};

/* Begins a series. */
void vv_track_begin(struct vv_track *track, unsigned parts, struct vv_range range);
/* Samples of the present step, which begins at step_start, in order of time. */
void vv_track_add(struct vv_track *track, const int64_t *timestamps, const double *values,
                  size_t count, int64_t step_start, struct vv_bucket_more *more);
/* A whole chunk without NaN in the present step, known by its statistics: for parts that
 * VV_PARTS_SUMMARY names. */
void vv_track_add_summary(struct vv_track *track, const struct vv_summary *summary);
/* The area under the newest number of the steps before, in an earlier step [start, end) that began
 * with or behind it: only when a later number is known. */
void vv_track_add_past(const struct vv_track *track, int64_t start, int64_t end,
                       struct vv_bucket_more *more);
/* The present step [start, end) is over; entry is its place in the list of states. */
void vv_track_close(struct vv_track *track, int64_t start, int64_t end, size_t entry,
                    struct vv_bucket_more *more);

#endif
