/*
 * test_snapshot.c - snapshots and restored databases: whole or not at all, one state of the log,
 * and the source as it was, whatever fails or crashes on the way.
 *
 * VARVE_TEST_LONG=1 tries every boundary and every call instead of a sample.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#include "engine/directory.h"
#include "engine/snapshot.h"
#include "os/alloc.h"
#include "os/env_fault.h"
#include "support/fault_scenario.h"
#include "support/life.h"
#include "support/temporary.h"

static const char snapshot_path[] = "/s";
static const char restored_path[] = "/r";

/* ------------------------------------------------------------------- a life with snapshots */

/* The database before and after each half of the script, and what had returned OK. */
struct snapshot_life {
    struct scenario scenario;
    struct scenario_state states[2]; /* at the first and at the second snapshot */
    size_t half;
    unsigned done; /* bits: first snapshot, second snapshot, restored */
};

static void make_life(struct snapshot_life *life, uint64_t salt)
{
    *life = (struct snapshot_life){.half = 12};
    scenario_make(&life->scenario, "aaodaaccaoadaaodaafcaoaa", salt);
    struct scenario_state state;
    scenario_state_clear(&state);
    for (size_t i = 0; i < life->scenario.count; i++) {
        if (i == life->half) {
            life->states[0] = state;
        }
        scenario_apply(&state, &life->scenario.steps[i]);
    }
    life->states[1] = state;
}

static varve_status run_half(const struct snapshot_life *life, varve_db *db, size_t first,
                             size_t end)
{
    varve_status status = VARVE_OK;
    for (size_t i = first; i < end && status == VARVE_OK; i++) {
        status = scenario_step_perform(db, &life->scenario.steps[i]);
    }
    return status;
}

/* Writes, takes a snapshot, writes on, replaces it by another one, restores that. */
static varve_status run_life(struct snapshot_life *life, const struct vv_env *env)
{
    varve_db *db = NULL;
    varve_status status = scenario_open(env, VARVE_SYNC_COMMIT, VARVE_OPEN_CREATE, NULL, &db);
    if (status != VARVE_OK) {
        return status;
    }
    status = run_half(life, db, 0, life->half);
    for (unsigned i = 0; i < 2 && status == VARVE_OK; i++) {
        status = varve_snapshot(db, snapshot_path, NULL, NULL, NULL);
        life->done |= status == VARVE_OK ? 1u << i : 0;
        if (status == VARVE_OK && i == 0) {
            status = run_half(life, db, life->half, life->scenario.count);
        }
    }
    if (status == VARVE_OK) {
        status = vv_database_restore(env, snapshot_path, restored_path, NULL, NULL, NULL);
        life->done |= status == VARVE_OK ? 4 : 0;
    }
    varve_status closed = varve_close(db, NULL);
    return status != VARVE_OK ? status : closed;
}

static varve_status read_at(const struct vv_env *env, const char *path, uint32_t flags,
                            struct scenario_state *state)
{
    varve_options options = VARVE_OPTIONS_INIT;
    options.flags = flags;
    options.background_threads = 0;
    varve_db *db = NULL;
    varve_status status = vv_database_open(env, path, &options, NULL, &db, NULL);
    if (status != VARVE_OK) {
        return status;
    }
    status = scenario_read(db, state);
    varve_status closed = varve_close(db, NULL);
    return status != VARVE_OK ? status : closed;
}

