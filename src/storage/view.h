/*
 * view.h - one consistent state of a shard: which blocks, and up to which head generation they
 * speak.
 *
 *   view: blocks [b1 b2 b3], flushed_generation 7      head: generations 8, 9 (and still 7, for
 *   older views)
 *
 * A query takes the current view and reads the blocks of it and the head generations behind it.
 * Publishing a block swaps the view; the flushed generation leaves the head when no older view is
 * pinned.
 */
#ifndef VARVE_STORAGE_VIEW_H
#define VARVE_STORAGE_VIEW_H

#include <stdatomic.h>

#include "mmap/block.h"
#include "os/thread.h"
#include "pool/epoch.h"
#include "storage/series/series_ranks.h"
#include "storage/upkeep/retention.h"

struct vv_view_set;

struct vv_view {
    _Atomic uint64_t references;
    struct vv_view_set *set;
    struct vv_epoch_entry entry;
    struct vv_view *older; /* guarded by the set's mutex */
    struct vv_view *newer; /* the same */
    uint64_t flushed_generation;
    struct vv_retention *retention; /* what is gone by age or size; nullable, one reference */
    struct vv_series_ranks *ranks;  /* of the last flush; nullable, one reference */
    _Atomic uint64_t series_count;  /* in the blocks, plus 1: 0 until it was counted */
    size_t block_count;
    struct vv_block *blocks[]; /* in LSN order; one reference each */
};

/* The live views, the current one last. */
struct vv_view_set {
    _Atomic(struct vv_view *) current;
    struct vv_epoch *epoch;
    _Alignas(64) struct vv_mutex mutex;
    struct vv_view *oldest; /* guarded by mutex */
};

/* Starts with a view of these blocks, whose references are taken over on success. The epoch
 * outlives the set. */
varve_status vv_view_set_init(struct vv_view_set *set, struct vv_epoch *epoch,
                              struct vv_block *const *blocks, size_t block_count) VARVE_MUST_CHECK;
/* All but the current view must have been released. */
void vv_view_set_fini(struct vv_view_set *set);

/* The current view, pinned. Takes no lock, and never fails; the first time in a thread it may
 * allocate (then a lock is the way out). */
struct vv_view *vv_view_acquire(struct vv_view_set *set);
/* Whoever lets go of an old view last frees it. */
void vv_view_release(struct vv_view_set *set, struct vv_view *view);

/* IO once a block of the view has lost a page (vv_block_is_lost()): what was read since the view
 * was acquired may be zeros. *id, nullable, is the block's. Ask after having read. Cheap. */
varve_status vv_view_check(const struct vv_view *view, uint64_t *id) VARVE_MUST_CHECK;

/* A view to be published; the blocks' references are taken over on success. */
varve_status vv_view_create(struct vv_block *const *blocks, size_t block_count,
                            uint64_t flushed_generation, struct vv_view **view) VARVE_MUST_CHECK;
/* Makes it the current one; never fails, so that it can follow the manifest's rename. */
void vv_view_publish(struct vv_view_set *set, struct vv_view *view);
/* Releases a view that was not published. */
void vv_view_discard(struct vv_view *view);

/* Whether anybody has acquired a view and not released it. */
bool vv_view_set_is_pinned(struct vv_view_set *set);

/* The least flushed generation that any live view reads the head behind; that of a view which a
 * reader is just letting go of counts, too. */
uint64_t vv_view_set_droppable(struct vv_view_set *set);

#endif
