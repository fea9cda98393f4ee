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
#include "base/checksum.h"
#include "storage/shard.h"

enum {
    FRAME_BYTES_MAX = VV_WAL_FRAME_HEADER_BYTES + VV_WAL_SAMPLE_BYTES_MAX + VV_WAL_ALIGNMENT,
};

/* Makes the frame of a batch of one; returns its length. */
static uint64_t make_frame(const struct vv_head_batch *sample, uint8_t frame[FRAME_BYTES_MAX])
{
    uint8_t *payload = frame + VV_WAL_FRAME_HEADER_BYTES;
    size_t length = vv_wal_sample_encode(sample->policy, *sample->refs, *sample->timestamps,
                                         *sample->values, payload);
    memset(payload + length, 0, VV_WAL_ALIGNMENT);
    vv_wal_frame_prepare(VV_WAL_SAMPLES, (uint32_t)length, 1, vv_checksum(payload, length, 0),
                         frame);
    return vv_wal_frame_bytes((uint32_t)length);
}

bool vv_shard_append_one(struct vv_shard *shard, uint32_t ref, varve_duplicates policy,
                         int64_t timestamp, double value, varve_status *status, uint64_t *lsn)
{
    struct vv_head *head = &shard->head;
    struct vv_head_batch sample = {&ref, &timestamp, &value, policy, 0};
    uint8_t frame[FRAME_BYTES_MAX];
    vv_head_prefetch(head, ref); /* while the frame is made */
    uint64_t bytes = make_frame(&sample, frame);
    struct vv_head_line *line = vv_head_lock_ref(head, ref);
    if (line == NULL) {
        return false;
    }
    /* See try_change() in shard_log.c. */
    sample.generation = vv_ring_generation(&shard->wal.ring);
    bool in_the_way = atomic_load_explicit(&shard->exclusive, memory_order_relaxed) ||
                      atomic_load_explicit(&shard->head_lacks, memory_order_relaxed) ||
                      !vv_head_is_defined(head, ref, sample.generation);
    if (in_the_way || vv_wal_try_append_frame(&shard->wal, frame, bytes, sample.generation, lsn) !=
                          VV_RING_RESERVED) {
        vv_head_unlock_ref(line);
        return false;
    }
    *status = vv_head_insert_one(head, &sample, line);
    if (*status != VARVE_OK) {
        *status = vv_shard_head_lacks(shard); /* out of memory behind the point of no return */
    }
    vv_head_unlock_ref(line);
    return true;
}
