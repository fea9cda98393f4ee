/*
 * kernel_vector_small.h - running sums of small differences as decimals: a part of kernel_vector.h,
 * which alone includes it, for those machines whose file gives the three operations
 *
 *   VV_NARROW(a, b)  two vectors of signed 32-bit numbers that fit 16 bits, as one of 16 bits
 *   VV_WIDEN(at)     LANES64 signed 16-bit numbers from memory, as a vector of 64 bits
 *   VV_SHIFT_UP      within 16 bytes
 *
 * Sums of eight differences of 13 bits fit 16 bits: twice as many are added at once, and none has
 * to go from one half of a vector to the other. What comes before each eight is a double, and added
 * when these become doubles, as the origin has to be anyway:
 *
 *   d0 d1 .. d7 | d8 .. d15 | ..          differences
 *   s0 s1 .. s7 | s8 .. s15 | ..          sums of eight, 16 bits each
 *        base 0 |    base 1 | ..          origin and all before the eight
 */
enum { EIGHT = 8, EIGHTS_MAX = VV_COLUMN_MAX / EIGHT };

typedef uint16_t vector16 __attribute__((vector_size(VV_VECTOR_BYTES)));

/* 1.5 * 2^52 as bits: with a small signed integer added, those of the double as much above it. */
#define SIGNED_EXPONENT 0x4338000000000000u
#define SIGNED_ZERO 0x1.8p52

/* Sums of each eight of values[i] + step, whole vectors. */
static inline void sum_eights(const uint32_t *values, size_t count, uint32_t step, int16_t *sums)
{
    const vector16 steps = (vector16){0} + (uint16_t)step;
    for (size_t i = 0; i < count; i += 2 * LANES32) {
        vector16 sum = VV_NARROW(load32(values + i), load32(values + i + LANES32)) + steps;
        sum += (vector16)VV_SHIFT_UP(sum, 2);
        sum += (vector16)VV_SHIFT_UP(sum, 4);
        sum += (vector16)VV_SHIFT_UP(sum, 8);
        memcpy(sums + i, &sum, sizeof sum);
    }
}

/* What stands before each eight: origin + factor * (the sums of those before it, less step). */
static inline void find_bases(const int16_t *sums, size_t eights, uint32_t step, double origin,
                              double factor, double *bases)
{
    uint32_t totals[EIGHTS_MAX + LANES32];
    totals[0] = 0 - step;
    for (size_t i = 1; i < eights; i++) {
        totals[i] = (uint32_t)sums[i * EIGHT - 1];
    }
    prefix32(totals, eights, 0);
    for (size_t i = 0; i < eights; i++) {
        bases[i] = (double)(int32_t)totals[i] * factor + origin;
    }
}

/* Eight sums as decimals. base: less SIGNED_ZERO if not scaled. */
static inline __attribute__((always_inline)) void
small_decimals(const int16_t *sums, double base, double factor, struct vv_reciprocal by,
               bool scaled, bool divided, double *out)
{
    const vector_double zero = {0};
    for (size_t i = 0; i < EIGHT; i += LANES64) {
        vector_double above = (vector_double)((vector64)VV_WIDEN(sums + i) + SIGNED_EXPONENT);
        vector_double decimals = above + base;
        if (scaled) {
            decimals = VV_FUSED_MULTIPLY_ADD(above - SIGNED_ZERO, zero + factor, zero + base);
        }
        if (divided) {
            decimals = divide_vector(decimals, by);
        }
        memcpy(out + i, &decimals, sizeof decimals);
    }
}

static inline __attribute__((always_inline)) void
prefix_smalls(const int16_t *sums, const double *bases, size_t count, double factor,
              struct vv_reciprocal by, bool scaled, bool divided, double *out)
{
    size_t i = 0;
    for (; i + EIGHT <= count; i += EIGHT) {
        small_decimals(sums + i, bases[i / EIGHT], factor, by, scaled, divided, out + i);
    }
    if (i < count) {
        double last[EIGHT];
        small_decimals(sums + i, bases[i / EIGHT], factor, by, scaled, divided, last);
        memcpy(out + i, last, (count - i) * sizeof *out);
    }
}

static void prefix_small_decimal32(const uint32_t *values, size_t count, uint32_t step,
                                   double origin, double factor, unsigned places, double *out)
{
    int16_t sums[VV_COLUMN_MAX];
    double bases[EIGHTS_MAX];
    struct vv_reciprocal by = vv_reciprocals[places];
    bool scaled = factor != 1;
    sum_eights(values, count, step, sums);
    find_bases(sums, (count + EIGHT - 1) / EIGHT, step, scaled ? origin : origin - SIGNED_ZERO,
               factor, bases);
    if (scaled) {
        prefix_smalls(sums, bases, count, factor, by, true, places != 0, out);
    } else if (places == 0) {
        prefix_smalls(sums, bases, count, factor, by, false, false, out);
    } else {
        prefix_smalls(sums, bases, count, factor, by, false, true, out);
    }
}
