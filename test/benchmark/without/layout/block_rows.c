/*
 * block_rows.c - stands in for mmap/block_columns.c and mmap/block_chunk.c where columns are
 * switched off: a chunk is an array of rows, as it came.
 *
 *   chunk  | timestamp, value | timestamp, value | ...   16 bytes each, in pages of the section of
 *                                                        timestamps
 *
 * R1  Nothing is shared and nothing compressed, but for whole pages of cold blocks. Each chunk has
 *     a time column record of its own, which says where its rows are.
 * R2  1024 rows have 16,384 bytes, one more than a place can say: places say one less than there
 *     are.
 * Threads: as the files that it stands for.
 */
#include "mmap/block_columns.h"
#include "mmap/block_reader.h"

enum { ROW_BYTES = 16 };

/* ---------------------------------------------------------------------------------- writing */

varve_status vv_block_columns_init(struct vv_block_columns *columns, struct vv_block_pages *pages)
{
    columns->times = (struct vv_block_filler){.pages = pages,
                                              .section = VV_SECTION_TIMES,
                                              .page_bytes = pages->cold ? VV_BLOCK_COLD_PAGE_BYTES
                                                                        : VV_BLOCK_HOT_PAGE_BYTES};
    return VARVE_OK;
}

void vv_block_columns_fini(struct vv_block_columns *columns)
{
    vv_block_filler_fini(&columns->times);
    vv_buffer_fini(&columns->time_columns);
    vv_buffer_fini(&columns->chunks);
    vv_buffer_fini(&columns->statistics);
}

static varve_status add_statistics(struct vv_block_columns *columns, const double *values,
                                   size_t count)
{
    struct vv_value_statistics statistics;
    uint8_t record[VV_STATISTICS_BYTES];
    vv_values_statistics(values, count, &statistics);
    vv_block_store_statistics(record, &statistics);
    return vv_buffer_append(&columns->statistics, record, sizeof(record));
}

static varve_status add_records(struct vv_block_columns *columns, const int64_t *timestamps,
                                size_t count, struct vv_place place)
{
    uint8_t times[VV_TIME_COLUMN_BYTES] = {0};
    uint8_t chunk[VV_CHUNK_BYTES];
    place.bytes = (uint32_t)(count * ROW_BYTES - 1); /* R2 */
    vv_store_u64(times + VV_TIME_COLUMN_MIN, (uint64_t)timestamps[0]);
    vv_store_u64(times + VV_TIME_COLUMN_MAX, (uint64_t)timestamps[count - 1]);
    vv_store_u32(times + VV_TIME_COLUMN_COUNT, (uint32_t)count);
    vv_store_u64(times + VV_TIME_COLUMN_PLACE, vv_place_pack(place));
    vv_store_u64(chunk + VV_CHUNK_PLACE, vv_place_pack(place));
    vv_store_u32(chunk + VV_CHUNK_TIME_COLUMN,
                 (uint32_t)(columns->time_columns.length / VV_TIME_COLUMN_BYTES));
    VV_TRY(vv_buffer_append(&columns->time_columns, times, sizeof(times)));
    return vv_buffer_append(&columns->chunks, chunk, sizeof(chunk));
}

varve_status vv_block_columns_add(struct vv_block_columns *columns, const int64_t *timestamps,
                                  const double *values, size_t count, varve_error *error)
{
    uint8_t rows[VV_COLUMN_MAX * ROW_BYTES];
    struct vv_place place;
    for (size_t i = 0; i < count; i++) {
        vv_store_u64(rows + i * ROW_BYTES, (uint64_t)timestamps[i]);
        vv_block_store_double(rows + i * ROW_BYTES + 8, values[i]);
    }
    VV_TRY(vv_block_filler_put(&columns->times, rows, count * ROW_BYTES, &place, error));
    varve_status status = add_records(columns, timestamps, count, place);
    if (status == VARVE_OK) {
        status = add_statistics(columns, values, count);
    }
    return status == VARVE_OK ? status : vv_fail(error, status, "no memory to write a block");
}

