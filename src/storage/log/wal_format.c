/*
 * wal_format.c - headers of the log: segments and frames. Bytes: WAL_FORMAT.md.
 *
 * Pure functions. Whatever comes from disk is checked before it is believed.
 */
#include "storage/log/wal_format.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/checksum.h"
#include "storage/log/ring.h"

static const char segment_magic[8] = {'V', 'A', 'R', 'V', 'E', 'W', 'A', 'L'};
static const char name_prefix[] = "wal-";
static const char spare_suffix[] = ".spare";

enum { SEQUENCE_DIGITS = 16, SEGMENT_CHECKSUM_OFFSET = 56 };
enum { FLAG_RECYCLED = 1 };

void vv_wal_segment_name(uint64_t sequence, char *name)
{
    (void)snprintf(name, VV_WAL_NAME_BYTES, "%s%016" PRIx64, name_prefix, sequence);
}

void vv_wal_spare_name(uint64_t sequence, char *name)
{
    vv_wal_segment_name(sequence, name);
    memcpy(name + strlen(name), spare_suffix, sizeof(spare_suffix));
}

bool vv_wal_is_spare_name(const char *name)
{
    char segment_name[VV_WAL_NAME_BYTES];
    size_t length = strlen(name), suffix = sizeof(spare_suffix) - 1;
    if (length < suffix || length - suffix >= sizeof(segment_name) ||
        strcmp(name + length - suffix, spare_suffix) != 0) {
        return false;
    }
    memcpy(segment_name, name, length - suffix);
    segment_name[length - suffix] = '\0';
    uint64_t sequence;
    return vv_wal_segment_sequence(segment_name, &sequence);
}

bool vv_wal_segment_sequence(const char *name, uint64_t *sequence)
{
    size_t prefix_length = sizeof(name_prefix) - 1;
    if (strlen(name) != prefix_length + SEQUENCE_DIGITS ||
        memcmp(name, name_prefix, prefix_length) != 0) {
        return false;
    }
    uint64_t value = 0;
    for (const char *digit = name + prefix_length; *digit != '\0'; digit++) {
        if (*digit >= '0' && *digit <= '9') {
            value = value << 4 | (uint64_t)(*digit - '0');
        } else if (*digit >= 'a' && *digit <= 'f') {
            value = value << 4 | (uint64_t)(*digit - 'a' + 10);
        } else {
            return false;
        }
    }
    *sequence = value;
    return true;
}

void vv_wal_segment_header_encode(const struct vv_wal_segment_header *header,
                                  uint8_t out[VV_WAL_SEGMENT_HEADER_BYTES])
{
    memcpy(out, segment_magic, sizeof(segment_magic));
    vv_store_u16(out + 8, VV_WAL_VERSION);
    vv_store_u16(out + 10, header->recycled ? FLAG_RECYCLED : 0);
    vv_store_u32(out + 12, header->shard);
    memcpy(out + 16, header->database_uuid, sizeof(header->database_uuid));
    vv_store_u64(out + 32, header->sequence);
    vv_store_u64(out + 40, header->first_lsn);
    vv_store_u64(out + 48, header->previous_checksum);
    vv_store_u64(out + SEGMENT_CHECKSUM_OFFSET, vv_checksum(out, SEGMENT_CHECKSUM_OFFSET, 0));
}

