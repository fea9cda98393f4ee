/*
 * shard_retain.h - expiring data and giving back the space of what is expired or deleted.
 */
#ifndef VARVE_STORAGE_SHARD_RETAIN_H
#define VARVE_STORAGE_SHARD_RETAIN_H

#include "storage/shard.h"

/* Raises the floors of all rules as far as they say, and publishes them if one changed. Never more
 * than half of the blocks' bytes at once by age: a stray sample of the future must not expire
 * everything. worked is nullable. Needs maintenance_mutex. */
varve_status vv_shard_apply_retention(struct vv_shard *shard, bool *worked,
                                      varve_error *error) VARVE_MUST_CHECK;

/* Removes the blocks of which nothing is left, without writing any. Needs maintenance_mutex. */
varve_status vv_shard_drop_dead(struct vv_shard *shard, bool *worked,
                                varve_error *error) VARVE_MUST_CHECK;

enum vv_reclaim {
    VV_RECLAIM_WORTHWHILE, /* blocks that are dead to a good part */
    VV_RECLAIM_ANY,        /* every block with something dead in it */
};

/* Drops dead blocks, or rewrites one without its deleted and expired samples; *worked says whether
 * there was one. Needs room for one block at most, and maintenance_mutex. */
varve_status vv_shard_reclaim(struct vv_shard *shard, enum vv_reclaim reclaim, bool *worked,
                              varve_error *error) VARVE_MUST_CHECK;

#endif
