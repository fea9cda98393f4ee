/*
 * numbers_kernels.h - the loops over long runs of values, once per width of vectors.
 *
 * N1  Sums carry the rounding error of every addition along (two-sum, the branch-free form of
 *     Neumaier's compensation), so that 1 + 1e100 - 1e100 is 1. Four vectors are independent sums,
 *     so that additions need not wait for each other.
 * N2  sum() does not look for NaN: one makes the sum NaN, and then the caller adds the run again,
 *     one by one. An infinity makes the compensation NaN, which then means nothing.
 * N3  extremes() passes over NaN: a comparison with NaN keeps what there is.
 * Threads: pure.
 */
#ifndef VARVE_QUERY_NUMBERS_KERNELS_H
#define VARVE_QUERY_NUMBERS_KERNELS_H

#include "query/numbers.h"

/* Runs are at least this long. */
enum { VV_NUMBERS_RUN_MIN = 32 };

struct vv_numbers_kernels {
    /* Add the first values of a run, a multiple of a power of two of them; return how many. */
    size_t (*sum)(const double *values, size_t count, struct vv_numbers *numbers);
    /* The sum of whole numbers, which is exact; all of them. */
    double (*whole)(const double *values, size_t count);
    size_t (*extremes)(const double *values, size_t count, struct vv_numbers *numbers);
    size_t (*squares)(const double *values, size_t count, double mean, double *sum);
    /* Whether one of the first *looked_at values has these bits. */
    bool (*any)(const uint64_t *values, size_t count, uint64_t bits, size_t *looked_at);
};

extern const struct vv_numbers_kernels vv_numbers_kernels_baseline;
extern const struct vv_numbers_kernels vv_numbers_kernels_avx2;
extern const struct vv_numbers_kernels vv_numbers_kernels_avx512;

/* Adds one number (not NaN) exactly. */
static inline void vv_numbers_add_exactly(struct vv_numbers *numbers, double value)
{
    double total = numbers->sum + value;
    double added = total - numbers->sum;
    numbers->compensation += (numbers->sum - (total - added)) + (value - added);
    numbers->sum = total;
}

#endif
