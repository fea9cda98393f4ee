/*
 * wal_flush.c - frames to segment files: group commit, segment changes, and what happens when a
 * disk fails.
 *
 * States of the open segment:
 *   CLOSED --prepare--> OPEN --flush: pwrite--> OPEN --flush: fdatasync--> OPEN, durable advances
 *   OPEN --prepare, full: flush, fdatasync--> CLOSED
 *   OPEN --any failed or short write or sync--> RELOGGING: a new segment from durable_lsn on
 *   RELOGGING --everything written and synced--> OPEN      RELOGGING --fails--> FAILED (read-only)
 *
 * W1  Frames never cross a segment, so that dropping old segments cannot cut one.
 * W2  durable_lsn never exceeds what a completed fdatasync covered.
 * W3  A file is never synced again after a failed write or sync: the kernel may have dropped the
 *     pages and say OK. Everything not known durable goes to a new file (a new inode) from memory.
 * W4  A segment is complete and synced before the next one starts: only the newest can be torn.
 * W5  At most UNSYNCED_BYTES_MAX of frames wait for a sync, in any mode: they are held in memory
 *     for W3.
 *
 * W6  A sequence belongs to one attempt at a segment, failed or not; behind a failed one only a
 *     newer segment takes frames.
 *
 * Thread: whoever needs the strength first takes flush_mutex and works for all who wait behind it.
 */
#include <errno.h>
#include <stdio.h>

#include "os/alloc.h"
#include "storage/wal_pages.h"

enum {
    SEGMENT_BYTES_MIN = 256 << 10,
    UNSYNCED_BYTES_MAX = 8 << 20,
    FREE_BYTES_MIN = 1 << 20, /* left on the disk for a block and a manifest */
};

varve_status vv_wal_segments_add(struct vv_wal_segments *segments, struct vv_wal_segment segment)
{
    if (segments->count == segments->capacity) {
        size_t capacity = segments->capacity == 0 ? 8 : segments->capacity * 2;
        void *list = vv_realloc(segments->list, capacity * sizeof(*segments->list));
        if (list == NULL) {
            return VARVE_NO_MEMORY;
        }
        segments->list = list;
        segments->capacity = capacity;
    }
    segments->list[segments->count++] = segment;
    return VARVE_OK;
}

static void close_file(struct vv_wal *wal)
{
    if (wal->file >= 0) {
        (void)wal->place.env->ops->close(wal->place.env->ctx, wal->file);
        wal->file = -1;
    }
}

/* Takes back a segment that came to nothing. Its header would hide what the segment before it holds
 * from there on, therefore it is emptied, too: one of the two may work. */
static void discard_segment_file(struct vv_wal *wal, int file, const char *name)
{
    const struct vv_env *env = wal->place.env;
    (void)env->ops->truncate(env->ctx, file, 0);
    (void)env->ops->close(env->ctx, file);
    (void)env->ops->unlink(env->ctx, wal->place.directory, name);
}

/* A new file of that size with its header, durable under its name. */
static int create_segment_file(struct vv_wal *wal, const struct vv_wal_segment_header *header,
                               const char *name, uint64_t bytes, int *file)
{
    const struct vv_env *env = wal->place.env;
    uint8_t encoded[VV_WAL_SEGMENT_HEADER_BYTES];
    vv_wal_segment_header_encode(header, encoded);
    *file = env->ops->open(env->ctx, wal->place.directory, name, VV_OPEN_CREATE);
    if (*file < 0) {
        return *file;
    }
    int result = env->ops->preallocate(env->ctx, *file, bytes);
    if (result == -EOPNOTSUPP) {
        result = 0;
    }
    if (result == 0) {
        result = vv_env_write_all(env, *file, encoded, sizeof(encoded), 0);
    }
    if (result == 0) {
        result = env->ops->fdatasync(env->ctx, *file);
    }
    if (result == 0) {
        result = env->ops->sync_directory(env->ctx, wal->place.directory);
    }
    if (result != 0) {
        discard_segment_file(wal, *file, name);
    }
    return result;
}

