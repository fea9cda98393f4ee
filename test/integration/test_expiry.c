/*
 * test_expiry.c - what retention hides: samples behind a floor are gone for every kind of question,
 * wherever they lie, while whoever reads already keeps what was there.
 *
 * The database is on a simulated disk and works when it is told to. The model is a plain array; the
 * floors are those that the database lists.
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
#include "os/env_sim.h"
#include "support/random.h"
#include "support/series.h"

enum { SERIES = 4, TIMES = 1200, SELECTORS = 5, STEPS = 1500 };

/* Whose bit is set: the series that it names. */
static const struct {
    const char *text;
    unsigned series;
} selectors[SELECTORS] = {
    {"", 15}, {"m{i=\"0\"}", 1}, {"m{i=~\"[12]\"}", 6}, {"m{i!=\"3\"}", 7}, {"m{i=\"3\"}", 8}};

/* A value per series and time; NaN is none. */
struct values {
    double at[SERIES][TIMES];
};

struct fixture {
    struct vv_env_sim *sim;
    varve_db *db;
    varve_series series[SERIES];
    struct values model;
    int64_t floors[SELECTORS]; /* as listed; INT64_MIN: none */
    size_t notes;              /* that the database told */
};

static void count_note(void *context, varve_event_kind kind, varve_status status, const char *file,
                       uint64_t offset, const char *message)
{
    struct fixture *fixture = context;
    (void)status;
    (void)file;
    (void)offset;
    fixture->notes += kind == VARVE_EVENT_NOTE && strstr(message, "retention") != NULL;
}

static void open_database(struct fixture *fixture)
{
    varve_options options = VARVE_OPTIONS_INIT;
    struct vv_report report = {count_note, fixture};
    varve_error error = {0};
    options.flags = VARVE_OPEN_CREATE;
    options.background_threads = 0;
    options.sync = VARVE_SYNC_COMMIT;
    options.head_bytes_max = 8192; /* the random test flushes without merging everything */
    if (vv_database_open(vv_env_sim_env(fixture->sim), "/db", &options, &report, &fixture->db,
                         &error) != VARVE_OK) {
        fail_msg("%s", error.message);
    }
    for (size_t i = 0; i < SERIES; i++) {
        fixture->series[i] = vv_test_series(fixture->db, "m{i=\"%zu\"}", i);
    }
}

static int set_up(void **state)
{
    struct fixture *fixture = calloc(1, sizeof(*fixture));
    fixture->sim = vv_env_sim_create(1);
    for (size_t i = 0; i < SERIES * TIMES; i++) {
        fixture->model.at[i / TIMES][i % TIMES] = (double)NAN;
    }
    for (size_t i = 0; i < SELECTORS; i++) {
        fixture->floors[i] = INT64_MIN;
    }
    open_database(fixture);
    *state = fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;
    assert_int_equal(varve_close(fixture->db, NULL), VARVE_OK);
    vv_env_sim_destroy(fixture->sim);
    free(fixture);
    return 0;
}

/* ----------------------------------------------------------------------------- changing */

/* What is behind a floor is gone, now and for good. */
static void expire(struct fixture *fixture)
{
    for (size_t rule = 0; rule < SELECTORS; rule++) {
        for (size_t i = 0; i < SERIES; i++) {
            for (int64_t t = 0;
                 (selectors[rule].series >> i & 1) != 0 && t < TIMES && t < fixture->floors[rule];
                 t++) {
                fixture->model.at[i][t] = (double)NAN;
            }
        }
    }
}

static void put(struct fixture *fixture, size_t number, int64_t time, double value)
{
    assert_int_equal(varve_append(fixture->db, fixture->series[number], &time, &value, 1, NULL),
                     VARVE_OK);
    fixture->model.at[number][time] = value;
    expire(fixture);
}

/* Times [from, to) of all series. */
static void fill(struct fixture *fixture, int64_t from, int64_t to)
{
    for (int64_t time = from; time < to; time++) {
        for (size_t number = 0; number < SERIES; number++) {
            put(fixture, number, time, (double)(time * 10 + (int64_t)number));
        }
    }
}

