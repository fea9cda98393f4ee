/*
 * wal_segment.c - segment files: made, grown, removed, set aside.
 *
 *   made: created, preallocated, header written, synced, name synced --frames--> full --> dropped
 *         |-- or out of a spare, wal_spare.c <----------------------------------------------'
 *         `-- or under a name that replay does not read: frames, synced, renamed, name synced
 *
 * W6  A sequence belongs to one attempt at a segment, failed or not. After a failed attempt the
 *     file may come back with a loss of power and cuts off the segment before it at its first LSN:
 *     from there on only a newer segment takes frames.
 * Thread: with both turns of the log, where the open segment is concerned, or else with the
 * writing turn.
 */
#include "storage/log/wal_segment.h"

#include <errno.h>
#include <stdio.h>

#include "os/alloc.h"

enum { SEGMENT_BYTES_MIN = 256 << 10 };

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

/* Its header would hide what the segment before it holds from there on, therefore it is emptied,
 * too: one of the two may work. */
void vv_wal_segment_discard_file(struct vv_wal *wal, int file, const char *name)
{
    const struct vv_env *env = wal->place.env;
    (void)env->ops->truncate(env->ctx, file, 0);
    (void)env->ops->close(env->ctx, file);
    (void)env->ops->unlink(env->ctx, wal->place.directory, name);
}

/* A new file of that size with its header. */
static int create_file(struct vv_wal *wal, const struct vv_wal_segment_header *header,
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
    if (result != 0) {
        vv_wal_segment_discard_file(wal, *file, name);
    }
    return result;
}

/* Makes what was written to a new file and its name durable. */
static int make_durable(struct vv_wal *wal, int file)
{
    const struct vv_env *env = wal->place.env;
    int result = env->ops->fdatasync(env->ctx, file);
    return result != 0 ? result : env->ops->sync_directory(env->ctx, wal->place.directory);
}

struct vv_wal_segment_header vv_wal_segment_next_header(struct vv_wal *wal, uint64_t first_lsn,
                                                        uint64_t previous_checksum, bool recycled)
{
    struct vv_wal_segment_header header = {
        .shard = wal->place.shard,
        .sequence = atomic_fetch_add(&wal->sequence_max, 1) + 1,
        .first_lsn = first_lsn,
        .previous_checksum = previous_checksum,
        .recycled = recycled,
    };
    memcpy(header.database_uuid, wal->place.database_uuid, sizeof(header.database_uuid));
    return header;
}

varve_status vv_wal_segment_adopt(struct vv_wal *wal, const struct vv_wal_segment_header *header,
                                  int file, uint64_t bytes)
{
    struct vv_wal_segment segment = {.sequence = header->sequence,
                                     .first_lsn = header->first_lsn,
                                     .file_bytes = bytes,
                                     .recycled = header->recycled};
    VV_TRY(vv_wal_segments_add(&wal->segments, segment));
    uint64_t room = (bytes - VV_WAL_SEGMENT_HEADER_BYTES) & ~(uint64_t)(VV_WAL_ALIGNMENT - 1);
    wal->file = file;
    wal->sequence = header->sequence;
    wal->segment_first_lsn = header->first_lsn;
    wal->segment_end_lsn = header->first_lsn + room;
    wal->zeroed_lsn = header->recycled ? wal->segment_end_lsn : header->first_lsn;
    return VARVE_OK;
}

/* The next segment in a new file; if it is not named yet, under one that replay does not read. */
static varve_status open_new(struct vv_wal *wal, uint64_t first_lsn, uint64_t previous_checksum,
                             uint64_t bytes, bool named)
{
    struct vv_wal_segment_header header =
        vv_wal_segment_next_header(wal, first_lsn, previous_checksum, false);
    char name[VV_WAL_SPARE_NAME_BYTES];
    (named ? vv_wal_segment_name : vv_wal_spare_name)(header.sequence, name);
    int file;
    int result = create_file(wal, &header, name, bytes, &file);
    if (result == 0 && named) {
        result = make_durable(wal, file);
        if (result != 0) {
            vv_wal_segment_discard_file(wal, file, name);
        }
    }
    if (result != 0) {
        varve_status status = vv_status_from_errno(-result);
        vv_report(wal->report, VARVE_EVENT_IO_ERROR, status, name, 0,
                  "cannot create the log segment %s (errno %d)", name, -result);
        return status;
    }
    varve_status status = vv_wal_segment_adopt(wal, &header, file, bytes);
    if (status != VARVE_OK) {
        vv_wal_segment_discard_file(wal, file, name);
    }
    return status;
}

varve_status vv_wal_segment_open(struct vv_wal *wal, uint64_t first_lsn, uint64_t previous_checksum,
                                 uint64_t bytes)
{
    return open_new(wal, first_lsn, previous_checksum, bytes, true);
}

