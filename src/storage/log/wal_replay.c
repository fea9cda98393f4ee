/*
 * wal_replay.c - reads the log back: which frames count, where a tail is torn, where data is
 * damaged.
 *
 *   segment 1 [frame frame frame | cut off here]
 *   segment 2                    [frame frame XXXX frame | torn]
 *                                             ^ damage if a durable LSN is known to lie behind it
 *
 * R1  Nothing is written. Replaying twice gives the same.
 * R2  A frame counts only below the first LSN of every later segment.
 * R3  Frames are applied in LSN order, each once, from the start LSN on.
 * R4  Bytes of the disk are never asserted on and never trusted before their checksum.
 * Thread: one, before the database is open. Memory: one segment at a time.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "os/alloc.h"
#include "os/pages.h"
#include "storage/log/wal.h"

struct replay {
    const struct vv_wal_place *place;
    bool strict;
    vv_wal_apply apply;
    void *context;
    const struct vv_report *report;
    struct vv_wal_recovery *recovery;
    varve_error *error;

    uint64_t position; /* LSN of the next frame */
    uint64_t checksum; /* of the frame before position */
    bool chain_known;  /* false at the start and behind a gap: the next frame is accepted */
};

/* One segment in memory. */
struct segment_bytes {
    struct vv_wal_segment *segment;
    char name[VV_WAL_NAME_BYTES];
    const uint8_t *bytes;
    uint64_t end_lsn;   /* behind the last byte of the file */
    uint64_t limit_lsn; /* the segment counts up to here (R2) */
    bool is_last;
};

static uint64_t file_offset(const struct segment_bytes *in, uint64_t lsn)
{
    return VV_WAL_SEGMENT_HEADER_BYTES + lsn - in->segment->first_lsn;
}

static int compare_sequences(const void *a, const void *b)
{
    uint64_t left = ((const struct vv_wal_segment *)a)->sequence;
    uint64_t right = ((const struct vv_wal_segment *)b)->sequence;
    return (left > right) - (left < right);
}

static int add_if_segment(void *visitor, const char *name)
{
    struct vv_wal_recovery *recovery = visitor;
    struct vv_wal_segment segment = {0};
    if (!vv_wal_segment_sequence(name, &segment.sequence)) {
        return 0;
    }
    return vv_wal_segments_add(&recovery->segments, segment) == VARVE_OK ? 0 : -ENOMEM;
}

/* Reports damage, which cost the log from one LSN to another (both 0: nobody knows which); CORRUPT
 * if opening is strict. */
static varve_status damage(struct replay *replay, const char *name, uint64_t offset,
                           const char *what, uint64_t from, uint64_t to)
{
    char lost[64] = "what it holds is";
    if (from < to) {
        (void)snprintf(lost, sizeof(lost), "LSN %llu to %llu are", (unsigned long long)from,
                       (unsigned long long)to);
    }
    replay->recovery->damages++;
    vv_report(replay->report, VARVE_EVENT_DAMAGE, VARVE_CORRUPT, name, offset,
              "log segment %s is damaged at byte %llu (%s): %s lost, and what was deleted "
              "there may be back",
              name, (unsigned long long)offset, what, lost);
    if (!replay->strict) {
        return VARVE_OK;
    }
    return vv_fail_io(replay->error, VARVE_CORRUPT, 0, name, offset,
                      "log segment %s is damaged at byte %llu (%s); %s lost; open without the "
                      "strict flag to go on",
                      name, (unsigned long long)offset, what, lost);
}

/* By blocks without a branch, for the compiler to make vectors of: half a segment may be zeros. */
static bool all_zero(const uint8_t *bytes, uint64_t length)
{
    enum { BLOCK = 256 };
    uint8_t any = 0;
    for (; length >= BLOCK && any == 0; bytes += BLOCK, length -= BLOCK) {
        for (size_t i = 0; i < BLOCK; i++) {
            any |= bytes[i];
        }
    }
    for (uint64_t i = 0; i < length; i++) {
        any |= bytes[i];
    }
    return any == 0;
}

/* Whether the file has no byte but zeros: preallocated by a writer that did not come to its
 * header. 0 or -errno. */
