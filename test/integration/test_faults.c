/*
 * test_faults.c - every call to the system fails once, and from then on: nothing is lost, invented
 * or leaked.
 *
 * The scenario of support/fault_scenario.h runs with the fault at its first call, its second, and
 * so on until it comes through without meeting it. Then the database must open without complaint
 * and hold exactly what was acknowledged.
 *
 * VARVE_TEST_LONG=1 tries every call with every fault instead of a sample.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <errno.h>

#include "os/env_fault.h"
#include "support/env_count.h"
#include "support/fault_scenario.h"

static const char script[] = "aaqdamquofqcamrqadammqcraoqeqdrqaamoamq";

struct fault {
    const char *name;
    uint32_t calls;
    int error;
    bool reading_works; /* only changes fail */
    unsigned stride;    /* in a short run every so-manieth call is tried */
};

#define OPENS (VV_CALL_BIT(VV_CALL_OPEN) | VV_CALL_BIT(VV_CALL_OPEN_DIRECTORY))

static const struct fault faults[] = {
    {"EIO", VV_CALLS_ALL, EIO, false, 13},
    {"EIO of changes", VV_CALLS_MUTATING & ~OPENS, EIO, true, 17},
    {"EIO of syncs", VV_CALL_BIT(VV_CALL_FDATASYNC) | VV_CALL_BIT(VV_CALL_SYNC_DIRECTORY), EIO,
     true, 7},
    {"ENOSPC", VV_CALLS_MUTATING & ~OPENS, ENOSPC, true, 19},
    {"short", VV_CALLS_ALL, VV_FAULT_SHORT, false, 7},
    {"EMFILE", OPENS, EMFILE, false, 11},
    {"ENOMEM of mappings", VV_CALL_BIT(VV_CALL_MAP) | VV_CALL_BIT(VV_CALL_POPULATE), ENOMEM, false,
     7},
};

static bool is_long(void)
{
    return getenv("VARVE_TEST_LONG") != NULL;
}

/* Acknowledged as committed is acknowledged for good, whatever failed before the power does. */
static void cut_power(struct scenario_run *run)
{
    if ((run->step + run->n) % (is_long() ? 3 : 17) != 0) {
        return;
    }
    enum vv_crash_mode mode = run->n % 3 == 0 ? VV_CRASH_LOSE_ALL : VV_CRASH_RANDOM;
    struct vv_env_sim *after = vv_env_sim_crash(run->context, run->n * 64 + run->step, mode);
    scenario_verify(run, vv_env_sim_env(after));
    vv_env_sim_destroy(after);
}

/* One run with the n-th call failing; false if the fault was not met. */
static bool run_once(const struct scenario *scenario, const struct fault *fault, uint64_t n,
                     bool persistent, varve_sync_mode sync)
{
    struct vv_env_sim *sim = vv_env_sim_create(1);
    struct vv_env_fault *injector = vv_env_fault_create(vv_env_sim_env(sim));
    struct env_count count;
    env_count_init(&count, vv_env_fault_env(injector));
    vv_env_fault_arm(injector, fault->calls, n, fault->error, persistent);
    static struct scenario_run run; /* large */
    run = (struct scenario_run){.env = &count.env,
                                .sync = sync,
                                .queries_must_work = fault->reading_works,
                                .what = fault->name,
                                .n = n,
                                .after_step = sync == VARVE_SYNC_COMMIT ? cut_power : NULL,
                                .context = sim};
    scenario_perform(&run, scenario);
    bool was_hit = vv_env_fault_hits(injector) > 0;
    if (count.handles != 0 || count.mappings != 0) {
        fail_msg("%s, call %llu: %lld files and %lld mappings are held at the end", fault->name,
                 (unsigned long long)n, (long long)count.handles, (long long)count.mappings);
    }
    if (!was_hit) {
        assert_int_equal(run.failed_calls, 0);
    }
    vv_env_fault_arm(injector, 0, 0, 0, false);
    scenario_verify(&run, &count.env);
    vv_env_fault_destroy(injector);
    vv_env_sim_destroy(sim);
    return was_hit;
}

static void run_all(const struct fault *fault, bool persistent)
{
    static struct scenario scenario;
    scenario_make(&scenario, script, 1);
    bool was_hit = true;
    uint64_t n = 0;
    unsigned stride = is_long() ? 1 : fault->stride;
    while (was_hit) {
        n += stride;
        was_hit = run_once(&scenario, fault, n, persistent, VARVE_SYNC_COMMIT);
        if (is_long() || n % 4 == 0) {
            was_hit |= run_once(&scenario, fault, n, persistent, VARVE_SYNC_PROCESS);
        }
    }
    print_message("%s, %s: %llu calls\n", fault->name, persistent ? "from then on" : "once",
                  (unsigned long long)n);
}

