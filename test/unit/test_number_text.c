/* Tests of number_format.c, number_parse.c and their shared decimal.c, with the C library as
 * oracle. */
#include "base/number_text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "support/random.h"

static uint64_t bits_of(double value)
{
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

static double double_of(uint64_t bits)
{
    double value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

static bool is_nan_bits(uint64_t bits)
{
    return (bits & INT64_MAX) > UINT64_C(0x7ff0000000000000);
}

/* Parses what must be a number. */
static uint64_t parsed_bits(const char *text)
{
    double value = 0;
    if (!vv_double_parse(text, strlen(text), &value)) {
        fail_msg("'%s' is a number", text);
    }
    return bits_of(value);
}

static void assert_parses_like_strtod(const char *text)
{
    uint64_t expected = bits_of(strtod(text, NULL));
    uint64_t actual = parsed_bits(text);
    if (actual != expected) {
        fail_msg("'%s': %a instead of %a", text, double_of(actual), double_of(expected));
    }
}

static void assert_round_trip(uint64_t bits)
{
    char text[VV_NUMBER_TEXT_MAX];
    size_t length = vv_double_format(double_of(bits), text);
    double back = 0;
    if (length != strlen(text) || length >= sizeof text || !vv_double_parse(text, length, &back) ||
        bits_of(back) != bits) {
        fail_msg("0x%016" PRIx64 " became '%s'", bits, text);
    }
}

static void assert_format(double value, const char *expected)
{
    char text[VV_NUMBER_TEXT_MAX];
    size_t length = vv_double_format(value, text);
    assert_string_equal(text, expected);
    assert_int_equal(length, strlen(expected));
}

/* A double of the kinds that matter: any bits, few digits, whole numbers, subnormals. */
static double random_double(struct vv_test_random *random)
{
    switch (vv_test_random_below(random, 4)) {
    case 0:
        return (double)(int64_t)(vv_test_random_next(random) >> vv_test_random_below(random, 64));
    case 1: {
        double digits = (double)vv_test_random_below(random, 10000000);
        return digits / (double)(1 + vv_test_random_below(random, 100000));
    }
    case 2:
        return double_of(vv_test_random_next(random) >> 12);
    default:
        return double_of(vv_test_random_next(random));
    }
}

/* ---------------------------------------------------------------------------- Formatting */

static void plain_decimals_look_plain(void **state)
{
    (void)state;
    assert_format(0.0, "0");
    assert_format(-0.0, "-0");
    assert_format(1, "1");
    assert_format(-1.5, "-1.5");
    assert_format(0.1, "0.1");
    assert_format(100, "100");
    assert_format(0.00001, "0.00001");
    assert_format(123456.789, "123456.789");
    assert_format(1e20, "100000000000000000000");
    assert_format(9007199254740993.0, "9007199254740992");
    assert_format(0.1 + 0.2, "0.30000000000000004");
}

static void very_small_and_large_numbers_are_scientific(void **state)
{
    (void)state;
    assert_format(1e21, "1e+21");
    assert_format(1.5e-7, "1.5e-07");
    assert_format(0.000001, "1e-06");
    assert_format(5e-324, "5e-324");
    assert_format(-2.2250738585072014e-308, "-2.2250738585072014e-308");
    assert_format(1.7976931348623157e308, "1.7976931348623157e+308");
    assert_format(9007199254740992e10, "9.007199254740992e+25");
}

static void nan_and_infinities_have_names(void **state)
{
    (void)state;
    assert_format(double_of(UINT64_C(0x7ff8000000000000)), "NaN");
    assert_format(double_of(UINT64_C(0x7ff0000000000002)), "NaN(0x7ff0000000000002)");
    assert_format(double_of(UINT64_C(0xfff8000000000000)), "NaN(0xfff8000000000000)");
    assert_format(double_of(UINT64_C(0x7ff0000000000000)), "+Inf");
    assert_format(double_of(UINT64_C(0xfff0000000000000)), "-Inf");
}

static void formatted_doubles_read_back_bit_for_bit(void **state)
{
    (void)state;
    struct vv_test_random random = vv_test_random_init(1);
    for (int round = 0; round < 1000000; round++) {
        assert_round_trip(bits_of(random_double(&random)));
    }
}

static void every_power_of_two_reads_back(void **state)
{
    (void)state;
    for (uint64_t biased = 0; biased < 0x7ff; biased++) {
        assert_round_trip(biased << 52);
        assert_round_trip((biased << 52) + 1);
        assert_round_trip((biased << 52) - 1);
    }
    for (int shift = 0; shift < 52; shift++) {
        assert_round_trip(UINT64_C(1) << shift);
    }
}

/* Significant digits in a formatted number. */
static int significant_digits(const char *text)
{
    int count = 0;
    int zeros = 0;
    for (; *text != '\0' && *text != 'e'; text++) {
        if (*text == '0') {
            zeros += count != 0;
        } else if (*text >= '1' && *text <= '9') {
            count += zeros + 1;
            zeros = 0;
        }
    }
    return count;
}

static void no_shorter_decimal_reads_back(void **state)
{
    (void)state;
    struct vv_test_random random = vv_test_random_init(2);
    for (int round = 0; round < 50000; round++) {
        double value = random_double(&random);
        if (is_nan_bits(bits_of(value)) || value == 0 || value - value != 0) {
            continue;
        }
        char text[VV_NUMBER_TEXT_MAX];
        vv_double_format(value, text);
        int digits = significant_digits(text);
        assert_in_range(digits, 1, 17);
        if (digits > 1) {
            char shorter[64];
            snprintf(shorter, sizeof shorter, "%.*e", digits - 2, value);
            assert_true(strtod(shorter, NULL) != value);
        }
        /* Of all decimals with so many digits the nearest: what printf rounds to, if that reads
         * back. (Beside a power of two it may not.) */
        char nearest[64];
        snprintf(nearest, sizeof nearest, "%.*e", digits - 1, value);
        if (strtod(nearest, NULL) == value) {
            char again[64];
            snprintf(again, sizeof again, "%.*e", digits - 1, strtod(text, NULL));
            assert_string_equal(again, nearest);
            assert_true(parsed_bits(nearest) == bits_of(value));
        }
    }
}

/* ------------------------------------------------------------------------------- Parsing */

static void random_decimals_parse_like_strtod(void **state)
{
    (void)state;
    struct vv_test_random random = vv_test_random_init(3);
    for (int round = 0; round < 1000000; round++) {
        char text[96];
        uint64_t digits = vv_test_random_next(&random) >> vv_test_random_below(&random, 64);
        uint64_t more = vv_test_random_next(&random) >> vv_test_random_below(&random, 64);
        int exponent = (int)vv_test_random_below(&random, 700) - 360;
        switch (round % 4) {
        case 0:
            snprintf(text, sizeof text, "%" PRIu64 "e%d", digits, exponent);
            break;
        case 1:
            snprintf(text, sizeof text, "-%" PRIu64 ".%" PRIu64, digits, more);
            break;
        case 2:
            snprintf(text, sizeof text, "0.%" PRIu64 "%" PRIu64 "E%+d", digits, more, exponent);
            break;
        default:
            snprintf(text, sizeof text, "%" PRIu64 ".%" PRIu64 "e%d", digits % 100000, more % 1000,
                     exponent % 30);
            break;
        }
        assert_parses_like_strtod(text);
    }
}

static void printed_doubles_parse_like_strtod(void **state)
{
    (void)state;
    struct vv_test_random random = vv_test_random_init(4);
    for (int round = 0; round < 100000; round++) {
        char text[64];
        double value = random_double(&random);
        if (is_nan_bits(bits_of(value))) {
            continue;
        }
        int precision = (int)vv_test_random_below(&random, 25);
        snprintf(text, sizeof text, "%.*e", precision, value);
        assert_parses_like_strtod(text);
        snprintf(text, sizeof text, "%a", value);
        assert_parses_like_strtod(text);
    }
}

/* The middle of a double and the next, and its nearest neighbours above and below, in decimals. */
static void assert_halfway_cases(double value)
{
    double next = double_of(bits_of(value) + 1);
    /* Long double has bits enough to hold the middle: 64 of mantissa or more. */
    long double middle = ((long double)value + (long double)next) / 2;
    char text[1200];
    int length = snprintf(text, sizeof text - 2, "%.1080Lf", middle);
    assert_in_range(length, 1, sizeof text - 3);
    assert_parses_like_strtod(text);
    text[length] = '1';
    text[length + 1] = '\0';
    assert_parses_like_strtod(text);
    char *last = text + length - 1;
    while (*last == '0' || *last == '.') {
        *last = *last == '0' ? '9' : '.';
        last--;
    }
    --*last;
    assert_parses_like_strtod(text);
}

static void halfway_cases_round_to_even(void **state)
{
    (void)state;
    struct vv_test_random random = vv_test_random_init(5);
    for (int round = 0; round < 3000; round++) {
        double value = double_of(vv_test_random_next(&random) >> 1);
        /* below 10^100, so that the text has room; subnormals every other time */
        if (round % 2 == 0) {
            value = double_of(vv_test_random_next(&random) >> 12);
        }
        if (value < 1e100) {
            assert_halfway_cases(value);
        }
    }
}

static void known_hard_cases_parse_like_strtod(void **state)
{
    (void)state;
    static const char *const cases[] = {
        "9007199254740993",
        "9007199254740993.0000000000000000000000000001",
        "9007199254740992.9999999999999999999999999999",
        "2.2250738585072011e-308",
        "2.2250738585072012e-308",
        "2.4703282292062327e-324",
        "2.4703282292062328e-324",
        "2.47032822920623272088284396434110686182e-324",
        "4.9406564584124654e-324",
        "1.7976931348623157e308",
        "1.7976931348623158e308",
        "1.7976931348623159e308",
        "179769313486231580793728971405303415079934132710037826936173778980444968292764750946649017"
        "977"
        "587207096330286416692887910946555547851940402630657488671505820681908902000708383676273854"
        "845"
        "817711531764475730270069855571366959622842914819860834936475292719074168444365510704342711"
        "559"
        "699508093042880177904174497792",
        "1e309",
        "1e400",
        "1e99999999999999999999999",
        "1e-99999999999999999999999",
        "0e99999999999999999999999",
        "1e-400",
        "-0",
        "-0.0e5",
        "6.631236846766476e-316",
        "3.2378839133029012895883524125015321748630094e-319",
        "8.98846567431158e307",
        "1448997445238699",
        "0.000000000000000000000000000000000000000000000000000000000000000000000000000000000001e90",
        "100000000000000000000000000000000000000000000000000000000000000000000000000000000000e-60",
        "5e-324",
        "7.2057594037927933e16",
        "1.2345678901234567890123456789012345678901234567890e-5",
        "0x1p-1074",
        "0x1p-1075",
        "0x1.8p-1075",
        "0x1.00000000000008p0",
        "0x1.000000000000080000000000000000001p0",
        "0x1.fffffffffffff8p1023",
        "0x1.fffffffffffff7ffffffffp1023",
        "0x.00000000000000000000000000001p116",
        "0xffffffffffffffffffffffffp-5",
        "0x1p99999999999999999999",
        "0x0p99999999999999999999",
        "0X1.8P+3",
    };
    for (size_t index = 0; index < sizeof cases / sizeof cases[0]; index++) {
        assert_parses_like_strtod(cases[index]);
    }
}

static void very_long_numbers_are_exact(void **state)
{
    (void)state;
    /* 1 + 2^-53 is halfway between 1 and the next double; a digit 2,000 places later decides. */
    char text[2100];
    int length =
        snprintf(text, sizeof text, "1.00000000000000011102230246251565404236316680908203125");
    memset(text + length, '0', 2000);
    text[length + 2000] = '\0';
    assert_true(parsed_bits(text) == bits_of(1.0));
    text[length + 1999] = '1';
    assert_true(parsed_bits(text) == bits_of(1.0000000000000002));
    memset(text, '0', 2000);
    memcpy(text + 2000, "1e5", 4);
    assert_true(parsed_bits(text) == bits_of(1e5));
}

static void names_of_special_values_are_understood_in_any_case(void **state)
{
    (void)state;
    assert_true(parsed_bits("NaN") == UINT64_C(0x7ff8000000000000));
    assert_true(parsed_bits("nan") == UINT64_C(0x7ff8000000000000));
    assert_true(parsed_bits("-nan") == UINT64_C(0xfff8000000000000));
    assert_true(parsed_bits("NaN(0x7ff0000000000002)") == UINT64_C(0x7ff0000000000002));
    assert_true(parsed_bits("nan(0xFFFFFFFFFFFFFFFF)") == UINT64_MAX);
    assert_true(parsed_bits("Inf") == UINT64_C(0x7ff0000000000000));
    assert_true(parsed_bits("+INFINITY") == UINT64_C(0x7ff0000000000000));
    assert_true(parsed_bits("-inf") == UINT64_C(0xfff0000000000000));
    assert_true(parsed_bits("+.5e+1") == bits_of(5));
    assert_true(parsed_bits("5.") == bits_of(5));
}

static void what_is_no_number_is_refused(void **state)
{
    (void)state;
    static const char *const cases[] = {
        "",
        " 1",
        "1 ",
        "-",
        "+",
        ".",
        "-.",
        "e5",
        "1e",
        "1e+",
        "1.2.3",
        "--1",
        "+-1",
        "0x",
        "0x.",
        "0x1p",
        "0xg",
        "1x",
        "1_000",
        "1,5",
        "infinit",
        "infi",
        "in",
        "nan(",
        "nan()",
        "na",
        "nan(0x)",
        "NaN(0x7ff0000000000000)",
        "NaN(0x1",
        "NaN(1)",
        "NaN(0x3ff00)",
        "-NaN(0x7ff0000000000002)",
        "1e5e5",
        ".e1",
        "NaN(0x07ff0000000000002)",
        "0x1.p1.",
    };
    for (size_t index = 0; index < sizeof cases / sizeof cases[0]; index++) {
        double value = 42;
        assert_false(vv_double_parse(cases[index], strlen(cases[index]), &value));
        assert_true(value == 42);
    }
    double value;
    assert_false(vv_double_parse(NULL, 0, &value));
    assert_false(vv_double_parse("1\0", 2, &value));
}

/* ------------------------------------------------------------------------------ Integers */

static void integers_read_back(void **state)
{
    (void)state;
    struct vv_test_random random = vv_test_random_init(6);
    for (int round = 0; round < 200000; round++) {
        uint64_t value = vv_test_random_next(&random) >> vv_test_random_below(&random, 64);
        char expected[32];
        char text[VV_NUMBER_TEXT_MAX];
        int64_t signed_back = 0;
        uint64_t back = 0;
        snprintf(expected, sizeof expected, "%" PRIu64, value);
        size_t length = vv_uint64_format(value, text);
        assert_string_equal(text, expected);
        assert_true(vv_uint64_parse(text, length, &back) && back == value);
        snprintf(expected, sizeof expected, "%" PRId64, (int64_t)value);
        length = vv_int64_format((int64_t)value, text);
        assert_string_equal(text, expected);
        assert_true(vv_int64_parse(text, length, &signed_back) && signed_back == (int64_t)value);
    }
}

static void integers_know_their_limits(void **state)
{
    (void)state;
    int64_t value = 0;
    uint64_t wide = 0;
    assert_true(vv_int64_parse("-9223372036854775808", 20, &value) && value == INT64_MIN);
    assert_true(vv_int64_parse("9223372036854775807", 19, &value) && value == INT64_MAX);
    assert_true(vv_int64_parse("+7", 2, &value) && value == 7);
    assert_true(vv_uint64_parse("18446744073709551615", 20, &wide) && wide == UINT64_MAX);
    value = 42;
    wide = 42;
    assert_false(vv_int64_parse("9223372036854775808", 19, &value));
    assert_false(vv_int64_parse("-9223372036854775809", 20, &value));
    assert_false(vv_uint64_parse("18446744073709551616", 20, &wide));
    assert_false(vv_uint64_parse("99999999999999999999", 20, &wide));
    static const char *const cases[] = {"", "-", "+", "1.", " 1", "+-1", "-+1", "--1", "0x1", "1a"};
    for (size_t index = 0; index < sizeof cases / sizeof cases[0]; index++) {
        assert_false(vv_int64_parse(cases[index], strlen(cases[index]), &value));
        assert_false(vv_uint64_parse(cases[index], strlen(cases[index]), &wide));
    }
    assert_false(vv_uint64_parse("-1", 2, &wide));
    assert_true(value == 42 && wide == 42);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plain_decimals_look_plain),
        cmocka_unit_test(very_small_and_large_numbers_are_scientific),
        cmocka_unit_test(nan_and_infinities_have_names),
        cmocka_unit_test(formatted_doubles_read_back_bit_for_bit),
        cmocka_unit_test(every_power_of_two_reads_back),
        cmocka_unit_test(no_shorter_decimal_reads_back),
        cmocka_unit_test(random_decimals_parse_like_strtod),
        cmocka_unit_test(printed_doubles_parse_like_strtod),
        cmocka_unit_test(halfway_cases_round_to_even),
        cmocka_unit_test(known_hard_cases_parse_like_strtod),
        cmocka_unit_test(very_long_numbers_are_exact),
        cmocka_unit_test(names_of_special_values_are_understood_in_any_case),
        cmocka_unit_test(what_is_no_number_is_refused),
        cmocka_unit_test(integers_read_back),
        cmocka_unit_test(integers_know_their_limits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
