/*
 * append_data.h - a database and a baseline store with the same series, and batches for both.
 */
#ifndef VARVE_TEST_BENCHMARK_APPEND_DATA_H
#define VARVE_TEST_BENCHMARK_APPEND_DATA_H

#include "baseline_store.h"
#include "harness.h"
#include "varve/varve.h"

enum { BENCH_BATCH_SAMPLES = 512, BENCH_TEXT_BYTES = 128 };

/* One of the two stores, in a temporary folder, with series of refs[0 .. series_count). */
struct bench_store {
    varve_db *db;                    /* or */
    struct baseline_store *baseline; /* this */
    uint64_t *refs;
    char (*texts)[BENCH_TEXT_BYTES]; /* what the baseline knows its series by; NUL-terminated */
    size_t series_count;
    bool drops_by_age; /* the baseline: see bench_store_settle() */
    bool drops;        /* neither of both: batches are made and thrown away */
    char folder[512];
};

/* "requests_17_total{instance=\"10.0.1.2:9100\",...}"; returns its length. */
size_t bench_series_text(size_t number, char *text);

/* background_threads: of the database. With 0 nothing is flushed: a head and log of any size stay
 * in memory and in one log. */
void bench_store_open(struct bench_store *store, size_t series_count, varve_sync_mode sync,
                      uint32_t background_threads);
/* The same with more to choose: path and flags are filled in. */
void bench_store_open_with(struct bench_store *store, size_t series_count, varve_options options);
void bench_store_open_baseline(struct bench_store *store, size_t series_count,
                               enum baseline_mode mode);
/* What maintenance does from time to time: the head becomes a block and its part of the log is free
 * to be overwritten; the baseline drops its points and begins its log again. Both give their memory
 * back series by series, and keep it and their files for what comes next; but see
 * baseline_drop_points(). */
void bench_store_settle(struct bench_store *store);
/* Closes and removes the folder. */
void bench_store_close(struct bench_store *store);

/* A thread's way through the series: entries [first, first + count) of the refs, round-robin or at
 * random. Every round of count entries is a second later. */
struct bench_walk {
    size_t first;
    size_t count;
    size_t at;
    int64_t time;
    uint64_t random; /* state; 0: round-robin */
    uint64_t salt;   /* of the values */
};
struct bench_walk bench_walk_make(size_t first, size_t count, uint64_t random);

/* Appends so many samples in batches of 512, or one by one. */
void bench_append_batches(struct bench_store *store, struct bench_walk *walk, uint64_t samples);
void bench_append_singles(struct bench_store *store, struct bench_walk *walk, uint64_t samples);

/* Runs work(context, index) on so many threads at once and waits; seconds from the moment at which
 * all are ready. */
struct bench_threads {
    double wall_seconds;
    double cpu_seconds; /* of the threads together */
};
struct bench_threads bench_run_threads(size_t count, void (*work)(void *context, size_t index),
                                       void *context);

#endif
