/*
 * merge_walk.h - going through the series of several blocks at once, in key order.
 */
#ifndef VARVE_STORAGE_UPKEEP_MERGE_WALK_H
#define VARVE_STORAGE_UPKEEP_MERGE_WALK_H

#include "mmap/block.h"

/* A place in the series of one block. */
struct vv_merge_input {
    struct vv_block *block;
    uint32_t next_id;
    bool loaded;          /* series and key_buffer hold series next_id */
    bool keep_tombstones; /* for who merges */
    struct vv_block_series series;
    struct vv_buffer key_buffer;
};

/* Whether the input stands at the series with that key. */
static inline bool vv_merge_input_has(const struct vv_merge_input *input, struct vv_key key)
{
    return input->loaded && vv_key_equal(input->series.key, key);
}

/* Calls visit for each key that the inputs have, once, in ascending order, while those that have it
 * stand there; from the first series on. The first failure of visit is the result; or what reading
 * the series table returns, with an error. */
varve_status vv_merge_walk(struct vv_merge_input *inputs, size_t count,
                           varve_status (*visit)(void *context, struct vv_key key,
                                                 varve_error *error),
                           void *context, varve_error *error) VARVE_MUST_CHECK;

#endif
