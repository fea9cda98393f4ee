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
    SAMPLE_MAX = 512,        /* of a long column of wide differences so many are looked at */
    RANKED = VV_CENSUS_STEP, /* of any column so many are ranked, to find bases */
    EXCEPTION_HEADER_BITS = 32,
    EXCEPTION_BITS = 40,
};

/* Differences as offsets above the least of their column, to be counted: in lanes so narrow that
 * many fit into a vector, and so wide that an offset below a base is no small distance when it
 * wraps around: a bit wider than the greatest (but for the widest lanes, where an estimate may be
 * wrong). */
struct census {
    const struct vv_kernels *kernels;
    int64_t low;       /* least difference of the column */
    uint64_t greatest; /* offset in the column */
    unsigned lane;     /* 1 << lane bytes */
    size_t count;      /* offsets to be counted */
    size_t padded;     /* a multiple of VV_CENSUS_STEP: the first one fills up */
    uint64_t first;
    void *offsets;
};

/* What decoding an exception of so many bits is worth, in bits. Short ones hardly save room where
 * widening all numbers decodes faster; those of a word and somewhat more are put into their places
 * in 64 bits, which takes as long as unpacking several numbers. Longer ones save too much. */
static unsigned effort_bits(unsigned exception_bits)
{
    enum { SHORT_MAX = 14, LONG_MIN = 33, LONG_MAX = 44 };
    if (exception_bits <= SHORT_MAX) {
        return 6;
    }
    return exception_bits >= LONG_MIN && exception_bits <= LONG_MAX ? 16 : 2;
}

/* What so many exceptions cost beside their values: positions as gaps or as a bitmap. */
static size_t position_bits(size_t exceptions, size_t count)
{
    size_t gaps = exceptions * (vv_bits_width(count / exceptions) + 1);
    return EXCEPTION_HEADER_BITS + (gaps < count ? gaps : count);
}

/* How many offsets are base to base + 2^width - 1; *bits are those that any of them has above
 * base. */
static size_t count_within(const struct census *census, uint64_t base, unsigned width,
                           uint64_t *bits)
{
    size_t within =
        census->kernels->census(census->offsets, census->padded, census->lane, base, width, bits);
    bool first_is_within = census->first - base <= vv_bits_mask(width);
    return within - (first_is_within ? census->padded - census->count : 0);
}

/* Takes base and width if that is the best so far. False: narrower ones cannot be. */
static bool consider(const struct census *census, uint64_t base, unsigned width, size_t exceptions,
                     struct vv_integer_plan *best)
{
    size_t count = census->count;
    size_t exception_bits = 0;
    if (exceptions != 0) {
        uint64_t span = base > 0 ? census->greatest : census->greatest - ((uint64_t)1 << width);
        unsigned bits = vv_bits_width(span);
        exception_bits = position_bits(exceptions, count) + exceptions * (bits + effort_bits(bits));
    }
    if (count * width + exception_bits < best->bits) {
        best->base = (int64_t)((uint64_t)census->low + base);
        best->width = width;
        best->bits = count * width + exception_bits;
    }
    return exception_bits < best->bits; /* exceptions only become more */
}

/* The cheapest width for a base. From the widest on; of those that make the same exceptions only
 * the first and the last one are looked at. */
static void choose_width(const struct census *census, uint64_t base, struct vv_integer_plan *best)
{
    unsigned width = vv_bits_width(census->greatest - base);
    for (;;) {
        uint64_t bits;
        size_t exceptions = census->count - count_within(census, base, width, &bits);
        unsigned needed = vv_bits_width(bits);
        if (!consider(census, base, width, exceptions, best) ||
            (needed < width && !consider(census, base, needed, exceptions, best)) || needed == 0) {
            return;
        }
        width = needed - 1;
    }
}

/* What sorting the offsets would put at the rank: bit by bit from the highest, the half in which
 * the rank lies, until one offset is left. */
static uint64_t at_rank(const struct census *census, size_t rank)
{
    uint64_t value = 0; /* left are those from here to + 2^bit - 1 */
    uint64_t bits;
    size_t left = census->count;
    unsigned bit = vv_bits_width(census->greatest);
    while (bit > 0 && left > 1) {
        bit--;
        size_t within = count_within(census, value, bit, &bits);
        if (rank < within) {
            left = within;
            bit = vv_bits_width(bits);
        } else {
            left -= within;
            rank -= within;
            value += (uint64_t)1 << bit;
        }
    }
    if (bit > 0) {
        (void)count_within(census, value, bit, &bits);
        value += bits;
    }
    return value;
}

