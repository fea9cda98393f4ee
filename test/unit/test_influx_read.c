/*
 * test_influx_read.c - Influx line protocol in: names, escapes, field types, and the words for bad
 * lines.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "support/fake_import.h"
#include "support/random.h"

#define CHECK(cases)                                                                               \
    assert_int_equal(vv_fake_check(VARVE_FORMAT_INFLUX, cases, sizeof cases / sizeof cases[0]), 0)

static void fields_become_series_of_measurement_and_field(void **state)
{
    (void)state;
    static const struct vv_fake_case cases[] = {
        {"cpu,host=a usage=1,idle=2i 17\n",
         "cpu_usage{host=\"a\"} 17 1\ncpu_idle{host=\"a\"} 17 2\n"},
        {"cpu usage=1 17\n", "cpu_usage 17 1\n"},
        {"cpu value=1,max=2 17\n", "cpu 17 1\ncpu_max 17 2\n"},
        {"cpu,b=2,a=1 value=1 17", "cpu{a=\"1\",b=\"2\"} 17 1\n"},
    };
    CHECK(cases);
}

static void fields_in_another_order_find_their_series(void **state)
{
    (void)state;
    static const struct vv_fake_case cases[] = {
        {"c a=1,b=2,d=3 1\nc d=4,a=5,b=6 2\nc b=7 3\nc a=8,b=9,d=10 4\n",
         "c_a 1 1\nc_b 1 2\nc_d 1 3\nc_d 2 4\nc_a 2 5\nc_b 2 6\nc_b 3 7\nc_a 4 8\nc_b 4 9\nc_d 4 "
         "10\n"},
        {"c a=1 1\nc ab=2 2\nc a=3 3\n", "c_a 1 1\nc_ab 2 2\nc_a 3 3\n"},
        {"c,t=x a=1 1\nc,t=xy a=2 2\nc,t=x a=3 3\n",
         "c_a{t=\"x\"} 1 1\nc_a{t=\"xy\"} 2 2\nc_a{t=\"x\"} 3 3\n"},
    };
    CHECK(cases);
}

/* What other readers of the line protocol are tested with, and no table here had yet. */
static void odd_lines_are_read_as_others_read_them(void **state)
{
    (void)state;
    static const struct vv_fake_case cases[] = {
        {"a d=1E+3,e=-.5,f=1e-2 1\n", "a_d 1 1000\na_e 1 -0.5\na_f 1 0.01\n"},
        {"a d=+1 1\n", "! in:1:5: expected a number, true, false or a string in double quotes, got "
                       "\"+1\"\n"},
        {"a d=0x10 1\n", "! in:1:6: expected a comma or a space after the field value, got "
                         "\"x10\"\n"},
        {"a d=tRUE 1\n", "! in:1:6: expected a comma or a space after the field value, got "
                         "\"RUE\"\n"},
        {"a d=inf 1\n",
         "! in:1:5: expected a number, true, false or a string in double quotes, got "
         "\"inf\"\n"},
        {"a d=-1u 1\n", "! in:1:5: expected an unsigned integer of 64 bits, got \"-1u\"\n"},
        {"a,b=c,b=d e=1 1\n", "! in:1:1: label \"b\" comes twice\n"},
        {"a d=1, e=2 1\n", "! in:1:7: expected a field key, got \" e\"\n"},
        {"a  d=1  1  \n", "a_d 1 1\n"},
        {"a d=1 -5\n", "a_d -5 1\n"},
        {"a d=1 1.5\n", "! in:1:7: expected a whole number as timestamp, got \"1.5\"\n"},
        {"a d=1 1 x\n", "! in:1:7: expected a whole number as timestamp, got \"1\"\n"},
        {"\"a\",\"b\"=\"c\" \"d\"=1 1\n",
         "{\"\\\"a\\\"_\\\"d\\\"\",\"\\\"b\\\"\"=\"\\\"c\\\"\"} 1 1\n"},
        {"wea\\,ther,lo\\=c=us\\,mid\\ west te\\=mp=1 1\n",
         "{\"wea,ther_te=mp\",\"lo=c\"=\"us,mid west\"} 1 1\n"},
        {"\xc3\x89,\xc3\xbc=\xc3\xb1 \xc3\xb6=1 1\n",
         "{\"\xc3\x89_\xc3\xb6\",\"\xc3\xbc\"=\"\xc3\xb1\"} 1 1\n"},
        {"a s=\"too \\\"hot\\\" \\\\\",d=1 1\n", "a_d 1 1\n"},
        {"a s=\"\" 1\na s=\",=# \",d=1 1\n", "a_d 1 1\n"},
    };
    CHECK(cases);
}

