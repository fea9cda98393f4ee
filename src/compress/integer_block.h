/*
 * integer_block.h - the one codec of integer columns: timestamps, decimal values, raw doubles.
 *
 * An entry is origin + factor * step, where the steps are small: distances to the origin (frame of
 * reference), sums of differences (delta), or sums of sums (delta of delta). Differences are packed
 * with one width; the few that do not fit are exceptions. Arithmetic is modulo 2^64, so that every
 * int64 column has an encoding. Bytes: CODECS.md, "Integer block".
 */
#ifndef VARVE_COMPRESS_INTEGER_BLOCK_H
#define VARVE_COMPRESS_INTEGER_BLOCK_H

#include "base/bytes.h"
#include "base/status.h"
#include "compress/kernels.h"
#include "compress/positions.h"

enum vv_block_mode { VV_BLOCK_FRAME, VV_BLOCK_DELTA, VV_BLOCK_DELTA_OF_DELTA };

/* Bits of the tag byte. */
enum {
    VV_BLOCK_MODE = 0x03,
    VV_BLOCK_NARROW = 0x04,     /* steps fit 32 bits: they are computed modulo 2^32 */
    VV_BLOCK_FACTOR = 0x08,     /* a factor other than 1 follows */
    VV_BLOCK_EXCEPTIONS = 0x10, /* exceptions follow */
    VV_BLOCK_ZIGZAG = 0x20,     /* packed numbers are zigzag */
    VV_BLOCK_LAYOUT = 0xc0,     /* enum vv_block_layout, from bit 6 */
};

/* How the payload stands: 16 lanes (fastest), byte planes (low bytes first; for entropy coding), or
 * numbers one after the other (for finding repeated ones). */
enum vv_block_layout { VV_LAYOUT_LANES, VV_LAYOUT_PLANES, VV_LAYOUT_FIELDS };

/* What the encoder aims at: fewest bytes and fastest decoding, or whole bytes that zstd packs well:
 * in planes, which suits noise (all differences where symbols shall mean the same in every column),
 * or number by number, which suits values that come back. */
enum vv_block_form { VV_FORM_PACKED, VV_FORM_PLANES, VV_FORM_DELTA_PLANES, VV_FORM_FIELDS };

enum { VV_FORM_COUNT = VV_FORM_FIELDS + 1 };

/* Bytes that are always enough. */
#define VV_INTEGER_BLOCK_BOUND(count) (56 + (size_t)(count)*9)

/* A parsed block: points into the bytes that it was parsed from. */
struct vv_integer_block {
    size_t count;
    enum vv_block_mode mode;
    bool narrow;
    bool zigzag;
    enum vv_block_layout layout;
    unsigned width;
    uint64_t factor;
    uint64_t origin;
    uint64_t base;  /* added to every difference but those before the first packed one */
    uint64_t first; /* delta of delta: the first difference */
    const uint8_t *payload;
    unsigned exception_width;
    uint64_t exception_base;
    const uint8_t *exception_values;
    struct vv_positions exceptions; /* a count of 0: there are none, and the rest is undefined */
};

/* Encodes count (1 to 1024) integers; out has VV_INTEGER_BLOCK_BOUND(count) bytes. Returns the
 * length. */
size_t vv_integer_block_encode(const struct vv_kernels *kernels, const int64_t *integers,
                               size_t count, enum vv_block_form form, uint8_t *out);

/* Reads a block that fills the rest of the reader exactly. CORRUPT: it does not, or is none. */
varve_status vv_integer_block_parse(const struct vv_kernels *kernels, struct vv_reader *reader,
                                    size_t count, struct vv_integer_block *block) VARVE_MUST_CHECK;

/* Whether every entry is at most 2^43, by what stands in the header: 2^10 of them have an exact sum
 * in a double. */
bool vv_integer_block_is_small(const struct vv_integer_block *block);

/* Writes the entries of a parsed block; out has VV_DECODE_ROOM(count) entries. Cannot fail. */
void vv_integer_block_integers(const struct vv_kernels *kernels,
                               const struct vv_integer_block *block, uint64_t *out);

/* Adds the entries of a parsed block to those of out, modulo 2^64. Cannot fail. */
void vv_integer_block_add(const struct vv_kernels *kernels, const struct vv_integer_block *block,
                          uint64_t *out);

/* The same as doubles, integer / 10^places. */
void vv_integer_block_decimals(const struct vv_kernels *kernels,
                               const struct vv_integer_block *block, unsigned places, double *out);

#endif
