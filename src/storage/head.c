/*
 * head.c - appending to the samples in memory, deleting from them, giving them back.
 *
 *   insert --> tail (sorted, raw) --full--> seal: chunk (encoded) --flush of its generation-->
 *   block
 *
 * H1  Runs of a series are ordered by generation and, within one, by the log; only the newest run
 *     of the open generation grows.
 * H2  Within a run all samples have one policy, so that resolving them early gives what resolving
 *     them together with older data would: every policy is associative.
 * H3  Equal timestamps are resolved in the tail; against sealed chunks and blocks, when they are
 *     read.
 * Thread: everything of a series under the lock of its line; see head_lock.c.
 */
#include "storage/head.h"

#include <string.h>

#include "os/alloc.h"
#include "storage/head_chunk.h"
#include "storage/head_line.h"

enum { TAIL_SAMPLES_MIN = 4, INSERT_AT_ONCE = 256 };

static struct vv_series *series_of(const struct vv_head *head, uint32_t ref)
{
    return vv_series_table_get(head->table, ref);
}

static void count_bytes(struct vv_head *head, int64_t bytes)
{
    atomic_fetch_add_explicit(&head->bytes, (uint64_t)bytes, memory_order_relaxed);
}

static void count_samples(struct vv_head *head, int64_t samples)
{
    atomic_fetch_add_explicit(&head->samples, (uint64_t)samples, memory_order_relaxed);
}

/* ------------------------------------------------------------------------------- runs */

static struct vv_run *run_create(struct vv_head *head, uint64_t generation, varve_duplicates policy)
{
    struct vv_run *run = vv_alloc_zeroed(1, sizeof(*run));
    if (run != NULL) {
        run->generation = generation;
        run->policy = policy;
        run->sealed_time_max = INT64_MIN;
        count_bytes(head, sizeof(*run));
    }
    return run;
}

static int64_t tail_bytes(const struct vv_tail *tail)
{
    return (int64_t)tail->capacity * 16;
}

static int64_t run_destroy(struct vv_head *head, struct vv_run *run)
{
    int64_t samples = run->tail.count;
    int64_t bytes = (int64_t)sizeof(*run) + tail_bytes(&run->tail) +
                    (int64_t)(run->chunk_capacity * sizeof(run->chunks[0]));
    for (uint32_t i = 0; i < run->chunk_count; i++) {
        samples += run->chunks[i]->count;
        bytes += (int64_t)vv_head_chunk_bytes(run->chunks[i]);
        vv_head_chunk_release(run->chunks[i]);
    }
    vv_free(run->chunks);
    vv_free(run->tail.timestamps);
    vv_free(run);
    count_samples(head, -samples);
    count_bytes(head, -bytes);
    return bytes;
}

/* The run that takes samples of this generation and policy. */
static struct vv_run *open_run(struct vv_head *head, struct vv_series *series, uint64_t generation,
                               varve_duplicates policy)
{
    struct vv_run *newest = series->newest_run;
    if (newest != NULL && newest->generation == generation && newest->policy == policy) {
        return newest;
    }
    VV_ASSERT(newest == NULL || newest->generation <= generation);
    struct vv_run *run = run_create(head, generation, policy);
    if (run == NULL) {
        return NULL;
    }
    if (newest == NULL) {
        series->oldest_run = run;
    } else {
        newest->newer = run;
    }
    series->newest_run = run;
    return run;
}

/* Room for one more chunk in the list of a run. */
static varve_status reserve_chunk(struct vv_head *head, struct vv_run *run)
{
    if (run->chunk_count < run->chunk_capacity) {
        return VARVE_OK;
    }
    uint32_t capacity = run->chunk_capacity == 0 ? 2 : run->chunk_capacity * 2;
    void *chunks = vv_realloc(run->chunks, capacity * sizeof(run->chunks[0]));
    if (chunks == NULL) {
        return VARVE_NO_MEMORY;
    }
    count_bytes(head, (int64_t)((capacity - run->chunk_capacity) * sizeof(run->chunks[0])));
    run->chunks = chunks;
    run->chunk_capacity = capacity;
    return VARVE_OK;
}

static varve_status add_chunk(struct vv_head *head, struct vv_run *run, const int64_t *timestamps,
                              const double *values, size_t count)
{
    VV_TRY(reserve_chunk(head, run));
    struct vv_head_chunk *chunk = vv_head_chunk_create(timestamps, values, count);
    if (chunk == NULL) {
        return VARVE_NO_MEMORY;
    }
    run->chunks[run->chunk_count++] = chunk;
    if (chunk->time_max > run->sealed_time_max) {
        run->sealed_time_max = chunk->time_max;
    }
    count_bytes(head, (int64_t)vv_head_chunk_bytes(chunk));
    return VARVE_OK;
}

