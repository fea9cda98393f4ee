/*
 * test_bulk.c - bulk loads are there as a whole or not at all, whatever fails or crashes on the
 * way, and the log's own data with them.
 *
 * VARVE_TEST_LONG=1 tries every boundary and every call instead of a sample.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <errno.h>
#include <string.h>

#include "os/alloc.h"
#include "os/env_fault.h"
#include "storage/copy/shard_bulk.h"
#include "support/fault_scenario.h"
#include "support/life.h"
#include "support/temporary.h"

/* What happens in this order: appends, a bulk of batches with an append in between, an append. */
enum { APPENDS_BEFORE = 3, BULK_BATCHES = 4, STATES = APPENDS_BEFORE + 4 };

struct bulk_life {
    struct scenario scenario;
    struct scenario_state states[STATES]; /* after so many of the things that are seen */
    size_t done;                          /* acknowledged */
};

static void make_life(struct bulk_life *life, uint64_t salt)
{
    static struct scenario_state state;
    *life = (struct bulk_life){0};
    scenario_make(&life->scenario, "aooooooaaoooooooooo", salt);
    scenario_state_clear(&state);
    life->states[0] = state;
    const struct scenario_step *step = life->scenario.steps;
    for (size_t i = 1; i < STATES; i++) {
        size_t count = i == APPENDS_BEFORE + 2 ? BULK_BATCHES : 1;
        for (size_t k = 0; k < count; k++) {
            scenario_apply(&state, step++);
        }
        life->states[i] = state;
    }
}

static varve_status add(struct vv_shard_bulk *bulk, varve_db *db, const struct scenario_step *step)
{
    uint32_t refs[SCENARIO_BATCH_MAX];
    for (size_t i = 0; i < step->count; i++) {
        char digit = (char)('0' + step->series[i]);
        varve_series series;
        varve_label labels[] = {{VARVE_STRING("__name__"), VARVE_STRING("m")},
                                {VARVE_STRING("i"), {&digit, 1}}};
        varve_status status = varve_series_resolve(db, labels, 2, &series, NULL);
        if (status != VARVE_OK) {
            return status;
        }
        (void)vv_series_ref(series, &refs[i]);
    }
    return vv_shard_bulk_add(bulk, refs, step->timestamps, step->values, step->count, NULL);
}

static varve_status append(struct bulk_life *life, varve_db *db, const struct scenario_step *step)
{
    varve_status status = scenario_append(db, step);
    life->done += status == VARVE_OK;
    return status;
}

/* Every batch of the bulk is a run of its own if memory_bytes is 1. */
static varve_status load(struct bulk_life *life, varve_db *db, uint64_t memory_bytes)
{
    const struct scenario_step *steps = life->scenario.steps + APPENDS_BEFORE;
    struct vv_shard_bulk *bulk = NULL;
    varve_status status =
        vv_shard_bulk_create(db->shard, memory_bytes, VARVE_DUPLICATES_LAST, &bulk, NULL);
    for (size_t i = 0; i < BULK_BATCHES && status == VARVE_OK; i++) {
        status = add(bulk, db, &steps[1 + i]);
        if (status == VARVE_OK && i == 1) {
            status = append(life, db, &steps[0]);
        }
    }
    if (status == VARVE_OK) {
        status = vv_shard_bulk_attach(bulk, NULL);
        life->done += status == VARVE_OK;
    }
    vv_shard_bulk_destroy(bulk);
    return status == VARVE_OK ? append(life, db, &steps[1 + BULK_BATCHES]) : status;
}

static varve_status run_life(void *context, const struct vv_env *env, uint64_t n)
{
    struct bulk_life *life = context;
    varve_db *db = NULL;
    make_life(life, n % 4);
    varve_status status = scenario_open(env, VARVE_SYNC_COMMIT, VARVE_OPEN_CREATE, NULL, &db);
    if (status != VARVE_OK) {
        return status;
    }
    for (size_t i = 0; i < APPENDS_BEFORE && status == VARVE_OK; i++) {
        status = append(life, db, &life->scenario.steps[i]);
    }
    if (status == VARVE_OK) {
        status = load(life, db, n % 3 == 0 ? 1 : 1 << 20);
    }
    varve_status closed = varve_close(db, NULL);
    return status != VARVE_OK ? status : closed;
}

