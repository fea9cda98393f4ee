/*
 * phase5_mmap.c - to disk and back: one mapped file against a file per series, stdio and loading.
 *
 *   persist  make a head durable: one block, against one write and one sync for each series in a
 *            file of its own (where the plan began), and against stdio, chunk by chunk, raw
 *   reopen   open a block and read 100 random series, against the same from a file that is first
 *            read into memory as a whole; and how much of the block opening it reads
 *   copies   bytes that are copied on the way from the head to the disk and from there to a caller
 *   beside   how often an append waits while flushes and compactions go on
 */
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "block_set.h"
#include "engine/database.h"
#include "harness.h"
#include "storage/shard.h"
#include "support/random.h"
#include "support/temporary.h"

enum { POINTS = 2500, QUERIES = 100 };

struct folder {
    char path[256];
    const struct vv_env *env;
    int directory;
};

static struct folder folder_make(void)
{
    struct folder folder = {.env = vv_env_posix()};
    if (!vv_test_temporary_create(folder.path, sizeof(folder.path))) {
        bench_stop("no temporary folder");
    }
    folder.directory = folder.env->ops->open_directory(folder.env->ctx, folder.path);
    return folder;
}

static void folder_remove(const struct folder *folder)
{
    (void)folder->env->ops->close(folder->env->ctx, folder->directory);
    (void)vv_test_temporary_remove(folder->path);
}

/* ------------------------------------------------------------------------------- persist */

struct persist {
    struct bench_block_set set;
    struct folder folder;
    struct sample {
        int64_t time;
        double value;
    } * row; /* of one series, as a head without columns has it */
};

static void persist_block_by(struct persist *persist, const struct vv_env *env)
{
    (void)bench_block_write(&persist->set, env, persist->folder.directory, "b");
    if (persist->folder.env->ops->sync_directory(persist->folder.env->ctx,
                                                 persist->folder.directory) != 0) {
        bench_stop("cannot sync a folder");
    }
}

static void persist_block(void *context)
{
    persist_block_by(context, vv_env_posix());
}

static void persist_block_uring(void *context)
{
    persist_block_by(context, vv_env_uring());
}

static void persist_files(void *context)
{
    struct persist *persist = context;
    size_t bytes = persist->set.points * sizeof(*persist->row);
    for (size_t series = 0; series < persist->set.series_count; series++) {
        char name[32];
        (void)snprintf(name, sizeof(name), "s%zu", series);
        int file = openat(persist->folder.directory, name, O_WRONLY | O_CREAT | O_TRUNC, 0644);
        if (file < 0 || write(file, persist->row, bytes) != (ssize_t)bytes ||
            fdatasync(file) != 0 || close(file) != 0) {
            bench_stop("cannot write %s", name);
        }
    }
    if (fsync(persist->folder.directory) != 0) {
        bench_stop("cannot sync a folder");
    }
}

static void persist_stdio(void *context)
{
    struct persist *persist = context;
    char path[300];
    (void)snprintf(path, sizeof(path), "%s/stdio", persist->folder.path);
    FILE *file = fopen(path, "w");
    for (size_t series = 0; file != NULL && series < persist->set.series_count; series++) {
        for (size_t done = 0; done < persist->set.points; done += VV_COLUMN_MAX) {
            size_t left = persist->set.points - done;
            size_t count = left < VV_COLUMN_MAX ? left : VV_COLUMN_MAX;
            if (fwrite(persist->row + done, sizeof(*persist->row), count, file) != count) {
                bench_stop("cannot write %s", path);
            }
        }
    }
    if (file == NULL || fflush(file) != 0 || fdatasync(fileno(file)) != 0 || fclose(file) != 0) {
        bench_stop("cannot write %s", path);
    }
}

/* Removes what the work has left, so that every round creates. */
static void clean(void *context)
{
    struct persist *persist = context;
    folder_remove(&persist->folder);
    persist->folder = folder_make();
}

static void persist_init(struct persist *persist, const struct bench_run *run)
{
    size_t series = run->quick ? 400 : 4000;
    persist->set = bench_block_set_walks(series, POINTS, run->seed);
    persist->folder = folder_make();
    persist->row = bench_allocate_zeroed(POINTS * sizeof(*persist->row));
    for (size_t at = 0; at < POINTS; at++) {
        persist->row[at] = (struct sample){persist->set.timestamps[at], persist->set.values[at]};
    }
}

