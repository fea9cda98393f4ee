/* Tests of functions.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "varve/varve.h"

static void functions_have_names(void **state)
{
    (void)state;
    assert_string_equal(varve_function_name(VARVE_FUNCTION_AVG), "avg");
    assert_string_equal(varve_function_name(VARVE_FUNCTION_COUNT), "count");
    assert_null(varve_function_name((varve_function)0));
    assert_null(varve_function_name((varve_function)19));
}

static void functions_are_found_by_name(void **state)
{
    (void)state;
    varve_function function = VARVE_FUNCTION_COUNT;
    assert_int_equal(varve_function_parse(VARVE_STRING("last"), &function, NULL), VARVE_OK);
    assert_int_equal(function, VARVE_FUNCTION_LAST);
    assert_int_equal(varve_function_parse(VARVE_STRING("min"), &function, NULL), VARVE_OK);
    assert_int_equal(function, VARVE_FUNCTION_MIN);
}

static void other_names_are_refused_and_write_nothing(void **state)
{
    (void)state;
    varve_function function = VARVE_FUNCTION_SUM;
    const varve_string names[] = {VARVE_STRING(""), VARVE_STRING("mi"), VARVE_STRING("mini"),
                                  VARVE_STRING("MIN"), VARVE_STRING("median")};
    for (size_t index = 0; index < sizeof names / sizeof names[0]; index++) {
        assert_int_equal(varve_function_parse(names[index], &function, NULL), VARVE_INVALID);
    }
    assert_int_equal(function, VARVE_FUNCTION_SUM);
}

static void quantile_has_its_parameter_behind_it(void **state)
{
    (void)state;
    varve_function function = VARVE_FUNCTION_SUM;
    double parameter = 7;
    assert_int_equal(varve_function_parse(VARVE_STRING("quantile(0.95)"), &function, &parameter),
                     VARVE_OK);
    assert_int_equal(function, VARVE_FUNCTION_QUANTILE);
    assert_true(parameter == 0.95);
    assert_int_equal(varve_function_parse(VARVE_STRING("avg"), &function, &parameter), VARVE_OK);
    assert_true(parameter == 0);
    const varve_string bad[] = {
        VARVE_STRING("quantile"),        VARVE_STRING("quantile("),      VARVE_STRING("quantile()"),
        VARVE_STRING("quantile(1.1)"),   VARVE_STRING("quantile(-0.1)"), VARVE_STRING("avg(0)"),
        VARVE_STRING("quantile(0.5"),    VARVE_STRING("quantile(NaN)"),  VARVE_STRING("(0.5)"),
        VARVE_STRING("quantile(0.5,1)"), VARVE_STRING("avg()")};
    for (size_t index = 0; index < sizeof bad / sizeof bad[0]; index++) {
        assert_int_equal(varve_function_parse(bad[index], &function, &parameter), VARVE_INVALID);
    }
    assert_int_equal(function, VARVE_FUNCTION_AVG);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(functions_have_names),
        cmocka_unit_test(functions_are_found_by_name),
        cmocka_unit_test(quantile_has_its_parameter_behind_it),
        cmocka_unit_test(other_names_are_refused_and_write_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
