/*
 * test_cold.c - groups of columns through zstd and back; damage is refused.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "compress/cold.h"
#include "support/codec_checks.h"

enum { COLUMNS = 600 };

struct fixture {
    struct vv_cold_writer *writer;
    struct vv_cold_reader *reader;
    double *values;
    struct vv_cold_column columns[COLUMNS];
    uint8_t compressed[VV_COLD_GROUP_BOUND];
    uint8_t group[VV_COLD_GROUP_BYTES_MAX + VV_DECODE_PADDING];
    uint32_t offsets[COLUMNS + 1];
};

static void *aligned(size_t bytes)
{
    void *memory = aligned_alloc(VV_COLD_MEMORY_ALIGNMENT, (bytes + 63) & ~(size_t)63);
    assert_non_null(memory);
    return memory;
}

static int set_up(void **state)
{
    struct fixture *fixture = aligned(sizeof *fixture);
    fixture->writer = vv_cold_writer_init(aligned(vv_cold_writer_bytes()));
    fixture->reader = vv_cold_reader_init(aligned(vv_cold_reader_bytes()));
    fixture->values = aligned(COLUMNS * VV_COLUMN_MAX * sizeof(double));
    *state = fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;
    free(fixture->values);
    free(fixture->reader);
    free(fixture->writer);
    free(fixture);
    return 0;
}

/* Columns of all shapes, or of the one given. */
static void fill_columns(struct fixture *fixture, struct vv_test_random *random, int shape)
{
    for (unsigned i = 0; i < COLUMNS; i++) {
        double *values = fixture->values + (size_t)i * VV_COLUMN_MAX;
        uint32_t count = 1 + (uint32_t)vv_test_random_below(random, VV_COLUMN_MAX);
        vv_test_values(random, shape >= 0 ? (unsigned)shape : i, values, count);
        fixture->columns[i] = (struct vv_cold_column){.values = values, .count = count};
    }
}

/* Writes all columns group by group and reads them again; returns the compressed bytes. */
static size_t round_trip(struct fixture *fixture)
{
    double decoded[VV_DECODE_ROOM(VV_COLUMN_MAX)];
    size_t total = 0;
    for (size_t done = 0; done < COLUMNS;) {
        const struct vv_cold_column *columns = fixture->columns + done;
        size_t length;
        size_t taken = vv_cold_group_write(fixture->writer, columns, COLUMNS - done,
                                           fixture->compressed, &length, fixture->offsets);
        assert_in_range(taken, 1, COLUMNS - done);
        assert_in_range(length, 1, VV_COLD_GROUP_BOUND);
        size_t group_length;
        assert_int_equal(vv_cold_group_length(fixture->compressed, length, &group_length),
                         VARVE_OK);
        assert_int_equal(group_length, fixture->offsets[taken]);
        assert_int_equal(vv_cold_group_read(fixture->reader, fixture->compressed, length,
                                            fixture->group, sizeof fixture->group),
                         VARVE_OK);
        for (size_t i = 0; i < taken; i++) {
            uint32_t start = fixture->offsets[i];
            assert_int_equal(vv_values_decode(fixture->group + start,
                                              fixture->offsets[i + 1] - start, columns[i].count,
                                              decoded),
                             VARVE_OK);
            assert_memory_equal(decoded, columns[i].values, columns[i].count * sizeof(double));
        }
        total += length;
        done += taken;
    }
    return total;
}

static void columns_of_all_shapes_come_back(void **state)
{
    struct fixture *fixture = *state;
    struct vv_test_random random = vv_test_random_init(1);
    fill_columns(fixture, &random, -1);
    (void)round_trip(fixture);
}

static void incompressible_columns_are_stored(void **state)
{
    struct fixture *fixture = *state;
    struct vv_test_random random = vv_test_random_init(2);
    fill_columns(fixture, &random, 7);
    size_t values = 0;
    for (size_t i = 0; i < COLUMNS; i++) {
        values += fixture->columns[i].count;
    }
    assert_in_range(round_trip(fixture), values * 8, values * 8 + values / 8);
}

