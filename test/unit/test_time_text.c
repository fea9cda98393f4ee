/* Tests of time_text.c, time_pattern.c and time_fields.c; the oracle is the C library. */
#include "base/time_text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "support/random.h"

#define NOW INT64_C(1700000000000000000)
#define SECOND VV_NS_PER_SECOND

static varve_string string_of(const char *text)
{
    return (varve_string){text, strlen(text)};
}

static void assert_time(const char *text, int64_t expected)
{
    varve_error error = {0};
    int64_t time = 0;
    if (varve_time_parse(string_of(text), NOW, &time, &error) != VARVE_OK) {
        fail_msg("'%s': %s", text, error.message);
    }
    if (time != expected) {
        fail_msg("'%s': %" PRId64 " instead of %" PRId64, text, time, expected);
    }
}

static void assert_message(varve_error *error, const char *text, const char *part)
{
    if (error->status != VARVE_INVALID || strstr(error->message, part) == NULL) {
        fail_msg("'%s': the message '%s' does not say '%s'", text, error->message, part);
    }
}

/* The text is refused with a message that has the part, and nothing is written. */
static void assert_no_time(const char *text, const char *part)
{
    varve_error error;
    int64_t time = 42;
    memset(&error, 0xff, sizeof error); /* callers need not initialise it */
    assert_int_equal(varve_time_parse(string_of(text), NOW, &time, &error), VARVE_INVALID);
    assert_message(&error, text, part);
    assert_true(time == 42);
    assert_int_equal(varve_time_parse(string_of(text), NOW, &time, NULL), VARVE_INVALID);
}

/* ------------------------------------------------------------------------------ Calendar */

static void calendar_agrees_with_gmtime_over_4000_years(void **state)
{
    (void)state;
    for (int64_t days = -800000; days < 800000; days += 7) {
        time_t seconds = (time_t)(days * 86400);
        struct tm tm;
        gmtime_r(&seconds, &tm);
        struct vv_civil civil = vv_civil_from_days(days);
        assert_int_equal(civil.year, tm.tm_year + 1900);
        assert_int_equal(civil.month, tm.tm_mon + 1);
        assert_int_equal(civil.day, tm.tm_mday);
        assert_int_equal(vv_days_from_civil(civil), days);
    }
}

static void months_have_the_days_between_their_first(void **state)
{
    (void)state;
    for (int64_t year = 1595; year < 2405; year++) {
        for (unsigned month = 1; month <= 12; month++) {
            struct vv_civil first = {year, month, 1};
            struct vv_civil next = {year + (month == 12), month % 12 + 1, 1};
            int64_t days = vv_days_from_civil(next) - vv_days_from_civil(first);
            assert_int_equal(vv_days_in_month(year, month), days);
        }
    }
}

/* ------------------------------------------------------------------------------ RFC 3339 */

static void rfc3339_times_are_read(void **state)
{
    (void)state;
    assert_time("1970-01-01T00:00:00Z", 0);
    assert_time("2023-11-14T22:13:20Z", NOW);
    assert_time("2023-11-14 22:13:20.5Z", NOW + SECOND / 2);
    assert_time("2023-11-14t22:13:20.000000001z", NOW + 1);
    assert_time("2023-11-15T00:13:20+02:00", NOW);
    assert_time("2023-11-14T16:43:20.25-0530", NOW + SECOND / 4);
    assert_time("2023-11-14T23:13:20+01", NOW);
    assert_time("2023-11-14T22:13:20", NOW);
    assert_time("2023-11-14T22:13", NOW - 20 * SECOND);
    assert_time("2023-11-14", NOW - 80000 * SECOND);
    assert_time("2024-02-29", INT64_C(1709164800) * SECOND);
    assert_time("1969-12-31T23:59:59.999999999Z", -1);
    assert_time("1677-09-21T00:12:43.145224192Z", INT64_MIN);
    assert_time("2262-04-11T23:47:16.854775807Z", INT64_MAX);
}

