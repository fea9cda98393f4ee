/* Tests of id_runs.c. */
#include "index/id_runs.h"

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
static void expect_ids(struct vv_id_runs *set, const uint32_t *ids, size_t count)
{
    uint32_t found[16];
    assert_int_equal(vv_id_runs_count(set), count);
    vv_id_runs_to_array(set, found);
    assert_memory_equal(found, ids, count * sizeof(ids[0]));
}

static struct vv_id_runs *set_of(const uint32_t *ids, size_t count)
{
    struct vv_id_runs *set = vv_id_runs_create();
    assert_non_null(set);
    assert_int_equal(vv_id_runs_add_many(set, ids, count), VARVE_OK);
    return set;
}

static void ids_come_ascending_and_once(void **state)
{
    (void)state;
    const uint32_t ids[] = {7, 3, UINT32_MAX, 0, 7};
    const uint32_t expected[] = {0, 3, 7, UINT32_MAX};
    struct vv_id_runs *set = set_of(ids, 5);
    assert_int_equal(vv_id_runs_add(set, 3), VARVE_OK);
    expect_ids(set, expected, 4);
    assert_true(vv_id_runs_contains(set, 7));
    assert_false(vv_id_runs_contains(set, 8));
    vv_id_runs_destroy(set);
    vv_id_runs_destroy(NULL);
}

static void ranges_reach_to_the_last_id(void **state)
{
    (void)state;
    const uint32_t expected[] = {UINT32_MAX - 1, UINT32_MAX};
    struct vv_id_runs *set = vv_id_runs_create();
    assert_int_equal(vv_id_runs_add_range(set, 5, 0), VARVE_OK);
    assert_int_equal(vv_id_runs_count(set), 0);
    assert_int_equal(vv_id_runs_add_range(set, UINT32_MAX - 1, 2), VARVE_OK);
    expect_ids(set, expected, 2);
    vv_id_runs_destroy(set);
}

static void sets_unite_intersect_and_subtract(void **state)
{
    (void)state;
    const uint32_t a[] = {1, 2, 3};
    const uint32_t b[] = {2, 3, 4};
    const uint32_t both[] = {2, 3};
    const uint32_t all[] = {1, 2, 3, 4};
    struct vv_id_runs *left = set_of(a, 3);
    struct vv_id_runs *right = set_of(b, 3);
    assert_int_equal(vv_id_runs_intersect(left, right), VARVE_OK);
    expect_ids(left, both, 2);
    assert_int_equal(vv_id_runs_add(left, 1), VARVE_OK);
    assert_int_equal(vv_id_runs_unite(left, right), VARVE_OK);
    expect_ids(left, all, 4);
    assert_int_equal(vv_id_runs_subtract(left, right), VARVE_OK);
    expect_ids(left, a, 1);
    vv_id_runs_clear(left);
    assert_true(vv_id_runs_is_empty(left));
    expect_ids(left, NULL, 0);
    expect_ids(right, b, 3);
    vv_id_runs_destroy(left);
    vv_id_runs_destroy(right);
}

static void a_set_may_meet_itself(void **state)
{
    (void)state;
    const uint32_t ids[] = {1, 2, 100000};
    struct vv_id_runs *set = set_of(ids, 3);
    assert_int_equal(vv_id_runs_unite(set, set), VARVE_OK);
    expect_ids(set, ids, 3);
    assert_int_equal(vv_id_runs_intersect(set, set), VARVE_OK);
    expect_ids(set, ids, 3);
    assert_int_equal(vv_id_runs_subtract(set, set), VARVE_OK);
    expect_ids(set, ids, 0);
    vv_id_runs_destroy(set);
}

enum { UNIVERSE = 200000 };

/* A random set and the same as one byte per id. */
static struct vv_id_runs *random_set(struct vv_test_random *random, uint8_t *members)
{
    struct vv_id_runs *set = vv_id_runs_create();
    memset(members, 0, UNIVERSE);
    for (int piece = 0; piece < 5; piece++) {
        uint32_t first = (uint32_t)vv_test_random_below(random, UNIVERSE);
        uint32_t count = (uint32_t)vv_test_random_below(random, UNIVERSE - first);
        uint32_t stride = 1 + (uint32_t)vv_test_random_below(random, 50);
        if (stride == 1) {
            assert_int_equal(vv_id_runs_add_range(set, first, count), VARVE_OK);
        }
        for (uint32_t id = first; id < first + count; id += stride) {
            members[id] = 1;
            assert_int_equal(vv_id_runs_add(set, id), VARVE_OK);
        }
    }
    return set;
}

