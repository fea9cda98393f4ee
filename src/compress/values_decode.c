/*
 * values_decode.c - reads value columns of any scheme.
 *
 * R1  The tag, the counts and the positions are checked before anything is written.
 * R2  Decimals are numbers. Without places, and small by what their block says of them, they are
 *     whole numbers whose sums are exact; exceptions may be anything.
 * Thread: no state. No allocation; about 40 KiB of stack.
 */
#include "compress/codec_with.h"
#include "compress/decimals.h"
#include "compress/integer_block.h"
#include "compress/positions.h"
#include "compress/values.h"

static double double_of(uint64_t bits)
{
    double value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

static varve_status decode_constant(const struct vv_kernels *kernels, struct vv_reader *reader,
                                    unsigned scheme, size_t count, double *values)
{
    double value;
    if (scheme == VV_VALUES_CORRECTED) {
        return VARVE_CORRUPT;
    }
    if (scheme == VV_VALUES_RAW) {
        value = double_of(vv_read_u64(reader));
    } else {
        value = (double)vv_read_varint_signed(reader) / vv_powers_of_ten[scheme];
    }
    if (reader->failed || reader->at != reader->end) {
        return VARVE_CORRUPT;
    }
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    kernels->fill(bits, count, (uint64_t *)values);
    return VARVE_OK;
}

/* What decimals of a block are (R2). */
static unsigned traits_of(const struct vv_integer_block *block, unsigned scheme)
{
    bool whole = scheme == 0 && vv_integer_block_is_small(block);
    return VV_TRAIT_NUMBERS | (whole ? VV_TRAIT_WHOLE : 0u);
}

/* The block of a scheme, after runs and exceptions. */
static varve_status decode_block(const struct vv_kernels *kernels, struct vv_reader *reader,
                                 unsigned scheme, size_t count, double *values, unsigned *traits)
{
    struct vv_integer_block block;
    VV_TRY(vv_integer_block_parse(kernels, reader, count, &block));
    if (scheme != VV_VALUES_RAW) {
        vv_integer_block_decimals(kernels, &block, scheme, values);
        *traits = traits_of(&block, scheme);
        return VARVE_OK;
    }
    uint64_t *bits = (uint64_t *)values;
    vv_integer_block_integers(kernels, &block, bits);
    kernels->order(bits, count);
    return VARVE_OK;
}

/* Decimals and, in a block of their own before them, corrections. */
static varve_status decode_corrected(const struct vv_kernels *kernels, struct vv_reader *reader,
                                     size_t count, double *values)
{
    struct vv_integer_block corrections;
    struct vv_integer_block block;
    unsigned places = vv_read_u8(reader);
    size_t length = vv_read_u16(reader);
    const uint8_t *bytes = vv_read_bytes(reader, length);
    if (bytes == NULL || places > VV_DECIMALS_MAX) {
        return VARVE_CORRUPT;
    }
    struct vv_reader corrections_reader = vv_reader_init(bytes, length);
    VV_TRY(vv_integer_block_parse(kernels, &corrections_reader, count, &corrections));
    VV_TRY(vv_integer_block_parse(kernels, reader, count, &block));
    vv_integer_block_decimals(kernels, &block, places, values);
    vv_integer_block_add(kernels, &corrections, (uint64_t *)values);
    return VARVE_OK;
}

/* Values with the exceptions of their decimals, if the tag has the flag. */
static varve_status decode_plain(const struct vv_kernels *kernels, struct vv_reader *reader,
                                 unsigned tag, size_t count, double *values, unsigned *traits)
{
    unsigned scheme = tag & VV_VALUES_SCHEME;
    if (scheme == VV_VALUES_CORRECTED && (tag & VV_VALUES_EXCEPTIONS) == 0) {
        return decode_corrected(kernels, reader, count, values);
    }
    if ((tag & VV_VALUES_EXCEPTIONS) == 0) {
        return decode_block(kernels, reader, scheme, count, values, traits);
    }
    struct vv_positions positions;
    uint16_t room[VV_POSITIONS_ROOM];
    uint64_t exceptions = vv_read_varint(reader);
    if (exceptions == 0 || exceptions > count || scheme > VV_DECIMALS_MAX) {
        return VARVE_CORRUPT;
    }
    VV_TRY(vv_positions_parse(kernels, reader, (size_t)exceptions, count, &positions));
    const uint8_t *bits = vv_read_bytes(reader, exceptions * 8);
    VV_TRY(decode_block(kernels, reader, scheme, count, values, traits));
    *traits = 0;
    const uint16_t *list = vv_positions_list(kernels, &positions, room);
    for (size_t i = 0; i < exceptions; i++) {
        values[list[i]] = double_of(vv_load_u64(bits + i * 8));
    }
    return VARVE_OK;
}

static varve_status decode_runs(const struct vv_kernels *kernels, struct vv_reader *reader,
                                unsigned tag, size_t count, double *values, unsigned *traits)
{
    struct vv_positions changes;
    double runs[VV_DECODE_ROOM(VV_COLUMN_MAX) + 8];
    uint64_t change_count = vv_read_varint(reader);
    if (change_count == 0 || change_count >= count) {
        return VARVE_CORRUPT;
    }
    VV_TRY(vv_positions_parse(kernels, reader, (size_t)change_count, count, &changes));
    if (vv_positions_have_zero(&changes)) {
        return VARVE_CORRUPT;
    }
    VV_TRY(decode_plain(kernels, reader, tag, (size_t)change_count + 1, runs, traits));
    vv_positions_expand(kernels, &changes, (const uint64_t *)runs, (uint64_t *)values);
    return VARVE_OK;
}

varve_status vv_values_decode_traits_with(const struct vv_kernels *kernels, const uint8_t *in,
                                          size_t length, size_t count, double *values,
                                          unsigned *traits)
{
    VV_ASSERT(count >= 1 && count <= VV_COLUMN_MAX);
    struct vv_reader reader = vv_reader_init(in, length);
    unsigned tag = vv_read_u8(&reader);
    unsigned scheme = tag & VV_VALUES_SCHEME;
    *traits = 0;
    if (scheme > VV_DECIMALS_MAX && scheme < VV_VALUES_CORRECTED) {
        return VARVE_CORRUPT;
    }
    if ((tag & VV_VALUES_CONSTANT) != 0) {
        if ((tag & (VV_VALUES_RUNS | VV_VALUES_EXCEPTIONS)) != 0) {
            return VARVE_CORRUPT;
        }
        return decode_constant(kernels, &reader, scheme, count, values);
    }
    return (tag & VV_VALUES_RUNS) != 0 ? decode_runs(kernels, &reader, tag, count, values, traits)
                                       : decode_plain(kernels, &reader, tag, count, values, traits);
}

varve_status vv_values_decode_with(const struct vv_kernels *kernels, const uint8_t *in,
                                   size_t length, size_t count, double *values)
{
    unsigned traits;
    return vv_values_decode_traits_with(kernels, in, length, count, values, &traits);
}

varve_status vv_values_decode_traits(const uint8_t *in, size_t length, size_t count, double *values,
                                     unsigned *traits)
{
    return vv_values_decode_traits_with(vv_kernels(), in, length, count, values, traits);
}

varve_status vv_values_decode(const uint8_t *in, size_t length, size_t count, double *values)
{
    return vv_values_decode_with(vv_kernels(), in, length, count, values);
}
