/*
 * phase2_append.c - the write path against a mutex, a map, heap objects and a log of rows.
 *
 * Appends are counted to log and tail: nothing is flushed meanwhile (background_threads = 0 and a
 * head without bounds), so that encoding of blocks stands in neither figure.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "append_data.h"
#include "support/temporary.h"

enum { WRITERS = 16 };

/* One side of a comparison: a store and where its threads are. */
struct side {
    struct bench_store store;
    struct bench_walk walks[WRITERS];
    size_t threads;
    uint64_t samples; /* of each thread */
    void (*append)(struct bench_store *store, struct bench_walk *walk, uint64_t samples);
};

static void work_of_thread(void *context, size_t index)
{
    struct side *side = context;
    side->append(&side->store, &side->walks[index], side->samples);
}

/* Gives each of the threads a share of the series, in whole lock groups. */
static void share_series(struct side *side, size_t threads, bool random)
{
    size_t share = side->store.series_count / threads;
    side->threads = threads;
    for (size_t i = 0; i < threads; i++) {
        side->walks[i] = bench_walk_make(i * share, share, random ? i * 7919 + 1 : 0);
    }
}

/* Every series gets its first sample: what makes a series known to the log and the head is not what
 * is measured. */
static void warm_up(struct side *side)
{
    struct bench_walk walk = bench_walk_make(0, side->store.series_count, 0);
    walk.time -= INT64_C(1000000000) * 1000;
    bench_append_batches(&side->store, &walk, side->store.series_count);
}

struct comparison {
    struct side varve;
    struct side baseline;
};

static void open_both(struct comparison *comparison, size_t series, varve_sync_mode sync,
                      enum baseline_mode mode)
{
    memset(comparison, 0, sizeof *comparison);
    bench_store_open(&comparison->varve.store, series, sync, 0);
    bench_store_open_baseline(&comparison->baseline.store, series, mode);
    comparison->varve.append = comparison->baseline.append = bench_append_batches;
    warm_up(&comparison->varve);
    warm_up(&comparison->baseline);
}

static void close_both(struct comparison *comparison)
{
    bench_store_close(&comparison->varve.store);
    bench_store_close(&comparison->baseline.store);
}

/* Medians over interleaved rounds of what bench_run_threads() gives, in seconds a sample. */
struct costs {
    double varve_wall, varve_cpu;
    double baseline_wall, baseline_cpu;
};

static struct costs measure_rounds(const struct bench_run *run, struct comparison *comparison)
{
    double figures[4][99];
    size_t rounds = run->rounds;
    for (size_t round = 0; round < rounds; round++) {
        struct side *sides[] = {&comparison->varve, &comparison->baseline};
        for (size_t i = 0; i < 2; i++) {
            double samples = (double)(sides[i]->samples * sides[i]->threads);
            struct bench_threads time =
                bench_run_threads(sides[i]->threads, work_of_thread, sides[i]);
            figures[i * 2][round] = time.wall_seconds / samples;
            figures[i * 2 + 1][round] = time.cpu_seconds / samples;
        }
    }
    return (struct costs){bench_median(figures[0], rounds), bench_median(figures[1], rounds),
                          bench_median(figures[2], rounds), bench_median(figures[3], rounds)};
}

/* --------------------------------------------------------------------------- one thread */

static void compare_batches(const struct bench_run *run, size_t series, const char *name,
                            varve_sync_mode sync, enum baseline_mode mode, const char *mode_name)
{
    static struct comparison comparison;
    char measure[80];
    open_both(&comparison, series, sync, mode);
    share_series(&comparison.varve, 1, false);
    share_series(&comparison.baseline, 1, false);
    /* Tails of a thousand samples are encoded: with few series all rounds together stay below. */
    comparison.varve.samples = comparison.baseline.samples = series < 10000 ? 96 << 10 : 1 << 21;
    struct costs costs = measure_rounds(run, &comparison);
    (void)snprintf(measure, sizeof measure, "batch, %s series, %s, times baseline", name,
                   mode_name);
    bench_row(measure, costs.baseline_cpu / costs.varve_cpu, costs.baseline_cpu * 1e9,
              costs.varve_cpu * 1e9, "CPU ns");
    close_both(&comparison);
}

