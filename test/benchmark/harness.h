/*
 * harness.h - what the benchmark programs of the phases share: workloads by name, interleaved
 * timing, counting, and the lines that tools/gate reads.
 *
 *   int main(int argc, char **argv)
 *   {
 *       static const struct bench_workload workloads[] = {
 *           {"allocate", "acquire and release of a series with its buffers", allocate}, ...
 *       };
 *       return bench_main(argc, argv, "phase1_memory", workloads, BENCH_COUNT_OF(workloads));
 *   }
 *
 * A workload measures and calls bench_row() for each measure, whose name begins with the name of
 * the workload: "allocate, times aligned_alloc". tools/gate runs a single workload again by that
 * name. Threads: the harness belongs to the thread of main().
 */
#ifndef VARVE_TEST_BENCHMARK_HARNESS_H
#define VARVE_TEST_BENCHMARK_HARNESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BENCH_COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

/* What the command line asked for. */
struct bench_run {
    const char *program;
    bool quick;         /* small data, for every change; otherwise the sizes of the plan */
    bool json;          /* lines for tools/gate instead of a table */
    uint64_t seed;      /* fixed unless --seed says otherwise */
    size_t rounds;      /* of interleaved repetitions */
    const char *folder; /* of real data; NULL: not there */
};

typedef void (*bench_function)(const struct bench_run *run);

struct bench_workload {
    const char *name;
    const char *summary; /* one line of --help */
    bench_function measure;
    /* For bench_count(): does the work `times` times and nothing else; NULL: not counted. */
    void (*count)(const struct bench_run *run, const char *variant, uint64_t times);
};

/**
 * bench_main() - parses the command line and runs the workloads that it names, all by default.
 *
 *   --quick  --full  --json  --benchmarks=NAME,...  --seed N  --rounds N  --list
 *
 * An unknown name lists the known ones. Returns the exit code: 2 for a wrong command line.
 */
int bench_main(int argc, char **argv, const char *program, const struct bench_workload *workloads,
               size_t workload_count);

/* Ends the program with a message on stderr: what a benchmark cannot go on without. */
_Noreturn void bench_stop(const char *format, ...) __attribute__((format(printf, 1, 2)));
void *bench_allocate_zeroed(size_t bytes); /* never NULL; to be freed with free() */

/* ---------------------------------------------------------------------------- reporting */

/* One measure. value is what gates.json compares; baseline and varve are what it was made of, in
 * unit. */
void bench_row(const char *measure, double value, double baseline, double varve, const char *unit);
/* A measure of which only the value exists. */
void bench_figure(const char *measure, double value, const char *unit);
/* A measure that this machine or build cannot give: "no valgrind". */
void bench_missing(const char *measure, const char *why);
/* Something worth saying that no gate reads; on stderr. */
void bench_note(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* ------------------------------------------------------------------------------- timing */

enum bench_clock {
    BENCH_WALL,
    BENCH_PROCESS_CPU, /* all threads, user and system */
    BENCH_THREAD_CPU   /* of the calling thread */
};
double bench_seconds(enum bench_clock clock);

/* One side of a comparison. prepare and finish are not timed and may be NULL. */
struct bench_candidate {
    const char *name;
    void *context;
    void (*prepare)(void *context);
    void (*work)(void *context);
    void (*finish)(void *context);
};

struct bench_time {
    double median; /* seconds */
    double least;
    double greatest;
};

/* Runs all candidates in turn, once as a warm-up and then run->rounds times, so that a slow moment
 * of the machine meets all of them; times[i] is that of candidates[i]. */
void bench_interleave(const struct bench_run *run, enum bench_clock clock,
                      const struct bench_candidate *candidates, size_t count,
                      struct bench_time *times);

/* Sorts values and returns the middle one. */
double bench_median(double *values, size_t count);

/* Keeps the compiler from dropping what was computed. */
static inline void bench_use(const void *memory)
{
    __asm__ volatile("" : : "r"(memory) : "memory");
}

/* ----------------------------------------------------------------------------- counting */

/* Resident memory of this process, now; and its greatest since bench_reset_peak(). Bytes; 0 if
 * /proc does not tell. */
uint64_t bench_resident_bytes(void);
uint64_t bench_peak_bytes(void);
void bench_reset_peak(void);

/* Bytes that this process has read since it began, without what came through mappings; 0 if /proc
 * does not tell. */
uint64_t bench_read_bytes(void);

/* What cachegrind counted for one unit of work. */
struct bench_counts {
    double instructions;
    double d1_misses; /* reads and writes */
    double ll_misses;
    double references; /* of data */
};

/* Caches that cachegrind simulates, the same on every machine: 32 KiB, 8-way; 1 MiB, 16-way. */
#define BENCH_CACHES "--I1=32768,8,64", "--D1=32768,8,64", "--LL=1048576,16,64"

/**
 * bench_count() - runs the workload's count function of this program under cachegrind, once doing
 * the work `times` times and once not at all, and gives the difference, for one time.
 *
 * @variant  handed through: "varve" or "baseline", say.
 * Returns NULL, or why it could not be counted, for bench_missing(). The child runs with
 * VARVE_ISA=avx2, which valgrind knows, unless it is scalar.
 */
const char *bench_count(const struct bench_run *run, const char *workload, const char *variant,
                        uint64_t times, struct bench_counts *counts);

/**
 * bench_count_calls() - the same under strace: how often the work made each of the system calls.
 *
 * @calls  names, comma-separated: "futex"; @total  calls in the whole run with `times`, less those
 * of a run with none. Threads of the work are followed.
 */
const char *bench_count_calls(const struct bench_run *run, const char *workload,
                              const char *variant, uint64_t times, const char *calls,
                              double *total);

#endif
