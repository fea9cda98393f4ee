/*
 * bench_read.c - workloads that read: latest, queries, open.
 */
#include "bench.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { HOSTS = 400, POINTS = 2500, POINTS_QUICK = 250, REPEATS = 31 };

/* One question. Returns how many rows or samples it gave, through *count. */
struct question {
    const char *name;
    varve_status (*ask)(varve_db *db, uint64_t *count, varve_error *error);
};

/* Parses text, which is right, and makes a selection of it. */
static varve_status make_selection(const char *text, int64_t first_point, int64_t points,
                                   varve_selector **selector, varve_selection *selection,
                                   varve_error *error)
{
    varve_status status = varve_selector_parse(cli_string(text), selector, error);
    if (status != VARVE_OK)
        return status;
    *selection = (varve_selection)VARVE_SELECTION_INIT;
    selection->matchers = varve_selector_matchers(*selector, &selection->matcher_count);
    if (points > 0) {
        int64_t start = CLI_BENCH_START_SECONDS + first_point * CLI_BENCH_STEP_SECONDS;
        selection->start = start * 1000000000;
        selection->end = (start + points * CLI_BENCH_STEP_SECONDS) * 1000000000;
    }
    return VARVE_OK;
}

static varve_status count_samples(varve_db *db, const char *text, uint64_t *count,
                                  varve_error *error)
{
    varve_selector *selector = NULL;
    varve_selection selection;
    varve_cursor *cursor = NULL;
    varve_span span;
    varve_status status = make_selection(text, 0, 0, &selector, &selection, error);
    if (status == VARVE_OK)
        status = varve_select(db, &selection, &cursor, error);
    while (status == VARVE_OK && varve_cursor_next(cursor)) {
        while (varve_cursor_span(cursor, &span))
            *count += span.count;
    }
    if (status == VARVE_OK)
        status = varve_cursor_status(cursor, error);
    varve_cursor_close(cursor);
    varve_selector_destroy(selector);
    return status;
}

static varve_status count_rows(varve_db *db, const char *text, int64_t first_point, int64_t points,
                               const varve_aggregation *aggregation, uint64_t *count,
                               varve_error *error)
{
    varve_selector *selector = NULL;
    varve_selection selection;
    varve_rows *rows = NULL;
    varve_row row;
    varve_status status = make_selection(text, first_point, points, &selector, &selection, error);
    if (status == VARVE_OK)
        status = varve_aggregate(db, &selection, aggregation, &rows, error);
    if (status == VARVE_OK) {
        while (varve_rows_next(rows, &row))
            *count += 1;
        status = varve_rows_status(rows, error);
        varve_rows_close(rows);
    }
    varve_selector_destroy(selector);
    return status;
}

static varve_status ask_raw(varve_db *db, uint64_t *count, varve_error *error)
{
    return count_samples(db, "cpu_usage_user{hostname=\"host_7\"}", count, error);
}

static varve_status ask_minutes(varve_db *db, uint64_t *count, varve_error *error)
{
    static const varve_function average = VARVE_FUNCTION_AVG;
    varve_aggregation aggregation = VARVE_AGGREGATION_INIT;
    aggregation.functions = &average;
    aggregation.function_count = 1;
    aggregation.step = INT64_C(60) * 1000000000;
    return count_rows(db, "cpu_usage_user{hostname=\"host_7\"}", 120, 120, &aggregation, count,
                      error);
}

static varve_status ask_hours(varve_db *db, uint64_t *count, varve_error *error)
{
    static const varve_function greatest = VARVE_FUNCTION_MAX;
    varve_aggregation aggregation = VARVE_AGGREGATION_INIT;
    aggregation.functions = &greatest;
    aggregation.function_count = 1;
    aggregation.step = INT64_C(3600) * 1000000000;
    return count_rows(db, "cpu_usage_user", 0, 0, &aggregation, count, error);
}

static varve_status ask_hosts(varve_db *db, uint64_t *count, varve_error *error)
{
    static const varve_function average = VARVE_FUNCTION_AVG;
    static const varve_string by[] = {{"__name__", 8}, {"hostname", 8}};
    varve_aggregation aggregation = VARVE_AGGREGATION_INIT;
    aggregation.functions = &average;
    aggregation.function_count = 1;
    aggregation.step = INT64_C(3600) * 1000000000;
    aggregation.grouping = VARVE_GROUP_BY;
    aggregation.group_labels = by;
    aggregation.group_label_count = 2;
    return count_rows(db, "{__name__=~\"cpu_.*\"}", 0, 0, &aggregation, count, error);
}

static varve_status ask_whole_range(varve_db *db, uint64_t *count, varve_error *error)
{
    static const varve_function functions[] = {VARVE_FUNCTION_MIN, VARVE_FUNCTION_MAX,
                                               VARVE_FUNCTION_SUM, VARVE_FUNCTION_COUNT,
                                               VARVE_FUNCTION_AVG};
    varve_aggregation aggregation = VARVE_AGGREGATION_INIT;
    aggregation.functions = functions;
    aggregation.function_count = 5;
    return count_rows(db, "{}", 0, 0, &aggregation, count, error);
}