static void every_type_of_field_has_a_value(void **state)
{
    (void)state;
    static const struct vv_fake_case cases[] = {
        {"m v=1.5,w=-2e3,x=.5,y=1. 1\n", "m_v 1 1.5\nm_w 1 -2000\nm_x 1 0.5\nm_y 1 1\n"},
        {"m v=-7i,w=18446744073709551615u 1\n", "m_v 1 -7\nm_w 1 18446744073709552000\n"},
        {"m a=t,b=T,c=true,d=True,e=TRUE 1\n", "m_a 1 1\nm_b 1 1\nm_c 1 1\nm_d 1 1\nm_e 1 1\n"},
        {"m a=f,b=F,c=false,d=False,e=FALSE 1\n", "m_a 1 0\nm_b 1 0\nm_c 1 0\nm_d 1 0\nm_e 1 0\n"},
        {"m v=-9223372036854775808i 1\n", "m_v 1 -9223372036854776000\n"},
    };
    CHECK(cases);
}

static void strings_are_skipped_and_counted(void **state)
{
    (void)state;
    struct vv_fake_import fake;
    vv_fake_import_init(&fake, VARVE_FORMAT_INFLUX);
    static const char text[] = "m s=\"a, b=1 \\\" \\\\\",v=1,t=\"\" 1\n"
                               "m s=\"two\nlines\",v=2 2\n"
                               "m s=\"only\" 3\n"
                               "m v=3,bad 4\n";
    assert_string_equal(vv_fake_import(&fake, text, sizeof text - 1),
                        "! in:5:10: expected = after the field key, got \" 4\"\n"
                        "m_v 1 1\nm_v 2 2\n");
    assert_int_equal(fake.report.strings, 4);
    assert_int_equal(fake.report.lines, 5);
    assert_int_equal(fake.report.samples, 2);
    assert_int_equal(fake.report.skipped, 1);
    vv_fake_import_fini(&fake);
}

static void integers_that_a_double_cannot_hold_are_counted(void **state)
{
    (void)state;
    struct vv_fake_import fake;
    vv_fake_import_init(&fake, VARVE_FORMAT_INFLUX);
    static const char text[] = "m a=9007199254740993i,b=9007199254740992i,c=9223372036854775807i,"
                               "d=18446744073709551615u,e=9007199254740994i 1\n";
    (void)vv_fake_import(&fake, text, sizeof text - 1);
    assert_int_equal(fake.report.rounded, 3);
    assert_int_equal(fake.report.samples, 5);
    vv_fake_import_fini(&fake);
}

static void backslashes_escape_what_would_end_a_name(void **state)
{
    (void)state;
    static const struct vv_fake_case cases[] = {
        {"my\\ m\\,x,t\\ a\\=g=v\\,\\ 1 f\\=\\ g=1 5\n",
         "{\"my m,x_f= g\",\"t a=g\"=\"v, 1\"} 5 1\n"},
        {"m,a=b\\c value=1 5\n", "m{a=\"b\\\\c\"} 5 1\n"},
        {"m,a=b\\\\\\ c value=1 5\n", "m{a=\"b\\\\\\\\ c\"} 5 1\n"},
        {"m\\=x value=1 5\n", "{\"m\\\\=x\"} 5 1\n"},
        {"m=x value=1 5\n", "{\"m=x\"} 5 1\n"},
    };
    CHECK(cases);
}

static void spaces_may_be_many_and_comments_are_skipped(void **state)
{
    (void)state;
    static const struct vv_fake_case cases[] = {
        {"# comment\n\n  m   value=1   5  \n", "m 5 1\n"},
        {"m value=1\n", "m 1000000000 1\n"},
        {"m value=1 -5\r\n", "m -5 1\n"},
    };
    CHECK(cases);
}

