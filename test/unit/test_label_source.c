/* Tests of label_source.c: by hand, then random matchers over random label sets against asking
 * every series one by one. */
#include "index/label_source.h"

#include <stdio.h>
#include <stdlib.h>

#include "index/label_index.h"
#include "support/labels.h"
#include "support/random.h"

static struct vv_matchers *compile(const char *selector)
{
    varve_selector *parsed = NULL;
    struct vv_matchers *compiled = NULL;
    varve_error error = {.status = VARVE_OK};
    size_t count = 0;
    if (varve_selector_parse(vv_test_string(selector), &parsed, &error) != VARVE_OK) {
        fail_msg("%s: %s", selector, error.message);
    }
    const varve_matcher *matchers = varve_selector_matchers(parsed, &count);
    if (vv_matchers_compile(matchers, count, &compiled, &error) != VARVE_OK) {
        fail_msg("%s: %s", selector, error.message);
    }
    varve_selector_destroy(parsed);
    return compiled;
}

/* --------------------------------------------------------------------------------- By hand */

static struct vv_label_index *index_of_five(void)
{
    static const char *const series[] = {"cpu{host=\"a\"}", "cpu{host=\"b\",dc=\"x\"}",
                                         "mem{host=\"a\",dc=\"y\"}", "mem", "{dc=\"x\"}"};
    struct vv_label_index *index = vv_label_index_create();
    struct vv_buffer buffer = {0};
    for (uint32_t id = 0; id < 5; id++) {
        assert_int_equal(vv_label_index_add(index, id, vv_test_key(&buffer, series[id])), VARVE_OK);
    }
    vv_buffer_fini(&buffer);
    return index;
}

/* Expects the selected ids of index_of_five() as text. */
static void expect_selected(const char *selector, const char *expected)
{
    struct vv_label_index *index = index_of_five();
    struct vv_label_source source = vv_label_index_source(index);
    struct vv_matchers *matchers = compile(selector);
    struct vv_id_runs *set = vv_id_runs_create();
    char text[8] = "";
    assert_int_equal(vv_label_source_select(&source, matchers, set), VARVE_OK);
    for (uint32_t id = 0; id < 5; id++) {
        if (vv_id_runs_contains(set, id)) {
            text[strlen(text)] = (char)('0' + id);
        }
    }
    if (strcmp(text, expected) != 0) {
        fail_msg("%s: %s instead of %s", selector, text, expected);
    }
    vv_id_runs_destroy(set);
    vv_matchers_destroy(matchers);
    vv_label_index_destroy(index);
}

static void no_matchers_select_everything(void **state)
{
    (void)state;
    expect_selected("{}", "01234");
}

static void positive_matchers_intersect(void **state)
{
    (void)state;
    expect_selected("cpu", "01");
    expect_selected("cpu{host=\"b\"}", "1");
    expect_selected("{host=~\"a|b\",dc=\"x\"}", "1");
    expect_selected("{host=~\"[ab]\"}", "012");
    expect_selected("cpu{dc=\"y\"}", "");
    expect_selected("disk", "");
}

static void an_absent_label_equals_the_empty_string(void **state)
{
    (void)state;
    expect_selected("{host=\"\"}", "34");
    expect_selected("{host!=\"\"}", "012");
    expect_selected("{host!=\"a\"}", "134");
    expect_selected("{host=~\".*\"}", "01234");
    expect_selected("{host=~\".+\"}", "012");
    expect_selected("{host!~\".+\"}", "34");
    expect_selected("{host!~\".*\"}", "");
    expect_selected("{host=~\"a|\"}", "0234");
    expect_selected("{host!~\"a|\"}", "1");
    expect_selected("{host!~\"a\"}", "134");
    expect_selected("{__name__=\"\"}", "4");
    expect_selected("{rack=\"\"}", "01234");
    expect_selected("{rack!=\"x\"}", "01234");
    expect_selected("{rack!=\"\"}", "");
}

static void one_label_may_have_several_conditions(void **state)
{
    (void)state;
    expect_selected("{host!=\"a\",host!=\"b\"}", "34");
    expect_selected("{host=~\".+\",host!=\"a\"}", "1");
    expect_selected("{host=\"a\",host=\"b\"}", "");
}

