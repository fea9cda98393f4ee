/* Tests of merge_slices.c: where merged blocks are cut. */
#include "storage/upkeep/merge_slices.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "support/random.h"

static const int64_t day = INT64_C(86400000000000);
static const int64_t now = INT64_C(1700000000000000000);

static struct vv_time_map *new_map(void)
{
    return calloc(1, sizeof(struct vv_time_map));
}

/* A day of chunks of many series, in random order. */
static void add_day(struct vv_time_map *map, size_t chunks)
{
    struct vv_test_random random = vv_test_random_init(1);
    for (size_t i = 0; i < chunks; i++) {
        int64_t start = now + (int64_t)vv_test_random_below(&random, (uint64_t)day);
        vv_time_map_add(map, (struct vv_time_extent){start, start + day / 100, 1000});
    }
}

static void add_sample(struct vv_time_map *map, int64_t timestamp)
{
    vv_time_map_add(map, (struct vv_time_extent){timestamp, timestamp, 1});
}

static uint64_t samples_of(const struct vv_time_map *map)
{
    uint64_t samples = 0;
    for (size_t i = 0; i < map->count; i++) {
        samples += map->extents[i].samples;
    }
    return samples;
}

static void a_small_map_is_one_slice(void **state)
{
    (void)state;
    struct vv_time_map *map = new_map();
    int64_t bounds[VV_MERGE_SLICES_MAX];
    assert_int_equal(vv_time_map_cut(map, 0, 1000, 9, bounds), 0);
    add_sample(map, 5);
    assert_int_equal(vv_time_map_cut(map, 100, 1000, 9, bounds), 0);
    add_day(map, 100);
    free(map);
}

static void strays_far_away_get_slices_of_their_own(void **state)
{
    (void)state;
    struct vv_time_map *map = new_map();
    int64_t bounds[VV_MERGE_SLICES_MAX];
    add_sample(map, 0);
    add_day(map, 50000);
    add_sample(map, INT64_MAX - 1);
    add_sample(map, 3);
    assert_int_equal(vv_time_map_cut(map, 1000, 1000000, 9, bounds), 2);
    assert_true(bounds[0] > 3 && bounds[0] <= now + day / 10);
    assert_true(bounds[1] > now + day && bounds[1] <= INT64_MAX - 1);
    assert_int_equal(vv_time_map_cut(map, 1000, 1000000, 2, bounds), 1);
    assert_int_equal(vv_time_map_cut(map, 1000, 1000000, 1, bounds), 0);
    free(map);
}

static void what_is_too_large_is_cut_into_equal_parts(void **state)
{
    (void)state;
    struct vv_time_map *map = new_map();
    int64_t bounds[VV_MERGE_SLICES_MAX];
    add_day(map, 50000);
    assert_int_equal(samples_of(map), 50000000);
    assert_int_equal(vv_time_map_cut(map, 4000, 1000, 99, bounds), 3);
    for (int64_t i = 0; i < 3; i++) {
        int64_t wanted = now + (i + 1) * day / 4;
        assert_true(llabs(bounds[i] - wanted) < day / 25);
    }
    assert_int_equal(vv_time_map_cut(map, 4000, 1000, 3, bounds), 2);
    assert_int_equal(vv_time_map_cut(map, 1400, 1000, 3, bounds), 0); /* not worth it */
    free(map);
}

static void samples_a_day_apart_are_no_strays(void **state)
{
    (void)state;
    struct vv_time_map *map = new_map();
    int64_t bounds[VV_MERGE_SLICES_MAX];
    for (int64_t i = 0; i < 3000; i++) {
        add_sample(map, now + i * day);
    }
    assert_int_equal(vv_time_map_cut(map, 1000, 1000000, 9, bounds), 0);
    free(map);
}

static void bounds_ascend_and_no_sample_is_lost_whatever_comes(void **state)
{
    (void)state;
    struct vv_test_random random = vv_test_random_init(2);
    for (int round = 0; round < 200; round++) {
        struct vv_time_map *map = new_map();
        int64_t bounds[VV_MERGE_SLICES_MAX];
        size_t count = vv_test_random_below(&random, 5000);
        unsigned shift = (unsigned)vv_test_random_below(&random, 64);
        for (size_t i = 0; i < count; i++) {
            int64_t start = (int64_t)(vv_test_random_next(&random) >> shift);
            int64_t room = INT64_MAX - 1 - (start > 0 ? start : 0);
            int64_t width = (int64_t)vv_test_random_below(&random, 1000);
            vv_time_map_add(
                map, (struct vv_time_extent){start, start + (width < room ? width : room), 1});
        }
        assert_int_equal(samples_of(map), count);
        size_t slices_max = 1 + vv_test_random_below(&random, 300);
        size_t cuts =
            vv_time_map_cut(map, vv_test_random_below(&random, 100000), 1000, slices_max, bounds);
        assert_true(cuts + 1 <= slices_max && cuts < VV_MERGE_SLICES_MAX);
        for (size_t i = 1; i < cuts; i++) {
            assert_true(bounds[i - 1] < bounds[i]);
        }
        free(map);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_small_map_is_one_slice),
        cmocka_unit_test(strays_far_away_get_slices_of_their_own),
        cmocka_unit_test(what_is_too_large_is_cut_into_equal_parts),
        cmocka_unit_test(samples_a_day_apart_are_no_strays),
        cmocka_unit_test(bounds_ascend_and_no_sample_is_lost_whatever_comes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
