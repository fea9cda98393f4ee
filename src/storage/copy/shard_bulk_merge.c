/*
 * shard_bulk_merge.c - sorted runs of a bulk, merged series by series.
 *
 *   run 1:  a b   d        a  of run 1, then of run 3
 *   run 2:    b c      ->  b  of run 1, then of run 2 ...
 *   run 3:  a   c d
 *
 * Runs stand in the order in which their samples were added: of equal timestamps the policy decides
 * as if all had come one by one.
 * Thread: one. Memory: one series at a time.
 */
#include "os/alloc.h"
#include "storage/copy/shard_bulk.h"
#include "storage/shard.h"

/* A place in the series of one run. */
struct input {
    struct vv_block *block;
    uint32_t next_id;
    bool loaded; /* series and key hold series next_id */
    bool taken;  /* it is the one that is merged */
    struct vv_block_series series;
    struct vv_buffer key;
};

static varve_status load(struct input *inputs, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct input *input = &inputs[i];
        if (!input->loaded && input->next_id < vv_block_info(input->block)->series_count) {
            VV_TRY(vv_block_series(input->block, input->next_id, &input->key, &input->series));
            input->loaded = true;
        }
    }
    return VARVE_OK;
}

/* The input that stands at the least key; NULL when all are through. */
static const struct input *least_input(const struct input *inputs, size_t count)
{
    const struct input *least = NULL;
    for (size_t i = 0; i < count; i++) {
        if (inputs[i].loaded &&
            (least == NULL || vv_key_compare(inputs[i].series.key, least->series.key) < 0)) {
            least = &inputs[i];
        }
    }
    return least;
}

/* Merges the series at the least key and moves its inputs on. */
static varve_status merge_series(struct vv_series_output *output, struct input *inputs,
                                 size_t count, struct vv_key key, varve_error *error)
{
    struct vv_source_list sources = {0};
    struct vv_range everything = {INT64_MIN, INT64_MAX};
    varve_status status = VARVE_OK;
    for (size_t i = 0; i < count && status == VARVE_OK; i++) {
        struct vv_range *tombstones = NULL;
        inputs[i].taken = inputs[i].loaded && vv_key_equal(inputs[i].series.key, key);
        if (inputs[i].taken) {
            status = vv_shard_block_sources(inputs[i].block, inputs[i].next_id, everything,
                                            &sources, &tombstones);
        }
        vv_free(tombstones); /* runs have none */
    }
    if (status != VARVE_OK) {
        status = vv_fail(error, status, "cannot read a series of a sorted run");
    } else {
        output->key = key;
        output->begun = false;
        status = vv_shard_write_layers(output, &sources, false, error);
    }
    vv_source_list_fini(&sources);
    for (size_t i = 0; i < count; i++) {
        if (inputs[i].taken) {
            inputs[i].loaded = false;
            inputs[i].next_id++;
        }
    }
    return status;
}

varve_status vv_bulk_merge(struct vv_block *const *blocks, size_t count,
                           struct vv_block_writer *writer, varve_error *error)
{
    struct vv_series_output output = {.writer = writer};
    struct input *inputs = vv_alloc_zeroed(count, sizeof(*inputs));
    if (inputs == NULL) {
        return vv_fail(error, VARVE_NO_MEMORY, "no memory to merge %zu sorted runs", count);
    }
    for (size_t i = 0; i < count; i++) {
        inputs[i].block = blocks[i];
    }
    varve_status status = VARVE_OK;
    while (status == VARVE_OK) {
        status = load(inputs, count);
        if (status != VARVE_OK) {
            status = vv_fail(error, status, "cannot read a sorted run");
            break;
        }
        const struct input *least = least_input(inputs, count);
        if (least == NULL) {
            break;
        }
        status = merge_series(&output, inputs, count, least->series.key, error);
    }
    for (size_t i = 0; i < count; i++) {
        vv_buffer_fini(&inputs[i].key);
    }
    vv_free(inputs);
    return status;
}