/* What is at path is nothing at all (if it may be missing) or one of the states from least on. */
static void check_copy(const struct snapshot_life *life, const struct vv_env *env, const char *path,
                       bool may_be_missing, size_t least, size_t most, const char *what)
{
    struct scenario_state found;
    varve_status status = read_at(env, path, VARVE_OPEN_READ_ONLY | VARVE_OPEN_STRICT, &found);
    if (status == VARVE_NOT_FOUND && may_be_missing) {
        struct vv_file_status file_status;
        assert_int_equal(env->ops->stat_path(env->ctx, path, &file_status), -ENOENT);
        return;
    }
    if (status != VARVE_OK) {
        fail_msg("%s: %s does not open: %s", what, path, varve_status_name(status));
    }
    varve_check_report report;
    assert_int_equal(vv_database_check(env, path, NULL, NULL, &report, NULL), VARVE_OK);
    for (size_t i = least; i <= most; i++) {
        if (scenario_states_equal(&found, &life->states[i])) {
            return;
        }
    }
    fail_msg("%s: %s is none of the states that it may be", what, path);
}

static void check_copies(const struct snapshot_life *life, const struct vv_env *env,
                         const char *what)
{
    bool first = (life->done & 1) != 0, second = (life->done & 2) != 0;
    check_copy(life, env, snapshot_path, !first, second ? 1 : 0, 1, what);
    check_copy(life, env, restored_path, (life->done & 4) == 0, 1, 1, what);
}

/* Whatever was left behind is no hindrance: the next snapshot and the next restore work. */
static void check_again(const struct vv_env *env, const char *what)
{
    struct scenario_state source, copy;
    varve_db *db = NULL;
    if (scenario_open(env, VARVE_SYNC_COMMIT, 0, NULL, &db) != VARVE_OK) {
        return; /* the database itself was not made yet */
    }
    assert_int_equal(scenario_read(db, &source), VARVE_OK);
    varve_error error = {0};
    if (varve_snapshot(db, snapshot_path, NULL, NULL, &error) != VARVE_OK) {
        fail_msg("%s: no snapshot any more: %s", what, error.message);
    }
    assert_int_equal(varve_close(db, NULL), VARVE_OK);
    assert_int_equal(read_at(env, snapshot_path, VARVE_OPEN_READ_ONLY, &copy), VARVE_OK);
    assert_true(scenario_states_equal(&source, &copy));
    (void)vv_directory_remove(env, restored_path);
    assert_int_equal(vv_database_restore(env, snapshot_path, restored_path, NULL, NULL, &error),
                     VARVE_OK);
    assert_int_equal(read_at(env, restored_path, 0, &copy), VARVE_OK);
    assert_true(scenario_states_equal(&source, &copy));
    struct vv_file_status file_status;
    assert_int_equal(env->ops->stat_path(env->ctx, "/s.varve-new", &file_status), -ENOENT);
    assert_int_equal(env->ops->stat_path(env->ctx, "/r.varve-new", &file_status), -ENOENT);
}

/* ------------------------------------------------------------------------ crashes and faults */

static varve_status run_afresh(void *context, const struct vv_env *env, uint64_t n)
{
    make_life(context, n % 4);
    return run_life(context, env);
}

static void check_all(void *context, const struct vv_env *env, const char *what)
{
    check_copies(context, env, what);
    check_again(env, what);
}

static void a_crash_leaves_the_old_snapshot_or_the_new_one(void **state)
{
    (void)state;
    static struct snapshot_life kept;
    const struct life life = {run_afresh, check_all, &kept};
    life_cut_power(&life, 5);
    assert_int_equal(kept.done, 7);
}

static void a_call_that_fails_leaves_whole_copies_only(void **state)
{
    (void)state;
    static struct snapshot_life kept;
    static const struct life_fault faults[] = {
        {VV_CALLS_ALL, EIO, 9},
        {VV_CALLS_MUTATING, ENOSPC, 9},
        {VV_CALLS_ALL, VV_FAULT_SHORT, 7},
        {VV_CALL_BIT(VV_CALL_OPEN), EMFILE, 5},
        {VV_CALL_BIT(VV_CALL_LINK), EXDEV, 1},
        {VV_CALL_BIT(VV_CALL_EXCHANGE_PATHS), EOPNOTSUPP, 1},
    };
    const struct life life = {run_afresh, check_all, &kept};
    life_fail_calls(&life, faults, sizeof(faults) / sizeof(faults[0]));
}

