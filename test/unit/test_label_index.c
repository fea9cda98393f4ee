/* Tests of label_index.c: look-ups, failures half way, and what it costs. */
#include "index/label_index.h"

#include <stdio.h>
#include <stdlib.h>

#include "os/alloc.h"
#include "support/labels.h"

static varve_status add(struct vv_label_index *index, uint32_t id, const char *series)
{
    struct vv_buffer buffer = {0};
    varve_status status = vv_label_index_add(index, id, vv_test_key(&buffer, series));
    vv_buffer_fini(&buffer);
    return status;
}

static struct vv_label_index *index_of_three(void)
{
    struct vv_label_index *index = vv_label_index_create();
    assert_non_null(index);
    assert_int_equal(add(index, 10, "cpu{host=\"a\",dc=\"x\"}"), VARVE_OK);
    assert_int_equal(add(index, 3, "cpu{host=\"b\"}"), VARVE_OK);
    assert_int_equal(add(index, 7, "mem{host=\"a\"}"), VARVE_OK);
    return index;
}

/* Expects the ids of name=value, which are at most two; 0 ends the list. */
static void expect_posting(const struct vv_label_index *index, const char *name, const char *value,
                           uint32_t first, uint32_t second)
{
    struct vv_label_source source = vv_label_index_source(index);
    struct vv_id_runs *set = vv_id_runs_create();
    uint64_t posting = 0;
    assert_int_equal(
        source.ops->find_value(source.ctx, vv_test_string(name), vv_test_string(value), &posting),
        VARVE_OK);
    assert_int_equal(source.ops->add_posting(source.ctx, posting, set), VARVE_OK);
    assert_int_equal(vv_id_runs_count(set), (first != 0) + (second != 0));
    assert_true(first == 0 || vv_id_runs_contains(set, first));
    assert_true(second == 0 || vv_id_runs_contains(set, second));
    vv_id_runs_destroy(set);
}

static void expect_absent(const struct vv_label_index *index, const char *name, const char *value)
{
    struct vv_label_source source = vv_label_index_source(index);
    uint64_t posting = 0;
    assert_int_equal(
        source.ops->find_value(source.ctx, vv_test_string(name), vv_test_string(value), &posting),
        VARVE_NOT_FOUND);
}

static void values_are_found_with_their_ids(void **state)
{
    (void)state;
    struct vv_label_index *index = index_of_three();
    expect_posting(index, "__name__", "cpu", 3, 10);
    expect_posting(index, "host", "a", 7, 10);
    expect_posting(index, "dc", "x", 10, 0);
    expect_absent(index, "host", "c");
    expect_absent(index, "host", "");
    expect_absent(index, "rack", "a");
    vv_label_index_destroy(index);
}

/* Names or values that were visited, joined. */
struct visited {
    char text[128];
    size_t count;
    size_t stop_at;
};

static varve_status visit_name(void *visitor, varve_string name)
{
    struct visited *visited = visitor;
    (void)snprintf(visited->text + strlen(visited->text),
                   sizeof visited->text - strlen(visited->text), "%.*s ", (int)name.length,
                   name.bytes);
    return ++visited->count == visited->stop_at ? VARVE_CANCELLED : VARVE_OK;
}

static varve_status visit_value(void *visitor, varve_string value, uint64_t posting)
{
    (void)posting;
    return visit_name(visitor, value);
}

static void names_and_values_are_walked(void **state)
{
    (void)state;
    struct vv_label_index *index = index_of_three();
    struct vv_label_source source = vv_label_index_source(index);
    struct visited names = {.count = 0};
    struct visited values = {.count = 0};
    struct visited none = {.count = 0};
    assert_int_equal(source.ops->each_name(source.ctx, visit_name, &names), VARVE_OK);
    assert_string_equal(names.text, "__name__ dc host ");
    assert_int_equal(source.ops->each_value(source.ctx, VARVE_STRING("host"), visit_value, &values),
                     VARVE_OK);
    assert_true(strcmp(values.text, "a b ") == 0 || strcmp(values.text, "b a ") == 0);
    assert_int_equal(source.ops->each_value(source.ctx, VARVE_STRING("rack"), visit_value, &none),
                     VARVE_OK);
    assert_int_equal(none.count, 0);
    vv_label_index_destroy(index);
}

