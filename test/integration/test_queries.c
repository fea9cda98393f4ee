/*
 * test_queries.c - random queries over random data equal a naive oracle, with statistics and
 * rollups and without.
 *
 * Worlds grow on a simulated disk: late samples, duplicates, deletions, NaN and stale markers, in
 * several blocks and the head, whose limits are tiny; rules of rollups come and go. Between changes
 * each world is asked many questions. VARVE_TEST_LONG=1 asks 100,000 and more.
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
#include "os/alloc.h"
#include "os/env_sim.h"
#include "support/query_oracle.h"
#include "support/query_question.h"

enum { SERIES = 5, SAMPLES_MAX = 1200, BATCH_MAX = 60, UNIT = 8, QUESTIONS_PER_CHANGE = 6 };

struct world {
    uint64_t number;
    struct vv_test_random random;
    struct vv_env_sim *sim;
    varve_db *db;
    varve_series handles[SERIES];
    varve_label labels[SERIES][3];
    int64_t timestamps[SERIES][SAMPLES_MAX];
    double values[SERIES][SAMPLES_MAX];
    size_t counts[SERIES];
    int64_t newest; /* in-order samples follow it */
};

static uint64_t answered_chunks; /* over all worlds: statistics must have been of use */
static uint64_t answered_rows;   /* and rollups */
static uint64_t questions;

static bool is_long(void)
{
    const char *text = getenv("VARVE_TEST_LONG");
    return text != NULL && text[0] != '\0' && text[0] != '0';
}

/* ------------------------------------------------------------------------------- Worlds */

static void must(const struct world *world, varve_status status, const varve_error *error)
{
    if (status != VARVE_OK) {
        fail_msg("world %llu: %s", (unsigned long long)world->number, error->message);
    }
}

static void create_world(struct world *world, uint64_t number)
{
    static const char *digits = "012";
    static const struct vv_report report = {0};
    varve_options options = VARVE_OPTIONS_INIT;
    varve_error error;
    memset(world, 0, sizeof(*world));
    world->number = number;
    world->random = vv_test_random_seeded(vv_test_seed() + number * 7919);
    world->sim = vv_env_sim_create(number);
    world->newest = -200 * UNIT;
    options.flags = VARVE_OPEN_CREATE;
    options.background_threads = 0;
    options.head_bytes_max = 1 + vv_test_random_below(&world->random, 3000);
    must(world,
         vv_database_open(vv_env_sim_env(world->sim), "/db", &options, &report, &world->db, &error),
         &error);
    for (size_t at = 0; at < SERIES; at++) {
        world->labels[at][0] = (varve_label){VARVE_STRING("__name__"), VARVE_STRING("m")};
        world->labels[at][1] = (varve_label){VARVE_STRING("a"), {&digits[at / 3], 1}};
        world->labels[at][2] = (varve_label){VARVE_STRING("b"), {&digits[at % 3], 1}};
        must(world,
             varve_series_resolve(world->db, world->labels[at], 3, &world->handles[at], &error),
             &error);
    }
}

static void destroy_world(struct world *world)
{
    varve_error error;
    must(world, varve_close(world->db, &error), &error);
    vv_env_sim_destroy(world->sim);
}

static double random_value(struct vv_test_random *random, bool with_nan)
{
    const uint64_t stale = 0x7ff0000000000002;
    double value = (double)vv_test_random_below(random, 30);
    switch (with_nan ? vv_test_random_below(random, 40) : 10) {
    case 0:
        return (double)NAN;
    case 1:
        memcpy(&value, &stale, sizeof(value));
        return value;
    case 2:
        return vv_test_random_uniform(random) * 1e6 - 5e5;
    default:
        return value;
    }
}

/* The later sample replaces the earlier one. */
static void put(struct world *world, size_t series, int64_t timestamp, double value)
{
    int64_t *timestamps = world->timestamps[series];
    double *values = world->values[series];
    size_t count = world->counts[series];
    size_t at = count;
    while (at > 0 && timestamps[at - 1] >= timestamp) {
        at--;
    }
    if (at == count || timestamps[at] != timestamp) {
        memmove(timestamps + at + 1, timestamps + at, (count - at) * sizeof(timestamps[0]));
        memmove(values + at + 1, values + at, (count - at) * sizeof(values[0]));
        world->counts[series]++;
    }
    timestamps[at] = timestamp;
    values[at] = value;
}