static int is_blank(const struct vv_env *env, int file, uint64_t length, bool *blank)
{
    uint8_t bytes[4096];
    *blank = true;
    for (uint64_t at = 0; at < length && *blank;) {
        size_t part = length - at < sizeof(bytes) ? (size_t)(length - at) : sizeof(bytes);
        int result = vv_env_read_all(env, file, bytes, part, at);
        if (result != 0) {
            return result;
        }
        *blank = all_zero(bytes, part);
        at += part;
    }
    return 0;
}

/* Decodes the header of a segment and compares it with where the log belongs. A wrong one is
 * damage, but for a file that nothing was ever written to. */
static varve_status check_header(struct replay *replay, struct vv_wal_segment *segment,
                                 const char *name, const uint8_t *encoded, bool blank, bool *usable)
{
    struct vv_wal_segment_header header;
    varve_status status = vv_wal_segment_header_decode(encoded, &header);
    if (status == VARVE_VERSION) {
        return vv_fail_io(replay->error, status, 0, name, 8,
                          "log segment %s was written by another version of varve: use that", name);
    }
    if (status != VARVE_OK || header.sequence != segment->sequence ||
        header.shard != replay->place->shard ||
        memcmp(header.database_uuid, replay->place->database_uuid, 16) != 0) {
        if (blank) {
            return VARVE_OK;
        }
        segment->damaged = true;
        return damage(replay, name, 0, "its header is not one of this log", 0, 0);
    }
    segment->first_lsn = header.first_lsn;
    segment->recycled = header.recycled;
    *usable = true;
    return VARVE_OK;
}

/* Opens, measures and checks the header of one listed segment. One that is too short to have held a
 * frame is no damage (a crash while it was made). */
static varve_status load_header(struct replay *replay, struct vv_wal_segment *segment, bool *usable)
{
    const struct vv_env *env = replay->place->env;
    char name[VV_WAL_NAME_BYTES];
    vv_wal_segment_name(segment->sequence, name);
    *usable = false;
    int file = env->ops->open(env->ctx, replay->place->directory, name, VV_OPEN_READ);
    if (file == -ENOENT) {
        return VARVE_BUSY; /* a writer dropped it meanwhile: the caller starts again */
    }
    if (file < 0) {
        return vv_fail_io(replay->error, vv_status_from_errno(-file), -file, name, 0,
                          "cannot open the log segment %s", name);
    }
    struct vv_file_status file_status;
    uint8_t encoded[VV_WAL_SEGMENT_HEADER_BYTES];
    int result = env->ops->stat(env->ctx, file, &file_status);
    int read = result == 0 ? vv_env_read_all(env, file, encoded, sizeof(encoded), 0) : result;
    bool blank = false;
    if (read == 0 && all_zero(encoded, sizeof(encoded))) {
        read = is_blank(env, file, file_status.size, &blank);
    }
    (void)env->ops->close(env->ctx, file);
    segment->file_bytes = result == 0 ? file_status.size : 0;
    if (read == -ENODATA) {
        vv_report(replay->report, VARVE_EVENT_NOTE, VARVE_OK, name, 0,
                  "log segment %s was not complete when the machine stopped: it holds nothing",
                  name);
        return VARVE_OK;
    }
    if (read != 0) {
        return vv_fail_io(replay->error, VARVE_IO, -read, name, 0, "cannot read the log segment %s",
                          name);
    }
    return check_header(replay, segment, name, encoded, blank, usable);
}

/* The next intact frame of the segment at or behind lsn; false if there is none. */
static bool find_frame(const struct segment_bytes *in, uint64_t lsn, struct vv_wal_frame *frame)
{
    for (; lsn + VV_WAL_FRAME_HEADER_BYTES <= in->limit_lsn; lsn += VV_WAL_ALIGNMENT) {
        if (vv_wal_frame_open(in->bytes + file_offset(in, lsn), in->limit_lsn - lsn, lsn,
                              in->segment->sequence, frame)) {
            return true;
        }
    }
    return false;
}