static void bad_lines_are_named_and_leave_nothing_behind(void **state)
{
    (void)state;
    static const struct vv_fake_case cases[] = {
        {"m\n", "! in:1:2: expected a comma or a space after the measurement, got the end of the "
                "line\n"},
        {"m \n", "! in:1:3: expected a field key, got the end of the line\n"},
        {",a=b v=1 1\n", "! in:1:1: expected a measurement, got \",a\"\n"},
        {"m, v=1 1\n", "! in:1:3: expected a tag key after the comma, got \" v\"\n"},
        {"m,a v=1 1\n", "! in:1:4: expected = after the tag key, got \" v\"\n"},
        {"m,a= v=1 1\n", "! in:1:5: expected a tag value after =, got \" v\"\n"},
        {"m,a=b=c v=1 1\n",
         "! in:1:6: expected a comma or a space after the tag value, got \"=c\"\n"},
        {"m,a=b\n",
         "! in:1:6: expected a comma or a space after the tag value, got the end of the line\n"},
        {"m v 1\n", "! in:1:4: expected = after the field key, got \" 1\"\n"},
        {"m =1 1\n", "! in:1:3: expected a field key, got \"=1\"\n"},
        {"m v= 1\n", "! in:1:5: expected a number, true, false or a string in double quotes, got "
                     "\" 1\"\n"},
        {"m v=abc 1\n", "! in:1:5: expected a number, true, false or a string in double quotes, "
                        "got \"abc\"\n"},
        {"m v=NaN 1\n", "! in:1:5: expected a number, true, false or a string in double quotes, "
                        "got \"NaN\"\n"},
        {"m v=tru 1\n", "! in:1:6: expected a comma or a space after the field value, got "
                        "\"ru\"\n"},
        {"m v=1x 1\n", "! in:1:6: expected a comma or a space after the field value, got \"x\"\n"},
        {"m v=1.5i 1\n", "! in:1:8: expected a comma or a space after the field value, got "
                         "\"i\"\n"},
        {"m v=9223372036854775808i 1\n",
         "! in:1:5: expected an integer of 64 bits, got \"9223372036854775808i\"\n"},
        {"m v=-1u 1\n", "! in:1:5: expected an unsigned integer of 64 bits, got \"-1u\"\n"},
        {"m v=- 1\n", "! in:1:5: expected a number, got \"-\"\n"},
        {"m v=1e999 1\n", "! in:1:5: expected a number, got \"1e999\"\n"},
        {"m v=1, 1\n", "! in:1:7: expected a field key, got \" 1\"\n"},
        {"m v=\"abc 1\nm v=2 2\n", "! in:1:5: the quote is not closed\nm_v 2 2\n"},
        {"m v=\"a\"b 1\n", "! in:1:8: expected a comma or a space after the field value, got "
                           "\"b\"\n"},
        {"m v=1 1.5\n", "! in:1:7: expected a whole number as timestamp, got \"1.5\"\n"},
        {"m v=1 1 2\n", "! in:1:7: expected a whole number as timestamp, got \"1\"\n"},
        {"m v=1 9223372036854775807\n",
         "! in:1:7: expected a timestamp of the years 1677 to 2262 (is its unit right?), got "
         "\"9223372036854775807\"\n"},
        {"m v=1 9223372036854775808\n",
         "! in:1:7: expected a whole number as timestamp, got \"9223372036854775808\"\n"},
        {"m\tx v=1 1\n",
         "! in:1:2: expected a comma or a space after the measurement, got \"\\x09x\"\n"},
        {"m a=1,b=x 1\nm a=2,b=3 2\n",
         "! in:1:9: expected a number, true, false or a string in double quotes, got \"x\"\n"
         "m_a 2 2\nm_b 2 3\n"},
    };
    CHECK(cases);
}

static void a_known_prefix_without_fields_is_bad_like_a_new_one(void **state)
{
    (void)state;
    static const struct vv_fake_case cases[] = {
        {"m,a=b v=1 1\nm,a=b\n",
         "! in:2:6: expected a comma or a space after the tag value, got the end of the line\n"
         "m_v{a=\"b\"} 1 1\n"},
    };
    CHECK(cases);
}

