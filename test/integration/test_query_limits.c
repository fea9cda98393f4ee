/*
 * test_query_limits.c - what ends a query before its end: limits, a deadline, a wish from another
 * thread; in queries and in lists of labels.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "engine/database.h"
#include "os/env_sim.h"
#include "support/series.h"

enum { SERIES = 300, SAMPLES = 20 };

struct fixture {
    struct vv_env_sim *sim;
    struct vv_env_ops ops; /* those of the simulation, with a clock of our own */
    struct vv_env env;
    varve_db *db;
};

static int64_t clock_ns;
static int64_t clock_step_ns; /* by which each look at the clock moves it */

static int64_t moving_clock(void *ctx)
{
    (void)ctx;
    clock_ns += clock_step_ns;
    return clock_ns;
}

static int setup(void **state)
{
    static struct fixture fixture;
    static const struct vv_report report = {0};
    varve_options options = VARVE_OPTIONS_INIT;
    options.flags = VARVE_OPEN_CREATE;
    options.background_threads = 0;
    clock_ns = clock_step_ns = 0;
    fixture.sim = vv_env_sim_create(1);
    fixture.env = *vv_env_sim_env(fixture.sim);
    fixture.ops = *fixture.env.ops;
    fixture.ops.now_monotonic_ns = moving_clock;
    fixture.env.ops = &fixture.ops;
    assert_int_equal(vv_database_open(&fixture.env, "/db", &options, &report, &fixture.db, NULL),
                     VARVE_OK);
    for (int at = 0; at < SERIES; at++) {
        varve_series series = vv_test_series(fixture.db, "m{host=\"%03d\"}", at);
        for (int64_t time = 0; time < SAMPLES; time++) {
            double value = (double)time;
            assert_int_equal(varve_append(fixture.db, series, &time, &value, 1, NULL), VARVE_OK);
        }
    }
    *state = &fixture;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *fixture = *state;
    assert_int_equal(varve_close(fixture->db, NULL), VARVE_OK);
    vv_env_sim_destroy(fixture->sim);
    return 0;
}

/* ------------------------------------------------------------- everything that can be asked */

static varve_status read_samples(varve_db *db, const varve_selection *selection, varve_error *error)
{
    varve_cursor *cursor = NULL;
    varve_status status = varve_select(db, selection, &cursor, error);
    if (status != VARVE_OK) {
        return status;
    }
    while (varve_cursor_next(cursor)) {
        varve_span span;
        while (varve_cursor_span(cursor, &span)) {}
    }
    status = varve_cursor_status(cursor, error);
    varve_cursor_close(cursor);
    return status;
}

static varve_status aggregate(varve_db *db, const varve_selection *selection, varve_error *error)
{
    static const varve_function sum = VARVE_FUNCTION_SUM;
    varve_aggregation aggregation = VARVE_AGGREGATION_INIT;
    varve_rows *rows = NULL;
    varve_row row;
    aggregation.functions = &sum;
    aggregation.function_count = 1;
    varve_status status = varve_aggregate(db, selection, &aggregation, &rows, error);
    if (status != VARVE_OK) {
        return status;
    }
    while (varve_rows_next(rows, &row)) {}
    status = varve_rows_status(rows, error);
    varve_rows_close(rows);
    return status;
}

static varve_status list_names(varve_db *db, const varve_selection *selection, varve_error *error)
{
    varve_strings *names = NULL;
    varve_status status = varve_label_names(db, selection, &names, error);
    varve_strings_destroy(names);
    return status;
}

static varve_status list_values(varve_db *db, const varve_selection *selection, varve_error *error)
{
    varve_strings *values = NULL;
    varve_status status =
        varve_label_values(db, (varve_string)VARVE_STRING("host"), selection, &values, error);
    varve_strings_destroy(values);
    return status;
}

typedef varve_status (*ask)(varve_db *db, const varve_selection *selection, varve_error *error);

static const ask asks[] = {read_samples, aggregate, list_names, list_values};
enum { QUERIES = 2, ASKS = 4 }; /* the first two read samples */

/* Every question in [first, end), of all series and of those of a matcher, with the head full and
 * after a compaction, ends with the status and names what it was. */
static void expect(struct fixture *fixture, size_t first, size_t end, const varve_limits *limits,
                   varve_status expected, const char *named)
{
    const varve_matcher some = {VARVE_MATCH_REGEX, VARVE_STRING("host"), VARVE_STRING("[0-9]+")};
    for (int round = 0; round < 4; round++) {
        varve_selection selection = VARVE_SELECTION_INIT;
        selection.limits = limits;
        selection.matchers = &some;
        selection.matcher_count = round % 2;
        if (round == 2) {
            assert_int_equal(varve_compact(fixture->db, NULL), VARVE_OK);
        }
        for (size_t at = first; at < end; at++) {
            varve_error error = {.status = VARVE_OK};
            varve_status status = asks[at](fixture->db, &selection, &error);
            if (status != expected || strstr(error.message, named) == NULL) {
                fail_msg("question %zu, round %d: status %d, \"%s\"", at, round, (int)status,
                         error.message);
            }
        }
    }
}

static void within_their_limits_all_are_answered(void **state)
{
    varve_limits limits = VARVE_LIMITS_INIT;
    varve_cancel cancel = {0};
    limits.cancel = &cancel;
    limits.timeout_ms = 1000;
    limits.series_max = 2 * SERIES; /* blocks count for themselves */
    limits.samples_max = SERIES * SAMPLES;
    expect(*state, 0, ASKS, &limits, VARVE_OK, "");
}

static void what_was_cancelled_ends(void **state)
{
    varve_limits limits = VARVE_LIMITS_INIT;
    varve_cancel cancel = {0};
    limits.cancel = &cancel;
    varve_cancel_request(&cancel);
    expect(*state, 0, ASKS, &limits, VARVE_CANCELLED, "cancelled");
}

static void a_deadline_ends_what_is_read_and_what_is_listed(void **state)
{
    varve_limits limits = VARVE_LIMITS_INIT;
    limits.timeout_ms = 5;
    clock_step_ns =
        1000000; /* it is looked at every few series or values: five looks are too many */
    expect(*state, 0, QUERIES, &limits, VARVE_DEADLINE, "timeout_ms");
    expect(*state, 3, ASKS, &limits, VARVE_DEADLINE, "timeout_ms");
}

static void limits_of_series_and_samples_are_named(void **state)
{
    varve_limits limits = VARVE_LIMITS_INIT;
    limits.series_max = SERIES - 1;
    expect(*state, 0, QUERIES, &limits, VARVE_LIMIT, "series_max");
    limits.series_max = 0;
    limits.samples_max = SERIES * SAMPLES / 2;
    expect(*state, 0, 1, &limits, VARVE_LIMIT, "samples_max");
}

static void limits_that_were_not_filled_are_refused(void **state)
{
    varve_limits limits = {0};
    expect(*state, 0, ASKS, &limits, VARVE_INVALID, "VARVE_LIMITS_INIT");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(within_their_limits_all_are_answered, setup, teardown),
        cmocka_unit_test_setup_teardown(what_was_cancelled_ends, setup, teardown),
        cmocka_unit_test_setup_teardown(a_deadline_ends_what_is_read_and_what_is_listed, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(limits_of_series_and_samples_are_named, setup, teardown),
        cmocka_unit_test_setup_teardown(limits_that_were_not_filled_are_refused, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