static void a_visitor_may_end_the_walk(void **state)
{
    (void)state;
    struct vv_label_index *index = index_of_three();
    struct vv_label_source source = vv_label_index_source(index);
    struct visited names = {.stop_at = 2};
    struct visited values = {.stop_at = 1};
    assert_int_equal(source.ops->each_name(source.ctx, visit_name, &names), VARVE_CANCELLED);
    assert_int_equal(names.count, 2);
    assert_int_equal(source.ops->each_value(source.ctx, VARVE_STRING("host"), visit_value, &values),
                     VARVE_CANCELLED);
    assert_int_equal(values.count, 1);
    vv_label_index_destroy(index);
}

static void all_ids_are_told(void **state)
{
    (void)state;
    struct vv_label_index *index = index_of_three();
    struct vv_label_source source = vv_label_index_source(index);
    struct vv_id_runs *set = vv_id_runs_create();
    uint32_t ids[3];
    const uint32_t expected[] = {3, 7, 10};
    assert_int_equal(source.ops->add_all(source.ctx, set), VARVE_OK);
    assert_int_equal(vv_id_runs_count(set), 3);
    vv_id_runs_to_array(set, ids);
    assert_memory_equal(ids, expected, sizeof expected);
    vv_id_runs_destroy(set);
    vv_label_index_destroy(index);
}

static void the_same_string_under_two_names_is_two_values(void **state)
{
    (void)state;
    struct vv_label_index *index = vv_label_index_create();
    assert_int_equal(add(index, 1, "{a=\"x\",b=\"y\"}"), VARVE_OK);
    assert_int_equal(add(index, 2, "{a=\"y\",b=\"x\"}"), VARVE_OK);
    expect_posting(index, "a", "x", 1, 0);
    expect_posting(index, "b", "x", 2, 0);
    vv_label_index_destroy(index);
}

static void strings_stay_where_they_are_while_the_index_grows(void **state)
{
    (void)state;
    struct vv_label_index *index = index_of_three();
    struct vv_label_source source = vv_label_index_source(index);
    struct visited before = {.count = 0};
    assert_int_equal(source.ops->each_name(source.ctx, visit_name, &before), VARVE_OK);
    for (uint32_t id = 100; id < 5000; id++) {
        char series[64];
        (void)snprintf(series, sizeof series, "cpu{host=\"h%u\",l%u=\"x\"}", id, id % 50);
        assert_int_equal(add(index, id, series), VARVE_OK);
    }
    for (uint32_t id = 100; id < 5000; id++) {
        char host[16];
        (void)snprintf(host, sizeof host, "h%u", id);
        expect_posting(index, "host", host, id, 0);
    }
    expect_posting(index, "host", "a", 7, 10);
    vv_label_index_destroy(index);
}

/* Adds a series with one old and three new strings while the n-th allocation fails. */
static varve_status add_failing(struct vv_label_index *index, uint64_t nth)
{
    struct vv_buffer buffer = {0};
    struct vv_key key = vv_test_key(&buffer, "cpu{dc=\"y\",host=\"a\",rack=\"r\"}");
    vv_alloc_fail_at(nth);
    varve_status status = vv_label_index_add(index, 50, key);
    vv_alloc_fail_at(0);
    vv_buffer_fini(&buffer);
    return status;
}

/* Adds a series once every allocation that this takes has failed once. How often that was. */
static unsigned add_after_failures(struct vv_label_index *index, uint32_t id, const char *series)
{
    struct vv_buffer buffer = {0};
    struct vv_key key = vv_test_key(&buffer, series);
    varve_status status = VARVE_NO_MEMORY;
    unsigned failures = 0;
    for (uint64_t nth = 1; status != VARVE_OK; nth++) {
        vv_alloc_fail_at(nth);
        status = vv_label_index_add(index, id, key);
        vv_alloc_fail_at(0);
        failures += status == VARVE_NO_MEMORY;
        assert_true(status == VARVE_OK || status == VARVE_NO_MEMORY);
    }
    vv_buffer_fini(&buffer);
    return failures;
}

/* Slots grow to 256 KiB: in one piece, then to pages, then from pages that go back in two pieces
 * (65,536 slots from 49,153 values on, the older ones gone 6,146 values later). */