static void memory_that_is_out_leaves_whole_copies_only(void **state)
{
    (void)state;
    static struct snapshot_life life;
    struct vv_env_sim *sim = vv_env_sim_create(1);
    const struct vv_env *env = vv_env_sim_env(sim);
    make_life(&life, 1);
    assert_int_equal(run_life(&life, env), VARVE_OK);
    varve_db *db = NULL;
    assert_int_equal(scenario_open(env, VARVE_SYNC_COMMIT, 0, NULL, &db), VARVE_OK);
    bool failed = true;
    for (uint64_t n = 1; failed; n++) {
        (void)vv_directory_remove(env, restored_path);
        vv_alloc_fail_at(n);
        varve_status status = varve_snapshot(db, snapshot_path, NULL, NULL, NULL);
        failed = status != VARVE_OK;
        if (!failed) {
            status = vv_database_restore(env, snapshot_path, restored_path, NULL, NULL, NULL);
            failed = status != VARVE_OK;
        }
        vv_alloc_fail_at(0);
        assert_true(!failed || status == VARVE_NO_MEMORY || status == VARVE_EXISTS ||
                    status == VARVE_UNKNOWN);
        check_copy(&life, env, snapshot_path, false, 1, 1, "memory out");
    }
    assert_int_equal(varve_close(db, NULL), VARVE_OK);
    vv_env_sim_destroy(sim);
}

/* --------------------------------------------------------------------------------- rules */

static void a_full_disk_is_told_and_leaves_nothing(void **state)
{
    (void)state;
    static struct snapshot_life life;
    struct vv_env_sim *sim = vv_env_sim_create(1);
    const struct vv_env *env = vv_env_sim_env(sim);
    make_life(&life, 1);
    assert_int_equal(run_life(&life, env), VARVE_OK);
    assert_int_equal(vv_directory_remove(env, restored_path), 0);
    vv_env_sim_set_capacity(sim, 1);
    varve_error error = {0};
    varve_status status =
        vv_database_restore(env, snapshot_path, restored_path, NULL, NULL, &error);
    assert_int_equal(status, VARVE_NO_SPACE);
    assert_non_null(strstr(error.message, "copied"));
    struct vv_file_status file_status;
    assert_int_equal(env->ops->stat_path(env->ctx, restored_path, &file_status), -ENOENT);
    assert_int_equal(env->ops->stat_path(env->ctx, "/r.varve-new", &file_status), -ENOENT);
    vv_env_sim_destroy(sim);
}

