/*
 * statistics.c - what is known of a chunk without decoding it, in two passes.
 *
 * Thread: no state. The order of additions is fixed: the same sums on every machine.
 */
#include <math.h>
#include <stdbool.h>
#include <string.h>

#include "compress/codec.h"

/* Adds value to a sum and what that loses to its compensation (Neumaier). Infinite sums have
 * none. */
static void add_compensated(double value, double *sum, double *compensation)
{
    double total = *sum + value;
    if (isfinite(total)) {
        *compensation +=
            fabs(*sum) >= fabs(value) ? (*sum - total) + value : (value - total) + *sum;
    }
    *sum = total;
}

/* Whether no sum of the values or of their differences can lose anything: all are whole and of at
 * most 40 bits, so that sums of VV_COLUMN_MAX stay below 2^53. NaN is not whole. */
static bool sums_are_exact(const double *values, size_t count)
{
    const double greatest = 0x1p40, rounder = 0x1.8p52; /* adding it leaves no fraction */
    _Static_assert(VV_COLUMN_MAX <= 2048, "2 * 2^40 * VV_COLUMN_MAX is to be below 2^53");
    unsigned others = 0;
    for (size_t i = 0; i < count; i++) {
        double value = values[i], whole = (value + rounder) - rounder;
        others |= (unsigned)!(whole == value) | (unsigned)!(fabs(value) <= greatest);
    }
    return others == 0;
}

/* The value, or 0 where the condition holds. By bits: compilers would make a branch of it, and
 * whether a gauge falls is chance. */
static double unless(bool condition, double value)
{
    uint64_t bits;
    memcpy(&bits, &value, sizeof(bits));
    bits &= (uint64_t)condition - 1;
    memcpy(&value, &bits, sizeof(bits));
    return value;
}

/* As add_all() for values whose sums_are_exact(): every compensation would be 0. */
static void add_all_exact(const double *values, size_t count, struct vv_value_statistics *result)
{
    double min = values[0], max = values[0], sum = values[0], increase = 0;
    unsigned resets = 0;
    for (size_t i = 1; i < count; i++) {
        double value = values[i], before = values[i - 1];
        bool reset = value < before;
        min = value < min ? value : min;
        max = value > max ? value : max;
        resets += reset;
        increase += value - unless(reset, before);
        sum += value;
    }
    result->min = min;
    result->max = max;
    result->sum = sum + 0.0; /* a single -0.0 sums to 0 */
    result->increase = increase;
    result->resets = resets;
}

static void add_all(const double *values, size_t count, struct vv_value_statistics *result)
{
    double compensation = 0;
    double increase_compensation = 0;
    double before = NAN;
    for (size_t i = 0; i < count; i++) {
        double value = values[i];
        if (isnan(value)) {
            result->nan_count++;
            continue;
        }
        if (isnan(before)) {
            result->min = value;
            result->max = value;
        } else {
            result->min = value < result->min ? value : result->min;
            result->max = value > result->max ? value : result->max;
            bool reset = value < before;
            result->resets += reset;
            add_compensated(reset ? value : value - before, &result->increase,
                            &increase_compensation);
        }
        add_compensated(value, &result->sum, &compensation);
        before = value;
    }
    result->sum += isfinite(result->sum) ? compensation : 0;
    result->increase += isfinite(result->increase) ? increase_compensation : 0;
}

void vv_values_statistics(const double *values, size_t count,
                          struct vv_value_statistics *statistics)
{
    *statistics = (struct vv_value_statistics){.count = (uint32_t)count,
                                               .min = NAN,
                                               .max = NAN,
                                               .first = values[0],
                                               .last = values[count - 1]};
    if (sums_are_exact(values, count)) {
        add_all_exact(values, count, statistics);
    } else {
        add_all(values, count, statistics);
    }
}
