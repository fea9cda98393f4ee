/*
 * fuzz_wal_segment.c - a log of one to three whole segment files, any bytes: replaying it takes
 * bounded time, gives what was written in order, twice the same, and a writer can go on behind it.
 *
 *     input: | headers, frames left wrong (1 byte each) | end of file 1, of file 2 (2 bytes each) |
 *            | start LSN / 8 (1 byte) | 1 byte | file 1 | file 2 | file 3 |
 *
 * Checksums would keep the fuzzer out, so they are put right, up to the first bytes that are no
 * frame: what stands behind the last frame of a recycled segment stays as it is. A bit of the first
 * two bytes leaves one of them wrong: that of header or frame number so and so, modulo eight.
 */
#include <stdio.h>
#include <string.h>

#include "base/checksum.h"
#include "storage/log/wal.h"
#include "support/fuzz_disk.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

enum {
    HEAD_BYTES = 8,
    SEGMENTS = 3,
    SEGMENT_CHECKSUM_OFFSET = 56,
    SEGMENT_BYTES_MAX = 1 << 12,
};

static int64_t timestamps[VARVE_BATCH_MAX];
static double values[VARVE_BATCH_MAX];
static uint32_t refs[VARVE_BATCH_MAX];

/* ------------------------------------------------------------------------ Making it plausible */

struct repair {
    uint8_t headers_wrong;
    uint8_t frames_wrong;
    unsigned frame; /* number of the next one */
    uint64_t chain;
};

static void repair_frames(struct repair *repair, uint64_t sequence, uint8_t *bytes, size_t length)
{
    while (length >= VV_WAL_FRAME_HEADER_BYTES) {
        struct vv_wal_frame frame = {.lsn = vv_load_u64(bytes + 8),
                                     .durable_lsn = vv_load_u64(bytes + 16),
                                     .previous_checksum = repair->chain};
        uint32_t payload_bytes = vv_load_u32(bytes + VV_WAL_FRAME_SIZE_OFFSET);
        if (!vv_wal_frame_begins(bytes, length, frame.lsn) ||
            vv_wal_frame_bytes(payload_bytes) > length) {
            return;
        }
        if ((repair->frames_wrong >> repair->frame++ % 8 & 1) == 0) {
            vv_wal_frame_unseal(vv_checksum(bytes + VV_WAL_FRAME_HEADER_BYTES, payload_bytes, 0),
                                bytes);
            vv_wal_frame_seal(&frame, sequence, bytes);
            repair->chain = frame.checksum;
        }
        bytes += vv_wal_frame_bytes(payload_bytes);
        length -= vv_wal_frame_bytes(payload_bytes);
    }
}

static void repair_segment(struct repair *repair, unsigned number, uint8_t *bytes, size_t length)
{
    if (length < VV_WAL_SEGMENT_HEADER_BYTES) {
        return;
    }
    if ((repair->headers_wrong >> number & 1) == 0) {
        vv_store_u64(bytes + SEGMENT_CHECKSUM_OFFSET,
                     vv_checksum(bytes, SEGMENT_CHECKSUM_OFFSET, 0));
    }
    repair_frames(repair, number + 1, bytes + VV_WAL_SEGMENT_HEADER_BYTES,
                  length - VV_WAL_SEGMENT_HEADER_BYTES);
}

/* Writes the files of the input; the first three bits of its byte 7 leave one out. */
static void write_segments(const struct fuzz_disk *disk, const uint8_t *input, size_t length)
{
    struct repair repair = {.headers_wrong = input[0], .frames_wrong = input[1]};
    size_t begin = HEAD_BYTES;
    uint8_t *bytes = vv_alloc(length);
    VV_ASSERT(bytes != NULL);
    memcpy(bytes, input, length);
    for (unsigned number = 0; number < SEGMENTS; number++) {
        size_t end = number + 1 < SEGMENTS ? vv_load_u16(input + 2 + 2 * number) : length;
        char name[VV_WAL_NAME_BYTES];
        end = end < begin ? begin : end > length ? length : end;
        vv_wal_segment_name(number + 1, name);
        repair_segment(&repair, number, bytes + begin, end - begin);
        if ((input[7] >> number & 1) == 0 && end > begin) {
            fuzz_disk_write(disk, name, bytes + begin, end - begin);
        }
        begin = end;
    }
    vv_free(bytes);
}

/* ---------------------------------------------------------------------------- Replaying it */

struct replayed {
    uint64_t next_lsn; /* the next frame begins here or later */
    uint64_t frames;
    uint64_t digest; /* of all that was applied */
};

static varve_status read_series(const uint8_t *payload, size_t length)
{
    struct vv_reader reader = vv_reader_init(payload, length);
    struct vv_key key;
    uint32_t ref;
    bool done = false;
    varve_status status = VARVE_OK;
    while (status == VARVE_OK && !done) {
        status = vv_wal_series_decode(&reader, &ref, &key, &done);
    }
    return status;
}