static void precision_applies_to_times(void **state)
{
    (void)state;
    static const struct {
        varve_precision precision;
        const char *expected;
    } cases[] = {{VARVE_PRECISION_S, "m_v 2000000000 1\n"},
                 {VARVE_PRECISION_MS, "m_v 2000000 1\n"},
                 {VARVE_PRECISION_US, "m_v 2000 1\n"},
                 {VARVE_PRECISION_NS, "m_v 2 1\n"}};
    for (size_t index = 0; index < sizeof cases / sizeof cases[0]; index++) {
        struct vv_fake_import fake;
        vv_fake_import_init(&fake, VARVE_FORMAT_INFLUX);
        fake.options.precision = cases[index].precision;
        assert_string_equal(vv_fake_import(&fake, "m v=1 2\n", 8), cases[index].expected);
        vv_fake_import_fini(&fake);
    }
}

/* A line whose series are known and come in the order of last time is read as one that is new. */
static void known_lines_are_read_as_new_ones(void **state)
{
    (void)state;
    static const char *const values[] = {"0i",
                                         "7i",
                                         "-7i",
                                         "123456789012345i",
                                         "1234567890123456i",
                                         "9007199254740993i",
                                         "9223372036854775807i",
                                         "9223372036854775808i",
                                         "007i",
                                         "1.5",
                                         "1",
                                         "5u",
                                         "i",
                                         "",
                                         "t",
                                         "\"x,y\"",
                                         "1ix",
                                         "1 i",
                                         "1i,",
                                         "-i",
                                         "1e3",
                                         "+1i"};
    static const char *const keys[] = {
        "a", "bb", "four", "seventh", "eighth_8", "sixteen_letters_", "seventeen_letters"};
    enum { VALUES = sizeof values / sizeof values[0], KEYS = sizeof keys / sizeof keys[0] };
    static const char known[] = "c a=1i,bb=1i,four=1i,seventh=1i,eighth_8=1i,sixteen_letters_=1i,"
                                "seventeen_letters=1i 1\n";
    static const char rows[] = "c_a 1 1\nc_bb 1 1\nc_four 1 1\nc_seventh 1 1\nc_eighth_8 1 1\n"
                               "c_sixteen_letters_ 1 1\nc_seventeen_letters 1 1\n";
    struct vv_test_random random = vv_test_random_init(1);
    for (int round = 0; round < 3000; round++) {
        char line[512], warm[1024], cold[1024];
        size_t used = 2;
        memcpy(line, "c ", 2);
        for (size_t key = vv_test_random_below(&random, 2); key < KEYS; key++) {
            size_t value = vv_test_random_below(&random, round % 4 == 0 ? VALUES : 4);
            bool odd = vv_test_random_below(&random, 50) == 0;
            used += (size_t)snprintf(line + used, sizeof line - used, "%s%s=%s",
                                     used > 2 ? "," : "", keys[odd ? 0 : key], values[value]);
        }
        (void)snprintf(line + used, sizeof line - used, " 2\n");
        (void)snprintf(cold, sizeof cold, "#\n%s", line);
        (void)snprintf(warm, sizeof warm, "%s%s", known, line);
        struct vv_fake_import new_one, known_one;
        vv_fake_import_init(&new_one, VARVE_FORMAT_INFLUX);
        vv_fake_import_init(&known_one, VARVE_FORMAT_INFLUX);
        const char *expected = vv_fake_import(&new_one, cold, strlen(cold));
        const char *got = vv_fake_import(&known_one, warm, strlen(warm));
        const char *first = strstr(got, rows);
        assert_non_null(first);
        assert_memory_equal(got, expected, (size_t)(first - got));
        assert_string_equal(first + strlen(rows), expected + (first - got));
        vv_fake_import_fini(&new_one);
        vv_fake_import_fini(&known_one);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fields_become_series_of_measurement_and_field),
        cmocka_unit_test(fields_in_another_order_find_their_series),
        cmocka_unit_test(every_type_of_field_has_a_value),
        cmocka_unit_test(odd_lines_are_read_as_others_read_them),
        cmocka_unit_test(strings_are_skipped_and_counted),
        cmocka_unit_test(integers_that_a_double_cannot_hold_are_counted),
        cmocka_unit_test(backslashes_escape_what_would_end_a_name),
        cmocka_unit_test(spaces_may_be_many_and_comments_are_skipped),
        cmocka_unit_test(bad_lines_are_named_and_leave_nothing_behind),
        cmocka_unit_test(a_known_prefix_without_fields_is_bad_like_a_new_one),
        cmocka_unit_test(precision_applies_to_times),
        cmocka_unit_test(known_lines_are_read_as_new_ones),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
