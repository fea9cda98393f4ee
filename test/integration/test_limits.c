/*
 * test_limits.c - what an append says when something is at its end: ring, memory, series, disk.
 *
 * Each is brought about through the seam or an option, and each is over when its cause is: what was
 * refused is not there, what was acknowledged is.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <errno.h>
#include <stdio.h>

#include "engine/database.h"
#include "os/env_fault.h"
#include "os/env_sim.h"

enum { BATCH = 512 };

struct limits {
    struct vv_env_sim *sim;
    struct vv_env_fault *fault;
    varve_db *db;
    varve_series series;
    int64_t next;          /* timestamp of the next sample */
    uint64_t acknowledged; /* samples */
};

static void limits_open(struct limits *limits, const varve_options *options)
{
    *limits = (struct limits){.sim = vv_env_sim_create(1)};
    limits->fault = vv_env_fault_create(vv_env_sim_env(limits->sim));
    assert_int_equal(
        vv_database_open(vv_env_fault_env(limits->fault), "/db", options, NULL, &limits->db, NULL),
        VARVE_OK);
    assert_int_equal(varve_series_parse(limits->db, VARVE_STRING("x"), &limits->series, NULL),
                     VARVE_OK);
}

/* One batch of new timestamps. What was not acknowledged uses its timestamps up. */
static varve_status append(struct limits *limits, uint32_t flags)
{
    static varve_series series[BATCH];
    static int64_t timestamps[BATCH];
    static double values[BATCH];
    varve_batch batch = VARVE_BATCH_INIT;
    for (size_t i = 0; i < BATCH; i++) {
        series[i] = limits->series;
        timestamps[i] = limits->next++;
        values[i] = (double)(timestamps[i] % 7) / 3;
    }
    batch.series = series;
    batch.timestamps = timestamps;
    batch.values = values;
    batch.count = BATCH;
    batch.flags = flags;
    varve_status status = varve_append_batch(limits->db, &batch, NULL);
    limits->acknowledged += status == VARVE_OK ? BATCH : 0;
    return status;
}

static uint64_t count_samples(varve_db *db)
{
    varve_selection everything = VARVE_SELECTION_INIT;
    varve_cursor *cursor = NULL;
    varve_span span;
    uint64_t count = 0;
    assert_int_equal(varve_select(db, &everything, &cursor, NULL), VARVE_OK);
    while (varve_cursor_next(cursor)) {
        while (varve_cursor_span(cursor, &span)) {
            count += span.count;
        }
    }
    assert_int_equal(varve_cursor_status(cursor, NULL), VARVE_OK);
    varve_cursor_close(cursor);
    return count;
}

/* Closes, opens again and finds what was acknowledged; or more, by at most so many samples. */
static void limits_close(struct limits *limits, varve_status closing, uint64_t more)
{
    vv_env_fault_arm(limits->fault, 0, 0, 0, false);
    assert_int_equal(varve_close(limits->db, NULL), closing);
    varve_options options = VARVE_OPTIONS_INIT;
    options.background_threads = 0;
    assert_int_equal(
        vv_database_open(vv_env_fault_env(limits->fault), "/db", &options, NULL, &limits->db, NULL),
        VARVE_OK);
    assert_in_range(count_samples(limits->db), limits->acknowledged, limits->acknowledged + more);
    assert_int_equal(varve_close(limits->db, NULL), VARVE_OK);
    vv_env_fault_destroy(limits->fault);
    vv_env_sim_destroy(limits->sim);
}

static varve_options stepped(varve_sync_mode sync)
{
    varve_options options = VARVE_OPTIONS_INIT;
    options.flags = VARVE_OPEN_CREATE;
    options.background_threads = 0;
    options.sync = sync;
    return options;
}

static void a_full_ring_is_busy_or_waited_for(void **state)
{
    (void)state;
    struct limits limits;
    varve_options options = stepped(VARVE_SYNC_NONE);
    limits_open(&limits, &options);
    varve_status status = VARVE_OK;
    for (int i = 0; i < 10000 && status == VARVE_OK; i++) {
        status = append(&limits, VARVE_BATCH_NOWAIT);
    }
    assert_int_equal(status, VARVE_BUSY);
    assert_int_equal(append(&limits, VARVE_BATCH_NOWAIT), VARVE_BUSY);
    assert_int_equal(append(&limits, 0), VARVE_OK); /* makes the room itself */
    assert_int_equal(append(&limits, VARVE_BATCH_NOWAIT), VARVE_OK);
    limits_close(&limits, VARVE_OK, 0);
}

/* Memory is full and cannot be emptied, because no block gets its name: nothing is accepted until
 * one does. */
