/*
 * statistics.c - what is known of a chunk without decoding it, in one pass: a kernel's where all
 * values are whole numbers whose sums lose nothing in any order, else this one.
 *
 * Thread: no state. The order of additions is fixed: the same sums on every machine.
 */
#include <math.h>
#include <stdbool.h>

#include "compress/codec.h"
#include "compress/kernels.h"

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
    if (!vv_kernels()->whole_statistics(values, count, statistics)) {
        add_all(values, count, statistics);
    }
}
