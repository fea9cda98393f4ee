/*
 * shard_append_one.c - the short way of a single sample.
 *
 *   frame, on the stack --> lock of its line { place in the log | copy, publish | head }
 *
 * What is done for a batch (shard_log.c, P1 to P5) without lists, buffers and loops, as long as
 * nothing is in the way: the series is defined, the log has room, nobody is alone. Otherwise
 * nothing has happened, and the sample is a batch like others.
 * Thread: any number at once.
 */
#include "storage/head/head_one.h"
#include "storage/log/wal_sample.h"
#include "storage/shard.h"

/* Behind the point of no return, with the lock of the line. */
static varve_status apply(struct vv_shard *shard, struct vv_head_line *line,
                          const struct vv_head_batch *sample)
{
    varve_status status = vv_head_insert_one(&shard->head, line, sample);
    return status == VARVE_OK ? status : vv_shard_head_lacks(shard);
}

bool vv_shard_append_one(struct vv_shard *shard, varve_series series, varve_duplicates policy,
                         int64_t timestamp, double value, varve_status *status, uint64_t *lsn)
{
    uint8_t frame[VV_WAL_SAMPLE_FRAME_BYTES_MAX];
    uint64_t ref = series - 1;
    struct vv_head_line *line = vv_head_approach(&shard->head, ref);
    policy = policy == VARVE_DUPLICATES_DEFAULT ? shard->options.duplicates : policy;
    if (line == NULL || policy == VARVE_DUPLICATES_ERROR || timestamp == INT64_MAX) {
        return false;
    }
    const uint32_t of_series = (uint32_t)ref;
    unsigned at = of_series % VV_HEAD_LINE_SERIES;
    size_t bytes = vv_wal_sample_frame(policy, of_series, timestamp, value, frame);
    vv_head_lock_one(&shard->head, line, at);
    uint64_t seen = vv_ring_look(&shard->wal.ring);
    uint64_t generation = vv_ring_generation_seen(&shard->wal.ring, seen);
    /* See try_change() in shard_log.c. What is defined is a series of the table; the log of a shard
     * that is only read has no room. */
    bool in_the_way = atomic_load_explicit(&shard->exclusive, memory_order_relaxed) ||
                      atomic_load_explicit(&shard->head_lacks, memory_order_relaxed) ||
                      atomic_load_explicit(&shard->reserve.is_short, memory_order_relaxed) ||
                      !vv_line_is_defined(line, at, generation);
    if (in_the_way || !vv_wal_try_append_sample(&shard->wal, seen, generation, frame, bytes, lsn)) {
        vv_head_unlock_one(line);
        return false;
    }
    *status = VARVE_OK;
    if (!vv_head_put_one(&shard->head, line, at, policy, (struct vv_sample){timestamp, value})) {
        struct vv_head_batch sample = {&of_series, &timestamp, &value, policy, generation};
        *status = apply(shard, line, &sample);
    }
    vv_head_unlock_one(line);
    return true;
}
