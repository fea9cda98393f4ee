/*
 * number_scan.c - the rare numbers: long, with an exponent, or not finite.
 *
 * Threads: pure.
 */
#include "text/number_scan.h"

#include <math.h>
#include <stddef.h>

#include "base/number_text.h"

const double vv_number_powers_of_ten[23] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                            1e8,  1e9,  1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
                                            1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};

/* Exponents are cut off here: far beyond any double or timestamp, far from overflow. */
#define EXPONENT_MAX INT64_C(1000000)

static bool is_digit(char character)
{
    return character >= '0' && character <= '9';
}

static const char *skip_digits(const char *at)
{
    while (is_digit(*at)) {
        at++;
    }
    return at;
}

/* Behind the exponent at `at`, or `at` if there is none: "1e" is the number 1 and a stray e. */
static const char *skip_exponent(const char *at)
{
    if ((*at | 0x20) != 'e') {
        return at;
    }
    const char *digits = at + 1 + (at[1] == '+' || at[1] == '-' ? 1 : 0);
    return is_digit(*digits) ? skip_digits(digits) : at;
}

const char *vv_scan_decimal_slow(const char *text, double *value)
{
    const char *digits = text + (*text == '-' ? 1 : 0);
    const char *at = skip_digits(digits);
    int64_t digit_count = at - digits;
    if (*at == '.') {
        const char *fraction = at + 1;
        at = skip_digits(fraction);
        digit_count += at - fraction;
    }
    if (digit_count == 0) {
        return NULL;
    }
    at = skip_exponent(at);
    double parsed;
    if (!vv_double_parse(text, (size_t)(at - text), &parsed) || isinf(parsed)) {
        return NULL;
    }
    *value = parsed;
    return at;
}

/* Behind the word, letters in any case, if it stands at `at`; else NULL. */
static const char *skip_word(const char *at, const char *word)
{
    for (; *word != '\0'; word++, at++) {
        if ((*at | 0x20) != *word) {
            return NULL;
        }
    }
    return at;
}

const char *vv_scan_value(const char *text, double *value)
{
    const char *at = text + (*text == '+' || *text == '-' ? 1 : 0);
    if (is_digit(*at) || *at == '.') {
        return vv_scan_decimal(*text == '+' ? at : text, value);
    }
    const char *end = skip_word(at, "nan");
    if (end == NULL || at != text) {
        const char *inf = skip_word(at, "inf");
        const char *infinity = inf != NULL ? skip_word(inf, "inity") : NULL;
        end = infinity != NULL ? infinity : inf;
    }
    if (end == NULL || !vv_double_parse(text, (size_t)(end - text), value)) {
        return NULL;
    }
    return end;
}

const char *vv_scan_integer_slow(const char *text, int64_t *value)
{
    const char *digits = text + (*text == '-' ? 1 : 0);
    const char *end = skip_digits(digits);
    return vv_int64_parse(text, (size_t)(end - text), value) ? end : NULL;
}

/* The exponent written at `at` ("e-3"), 0 if there is none. Held below what could overflow
 * below. */
static int64_t exponent_at(const char *at, const char *end)
{
    if (at == end) {
        return 0;
    }
    const char *digits = at + 1 + (at[1] == '+' || at[1] == '-' ? 1 : 0);
    int64_t exponent = 0;
    for (; digits < end && exponent < (EXPONENT_MAX / 10); digits++) {
        exponent = exponent * 10 + (*digits - '0');
    }
    return at[1] == '-' ? -exponent : exponent;
}

/* One more digit behind the magnitude; false if it does not fit. */
static bool push_digit(uint64_t *magnitude, unsigned digit)
{
    return !__builtin_mul_overflow(*magnitude, 10, magnitude) &&
           !__builtin_add_overflow(*magnitude, digit, magnitude);
}

/* The first `kept` digits of the number in [digits, end), zeros where it has fewer, rounded by the
 * one behind them. False if that does not fit. */
static bool magnitude_of(const char *digits, const char *end, int64_t kept, uint64_t *magnitude)
{
    int64_t index = 0;
    bool rounds_up = false;
    *magnitude = 0;
    for (const char *at = digits; at < end; at++) {
        if (*at == '.') {
            continue;
        }
        unsigned digit = (unsigned)(*at - '0');
        if (index < kept && !push_digit(magnitude, digit)) {
            return false;
        }
        rounds_up = rounds_up || (index == kept && digit >= 5);
        index++;
    }
    for (; index < kept && *magnitude != 0; index++) {
        if (!push_digit(magnitude, 0)) {
            return false;
        }
    }
    if (*magnitude > (uint64_t)INT64_MAX) {
        return *magnitude == (uint64_t)INT64_MAX + 1 && !rounds_up;
    }
    *magnitude += rounds_up ? 1 : 0;
    return true;
}

const char *vv_scan_time(const char *text, int64_t unit, int64_t *time)
{
    bool negative = *text == '-';
    const char *digits = text + (negative ? 1 : 0);
    const char *at = skip_digits(digits);
    int64_t whole_count = at - digits;
    int64_t digit_count = whole_count;
    if (*at == '.') {
        at = skip_digits(at + 1);
        digit_count = at - digits - 1;
    }
    if (digit_count == 0) {
        return NULL;
    }
    const char *end = skip_exponent(at);
    int64_t kept = whole_count + exponent_at(at, end);
    for (int64_t power = unit; power > 1; power /= 10) {
        kept++;
    }
    uint64_t magnitude;
    if (!magnitude_of(digits, at, kept, &magnitude) || magnitude > (uint64_t)INT64_MAX + negative) {
        return NULL;
    }
    int64_t parsed = negative ? (int64_t)(0 - magnitude) : (int64_t)magnitude;
    if (parsed == INT64_MAX) {
        return NULL;
    }
    *time = parsed;
    return end;
}