static void only_an_older_snapshot_of_the_database_is_replaced(void **state)
{
    (void)state;
    static struct snapshot_life life;
    struct vv_env_sim *sim = vv_env_sim_create(1);
    const struct vv_env *env = vv_env_sim_env(sim);
    make_life(&life, 1);
    assert_int_equal(run_life(&life, env), VARVE_OK);
    varve_db *db = NULL;
    assert_int_equal(scenario_open(env, VARVE_SYNC_COMMIT, 0, NULL, &db), VARVE_OK);
    /* Another database, a plain directory, the restored database, the database itself. */
    varve_options options = VARVE_OPTIONS_INIT;
    options.flags = VARVE_OPEN_CREATE;
    options.background_threads = 0;
    varve_db *other = NULL;
    assert_int_equal(vv_database_open(env, "/other", &options, NULL, &other, NULL), VARVE_OK);
    assert_int_equal(env->ops->make_directory(env->ctx, "/folder"), 0);
    assert_int_equal(varve_snapshot(other, snapshot_path, NULL, NULL, NULL), VARVE_EXISTS);
    assert_int_equal(varve_snapshot(db, "/other", NULL, NULL, NULL), VARVE_EXISTS);
    assert_int_equal(varve_snapshot(db, "/folder", NULL, NULL, NULL), VARVE_EXISTS);
    assert_int_equal(varve_snapshot(db, restored_path, NULL, NULL, NULL), VARVE_EXISTS);
    assert_int_equal(varve_snapshot(db, SCENARIO_PATH, NULL, NULL, NULL), VARVE_EXISTS);
    assert_int_equal(varve_close(other, NULL), VARVE_OK);
    /* The restored database is older than the snapshot after one more append. */
    assert_int_equal(scenario_append(db, &life.scenario.steps[0]), VARVE_OK);
    assert_int_equal(varve_snapshot(db, snapshot_path, NULL, NULL, NULL), VARVE_OK);
    options.flags = VARVE_OPEN_READ_ONLY;
    assert_int_equal(vv_database_open(env, restored_path, &options, NULL, &other, NULL), VARVE_OK);
    assert_int_equal(varve_snapshot(other, snapshot_path, NULL, NULL, NULL), VARVE_EXISTS);
    assert_int_equal(varve_close(other, NULL), VARVE_OK);
    /* Opened for writing, the snapshot becomes a database of its own. */
    options.flags = 0;
    assert_int_equal(vv_database_open(env, snapshot_path, &options, NULL, &other, NULL), VARVE_OK);
    assert_int_equal(varve_snapshot(db, snapshot_path, NULL, NULL, NULL), VARVE_EXISTS);
    assert_int_equal(varve_close(other, NULL), VARVE_OK);
    assert_int_equal(varve_snapshot(db, snapshot_path, NULL, NULL, NULL), VARVE_EXISTS);
    assert_int_equal(varve_close(db, NULL), VARVE_OK);
    vv_env_sim_destroy(sim);
}

/* A byte of the first file in a folder whose name has the prefix. */
struct place {
    const struct vv_env *env;
    int directory;
    const char *prefix;
    uint64_t offset;
};

static int spoil(void *visitor, const char *name)
{
    const struct place *place = visitor;
    if (strncmp(name, place->prefix, strlen(place->prefix)) != 0) {
        return 0;
    }
    const struct vv_env *env = place->env;
    uint8_t byte;
    int file = env->ops->open(env->ctx, place->directory, name, VV_OPEN_WRITE);
    assert_true(file >= 0);
    assert_int_equal(env->ops->pread(env->ctx, file, &byte, 1, place->offset), 1);
    byte ^= 0x10;
    assert_int_equal(env->ops->pwrite(env->ctx, file, &byte, 1, place->offset), 1);
    assert_int_equal(env->ops->close(env->ctx, file), 0);
    return 1;
}

static void damage_is_told_and_not_copied(void **state)
{
    (void)state;
    static struct snapshot_life life;
    struct vv_env_sim *sim = vv_env_sim_create(1);
    const struct vv_env *env = vv_env_sim_env(sim);
    struct vv_file_status file_status;
    varve_error error = {0};
    varve_db *db = NULL;
    make_life(&life, 1);
    /* The log, in its first frame: a snapshot reads it. */
    assert_int_equal(scenario_open(env, VARVE_SYNC_COMMIT, VARVE_OPEN_CREATE, NULL, &db), VARVE_OK);
    assert_int_equal(scenario_append(db, &life.scenario.steps[0]), VARVE_OK);
    assert_int_equal(scenario_append(db, &life.scenario.steps[1]), VARVE_OK);
    struct place place = {env, env->ops->open_directory(env->ctx, "/db/shard-0000"), "wal-",
                          VV_WAL_SEGMENT_HEADER_BYTES + VV_WAL_FRAME_HEADER_BYTES + 2};
    assert_int_equal(env->ops->list(env->ctx, place.directory, spoil, &place), 1);
    assert_int_equal(env->ops->close(env->ctx, place.directory), 0);
    assert_int_equal(varve_snapshot(db, "/t", NULL, NULL, &error), VARVE_CORRUPT);
    assert_non_null(strstr(error.message, "wal-"));
    assert_int_equal(env->ops->stat_path(env->ctx, "/t", &file_status), -ENOENT);
    /* A page of a block: restoring verifies it. */
    assert_int_equal(varve_compact(db, NULL), VARVE_OK);
    assert_int_equal(varve_snapshot(db, snapshot_path, NULL, NULL, &error), VARVE_OK);
    assert_int_equal(varve_close(db, NULL), VARVE_OK);
    place.directory = env->ops->open_directory(env->ctx, "/s/shard-0000");
    place.prefix = "block-";
    place.offset = 64;
    assert_int_equal(env->ops->list(env->ctx, place.directory, spoil, &place), 1);
    assert_int_equal(env->ops->close(env->ctx, place.directory), 0);
    assert_int_equal(vv_database_restore(env, snapshot_path, "/t", NULL, NULL, &error),
                     VARVE_CORRUPT);
    assert_non_null(strstr(error.message, "block-"));
    assert_int_equal(env->ops->stat_path(env->ctx, "/t", &file_status), -ENOENT);
    vv_env_sim_destroy(sim);
}

