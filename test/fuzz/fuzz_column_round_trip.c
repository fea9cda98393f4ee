/*
 * fuzz_column_round_trip.c - any values and timestamps come back, in every form and on every
 * instruction set.
 *
 *     input: | bit 0: 0 timestamps, 1 values; bits 1..3: how numbers are made (1 byte) | 8-byte
 *     numbers |
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/status.h"
#include "compress/codec_with.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

static const struct vv_kernels *tables[4];
static size_t table_count;

/* Numbers from bytes: as they stand, sums of small steps, decimals, runs. */
static size_t make_numbers(const uint8_t *bytes, size_t length, unsigned how, uint64_t *numbers)
{
    size_t count = 0;
    uint64_t sum = 0;
    double value = 0;
    size_t width = how % 4 == 0 ? 8 : 1;
    for (size_t at = 0; at + width <= length && count < VV_COLUMN_MAX; at += width) {
        uint64_t number = 0;
        memcpy(&number, bytes + at, width);
        switch (how % 4) {
        case 0:
            break;
        case 1:
            sum += number;
            number = sum << (how / 4 * 20);
            break;
        case 2:
            value = (double)(int64_t)(number + sum++ * 100) / (how / 4 == 0 ? 100 : 1e9);
            memcpy(&number, &value, sizeof number);
            break;
        default:
            sum = number > 200 ? number * UINT64_C(0x9e3779b97f4a7c15) : sum;
            number = sum;
            break;
        }
        numbers[count++] = number;
    }
    return count;
}

static void check_values(const uint64_t *numbers, size_t count)
{
    double values[VV_COLUMN_MAX];
    double decoded[VV_DECODE_ROOM(VV_COLUMN_MAX)];
    memcpy(values, numbers, count * sizeof *values);
    for (int form = 0; form < VV_FORM_COUNT; form++) {
        uint8_t *out = malloc(VV_VALUES_BOUND(count));
        VV_ASSERT(out != NULL);
        size_t length =
            vv_values_encode_with(tables[0], values, count, (enum vv_block_form)form, out);
        uint8_t *padded = malloc(length + VV_DECODE_PADDING);
        VV_ASSERT(padded != NULL && length <= VV_VALUES_BOUND(count));
        memcpy(padded, out, length);
        memset(padded + length, 0xa5, VV_DECODE_PADDING);
        for (size_t i = 0; i < table_count; i++) {
            VV_ASSERT(vv_values_encode_with(tables[i], values, count, (enum vv_block_form)form,
                                            out) == length);
            VV_ASSERT(memcmp(out, padded, length) == 0);
            VV_ASSERT(vv_values_decode_with(tables[i], padded, length, count, decoded) == VARVE_OK);
            VV_ASSERT(memcmp(decoded, values, count * sizeof *values) == 0);
        }
        free(padded);
        free(out);
    }
}

static void check_timestamps(const uint64_t *numbers, size_t count)
{
    int64_t timestamps[VV_COLUMN_MAX];
    int64_t decoded[VV_DECODE_ROOM(VV_COLUMN_MAX)];
    memcpy(timestamps, numbers, count * sizeof *timestamps);
    for (size_t i = 0; i < table_count; i++) {
        uint8_t *out = malloc(VV_TIMESTAMPS_BOUND(count) + VV_DECODE_PADDING);
        VV_ASSERT(out != NULL);
        size_t length = vv_timestamps_encode_with(tables[i], timestamps, count, out);
        memset(out + length, 0xa5, VV_DECODE_PADDING);
        VV_ASSERT(vv_timestamps_decode_with(tables[i], out, length, count, decoded) == VARVE_OK);
        VV_ASSERT(memcmp(decoded, timestamps, count * sizeof *timestamps) == 0);
        free(out);
    }
}

/* Finds the tables of this machine, once. */
static void find_tables(void)
{
    for (int isa = VV_ISA_SCALAR; isa <= VV_ISA_NEON; isa++) {
        const struct vv_kernels *table = vv_kernels_of((enum vv_isa)isa);
        if (table != NULL) {
            tables[table_count++] = table;
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    uint64_t numbers[VV_COLUMN_MAX];
    if (table_count == 0) {
        find_tables();
    }
    if (length < 2) {
        return 0;
    }
    size_t count = make_numbers(bytes + 1, length - 1, bytes[0] >> 1 & 7, numbers);
    if (count != 0 && (bytes[0] & 1) == 0) {
        check_timestamps(numbers, count);
    } else if (count != 0) {
        check_values(numbers, count);
    }
    return 0;
}
