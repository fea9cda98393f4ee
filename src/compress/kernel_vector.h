/*
 * kernel_vector.h - the kernels in vectors of VV_VECTOR_BYTES, compiled once per instruction set.
 *
 * Included by one kernel_<isa>.c each, which defines VV_VECTOR_BYTES (16, 32 or 64), names the
 * table VV_KERNELS, and gives the two operations on vectors that have no operator:
 * VV_FUSED_MULTIPLY_ADD, and VV_DOUBLES of the signed 32-bit numbers in half a vector. Everything
 * else is static, so that no wide instruction leaks into code of the baseline. Vectors are those of
 * gcc and clang; loops that either compiler turns into good vector code by itself are left as
 * loops.
 *
 *   unpack   one function per width: shifts are constants, and a group of rows is straight-line
 *   code
 *   prefix   log2(lanes) shifted additions in each vector; only the running total goes from one
 *            vector to the next
 *   decimal  x / 10^d by multiplication with a reciprocal of twice the digits: the same bits as the
 *            division (decimals.h says why; checked by test)
 */
#include <string.h>

#include "compress/decimals.h"
#include "compress/kernel_lanes.h"
#include "compress/values.h"

#define LANES32 (VV_VECTOR_BYTES / 4)
#define LANES64 (VV_VECTOR_BYTES / 8)

/* Unaligned, and may lie over any bytes. */
typedef uint32_t vector32 __attribute__((vector_size(VV_VECTOR_BYTES), aligned(4), may_alias));
typedef uint64_t vector64 __attribute__((vector_size(VV_VECTOR_BYTES), aligned(4), may_alias));

static inline vector32 load32(const void *at)
{
    vector32 vector;
    memcpy(&vector, at, sizeof vector);
    return vector;
}

static inline void store32(void *at, vector32 vector)
{
    memcpy(at, &vector, sizeof vector);
}

static inline vector64 load64(const void *at)
{
    vector64 vector;
    memcpy(&vector, at, sizeof vector);
    return vector;
}

static inline void store64(void *at, vector64 vector)
{
    memcpy(at, &vector, sizeof vector);
}

/* ------------------------------------------------------------------------- Unpacking */

/* Row r of a column of lanes: the bits [r * width, (r + 1) * width) of each lane's stream. */
#define ROW32(r)                                                                                   \
    do {                                                                                           \
        enum { BIT = (r)*WIDTH, WORD = BIT / 32, SHIFT = BIT % 32 };                               \
        vector32 row = load32(in + WORD * 64) >> SHIFT;                                            \
        if (SHIFT + WIDTH > 32) {                                                                  \
            row |= load32(in + (WORD + 1) * 64) << ((32 - SHIFT) % 32);                            \
        }                                                                                          \
        store32(out + (r)*VV_LANES, row & MASK);                                                   \
    } while (0)

#define ROWS8(r)                                                                                   \
    ROW32(r);                                                                                      \
    ROW32((r) + 1);                                                                                \
    ROW32((r) + 2);                                                                                \
    ROW32((r) + 3);                                                                                \
    ROW32((r) + 4);                                                                                \
    ROW32((r) + 5);                                                                                \
    ROW32((r) + 6);                                                                                \
    ROW32((r) + 7)

/* Unpacks a group of 32 rows of the width: 32 rows of 16 numbers out of `width` words in 16
 * lanes; of a shorter one whole eights of rows. */
#define UNPACK_GROUP(width)                                                                        \
    static void unpack_group_##width(const uint8_t *in, size_t rows, uint32_t *out)                \
    {                                                                                              \
        enum { WIDTH = width };                                                                    \
        const uint32_t MASK = (uint32_t)(UINT64_MAX >> (64 - WIDTH));                              \
        for (int part = 0; part < VV_LANES; part += LANES32) {                                     \
            ROWS8(0);                                                                              \
            if (rows > 8) {                                                                        \
                ROWS8(8);                                                                          \
            }                                                                                      \
            if (rows > 16) {                                                                       \
                ROWS8(16);                                                                         \
                ROWS8(24);                                                                         \
            }                                                                                      \
            in += VV_VECTOR_BYTES;                                                                 \
            out += LANES32;                                                                        \
        }                                                                                          \
    }

/* The formatter would lay this out anew each time. */
/* clang-format off */
#define FOR_WIDTHS(X)                                                                              \
    X(1) X(2) X(3) X(4) X(5) X(6) X(7) X(8)                                                        \
    X(9) X(10) X(11) X(12) X(13) X(14) X(15) X(16)                                                 \
    X(17) X(18) X(19) X(20) X(21) X(22) X(23) X(24)                                                \
    X(25) X(26) X(27) X(28) X(29) X(30) X(31) X(32)
