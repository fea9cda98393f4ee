/*
 * numbers.h - sum, extremes and count of the values that are not NaN: the inner loop of
 * aggregation.
 *
 * Threads: pure.
 */
#ifndef VARVE_QUERY_NUMBERS_H
#define VARVE_QUERY_NUMBERS_H

#include <stddef.h>
#include <stdint.h>

struct vv_numbers {
    double sum;          /* what was added is sum + compensation, see vv_numbers_total() */
    double compensation; /* what rounding took from sum; means nothing once sum is not finite */
    double min;          /* +Inf without numbers */
    double max;          /* -Inf without numbers */
    uint64_t count;      /* values that are not NaN */
};

/* No numbers yet. */
struct vv_numbers vv_numbers_none(void);

/* Adds the values; NaN is left out. About 1 ns per value in long runs. */
void vv_numbers_add(struct vv_numbers *numbers, const double *values, size_t count);

void vv_numbers_merge(struct vv_numbers *numbers, const struct vv_numbers *other);

/* The sum of all numbers, rounded once unless they cancel beyond 106 bits; an infinity or NaN
 * where plain addition ends there. */
double vv_numbers_total(const struct vv_numbers *numbers);

#endif
