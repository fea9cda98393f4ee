/*
 * block_format.h - the byte layout of blocks as constants, shared by writer and reader.
 *
 * The layout itself, with a drawing of every record, is in BLOCK_FORMAT.md; names here are those
 * there.
 */
#ifndef VARVE_MMAP_BLOCK_FORMAT_H
#define VARVE_MMAP_BLOCK_FORMAT_H

#include <assert.h>
#include <stdint.h>

#include "base/bytes.h"
#include "compress/codec.h"

#define VV_BLOCK_MAGIC UINT64_C(0x4b4c424556524156) /* "VARVEBLK" as a little-endian number */
#define VV_BLOCK_FOOTER_MAGIC UINT64_C(0x444e454556524156) /* "VARVEEND" */

enum {
    VV_BLOCK_VERSION = 3,
    VV_BLOCK_VERSION_PLAIN = 1,   /* read: never with the sections of rollups */
    VV_BLOCK_VERSION_ROLLUPS = 2, /* read: always with them */
    VV_BLOCK_FLAG_COLD = 1,
    VV_BLOCK_HEADER_BYTES = 64,
    VV_BLOCK_FOOTER_BYTES = 128,
    VV_BLOCK_ALIGNMENT = 64,
    VV_BLOCK_PAGE_ENTRY_BYTES = 16,
    VV_BLOCK_SECTION_ENTRY_BYTES = 32,
    VV_BLOCK_PAGE_RECORDS = 1024,       /* records in every page of a record section but the last */
    VV_BLOCK_PAGE_BYTES_MAX = 1 << 18,  /* of a page, unpacked */
    VV_BLOCK_PLACE_BYTES_MAX = 1 << 14, /* of what lies at a place, less one */
    VV_BLOCK_HOT_PAGE_BYTES = 16384, /* a page of columns is closed when the next would not fit; */
    VV_BLOCK_COLD_PAGE_BYTES =
        65535, /* larger ones compress better, smaller ones cost a reader less */
    VV_BLOCK_TEXT_PAGE_BYTES = 16384,
    VV_BLOCK_BUCKET_SERIES = 8, /* hash index: series per bucket, on average 4 to 8 */
    VV_BLOCK_FINGERPRINT_BITS_MAX = 8,
};

#define VV_BLOCK_FILE_BYTES_MAX (UINT64_C(1) << 44) /* what a page entry can address */
#define VV_BLOCK_NONE UINT32_MAX

/* Sections, in the order of the section table. */
enum vv_block_section {
    VV_SECTION_VALUES,       /* bytes: encoded value columns */
    VV_SECTION_TIMES,        /* bytes: encoded timestamp columns */
    VV_SECTION_TEXT,         /* bytes: label names and values */
    VV_SECTION_ROWS,         /* bytes: label sets as bit-packed value numbers */
    VV_SECTION_TIME_COLUMNS, /* records from here on */
    VV_SECTION_CHUNKS,
    VV_SECTION_STATISTICS,
    VV_SECTION_LAYERS,
    VV_SECTION_SERIES,
    VV_SECTION_TOMBSTONES,
    VV_SECTION_NAMES,
    VV_SECTION_LABELS,
    VV_SECTION_SHAPES,
    VV_SECTION_SHAPE_NAMES,
    VV_SECTION_POSTINGS,
    VV_SECTION_BUCKETS,
    VV_SECTION_HASHES,
    VV_SECTION_ROLLUP_ROWS, /* bytes: rows of rollups, encoded; from here on with rollups only */
    VV_SECTION_ROLLUP_RUNS,
    VV_SECTION_ROLLUPS,
    VV_SECTION_COUNT,
    VV_SECTION_COUNT_PLAIN = VV_SECTION_ROLLUP_ROWS, /* without rollups */
    VV_SECTION_FIRST_RECORDS = VV_SECTION_TIME_COLUMNS,
};

/* How the bytes of a page are stored. */
enum vv_block_encoding {
    VV_ENCODING_RAW,    /* as they are used */
    VV_ENCODING_PACKED, /* records: field by field, by the column codecs */
    VV_ENCODING_ZSTD,   /* compressed */
    VV_ENCODING_PACKED_ZSTD,
    VV_ENCODING_COUNT,
};