/* clang-format on */

FOR_WIDTHS(UNPACK_GROUP)

typedef void unpack_group(const uint8_t *in, size_t rows, uint32_t *out);

#define GROUP_ENTRY(width) unpack_group_##width,
static unpack_group *const unpack_groups[33] = {NULL, FOR_WIDTHS(GROUP_ENTRY)};

static void unpack32(const uint8_t *payload, unsigned width, size_t count, uint32_t *out)
{
    if (width == 0) {
        memset(out, 0, count * sizeof *out);
        return;
    }
    size_t rows = count / VV_LANES;
    size_t row = 0;
    unpack_group *unpack = unpack_groups[width];
    for (; row + 32 <= rows; row += 32) {
        unpack(payload + row * 2 * width, 32, out + row * VV_LANES);
    }
    if (row < rows) {
        uint32_t group[32 * VV_LANES];
        vv_lanes_last_group32(payload + row * 2 * width, rows - row, width, group);
        unpack((const uint8_t *)group, rows - row, out + row * VV_LANES);
    }
    const uint8_t *tail = payload + rows * 2 * width;
    for (size_t i = rows * VV_LANES; i < count; i++) {
        out[i] = vv_bits_get32(tail, i % VV_LANES, width);
    }
}

/* Widths above 32 are rare: shifts are run-time values here. Rows of a group, at most 64. */
static void unpack_rows64(const uint8_t *words, unsigned width, size_t rows, uint64_t *out)
{
    uint64_t mask = vv_bits_mask(width);
    for (size_t row = 0; row < rows; row++) {
        size_t bit = row * width;
        unsigned shift = (unsigned)(bit % 64);
        const uint8_t *in = words + bit / 64 * VV_LANES * 8;
        bool split = shift + width > 64;
        for (size_t lane = 0; lane < VV_LANES; lane += LANES64) {
            vector64 value = load64(in + lane * 8) >> shift;
            if (split) {
                value |= load64(in + (VV_LANES + lane) * 8) << (64 - shift);
            }
            store64(out + row * VV_LANES + lane, value & mask);
        }
    }
}

static void unpack64(const uint8_t *payload, unsigned width, size_t count, uint64_t *out)
{
    size_t rows = count / VV_LANES;
    if (rows == 64) {
        unpack_rows64(payload, width, rows, out);
    } else {
        uint64_t group[64 * VV_LANES];
        vv_lanes_last_group64(payload, rows, width, group);
        unpack_rows64((const uint8_t *)group, width, rows, out);
    }
    const uint8_t *tail = payload + rows * 2 * width;
    for (size_t i = rows * VV_LANES; i < count; i++) {
        out[i] = vv_bits_get(tail, i % VV_LANES, width);
    }
}

/* ------------------------------------------------------------------------- Exceptions */

#ifdef __BMI2__
/* Gaps of at most 8 bits: eight of them, which are `code` bytes, are spread to bytes, and these
 * summed up in lanes of 16 bits. All gaps are counted apart: positions may wrap around. */
static size_t positions_of_bytes(const uint8_t *gaps, unsigned code, size_t count, uint16_t *out)
{
    const __m128i zero = _mm_setzero_si128();
    const __m128i last_of_eight = _mm_set1_epi16(0x0f0e);
    uint64_t lanes = vv_bits_mask(code) * UINT64_C(0x0101010101010101);
    __m128i before = _mm_set_epi16(7, 6, 5, 4, 3, 2, 1, 0);
    __m128i all = zero;
    for (size_t i = 0; i < count; i += 8, gaps += code) {
        uint64_t spread = _pdep_u64(vv_load_u64(gaps), lanes);
        size_t left = count - i;
        spread &= vv_bits_mask(left < 8 ? 8 * (unsigned)left : 64);
        __m128i bytes = _mm_cvtsi64_si128((long long)spread);
        __m128i sums = _mm_cvtepu8_epi16(bytes);
        sums = _mm_add_epi16(sums, _mm_slli_si128(sums, 2));
        sums = _mm_add_epi16(sums, _mm_slli_si128(sums, 4));
        sums = _mm_add_epi16(sums, _mm_slli_si128(sums, 8));
        __m128i eight = _mm_add_epi16(sums, before);
        memcpy(out + i, &eight, sizeof eight);
        __m128i total = _mm_add_epi16(_mm_shuffle_epi8(sums, last_of_eight), _mm_set1_epi16(8));
        before = _mm_add_epi16(before, total);
        all = _mm_add_epi64(all, _mm_sad_epu8(bytes, zero));
    }
    return count + (size_t)_mm_cvtsi128_si64(all);
}
#endif

