/*
 * query_oracle.c - functions of groups of samples, from their definitions in varve.h.
 */
#include "support/query_oracle.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { SAMPLES_MAX = 100000 };

/* A sample of a group in one step. */
struct sample {
    size_t series;
    int64_t timestamp;
    double value;
};

struct context {
    const struct query_series *series;
    size_t series_count;
    const varve_aggregation *spec;
    struct vv_range range;
    struct vv_steps steps;
    struct query_rows *rows;
};

static const double none = (double)NAN;

static bool is_stale(double value)
{
    uint64_t bits;
    memcpy(&bits, &value, sizeof(bits));
    return bits == 0x7ff0000000000002;
}

static bool counts(const struct context *context, const struct query_series *series, size_t at)
{
    return series->timestamps[at] >= context->range.start &&
           (series->timestamps[at] < context->range.end || context->range.end == INT64_MAX) &&
           !is_stale(series->values[at]);
}

static int64_t step_start(const struct context *context, int64_t timestamp)
{
    int64_t start, end;
    vv_steps_bounds(&context->steps, timestamp, &start, &end);
    return start;
}

/* --------------------------------------------------------------- Of one series in a step */

static double step_up(double from, double to)
{
    return to < from ? to : to - from;
}

/* The functions of steps from number to number, of the numbers of a series. */
struct walk {
    size_t count; /* numbers in the step */
    double first, last, before, past;
    int64_t first_time, last_time, before_time;
    bool has_past;
    double inside, into, resets, changes;
    double area, duration;
};

static bool has_sample_in(const struct context *context, const struct query_series *series,
                          int64_t start)
{
    for (size_t at = 0; at < series->count; at++) {
        if (counts(context, series, at) && step_start(context, series->timestamps[at]) == start) {
            return true;
        }
    }
    return false;
}

/* Adds what holds from one number to the next, as far as it lies in the step. */
static void add_area(const struct context *context, struct walk *walk, int64_t from, int64_t to,
                     double value, int64_t inside)
{
    int64_t start, end;
    vv_steps_bounds(&context->steps, inside, &start, &end);
    if (context->steps.count == 0) {
        start = INT64_MIN;
    }
    from = from > start ? from : start;
    to = to < end ? to : end;
    if (from < to) {
        double length = (double)((uint64_t)to - (uint64_t)from);
        walk->area += value * length;
        walk->duration += length;
    }
}

static void walk_series(const struct context *context, const struct query_series *series,
                        int64_t start, int64_t inside, struct walk *walk)
{
    bool any = false;
    double last = 0;
    int64_t last_time = 0;
    memset(walk, 0, sizeof(*walk));
    for (size_t at = 0; at < series->count; at++) {
        double value = series->values[at];
        int64_t time = series->timestamps[at];
        if (!counts(context, series, at) || isnan(value)) {
            continue;
        }
        if (any) {
            add_area(context, walk, last_time, time, last, inside);
        }
        if (step_start(context, time) == start) {
            if (walk->count == 0) {
                walk->first = value;
                walk->first_time = time;
                walk->has_past = any;
                walk->past = last;
                walk->into = any ? step_up(last, value) : 0;
            } else {
                walk->inside += step_up(last, value);
                walk->resets += value < last;
                walk->changes += value != last;
                walk->before = last;
                walk->before_time = last_time;
            }
            walk->last = value;
            walk->last_time = time;
            walk->count++;
        }
        any = true;
        last = value;
        last_time = time;
    }
}

