/*
 * test_floors_tsan.c - floors that rise while others read: nobody waits, nobody sees what had
 * expired before the question, and nobody misses what cannot have expired.
 *
 *   1 writer     one sample after the other, the same times in all series
 *   1 retainer   sets the rule again and again, which moves its floor; compacts now and then
 *   2 readers    ranges, single samples, the newest one
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/status.h"
#include "os/env.h"
#include "os/thread.h"
#include "support/random.h"
#include "support/series.h"
#include "support/temporary.h"

/* Of the first series little is kept, of the others more. */
enum { SERIES = 3, TIMES = 12000, AGE = 2000, FIRST_AGE = 300, STEP = 200, READERS = 2 };

struct shared {
    varve_db *db;
    varve_series series[SERIES];
    _Atomic int64_t begun;        /* greatest time that may have been appended */
    _Atomic int64_t acknowledged; /* greatest time that all series have */
    _Atomic int64_t retained;     /* the newest time when the last rules were set, or earlier */
    _Atomic bool stop;
    _Atomic uint64_t questions;
    _Atomic uint64_t rounds; /* of rules that were set */
};

static int64_t age_of(size_t number)
{
    return number == 0 ? FIRST_AGE : AGE;
}

static double value_of(size_t number, int64_t time)
{
    return (double)(time * SERIES + (int64_t)number);
}

/* ------------------------------------------------------------------------------ changing */

static void write_all(void *argument)
{
    struct shared *shared = argument;
    for (int64_t time = 1; time <= TIMES; time++) {
        atomic_store(&shared->begun, time);
        for (size_t number = 0; number < SERIES; number++) {
            double value = value_of(number, time);
            VV_ASSERT(varve_append(shared->db, shared->series[number], &time, &value, 1, NULL) ==
                      VARVE_OK);
        }
        atomic_store(&shared->acknowledged, time);
        /* Until the rules have been set again: floors rise by a few samples each time. */
        uint64_t rounds = atomic_load(&shared->rounds);
        while (time % STEP == 0 && atomic_load(&shared->rounds) == rounds) {
            vv_env_posix()->ops->sleep_ns(NULL, 100000);
        }
    }
    atomic_store(&shared->stop, true);
}

static void retain_always(void *argument)
{
    struct shared *shared = argument;
    for (unsigned round = 0; !atomic_load(&shared->stop); round++) {
        int64_t newest = atomic_load(&shared->acknowledged);
        varve_retention rule = VARVE_RETENTION_INIT;
        rule.age = AGE;
        VV_ASSERT(varve_retain(shared->db, &rule, NULL) == VARVE_OK);
        rule.selector = VARVE_STRING("m{i=\"0\"}");
        rule.age = FIRST_AGE;
        VV_ASSERT(varve_retain(shared->db, &rule, NULL) == VARVE_OK);
        atomic_store(&shared->retained, newest);
        atomic_fetch_add(&shared->rounds, 1);
        if (round % 16 == 0) {
            VV_ASSERT(varve_compact(shared->db, NULL) == VARVE_OK);
        }
    }
}

/* ------------------------------------------------------------------------------- reading */

/* All that there is of a series: from its floor, wherever that is by now, to its newest sample. */
static void read_range(struct shared *shared, size_t number)
{
    int64_t gone = atomic_load(&shared->retained) - age_of(number);
    int64_t there = atomic_load(&shared->acknowledged);
    int64_t first = INT64_MAX, last = INT64_MIN;
    varve_selection selection = VARVE_SELECTION_INIT;
    varve_cursor *cursor = NULL;
    varve_span span;
    selection.series = &shared->series[number];
    selection.series_count = 1;
    VV_ASSERT(varve_select(shared->db, &selection, &cursor, NULL) == VARVE_OK);
    while (varve_cursor_next(cursor)) {
        while (varve_cursor_span(cursor, &span)) {
            first = first == INT64_MAX ? span.timestamps[0] : first;
            for (size_t i = 0; i < span.count; i++) {
                VV_ASSERT(last == INT64_MIN || span.timestamps[i] == last + 1);
                last = span.timestamps[i];
                VV_ASSERT(span.values[i] == value_of(number, last));
            }
        }
    }
    VV_ASSERT(varve_cursor_status(cursor, NULL) == VARVE_OK);
    varve_cursor_close(cursor);
    int64_t kept = atomic_load(&shared->begun) - age_of(number);
    VV_ASSERT(there == 0 || (first >= gone && last >= there && first <= (kept > 1 ? kept : 1)));
}

