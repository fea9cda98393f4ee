/*
 * block_chunk.c - chunks of a block: directory entries read and checked, columns decoded.
 *
 *   chunk record        | place of values | time column |
 *   time column record  | first | last | place of timestamps, or none | count |
 *
 * D1  A time column without a place is an arithmetic sequence: its timestamps are computed.
 * D2  What is decoded must agree with the directory: first and last timestamp.
 * Threads: any. Format: BLOCK_FORMAT.md.
 */
#include "mmap/block_reader.h"

static bool chunk_is_sane(const struct vv_block_chunk *chunk)
{
    if (chunk->count < 1 || chunk->count > VV_COLUMN_MAX || chunk->time_min > chunk->time_max ||
        chunk->time_max == INT64_MAX) {
        return false;
    }
    uint64_t distance = (uint64_t)chunk->time_max - (uint64_t)chunk->time_min;
    uint64_t steps = chunk->count - 1;
    if (steps == 0) {
        return distance == 0;
    }
    bool arithmetic = chunk->times.bytes == 0;
    return distance >= steps && (!arithmetic || distance % steps == 0);
}

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
    chunk->times = vv_place_unpack(vv_load_u64(record + VV_TIME_COLUMN_PLACE));
    chunk->count = vv_load_u32(record + VV_TIME_COLUMN_COUNT);
    return chunk_is_sane(chunk) ? VARVE_OK : VARVE_CORRUPT;
}

/* Two numbers in a vector register, which every machine has. */
typedef uint64_t pair __attribute__((vector_size(16)));

/* Computes an arithmetic sequence in vectors; out has room for VV_DECODE_ROOM(count). */
static void fill_evenly(int64_t *out, uint32_t count, uint64_t first, uint64_t step)
{
    pair a = {first, first + step};
    pair b = a + 2 * step;
    pair c = b + 2 * step;
    pair d = c + 2 * step;
    for (uint32_t index = 0; index < count; index += 8) {
        memcpy(out + index, &a, sizeof(a));
        memcpy(out + index + 2, &b, sizeof(b));
        memcpy(out + index + 4, &c, sizeof(c));
        memcpy(out + index + 6, &d, sizeof(d));
        a += 8 * step;
        b += 8 * step;
        c += 8 * step;
        d += 8 * step;
    }
}

varve_status vv_block_chunk_times(const struct vv_block *block, const struct vv_block_chunk *chunk,
                                  struct vv_block_hold *hold, int64_t *timestamps)
{
    if (chunk->times.bytes == 0) {
        uint64_t distance = (uint64_t)chunk->time_max - (uint64_t)chunk->time_min;
        uint64_t step = chunk->count > 1 ? distance / (chunk->count - 1) : 0;
        fill_evenly(timestamps, chunk->count, (uint64_t)chunk->time_min, step);
        return VARVE_OK;
    }
    const uint8_t *encoded;
    VV_TRY(vv_block_column(block, VV_SECTION_TIMES, chunk->times, hold, &encoded));
    VV_TRY(vv_timestamps_decode(encoded, chunk->times.bytes, chunk->count, timestamps));
    bool agree =
        timestamps[0] == chunk->time_min && timestamps[chunk->count - 1] == chunk->time_max;
    return agree ? VARVE_OK : VARVE_CORRUPT;
}

varve_status vv_block_chunk_values(const struct vv_block *block, const struct vv_block_chunk *chunk,
                                   struct vv_block_hold *hold, double *values)
{
    unsigned traits;
    return vv_block_chunk_values_traits(block, chunk, hold, values, &traits);
}

varve_status vv_block_chunk_values_traits(const struct vv_block *block,
                                          const struct vv_block_chunk *chunk,
                                          struct vv_block_hold *hold, double *values,
                                          unsigned *traits)
{
    const uint8_t *encoded;
    VV_TRY(vv_block_column(block, VV_SECTION_VALUES, chunk->values, hold, &encoded));
    return vv_values_decode_traits(encoded, chunk->values.bytes, chunk->count, values, traits);
}

varve_status vv_block_chunk_statistics(const struct vv_block *block, uint32_t index,
                                       struct vv_value_statistics *statistics)
{
    const uint8_t *record;
    VV_TRY(vv_block_record(block, VV_SECTION_STATISTICS, index, &record));
    *statistics = vv_block_load_statistics(record);
    return VARVE_OK;
}