/* Offsets in the header. */
enum {
    VV_HEADER_MAGIC = 0,
    VV_HEADER_VERSION = 8,
    VV_HEADER_FLAGS = 12,
    VV_HEADER_UUID = 16,
    VV_HEADER_ID = 32,
    VV_HEADER_LSN_MIN = 40,
    VV_HEADER_LSN_MAX = 48,
    VV_HEADER_SHARD = 56,
    VV_HEADER_CHECKSUM = 60,
};

/* Offsets in the footer. */
enum {
    VV_FOOTER_MAGIC = 0,
    VV_FOOTER_VERSION = 8,
    VV_FOOTER_SECTION_COUNT = 12,
    VV_FOOTER_TAIL_OFFSET = 16,
    VV_FOOTER_FILE_BYTES = 24,
    VV_FOOTER_SERIES_COUNT = 32,
    VV_FOOTER_CHUNK_COUNT = 40,
    VV_FOOTER_SAMPLE_COUNT = 48,
    VV_FOOTER_TOMBSTONE_COUNT = 56,
    VV_FOOTER_TIME_MIN = 64,
    VV_FOOTER_TIME_MAX = 72,
    VV_FOOTER_PAGE_COUNT = 80,
    VV_FOOTER_SET_COUNT = 84,
    VV_FOOTER_ROLLUP_SEQUENCE = 88, /* zero: no rollups */
    VV_FOOTER_ZEROS = 96,
    VV_FOOTER_CHECKSUM = 120,
};

/* Offsets in an entry of the page table and of the section table. */
enum {
    VV_PAGE_WHERE = 0, /* offset, encoding, unpacked bytes: see struct vv_page_where */
    VV_PAGE_STORED_BYTES = 8,
    VV_PAGE_CHECKSUM = 12,
};
enum {
    VV_SECTION_KIND = 0,
    VV_SECTION_RECORD_BYTES = 4,
    VV_SECTION_RECORD_COUNT = 8,
    VV_SECTION_FIRST_PAGE = 16,
    VV_SECTION_PAGE_COUNT = 20,
    VV_SECTION_ZEROS = 24,
};

/* Offsets in records. A "place" is a page, an offset in it and a length: see vv_place_pack(). */
enum {
    VV_TIME_COLUMN_MIN = 0,
    VV_TIME_COLUMN_MAX = 8,
    VV_TIME_COLUMN_PLACE = 16, /* length 0: an arithmetic sequence */
    VV_TIME_COLUMN_COUNT = 24,
    VV_TIME_COLUMN_BYTES = 28,
};
enum {
    VV_CHUNK_PLACE = 0,
    VV_CHUNK_TIME_COLUMN = 8,
    VV_CHUNK_BYTES = 12,
};
enum {
    VV_STATISTICS_MIN = 0,
    VV_STATISTICS_MAX = 8,
    VV_STATISTICS_SUM = 16,
    VV_STATISTICS_FIRST = 24,
    VV_STATISTICS_LAST = 32,
    VV_STATISTICS_INCREASE = 40,
    VV_STATISTICS_NAN_COUNT = 48,
    VV_STATISTICS_RESETS = 52,
    VV_STATISTICS_COUNT = 56,
    VV_STATISTICS_ZERO = 60,
    VV_STATISTICS_BYTES = 64, /* a cache line */
};
enum {
    VV_LAYER_FIRST_CHUNK = 0,
    VV_LAYER_POLICY = 4,
    VV_LAYER_SAMPLE_COUNT = 8,
    VV_LAYER_BYTES = 16,
};
enum {
    VV_SERIES_METRIC = 0, /* label of __name__, or VV_BLOCK_NONE */
    VV_SERIES_SET = 4,    /* its other labels */
    VV_SERIES_FIRST_LAYER = 8,
    VV_SERIES_FIRST_TOMBSTONE = 12,
    VV_SERIES_BYTES = 16,
};
enum {
    VV_TOMBSTONE_START = 0,
    VV_TOMBSTONE_END = 8,
    VV_TOMBSTONE_BYTES = 16,
};
enum {
    VV_NAME_PLACE = 0,
    VV_NAME_FIRST_LABEL = 8,
    VV_NAME_BYTES = 12,
};
enum {
    VV_LABEL_PLACE = 0,
    VV_LABEL_FIRST = 8,  /* of its postings; the series or set itself where the list is implicit */
    VV_LABEL_COUNT = 12, /* series of a metric, sets of another label */
    VV_LABEL_BYTES = 16,
};
enum {
    VV_SHAPE_FIRST_SET = 0,
    VV_SHAPE_FIRST_NAME = 4, /* in SHAPE_NAMES */
    VV_SHAPE_FIRST_PAGE = 8, /* in ROWS */
    VV_SHAPE_BYTES = 12,
};
enum {
    VV_ROLLUP_RUN_FIRST = 0, /* first timestamp of the samples in its rows, and the last */
    VV_ROLLUP_RUN_LAST = 8,
    VV_ROLLUP_RUN_PLACE = 16, /* of its rows */
    VV_ROLLUP_RUN_BYTES = 24,
};
enum {
    VV_ROLLUP_STEP = 0,
    VV_ROLLUP_ROW_COUNT = 8,
    VV_ROLLUP_LAYER = 16,
    VV_ROLLUP_FIRST_RUN = 20,
    VV_ROLLUP_BYTES = 24,
};

