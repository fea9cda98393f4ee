/*
 * bench_rollup.c - averages over a year of samples every ten seconds, with a rollup and without, in
 * one process.
 *
 * Two databases have the same samples and are compacted; one has a rollup of an hour and one of a
 * day. The other answers as well as it can without: from the statistics of chunks where a chunk
 * fits a step, and decoded at the edges. Times are CPU time of the asking thread, medians of
 * interleaved repetitions.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness.h"
#include "support/random.h"
#include "support/temporary.h"
#include "varve/varve.h"

#define SECOND INT64_C(1000000000)
#define HOUR (3600 * SECOND)
#define DAY (24 * HOUR)
#define START (INT64_C(20454) * DAY) /* a midnight */

enum { SERIES_MAX = 8, STEP_SECONDS = 10, DAY_SAMPLES = 8640 };

struct side {
    varve_db *db;
    char path[320];
    varve_statistics statistics;
};

/* Both databases, made when they are first needed. */
static struct {
    bool ready;
    char folder[256];
    size_t series_count;
    size_t days;
    struct side plain;
    struct side rolled_up;
} bench;

static void check(varve_status status, const varve_error *error)
{
    if (status != VARVE_OK) {
        bench_stop("varve: %s", error->message);
    }
}

/* ------------------------------------------------------------------------------- Loading */

/* A day of a temperature: a slow wave and noise, to a tenth. */
static void make_day(struct vv_test_random *random, size_t day, int64_t *timestamps, double *values)
{
    for (size_t at = 0; at < DAY_SAMPLES; at++) {
        double wave = 8 * sin((double)at / DAY_SAMPLES * 6.283) + 10 * sin((double)day / 58);
        double noise = vv_test_random_uniform(random) - 0.5;
        timestamps[at] = START + (int64_t)day * DAY + (int64_t)at * STEP_SECONDS * SECOND;
        values[at] = round((wave + noise) * 10) / 10;
    }
}

static varve_series resolve(varve_db *db, size_t number)
{
    char digit = (char)('0' + number);
    varve_label labels[] = {{VARVE_STRING("__name__"), VARVE_STRING("temperature")},
                            {VARVE_STRING("room"), {&digit, 1}}};
    varve_series series = 0;
    varve_error error = {0};
    check(varve_series_resolve(db, labels, 2, &series, &error), &error);
    return series;
}

static void load(struct side *side, const char *name, bool roll_up)
{
    static int64_t timestamps[DAY_SAMPLES];
    static double values[DAY_SAMPLES];
    varve_options options = VARVE_OPTIONS_INIT;
    varve_error error = {0};
    options.flags = VARVE_OPEN_CREATE;
    options.sync = VARVE_SYNC_NONE;
    (void)snprintf(side->path, sizeof side->path, "%s/%s", bench.folder, name);
    check(varve_open(side->path, &options, &side->db, &error), &error);
    for (size_t number = 0; number < bench.series_count; number++) {
        struct vv_test_random random = vv_test_random_seeded(number);
        varve_series series = resolve(side->db, number);
        for (size_t day = 0; day < bench.days; day++) {
            make_day(&random, day, timestamps, values);
            check(varve_append(side->db, series, timestamps, values, DAY_SAMPLES, NULL),
                  &(varve_error){.message = "append failed"});
        }
    }
    static const int64_t steps[] = {HOUR, DAY};
    for (size_t at = 0; roll_up && at < 2; at++) {
        varve_rollup rule = VARVE_ROLLUP_INIT;
        rule.step = steps[at];
        check(varve_roll_up(side->db, &rule, &error), &error);
    }
    check(varve_compact(side->db, &error), &error);
    side->statistics = (varve_statistics)VARVE_STATISTICS_INIT;
    varve_stats(side->db, &side->statistics);
}

static void bench_release(void)
{
    (void)varve_close(bench.plain.db, NULL);
    (void)varve_close(bench.rolled_up.db, NULL);
    (void)vv_test_temporary_remove(bench.folder);
}

static void prepare(const struct bench_run *run)
{
    if (bench.ready) {
        return;
    }
    bench.ready = true;
    bench.series_count = run->quick ? 2 : 4;
    bench.days = run->quick ? 90 : 365;
    if (!vv_test_temporary_create(bench.folder, sizeof bench.folder)) {
        bench_stop("cannot make a temporary folder");
    }
    load(&bench.plain, "plain", false);
    load(&bench.rolled_up, "rolled-up", true);
    (void)atexit(bench_release);
}

