/*
 * database_oracle_aggregate.c - aggregates of the model, one sample at a time, and their
 * comparison.
 */
#include "support/database_oracle.h"

#include <math.h>
#include <string.h>

/* One row of the answer. */
struct bucket {
    const struct model_series *series; /* without grouping */
    varve_string host;                 /* by host */
    int64_t time;
    double count, numbers, sum, min, max, first, last;
    int64_t first_time, last_time;
};

struct buckets {
    struct bucket *list;
    size_t count;
    size_t capacity;
};

static const varve_function functions[] = {
    VARVE_FUNCTION_COUNT, VARVE_FUNCTION_SUM,   VARVE_FUNCTION_MIN, VARVE_FUNCTION_MAX,
    VARVE_FUNCTION_AVG,   VARVE_FUNCTION_FIRST, VARVE_FUNCTION_LAST};
enum { FUNCTIONS = sizeof(functions) / sizeof(functions[0]) };

static int64_t floor_to(int64_t timestamp, int64_t step)
{
    int64_t rest = timestamp % step;
    return timestamp - (rest < 0 ? rest + step : rest);
}

static struct bucket *find_bucket(struct buckets *buckets, const struct bucket *wanted)
{
    for (size_t i = buckets->count; i > 0; i--) {
        struct bucket *bucket = &buckets->list[i - 1];
        if (bucket->time == wanted->time && bucket->series == wanted->series &&
            bucket->host.length == wanted->host.length &&
            memcmp(bucket->host.bytes, wanted->host.bytes, wanted->host.length) == 0) {
            return bucket;
        }
    }
    if (buckets->count == buckets->capacity) {
        buckets->capacity = buckets->capacity * 2 + 64;
        buckets->list = realloc(buckets->list, buckets->capacity * sizeof(struct bucket));
    }
    buckets->list[buckets->count] = *wanted;
    return &buckets->list[buckets->count++];
}

static void add_sample(struct bucket *bucket, const struct model_sample *sample)
{
    if (bucket->count == 0 || sample->timestamp < bucket->first_time) {
        bucket->first = sample->value;
        bucket->first_time = sample->timestamp;
    }
    if (bucket->count == 0 || sample->timestamp > bucket->last_time) {
        bucket->last = sample->value;
        bucket->last_time = sample->timestamp;
    }
    bucket->count++;
    if (!isnan(sample->value)) {
        bucket->min =
            bucket->numbers == 0 || sample->value < bucket->min ? sample->value : bucket->min;
        bucket->max =
            bucket->numbers == 0 || sample->value > bucket->max ? sample->value : bucket->max;
        bucket->sum += sample->value;
        bucket->numbers++;
    }
}

static void fill_buckets(struct oracle *oracle, const varve_selection *selection,
                         const varve_aggregation *aggregation, struct buckets *buckets)
{
    for (size_t i = 0; i < oracle->model.series_count; i++) {
        const struct model_series *series = &oracle->model.series[i];
        size_t count;
        const struct model_sample *samples =
            model_range(series, selection->start, selection->end, &count);
        if (!model_matches(series, selection->matchers, selection->matcher_count)) {
            continue;
        }
        for (size_t k = 0; k < count; k++) {
            struct bucket wanted = {.host = {"", 0}};
            if (aggregation->grouping == VARVE_GROUP_NONE) {
                wanted.series = series;
            } else if (aggregation->group_label_count > 0) {
                wanted.host = model_value(series, VARVE_STRING("host"));
            }
            wanted.time = aggregation->step == 0
                              ? selection->start
                              : floor_to(samples[k].timestamp, aggregation->step);
            add_sample(find_bucket(buckets, &wanted), &samples[k]);
        }
    }
}

static bool same_value(double a, double b)
{
    return a == b || (isnan(a) && isnan(b));
}

static bool same_values(const struct bucket *bucket, const double *values)
{
    bool none = bucket->numbers == 0;
    const double wanted[FUNCTIONS] = {bucket->count,
                                      none ? (double)NAN : bucket->sum,
                                      none ? (double)NAN : bucket->min,
                                      none ? (double)NAN : bucket->max,
                                      none ? (double)NAN : bucket->sum / bucket->numbers,
                                      bucket->first,
                                      bucket->last};
    for (size_t i = 0; i < FUNCTIONS; i++) {
        bool is_average = functions[i] == VARVE_FUNCTION_AVG;
        if (!same_value(wanted[i], values[i]) &&
            !(is_average && fabs(wanted[i] - values[i]) < 1e-9)) {
            return false;
        }
    }
    return true;
}

