/*
 * test_rollups.c - rollups through the public API: rows are used where they give the answer and
 * nowhere else, and building them can be interrupted anywhere.
 *
 * The database is on a simulated disk and steps by itself. Every question is asked three times:
 * decoded, with what there is, and of the model, which is a plain array.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "engine/database.h"
#include "engine/salvage.h"
#include "engine/snapshot.h"
#include "os/env_sim.h"

enum { SERIES = 3, TIMES = 2400, BUCKET = 100, FUNCTIONS = 11 };

static const varve_function functions[FUNCTIONS] = {
    VARVE_FUNCTION_COUNT,  VARVE_FUNCTION_SUM,    VARVE_FUNCTION_MIN,  VARVE_FUNCTION_MAX,
    VARVE_FUNCTION_AVG,    VARVE_FUNCTION_FIRST,  VARVE_FUNCTION_LAST, VARVE_FUNCTION_INCREASE,
    VARVE_FUNCTION_RESETS, VARVE_FUNCTION_STDVAR, VARVE_FUNCTION_RATE};

/* A value per series and time; NaN is none. */
struct fixture {
    struct vv_env_sim *sim;
    varve_db *db;
    double values[SERIES][TIMES];
};

static varve_status open_database(const struct vv_env *env, varve_db **db)
{
    varve_options options = VARVE_OPTIONS_INIT;
    options.flags = VARVE_OPEN_CREATE;
    options.background_threads = 0;
    return vv_database_open(env, "/db", &options, NULL, db, NULL);
}

static int set_up(void **state)
{
    struct fixture *fixture = calloc(1, sizeof(*fixture));
    fixture->sim = vv_env_sim_create(1);
    for (size_t series = 0; series < SERIES; series++) {
        for (size_t time = 0; time < TIMES; time++) {
            fixture->values[series][time] = (double)NAN;
        }
    }
    assert_int_equal(open_database(vv_env_sim_env(fixture->sim), &fixture->db), VARVE_OK);
    *state = fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;
    if (fixture->db != NULL) {
        assert_int_equal(varve_close(fixture->db, NULL), VARVE_OK);
    }
    vv_env_sim_destroy(fixture->sim);
    free(fixture);
    return 0;
}

static varve_series resolve(varve_db *db, size_t number)
{
    char digit = (char)('0' + number);
    varve_label labels[] = {{VARVE_STRING("__name__"), VARVE_STRING("m")},
                            {VARVE_STRING("i"), {&digit, 1}}};
    varve_series series = 0;
    assert_int_equal(varve_series_resolve(db, labels, 2, &series, NULL), VARVE_OK);
    return series;
}

static void put(struct fixture *fixture, size_t number, int64_t time, double value)
{
    varve_series series = resolve(fixture->db, number);
    assert_int_equal(varve_append(fixture->db, series, &time, &value, 1, NULL), VARVE_OK);
    fixture->values[number][time] = value;
}

/* Appends times [from, to) of all series. */
static void fill(struct fixture *fixture, int64_t from, int64_t to)
{
    for (size_t number = 0; number < SERIES; number++) {
        for (int64_t time = from; time < to; time++) {
            put(fixture, number, time, (double)((time * 7 + (int64_t)number) % 61));
        }
    }
}

static void roll_up(varve_db *db, const char *selector, int64_t step)
{
    varve_rollup rule = VARVE_ROLLUP_INIT;
    varve_error error = {0};
    rule.selector = (varve_string){selector, strlen(selector)};
    rule.step = step;
    if (varve_roll_up(db, &rule, &error) != VARVE_OK) {
        fail_msg("%s", error.message);
    }
}

/* ------------------------------------------------------------------------------- Asking */

struct answer {
    size_t count;
    struct {
        int64_t time;
        double values[FUNCTIONS];
    } rows[SERIES * TIMES];
};

