/*
 * wal_append.c - records to frames in the ring.
 *
 *   reserve --> copy payload --checksum--> header --> publish
 *      |no room: make_room (wal_flush.c), again
 *
 * A1  The checksum of the payload is that of its bytes in the ring, where they have just been
 *     copied to: what it vouches for is what will be written, and they are in the cache. LSN, chain
 *     and the checksum of the whole are added in the order of the log when frames are written.
 * A2  What is reserved is published: nothing between the two can fail or wait.
 * Thread: any number at once.
 */
#include "base/checksum.h"
#include "os/alloc.h"
#include "storage/log/wal_segment.h"

_Static_assert((int)VV_RING_FRAME_BYTES_MIN <= (int)VV_WAL_FRAME_HEADER_BYTES,
               "a frame is one for the ring");
_Static_assert((int)VV_RING_ALIGNMENT == (int)VV_WAL_ALIGNMENT,
               "frames follow each other without a gap");
_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "values are copied as they lie there");

/* A write of a batch to the kernel takes a few microseconds, a wake-up ten times as long: who waits
 * for it looks for some ten microseconds before it sleeps. */
enum { WRITE_LOOKS = 300 };

varve_status vv_wal_init(struct vv_wal *wal, const struct vv_wal_place *place,
                         const struct vv_wal_options *options, struct vv_wal_recovery *recovery,
                         const struct vv_report *report)
{
    if (recovery->end_lsn > VV_RING_POSITION_MAX || recovery->end_lsn % VV_WAL_ALIGNMENT != 0) {
        return VARVE_CORRUPT;
    }
    *wal = (struct vv_wal){
        .place = *place,
        .report = report,
        .segment_bytes_max = options->segment_bytes_max,
        .zero_ahead = options->zero_ahead,
        .sealed_lsn = recovery->end_lsn,
        .chain = recovery->end_checksum,
        .segment_end_lsn = recovery->end_lsn,
        .segments = recovery->segments,
        .unusable = recovery->unusable,
        .file = -1,
        .unsynced_segments = recovery->segments.count,
        .recovered_lsn = recovery->end_lsn,
        .marked_lsn = recovery->end_lsn,
    };
    recovery->segments = recovery->unusable = (struct vv_wal_segments){0};
    atomic_init(&wal->sequence_max, recovery->sequence_max > options->sequence_min
                                        ? recovery->sequence_max
                                        : options->sequence_min);
    vv_ring_init(&wal->ring, options->ring_bytes > 0 ? options->ring_bytes : VV_RING_BYTES_DEFAULT,
                 recovery->end_lsn);
    atomic_init(&wal->written_lsn, recovery->end_lsn);
    atomic_init(&wal->durable_lsn, recovery->durable_lsn);
    vv_turn_init(&wal->syncing, &wal->durable_lsn, 0);
    vv_turn_init(&wal->writing, &wal->written_lsn, WRITE_LOOKS);
    return VARVE_OK;
}

void vv_wal_fini(struct vv_wal *wal)
{
    vv_ring_fini(&wal->ring);
    if (wal->file >= 0) {
        (void)wal->place.env->ops->close(wal->place.env->ctx, wal->file);
    }
    vv_free(wal->segments.list);
    vv_free(wal->unusable.list);
    vv_free(wal->spares.list);
    vv_turn_fini(&wal->syncing);
    vv_turn_fini(&wal->writing);
}

uint64_t vv_wal_payload_bytes_max(const struct vv_wal *wal)
{
    uint64_t frame = wal->ring.capacity / 2 - VV_WAL_FRAME_HEADER_BYTES;
    return frame < VV_WAL_PAYLOAD_BYTES_MAX ? frame : VV_WAL_PAYLOAD_BYTES_MAX;
}

uint64_t vv_wal_ring_checksum(const struct vv_wal *wal, uint64_t first, uint64_t end)
{
    const uint8_t *piece;
    size_t length = vv_ring_piece(&wal->ring, first, end, &piece);
    if (length == end - first) {
        return vv_checksum(piece, length, 0);
    }
    struct vv_checksum_state state;
    vv_checksum_init(&state, 0);
    for (; first < end; first += length) {
        length = vv_ring_piece(&wal->ring, first, end, &piece);
        vv_checksum_update(&state, piece, length);
    }
    return vv_checksum_finish(&state);
}

/* Copies a frame into its place from at to end, which is reserved. */
static void write_frame(struct vv_wal *wal, const struct vv_wal_record *record, uint64_t at,
                        uint64_t end)
{
    static const uint8_t zeros[VV_WAL_ALIGNMENT];
    const struct vv_buffer *payload = record->payload;
    uint64_t payload_at = at + VV_WAL_FRAME_HEADER_BYTES;
    uint64_t more_at = payload_at + payload->length;
    uint64_t payload_end = more_at + record->more_bytes;
    vv_ring_write(&wal->ring, payload_at, payload->bytes, payload->length);
    vv_ring_write(&wal->ring, more_at, record->more, record->more_bytes);
    vv_ring_write(&wal->ring, payload_end, zeros, end - payload_end);
    uint8_t header[VV_WAL_FRAME_HEADER_BYTES];
    vv_wal_frame_prepare(record->type, (uint32_t)(payload_end - payload_at), record->sample_count,
                         vv_wal_ring_checksum(wal, payload_at, payload_end), header);
    vv_ring_write(&wal->ring, at, header, sizeof(header));
}

enum vv_ring_outcome vv_wal_try_append(struct vv_wal *wal, const struct vv_wal_record *record,
                                       uint64_t generation, uint64_t *lsn)
{
    VV_ASSERT(vv_wal_record_payload_bytes(record) <= vv_wal_payload_bytes_max(wal));
    uint64_t frame_bytes = vv_wal_record_bytes(record);
    uint64_t at;
    enum vv_ring_outcome outcome = vv_ring_reserve(&wal->ring, frame_bytes, generation, &at);
    if (outcome != VV_RING_RESERVED) {
        return outcome;
    }
    write_frame(wal, record, at, at + frame_bytes);
    vv_ring_publish(&wal->ring, at, at + frame_bytes);
    *lsn = at + frame_bytes;
    return VV_RING_RESERVED;
}

varve_status vv_wal_append(struct vv_wal *wal, enum vv_wal_record_type type,
                           const struct vv_buffer *payload, size_t sample_count, uint64_t *lsn)
{
    struct vv_wal_record record = {
        .type = type, .sample_count = (uint32_t)sample_count, .payload = payload};
    while (vv_wal_try_append(wal, &record, 0, lsn) != VV_RING_RESERVED) {
        VV_TRY(vv_wal_make_room(wal, vv_wal_record_bytes(&record), true));
    }
    return VARVE_OK;
}
