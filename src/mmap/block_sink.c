/*
 * block_sink.c - encoded chunks of a series, one behind the other in memory that grows.
 */
#include "mmap/block_sink.h"

void vv_block_sink_fini(struct vv_block_sink *sink)
{
    vv_buffer_fini(&sink->tombstones);
    vv_buffer_fini(&sink->chunks);
    vv_buffer_fini(&sink->bytes);
}

varve_status vv_block_sink_add_tombstone(struct vv_block_sink *sink, struct vv_range range)
{
    return vv_buffer_append(&sink->tombstones, &range, sizeof(range));
}

varve_status vv_block_sink_add_chunk(struct vv_block_sink *sink, unsigned layer,
                                     varve_duplicates policy, const int64_t *timestamps,
                                     const double *values, size_t count)
{
    VV_ASSERT(count >= 1 && count <= VV_COLUMN_MAX);
    struct vv_sunk_chunk chunk = {.layer = layer, .policy = policy};
    struct vv_encoded_chunk *encoded = &chunk.encoded;
    if (!vv_block_times_increase(timestamps, count)) {
        return VARVE_INVALID;
    }
    VV_TRY(vv_buffer_reserve(&sink->bytes, VV_TIMESTAMPS_BOUND(count) + VV_VALUES_BOUND(count)));
    encoded->count = (uint32_t)count;
    encoded->time_min = timestamps[0];
    encoded->time_max = timestamps[count - 1];
    chunk.times_at = sink->bytes.length;
    encoded->times =
        vv_block_encode_times(timestamps, count, sink->bytes.bytes + sink->bytes.length);
    sink->bytes.length += encoded->times.length;
    chunk.values_at = sink->bytes.length;
    encoded->values = vv_block_encode_values(values, count, sink->bytes.bytes + sink->bytes.length,
                                             encoded->statistics);
    sink->bytes.length += encoded->values.length;
    return vv_buffer_append(&sink->chunks, &chunk, sizeof(chunk));
}

varve_status vv_block_sink_add_encoded(struct vv_block_sink *sink, unsigned layer,
                                       varve_duplicates policy,
                                       const struct vv_encoded_chunk *encoded)
{
    struct vv_sunk_chunk chunk = {.layer = layer, .policy = policy, .encoded = *encoded};
    chunk.times_at = sink->bytes.length;
    VV_TRY(vv_buffer_append(&sink->bytes, encoded->times.bytes, encoded->times.length));
    chunk.values_at = sink->bytes.length;
    VV_TRY(vv_buffer_append(&sink->bytes, encoded->values.bytes, encoded->values.length));
    return vv_buffer_append(&sink->chunks, &chunk, sizeof(chunk));
}

struct vv_sunk_chunk vv_block_sink_chunk_at(const struct vv_block_sink *sink, size_t index)
{
    struct vv_sunk_chunk chunk;
    memcpy(&chunk, sink->chunks.bytes + index * sizeof(chunk), sizeof(chunk));
    chunk.encoded.times.bytes = sink->bytes.bytes + chunk.times_at;
    chunk.encoded.values.bytes = sink->bytes.bytes + chunk.values_at;
    return chunk;
}
