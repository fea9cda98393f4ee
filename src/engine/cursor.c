/*
 * cursor.c - walking over selected series and their samples.
 *
 *   shard cursor (series in key order) -> merge iterator of the current one -> spans
 *
 * U1  A series is shown only if it has a sample in the range: what its chunks say is enough to know
 *     that; else its first span is fetched before it is shown.
 * U2  The first error is kept and ends everything.
 * U3  Labels are read when they are asked for.
 * U4  What is handed out was read before it is asked whether a mapping has lost a page: nothing
 *     that was read as zeros gets out.
 */
#include "engine/cursor.h"

#include "os/alloc.h"
#include "os/map_guard.h"

varve_status vv_selection_check(const varve_selection *selection, varve_error *error)
{
    if (selection == NULL || selection->options_size != sizeof(*selection)) {
        return vv_fail(error, VARVE_INVALID, "fill the selection with VARVE_SELECTION_INIT");
    }
    if (selection->end < selection->start) {
        return vv_fail(error, VARVE_INVALID, "end: the range ends before it starts");
    }
    return VARVE_OK;
}

varve_status vv_selection_compile(const varve_selection *selection, struct vv_matchers **matchers,
                                  varve_error *error)
{
    VV_TRY(vv_selection_check(selection, error));
    return vv_matchers_compile(selection->matchers, selection->matcher_count, matchers, error);
}

/* -------------------------------------------------------------------- Opening and closing */

static struct varve_cursor *take_idle(struct varve_db *db)
{
    for (size_t slot = 0; slot < VV_IDLE_QUERIES; slot++) {
        struct varve_cursor *idle =
            atomic_exchange_explicit(&db->idle_cursors[slot], NULL, memory_order_acquire);
        if (idle != NULL) {
            return idle;
        }
    }
    return vv_alloc_zeroed(1, sizeof(struct varve_cursor));
}

static void destroy(struct varve_cursor *cursor)
{
    if (cursor != NULL) {
        vv_matchers_destroy(cursor->matchers);
        vv_query_memory_fini(&cursor->memory);
        vv_free(cursor);
    }
}

static void put_idle(struct varve_db *db, struct varve_cursor *cursor)
{
    for (size_t slot = 0; slot < VV_IDLE_QUERIES && cursor != NULL; slot++) {
        struct varve_cursor *expected = NULL;
        if (atomic_compare_exchange_strong_explicit(&db->idle_cursors[slot], &expected, cursor,
                                                    memory_order_release, memory_order_relaxed)) {
            cursor = NULL;
        }
    }
    destroy(cursor);
}

void vv_cursors_drop_idle(struct varve_db *db)
{
    for (size_t slot = 0; slot < VV_IDLE_QUERIES; slot++) {
        destroy(atomic_exchange_explicit(&db->idle_cursors[slot], NULL, memory_order_acquire));
    }
}

/* Matchers that an idle cursor keeps have sets of at most so many bytes. */
enum { KEPT_SET_BYTES_MAX = 1 << 20 };

/* Compiles the matchers, unless the query before had the same. */
static varve_status compile(struct varve_cursor *cursor, const varve_selection *selection,
                            varve_error *error)
{
    if (cursor->matchers != NULL && selection->end >= selection->start &&
        vv_matchers_are(cursor->matchers, selection->matchers, selection->matcher_count)) {
        return VARVE_OK;
    }
    vv_matchers_destroy(cursor->matchers);
    cursor->matchers = NULL;
    return vv_selection_compile(selection, &cursor->matchers, error);
}

static void keep_matchers(struct varve_cursor *cursor)
{
    const struct vv_matchers *matchers = cursor->matchers;
    if (matchers != NULL && vv_id_runs_bytes(vv_matchers_selected(matchers)) +
                                    vv_id_runs_bytes(vv_matchers_spare(matchers)) >
                                KEPT_SET_BYTES_MAX) {
        vv_matchers_destroy(cursor->matchers);
        cursor->matchers = NULL;
    }
}

