/*
 * phase2_append.c - the write path against a mutex, a map, heap objects and a log of rows.
 *
 * Appends are counted to log and tail: nothing is flushed meanwhile (background_threads = 0 and a
 * head without bounds), so that encoding of blocks stands in neither figure. It happens between the
 * rounds, untimed.
 */
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
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
 * is measured. It lies before those of the round that begins at this time. */
static void greet(struct side *side, int64_t time)
{
    struct bench_walk walk = bench_walk_make(0, side->store.series_count, 0);
    walk.time = time - 1;
    bench_append_batches(&side->store, &walk, side->store.series_count);
}

struct comparison {
    struct side varve;
    struct side baseline;
};

/* Room for the log of a round in one segment, so that few rounds are enough for a log that consists
 * of segments that were in use before. */
static uint64_t segment_bytes(size_t series, uint64_t samples)
{
    uint64_t needed = series * BENCH_TEXT_BYTES + samples * 9, bytes = UINT64_C(1) << 20;
    while (bytes < needed) {
        bytes *= 2;
    }
    return bytes;
}

static void open_varve(struct side *side, size_t series, varve_sync_mode sync,
                       uint64_t samples_of_round)
{
    varve_options options = VARVE_OPTIONS_INIT;
    options.sync = sync;
    options.background_threads = 0;
    options.wal_segment_bytes = segment_bytes(series, samples_of_round);
    bench_store_open_with(&side->store, series, options);
    side->append = bench_append_batches;
}

/* samples_of_round: of all threads. */
static void open_both(struct comparison *comparison, size_t series, varve_sync_mode sync,
                      enum baseline_mode mode, uint64_t samples_of_round)
{
    memset(comparison, 0, sizeof *comparison);
    open_varve(&comparison->varve, series, sync, samples_of_round);
    bench_store_open_baseline(&comparison->baseline.store, series, mode);
    comparison->baseline.append = bench_append_batches;
}

static void close_both(struct comparison *comparison)
{
    bench_store_close(&comparison->varve.store);
    bench_store_close(&comparison->baseline.store);
}

/* ---------------------------------------------------------------------------- rounds
 *
 * A store that has been running for a while appends to memory that a flush has given back, and to
 * log files that were in use before. A round that counts therefore stands behind some that do not:
 *
 *   { the head becomes a block, points are dropped; first samples } untimed --> appends, timed
 *
 * The first round of all fills memory and files that nobody has touched: shown beside. */

enum {
    WARM_ROUNDS = 3,
    ROUNDS = 99 + WARM_ROUNDS,
    ROUNDS_OF_MANY = 3, /* a million series take seconds to become a block */
    SIDES_MAX = 3
};

/* Seconds and page faults of a sample. */
struct cost {
    double wall, cpu, faults;
};

static uint64_t page_faults(void)
{
    struct rusage usage;
    (void)getrusage(RUSAGE_SELF, &usage);
    return (uint64_t)usage.ru_minflt;
}

/* One round on one side, whose walks begin at this time. */
static struct cost measure_round(struct side *side, int64_t time)
{
    double samples = (double)(side->samples * side->threads);
    for (size_t i = 0; i < side->threads; i++) {
        side->walks[i].time = time;
    }
    bench_store_settle(&side->store);
    greet(side, time);
    uint64_t faults = page_faults();
    struct bench_threads took = bench_run_threads(side->threads, work_of_thread, side);
    return (struct cost){took.wall_seconds / samples, took.cpu_seconds / samples,
                         (double)(page_faults() - faults) / samples};
}

static double median_of(const struct cost *costs, size_t rounds, size_t offset)
{
    double values[ROUNDS];
    for (size_t i = 0; i < rounds; i++) {
        memcpy(&values[i], (const char *)&costs[i] + offset, sizeof values[i]);
    }
    return bench_median(values, rounds);
}

/* Medians over interleaved rounds for each of the sides; in first[] what the first of all took. */
static void measure_rounds(const struct bench_run *run, struct side *const *sides, size_t count,
                           struct cost *costs, struct cost *first)
{
    static struct cost rounds[SIDES_MAX][ROUNDS];
    int64_t time = bench_walk_make(0, 1, 0).time;
    bool many = sides[0]->store.series_count >= 1000000 && run->rounds > ROUNDS_OF_MANY;
    size_t counted_rounds = many ? ROUNDS_OF_MANY : run->rounds;
    for (size_t round = 0; round < WARM_ROUNDS + counted_rounds; round++) {
        for (size_t i = 0; i < count; i++) {
            rounds[i][round] = measure_round(sides[i], time);
        }
        time += INT64_C(1000000000) * 10000;
    }
    for (size_t i = 0; i < count; i++) {
        const struct cost *counted = rounds[i] + WARM_ROUNDS;
        first[i] = rounds[i][0];
        costs[i] = (struct cost){
            median_of(counted, counted_rounds, offsetof(struct cost, wall)),
            median_of(counted, counted_rounds, offsetof(struct cost, cpu)),
            median_of(counted, counted_rounds, offsetof(struct cost, faults)),
        };
    }
}

