/* Tests of series_format.c. */
#include <stdlib.h>

#include "support/labels.h"
#include "support/random.h"

/* Expects the text of the series whose text is given, odd forms included. */
static void expect_text(const char *series, const char *expected)
{
    struct vv_buffer buffer = {0};
    varve_label labels[VARVE_LABELS_MAX];
    char text[512];
    size_t count = vv_key_labels(vv_test_key(&buffer, series), labels);
    size_t length = varve_series_format(labels, count, text, sizeof text);
    assert_int_equal(length, strlen(expected));
    assert_memory_equal(text, expected, length);
    vv_buffer_fini(&buffer);
}

static void identifiers_are_bare_and_everything_else_is_quoted(void **state)
{
    (void)state;
    expect_text("cpu", "cpu");
    expect_text("{__name__=\"cpu\"}", "cpu");
    expect_text("rule:cpu:sum", "rule:cpu:sum");
    expect_text("cpu{b=\"y\",a=\"x\"}", "cpu{a=\"x\",b=\"y\"}");
    expect_text("{\"http.requests\",a=\"b\"}", "{\"http.requests\",a=\"b\"}");
    expect_text("{\"9lives\"}", "{\"9lives\"}");
    expect_text("{a=\"x\"}", "{a=\"x\"}");
    expect_text("m{\"odd name\"=\"x\",\"a:b\"=\"y\"}", "m{\"a:b\"=\"y\",\"odd name\"=\"x\"}");
    expect_text("m{\"\xc3\xa9\"=\"\xc3\xa9\"}", "m{\"\xc3\xa9\"=\"\xc3\xa9\"}");
}

static void quotes_backslashes_and_line_feeds_are_escaped(void **state)
{
    (void)state;
    expect_text("m{a=\"\\\"\\\\\\n\\t'\"}", "m{a=\"\\\"\\\\\\n\t'\"}");
    expect_text("m{a=\"x\\x00y\"}", "m{a=\"x\\x00y\"}");
}

static void the_empty_set_is_braces(void **state)
{
    (void)state;
    char text[4];
    assert_int_equal(varve_series_format(NULL, 0, text, sizeof text), 2);
    assert_memory_equal(text, "{}", 2);
}

static void labels_may_come_in_any_order_and_empty_ones_are_left_out(void **state)
{
    (void)state;
    const varve_label labels[] = {vv_test_label("b", "2"), vv_test_label("c", ""),
                                  vv_test_label("a", "1"), vv_test_label("__name__", "m")};
    char text[32];
    assert_int_equal(varve_series_format(labels, 4, text, sizeof text), 14);
    assert_memory_equal(text, "m{a=\"1\",b=\"2\"}", 14);
}

static void a_short_buffer_gets_what_fits_and_the_whole_length_is_told(void **state)
{
    (void)state;
    const varve_label label = vv_test_label("a", "x");
    char text[] = "........";
    assert_int_equal(varve_series_format(&label, 1, text, 3), 7);
    assert_memory_equal(text, "{a=.....", 8);
    assert_int_equal(varve_series_format(&label, 1, NULL, 0), 7);
}

/* A string of 1 to 6 characters, odd ones among them. */
static varve_string random_string(struct vv_test_random *random, char *memory)
{
    static const char *const pieces[] = {"a", "b", "_", ":", "7", "\"", "\\", "\n", "\xc3\xa9",
                                         "{", "}", ",", "=", " ", "'",  "`",  "\t", ""};
    size_t length = 0;
    size_t count = 1 + vv_test_random_below(random, 6);
    for (size_t index = 0; index < count; index++) {
        size_t piece = vv_test_random_below(random, sizeof pieces / sizeof pieces[0]);
        /* The last piece stands for a NUL byte. */
        size_t piece_length = pieces[piece][0] == '\0' ? 1 : strlen(pieces[piece]);
        memcpy(memory + length, pieces[piece], piece_length);
        length += piece_length;
    }
    return (varve_string){memory, length};
}

static void any_series_reads_back_from_its_text(void **state)
{
    (void)state;
    struct vv_test_random random = vv_test_random_init(4);
    for (int round = 0; round < 3000; round++) {
        char memory[8][16];
        varve_label labels[4];
        size_t count = 1 + vv_test_random_below(&random, 4);
        for (size_t index = 0; index < count; index++) {
            labels[index] = (varve_label){random_string(&random, memory[index * 2]),
                                          random_string(&random, memory[index * 2 + 1])};
        }
        if (vv_test_random_below(&random, 2) == 0) {
            labels[0].name = VARVE_STRING("__name__");
        }
        struct vv_buffer key = {0};
        struct vv_buffer again = {0};
        if (vv_key_encode(labels, count, &key, NULL) == VARVE_OK) {
            char text[512];
            varve_error error = {.status = VARVE_OK};
            size_t length = varve_series_format(labels, count, text, sizeof text);
            if (vv_key_parse((varve_string){text, length}, &again, &error) != VARVE_OK) {
                fail_msg("%.*s: %s", (int)length, text, error.message);
            }
            assert_true(vv_key_equal((struct vv_key){key.bytes, key.length},
                                     (struct vv_key){again.bytes, again.length}));
        }
        vv_buffer_fini(&key);
        vv_buffer_fini(&again);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(identifiers_are_bare_and_everything_else_is_quoted),
        cmocka_unit_test(quotes_backslashes_and_line_feeds_are_escaped),
        cmocka_unit_test(the_empty_set_is_braces),
        cmocka_unit_test(labels_may_come_in_any_order_and_empty_ones_are_left_out),
        cmocka_unit_test(a_short_buffer_gets_what_fits_and_the_whole_length_is_told),
        cmocka_unit_test(any_series_reads_back_from_its_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
