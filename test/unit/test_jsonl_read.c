/*
 * test_jsonl_read.c - JSON lines in: VictoriaMetrics' form, units, special values, and the words
 * for bad lines.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <jansson.h>

#include "support/fake_import.h"
#include "support/random.h"

#define CHECK(cases)                                                                               \
    assert_int_equal(vv_fake_check(VARVE_FORMAT_JSONL, cases, sizeof cases / sizeof cases[0]), 0)

static void objects_become_samples(void **state)
{
    (void)state;
    static const struct vv_fake_case cases[] = {
        {"{\"metric\":{\"__name__\":\"up\",\"job\":\"a\"},\"values\":[1,2.5],\"timestamps\":[3,4]}"
         "\n",
         "up{job=\"a\"} 3000000 1\nup{job=\"a\"} 4000000 2.5\n"},
        {"{\"timestamps\":[3],\"unit\":\"ns\",\"values\":[-1e-3],\"metric\":{\"__name__\":\"u\"}}",
         "u 3 -0.001\n"},
        {"{\"metric\":{\"__name__\":\"u\"},\"values\":[],\"timestamps\":[]}\n", ""},
        {"\n { \"metric\" : { \"__name__\" : \"u\" } , \"values\" : [ 1 , 2 ] , "
         "\"timestamps\" : [ 1 , 2 ] } \r\n",
         "u 1000000 1\nu 2000000 2\n"},
        {"{\"metric\":{\"a\":\"b\"},\"values\":[1],\"timestamps\":[1],\"unit\":\"s\"}\n",
         "{a=\"b\"} 1000000000 1\n"},
    };
    CHECK(cases);
}

static void values_that_json_has_no_number_for_are_strings_or_null(void **state)
{
    (void)state;
    static const struct vv_fake_case cases[] = {
        {"{\"metric\":{\"__name__\":\"u\"},\"values\":[null,\"NaN\",\"+Inf\",\"-Inf\",\"Infinity\","
         "\"NaN(0x7ff0000000000001)\",-0],\"timestamps\":[1,2,3,4,5,6,7],\"unit\":\"ns\"}\n",
         "u 1 NaN\nu 2 NaN\nu 3 +Inf\nu 4 -Inf\nu 5 +Inf\nu 6 NaN(0x7ff0000000000001)\nu 7 -0\n"},
    };
    CHECK(cases);
}

static void strings_have_the_escapes_of_json(void **state)
{
    (void)state;
    static const struct vv_fake_case cases[] = {
        {"{\"metric\":{\"__name__\":\"u\",\"a\":\"\\\"\\\\\\/\\n\\u00e4\\ud83d\\ude00}\"},"
         "\"values\":[1],\"timestamps\":[1]}\n",
         "u{a=\"\\\"\\\\/\\n\xc3\xa4\xf0\x9f\x98\x80}\"} 1000000 1\n"},
        {"{\"metric\":{\"__name__\":\"u\",\"a\":\"\\u0000\"},\"values\":[1],\"timestamps\":[1]}\n",
         "u{a=\"\\x00\"} 1000000 1\n"},
    };
    CHECK(cases);
}

/* Labels of any characters, written by jansson with and without escapes for what is not ASCII. */
static void what_another_writer_writes_is_read(void **state)
{
    (void)state;
    static const char *const characters[] = {"a",  "\"",       "\\",           "/",
                                             "\n", "\t",       "\1",           "\x7f",
                                             "}",  "\xc3\xa4", "\xe2\x82\xac", "\xf0\x9f\x98\x80"};
    struct vv_test_random random = vv_test_random_init(1);
    for (int round = 0; round < 2000; round++) {
        char text[64] = "";
        size_t text_length = 0;
        for (uint64_t count = 1 + vv_test_random_below(&random, 10); count > 0; count--) {
            text_length += (size_t)snprintf(text + text_length, sizeof text - text_length, "%s",
                                            characters[vv_test_random_below(&random, 12)]);
        }
        json_t *object = json_pack("{s:{s:s}, s:[f], s:[i]}", "metric", "a", text, "values", 0.5,
                                   "timestamps", 1);
        char *line = json_dumps(object, vv_test_random_below(&random, 2) == 0 ? JSON_ENSURE_ASCII
                                                                              : JSON_COMPACT);
        assert_non_null(line);
        varve_label label = {VARVE_STRING("a"), {text, strlen(text)}};
        char expected[256];
        size_t length = varve_series_format(&label, 1, expected, sizeof expected);
        (void)snprintf(expected + length, sizeof expected - length, " 1000000 0.5\n");
        struct vv_fake_import fake;
        vv_fake_import_init(&fake, VARVE_FORMAT_JSONL);
        assert_string_equal(vv_fake_import(&fake, line, strlen(line)), expected);
        vv_fake_import_fini(&fake);
        json_decref(object);
        free(line);
    }
}

#define U "{\"metric\":{\"__name__\":\"u\"},"