struct costs {
    struct cost varve, baseline;
};

static struct costs compare_rounds(const struct bench_run *run, struct comparison *comparison)
{
    struct side *sides[] = {&comparison->varve, &comparison->baseline};
    struct cost costs[2], first[2];
    measure_rounds(run, sides, 2, costs, first);
    return (struct costs){costs[0], costs[1]};
}

/* --------------------------------------------------------------------------- one thread */

struct batch_kind {
    size_t series;
    const char *name; /* of that many */
    varve_sync_mode sync;
    enum baseline_mode mode;
    const char *mode_name;
};

static void batch_row(const struct batch_kind *kind, const char *what, double value,
                      double baseline, double varve, const char *unit)
{
    char measure[96];
    (void)snprintf(measure, sizeof measure, "batch, %s series, %s, %s", kind->name, kind->mode_name,
                   what);
    bench_row(measure, value, baseline, varve, unit);
}

static void compare_batches(const struct bench_run *run, const struct batch_kind *kind)
{
    static struct comparison comparison;
    static struct side kind_heap; /* the baseline once more */
    struct side *sides[] = {&comparison.varve, &comparison.baseline, &kind_heap};
    struct cost costs[3], first[3];
    /* Tails of a thousand samples are encoded: a round stays below. */
    uint64_t samples = kind->series < 10000 ? kind->series * 896 : kind->series * 8;
    open_both(&comparison, kind->series, kind->sync, kind->mode, samples);
    memset(&kind_heap, 0, sizeof kind_heap);
    bench_store_open_baseline(&kind_heap.store, kind->series, kind->mode);
    kind_heap.store.drops_by_age = true;
    kind_heap.append = bench_append_batches;
    for (size_t i = 0; i < 3; i++) {
        share_series(sides[i], 1, false);
        sides[i]->samples = samples;
    }
    measure_rounds(run, sides, 3, costs, first);
    batch_row(kind, "times baseline", costs[1].cpu / costs[0].cpu, costs[1].cpu * 1e9,
              costs[0].cpu * 1e9, "CPU ns");
    batch_row(kind, "times baseline that drops by age", costs[2].cpu / costs[0].cpu,
              costs[2].cpu * 1e9, costs[0].cpu * 1e9, "CPU ns");
    batch_row(kind, "first filling, times baseline", first[1].cpu / first[0].cpu,
              first[1].cpu * 1e9, first[0].cpu * 1e9, "CPU ns");
    batch_row(kind, "page faults a million samples", costs[0].faults * 1e6, costs[1].faults * 1e6,
              costs[0].faults * 1e6, "page faults");
    close_both(&comparison);
    bench_store_close(&kind_heap.store);
}

static void measure_batch(const struct bench_run *run)
{
    static const struct batch_kind kinds[] = {
        {1000, "1K", VARVE_SYNC_NONE, BASELINE_BUFFER, "none"},
        {1000, "1K", VARVE_SYNC_PROCESS, BASELINE_PROCESS, "process"},
        {1000000, "1M", VARVE_SYNC_NONE, BASELINE_BUFFER, "none"},
        {1000000, "1M", VARVE_SYNC_PROCESS, BASELINE_PROCESS, "process"},
    };
    for (size_t i = 0; i < BENCH_COUNT_OF(kinds); i++) {
        if (!run->quick || kinds[i].series < 1000000) { /* those take seconds to make */
            compare_batches(run, &kinds[i]);
        }
    }
}

/* ------------------------------------------------------------------------ several threads */

static void measure_single(const struct bench_run *run)
{
    static struct comparison comparison;
    uint64_t samples = run->quick ? 1 << 18 : 1 << 20;
    open_both(&comparison, 1000000, VARVE_SYNC_NONE, BASELINE_BUFFER, samples * 2);
    comparison.varve.append = comparison.baseline.append = bench_append_singles;
    share_series(&comparison.varve, 2, true);
    share_series(&comparison.baseline, 2, true);
    comparison.varve.samples = comparison.baseline.samples = samples;
    for (size_t i = 0; i < 2; i++) { /* both threads over all series */
        comparison.varve.walks[i].first = comparison.baseline.walks[i].first = 0;
        comparison.varve.walks[i].count = comparison.baseline.walks[i].count = 1000000;
    }
    struct costs costs = compare_rounds(run, &comparison);
    bench_row("single, two threads, times baseline", costs.baseline.wall / costs.varve.wall,
              costs.baseline.wall * 2e9, costs.varve.wall * 2e9, "ns");
    close_both(&comparison);
}

