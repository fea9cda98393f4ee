/*
 * shard_bulk_rows.c - samples in memory, by series, and from there in order to a block.
 *
 *   series[ref] -> page of 16 -> page of 32 -> ... -> pages of 1024
 *                  | next, counts | timestamps ... | values ... |      all pages in one arena
 *
 * M1  Within a series samples stand in the order in which they were added, so that a stable sort by
 *     time has equal timestamps in that order, too.
 * M2  Pages grow with their series: few samples cost little, many are copied in long runs.
 * Thread: one.
 */
#include <stdlib.h>

#include "os/alloc.h"
#include "query/merge.h"
#include "storage/copy/shard_bulk.h"

enum {
    PAGE_SAMPLES_MIN = 16,
    PAGE_SAMPLES_MAX = VV_COLUMN_MAX,
    ARENA_CHUNK_BYTES = 1 << 20,
    INSERTION_SAMPLES = 16, /* runs of so many are sorted by insertion */
};

struct vv_bulk_page {
    struct vv_bulk_page *next;
    uint32_t count;
    uint32_t capacity;
    int64_t timestamps[]; /* capacity of them, then as many values */
};

struct sample {
    int64_t timestamp;
    double value;
};

void vv_bulk_rows_init(struct vv_bulk_rows *rows)
{
    *rows = (struct vv_bulk_rows){0};
    vv_arena_init(&rows->arena, ARENA_CHUNK_BYTES);
}

void vv_bulk_rows_fini(struct vv_bulk_rows *rows)
{
    vv_arena_fini(&rows->arena);
    vv_free(rows->series);
    vv_free(rows->touched);
}

uint64_t vv_bulk_rows_bytes(const struct vv_bulk_rows *rows)
{
    return rows->arena.reserved_bytes + rows->series_capacity * sizeof(*rows->series) +
           rows->touched_capacity * (sizeof(*rows->touched) + sizeof(struct vv_series *)) +
           rows->unsorted_max * 2 * sizeof(struct sample);
}

/* --------------------------------------------------------------------------- collecting */

/* Makes room for a ref that has had no samples. */
static varve_status touch(struct vv_bulk_rows *rows, uint32_t ref)
{
    if (ref >= rows->series_capacity) {
        uint64_t capacity = (uint64_t)ref + ref / 2 + 1024;
        capacity = capacity > UINT32_MAX ? UINT32_MAX : capacity;
        struct vv_bulk_series *series =
            vv_realloc(rows->series, (size_t)capacity * sizeof(*rows->series));
        if (series == NULL) {
            return VARVE_NO_MEMORY;
        }
        memset(series + rows->series_capacity, 0,
               (size_t)(capacity - rows->series_capacity) * sizeof(*series));
        rows->series = series;
        rows->series_capacity = (uint32_t)capacity;
    }
    if (rows->series[ref].count > 0) {
        return VARVE_OK;
    }
    if (rows->touched_count == rows->touched_capacity) {
        size_t capacity = rows->touched_capacity * 2 + 1024;
        uint32_t *touched = vv_realloc(rows->touched, capacity * sizeof(*touched));
        if (touched == NULL) {
            return VARVE_NO_MEMORY;
        }
        rows->touched = touched;
        rows->touched_capacity = capacity;
    }
    rows->touched[rows->touched_count++] = ref;
    rows->series[ref] = (struct vv_bulk_series){.ascends = true};
    return VARVE_OK;
}

static varve_status add_page(struct vv_bulk_rows *rows, struct vv_bulk_series *series)
{
    uint32_t capacity = series->last == NULL ? PAGE_SAMPLES_MIN : series->last->capacity * 2;
    capacity = capacity > PAGE_SAMPLES_MAX ? PAGE_SAMPLES_MAX : capacity;
    struct vv_bulk_page *page = vv_arena_alloc(
        &rows->arena, sizeof(*page) + capacity * sizeof(struct sample), sizeof(int64_t));
    if (page == NULL) {
        return VARVE_NO_MEMORY;
    }
    page->next = NULL;
    page->count = 0;
    page->capacity = capacity;
    if (series->last == NULL) {
        series->first = page;
    } else {
        series->last->next = page;
    }
    series->last = page;
    return VARVE_OK;
}

static double *values_of(struct vv_bulk_page *page)
{
    return (double *)(void *)(page->timestamps + page->capacity);
}

/* Whether the samples go on in time order. */
static bool goes_on(const struct vv_bulk_series *series, const int64_t *timestamps, size_t count)
{
    bool ascends = series->count == 0 || timestamps[0] > series->time_max;
    for (size_t i = 1; i < count; i++) {
        ascends &= timestamps[i] > timestamps[i - 1];
    }
    return ascends;
}

