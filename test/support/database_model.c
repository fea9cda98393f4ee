/*
 * database_model.c - the naive model: linear searches, memmove, POSIX regular expressions.
 */
#include "support/database_model.h"

#include <math.h>
#include <regex.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int compare_strings(varve_string a, varve_string b)
{
    size_t common = a.length < b.length ? a.length : b.length;
    int order = common == 0 ? 0 : memcmp(a.bytes, b.bytes, common);
    return order != 0 ? order : (a.length > b.length) - (a.length < b.length);
}

static bool is_metric(const varve_label *label)
{
    return compare_strings(label->name, VARVE_STRING("__name__")) == 0;
}

/* The metric name, then the other labels by name and value; who ends first comes first. */
static int compare_series(const struct model_series *left, const struct model_series *right)
{
    varve_string metric = VARVE_STRING("__name__");
    int order = compare_strings(model_value(left, metric), model_value(right, metric));
    size_t i = 0, k = 0;
    while (order == 0) {
        i += i < left->label_count && is_metric(&left->labels[i]);
        k += k < right->label_count && is_metric(&right->labels[k]);
        if (i == left->label_count || k == right->label_count) {
            return (i < left->label_count) - (k < right->label_count);
        }
        order = compare_strings(left->labels[i].name, right->labels[k].name);
        if (order == 0) {
            order = compare_strings(left->labels[i].value, right->labels[k].value);
        }
        i++;
        k++;
    }
    return order;
}

static void point_labels(struct model_series *series)
{
    for (size_t i = 0; i < series->label_count; i++) {
        const char *name = series->texts[i][0], *value = series->texts[i][1];
        series->labels[i] = (varve_label){{name, strlen(name)}, {value, strlen(value)}};
    }
}

/* Names must come sorted; empty values are left out. */
static void add_label(struct model_series *series, const char *name, const char *value)
{
    if (value[0] != '\0') {
        char(*texts)[MODEL_TEXT_MAX] = series->texts[series->label_count++];
        (void)snprintf(texts[0], MODEL_TEXT_MAX, "%s", name);
        (void)snprintf(texts[1], MODEL_TEXT_MAX, "%s", value);
    }
}

/* By insertion, because labels point into the series that they belong to. */
static void sort_series(struct model *model)
{
    point_labels(&model->series[0]);
    for (size_t i = 1; i < model->series_count; i++) {
        struct model_series moved = model->series[i];
        size_t at = i;
        point_labels(&moved);
        for (; at > 0 && compare_series(&moved, &model->series[at - 1]) < 0; at--) {
            model->series[at] = model->series[at - 1];
            point_labels(&model->series[at]);
        }
        model->series[at] = moved;
        point_labels(&model->series[at]);
    }
}

void model_init(struct model *model, size_t zone_count)
{
    static const char *const names[] = {"", "cpu", "http.requests"};
    static const char *const hosts[] = {"", "a", "b", "abc"};
    static const char *const centres[] = {"x", "xy", "\xc3\xa9"};
    size_t capacity = 15 + zone_count;
    *model = (struct model){calloc(capacity, sizeof(struct model_series)), 0};
    for (size_t i = 0; i < 12; i++) {
        struct model_series *series = &model->series[model->series_count];
        add_label(series, "__name__", names[i % 3]);
        add_label(series, "host", hosts[i / 3]);
        model->series_count += series->label_count > 0;
    }
    for (size_t i = 0; i < 4; i++) {
        struct model_series *series = &model->series[model->series_count++];
        add_label(series, "__name__", names[(i + 1) % 3]);
        add_label(series, "dc", centres[i % 3]);
        add_label(series, "host", hosts[i % 2]);
    }
    for (size_t i = 0; i < zone_count; i++) {
        struct model_series *series = &model->series[model->series_count++];
        char zone[MODEL_TEXT_MAX];
        (void)snprintf(zone, sizeof(zone), "z%zu", i);
        add_label(series, "__name__", names[i % 3]);
        add_label(series, "zone", zone);
    }
    sort_series(model);
}

void model_fini(struct model *model)
{
    for (size_t i = 0; i < model->series_count; i++) {
        free(model->series[i].samples);
    }
    free(model->series);
    *model = (struct model){0};
}

