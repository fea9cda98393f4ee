/*
 * bucket.h - what is known of the samples of one series or group in one step of time.
 *
 * A bucket is a partial state: samples can be added in order of time, and two states of the same
 * step can be merged, so that all functions of a query are answered from one pass. It is plain
 * data, but for the values that quantiles need.
 * Threads: one at a time.
 */
#ifndef VARVE_QUERY_BUCKET_H
#define VARVE_QUERY_BUCKET_H

#include "query/functions.h"
#include "query/memory.h"
#include "query/numbers.h"

/* A run of values that a quantile is taken of. */
struct vv_value_run {
    struct vv_value_run *next;
    uint32_t count;
    uint32_t capacity;
    double values[];
};

/* What only some functions need (VV_PARTS_MORE). A result of NaN: no series has one. */
struct vv_bucket_more {
    double mean;    /* of the numbers */
    double squares; /* sum of (value - mean)^2 */
    double weight;  /* values that mean and squares are of */
    double delta;   /* sums over series */
    double increase;
    double rate;
    double irate;
    uint64_t resets;
    uint64_t changes;
    bool has_steps;              /* some series has a number: resets and changes are known */
    double area;                 /* sum of value * nanoseconds */
    double duration;             /* nanoseconds */
    struct vv_value_run *values; /* newest run first */
};

struct vv_bucket {
    int64_t time;   /* of the row: start of the step */
    uint64_t count; /* all samples; a bucket that is merged or read has at least one */
    struct vv_numbers numbers;
    int64_t first_time;
    int64_t last_time;
    double first;
    double last;
};

/* Buckets in ascending order of time; entry i may be `stride` states side by side. */
struct vv_bucket_list {
    struct vv_bucket *entries;
    struct vv_bucket_more *more; /* NULL if with_more is false; else as many as entries */
    size_t count;                /* states: a multiple of stride */
    size_t capacity;
    bool with_more;
};

/* An empty state. */
static inline void vv_bucket_init(struct vv_bucket *bucket, int64_t time)
{
    *bucket = (struct vv_bucket){.time = time, .numbers = vv_numbers_none()};
}
void vv_bucket_more_init(struct vv_bucket_more *more);

/* Adds count >= 1 samples, all later than those added before; parts are those of functions.h, with
 * VV_PART_IS_WHOLE if that is known of the values. Of
 * more (nullable) only the spread and the values; the rest comes from the series' track. */
varve_status vv_bucket_add(struct vv_bucket *bucket, struct vv_bucket_more *more,
                           const int64_t *timestamps, const double *values, size_t count,
                           unsigned parts, struct vv_query_memory *memory) VARVE_MUST_CHECK;

/* Adds count > 0 numbers of which sum and sum of (value - mean)^2 are known, to the spread. */
void vv_bucket_add_spread(struct vv_bucket_more *more, uint64_t count, double sum, double squares);

/* The same where parts are of the numbers alone: nothing can fail. */
static inline void vv_bucket_add_numbers(struct vv_bucket *bucket, const int64_t *timestamps,
                                         const double *values, size_t count, unsigned parts)
{
    if (bucket->count == 0) {
        bucket->first_time = timestamps[0];
        bucket->first = values[0];
    }
    bucket->last_time = timestamps[count - 1];
    bucket->last = values[count - 1];
    bucket->count += count;
    vv_numbers_add(&bucket->numbers, values, count, parts);
}

/* Adds other, of the same step. Where first or last have the same timestamp, those of bucket stay.
 * The value runs of other go over. */
void vv_bucket_merge(struct vv_bucket *bucket, struct vv_bucket_more *more,
                     const struct vv_bucket *other, struct vv_bucket_more *other_more);

/* The result of a function over the bucket; NaN where there is none. more is there if the function
 * needs it. NO_MEMORY, LIMIT: a quantile had no room to sort. */
varve_status vv_bucket_value(const struct vv_bucket *bucket, struct vv_bucket_more *more,
                             varve_function function, double parameter,
                             struct vv_query_memory *memory, double *value) VARVE_MUST_CHECK;

/* Appends an empty state, not earlier than all others. */
varve_status vv_bucket_list_append(struct vv_bucket_list *list, int64_t time,
                                   struct vv_query_memory *memory) VARVE_MUST_CHECK;
/* Merges the states of other into list, equal times as vv_bucket_merge(); value runs go over. On
 * failure list is as it was. stride >= 1 states of the same time stand side by side in both. */
varve_status vv_bucket_list_merge(struct vv_bucket_list *list, struct vv_bucket_list *other,
                                  size_t stride, struct vv_query_memory *memory) VARVE_MUST_CHECK;
/* Forgets the states, keeps the memory of the list. */
void vv_bucket_list_clear(struct vv_bucket_list *list, struct vv_query_memory *memory);
void vv_bucket_list_fini(struct vv_bucket_list *list, struct vv_query_memory *memory);

#endif
