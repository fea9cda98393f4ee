/*
 * wal_format.h - constants, headers and records of the log. Bytes: WAL_FORMAT.md.
 *
 * Pure functions over bytes, shared by the writing and the replaying side.
 */
#ifndef VARVE_STORAGE_WAL_FORMAT_H
#define VARVE_STORAGE_WAL_FORMAT_H

#include "base/bytes.h"
#include "base/status.h"
#include "index/key.h"
#include "pool/buffer.h"

enum {
    VV_WAL_VERSION = 2,
    VV_WAL_SEGMENT_HEADER_BYTES = 64,
    VV_WAL_FRAME_HEADER_BYTES = 48,
    VV_WAL_FRAME_SIZE_OFFSET = 4,   /* of the payload's size in a frame header */
    VV_WAL_FRAME_CHAIN_OFFSET = 24, /* of the checksum of the frame before */
    VV_WAL_FRAME_COUNT_OFFSET = 32,
    VV_WAL_FRAME_TYPE_OFFSET = 36,
    VV_WAL_FRAME_CHECKSUM_OFFSET = 40,
    VV_WAL_FRAME_MAGIC = 0x4d524656, /* "VFRM" */
    VV_WAL_ALIGNMENT = 8,
    VV_WAL_FIRST_LSN = 8,
    VV_WAL_PAYLOAD_BYTES_MAX = 64 << 20, /* a frame that says more is not one */
    VV_WAL_DELETE_SERIES_MAX = 16 << 20, /* in one record: a run of refs takes few bytes */
    VV_WAL_NAME_BYTES = 24,              /* "wal-%016llx" and its NUL */
    VV_WAL_SPARE_NAME_BYTES = 32,
};
_Static_assert(VV_WAL_SEGMENT_HEADER_BYTES % VV_WAL_ALIGNMENT == 0, "frames start aligned");
_Static_assert(VV_WAL_FRAME_HEADER_BYTES % VV_WAL_ALIGNMENT == 0, "payloads start aligned");

enum vv_wal_record_type {
    VV_WAL_SERIES = 1,
    VV_WAL_SAMPLES = 2,
    VV_WAL_DELETE = 3,
    VV_WAL_MARK = 4,
};

/* How a column of integers is written. */
enum { VV_WAL_COLUMN_RUNS = 1, VV_WAL_COLUMN_STEPS = 2 };

struct vv_wal_segment_header {
    uint8_t database_uuid[16];
    uint32_t shard;
    uint64_t sequence;
    uint64_t first_lsn;
    uint64_t previous_checksum;
    bool recycled; /* frames of an earlier segment stand in the file, instead of zeros */
};

struct vv_wal_frame {
    uint64_t lsn; /* of its first byte */
    uint64_t durable_lsn;
    uint64_t previous_checksum;
    uint64_t checksum;
    uint32_t payload_bytes;
    uint32_t sample_count;
    uint16_t type;
};

/* Bytes of a frame with its padding. */
static inline uint64_t vv_wal_frame_bytes(uint32_t payload_bytes)
{
    return ((uint64_t)VV_WAL_FRAME_HEADER_BYTES + payload_bytes + VV_WAL_ALIGNMENT - 1) &
           ~(uint64_t)(VV_WAL_ALIGNMENT - 1);
}

/* The file name of a segment; name holds VV_WAL_NAME_BYTES. */
void vv_wal_segment_name(uint64_t sequence, char *name);
/* The same with ".spare" behind it, a dropped segment that waits to be overwritten; name holds
 * VV_WAL_SPARE_NAME_BYTES. */
void vv_wal_spare_name(uint64_t sequence, char *name);
bool vv_wal_is_spare_name(const char *name);
/* False if name is not that of a segment. */
bool vv_wal_segment_sequence(const char *name, uint64_t *sequence);

void vv_wal_segment_header_encode(const struct vv_wal_segment_header *header,
                                  uint8_t out[VV_WAL_SEGMENT_HEADER_BYTES]);
/* CORRUPT: magic or checksum are wrong; VERSION: another one, or with flags that are newer. */
varve_status vv_wal_segment_header_decode(const uint8_t in[VV_WAL_SEGMENT_HEADER_BYTES],
                                          struct vv_wal_segment_header *header) VARVE_MUST_CHECK;

