/*
 * test_csv_read.c - CSV in: the canonical header, tables, quotes, time formats, and the words for
 * bad lines.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "support/fake_import.h"

#define CHECK(cases)                                                                               \
    assert_int_equal(vv_fake_check(VARVE_FORMAT_CSV, cases, sizeof cases / sizeof cases[0]), 0)

#define CANONICAL "series,time,value\n"

/* Imports text with options that the caller has set. */
static void check_with(struct vv_fake_import *fake, const char *text, const char *expected)
{
    assert_string_equal(vv_fake_import(fake, text, strlen(text)), expected);
    vv_fake_import_fini(fake);
}

static void what_export_writes_is_read_back_without_options(void **state)
{
    (void)state;
    static const struct vv_fake_case cases[] = {
        {CANONICAL "up,1970-01-01T00:00:00.5Z,1\n"
                   "\"up{a=\"\"b\"\",c=\"\"d,e\"\"}\",1970-01-01T00:00:01Z,2.5\n"
                   "\"up{a=\"\"b\"\",c=\"\"d,e\"\"}\",1970-01-01T00:00:02Z,-0\n",
         "up 500000000 1\n"
         "up{a=\"b\",c=\"d,e\"} 1000000000 2.5\nup{a=\"b\",c=\"d,e\"} 2000000000 -0\n"},
        {CANONICAL "up,1970-01-01T00:00:00Z,NaN\nup,1970-01-01T00:00:01Z,NaN(0x7ff0000000000001)\n"
                   "up,1970-01-01T00:00:02Z,-Inf\nup,1970-01-01T00:00:03Z,+Inf",
         "up 0 NaN\nup 1000000000 NaN(0x7ff0000000000001)\nup 2000000000 -Inf\n"
         "up 3000000000 +Inf\n"},
        {"", ""},
        {CANONICAL, ""},
        {"\xef\xbb\xbfseries,time,value\r\nup,1970-01-01,1\r\n\r\n", "up 0 1\n"},
        {CANONICAL "\"{\"\"a,b\"\"}\",1970-01-01,1\n", "{\"a,b\"} 0 1\n"},
    };
    CHECK(cases);
}

static void canonical_rows_that_are_bad_are_named(void **state)
{
    (void)state;
    static const struct vv_fake_case cases[] = {
        {CANONICAL "up,1970-01-01,\n",
         "! in:2:15: expected a number in column \"value\", got \"\"\n"},
        {CANONICAL "up,1970-01-01,x\nup,1970-01-01,1\n",
         "! in:2:15: expected a number in column \"value\", got \"x\"\nup 0 1\n"},
        {CANONICAL "up,1970-01-01,1e999\n",
         "! in:2:15: expected a number in column \"value\", got \"1e999\"\n"},
        {CANONICAL "up,1970-01-01\n", "! in:2:1: expected 3 columns, got 2\n"},
        {CANONICAL "up,1970-01-01,1,2\n", "! in:2:1: expected 3 columns, got 4\n"},
        {CANONICAL "up,17,1\n", "! in:2:4: the time is a bare number: say its unit with "
                                "--time-format s, ms, us or ns\n"},
        {CANONICAL "up,17s,1\n", "! in:2:4: time '17s': write for example 2026-11-21T10:00:00Z\n"},
        {CANONICAL "u\"p,1970-01-01,1\n", "! in:2:2: quote in a cell that is not quoted\n"},
        {CANONICAL "\"up\"x,1970-01-01,1\n",
         "! in:2:5: expected a comma after the closing quote, got \"x\"\n"},
        {CANONICAL "\"up,1970-01-01,1\nup,1970-01-01,2\n",
         "! in:2:1: the quote is not closed\nup 0 2\n"},
    };
    CHECK(cases);
}

static void a_series_cell_that_is_no_series_is_a_bad_line(void **state)
{
    (void)state;
    static const char *const texts[] = {
        CANONICAL "9up,1970-01-01,1\n",
        CANONICAL ",1970-01-01,1\n",
        CANONICAL "{},1970-01-01,1\n",
        CANONICAL "\"up{a=\"\"b\"\"\",1970-01-01,1\n",
    };
    for (size_t index = 0; index < sizeof texts / sizeof texts[0]; index++) {
        struct vv_fake_import fake;
        vv_fake_import_init(&fake, VARVE_FORMAT_CSV);
        const char *result = vv_fake_import(&fake, texts[index], strlen(texts[index]));
        assert_memory_equal(result, "! in:2:1: ", 10);
        assert_int_equal(fake.report.skipped, 1);
        vv_fake_import_fini(&fake);
    }
}

