/*
 * test_followers.c - one process writes, flushes and merges; others follow read-only.
 *
 *   writer:    append n, n + 1, ... -> acknowledged = n       (process mode; small head and blocks)
 *   follower:  before = acknowledged -> refresh -> read all -> after = started
 *              every sample up to before is there, none beyond after, each with its value
 *
 * VARVE_TEST_LONG=1 goes on for a minute.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "support/temporary.h"
#include "varve/varve.h"

enum { FOLLOWERS = 2, BATCH = 50 };

/* Shared by the processes. Sample i has timestamp i. */
struct shared {
    _Atomic int64_t started;      /* samples before it may be there */
    _Atomic int64_t acknowledged; /* samples before it must be there */
    _Atomic bool stop;
    _Atomic uint64_t reads[FOLLOWERS];
};

static char path[256];
static struct shared *shared;

static double value_of(int64_t timestamp)
{
    return (double)(timestamp % 1009);
}

static varve_status append_some(varve_db *db, varve_series series, int64_t first)
{
    int64_t timestamps[BATCH];
    double values[BATCH];
    for (int64_t i = 0; i < BATCH; i++) {
        timestamps[i] = first + i;
        values[i] = value_of(first + i);
    }
    return varve_append(db, series, timestamps, values, BATCH, NULL);
}

static int write_until_stopped(void)
{
    varve_options options = VARVE_OPTIONS_INIT;
    options.flags = VARVE_OPEN_CREATE;
    options.sync = VARVE_SYNC_PROCESS;
    options.head_bytes_max = 64 << 10;
    options.wal_segment_bytes = 64 << 10;
    options.block_bytes_max = 16 << 10;
    varve_db *db = NULL;
    varve_series series;
    if (varve_open(path, &options, &db, NULL) != VARVE_OK ||
        varve_series_parse(db, VARVE_STRING("x"), &series, NULL) != VARVE_OK) {
        return 2;
    }
    for (int64_t next = 0; !atomic_load(&shared->stop); next += BATCH) {
        atomic_store(&shared->started, next + BATCH);
        if (append_some(db, series, next) != VARVE_OK) {
            return 3;
        }
        atomic_store(&shared->acknowledged, next + BATCH);
        if (next % 20000 == 0 && varve_compact(db, NULL) != VARVE_OK) {
            return 4;
        }
    }
    return varve_close(db, NULL) == VARVE_OK ? 0 : 5;
}

/* Reads everything once; 0, or which promise was broken. */
static int read_all(varve_db *db, int64_t before)
{
    varve_selection everything = VARVE_SELECTION_INIT;
    varve_cursor *cursor = NULL;
    varve_span span;
    int64_t next = 0;
    if (varve_select(db, &everything, &cursor, NULL) != VARVE_OK) {
        return 20;
    }
    int code = 0;
    while (varve_cursor_next(cursor)) {
        while (varve_cursor_span(cursor, &span)) {
            for (size_t i = 0; i < span.count && code == 0; i++, next++) {
                if (span.timestamps[i] != next || span.values[i] != value_of(next)) {
                    code = 21; /* a hole, or a sample of nobody */
                }
            }
        }
    }
    if (varve_cursor_status(cursor, NULL) != VARVE_OK) {
        code = 22;
    }
    varve_cursor_close(cursor);
    if (code == 0 && next < before) {
        code = 23; /* acknowledged before the query, and not seen */
    }
    if (code == 0 && (next > atomic_load(&shared->started) || next % BATCH != 0)) {
        code = 24; /* half a batch */
    }
    return code;
}

static int follow(size_t number)
{
    varve_options options = VARVE_OPTIONS_INIT;
    options.flags = VARVE_OPEN_READ_ONLY;
    varve_db *db = NULL;
    while (varve_open(path, &options, &db, NULL) != VARVE_OK) {
        usleep(1000); /* it is not created yet */
    }
    while (!atomic_load(&shared->stop)) {
        int64_t before = atomic_load(&shared->acknowledged);
        varve_error error = {0};
        varve_status status = varve_refresh(db, &error);
        if (status == VARVE_BUSY) {
            continue;
        }
        if (status != VARVE_OK) {
            (void)fprintf(stderr, "%s\n", error.message);
            return 10;
        }
        varve_statistics statistics = VARVE_STATISTICS_INIT;
        varve_stats(db, &statistics);
        int code = statistics.damaged > 0 ? 11 : read_all(db, before);
        if (code != 0) {
            return code;
        }
        atomic_fetch_add(&shared->reads[number], 1);
    }
    return varve_close(db, NULL) == VARVE_OK ? 0 : 12;
}

