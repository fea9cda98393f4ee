/*
 * test_late_tsan.c - queries of old samples, which leave the head alone unless something late is in
 * it.
 *
 *   old samples, in a block     0, 2, 4, ...                    of each series
 *   writers   now               NEW, NEW + 1, ...               batches in order
 *             late              LATE - 1, LATE - 3, ...         one at a time, now and then
 *   readers   [0, LATE)         by matcher, by handle, and counted
 *   keeper    compacts; the head is small, so that it is flushed in between
 *
 * A reader must see the first n of a series' late samples for some n with: acknowledged before the
 * read began <= n <= begun before the read ended, and all old ones.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "engine/database.h"
#include "os/env.h"
#include "os/thread.h"
#include "storage/shard.h"
#include "support/series.h"
#include "support/temporary.h"
#include "support/thread_run.h"
#include "varve/varve.h"

enum { WRITERS = 2, READERS = 2, OWN = 3, SERIES = WRITERS * OWN, BATCH = 30, MILLISECONDS = 1500 };
enum { OLD = 400, LATE = 2 * OLD, LATE_MAX = OLD, NEW = 1000000, TURNS_PER_LATE = 7 };

struct shared {
    char directory[256];
    varve_db *db;
    varve_series series[SERIES];
    _Atomic uint64_t begun[SERIES]; /* late samples */
    _Atomic uint64_t acknowledged[SERIES];
    _Atomic uint64_t reads;
    _Atomic bool done;
    struct thread_run run;
};

struct worker {
    struct shared *shared;
    uint64_t number;
    struct vv_thread thread;
};

static void sleep_ms(int64_t milliseconds)
{
    vv_env_posix()->ops->sleep_ns(NULL, milliseconds * 1000000);
}

static void open_shared(struct shared *shared)
{
    varve_options options = VARVE_OPTIONS_INIT;
    varve_error error;
    char path[300];
    assert_true(vv_test_temporary_create(shared->directory, sizeof(shared->directory)));
    (void)snprintf(path, sizeof(path), "%s/db", shared->directory);
    options.flags = VARVE_OPEN_CREATE;
    options.sync = VARVE_SYNC_NONE;
    options.head_bytes_max = 256 << 10;
    if (varve_open(path, &options, &shared->db, &error) != VARVE_OK) {
        fail_msg("%s", error.message);
    }
    for (int number = 0; number < SERIES; number++) {
        int64_t timestamps[OLD];
        double values[OLD];
        shared->series[number] = vv_test_series(shared->db, "{n=\"%d\"}", number);
        for (int i = 0; i < OLD; i++) {
            timestamps[i] = 2 * (int64_t)i;
            values[i] = number;
        }
        assert_int_equal(
            varve_append(shared->db, shared->series[number], timestamps, values, OLD, NULL),
            VARVE_OK);
    }
    assert_int_equal(varve_compact(shared->db, NULL), VARVE_OK);
}

static void close_shared(struct shared *shared)
{
    assert_int_equal(varve_close(shared->db, NULL), VARVE_OK);
    assert_true(vv_test_temporary_remove(shared->directory));
    thread_run_assert_no_failure(&shared->run);
}

/* --------------------------------------------------------------------------- writing */

static bool append_now(struct shared *shared, uint64_t writer, int64_t *now)
{
    varve_series series[BATCH];
    int64_t timestamps[BATCH];
    double values[BATCH] = {0};
    for (uint64_t i = 0; i < BATCH; i++) {
        series[i] = shared->series[writer * OWN + i % OWN];
        timestamps[i] = *now + (int64_t)(i / OWN);
    }
    *now += BATCH / OWN;
    varve_batch batch = VARVE_BATCH_INIT;
    batch.series = series;
    batch.timestamps = timestamps;
    batch.values = values;
    batch.count = BATCH;
    return varve_append_batch(shared->db, &batch, NULL) == VARVE_OK;
}

static bool append_late(struct shared *shared, uint64_t number)
{
    uint64_t index = atomic_load(&shared->begun[number]);
    int64_t timestamp = LATE - 1 - 2 * (int64_t)index;
    double value = (double)number;
    if (index == LATE_MAX) {
        return true;
    }
    atomic_store(&shared->begun[number], index + 1);
    if (varve_append(shared->db, shared->series[number], &timestamp, &value, 1, NULL) != VARVE_OK) {
        return false;
    }
    atomic_store(&shared->acknowledged[number], index + 1);
    return true;
}