static void ask(varve_db *db, int64_t step, bool decode, struct answer *answer,
                varve_profile *profile)
{
    varve_selection selection = VARVE_SELECTION_INIT;
    varve_aggregation aggregation = VARVE_AGGREGATION_INIT;
    varve_rows *rows = NULL;
    varve_row row;
    varve_error error = {0};
    selection.profile = profile;
    aggregation.functions = functions;
    aggregation.function_count = FUNCTIONS;
    aggregation.step = step;
    aggregation.decode_everything = decode;
    answer->count = 0;
    if (varve_aggregate(db, &selection, &aggregation, &rows, &error) != VARVE_OK) {
        fail_msg("%s", error.message);
    }
    while (varve_rows_next(rows, &row)) {
        answer->rows[answer->count].time = row.time;
        memcpy(answer->rows[answer->count++].values, row.values, sizeof(answer->rows[0].values));
    }
    assert_int_equal(varve_rows_status(rows, NULL), VARVE_OK);
    varve_rows_close(rows);
}

static bool near(double a, double b)
{
    return a == b || (isnan(a) && isnan(b)) || fabs(a - b) <= 1e-9 * (1 + fabs(b));
}

/* What the model has of a series in [from, to); false: nothing. */
static bool model_row(const struct fixture *fixture, size_t number, int64_t from, int64_t to,
                      double *row)
{
    const double *values = fixture->values[number];
    double count = 0, sum = 0, least = INFINITY, greatest = -INFINITY, first = 0, last = 0;
    for (int64_t time = from; time < to; time++) {
        if (!isnan(values[time])) {
            first = count == 0 ? values[time] : first;
            last = values[time];
            sum += values[time];
            least = fmin(least, values[time]);
            greatest = fmax(greatest, values[time]);
            count++;
        }
    }
    const double all[] = {count, sum, least, greatest, sum / count, first, last};
    memcpy(row, all, sizeof(all));
    return count > 0;
}

/* Compares what is there with the model and with the decoded answer; returns the rows of rollups
 * that were used. */
static uint64_t expect_model(const struct fixture *fixture, varve_db *db, int64_t step)
{
    static struct answer decoded, answered;
    varve_profile profile = VARVE_PROFILE_INIT;
    size_t at = 0;
    ask(db, step, true, &decoded, NULL);
    ask(db, step, false, &answered, &profile);
    assert_int_equal(decoded.count, answered.count);
    for (size_t number = 0; number < SERIES; number++) {
        for (int64_t from = 0; from < TIMES; from += step) {
            double row[7];
            int64_t to = from + step < TIMES ? from + step : TIMES;
            if (!model_row(fixture, number, from, to, row)) {
                continue;
            }
            assert_true(at < answered.count && answered.rows[at].time == from);
            for (size_t function = 0; function < FUNCTIONS; function++) {
                double value = answered.rows[at].values[function];
                assert_true(near(value, decoded.rows[at].values[function]));
                assert_true(function >= 7 || near(value, row[function]));
            }
            at++;
        }
    }
    assert_int_equal(at, answered.count);
    return profile.rollup_rows;
}

static void expect_clean(const struct vv_env *env)
{
    varve_check_report report;
    assert_int_equal(vv_database_check(env, "/db", NULL, NULL, &report, NULL), VARVE_OK);
}

/* ------------------------------------------------------------------------------- Invalid rows */

static void a_late_sample_costs_the_row_of_its_bucket_until_a_merge(void **state)
{
    struct fixture *fixture = *state;
    fill(fixture, 0, TIMES);
    roll_up(fixture->db, "", BUCKET);
    assert_int_equal(expect_model(fixture, fixture->db, BUCKET), 3 * 24);
    put(fixture, 1, 555, 1000); /* replaces */
    assert_int_equal(expect_model(fixture, fixture->db, BUCKET), 3 * 24 - 1);
    assert_int_equal(expect_model(fixture, fixture->db, 4 * BUCKET), 3 * 24 - 1);
    put(fixture, 2, 556, -1);
    put(fixture, 2, 1900, -1);
    assert_int_equal(expect_model(fixture, fixture->db, BUCKET), 3 * 24 - 3);
    roll_up(fixture->db, "", BUCKET); /* flushes: now they are in a block of their own */
    assert_int_equal(expect_model(fixture, fixture->db, BUCKET), 3 * 24 - 3);
    assert_int_equal(varve_compact(fixture->db, NULL), VARVE_OK);
    assert_int_equal(expect_model(fixture, fixture->db, BUCKET), 3 * 24);
    expect_clean(vv_env_sim_env(fixture->sim));
}