/* The database is what it was after everything acknowledged, or one thing more; writable. */
static void check_life(void *context, const struct vv_env *env, const char *what)
{
    const struct bulk_life *life = context;
    static struct scenario_state found;
    varve_check_report report;
    varve_db *db = NULL;
    varve_status status = vv_database_check(env, SCENARIO_PATH, NULL, NULL, &report, NULL);
    if (status == VARVE_NOT_FOUND && life->done == 0) {
        return;
    }
    assert_int_equal(status, VARVE_OK);
    assert_int_equal(scenario_open(env, VARVE_SYNC_COMMIT, 0, NULL, &db), VARVE_OK);
    assert_int_equal(scenario_read(db, &found), VARVE_OK);
    if (!scenario_states_equal(&found, &life->states[life->done]) &&
        !(life->done + 1 < STATES &&
          scenario_states_equal(&found, &life->states[life->done + 1]))) {
        fail_msg("%s: %zu things were acknowledged, and something else is there", what, life->done);
    }
    assert_int_equal(varve_compact(db, NULL), VARVE_OK);
    assert_int_equal(varve_close(db, NULL), VARVE_OK);
    assert_int_equal(vv_database_check(env, SCENARIO_PATH, NULL, NULL, &report, NULL), VARVE_OK);
    assert_int_equal(report.notes, 0); /* runs that were left were swept */
}

static void a_crash_leaves_all_of_a_bulk_or_nothing(void **state)
{
    (void)state;
    static struct bulk_life kept;
    const struct life life = {run_life, check_life, &kept};
    life_cut_power(&life, 3);
    assert_int_equal(kept.done, STATES - 1);
}

static void a_call_that_fails_leaves_all_of_a_bulk_or_nothing(void **state)
{
    (void)state;
    static struct bulk_life kept;
    static const struct life_fault faults[] = {
        {VV_CALLS_ALL, EIO, 5},
        {VV_CALLS_MUTATING, ENOSPC, 4},
        {VV_CALLS_ALL, VV_FAULT_SHORT, 5},
        {VV_CALL_BIT(VV_CALL_OPEN), EMFILE, 2},
        {VV_CALL_BIT(VV_CALL_MAP), ENOMEM, 1},
    };
    const struct life life = {run_life, check_life, &kept};
    life_fail_calls(&life, faults, sizeof(faults) / sizeof(faults[0]));
}

static void memory_that_is_out_leaves_all_of_a_bulk_or_nothing(void **state)
{
    (void)state;
    static struct bulk_life life;
    bool failed = true;
    for (uint64_t n = 1; failed; n += life_is_long() ? 1 : 3) {
        struct vv_env_sim *sim = vv_env_sim_create(1);
        const struct vv_env *env = vv_env_sim_env(sim);
        varve_db *db = NULL;
        make_life(&life, 1);
        assert_int_equal(scenario_open(env, VARVE_SYNC_COMMIT, VARVE_OPEN_CREATE, NULL, &db),
                         VARVE_OK);
        for (size_t i = 0; i < APPENDS_BEFORE; i++) {
            assert_int_equal(append(&life, db, &life.scenario.steps[i]), VARVE_OK);
        }
        vv_alloc_fail_at(n);
        failed = load(&life, db, n % 2 == 0 ? 1 : 1 << 20) != VARVE_OK;
        vv_alloc_fail_at(0);
        assert_int_equal(varve_close(db, NULL), VARVE_OK);
        check_life(&life, env, "memory out");
        vv_env_sim_destroy(sim);
    }
}

/* -------------------------------------------------------------------------- the public calls */

static void refusals_add_nothing(void **state)
{
    (void)state;
    char root[200], path[256];
    assert_true(vv_test_temporary_create(root, sizeof(root)));
    (void)snprintf(path, sizeof(path), "%s/db", root);
    varve_options options = VARVE_OPTIONS_INIT;
    options.flags = VARVE_OPEN_CREATE;
    options.duplicates = VARVE_DUPLICATES_ERROR;
    varve_db *db = NULL;
    varve_bulk *bulk = NULL;
    varve_error error = {0};
    assert_int_equal(varve_open(path, &options, &db, NULL), VARVE_OK);
    assert_int_equal(varve_bulk_begin(db, NULL, &bulk, &error), VARVE_OK);
    varve_series series[2] = {0, 77};
    varve_label label = {VARVE_STRING("a"), VARVE_STRING("b")};
    assert_int_equal(varve_series_resolve(db, &label, 1, &series[0], NULL), VARVE_OK);
    int64_t timestamps[2] = {1, INT64_MAX};
    double values[2] = {1, 2};
    varve_batch batch = VARVE_BATCH_INIT;
    batch.series = series;
    batch.timestamps = timestamps;
    batch.values = values;
    batch.count = 2;
    assert_int_equal(varve_bulk_append(bulk, &batch, &error), VARVE_INVALID); /* the series */
    series[1] = series[0];
    assert_int_equal(varve_bulk_append(bulk, &batch, &error), VARVE_INVALID); /* the timestamp */
    timestamps[1] = 2;
    batch.duplicates = VARVE_DUPLICATES_LAST;
    assert_int_equal(varve_bulk_append(bulk, &batch, &error), VARVE_INVALID); /* the policy */
    batch.duplicates = 0;
    batch.count = VARVE_BATCH_MAX + 1;
    assert_int_equal(varve_bulk_append(bulk, &batch, &error), VARVE_INVALID);
    batch.count = 2;
    assert_int_equal(varve_bulk_append(bulk, &batch, &error), VARVE_OK);
    assert_int_equal(varve_bulk_commit(bulk, &error), VARVE_OK);
    assert_int_equal(varve_bulk_commit(bulk, &error), VARVE_INVALID);
    assert_int_equal(varve_bulk_append(bulk, &batch, &error), VARVE_INVALID);
    varve_bulk_close(bulk);
    varve_bulk_close(NULL);
    varve_statistics statistics = VARVE_STATISTICS_INIT;
    varve_stats(db, &statistics);
    assert_int_equal(statistics.samples, 2);
    assert_int_equal(statistics.blocks, 1);
    /* What is in a block and what is in the head is taken. */
    for (int i = 0; i < 2; i++) {
        timestamps[0] = 10 + i;
        timestamps[1] = i == 0 ? 2 : 20;
        if (i == 1) {
            assert_int_equal(varve_append(db, series[0], &timestamps[1], values, 1, NULL),
                             VARVE_OK);
        }
        assert_int_equal(varve_bulk_begin(db, NULL, &bulk, &error), VARVE_OK);
        assert_int_equal(varve_bulk_append(bulk, &batch, &error), VARVE_OK);
        assert_int_equal(varve_bulk_commit(bulk, &error), VARVE_EXISTS);
        varve_bulk_close(bulk);
    }
    varve_stats(db, &statistics);
    assert_int_equal(statistics.samples, 3);
    assert_int_equal(varve_close(db, NULL), VARVE_OK);
    options.flags = VARVE_OPEN_READ_ONLY;
    assert_int_equal(varve_open(path, &options, &db, NULL), VARVE_OK);
    assert_int_equal(varve_bulk_begin(db, NULL, &bulk, &error), VARVE_READ_ONLY);
    assert_int_equal(varve_close(db, NULL), VARVE_OK);
    assert_true(vv_test_temporary_remove(root));
}