static void take_floor(void *context, const varve_retention *rule)
{
    struct fixture *fixture = context;
    for (size_t i = 0; i < SELECTORS; i++) {
        size_t length = strlen(selectors[i].text);
        if (length == rule->selector.length &&
            (length == 0 || memcmp(selectors[i].text, rule->selector.bytes, length) == 0)) {
            fixture->floors[i] = rule->floor;
        }
    }
}

/* What the database says of its floors now. */
static void read_floors(struct fixture *fixture)
{
    for (size_t i = 0; i < SELECTORS; i++) {
        fixture->floors[i] = INT64_MIN;
    }
    assert_int_equal(varve_retention_list(fixture->db, take_floor, fixture, NULL), VARVE_OK);
    expire(fixture);
}

/* Age 0 removes the rule. */
static varve_status retain(struct fixture *fixture, size_t selector, uint64_t age)
{
    varve_retention rule = VARVE_RETENTION_INIT;
    rule.selector = (varve_string){selectors[selector].text, strlen(selectors[selector].text)};
    rule.age = age;
    varve_status status = varve_retain(fixture->db, &rule, NULL);
    read_floors(fixture);
    return status;
}

/* Everything goes to one block. */
static void compact(struct fixture *fixture)
{
    assert_int_equal(varve_compact(fixture->db, NULL), VARVE_OK);
    read_floors(fixture);
}

static void maintain(struct fixture *fixture)
{
    bool worked = true;
    while (worked) {
        assert_int_equal(varve_maintain(fixture->db, &worked, NULL), VARVE_OK);
    }
    read_floors(fixture);
}

/* The power goes; what was acknowledged is there again. */
static void restart(struct fixture *fixture, uint64_t seed)
{
    struct vv_env_sim *before = fixture->sim;
    fixture->sim = vv_env_sim_crash(before, seed, (enum vv_crash_mode)(seed % VV_CRASH_MODE_COUNT));
    assert_int_equal(varve_close(fixture->db, NULL), VARVE_OK);
    vv_env_sim_destroy(before);
    open_database(fixture);
    read_floors(fixture);
}

/* ------------------------------------------------------------------------------- asking */

/* What is left of a cursor is what values say. */
static void expect_cursor(varve_cursor *cursor, const struct values *values)
{
    varve_span span;
    for (size_t number = 0; number < SERIES; number++) {
        int64_t time = 0;
        bool any = false;
        for (int64_t t = 0; t < TIMES; t++) {
            any = any || !isnan(values->at[number][t]);
        }
        if (!any) {
            continue;
        }
        const varve_label *labels;
        size_t count;
        assert_true(varve_cursor_next(cursor));
        varve_cursor_labels(cursor, &labels, &count);
        assert_int_equal(labels[1].value.bytes[0] - '0', number);
        while (varve_cursor_span(cursor, &span)) {
            for (size_t i = 0; i < span.count; i++, time++) {
                for (; time < span.timestamps[i]; time++) {
                    assert_true(isnan(values->at[number][time]));
                }
                assert_true(span.values[i] == values->at[number][time]);
            }
        }
        for (; time < TIMES; time++) {
            assert_true(isnan(values->at[number][time]));
        }
    }
    assert_false(varve_cursor_next(cursor));
    assert_int_equal(varve_cursor_status(cursor, NULL), VARVE_OK);
    varve_cursor_close(cursor);
}

static varve_cursor *select_all(varve_db *db)
{
    varve_selection selection = VARVE_SELECTION_INIT;
    varve_cursor *cursor = NULL;
    assert_int_equal(varve_select(db, &selection, &cursor, NULL), VARVE_OK);
    return cursor;
}