static varve_status select_series(struct varve_cursor *cursor, const varve_selection *selection,
                                  varve_error *error)
{
    struct vv_shard *shard = cursor->db->shard;
    if (selection->series_count > 0) {
        if (selection->matcher_count > 0) {
            return vv_fail(error, VARVE_INVALID, "series, matchers: one of the two");
        }
        if (selection->end < selection->start) {
            return vv_fail(error, VARVE_INVALID, "end: the range ends before it starts");
        }
        VV_TRY(vv_shard_select_series(shard, selection->series, selection->series_count,
                                      &cursor->memory, &cursor->shard_cursor, error));
    } else {
        VV_TRY(compile(cursor, selection, error));
        VV_TRY(vv_shard_select(shard, cursor->matchers, cursor->range, &cursor->memory,
                               &cursor->shard_cursor, error));
    }
    uint64_t count = vv_shard_cursor_count(cursor->shard_cursor);
    if (cursor->profile != NULL) {
        vv_shard_cursor_blocks(cursor->shard_cursor, &cursor->profile->blocks,
                               &cursor->profile->blocks_skipped);
    }
    if (cursor->control.series_max > 0 && count > cursor->control.series_max) {
        return vv_fail(error, VARVE_LIMIT, "series_max: the query selects more than %llu series",
                       (unsigned long long)cursor->control.series_max);
    }
    return vv_query_control_check(&cursor->control, &cursor->memory.counts, error);
}

static varve_status begin(struct varve_cursor *cursor, const varve_selection *selection,
                          varve_error *error)
{
    const varve_limits *limits = selection->limits;
    VV_TRY(vv_query_control_begin(&cursor->control, cursor->db->env, limits, error));
    vv_query_memory_begin(&cursor->memory, limits != NULL ? limits->memory_bytes_max : 0);
    varve_profile *profile = selection->profile;
    if (profile != NULL && profile->options_size != sizeof(*profile)) {
        return vv_fail(error, VARVE_INVALID, "profile: fill it with VARVE_PROFILE_INIT");
    }
    if (profile != NULL) {
        *profile = (varve_profile)VARVE_PROFILE_INIT;
        cursor->profile = profile;
    }
    cursor->range = (struct vv_range){selection->start, selection->end};
    cursor->reverse = selection->reverse;
    return VARVE_OK;
}

varve_status vv_cursor_open(struct varve_db *db, const varve_selection *selection,
                            struct varve_cursor **cursor, varve_error *error)
{
    if (selection == NULL || selection->options_size != sizeof(*selection)) {
        return vv_fail(error, VARVE_INVALID, "fill the selection with VARVE_SELECTION_INIT");
    }
    struct varve_cursor *created = take_idle(db);
    if (created == NULL) {
        return vv_fail(error, VARVE_NO_MEMORY, "no memory for a query");
    }
    created->db = db;
    created->error.status = VARVE_OK;
    varve_status status = begin(created, selection, error);
    if (status == VARVE_OK) {
        int64_t before = vv_cursor_clock(created);
        status = select_series(created, selection, error);
        if (created->profile != NULL) {
            created->profile->select_ns = vv_cursor_clock(created) - before;
        }
    }
    if (status != VARVE_OK) {
        varve_cursor_close(created);
        return status;
    }
    *cursor = created;
    return VARVE_OK;
}

varve_status varve_select(varve_db *db, const varve_selection *selection, varve_cursor **cursor,
                          varve_error *error)
{
    vv_error_clear(error);
    return vv_cursor_open(db, selection, cursor, error);
}

/* What the query read, for its profile. */
static void write_profile(struct varve_cursor *cursor)
{
    const struct vv_query_memory *memory = &cursor->memory;
    const struct vv_query_counts *counts = &memory->counts;
    varve_profile *profile = cursor->profile;
    if (profile == NULL) {
        return;
    }
    profile->series_merged = counts->merged;
    profile->chunks = counts->chunks;
    profile->chunks_answered = counts->chunks_answered;
    profile->chunks_decoded = counts->chunks_decoded;
    profile->chunks_skipped =
        counts->chunks_answered + counts->chunks_decoded < counts->chunks
            ? counts->chunks - counts->chunks_answered - counts->chunks_decoded
            : 0;
    profile->rollup_rows = counts->rows_answered;
    profile->samples_answered = counts->samples_answered;
    profile->samples_read = counts->samples_read;
    profile->bytes_decoded = counts->bytes_decoded;
    profile->memory_bytes = memory->peak_bytes;
    profile->allocations = memory->allocations;
}

