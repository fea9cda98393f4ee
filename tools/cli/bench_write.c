/*
 * bench_write.c - workloads that write: append, import, levels.
 */
#include "bench.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BATCH_SAMPLES = 512, LABELS = 5, NAME_BYTES = 48 };

/* --------------------------------------------------------------------------- many series */

/* The label set of series number `number`, as a service would have them. */
struct label_set {
    char texts[LABELS][NAME_BYTES];
    varve_label labels[LABELS];
};

static void label_set_fill(struct label_set *set, size_t number)
{
    static const char *const names[LABELS] = {"__name__", "instance", "job", "region", "service"};
    snprintf(set->texts[0], NAME_BYTES, "requests_%zu_total", number % 100);
    snprintf(set->texts[1], NAME_BYTES, "10.%zu.%zu.%zu:9100", number >> 16 & 255,
             number >> 8 & 255, number & 255);
    snprintf(set->texts[2], NAME_BYTES, "job-%zu", number % 16);
    snprintf(set->texts[3], NAME_BYTES, "region-%zu", number % 7);
    snprintf(set->texts[4], NAME_BYTES, "service-%zu", number);
    for (size_t i = 0; i < LABELS; i++)
        set->labels[i] = (varve_label){cli_string(names[i]), cli_string(set->texts[i])};
}

/* Makes so many series. */
static int resolve_all(varve_db *db, size_t count, varve_series *series)
{
    struct label_set set;
    for (size_t i = 0; i < count; i++) {
        varve_error error = {0};
        label_set_fill(&set, i);
        varve_status status = varve_series_resolve(db, set.labels, LABELS, &series[i], &error);
        if (status != VARVE_OK)
            return cli_fail(status, &error);
    }
    return 0;
}

/* -------------------------------------------------------------------------------- append */

/* Batches of BATCH_SAMPLES entries, round-robin over the series, each round a second later. */
static varve_status append_samples(varve_db *db, const varve_series *series, size_t series_count,
                                   uint64_t sample_count)
{
    varve_series refs[BATCH_SAMPLES];
    int64_t times[BATCH_SAMPLES];
    double values[BATCH_SAMPLES];
    varve_batch batch = VARVE_BATCH_INIT;
    batch.series = refs;
    batch.timestamps = times;
    batch.values = values;
    batch.count = BATCH_SAMPLES;
    size_t at = 0;
    int64_t time = CLI_BENCH_START_SECONDS * 1000000000;
    for (uint64_t done = 0; done < sample_count; done += BATCH_SAMPLES) {
        for (size_t i = 0; i < BATCH_SAMPLES; i++) {
            refs[i] = series[at];
            times[i] = time;
            values[i] = (double)(done + i) / 100;
            if (++at == series_count) {
                at = 0;
                time += 1000000000;
            }
        }
        varve_status status = varve_append_batch(db, &batch, NULL);
        if (status != VARVE_OK || cli_interrupted())
            return status;
    }
    return VARVE_OK;
}

static int measure_append(struct cli_bench *bench, varve_sync_mode sync, const char *mode,
                          size_t series_count, uint64_t sample_count)
{
    char path[CLI_BENCH_PATH_BYTES];
    varve_db *db = NULL;
    int code = cli_bench_create(bench, sync, path, &db);
    if (code != 0)
        return code;
    varve_series *series = cli_allocate(series_count * sizeof *series);
    code = resolve_all(db, series_count, series);
    if (code == 0) {
        /* The first round logs what the series are called: not what is measured. */
        varve_status status = append_samples(db, series, series_count, series_count);
        double cpu = cli_bench_cpu_seconds(), wall = cli_bench_wall_seconds();
        if (status == VARVE_OK)
            status = append_samples(db, series, series_count, sample_count);
        cpu = cli_bench_cpu_seconds() - cpu;
        wall = cli_bench_wall_seconds() - wall;
        code = status == VARVE_OK ? 0 : cli_fail_on(status, "append to", path);
        if (code == 0) {
            char count[VARVE_TEXT_MAX];
            cli_human_count(series_count, count);
            cli_bench_result(bench, cpu * 1e9 / (double)sample_count, "CPU ns",
                             "%s series, sync %s, a sample", count, mode);
            cli_bench_result(bench, (double)sample_count / wall / 1e6, "M/s",
                             "%s series, sync %s, samples", count, mode);
        }
    }
    free(series);
    int closed = cli_bench_close(db);
    return code != 0 ? code : closed;
}

