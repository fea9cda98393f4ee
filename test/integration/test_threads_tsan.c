/*
 * test_threads_tsan.c - writers, readers and background work at once, for a few seconds.
 *
 *   4 writers   each appends batches to its own few series; sample i of a series is (i, value of i)
 *   2 readers   select everything again and again
 *   1 keeper    flushes and compacts beside the background threads
 *
 * A reader must see of each series the samples 0 to n - 1 for some n with: acknowledged before the
 * read began <= n <= begun before the read ended, n a boundary of batches, n never less than the
 * same reader saw before, and every value right. So nothing is lost, invented, torn or taken back.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <string.h>

#include "os/env.h"
#include "os/thread.h"
#include "support/random.h"
#include "support/series.h"
#include "support/temporary.h"
#include "support/thread_run.h"
#include "varve/varve.h"

enum { WRITERS = 4, READERS = 2, SERIES_PER_WRITER = 3, SERIES = WRITERS * SERIES_PER_WRITER };
enum { BATCH = 24, MILLISECONDS = 2000, SAMPLES_MAX = 60000 };

struct shared;

/* What a writer has done with one of its series. */
struct progress {
    _Atomic uint64_t begun;
    _Atomic uint64_t acknowledged;
};

struct worker {
    struct shared *shared;
    uint64_t number;
    uint64_t rounds;
    struct vv_thread thread;
};

struct shared {
    varve_db *db;
    varve_series series[SERIES];
    struct progress progress[SERIES];
    struct thread_run run;
};

static double value_of(uint64_t series, uint64_t index)
{
    return (double)(series * 1000003 + index);
}

/* --------------------------------------------------------------------------- writing */

/* Appends BATCH samples to each series of the writer, in one batch that mixes them. */
static void write_mixed(struct shared *shared, uint64_t first_series)
{
    varve_series series[BATCH * SERIES_PER_WRITER];
    int64_t timestamps[BATCH * SERIES_PER_WRITER];
    double values[BATCH * SERIES_PER_WRITER];
    size_t count = 0;
    for (uint64_t number = first_series; number < first_series + SERIES_PER_WRITER; number++) {
        struct progress *progress = &shared->progress[number];
        uint64_t from = atomic_load(&progress->acknowledged);
        for (uint64_t index = from; index < from + BATCH; index++, count++) {
            series[count] = shared->series[number];
            timestamps[count] = (int64_t)index;
            values[count] = value_of(number, index);
        }
        atomic_store(&progress->begun, from + BATCH);
    }
    varve_batch batch = VARVE_BATCH_INIT;
    batch.series = series;
    batch.timestamps = timestamps;
    batch.values = values;
    batch.count = count;
    if (varve_append_batch(shared->db, &batch, NULL) != VARVE_OK) {
        thread_run_fail(&shared->run, "an append failed");
        return;
    }
    for (uint64_t number = first_series; number < first_series + SERIES_PER_WRITER; number++) {
        atomic_fetch_add(&shared->progress[number].acknowledged, BATCH);
    }
}

static void write_samples(void *argument)
{
    struct worker *worker = argument;
    struct shared *shared = worker->shared;
    uint64_t first_series = worker->number * SERIES_PER_WRITER;
    while (thread_run_goes_on(&shared->run)) {
        if (atomic_load(&shared->progress[first_series].begun) + BATCH > SAMPLES_MAX) {
            vv_thread_yield();
            continue;
        }
        write_mixed(shared, first_series);
        worker->rounds++;
    }
}

/* --------------------------------------------------------------------------- reading */

/* The number of the series at the cursor: its label n. */
static uint64_t series_number(varve_cursor *cursor)
{
    const varve_label *labels;
    size_t count;
    varve_cursor_labels(cursor, &labels, &count);
    char digits[24] = {0};
    memcpy(digits, labels[0].value.bytes, labels[0].value.length);
    return strtoull(digits, NULL, 10);
}

/* How many samples the series at the cursor has, if they are 0 to count - 1. */
static bool read_series(varve_cursor *cursor, uint64_t number, uint64_t *count)
{
    varve_span span;
    *count = 0;
    while (varve_cursor_span(cursor, &span)) {
        for (size_t i = 0; i < span.count; i++, (*count)++) {
            if (span.timestamps[i] != (int64_t)*count ||
                span.values[i] != value_of(number, *count)) {
                return false;
            }
        }
    }
    return true;
}