/* Opens the segment for frames from header->first_lsn on. Needs flush_mutex. */
static varve_status open_segment(struct vv_wal *wal, const struct vv_wal_segment_header *header,
                                 uint64_t bytes)
{
    char name[VV_WAL_NAME_BYTES];
    vv_wal_segment_name(header->sequence, name);
    int file;
    int result = create_segment_file(wal, header, name, bytes, &file);
    if (result != 0) {
        varve_status status = vv_status_from_errno(-result);
        vv_report(wal->report, VARVE_EVENT_IO_ERROR, status, name, 0,
                  "cannot create the log segment %s", name);
        return status;
    }
    struct vv_wal_segment segment = {
        .sequence = header->sequence, .first_lsn = header->first_lsn, .file_bytes = bytes};
    varve_status status = vv_wal_segments_add(&wal->segments, segment);
    if (status != VARVE_OK) {
        discard_segment_file(wal, file, name);
        return status;
    }
    wal->file = file;
    return VARVE_OK;
}

/* Segments start small and double, so that a small database stays small. */
static uint64_t next_segment_bytes(const struct vv_wal *wal, uint64_t needed_bytes)
{
    uint64_t bytes = SEGMENT_BYTES_MIN;
    if (wal->segments.count > 0) {
        uint64_t last = wal->segments.list[wal->segments.count - 1].file_bytes;
        while (bytes <= last && bytes < wal->segment_bytes_max) {
            bytes *= 2;
        }
    }
    if (bytes > wal->segment_bytes_max) {
        bytes = wal->segment_bytes_max;
    }
    needed_bytes += VV_WAL_SEGMENT_HEADER_BYTES;
    return bytes > needed_bytes ? bytes : needed_bytes;
}

/* Whether the disk has room for so many bytes and for what maintenance needs beside it. */
static varve_status check_free_bytes(struct vv_wal *wal, uint64_t bytes)
{
    uint64_t available;
    const struct vv_env *env = wal->place.env;
    int result = env->ops->free_bytes(env->ctx, wal->place.directory, &available);
    if (result == 0 && available < bytes + FREE_BYTES_MIN) {
        return VARVE_NO_SPACE;
    }
    return VARVE_OK; /* a file system that cannot tell is asked by preallocate() */
}

/* Starts a segment for what follows end_lsn. Needs the append lock and flush_mutex; nothing is
 * pending. */
static varve_status start_segment(struct vv_wal *wal, uint64_t needed_bytes)
{
    uint64_t bytes = next_segment_bytes(wal, needed_bytes);
    if (check_free_bytes(wal, bytes) != VARVE_OK) {
        bytes = needed_bytes + VV_WAL_SEGMENT_HEADER_BYTES; /* perhaps a small one fits */
        VV_TRY(check_free_bytes(wal, bytes));
    }
    struct vv_wal_segment_header header = {
        .shard = wal->place.shard,
        .sequence = atomic_fetch_add(&wal->sequence_max, 1) + 1,
        .first_lsn = atomic_load(&wal->end_lsn),
        .previous_checksum = wal->chain,
    };
    memcpy(header.database_uuid, wal->place.database_uuid, sizeof(header.database_uuid));
    varve_status status = open_segment(wal, &header, bytes);
    vv_mutex_lock(&wal->page_mutex);
    if (status == VARVE_OK) {
        wal->sequence = header.sequence;
        wal->segment_first_lsn = header.first_lsn;
    }
    /* After a failure the file may come back with a loss of power, and cuts off the segment before
     * it at first_lsn: nothing may be added there any more (W6). */
    wal->segment_capacity = status == VARVE_OK ? bytes : 0;
    vv_mutex_unlock(&wal->page_mutex);
    return status;
}

