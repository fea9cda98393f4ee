/*
 * kernel_vector_prefix.h - running sums: a part of kernel_vector.h, which alone includes it, and
 * whose vectors it uses.
 *
 *   prefix   log2(lanes) shifted additions in each vector; only the running total goes from one
 *            vector to the next
 *   pairs    of vectors, where shifting within 16 bytes is cheap and across them is not (AVX2):
 *
 *              first  0 1 2 3  4 5 6 7      low   0 1 2 3  8 9 10 11     halves of one vector no
 *              second 8 9 10 11  12 ..      high  4 5 6 7  12 13 14 15   longer follow each other
 */
/* ----------------------------------------------------------------------- Prefix sums */

#if VV_VECTOR_BYTES == 16
#define SHIFT32(x, by) __builtin_shufflevector(zero, x, 4 - by, 5 - by, 6 - by, 7 - by)
#define SHIFT64(x, by) __builtin_shufflevector(zero, x, 2 - by, 3 - by)
#define LAST32(x) __builtin_shufflevector(x, x, 3, 3, 3, 3)
#define LAST64(x) __builtin_shufflevector(x, x, 1, 1)
#define LOW_HALF(x) __builtin_shufflevector(x, x, 0, 1)
#define HIGH_HALF(x) __builtin_shufflevector(x, x, 2, 3)
#elif VV_VECTOR_BYTES == 32
#define SHIFT32(x, by)                                                                             \
    __builtin_shufflevector(zero, x, 8 - by, 9 - by, 10 - by, 11 - by, 12 - by, 13 - by, 14 - by,  \
                            15 - by)
#define SHIFT64(x, by) __builtin_shufflevector(zero, x, 4 - by, 5 - by, 6 - by, 7 - by)
#define LAST32(x) __builtin_shufflevector(x, x, 7, 7, 7, 7, 7, 7, 7, 7)
#define LAST64(x) __builtin_shufflevector(x, x, 3, 3, 3, 3)
#define LOW_HALF(x) __builtin_shufflevector(x, x, 0, 1, 2, 3)
#define HIGH_HALF(x) __builtin_shufflevector(x, x, 4, 5, 6, 7)
#else
#define SHIFT32(x, by)                                                                             \
    __builtin_shufflevector(zero, x, 16 - by, 17 - by, 18 - by, 19 - by, 20 - by, 21 - by,         \
                            22 - by, 23 - by, 24 - by, 25 - by, 26 - by, 27 - by, 28 - by,         \
                            29 - by, 30 - by, 31 - by)
#define SHIFT64(x, by)                                                                             \
    __builtin_shufflevector(zero, x, 8 - by, 9 - by, 10 - by, 11 - by, 12 - by, 13 - by, 14 - by,  \
                            15 - by)
#define LAST32(x)                                                                                  \
    __builtin_shufflevector(x, x, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15)
#define LAST64(x) __builtin_shufflevector(x, x, 7, 7, 7, 7, 7, 7, 7, 7)
#define LOW_HALF(x) __builtin_shufflevector(x, x, 0, 1, 2, 3, 4, 5, 6, 7)
#define HIGH_HALF(x) __builtin_shufflevector(x, x, 8, 9, 10, 11, 12, 13, 14, 15)
#endif

/* The sums of the lanes up to each one. */
static inline vector32 sum_lanes32(vector32 lanes)
{
    const vector32 zero = {0};
#if VV_VECTOR_BYTES == 32
    /* AVX2 shifts within halves cheaply; the total of the low one is then added to the high one. */
    lanes += VV_SHIFT_UP(lanes, 4);
    lanes += VV_SHIFT_UP(lanes, 8);
    lanes += __builtin_shufflevector(zero, lanes, 0, 1, 2, 3, 11, 11, 11, 11);
#else
    lanes += SHIFT32(lanes, 1);
    lanes += SHIFT32(lanes, 2);
#if VV_VECTOR_BYTES == 64
    lanes += SHIFT32(lanes, 4);
    lanes += SHIFT32(lanes, 8);
#endif
#endif
    return lanes;
}