static void one_value_column_is_named_by_itself_or_by_the_metric(void **state)
{
    (void)state;
    static const char text[] = "timestamp,value\n1970-01-01 00:00:01,0.25\n";
    struct vv_fake_import fake;
    vv_fake_import_init(&fake, VARVE_FORMAT_CSV);
    check_with(&fake, text, "value 1000000000 0.25\n");
    vv_fake_import_init(&fake, VARVE_FORMAT_CSV);
    fake.options.metric = VARVE_STRING("nab");
    fake.options.time_format = VARVE_STRING("%Y-%m-%d %H:%M:%S");
    check_with(&fake, text, "nab 1000000000 0.25\n");
}

static void wide_tables_have_a_series_for_each_column(void **state)
{
    (void)state;
    static const varve_string label_columns[] = {{"host", 4}, {"rack", 4}};
    static const char text[] = "time,host,user,idle,rack\n"
                               "1970-01-01,a,1,2,r\n"
                               "1970-01-01,b,3,,r\n"
                               "1970-01-01T00:00:01Z,a,4,5,r\n"
                               "1970-01-01T00:00:01Z,b, 6 ,7,\n"
                               "1970-01-01T00:00:02Z,b,8,9,r\n";
    struct vv_fake_import fake;
    vv_fake_import_init(&fake, VARVE_FORMAT_CSV);
    fake.options.label_columns = label_columns;
    fake.options.label_column_count = 2;
    fake.options.metric = VARVE_STRING("cpu");
    check_with(&fake, text,
               "cpu_user{host=\"a\",rack=\"r\"} 0 1\ncpu_idle{host=\"a\",rack=\"r\"} 0 2\n"
               "cpu_user{host=\"b\",rack=\"r\"} 0 3\n"
               "cpu_user{host=\"a\",rack=\"r\"} 1000000000 4\n"
               "cpu_idle{host=\"a\",rack=\"r\"} 1000000000 5\n"
               "cpu_user{host=\"b\"} 1000000000 6\ncpu_idle{host=\"b\"} 1000000000 7\n"
               "cpu_user{host=\"b\",rack=\"r\"} 2000000000 8\n"
               "cpu_idle{host=\"b\",rack=\"r\"} 2000000000 9\n");
}

static void a_wide_row_with_a_bad_cell_leaves_nothing_behind(void **state)
{
    (void)state;
    static const struct vv_fake_case cases[] = {
        {"time,a,b\n1970-01-01,1,x\n1970-01-01,2,3\n",
         "! in:2:14: expected a number in column \"b\", got \"x\"\na 0 2\nb 0 3\n"},
        {"a,b\n1970-01-01,2\n", "b 0 2\n"},
        {"b,time\n2,1970-01-01\n", "b 0 2\n"},
    };
    CHECK(cases);
}

static void quoted_cells_may_hold_commas_quotes_and_line_feeds(void **state)
{
    (void)state;
    static const varve_string label_columns[] = {{"host, \"x\"", 9}};
    static const char text[] = "time,\"host, \"\"x\"\"\",v\n"
                               "1970-01-01,\"a\n\"\"b\"\", c\r\nd\",1\n"
                               "1970-01-01,e,bad\n";
    struct vv_fake_import fake;
    vv_fake_import_init(&fake, VARVE_FORMAT_CSV);
    fake.options.label_columns = label_columns;
    fake.options.label_column_count = 1;
    fake.read_bytes_max = 1;
    check_with(&fake, text,
               "! in:5:14: expected a number in column \"v\", got \"bad\"\n"
               "v{\"host, \\\"x\\\"\"=\"a\\n\\\"b\\\", c\r\\nd\"} 0 1\n");
}

