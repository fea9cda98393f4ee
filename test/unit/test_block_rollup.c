/* Tests of block_rollup.h: rows of blocks, through the iterators that give them, and verified. */
#include "mmap/block_rollup.h"

#include <math.h>

#include "query/functions.h"
#include "support/block_fixture.h"
#include "support/block_golden.h"
#include "support/block_repair.h"
#include "support/labels.h"

static const struct vv_rollup_wish everything = {.parts = VV_PARTS_ROW, .ends = true};

static struct vv_block *open_rolled_up(struct block_fixture *fixture,
                                       const struct block_model *model, const char *name, bool cold,
                                       struct vv_rollup_rules *rules)
{
    struct vv_block *block = NULL;
    struct vv_block_info info;
    varve_error error = {.status = VARVE_OK};
    if (block_model_write_rolled_up(model, fixture->env, fixture->directory, name, cold, rules,
                                    &info, &error) != VARVE_OK ||
        vv_block_open(fixture->env, fixture->directory, name, &info, &block, &error) != VARVE_OK) {
        fail_msg("%s", error.message);
    }
    return block;
}

/* The samples from index first on, as far as they lie in the row's time, against what it says. */
static size_t expect_row(const struct block_model_layer *layer, size_t first,
                         const struct vv_rollup_row *row)
{
    const struct vv_value_statistics *statistics = &row->summary.statistics;
    size_t end = first;
    uint32_t nans = 0;
    double least = INFINITY;
    assert_true(layer->timestamps[first] == row->summary.time_min);
    for (; end < layer->count && layer->timestamps[end] <= row->summary.time_max; end++) {
        nans += layer->values[end] != layer->values[end];
        least = fmin(least, layer->values[end]);
    }
    assert_true(layer->timestamps[end - 1] == row->summary.time_max);
    assert_int_equal(statistics->count, end - first);
    assert_int_equal(statistics->nan_count, nans);
    if (nans == 0) {
        assert_true(statistics->min == least);
        assert_memory_equal(&statistics->first, &layer->values[first], sizeof(double));
        assert_memory_equal(&statistics->last, &layer->values[end - 1], sizeof(double));
    }
    return end;
}

/* Goes through [start, end) of a layer, taking rows or not, and seeking, by chance. */
static uint64_t walk(struct vv_test_random *random, const struct block_model_layer *layer,
                     struct vv_iter *iter, int64_t start, int64_t end)
{
    size_t at = 0;
    uint64_t taken = 0;
    struct vv_rollup_wish wish = {.unit = 3000000 * (1 + (int64_t)vv_test_random_below(random, 3)),
                                  .parts = VV_PARTS_ROW,
                                  .ends = true};
    wish.length = wish.unit;
    while (at < layer->count && layer->timestamps[at] < start) {
        at++;
    }
    for (;;) {
        struct vv_rollup_row row;
        varve_span span;
        bool any = vv_iter_peek_row(iter, &wish, &row);
        if (any && vv_test_random_below(random, 4) != 0) {
            assert_true(row.summary.time_max < end);
            at = expect_row(layer, at, &row);
            vv_iter_seek(iter, row.summary.time_max + 1);
            taken++;
        } else if (vv_test_random_below(random, 8) == 0) {
            int64_t goal = layer->timestamps[vv_test_random_below(random, layer->count)];
            vv_iter_seek(iter, goal);
            while (at < layer->count && layer->timestamps[at] < goal) {
                at++;
            }
        } else if (vv_iter_next_span(iter, &span)) {
            assert_true(span.count <= layer->count - at);
            assert_memory_equal(span.timestamps, layer->timestamps + at,
                                span.count * sizeof(int64_t));
            assert_memory_equal(span.values, layer->values + at, span.count * sizeof(double));
            at += span.count;
        } else {
            break;
        }
    }
    assert_int_equal(vv_iter_status(iter), VARVE_OK);
    assert_true(at == layer->count || layer->timestamps[at] >= end);
    return taken;
}

