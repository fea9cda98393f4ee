/*
 * shard_merge.h - merging a set of blocks, shared by those who choose the set.
 */
#ifndef VARVE_STORAGE_SHARD_MERGE_H
#define VARVE_STORAGE_SHARD_MERGE_H

#include "storage/shard.h"
#include "storage/upkeep/merge_choose.h"

/* Blocks that are merged, which must be closed: see vv_merge_close(). */
struct vv_merge_set {
    struct vv_view *view;
    const bool *chosen; /* by index in the view */
    size_t slices_max;  /* blocks that may come out */
    bool cold;          /* write for size, however small */
    bool at_once;       /* somebody waits: merge_bytes_per_second is for the background */
};

/* Whether a merged block of so many samples is written for size: if it was asked for, or if it is
 * large and none of the blocks in it has been read in more than so many of the last turns. */
bool vv_shard_merges_cold(const struct vv_merge_set *set, uint64_t samples, unsigned turns_read);

/* Bytes that a merged block should have at most. */
uint64_t vv_shard_merge_target(const struct vv_shard *shard);

/* Whether a merge of so many bytes leaves room on the disk: it must not take the last ones, since
 * appends go on. */
bool vv_shard_has_room_for(const struct vv_shard *shard, uint64_t bytes);

/**
 * vv_shard_merge_set() - merge the set into blocks that divide its time, and publish them.
 *
 * Deletions of newer blocks are applied as well, and what has expired is left out. Between series
 * due flushes are done, so that a long merge holds nobody up. CANCELLED: the shard is closing.
 * Needs maintenance_mutex.
 */
varve_status vv_shard_merge_set(struct vv_shard *shard, const struct vv_merge_set *set,
                                varve_error *error) VARVE_MUST_CHECK;

/* Where the merged blocks would be cut: *count bounds, for which there is room for
 * VV_MERGE_SLICES_MAX. */
varve_status vv_shard_merge_cuts(const struct vv_shard *shard, const struct vv_merge_set *set,
                                 int64_t *bounds, size_t *count) VARVE_MUST_CHECK;

/* Lists the manifest's blocks, quarantined ones too, for choosing; *places says where in the view
 * each one is, SIZE_MAX: not. Both from vv_alloc. */
varve_status vv_shard_merge_blocks(const struct vv_shard *shard, const struct vv_view *view,
                                   struct vv_merge_block **blocks,
                                   size_t **places) VARVE_MUST_CHECK;

/* shard_measure.c: how the samples of the set are spread over time. */
struct vv_time_map;
varve_status vv_shard_measure(const struct vv_merge_set *set,
                              struct vv_time_map *map) VARVE_MUST_CHECK;

#endif