/* ------------------------------------------------------------------ beside a busy writer */

enum { WRITER_BATCH = 5, WRITER_SERIES = 3, SNAPSHOTS = 12, WRITTEN_MIN = 4000 };

struct writer {
    varve_db *db;
    _Atomic uint64_t acknowledged; /* samples */
    _Atomic bool stop;
};

/* Sample i is (series i % 3, time i, value i); the numbers only grow. */
static void *write_samples(void *argument)
{
    struct writer *writer = argument;
    varve_series series[WRITER_SERIES];
    for (size_t i = 0; i < WRITER_SERIES; i++) {
        char digit = (char)('0' + i);
        varve_label label = {VARVE_STRING("i"), {&digit, 1}};
        if (varve_series_resolve(writer->db, &label, 1, &series[i], NULL) != VARVE_OK) {
            return NULL;
        }
    }
    for (uint64_t next = 0; !atomic_load(&writer->stop);) {
        varve_series of[WRITER_BATCH];
        int64_t timestamps[WRITER_BATCH];
        double values[WRITER_BATCH];
        for (size_t i = 0; i < WRITER_BATCH; i++, next++) {
            of[i] = series[next % WRITER_SERIES];
            timestamps[i] = (int64_t)next;
            values[i] = (double)next;
        }
        varve_batch batch = VARVE_BATCH_INIT;
        batch.series = of;
        batch.timestamps = timestamps;
        batch.values = values;
        batch.count = WRITER_BATCH;
        if (varve_append_batch(writer->db, &batch, NULL) != VARVE_OK) {
            return NULL;
        }
        atomic_store(&writer->acknowledged, next);
    }
    return writer;
}

/* The samples of a copy, which must be 0 to n - 1 for some n. */
static uint64_t count_prefix(const char *path)
{
    varve_options options = VARVE_OPTIONS_INIT;
    options.flags = VARVE_OPEN_READ_ONLY | VARVE_OPEN_STRICT;
    varve_db *db = NULL;
    varve_error error = {0};
    if (varve_open(path, &options, &db, &error) != VARVE_OK) {
        fail_msg("%s", error.message);
    }
    varve_selection everything = VARVE_SELECTION_INIT;
    varve_cursor *cursor = NULL;
    uint64_t count = 0, series = 0;
    int64_t time_max = -1;
    assert_int_equal(varve_select(db, &everything, &cursor, NULL), VARVE_OK);
    for (; varve_cursor_next(cursor); series++) {
        varve_span span;
        uint64_t of_series = 0;
        while (varve_cursor_span(cursor, &span)) {
            for (size_t i = 0; i < span.count; i++, of_series++) {
                uint64_t expected = of_series * WRITER_SERIES + series;
                assert_int_equal(span.timestamps[i], expected);
                assert_true(span.values[i] == (double)expected);
                time_max = span.timestamps[i] > time_max ? span.timestamps[i] : time_max;
            }
        }
        count += of_series;
    }
    assert_int_equal(varve_cursor_status(cursor, NULL), VARVE_OK);
    varve_cursor_close(cursor);
    assert_int_equal(varve_close(db, NULL), VARVE_OK);
    assert_int_equal(count, time_max + 1);
    assert_int_equal(count % WRITER_BATCH, 0);
    return count;
}