varve_status vv_wal_segment_header_decode(const uint8_t in[VV_WAL_SEGMENT_HEADER_BYTES],
                                          struct vv_wal_segment_header *header)
{
    if (memcmp(in, segment_magic, sizeof(segment_magic)) != 0 ||
        vv_load_u64(in + SEGMENT_CHECKSUM_OFFSET) != vv_checksum(in, SEGMENT_CHECKSUM_OFFSET, 0)) {
        return VARVE_CORRUPT;
    }
    uint16_t version = vv_load_u16(in + 8), flags = vv_load_u16(in + 10);
    if (version != VV_WAL_VERSION || flags > FLAG_RECYCLED) {
        return VARVE_VERSION;
    }
    header->recycled = flags == FLAG_RECYCLED;
    header->shard = vv_load_u32(in + 12);
    memcpy(header->database_uuid, in + 16, sizeof(header->database_uuid));
    header->sequence = vv_load_u64(in + 32);
    header->first_lsn = vv_load_u64(in + 40);
    header->previous_checksum = vv_load_u64(in + 48);
    bool sane = header->first_lsn >= VV_WAL_FIRST_LSN &&
                header->first_lsn % VV_WAL_ALIGNMENT == 0 &&
                header->first_lsn <= VV_RING_POSITION_MAX; /* no sum of LSN and size overflows */
    return sane ? VARVE_OK : VARVE_CORRUPT;
}

void vv_wal_frame_unseal(uint64_t payload_checksum, uint8_t header[VV_WAL_FRAME_HEADER_BYTES])
{
    vv_store_u64(header + VV_WAL_FRAME_CHECKSUM_OFFSET, payload_checksum);
}

/* The whole header with the checksum of the payload in the place of its own: so the long part can
 * be computed before the frame has its place. */
static uint64_t frame_checksum(const uint8_t header[VV_WAL_FRAME_HEADER_BYTES], uint64_t sequence)
{
    return vv_checksum(header, VV_WAL_FRAME_HEADER_BYTES, sequence);
}

void vv_wal_frame_seal(struct vv_wal_frame *frame, uint64_t sequence,
                       uint8_t header[VV_WAL_FRAME_HEADER_BYTES])
{
    vv_store_u64(header + 8, frame->lsn);
    vv_store_u64(header + 16, frame->durable_lsn);
    vv_store_u64(header + 24, frame->previous_checksum);
    frame->checksum = frame_checksum(header, sequence);
    vv_store_u64(header + VV_WAL_FRAME_CHECKSUM_OFFSET, frame->checksum);
}

bool vv_wal_frame_begins(const uint8_t *bytes, uint64_t available, uint64_t lsn)
{
    return available >= VV_WAL_FRAME_HEADER_BYTES && vv_load_u32(bytes) == VV_WAL_FRAME_MAGIC &&
           vv_load_u64(bytes + 8) == lsn;
}

bool vv_wal_frame_open(const uint8_t *bytes, uint64_t available, uint64_t lsn, uint64_t sequence,
                       struct vv_wal_frame *frame)
{
    if (!vv_wal_frame_begins(bytes, available, lsn)) {
        return false;
    }
    uint32_t payload_bytes = vv_load_u32(bytes + 4);
    uint64_t durable_lsn = vv_load_u64(bytes + 16);
    if (payload_bytes > VV_WAL_PAYLOAD_BYTES_MAX || vv_wal_frame_bytes(payload_bytes) > available ||
        durable_lsn > lsn) { /* believed, it would make what is appended next durable unwritten */
        return false;
    }
    uint64_t checksum = vv_load_u64(bytes + VV_WAL_FRAME_CHECKSUM_OFFSET);
    uint8_t header[VV_WAL_FRAME_HEADER_BYTES];
    memcpy(header, bytes, sizeof(header));
    vv_wal_frame_unseal(vv_checksum(bytes + sizeof(header), payload_bytes, 0), header);
    if (checksum != frame_checksum(header, sequence)) {
        return false;
    }
    *frame = (struct vv_wal_frame){
        .lsn = lsn,
        .durable_lsn = durable_lsn,
        .previous_checksum = vv_load_u64(bytes + 24),
        .checksum = checksum,
        .payload_bytes = payload_bytes,
        .sample_count = vv_load_u32(bytes + VV_WAL_FRAME_COUNT_OFFSET),
        .type = vv_load_u16(bytes + VV_WAL_FRAME_TYPE_OFFSET),
    };
    return true;
}
