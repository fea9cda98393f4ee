/* Tests of aggregate_rows.c, and of all functions, groups and fills at random against an oracle. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "compress/codec.h"
#include "query/aggregate.h"
#include "support/query_oracle.h"
#include "support/query_question.h"
#include "support/random.h"

enum { SERIES = 6, SAMPLES = 60 };

struct data {
    varve_label labels[SERIES][3];
    struct query_series series[SERIES];
    int64_t timestamps[SERIES][SAMPLES];
    double values[SERIES][SAMPLES];
};

static double random_value(struct vv_test_random *random)
{
    uint64_t kind = vv_test_random_below(random, 20);
    if (kind == 0) {
        return (double)NAN;
    }
    if (kind == 1) {
        const uint64_t stale = 0x7ff0000000000002;
        double value;
        memcpy(&value, &stale, sizeof(value));
        return value;
    }
    return kind < 12 ? (double)vv_test_random_below(random, 20)
                     : vv_test_random_uniform(random) * 100 - 50;
}

/* m{a="0..1",b="0..2"} */
static void random_data(struct vv_test_random *random, struct data *data)
{
    static const char *digits = "012";
    for (size_t number = 0; number < SERIES; number++) {
        int64_t time = -200;
        size_t count = vv_test_random_below(random, SAMPLES);
        for (size_t at = 0; at < count; at++) {
            time += 1 + (int64_t)vv_test_random_below(
                            random, vv_test_random_below(random, 10) == 0 ? 90 : 9);
            data->timestamps[number][at] = time;
            data->values[number][at] = random_value(random);
        }
        data->labels[number][0] = (varve_label){VARVE_STRING("__name__"), VARVE_STRING("m")};
        data->labels[number][1] = (varve_label){VARVE_STRING("a"), {&digits[number / 3], 1}};
        data->labels[number][2] = (varve_label){VARVE_STRING("b"), {&digits[number % 3], 1}};
        data->series[number] = (struct query_series){
            data->labels[number], 3, data->timestamps[number], data->values[number], count};
    }
}

/* Adds the samples of the range in pieces: spans, and summaries where they are taken. */
static void add_series(struct vv_test_random *random, struct vv_aggregator *aggregator,
                       const struct query_series *series, struct vv_range range)
{
    for (size_t at = 0; at < series->count;) {
        if (series->timestamps[at] < range.start || series->timestamps[at] >= range.end) {
            at++;
            continue;
        }
        size_t count = 1 + vv_test_random_below(random, 12);
        size_t end = at + 1;
        while (end < series->count && end - at < count && series->timestamps[end] < range.end) {
            end++;
        }
        struct vv_summary summary = {.time_min = series->timestamps[at],
                                     .time_max = series->timestamps[end - 1]};
        vv_values_statistics(series->values + at, end - at, &summary.statistics);
        bool taken = false;
        assert_int_equal(vv_aggregator_add_summary(aggregator, &summary, &taken), VARVE_OK);
        if (!taken) {
            const varve_span span = {series->timestamps + at, series->values + at, end - at};
            assert_int_equal(vv_aggregator_add_span(aggregator, &span, 0), VARVE_OK);
        }
        at = end;
    }
}

static void expect_rows(struct vv_aggregator *aggregator, const struct question *question,
                        const struct query_rows *expected, size_t *at, int round)
{
    varve_row row;
    while (vv_aggregator_next_row(aggregator, &row)) {
        if (*at == expected->count ||
            !query_row_equal(&expected->list[*at], &row, question->spec.function_count, 1e-11)) {
            fail_msg("round %d, row %zu of %zu at %lld: %s %g", round, *at, expected->count,
                     (long long)row.time, varve_function_name(question->functions[0]),
                     row.values[0]);
        }
        (*at)++;
    }
    assert_int_equal(vv_aggregator_status(aggregator), VARVE_OK);
}

static void any_question_is_answered_as_by_the_oracle(void **state)
{
    (void)state;
    static struct data data;
    struct vv_test_random random = vv_test_random_init(50);
    struct vv_query_memory memory = {0};
    for (int round = 0; round < 3000; round++) {
        struct question question;
        struct query_rows expected = {0};
        struct vv_aggregator *aggregator = NULL;
        varve_error error;
        struct vv_buffer key = {0};
        size_t at = 0;
        random_data(&random, &data);
        query_random_question(&random, 1, &question);
        query_oracle(data.series, SERIES, &question.spec, question.range, question.reverse,
                     &expected);
        vv_query_memory_begin(&memory, 0);
        const struct vv_aggregator_place place = {
            .range = question.range, .reverse = question.reverse, .memory = &memory};
        if (vv_aggregator_create(&question.spec, &place, &aggregator, &error) != VARVE_OK) {
            fail_msg("%s", error.message);
        }
        for (size_t number = 0; number < SERIES; number++) {
            vv_buffer_clear(&key);
            assert_int_equal(vv_key_encode(data.labels[number], 3, &key, NULL), VARVE_OK);
            assert_int_equal(
                vv_aggregator_add_series(aggregator, (struct vv_key){key.bytes, key.length}),
                VARVE_OK);
            add_series(&random, aggregator, &data.series[number], question.range);
        }
        assert_int_equal(vv_aggregator_finish(aggregator), VARVE_OK);
        expect_rows(aggregator, &question, &expected, &at, round);
        if (at != expected.count) {
            fail_msg("round %d: %zu rows instead of %zu", round, at, expected.count);
        }
        vv_aggregator_destroy(aggregator);
        vv_query_memory_end(&memory);
        vv_buffer_fini(&key);
        query_rows_fini(&expected);
    }
    vv_query_memory_fini(&memory);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_question_is_answered_as_by_the_oracle),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
