/*
 * test_number_scan.c - the fast scanners against strtod(), against wide integers, and on hard
 * cases.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "support/random.h"
#include "text/number_scan.h"

static void assert_same_as_strtod(const char *text)
{
    double value = 0;
    const char *end = vv_scan_decimal(text, &value);
    char *expected_end;
    double expected = strtod(text, &expected_end);
    if (isinf(expected)) {
        assert_null(end);
        return;
    }
    if (end != expected_end || memcmp(&value, &expected, sizeof value) != 0) {
        fail_msg("%s: %.17g, not %.17g", text, value, expected);
    }
}

static void random_decimals_equal_those_of_strtod(void **state)
{
    (void)state;
    struct vv_test_random random = vv_test_random_init(1);
    for (int round = 0; round < 300000; round++) {
        char text[80];
        size_t length = 0;
        if (vv_test_random_below(&random, 2) == 0) {
            text[length++] = '-';
        }
        size_t whole = (size_t)vv_test_random_below(&random, 22);
        size_t fraction = (size_t)vv_test_random_below(&random, 22);
        for (size_t index = 0; index < whole || index == 0; index++) {
            text[length++] = (char)('0' + vv_test_random_below(&random, 10));
        }
        if (fraction > 0) {
            text[length++] = '.';
        }
        for (size_t index = 0; index < fraction; index++) {
            text[length++] = (char)('0' + vv_test_random_below(&random, 10));
        }
        text[length] = '\0';
        if (vv_test_random_below(&random, 4) == 0) {
            (void)snprintf(text + length, sizeof text - length, "e%d",
                           (int)vv_test_random_below(&random, 700) - 350);
        }
        assert_same_as_strtod(text);
    }
}

static void hard_decimals_equal_those_of_strtod(void **state)
{
    (void)state;
    static const char *const texts[] = {"0",
                                        "-0",
                                        "-0.0",
                                        "1",
                                        "9007199254740992",
                                        "9007199254740993",
                                        "9007199254740994",
                                        "18446744073709551615",
                                        "18446744073709551616",
                                        "0.1",
                                        "0.3",
                                        "123456789.123456789",
                                        "9999999999999999999",
                                        "0.0000000000000000001",
                                        "1e22",
                                        "1e23",
                                        "4.9e-324",
                                        "2.4e-324",
                                        "2.2250738585072014e-308",
                                        "1.7976931348623157e308",
                                        "1.7976931348623159e308",
                                        "8.5e-1 ",
                                        "1e ",
                                        "1e+ ",
                                        "1.",
                                        "000000000000000000000000000000001.5",
                                        "5e-325"};
    for (size_t index = 0; index < sizeof texts / sizeof texts[0]; index++) {
        assert_same_as_strtod(texts[index]);
    }
}

static void what_is_no_decimal_is_none(void **state)
{
    (void)state;
    static const char *const texts[] = {"", "-", ".", "-.", "+1", "e5", "NaN", "Inf", "x", " 1"};
    double value = 7;
    for (size_t index = 0; index < sizeof texts / sizeof texts[0]; index++) {
        assert_null(vv_scan_decimal(texts[index], &value));
    }
    assert_true(value == 7);
}

static void values_may_be_words(void **state)
{
    (void)state;
    double value = 0;
    static const struct {
        const char *text;
        size_t length;
        double value;
    } cases[] = {{"+Inf ", 4, INFINITY},      {"-inf ", 4, -INFINITY}, {"Infinity ", 8, INFINITY},
                 {"-Infinity", 9, -INFINITY}, {"+5 ", 2, 5},           {"-.5 ", 3, -0.5},
                 {"INFINI ", 3, INFINITY}};
    for (size_t index = 0; index < sizeof cases / sizeof cases[0]; index++) {
        assert_ptr_equal(vv_scan_value(cases[index].text, &value),
                         cases[index].text + cases[index].length);
        assert_true(value == cases[index].value);
    }
    assert_non_null(vv_scan_value("nan", &value));
    assert_true(isnan(value));
    assert_null(vv_scan_value("+nan", &value));
    assert_null(vv_scan_value("+-1", &value));
    assert_null(vv_scan_value("none", &value));
    assert_null(vv_scan_value("-", &value));
}

static void integers_stop_at_the_bounds_of_64_bits(void **state)
{
    (void)state;
    int64_t value = 0;
    static const char most[] = "9223372036854775807,";
    assert_ptr_equal(vv_scan_integer(most, &value), most + 19);
    assert_int_equal(value, INT64_MAX);
    assert_non_null(vv_scan_integer("-9223372036854775808", &value));
    assert_int_equal(value, INT64_MIN);
    assert_non_null(vv_scan_integer("00000000000000000000000012", &value));
    assert_int_equal(value, 12);
    assert_null(vv_scan_integer("9223372036854775808", &value));
    assert_null(vv_scan_integer("-9223372036854775809", &value));
    assert_null(vv_scan_integer("-", &value));
    assert_null(vv_scan_integer("+1", &value));
    assert_null(vv_scan_integer("", &value));
}

static void times_are_exact_to_the_nanosecond(void **state)
{
    (void)state;
    const int64_t second = INT64_C(1000000000);
    static const struct {
        const char *text;
        int64_t unit;
        int64_t time;
    } cases[] = {
        {"1520879607.789", INT64_C(1000000000), INT64_C(1520879607789000000)},
        {"1520879607.7890000343", INT64_C(1000000000), INT64_C(1520879607789000034)},
        {"1.5e9", INT64_C(1000000000), INT64_C(1500000000000000000)},
        {"15e-10", INT64_C(1000000000), 2},
        {"-15e-10", INT64_C(1000000000), -2},
        {"14e-10", INT64_C(1000000000), 1},
        {"5e-10", INT64_C(1000000000), 1},
        {"5e-11", INT64_C(1000000000), 0},
        {"0e999999999999999999999", INT64_C(1000000000), 0},
        {".5", INT64_C(1000000000), INT64_C(500000000)},
        {"5.", 1000000, 5000000},
        {"-9223372036.854775808", INT64_C(1000000000), INT64_MIN},
        {"9223372036.854775806", INT64_C(1000000000), INT64_MAX - 1},
        {"9223372036.8547758064", INT64_C(1000000000), INT64_MAX - 1},
        {"123.4", 1, 123},
    };
    for (size_t index = 0; index < sizeof cases / sizeof cases[0]; index++) {
        int64_t time = -1;
        const char *end = vv_scan_time(cases[index].text, cases[index].unit, &time);
        if (end != cases[index].text + strlen(cases[index].text) || time != cases[index].time) {
            fail_msg("%s: %" PRId64, cases[index].text, time);
        }
    }
    static const char *const bad[] = {"",
                                      "-",
                                      ".",
                                      "x",
                                      "9223372036.854775807",
                                      "1e10",
                                      "1e99999",
                                      "-9223372036.854775809",
                                      "99999999999999999999999"};
    for (size_t index = 0; index < sizeof bad / sizeof bad[0]; index++) {
        int64_t time = -1;
        assert_null(vv_scan_time(bad[index], second, &time));
        assert_int_equal(time, -1);
    }
}

static void random_times_equal_wide_arithmetic(void **state)
{
    (void)state;
    struct vv_test_random random = vv_test_random_init(2);
    for (int round = 0; round < 100000; round++) {
        int64_t time = (int64_t)(vv_test_random_next(&random) >> vv_test_random_below(&random, 64));
        time = time == INT64_MAX ? 0 : time;
        uint64_t magnitude = time < 0 ? 0 - (uint64_t)time : (uint64_t)time;
        char text[64];
        (void)snprintf(text, sizeof text, "%s%" PRIu64 ".%09" PRIu64, time < 0 ? "-" : "",
                       magnitude / 1000000000, magnitude % 1000000000);
        int64_t parsed = -1;
        assert_non_null(vv_scan_time(text, INT64_C(1000000000), &parsed));
        assert_int_equal(parsed, time);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_decimals_equal_those_of_strtod),
        cmocka_unit_test(hard_decimals_equal_those_of_strtod),
        cmocka_unit_test(what_is_no_decimal_is_none),
        cmocka_unit_test(values_may_be_words),
        cmocka_unit_test(integers_stop_at_the_bounds_of_64_bits),
        cmocka_unit_test(times_are_exact_to_the_nanosecond),
        cmocka_unit_test(random_times_equal_wide_arithmetic),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