/* Bytes of a record; 0 for byte sections. */
static inline uint32_t vv_block_record_bytes(enum vv_block_section section)
{
    static const uint8_t bytes[VV_SECTION_COUNT] = {
        [VV_SECTION_TIME_COLUMNS] = VV_TIME_COLUMN_BYTES,
        [VV_SECTION_CHUNKS] = VV_CHUNK_BYTES,
        [VV_SECTION_STATISTICS] = VV_STATISTICS_BYTES,
        [VV_SECTION_LAYERS] = VV_LAYER_BYTES,
        [VV_SECTION_SERIES] = VV_SERIES_BYTES,
        [VV_SECTION_TOMBSTONES] = VV_TOMBSTONE_BYTES,
        [VV_SECTION_NAMES] = VV_NAME_BYTES,
        [VV_SECTION_LABELS] = VV_LABEL_BYTES,
        [VV_SECTION_SHAPES] = VV_SHAPE_BYTES,
        [VV_SECTION_SHAPE_NAMES] = sizeof(uint32_t),
        [VV_SECTION_POSTINGS] = sizeof(uint32_t),
        [VV_SECTION_BUCKETS] = sizeof(uint32_t),
        [VV_SECTION_HASHES] = sizeof(uint32_t),
        [VV_SECTION_ROLLUP_RUNS] = VV_ROLLUP_RUN_BYTES,
        [VV_SECTION_ROLLUPS] = VV_ROLLUP_BYTES,
    };
    return bytes[section];
}

static_assert(VV_BLOCK_PAGE_RECORDS * VV_STATISTICS_BYTES <= VV_BLOCK_PAGE_BYTES_MAX,
              "the largest page of records fits a page entry");
static_assert((int)VV_BLOCK_PAGE_RECORDS == (int)VV_COLUMN_MAX, "a field of a page is one column");
static_assert(VV_VALUES_BOUND(VV_COLUMN_MAX) <= (size_t)VV_BLOCK_HOT_PAGE_BYTES,
              "every column fits a page");
static_assert(VV_VALUES_BOUND(VV_COLUMN_MAX) < (size_t)VV_BLOCK_PLACE_BYTES_MAX,
              "the length of every column fits a place");

/* Where something lies in the pages of a byte section. */
struct vv_place {
    uint32_t page;
    uint32_t offset;
    uint32_t bytes;
};

/* 14 bits of length, 18 of offset, 32 of page, from the lowest. */
static inline uint64_t vv_place_pack(struct vv_place place)
{
    return (uint64_t)place.page << 32 | (uint64_t)place.offset << 14 | place.bytes;
}

static inline struct vv_place vv_place_unpack(uint64_t packed)
{
    return (struct vv_place){
        .page = (uint32_t)(packed >> 32),
        .offset = (uint32_t)(packed >> 14 & (VV_BLOCK_PAGE_BYTES_MAX - 1)),
        .bytes = (uint32_t)(packed & (VV_BLOCK_PLACE_BYTES_MAX - 1)),
    };
}