void varve_cursor_close(varve_cursor *cursor)
{
    if (cursor == NULL) {
        return;
    }
    write_profile(cursor);
    vv_iter_destroy(cursor->iter);
    vv_shard_cursor_close(cursor->shard_cursor);
    keep_matchers(cursor);
    vv_query_free(&cursor->memory, cursor->window_timestamps);
    vv_query_memory_end(&cursor->memory);
    cursor->iter = NULL;
    cursor->shard_cursor = NULL;
    cursor->profile = NULL;
    cursor->window_timestamps = NULL;
    cursor->window_capacity = 0;
    cursor->window_count = 0;
    cursor->first_span.count = 0;
    put_idle(cursor->db, cursor);
}

/* -------------------------------------------------------------------------------- Series */

bool vv_cursor_is_intact(struct varve_cursor *cursor)
{
    return atomic_load(&vv_map_guard_losses) == 0 || cursor->shard_cursor == NULL ||
           vv_shard_cursor_check(cursor->shard_cursor, &cursor->error) == VARVE_OK;
}

bool vv_cursor_fail(struct varve_cursor *cursor, varve_status status)
{
    if (cursor->error.status != VARVE_OK || !vv_cursor_is_intact(cursor)) {
        return false;
    }
    if (status == VARVE_LIMIT && cursor->memory.refused) {
        (void)vv_fail(&cursor->error, status,
                      "memory_bytes_max: the query needs more than %llu bytes",
                      (unsigned long long)cursor->memory.bytes_max);
        return false;
    }
    char text[256] = "a series";
    size_t length = 8;
    if (cursor->has_labels) {
        length = varve_series_format(cursor->labels, cursor->label_count, text, sizeof(text));
    }
    int shown = (int)(length < sizeof(text) ? length : sizeof(text));
    (void)vv_fail(&cursor->error, status, "reading %.*s failed: %s%s", shown, text,
                  varve_status_text(status),
                  status == VARVE_CORRUPT ? "; varve check tells where" : "");
    return false;
}

bool vv_cursor_goes_on(struct varve_cursor *cursor)
{
    return vv_query_control_check(&cursor->control, &cursor->memory.counts, &cursor->error) ==
           VARVE_OK;
}

struct vv_key vv_cursor_key(struct varve_cursor *cursor)
{
    struct vv_key key = vv_shard_cursor_key(cursor->shard_cursor);
    if (key.length == 0) {
        (void)vv_cursor_fail(cursor, vv_shard_cursor_status(cursor->shard_cursor));
    }
    return key;
}

/* Reads the labels for a message or a caller (U3). */
static void load_labels(struct varve_cursor *cursor)
{
    if (cursor->has_labels) {
        return;
    }
    varve_status status =
        vv_shard_cursor_labels(cursor->shard_cursor, cursor->labels, &cursor->label_count);
    cursor->has_labels = status == VARVE_OK;
    if (status != VARVE_OK) {
        cursor->label_count = 0;
        (void)vv_cursor_fail(cursor, status);
    }
}

/* An error of the current series, named if its labels can be read. */
static bool fail_series(struct varve_cursor *cursor, varve_status status)
{
    if (status != VARVE_LIMIT && status != VARVE_NO_MEMORY) {
        cursor->has_labels = vv_shard_cursor_labels(cursor->shard_cursor, cursor->labels,
                                                    &cursor->label_count) == VARVE_OK;
    }
    return vv_cursor_fail(cursor, status);
}

bool vv_cursor_next_iter(struct varve_cursor *cursor)
{
    cursor->has_labels = false;
    cursor->label_count = 0;
    if (cursor->error.status != VARVE_OK || !vv_cursor_goes_on(cursor) ||
        !vv_shard_cursor_next(cursor->shard_cursor)) {
        vv_iter_destroy(cursor->iter);
        cursor->iter = NULL;
        if (cursor->error.status != VARVE_OK) {
            return false;
        }
        varve_status status = vv_shard_cursor_status(cursor->shard_cursor);
        return status == VARVE_OK ? false : vv_cursor_fail(cursor, status);
    }
    if (cursor->profile != NULL) {
        cursor->profile->series_matched++;
    }
    cursor->live = cursor->range;
    varve_status status = vv_shard_cursor_iter(cursor->shard_cursor, &cursor->live, &cursor->iter);
    return status == VARVE_OK ? true : fail_series(cursor, status);
}