/* Turns the tail into chunks. On failure the tail keeps what is not sealed yet. */
static varve_status seal_tail(struct vv_head *head, struct vv_run *run)
{
    struct vv_tail *tail = &run->tail;
    size_t sealed = 0;
    varve_status status = VARVE_OK;
    while (sealed < tail->count && status == VARVE_OK) {
        size_t count = tail->count - sealed;
        count = count > VV_COLUMN_MAX ? VV_COLUMN_MAX : count;
        status = add_chunk(head, run, tail->timestamps + sealed, tail->values + sealed, count);
        sealed += status == VARVE_OK ? count : 0;
    }
    tail->count -= (uint32_t)sealed;
    memmove(tail->timestamps, tail->timestamps + sealed, tail->count * sizeof(int64_t));
    memmove(tail->values, tail->values + sealed, tail->count * sizeof(double));
    return status;
}

/* ------------------------------------------------------------------------------- tail */

static varve_status tail_grow(struct vv_head *head, struct vv_tail *tail)
{
    uint32_t capacity = tail->capacity == 0 ? TAIL_SAMPLES_MIN : tail->capacity * 2;
    int64_t *timestamps = vv_alloc((size_t)capacity * 2 * sizeof(int64_t));
    if (timestamps == NULL) {
        return VARVE_NO_MEMORY;
    }
    double *values = (double *)(void *)(timestamps + capacity);
    if (tail->count > 0) {
        memcpy(timestamps, tail->timestamps, tail->count * sizeof(*timestamps));
        memcpy(values, tail->values, tail->count * sizeof(*values));
    }
    vv_free(tail->timestamps);
    count_bytes(head, ((int64_t)capacity - tail->capacity) * 16);
    tail->timestamps = timestamps;
    tail->values = values;
    tail->capacity = capacity;
    return VARVE_OK;
}

/* First index whose timestamp is >= timestamp; new samples mostly come last. */
static uint32_t tail_position(const struct vv_tail *tail, int64_t timestamp)
{
    if (tail->count == 0 || tail->time_last < timestamp) {
        return tail->count;
    }
    uint32_t low = 0, high = tail->count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (tail->timestamps[middle] < timestamp) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

/* Makes room for one sample: by growing up to the size at which the tail is sealed instead. */
static varve_status tail_reserve(struct vv_head *head, struct vv_run *run)
{
    struct vv_tail *tail = &run->tail;
    if (tail->count < tail->capacity) {
        return VARVE_OK;
    }
    bool ordered = tail->count == 0 || tail->timestamps[0] > run->sealed_time_max;
    uint32_t limit = ordered ? VV_TAIL_SAMPLES_MAX : VV_TAIL_UNORDERED_MAX;
    if (tail->count >= limit) {
        return seal_tail(head, run);
    }
    return tail_grow(head, tail);
}

/* Adds one sample; *added counts those that were not there. */
static varve_status insert_locked(struct vv_head *head, struct vv_series *series,
                                  uint64_t generation, varve_duplicates policy, int64_t timestamp,
                                  double value, int64_t *added)
{
    struct vv_run *run = open_run(head, series, generation, policy);
    if (run == NULL) {
        return VARVE_NO_MEMORY;
    }
    struct vv_tail *tail = &run->tail;
    uint32_t at = tail_position(tail, timestamp);
    if (at < tail->count && tail->timestamps[at] == timestamp) {
        tail->values[at] = vv_resolve_duplicate(policy, tail->values[at], value);
        return VARVE_OK;
    }
    if (tail->count == tail->capacity) {
        VV_TRY(tail_reserve(head, run));
        at = tail_position(tail, timestamp); /* the tail may have been sealed */
    }
    if (at < tail->count) {
        memmove(tail->timestamps + at + 1, tail->timestamps + at,
                (tail->count - at) * sizeof(int64_t));
        memmove(tail->values + at + 1, tail->values + at, (tail->count - at) * sizeof(double));
    }
    tail->timestamps[at] = timestamp;
    tail->values[at] = value;
    if (at == tail->count) {
        tail->time_last = timestamp;
    }
    tail->count++;
    (*added)++;
    return VARVE_OK;
}

/* Adds as many of the samples as simply follow the tail and have room in it; returns how many. */
static size_t extend_tail(struct vv_tail *tail, const int64_t *timestamps, const double *values,
                          size_t count)
{
    size_t room = tail->capacity - tail->count;
    size_t fitting = count < room ? count : room;
    if (fitting == 0 || (tail->count > 0 && timestamps[0] <= tail->time_last)) {
        return 0;
    }
    size_t taken = 1;
    while (taken < fitting && timestamps[taken] > timestamps[taken - 1]) {
        taken++;
    }
    memcpy(tail->timestamps + tail->count, timestamps, taken * sizeof(*timestamps));
    memcpy(tail->values + tail->count, values, taken * sizeof(*values));
    tail->time_last = timestamps[taken - 1];
    tail->count += (uint32_t)taken;
    return taken;
}

/* Adds samples of one series: those in time order behind its tail all at once. */
static varve_status insert_run_locked(struct vv_head *head, struct vv_series *series,
                                      uint64_t generation, varve_duplicates policy,
                                      const int64_t *timestamps, const double *values, size_t count,
                                      int64_t *added)
{
    varve_status status = VARVE_OK;
    for (size_t i = 0; i < count && status == VARVE_OK;) {
        struct vv_run *run = count - i > 1 ? open_run(head, series, generation, policy) : NULL;
        size_t taken =
            run != NULL ? extend_tail(&run->tail, timestamps + i, values + i, count - i) : 0;
        *added += (int64_t)taken;
        if (taken == 0) {
            taken = 1;
            status =
                insert_locked(head, series, generation, policy, timestamps[i], values[i], added);
        }
        i += taken;
    }
    return status;
}

/* Asks for the memory that inserting will touch: each step reads what the step before asked for, of
 * many series at once, so that their cache misses overlap. */
static void prefetch_tails(struct vv_series *const *series, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        __builtin_prefetch(series[i]->newest_run);
    }
    for (size_t i = 0; i < count; i++) {
        const struct vv_run *run = series[i]->newest_run;
        if (run != NULL && run->tail.count > 0) {
            __builtin_prefetch(run->tail.timestamps + run->tail.count, 1);
            __builtin_prefetch(run->tail.values + run->tail.count, 1);
        }
    }
}

