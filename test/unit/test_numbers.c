/* Tests of numbers.c. */
#include "query/numbers.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "support/random.h"

enum { VALUES_MAX = 200 };

static void no_numbers_have_a_count_of_zero(void **state)
{
    (void)state;
    struct vv_numbers numbers = vv_numbers_none();
    vv_numbers_add(&numbers, NULL, 0, VV_NUMBERS_SUM | VV_NUMBERS_EXTREMES);
    assert_int_equal(numbers.count, 0);
    assert_true(vv_numbers_total(&numbers) == 0);
    assert_true(numbers.min == INFINITY && numbers.max == -INFINITY);
}

/* Adds the values one after the other, or in runs of random length, which may use other code. */
static struct vv_numbers add_in_runs(struct vv_test_random *random, const double *values,
                                     size_t count)
{
    struct vv_numbers numbers = vv_numbers_none();
    for (size_t at = 0; at < count;) {
        size_t run = 1 + vv_test_random_below(random, 60);
        run = run < count - at ? run : count - at;
        vv_numbers_add(&numbers, values + at, run, VV_NUMBERS_SUM | VV_NUMBERS_EXTREMES);
        at += run;
    }
    return numbers;
}

static void runs_of_any_length_and_place_give_the_same(void **state)
{
    (void)state;
    struct vv_test_random random = vv_test_random_init(7);
    double values[VALUES_MAX + 1];
    for (int round = 0; round < 3000; round++) {
        size_t start = vv_test_random_below(&random, 2);
        size_t count = vv_test_random_below(&random, VALUES_MAX);
        double sum = 0;
        double min = INFINITY;
        double max = -INFINITY;
        uint64_t numbers = 0;
        for (size_t index = start; index < start + count; index++) {
            bool number = vv_test_random_below(&random, 6) > 0;
            /* Whole numbers: their sum is exact. */
            double value = (double)(int64_t)vv_test_random_below(&random, 1000001) - 500000;
            values[index] = number ? value : (double)NAN;
            sum += number ? value : 0;
            min = number ? fmin(min, value) : min;
            max = number ? fmax(max, value) : max;
            numbers += number;
        }
        struct vv_numbers found = add_in_runs(&random, values + start, count);
        assert_true(vv_numbers_total(&found) == sum);
        assert_true(found.min == min && found.max == max);
        assert_int_equal(found.count, numbers);
    }
}

static void sums_of_whole_numbers_are_those_with_compensation(void **state)
{
    (void)state;
    struct vv_test_random random = vv_test_random_init(8);
    static double values[1024];
    for (int round = 0; round < 2000; round++) {
        size_t count = 1 + vv_test_random_below(&random, 1024);
        struct vv_numbers found = vv_numbers_none();
        struct vv_numbers expected = vv_numbers_none();
        found.sum = expected.sum = 0.25; /* of values before */
        for (size_t index = 0; index < count; index++) {
            int64_t magnitude = (int64_t)vv_test_random_below(&random, UINT64_C(1) << 43);
            values[index] =
                (double)(vv_test_random_below(&random, 2) == 0 ? magnitude : -magnitude);
        }
        vv_numbers_add(&found, values, count, VV_NUMBERS_SUM | VV_NUMBERS_WHOLE);
        vv_numbers_add(&expected, values, count, VV_NUMBERS_SUM);
        assert_true(vv_numbers_total(&found) == vv_numbers_total(&expected));
        assert_int_equal(found.count, count);
    }
}

static void values_that_cancel_leave_the_small_ones(void **state)
{
    (void)state;
    double values[64];
    for (size_t large = 0; large < 63; large++) {
        struct vv_numbers numbers = vv_numbers_none();
        for (size_t index = 0; index < 64; index++) {
            values[index] = 0.25;
        }
        values[large] = 1e100;
        values[63] = -1e100;
        vv_numbers_add(&numbers, values, 64, VV_NUMBERS_SUM | VV_NUMBERS_EXTREMES);
        assert_true(vv_numbers_total(&numbers) == 62 * 0.25);
    }
}

static void sums_of_fractions_are_right_to_the_last_bit(void **state)
{
    (void)state;
    struct vv_test_random random = vv_test_random_init(8);
    for (int round = 0; round < 200; round++) {
        double values[VALUES_MAX];
        long double exact = 0;
        for (size_t index = 0; index < VALUES_MAX; index++) {
            values[index] = vv_test_random_uniform(&random) * 1000;
            exact += (long double)values[index];
        }
        struct vv_numbers numbers = add_in_runs(&random, values, VALUES_MAX);
        /* long double may itself be off in its last bits, far below those of a double. */
        assert_true(fabs(vv_numbers_total(&numbers) - (double)exact) <= 0x1p-36);
    }
}

static void infinities_in_any_lane_decide(void **state)
{
    (void)state;
    for (size_t first = 0; first < 40; first++) {
        double values[40] = {0};
        struct vv_numbers numbers = vv_numbers_none();
        values[first] = INFINITY;
        vv_numbers_add(&numbers, values, 40, VV_NUMBERS_SUM | VV_NUMBERS_EXTREMES);
        assert_true(vv_numbers_total(&numbers) == INFINITY);
        vv_numbers_add(&numbers, values, 40, VV_NUMBERS_SUM | VV_NUMBERS_EXTREMES);
        assert_true(vv_numbers_total(&numbers) == INFINITY);
        assert_true(numbers.max == INFINITY && numbers.min == 0);
        values[first] = -INFINITY;
        vv_numbers_add(&numbers, values, 40, VV_NUMBERS_SUM | VV_NUMBERS_EXTREMES);
        assert_true(isnan(vv_numbers_total(&numbers)));
        assert_true(numbers.min == -INFINITY);
    }
}

static void sums_beyond_the_largest_double_are_infinite(void **state)
{
    (void)state;
    double values[40];
    for (int index = 0; index < 40; index++) {
        values[index] = 1e308;
    }
    struct vv_numbers numbers = vv_numbers_none();
    vv_numbers_add(&numbers, values, 40, VV_NUMBERS_SUM | VV_NUMBERS_EXTREMES);
    assert_true(vv_numbers_total(&numbers) == INFINITY);
}

static void merging_is_adding(void **state)
{
    (void)state;
    const double values[] = {3, NAN, 0.5, -7, 1e17, 1};
    struct vv_numbers all = vv_numbers_none();
    struct vv_numbers left = vv_numbers_none();
    struct vv_numbers right = vv_numbers_none();
    vv_numbers_add(&all, values, 6, VV_NUMBERS_SUM | VV_NUMBERS_EXTREMES);
    vv_numbers_add(&left, values, 2, VV_NUMBERS_SUM | VV_NUMBERS_EXTREMES);
    vv_numbers_add(&right, values + 2, 4, VV_NUMBERS_SUM | VV_NUMBERS_EXTREMES);
    vv_numbers_merge(&left, &right);
    assert_true(vv_numbers_total(&left) == vv_numbers_total(&all));
    assert_true(left.min == -7 && left.max == 1e17);
    assert_int_equal(left.count, 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_numbers_have_a_count_of_zero),
        cmocka_unit_test(runs_of_any_length_and_place_give_the_same),
        cmocka_unit_test(sums_of_whole_numbers_are_those_with_compensation),
        cmocka_unit_test(values_that_cancel_leave_the_small_ones),
        cmocka_unit_test(sums_of_fractions_are_right_to_the_last_bit),
        cmocka_unit_test(infinities_in_any_lane_decide),
        cmocka_unit_test(sums_beyond_the_largest_double_are_infinite),
        cmocka_unit_test(merging_is_adding),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
