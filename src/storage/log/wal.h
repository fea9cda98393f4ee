/*
 * wal.h - the write-ahead log of a shard: appending, group commit, dropping, replaying.
 *
 *   append --frame--> [ring: durable .. written .. end] --pwrite--> segment --fdatasync-->
 *
 * A frame stays in the ring until it is durable, so that it can be logged again in a new segment
 * when a write or a sync fails. Bytes: WAL_FORMAT.md.
 */
#ifndef VARVE_STORAGE_WAL_H
#define VARVE_STORAGE_WAL_H

#include <stdatomic.h>

#include "os/env.h"
#include "os/turn.h"
#include "storage/log/ring.h"
#include "storage/log/wal_format.h"
#include "storage/report.h"

/* ---------------------------------------------------------------------------- replaying */

/* A segment file that exists. */
struct vv_wal_segment {
    uint64_t sequence;
    uint64_t first_lsn;
    uint64_t file_bytes;
    bool damaged;  /* acknowledged data in it could not be read: set aside, never deleted */
    bool recycled; /* behind its frames stand those of an earlier segment */
    bool poisoned; /* a write or sync of it failed: never written to again */
};

struct vv_wal_segments {
    struct vv_wal_segment *list; /* by sequence */
    size_t count;
    size_t capacity;
};

varve_status vv_wal_segments_add(struct vv_wal_segments *segments,
                                 struct vv_wal_segment segment) VARVE_MUST_CHECK;

/* Where the log belongs. */
struct vv_wal_place {
    const struct vv_env *env;
    int directory;
    uint8_t database_uuid[16];
    uint32_t shard;
};

/* What a replay found. */
struct vv_wal_recovery {
    struct vv_wal_segments segments;
    struct vv_wal_segments unusable; /* files without a header of this log: no frame counts */
    uint64_t start_lsn;              /* where the replay began */
    uint64_t end_lsn;                /* behind the last accepted frame */
    uint64_t durable_lsn;            /* what the frames and marks vouch for; at least start_lsn */
    uint64_t end_checksum;           /* of that frame; 0 if there is none */
    uint64_t sequence_max;           /* greatest sequence seen; 0 if there is none */
    uint64_t frames;                 /* accepted and applied */
    uint64_t samples;                /* in them */
    uint64_t damages;                /* gaps in acknowledged data */
    uint64_t torn_bytes;             /* of a tail that was never acknowledged as durable */
};

/* Takes one accepted frame; a failure ends the replay and is returned by it. */
typedef varve_status (*vv_wal_apply)(void *context, const struct vv_wal_frame *frame,
                                     const uint8_t *payload);

/**
 * vv_wal_replay() - apply every accepted frame from start_lsn on, in order. Writes nothing.
 *
 * Damage and torn tails are reported; with strict, damage is CORRUPT instead.
 * @recovery  out, also written on failure; release with vv_wal_recovery_fini().
 */
varve_status vv_wal_replay(const struct vv_wal_place *place, uint64_t start_lsn, bool strict,
                           vv_wal_apply apply, void *context, const struct vv_report *report,
                           struct vv_wal_recovery *recovery, varve_error *error) VARVE_MUST_CHECK;
void vv_wal_recovery_fini(struct vv_wal_recovery *recovery);

/* ------------------------------------------------------------------------------ writing */

struct vv_wal_options {
    uint64_t segment_bytes_max;
    uint64_t sequence_min; /* no segment with this or a lower sequence is made */
    uint64_t ring_bytes;   /* a power of two; 0: the default */
    bool zero_ahead;       /* write zeros before frames: commits overwrite them */
};

struct vv_wal {
    /* Constant after init. */
    struct vv_wal_place place;
    const struct vv_report *report;
    uint64_t segment_bytes_max;
    bool zero_ahead;

    struct vv_ring ring; /* lock-free; its consumer is who has the writing turn */

    /* Shared. durable <= written <= end of the ring; all are frame boundaries. */
    _Alignas(64) _Atomic uint64_t written_lsn;
    _Atomic uint64_t durable_lsn;
    _Atomic uint64_t sequence_max; /* greatest one that a file has had, finished or not */
    _Atomic bool failed;           /* a new segment failed too: nothing is accepted any more */
    _Atomic uint64_t relogged;
    _Atomic bool synced_elsewhere; /* by somebody who looks at vv_wal_wants_sync() */

    struct vv_turn syncing; /* who moves durable_lsn; taken before writing, if both are */
    struct vv_turn writing; /* who moves written_lsn */

    /* Guarded by writing; what concerns the open segment is changed only with both. */
    uint64_t sealed_lsn; /* frames below have their checksums; written <= sealed */
    uint64_t chain;      /* checksum of the last sealed frame */
    uint64_t sequence;   /* of the segment that frames are sealed for */
    uint64_t segment_first_lsn;
    uint64_t segment_end_lsn;        /* of the room in it; never sinks */
    uint64_t zeroed_lsn;             /* the open file was written to up to here, zeros at least */
    int poison;                      /* -errno of a failed write that a relog has to follow; or 0 */
    bool closed;                     /* the ring is: W6 */
    struct vv_wal_segments segments; /* the open one last */
    struct vv_wal_segments unusable; /* found at open, to be removed or set aside */
    struct vv_wal_segments spares;   /* dropped, to be overwritten: wal_spare.c */
    int file;                        /* -1: none */
    size_t unsynced_segments;        /* the first so many were replayed and not synced since */
    uint64_t recovered_lsn;          /* frames below are not in memory */
    uint64_t marked_lsn;             /* a mark vouches for everything below */
};

