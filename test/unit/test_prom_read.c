/*
 * test_prom_read.c - Prometheus text in: what becomes of good lines, and the exact words for bad
 * ones.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "support/fake_import.h"

#define CHECK(cases)                                                                               \
    assert_int_equal(vv_fake_check(VARVE_FORMAT_PROM, cases, sizeof cases / sizeof cases[0]), 0)

static void samples_are_read_with_their_milliseconds(void **state)
{
    (void)state;
    static const struct vv_fake_case cases[] = {
        {"up 1 1700000000123\n", "up 1700000000123000000 1\n"},
        {"up{job=\"a\",host=\"b\"} 0.25 -5\n", "up{host=\"b\",job=\"a\"} -5000000 0.25\n"},
        {"up 1 5", "up 5000000 1\n"},
        {"up 1 5\r\nup 2 6\r\n", "up 5000000 1\nup 6000000 2\n"},
        {"\xef\xbb\xbfup 1 5\n", "up 5000000 1\n"},
        {"up 1 -9223372036854\n", "up -9223372036854000000 1\n"},
        {"", ""},
        {"\n\n \t\nup 1 5\n\n", "up 5000000 1\n"},
    };
    CHECK(cases);
}

static void a_line_without_time_gets_the_time_of_the_import(void **state)
{
    (void)state;
    static const struct vv_fake_case cases[] = {
        {"up 1\n", "up 1000000000 1\n"},
        {"up 1 \n", "up 1000000000 1\n"},
    };
    CHECK(cases);
}

static void comments_and_metadata_are_skipped(void **state)
{
    (void)state;
    static const struct vv_fake_case cases[] = {
        {"# HELP up Is it up?\n# TYPE up gauge\n#\n  # EOF\nup 1 5\n", "up 5000000 1\n"},
    };
    CHECK(cases);
}

static void values_have_every_form_that_prometheus_writes(void **state)
{
    (void)state;
    static const struct vv_fake_case cases[] = {
        {"v NaN 1\n", "v 1000000 NaN\n"},
        {"v +Inf 1\nv -Inf 2\nv Inf 3\n", "v 1000000 +Inf\nv 2000000 -Inf\nv 3000000 +Inf\n"},
        {"v 7.424100000000001e-05 1\n", "v 1000000 0.00007424100000000001\n"},
        {"v -0 1\n", "v 1000000 -0\n"},
        {"v +3 1\n", "v 1000000 3\n"},
        {"v 1e+03 1\n", "v 1000000 1000\n"},
        {"v 12345678901234567890123 1\n", "v 1000000 1.2345678901234568e+22\n"},
        {"v 9007199254740993 1\n", "v 1000000 9007199254740992\n"},
        {"v .5 1\nv 5. 2\n", "v 1000000 0.5\nv 2000000 5\n"},
        {"v 4.9e-324 1\n", "v 1000000 5e-324\n"},
    };
    CHECK(cases);
}

static void blanks_may_stand_between_the_parts(void **state)
{
    (void)state;
    static const struct vv_fake_case cases[] = {
        {"up { a = \"1\" , b=\"2\", }\t 3  \t4 \n", "up{a=\"1\",b=\"2\"} 4000000 3\n"},
        {"  up{}\t3\n", "up 1000000000 3\n"},
    };
    CHECK(cases);
}

static void escapes_in_values_are_undone(void **state)
{
    (void)state;
    static const struct vv_fake_case cases[] = {
        {"u{a=\"\\\"q\\\" \\\\ \\n \\x }\"} 1 2\n",
         "u{a=\"\\\"q\\\" \\\\ \\n \\\\x }\"} 2000000 1\n"},
        {"u{a=\"}\"} 1 2\nu{a=\"}\"} 3 4\n", "u{a=\"}\"} 2000000 1\nu{a=\"}\"} 4000000 3\n"},
        {"u{a=\"1 2\"} 3\n", "u{a=\"1 2\"} 1000000000 3\n"},
    };
    CHECK(cases);
}

static void quoted_names_are_those_of_prometheus_3(void **state)
{
    (void)state;
    static const struct vv_fake_case cases[] = {
        {"{\"http.requests\",a=\"b\"} 1 2\n", "{\"http.requests\",a=\"b\"} 2000000 1\n"},
        {"{a=\"b\",\"x y\",\"l.m\"=\"n\"} 1 2\n", "{\"x y\",a=\"b\",\"l.m\"=\"n\"} 2000000 1\n"},
        {"{__name__=\"up\",a=\"b\"} 1 2\n", "up{a=\"b\"} 2000000 1\n"},
    };
    CHECK(cases);
}

static void labels_without_value_are_left_out(void **state)
{
    (void)state;
    static const struct vv_fake_case cases[] = {
        {"up{a=\"\"} 1 2\nup 3 4\n", "up 2000000 1\nup 4000000 3\n"},
    };
    CHECK(cases);
}

static void bad_lines_are_named_and_leave_nothing_behind(void **state)
{
    (void)state;
    static const struct vv_fake_case cases[] = {
        {"up\n", "! in:1:3: expected a number after the series, got the end of the line\n"},
        {"up 1 2 3\n", "! in:1:8: expected the end of the line after the timestamp, got \"3\"\n"},
        {"up abc 1\n", "! in:1:4: expected a number after the series, got \"abc\"\n"},
        {"up 0x10 1\n", "! in:1:4: expected a number after the series, got \"0x10\"\n"},
        {"up 1_2\n", "! in:1:4: expected a number after the series, got \"1_2\"\n"},
        {"up 1e999 1\n", "! in:1:4: expected a number after the series, got \"1e999\"\n"},
        {"up 1 1.5\n", "! in:1:6: expected a whole number as timestamp, got \"1.5\"\n"},
        {"up 1 now\n", "! in:1:6: expected a whole number as timestamp, got \"now\"\n"},
        {"up 1 9223372036855\n", "! in:1:6: expected a timestamp of the years 1677 to 2262 (is its "
                                 "unit right?), got \"9223372036855\"\n"},
        {"up 1 99999999999999999999\n",
         "! in:1:6: expected a whole number as timestamp, got \"99999999999999999999\"\n"},
        {"9up 1\n", "! in:1:1: expected a metric name, got \"9up\"\n"},
        {"up{a=\"b\"}1 2\n", "! in:1:10: expected a space after the series, got \"1\"\n"},
        {"up{a=b} 1\n", "! in:1:6: expected a label value in double quotes, got \"b\"\n"},
        {"up{a='b'} 1\n", "! in:1:6: expected a label value in double quotes, got \"'b'\"\n"},
        {"up{a} 1\n", "! in:1:5: expected = after the label name, got \"}\"\n"},
        {"up{=\"b\"} 1\n", "! in:1:4: expected a label name, got \"=\\\"b\\\"\"\n"},
        {"up{,} 1\n", "! in:1:4: expected a label name, got \",\"\n"},
        {"up{a=\"b\"c=\"d\"} 1\n", "! in:1:9: expected , or } after the label, got \"c\"\n"},
        {"up{a=\"b\n", "! in:1:6: the quote is not closed\n"},
        {"up{a=\"b\\\"} 1\n", "! in:1:6: the quote is not closed\n"},
        {"up{a=\"b\"\n", "! in:1:9: expected , or } after the label, got the end of the line\n"},
        {"{a=\"b\"} 1\n", "! in:1:1: the series has no metric name\n"},
        {"{\"a\",\"b\"} 1\n", "! in:1:9: expected = after the label name, got \"}\"\n"},
        {"u\xff 1\n", "! in:1:2: expected a space after the series, got \"\\xff\"\n"},
        {"good 1 1\nbad\ngood 2 2\n",
         "! in:2:4: expected a number after the series, got the end of the line\n"
         "good 1000000 1\ngood 2000000 2\n"},
    };
    CHECK(cases);
}

static void what_the_database_has_against_labels_is_the_reason(void **state)
{
    (void)state;
    static const char *const texts[] = {"u{a=\"1\",a=\"2\"} 1\n", "u{a=\"\xff\"} 1\n",
                                        "u{__name__=\"v\"} 1\n"};
    for (size_t index = 0; index < sizeof texts / sizeof texts[0]; index++) {
        struct vv_fake_import fake;
        vv_fake_import_init(&fake, VARVE_FORMAT_PROM);
        const char *result = vv_fake_import(&fake, texts[index], strlen(texts[index]));
        assert_memory_equal(result, "! in:1:1: ", 10);
        assert_int_equal(fake.report.skipped, 1);
        assert_int_equal(fake.report.samples, 0);
        assert_int_equal(fake.report.series, 0);
        vv_fake_import_fini(&fake);
    }
}

static void nul_bytes_are_text_only_inside_quotes(void **state)
{
    (void)state;
    struct vv_fake_import fake;
    vv_fake_import_init(&fake, VARVE_FORMAT_PROM);
    static const char inside[] = "u{a=\"x\0y\"} 1 2\n";
    assert_string_equal(vv_fake_import(&fake, inside, sizeof inside - 1),
                        "u{a=\"x\\x00y\"} 2000000 1\n");
    static const char outside[] = "u\0v 1 2\n";
    assert_string_equal(vv_fake_import(&fake, outside, sizeof outside - 1),
                        "! in:1:2: expected a space after the series, got \"\\x00v\"\n");
    static const char behind[] = "u 1 2\0\n";
    assert_string_equal(vv_fake_import(&fake, behind, sizeof behind - 1),
                        "! in:1:5: expected a whole number as timestamp, got \"2\\x00\"\n");
    vv_fake_import_fini(&fake);
}

static void more_labels_than_a_series_may_have_are_a_bad_line(void **state)
{
    (void)state;
    struct vv_buffer text = {0};
    assert_int_equal(vv_buffer_append(&text, "u{", 2), VARVE_OK);
    for (int index = 0; index < 50000; index++) {
        char label[32];
        int length = snprintf(label, sizeof label, "l%d=\"x\",", index);
        assert_int_equal(vv_buffer_append(&text, label, (size_t)length), VARVE_OK);
    }
    assert_int_equal(vv_buffer_append(&text, "} 1 2\n", 6), VARVE_OK);
    struct vv_fake_import fake;
    vv_fake_import_init(&fake, VARVE_FORMAT_PROM);
    const char *result = vv_fake_import(&fake, (const char *)text.bytes, text.length);
    assert_string_equal(result, "! in:1:500: more than 64 labels\n");
    vv_fake_import_fini(&fake);
    vv_buffer_fini(&text);
}

static void precision_and_labels_of_the_options_apply(void **state)
{
    (void)state;
    struct vv_fake_import fake;
    vv_fake_import_init(&fake, VARVE_FORMAT_PROM);
    static const varve_label label = {{"src", 3}, {"x", 1}};
    fake.options.precision = VARVE_PRECISION_S;
    fake.options.labels = &label;
    fake.options.label_count = 1;
    assert_string_equal(vv_fake_import(&fake, "up{a=\"b\"} 1 2\n", 14),
                        "up{a=\"b\",src=\"x\"} 2000000000 1\n");
    vv_fake_import_fini(&fake);
}

/* What other readers of the format are tested with, and no table here had yet. */
static void odd_lines_are_read_as_others_read_them(void **state)
{
    (void)state;
    static const struct vv_fake_case cases[] = {
        {"go { q = \"1.0\", a = \"b\" , } 8.3835e-05 1\n",
         "go{a=\"b\",q=\"1.0\"} 1000000 0.000083835\n"},
        {"some:rule5m{a_b=\"c\"}\t1 1\n", "some:rule5m{a_b=\"c\"} 1000000 1\n"},
        {"_under{_score=\"x\"} 1   1\n", "_under{_score=\"x\"} 1000000 1\n"},
        {"{\"foo.bar\", b=\"c\"} 1 1\n", "{\"foo.bar\",b=\"c\"} 1000000 1\n"},
        {"{b=\"c\", \"foo.bar\"} 2 1\n", "{\"foo.bar\",b=\"c\"} 1000000 2\n"},
        {"#\n# Hrandom\n# \tTYPE x\nm 1 -5\n", "m -5000000 1\n"},
        {"m 1_000\n", "! in:1:3: expected a number after the series, got \"1_000\"\n"},
        {"m 0x1p-3\n", "! in:1:3: expected a number after the series, got \"0x1p-3\"\n"},
        {"m{a='x'} 1\n", "! in:1:5: expected a label value in double quotes, got \"'x'\"\n"},
        {"m{a=x} 1\n", "! in:1:5: expected a label value in double quotes, got \"x\"\n"},
        {"m{a=\"x\" b=\"y\"} 1\n", "! in:1:9: expected , or } after the label, got \"b\"\n"},
        {"m{0a=\"x\"} 1\n", "! in:1:3: expected a label name, got \"0a\"\n"},
        {"1metric 1\n", "! in:1:1: expected a metric name, got \"1metric\"\n"},
        {"m{a=\"x\"}1\n", "! in:1:9: expected a space after the series, got \"1\"\n"},
        {"m 1 1 1\n", "! in:1:7: expected the end of the line after the timestamp, got \"1\"\n"},
        {"m 1 # {} 3\n", "! in:1:5: expected a whole number as timestamp, got \"#\"\n"},
        {"{} 1\n", "! in:1:1: the series has no metric name\n"},
    };
    assert_int_equal(vv_fake_check(VARVE_FORMAT_PROM, cases, sizeof cases / sizeof cases[0]), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(odd_lines_are_read_as_others_read_them),
        cmocka_unit_test(samples_are_read_with_their_milliseconds),
        cmocka_unit_test(a_line_without_time_gets_the_time_of_the_import),
        cmocka_unit_test(comments_and_metadata_are_skipped),
        cmocka_unit_test(values_have_every_form_that_prometheus_writes),
        cmocka_unit_test(blanks_may_stand_between_the_parts),
        cmocka_unit_test(escapes_in_values_are_undone),
        cmocka_unit_test(quoted_names_are_those_of_prometheus_3),
        cmocka_unit_test(labels_without_value_are_left_out),
        cmocka_unit_test(bad_lines_are_named_and_leave_nothing_behind),
        cmocka_unit_test(what_the_database_has_against_labels_is_the_reason),
        cmocka_unit_test(nul_bytes_are_text_only_inside_quotes),
        cmocka_unit_test(more_labels_than_a_series_may_have_are_a_bad_line),
        cmocka_unit_test(precision_and_labels_of_the_options_apply),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
