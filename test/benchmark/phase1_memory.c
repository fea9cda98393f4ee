/*
 * phase1_memory.c - memory of the write path: what taking and giving back costs, and how much is
 * needed, against objects of the heap.
 *
 * What an append touches (cache misses, instructions) is counted by phase2_append.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "append_data.h"
#include "os/alloc.h"
#include "pool/pool.h"

/* ----------------------------------------------------------------------------- allocate */

enum { PARTS = 3, LIVE = 1000 };

/* A series object, its labels, a buffer of samples: bytes. */
static const size_t part_bytes[PARTS] = {64, 256, 512};

struct allocator {
    struct vv_pool *pools[PARTS]; /* of the pooled one */
    void *live[LIVE][PARTS];
    size_t rounds;
    uint64_t seed;
};

static void *take_pooled(struct allocator *allocator, size_t part)
{
    return vv_pool_acquire(allocator->pools[part]);
}
static void give_pooled(struct allocator *allocator, size_t part, void *memory)
{
    vv_pool_release(allocator->pools[part], memory);
}
static void *take_aligned(struct allocator *allocator, size_t part)
{
    (void)allocator;
    return aligned_alloc(64, part_bytes[part]);
}
static void *take_plain(struct allocator *allocator, size_t part)
{
    (void)allocator;
    return malloc(part_bytes[part]);
}
static void give_aligned(struct allocator *allocator, size_t part, void *memory)
{
    (void)allocator;
    (void)part;
    free(memory);
}
static void give_plain(struct allocator *allocator, size_t part, void *memory)
{
    give_aligned(allocator, part, memory);
}

/* Each allocator has loops of its own, made from one text, in which its functions are called as a
 * program would call them: six calls through pointers take as long as half of the work of pools. */
typedef void *take_function(struct allocator *allocator, size_t part);
typedef void give_function(struct allocator *allocator, size_t part, void *memory);
#define EACH_OF_ITS_OWN static inline __attribute__((always_inline))

/* One series is acquired, written to and released again, time after time. */
EACH_OF_ITS_OWN void make_and_drop(struct allocator *allocator, take_function *take,
                                   give_function *give)
{
    for (size_t round = 0; round < allocator->rounds; round++) {
        void *parts[PARTS];
        for (size_t part = 0; part < PARTS; part++) {
            parts[part] = take(allocator, part);
            if (parts[part] == NULL) {
                bench_stop("out of memory");
            }
            *(volatile uint64_t *)parts[part] = round;
        }
        for (size_t part = PARTS; part-- > 0;) {
            give(allocator, part, parts[part]);
        }
    }
}

/* Of a thousand live series one at random is replaced, time after time. */
EACH_OF_ITS_OWN void replace_at_random(struct allocator *allocator, take_function *take,
                                       give_function *give)
{
    uint64_t random = allocator->seed;
    for (size_t round = 0; round < allocator->rounds; round++) {
        random = random * UINT64_C(6364136223846793005) + 1442695040888963407;
        void **parts = allocator->live[(random >> 33) % LIVE];
        for (size_t part = 0; part < PARTS; part++) {
            if (parts[part] != NULL) {
                give(allocator, part, parts[part]);
            }
            parts[part] = take(allocator, part);
            if (parts[part] == NULL) {
                bench_stop("out of memory");
            }
            *(volatile uint64_t *)parts[part] = round;
        }
    }
}

