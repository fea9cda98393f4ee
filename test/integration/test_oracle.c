/*
 * test_oracle.c - random histories of a database, compared with a naive model step by step.
 *
 * Limits are tiny and there are no threads, so that flushes, merges and new log segments happen all
 * the time, in the same way for the same seed. The disk is simulated; a part of the histories runs
 * on a real one. VARVE_TEST_LONG=1 runs many more.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "engine/database.h"
#include "engine/directory.h"
#include "engine/snapshot.h"
#include "storage/shard.h"
#include "support/database_oracle.h"
#include "support/temporary.h"

struct plan {
    uint64_t salt;
    int histories;
    int steps;
    size_t zone_count;
    uint64_t batch_max;
};

static bool is_long(void)
{
    const char *text = getenv("VARVE_TEST_LONG");
    return text != NULL && text[0] != '\0' && text[0] != '0';
}

/* ------------------------------------------------------------------------------ steps */

static void step_read(struct oracle *oracle)
{
    switch (vv_test_random_below(&oracle->random, 6)) {
    case 0:
        oracle_check_aggregate(oracle);
        break;
    case 1:
        oracle_check_latest(oracle);
        break;
    case 2:
        oracle_check_labels(oracle);
        break;
    case 3:
        oracle_check_statistics(oracle, false);
        break;
    default:
        oracle_check_select(oracle, oracle->db);
        break;
    }
}

static void step_maintain(struct oracle *oracle)
{
    bool worked = false;
    oracle_note(oracle, "maintain");
    oracle_must(oracle, varve_maintain(oracle->db, &worked, &oracle->error), "varve_maintain");
}

/* As after minutes in which nobody appends: two rounds. */
static void step_idle(struct oracle *oracle)
{
    struct vv_shard *shard = oracle->db->shard;
    oracle_note(oracle, "idle");
    vv_mutex_lock(&shard->maintenance_mutex);
    bool sealed = vv_shard_seal_idle(shard, 0);
    sealed |= vv_shard_seal_idle(shard, 0);
    vv_mutex_unlock(&shard->maintenance_mutex);
    if (sealed) {
        oracle_check_select(oracle, oracle->db);
    }
}

static void step_compact(struct oracle *oracle)
{
    oracle_note(oracle, "compact");
    oracle_must(oracle, varve_compact(oracle->db, &oracle->error), "varve_compact");
    oracle_check_statistics(oracle, true);
}

static void step_reopen(struct oracle *oracle)
{
    oracle_note(oracle, "close");
    varve_db *db = oracle->db;
    oracle->db = NULL;
    oracle_must(oracle, varve_close(db, &oracle->error), "varve_close");
    if (vv_test_random_below(&oracle->random, 3) == 0) {
        oracle_check_files(oracle);
    }
    oracle_open(oracle);
    oracle_check_select(oracle, oracle->db);
}

/* A reader beside the writer sees what the writer has handed to the kernel. */
static void step_read_only(struct oracle *oracle)
{
    oracle_note(oracle, "read-only opening");
    varve_options options = oracle->options;
    varve_db *reader = NULL;
    options.flags = VARVE_OPEN_READ_ONLY;
    oracle_must(oracle, varve_flush(oracle->db, &oracle->error), "varve_flush");
    oracle_must(oracle,
                vv_database_open(oracle->env, oracle->path, &options, &oracle->report, &reader,
                                 &oracle->error),
                "read-only open");
    oracle_check_select(oracle, reader);
    oracle_check_select(oracle, reader);
    oracle_must(oracle, varve_close(reader, &oracle->error), "close of a reader");
}

/* A snapshot, new or in place of an older one, and what is restored from it, are the database. */
static void step_snapshot(struct oracle *oracle)
{
    char snapshot[320], restored[320];
    (void)snprintf(snapshot, sizeof(snapshot), "%s.s", oracle->path);
    (void)snprintf(restored, sizeof(restored), "%s.r", oracle->path);
    oracle_note(oracle, "snapshot");
    oracle_must(oracle, varve_snapshot(oracle->db, snapshot, NULL, NULL, &oracle->error),
                "varve_snapshot");
    bool restore = vv_test_random_below(&oracle->random, 3) == 0;
    if (restore) {
        /* A power cut may have brought back one that was removed. */
        (void)vv_directory_remove(oracle->env, restored);
        oracle_must(
            oracle,
            vv_database_restore(oracle->env, snapshot, restored, NULL, NULL, &oracle->error),
            "restore");
    }
    varve_options options = oracle->options;
    varve_db *copy = NULL;
    options.flags = VARVE_OPEN_READ_ONLY;
    oracle_must(oracle,
                vv_database_open(oracle->env, restore ? restored : snapshot, &options,
                                 &oracle->report, &copy, &oracle->error),
                "open of a copy");
    oracle_check_select(oracle, copy);
    oracle_must(oracle, varve_close(copy, &oracle->error), "close of a copy");
    if (restore) {
        assert_int_equal(vv_directory_remove(oracle->env, restored), 0);
    }
}

