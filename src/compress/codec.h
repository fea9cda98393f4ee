/*
 * codec.h - lossless encodings of timestamp and value columns: the contract of the room.
 *
 * Pure functions on the caller's buffers: no allocation, no I/O, no state. Bytes: CODECS.md.
 *
 * C1  A column has 1 to VV_COLUMN_MAX entries; the count is kept by the caller (the chunk
 *     directory).
 * C2  decode(encode(x)) has the same bits as x, for every int64 and every float64 bit pattern.
 * C3  An encoding is deterministic: the same column gives the same bytes on every instruction set.
 * C4  Decoders accept any bytes: they return CORRUPT or OK, never read outside [in, in + length +
 *     VV_DECODE_PADDING) nor write outside out[0 .. VV_DECODE_ROOM(count)), and take bounded time.
 * C5  in is followed by VV_DECODE_PADDING readable bytes of any content (wide loads).
 */
#ifndef VARVE_COMPRESS_CODEC_H
#define VARVE_COMPRESS_CODEC_H

#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

enum {
    VV_COLUMN_MAX = 1024,   /* entries in a column */
    VV_DECODE_PADDING = 64, /* readable bytes that follow every encoded column */
};

/* Entries that the output of a decoder must have room for: wide stores may pass the count. */
#define VV_DECODE_ROOM(count) (((size_t)(count) + 63) & ~(size_t)63)

/* Bytes that are always enough for an encoded column, padding not included. */
#define VV_TIMESTAMPS_BOUND(count) (64 + (size_t)(count)*9)
#define VV_VALUES_BOUND(count) (64 + (size_t)(count)*9)

/* Encodes count timestamps (any int64, any order; increasing ones are what it is good at) into out,
 * which has VV_TIMESTAMPS_BOUND(count) bytes. Returns the bytes used. */
size_t vv_timestamps_encode(const int64_t *timestamps, size_t count, uint8_t *out);

/* Decodes count timestamps from exactly length bytes. CORRUPT: no encoding of count timestamps. */
varve_status vv_timestamps_decode(const uint8_t *in, size_t length, size_t count,
                                  int64_t *timestamps) VARVE_MUST_CHECK;

/* The same for values, any bit pattern. out has VV_VALUES_BOUND(count) bytes. */
size_t vv_values_encode(const double *values, size_t count, uint8_t *out);
varve_status vv_values_decode(const uint8_t *in, size_t length, size_t count,
                              double *values) VARVE_MUST_CHECK;

/* What the encoding of a column tells of its values. */
enum {
    VV_TRAIT_NUMBERS = 1, /* none is NaN or infinite */
    VV_TRAIT_WHOLE = 2, /* all are whole numbers, so small that the sum of VV_COLUMN_MAX is exact */
};
/* As vv_values_decode(), and what is known of the values. */
varve_status vv_values_decode_traits(const uint8_t *in, size_t length, size_t count, double *values,
                                     unsigned *traits) VARVE_MUST_CHECK;

/* What is known of a chunk without decoding it. NaN values are left out of min, max and sum, which
 * are NaN, NaN and 0 if there are only NaN. */
struct vv_value_statistics {
    uint32_t count;     /* all entries */
    uint32_t nan_count; /* of them NaN */
    double min;
    double max;
    double sum;   /* Neumaier-compensated */
    double first; /* bits kept */
    double last;
    double
        increase; /* sum of positive steps, a drop counting as a reset to 0; NaN entries skipped */
    uint32_t resets; /* number of drops */
};

/* Statistics of a column in one pass; count >= 1. */
void vv_values_statistics(const double *values, size_t count,
                          struct vv_value_statistics *statistics);

#endif
