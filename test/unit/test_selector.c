/* Tests of selector.c and its lexer: what is accepted, and the exact words for what is not. */
#include <stdio.h>
#include <stdlib.h>

#include "os/alloc.h"
#include "support/labels.h"

/* The matchers of a selector as text: name op value, with ; behind each. */
static void describe(const varve_selector *selector, char *text, size_t capacity)
{
    static const char *const operators[] = {"=", "!=", "=~", "!~"};
    size_t count = 0;
    size_t length = 0;
    const varve_matcher *matchers = varve_selector_matchers(selector, &count);
    text[0] = '\0';
    for (size_t index = 0; index < count; index++) {
        const varve_matcher *matcher = &matchers[index];
        length += (size_t)snprintf(text + length, capacity - length, "%.*s%s%.*s;",
                                   (int)matcher->name.length, matcher->name.bytes,
                                   operators[matcher->type], (int)matcher->value.length,
                                   matcher->value.bytes);
    }
}

static void expect_matchers(const char *text, const char *expected)
{
    varve_selector *selector = NULL;
    varve_error error;
    char described[512];
    if (varve_selector_parse(vv_test_string(text), &selector, &error) != VARVE_OK) {
        fail_msg("%s: %s", text, error.message);
    }
    describe(selector, described, sizeof described);
    assert_string_equal(described, expected);
    varve_selector_destroy(selector);
}

static void expect_error_of(varve_string text, const char *message)
{
    varve_selector *selector = NULL;
    varve_error error;
    /* Exactly as large as the text, so that a sanitizer sees reads beyond it. */
    char *copy = malloc(text.length > 0 ? text.length : 1);
    memcpy(copy, text.bytes, text.length);
    if (varve_selector_parse((varve_string){copy, text.length}, &selector, &error) !=
        VARVE_INVALID) {
        fail_msg("accepted: %.*s", (int)text.length, text.bytes);
    }
    assert_string_equal(error.message, message);
    assert_int_equal(error.status, VARVE_INVALID);
    assert_null(selector);
    free(copy);
}

static void expect_error(const char *text, const char *message)
{
    expect_error_of(vv_test_string(text), message);
}

/* ------------------------------------------------------------------------------ Accepted */

static void a_metric_name_alone_is_a_selector(void **state)
{
    (void)state;
    expect_matchers("cpu_usage", "__name__=cpu_usage;");
    expect_matchers("  cpu_usage\n", "__name__=cpu_usage;");
    expect_matchers("job:cpu:rate5m", "__name__=job:cpu:rate5m;");
    expect_matchers(":x", "__name__=:x;");
    expect_matchers("cpu{}", "__name__=cpu;");
}

static void empty_braces_match_everything(void **state)
{
    (void)state;
    expect_matchers("{}", "");
    expect_matchers(" { } ", "");
}

static void all_four_kinds_of_matchers_are_read(void **state)
{
    (void)state;
    expect_matchers("m{a=\"x\",b!=\"y\",c=~\"re.*\",d!~\"z|w\"}",
                    "__name__=m;a=x;b!=y;c=~re.*;d!~z|w;");
    expect_matchers("{ a = \"x\" , b\t!=\n\"y\" }", "a=x;b!=y;");
    expect_matchers("{a=\"\"}", "a=;");
}

static void a_trailing_comma_is_allowed(void **state)
{
    (void)state;
    expect_matchers("m{a=\"x\",}", "__name__=m;a=x;");
    expect_matchers("{\"m\",}", "__name__=m;");
}

static void odd_names_go_in_quotes(void **state)
{
    (void)state;
    expect_matchers("{\"http.requests\",a=\"b\"}", "__name__=http.requests;a=b;");
    expect_matchers("{a=\"b\",\"http.requests\"}", "a=b;__name__=http.requests;");
    expect_matchers("{\"odd name\"=\"b\",'a:b'=~\"c\"}", "odd name=b;a:b=~c;");
    expect_matchers("m{\"\xc3\xa9\"=\"x\"}", "__name__=m;\xc3\xa9=x;");
}

static void matchers_of_the_metric_name_are_allowed_where_it_is_not_given(void **state)
{
    (void)state;
    expect_matchers("{__name__=~\"cpu_.*\",__name__!=\"cpu_idle\"}",
                    "__name__=~cpu_.*;__name__!=cpu_idle;");
}