static varve_status read_record(const struct vv_wal_frame *frame, const uint8_t *payload)
{
    struct vv_wal_samples samples = {.refs = refs, .timestamps = timestamps, .values = values};
    struct vv_wal_delete record;
    switch (frame->type) {
    case VV_WAL_SERIES:
        return read_series(payload, frame->payload_bytes);
    case VV_WAL_SAMPLES:
        return vv_wal_samples_decode(payload, frame->payload_bytes, &samples);
    case VV_WAL_DELETE:
        VV_TRY(vv_wal_delete_decode(payload, frame->payload_bytes, &record));
        vv_free(record.refs);
        return VARVE_OK;
    case VV_WAL_MARK:
        return VARVE_OK;
    default:
        return VARVE_CORRUPT;
    }
}

static varve_status apply(void *context, const struct vv_wal_frame *frame, const uint8_t *payload)
{
    struct replayed *replayed = context;
    VV_ASSERT(frame->lsn >= replayed->next_lsn && frame->lsn % VV_WAL_ALIGNMENT == 0);
    replayed->next_lsn = frame->lsn + vv_wal_frame_bytes(frame->payload_bytes);
    replayed->frames++;
    replayed->digest = vv_checksum(payload, frame->payload_bytes, replayed->digest ^ frame->lsn);
    return read_record(frame, payload);
}

static varve_status replay(const struct vv_wal_place *place, uint64_t start_lsn, bool strict,
                           struct replayed *replayed, struct vv_wal_recovery *recovery)
{
    static const struct vv_report nobody;
    varve_error error = {.status = VARVE_OK};
    *replayed = (struct replayed){.next_lsn = start_lsn};
    varve_status status =
        vv_wal_replay(place, start_lsn, strict, apply, replayed, &nobody, recovery, &error);
    VV_ASSERT(status == VARVE_OK || status == VARVE_CORRUPT || status == VARVE_VERSION);
    VV_ASSERT(recovery->frames <= replayed->frames);
    return status;
}

/* Appends a mark behind what was found, durably; what was found is found again, and the mark. */
static void check_going_on(const struct vv_wal_place *place, uint64_t start_lsn,
                           const struct replayed *before, struct vv_wal_recovery *recovery)
{
    static const struct vv_report nobody;
    static const struct vv_buffer empty;
    static _Alignas(64) struct vv_wal wal;
    struct vv_wal_options options = {.segment_bytes_max = SEGMENT_BYTES_MAX,
                                     .ring_bytes = VV_RING_BYTES_MIN};
    struct replayed after;
    uint64_t lsn;
    if (vv_wal_init(&wal, place, &options, recovery, &nobody) != VARVE_OK) {
        return; /* a position that no log comes to */
    }
    VV_ASSERT(vv_wal_append(&wal, VV_WAL_MARK, &empty, 0, &lsn) == VARVE_OK);
    VV_ASSERT(vv_wal_flush(&wal, lsn, VV_WAL_DURABLE) == VARVE_OK);
    VV_ASSERT(replay(place, start_lsn, false, &after, recovery) == VARVE_OK);
    VV_ASSERT(after.frames == before->frames + 1 && recovery->end_lsn == lsn);
    vv_wal_recovery_fini(recovery);
    vv_wal_drop(&wal, lsn);
    VV_ASSERT(vv_wal_close(&wal, lsn) == VARVE_OK);
    vv_wal_fini(&wal);
    VV_ASSERT(replay(place, lsn, true, &after, recovery) == VARVE_OK && after.frames == 0);
    vv_wal_recovery_fini(recovery);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    if (length < HEAD_BYTES) {
        return 0;
    }
    struct fuzz_disk disk = fuzz_disk_create();
    struct vv_wal_place place = {.env = disk.env, .directory = disk.directory};
    struct replayed first, second;
    struct vv_wal_recovery recovery;
    uint64_t start_lsn = VV_WAL_FIRST_LSN + (uint64_t)bytes[6] * VV_WAL_ALIGNMENT;
    write_segments(&disk, bytes, length);
    varve_status strictly = replay(&place, start_lsn, true, &first, &recovery);
    vv_wal_recovery_fini(&recovery);
    varve_status status = replay(&place, start_lsn, false, &second, &recovery);
    if (status == VARVE_OK) {
        VV_ASSERT(strictly == (recovery.damages > 0 ? VARVE_CORRUPT : VARVE_OK));
        VV_ASSERT(strictly != VARVE_OK ||
                  (second.frames == first.frames && second.digest == first.digest));
        VV_ASSERT(recovery.end_lsn >= second.next_lsn);
        VV_ASSERT(recovery.durable_lsn <= recovery.end_lsn);
        check_going_on(&place, start_lsn, &second, &recovery);
    } else { /* of a newer varve; strictly, damage may come first */
        VV_ASSERT(status == VARVE_VERSION && strictly != VARVE_OK);
    }
    vv_wal_recovery_fini(&recovery);
    fuzz_disk_destroy(&disk);
    return 0;
}