#define LOOPS(loop, name)                                                                          \
    static void loop##_##name(void *context)                                                       \
    {                                                                                              \
        loop(context, take_##name, give_##name);                                                   \
    }
LOOPS(make_and_drop, pooled)
LOOPS(make_and_drop, aligned)
LOOPS(make_and_drop, plain)
LOOPS(replace_at_random, pooled)
LOOPS(replace_at_random, aligned)
LOOPS(replace_at_random, plain)

static void give_all(struct allocator *allocator, give_function *give)
{
    for (size_t i = 0; i < LIVE * PARTS; i++) {
        if (allocator->live[i / PARTS][i % PARTS] != NULL) {
            give(allocator, i % PARTS, allocator->live[i / PARTS][i % PARTS]);
        }
    }
}

static void compare_allocators(const struct bench_run *run, const char *what,
                               void (*const loops[3])(void *context))
{
    static struct allocator pooled, aligned, plain;
    char measure[80];
    memset(&pooled, 0, sizeof pooled);
    aligned = plain = pooled;
    pooled.rounds = aligned.rounds = plain.rounds = run->quick ? 200000 : 2000000;
    pooled.seed = aligned.seed = plain.seed = run->seed;
    for (size_t part = 0; part < PARTS; part++) {
        struct vv_pool_options options = {.object_bytes = part_bytes[part]};
        if (vv_pool_create(&options, &pooled.pools[part]) != VARVE_OK) {
            bench_stop("no pool");
        }
    }
    const struct bench_candidate candidates[] = {{"pools", &pooled, NULL, loops[0], NULL},
                                                 {"aligned_alloc", &aligned, NULL, loops[1], NULL},
                                                 {"malloc", &plain, NULL, loops[2], NULL}};
    struct bench_time times[3];
    bench_interleave(run, BENCH_THREAD_CPU, candidates, 3, times);
    double ns = 1e9 / (double)pooled.rounds;
    (void)snprintf(measure, sizeof measure, "allocate, %s, times aligned_alloc", what);
    bench_row(measure, times[1].median / times[0].median, times[1].median * ns,
              times[0].median * ns, "CPU ns");
    (void)snprintf(measure, sizeof measure, "allocate, %s, times malloc", what);
    bench_row(measure, times[2].median / times[0].median, times[2].median * ns,
              times[0].median * ns, "CPU ns");
    give_all(&pooled, give_pooled);
    give_all(&aligned, give_aligned);
    give_all(&plain, give_plain);
    for (size_t part = 0; part < PARTS; part++) {
        vv_pool_destroy(pooled.pools[part]);
    }
}

static void measure_allocation(const struct bench_run *run)
{
    static void (*const dropping[])(void *) = {make_and_drop_pooled, make_and_drop_aligned,
                                               make_and_drop_plain};
    static void (*const replacing[])(void *) = {replace_at_random_pooled, replace_at_random_aligned,
                                                replace_at_random_plain};
    compare_allocators(run, "acquire and release", dropping);
    compare_allocators(run, "one of a thousand replaced", replacing);
}

/* -------------------------------------------------------------------------------- memory */

/* Runs in a child of its own, so that what one leaves in the heap is not found by the next. */
static double in_child(double (*measure)(const struct bench_run *run, bool baseline),
                       const struct bench_run *run, bool baseline)
{
    int ends[2];
    double bytes = 0;
    (void)fflush(NULL);
    if (pipe(ends) != 0) {
        bench_stop("no pipe");
    }
    pid_t child = fork();
    if (child == 0) {
        bytes = measure(run, baseline);
        _exit(write(ends[1], &bytes, sizeof bytes) == sizeof bytes ? 0 : 1);
    }
    (void)close(ends[1]);
    if (child < 0 || read(ends[0], &bytes, sizeof bytes) != sizeof bytes) {
        bench_stop("a child failed");
    }
    (void)close(ends[0]);
    (void)waitpid(child, NULL, 0);
    return bytes;
}

/* What 100 samples of each of many series in memory add to the process, all that comes with them
 * included: series, labels, index, log buffers. */
static double resident_of_samples(const struct bench_run *run, bool baseline)
{
    static struct bench_store store;
    size_t series = run->quick ? 10000 : 50000;
    uint64_t before = bench_resident_bytes();
    if (baseline) {
        bench_store_open_baseline(&store, series, BASELINE_BUFFER);
    } else {
        bench_store_open(&store, series, VARVE_SYNC_NONE, 0);
    }
    struct bench_walk walk = bench_walk_make(0, series, 0);
    bench_append_batches(&store, &walk, series * 100);
    /* The texts of the series are the benchmark's own. */
    double own = baseline ? (double)(series * BENCH_TEXT_BYTES) : 0;
    double bytes = (double)(bench_resident_bytes() - before) - own;
    bench_store_close(&store);
    return bytes / (double)(series * 100);
}

static void measure_memory(const struct bench_run *run)
{
    double baseline = in_child(resident_of_samples, run, true);
    double varve = in_child(resident_of_samples, run, false);
    bench_row("memory, of a sample in the head to baseline", varve / baseline, baseline, varve,
              "bytes");
}

/* --------------------------------------------------------------------------------- set-b */

static void make_series_of_ten_labels(struct bench_store *store, size_t series)
{
    free(store->refs);
    store->refs = bench_allocate_zeroed(series * sizeof *store->refs);
    store->series_count = series;
    for (size_t i = 0; i < series; i++) {
        char text[512];
        varve_error error = {.status = VARVE_OK};
        int length =
            snprintf(text, sizeof text,
                     "cpu_seconds{arch=\"x86\",cluster=\"cluster-%zu\",datacenter=\"dc-%zu\","
                     "hostname=\"host_%zu\",os=\"Debian12\",rack=\"%zu\",region=\"eu-central-%zu\","
                     "service=\"%zu\",team=\"team-%zu\"}",
                     i % 10, i % 7, i, i % 100, i % 3, i % 20, i % 13);
        varve_string string = {text, (size_t)length};
        if (varve_series_parse(store->db, string, &store->refs[i], &error) != VARVE_OK) {
            bench_stop("cannot make series %zu: %s", i, error.message);
        }
    }
}

/* 100,000 series of ten labels and 100 samples each, with the options of a database that nobody has
 * tuned: its head is flushed on the way. */
static double peak_of_set_b(const struct bench_run *run, bool baseline)
{
    static struct bench_store store;
    const size_t series = 100000;
    (void)run;
    (void)baseline;
    bench_reset_peak();
    bench_store_open(&store, 1, VARVE_SYNC_DEFAULT, 1);
    make_series_of_ten_labels(&store, series);
    struct bench_walk walk = bench_walk_make(0, series, 0);
    bench_append_batches(&store, &walk, series * 100);
    double bytes = (double)bench_peak_bytes();
    bench_store_close(&store);
    return bytes / (double)series;
}

static void measure_set_b(const struct bench_run *run)
{
    if (run->quick) {
        bench_missing("set-b, peak of resident bytes a series", "only in full runs");
        return;
    }
    bench_figure("set-b, peak of resident bytes a series", in_child(peak_of_set_b, run, false),
                 "bytes");
}

int main(int argc, char **argv)
{
    static const struct bench_workload workloads[] = {
        {"allocate", "acquire and release of a series with its labels and samples",
         measure_allocation, NULL},
        {"memory", "resident memory of samples in the head", measure_memory, NULL},
        {"set-b", "100,000 series of ten labels with 100 samples each", measure_set_b, NULL},
    };
    return bench_main(argc, argv, "phase1_memory", workloads, BENCH_COUNT_OF(workloads));
}