static size_t positions(const uint8_t *gaps, unsigned code, size_t count, uint16_t *out)
{
#ifdef __BMI2__
    if (code <= 8) {
        return positions_of_bytes(gaps, code, count, out);
    }
#endif
    uint32_t mask = (uint32_t)vv_bits_mask(code);
    size_t next = 0;
    for (size_t i = 0, bit = 0; i < count; i++, bit += code) {
        next += vv_load_u32(gaps + bit / 8) >> bit % 8 & mask;
        out[i] = (uint16_t)next++;
    }
    return next;
}

#ifdef __BMI2__
/* A byte of the bitmap at a time, without a branch on its bits: they are spread to masks of bytes,
 * which pick their own numbers out of 0 to 7. */
static size_t bitmap(const uint8_t *bits, size_t limit, uint16_t *out)
{
    const uint64_t ones = UINT64_C(0x0101010101010101);
    size_t found = 0;
    for (size_t first = 0; first < limit; first += 8) {
        unsigned byte = bits[first / 8];
        byte &= (unsigned)vv_bits_mask(limit - first < 8 ? (unsigned)(limit - first) : 8);
        uint64_t numbers = _pext_u64(UINT64_C(0x0706050403020100), _pdep_u64(byte, ones) * 0xff);
        __m128i wide = _mm_cvtepu8_epi16(_mm_cvtsi64_si128((long long)numbers));
        wide = _mm_add_epi16(wide, _mm_set1_epi16((short)first));
        memcpy(out + found, &wide, sizeof wide);
        found += (size_t)__builtin_popcount(byte);
    }
    return found;
}
#else
static size_t bitmap(const uint8_t *bits, size_t limit, uint16_t *out)
{
    size_t found = 0;
    for (size_t first = 0; first < limit; first += 64) {
        uint64_t word = vv_load_u64(bits + first / 8);
        word &= vv_bits_mask(limit - first < 64 ? (unsigned)(limit - first) : 64);
        for (; word != 0; word &= word - 1) {
            out[found++] = (uint16_t)(first + (size_t)__builtin_ctzll(word));
        }
    }
    return found;
}
#endif

static void scatter32(const uint32_t *values, const uint16_t *where, size_t count, uint32_t base,
                      uint32_t *numbers)
{
    for (size_t i = 0; i < count; i++) {
        numbers[where[i]] = base + values[i];
    }
}

static void scatter64(const uint64_t *values, const uint16_t *where, size_t count, uint64_t base,
                      uint64_t *numbers)
{
    for (size_t i = 0; i < count; i++) {
        numbers[where[i]] = base + values[i];
    }
}

/* -------------------------------------------------------------- Steps to entries */

static void scale32(const uint32_t *steps, size_t count, uint64_t origin, uint64_t factor,
                    uint64_t *out)
{
    if (factor == 1) {
        for (size_t i = 0; i < count; i++) {
            out[i] = origin + (uint64_t)(int64_t)(int32_t)steps[i];
        }
        return;
    }
    for (size_t i = 0; i < count; i++) {
        out[i] = origin + factor * (uint64_t)(int64_t)(int32_t)steps[i];
    }
}

static void scale64(const uint64_t *steps, size_t count, uint64_t origin, uint64_t factor,
                    uint64_t *out)
{
    if (factor == 1) {
        for (size_t i = 0; i < count; i++) {
            out[i] = origin + steps[i];
        }
        return;
    }
    for (size_t i = 0; i < count; i++) {
        out[i] = origin + factor * steps[i];
    }
}

/* Correctly rounded, as the conversion of the language, but of instructions that every vector unit
 * has: the high half above 2^84 and the low half above 2^52 are exact, and their sum rounds
 * once. */
static inline double double_of_integer(uint64_t integer)
{
#ifdef VV_CONVERTS_INTEGERS
    return (double)(int64_t)integer;
#else
    uint64_t high_bits = (integer >> 32 ^ 0x80000000u) | 0x4530000000000000u;
    uint64_t low_bits = (integer & 0xffffffffu) | 0x4330000000000000u;
    double high;
    double low;
    memcpy(&high, &high_bits, sizeof high);
    memcpy(&low, &low_bits, sizeof low);
    return high - (0x1p84 + 0x1p63 + 0x1p52) + low;
#endif
}

