/*
 * database_oracle_check.c - comparing what a database answers with what the model says.
 */
#include "support/database_oracle.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static varve_string pick_string(struct vv_test_random *random, const char *const *texts,
                                size_t count)
{
    const char *text = texts[vv_test_random_below(random, count)];
    return (varve_string){text, strlen(text)};
}

/* Where samples are, near one of them, or anywhere. */
static int64_t random_time(struct oracle *oracle)
{
    struct vv_test_random *random = &oracle->random;
    const struct model_series *series =
        &oracle->model.series[vv_test_random_below(random, oracle->model.series_count)];
    if (series->count > 0 && vv_test_random_below(random, 8) != 0) {
        int64_t timestamp = series->samples[vv_test_random_below(random, series->count)].timestamp;
        return timestamp == INT64_MIN ? timestamp
                                      : timestamp - 1 +
                                            (int64_t)(vv_test_random_below(random, 3) %
                                                      (timestamp == INT64_MAX - 1 ? 2 : 3));
    }
    return (int64_t)vv_test_random_below(random, 3000) - 200;
}

void oracle_random_selection(struct oracle *oracle, struct oracle_selection *chosen)
{
    static const char *const names[] = {"__name__", "host", "dc", "zone", "none"};
    static const char *const values[] = {"cpu", "http.requests", "a", "b", "x", "z1", ""};
    static const char *const patterns[] = {"a|b",     "a.*",        ".*",      ".+",
                                           "x.*",     "",           "[ab]",    "z1.",
                                           "c(p|q)u", "cpu|http.*", "z[0-4]*", "(a|abc)"};
    struct vv_test_random *random = &oracle->random;
    *chosen = (struct oracle_selection){.selection = VARVE_SELECTION_INIT};
    size_t count = vv_test_random_below(random, ORACLE_MATCHERS_MAX + 1);
    for (size_t i = 0; i < count; i++) {
        varve_matcher *matcher = &chosen->matchers[i];
        matcher->type = (varve_match_type)vv_test_random_below(random, 4);
        matcher->name = pick_string(random, names, 5);
        matcher->value = matcher->type < VARVE_MATCH_REGEX ? pick_string(random, values, 7)
                                                           : pick_string(random, patterns, 12);
    }
    chosen->selection.matchers = chosen->matchers;
    chosen->selection.matcher_count = count;
    if (vv_test_random_below(random, 4) != 0) {
        int64_t start = random_time(oracle), end = random_time(oracle);
        chosen->selection.start = start < end ? start : end;
        chosen->selection.end = start < end ? end : start;
    } else if (vv_test_random_below(random, 2) == 0) {
        chosen->selection.start = random_time(oracle);
    }
}

/* The next series of the model with a sample in the selection, from *at on; NULL at the end. */
static const struct model_series *next_series(const struct model *model,
                                              const struct oracle_selection *chosen, size_t *at,
                                              const struct model_sample **samples, size_t *count)
{
    const varve_selection *selection = &chosen->selection;
    for (; *at < model->series_count; (*at)++) {
        const struct model_series *series = &model->series[*at];
        *samples = model_range(series, selection->start, selection->end, count);
        if (*count > 0 && model_matches(series, selection->matchers, selection->matcher_count)) {
            (*at)++;
            return series;
        }
    }
    return NULL;
}

static bool same_string(varve_string a, varve_string b)
{
    return a.length == b.length && (a.length == 0 || memcmp(a.bytes, b.bytes, a.length) == 0);
}

static bool same_labels(const struct model_series *series, const varve_label *labels, size_t count)
{
    bool same = count == series->label_count;
    for (size_t i = 0; i < count && same; i++) {
        same = same_string(labels[i].name, series->labels[i].name) &&
               same_string(labels[i].value, series->labels[i].value);
    }
    return same;
}

static void expect_series(struct oracle *oracle, varve_cursor *cursor,
                          const struct model_series *series)
{
    const varve_label *labels;
    size_t count;
    char given[200], wanted[200];
    varve_cursor_labels(cursor, &labels, &count);
    if (!same_labels(series, labels, count)) {
        size_t given_length = varve_series_format(labels, count, given, sizeof(given));
        size_t wanted_length =
            varve_series_format(series->labels, series->label_count, wanted, sizeof(wanted));
        oracle_fail(oracle, "series %.*s instead of %.*s", (int)given_length, given,
                    (int)wanted_length, wanted);
    }
}

static void expect_cursor_end(struct oracle *oracle, varve_cursor *cursor)
{
    if (varve_cursor_next(cursor)) {
        oracle_fail(oracle, "a series that the model does not have");
    }
    oracle_must(oracle, varve_cursor_status(cursor, &oracle->error), "cursor");
    varve_cursor_close(cursor);
}

static varve_cursor *select_chosen(struct oracle *oracle, varve_db *db,
                                   const struct oracle_selection *chosen)
{
    varve_cursor *cursor = NULL;
    oracle_must(oracle, varve_select(db, &chosen->selection, &cursor, &oracle->error),
                "varve_select");
    return cursor;
}

