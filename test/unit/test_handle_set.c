/*
 * test_handle_set.c - the count of different handles.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "os/alloc.h"
#include "support/random.h"
#include "text/handle_set.h"

static void a_handle_counts_once(void **state)
{
    (void)state;
    struct vv_handle_set set = {0};
    static const uint64_t handles[] = {5, 0, UINT64_MAX, 5, 0, 6};
    for (size_t index = 0; index < sizeof handles / sizeof handles[0]; index++) {
        assert_int_equal(vv_handle_set_add(&set, handles[index]), VARVE_OK);
    }
    assert_int_equal(set.count, 4);
    vv_handle_set_fini(&set);
}

static void counters_and_random_handles_are_counted_exactly(void **state)
{
    (void)state;
    enum { COUNT = 50000 };
    struct vv_test_random random = vv_test_random_init(1);
    for (int kind = 0; kind < 2; kind++) {
        struct vv_handle_set set = {0};
        for (int pass = 0; pass < 2; pass++) {
            struct vv_test_random same = random;
            for (uint64_t index = 0; index < COUNT; index++) {
                uint64_t handle = kind == 0 ? index << 32 : vv_test_random_next(&same);
                assert_int_equal(vv_handle_set_add(&set, handle), VARVE_OK);
            }
        }
        assert_int_equal(set.count, COUNT);
        vv_handle_set_fini(&set);
    }
}

static void a_failed_allocation_changes_nothing(void **state)
{
    (void)state;
    struct vv_handle_set set = {0};
    vv_alloc_fail_at(1);
    assert_int_equal(vv_handle_set_add(&set, 1), VARVE_NO_MEMORY);
    vv_alloc_fail_at(0);
    assert_int_equal(set.count, 0);
    assert_int_equal(vv_handle_set_add(&set, 1), VARVE_OK);
    assert_int_equal(set.count, 1);
    vv_handle_set_fini(&set);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_handle_counts_once),
        cmocka_unit_test(counters_and_random_handles_are_counted_exactly),
        cmocka_unit_test(a_failed_allocation_changes_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
