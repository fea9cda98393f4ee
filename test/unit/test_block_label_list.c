/* Tests of block_label_list.c and of vv_block_series_labels(): against a walk over the keys. */
#include "mmap/block.h"

#include "index/string_list.h"
#include "support/block_fixture.h"
#include "support/labels.h"

enum { SERIES = 300 };

static varve_status add_text(void *visitor, varve_string text)
{
    struct vv_string_list *list = visitor;
    /* Each once and in order: a list that needs no table was given nothing else. */
    VV_TRY(vv_string_list_add(list, text));
    assert_null(list->table);
    return VARVE_OK;
}

/* The same from the keys. */
static void list_from_keys(const struct block_model *model, const uint32_t *ids, size_t count,
                           const varve_string *name, struct vv_string_list *list)
{
    for (size_t at = 0; at < count; at++) {
        varve_label labels[VARVE_LABELS_MAX];
        size_t label_count = vv_key_labels(block_model_key(&model->series[ids[at]]), labels);
        for (size_t label = 0; label < label_count; label++) {
            if (name == NULL) {
                assert_int_equal(vv_string_list_add(list, labels[label].name), VARVE_OK);
            } else if (vv_string_compare(labels[label].name, *name) == 0) {
                assert_int_equal(vv_string_list_add(list, labels[label].value), VARVE_OK);
            }
        }
    }
    assert_int_equal(vv_string_list_sort(list), VARVE_OK);
}

static void check_list(const struct block_model *model, const struct vv_block *block,
                       const uint32_t *ids, size_t count, const varve_string *name)
{
    struct vv_string_list expected = {0};
    struct vv_string_list found = {0};
    list_from_keys(model, ids, count, name, &expected);
    assert_int_equal(vv_block_list_labels(block, ids, count, name, add_text, &found), VARVE_OK);
    assert_int_equal(vv_string_list_sort(&found), VARVE_OK);
    assert_int_equal(found.count, expected.count);
    for (size_t i = 0; i < found.count; i++) {
        assert_int_equal(vv_string_compare(found.sorted[i], expected.sorted[i]), 0);
    }
    vv_string_list_fini(&expected);
    vv_string_list_fini(&found);
}

static void lists_of_random_series_are_those_of_their_keys(void **state)
{
    struct block_fixture *fixture = *state;
    static const char *const names[] = {"__name__", "A", "arch", "host", "zone", "only", "none"};
    struct block_model *model = block_model_create(&fixture->random, SERIES, 2);
    struct vv_block_info info;
    struct vv_block *block = block_fixture_open(fixture, model, "b", false, &info);
    for (int round = 0; round < 20; round++) {
        uint32_t ids[SERIES];
        size_t count = 0;
        uint64_t rarity = 1 + vv_test_random_below(&fixture->random, 50);
        for (uint32_t id = 0; id < model->series_count; id++) {
            if (vv_test_random_below(&fixture->random, rarity) == 0) {
                ids[count++] = id;
            }
        }
        check_list(model, block, ids, count, NULL);
        for (size_t name = 0; name < sizeof names / sizeof names[0]; name++) {
            varve_string text = vv_test_string(names[name]);
            check_list(model, block, ids, count, &text);
        }
    }
    vv_block_release(block);
    block_model_destroy(model);
}

static void labels_of_a_series_are_those_of_its_key(void **state)
{
    struct block_fixture *fixture = *state;
    struct block_model *model = block_model_create(&fixture->random, SERIES, 2);
    struct vv_block_info info;
    struct vv_block *block = block_fixture_open(fixture, model, "b", true, &info);
    struct vv_block_shape shape = {0}; /* of one series after the other */
    for (uint32_t id = 0; id < model->series_count; id++) {
        varve_label labels[VARVE_LABELS_MAX], expected[VARVE_LABELS_MAX];
        size_t count;
        size_t expected_count = vv_key_labels(block_model_key(&model->series[id]), expected);
        assert_int_equal(vv_block_series_labels(block, id, &shape, labels, &count), VARVE_OK);
        assert_int_equal(count, expected_count);
        for (size_t label = 0; label < count; label++) {
            assert_int_equal(vv_string_compare(labels[label].name, expected[label].name), 0);
            assert_int_equal(vv_string_compare(labels[label].value, expected[label].value), 0);
        }
    }
    vv_block_release(block);
    block_model_destroy(model);
}

static varve_status stop(void *visitor, varve_string text)
{
    (void)visitor;
    (void)text;
    return VARVE_CANCELLED;
}

static void a_visitor_may_end_the_walk(void **state)
{
    struct block_fixture *fixture = *state;
    struct block_model *model = block_model_create(&fixture->random, SERIES, 2);
    struct vv_block_info info;
    struct vv_block *block = block_fixture_open(fixture, model, "b", false, &info);
    const uint32_t id = 0;
    assert_int_equal(vv_block_list_labels(block, &id, 1, NULL, stop, NULL), VARVE_CANCELLED);
    vv_block_release(block);
    block_model_destroy(model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        block_fixture_test(lists_of_random_series_are_those_of_their_keys),
        block_fixture_test(labels_of_a_series_are_those_of_its_key),
        block_fixture_test(a_visitor_may_end_the_walk),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