/* Prometheus' extrapolatedRate(), with the ends of the step that the range has. */
static double rate_of(const struct context *context, const struct walk *walk, int64_t inside)
{
    int64_t start, end;
    vv_steps_bounds(&context->steps, inside, &start, &end);
    if (context->steps.count == 0) {
        start = INT64_MIN;
    }
    start = start > context->range.start ? start : context->range.start;
    end = end < context->range.end ? end : context->range.end;
    if (walk->count < 2) {
        return none;
    }
    double sampled = (double)(walk->last_time - walk->first_time);
    double average = sampled / (double)(walk->count - 1);
    double to_start = start == INT64_MIN ? 0 : (double)(walk->first_time - start);
    double to_end = end == INT64_MAX ? 0 : (double)(end - walk->last_time);
    double window = sampled + to_start + to_end;
    to_start = to_start >= average * 1.1 ? average / 2 : to_start;
    to_end = to_end >= average * 1.1 ? average / 2 : to_end;
    if (walk->inside > 0 && walk->first >= 0) {
        double to_zero = sampled * (walk->first / walk->inside);
        to_start = to_zero < to_start ? to_zero : to_start;
    }
    return walk->inside * ((sampled + to_start + to_end) / sampled) / (window / 1e9);
}

static double series_value(const struct context *context, const struct walk *walk,
                           varve_function function, int64_t inside)
{
    if (walk->count == 0) {
        return none;
    }
    switch ((unsigned)function) {
    case VARVE_FUNCTION_DELTA:
        return walk->last - (walk->has_past ? walk->past : walk->first);
    case VARVE_FUNCTION_INCREASE:
        return walk->inside + walk->into;
    case VARVE_FUNCTION_RATE:
        return rate_of(context, walk, inside);
    case VARVE_FUNCTION_IRATE:
        return walk->count < 2 ? none
                               : step_up(walk->before, walk->last) /
                                     ((double)(walk->last_time - walk->before_time) / 1e9);
    case VARVE_FUNCTION_RESETS:
        return walk->resets;
    case VARVE_FUNCTION_CHANGES:
        return walk->changes;
    default:
        return none;
    }
}

/* -------------------------------------------------------------------------- Of a group */

static int compare_doubles(const void *a, const void *b)
{
    double left = *(const double *)a;
    double right = *(const double *)b;
    return (left > right) - (left < right);
}

/* Functions of numbers in any order. */
static double number_value(varve_function function, double parameter, double *numbers, size_t count,
                           double *magnitude)
{
    long double sum = 0, squares = 0;
    if (count == 0) {
        return none;
    }
    qsort(numbers, count, sizeof(numbers[0]), compare_doubles);
    for (size_t at = 0; at < count; at++) {
        sum += (long double)numbers[at];
        *magnitude += fabs(numbers[at]);
    }
    for (size_t at = 0; at < count; at++) {
        long double distance = (long double)numbers[at] - sum / count;
        squares += distance * distance;
    }
    double rank = parameter * (double)(count - 1);
    size_t low = (size_t)rank;
    switch ((unsigned)function) {
    case VARVE_FUNCTION_SUM:
        return (double)sum;
    case VARVE_FUNCTION_AVG:
        return (double)(sum / count);
    case VARVE_FUNCTION_MIN:
        return numbers[0];
    case VARVE_FUNCTION_MAX:
        return numbers[count - 1];
    case VARVE_FUNCTION_RANGE:
        return numbers[count - 1] - numbers[0];
    case VARVE_FUNCTION_STDVAR:
        *magnitude += (double)squares;
        return (double)(squares / count);
    case VARVE_FUNCTION_STDDEV:
        return sqrt((double)(squares / count));
    case VARVE_FUNCTION_QUANTILE:
        return rank == (double)low ? numbers[low]
                                   : numbers[low] * (1 - (rank - (double)low)) +
                                         numbers[low + 1] * (rank - (double)low);
    default:
        return none;
    }
}

static double order_value(varve_function function, const struct sample *samples, size_t count)
{
    const struct sample *best = &samples[0];
    for (size_t at = 1; at < count; at++) {
        bool better = function == VARVE_FUNCTION_FIRST ? samples[at].timestamp < best->timestamp
                                                       : samples[at].timestamp > best->timestamp;
        best = better ? &samples[at] : best;
    }
    return best->value;
}