/* The rule of a rollup comes or goes: what is answered must not change by it. */
static void step_rollup(struct oracle *oracle)
{
    static const int64_t steps[] = {77, 250, 1000, 5000, 100000};
    varve_rollup rule = VARVE_ROLLUP_INIT;
    rule.selector = vv_test_random_below(&oracle->random, 2) == 0 ? (varve_string){"", 0}
                                                                  : VARVE_STRING("{host!=\"a\"}");
    rule.step = steps[vv_test_random_below(&oracle->random, 5)];
    bool remove = vv_test_random_below(&oracle->random, 4) == 0;
    oracle_note(oracle, "%s a rollup by %lld", remove ? "remove" : "add", (long long)rule.step);
    varve_status status = remove ? varve_rollup_remove(oracle->db, &rule, &oracle->error)
                                 : varve_roll_up(oracle->db, &rule, &oracle->error);
    if (status != VARVE_NOT_FOUND && status != VARVE_LIMIT) {
        oracle_must(oracle, status, "a rollup");
    }
    oracle_check_aggregate(oracle);
}

static void one_step(struct oracle *oracle, const struct plan *plan)
{
    uint64_t choice = vv_test_random_below(&oracle->random, 100);
    if (choice < 45) {
        oracle_append(oracle, plan->batch_max);
    } else if (choice < 52) {
        oracle_delete(oracle);
    } else if (choice < 56) {
        step_idle(oracle);
    } else if (choice < 60) {
        step_maintain(oracle);
    } else if (choice < 62) {
        step_compact(oracle);
    } else if (choice < 64) {
        step_reopen(oracle);
    } else if (choice < 66) {
        oracle_kill(oracle);
    } else if (choice < 67) {
        step_read_only(oracle);
    } else if (choice < 68) {
        step_snapshot(oracle);
    } else if (choice < 72) {
        oracle_bulk(oracle, plan->batch_max);
    } else if (choice < 75) {
        oracle_check_held_cursor(oracle, plan->batch_max);
    } else if (choice < 77) {
        step_rollup(oracle);
    } else {
        step_read(oracle);
    }
}

static void one_history(const struct plan *plan, uint64_t number, const char *directory)
{
    struct oracle oracle;
    oracle_init(&oracle, plan->salt * 1000003 + number, plan->zone_count, directory);
    for (int step = 0; step < plan->steps; step++) {
        oracle.step = step;
        one_step(&oracle, plan);
    }
    step_compact(&oracle);
    oracle_check_select(&oracle, oracle.db);
    oracle_fini(&oracle);
}

static void run_plan(const struct plan *plan)
{
    int histories = is_long() ? plan->histories * 50 : plan->histories;
    for (int number = 0; number < histories; number++) {
        one_history(plan, (uint64_t)number, NULL);
    }
}

/* ------------------------------------------------------------------------------ plans */

static void a_few_series_with_small_batches(void **state)
{
    (void)state;
    run_plan(
        &(struct plan){.salt = 1, .histories = 16, .steps = 400, .zone_count = 0, .batch_max = 30});
}

static void a_few_series_with_large_batches(void **state)
{
    (void)state;
    run_plan(&(struct plan){
        .salt = 2, .histories = 5, .steps = 150, .zone_count = 0, .batch_max = 3000});
}

static void many_series(void **state)
{
    (void)state;
    run_plan(&(struct plan){
        .salt = 3, .histories = 4, .steps = 200, .zone_count = 200, .batch_max = 200});
}

static void on_a_real_disk(void **state)
{
    (void)state;
    const struct plan plan = {
        .salt = 4, .histories = 2, .steps = 150, .zone_count = 3, .batch_max = 100};
    char directory[256];
    assert_true(vv_test_temporary_create(directory, sizeof(directory)));
    for (int number = 0; number < plan.histories; number++) {
        one_history(&plan, (uint64_t)number, directory);
    }
    assert_true(vv_test_temporary_remove(directory));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_few_series_with_small_batches),
        cmocka_unit_test(a_few_series_with_large_batches),
        cmocka_unit_test(many_series),
        cmocka_unit_test(on_a_real_disk),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