static void wrong_rfc3339_times_are_refused_with_a_hint(void **state)
{
    (void)state;
    assert_no_time("2026-13-01", "time '2026-13-01': month 13 is not 1 to 12");
    assert_no_time("2026-02-29", "day 29 is not 1 to 28");
    assert_no_time("2026-00-01", "month 0");
    assert_no_time("2026-01-00", "day 0");
    assert_no_time("2026-01-01T24:00:00Z", "hour 24 is not 0 to 23");
    assert_no_time("2026-01-01T00:60:00Z", "minute 60");
    assert_no_time("2016-12-31T23:59:60Z", "second 60");
    assert_no_time("2026-01-01T00:00:00.Z", "1 to 9 digits");
    assert_no_time("2026-01-01T00:00:00.0000000001Z", "1 to 9 digits");
    assert_no_time("2026-01-01T00:00:00+24:00", "offset");
    assert_no_time("2026-01-01T00:00:00+01:60", "offset");
    assert_no_time("2026-01-01T00:00:00+01:", "offset");
    assert_no_time("2026-01-01T00:00:00 ", "offset");
    assert_no_time("2026-01-01T00:00:00Zz", "follows");
    assert_no_time("2026-01-01T", "hh:mm:ss");
    assert_no_time("2026-01-01T1:00", "hh:mm:ss");
    assert_no_time("2026-01-01T01:00:0Z", "two digits");
    assert_no_time("2026-1-1", "write for example 2026-11-21T10:00:00Z, 1700000000s or now-1h");
    assert_no_time("1700000000s.", "write for example 2026-11-21T10:00:00Z, 1700000000s");
    assert_no_time("26-01-01", "write for example");
    assert_no_time("yesterday", "write for example");
    assert_no_time("", "empty");
    assert_no_time("1677-09-21T00:12:43.145224191Z", "1677-09-21T00:12:43.145224192Z");
    assert_no_time("2262-04-11T23:47:16.854775808Z", "64 bits");
    assert_no_time("0000-01-01", "64 bits");
    assert_no_time("9999-12-31", "64 bits");
}

static void formatted_times_read_back(void **state)
{
    (void)state;
    struct vv_test_random random = vv_test_random_init(1);
    for (int round = 0; round < 300000; round++) {
        int64_t time = (int64_t)vv_test_random_next(&random);
        time >>= vv_test_random_below(&random, 63);
        if (round % 3 == 0) {
            time -= time % (SECOND / 1000);
        }
        char text[VARVE_TEXT_MAX];
        size_t length = varve_time_format(time, VARVE_PRECISION_DEFAULT, text);
        assert_int_equal(length, strlen(text));
        assert_time(text, time);

        time_t seconds = (time_t)((time - (((time % SECOND) + SECOND) % SECOND)) / SECOND);
        char expected[32];
        struct tm tm;
        gmtime_r(&seconds, &tm);
        strftime(expected, sizeof expected, "%Y-%m-%dT%H:%M:%S", &tm);
        assert_memory_equal(text, expected, strlen(expected));
    }
}

static void numbers_in_units_read_back(void **state)
{
    (void)state;
    struct vv_test_random random = vv_test_random_init(2);
    for (int round = 0; round < 200000; round++) {
        int64_t time = (int64_t)vv_test_random_next(&random);
        time >>= vv_test_random_below(&random, 63);
        varve_precision precision = (varve_precision)(1 + round % 4);
        char text[VARVE_TEXT_MAX];
        size_t length = varve_time_format(time, precision, text);
        int64_t back = 0;
        varve_error error = {0};
        assert_int_equal(length, strlen(text));
        if (vv_time_number_parse((varve_string){text, length}, precision, &back, &error) !=
                VARVE_OK ||
            back != time) {
            fail_msg("%" PRId64 " became '%s': %s", time, text, error.message);
        }
    }
}

static void times_look_as_expected(void **state)
{
    (void)state;
    static const struct {
        int64_t time;
        varve_precision precision;
        const char *text;
    } cases[] = {
        {0, VARVE_PRECISION_DEFAULT, "1970-01-01T00:00:00Z"},
        {NOW + SECOND / 2, VARVE_PRECISION_DEFAULT, "2023-11-14T22:13:20.5Z"},
        {-1, VARVE_PRECISION_DEFAULT, "1969-12-31T23:59:59.999999999Z"},
        {INT64_MIN, VARVE_PRECISION_DEFAULT, "1677-09-21T00:12:43.145224192Z"},
        {INT64_MAX, VARVE_PRECISION_DEFAULT, "2262-04-11T23:47:16.854775807Z"},
        {NOW, VARVE_PRECISION_S, "1700000000"},
        {NOW + 250, VARVE_PRECISION_S, "1700000000.00000025"},
        {NOW + 1, VARVE_PRECISION_MS, "1700000000000.000001"},
        {-1500, VARVE_PRECISION_US, "-1.5"},
        {-500, VARVE_PRECISION_US, "-0.5"},
        {INT64_MIN, VARVE_PRECISION_NS, "-9223372036854775808"},
        {INT64_MIN, VARVE_PRECISION_S, "-9223372036.854775808"},
    };
    for (size_t index = 0; index < sizeof cases / sizeof cases[0]; index++) {
        char text[VARVE_TEXT_MAX];
        varve_time_format(cases[index].time, cases[index].precision, text);
        assert_string_equal(text, cases[index].text);
    }
}

