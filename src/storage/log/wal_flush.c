/*
 * wal_flush.c - frames to segment files: group commit, segment changes, and what happens when a
 * disk fails.
 *
 *   ring:  durable ...... written .. sealed .. published .. reserved ..... end
 *                                     ^ chain and checksum are added here, in the order of the log
 *
 * States of the open segment:
 *   NONE --make_room--> OPEN --flush: seal, pwrite--> OPEN --flush: fdatasync--> OPEN, durable
 *   advances
 *   OPEN --make_room, full: ring closed, all written and synced--> NONE --> OPEN, ring opened
 *   OPEN --any failed or short write or sync: ring closed--> RELOGGING: a new segment from
 *   durable_lsn on
 *   RELOGGING --everything written and synced--> OPEN      RELOGGING --fails--> FAILED (read-only)
 *
 * W1  Frames never cross a segment, so that dropping old segments cannot cut one.
 * W2  durable_lsn never exceeds what a completed fdatasync covered.
 * W3  A file is never synced again after a failed write or sync: the kernel may have dropped the
 *     pages and say OK. Everything not known durable goes to a new file (a new inode) from memory.
 * W4  A segment is complete and synced before the next one starts: only the newest can be torn.
 * W5  At most half the ring waits for a sync, in any mode: frames are held in memory for W3, and
 *     producers have the other half meanwhile. Where a thread is there to sync at the half, those
 *     who write do so themselves only at three quarters.
 * W6  (wal_segment.c) After a failed attempt at a segment the ring stays closed: the next one that
 *     needs room tries again.
 * W7  While the ring is closed its end stands still, and everything below is published soon: who
 *     has reserved waits for nobody. So waiting for it with both turns is no circle.
 * W8  A sync does not keep others from writing: it covers what was written when it began. Whoever
 *     changes the open file or the segment has both turns, so that a file is not closed while it is
 *     synced.
 *
 * Thread: whoever needs a strength first takes its turn (os/turn.h) and works for all who wait
 * behind it: for those who came during one sync, the next one. Order: syncing, then writing.
 */
#include <errno.h>

#include "base/checksum.h"
#include "storage/log/wal_segment.h"

/* Looks at a cell of the ring before the core is given up to a producer that was preempted. */
enum { LOOKS_BEFORE_YIELD = 100 };
/* So many zeros are written at once, when fewer than the minimum are left before the frames. */
enum { ZEROS_AHEAD_BYTES = 256 << 10, ZEROS_AHEAD_MIN = 64 << 10 };

static void close_file(struct vv_wal *wal)
{
    if (wal->file >= 0) {
        (void)wal->place.env->ops->close(wal->place.env->ctx, wal->file);
        wal->file = -1;
    }
}

/* ------------------------------------------------------------------------------ sealing */

/* Gives a frame its place in the chain of this segment. */
static void seal_frame(struct vv_wal *wal, uint64_t lsn, uint8_t header[VV_WAL_FRAME_HEADER_BYTES])
{
    struct vv_wal_frame frame = {
        .lsn = lsn, .durable_lsn = atomic_load(&wal->durable_lsn), .previous_checksum = wal->chain};
    vv_wal_frame_seal(&frame, wal->sequence, header);
    wal->chain = frame.checksum;
}

/* The same where it lies in the ring. */
static void seal_in_ring(struct vv_wal *wal, uint64_t lsn)
{
    uint8_t copy[VV_WAL_FRAME_HEADER_BYTES];
    uint8_t *header = vv_ring_place(&wal->ring, lsn, sizeof(copy));
    if (header != NULL) {
        seal_frame(wal, lsn, header);
    } else { /* across the end of the memory */
        vv_ring_read(&wal->ring, lsn, copy, sizeof(copy));
        seal_frame(wal, lsn, copy);
        vv_ring_write(&wal->ring, lsn, copy, sizeof(copy));
    }
}

