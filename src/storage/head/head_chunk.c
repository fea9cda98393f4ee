/*
 * head_chunk.c - sealing samples of the head, and iterating over sealed ones.
 *
 *   chunk: | header, statistics | timestamp column | value column | padding for wide loads |
 *
 * C1  A chunk never changes; whoever holds a reference may read it without a lock.
 * C2  Its bytes come from our own encoder and have never left memory: failing to decode them is a
 *     programmer error and asserted.
 * Thread: an iterator belongs to one thread at a time.
 */
#include "storage/head/head_chunk.h"

#include <string.h>

#include "os/alloc.h"
#include "storage/head/head_line.h"

struct vv_head_chunk *vv_head_chunk_create(const int64_t *timestamps, const double *values,
                                           size_t count)
{
    VV_ASSERT(count >= 1 && count <= VV_COLUMN_MAX);
    uint8_t encoded[VV_TIMESTAMPS_BOUND(VV_COLUMN_MAX) + VV_VALUES_BOUND(VV_COLUMN_MAX)];
    struct vv_encoded_chunk made = {
        .count = (uint32_t)count, .time_min = timestamps[0], .time_max = timestamps[count - 1]};
    made.times = vv_block_encode_times(timestamps, count, encoded);
    made.values =
        vv_block_encode_values(values, count, encoded + made.times.length, made.statistics);
    size_t length = made.times.length + made.values.length;
    struct vv_head_chunk *chunk = vv_alloc(sizeof(*chunk) + length + VV_DECODE_PADDING);
    if (chunk == NULL) {
        return NULL;
    }
    chunk->encoded = made;
    chunk->encoded.times.bytes = chunk->bytes;
    chunk->encoded.values.bytes = chunk->bytes + made.times.length;
    atomic_init(&chunk->references, 1);
    memcpy(chunk->bytes, encoded, length);
    memset(chunk->bytes + length, 0, VV_DECODE_PADDING);
    return chunk;
}

void vv_head_chunk_release(struct vv_head_chunk *chunk)
{
    if (atomic_fetch_sub_explicit(&chunk->references, 1, memory_order_acq_rel) == 1) {
        vv_free(chunk);
    }
}

size_t vv_head_chunk_bytes(const struct vv_head_chunk *chunk)
{
    return sizeof(*chunk) + chunk->encoded.times.length + chunk->encoded.values.length +
           VV_DECODE_PADDING;
}

struct head_iter {
    struct vv_iter iter;
    struct vv_query_memory *memory;
    int64_t start; /* seek() moves it forward */
    int64_t end;
    size_t next_chunk;
    size_t chunk_count;
    size_t tail_count;
    bool tail_done;
    int64_t *timestamps; /* decode buffers, then the tail's copy; in this allocation */
    double *values;
    int64_t *tail_timestamps;
    double *tail_values;
    struct vv_head_chunk *chunks[];
};

