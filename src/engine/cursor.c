/*
 * cursor.c - walking over selected series and their samples.
 *
 *   shard cursor (series in key order) -> merge iterator of the current one -> spans
 *
 * U1  A series is shown only if it has a sample in the range: its first span is fetched before it
 *     is.
 * U2  The first error is kept and ends everything.
 */
#include "engine/database.h"
#include "os/alloc.h"

struct varve_cursor {
    struct vv_shard_cursor *shard_cursor;
    struct vv_matchers *matchers;
    int64_t start;
    int64_t end;
    varve_error error; /* status VARVE_OK: none */

    /* Of the current series. */
    struct vv_iter *iter;
    varve_span first_span; /* fetched by next(); count 0 when it was handed out */
    size_t label_count;
    varve_label labels[VARVE_LABELS_MAX];
};

varve_status vv_selection_compile(const varve_selection *selection, struct vv_matchers **matchers,
                                  varve_error *error)
{
    if (selection == NULL || selection->options_size != sizeof(*selection)) {
        return vv_fail(error, VARVE_INVALID, "fill the selection with VARVE_SELECTION_INIT");
    }
    if (selection->end < selection->start) {
        return vv_fail(error, VARVE_INVALID, "end: the range ends before it starts");
    }
    if (selection->series_count > 0 || selection->reverse || selection->limits != NULL ||
        selection->profile != NULL) {
        return vv_fail(error, VARVE_INVALID,
                       "series, reverse, limits and profile are not answered by this version");
    }
    return vv_matchers_compile(selection->matchers, selection->matcher_count, matchers, error);
}

varve_status varve_select(varve_db *db, const varve_selection *selection, varve_cursor **cursor,
                          varve_error *error)
{
    vv_error_clear(error);
    struct vv_matchers *matchers = NULL;
    VV_TRY(vv_selection_compile(selection, &matchers, error));
    struct varve_cursor *created = vv_alloc_zeroed(1, sizeof(*created));
    varve_status status =
        created == NULL ? vv_fail(error, VARVE_NO_MEMORY, "no memory for a query") : VARVE_OK;
    if (status == VARVE_OK) {
        status = vv_shard_select(db->shard, matchers, &created->shard_cursor, error);
    }
    if (status != VARVE_OK) {
        vv_matchers_destroy(matchers);
        vv_free(created);
        return status;
    }
    created->matchers = matchers;
    created->start = selection->start;
    created->end = selection->end;
    *cursor = created;
    return VARVE_OK;
}

/* Keeps the first error, with the series in which it happened. */
static bool fail_cursor(struct varve_cursor *cursor, varve_status status)
{
    if (cursor->error.status == VARVE_OK) {
        char text[256];
        size_t length =
            varve_series_format(cursor->labels, cursor->label_count, text, sizeof(text));
        int shown = (int)(length < sizeof(text) ? length : sizeof(text));
        (void)vv_fail(&cursor->error, status, "reading %.*s failed: %s%s", shown, text,
                      varve_status_text(status),
                      status == VARVE_CORRUPT ? "; varve check tells where" : "");
    }
    return false;
}

bool varve_cursor_next(varve_cursor *cursor)
{
    while (cursor->error.status == VARVE_OK) {
        vv_iter_destroy(cursor->iter);
        cursor->iter = NULL;
        cursor->first_span.count = 0;
        if (!vv_shard_cursor_next(cursor->shard_cursor)) {
            varve_status status = vv_shard_cursor_status(cursor->shard_cursor);
            return status == VARVE_OK ? false : fail_cursor(cursor, status);
        }
        cursor->label_count =
            vv_key_labels(vv_shard_cursor_key(cursor->shard_cursor), cursor->labels);
        varve_status status =
            vv_shard_cursor_iter(cursor->shard_cursor, cursor->start, cursor->end, &cursor->iter);
        if (status != VARVE_OK) {
            return fail_cursor(cursor, status);
        }
        if (vv_iter_next_span(cursor->iter, &cursor->first_span)) {
            return true;
        }
        cursor->first_span.count = 0;
        status = vv_iter_status(cursor->iter);
        if (status != VARVE_OK) {
            return fail_cursor(cursor, status);
        }
    }
    return false;
}

void varve_cursor_labels(varve_cursor *cursor, const varve_label **labels, size_t *label_count)
{
    *labels = cursor->labels;
    *label_count = cursor->label_count;
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
    if (vv_iter_next_span(cursor->iter, span)) {
        return true;
    }
    varve_status status = vv_iter_status(cursor->iter);
    return status == VARVE_OK ? false : fail_cursor(cursor, status);
}

/* The last sample in [start, end); *found is false if there is none. */
static varve_status last_sample(struct varve_cursor *cursor, int64_t start, int64_t end,
                                bool *found, int64_t *timestamp, double *value)
{
    struct vv_iter *iter = NULL;
    VV_TRY(vv_shard_cursor_iter(cursor->shard_cursor, start, end, &iter));
    varve_span span;
    *found = false;
    while (vv_iter_next_span(iter, &span)) {
        *found = true;
        *timestamp = span.timestamps[span.count - 1];
        *value = span.values[span.count - 1];
    }
    varve_status status = vv_iter_status(iter);
    vv_iter_destroy(iter);
    return status;
}

bool varve_cursor_latest(varve_cursor *cursor, int64_t *timestamp, double *value)
{
    if (cursor->iter == NULL || cursor->error.status != VARVE_OK) {
        return false;
    }
    /* Back from the greatest timestamp in windows that grow: deletions may have emptied the last
     * one. */
    int64_t time_max = vv_shard_cursor_time_max(cursor->shard_cursor);
    int64_t end = time_max < cursor->end ? time_max + 1 : cursor->end;
    uint64_t width = 1;
    for (;;) {
        uint64_t whole = (uint64_t)end - (uint64_t)cursor->start;
        bool is_whole = width >= whole || end <= cursor->start;
        int64_t start = is_whole ? cursor->start : (int64_t)((uint64_t)end - width);
        bool found;
        varve_status status =
            last_sample(cursor, start, is_whole ? cursor->end : end, &found, timestamp, value);
        if (status != VARVE_OK) {
            return fail_cursor(cursor, status);
        }
        if (found || is_whole) {
            return found;
        }
        width = width > UINT64_MAX / 1024 ? UINT64_MAX : width * 1024;
    }
}

varve_status varve_cursor_status(const varve_cursor *cursor, varve_error *error)
{
    if (cursor->error.status != VARVE_OK && error != NULL) {
        *error = cursor->error;
    }
    return cursor->error.status;
}

void varve_cursor_close(varve_cursor *cursor)
{
    if (cursor == NULL) {
        return;
    }
    vv_iter_destroy(cursor->iter);
    vv_shard_cursor_close(cursor->shard_cursor);
    vv_matchers_destroy(cursor->matchers);
    vv_free(cursor);
}
