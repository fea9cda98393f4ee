/* Tests of group.c: what an aggregator pools, by hand, then at random against a naive one. */
#include "query/group.h"

#include <stdio.h>
#include <stdlib.h>

#include "support/aggregator_fixture.h"
#include "support/random.h"

static void add_four_series(struct vv_aggregator *aggregator)
{
    const char *const series[] = {"cpu{dc=\"x\",host=\"a\"}", "cpu{dc=\"y\",host=\"b\"}",
                                  "mem{dc=\"x\",host=\"a\"}", "mem{host=\"c\"}"};
    double value = 1;
    for (int index = 0; index < 4; index++, value *= 2) {
        aggregator_add_series(aggregator, series[index]);
        aggregator_add_one(aggregator, 5, value);
        aggregator_add_one(aggregator, 15 + index, value * 100);
    }
    aggregator_finish(aggregator);
}

static void series_stay_apart_without_grouping(void **state)
{
    (void)state;
    varve_aggregation spec = aggregator_spec(0);
    struct vv_aggregator *aggregator = aggregator_create(&spec, 0);
    add_four_series(aggregator);
    aggregator_expect_row(aggregator, "cpu{dc=\"x\",host=\"a\"}", 0, SUM, 101);
    aggregator_expect_row(aggregator, "cpu{dc=\"y\",host=\"b\"}", 0, SUM, 202);
    aggregator_expect_row(aggregator, "mem{dc=\"x\",host=\"a\"}", 0, SUM, 404);
    aggregator_expect_row(aggregator, "mem{host=\"c\"}", 0, SUM, 808);
    aggregator_expect_end(aggregator);
    vv_aggregator_destroy(aggregator);
}

static void by_pools_series_that_agree_and_leaves_absent_labels_out(void **state)
{
    (void)state;
    const varve_string labels[] = {VARVE_STRING("dc")};
    varve_aggregation spec = aggregator_spec(10);
    spec.grouping = VARVE_GROUP_BY;
    spec.group_labels = labels;
    spec.group_label_count = 1;
    struct vv_aggregator *aggregator = aggregator_create(&spec, 0);
    add_four_series(aggregator);
    aggregator_expect_row(aggregator, "{}", 0, SUM, 8);
    aggregator_expect_row(aggregator, "{}", 10, SUM, 800);
    aggregator_expect_row(aggregator, "{dc=\"x\"}", 0, SUM, 5);
    aggregator_expect_row(aggregator, "{dc=\"x\"}", 10, SUM, 500);
    aggregator_expect_row(aggregator, "{dc=\"y\"}", 0, SUM, 2);
    aggregator_expect_row(aggregator, "{dc=\"y\"}", 10, SUM, 200);
    aggregator_expect_end(aggregator);
    vv_aggregator_destroy(aggregator);
}

static void by_nothing_pools_everything(void **state)
{
    (void)state;
    varve_aggregation spec = aggregator_spec(0);
    spec.grouping = VARVE_GROUP_BY;
    struct vv_aggregator *aggregator = aggregator_create(&spec, 3);
    add_four_series(aggregator);
    aggregator_expect_row(aggregator, "{}", 3, SUM, 1515);
    aggregator_expect_end(aggregator);
    vv_aggregator_destroy(aggregator);
}

static void without_drops_the_named_labels_only(void **state)
{
    (void)state;
    const varve_string labels[] = {VARVE_STRING("__name__"), VARVE_STRING("dc")};
    varve_aggregation spec = aggregator_spec(0);
    spec.grouping = VARVE_GROUP_WITHOUT;
    spec.group_labels = labels;
    spec.group_label_count = 2;
    struct vv_aggregator *aggregator = aggregator_create(&spec, 0);
    add_four_series(aggregator);
    aggregator_expect_row(aggregator, "{host=\"a\"}", 0, SUM, 505);
    aggregator_expect_row(aggregator, "{host=\"b\"}", 0, SUM, 202);
    aggregator_expect_row(aggregator, "{host=\"c\"}", 0, SUM, 808);
    aggregator_expect_end(aggregator);
    vv_aggregator_destroy(aggregator);
}

static void first_and_last_of_a_group_follow_time_then_the_order_of_series(void **state)
{
    (void)state;
    varve_aggregation spec = aggregator_spec(0);
    spec.grouping = VARVE_GROUP_BY;
    struct vv_aggregator *aggregator = aggregator_create(&spec, 0);
    aggregator_add_series(aggregator, "m{a=\"1\"}");
    aggregator_add_one(aggregator, 5, 1);
    aggregator_add_one(aggregator, 9, 2);
    aggregator_add_series(aggregator, "m{a=\"2\"}");
    aggregator_add_one(aggregator, 5, 3);
    aggregator_add_one(aggregator, 9, 4);
    aggregator_finish(aggregator);
    aggregator_expect_row(aggregator, "{}", 0, FIRST, 1);
    vv_aggregator_reset(aggregator);
    aggregator_add_series(aggregator, "m{a=\"1\"}");
    aggregator_add_one(aggregator, 5, 1);
    aggregator_add_one(aggregator, 9, 2);
    aggregator_add_series(aggregator, "m{a=\"2\"}");
    aggregator_add_one(aggregator, 4, 3);
    aggregator_add_one(aggregator, 9, 4);
    aggregator_finish(aggregator);
    varve_row row;
    assert_true(vv_aggregator_next_row(aggregator, &row));
    assert_true(row.values[FIRST] == 3);
    assert_true(row.values[LAST] == 2);
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
    aggregator_add_series(aggregator, series->text);
    for (size_t at = 0; at < series->count;) {
        size_t count = 1 + vv_test_random_below(random, 100);
        count = count < series->count - at ? count : series->count - at;
        aggregator_add(aggregator, series->timestamps + at, series->values + at, count);
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
    varve_aggregation spec = aggregator_spec(step);
    spec.grouping = VARVE_GROUP_BY;
    spec.group_labels = labels;
    spec.group_label_count = 1;
    struct vv_aggregator *aggregator = aggregator_create(&spec, 0);
    double total = 0;
    for (size_t at = 0; at < count; at++) {
        series[at].group = (int)vv_test_random_below(random, 3);
        (void)snprintf(series[at].text, sizeof series[at].text, "m{g=\"%d\",i=\"%zu\"}",
                       series[at].group, at);
        random_samples(random, &series[at], spread);
        total += (double)series[at].count;
        add_in_random_spans(random, aggregator, &series[at]);
    }
    aggregator_finish(aggregator);
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(series_stay_apart_without_grouping),
        cmocka_unit_test(by_pools_series_that_agree_and_leaves_absent_labels_out),
        cmocka_unit_test(by_nothing_pools_everything),
        cmocka_unit_test(without_drops_the_named_labels_only),
        cmocka_unit_test(first_and_last_of_a_group_follow_time_then_the_order_of_series),
        cmocka_unit_test(any_aggregation_equals_a_naive_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
