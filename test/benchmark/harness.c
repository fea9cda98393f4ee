/*
 * harness.c - runs workloads by name, times candidates in turn and prints what came out.
 */
#include "harness.h"

#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "harness_internal.h"
#include "support/random.h"

enum { ROUNDS_QUICK = 5, ROUNDS_FULL = 9, ROUNDS_MAX = 99, LINE_BYTES = 256 };

const char *bench_program_path;
static bool as_json;

_Noreturn void bench_stop(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    (void)vfprintf(stderr, format, arguments);
    va_end(arguments);
    (void)fputc('\n', stderr);
    exit(1);
}

void *bench_allocate_zeroed(size_t bytes)
{
    void *memory = calloc(1, bytes);
    if (memory == NULL) {
        bench_stop("out of memory: %zu bytes", bytes);
    }
    return memory;
}

/* ---------------------------------------------------------------------------- reporting */

void bench_note(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    (void)vfprintf(stderr, format, arguments);
    va_end(arguments);
    (void)fputc('\n', stderr);
}

void bench_row(const char *measure, double value, double baseline, double varve, const char *unit)
{
    if (!isfinite(value)) {
        bench_missing(measure, "it came out as no number");
    } else if (as_json) {
        printf("{\"measure\":\"%s\",\"value\":%.6g,\"baseline\":%.6g,\"varve\":%.6g,"
               "\"unit\":\"%s\"}\n",
               measure, value, baseline, varve, unit);
    } else {
        printf("%-56s %10.4g  (baseline %.4g, varve %.4g %s)\n", measure, value, baseline, varve,
               unit);
    }
    (void)fflush(stdout);
}

void bench_figure(const char *measure, double value, const char *unit)
{
    if (as_json) {
        printf("{\"measure\":\"%s\",\"value\":%.6g,\"varve\":%.6g,\"unit\":\"%s\"}\n", measure,
               value, value, unit);
    } else {
        printf("%-56s %10.4g %s\n", measure, value, unit);
    }
    (void)fflush(stdout);
}

void bench_missing(const char *measure, const char *why)
{
    if (as_json) {
        printf("{\"measure\":\"%s\",\"missing\":\"%s\"}\n", measure, why);
    } else {
        printf("%-56s not measured: %s\n", measure, why);
    }
    (void)fflush(stdout);
}

/* ------------------------------------------------------------------------------- timing */