/* In turns through the writer's handle and through one that only reads. */
static void take_snapshot(struct writer *writer, const char *source, const char *path, int turn)
{
    varve_error error = {0};
    varve_db *reader = NULL;
    varve_db *db = writer->db;
    if (turn % 2 == 1) {
        varve_options options = VARVE_OPTIONS_INIT;
        options.flags = VARVE_OPEN_READ_ONLY;
        varve_status status = varve_open(source, &options, &reader, &error);
        if (status == VARVE_BUSY) {
            return; /* overtaken time and again: allowed, and rare */
        }
        assert_int_equal(status, VARVE_OK);
        db = reader;
    }
    uint64_t acknowledged = atomic_load(&writer->acknowledged);
    varve_status status = varve_snapshot(db, path, NULL, NULL, &error);
    assert_int_equal(varve_close(reader, NULL), VARVE_OK);
    if (status == VARVE_BUSY && turn % 2 == 1) {
        return;
    }
    if (status != VARVE_OK) {
        fail_msg("%s", error.message);
    }
    uint64_t count = count_prefix(path);
    if (count < acknowledged) {
        fail_msg("%llu samples were acknowledged, %llu are in the snapshot",
                 (unsigned long long)acknowledged, (unsigned long long)count);
    }
}

static void a_snapshot_beside_a_writer_is_a_prefix_with_all_that_was_acknowledged(void **state)
{
    (void)state;
    char root[200], source[256], path[256];
    assert_true(vv_test_temporary_create(root, sizeof(root)));
    (void)snprintf(source, sizeof(source), "%s/db", root);
    varve_options options = VARVE_OPTIONS_INIT;
    options.flags = VARVE_OPEN_CREATE;
    options.sync = VARVE_SYNC_PROCESS;
    options.head_bytes_max = 32 << 10; /* blocks and merges all the time */
    options.wal_bytes_max = 64 << 10;
    options.wal_segment_bytes = 16 << 10;
    struct writer writer = {0};
    assert_int_equal(varve_open(source, &options, &writer.db, NULL), VARVE_OK);
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, write_samples, &writer), 0);
    for (int i = 0; i < SNAPSHOTS || atomic_load(&writer.acknowledged) < WRITTEN_MIN; i++) {
        /* Most of them replace one snapshot, some are new ones. */
        (void)snprintf(path, sizeof(path), i % 4 == 3 ? "%s/s%d" : "%s/s", root, i);
        take_snapshot(&writer, source, path, i);
    }
    atomic_store(&writer.stop, true);
    void *result = NULL;
    assert_int_equal(pthread_join(thread, &result), 0);
    assert_non_null(result);
    assert_int_equal(varve_close(writer.db, NULL), VARVE_OK);
    assert_true(vv_test_temporary_remove(root));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_crash_leaves_the_old_snapshot_or_the_new_one),
        cmocka_unit_test(a_call_that_fails_leaves_whole_copies_only),
        cmocka_unit_test(memory_that_is_out_leaves_whole_copies_only),
        cmocka_unit_test(a_full_disk_is_told_and_leaves_nothing),
        cmocka_unit_test(only_an_older_snapshot_of_the_database_is_replaced),
        cmocka_unit_test(damage_is_told_and_not_copied),
        cmocka_unit_test(a_snapshot_beside_a_writer_is_a_prefix_with_all_that_was_acknowledged),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
