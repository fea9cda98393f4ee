/*
 * head_read.c - the head as sources of a merge.
 *
 *   run: [c0 c1 c2][c3 overlaps c2][tail]   -->  source (c0 c1 c2), source (c3), source or end of
 *   it: tail
 *
 * S1  Consecutive chunks that ascend in time are one source; in-order data, tail included, is one
 *     source.
 * S2  Sources stand in log order. A generation's tombstones stand with its first source, because
 *     within the generation they were applied when they came.
 * Thread: under the series' lock; what is handed out needs none.
 */
#include <string.h>

#include "os/alloc.h"
#include "storage/head.h"
#include "storage/head_chunk.h"
#include "storage/head_line.h"

void vv_source_list_fini(struct vv_source_list *sources)
{
    for (size_t i = 0; i < sources->count; i++) {
        vv_iter_destroy(sources->list[i].iter);
    }
    vv_free(sources->list);
    *sources = (struct vv_source_list){0};
}

varve_status vv_source_list_add(struct vv_source_list *sources, struct vv_merge_source source)
{
    if (sources->count == sources->capacity) {
        size_t capacity = sources->capacity == 0 ? 8 : sources->capacity * 2;
        void *list = vv_realloc(sources->list, capacity * sizeof(*sources->list));
        if (list == NULL) {
            vv_iter_destroy(source.iter);
            return VARVE_NO_MEMORY;
        }
        sources->list = list;
        sources->capacity = capacity;
    }
    sources->list[sources->count++] = source;
    return VARVE_OK;
}

/* Adds one source of chunks [first, last) and, if with_tail, the tail. */
static varve_status add_layer(const struct vv_run *run, uint32_t first, uint32_t last,
                              bool with_tail, int64_t start, int64_t end,
                              struct vv_source_list *sources)
{
    const struct vv_tail *tail = &run->tail;
    size_t tail_count = with_tail ? tail->count : 0;
    if (first == last && tail_count == 0) {
        return VARVE_OK;
    }
    struct vv_merge_source source = {.policy = run->policy};
    source.time_min = first < last ? run->chunks[first]->time_min : tail->timestamps[0];
    source.time_max =
        tail_count > 0 ? tail->timestamps[tail_count - 1] : run->chunks[last - 1]->time_max;
    if (source.time_max < start || source.time_min >= end) {
        return VARVE_OK;
    }
    for (uint32_t i = first; i < last; i++) {
        atomic_fetch_add_explicit(&run->chunks[i]->references, 1, memory_order_relaxed);
    }
    struct vv_head_chunk *const *chunks = first < last ? run->chunks + first : NULL;
    VV_TRY(vv_head_iter_create(chunks, last - first, tail->timestamps, tail->values, tail_count,
                               start, end, &source.iter));
    return vv_source_list_add(sources, source);
}

static varve_status add_run(const struct vv_run *run, int64_t start, int64_t end,
                            struct vv_source_list *sources)
{
    uint32_t first = 0;
    for (uint32_t i = 1; i < run->chunk_count; i++) {
        if (run->chunks[i]->time_min <= run->chunks[i - 1]->time_max) {
            VV_TRY(add_layer(run, first, i, false, start, end, sources));
            first = i;
        }
    }
    bool tail_follows = run->tail.count > 0 && run->chunk_count > 0 &&
                        run->tail.timestamps[0] > run->chunks[run->chunk_count - 1]->time_max;
    if (run->chunk_count == 0 || tail_follows) {
        return add_layer(run, first, run->chunk_count, true, start, end, sources);
    }
    VV_TRY(add_layer(run, first, run->chunk_count, false, start, end, sources));
    return add_layer(run, run->chunk_count, run->chunk_count, true, start, end, sources);
}

/* Adds a source for the tombstones of one generation, which stand in ranges. */
static varve_status add_tombstones(const struct vv_series *series, uint64_t generation,
                                   struct vv_range *ranges, size_t *used,
                                   struct vv_source_list *sources)
{
    size_t first = *used;
    for (uint32_t i = 0; i < series->tombstone_count; i++) {
        if (series->tombstones[i].generation == generation) {
            ranges[(*used)++] = series->tombstones[i].range;
        }
    }
    if (*used == first) {
        return VARVE_OK;
    }
    struct vv_merge_source source = {.policy = VARVE_DUPLICATES_LAST,
                                     .time_min = INT64_MAX,
                                     .time_max = INT64_MIN,
                                     .tombstones = ranges + first,
                                     .tombstone_count = *used - first};
    return vv_source_list_add(sources, source);
}

