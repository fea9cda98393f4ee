/* Tests of matcher.c and regex.c: what matches, what is refused and in which words, and limits. */
#include "index/matcher.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "os/alloc.h"

static varve_string string_of(const char *text)
{
    return (varve_string){text, strlen(text)};
}

static struct vv_matchers *compile(varve_match_type type, const char *value)
{
    const varve_matcher matcher = {type, VARVE_STRING("a"), string_of(value)};
    struct vv_matchers *compiled = NULL;
    varve_error error = {.status = VARVE_OK};
    if (vv_matchers_compile(&matcher, 1, &compiled, &error) != VARVE_OK) {
        fail_msg("%s: %s", value, error.message);
    }
    return compiled;
}

static bool accepts(varve_match_type type, const char *pattern, varve_string value)
{
    struct vv_matchers *compiled = compile(type, pattern);
    bool accepted = false;
    assert_int_equal(vv_matchers_accept(compiled, 0, value, &accepted), VARVE_OK);
    vv_matchers_destroy(compiled);
    return accepted;
}

/* Expects the pattern to match, and its negation to refuse, or the other way round. */
static void expect_match(const char *pattern, const char *value, bool expected)
{
    if (accepts(VARVE_MATCH_REGEX, pattern, string_of(value)) != expected ||
        accepts(VARVE_MATCH_NOT_REGEX, pattern, string_of(value)) == expected) {
        fail_msg("%s should %smatch %s", pattern, expected ? "" : "not ", value);
    }
}

/* ------------------------------------------------------------------------------- Matching */

static void equal_and_not_equal_compare_bytes(void **state)
{
    (void)state;
    assert_true(accepts(VARVE_MATCH_EQUAL, "x", VARVE_STRING("x")));
    assert_false(accepts(VARVE_MATCH_EQUAL, "x", VARVE_STRING("xx")));
    assert_false(accepts(VARVE_MATCH_EQUAL, "x", VARVE_STRING("")));
    assert_true(accepts(VARVE_MATCH_EQUAL, "", VARVE_STRING("")));
    assert_true(accepts(VARVE_MATCH_NOT_EQUAL, "x", VARVE_STRING("y")));
    assert_false(accepts(VARVE_MATCH_NOT_EQUAL, "", VARVE_STRING("")));
}

static void regexes_are_anchored_at_both_ends(void **state)
{
    (void)state;
    expect_match("ab", "ab", true);
    expect_match("ab", "xab", false);
    expect_match("ab", "abx", false);
    expect_match("[a]b", "ab", true);
    expect_match("[a]b", "xab", false);
    expect_match("[a]b", "abx", false);
    expect_match("[a]b", "ab\n", false);
    expect_match("^[a]b$", "ab", true);
    expect_match("[a]|b", "bx", false);
    expect_match("[a]|ab", "ab", true);
}

static void alternations_of_literals_match_exactly_these(void **state)
{
    (void)state;
    const char *const patterns[] = {"ab|c|", "(ab|c|)", "(?:ab|c|)"};
    for (size_t index = 0; index < 3; index++) {
        expect_match(patterns[index], "ab", true);
        expect_match(patterns[index], "c", true);
        expect_match(patterns[index], "", true);
        expect_match(patterns[index], "abc", false);
        expect_match(patterns[index], "a", false);
    }
    expect_match("", "", true);
    expect_match("", "x", false);
    expect_match("a\\.b|\\*\\\\", "a.b", true);
    expect_match("a\\.b|\\*\\\\", "axb", false);
    expect_match("a\\.b|\\*\\\\", "*\\", true);
    expect_match("\xc3\xa9|\xe2\x82\xac", "\xe2\x82\xac", true);
}

static void prefixes_match_what_starts_so(void **state)
{
    (void)state;
    expect_match("ab.*", "ab", true);
    expect_match("ab.*", "ab\nc", true);
    expect_match("ab.*", "a", false);
    expect_match("ab.+", "ab", false);
    expect_match("ab.+", "abc", true);
    expect_match(".*", "", true);
    expect_match(".+", "", false);
    expect_match(".+", "\n", true);
    expect_match("a\\.b.*", "a.b!", true);
    expect_match("a\\.b.*", "axb!", false);
}