void model_copy(struct model *to, const struct model *from)
{
    to->series_count = from->series_count;
    to->series = calloc(from->series_count, sizeof(struct model_series));
    for (size_t i = 0; i < from->series_count; i++) {
        struct model_series *series = &to->series[i];
        *series = from->series[i];
        point_labels(series);
        series->samples = calloc(series->capacity + 1, sizeof(struct model_sample));
        if (series->count > 0) {
            memcpy(series->samples, from->series[i].samples,
                   series->count * sizeof(struct model_sample));
        }
    }
}

/* Index of the first sample that is not before timestamp. */
static size_t position(const struct model_series *series, int64_t timestamp)
{
    size_t at = series->count;
    while (at > 0 && series->samples[at - 1].timestamp >= timestamp) {
        at--;
    }
    return at;
}

bool model_has(const struct model_series *series, int64_t timestamp)
{
    size_t at = position(series, timestamp);
    return at < series->count && series->samples[at].timestamp == timestamp;
}

/* As varve.h words the policies. */
static double resolve(varve_duplicates policy, double older, double newer)
{
    switch (policy) {
    case VARVE_DUPLICATES_FIRST:
        return older;
    case VARVE_DUPLICATES_MIN:
        return isnan(older) ? newer : isnan(newer) ? older : newer < older ? newer : older;
    case VARVE_DUPLICATES_MAX:
        return isnan(older) ? newer : isnan(newer) ? older : newer > older ? newer : older;
    case VARVE_DUPLICATES_SUM:
        return isnan(older) ? older : isnan(newer) ? newer : older + newer;
    case VARVE_DUPLICATES_DEFAULT:
    case VARVE_DUPLICATES_LAST:
    case VARVE_DUPLICATES_ERROR:
        break;
    }
    return newer;
}

void model_append(struct model_series *series, varve_duplicates policy, int64_t timestamp,
                  double value)
{
    size_t at = position(series, timestamp);
    if (at < series->count && series->samples[at].timestamp == timestamp) {
        series->samples[at].value = resolve(policy, series->samples[at].value, value);
        return;
    }
    if (series->count == series->capacity) {
        series->capacity = series->capacity * 2 + 16;
        series->samples = realloc(series->samples, series->capacity * sizeof(struct model_sample));
    }
    memmove(series->samples + at + 1, series->samples + at,
            (series->count - at) * sizeof(struct model_sample));
    series->samples[at] = (struct model_sample){timestamp, value};
    series->count++;
}

void model_delete(struct model_series *series, int64_t start, int64_t end)
{
    size_t kept = 0;
    for (size_t i = 0; i < series->count; i++) {
        int64_t timestamp = series->samples[i].timestamp;
        if (timestamp < start || (timestamp >= end && end != INT64_MAX)) {
            series->samples[kept++] = series->samples[i];
        }
    }
    series->count = kept;
}

const struct model_sample *model_range(const struct model_series *series, int64_t start,
                                       int64_t end, size_t *count)
{
    size_t first = position(series, start);
    size_t last = end == INT64_MAX ? series->count : position(series, end);
    *count = last > first ? last - first : 0;
    return series->samples == NULL ? NULL : series->samples + first;
}

varve_string model_value(const struct model_series *series, varve_string name)
{
    for (size_t i = 0; i < series->label_count; i++) {
        if (compare_strings(series->labels[i].name, name) == 0) {
            return series->labels[i].value;
        }
    }
    return (varve_string){"", 0};
}

static bool matches_regex(varve_string pattern, varve_string value)
{
    char anchored[MODEL_TEXT_MAX * 2], text[MODEL_TEXT_MAX];
    regex_t regex;
    (void)snprintf(anchored, sizeof(anchored), "^(%.*s)$", (int)pattern.length, pattern.bytes);
    (void)snprintf(text, sizeof(text), "%.*s", (int)value.length, value.bytes);
    if (regcomp(&regex, anchored, REG_EXTENDED | REG_NOSUB) != 0) {
        abort();
    }
    bool matched = regexec(&regex, text, 0, NULL, 0) == 0;
    regfree(&regex);
    return matched;
}

bool model_matches(const struct model_series *series, const varve_matcher *matchers, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        varve_string value = model_value(series, matchers[i].name);
        bool is_regex =
            matchers[i].type == VARVE_MATCH_REGEX || matchers[i].type == VARVE_MATCH_NOT_REGEX;
        bool wanted =
            matchers[i].type == VARVE_MATCH_EQUAL || matchers[i].type == VARVE_MATCH_REGEX;
        bool matched = is_regex ? matches_regex(matchers[i].value, value)
                                : compare_strings(value, matchers[i].value) == 0;
        if (matched != wanted) {
            return false;
        }
    }
    return true;
}
