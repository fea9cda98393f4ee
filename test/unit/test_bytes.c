/* Tests of bytes.h. */
#include "base/bytes.h"

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

/* A number of any length in bits: short varints are as likely as long ones. */
static uint64_t random_number(struct vv_test_random *random)
{
    return vv_test_random_next(random) >> vv_test_random_below(random, 64);
}

static void numbers_are_little_endian_and_need_no_alignment(void **state)
{
    (void)state;
    uint8_t bytes[9] = {0};
    vv_store_u64(bytes + 1, UINT64_C(0x0807060504030201));
    const uint8_t expected[] = {0, 1, 2, 3, 4, 5, 6, 7, 8};
    assert_memory_equal(bytes, expected, sizeof expected);
    assert_true(vv_load_u64(bytes + 1) == UINT64_C(0x0807060504030201));
    assert_int_equal(vv_load_u32(bytes + 1), 0x04030201);
    assert_int_equal(vv_load_u16(bytes + 1), 0x0201);
    vv_store_u32(bytes + 1, UINT32_C(0xdeadbeef));
    vv_store_u16(bytes + 5, 0xcafe);
    const uint8_t mixed[] = {0, 0xef, 0xbe, 0xad, 0xde, 0xfe, 0xca, 7, 8};
    assert_memory_equal(bytes, mixed, sizeof mixed);
}

static void zigzag_keeps_small_magnitudes_small(void **state)
{
    (void)state;
    assert_true(vv_zigzag(0) == 0);
    assert_true(vv_zigzag(-1) == 1);
    assert_true(vv_zigzag(1) == 2);
    assert_true(vv_zigzag(INT64_MAX) == UINT64_MAX - 1);
    assert_true(vv_zigzag(INT64_MIN) == UINT64_MAX);
    struct vv_test_random random = vv_test_random_init(1);
    for (int round = 0; round < 10000; round++) {
        int64_t value = (int64_t)random_number(&random);
        assert_true(vv_unzigzag(vv_zigzag(value)) == value);
    }
}

static void varints_have_known_bytes(void **state)
{
    (void)state;
    static const struct {
        uint64_t value;
        size_t length;
        uint8_t bytes[VV_VARINT_MAX];
    } cases[] = {
        {0, 1, {0}},
        {127, 1, {0x7f}},
        {128, 2, {0x80, 0x01}},
        {300, 2, {0xac, 0x02}},
        {UINT64_MAX, 10, {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01}},
    };
    for (size_t index = 0; index < sizeof cases / sizeof cases[0]; index++) {
        uint8_t out[VV_VARINT_MAX];
        assert_int_equal(vv_varint_put(out, cases[index].value), cases[index].length);
        assert_int_equal(vv_varint_size(cases[index].value), cases[index].length);
        assert_memory_equal(out, cases[index].bytes, cases[index].length);
        uint8_t whole[VV_VARINT_MAX];
        assert_int_equal(vv_varint_put_whole(whole, cases[index].value), cases[index].length);
        assert_memory_equal(whole, cases[index].bytes, cases[index].length);
        struct vv_reader reader = vv_reader_init(out, cases[index].length);
        assert_true(vv_read_varint(&reader) == cases[index].value);
        assert_false(reader.failed);
        assert_int_equal(vv_reader_left(&reader), 0);
    }
}

static void a_varint_without_branches_has_the_same_bytes(void **state)
{
    (void)state;
    struct vv_test_random random = vv_test_random_init(7);
    for (unsigned round = 0; round < 20000; round++) {
        uint8_t out[VV_VARINT_MAX], whole[VV_VARINT_MAX];
        uint64_t bit = UINT64_C(1) << round % 64;
        uint64_t value = round < 192 ? bit - 1 + round / 64 : random_number(&random);
        size_t length = vv_varint_put(out, value);
        assert_int_equal(vv_varint_put_whole(whole, value), length);
        assert_memory_equal(whole, out, length);
    }
}

static void overlong_overflowing_and_cut_off_varints_fail(void **state)
{
    (void)state;
    static const struct {
        size_t length;
        uint8_t bytes[12];
    } cases[] = {
        {0, {0}},
        {1, {0x80}},
        {2, {0x80, 0x00}},
        {3, {0xff, 0x80, 0x00}},
        {9, {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}},
        {10, {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x02}},
        {10, {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x81}},
        {11, {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01}},
    };
    for (size_t index = 0; index < sizeof cases / sizeof cases[0]; index++) {
        struct vv_reader reader = vv_reader_init(cases[index].bytes, cases[index].length);
        assert_true(vv_read_varint(&reader) == 0);
        assert_true(reader.failed);
    }
}

static void a_failed_reader_stays_failed_and_gives_nothing(void **state)
{
    (void)state;
    const uint8_t bytes[] = {1, 2, 3};
    struct vv_reader reader = vv_reader_init(bytes, sizeof bytes);
    assert_int_equal(vv_read_u32(&reader), 0);
    assert_true(reader.failed);
    assert_int_equal(vv_reader_left(&reader), 0);
    assert_int_equal(vv_read_u8(&reader), 0);
    assert_int_equal(vv_read_u16(&reader), 0);
    assert_int_equal(vv_read_varint(&reader), 0);
    assert_int_equal(vv_read_varint_signed(&reader), 0);
    assert_null(vv_read_bytes(&reader, 0));
    assert_true(reader.failed);
}

