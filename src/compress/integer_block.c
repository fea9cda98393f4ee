/*
 * integer_block.c - encodes integer columns: finds the factor, the mode, the base and the width.
 *
 *   integers --divide by factor--> steps --mode--> differences --base, width--> packed, exceptions
 *
 * E1  steps[i] = (integers[i] - integers[0]) / factor, exactly: factor divides every distance.
 * E2  The first difference of delta mode and the first two of delta of delta are packed as 0.
 * E3  An exception is packed as 0 and stands in the exceptions with its whole difference (less the
 *     base).
 * E4  The choice depends on the column alone: the same on every instruction set.
 * Thread: no state. Cost: a few passes over the column; no allocation, about 45 KiB of stack.
 */
#include "compress/integer_block.h"

#include "compress/bits.h"
#include "compress/codec.h"
#include "compress/integer_plan.h"
#include "compress/kernels.h"
#include "compress/positions.h"

struct encoding {
    const struct vv_kernels *kernels;
    size_t count;
    enum vv_block_layout layout;
    uint64_t factor;
    int64_t origin; /* integers[0] */
    int64_t low;    /* least and greatest step */
    int64_t high;
    int64_t steps[VV_COLUMN_MAX];
    int64_t differences[VV_COLUMN_MAX];
    enum vv_block_mode differences_mode;
};

static uint64_t greatest_common_divisor(uint64_t a, uint64_t b)
{
    while (b != 0) {
        uint64_t rest = a % b;
        a = b;
        b = rest;
    }
    return a;
}

static int64_t wrapping_subtract(int64_t a, int64_t b)
{
    return (int64_t)((uint64_t)a - (uint64_t)b);
}

static uint64_t magnitude_of(int64_t value)
{
    return value < 0 ? 0 - (uint64_t)value : (uint64_t)value;
}

/* The greatest common divisor of the distances; 1 where there is nothing to divide. A few of them
 * tell most columns that there is none. */
static uint64_t find_factor(const int64_t *distances, size_t count)
{
    uint64_t factor = 0;
    size_t stride = count / 16 + 1;
    for (size_t i = 0; i < count && factor != 1; i += stride) {
        factor = greatest_common_divisor(magnitude_of(distances[i]), factor);
    }
    for (size_t i = 0; i < count && factor != 1; i++) {
        uint64_t magnitude = magnitude_of(distances[i]);
        if (factor == 0 || magnitude % factor != 0) {
            factor = greatest_common_divisor(magnitude, factor);
        }
    }
    return factor == 0 || factor > INT64_MAX ? 1 : factor;
}

/* Divides numbers that factor divides: multiplies with the inverse of its odd part modulo 2^64,
 * found by Newton's iteration, each step of which doubles the bits that are right (3 to begin
 * with). */
static void divide_exactly(int64_t *numbers, size_t count, uint64_t factor)
{
    unsigned twos = (unsigned)__builtin_ctzll(factor);
    uint64_t odd = factor >> twos;
    uint64_t inverse = odd;
    for (int step = 0; step < 5; step++) {
        inverse *= 2 - odd * inverse;
    }
    for (size_t i = 0; i < count; i++) {
        numbers[i] = (int64_t)((uint64_t)(numbers[i] >> twos) * inverse);
    }
}

/* Divides the distances to the first entry by their common factor. */
static void find_steps(const int64_t *integers, struct encoding *encoding)
{
    size_t count = encoding->count;
    int64_t *steps = encoding->steps;
    encoding->origin = integers[0];
    for (size_t i = 0; i < count; i++) {
        steps[i] = wrapping_subtract(integers[i], integers[0]);
    }
    encoding->factor = find_factor(steps, count);
    if (encoding->factor != 1) {
        divide_exactly(steps, count, encoding->factor);
    }
    encoding->kernels->range(steps, count, &encoding->low, &encoding->high);
}

