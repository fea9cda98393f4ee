/* Tests of duplicates.c: two samples of one timestamp, under each policy. */
#include "query/merge.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <math.h>
#include <string.h>

static void each_policy_resolves_a_duplicate_its_own_way(void **state)
{
    (void)state;
    assert_true(vv_resolve_duplicate(VARVE_DUPLICATES_LAST, 1, 2) == 2);
    assert_true(vv_resolve_duplicate(VARVE_DUPLICATES_ERROR, 1, 2) == 2);
    assert_true(vv_resolve_duplicate(VARVE_DUPLICATES_FIRST, 1, 2) == 1);
    assert_true(vv_resolve_duplicate(VARVE_DUPLICATES_MIN, 1, 2) == 1);
    assert_true(vv_resolve_duplicate(VARVE_DUPLICATES_MIN, 2, 1) == 1);
    assert_true(vv_resolve_duplicate(VARVE_DUPLICATES_MAX, 1, 2) == 2);
    assert_true(vv_resolve_duplicate(VARVE_DUPLICATES_MAX, 2, 1) == 2);
    assert_true(vv_resolve_duplicate(VARVE_DUPLICATES_SUM, 1, 2) == 3);
}

static void a_number_beats_nan_in_min_and_max(void **state)
{
    (void)state;
    assert_true(vv_resolve_duplicate(VARVE_DUPLICATES_MIN, NAN, 1) == 1);
    assert_true(vv_resolve_duplicate(VARVE_DUPLICATES_MIN, 1, NAN) == 1);
    assert_true(vv_resolve_duplicate(VARVE_DUPLICATES_MAX, NAN, 1) == 1);
    assert_true(vv_resolve_duplicate(VARVE_DUPLICATES_MAX, 1, NAN) == 1);
    assert_true(isnan(vv_resolve_duplicate(VARVE_DUPLICATES_MIN, NAN, NAN)));
}

static uint64_t bits_of(double value)
{
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

static double double_of(uint64_t bits)
{
    double value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

static void sums_with_nan_have_the_same_bits_on_every_machine(void **state)
{
    (void)state;
    double payload = double_of(UINT64_C(0x7ff8000000000123));
    double other = double_of(UINT64_C(0x7ff8000000000456));
    varve_duplicates sum = VARVE_DUPLICATES_SUM;
    assert_int_equal(bits_of(vv_resolve_duplicate(sum, payload, 1)), bits_of(payload));
    assert_int_equal(bits_of(vv_resolve_duplicate(sum, 1, payload)), bits_of(payload));
    assert_int_equal(bits_of(vv_resolve_duplicate(sum, payload, other)), bits_of(payload));
    assert_int_equal(bits_of(vv_resolve_duplicate(sum, INFINITY, -INFINITY)),
                     UINT64_C(0x7ff8000000000000));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_policy_resolves_a_duplicate_its_own_way),
        cmocka_unit_test(a_number_beats_nan_in_min_and_max),
        cmocka_unit_test(sums_with_nan_have_the_same_bits_on_every_machine),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
