/* Tests of aggregate.c: specifications, grouping and order by hand, then at random against a naive
 * one. */
#include "query/aggregate.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "os/alloc.h"
#include "support/labels.h"
#include "support/random.h"

static const varve_function all_functions[] = {
    VARVE_FUNCTION_COUNT, VARVE_FUNCTION_SUM,   VARVE_FUNCTION_MIN, VARVE_FUNCTION_MAX,
    VARVE_FUNCTION_AVG,   VARVE_FUNCTION_FIRST, VARVE_FUNCTION_LAST};
enum { FUNCTION_COUNT = 7 };

static varve_aggregation spec_of(int64_t step)
{
    varve_aggregation spec = VARVE_AGGREGATION_INIT;
    spec.functions = all_functions;
    spec.function_count = FUNCTION_COUNT;
    spec.step = step;
    return spec;
}

static struct vv_aggregator *create(const varve_aggregation *spec, int64_t start)
{
    struct vv_aggregator *aggregator = NULL;
    varve_error error = {.status = VARVE_OK};
    if (vv_aggregator_create(spec, &(struct vv_aggregator_place){.range = {start, INT64_MAX}},
                             &aggregator, &error) != VARVE_OK) {
        fail_msg("%s", error.message);
    }
    return aggregator;
}

static void add_series(struct vv_aggregator *aggregator, const char *series)
{
    struct vv_buffer buffer = {0};
    assert_int_equal(vv_aggregator_add_series(aggregator, vv_test_key(&buffer, series)), VARVE_OK);
    vv_buffer_fini(&buffer);
}

static void add(struct vv_aggregator *aggregator, const int64_t *timestamps, const double *values,
                size_t count)
{
    const varve_span span = {timestamps, values, count};
    assert_int_equal(vv_aggregator_add_span(aggregator, &span, 0), VARVE_OK);
}

static void add_one(struct vv_aggregator *aggregator, int64_t timestamp, double value)
{
    add(aggregator, &timestamp, &value, 1);
}

/* Expects the next row: series text, time and the value of function number index. */
static void expect_row(struct vv_aggregator *aggregator, const char *series, int64_t time,
                       size_t index, double value)
{
    varve_row row;
    char text[256];
    assert_true(vv_aggregator_next_row(aggregator, &row));
    size_t length = varve_series_format(row.labels, row.label_count, text, sizeof text - 1);
    text[length] = '\0';
    assert_string_equal(text, series);
    assert_int_equal(row.time, time);
    assert_int_equal(row.value_count, FUNCTION_COUNT);
    if (!(row.values[index] == value || (isnan(value) && isnan(row.values[index])))) {
        fail_msg("%s at %lld: %g instead of %g", series, (long long)time, row.values[index], value);
    }
}

static void finish(struct vv_aggregator *aggregator)
{
    assert_int_equal(vv_aggregator_finish(aggregator), VARVE_OK);
}

static void expect_end(struct vv_aggregator *aggregator)
{
    varve_row row;
    assert_false(vv_aggregator_next_row(aggregator, &row));
    assert_false(vv_aggregator_next_row(aggregator, &row));
}

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
    varve_aggregation spec = spec_of(0);
    spec.function_count = 0;
    expect_refused(&spec, "functions: an aggregation needs at least one");
    spec.function_count = VARVE_FUNCTIONS_MAX + 1;
    expect_refused(&spec, "functions: 17 were given; at most 16 are allowed");
    spec.functions = bad;
    spec.function_count = 2;
    expect_refused(&spec, "functions: number 2 is 99, which is none");
    spec = spec_of(-5);
    expect_refused(&spec, "step: -5 is negative");
    spec = spec_of(0);
    spec.grouping = (varve_grouping)3;
    expect_refused(&spec, "grouping: 3 is none");
    spec = spec_of(0);
    spec.group_labels = &empty;
    spec.group_label_count = 1;
    expect_refused(&spec, "group_labels: given without a grouping");
    spec.grouping = VARVE_GROUP_BY;
    expect_refused(&spec, "group_labels: number 1 is empty or not UTF-8");
    spec = spec_of(0);
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
    varve_aggregation spec = spec_of(0);
    struct vv_aggregator *aggregator = create(&spec, -100);
    add_series(aggregator, "m");
    add(aggregator, t, v, 3);
    finish(aggregator);
    expect_row(aggregator, "m", -100, 1, 7);
    expect_end(aggregator);
    vv_aggregator_destroy(aggregator);
}

