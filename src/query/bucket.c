/*
 * bucket.c - the states that functions over samples are answered from.
 *
 * B1  first and last follow the timestamps of the samples, whatever series they come from.
 * B2  Spreads are merged as Chan, Golub and LeVeque do: no difference of large squares.
 * B3  Quantiles are exact: the values are kept, in runs that move from state to state.
 * Threads: one at a time.
 */
#include "query/bucket.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { RUN_VALUES_MIN = 8, RUN_VALUES_MAX = 4000 };

void vv_bucket_more_init(struct vv_bucket_more *more)
{
    double none = (double)NAN;
    *more = (struct vv_bucket_more){.delta = none, .increase = none, .rate = none, .irate = none};
}

/* -------------------------------------------------------------------------------- Adding */

static void merge_spread(struct vv_bucket_more *more, double weight, double mean, double squares)
{
    if (weight == 0) {
        return;
    }
    double together = more->weight + weight;
    double distance = mean - more->mean;
    more->mean += distance * (weight / together);
    more->squares += squares + distance * distance * (more->weight * weight / together);
    more->weight = together;
}

static void add_spread(struct vv_bucket_more *more, const double *values, size_t count)
{
    struct vv_numbers numbers = vv_numbers_none();
    vv_numbers_add(&numbers, values, count, VV_NUMBERS_SUM);
    if (numbers.count == 0) {
        return;
    }
    double mean = vv_numbers_total(&numbers) / (double)numbers.count;
    double squares = numbers.count > 1 ? vv_numbers_squares(values, count, mean) : 0.0;
    merge_spread(more, (double)numbers.count, mean, squares);
}

void vv_bucket_add_spread(struct vv_bucket_more *more, uint64_t count, double sum, double squares)
{
    merge_spread(more, (double)count, sum / (double)count, squares);
}

/* A run with room for at least one more value. */
static struct vv_value_run *reserve_run(struct vv_bucket_more *more, size_t wanted,
                                        struct vv_query_memory *memory)
{
    struct vv_value_run *newest = more->values;
    if (newest != NULL && newest->count < newest->capacity) {
        return newest;
    }
    size_t capacity = newest != NULL ? (size_t)newest->capacity * 2 : RUN_VALUES_MIN;
    capacity = wanted > capacity ? wanted : capacity;
    capacity = capacity < RUN_VALUES_MAX ? capacity : RUN_VALUES_MAX;
    struct vv_value_run *run =
        vv_query_alloc(memory, sizeof(*run) + capacity * sizeof(run->values[0]));
    if (run != NULL) {
        *run = (struct vv_value_run){.next = newest, .capacity = (uint32_t)capacity};
        more->values = run;
    }
    return run;
}

static varve_status keep_values(struct vv_bucket_more *more, const double *values, size_t count,
                                struct vv_query_memory *memory)
{
    for (size_t at = 0; at < count;) {
        struct vv_value_run *run = reserve_run(more, count - at, memory);
        if (run == NULL) {
            return vv_query_memory_status(memory);
        }
        for (; at < count && run->count < run->capacity; at++) {
            run->values[run->count] = values[at];
            run->count += values[at] == values[at];
        }
    }
    return VARVE_OK;
}

varve_status vv_bucket_add(struct vv_bucket *bucket, struct vv_bucket_more *more,
                           const int64_t *timestamps, const double *values, size_t count,
                           unsigned parts, struct vv_query_memory *memory)
{
    VV_ASSERT(count >= 1);
    vv_bucket_add_numbers(bucket, timestamps, values, count,
                          parts & (VV_PARTS_NUMBERS | VV_PART_IS_WHOLE));
    if ((parts & VV_PART_SPREAD) != 0) {
        add_spread(more, values, count);
    }
    return (parts & VV_PART_VALUES) != 0 ? keep_values(more, values, count, memory) : VARVE_OK;
}

/* The sum of two results of which each may be none (NaN). */
static double add_results(double a, double b)
{
    return isnan(a) ? b : isnan(b) ? a : a + b;
}

static void merge_more(struct vv_bucket_more *more, struct vv_bucket_more *other)
{
    merge_spread(more, other->weight, other->mean, other->squares);
    more->delta = add_results(more->delta, other->delta);
    more->increase = add_results(more->increase, other->increase);
    more->rate = add_results(more->rate, other->rate);
    more->irate = add_results(more->irate, other->irate);
    more->resets += other->resets;
    more->changes += other->changes;
    more->has_steps |= other->has_steps;
    more->area += other->area;
    more->duration += other->duration;
    if (other->values != NULL) {
        struct vv_value_run *last = other->values;
        while (last->next != NULL) {
            last = last->next;
        }
        last->next = more->values;
        more->values = other->values;
        other->values = NULL;
    }
}

void vv_bucket_merge(struct vv_bucket *bucket, struct vv_bucket_more *more,
                     const struct vv_bucket *other, struct vv_bucket_more *other_more)
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
    if (more != NULL) {
        merge_more(more, other_more);
    }
}