static void patterns_close_to_simple_ones_still_mean_what_they_say(void **state)
{
    (void)state;
    expect_match("a|b.*", "a", true);
    expect_match("a|b.*", "ax", false);
    expect_match("a|b.*", "bx", true);
    expect_match("(a|b).*", "bx", true);
    expect_match("(a|b)|c", "c", true);
    expect_match("(a)(b)", "ab", true);
    expect_match("ab*", "abbb", true);
    expect_match("ab*", "a", true);
    expect_match("ab+", "a", false);
    expect_match("ab?", "a", true);
    expect_match("a\xc3\xa9*", "a", true);
    expect_match("a{2}", "aa", true);
    expect_match("a.*b", "axxb", true);
    expect_match("a.*?", "axx", true);
    expect_match("a\\d", "a5", true);
    expect_match("a.", "a\n", true);
}

static void syntax_of_pcre_without_surprises_is_supported(void **state)
{
    (void)state;
    expect_match("(?i)web-[0-9]+", "WEB-12", true);
    expect_match("(?i:web)-x", "WEB-x", true);
    expect_match("(?i:web)-x", "WEB-X", false);
    expect_match("(?<name>a+)b", "aab", true);
    expect_match("(?P<name>a+)b", "aab", true);
    expect_match("(?>a+)b", "aab", true);
    expect_match("[[:alpha:]]+", "abc", true);
    expect_match("[]a]+", "]a]", true);
    expect_match("[^]]+", "abc", true);
    expect_match("\\Qa.b(?=\\E+", "a.b(?==", true);
    expect_match("\\pL+", "\xc3\xa9", true);
    expect_match(".", "\xe2\x82\xac", true);
    expect_match("\\bweb\\b.*", "web-1", true);
    expect_match("[(?=x)]", "?", true);
    expect_match("\\(\\?=x\\)", "(?=x)", true);
    expect_match("[\\1a]", "a", true);
}

static void literals_are_told(void **state)
{
    (void)state;
    const varve_string *literals = NULL;
    struct vv_matchers *compiled = compile(VARVE_MATCH_EQUAL, "x");
    assert_int_equal(vv_matchers_literals(compiled, 0, &literals), 1);
    assert_memory_equal(literals[0].bytes, "x", 1);
    assert_int_equal(vv_matchers_literals_refused(compiled, 0, &literals), 0);
    vv_matchers_destroy(compiled);
    compiled = compile(VARVE_MATCH_REGEX, "ab|c");
    assert_int_equal(vv_matchers_literals(compiled, 0, &literals), 2);
    assert_int_equal(literals[0].length, 2);
    assert_memory_equal(literals[1].bytes, "c", 1);
    vv_matchers_destroy(compiled);
    compiled = compile(VARVE_MATCH_NOT_REGEX, "ab|c");
    assert_int_equal(vv_matchers_literals(compiled, 0, &literals), 0);
    assert_int_equal(vv_matchers_literals_refused(compiled, 0, &literals), 2);
    vv_matchers_destroy(compiled);
    compiled = compile(VARVE_MATCH_REGEX, "ab.*");
    assert_int_equal(vv_matchers_literals(compiled, 0, &literals), 0);
    vv_matchers_destroy(compiled);
}

static void compiled_matchers_keep_their_own_text(void **state)
{
    (void)state;
    char name[] = "host";
    char value[] = "a|b";
    const varve_matcher matchers[] = {
        {VARVE_MATCH_NOT_EQUAL, {name, 4}, {value, 1}},
        {VARVE_MATCH_REGEX, {name, 4}, {value, 3}},
    };
    struct vv_matchers *compiled = NULL;
    bool accepted = false;
    assert_int_equal(vv_matchers_compile(matchers, 2, &compiled, NULL), VARVE_OK);
    memset(name, 'x', 4);
    memset(value, 'x', 3);
    assert_int_equal(vv_matchers_count(compiled), 2);
    assert_int_equal(vv_matchers_type(compiled, 1), VARVE_MATCH_REGEX);
    assert_memory_equal(vv_matchers_name(compiled, 1).bytes, "host", 4);
    assert_int_equal(vv_matchers_accept(compiled, 1, VARVE_STRING("b"), &accepted), VARVE_OK);
    assert_true(accepted);
    assert_int_equal(vv_matchers_accept(compiled, 0, VARVE_STRING("a"), &accepted), VARVE_OK);
    assert_false(accepted);
    vv_matchers_destroy(compiled);
    vv_matchers_destroy(NULL);
}

static void no_matchers_compile_to_none(void **state)
{
    (void)state;
    struct vv_matchers *compiled = NULL;
    assert_int_equal(vv_matchers_compile(NULL, 0, &compiled, NULL), VARVE_OK);
    assert_int_equal(vv_matchers_count(compiled), 0);
    vv_matchers_destroy(compiled);
}