static void huge_lengths_do_not_wrap(void **state)
{
    (void)state;
    uint8_t bytes[] = {1, 2, 3};
    struct vv_reader reader = vv_reader_init(bytes, sizeof bytes);
    assert_int_equal(vv_read_u8(&reader), 1);
    assert_null(vv_read_bytes(&reader, UINT64_MAX));
    struct vv_writer writer = vv_writer_init(bytes, sizeof bytes);
    assert_null(vv_write_room(&writer, SIZE_MAX));
    assert_true(writer.failed);
}

static void empty_readers_and_writers_may_be_null(void **state)
{
    (void)state;
    struct vv_reader reader = vv_reader_init(NULL, 0);
    (void)vv_read_bytes(&reader, 0);
    assert_false(reader.failed);
    assert_int_equal(vv_read_u8(&reader), 0);
    assert_true(reader.failed);
    struct vv_writer writer = vv_writer_init(NULL, 0);
    vv_write_bytes(&writer, NULL, 0);
    assert_false(writer.failed);
    vv_write_u8(&writer, 1);
    assert_true(writer.failed);
}

static void what_does_not_fit_is_not_written_at_all(void **state)
{
    (void)state;
    uint8_t bytes[4] = {9, 9, 9, 9};
    struct vv_writer writer = vv_writer_init(bytes, 3);
    vv_write_u16(&writer, 0x0201);
    assert_int_equal(vv_writer_left(&writer), 1);
    vv_write_varint(&writer, 128);
    assert_true(writer.failed);
    vv_write_u8(&writer, 7);
    vv_write_bytes(&writer, "x", 1);
    const uint8_t expected[] = {1, 2, 9, 9};
    assert_memory_equal(bytes, expected, sizeof expected);
    assert_int_equal(vv_writer_left(&writer), 0);
}

enum { KINDS = 7, ENTRIES = 300 };

/* Writes one value of a kind. */
static void write_kind(struct vv_writer *writer, uint64_t kind, uint64_t value)
{
    switch (kind) {
    case 0:
        vv_write_u8(writer, (uint8_t)value);
        break;
    case 1:
        vv_write_u16(writer, (uint16_t)value);
        break;
    case 2:
        vv_write_u32(writer, (uint32_t)value);
        break;
    case 3:
        vv_write_u64(writer, value);
        break;
    case 4:
        vv_write_varint(writer, value);
        break;
    case 5:
        vv_write_varint_signed(writer, (int64_t)value);
        break;
    default:
        vv_write_bytes(writer, &value, 5);
        break;
    }
}

/* Whether the next thing is the value of a kind. */
static bool reads_kind(struct vv_reader *reader, uint64_t kind, uint64_t value)
{
    const uint8_t *bytes;
    switch (kind) {
    case 0:
        return vv_read_u8(reader) == (uint8_t)value;
    case 1:
        return vv_read_u16(reader) == (uint16_t)value;
    case 2:
        return vv_read_u32(reader) == (uint32_t)value;
    case 3:
        return vv_read_u64(reader) == value;
    case 4:
        return vv_read_varint(reader) == value;
    case 5:
        return vv_read_varint_signed(reader) == (int64_t)value;
    default:
        bytes = vv_read_bytes(reader, 5);
        return bytes != NULL && memcmp(bytes, &value, 5) == 0;
    }
}

static void readers_read_what_writers_wrote(void **state)
{
    (void)state;
    struct vv_test_random random = vv_test_random_init(2);
    for (int round = 0; round < 200; round++) {
        uint8_t bytes[ENTRIES * VV_VARINT_MAX];
        uint64_t kinds[ENTRIES];
        uint64_t values[ENTRIES];
        struct vv_writer writer = vv_writer_init(bytes, sizeof bytes);
        for (int index = 0; index < ENTRIES; index++) {
            kinds[index] = vv_test_random_below(&random, KINDS);
            values[index] = random_number(&random);
            write_kind(&writer, kinds[index], values[index]);
        }
        assert_false(writer.failed);
        size_t length = (size_t)(writer.at - bytes);
        struct vv_reader reader = vv_reader_init(bytes, length);
        for (int index = 0; index < ENTRIES; index++) {
            assert_true(reads_kind(&reader, kinds[index], values[index]));
        }
        assert_false(reader.failed);
        assert_int_equal(vv_reader_left(&reader), 0);

        /* One byte less and the last thing is missing. */
        reader = vv_reader_init(bytes, length - 1);
        for (int index = 0; index < ENTRIES; index++) {
            (void)reads_kind(&reader, kinds[index], values[index]);
        }
        assert_true(reader.failed);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_are_little_endian_and_need_no_alignment),
        cmocka_unit_test(zigzag_keeps_small_magnitudes_small),
        cmocka_unit_test(varints_have_known_bytes),
        cmocka_unit_test(a_varint_without_branches_has_the_same_bytes),
        cmocka_unit_test(overlong_overflowing_and_cut_off_varints_fail),
        cmocka_unit_test(a_failed_reader_stays_failed_and_gives_nothing),
        cmocka_unit_test(huge_lengths_do_not_wrap),
        cmocka_unit_test(empty_readers_and_writers_may_be_null),
        cmocka_unit_test(what_does_not_fit_is_not_written_at_all),
        cmocka_unit_test(readers_read_what_writers_wrote),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
