/* Tests of posting.c. */
#include "index/posting.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "os/alloc.h"

/* Expects the posting to have the ids 0, 3, 6, ... count of them. */
static void expect_multiples(const struct vv_posting *posting, uint32_t count)
{
    struct vv_id_runs *set = vv_id_runs_create();
    assert_int_equal(vv_posting_add_to(posting, set), VARVE_OK);
    assert_int_equal(vv_id_runs_count(set), count);
    for (uint32_t index = 0; index < count; index++) {
        assert_true(vv_id_runs_contains(set, index * 3));
    }
    vv_id_runs_destroy(set);
}

static void a_posting_of_any_size_has_what_was_added(void **state)
{
    (void)state;
    struct vv_posting posting = {0};
    assert_true(vv_posting_is_empty(&posting));
    for (uint32_t count = 1; count <= 100; count++) {
        assert_int_equal(vv_posting_add(&posting, (count - 1) * 3), VARVE_OK);
        assert_false(vv_posting_is_empty(&posting));
        expect_multiples(&posting, count);
    }
    vv_posting_fini(&posting);
    assert_true(vv_posting_is_empty(&posting));
}

static void small_postings_take_no_more_than_they_need(void **state)
{
    (void)state;
    struct vv_posting posting = {0};
    assert_int_equal(vv_posting_add(&posting, 7), VARVE_OK);
    assert_int_equal(vv_posting_bytes(&posting), 0);
    for (uint32_t id = 1; id < VV_POSTING_ARRAY_MAX; id++) {
        assert_int_equal(vv_posting_add(&posting, id * 100), VARVE_OK);
        assert_true(vv_posting_bytes(&posting) <= 8 * (uint64_t)id);
    }
    assert_int_equal(vv_posting_bytes(&posting), VV_POSTING_ARRAY_MAX * sizeof(uint32_t));
    vv_posting_fini(&posting);
}

static void an_add_can_be_taken_back_at_any_size(void **state)
{
    (void)state;
    for (uint32_t size = 0; size <= 70; size++) {
        struct vv_posting posting = {0};
        for (uint32_t index = 0; index < size; index++) {
            assert_int_equal(vv_posting_add(&posting, index * 3), VARVE_OK);
        }
        for (int round = 0; round < 3; round++) {
            assert_int_equal(vv_posting_add(&posting, 1), VARVE_OK);
            vv_posting_undo_add(&posting, 1);
            expect_multiples(&posting, size);
        }
        for (uint32_t index = size; index < size + 40; index++) {
            assert_int_equal(vv_posting_add(&posting, index * 3), VARVE_OK);
        }
        expect_multiples(&posting, size + 40);
        vv_posting_fini(&posting);
    }
}

static void a_failed_add_leaves_the_posting_as_it_was(void **state)
{
    (void)state;
    struct vv_posting posting = {0};
    uint32_t failures = 0;
    for (uint32_t count = 1; count <= 40; count++) {
        vv_alloc_fail_at(1);
        varve_status status = vv_posting_add(&posting, (count - 1) * 3);
        vv_alloc_fail_at(0);
        if (status != VARVE_OK) {
            assert_int_equal(status, VARVE_NO_MEMORY);
            failures++;
            expect_multiples(&posting, count - 1);
            assert_int_equal(vv_posting_add(&posting, (count - 1) * 3), VARVE_OK);
        }
    }
    expect_multiples(&posting, 40);
    /* One id to an array, four times a larger array, an array to a set. */
    assert_int_equal(failures, 6);
    vv_posting_fini(&posting);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_posting_of_any_size_has_what_was_added),
        cmocka_unit_test(small_postings_take_no_more_than_they_need),
        cmocka_unit_test(an_add_can_be_taken_back_at_any_size),
        cmocka_unit_test(a_failed_add_leaves_the_posting_as_it_was),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