/* Continues where recovery ended; takes the segment list over. No file is made yet. CORRUPT: the
 * log's positions are beyond all bounds, or none of a frame. */
varve_status vv_wal_init(struct vv_wal *wal, const struct vv_wal_place *place,
                         const struct vv_wal_options *options, struct vv_wal_recovery *recovery,
                         const struct vv_report *report) VARVE_MUST_CHECK;
void vv_wal_fini(struct vv_wal *wal); /* releases without writing */

/* Behind the last frame that was accepted. */
static inline uint64_t vv_wal_end(const struct vv_wal *wal)
{
    return vv_ring_end(&wal->ring);
}

/* A record on its way into the log: payload, and more of it that is copied from where it lies. */
struct vv_wal_record {
    enum vv_wal_record_type type;
    uint32_t sample_count;
    const struct vv_buffer *payload; /* the caller's, both */
    const void *more;
    size_t more_bytes;
};

static inline uint64_t vv_wal_record_payload_bytes(const struct vv_wal_record *record)
{
    return record->payload->length + record->more_bytes;
}

/* Bytes that its frame will take; the payload must not be longer than the log takes. */
static inline uint64_t vv_wal_record_bytes(const struct vv_wal_record *record)
{
    return vv_wal_frame_bytes((uint32_t)vv_wal_record_payload_bytes(record));
}

/* The longest payload that the log takes: half the ring, with its header. */
uint64_t vv_wal_payload_bytes_max(const struct vv_wal *wal);

/**
 * vv_wal_try_append() - add one frame to the log in memory, if there is room.
 *
 * Lock-free, waits for nothing.
 * @generation  of the head that the record must belong to; 0: any.
 * @lsn         out, where the frame ends; written only on RESERVED.
 */
enum vv_ring_outcome vv_wal_try_append(struct vv_wal *wal, const struct vv_wal_record *record,
                                       uint64_t generation, uint64_t *lsn) VARVE_MUST_CHECK;

/**
 * vv_wal_make_room() - after NO_ROOM for a frame of so many bytes: return when to try again.
 *
 * Makes frames durable to reuse their room in the ring, or completes the segment (with a sync) and
 * starts a new, preallocated one. Others may take the room first: then the next try says so. The
 * caller holds no lock of the head.
 * @wait  false: BUSY instead of waiting for room in the ring. A new segment is made all the same.
 *
 * READ_ONLY: the log has failed; NO_SPACE; NO_MEMORY; IO. LIMIT: the log has reached its end.
 */
varve_status vv_wal_make_room(struct vv_wal *wal, uint64_t bytes, bool wait) VARVE_MUST_CHECK;

/* Both until it is done, for a record of any generation; as vv_wal_make_room(). */
varve_status vv_wal_append(struct vv_wal *wal, enum vv_wal_record_type type,
                           const struct vv_buffer *payload, size_t sample_count,
                           uint64_t *lsn) VARVE_MUST_CHECK;

enum vv_wal_strength { VV_WAL_WRITTEN, VV_WAL_DURABLE };

/**
 * vv_wal_flush() - return when everything below lsn is written to the kernel, or durable.
 *
 * One caller does the work for all that wait. lsn is at most vv_wal_end(). UNKNOWN: the disk failed
 * and moving to a new segment failed too; the log is read-only from now on. Threads: any.
 */
varve_status vv_wal_flush(struct vv_wal *wal, uint64_t lsn,
                          enum vv_wal_strength strength) VARVE_MUST_CHECK;

/* Bytes that are written and not known durable. */
static inline uint64_t vv_wal_unsynced_bytes(const struct vv_wal *wal)
{
    uint64_t durable_lsn = atomic_load(&wal->durable_lsn); /* first: it may catch up meanwhile */
    return atomic_load(&wal->written_lsn) - durable_lsn;
}

/* Whether half the ring waits for a sync: time for somebody to do one for whom nobody waits. */
static inline bool vv_wal_wants_sync(const struct vv_wal *wal)
{
    return vv_wal_unsynced_bytes(wal) > wal->ring.capacity / 2;
}

/* Whether a sync has happened that no mark vouches for yet; then append a mark. start_lsn: the log
 * begins here, nothing below needs a mark. */
bool vv_wal_needs_mark(struct vv_wal *wal, uint64_t start_lsn);

/* Removes the segments that hold nothing at or behind start_lsn, and unusable ones, or keeps some
 * as spares for the next ones; damaged ones get the suffix ".damaged". One caller at a time. */
void vv_wal_drop(struct vv_wal *wal, uint64_t start_lsn);

/* Gives the disk back what spare segments take. */
void vv_wal_remove_spares(struct vv_wal *wal);

/* Makes everything durable, cuts preallocated space off, removes spares and an empty log (nothing
 * behind start_lsn). UNKNOWN or IO: what failed first; the files are closed all the same. */
varve_status vv_wal_close(struct vv_wal *wal, uint64_t start_lsn) VARVE_MUST_CHECK;

/* Files of the log, and bytes with spares. */
void vv_wal_size(struct vv_wal *wal, uint64_t *segments, uint64_t *bytes);

#endif
