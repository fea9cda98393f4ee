/*
 * test_detect.c - the format of an input, from its first lines.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <string.h>

#include "text/detect.h"

struct source {
    const char *text;
    size_t length;
    size_t at;
};

static int64_t read_byte(void *context, char *bytes, size_t capacity)
{
    struct source *source = context;
    (void)capacity;
    if (source->at == source->length) {
        return 0;
    }
    *bytes = source->text[source->at++];
    return 1;
}

static varve_status detect(const char *text, size_t length, varve_format *format,
                           varve_error *error)
{
    struct source source = {text, length, 0};
    struct vv_line_reader reader;
    assert_int_equal(vv_line_reader_init(&reader, read_byte, &source, "in"), VARVE_OK);
    varve_status status = vv_detect_format(&reader, format, error);
    vv_line_reader_fini(&reader);
    return status;
}

static void each_format_is_known_by_its_first_line(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        varve_format format;
    } cases[] = {
        {"{\"metric\":{\"__name__\":\"u\"},\"values\":[1],\"timestamps\":[1]}\n",
         VARVE_FORMAT_JSONL},
        {"{ \"a\\\"b\" : 1}", VARVE_FORMAT_JSONL},
        {"up 1 1700000000123\n", VARVE_FORMAT_PROM},
        {"up{a=\"b,} 1\"} NaN\n", VARVE_FORMAT_PROM},
        {"{\"a.b\",c=\"d\"} 1\n", VARVE_FORMAT_PROM},
        {"\n# a comment\n# TYPE up gauge\nup 1\n", VARVE_FORMAT_PROM},
        {"# TYPE a unknown\n", VARVE_FORMAT_OPENMETRICS},
        {"# TYPE a info\na_info 1\n", VARVE_FORMAT_OPENMETRICS},
        {"# UNIT a_s s\na_s 1\n", VARVE_FORMAT_OPENMETRICS},
        {"# EOF\n", VARVE_FORMAT_OPENMETRICS},
        {"up 1 1700000000.123\n", VARVE_FORMAT_OPENMETRICS},
        {"up 1 # {a=\"b\"} 1\n", VARVE_FORMAT_OPENMETRICS},
        {"up 1 1700000000123 # {a=\"b\"} 1\n", VARVE_FORMAT_OPENMETRICS},
        {"cpu,host=a usage=1,idle=2i 17\n", VARVE_FORMAT_INFLUX},
        {"cpu value=t\n", VARVE_FORMAT_INFLUX},
        {"c\\ pu,host=a\\,b value=\"x\" 1\n", VARVE_FORMAT_INFLUX},
        {"# comment\ncpu value=-1\n", VARVE_FORMAT_INFLUX},
        {"series,time,value\nup,1,1\n", VARVE_FORMAT_CSV},
        {"time,\"host name\",v\n", VARVE_FORMAT_CSV},
        {"timestamp,value\r\n2014-02-14 14:30:00,0.132\r\n", VARVE_FORMAT_CSV},
        {"", VARVE_FORMAT_PROM},
        {"\n\n# nothing\n", VARVE_FORMAT_PROM},
        {"\xef\xbb\xbf"
         "a,b",
         VARVE_FORMAT_CSV},
    };
    for (size_t index = 0; index < sizeof cases / sizeof cases[0]; index++) {
        varve_format format = VARVE_FORMAT_AUTO;
        varve_error error = {.status = VARVE_OK};
        varve_status status = detect(cases[index].text, strlen(cases[index].text), &format, &error);
        if (status != VARVE_OK || format != cases[index].format) {
            fail_msg("%s: %s, format %d", cases[index].text, error.message, (int)format);
        }
    }
}

static void whole_seconds_could_be_either_format_of_prometheus(void **state)
{
    (void)state;
    varve_format format = VARVE_FORMAT_AUTO;
    varve_error error = {.status = VARVE_OK};
    assert_int_equal(detect("up 1 1700000000\n", 16, &format, &error), VARVE_INVALID);
    assert_string_equal(error.message,
                        "cannot tell the format of in: its times could be milliseconds (prom) or "
                        "seconds (openmetrics); say which with --format");
    assert_int_equal(format, VARVE_FORMAT_AUTO);
}

static void what_no_format_fits_is_refused_with_the_formats(void **state)
{
    (void)state;
    static const char *const texts[] = {"hello\n", "hello world\n", "{}\n", "\001\002\003"};
    for (size_t index = 0; index < sizeof texts / sizeof texts[0]; index++) {
        varve_format format = VARVE_FORMAT_AUTO;
        varve_error error = {.status = VARVE_OK};
        assert_int_equal(detect(texts[index], strlen(texts[index]), &format, &error),
                         VARVE_INVALID);
        assert_string_equal(error.message,
                            "cannot tell the format of in from its first line; say it with "
                            "--format: csv, influx, prom, openmetrics or jsonl");
    }
}

static void compressed_input_is_refused_whatever_the_format(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        size_t length;
        const char *message;
    } cases[] = {
        {"\x1f\x8b\x08", 3,
         "in is gzip-compressed, not text: decompress it first: gzip -dc FILE | "
         "varve import DB -"},
        {"\x28\xb5\x2f\xfd\x04", 5,
         "in is zstd-compressed, not text: decompress it first: zstd "
         "-dc FILE | varve import DB -"},
        {"\xff\xfe"
         "a\0",
         4,
         "in is UTF-16, not text: convert it first: iconv -f UTF-16 -t UTF-8 "
         "FILE | varve import DB -"},
    };
    for (size_t index = 0; index < sizeof cases / sizeof cases[0]; index++) {
        for (varve_format wanted = VARVE_FORMAT_AUTO; wanted <= VARVE_FORMAT_OPENMETRICS;
             wanted++) {
            varve_format format = wanted;
            varve_error error = {.status = VARVE_OK};
            assert_int_equal(detect(cases[index].bytes, cases[index].length, &format, &error),
                             VARVE_INVALID);
            assert_string_equal(error.message, cases[index].message);
        }
    }
}

static void a_first_line_without_end_is_given_up(void **state)
{
    (void)state;
    char text[100000];
    memset(text, 'x', sizeof text);
    varve_format format = VARVE_FORMAT_AUTO;
    varve_error error = {.status = VARVE_OK};
    assert_int_equal(detect(text, sizeof text, &format, &error), VARVE_INVALID);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_format_is_known_by_its_first_line),
        cmocka_unit_test(whole_seconds_could_be_either_format_of_prometheus),
        cmocka_unit_test(what_no_format_fits_is_refused_with_the_formats),
        cmocka_unit_test(compressed_input_is_refused_whatever_the_format),
        cmocka_unit_test(a_first_line_without_end_is_given_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
