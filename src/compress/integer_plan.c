/*
 * integer_plan.c - chooses the base and the width of a block from the differences of its mode.
 *
 *   low      base    base + 2^width         high
 *   |..exc..|=========packed========|..exc..|        (exceptions on either side)
 *
 * L1  Costs are integers, so that the choice is the same on every machine.
 * Thread: no state.
 */
#include "compress/integer_plan.h"

#include <assert.h>

#include "compress/bits.h"

enum {
    SAMPLE_MAX = 640, /* differences that are looked at */
    RANKED = 48,      /* of them ranked, to find bases */
    EXCEPTION_HEADER_BITS = 32,
    EXCEPTION_EFFORT_BITS = 2, /* what decoding an exception is worth */
    EXCEPTION_BITS = 40,
};

struct range {
    int64_t low;
    int64_t high;
};

static struct range find_range(const struct vv_kernels *kernels, const int64_t *differences,
                               size_t count)
{
    struct range range;
    kernels->range(differences, count, &range.low, &range.high);
    return range;
}

/* What so many exceptions cost beside their values: positions as gaps or as a bitmap. */
static size_t position_bits(size_t exceptions, size_t count)
{
    size_t gaps = exceptions * (vv_bits_width(count / exceptions) + 1);
    return EXCEPTION_HEADER_BITS + (gaps < count ? gaps : count);
}

/* The cheapest width for a base, given how many differences need each number of bits. */
static void choose_width(const uint16_t *histogram, size_t count, int64_t base, struct range range,
                         struct vv_integer_plan *best)
{
    size_t exceptions = 0;
    uint64_t above = (uint64_t)range.high - (uint64_t)base;
    uint64_t all = (uint64_t)range.high - (uint64_t)range.low;
    unsigned width = 64;
    while (width > 0 && histogram[width] == 0) {
        width--;
    }
    for (;; width--) {
        size_t exception_bits = 0;
        if (exceptions != 0) {
            uint64_t span = base > range.low ? all : above - ((uint64_t)1 << width);
            exception_bits = position_bits(exceptions, count) +
                             exceptions * (vv_bits_width(span) + EXCEPTION_EFFORT_BITS);
        }
        if (count * width + exception_bits < best->bits) {
            best->base = base;
            best->width = width;
            best->bits = count * width + exception_bits;
        }
        exceptions += histogram[width];
        /* Exceptions only become more. */
        if (width == 0 || exception_bits >= best->bits) {
            break;
        }
    }
}

/* How many of the numbers need each number of bits above base; those below base wrap
 * around and need 64, but for some that are 2^63 and more below it: an estimate may be wrong
 * there. */
static void count_widths(const int64_t *differences, size_t count, int64_t base,
                         uint16_t *histogram)
{
    /* Neighbours often need the same: counting them apart keeps additions from waiting. */
    uint16_t counts[4][65] = {{0}};
    for (size_t i = 0; i < count; i++) {
        counts[i % 4][vv_bits_width((uint64_t)differences[i] - (uint64_t)base)]++;
    }
    for (size_t width = 0; width <= 64; width++) {
        histogram[width] =
            (uint16_t)(counts[0][width] + counts[1][width] + counts[2][width] + counts[3][width]);
    }
}

static void try_base(const int64_t *differences, size_t count, int64_t base, struct range range,
                     struct vv_integer_plan *best)
{
    uint16_t histogram[65];
    count_widths(differences, count, base, histogram);
    choose_width(histogram, count, base, range, best);
}

/* Sorts few numbers. */
static void sort_numbers(int64_t *numbers, size_t count)
{
    for (size_t i = 1; i < count; i++) {
        int64_t value = numbers[i];
        size_t at = i;
        for (; at > 0 && numbers[at - 1] > value; at--) {
            numbers[at] = numbers[at - 1];
        }
        numbers[at] = value;
    }
}

/* The greatest of the numbers that have at most rank others below them. */
static int64_t at_rank(const int64_t *numbers, const int32_t *below, size_t count, size_t rank)
{
    int64_t found = INT64_MIN;
    for (size_t i = 0; i < count; i++) {
        bool candidate = below[i] <= (int32_t)rank;
        found = candidate && numbers[i] > found ? numbers[i] : found;
    }
    return found;
}

/* Four numbers of 32 bits: what every machine compares at once. */
typedef int32_t four_ints __attribute__((vector_size(16)));

/* How many of count offsets are below each; there is room for RANKED. Spelt out, twelve at a time,
 * because compilers that may not spend much on a loop neither compare four at once nor keep the
 * counts in registers. */
static void count_below(const int32_t *offsets, size_t count, int32_t *below)
{
    enum { STEP = 12 };
    static_assert(RANKED % STEP == 0, "all are counted");
    for (size_t at = 0; at < count; at += STEP) {
        four_ints some[3];
        memcpy(some, offsets + at, sizeof some);
        four_ints first = {0};
        four_ints second = {0};
        four_ints third = {0};
        for (size_t i = 0; i < count; i++) {
            four_ints offset = {offsets[i], offsets[i], offsets[i], offsets[i]};
            first -= offset < some[0]; /* true is -1 */
            second -= offset < some[1];
            third -= offset < some[2];
        }
        memcpy(below + at, &first, sizeof first);
        memcpy(below + at + 4, &second, sizeof second);
        memcpy(below + at + 8, &third, sizeof third);
    }
}

/* Two bases that leave outliers below them: what sorting count numbers would put at a sixteenth and
 * in the middle. Where their offsets fit, they are ranked by counting: a sort of few numbers waits
 * for its branches. */
