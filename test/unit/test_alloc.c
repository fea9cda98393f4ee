/*
 * test_alloc.c - the counted heap.
 */
#include "os/alloc.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>

#include <cmocka.h>

#include <string.h>

#include "os/thread.h"

static void memory_is_usable_and_counted(void **state)
{
    (void)state;
    uint64_t before = vv_alloc_count();
    char *memory = vv_alloc(10);
    assert_non_null(memory);
    memset(memory, 'x', 10);
    memory = vv_realloc(memory, 1000);
    assert_non_null(memory);
    assert_int_equal(memory[9], 'x');
    vv_free(memory);
    memory = vv_realloc(NULL, 5);
    assert_non_null(memory);
    vv_free(memory);
    vv_free(NULL);
    assert_int_equal(vv_alloc_count(), before + 3);
}

static void zeroed_memory_is_zero(void **state)
{
    (void)state;
    uint8_t *memory = vv_alloc_zeroed(100, 10);
    assert_non_null(memory);
    for (size_t index = 0; index < 1000; index++) {
        assert_int_equal(memory[index], 0);
    }
    vv_free(memory);
}

static void a_product_that_overflows_is_refused(void **state)
{
    (void)state;
    volatile size_t half = (SIZE_MAX >> 1) + 1; /* volatile: the compiler must not see through it */
    assert_null(vv_alloc_zeroed(half, 2));
}

static void aligned_memory_is_aligned(void **state)
{
    (void)state;
    for (size_t alignment = sizeof(void *); alignment <= 4096; alignment *= 2) {
        uint8_t *memory = vv_alloc_aligned(alignment, 3);
        assert_non_null(memory);
        assert_int_equal((uintptr_t)memory % alignment, 0);
        memset(memory, 1, 3);
        vv_free(memory);
    }
}

static void the_nth_allocation_fails_once(void **state)
{
    (void)state;
    vv_alloc_fail_at(3);
    void *first = vv_alloc(1);
    void *second = vv_alloc_zeroed(1, 1);
    assert_non_null(first);
    assert_non_null(second);
    assert_null(vv_alloc_aligned(64, 1));
    void *fourth = vv_alloc(1);
    assert_non_null(fourth);
    vv_free(first);
    vv_free(second);
    vv_free(fourth);
}

static void a_failed_realloc_leaves_the_memory(void **state)
{
    (void)state;
    char *memory = vv_alloc(4);
    assert_non_null(memory);
    memcpy(memory, "abc", 4);
    vv_alloc_fail_at(1);
    assert_null(vv_realloc(memory, 1000));
    assert_string_equal(memory, "abc");
    vv_free(memory);
}

static void a_failure_can_be_called_off(void **state)
{
    (void)state;
    vv_alloc_fail_at(1);
    vv_alloc_fail_at(0);
    void *memory = vv_alloc(1);
    assert_non_null(memory);
    vv_free(memory);
}

static atomic_int failures;

static void allocate_often(void *argument)
{
    (void)argument;
    for (int count = 0; count < 1000; count++) {
        void *memory = vv_alloc(1);
        atomic_fetch_add(&failures, memory == NULL);
        vv_free(memory);
    }
}

static void one_thread_of_many_meets_the_failure(void **state)
{
    (void)state;
    uint64_t before = vv_alloc_count();
    vv_alloc_fail_at(2000);
    struct vv_thread threads[4];
    for (int index = 0; index < 4; index++) {
        assert_int_equal(vv_thread_start(&threads[index], allocate_often, NULL), 0);
    }
    for (int index = 0; index < 4; index++) {
        vv_thread_join(&threads[index]);
    }
    assert_int_equal(atomic_load(&failures), 1);
    assert_int_equal(vv_alloc_count(), before + 4000);
}

static void failing_from_the_nth_allocation_on_lasts_until_it_is_switched_off(void **state)
{
    (void)state;
    vv_alloc_fail_from(2);
    void *first = vv_alloc(8);
    assert_non_null(first);
    for (int i = 0; i < 3; i++) {
        assert_null(vv_alloc(8));
    }
    vv_alloc_fail_at(0);
    void *after = vv_alloc(8);
    assert_non_null(after);
    vv_free(first);
    vv_free(after);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(memory_is_usable_and_counted),
        cmocka_unit_test(zeroed_memory_is_zero),
        cmocka_unit_test(a_product_that_overflows_is_refused),
        cmocka_unit_test(aligned_memory_is_aligned),
        cmocka_unit_test(the_nth_allocation_fails_once),
        cmocka_unit_test(a_failed_realloc_leaves_the_memory),
        cmocka_unit_test(a_failure_can_be_called_off),
        cmocka_unit_test(one_thread_of_many_meets_the_failure),
        cmocka_unit_test(failing_from_the_nth_allocation_on_lasts_until_it_is_switched_off),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
