/* Tests of string_list.c: order and uniqueness against a sorted array, and limits. */
#include "index/string_list.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "support/labels.h"
#include "support/random.h"

static void add(struct vv_string_list *list, const char *text)
{
    assert_int_equal(vv_string_list_add(list, vv_test_string(text)), VARVE_OK);
}

static bool has(struct vv_string_list *list, const char *text)
{
    bool found = false;
    assert_int_equal(vv_string_list_has(list, vv_test_string(text), &found), VARVE_OK);
    return found;
}

/* Sorts the list and compares it with the expected words. */
static void expect(struct vv_string_list *list, const char *const *expected, size_t count)
{
    assert_int_equal(vv_string_list_sort(list), VARVE_OK);
    assert_int_equal(list->count, count);
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(vv_string_compare(list->sorted[i], vv_test_string(expected[i])), 0);
    }
    vv_string_list_fini(list);
}

static void strings_in_order_need_no_table(void **state)
{
    (void)state;
    static const char *const words[] = {"", "a", "ab", "b"};
    struct vv_string_list list = {0};
    for (size_t i = 0; i < 4; i++) {
        assert_false(has(&list, words[i]));
        add(&list, words[i]);
    }
    assert_null(list.table);
    expect(&list, words, 4);
}

static void the_last_string_again_is_known(void **state)
{
    (void)state;
    static const char *const words[] = {"a", "b"};
    struct vv_string_list list = {0};
    add(&list, "a");
    add(&list, "a");
    add(&list, "b");
    add(&list, "b");
    add(&list, "a");
    assert_true(has(&list, "a"));
    assert_false(has(&list, "c"));
    expect(&list, words, 2);
}

static void strings_out_of_order_come_out_sorted(void **state)
{
    (void)state;
    static const char *const words[] = {"a", "b", "c", "d"};
    struct vv_string_list list = {0};
    add(&list, "b");
    add(&list, "d");
    add(&list, "a");
    add(&list, "b");
    add(&list, "c");
    expect(&list, words, 4);
}

static void an_empty_list_can_be_sorted(void **state)
{
    (void)state;
    struct vv_string_list list = {0};
    expect(&list, NULL, 0);
}

static void beyond_its_bytes_a_list_is_limited(void **state)
{
    (void)state;
    struct vv_string_list list = {.bytes_max = 8192};
    varve_status status = VARVE_OK;
    char text[32];
    size_t count = 0;
    for (; status == VARVE_OK && count < 100000; count++) {
        (void)snprintf(text, sizeof text, "%zu", count * 7919 % 100000);
        status = vv_string_list_add(&list, vv_test_string(text));
    }
    assert_int_equal(status, VARVE_LIMIT);
    assert_in_range(count, 10, 1000);
    vv_string_list_fini(&list);
}

static int compare_numbers(const void *a, const void *b)
{
    const unsigned *left = a, *right = b;
    return (*left > *right) - (*left < *right);
}

/* Numbers of a fixed width sort as their texts do. */
static void random_strings_equal_a_sorted_array(void **state)
{
    (void)state;
    enum { ROUNDS = 50, STRINGS = 2000 };
    struct vv_test_random random = vv_test_random_init(0);
    static unsigned numbers[STRINGS];
    for (int round = 0; round < ROUNDS; round++) {
        struct vv_string_list list = {0};
        size_t count = vv_test_random_below(&random, STRINGS);
        unsigned range = 1 + (unsigned)vv_test_random_below(&random, STRINGS * 2);
        bool ascending = vv_test_random_below(&random, 3) == 0;
        for (size_t i = 0; i < count; i++) {
            numbers[i] =
                ascending ? (unsigned)i / 2 : (unsigned)vv_test_random_below(&random, range);
            char text[16];
            (void)snprintf(text, sizeof text, "%08u", numbers[i]);
            add(&list, text);
            assert_true(has(&list, text));
        }
        qsort(numbers, count, sizeof numbers[0], compare_numbers);
        assert_int_equal(vv_string_list_sort(&list), VARVE_OK);
        size_t at = 0;
        for (size_t i = 0; i < count; i++) {
            if (i > 0 && numbers[i] == numbers[i - 1]) {
                continue;
            }
            char text[16];
            (void)snprintf(text, sizeof text, "%08u", numbers[i]);
            assert_int_equal(vv_string_compare(list.sorted[at++], vv_test_string(text)), 0);
        }
        assert_int_equal(at, list.count);
        vv_string_list_fini(&list);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(strings_in_order_need_no_table),
        cmocka_unit_test(the_last_string_again_is_known),
        cmocka_unit_test(strings_out_of_order_come_out_sorted),
        cmocka_unit_test(an_empty_list_can_be_sorted),
        cmocka_unit_test(beyond_its_bytes_a_list_is_limited),
        cmocka_unit_test(random_strings_equal_a_sorted_array),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
