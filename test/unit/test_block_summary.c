/* Tests of block_summary.c: summaries say what the samples say. */
#include "mmap/block.h"

#include "support/block_fixture.h"

enum { CAPACITY = 7 };

/* Compares a summary with the samples from at on; returns the index behind the chunk. */
static size_t check_summary(const struct block_model_layer *layer, size_t at,
                            const struct vv_summary *summary)
{
    struct vv_value_statistics expected;
    size_t left = layer->count - at;
    size_t count = left < layer->chunk_samples ? left : layer->chunk_samples;
    vv_values_statistics(layer->values + at, count, &expected);
    assert_true(summary->time_min == layer->timestamps[at]);
    assert_true(summary->time_max == layer->timestamps[at + count - 1]);
    assert_int_equal(summary->statistics.count, expected.count);
    assert_int_equal(summary->statistics.nan_count, expected.nan_count);
    assert_int_equal(summary->statistics.resets, expected.resets);
    assert_memory_equal(&summary->statistics.min, &expected.min, sizeof(double));
    assert_memory_equal(&summary->statistics.max, &expected.max, sizeof(double));
    assert_memory_equal(&summary->statistics.sum, &expected.sum, sizeof(double));
    assert_memory_equal(&summary->statistics.first, &expected.first, sizeof(double));
    assert_memory_equal(&summary->statistics.last, &expected.last, sizeof(double));
    assert_memory_equal(&summary->statistics.increase, &expected.increase, sizeof(double));
    return at + count;
}

/* Walks over the summaries of a range, CAPACITY at a time. */
static void check_range(const struct vv_block *block, uint32_t id, unsigned number,
                        const struct block_model_layer *layer, int64_t start, int64_t end)
{
    struct vv_summary summaries[CAPACITY];
    size_t count = CAPACITY;
    size_t at = 0;
    while (at < layer->count) {
        size_t next = at + layer->chunk_samples;
        size_t last = next < layer->count ? next - 1 : layer->count - 1;
        if (layer->timestamps[last] >= start) {
            break;
        }
        at = next;
    }
    while (count == CAPACITY) {
        assert_int_equal(
            vv_block_layer_chunks(block, id, number, start, end, summaries, CAPACITY, &count),
            VARVE_OK);
        for (size_t index = 0; index < count; index++) {
            assert_true(at < layer->count && layer->timestamps[at] < end);
            at = check_summary(layer, at, &summaries[index]);
            start = summaries[index].time_max + 1;
        }
    }
    assert_true(at >= layer->count || layer->timestamps[at] >= end);
}

static void check_layer(struct block_fixture *fixture, const struct vv_block *block, uint32_t id,
                        unsigned number, const struct block_model_layer *layer)
{
    check_range(block, id, number, layer, INT64_MIN, INT64_MAX);
    for (int round = 0; round < 10; round++) {
        size_t first = vv_test_random_below(&fixture->random, layer->count);
        size_t last = first + vv_test_random_below(&fixture->random, layer->count - first);
        check_range(block, id, number, layer, layer->timestamps[first], layer->timestamps[last]);
        check_range(block, id, number, layer, layer->timestamps[first],
                    layer->timestamps[last] + 1);
    }
}

static void summaries_are_those_of_the_samples(void **state)
{
    struct block_fixture *fixture = *state;
    for (int cold = 0; cold < 2; cold++) {
        struct block_model *model = block_model_create(&fixture->random, 60, 1500);
        struct vv_block_info info;
        struct vv_block *block =
            block_fixture_open(fixture, model, cold != 0 ? "cold" : "hot", cold != 0, &info);
        for (uint32_t id = 0; id < model->series_count; id++) {
            const struct block_model_series *series = &model->series[id];
            for (unsigned number = 0; number < series->layer_count; number++) {
                check_layer(fixture, block, id, number, &series->layers[number]);
            }
        }
        vv_block_release(block);
        block_model_destroy(model);
    }
}

static void a_range_before_and_one_behind_have_no_chunks(void **state)
{
    struct block_fixture *fixture = *state;
    struct block_model *model = block_model_create(&fixture->random, 1, 1500);
    struct vv_block_info info;
    struct vv_summary summary;
    size_t count = 1;
    struct vv_block *block = block_fixture_open(fixture, model, "b", false, &info);
    if (model->series[0].layer_count > 0) {
        assert_int_equal(
            vv_block_layer_chunks(block, 0, 0, INT64_MIN, info.time_min, &summary, 1, &count),
            VARVE_OK);
        assert_int_equal(count, 0);
        assert_int_equal(
            vv_block_layer_chunks(block, 0, 0, info.time_max + 1, INT64_MAX, &summary, 1, &count),
            VARVE_OK);
        assert_int_equal(count, 0);
    }
    vv_block_release(block);
    block_model_destroy(model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        block_fixture_test(summaries_are_those_of_the_samples),
        block_fixture_test(a_range_before_and_one_behind_have_no_chunks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
