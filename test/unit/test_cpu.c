/* Tests of cpu.c. */
#include "base/cpu.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void wishes_lower_but_never_raise(void **state)
{
    (void)state;
    assert_int_equal(vv_isa_lowered(VV_ISA_AVX512, "scalar"), VV_ISA_SCALAR);
    assert_int_equal(vv_isa_lowered(VV_ISA_AVX512, "avx2"), VV_ISA_AVX2);
    assert_int_equal(vv_isa_lowered(VV_ISA_AVX512, "avx512"), VV_ISA_AVX512);
    assert_int_equal(vv_isa_lowered(VV_ISA_AVX2, "avx512"), VV_ISA_AVX2);
    assert_int_equal(vv_isa_lowered(VV_ISA_SCALAR, "avx2"), VV_ISA_SCALAR);
    assert_int_equal(vv_isa_lowered(VV_ISA_NEON, "scalar"), VV_ISA_SCALAR);
    assert_int_equal(vv_isa_lowered(VV_ISA_NEON, "neon"), VV_ISA_NEON);
}

static void wishes_that_name_nothing_of_the_machine_are_ignored(void **state)
{
    (void)state;
    assert_int_equal(vv_isa_lowered(VV_ISA_AVX512, NULL), VV_ISA_AVX512);
    assert_int_equal(vv_isa_lowered(VV_ISA_AVX2, ""), VV_ISA_AVX2);
    assert_int_equal(vv_isa_lowered(VV_ISA_AVX2, "sse9"), VV_ISA_AVX2);
    assert_int_equal(vv_isa_lowered(VV_ISA_AVX2, "AVX2"), VV_ISA_AVX2);
    assert_int_equal(vv_isa_lowered(VV_ISA_AVX2, "neon"), VV_ISA_AVX2);
    assert_int_equal(vv_isa_lowered(VV_ISA_NEON, "avx2"), VV_ISA_NEON);
}

static void the_choice_is_one_that_the_machine_has(void **state)
{
    (void)state;
    assert_true(vv_cpu_has(VV_ISA_SCALAR));
    assert_true(vv_cpu_has(vv_cpu_isa()));
    assert_true(!vv_cpu_has(VV_ISA_AVX512) || vv_cpu_has(VV_ISA_AVX2));
    assert_true(!vv_cpu_has(VV_ISA_NEON) || !vv_cpu_has(VV_ISA_AVX2));
    assert_int_equal(vv_isa_lowered(vv_cpu_isa(), getenv("VARVE_ISA")), vv_cpu_isa());
}

static void the_choice_does_not_change_in_a_process(void **state)
{
    (void)state;
    enum vv_isa before = vv_cpu_isa();
    setenv("VARVE_ISA", before == VV_ISA_SCALAR ? "avx2" : "scalar", 1);
    assert_int_equal(vv_cpu_isa(), before);
}

static void instruction_sets_have_the_names_of_the_wishes(void **state)
{
    (void)state;
    assert_string_equal(vv_isa_name(VV_ISA_SCALAR), "scalar");
    assert_string_equal(vv_isa_name(VV_ISA_AVX2), "avx2");
    assert_string_equal(vv_isa_name(VV_ISA_AVX512), "avx512");
    assert_string_equal(vv_isa_name(VV_ISA_NEON), "neon");
    assert_string_equal(vv_isa_name((enum vv_isa)9), "?");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(wishes_lower_but_never_raise),
        cmocka_unit_test(wishes_that_name_nothing_of_the_machine_are_ignored),
        cmocka_unit_test(the_choice_is_one_that_the_machine_has),
        cmocka_unit_test(the_choice_does_not_change_in_a_process),
        cmocka_unit_test(instruction_sets_have_the_names_of_the_wishes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