/* Adds a run of samples of one series. */
static varve_status add_run(struct vv_bulk_rows *rows, struct vv_bulk_series *series,
                            const int64_t *timestamps, const double *values, size_t count)
{
    series->ascends = series->ascends && goes_on(series, timestamps, count);
    for (size_t done = 0; done < count;) {
        if (series->last == NULL || series->last->count == series->last->capacity) {
            VV_TRY(add_page(rows, series));
        }
        struct vv_bulk_page *page = series->last;
        size_t part = page->capacity - page->count;
        part = count - done < part ? count - done : part;
        memcpy(page->timestamps + page->count, timestamps + done, part * sizeof(*timestamps));
        memcpy(values_of(page) + page->count, values + done, part * sizeof(*values));
        page->count += (uint32_t)part;
        done += part;
        series->count += part;
    }
    series->time_max = timestamps[count - 1];
    rows->samples += count;
    if (!series->ascends && series->count > rows->unsorted_max) {
        rows->unsorted_max = series->count;
    }
    return VARVE_OK;
}

varve_status vv_bulk_rows_add(struct vv_bulk_rows *rows, const uint32_t *refs,
                              const int64_t *timestamps, const double *values, size_t count)
{
    for (size_t first = 0, end; first < count; first = end) {
        uint32_t ref = refs[first];
        end = first + 1;
        while (end < count && refs[end] == ref) {
            end++;
        }
        VV_TRY(touch(rows, ref));
        VV_TRY(add_run(rows, &rows->series[ref], timestamps + first, values + first, end - first));
    }
    return VARVE_OK;
}

/* ------------------------------------------------------------------------------ sorting */

static void sort_by_insertion(struct sample *samples, size_t count)
{
    for (size_t i = 1; i < count; i++) {
        struct sample moved = samples[i];
        size_t at = i;
        for (; at > 0 && samples[at - 1].timestamp > moved.timestamp; at--) {
            samples[at] = samples[at - 1];
        }
        samples[at] = moved;
    }
}

/* Merges [0, middle) and [middle, count) of from to to; of equal ones the first half's come
 * first. */
static void merge_halves(const struct sample *from, size_t middle, size_t count, struct sample *to)
{
    size_t left = 0, right = middle;
    for (size_t i = 0; i < count; i++) {
        bool take_left =
            right == count || (left < middle && from[left].timestamp <= from[right].timestamp);
        to[i] = take_left ? from[left++] : from[right++];
    }
}

/* A stable merge sort by time (M1); scratch has the same size. Returns the one with the result. */
static struct sample *sort_samples(struct sample *samples, struct sample *scratch, size_t count)
{
    for (size_t first = 0; first < count; first += INSERTION_SAMPLES) {
        size_t left = count - first;
        sort_by_insertion(samples + first, left < INSERTION_SAMPLES ? left : INSERTION_SAMPLES);
    }
    for (size_t width = INSERTION_SAMPLES; width < count; width *= 2) {
        for (size_t first = 0; first < count; first += 2 * width) {
            size_t both = count - first < 2 * width ? count - first : 2 * width;
            merge_halves(samples + first, width < both ? width : both, both, scratch + first);
        }
        struct sample *sorted = scratch;
        scratch = samples;
        samples = sorted;
    }
    return samples;
}

/* Makes one sample of those with equal timestamps; returns how many are left. */
static size_t resolve(struct sample *samples, size_t count, varve_duplicates policy)
{
    size_t kept = 0;
    for (size_t i = 0; i < count; i++) {
        if (kept > 0 && samples[kept - 1].timestamp == samples[i].timestamp) {
            samples[kept - 1].value =
                vv_resolve_duplicate(policy, samples[kept - 1].value, samples[i].value);
        } else {
            samples[kept++] = samples[i];
        }
    }
    return kept;
}

/* ------------------------------------------------------------------------------ writing */

struct chunk {
    int64_t timestamps[VV_COLUMN_MAX];
    double values[VV_COLUMN_MAX];
    size_t count;
};

static varve_status write_chunk(struct vv_block_writer *writer, varve_duplicates policy,
                                struct chunk *chunk, varve_error *error)
{
    size_t count = chunk->count;
    chunk->count = 0;
    return count == 0 ? VARVE_OK
                      : vv_block_writer_add_chunk(writer, 0, policy, chunk->timestamps,
                                                  chunk->values, count, error);
}

