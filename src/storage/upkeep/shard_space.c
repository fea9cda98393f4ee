/*
 * shard_space.c - what happens where the disk is full: who is refused, and who goes on.
 *
 *   appends                      refused while the reserve is not whole, and where no segment fits
 *   deletions, manifests,        borrow the reserve when they meet a full disk, and try again
 *   flushes, rewriting of blocks
 *
 * A1  Whoever borrows frees space sooner or later: a flush gives the log back, which is larger than
 *     its block; a deletion or a rule lets blocks go.
 * A2  The reserve grows with the head, whose block it has room for, and a share of the blocks: the
 *     first thing that a full disk needs is a flush, since deletions take effect with their blocks.
 * A3  A log that has filled the disk is written as a block before an append is refused.
 * A4  A closed database keeps less: what it leaves in its log is little, or nothing where the disk
 *     is nearly full.
 * Thread: any.
 */
#include "storage/shard.h"

enum {
    FLUSH_BYTES_MIN = 256 << 10, /* of log: a flush for less would make crumbs */
    CLOSE_FLUSH_BYTES = 1 << 20, /* of log: a longer one would make the next open slow */
    BLOCKS_SHARE = 100,          /* kept of what lies in blocks: room to rewrite a small one */
    LOG_SHARE = 16,              /* ... and of a closed log, which is mostly some times its block */
};

static uint64_t log_bytes(const struct vv_shard *shard)
{
    return vv_wal_end(&shard->wal) - atomic_load(&shard->wal_start_lsn);
}

static uint64_t bytes_to_keep(const struct vv_shard *shard)
{
    return atomic_load(&shard->block_bytes) / BLOCKS_SHARE + vv_shard_open_bytes(shard);
}

void vv_shard_fill_reserve(struct vv_shard *shard)
{
    if (vv_reserve_is_due(&shard->reserve, bytes_to_keep(shard))) {
        vv_reserve_fill_if_due(&shard->reserve, bytes_to_keep(shard));
    }
}

varve_status vv_shard_check_space(struct vv_shard *shard)
{
    if (atomic_load_explicit(&shard->reserve.is_short, memory_order_relaxed)) {
        vv_reserve_fill(&shard->reserve, bytes_to_keep(shard)); /* there may be room again */
        return atomic_load(&shard->reserve.is_short) ? VARVE_NO_SPACE : VARVE_OK;
    }
    return VARVE_OK;
}

bool vv_shard_borrow(struct vv_shard *shard, varve_status status, varve_error *error)
{
    if (status != VARVE_NO_SPACE || !vv_reserve_lend(&shard->reserve)) {
        return false;
    }
    vv_error_clear(error); /* the next try has its own */
    return true;
}

void vv_shard_give_back(struct vv_shard *shard)
{
    vv_reserve_return(&shard->reserve, bytes_to_keep(shard));
}

bool vv_shard_closes_with_flush(struct vv_shard *shard)
{
    uint64_t bytes = log_bytes(shard), available = UINT64_MAX;
    const struct vv_env *env = shard->place.env;
    if (atomic_load(&shard->wal.failed) || bytes == 0) {
        return false;
    }
    (void)env->ops->free_bytes(env->ctx, shard->place.directory, &available);
    return bytes >= CLOSE_FLUSH_BYTES || available < bytes || atomic_load(&shard->reserve.is_short);
}

void vv_shard_shrink_reserve(struct vv_shard *shard)
{
    uint64_t bytes = atomic_load(&shard->block_bytes) / BLOCKS_SHARE + log_bytes(shard) / LOG_SHARE;
    if (atomic_load(&shard->reserve.held_bytes) != vv_reserve_bytes(&shard->reserve, bytes)) {
        vv_reserve_fill(&shard->reserve, bytes);
    }
}

varve_status vv_shard_make_space(struct vv_shard *shard)
{
    if (log_bytes(shard) < FLUSH_BYTES_MIN) {
        return VARVE_NO_SPACE;
    }
    vv_mutex_lock(&shard->maintenance_mutex);
    varve_status status = vv_shard_flush_head(shard, NULL);
    vv_mutex_unlock(&shard->maintenance_mutex);
    return status == VARVE_OK ? vv_shard_check_space(shard) : status;
}