static void steps_are_aligned_downwards_for_negative_times_too(void **state)
{
    (void)state;
    const int64_t t[] = {-11, -10, -1, 0, 9, 10, 35};
    const double v[] = {1, 2, 4, 8, 16, 32, 64};
    varve_aggregation spec = spec_of(10);
    struct vv_aggregator *aggregator = create(&spec, INT64_MIN);
    add_series(aggregator, "m");
    add(aggregator, t, v, 7);
    finish(aggregator);
    expect_row(aggregator, "m", -20, 1, 1);
    expect_row(aggregator, "m", -10, 1, 6);
    expect_row(aggregator, "m", 0, 1, 24);
    expect_row(aggregator, "m", 10, 1, 32);
    expect_row(aggregator, "m", 30, 1, 64);
    expect_end(aggregator);
    vv_aggregator_destroy(aggregator);
}

static void steps_hold_at_the_ends_of_int64(void **state)
{
    (void)state;
    const int64_t t[] = {INT64_MIN, -1, 0, INT64_MAX - 1};
    const double v[] = {1, 2, 4, 8};
    varve_aggregation spec = spec_of(INT64_MAX);
    struct vv_aggregator *aggregator = create(&spec, INT64_MIN);
    add_series(aggregator, "m");
    add(aggregator, t, v, 4);
    finish(aggregator);
    /* The step of INT64_MIN starts below it, at -2 * INT64_MAX. */
    expect_row(aggregator, "m", INT64_MIN, 1, 1);
    expect_row(aggregator, "m", -INT64_MAX, 1, 2);
    expect_row(aggregator, "m", 0, 1, 12);
    expect_end(aggregator);
    vv_aggregator_destroy(aggregator);
}

static void a_step_of_one_nanosecond_keeps_every_sample_apart(void **state)
{
    (void)state;
    const int64_t t[] = {INT64_MIN, INT64_MIN + 1, INT64_MAX - 2, INT64_MAX - 1};
    const double v[] = {1, 2, 4, 8};
    varve_aggregation spec = spec_of(1);
    struct vv_aggregator *aggregator = create(&spec, INT64_MIN);
    add_series(aggregator, "m");
    add(aggregator, t, v, 4);
    finish(aggregator);
    for (int index = 0; index < 4; index++) {
        expect_row(aggregator, "m", t[index], 1, v[index]);
    }
    expect_end(aggregator);
    vv_aggregator_destroy(aggregator);
}

static void buckets_go_on_across_spans(void **state)
{
    (void)state;
    varve_aggregation spec = spec_of(100);
    struct vv_aggregator *aggregator = create(&spec, 0);
    add_series(aggregator, "m");
    for (int64_t timestamp = 0; timestamp < 250; timestamp++) {
        add_one(aggregator, timestamp, 1);
    }
    finish(aggregator);
    expect_row(aggregator, "m", 0, 0, 100);
    expect_row(aggregator, "m", 100, 0, 100);
    expect_row(aggregator, "m", 200, 0, 50);
    expect_end(aggregator);
    vv_aggregator_destroy(aggregator);
}

/* ------------------------------------------------------------------------------- Numbers */

/* The values of all functions over the values, at timestamps 0, 1, ... */
static void compute(const double *values, size_t count, double *results)
{
    varve_aggregation spec = spec_of(0);
    struct vv_aggregator *aggregator = create(&spec, 0);
    add_series(aggregator, "m");
    for (size_t index = 0; index < count; index++) {
        add_one(aggregator, (int64_t)index, values[index]);
    }
    finish(aggregator);
    varve_row row;
    assert_true(vv_aggregator_next_row(aggregator, &row));
    memcpy(results, row.values, FUNCTION_COUNT * sizeof(double));
    vv_aggregator_destroy(aggregator);
}