static void append(struct world *world)
{
    struct vv_test_random *random = &world->random;
    size_t series = vv_test_random_below(random, SERIES);
    size_t count = 1 + vv_test_random_below(random, BATCH_MAX);
    int64_t timestamps[BATCH_MAX];
    double values[BATCH_MAX];
    bool with_nan = vv_test_random_below(random, 8) == 0;
    bool late = vv_test_random_below(random, 4) == 0;
    int64_t time =
        late ? -200 * UNIT + (int64_t)vv_test_random_below(random, 400 * UNIT) : world->newest;
    if (world->counts[series] + count > SAMPLES_MAX) {
        return;
    }
    for (size_t at = 0; at < count; at++) {
        timestamps[at] = time;
        values[at] = random_value(random, with_nan);
        put(world, series, time, values[at]);
        time += 1 + (int64_t)vv_test_random_below(random, UNIT);
    }
    if (!late && vv_test_random_below(random, 3) == 0) {
        world->newest = time;
    }
    must(world, varve_append(world->db, world->handles[series], timestamps, values, count, NULL),
         &(varve_error){.message = "append"});
}

static void delete_range(struct world *world)
{
    struct vv_test_random *random = &world->random;
    varve_selection selection = VARVE_SELECTION_INIT;
    varve_matcher matcher = {VARVE_MATCH_EQUAL, VARVE_STRING("b"), VARVE_STRING("1")};
    varve_error error;
    selection.matchers = &matcher;
    selection.matcher_count = vv_test_random_below(random, 2);
    selection.start = -200 * UNIT + (int64_t)vv_test_random_below(random, 500 * UNIT);
    selection.end = selection.start + (int64_t)vv_test_random_below(random, 60 * UNIT);
    must(world, varve_delete(world->db, &selection, NULL, &error), &error);
    for (size_t series = 0; series < SERIES; series++) {
        size_t kept = 0;
        if (selection.matcher_count > 0 && series % 3 != 1) {
            continue;
        }
        for (size_t at = 0; at < world->counts[series]; at++) {
            int64_t timestamp = world->timestamps[series][at];
            if (timestamp < selection.start || timestamp >= selection.end) {
                world->timestamps[series][kept] = timestamp;
                world->values[series][kept++] = world->values[series][at];
            }
        }
        world->counts[series] = kept;
    }
}

/* Adds the rule of a rollup, or takes it away. */
static void change_rollups(struct world *world)
{
    static const char *const selectors[] = {"", "m{a=\"0\"}", "{b=~\"0|1\"}"};
    static const int64_t steps[] = {5, 10, 25, 50, 100};
    struct vv_test_random *random = &world->random;
    varve_rollup rule = VARVE_ROLLUP_INIT;
    varve_error error;
    const char *selector = selectors[vv_test_random_below(random, 3)];
    rule.selector = (varve_string){selector, strlen(selector)};
    rule.step = UNIT * steps[vv_test_random_below(random, 5)];
    varve_status status = vv_test_random_below(random, 3) == 0
                              ? varve_rollup_remove(world->db, &rule, &error)
                              : varve_roll_up(world->db, &rule, &error);
    if (status != VARVE_NOT_FOUND && status != VARVE_LIMIT) {
        must(world, status, &error);
    }
}

static void change_world(struct world *world)
{
    uint64_t choice = vv_test_random_below(&world->random, 41);
    varve_error error;
    bool worked;
    if (choice == 40) {
        change_rollups(world);
    } else if (choice == 0) {
        must(world, varve_compact(world->db, &error), &error);
    } else if (choice < 16) {
        must(world, varve_maintain(world->db, &worked, &error), &error);
    } else if (choice < 18) {
        delete_range(world);
    } else {
        append(world);
    }
}

/* ------------------------------------------------------------------------------ Questions */

static size_t series_of(const struct world *world, struct query_series *series)
{
    for (size_t at = 0; at < SERIES; at++) {
        series[at] = (struct query_series){world->labels[at], 3, world->timestamps[at],
                                           world->values[at], world->counts[at]};
    }
    return SERIES;
}

static void expect_rows(struct world *world, const struct question *question,
                        const varve_selection *selection, const struct query_rows *expected)
{
    varve_rows *rows = NULL;
    varve_error error;
    varve_row row;
    size_t at = 0;
    must(world, varve_aggregate(world->db, selection, &question->spec, &rows, &error), &error);
    for (; varve_rows_next(rows, &row); at++) {
        if (at == expected->count ||
            !query_row_equal(&expected->list[at], &row, question->spec.function_count, 1e-11)) {
            fail_msg("world %llu, question %llu: row %zu of %zu at %lld: %s %.17g, not %.17g",
                     (unsigned long long)world->number, (unsigned long long)questions, at,
                     expected->count, (long long)row.time,
                     varve_function_name(question->functions[0]), row.values[0],
                     at < expected->count ? expected->list[at].values[0] : 0.0);
        }
    }
    must(world, varve_rows_status(rows, &error), &error);
    varve_rows_close(rows);
    if (at != expected->count) {
        fail_msg("world %llu, question %llu: %zu rows instead of %zu",
                 (unsigned long long)world->number, (unsigned long long)questions, at,
                 expected->count);
    }
}

