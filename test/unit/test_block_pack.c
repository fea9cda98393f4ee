/* Tests of block_pack.c and block_statistics.c: packed pages come back bit by bit, and are small.
 * */
#include "mmap/block_pack.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <math.h>
#include <stdlib.h>

#include "support/random.h"

enum { ROUNDS = 30 };

/* Packs, unpacks from a block of exactly that size and the padding, and compares. Returns the
 * length. */
static size_t check_records(enum vv_block_section section, const uint8_t *records, size_t count)
{
    struct vv_buffer packed = {0};
    size_t bytes = count * vv_block_record_bytes(section);
    assert_int_equal(vv_block_records_pack(section, records, count, &packed), VARVE_OK);
    uint8_t *in = malloc(packed.length + VV_DECODE_PADDING);
    uint8_t *out = malloc(bytes);
    if (packed.length > 0) {
        memcpy(in, packed.bytes, packed.length);
    }
    memset(in + packed.length, 0xa5, VV_DECODE_PADDING);
    assert_int_equal(vv_block_records_unpack(section, in, packed.length, count, out), VARVE_OK);
    assert_memory_equal(out, records, bytes);
    size_t length = packed.length;
    free(in);
    free(out);
    vv_buffer_fini(&packed);
    return length;
}

static void random_records_of_every_section_come_back(void **state)
{
    struct vv_test_random random = vv_test_random_init(1);
    (void)state;
    for (int section = VV_SECTION_FIRST_RECORDS; section < VV_SECTION_COUNT; section++) {
        for (int round = 0; round < ROUNDS; round++) {
            size_t count = 1 + vv_test_random_below(&random, VV_BLOCK_PAGE_RECORDS);
            size_t bytes = count * vv_block_record_bytes((enum vv_block_section)section);
            uint8_t *records = malloc(bytes);
            for (size_t at = 0; at < bytes; at++) {
                records[at] = (uint8_t)vv_test_random_next(&random);
            }
            for (size_t at = 0; section == VV_SECTION_STATISTICS && at < count; at++) {
                vv_store_u32(records + at * VV_STATISTICS_BYTES + VV_STATISTICS_ZERO, 0);
            }
            (void)check_records((enum vv_block_section)section, records, count);
            free(records);
        }
    }
}

static void chunks_side_by_side_cost_their_lengths_only(void **state)
{
    uint8_t records[VV_BLOCK_PAGE_RECORDS * VV_CHUNK_BYTES];
    struct vv_place place = {.page = 3, .offset = 100};
    (void)state;
    for (size_t at = 0; at < VV_BLOCK_PAGE_RECORDS; at++) {
        uint8_t *record = records + at * VV_CHUNK_BYTES;
        place.bytes = (uint32_t)(40 + at * 7 % 8);
        vv_store_u64(record + VV_CHUNK_PLACE, vv_place_pack(place));
        vv_store_u32(record + VV_CHUNK_TIME_COLUMN, (uint32_t)(at % 3));
        place.offset += place.bytes;
    }
    /* Three bits of length and two of time column. */
    assert_true(check_records(VV_SECTION_CHUNKS, records, VV_BLOCK_PAGE_RECORDS) < 1024);
}

static void put_statistics(uint8_t *record, const double *values, size_t count)
{
    struct vv_value_statistics statistics;
    vv_values_statistics(values, count, &statistics);
    vv_block_store_statistics(record, &statistics);
}

static void statistics_of_columns_of_every_kind_come_back(void **state)
{
    struct vv_test_random random = vv_test_random_init(2);
    static const double odd[] = {0.0,
                                 -0.0,
                                 NAN,
                                 INFINITY,
                                 -INFINITY,
                                 5e-324,
                                 1.7976931348623157e308,
                                 0.1,
                                 1e15,
                                 -4503599627370495.5,
                                 2251799813685248.0};
    uint8_t records[64 * VV_STATISTICS_BYTES];
    (void)state;
    for (int round = 0; round < ROUNDS; round++) {
        for (size_t at = 0; at < 64; at++) {
            double values[20];
            size_t count = 1 + vv_test_random_below(&random, 20);
            uint64_t kind = vv_test_random_below(&random, 5);
            for (size_t index = 0; index < count; index++) {
                uint64_t bits = vv_test_random_next(&random);
                values[index] = kind == 0   ? odd[bits % 11]
                                : kind == 1 ? 7.25
                                : kind == 2 ? (double)(bits % 1000) / 100
                                            : (double)(int64_t)(bits % 200) - 100;
                if (kind == 3) {
                    memcpy(&values[index], &bits, sizeof(bits));
                }
            }
            put_statistics(records + at * VV_STATISTICS_BYTES, values, count);
        }
        (void)check_records(VV_SECTION_STATISTICS, records, 64);
    }
}

static void statistics_of_constant_columns_take_a_few_bytes(void **state)
{
    uint8_t records[100 * VV_STATISTICS_BYTES];
    (void)state;
    for (size_t at = 0; at < 100; at++) {
        double values[50];
        for (size_t index = 0; index < 50; index++) {
            values[index] = (double)(at % 60);
        }
        put_statistics(records + at * VV_STATISTICS_BYTES, values, 50);
    }
    assert_true(check_records(VV_SECTION_STATISTICS, records, 100) <= 100 * 3 + 20);
}

/* Damage gives a status, and nothing is read or written beyond the ends (which sanitizers see). */
static void damaged_pages_are_refused_or_give_records(void **state)
{
    struct vv_test_random random = vv_test_random_init(3);
    (void)state;
    for (int section = VV_SECTION_FIRST_RECORDS; section < VV_SECTION_COUNT; section++) {
        size_t count = 40;
        size_t bytes = count * vv_block_record_bytes((enum vv_block_section)section);
        uint8_t *records = calloc(1, bytes);
        struct vv_buffer packed = {0};
        for (size_t at = 0; at < bytes; at += 5) {
            records[at] = (uint8_t)(vv_test_random_next(&random) & 15);
        }
        assert_int_equal(
            vv_block_records_pack((enum vv_block_section)section, records, count, &packed),
            VARVE_OK);
        for (int round = 0; round < 200; round++) {
            size_t length = vv_test_random_below(&random, packed.length + 1);
            uint8_t *in = malloc(length + VV_DECODE_PADDING);
            if (length > 0) {
                memcpy(in, packed.bytes, length);
            }
            memset(in + length, 0, VV_DECODE_PADDING);
            if (length > 0) {
                in[vv_test_random_below(&random, length)] ^=
                    (uint8_t)(1u << vv_test_random_below(&random, 8));
            }
            varve_status status =
                vv_block_records_unpack((enum vv_block_section)section, in, length, count, records);
            assert_true(status == VARVE_OK || status == VARVE_CORRUPT);
            free(in);
        }
        vv_buffer_fini(&packed);
        free(records);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_records_of_every_section_come_back),
        cmocka_unit_test(chunks_side_by_side_cost_their_lengths_only),
        cmocka_unit_test(statistics_of_columns_of_every_kind_come_back),
        cmocka_unit_test(statistics_of_constant_columns_take_a_few_bytes),
        cmocka_unit_test(damaged_pages_are_refused_or_give_records),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
