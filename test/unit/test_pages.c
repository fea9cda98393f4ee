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
#include <sys/mman.h>

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

/* A piece out of the middle of a mapping needs one mapping more. */
static void freeing_goes_on_where_there_are_no_more_mappings(void **state)
{
    (void)state;
#if defined(VV_ADDRESS_SANITIZER) || defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    skip(); /* sanitizers need mappings themselves */
#endif
    enum { PIECES = 16, MAPPINGS_MAX = 70000 };
    static void *mapped[MAPPINGS_MAX];
    size_t count = 0;
    uint8_t *pages = vv_pages_alloc(PIECES * (size_t)VV_PAGES_SMALL_BYTES);
    assert_non_null(pages);
    memset(pages, 1, PIECES * (size_t)VV_PAGES_SMALL_BYTES);
    for (; count < MAPPINGS_MAX; count++) { /* neighbours that cannot be joined */
        int protection = count % 2 == 0 ? PROT_READ : PROT_NONE;
        mapped[count] = mmap(NULL, 4096, protection, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (mapped[count] == MAP_FAILED) {
            break;
        }
    }
    vv_pages_free(pages + 7 * (size_t)VV_PAGES_SMALL_BYTES, VV_PAGES_SMALL_BYTES);
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(munmap(mapped[i], 4096), 0);
    }
    vv_pages_free(pages, 7 * (size_t)VV_PAGES_SMALL_BYTES);
    vv_pages_free(pages + 8 * (size_t)VV_PAGES_SMALL_BYTES,
                  (PIECES - 8) * (size_t)VV_PAGES_SMALL_BYTES);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pages_are_zero_and_usable_to_the_last_byte),
        cmocka_unit_test(large_pieces_are_aligned_to_huge_pages),
        cmocka_unit_test(pages_count_as_allocations_and_can_fail),
        cmocka_unit_test(freeing_goes_on_where_there_are_no_more_mappings),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