/* ------------------------------------------------------------------- A source that fails */

struct failing_source {
    struct vv_label_source inner;
    int calls_until_failure;
};

static varve_status count_call(const void *ctx)
{
    /* The test owns the struct and made it writable. */
    struct failing_source *failing = (struct failing_source *)(uintptr_t)ctx;
    return failing->calls_until_failure-- == 0 ? VARVE_CORRUPT : VARVE_OK;
}

static varve_status failing_add_all(const void *ctx, struct vv_id_runs *into)
{
    const struct failing_source *failing = ctx;
    VV_TRY(count_call(ctx));
    return failing->inner.ops->add_all(failing->inner.ctx, into);
}

static varve_status failing_each_value(const void *ctx, varve_string name, vv_visit_value visit,
                                       void *visitor)
{
    const struct failing_source *failing = ctx;
    VV_TRY(count_call(ctx));
    return failing->inner.ops->each_value(failing->inner.ctx, name, visit, visitor);
}

static varve_status failing_find_value(const void *ctx, varve_string name, varve_string value,
                                       uint64_t *posting)
{
    const struct failing_source *failing = ctx;
    VV_TRY(count_call(ctx));
    return failing->inner.ops->find_value(failing->inner.ctx, name, value, posting);
}

static varve_status failing_posting_size(const void *ctx, uint64_t posting, uint64_t *size)
{
    const struct failing_source *failing = ctx;
    VV_TRY(count_call(ctx));
    return failing->inner.ops->posting_size(failing->inner.ctx, posting, size);
}

static varve_status failing_add_posting(const void *ctx, uint64_t posting, struct vv_id_runs *into)
{
    const struct failing_source *failing = ctx;
    VV_TRY(count_call(ctx));
    return failing->inner.ops->add_posting(failing->inner.ctx, posting, into);
}

static const struct vv_label_source_ops failing_ops = {
    .add_all = failing_add_all,
    .each_value = failing_each_value,
    .find_value = failing_find_value,
    .posting_size = failing_posting_size,
    .add_posting = failing_add_posting,
};

static void damage_in_any_call_of_the_source_is_returned(void **state)
{
    (void)state;
    const char *const selectors[] = {"cpu{host=~\"[ab]\",dc!=\"y\"}", "{host!~\"a.?\"}", "{}"};
    struct vv_label_index *index = index_of_five();
    for (size_t at = 0; at < 3; at++) {
        struct vv_matchers *matchers = compile(selectors[at]);
        varve_status status = VARVE_CORRUPT;
        int calls = 0;
        while (status != VARVE_OK) {
            struct failing_source failing = {vv_label_index_source(index), calls++};
            struct vv_label_source source = {&failing_ops, &failing};
            struct vv_id_runs *set = vv_id_runs_create();
            status = vv_label_source_select(&source, matchers, set);
            assert_true(status == VARVE_OK || status == VARVE_CORRUPT);
            vv_id_runs_destroy(set);
        }
        assert_true(calls >= 2);
        vv_matchers_destroy(matchers);
    }
    vv_label_index_destroy(index);
}

static void nothing_is_asked_when_no_series_is_left(void **state)
{
    (void)state;
    struct vv_label_index *index = index_of_five();
    struct vv_matchers *matchers = compile("{host=~\"[ab]\",dc!=\"y\",__name__=\"disk\"}");
    struct failing_source failing = {vv_label_index_source(index), 1};
    struct vv_label_source source = {&failing_ops, &failing};
    struct vv_id_runs *set = vv_id_runs_create();
    assert_int_equal(vv_label_source_select(&source, matchers, set), VARVE_OK);
    assert_int_equal(failing.calls_until_failure, 0);
    vv_id_runs_destroy(set);
    vv_matchers_destroy(matchers);
    vv_label_index_destroy(index);
}

/* A source that notes the posting that it is asked for first. */
struct noting_source {
    struct vv_label_source inner;
    struct vv_label_source_ops ops;
    uint64_t sizes[4];
    size_t count;
};

static varve_status noting_add_posting(const void *ctx, uint64_t posting, struct vv_id_runs *into)
{
    struct noting_source *noting = (struct noting_source *)(uintptr_t)ctx;
    assert_true(noting->count < 4);
    VV_TRY(noting->inner.ops->posting_size(noting->inner.ctx, posting,
                                           &noting->sizes[noting->count++]));
    return noting->inner.ops->add_posting(noting->inner.ctx, posting, into);
}