static uint64_t walk_block(struct vv_test_random *random, const struct block_model *model,
                           struct vv_block *block)
{
    uint64_t taken = 0;
    for (uint32_t id = 0; id < model->series_count; id++) {
        for (unsigned number = 0; number < model->series[id].layer_count; number++) {
            const struct block_model_layer *layer = &model->series[id].layers[number];
            struct vv_merge_source source;
            int64_t start = INT64_MIN, end = INT64_MAX;
            if (vv_test_random_below(random, 3) == 0) {
                start = layer->timestamps[vv_test_random_below(random, layer->count)];
                end = layer->timestamps[vv_test_random_below(random, layer->count)];
                end = end < start ? start : end;
            }
            assert_int_equal(vv_block_layer_iter(block, id, number, start, end, &source), VARVE_OK);
            taken += walk(random, layer, source.iter, start, end);
            if (vv_test_random_below(random, 2) == 0) {
                vv_iter_restart(source.iter, INT64_MIN, INT64_MAX);
                taken += walk(random, layer, source.iter, INT64_MIN, INT64_MAX);
            }
            vv_iter_destroy(source.iter);
        }
    }
    return taken;
}

static void rows_stand_for_samples(void **state)
{
    struct block_fixture *fixture = *state;
    char all[] = "", some[] = "{host!=\"v7\"}";
    const struct vv_rollup_rule list[] = {
        {.step = 1000000, .selector = all, .selector_length = 0},
        {.step = 3000000, .selector = some, .selector_length = strlen(some)}};
    struct vv_rollup_rules *rules;
    uint64_t taken = 0;
    assert_int_equal(vv_rollup_rules_create(list, 2, 5, &rules, NULL), VARVE_OK);
    for (int round = 0; round < 12; round++) {
        char name[16];
        uint64_t samples;
        struct block_model *model = block_model_create(&fixture->random, 10, 6000);
        (void)snprintf(name, sizeof(name), "b%d", round);
        struct vv_block *block = open_rolled_up(fixture, model, name, round % 2 != 0, rules);
        assert_int_equal(vv_block_info(block)->identity.rollup_sequence, 5);
        assert_int_equal(block_model_compare(model, block), VARVE_OK);
        assert_int_equal(vv_block_verify(block, NULL, NULL, &samples), VARVE_OK);
        for (int turn = 0; turn < 5; turn++) {
            taken += walk_block(&fixture->random, model, block);
        }
        vv_block_release(block);
        block_model_destroy(model);
    }
    assert_true(taken > 1000);
    vv_rollup_rules_release(rules);
}

/* One series with count samples, 10000 ns apart. */
static struct vv_block *write_evenly(struct block_fixture *fixture, const char *name, int count,
                                     struct vv_rollup_rules *rules)
{
    struct vv_block_identity identity = block_model_identity(false);
    struct vv_block_writer *writer;
    struct vv_block_info info;
    struct vv_buffer buffer = {0};
    struct vv_block *block;
    identity.rollup_sequence = vv_rollup_rules_sequence(rules);
    assert_int_equal(
        vv_block_writer_create(fixture->env, fixture->directory, name, &identity, &writer, NULL),
        VARVE_OK);
    assert_int_equal(vv_block_writer_roll_up(writer, rules), VARVE_OK);
    assert_int_equal(vv_block_writer_begin_series(writer, vv_test_key(&buffer, "a"), NULL),
                     VARVE_OK);
    for (int at = 0; at < count; at++) {
        int64_t timestamp = (int64_t)at * 10000;
        double value = at;
        assert_int_equal(vv_block_writer_add_chunk(writer, 0, VARVE_DUPLICATES_LAST, &timestamp,
                                                   &value, 1, NULL),
                         VARVE_OK);
    }
    assert_int_equal(vv_block_writer_finish(writer, &info, NULL), VARVE_OK);
    vv_block_writer_destroy(writer);
    vv_buffer_fini(&buffer);
    assert_int_equal(vv_block_open(fixture->env, fixture->directory, name, &info, &block, NULL),
                     VARVE_OK);
    return block;
}