static void a_deletion_costs_the_rows_that_it_reaches_into(void **state)
{
    struct fixture *fixture = *state;
    varve_matcher matcher = {VARVE_MATCH_EQUAL, VARVE_STRING("i"), VARVE_STRING("1")};
    varve_selection selection = VARVE_SELECTION_INIT;
    fill(fixture, 0, TIMES);
    roll_up(fixture->db, "m{i=~\"0|1\"}", BUCKET);
    assert_int_equal(expect_model(fixture, fixture->db, BUCKET), 2 * 24);
    selection.matchers = &matcher;
    selection.matcher_count = 1;
    selection.start = 250; /* half of a bucket, two whole ones, a sample of another */
    selection.end = 501;
    assert_int_equal(varve_delete(fixture->db, &selection, NULL, NULL), VARVE_OK);
    for (int64_t time = 250; time < 501; time++) {
        fixture->values[1][time] = (double)NAN;
    }
    assert_int_equal(expect_model(fixture, fixture->db, BUCKET), 2 * 24 - 4);
    assert_int_equal(varve_compact(fixture->db, NULL), VARVE_OK);
    assert_int_equal(expect_model(fixture, fixture->db, BUCKET), 2 * 24 - 2);
}

static void retention_costs_the_row_that_it_cuts(void **state)
{
    struct fixture *fixture = *state;
    varve_retention rule = VARVE_RETENTION_INIT;
    fill(fixture, 0, TIMES);
    roll_up(fixture->db, "", BUCKET);
    varve_cursor *pinned = NULL; /* keeps the blocks from being rewritten for a reader */
    varve_selection everything = VARVE_SELECTION_INIT;
    assert_int_equal(varve_select(fixture->db, &everything, &pinned, NULL), VARVE_OK);
    rule.age = 1000; /* the newest is 2399 */
    assert_int_equal(varve_retain(fixture->db, &rule, NULL), VARVE_OK);
    for (size_t number = 0; number < SERIES; number++) {
        for (int64_t time = 0; time < TIMES - 1 - 1000; time++) {
            fixture->values[number][time] = (double)NAN;
        }
    }
    /* Rewritten blocks have a row of what is left of the bucket; others decode it. */
    uint64_t rows = expect_model(fixture, fixture->db, BUCKET);
    assert_in_range(rows, 3 * 10, 3 * 11);
    varve_cursor_close(pinned);
    assert_int_equal(varve_compact(fixture->db, NULL), VARVE_OK);
    (void)expect_model(fixture, fixture->db, BUCKET);
}

static void steps_that_rows_do_not_fit_are_decoded(void **state)
{
    struct fixture *fixture = *state;
    fill(fixture, 0, TIMES);
    roll_up(fixture->db, "", BUCKET);
    assert_int_equal(expect_model(fixture, fixture->db, 50), 0);
    assert_int_equal(expect_model(fixture, fixture->db, 150), 0);
    assert_int_equal(expect_model(fixture, fixture->db, 6 * BUCKET), 3 * 24);
    roll_up(fixture->db, "", 3 * BUCKET); /* of two levels the longer one that fits */
    assert_int_equal(expect_model(fixture, fixture->db, 6 * BUCKET), 3 * 8);
    assert_int_equal(expect_model(fixture, fixture->db, 4 * BUCKET), 3 * 24);
}

static void flushes_and_merges_keep_rows_up(void **state)
{
    struct fixture *fixture = *state;
    roll_up(fixture->db, "", BUCKET);
    for (int64_t from = 0; from < TIMES; from += 160) { /* blocks share buckets */
        fill(fixture, from, from + 160);
        assert_int_equal(varve_close(fixture->db, NULL), VARVE_OK);
        assert_int_equal(open_database(vv_env_sim_env(fixture->sim), &fixture->db), VARVE_OK);
        roll_up(fixture->db, "", BUCKET); /* for its flush */
        bool worked = true;
        while (worked) {
            assert_int_equal(varve_maintain(fixture->db, &worked, NULL), VARVE_OK);
        }
    }
    assert_true(expect_model(fixture, fixture->db, BUCKET) >= 3 * 24);
    varve_statistics statistics = VARVE_STATISTICS_INIT;
    varve_stats(fixture->db, &statistics);
    assert_int_equal(statistics.rollup_blocks, statistics.blocks);
    assert_true(statistics.rollup_bytes > 0 && statistics.rollup_bytes < statistics.block_bytes);
}