/* Series for sixteen threads. */
static size_t many_series(const struct bench_run *run)
{
    return run->quick ? 16 * 1024 : 64 * 1024;
}

static void measure_writers(const struct bench_run *run)
{
    static struct comparison comparison;
    /* A quarter of it is over before the scheduler has spread the threads evenly: two cores stood
     * idle for 30 % of such a round, beside a baseline that keeps one busy at a time anyway. */
    uint64_t samples = 1 << 18;
    open_both(&comparison, many_series(run), VARVE_SYNC_PROCESS, BASELINE_PROCESS,
              samples * WRITERS);
    share_series(&comparison.varve, WRITERS, false);
    share_series(&comparison.baseline, WRITERS, false);
    comparison.varve.samples = comparison.baseline.samples = samples;
    struct costs costs = compare_rounds(run, &comparison);
    bench_row("writers, sixteen, process, times baseline", costs.baseline.wall / costs.varve.wall,
              costs.baseline.wall * 1e9, costs.varve.wall * 1e9, "ns");
    close_both(&comparison);
}

/* Throughput of two threads over one, and CPU time of sixteen over one, of varve alone. */
static void measure_scaling_of(const struct bench_run *run, varve_sync_mode sync, const char *name)
{
    static const size_t counts[] = {1, 2, WRITERS};
    static struct side side[3];
    struct side *const sides[] = {&side[0], &side[1], &side[2]};
    struct cost costs[3], first[3];
    char measure[80];
    uint64_t total = run->quick ? 1 << 20 : 1 << 22;
    memset(side, 0, sizeof side);
    open_varve(&side[0], many_series(run), sync, total);
    side[1] = side[2] = side[0]; /* one database, by more and more threads */
    for (size_t i = 0; i < 3; i++) {
        share_series(sides[i], counts[i], false);
        sides[i]->samples = total / counts[i];
    }
    measure_rounds(run, sides, 3, costs, first);
    (void)snprintf(measure, sizeof measure, "scaling, %s, two threads times one", name);
    bench_row(measure, costs[0].wall / costs[1].wall, costs[0].wall * 1e9, costs[1].wall * 1e9,
              "ns");
    (void)snprintf(measure, sizeof measure, "scaling, %s, CPU of sixteen to one", name);
    bench_row(measure, costs[2].cpu / costs[0].cpu, costs[0].cpu * 1e9, costs[2].cpu * 1e9,
              "CPU ns");
    bench_store_close(&side[0].store);
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

/* Here nothing is written to twice: a baseline whose log lies in blocks of its file that are there
 * already would leave out what makes its commits slow. */
static struct costs compare_commit_rounds(const struct bench_run *run,
                                          struct comparison *comparison)
{
    double wall[2][ROUNDS];
    greet(&comparison->varve, comparison->varve.walks[0].time);
    greet(&comparison->baseline, comparison->baseline.walks[0].time);
    for (size_t round = 0; round < run->rounds; round++) {
        struct side *sides[] = {&comparison->varve, &comparison->baseline};
        for (size_t i = 0; i < 2; i++) {
            double samples = (double)(sides[i]->samples * sides[i]->threads);
            struct bench_threads took =
                bench_run_threads(sides[i]->threads, work_of_thread, sides[i]);
            wall[i][round] = took.wall_seconds / samples;
        }
    }
    return (struct costs){.varve = {.wall = bench_median(wall[0], run->rounds)},
                          .baseline = {.wall = bench_median(wall[1], run->rounds)}};
}

static void compare_commits(const struct bench_run *run, size_t threads, const char *measure)
{
    static struct comparison comparison;
    uint64_t samples = BENCH_BATCH_SAMPLES * (run->quick ? 64 : 512);
    open_both(&comparison, 16 * 1024, VARVE_SYNC_COMMIT, BASELINE_COMMIT, samples * run->rounds);
    share_series(&comparison.varve, threads, false);
    share_series(&comparison.baseline, threads, false);
    double lone_us = lone_commit_us(comparison.varve.store.folder);
    comparison.varve.samples = comparison.baseline.samples = samples / threads;
    if (lone_us < 40) {
        bench_missing(measure, "a lone write and fdatasync takes less than 40 us here");
    } else {
        struct costs costs = compare_commit_rounds(run, &comparison);
        bench_row(measure, costs.baseline.wall / costs.varve.wall,
                  costs.baseline.wall * BENCH_BATCH_SAMPLES * 1e6,
                  costs.varve.wall * BENCH_BATCH_SAMPLES * 1e6, "us");
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
    greet(&side, bench_walk_make(0, 1, 0).time);
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
    greet(&side, bench_walk_make(0, 1, 0).time);
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
