/* Tests of aggregate.c: specifications, steps, numbers that are none, memory. */
#include "query/aggregate.h"

#include <stdio.h>

#include "os/alloc.h"
#include "support/aggregator_fixture.h"

/* --------------------------------------------------------------------------------- Specs */

static void expect_refused(const varve_aggregation *spec, const char *message)
{
    struct vv_aggregator *aggregator = NULL;
    varve_error error = {.status = VARVE_OK};
    assert_int_equal(vv_aggregator_create(spec,
                                          &(struct vv_aggregator_place){.range = {0, INT64_MAX}},
                                          &aggregator, &error),
                     VARVE_INVALID);
    assert_string_equal(error.message, message);
    assert_null(aggregator);
}

static void specs_that_make_no_sense_are_refused_with_the_field(void **state)
{
    (void)state;
    const varve_string empty = {"", 0};
    const varve_function bad[] = {VARVE_FUNCTION_SUM, (varve_function)99};
    varve_aggregation spec = aggregator_spec(0);
    spec.function_count = 0;
    expect_refused(&spec, "functions: an aggregation needs at least one");
    spec.function_count = VARVE_FUNCTIONS_MAX + 1;
    expect_refused(&spec, "functions: 17 were given; at most 16 are allowed");
    spec.functions = bad;
    spec.function_count = 2;
    expect_refused(&spec, "functions: number 2 is 99, which is none");
    spec = aggregator_spec(-5);
    expect_refused(&spec, "step: -5 is negative");
    spec = aggregator_spec(0);
    spec.grouping = (varve_grouping)3;
    expect_refused(&spec, "grouping: 3 is none");
    spec = aggregator_spec(0);
    spec.group_labels = &empty;
    spec.group_label_count = 1;
    expect_refused(&spec, "group_labels: given without a grouping");
    spec.grouping = VARVE_GROUP_BY;
    expect_refused(&spec, "group_labels: number 1 is empty or not UTF-8");
    spec = aggregator_spec(0);
    spec.options_size = 0;
    expect_refused(&spec,
                   "options_size: start from VARVE_AGGREGATION_INIT when filling the struct");
}

/* ------------------------------------------------------------------------------- Buckets */

static void without_step_there_is_one_row_at_the_start(void **state)
{
    (void)state;
    const int64_t t[] = {-50, 0, 7000};
    const double v[] = {1, 2, 4};
    varve_aggregation spec = aggregator_spec(0);
    struct vv_aggregator *aggregator = aggregator_create(&spec, -100);
    aggregator_add_series(aggregator, "m");
    aggregator_add(aggregator, t, v, 3);
    aggregator_finish(aggregator);
    aggregator_expect_row(aggregator, "m", -100, 1, 7);
    aggregator_expect_end(aggregator);
    vv_aggregator_destroy(aggregator);
}

static void steps_are_aligned_downwards_for_negative_times_too(void **state)
{
    (void)state;
    const int64_t t[] = {-11, -10, -1, 0, 9, 10, 35};
    const double v[] = {1, 2, 4, 8, 16, 32, 64};
    varve_aggregation spec = aggregator_spec(10);
    struct vv_aggregator *aggregator = aggregator_create(&spec, INT64_MIN);
    aggregator_add_series(aggregator, "m");
    aggregator_add(aggregator, t, v, 7);
    aggregator_finish(aggregator);
    aggregator_expect_row(aggregator, "m", -20, 1, 1);
    aggregator_expect_row(aggregator, "m", -10, 1, 6);
    aggregator_expect_row(aggregator, "m", 0, 1, 24);
    aggregator_expect_row(aggregator, "m", 10, 1, 32);
    aggregator_expect_row(aggregator, "m", 30, 1, 64);
    aggregator_expect_end(aggregator);
    vv_aggregator_destroy(aggregator);
}

static void steps_hold_at_the_ends_of_int64(void **state)
{
    (void)state;
    const int64_t t[] = {INT64_MIN, -1, 0, INT64_MAX - 1};
    const double v[] = {1, 2, 4, 8};
    varve_aggregation spec = aggregator_spec(INT64_MAX);
    struct vv_aggregator *aggregator = aggregator_create(&spec, INT64_MIN);
    aggregator_add_series(aggregator, "m");
    aggregator_add(aggregator, t, v, 4);
    aggregator_finish(aggregator);
    /* The step of INT64_MIN starts below it, at -2 * INT64_MAX. */
    aggregator_expect_row(aggregator, "m", INT64_MIN, 1, 1);
    aggregator_expect_row(aggregator, "m", -INT64_MAX, 1, 2);
    aggregator_expect_row(aggregator, "m", 0, 1, 12);
    aggregator_expect_end(aggregator);
    vv_aggregator_destroy(aggregator);
}