static void persist_fini(struct persist *persist)
{
    folder_remove(&persist->folder);
    bench_block_set_free(&persist->set);
    free(persist->row);
}

static void count_persist(const struct bench_run *run, const char *variant, uint64_t times)
{
    struct persist persist;
    persist_init(&persist, run);
    for (uint64_t time = 0; time < times; time++) {
        if (strcmp(variant, "varve") == 0) {
            persist_block(&persist);
        } else {
            persist_files(&persist);
        }
    }
    persist_fini(&persist);
}

static void measure_calls(const struct bench_run *run)
{
    static const char measure[] = "persist, system calls, share of a file per series";
    static const char calls[] = "openat,write,pwrite64,fdatasync,fsync,close,fallocate,ftruncate";
    double varve;
    double baseline;
    const char *why = bench_count_calls(run, "persist", "varve", 1, calls, &varve);
    if (why == NULL) {
        why = bench_count_calls(run, "persist", "baseline", 1, calls, &baseline);
    }
    if (why != NULL) {
        bench_missing(measure, why);
    } else {
        bench_row(measure, varve / baseline, baseline, varve, "calls");
    }
}

static void measure_persist(const struct bench_run *run)
{
    struct persist persist;
    persist_init(&persist, run);
    const struct bench_candidate candidates[] = {
        {.name = "files", .context = &persist, .work = persist_files, .finish = clean},
        {.name = "stdio", .context = &persist, .work = persist_stdio, .finish = clean},
        {.name = "varve", .context = &persist, .work = persist_block, .finish = clean},
        {.name = "io_uring", .context = &persist, .work = persist_block_uring, .finish = clean},
    };
    struct bench_time wall[4];
    struct bench_time cpu[4];
    double samples = (double)(persist.set.series_count * POINTS);
    bench_interleave(run, BENCH_WALL, candidates, 4, wall);
    bench_interleave(run, BENCH_PROCESS_CPU, candidates, 4, cpu);
    bench_row("persist, times a file per series", wall[0].median / wall[2].median,
              wall[0].median / samples * 1e9, wall[2].median / samples * 1e9, "ns");
    bench_row("persist, CPU, times a file per series", cpu[0].median / cpu[2].median,
              cpu[0].median / samples * 1e9, cpu[2].median / samples * 1e9, "ns");
    bench_row("persist, times stdio", wall[1].median / wall[2].median,
              wall[1].median / samples * 1e9, wall[2].median / samples * 1e9, "ns");
    bench_row("persist, CPU, times stdio", cpu[1].median / cpu[2].median,
              cpu[1].median / samples * 1e9, cpu[2].median / samples * 1e9, "ns");
    bench_row("persist, io_uring, times plain calls", wall[2].median / wall[3].median,
              wall[2].median / samples * 1e9, wall[3].median / samples * 1e9, "ns");
    bench_row("persist, CPU, io_uring, times plain calls", cpu[2].median / cpu[3].median,
              cpu[2].median / samples * 1e9, cpu[3].median / samples * 1e9, "ns");
    persist_fini(&persist);
    measure_calls(run);
}

/* -------------------------------------------------------------------------------- reopen */

/* An environment like another one, but for how files are mapped; and what was made resident. */
struct reader_env {
    struct vv_env_ops ops;
    struct vv_env env;
    uint64_t bytes; /* made resident, and read */
};

static struct reader_env *reader_of(void *ctx)
{
    return ctx;
}

/* Reads the file into memory: what a reader without mappings does. */
static int load_file(void *ctx, int file, size_t length, const uint8_t **bytes)
{
    (void)ctx;
    uint8_t *memory = malloc(length);
    for (size_t done = 0; memory != NULL && done < length;) {
        ssize_t got = pread(file, memory + done, length - done, (off_t)done);
        if (got <= 0) {
            bench_stop("cannot read a block");
        }
        done += (size_t)got;
    }
    *bytes = memory;
    return memory != NULL ? 0 : -1;
}

static int free_file(void *ctx, const uint8_t *bytes, size_t length)
{
    (void)ctx;
    (void)length;
    free((void *)(uintptr_t)bytes);
    return 0;
}

static int nothing_to_populate(void *ctx, const uint8_t *bytes, size_t length)
{
    (void)ctx;
    (void)bytes;
    (void)length;
    return 0;
}

