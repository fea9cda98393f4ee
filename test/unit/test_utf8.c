/* Tests of utf8.c, against a decoder that is slow and obvious. */
#include "base/utf8.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "support/random.h"

/* Encodes a code point in `length` bytes, whether that is right or not. */
static void encode(uint32_t code, size_t length, uint8_t *out)
{
    static const uint8_t marks[] = {0, 0, 0xc0, 0xe0, 0xf0};
    for (size_t index = length; index-- > 1;) {
        out[index] = (uint8_t)(0x80 | (code & 0x3f));
        code >>= 6;
    }
    out[0] = (uint8_t)(marks[length] | code);
}

static size_t right_length(uint32_t code)
{
    return code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
}

/* By decoding: the length is that of the marks, and the code point fits it and is allowed. */
static bool naively_valid(const uint8_t *bytes, size_t length)
{
    for (size_t at = 0; at < length;) {
        uint8_t first = bytes[at];
        size_t count = first < 0x80 ? 1 : first >> 5 == 6 ? 2 : first >> 4 == 14 ? 3 : 4;
        uint32_t code = count == 1   ? first
                        : count == 2 ? first & 0x1f
                        : count == 3 ? first & 0xf
                                     : first & 7;
        if ((first & 0xc0) == 0x80 || first >= 0xf8 || at + count > length) {
            return false;
        }
        for (size_t index = 1; index < count; index++) {
            if (bytes[at + index] >> 6 != 2) {
                return false;
            }
            code = code << 6 | (bytes[at + index] & 0x3f);
        }
        if (right_length(code) != count || (code >= 0xd800 && code < 0xe000) || code > 0x10ffff) {
            return false;
        }
        at += count;
    }
    return true;
}

static void every_code_point_is_valid_but_surrogates(void **state)
{
    (void)state;
    for (uint32_t code = 0; code < 0x1fffff; code++) {
        uint8_t bytes[4];
        size_t length = right_length(code);
        encode(code, length, bytes);
        bool expected = code <= 0x10ffff && !(code >= 0xd800 && code < 0xe000);
        assert_int_equal(vv_utf8_valid(bytes, length), expected);
        if (length > 1) {
            assert_false(vv_utf8_valid(bytes, length - 1));
        }
    }
}

static void overlong_forms_are_refused(void **state)
{
    (void)state;
    for (uint32_t code = 0; code < 0x10000; code++) {
        for (size_t length = right_length(code) + 1; length <= 4; length++) {
            uint8_t bytes[4];
            encode(code, length, bytes);
            assert_false(vv_utf8_valid(bytes, length));
        }
    }
}

static void nothing_is_valid(void **state)
{
    (void)state;
    assert_true(vv_utf8_valid(NULL, 0));
    assert_true(vv_utf8_valid("\0", 1));
}

static void a_bad_byte_is_found_anywhere_in_ascii(void **state)
{
    (void)state;
    char text[40];
    for (size_t length = 1; length <= sizeof text; length++) {
        for (size_t bad = 0; bad < length; bad++) {
            memset(text, 'a', sizeof text);
            assert_true(vv_utf8_valid(text, length));
            text[bad] = (char)0x80;
            assert_false(vv_utf8_valid(text, length));
        }
    }
}

static void random_bytes_agree_with_a_plain_decoder(void **state)
{
    (void)state;
    struct vv_test_random random = vv_test_random_init(1);
    int valid = 0;
    for (int round = 0; round < 200000; round++) {
        uint8_t bytes[64];
        size_t length = 0;
        size_t aim = (size_t)vv_test_random_below(&random, 60);
        while (length < aim) {
            uint32_t code = (uint32_t)(vv_test_random_below(&random, 0x110000) >>
                                       vv_test_random_below(&random, 20));
            encode(code, right_length(code), bytes + length);
            length += right_length(code);
        }
        if (round % 2 == 0 && length > 0) {
            bytes[vv_test_random_below(&random, length)] = (uint8_t)vv_test_random_next(&random);
        }
        bool expected = naively_valid(bytes, length);
        valid += expected;
        assert_int_equal(vv_utf8_valid(bytes, length), expected);
    }
    assert_in_range(valid, 50000, 150000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_code_point_is_valid_but_surrogates),
        cmocka_unit_test(overlong_forms_are_refused),
        cmocka_unit_test(nothing_is_valid),
        cmocka_unit_test(a_bad_byte_is_found_anywhere_in_ascii),
        cmocka_unit_test(random_bytes_agree_with_a_plain_decoder),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