/* Where a page is and what it becomes. */
struct vv_page_where {
    uint64_t offset; /* in the file */
    enum vv_block_encoding encoding;
    uint32_t unpacked_bytes; /* 1 to VV_BLOCK_PAGE_BYTES_MAX */
};

/* 44 bits of offset, 2 of encoding, 18 of length - 1, from the lowest. */
static inline uint64_t vv_page_where_pack(struct vv_page_where where)
{
    return where.offset | (uint64_t)where.encoding << 44 |
           (uint64_t)(where.unpacked_bytes - 1) << 46;
}

static inline struct vv_page_where vv_page_where_unpack(uint64_t packed)
{
    return (struct vv_page_where){
        .offset = packed & (VV_BLOCK_FILE_BYTES_MAX - 1),
        .encoding = (enum vv_block_encoding)(packed >> 44 & 3),
        .unpacked_bytes = (uint32_t)(packed >> 46) + 1,
    };
}

/* Bits that number `count` values from 0; 0 for one value. */
static inline unsigned vv_block_bits(uint32_t count)
{
    return count <= 1 ? 0 : 32u - (unsigned)__builtin_clz(count - 1);
}

/* Bucket of a hash in a table of 1 << bucket_bits. */
static inline uint32_t vv_block_bucket(uint64_t hash, unsigned bucket_bits)
{
    return bucket_bits == 0 ? 0 : (uint32_t)(hash >> (64 - bucket_bits));
}

/* Lowest bits of a hash that stand beside a series id in the hash index of series_count series. */
static inline uint32_t vv_block_fingerprint_mask(uint32_t series_count)
{
    unsigned free_bits = 32 - vv_block_bits(series_count);
    unsigned bits =
        free_bits < VV_BLOCK_FINGERPRINT_BITS_MAX ? free_bits : VV_BLOCK_FINGERPRINT_BITS_MAX;
    return (1u << bits) - 1;
}

/* Doubles keep their bits, NaN payloads too. */
static inline void vv_block_store_double(uint8_t *bytes, double value)
{
    uint64_t bits;
    memcpy(&bits, &value, sizeof(bits));
    vv_store_u64(bytes, bits);
}

static inline double vv_block_load_double(const uint8_t *bytes)
{
    uint64_t bits = vv_load_u64(bytes);
    double value;
    memcpy(&value, &bits, sizeof(value));
    return value;
}

/* The record of a chunk's statistics. */
static inline struct vv_value_statistics vv_block_load_statistics(const uint8_t *record)
{
    return (struct vv_value_statistics){
        .count = vv_load_u32(record + VV_STATISTICS_COUNT),
        .nan_count = vv_load_u32(record + VV_STATISTICS_NAN_COUNT),
        .min = vv_block_load_double(record + VV_STATISTICS_MIN),
        .max = vv_block_load_double(record + VV_STATISTICS_MAX),
        .sum = vv_block_load_double(record + VV_STATISTICS_SUM),
        .first = vv_block_load_double(record + VV_STATISTICS_FIRST),
        .last = vv_block_load_double(record + VV_STATISTICS_LAST),
        .increase = vv_block_load_double(record + VV_STATISTICS_INCREASE),
        .resets = vv_load_u32(record + VV_STATISTICS_RESETS),
    };
}
static inline void vv_block_store_statistics(uint8_t record[VV_STATISTICS_BYTES],
                                             const struct vv_value_statistics *statistics)
{
    vv_block_store_double(record + VV_STATISTICS_MIN, statistics->min);
    vv_block_store_double(record + VV_STATISTICS_MAX, statistics->max);
    vv_block_store_double(record + VV_STATISTICS_SUM, statistics->sum);
    vv_block_store_double(record + VV_STATISTICS_FIRST, statistics->first);
    vv_block_store_double(record + VV_STATISTICS_LAST, statistics->last);
    vv_block_store_double(record + VV_STATISTICS_INCREASE, statistics->increase);
    vv_store_u32(record + VV_STATISTICS_NAN_COUNT, statistics->nan_count);
    vv_store_u32(record + VV_STATISTICS_RESETS, statistics->resets);
    vv_store_u32(record + VV_STATISTICS_COUNT, statistics->count);
    vv_store_u32(record + VV_STATISTICS_ZERO, 0);
}

#endif