static void bad_lines_are_named(void **state)
{
    (void)state;
    static const struct vv_fake_case cases[] = {
        {"up 1\n", "! in:1:1: expected { at the start of the line, got \"up\"\n"},
        {"{}\n", "! in:1:2: expected metric, values, timestamps or unit in double quotes, got "
                 "\"}\"\n"},
        {"{\"foo\":1}\n",
         "! in:1:2: expected metric, values, timestamps or unit, each once, got \"\\\"foo\\\"\"\n"},
        {"{\"values\":[1],\"values\":[1]}\n",
         "! in:1:15: expected metric, values, timestamps or unit, each once, got "
         "\"\\\"values\\\"\"\n"},
        {"{\"metric\" {}}\n", "! in:1:11: expected : after the member name, got \"{\"\n"},
        {"{\"metric\":[]}\n", "! in:1:11: expected an object of labels, got \"[\"\n"},
        {"{\"metric\":{\"a\":1}}\n",
         "! in:1:16: expected a label value in double quotes, got \"1\"\n"},
        {"{\"metric\":{\"a\":\"1\"\n",
         "! in:1:19: expected , or } after the label, got the end of the line\n"},
        {"{\"metric\":{\"a\":\"1\n", "! in:1:16: the quote is not closed\n"},
        {"{\"metric\":{\"a\":\"\\q\"}}\n",
         "! in:1:17: expected an escape that JSON has, got \"\\q\\\"\"\n"},
        {"{\"metric\":{\"a\":\"\\ud800x\"}}\n",
         "! in:1:17: expected an escape that JSON has, got \"\\ud800x\\\"\"\n"},
        {"{\"metric\":{\"a\":\"\t\"}}\n", "! in:1:17: control character in a string\n"},
        {U "\"values\":[1,],\"timestamps\":[1]}\n",
         "! in:1:40: expected a number, null or a string such as \"NaN\", got \"]\"\n"},
        {U "\"values\":[true],\"timestamps\":[1]}\n",
         "! in:1:38: expected a number, null or a string such as \"NaN\", got \"true\"\n"},
        {U "\"values\":[\"x\"],\"timestamps\":[1]}\n",
         "! in:1:38: expected NaN, +Inf, -Inf or NaN(0x...) in the string, got \"\\\"x\\\"\"\n"},
        {U "\"values\":[1e999],\"timestamps\":[1]}\n",
         "! in:1:38: expected a number, got \"1e999\"\n"},
        {U "\"values\":1,\"timestamps\":[1]}\n", "! in:1:37: expected an array of values, got "
                                                 "\"1\"\n"},
        {U "\"values\":[1],\"timestamps\":[1.5]}\n",
         "! in:1:56: expected a whole number as timestamp, then , or ], got \".5\"\n"},
        {U "\"values\":[1],\"timestamps\":[\"1\"]}\n",
         "! in:1:55: expected a whole number as timestamp, got \"\\\"1\\\"\"\n"},
        {U "\"values\":[1,2],\"timestamps\":[1]}\n", "! in:1:1: 2 values but 1 timestamps\n"},
        {U "\"values\":[1]}\n", "! in:1:1: the object has no timestamps\n"},
        {"{\"values\":[1],\"timestamps\":[1]}\n", "! in:1:1: the object has no metric\n"},
        {U "\"values\":[1],\"timestamps\":[1]} x\n",
         "! in:1:59: expected the end of the line after the object, got \"x\"\n"},
        {U "\"values\":[1],\"timestamps\":[9223372036854]}\n", "u 9223372036854000000 1\n"},
        {U "\"values\":[1],\"timestamps\":[9223372036855]}\n",
         "! in:1:1: timestamp 1 is not of the years 1677 to 2262 (is its unit right?)\n"},
        {U "\"values\":[1],\"timestamps\":[1],\"unit\":\"h\"}\n",
         "! in:1:65: expected a unit: \"s\", \"ms\", \"us\" or \"ns\", got \"\\\"h\\\"\"\n"},
    };
    CHECK(cases);
}

static void a_line_with_more_samples_than_a_batch_is_bad(void **state)
{
    (void)state;
    struct vv_buffer text = {0};
    static const char start[] = U "\"unit\":\"ns\",\"values\":[1";
    assert_int_equal(vv_buffer_append(&text, start, sizeof start - 1), VARVE_OK);
    for (unsigned index = 0; index < VARVE_BATCH_MAX; index++) {
        assert_int_equal(vv_buffer_append(&text, ",1", 2), VARVE_OK);
    }
    assert_int_equal(vv_buffer_append(&text, "]}\n", 3), VARVE_OK);
    struct vv_fake_import fake;
    vv_fake_import_init(&fake, VARVE_FORMAT_JSONL);
    const char *result = vv_fake_import(&fake, (const char *)text.bytes, text.length);
    assert_string_equal(result, "! in:1:131122: more than 65536 samples in a line\n");
    vv_fake_import_fini(&fake);
    vv_buffer_fini(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(objects_become_samples),
        cmocka_unit_test(values_that_json_has_no_number_for_are_strings_or_null),
        cmocka_unit_test(strings_have_the_escapes_of_json),
        cmocka_unit_test(what_another_writer_writes_is_read),
        cmocka_unit_test(bad_lines_are_named),
        cmocka_unit_test(a_line_with_more_samples_than_a_batch_is_bad),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
