/*
 * number_parse.c - text to numbers.
 *
 * A decimal is digits * 10^exponent. Three ways to its double, the first that is sure of the
 * answer:
 *
 *   exact     digits < 2^53 and |exponent| <= 22: both are doubles, one operation rounds once
 *   (Clinger) interval  digits * the 128-bit floor of 10^exponent (Eisel and Lemire): the true
 *   value lies between
 *             two 128-bit numbers; if both round to the same double, that is it
 *   compare   else the true value is next to the middle of two doubles: compared with it exactly
 *
 * P1  Every double comes out of the `round` of a value that is known exactly, or of two bounds that
 *     agree, or of vv_decimal_compare(): there is no rounding twice.
 */
#include <string.h>

#include "base/decimal.h"
#include "base/number_text.h"

#define MANTISSA_BITS 52
#define EXPONENT_MIN (-1074) /* of the last bit of the smallest doubles */
#define EXPONENT_MAX 971     /* of the last bit of the greatest doubles */
#define SIGN_BIT (UINT64_C(1) << 63)
#define EXPONENT_SATURATED INT64_C(100000000000000000)

static double double_of_bits(uint64_t bits)
{
    double value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

static uint64_t bits_of_double(double value)
{
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

/* A value cut off to the grid of the doubles: mantissa * 2^exponent and what was cut off, compared
 * with half a step of the grid. */
struct cut {
    uint64_t mantissa; /* below 2^53 */
    int exponent;      /* EXPONENT_MIN or more, more than EXPONENT_MAX where it overflows */
    int rest;          /* -1 below half (nothing, too), 0 exactly half, 1 above */
};

/* Cuts value * 2^exponent; value is not 0. */
static struct cut cut_off(vv_uint128 value, int exponent)
{
    uint64_t high = (uint64_t)(value >> 64);
    int width = high != 0 ? 128 - __builtin_clzll(high) : 64 - __builtin_clzll((uint64_t)value);
    int drop = width - (MANTISSA_BITS + 1);
    if (exponent + drop < EXPONENT_MIN) {
        drop = EXPONENT_MIN - exponent;
    }
    struct cut cut = {.exponent = exponent + drop, .rest = -1};
    if (drop <= 0) {
        cut.mantissa = (uint64_t)value << -drop;
    } else if (drop <= 128) {
        vv_uint128 half = (vv_uint128)1 << (drop - 1);
        vv_uint128 rest = value & (half | (half - 1));
        cut.mantissa = drop == 128 ? 0 : (uint64_t)(value >> drop);
        cut.rest = rest < half ? -1 : rest > half;
    }
    return cut;
}

/* The bits of the double for a cut value whose rest compares with half as `rest` says. */
static uint64_t round_cut(const struct cut *cut, int rest)
{
    bool up = rest > 0 || (rest == 0 && (cut->mantissa & 1) != 0);
    uint64_t mantissa = cut->mantissa + up;
    if (mantissa >> MANTISSA_BITS == 0) {
        return mantissa; /* subnormal, or zero */
    }
    /* A mantissa rounded up to 2^53 carries into the exponent by this very addition. */
    uint64_t biased = (uint64_t)(cut->exponent - EXPONENT_MIN);
    uint64_t bits = (biased << MANTISSA_BITS) + mantissa;
    const uint64_t infinity = UINT64_C(0x7ff) << MANTISSA_BITS;
    return bits < infinity && cut->exponent <= EXPONENT_MAX ? bits : infinity;
}

/* ------------------------------------------------------------------------------ Decimal */

/* A scanned decimal. */
struct scan {
    struct vv_decimal all;
    uint64_t digits;  /* the first 19 significant digits */
    int64_t exponent; /* of digits */
    bool more;        /* significant digits follow that are not in digits */
};

static bool is_digit(char character)
{
    return character >= '0' && character <= '9';
}

/* Reads [+-]digits at *at; saturates far outside of what any double can need. */
static bool scan_exponent(const char **at, const char *end, int64_t *exponent)
{
    bool negative = *at != end && **at == '-';
    if (*at != end && (**at == '-' || **at == '+')) {
        (*at)++;
    }
    if (*at == end || !is_digit(**at)) {
        return false;
    }
    int64_t value = 0;
    for (; *at != end && is_digit(**at); (*at)++) {
        if (value < EXPONENT_SATURATED) {
            value = value * 10 + (**at - '0');
        }
    }
    *exponent = negative ? -value : value;
    return true;
}

/* Digits with at most one point. Returns the place behind them, or NULL if there is no digit. */
static const char *scan_digits(const char *at, const char *end, struct scan *scan)
{
    const char *start = at;
    const char *point = NULL;
    uint64_t digits = 0;
    for (; at != end; at++) {
        uint64_t digit = (uint64_t)(unsigned char)*at - '0';
        if (digit <= 9) {
            digits = digits * 10 + digit; /* wraps where there are too many: scan_long() follows */
        } else if (*at == '.' && point == NULL) {
            point = at;
        } else {
            break;
        }
    }
    if (at - start == (point != NULL)) {
        return NULL;
    }
    *scan = (struct scan){.all = {.digits = start, .digits_end = at}, .digits = digits};
    scan->all.exponent = point != NULL ? -(at - point - 1) : 0;
    return at;
}

/* Takes the first 19 significant digits where there may be more than 19 in all. */
static void scan_long(struct scan *scan)
{
    uint64_t digits = 0;
    unsigned used = 0;
    int64_t dropped = 0;
    scan->more = false;
    for (const char *at = scan->all.digits; at != scan->all.digits_end; at++) {
        if (*at == '.') {
            continue;
        }
        if (used < 19) {
            digits = digits * 10 + (uint64_t)(*at - '0');
            used += digits != 0;
        } else {
            dropped++;
            scan->more |= *at != '0';
        }
    }
    scan->digits = digits;
    scan->exponent = scan->all.exponent + dropped;
}

/* Clinger's case. */
static bool decimal_exact(const struct scan *scan, uint64_t *bits)
{
    static const double powers[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                    1e8,  1e9,  1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
                                    1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
    if (scan->more || scan->digits >> (MANTISSA_BITS + 1) != 0 || scan->exponent < -22 ||
        scan->exponent > 22) {
        return false;
    }
    double digits = (double)scan->digits;
    double value =
        scan->exponent < 0 ? digits / powers[-scan->exponent] : digits * powers[scan->exponent];
    *bits = bits_of_double(value);
    return true;
}

static uint64_t decimal_interval(const struct scan *scan)
{
    int exponent = (int)scan->exponent;
    int shift = __builtin_clzll(scan->digits);
    uint64_t digits = scan->digits << shift;
    struct vv_power power = vv_power_of_ten(exponent);

    /* Of the 192 bits of digits * power the highest 127 are kept, which leaves a bit of room for
     * the upper bound. Because the power is a floor the product lacks less than 2^64, because of
     * the cut less than 2^65: 2 units of what is kept at most. Digits that were left out are less
     * than one unit of `digits`. */
    vv_uint128 low = (vv_uint128)digits * power.low;
    vv_uint128 product = (vv_uint128)digits * power.high + (uint64_t)(low >> 64);
    bool exact = exponent >= 0 && exponent <= VV_POWER_OF_TEN_EXACT_MAX && !scan->more &&
                 (uint64_t)low == 0 && ((uint64_t)product & 1) == 0;
    vv_uint128 lower = product >> 1;
    vv_uint128 upper = exact ? lower : lower + 2;
    if (scan->more) {
        upper += ((vv_uint128)power.high + 1) << shift;
    }
    int binary = vv_log2_of_power(exponent) - 127 + 65 - shift;

    struct cut cut = cut_off(lower, binary);
    uint64_t bits = round_cut(&cut, cut.rest);
    if (exact) {
        return bits;
    }
    struct cut cut_upper = cut_off(upper, binary);
    if (cut.rest != 0 && cut_upper.rest != 0 && round_cut(&cut_upper, cut_upper.rest) == bits) {
        return bits;
    }
    int rest = vv_decimal_compare(&scan->all, 2 * cut.mantissa + 1, cut.exponent - 1);
    return round_cut(&cut, rest);
}

/* The bits of a scanned decimal without its sign. */
static uint64_t decimal_bits(struct scan *scan, int64_t exponent)
{
    scan->all.exponent += exponent;
    scan->exponent = scan->all.exponent;
    if (scan->all.digits_end - scan->all.digits > 19) {
        scan_long(scan);
    }
    uint64_t bits;
    if (scan->digits == 0) {
        return 0;
    }
    if (decimal_exact(scan, &bits)) {
        return bits;
    }
    /* digits is 1 to 10^19, so beyond these exponents the value is less than half the least double,
     * or more than the greatest; between them the power lies in the table. */
    if (scan->exponent < -343) {
        return 0;
    }
    if (scan->exponent > 309) {
        return UINT64_C(0x7ff) << MANTISSA_BITS;
    }
    return decimal_interval(scan);
}

static bool parse_decimal(const char *at, const char *end, uint64_t *bits)
{
    struct scan scan;
    int64_t exponent = 0;
    at = scan_digits(at, end, &scan);
    if (at == NULL) {
        return false;
    }
    if (at != end && (*at == 'e' || *at == 'E')) {
        at++;
        if (!scan_exponent(&at, end, &exponent)) {
            return false;
        }
    }
    if (at != end) {
        return false;
    }
    *bits = decimal_bits(&scan, exponent);
    return true;
}

/* -------------------------------------------------------------------------- Hexadecimal */

/* The value of a hexadecimal digit, or -1. */
static int hex_digit(char character)
{
    if (is_digit(character)) {
        return character - '0';
    }
    char lower = (char)(character | 0x20);
    return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

/* Clamps an exponent to where cut_off() cannot overflow and the result does not change. */
static int exponent_clamped(int64_t exponent)
{
    return exponent < -4000 ? -4000 : exponent > 4000 ? 4000 : (int)exponent;
}

/* What stands behind 0x: digits with a point, p and a binary exponent. */
static bool parse_hexadecimal(const char *at, const char *end, uint64_t *bits)
{
    uint64_t mantissa = 0;
    int64_t exponent = 0;
    bool any = false;
    bool point = false;
    bool sticky = false;
    for (; at != end; at++) {
        int digit = hex_digit(*at);
        if (*at == '.' && !point) {
            point = true;
            continue;
        }
        if (digit < 0) {
            break;
        }
        any = true;
        if (mantissa >> 60 == 0) {
            mantissa = mantissa << 4 | (uint64_t)digit;
            exponent -= point ? 4 : 0;
        } else {
            sticky |= digit != 0;
            exponent += point ? 0 : 4;
        }
    }
    if (any && at != end && (*at == 'p' || *at == 'P')) {
        int64_t power = 0;
        at++;
        any = scan_exponent(&at, end, &power);
        exponent += power;
    }
    if (!any || at != end) {
        return false;
    }
    *bits = 0;
    if (mantissa != 0) {
        vv_uint128 value = ((vv_uint128)mantissa << 2) | sticky;
        struct cut cut = cut_off(value, exponent_clamped(exponent - 2));
        *bits = round_cut(&cut, cut.rest);
    }
    return true;
}

/* ------------------------------------------------------------------------ Other doubles */

/* Whether the text is the lower-case word, whatever its case. */
static bool is_word(const char *at, const char *end, const char *word)
{
    size_t length = strlen(word);
    if ((size_t)(end - at) != length) {
        return false;
    }
    for (size_t index = 0; index < length; index++) {
        char lower = at[index] >= 'A' && at[index] <= 'Z' ? (char)(at[index] | 0x20) : at[index];
        if (lower != word[index]) {
            return false;
        }
    }
    return true;
}

/* NaN(0x...): 1 to 16 hexadecimal digits that are the bits of a NaN. */
static bool parse_nan_bits(const char *at, const char *end, uint64_t *bits)
{
    const char prefix[] = "nan(0x";
    const size_t prefix_length = sizeof prefix - 1;
    if ((size_t)(end - at) < prefix_length + 2 || !is_word(at, at + prefix_length, prefix) ||
        end[-1] != ')') {
        return false;
    }
    at += prefix_length;
    end--;
    if (end - at > 16) {
        return false;
    }
    uint64_t value = 0;
    for (; at != end; at++) {
        int digit = hex_digit(*at);
        if (digit < 0) {
            return false;
        }
        value = value << 4 | (uint64_t)digit;
    }
    *bits = value;
    return (value & ~SIGN_BIT) > UINT64_C(0x7ff) << MANTISSA_BITS;
}

static bool parse_special(const char *at, const char *end, uint64_t *bits)
{
    if (is_word(at, end, "inf") || is_word(at, end, "infinity")) {
        *bits = UINT64_C(0x7ff) << MANTISSA_BITS;
        return true;
    }
    if (is_word(at, end, "nan")) {
        *bits = UINT64_C(0x7ff8) << 48;
        return true;
    }
    return false;
}

bool vv_double_parse(const char *text, size_t length, double *value)
{
    if (length == 0) {
        return false;
    }
    const char *at = text;
    const char *end = text + length;
    uint64_t sign = *at == '-' ? SIGN_BIT : 0;
    uint64_t bits;
    bool good;
    at += *at == '-' || *at == '+';
    if (at == end) {
        return false;
    }
    if (end - at > 2 && at[0] == '0' && (at[1] == 'x' || at[1] == 'X')) {
        good = parse_hexadecimal(at + 2, end, &bits);
    } else if (is_digit(*at) || *at == '.') {
        good = parse_decimal(at, end, &bits);
    } else {
        good = parse_special(at, end, &bits) || (at == text && parse_nan_bits(at, end, &bits));
    }
    if (good) {
        *value = double_of_bits(bits | sign);
    }
    return good;
}

/* ----------------------------------------------------------------------------- Integers */

bool vv_uint64_parse(const char *text, size_t length, uint64_t *value)
{
    if (length == 0) {
        return false;
    }
    const char *at = text + (*text == '+');
    const char *end = text + length;
    const char *safe_end = end - at > 19 ? at + 19 : end; /* 19 digits always fit */
    uint64_t sum = 0;
    if (at == end) {
        return false;
    }
    for (; at != safe_end; at++) {
        if (!is_digit(*at)) {
            return false;
        }
        sum = sum * 10 + (uint64_t)(*at - '0');
    }
    for (; at != end; at++) {
        if (!is_digit(*at) || __builtin_mul_overflow(sum, UINT64_C(10), &sum) ||
            __builtin_add_overflow(sum, (uint64_t)(*at - '0'), &sum)) {
            return false;
        }
    }
    *value = sum;
    return true;
}

bool vv_int64_parse(const char *text, size_t length, int64_t *value)
{
    if (length == 0 || (*text != '-' && *text != '+')) {
        uint64_t magnitude;
        if (!vv_uint64_parse(text, length, &magnitude) || magnitude > INT64_MAX) {
            return false;
        }
        *value = (int64_t)magnitude;
        return true;
    }
    uint64_t magnitude;
    uint64_t limit = (uint64_t)INT64_MAX + (*text == '-');
    if (length < 2 || !is_digit(text[1]) || !vv_uint64_parse(text + 1, length - 1, &magnitude) ||
        magnitude > limit) {
        return false;
    }
    *value = *text == '-' ? (int64_t)(0 - magnitude) : (int64_t)magnitude;
    return true;
}