static void a_full_head_that_cannot_be_flushed_refuses(void **state)
{
    (void)state;
    struct limits limits;
    varve_options options = stepped(VARVE_SYNC_PROCESS);
    options.head_bytes_max = 256 << 10;
    limits_open(&limits, &options);
    vv_env_fault_arm(limits.fault, VV_CALL_BIT(VV_CALL_RENAME), 1, EIO, true);
    varve_status status = VARVE_OK;
    for (int i = 0; i < 1000 && status == VARVE_OK; i++) {
        status = append(&limits, 0);
    }
    assert_int_equal(status, VARVE_IO);
    assert_int_equal(append(&limits, VARVE_BATCH_NOWAIT), VARVE_BUSY);
    varve_statistics statistics = VARVE_STATISTICS_INIT;
    varve_stats(limits.db, &statistics);
    assert_in_range(statistics.head_bytes, 2 * options.head_bytes_max, 4 * options.head_bytes_max);
    assert_int_equal(count_samples(limits.db), limits.acknowledged);
    vv_env_fault_arm(limits.fault, 0, 0, 0, false);
    assert_int_equal(append(&limits, 0), VARVE_OK);
    limits_close(&limits, VARVE_OK, 0);
}

static void only_new_series_are_refused_at_their_limit(void **state)
{
    (void)state;
    struct limits limits;
    varve_options options = stepped(VARVE_SYNC_PROCESS);
    options.series_max = 1;
    limits_open(&limits, &options);
    varve_series other;
    varve_error error;
    assert_int_equal(append(&limits, 0), VARVE_OK);
    assert_int_equal(varve_series_parse(limits.db, VARVE_STRING("y"), &other, &error), VARVE_LIMIT);
    assert_int_equal(append(&limits, 0), VARVE_OK);
    limits_close(&limits, VARVE_OK, 0);
}

/* ------------------------------------------------------------------------ the log's disk */

/* The call fails once while the log is written: it goes to another segment, and nobody notices. */
static void check_that_a_failure_is_survived(enum vv_call call, int error, uint64_t relogged)
{
    struct limits limits;
    varve_options options = stepped(VARVE_SYNC_COMMIT);
    limits_open(&limits, &options);
    assert_int_equal(append(&limits, 0), VARVE_OK);
    vv_env_fault_arm(limits.fault, VV_CALL_BIT(call), 1, error, false);
    assert_int_equal(append(&limits, 0), VARVE_OK);
    assert_int_equal(vv_env_fault_hits(limits.fault), 1);
    varve_statistics statistics = VARVE_STATISTICS_INIT;
    varve_stats(limits.db, &statistics);
    assert_int_equal(statistics.relogged, relogged);
    assert_int_equal(append(&limits, 0), VARVE_OK);
    limits_close(&limits, VARVE_OK, 0);
}

static void a_log_that_fails_once_goes_on_in_another_segment(void **state)
{
    (void)state;
    check_that_a_failure_is_survived(VV_CALL_PWRITE, EIO, 1);
    check_that_a_failure_is_survived(VV_CALL_PWRITE, ENOSPC, 1);
    check_that_a_failure_is_survived(VV_CALL_FDATASYNC, EIO, 1);
    check_that_a_failure_is_survived(VV_CALL_FDATASYNC, ENOSPC, 1);
    check_that_a_failure_is_survived(VV_CALL_PWRITE, VV_FAULT_SHORT, 0); /* is continued */
}

/* It fails for good: the batch under way may or may not be there, what comes later is refused,
 * what was acknowledged can be read. */
static void check_that_the_log_ends(enum vv_call call, int error)
{
    struct limits limits;
    varve_options options = stepped(VARVE_SYNC_COMMIT);
    limits_open(&limits, &options);
    assert_int_equal(append(&limits, 0), VARVE_OK);
    vv_env_fault_arm(limits.fault, VV_CALL_BIT(call), 1, error, true);
    assert_int_equal(append(&limits, 0), VARVE_UNKNOWN);
    assert_int_equal(append(&limits, 0), VARVE_READ_ONLY);
    assert_in_range(count_samples(limits.db), limits.acknowledged, limits.acknowledged + BATCH);
    limits_close(&limits, VARVE_UNKNOWN, BATCH);
}

static void a_log_that_fails_for_good_makes_the_database_read_only(void **state)
{
    (void)state;
    check_that_the_log_ends(VV_CALL_PWRITE, EIO);
    check_that_the_log_ends(VV_CALL_PWRITE, ENOSPC);
    check_that_the_log_ends(VV_CALL_FDATASYNC, EIO);
    check_that_the_log_ends(VV_CALL_FDATASYNC, ENOSPC);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_full_ring_is_busy_or_waited_for),
        cmocka_unit_test(a_full_head_that_cannot_be_flushed_refuses),
        cmocka_unit_test(only_new_series_are_refused_at_their_limit),
        cmocka_unit_test(a_log_that_fails_once_goes_on_in_another_segment),
        cmocka_unit_test(a_log_that_fails_for_good_makes_the_database_read_only),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
