/*
 * test_retention.c - rules of retention and deletions that free space, cut short at every step:
 * what has expired or was deleted stays gone, what is kept stays, and nothing is half done.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <errno.h>
#include <math.h>
#include <string.h>

#include "os/env_fault.h"
#include "support/fault_scenario.h"
#include "support/life.h"

/* The script: steps of fault_scenario.h, and
 *   1 keep 30 of everything   2 keep 8 of series 1   3 lift the first rule   4 lift the second one
 *   5 delete half of everything, durably */
static const char script[] = "aamaamaamaam1oommd5mc2ommo3oomd4omc";
enum { STATES_MAX = sizeof(script) };

struct retention_life {
    struct scenario scenario;
    struct scenario_state states[STATES_MAX]; /* after so many steps */
    size_t done;                              /* acknowledged steps */
};

/* Rules as the model has them. */
struct rules {
    int64_t newest;
    int64_t floors[2]; /* of all series, and of series 1; 0: none */
};

static bool is_rule(char kind)
{
    return kind >= '1' && kind <= '5';
}

/* What is behind a floor is gone: at once, and for good when the rule goes. */
static void expire(struct scenario_state *state, const struct rules *rules)
{
    for (size_t series = 0; series < SCENARIO_SERIES; series++) {
        int64_t floor = rules->floors[0];
        floor = series == 1 && rules->floors[1] > floor ? rules->floors[1] : floor;
        for (int64_t t = 0; t < floor; t++) {
            state->values[series][t] = NAN;
        }
    }
}

static void apply(struct scenario_state *state, struct rules *rules,
                  const struct scenario_step *step)
{
    static const int64_t ages[] = {30, 8};
    for (size_t i = 0; i < step->count; i++) {
        rules->newest = step->timestamps[i] > rules->newest ? step->timestamps[i] : rules->newest;
    }
    if (step->kind == '1' || step->kind == '2') {
        rules->floors[step->kind - '1'] = rules->newest - ages[step->kind - '1'];
    } else if (step->kind == '3' || step->kind == '4') {
        rules->floors[step->kind - '3'] = 0;
    } else if (step->kind == '5') {
        for (size_t series = 0; series < SCENARIO_SERIES; series++) {
            for (int64_t t = 0; t < rules->newest - 12; t++) {
                state->values[series][t] = NAN;
            }
        }
    }
    scenario_apply(state, step);
    expire(state, rules);
}

static void make_life(struct retention_life *life, uint64_t salt)
{
    static struct scenario_state state;
    struct rules rules = {0};
    char steps[sizeof(script)];
    life->done = 0;
    for (size_t i = 0; i < sizeof(script); i++) { /* the scenario knows no rules */
        steps[i] = is_rule(script[i]) ? 'q' : script[i];
    }
    scenario_make(&life->scenario, steps, salt);
    scenario_state_clear(&state);
    life->states[0] = state;
    for (size_t i = 0; i < life->scenario.count; i++) {
        struct scenario_step *step = &life->scenario.steps[i];
        step->kind = script[i];
        step->end = step->kind == '5' ? rules.newest - 12 : step->end;
        apply(&state, &rules, step);
        life->states[i + 1] = state;
    }
}

static varve_status set_rule(varve_db *db, char kind)
{
    varve_retention rule = VARVE_RETENTION_INIT;
    rule.age = kind == '1' ? 30 : kind == '2' ? 8 : 0;
    if (kind == '2' || kind == '4') {
        rule.selector = VARVE_STRING("m{i=\"1\"}");
    }
    return varve_retain(db, &rule, NULL);
}

static varve_status delete_all(varve_db *db, int64_t end)
{
    varve_selection selection = VARVE_SELECTION_INIT;
    selection.end = end;
    return varve_delete(db, &selection, NULL, NULL);
}

static varve_status perform(varve_db *db, const struct scenario_step *step)
{
    if (step->kind == '5') {
        return delete_all(db, step->end);
    }
    return is_rule(step->kind) ? set_rule(db, step->kind) : scenario_step_perform(db, step);
}

