/*
 * numbers.h - sum, extremes and spread of the values that are not NaN: the inner loops of
 * aggregation.
 *
 * Long runs go through kernels of the machine's instruction set (numbers_kernels.h).
 * Threads: pure.
 */
#ifndef VARVE_QUERY_NUMBERS_H
#define VARVE_QUERY_NUMBERS_H

#include <math.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct vv_numbers {
    double sum;          /* what was added is sum + compensation, see vv_numbers_total() */
    double compensation; /* what rounding took from sum; means nothing once sum is not finite */
    double min;          /* +Inf without numbers */
    double max;          /* -Inf without numbers */
    uint64_t count;      /* values that are not NaN, if sums are asked for */
};

/* What a caller wants of its values: fewer things cost less. */
enum {
    VV_NUMBERS_SUM = 1,      /* sum, compensation, count */
    VV_NUMBERS_EXTREMES = 2, /* min, max */
};

/* What a caller knows of its values, beside what it wants: at most VV_COLUMN_MAX of them, with
 * VV_TRAIT_WHOLE (codec.h). Their sum needs no compensation. */
enum { VV_NUMBERS_WHOLE = 256 };

/* No numbers yet. */
static inline struct vv_numbers vv_numbers_none(void)
{
    return (struct vv_numbers){.min = (double)INFINITY, .max = -(double)INFINITY};
}

/* Adds the values; NaN is left out. Long runs cost about a tenth of a nanosecond per value and
 * thing wanted. */
void vv_numbers_add(struct vv_numbers *numbers, const double *values, size_t count,
                    unsigned wanted);

void vv_numbers_merge(struct vv_numbers *numbers, const struct vv_numbers *other);

/* The sum of all numbers, rounded once unless they cancel beyond 106 bits; an infinity or NaN
 * where plain addition ends there. */
static inline double vv_numbers_total(const struct vv_numbers *numbers)
{
    return isfinite(numbers->sum) ? numbers->sum + numbers->compensation : numbers->sum;
}

/* The sum of (value - mean)^2 over the values that are not NaN. */
double vv_numbers_squares(const double *values, size_t count, double mean);

/* Whether a stale marker (VV_STALE_BITS) is among the values. */
#define VV_STALE_BITS UINT64_C(0x7ff0000000000002)
bool vv_numbers_any_stale(const double *values, size_t count);

#endif