static inline double divide(double dividend, struct vv_reciprocal by)
{
    return __builtin_fma(dividend, by.high, dividend * by.low);
}

static void add32(const uint32_t *steps, size_t count, uint64_t origin, uint64_t *out)
{
    for (size_t i = 0; i < count; i++) {
        out[i] += origin + (uint64_t)(int64_t)(int32_t)steps[i];
    }
}

static void add64(const uint64_t *numbers, size_t count, uint64_t *out)
{
    for (size_t i = 0; i < count; i++) {
        out[i] += numbers[i];
    }
}

static void decimal64(const uint64_t *restrict integers, size_t count, unsigned places,
                      double *restrict out)
{
    struct vv_reciprocal by = vv_reciprocals[places];
    if (places == 0) {
        for (size_t i = 0; i < count; i++) {
            out[i] = double_of_integer(integers[i]);
        }
        return;
    }
    for (size_t i = 0; i < count; i++) {
        out[i] = divide(double_of_integer(integers[i]), by);
    }
}

static void decimal32(const uint32_t *restrict steps, size_t count, double origin, double factor,
                      unsigned places, double *restrict out)
{
    struct vv_reciprocal by = vv_reciprocals[places];
    if (places == 0) {
        for (size_t i = 0; i < count; i++) {
            out[i] = (double)(int32_t)steps[i] * factor + origin;
        }
        return;
    }
    if (factor == 1) {
        for (size_t i = 0; i < count; i++) {
            out[i] = divide((double)(int32_t)steps[i] + origin, by);
        }
        return;
    }
    for (size_t i = 0; i < count; i++) {
        out[i] = divide((double)(int32_t)steps[i] * factor + origin, by);
    }
}

/* The number is the low bits of one above 2^52: no conversion is needed. */
static inline double double_of_unsigned32(uint32_t integer)
{
    uint64_t bits = integer | 0x4330000000000000u;
    double above;
    memcpy(&above, &bits, sizeof above);
    return above - 0x1p52;
}

static void decimal_unsigned32(const uint32_t *restrict steps, size_t count, double origin,
                               double factor, unsigned places, double *restrict out)
{
    struct vv_reciprocal by = vv_reciprocals[places];
    if (places == 0) {
        for (size_t i = 0; i < count; i++) {
            out[i] = double_of_unsigned32(steps[i]) * factor + origin;
        }
        return;
    }
    for (size_t i = 0; i < count; i++) {
        out[i] = divide(double_of_unsigned32(steps[i]) * factor + origin, by);
    }
}

typedef double vector_double __attribute__((vector_size(VV_VECTOR_BYTES)));

/* divide() on vectors. */
static inline vector_double divide_vector(vector_double dividend, struct vv_reciprocal by)
{
    const vector_double zero = {0};
    return VV_FUSED_MULTIPLY_ADD(dividend, zero + by.high, dividend * by.low);
}

#include "compress/kernel_vector_prefix.h"
#ifdef VV_NARROW
#include "compress/kernel_vector_small.h"
#else
static void prefix_small_decimal32(const uint32_t *values, size_t count, uint32_t step,
                                   double origin, double factor, unsigned places, double *out)
{
    prefix_decimal32(values, count, step, origin, factor, places, out);
}
#endif

/* ------------------------------------------------------------------------------ Runs */

static void widen(const uint32_t *numbers, size_t count, uint64_t *out)
{
    for (size_t i = 0; i < count; i++) {
        out[i] = numbers[i];
    }
}

static void order(uint64_t *bits, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        bits[i] = vv_ordered_bits(bits[i]);
    }
}

static void fill(uint64_t value, size_t count, uint64_t *out)
{
    enum { STEP = 4 * LANES64 };
    const vector64 zero = {0};
    vector64 values = zero + value;
    size_t i = 0;
    for (; i + STEP <= count; i += STEP) {
        store64(out + i, values);
        store64(out + i + LANES64, values);
        store64(out + i + 2 * LANES64, values);
        store64(out + i + 3 * LANES64, values);
    }
    for (; i < count; i++) {
        out[i] = value;
    }
}

