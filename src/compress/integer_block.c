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
    bool narrow;
    int64_t steps[VV_COLUMN_MAX];
    int64_t differences[VV_COLUMN_MAX];
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

/* Divides the distances to the first entry by their common factor. */
static void find_steps(const int64_t *integers, struct encoding *encoding)
{
    uint64_t factor = 0;
    encoding->origin = integers[0];
    for (size_t i = 0; i < encoding->count; i++) {
        int64_t distance = wrapping_subtract(integers[i], integers[0]);
        encoding->steps[i] = distance;
        if (factor != 1) {
            uint64_t magnitude = distance < 0 ? 0 - (uint64_t)distance : (uint64_t)distance;
            factor = greatest_common_divisor(magnitude, factor);
        }
    }
    encoding->factor = factor == 0 || factor > INT64_MAX ? 1 : factor;
    int64_t low = 0;
    int64_t high = 0;
    for (size_t i = 0; i < encoding->count; i++) {
        if (encoding->factor != 1) {
            encoding->steps[i] /= (int64_t)encoding->factor;
        }
        low = encoding->steps[i] < low ? encoding->steps[i] : low;
        high = encoding->steps[i] > high ? encoding->steps[i] : high;
    }
    encoding->narrow = low >= INT32_MIN && high <= INT32_MAX;
}

/* Fills differences for the mode; returns the index of the first that counts (E2). */
static size_t find_differences(struct encoding *encoding, enum vv_block_mode mode)
{
    const int64_t *steps = encoding->steps;
    int64_t *differences = encoding->differences;
    size_t count = encoding->count;
    if (mode == VV_BLOCK_FRAME) {
        memcpy(differences, steps, count * sizeof *differences);
        return 0;
    }
    differences[0] = 0;
    for (size_t i = 1; i < count; i++) {
        differences[i] = wrapping_subtract(steps[i], steps[i - 1]);
    }
    if (mode == VV_BLOCK_DELTA) {
        return 1;
    }
    for (size_t i = count - 1; i >= 2; i--) {
        differences[i] = wrapping_subtract(differences[i], differences[i - 1]);
    }
    differences[1] = 0;
    return 2;
}

static void write_exceptions(struct vv_writer *writer, const int64_t *differences, size_t count,
                             int64_t base, const uint16_t *positions, size_t exceptions)
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
    struct vv_bit_writer bits = {.at = writer->at};
    for (size_t i = 0; i < exceptions; i++) {
        vv_bits_put(&bits, (uint64_t)differences[positions[i]] - (uint64_t)low, width);
    }
    writer->at = vv_bits_flush(&bits);
}

/* The numbers to pack; those that do not fit the width become exceptions (E2, E3). */
static size_t split_exceptions(const int64_t *differences, size_t first, size_t count,
                               const struct vv_integer_plan *plan, uint64_t *packed,
                               uint16_t *positions)
{
    uint64_t mask = vv_bits_mask(plan->width);
    size_t exceptions = 0;
    for (size_t i = 0; i < count; i++) {
        uint64_t offset = plan->zigzag ? vv_zigzag(differences[i])
                                       : (uint64_t)differences[i] - (uint64_t)plan->base;
        bool fits = offset <= mask;
        packed[i] = fits && i >= first ? offset : 0;
        if (!fits && i >= first) {
            positions[exceptions++] = (uint16_t)i;
        }
    }
    return exceptions;
}

/* Everything before the exceptions. */
static void write_header(struct vv_writer *writer, const struct encoding *encoding,
                         const struct vv_integer_plan *plan, size_t exceptions)
{
    bool narrow = encoding->narrow && plan->width <= 32;
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
        return width <= 32 ? encoding->kernels->pack32(packed, count, width, out)
                           : encoding->kernels->pack64(packed, count, width, out);
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
    uint16_t positions[VV_COLUMN_MAX];
    size_t count = encoding->count;
    size_t first = find_differences(encoding, plan->mode);
    size_t exceptions =
        split_exceptions(encoding->differences, first, count, plan, packed, positions);
    struct vv_writer writer = vv_writer_init(out, VV_INTEGER_BLOCK_BOUND(count));
    write_header(&writer, encoding, plan, exceptions);
    if (exceptions != 0) {
        write_exceptions(&writer, encoding->differences, count, plan->base, positions, exceptions);
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

/* The plan of one mode in one form. */
static struct vv_integer_plan plan_mode(struct encoding *encoding, enum vv_block_mode mode,
                                        enum vv_block_form form)
{
    /* What an exception costs zstd, found by trying: its bytes, and planes that become unlike. */
    enum { EXCEPTION_BITS = 100, EXCEPTION_BITS_ALIKE = 200 };
    size_t first = find_differences(encoding, mode);
    const int64_t *differences = encoding->differences + first;
    size_t count = encoding->count - first;
    if (form == VV_FORM_PACKED) {
        return vv_integer_plan_lanes(differences, count, mode);
    }
    return vv_integer_plan_bytes(differences, count, mode,
                                 form == VV_FORM_DELTA_PLANES ? EXCEPTION_BITS_ALIKE
                                                              : EXCEPTION_BITS);
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
    for (enum vv_block_mode mode = VV_BLOCK_FRAME; mode <= VV_BLOCK_DELTA_OF_DELTA; mode++) {
        if (mode >= count) {
            break;
        }
        if (form == VV_FORM_DELTA_PLANES && count > 1 && mode != VV_BLOCK_DELTA) {
            continue;
        }
        struct vv_integer_plan plan = plan_mode(&encoding, mode, form);
        if (plan.bits < best.bits) {
            best = plan;
        }
    }
    return write_block(&encoding, &best, out);
}
