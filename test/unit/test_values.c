/*
 * test_values.c - the worked examples of CODECS.md, byte for byte; and what decoders refuse.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "compress/codec_with.h"
#include "support/codec_checks.h"

/* Bytes from a text like "00 1f"; returns how many. */
static size_t from_hex(const char *text, uint8_t *bytes)
{
    size_t count = 0;
    for (char *end; *text != '\0'; text = end) {
        bytes[count++] = (uint8_t)strtoul(text, &end, 16);
    }
    return count;
}

static void assert_values(const double *values, size_t count, enum vv_block_form form,
                          const char *hex)
{
    uint8_t expected[256] = {0};
    uint8_t encoded[VV_VALUES_BOUND(64)];
    double decoded[VV_DECODE_ROOM(64)];
    size_t length = from_hex(hex, expected);
    assert_int_equal(vv_values_encode_with(vv_kernels(), values, count, form, encoded), length);
    assert_memory_equal(encoded, expected, length);
    assert_int_equal(vv_values_decode(expected, length, count, decoded), VARVE_OK);
    assert_memory_equal(decoded, values, count * sizeof *values);
}

static void assert_timestamps(const int64_t *timestamps, size_t count, const char *hex)
{
    uint8_t expected[256] = {0};
    uint8_t encoded[VV_TIMESTAMPS_BOUND(64)];
    int64_t decoded[VV_DECODE_ROOM(64)];
    size_t length = from_hex(hex, expected);
    assert_int_equal(vv_timestamps_encode(timestamps, count, encoded), length);
    assert_memory_equal(encoded, expected, length);
    assert_int_equal(vv_timestamps_decode(expected, length, count, decoded), VARVE_OK);
    assert_memory_equal(decoded, timestamps, count * sizeof *timestamps);
}

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static void constants_are_as_specified(void **state)
{
    (void)state;
    const double decimal[] = {1.5, 1.5, 1.5};
    const double negative_zero[] = {-0.0, -0.0};
    assert_values(decimal, COUNT(decimal), VV_FORM_PACKED, "21 1e");
    assert_values(negative_zero, COUNT(negative_zero), VV_FORM_PACKED,
                  "3f 00 00 00 00 00 00 00 80");
}

static void deltas_are_as_specified(void **state)
{
    (void)state;
    double values[21];
    for (int i = 0; i < 21; i++) {
        values[i] = 20 + (double)(i + 1) / 2 + (i % 2 == 1 ? 1 : -0.5);
    }
    assert_values(values, COUNT(values), VV_FORM_PACKED, "00 05 02 28 01 cc cc cc cc cc 00");
}

static void runs_are_as_specified(void **state)
{
    (void)state;
    const double values[] = {7, 7, 7, 7, 9, 9, 9, 9, 9, 8, 8, 8};
    assert_values(values, COUNT(values), VV_FORM_PACKED, "40 02 03 24 04 02 0e 18");
}

static void exceptions_are_as_specified(void **state)
{
    (void)state;
    double values[16];
    for (int i = 0; i < 16; i++) {
        values[i] = i < 6 ? i + 1 : 994 + i;
    }
    assert_values(values, COUNT(values), VV_FORM_PACKED, "00 15 00 02 02 01 00 c2 0f 03 06");
}

static void value_exceptions_are_as_specified(void **state)
{
    (void)state;
    const double values[] = {3, 5, 4, vv_test_double(0x7ff0000000000002), 6, 2, 7, 3, 5};
    assert_values(values, COUNT(values), VV_FORM_PACKED,
                  "80 01 02 03 02 00 00 00 00 00 f0 7f 04 03 04 99 44 34 03");
}

static void corrections_are_as_specified(void **state)
{
    (void)state;
    const double values[] = {0.1, 0.1 + 0.2, 0.5, 3 * 0.3, 1.1 + 0.1, 1.1, 1.3, 1.5};
    assert_values(values, COUNT(values), VV_FORM_PACKED,
                  "1e 01 05 00 04 02 01 19 56 04 04 02 20 84 ab ec");
}

/* What may stand in a column whose other values are near decimals: everything comes back, and it
 * takes no more bytes than it is worth. */
static void values_near_decimals_are_short(void **state)
{
    (void)state;
    static const double odd[] = {NAN, INFINITY, -0.0, 1e300, 0x1p-1074, 0x1p39, -0x1p41, 1.0 / 3};
    struct vv_test_random random = vv_test_random_init(30);
    for (int round = 0; round < 600; round++) {
        double values[VV_COLUMN_MAX];
        size_t count = 2 + (size_t)vv_test_random_below(&random, VV_COLUMN_MAX - 1);
        uint64_t odds = round % 4 == 0 ? 10 : 200;
        for (size_t i = 0; i < count; i++) {
            double whole = (double)vv_test_random_below(&random, 10000);
            bool is_odd = round % 2 == 0 && vv_test_random_below(&random, odds) == 0;
            values[i] =
                is_odd ? odd[vv_test_random_below(&random, COUNT(odd))]
                       : whole * 0.01 + (round % 3 == 0 ? 0 : 0.1) + (round % 2 == 0 ? -25 : 25);
        }
        size_t length = vv_check_values_roundtrip(values, count);
        assert_true(round % 2 == 0 || length < 40 + count * 9 / 4);
    }
}

