/*
 * fuzz_columns.c - column decoders against any bytes: a status, never a read or write out of
 * bounds, and what they accept is a column that survives being encoded again.
 *
 *     input: | bit 0: 0 timestamps, 1 values; bits 1..10: count - 1 (2 bytes) | encoded column |
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/status.h"
#include "compress/codec.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

static void *room_for(size_t bytes)
{
    void *memory = malloc(bytes);
    VV_ASSERT(memory != NULL);
    return memory;
}

/* A copy with the padding that decoders may read and nothing behind it. */
static uint8_t *padded(const uint8_t *bytes, size_t length)
{
    uint8_t *copy = room_for(length + VV_DECODE_PADDING);
    memcpy(copy, bytes, length);
    memset(copy + length, 0xa5, VV_DECODE_PADDING);
    return copy;
}

static void check_timestamps(const uint8_t *encoded, size_t length, size_t count)
{
    int64_t *first = room_for(VV_DECODE_ROOM(count) * sizeof *first);

    if (vv_timestamps_decode(encoded, length, count, first) == VARVE_OK) {
        int64_t *second = room_for(VV_DECODE_ROOM(count) * sizeof *second);
        uint8_t *again = room_for(VV_TIMESTAMPS_BOUND(count) + VV_DECODE_PADDING);
        size_t again_length = vv_timestamps_encode(first, count, again);
        VV_ASSERT(vv_timestamps_decode(again, again_length, count, second) == VARVE_OK);
        VV_ASSERT(memcmp(first, second, count * sizeof *first) == 0);
        free(again);
        free(second);
    }
    free(first);
}

static void check_values(const uint8_t *encoded, size_t length, size_t count)
{
    double *first = room_for(VV_DECODE_ROOM(count) * sizeof *first);

    if (vv_values_decode(encoded, length, count, first) == VARVE_OK) {
        double *second = room_for(VV_DECODE_ROOM(count) * sizeof *second);
        uint8_t *again = room_for(VV_VALUES_BOUND(count) + VV_DECODE_PADDING);
        size_t again_length = vv_values_encode(first, count, again);
        VV_ASSERT(vv_values_decode(again, again_length, count, second) == VARVE_OK);
        VV_ASSERT(memcmp(first, second, count * sizeof *first) == 0);
        free(again);
        free(second);
    }
    free(first);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    if (length < 2) {
        return 0;
    }
    unsigned head = bytes[0] | (unsigned)bytes[1] << 8;
    size_t count = (head >> 1) % VV_COLUMN_MAX + 1;
    uint8_t *encoded = padded(bytes + 2, length - 2);

    if ((head & 1) == 0) {
        check_timestamps(encoded, length - 2, count);
    } else {
        check_values(encoded, length - 2, count);
    }
    free(encoded);
    return 0;
}
