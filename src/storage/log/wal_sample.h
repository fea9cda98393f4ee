/*
 * wal_sample.h - the record of a single sample: its frame, and the way into the log.
 *
 *   policy, 1 | steps, ref | steps, timestamp | value       the same bytes as of a batch of one
 *
 * Inlined and without a branch: who appends sample by sample pays for the log with every one. The
 * frame is made in the caller's memory before it takes any lock, while the line of the series is on
 * its way from memory.
 */
#ifndef VARVE_STORAGE_WAL_SAMPLE_H
#define VARVE_STORAGE_WAL_SAMPLE_H

#include "base/checksum.h"
#include "storage/log/wal.h"

enum {
    VV_WAL_SAMPLE_BYTES_MAX = 4 + 2 * (int)VV_VARINT_MAX + 8,
    /* Of 14 bytes of payload, and of all with room behind them. */
    VV_WAL_SAMPLE_FRAME_BYTES_MIN = VV_WAL_FRAME_HEADER_BYTES + 16,
    VV_WAL_SAMPLE_FRAME_BYTES_MAX =
        VV_WAL_FRAME_HEADER_BYTES + VV_WAL_SAMPLE_BYTES_MAX + VV_WAL_ALIGNMENT,
};

/* The whole payload of a batch of one, as vv_wal_samples_encode() and the value make it; returns
 * its length. */
static inline size_t vv_wal_sample_encode(varve_duplicates policy, uint32_t ref, int64_t timestamp,
                                          double value, uint8_t out[VV_WAL_SAMPLE_BYTES_MAX])
{
    uint8_t *at = out;
    *at++ = (uint8_t)policy;
    *at++ = 1;
    *at++ = VV_WAL_COLUMN_STEPS;
    at += vv_varint_put_whole(at, vv_zigzag(ref));
    *at++ = VV_WAL_COLUMN_STEPS;
    at += vv_varint_put_whole(at, vv_zigzag(timestamp));
    memcpy(at, &value, sizeof(value));
    return (size_t)(at + sizeof(value) - out);
}

/* The frame of it, to be sealed in the log; returns its length. */
static inline size_t vv_wal_sample_frame(varve_duplicates policy, uint32_t ref, int64_t timestamp,
                                         double value, uint8_t frame[VV_WAL_SAMPLE_FRAME_BYTES_MAX])
{
    uint8_t *payload = frame + VV_WAL_FRAME_HEADER_BYTES;
    size_t length = vv_wal_sample_encode(policy, ref, timestamp, value, payload);
    memset(payload + length, 0, VV_WAL_ALIGNMENT);
    vv_wal_frame_prepare(VV_WAL_SAMPLES, (uint32_t)length, 1, vv_checksum(payload, length, 0),
                         frame);
    return vv_wal_frame_bytes((uint32_t)length);
}

/* Adds such a frame to the log in memory: at its end as it was seen (vv_ring_look()), or where that
 * is by now if the generation, that of what was seen, still is the same. *lsn: where the frame
 * ends. False: there is no room, or the generation has ended. */
static inline bool vv_wal_try_append_sample(struct vv_wal *wal, uint64_t seen, uint64_t generation,
                                            const uint8_t *frame, size_t bytes, uint64_t *lsn)
{
    enum { FIRST = VV_WAL_SAMPLE_FRAME_BYTES_MIN, LAST = 24 };
    _Static_assert(FIRST + LAST >= VV_WAL_SAMPLE_FRAME_BYTES_MAX, "no gap");
    uint64_t at = vv_ring_position_seen(seen);
    if (!vv_ring_reserve_seen(&wal->ring, seen, bytes) &&
        vv_ring_reserve(&wal->ring, bytes, generation, &at) != VV_RING_RESERVED) {
        return false;
    }
    uint8_t *place = vv_ring_place(&wal->ring, at, bytes);
    if (__builtin_expect(place != NULL, 1)) { /* two copies that overlap: no call, no loop */
        memcpy(place, frame, FIRST);
        memcpy(place + bytes - LAST, frame + bytes - LAST, LAST);
    } else {
        vv_ring_write(&wal->ring, at, frame, bytes);
    }
    vv_ring_publish(&wal->ring, at, at + bytes);
    *lsn = at + bytes;
    return true;
}

#endif