/* The next generation after this one that has runs or tombstones; false if there is none up to
 * up_to. */
static bool next_generation(const struct vv_series *series, uint64_t after, uint64_t up_to,
                            uint64_t *generation)
{
    uint64_t next = UINT64_MAX;
    for (const struct vv_run *run = series->oldest_run; run != NULL; run = run->newer) {
        if (run->generation > after && run->generation < next) {
            next = run->generation;
        }
    }
    for (uint32_t i = 0; i < series->tombstone_count; i++) {
        uint64_t candidate = series->tombstones[i].generation;
        if (candidate > after && candidate < next) {
            next = candidate;
        }
    }
    *generation = next;
    return next <= up_to && next != UINT64_MAX;
}

static varve_status sources_locked(const struct vv_series *series, uint64_t after, uint64_t up_to,
                                   int64_t start, int64_t end, struct vv_source_list *sources,
                                   struct vv_range *ranges)
{
    size_t used = 0;
    uint64_t generation = after;
    while (next_generation(series, generation, up_to, &generation)) {
        VV_TRY(add_tombstones(series, generation, ranges, &used, sources));
        for (const struct vv_run *run = series->oldest_run; run != NULL; run = run->newer) {
            if (run->generation == generation) {
                VV_TRY(add_run(run, start, end, sources));
            }
        }
    }
    return VARVE_OK;
}

varve_status vv_head_sources_locked(struct vv_head *head, uint32_t ref, uint64_t after,
                                    uint64_t up_to, int64_t start, int64_t end,
                                    struct vv_source_list *sources, struct vv_range **tombstones)
{
    const struct vv_series *series = vv_series_table_get(head->table, ref);
    *tombstones = NULL;
    if (series->tombstone_count > 0) {
        *tombstones = vv_alloc(series->tombstone_count * sizeof(**tombstones));
        if (*tombstones == NULL) {
            return VARVE_NO_MEMORY;
        }
    }
    return sources_locked(series, after, up_to, start, end, sources, *tombstones);
}

varve_status vv_head_sources(struct vv_head *head, uint32_t ref, uint64_t after, uint64_t up_to,
                             int64_t start, int64_t end, struct vv_source_list *sources,
                             struct vv_range **tombstones)
{
    struct vv_head_line *line = vv_head_find_line(head, ref);
    *tombstones = NULL;
    if (line == NULL) {
        return VARVE_OK;
    }
    vv_head_lock_line(head, line);
    varve_status status =
        vv_head_sources_locked(head, ref, after, up_to, start, end, sources, tombstones);
    vv_spin_unlock(&line->lock);
    return status;
}

void vv_head_measure(struct vv_head *head, uint32_t ref, uint64_t after, struct vv_range *range,
                     uint64_t *samples)
{
    struct vv_head_line *line = vv_head_find_line(head, ref);
    if (line == NULL) {
        return;
    }
    const struct vv_series *series = vv_series_table_get(head->table, ref);
    vv_head_lock_line(head, line);
    for (const struct vv_run *run = series->oldest_run; run != NULL; run = run->newer) {
        if (run->generation <= after) {
            continue;
        }
        for (uint32_t i = 0; i < run->chunk_count; i++) {
            const struct vv_head_chunk *chunk = run->chunks[i];
            range->start = chunk->time_min < range->start ? chunk->time_min : range->start;
            range->end = chunk->time_max > range->end ? chunk->time_max : range->end;
            *samples += chunk->count;
        }
        if (run->tail.count > 0) {
            int64_t first = run->tail.timestamps[0];
            int64_t last = run->tail.timestamps[run->tail.count - 1];
            range->start = first < range->start ? first : range->start;
            range->end = last > range->end ? last : range->end;
            *samples += run->tail.count;
        }
    }
    vv_spin_unlock(&line->lock);
}

int64_t vv_head_time_max(struct vv_head *head, uint32_t ref, uint64_t after)
{
    struct vv_range range = {INT64_MAX, INT64_MIN};
    uint64_t samples = 0;
    vv_head_measure(head, ref, after, &range, &samples);
    return range.end;
}