/* Applies one accepted frame and moves on. */
static varve_status take_frame(struct replay *replay, const struct segment_bytes *in,
                               const struct vv_wal_frame *frame)
{
    const uint8_t *payload = in->bytes + file_offset(in, frame->lsn) + VV_WAL_FRAME_HEADER_BYTES;
    varve_status status = replay->apply(replay->context, frame, payload);
    if (status == VARVE_CORRUPT) {
        in->segment->damaged = true;
        VV_TRY(damage(replay, in->name, file_offset(in, frame->lsn), "a record makes no sense",
                      frame->lsn, frame->lsn + vv_wal_frame_bytes(frame->payload_bytes)));
    } else if (status != VARVE_OK) {
        return vv_fail(replay->error, status, "cannot replay the log segment %s", in->name);
    }
    if (frame->durable_lsn > replay->recovery->durable_lsn) {
        replay->recovery->durable_lsn = frame->durable_lsn;
    }
    replay->recovery->frames++;
    replay->recovery->samples += frame->sample_count;
    replay->position = frame->lsn + vv_wal_frame_bytes(frame->payload_bytes);
    replay->checksum = frame->checksum;
    replay->chain_known = true;
    return VARVE_OK;
}

/* The chain is broken at position: torn tail or damage? Moves position to where it goes on. */
static varve_status handle_break(struct replay *replay, const struct segment_bytes *in, bool *done)
{
    uint64_t at = replay->position;
    uint64_t offset = file_offset(in, at);
    const uint8_t *bytes = in->bytes + offset;
    *done = true;
    if (all_zero(bytes, in->limit_lsn - at)) {
        return VARVE_OK; /* the clean end of the last one; another one was cut short here */
    }
    struct vv_wal_frame later;
    bool found = find_frame(in, at + VV_WAL_ALIGNMENT, &later);
    if (in->is_last && in->segment->recycled && !found &&
        !vv_wal_frame_begins(bytes, in->limit_lsn - at, at)) {
        return VARVE_OK; /* the same: these bytes are of the file's life before */
    }
    if (in->is_last) {
        /* Any later frame may be the one that knows: look at the whole rest. */
        bool acknowledged = false;
        struct vv_wal_frame frame;
        for (uint64_t from = at + VV_WAL_ALIGNMENT; find_frame(in, from, &frame);
             from = frame.lsn + vv_wal_frame_bytes(frame.payload_bytes)) {
            acknowledged |= frame.durable_lsn > at;
        }
        if (!acknowledged) {
            replay->recovery->torn_bytes = in->end_lsn - at;
            vv_report(replay->report, VARVE_EVENT_NOTE, VARVE_OK, in->name, offset,
                      "log segment %s ends in a torn write at byte %llu: it was never "
                      "acknowledged as durable and is cut off",
                      in->name, (unsigned long long)offset);
            return VARVE_OK;
        }
    }
    uint64_t resume = found ? later.lsn : in->limit_lsn;
    in->segment->damaged = true;
    replay->chain_known = false;
    replay->position = resume;
    *done = !found;
    return damage(replay, in->name, offset, "its checksums are wrong", at, resume);
}

/* Replays the part of a segment that counts. */
static varve_status replay_frames(struct replay *replay, const struct segment_bytes *in)
{
    bool done = false;
    while (!done && replay->position < in->limit_lsn) {
        struct vv_wal_frame frame;
        bool intact = vv_wal_frame_open(in->bytes + file_offset(in, replay->position),
                                        in->limit_lsn - replay->position, replay->position,
                                        in->segment->sequence, &frame);
        if (intact && (!replay->chain_known || frame.previous_checksum == replay->checksum)) {
            VV_TRY(take_frame(replay, in, &frame));
        } else {
            VV_TRY(handle_break(replay, in, &done));
        }
    }
    return VARVE_OK;
}

/* What a segment is read into. */
static size_t memory_bytes(const struct vv_wal_segment *segment)
{
    return (segment->file_bytes + VV_PAGES_SMALL_BYTES - 1) & ~(size_t)(VV_PAGES_SMALL_BYTES - 1);
}

static varve_status read_segment(struct replay *replay, struct segment_bytes *in, uint8_t **memory)
{
    const struct vv_env *env = replay->place->env;
    *memory = vv_pages_alloc(memory_bytes(in->segment)); /* large pages: few faults */
    if (*memory == NULL) {
        return vv_fail(replay->error, VARVE_NO_MEMORY, "no memory to replay %s", in->name);
    }
    int file = env->ops->open(env->ctx, replay->place->directory, in->name, VV_OPEN_READ);
    if (file == -ENOENT) {
        return VARVE_BUSY;
    }
    int result = file < 0 ? file : vv_env_read_all(env, file, *memory, in->segment->file_bytes, 0);
    if (file >= 0) {
        (void)env->ops->close(env->ctx, file);
    }
    if (result == -ENODATA) {
        return VARVE_BUSY; /* a writer cut it off meanwhile */
    }
    if (result != 0) {
        return vv_fail_io(replay->error, VARVE_IO, -result, in->name, 0,
                          "cannot read the log segment %s", in->name);
    }
    in->bytes = *memory;
    return VARVE_OK;
}

