/* Tests of ranking.c. */
#include "query/ranking.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void the_best_of_each_time_stay_in_their_order(void **state)
{
    (void)state;
    struct vv_ranked_row rows[] = {
        {.time = 1, .value = 5, .order = 0},           {.time = 2, .value = 1, .order = 1},
        {.time = 1, .value = (double)NAN, .order = 2}, {.time = 2, .value = 7, .order = 3},
        {.time = 1, .value = 9, .order = 4},           {.time = 2, .value = 7, .order = 5},
    };
    assert_int_equal(vv_ranking_select(rows, 6, 2, true, false), 4);
    assert_int_equal(rows[0].order, 0);
    assert_int_equal(rows[1].order, 3);
    assert_int_equal(rows[2].order, 4);
    assert_int_equal(rows[3].order, 5);
}

static void ranked_rows_come_best_first_and_nan_last(void **state)
{
    (void)state;
    struct vv_ranked_row rows[] = {
        {.value = 5, .order = 0},
        {.value = (double)NAN, .order = 1},
        {.value = -3, .order = 2},
        {.value = 5, .order = 3},
    };
    assert_int_equal(vv_ranking_select(rows, 4, 10, false, true), 4);
    assert_int_equal(rows[0].order, 2);
    assert_int_equal(rows[1].order, 0);
    assert_int_equal(rows[2].order, 3);
    assert_int_equal(rows[3].order, 1);
    assert_int_equal(vv_ranking_select(rows, 4, 1, true, true), 1);
    assert_int_equal(rows[0].order, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_best_of_each_time_stay_in_their_order),
        cmocka_unit_test(ranked_rows_come_best_first_and_nan_last),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