varve_status vv_block_columns_place(struct vv_block_columns *columns,
                                    const struct vv_encoded_chunk *chunk, varve_error *error)
{
    int64_t timestamps[VV_DECODE_ROOM(VV_COLUMN_MAX)];
    double values[VV_DECODE_ROOM(VV_COLUMN_MAX)];
    vv_block_decode(chunk, timestamps, values);
    return vv_block_columns_add(columns, timestamps, values, chunk->count, error);
}

varve_status vv_block_columns_carry(struct vv_block_columns *columns, struct vv_block_carry *carry,
                                    const struct vv_carried_chunk *carried, varve_error *error)
{
    (void)columns;
    (void)carry;
    (void)carried;
    return vv_fail(error, VARVE_INVALID, "a block of rows has no pages of values");
}

varve_status vv_block_columns_flush(struct vv_block_columns *columns, varve_error *error)
{
    return vv_block_filler_flush(&columns->times, error);
}

/* ---------------------------------------------------------------------------------- reading */

varve_status vv_block_chunk_read(const struct vv_block *block, uint32_t index,
                                 struct vv_block_chunk *chunk)
{
    const uint8_t *record;
    VV_TRY(vv_block_record(block, VV_SECTION_CHUNKS, index, &record));
    chunk->values = vv_place_unpack(vv_load_u64(record + VV_CHUNK_PLACE));
    chunk->time_column = vv_load_u32(record + VV_CHUNK_TIME_COLUMN);
    VV_TRY(vv_block_record(block, VV_SECTION_TIME_COLUMNS, chunk->time_column, &record));
    chunk->time_min = (int64_t)vv_load_u64(record + VV_TIME_COLUMN_MIN);
    chunk->time_max = (int64_t)vv_load_u64(record + VV_TIME_COLUMN_MAX);
    chunk->times = chunk->values;
    chunk->count = vv_load_u32(record + VV_TIME_COLUMN_COUNT);
    bool is_sane = chunk->count >= 1 && chunk->count <= VV_COLUMN_MAX &&
                   chunk->values.bytes == chunk->count * ROW_BYTES - 1; /* R2 */
    return is_sane ? VARVE_OK : VARVE_CORRUPT;
}

varve_status vv_block_chunk_times(const struct vv_block *block, const struct vv_block_chunk *chunk,
                                  struct vv_block_hold *hold, int64_t *timestamps)
{
    const uint8_t *rows;
    VV_TRY(vv_block_column(block, VV_SECTION_TIMES, chunk->times, hold, &rows));
    for (size_t i = 0; i < chunk->count; i++) {
        timestamps[i] = (int64_t)vv_load_u64(rows + i * ROW_BYTES);
    }
    return VARVE_OK;
}

varve_status vv_block_chunk_values(const struct vv_block *block, const struct vv_block_chunk *chunk,
                                   struct vv_block_hold *hold, double *values)
{
    const uint8_t *rows;
    VV_TRY(vv_block_column(block, VV_SECTION_TIMES, chunk->values, hold, &rows));
    for (size_t i = 0; i < chunk->count; i++) {
        values[i] = vv_block_load_double(rows + i * ROW_BYTES + 8);
    }
    return VARVE_OK;
}

varve_status vv_block_chunk_values_traits(const struct vv_block *block,
                                          const struct vv_block_chunk *chunk,
                                          struct vv_block_hold *hold, double *values,
                                          unsigned *traits)
{
    *traits = 0;
    return vv_block_chunk_values(block, chunk, hold, values);
}

varve_status vv_block_chunk_statistics(const struct vv_block *block, uint32_t index,
                                       struct vv_value_statistics *statistics)
{
    const uint8_t *record;
    VV_TRY(vv_block_record(block, VV_SECTION_STATISTICS, index, &record));
    *statistics = vv_block_load_statistics(record);
    return VARVE_OK;
}