static void write_samples(void *argument)
{
    const struct worker *worker = argument;
    struct shared *shared = worker->shared;
    int64_t now = NEW;
    for (uint64_t turn = 0; thread_run_goes_on(&shared->run); turn++) {
        uint64_t late = turn / TURNS_PER_LATE % OWN;
        bool goes_on = append_now(shared, worker->number, &now);
        if (goes_on && turn % TURNS_PER_LATE == 0) {
            goes_on = append_late(shared, worker->number * OWN + late);
        }
        if (!goes_on) {
            thread_run_fail(&shared->run, "an append failed");
        }
    }
}

static void compact_often(void *argument)
{
    const struct worker *worker = argument;
    while (thread_run_goes_on(&worker->shared->run)) {
        sleep_ms(20);
        if (varve_compact(worker->shared->db, NULL) != VARVE_OK) {
            thread_run_fail(&worker->shared->run, "a compaction failed");
        }
    }
}

/* --------------------------------------------------------------------------- reading */

/* How many samples the series at the cursor has; SIZE_MAX if they are not those of number, all old
 * ones and the first late ones. */
static size_t count_samples(varve_cursor *cursor, uint64_t number)
{
    int64_t next_old = 0, first_late = LATE + 1, next_late = 0;
    size_t count = 0;
    varve_span span;
    while (varve_cursor_span(cursor, &span)) {
        for (size_t i = 0; i < span.count; i++, count++) {
            int64_t time = span.timestamps[i];
            if (time % 2 == 0) {
                if (time != next_old) {
                    return SIZE_MAX;
                }
                next_old += 2;
            } else {
                first_late = next_late == 0 ? time : first_late;
                if (next_late != 0 && time != next_late) {
                    return SIZE_MAX;
                }
                next_late = time + 2;
            }
            if (span.values[i] != (double)number) {
                return SIZE_MAX;
            }
        }
    }
    bool all = next_old == LATE && (next_late == 0 || next_late == LATE + 1) &&
               count == OLD + (size_t)((LATE + 1 - first_late) / 2);
    return all ? count : SIZE_MAX;
}

static void check_count(struct shared *shared, uint64_t number, size_t count, uint64_t acknowledged)
{
    if (count == SIZE_MAX) {
        thread_run_fail(&shared->run,
                        "an old sample, or one between late ones, is missing or wrong");
    } else if (count < OLD + acknowledged) {
        thread_run_fail(&shared->run, "an acknowledged sample was not seen");
    } else if (count > OLD + atomic_load(&shared->begun[number])) {
        thread_run_fail(&shared->run, "a sample was seen that nobody had written");
    }
}

static varve_selection old_samples(void)
{
    varve_selection selection = VARVE_SELECTION_INIT;
    selection.start = 0;
    selection.end = LATE;
    return selection;
}

static void read_by_matcher(struct shared *shared)
{
    varve_selection selection = old_samples();
    uint64_t acknowledged[SERIES], number = 0;
    varve_cursor *cursor = NULL;
    for (size_t i = 0; i < SERIES; i++) {
        acknowledged[i] = atomic_load(&shared->acknowledged[i]);
    }
    if (varve_select(shared->db, &selection, &cursor, NULL) != VARVE_OK) {
        thread_run_fail(&shared->run, "a select failed");
        return;
    }
    for (; varve_cursor_next(cursor) && number < SERIES; number++) { /* in the order of n */
        check_count(shared, number, count_samples(cursor, number), acknowledged[number]);
    }
    varve_cursor_close(cursor);
    if (number != SERIES) {
        thread_run_fail(&shared->run, "a series is missing");
    }
}

static void read_by_handle(struct shared *shared, uint64_t number)
{
    varve_selection selection = old_samples();
    uint64_t acknowledged = atomic_load(&shared->acknowledged[number]);
    varve_cursor *cursor = NULL;
    selection.series = &shared->series[number];
    selection.series_count = 1;
    if (varve_select(shared->db, &selection, &cursor, NULL) != VARVE_OK ||
        !varve_cursor_next(cursor)) {
        thread_run_fail(&shared->run, "a select by handle failed");
    } else {
        check_count(shared, number, count_samples(cursor, number), acknowledged);
    }
    varve_cursor_close(cursor);
}