/* The differences of a stretch of steps; those before first_difference() mean nothing. */
static void find_differences(const struct vv_kernels *kernels, const int64_t *steps, size_t count,
                             enum vv_block_mode mode, int64_t *differences)
{
    if (mode == VV_BLOCK_FRAME) {
        memcpy(differences, steps, count * sizeof *differences);
        return;
    }
    if (mode == VV_BLOCK_DELTA) {
        kernels->difference(steps, count, differences);
        return;
    }
    int64_t deltas[VV_COLUMN_MAX];
    kernels->difference(steps, count, deltas);
    kernels->difference(deltas, count, differences);
}

/* The index of the first difference that counts (E2). */
static size_t first_difference(enum vv_block_mode mode)
{
    return (size_t)mode;
}

static size_t pack_lanes(const struct vv_kernels *kernels, const uint64_t *numbers, size_t count,
                         unsigned width, uint8_t *out)
{
    return width <= 32 ? kernels->pack32(numbers, count, width, out)
                       : kernels->pack64(numbers, count, width, out);
}

static void write_exceptions(const struct vv_kernels *kernels, struct vv_writer *writer,
                             const int64_t *differences, size_t count, int64_t base,
                             const uint16_t *positions, size_t exceptions)
{
    int64_t low = differences[positions[0]];
    int64_t high = low;
    for (size_t i = 1; i < exceptions; i++) {
        int64_t value = differences[positions[i]];
        low = value < low ? value : low;
        high = value > high ? value : high;
    }
    unsigned width = vv_bits_width((uint64_t)high - (uint64_t)low);
    vv_write_varint(writer, exceptions);
    vv_write_u8(writer, (uint8_t)width);
    vv_write_varint_signed(writer, wrapping_subtract(low, base));
    writer->at += vv_positions_encode(positions, exceptions, count, writer->at);
    uint64_t values[VV_COLUMN_MAX];
    for (size_t i = 0; i < exceptions; i++) {
        values[i] = (uint64_t)differences[positions[i]] - (uint64_t)low;
    }
    writer->at += pack_lanes(kernels, values, exceptions, width, writer->at);
}

/* Where the differences are that do not fit the plan's width. */
static size_t find_exceptions(const int64_t *differences, size_t count,
                              const struct vv_integer_plan *plan, uint16_t *positions)
{
    uint64_t mask = vv_bits_mask(plan->width);
    size_t exceptions = 0;
    for (size_t i = 0; i < count; i++) {
        uint64_t offset = plan->zigzag ? vv_zigzag(differences[i])
                                       : (uint64_t)differences[i] - (uint64_t)plan->base;
        positions[exceptions] = (uint16_t)i;
        exceptions += offset > mask;
    }
    return exceptions;
}

/* The numbers to pack; those that do not fit the width become exceptions (E2, E3). The differences
 * that do not count are made to fit. */
static size_t split_exceptions(const struct vv_kernels *kernels, int64_t *differences, size_t first,
                               size_t count, const struct vv_integer_plan *plan, uint64_t *packed,
                               uint16_t *positions)
{
    uint64_t mask = vv_bits_mask(plan->width);
    for (size_t i = 0; i < first; i++) {
        differences[i] = plan->base;
    }
    if (!plan->zigzag) {
        size_t within = kernels->split(differences, count, plan->base, plan->width, packed);
        return within == count ? 0 : find_exceptions(differences, count, plan, positions);
    }
    for (size_t i = 0; i < count; i++) {
        uint64_t offset = vv_zigzag(differences[i]);
        packed[i] = offset <= mask ? offset : 0;
    }
    return find_exceptions(differences, count, plan, positions);
}

/* Whether the decoder may compute the steps modulo 2^32. In a frame of reference they are distances
 * to the base, which the header adds to the origin. */
static bool is_narrow(const struct encoding *encoding, const struct vv_integer_plan *plan)
{
    int64_t low = encoding->low;
    int64_t high = encoding->high;
    if (plan->mode == VV_BLOCK_FRAME && (__builtin_sub_overflow(low, plan->base, &low) ||
                                         __builtin_sub_overflow(high, plan->base, &high))) {
        return false;
    }
    return plan->width <= 32 && low >= INT32_MIN && high <= INT32_MAX;
}

