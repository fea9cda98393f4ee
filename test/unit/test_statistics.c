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

/* The definition: each sum with its compensation, whatever the values. */
static double compensated_sum(const double *terms, size_t count)
{
    double sum = 0, compensation = 0;
    for (size_t i = 0; i < count; i++) {
        double total = sum + terms[i];
        compensation +=
            fabs(sum) >= fabs(terms[i]) ? (sum - total) + terms[i] : (terms[i] - total) + sum;
        sum = total;
    }
    return sum + compensation;
}

static double random_value(struct vv_test_random *random, unsigned kind)
{
    double whole = (double)((int64_t)vv_test_random_below(random, 2000) - 1000);
    switch (kind) {
    case 0:
        return whole == 0 ? -0.0 : whole;
    case 1:
        return whole * 0x1p30;
    case 2:
        return whole * 0x1.3p45; /* too large to be summed without a thought */
    case 3:
        return whole / 8;
    default:
        return whole / 10;
    }
}

static void whole_numbers_have_the_bits_of_the_compensated_sums(void **state)
{
    (void)state;
    struct vv_test_random random = vv_test_random_init(2);
    double values[1024], steps[1024];
    for (unsigned round = 0; round < 1000; round++) {
        size_t count = 1 + (size_t)vv_test_random_below(&random, round % 2 == 0 ? 1024 : 4);
        uint32_t resets = 0;
        for (size_t i = 0; i < count; i++) {
            values[i] = random_value(&random, round % 5);
        }
        if (round % 7 == 0) { /* one that is not like the others */
            values[vv_test_random_below(&random, count)] = random_value(&random, 4);
        }
        for (size_t i = 1; i < count; i++) {
            bool reset = values[i] < values[i - 1];
            steps[i - 1] = reset ? values[i] : values[i] - values[i - 1];
            resets += reset;
        }
        struct vv_value_statistics statistics = of(values, count);
        double sum = compensated_sum(values, count), increase = compensated_sum(steps, count - 1);
        assert_memory_equal(&statistics.sum, &sum, sizeof(sum));
        assert_memory_equal(&statistics.increase, &increase, sizeof(increase));
        assert_int_equal(statistics.resets, resets);
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
        cmocka_unit_test(whole_numbers_have_the_bits_of_the_compensated_sums),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
