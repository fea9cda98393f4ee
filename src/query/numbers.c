/*
 * numbers.c - sum, extremes and count of the values that are not NaN.
 *
 *   values    x0 x1 | x2 x3 | x4 x5 | x6 x7 | ...
 *   lanes      a      b       a       b             two vectors of two lanes, met at the end
 *
 * N1  Sums carry the rounding error of every addition along (two-sum, the branch-free form of
 *     Neumaier's compensation), so that 1 + 1e100 - 1e100 is 1.
 * N2  Lanes are independent sums, so that additions need not wait for each other. A long
 *     run costs less than half of the plain compensated loop. Short runs are added one by one,
 *     since setting lanes up and folding them would cost more than it saves.
 * N3  NaN adds 0 to the sum and is never less or greater: no branch depends on a value.
 * N4  Vectors of 16 bytes are what the baseline of x86-64 and aarch64 has; the compiler's vector
 *     types need no intrinsics and no dispatch. Extremes stay scalar: one instruction each, where
 *     a vector of these types would take four.
 * Threads: pure.
 */
#include "query/numbers.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

/* Fewer values than this are added one by one. */
enum { RUN_MIN = 16 };

typedef double pair __attribute__((vector_size(16)));
typedef int64_t mask __attribute__((vector_size(16)));

/* Two lanes of everything. */
struct lanes {
    pair sum;
    pair compensation;
    double min[2];
    double max[2];
    mask count; /* negative: a true comparison is -1 */
};

struct vv_numbers vv_numbers_none(void)
{
    return (struct vv_numbers){.min = INFINITY, .max = -INFINITY};
}

/* sum += value, with the error of the addition in compensation. */
static inline void add_exactly(struct vv_numbers *numbers, double value)
{
    double total = numbers->sum + value;
    double added = total - numbers->sum;
    numbers->compensation += (numbers->sum - (total - added)) + (value - added);
    numbers->sum = total;
}

static inline void add_one(struct vv_numbers *numbers, double value)
{
    bool number = value == value;
    numbers->count += number;
    numbers->min = value < numbers->min ? value : numbers->min;
    numbers->max = value > numbers->max ? value : numbers->max;
    add_exactly(numbers, number ? value : 0.0);
}

/* As add_one(), two lanes at once. */
static inline void add_pair(struct lanes *lanes, const double *values)
{
    pair value;
    memcpy(&value, values, sizeof value);
    mask number = (mask)(value == value);
    lanes->count += number;
    lanes->min[0] = values[0] < lanes->min[0] ? values[0] : lanes->min[0];
    lanes->min[1] = values[1] < lanes->min[1] ? values[1] : lanes->min[1];
    lanes->max[0] = values[0] > lanes->max[0] ? values[0] : lanes->max[0];
    lanes->max[1] = values[1] > lanes->max[1] ? values[1] : lanes->max[1];
    value = (pair)((mask)value & number);
    pair total = lanes->sum + value;
    pair added = total - lanes->sum;
    lanes->compensation += (lanes->sum - (total - added)) + (value - added);
    lanes->sum = total;
}

static struct lanes lanes_none(void)
{
    return (struct lanes){.min = {INFINITY, INFINITY}, .max = {-INFINITY, -INFINITY}};
}

static void fold_lanes(struct vv_numbers *numbers, const struct lanes *lanes)
{
    for (int lane = 0; lane < 2; lane++) {
        const struct vv_numbers one = {.sum = lanes->sum[lane],
                                       .compensation = lanes->compensation[lane],
                                       .min = lanes->min[lane],
                                       .max = lanes->max[lane],
                                       .count = (uint64_t)-lanes->count[lane]};
        vv_numbers_merge(numbers, &one);
    }
}

void vv_numbers_add(struct vv_numbers *numbers, const double *values, size_t count)
{
    size_t at = 0;
    if (count >= RUN_MIN) {
        struct lanes a = lanes_none();
        struct lanes b = lanes_none();
        for (; count - at >= 4; at += 4) {
            add_pair(&a, values + at);
            add_pair(&b, values + at + 2);
        }
        fold_lanes(numbers, &a);
        fold_lanes(numbers, &b);
    }
    for (; at < count; at++) {
        add_one(numbers, values[at]);
    }
}

void vv_numbers_merge(struct vv_numbers *numbers, const struct vv_numbers *other)
{
    add_exactly(numbers, other->sum);
    numbers->compensation += other->compensation;
    numbers->min = other->min < numbers->min ? other->min : numbers->min;
    numbers->max = other->max > numbers->max ? other->max : numbers->max;
    numbers->count += other->count;
}

double vv_numbers_total(const struct vv_numbers *numbers)
{
    return isfinite(numbers->sum) ? numbers->sum + numbers->compensation : numbers->sum;
}
