/*
 * numbers.c - sum, extremes and spread of the values that are not NaN.
 *
 * Short runs are added one by one, since setting vectors up and folding them would cost more than
 * it saves. NaN adds nothing to a sum and is never less or greater.
 * Threads: pure; the choice of kernels is a function of the machine and the environment, so that
 * two threads that choose at the same time store the same pointer.
 */
#include "query/numbers.h"

#include <math.h>
#include <stdatomic.h>
#include <string.h>

#include "base/cpu.h"
#include "query/numbers_kernels.h"

static const struct vv_numbers_kernels *choose(void)
{
    switch (vv_cpu_isa()) {
#if defined(__x86_64__)
    case VV_ISA_AVX2:
        return &vv_numbers_kernels_avx2;
    case VV_ISA_AVX512:
        return &vv_numbers_kernels_avx512;
#else
    case VV_ISA_AVX2:
    case VV_ISA_AVX512:
#endif
    case VV_ISA_SCALAR:
    case VV_ISA_NEON:
        break;
    }
    return &vv_numbers_kernels_baseline;
}

static const struct vv_numbers_kernels *kernels(void)
{
    static _Atomic(const struct vv_numbers_kernels *) chosen;
    const struct vv_numbers_kernels *found = atomic_load_explicit(&chosen, memory_order_relaxed);
    if (found == NULL) {
        found = choose();
        atomic_store_explicit(&chosen, found, memory_order_relaxed);
    }
    return found;
}

static void sum_one_by_one(struct vv_numbers *numbers, const double *values, size_t count)
{
    struct vv_numbers so_far = *numbers;
    for (size_t at = 0; at < count; at++) {
        bool number = values[at] == values[at];
        so_far.count += number;
        vv_numbers_add_exactly(&so_far, number ? values[at] : 0.0);
    }
    *numbers = so_far;
}

static void add_sum(struct vv_numbers *numbers, const double *values, size_t count)
{
    size_t at = 0;
    if (count >= VV_NUMBERS_RUN_MIN) {
        struct vv_numbers run = *numbers;
        at = kernels()->sum(values, count, &run);
        if (isnan(run.sum)) {
            at = 0; /* a NaN among them, or infinities that cancel */
        } else {
            *numbers = run;
        }
    }
    sum_one_by_one(numbers, values + at, count - at);
}

/* Exact in any order, and so is the rest of a short run. */
static void add_whole(struct vv_numbers *numbers, const double *values, size_t count)
{
    double total = 0;
    if (count >= VV_NUMBERS_RUN_MIN) {
        total = kernels()->whole(values, count);
    } else {
        double other = 0;
        for (const double *end = values + (count & ~(size_t)1); values < end; values += 2) {
            total += values[0];
            other += values[1];
        }
        total += other + (count % 2 != 0 ? values[0] : 0.0);
    }
    numbers->count += count;
    vv_numbers_add_exactly(numbers, total);
}

static void add_extremes(struct vv_numbers *numbers, const double *values, size_t count)
{
    size_t at = count >= VV_NUMBERS_RUN_MIN ? kernels()->extremes(values, count, numbers) : 0;
    double min = numbers->min;
    double max = numbers->max;
    for (; at < count; at++) {
        min = values[at] < min ? values[at] : min;
        max = values[at] > max ? values[at] : max;
    }
    numbers->min = min;
    numbers->max = max;
}

void vv_numbers_add(struct vv_numbers *numbers, const double *values, size_t count, unsigned wanted)
{
    if ((wanted & (VV_NUMBERS_SUM | VV_NUMBERS_WHOLE)) == (VV_NUMBERS_SUM | VV_NUMBERS_WHOLE)) {
        add_whole(numbers, values, count);
    } else if ((wanted & VV_NUMBERS_SUM) != 0) {
        add_sum(numbers, values, count);
    }
    if ((wanted & VV_NUMBERS_EXTREMES) != 0) {
        add_extremes(numbers, values, count);
    }
}

void vv_numbers_merge(struct vv_numbers *numbers, const struct vv_numbers *other)
{
    vv_numbers_add_exactly(numbers, other->sum);
    numbers->compensation += other->compensation;
    numbers->min = other->min < numbers->min ? other->min : numbers->min;
    numbers->max = other->max > numbers->max ? other->max : numbers->max;
    numbers->count += other->count;
}

double vv_numbers_squares(const double *values, size_t count, double mean)
{
    double sum = 0;
    size_t at = kernels()->squares(values, count, mean, &sum);
    if (isnan(sum)) {
        at = 0;
        sum = 0;
    }
    for (; at < count; at++) {
        double distance = values[at] - mean;
        sum += values[at] == values[at] ? distance * distance : 0.0;
    }
    return sum;
}

bool vv_numbers_any_stale(const double *values, size_t count)
{
    size_t at = 0;
    if (count >= VV_NUMBERS_RUN_MIN &&
        kernels()->any((const uint64_t *)(const void *)values, count, VV_STALE_BITS, &at)) {
        return true;
    }
    for (; at < count; at++) {
        uint64_t bits;
        memcpy(&bits, &values[at], sizeof(bits));
        if (bits == VV_STALE_BITS) {
            return true;
        }
    }
    return false;
}
