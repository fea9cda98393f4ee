/*
 * test_history.c - 16 writers and 4 readers on the same series: a history that could have happened.
 *
 *   writer w appends its samples i = 0, 1, 2, ... to every series, a few of them in each batch; the
 *   sample has the timestamp i * WRITERS + w and a value made from series, w and i: all are unique
 *
 * A reader must see of each writer and series the samples 0 to n - 1 for some n with: acknowledged
 * before the read began <= n <= begun before the read ended, n a boundary of batches, never less
 * than what the same reader saw before, and every value right. So nothing is lost, invented, torn
 * or taken back. The ring's threads give the core away at every fourth step or so; flushes cut
 * generations meanwhile. Rounds of a second or two on new databases: in all for 4 s, a minute with
 * VARVE_TEST_LONG=1.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <string.h>

#include "engine/database.h"
#include "os/alloc.h"
#include "os/env.h"
#include "os/thread.h"
#include "storage/shard.h"
#include "support/series.h"
#include "support/temporary.h"
#include "support/thread_run.h"
#include "varve/varve.h"

enum { WRITERS = 16, READERS = 4, SERIES = 6, RUN = 5, BATCH = RUN * SERIES };
enum { SAMPLES_MAX = 2000 /* of a writer in a series and round */, ROUND_MS = 1000 };

struct shared {
    varve_db *db;
    varve_series series[SERIES];
    _Atomic uint64_t begun[WRITERS]; /* samples in each series */
    _Atomic uint64_t acknowledged[WRITERS];
    _Atomic uint64_t steps;
    _Atomic uint64_t reads;
    struct thread_run run;
};

struct worker {
    struct shared *shared;
    uint64_t number;
    struct vv_thread thread;
};

static void yield_at_some_steps(void *context, enum vv_ring_step step)
{
    struct shared *shared = context;
    uint64_t turn = atomic_fetch_add_explicit(&shared->steps, 1, memory_order_relaxed);
    if ((turn * 0x9e3779b97f4a7c15u + step) >> 62 == 0) {
        vv_thread_yield();
    }
}

static double value_of(uint64_t series, uint64_t writer, uint64_t index)
{
    return (double)((index * WRITERS + writer) * SERIES + series);
}

static bool append_run(struct shared *shared, uint64_t writer, uint64_t from)
{
    varve_series series[BATCH];
    int64_t timestamps[BATCH];
    double values[BATCH];
    for (uint64_t i = 0; i < BATCH; i++) {
        uint64_t index = from + i % RUN;
        series[i] = shared->series[i / RUN];
        timestamps[i] = (int64_t)(index * WRITERS + writer);
        values[i] = value_of(i / RUN, writer, index);
    }
    varve_batch batch = VARVE_BATCH_INIT;
    batch.series = series;
    batch.timestamps = timestamps;
    batch.values = values;
    batch.count = BATCH;
    return varve_append_batch(shared->db, &batch, NULL) == VARVE_OK;
}

static void write_samples(void *argument)
{
    const struct worker *worker = argument;
    struct shared *shared = worker->shared;
    for (uint64_t from = 0; thread_run_goes_on(&shared->run);) {
        if (from >= SAMPLES_MAX) {
            vv_env_posix()->ops->sleep_ns(NULL, 1000000);
            continue;
        }
        atomic_store(&shared->begun[worker->number], from + RUN);
        if (!append_run(shared, worker->number, from)) {
            thread_run_fail(&shared->run, "an append failed");
            return;
        }
        from += RUN;
        atomic_store(&shared->acknowledged[worker->number], from);
    }
}

/* --------------------------------------------------------------------------- reading */

/* The number of the series at the cursor: its label n. */
static uint64_t series_number(varve_cursor *cursor)
{
    const varve_label *labels;
    size_t count;
    varve_cursor_labels(cursor, &labels, &count);
    return (uint64_t)(labels[0].value.bytes[0] - '0');
}

/* Counts each writer's samples in the series at the cursor; false if they are not its first. */
static bool read_series(varve_cursor *cursor, uint64_t counts[WRITERS])
{
    uint64_t series = series_number(cursor);
    varve_span span;
    memset(counts, 0, WRITERS * sizeof(counts[0]));
    while (varve_cursor_span(cursor, &span)) {
        for (size_t i = 0; i < span.count; i++) {
            uint64_t writer = (uint64_t)span.timestamps[i] % WRITERS;
            uint64_t index = (uint64_t)span.timestamps[i] / WRITERS;
            if (index != counts[writer]++ || span.values[i] != value_of(series, writer, index)) {
                return false;
            }
        }
    }
    return true;
}

static void check_counts(struct shared *shared, const uint64_t counts[WRITERS],
                         const uint64_t acknowledged[WRITERS], uint64_t seen[WRITERS])
{
    for (size_t writer = 0; writer < WRITERS; writer++) {
        if (counts[writer] < acknowledged[writer]) {
            thread_run_fail(&shared->run, "an acknowledged sample was not seen");
        } else if (counts[writer] > atomic_load(&shared->begun[writer])) {
            thread_run_fail(&shared->run, "a sample was seen that nobody had written");
        } else if (counts[writer] % RUN != 0) {
            thread_run_fail(&shared->run, "a part of a batch was seen");
        } else if (counts[writer] < seen[writer]) {
            thread_run_fail(&shared->run, "a reader went back in time");
        }
        seen[writer] = counts[writer];
    }
}

