/*
 * test_kill.c - a writing process is killed at any moment: what it acknowledged is there, and what
 * is there is a prefix.
 *
 *   child: append batch 0, 1, 2, ... with threads, flushes and merges; tell each over a pipe
 *   parent: read the pipe, SIGKILL at a random moment, open, compare, kill the next child
 *
 * Batch b puts (b, b + 1) into every series, in one call. All children go on in one database.
 * VARVE_TEST_LONG=1 kills many more.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "os/env_sim.h"
#include "storage/log/wal.h"
#include "support/random.h"
#include "support/temporary.h"
#include "varve/varve.h"

enum { SERIES = 3 };

static char path[256];

/* ---------------------------------------------------------------------------------- child */

static varve_status open_database(varve_sync_mode sync, uint32_t flags, varve_db **db)
{
    varve_options options = VARVE_OPTIONS_INIT;
    options.flags = flags;
    options.sync = sync;
    options.background_threads = 1;
    options.head_bytes_max = 3000;
    options.wal_segment_bytes = 4096;
    options.sync_interval_ms = 3;
    return varve_open(path, &options, db, NULL);
}

static varve_status append_batch(varve_db *db, int64_t number)
{
    varve_series series[SERIES];
    int64_t timestamps[SERIES];
    double values[SERIES];
    for (size_t i = 0; i < SERIES; i++) {
        char digit = (char)('0' + i);
        varve_label label = {VARVE_STRING("i"), {&digit, 1}};
        varve_status status = varve_series_resolve(db, &label, 1, &series[i], NULL);
        if (status != VARVE_OK) {
            return status;
        }
        timestamps[i] = number;
        values[i] = (double)(number + 1);
    }
    varve_batch batch = VARVE_BATCH_INIT;
    batch.series = series;
    batch.timestamps = timestamps;
    batch.values = values;
    batch.count = SERIES;
    return varve_append_batch(db, &batch, NULL);
}

/* Writes until it is killed. */
static void write_forever(varve_sync_mode sync, int64_t first, int pipe_end)
{
    varve_db *db = NULL;
    if (open_database(sync, VARVE_OPEN_CREATE, &db) != VARVE_OK) {
        _exit(1);
    }
    for (int64_t number = first;; number++) {
        if (append_batch(db, number) != VARVE_OK ||
            write(pipe_end, &number, sizeof(number)) != sizeof(number)) {
            _exit(2);
        }
        if (number % 64 == 63 && varve_compact(db, NULL) != VARVE_OK) {
            _exit(3);
        }
    }
}

/* --------------------------------------------------------------------------------- parent */

/* Lets a child write for a while; the number of batches that it acknowledged, first included. */
static int64_t write_and_kill(varve_sync_mode sync, int64_t first, int64_t nanoseconds)
{
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    (void)fflush(NULL);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        (void)close(ends[0]);
        write_forever(sync, first, ends[1]);
    }
    (void)close(ends[1]);
    vv_env_posix()->ops->sleep_ns(vv_env_posix()->ctx, nanoseconds);
    assert_int_equal(kill(child, SIGKILL), 0);
    int64_t acknowledged = first, number;
    while (read(ends[0], &number, sizeof(number)) == sizeof(number)) {
        assert_int_equal(number, acknowledged);
        acknowledged++;
    }
    (void)close(ends[0]);
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status)); /* and not a failure of its own */
    return acknowledged;
}

/* Batches in the database: all of 0 to n - 1, whole, unaltered. */
static int64_t count_batches(varve_db *db)
{
    varve_selection everything = VARVE_SELECTION_INIT;
    varve_cursor *cursor = NULL;
    int64_t counts[SERIES] = {0};
    size_t series = 0;
    assert_int_equal(varve_select(db, &everything, &cursor, NULL), VARVE_OK);
    for (; varve_cursor_next(cursor); series++) {
        varve_span span;
        assert_in_range(series, 0, SERIES - 1);
        while (varve_cursor_span(cursor, &span)) {
            for (size_t i = 0; i < span.count; i++) {
                assert_int_equal(span.timestamps[i], counts[series]);
                assert_true(span.values[i] == (double)(counts[series] + 1));
                counts[series]++;
            }
        }
    }
    assert_int_equal(varve_cursor_status(cursor, NULL), VARVE_OK);
    varve_cursor_close(cursor);
    for (size_t i = 1; i < SERIES; i++) {
        assert_int_equal(counts[i], counts[0]);
    }
    return counts[0];
}

static void print_finding(void *context, const varve_finding *finding)
{
    (void)context;
    if (finding->kind == VARVE_FINDING_DAMAGE) {
        print_message("%s: %s\n", finding->file, finding->message);
    }
}

