/*
 * bench.h - what the workloads of `varve bench` share: a folder, a size, data and results.
 */
#ifndef VARVE_TOOLS_BENCH_H
#define VARVE_TOOLS_BENCH_H

#include "cli.h"

struct cli_bench {
    const char *folder;   /* where databases are made; the whole folder goes in the end */
    const char *workload; /* the one that runs: measures begin with its name */
    bool quick;           /* a tenth of the data */
    bool json;
    struct cli_output *output; /* the table; NULL with json */
    uint64_t databases;        /* made so far: each gets a name of its own */
};

/* A workload: returns 0, or the exit code after a message. */
typedef int (*cli_bench_function)(struct cli_bench *bench);
int cli_bench_append(struct cli_bench *bench);
int cli_bench_import(struct cli_bench *bench);
int cli_bench_latest(struct cli_bench *bench);
int cli_bench_levels(struct cli_bench *bench);
int cli_bench_open(struct cli_bench *bench);
int cli_bench_queries(struct cli_bench *bench);

/* One result; "WORKLOAD, what". */
void cli_bench_result(struct cli_bench *bench, double value, const char *unit, const char *what,
                      ...) __attribute__((format(printf, 4, 5)));

/* CPU time of the process, all threads; and the middle one of some figures, which get sorted. */
double cli_bench_cpu_seconds(void);
double cli_bench_wall_seconds(void);
double cli_bench_median(double *figures, size_t count);

/* Opens a new database in the folder. path holds CLI_BENCH_PATH_BYTES. Returns 0, or the exit code
 * after a message. */
enum { CLI_BENCH_PATH_BYTES = 4096 };
int cli_bench_create(struct cli_bench *bench, varve_sync_mode sync, char *path, varve_db **db);
/* Opens one that is there, without background threads. */
int cli_bench_open_database(const char *path, varve_db **db);
int cli_bench_close(varve_db *db);

/* Random numbers, the same in every run: xorshift64* by Vigna. state is not 0. */
uint64_t cli_bench_random(uint64_t *state);

/* The shape of the Time Series Benchmark Suite's "cpu-only" case: each host has ten tags and ten
 * fields that walk at random between 0 and 100, one point every ten seconds. */
enum { CLI_BENCH_FIELDS = 10, CLI_BENCH_STEP_SECONDS = 10 };
#define CLI_BENCH_START_SECONDS INT64_C(1794268800)
/* Influx lines of so many hosts and points. */
void cli_bench_text(size_t hosts, size_t points, struct cli_text *text);
/* Imports text from memory. */
int cli_bench_import_text(varve_db *db, const struct cli_text *text, uint64_t *samples);
/* A compacted database of that shape, closed. */
int cli_bench_make(struct cli_bench *bench, size_t hosts, size_t points, char *path);

#endif