static void measure_batch(const struct bench_run *run)
{
    compare_batches(run, 1000, "1K", VARVE_SYNC_NONE, BASELINE_BUFFER, "none");
    compare_batches(run, 1000, "1K", VARVE_SYNC_PROCESS, BASELINE_PROCESS, "process");
    if (run->quick) {
        return; /* a million series take seconds to make */
    }
    compare_batches(run, 1000000, "1M", VARVE_SYNC_NONE, BASELINE_BUFFER, "none");
    compare_batches(run, 1000000, "1M", VARVE_SYNC_PROCESS, BASELINE_PROCESS, "process");
}

/* ------------------------------------------------------------------------ several threads */

static void measure_single(const struct bench_run *run)
{
    static struct comparison comparison;
    open_both(&comparison, 1000000, VARVE_SYNC_NONE, BASELINE_BUFFER);
    comparison.varve.append = comparison.baseline.append = bench_append_singles;
    share_series(&comparison.varve, 2, true);
    share_series(&comparison.baseline, 2, true);
    comparison.varve.samples = comparison.baseline.samples = run->quick ? 1 << 18 : 1 << 20;
    for (size_t i = 0; i < 2; i++) { /* both threads over all series */
        comparison.varve.walks[i].first = comparison.baseline.walks[i].first = 0;
        comparison.varve.walks[i].count = comparison.baseline.walks[i].count = 1000000;
    }
    struct costs costs = measure_rounds(run, &comparison);
    bench_row("single, two threads, times baseline", costs.baseline_wall / costs.varve_wall,
              costs.baseline_wall * 2e9, costs.varve_wall * 2e9, "ns");
    close_both(&comparison);
}

static void measure_writers(const struct bench_run *run)
{
    static struct comparison comparison;
    open_both(&comparison, 64 * 1024, VARVE_SYNC_PROCESS, BASELINE_PROCESS);
    share_series(&comparison.varve, WRITERS, false);
    share_series(&comparison.baseline, WRITERS, false);
    comparison.varve.samples = comparison.baseline.samples = run->quick ? 1 << 16 : 1 << 18;
    struct costs costs = measure_rounds(run, &comparison);
    bench_row("writers, sixteen, process, times baseline", costs.baseline_wall / costs.varve_wall,
              costs.baseline_wall * 1e9, costs.varve_wall * 1e9, "ns");
    close_both(&comparison);
}

/* Throughput of two threads over one, and CPU time of sixteen over one, of varve alone. */
static void measure_scaling_of(const struct bench_run *run, varve_sync_mode sync, const char *name)
{
    static const size_t counts[] = {1, 2, WRITERS};
    static struct side side;
    double wall[3][99], cpu[3][99];
    char measure[80];
    memset(&side, 0, sizeof side);
    bench_store_open(&side.store, 64 * 1024, sync, 0);
    side.append = bench_append_batches;
    warm_up(&side);
    uint64_t total = run->quick ? 1 << 20 : 1 << 22;
    int64_t later = 0; /* each run goes on behind the last one */
    for (size_t round = 0; round < run->rounds; round++) {
        for (size_t i = 0; i < 3; i++) {
            share_series(&side, counts[i], false);
            for (size_t k = 0; k < counts[i]; k++) {
                side.walks[k].time += later;
            }
            side.samples = total / counts[i];
            struct bench_threads time = bench_run_threads(counts[i], work_of_thread, &side);
            wall[i][round] = time.wall_seconds;
            cpu[i][round] = time.cpu_seconds;
            later += INT64_C(1000000000) * 1000;
        }
    }
    double one = bench_median(wall[0], run->rounds), two = bench_median(wall[1], run->rounds);
    (void)snprintf(measure, sizeof measure, "scaling, %s, two threads times one", name);
    bench_row(measure, one / two, one * 1e9 / (double)total, two * 1e9 / (double)total, "ns");
    double cpu_one = bench_median(cpu[0], run->rounds), cpu_all = bench_median(cpu[2], run->rounds);
    (void)snprintf(measure, sizeof measure, "scaling, %s, CPU of sixteen to one", name);
    bench_row(measure, cpu_all / cpu_one, cpu_one * 1e9 / (double)total,
              cpu_all * 1e9 / (double)total, "CPU ns");
    bench_store_close(&side.store);
}