static void times_have_the_format_that_the_options_say(void **state)
{
    (void)state;
    static const struct {
        varve_string format;
        varve_precision precision;
        const char *row;
        const char *expected;
    } cases[] = {
        {{"s", 1}, 0, "t,v\n1.5,1\n", "v 1500000000 1\n"},
        {{"ms", 2}, 0, "t,v\n1.5,1\n", "v 1500000 1\n"},
        {{"us", 2}, 0, "t,v\n-2,1\n", "v -2000 1\n"},
        {{"ns", 2}, 0, "t,v\n7,1\n", "v 7 1\n"},
        {{"", 0}, VARVE_PRECISION_MS, "t,v\n7,1\n1970-01-01,2\n", "v 7000000 1\nv 0 2\n"},
        {{"%d.%m.%Y %H:%M %z", 17}, 0, "t,v\n01.01.1970 01:00 +0100,1\n", "v 0 1\n"},
        {{"rfc3339", 7}, 0, "t,v\n1970-01-01T01:00:00+01:00,1\n", "v 0 1\n"},
    };
    for (size_t index = 0; index < sizeof cases / sizeof cases[0]; index++) {
        struct vv_fake_import fake;
        vv_fake_import_init(&fake, VARVE_FORMAT_CSV);
        fake.options.time_format = cases[index].format;
        fake.options.precision = cases[index].precision;
        check_with(&fake, cases[index].row, cases[index].expected);
    }
}

static void a_header_that_makes_no_sense_ends_the_import(void **state)
{
    (void)state;
    static const varve_string host[] = {{"host", 4}};
    static const varve_string time[] = {{"time", 4}};
    static const struct {
        const char *text;
        const char *time_column;
        const varve_string *label_column;
        const char *expected;
    } cases[] = {
        {"a,b\n", "t", NULL, "there is no time column \"t\"; the header is \"a,b\""},
        {"a,b\n", "", host, "there is no label column \"host\"; the header is \"a,b\""},
        {"time,b\n", "", time,
         "the time column cannot be a label: \"time\"; the header is "
         "\"time,b\""},
        {"time,b,b\n", "", NULL, "two columns are called \"b\"; the header is \"time,b,b\""},
        {"time\n", "", NULL,
         "there is no column of values beside \"time\"; the header is "
         "\"time\""},
        {"2014-02-14 14:30:00,0.132\n", "", NULL,
         "the first line must name the columns, but begins with \"2014-02-14 14:30:00\"; the "
         "header is \"2014-02-14 14:30:00,0.13...\""},
    };
    for (size_t index = 0; index < sizeof cases / sizeof cases[0]; index++) {
        struct vv_fake_import fake;
        vv_fake_import_init(&fake, VARVE_FORMAT_CSV);
        fake.options.time_column =
            (varve_string){cases[index].time_column, strlen(cases[index].time_column)};
        fake.options.label_columns = cases[index].label_column;
        fake.options.label_column_count = cases[index].label_column != NULL ? 1 : 0;
        char expected[256];
        (void)snprintf(expected, sizeof expected, "# INVALID in:1: %s\n", cases[index].expected);
        check_with(&fake, cases[index].text, expected);
    }
}

static void a_header_with_an_open_quote_ends_the_import(void **state)
{
    (void)state;
    struct vv_fake_import fake;
    vv_fake_import_init(&fake, VARVE_FORMAT_CSV);
    check_with(&fake, "time,\"b\n1,2\n",
               "# INVALID in:1:6: in the header: the quote is not closed\n");
}

static void a_time_format_that_is_none_is_refused(void **state)
{
    (void)state;
    struct vv_fake_import fake;
    vv_fake_import_init(&fake, VARVE_FORMAT_CSV);
    fake.options.time_format = VARVE_STRING("iso");
    check_with(&fake, "time,v\n",
               "# INVALID time format \"iso\": expected rfc3339, s, ms, us, ns or a pattern such "
               "as %Y-%m-%d %H:%M:%S\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_export_writes_is_read_back_without_options),
        cmocka_unit_test(canonical_rows_that_are_bad_are_named),
        cmocka_unit_test(a_series_cell_that_is_no_series_is_a_bad_line),
        cmocka_unit_test(one_value_column_is_named_by_itself_or_by_the_metric),
        cmocka_unit_test(wide_tables_have_a_series_for_each_column),
        cmocka_unit_test(a_wide_row_with_a_bad_cell_leaves_nothing_behind),
        cmocka_unit_test(quoted_cells_may_hold_commas_quotes_and_line_feeds),
        cmocka_unit_test(times_have_the_format_that_the_options_say),
        cmocka_unit_test(a_header_that_makes_no_sense_ends_the_import),
        cmocka_unit_test(a_header_with_an_open_quote_ends_the_import),
        cmocka_unit_test(a_time_format_that_is_none_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
