/* Tests of shard_labels.c: labels and numbers of series over blocks and the head. */
#include "storage/shard.h"

#include "support/shard_fixture.h"

static void put(struct shard_fixture *fixture, const char *series)
{
    assert_int_equal(shard_fixture_append(fixture, series, VARVE_DUPLICATES_LAST, 1, 1), VARVE_OK);
}

static void flush(struct shard_fixture *fixture)
{
    assert_int_equal(shard_fixture_flush(fixture), VARVE_OK);
}

/* The labels that the selector's series have, as words; "hidden" where deletions forbid to say. */
static void expect(struct shard_fixture *fixture, const char *selector, const char *name,
                   const char *wanted)
{
    varve_selector *parsed = NULL;
    struct vv_matchers *matchers = NULL;
    struct vv_string_list list = {0};
    struct vv_query_control control = {.deadline_ns = INT64_MAX};
    varve_string label = vv_test_string(name != NULL ? name : "");
    char text[512] = "";
    size_t length = 0;
    bool hidden;
    if (selector != NULL) {
        size_t count;
        assert_int_equal(varve_selector_parse(vv_test_string(selector), &parsed, NULL), VARVE_OK);
        const varve_matcher *list_of = varve_selector_matchers(parsed, &count);
        assert_int_equal(vv_matchers_compile(list_of, count, &matchers, NULL), VARVE_OK);
    }
    assert_int_equal(vv_shard_list_labels(fixture->shard, matchers, name != NULL ? &label : NULL,
                                          &control, &list, &hidden, NULL),
                     VARVE_OK);
    assert_int_equal(vv_string_list_sort(&list), VARVE_OK);
    for (size_t i = 0; i < list.count; i++) {
        length += (size_t)snprintf(text + length, sizeof text - length, "%s%.*s", i > 0 ? " " : "",
                                   (int)list.sorted[i].length, list.sorted[i].bytes);
    }
    assert_string_equal(hidden ? "hidden" : text, wanted);
    vv_string_list_fini(&list);
    vv_matchers_destroy(matchers);
    varve_selector_destroy(parsed);
}

static void expect_count(struct shard_fixture *fixture, uint64_t wanted)
{
    uint64_t count;
    bool hidden;
    assert_int_equal(vv_shard_count_series(fixture->shard, &count, &hidden), VARVE_OK);
    assert_false(hidden);
    assert_int_equal(count, wanted);
}

static void an_empty_shard_has_no_labels(void **state)
{
    struct shard_fixture *fixture = *state;
    expect(fixture, NULL, NULL, "");
    expect(fixture, NULL, "host", "");
    expect_count(fixture, 0);
}

static void labels_of_head_and_blocks_are_united(void **state)
{
    struct shard_fixture *fixture = *state;
    put(fixture, "cpu{host=\"b\"}");
    put(fixture, "cpu{host=\"d\",rack=\"1\"}");
    flush(fixture);
    put(fixture, "cpu{host=\"a\"}");
    put(fixture, "mem{host=\"b\"}");
    flush(fixture);
    put(fixture, "cpu{host=\"c\",dc=\"x\"}");
    put(fixture, "cpu{host=\"b\"}");
    expect(fixture, NULL, NULL, "__name__ dc host rack");
    expect(fixture, NULL, "host", "a b c d");
    expect(fixture, NULL, "__name__", "cpu mem");
    expect(fixture, NULL, "none", "");
    expect_count(fixture, 5);
    expect_count(fixture, 5); /* from what was remembered */
    assert_int_equal(vv_shard_compact(fixture->shard, NULL), VARVE_OK);
    expect(fixture, NULL, "host", "a b c d");
    expect_count(fixture, 5);
}

static void matchers_narrow_the_lists(void **state)
{
    struct shard_fixture *fixture = *state;
    put(fixture, "cpu{host=\"a\",os=\"x\"}");
    put(fixture, "cpu{host=\"b\"}");
    put(fixture, "mem{host=\"b\",rack=\"1\"}");
    flush(fixture);
    put(fixture, "mem{host=\"c\",dc=\"2\"}");
    expect(fixture, "cpu", NULL, "__name__ host os");
    expect(fixture, "mem", NULL, "__name__ dc host rack");
    expect(fixture, "mem", "host", "b c");
    expect(fixture, "{host=~\"[ab]\"}", "__name__", "cpu mem");
    expect(fixture, "{host=\"c\"}", "host", "c");
    expect(fixture, "{host=\"z\"}", NULL, "");
    expect(fixture, "cpu", "dc", "");
    expect(fixture, "{}", "rack", "1");
}

static void a_series_without_samples_has_no_labels(void **state)
{
    struct shard_fixture *fixture = *state;
    put(fixture, "cpu{host=\"a\"}");
    (void)shard_fixture_ref(fixture, "mem{host=\"b\",dc=\"x\"}");
    expect(fixture, NULL, NULL, "__name__ host");
    expect(fixture, NULL, "host", "a");
    expect(fixture, "{host=~\".+\"}", "__name__", "cpu");
    expect_count(fixture, 1);
}

static void deletions_hide_series_until_they_are_carried_out(void **state)
{
    struct shard_fixture *fixture = *state;
    put(fixture, "cpu{host=\"a\"}");
    flush(fixture);
    shard_fixture_delete(fixture, INT64_MIN, INT64_MAX);
    put(fixture, "mem{dc=\"x\"}");
    expect(fixture, NULL, NULL, "hidden");
    flush(fixture);
    expect(fixture, NULL, NULL, "hidden");
    assert_int_equal(vv_shard_compact(fixture->shard, NULL), VARVE_OK);
    expect(fixture, NULL, NULL, "__name__ dc");
    expect_count(fixture, 1);
}

#define TEST(function)                                                                             \
    cmocka_unit_test_setup_teardown(function, shard_fixture_set_up, shard_fixture_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(an_empty_shard_has_no_labels),
        TEST(labels_of_head_and_blocks_are_united),
        TEST(matchers_narrow_the_lists),
        TEST(a_series_without_samples_has_no_labels),
        TEST(deletions_hide_series_until_they_are_carried_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