static void lanes_are_as_specified(void **state)
{
    (void)state;
    double values[40];
    for (int i = 0; i < 40; i++) {
        values[i] = i * 7 % 5;
    }
    assert_values(values, COUNT(values), VV_FORM_PACKED,
                  "00 04 03 00 90 c8 64 03 24 32 d9 00 89 4c 36 40 cc 20 66");
}

static void cold_forms_are_as_specified(void **state)
{
    (void)state;
    const double values[] = {5, 6, 5, 4, 5, 261, 5, 4};
    assert_values(values, COUNT(values), VV_FORM_PLANES,
                  "00 44 10 08 01 02 01 00 01 01 01 00 00 00 00 00 00 01 00 00");
    assert_values(values, COUNT(values), VV_FORM_DELTA_PLANES,
                  "00 65 10 0a 00 00 02 01 01 02 00 ff 01 00 00 00 00 00 02 01 00");
    assert_values(values, COUNT(values), VV_FORM_FIELDS,
                  "00 84 10 08 01 00 02 00 01 00 00 00 01 00 01 01 01 00 00 00");
}

static void timestamps_are_as_specified(void **state)
{
    (void)state;
    const int64_t jittered[] = {1700000000000000000, 1700000001002000000, 1700000002001000000,
                                1700000002999000000, 1700000004000000000};
    const int64_t squares[] = {0, 1, 4, 9, 16, 25, 36, 49};
    assert_timestamps(jittered, COUNT(jittered),
                      "0d 03 c0 84 3d 80 80 d0 e2 c6 bf ce 97 2f cc 0f 60 30");
    assert_timestamps(squares, COUNT(squares), "06 00 00 02 04");
}

/* Decodes `count` values of the bytes, which must be refused. */
static void assert_refused(const char *hex, size_t count)
{
    uint8_t bytes[256] = {0};
    double decoded[VV_DECODE_ROOM(VV_COLUMN_MAX)];
    size_t length = from_hex(hex, bytes);
    assert_int_equal(vv_values_decode(bytes, length, count, decoded), VARVE_CORRUPT);
}

static void what_is_not_allowed_is_refused(void **state)
{
    (void)state;
    assert_refused("", 1);
    assert_refused("10 04 00 00", 1);                          /* scheme 16 */
    assert_refused("21", 3);                                   /* constant without its value */
    assert_refused("21 1e 00", 3);                             /* a byte too many */
    assert_refused("61 1e", 3);                                /* constant and runs */
    assert_refused("a1 1e", 3);                                /* constant and exceptions */
    assert_refused("00 03 00 00 00", 3);                       /* mode 3 */
    assert_refused("00 c0 00 00", 3);                          /* layout 3 */
    assert_refused("00 00 41 00", 1);                          /* width 65 */
    assert_refused("00 04 21 00 00 00 00 00 00", 1);           /* narrow, width 33 */
    assert_refused("00 40 07 00 00", 1);                       /* planes of 7 bits */
    assert_refused("00 15 00 02 02 00 00 c2 0f 03", 16);       /* no exceptions */
    assert_refused("00 15 00 02 02 11 00 c2 0f 00", 16);       /* more exceptions than entries */
    assert_refused("00 15 00 02 02 01 41 c2 0f 03 06", 16);    /* exceptions of 65 bits */
    assert_refused("00 15 00 02 02 01 00 c2 0f 0b 06 00", 16); /* gaps of 11 bits */
    assert_refused("00 15 00 02 02 01 00 c2 0f 05 10", 16);    /* position 16 of 16 */
    assert_refused("40 00 00 04 00 0e", 12);                   /* runs without changes */
    assert_refused("40 0c 00 04 00 0e", 12);                   /* as many changes as values */
    assert_refused("40 02 1f 12 03 04 02 0e 18", 12); /* bitmap with four positions, not two */
    assert_refused("40 02 03 20 04 02 0e 18", 12);    /* a change at the first value */
    assert_refused("9f 01 02 03 02 00 00 00 00 00 f0 7f 04 00 04", 9); /* ordered, exceptions */
    assert_refused("3e 01 02", 3); /* constant with corrections */
    assert_refused("9e 01 02 03 02 00 00 00 00 00 f0 7f 01 03 00 04 00 00 04 00 04", 9); /* both */
    assert_refused("1e 10 03 00 04 00 00 04 00 04", 3);    /* corrected, 16 places */
    assert_refused("1e 01 02 00 04 00 00 04 00 04", 3);    /* a length that cuts corrections off */
    assert_refused("1e 01 04 00 04 00 00 04 00 04", 3);    /* one that is too long */
    assert_refused("1e 01 ff ff 04 00 00 04 00 04", 3);    /* beyond the column */
    assert_refused("1e 01 03 00 04 00 00 04 00 04 00", 3); /* a byte too many */
    assert_refused("1e 01 03 00 04 00 00", 3);             /* corrections alone */
    assert_refused("1d 01 03 00 04 00 00 04 00 04", 3);    /* scheme 29 */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(constants_are_as_specified),
        cmocka_unit_test(deltas_are_as_specified),
        cmocka_unit_test(runs_are_as_specified),
        cmocka_unit_test(exceptions_are_as_specified),
        cmocka_unit_test(value_exceptions_are_as_specified),
        cmocka_unit_test(corrections_are_as_specified),
        cmocka_unit_test(values_near_decimals_are_short),
        cmocka_unit_test(lanes_are_as_specified),
        cmocka_unit_test(cold_forms_are_as_specified),
        cmocka_unit_test(timestamps_are_as_specified),
        cmocka_unit_test(what_is_not_allowed_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
