/*
 * block_pack.c - records to columns and back: every field of a page is one column of integers.
 *
 *   records      | a b c | a b c | a b c |
 *   packed page  | length u16 | a a a | length u16 | b b b | length u16 | c c c |
 *
 * K1  A column is encoded as timestamps are: what is constant or regular costs a few bytes a page.
 * K2  A place becomes two columns: its length, and how far it is from where the last one ended,
 *     which is
 *     0 but for the first of a page and for columns that are stored once and used again.
 * K3  A field that is a number less another one of its record (the end of a time range) is kept as
 *     the difference.
 * Threads: pure functions. Format: BLOCK_FORMAT.md.
 */
#include "mmap/block_pack.h"

#include "mmap/block_statistics.h"

enum field_kind {
    FIELD_END, /* no more fields */
    FIELD_U32,
    FIELD_U64,
    FIELD_SPAN, /* 8 bytes, less the 8 bytes before */
    FIELD_PLACE,
};

struct field {
    uint8_t kind;
    uint8_t offset;
};

enum { FIELDS_MAX = 5 };

static const struct field fields[VV_SECTION_COUNT][FIELDS_MAX] = {
    [VV_SECTION_TIME_COLUMNS] = {{FIELD_U64, VV_TIME_COLUMN_MIN},
                                 {FIELD_SPAN, VV_TIME_COLUMN_MAX},
                                 {FIELD_PLACE, VV_TIME_COLUMN_PLACE},
                                 {FIELD_U32, VV_TIME_COLUMN_COUNT}},
    [VV_SECTION_CHUNKS] = {{FIELD_PLACE, VV_CHUNK_PLACE}, {FIELD_U32, VV_CHUNK_TIME_COLUMN}},
    [VV_SECTION_LAYERS] = {{FIELD_U32, VV_LAYER_FIRST_CHUNK},
                           {FIELD_U32, VV_LAYER_POLICY},
                           {FIELD_U64, VV_LAYER_SAMPLE_COUNT}},
    [VV_SECTION_SERIES] = {{FIELD_U32, VV_SERIES_METRIC},
                           {FIELD_U32, VV_SERIES_SET},
                           {FIELD_U32, VV_SERIES_FIRST_LAYER},
                           {FIELD_U32, VV_SERIES_FIRST_TOMBSTONE}},
    [VV_SECTION_TOMBSTONES] = {{FIELD_U64, VV_TOMBSTONE_START}, {FIELD_SPAN, VV_TOMBSTONE_END}},
    [VV_SECTION_NAMES] = {{FIELD_PLACE, VV_NAME_PLACE}, {FIELD_U32, VV_NAME_FIRST_LABEL}},
    [VV_SECTION_LABELS] = {{FIELD_PLACE, VV_LABEL_PLACE},
                           {FIELD_U32, VV_LABEL_FIRST},
                           {FIELD_U32, VV_LABEL_COUNT}},
    [VV_SECTION_SHAPES] = {{FIELD_U32, VV_SHAPE_FIRST_SET},
                           {FIELD_U32, VV_SHAPE_FIRST_NAME},
                           {FIELD_U32, VV_SHAPE_FIRST_PAGE}},
    [VV_SECTION_SHAPE_NAMES] = {{FIELD_U32, 0}},
    [VV_SECTION_POSTINGS] = {{FIELD_U32, 0}},
    [VV_SECTION_BUCKETS] = {{FIELD_U32, 0}},
    [VV_SECTION_HASHES] = {{FIELD_U32, 0}},
    [VV_SECTION_ROLLUP_RUNS] = {{FIELD_U64, VV_ROLLUP_RUN_FIRST},
                                {FIELD_SPAN, VV_ROLLUP_RUN_LAST},
                                {FIELD_PLACE, VV_ROLLUP_RUN_PLACE}},
    [VV_SECTION_ROLLUPS] = {{FIELD_U64, VV_ROLLUP_STEP},
                            {FIELD_U64, VV_ROLLUP_ROW_COUNT},
                            {FIELD_U32, VV_ROLLUP_LAYER},
                            {FIELD_U32, VV_ROLLUP_FIRST_RUN}},
};

static varve_status put_column(struct vv_buffer *out, int64_t *column, size_t count)
{
    VV_TRY(vv_buffer_reserve(out, 2 + VV_TIMESTAMPS_BOUND(count)));
    size_t length = vv_timestamps_encode(column, count, out->bytes + out->length + 2);
    vv_store_u16(out->bytes + out->length, (uint16_t)length);
    out->length += 2 + length;
    return VARVE_OK;
}

static varve_status get_column(struct vv_reader *reader, int64_t *column, size_t count)
{
    size_t length = vv_read_u16(reader);
    const uint8_t *encoded = vv_read_bytes(reader, length);
    return encoded != NULL ? vv_timestamps_decode(encoded, length, count, column) : VARVE_CORRUPT;
}

/* A place as one number that grows along the pages, and back. */
static uint64_t place_position(struct vv_place place)
{
    return (uint64_t)place.page * VV_BLOCK_PAGE_BYTES_MAX + place.offset;
}

