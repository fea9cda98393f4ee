/*
 * block_model.h - what a block should hold, as plain arrays: made at random, written, and compared.
 *
 *     struct block_model *model = block_model_create(&random, 100);
 *     block_model_write(model, env, directory, "b", cold, &info);
 *     block_model_compare(model, block);
 */
#ifndef VARVE_TEST_SUPPORT_BLOCK_MODEL_H
#define VARVE_TEST_SUPPORT_BLOCK_MODEL_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>

#include "mmap/block.h"
#include "mmap/rollup_rules.h"
#include "support/random.h"

enum { BLOCK_MODEL_LAYERS_MAX = 3, BLOCK_MODEL_TOMBSTONES_MAX = 3 };

struct block_model_layer {
    varve_duplicates policy;
    size_t count;
    int64_t *timestamps;
    double *values;
    size_t chunk_samples; /* every chunk but the last is this long */
};

struct block_model_series {
    struct vv_buffer key;
    size_t layer_count;
    struct block_model_layer layers[BLOCK_MODEL_LAYERS_MAX];
    size_t tombstone_count;
    struct vv_range tombstones[BLOCK_MODEL_TOMBSTONES_MAX];
};

struct block_model {
    size_t series_count;
    struct block_model_series *series; /* in key order */
};

static inline struct vv_key block_model_key(const struct block_model_series *series)
{
    return (struct vv_key){series->key.bytes, series->key.length};
}

/* A label set out of few names and values, so that sets and labels are shared. */
static inline void block_model_random_key(struct vv_test_random *random, struct vv_buffer *key)
{
    static const char *const names[] = {"__name__", "A", "arch", "host", "zone"};
    varve_label labels[5];
    char values[5][16];
    size_t count = 0;
    for (size_t name = 0; name < 5; name++) {
        if (vv_test_random_below(random, 8) == 0) {
            continue;
        }
        uint64_t number = vv_test_random_below(random, name == 3 ? 200 : 5);
        (void)snprintf(values[count], sizeof(values[count]), "v%u", (unsigned)number);
        labels[count] = (varve_label){{names[name], strlen(names[name])},
                                      {values[count], strlen(values[count])}};
        count++;
    }
    if (count == 0) {
        labels[count++] = (varve_label){{"only", 4}, {"one", 3}};
    }
    assert_int_equal(vv_key_encode(labels, count, key, NULL), VARVE_OK);
}

static inline void block_model_random_values(struct vv_test_random *random, double *values,
                                             size_t count)
{
    uint64_t kind = vv_test_random_below(random, 5);
    double walk = (double)vv_test_random_below(random, 100);
    for (size_t at = 0; at < count; at++) {
        uint64_t bits = vv_test_random_next(random);
        if (kind == 1) {
            walk += (double)(bits % 3) - 1;
        } else if (kind == 2) {
            walk += (double)(bits % 1000) / 100;
        } else if (kind == 3) {
            memcpy(&walk, &bits, sizeof(walk));
        } else if (kind == 4 && bits % 16 == 0) {
            bits = UINT64_C(0x7ff8000000000000) | bits % 3;
            memcpy(&walk, &bits, sizeof(walk));
        } else if (kind == 4) {
            walk = (double)(bits % 7);
        }
        values[at] = walk;
    }
}

static inline void block_model_random_times(struct vv_test_random *random, int64_t *timestamps,
                                            size_t count)
{
    uint64_t kind = vv_test_random_below(random, 4);
    int64_t at = kind == 3 ? INT64_MIN : (int64_t)vv_test_random_below(random, 3) * 1000000;
    struct vv_test_random shared = vv_test_random_seeded(7);
    for (size_t index = 0; index < count; index++) {
        timestamps[index] = at;
        at += 10000;
        if (kind == 1) {
            at += (int64_t)vv_test_random_below(&shared, 9);
        } else if (kind >= 2) {
            at += (int64_t)vv_test_random_below(random, 1000);
        }
    }
    if (count > 0 && vv_test_random_below(random, 16) == 0) {
        timestamps[count - 1] = INT64_MAX - 1;
    }
}