/* First index of sorted timestamps that is >= timestamp. */
static size_t lower_bound(const int64_t *timestamps, size_t count, int64_t timestamp)
{
    size_t low = 0, high = count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (timestamps[middle] < timestamp) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

/* The part of sorted samples in [start, end); end INT64_MAX is beyond every timestamp. */
static bool cut(const struct head_iter *it, const int64_t *timestamps, const double *values,
                size_t count, varve_span *span)
{
    size_t first = lower_bound(timestamps, count, it->start);
    size_t last = lower_bound(timestamps, count, it->end);
    if (first >= last) {
        return false;
    }
    *span = (varve_span){timestamps + first, values + first, last - first};
    return true;
}

static void count_samples(const struct head_iter *it, size_t count)
{
    if (it->memory != NULL) {
        it->memory->counts.samples_read += count;
    }
}

static bool head_iter_next_span(struct vv_iter *iter, varve_span *span)
{
    struct head_iter *it = (struct head_iter *)iter;
    while (it->next_chunk < it->chunk_count) {
        const struct vv_encoded_chunk *chunk = &it->chunks[it->next_chunk++]->encoded;
        if (chunk->time_max < it->start || chunk->time_min >= it->end) {
            continue;
        }
        vv_block_decode(chunk, it->timestamps, it->values);
        count_samples(it, chunk->count);
        if (cut(it, it->timestamps, it->values, chunk->count, span)) {
            return true;
        }
    }
    if (it->tail_done) {
        return false;
    }
    /* A tail of late samples may be longer than a span. */
    if (!cut(it, it->tail_timestamps, it->tail_values, it->tail_count, span)) {
        it->tail_done = true;
        return false;
    }
    if (span->count > VV_SPAN_MAX) {
        span->count = VV_SPAN_MAX;
        it->start = span->timestamps[VV_SPAN_MAX];
    } else {
        it->tail_done = true;
    }
    count_samples(it, span->count);
    return true;
}

static bool head_iter_peek(struct vv_iter *iter, struct vv_summary *summary)
{
    struct head_iter *it = (struct head_iter *)iter;
    while (it->next_chunk < it->chunk_count) {
        const struct vv_encoded_chunk *chunk = &it->chunks[it->next_chunk]->encoded;
        if (chunk->time_max >= it->start) {
            *summary = (struct vv_summary){chunk->time_min, chunk->time_max,
                                           vv_block_load_statistics(chunk->statistics)};
            return chunk->time_min >= it->start && chunk->time_max < it->end;
        }
        it->next_chunk++;
    }
    return false;
}

static void head_iter_pass(struct vv_iter *iter)
{
    struct head_iter *it = (struct head_iter *)iter;
    if (it->memory != NULL) {
        it->memory->counts.samples_answered += it->chunks[it->next_chunk]->encoded.count;
    }
    it->next_chunk++;
}

static struct vv_chunk_where head_iter_where(const struct vv_iter *iter)
{
    const struct head_iter *it = (const struct head_iter *)iter;
    return (struct vv_chunk_where){.encoded = &it->chunks[it->next_chunk]->encoded};
}

/* The newest samples of the tail in pieces of a span, then chunk by chunk. */
static int64_t head_iter_window(struct vv_iter *iter, int64_t before)
{
    struct head_iter *it = (struct head_iter *)iter;
    size_t count = lower_bound(it->tail_timestamps, it->tail_count, before);
    if (count > 0) {
        return it->tail_timestamps[count > VV_SPAN_MAX ? count - VV_SPAN_MAX : 0];
    }
    for (size_t at = it->chunk_count; at > 0; at--) {
        if (it->chunks[at - 1]->encoded.time_min < before) {
            return it->chunks[at - 1]->encoded.time_min;
        }
    }
    return INT64_MIN;
}

static void head_iter_restart(struct vv_iter *iter, int64_t start, int64_t end)
{
    struct head_iter *it = (struct head_iter *)iter;
    it->start = start;
    it->end = end;
    it->next_chunk = 0;
    it->tail_done = false;
}

static void head_iter_seek(struct vv_iter *iter, int64_t timestamp)
{
    struct head_iter *it = (struct head_iter *)iter;
    if (timestamp > it->start) {
        it->start = timestamp;
    }
}

static varve_status head_iter_status(const struct vv_iter *iter)
{
    (void)iter;
    return VARVE_OK;
}

static void head_iter_destroy(struct vv_iter *iter)
{
    struct head_iter *it = (struct head_iter *)iter;
    for (size_t i = 0; i < it->chunk_count; i++) {
        vv_head_chunk_release(it->chunks[i]);
    }
    vv_query_free(it->memory, it);
}

static const struct vv_iter_ops head_iter_ops = {
    .next_span = head_iter_next_span,
    .seek = head_iter_seek,
    .peek = head_iter_peek,
    .pass = head_iter_pass,
    .where = head_iter_where,
    .window = head_iter_window,
    .restart = head_iter_restart,
    .status = head_iter_status,
    .destroy = head_iter_destroy,
};

varve_status vv_head_iter_create(struct vv_head_chunk *const *chunks, size_t chunk_count,
                                 const struct vv_tail_part *tail, int64_t start, int64_t end,
                                 struct vv_query_memory *memory, struct vv_iter **iter)
{
    size_t tail_count = tail->sample_count;
    size_t longest = 0;
    for (size_t i = 0; i < chunk_count; i++) {
        longest = chunks[i]->encoded.count > longest ? chunks[i]->encoded.count : longest;
    }
    size_t room = VV_DECODE_ROOM(longest);
    size_t bytes = sizeof(struct head_iter) + chunk_count * sizeof(chunks[0]);
    struct head_iter *it =
        vv_query_alloc(memory, bytes + (room + tail_count) * 2 * sizeof(int64_t));
    if (it == NULL) {
        for (size_t i = 0; i < chunk_count; i++) {
            vv_head_chunk_release(chunks[i]);
        }
        return vv_query_memory_status(memory);
    }
    int64_t *arrays = (int64_t *)(void *)((char *)it + bytes);
    *it = (struct head_iter){
        .iter = {&head_iter_ops},
        .memory = memory,
        .start = start,
        .end = end,
        .chunk_count = chunk_count,
        .tail_count = tail_count,
        .timestamps = arrays,
        .values = (double *)(void *)(arrays + room),
        .tail_timestamps = arrays + 2 * room,
        .tail_values = (double *)(void *)(arrays + 2 * room + tail_count),
    };
    if (chunk_count > 0) {
        memcpy(it->chunks, chunks, chunk_count * sizeof(chunks[0]));
    }
    size_t left = tail_count;
    for (size_t i = 0; i < tail->extent_count; i++) {
        left -= vv_extent_samples(tail->extents[i]);
        vv_extent_copy(tail->extents[i], it->tail_timestamps + left, it->tail_values + left);
    }
    *iter = &it->iter;
    return VARVE_OK;
}