/* -------------------------------------------------------------------------------- Refused */

static void expect_error(varve_match_type type, varve_string name, varve_string value,
                         const char *message)
{
    const varve_matcher matcher = {type, name, value};
    struct vv_matchers *compiled = NULL;
    varve_error error = {.status = VARVE_OK};
    assert_int_equal(vv_matchers_compile(&matcher, 1, &compiled, &error), VARVE_INVALID);
    assert_string_equal(error.message, message);
    assert_null(compiled);
}

static void expect_pattern_error(const char *pattern, const char *reason)
{
    char message[496];
    (void)snprintf(message, sizeof message, "regular expression of label \"a\", \"%.80s\": %s",
                   pattern, reason);
    expect_error(VARVE_MATCH_REGEX, VARVE_STRING("a"), string_of(pattern), message);
}

static void malformed_patterns_are_refused_where_they_break(void **state)
{
    (void)state;
    expect_pattern_error("(x", "missing closing parenthesis at byte 3");
    expect_pattern_error("x)", "unmatched closing parenthesis at byte 2");
    expect_pattern_error("*x", "quantifier does not follow a repeatable item at byte 1");
    expect_pattern_error("[x", "missing terminating ] for character class at byte 3");
    expect_pattern_error("x\\", "\\ at end of pattern at byte 3");
    expect_pattern_error("a{2,1}", "numbers out of order in {} quantifier at byte 6");
}

static void look_around_is_refused(void **state)
{
    (void)state;
    const char *reason = "look-around at byte 2: matchers do not support it";
    const char *const patterns[] = {"x(?=y)", "x(?!y)", "x(?<=y)", "x(?<!y)", "x(?*y)", "x(?<*y)"};
    for (size_t index = 0; index < sizeof patterns / sizeof patterns[0]; index++) {
        expect_pattern_error(patterns[index], reason);
    }
    expect_pattern_error("[a](b|(?=c))", "look-around at byte 7: matchers do not support it");
    expect_pattern_error("[]](?=c)", "look-around at byte 4: matchers do not support it");
    expect_pattern_error("[[:alpha:]](?=c)", "look-around at byte 12: matchers do not support it");
    expect_pattern_error("\\Q(?=\\E(?=c)", "look-around at byte 8: matchers do not support it");
}

static void back_references_and_calls_are_refused(void **state)
{
    (void)state;
    const char *reason = "a back-reference or subroutine call at byte 4: "
                         "matchers do not support it";
    const char *const patterns[] = {"(a)\\1", "(a)\\g{1}", "(a)\\k<n>", "(a)\\g<1>", "(a)\\9"};
    for (size_t index = 0; index < sizeof patterns / sizeof patterns[0]; index++) {
        expect_pattern_error(patterns[index], reason);
    }
}

static void special_groups_and_verbs_are_refused(void **state)
{
    (void)state;
    const char *const groups[] = {"(?R)",    "(?1)",  "(?&n)", "(?P>n)",    "(?P=n)",
                                  "(?|a|b)", "(?#x)", "(?C1)", "(?(1)a|b)", "(?x)a b"};
    for (size_t index = 0; index < sizeof groups / sizeof groups[0]; index++) {
        expect_pattern_error(groups[index],
                             "a special group (?...) at byte 1: matchers do not support it");
    }
    expect_pattern_error("(*LIMIT_MATCH=1)a",
                         "a verb (*...) at byte 1: matchers do not support it");
    expect_pattern_error("(*pla:a)b", "a verb (*...) at byte 1: matchers do not support it");
}

static void long_patterns_are_refused(void **state)
{
    (void)state;
    char pattern[1026];
    memset(pattern, 'x', 1025);
    pattern[1025] = '\0';
    expect_pattern_error(pattern, "the pattern has 1025 bytes; at most 1024 are allowed");
    pattern[1024] = '\0';
    expect_match(pattern, pattern, true);
}

static void bad_strings_and_types_are_refused(void **state)
{
    (void)state;
    expect_error(VARVE_MATCH_EQUAL, VARVE_STRING(""), VARVE_STRING("x"),
                 "matcher 1 has an empty label name");
    expect_error(VARVE_MATCH_EQUAL, VARVE_STRING("\xff"), VARVE_STRING("x"),
                 "the label name of matcher 1 is not UTF-8");
    expect_error(VARVE_MATCH_REGEX, VARVE_STRING("a"), VARVE_STRING("\xff"),
                 "the value of matcher 1 is not UTF-8");
    expect_error((varve_match_type)4, VARVE_STRING("a"), VARVE_STRING("x"),
                 "matcher 1 has type 4, which is none");
}