/* ------------------------------------------------------------------- Numbers and relative */

static void numbers_with_a_unit_are_times(void **state)
{
    (void)state;
    assert_time("1700000000s", NOW);
    assert_time("1700000000000ms", NOW);
    assert_time("1700000000000000us", NOW);
    assert_time("1700000000000000000ns", NOW);
    assert_time("1700000000.5s", NOW + SECOND / 2);
    assert_time("5s", 5 * SECOND);
    assert_time("1.000ns", 1);
}

static void bare_numbers_are_taken_by_their_magnitude(void **state)
{
    (void)state;
    assert_time("1700000000", NOW);
    assert_time("1700000000000", NOW);
    assert_time("1700000000000000", NOW);
    assert_time("1700000000000000000", NOW);
    assert_time("0", 0);
    assert_time("-5", -5 * SECOND);
    assert_time("+5", 5 * SECOND);
    assert_time("1700000000.25", NOW + SECOND / 4);
    assert_time("9223372036", INT64_C(9223372036) * SECOND);
    assert_time("100000000000001", INT64_C(100000000000001) * 1000);
    assert_time("100000000000000001", INT64_C(100000000000000001));
    assert_time("-9223372036854775808", INT64_MIN);
    assert_time("9223372036854775807", INT64_MAX);
}

static void now_and_durations_are_relative(void **state)
{
    (void)state;
    assert_time("now", NOW);
    assert_time("now-1h", NOW - 3600 * SECOND);
    assert_time("now+5m", NOW + 300 * SECOND);
    assert_time("-1h30m", NOW - 5400 * SECOND);
    assert_time("-86400s", NOW - VV_NS_PER_DAY);
    assert_time("+250ms", NOW + SECOND / 4);
}

static void wrong_numbers_and_relatives_are_refused(void **state)
{
    (void)state;
    assert_no_time("9223372037", "1677 to 2262");
    assert_no_time("9223372036854775808", "1677 to 2262");
    assert_no_time("-9223372036854775809", "1677 to 2262");
    assert_no_time("99999999999999999999", "too large");
    assert_no_time("1.5ns", "finer than a nanosecond");
    assert_no_time("1.0000000001s", "finer than a nanosecond");
    assert_no_time("1.2.3", "not a number");
    assert_no_time("-", "empty");
    assert_no_time("now-", "empty");
    assert_no_time("nowhere", "now-1h");
    assert_no_time("now-1x", "units are");
    assert_no_time("now-1m1h", "longer ones first");
    assert_no_time("-290y290y", "each unit stands once");
    assert_no_time("+290y", "1677 to 2262");
    assert_no_time("1h", "write for example");
    assert_no_time("s", "write for example");
}

static void durations_are_as_in_prometheus(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t ns;
    } cases[] = {
        {"1h30m", 5400 * SECOND},
        {"500ms", SECOND / 2},
        {"1d", VV_NS_PER_DAY},
        {"1w", 7 * VV_NS_PER_DAY},
        {"1y", 365 * VV_NS_PER_DAY},
        {"1s1ms1us1ns", 1001001001},
        {"0", 0},
        {"0s", 0},
        {"9223372036854775807ns", -1},
        {"292y", 292 * 365 * VV_NS_PER_DAY},
    };
    for (size_t index = 0; index < sizeof cases / sizeof cases[0]; index++) {
        int64_t duration = -1;
        varve_status status = varve_duration_parse(string_of(cases[index].text), &duration, NULL);
        assert_int_equal(status, cases[index].ns < 0 ? VARVE_INVALID : VARVE_OK);
        assert_int_equal(duration, cases[index].ns);
    }
}

