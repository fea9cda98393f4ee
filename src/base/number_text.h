/*
 * number_text.h - numbers to text and back, exactly, whatever the locale.
 *
 * Doubles.  Text that is written is the shortest decimal that reads back to the same bits (of
 * several shortest ones the nearest); text that is read is rounded correctly (to nearest, ties to
 * even), always, however many digits it has. So format and parse are inverse on all 2^64 bit
 * patterns.
 *
 * How a double looks: plain decimal while the exponent of its first digit is -5 to 20 (0.00001,
 * 100, 123456789012345680000), else scientific with at least two exponent digits (1e+21, 1.5e-07);
 * -0 keeps its sign; NaN, +Inf, -Inf; NaN(0x7ff0000000000001), always 16 digits, for NaNs with
 * other bits than 0x7ff8000000000000.
 *
 * Threads: pure functions. Nothing allocates. Cost: 15 to 80 ns a double, the more digits the more;
 * 10 to 20 ns an integer.
 */
#ifndef VARVE_BASE_NUMBER_TEXT_H
#define VARVE_BASE_NUMBER_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Characters that any function here writes at most, its NUL included. */
#define VV_NUMBER_TEXT_MAX 32u

/* Writes the number and a NUL to text, which holds VV_NUMBER_TEXT_MAX; returns the length without
 * NUL. */
size_t vv_double_format(double value, char *text);
size_t vv_int64_format(int64_t value, char *text);
size_t vv_uint64_format(uint64_t value, char *text);

/**
 * vv_double_parse() - the double that the whole text stands for.
 *
 * [+-] then decimal (12, 1.5, .5, 5., 1e-7) or hexadecimal (0x1.8p-3), inf or infinity; nan, also
 * -nan (with the sign bit set); NaN(0x...) with the 64 bits of a NaN. Case is ignored; space is not
 * allowed. Too large a number is an infinity, too small a one zero, as IEEE 754 rounds them.
 * False, and *value unchanged, if the text is anything else. text may be NULL if length is 0.
 */
bool vv_double_parse(const char *text, size_t length, double *value);

/* Decimal digits with an optional sign (- for int64 only). False, and *value unchanged, if the text
 * is anything else or the number does not fit. */
bool vv_int64_parse(const char *text, size_t length, int64_t *value);
bool vv_uint64_parse(const char *text, size_t length, uint64_t *value);

#endif
