/*
 * merge_carry.h - which pages of the blocks of a merge go into the merged one as they are.
 */
#ifndef VARVE_STORAGE_UPKEEP_MERGE_CARRY_H
#define VARVE_STORAGE_UPKEEP_MERGE_CARRY_H

#include "mmap/block_carry.h"
#include "storage/shard.h"
#include "storage/upkeep/merge_walk.h"

/* What is merged at a time. */
struct vv_carry_question {
    struct vv_merge_input *inputs; /* in log order; are walked through */
    size_t input_count;
    struct vv_block *const *deleters; /* newer blocks that delete from the inputs */
    size_t deleter_count;
    const struct vv_view *view;
    struct vv_range slice; /* of time: what is written to the block */
    size_t slice_count;    /* of the merge */
    /* Called now and then; a failure is the result. */
    varve_status (*breathe)(void *context, varve_error *error);
    void *context;
};

/**
 * vv_merge_find_carries() - look for pages that are worth keeping and that the merge leaves as they
 * are.
 *
 * @carries  room for input_count: the caller destroys *count of them, also after a failure.
 * Cost: half a microsecond for each series of each input, and some nanoseconds a chunk.
 */
varve_status vv_merge_find_carries(const struct vv_carry_question *question,
                                   struct vv_block_carry **carries, size_t *count,
                                   varve_error *error) VARVE_MUST_CHECK;

#endif
