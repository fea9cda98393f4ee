/* Tests of batch_scan.c: every way of looking at a batch sees what a plain look sees. */
#include "storage/head/batch_scan.h"
#include "storage/head/batch_scan_kernels.h"

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
        bool even;
        size_t count = 1 + vv_test_random_below(&random, ENTRIES);
        for (size_t i = 0; i < count; i++) {
            handles[i] = 1 + vv_test_random_below(&random, SERIES);
        }
        bool right = vv_test_random_below(&random, 2) == 0;
        if (!right) {
            handles[vv_test_random_below(&random, count)] =
                wrong[vv_test_random_below(&random, sizeof(wrong) / sizeof(wrong[0]))];
        }
        assert_int_equal(vv_scan_handles(handles, count, SERIES, refs, &even), right);
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
        bool even;
        size_t count = 1 + vv_test_random_below(&random, ENTRIES);
        for (size_t i = 0; i < count; i++) {
            times[i] = valid[vv_test_random_below(&random, 6)];
        }
        assert_true(vv_scan_times(times, count, &even));
        times[vv_test_random_below(&random, count)] = INT64_MAX;
        assert_false(vv_scan_times(times, count, &even));
    }
}

static void a_column_is_even_if_all_its_steps_are_equal(void **state)
{
    (void)state;
    struct vv_test_random random = vv_test_random_init(3);
    for (size_t round = 0; round < ROUNDS; round++) {
        uint64_t handles[ENTRIES];
        uint32_t refs[ENTRIES];
        int64_t times[ENTRIES];
        bool even_refs = false, even_times = false;
        size_t count = 1 + vv_test_random_below(&random, ENTRIES);
        int64_t step = (int64_t)vv_test_random_below(&random, 7) - 3;
        for (size_t i = 0; i < count; i++) {
            handles[i] = (uint64_t)(SERIES / 2 + (int64_t)i * step);
            times[i] = (int64_t)i * step * 1000000007;
        }
        assert_true(vv_scan_handles(handles, count, SERIES, refs, &even_refs));
        assert_true(vv_scan_times(times, count, &even_times));
        assert_true(even_refs && even_times);
        if (count > 2) {
            handles[vv_test_random_below(&random, count)] ^= UINT64_C(1)
                                                             << vv_test_random_below(&random, 63);
            times[vv_test_random_below(&random, count)] ^= INT64_C(1)
                                                           << vv_test_random_below(&random, 63);
            (void)vv_scan_handles(handles, count, SERIES, refs, &even_refs);
            (void)vv_scan_times(times, count, &even_times);
            assert_false(even_refs || even_times);
        }
    }
}

/* Steps that are equal modulo 2^64 may lead out of what is valid and back. */
static void even_columns_are_not_valid_for_their_ends_alone(void **state)
{
    (void)state;
    static const uint64_t round_handles[] = {5, 5 + (UINT64_C(1) << 63), 5};
    static const uint64_t out_handles[] = {SERIES - 1, SERIES, SERIES + 1};
    static const uint64_t down_handles[] = {2, 1, 0};
    static const int64_t over_times[] = {INT64_MAX - 1, INT64_MAX, INT64_MIN, INT64_MIN + 1};
    static const int64_t end_times[] = {INT64_MAX - 4, INT64_MAX - 2, INT64_MAX};
    static const int64_t first_times[] = {INT64_MAX, INT64_MAX - 1, INT64_MAX - 2};
    static const int64_t wide_times[] = {INT64_MIN, INT64_MAX - 1, INT64_MAX - 3};
    uint32_t refs[3];
    bool even;
    assert_false(vv_scan_handles(round_handles, 3, SERIES, refs, &even));
    assert_false(vv_scan_handles(out_handles, 3, SERIES, refs, &even));
    assert_true(vv_scan_handles(out_handles, 2, SERIES, refs, &even));
    assert_false(vv_scan_handles(down_handles, 3, SERIES, refs, &even));
    assert_true(vv_scan_handles(down_handles, 2, SERIES, refs, &even));
    assert_false(vv_scan_times(over_times, 4, &even));
    assert_false(vv_scan_times(end_times, 3, &even));
    assert_false(vv_scan_times(first_times, 3, &even));
    assert_true(vv_scan_times(wide_times, 3, &even));
    assert_true(even);
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
        size_t count = 1 + vv_test_random_below(&random, ENTRIES);
        uint64_t unlike = vv_test_random_below(&random, 2);
        for (size_t i = 0; i < count; i++) {
            bool odd = unlike != 0 && vv_test_random_below(&random, ENTRIES) == 0;
            entries[i] = odd ? vv_test_random_next(&random) : i + 1;
        }
        const int64_t *times = (const int64_t *)entries;
        assert_int_equal(any->times_are_even(times, count), wide->times_are_even(times, count));
        assert_int_equal(any->times_are_valid(times, count), wide->times_are_valid(times, count));
        assert_int_equal(any->handles_are_valid(entries, count, ENTRIES),
                         wide->handles_are_valid(entries, count, ENTRIES));
        assert_int_equal(any->refs_of_handles(entries, count, refs),
                         wide->refs_of_handles(entries, count, wide_refs));
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
        cmocka_unit_test(even_columns_are_not_valid_for_their_ends_alone),
        cmocka_unit_test(instruction_sets_agree),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