/* Everything before the exceptions. */
static void write_header(struct vv_writer *writer, const struct encoding *encoding,
                         const struct vv_integer_plan *plan, size_t exceptions)
{
    bool narrow = is_narrow(encoding, plan);
    unsigned tag = (unsigned)plan->mode | (narrow ? VV_BLOCK_NARROW : 0u) |
                   (encoding->factor != 1 ? VV_BLOCK_FACTOR : 0u) |
                   (exceptions != 0 ? VV_BLOCK_EXCEPTIONS : 0u) |
                   (plan->zigzag ? VV_BLOCK_ZIGZAG : 0u) | (unsigned)encoding->layout << 6;
    vv_write_u8(writer, (uint8_t)tag);
    vv_write_u8(writer, (uint8_t)plan->width);
    if (encoding->factor != 1) {
        vv_write_varint(writer, encoding->factor);
    }
    if (plan->mode == VV_BLOCK_FRAME) {
        uint64_t shift = encoding->factor * (uint64_t)plan->base;
        vv_write_varint_signed(writer, (int64_t)((uint64_t)encoding->origin + shift));
        return;
    }
    vv_write_varint_signed(writer, encoding->origin);
    if (plan->mode == VV_BLOCK_DELTA_OF_DELTA) {
        vv_write_varint_signed(writer, encoding->steps[1]);
    }
    vv_write_varint_signed(writer, plan->base);
}

/* Writes the packed numbers in their layout; returns the bytes used. */
static size_t write_payload(const struct encoding *encoding, unsigned width, const uint64_t *packed,
                            uint8_t *out)
{
    size_t count = encoding->count;
    switch (encoding->layout) {
    case VV_LAYOUT_LANES:
        return pack_lanes(encoding->kernels, packed, count, width, out);
    case VV_LAYOUT_PLANES:
        for (unsigned shift = 0; shift < width; shift += 8) {
            for (size_t i = 0; i < count; i++) {
                *out++ = (uint8_t)(packed[i] >> shift);
            }
        }
        break;
    case VV_LAYOUT_FIELDS:
        for (size_t i = 0; i < count; i++) {
            for (unsigned shift = 0; shift < width; shift += 8) {
                *out++ = (uint8_t)(packed[i] >> shift);
            }
        }
        break;
    }
    return count * (width / 8);
}

static size_t write_block(struct encoding *encoding, const struct vv_integer_plan *plan,
                          uint8_t *out)
{
    uint64_t packed[VV_COLUMN_MAX];
    uint16_t positions[VV_COLUMN_MAX + 1]; /* find_exceptions() writes one too many */
    size_t count = encoding->count;
    size_t first = first_difference(plan->mode);
    size_t exceptions = split_exceptions(encoding->kernels, encoding->differences, first, count,
                                         plan, packed, positions);
    struct vv_writer writer = vv_writer_init(out, VV_INTEGER_BLOCK_BOUND(count));
    write_header(&writer, encoding, plan, exceptions);
    if (exceptions != 0) {
        write_exceptions(encoding->kernels, &writer, encoding->differences, count, plan->base,
                         positions, exceptions);
    }
    return (size_t)(writer.at - out) + write_payload(encoding, plan->width, packed, writer.at);
}

static enum vv_block_layout layout_of(enum vv_block_form form)
{
    switch (form) {
    case VV_FORM_PLANES:
    case VV_FORM_DELTA_PLANES:
        return VV_LAYOUT_PLANES;
    case VV_FORM_FIELDS:
        return VV_LAYOUT_FIELDS;
    case VV_FORM_PACKED:
        break;
    }
    return VV_LAYOUT_LANES;
}

