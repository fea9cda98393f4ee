/*
 * number_scan.h - the numbers of text formats, read where they stand: the fast path of every
 * parser.
 *
 * A scanner starts at the first character of a number and returns the place behind it, or NULL if
 * there is none. text[length] of a line is a line end (line_reader.h), so no bound is passed: every
 * scanner stops at the latest there. Short decimals are computed in place, exactly (a mantissa of
 * up to 2^53 times or divided by a power of ten up to 10^22 is one correctly rounded operation);
 * everything else goes to vv_double_parse().
 *
 * Threads: pure.
 */
#ifndef VARVE_TEXT_NUMBER_SCAN_H
#define VARVE_TEXT_NUMBER_SCAN_H

#include <stdbool.h>
#include <stdint.h>

/* 10^0 to 10^22: the powers of ten that a double holds exactly. */
extern const double vv_number_powers_of_ten[23];

/* Every decimal double, with exponent or without; nothing else (no NaN, no Inf, no hexadecimal, no
 * sign +). NULL also if it is beyond the range of a double. */
const char *vv_scan_decimal_slow(const char *text, double *value);

/* As vv_scan_decimal_slow(), and NaN, [+-]Inf and [+-]Infinity in any case, and the sign +. */
const char *vv_scan_value(const char *text, double *value);

static inline const char *vv_scan_digits(const char *at, uint64_t *mantissa)
{
    uint64_t sum = *mantissa;
    for (unsigned digit = (unsigned)(unsigned char)*at - '0'; digit <= 9;
         digit = (unsigned)(unsigned char)*at - '0') {
        sum = sum * 10 + digit;
        at++;
    }
    *mantissa = sum;
    return at;
}

static inline const char *vv_scan_decimal(const char *text, double *value)
{
    const char *at = text + (*text == '-' ? 1 : 0);
    const char *digits = at;
    uint64_t mantissa = 0;
    at = vv_scan_digits(at, &mantissa);
    int64_t whole_count = at - digits;
    int64_t fraction_count = 0;
    if (*at == '.') {
        at = vv_scan_digits(at + 1, &mantissa);
        fraction_count = at - digits - whole_count - 1;
    }
    /* Up to 19 digits the mantissa has not wrapped. */
    bool simple = whole_count > 0 && whole_count + fraction_count <= 19 &&
                  mantissa <= (UINT64_C(1) << 53) && (*at | 0x20) != 'e';
    if (!simple) {
        return vv_scan_decimal_slow(text, value);
    }
    double magnitude = (double)mantissa;
    if (fraction_count > 0) {
        magnitude /= vv_number_powers_of_ten[fraction_count];
    }
    *value = *text == '-' ? -magnitude : magnitude;
    return at;
}

/* A decimal integer with an optional sign -. NULL if there is none or it does not fit. */
const char *vv_scan_integer_slow(const char *text, int64_t *value);

static inline const char *vv_scan_integer(const char *text, int64_t *value)
{
    const char *digits = text + (*text == '-' ? 1 : 0);
    uint64_t magnitude = 0;
    const char *at = vv_scan_digits(digits, &magnitude);
    if (at == digits || at - digits > 18) {
        return vv_scan_integer_slow(text, value);
    }
    *value = *text == '-' ? -(int64_t)magnitude : (int64_t)magnitude;
    return at;
}

/**
 * vv_scan_time() - a decimal number of units, with a fraction or an exponent, in nanoseconds.
 *
 * Exact: no floating point is involved. Digits beyond the nanosecond are rounded half away from
 * zero. NULL if there is no number, or it is no timestamp (beyond int64, or INT64_MAX).
 * @unit  nanoseconds in a unit: a power of ten up to 10^9.
 */
const char *vv_scan_time(const char *text, int64_t unit, int64_t *time);

#endif