/* The bucket that a row is about. */
static struct bucket *bucket_of_row(struct oracle *oracle, struct buckets *buckets,
                                    const varve_row *row, varve_grouping grouping)
{
    struct bucket wanted = {.host = {"", 0}, .time = row->time};
    size_t before = buckets->count;
    if (grouping == VARVE_GROUP_NONE) {
        for (size_t i = 0; i < oracle->model.series_count; i++) {
            const struct model_series *series = &oracle->model.series[i];
            char left[200], right[200];
            size_t length = varve_series_format(row->labels, row->label_count, left, sizeof(left));
            if (length == varve_series_format(series->labels, series->label_count, right,
                                              sizeof(right)) &&
                memcmp(left, right, length) == 0) {
                wanted.series = series;
            }
        }
    } else if (row->label_count > 0) {
        wanted.host = row->labels[0].value;
    }
    struct bucket *bucket = find_bucket(buckets, &wanted);
    if (buckets->count != before) {
        oracle_fail(oracle, "an aggregate row at %lld that should not be", (long long)row->time);
    }
    return bucket;
}

static void expect_rows(struct oracle *oracle, varve_rows *rows, struct buckets *buckets,
                        varve_grouping grouping)
{
    varve_row row;
    size_t count = 0;
    const struct bucket *before = NULL;
    while (varve_rows_next(rows, &row)) {
        struct bucket *bucket = bucket_of_row(oracle, buckets, &row, grouping);
        if (row.value_count != FUNCTIONS || !same_values(bucket, row.values)) {
            oracle_fail(
                oracle,
                "aggregates at %lld: count %g sum %g min %g max %g first %g last %g instead "
                "of %g %g %g %g %g %g",
                (long long)row.time, row.values[0], row.values[1], row.values[2], row.values[3],
                row.values[5], row.values[6], bucket->count, bucket->sum, bucket->min, bucket->max,
                bucket->first, bucket->last);
        }
        bool same_group = before != NULL && before->series == bucket->series &&
                          before->host.length == bucket->host.length &&
                          memcmp(before->host.bytes, bucket->host.bytes, bucket->host.length) == 0;
        if (same_group && before->time >= bucket->time) {
            oracle_fail(oracle, "aggregate rows at %lld and %lld are in the wrong order",
                        (long long)before->time, (long long)bucket->time);
        }
        if (!same_group && before != NULL && before->series > bucket->series) {
            oracle_fail(oracle, "series of aggregate rows are in the wrong order");
        }
        before = bucket;
        count++;
    }
    oracle_must(oracle, varve_rows_status(rows, &oracle->error), "rows");
    if (count != buckets->count) {
        oracle_fail(oracle, "%zu aggregate rows instead of %zu", count, buckets->count);
    }
}

void oracle_check_aggregate(struct oracle *oracle)
{
    static const int64_t steps[] = {0, 1000, 77, 250, 100000};
    const varve_string host = VARVE_STRING("host");
    struct oracle_selection chosen;
    struct buckets buckets = {0};
    varve_rows *rows = NULL;
    varve_aggregation aggregation = VARVE_AGGREGATION_INIT;
    oracle_random_selection(oracle, &chosen);
    if (vv_test_random_below(&oracle->random, 2) == 0) { /* extremes apart: steps would not fit */
        chosen.selection.start = chosen.selection.start < -1000 ? -1000 : chosen.selection.start;
        chosen.selection.end =
            chosen.selection.end > 1000000000 ? 1000000000 : chosen.selection.end;
        if (chosen.selection.end < chosen.selection.start) {
            return;
        }
        aggregation.step = steps[vv_test_random_below(&oracle->random, 5)];
    }
    aggregation.functions = functions;
    aggregation.function_count = FUNCTIONS;
    aggregation.grouping = (varve_grouping)vv_test_random_below(&oracle->random, 2);
    aggregation.group_labels = &host;
    aggregation.group_label_count =
        aggregation.grouping == VARVE_GROUP_BY ? vv_test_random_below(&oracle->random, 2) : 0;
    fill_buckets(oracle, &chosen.selection, &aggregation, &buckets);
    oracle_must(oracle,
                varve_aggregate(oracle->db, &chosen.selection, &aggregation, &rows, &oracle->error),
                "varve_aggregate");
    expect_rows(oracle, rows, &buckets, aggregation.grouping);
    varve_rows_close(rows);
    free(buckets.list);
}