static void wrong_durations_are_refused_with_a_hint(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"", "1h30m"},
        {"1", "units are"},
        {"h", "whole numbers"},
        {"1.5h", "units are"},
        {"9223372036854775808ns", "longer than 292 years"},
        {"-1h", "whole numbers"},
        {"1h1h", "once"},
        {"1s1m", "longer ones"},
        {"1M", "units are"},
        {"300y", "292 years"},
        {"1h ", "whole numbers"},
        {"292y365d", "292 years"},
    };
    for (size_t index = 0; index < sizeof cases / sizeof cases[0]; index++) {
        varve_error error;
        int64_t duration = 42;
        memset(&error, 0xff, sizeof error);
        assert_int_equal(varve_duration_parse(string_of(cases[index][0]), &duration, &error),
                         VARVE_INVALID);
        assert_message(&error, cases[index][0], cases[index][1]);
        assert_true(duration == 42);
    }
}

/* ------------------------------------------------------------------------------ Patterns */

static void assert_pattern(const char *pattern, const char *text, const char *expected)
{
    varve_error error = {0};
    int64_t time = 0;
    char actual[VARVE_TEXT_MAX];
    if (vv_time_pattern_parse(string_of(pattern), string_of(text), &time, &error) != VARVE_OK) {
        fail_msg("'%s' by '%s': %s", text, pattern, error.message);
    }
    varve_time_format(time, VARVE_PRECISION_DEFAULT, actual);
    assert_string_equal(actual, expected);
}

static void patterns_describe_times(void **state)
{
    (void)state;
    assert_pattern("%Y-%m-%d %H:%M:%S", "2026-11-21 10:20:30", "2026-11-21T10:20:30Z");
    assert_pattern("%F %T.%f", "2026-11-21 10:20:30.125", "2026-11-21T10:20:30.125Z");
    assert_pattern("%d/%b/%Y:%T %z", "21/Nov/2026:10:20:30 +0100", "2026-11-21T09:20:30Z");
    assert_pattern("%A, %e %B %Y", "saturday,  1 AUGUST 2026", "2026-08-01T00:00:00Z");
    assert_pattern("%D %I:%M %p", "02/29/24 12:05 am", "2024-02-29T00:05:00Z");
    assert_pattern("%D %I:%M%p", "12/31/69 12:05PM", "1969-12-31T12:05:00Z");
    assert_pattern("%Y%m%d%H%M%S", "20261121102030", "2026-11-21T10:20:30Z");
    assert_pattern("%Y.%j", "2024.366", "2024-12-31T00:00:00Z");
    assert_pattern("%s", "1700000000", "2023-11-14T22:13:20Z");
    assert_pattern("%s.%f", "-1.5", "1969-12-31T23:59:58.5Z");
    assert_pattern("%s.%f", "-9223372036.854775808", "1677-09-21T00:12:43.145224192Z");
    assert_pattern("%FT%R%z", "2026-11-21T10:20Z", "2026-11-21T10:20:00Z");
    assert_pattern("%a %b %d %T %Z %Y", "Sat Nov 21 10:20:30 UTC 2026", "2026-11-21T10:20:30Z");
    assert_pattern("%Y%%%m", "2026%5", "2026-05-01T00:00:00Z");
    assert_pattern("%n%Y%t-%m", "  2026 -05", "2026-05-01T00:00:00Z");
    assert_pattern("%F %T.%f", "2262-04-11 23:47:16.854775807", "2262-04-11T23:47:16.854775807Z");
}

static void assert_no_pattern(const char *pattern, const char *text, const char *part)
{
    varve_error error;
    int64_t time = 42;
    memset(&error, 0xff, sizeof error);
    assert_int_equal(vv_time_pattern_parse(string_of(pattern), string_of(text), &time, &error),
                     VARVE_INVALID);
    assert_message(&error, text, part);
    assert_true(time == 42);
}