int cli_bench_append(struct cli_bench *bench)
{
    static const struct {
        varve_sync_mode sync;
        const char *name;
        uint64_t samples;
    } modes[] = {{VARVE_SYNC_NONE, "none", 8 << 20},
                 {VARVE_SYNC_PROCESS, "process", 8 << 20},
                 {VARVE_SYNC_PERIODIC, "periodic", 8 << 20},
                 {VARVE_SYNC_COMMIT, "commit", 512 << 10}};
    static const size_t series_counts[] = {1000, 100000};
    for (size_t k = 0; k < sizeof series_counts / sizeof series_counts[0]; k++) {
        for (size_t i = 0; i < sizeof modes / sizeof modes[0]; i++) {
            uint64_t samples = bench->quick ? modes[i].samples / 8 : modes[i].samples;
            int code =
                measure_append(bench, modes[i].sync, modes[i].name, series_counts[k], samples);
            if (code != 0 || cli_interrupted())
                return code;
        }
    }
    return 0;
}

/* -------------------------------------------------------------------------------- import */

int cli_bench_import(struct cli_bench *bench)
{
    enum { ROUNDS = 3 };
    struct cli_text text = {0};
    double cpu[ROUNDS], wall[ROUNDS];
    uint64_t samples = 0;
    int code = 0;
    cli_bench_text(400, bench->quick ? 100 : 1000, &text);
    for (size_t round = 0; round < ROUNDS && code == 0; round++) {
        char path[CLI_BENCH_PATH_BYTES];
        varve_db *db = NULL;
        double cpu_before = cli_bench_cpu_seconds(), wall_before = cli_bench_wall_seconds();
        code = cli_bench_create(bench, VARVE_SYNC_PERIODIC, path, &db);
        if (code != 0)
            break;
        code = cli_bench_import_text(db, &text, &samples);
        int closed = cli_bench_close(db);
        code = code != 0 ? code : closed;
        cpu[round] = cli_bench_cpu_seconds() - cpu_before;
        wall[round] = cli_bench_wall_seconds() - wall_before;
    }
    if (code == 0) {
        double seconds = cli_bench_median(wall, ROUNDS);
        cli_bench_result(bench, cli_bench_median(cpu, ROUNDS) * 1e6 / (double)samples, "CPU s",
                         "a million samples");
        cli_bench_result(bench, (double)samples / seconds / 1e6, "M/s", "samples");
        cli_bench_result(bench, (double)text.length / seconds / 1e6, "MB/s", "Influx lines");
    }
    free(text.bytes);
    return code;
}

/* -------------------------------------------------------------------------------- levels */

/* What the plan that varve comes from started with, in series written a second. */
struct level {
    const char *name;
    size_t series;
    uint64_t operations; /* on them in all: at least one for each */
    double start;        /* 0: the plan does not say */
};

static double value_of(size_t number)
{
    return (double)number * 0.5;
}

/* One operation: the series by its labels, and one sample to it. */
static int write_level(varve_db *db, const struct level *level)
{
    struct label_set set;
    for (uint64_t done = 0; done < level->operations; done++) {
        varve_error error = {0};
        varve_series series;
        size_t number = (size_t)(done % level->series);
        int64_t time = (CLI_BENCH_START_SECONDS + (int64_t)(done / level->series)) * 1000000000;
        double value = value_of(number);
        label_set_fill(&set, number);
        varve_status status = varve_series_resolve(db, set.labels, LABELS, &series, &error);
        if (status == VARVE_OK)
            status = varve_append(db, series, &time, &value, 1, NULL);
        if (status != VARVE_OK)
            return cli_fail(status, &error);
        if (cli_interrupted())
            return 0;
    }
    return 0;
}

/* The number that label_set_fill() was given for these labels. */
static size_t number_of(const varve_label *labels, size_t count)
{
    static const char prefix[] = "service-";
    for (size_t i = 0; i < count; i++) {
        varve_string value = labels[i].value;
        size_t number = 0;
        if (value.length < sizeof prefix || memcmp(value.bytes, prefix, sizeof prefix - 1) != 0)
            continue;
        for (size_t k = sizeof prefix - 1; k < value.length; k++)
            number = number * 10 + (size_t)(value.bytes[k] - '0');
        return number;
    }
    return SIZE_MAX;
}

