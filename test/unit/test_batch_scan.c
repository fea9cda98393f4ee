/* Tests of batch_scan.c: every way of looking at a batch sees what a plain look sees. */
#include "storage/batch_scan.h"
#include "storage/batch_scan_kernels.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "base/cpu.h"
#include "support/random.h"

enum { ENTRIES = 100, ROUNDS = 4000, SERIES = 1000 };

static void handles_become_refs_if_they_are_ones_of_series(void **state)
{
    (void)state;
    static const uint64_t wrong[] = {0,
                                     SERIES + 1,
                                     UINT32_MAX,
                                     (UINT64_C(1) << 32) + 5,
                                     UINT64_C(1) << 63,
                                     (UINT64_C(1) << 63) + 1,
                                     UINT64_MAX};
    struct vv_test_random random = vv_test_random_init(1);
    for (size_t round = 0; round < ROUNDS; round++) {
        uint64_t handles[ENTRIES];
        uint32_t refs[ENTRIES];
        size_t count = 1 + vv_test_random_below(&random, ENTRIES);
        for (size_t i = 0; i < count; i++) {
            handles[i] = 1 + vv_test_random_below(&random, SERIES);
        }
        bool right = vv_test_random_below(&random, 2) == 0;
        if (!right) {
            handles[vv_test_random_below(&random, count)] =
                wrong[vv_test_random_below(&random, sizeof(wrong) / sizeof(wrong[0]))];
        }
        assert_int_equal(vv_refs_of_handles(handles, count, SERIES, refs), right);
        for (size_t i = 0; i < count && right; i++) {
            assert_int_equal(refs[i], handles[i] - 1);
        }
    }
}

static void any_time_but_the_greatest_is_valid(void **state)
{
    (void)state;
    static const int64_t valid[] = {INT64_MIN, INT64_MIN + 1, -1, 0, 1, INT64_MAX - 1};
    struct vv_test_random random = vv_test_random_init(2);
    for (size_t round = 0; round < ROUNDS; round++) {
        int64_t times[ENTRIES];
        size_t count = 1 + vv_test_random_below(&random, ENTRIES);
        for (size_t i = 0; i < count; i++) {
            times[i] = valid[vv_test_random_below(&random, 6)];
        }
        assert_true(vv_times_are_valid(times, count));
        times[vv_test_random_below(&random, count)] = INT64_MAX;
        assert_false(vv_times_are_valid(times, count));
    }
}

static void a_column_is_even_if_all_its_steps_are_equal(void **state)
{
    (void)state;
    struct vv_test_random random = vv_test_random_init(3);
    for (size_t round = 0; round < ROUNDS; round++) {
        uint32_t refs[ENTRIES];
        int64_t times[ENTRIES];
        size_t count = vv_test_random_below(&random, ENTRIES + 1);
        int64_t step = (int64_t)vv_test_random_below(&random, 7) - 3;
        for (size_t i = 0; i < count; i++) {
            refs[i] = (uint32_t)(1000 + (int64_t)i * step);
            times[i] = (int64_t)i * step * 1000000007;
        }
        assert_true(vv_refs_are_even(refs, count));
        assert_true(vv_times_are_even(times, count));
        if (count > 2) {
            refs[vv_test_random_below(&random, count)] ^= 1U << vv_test_random_below(&random, 32);
            times[vv_test_random_below(&random, count)] ^= INT64_C(1)
                                                           << vv_test_random_below(&random, 63);
            assert_false(vv_refs_are_even(refs, count));
            assert_false(vv_times_are_even(times, count));
        }
    }
}

static void refs_do_not_step_over_their_end(void **state)
{
    (void)state;
    static const uint32_t up[] = {UINT32_MAX - 1, UINT32_MAX, 0, 1};
    static const uint32_t down[] = {1, 0, UINT32_MAX};
    assert_false(vv_refs_are_even(up, 4));
    assert_true(vv_refs_are_even(up, 2));
    assert_false(vv_refs_are_even(down, 3));
}

/* Whatever the columns, all instruction sets answer alike. */
static void instruction_sets_agree(void **state)
{
    (void)state;
#if defined(__x86_64__)
    const struct vv_batch_scans *any = &vv_batch_scans_any, *wide = &vv_batch_scans_avx2;
    struct vv_test_random random = vv_test_random_init(4);
    for (size_t round = 0; round < ROUNDS && vv_cpu_has(VV_ISA_AVX2); round++) {
        uint64_t entries[ENTRIES];
        uint32_t refs[ENTRIES], wide_refs[ENTRIES];
        size_t count = vv_test_random_below(&random, ENTRIES + 1);
        uint64_t unlike = vv_test_random_below(&random, 2);
        for (size_t i = 0; i < count; i++) {
            bool odd = unlike != 0 && vv_test_random_below(&random, ENTRIES) == 0;
            entries[i] = odd ? vv_test_random_next(&random) : i + 1;
            refs[i] = (uint32_t)entries[i];
        }
        const int64_t *times = (const int64_t *)entries;
        assert_int_equal(any->times_are_valid(times, count), wide->times_are_valid(times, count));
        assert_int_equal(any->times_are_even(times, count), wide->times_are_even(times, count));
        assert_int_equal(any->refs_are_even(refs, count), wide->refs_are_even(refs, count));
        assert_int_equal(any->refs_of_handles(entries, count, ENTRIES, refs),
                         wide->refs_of_handles(entries, count, ENTRIES, wide_refs));
        assert_memory_equal(refs, wide_refs, count * sizeof(*refs));
    }
#endif
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(handles_become_refs_if_they_are_ones_of_series),
        cmocka_unit_test(any_time_but_the_greatest_is_valid),
        cmocka_unit_test(a_column_is_even_if_all_its_steps_are_equal),
        cmocka_unit_test(refs_do_not_step_over_their_end),
        cmocka_unit_test(instruction_sets_agree),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
