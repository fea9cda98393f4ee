/*
 * verb_bench.c - `varve bench`: how fast varve is on this machine.
 *
 * B1  Everything is written into one folder of its own, which is removed in the end, also when a
 *     workload fails or is interrupted.
 * B2  With --json a result is printed as soon as it is known, one object a line.
 */
#include "bench.h"
#include "output.h"

#include <errno.h>
#include <ftw.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static const struct workload {
    const char *name;
    const char *summary;
    cli_bench_function run;
} workloads[] = {
    {"append", "batches of 512 samples, by sync mode and number of series", cli_bench_append},
    {"import", "Influx lines through varve_import(), and the size on disk", cli_bench_import},
    {"latest", "newest sample of one series, and of all", cli_bench_latest},
    {"levels", "series made, written and read back: 1K, 5K, 10K, 1M", cli_bench_levels},
    {"open", "opening a database, also after a crash", cli_bench_open},
    {"queries", "raw samples, aggregates by step and by host, label lookups", cli_bench_queries},
};
enum { WORKLOADS = sizeof workloads / sizeof workloads[0] };

static const char *workload_name(void *context, size_t index)
{
    (void)context;
    return index < WORKLOADS ? workloads[index].name : NULL;
}

/* ------------------------------------------------------------------------------ results */

void cli_bench_result(struct cli_bench *bench, double value, const char *unit, const char *what,
                      ...)
{
    char text[160];
    va_list arguments;
    va_start(arguments, what);
    vsnprintf(text, sizeof text, what, arguments);
    va_end(arguments);
    if (bench->json) {
        printf("{\"measure\":\"%s, %s\",\"value\":%.6g,\"varve\":%.6g,\"unit\":\"%s\"}\n",
               bench->workload, text, value, value, unit);
        fflush(stdout);
        return;
    }
    char figure[32];
    snprintf(figure, sizeof figure, "%.4g", value);
    cli_output_text(bench->output, bench->workload, strlen(bench->workload));
    cli_output_text(bench->output, text, strlen(text));
    cli_output_value(bench->output, strtod(figure, NULL));
    cli_output_text(bench->output, unit, strlen(unit));
    cli_output_row_end(bench->output);
}

double cli_bench_cpu_seconds(void)
{
    struct timespec time;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

double cli_bench_wall_seconds(void)
{
    return (double)cli_monotonic() / 1e9;
}

static int compare_figures(const void *left, const void *right)
{
    double a = *(const double *)left, b = *(const double *)right;
    return (a > b) - (a < b);
}

double cli_bench_median(double *figures, size_t count)
{
    qsort(figures, count, sizeof *figures, compare_figures);
    return figures[count / 2];
}

/* ---------------------------------------------------------------------------- databases */

int cli_bench_create(struct cli_bench *bench, varve_sync_mode sync, char *path, varve_db **db)
{
    snprintf(path, CLI_BENCH_PATH_BYTES, "%s/%" PRIu64, bench->folder, bench->databases++);
    varve_options options = VARVE_OPTIONS_INIT;
    options.flags = VARVE_OPEN_CREATE;
    options.sync = sync;
    varve_error error = {0};
    varve_status status = varve_open(path, &options, db, &error);
    return status == VARVE_OK ? 0 : cli_fail(status, &error);
}

int cli_bench_open_database(const char *path, varve_db **db)
{
    varve_options options = VARVE_OPTIONS_INIT;
    options.background_threads = 0;
    varve_error error = {0};
    varve_status status = varve_open(path, &options, db, &error);
    return status == VARVE_OK ? 0 : cli_fail(status, &error);
}

int cli_bench_close(varve_db *db)
{
    varve_error error = {0};
    varve_status status = varve_close(db, &error);
    return status == VARVE_OK ? 0 : cli_fail(status, &error);
}

/* --------------------------------------------------------------------------------- runs */

static int remove_entry(const char *path, const struct stat *status, int type, struct FTW *place)
{
    (void)status;
    (void)place;
    return type == FTW_DP ? rmdir(path) : unlink(path);
}

/* Says on a terminal which workload runs; none is left to be seen with name NULL. */
static void show_progress(const char *name, size_t number, size_t count)
{
    if (isatty(STDERR_FILENO) && name)
        fprintf(stderr, "\r\033[K%zu of %zu: %s ...", number, count, name);
    else if (isatty(STDERR_FILENO))
        fprintf(stderr, "\r\033[K");
}

/* Runs the workloads that are wanted, in the order of the table. */
static int run_wanted(struct cli_bench *bench, const bool *wanted)
{
    size_t count = 0, number = 0;
    int code = 0;
    for (size_t i = 0; i < WORKLOADS; i++)
        count += wanted[i];
    for (size_t i = 0; i < WORKLOADS && code == 0; i++) {
        if (!wanted[i])
            continue;
        show_progress(workloads[i].name, ++number, count);
        bench->workload = workloads[i].name;
        code = workloads[i].run(bench);
        show_progress(NULL, 0, 0);
        if (code == 0 && cli_interrupted())
            code = cli_interrupt_exit_code();
    }
    return code;
}

/* Which workloads the arguments name; all if there are none. */
static int choose(const struct cli_invocation *invocation, bool *wanted)
{
    for (size_t i = 0; i < WORKLOADS; i++)
        wanted[i] = invocation->argument_count == 0;
    for (size_t k = 0; k < invocation->argument_count; k++) {
        const char *name = invocation->arguments[k];
        size_t i = 0;
        while (i < WORKLOADS && strcmp(workloads[i].name, name) != 0)
            i++;
        if (i == WORKLOADS) {
            size_t guess = cli_suggest(name, workload_name, NULL);
            if (guess != SIZE_MAX)
                return cli_usage_error("no workload \"%s\"; did you mean %s?", name,
                                       workloads[guess].name);
            cli_usage_error("no workload \"%s\"; there are:", name);
            for (i = 0; i < WORKLOADS; i++)
                fprintf(stderr, "  %-8s  %s\n", workloads[i].name, workloads[i].summary);
            return CLI_EXIT_USAGE;
        }
        wanted[i] = true;
    }
    return 0;
}

int cli_verb_bench(const struct cli_invocation *invocation)
{
    static const char *const columns[] = {"workload", "measure", "value", "unit"};
    bool wanted[WORKLOADS];
    int code = choose(invocation, wanted);
    if (code != 0)
        return code;
    const char *parent = cli_value(invocation, CLI_OPTION_FOLDER);
    const char *temporary = getenv("TMPDIR");
    char folder[CLI_BENCH_PATH_BYTES / 2];
    snprintf(folder, sizeof folder, "%s/varve-bench-XXXXXX",
             parent                      ? parent
             : temporary && temporary[0] ? temporary
                                         : "/tmp");
    if (!mkdtemp(folder)) {
        cli_say("cannot make a folder in %s: %s", parent ? parent : "the temporary folder",
                strerror(errno));
        return CLI_EXIT_OUTPUT;
    }
    struct cli_bench bench = {.folder = folder,
                              .quick = cli_given(invocation, CLI_OPTION_QUICK),
                              .json = cli_given(invocation, CLI_OPTION_JSON_LINES)};
    if (!bench.json)
        bench.output = cli_output_create(isatty(STDOUT_FILENO) ? CLI_OUTPUT_TABLE : CLI_OUTPUT_CSV,
                                         VARVE_PRECISION_DEFAULT, columns, 4);
    code = run_wanted(&bench, wanted);
    if (bench.output)
        cli_output_close(bench.output);
    nftw(folder, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
    return code;
}