double bench_seconds(enum bench_clock clock)
{
    static const clockid_t ids[] = {[BENCH_WALL] = CLOCK_MONOTONIC,
                                    [BENCH_PROCESS_CPU] = CLOCK_PROCESS_CPUTIME_ID,
                                    [BENCH_THREAD_CPU] = CLOCK_THREAD_CPUTIME_ID};
    struct timespec time;
    (void)clock_gettime(ids[clock], &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static int compare_doubles(const void *left, const void *right)
{
    double a = *(const double *)left;
    double b = *(const double *)right;
    return (a > b) - (a < b);
}

double bench_median(double *values, size_t count)
{
    qsort(values, count, sizeof *values, compare_doubles);
    return values[count / 2];
}

static double time_candidate(const struct bench_candidate *candidate, enum bench_clock clock)
{
    if (candidate->prepare != NULL) {
        candidate->prepare(candidate->context);
    }
    double begin = bench_seconds(clock);
    candidate->work(candidate->context);
    double seconds = bench_seconds(clock) - begin;
    if (candidate->finish != NULL) {
        candidate->finish(candidate->context);
    }
    return seconds;
}

void bench_interleave(const struct bench_run *run, enum bench_clock clock,
                      const struct bench_candidate *candidates, size_t count,
                      struct bench_time *times)
{
    double *seconds = bench_allocate_zeroed(count * run->rounds * sizeof *seconds);
    for (size_t i = 0; i < count; i++) {
        (void)time_candidate(&candidates[i], clock);
    }
    for (size_t round = 0; round < run->rounds; round++) {
        for (size_t i = 0; i < count; i++) {
            seconds[i * run->rounds + round] = time_candidate(&candidates[i], clock);
        }
    }
    for (size_t i = 0; i < count; i++) {
        double *own = seconds + i * run->rounds;
        times[i].median = bench_median(own, run->rounds);
        times[i].least = own[0];
        times[i].greatest = own[run->rounds - 1];
        bench_note("%s: %.6f s (%.6f to %.6f)", candidates[i].name, times[i].median, times[i].least,
                   times[i].greatest);
    }
    free(seconds);
}

/* ------------------------------------------------------------------------- command line */

/* The command line as it came. */
struct arguments {
    struct bench_run run;
    const char *names;   /* of workloads, comma-separated; NULL: all */
    const char *variant; /* with count_times: only count, for bench_count() */
    uint64_t count_times;
    bool list;
};

static bool take_option(struct arguments *arguments, const char *word, const char *next)
{
    if (strcmp(word, "--quick") == 0) {
        arguments->run.quick = true;
    } else if (strcmp(word, "--full") == 0) {
        arguments->run.quick = false;
    } else if (strcmp(word, "--json") == 0) {
        arguments->run.json = true;
    } else if (strcmp(word, "--list") == 0) {
        arguments->list = true;
    } else if (strncmp(word, "--benchmarks=", 13) == 0) {
        arguments->names = word + 13;
    } else if (strcmp(word, "--seed") == 0 && next != NULL) {
        arguments->run.seed = strtoull(next, NULL, 0);
    } else if (strcmp(word, "--rounds") == 0 && next != NULL) {
        size_t rounds = strtoul(next, NULL, 10);
        arguments->run.rounds = rounds < 1 ? 1 : rounds > ROUNDS_MAX ? ROUNDS_MAX : rounds;
    } else if (strcmp(word, "--count-variant") == 0 && next != NULL) {
        arguments->variant = next;
    } else if (strcmp(word, "--count-times") == 0 && next != NULL) {
        arguments->count_times = strtoull(next, NULL, 10);
    } else {
        return false;
    }
    return true;
}

static bool takes_value(const char *word)
{
    return strcmp(word, "--seed") == 0 || strcmp(word, "--rounds") == 0 ||
           strcmp(word, "--count-variant") == 0 || strcmp(word, "--count-times") == 0;
}

static bool parse(struct arguments *arguments, int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        if (!take_option(arguments, argv[i], i + 1 < argc ? argv[i + 1] : NULL)) {
            return false;
        }
        i += takes_value(argv[i]);
    }
    if (arguments->run.rounds == 0) {
        arguments->run.rounds = arguments->run.quick ? ROUNDS_QUICK : ROUNDS_FULL;
    }
    return true;
}

/* Whether name stands in the comma-separated list. */
static bool lists(const char *names, const char *name)
{
    size_t length = strlen(name);
    for (const char *at = names; at != NULL; at = strchr(at, ',')) {
        at += *at == ',';
        if (strncmp(at, name, length) == 0 && (at[length] == ',' || at[length] == '\0')) {
            return true;
        }
    }
    return false;
}

static void print_workloads(FILE *stream, const struct bench_workload *workloads, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        (void)fprintf(stream, "  %-16s %s\n", workloads[i].name, workloads[i].summary);
    }
}

/* Whether each name of the list is that of a workload. */
static bool are_known(const char *names, const struct bench_workload *workloads, size_t count)
{
    for (const char *at = names; at != NULL; at = strchr(at, ',')) {
        at += *at == ',';
        size_t length = strcspn(at, ",");
        bool known = false;
        for (size_t i = 0; i < count; i++) {
            known |=
                strlen(workloads[i].name) == length && strncmp(at, workloads[i].name, length) == 0;
        }
        if (!known) {
            (void)fprintf(stderr, "there is no workload %.*s; there are:\n", (int)length, at);
            print_workloads(stderr, workloads, count);
            return false;
        }
    }
    return true;
}

int bench_main(int argc, char **argv, const char *program, const struct bench_workload *workloads,
               size_t workload_count)
{
    struct arguments arguments = {
        .run = {.program = program,
                .seed = VV_TEST_SEED_DEFAULT,
                .folder = getenv("VARVE_TEST_DATA")},
    };
    bench_program_path = argv[0];
    if (!parse(&arguments, argc, argv)) {
        (void)fprintf(stderr,
                      "usage: %s [--quick|--full] [--json] [--benchmarks=NAME,...] [--seed N] "
                      "[--rounds N] [--list]\nworkloads:\n",
                      program);
        print_workloads(stderr, workloads, workload_count);
        return 2;
    }
    if (arguments.list) {
        print_workloads(stdout, workloads, workload_count);
        return 0;
    }
    if (!are_known(arguments.names, workloads, workload_count)) {
        return 2;
    }
    as_json = arguments.run.json;
    for (size_t i = 0; i < workload_count; i++) {
        if (arguments.names != NULL && !lists(arguments.names, workloads[i].name)) {
            continue;
        }
        if (arguments.variant != NULL) {
            workloads[i].count(&arguments.run, arguments.variant, arguments.count_times);
        } else {
            workloads[i].measure(&arguments.run);
        }
    }
    return 0;
}
