/*
 * test_codec.c - whole columns through the public codec functions: any bits, any length, any
 * damage.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "support/codec_checks.h"

/* Values in the random tests: VARVE_TEST_LONG=1 asks for the long form. */
static size_t random_total(void)
{
    return getenv("VARVE_TEST_LONG") != NULL ? 100000000 : 1000000;
}

static void random_values_keep_their_bits(void **state)
{
    (void)state;
    struct vv_test_random random = vv_test_random_init(1);
    vv_check_random_values(&random, random_total());
}

static void random_timestamps_keep_their_bits(void **state)
{
    (void)state;
    struct vv_test_random random = vv_test_random_init(2);
    vv_check_random_timestamps(&random, random_total());
}

static void every_length_round_trips(void **state)
{
    (void)state;
    struct vv_test_random random = vv_test_random_init(3);
    vv_check_all_lengths(&random);
}

static void damaged_columns_are_refused_or_decoded_within_bounds(void **state)
{
    (void)state;
    struct vv_test_random random = vv_test_random_init(4);
    vv_check_damage(&random, 4000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_values_keep_their_bits),
        cmocka_unit_test(random_timestamps_keep_their_bits),
        cmocka_unit_test(every_length_round_trips),
        cmocka_unit_test(damaged_columns_are_refused_or_decoded_within_bounds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
