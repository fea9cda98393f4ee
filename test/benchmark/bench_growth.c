/*
 * bench_growth.c - what one series and one sample cost as a database grows.
 *
 *   series   1K to 4M series with eight samples each in memory: making one, appending to one,
 *            finding one by its label set, reading its newest sample, bytes; and the longest that
 *            making one took, with background threads
 *   samples  1M to 1G samples of 4,000 series: appended, flushed and merged meanwhile; bytes on
 *            disk, opening, an hour of one series
 *
 * Each size is measured in a process of its own.
 */
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "append_data.h"
#include "engine/database.h"
#include "lookup_data.h"
#include "storage/shard.h"
#include "support/random.h"
#include "support/temporary.h"

struct size {
    const char *name;
    uint64_t count;
};

struct costs {
    double figures[8];
};

/* Runs in a child, so that what one size leaves in the heap is not found by the next. */
static struct costs in_child(void (*measure)(uint64_t count, struct costs *costs), uint64_t count)
{
    struct costs costs = {{0}};
    int ends[2];
    (void)fflush(NULL);
    if (pipe(ends) != 0) {
        bench_stop("no pipe");
    }
    pid_t child = fork();
    if (child == 0) {
        measure(count, &costs);
        _exit(write(ends[1], &costs, sizeof costs) == sizeof costs ? 0 : 1);
    }
    (void)close(ends[1]);
    if (child < 0 || read(ends[0], &costs, sizeof costs) != sizeof costs) {
        bench_stop("a child failed");
    }
    (void)close(ends[0]);
    (void)waitpid(child, NULL, 0);
    return costs;
}

static void report(const char *workload, const char *size, const char *what, double figure,
                   const char *unit)
{
    char measure[96];
    (void)snprintf(measure, sizeof measure, "%s, %s, %s", workload, size, what);
    bench_figure(measure, figure, unit);
}

static double thread_ns(double begin)
{
    return (bench_seconds(BENCH_THREAD_CPU) - begin) * 1e9;
}

/* ------------------------------------------------------------------------------- series */

enum { SAMPLES_EACH = 4, ASKED = 1 << 17 };

/* Nanoseconds for all; making the texts is counted out. */
static double make_series(struct bench_store *store, size_t count)
{
    char text[BENCH_TEXT_BYTES];
    free(store->refs);
    store->refs = bench_allocate_zeroed(count * sizeof *store->refs);
    double begin = bench_seconds(BENCH_THREAD_CPU);
    for (size_t i = 0; i < count; i++) {
        bench_use(text + bench_series_text(i, text) % 2);
    }
    double texts_ns = thread_ns(begin);
    begin = bench_seconds(BENCH_THREAD_CPU);
    for (size_t i = 0; i < count; i++) {
        varve_string string = {text, bench_series_text(i, text)};
        if (varve_series_parse(store->db, string, &store->refs[i], NULL) != VARVE_OK) {
            bench_stop("cannot make series %zu", i);
        }
    }
    store->series_count = count;
    return thread_ns(begin) - texts_ns;
}

static double find_series(const struct bench_store *store)
{
    struct lookup_keys asked = lookup_keys_random(store->series_count, ASKED, VV_TEST_SEED_DEFAULT);
    struct vv_series_table *table = store->db->shard->table;
    double begin = bench_seconds(BENCH_THREAD_CPU);
    for (size_t i = 0; i < ASKED; i++) {
        struct vv_key key = lookup_key(&asked, i);
        if (vv_series_table_find(table, key, vv_key_hash(key)) == NULL) {
            bench_stop("a series is lost");
        }
    }
    double ns = thread_ns(begin);
    lookup_keys_free(&asked);
    return ns;
}

static double read_latest(const struct bench_store *store)
{
    struct vv_test_random random = vv_test_random_seeded(VV_TEST_SEED_DEFAULT);
    double ns = 0;
    for (int warm = 0; warm < 2; warm++) { /* the first read of a series asks all sources */
        double begin = bench_seconds(BENCH_THREAD_CPU);
        for (size_t i = 0; i < ASKED; i++) {
            size_t place = vv_test_random_below(&random, store->series_count);
            int64_t timestamp;
            double value;
            if (varve_latest(store->db, store->refs[place], &timestamp, &value) != VARVE_OK) {
                bench_stop("a series has no samples");
            }
        }
        ns = thread_ns(begin);
    }
    return ns;
}

/* Nanoseconds of thread CPU for the series that took longest: what the thread waited for, but not
 * for a processor. What interrupts it counts, too. */
static void measure_longest(uint64_t count, struct costs *costs)
{
    static struct bench_store store;
    char text[BENCH_TEXT_BYTES];
    bench_store_open(&store, 1, VARVE_SYNC_NONE, 1);
    for (size_t i = 0; i < count; i++) {
        varve_string string = {text, bench_series_text(i, text)};
        varve_series series;
        double begin = bench_seconds(BENCH_THREAD_CPU);
        if (varve_series_parse(store.db, string, &series, NULL) != VARVE_OK) {
            bench_stop("cannot make series %zu", i);
        }
        double ns = thread_ns(begin);
        costs->figures[0] = ns > costs->figures[0] ? ns : costs->figures[0];
    }
    (void)vv_test_temporary_remove(store.folder);
}