/* Count, sum and last of steps. */
static varve_rows *aggregate_all(varve_db *db, int64_t step)
{
    static const varve_function functions[] = {VARVE_FUNCTION_COUNT, VARVE_FUNCTION_SUM,
                                               VARVE_FUNCTION_LAST};
    varve_selection selection = VARVE_SELECTION_INIT;
    varve_aggregation aggregation = VARVE_AGGREGATION_INIT;
    varve_rows *rows = NULL;
    aggregation.functions = functions;
    aggregation.function_count = 3;
    aggregation.step = step;
    assert_int_equal(varve_aggregate(db, &selection, &aggregation, &rows, NULL), VARVE_OK);
    return rows;
}

static void expect_rows(varve_rows *rows, const struct values *values, int64_t step)
{
    varve_row row;
    for (size_t number = 0; number < SERIES; number++) {
        for (int64_t from = 0; from < TIMES; from += step) {
            double count = 0, sum = 0, last = 0;
            for (int64_t time = from; time < from + step && time < TIMES; time++) {
                if (!isnan(values->at[number][time])) {
                    count++;
                    sum += last = values->at[number][time];
                }
            }
            if (count > 0) {
                assert_true(varve_rows_next(rows, &row));
                assert_int_equal(row.time, from);
                assert_true(row.values[0] == count && row.values[2] == last);
                assert_true(fabs(row.values[1] - sum) <= 1e-9 * (1 + fabs(sum)));
            }
        }
    }
    assert_false(varve_rows_next(rows, &row));
    assert_int_equal(varve_rows_status(rows, NULL), VARVE_OK);
    varve_rows_close(rows);
}

/* The newest sample of each series, by both calls. */
static void expect_latest(const struct fixture *fixture)
{
    int64_t timestamps[SERIES], timestamp;
    double values[SERIES], value;
    bool found[SERIES];
    assert_int_equal(
        varve_latest_batch(fixture->db, fixture->series, SERIES, timestamps, values, found),
        VARVE_OK);
    for (size_t number = 0; number < SERIES; number++) {
        int64_t time = TIMES - 1;
        while (time >= 0 && isnan(fixture->model.at[number][time])) {
            time--;
        }
        varve_status status =
            varve_latest(fixture->db, fixture->series[number], &timestamp, &value);
        assert_int_equal(status, time >= 0 ? VARVE_OK : VARVE_NOT_FOUND);
        assert_int_equal(found[number], time >= 0);
        if (time >= 0) {
            assert_int_equal(timestamp, time);
            assert_int_equal(timestamps[number], time);
            assert_true(value == fixture->model.at[number][time] && values[number] == value);
        }
    }
}

static void expect_sample(const struct fixture *fixture, size_t number, int64_t time)
{
    double expected = fixture->model.at[number][time], value, batch_value;
    bool found;
    varve_status status = varve_get(fixture->db, fixture->series[number], time, &value);
    assert_int_equal(status, isnan(expected) ? VARVE_NOT_FOUND : VARVE_OK);
    assert_true(status != VARVE_OK || value == expected);
    assert_int_equal(varve_exists(fixture->db, fixture->series[number], time), status);
    assert_int_equal(
        varve_get_batch(fixture->db, &fixture->series[number], &time, 1, &batch_value, &found),
        VARVE_OK);
    assert_int_equal(found, status == VARVE_OK);
    assert_true(!found || batch_value == expected);
}

static void expect_everything(const struct fixture *fixture)
{
    expect_cursor(select_all(fixture->db), &fixture->model);
    expect_rows(aggregate_all(fixture->db, 70), &fixture->model, 70);
    expect_latest(fixture);
    for (size_t number = 0; number < SERIES; number++) {
        for (int64_t time = 0; time < TIMES; time += 13) {
            expect_sample(fixture, number, time);
        }
    }
}

/* ------------------------------------------------------------------------------- tests */

static void a_floor_hides_at_once_what_is_in_blocks_and_in_the_head(void **state)
{
    struct fixture *fixture = *state;
    fill(fixture, 0, 300);
    compact(fixture);
    fill(fixture, 300, 600);
    assert_int_equal(retain(fixture, 2, 100), VARVE_OK);
    assert_int_equal(fixture->floors[2], 499);
    expect_everything(fixture);
    assert_true(isnan(fixture->model.at[1][498]) && !isnan(fixture->model.at[3][0]));
    assert_int_equal(retain(fixture, 0, 450), VARVE_OK);
    expect_everything(fixture);
    restart(fixture, 1);
    assert_int_equal(fixture->floors[2], 499);
    expect_everything(fixture);
    compact(fixture);
    expect_everything(fixture);
}