static void one_label_may_have_several_matchers(void **state)
{
    (void)state;
    expect_matchers("{a!=\"x\",a!=\"y\"}", "a!=x;a!=y;");
}

static void strings_have_three_kinds_of_quotes(void **state)
{
    (void)state;
    expect_matchers("{a=\"it's\",b='say \"x\"',c=`\\d+\"'`}", "a=it's;b=say \"x\";c=\\d+\"';");
    expect_matchers("{a=`two\nlines`}", "a=two\nlines;");
}

static void escapes_are_those_of_go(void **state)
{
    (void)state;
    expect_matchers("{a=\"\\a\\b\\f\\n\\r\\t\\v\\\\\\\"\\'\"}", "a=\a\b\f\n\r\t\v\\\"';");
    expect_matchers("{a='\\x41\\102\\u0043\\U00000044'}", "a=ABCD;");
    expect_matchers("{a=\"\\u00e9\\u20ac\\U0001F600\"}", "a=\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80;");
    expect_matchers("{a=\"\\xc3\\xa9\"}", "a=\xc3\xa9;");
}

static void an_escaped_nul_is_a_character(void **state)
{
    (void)state;
    varve_selector *selector = NULL;
    size_t count = 0;
    assert_int_equal(varve_selector_parse(VARVE_STRING("{a=\"x\\x00y\\000\"}"), &selector, NULL),
                     VARVE_OK);
    const varve_matcher *matchers = varve_selector_matchers(selector, &count);
    assert_int_equal(matchers[0].value.length, 4);
    assert_memory_equal(matchers[0].value.bytes, "x\0y\0", 4);
    varve_selector_destroy(selector);
}

static void a_selector_keeps_its_own_text(void **state)
{
    (void)state;
    char text[] = "cpu{host=\"a\"}";
    varve_selector *selector = NULL;
    char described[64];
    assert_int_equal(varve_selector_parse(vv_test_string(text), &selector, NULL), VARVE_OK);
    memset(text, 'x', sizeof text - 1);
    describe(selector, described, sizeof described);
    assert_string_equal(described, "__name__=cpu;host=a;");
    varve_selector_destroy(selector);
    varve_selector_destroy(NULL);
}

static void many_matchers_fit(void **state)
{
    (void)state;
    enum { CAPACITY = 65536 };
    char *text = malloc(CAPACITY);
    size_t length = (size_t)snprintf(text, CAPACITY, "{");
    for (int index = 0; index < 5000; index++) {
        length += (size_t)snprintf(text + length, CAPACITY - length, "a%d!='x',", index);
    }
    text[length++] = '}';
    varve_selector *selector = NULL;
    size_t count = 0;
    assert_int_equal(varve_selector_parse((varve_string){text, length}, &selector, NULL), VARVE_OK);
    (void)varve_selector_matchers(selector, &count);
    assert_int_equal(count, 5000);
    varve_selector_destroy(selector);
    free(text);
}

/* ------------------------------------------------------------------------------- Refused */

static void what_is_no_selector_is_told_what_one_looks_like(void **state)
{
    (void)state;
    const char *hint = "; examples: cpu_usage{host=\"a\"}, {\"http.requests\"}, {}";
    char message[256];
    (void)snprintf(message, sizeof message,
                   "column 1: expected a metric name or {, found the end%s", hint);
    expect_error("", message);
    (void)snprintf(message, sizeof message,
                   "column 3: expected a metric name or {, found the end%s", hint);
    expect_error("  ", message);
    (void)snprintf(message, sizeof message, "column 1: expected a metric name or {, found 9%s",
                   hint);
    expect_error("9lives", message);
    (void)snprintf(message, sizeof message,
                   "column 1: expected a metric name or {, found \"http.requests\"%s", hint);
    expect_error("\"http.requests\"", message);
    (void)snprintf(message, sizeof message, "column 1: expected a metric name or {, found }%s",
                   hint);
    expect_error("}", message);
    (void)snprintf(message, sizeof message,
                   "column 1: expected a metric name or {, found \xc3\xa9%s", hint);
    expect_error("\xc3\xa9", message);
}

