/*
 * aggregator_fixture.h - an aggregator of seven functions, fed series by series, and its rows.
 */
#ifndef VARVE_TEST_SUPPORT_AGGREGATOR_FIXTURE_H
#define VARVE_TEST_SUPPORT_AGGREGATOR_FIXTURE_H

#include <math.h>
#include <string.h>

#include "query/aggregate.h"
#include "support/labels.h"

static const varve_function aggregator_functions[] = {
    VARVE_FUNCTION_COUNT, VARVE_FUNCTION_SUM,   VARVE_FUNCTION_MIN, VARVE_FUNCTION_MAX,
    VARVE_FUNCTION_AVG,   VARVE_FUNCTION_FIRST, VARVE_FUNCTION_LAST};
/* Where each of them stands in a row. */
enum { COUNT, SUM, MIN, MAX, AVG, FIRST, LAST, FUNCTION_COUNT };

static inline varve_aggregation aggregator_spec(int64_t step)
{
    varve_aggregation spec = VARVE_AGGREGATION_INIT;
    spec.functions = aggregator_functions;
    spec.function_count = FUNCTION_COUNT;
    spec.step = step;
    return spec;
}

static inline struct vv_aggregator *aggregator_create(const varve_aggregation *spec, int64_t start)
{
    struct vv_aggregator *aggregator = NULL;
    varve_error error = {.status = VARVE_OK};
    if (vv_aggregator_create(spec, &(struct vv_aggregator_place){.range = {start, INT64_MAX}},
                             &aggregator, &error) != VARVE_OK) {
        fail_msg("%s", error.message);
    }
    return aggregator;
}

static inline void aggregator_add_series(struct vv_aggregator *aggregator, const char *series)
{
    struct vv_buffer buffer = {0};
    assert_int_equal(vv_aggregator_add_series(aggregator, vv_test_key(&buffer, series)), VARVE_OK);
    vv_buffer_fini(&buffer);
}

static inline void aggregator_add(struct vv_aggregator *aggregator, const int64_t *timestamps,
                                  const double *values, size_t count)
{
    const varve_span span = {timestamps, values, count};
    assert_int_equal(vv_aggregator_add_span(aggregator, &span, 0), VARVE_OK);
}

static inline void aggregator_add_one(struct vv_aggregator *aggregator, int64_t timestamp,
                                      double value)
{
    aggregator_add(aggregator, &timestamp, &value, 1);
}

/* Expects the next row: series text, time and the value of function number index. */
static inline void aggregator_expect_row(struct vv_aggregator *aggregator, const char *series,
                                         int64_t time, size_t index, double value)
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

static inline void aggregator_finish(struct vv_aggregator *aggregator)
{
    assert_int_equal(vv_aggregator_finish(aggregator), VARVE_OK);
}

static inline void aggregator_expect_end(struct vv_aggregator *aggregator)
{
    varve_row row;
    assert_false(vv_aggregator_next_row(aggregator, &row));
    assert_false(vv_aggregator_next_row(aggregator, &row));
}

#endif