/* More runs than are merged at once, of series that come and go, in reversed time. */
static void many_runs_become_one_block(void **state)
{
    (void)state;
    enum { RUNS = 150, SERIES = 7, PER_RUN = 40 };
    struct vv_env_sim *sim = vv_env_sim_create(1);
    varve_db *db = NULL;
    struct vv_shard_bulk *bulk = NULL;
    assert_int_equal(
        scenario_open(vv_env_sim_env(sim), VARVE_SYNC_NONE, VARVE_OPEN_CREATE, NULL, &db),
        VARVE_OK);
    assert_int_equal(vv_shard_bulk_create(db->shard, 1, VARVE_DUPLICATES_SUM, &bulk, NULL),
                     VARVE_OK);
    uint32_t refs[SERIES];
    for (size_t i = 0; i < SERIES; i++) {
        char digit = (char)('0' + i);
        varve_series series;
        varve_label label = {VARVE_STRING("i"), {&digit, 1}};
        assert_int_equal(varve_series_resolve(db, &label, 1, &series, NULL), VARVE_OK);
        (void)vv_series_ref(series, &refs[i]);
    }
    for (int64_t run = 0; run < RUNS; run++) {
        uint32_t of[PER_RUN];
        int64_t timestamps[PER_RUN];
        double values[PER_RUN];
        for (int64_t i = 0; i < PER_RUN; i++) {
            of[i] = refs[(run + i % 3) % SERIES];
            timestamps[i] = (RUNS - run) * 10 - i; /* overlaps the neighbours */
            values[i] = 1;
        }
        assert_int_equal(vv_shard_bulk_add(bulk, of, timestamps, values, PER_RUN, NULL), VARVE_OK);
    }
    assert_int_equal(vv_shard_bulk_attach(bulk, NULL), VARVE_OK);
    vv_shard_bulk_destroy(bulk);
    varve_statistics statistics = VARVE_STATISTICS_INIT;
    varve_stats(db, &statistics);
    assert_int_equal(statistics.blocks, 1);
    assert_int_equal(statistics.series, SERIES);
    varve_selection everything = VARVE_SELECTION_INIT;
    varve_cursor *cursor = NULL;
    varve_span span;
    double sum = 0;
    assert_int_equal(varve_select(db, &everything, &cursor, NULL), VARVE_OK);
    while (varve_cursor_next(cursor)) {
        while (varve_cursor_span(cursor, &span)) {
            for (size_t i = 0; i < span.count; i++) {
                sum += span.values[i];
            }
        }
    }
    varve_cursor_close(cursor);
    assert_true(sum == RUNS * PER_RUN);
    assert_int_equal(varve_close(db, NULL), VARVE_OK);
    vv_env_sim_destroy(sim);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_crash_leaves_all_of_a_bulk_or_nothing),
        cmocka_unit_test(a_call_that_fails_leaves_all_of_a_bulk_or_nothing),
        cmocka_unit_test(memory_that_is_out_leaves_all_of_a_bulk_or_nothing),
        cmocka_unit_test(refusals_add_nothing),
        cmocka_unit_test(many_runs_become_one_block),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