static void what_stands_behind_a_selector_is_refused(void **state)
{
    (void)state;
    const char *hint = "; ranges, offsets and functions are no part of a selector";
    char message[256];
    (void)snprintf(message, sizeof message, "column 4: expected { or the end, found [%s", hint);
    expect_error("cpu[5m]", message);
    (void)snprintf(message, sizeof message, "column 5: expected { or the end, found offset%s",
                   hint);
    expect_error("cpu offset 5m", message);
    (void)snprintf(message, sizeof message, "column 5: expected { or the end, found (%s", hint);
    expect_error("rate(cpu)", message);
    (void)snprintf(message, sizeof message, "column 4: expected { or the end, found .%s", hint);
    expect_error("cpu.usage", message);
    (void)snprintf(message, sizeof message, "column 6: expected the end, found }%s", hint);
    expect_error("cpu{}}", message);
    (void)snprintf(message, sizeof message, "column 4: expected the end, found cpu%s", hint);
    expect_error("{} cpu", message);
}

static void lists_that_break_off_are_refused_where_they_do(void **state)
{
    (void)state;
    expect_error("{",
                 "column 2: expected a label name or }, found the end; odd names go in quotes");
    expect_error("m{a", "column 4: expected =, !=, =~ or !~ after the label name, found the end");
    expect_error("m{a=", "column 5: expected a value in quotes, found the end; "
                         "write for example host=\"a\"");
    expect_error("m{a=\"x\"", "column 8: expected , or }, found the end");
    expect_error("m{a=\"x\",",
                 "column 9: expected a label name or }, found the end; odd names go in quotes");
}

static void lists_with_wrong_words_are_refused_at_the_word(void **state)
{
    (void)state;
    expect_error("{,}", "column 2: expected a label name or }, found ,; odd names go in quotes");
    expect_error("{a=\"x\",,}",
                 "column 8: expected a label name or }, found ,; odd names go in quotes");
    expect_error("{a=\"x\" b=\"y\"}", "column 8: expected , or }, found b");
    expect_error("{a}", "column 3: expected =, !=, =~ or !~ after the label name, found }");
    expect_error("{a==\"x\"}", "column 4: expected a value in quotes, found =; "
                               "write for example host=\"a\"");
    expect_error("{a=x}", "column 4: expected a value in quotes, found x; "
                          "write for example host=\"a\"");
    expect_error("{a=5}", "column 4: expected a value in quotes, found 5; "
                          "write for example host=\"a\"");
    expect_error("{a>\"x\"}", "column 3: expected =, !=, =~ or !~ after the label name, found >");
    expect_error("{a!\"x\"}", "column 3: expected =, !=, =~ or !~ after the label name, found !");
    expect_error("{a.b=\"x\"}", "column 3: expected =, !=, =~ or !~ after the label name, found .");
    expect_error("{1a=\"x\"}",
                 "column 2: expected a label name or }, found 1; odd names go in quotes");
    expect_error("{a:b=\"x\"}", "column 2: a label name with a colon must be in quotes");
    expect_error("{\"\"=\"x\"}", "column 2: the label name is empty");
    expect_error("{\"\"}",
                 "column 2: the metric name is empty; leave it out for series without one");
    expect_error("{{}}", "column 2: expected a label name or }, found {; odd names go in quotes");
}

static void the_metric_name_comes_once(void **state)
{
    (void)state;
    expect_error("cpu{\"mem\"}", "column 5: the metric name is given twice");
    expect_error("{\"cpu\",\"mem\"}", "column 8: the metric name is given twice");
    expect_error("cpu{__name__=\"mem\"}", "column 5: the metric name is given twice");
    expect_error("cpu{__name__!=\"mem\"}", "column 5: the metric name is given twice");
    expect_error("{\"cpu\",\"__name__\"=~\"mem\"}", "column 8: the metric name is given twice");
    expect_error("{__name__=\"cpu\",\"mem\"}", "column 17: the metric name is given twice");
}