static void count_all(struct shared *shared)
{
    static const varve_function count = VARVE_FUNCTION_COUNT;
    varve_selection selection = old_samples();
    varve_aggregation aggregation = VARVE_AGGREGATION_INIT;
    varve_rows *rows = NULL;
    varve_row row;
    uint64_t acknowledged = 0, begun = 0;
    aggregation.functions = &count;
    aggregation.function_count = 1;
    aggregation.grouping = VARVE_GROUP_BY;
    for (size_t i = 0; i < SERIES; i++) {
        acknowledged += atomic_load(&shared->acknowledged[i]);
    }
    if (varve_aggregate(shared->db, &selection, &aggregation, &rows, NULL) != VARVE_OK ||
        !varve_rows_next(rows, &row)) {
        thread_run_fail(&shared->run, "counting failed");
    } else {
        for (size_t i = 0; i < SERIES; i++) {
            begun += atomic_load(&shared->begun[i]);
        }
        if (row.values[0] < (double)(SERIES * OLD + acknowledged) ||
            row.values[0] > (double)(SERIES * OLD + begun)) {
            thread_run_fail(&shared->run, "the count is wrong");
        }
    }
    varve_rows_close(rows);
}

static void read_once(struct shared *shared, uint64_t number)
{
    read_by_matcher(shared);
    read_by_handle(shared, number % SERIES);
    count_all(shared);
    atomic_fetch_add(&shared->reads, 1);
}

static void read_samples(void *argument)
{
    const struct worker *worker = argument;
    for (uint64_t i = worker->number; thread_run_goes_on(&worker->shared->run); i++) {
        read_once(worker->shared, i);
    }
}

/* ----------------------------------------------------------------------------- tests */

static void a_late_sample_is_seen_once_it_is_acknowledged(void **state)
{
    (void)state;
    static void (*const work[])(void *) = {write_samples, write_samples, read_samples, read_samples,
                                           compact_often};
    enum { WORKERS = WRITERS + READERS + 1 };
    struct shared shared = {.reads = 0};
    struct worker workers[WORKERS];
    open_shared(&shared);
    for (uint64_t i = 0; i < WORKERS; i++) {
        workers[i] = (struct worker){.shared = &shared, .number = i};
        assert_int_equal(vv_thread_start(&workers[i].thread, work[i], &workers[i]), 0);
    }
    for (int i = 0; i < MILLISECONDS / 10 && thread_run_goes_on(&shared.run); i++) {
        sleep_ms(10);
    }
    thread_run_stop(&shared.run);
    for (size_t i = 0; i < WORKERS; i++) {
        vv_thread_join(&workers[i].thread);
    }
    read_once(&shared, 0);
    close_shared(&shared);
    assert_true(atomic_load(&shared.reads) > 1 && atomic_load(&shared.acknowledged[0]) > 0);
}

static void read_and_be_done(void *argument)
{
    const struct worker *worker = argument;
    read_once(worker->shared, 0);
    atomic_store(&worker->shared->done, true);
}

/* Somebody who holds the locks of all series is not in the way of who reads old samples. */
static void old_samples_are_read_without_the_head(void **state)
{
    (void)state;
    struct shared shared = {.reads = 0};
    struct worker worker = {.shared = &shared};
    struct vv_head_locks locks;
    uint32_t refs[SERIES];
    int64_t now = NEW;
    open_shared(&shared);
    while (vv_head_time_floor(&shared.db->shard->head) < NEW) { /* what was flushed is there yet */
        sleep_ms(1);
    }
    for (uint64_t writer = 0; writer < WRITERS; writer++) {
        assert_true(append_now(&shared, writer, &now));
    }
    for (size_t i = 0; i < SERIES; i++) {
        refs[i] = (uint32_t)(shared.series[i] - 1);
    }
    vv_head_locks_init(&locks);
    assert_int_equal(vv_head_lock_refs(&shared.db->shard->head, refs, SERIES, &locks), VARVE_OK);
    assert_int_equal(vv_thread_start(&worker.thread, read_and_be_done, &worker), 0);
    for (int i = 0; i < 2000 && !atomic_load(&shared.done); i++) {
        sleep_ms(5);
    }
    bool done = atomic_load(&shared.done);
    vv_head_unlock_refs(&locks);
    vv_head_locks_fini(&locks);
    vv_thread_join(&worker.thread);
    assert_true(done);
    close_shared(&shared);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_late_sample_is_seen_once_it_is_acknowledged),
        cmocka_unit_test(old_samples_are_read_without_the_head),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