enum { MADE, APPENDED, FOUND, LATEST, RESIDENT };

static void measure_series_count(uint64_t count, struct costs *costs)
{
    static struct bench_store store;
    uint64_t before = bench_resident_bytes();
    bench_store_open(&store, 1, VARVE_SYNC_NONE, 0);
    costs->figures[MADE] = make_series(&store, (size_t)count) / (double)count;
    struct bench_walk walk = bench_walk_make(0, store.series_count, 0);
    bench_append_batches(&store, &walk, count * SAMPLES_EACH); /* with what they are called */
    double begin = bench_seconds(BENCH_THREAD_CPU);
    bench_append_batches(&store, &walk, count * SAMPLES_EACH);
    costs->figures[APPENDED] = thread_ns(begin) / (double)(count * SAMPLES_EACH);
    costs->figures[RESIDENT] =
        ((double)(bench_resident_bytes() - before) - (double)(count * sizeof *store.refs)) /
        (double)count;
    costs->figures[FOUND] = find_series(&store) / ASKED;
    costs->figures[LATEST] = read_latest(&store) / ASKED;
    (void)vv_test_temporary_remove(store.folder); /* the process ends here */
}

static void measure_series(const struct bench_run *run)
{
    static const struct size sizes[] = {
        {"1K", 1000}, {"10K", 10000}, {"100K", 100000}, {"1M", 1000000}, {"4M", 4000000}};
    for (size_t i = 0; i < (run->quick ? 3 : BENCH_COUNT_OF(sizes)); i++) {
        struct costs costs = in_child(measure_series_count, sizes[i].count);
        struct costs longest = in_child(measure_longest, sizes[i].count);
        report("series", sizes[i].name, "made", costs.figures[MADE], "CPU ns");
        report("series", sizes[i].name, "longest made", longest.figures[0] / 1e3, "CPU us");
        report("series", sizes[i].name, "a sample appended", costs.figures[APPENDED], "CPU ns");
        report("series", sizes[i].name, "found by labels", costs.figures[FOUND], "CPU ns");
        report("series", sizes[i].name, "newest sample", costs.figures[LATEST], "CPU ns");
        report("series", sizes[i].name, "resident", costs.figures[RESIDENT], "bytes");
    }
}

/* ------------------------------------------------------------------------------ samples */

enum { WALKS = 4000, STEP_SECONDS = 10, QUESTIONS = 31 };

/* nftw() has no context. */
static uint64_t folder_bytes;

static int add_file(const char *path, const struct stat *status, int type, struct FTW *place)
{
    (void)path;
    (void)place;
    folder_bytes += type == FTW_F ? (uint64_t)status->st_size : 0;
    return 0;
}

/* Random walks of whole numbers between 0 and 100, as the set A of the other programs. */
static void append_walks(struct bench_store *store, uint64_t count)
{
    static double walks[WALKS];
    uint64_t refs[BENCH_BATCH_SAMPLES];
    int64_t timestamps[BENCH_BATCH_SAMPLES];
    double values[BENCH_BATCH_SAMPLES];
    struct vv_test_random random = vv_test_random_seeded(VV_TEST_SEED_DEFAULT);
    varve_batch batch = VARVE_BATCH_INIT;
    batch.series = refs;
    batch.timestamps = timestamps;
    batch.values = values;
    for (uint64_t done = 0; done < count; done += batch.count) {
        uint64_t noise = 0;
        batch.count =
            count - done < BENCH_BATCH_SAMPLES ? (size_t)(count - done) : BENCH_BATCH_SAMPLES;
        for (size_t i = 0; i < batch.count; i++) {
            size_t series = (size_t)((done + i) % WALKS);
            noise = i % 16 == 0 ? vv_test_random_next(&random) : noise >> 4;
            double step = (double)(noise & 3) - 1.5 + (noise & 4 ? 0.5 : -0.5);
            double walk = walks[series] + step;
            walks[series] = walk < 0 ? 0 : walk > 100 ? 100 : walk;
            refs[i] = store->refs[series];
            timestamps[i] =
                (INT64_C(1794268800) + (int64_t)((done + i) / WALKS) * STEP_SECONDS) * 1000000000;
            values[i] = (double)(int)walks[series];
        }
        if (varve_append_batch(store->db, &batch, NULL) != VARVE_OK) {
            bench_stop("cannot append");
        }
    }
}