/* Writes the frames in [from, to) to the open segment. Needs flush_mutex. */
static int write_frames(struct vv_wal *wal, uint64_t from, uint64_t to)
{
    vv_mutex_lock(&wal->page_mutex);
    struct vv_wal_page *page = wal->first_page;
    uint64_t segment_first_lsn = wal->segment_first_lsn;
    vv_mutex_unlock(&wal->page_mutex);
    while (from < to) {
        vv_mutex_lock(&wal->page_mutex); /* length and next may grow meanwhile */
        while (page->first_lsn + page->length <= from) {
            page = page->next;
        }
        uint64_t page_end = page->first_lsn + page->length;
        vv_mutex_unlock(&wal->page_mutex);
        uint64_t end = page_end < to ? page_end : to;
        uint64_t offset = VV_WAL_SEGMENT_HEADER_BYTES + from - segment_first_lsn;
        int result = vv_env_write_all(wal->place.env, wal->file,
                                      page->bytes + (from - page->first_lsn), end - from, offset);
        if (result != 0) {
            return result;
        }
        from = end;
    }
    return 0;
}

/* A killed process leaves frames that the kernel has and the disk perhaps not: they must be durable
 * before anything behind them is, or a loss of power would tear a hole into the log. */
static int sync_recovered_segments(struct vv_wal *wal)
{
    const struct vv_env *env = wal->place.env;
    for (; wal->unsynced_segments > 0; wal->unsynced_segments--) {
        char name[VV_WAL_NAME_BYTES];
        vv_wal_segment_name(wal->segments.list[wal->unsynced_segments - 1].sequence, name);
        int file = env->ops->open(env->ctx, wal->place.directory, name, VV_OPEN_READ);
        if (file < 0) {
            return file;
        }
        int result = env->ops->fdatasync(env->ctx, file);
        (void)env->ops->close(env->ctx, file);
        if (result != 0) {
            return result;
        }
    }
    return env->ops->sync_directory(env->ctx, wal->place.directory);
}

/* Makes everything below lsn durable, which is written. Needs flush_mutex. */
static int sync_file(struct vv_wal *wal, uint64_t lsn)
{
    int result = 0;
    if (wal->unsynced_segments > 0) {
        result = sync_recovered_segments(wal);
    }
    if (result == 0 && wal->file >= 0) {
        result = wal->place.env->ops->fdatasync(wal->place.env->ctx, wal->file);
    }
    if (result == 0) {
        atomic_store(&wal->durable_lsn, lsn);
        vv_wal_pages_release(wal, lsn);
    }
    return result;
}

/* Nothing is accepted from now on. */
static varve_status give_up(struct vv_wal *wal, varve_status cause)
{
    close_file(wal);
    atomic_store(&wal->failed, true);
    vv_report(wal->report, VARVE_EVENT_IO_ERROR, cause, NULL, 0,
              "the log cannot be written: the database is read-only until it is opened again");
    return VARVE_UNKNOWN;
}

/* Moves everything that is not known durable to a new segment (W3). Needs flush_mutex. */
static varve_status relog(struct vv_wal *wal, int failure)
{
    uint64_t durable_lsn = atomic_load(&wal->durable_lsn);
    if (durable_lsn < wal->recovered_lsn) {
        return give_up(wal, vv_status_from_errno(-failure));
    }
    vv_report(wal->report, VARVE_EVENT_IO_ERROR, vv_status_from_errno(-failure), NULL, 0,
              "writing the log failed (errno %d): logging again from LSN %llu in a new segment",
              -failure, (unsigned long long)durable_lsn);
    close_file(wal);
    struct vv_wal_segment_header header = {.shard = wal->place.shard, .first_lsn = durable_lsn};
    memcpy(header.database_uuid, wal->place.database_uuid, sizeof(header.database_uuid));
    vv_mutex_lock(&wal->page_mutex);
    header.sequence = atomic_fetch_add(&wal->sequence_max, 1) + 1;
    vv_wal_pages_reseal(wal, durable_lsn, header.sequence, &header.previous_checksum);
    uint64_t end_lsn = atomic_load(&wal->end_lsn);
    uint64_t bytes = next_segment_bytes(wal, end_lsn - durable_lsn);
    wal->segment_first_lsn = durable_lsn;
    wal->segment_capacity = bytes;
    vv_mutex_unlock(&wal->page_mutex);

    varve_status status = open_segment(wal, &header, bytes);
    if (status == VARVE_OK) {
        int result = write_frames(wal, durable_lsn, end_lsn);
        if (result == 0) {
            result = sync_file(wal, end_lsn);
        }
        status = result == 0 ? VARVE_OK : vv_status_from_errno(-result);
        if (status != VARVE_OK) {
            char name[VV_WAL_NAME_BYTES];
            vv_wal_segment_name(header.sequence, name);
            discard_segment_file(wal, wal->file, name);
            wal->file = -1;
            wal->segments.count--;
        }
    }
    if (status != VARVE_OK) {
        return give_up(wal, status);
    }
    atomic_store(&wal->written_lsn, end_lsn);
    atomic_fetch_add(&wal->relogged, 1);
    return VARVE_OK;
}