enum { COUNT, SUM, MIN, MAX, AVG, FIRST, LAST };

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
    varve_aggregation spec = spec_of(0);
    struct vv_aggregator *aggregator = create(&spec, 0);
    add_series(aggregator, "m");
    for (int round = 0; round < 10; round++) {
        for (int index = 0; index < 1000; index++) {
            timestamps[index] = round * 1000 + index;
            values[index] = 0.1;
        }
        add(aggregator, timestamps, values, 1000);
    }
    finish(aggregator);
    /* 10,000 times the double next to 0.1, rounded once. */
    expect_row(aggregator, "m", 0, SUM, 1000.0);
    vv_aggregator_destroy(aggregator);
}

/* -------------------------------------------------------------------------------- Groups */

static void add_four_series(struct vv_aggregator *aggregator)
{
    const char *const series[] = {"cpu{dc=\"x\",host=\"a\"}", "cpu{dc=\"y\",host=\"b\"}",
                                  "mem{dc=\"x\",host=\"a\"}", "mem{host=\"c\"}"};
    double value = 1;
    for (int index = 0; index < 4; index++, value *= 2) {
        add_series(aggregator, series[index]);
        add_one(aggregator, 5, value);
        add_one(aggregator, 15 + index, value * 100);
    }
    finish(aggregator);
}

static void series_stay_apart_without_grouping(void **state)
{
    (void)state;
    varve_aggregation spec = spec_of(0);
    struct vv_aggregator *aggregator = create(&spec, 0);
    add_four_series(aggregator);
    expect_row(aggregator, "cpu{dc=\"x\",host=\"a\"}", 0, SUM, 101);
    expect_row(aggregator, "cpu{dc=\"y\",host=\"b\"}", 0, SUM, 202);
    expect_row(aggregator, "mem{dc=\"x\",host=\"a\"}", 0, SUM, 404);
    expect_row(aggregator, "mem{host=\"c\"}", 0, SUM, 808);
    expect_end(aggregator);
    vv_aggregator_destroy(aggregator);
}

static void by_pools_series_that_agree_and_leaves_absent_labels_out(void **state)
{
    (void)state;
    const varve_string labels[] = {VARVE_STRING("dc")};
    varve_aggregation spec = spec_of(10);
    spec.grouping = VARVE_GROUP_BY;
    spec.group_labels = labels;
    spec.group_label_count = 1;
    struct vv_aggregator *aggregator = create(&spec, 0);
    add_four_series(aggregator);
    expect_row(aggregator, "{}", 0, SUM, 8);
    expect_row(aggregator, "{}", 10, SUM, 800);
    expect_row(aggregator, "{dc=\"x\"}", 0, SUM, 5);
    expect_row(aggregator, "{dc=\"x\"}", 10, SUM, 500);
    expect_row(aggregator, "{dc=\"y\"}", 0, SUM, 2);
    expect_row(aggregator, "{dc=\"y\"}", 10, SUM, 200);
    expect_end(aggregator);
    vv_aggregator_destroy(aggregator);
}

static void by_nothing_pools_everything(void **state)
{
    (void)state;
    varve_aggregation spec = spec_of(0);
    spec.grouping = VARVE_GROUP_BY;
    struct vv_aggregator *aggregator = create(&spec, 3);
    add_four_series(aggregator);
    expect_row(aggregator, "{}", 3, SUM, 1515);
    expect_end(aggregator);
    vv_aggregator_destroy(aggregator);
}

static void without_drops_the_named_labels_only(void **state)
{
    (void)state;
    const varve_string labels[] = {VARVE_STRING("__name__"), VARVE_STRING("dc")};
    varve_aggregation spec = spec_of(0);
    spec.grouping = VARVE_GROUP_WITHOUT;
    spec.group_labels = labels;
    spec.group_label_count = 2;
    struct vv_aggregator *aggregator = create(&spec, 0);
    add_four_series(aggregator);
    expect_row(aggregator, "{host=\"a\"}", 0, SUM, 505);
    expect_row(aggregator, "{host=\"b\"}", 0, SUM, 202);
    expect_row(aggregator, "{host=\"c\"}", 0, SUM, 808);
    expect_end(aggregator);
    vv_aggregator_destroy(aggregator);
}