/* Seals what is published without a gap, and waits until that is everything below lsn (W7). */
static void seal_published(struct vv_wal *wal, uint64_t lsn)
{
    unsigned looks = 0;
    for (;;) {
        uint64_t end = vv_ring_frame_end(&wal->ring, wal->sealed_lsn);
        if (end != 0) {
            seal_in_ring(wal, wal->sealed_lsn);
            wal->sealed_lsn = end;
        } else if (wal->sealed_lsn >= lsn) {
            return;
        } else if (++looks % LOOKS_BEFORE_YIELD == 0) {
            vv_thread_yield();
        }
    }
}

/* The checksum of the frame that ends at lsn, which is durable. */
static uint64_t chain_at(const struct vv_wal *wal, uint64_t lsn)
{
    if (lsn == wal->sealed_lsn) {
        return wal->chain;
    }
    uint8_t header[VV_WAL_FRAME_HEADER_BYTES];
    vv_ring_read(&wal->ring, lsn, header, sizeof(header));
    return vv_wal_frame_previous(header);
}

/* Seals every frame in [from, sealed_lsn) again, for the segment that has been opened since. */
static void seal_again(struct vv_wal *wal, uint64_t from, uint64_t chain)
{
    wal->chain = chain;
    while (from < wal->sealed_lsn) {
        uint8_t header[VV_WAL_FRAME_HEADER_BYTES];
        uint64_t payload = from + sizeof(header);
        vv_ring_read(&wal->ring, from, header, sizeof(header));
        uint32_t payload_bytes = vv_load_u32(header + VV_WAL_FRAME_SIZE_OFFSET);
        vv_wal_frame_unseal(vv_wal_ring_checksum(wal, payload, payload + payload_bytes), header);
        seal_frame(wal, from, header);
        vv_ring_write(&wal->ring, from, header, sizeof(header));
        from += vv_wal_frame_bytes(payload_bytes);
    }
}

/* ------------------------------------------------------------------------------ flushing */

/* Gives producers what is durable and what the segment has room for. Needs the syncing turn. */
static void raise_limit(struct vv_wal *wal)
{
    uint64_t durable_lsn = atomic_load(&wal->durable_lsn);
    uint64_t kept_from = durable_lsn > wal->recovered_lsn ? durable_lsn : wal->recovered_lsn;
    uint64_t ring_end = kept_from + wal->ring.capacity;
    vv_ring_raise_limit(&wal->ring,
                        ring_end < wal->segment_end_lsn ? ring_end : wal->segment_end_lsn);
}

/* Writes the sealed frames in [from, to) to the open segment. Needs the writing turn. */
static int write_frames(struct vv_wal *wal, uint64_t from, uint64_t to)
{
    while (from < to) {
        const uint8_t *piece;
        size_t length = vv_ring_piece(&wal->ring, from, to, &piece);
        uint64_t offset = VV_WAL_SEGMENT_HEADER_BYTES + from - wal->segment_first_lsn;
        int result = vv_env_write_all(wal->place.env, wal->file, piece, length, offset);
        if (result != 0) {
            return result;
        }
        from += length;
    }
    return 0;
}

/* Syncs all that is written. Needs both turns. */
static int sync_written(struct vv_wal *wal)
{
    int result = 0;
    if (wal->unsynced_segments > 0) {
        result = vv_wal_segment_sync_recovered(wal);
    }
    if (result == 0 && wal->file >= 0) {
        result = wal->place.env->ops->fdatasync(wal->place.env->ctx, wal->file);
    }
    return result;
}

/* Makes everything below lsn durable, which is written. Needs both turns. */
static int sync_file(struct vv_wal *wal, uint64_t lsn)
{
    int result = sync_written(wal);
    if (result == 0) {
        atomic_store(&wal->durable_lsn, lsn);
        raise_limit(wal);
    }
    return result;
}