/* Writes what is pending and syncs if asked. Needs flush_mutex. */
static varve_status flush_locked(struct vv_wal *wal, enum vv_wal_strength strength)
{
    if (atomic_load(&wal->failed)) {
        return VARVE_UNKNOWN;
    }
    uint64_t end_lsn = atomic_load(&wal->end_lsn);
    uint64_t written_lsn = atomic_load(&wal->written_lsn);
    int result = 0;
    if (written_lsn < end_lsn) {
        result = write_frames(wal, written_lsn, end_lsn);
        if (result == 0) {
            atomic_store(&wal->written_lsn, end_lsn);
        }
    }
    uint64_t unsynced_bytes = end_lsn - atomic_load(&wal->durable_lsn);
    if (result == 0 && unsynced_bytes > 0 &&
        (strength == VV_WAL_DURABLE || unsynced_bytes > UNSYNCED_BYTES_MAX)) {
        result = sync_file(wal, end_lsn);
    }
    return result == 0 ? VARVE_OK : relog(wal, result);
}

varve_status vv_wal_flush(struct vv_wal *wal, uint64_t lsn, enum vv_wal_strength strength)
{
    _Atomic uint64_t *reached = strength == VV_WAL_DURABLE ? &wal->durable_lsn : &wal->written_lsn;
    if (atomic_load(reached) >= lsn) {
        return VARVE_OK;
    }
    vv_mutex_lock(&wal->flush_mutex);
    varve_status status = VARVE_OK;
    if (atomic_load(reached) < lsn) { /* nobody else did it while we waited */
        status = flush_locked(wal, strength);
    }
    vv_mutex_unlock(&wal->flush_mutex);
    return status;
}

varve_status vv_wal_prepare(struct vv_wal *wal, uint64_t payload_bytes, uint64_t frames)
{
    if (atomic_load(&wal->failed)) {
        return VARVE_READ_ONLY;
    }
    uint64_t bytes = payload_bytes + frames * (VV_WAL_FRAME_HEADER_BYTES + VV_WAL_ALIGNMENT);
    vv_mutex_lock(&wal->page_mutex);
    uint64_t used =
        VV_WAL_SEGMENT_HEADER_BYTES + atomic_load(&wal->end_lsn) - wal->segment_first_lsn;
    bool fits = wal->segment_capacity > 0 && used + bytes <= wal->segment_capacity;
    vv_mutex_unlock(&wal->page_mutex);
    if (fits) {
        return VARVE_OK;
    }
    vv_mutex_lock(&wal->flush_mutex);
    varve_status status = flush_locked(wal, VV_WAL_DURABLE);
    if (status == VARVE_OK) {
        int file = wal->file;
        wal->file = -1;
        status = start_segment(wal, bytes);
        if (status != VARVE_OK) {
            wal->file = file; /* stays open to be cut off on close: the next call tries again */
        } else if (file >= 0) {
            (void)wal->place.env->ops->close(wal->place.env->ctx, file);
        }
    } else {
        status = VARVE_READ_ONLY; /* nothing of this call was accepted */
    }
    vv_mutex_unlock(&wal->flush_mutex);
    return status;
}

bool vv_wal_needs_mark(struct vv_wal *wal, uint64_t start_lsn)
{
    uint64_t durable_lsn = atomic_load(&wal->durable_lsn);
    vv_mutex_lock(&wal->flush_mutex);
    bool needed = durable_lsn > wal->marked_lsn && durable_lsn > start_lsn;
    if (needed) {
        /* The mark itself makes the log longer by a frame without a payload: not worth another
         * one. */
        wal->marked_lsn = atomic_load(&wal->end_lsn) + VV_WAL_FRAME_HEADER_BYTES;
    }
    vv_mutex_unlock(&wal->flush_mutex);
    return needed;
}

