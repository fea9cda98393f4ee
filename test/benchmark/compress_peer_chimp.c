/*
 * compress_peer_chimp.c - Chimp128: XOR with the one of the last 128 values that shares most low
 * bits.
 *
 *   00 index(7)                                equal to value `index` of the last 128
 *   01 index(7) leading(3) length(6) bits      more than 13 trailing zeros against it
 *   10 bits                                    against the value before, leading zeros as last time
 *   11 leading(3) bits                         against the value before, new leading zeros
 */
#include <stdbool.h>

#include "compress_bits.h"
#include "compress_peers.h"

enum { VALUES = 128, INDEX_BITS = 7, THRESHOLD = 6 + INDEX_BITS, KEYS = 1 << (THRESHOLD + 1) };

/* Leading zeros are rounded down to one of eight numbers. */
static const uint8_t leading_rounded[65] = {
    0,  0,  0,  0,  0,  0,  0,  0,  8,  8,  8,  8,  12, 12, 12, 12, 16, 16, 18, 18, 20, 20,
    22, 22, 24, 24, 24, 24, 24, 24, 24, 24, 24, 24, 24, 24, 24, 24, 24, 24, 24, 24, 24, 24,
    24, 24, 24, 24, 24, 24, 24, 24, 24, 24, 24, 24, 24, 24, 24, 24, 24, 24, 24, 24, 24};
static const uint8_t leading_code[25] = {0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 2,
                                         0, 0, 0, 3, 0, 4, 0, 5, 0, 6, 0, 7};
static const uint8_t code_leading[8] = {0, 8, 12, 16, 18, 20, 22, 24};

static size_t chimp_encode(const double *values, size_t count, uint8_t *out)
{
    struct bit_sink sink = {.at = out};
    uint64_t stored[VALUES];
    uint32_t last_index[KEYS];
    unsigned leading_before = 65;
    memset(last_index, 0, sizeof last_index);
    stored[0] = bits_of_double(values[0]);
    last_index[stored[0] & (KEYS - 1)] = 0;
    sink_put(&sink, stored[0], 64);
    for (uint32_t i = 1; i < count; i++) {
        uint64_t bits = bits_of_double(values[i]);
        size_t key = bits & (KEYS - 1);
        uint32_t candidate = last_index[key];
        uint32_t reference = (i - 1) % VALUES;
        uint64_t difference = bits ^ stored[reference];
        bool against_candidate = false;
        if (i - candidate < VALUES) {
            uint64_t other = bits ^ stored[candidate % VALUES];
            if (other == 0 || __builtin_ctzll(other) > THRESHOLD) {
                against_candidate = true;
                reference = candidate % VALUES;
                difference = other;
            }
        }
        if (against_candidate && difference == 0) {
            sink_put(&sink, reference, 2 + INDEX_BITS);
            leading_before = 65;
        } else if (against_candidate) {
            unsigned leading = leading_rounded[__builtin_clzll(difference)];
            unsigned trailing = (unsigned)__builtin_ctzll(difference);
            unsigned length = 64 - leading - trailing;
            uint64_t header = (uint64_t)1 << INDEX_BITS | reference;
            sink_put(&sink, (header << 3 | leading_code[leading]) << 6 | length,
                     2 + INDEX_BITS + 3 + 6);
            sink_put(&sink, difference >> trailing, length);
            leading_before = 65;
        } else {
            unsigned zeros = difference != 0 ? (unsigned)__builtin_clzll(difference) : 64;
            unsigned leading = leading_rounded[zeros];
            if (leading == leading_before) {
                sink_put(&sink, 2, 2);
            } else {
                sink_put(&sink, (uint64_t)3 << 3 | leading_code[leading], 5);
                leading_before = leading;
            }
            sink_put(&sink, difference, 64 - leading);
        }
        stored[i % VALUES] = bits;
        last_index[key] = i;
    }
    return (size_t)(sink_end(&sink) - out);
}

static void chimp_decode(const uint8_t *in, size_t length, size_t count, double *values)
{
    (void)length;
    struct bit_source source = {.bytes = in};
    uint64_t stored[VALUES];
    unsigned leading = 0;
    uint64_t bits = source_get(&source, 64);
    stored[0] = bits;
    values[0] = double_of_bits(bits);
    for (size_t i = 1; i < count; i++) {
        unsigned flag = (unsigned)source_get(&source, 2);
        if (flag == 0) {
            bits = stored[source_get(&source, INDEX_BITS)];
        } else if (flag == 1) {
            unsigned header = (unsigned)source_get(&source, INDEX_BITS + 9);
            unsigned width = header & 63;
            unsigned zeros = code_leading[header >> 6 & 7];
            width = width == 0 ? 64 : width;
            bits = stored[header >> 9] ^ source_get(&source, width) << (64 - zeros - width);
        } else {
            if (flag == 3) {
                leading = code_leading[source_get(&source, 3)];
            }
            bits ^= source_get(&source, 64 - leading);
        }
        stored[i % VALUES] = bits;
        values[i] = double_of_bits(bits);
    }
}

const struct bench_peer bench_chimp128 = {"chimp128", chimp_encode, chimp_decode};