static int count_populate(void *ctx, const uint8_t *bytes, size_t length)
{
    reader_of(ctx)->bytes += length;
    return vv_env_posix()->ops->populate(vv_env_posix()->ctx, bytes, length);
}

struct reopen {
    struct folder folder;
    struct vv_block_info info;
    const struct vv_env *env;
    uint64_t seed;
};

static void query_random(void *context)
{
    const struct reopen *reopen = context;
    struct vv_test_random random = vv_test_random_seeded(reopen->seed);
    struct vv_block *block =
        bench_block_open(reopen->env, reopen->folder.directory, "block", &reopen->info);
    double sum = 0;
    for (int query = 0; query < QUERIES; query++) {
        sum += bench_block_add_series(
            block, (uint32_t)vv_test_random_below(&random, reopen->info.series_count));
    }
    bench_use(&sum);
    vv_block_release(block);
}

/* Full-precision values, some 6.5 bytes each. */
static struct reopen make_large_block(const struct bench_run *run)
{
    size_t series = run->quick ? 20500 : 164000; /* 128 MiB, 1 GiB */
    struct bench_block_set set = bench_block_set_precise(series, VV_COLUMN_MAX, run->seed);
    struct reopen reopen = {.folder = folder_make(), .env = vv_env_posix(), .seed = run->seed};
    reopen.info = bench_block_write(&set, reopen.env, reopen.folder.directory, "block");
    bench_block_set_free(&set);
    return reopen;
}

static void measure_reopen(const struct bench_run *run)
{
    struct reopen mapped = make_large_block(run);
    struct reader_env loader = {.ops = *vv_env_posix()->ops};
    loader.ops.map = load_file;
    loader.ops.unmap = free_file;
    loader.ops.populate = nothing_to_populate;
    loader.env = (struct vv_env){.ops = &loader.ops, .ctx = vv_env_posix()->ctx};
    struct reopen loaded = mapped;
    loaded.env = &loader.env;
    const struct bench_candidate candidates[] = {
        {.name = "loaded", .context = &loaded, .work = query_random},
        {.name = "mapped", .context = &mapped, .work = query_random},
    };
    struct bench_time times[2];
    bench_interleave(run, BENCH_WALL, candidates, 2, times);
    bench_row("reopen, 100 random series, times loading the file",
              times[0].median / times[1].median, times[0].median * 1e3, times[1].median * 1e3,
              "ms");

    struct reader_env counter = {.ops = *vv_env_posix()->ops};
    counter.ops.populate = count_populate;
    counter.env = (struct vv_env){.ops = &counter.ops, .ctx = &counter};
    uint64_t read_before = bench_read_bytes();
    double begin = bench_seconds(BENCH_WALL);
    struct vv_block *block =
        bench_block_open(&counter.env, mapped.folder.directory, "block", &mapped.info);
    double seconds = bench_seconds(BENCH_WALL) - begin;
    counter.bytes += bench_read_bytes() - read_before;
    bench_row("reopen, share of the bytes that opening reads",
              (double)counter.bytes / (double)mapped.info.file_bytes,
              (double)mapped.info.file_bytes, (double)counter.bytes, "bytes");
    bench_figure("reopen, opening", seconds * 1e3, "ms");
    vv_block_release(block);
    folder_remove(&mapped.folder);
}

/* -------------------------------------------------------------------------------- copies */

/* What goes through memcpy() and memmove() of this program: CMakeLists.txt has the linker send them
 * here. Copies of a few bytes of fixed size are instructions and no calls: loads and stores of
 * of codecs. */
static _Atomic(uint64_t) copied_bytes;

#define COUNTED(name, arguments, call)                                                             \
    void *__real_##name arguments;                                                                 \
    void *__wrap_##name arguments;                                                                 \
    void *__wrap_##name arguments                                                                  \
    {                                                                                              \
        atomic_fetch_add_explicit(&copied_bytes, length, memory_order_relaxed);                    \
        return __real_##name call;                                                                 \
    }
COUNTED(memcpy, (void *to, const void *from, size_t length), (to, from, length))
COUNTED(memmove, (void *to, const void *from, size_t length), (to, from, length))
COUNTED(__memcpy_chk, (void *to, const void *from, size_t length, size_t room),
        (to, from, length, room))
COUNTED(__memmove_chk, (void *to, const void *from, size_t length, size_t room),
        (to, from, length, room))

