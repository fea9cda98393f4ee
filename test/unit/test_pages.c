/*
 * test_pages.c - memory from the kernel.
 */
#include "os/pages.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "os/alloc.h"

static void pages_are_zero_and_usable_to_the_last_byte(void **state)
{
    (void)state;
    static const size_t sizes[] = {VV_PAGES_SMALL_BYTES, 3 * VV_PAGES_SMALL_BYTES,
                                   VV_PAGES_HUGE_BYTES, 5 * VV_PAGES_HUGE_BYTES};
    for (size_t index = 0; index < sizeof(sizes) / sizeof(sizes[0]); index++) {
        uint8_t *pages = vv_pages_alloc(sizes[index]);
        assert_non_null(pages);
        assert_int_equal(pages[0], 0);
        assert_int_equal(pages[sizes[index] - 1], 0);
        pages[0] = pages[sizes[index] - 1] = 1;
        vv_pages_free(pages, sizes[index]);
    }
    vv_pages_free(NULL, 0);
}

static void large_pieces_are_aligned_to_huge_pages(void **state)
{
    (void)state;
    uint8_t *pages[8];
    for (int index = 0; index < 8; index++) {
        pages[index] = vv_pages_alloc(VV_PAGES_HUGE_BYTES);
        assert_non_null(pages[index]);
        assert_int_equal((uintptr_t)pages[index] % VV_PAGES_HUGE_BYTES, 0);
        memset(pages[index], index, 4096);
    }
    for (int index = 0; index < 8; index++) {
        assert_int_equal(pages[index][4095], index);
        vv_pages_free(pages[index], VV_PAGES_HUGE_BYTES);
    }
}

static void pages_count_as_allocations_and_can_fail(void **state)
{
    (void)state;
    uint64_t before = vv_alloc_count();
    vv_alloc_fail_at(1);
    assert_null(vv_pages_alloc(VV_PAGES_SMALL_BYTES));
    assert_int_equal(vv_alloc_count(), before + 1);
    assert_null(vv_pages_alloc((size_t)1 << 60));
    assert_null(vv_pages_alloc(SIZE_MAX - VV_PAGES_SMALL_BYTES + 1));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pages_are_zero_and_usable_to_the_last_byte),
        cmocka_unit_test(large_pieces_are_aligned_to_huge_pages),
        cmocka_unit_test(pages_count_as_allocations_and_can_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