/* The middle one of the times that an hour of some series takes, in milliseconds. */
static double read_hours(struct bench_store *store, uint64_t count)
{
    double times[QUESTIONS];
    int64_t points = (int64_t)(count / WALKS), hour = 3600 / STEP_SECONDS;
    for (size_t i = 0; i < QUESTIONS; i++) {
        char text[BENCH_TEXT_BYTES + 1];
        text[bench_series_text(i * 127 % WALKS, text)] = '\0';
        varve_selector *selector = NULL;
        varve_cursor *cursor = NULL;
        varve_span span;
        uint64_t found = 0;
        int64_t first = points > hour ? (points - hour) * (int64_t)i / QUESTIONS : 0;
        double begin = bench_seconds(BENCH_WALL);
        varve_selection selection = VARVE_SELECTION_INIT;
        if (varve_selector_parse((varve_string){text, strlen(text)}, &selector, NULL) != VARVE_OK) {
            bench_stop("cannot parse %s", text);
        }
        selection.matchers = varve_selector_matchers(selector, &selection.matcher_count);
        selection.start = (INT64_C(1794268800) + first * STEP_SECONDS) * 1000000000;
        selection.end = selection.start + INT64_C(3600) * 1000000000;
        if (varve_select(store->db, &selection, &cursor, NULL) != VARVE_OK) {
            bench_stop("cannot select %s", text);
        }
        while (varve_cursor_next(cursor)) {
            while (varve_cursor_span(cursor, &span)) {
                found += span.count;
            }
        }
        varve_cursor_close(cursor);
        varve_selector_destroy(selector);
        times[i] = (bench_seconds(BENCH_WALL) - begin) * 1e3;
        if (found != (uint64_t)(points < hour ? points : hour)) {
            bench_stop("%s has other samples", text);
        }
    }
    return bench_median(times, QUESTIONS);
}

enum { WRITTEN, COMPACTED, DISK, PEAK, OPENED, HOUR, KEPT };

static void reopen(struct bench_store *store, double *milliseconds)
{
    char path[sizeof store->folder + 8];
    varve_options options = VARVE_OPTIONS_INIT;
    options.background_threads = 0;
    (void)snprintf(path, sizeof path, "%s/db", store->folder);
    folder_bytes = 0;
    (void)nftw(path, add_file, 16, FTW_PHYS);
    double begin = bench_seconds(BENCH_WALL);
    if (varve_open(path, &options, &store->db, NULL) != VARVE_OK) {
        bench_stop("cannot open %s", path);
    }
    *milliseconds = (bench_seconds(BENCH_WALL) - begin) * 1e3;
}

static void measure_sample_count(uint64_t count, struct costs *costs)
{
    static struct bench_store store;
    varve_statistics statistics = VARVE_STATISTICS_INIT;
    bench_reset_peak();
    bench_store_open(&store, WALKS, VARVE_SYNC_NONE, 1);
    double begin = bench_seconds(BENCH_PROCESS_CPU);
    append_walks(&store, count);
    double written = bench_seconds(BENCH_PROCESS_CPU);
    if (varve_compact(store.db, NULL) != VARVE_OK || varve_close(store.db, NULL) != VARVE_OK) {
        bench_stop("cannot compact");
    }
    costs->figures[WRITTEN] = (written - begin) * 1e9 / (double)count;
    costs->figures[COMPACTED] = (bench_seconds(BENCH_PROCESS_CPU) - written) * 1e9 / (double)count;
    costs->figures[PEAK] = (double)bench_peak_bytes() / 1e6;
    reopen(&store, &costs->figures[OPENED]);
    costs->figures[DISK] = (double)folder_bytes / (double)count;
    costs->figures[HOUR] = read_hours(&store, count);
    varve_stats(store.db, &statistics);
    costs->figures[KEPT] = (double)statistics.samples * 100 / (double)count;
    bench_store_close(&store);
}

static void measure_samples(const struct bench_run *run)
{
    static const struct size sizes[] = {
        {"1M", 1000000}, {"10M", 10000000}, {"100M", 100000000}, {"1G", 1000000000}};
    for (size_t i = 0; i < (run->quick ? 2 : BENCH_COUNT_OF(sizes)); i++) {
        struct costs costs = in_child(measure_sample_count, sizes[i].count);
        report("samples", sizes[i].name, "appended", costs.figures[WRITTEN], "CPU ns");
        report("samples", sizes[i].name, "compacted", costs.figures[COMPACTED], "CPU ns");
        report("samples", sizes[i].name, "on disk", costs.figures[DISK], "bytes");
        report("samples", sizes[i].name, "peak of memory", costs.figures[PEAK], "MB");
        report("samples", sizes[i].name, "opening", costs.figures[OPENED], "ms");
        report("samples", sizes[i].name, "an hour of one series", costs.figures[HOUR], "ms");
        report("samples", sizes[i].name, "kept", costs.figures[KEPT], "%");
    }
}

int main(int argc, char **argv)
{
    static const struct bench_workload workloads[] = {
        {"series", "cost of a series, 1K to 4M of them", measure_series, NULL},
        {"samples", "cost of a sample, 1M to 1G of them", measure_samples, NULL},
    };
    return bench_main(argc, argv, "bench_growth", workloads, BENCH_COUNT_OF(workloads));
}