static void expect_samples(struct oracle *oracle, varve_cursor *cursor,
                           const struct model_sample *samples, size_t count)
{
    size_t at = 0;
    varve_span span;
    while (varve_cursor_span(cursor, &span)) {
        if (span.count < 1 || span.count > 1024) {
            oracle_fail(oracle, "a span of %zu", span.count);
        }
        for (size_t i = 0; i < span.count; i++, at++) {
            if (at >= count) {
                oracle_fail(oracle, "sample at %lld behind the last of %zu",
                            (long long)span.timestamps[i], count);
            }
            if (span.timestamps[i] != samples[at].timestamp ||
                memcmp(&span.values[i], &samples[at].value, sizeof(double)) != 0) {
                oracle_fail(oracle, "sample %zu of %zu is (%lld, %g) instead of (%lld, %g)", at,
                            count, (long long)span.timestamps[i], span.values[i],
                            (long long)samples[at].timestamp, samples[at].value);
            }
        }
    }
    if (at != count) {
        oracle_fail(oracle, "%zu samples instead of %zu, the next would be at %lld: %s", at, count,
                    (long long)samples[at].timestamp,
                    varve_status_text(varve_cursor_status(cursor, NULL)));
    }
}

void oracle_check_select(struct oracle *oracle, varve_db *db)
{
    struct oracle_selection chosen;
    const struct model_series *series;
    const struct model_sample *samples;
    size_t at = 0, count;
    oracle_random_selection(oracle, &chosen);
    varve_cursor *cursor = select_chosen(oracle, db, &chosen);
    while ((series = next_series(&oracle->model, &chosen, &at, &samples, &count)) != NULL) {
        if (!varve_cursor_next(cursor)) {
            oracle_must(oracle, varve_cursor_status(cursor, &oracle->error), "cursor");
            oracle_fail(oracle, "a series with %zu samples is missing", count);
        }
        expect_series(oracle, cursor, series);
        if (vv_test_random_below(&oracle->random, 10) != 0) { /* sometimes skipped unread */
            expect_samples(oracle, cursor, samples, count);
        }
    }
    expect_cursor_end(oracle, cursor);
}

void oracle_check_latest(struct oracle *oracle)
{
    struct oracle_selection chosen;
    const struct model_series *series;
    const struct model_sample *samples;
    size_t at = 0, count;
    oracle_random_selection(oracle, &chosen);
    varve_cursor *cursor = select_chosen(oracle, oracle->db, &chosen);
    while ((series = next_series(&oracle->model, &chosen, &at, &samples, &count)) != NULL) {
        int64_t timestamp = 0;
        double value = 0;
        if (!varve_cursor_next(cursor) || !varve_cursor_latest(cursor, &timestamp, &value)) {
            oracle_fail(oracle, "no latest sample");
        }
        expect_series(oracle, cursor, series);
        const struct model_sample *last = &samples[count - 1];
        if (timestamp != last->timestamp || memcmp(&value, &last->value, sizeof(value)) != 0) {
            oracle_fail(oracle, "latest is (%lld, %g) instead of (%lld, %g)", (long long)timestamp,
                        value, (long long)last->timestamp, last->value);
        }
    }
    expect_cursor_end(oracle, cursor);
}

/* Every string of the list is one that some matching series has, all of them are there, and they
 * ascend. */
static void expect_strings(struct oracle *oracle, const struct oracle_selection *chosen,
                           const varve_string *name, varve_strings *strings)
{
    size_t found = 0, total = varve_strings_count(strings);
    bool *seen = calloc(total + 1, sizeof(bool));
    for (size_t i = 0; i < oracle->model.series_count; i++) {
        const struct model_series *series = &oracle->model.series[i];
        if (series->count == 0 ||
            !model_matches(series, chosen->matchers, chosen->selection.matcher_count)) {
            continue;
        }
        for (size_t k = 0; k < series->label_count; k++) {
            if (name != NULL && !same_string(series->labels[k].name, *name)) {
                continue;
            }
            varve_string wanted = name == NULL ? series->labels[k].name : series->labels[k].value;
            size_t at = 0;
            while (at < total && !same_string(varve_strings_get(strings, at), wanted)) {
                at++;
            }
            if (at == total) {
                oracle_fail(oracle, "label string %.*s is missing", (int)wanted.length,
                            wanted.bytes);
            }
            found += seen[at] ? 0 : 1;
            seen[at] = true;
        }
    }
    free(seen);
    if (found != total) {
        oracle_fail(oracle, "%zu label strings instead of %zu", total, found);
    }
}

void oracle_check_labels(struct oracle *oracle)
{
    static const char *const names[] = {"__name__", "host", "dc", "zone", "none"};
    struct oracle_selection chosen;
    varve_strings *strings = NULL;
    oracle_random_selection(oracle, &chosen);
    oracle_must(oracle, varve_label_names(oracle->db, &chosen.selection, &strings, &oracle->error),
                "varve_label_names");
    expect_strings(oracle, &chosen, NULL, strings);
    varve_strings_destroy(strings);
    varve_string name = pick_string(&oracle->random, names, 5);
    oracle_must(oracle,
                varve_label_values(oracle->db, name, &chosen.selection, &strings, &oracle->error),
                "varve_label_values");
    expect_strings(oracle, &chosen, &name, strings);
    varve_strings_destroy(strings);
}