static void strings_that_do_not_end_are_named_where_they_begin(void **state)
{
    (void)state;
    const char *line = "the quoted string that begins here does not end on its line; "
                       "write \\n for a line feed";
    char message[256];
    expect_error("{a=\"x}", "column 4: the quoted string that begins here does not end");
    expect_error("{a=`x\n}", "column 4: the quoted string that begins here does not end");
    expect_error("{a='x\"}", "column 4: the quoted string that begins here does not end");
    expect_error("{'", "column 2: the quoted string that begins here does not end");
    (void)snprintf(message, sizeof message, "column 4: %s", line);
    expect_error("{a=\"x\n\"}", message);
}

static void bad_escapes_are_named_where_they_stand(void **state)
{
    (void)state;
    const char *const bad[] = {"\\q",         "\\x4", "\\xg0", "\\u12", "\\ud800", "\\U00110000",
                               "\\Uffffffff", "\\8",  "\\12",  "\\400", "\\ ",     "\\\n"};
    for (size_t index = 0; index < sizeof bad / sizeof bad[0]; index++) {
        char text[64];
        (void)snprintf(text, sizeof text, "{a=\"x%s\"}", bad[index]);
        expect_error(text, "column 6: not an escape; write \\\\ for a backslash, or quote with ` "
                           "instead");
    }
    expect_error("{a=\"\\", "column 5: not an escape; write \\\\ for a backslash, or quote with ` "
                            "instead");
    expect_error("{a=\"\\\"", "column 4: the quoted string that begins here does not end");
}

static void strings_must_stand_for_utf8(void **state)
{
    (void)state;
    expect_error("{a=\"\\xff\"}", "column 4: the quoted string is not UTF-8; "
                                  "write characters with \\u, not \\x");
    expect_error("{a=\"\\377\"}", "column 4: the quoted string is not UTF-8; "
                                  "write characters with \\u, not \\x");
    expect_error("{a=\"\\xc3\"}", "column 4: the quoted string is not UTF-8; "
                                  "write characters with \\u, not \\x");
}

static void bytes_that_are_no_text_are_refused(void **state)
{
    (void)state;
    expect_error("cpu{a=\"\xff\"}", "the text is not UTF-8");
    expect_error_of((varve_string){"cpu\0{}", 6},
                    "column 4: a NUL byte; write it as \\x00 in quotes");
}

static void columns_count_characters(void **state)
{
    (void)state;
    expect_error("{\"\xc3\xa9\xe2\x82\xac\"=\"\xf0\x9f\x98\x80\",x}",
                 "column 12: expected =, !=, =~ or !~ after the label name, found }");
}

static void long_words_are_cut_in_messages_between_characters(void **state)
{
    (void)state;
    expect_error("{} aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
                 "column 4: expected the end, found aaaaaaaaaaaaaaaaaaaaaaaa; ranges, offsets and "
                 "functions are no part of a selector");
    expect_error("{} 'aaaaaaaaaaaaaaaaaaaaaa\xc3\xa9'",
                 "column 4: expected the end, found 'aaaaaaaaaaaaaaaaaaaaaa; ranges, offsets and "
                 "functions are no part of a selector");
}

static void a_selector_has_at_most_64_kib(void **state)
{
    (void)state;
    char *text = malloc(65537);
    varve_selector *selector = NULL;
    memset(text, 'a', 65537);
    assert_int_equal(varve_selector_parse((varve_string){text, 65536}, &selector, NULL), VARVE_OK);
    varve_selector_destroy(selector);
    expect_error_of((varve_string){text, 65537},
                    "the selector has 65537 bytes; at most 65536 are allowed");
    free(text);
}

static void deep_nesting_cannot_happen(void **state)
{
    (void)state;
    char *text = malloc(60000);
    memset(text, '{', 60000);
    expect_error_of((varve_string){text, 60000},
                    "column 2: expected a label name or }, found {; odd names go in quotes");
    free(text);
}

/* --------------------------------------------------------------------------- Series text */

static void expect_key_error(const char *text, varve_status status, const char *message)
{
    struct vv_buffer buffer = {0};
    varve_error error = {.status = VARVE_OK};
    assert_int_equal(vv_key_parse(vv_test_string(text), &buffer, &error), status);
    assert_string_equal(error.message, message);
    assert_int_equal(buffer.length, 0);
    vv_buffer_fini(&buffer);
}

