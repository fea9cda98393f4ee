/*
 * compress_batch.c - many series at once on two threads: how much of the processors they use, and
 * what the second one brings.
 *
 *   threads take columns from one counter, a stretch at a time, and encode them into own buffers
 */
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "compress/codec.h"
#include "compress_measure.h"
#include "os/thread.h"

enum { THREADS = 2, STRETCH = 64, ROUNDS = 5, PASSES = 4 };

struct batch {
    const struct bench_set *set;
    atomic_size_t next; /* column, counted over all passes */
    _Atomic uint64_t cpu_ns;
};

static double clock_ns(clockid_t clock)
{
    struct timespec time;
    clock_gettime(clock, &time);
    return (double)time.tv_sec * 1e9 + (double)time.tv_nsec;
}

/* Time that the host kept from this machine, of all processors; 0 where it is not told. */
static double stolen_ns(void)
{
    unsigned long long steal = 0;
    FILE *file = fopen("/proc/stat", "r");
    if (file != NULL) {
        if (fscanf(file, "cpu %*u %*u %*u %*u %*u %*u %*u %llu", &steal) != 1) {
            steal = 0;
        }
        fclose(file);
    }
    return (double)steal * 1e7; /* ticks of 10 ms */
}

static void encode_stretches(void *argument)
{
    struct batch *batch = argument;
    uint8_t out[VV_VALUES_BOUND(VV_COLUMN_MAX)];
    size_t end = batch->set->column_count * PASSES;
    double start = clock_ns(CLOCK_THREAD_CPUTIME_ID);
    for (;;) {
        size_t first = atomic_fetch_add_explicit(&batch->next, STRETCH, memory_order_relaxed);
        if (first >= end) {
            break;
        }
        for (size_t i = first; i < first + STRETCH && i < end; i++) {
            const struct bench_column *column = &batch->set->columns[i % batch->set->column_count];
            (void)vv_values_encode(batch->set->values + column->start, column->count, out);
        }
    }
    double used = clock_ns(CLOCK_THREAD_CPUTIME_ID) - start;
    atomic_fetch_add_explicit(&batch->cpu_ns, (uint64_t)used, memory_order_relaxed);
}

/* Wall time of all columns on so many threads; *cpu_use is the part of it that they ran. */
static double run(const struct bench_set *set, size_t threads, double *cpu_use)
{
    struct batch batch = {.set = set};
    struct vv_thread started[THREADS];
    double stolen = stolen_ns();
    double start = clock_ns(CLOCK_MONOTONIC);
    for (size_t i = 1; i < threads; i++) {
        if (vv_thread_start(&started[i], encode_stretches, &batch) != 0) {
            abort();
        }
    }
    encode_stretches(&batch);
    for (size_t i = 1; i < threads; i++) {
        vv_thread_join(&started[i]);
    }
    double wall = clock_ns(CLOCK_MONOTONIC) - start;
    double there = wall * (double)threads - (stolen_ns() - stolen);
    *cpu_use = there > 0 ? (double)batch.cpu_ns / there : 0;
    return wall;
}

struct bench_batch bench_measure_batch(const struct bench_set *set)
{
    struct bench_batch best = {0};
    for (int round = 0; round < ROUNDS; round++) {
        double one_use;
        double two_use;
        double one = run(set, 1, &one_use);
        double two = run(set, THREADS, &two_use);
        /* Whatever else runs on the machine can only make these less. */
        best.cpu_use = two_use > best.cpu_use ? two_use : best.cpu_use;
        best.speedup = one / two > best.speedup ? one / two : best.speedup;
    }
    return best;
}
