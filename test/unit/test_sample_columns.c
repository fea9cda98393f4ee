/*
 * test_sample_columns.c - growing, copying and grouping columns of samples.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "os/alloc.h"
#include "support/random.h"
#include "text/sample_columns.h"

struct columns_fixture {
    struct vv_sample_columns from;
    struct vv_sample_columns to;
    struct vv_sample_sorter sorter;
};

static int setup(void **state)
{
    struct columns_fixture *fixture = vv_alloc_zeroed(1, sizeof *fixture);
    *state = fixture;
    return fixture == NULL || vv_sample_columns_reserve(&fixture->from, VARVE_BATCH_MAX) != 0 ||
           vv_sample_columns_reserve(&fixture->to, VARVE_BATCH_MAX) != 0;
}

static int teardown(void **state)
{
    struct columns_fixture *fixture = *state;
    vv_sample_columns_fini(&fixture->from);
    vv_sample_columns_fini(&fixture->to);
    vv_sample_sorter_fini(&fixture->sorter);
    vv_free(fixture);
    return 0;
}

static bool group(struct columns_fixture *fixture, size_t count)
{
    return vv_sample_columns_group(&fixture->from, count, &fixture->sorter, &fixture->to);
}

/* Sample i of series least + i % series_count; its value says where it stood. */
static void fill(struct columns_fixture *fixture, size_t count, varve_series least,
                 size_t series_count)
{
    for (size_t index = 0; index < count; index++) {
        fixture->from.series[index] = least + index % series_count;
        fixture->from.timestamps[index] = (int64_t)(index / series_count);
        fixture->from.values[index] = (double)index;
    }
}

static void lines_of_many_series_become_runs(void **state)
{
    struct columns_fixture *fixture = *state;
    fill(fixture, 40000, 1001, 100);
    assert_true(group(fixture, 40000));
    for (size_t at = 0; at < 40000; at++) {
        size_t index = at % 400 * 100 + at / 400;
        assert_int_equal(fixture->to.series[at], 1001 + at / 400);
        assert_int_equal(fixture->to.timestamps[at], (int64_t)(at % 400));
        assert_true(fixture->to.values[at] == (double)index);
    }
}

/* Each series' samples in their old order, series ascending, and nothing lost. */
static void check_stable(const struct columns_fixture *fixture, size_t count)
{
    static bool seen[VARVE_BATCH_MAX];
    for (size_t index = 0; index < count; index++) {
        seen[index] = false;
    }
    for (size_t at = 0; at < count; at++) {
        size_t index = (size_t)fixture->to.values[at];
        assert_true(index < count && !seen[index]);
        seen[index] = true;
        assert_int_equal(fixture->to.series[at], fixture->from.series[index]);
        assert_int_equal(fixture->to.timestamps[at], fixture->from.timestamps[index]);
        if (at > 0 && fixture->to.series[at] == fixture->to.series[at - 1]) {
            assert_true(fixture->to.values[at] > fixture->to.values[at - 1]);
        } else {
            assert_true(at == 0 || fixture->to.series[at] > fixture->to.series[at - 1]);
        }
    }
}

/* Rows that begin and end anywhere, and rows that only seem to be some. */
static void rows_may_be_cut_anywhere(void **state)
{
    struct columns_fixture *fixture = *state;
    struct vv_test_random random = vv_test_random_init(2);
    for (int round = 0; round < 200; round++) {
        size_t count = 4000 + vv_test_random_below(&random, 4000);
        size_t series_count = 2 + vv_test_random_below(&random, 900);
        size_t first = vv_test_random_below(&random, series_count);
        fill(fixture, count, 7, 1);
        for (size_t index = 0; index < count; index++) {
            fixture->from.series[index] += (first + index) % series_count * 5;
        }
        if (round % 3 == 1) { /* two of a row stand in the wrong order, in every row */
            size_t wrong = vv_test_random_below(&random, series_count);
            for (size_t index = wrong; index + 1 < count; index += series_count) {
                varve_series swapped = fixture->from.series[index];
                fixture->from.series[index] = fixture->from.series[index + 1];
                fixture->from.series[index + 1] = swapped;
            }
        } else if (round % 3 == 2) { /* a series too many in one row */
            fixture->from.series[vv_test_random_below(&random, count)] = 8;
        }
        assert_true(group(fixture, count));
        check_stable(fixture, count);
    }
}

static void samples_of_a_series_keep_their_order(void **state)
{
    struct columns_fixture *fixture = *state;
    struct vv_test_random random = vv_test_random_init(1);
    size_t grouped = 0;
    for (int round = 0; round < 60; round++) {
        size_t count = 1 + vv_test_random_below(&random, VARVE_BATCH_MAX);
        size_t series_count = 1 + vv_test_random_below(&random, 5000);
        fill(fixture, count, UINT64_MAX - 200000, 1);
        for (size_t index = 0; index < count; index++) {
            fixture->from.series[index] += vv_test_random_below(&random, series_count) * 3;
        }
        if (group(fixture, count)) {
            grouped++;
            check_stable(fixture, count);
        }
    }
    assert_true(grouped > 10);
}

static void what_would_gain_little_is_left_alone(void **state)
{
    struct columns_fixture *fixture = *state;
    fill(fixture, 1000, 1, 10);
    assert_false(group(fixture, 1000)); /* few samples */
    fill(fixture, 60000, 1, 20000);
    assert_false(group(fixture, 60000)); /* few of each series */
    fill(fixture, 60000, 1, 1);
    for (size_t index = 0; index < 60000; index++) {
        fixture->from.series[index] = index / 100; /* side by side already */
    }
    assert_false(group(fixture, 60000));
    for (size_t index = 0; index < 60000; index++) {
        fixture->from.series[index] = index * 7 % 100 * 1000000000; /* far apart, in no order */
    }
    assert_false(group(fixture, 60000));
}

static void reserving_and_copying_keep_what_is_there(void **state)
{
    (void)state;
    struct vv_sample_columns columns = {0};
    assert_int_equal(vv_sample_columns_reserve(&columns, 4), VARVE_OK);
    for (size_t index = 0; index < 4; index++) {
        columns.series[index] = index;
        columns.timestamps[index] = (int64_t)index * 10;
        columns.values[index] = (double)index / 2;
    }
    assert_int_equal(vv_sample_columns_reserve(&columns, 1000), VARVE_OK);
    assert_int_equal(columns.capacity, 1000);
    assert_int_equal(vv_sample_columns_reserve(&columns, 10), VARVE_OK);
    assert_int_equal(columns.capacity, 1000);
    vv_sample_columns_copy(&columns, 0, &columns, 1, 3);
    for (size_t index = 0; index < 3; index++) {
        assert_int_equal(columns.series[index], index + 1);
        assert_int_equal(columns.timestamps[index], (index + 1) * 10);
        assert_true(columns.values[index] == (double)(index + 1) / 2);
    }
    vv_sample_columns_fini(&columns);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(lines_of_many_series_become_runs, setup, teardown),
        cmocka_unit_test_setup_teardown(rows_may_be_cut_anywhere, setup, teardown),
        cmocka_unit_test_setup_teardown(samples_of_a_series_keep_their_order, setup, teardown),
        cmocka_unit_test_setup_teardown(what_would_gain_little_is_left_alone, setup, teardown),
        cmocka_unit_test(reserving_and_copying_keep_what_is_there),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