static int64_t count_pwrite(void *ctx, int file, const void *bytes, size_t length, uint64_t offset)
{
    reader_of(ctx)->bytes += length;
    return vv_env_posix()->ops->pwrite(vv_env_posix()->ctx, file, bytes, length, offset);
}

static void append_walks(varve_db *db, const struct bench_block_set *set)
{
    for (size_t number = 0; number < set->series_count; number++) {
        char text[48];
        varve_series series;
        int length = snprintf(text, sizeof(text), "cpu{host=\"host_%08zu\"}", number);
        if (varve_series_parse(db, (varve_string){text, (size_t)length}, &series, NULL) !=
                VARVE_OK ||
            varve_append(db, series, set->timestamps, set->values + number * set->points,
                         set->points, NULL) != VARVE_OK) {
            bench_stop("cannot append");
        }
    }
}

/* A head to its block, and back to spans; the baseline writes 16 bytes a sample from one array, and
 * reads them into the caller's. */
static void measure_copies(const struct bench_run *run)
{
    struct bench_block_set set = bench_block_set_walks(400, POINTS, run->seed);
    struct folder folder = folder_make();
    struct reader_env writer = {.ops = *vv_env_posix()->ops};
    double samples = (double)(set.series_count * set.points);
    const double baseline = sizeof(struct sample);
    char path[300];
    varve_db *db = NULL;
    varve_options options = VARVE_OPTIONS_INIT;
    options.flags = VARVE_OPEN_CREATE;
    options.sync = VARVE_SYNC_NONE;
    options.background_threads = 0;
    options.head_bytes_max = 1ULL << 30;
    writer.ops.pwrite = count_pwrite;
    writer.env = (struct vv_env){.ops = &writer.ops, .ctx = &writer};
    (void)snprintf(path, sizeof(path), "%s/db", folder.path);
    if (vv_database_open(&writer.env, path, &options, NULL, &db, NULL) != VARVE_OK) {
        bench_stop("cannot create a database");
    }
    append_walks(db, &set);
    if (varve_flush(db, NULL) != VARVE_OK) {
        bench_stop("cannot write the log");
    }
    uint64_t copied = atomic_load(&copied_bytes), written = writer.bytes;
    vv_mutex_lock(&db->shard->maintenance_mutex);
    varve_status status = vv_shard_flush_head(db->shard, NULL);
    vv_mutex_unlock(&db->shard->maintenance_mutex);
    if (status != VARVE_OK) {
        bench_stop("cannot flush the head");
    }
    double varve = (double)(atomic_load(&copied_bytes) - copied + writer.bytes - written) / samples;
    bench_row("copies, head to disk, share of writing structs", varve / baseline, baseline, varve,
              "bytes a sample");
    varve_selection everything = VARVE_SELECTION_INIT;
    varve_cursor *cursor = NULL;
    varve_span span;
    uint64_t read = 0;
    copied = atomic_load(&copied_bytes);
    if (varve_select(db, &everything, &cursor, NULL) != VARVE_OK) {
        bench_stop("cannot read");
    }
    while (varve_cursor_next(cursor)) {
        while (varve_cursor_span(cursor, &span)) {
            read += span.count;
        }
    }
    varve_cursor_close(cursor);
    varve = (double)(atomic_load(&copied_bytes) - copied) / (double)read;
    bench_row("copies, disk to the caller, share of reading structs", varve / baseline, baseline,
              varve, "bytes a sample");
    (void)varve_close(db, NULL);
    folder_remove(&folder);
    bench_block_set_free(&set);
}

/* -------------------------------------------------------------------------------- beside */

enum { BESIDE_SERIES = 100, BESIDE_BATCHES = 10000, BESIDE_PAUSE_NS = 50000 };

struct beside {
    varve_db *db;
    varve_series series[BESIDE_SERIES];
    double nanoseconds[BESIDE_BATCHES];
    uint64_t waits; /* of the thread that appends */
    _Atomic(bool) done;
};

