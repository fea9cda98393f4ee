/*
 * shard_latest.h - the newest sample of a series, the part of asking for it that is inlined.
 */
#ifndef VARVE_STORAGE_SHARD_LATEST_H
#define VARVE_STORAGE_SHARD_LATEST_H

#include "storage/head/head_latest.h"
#include "storage/shard.h"

/* As vv_shard_latest(), but knows it only after it was asked for since it came; takes no lock. */
static inline bool vv_shard_latest_near(const struct vv_shard *shard, uint64_t ref,
                                        int64_t *timestamp, double *value)
{
    int64_t floor = atomic_load_explicit(&shard->floor_highest, memory_order_acquire);
    return vv_head_latest_near(&shard->head, ref, floor, timestamp, value);
}

#endif
