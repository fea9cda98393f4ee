/*
 * fault_scenario.c - performs the script and keeps the list of states that are allowed.
 *
 *   OK      every state moves on          error    none does
 *   UNKNOWN every state is kept, and kept moved on
 *
 * Thread: one.
 */
#include "support/fault_scenario.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <math.h>
#include <string.h>

enum { BUCKET = 24 }; /* of rollups, and of what is counted */

/* --------------------------------------------------------------------------------- states */

void scenario_state_clear(struct scenario_state *state)
{
    for (size_t s = 0; s < SCENARIO_SERIES; s++) {
        for (size_t t = 0; t < SCENARIO_TIMES; t++) {
            state->values[s][t] = NAN;
        }
    }
}

static bool same(double a, double b)
{
    return (isnan(a) && isnan(b)) || a == b;
}

bool scenario_states_equal(const struct scenario_state *a, const struct scenario_state *b)
{
    for (size_t s = 0; s < SCENARIO_SERIES; s++) {
        for (size_t t = 0; t < SCENARIO_TIMES; t++) {
            if (!same(a->values[s][t], b->values[s][t])) {
                return false;
            }
        }
    }
    return true;
}

void scenario_apply(struct scenario_state *state, const struct scenario_step *step)
{
    for (size_t i = 0; i < step->count; i++) {
        state->values[step->series[i]][step->timestamps[i]] = step->values[i];
    }
    for (int64_t t = step->start; step->kind == 'd' && t < step->end; t++) {
        state->values[step->series[0]][t] = NAN;
    }
}

/* --------------------------------------------------------------------------------- script */

static void make_batch(struct scenario_step *step, struct vv_test_random *random, size_t index,
                       size_t clock)
{
    step->count = 4 + vv_test_random_below(random, SCENARIO_BATCH_MAX - 4);
    for (size_t i = 0; i < step->count; i++) {
        step->series[i] = (unsigned)(i % SCENARIO_SERIES);
        step->values[i] = (double)(index * 100 + i);
        step->timestamps[i] = (int64_t)(clock + i / SCENARIO_SERIES);
        if (step->kind == 'o') {
            step->series[i] = (unsigned)vv_test_random_below(random, SCENARIO_SERIES);
            step->timestamps[i] = (int64_t)vv_test_random_below(random, clock);
        }
    }
}

void scenario_make(struct scenario *scenario, const char *script, uint64_t salt)
{
    struct vv_test_random random = vv_test_random_init(salt);
    size_t clock = 0;
    scenario->count = strlen(script);
    assert_true(scenario->count <= SCENARIO_STEPS_MAX);
    for (size_t i = 0; i < scenario->count; i++) {
        struct scenario_step *step = &scenario->steps[i];
        *step = (struct scenario_step){.kind = script[i]};
        if (strchr("aoe", step->kind) != NULL) {
            make_batch(step, &random, i, clock);
            clock += step->kind == 'o' ? 0 : (step->count + SCENARIO_SERIES - 1) / SCENARIO_SERIES;
        }
        if (step->kind == 'd') {
            step->series[0] = (unsigned)vv_test_random_below(&random, SCENARIO_SERIES);
            step->start = (int64_t)vv_test_random_below(&random, clock + 1);
            step->end = step->start + 1 + (int64_t)vv_test_random_below(&random, 8);
            step->end = step->end > SCENARIO_TIMES ? SCENARIO_TIMES : step->end;
        }
    }
    assert_true(clock < SCENARIO_TIMES);
}

/* --------------------------------------------------------------------------- the database */

varve_status scenario_open(const struct vv_env *env, varve_sync_mode sync, uint32_t flags,
                           const struct vv_report *report, varve_db **db)
{
    varve_options options = VARVE_OPTIONS_INIT;
    options.flags = flags;
    options.sync = sync;
    options.background_threads = 0;
    options.head_bytes_max = 1000; /* so that maintenance has something to do */
    options.wal_segment_bytes = 1024;
    return vv_database_open(env, SCENARIO_PATH, &options, report, db, NULL);
}

static varve_status resolve(varve_db *db, unsigned number, varve_series *series)
{
    char digit = (char)('0' + number);
    varve_label labels[] = {{VARVE_STRING("__name__"), VARVE_STRING("m")},
                            {VARVE_STRING("i"), {&digit, 1}}};
    return varve_series_resolve(db, labels, 2, series, NULL);
}