varve_status vv_head_insert(struct vv_head *head, const uint32_t *refs, uint64_t generation,
                            varve_duplicates policy, const int64_t *timestamps,
                            const double *values, size_t count)
{
    struct vv_series *series[INSERT_AT_ONCE];
    varve_status status = VARVE_OK;
    int64_t added = 0;
    for (size_t first = 0; first < count && status == VARVE_OK; first += INSERT_AT_ONCE) {
        size_t length = count - first < INSERT_AT_ONCE ? count - first : INSERT_AT_ONCE;
        for (size_t i = 0; i < length; i++) {
            series[i] = series_of(head, refs[first + i]);
            __builtin_prefetch(series[i]);
        }
        prefetch_tails(series, length);
        for (size_t i = 0, end; i < length && status == VARVE_OK; i = end) {
            for (end = i + 1; end < length && series[end] == series[i];) {
                end++;
            }
            status = insert_run_locked(head, series[i], generation, policy, timestamps + first + i,
                                       values + first + i, end - i, &added);
        }
    }
    count_samples(head, added);
    return status;
}

/* ------------------------------------------------------------------------------ delete */

static bool in_range(struct vv_range range, int64_t timestamp)
{
    return timestamp >= range.start && timestamp < range.end;
}

/* Moves the samples outside of the range to the front; returns how many. */
static size_t keep_outside(struct vv_range range, int64_t *timestamps, double *values, size_t count)
{
    size_t kept = 0;
    for (size_t i = 0; i < count; i++) {
        if (!in_range(range, timestamps[i])) {
            timestamps[kept] = timestamps[i];
            values[kept] = values[i];
            kept++;
        }
    }
    return kept;
}

/* The chunk without the range: itself, another one, or NULL if nothing is left. */
static varve_status cut_chunk(struct vv_head_chunk *chunk, struct vv_range range,
                              struct vv_head_chunk **left)
{
    *left = chunk;
    if (chunk->time_max < range.start || chunk->time_min >= range.end) {
        return VARVE_OK;
    }
    int64_t timestamps[VV_COLUMN_MAX];
    double values[VV_COLUMN_MAX];
    vv_head_chunk_decode(chunk, timestamps, values);
    size_t kept = keep_outside(range, timestamps, values, chunk->count);
    if (kept == chunk->count) {
        return VARVE_OK;
    }
    *left = NULL;
    if (kept > 0) {
        *left = vv_head_chunk_create(timestamps, values, kept);
        return *left == NULL ? VARVE_NO_MEMORY : VARVE_OK;
    }
    return VARVE_OK;
}

