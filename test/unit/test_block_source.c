/* Tests of block_source.c: names, values and postings against a walk over all keys. */
#include "mmap/block.h"

#include "support/block_fixture.h"
#include "support/labels.h"

enum { SERIES_MAX = 600 };

struct walk {
    const struct block_model *model;
    struct vv_label_source source;
    varve_string name;
    varve_string previous; /* name or value, which come sorted */
    size_t count;
};

static bool sorts_before(varve_string a, varve_string b)
{
    size_t shorter = a.length < b.length ? a.length : b.length;
    int order = shorter > 0 ? memcmp(a.bytes, b.bytes, shorter) : 0;
    return order != 0 ? order < 0 : a.length < b.length;
}

static bool has_value(const struct block_model_series *series, varve_string name,
                      varve_string value)
{
    varve_string found = vv_key_value(block_model_key(series), name);
    return found.length == value.length && memcmp(found.bytes, value.bytes, value.length) == 0;
}

/* The posting holds exactly the series that have the value. */
static void check_posting(const struct walk *walk, varve_string value, uint64_t posting)
{
    struct vv_id_runs *ids = vv_id_runs_create();
    size_t expected = 0;
    assert_int_equal(walk->source.ops->add_posting(walk->source.ctx, posting, ids), VARVE_OK);
    for (size_t at = 0; at < walk->model->series_count; at++) {
        bool has = has_value(&walk->model->series[at], walk->name, value);
        assert_int_equal(vv_id_runs_contains(ids, (uint32_t)at), has);
        expected += has;
    }
    assert_int_equal(vv_id_runs_count(ids), expected);
    assert_true(expected > 0);
    vv_id_runs_destroy(ids);
}

static varve_status visit_value(void *visitor, varve_string value, uint64_t posting)
{
    struct walk *walk = visitor;
    uint64_t found;
    assert_true(walk->count == 0 || sorts_before(walk->previous, value));
    walk->previous = value;
    walk->count++;
    check_posting(walk, value, posting);
    assert_int_equal(walk->source.ops->find_value(walk->source.ctx, walk->name, value, &found),
                     VARVE_OK);
    assert_true(found == posting);
    return VARVE_OK;
}

/* Values of a name that the model has. */
static size_t count_values(const struct block_model *model, varve_string name)
{
    size_t count = 0;
    for (size_t at = 0; at < model->series_count; at++) {
        varve_string value = vv_key_value(block_model_key(&model->series[at]), name);
        bool is_new = value.length > 0;
        for (size_t before = 0; before < at && is_new; before++) {
            is_new = !has_value(&model->series[before], name, value);
        }
        count += is_new;
    }
    return count;
}

static varve_status visit_name(void *visitor, varve_string name)
{
    struct walk *walk = visitor;
    struct walk values = {.model = walk->model, .source = walk->source, .name = name};
    assert_true(walk->count == 0 || sorts_before(walk->previous, name));
    walk->previous = name;
    walk->count++;
    assert_int_equal(walk->source.ops->each_value(walk->source.ctx, name, visit_value, &values),
                     VARVE_OK);
    assert_int_equal(values.count, count_values(walk->model, name));
    return VARVE_OK;
}

static void check_labels(struct block_fixture *fixture, size_t series_count, bool cold)
{
    struct block_model *model = block_model_create(&fixture->random, series_count, 2);
    struct vv_block_info info;
    char name[32];
    (void)snprintf(name, sizeof(name), "%s%zu", cold ? "cold" : "hot", series_count);
    struct vv_block *block = block_fixture_open(fixture, model, name, cold, &info);
    struct walk walk = {.model = model, .source = vv_block_labels(block)};
    struct vv_id_runs *all = vv_id_runs_create();
    assert_int_equal(walk.source.ops->each_name(walk.source.ctx, visit_name, &walk), VARVE_OK);
    assert_true(walk.count > 0 || series_count == 0);
    assert_int_equal(walk.source.ops->add_all(walk.source.ctx, all), VARVE_OK);
    assert_int_equal(vv_id_runs_count(all), model->series_count);
    vv_id_runs_destroy(all);
    vv_block_release(block);
    block_model_destroy(model);
}

static void names_values_and_postings_are_those_of_the_keys(void **state)
{
    static const size_t counts[] = {0, 1, 2, 3, 10, 100, SERIES_MAX};
    for (size_t at = 0; at < sizeof(counts) / sizeof(counts[0]); at++) {
        check_labels(*state, counts[at], false);
        check_labels(*state, counts[at], true);
    }
}

static varve_status count_value(void *visitor, varve_string value, uint64_t posting)
{
    (void)value;
    (void)posting;
    (*(int *)visitor)++;
    return VARVE_OK;
}

static void unknown_names_and_values_are_not_found(void **state)
{
    struct block_fixture *fixture = *state;
    struct block_model *model = block_model_create(&fixture->random, 100, 2);
    struct vv_block_info info;
    struct vv_block *block = block_fixture_open(fixture, model, "b", false, &info);
    struct vv_label_source source = vv_block_labels(block);
    static const char *const names[] = {"", "A", "B", "arch", "zzz", "host"};
    static const char *const values[] = {"", "a", "v", "v1x", "zzz", "v1000"};
    uint64_t posting = 77;
    int visited = 0;
    for (size_t at = 0; at < 6; at++) {
        assert_int_equal(source.ops->find_value(source.ctx, vv_test_string(names[at]),
                                                vv_test_string(values[at]), &posting),
                         VARVE_NOT_FOUND);
    }
    assert_int_equal(source.ops->each_value(source.ctx, vv_test_string("B"), count_value, &visited),
                     VARVE_OK);
    assert_int_equal(visited, 0);
    vv_block_release(block);
    block_model_destroy(model);
}

/* The end of a walk is what the visitor says. */
static varve_status stop_at_once(void *visitor, varve_string name)
{
    (void)name;
    (*(int *)visitor)++;
    return VARVE_LIMIT;
}

static void a_visitor_can_end_the_walk(void **state)
{
    struct block_fixture *fixture = *state;
    struct block_model *model = block_model_create(&fixture->random, 100, 2);
    struct vv_block_info info;
    struct vv_block *block = block_fixture_open(fixture, model, "b", false, &info);
    struct vv_label_source source = vv_block_labels(block);
    int visited = 0;
    assert_int_equal(source.ops->each_name(source.ctx, stop_at_once, &visited), VARVE_LIMIT);
    assert_int_equal(visited, 1);
    vv_block_release(block);
    block_model_destroy(model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        block_fixture_test(names_values_and_postings_are_those_of_the_keys),
        block_fixture_test(unknown_names_and_values_are_not_found),
        block_fixture_test(a_visitor_can_end_the_walk),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
