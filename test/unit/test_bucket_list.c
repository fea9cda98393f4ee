/* Tests of bucket_list.c. */
#include "query/bucket.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "os/alloc.h"
#include "support/random.h"

/* A list with one sample of value 1 per bucket; time i * 10 where bit i of the set is 1. */
static struct vv_bucket_list list_of(uint64_t set)
{
    struct vv_bucket_list list = {0};
    for (int bit = 0; bit < 64; bit++) {
        if ((set >> bit & 1) != 0) {
            const int64_t timestamp = bit * 10;
            const double value = 1;
            assert_int_equal(vv_bucket_list_append(&list, timestamp, NULL), VARVE_OK);
            assert_int_equal(vv_bucket_add(&list.entries[list.count - 1], NULL, &timestamp, &value,
                                           1, VV_PART_SUM, NULL),
                             VARVE_OK);
        }
    }
    return list;
}

static void merged_lists_have_every_time_once(void **state)
{
    (void)state;
    struct vv_test_random random = vv_test_random_init(10);
    for (int round = 0; round < 500; round++) {
        uint64_t a = vv_test_random_next(&random) & vv_test_random_next(&random);
        uint64_t b = round % 4 == 0 ? a : vv_test_random_next(&random);
        a = round % 10 == 0 ? 0 : a;
        b = round % 11 == 0 ? 0 : b;
        struct vv_bucket_list list = list_of(a);
        struct vv_bucket_list other = list_of(b);
        assert_int_equal(vv_bucket_list_merge(&list, &other, 1, NULL), VARVE_OK);
        size_t at = 0;
        for (int bit = 0; bit < 64; bit++) {
            uint64_t expected = (a >> bit & 1) + (b >> bit & 1);
            if (expected > 0) {
                assert_int_equal(list.entries[at].time, bit * 10);
                assert_int_equal(list.entries[at].count, expected);
                assert_true(vv_numbers_total(&list.entries[at].numbers) == (double)expected);
                at++;
            }
        }
        assert_int_equal(at, list.count);
        vv_bucket_list_fini(&list, NULL);
        vv_bucket_list_fini(&other, NULL);
    }
}

static void a_merge_that_runs_out_of_memory_changes_nothing(void **state)
{
    (void)state;
    struct vv_bucket_list list = list_of(UINT64_C(0x5555));
    struct vv_bucket_list other = list_of(UINT64_MAX);
    vv_alloc_fail_at(1);
    assert_int_equal(vv_bucket_list_merge(&list, &other, 1, NULL), VARVE_NO_MEMORY);
    vv_alloc_fail_at(0);
    assert_int_equal(list.count, 8);
    assert_int_equal(list.entries[7].time, 140);
    vv_bucket_list_fini(&list, NULL);
    vv_bucket_list_fini(&other, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(merged_lists_have_every_time_once),
        cmocka_unit_test(a_merge_that_runs_out_of_memory_changes_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