/* One query, decoded and pushed down. */
static void ask(struct world *world)
{
    struct query_series series[SERIES];
    struct question question;
    struct query_rows expected = {0};
    varve_profile profile = VARVE_PROFILE_INIT;
    varve_selection selection = VARVE_SELECTION_INIT;
    size_t count = series_of(world, series);
    query_random_question(&world->random, UNIT, &question);
    if (vv_test_random_below(&world->random, 3) == 0) { /* what statistics answer */
        for (size_t at = 0; at < question.spec.function_count; at++) {
            question.functions[at] = (varve_function)(1 + vv_test_random_below(&world->random, 8));
        }
        if (question.spec.fill == VARVE_FILL_NONE) {
            question.spec.step = 0;
            question.spec.offset = 0;
        }
    }
    if (vv_test_random_below(&world->random, 4) == 0) {
        size_t one = vv_test_random_below(&world->random, SERIES);
        selection.series = &world->handles[one];
        selection.series_count = 1;
        series[0] = series[one];
        count = 1;
    }
    selection.start = question.range.start;
    selection.end = question.range.end;
    selection.reverse = question.reverse;
    selection.profile = &profile;
    query_oracle(series, count, &question.spec, question.range, question.reverse, &expected);
    question.spec.decode_everything = true;
    expect_rows(world, &question, &selection, &expected);
    assert_true(profile.chunks_answered == 0 && profile.rollup_rows == 0);
    uint64_t read = profile.samples_read;
    question.spec.decode_everything = false;
    expect_rows(world, &question, &selection, &expected);
    assert_true(profile.samples_read + profile.samples_answered <= read);
    assert_int_equal(profile.chunks,
                     profile.chunks_skipped + profile.chunks_answered + profile.chunks_decoded);
    answered_chunks += profile.chunks_answered;
    answered_rows += profile.rollup_rows;
    questions++;
    query_rows_fini(&expected);
}

/* All samples of a series in a range, in either direction. */
static void read_samples(struct world *world)
{
    struct vv_test_random *random = &world->random;
    size_t series = vv_test_random_below(random, SERIES);
    varve_selection selection = VARVE_SELECTION_INIT;
    varve_cursor *cursor = NULL;
    varve_error error;
    varve_span span;
    size_t first = 0, last = world->counts[series];
    selection.series = &world->handles[series];
    selection.series_count = 1;
    selection.reverse = vv_test_random_below(random, 2) == 0;
    if (vv_test_random_below(random, 2) == 0) {
        selection.start = -200 * UNIT + (int64_t)vv_test_random_below(random, 500 * UNIT);
        selection.end = selection.start + (int64_t)vv_test_random_below(random, 300 * UNIT);
    }
    while (first < last && world->timestamps[series][first] < selection.start) {
        first++;
    }
    while (last > first && world->timestamps[series][last - 1] >= selection.end) {
        last--;
    }
    must(world, varve_select(world->db, &selection, &cursor, &error), &error);
    assert_int_equal(varve_cursor_next(cursor), first < last);
    int64_t timestamp;
    double value;
    if (vv_test_random_below(random, 3) == 0) {
        assert_int_equal(varve_cursor_latest(cursor, &timestamp, &value), first < last);
        if (first < last) {
            assert_int_equal(timestamp, world->timestamps[series][last - 1]);
            assert_memory_equal(&value, &world->values[series][last - 1], sizeof(value));
        }
        varve_cursor_close(cursor);
        return;
    }
    while (varve_cursor_span(cursor, &span)) {
        assert_in_range(span.count, 1, 1024);
        for (size_t at = 0; at < span.count; at++) {
            size_t expected = selection.reverse ? --last : first++;
            assert_int_equal(span.timestamps[at], world->timestamps[series][expected]);
            assert_memory_equal(&span.values[at], &world->values[series][expected], sizeof(double));
        }
    }
    assert_int_equal(first, last);
    must(world, varve_cursor_status(cursor, &error), &error);
    varve_cursor_close(cursor);
}

