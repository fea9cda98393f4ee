/*
 * compress_batch.c - a block of many series written on one thread and on two: how much of the
 * processors that uses, and what the second one brings.
 *
 * What is measured is the writer that flushes (hot blocks) and merges (cold ones) use, from the
 * first chunk to the footer. Only waiting for the disk is left out: the file's sync does nothing.
 * Where other processes want the processors too, the time for which they kept these threads waiting
 * is counted out, as is what the host kept (steal).
 */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "compress_measure.h"
#include "mmap/block.h"
#include "mmap/block_sink.h"
#include "support/temporary.h"

enum { THREADS = 2, ROUNDS = 5 };

struct batch {
    const struct bench_set *set;
    const int64_t *timestamps; /* for every column */
    struct vv_env_ops ops;     /* posix, without syncs */
    struct vv_env env;
    int directory;
    bool cold;
};

/* Seconds of one run: wall, used by the threads, and waited for while others had the processor. */
struct usage {
    double wall;
    double cpu;
    double kept;
};

static double clock_seconds(clockid_t clock)
{
    struct timespec time;
    clock_gettime(clock, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

/* Time that the host kept from this machine, of all processors; 0 where it is not told. */
static double stolen_seconds(void)
{
    unsigned long long steal = 0;
    FILE *file = fopen("/proc/stat", "r");
    if (file != NULL) {
        if (fscanf(file, "cpu %*u %*u %*u %*u %*u %*u %*u %llu", &steal) != 1) {
            steal = 0;
        }
        fclose(file);
    }
    return (double)steal / 100; /* ticks of 10 ms */
}

/* Time for which the threads of this process could have run and did not; 0 where it is not told. */
static double waited_seconds(void)
{
    double sum = 0;
    DIR *tasks = opendir("/proc/self/task");
    for (struct dirent *task; tasks != NULL && (task = readdir(tasks)) != NULL;) {
        char path[sizeof("/proc/self/task//schedstat") + sizeof(task->d_name)];
        unsigned long long waited = 0;
        (void)snprintf(path, sizeof(path), "/proc/self/task/%s/schedstat", task->d_name);
        FILE *file = task->d_name[0] != '.' ? fopen(path, "r") : NULL;
        if (file != NULL) {
            sum += fscanf(file, "%*u %llu", &waited) == 1 ? (double)waited / 1e9 : 0;
            fclose(file);
        }
    }
    if (tasks != NULL) {
        closedir(tasks);
    }
    return sum;
}

static struct usage now(void)
{
    return (struct usage){.wall = clock_seconds(CLOCK_MONOTONIC),
                          .cpu = clock_seconds(CLOCK_PROCESS_CPUTIME_ID),
                          .kept = waited_seconds() + stolen_seconds()};
}

static int no_sync(void *ctx, int file)
{
    (void)ctx;
    (void)file;
    return 0;
}

static varve_status begin_series(struct vv_block_writer *writer, uint32_t series)
{
    char text[16];
    struct vv_buffer key = {0};
    (void)snprintf(text, sizeof(text), "s%08u", series);
    varve_status status = vv_key_parse((varve_string){text, strlen(text)}, &key, NULL);
    if (status == VARVE_OK) {
        status = vv_block_writer_begin_series(writer, (struct vv_key){key.bytes, key.length}, NULL);
    }
    vv_buffer_fini(&key);
    return status;
}

/* The columns of one series: what fill_series() takes by reference. */
struct piece {
    const struct bench_column *columns;
    size_t column_count;
    struct vv_buffer key;
};

struct pieces {
    const struct bench_set *set;
    const int64_t *timestamps;
    struct piece *list;
    size_t count;
};

/* Hot blocks are filled as a flush does it: from where the samples lie, on all threads. */
static void fill_series(void *context, size_t first, size_t count, struct vv_block_sink *sinks,
                        varve_status *statuses)
{
    const struct pieces *pieces = context;
    for (size_t i = 0; i < count; i++) {
        const struct piece *piece = &pieces->list[first + i];
        size_t done = 0;
        vv_block_sink_begin(&sinks[i], (struct vv_key){piece->key.bytes, piece->key.length});
        statuses[i] = VARVE_OK;
        for (size_t k = 0; k < piece->column_count && statuses[i] == VARVE_OK; k++) {
            const struct bench_column *column = &piece->columns[k];
            statuses[i] = vv_block_sink_add_chunk(
                &sinks[i], 0, VARVE_DUPLICATES_LAST, pieces->timestamps + done,
                pieces->set->values + column->start, column->count);
            done += column->count;
        }
    }
}

static varve_status fill_columns(const struct bench_set *set, const int64_t *timestamps,
                                 struct vv_block_writer *writer)
{
    struct pieces pieces = {.set = set,
                            .timestamps = timestamps,
                            .list = calloc(set->column_count, sizeof(*pieces.list))};
    uint64_t begun_count;
    varve_status status = pieces.list == NULL ? VARVE_NO_MEMORY : VARVE_OK;
    for (size_t i = 0; status == VARVE_OK && i < set->column_count; i++) {
        const struct bench_column *column = &set->columns[i];
        if (i == 0 || column->series != column[-1].series) {
            char text[16];
            (void)snprintf(text, sizeof(text), "s%08u", column->series);
            pieces.list[pieces.count].columns = column;
            status = vv_key_parse((varve_string){text, strlen(text)},
                                  &pieces.list[pieces.count++].key, NULL);
        }
        pieces.list[pieces.count - 1].column_count++;
    }
    if (status == VARVE_OK) {
        status =
            vv_block_writer_fill(writer, pieces.count, fill_series, &pieces, &begun_count, NULL);
    }
    for (size_t i = 0; i < pieces.count; i++) {
        vv_buffer_fini(&pieces.list[i].key);
    }
    free(pieces.list);
    return status;
}

/* Cold ones as a merge does it: chunk by chunk. */
static varve_status add_columns(const struct bench_set *set, const int64_t *timestamps,
                                struct vv_block_writer *writer)
{
    size_t done = 0; /* of the series */
    for (size_t i = 0; i < set->column_count; i++) {
        const struct bench_column *column = &set->columns[i];
        if (i == 0 || column->series != column[-1].series) {
            VV_TRY(begin_series(writer, column->series));
            done = 0;
        }
        VV_TRY(vv_block_writer_add_chunk(writer, 0, VARVE_DUPLICATES_LAST, timestamps + done,
                                         set->values + column->start, column->count, NULL));
        done += column->count;
    }
    return VARVE_OK;
}

/* Writes the block on the calling thread and those of workers. */
static struct usage write_block(const struct batch *batch, struct vv_workers *workers)
{
    const struct vv_block_identity identity = {.id = 1, .cold = batch->cold};
    struct vv_block_writer *writer;
    struct vv_block_info info;
    struct usage begin = now();
    varve_status status =
        vv_block_writer_create(&batch->env, batch->directory, "block", &identity, &writer, NULL);
    if (status == VARVE_OK) {
        vv_block_writer_use(writer, workers);
        status = batch->cold ? add_columns(batch->set, batch->timestamps, writer)
                             : fill_columns(batch->set, batch->timestamps, writer);
    }
    if (status == VARVE_OK) {
        status = vv_block_writer_finish(writer, &info, NULL);
    }
    struct usage end = now();
    if (status != VARVE_OK) {
        fprintf(stderr, "bench_compress: a block cannot be written: %s\n",
                varve_status_text(status));
        exit(1);
    }
    vv_block_writer_destroy(writer);
    (void)batch->ops.unlink(batch->env.ctx, batch->directory, "block");
    return (struct usage){end.wall - begin.wall, end.cpu - begin.cpu, end.kept - begin.kept};
}

/* The time that the work would have taken alone on the machine: idle threads stay counted. */
static double undisturbed(struct usage usage, size_t threads)
{
    double most = usage.wall * (double)threads - usage.cpu;
    return usage.wall - (usage.kept < most ? usage.kept : most) / (double)threads;
}

static struct bench_batch measure(const struct batch *batch)
{
    struct bench_batch best = {0};
    struct vv_workers *workers = NULL;
    if (vv_workers_create(THREADS - 1, &workers) != VARVE_OK) {
        abort();
    }
    for (int round = 0; round < ROUNDS; round++) {
        struct usage one = write_block(batch, NULL);
        struct usage two = write_block(batch, workers);
        double cpu_use = two.cpu / (undisturbed(two, THREADS) * THREADS);
        double speedup = undisturbed(one, 1) / undisturbed(two, THREADS);
        /* Whatever else runs on the machine can only make these less. */
        best.cpu_use = cpu_use > best.cpu_use ? cpu_use : best.cpu_use;
        best.speedup = speedup > best.speedup ? speedup : best.speedup;
    }
    vv_workers_destroy(workers);
    return best;
}

struct bench_batch bench_measure_batch(const struct bench_set *set, bool cold)
{
    const struct vv_env *posix = vv_env_posix();
    struct batch batch = {.set = set, .cold = cold, .ops = *posix->ops};
    char path[128];
    int64_t *timestamps = malloc(set->value_count * sizeof(*timestamps));
    if (timestamps == NULL || !vv_test_temporary_create(path, sizeof(path))) {
        perror("bench_compress: memory and a temporary directory");
        exit(1);
    }
    for (size_t i = 0; i < set->value_count; i++) {
        timestamps[i] = (int64_t)i * 10000000000;
    }
    batch.timestamps = timestamps;
    batch.ops.fdatasync = no_sync;
    batch.env = (struct vv_env){.ops = &batch.ops, .ctx = posix->ctx};
    batch.directory = batch.ops.open_directory(batch.env.ctx, path);
    struct bench_batch result = measure(&batch);
    (void)batch.ops.close(batch.env.ctx, batch.directory);
    (void)vv_test_temporary_remove(path);
    free(timestamps);
    return result;
}
