/*
 * sample.c - single samples: the newest one, one at a timestamp, and writes that look first.
 *
 *   look (read the series) -> decide -> log      nobody else appends meanwhile
 *
 * Reading goes through the head's memory of the newest sample where that suffices, else through a
 * cursor over the one series, and the head remembers what that finds. A write that looks is alone
 * from the look to the log, so that of two calls one sees what the other has written.
 * Thread: any.
 */
#include <stdlib.h>
#include <string.h>

#include "engine/database.h"
#include "os/alloc.h"
#include "storage/shard_latest.h"

enum { PREFETCH_SERIES = 16 }; /* as many misses as a core keeps under way */

/* ------------------------------------------------------------------------------ reading */

/* The newest sample of the series in [start, end); NOT_FOUND. */
static varve_status read_newest(varve_db *db, varve_series series, int64_t start, int64_t end,
                                int64_t *timestamp, double *value)
{
    varve_selection selection = VARVE_SELECTION_INIT;
    varve_cursor *cursor = NULL;
    selection.series = &series;
    selection.series_count = 1;
    selection.start = start;
    selection.end = end;
    VV_TRY(varve_select(db, &selection, &cursor, NULL));
    bool found = varve_cursor_next(cursor) && varve_cursor_latest(cursor, timestamp, value);
    varve_status status = varve_cursor_status(cursor, NULL);
    varve_cursor_close(cursor);
    return status != VARVE_OK ? status : found ? VARVE_OK : VARVE_NOT_FOUND;
}

/* The newest sample of a series that was written to since it was asked for. */
__attribute__((noinline)) static varve_status find_latest(varve_db *db, varve_series series,
                                                          int64_t *timestamp, double *value)
{
    uint32_t ref;
    int64_t newest_timestamp;
    double newest_value;
    if (!vv_series_ref(series, &ref)) {
        return VARVE_INVALID;
    }
    if (vv_shard_latest(db->shard, ref, timestamp, value)) {
        return VARVE_OK;
    }
    uint64_t stamp = vv_shard_latest_stamp(db->shard);
    VV_TRY(read_newest(db, series, INT64_MIN, INT64_MAX, &newest_timestamp, &newest_value));
    vv_shard_note_latest(db->shard, ref, stamp, newest_timestamp, newest_value);
    *timestamp = newest_timestamp;
    *value = newest_value;
    return VARVE_OK;
}

varve_status varve_latest(varve_db *db, varve_series series, int64_t *timestamp, double *value)
{
    return vv_shard_latest_near(db->shard, series - 1, timestamp, value)
               ? VARVE_OK
               : find_latest(db, series, timestamp, value);
}

varve_status varve_get(varve_db *db, varve_series series, int64_t timestamp, double *value)
{
    int64_t found_timestamp;
    double found_value;
    if (timestamp == INT64_MAX) {
        return VARVE_INVALID;
    }
    VV_TRY(read_newest(db, series, timestamp, timestamp + 1, &found_timestamp, &found_value));
    *value = found_value;
    return VARVE_OK;
}

varve_status varve_exists(varve_db *db, varve_series series, int64_t timestamp)
{
    double value;
    return varve_get(db, series, timestamp, &value);
}

/* What a read of one entry of many means: NOT_FOUND is no failure of them all. */
static varve_status note_found(varve_status status, bool *found)
{
    *found = status == VARVE_OK;
    return status == VARVE_NOT_FOUND ? VARVE_OK : status;
}

/* Brings what reading them will touch near: one step for all, then the next. */
static void prefetch_latest(varve_db *db, const varve_series *series, size_t count)
{
    for (unsigned step = 0; step < 2; step++) {
        for (size_t i = 0; i < count; i++) {
            uint32_t ref;
            if (vv_series_ref(series[i], &ref)) {
                vv_shard_prefetch_latest(db->shard, ref, step);
            }
        }
    }
}

varve_status varve_latest_batch(varve_db *db, const varve_series *series, size_t count,
                                int64_t *timestamps, double *values, bool *found)
{
    for (size_t i = 0; i < count; i++) {
        if (i % PREFETCH_SERIES == 0) {
            size_t left = count - i;
            prefetch_latest(db, &series[i], left < PREFETCH_SERIES ? left : PREFETCH_SERIES);
        }
        varve_status status = varve_latest(db, series[i], &timestamps[i], &values[i]);
        VV_TRY(note_found(status, &found[i]));
    }
    return VARVE_OK;
}

