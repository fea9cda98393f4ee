/* Tests of rollup_rules.c: which steps a series has. */
#include "mmap/rollup_rules.h"

#include <stdio.h>
#include <string.h>

#include "support/labels.h"

static struct vv_rollup_rule rule(int64_t step, char *selector)
{
    return (struct vv_rollup_rule){
        .step = step, .selector = selector, .selector_length = strlen(selector)};
}

static void expect_steps(struct vv_rollup_rules *rules, const char *series, const char *wanted)
{
    struct vv_buffer buffer = {0};
    int64_t steps[VV_ROLLUP_RULES_MAX];
    size_t count;
    char text[200] = "";
    assert_int_equal(vv_rollup_rules_steps(rules, vv_test_key(&buffer, series), steps, &count),
                     VARVE_OK);
    for (size_t at = 0; at < count; at++) {
        (void)snprintf(text + strlen(text), sizeof(text) - strlen(text), "%lld ",
                       (long long)steps[at]);
    }
    assert_string_equal(text, wanted);
    vv_buffer_fini(&buffer);
}

static void steps_ascend_and_come_once(void **state)
{
    char all[] = "", cpu[] = "cpu", host[] = "{host=~\"a|b\"}", none[] = "disk{host=\"z\"}";
    const struct vv_rollup_rule list[] = {rule(60, cpu), rule(10, all), rule(60, host),
                                          rule(30, host), rule(5, none)};
    struct vv_rollup_rules *rules;
    (void)state;
    assert_int_equal(vv_rollup_rules_create(list, 5, 3, &rules, NULL), VARVE_OK);
    assert_int_equal(vv_rollup_rules_sequence(rules), 3);
    expect_steps(rules, "cpu{host=\"a\"}", "10 30 60 ");
    expect_steps(rules, "cpu{host=\"c\"}", "10 60 ");
    expect_steps(rules, "mem{host=\"b\"}", "10 30 60 ");
    expect_steps(rules, "mem", "10 ");
    expect_steps(rules, "disk{host=\"z\"}", "5 10 ");
    vv_rollup_rules_release(vv_rollup_rules_acquire(rules));
    vv_rollup_rules_release(rules);
}

static void a_rule_that_makes_no_sense_is_refused(void **state)
{
    char good[] = "cpu", bad[] = "cpu{";
    const struct vv_rollup_rule list[] = {rule(1, good), rule(2, bad)};
    struct vv_rollup_rules *rules;
    varve_error error = {0};
    (void)state;
    assert_int_equal(vv_rollup_rules_create(list, 2, 1, &rules, &error), VARVE_INVALID);
    assert_int_equal(error.status, VARVE_INVALID);
    assert_int_equal(vv_rollup_rules_create(list, 0, 0, &rules, NULL), VARVE_OK);
    assert_null(rules);
    assert_int_equal(vv_rollup_rules_sequence(NULL), 0);
    vv_rollup_rules_release(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(steps_ascend_and_come_once),
        cmocka_unit_test(a_rule_that_makes_no_sense_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
