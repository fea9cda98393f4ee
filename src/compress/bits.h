/*
 * bits.h - fields of a fixed width in a plain bit stream: least significant bit first, no gaps.
 *
 *   field i of width w occupies the bits [i*w, (i+1)*w); bit b is bit b%8 of byte b/8
 *
 * Used where there are few fields: exceptions, positions, the last row of a payload. Columns
 * themselves are packed in lanes by the kernels.
 */
#ifndef VARVE_COMPRESS_BITS_H
#define VARVE_COMPRESS_BITS_H

#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"

/* Bits needed to write value: 0 for 0, 64 at most. */
static inline unsigned vv_bits_width(uint64_t value)
{
    /* Without a branch: which numbers are 0 cannot be predicted. */
    return 63u - (unsigned)__builtin_clzll(value | 1) + (value != 0);
}

/* The width low bits set; width 0 to 64. */
static inline uint64_t vv_bits_mask(unsigned width)
{
    return width == 0 ? 0 : UINT64_MAX >> (64 - width);
}

/* Bytes of count fields. */
static inline size_t vv_bits_bytes(size_t count, unsigned width)
{
    return (count * width + 7) / 8;
}

/* Field `index`. Reads up to 9 bytes from the one where the field starts: callers have padding. */
static inline uint64_t vv_bits_get(const uint8_t *in, size_t index, unsigned width)
{
    size_t bit = index * width;
    unsigned shift = (unsigned)(bit % 8);
    const uint8_t *at = in + bit / 8;
    uint64_t value = vv_load_u64(at) >> shift;
    if (shift + width > 64) {
        value |= (uint64_t)at[8] << (64 - shift);
    }
    return value & vv_bits_mask(width);
}

/* The same of a width up to 32. Reads 8 bytes. */
static inline uint32_t vv_bits_get32(const uint8_t *in, size_t index, unsigned width)
{
    size_t bit = index * width;
    return (uint32_t)(vv_load_u64(in + bit / 8) >> bit % 8 & vv_bits_mask(width));
}

/* A bit stream being written; pending always holds fewer than 8 bits between calls. */
struct vv_bit_writer {
    uint8_t *at;
    uint64_t pending;
    unsigned pending_bits;
};

/* Appends the width low bits of value; the caller's buffer has room for them. Higher bits must be
 * 0. */
static inline void vv_bits_put(struct vv_bit_writer *writer, uint64_t value, unsigned width)
{
    if (width > 32) {
        vv_bits_put(writer, value & UINT32_MAX, 32);
        value >>= 32;
        width -= 32;
    }
    writer->pending |= value << writer->pending_bits;
    writer->pending_bits += width;
    while (writer->pending_bits >= 8) {
        *writer->at++ = (uint8_t)writer->pending;
        writer->pending >>= 8;
        writer->pending_bits -= 8;
    }
}

/* Writes what is left, filled up with zero bits. Returns the end of the stream. */
static inline uint8_t *vv_bits_flush(struct vv_bit_writer *writer)
{
    if (writer->pending_bits != 0) {
        *writer->at++ = (uint8_t)writer->pending;
        writer->pending = 0;
        writer->pending_bits = 0;
    }
    return writer->at;
}

#endif
