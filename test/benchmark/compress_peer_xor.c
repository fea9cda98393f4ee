/*
 * compress_peer_xor.c - Gorilla and Prometheus: XOR with the value before, in a window of
 * meaningful bits.
 *
 *   0                        the same value
 *   10 bits                  the XOR fits the window of the last one
 *   11 leading(5) length(6)  a new window, then its bits
 *
 * The two differ in one thing: Gorilla's leading zeros stop at 31, Prometheus stores lengths modulo
 * 64 and starts without a window; both are written as one loop here, as both are known to be
 *    written.
 */
#include "compress_bits.h"
#include "compress_peers.h"

enum { NO_WINDOW = 255, LEADING_MAX = 31 };

static size_t xor_encode(const double *values, size_t count, unsigned first_leading, uint8_t *out)
{
    struct bit_sink sink = {.at = out};
    uint64_t before = bits_of_double(values[0]);
    unsigned leading = first_leading;
    unsigned trailing = 0;
    sink_put(&sink, before, 64);
    for (size_t i = 1; i < count; i++) {
        uint64_t bits = bits_of_double(values[i]);
        uint64_t difference = bits ^ before;
        before = bits;
        if (difference == 0) {
            sink_put(&sink, 0, 1);
            continue;
        }
        unsigned new_leading = (unsigned)__builtin_clzll(difference);
        unsigned new_trailing = (unsigned)__builtin_ctzll(difference);
        new_leading = new_leading > LEADING_MAX ? LEADING_MAX : new_leading;
        if (leading != NO_WINDOW && new_leading >= leading && new_trailing >= trailing) {
            sink_put(&sink, 2, 2);
            sink_put(&sink, difference >> trailing, 64 - leading - trailing);
            continue;
        }
        leading = new_leading;
        trailing = new_trailing;
        unsigned length = 64 - leading - trailing;
        sink_put(&sink, 3, 2);
        sink_put(&sink, leading, 5);
        sink_put(&sink, length & 63, 6);
        sink_put(&sink, difference >> trailing, length);
    }
    return (size_t)(sink_end(&sink) - out);
}

static void xor_decode(const uint8_t *in, size_t length, size_t count, double *values)
{
    (void)length;
    struct bit_source source = {.bytes = in};
    uint64_t bits = source_get(&source, 64);
    unsigned leading = 0;
    unsigned width = 64;
    values[0] = double_of_bits(bits);
    for (size_t i = 1; i < count; i++) {
        uint64_t control = source_peek(&source, 13);
        if ((control & 0x1000) == 0) {
            source.bit += 1;
        } else {
            if ((control & 0x0800) == 0) {
                source.bit += 2;
            } else {
                source.bit += 13;
                leading = (unsigned)(control >> 6 & 31);
                width = (unsigned)(control & 63);
                width = width == 0 ? 64 : width;
            }
            bits ^= source_get(&source, width) << (64 - leading - width);
        }
        values[i] = double_of_bits(bits);
    }
}

static size_t gorilla_encode(const double *values, size_t count, uint8_t *out)
{
    return xor_encode(values, count, NO_WINDOW, out);
}

static size_t prometheus_encode(const double *values, size_t count, uint8_t *out)
{
    return xor_encode(values, count, NO_WINDOW, out);
}

const struct bench_peer bench_gorilla = {"gorilla", gorilla_encode, xor_decode};
const struct bench_peer bench_prometheus = {"prometheus", prometheus_encode, xor_decode};
