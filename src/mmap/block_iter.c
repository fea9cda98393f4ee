/*
 * block_iter.c - the samples of one layer of a series, chunk by chunk.
 *
 *   chunks  | skipped: ends before from | decoded, cut at from and end | not reached: begins at end
 *   |
 *
 * L1  from is the first timestamp that is still wanted: the start of the range, the goal of a seek,
 *     or behind what was delivered. It only grows.
 * L2  Values are decoded only if a timestamp of their chunk is wanted.
 * L3  A chunk of which everything is wanted can be passed over instead, by who knows from peek()
 *     what its statistics say.
 * L4  Once rows of a rollup have been asked for, spans end where rows end: what is left of a
 *     decoded chunk is kept, and a row that was not taken costs its own samples and no other.
 * L5  Memory is constant, whatever the series: the iterator itself and the page that it reads,
 *     which it shares with others and holds until it needs another.
 * Threads: one at a time.
 */
#include "mmap/block_rollup.h"
#include "query/ranges.h"
#include "query/time_columns.h"

struct block_iter {
    struct vv_iter iter;
    struct vv_query_memory *memory; /* nullable */
    struct vv_block *block;
    uint32_t layer; /* its number */
    uint64_t sample_count;
    uint32_t first_chunk; /* of the layer */
    uint32_t chunk_end;
    uint32_t next_chunk;
    bool loaded; /* chunk is the entry of next_chunk */
    int64_t from;
    int64_t end;
    varve_status status;
    unsigned traits; /* of the last span */
    struct vv_block_chunk chunk;
    struct vv_block_chunk
        last; /* of the layer: asked for again and again by who wants the newest */
    struct vv_block_hold times_hold;
    struct vv_block_hold values_hold;
    bool asked_for_rows;
    struct vv_rollup_reader *rows; /* NULL: the layer has none that are of use */
    size_t left_first;             /* decoded samples that are left (L4) */
    size_t left_end;
    struct vv_time_column *shared_times; /* of the query; NULL: the column is in timestamps */
    const int64_t *times;                /* of the decoded chunk */
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

static varve_status read_chunk(const struct block_iter *self, uint32_t index,
                               struct vv_block_chunk *chunk)
{
    if (index + 1 == self->chunk_end) {
        *chunk = self->last;
        return VARVE_OK;
    }
    return vv_block_chunk_read(self->block, index, chunk);
}

/* Jumps over chunks that end before from: a seek may have gone far. */
static void skip_chunks(struct block_iter *self)
{
    uint32_t low = self->next_chunk + 1;
    uint32_t high = self->chunk_end;
    uint32_t middle = low; /* mostly it is the next one */
    while (low < high && self->status == VARVE_OK) {
        self->status = read_chunk(self, middle, &self->chunk);
        if (self->chunk.time_max < self->from) {
            low = middle + 1;
        } else {
            high = middle;
        }
        middle = low + (high - low) / 2;
    }
    self->next_chunk = low;
}

/* The next chunk that may hold wanted samples; false at the end of the range and on error. */
static bool find_chunk(struct block_iter *self)
{
    while (self->status == VARVE_OK && self->next_chunk < self->chunk_end) {
        if (!self->loaded) {
            self->status = read_chunk(self, self->next_chunk, &self->chunk);
            self->loaded = self->status == VARVE_OK;
            continue;
        }
        if (self->chunk.time_max < self->from) {
            self->loaded = false;
            skip_chunks(self);
            continue;
        }
        if (self->chunk.time_min >= self->end) {
            self->loaded = false;
            self->next_chunk = self->chunk_end;
        }
        return self->loaded;
    }
    return false;
}

static void leave_chunk(struct block_iter *self)
{
    self->loaded = false;
    self->next_chunk++;
}

static void count_decoded(const struct block_iter *self)
{
    if (self->memory != NULL) {
        struct vv_query_counts *counts = &self->memory->counts;
        counts->chunks_decoded++;
        counts->samples_read +=
            self->rows == NULL ? self->chunk.count : 0; /* else see hand_out() */
        counts->bytes_decoded += (uint64_t)self->chunk.times.bytes + self->chunk.values.bytes;
    }
}

/* The timestamps of the chunk: those that another series of the query had, or decoded now. */
static varve_status load_times(struct block_iter *self)
{
    const struct vv_block_chunk *chunk = &self->chunk;
    vv_time_column_release(self->shared_times);
    self->shared_times = NULL;
    if (self->memory != NULL && self->block->working_set != NULL) {
        self->shared_times = vv_time_column_acquire(self->memory, self->block->working_owner + 1,
                                                    chunk->time_column);
    }
    struct vv_time_column *shared = self->shared_times;
    int64_t *decoded = shared != NULL ? shared->timestamps : self->timestamps;
    if (shared == NULL || !shared->filled) {
        VV_TRY(vv_block_chunk_times(self->block, chunk, &self->times_hold, decoded));
    }
    if (shared != NULL) {
        shared->filled = true;
    }
    self->times = decoded;
    return VARVE_OK;
}

/* Hands out decoded samples [first, end), or those of them that belong to one row (L4). */
static varve_status hand_out(struct block_iter *self, size_t first, size_t end, varve_span *span)
{
    size_t cut = end;
    if (self->rows != NULL) {
        bool found;
        const struct vv_rollup_reader *rows = self->rows;
        VV_TRY(vv_rollup_reader_seek(self->rows, self->times[first], &found));
        if (!found || vv_rollup_run_time_min(&rows->run, rows->at) > self->times[first]) {
            return VARVE_CORRUPT; /* rows are of all samples */
        }
        int64_t time_max = vv_rollup_run_time_max(&rows->run, rows->at);
        cut = vv_timestamps_find(self->times, first, end, time_max + 1);
        if (self->memory != NULL) {
            self->memory->counts.samples_read += cut - first;
        }
    }
    *span = (varve_span){self->times + first, self->values + first, cut - first};
    self->from = self->times[cut - 1] + 1;
    self->left_first = cut;
    self->left_end = end;
    return VARVE_OK;
}

/* Whether decoded samples are left; those before from are not. */
static bool any_left(struct block_iter *self)
{
    if (self->left_first < self->left_end) {
        self->left_first =
            vv_timestamps_find(self->times, self->left_first, self->left_end, self->from);
    }
    return self->left_first < self->left_end;
}

/* Decodes the chunk and cuts it; the span is empty if none of its timestamps is wanted. */
static varve_status decode_chunk(struct block_iter *self, varve_span *span)
{
    const struct vv_block_chunk *chunk = &self->chunk;
    VV_TRY(load_times(self));
    size_t first = 0;
    size_t last = chunk->count;
    if (chunk->time_min < self->from) {
        first = lower_bound(self->times, chunk->count, self->from);
    }
    if (chunk->time_max >= self->end) {
        last = lower_bound(self->times, chunk->count, self->end);
    }
    if (first >= last) {
        span->count = 0;
        return VARVE_OK;
    }
    VV_TRY(vv_block_chunk_values_traits(self->block, chunk, &self->values_hold, self->values,
                                        &self->traits));
    count_decoded(self);
    return hand_out(self, first, last, span);
}

static bool iter_next_span(struct vv_iter *iter, varve_span *span)
{
    struct block_iter *self = (struct block_iter *)(void *)iter;
    varve_span found;
    if (self->status == VARVE_OK && any_left(self)) {
        self->status = hand_out(self, self->left_first, self->left_end, span);
        return self->status == VARVE_OK;
    }
    while (find_chunk(self)) {
        self->status = decode_chunk(self, &found);
        leave_chunk(self);
        if (self->status != VARVE_OK) {
            return false;
        }
        if (found.count > 0) {
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

static bool iter_peek(struct vv_iter *iter, struct vv_summary *summary)
{
    struct block_iter *self = (struct block_iter *)(void *)iter;
    if (any_left(self) || !find_chunk(self) || self->chunk.time_min < self->from ||
        self->chunk.time_max >= self->end) {
        return false;
    }
    summary->time_min = self->chunk.time_min;
    summary->time_max = self->chunk.time_max;
    self->status = vv_block_chunk_statistics(self->block, self->next_chunk, &summary->statistics);
    if (self->status == VARVE_OK && summary->statistics.count != self->chunk.count) {
        self->status = VARVE_CORRUPT;
    }
    return self->status == VARVE_OK;
}

static void iter_pass(struct vv_iter *iter)
{
    struct block_iter *self = (struct block_iter *)(void *)iter;
    VV_ASSERT(self->loaded);
    if (self->memory != NULL) {
        self->memory->counts.chunks_answered++;
        self->memory->counts.samples_answered += self->chunk.count;
    }
    self->from = self->chunk.time_max + 1;
    leave_chunk(self);
}

static struct vv_chunk_where iter_where(const struct vv_iter *iter)
{
    const struct block_iter *self = (const struct block_iter *)(const void *)iter;
    return (struct vv_chunk_where){.store = self->block, .index = self->next_chunk};
}

/* Looks for rows of the layer that are of use; status tells of failures. */
static void find_rows(struct block_iter *self, const struct vv_rollup_wish *wish)
{
    struct vv_rollup_level level;
    bool found = false;
    self->asked_for_rows = true;
    self->status =
        vv_block_rollup_choose(self->block, self->layer, self->sample_count, wish, &level, &found);
    if (found) {
        self->rows = vv_query_alloc_zeroed(self->memory, sizeof(*self->rows));
        if (self->rows == NULL) {
            self->status = vv_query_memory_status(self->memory);
        } else {
            vv_rollup_reader_init(self->rows, self->block, &level, wish);
        }
    }
}

static bool iter_peek_row(struct vv_iter *iter, const struct vv_rollup_wish *wish,
                          struct vv_rollup_row *row)
{
    struct block_iter *self = (struct block_iter *)(void *)iter;
    bool found;
    if (self->rows == NULL && self->asked_for_rows) {
        return false; /* mostly */
    }
    if (!self->asked_for_rows && self->status == VARVE_OK) {
        find_rows(self, wish);
    }
    if (self->rows == NULL || self->status != VARVE_OK) {
        return false;
    }
    struct vv_rollup_reader *rows = self->rows;
    self->status = vv_rollup_reader_seek(rows, self->from, &found);
    if (self->status != VARVE_OK || !found ||
        vv_rollup_run_time_min(&rows->run, rows->at) < self->from ||
        vv_rollup_run_time_max(&rows->run, rows->at) >= self->end) {
        return false;
    }
    vv_rollup_run_row(&rows->run, rows->at, row);
    return true;
}

/* The last sample of the layer, if it lies in the range. */
static bool iter_newest(struct vv_iter *iter, int64_t *timestamp, double *value)
{
    struct block_iter *self = (struct block_iter *)(void *)iter;
    struct vv_value_statistics statistics;
    if (self->status != VARVE_OK || self->last.time_max < self->from ||
        self->last.time_max >= self->end) {
        return false;
    }
    self->status = vv_block_chunk_statistics(self->block, self->chunk_end - 1, &statistics);
    if (self->status == VARVE_OK && statistics.count != self->last.count) {
        self->status = VARVE_CORRUPT;
    }
    *timestamp = self->last.time_max;
    *value = statistics.last;
    return self->status == VARVE_OK;
}

/* Adds up the statistics of all chunks; *known: there is no NaN among them. */
static varve_status add_up(const struct block_iter *self, struct vv_total *total, bool *known)
{
    struct vv_value_statistics statistics;
    *total = (struct vv_total){.numbers = vv_numbers_none()};
    *known = true;
    for (uint32_t index = self->first_chunk; index < self->chunk_end && *known; index++) {
        VV_TRY(vv_block_chunk_statistics(self->block, index, &statistics));
        total->first = index == self->first_chunk ? statistics.first : total->first;
        total->last = statistics.last;
        total->count += statistics.count;
        *known = statistics.nan_count == 0;
        const struct vv_numbers numbers = {.sum = statistics.sum,
                                           .min = statistics.min,
                                           .max = statistics.max,
                                           .count = statistics.count};
        vv_numbers_merge(&total->numbers, &numbers);
    }
    return !*known || total->count == self->sample_count ? VARVE_OK : VARVE_CORRUPT;
}

/* Where a layer has rows of rollups, those are fewer than its chunks: it is left to them. */
static bool iter_take_all(struct vv_iter *iter, struct vv_total *total)
{
    struct block_iter *self = (struct block_iter *)(void *)iter;
    bool known = false;
    if (self->status != VARVE_OK || !self->loaded || self->next_chunk != self->first_chunk ||
        self->chunk.time_min < self->from || self->last.time_max >= self->end ||
        self->block->info.identity.rollup_sequence != 0) {
        return false;
    }
    self->status = add_up(self, total, &known);
    if (self->status != VARVE_OK || !known) {
        return false;
    }
    total->first_time = self->chunk.time_min;
    total->last_time = self->last.time_max;
    if (self->memory != NULL) {
        self->memory->counts.chunks_answered += self->chunk_end - self->first_chunk;
        self->memory->counts.samples_answered += total->count;
    }
    self->from = self->last.time_max + 1;
    self->loaded = false;
    self->next_chunk = self->chunk_end;
    return true;
}

static unsigned iter_traits(const struct vv_iter *iter)
{
    return ((const struct block_iter *)(const void *)iter)->traits;
}

/* The number of chunks that begin before a time; layers are in time order. */
static uint32_t chunks_before(struct block_iter *self, int64_t before)
{
    uint32_t low = self->first_chunk;
    uint32_t high = self->chunk_end;
    /* Mostly the last one is looked for. */
    uint32_t middle = high - 1;
    while (low < high && self->status == VARVE_OK) {
        struct vv_block_chunk chunk;
        self->status = read_chunk(self, middle, &chunk);
        if (self->status == VARVE_OK && chunk.time_min < before) {
            low = middle + 1;
        } else {
            high = middle;
        }
        middle = low + (high - low) / 2;
    }
    return low - self->first_chunk;
}

static int64_t iter_window(struct vv_iter *iter, int64_t before)
{
    struct block_iter *self = (struct block_iter *)(void *)iter;
    struct vv_block_chunk chunk;
    uint32_t count = chunks_before(self, before);
    if (self->status != VARVE_OK || count == 0) {
        return INT64_MIN;
    }
    self->status = read_chunk(self, self->first_chunk + count - 1, &chunk);
    return self->status == VARVE_OK ? chunk.time_min : INT64_MIN;
}

static void iter_restart(struct vv_iter *iter, int64_t start, int64_t end)
{
    struct block_iter *self = (struct block_iter *)(void *)iter;
    /* The chunk that begins last at or before start: the first that may reach it. */
    uint32_t count = start == INT64_MIN ? 0 : chunks_before(self, start + 1);
    self->next_chunk = self->first_chunk + (count > 0 ? count - 1 : 0);
    self->loaded = false;
    self->from = start;
    self->end = end;
    self->left_end = self->left_first;
    if (self->rows != NULL) {
        vv_rollup_reader_restart(self->rows);
    }
}

static varve_status iter_status(const struct vv_iter *iter)
{
    return ((const struct block_iter *)(const void *)iter)->status;
}

static void release_rows(struct block_iter *self)
{
    if (self->rows != NULL) {
        vv_block_hold_release(&self->rows->hold);
        vv_query_free(self->memory, self->rows);
    }
}

static void iter_destroy(struct vv_iter *iter)
{
    struct block_iter *self = (struct block_iter *)(void *)iter;
    vv_time_column_release(self->shared_times);
    vv_block_hold_release(&self->times_hold);
    vv_block_hold_release(&self->values_hold);
    release_rows(self);
    vv_block_release(self->block);
    vv_query_free(self->memory, self);
}

static const struct vv_iter_ops iter_ops = {
    .next_span = iter_next_span,
    .seek = iter_seek,
    .peek = iter_peek,
    .pass = iter_pass,
    .where = iter_where,
    .peek_row = iter_peek_row,
    .traits = iter_traits,
    .newest = iter_newest,
    .take_all = iter_take_all,
    .window = iter_window,
    .restart = iter_restart,
    .status = iter_status,
    .destroy = iter_destroy,
};

/* An iterator of the block without a layer: used, if it is one, with the pages that it holds. */
static struct block_iter *obtain(struct vv_block *block, struct vv_query_memory *memory,
                                 struct vv_iter *used)
{
    struct block_iter *self = (struct block_iter *)(void *)used;
    if (used != NULL && used->ops == &iter_ops && self->block == block && self->memory == memory) {
        vv_time_column_release(self->shared_times);
        release_rows(self);
        return self;
    }
    vv_iter_destroy(used);
    self = vv_query_alloc(memory, sizeof(*self));
    if (self != NULL) {
        self->iter.ops = &iter_ops;
        self->memory = memory;
        self->block = block;
        self->times_hold = (struct vv_block_hold){0};
        self->values_hold = (struct vv_block_hold){0};
        vv_block_acquire(block);
    }
    return self;
}

static struct block_iter *create(struct vv_block *block, uint32_t index,
                                 const struct vv_block_layer *layer, struct vv_query_memory *memory,
                                 struct vv_iter *used)
{
    struct block_iter *self = obtain(block, memory, used);
    if (self == NULL) {
        return NULL;
    }
    self->first_chunk = layer->first_chunk;
    self->chunk_end = layer->first_chunk + layer->chunk_count;
    self->status = VARVE_OK;
    self->traits = 0;
    self->shared_times = NULL;
    self->layer = index;
    self->sample_count = layer->sample_count;
    self->asked_for_rows = block->info.identity.rollup_sequence == 0;
    self->rows = NULL;
    self->left_first = self->left_end = 0;
    if (memory != NULL) {
        memory->counts.chunks += layer->chunk_count;
    }
    return self;
}

/* A layer, its first and last chunk, and the first one that reaches into the range. */
static varve_status find_layer(const struct vv_block *block, uint32_t index, int64_t start,
                               struct vv_block_layer *layer, struct vv_block_chunk ends[2],
                               uint32_t *first_chunk)
{
    VV_TRY(vv_block_layer_read(block, index, layer));
    VV_TRY(vv_block_chunk_read(block, layer->first_chunk, &ends[0]));
    ends[1] = ends[0];
    *first_chunk = layer->first_chunk;
    if (layer->chunk_count > 1) {
        VV_TRY(vv_block_chunk_read(block, layer->first_chunk + layer->chunk_count - 1, &ends[1]));
    }
    return ends[0].time_max < start ? vv_block_layer_find(block, layer, start, first_chunk)
                                    : VARVE_OK;
}

varve_status vv_block_layer_open(struct vv_block *block, uint32_t index, struct vv_range range,
                                 struct vv_query_memory *memory, struct vv_iter *used,
                                 struct vv_merge_source *source)
{
    struct vv_block_layer layer;
    struct vv_block_chunk ends[2];
    uint32_t first_chunk;
    varve_status status = find_layer(block, index, range.start, &layer, ends, &first_chunk);
    if (status != VARVE_OK) {
        vv_iter_destroy(used);
        return status;
    }
    struct block_iter *self = create(block, index, &layer, memory, used);
    if (self == NULL) {
        return vv_query_memory_status(memory);
    }
    self->next_chunk = first_chunk;
    self->chunk = ends[0];
    self->last = ends[1];
    self->loaded = first_chunk == layer.first_chunk;
    self->from = range.start;
    self->end = range.end;
    *source = (struct vv_merge_source){
        .iter = &self->iter,
        .policy = layer.policy,
        .time_min = ends[0].time_min,
        .time_max = ends[1].time_max,
    };
    return VARVE_OK;
}

varve_status vv_block_layer_iter(struct vv_block *block, uint32_t id, unsigned layer, int64_t start,
                                 int64_t end, struct vv_merge_source *source)
{
    struct vv_block_series_record series;
    VV_ASSERT(id < block->info.series_count);
    VV_TRY(vv_block_series_read(block, id, &series));
    VV_ASSERT(layer < series.layer_count);
    return vv_block_layer_open(block, series.first_layer + layer, (struct vv_range){start, end},
                               NULL, NULL, source);
}