/* The plan of one mode for the whole column; its differences stay in the encoding. */
static struct vv_integer_plan plan_mode(struct encoding *encoding, enum vv_block_mode mode,
                                        enum vv_block_form form)
{
    /* What an exception costs zstd, found by trying: its bytes, and planes that become unlike. */
    enum { EXCEPTION_BITS = 100, EXCEPTION_BITS_ALIKE = 200 };
    size_t first = first_difference(mode);
    find_differences(encoding->kernels, encoding->steps, encoding->count, mode,
                     encoding->differences);
    encoding->differences_mode = mode;
    const int64_t *differences = encoding->differences + first;
    size_t count = encoding->count - first;
    if (form == VV_FORM_PACKED) {
        struct vv_integer_plan plan =
            vv_integer_plan_lanes(encoding->kernels, differences, count, mode);
        /* Those that do not count are packed nevertheless, and stand in the header as well. */
        plan.bits += first * (plan.width + 8);
        return plan;
    }
    return vv_integer_plan_bytes(encoding->kernels, differences, count, mode,
                                 form == VV_FORM_DELTA_PLANES ? EXCEPTION_BITS_ALIKE
                                                              : EXCEPTION_BITS);
}

/* Estimates the bits of a mode from a few stretches of the column. */
static size_t sample_mode(const struct encoding *encoding, enum vv_block_mode mode)
{
    enum { STRETCHES = 4, STRETCH = 32 };
    int64_t differences[STRETCHES * STRETCH];
    size_t first = first_difference(mode);
    size_t taken = 0;
    for (size_t stretch = 0; stretch < STRETCHES; stretch++) {
        int64_t some[STRETCH];
        size_t start = stretch * (encoding->count - STRETCH) / (STRETCHES - 1);
        find_differences(encoding->kernels, encoding->steps + start, STRETCH, mode, some);
        memcpy(differences + taken, some + first, (STRETCH - first) * sizeof *some);
        taken += STRETCH - first;
    }
    size_t bits = vv_integer_plan_lanes(encoding->kernels, differences, taken, mode).bits;
    return bits * encoding->count / taken;
}

/* Which modes are worth a whole plan: bit m stands for mode m. */
static unsigned promising_modes(const struct encoding *encoding, enum vv_block_form form)
{
    enum { SAMPLED_COUNT_MIN = 256 };
    size_t count = encoding->count;
    unsigned possible = count >= 3 ? 7 : count == 2 ? 3 : 1;
    if (form == VV_FORM_DELTA_PLANES && count > 1) {
        return 1u << VV_BLOCK_DELTA;
    }
    if (form != VV_FORM_PACKED || count < SAMPLED_COUNT_MIN) {
        return possible;
    }
    size_t bits[3];
    size_t least = SIZE_MAX;
    for (unsigned mode = 0; mode < 3; mode++) {
        bits[mode] = sample_mode(encoding, (enum vv_block_mode)mode);
        least = bits[mode] < least ? bits[mode] : least;
    }
    unsigned modes = 0;
    for (unsigned mode = 0; mode < 3; mode++) {
        modes |= bits[mode] <= least + least / 32 ? 1u << mode : 0;
    }
    return modes;
}

size_t vv_integer_block_encode(const struct vv_kernels *kernels, const int64_t *integers,
                               size_t count, enum vv_block_form form, uint8_t *out)
{
    struct encoding encoding;
    encoding.kernels = kernels;
    encoding.count = count;
    encoding.layout = layout_of(form);
    find_steps(integers, &encoding);
    struct vv_integer_plan best = {.bits = SIZE_MAX};
    unsigned modes = promising_modes(&encoding, form);
    for (unsigned mode = 0; mode < 3; mode++) {
        if ((modes >> mode & 1) != 0) {
            struct vv_integer_plan plan = plan_mode(&encoding, (enum vv_block_mode)mode, form);
            best = plan.bits < best.bits ? plan : best;
        }
    }
    if (encoding.differences_mode != best.mode) {
        find_differences(kernels, encoding.steps, count, best.mode, encoding.differences);
    }
    return write_block(&encoding, &best, out);
}
