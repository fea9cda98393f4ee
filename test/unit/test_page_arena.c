/* Tests of page_arena.c and slab_directory.c: memory zeroed and apart; handles and back. */
#include "pool/page_arena.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "os/alloc.h"
#include "os/pages.h"
#include "pool/pool.h"
#include "pool/slab_directory.h"
#include "support/random.h"

static void allocations_are_zeroed_aligned_and_apart(void **state)
{
    (void)state;
    struct vv_test_random random = vv_test_random_init(1);
    struct vv_page_arena arena = {0};
    for (int i = 0; i < 3000; i++) {
        size_t alignment = (size_t)1 << vv_test_random_below(&random, 8);
        size_t bytes = 1 + vv_test_random_below(&random, i % 100 == 0 ? 200000 : 300);
        uint8_t *memory = vv_page_arena_alloc(&arena, bytes, alignment);
        assert_non_null(memory);
        assert_int_equal((uintptr_t)memory % alignment, 0);
        for (size_t at = 0; at < bytes; at++) {
            assert_int_equal(memory[at], 0); /* not written to by another one */
        }
        memset(memory, 0xff, bytes);
    }
    assert_true(arena.slab_bytes > 0);
    vv_page_arena_fini(&arena);
    vv_page_arena_fini(&arena);
}

static void no_memory_leaves_the_arena_as_it_was(void **state)
{
    (void)state;
    struct vv_page_arena arena = {0};
    for (uint64_t n = 1; n <= 2; n++) {
        vv_alloc_fail_at(n);
        assert_null(vv_page_arena_alloc(&arena, 100, 8));
        vv_alloc_fail_at(0);
        assert_int_equal(arena.slab_bytes, 0);
    }
    assert_non_null(vv_page_arena_alloc(&arena, 100, 8));
    vv_page_arena_fini(&arena);
}

/* Allocates a page at a time until the arena wants a spare, or until so many are given. */
static bool fill_until_wanted(struct vv_page_arena *arena, size_t allocations)
{
    for (size_t i = 0; i < allocations && !vv_page_arena_wants_spare(arena); i++) {
        uint8_t *memory = vv_page_arena_alloc(arena, 4096, 8);
        assert_non_null(memory);
        assert_int_equal(memory[0] | memory[4095], 0);
        memset(memory, 0xff, 4096);
    }
    return vv_page_arena_wants_spare(arena);
}

static void a_spare_slab_is_the_next_one(void **state)
{
    (void)state;
    enum { MANY = 4096 };
    struct vv_page_arena arena = {0};
    assert_false(vv_page_arena_wants_spare(&arena)); /* nor while slabs are small */
    assert_true(fill_until_wanted(&arena, MANY));
    uint64_t bytes = arena.slab_bytes;
    vv_page_arena_give_spare(&arena, vv_page_slab_create());
    assert_int_equal(arena.slab_bytes, bytes + VV_PAGES_HUGE_BYTES);
    assert_false(vv_page_arena_wants_spare(&arena));
    vv_page_arena_give_spare(&arena, vv_page_slab_create()); /* one too many: freed */
    assert_int_equal(arena.slab_bytes, bytes + VV_PAGES_HUGE_BYTES);
    vv_alloc_fail_from(1); /* the spare is enough for the next slab, until half of it is used */
    assert_true(fill_until_wanted(&arena, MANY));
    assert_null(vv_page_slab_create());
    vv_alloc_fail_from(0);
    assert_int_equal(arena.slab_bytes, bytes + VV_PAGES_HUGE_BYTES);
    vv_page_arena_give_spare(&arena, vv_page_slab_create());
    assert_non_null(vv_page_arena_alloc(&arena, 2 * VV_PAGES_HUGE_BYTES, 8)); /* not from it */
    assert_non_null(arena.spare);
    vv_page_arena_fini(&arena);
    assert_null(arena.spare);
}

static void a_handle_leads_back_to_its_object(void **state)
{
    (void)state;
    enum { OBJECTS = 20000 };
    static uint64_t *objects[2][OBJECTS];
    static uint32_t handles[2][OBJECTS];
    struct vv_slab_directory directory;
    struct vv_pool *pools[2];
    assert_int_equal(vv_slab_directory_init(&directory), VARVE_OK);
    for (size_t i = 0; i < 2; i++) {
        struct vv_pool_options options = {.object_bytes = i == 0 ? 64 : 256,
                                          .directory = &directory};
        assert_int_equal(vv_pool_create(&options, &pools[i]), VARVE_OK);
    }
    for (size_t i = 0; i < OBJECTS; i++) {
        for (size_t k = 0; k < 2; k++) {
            objects[k][i] = vv_pool_acquire(pools[k]);
            assert_non_null(objects[k][i]);
            *objects[k][i] = i;
            handles[k][i] = vv_slab_handle(objects[k][i]);
            assert_int_not_equal(handles[k][i], 0);
        }
    }
    for (size_t i = 0; i < OBJECTS; i++) {
        for (size_t k = 0; k < 2; k++) {
            assert_ptr_equal(vv_slab_object(&directory, handles[k][i]), objects[k][i]);
            assert_int_equal(*objects[k][i], i);
        }
    }
    vv_pool_destroy(pools[0]);
    vv_pool_destroy(pools[1]);
    vv_slab_directory_fini(&directory);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(allocations_are_zeroed_aligned_and_apart),
        cmocka_unit_test(no_memory_leaves_the_arena_as_it_was),
        cmocka_unit_test(a_spare_slab_is_the_next_one),
        cmocka_unit_test(a_handle_leads_back_to_its_object),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
