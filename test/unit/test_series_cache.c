/*
 * test_series_cache.c - the cache against a naive list, predictions, and its bounds.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "support/random.h"
#include "text/series_cache.h"

static struct vv_series_cache make_cache(void)
{
    struct vv_series_cache cache;
    assert_int_equal(vv_series_cache_init(&cache), VARVE_OK);
    return cache;
}

static uint32_t add(struct vv_series_cache *cache, uint32_t parent, const char *text,
                    varve_series series)
{
    uint32_t entry = VV_SERIES_NONE;
    assert_int_equal(vv_series_cache_add(cache, parent, text, strlen(text), series, &entry),
                     VARVE_OK);
    assert_int_not_equal(entry, VV_SERIES_NONE);
    return entry;
}

static uint32_t find(const struct vv_series_cache *cache, uint32_t parent, const char *text)
{
    return vv_series_cache_find(cache, parent, text, strlen(text));
}

static void what_was_added_is_found_under_its_parent_only(void **state)
{
    (void)state;
    struct vv_series_cache cache = make_cache();
    uint32_t a = add(&cache, VV_SERIES_NONE, "cpu,host=a", 0);
    uint32_t b = add(&cache, VV_SERIES_NONE, "cpu,host=b", 0);
    uint32_t usage = add(&cache, a, "usage", 7);
    assert_int_equal(find(&cache, VV_SERIES_NONE, "cpu,host=a"), a);
    assert_int_equal(find(&cache, VV_SERIES_NONE, "cpu,host=b"), b);
    assert_int_equal(find(&cache, VV_SERIES_NONE, "cpu,host="), VV_SERIES_NONE);
    assert_int_equal(find(&cache, a, "usage"), usage);
    assert_int_equal(find(&cache, b, "usage"), VV_SERIES_NONE);
    assert_int_equal(vv_series_cache_entry(&cache, usage)->series, 7);
    vv_series_cache_fini(&cache);
}

static void an_empty_text_is_a_text(void **state)
{
    (void)state;
    struct vv_series_cache cache = make_cache();
    assert_int_equal(find(&cache, VV_SERIES_NONE, ""), VV_SERIES_NONE);
    uint32_t empty = add(&cache, VV_SERIES_NONE, "", 1);
    assert_int_equal(find(&cache, VV_SERIES_NONE, ""), empty);
    vv_series_cache_fini(&cache);
}

static void a_prediction_holds_only_if_the_text_begins_with_it(void **state)
{
    (void)state;
    struct vv_series_cache cache = make_cache();
    uint32_t entry = add(&cache, VV_SERIES_NONE, "up{a=\"b\"}", 1);
    assert_true(vv_series_cache_begins(&cache, entry, "up{a=\"b\"} 1", 11));
    assert_true(vv_series_cache_begins(&cache, entry, "up{a=\"b\"}", 9));
    assert_false(vv_series_cache_begins(&cache, entry, "up{a=\"b\"}", 8));
    assert_false(vv_series_cache_begins(&cache, entry, "up{a=\"c\"} 1", 11));
    assert_false(vv_series_cache_begins(&cache, VV_SERIES_NONE, "up", 2));
    vv_series_cache_fini(&cache);
}

static void many_entries_are_found_as_in_a_list(void **state)
{
    (void)state;
    enum { COUNT = 20000 };
    struct vv_series_cache cache = make_cache();
    struct vv_test_random random = vv_test_random_init(1);
    static uint32_t entries[COUNT];
    for (uint32_t index = 0; index < COUNT; index++) {
        char text[64];
        uint32_t parent =
            index == 0 ? VV_SERIES_NONE : entries[vv_test_random_below(&random, index)];
        (void)snprintf(text, sizeof text, "series_%u", index);
        entries[index] = add(&cache, parent, text, index);
    }
    for (uint32_t index = 0; index < COUNT; index++) {
        char text[64];
        const struct vv_series_entry *entry = vv_series_cache_entry(&cache, entries[index]);
        (void)snprintf(text, sizeof text, "series_%u", index);
        assert_int_equal(find(&cache, entry->parent, text), entries[index]);
        assert_int_equal(entry->series, index);
        assert_int_equal(find(&cache, entry->parent + 1, text), VV_SERIES_NONE);
    }
    vv_series_cache_fini(&cache);
}

static void a_cache_beyond_its_bounds_forgets_everything(void **state)
{
    (void)state;
    struct vv_series_cache cache = make_cache();
    static char text[1u << 20];
    memset(text, 'x', sizeof text);
    uint32_t entry;
    for (unsigned index = 0; index <= 32; index++) {
        assert_false(vv_series_cache_trim(&cache));
        memcpy(text, &index, sizeof index);
        assert_int_equal(
            vv_series_cache_add(&cache, VV_SERIES_NONE, text, sizeof text, index, &entry),
            VARVE_OK);
        cache.last = entry;
    }
    assert_true(vv_series_cache_trim(&cache));
    assert_false(vv_series_cache_trim(&cache));
    assert_int_equal(vv_series_cache_find(&cache, VV_SERIES_NONE, text, sizeof text),
                     VV_SERIES_NONE);
    assert_int_equal(vv_series_cache_entry(&cache, cache.last)->after, VV_SERIES_NONE);
    entry = add(&cache, VV_SERIES_NONE, "again", 5);
    assert_int_equal(find(&cache, VV_SERIES_NONE, "again"), entry);
    vv_series_cache_fini(&cache);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_added_is_found_under_its_parent_only),
        cmocka_unit_test(an_empty_text_is_a_text),
        cmocka_unit_test(a_prediction_holds_only_if_the_text_begins_with_it),
        cmocka_unit_test(many_entries_are_found_as_in_a_list),
        cmocka_unit_test(a_cache_beyond_its_bounds_forgets_everything),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