/* The sum over the series of a group, or the weighted average. */
static double walk_value(const struct context *context, varve_function function,
                         const struct sample *samples, size_t count, double *numbers,
                         double *magnitude)
{
    double sum = none, area = 0, duration = 0;
    size_t number_count = 0;
    int64_t start = step_start(context, samples[0].timestamp);
    for (size_t at = 0; at < count; at++) {
        if (!isnan(samples[at].value)) {
            numbers[number_count++] = samples[at].value;
            *magnitude += fabs(samples[at].value);
        }
        if (at > 0 && samples[at].series == samples[at - 1].series) {
            continue;
        }
        struct walk walk;
        int64_t inside = samples[at].timestamp;
        walk_series(context, &context->series[samples[at].series], start, inside, &walk);
        double value = series_value(context, &walk, function, inside);
        sum = isnan(value) ? sum : isnan(sum) ? value : sum + value;
        area += walk.area;
        duration += walk.duration;
    }
    if (function != VARVE_FUNCTION_TWA) {
        return sum;
    }
    return duration > 0 ? area / duration
                        : number_value(VARVE_FUNCTION_AVG, 0, numbers, number_count, magnitude);
}

static double function_value(const struct context *context, varve_function function,
                             double parameter, const struct sample *samples, size_t count,
                             double *magnitude)
{
    static double numbers[SAMPLES_MAX];
    size_t number_count = 0;
    *magnitude = 1;
    if (function == VARVE_FUNCTION_COUNT) {
        return (double)count;
    }
    if (function == VARVE_FUNCTION_FIRST || function == VARVE_FUNCTION_LAST) {
        return order_value(function, samples, count);
    }
    if (function >= VARVE_FUNCTION_DELTA) {
        return walk_value(context, function, samples, count, numbers, magnitude);
    }
    for (size_t at = 0; at < count; at++) {
        if (!isnan(samples[at].value)) {
            numbers[number_count++] = samples[at].value;
        }
    }
    return number_value(function, parameter, numbers, number_count, magnitude);
}

static double parameter_of(const varve_aggregation *spec, size_t index)
{
    return spec->parameters != NULL ? spec->parameters[index] : 0;
}

/* The functions over samples that are reduced: one result per series. */
static double reduced_value(const struct context *context, size_t index,
                            const struct sample *samples, size_t count, double *magnitude)
{
    static double results[SAMPLES_MAX];
    const varve_aggregation *spec = context->spec;
    size_t result_count = 0, all = 0;
    for (size_t at = 0, end; at < count; at = end) {
        for (end = at; end < count && samples[end].series == samples[at].series; end++) {}
        double own;
        double value = function_value(context, spec->functions[index], parameter_of(spec, index),
                                      samples + at, end - at, &own);
        all++;
        *magnitude += own;
        if (!isnan(value)) {
            results[result_count++] = value;
        }
    }
    if (spec->reduce == VARVE_FUNCTION_COUNT) {
        return (double)all;
    }
    return number_value(spec->reduce, spec->reduce_parameter, results, result_count, magnitude);
}

/* ------------------------------------------------------------------------------ Groups */

static bool is_listed(const varve_aggregation *spec, varve_string name)
{
    for (size_t at = 0; at < spec->group_label_count; at++) {
        if (spec->group_labels[at].length == name.length &&
            memcmp(spec->group_labels[at].bytes, name.bytes, name.length) == 0) {
            return true;
        }
    }
    return false;
}

static void group_text(const varve_aggregation *spec, const struct query_series *series, char *text,
                       size_t capacity)
{
    varve_label kept[VARVE_LABELS_MAX];
    size_t count = 0;
    for (size_t at = 0; at < series->label_count; at++) {
        bool listed = is_listed(spec, series->labels[at].name);
        if (spec->grouping == VARVE_GROUP_NONE || listed == (spec->grouping == VARVE_GROUP_BY)) {
            kept[count++] = series->labels[at];
        }
    }
    size_t length = varve_series_format(kept, count, text, capacity - 1);
    text[length < capacity ? length : capacity - 1] = '\0';
}