/* Nothing is accepted from now on: the ring stays closed. */
static varve_status give_up(struct vv_wal *wal, varve_status cause)
{
    close_file(wal);
    (void)vv_ring_close(&wal->ring);
    wal->closed = true;
    atomic_store(&wal->failed, true);
    vv_report(wal->report, VARVE_EVENT_IO_ERROR, cause, NULL, 0,
              "the log cannot be written: the database is read-only until it is opened again");
    return VARVE_UNKNOWN;
}

/* Writes and syncs [durable_lsn, end_lsn) to a new segment, which takes at least as much as the
 * present one promised. What was written is still read from there if the process is killed
 * meanwhile: the new segment has its name when it is complete. Needs both turns and a closed
 * ring. */
static varve_status log_again(struct vv_wal *wal, uint64_t durable_lsn, uint64_t end_lsn)
{
    uint64_t chain = chain_at(wal, durable_lsn);
    uint64_t promised_lsn = wal->segment_end_lsn > end_lsn ? wal->segment_end_lsn : end_lsn;
    uint64_t bytes;
    varve_status room = vv_wal_segment_choose_bytes(wal, promised_lsn - durable_lsn, &bytes);
    (void)room; /* on a disk that seems full the least is tried: it is this or nothing */
    VV_TRY(vv_wal_segment_begin(wal, durable_lsn, chain, bytes));
    seal_again(wal, durable_lsn, chain);
    int result = write_frames(wal, durable_lsn, end_lsn);
    if (result == 0) {
        result = sync_written(wal);
    }
    if (result == 0) {
        result = vv_wal_segment_finish(wal);
    }
    if (result != 0) {
        vv_wal_segment_discard(wal);
        return vv_status_from_errno(-result);
    }
    atomic_store(&wal->durable_lsn, end_lsn);
    raise_limit(wal);
    atomic_store(&wal->written_lsn, end_lsn);
    return VARVE_OK;
}

/* Moves everything that is not known durable to a new segment (W3). Needs both turns. */
static varve_status relog(struct vv_wal *wal, int failure)
{
    uint64_t durable_lsn = atomic_load(&wal->durable_lsn);
    if (durable_lsn < wal->recovered_lsn) {
        return give_up(wal, vv_status_from_errno(-failure));
    }
    vv_report(wal->report, VARVE_EVENT_IO_ERROR, vv_status_from_errno(-failure), NULL, 0,
              "writing the log failed (errno %d): logging again from LSN %llu in a new segment",
              -failure, (unsigned long long)durable_lsn);
    if (wal->file >= 0) {
        wal->segments.list[wal->segments.count - 1].poisoned = true;
    }
    close_file(wal);
    bool was_closed = wal->closed;
    uint64_t end_lsn = vv_ring_close(&wal->ring);
    seal_published(wal, end_lsn);
    varve_status status = log_again(wal, durable_lsn, end_lsn);
    if (status != VARVE_OK) {
        return give_up(wal, status);
    }
    wal->poison = 0;
    if (!was_closed) {
        vv_ring_open(&wal->ring);
    }
    atomic_fetch_add(&wal->relogged, 1);
    return VARVE_OK;
}

/* Writes what is published, at least everything below lsn; 0 or -errno, and then nothing is written
 * any more before a relog. Needs the writing turn. */
static int write_published(struct vv_wal *wal, uint64_t lsn)
{
    if (wal->poison != 0) {
        return wal->poison;
    }
    seal_published(wal, lsn);
    uint64_t written_lsn = atomic_load(&wal->written_lsn);
    if (written_lsn < wal->sealed_lsn) {
        wal->poison = write_frames(wal, written_lsn, wal->sealed_lsn);
        if (wal->poison == 0) {
            atomic_store(&wal->written_lsn, wal->sealed_lsn);
        }
    }
    return wal->poison;
}

/* In databases opened to commit: a commit overwrites blocks that the file has already, so that its
 * sync needs nothing of the file system's journal. WAL_FORMAT.md has figures. Needs both turns. */
