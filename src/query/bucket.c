/*
 * bucket.c - the states that functions over samples are answered from.
 *
 * B1  A list is appended to at its end only, in order of time; merging two lists is the only other
 *     way in.
 * B2  first and last follow the timestamps of the samples, whatever series they come from.
 * Threads: one at a time.
 */
#include "query/bucket.h"

#include <math.h>

#include "os/alloc.h"

enum { BUCKETS_FIRST = 16 };

void vv_bucket_bounds(int64_t timestamp, int64_t step, int64_t *start, int64_t *end)
{
    VV_ASSERT(step > 0);
    int64_t into = timestamp % step;
    if (into < 0) {
        into += step;
    }
    int64_t left = step - into;
    *start = timestamp >= INT64_MIN + into ? timestamp - into : INT64_MIN;
    *end = timestamp <= INT64_MAX - left ? timestamp + left : INT64_MAX;
}

/* -------------------------------------------------------------------------------- Adding */

void vv_bucket_add(struct vv_bucket *bucket, const int64_t *timestamps, const double *values,
                   size_t count, bool with_numbers)
{
    VV_ASSERT(count >= 1);
    if (bucket->count == 0) {
        bucket->first_time = timestamps[0];
        bucket->first = values[0];
    }
    bucket->last_time = timestamps[count - 1];
    bucket->last = values[count - 1];
    bucket->count += count;
    if (with_numbers) {
        vv_numbers_add(&bucket->numbers, values, count);
    }
}

void vv_bucket_merge(struct vv_bucket *bucket, const struct vv_bucket *other)
{
    if (other->first_time < bucket->first_time) {
        bucket->first_time = other->first_time;
        bucket->first = other->first;
    }
    if (other->last_time > bucket->last_time) {
        bucket->last_time = other->last_time;
        bucket->last = other->last;
    }
    bucket->count += other->count;
    vv_numbers_merge(&bucket->numbers, &other->numbers);
}

double vv_bucket_value(const struct vv_bucket *bucket, varve_function function)
{
    const struct vv_numbers *numbers = &bucket->numbers;
    bool any = numbers->count > 0;
    switch (function) {
    case VARVE_FUNCTION_COUNT:
        return (double)bucket->count;
    case VARVE_FUNCTION_SUM:
        return any ? vv_numbers_total(numbers) : (double)NAN;
    case VARVE_FUNCTION_MIN:
        return any ? numbers->min : (double)NAN;
    case VARVE_FUNCTION_MAX:
        return any ? numbers->max : (double)NAN;
    case VARVE_FUNCTION_AVG:
        return any ? vv_numbers_total(numbers) / (double)numbers->count : (double)NAN;
    case VARVE_FUNCTION_FIRST:
        return bucket->first;
    case VARVE_FUNCTION_LAST:
        return bucket->last;
    case VARVE_FUNCTION_RANGE:
    case VARVE_FUNCTION_STDDEV:
    case VARVE_FUNCTION_STDVAR:
    case VARVE_FUNCTION_QUANTILE:
    case VARVE_FUNCTION_DELTA:
    case VARVE_FUNCTION_INCREASE:
    case VARVE_FUNCTION_RATE:
    case VARVE_FUNCTION_IRATE:
    case VARVE_FUNCTION_RESETS:
    case VARVE_FUNCTION_CHANGES:
    case VARVE_FUNCTION_TWA:
        break;
    }
    return (double)NAN;
}

/* --------------------------------------------------------------------------------- Lists */

static varve_status reserve(struct vv_bucket_list *list, size_t count)
{
    if (count <= list->capacity) {
        return VARVE_OK;
    }
    size_t capacity = list->capacity * 2 > BUCKETS_FIRST ? list->capacity * 2 : BUCKETS_FIRST;
    capacity = capacity > count ? capacity : count;
    struct vv_bucket *entries = vv_realloc(list->entries, capacity * sizeof(entries[0]));
    if (entries == NULL) {
        return VARVE_NO_MEMORY;
    }
    list->entries = entries;
    list->capacity = capacity;
    return VARVE_OK;
}

struct vv_bucket *vv_bucket_list_append(struct vv_bucket_list *list, int64_t time)
{
    VV_ASSERT(list->count == 0 || list->entries[list->count - 1].time < time);
    if (reserve(list, list->count + 1) != VARVE_OK) {
        return NULL;
    }
    struct vv_bucket *bucket = &list->entries[list->count++];
    *bucket = (struct vv_bucket){.time = time, .numbers = vv_numbers_none()};
    return bucket;
}

/* How many different times two lists have together. */
static size_t count_union(const struct vv_bucket_list *a, const struct vv_bucket_list *b)
{
    size_t count = 0;
    size_t at_a = 0;
    size_t at_b = 0;
    while (at_a < a->count && at_b < b->count) {
        int64_t time_a = a->entries[at_a].time;
        int64_t time_b = b->entries[at_b].time;
        at_a += time_a <= time_b;
        at_b += time_b <= time_a;
        count++;
    }
    return count + (a->count - at_a) + (b->count - at_b);
}

varve_status vv_bucket_list_merge(struct vv_bucket_list *list, const struct vv_bucket_list *other)
{
    size_t out = count_union(list, other);
    VV_TRY(reserve(list, out));
    size_t own = list->count;
    size_t more = other->count;
    list->count = out;
    /* From the back: out - own is the number of entries still to come from other alone, so that no
     * entry is overwritten before it is read. */
    while (more > 0) {
        struct vv_bucket *entries = list->entries;
        if (own > 0 && entries[own - 1].time > other->entries[more - 1].time) {
            entries[--out] = entries[--own];
        } else if (own > 0 && entries[own - 1].time == other->entries[more - 1].time) {
            entries[--out] = entries[--own];
            vv_bucket_merge(&entries[out], &other->entries[--more]);
        } else {
            entries[--out] = other->entries[--more];
        }
    }
    VV_ASSERT(out == own);
    return VARVE_OK;
}

void vv_bucket_list_fini(struct vv_bucket_list *list)
{
    vv_free(list->entries);
    *list = (struct vv_bucket_list){0};
}
