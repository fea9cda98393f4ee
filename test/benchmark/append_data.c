/*
 * append_data.c - the stores that the append workloads write to, and the threads that write.
 */
#include "append_data.h"

#include <inttypes.h>
#include <malloc.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/database.h"
#include "storage/shard.h"
#include "support/temporary.h"

static const int64_t start_seconds = 1794268800;

size_t bench_series_text(size_t number, char *text)
{
    return (size_t)snprintf(text, BENCH_TEXT_BYTES,
                            "requests_%zu_total{instance=\"10.%zu.%zu.%zu:9100\",job=\"job-%zu\","
                            "region=\"region-%zu\",service=\"service-%zu\"}",
                            number % 100, number >> 16 & 255, number >> 8 & 255, number & 255,
                            number % 16, number % 7, number);
}

static void resolve_all(struct bench_store *store)
{
    char one[BENCH_TEXT_BYTES];
    for (size_t i = 0; i < store->series_count; i++) {
        char *text = store->texts != NULL ? store->texts[i] : one;
        size_t length = bench_series_text(i, text);
        if (store->baseline != NULL) {
            store->refs[i] = baseline_resolve(store->baseline, text, length);
            continue;
        }
        varve_error error = {.status = VARVE_OK};
        varve_string string = {text, length};
        if (varve_series_parse(store->db, string, &store->refs[i], &error) != VARVE_OK) {
            bench_stop("cannot make series %zu: %s", i, error.message);
        }
    }
}

static void make_folder(struct bench_store *store, size_t series_count)
{
    *store = (struct bench_store){.series_count = series_count};
    store->refs = bench_allocate_zeroed(series_count * sizeof *store->refs);
    if (!vv_test_temporary_create(store->folder, sizeof store->folder)) {
        bench_stop("cannot make a temporary folder");
    }
}

void bench_store_open_with(struct bench_store *store, size_t series_count, varve_options options)
{
    char path[sizeof store->folder + 8];
    varve_error error = {.status = VARVE_OK};
    make_folder(store, series_count);
    (void)snprintf(path, sizeof path, "%s/db", store->folder);
    options.flags = VARVE_OPEN_CREATE;
    if (options.background_threads == 0) {
        options.head_bytes_max = UINT64_C(16) << 30;
        options.wal_bytes_max = UINT64_C(16) << 30;
    }
    if (varve_open(path, &options, &store->db, &error) != VARVE_OK) {
        bench_stop("cannot create %s: %s", path, error.message);
    }
    resolve_all(store);
}

void bench_store_open(struct bench_store *store, size_t series_count, varve_sync_mode sync,
                      uint32_t background_threads)
{
    varve_options options = VARVE_OPTIONS_INIT;
    options.sync = sync;
    options.background_threads = background_threads;
    bench_store_open_with(store, series_count, options);
}

void bench_store_open_baseline(struct bench_store *store, size_t series_count,
                               enum baseline_mode mode)
{
    char path[sizeof store->folder + 8];
    make_folder(store, series_count);
    (void)snprintf(path, sizeof path, "%s/log", store->folder);
    store->baseline = baseline_create(mode, path);
    store->texts = bench_allocate_zeroed(series_count * sizeof *store->texts);
    resolve_all(store);
}

void bench_store_settle(struct bench_store *store)
{
    varve_error error = {.status = VARVE_OK};
    if (store->baseline != NULL) {
        baseline_drop_points(store->baseline, store->drops_by_age);
        return;
    }
    struct vv_shard *shard = store->db->shard;
    vv_mutex_lock(&shard->maintenance_mutex);
    if (vv_shard_flush_head(shard, &error) != VARVE_OK) {
        bench_stop("cannot flush the head: %s", error.message);
    }
    vv_mutex_unlock(&shard->maintenance_mutex);
}

void bench_store_close(struct bench_store *store)
{
    varve_error error = {.status = VARVE_OK};
    if (store->baseline != NULL) {
        baseline_destroy(store->baseline);
        /* Millions of free points: whoever asks for memory next would have to put them in order. */
        (void)malloc_trim(0);
    } else if (varve_close(store->db, &error) != VARVE_OK) {
        bench_stop("cannot close the database: %s", error.message);
    }
    if (!vv_test_temporary_remove(store->folder)) {
        bench_stop("cannot remove %s", store->folder);
    }
    free(store->texts);
    free(store->refs);
}

/* ----------------------------------------------------------------------------- appending */

struct bench_walk bench_walk_make(size_t first, size_t count, uint64_t random)
{
    return (struct bench_walk){.first = first,
                               .count = count,
                               .time = start_seconds * 1000000000,
                               .random = random,
                               .salt = first};
}