/* ------------------------------------------------------------------------------- Results */

static int compare_values(const void *a, const void *b)
{
    double left = *(const double *)a;
    double right = *(const double *)b;
    return (left > right) - (left < right);
}

/* Brings all values into one run, sorted. */
static varve_status sort_values(struct vv_bucket_more *more, struct vv_query_memory *memory)
{
    size_t count = 0;
    for (const struct vv_value_run *run = more->values; run != NULL; run = run->next) {
        count += run->count;
    }
    if (count > UINT32_MAX) {
        return VARVE_LIMIT;
    }
    struct vv_value_run *all = more->values;
    if (all->next != NULL) {
        all = vv_query_alloc(memory, sizeof(*all) + count * sizeof(all->values[0]));
        if (all == NULL) {
            return vv_query_memory_status(memory);
        }
        *all = (struct vv_value_run){.capacity = (uint32_t)count};
        while (more->values != NULL) {
            struct vv_value_run *run = more->values;
            memcpy(all->values + all->count, run->values, run->count * sizeof(run->values[0]));
            all->count += run->count;
            more->values = run->next;
            vv_query_free(memory, run);
        }
        more->values = all;
    }
    qsort(all->values, all->count, sizeof(all->values[0]), compare_values);
    return VARVE_OK;
}

static varve_status quantile(struct vv_bucket_more *more, double q, struct vv_query_memory *memory,
                             double *value)
{
    *value = (double)NAN;
    if (more->values == NULL) {
        return VARVE_OK;
    }
    VV_TRY(sort_values(more, memory));
    size_t count = more->values->count;
    if (count == 0) {
        return VARVE_OK;
    }
    const double *values = more->values->values;
    double rank = q * (double)(count - 1);
    size_t low = (size_t)rank;
    size_t high = low + 1 < count ? low + 1 : low;
    double weight = rank - (double)low;
    /* A weight of 0 asks for no infinity that it would turn into NaN. */
    *value = weight == 0 ? values[low] : values[low] * (1 - weight) + values[high] * weight;
    return VARVE_OK;
}

static double average(const struct vv_numbers *numbers)
{
    return vv_numbers_total(numbers) / (double)(int64_t)numbers->count;
}

/* Functions of what only some need. */
static double more_value(const struct vv_bucket *bucket, const struct vv_bucket_more *more,
                         varve_function function)
{
    double none = (double)NAN;
    switch ((unsigned)function) {
    case VARVE_FUNCTION_STDVAR:
        return more->weight > 0 ? more->squares / more->weight : none;
    case VARVE_FUNCTION_STDDEV:
        return more->weight > 0 ? sqrt(more->squares / more->weight) : none;
    case VARVE_FUNCTION_DELTA:
        return more->delta;
    case VARVE_FUNCTION_INCREASE:
        return more->increase;
    case VARVE_FUNCTION_RATE:
        return more->rate;
    case VARVE_FUNCTION_IRATE:
        return more->irate;
    case VARVE_FUNCTION_RESETS:
        return more->has_steps ? (double)more->resets : none;
    case VARVE_FUNCTION_CHANGES:
        return more->has_steps ? (double)more->changes : none;
    case VARVE_FUNCTION_TWA:
        if (more->duration > 0) {
            return more->area / more->duration;
        }
        return bucket->numbers.count > 0 ? average(&bucket->numbers) : none;
    default:
        return none;
    }
}

varve_status vv_bucket_value(const struct vv_bucket *bucket, struct vv_bucket_more *more,
                             varve_function function, double parameter,
                             struct vv_query_memory *memory, double *value)
{
    const struct vv_numbers *numbers = &bucket->numbers;
    const double none = (double)NAN;
    bool any = numbers->min <= numbers->max;
    switch ((unsigned)function) {
    case VARVE_FUNCTION_COUNT:
        *value = (double)(int64_t)bucket->count;
        break;
    case VARVE_FUNCTION_FIRST:
        *value = bucket->first;
        break;
    case VARVE_FUNCTION_LAST:
        *value = bucket->last;
        break;
    case VARVE_FUNCTION_SUM:
        *value = numbers->count > 0 ? vv_numbers_total(numbers) : none;
        break;
    case VARVE_FUNCTION_AVG:
        *value = numbers->count > 0 ? average(numbers) : none;
        break;
    case VARVE_FUNCTION_MIN:
        *value = any ? numbers->min : none;
        break;
    case VARVE_FUNCTION_MAX:
        *value = any ? numbers->max : none;
        break;
    case VARVE_FUNCTION_RANGE:
        *value = any ? numbers->max - numbers->min : none;
        break;
    case VARVE_FUNCTION_QUANTILE:
        return quantile(more, parameter, memory, value);
    default:
        *value = more_value(bucket, more, function);
    }
    return VARVE_OK;
}