static void a_call_that_fails_once_harms_nothing(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof faults / sizeof faults[0]; i++) {
        run_all(&faults[i], false);
    }
}

static void a_disk_that_fails_for_good_loses_nothing_acknowledged(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof faults / sizeof faults[0]; i++) {
        run_all(&faults[i], true);
    }
}

/* Faults that come together: some kinds of calls fail from some point on, the others work. */
static void any_set_of_failing_calls_loses_nothing_acknowledged(void **state)
{
    (void)state;
    static struct scenario scenario;
    struct vv_test_random random = vv_test_random_init(3);
    for (int i = 0; i < (is_long() ? 20000 : 25); i++) {
        scenario_make(&scenario, script, (uint64_t)i % 8);
        uint64_t mask = vv_test_random_next(&random) & vv_test_random_next(&random);
        /* Where nothing can be taken back, a half-made log segment hides the one before it. */
        mask &= ~(uint64_t)VV_CALL_BIT(VV_CALL_TRUNCATE);
        struct fault fault = {"a set of calls", (uint32_t)mask & VV_CALLS_ALL, EIO, false, 1};
        uint64_t n = 1 + vv_test_random_below(&random, 100);
        (void)run_once(&scenario, &fault, n, true,
                       i % 2 == 0 ? VARVE_SYNC_COMMIT : VARVE_SYNC_PROCESS);
    }
}

/* A disk that is full in time: appends are refused whole, what is there can be read; with room
 * again, writing goes on in the same opening. */
static void a_full_disk_refuses_appends_and_takes_them_again(void **state)
{
    (void)state;
    enum { ROOM = 76 << 10, BATCHES_MAX = 4000 };
    struct vv_env_sim *sim = vv_env_sim_create(1);
    const struct vv_env *env = vv_env_sim_env(sim);
    struct scenario_state expected, found;
    struct scenario_step step = {.kind = 'a', .count = SCENARIO_BATCH_MAX};
    for (size_t i = 0; i < step.count; i++) {
        step.timestamps[i] = (int64_t)i;
    }
    vv_env_sim_set_capacity(sim, ROOM);
    scenario_state_clear(&expected);
    varve_db *db = NULL;
    assert_int_equal(scenario_open(env, VARVE_SYNC_COMMIT, VARVE_OPEN_CREATE, NULL, &db), VARVE_OK);
    varve_status status = VARVE_OK;
    int batches = 0;
    for (; status == VARVE_OK && batches < BATCHES_MAX; batches++) {
        step.values[0] = batches;
        status = scenario_append(db, &step);
        if (status == VARVE_OK) {
            scenario_apply(&expected, &step);
        }
    }
    assert_int_equal(status, VARVE_NO_SPACE);
    assert_true(batches > 10);
    assert_int_equal(scenario_append(db, &step), VARVE_NO_SPACE);
    assert_int_equal(scenario_read(db, &found), VARVE_OK);
    assert_true(scenario_states_equal(&found, &expected));

    vv_env_sim_set_capacity(sim, 4 * ROOM);
    assert_int_equal(scenario_append(db, &step), VARVE_OK);
    scenario_apply(&expected, &step);
    struct vv_env_sim *after = vv_env_sim_crash(sim, 1, VV_CRASH_LOSE_ALL);
    assert_int_equal(varve_close(db, NULL), VARVE_OK);
    assert_int_equal(
        scenario_open(vv_env_sim_env(after), VARVE_SYNC_COMMIT, VARVE_OPEN_STRICT, NULL, &db),
        VARVE_OK);
    assert_int_equal(scenario_read(db, &found), VARVE_OK);
    assert_true(scenario_states_equal(&found, &expected));
    assert_int_equal(varve_close(db, NULL), VARVE_OK);
    vv_env_sim_destroy(after);
    vv_env_sim_destroy(sim);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_full_disk_refuses_appends_and_takes_them_again),
        cmocka_unit_test(a_call_that_fails_once_harms_nothing),
        cmocka_unit_test(a_disk_that_fails_for_good_loses_nothing_acknowledged),
        cmocka_unit_test(any_set_of_failing_calls_loses_nothing_acknowledged),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
