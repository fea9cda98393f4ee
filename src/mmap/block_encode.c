/*
 * block_encode.c - columns to bytes, and the statistics of their values to a record.
 */
#include "mmap/block_encode.h"

#include "base/checksum.h"

bool vv_block_times_increase(const int64_t *timestamps, size_t count)
{
    bool increases = true;
    for (size_t index = 1; index < count; index++) {
        increases &= timestamps[index - 1] < timestamps[index];
    }
    return increases;
}

static bool is_arithmetic(const int64_t *timestamps, size_t count)
{
    uint64_t step = count > 1 ? (uint64_t)timestamps[1] - (uint64_t)timestamps[0] : 0;
    uint64_t differing = 0;
    for (size_t index = 1; index < count; index++) {
        differing |= (uint64_t)timestamps[index] - (uint64_t)timestamps[index - 1] - step;
    }
    return differing == 0;
}

struct vv_encoded_column vv_block_encode_times(const int64_t *timestamps, size_t count,
                                               uint8_t *room)
{
    struct vv_encoded_column column = {.bytes = room};
    if (is_arithmetic(timestamps, count)) {
        const int64_t ends[2] = {timestamps[0], timestamps[count - 1]};
        column.hash = vv_checksum(ends, sizeof(ends), count);
        return column;
    }
    column.length = (uint32_t)vv_timestamps_encode(timestamps, count, room);
    column.hash = vv_hash(room, column.length);
    return column;
}

static void write_statistics(const double *values, size_t count, uint8_t *record)
{
    struct vv_value_statistics statistics;
    vv_values_statistics(values, count, &statistics);
    vv_block_store_statistics(record, &statistics);
}

struct vv_encoded_column vv_block_encode_values(const double *values, size_t count, uint8_t *room,
                                                uint8_t *statistics)
{
    struct vv_encoded_column column = {.bytes = room};
    write_statistics(values, count, statistics);
    column.length = (uint32_t)vv_values_encode(values, count, room);
    column.hash = vv_hash(room, column.length);
    return column;
}

void vv_block_decode(const struct vv_encoded_chunk *chunk, int64_t *timestamps, double *values)
{
    varve_status status =
        vv_values_decode(chunk->values.bytes, chunk->values.length, chunk->count, values);
    VV_ASSERT(status == VARVE_OK);
    if (chunk->times.length > 0) {
        status =
            vv_timestamps_decode(chunk->times.bytes, chunk->times.length, chunk->count, timestamps);
        VV_ASSERT(status == VARVE_OK);
        return;
    }
    uint64_t distance = (uint64_t)chunk->time_max - (uint64_t)chunk->time_min;
    uint64_t step = chunk->count > 1 ? distance / (chunk->count - 1) : 0;
    for (uint32_t index = 0; index < chunk->count; index++) {
        timestamps[index] = (int64_t)((uint64_t)chunk->time_min + index * step);
    }
}