static inline void block_model_random_layer(struct vv_test_random *random,
                                            struct block_model_layer *layer, size_t samples_max)
{
    layer->policy = (varve_duplicates)(1 + vv_test_random_below(random, 6));
    layer->count = 1 + vv_test_random_below(random, samples_max);
    layer->chunk_samples = 1 + vv_test_random_below(random, VV_COLUMN_MAX);
    if (layer->count / layer->chunk_samples > 40) {
        layer->chunk_samples = VV_COLUMN_MAX;
    }
    layer->timestamps = malloc(layer->count * sizeof(int64_t));
    layer->values = malloc(layer->count * sizeof(double));
    block_model_random_times(random, layer->timestamps, layer->count);
    block_model_random_values(random, layer->values, layer->count);
}

static inline int block_model_compare_series(const void *left, const void *right)
{
    return vv_key_compare(block_model_key(left), block_model_key(right));
}

/* Sorts by key; of equal keys one stays. */
static inline void block_model_sort(struct block_model *model)
{
    size_t kept = 0;
    qsort(model->series, model->series_count, sizeof(*model->series), block_model_compare_series);
    for (size_t at = 0; at < model->series_count; at++) {
        if (kept > 0 &&
            block_model_compare_series(&model->series[kept - 1], &model->series[at]) == 0) {
            vv_buffer_fini(&model->series[at].key);
        } else {
            model->series[kept++] = model->series[at];
        }
    }
    model->series_count = kept;
}

/* At most series_count series, with all that a block can hold. */
static inline struct block_model *block_model_create(struct vv_test_random *random,
                                                     size_t series_count, size_t samples_max)
{
    struct block_model *model = calloc(1, sizeof(*model));
    model->series_count = series_count;
    model->series = calloc(series_count + 1, sizeof(*model->series));
    for (size_t at = 0; at < series_count; at++) {
        block_model_random_key(random, &model->series[at].key);
    }
    block_model_sort(model);
    for (size_t at = 0; at < model->series_count; at++) {
        struct block_model_series *series = &model->series[at];
        uint64_t dice = vv_test_random_below(random, 12);
        series->layer_count = dice < 9 ? 1 : dice - 9;
        for (size_t layer = 0; layer < series->layer_count; layer++) {
            block_model_random_layer(random, &series->layers[layer], samples_max);
        }
        if (series->layer_count == 0 || vv_test_random_below(random, 4) == 0) {
            series->tombstone_count = 1 + vv_test_random_below(random, BLOCK_MODEL_TOMBSTONES_MAX);
        }
        for (size_t index = 0; index < series->tombstone_count; index++) {
            int64_t start = (int64_t)vv_test_random_next(random);
            series->tombstones[index] = (struct vv_range){start, INT64_MAX};
        }
    }
    return model;
}

static inline void block_model_destroy(struct block_model *model)
{
    for (size_t at = 0; at < model->series_count; at++) {
        struct block_model_series *series = &model->series[at];
        vv_buffer_fini(&series->key);
        for (size_t layer = 0; layer < series->layer_count; layer++) {
            free(series->layers[layer].timestamps);
            free(series->layers[layer].values);
        }
    }
    free(model->series);
    free(model);
}

static inline varve_status block_model_write_layer(const struct block_model_layer *layer,
                                                   unsigned number, struct vv_block_writer *writer,
                                                   varve_error *error)
{
    for (size_t at = 0; at < layer->count; at += layer->chunk_samples) {
        size_t left = layer->count - at;
        size_t count = left < layer->chunk_samples ? left : layer->chunk_samples;
        VV_TRY(vv_block_writer_add_chunk(writer, number, layer->policy, layer->timestamps + at,
                                         layer->values + at, count, error));
    }
    return VARVE_OK;
}

static inline varve_status block_model_write_series(const struct block_model_series *series,
                                                    struct vv_block_writer *writer,
                                                    varve_error *error)
{
    VV_TRY(vv_block_writer_begin_series(writer, block_model_key(series), error));
    for (size_t index = 0; index < series->tombstone_count; index++) {
        VV_TRY(vv_block_writer_add_tombstone(writer, series->tombstones[index], error));
    }
    for (size_t layer = 0; layer < series->layer_count; layer++) {
        VV_TRY(block_model_write_layer(&series->layers[layer], (unsigned)layer, writer, error));
    }
    return VARVE_OK;
}

static inline struct vv_block_identity block_model_identity(bool cold)
{
    struct vv_block_identity identity = {.database_uuid = "sixteen letters.",
                                         .id = 42,
                                         .lsn_min = 1000,
                                         .lsn_max = 2000,
                                         .shard = 3,
                                         .cold = cold};
    return identity;
}