static void measure_scaling(const struct bench_run *run)
{
    measure_scaling_of(run, VARVE_SYNC_NONE, "none");
    measure_scaling_of(run, VARVE_SYNC_PROCESS, "process");
}

/* -------------------------------------------------------------------------------- commit */

/* Microseconds of a lone write of 4 KiB with fdatasync. */
static double lone_commit_us(const char *folder)
{
    enum { TIMES = 25 };
    static char bytes[4096];
    char path[560];
    double seconds[TIMES];
    (void)snprintf(path, sizeof path, "%s/probe", folder);
    FILE *file = fopen(path, "w");
    if (file == NULL) {
        bench_stop("cannot create %s", path);
    }
    for (size_t i = 0; i < TIMES; i++) {
        double begin = bench_seconds(BENCH_WALL);
        if (pwrite(fileno(file), bytes, sizeof bytes, 0) != sizeof bytes ||
            fdatasync(fileno(file)) != 0) {
            bench_stop("cannot write %s", path);
        }
        seconds[i] = bench_seconds(BENCH_WALL) - begin;
    }
    (void)fclose(file);
    (void)remove(path);
    return bench_median(seconds, TIMES) * 1e6;
}

static void compare_commits(const struct bench_run *run, size_t threads, const char *measure)
{
    static struct comparison comparison;
    open_both(&comparison, 16 * 1024, VARVE_SYNC_COMMIT, BASELINE_COMMIT);
    share_series(&comparison.varve, threads, false);
    share_series(&comparison.baseline, threads, false);
    double lone_us = lone_commit_us(comparison.varve.store.folder);
    comparison.varve.samples = comparison.baseline.samples =
        BENCH_BATCH_SAMPLES * (run->quick ? 64 : 512) / threads;
    if (lone_us < 40) {
        bench_missing(measure, "a lone write and fdatasync takes less than 40 us here");
    } else {
        struct costs costs = measure_rounds(run, &comparison);
        bench_row(measure, costs.baseline_wall / costs.varve_wall,
                  costs.baseline_wall * BENCH_BATCH_SAMPLES * 1e6,
                  costs.varve_wall * BENCH_BATCH_SAMPLES * 1e6, "us");
    }
    close_both(&comparison);
}

static void measure_commit(const struct bench_run *run)
{
    compare_commits(run, WRITERS, "commit, sixteen writers, times baseline");
    compare_commits(run, 1, "commit, one writer, times baseline");
}

/* ---------------------------------------------------------------------------- log bytes */

static void measure_log(const struct bench_run *run)
{
    static struct side side;
    memset(&side, 0, sizeof side);
    bench_store_open(&side.store, 4096, VARVE_SYNC_PROCESS, 0);
    warm_up(&side);
    varve_statistics before = VARVE_STATISTICS_INIT, after = VARVE_STATISTICS_INIT;
    uint64_t samples = run->quick ? 1 << 18 : 1 << 20;
    struct bench_walk walk = bench_walk_make(0, side.store.series_count, 0);
    varve_stats(side.store.db, &before);
    bench_append_batches(&side.store, &walk, samples);
    varve_stats(side.store.db, &after);
    bench_figure("log, bytes a sample", (double)(after.lsn - before.lsn) / (double)samples,
                 "bytes");
    bench_store_close(&side.store);
}

/* ------------------------------------------------------------------------ cachegrind counts */