static void a_step_of_one_nanosecond_keeps_every_sample_apart(void **state)
{
    (void)state;
    const int64_t t[] = {INT64_MIN, INT64_MIN + 1, INT64_MAX - 2, INT64_MAX - 1};
    const double v[] = {1, 2, 4, 8};
    varve_aggregation spec = aggregator_spec(1);
    struct vv_aggregator *aggregator = aggregator_create(&spec, INT64_MIN);
    aggregator_add_series(aggregator, "m");
    aggregator_add(aggregator, t, v, 4);
    aggregator_finish(aggregator);
    for (int index = 0; index < 4; index++) {
        aggregator_expect_row(aggregator, "m", t[index], 1, v[index]);
    }
    aggregator_expect_end(aggregator);
    vv_aggregator_destroy(aggregator);
}

static void buckets_go_on_across_spans(void **state)
{
    (void)state;
    varve_aggregation spec = aggregator_spec(100);
    struct vv_aggregator *aggregator = aggregator_create(&spec, 0);
    aggregator_add_series(aggregator, "m");
    for (int64_t timestamp = 0; timestamp < 250; timestamp++) {
        aggregator_add_one(aggregator, timestamp, 1);
    }
    aggregator_finish(aggregator);
    aggregator_expect_row(aggregator, "m", 0, 0, 100);
    aggregator_expect_row(aggregator, "m", 100, 0, 100);
    aggregator_expect_row(aggregator, "m", 200, 0, 50);
    aggregator_expect_end(aggregator);
    vv_aggregator_destroy(aggregator);
}

/* ------------------------------------------------------------------------------- Numbers */

/* The values of all functions over the values, at timestamps 0, 1, ... */
static void compute(const double *values, size_t count, double *results)
{
    varve_aggregation spec = aggregator_spec(0);
    struct vv_aggregator *aggregator = aggregator_create(&spec, 0);
    aggregator_add_series(aggregator, "m");
    for (size_t index = 0; index < count; index++) {
        aggregator_add_one(aggregator, (int64_t)index, values[index]);
    }
    aggregator_finish(aggregator);
    varve_row row;
    assert_true(vv_aggregator_next_row(aggregator, &row));
    memcpy(results, row.values, FUNCTION_COUNT * sizeof(double));
    vv_aggregator_destroy(aggregator);
}

static void nan_is_counted_but_left_out_of_numbers(void **state)
{
    (void)state;
    const double values[] = {NAN, 3, 1, NAN, 2, NAN};
    double results[FUNCTION_COUNT];
    compute(values, 6, results);
    assert_true(results[COUNT] == 6);
    assert_true(results[SUM] == 6);
    assert_true(results[MIN] == 1);
    assert_true(results[MAX] == 3);
    assert_true(results[AVG] == 2);
    assert_true(isnan(results[FIRST]));
    assert_true(isnan(results[LAST]));
}

static void a_bucket_of_nan_alone_gives_nan(void **state)
{
    (void)state;
    const double values[] = {NAN, NAN};
    double results[FUNCTION_COUNT];
    compute(values, 2, results);
    assert_true(results[COUNT] == 2);
    for (int index = SUM; index < FUNCTION_COUNT; index++) {
        assert_true(isnan(results[index]));
    }
}

static void infinities_add_up_as_they_should(void **state)
{
    (void)state;
    const double positive[] = {1, INFINITY, 2, INFINITY};
    const double both[] = {1, INFINITY, 2, -INFINITY, 5};
    double results[FUNCTION_COUNT];
    compute(positive, 4, results);
    assert_true(results[SUM] == INFINITY && results[AVG] == INFINITY);
    assert_true(results[MIN] == 1 && results[MAX] == INFINITY);
    compute(both, 5, results);
    assert_true(isnan(results[SUM]) && isnan(results[AVG]));
    assert_true(results[MIN] == -INFINITY && results[MAX] == INFINITY);
    const double one[] = {INFINITY};
    compute(one, 1, results);
    assert_true(results[SUM] == INFINITY && results[MIN] == INFINITY);
}

static void sums_lose_nothing_to_large_neighbours(void **state)
{
    (void)state;
    const double values[] = {1, 1e100, 1, -1e100};
    double results[FUNCTION_COUNT];
    compute(values, 4, results);
    assert_true(results[SUM] == 2);
    assert_true(results[AVG] == 0.5);
}

static void ten_thousand_tenths_are_a_thousand(void **state)
{
    (void)state;
    double values[1000];
    int64_t timestamps[1000];
    varve_aggregation spec = aggregator_spec(0);
    struct vv_aggregator *aggregator = aggregator_create(&spec, 0);
    aggregator_add_series(aggregator, "m");
    for (int round = 0; round < 10; round++) {
        for (int index = 0; index < 1000; index++) {
            timestamps[index] = round * 1000 + index;
            values[index] = 0.1;
        }
        aggregator_add(aggregator, timestamps, values, 1000);
    }
    aggregator_finish(aggregator);
    /* 10,000 times the double next to 0.1, rounded once. */
    aggregator_expect_row(aggregator, "m", 0, SUM, 1000.0);
    vv_aggregator_destroy(aggregator);
}

/* ---------------------------------------------------------------------- Again and nothing */