static int write_zeros_ahead(struct vv_wal *wal)
{
    static const uint8_t zeros[16 << 10];
    uint64_t written_lsn = atomic_load(&wal->written_lsn);
    uint64_t from = wal->zeroed_lsn > written_lsn ? wal->zeroed_lsn : written_lsn;
    if (!wal->zero_ahead || from >= written_lsn + ZEROS_AHEAD_MIN) {
        return 0;
    }
    uint64_t room = wal->segment_end_lsn - from;
    uint64_t to = from + (room < ZEROS_AHEAD_BYTES ? room : ZEROS_AHEAD_BYTES);
    while (from < to && wal->poison == 0) {
        uint64_t offset = VV_WAL_SEGMENT_HEADER_BYTES + from - wal->segment_first_lsn;
        size_t length = to - from < sizeof(zeros) ? (size_t)(to - from) : sizeof(zeros);
        wal->poison = vv_env_write_all(wal->place.env, wal->file, zeros, length, offset);
        from += length;
    }
    wal->zeroed_lsn = to;
    return wal->poison;
}

/* Writes at least everything below lsn and makes durable what is written then. Needs both
 * turns. */
static varve_status sync_alone(struct vv_wal *wal, uint64_t lsn)
{
    if (atomic_load(&wal->failed)) {
        return VARVE_UNKNOWN;
    }
    int result = write_published(wal, lsn);
    uint64_t written_lsn = atomic_load(&wal->written_lsn);
    if (result == 0 && written_lsn > atomic_load(&wal->durable_lsn)) {
        result = sync_file(wal, written_lsn);
    }
    return result == 0 ? VARVE_OK : relog(wal, result);
}

/* The same, but others may write meanwhile. Needs the syncing turn only (W8). */
static varve_status sync_beside_writers(struct vv_wal *wal, uint64_t lsn)
{
    (void)vv_turn_take(&wal->writing, VV_TURN_ALWAYS);
    if (atomic_load(&wal->failed) || wal->unsynced_segments > 0 || wal->file < 0) {
        varve_status status = sync_alone(wal, lsn);
        vv_turn_give(&wal->writing);
        return status;
    }
    int result = write_published(wal, lsn);
    result = result == 0 ? write_zeros_ahead(wal) : result;
    uint64_t written_lsn = atomic_load(&wal->written_lsn);
    int file = wal->file;
    if (result == 0) {
        vv_turn_give(&wal->writing);
        result = wal->place.env->ops->fdatasync(wal->place.env->ctx, file);
        if (result == 0) {
            atomic_store(&wal->durable_lsn, written_lsn);
            raise_limit(wal);
            return VARVE_OK;
        }
        (void)vv_turn_take(&wal->writing, VV_TURN_ALWAYS);
    }
    varve_status status = relog(wal, result);
    vv_turn_give(&wal->writing);
    return status;
}

static varve_status flush_durable(struct vv_wal *wal, uint64_t lsn)
{
    if (!vv_turn_take(&wal->syncing, lsn)) {
        return VARVE_OK;
    }
    varve_status status = sync_beside_writers(wal, lsn);
    vv_turn_give(&wal->syncing);
    return status;
}

/* After a failed write by somebody who did not have the syncing turn. */
static varve_status repair(struct vv_wal *wal)
{
    varve_status status = VARVE_OK;
    (void)vv_turn_take(&wal->syncing, VV_TURN_ALWAYS);
    (void)vv_turn_take(&wal->writing, VV_TURN_ALWAYS);
    if (atomic_load(&wal->failed)) {
        status = VARVE_UNKNOWN;
    } else if (wal->poison != 0) { /* nobody else has done it meanwhile */
        status = relog(wal, wal->poison);
    }
    vv_turn_give(&wal->writing);
    vv_turn_give(&wal->syncing);
    return status;
}

