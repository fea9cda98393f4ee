/*
 * test_statistics.c - what is known of a chunk without decoding it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "compress/codec.h"
#include "support/columns.h"

static struct vv_value_statistics of(const double *values, size_t count)
{
    struct vv_value_statistics statistics;
    vv_values_statistics(values, count, &statistics);
    return statistics;
}

static void gauges_have_their_least_greatest_and_sum(void **state)
{
    (void)state;
    const double values[] = {3, -1, 4, 1, 5};
    struct vv_value_statistics statistics = of(values, 5);
    assert_int_equal(statistics.count, 5);
    assert_int_equal(statistics.nan_count, 0);
    assert_true(statistics.min == -1 && statistics.max == 5 && statistics.sum == 12);
    assert_true(statistics.first == 3 && statistics.last == 5);
}

static void a_drop_of_a_counter_is_a_reset_to_zero(void **state)
{
    (void)state;
    const double values[] = {10, 12, 3, 4, 1};
    struct vv_value_statistics statistics = of(values, 5);
    assert_int_equal(statistics.resets, 2);
    assert_true(statistics.increase == 2 + 3 + 1 + 1);
}

static void nan_is_left_out_of_everything_but_the_counts_and_ends(void **state)
{
    (void)state;
    const double values[] = {NAN, 2, NAN, 5, vv_test_double(0x7ff0000000000002)};
    struct vv_value_statistics statistics = of(values, 5);
    assert_int_equal(statistics.count, 5);
    assert_int_equal(statistics.nan_count, 3);
    assert_true(statistics.min == 2 && statistics.max == 5 && statistics.sum == 7);
    assert_true(statistics.increase == 3 && statistics.resets == 0);
    assert_memory_equal(&statistics.first, &values[0], 8);
    assert_memory_equal(&statistics.last, &values[4], 8);
}

static void only_nan_has_no_least_and_no_greatest(void **state)
{
    (void)state;
    const double values[] = {NAN, NAN};
    struct vv_value_statistics statistics = of(values, 2);
    assert_true(isnan(statistics.min) && isnan(statistics.max));
    assert_true(statistics.sum == 0 && statistics.increase == 0);
}

static void sums_lose_nothing_to_large_terms(void **state)
{
    (void)state;
    const double values[] = {1, 1e100, 1, -1e100};
    assert_true(of(values, 4).sum == 2);
}

static void infinities_sum_as_numbers_do(void **state)
{
    (void)state;
    const double up[] = {1, INFINITY, 2};
    const double both[] = {INFINITY, -INFINITY};
    assert_true(of(up, 3).sum == INFINITY && of(up, 3).max == INFINITY);
    assert_true(isnan(of(both, 2).sum));
}

static void random_columns_agree_with_a_plain_sum(void **state)
{
    (void)state;
    struct vv_test_random random = vv_test_random_init(1);
    double values[1024];
    for (int round = 0; round < 200; round++) {
        size_t count = 1 + (size_t)vv_test_random_below(&random, 1024);
        int64_t sum = 0;
        for (size_t i = 0; i < count; i++) {
            values[i] = (double)((int64_t)vv_test_random_below(&random, 2000) - 1000);
            sum += (int64_t)values[i];
        }
        assert_true(of(values, count).sum == (double)sum);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gauges_have_their_least_greatest_and_sum),
        cmocka_unit_test(a_drop_of_a_counter_is_a_reset_to_zero),
        cmocka_unit_test(nan_is_left_out_of_everything_but_the_counts_and_ends),
        cmocka_unit_test(only_nan_has_no_least_and_no_greatest),
        cmocka_unit_test(sums_lose_nothing_to_large_terms),
        cmocka_unit_test(infinities_sum_as_numbers_do),
        cmocka_unit_test(random_columns_agree_with_a_plain_sum),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