varve_status vv_wal_segment_begin(struct vv_wal *wal, uint64_t first_lsn,
                                  uint64_t previous_checksum, uint64_t bytes)
{
    return open_new(wal, first_lsn, previous_checksum, bytes, false);
}

int vv_wal_segment_finish(struct vv_wal *wal)
{
    const struct vv_env *env = wal->place.env;
    char name[VV_WAL_NAME_BYTES], spare[VV_WAL_SPARE_NAME_BYTES];
    vv_wal_segment_name(wal->sequence, name);
    vv_wal_spare_name(wal->sequence, spare);
    int result = env->ops->rename(env->ctx, wal->place.directory, spare, name);
    return result != 0 ? result : env->ops->sync_directory(env->ctx, wal->place.directory);
}

void vv_wal_segment_discard(struct vv_wal *wal)
{
    const struct vv_env *env = wal->place.env;
    char name[VV_WAL_NAME_BYTES], spare[VV_WAL_SPARE_NAME_BYTES];
    uint64_t sequence = wal->segments.list[--wal->segments.count].sequence;
    vv_wal_segment_name(sequence, name);
    vv_wal_spare_name(sequence, spare);
    vv_wal_segment_discard_file(wal, wal->file, spare);
    (void)env->ops->unlink(env->ctx, wal->place.directory, name); /* if it had come to that */
    wal->file = -1;
}

/* Segments start small and double, so that a small database stays small. */
uint64_t vv_wal_segment_bytes(const struct vv_wal *wal, uint64_t needed_bytes)
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

/* A file system that cannot tell is asked by preallocate(). */
uint64_t vv_wal_segment_free_bytes(const struct vv_wal *wal)
{
    uint64_t available;
    const struct vv_env *env = wal->place.env;
    int result = env->ops->free_bytes(env->ctx, wal->place.directory, &available);
    return result == 0 ? available : UINT64_MAX;
}

varve_status vv_wal_segment_choose_bytes(const struct vv_wal *wal, uint64_t needed_bytes,
                                         uint64_t *bytes)
{
    uint64_t available = vv_wal_segment_free_bytes(wal),
             least = needed_bytes + VV_WAL_SEGMENT_HEADER_BYTES;
    uint64_t wanted = vv_wal_segment_bytes(wal, needed_bytes);
    while (wanted > available && wanted > least) { /* perhaps a smaller one fits */
        wanted = wanted / 2 > least ? wanted / 2 : least;
    }
    *bytes = wanted;
    return wanted <= available ? VARVE_OK : VARVE_NO_SPACE;
}

/* A killed process leaves frames that the kernel has and the disk perhaps not: they must be durable
 * before anything behind them is, or a loss of power would tear a hole into the log. */
int vv_wal_segment_sync_recovered(struct vv_wal *wal)
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

void vv_wal_segment_remove(struct vv_wal *wal, const struct vv_wal_segment *segment)
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

/* Takes the first count segments out of the list. Needs the writing turn. */
static void forget_first(struct vv_wal *wal, size_t count)
{
    wal->segments.count -= count;
    wal->unsynced_segments -= count < wal->unsynced_segments ? count : wal->unsynced_segments;
    memmove(wal->segments.list, wal->segments.list + count,
            wal->segments.count * sizeof(*wal->segments.list));
}

void vv_wal_drop(struct vv_wal *wal, uint64_t start_lsn)
{
    struct vv_wal_new_spares kept = {0};
    (void)vv_turn_take(&wal->writing, VV_TURN_ALWAYS);
    for (size_t i = 0; i < wal->unusable.count; i++) {
        vv_wal_segment_remove(wal, &wal->unusable.list[i]);
    }
    wal->unusable.count = 0;
    bool nothing_counts = wal->file < 0 && start_lsn >= vv_wal_end(wal);
    size_t dropped = 0;
    while (dropped < wal->segments.count &&
           (nothing_counts || is_covered(&wal->segments, dropped, start_lsn))) {
        const struct vv_wal_segment *segment = &wal->segments.list[dropped++];
        if (!vv_wal_spare_keep(wal, segment, &kept)) {
            vv_wal_segment_remove(wal, segment);
        }
    }
    if (dropped > 0) {
        forget_first(wal, dropped);
    }
    vv_turn_give(&wal->writing);
    vv_wal_spares_settle(wal, &kept);
}

void vv_wal_size(struct vv_wal *wal, uint64_t *segments, uint64_t *bytes)
{
    (void)vv_turn_take(&wal->writing, VV_TURN_ALWAYS);
    *segments = wal->segments.count;
    *bytes = 0;
    for (size_t i = 0; i < wal->segments.count; i++) {
        *bytes += wal->segments.list[i].file_bytes;
    }
    for (size_t i = 0; i < wal->spares.count; i++) {
        *bytes += wal->spares.list[i].file_bytes;
    }
    vv_turn_give(&wal->writing);
}