static void read_once(struct shared *shared, uint64_t seen[SERIES][WRITERS])
{
    varve_selection everything = VARVE_SELECTION_INIT;
    varve_cursor *cursor = NULL;
    uint64_t acknowledged[WRITERS], counts[WRITERS];
    bool found[SERIES] = {false};
    for (size_t writer = 0; writer < WRITERS; writer++) {
        acknowledged[writer] = atomic_load(&shared->acknowledged[writer]);
    }
    if (varve_select(shared->db, &everything, &cursor, NULL) != VARVE_OK) {
        thread_run_fail(&shared->run, "a select failed");
        return;
    }
    while (varve_cursor_next(cursor)) {
        uint64_t series = series_number(cursor);
        found[series] = true;
        if (!read_series(cursor, counts)) {
            thread_run_fail(&shared->run, "a sample is missing, wrong or twice");
        }
        check_counts(shared, counts, acknowledged, seen[series]);
    }
    if (varve_cursor_status(cursor, NULL) != VARVE_OK) {
        thread_run_fail(&shared->run, "a cursor failed");
    }
    varve_cursor_close(cursor);
    memset(counts, 0, sizeof(counts));
    for (size_t series = 0; series < SERIES; series++) {
        if (!found[series]) {
            check_counts(shared, counts, acknowledged, seen[series]);
        }
    }
    atomic_fetch_add(&shared->reads, 1);
}

static void read_samples(void *argument)
{
    const struct worker *worker = argument;
    uint64_t seen[SERIES][WRITERS] = {{0}};
    while (thread_run_goes_on(&worker->shared->run)) {
        read_once(worker->shared, seen);
    }
}

/* --------------------------------------------------------------------------- the test */

static void open_shared(struct shared *shared, const char *path, varve_sync_mode sync)
{
    varve_options options = VARVE_OPTIONS_INIT;
    varve_error error;
    options.flags = VARVE_OPEN_CREATE;
    options.sync = sync;
    options.head_bytes_max = 256 << 10;
    options.wal_segment_bytes = 64 << 10;
    options.sync_interval_ms = 20;
    options.flush_interval_ms = 5;
    if (varve_open(path, &options, &shared->db, &error) != VARVE_OK) {
        fail_msg("%s", error.message);
    }
    for (uint64_t number = 0; number < SERIES; number++) {
        shared->series[number] = vv_test_series(shared->db, "{n=\"%d\"}", (int)number);
    }
}

static void run_round(varve_sync_mode sync)
{
    struct shared shared = {.steps = 0};
    char directory[256], path[300];
    assert_true(vv_test_temporary_create(directory, sizeof(directory)));
    (void)snprintf(path, sizeof(path), "%s/db", directory);
    open_shared(&shared, path, sync);
    shared.db->shard->wal.ring.step_context = &shared;
    shared.db->shard->wal.ring.step = yield_at_some_steps;
    struct worker workers[WRITERS + READERS];
    for (uint64_t i = 0; i < WRITERS + READERS; i++) {
        workers[i] = (struct worker){.shared = &shared, .number = i};
        assert_int_equal(vv_thread_start(&workers[i].thread,
                                         i < WRITERS ? write_samples : read_samples, &workers[i]),
                         0);
    }
    for (int i = 0; i < ROUND_MS / 10 && thread_run_goes_on(&shared.run); i++) {
        vv_env_posix()->ops->sleep_ns(NULL, 10000000);
    }
    thread_run_stop(&shared.run);
    for (size_t i = 0; i < WRITERS + READERS; i++) {
        vv_thread_join(&workers[i].thread);
    }
    thread_run_assert_no_failure(&shared.run);
    assert_true(atomic_load(&shared.reads) > 0 && atomic_load(&shared.acknowledged[0]) > 0);
    assert_int_equal(varve_close(shared.db, NULL), VARVE_OK);
    uint64_t seen[SERIES][WRITERS] = {{0}};
    open_shared(&shared, path, sync);
    read_once(&shared, seen); /* the same after opening again */
    thread_run_assert_no_failure(&shared.run);
    assert_int_equal(varve_close(shared.db, NULL), VARVE_OK);
    assert_true(vv_test_temporary_remove(directory));
}

static void every_history_could_have_happened(void **state)
{
    (void)state;
    static const varve_sync_mode modes[] = {VARVE_SYNC_NONE, VARVE_SYNC_PROCESS,
                                            VARVE_SYNC_PERIODIC, VARVE_SYNC_COMMIT};
    int rounds = getenv("VARVE_TEST_LONG") != NULL ? 60 : 4;
    for (int round = 0; round < rounds; round++) {
        run_round(modes[round % 4]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_history_could_have_happened),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
