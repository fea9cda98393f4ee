/*
 * test_line_reader.c - lines against a naive splitter, long lines, records over several lines.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "support/random.h"
#include "text/line_reader.h"

/* A text that is given in pieces of random lengths up to read_bytes_max. */
struct source {
    const char *text;
    size_t length;
    size_t at;
    size_t read_bytes_max;
    struct vv_test_random *random;
};

static int64_t read_source(void *context, char *bytes, size_t capacity)
{
    struct source *source = context;
    size_t count = source->length - source->at;
    size_t most = capacity < source->read_bytes_max ? capacity : source->read_bytes_max;
    if (source->random != NULL) {
        most = 1 + (size_t)vv_test_random_below(source->random, most);
    }
    count = count < most ? count : most;
    memcpy(bytes, source->text + source->at, count);
    source->at += count;
    return (int64_t)count;
}

static struct vv_line_reader open_reader(struct source *source)
{
    struct vv_line_reader reader;
    assert_int_equal(vv_line_reader_init(&reader, read_source, source, "in"), VARVE_OK);
    return reader;
}

static void assert_line(struct vv_line_reader *reader, const char *text, uint64_t number)
{
    struct vv_line line;
    assert_int_equal(vv_line_reader_next(reader, &line, NULL), VARVE_OK);
    assert_int_equal(line.length, strlen(text));
    assert_memory_equal(line.text, text, line.length);
    assert_int_equal(line.number, number);
    assert_false(line.too_long);
    assert_true(line.text[line.length] == '\n' || line.text[line.length] == '\r');
}

static void assert_end(struct vv_line_reader *reader)
{
    struct vv_line line;
    assert_int_equal(vv_line_reader_next(reader, &line, NULL), VARVE_NOT_FOUND);
}

static void lines_equal_those_of_a_naive_splitter(void **state)
{
    (void)state;
    struct vv_test_random random = vv_test_random_init(1);
    for (int round = 0; round < 300; round++) {
        char text[600];
        size_t length = (size_t)vv_test_random_below(&random, sizeof text);
        for (size_t index = 0; index < length; index++) {
            text[index] = "ab\n\r\n"[vv_test_random_below(&random, 5)];
        }
        struct source source = {text, length, 0, 1 + (size_t)vv_test_random_below(&random, 50),
                                &random};
        struct vv_line_reader reader = open_reader(&source);
        size_t at = 0;
        for (uint64_t number = 1; at < length; number++) {
            size_t end = at;
            while (end < length && text[end] != '\n') {
                end++;
            }
            char expected[601];
            size_t count = end - at - (end > at && text[end - 1] == '\r' ? 1 : 0);
            memcpy(expected, text + at, count);
            expected[count] = '\0';
            assert_line(&reader, expected, number);
            at = end + 1;
        }
        assert_end(&reader);
        assert_int_equal(reader.bytes, length);
        vv_line_reader_fini(&reader);
    }
}

static void a_byte_order_mark_is_left_out_at_the_start_only(void **state)
{
    (void)state;
    struct source source = {"\xef\xbb\xbf"
                            "a\n\xef\xbb\xbf"
                            "b",
                            9, 0, 1, NULL};
    struct vv_line_reader reader = open_reader(&source);
    assert_line(&reader, "a", 1);
    assert_line(&reader,
                "\xef\xbb\xbf"
                "b",
                2);
    assert_end(&reader);
    vv_line_reader_fini(&reader);
}

/* Lines of the longest length, and one byte more, with LF and with CRLF. */
static void lines_beyond_the_longest_are_skipped(void **state)
{
    (void)state;
    for (size_t more = 0; more < 2; more++) {
        for (size_t carriage = 0; carriage < 2; carriage++) {
            size_t long_length = VV_LINE_BYTES_MAX + more;
            size_t length = 2 + long_length + carriage + 1 + 2;
            char *text = malloc(length);
            assert_non_null(text);
            memset(text, 'x', length);
            memcpy(text, "a\n", 2);
            text[2 + long_length] = carriage != 0 ? '\r' : '\n';
            text[2 + long_length + carriage] = '\n';
            memcpy(text + length - 2, "b\n", 2);
            struct source source = {text, length, 0, 100000, NULL};
            struct vv_line_reader reader = open_reader(&source);
            struct vv_line line;
            assert_line(&reader, "a", 1);
            assert_int_equal(vv_line_reader_next(&reader, &line, NULL), VARVE_OK);
            assert_int_equal(line.too_long, more == 1);
            assert_int_equal(line.length, more == 1 ? 0 : VV_LINE_BYTES_MAX);
            assert_int_equal(line.number, 2);
            assert_line(&reader, "b", 3);
            assert_end(&reader);
            vv_line_reader_fini(&reader);
            free(text);
        }
    }
}

struct endless {
    uint64_t left;
};

static int64_t read_endless(void *context, char *bytes, size_t capacity)
{
    struct endless *endless = context;
    size_t count = endless->left < capacity ? (size_t)endless->left : capacity;
    memset(bytes, 'x', count);
    endless->left -= count;
    return (int64_t)count;
}

static void a_line_of_a_hundred_megabytes_takes_no_more_memory(void **state)
{
    (void)state;
    struct endless endless = {UINT64_C(100) << 20};
    struct vv_line_reader reader;
    struct vv_line line;
    assert_int_equal(vv_line_reader_init(&reader, read_endless, &endless, "in"), VARVE_OK);
    assert_int_equal(vv_line_reader_next(&reader, &line, NULL), VARVE_OK);
    assert_true(line.too_long);
    assert_end(&reader);
    assert_int_equal(reader.bytes, UINT64_C(100) << 20);
    vv_line_reader_fini(&reader);
}

