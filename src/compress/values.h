/*
 * values.h - the tag of a value column, shared by its encoder and decoder. Bytes: CODECS.md,
 * "Values".
 */
#ifndef VARVE_COMPRESS_VALUES_H
#define VARVE_COMPRESS_VALUES_H

#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

/* Bits of the tag byte: the scheme, and what stands before its block. */
enum {
    VV_VALUES_SCHEME = 0x1f,     /* 0 to 15: decimals of that many places */
    VV_VALUES_CORRECTED = 0x1e,  /* the scheme of decimals with corrections */
    VV_VALUES_RAW = 0x1f,        /* the scheme of ordered bits */
    VV_VALUES_CONSTANT = 0x20,   /* one value */
    VV_VALUES_RUNS = 0x40,       /* run starts, then the encoding of one value each */
    VV_VALUES_EXCEPTIONS = 0x80, /* values that are no decimals, with their positions */
};

/* Sums of VV_COLUMN_MAX whole numbers of so many bits, and of their differences, are below 2^53. */
#define VV_WHOLE_MAX 0x1p40

/* Whether sums of such values lose nothing: whole numbers up to VV_WHOLE_MAX, and not -0.0, which
 * makes it matter in which order the least is looked for. */
static inline bool vv_is_whole(double value)
{
    const double rounder = 0x1.8p52; /* adding it leaves no fraction */
    double whole = (value + rounder) - rounder;
    return memcmp(&whole, &value, sizeof value) == 0 && fabs(value) <= VV_WHOLE_MAX;
}

/* Maps the bits of doubles to integers in the order of the numbers, and back: an own inverse. */
static inline uint64_t vv_ordered_bits(uint64_t bits)
{
    return bits ^ (uint64_t)((int64_t)bits >> 63) >> 1;
}

#endif
