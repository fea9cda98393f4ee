/* Tests of memory.c. */
#include "query/memory.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "os/alloc.h"
#include "support/random.h"

static void what_was_given_back_is_used_again(void **state)
{
    (void)state;
    struct vv_query_memory memory = {0};
    for (int round = 0; round < 3; round++) {
        vv_query_memory_begin(&memory, 0);
        void *taken[5];
        for (size_t at = 0; at < 5; at++) {
            taken[at] = vv_query_alloc(&memory, 100 << (2 * at));
            assert_non_null(taken[at]);
            assert_int_equal((uintptr_t)taken[at] % VV_QUERY_ALIGNMENT, 0);
            memset(taken[at], 1, (size_t)100 << (2 * at));
        }
        assert_int_equal(memory.allocations, round == 0 ? 5 : 0);
        for (size_t at = 0; at < 5; at++) {
            vv_query_free(&memory, taken[at]);
        }
        vv_query_memory_end(&memory);
    }
    vv_query_memory_fini(&memory);
    assert_int_equal(memory.held_bytes, 0);
}

static void the_budget_is_a_limit(void **state)
{
    (void)state;
    struct vv_query_memory memory = {0};
    vv_query_memory_begin(&memory, 1024);
    void *first = vv_query_alloc(&memory, 400);
    void *second = vv_query_alloc(&memory, 400);
    assert_non_null(first);
    assert_non_null(second);
    assert_null(vv_query_alloc(&memory, 1));
    assert_int_equal(vv_query_memory_status(&memory), VARVE_LIMIT);
    assert_int_equal(memory.peak_bytes, 1024);
    vv_query_free(&memory, first);
    first = vv_query_alloc(&memory, 1);
    assert_non_null(first);
    vv_query_free(&memory, first);
    vv_query_free(&memory, second);
    vv_query_memory_end(&memory);
    vv_query_memory_fini(&memory);
}

static void growing_keeps_the_content_also_when_it_fails(void **state)
{
    (void)state;
    struct vv_query_memory memory = {0};
    vv_query_memory_begin(&memory, 0);
    char *text = vv_query_realloc(&memory, NULL, 6);
    assert_non_null(text);
    memcpy(text, "varve", 6);
    for (size_t bytes = 10; bytes < 100000; bytes *= 3) {
        text = vv_query_realloc(&memory, text, bytes);
        assert_non_null(text);
        assert_string_equal(text, "varve");
    }
    vv_alloc_fail_at(1);
    assert_null(vv_query_realloc(&memory, text, 1000000));
    vv_alloc_fail_at(0);
    assert_int_equal(vv_query_memory_status(&memory), VARVE_NO_MEMORY);
    assert_string_equal(text, "varve");
    vv_query_free(&memory, text);
    vv_query_memory_end(&memory);
    vv_query_memory_fini(&memory);
}

static void without_a_memory_the_heap_serves(void **state)
{
    (void)state;
    char *bytes = vv_query_alloc_zeroed(NULL, 10);
    assert_non_null(bytes);
    assert_int_equal(bytes[9], 0);
    bytes = vv_query_realloc(NULL, bytes, 100000);
    assert_non_null(bytes);
    vv_query_free(NULL, bytes);
    vv_query_free(NULL, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_given_back_is_used_again),
        cmocka_unit_test(the_budget_is_a_limit),
        cmocka_unit_test(growing_keeps_the_content_also_when_it_fails),
        cmocka_unit_test(without_a_memory_the_heap_serves),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