/* -------------------------------------------------------------------------------- Asking */

/* A query, and what came of it the last time. */
struct asking {
    struct side *side;
    int64_t step;
    varve_step_unit unit;
    varve_profile *profile; /* nullable */
    size_t rows;
    double sum; /* of all averages */
};

static void ask(void *context)
{
    static const varve_function average[] = {VARVE_FUNCTION_AVG};
    struct asking *asking = context;
    varve_selection selection = VARVE_SELECTION_INIT;
    varve_aggregation aggregation = VARVE_AGGREGATION_INIT;
    varve_matcher matcher = {VARVE_MATCH_EQUAL, VARVE_STRING("__name__"),
                             VARVE_STRING("temperature")};
    varve_error error = {0};
    varve_rows *rows = NULL;
    varve_row row;
    selection.matchers = &matcher;
    selection.matcher_count = 1;
    selection.profile = asking->profile;
    aggregation.functions = average;
    aggregation.function_count = 1;
    aggregation.step = asking->step;
    aggregation.step_unit = asking->unit;
    asking->rows = 0;
    asking->sum = 0;
    check(varve_aggregate(asking->side->db, &selection, &aggregation, &rows, &error), &error);
    while (varve_rows_next(rows, &row)) {
        asking->rows++;
        asking->sum += row.values[0];
    }
    check(varve_rows_status(rows, &error), &error);
    varve_rows_close(rows);
}

/* Asks both sides in turn, and reports what the rows are good for. */
static void compare(const struct bench_run *run, const char *name, int64_t step,
                    varve_step_unit unit)
{
    varve_profile profile = VARVE_PROFILE_INIT;
    struct asking plain = {.side = &bench.plain, .step = step, .unit = unit};
    struct asking rolled_up = {.side = &bench.rolled_up, .step = step, .unit = unit};
    const struct bench_candidate candidates[] = {
        {"statistics and samples", &plain, NULL, ask, NULL},
        {"rows", &rolled_up, NULL, ask, NULL},
    };
    struct bench_time times[2];
    char measure[96];
    bench_interleave(run, BENCH_THREAD_CPU, candidates, 2, times);
    (void)snprintf(measure, sizeof measure, "%s, times without a rollup", name);
    bench_row(measure, times[0].median / times[1].median, times[0].median * 1e3,
              times[1].median * 1e3, "ms");
    rolled_up.profile = &profile;
    ask(&rolled_up);
    (void)snprintf(measure, sizeof measure, "%s, chunks decoded", name);
    bench_figure(measure, (double)profile.chunks_decoded, "");
    bool equal = plain.rows == rolled_up.rows &&
                 fabs(plain.sum - rolled_up.sum) <= 1e-9 * (1 + fabs(plain.sum));
    (void)snprintf(measure, sizeof measure, "%s, answers equal", name);
    bench_figure(measure, equal ? 1 : 0, "");
}

static void measure_hours(const struct bench_run *run)
{
    prepare(run);
    compare(run, "hours", HOUR, VARVE_STEP_NANOSECONDS);
}

static void measure_days(const struct bench_run *run)
{
    prepare(run);
    compare(run, "days", 1, VARVE_STEP_DAYS);
}

static void measure_months(const struct bench_run *run)
{
    prepare(run);
    compare(run, "months", 1, VARVE_STEP_MONTHS);
}

static void measure_bytes(const struct bench_run *run)
{
    prepare(run);
    double samples = (double)bench.rolled_up.statistics.samples;
    double plain = (double)bench.plain.statistics.block_bytes;
    double more = (double)bench.rolled_up.statistics.block_bytes - plain;
    double rows = samples / DAY_SAMPLES * (24 + 1);
    bench_row("bytes, of both levels, share of the blocks", more / plain, plain, more, "B");
    bench_figure("bytes, a row", more / rows, "B");
    bench_figure("bytes, blocks, a sample", plain / samples, "B");
}

int main(int argc, char **argv)
{
    static const struct bench_workload workloads[] = {
        {"hours", "average of each hour", measure_hours, NULL},
        {"days", "average of each day", measure_days, NULL},
        {"months", "average of each month", measure_months, NULL},
        {"bytes", "what the levels take", measure_bytes, NULL},
    };
    return bench_main(argc, argv, "bench_rollup", workloads, BENCH_COUNT_OF(workloads));
}