static struct vv_place place_at(uint64_t position, uint32_t bytes)
{
    return (struct vv_place){(uint32_t)(position / VV_BLOCK_PAGE_BYTES_MAX),
                             (uint32_t)(position % VV_BLOCK_PAGE_BYTES_MAX), bytes};
}

static varve_status pack_places(const uint8_t *field, size_t record_bytes, size_t count,
                                struct vv_buffer *out)
{
    int64_t column[VV_COLUMN_MAX];
    uint64_t expected = 0;
    for (size_t index = 0; index < count; index++) {
        column[index] = vv_place_unpack(vv_load_u64(field + index * record_bytes)).bytes;
    }
    VV_TRY(put_column(out, column, count));
    for (size_t index = 0; index < count; index++) {
        struct vv_place place = vv_place_unpack(vv_load_u64(field + index * record_bytes));
        uint64_t position = place_position(place);
        column[index] = (int64_t)(position - expected);
        if (position + place.bytes > expected) {
            expected = position + place.bytes;
        }
    }
    return put_column(out, column, count);
}

static varve_status unpack_places(struct vv_reader *reader, uint8_t *field, size_t record_bytes,
                                  size_t count)
{
    int64_t lengths[VV_COLUMN_MAX];
    int64_t distances[VV_COLUMN_MAX];
    uint64_t expected = 0;
    VV_TRY(get_column(reader, lengths, count));
    VV_TRY(get_column(reader, distances, count));
    for (size_t index = 0; index < count; index++) {
        uint64_t position = expected + (uint64_t)distances[index];
        uint64_t bytes = (uint64_t)lengths[index];
        if (bytes >= VV_BLOCK_PLACE_BYTES_MAX || position >= (uint64_t)VV_BLOCK_PAGE_BYTES_MAX
                                                                 << 32) {
            return VARVE_CORRUPT;
        }
        vv_store_u64(field + index * record_bytes,
                     vv_place_pack(place_at(position, (uint32_t)bytes)));
        if (position + bytes > expected) {
            expected = position + bytes;
        }
    }
    return VARVE_OK;
}

static varve_status pack_field(struct field field, const uint8_t *records, size_t record_bytes,
                               size_t count, struct vv_buffer *out)
{
    int64_t column[VV_COLUMN_MAX];
    if (field.kind == FIELD_PLACE) {
        return pack_places(records + field.offset, record_bytes, count, out);
    }
    for (size_t index = 0; index < count; index++) {
        const uint8_t *at = records + index * record_bytes + field.offset;
        if (field.kind == FIELD_U32) {
            column[index] = vv_load_u32(at);
        } else {
            uint64_t before = field.kind == FIELD_SPAN ? vv_load_u64(at - sizeof(uint64_t)) : 0;
            column[index] = (int64_t)(vv_load_u64(at) - before);
        }
    }
    return put_column(out, column, count);
}

static varve_status unpack_field(struct field field, struct vv_reader *reader, uint8_t *records,
                                 size_t record_bytes, size_t count)
{
    int64_t column[VV_COLUMN_MAX];
    if (field.kind == FIELD_PLACE) {
        return unpack_places(reader, records + field.offset, record_bytes, count);
    }
    VV_TRY(get_column(reader, column, count));
    for (size_t index = 0; index < count; index++) {
        uint8_t *at = records + index * record_bytes + field.offset;
        if (field.kind == FIELD_U32) {
            vv_store_u32(at, (uint32_t)column[index]);
        } else {
            uint64_t before = field.kind == FIELD_SPAN ? vv_load_u64(at - sizeof(uint64_t)) : 0;
            vv_store_u64(at, (uint64_t)column[index] + before);
        }
    }
    return VARVE_OK;
}

varve_status vv_block_records_pack(enum vv_block_section section, const uint8_t *records,
                                   size_t count, struct vv_buffer *out)
{
    size_t record_bytes = vv_block_record_bytes(section);
    VV_ASSERT(count >= 1 && count <= VV_BLOCK_PAGE_RECORDS);
    vv_buffer_clear(out);
    if (section == VV_SECTION_STATISTICS) {
        return vv_block_statistics_pack(records, count, out);
    }
    for (size_t index = 0; fields[section][index].kind != FIELD_END; index++) {
        VV_TRY(pack_field(fields[section][index], records, record_bytes, count, out));
    }
    return VARVE_OK;
}

varve_status vv_block_records_unpack(enum vv_block_section section, const uint8_t *in,
                                     size_t length, size_t count, uint8_t *records)
{
    size_t record_bytes = vv_block_record_bytes(section);
    struct vv_reader reader = vv_reader_init(in, length);
    VV_ASSERT(count >= 1 && count <= VV_BLOCK_PAGE_RECORDS);
    if (section == VV_SECTION_STATISTICS) {
        return vv_block_statistics_unpack(in, length, count, records);
    }
    for (size_t index = 0; fields[section][index].kind != FIELD_END; index++) {
        VV_TRY(unpack_field(fields[section][index], &reader, records, record_bytes, count));
    }
    return vv_reader_left(&reader) == 0 ? VARVE_OK : VARVE_CORRUPT;
}
