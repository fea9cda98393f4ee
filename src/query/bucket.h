/*
 * bucket.h - what is known of the samples of one series or group in one step of time.
 *
 * A bucket is a partial state: samples can be added in order of time, and two states of the same
 * step can be merged, so that all functions of a query are answered from one pass.
 * Threads: one at a time.
 */
#ifndef VARVE_QUERY_BUCKET_H
#define VARVE_QUERY_BUCKET_H

#include "base/status.h"
#include "query/numbers.h"

struct vv_bucket {
    int64_t time;   /* of the row: start of the step */
    uint64_t count; /* all samples; a bucket that is merged or read has at least one */
    struct vv_numbers numbers;
    int64_t first_time;
    int64_t last_time;
    double first;
    double last;
};

/* Buckets in ascending order of time. */
struct vv_bucket_list {
    struct vv_bucket *entries;
    size_t count;
    size_t capacity;
};

/* The step (> 0) that contains timestamp, [*start, *end). Steps are aligned to 0; what lies beyond
 * the ends of int64 is cut off there: INT64_MIN, and INT64_MAX, which is no timestamp. */
void vv_bucket_bounds(int64_t timestamp, int64_t step, int64_t *start, int64_t *end);

/* Adds count >= 1 samples, all later than those added before. Without with_numbers only count,
 * first and last are kept, and most values are not read. */
void vv_bucket_add(struct vv_bucket *bucket, const int64_t *timestamps, const double *values,
                   size_t count, bool with_numbers);

/* Adds other, of the same step. Where first or last have the same timestamp, those of bucket
 * stay. */
void vv_bucket_merge(struct vv_bucket *bucket, const struct vv_bucket *other);

/* The result of a function over the bucket. NaN for sum, min, max and avg without numbers. */
double vv_bucket_value(const struct vv_bucket *bucket, varve_function function);

/* Appends an empty bucket, later than all others; NULL: out of memory. */
struct vv_bucket *vv_bucket_list_append(struct vv_bucket_list *list, int64_t time);
/* Merges the buckets of other into list, equal times as vv_bucket_merge(). On NO_MEMORY list is as
 * it was. */
varve_status vv_bucket_list_merge(struct vv_bucket_list *list,
                                  const struct vv_bucket_list *other) VARVE_MUST_CHECK;
void vv_bucket_list_fini(struct vv_bucket_list *list);

#endif