static void first_and_last_of_a_group_follow_time_then_the_order_of_series(void **state)
{
    (void)state;
    varve_aggregation spec = spec_of(0);
    spec.grouping = VARVE_GROUP_BY;
    struct vv_aggregator *aggregator = create(&spec, 0);
    add_series(aggregator, "m{a=\"1\"}");
    add_one(aggregator, 5, 1);
    add_one(aggregator, 9, 2);
    add_series(aggregator, "m{a=\"2\"}");
    add_one(aggregator, 5, 3);
    add_one(aggregator, 9, 4);
    finish(aggregator);
    expect_row(aggregator, "{}", 0, FIRST, 1);
    vv_aggregator_reset(aggregator);
    add_series(aggregator, "m{a=\"1\"}");
    add_one(aggregator, 5, 1);
    add_one(aggregator, 9, 2);
    add_series(aggregator, "m{a=\"2\"}");
    add_one(aggregator, 4, 3);
    add_one(aggregator, 9, 4);
    finish(aggregator);
    varve_row row;
    assert_true(vv_aggregator_next_row(aggregator, &row));
    assert_true(row.values[FIRST] == 3);
    assert_true(row.values[LAST] == 2);
    vv_aggregator_destroy(aggregator);
}

static void a_reset_aggregator_is_as_good_as_new_and_needs_no_memory(void **state)
{
    (void)state;
    varve_aggregation spec = spec_of(10);
    struct vv_aggregator *aggregator = create(&spec, 0);
    uint64_t allocations = 0;
    for (int round = 0; round < 5; round++) {
        char series[32];
        (void)snprintf(series, sizeof series, "m{round=\"%d\"}", round);
        add_series(aggregator, series);
        uint64_t before = vv_alloc_count();
        for (int64_t timestamp = 0; timestamp < 1000; timestamp += 5) {
            add_one(aggregator, timestamp, round);
        }
        allocations = vv_alloc_count() - before;
        finish(aggregator);
        for (int64_t time = 0; time < 1000; time += 10) {
            expect_row(aggregator, series, time, SUM, 2 * round);
        }
        expect_end(aggregator);
        vv_aggregator_reset(aggregator);
    }
    assert_int_equal(allocations, 0);
    vv_aggregator_destroy(aggregator);
}

static void series_without_samples_make_no_rows(void **state)
{
    (void)state;
    varve_aggregation spec = spec_of(10);
    struct vv_aggregator *aggregator = create(&spec, 0);
    finish(aggregator);
    expect_end(aggregator);
    vv_aggregator_reset(aggregator);
    add_series(aggregator, "a");
    add_series(aggregator, "b");
    add_one(aggregator, 1, 1);
    add_series(aggregator, "c");
    finish(aggregator);
    expect_row(aggregator, "b", 0, COUNT, 1);
    expect_end(aggregator);
    vv_aggregator_destroy(aggregator);
}

/* ----------------------------------------------------------------------------- At random */

enum { SERIES_MAX = 12, SAMPLES_MAX = 400 };

struct series {
    char text[64];
    int group; /* of 3 */
    size_t count;
    int64_t timestamps[SAMPLES_MAX];
    double values[SAMPLES_MAX];
};

/* floor(timestamp / step) * step in wide arithmetic, cut off at INT64_MIN. */
static int64_t naive_bucket(int64_t timestamp, int64_t step)
{
    __extension__ typedef __int128 wide;
    wide floor_of = (wide)timestamp / step * step;
    if (floor_of > timestamp) {
        floor_of -= step;
    }
    return floor_of < INT64_MIN ? INT64_MIN : (int64_t)floor_of;
}

/* Checks a row against all samples of the group in its bucket. Values are small integers, so that
 * sums are exact in any order. */
static void check_row(const struct series *series, size_t count, int group, int64_t step,
                      const varve_row *row)
{
    double samples = 0;
    double numbers = 0;
    double sum = 0;
    double min = INFINITY;
    double max = -INFINITY;
    for (size_t at = 0; at < count; at++) {
        for (size_t index = 0; index < series[at].count && series[at].group == group; index++) {
            if (naive_bucket(series[at].timestamps[index], step) != row->time) {
                continue;
            }
            double value = series[at].values[index];
            samples++;
            if (!isnan(value)) {
                numbers++;
                sum += value;
                min = fmin(min, value);
                max = fmax(max, value);
            }
        }
    }
    assert_true(samples > 0);
    assert_true(row->values[COUNT] == samples);
    if (numbers == 0) {
        assert_true(isnan(row->values[SUM]) && isnan(row->values[MIN]) && isnan(row->values[AVG]));
        return;
    }
    assert_true(row->values[SUM] == sum);
    assert_true(row->values[MIN] == min);
    assert_true(row->values[MAX] == max);
    assert_true(row->values[AVG] == sum / numbers);
}