varve_status scenario_append(varve_db *db, const struct scenario_step *step)
{
    varve_series series[SCENARIO_BATCH_MAX];
    for (size_t i = 0; i < step->count; i++) {
        varve_status status = resolve(db, step->series[i], &series[i]);
        if (status != VARVE_OK) {
            return status;
        }
    }
    varve_batch batch = VARVE_BATCH_INIT;
    batch.series = series;
    batch.timestamps = step->timestamps;
    batch.values = step->values;
    batch.count = step->count;
    batch.duplicates = step->kind == 'e' ? VARVE_DUPLICATES_ERROR : VARVE_DUPLICATES_DEFAULT;
    return varve_append_batch(db, &batch, NULL);
}

static varve_status delete_range(varve_db *db, const struct scenario_step *step)
{
    char digit = (char)('0' + step->series[0]);
    varve_matcher matcher = {VARVE_MATCH_EQUAL, VARVE_STRING("i"), {&digit, 1}};
    varve_selection selection = VARVE_SELECTION_INIT;
    selection.matchers = &matcher;
    selection.matcher_count = 1;
    selection.start = step->start;
    selection.end = step->end;
    return varve_delete(db, &selection, NULL, NULL);
}

varve_status scenario_read(varve_db *db, struct scenario_state *state)
{
    varve_selection everything = VARVE_SELECTION_INIT;
    varve_cursor *cursor = NULL;
    scenario_state_clear(state);
    varve_status status = varve_select(db, &everything, &cursor, NULL);
    if (status != VARVE_OK) {
        return status;
    }
    while (varve_cursor_next(cursor)) {
        const varve_label *labels;
        size_t count;
        varve_span span;
        varve_cursor_labels(cursor, &labels, &count);
        assert_int_equal(count, 2);
        unsigned series = (unsigned)(labels[1].value.bytes[0] - '0');
        assert_true(series < SCENARIO_SERIES);
        while (varve_cursor_span(cursor, &span)) {
            for (size_t i = 0; i < span.count; i++) {
                assert_in_range(span.timestamps[i], 0, SCENARIO_TIMES - 1);
                state->values[series][span.timestamps[i]] = span.values[i];
            }
        }
    }
    status = varve_cursor_status(cursor, NULL);
    varve_cursor_close(cursor);
    return status;
}

/* How many samples an aggregation counts, for comparison with what the cursor delivers. */
static varve_status count_samples(varve_db *db, double *count)
{
    static const varve_function functions[] = {VARVE_FUNCTION_COUNT};
    varve_matcher matcher = {VARVE_MATCH_REGEX, VARVE_STRING("i"), VARVE_STRING("[0-9]+")};
    varve_selection everything = VARVE_SELECTION_INIT;
    everything.matchers = &matcher;
    everything.matcher_count = 1;
    varve_aggregation aggregation = VARVE_AGGREGATION_INIT;
    aggregation.functions = functions;
    aggregation.function_count = 1;
    aggregation.grouping = VARVE_GROUP_BY;
    aggregation.step = BUCKET;
    varve_rows *rows = NULL;
    varve_row row;
    *count = 0;
    varve_status status = varve_aggregate(db, &everything, &aggregation, &rows, NULL);
    if (status != VARVE_OK) {
        return status;
    }
    while (varve_rows_next(rows, &row)) {
        *count += row.values[0];
    }
    status = varve_rows_status(rows, NULL);
    varve_rows_close(rows);
    return status;
}

static varve_status count_values(varve_db *db, size_t *count)
{
    varve_selection everything = VARVE_SELECTION_INIT;
    varve_strings *values = NULL;
    varve_status status = varve_label_values(db, VARVE_STRING("i"), &everything, &values, NULL);
    if (status == VARVE_OK) {
        *count = varve_strings_count(values);
        varve_strings_destroy(values);
    }
    return status;
}

/* -------------------------------------------------------------------------------- judging */

static void wrong(const struct scenario_run *run, const char *why, varve_status status)
{
    fail_msg("%s: %s, fault %llu, sync mode %d, step %zu: status %s", why, run->what,
             (unsigned long long)run->n, run->sync, run->step, varve_status_name(status));
}