static void check_kills(varve_sync_mode sync, int kills)
{
    struct vv_test_random random = vv_test_random_init((uint64_t)sync);
    assert_true(vv_test_temporary_create(path, sizeof(path) - 8));
    char parent[sizeof(path)];
    (void)snprintf(parent, sizeof(parent), "%s", path);
    (void)snprintf(path + strlen(path), 8, "/db");
    int64_t batches = 0;
    for (int i = 0; i < kills; i++) {
        /* Mostly soon: opening and recovering are killed as well. */
        int64_t most = vv_test_random_below(&random, 4) == 0 ? 60000000 : 12000000;
        int64_t acknowledged =
            write_and_kill(sync, batches, (int64_t)vv_test_random_below(&random, (uint64_t)most));
        varve_check_report figures;
        varve_status status = varve_check(path, print_finding, NULL, &figures, NULL);
        if (status == VARVE_NOT_FOUND) {
            assert_int_equal(acknowledged, 0); /* killed before the database was there */
            continue;
        }
        assert_int_equal(status, VARVE_OK);
        varve_db *db = NULL;
        uint32_t flags = vv_test_random_below(&random, 2) == 0 ? VARVE_OPEN_READ_ONLY : 0;
        assert_int_equal(open_database(sync, flags | VARVE_OPEN_STRICT, &db), VARVE_OK);
        int64_t found = count_batches(db);
        assert_true(found >= acknowledged);
        assert_true(found <= acknowledged + 1); /* the one that was under way */
        batches = found;
        assert_int_equal(varve_close(db, NULL), VARVE_OK);
    }
    print_message("%d kills, %lld batches\n", kills, (long long)batches);
    assert_true(batches > 0);
    assert_true(vv_test_temporary_remove(parent));
}

static int kills_of_a_run(void)
{
    return getenv("VARVE_TEST_LONG") != NULL ? 2000 : 60;
}

static void a_kill_loses_nothing_that_the_kernel_was_given(void **state)
{
    (void)state;
    check_kills(VARVE_SYNC_PROCESS, kills_of_a_run());
}

static void a_kill_loses_nothing_committed(void **state)
{
    (void)state;
    check_kills(VARVE_SYNC_COMMIT, kills_of_a_run());
}

/* --------------------------------------------------- a kill, and then a loss of power */

static const struct vv_report no_report;
static const struct vv_buffer record = {0};

static varve_status count_frame(void *context, const struct vv_wal_frame *frame,
                                const uint8_t *payload)
{
    (void)payload;
    *(uint64_t *)context += frame->type == VV_WAL_DELETE;
    return VARVE_OK;
}

/* Replays the log on the disk of env; a process starts with it. */
static uint64_t start_log(struct vv_wal *wal, const struct vv_wal_place *place)
{
    struct vv_wal_recovery recovery;
    uint64_t frames = 0;
    assert_int_equal(vv_wal_replay(place, VV_WAL_FIRST_LSN, true, count_frame, &frames, &no_report,
                                   &recovery, NULL),
                     VARVE_OK);
    struct vv_wal_options options = {.segment_bytes_max = 4096};
    assert_int_equal(vv_wal_init(wal, place, &options, &recovery, &no_report), VARVE_OK);
    vv_wal_recovery_fini(&recovery);
    return frames;
}

/* An empty frame of any type will do; counted are those of this one. */
static void log_frame(struct vv_wal *wal, enum vv_wal_strength strength)
{
    uint64_t lsn;
    assert_int_equal(vv_wal_append(wal, VV_WAL_DELETE, &record, 0, &lsn), VARVE_OK);
    assert_int_equal(vv_wal_flush(wal, lsn, strength), VARVE_OK);
}

static void what_a_killed_process_wrote_is_durable_before_what_is_logged_behind_it(void **state)
{
    (void)state;
    enum { KILLS = 3, FRAMES = 5 };
    struct vv_env_sim *sim = vv_env_sim_create(1);
    struct vv_wal_place place = {.env = vv_env_sim_env(sim)};
    place.directory = place.env->ops->open_directory(place.env->ctx, "/");
    struct vv_wal wal;
    for (uint64_t kill_number = 0; kill_number < KILLS; kill_number++) {
        assert_int_equal(start_log(&wal, &place), kill_number * FRAMES);
        for (int i = 0; i < FRAMES; i++) {
            log_frame(&wal, VV_WAL_WRITTEN);
        }
        vv_wal_fini(&wal); /* the process is gone, the kernel has the frames */
    }
    assert_int_equal(start_log(&wal, &place), KILLS * FRAMES);
    log_frame(&wal, VV_WAL_DURABLE);
    struct vv_env_sim *after = vv_env_sim_crash(sim, 1, VV_CRASH_LOSE_ALL);
    vv_wal_fini(&wal);
    struct vv_wal_place later = {.env = vv_env_sim_env(after)};
    later.directory = later.env->ops->open_directory(later.env->ctx, "/");
    assert_int_equal(start_log(&wal, &later), KILLS * FRAMES + 1);
    vv_wal_fini(&wal);
    vv_env_sim_destroy(after);
    vv_env_sim_destroy(sim);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_a_killed_process_wrote_is_durable_before_what_is_logged_behind_it),
        cmocka_unit_test(a_kill_loses_nothing_that_the_kernel_was_given),
        cmocka_unit_test(a_kill_loses_nothing_committed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
