/*
 * merge_walk.c - the series of several blocks, merged by key.
 */
#include "storage/upkeep/merge_walk.h"

static varve_status load_input(struct vv_merge_input *input)
{
    if (input->loaded || input->next_id >= vv_block_info(input->block)->series_count) {
        return VARVE_OK;
    }
    VV_TRY(vv_block_series(input->block, input->next_id, &input->key_buffer, &input->series));
    input->loaded = true;
    return VARVE_OK;
}

/* The input that stands at the least key; NULL when all are through. */
static struct vv_merge_input *least_input(struct vv_merge_input *inputs, size_t count)
{
    struct vv_merge_input *least = NULL;
    for (size_t i = 0; i < count; i++) {
        if (inputs[i].loaded &&
            (least == NULL || vv_key_compare(inputs[i].series.key, least->series.key) < 0)) {
            least = &inputs[i];
        }
    }
    return least;
}

static void move_on(struct vv_merge_input *input)
{
    input->loaded = false;
    input->next_id++;
}

varve_status vv_merge_walk(struct vv_merge_input *inputs, size_t count,
                           varve_status (*visit)(void *context, struct vv_key key,
                                                 varve_error *error),
                           void *context, varve_error *error)
{
    for (size_t i = 0; i < count; i++) {
        inputs[i].next_id = 0;
        inputs[i].loaded = false;
    }
    for (;;) {
        for (size_t i = 0; i < count; i++) {
            varve_status status = load_input(&inputs[i]);
            if (status != VARVE_OK) {
                return vv_fail(error, status, "cannot read the series table of a block");
            }
        }
        struct vv_merge_input *least = least_input(inputs, count);
        if (least == NULL) {
            return VARVE_OK;
        }
        struct vv_key key = least->series.key;
        VV_TRY(visit(context, key, error));
        for (size_t i = 0; i < count; i++) {
            if (&inputs[i] != least && vv_merge_input_has(&inputs[i], key)) {
                move_on(&inputs[i]);
            }
        }
        move_on(least); /* last: key points into it */
    }
}