static void what_is_appended_behind_the_floor_is_gone_for_good(void **state)
{
    struct fixture *fixture = *state;
    fill(fixture, 0, 600);
    assert_int_equal(retain(fixture, 1, 100), VARVE_OK);
    put(fixture, 0, 498, 1); /* accepted, and not there */
    put(fixture, 0, 499, 2);
    put(fixture, 1, 498, 3);
    assert_true(isnan(fixture->model.at[0][498]) && !isnan(fixture->model.at[0][499]));
    expect_everything(fixture);
    int64_t time = 200;
    double value = 4;
    for (int i = 0; i < 2; i++) { /* it is never there */
        assert_int_equal(varve_append_if_absent(fixture->db, fixture->series[0], time, value, NULL),
                         VARVE_OK);
    }
    expect_everything(fixture);
    restart(fixture, 2);
    expect_everything(fixture);
    compact(fixture);
    put(fixture, 0, 300, 5);
    assert_int_equal(retain(fixture, 1, 0), VARVE_OK);
    expect_everything(fixture);
    put(fixture, 0, 300, 6); /* now it is kept */
    assert_true(fixture->model.at[0][300] == 6);
    expect_everything(fixture);
    assert_int_equal(retain(fixture, 1, 0), VARVE_NOT_FOUND);
}

static void a_series_whose_newest_sample_has_expired_has_none(void **state)
{
    struct fixture *fixture = *state;
    double value;
    int64_t timestamp;
    for (size_t number = 0; number < 2; number++) { /* one in a block, one in the head */
        put(fixture, number, 10, 1);
        put(fixture, number, 20, 2);
        expect_latest(fixture);
        if (number == 0) {
            compact(fixture);
        }
    }
    put(fixture, 3, 600, 3);
    assert_int_equal(retain(fixture, 3, 100), VARVE_OK);
    expect_everything(fixture);
    assert_int_equal(varve_latest(fixture->db, fixture->series[0], &timestamp, &value),
                     VARVE_NOT_FOUND);
    assert_int_equal(varve_add(fixture->db, fixture->series[0], 700, 5, &value, NULL), VARVE_OK);
    assert_true(value == 5); /* of nothing, not of 2 */
    fixture->model.at[0][700] = 5;
    expect_everything(fixture);
}

static void what_is_being_read_stays_until_it_is_closed(void **state)
{
    struct fixture *fixture = *state;
    fill(fixture, 0, 300);
    compact(fixture);
    fill(fixture, 300, 600);
    struct values before = fixture->model;
    varve_cursor *cursor = select_all(fixture->db);
    varve_rows *rows = aggregate_all(fixture->db, 40);
    assert_int_equal(retain(fixture, 0, 50), VARVE_OK);
    compact(fixture);
    struct values between = fixture->model;
    varve_cursor *second = select_all(fixture->db);
    assert_int_equal(retain(fixture, 0, 20), VARVE_OK);
    compact(fixture);
    expect_cursor(cursor, &before);
    expect_rows(rows, &before, 40);
    expect_cursor(second, &between);
    expect_everything(fixture);
}