static void expand(const uint64_t *runs, const uint16_t *starts, size_t run_count, size_t count,
                   uint64_t *out)
{
    /* Eight entries at once are enough most often, and the next run overwrites what is too many:
     * not for runs that end less than eight before the end. */
    const vector64 zero = {0};
    size_t at = 0;
    size_t run = 0;
    for (; run + 1 < run_count && starts[run] + 8u <= count; run++) {
        vector64 value = zero + runs[run];
        size_t end = starts[run];
        do {
            for (size_t i = 0; i < 8; i += LANES64) {
                store64(out + at + i, value);
            }
            at += 8;
        } while (at < end);
        at = end;
    }
    for (; run < run_count; run++) {
        size_t end = run + 1 < run_count ? starts[run] : count;
        fill(runs[run], end - at, out + at);
        at = end;
    }
}

#ifdef __BMI2__
/* The runs of four entries, counted from that of the first one: by which of the others begin one,
 * as numbers of halves of 64 bits. */
#define RUNS_OF_FOUR(second, third, fourth)                                                        \
    {                                                                                              \
        0, 1, 2 * (second), 2 * (second) + 1, 2 * (third), 2 * (third) + 1, 2 * (fourth),          \
            2 * (fourth) + 1                                                                       \
    }

static const uint32_t runs_of_four[8][8] = {
    RUNS_OF_FOUR(0, 0, 0), RUNS_OF_FOUR(1, 1, 1), RUNS_OF_FOUR(0, 1, 1), RUNS_OF_FOUR(1, 2, 2),
    RUNS_OF_FOUR(0, 0, 1), RUNS_OF_FOUR(1, 1, 2), RUNS_OF_FOUR(0, 1, 2), RUNS_OF_FOUR(1, 2, 3),
};

/* Four entries whose first one is of the first of runs; others: three bits. */
static inline void expand_four(const uint64_t *runs, unsigned others, uint64_t *out)
{
    __m256i numbers;
    __m256i four;
    memcpy(&numbers, runs_of_four[others], sizeof numbers);
    memcpy(&four, runs, sizeof four);
    four = _mm256_permutevar8x32_epi32(four, numbers);
    memcpy(out, &four, sizeof four);
}

/* Eight entries, whose first one may begin a run. */
static inline void expand_eight(const uint64_t *runs, unsigned byte, uint64_t *out)
{
    expand_four(runs + (byte & 1), byte >> 1 & 7, out);
    expand_four(runs + __builtin_popcount(byte & 0x1f), byte >> 5, out + 4);
}

static void expand_bitmap(const uint64_t *runs, const uint8_t *bits, size_t count, uint64_t *out)
{
    size_t i = 0;
    for (; i + 8 <= count; i += 8) {
        expand_eight(runs, bits[i / 8], out + i);
        runs += __builtin_popcount(bits[i / 8]);
    }
    if (i < count) {
        uint64_t last[8];
        expand_eight(runs, bits[i / 8], last);
        memcpy(out + i, last, (count - i) * sizeof *out);
    }
}
#else
static void expand_bitmap(const uint64_t *runs, const uint8_t *bits, size_t count, uint64_t *out)
{
    for (size_t i = 0; i < count; i++) {
        runs += bits[i / 8] >> i % 8 & 1;
        out[i] = *runs;
    }
}
#endif

#include "compress/kernel_vector_bytes.h"
#include "compress/kernel_vector_encode.h"

const struct vv_kernels VV_KERNELS = {
    .unpack32 = unpack32,
    .unpack64 = unpack64,
    .planes32 = planes32,
    .planes64 = planes64,
    .fields32 = fields32,
    .fields64 = fields64,
    .unzigzag32 = unzigzag32,
    .unzigzag64 = unzigzag64,
    .positions = positions,
    .bitmap = bitmap,
    .scatter32 = scatter32,
    .scatter64 = scatter64,
    .prefix32 = prefix32,
    .prefix64 = prefix64,
    .scale32 = scale32,
    .scale64 = scale64,
    .add32 = add32,
    .add64 = add64,
    .decimal32 = decimal32,
    .decimal_unsigned32 = decimal_unsigned32,
    .decimal64 = decimal64,
    .prefix_decimal32 = prefix_decimal32,
    .prefix_small_decimal32 = prefix_small_decimal32,
    .fill = fill,
    .widen = widen,
    .order = order,
    .expand = expand,
    .expand_bitmap = expand_bitmap,
    .changes = changes,
    .to_decimals = to_decimals,
    .whole_statistics = whole_statistics,
    .difference = difference,
    .range = range,
    .narrow = narrow,
    .census = census,
    .split = split,
    .pack32 = pack32,
    .pack64 = pack64,
};