static varve_status run_life(void *context, const struct vv_env *env, uint64_t n)
{
    struct retention_life *life = context;
    varve_db *db = NULL;
    make_life(life, n % 4);
    varve_status status = scenario_open(env, VARVE_SYNC_COMMIT, VARVE_OPEN_CREATE, NULL, &db);
    if (status != VARVE_OK) {
        return status;
    }
    for (size_t i = 0; i < life->scenario.count && status == VARVE_OK; i++) {
        status = perform(db, &life->scenario.steps[i]);
        life->done += status == VARVE_OK;
    }
    varve_status closed = varve_close(db, NULL);
    return status != VARVE_OK ? status : closed;
}

static bool is_there(varve_db *db, const struct scenario_state *state)
{
    static struct scenario_state found;
    assert_int_equal(scenario_read(db, &found), VARVE_OK);
    return scenario_states_equal(&found, state);
}

/* Space that was deleted or has expired comes back: blocks hold what can be read, and no more. */
static void expect_no_dead(varve_db *db, const struct scenario_state *state)
{
    uint64_t samples = 0;
    for (size_t series = 0; series < SCENARIO_SERIES; series++) {
        for (size_t t = 0; t < SCENARIO_TIMES; t++) {
            samples += isnan(state->values[series][t]) ? 0 : 1;
        }
    }
    varve_statistics statistics = VARVE_STATISTICS_INIT;
    varve_stats(db, &statistics);
    assert_int_equal(statistics.samples, samples);
    assert_int_equal(statistics.head_samples, 0);
}

/* The state after what was acknowledged, or one step more, which a compaction leaves as it is. */
static void check_life(void *context, const struct vv_env *env, const char *what)
{
    struct retention_life *life = context;
    varve_check_report report;
    varve_db *db = NULL;
    varve_status status = vv_database_check(env, SCENARIO_PATH, NULL, NULL, &report, NULL);
    if (status == VARVE_NOT_FOUND && life->done == 0) {
        return;
    }
    assert_int_equal(status, VARVE_OK);
    assert_int_equal(scenario_open(env, VARVE_SYNC_COMMIT, 0, NULL, &db), VARVE_OK);
    const struct scenario_state *state = &life->states[life->done];
    if (!is_there(db, state) && (life->done == life->scenario.count || !is_there(db, ++state))) {
        fail_msg("%s: %zu steps were acknowledged, and something else is there", what, life->done);
    }
    assert_int_equal(varve_compact(db, NULL), VARVE_OK);
    assert_true(is_there(db, state));
    expect_no_dead(db, state);
    assert_int_equal(varve_close(db, NULL), VARVE_OK);
    assert_int_equal(scenario_open(env, VARVE_SYNC_COMMIT, VARVE_OPEN_STRICT, NULL, &db), VARVE_OK);
    assert_true(is_there(db, state));
    assert_int_equal(varve_close(db, NULL), VARVE_OK);
    assert_int_equal(vv_database_check(env, SCENARIO_PATH, NULL, NULL, &report, NULL), VARVE_OK);
    assert_int_equal(report.notes, 0);
}

static void a_power_cut_leaves_a_rule_applied_or_not(void **state)
{
    (void)state;
    static struct retention_life kept;
    const struct life life = {run_life, check_life, &kept};
    life_cut_power(&life, 5);
    assert_int_equal(kept.done, kept.scenario.count);
}

static void a_call_that_fails_leaves_a_rule_applied_or_not(void **state)
{
    (void)state;
    static struct retention_life kept;
    static const struct life_fault faults[] = {
        {VV_CALLS_ALL, EIO, 23},
        {VV_CALLS_MUTATING, ENOSPC, 11},
        {VV_CALLS_ALL, VV_FAULT_SHORT, 13},
        {VV_CALL_BIT(VV_CALL_OPEN), EMFILE, 11},
        {VV_CALL_BIT(VV_CALL_UNLINK), EIO, 5},
    };
    const struct life life = {run_life, check_life, &kept};
    life_fail_calls(&life, faults, sizeof(faults) / sizeof(faults[0]));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_power_cut_leaves_a_rule_applied_or_not),
        cmocka_unit_test(a_call_that_fails_leaves_a_rule_applied_or_not),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