/* How many operations can be read back, with the value that was written. */
static int read_level(varve_db *db, uint64_t *found)
{
    varve_selection selection = VARVE_SELECTION_INIT;
    varve_error error = {0};
    varve_cursor *cursor = NULL;
    *found = 0;
    varve_status status = varve_select(db, &selection, &cursor, &error);
    if (status != VARVE_OK)
        return cli_fail(status, &error);
    while (varve_cursor_next(cursor)) {
        const varve_label *labels;
        size_t count;
        varve_span span;
        varve_cursor_labels(cursor, &labels, &count);
        size_t number = number_of(labels, count);
        while (varve_cursor_span(cursor, &span)) {
            for (size_t i = 0; i < span.count; i++)
                *found += span.values[i] == value_of(number);
        }
    }
    status = varve_cursor_status(cursor, &error);
    varve_cursor_close(cursor);
    return status == VARVE_OK ? 0 : cli_fail(status, &error);
}

/* Writes and reads one level in a new database; CPU seconds of each. */
static int run_level(struct cli_bench *bench, const struct level *level, double *write_seconds,
                     double *read_seconds, uint64_t *found)
{
    char path[CLI_BENCH_PATH_BYTES];
    varve_db *db = NULL;
    int code = cli_bench_create(bench, VARVE_SYNC_NONE, path, &db);
    if (code != 0)
        return code;
    double begin = cli_bench_cpu_seconds();
    code = write_level(db, level);
    double written = cli_bench_cpu_seconds();
    if (code == 0)
        code = read_level(db, found);
    *write_seconds = written - begin;
    *read_seconds = cli_bench_cpu_seconds() - written;
    int closed = cli_bench_close(db);
    return code != 0 ? code : closed;
}

/* Levels below this many operations are run so often, in turn, and their medians count. */
enum { SMALL_OPERATIONS = 100000, SMALL_ROUNDS = 25 };

struct level_figures {
    double write_seconds[SMALL_ROUNDS];
    double read_seconds[SMALL_ROUNDS];
    size_t rounds;
    uint64_t found; /* in all rounds */
};

static int run_round(struct cli_bench *bench, const struct level *level,
                     struct level_figures *figures)
{
    uint64_t found = 0;
    size_t round = figures->rounds++;
    int code = run_level(bench, level, &figures->write_seconds[round],
                         &figures->read_seconds[round], &found);
    figures->found += found;
    return code != 0 || !cli_interrupted() ? code : cli_interrupt_exit_code();
}

/* Reports a level; returns its rate of writing. first_rate: that of the first level, or 0. */
static double report_level(struct cli_bench *bench, const struct level *level,
                           struct level_figures *figures, double first_rate)
{
    double operations = (double)level->operations;
    double rate = operations / cli_bench_median(figures->write_seconds, figures->rounds);
    double read_rate = operations / cli_bench_median(figures->read_seconds, figures->rounds);
    cli_bench_result(bench, rate, "/CPU s", "%s, series written", level->name);
    cli_bench_result(bench, read_rate, "/CPU s", "%s, samples read back", level->name);
    cli_bench_result(bench, (double)figures->found * 100 / (operations * (double)figures->rounds),
                     "%", "%s, found again", level->name);
    if (first_rate > 0)
        cli_bench_result(bench, rate / first_rate, "x", "%s, rate to that of 1K", level->name);
    if (level->start > 0)
        cli_bench_result(bench, rate / level->start, "x", "%s, rate to the plan's start",
                         level->name);
    return rate;
}

int cli_bench_levels(struct cli_bench *bench)
{
    static const struct level levels[] = {{"1K", 1000, 1000, 10638},
                                          {"5K", 5000, 5000, 7496},
                                          {"10K", 10000, 10000, 4498},
                                          {"1M", 1000000, 1000000, 0},
                                          {"10M operations on 1M", 1000000, 10000000, 0}};
    enum { LEVELS = sizeof levels / sizeof levels[0] };
    struct level_figures *figures = cli_allocate(LEVELS * sizeof *figures);
    memset(figures, 0, LEVELS * sizeof *figures);
    size_t count = bench->quick ? LEVELS - 1 : LEVELS;
    int code = 0;
    for (size_t round = 0; round < SMALL_ROUNDS && code == 0; round++) {
        for (size_t i = 0; i < count && code == 0; i++) {
            if (levels[i].operations < SMALL_OPERATIONS)
                code = run_round(bench, &levels[i], &figures[i]);
        }
    }
    double first_rate = 0;
    for (size_t i = 0; i < count && code == 0; i++) {
        if (figures[i].rounds == 0)
            code = run_round(bench, &levels[i], &figures[i]);
        if (code == 0) {
            double rate = report_level(bench, &levels[i], &figures[i], first_rate);
            first_rate = i == 0 ? rate : first_rate;
        }
    }
    free(figures);
    return code;
}