static varve_status noting_find_value(const void *ctx, varve_string name, varve_string value,
                                      uint64_t *posting)
{
    const struct noting_source *noting = ctx;
    return noting->inner.ops->find_value(noting->inner.ctx, name, value, posting);
}

static varve_status noting_posting_size(const void *ctx, uint64_t posting, uint64_t *size)
{
    const struct noting_source *noting = ctx;
    return noting->inner.ops->posting_size(noting->inner.ctx, posting, size);
}

static void the_smallest_posting_comes_first(void **state)
{
    (void)state;
    struct vv_label_index *index = vv_label_index_create();
    struct vv_buffer buffer = {0};
    for (uint32_t id = 0; id < 100; id++) {
        char text[64];
        (void)snprintf(text, sizeof text, "cpu{host=\"%u\",dc=\"%u\"}", id, id % 5);
        assert_int_equal(vv_label_index_add(index, id, vv_test_key(&buffer, text)), VARVE_OK);
    }
    vv_buffer_fini(&buffer);
    struct noting_source noting = {
        .inner = vv_label_index_source(index),
        .ops = {.find_value = noting_find_value,
                .posting_size = noting_posting_size,
                .add_posting = noting_add_posting},
    };
    struct vv_label_source source = {&noting.ops, &noting};
    struct vv_matchers *matchers = compile("cpu{dc=\"3\",host=\"8\"}");
    struct vv_id_runs *set = vv_id_runs_create();
    assert_int_equal(vv_label_source_select(&source, matchers, set), VARVE_OK);
    assert_int_equal(vv_id_runs_count(set), 1);
    assert_int_equal(noting.count, 3);
    assert_int_equal(noting.sizes[0], 1);
    assert_int_equal(noting.sizes[1], 20);
    assert_int_equal(noting.sizes[2], 100);
    vv_id_runs_destroy(set);
    vv_matchers_destroy(matchers);
    vv_label_index_destroy(index);
}

static void a_regex_at_its_limit_ends_the_selection(void **state)
{
    (void)state;
    struct vv_label_index *index = vv_label_index_create();
    struct vv_buffer buffer = {0};
    struct vv_matchers *matchers = compile("{a=~\"(x+)+[yz]\"}");
    char series[80] = "{a=\"";
    memset(series + 4, 'x', 60);
    memcpy(series + 64, "\"}", 3);
    assert_int_equal(vv_label_index_add(index, 1, vv_test_key(&buffer, series)), VARVE_OK);
    struct vv_label_source source = vv_label_index_source(index);
    struct vv_id_runs *set = vv_id_runs_create();
    assert_int_equal(vv_label_source_select(&source, matchers, set), VARVE_LIMIT);
    vv_id_runs_destroy(set);
    vv_matchers_destroy(matchers);
    vv_buffer_fini(&buffer);
    vv_label_index_destroy(index);
}

/* -------------------------------------------------------------------------------- At random */

enum { SERIES_MAX = 300, NAME_COUNT = 4, VALUE_COUNT = 12 };

static const char *const names[NAME_COUNT] = {"__name__", "host", "dc", "odd name"};
static const char *const values[VALUE_COUNT] = {"",    "a",  "b",  "ab",       "abc",  "x.y",
                                                "x-y", "xy", "10", "\xc3\xa9", "a\nb", "A"};
static const char *const patterns[] = {"",    ".*",    ".+",    "a|b",      "(a|b|)",    "ab.*",
                                       "a.+", "[ab]+", "x\\.y", "x.y",      "(?i)a",     "\\d+",
                                       "a.b", "[^a]*", "a?",    "(ab|x.*)", "b|ab|none", "none"};
enum { PATTERN_COUNT = sizeof patterns / sizeof patterns[0] };

struct series {
    varve_label labels[NAME_COUNT]; /* empty values included */
};