static void find_bases(int64_t *numbers, size_t count, struct range range, int64_t *bases)
{
    int32_t offsets[RANKED];
    int32_t below[RANKED];
    if ((uint64_t)range.high - (uint64_t)range.low >= INT32_MAX) {
        sort_numbers(numbers, count);
        bases[0] = numbers[count / 16];
        bases[1] = numbers[count / 2];
        return;
    }
    for (size_t i = 0; i < RANKED; i++) {
        offsets[i] = i < count ? (int32_t)((uint64_t)numbers[i] - (uint64_t)range.low) : INT32_MAX;
    }
    count_below(offsets, count, below);
    bases[0] = at_rank(numbers, below, count, count / 16);
    bases[1] = at_rank(numbers, below, count, count / 2);
}

/* Half of a long column, all of a short one: every other stretch of 8, but in an order that no
 * period of the data can hide from (Thue and Morse's). Returns how many. */
static size_t take_sample(const int64_t *differences, size_t count, int64_t *sample)
{
    enum { WHOLE_MAX = 512, STRETCH = 8 };
    if (count <= WHOLE_MAX) {
        memcpy(sample, differences, count * sizeof *sample);
        return count;
    }
    size_t taken = 0;
    for (size_t stretch = 0; (stretch + 1) * STRETCH <= count; stretch++) {
        if (__builtin_parityll(stretch) == 0) {
            memcpy(sample + taken, differences + stretch * STRETCH, STRETCH * sizeof *sample);
            taken += STRETCH;
        }
    }
    return taken;
}

struct vv_integer_plan vv_integer_plan_lanes(const struct vv_kernels *kernels,
                                             const int64_t *differences, size_t count,
                                             enum vv_block_mode mode)
{
    struct vv_integer_plan best = {.mode = mode, .bits = SIZE_MAX};
    if (count == 0) {
        best.bits = 0;
        return best;
    }
    struct range range = find_range(kernels, differences, count);
    if (range.low == range.high) {
        best.base = range.low;
        best.bits = 0;
        return best;
    }
    int64_t sample[SAMPLE_MAX];
    int64_t ranked[RANKED];
    size_t taken = take_sample(differences, count, sample);
    size_t stride = (taken + RANKED - 1) / RANKED;
    size_t ranked_count = 0;
    for (size_t i = 0; i < taken; i += stride) {
        ranked[ranked_count++] = sample[i];
    }
    int64_t bases[3] = {range.low};
    find_bases(ranked, ranked_count, range, bases + 1);
    for (size_t i = 0; i < 3; i++) {
        if (i == 0 || bases[i] != bases[i - 1]) {
            try_base(sample, taken, bases[i], range, &best);
        }
    }
    best.bits = best.bits * count / taken;
    return best;
}

/* log2 in sixteenths of a bit, of numbers up to 1024. */
static size_t log2_sixteenths(size_t value)
{
    /* 16 * log2(1 + i/16), rounded. */
    static const uint8_t fraction[17] = {0, 1, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 15, 16};
    unsigned whole = vv_bits_width(value) - 1;
    size_t rest = ((value << 4) >> whole) & 15;
    return 16 * whole + fraction[rest];
}

/* Bits that the bytes of one plane need under an ideal entropy coder, order 0. */
static size_t plane_entropy(const uint64_t *packed, size_t count, unsigned shift)
{
    uint16_t histogram[256] = {0};
    for (size_t i = 0; i < count; i++) {
        histogram[packed[i] >> shift & 0xff]++;
    }
    size_t sixteenths = 0;
    for (size_t symbol = 0; symbol < 256; symbol++) {
        size_t occurrences = histogram[symbol];
        if (occurrences != 0) {
            sixteenths += occurrences * (log2_sixteenths(count) - log2_sixteenths(occurrences));
        }
    }
    return sixteenths / 16;
}

/* The fewest whole bytes that hold all numbers but a few exceptions. */
static unsigned whole_bytes(const uint16_t *histogram, size_t count, unsigned exception_bits,
                            size_t *exceptions)
{
    size_t cheapest = SIZE_MAX;
    size_t wider = 0;
    unsigned best = 64;
    *exceptions = 0;
    for (unsigned width = 64;; width--) {
        size_t bits = count * width + wider * exception_bits;
        if (width % 8 == 0 && bits < cheapest) {
            cheapest = bits;
            best = width;
            *exceptions = wider;
        }
        if (width == 0) {
            return best;
        }
        wider += histogram[width];
    }
}

struct vv_integer_plan vv_integer_plan_bytes(const struct vv_kernels *kernels,
                                             const int64_t *differences, size_t count,
                                             enum vv_block_mode mode, unsigned exception_bits)
{
    struct vv_integer_plan best = {.mode = mode, .zigzag = mode != VV_BLOCK_FRAME};
    if (count == 0) {
        return best;
    }
    uint64_t packed[1024];
    uint16_t histogram[65] = {0};
    best.base = best.zigzag ? 0 : find_range(kernels, differences, count).low;
    for (size_t i = 0; i < count; i++) {
        packed[i] = best.zigzag ? vv_zigzag(differences[i])
                                : (uint64_t)differences[i] - (uint64_t)best.base;
        histogram[vv_bits_width(packed[i])]++;
    }
    size_t exceptions;
    best.width = whole_bytes(histogram, count, exception_bits, &exceptions);
    best.bits = exceptions * EXCEPTION_BITS;
    for (unsigned shift = 0; shift < best.width; shift += 8) {
        best.bits += plane_entropy(packed, count, shift);
    }
    return best;
}