/* Whether whoever has just written should sync, too. */
static bool must_sync(const struct vv_wal *wal)
{
    return atomic_load(&wal->synced_elsewhere)
               ? vv_wal_unsynced_bytes(wal) > wal->ring.capacity / 4 * 3
               : vv_wal_wants_sync(wal);
}

static varve_status flush_written(struct vv_wal *wal, uint64_t lsn)
{
    if (!vv_turn_take(&wal->writing, lsn)) {
        return VARVE_OK;
    }
    bool failed = atomic_load(&wal->failed);
    int result = failed ? 0 : write_published(wal, lsn);
    vv_turn_give(&wal->writing);
    if (failed) {
        return VARVE_UNKNOWN;
    }
    if (result != 0) {
        return repair(wal);
    }
    if (must_sync(wal) && vv_turn_try_take(&wal->syncing)) { /* W5 */
        varve_status status = must_sync(wal) ? sync_beside_writers(wal, lsn) : VARVE_OK;
        vv_turn_give(&wal->syncing);
        return status;
    }
    return VARVE_OK;
}

varve_status vv_wal_flush(struct vv_wal *wal, uint64_t lsn, enum vv_wal_strength strength)
{
    return strength == VV_WAL_DURABLE ? flush_durable(wal, lsn) : flush_written(wal, lsn);
}

/* ------------------------------------------------------------------------------ room */

/* Completes the segment and starts one for what follows, with room for bytes. Needs both turns. */
static varve_status next_segment(struct vv_wal *wal, uint64_t bytes)
{
    uint64_t segment_bytes = 0;
    if (wal->closed && wal->segment_end_lsn > vv_wal_end(wal) + bytes) {
        /* W6: the segment is given up before it is full, and what it promised stays promised. */
        bytes = wal->segment_end_lsn - vv_wal_end(wal);
    }
    if (wal->spares.count == 0) { /* otherwise there is room on the disk already */
        VV_TRY(vv_wal_segment_choose_bytes(wal, bytes, &segment_bytes));
    }
    bool cut_off = wal->closed; /* W6 */
    uint64_t end_lsn = vv_ring_close(&wal->ring);
    wal->closed = true;
    if (sync_alone(wal, end_lsn) != VARVE_OK) {
        return VARVE_READ_ONLY; /* nothing of this call was accepted */
    }
    if (cut_off || end_lsn + bytes > wal->segment_end_lsn) { /* a relog may have made room */
        int file = wal->file;
        /* On failure the file stays open to be cut off on close. */
        if (!vv_wal_spare_open(wal, end_lsn, wal->chain, bytes)) {
            if (segment_bytes == 0) {
                VV_TRY(vv_wal_segment_choose_bytes(wal, bytes, &segment_bytes));
            }
            VV_TRY(vv_wal_segment_open(wal, end_lsn, wal->chain, segment_bytes));
        }
        if (file >= 0) {
            (void)wal->place.env->ops->close(wal->place.env->ctx, file);
        }
        raise_limit(wal);
    }
    wal->closed = false;
    vv_ring_open(&wal->ring);
    return VARVE_OK;
}

/* Room in the segment; BUSY if that is there and it is the ring that has none. Needs both turns. */
static varve_status make_room_in_segment(struct vv_wal *wal, uint64_t bytes)
{
    if (atomic_load(&wal->failed)) {
        return VARVE_READ_ONLY;
    }
    VV_TRY(vv_ring_allocate(&wal->ring));
    uint64_t end_lsn = vv_wal_end(wal);
    if (end_lsn + bytes > VV_RING_POSITION_MAX) {
        return VARVE_LIMIT;
    }
    return wal->closed || end_lsn + bytes > wal->segment_end_lsn ? next_segment(wal, bytes)
                                                                 : VARVE_BUSY;
}