static void random_samples(struct vv_test_random *random, struct series *series, int64_t spread)
{
    series->count = vv_test_random_below(random, SAMPLES_MAX);
    int64_t at = spread > 1000000 ? INT64_MIN : -spread * 200;
    for (size_t index = 0; index < series->count; index++) {
        at += 1 + (int64_t)vv_test_random_below(random, (uint64_t)spread);
        series->timestamps[index] = at;
        series->values[index] = vv_test_random_below(random, 8) == 0
                                    ? (double)NAN
                                    : (double)(int64_t)vv_test_random_below(random, 2001) - 1000;
    }
}

static void add_in_random_spans(struct vv_test_random *random, struct vv_aggregator *aggregator,
                                const struct series *series)
{
    add_series(aggregator, series->text);
    for (size_t at = 0; at < series->count;) {
        size_t count = 1 + vv_test_random_below(random, 100);
        count = count < series->count - at ? count : series->count - at;
        add(aggregator, series->timestamps + at, series->values + at, count);
        at += count;
    }
}

static void random_round(struct vv_test_random *random, struct series *series)
{
    const varve_string labels[] = {VARVE_STRING("g")};
    bool wide = vv_test_random_below(random, 4) == 0;
    int64_t spread = wide ? INT64_MAX / 256 : 1 + (int64_t)vv_test_random_below(random, 20);
    int64_t step = wide ? 1 + (int64_t)(vv_test_random_next(random) >> 2)
                        : 1 + (int64_t)vv_test_random_below(random, 100);
    size_t count = 1 + vv_test_random_below(random, SERIES_MAX);
    varve_aggregation spec = spec_of(step);
    spec.grouping = VARVE_GROUP_BY;
    spec.group_labels = labels;
    spec.group_label_count = 1;
    struct vv_aggregator *aggregator = create(&spec, 0);
    double total = 0;
    for (size_t at = 0; at < count; at++) {
        series[at].group = (int)vv_test_random_below(random, 3);
        (void)snprintf(series[at].text, sizeof series[at].text, "m{g=\"%d\",i=\"%zu\"}",
                       series[at].group, at);
        random_samples(random, &series[at], spread);
        total += (double)series[at].count;
        add_in_random_spans(random, aggregator, &series[at]);
    }
    finish(aggregator);
    varve_row row;
    int last_group = -1;
    int64_t last_time = 0;
    while (vv_aggregator_next_row(aggregator, &row)) {
        int group = row.labels[0].value.bytes[0] - '0';
        assert_true(group > last_group || (group == last_group && row.time > last_time));
        last_group = group;
        last_time = row.time;
        check_row(series, count, group, step, &row);
        total -= row.values[COUNT];
    }
    assert_true(total == 0);
    vv_aggregator_destroy(aggregator);
}

static void any_aggregation_equals_a_naive_one(void **state)
{
    (void)state;
    struct vv_test_random random = vv_test_random_init(2);
    struct series *series = calloc(SERIES_MAX, sizeof(*series));
    for (int round = 0; round < 40; round++) {
        random_round(&random, series);
    }
    free(series);
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
    varve_aggregation spec = spec_of(10);
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
        cmocka_unit_test(series_stay_apart_without_grouping),
        cmocka_unit_test(by_pools_series_that_agree_and_leaves_absent_labels_out),
        cmocka_unit_test(by_nothing_pools_everything),
        cmocka_unit_test(without_drops_the_named_labels_only),
        cmocka_unit_test(first_and_last_of_a_group_follow_time_then_the_order_of_series),
        cmocka_unit_test(a_reset_aggregator_is_as_good_as_new_and_needs_no_memory),
        cmocka_unit_test(series_without_samples_make_no_rows),
        cmocka_unit_test(any_aggregation_equals_a_naive_one),
        cmocka_unit_test(memory_that_runs_out_is_reported_and_nothing_leaks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