void oracle_check_statistics(struct oracle *oracle, bool compacted)
{
    uint64_t series_count = 0, samples = 0;
    int64_t time_min = INT64_MAX, time_max = INT64_MIN;
    for (size_t i = 0; i < oracle->model.series_count; i++) {
        const struct model_series *series = &oracle->model.series[i];
        if (series->count > 0) {
            series_count++;
            samples += series->count;
            int64_t first = series->samples[0].timestamp;
            int64_t last = series->samples[series->count - 1].timestamp;
            time_min = first < time_min ? first : time_min;
            time_max = last > time_max ? last : time_max;
        }
    }
    varve_statistics statistics = VARVE_STATISTICS_INIT;
    varve_stats(oracle->db, &statistics);
    bool right =
        statistics.series == series_count && statistics.samples >= samples &&
        statistics.lsn >= statistics.durable_lsn && statistics.damaged == 0 &&
        statistics.relogged == 0 && !statistics.read_only &&
        statistics.sync == oracle->options.sync && statistics.duplicates == oracle->duplicates &&
        (samples == 0 || (statistics.time_min <= time_min && statistics.time_max >= time_max));
    if (compacted) {
        right =
            right && statistics.samples == samples && statistics.head_samples == 0 &&
            statistics.blocks <= 3 && /* strays at both ends of time have their own */
            (samples == 0 || (statistics.time_min == time_min && statistics.time_max == time_max));
    }
    if (!right) {
        oracle_fail(oracle,
                    "statistics: %llu series, %llu samples (%llu in the head), %llu blocks, times "
                    "%lld to %lld; the model has %llu, %llu, %lld to %lld",
                    (unsigned long long)statistics.series, (unsigned long long)statistics.samples,
                    (unsigned long long)statistics.head_samples,
                    (unsigned long long)statistics.blocks, (long long)statistics.time_min,
                    (long long)statistics.time_max, (unsigned long long)series_count,
                    (unsigned long long)samples, (long long)time_min, (long long)time_max);
    }
}

static void fail_finding(void *context, const varve_finding *finding)
{
    oracle_fail(context, "check found: %s at byte %llu: %s", finding->file,
                (unsigned long long)finding->offset, finding->message);
}

void oracle_check_files(struct oracle *oracle)
{
    varve_check_report report;
    oracle_must(
        oracle,
        vv_database_check(oracle->env, oracle->path, fail_finding, oracle, &report, &oracle->error),
        "varve_check");
}

/* Samples of before must be there, and only such as the model has now. */
static void expect_between(struct oracle *oracle, varve_cursor *cursor,
                           const struct model_sample *before, size_t before_count,
                           const struct model_series *now)
{
    varve_span span;
    size_t found = 0;
    while (varve_cursor_span(cursor, &span)) {
        for (size_t i = 0; i < span.count; i++) {
            if (!model_has(now, span.timestamps[i])) {
                oracle_fail(oracle, "held cursor: a sample at %lld that never was",
                            (long long)span.timestamps[i]);
            }
            found += found < before_count && before[found].timestamp == span.timestamps[i];
        }
    }
    if (found != before_count) {
        oracle_fail(oracle, "held cursor: %zu of %zu samples are gone, the first at %lld",
                    before_count - found, before_count, (long long)before[found].timestamp);
    }
}

void oracle_check_held_cursor(struct oracle *oracle, uint64_t batch_max)
{
    struct oracle_selection chosen;
    struct model before;
    bool worked;
    oracle_random_selection(oracle, &chosen);
    oracle_note(oracle, "cursor held");
    varve_cursor *cursor = select_chosen(oracle, oracle->db, &chosen);
    model_copy(&before, &oracle->model);
    for (uint64_t i = vv_test_random_below(&oracle->random, 6); i > 0; i--) {
        oracle_append(oracle, batch_max);
        oracle_must(oracle, varve_maintain(oracle->db, &worked, &oracle->error), "maintain");
    }
    if (vv_test_random_below(&oracle->random, 3) == 0) {
        oracle_must(oracle, varve_compact(oracle->db, &oracle->error), "varve_compact");
        oracle_check_select(oracle, oracle->db);
    }
    const struct model_sample *samples;
    size_t at = 0, count;
    const varve_label *labels;
    size_t label_count;
    while (next_series(&before, &chosen, &at, &samples, &count) != NULL) {
        const struct model_series *wanted = &before.series[at - 1];
        do { /* series that came meanwhile may be shown */
            if (!varve_cursor_next(cursor)) {
                oracle_must(oracle, varve_cursor_status(cursor, &oracle->error), "held cursor");
                oracle_fail(oracle, "held cursor: a series is missing");
            }
            varve_cursor_labels(cursor, &labels, &label_count);
        } while (!same_labels(wanted, labels, label_count));
        expect_between(oracle, cursor, samples, count, &oracle->model.series[at - 1]);
    }
    varve_cursor_close(cursor);
    model_fini(&before);
}