varve_status varve_get_batch(varve_db *db, const varve_series *series, const int64_t *timestamps,
                             size_t count, double *values, bool *found)
{
    for (size_t i = 0; i < count; i++) {
        VV_TRY(note_found(varve_get(db, series[i], timestamps[i], &values[i]), &found[i]));
    }
    return VARVE_OK;
}

/* ---------------------------------------------------------------- writes that look first */

/* A batch whose columns may be changed, and the order in which its entries are looked at. */
struct looking {
    varve_db *db;
    varve_batch batch;
    varve_series *series; /* the columns of batch */
    int64_t *timestamps;
    double *values;
    uint32_t *order;  /* entries by series, then as the operation wants them */
    bool *stored;     /* if-absent: of the caller */
    double *results;  /* add: of the caller; nullable */
    bool none_stored; /* out of if-absent */
};

static void looking_fini(struct looking *looking)
{
    vv_free(looking->series);
    vv_free(looking->timestamps);
    vv_free(looking->values);
    vv_free(looking->order);
}

static varve_status looking_init(struct looking *looking, varve_db *db, const varve_batch *batch)
{
    *looking = (struct looking){.db = db};
    if (batch->options_size != sizeof(*batch) || batch->count > VARVE_BATCH_MAX) {
        return VARVE_INVALID;
    }
    size_t count = batch->count > 0 ? batch->count : 1;
    looking->series = vv_alloc(count * sizeof(*looking->series));
    looking->timestamps = vv_alloc(count * sizeof(*looking->timestamps));
    looking->values = vv_alloc(count * sizeof(*looking->values));
    looking->order = vv_alloc(count * sizeof(*looking->order));
    if (looking->series == NULL || looking->timestamps == NULL || looking->values == NULL ||
        looking->order == NULL) {
        looking_fini(looking);
        return VARVE_NO_MEMORY;
    }
    if (batch->count > 0) {
        memcpy(looking->series, batch->series, batch->count * sizeof(*looking->series));
        memcpy(looking->timestamps, batch->timestamps, batch->count * sizeof(int64_t));
        memcpy(looking->values, batch->values, batch->count * sizeof(double));
    }
    looking->batch = *batch;
    looking->batch.series = looking->series;
    looking->batch.timestamps = looking->timestamps;
    looking->batch.values = looking->values;
    looking->batch.duplicates = VARVE_DUPLICATES_LAST;
    return VARVE_OK;
}

/* Entries of one series next to each other, in their own order; with times, by time first. */
static int compare_entries(const struct looking *looking, uint32_t left, uint32_t right,
                           bool by_time)
{
    if (looking->series[left] != looking->series[right]) {
        return looking->series[left] < looking->series[right] ? -1 : 1;
    }
    if (by_time && looking->timestamps[left] != looking->timestamps[right]) {
        return looking->timestamps[left] < looking->timestamps[right] ? -1 : 1;
    }
    return left < right ? -1 : left > right;
}

static int compare_by_time(const void *left, const void *right, void *looking)
{
    return compare_entries(looking, *(const uint32_t *)left, *(const uint32_t *)right, true);
}

static int compare_by_place(const void *left, const void *right, void *looking)
{
    return compare_entries(looking, *(const uint32_t *)left, *(const uint32_t *)right, false);
}

static void sort_entries(struct looking *looking,
                         int (*compare)(const void *left, const void *right, void *looking))
{
    for (size_t i = 0; i < looking->batch.count; i++) {
        looking->order[i] = (uint32_t)i;
    }
    qsort_r(looking->order, looking->batch.count, sizeof(*looking->order), compare, looking);
}

/* ----------------------------------------------------------------------------- if absent */

static bool same_place(const struct looking *looking, uint32_t left, uint32_t right)
{
    return looking->series[left] == looking->series[right] &&
           looking->timestamps[left] == looking->timestamps[right];
}