/* Integer walks have a cold form that is a tenth smaller than their packed form at least. */
static void walks_pack_better_than_hot(void **state)
{
    struct fixture *fixture = *state;
    struct vv_test_random random = vv_test_random_init(3);
    uint8_t hot[VV_VALUES_BOUND(VV_COLUMN_MAX)];
    size_t hot_bytes = 0;
    fill_columns(fixture, &random, 1);
    for (size_t i = 0; i < COLUMNS; i++) {
        hot_bytes += vv_values_encode(fixture->columns[i].values, fixture->columns[i].count, hot);
    }
    assert_in_range(round_trip(fixture), 1, hot_bytes * 9 / 10);
}

static void the_same_columns_give_the_same_bytes(void **state)
{
    struct fixture *fixture = *state;
    struct vv_test_random random = vv_test_random_init(4);
    fill_columns(fixture, &random, -1);
    size_t length;
    size_t again;
    uint8_t *first = aligned(VV_COLD_GROUP_BOUND);
    size_t taken = vv_cold_group_write(fixture->writer, fixture->columns, COLUMNS, first, &length,
                                       fixture->offsets);
    assert_int_equal(vv_cold_group_write(fixture->writer, fixture->columns, COLUMNS,
                                         fixture->compressed, &again, fixture->offsets),
                     taken);
    assert_int_equal(again, length);
    assert_memory_equal(first, fixture->compressed, length);
    free(first);
}

static void damaged_groups_are_refused_or_stay_within_bounds(void **state)
{
    struct fixture *fixture = *state;
    struct vv_test_random random = vv_test_random_init(5);
    fill_columns(fixture, &random, -1);
    size_t length;
    (void)vv_cold_group_write(fixture->writer, fixture->columns, 40, fixture->compressed, &length,
                              fixture->offsets);
    for (int round = 0; round < 300; round++) {
        size_t at = (size_t)vv_test_random_below(&random, round % 2 == 0 ? 24 : length);
        size_t cut = round % 3 == 0 ? (size_t)vv_test_random_below(&random, length) : length;
        uint8_t saved = fixture->compressed[at];
        fixture->compressed[at] ^= (uint8_t)(1u << vv_test_random_below(&random, 8));
        uint8_t *exact = malloc(cut + 1);
        assert_non_null(exact);
        memcpy(exact, fixture->compressed, cut);
        varve_status status =
            vv_cold_group_read(fixture->reader, exact, cut, fixture->group, sizeof fixture->group);
        assert_true(status == VARVE_OK || status == VARVE_CORRUPT);
        free(exact);
        fixture->compressed[at] = saved;
    }
}

static void a_group_is_refused_where_it_does_not_fit(void **state)
{
    struct fixture *fixture = *state;
    struct vv_test_random random = vv_test_random_init(6);
    fill_columns(fixture, &random, 1);
    size_t length;
    size_t group_length;
    (void)vv_cold_group_write(fixture->writer, fixture->columns, 10, fixture->compressed, &length,
                              fixture->offsets);
    assert_int_equal(vv_cold_group_length(fixture->compressed, length, &group_length), VARVE_OK);
    size_t needed = group_length + VV_DECODE_PADDING;
    assert_int_equal(
        vv_cold_group_read(fixture->reader, fixture->compressed, length, fixture->group, needed),
        VARVE_OK);
    assert_int_equal(vv_cold_group_read(fixture->reader, fixture->compressed, length,
                                        fixture->group, needed - 1),
                     VARVE_CORRUPT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(columns_of_all_shapes_come_back),
        cmocka_unit_test(incompressible_columns_are_stored),
        cmocka_unit_test(walks_pack_better_than_hot),
        cmocka_unit_test(the_same_columns_give_the_same_bytes),
        cmocka_unit_test(damaged_groups_are_refused_or_stay_within_bounds),
        cmocka_unit_test(a_group_is_refused_where_it_does_not_fit),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