static void texts_that_do_not_fit_the_pattern_are_refused(void **state)
{
    (void)state;
    assert_no_pattern("%Y-%m-%d", "2026/11/21", "'-' expected at character 5");
    assert_no_pattern("%Y-%m-%d", "2026-11-21x", "the end expected at character 11");
    assert_no_pattern("%Y-%m-%d", "2026-11", "'-' expected at character 8");
    assert_no_pattern("%Y-%m-%d", "26-11-21", "year of four digits");
    assert_no_pattern("%Y-%m-%d", "2026-02-30", "day 30 is not 1 to 28");
    assert_no_pattern("%d %b %Y", "1 Foo 2026", "name of a month");
    assert_no_pattern("%a %Y", "Foo 2026", "name of a day");
    assert_no_pattern("%Y %H %p", "2026 10 XM", "AM or PM");
    assert_no_pattern("%Y %I %p", "2026 13 AM", "hour 13 is not 1 to 12");
    assert_no_pattern("%Y %j", "2026 366", "no day 366");
    assert_no_pattern("%Y %j", "2026 0", "no day 0");
    assert_no_pattern("%Y %z", "2026 CET", "offset");
    assert_no_pattern("%Y %Z", "2026 CET", "UTC");
    assert_no_pattern("%Y.%f", "2026.1234567890", "1 to 9 digits");
    assert_no_pattern("%s", "99999999999", "1677 to 2262");
    assert_no_pattern("%s", "x", "seconds");
    assert_no_pattern("%Y%%", "2026", "'%'");
    assert_no_pattern("%Y", "2300", "64 bits");
}

static void wrong_patterns_are_refused(void **state)
{
    (void)state;
    assert_no_pattern("%Q", "2026", "%Q is not known");
    assert_no_pattern("%Y%", "2026", "a letter follows %");
    assert_no_pattern("%m-%d", "11-21", "lacks the year");
    assert_no_pattern("%Y %I", "2026 1", "lacks %I with %p");
    assert_no_pattern("%Y %H %p", "2026 1 am", "lacks %I with %p");
    assert_no_pattern("", "", "lacks");
    int64_t time;
    assert_int_equal(
        vv_time_pattern_parse((varve_string){NULL, 0}, (varve_string){NULL, 0}, &time, NULL),
        VARVE_INVALID);
}

/* strftime() with each of the patterns below is what this test is about. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"

static void patterns_agree_with_strftime(void **state)
{
    (void)state;
    static const char *const patterns[] = {
        "%Y-%m-%d %H:%M:%S",
        "%A %d %B %Y %I:%M:%S %p",
        "%j/%Y %T",
        "%D %T",
        "%s",
        "%F %R:%S",
        "%a %b %e %H:%M:%S %Y",
        "%Y%m%dT%H%M%S%z",
        "%c %Z",
        "%h %d %Y %T %%",
    };
    struct vv_test_random random = vv_test_random_init(3);
    for (int round = 0; round < 100000; round++) {
        const char *pattern = patterns[round % 10];
        /* %y tells the years 1969 to 2068 only */
        time_t seconds = (time_t)vv_test_random_below(&random, UINT32_C(3000000000));
        char text[128];
        struct tm tm;
        gmtime_r(&seconds, &tm);
        strftime(text, sizeof text, pattern, &tm);
        if (strncmp(pattern, "%c", 2) == 0) {
            pattern = "%a %b %e %T %Y %Z"; /* what %c is in the C locale */
        }
        int64_t time = 0;
        varve_error error = {0};
        if (vv_time_pattern_parse(string_of(pattern), string_of(text), &time, &error) != VARVE_OK ||
            time != (int64_t)seconds * SECOND) {
            fail_msg("'%s' by '%s': %" PRId64 " %s", text, pattern, time, error.message);
        }
    }
}

#pragma GCC diagnostic pop

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(calendar_agrees_with_gmtime_over_4000_years),
        cmocka_unit_test(months_have_the_days_between_their_first),
        cmocka_unit_test(rfc3339_times_are_read),
        cmocka_unit_test(wrong_rfc3339_times_are_refused_with_a_hint),
        cmocka_unit_test(formatted_times_read_back),
        cmocka_unit_test(numbers_in_units_read_back),
        cmocka_unit_test(times_look_as_expected),
        cmocka_unit_test(numbers_with_a_unit_are_times),
        cmocka_unit_test(bare_numbers_are_taken_by_their_magnitude),
        cmocka_unit_test(now_and_durations_are_relative),
        cmocka_unit_test(wrong_numbers_and_relatives_are_refused),
        cmocka_unit_test(durations_are_as_in_prometheus),
        cmocka_unit_test(wrong_durations_are_refused_with_a_hint),
        cmocka_unit_test(patterns_describe_times),
        cmocka_unit_test(texts_that_do_not_fit_the_pattern_are_refused),
        cmocka_unit_test(wrong_patterns_are_refused),
        cmocka_unit_test(patterns_agree_with_strftime),
    };
    setenv("TZ", "UTC", 1); /* strftime's %s reads it */
    return cmocka_run_group_tests(tests, NULL, NULL);
}
