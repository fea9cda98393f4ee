/* Tests of time_columns.c. */
#include "query/time_columns.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "os/alloc.h"

static void a_column_is_filled_once(void **state)
{
    (void)state;
    struct vv_query_memory memory = {0};
    struct vv_time_column *first = vv_time_column_acquire(&memory, 1, 5);
    assert_non_null(first);
    assert_false(first->filled);
    first->timestamps[0] = 77;
    first->filled = true;
    struct vv_time_column *again = vv_time_column_acquire(&memory, 1, 5);
    assert_ptr_equal(again, first);
    assert_true(again->filled);
    vv_time_column_release(first);
    vv_time_column_release(again);
    struct vv_time_column *other = vv_time_column_acquire(&memory, 2, 5); /* of another owner */
    assert_non_null(other);
    assert_false(other->filled);
    vv_time_column_release(other);
    vv_time_column_release(NULL);
    vv_query_memory_fini(&memory);
}

static void what_is_used_is_not_overwritten(void **state)
{
    (void)state;
    struct vv_query_memory memory = {0};
    struct vv_time_column *used = vv_time_column_acquire(&memory, 1, 3);
    used->timestamps[1023] = 42;
    used->filled = true;
    for (uint32_t number = 0; number < 64; number++) {
        struct vv_time_column *column = vv_time_column_acquire(&memory, 1, number);
        assert_true(column == NULL || column == used || column->timestamps != used->timestamps);
        assert_true(column != used || number == 3);
        vv_time_column_release(column);
    }
    assert_int_equal(used->timestamps[1023], 42);
    vv_time_column_release(used);
    vv_query_memory_fini(&memory);
}

static void one_that_could_not_be_filled_is_filled_by_the_next(void **state)
{
    (void)state;
    struct vv_query_memory memory = {0};
    struct vv_time_column *column = vv_time_column_acquire(&memory, 1, 0);
    vv_time_column_release(column);
    column = vv_time_column_acquire(&memory, 1, 0);
    assert_false(column->filled);
    vv_time_column_release(column);
    vv_query_memory_fini(&memory);
}

static void without_memory_there_is_none(void **state)
{
    (void)state;
    struct vv_query_memory memory = {0};
    vv_alloc_fail_at(1);
    assert_null(vv_time_column_acquire(&memory, 1, 0));
    vv_alloc_fail_at(0);
    vv_query_memory_fini(&memory);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_column_is_filled_once),
        cmocka_unit_test(what_is_used_is_not_overwritten),
        cmocka_unit_test(one_that_could_not_be_filled_is_filled_by_the_next),
        cmocka_unit_test(without_memory_there_is_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
