/*
 * test_openmetrics_read.c - OpenMetrics in: families, seconds, exemplars, and the words for bad
 * lines.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "support/fake_import.h"

#define CHECK(cases)                                                                               \
    assert_int_equal(                                                                              \
        vv_fake_check(VARVE_FORMAT_OPENMETRICS, cases, sizeof cases / sizeof cases[0]), 0)

static void times_are_seconds_with_a_fraction(void **state)
{
    (void)state;
    static const struct vv_fake_case cases[] = {
        {"up 1 1520879607.789\n# EOF\n", "up 1520879607789000000 1\n"},
        {"up 1 1520879607\n# EOF\n", "up 1520879607000000000 1\n"},
        {"up 1 -0.5\n# EOF", "up -500000000 1\n"},
        {"up 1 1.5e9\n# EOF\n", "up 1500000000000000000 1\n"},
        {"up 1 1.0000000015\n# EOF\n", "up 1000000002 1\n"},
        {"up 1\n# EOF\n", "up 1000000000 1\n"},
    };
    CHECK(cases);
}

static void families_of_every_type_are_read(void **state)
{
    (void)state;
    static const struct vv_fake_case cases[] = {
        {"# TYPE c counter\n# HELP c Things.\nc_total 17 1\nc_created 5 1\n# EOF\n",
         "c_total 1000000000 17\nc_created 1000000000 5\n"},
        {"# TYPE d_bytes gauge\n# UNIT d_bytes bytes\nd_bytes{a=\"b\"} 2 1\n# EOF\n",
         "d_bytes{a=\"b\"} 1000000000 2\n"},
        {"# TYPE h histogram\nh_bucket{le=\"0.1\"} 1 1\nh_count 1 1\nh_sum 2 1\n# EOF\n",
         "h_bucket{le=\"0.1\"} 1000000000 1\nh_count 1000000000 1\nh_sum 1000000000 2\n"},
        {"# TYPE g gaugehistogram\ng_bucket{le=\"+Inf\"} 1 1\ng_gcount 1 1\n# EOF\n",
         "g_bucket{le=\"+Inf\"} 1000000000 1\ng_gcount 1000000000 1\n"},
        {"# TYPE s summary\ns{quantile=\"0.5\"} 1 1\ns_sum 2 1\n# EOF\n",
         "s{quantile=\"0.5\"} 1000000000 1\ns_sum 1000000000 2\n"},
        {"# TYPE i info\ni_info{v=\"1\"} 1 1\n# TYPE t stateset\nt{t=\"on\"} 1 1\n# EOF\n",
         "i_info{v=\"1\"} 1000000000 1\nt{t=\"on\"} 1000000000 1\n"},
        {"# TYPE \"a.b\" unknown\n{\"a.b\",c=\"d\"} 1 1\n# EOF\n",
         "{\"a.b\",c=\"d\"} 1000000000 1\n"},
        {"# TYPE c counter\nc_total 1 1\ncx 2 1\nother 3 1\n# EOF\n",
         "c_total 1000000000 1\ncx 1000000000 2\nother 1000000000 3\n"},
    };
    CHECK(cases);
}

static void exemplars_are_skipped(void **state)
{
    (void)state;
    static const struct vv_fake_case cases[] = {
        {"c_total 17 1.5 # {id=\"x\",\"o.k\"=\"}\"} 5 1.25\n# EOF\n", "c_total 1500000000 17\n"},
        {"c_total 17 # {} 5\n# EOF\n", "c_total 1000000000 17\n"},
    };
    CHECK(cases);
}

static void what_is_not_openmetrics_is_named(void **state)
{
    (void)state;
    static const struct vv_fake_case cases[] = {
        {"up 1\n", "! in:2:1: the input does not end with # EOF: is it complete?\n"
                   "up 1000000000 1\n"},
        {"", "! in:1:1: the input does not end with # EOF: is it complete?\n"},
        {"# EOF\nup 1\n", "! in:2:1: data behind # EOF\n"},
        {"\n# EOF\n", "! in:1:1: blank line\n"},
        {"# comment\n# EOF\n",
         "! in:1:1: expected # TYPE, # UNIT, # HELP or # EOF, got \"# comment\"\n"},
        {"#  TYPE c counter\n# EOF\n",
         "! in:1:1: expected # TYPE, # UNIT, # HELP or # EOF, got \"#  TYPE c counter\"\n"},
        {"# TYPE u untyped\n# EOF\n",
         "! in:1:10: expected a type (counter, gauge, histogram, gaugehistogram, summary, info, "
         "stateset or unknown), got \"untyped\"\n"},
        {"# TYPE c counter \n# EOF\n",
         "! in:1:10: expected a type (counter, gauge, histogram, gaugehistogram, summary, info, "
         "stateset or unknown), got \"counter \"\n"},
        {"# TYPE \n# EOF\n",
         "! in:1:8: expected the name of a metric family, got the end of the line\n"},
        {"# TYPE m\n# EOF\n", "! in:1:9: expected a space and the text, got the end of the line\n"},
        {"# TYPE #\n# EOF\n", "! in:1:8: expected the name of a metric family, got \"#\"\n"},
        {"# TYPE \"\" counter\n# EOF\n",
         "! in:1:8: expected the name of a metric family, got \"\\\"\\\"\"\n"},
        {"# UNIT m suffix\n# EOF\n", "! in:1:10: the name of the family must end with _suffix\n"},
        {"# UNIT msuffix suffix\n# EOF\n",
         "! in:1:16: the name of the family must end with _suffix\n"},
        {"# TYPE c counter\n# TYPE c counter\n# EOF\n", "! in:2:1: second # TYPE of this family\n"},
        {"# TYPE c counter\nc_total 1\n# HELP c x\n# EOF\n",
         "! in:3:1: metadata stands before the samples of its family\nc_total 1000000000 1\n"},
        {"# TYPE c counter\n# TYPE d counter\n# HELP c x\n# EOF\n",
         "! in:3:8: metric family \"c\" comes twice: its lines must stand together\n"},
        {"# TYPE c counter\nc 1\nc 1\n# EOF\n",
         "! in:2:1: a sample of a counter must end with one of: _total _created\n"
         "! in:3:1: a sample of a counter must end with one of: _total _created\n"},
        {"# TYPE h histogram\nh_bucket 1\n# EOF\n", "! in:2:1: a bucket must have the label le\n"},
        {"# TYPE s summary\ns 1\n# EOF\n",
         "! in:2:1: a quantile of a summary must have the label quantile\n"},
        {" up 1\n# EOF\n", "! in:1:1: expected a metric name, got \" up\"\n"},
        {"up\t1\n# EOF\n", "! in:1:3: expected a space and a number, got \"\\x091\"\n"},
        {"up  1\n# EOF\n", "! in:1:4: expected a number, got \" 1\"\n"},
        {"up 1 2 \n# EOF\n", "! in:1:7: expected the end of the line or an exemplar, got \" \"\n"},
        {"up 1 2 3\n# EOF\n",
         "! in:1:7: expected the end of the line or an exemplar, got \" 3\"\n"},
        {"up 1 NaN\n# EOF\n",
         "! in:1:6: expected a timestamp in seconds of the years 1677 to 2262, got \"NaN\"\n"},
        {"up 1 1z\n# EOF\n",
         "! in:1:6: expected a timestamp in seconds of the years 1677 to 2262, got \"1z\"\n"},
        {"up 1 9223372037\n# EOF\n",
         "! in:1:6: expected a timestamp in seconds of the years 1677 to 2262, got "
         "\"9223372037\"\n"},
        {"up{a=\"b\", c=\"d\"} 1\n# EOF\n", "! in:1:10: expected a label name, got \" c\"\n"},
        {"a{,b=\"c\"} 1\n# EOF\n", "! in:1:3: expected a label name, got \",b\"\n"},
        {"c_total 1 # {aa=\"bb\"}\n# EOF\n",
         "! in:1:22: expected a space and a number, got the end of the line\n"},
        {"c_total 1 # {aa=bb} 1\n# EOF\n",
         "! in:1:17: expected a label value in double quotes, got \"bb\"\n"},
        {"c_total 1 # {aa=\"bb\",,cc=\"dd\"} 1\n# EOF\n",
         "! in:1:22: expected a label name, got \",cc\"\n"},
        {"c_total 1 # {\"bb\"} 1\n# EOF\n",
         "! in:1:18: expected = after the label name, got \"}\"\n"},
    };
    CHECK(cases);
}

static void bounds_and_quantiles_are_numbers(void **state)
{
    (void)state;
    static const struct vv_fake_case cases[] = {
        {"# TYPE h histogram\nh_bucket{le=\"a\"} 1\n# EOF\n",
         "! in:2:1: the label le of a bucket must be a number\n"},
        {"# TYPE h gaugehistogram\nh_bucket{le=\"NaN\"} 1\n# EOF\n",
         "! in:2:1: the label le of a bucket must be a number\n"},
        {"# TYPE h histogram\nh_bucket{le=\"+Inf\"} 1 2\n# EOF\n",
         "h_bucket{le=\"+Inf\"} 2000000000 1\n"},
        {"# TYPE s summary\ns{quantile=\"-0.1\"} 1\n# EOF\n",
         "! in:2:1: the label quantile of a summary must be a number from 0 to 1\n"},
        {"# TYPE s summary\ns{quantile=\"1.1\"} 1\n# EOF\n",
         "! in:2:1: the label quantile of a summary must be a number from 0 to 1\n"},
        {"# TYPE s summary\ns{quantile=\"NaN\"} 1\n# EOF\n",
         "! in:2:1: the label quantile of a summary must be a number from 0 to 1\n"},
        {"# TYPE s summary\ns{quantile=\"1\"} 1 2\n# EOF\n", "s{quantile=\"1\"} 2000000000 1\n"},
    };
    CHECK(cases);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bounds_and_quantiles_are_numbers),
        cmocka_unit_test(times_are_seconds_with_a_fraction),
        cmocka_unit_test(families_of_every_type_are_read),
        cmocka_unit_test(exemplars_are_skipped),
        cmocka_unit_test(what_is_not_openmetrics_is_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