/* Half of a long column, all of a short one: every other stretch of 8, but in an order that no
 * period of the data can hide from (Thue and Morse's). Returns how many. */
static size_t take_sample(const int64_t *differences, size_t count, int64_t *sample)
{
    enum { STRETCH = 8 };
    size_t taken = 0;
    for (size_t stretch = 0; (stretch + 1) * STRETCH <= count; stretch++) {
        if (__builtin_parityll(stretch) == 0) {
            memcpy(sample + taken, differences + stretch * STRETCH, STRETCH * sizeof *sample);
            taken += STRETCH;
        }
    }
    return taken;
}

static unsigned lane_of(uint64_t greatest)
{
    unsigned bits = vv_bits_width(greatest);
    return bits < 8 ? 0 : bits < 16 ? 1 : bits < 32 ? 2 : 3;
}

/* Makes offsets of count differences; there is room for a multiple of VV_CENSUS_STEP. */
static void take_offsets(struct census *census, const int64_t *differences, size_t count)
{
    size_t whole = count & ~(size_t)(VV_CENSUS_STEP - 1);
    census->count = count;
    census->padded = (count + VV_CENSUS_STEP - 1) & ~(size_t)(VV_CENSUS_STEP - 1);
    census->first = (uint64_t)differences[0] - (uint64_t)census->low;
    census->kernels->narrow(differences, whole, census->low, census->lane, census->offsets);
    if (whole < count) {
        int64_t filled[VV_CENSUS_STEP];
        for (size_t i = 0; i < VV_CENSUS_STEP; i++) {
            filled[i] = whole + i < count ? differences[whole + i] : differences[0];
        }
        census->kernels->narrow(filled, VV_CENSUS_STEP, census->low, census->lane,
                                (uint8_t *)census->offsets + (whole << census->lane));
    }
}

/* Three bases: the least, and two that leave outliers below them, a sixteenth and a half. Ranked is
 * one difference out of each stretch, but not always the same: the data may have a period. */
static void choose_bases(const struct census *column, const int64_t *differences, size_t count,
                         uint64_t *bases)
{
    uint64_t offsets[RANKED];
    int64_t ranked[RANKED];
    struct census census = *column;
    size_t stride = (count + RANKED - 1) / RANKED;
    size_t wander = ((size_t)1 << (vv_bits_width(stride) - 1)) - 1; /* below the stride */
    size_t taken = 0;
    for (size_t start = 0; start < count; start += stride) {
        size_t i = start + (taken * 7 & wander);
        ranked[taken++] = differences[i < count ? i : start];
    }
    census.offsets = offsets;
    take_offsets(&census, ranked, taken);
    bases[0] = 0;
    bases[1] = at_rank(&census, taken / 16);
    bases[2] = at_rank(&census, taken / 2);
}

struct vv_integer_plan vv_integer_plan_lanes(const struct vv_kernels *kernels,
                                             const int64_t *differences, size_t count,
                                             enum vv_block_mode mode)
{
    struct vv_integer_plan best = {.mode = mode, .bits = SIZE_MAX};
    struct census census = {.kernels = kernels};
    uint64_t offsets[SAMPLE_MAX]; /* as many bytes are enough for VV_COLUMN_MAX of two */
    int64_t sample[SAMPLE_MAX];
    uint64_t bases[3];
    int64_t high;
    if (count == 0) {
        best.bits = 0;
        return best;
    }
    kernels->range(differences, count, &census.low, &high);
    if (census.low == high) {
        best.base = high;
        best.bits = 0;
        return best;
    }
    census.offsets = offsets;
    census.greatest = (uint64_t)high - (uint64_t)census.low;
    census.lane = lane_of(census.greatest);
    choose_bases(&census, differences, count, bases);
    bool is_sampled = census.lane >= 2 && count > SAMPLE_MAX;
    size_t taken = is_sampled ? take_sample(differences, count, sample) : count;
    take_offsets(&census, is_sampled ? sample : differences, taken);
    for (size_t i = 0; i < 3; i++) {
        if (i == 0 || bases[i] != bases[i - 1]) {
            choose_width(&census, bases[i], &best);
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
    int64_t low, high;
    kernels->range(differences, count, &low, &high);
    best.base = best.zigzag ? 0 : low;
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