/* ------------------------------------------------------------------------------- Rules */

struct rules {
    size_t count;
    uint64_t missing;
    char text[200];
};

static void add_rule(void *context, const varve_rollup *rule)
{
    struct rules *rules = context;
    size_t length = strlen(rules->text);
    (void)snprintf(rules->text + length, sizeof(rules->text) - length, "%.*s/%lld ",
                   (int)rule->selector.length,
                   rule->selector.length > 0 ? rule->selector.bytes : "", (long long)rule->step);
    rules->count++;
    rules->missing += rule->missing;
}

static struct rules list(varve_db *db)
{
    struct rules rules = {0};
    assert_int_equal(varve_rollup_list(db, add_rule, &rules, NULL), VARVE_OK);
    return rules;
}

static void rules_are_checked_kept_and_removed(void **state)
{
    struct fixture *fixture = *state;
    varve_rollup rule = VARVE_ROLLUP_INIT;
    varve_error error = {0};
    assert_int_equal(varve_roll_up(fixture->db, &rule, &error), VARVE_INVALID); /* no step */
    rule.step = -5;
    assert_int_equal(varve_roll_up(fixture->db, &rule, &error), VARVE_INVALID);
    rule.step = 5;
    rule.selector = VARVE_STRING("m{");
    assert_int_equal(varve_roll_up(fixture->db, &rule, &error), VARVE_INVALID);
    assert_int_equal(varve_rollup_remove(fixture->db, &rule, &error), VARVE_INVALID);
    rule.options_size--;
    assert_int_equal(varve_roll_up(fixture->db, &rule, &error), VARVE_INVALID);
    rule = (varve_rollup)VARVE_ROLLUP_INIT;
    for (int64_t step = 1; step <= 8; step++) {
        roll_up(fixture->db, step % 2 == 0 ? "{}" : "m", step);
    }
    rule.step = 9;
    assert_int_equal(varve_roll_up(fixture->db, &rule, &error), VARVE_LIMIT);
    roll_up(fixture->db, "", 2); /* is there */
    assert_int_equal(varve_rollup_remove(fixture->db, &rule, &error), VARVE_NOT_FOUND);
    for (rule.step = 4; rule.step <= 8; rule.step += 2) {
        assert_int_equal(varve_rollup_remove(fixture->db, &rule, &error), VARVE_OK);
    }
    assert_string_equal(list(fixture->db).text, "m/1 /2 m/3 m/5 m/7 ");
    assert_int_equal(varve_close(fixture->db, NULL), VARVE_OK);
    assert_int_equal(open_database(vv_env_sim_env(fixture->sim), &fixture->db), VARVE_OK);
    assert_string_equal(list(fixture->db).text, "m/1 /2 m/3 m/5 m/7 ");
}

static void removed_rows_stay_until_blocks_are_written_anew(void **state)
{
    struct fixture *fixture = *state;
    varve_rollup rule = VARVE_ROLLUP_INIT;
    fill(fixture, 0, TIMES);
    roll_up(fixture->db, "", BUCKET);
    rule.step = BUCKET;
    assert_int_equal(varve_rollup_remove(fixture->db, &rule, NULL), VARVE_OK);
    assert_int_equal(expect_model(fixture, fixture->db, BUCKET), 3 * 24);
    assert_int_equal(varve_compact(fixture->db, NULL), VARVE_OK);
    assert_int_equal(expect_model(fixture, fixture->db, BUCKET), 0);
    roll_up(fixture->db, "", BUCKET); /* and again, of a block that is cold */
    assert_int_equal(expect_model(fixture, fixture->db, BUCKET), 3 * 24);
}

