/*
 * compress_bits.h - bit streams of the peers: most significant bit first, through a 64-bit buffer.
 */
#ifndef VARVE_TEST_BENCHMARK_COMPRESS_BITS_H
#define VARVE_TEST_BENCHMARK_COMPRESS_BITS_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct bit_sink {
    uint8_t *at;
    uint64_t buffer; /* the bits not yet written, at the top */
    unsigned used;   /* of them, below 64 */
};

static inline void sink_word(struct bit_sink *sink)
{
    uint64_t big = __builtin_bswap64(sink->buffer);
    memcpy(sink->at, &big, 8);
    sink->at += 8;
}

/* width 1 to 64; higher bits of value are 0. */
static inline void sink_put(struct bit_sink *sink, uint64_t value, unsigned width)
{
    unsigned room = 64 - sink->used;
    if (width < room) {
        sink->buffer |= value << (room - width);
        sink->used += width;
        return;
    }
    unsigned over = width - room;
    sink->buffer |= value >> over;
    sink_word(sink);
    sink->buffer = over != 0 ? value << (64 - over) : 0;
    sink->used = over;
}

static inline uint8_t *sink_end(struct bit_sink *sink)
{
    if (sink->used != 0) {
        uint8_t *end = sink->at + (sink->used + 7) / 8;
        sink_word(sink);
        return end;
    }
    return sink->at;
}

/* Reads anywhere by position: a load of 8 bytes and a shift; the input is padded. */
struct bit_source {
    const uint8_t *bytes;
    size_t bit;
};

/* The next width bits (1 to 56), not taken. */
static inline uint64_t source_peek(const struct bit_source *source, unsigned width)
{
    uint64_t word;
    memcpy(&word, source->bytes + source->bit / 8, 8);
    return __builtin_bswap64(word) << (source->bit % 8) >> (64 - width);
}

static inline uint64_t source_get(struct bit_source *source, unsigned width)
{
    uint64_t value = 0;
    if (width > 32) {
        value = source_peek(source, 32);
        source->bit += 32;
        width -= 32;
        value <<= width;
    }
    value |= source_peek(source, width);
    source->bit += width;
    return value;
}

static inline uint64_t bits_of_double(double value)
{
    uint64_t bits;
    memcpy(&bits, &value, 8);
    return bits;
}

static inline double double_of_bits(uint64_t bits)
{
    double value;
    memcpy(&value, &bits, 8);
    return value;
}

#endif
