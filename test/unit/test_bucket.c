/* Tests of bucket.c. */
#include "query/bucket.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "os/alloc.h"
#include "support/random.h"

static void expect_bounds(int64_t timestamp, int64_t step, int64_t start, int64_t end)
{
    int64_t found_start = 0;
    int64_t found_end = 0;
    vv_bucket_bounds(timestamp, step, &found_start, &found_end);
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

/* A list with one sample of value 1 per bucket; time i * 10 where bit i of the set is 1. */
static struct vv_bucket_list list_of(uint64_t set)
{
    struct vv_bucket_list list = {0};
    for (int bit = 0; bit < 64; bit++) {
        if ((set >> bit & 1) != 0) {
            const int64_t timestamp = bit * 10;
            const double value = 1;
            struct vv_bucket *bucket = vv_bucket_list_append(&list, timestamp);
            assert_non_null(bucket);
            vv_bucket_add(bucket, &timestamp, &value, 1, true);
        }
    }
    return list;
}

static void merged_lists_have_every_time_once(void **state)
{
    (void)state;
    struct vv_test_random random = vv_test_random_init(10);
    for (int round = 0; round < 500; round++) {
        uint64_t a = vv_test_random_next(&random) & vv_test_random_next(&random);
        uint64_t b = round % 4 == 0 ? a : vv_test_random_next(&random);
        a = round % 10 == 0 ? 0 : a;
        b = round % 11 == 0 ? 0 : b;
        struct vv_bucket_list list = list_of(a);
        struct vv_bucket_list other = list_of(b);
        assert_int_equal(vv_bucket_list_merge(&list, &other), VARVE_OK);
        size_t at = 0;
        for (int bit = 0; bit < 64; bit++) {
            uint64_t expected = (a >> bit & 1) + (b >> bit & 1);
            if (expected > 0) {
                assert_int_equal(list.entries[at].time, bit * 10);
                assert_int_equal(list.entries[at].count, expected);
                assert_true(vv_bucket_value(&list.entries[at], VARVE_FUNCTION_SUM) ==
                            (double)expected);
                at++;
            }
        }
        assert_int_equal(at, list.count);
        vv_bucket_list_fini(&list);
        vv_bucket_list_fini(&other);
    }
}

static void a_merge_that_runs_out_of_memory_changes_nothing(void **state)
{
    (void)state;
    struct vv_bucket_list list = list_of(UINT64_C(0x5555));
    struct vv_bucket_list other = list_of(UINT64_MAX);
    vv_alloc_fail_at(1);
    assert_int_equal(vv_bucket_list_merge(&list, &other), VARVE_NO_MEMORY);
    vv_alloc_fail_at(0);
    assert_int_equal(list.count, 8);
    assert_int_equal(list.entries[7].time, 140);
    vv_bucket_list_fini(&list);
    vv_bucket_list_fini(&other);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(steps_are_aligned_to_zero),
        cmocka_unit_test(steps_are_cut_off_at_the_ends_of_int64),
        cmocka_unit_test(merged_lists_have_every_time_once),
        cmocka_unit_test(a_merge_that_runs_out_of_memory_changes_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
