/*
 * bench_stores.c - newest samples of a million keys: varve against the stores of smaller designs.
 *
 * Keys follow Zipf's law (exponent 0.99), as those of caches do. A read asks for the newest sample
 * of a key, a write puts one, mixed is nine reads to a write. varve keeps every sample, logs it and
 * finds it again after a crash; the others keep the last one, in memory. Each store is asked in its
 * own terms: varve by the handle of a series, which its users hold, the maps by the key.
 */
#include <math.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "append_data.h"
#include "key_stores.h"
#include "support/random.h"

enum { DRAWS = 1 << 20, THREADS_MAX = 16, STORES = 5 };

/* --------------------------------------------------------------------------------- Zipf */

/* Draws numbers below count with P(k) in proportion to 1 / (k + 1)^0.99, from the sums of these;
 * which key has which rank is shuffled by a multiplication, so that neighbours are strangers. */
static void draw_keys(uint32_t *keys, size_t key_count, uint64_t seed)
{
    struct vv_test_random random = vv_test_random_seeded(seed);
    double *sums = bench_allocate_zeroed(key_count * sizeof *sums);
    double sum = 0;
    for (size_t rank = 0; rank < key_count; rank++) {
        sum += pow((double)(rank + 1), -0.99);
        sums[rank] = sum;
    }
    for (size_t i = 0; i < DRAWS; i++) {
        double goal = vv_test_random_uniform(&random) * sum;
        size_t low = 0, high = key_count - 1;
        while (low < high) {
            size_t middle = low + (high - low) / 2;
            if (sums[middle] < goal) {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        keys[i] = (uint32_t)((uint64_t)low * UINT64_C(2654435761) % key_count);
    }
    free(sums);
}

/* -------------------------------------------------------------------------------- stores */

/* One store under test: varve if kind is NULL. */
struct subject {
    const char *name;
    const struct key_store_kind *kind;
    void *store;
    struct bench_store varve;
    uint64_t *keys; /* DRAWS of them: those of the map, or handles */
};

static void put(const struct subject *subject, uint64_t key, int64_t timestamp, double value)
{
    if (subject->kind != NULL) {
        subject->kind->put(subject->store, key, timestamp, value);
    } else if (varve_append(subject->varve.db, key, &timestamp, &value, 1, NULL) != VARVE_OK) {
        bench_stop("cannot append");
    }
}

static bool get(const struct subject *subject, uint64_t key, int64_t *timestamp, double *value)
{
    if (subject->kind != NULL) {
        return subject->kind->get(subject->store, key, timestamp, value);
    }
    return varve_latest(subject->varve.db, key, timestamp, value) == VARVE_OK;
}

static uint64_t key_of(const struct subject *subject, size_t key)
{
    return subject->kind != NULL ? key : subject->varve.refs[key];
}

/* A store of so many keys, and the keys that were drawn for it. */
static void open_subject(struct subject *subject, const struct key_store_kind *kind, size_t keys,
                         const uint32_t *drawn)
{
    *subject = (struct subject){.name = kind != NULL ? kind->name : "varve", .kind = kind};
    if (kind != NULL) {
        subject->store = kind->create();
    } else {
        bench_store_open(&subject->varve, keys, VARVE_SYNC_NONE, 0);
    }
    for (size_t key = 0; key < keys; key++) {
        int64_t timestamp;
        double value;
        put(subject, key_of(subject, key), 0, (double)key);
        if (!get(subject, key_of(subject, key), &timestamp, &value) || value != (double)key) {
            bench_stop("%s lost a key", subject->name);
        }
    }
    subject->keys = bench_allocate_zeroed(DRAWS * sizeof *subject->keys);
    for (size_t i = 0; i < DRAWS; i++) {
        subject->keys[i] = key_of(subject, drawn[i]);
    }
}

static void close_subject(struct subject *subject)
{
    free(subject->keys);
    if (subject->kind != NULL) {
        subject->kind->destroy(subject->store);
    } else {
        bench_store_close(&subject->varve);
    }
}

/* ----------------------------------------------------------------------------- the mixes */

enum mix { READ, WRITE, MIXED, MIXES };

static const char *const mix_names[MIXES] = {"read", "write", "mixed"};

struct load {
    const struct subject *subject;
    size_t operations; /* of each thread */
    enum mix mix;
    int64_t time; /* of the first write; each thread goes on from its own share */
};

static void run_load(void *context, size_t index)
{
    const struct load *load = context;
    const uint64_t *keys = load->subject->keys;
    size_t at = index * (DRAWS / THREADS_MAX);
    double sum = 0;
    for (size_t i = 0; i < load->operations; i++) {
        uint64_t key = keys[at++ % DRAWS];
        if (load->mix == WRITE || (load->mix == MIXED && i % 10 == 9)) {
            put(load->subject, key, load->time + (int64_t)i, (double)i);
        } else {
            int64_t timestamp;
            double value = 0;
            if (!get(load->subject, key, &timestamp, &value)) {
                bench_stop("%s lost a key", load->subject->name);
            }
            sum += value;
        }
    }
    bench_use(&sum);
}

/* CPU nanoseconds of an operation, and its wall nanoseconds over all threads. */
static void measure_mix(const struct bench_run *run, struct subject *subjects, enum mix mix,
                        size_t threads)
{
    static int64_t time = 1;
    double wall[STORES][99];
    for (size_t round = 0; round < run->rounds; round++) {
        for (size_t i = 0; i < STORES; i++) {
            size_t slow = subjects[i].kind == &key_store_workers ? 64 : 1;
            struct load load = {&subjects[i], 0, mix, time};
            load.operations = (run->quick ? (size_t)1 << 18 : (size_t)1 << 20) / threads / slow;
            struct bench_threads result = bench_run_threads(threads, run_load, &load);
            wall[i][round] = result.wall_seconds * 1e9 / (double)(load.operations * threads);
            time += (int64_t)load.operations;
        }
    }
    double varve = bench_median(wall[STORES - 1], run->rounds);
    for (size_t i = 0; i < STORES - 1; i++) {
        char measure[80];
        double other = bench_median(wall[i], run->rounds);
        (void)snprintf(measure, sizeof measure, "%s, %zu threads, times %s", mix_names[mix],
                       threads, subjects[i].name);
        bench_row(measure, other / varve, other, varve, "ns");
    }
}

static void measure_stores(const struct bench_run *run, enum mix mix)
{
    static const size_t threads[] = {1, 2, THREADS_MAX};
    static struct subject subjects[STORES];
    size_t key_count = run->quick ? 100000 : 1000000;
    uint32_t *keys = bench_allocate_zeroed(DRAWS * sizeof *keys);
    draw_keys(keys, key_count, run->seed);
    open_subject(&subjects[0], &key_store_mutex, key_count, keys);
    open_subject(&subjects[1], &key_store_shards_32, key_count, keys);
    open_subject(&subjects[2], &key_store_shards_256, key_count, keys);
    open_subject(&subjects[3], &key_store_workers, key_count, keys);
    open_subject(&subjects[4], NULL, key_count, keys);
    free(keys);
    for (size_t i = 0; i < BENCH_COUNT_OF(threads); i++) {
        measure_mix(run, subjects, mix, threads[i]);
    }
    for (size_t i = 0; i < STORES; i++) {
        close_subject(&subjects[i]);
    }
}

static void measure_read(const struct bench_run *run)
{
    measure_stores(run, READ);
}

static void measure_write(const struct bench_run *run)
{
    measure_stores(run, WRITE);
}

static void measure_mixed(const struct bench_run *run)
{
    measure_stores(run, MIXED);
}

/* ------------------------------------------------------- two readers beside a writer */

struct beside {
    const struct subject *subject;
    size_t operations;
    int64_t time; /* of the writer's first sample */
    _Atomic bool stop;
    _Atomic int64_t written; /* by the writer */
};

static void read_beside_writer(void *context, size_t index)
{
    struct beside *beside = context;
    struct load load = {beside->subject, beside->operations, READ, 0};
    if (index > 0) {
        run_load(&load, index);
        atomic_store(&beside->stop, true);
        return;
    }
    int64_t count = 0;
    for (; !atomic_load_explicit(&beside->stop, memory_order_relaxed); count++) {
        put(beside->subject, beside->subject->keys[(size_t)count % DRAWS], beside->time + count,
            (double)count);
    }
    atomic_store(&beside->written, count);
}

/* The time of the readers alone: nanoseconds of wall time for a read of each of the two. */
static double time_beside(const struct bench_run *run, const struct subject *subject, int64_t *time)
{
    struct beside beside = {.subject = subject,
                            .operations = run->quick ? (size_t)1 << 17 : (size_t)1 << 20,
                            .time = *time};
    struct bench_threads result = bench_run_threads(3, read_beside_writer, &beside);
    *time += atomic_load(&beside.written);
    return result.wall_seconds * 1e9 / (double)(beside.operations * 2);
}

static void measure_latest(const struct bench_run *run)
{
    static struct subject mutex, varve;
    double times[2][99];
    int64_t clocks[2] = {1, 1};
    size_t key_count = 1000000;
    uint32_t *keys = bench_allocate_zeroed(DRAWS * sizeof *keys);
    draw_keys(keys, key_count, run->seed);
    open_subject(&mutex, &key_store_mutex, key_count, keys);
    open_subject(&varve, NULL, key_count, keys);
    free(keys);
    for (size_t round = 0; round < run->rounds; round++) {
        times[0][round] = time_beside(run, &mutex, &clocks[0]);
        times[1][round] = time_beside(run, &varve, &clocks[1]);
    }
    double baseline = bench_median(times[0], run->rounds);
    double own = bench_median(times[1], run->rounds);
    bench_row("latest, beside a writer, times mutex", baseline / own, baseline, own, "ns");
    close_subject(&mutex);
    close_subject(&varve);
}

/* --------------------------------------------------------------------------- a crowd */

/* CPU time of a read where a hundred threads read, against one: whether it stays flat. */
static void measure_crowd(const struct bench_run *run)
{
    enum { CROWD = 100 };
    static const size_t threads[] = {1, CROWD};
    static struct subject varve;
    double times[2][99];
    size_t key_count = 100000, operations = run->quick ? (size_t)1 << 18 : (size_t)1 << 21;
    uint32_t *keys = bench_allocate_zeroed(DRAWS * sizeof *keys);
    draw_keys(keys, key_count, run->seed);
    open_subject(&varve, NULL, key_count, keys);
    free(keys);
    for (size_t round = 0; round < run->rounds; round++) {
        for (size_t i = 0; i < 2; i++) {
            struct load load = {&varve, operations / threads[i], READ, 0};
            struct bench_threads result = bench_run_threads(threads[i], run_load, &load);
            times[i][round] = result.cpu_seconds * 1e9 / (double)(load.operations * threads[i]);
        }
    }
    double one = bench_median(times[0], run->rounds);
    double all = bench_median(times[1], run->rounds);
    bench_row("crowd, CPU of a read at 100 threads to one", all / one, one, all, "CPU ns");
    close_subject(&varve);
}

int main(int argc, char **argv)
{
    static const struct bench_workload workloads[] = {
        {"read", "newest samples at 1, 2 and 16 threads", measure_read, NULL},
        {"write", "samples put at 1, 2 and 16 threads", measure_write, NULL},
        {"mixed", "nine reads to a write", measure_mixed, NULL},
        {"latest", "newest samples of 1M series, two readers beside a writer", measure_latest,
         NULL},
        {"crowd", "newest samples at 100 threads, against one", measure_crowd, NULL},
    };
    return bench_main(argc, argv, "bench_stores", workloads, BENCH_COUNT_OF(workloads));
}