static pid_t start(int (*run)(size_t), size_t number)
{
    pid_t child = fork();
    if (child == 0) {
        _exit(run(number));
    }
    return child;
}

static int write_process(size_t number)
{
    (void)number;
    return write_until_stopped();
}

static void followers_see_what_was_acknowledged(void **state)
{
    (void)state;
    char folder[200];
    pid_t children[FOLLOWERS + 1];
    const char *is_long = getenv("VARVE_TEST_LONG");
    shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_true(shared != MAP_FAILED && vv_test_temporary_create(folder, sizeof(folder)));
    (void)snprintf(path, sizeof(path), "%s/db", folder);
    children[FOLLOWERS] = start(write_process, 0);
    for (size_t i = 0; i < FOLLOWERS; i++) {
        children[i] = start(follow, i);
    }
    (void)sleep(is_long != NULL && is_long[0] == '1' ? 60 : 3);
    atomic_store(&shared->stop, true);
    for (size_t i = 0; i <= FOLLOWERS; i++) {
        int status;
        assert_int_equal(waitpid(children[i], &status, 0), children[i]);
        assert_true(WIFEXITED(status));
        assert_int_equal(WEXITSTATUS(status), 0);
    }
    for (size_t i = 0; i < FOLLOWERS; i++) {
        assert_true(atomic_load(&shared->reads[i]) > 0);
    }
    print_message("%lld samples, %llu and %llu reads\n", (long long)shared->acknowledged,
                  (unsigned long long)shared->reads[0], (unsigned long long)shared->reads[1]);
    assert_true(vv_test_temporary_remove(folder));
}

static void a_refresh_waits_for_nobody_and_a_cursor_forbids_it(void **state)
{
    (void)state;
    char folder[200];
    varve_options options = VARVE_OPTIONS_INIT;
    varve_db *writer = NULL, *reader = NULL;
    varve_series series;
    assert_true(vv_test_temporary_create(folder, sizeof(folder)));
    (void)snprintf(path, sizeof(path), "%s/db", folder);
    options.flags = VARVE_OPEN_CREATE;
    options.sync = VARVE_SYNC_PROCESS;
    assert_int_equal(varve_open(path, &options, &writer, NULL), VARVE_OK);
    options.flags = VARVE_OPEN_READ_ONLY;
    assert_int_equal(varve_open(path, &options, &reader, NULL), VARVE_OK);
    assert_int_equal(varve_series_parse(writer, VARVE_STRING("x"), &series, NULL), VARVE_OK);
    assert_int_equal(append_some(writer, series, 0), VARVE_OK);
    varve_statistics statistics = VARVE_STATISTICS_INIT;
    varve_stats(reader, &statistics);
    assert_int_equal(statistics.samples, 0); /* the state at its opening */
    varve_selection everything = VARVE_SELECTION_INIT;
    varve_cursor *cursor = NULL;
    assert_int_equal(varve_select(reader, &everything, &cursor, NULL), VARVE_OK);
    assert_int_equal(varve_refresh(reader, NULL), VARVE_BUSY);
    varve_cursor_close(cursor);
    assert_int_equal(varve_refresh(reader, NULL), VARVE_OK);
    varve_stats(reader, &statistics);
    assert_int_equal(statistics.samples, BATCH);
    assert_int_equal(varve_refresh(writer, NULL), VARVE_OK);
    assert_int_equal(varve_close(reader, NULL), VARVE_OK);
    assert_int_equal(varve_close(writer, NULL), VARVE_OK);
    assert_true(vv_test_temporary_remove(folder));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(followers_see_what_was_acknowledged),
        cmocka_unit_test(a_refresh_waits_for_nobody_and_a_cursor_forbids_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
