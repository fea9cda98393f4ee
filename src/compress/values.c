/*
 * values.c - encodes value columns: constant, runs, decimals (with corrections where they are near
 * ones) or ordered bits over an integer block.
 *
 * V1  Nothing is compared as a number: equal means the same 64 bits, so that NaN payloads and -0
 *     stay.
 * Thread: no state. No allocation; about 110 KiB of stack.
 */
#include "compress/values.h"
#include "compress/bits.h"
#include "compress/codec_with.h"
#include "compress/decimals.h"
#include "compress/integer_block.h"
#include "compress/positions.h"

static uint64_t bits_of(double value)
{
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

static size_t encode_constant(const struct vv_kernels *kernels, double value, uint8_t *out)
{
    uint16_t exception;
    int64_t integer;
    struct vv_decimals decimals = {.exceptions = &exception, .integers = &integer};
    if (vv_decimals_find(kernels, &value, 1, &decimals)) {
        out[0] = (uint8_t)(VV_VALUES_CONSTANT | decimals.places);
        return 1 + vv_varint_put(out + 1, vv_zigzag(integer));
    }
    out[0] = VV_VALUES_CONSTANT | VV_VALUES_RAW;
    vv_store_u64(out + 1, bits_of(value));
    return 9;
}

static size_t write_value_exceptions(const double *values, size_t count,
                                     const struct vv_decimals *decimals, uint8_t *out)
{
    uint8_t *at = out;
    at += vv_varint_put(at, decimals->exception_count);
    at += vv_positions_encode(decimals->exceptions, decimals->exception_count, count, at);
    for (size_t i = 0; i < decimals->exception_count; i++) {
        vv_store_u64(at, bits_of(values[decimals->exceptions[i]]));
        at += 8;
    }
    return (size_t)(at - out);
}

/* Decimals without exceptions, each with its correction. */
static size_t write_corrected(const struct vv_kernels *kernels, const struct vv_decimals *decimals,
                              const int64_t *corrections, size_t count, unsigned flags,
                              enum vv_block_form form, uint8_t *out)
{
    enum { HEADER = 4 };
    size_t length = vv_integer_block_encode(kernels, corrections, count, form, out + HEADER);
    out[0] = (uint8_t)(flags | VV_VALUES_CORRECTED);
    out[1] = (uint8_t)decimals->places;
    vv_store_u16(out + 2, (uint16_t)length);
    length += HEADER;
    return length + vv_integer_block_encode(kernels, decimals->integers, count, form, out + length);
}

/* Decimals, the values of whose exceptions stand as they are. */
static size_t write_decimals(const struct vv_kernels *kernels, const struct vv_decimals *decimals,
                             const double *values, size_t count, unsigned flags,
                             enum vv_block_form form, uint8_t *out)
{
    size_t length = 1;
    if (decimals->exception_count != 0) {
        flags |= VV_VALUES_EXCEPTIONS;
        length += write_value_exceptions(values, count, decimals, out + 1);
    }
    out[0] = (uint8_t)(flags | decimals->places);
    return length + vv_integer_block_encode(kernels, decimals->integers, count, form, out + length);
}

/* Everything after the runs: values that need not be different. */
static size_t encode_plain(const struct vv_kernels *kernels, const double *values, size_t count,
                           unsigned flags, enum vv_block_form form, uint8_t *out)
{
    enum {
        EXCEPTIONS_FEW = 64
    }; /* one in so many decodes faster than a correction of each value */
    int64_t integers[VV_COLUMN_MAX];
    int64_t corrections[VV_COLUMN_MAX];
    uint16_t exceptions[VV_COLUMN_MAX];
    struct vv_decimals decimals = {.exceptions = exceptions, .integers = integers};
    bool found = vv_decimals_find(kernels, values, count, &decimals);
    if (found ? decimals.exception_count * EXCEPTIONS_FEW > count &&
                    vv_decimals_correct(values, count, &decimals, corrections)
              : vv_decimals_find_corrected(values, count, &decimals, corrections)) {
        return write_corrected(kernels, &decimals, corrections, count, flags, form, out);
    }
    if (found) {
        return write_decimals(kernels, &decimals, values, count, flags, form, out);
    }
    for (size_t i = 0; i < count; i++) {
        integers[i] = (int64_t)vv_ordered_bits(bits_of(values[i]));
    }
    out[0] = (uint8_t)(flags | VV_VALUES_RAW);
    return 1 + vv_integer_block_encode(kernels, integers, count, form, out + 1);
}

/* Positions where a value differs from the one before. */
static void find_changes(const double *values, size_t count, uint16_t *changes)
{
    size_t found = 0;
    uint64_t before = bits_of(values[0]);
    for (size_t i = 1; i < count; i++) {
        uint64_t bits = bits_of(values[i]);
        changes[found] = (uint16_t)i;
        found += bits != before;
        before = bits;
    }
}

/* Runs: how many, where the second and later ones start, and the encoding of one value of each. */
static size_t encode_runs(const struct vv_kernels *kernels, const double *values, size_t count,
                          const uint16_t *changes, size_t change_count, enum vv_block_form form,
                          uint8_t *out)
{
    double runs[VV_COLUMN_MAX];
    uint8_t plain[VV_VALUES_BOUND(VV_COLUMN_MAX)];
    runs[0] = values[0];
    for (size_t i = 0; i < change_count; i++) {
        runs[i + 1] = values[changes[i]];
    }
    size_t length = encode_plain(kernels, runs, change_count + 1, VV_VALUES_RUNS, form, plain);
    uint8_t *at = out;
    *at++ = plain[0];
    at += vv_varint_put(at, change_count);
    at += vv_positions_encode(changes, change_count, count, at);
    memcpy(at, plain + 1, length - 1);
    return (size_t)(at - out) + length - 1;
}

size_t vv_values_encode_with(const struct vv_kernels *kernels, const double *values, size_t count,
                             enum vv_block_form form, uint8_t *out)
{
    VV_ASSERT(count >= 1 && count <= VV_COLUMN_MAX);
    size_t change_count = kernels->changes(values, count);
    if (change_count == 0) {
        return encode_constant(kernels, values[0], out);
    }
    /* Entropy coding does by itself what runs do: they must be few to be worth it there. */
    size_t changes_max = form == VV_FORM_PACKED ? count / 2 : count / 8;
    if (change_count < changes_max) {
        uint16_t changes[VV_COLUMN_MAX];
        find_changes(values, count, changes);
        return encode_runs(kernels, values, count, changes, change_count, form, out);
    }
    return encode_plain(kernels, values, count, 0, form, out);
}

size_t vv_values_encode(const double *values, size_t count, uint8_t *out)
{
    return vv_values_encode_with(vv_kernels(), values, count, VV_FORM_PACKED, out);
}