/* xorshift64 by Marsaglia: cheap, so that it does not count beside what is measured. */
static size_t next_place(struct bench_walk *walk)
{
    __extension__ typedef unsigned __int128 wide;
    if (walk->random == 0) {
        size_t place = walk->at++;
        if (walk->at == walk->count) {
            walk->at = 0;
            walk->time += 1000000000;
        }
        return walk->first + place;
    }
    walk->random ^= walk->random << 13;
    walk->random ^= walk->random >> 7;
    walk->random ^= walk->random << 17;
    walk->time += 1000; /* a random series is met at any time: keep its times apart */
    return walk->first + (size_t)(((wide)walk->random * walk->count) >> 64);
}

/* A gauge with two decimals. */
static double next_value(struct bench_walk *walk)
{
    walk->salt = walk->salt * UINT64_C(6364136223846793005) + 1442695040888963407;
    return (double)(walk->salt >> 44) / 100;
}

static void append(struct bench_store *store, const varve_batch *batch)
{
    if (store->drops) {
        bench_use(batch);
        return;
    }
    if (store->baseline != NULL) {
        baseline_append(store->baseline, batch->series, batch->timestamps, batch->values,
                        batch->count);
        return;
    }
    varve_status status = varve_append_batch(store->db, batch, NULL);
    if (status != VARVE_OK) {
        bench_stop("cannot append: %s", varve_status_text(status));
    }
}

void bench_append_batches(struct bench_store *store, struct bench_walk *walk, uint64_t samples)
{
    uint64_t refs[BENCH_BATCH_SAMPLES];
    int64_t timestamps[BENCH_BATCH_SAMPLES];
    double values[BENCH_BATCH_SAMPLES];
    varve_batch batch = VARVE_BATCH_INIT;
    batch.series = refs;
    batch.timestamps = timestamps;
    batch.values = values;
    for (uint64_t done = 0; done < samples; done += batch.count) {
        uint64_t rest = samples - done;
        batch.count = rest < BENCH_BATCH_SAMPLES ? (size_t)rest : BENCH_BATCH_SAMPLES;
        for (size_t i = 0; i < batch.count; i++) {
            timestamps[i] = walk->time;
            refs[i] = store->refs[next_place(walk)];
            values[i] = next_value(walk);
        }
        append(store, &batch);
    }
}

void bench_append_singles(struct bench_store *store, struct bench_walk *walk, uint64_t samples)
{
    for (uint64_t done = 0; done < samples; done++) {
        int64_t time = walk->time;
        size_t place = next_place(walk);
        double value = next_value(walk);
        if (store->baseline != NULL) {
            const char *text = store->texts[place];
            baseline_append_text(store->baseline, text, strlen(text), time, value);
        } else if (varve_append(store->db, store->refs[place], &time, &value, 1, NULL) !=
                   VARVE_OK) {
            bench_stop("cannot append a sample");
        }
    }
}

/* ------------------------------------------------------------------------------- threads */

struct crew {
    pthread_barrier_t barrier;
    void (*work)(void *context, size_t index);
    void *context;
};

struct member {
    struct crew *crew;
    size_t index;
    double cpu_seconds;
    pthread_t thread;
};

static void *run_member(void *argument)
{
    struct member *member = argument;
    (void)pthread_barrier_wait(&member->crew->barrier);
    double begin = bench_seconds(BENCH_THREAD_CPU);
    member->crew->work(member->crew->context, member->index);
    member->cpu_seconds = bench_seconds(BENCH_THREAD_CPU) - begin;
    return NULL;
}

struct bench_threads bench_run_threads(size_t count, void (*work)(void *context, size_t index),
                                       void *context)
{
    struct crew crew = {.work = work, .context = context};
    struct member *members = bench_allocate_zeroed(count * sizeof *members);
    struct bench_threads result = {0};
    (void)pthread_barrier_init(&crew.barrier, NULL, (unsigned)count + 1);
    for (size_t i = 0; i < count; i++) {
        members[i] = (struct member){.crew = &crew, .index = i};
        if (pthread_create(&members[i].thread, NULL, run_member, &members[i]) != 0) {
            bench_stop("cannot start a thread");
        }
    }
    (void)pthread_barrier_wait(&crew.barrier);
    double begin = bench_seconds(BENCH_WALL);
    for (size_t i = 0; i < count; i++) {
        (void)pthread_join(members[i].thread, NULL);
        result.cpu_seconds += members[i].cpu_seconds;
    }
    result.wall_seconds = bench_seconds(BENCH_WALL) - begin;
    (void)pthread_barrier_destroy(&crew.barrier);
    free(members);
    return result;
}