static void prefix32(uint32_t *values, size_t count, uint32_t step)
{
    const vector32 zero = {0};
    vector32 carry = zero - step;
    for (size_t i = 0; i < count; i += LANES32) {
        vector32 sum = sum_lanes32(load32(values + i) + step);
        store32(values + i, sum + carry);
        carry += LAST32(sum);
    }
}

static inline vector64 sum_lanes64(vector64 lanes)
{
    const vector64 zero = {0};
#if VV_VECTOR_BYTES == 32
    lanes += __builtin_shufflevector(zero, lanes, 0, 4, 2, 6);
    lanes += __builtin_shufflevector(zero, lanes, 0, 1, 5, 5);
#else
    lanes += SHIFT64(lanes, 1);
#if VV_VECTOR_BYTES == 64
    lanes += SHIFT64(lanes, 2);
    lanes += SHIFT64(lanes, 4);
#endif
#endif
    return lanes;
}

static void prefix64(const uint64_t *values, size_t count, uint64_t step, uint64_t start,
                     uint64_t *out)
{
    const vector64 zero = {0};
    vector64 carry = zero + start - step;
    for (size_t i = 0; i < count; i += LANES64) {
        vector64 sum = sum_lanes64(load64(values + i) + step);
        store64(out + i, sum + carry);
        carry += LAST64(sum);
    }
}

#if VV_VECTOR_BYTES == 32

/* What leads from steps to decimals. */
struct decimal_scale {
    double origin;
    double factor;
    struct vv_reciprocal by;
};

/* Numbers above 2^52 that have the integer in their low bits, so that no conversion is needed: the
 * integers are signed ones with this bit inverted. */
#define BIAS32 0x80000000u
#define BIASED_EXPONENT 0x43300000u
#define BIASED_ZERO (0x1p52 + 0x1p31)

static inline __attribute__((always_inline)) vector_double
decimals_of(vector32 words, const struct decimal_scale *scale, bool scaled, bool divided)
{
    const vector_double zero = {0};
    vector_double steps = (vector_double)words;
    vector_double dividend;
    if (scaled) {
        dividend =
            VV_FUSED_MULTIPLY_ADD(steps - BIASED_ZERO, zero + scale->factor, zero + scale->origin);
    } else {
        dividend = steps + (scale->origin - BIASED_ZERO); /* exact: integers up to 2^53 */
    }
    return divided ? divide_vector(dividend, scale->by) : dividend;
}

/* Half of a pair: its first four numbers go to out, the others eight entries behind them. */
static inline __attribute__((always_inline)) void store_halves(vector32 sums,
                                                               const struct decimal_scale *scale,
                                                               bool scaled, bool divided,
                                                               double *out)
{
    const vector32 zero = {0};
    vector32 exponents = zero + BIASED_EXPONENT;
    sums = __builtin_shufflevector(sums, sums, 0, 1, 4, 5, 2, 3, 6, 7);
    vector32 first = __builtin_shufflevector(sums, exponents, 0, 8, 1, 9, 4, 12, 5, 13);
    vector32 second = __builtin_shufflevector(sums, exponents, 2, 10, 3, 11, 6, 14, 7, 15);
    vector_double decimals = decimals_of(first, scale, scaled, divided);
    memcpy(out, &decimals, sizeof decimals);
    decimals = decimals_of(second, scale, scaled, divided);
    memcpy(out + 8, &decimals, sizeof decimals);
}

