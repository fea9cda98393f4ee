/*
 * sample_columns.c - columns of samples, and grouping them by series.
 *
 *     1 2 3 4 | 1 2 3 4 | 1 2     rows: the same series again and again in ascending order, the
 *                                 first row perhaps begun in its middle: they are transposed
 *     1 3 2 | 1 2 | 2 4 4 1       anything else: a counting sort
 *
 * G1  Sorting moves the numbers of the samples, which fit in a small part of the second-level
 *     cache, and then gathers: the series of a line are neighbours in the batch and in the order of
 *     handles, so that the lines that one series reads are still there for the next one. Moving the
 *     samples themselves to their places takes twice as long.
 *
 * Thread: that of the import.
 */
#include "text/sample_columns.h"

#include <string.h>

#include "os/alloc.h"

enum {
    GROUP_SAMPLES_MIN = 1024,         /* with fewer the order matters to nobody */
    GROUP_GAIN_MIN = 4,               /* samples of a series on average */
    SPREAD_MAX = 2 * VARVE_BATCH_MAX, /* of handles */
};

void vv_sample_columns_fini(struct vv_sample_columns *columns)
{
    vv_free(columns->series);
    vv_free(columns->timestamps);
    vv_free(columns->values);
    *columns = (struct vv_sample_columns){0};
}

varve_status vv_sample_columns_reserve(struct vv_sample_columns *columns, size_t capacity)
{
    if (capacity <= columns->capacity) {
        return VARVE_OK;
    }
    varve_series *series = vv_realloc(columns->series, capacity * sizeof *series);
    if (series == NULL) {
        return VARVE_NO_MEMORY;
    }
    columns->series = series;
    int64_t *timestamps = vv_realloc(columns->timestamps, capacity * sizeof *timestamps);
    if (timestamps == NULL) {
        return VARVE_NO_MEMORY;
    }
    columns->timestamps = timestamps;
    double *values = vv_realloc(columns->values, capacity * sizeof *values);
    if (values == NULL) {
        return VARVE_NO_MEMORY;
    }
    columns->values = values;
    columns->capacity = capacity;
    return VARVE_OK;
}

void vv_sample_columns_copy(struct vv_sample_columns *to, size_t to_first,
                            const struct vv_sample_columns *from, size_t from_first, size_t count)
{
    memmove(to->series + to_first, from->series + from_first, count * sizeof *to->series);
    memmove(to->timestamps + to_first, from->timestamps + from_first,
            count * sizeof *to->timestamps);
    memmove(to->values + to_first, from->values + from_first, count * sizeof *to->values);
}

/* The least handle and how far the others spread beyond it; and in how many runs they stand. */
static size_t count_runs(const varve_series *series, size_t count, varve_series *least,
                         varve_series *spread)
{
    varve_series low = series[0], high = series[0];
    size_t runs = 1;
    for (size_t index = 1; index < count; index++) {
        low = series[index] < low ? series[index] : low;
        high = series[index] > high ? series[index] : high;
        runs += series[index] != series[index - 1] ? 1 : 0;
    }
    *least = low;
    *spread = high - low;
    return runs;
}

/* Counts the samples of each series; returns how many series there are. */
static size_t count_series(const varve_series *series, size_t count, varve_series least,
                           uint32_t *counts)
{
    size_t different = 0;
    for (size_t index = 0; index < count; index++) {
        different += counts[series[index] - least]++ == 0 ? 1 : 0;
    }
    return different;
}

void vv_sample_sorter_fini(struct vv_sample_sorter *sorter)
{
    vv_free(sorter->places);
    vv_free(sorter->order);
    *sorter = (struct vv_sample_sorter){0};
}

static bool prepare(struct vv_sample_sorter *sorter, size_t spread)
{
    if (sorter->places == NULL) {
        sorter->places = vv_alloc(SPREAD_MAX * sizeof *sorter->places);
    }
    if (sorter->order == NULL) {
        sorter->order = vv_alloc(VARVE_BATCH_MAX * sizeof *sorter->order);
    }
    if (sorter->places == NULL || sorter->order == NULL) {
        return false;
    }
    memset(sorter->places, 0, spread * sizeof *sorter->places);
    return true;
}

/* From how many samples each handle has to where the first of them goes. */
static void sum_up(uint32_t *places, size_t spread)
{
    uint32_t place = 0;
    for (size_t index = 0; index < spread; index++) {
        uint32_t samples = places[index];
        places[index] = place;
        place += samples;
    }
}

/* How many samples a row has, if all of them are rows; 0 if not. *start is set to where the least
 * series of a row stands, behind which the others ascend. */
static size_t find_rows(const varve_series *series, size_t count, size_t *start)
{
    size_t row = 1;
    while (row < count && series[row] != series[0]) {
        row++;
    }
    if (row * GROUP_GAIN_MIN > count || memcmp(series, series + row, (count - row) * 8) != 0) {
        return 0;
    }
    size_t falls = 0;
    *start = 0;
    for (size_t index = 1; index < row; index++) {
        if (series[index] < series[index - 1]) {
            *start = index;
            falls++;
        }
    }
    return falls == 0 || (falls == 1 && series[row - 1] < series[0]) ? row : 0;
}

/* The samples at first, first + row, ..., which are of one series, from to's entry `at` on; returns
 * the entry behind them. */
static size_t gather(const struct vv_sample_columns *from, size_t count, size_t first, size_t row,
                     struct vv_sample_columns *to, size_t at)
{
    const int64_t *timestamps = from->timestamps;
    const double *values = from->values;
    varve_series one = from->series[first], *restrict to_series = to->series;
    int64_t *restrict to_timestamps = to->timestamps;
    double *restrict to_values = to->values;
    for (size_t index = first; index < count; index += row, at++) {
        to_series[at] = one;
        to_timestamps[at] = timestamps[index];
        to_values[at] = values[index];
    }
    return at;
}

static void transpose(const struct vv_sample_columns *from, size_t count, size_t row, size_t start,
                      struct vv_sample_columns *to)
{
    for (size_t done = 0, at = 0; done < row; done++) {
        size_t first = start + done < row ? start + done : start + done - row;
        at = gather(from, count, first, row, to, at);
    }
}

bool vv_sample_columns_group(const struct vv_sample_columns *from, size_t count,
                             struct vv_sample_sorter *sorter, struct vv_sample_columns *to)
{
    VV_ASSERT(count <= VARVE_BATCH_MAX && count <= to->capacity);
    if (count < GROUP_SAMPLES_MIN) {
        return false;
    }
    size_t start;
    size_t row = find_rows(from->series, count, &start);
    if (row > 1) {
        transpose(from, count, row, start, to);
        return true;
    }
    varve_series least = 0, spread = 0;
    size_t runs = count_runs(from->series, count, &least, &spread);
    if (runs * GROUP_GAIN_MIN <= count || spread >= SPREAD_MAX || !prepare(sorter, spread + 1) ||
        count_series(from->series, count, least, sorter->places) * GROUP_GAIN_MIN > count) {
        return false;
    }
    sum_up(sorter->places, spread + 1);
    for (size_t index = 0; index < count; index++) {
        sorter->order[sorter->places[from->series[index] - least]++] = (uint32_t)index;
    }
    for (size_t at = 0; at < count; at++) {
        size_t index = sorter->order[at];
        to->series[at] = from->series[index];
        to->timestamps[at] = from->timestamps[index];
        to->values[at] = from->values[index];
    }
    return true;
}