static void a_reset_aggregator_is_as_good_as_new_and_needs_no_memory(void **state)
{
    (void)state;
    varve_aggregation spec = aggregator_spec(10);
    struct vv_aggregator *aggregator = aggregator_create(&spec, 0);
    uint64_t allocations = 0;
    for (int round = 0; round < 5; round++) {
        char series[32];
        (void)snprintf(series, sizeof series, "m{round=\"%d\"}", round);
        aggregator_add_series(aggregator, series);
        uint64_t before = vv_alloc_count();
        for (int64_t timestamp = 0; timestamp < 1000; timestamp += 5) {
            aggregator_add_one(aggregator, timestamp, round);
        }
        allocations = vv_alloc_count() - before;
        aggregator_finish(aggregator);
        for (int64_t time = 0; time < 1000; time += 10) {
            aggregator_expect_row(aggregator, series, time, SUM, 2 * round);
        }
        aggregator_expect_end(aggregator);
        vv_aggregator_reset(aggregator);
    }
    assert_int_equal(allocations, 0);
    vv_aggregator_destroy(aggregator);
}

static void series_without_samples_make_no_rows(void **state)
{
    (void)state;
    varve_aggregation spec = aggregator_spec(10);
    struct vv_aggregator *aggregator = aggregator_create(&spec, 0);
    aggregator_finish(aggregator);
    aggregator_expect_end(aggregator);
    vv_aggregator_reset(aggregator);
    aggregator_add_series(aggregator, "a");
    aggregator_add_series(aggregator, "b");
    aggregator_add_one(aggregator, 1, 1);
    aggregator_add_series(aggregator, "c");
    aggregator_finish(aggregator);
    aggregator_expect_row(aggregator, "b", 0, COUNT, 1);
    aggregator_expect_end(aggregator);
    vv_aggregator_destroy(aggregator);
}

/* ------------------------------------------------------------------------------ Failures */

/* Runs an aggregation of two groups; the status of the first call that fails. */
static varve_status run_once(struct vv_aggregator *aggregator, struct vv_key *keys)
{
    int64_t timestamps[40];
    double values[40];
    for (int index = 0; index < 40; index++) {
        timestamps[index] = index * 10;
        values[index] = index;
    }
    const varve_span span = {timestamps, values, 40};
    for (int index = 0; index < 3; index++) {
        VV_TRY(vv_aggregator_add_series(aggregator, keys[index]));
        VV_TRY(vv_aggregator_add_span(aggregator, &span, 0));
    }
    return vv_aggregator_finish(aggregator);
}

static void memory_that_runs_out_is_reported_and_nothing_leaks(void **state)
{
    (void)state;
    const varve_string labels[] = {VARVE_STRING("g")};
    struct vv_buffer buffers[3] = {{0}};
    struct vv_key keys[3] = {vv_test_key(&buffers[0], "m{g=\"1\",i=\"1\"}"),
                             vv_test_key(&buffers[1], "m{g=\"1\",i=\"2\"}"),
                             vv_test_key(&buffers[2], "m{g=\"2\"}")};
    varve_aggregation spec = aggregator_spec(10);
    spec.grouping = VARVE_GROUP_BY;
    spec.group_labels = labels;
    spec.group_label_count = 1;
    varve_status status = VARVE_NO_MEMORY;
    uint64_t nth = 0;
    while (status != VARVE_OK) {
        struct vv_aggregator *aggregator = NULL;
        vv_alloc_fail_at(++nth);
        status = vv_aggregator_create(&spec, &(struct vv_aggregator_place){.range = {0, INT64_MAX}},
                                      &aggregator, NULL);
        if (status == VARVE_OK) {
            status = run_once(aggregator, keys);
        }
        vv_alloc_fail_at(0);
        vv_aggregator_destroy(aggregator);
        assert_true(status == VARVE_OK || status == VARVE_NO_MEMORY);
    }
    assert_in_range(nth, 8, 40);
    for (int index = 0; index < 3; index++) {
        vv_buffer_fini(&buffers[index]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(specs_that_make_no_sense_are_refused_with_the_field),
        cmocka_unit_test(without_step_there_is_one_row_at_the_start),
        cmocka_unit_test(steps_are_aligned_downwards_for_negative_times_too),
        cmocka_unit_test(steps_hold_at_the_ends_of_int64),
        cmocka_unit_test(a_step_of_one_nanosecond_keeps_every_sample_apart),
        cmocka_unit_test(buckets_go_on_across_spans),
        cmocka_unit_test(nan_is_counted_but_left_out_of_numbers),
        cmocka_unit_test(a_bucket_of_nan_alone_gives_nan),
        cmocka_unit_test(infinities_add_up_as_they_should),
        cmocka_unit_test(sums_lose_nothing_to_large_neighbours),
        cmocka_unit_test(ten_thousand_tenths_are_a_thousand),
        cmocka_unit_test(a_reset_aggregator_is_as_good_as_new_and_needs_no_memory),
        cmocka_unit_test(series_without_samples_make_no_rows),
        cmocka_unit_test(memory_that_runs_out_is_reported_and_nothing_leaks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