static void a_floor_rises_by_itself_in_steps_and_not_by_more_than_half(void **state)
{
    struct fixture *fixture = *state;
    fill(fixture, 0, 256);
    assert_int_equal(retain(fixture, 0, 256), VARVE_OK);
    assert_int_equal(fixture->floors[0], -1);
    fill(fixture, 256, 258);
    compact(fixture);
    maintain(fixture);
    assert_int_equal(fixture->floors[0], -1); /* less than a 64th of the age */
    expect_everything(fixture);
    fill(fixture, 258, 400);
    compact(fixture);
    maintain(fixture);
    assert_int_equal(fixture->floors[0], 399 - 256);
    expect_everything(fixture);
    assert_int_equal(fixture->notes, 0);
    put(fixture, 0, TIMES - 1, 1); /* from the future */
    compact(fixture);
    maintain(fixture);
    assert_int_equal(fixture->floors[0], 399 - 256);
    assert_true(fixture->notes > 0);
    expect_everything(fixture);
    assert_int_equal(retain(fixture, 0, 256), VARVE_OK); /* it is meant */
    assert_int_equal(fixture->floors[0], TIMES - 1 - 256);
    expect_everything(fixture);
}

static void load(struct fixture *fixture, size_t number, int64_t from, int64_t to, double value)
{
    varve_bulk *bulk = NULL;
    assert_int_equal(varve_bulk_begin(fixture->db, NULL, &bulk, NULL), VARVE_OK);
    for (int64_t time = from; time < to; time++) {
        varve_batch batch = VARVE_BATCH_INIT;
        batch.series = &fixture->series[number];
        batch.timestamps = &time;
        batch.values = &value;
        batch.count = 1;
        assert_int_equal(varve_bulk_append(bulk, &batch, NULL), VARVE_OK);
        fixture->model.at[number][time] = value;
    }
    assert_int_equal(varve_bulk_commit(bulk, NULL), VARVE_OK);
    varve_bulk_close(bulk);
    read_floors(fixture);
}

static void one_random_step(struct fixture *fixture, struct vv_test_random *random, int64_t *clock)
{
    size_t number = vv_test_random_below(random, SERIES);
    int64_t back = (int64_t)vv_test_random_below(random, 250);
    int64_t time = *clock > back ? *clock - back : 0;
    switch (vv_test_random_below(random, 60)) {
    case 0:
    case 1:
        (void)retain(fixture, vv_test_random_below(random, SELECTORS),
                     20 + vv_test_random_below(random, 400));
        break;
    case 2: /* whether there is one or not */
        (void)retain(fixture, vv_test_random_below(random, SELECTORS), 0);
        break;
    case 3:
        compact(fixture);
        break;
    case 4:
        maintain(fixture);
        break;
    case 5:
        restart(fixture, vv_test_random_next(random) >> 8);
        break;
    case 6:
        assert_int_equal(
            varve_delete_range(fixture->db, fixture->series[number], time - 30, time, NULL),
            VARVE_OK);
        for (int64_t t = time > 30 ? time - 30 : 0; t < time; t++) {
            fixture->model.at[number][t] = (double)NAN;
        }
        break;
    case 7:
        load(fixture, number, time, time + 20 < TIMES ? time + 20 : TIMES, (double)back);
        break;
    case 8:
    case 9:
    case 10: /* late, perhaps behind a floor */
        put(fixture, number, time, (double)back);
        break;
    default:
        *clock += *clock < TIMES - 1 && vv_test_random_below(random, 3) == 0;
        put(fixture, number, *clock, (double)*clock);
    }
}

static void floors_that_move_anyhow_hide_what_is_behind_them(void **state)
{
    struct fixture *fixture = *state;
    struct vv_test_random random = vv_test_random_init(1);
    int64_t clock = 0;
    for (int step = 0; step < STEPS; step++) {
        one_random_step(fixture, &random, &clock);
        if (step % 20 == 0) {
            expect_everything(fixture);
        } else {
            expect_latest(fixture);
            expect_sample(fixture, vv_test_random_below(&random, SERIES),
                          (int64_t)vv_test_random_below(&random, (uint64_t)clock + 1));
        }
    }
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_floor_hides_at_once_what_is_in_blocks_and_in_the_head),
        TEST(what_is_appended_behind_the_floor_is_gone_for_good),
        TEST(a_series_whose_newest_sample_has_expired_has_none),
        TEST(what_is_being_read_stays_until_it_is_closed),
        TEST(a_floor_rises_by_itself_in_steps_and_not_by_more_than_half),
        TEST(floors_that_move_anyhow_hide_what_is_behind_them),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
