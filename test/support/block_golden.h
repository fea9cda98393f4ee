/*
 * block_golden.h - what the kept blocks test/unit/golden/block_v* hold. What is there never
 * changes: a new kind of content begins with the version that has it.
 */
#ifndef VARVE_TEST_SUPPORT_BLOCK_GOLDEN_H
#define VARVE_TEST_SUPPORT_BLOCK_GOLDEN_H

#include "support/block_model.h"
#include "support/labels.h"

/* A layer by rules that need no generator: step 0 is irregular, kind chooses the values. */
static inline void block_golden_layer(struct block_model_layer *layer, varve_duplicates policy,
                                      size_t count, int64_t start, int64_t step, int kind)
{
    *layer = (struct block_model_layer){.policy = policy, .count = count, .chunk_samples = 100};
    layer->timestamps = malloc(count * sizeof(int64_t));
    layer->values = malloc(count * sizeof(double));
    for (size_t at = 0; at < count; at++) {
        int64_t index = (int64_t)at;
        layer->timestamps[at] =
            start + (step != 0 ? index * step : index * 1000 + index * index % 7);
        layer->values[at] = kind == 0 ? 42.5 : (double)(index * index % 97);
        if (kind == 2) {
            layer->values[at] = 1.0 / (double)(at + 1);
        }
        if (kind == 4) { /* 3.3000000000000003: decimals with corrections */
            layer->values[at] = (double)(index * index % 97) * 1.1;
        }
        if (kind == 3 && at % 10 == 3) {
            uint64_t nan_bits = UINT64_C(0x7ff8000000000000) + at;
            memcpy(&layer->values[at], &nan_bits, sizeof(nan_bits));
        }
    }
}

static inline struct block_model *block_golden_model(int version)
{
    static const char *const keys[] = {"{only=\"one\"}",
                                       "cpu{host=\"a\",zone=\"x\"}",
                                       "cpu{host=\"b\",zone=\"x\"}",
                                       "cpu{host=\"c\",zone=\"y\"}",
                                       "up{host=\"a\",zone=\"x\"}",
                                       "\xc3\xa4{A=\"B\"}"};
    enum { COUNT = sizeof(keys) / sizeof(keys[0]) };
    struct block_model *model = calloc(1, sizeof(*model));
    model->series_count = COUNT;
    model->series = calloc(COUNT, sizeof(*model->series));
    for (size_t at = 0; at < COUNT; at++) {
        struct block_model_series *series = &model->series[at];
        varve_label label = {{"A", 1}, {"B", 1}};
        if (at == COUNT - 1) {
            varve_label labels[] = {label, {{"__name__", 8}, {"\xc3\xa4", 2}}};
            assert_int_equal(vv_key_encode(labels, 2, &series->key, NULL), VARVE_OK);
        } else {
            (void)vv_test_key(&series->key, keys[at]);
        }
        series->layer_count = at == 3 ? 0 : at == 4 ? 2 : 1;
        series->tombstone_count = at == 3 || at == 4 ? 1 : 0;
        series->tombstones[0] = (struct vv_range){-5, at == 3 ? INT64_MAX : 5};
    }
    block_golden_layer(&model->series[0].layers[0], VARVE_DUPLICATES_FIRST, 1, -7, 1, 0);
    block_golden_layer(&model->series[1].layers[0], VARVE_DUPLICATES_LAST, 250, 0, 10000, 1);
    block_golden_layer(&model->series[2].layers[0], VARVE_DUPLICATES_LAST, 250, 0, 10000,
                       version >= 3 ? 4 : 0);
    block_golden_layer(&model->series[4].layers[0], VARVE_DUPLICATES_MIN, 60, INT64_MIN, 0, 3);
    block_golden_layer(&model->series[4].layers[1], VARVE_DUPLICATES_SUM, 40, INT64_MIN + 9, 0, 2);
    block_golden_layer(&model->series[5].layers[0], VARVE_DUPLICATES_ERROR, 9, INT64_MAX - 9, 1, 1);
    return model;
}

/* The rules of the kept blocks that have rollups. */
static inline struct vv_rollup_rules *block_golden_rules(void)
{
    static char metric[] = "cpu", all[] = "{}";
    const struct vv_rollup_rule list[] = {
        {.step = 500000, .selector = metric, .selector_length = 3},
        {.step = 1000000, .selector = all, .selector_length = 2}};
    struct vv_rollup_rules *rules;
    assert_int_equal(vv_rollup_rules_create(list, 2, 9, &rules, NULL), VARVE_OK);
    return rules;
}

#endif