/* --------------------------------------------------------------------------------- Limits */

static void an_exploding_regex_ends_at_its_limit(void **state)
{
    (void)state;
    const char *const patterns[] = {"(a+)+[bd]", "(a|aa)+[bd]", "(.*)*[bd]", "(a?){40}a{40}[bd]"};
    char value[65];
    memset(value, 'a', 64);
    value[64] = '\0';
    int limited = 0;
    for (size_t index = 0; index < sizeof patterns / sizeof patterns[0]; index++) {
        struct vv_matchers *compiled = compile(VARVE_MATCH_REGEX, patterns[index]);
        bool accepted = true;
        varve_status status = vv_matchers_accept(compiled, 0, string_of(value), &accepted);
        assert_true(status == VARVE_LIMIT || (status == VARVE_OK && !accepted));
        limited += status == VARVE_LIMIT;
        vv_matchers_destroy(compiled);
    }
    assert_true(limited >= 2);
}

static void values_of_four_kib_match_without_trouble(void **state)
{
    (void)state;
    char *value = malloc(4097);
    memset(value, 'a', 4096);
    value[4096] = '\0';
    expect_match("(a|b)*", value, true);
    expect_match("(a|b)*c", value, false);
    expect_match("(?:[a-z]+-?)*", value, true);
    expect_match(".*a.*a", value, true);
    free(value);
}

static void values_that_are_not_utf8_do_not_harm_the_engine(void **state)
{
    (void)state;
    struct vv_matchers *compiled = compile(VARVE_MATCH_REGEX, "[a-z].*x");
    bool accepted = false;
    assert_int_equal(vv_matchers_accept(compiled, 0, VARVE_STRING("a\xff\xc3"), &accepted),
                     VARVE_INVALID);
    vv_matchers_destroy(compiled);
}

static void memory_that_runs_out_is_reported(void **state)
{
    (void)state;
    const varve_matcher matchers[] = {
        {VARVE_MATCH_EQUAL, VARVE_STRING("a"), VARVE_STRING("x")},
        {VARVE_MATCH_REGEX, VARVE_STRING("a"), VARVE_STRING("x|y")},
        {VARVE_MATCH_REGEX, VARVE_STRING("a"), VARVE_STRING("x[0-9]+(a|b)*")},
    };
    varve_status status = VARVE_NO_MEMORY;
    uint64_t nth = 0;
    while (status != VARVE_OK) {
        struct vv_matchers *compiled = NULL;
        vv_alloc_fail_at(++nth);
        status = vv_matchers_compile(matchers, 3, &compiled, NULL);
        vv_alloc_fail_at(0);
        assert_true(status == VARVE_OK || status == VARVE_NO_MEMORY);
        vv_matchers_destroy(compiled);
    }
    assert_in_range(nth, 12, 40);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(equal_and_not_equal_compare_bytes),
        cmocka_unit_test(regexes_are_anchored_at_both_ends),
        cmocka_unit_test(alternations_of_literals_match_exactly_these),
        cmocka_unit_test(prefixes_match_what_starts_so),
        cmocka_unit_test(patterns_close_to_simple_ones_still_mean_what_they_say),
        cmocka_unit_test(syntax_of_pcre_without_surprises_is_supported),
        cmocka_unit_test(literals_are_told),
        cmocka_unit_test(compiled_matchers_keep_their_own_text),
        cmocka_unit_test(no_matchers_compile_to_none),
        cmocka_unit_test(malformed_patterns_are_refused_where_they_break),
        cmocka_unit_test(look_around_is_refused),
        cmocka_unit_test(back_references_and_calls_are_refused),
        cmocka_unit_test(special_groups_and_verbs_are_refused),
        cmocka_unit_test(long_patterns_are_refused),
        cmocka_unit_test(bad_strings_and_types_are_refused),
        cmocka_unit_test(an_exploding_regex_ends_at_its_limit),
        cmocka_unit_test(values_of_four_kib_match_without_trouble),
        cmocka_unit_test(values_that_are_not_utf8_do_not_harm_the_engine),
        cmocka_unit_test(memory_that_runs_out_is_reported),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
