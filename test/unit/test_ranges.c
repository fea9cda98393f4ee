/* Tests of ranges.c. */
#include "query/ranges.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "os/alloc.h"
#include "support/random.h"

static void ranges_are_sorted_and_melted(void **state)
{
    (void)state;
    const struct vv_range ranges[] = {{30, 40}, {5, 5}, {10, 20}, {35, 50}, {20, 22}, {9, 3}};
    struct vv_range_list *list = vv_range_list_unite(NULL, ranges, 6);
    assert_int_equal(list->count, 2);
    assert_int_equal(list->ranges[0].start, 10);
    assert_int_equal(list->ranges[0].end, 22);
    assert_int_equal(list->ranges[1].start, 30);
    assert_int_equal(list->ranges[1].end, 50);
    vv_free(list);
}

static void a_list_grows_by_more_ranges_and_stays_itself(void **state)
{
    (void)state;
    const struct vv_range first[] = {{10, 20}, {30, 40}};
    const struct vv_range bridge = {15, 35};
    struct vv_range_list *list = vv_range_list_unite(NULL, first, 2);
    struct vv_range_list *united = vv_range_list_unite(list, &bridge, 1);
    assert_int_equal(list->count, 2);
    assert_int_equal(united->count, 1);
    assert_int_equal(united->ranges[0].start, 10);
    assert_int_equal(united->ranges[0].end, 40);
    vv_free(list);
    vv_free(united);
    list = vv_range_list_unite(NULL, NULL, 0);
    assert_int_equal(list->count, 0);
    vv_free(list);
}

static bool covers(const struct vv_range *ranges, size_t count, int64_t timestamp)
{
    for (size_t index = 0; index < count; index++) {
        if (ranges[index].start <= timestamp && timestamp < ranges[index].end) {
            return true;
        }
    }
    return false;
}

static void a_list_covers_what_its_ranges_cover(void **state)
{
    (void)state;
    struct vv_test_random random = vv_test_random_init(9);
    for (int round = 0; round < 500; round++) {
        struct vv_range ranges[12];
        size_t count = vv_test_random_below(&random, 13);
        for (size_t index = 0; index < count; index++) {
            ranges[index].start = (int64_t)vv_test_random_below(&random, 100);
            ranges[index].end = ranges[index].start + (int64_t)vv_test_random_below(&random, 15);
        }
        struct vv_range_list *list = vv_range_list_unite(NULL, ranges, count);
        for (int64_t timestamp = -1; timestamp < 120; timestamp++) {
            assert_int_equal(covers(list->ranges, list->count, timestamp),
                             covers(ranges, count, timestamp));
        }
        for (size_t index = 0; index + 1 < list->count; index++) {
            assert_true(list->ranges[index].end < list->ranges[index + 1].start);
        }
        vv_free(list);
    }
}

static void out_of_memory_gives_null(void **state)
{
    (void)state;
    vv_alloc_fail_at(1);
    assert_null(vv_range_list_unite(NULL, NULL, 0));
    vv_alloc_fail_at(0);
}

static void timestamps_are_found_from_any_place(void **state)
{
    (void)state;
    for (size_t count = 0; count <= 40; count++) {
        /* Exactly as large as it is, so that a sanitizer sees reads beyond it. */
        int64_t *timestamps = malloc((count + 1) * sizeof(timestamps[0]));
        int64_t *exact = timestamps + 1;
        for (size_t index = 0; index < count; index++) {
            exact[index] = (int64_t)index * 2;
        }
        for (size_t from = 0; from <= count; from++) {
            for (int64_t timestamp = -1; timestamp <= (int64_t)count * 2; timestamp++) {
                size_t expected = from;
                while (expected < count && exact[expected] < timestamp) {
                    expected++;
                }
                assert_int_equal(vv_timestamps_find(exact, from, count, timestamp), expected);
            }
        }
        free(timestamps);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ranges_are_sorted_and_melted),
        cmocka_unit_test(a_list_grows_by_more_ranges_and_stays_itself),
        cmocka_unit_test(a_list_covers_what_its_ranges_cover),
        cmocka_unit_test(out_of_memory_gives_null),
        cmocka_unit_test(timestamps_are_found_from_any_place),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