static void read_once(struct shared *shared, uint64_t *seen)
{
    varve_selection everything = VARVE_SELECTION_INIT;
    varve_cursor *cursor = NULL;
    uint64_t acknowledged[SERIES];
    uint64_t count[SERIES] = {0};
    for (uint64_t number = 0; number < SERIES; number++) {
        acknowledged[number] = atomic_load(&shared->progress[number].acknowledged);
    }
    if (varve_select(shared->db, &everything, &cursor, NULL) != VARVE_OK) {
        thread_run_fail(&shared->run, "a select failed");
        return;
    }
    while (varve_cursor_next(cursor)) {
        uint64_t number = series_number(cursor);
        if (!read_series(cursor, number, &count[number])) {
            thread_run_fail(&shared->run, "a sample is missing, wrong or twice");
        }
    }
    if (varve_cursor_status(cursor, NULL) != VARVE_OK) {
        thread_run_fail(&shared->run, "a cursor failed");
    }
    varve_cursor_close(cursor);
    for (uint64_t number = 0; number < SERIES; number++) {
        if (count[number] < acknowledged[number]) {
            thread_run_fail(&shared->run, "an acknowledged sample was not seen");
        } else if (count[number] > atomic_load(&shared->progress[number].begun)) {
            thread_run_fail(&shared->run, "a sample was seen that nobody had written");
        } else if (count[number] < seen[number]) {
            thread_run_fail(&shared->run, "a reader went back in time");
        } else if (count[number] % BATCH != 0) {
            thread_run_fail(&shared->run, "a part of a batch was seen");
        }
        seen[number] = count[number];
    }
}

static void read_samples(void *argument)
{
    struct worker *worker = argument;
    uint64_t seen[SERIES] = {0};
    while (thread_run_goes_on(&worker->shared->run)) {
        read_once(worker->shared, seen);
        worker->rounds++;
    }
}

static void keep(void *argument)
{
    struct worker *worker = argument;
    struct shared *shared = worker->shared;
    varve_statistics statistics = VARVE_STATISTICS_INIT;
    while (thread_run_goes_on(&shared->run)) {
        varve_stats(shared->db, &statistics);
        bool kept = varve_flush(shared->db, NULL) == VARVE_OK &&
                    (worker->rounds % 8 != 0 || varve_compact(shared->db, NULL) == VARVE_OK);
        if (!kept) {
            thread_run_fail(&shared->run, "a flush or a compaction failed");
        }
        worker->rounds++;
        vv_env_posix()->ops->sleep_ns(NULL, 20000000);
    }
}

/* --------------------------------------------------------------------------- the test */

static void open_shared(struct shared *shared, const char *path, varve_sync_mode sync)
{
    varve_options options = VARVE_OPTIONS_INIT;
    varve_error error;
    options.flags = VARVE_OPEN_CREATE;
    options.sync = sync;
    options.head_bytes_max = 64 << 10;
    options.wal_bytes_max = 512 << 10;
    options.wal_segment_bytes = 64 << 10;
    options.sync_interval_ms = 20;
    options.flush_interval_ms = 5;
    if (varve_open(path, &options, &shared->db, &error) != VARVE_OK) {
        fail_msg("%s", error.message);
    }
    for (uint64_t number = 0; number < SERIES; number++) {
        shared->series[number] = vv_test_series(shared->db, "{n=\"%" PRIu64 "\"}", number);
    }
}

static void run(varve_sync_mode sync)
{
    struct shared shared = {0};
    char directory[256], path[300];
    assert_true(vv_test_temporary_create(directory, sizeof(directory)));
    (void)snprintf(path, sizeof(path), "%s/db", directory);
    open_shared(&shared, path, sync);
    struct worker workers[WRITERS + READERS + 1];
    for (uint64_t i = 0; i < WRITERS + READERS + 1; i++) {
        workers[i] = (struct worker){.shared = &shared, .number = i};
        assert_int_equal(vv_thread_start(&workers[i].thread,
                                         i < WRITERS             ? write_samples
                                         : i < WRITERS + READERS ? read_samples
                                                                 : keep,
                                         &workers[i]),
                         0);
    }
    for (int i = 0; i < MILLISECONDS / 10 && thread_run_goes_on(&shared.run); i++) {
        vv_env_posix()->ops->sleep_ns(NULL, 10000000);
    }
    thread_run_stop(&shared.run);
    for (size_t i = 0; i < WRITERS + READERS + 1; i++) {
        vv_thread_join(&workers[i].thread);
    }
    assert_true(workers[0].rounds > 0 && workers[WRITERS].rounds > 0);
    thread_run_assert_no_failure(&shared.run);
    assert_int_equal(varve_close(shared.db, NULL), VARVE_OK);
    uint64_t seen[SERIES] = {0};
    open_shared(&shared, path, sync);
    read_once(&shared, seen);
    thread_run_assert_no_failure(&shared.run);
    assert_int_equal(varve_close(shared.db, NULL), VARVE_OK);
    assert_true(vv_test_temporary_remove(directory));
}

static void readers_see_whole_batches_while_everything_runs(void **state)
{
    (void)state;
    run(VARVE_SYNC_PERIODIC);
}

static void the_same_without_waiting_for_the_log(void **state)
{
    (void)state;
    run(VARVE_SYNC_NONE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(readers_see_whole_batches_while_everything_runs),
        cmocka_unit_test(the_same_without_waiting_for_the_log),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
