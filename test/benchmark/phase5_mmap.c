/*
 * phase5_mmap.c - to disk and back: one mapped file against a file per series, stdio and loading.
 *
 *   persist  make a head durable: one block, against one write and one sync for each series in a
 *            file of its own (where the plan began), and against stdio, chunk by chunk, raw
 *   reopen   open a block and read 100 random series, against the same from a file that is first
 *            read into memory as a whole; and how much of the block opening it reads
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "block_set.h"
#include "harness.h"
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

int main(int argc, char **argv)
{
    static const struct bench_workload workloads[] = {
        {"persist", "make a head durable, against a file per series and stdio", measure_persist,
         count_persist},
        {"reopen", "open and read 100 series of many, against loading the file", measure_reopen,
         NULL},
    };
    return bench_main(argc, argv, "phase5_mmap", workloads, BENCH_COUNT_OF(workloads));
}
