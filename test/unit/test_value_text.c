/* Tests of value_text.c: the public calls; their cases are those of test_number_text.c. */
#include "varve/varve.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void values_are_formatted_with_a_nul(void **state)
{
    (void)state;
    char text[VARVE_TEXT_MAX];
    memset(text, 'x', sizeof text);
    assert_int_equal(varve_value_format(-1.5, text), 4);
    assert_string_equal(text, "-1.5");
}

static void values_are_parsed_whole_or_not_at_all(void **state)
{
    (void)state;
    double value = 42;
    assert_int_equal(varve_value_parse(VARVE_STRING("1e3"), &value), VARVE_OK);
    assert_true(value == 1000);
    assert_int_equal(varve_value_parse(VARVE_STRING("1e3 "), &value), VARVE_INVALID);
    assert_int_equal(varve_value_parse((varve_string){NULL, 0}, &value), VARVE_INVALID);
    assert_true(value == 1000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_are_formatted_with_a_nul),
        cmocka_unit_test(values_are_parsed_whole_or_not_at_all),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