/* Replays segment number index of the list. */
static varve_status replay_segment(struct replay *replay, size_t index)
{
    struct vv_wal_segments *segments = &replay->recovery->segments;
    struct segment_bytes in = {.segment = &segments->list[index],
                               .is_last = index + 1 == segments->count};
    vv_wal_segment_name(in.segment->sequence, in.name);
    in.end_lsn = in.segment->first_lsn + in.segment->file_bytes - VV_WAL_SEGMENT_HEADER_BYTES;
    in.end_lsn -= in.end_lsn % VV_WAL_ALIGNMENT;
    in.limit_lsn = in.end_lsn;
    uint64_t next_lsn = UINT64_MAX;
    for (size_t later = index + 1; later < segments->count; later++) {
        if (segments->list[later].first_lsn < next_lsn) {
            next_lsn = segments->list[later].first_lsn;
        }
    }
    if (next_lsn < in.limit_lsn) {
        in.limit_lsn = next_lsn;
    }
    if (in.limit_lsn <= replay->position || in.limit_lsn <= in.segment->first_lsn) {
        return VARVE_OK; /* nothing of it counts any more */
    }
    if (in.segment->first_lsn > replay->position) {
        VV_TRY(damage(replay, in.name, 0, "what comes before it is missing", replay->position,
                      in.segment->first_lsn));
        replay->position = in.segment->first_lsn;
        replay->chain_known = false;
    }
    uint8_t *memory = NULL;
    varve_status status = read_segment(replay, &in, &memory);
    if (status == VARVE_OK) {
        status = replay_frames(replay, &in);
    }
    if (status == VARVE_OK && !in.is_last && replay->position < next_lsn &&
        next_lsn != UINT64_MAX) {
        in.segment->damaged = true;
        status = damage(replay, in.name, file_offset(&in, replay->position), "it is cut short",
                        replay->position, next_lsn);
        replay->position = next_lsn;
        replay->chain_known = false;
    }
    vv_pages_free(memory, memory_bytes(in.segment));
    return status;
}

varve_status vv_wal_replay(const struct vv_wal_place *place, uint64_t start_lsn, bool strict,
                           vv_wal_apply apply, void *context, const struct vv_report *report,
                           struct vv_wal_recovery *recovery, varve_error *error)
{
    *recovery = (struct vv_wal_recovery){
        .start_lsn = start_lsn, .end_lsn = start_lsn, .durable_lsn = start_lsn};
    struct replay replay = {
        .place = place,
        .strict = strict,
        .apply = apply,
        .context = context,
        .report = report,
        .recovery = recovery,
        .error = error,
        .position = start_lsn,
    };
    int listed = place->env->ops->list(place->env->ctx, place->directory, add_if_segment, recovery);
    if (listed != 0) {
        return vv_fail_io(error, vv_status_from_errno(-listed), -listed, NULL, 0,
                          "cannot list the directory of the log");
    }
    struct vv_wal_segments *segments = &recovery->segments;
    if (segments->count > 0) {
        qsort(segments->list, segments->count, sizeof(*segments->list), compare_sequences);
        recovery->sequence_max = segments->list[segments->count - 1].sequence;
    }
    size_t kept = 0;
    for (size_t i = 0; i < segments->count; i++) {
        bool usable;
        VV_TRY(load_header(&replay, &segments->list[i], &usable));
        if (usable) {
            segments->list[kept++] = segments->list[i];
        } else if (vv_wal_segments_add(&recovery->unusable, segments->list[i]) != VARVE_OK) {
            return vv_fail(error, VARVE_NO_MEMORY, "no memory to replay the log");
        }
    }
    segments->count = kept;
    for (size_t i = 0; i < segments->count; i++) {
        VV_TRY(replay_segment(&replay, i));
    }
    recovery->end_lsn = replay.position;
    recovery->end_checksum = replay.checksum;
    return VARVE_OK;
}

void vv_wal_recovery_fini(struct vv_wal_recovery *recovery)
{
    vv_free(recovery->segments.list);
    vv_free(recovery->unusable.list);
    recovery->segments = recovery->unusable = (struct vv_wal_segments){0};
}
