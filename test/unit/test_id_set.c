/* Tests of id_set.c. */
#include "index/id_set.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "os/alloc.h"
#include "support/random.h"

/* Expects exactly these ids, ascending. */
static void expect_ids(const struct vv_id_set *set, const uint32_t *ids, size_t count)
{
    uint32_t found[16];
    assert_int_equal(vv_id_set_count(set), count);
    vv_id_set_to_array(set, found);
    assert_memory_equal(found, ids, count * sizeof(ids[0]));
}

static struct vv_id_set *set_of(const uint32_t *ids, size_t count)
{
    struct vv_id_set *set = vv_id_set_create();
    assert_non_null(set);
    assert_int_equal(vv_id_set_add_many(set, ids, count), VARVE_OK);
    return set;
}

static void ids_come_ascending_and_once(void **state)
{
    (void)state;
    const uint32_t ids[] = {7, 3, UINT32_MAX, 0, 7};
    const uint32_t expected[] = {0, 3, 7, UINT32_MAX};
    struct vv_id_set *set = set_of(ids, 5);
    assert_int_equal(vv_id_set_add(set, 3), VARVE_OK);
    expect_ids(set, expected, 4);
    assert_true(vv_id_set_contains(set, 7));
    assert_false(vv_id_set_contains(set, 8));
    vv_id_set_destroy(set);
    vv_id_set_destroy(NULL);
}

static void ranges_reach_to_the_last_id(void **state)
{
    (void)state;
    const uint32_t expected[] = {UINT32_MAX - 1, UINT32_MAX};
    struct vv_id_set *set = vv_id_set_create();
    assert_int_equal(vv_id_set_add_range(set, 5, 0), VARVE_OK);
    assert_int_equal(vv_id_set_count(set), 0);
    assert_int_equal(vv_id_set_add_range(set, UINT32_MAX - 1, 2), VARVE_OK);
    expect_ids(set, expected, 2);
    vv_id_set_destroy(set);
}

static void sets_unite_intersect_and_subtract(void **state)
{
    (void)state;
    const uint32_t a[] = {1, 2, 3};
    const uint32_t b[] = {2, 3, 4};
    const uint32_t both[] = {2, 3};
    const uint32_t all[] = {1, 2, 3, 4};
    struct vv_id_set *left = set_of(a, 3);
    struct vv_id_set *right = set_of(b, 3);
    vv_id_set_intersect(left, right);
    expect_ids(left, both, 2);
    assert_int_equal(vv_id_set_add(left, 1), VARVE_OK);
    assert_int_equal(vv_id_set_unite(left, right), VARVE_OK);
    expect_ids(left, all, 4);
    vv_id_set_subtract(left, right);
    expect_ids(left, a, 1);
    vv_id_set_remove(left, 1);
    vv_id_set_remove(left, 1);
    expect_ids(left, NULL, 0);
    expect_ids(right, b, 3);
    vv_id_set_destroy(left);
    vv_id_set_destroy(right);
}

static void a_set_may_meet_itself(void **state)
{
    (void)state;
    const uint32_t ids[] = {1, 2, 100000};
    struct vv_id_set *set = set_of(ids, 3);
    assert_int_equal(vv_id_set_unite(set, set), VARVE_OK);
    expect_ids(set, ids, 3);
    vv_id_set_intersect(set, set);
    expect_ids(set, ids, 3);
    vv_id_set_subtract(set, set);
    expect_ids(set, ids, 0);
    vv_id_set_destroy(set);
}

enum { UNIVERSE = 200000 };

/* A random set and the same as one byte per id. */
static struct vv_id_set *random_set(struct vv_test_random *random, uint8_t *members)
{
    struct vv_id_set *set = vv_id_set_create();
    memset(members, 0, UNIVERSE);
    for (int piece = 0; piece < 5; piece++) {
        uint32_t first = (uint32_t)vv_test_random_below(random, UNIVERSE);
        uint32_t count = (uint32_t)vv_test_random_below(random, UNIVERSE - first);
        uint32_t stride = 1 + (uint32_t)vv_test_random_below(random, 50);
        if (stride == 1) {
            assert_int_equal(vv_id_set_add_range(set, first, count), VARVE_OK);
        }
        for (uint32_t id = first; id < first + count; id += stride) {
            members[id] = 1;
            assert_int_equal(vv_id_set_add(set, id), VARVE_OK);
        }
    }
    return set;
}

static void expect_members(const struct vv_id_set *set, const uint8_t *members)
{
    uint64_t count = vv_id_set_count(set);
    uint32_t *ids = malloc((count + 1) * sizeof(ids[0]));
    vv_id_set_to_array(set, ids);
    size_t at = 0;
    for (uint32_t id = 0; id < UNIVERSE; id++) {
        if (members[id]) {
            assert_true(at < count && ids[at] == id);
            at++;
        }
    }
    assert_int_equal(at, count);
    free(ids);
}

static void large_sets_behave_as_arrays_of_booleans(void **state)
{
    (void)state;
    struct vv_test_random random = vv_test_random_init(5);
    uint8_t *a = malloc(UNIVERSE);
    uint8_t *b = malloc(UNIVERSE);
    for (int round = 0; round < 6; round++) {
        struct vv_id_set *left = random_set(&random, a);
        struct vv_id_set *right = random_set(&random, b);
        for (size_t id = 0; id < UNIVERSE; id++) {
            a[id] = round % 3 == 0   ? a[id] | b[id]
                    : round % 3 == 1 ? a[id] & b[id]
                                     : a[id] & !b[id];
        }
        if (round % 3 == 0) {
            assert_int_equal(vv_id_set_unite(left, right), VARVE_OK);
        } else if (round % 3 == 1) {
            vv_id_set_intersect(left, right);
        } else {
            vv_id_set_subtract(left, right);
        }
        expect_members(left, a);
        expect_members(right, b);
        vv_id_set_destroy(left);
        vv_id_set_destroy(right);
    }
    free(a);
    free(b);
}

static void a_dense_set_costs_little(void **state)
{
    (void)state;
    struct vv_id_set *set = vv_id_set_create();
    for (uint32_t id = 0; id < 65536; id++) {
        assert_int_equal(vv_id_set_add(set, id), VARVE_OK);
    }
    assert_in_range(vv_id_set_bytes(set), 8192, 8192 + 200);
    vv_id_set_destroy(set);
}

static void creation_may_run_out_of_memory(void **state)
{
    (void)state;
    vv_alloc_fail_at(1);
    assert_null(vv_id_set_create());
    vv_alloc_fail_at(0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ids_come_ascending_and_once),
        cmocka_unit_test(ranges_reach_to_the_last_id),
        cmocka_unit_test(sets_unite_intersect_and_subtract),
        cmocka_unit_test(a_set_may_meet_itself),
        cmocka_unit_test(large_sets_behave_as_arrays_of_booleans),
        cmocka_unit_test(a_dense_set_costs_little),
        cmocka_unit_test(creation_may_run_out_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
