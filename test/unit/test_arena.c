/*
 * test_arena.c - bump allocation.
 */
#include "pool/arena.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <string.h>

#include "os/alloc.h"
#include "support/random.h"

static void allocations_are_aligned_and_do_not_overlap(void **state)
{
    (void)state;
    enum { COUNT = 2000 };
    static struct {
        uint8_t *memory;
        size_t length;
    } taken[COUNT];
    struct vv_test_random random = vv_test_random_init(1);
    struct vv_arena arena;
    vv_arena_init(&arena, 256);
    size_t total = 0;
    for (int index = 0; index < COUNT; index++) {
        size_t alignment = (size_t)1 << vv_test_random_below(&random, 8);
        size_t length = vv_test_random_below(&random, index % 50 == 0 ? 5000 : 100);
        uint8_t *memory = vv_arena_alloc(&arena, length, alignment);
        assert_non_null(memory);
        assert_int_equal((uintptr_t)memory % alignment, 0);
        memset(memory, index & 0xff, length);
        taken[index].memory = memory;
        taken[index].length = length;
        total += length;
    }
    for (int index = 0; index < COUNT; index++) {
        for (size_t byte = 0; byte < taken[index].length; byte++) {
            assert_int_equal(taken[index].memory[byte], index & 0xff);
        }
    }
    assert_true(arena.used_bytes >= total);
    assert_true(arena.reserved_bytes >= arena.used_bytes);
    vv_arena_fini(&arena);
    assert_int_equal(arena.reserved_bytes, 0);
}

static void many_small_objects_share_a_chunk(void **state)
{
    (void)state;
    struct vv_arena arena;
    vv_arena_init(&arena, 0);
    uint64_t before = vv_alloc_count();
    for (int index = 0; index < 100000; index++) {
        assert_non_null(vv_arena_alloc(&arena, 16, 8));
    }
    assert_true(vv_alloc_count() - before < 15);
    vv_arena_fini(&arena);
}

static void reset_keeps_the_newest_chunk(void **state)
{
    (void)state;
    struct vv_arena arena;
    vv_arena_init(&arena, 1024);
    for (int index = 0; index < 1000; index++) {
        assert_non_null(vv_arena_alloc(&arena, 100, 8));
    }
    vv_arena_reset(&arena);
    assert_int_equal(arena.used_bytes, 0);
    assert_true(arena.reserved_bytes > 0);
    uint64_t before = vv_alloc_count();
    for (int index = 0; index < 100; index++) {
        assert_non_null(vv_arena_alloc(&arena, 100, 8));
    }
    assert_int_equal(vv_alloc_count(), before);
    vv_arena_fini(&arena);
}

static void zeroed_memory_is_zero_after_a_reset(void **state)
{
    (void)state;
    struct vv_arena arena;
    vv_arena_init(&arena, 1024);
    memset(vv_arena_alloc(&arena, 500, 1), 'x', 500);
    vv_arena_reset(&arena);
    const uint8_t *memory = vv_arena_alloc_zeroed(&arena, 50, 8);
    for (int index = 0; index < 400; index++) {
        assert_int_equal(memory[index], 0);
    }
    assert_int_equal((uintptr_t)memory % _Alignof(max_align_t), 0);
    vv_arena_fini(&arena);
}

static void copies_end_with_a_nul(void **state)
{
    (void)state;
    struct vv_arena arena;
    vv_arena_init(&arena, 0);
    assert_string_equal(vv_arena_copy(&arena, "hello world", 5), "hello");
    assert_string_equal(vv_arena_copy(&arena, NULL, 0), "");
    vv_arena_fini(&arena);
}

static void what_cannot_be_had_is_null(void **state)
{
    (void)state;
    struct vv_arena arena;
    vv_arena_init(&arena, 64);
    vv_alloc_fail_at(1);
    assert_null(vv_arena_alloc(&arena, 1, 1));
    assert_null(vv_arena_alloc(&arena, SIZE_MAX - 8, 1));
    assert_null(vv_arena_alloc_zeroed(&arena, SIZE_MAX / 2, 3));
    assert_null(vv_arena_copy(&arena, "", SIZE_MAX));
    assert_int_equal(arena.used_bytes, 0);
    assert_non_null(vv_arena_alloc(&arena, 1, 1));
    vv_arena_fini(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(allocations_are_aligned_and_do_not_overlap),
        cmocka_unit_test(many_small_objects_share_a_chunk),
        cmocka_unit_test(reset_keeps_the_newest_chunk),
        cmocka_unit_test(zeroed_memory_is_zero_after_a_reset),
        cmocka_unit_test(copies_end_with_a_nul),
        cmocka_unit_test(what_cannot_be_had_is_null),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
