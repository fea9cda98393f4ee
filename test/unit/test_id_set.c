/* Tests of id_set.c. */
#include "index/id_set.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

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

static void ids_may_be_removed(void **state)
{
    (void)state;
    const uint32_t ids[] = {1, 2, 3};
    const uint32_t left[] = {1, 3};
    struct vv_id_set *set = set_of(ids, 3);
    vv_id_set_remove(set, 2);
    vv_id_set_remove(set, 2);
    expect_ids(set, left, 2);
    vv_id_set_destroy(set);
}

/* Sets of any size, as the runs of a selection. */
static void a_set_is_added_to_a_selection(void **state)
{
    (void)state;
    struct vv_test_random random = vv_test_random_init(5);
    for (int round = 0; round < 40; round++) {
        struct vv_id_set *set = vv_id_set_create();
        struct vv_id_runs *runs = vv_id_runs_create();
        size_t count = vv_test_random_below(&random, 2000);
        uint32_t id = 0;
        for (size_t at = 0; at < count; at++) {
            id += 1 + (uint32_t)vv_test_random_below(&random, round % 2 == 0 ? 3 : 30000);
            assert_int_equal(vv_id_set_add(set, id), VARVE_OK);
        }
        uint32_t *expected = malloc((count + 1) * sizeof(*expected));
        uint32_t *found = malloc((count + 1) * sizeof(*found));
        assert_int_equal(vv_id_set_add_to(set, runs), VARVE_OK);
        assert_int_equal(vv_id_runs_count(runs), count);
        vv_id_set_to_array(set, expected);
        vv_id_runs_to_array(runs, found);
        assert_memory_equal(found, expected, count * sizeof(*found));
        free(expected);
        free(found);
        vv_id_set_destroy(set);
        vv_id_runs_destroy(runs);
    }
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
        cmocka_unit_test(ids_may_be_removed),
        cmocka_unit_test(a_set_is_added_to_a_selection),
        cmocka_unit_test(a_dense_set_costs_little),
        cmocka_unit_test(creation_may_run_out_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
