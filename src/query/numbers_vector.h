/*
 * numbers_vector.h - the kernels in vectors of VV_VECTOR_BYTES, compiled once per instruction set.
 *
 * Included by numbers_<isa>.c, which defines VV_VECTOR_BYTES, VV_KERNELS (the table's name) and
 * VV_MIN(a, b), VV_MAX(a, b): a < b ? a : b in each lane, so that NaN in a gives b.
 */
#include <string.h>

#include "query/numbers_kernels.h"

typedef double vector __attribute__((vector_size(VV_VECTOR_BYTES)));
typedef uint64_t bits_vector __attribute__((vector_size(VV_VECTOR_BYTES)));

enum { LANES = VV_VECTOR_BYTES / 8, STRIDE = 4 * LANES };

static inline vector load(const double *values)
{
    vector loaded;
    memcpy(&loaded, values, sizeof(loaded));
    return loaded;
}

/* Sums in each lane. */
struct sums {
    vector sum;
    vector compensation;
};

static inline void add(struct sums *sums, const double *values)
{
    vector value = load(values);
    vector total = sums->sum + value;
    vector added = total - sums->sum;
    sums->compensation += (sums->sum - (total - added)) + (value - added);
    sums->sum = total;
}

static inline void fold_sums(const struct sums *sums, struct vv_numbers *numbers)
{
    for (int lane = 0; lane < LANES; lane++) {
        vv_numbers_add_exactly(numbers, sums->sum[lane]);
        numbers->compensation += sums->compensation[lane];
    }
}

static size_t sum(const double *values, size_t count, struct vv_numbers *numbers)
{
    struct sums a = {0}, b = {0}, c = {0}, d = {0};
    size_t at = 0;
    for (; count - at >= STRIDE; at += STRIDE) {
        add(&a, values + at);
        add(&b, values + at + LANES);
        add(&c, values + at + 2 * LANES);
        add(&d, values + at + 3 * LANES);
    }
    fold_sums(&a, numbers);
    fold_sums(&b, numbers);
    fold_sums(&c, numbers);
    fold_sums(&d, numbers);
    numbers->count += at;
    return at;
}

static double whole(const double *values, size_t count)
{
    vector a = {0}, b = {0}, c = {0}, d = {0};
    size_t at = 0;
    for (; count - at >= STRIDE; at += STRIDE) {
        a += load(values + at);
        b += load(values + at + LANES);
        c += load(values + at + 2 * LANES);
        d += load(values + at + 3 * LANES);
    }
    for (; count - at >= LANES; at += LANES) {
        a += load(values + at);
    }
    a += b + (c + d);
    double total = 0;
    for (int lane = 0; lane < LANES; lane++) {
        total += a[lane];
    }
    for (; at < count; at++) {
        total += values[at];
    }
    return total;
}

static size_t extremes(const double *values, size_t count, struct vv_numbers *numbers)
{
    vector low = {0}, high = {0};
    low += numbers->min;
    high += numbers->max;
    vector low_b = low, high_b = high;
    size_t at = 0;
    for (; count - at >= STRIDE; at += STRIDE) {
        vector a = load(values + at);
        vector b = load(values + at + LANES);
        vector c = load(values + at + 2 * LANES);
        vector d = load(values + at + 3 * LANES);
        low = VV_MIN(a, low);
        high = VV_MAX(a, high);
        low_b = VV_MIN(b, low_b);
        high_b = VV_MAX(b, high_b);
        low = VV_MIN(c, low);
        high = VV_MAX(c, high);
        low_b = VV_MIN(d, low_b);
        high_b = VV_MAX(d, high_b);
    }
    low = VV_MIN(low_b, low);
    high = VV_MAX(high_b, high);
    for (int lane = 0; lane < LANES; lane++) {
        numbers->min = low[lane] < numbers->min ? low[lane] : numbers->min;
        numbers->max = high[lane] > numbers->max ? high[lane] : numbers->max;
    }
    return at;
}

static size_t squares(const double *values, size_t count, double mean, double *total)
{
    vector a = {0}, b = {0}, middle = {0};
    middle += mean;
    size_t at = 0;
    for (; count - at >= 2 * LANES; at += 2 * LANES) {
        vector left = load(values + at) - middle;
        vector right = load(values + at + LANES) - middle;
        a += left * left;
        b += right * right;
    }
    a += b;
    for (int lane = 0; lane < LANES; lane++) {
        *total += a[lane];
    }
    return at;
}

static bool any(const uint64_t *values, size_t count, uint64_t bits, size_t *looked_at)
{
    bits_vector wanted = {0}, found = {0};
    wanted += bits;
    size_t at = 0;
    for (; count - at >= 2 * LANES; at += 2 * LANES) {
        bits_vector a, b;
        memcpy(&a, values + at, sizeof(a));
        memcpy(&b, values + at + LANES, sizeof(b));
        found |= (bits_vector)(a == wanted) | (bits_vector)(b == wanted);
    }
    uint64_t together = 0;
    for (int lane = 0; lane < LANES; lane++) {
        together |= found[lane];
    }
    *looked_at = at;
    return together != 0;
}

const struct vv_numbers_kernels VV_KERNELS = {
    .sum = sum,
    .whole = whole,
    .extremes = extremes,
    .squares = squares,
    .any = any,
};
