/*
 * block_iter.c - the samples of one layer of a series, chunk by chunk.
 *
 *   chunks  | skipped: ends before from | decoded, cut at from and end | not reached: begins at end
 *   |
 *
 * L1  from is the first timestamp that is still wanted: the start of the range, the goal of a seek,
 *     or behind what was delivered. It only grows.
 * L2  Values are decoded only if a timestamp of their chunk is wanted.
 * L3  Memory is constant, whatever the series: the iterator itself and the page that it reads,
 *     which it shares with others and holds until it needs another.
 * Threads: one at a time.
 */
#include "mmap/block_reader.h"
#include "os/alloc.h"

struct block_iter {
    struct vv_iter iter;
    struct vv_block *block;
    uint32_t next_chunk;
    uint32_t chunk_end;
    int64_t from;
    int64_t end;
    varve_status status;
    struct vv_block_hold times_hold;
    struct vv_block_hold values_hold;
    int64_t timestamps[VV_COLUMN_MAX];
    double values[VV_COLUMN_MAX];
};

/* First index whose timestamp is not before the bound. */
static size_t lower_bound(const int64_t *timestamps, size_t count, int64_t bound)
{
    size_t low = 0;
    size_t high = count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (timestamps[middle] < bound) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

/* Decodes a chunk and cuts it; the span is empty if none of its timestamps is wanted. */
static varve_status decode_chunk(struct block_iter *self, const struct vv_block_chunk *chunk,
                                 varve_span *span)
{
    VV_TRY(vv_block_chunk_times(self->block, chunk, &self->times_hold, self->timestamps));
    size_t first = 0;
    size_t last = chunk->count;
    if (chunk->time_min < self->from) {
        first = lower_bound(self->timestamps, chunk->count, self->from);
    }
    if (chunk->time_max >= self->end) {
        last = lower_bound(self->timestamps, chunk->count, self->end);
    }
    if (first >= last) {
        span->count = 0;
        return VARVE_OK;
    }
    VV_TRY(vv_block_chunk_values(self->block, chunk, &self->values_hold, self->values));
    *span = (varve_span){self->timestamps + first, self->values + first, last - first};
    self->from = self->timestamps[last - 1] + 1;
    return VARVE_OK;
}

/* The next chunk that may hold wanted samples; false at the end of the range and on error. */
static bool next_chunk(struct block_iter *self, struct vv_block_chunk *chunk)
{
    while (self->next_chunk < self->chunk_end) {
        self->status = vv_block_chunk_read(self->block, self->next_chunk, chunk);
        if (self->status != VARVE_OK) {
            return false;
        }
        if (chunk->time_min >= self->end) {
            self->next_chunk = self->chunk_end;
            return false;
        }
        self->next_chunk++;
        if (chunk->time_max >= self->from) {
            return true;
        }
    }
    return false;
}

static bool iter_next_span(struct vv_iter *iter, varve_span *span)
{
    struct block_iter *self = (struct block_iter *)(void *)iter;
    struct vv_block_chunk chunk;
    varve_span found;
    while (self->status == VARVE_OK && next_chunk(self, &chunk)) {
        self->status = decode_chunk(self, &chunk, &found);
        if (self->status == VARVE_OK && found.count > 0) {
            *span = found;
            return true;
        }
    }
    return false;
}

static void iter_seek(struct vv_iter *iter, int64_t timestamp)
{
    struct block_iter *self = (struct block_iter *)(void *)iter;
    if (timestamp > self->from) {
        self->from = timestamp;
    }
}

static varve_status iter_status(const struct vv_iter *iter)
{
    return ((const struct block_iter *)(const void *)iter)->status;
}

static void iter_destroy(struct vv_iter *iter)
{
    struct block_iter *self = (struct block_iter *)(void *)iter;
    vv_block_hold_release(&self->times_hold);
    vv_block_hold_release(&self->values_hold);
    vv_block_release(self->block);
    vv_free(self);
}

static const struct vv_iter_ops iter_ops = {
    .next_span = iter_next_span,
    .seek = iter_seek,
    .status = iter_status,
    .destroy = iter_destroy,
};

varve_status vv_block_layer_iter(struct vv_block *block, uint32_t id, unsigned layer, int64_t start,
                                 int64_t end, struct vv_merge_source *source)
{
    struct vv_block_series_record series;
    struct vv_block_layer found;
    struct vv_block_chunk first;
    struct vv_block_chunk last;
    uint32_t first_chunk;
    VV_ASSERT(id < block->info.series_count);
    VV_TRY(vv_block_series_read(block, id, &series));
    VV_ASSERT(layer < series.layer_count);
    VV_TRY(vv_block_layer_read(block, series.first_layer + layer, &found));
    uint32_t chunk_end = found.first_chunk + found.chunk_count;
    VV_TRY(vv_block_chunk_read(block, found.first_chunk, &first));
    last = first;
    if (found.chunk_count > 1) {
        VV_TRY(vv_block_chunk_read(block, chunk_end - 1, &last));
    }
    first_chunk = found.first_chunk;
    if (first.time_max < start) {
        VV_TRY(vv_block_layer_find(block, &found, start, &first_chunk));
    }
    struct block_iter *self = vv_alloc(sizeof(*self));
    if (self == NULL) {
        return VARVE_NO_MEMORY;
    }
    self->iter.ops = &iter_ops;
    self->block = block;
    self->next_chunk = first_chunk;
    self->chunk_end = chunk_end;
    self->from = start;
    self->end = end;
    self->status = VARVE_OK;
    self->times_hold = (struct vv_block_hold){0};
    self->values_hold = (struct vv_block_hold){0};
    vv_block_acquire(block);
    *source = (struct vv_merge_source){
        .iter = &self->iter,
        .policy = found.policy,
        .time_min = first.time_min,
        .time_max = last.time_max,
    };
    return VARVE_OK;
}