static void copies_have_rules_and_rows(void **state)
{
    struct fixture *fixture = *state;
    const struct vv_env *env = vv_env_sim_env(fixture->sim);
    varve_options options = VARVE_OPTIONS_INIT;
    fill(fixture, 0, TIMES);
    roll_up(fixture->db, "m", BUCKET);
    assert_int_equal(varve_snapshot(fixture->db, "/copy", NULL, NULL, NULL), VARVE_OK);
    assert_int_equal(vv_database_restore(env, "/copy", "/restored", NULL, NULL, NULL), VARVE_OK);
    static const char *const paths[] = {"/copy", "/restored"};
    options.flags = VARVE_OPEN_READ_ONLY;
    options.background_threads = 0;
    for (size_t at = 0; at < 2; at++) {
        varve_db *copy = NULL;
        assert_int_equal(vv_database_open(env, paths[at], &options, NULL, &copy, NULL), VARVE_OK);
        assert_string_equal(list(copy).text, "m/100 ");
        assert_int_equal(expect_model(fixture, copy, BUCKET), 3 * 24);
        varve_rollup rule = VARVE_ROLLUP_INIT;
        rule.step = 7;
        assert_int_equal(varve_roll_up(copy, &rule, NULL), VARVE_READ_ONLY);
        assert_int_equal(varve_close(copy, NULL), VARVE_OK);
    }
}

/* --------------------------------------------------------------------------- Interruption */

/* The power goes after each change that building makes: what is there afterwards answers, checks
 * clean, and is finished by maintenance. */
static void building_may_end_anywhere(void **state)
{
    struct fixture *fixture = *state;
    varve_rollup rule = VARVE_ROLLUP_INIT;
    uint64_t half_built = 0, boundaries = 0;
    rule.step = BUCKET;
    for (int64_t from = 0; from < TIMES; from += TIMES / 3) { /* three blocks */
        fill(fixture, from, from + TIMES / 3);
        roll_up(fixture->db, "nothing", 1);
    }
    put(fixture, 0, 100, 5); /* in the log */
    assert_int_equal(varve_close(fixture->db, NULL), VARVE_OK);
    fixture->db = NULL;
    for (bool cut = true; cut; boundaries++) {
        for (int mode = 0; mode < VV_CRASH_MODE_COUNT; mode++) {
            varve_db *db = NULL;
            struct vv_env_sim *sim = vv_env_sim_crash(fixture->sim, 1, VV_CRASH_KEEP_ALL);
            assert_int_equal(open_database(vv_env_sim_env(sim), &db), VARVE_OK);
            vv_env_sim_cut_power_after(sim, boundaries + 1);
            varve_status status = varve_roll_up(db, &rule, NULL);
            cut = vv_env_sim_is_off(sim);
            assert_true(cut || status == VARVE_OK); /* removing old files may fail */
            (void)varve_close(db, NULL);
            struct vv_env_sim *after =
                vv_env_sim_crash(sim, boundaries * 7 + 1, (enum vv_crash_mode)mode);
            const struct vv_env *env = vv_env_sim_env(after);
            expect_clean(env);
            assert_int_equal(open_database(env, &db), VARVE_OK);
            (void)expect_model(fixture, db, BUCKET);
            struct rules rules = list(db);
            half_built += rules.count == 2 && rules.missing > 0;
            bool worked = true;
            while (worked) {
                assert_int_equal(varve_maintain(db, &worked, NULL), VARVE_OK);
            }
            assert_int_equal(list(db).missing, 0);
            assert_int_equal(varve_roll_up(db, &rule, NULL), VARVE_OK);
            assert_true(expect_model(fixture, db, BUCKET) >= 3 * 24 - 1);
            assert_int_equal(varve_close(db, NULL), VARVE_OK);
            vv_env_sim_destroy(after);
            vv_env_sim_destroy(sim);
        }
    }
    print_message("%llu boundaries, %llu times half built\n", (unsigned long long)boundaries,
                  (unsigned long long)half_built);
    assert_true(half_built > 0);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_late_sample_costs_the_row_of_its_bucket_until_a_merge),
        TEST(a_deletion_costs_the_rows_that_it_reaches_into),
        TEST(retention_costs_the_row_that_it_cuts),
        TEST(steps_that_rows_do_not_fit_are_decoded),
        TEST(flushes_and_merges_keep_rows_up),
        TEST(rules_are_checked_kept_and_removed),
        TEST(removed_rows_stay_until_blocks_are_written_anew),
        TEST(copies_have_rules_and_rows),
        TEST(building_may_end_anywhere),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