static void read_one(struct shared *shared, size_t number, struct vv_test_random *random)
{
    int64_t gone = atomic_load(&shared->retained) - age_of(number);
    int64_t there = atomic_load(&shared->acknowledged), newest;
    int64_t time = 1 + (int64_t)vv_test_random_below(random, (uint64_t)there + 1);
    double value;
    varve_status status = varve_get(shared->db, shared->series[number], time, &value);
    int64_t kept = atomic_load(&shared->begun) - age_of(number);
    VV_ASSERT(status == VARVE_OK || status == VARVE_NOT_FOUND);
    VV_ASSERT(status != VARVE_OK || (time >= gone && value == value_of(number, time)));
    VV_ASSERT(status == VARVE_OK || time < kept || time > there);
    status = varve_latest(shared->db, shared->series[number], &newest, &value);
    VV_ASSERT(status == VARVE_OK ? newest >= there && value == value_of(number, newest)
                                 : there == 0);
}

static void read_always(void *argument)
{
    struct shared *shared = argument;
    struct vv_test_random random =
        vv_test_random_seeded(vv_test_seed() + atomic_fetch_add(&shared->questions, 1));
    while (!atomic_load(&shared->stop)) {
        size_t number = vv_test_random_below(&random, SERIES);
        read_one(shared, number, &random);
        if (vv_test_random_below(&random, 8) == 0) {
            read_range(shared, number);
        }
        atomic_fetch_add(&shared->questions, 1);
    }
}

/* ------------------------------------------------------------------------------ the test */

static void readers_beside_rising_floors_see_what_is_kept_and_nothing_else(void **state)
{
    (void)state;
    char folder[300], path[320];
    static struct shared shared;
    struct vv_thread writer, retainer, readers[READERS];
    varve_options options = VARVE_OPTIONS_INIT;
    options.flags = VARVE_OPEN_CREATE;
    options.sync = VARVE_SYNC_NONE;
    options.head_bytes_max = 64 << 10; /* flushes in the background, too */
    assert_true(vv_test_temporary_create(folder, sizeof(folder)));
    (void)snprintf(path, sizeof(path), "%s/db", folder);
    assert_int_equal(varve_open(path, &options, &shared.db, NULL), VARVE_OK);
    for (size_t number = 0; number < SERIES; number++) {
        shared.series[number] = vv_test_series(shared.db, "m{i=\"%zu\"}", number);
    }
    assert_int_equal(vv_thread_start(&writer, write_all, &shared), 0);
    assert_int_equal(vv_thread_start(&retainer, retain_always, &shared), 0);
    for (size_t i = 0; i < READERS; i++) {
        assert_int_equal(vv_thread_start(&readers[i], read_always, &shared), 0);
    }
    vv_thread_join(&writer);
    vv_thread_join(&retainer);
    for (size_t i = 0; i < READERS; i++) {
        vv_thread_join(&readers[i]);
    }
    print_message("%llu questions, rules set %llu times\n",
                  (unsigned long long)atomic_load(&shared.questions),
                  (unsigned long long)atomic_load(&shared.rounds));
    assert_int_equal(varve_close(shared.db, NULL), VARVE_OK);
    assert_true(vv_test_temporary_remove(folder));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(readers_beside_rising_floors_see_what_is_kept_and_nothing_else),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