static void values_are_found_while_the_table_grows(void **state)
{
    (void)state;
    enum { VALUES = 60000, GROWTHS_AT_LEAST = 25 };
    struct vv_label_index *index = vv_label_index_create();
    unsigned failures = 0;
    char text[32];
    for (uint32_t id = 1; id <= VALUES; id++) {
        (void)snprintf(text, sizeof text, "v%u", id);
        expect_absent(index, "n", text);
        char series[64];
        (void)snprintf(series, sizeof series, "m{n=\"%s\"}", text);
        failures += add_after_failures(index, id, series);
        expect_posting(index, "n", text, id, 0);
        uint32_t before =
            1 + (id * UINT32_C(2654435761) >> 8) % id; /* one of those that are there */
        (void)snprintf(text, sizeof text, "v%u", before);
        expect_posting(index, "n", text, before, 0);
    }
    assert_true(failures >= GROWTHS_AT_LEAST);
    vv_label_index_destroy(index);
}

static void an_id_whose_add_failed_is_nowhere_and_can_be_added_again(void **state)
{
    (void)state;
    varve_status status = VARVE_NO_MEMORY;
    uint64_t nth = 0;
    while (status != VARVE_OK) {
        struct vv_label_index *index = index_of_three();
        status = add_failing(index, ++nth);
        if (status != VARVE_OK) {
            assert_int_equal(status, VARVE_NO_MEMORY);
            struct vv_label_source source = vv_label_index_source(index);
            struct visited names = {.count = 0};
            assert_int_equal(source.ops->each_name(source.ctx, visit_name, &names), VARVE_OK);
            assert_string_equal(names.text, "__name__ dc host ");
            expect_posting(index, "__name__", "cpu", 3, 10);
            expect_posting(index, "host", "a", 7, 10);
            expect_absent(index, "dc", "y");
            expect_absent(index, "rack", "r");
            assert_int_equal(add_failing(index, 0), VARVE_OK);
        }
        expect_posting(index, "rack", "r", 50, 0);
        vv_label_index_destroy(index);
    }
    assert_in_range(nth, 4, 30);
}

static void creation_may_run_out_of_memory(void **state)
{
    (void)state;
    for (uint64_t nth = 1; nth <= 2; nth++) {
        vv_alloc_fail_at(nth);
        assert_null(vv_label_index_create());
        vv_alloc_fail_at(0);
    }
    vv_label_index_destroy(NULL);
}

/* 100,000 series of 10 labels, as monitoring has them: ten metrics on each of 10,000 hosts, and
 * labels of the host with few values. */
static void one_hundred_thousand_series_stay_under_250_bytes_each(void **state)
{
    (void)state;
    struct vv_label_index *index = vv_label_index_create();
    struct vv_buffer buffer = {0};
    for (uint32_t id = 0; id < 100000; id++) {
        uint32_t host = id / 10;
        char series[320];
        (void)snprintf(series, sizeof series,
                       "metric_%u{arch=\"x%u\",datacenter=\"dc-%u\",hostname=\"host_%u\","
                       "os=\"Ubuntu%u\",rack=\"%u\",region=\"region-%u\",service=\"%u\","
                       "service_environment=\"env-%u\",team=\"team-%u\"}",
                       id % 10, host % 2, host % 27, host, host % 3, host % 100, host % 9,
                       host % 20, host % 3, host % 4);
        assert_int_equal(vv_label_index_add(index, id, vv_test_key(&buffer, series)), VARVE_OK);
    }
    double bytes = (double)vv_label_index_bytes(index) / 100000;
    print_message("%.1f bytes per series\n", bytes);
    assert_true(bytes > 10 && bytes < 250);
    vv_buffer_fini(&buffer);
    vv_label_index_destroy(index);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_are_found_with_their_ids),
        cmocka_unit_test(names_and_values_are_walked),
        cmocka_unit_test(a_visitor_may_end_the_walk),
        cmocka_unit_test(all_ids_are_told),
        cmocka_unit_test(the_same_string_under_two_names_is_two_values),
        cmocka_unit_test(strings_stay_where_they_are_while_the_index_grows),
        cmocka_unit_test(values_are_found_while_the_table_grows),
        cmocka_unit_test(an_id_whose_add_failed_is_nowhere_and_can_be_added_again),
        cmocka_unit_test(creation_may_run_out_of_memory),
        cmocka_unit_test(one_hundred_thousand_series_stay_under_250_bytes_each),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