static size_t find_series(const struct world *world, const varve_label *labels, size_t count)
{
    for (size_t at = 0; at < SERIES; at++) {
        size_t same = 0;
        for (size_t i = 0; i < count && count == 3; i++) {
            const varve_label *other = &world->labels[at][i];
            same += labels[i].value.length == other->value.length &&
                    memcmp(labels[i].value.bytes, other->value.bytes, other->value.length) == 0;
        }
        if (same == 3) {
            return at;
        }
    }
    fail_msg("world %llu: a series that was never written to", (unsigned long long)world->number);
    return 0;
}

/* The newest sample of each series that has one before a time, found one behind the other. */
static void read_newest(struct world *world)
{
    varve_selection selection = VARVE_SELECTION_INIT;
    varve_cursor *cursor = NULL;
    varve_error error;
    size_t found = 0, expected = 0;
    if (vv_test_random_below(&world->random, 2) == 0) {
        selection.end = (int64_t)vv_test_random_below(&world->random, 300 * UNIT);
    }
    for (size_t at = 0; at < SERIES; at++) {
        expected += world->counts[at] > 0 && world->timestamps[at][0] < selection.end;
    }
    must(world, varve_select(world->db, &selection, &cursor, &error), &error);
    for (; varve_cursor_next(cursor); found++) {
        const varve_label *labels;
        size_t label_count;
        int64_t timestamp;
        double value;
        varve_cursor_labels(cursor, &labels, &label_count);
        size_t series = find_series(world, labels, label_count);
        size_t count = world->counts[series];
        while (count > 0 && world->timestamps[series][count - 1] >= selection.end) {
            count--;
        }
        assert_true(count > 0);
        assert_true(varve_cursor_latest(cursor, &timestamp, &value));
        assert_int_equal(timestamp, world->timestamps[series][count - 1]);
        assert_memory_equal(&value, &world->values[series][count - 1], sizeof(value));
    }
    must(world, varve_cursor_status(cursor, &error), &error);
    varve_cursor_close(cursor);
    assert_int_equal(found, expected);
}

static void any_query_equals_the_oracle_with_statistics_and_without(void **state)
{
    (void)state;
    static struct world world;
    uint64_t wanted = is_long() ? 100000 : 2500;
    printf("VARVE_TEST_SEED=%llu\n", (unsigned long long)vv_test_seed());
    for (uint64_t number = 0; questions < wanted; number++) {
        create_world(&world, number);
        for (int change = 0; change < 80; change++) {
            change_world(&world);
            for (int at = 0; change % 8 == 7 && at < QUESTIONS_PER_CHANGE; at++) {
                ask(&world);
                read_samples(&world);
                read_newest(&world);
            }
        }
        destroy_world(&world);
    }
    printf("%llu questions, %llu chunks answered from statistics, %llu rows of rollups\n",
           (unsigned long long)questions, (unsigned long long)answered_chunks,
           (unsigned long long)answered_rows);
    assert_true(answered_chunks > wanted / 10 && answered_rows > wanted / 10);
}

static void expect_blocks_skipped(struct world *world, int64_t start, int64_t end, uint64_t skipped)
{
    varve_selection selection = VARVE_SELECTION_INIT;
    varve_profile profile = VARVE_PROFILE_INIT;
    varve_error error;
    selection.start = start;
    selection.end = end;
    must(world, varve_explain(world->db, &selection, NULL, &profile, &error), &error);
    assert_int_equal(profile.blocks, 1);
    assert_int_equal(profile.blocks_skipped, skipped);
    assert_int_equal(profile.series_matched, skipped == 0 ? 1 : 0);
}

static void a_block_outside_of_the_range_is_not_looked_at(void **state)
{
    (void)state;
    static struct world world;
    const int64_t timestamps[] = {100, 200, 300};
    const double values[] = {1, 2, 3};
    varve_error error;
    create_world(&world, 0);
    must(&world, varve_append(world.db, world.handles[0], timestamps, values, 3, NULL),
         &(varve_error){.message = "append"});
    must(&world, varve_compact(world.db, &error), &error);
    expect_blocks_skipped(&world, INT64_MIN, INT64_MAX, 0);
    expect_blocks_skipped(&world, 300, 301, 0);
    expect_blocks_skipped(&world, 301, 1000, 1);
    expect_blocks_skipped(&world, 0, 100, 1);
    expect_blocks_skipped(&world, 0, 101, 0);
    destroy_world(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_block_outside_of_the_range_is_not_looked_at),
        cmocka_unit_test(any_query_equals_the_oracle_with_statistics_and_without),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