/* Sums of 16 numbers on top of carry, as decimals; returns the new carry. */
static inline __attribute__((always_inline)) vector32
pair_decimals(const uint32_t *values, vector32 step, vector32 carry,
              const struct decimal_scale *scale, bool scaled, bool divided, double *out)
{
    const vector32 zero = {0};
    vector32 first = load32(values) + step;
    vector32 second = load32(values + 8) + step;
    vector32 low = __builtin_shufflevector(first, second, 0, 1, 2, 3, 8, 9, 10, 11);
    vector32 high = __builtin_shufflevector(first, second, 4, 5, 6, 7, 12, 13, 14, 15);
    low += VV_SHIFT_UP(low, 4);
    high += VV_SHIFT_UP(high, 4);
    low += VV_SHIFT_UP(low, 8);
    high += VV_SHIFT_UP(high, 8);
    high += __builtin_shufflevector(low, low, 3, 3, 3, 3, 7, 7, 7, 7);
    vector32 totals = __builtin_shufflevector(high, high, 3, 3, 3, 3, 7, 7, 7, 7);
    vector32 before = carry + __builtin_shufflevector(zero, totals, 0, 1, 2, 3, 8, 9, 10, 11);
    low += before;
    high += before;
    store_halves(low, scale, scaled, divided, out);
    store_halves(high, scale, scaled, divided, out + 4);
    return LAST32(high);
}

static inline __attribute__((always_inline)) void
prefix_decimals(const uint32_t *values, size_t count, uint32_t step,
                const struct decimal_scale *scale, bool scaled, bool divided, double *out)
{
    enum { PAIR = 2 * LANES32 };
    const vector32 zero = {0};
    vector32 carry = zero + (BIAS32 - step);
    size_t i = 0;
    for (; i + PAIR <= count; i += PAIR) {
        carry = pair_decimals(values + i, zero + step, carry, scale, scaled, divided, out + i);
    }
    if (i < count) {
        double last[PAIR];
        (void)pair_decimals(values + i, zero + step, carry, scale, scaled, divided, last);
        memcpy(out + i, last, (count - i) * sizeof *out);
    }
}

static void prefix_decimal32(const uint32_t *values, size_t count, uint32_t step, double origin,
                             double factor, unsigned places, double *out)
{
    struct decimal_scale scale = {origin, factor, vv_reciprocals[places]};
    if (factor == 1 && places == 0) {
        prefix_decimals(values, count, step, &scale, false, false, out);
    } else if (factor == 1) {
        prefix_decimals(values, count, step, &scale, false, true, out);
    } else {
        prefix_decimals(values, count, step, &scale, true, places != 0, out);
    }
}

#else

/* A vector of sums as doubles, divided if by is not 1. */
static inline void store_decimals(vector32 sums, double origin, double factor,
                                  struct vv_reciprocal by, double *out)
{
    const vector_double zero = {0};
    vector_double first =
        VV_FUSED_MULTIPLY_ADD(VV_DOUBLES(LOW_HALF(sums)), zero + factor, zero + origin);
    vector_double second =
        VV_FUSED_MULTIPLY_ADD(VV_DOUBLES(HIGH_HALF(sums)), zero + factor, zero + origin);
    if (by.high != 1) {
        first = divide_vector(first, by);
        second = divide_vector(second, by);
    }
    memcpy(out, &first, sizeof first);
    memcpy(out + LANES64, &second, sizeof second);
}

static void prefix_decimal32(const uint32_t *values, size_t count, uint32_t step, double origin,
                             double factor, unsigned places, double *out)
{
    const vector32 zero = {0};
    struct vv_reciprocal by = vv_reciprocals[places];
    vector32 carry = zero - step;
    size_t i = 0;
    for (; i + LANES32 <= count; i += LANES32) {
        vector32 sum = sum_lanes32(load32(values + i) + step);
        store_decimals(sum + carry, origin, factor, by, out + i);
        carry += LAST32(sum);
    }
    if (i < count) {
        double last[LANES32];
        vector32 sum = sum_lanes32(load32(values + i) + step);
        store_decimals(sum + carry, origin, factor, by, last);
        memcpy(out + i, last, (count - i) * sizeof *out);
    }
}

#endif