static void series_text_has_equals_only(void **state)
{
    (void)state;
    expect_key_error("m{a!=\"x\"}", VARVE_INVALID,
                     "column 4: expected =, found !=; this names one series, not several");
    expect_key_error("m{a=~\"x\"}", VARVE_INVALID,
                     "column 4: expected =, found =~; this names one series, not several");
    expect_key_error("{}", VARVE_INVALID, "a series needs at least one label");
    expect_key_error("m{a=\"x\",a=\"x\"}", VARVE_INVALID, "label \"a\" comes twice");
    expect_key_error("m{", VARVE_INVALID,
                     "column 3: expected a label name or }, found the end; odd names go in quotes");
}

static void series_text_is_any_spelling_of_a_label_set(void **state)
{
    (void)state;
    struct vv_buffer first = {0};
    struct vv_buffer second = {0};
    struct vv_key a = vv_test_key(&first, "m{a=\"x\",b=\"\"}");
    struct vv_key b = vv_test_key(&second, "{ 'a' = `x`, \"m\", }");
    assert_true(vv_key_equal(a, b));
    vv_buffer_fini(&first);
    vv_buffer_fini(&second);
}

static void a_series_with_too_many_labels_is_beyond_the_limit(void **state)
{
    (void)state;
    char text[2048];
    size_t length = (size_t)snprintf(text, sizeof text, "{");
    for (int index = 0; index < 65; index++) {
        length += (size_t)snprintf(text + length, sizeof text - length, "a%d='x',", index);
    }
    (void)snprintf(text + length, sizeof text - length, "}");
    expect_key_error(text, VARVE_LIMIT, "a series has at most 64 labels");
}

static void memory_that_runs_out_is_reported(void **state)
{
    (void)state;
    varve_status status = VARVE_NO_MEMORY;
    uint64_t nth = 0;
    while (status != VARVE_OK) {
        struct vv_buffer buffer = {0};
        vv_alloc_fail_at(++nth);
        status = vv_key_parse(VARVE_STRING("m{a=\"x\"}"), &buffer, NULL);
        vv_alloc_fail_at(0);
        assert_true(status == VARVE_OK || status == VARVE_NO_MEMORY);
        vv_buffer_fini(&buffer);
    }
    assert_int_equal(nth, 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_metric_name_alone_is_a_selector),
        cmocka_unit_test(empty_braces_match_everything),
        cmocka_unit_test(all_four_kinds_of_matchers_are_read),
        cmocka_unit_test(a_trailing_comma_is_allowed),
        cmocka_unit_test(odd_names_go_in_quotes),
        cmocka_unit_test(matchers_of_the_metric_name_are_allowed_where_it_is_not_given),
        cmocka_unit_test(one_label_may_have_several_matchers),
        cmocka_unit_test(strings_have_three_kinds_of_quotes),
        cmocka_unit_test(escapes_are_those_of_go),
        cmocka_unit_test(an_escaped_nul_is_a_character),
        cmocka_unit_test(a_selector_keeps_its_own_text),
        cmocka_unit_test(many_matchers_fit),
        cmocka_unit_test(what_is_no_selector_is_told_what_one_looks_like),
        cmocka_unit_test(what_stands_behind_a_selector_is_refused),
        cmocka_unit_test(lists_that_break_off_are_refused_where_they_do),
        cmocka_unit_test(lists_with_wrong_words_are_refused_at_the_word),
        cmocka_unit_test(the_metric_name_comes_once),
        cmocka_unit_test(strings_that_do_not_end_are_named_where_they_begin),
        cmocka_unit_test(bad_escapes_are_named_where_they_stand),
        cmocka_unit_test(strings_must_stand_for_utf8),
        cmocka_unit_test(bytes_that_are_no_text_are_refused),
        cmocka_unit_test(columns_count_characters),
        cmocka_unit_test(long_words_are_cut_in_messages_between_characters),
        cmocka_unit_test(a_selector_has_at_most_64_kib),
        cmocka_unit_test(deep_nesting_cannot_happen),
        cmocka_unit_test(series_text_has_equals_only),
        cmocka_unit_test(series_text_is_any_spelling_of_a_label_set),
        cmocka_unit_test(a_series_with_too_many_labels_is_beyond_the_limit),
        cmocka_unit_test(memory_that_runs_out_is_reported),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