/* Writes the model as a new file, with rollups by these rules (nullable). */
static inline varve_status block_model_write_rolled_up(
    const struct block_model *model, const struct vv_env *env, int directory, const char *name,
    bool cold, struct vv_rollup_rules *rules, struct vv_block_info *info, varve_error *error)
{
    struct vv_block_identity identity = block_model_identity(cold);
    struct vv_block_writer *writer;
    identity.rollup_sequence = vv_rollup_rules_sequence(rules);
    VV_TRY(vv_block_writer_create(env, directory, name, &identity, &writer, error));
    varve_status status = vv_block_writer_roll_up(writer, rules);
    for (size_t at = 0; at < model->series_count && status == VARVE_OK; at++) {
        status = block_model_write_series(&model->series[at], writer, error);
    }
    if (status == VARVE_OK) {
        status = vv_block_writer_finish(writer, info, error);
    }
    vv_block_writer_destroy(writer);
    return status;
}

static inline varve_status block_model_write(const struct block_model *model,
                                             const struct vv_env *env, int directory,
                                             const char *name, bool cold,
                                             struct vv_block_info *info, varve_error *error)
{
    return block_model_write_rolled_up(model, env, directory, name, cold, NULL, info, error);
}

/* Reads [start, end) of a layer and compares; anything but equal samples is returned as a
 * status. */
static inline varve_status block_model_compare_range(const struct block_model_layer *layer,
                                                     struct vv_block *block, uint32_t id,
                                                     unsigned number, int64_t start, int64_t end)
{
    struct vv_merge_source source;
    varve_span span;
    size_t at = 0;
    VV_TRY(vv_block_layer_iter(block, id, number, start, end, &source));
    assert_int_equal(source.policy, layer->policy);
    assert_true(source.time_min == layer->timestamps[0]);
    assert_true(source.time_max == layer->timestamps[layer->count - 1]);
    while (at < layer->count && layer->timestamps[at] < start) {
        at++;
    }
    while (vv_iter_next_span(source.iter, &span)) {
        assert_in_range(span.count, 1, VV_SPAN_MAX);
        assert_true(span.count <= layer->count - at);
        assert_memory_equal(span.timestamps, layer->timestamps + at, span.count * sizeof(int64_t));
        assert_memory_equal(span.values, layer->values + at, span.count * sizeof(double));
        at += span.count;
    }
    varve_status status = vv_iter_status(source.iter);
    assert_true(status != VARVE_OK || at == layer->count || layer->timestamps[at] >= end);
    vv_iter_destroy(source.iter);
    return status;
}

static inline varve_status block_model_compare_one(const struct block_model_series *series,
                                                   struct vv_block *block, uint32_t id)
{
    struct vv_buffer key_buffer = {0};
    struct vv_block_series found;
    struct vv_range tombstones[BLOCK_MODEL_TOMBSTONES_MAX];
    uint32_t found_id;
    uint64_t samples = 0;
    varve_status status = vv_block_series(block, id, &key_buffer, &found);
    if (status == VARVE_OK) {
        assert_true(vv_key_equal(found.key, block_model_key(series)));
        assert_true(found.key_hash == vv_key_hash(found.key));
        assert_int_equal(found.layer_count, series->layer_count);
        assert_int_equal(found.tombstone_count, series->tombstone_count);
        status = vv_block_find(block, found.key, found.key_hash, &found_id);
        assert_true(status != VARVE_NOT_FOUND && (status != VARVE_OK || found_id == id));
    }
    vv_buffer_fini(&key_buffer);
    VV_TRY(status);
    for (size_t layer = 0; layer < series->layer_count; layer++) {
        samples += series->layers[layer].count;
        VV_TRY(block_model_compare_range(&series->layers[layer], block, id, (unsigned)layer,
                                         INT64_MIN, INT64_MAX));
    }
    assert_true(found.sample_count == samples);
    VV_TRY(vv_block_tombstones(block, id, tombstones));
    assert_memory_equal(tombstones, series->tombstones,
                        series->tombstone_count * sizeof(tombstones[0]));
    return VARVE_OK;
}

/* Everything that the model holds is in the block. A status other than OK is returned, so that a
 * damaged block can be asked: it may refuse, but never give a different answer. */
static inline varve_status block_model_compare(const struct block_model *model,
                                               struct vv_block *block)
{
    assert_true(vv_block_info(block)->series_count == model->series_count);
    for (size_t at = 0; at < model->series_count; at++) {
        VV_TRY(block_model_compare_one(&model->series[at], block, (uint32_t)at));
    }
    return VARVE_OK;
}

#endif
