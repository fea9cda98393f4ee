/*
 * decimals.h - doubles that are short decimal fractions, as integers, and back exactly.
 *
 * A value is a decimal of d places if x = round(v * 10^d) is below 2^51 and (double)x / 10^d is v
 * again, bit by bit. That division is how a correctly rounded parser reads such a fraction, so that
 * every value that was ever written with up to 15 digits passes. -0.0, NaN and the infinities never
 * do.
 */
#ifndef VARVE_COMPRESS_DECIMALS_H
#define VARVE_COMPRESS_DECIMALS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { VV_DECIMALS_MAX = 15 };

/* 10^0 to 10^VV_DECIMALS_MAX, each exact in a double. */
extern const double vv_powers_of_ten[VV_DECIMALS_MAX + 1];

/* A column as decimals: integers[i] is the value, except at the exceptions, where it repeats a
 * neighbour so that it costs nothing. */
struct vv_decimals {
    unsigned places;
    size_t exception_count;
    uint16_t *exceptions; /* positions, room for the column's count */
    int64_t *integers;    /* room for the column's count */
};

/* Finds the fewest places with which all but an eighth of the values are decimals. False: there are
 * none, and decimals is undefined. */
bool vv_decimals_find(const double *values, size_t count, struct vv_decimals *decimals);

#endif