/* The errors that a disk or a heap that fails may cause. */
static void expect_plausible(const struct scenario_run *run, varve_status status)
{
    const uint32_t fitting = 1u << VARVE_OK | 1u << VARVE_NO_MEMORY | 1u << VARVE_READ_ONLY |
                             1u << VARVE_NO_SPACE | 1u << VARVE_IO | 1u << VARVE_UNKNOWN;
    bool damaged = status == VARVE_CORRUPT && run->damages > 0;
    if ((fitting >> status & 1) == 0 && !damaged) {
        wrong(run, "an error that does not fit", status);
    }
}

static void settle(struct scenario_run *run, const struct scenario_step *step, varve_status status)
{
    size_t count = run->state_count;
    if (status == VARVE_UNKNOWN) {
        run->half_seen = step;
        assert_true(count * 2 <= SCENARIO_STATES_MAX);
        memcpy(run->states + count, run->states, count * sizeof(run->states[0]));
        run->state_count = count * 2;
    }
    for (size_t i = 0; i < count && (status == VARVE_OK || status == VARVE_UNKNOWN); i++) {
        scenario_apply(&run->states[i], step);
    }
}

/* Whether some state has this value there, or what is half seen gave it. */
static bool is_possible(const struct scenario_run *run, size_t s, size_t t, double value)
{
    for (size_t i = 0; i < run->state_count; i++) {
        if (same(run->states[i].values[s][t], value)) {
            return true;
        }
    }
    const struct scenario_step *half = run->half_seen; /* may have the timestamp twice */
    for (size_t i = 0; half != NULL && i < half->count; i++) {
        if (half->series[i] == s && half->timestamps[i] == (int64_t)t && half->values[i] == value) {
            return true;
        }
    }
    return isnan(value) && run->damages > 0;
}

static bool is_allowed(const struct scenario_run *run, const struct scenario_state *found)
{
    for (size_t i = 0; i < run->state_count; i++) {
        if (scenario_states_equal(&run->states[i], found)) {
            return true;
        }
    }
    if (run->half_seen == NULL && run->damages == 0) {
        return false;
    }
    for (size_t s = 0; s < SCENARIO_SERIES; s++) {
        for (size_t t = 0; t < SCENARIO_TIMES; t++) {
            if (!is_possible(run, s, t, found->values[s][t])) {
                return false;
            }
        }
    }
    return true;
}

static double state_samples(const struct scenario_state *state)
{
    double samples = 0;
    for (size_t s = 0; s < SCENARIO_SERIES; s++) {
        for (size_t t = 0; t < SCENARIO_TIMES; t++) {
            samples += isnan(state->values[s][t]) ? 0 : 1;
        }
    }
    return samples;
}

static varve_status query(struct scenario_run *run)
{
    struct scenario_state found;
    double samples;
    size_t values;
    varve_status status = scenario_read(run->db, &found);
    if (status == VARVE_OK && !is_allowed(run, &found)) {
        wrong(run, "a query returns what was not stored", status);
    }
    varve_status counted = count_samples(run->db, &samples);
    if (status == VARVE_OK && counted == VARVE_OK && samples != state_samples(&found)) {
        wrong(run, "an aggregation counts other samples than a query returns", status);
    }
    varve_status listed = count_values(run->db, &values);
    if (listed == VARVE_OK && values > SCENARIO_SERIES) {
        wrong(run, "a label has values that were never given", listed);
    }
    varve_statistics statistics = VARVE_STATISTICS_INIT;
    varve_stats(run->db, &statistics);
    expect_plausible(run, counted);
    expect_plausible(run, listed);
    if (run->queries_must_work && (status != VARVE_OK || counted != VARVE_OK)) {
        wrong(run, "a query fails where only writing does", status);
    }
    return status;
}

/* ------------------------------------------------------------------------------ performing */

static void count_damage(void *context, varve_event_kind kind, varve_status status,
                         const char *file, uint64_t offset, const char *message)
{
    (void)status;
    (void)file;
    (void)offset;
    (void)message;
    *(uint64_t *)context += kind == VARVE_EVENT_DAMAGE;
}

static varve_status open_run(struct scenario_run *run)
{
    struct vv_report report = {count_damage, &run->damages};
    run->damages = 0;
    run->half_seen = NULL;
    /* A creation that failed may have created: another try opens it. */
    varve_status status = scenario_open(run->env, run->sync, VARVE_OPEN_CREATE, &report, &run->db);
    for (int tries = 0; status != VARVE_OK && tries < 1; tries++) {
        run->failed_calls++;
        expect_plausible(run, status);
        assert_null(run->db);
        run->damages = 0;
        status = scenario_open(run->env, run->sync, VARVE_OPEN_CREATE, &report, &run->db);
    }
    run->created |= status == VARVE_OK;
    return status;
}