static varve_status cut_run(struct vv_head *head, struct vv_run *run, struct vv_range range)
{
    uint32_t kept = 0;
    varve_status status = VARVE_OK;
    for (uint32_t i = 0; i < run->chunk_count; i++) {
        struct vv_head_chunk *chunk = run->chunks[i], *left = chunk;
        if (status == VARVE_OK) {
            status = cut_chunk(chunk, range, &left);
            left = status == VARVE_OK ? left : chunk;
        }
        if (left != chunk) {
            count_samples(head, (left == NULL ? 0 : (int64_t)left->count) - (int64_t)chunk->count);
            count_bytes(head, (left == NULL ? 0 : (int64_t)vv_head_chunk_bytes(left)) -
                                  (int64_t)vv_head_chunk_bytes(chunk));
            vv_head_chunk_release(chunk);
        }
        if (left != NULL) {
            run->chunks[kept++] = left;
        }
    }
    run->chunk_count = kept;
    struct vv_tail *tail = &run->tail;
    size_t left = keep_outside(range, tail->timestamps, tail->values, tail->count);
    count_samples(head, (int64_t)left - tail->count);
    tail->count = (uint32_t)left;
    if (left > 0) {
        tail->time_last = tail->timestamps[left - 1];
    }
    return status;
}

static varve_status add_tombstone(struct vv_head *head, struct vv_series *series,
                                  uint64_t generation, struct vv_range range)
{
    size_t bytes = (series->tombstone_count + 1) * sizeof(*series->tombstones);
    struct vv_head_tombstone *tombstones = vv_realloc(series->tombstones, bytes);
    if (tombstones == NULL) {
        return VARVE_NO_MEMORY;
    }
    tombstones[series->tombstone_count++] = (struct vv_head_tombstone){generation, range};
    series->tombstones = tombstones;
    count_bytes(head, sizeof(*tombstones));
    return VARVE_OK;
}

varve_status vv_head_delete(struct vv_head *head, uint32_t ref, uint64_t generation,
                            struct vv_range range, bool older_data)
{
    struct vv_series *series = series_of(head, ref);
    varve_status status = VARVE_OK;
    if (older_data) {
        status = add_tombstone(head, series, generation, range);
    }
    for (struct vv_run *run = series->oldest_run; run != NULL && status == VARVE_OK;
         run = run->newer) {
        if (run->generation == generation) {
            status = cut_run(head, run, range);
        }
    }
    return status;
}

uint64_t vv_head_drop(struct vv_head *head, uint32_t ref, uint64_t up_to)
{
    struct vv_head_line *line = vv_head_find_line(head, ref);
    if (line == NULL) {
        return 0;
    }
    struct vv_series *series = series_of(head, ref);
    int64_t bytes = 0;
    vv_head_lock_line(head, line);
    while (series->oldest_run != NULL && series->oldest_run->generation <= up_to) {
        struct vv_run *run = series->oldest_run;
        series->oldest_run = run->newer;
        if (run->newer == NULL) {
            series->newest_run = NULL;
        }
        bytes += run_destroy(head, run);
    }
    uint32_t dropped = 0;
    while (dropped < series->tombstone_count && series->tombstones[dropped].generation <= up_to) {
        dropped++;
    }
    if (dropped > 0) {
        series->tombstone_count -= dropped;
        memmove(series->tombstones, series->tombstones + dropped,
                series->tombstone_count * sizeof(*series->tombstones));
        count_bytes(head, -(int64_t)(dropped * sizeof(*series->tombstones)));
        bytes += (int64_t)(dropped * sizeof(*series->tombstones));
        if (series->tombstone_count == 0) {
            vv_free(series->tombstones);
            series->tombstones = NULL;
        }
    }
    vv_spin_unlock(&line->lock);
    return (uint64_t)bytes;
}

bool vv_head_has_series(struct vv_head *head, uint32_t ref, uint64_t after, uint64_t up_to)
{
    struct vv_head_line *line = vv_head_find_line(head, ref);
    if (line == NULL) {
        return false;
    }
    const struct vv_series *series = series_of(head, ref);
    bool found = false;
    vv_head_lock_line(head, line);
    for (const struct vv_run *run = series->oldest_run; run != NULL && !found; run = run->newer) {
        found = run->generation > after && run->generation <= up_to;
    }
    for (uint32_t i = 0; i < series->tombstone_count && !found; i++) {
        found =
            series->tombstones[i].generation > after && series->tombstones[i].generation <= up_to;
    }
    vv_spin_unlock(&line->lock);
    return found;
}
