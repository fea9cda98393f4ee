/* Tests of bucket.c: states of random samples, put together in random order, against values
 * computed from the samples themselves. */
#include "query/bucket.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "support/random.h"

enum { SAMPLES = 300, PARTS = 5 };
enum { WANTED = VV_PARTS_NUMBERS | VV_PART_SPREAD | VV_PART_VALUES };

struct state {
    struct vv_bucket bucket;
    struct vv_bucket_more more;
};

static void fini(struct state *state)
{
    while (state->more.values != NULL) {
        struct vv_value_run *run = state->more.values;
        state->more.values = run->next;
        vv_query_free(NULL, run);
    }
}

static double value(struct state *state, varve_function function, double parameter)
{
    double found = 0;
    assert_int_equal(
        vv_bucket_value(&state->bucket, &state->more, function, parameter, NULL, &found), VARVE_OK);
    return found;
}

static bool near(double a, double b)
{
    return a == b || (isnan(a) && isnan(b)) || fabs(a - b) <= 1e-9 * (1 + fabs(b));
}

static int compare(const void *a, const void *b)
{
    double left = *(const double *)a;
    double right = *(const double *)b;
    return (left > right) - (left < right);
}

static void expect_values(struct state *state, double *numbers, size_t count)
{
    double none = (double)NAN, mean = 0, squares = 0;
    for (size_t at = 0; at < count; at++) {
        mean += numbers[at] / (double)count;
    }
    for (size_t at = 0; at < count; at++) {
        squares += (numbers[at] - mean) * (numbers[at] - mean);
    }
    qsort(numbers, count, sizeof(numbers[0]), compare);
    bool any = count > 0;
    double variance = any ? squares / (double)count : none;
    assert_true(near(value(state, VARVE_FUNCTION_STDVAR, 0), variance));
    assert_true(near(value(state, VARVE_FUNCTION_STDDEV, 0), sqrt(variance)));
    assert_true(near(value(state, VARVE_FUNCTION_AVG, 0), any ? mean : none));
    assert_true(
        near(value(state, VARVE_FUNCTION_RANGE, 0), any ? numbers[count - 1] - numbers[0] : none));
    assert_true(near(value(state, VARVE_FUNCTION_QUANTILE, 0), any ? numbers[0] : none));
    assert_true(near(value(state, VARVE_FUNCTION_QUANTILE, 1), any ? numbers[count - 1] : none));
    double median =
        any ? (numbers[(count - 1) / 2] + numbers[count / 2]) / 2 : none; /* as rank 0.5 says */
    assert_true(near(value(state, VARVE_FUNCTION_QUANTILE, 0.5), median));
}

static void states_put_together_in_any_order_give_the_same(void **cmocka_state)
{
    (void)cmocka_state;
    struct vv_test_random random = vv_test_random_init(40);
    for (int round = 0; round < 500; round++) {
        struct state parts[PARTS];
        double numbers[SAMPLES];
        size_t count = 0;
        for (size_t part = 0; part < PARTS; part++) {
            vv_bucket_init(&parts[part].bucket, 0);
            vv_bucket_more_init(&parts[part].more);
        }
        size_t samples = 1 + vv_test_random_below(&random, SAMPLES);
        for (size_t at = 0; at < samples; at++) {
            struct state *state = &parts[vv_test_random_below(&random, PARTS)];
            int64_t timestamp = (int64_t)at;
            double sample = vv_test_random_uniform(&random) * 1000 + 1e6;
            if (vv_test_random_below(&random, 5) == 0) {
                sample = (double)NAN;
            } else {
                numbers[count++] = sample;
            }
            assert_int_equal(
                vv_bucket_add(&state->bucket, &state->more, &timestamp, &sample, 1, WANTED, NULL),
                VARVE_OK);
        }
        size_t into = vv_test_random_below(&random, PARTS);
        for (size_t part = 0; part < PARTS; part++) {
            if (part != into && parts[part].bucket.count > 0) {
                if (parts[into].bucket.count == 0) {
                    struct state empty = parts[into];
                    parts[into] = parts[part];
                    parts[part] = empty;
                } else {
                    vv_bucket_merge(&parts[into].bucket, &parts[into].more, &parts[part].bucket,
                                    &parts[part].more);
                }
            }
        }
        assert_int_equal(parts[into].bucket.count, samples);
        expect_values(&parts[into], numbers, count);
        for (size_t part = 0; part < PARTS; part++) {
            fini(&parts[part]);
        }
    }
}

static void spreads_of_long_runs_do_not_cancel(void **cmocka_state)
{
    (void)cmocka_state;
    struct state state;
    int64_t timestamps[1000];
    double values[1000];
    for (int at = 0; at < 1000; at++) {
        timestamps[at] = at;
        values[at] = 1e9 + at % 2;
    }
    vv_bucket_init(&state.bucket, 0);
    vv_bucket_more_init(&state.more);
    assert_int_equal(
        vv_bucket_add(&state.bucket, &state.more, timestamps, values, 1000, VV_PART_SPREAD, NULL),
        VARVE_OK);
    assert_true(value(&state, VARVE_FUNCTION_STDVAR, 0) == 0.25);
}

static void quantiles_of_infinities_are_no_nan(void **cmocka_state)
{
    (void)cmocka_state;
    struct state state;
    const int64_t timestamps[] = {1, 2, 3};
    const double values[] = {INFINITY, 1, -INFINITY};
    vv_bucket_init(&state.bucket, 0);
    vv_bucket_more_init(&state.more);
    assert_int_equal(
        vv_bucket_add(&state.bucket, &state.more, timestamps, values, 3, VV_PART_VALUES, NULL),
        VARVE_OK);
    assert_true(value(&state, VARVE_FUNCTION_QUANTILE, 0.5) == 1);
    assert_true(value(&state, VARVE_FUNCTION_QUANTILE, 1) == INFINITY);
    assert_true(value(&state, VARVE_FUNCTION_QUANTILE, 0.75) == INFINITY);
    fini(&state);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(states_put_together_in_any_order_give_the_same),
        cmocka_unit_test(spreads_of_long_runs_do_not_cancel),
        cmocka_unit_test(quantiles_of_infinities_are_no_nan),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