static void remove_segment(struct vv_wal *wal, const struct vv_wal_segment *segment)
{
    const struct vv_env *env = wal->place.env;
    char name[VV_WAL_NAME_BYTES], aside[VV_WAL_NAME_BYTES + 16];
    vv_wal_segment_name(segment->sequence, name);
    int result;
    if (segment->damaged) {
        (void)snprintf(aside, sizeof(aside), "%s.damaged", name);
        result = env->ops->rename(env->ctx, wal->place.directory, name, aside);
    } else {
        result = env->ops->unlink(env->ctx, wal->place.directory, name);
    }
    if (result != 0 && result != -ENOENT) {
        vv_report(wal->report, VARVE_EVENT_IO_ERROR, vv_status_from_errno(-result), name, 0,
                  "cannot remove the old log segment %s (errno %d)", name, -result);
    }
}

/* A segment is not needed if a later one starts at or before start_lsn. */
static bool is_covered(const struct vv_wal_segments *segments, size_t index, uint64_t start_lsn)
{
    for (size_t later = index + 1; later < segments->count; later++) {
        if (segments->list[later].first_lsn <= start_lsn) {
            return true;
        }
    }
    return false;
}

void vv_wal_drop(struct vv_wal *wal, uint64_t start_lsn)
{
    vv_mutex_lock(&wal->flush_mutex);
    for (size_t i = 0; i < wal->unusable.count; i++) {
        remove_segment(wal, &wal->unusable.list[i]);
    }
    wal->unusable.count = 0;
    bool nothing_counts = wal->file < 0 && start_lsn >= atomic_load(&wal->end_lsn);
    size_t dropped = 0;
    while (dropped < wal->segments.count &&
           (nothing_counts || is_covered(&wal->segments, dropped, start_lsn))) {
        remove_segment(wal, &wal->segments.list[dropped++]);
    }
    if (dropped > 0) {
        wal->segments.count -= dropped;
        wal->unsynced_segments -=
            dropped < wal->unsynced_segments ? dropped : wal->unsynced_segments;
        memmove(wal->segments.list, wal->segments.list + dropped,
                wal->segments.count * sizeof(*wal->segments.list));
    }
    vv_mutex_unlock(&wal->flush_mutex);
}

varve_status vv_wal_close(struct vv_wal *wal, uint64_t start_lsn)
{
    varve_status status = VARVE_OK;
    const struct vv_env *env = wal->place.env;
    vv_mutex_lock(&wal->flush_mutex);
    uint64_t end_lsn = atomic_load(&wal->end_lsn);
    if (end_lsn > atomic_load(&wal->durable_lsn)) {
        status = flush_locked(wal, VV_WAL_DURABLE);
    }
    if (wal->file >= 0 && status == VARVE_OK) {
        struct vv_wal_segment *open = &wal->segments.list[wal->segments.count - 1];
        open->file_bytes = VV_WAL_SEGMENT_HEADER_BYTES + end_lsn - wal->segment_first_lsn;
        if (end_lsn == wal->segment_first_lsn) {
            remove_segment(wal, open);
            wal->segments.count--;
        } else {
            /* Not synced on purpose: preallocated zeros behind the end are as good. */
            (void)env->ops->truncate(env->ctx, wal->file, open->file_bytes);
        }
    }
    close_file(wal);
    if (status == VARVE_OK && end_lsn == start_lsn) {
        for (size_t i = 0; i < wal->segments.count; i++) {
            remove_segment(wal, &wal->segments.list[i]);
        }
        wal->segments.count = 0;
    }
    vv_mutex_unlock(&wal->flush_mutex);
    return status;
}

void vv_wal_size(struct vv_wal *wal, uint64_t *segments, uint64_t *bytes)
{
    vv_mutex_lock(&wal->flush_mutex);
    *segments = wal->segments.count;
    *bytes = 0;
    for (size_t i = 0; i < wal->segments.count; i++) {
        *bytes += wal->segments.list[i].file_bytes;
    }
    vv_mutex_unlock(&wal->flush_mutex);
}