/* Says which entries are to be stored: the first of each timestamp that is not taken. */
static varve_status find_absent(struct looking *looking)
{
    const uint32_t *order = looking->order;
    for (size_t i = 0; i < looking->batch.count; i++) {
        uint32_t entry = order[i];
        if (i > 0 && same_place(looking, order[i - 1], entry)) {
            looking->stored[entry] = false;
            continue;
        }
        varve_status status =
            varve_exists(looking->db, looking->series[entry], looking->timestamps[entry]);
        if (status != VARVE_OK && status != VARVE_NOT_FOUND) {
            return status;
        }
        looking->stored[entry] = status == VARVE_NOT_FOUND;
    }
    return VARVE_OK;
}

static varve_status look_for_absent(void *context, struct vv_wal_samples *samples)
{
    struct looking *looking = context;
    VV_TRY(find_absent(looking));
    size_t kept = 0;
    for (size_t i = 0; i < samples->count; i++) {
        if (looking->stored[i]) {
            samples->refs[kept] = samples->refs[i];
            samples->timestamps[kept] = samples->timestamps[i];
            samples->values[kept++] = samples->values[i];
        }
    }
    samples->count = kept;
    return VARVE_OK;
}

varve_status varve_append_batch_if_absent(varve_db *db, const varve_batch *batch, bool *stored,
                                          uint64_t *lsn)
{
    struct looking looking;
    VV_TRY(looking_init(&looking, db, batch));
    looking.stored = stored;
    sort_entries(&looking, compare_by_time);
    varve_status status = vv_database_append(db, &looking.batch, look_for_absent, &looking, lsn);
    looking_fini(&looking);
    return status;
}

varve_status varve_append_if_absent(varve_db *db, varve_series series, int64_t timestamp,
                                    double value, uint64_t *lsn)
{
    bool stored = false;
    varve_batch batch = VARVE_BATCH_INIT;
    batch.series = &series;
    batch.timestamps = &timestamp;
    batch.values = &value;
    batch.count = 1;
    uint64_t end_lsn;
    VV_TRY(varve_append_batch_if_absent(db, &batch, &stored, &end_lsn));
    if (!stored) {
        return VARVE_EXISTS;
    }
    if (lsn != NULL) {
        *lsn = end_lsn;
    }
    return VARVE_OK;
}

/* ---------------------------------------------------------------------------------- add */

/* Turns deltas into values, series by series. */
static varve_status look_for_sums(void *context, struct vv_wal_samples *samples)
{
    struct looking *looking = context;
    int64_t newest_timestamp = INT64_MIN;
    double newest_value = 0;
    for (size_t i = 0; i < samples->count; i++) {
        uint32_t entry = looking->order[i];
        if (i == 0 || looking->series[looking->order[i - 1]] != looking->series[entry]) {
            varve_status status =
                varve_latest(looking->db, looking->series[entry], &newest_timestamp, &newest_value);
            if (status == VARVE_NOT_FOUND) {
                newest_timestamp = INT64_MIN;
                newest_value = 0;
            } else {
                VV_TRY(status);
            }
        }
        samples->values[entry] += newest_value;
        if (samples->timestamps[entry] >= newest_timestamp) {
            newest_timestamp = samples->timestamps[entry];
            newest_value = samples->values[entry];
        }
    }
    if (looking->results != NULL) {
        memcpy(looking->results, samples->values, samples->count * sizeof(double));
    }
    return VARVE_OK;
}

varve_status varve_add_batch(varve_db *db, const varve_batch *batch, double *results, uint64_t *lsn)
{
    struct looking looking;
    VV_TRY(looking_init(&looking, db, batch));
    looking.results = results;
    sort_entries(&looking, compare_by_place);
    varve_status status = vv_database_append(db, &looking.batch, look_for_sums, &looking, lsn);
    looking_fini(&looking);
    return status;
}

varve_status varve_add(varve_db *db, varve_series series, int64_t timestamp, double delta,
                       double *result, uint64_t *lsn)
{
    varve_batch batch = VARVE_BATCH_INIT;
    batch.series = &series;
    batch.timestamps = &timestamp;
    batch.values = &delta;
    batch.count = 1;
    return varve_add_batch(db, &batch, result, lsn);
}