/* The samples of a group in one step, series after series. */
static size_t collect(const struct context *context, const char *group, int64_t start,
                      struct sample *samples)
{
    size_t count = 0;
    char text[200];
    for (size_t number = 0; number < context->series_count; number++) {
        const struct query_series *series = &context->series[number];
        group_text(context->spec, series, text, sizeof(text));
        if (strcmp(text, group) != 0 || !has_sample_in(context, series, start)) {
            continue;
        }
        for (size_t at = 0; at < series->count; at++) {
            if (counts(context, series, at) &&
                step_start(context, series->timestamps[at]) == start) {
                samples[count++] =
                    (struct sample){number, series->timestamps[at], series->values[at]};
            }
        }
    }
    return count;
}

static int compare_times(const void *a, const void *b)
{
    int64_t left = *(const int64_t *)a;
    int64_t right = *(const int64_t *)b;
    return (left > right) - (left < right);
}

/* The steps in which a group has samples. */
static size_t steps_of(const struct context *context, const char *group, int64_t *times)
{
    size_t count = 0;
    char text[200];
    for (size_t number = 0; number < context->series_count; number++) {
        const struct query_series *series = &context->series[number];
        group_text(context->spec, series, text, sizeof(text));
        for (size_t at = 0; strcmp(text, group) == 0 && at < series->count; at++) {
            if (counts(context, series, at)) {
                int64_t start = step_start(context, series->timestamps[at]);
                if (count == 0 || times[count - 1] != start) {
                    times[count++] = start;
                }
            }
        }
    }
    qsort(times, count, sizeof(times[0]), compare_times);
    size_t kept = 0;
    for (size_t at = 0; at < count; at++) {
        if (kept == 0 || times[kept - 1] != times[at]) {
            times[kept++] = times[at];
        }
    }
    return kept;
}

static void add_group(const struct context *context, const char *group, size_t number)
{
    static struct sample samples[SAMPLES_MAX];
    static int64_t times[SAMPLES_MAX];
    const varve_aggregation *spec = context->spec;
    size_t step_count = steps_of(context, group, times);
    for (size_t step = 0; step < step_count; step++) {
        size_t count = collect(context, group, times[step], samples);
        struct query_row *row = query_rows_add(context->rows, group, number, times[step]);
        for (size_t index = 0; index < spec->function_count; index++) {
            double *magnitude = &row->magnitudes[index];
            row->values[index] =
                spec->reduce != 0
                    ? reduced_value(context, index, samples, count, magnitude)
                    : function_value(context, spec->functions[index], parameter_of(spec, index),
                                     samples, count, magnitude);
        }
    }
}

/* The group texts in the order of labels, each once. The test's label values sort as their texts
 * do. */
static int compare_texts(const void *a, const void *b)
{
    return strcmp(a, b);
}

void query_oracle(const struct query_series *series, size_t series_count,
                  const varve_aggregation *spec, struct vv_range range, bool reverse,
                  struct query_rows *rows)
{
    struct context context = {
        .series = series,
        .series_count = series_count,
        .spec = spec,
        .range = range,
        .steps = {.count = spec->step,
                  .unit = spec->step_unit,
                  .offset = spec->offset,
                  .start = range.start},
        .rows = rows,
    };
    char(*groups)[200] = calloc(series_count + 1, sizeof(groups[0]));
    for (size_t at = 0; at < series_count; at++) {
        group_text(spec, &series[at], groups[at], sizeof(groups[at]));
    }
    qsort(groups, series_count, sizeof(groups[0]), compare_texts);
    for (size_t at = 0; at < series_count; at++) {
        if (at == 0 || strcmp(groups[at - 1], groups[at]) != 0) {
            add_group(&context, groups[at], at);
        }
    }
    free(groups);
    query_oracle_order(spec, &context.steps, range, reverse, rows);
}