static varve_matcher random_matcher(struct vv_test_random *random)
{
    varve_match_type type = (varve_match_type)vv_test_random_below(random, 4);
    bool regex = type == VARVE_MATCH_REGEX || type == VARVE_MATCH_NOT_REGEX;
    const char *value = regex ? patterns[vv_test_random_below(random, PATTERN_COUNT)]
                              : values[vv_test_random_below(random, VALUE_COUNT)];
    /* Now and then a label that no series has. */
    size_t name = vv_test_random_below(random, NAME_COUNT * 8 + 1);
    const char *text = name == NAME_COUNT * 8 ? "nobody" : names[name % NAME_COUNT];
    return (varve_matcher){type, vv_test_string(text), vv_test_string(value)};
}

/* Whether a series satisfies every matcher, asked one by one. */
static bool satisfies(const struct series *series, const varve_matcher *matchers,
                      const struct vv_matchers *compiled)
{
    for (size_t at = 0; at < vv_matchers_count(compiled); at++) {
        varve_string value = {"", 0};
        for (size_t label = 0; label < NAME_COUNT; label++) {
            const varve_string *name = &series->labels[label].name;
            if (name->length == matchers[at].name.length &&
                memcmp(name->bytes, matchers[at].name.bytes, name->length) == 0) {
                value = series->labels[label].value;
            }
        }
        bool accepted = false;
        assert_int_equal(vv_matchers_accept(compiled, at, value, &accepted), VARVE_OK);
        if (!accepted) {
            return false;
        }
    }
    return true;
}

static size_t random_series(struct vv_test_random *random, struct series *series,
                            struct vv_label_index *index)
{
    struct vv_buffer key = {0};
    size_t count = 0;
    size_t want = 1 + vv_test_random_below(random, SERIES_MAX);
    while (count < want) {
        for (size_t label = 0; label < NAME_COUNT; label++) {
            series[count].labels[label] =
                vv_test_label(names[label], values[vv_test_random_below(random, VALUE_COUNT)]);
        }
        vv_buffer_clear(&key);
        if (vv_key_encode(series[count].labels, NAME_COUNT, &key, NULL) == VARVE_OK) {
            assert_int_equal(vv_label_index_add(index, (uint32_t)(count * 3),
                                                (struct vv_key){key.bytes, key.length}),
                             VARVE_OK);
            count++;
        }
    }
    vv_buffer_fini(&key);
    return count;
}

static void any_selection_equals_asking_every_series(void **state)
{
    (void)state;
    struct vv_test_random random = vv_test_random_init(6);
    struct series *series = calloc(SERIES_MAX, sizeof(*series));
    for (int round = 0; round < 30; round++) {
        struct vv_label_index *index = vv_label_index_create();
        struct vv_label_source source = vv_label_index_source(index);
        size_t count = random_series(&random, series, index);
        for (int query = 0; query < 60; query++) {
            varve_matcher matchers[4];
            size_t matcher_count = vv_test_random_below(&random, 5);
            for (size_t at = 0; at < matcher_count; at++) {
                matchers[at] = random_matcher(&random);
            }
            struct vv_matchers *compiled = NULL;
            assert_int_equal(vv_matchers_compile(matchers, matcher_count, &compiled, NULL),
                             VARVE_OK);
            struct vv_id_runs *set = vv_id_runs_create();
            assert_int_equal(vv_label_source_select(&source, compiled, set), VARVE_OK);
            uint64_t expected = 0;
            for (size_t at = 0; at < count; at++) {
                bool satisfied = satisfies(&series[at], matchers, compiled);
                expected += satisfied;
                assert_int_equal(vv_id_runs_contains(set, (uint32_t)(at * 3)), satisfied);
            }
            assert_int_equal(vv_id_runs_count(set), expected);
            vv_id_runs_destroy(set);
            vv_matchers_destroy(compiled);
        }
        vv_label_index_destroy(index);
    }
    free(series);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_matchers_select_everything),
        cmocka_unit_test(positive_matchers_intersect),
        cmocka_unit_test(an_absent_label_equals_the_empty_string),
        cmocka_unit_test(one_label_may_have_several_conditions),
        cmocka_unit_test(damage_in_any_call_of_the_source_is_returned),
        cmocka_unit_test(nothing_is_asked_when_no_series_is_left),
        cmocka_unit_test(the_smallest_posting_comes_first),
        cmocka_unit_test(a_regex_at_its_limit_ends_the_selection),
        cmocka_unit_test(any_selection_equals_asking_every_series),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