/* -------------------------------------------------------------------------------- Spans */

/* Makes room for the window to grow. */
static bool reserve_window(struct varve_cursor *cursor, size_t count)
{
    if (count <= cursor->window_capacity) {
        return true;
    }
    size_t capacity = count > 2 * cursor->window_capacity ? count : 2 * cursor->window_capacity;
    int64_t *grown = vv_query_alloc(&cursor->memory, capacity * 2 * sizeof(int64_t));
    if (grown == NULL) {
        return fail_series(cursor, vv_query_memory_status(&cursor->memory));
    }
    if (cursor->window_count > 0) {
        memcpy(grown, cursor->window_timestamps, cursor->window_count * sizeof(int64_t));
        memcpy(grown + capacity, cursor->window_timestamps + cursor->window_capacity,
               cursor->window_count * sizeof(int64_t));
    }
    vv_query_free(&cursor->memory, cursor->window_timestamps);
    cursor->window_timestamps = grown;
    cursor->window_capacity = capacity;
    return true;
}

static void reverse_window(struct varve_cursor *cursor)
{
    int64_t *timestamps = cursor->window_timestamps;
    int64_t *values = timestamps + cursor->window_capacity; /* as bits */
    for (size_t low = 0, high = cursor->window_count; low + 1 < high; low++) {
        high--;
        int64_t timestamp = timestamps[low];
        int64_t value = values[low];
        timestamps[low] = timestamps[high];
        values[low] = values[high];
        timestamps[high] = timestamp;
        values[high] = value;
    }
}

/* Goes to the window before `before`; false if nothing is left there. */
static bool restart_before(struct varve_cursor *cursor, int64_t before)
{
    if (before <= cursor->live.start) {
        return false;
    }
    int64_t start = vv_iter_window(cursor->iter, before);
    varve_status status = vv_iter_status(cursor->iter);
    if (status != VARVE_OK) {
        return fail_series(cursor, status);
    }
    start = start > cursor->live.start ? start : cursor->live.start;
    cursor->window_start = start;
    vv_iter_restart(cursor->iter, start, before);
    return true;
}

/* Reads the next window that has samples. */
static bool fill_window(struct varve_cursor *cursor)
{
    cursor->window_count = 0;
    cursor->window_at = 0;
    while (cursor->window_count == 0 && restart_before(cursor, cursor->window_start)) {
        varve_span span;
        while (vv_cursor_goes_on(cursor) && vv_iter_next_span(cursor->iter, &span)) {
            if (!reserve_window(cursor, cursor->window_count + span.count)) {
                return false;
            }
            int64_t *timestamps = cursor->window_timestamps + cursor->window_count;
            memcpy(timestamps, span.timestamps, span.count * sizeof(int64_t));
            memcpy(timestamps + cursor->window_capacity, span.values, span.count * sizeof(double));
            cursor->window_count += span.count;
        }
        varve_status status = vv_iter_status(cursor->iter);
        if (status != VARVE_OK) {
            return fail_series(cursor, status);
        }
    }
    reverse_window(cursor);
    return cursor->window_count > 0 && cursor->error.status == VARVE_OK;
}

static bool reverse_span(struct varve_cursor *cursor, varve_span *span)
{
    if (cursor->window_at == cursor->window_count && !fill_window(cursor)) {
        return false;
    }
    size_t left = cursor->window_count - cursor->window_at;
    const int64_t *timestamps = cursor->window_timestamps + cursor->window_at;
    *span = (varve_span){
        .timestamps = timestamps,
        .values = (const double *)(const void *)(timestamps + cursor->window_capacity),
        .count = left < VV_SPAN_MAX ? left : VV_SPAN_MAX,
    };
    cursor->window_at += span->count;
    return true;
}