#define COUNT_SEED UINT64_C(88172645463325252)

/* "varve", "baseline" or "nothing" (the batches are made and dropped), "random" behind it or not:
 * samples to many series, mode none. */
static void count_appends(const struct bench_run *run, const char *variant, uint64_t samples)
{
    static struct side side;
    bool random = strstr(variant, "random") != NULL;
    size_t series_count = run->quick ? 20000 : 100000; /* either way far beyond the D1 cache */
    memset(&side, 0, sizeof side);
    if (strncmp(variant, "nothing", 7) == 0) {
        struct bench_walk walk = bench_walk_make(0, series_count, random ? COUNT_SEED : 0);
        side.store.refs = bench_allocate_zeroed(series_count * sizeof *side.store.refs);
        side.store.drops = true;
        bench_append_batches(&side.store, &walk, samples);
        return;
    }
    if (strncmp(variant, "baseline", 8) == 0) {
        bench_store_open_baseline(&side.store, series_count, BASELINE_BUFFER);
    } else {
        bench_store_open(&side.store, series_count, VARVE_SYNC_NONE, 0);
    }
    warm_up(&side);
    struct bench_walk walk = bench_walk_make(0, side.store.series_count, random ? COUNT_SEED : 0);
    bench_append_batches(&side.store, &walk, samples);
    /* Closing is not part of it: the process ends here, and its folder goes. */
    (void)vv_test_temporary_remove(side.store.folder);
    _exit(0);
}

/* What the append itself costs: making the batch is counted out. */
static const char *count_variant(const struct bench_run *run, const char *name, const char *order,
                                 struct bench_counts *counts)
{
    const uint64_t samples = run->quick ? 200000 : 800000;
    char variant[32];
    struct bench_counts nothing;
    (void)snprintf(variant, sizeof variant, "nothing-%s", order);
    const char *why = bench_count(run, "count", variant, samples, &nothing);
    (void)snprintf(variant, sizeof variant, "%s-%s", name, order);
    if (why == NULL) {
        why = bench_count(run, "count", variant, samples, counts);
    }
    if (why == NULL) {
        counts->instructions -= nothing.instructions;
        counts->d1_misses -= nothing.d1_misses;
    }
    return why;
}

static void count_order(const struct bench_run *run, const char *order)
{
    struct bench_counts varve, baseline;
    char misses[64], instructions[64];
    (void)snprintf(misses, sizeof misses, "count, %s, D1 misses to baseline", order);
    (void)snprintf(instructions, sizeof instructions, "count, %s, instructions to baseline", order);
    const char *why = count_variant(run, "varve", order, &varve);
    if (why == NULL) {
        why = count_variant(run, "baseline", order, &baseline);
    }
    if (why != NULL) {
        bench_missing(misses, why);
        bench_missing(instructions, why);
        return;
    }
    bench_row(misses, varve.d1_misses / baseline.d1_misses, baseline.d1_misses, varve.d1_misses,
              "misses");
    bench_row(instructions, varve.instructions / baseline.instructions, baseline.instructions,
              varve.instructions, "instructions");
}

static void measure_counts(const struct bench_run *run)
{
    count_order(run, "round-robin");
    count_order(run, "random");
}

int main(int argc, char **argv)
{
    static const struct bench_workload workloads[] = {
        {"batch", "batches of 512 by ref, 1K and 1M series, modes none and process", measure_batch,
         NULL},
        {"single", "samples one by one by ref, 1M series at random, two threads", measure_single,
         NULL},
        {"writers", "sixteen writers, batches, mode process", measure_writers, NULL},
        {"scaling", "one, two and sixteen threads", measure_scaling, NULL},
        {"commit", "group commit of sixteen writers and of one", measure_commit, NULL},
        {"log", "bytes of log for a sample", measure_log, NULL},
        {"count", "cache misses and instructions for a sample", measure_counts, count_appends},
    };
    return bench_main(argc, argv, "phase2_append", workloads, BENCH_COUNT_OF(workloads));
}