static void the_level_fits_the_wish_or_there_is_none(void **state)
{
    struct block_fixture *fixture = *state;
    static const struct vv_rollup_rule list[] = {
        {.step = 90000}, {.step = 100000}, {.step = 1000000}, {.step = 100000000}};
    static const struct {
        int64_t unit, length, step;
    } cases[] = {{100000, 100000, 100000},
                 {200000, 200000, 100000},
                 {1000000, 1000000, 1000000},
                 {1500000, 1500000, 100000},
                 {150000, 150000, 0}, /* fits no step */
                 {90000, 90000, 0},   /* was not worth it */
                 {100000, 10000000, 100000},
                 {100000, 10100000, 0}, /* chunks do better */
                 {1000000, 99000000, 1000000},
                 {1000000000, 1000000000, 100000000},
                 {0, 0, 100000000}};
    struct vv_rollup_rules *rules;
    struct vv_rollup_level level, levels[VV_ROLLUP_RULES_MAX];
    size_t count;
    bool found;
    assert_int_equal(vv_rollup_rules_create(list, 4, 5, &rules, NULL), VARVE_OK);
    struct vv_block *block = write_evenly(fixture, "b", 20480, rules);
    assert_int_equal(vv_block_rollup_levels(block, 0, levels, &count), VARVE_OK);
    assert_int_equal(count, 3); /* nine samples are not worth a row */
    assert_true(levels[0].step == 100000 && levels[0].row_count == 2048);
    assert_true(levels[2].step == 100000000 && levels[2].run_end - levels[2].first_run == 1);
    assert_int_equal(vv_block_rollup_levels(block, 1, levels, &count), VARVE_OK);
    assert_int_equal(count, 0);
    for (size_t at = 0; at < sizeof(cases) / sizeof(cases[0]); at++) {
        struct vv_rollup_wish wish = everything;
        wish.unit = cases[at].unit;
        wish.length = cases[at].length;
        assert_int_equal(vv_block_rollup_choose(block, 0, 20480, &wish, &level, &found), VARVE_OK);
        assert_int_equal(found ? level.step : 0, cases[at].step);
    }
    vv_block_release(block);
    vv_rollup_rules_release(rules);
}

static void rows_that_do_not_agree_with_samples_are_damage(void **state)
{
    struct block_fixture *fixture = *state;
    static const struct vv_rollup_rule list[] = {{.step = 1000000}};
    struct vv_rollup_rules *rules;
    assert_int_equal(vv_rollup_rules_create(list, 1, 5, &rules, NULL), VARVE_OK);
    struct vv_block *block = write_evenly(fixture, "b", 100, rules);
    size_t length = vv_block_info(block)->file_bytes;
    const struct vv_block_section_info *section = &block->sections[VV_SECTION_ROLLUP_ROWS];
    const uint8_t *entry =
        block->page_table + (size_t)section->first_page * VV_BLOCK_PAGE_ENTRY_BYTES;
    uint64_t offset = vv_page_where_unpack(vv_load_u64(entry + VV_PAGE_WHERE)).offset;
    uint32_t stored = vv_load_u32(entry + VV_PAGE_STORED_BYTES);
    uint8_t *bytes = block_fixture_read(fixture, "b", length);
    uint32_t noticed = 0;
    assert_int_equal(section->page_count, 1);
    for (uint32_t at = 0; at < stored; at++) {
        struct vv_block *changed;
        uint64_t samples;
        bytes[offset + at] ^= 4;
        (void)block_repair(bytes, length);
        block_fixture_write(fixture, "changed", bytes, length);
        assert_int_equal(
            vv_block_open(fixture->env, fixture->directory, "changed", NULL, &changed, NULL),
            VARVE_OK);
        noticed += vv_block_verify(changed, NULL, NULL, &samples) == VARVE_CORRUPT;
        assert_int_equal(samples, 100);
        vv_block_release(changed);
        bytes[offset + at] ^= 4;
    }
    assert_true(noticed * 4 >= stored * 3); /* some bits of an encoded column mean nothing */
    free(bytes);
    vv_block_release(block);
    vv_rollup_rules_release(rules);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        block_fixture_test(rows_stand_for_samples),
        block_fixture_test(the_level_fits_the_wish_or_there_is_none),
        block_fixture_test(rows_that_do_not_agree_with_samples_are_damage),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
