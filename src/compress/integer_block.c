/*
 * integer_block.c - encodes integer columns: finds the factor, the mode, the base and the width.
 *
 *   integers --divide by factor--> steps --mode--> differences --base, width--> packed, exceptions
 *
 * E1  steps[i] = (integers[i] - integers[0]) / factor, exactly: factor divides every distance.
 * E2  The first difference of delta mode and the first two of delta of delta are packed as 0.
 * E3  An exception is packed as 0 and stands in the exceptions with its whole difference (less the base).
 * E4  The choice depends on the column alone: the same on every instruction set.
 * Thread: no state. Cost: a few passes over the column; no allocation, about 45 KiB of stack.
 */
#include "compress/integer_block.h"

#include "compress/bits.h"
#include "compress/codec.h"
#include "compress/kernels.h"
#include "compress/positions.h"

/* How a mode's differences are to be packed, and what it takes. */
struct plan {
    enum vv_block_mode mode;
    int64_t base;
    unsigned width;
    size_t bits; /* estimated, exceptions included */
};

struct encoding {
    size_t count;
    enum vv_block_form form;
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

/* The cheapest width for a base, given how many differences need each number of bits. */
static void choose_width(const uint16_t *histogram, size_t count, int64_t base, int64_t low,
                         int64_t high, struct plan *best)
{
    size_t exceptions = 0;
    uint64_t above = (uint64_t)high - (uint64_t)base;
    for (unsigned width = 65; width-- > 0;) {
        size_t bits = count * width;
        if (exceptions != 0) {
            uint64_t span = base > low ? (uint64_t)high - (uint64_t)low
                                       : above - (width < 64 ? (uint64_t)1 << width : 0);
            size_t gap = vv_bits_width(count / exceptions) + 1;
            size_t position_bits = exceptions * gap < count ? exceptions * gap : count;
            bits += 32 + position_bits + exceptions * vv_bits_width(span);
        }
        if (bits < best->bits) {
            *best = (struct plan){.mode = best->mode, .base = base, .width = width, .bits = bits};
        }
        exceptions += histogram[width];
    }
}

static void try_base(const int64_t *differences, size_t first, size_t count, int64_t base,
                     int64_t low, int64_t high, struct plan *best)
{
    uint16_t histogram[65] = {0};
    for (size_t i = first; i < count; i++) {
        uint64_t offset = (uint64_t)differences[i] - (uint64_t)base;
        histogram[vv_bits_width(differences[i] < base ? UINT64_MAX : offset)]++;
    }
    choose_width(histogram, count - first, base, low, high, best);
}

/* Sorts few numbers. */
static void sort_sample(int64_t *sample, size_t count)
{
    for (size_t i = 1; i < count; i++) {
        int64_t value = sample[i];
        size_t at = i;
        for (; at > 0 && sample[at - 1] > value; at--) {
            sample[at] = sample[at - 1];
        }
        sample[at] = value;
    }
}

enum { SAMPLES = 64 };

/* The best base and width for the differences in encoding. */
static struct plan plan_differences(const struct encoding *encoding, enum vv_block_mode mode,
                                    size_t first)
{
    const int64_t *differences = encoding->differences;
    size_t count = encoding->count;
    struct plan best = {.mode = mode, .bits = SIZE_MAX};
    if (first >= count) {
        best.bits = 0;
        return best;
    }
    int64_t low = INT64_MAX;
    int64_t high = INT64_MIN;
    for (size_t i = first; i < count; i++) {
        low = differences[i] < low ? differences[i] : low;
        high = differences[i] > high ? differences[i] : high;
    }
    try_base(differences, first, count, low, low, high, &best);
    if (best.width == 0 && low == high) {
        return best;
    }
    int64_t sample[SAMPLES + 1];
    size_t stride = (count - first + SAMPLES - 1) / SAMPLES;
    size_t taken = 0;
    for (size_t i = first; i < count; i += stride) {
        sample[taken++] = differences[i];
    }
    sort_sample(sample, taken);
    int64_t median = sample[taken / 2];
    int64_t sixteenth = sample[taken / 16];
    if (median != low) {
        try_base(differences, first, count, median, low, high, &best);
    }
    if (sixteenth != low && sixteenth != median) {
        try_base(differences, first, count, sixteenth, low, high, &best);
    }
    return best;
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

/* Differences minus base, in place; those that do not fit width become exceptions. */
static size_t split_exceptions(const int64_t *differences, size_t first, size_t count,
                               const struct plan *plan, uint64_t *packed, uint16_t *positions)
{
    uint64_t mask = vv_bits_mask(plan->width);
    size_t exceptions = 0;
    for (size_t i = 0; i < count; i++) {
        uint64_t offset = (uint64_t)differences[i] - (uint64_t)plan->base;
        bool fits = offset <= mask;
        packed[i] = fits && i >= first ? offset : 0;
        if (!fits && i >= first) {
            positions[exceptions++] = (uint16_t)i;
        }
    }
    return exceptions;
}

static size_t write_block(const struct encoding *encoding, const struct plan *plan, size_t first,
                          uint8_t *out)
{
    uint64_t packed[VV_COLUMN_MAX];
    uint16_t positions[VV_COLUMN_MAX];
    size_t count = encoding->count;
    size_t exceptions =
        split_exceptions(encoding->differences, first, count, plan, packed, positions);
    bool narrow = encoding->narrow && plan->width <= 32;
    unsigned tag = (unsigned)plan->mode | (narrow ? VV_BLOCK_NARROW : 0u) |
                   (encoding->factor != 1 ? VV_BLOCK_FACTOR : 0u) |
                   (exceptions != 0 ? VV_BLOCK_EXCEPTIONS : 0u);
    struct vv_writer writer = vv_writer_init(out, VV_INTEGER_BLOCK_BOUND(count));
    vv_write_u8(&writer, (uint8_t)tag);
    vv_write_u8(&writer, (uint8_t)plan->width);
    if (encoding->factor != 1) {
        vv_write_varint(&writer, encoding->factor);
    }
    if (plan->mode == VV_BLOCK_FRAME) {
        uint64_t shift = encoding->factor * (uint64_t)plan->base;
        vv_write_varint_signed(&writer, (int64_t)((uint64_t)encoding->origin + shift));
    } else {
        vv_write_varint_signed(&writer, encoding->origin);
        if (plan->mode == VV_BLOCK_DELTA_OF_DELTA) {
            vv_write_varint_signed(&writer, encoding->steps[1]);
        }
        vv_write_varint_signed(&writer, plan->base);
    }
    if (exceptions != 0) {
        write_exceptions(&writer, encoding->differences, count, plan->base, positions, exceptions);
    }
    size_t (*pack)(const uint64_t *, size_t, unsigned, uint8_t *) =
        plan->width <= 32 ? vv_kernels()->pack32 : vv_kernels()->pack64;
    return (size_t)(writer.at - out) + pack(packed, count, plan->width, writer.at);
}

size_t vv_integer_block_encode(const int64_t *integers, size_t count, enum vv_block_form form,
                               uint8_t *out)
{
    struct encoding encoding;
    encoding.count = count;
    encoding.form = form;
    find_steps(integers, &encoding);
    struct plan best = {.bits = SIZE_MAX};
    for (enum vv_block_mode mode = VV_BLOCK_FRAME; mode <= VV_BLOCK_DELTA_OF_DELTA; mode++) {
        if (mode >= count) {
            break;
        }
        size_t first = find_differences(&encoding, mode);
        struct plan plan = plan_differences(&encoding, mode, first);
        if (plan.bits < best.bits) {
            best = plan;
        }
    }
    return write_block(&encoding, &best, find_differences(&encoding, best.mode), out);
}