/* Appends at an even pace, looking at the clock in between. */
static void *append_beside(void *context)
{
    struct beside *beside = context;
    static int64_t timestamps[BESIDE_SERIES];
    static double values[BESIDE_SERIES];
    uint64_t before = vv_thread_waits();
    double due = bench_seconds(BENCH_WALL);
    for (size_t number = 0; number < BESIDE_BATCHES; number++) {
        varve_batch batch = VARVE_BATCH_INIT;
        for (size_t i = 0; i < BESIDE_SERIES; i++) {
            timestamps[i] = (int64_t)number * 1000000000;
            values[i] = (double)((number + i) % 100);
        }
        batch.series = beside->series;
        batch.timestamps = timestamps;
        batch.values = values;
        batch.count = BESIDE_SERIES;
        double begin = bench_seconds(BENCH_WALL);
        if (varve_append_batch(beside->db, &batch, NULL) != VARVE_OK) {
            bench_stop("cannot append");
        }
        beside->nanoseconds[number] = (bench_seconds(BENCH_WALL) - begin) * 1e9;
        due += BESIDE_PAUSE_NS / 1e9;
        while (bench_seconds(BENCH_WALL) < due) {}
    }
    beside->waits = vv_thread_waits() - before;
    atomic_store(&beside->done, true);
    return NULL;
}

static int compare_doubles(const void *a, const void *b)
{
    double left = *(const double *)a, right = *(const double *)b;
    return (left > right) - (left < right);
}

/* In mode NONE, with as much log as the memory for it takes, and without threads of the library:
 * what two threads wait for here is each other. */
static void beside_open(const struct bench_run *run, const struct folder *folder,
                        struct beside *beside)
{
    struct bench_block_set set = bench_block_set_walks(run->quick ? 400 : 4000, POINTS, run->seed);
    char path[300];
    varve_options options = VARVE_OPTIONS_INIT;
    options.flags = VARVE_OPEN_CREATE;
    options.sync = VARVE_SYNC_NONE;
    options.background_threads = 0;
    options.head_bytes_max = 1ULL << 30;
    options.wal_bytes_max = 1ULL << 30;
    (void)snprintf(path, sizeof(path), "%s/db", folder->path);
    if (varve_open(path, &options, &beside->db, NULL) != VARVE_OK) {
        bench_stop("cannot create a database");
    }
    append_walks(beside->db, &set);
    for (size_t i = 0; i < BESIDE_SERIES; i++) {
        char text[32];
        int length = snprintf(text, sizeof(text), "beside{i=\"%zu\"}", i);
        if (varve_series_parse(beside->db, (varve_string){text, (size_t)length}, &beside->series[i],
                               NULL) != VARVE_OK) {
            bench_stop("cannot make a series");
        }
    }
    bench_block_set_free(&set);
    if (varve_flush(beside->db, NULL) != VARVE_OK) { /* the log of that is no concern of theirs */
        bench_stop("cannot write the log");
    }
}

/* One thread appends while this one flushes the head and compacts all that there is, over and over;
 * returns how often. */
static unsigned beside_perform(struct beside *beside)
{
    pthread_t thread;
    unsigned compactions = 0;
    if (pthread_create(&thread, NULL, append_beside, beside) != 0) {
        bench_stop("no thread");
    }
    while (!atomic_load(&beside->done) || compactions == 0) {
        if (varve_compact(beside->db, NULL) != VARVE_OK) {
            bench_stop("cannot compact");
        }
        compactions++;
    }
    (void)pthread_join(thread, NULL);
    return compactions;
}

static void measure_beside(const struct bench_run *run)
{
    struct folder folder = folder_make();
    struct beside *beside = bench_allocate_zeroed(sizeof(*beside));
    beside_open(run, &folder, beside);
    unsigned compactions = beside_perform(beside);
    qsort(beside->nanoseconds, BESIDE_BATCHES, sizeof(double), compare_doubles);
    bench_figure("beside, waits of an append on flush or compaction", (double)beside->waits,
                 "waits");
    bench_figure("beside, p99.9 of an append of 100 samples",
                 beside->nanoseconds[BESIDE_BATCHES / 1000 * 999], "ns");
    bench_note("beside: %d appends, %u compactions meanwhile", BESIDE_BATCHES, compactions);
    (void)varve_close(beside->db, NULL);
    free(beside);
    folder_remove(&folder);
}

int main(int argc, char **argv)
{
    static const struct bench_workload workloads[] = {
        {"persist", "make a head durable, against a file per series and stdio", measure_persist,
         count_persist},
        {"reopen", "open and read 100 series of many, against loading the file", measure_reopen,
         NULL},
        {"copies", "bytes copied between head, disk and caller", measure_copies, NULL},
        {"beside", "appends beside flushes and compactions", measure_beside, NULL},
    };
    return bench_main(argc, argv, "phase5_mmap", workloads, BENCH_COUNT_OF(workloads));
}