/* Needs the syncing turn. */
static varve_status make_room(struct vv_wal *wal, uint64_t bytes, bool wait)
{
    if (vv_ring_has_room(&wal->ring, bytes)) {
        return VARVE_OK; /* somebody else made it while we waited */
    }
    (void)vv_turn_take(&wal->writing, VV_TURN_ALWAYS);
    varve_status status = make_room_in_segment(wal, bytes);
    vv_turn_give(&wal->writing);
    if (status == VARVE_BUSY && wait) {
        /* The frames that lie where these bytes want to be. */
        status = sync_beside_writers(wal, vv_wal_end(wal) + bytes - wal->ring.capacity);
        return status == VARVE_OK ? status : VARVE_READ_ONLY;
    }
    return status;
}

varve_status vv_wal_make_room(struct vv_wal *wal, uint64_t bytes, bool wait)
{
    if (wait) {
        /* What has to be durable for the ring to have room; if it is, the segment is full. */
        uint64_t needed_lsn = vv_wal_end(wal) + bytes;
        needed_lsn = needed_lsn > wal->ring.capacity ? needed_lsn - wal->ring.capacity : 0;
        bool is_durable = atomic_load(&wal->durable_lsn) >= needed_lsn;
        if (!vv_turn_take(&wal->syncing, is_durable ? VV_TURN_ALWAYS : needed_lsn)) {
            return VARVE_OK;
        }
    } else if (!vv_turn_try_take(&wal->syncing)) {
        return VARVE_BUSY; /* whoever has it makes room */
    }
    varve_status status = make_room(wal, bytes, wait);
    vv_turn_give(&wal->syncing);
    return status;
}

bool vv_wal_needs_mark(struct vv_wal *wal, uint64_t start_lsn)
{
    uint64_t durable_lsn = atomic_load(&wal->durable_lsn);
    (void)vv_turn_take(&wal->writing, VV_TURN_ALWAYS);
    bool needed = durable_lsn > wal->marked_lsn && durable_lsn > start_lsn;
    if (needed) {
        /* The mark itself makes the log longer by a frame without a payload: not worth another
         * one. */
        wal->marked_lsn = vv_wal_end(wal) + VV_WAL_FRAME_HEADER_BYTES;
    }
    vv_turn_give(&wal->writing);
    return needed;
}

/* Needs both turns. */
static varve_status close_alone(struct vv_wal *wal, uint64_t start_lsn)
{
    varve_status status = VARVE_OK;
    const struct vv_env *env = wal->place.env;
    uint64_t end_lsn = vv_wal_end(wal);
    if (end_lsn > atomic_load(&wal->durable_lsn)) {
        status = sync_alone(wal, end_lsn);
    }
    if (wal->file >= 0 && status == VARVE_OK) {
        struct vv_wal_segment *open = &wal->segments.list[wal->segments.count - 1];
        open->file_bytes = VV_WAL_SEGMENT_HEADER_BYTES + end_lsn - wal->segment_first_lsn;
        if (end_lsn == wal->segment_first_lsn) {
            vv_wal_segment_remove(wal, open);
            wal->segments.count--;
        } else {
            /* Not synced on purpose: preallocated zeros behind the end are as good. */
            (void)env->ops->truncate(env->ctx, wal->file, open->file_bytes);
        }
    }
    close_file(wal);
    vv_wal_spares_remove(wal);
    if (status == VARVE_OK && end_lsn == start_lsn) {
        for (size_t i = 0; i < wal->segments.count; i++) {
            vv_wal_segment_remove(wal, &wal->segments.list[i]);
        }
        wal->segments.count = 0;
    }
    return status;
}

varve_status vv_wal_close(struct vv_wal *wal, uint64_t start_lsn)
{
    (void)vv_turn_take(&wal->syncing, VV_TURN_ALWAYS);
    (void)vv_turn_take(&wal->writing, VV_TURN_ALWAYS);
    varve_status status = close_alone(wal, start_lsn);
    vv_turn_give(&wal->writing);
    vv_turn_give(&wal->syncing);
    return status;
}