static bool next_span(struct varve_cursor *cursor, varve_span *span)
{
    int64_t before = vv_cursor_clock(cursor);
    bool found = false;
    if (cursor->reverse) {
        found = reverse_span(cursor, span);
    } else if (vv_cursor_goes_on(cursor)) {
        found = vv_iter_next_span(cursor->iter, span);
        varve_status status = found ? VARVE_OK : vv_iter_status(cursor->iter);
        if (status != VARVE_OK) {
            (void)fail_series(cursor, status);
        }
    }
    if (cursor->profile != NULL) {
        cursor->profile->read_ns += vv_cursor_clock(cursor) - before;
    }
    return found;
}

/* Whether the current series has a sample in the range (U1). */
static bool has_samples(struct varve_cursor *cursor)
{
    struct vv_summary summary;
    cursor->first_span.count = 0;
    cursor->window_start = cursor->live.end;
    cursor->window_count = 0;
    cursor->window_at = 0;
    cursor->has_newest = vv_iter_newest(cursor->iter, &cursor->newest_time, &cursor->newest_value);
    if (cursor->has_newest || vv_iter_peek(cursor->iter, &summary)) {
        return true;
    }
    if (next_span(cursor, &cursor->first_span)) {
        return true;
    }
    cursor->first_span.count = 0;
    return false;
}

bool varve_cursor_next(varve_cursor *cursor)
{
    while (vv_cursor_next_iter(cursor)) {
        if (has_samples(cursor)) {
            if (cursor->profile != NULL) {
                cursor->profile->series_read++;
            }
            return vv_cursor_is_intact(cursor);
        }
    }
    (void)vv_cursor_is_intact(cursor); /* an end that zeros have made is an error */
    return false;
}

void varve_cursor_labels(varve_cursor *cursor, const varve_label **labels, size_t *label_count)
{
    if (cursor->iter != NULL) {
        load_labels(cursor);
    }
    *labels = cursor->labels;
    *label_count = cursor->iter != NULL ? cursor->label_count : 0;
}

bool varve_cursor_span(varve_cursor *cursor, varve_span *span)
{
    if (cursor->iter == NULL || cursor->error.status != VARVE_OK) {
        return false;
    }
    if (cursor->first_span.count > 0) {
        *span = cursor->first_span;
        cursor->first_span.count = 0;
        return true;
    }
    bool found = next_span(cursor, span);
    return vv_cursor_is_intact(cursor) && found;
}

/* The newest sample of what the iterator gives. */
static bool newest_of_window(struct varve_cursor *cursor, int64_t *timestamp, double *value)
{
    bool found = false;
    for (;;) {
        struct vv_summary summary;
        varve_span span;
        if (vv_iter_peek(cursor->iter, &summary)) {
            *timestamp = summary.time_max;
            *value = summary.statistics.last;
            vv_iter_pass(cursor->iter);
        } else if (vv_iter_next_span(cursor->iter, &span)) {
            *timestamp = span.timestamps[span.count - 1];
            *value = span.values[span.count - 1];
        } else {
            return found;
        }
        found = true;
    }
}

bool varve_cursor_latest(varve_cursor *cursor, int64_t *timestamp, double *value)
{
    if (cursor->iter == NULL || cursor->error.status != VARVE_OK) {
        return false;
    }
    if (cursor->has_newest) {
        cursor->memory.counts.chunks_answered++;
        *timestamp = cursor->newest_time;
        *value = cursor->newest_value;
        return vv_cursor_is_intact(cursor);
    }
    /* Window after window back from the end: deletions may have emptied the last one. */
    cursor->window_start = cursor->live.end;
    while (restart_before(cursor, cursor->window_start)) {
        bool found = newest_of_window(cursor, timestamp, value);
        varve_status status = vv_iter_status(cursor->iter);
        if (status != VARVE_OK) {
            return fail_series(cursor, status);
        }
        if (found || !vv_cursor_goes_on(cursor)) {
            return vv_cursor_is_intact(cursor) && found;
        }
    }
    return false;
}

varve_status varve_cursor_status(const varve_cursor *cursor, varve_error *error)
{
    if (error != NULL && cursor->error.status != VARVE_OK) {
        *error = cursor->error;
    } else {
        vv_error_clear(error);
    }
    return cursor->error.status;
}
