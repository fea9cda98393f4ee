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

#include <math.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "compress/kernels.h"

enum { VV_DECIMALS_MAX = 15 };

/* A decimal's integer is below it; beyond, neighbouring integers would not round apart. */
#define VV_DECIMALS_LIMIT 0x1p51
/* Adding 1.5 * 2^52 to a number below the limit leaves no bits below the units: it rounds to
 * nearest, ties to even, and the integer stands in the low bits of the sum. */
#define VV_DECIMALS_ROUNDER 0x1.8p52

/* 10^0 to 10^VV_DECIMALS_MAX, each exact in a double. */
extern const double vv_powers_of_ten[VV_DECIMALS_MAX + 1];

/* 10^-places as the sum of two doubles, which is off by less than 2^-106 of it. For any double x,
 * fma(x, high, x * low) is x / 10^places rounded once: before its rounding it is off by less than
 * 2^-104.5 of it, and no quotient is as near to the middle between two doubles, because x less
 * 10^places times a number of 54 bits is no less than a unit of both if it is not 0.
 * (Brisebarre, Muller, Raina: Accelerating Correctly Rounded Floating-Point Division when the
 * Divisor Is Known in Advance, 2004.) */
struct vv_reciprocal {
    double high;
    double low;
};
extern const struct vv_reciprocal vv_reciprocals[VV_DECIMALS_MAX + 1];

/* Whether value is a decimal of that many places; *integer is written only then. The magnitude is
 * tested before the conversion: NaN and the infinities fail there. */
static inline bool vv_to_decimal(double value, unsigned places, int64_t *integer)
{
    double power = vv_powers_of_ten[places];
    double scaled = value * power;
    if (!(fabs(scaled) < VV_DECIMALS_LIMIT)) {
        return false;
    }
    double rounded = (scaled + VV_DECIMALS_ROUNDER) - VV_DECIMALS_ROUNDER;
    int64_t whole = (int64_t)rounded;
    double back = (double)whole / power;
    if (memcmp(&back, &value, sizeof value) != 0) {
        return false;
    }
    *integer = whole;
    return true;
}

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
bool vv_decimals_find(const struct vv_kernels *kernels, const double *values, size_t count,
                      struct vv_decimals *decimals);

/* Values that arithmetic left a few units in the last place off a decimal, as most averages and
 * percentages are, are decimals with corrections: the value's bits are those of the decimal and the
 * correction added up. A correction may be any number, but few are large. */

/* Turns exceptions of decimals that were found into decimals with corrections, count of them.
 * False: one is far from any decimal, and nothing has changed. */
bool vv_decimals_correct(const double *values, size_t count, struct vv_decimals *decimals,
                         int64_t *corrections);

/* The same for a column in which vv_decimals_find() found none: integers and corrections of the
 * places that most of a sample needs. False: values are far from decimals, or these are so large
 * that nothing is gained; decimals is undefined. */
bool vv_decimals_find_corrected(const double *values, size_t count, struct vv_decimals *decimals,
                                int64_t *corrections);

#endif