/* From now on blocks have rows, which count_samples() takes. */
static varve_status roll_up(varve_db *db)
{
    varve_rollup rule = VARVE_ROLLUP_INIT;
    rule.step = BUCKET;
    return varve_roll_up(db, &rule, NULL);
}

varve_status scenario_step_perform(varve_db *db, const struct scenario_step *step)
{
    switch (step->kind) {
    case 'u':
        return roll_up(db);
    case 'd':
        return delete_range(db, step);
    case 'f':
        return varve_flush(db, NULL);
    case 'm':
        return varve_maintain(db, NULL, NULL);
    case 'c':
        return varve_compact(db, NULL);
    default:
        return scenario_append(db, step);
    }
}

static varve_status perform(struct scenario_run *run, const struct scenario_step *step)
{
    varve_status status;
    switch (step->kind) {
    case 'q':
        return query(run);
    case 'r':
        status = varve_close(run->db, NULL);
        run->db = NULL;
        expect_plausible(run, status);
        return open_run(run);
    default:
        status = scenario_step_perform(run->db, step);
        if (strchr("aoed", step->kind) != NULL) {
            settle(run, step, status);
        }
        return status;
    }
}

void scenario_perform(struct scenario_run *run, const struct scenario *scenario)
{
    run->state_count = 1;
    scenario_state_clear(&run->states[0]);
    varve_status status = open_run(run);
    expect_plausible(run, status);
    for (run->step = 0; run->step < scenario->count && run->db != NULL; run->step++) {
        status = perform(run, &scenario->steps[run->step]);
        expect_plausible(run, status);
        run->failed_calls += status != VARVE_OK;
        run->no_space |= status == VARVE_NO_SPACE;
        if (run->after_step != NULL) {
            run->after_step(run);
        }
    }
    if (run->db != NULL) {
        status = varve_close(run->db, NULL);
        run->db = NULL;
        expect_plausible(run, status);
    }
}

static void print_damage(void *context, const varve_finding *finding)
{
    (void)context;
    if (finding->kind == VARVE_FINDING_DAMAGE) {
        print_message("%s at %llu: %s\n", finding->file, (unsigned long long)finding->offset,
                      finding->message);
    }
}

/* One of the states must be there; it is copied to *found. */
static void expect_state(const struct scenario_run *run, varve_db *db, struct scenario_state *found)
{
    struct scenario_run sober = {.state_count = run->state_count};
    memcpy(sober.states, run->states, sizeof(sober.states));
    varve_status status = scenario_read(db, found);
    if (status != VARVE_OK || !is_allowed(&sober, found)) {
        wrong(run, "the database holds something else afterwards", status);
    }
}

void scenario_verify(const struct scenario_run *run, const struct vv_env *env)
{
    varve_check_report figures;
    varve_status status = vv_database_check(env, SCENARIO_PATH, print_damage, NULL, &figures, NULL);
    if (status == VARVE_NOT_FOUND && !run->created) {
        return;
    }
    if (status != VARVE_OK || figures.damages > 0) {
        wrong(run, "a check finds damage afterwards", status);
    }
    uint64_t damages = 0;
    struct vv_report report = {count_damage, &damages};
    varve_db *db = NULL;
    status = scenario_open(env, run->sync, 0, &report, &db);
    if (status != VARVE_OK || damages > 0) {
        wrong(run, "the database does not open cleanly afterwards", status);
    }
    struct scenario_state found, again;
    expect_state(run, db, &found);
    struct scenario_step more = {.kind = 'o', .count = 1, .timestamps = {7}, .values = {-1}};
    scenario_apply(&found, &more);
    assert_int_equal(scenario_append(db, &more), VARVE_OK);
    assert_int_equal(varve_compact(db, NULL), VARVE_OK);
    assert_int_equal(varve_close(db, NULL), VARVE_OK);
    assert_int_equal(scenario_open(env, run->sync, VARVE_OPEN_STRICT, NULL, &db), VARVE_OK);
    assert_int_equal(scenario_read(db, &again), VARVE_OK);
    if (!scenario_states_equal(&found, &again)) {
        wrong(run, "what was written afterwards is not kept", VARVE_OK);
    }
    assert_int_equal(varve_close(db, NULL), VARVE_OK);
}