static void a_record_takes_in_the_lines_that_follow(void **state)
{
    (void)state;
    struct source source = {"a\r\nb\r\n\nc\nd", 10, 0, 1, NULL};
    struct vv_line_reader reader = open_reader(&source);
    struct vv_line line;
    assert_int_equal(vv_line_reader_next(&reader, &line, NULL), VARVE_OK);
    assert_int_equal(vv_line_reader_extend(&reader, &line, NULL), VARVE_OK);
    assert_int_equal(line.length, 4);
    assert_memory_equal(line.text, "a\r\nb", 4);
    assert_int_equal(vv_line_reader_extend(&reader, &line, NULL), VARVE_OK);
    assert_int_equal(line.length, 6);
    assert_int_equal(line.number, 1);
    assert_line(&reader, "c", 4);
    assert_line(&reader, "d", 5);
    assert_end(&reader);
    vv_line_reader_fini(&reader);
}

static void a_record_that_does_not_end_is_its_first_line_again(void **state)
{
    (void)state;
    struct source source = {"a\nb\nc", 5, 0, 1, NULL};
    struct vv_line_reader reader = open_reader(&source);
    struct vv_line line;
    assert_int_equal(vv_line_reader_next(&reader, &line, NULL), VARVE_OK);
    assert_int_equal(vv_line_reader_extend(&reader, &line, NULL), VARVE_OK);
    assert_int_equal(vv_line_reader_extend(&reader, &line, NULL), VARVE_OK);
    assert_int_equal(vv_line_reader_extend(&reader, &line, NULL), VARVE_NOT_FOUND);
    assert_int_equal(line.length, 1);
    assert_memory_equal(line.text, "a", 1);
    assert_line(&reader, "b", 2);
    assert_line(&reader, "c", 3);
    assert_end(&reader);
    vv_line_reader_fini(&reader);
}

static void a_record_that_grows_too_long_is_its_first_line_again(void **state)
{
    (void)state;
    size_t length = 3u << 20;
    char *text = malloc(length);
    assert_non_null(text);
    for (size_t index = 0; index < length; index++) {
        text[index] = index % 1000 == 999 ? '\n' : 'x';
    }
    struct source source = {text, length, 0, 77777, NULL};
    struct vv_line_reader reader = open_reader(&source);
    struct vv_line line;
    assert_int_equal(vv_line_reader_next(&reader, &line, NULL), VARVE_OK);
    varve_status status;
    size_t extensions = 0;
    while ((status = vv_line_reader_extend(&reader, &line, NULL)) == VARVE_OK) {
        extensions++;
        assert_true(line.length <= VV_LINE_BYTES_MAX);
    }
    assert_int_equal(status, VARVE_LIMIT);
    assert_int_equal(extensions, VV_LINE_BYTES_MAX / 1000 - 1);
    assert_int_equal(line.length, 999);
    for (uint64_t number = 2; number <= length / 1000 + 1; number++) {
        assert_int_equal(vv_line_reader_next(&reader, &line, NULL), VARVE_OK);
        assert_int_equal(line.number, number);
        assert_int_equal(line.length, number <= length / 1000 ? 999 : length % 1000);
    }
    assert_end(&reader);
    vv_line_reader_fini(&reader);
    free(text);
}

static void peeking_takes_nothing_away(void **state)
{
    (void)state;
    struct source source = {"\xef\xbb\xbf"
                            "one\ntwo\n",
                            11, 0, 1, NULL};
    struct vv_line_reader reader = open_reader(&source);
    const char *bytes;
    size_t length;
    bool ended;
    assert_int_equal(vv_line_reader_peek(&reader, 2, &bytes, &length, &ended, NULL), VARVE_OK);
    assert_true(length >= 2 && !ended);
    assert_memory_equal(bytes, "on", 2);
    assert_int_equal(vv_line_reader_peek(&reader, 100, &bytes, &length, &ended, NULL), VARVE_OK);
    assert_true(length == 8 && ended);
    assert_line(&reader, "one", 1);
    assert_line(&reader, "two", 2);
    assert_end(&reader);
    vv_line_reader_fini(&reader);
}

static int64_t read_failing(void *context, char *bytes, size_t capacity)
{
    (void)context;
    (void)bytes;
    (void)capacity;
    return -EISDIR;
}

static void a_failed_read_is_named_with_its_input(void **state)
{
    (void)state;
    struct vv_line_reader reader;
    struct vv_line line;
    varve_error error = {.status = VARVE_OK};
    assert_int_equal(vv_line_reader_init(&reader, read_failing, NULL, "in"), VARVE_OK);
    assert_int_equal(vv_line_reader_next(&reader, &line, &error), VARVE_IO);
    assert_int_equal(error.system_errno, EISDIR);
    assert_string_equal(error.message, "in: reading the input failed: Is a directory");
    vv_line_reader_fini(&reader);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_equal_those_of_a_naive_splitter),
        cmocka_unit_test(a_byte_order_mark_is_left_out_at_the_start_only),
        cmocka_unit_test(lines_beyond_the_longest_are_skipped),
        cmocka_unit_test(a_line_of_a_hundred_megabytes_takes_no_more_memory),
        cmocka_unit_test(a_record_takes_in_the_lines_that_follow),
        cmocka_unit_test(a_record_that_does_not_end_is_its_first_line_again),
        cmocka_unit_test(a_record_that_grows_too_long_is_its_first_line_again),
        cmocka_unit_test(peeking_takes_nothing_away),
        cmocka_unit_test(a_failed_read_is_named_with_its_input),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