/* A series that came in order: its pages, put together to full chunks. */
static varve_status write_pages(struct vv_block_writer *writer, varve_duplicates policy,
                                const struct vv_bulk_series *series, varve_error *error)
{
    struct chunk chunk;
    chunk.count = 0;
    for (struct vv_bulk_page *page = series->first; page != NULL; page = page->next) {
        for (size_t done = 0; done < page->count;) {
            size_t part = VV_COLUMN_MAX - chunk.count;
            part = page->count - done < part ? page->count - done : part;
            memcpy(chunk.timestamps + chunk.count, page->timestamps + done, part * sizeof(int64_t));
            memcpy(chunk.values + chunk.count, values_of(page) + done, part * sizeof(double));
            chunk.count += part;
            done += part;
            if (chunk.count == VV_COLUMN_MAX) {
                VV_TRY(write_chunk(writer, policy, &chunk, error));
            }
        }
    }
    return write_chunk(writer, policy, &chunk, error);
}

static varve_status write_samples(struct vv_block_writer *writer, varve_duplicates policy,
                                  const struct sample *samples, size_t count, varve_error *error)
{
    struct chunk chunk;
    chunk.count = 0;
    for (size_t i = 0; i < count; i++) {
        chunk.timestamps[chunk.count] = samples[i].timestamp;
        chunk.values[chunk.count++] = samples[i].value;
        if (chunk.count == VV_COLUMN_MAX) {
            VV_TRY(write_chunk(writer, policy, &chunk, error));
        }
    }
    return write_chunk(writer, policy, &chunk, error);
}

/* A series that has to be sorted. */
static varve_status write_unsorted(struct vv_block_writer *writer, varve_duplicates policy,
                                   const struct vv_bulk_series *series, varve_error *error)
{
    size_t count = 0;
    struct sample *samples = vv_alloc_zeroed((size_t)series->count, 2 * sizeof(*samples));
    if (samples == NULL) {
        return vv_fail(error, VARVE_NO_MEMORY, "no memory to sort %llu samples",
                       (unsigned long long)series->count);
    }
    for (struct vv_bulk_page *page = series->first; page != NULL; page = page->next) {
        for (size_t i = 0; i < page->count; i++) {
            samples[count++] = (struct sample){page->timestamps[i], values_of(page)[i]};
        }
    }
    struct sample *sorted = sort_samples(samples, samples + count, count);
    size_t kept = resolve(sorted, count, policy);
    varve_status status = VARVE_OK;
    if (kept < count && policy == VARVE_DUPLICATES_ERROR) {
        status = vv_fail(error, VARVE_EXISTS, "a timestamp comes twice in one series");
    } else {
        status = write_samples(writer, policy, sorted, kept, error);
    }
    vv_free(samples);
    return status;
}

/* The series with samples, in key order; *list is from vv_alloc. */
static varve_status list_series(const struct vv_bulk_rows *rows,
                                const struct vv_series_table *table, struct vv_series ***list)
{
    *list = vv_alloc((rows->touched_count + 1) * sizeof(struct vv_series *));
    if (*list == NULL) {
        return VARVE_NO_MEMORY;
    }
    for (size_t i = 0; i < rows->touched_count; i++) {
        (*list)[i] = vv_series_table_get(table, rows->touched[i]);
    }
    qsort(*list, rows->touched_count, sizeof(**list), vv_series_compare);
    return VARVE_OK;
}

static void forget(struct vv_bulk_rows *rows)
{
    for (size_t i = 0; i < rows->touched_count; i++) {
        rows->series[rows->touched[i]] = (struct vv_bulk_series){0};
    }
    rows->touched_count = 0;
    rows->samples = rows->unsorted_max = 0;
    vv_arena_reset(&rows->arena);
}

varve_status vv_bulk_rows_write(struct vv_bulk_rows *rows, const struct vv_series_table *table,
                                varve_duplicates policy, struct vv_block_writer *writer,
                                varve_error *error)
{
    struct vv_series **list = NULL;
    varve_status status = list_series(rows, table, &list);
    if (status != VARVE_OK) {
        return vv_fail(error, status, "no memory to sort series");
    }
    for (size_t i = 0; i < rows->touched_count && status == VARVE_OK; i++) {
        const struct vv_bulk_series *series = &rows->series[list[i]->ref];
        status = vv_block_writer_begin_series(writer, vv_series_key(list[i]), error);
        if (status == VARVE_OK) {
            status = series->ascends ? write_pages(writer, policy, series, error)
                                     : write_unsorted(writer, policy, series, error);
        }
    }
    vv_free(list);
    if (status == VARVE_OK) {
        forget(rows);
    }
    return status;
}
