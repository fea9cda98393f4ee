/*
 * block_summary.c - what the directory and the statistics of a block say about chunks.
 *
 * For functions that need no samples where a chunk lies wholly inside a step. Threads: any.
 */
#include "mmap/block_reader.h"

varve_status vv_block_layer_chunks(const struct vv_block *block, uint32_t id, unsigned layer,
                                   int64_t start, int64_t end, struct vv_summary *summaries,
                                   size_t capacity, size_t *count)
{
    struct vv_block_series_record series;
    struct vv_block_layer found;
    uint32_t chunk;
    size_t written = 0;
    VV_ASSERT(id < block->info.series_count && capacity >= 1);
    VV_TRY(vv_block_series_read(block, id, &series));
    VV_ASSERT(layer < series.layer_count);
    VV_TRY(vv_block_layer_read(block, series.first_layer + layer, &found));
    VV_TRY(vv_block_layer_find(block, &found, start, &chunk));
    for (; chunk - found.first_chunk < found.chunk_count && written < capacity; chunk++) {
        struct vv_block_chunk entry;
        struct vv_summary *summary = &summaries[written];
        VV_TRY(vv_block_chunk_read(block, chunk, &entry));
        if (entry.time_min >= end) {
            break;
        }
        summary->time_min = entry.time_min;
        summary->time_max = entry.time_max;
        VV_TRY(vv_block_chunk_statistics(block, chunk, &summary->statistics));
        if (summary->statistics.count != entry.count) {
            return VARVE_CORRUPT;
        }
        written++;
    }
    *count = written;
    return VARVE_OK;
}