/* The header of a frame that has no place yet: what its producer knows. payload_checksum:
 * vv_checksum() of the payload with seed 0. */
static inline void vv_wal_frame_prepare(enum vv_wal_record_type type, uint32_t payload_bytes,
                                        uint32_t sample_count, uint64_t payload_checksum,
                                        uint8_t header[VV_WAL_FRAME_HEADER_BYTES])
{
    memset(header, 0, VV_WAL_FRAME_HEADER_BYTES);
    vv_store_u32(header, VV_WAL_FRAME_MAGIC);
    vv_store_u32(header + VV_WAL_FRAME_SIZE_OFFSET, payload_bytes);
    vv_store_u32(header + VV_WAL_FRAME_COUNT_OFFSET, sample_count);
    vv_store_u16(header + VV_WAL_FRAME_TYPE_OFFSET, (uint16_t)type);
    vv_store_u64(header + VV_WAL_FRAME_CHECKSUM_OFFSET, payload_checksum);
}
/* Completes a prepared header with lsn, durable_lsn and previous_checksum of frame, for the segment
 * of that sequence; fills frame->checksum. */
void vv_wal_frame_seal(struct vv_wal_frame *frame, uint64_t sequence,
                       uint8_t header[VV_WAL_FRAME_HEADER_BYTES]);
/* The checksum of the frame before, of a sealed header. */
static inline uint64_t vv_wal_frame_previous(const uint8_t header[VV_WAL_FRAME_HEADER_BYTES])
{
    return vv_load_u64(header + VV_WAL_FRAME_CHAIN_OFFSET);
}
/* Makes a prepared header of a sealed one, to be sealed again. */
void vv_wal_frame_unseal(uint64_t payload_checksum, uint8_t header[VV_WAL_FRAME_HEADER_BYTES]);

/**
 * vv_wal_frame_open() - whether an intact frame stands at bytes.
 *
 * Checks magic, LSN, size, durable LSN and checksum; the chain is the caller's to compare.
 * @available  bytes that may be read.
 */
bool vv_wal_frame_open(const uint8_t *bytes, uint64_t available, uint64_t lsn, uint64_t sequence,
                       struct vv_wal_frame *frame);

/* Whether the first bytes of a frame with that LSN stand at bytes, intact or not. */
bool vv_wal_frame_begins(const uint8_t *bytes, uint64_t available, uint64_t lsn);

/* ---- records: encoders append the payload to out; decoders: CORRUPT for what is no record ---- */

varve_status vv_wal_series_encode(uint32_t ref, struct vv_key key,
                                  struct vv_buffer *out) VARVE_MUST_CHECK;
/* The next definition of a series record; OK with *done at its end. key points into the payload and
 * is a valid key. */
varve_status vv_wal_series_decode(struct vv_reader *payload, uint32_t *ref, struct vv_key *key,
                                  bool *done) VARVE_MUST_CHECK;

/* Columns of a batch, of count entries each. */
struct vv_wal_samples {
    varve_duplicates policy;
    size_t count;
    uint32_t *refs;
    int64_t *timestamps;
    double *values;
    bool even_refs; /* known: all steps between them are equal; encoding need not find out */
    bool even_times;
};

/* All but the values: they follow as they lie in memory, see struct vv_wal_record. */
varve_status vv_wal_samples_encode(const struct vv_wal_samples *samples,
                                   struct vv_buffer *out) VARVE_MUST_CHECK;
/* The columns of samples have room for VARVE_BATCH_MAX entries. */
varve_status vv_wal_samples_decode(const uint8_t *payload, size_t length,
                                   struct vv_wal_samples *samples) VARVE_MUST_CHECK;

struct vv_wal_delete {
    int64_t start;
    int64_t end;
    size_t count;
    uint32_t *refs; /* after decode: from vv_alloc, to be freed by the caller; NULL if count is 0 */
};

varve_status vv_wal_delete_encode(const struct vv_wal_delete *record,
                                  struct vv_buffer *out) VARVE_MUST_CHECK;
varve_status vv_wal_delete_decode(const uint8_t *payload, size_t length,
                                  struct vv_wal_delete *record) VARVE_MUST_CHECK;

#endif
