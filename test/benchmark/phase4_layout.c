/*
 * phase4_layout.c - reading everything: packed columns in a mapping beside structs in chunks.
 *
 *   scan    decode and add every value of a hot block, against a memcpy of as many raw bytes from
 *           beyond the caches to one buffer, 1024 samples at a time
 *   misses  what the caches do meanwhile (cachegrind), against chunks of {time, value} structs in
 *           memory of their own, linked per series, as a store without columns keeps them
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "block_set.h"
#include "harness.h"
#include "support/temporary.h"

enum { POINTS = 2500, CHUNK_SAMPLES = 1024 };

/* ---------------------------------------------------------------------------------- scan */

struct scan {
    const struct bench_block_set *set;
    struct vv_block *block;
};

static void scan_block(void *context)
{
    const struct scan *scan = context;
    double sum = 0;
    for (uint32_t id = 0; id < scan->set->series_count; id++) {
        sum += bench_block_add_series(scan->block, id);
    }
    bench_use(&sum);
}

/* Timestamps too, although all series share theirs: a reader gets them as well. */
static void copy_raw(void *context)
{
    static int64_t timestamps[CHUNK_SAMPLES];
    static double values[CHUNK_SAMPLES];
    const struct scan *scan = context;
    size_t total = scan->set->series_count * scan->set->points;
    const int64_t *raw_times = (const int64_t *)(const void *)scan->set->values;
    for (size_t done = 0; done < total; done += CHUNK_SAMPLES) {
        size_t count = total - done < CHUNK_SAMPLES ? total - done : CHUNK_SAMPLES;
        memcpy(values, scan->set->values + done, count * sizeof(*values));
        /* As many bytes from elsewhere in memory: half of all behind, and around. */
        size_t other = done + total / 2 < total - CHUNK_SAMPLES ? done + total / 2 : done / 2;
        memcpy(timestamps, raw_times + other, count * sizeof(*timestamps));
        bench_use(values);
        bench_use(timestamps);
    }
}

/* A block in a folder of its own, which is gone when this returns: the mapping stays. */
static struct vv_block *make_block(const struct bench_block_set *set)
{
    char path[256];
    if (!vv_test_temporary_create(path, sizeof(path))) {
        bench_stop("no temporary folder");
    }
    const struct vv_env *env = vv_env_posix();
    int directory = env->ops->open_directory(env->ctx, path);
    struct vv_block_info info = bench_block_write(set, env, directory, "block");
    struct vv_block *block = bench_block_open(env, directory, "block", &info);
    (void)env->ops->close(env->ctx, directory);
    (void)vv_test_temporary_remove(path);
    return block;
}

static void measure_scan(const struct bench_run *run)
{
    size_t series = 4000; /* the raw samples are beyond all caches */
    struct bench_block_set set = bench_block_set_walks(series, POINTS, run->seed);
    struct scan scan = {.set = &set, .block = make_block(&set)};
    const struct bench_candidate candidates[] = {
        {.name = "memcpy", .context = &scan, .work = copy_raw},
        {.name = "varve", .context = &scan, .work = scan_block},
    };
    struct bench_time times[2];
    double samples = (double)(series * POINTS);
    bench_interleave(run, BENCH_THREAD_CPU, candidates, 2, times);
    bench_row("scan, times memcpy", times[0].median / times[1].median,
              times[0].median / samples * 1e9, times[1].median / samples * 1e9, "ns");
    vv_block_release(scan.block);
    bench_block_set_free(&set);
}

/* -------------------------------------------------------------------------------- misses */

struct sample {
    int64_t time;
    double value;
};

struct chunk {
    struct chunk *next;
    size_t count;
    struct sample samples[CHUNK_SAMPLES];
};

/* The chunks of each series, in the order of their creation: round-robin, as samples come. */
static struct chunk **make_chunks(const struct bench_block_set *set)
{
    struct chunk **series = bench_allocate_zeroed(set->series_count * sizeof(struct chunk *));
    struct chunk **last = bench_allocate_zeroed(set->series_count * sizeof(struct chunk *));
    for (size_t at = 0; at < set->points; at++) {
        for (size_t number = 0; number < set->series_count; number++) {
            if (at % CHUNK_SAMPLES == 0) {
                struct chunk *chunk = bench_allocate_zeroed(sizeof(*chunk));
                *(last[number] != NULL ? &last[number]->next : &series[number]) = chunk;
                last[number] = chunk;
            }
            struct chunk *chunk = last[number];
            chunk->samples[chunk->count++] =
                (struct sample){set->timestamps[at], set->values[number * set->points + at]};
        }
    }
    free(last);
    return series;
}

static void scan_chunks(struct chunk *const *series, size_t series_count)
{
    double sums[2] = {0};
    for (size_t number = 0; number < series_count; number++) {
        for (const struct chunk *chunk = series[number]; chunk != NULL; chunk = chunk->next) {
            for (size_t at = 0; at < chunk->count; at++) {
                sums[at & 1] += chunk->samples[at].value;
            }
        }
    }
    bench_use(sums);
}

static void free_chunks(struct chunk **series, size_t series_count)
{
    for (size_t number = 0; number < series_count; number++) {
        for (struct chunk *next; series[number] != NULL; series[number] = next) {
            next = series[number]->next;
            free(series[number]);
        }
    }
    free(series);
}

enum { COUNTED_SERIES = 100 };

static void count_scans(const struct bench_run *run, const char *variant, uint64_t times)
{
    struct bench_block_set set = bench_block_set_walks(COUNTED_SERIES, POINTS, run->seed);
    if (strcmp(variant, "baseline") == 0) {
        struct chunk **chunks = make_chunks(&set);
        for (uint64_t time = 0; time < times; time++) {
            scan_chunks(chunks, set.series_count);
        }
        free_chunks(chunks, set.series_count);
    } else {
        struct scan scan = {.set = &set, .block = make_block(&set)};
        for (uint64_t time = 0; time < times; time++) {
            scan_block(&scan);
        }
        vv_block_release(scan.block);
    }
    bench_block_set_free(&set);
}

static void measure_misses(const struct bench_run *run)
{
    enum { TIMES = 4 };
    struct bench_counts varve;
    struct bench_counts baseline;
    double samples = COUNTED_SERIES * POINTS;
    const char *why = bench_count(run, "misses", "varve", TIMES, &varve);
    if (why == NULL) {
        why = bench_count(run, "misses", "baseline", TIMES, &baseline);
    }
    if (why != NULL) {
        bench_missing("misses, D1, share of structs", why);
        bench_missing("misses, LL, share of structs", why);
        bench_missing("misses, D1 hits of a scan", why);
        return;
    }
    bench_row("misses, D1, share of structs", varve.d1_misses / baseline.d1_misses,
              baseline.d1_misses / samples, varve.d1_misses / samples, "misses");
    bench_row("misses, LL, share of structs", varve.ll_misses / baseline.ll_misses,
              baseline.ll_misses / samples, varve.ll_misses / samples, "misses");
    bench_figure("misses, D1 hits of a scan", 1 - varve.d1_misses / varve.references, "share");
}

int main(int argc, char **argv)
{
    static const struct bench_workload workloads[] = {
        {"scan", "decode and add everything of a hot block, against memcpy", measure_scan, NULL},
        {"misses", "cache misses of that, against chunks of structs", measure_misses, count_scans},
    };
    return bench_main(argc, argv, "phase4_layout", workloads, BENCH_COUNT_OF(workloads));
}