static void expect_members(struct vv_id_runs *set, const uint8_t *members)
{
    uint64_t count = vv_id_runs_count(set);
    uint32_t *ids = malloc((count + 1) * sizeof(ids[0]));
    vv_id_runs_to_array(set, ids);
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
        struct vv_id_runs *left = random_set(&random, a);
        struct vv_id_runs *right = random_set(&random, b);
        for (size_t id = 0; id < UNIVERSE; id++) {
            a[id] = round % 3 == 0   ? a[id] | b[id]
                    : round % 3 == 1 ? a[id] & b[id]
                                     : a[id] & !b[id];
        }
        if (round % 3 == 0) {
            assert_int_equal(vv_id_runs_unite(left, right), VARVE_OK);
        } else if (round % 3 == 1) {
            assert_int_equal(vv_id_runs_intersect(left, right), VARVE_OK);
        } else {
            assert_int_equal(vv_id_runs_subtract(left, right), VARVE_OK);
        }
        expect_members(left, a);
        expect_members(right, b);
        vv_id_runs_destroy(left);
        vv_id_runs_destroy(right);
    }
    free(a);
    free(b);
}

/* Few ids over a wide range are sorted in place, many by bits; both the same. */
static void ids_in_any_order_are_sorted(void **state)
{
    (void)state;
    struct vv_test_random random = vv_test_random_init(6);
    uint8_t *members = malloc(UNIVERSE);
    struct vv_id_runs *set = vv_id_runs_create();
    for (int round = 0; round < 60; round++) {
        size_t count = 1 + vv_test_random_below(&random, round % 2 == 0 ? 20 : 20000);
        uint32_t base = (uint32_t)vv_test_random_below(&random, UNIVERSE / 2);
        memset(members, 0, UNIVERSE);
        vv_id_runs_clear(set);
        for (size_t at = 0; at < count; at++) {
            uint32_t id = base + (uint32_t)vv_test_random_below(&random, UNIVERSE / 2);
            uint32_t length = 1 + (uint32_t)vv_test_random_below(&random, round % 3 == 0 ? 3 : 200);
            length = length < UNIVERSE - id ? length : UNIVERSE - id;
            assert_int_equal(vv_id_runs_add_range(set, id, length), VARVE_OK);
            memset(members + id, 1, length);
        }
        expect_members(set, members);
    }
    vv_id_runs_destroy(set);
    free(members);
}

static void neighbours_are_one_run(void **state)
{
    (void)state;
    struct vv_id_runs *set = vv_id_runs_create();
    for (uint32_t id = 0; id < 1000000; id++) {
        assert_int_equal(vv_id_runs_add(set, id), VARVE_OK);
    }
    assert_int_equal(vv_id_runs_count(set), 1000000);
    assert_in_range(vv_id_runs_bytes(set), 1, 2000);
    vv_id_runs_destroy(set);
}

/* The second selection of the same sets. */
static void memory_is_kept(void **state)
{
    (void)state;
    struct vv_id_runs *set = vv_id_runs_create();
    struct vv_id_runs *other = vv_id_runs_create();
    uint64_t before = 0;
    for (int round = 0; round < 3; round++) {
        before = round == 1 ? vv_alloc_count() : before;
        vv_id_runs_clear(set);
        vv_id_runs_clear(other);
        for (uint32_t id = 5000; id-- > 0;) {
            assert_int_equal(vv_id_runs_add(set, id * 2), VARVE_OK);
            assert_int_equal(vv_id_runs_add(other, id * 3), VARVE_OK);
        }
        assert_int_equal(vv_id_runs_intersect(set, other), VARVE_OK);
        assert_int_equal(vv_id_runs_count(set), 1667);
    }
    assert_int_equal(vv_alloc_count(), before);
    vv_id_runs_destroy(set);
    vv_id_runs_destroy(other);
}

static void without_memory_a_set_is_as_it_was(void **state)
{
    (void)state;
    const uint32_t ids[] = {1, 5, 9};
    struct vv_id_runs *set = set_of(ids, 3);
    struct vv_id_runs *other = vv_id_runs_create();
    for (uint32_t id = 0; id < 200; id++) {
        assert_int_equal(vv_id_runs_add(other, id * 5), VARVE_OK);
    }
    vv_alloc_fail_from(1);
    assert_int_equal(vv_id_runs_intersect(set, other), VARVE_NO_MEMORY);
    assert_int_equal(vv_id_runs_subtract(set, other), VARVE_NO_MEMORY);
    assert_int_equal(vv_id_runs_add(other, 3), VARVE_OK); /* out of order: sorted without bits */
    assert_int_equal(vv_id_runs_count(other), 201);
    vv_alloc_fail_at(0);
    expect_ids(set, ids, 3);
    vv_id_runs_destroy(set);
    vv_id_runs_destroy(other);
}

static void creation_may_run_out_of_memory(void **state)
{
    (void)state;
    vv_alloc_fail_at(1);
    assert_null(vv_id_runs_create());
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
        cmocka_unit_test(ids_in_any_order_are_sorted),
        cmocka_unit_test(neighbours_are_one_run),
        cmocka_unit_test(memory_is_kept),
        cmocka_unit_test(without_memory_a_set_is_as_it_was),
        cmocka_unit_test(creation_may_run_out_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
