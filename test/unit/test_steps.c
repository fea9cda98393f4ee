/* Tests of steps.c. */
#include "query/steps.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "support/random.h"

static void expect_bounds(int64_t timestamp, int64_t step, int64_t start, int64_t end)
{
    int64_t found_start = 0;
    int64_t found_end = 0;
    const struct vv_steps steps = {.count = step};
    vv_steps_bounds(&steps, timestamp, &found_start, &found_end);
    assert_int_equal(found_start, start);
    assert_int_equal(found_end, end);
}

static void steps_are_aligned_to_zero(void **state)
{
    (void)state;
    expect_bounds(0, 10, 0, 10);
    expect_bounds(9, 10, 0, 10);
    expect_bounds(10, 10, 10, 20);
    expect_bounds(-1, 10, -10, 0);
    expect_bounds(-10, 10, -10, 0);
    expect_bounds(-11, 10, -20, -10);
    expect_bounds(5, 1, 5, 6);
}

static void steps_are_cut_off_at_the_ends_of_int64(void **state)
{
    (void)state;
    expect_bounds(INT64_MIN, 1, INT64_MIN, INT64_MIN + 1);
    expect_bounds(INT64_MIN, 2, INT64_MIN, INT64_MIN + 2);
    expect_bounds(INT64_MIN, INT64_MAX, INT64_MIN, -INT64_MAX);
    expect_bounds(INT64_MIN, 10, INT64_MIN, INT64_MIN + 8);
    expect_bounds(INT64_MAX - 1, 1, INT64_MAX - 1, INT64_MAX);
    expect_bounds(INT64_MAX - 1, INT64_MAX, 0, INT64_MAX);
    expect_bounds(INT64_MAX - 1, 10, INT64_MAX - 7, INT64_MAX);
    expect_bounds(-1, INT64_MAX, -INT64_MAX, 0);
}

static void without_a_step_there_is_one(void **state)
{
    (void)state;
    int64_t start = 0, end = 0;
    const struct vv_steps steps = {.start = 17};
    vv_steps_bounds(&steps, 5, &start, &end);
    assert_int_equal(start, 17);
    assert_int_equal(end, INT64_MAX);
}

/* 2026-11-21T12:00:00Z, a Saturday, in nanoseconds. */
#define NOON (INT64_C(1795262400) * 1000000000)
#define DAY (INT64_C(86400) * 1000000000)

static void expect_calendar(varve_step_unit unit, int64_t count, int64_t start_days,
                            int64_t end_days)
{
    int64_t start = 0, end = 0;
    const struct vv_steps steps = {.count = count, .unit = unit};
    vv_steps_bounds(&steps, NOON, &start, &end);
    assert_int_equal((start - (NOON - DAY / 2)) / DAY, start_days);
    assert_int_equal((end - (NOON - DAY / 2)) / DAY, end_days);
}

static void calendar_steps_begin_at_midnight(void **state)
{
    (void)state;
    expect_calendar(VARVE_STEP_DAYS, 1, 0, 1);
    expect_calendar(VARVE_STEP_WEEKS, 1, -5, 2);    /* Monday the 16th */
    expect_calendar(VARVE_STEP_MONTHS, 1, -20, 10); /* November */
    expect_calendar(VARVE_STEP_MONTHS, 3, -51, 41); /* October to December */
    expect_calendar(VARVE_STEP_YEARS, 1, -324, 41);
    expect_calendar(VARVE_STEP_DAYS, 2, 0, 2); /* day 20778 begins a pair */
}

static void an_offset_moves_steps(void **state)
{
    (void)state;
    int64_t start = 0, end = 0;
    const struct vv_steps fixed = {.count = 10, .offset = 103};
    vv_steps_bounds(&fixed, 12, &start, &end);
    assert_int_equal(start, 3);
    assert_int_equal(end, 13);
    const struct vv_steps days = {
        .count = 1, .unit = VARVE_STEP_DAYS, .offset = INT64_C(13) * 3600 * 1000000000};
    vv_steps_bounds(&days, NOON, &start, &end);
    assert_int_equal(end, NOON + INT64_C(3600) * 1000000000);
    assert_int_equal(start, end - DAY);
}

static void steps_follow_each_other_without_gap(void **state)
{
    (void)state;
    struct vv_test_random random = vv_test_random_init(31);
    /* Clocks that go back over midnight, and forward over the next one. */
    struct vv_zone_change changes[] = {{10 * 86400 + 1800, -3600}, {11 * 86400 - 600, 7200}};
    for (int round = 0; round < 20000; round++) {
        struct vv_steps steps = {
            .unit = (varve_step_unit)vv_test_random_below(&random, 5),
            .count = 1 + (int64_t)vv_test_random_below(&random, 4),
            .zone = {.change_count = 2, .changes = changes, .last_offset = 7200},
        };
        int64_t from = 0, start = 0, end = 0, next = 0, behind = 0;
        int64_t timestamp = (int64_t)vv_test_random_next(&random);
        if (round % 2 == 0) { /* around the changes */
            timestamp = (int64_t)vv_test_random_below(&random, 30 * DAY);
        }
        if (steps.unit == VARVE_STEP_NANOSECONDS) {
            steps.count *= 1000000007;
        }
        steps.offset = (int64_t)vv_test_random_below(&random, DAY * 2) - DAY;
        vv_steps_bounds(&steps, timestamp, &start, &end);
        assert_true(start <= timestamp && (timestamp < end || end == INT64_MAX));
        vv_steps_bounds(&steps, start, &from, &next);
        assert_true(from == start && next == end);
        if (end != INT64_MAX) {
            vv_steps_bounds(&steps, end - 1, &from, &next);
            assert_true(from == start && next == end);
            vv_steps_bounds(&steps, end, &next, &behind);
            assert_true(next == end && behind > end);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(steps_are_aligned_to_zero),
        cmocka_unit_test(steps_are_cut_off_at_the_ends_of_int64),
        cmocka_unit_test(without_a_step_there_is_one),
        cmocka_unit_test(calendar_steps_begin_at_midnight),
        cmocka_unit_test(an_offset_moves_steps),
        cmocka_unit_test(steps_follow_each_other_without_gap),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
