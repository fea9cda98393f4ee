/*
 * decimal.h - what number_format.c and number_parse.c share: powers of ten, and rounding made
 * exact.
 *
 * Threads: pure functions. Nothing allocates.
 */
#ifndef VARVE_BASE_DECIMAL_H
#define VARVE_BASE_DECIMAL_H

#include <stddef.h>
#include <stdint.h>

__extension__ typedef unsigned __int128 vv_uint128;

/* A 128-bit number with its highest bit set. */
struct vv_power {
    uint64_t high;
    uint64_t low;
};

#define VV_POWER_OF_TEN_MIN (-351)
#define VV_POWER_OF_TEN_MAX 350

/* 10^exponent is exactly this times 2^(vv_log2_of_power(exponent) - 127) for exponents in
 * 0 to VV_POWER_OF_TEN_EXACT_MAX; else this is its floor. exponent: VV_POWER_OF_TEN_MIN to _MAX. */
struct vv_power vv_power_of_ten(int exponent);

#define VV_POWER_OF_TEN_EXACT_MAX 55

/* floor(log2(10^exponent)), for |exponent| <= 1233. */
static inline int vv_log2_of_power(int exponent)
{
    return (exponent * 1741647) >> 19;
}

/* A decimal number of any length: the digits (0 to 9, as characters, with at most one '.', which is
 * skipped) times 10^exponent, where exponent counts from the last digit. */
struct vv_decimal {
    const char *digits;
    const char *digits_end;
    int64_t exponent;
};

/* Whether the decimal is below (-1), equal to (0) or above (1) mantissa * 2^exponent, exactly.
 * The decimal lies between 10^-400 and 10^400, mantissa is not 0, exponent is -1100 to 1100. Slow:
 * a microsecond or a few. */
int vv_decimal_compare(const struct vv_decimal *decimal, uint64_t mantissa, int exponent);

#endif