static varve_status ask_values(varve_db *db, uint64_t *count, varve_error *error)
{
    varve_selection selection = VARVE_SELECTION_INIT;
    varve_strings *values = NULL;
    varve_status status =
        varve_label_values(db, cli_string("hostname"), &selection, &values, error);
    if (status == VARVE_OK)
        *count = varve_strings_count(values);
    varve_strings_destroy(values);
    return status;
}

static varve_status ask_latest(varve_db *db, const char *text, uint64_t *count, varve_error *error)
{
    varve_selector *selector = NULL;
    varve_selection selection;
    varve_cursor *cursor = NULL;
    int64_t timestamp;
    double value;
    varve_status status = make_selection(text, 0, 0, &selector, &selection, error);
    if (status == VARVE_OK)
        status = varve_select(db, &selection, &cursor, error);
    while (status == VARVE_OK && varve_cursor_next(cursor))
        *count += varve_cursor_latest(cursor, &timestamp, &value);
    if (status == VARVE_OK)
        status = varve_cursor_status(cursor, error);
    varve_cursor_close(cursor);
    varve_selector_destroy(selector);
    return status;
}

static varve_status ask_latest_one(varve_db *db, uint64_t *count, varve_error *error)
{
    return ask_latest(db, "cpu_usage_user{hostname=\"host_7\"}", count, error);
}

static varve_status ask_latest_all(varve_db *db, uint64_t *count, varve_error *error)
{
    return ask_latest(db, "{}", count, error);
}

static varve_status ask_regex(varve_db *db, uint64_t *count, varve_error *error)
{
    return ask_latest(db, "{hostname=~\"host_[0-9]{1,2}\"}", count, error);
}

/* Asks each question REPEATS times, in turn, of a compacted database. */
static int ask_all(struct cli_bench *bench, const struct question *questions, size_t count)
{
    char path[CLI_BENCH_PATH_BYTES];
    varve_db *db = NULL;
    int code = cli_bench_make(bench, HOSTS, bench->quick ? POINTS_QUICK : POINTS, path);
    if (code == 0)
        code = cli_bench_open_database(path, &db);
    for (size_t i = 0; i < count && code == 0; i++) {
        double seconds[REPEATS];
        uint64_t rows = 0;
        for (size_t repeat = 0; repeat < REPEATS && code == 0; repeat++) {
            varve_error error = {0};
            rows = 0;
            double begin = cli_bench_wall_seconds();
            varve_status status = questions[i].ask(db, &rows, &error);
            seconds[repeat] = cli_bench_wall_seconds() - begin;
            code = status == VARVE_OK ? 0 : cli_fail(status, &error);
        }
        if (code == 0) {
            char text[VARVE_TEXT_MAX];
            cli_bench_result(bench, cli_bench_median(seconds, REPEATS) * 1e3, "ms", "%s (gives %s)",
                             questions[i].name, cli_human_count(rows, text));
        }
    }
    if (db) {
        int closed = cli_bench_close(db);
        code = code != 0 ? code : closed;
    }
    return code;
}

int cli_bench_queries(struct cli_bench *bench)
{
    static const struct question questions[] = {
        {"all samples of one series", ask_raw},
        {"averages by the minute of one series", ask_minutes},
        {"greatest by the hour of 400 series", ask_hours},
        {"average by the hour, metric and host of 4000 series", ask_hosts},
        {"min, max, sum, count, avg of 4000 whole series", ask_whole_range},
        {"series that match a regex", ask_regex},
        {"values of a label", ask_values},
    };
    return ask_all(bench, questions, sizeof questions / sizeof questions[0]);
}

int cli_bench_latest(struct cli_bench *bench)
{
    static const struct question questions[] = {
        {"one series", ask_latest_one},
        {"all series", ask_latest_all},
    };
    return ask_all(bench, questions, sizeof questions / sizeof questions[0]);
}

/* ---------------------------------------------------------------------------------- open */

/* nftw() has no context. */
static uint64_t folder_bytes;

static int add_file(const char *path, const struct stat *status, int type, struct FTW *place)
{
    (void)path;
    (void)place;
    if (type == FTW_F || type == FTW_D)
        folder_bytes += (uint64_t)status->st_size;
    return 0;
}

int cli_bench_open(struct cli_bench *bench)
{
    char path[CLI_BENCH_PATH_BYTES];
    size_t points = bench->quick ? POINTS_QUICK : POINTS;
    double opened[REPEATS], closed[REPEATS];
    int code = cli_bench_make(bench, HOSTS, points, path);
    for (size_t i = 0; i < REPEATS && code == 0; i++) {
        varve_db *db = NULL;
        double begin = cli_bench_wall_seconds();
        code = cli_bench_open_database(path, &db);
        opened[i] = cli_bench_wall_seconds() - begin;
        begin = cli_bench_wall_seconds();
        if (code == 0)
            code = cli_bench_close(db);
        closed[i] = cli_bench_wall_seconds() - begin;
    }
    if (code != 0)
        return code;
    folder_bytes = 0;
    nftw(path, add_file, 16, FTW_PHYS);
    double samples = (double)(HOSTS * CLI_BENCH_FIELDS * points);
    cli_bench_result(bench, cli_bench_median(opened, REPEATS) * 1e3, "ms", "open, compacted");
    cli_bench_result(bench, cli_bench_median(closed, REPEATS) * 1e3, "ms", "close, unchanged");
    cli_bench_result(bench, (double)folder_bytes / samples, "bytes", "a sample on disk");
    return 0;
}
