/*
 * merge_source.c - one source of a merge, seen as the sequence of its samples that count.
 *
 * C1  next never exceeds the timestamp of an undelivered sample that counts: a lower bound until
 *     the cursor is settled, exact then.
 * C2  The iterator is not touched before its lower bound is reached by the merge, and its span
 *     stays valid until the call after the one that used it up.
 * C3  Deleted ranges are skipped by seeking over them, so that spans that lie inside are never
 *     decoded.
 * Threads: one at a time.
 */
#include "query/merge_source.h"

void vv_merge_cursor_init(struct vv_merge_cursor *cursor, const struct vv_merge_source *source,
                          int64_t start, int64_t end, const struct vv_range_list *deleted)
{
    *cursor = (struct vv_merge_cursor){
        .iter = source->iter,
        .policy = source->policy,
        .time_min = source->time_min,
        .time_max = source->time_max,
        .deleted = deleted,
    };
    vv_merge_cursor_restart(cursor, start, end);
}

void vv_merge_cursor_restart(struct vv_merge_cursor *cursor, int64_t start, int64_t end)
{
    bool bounded = cursor->time_max < INT64_MAX && cursor->time_max + 1 < end;
    cursor->end = bounded ? cursor->time_max + 1 : end;
    cursor->next = cursor->time_min > start ? cursor->time_min : start;
    cursor->span_end = INT64_MIN;
    cursor->span.count = 0;
    cursor->at = 0;
    cursor->deleted_at = 0;
    cursor->settled = false;
}

/* Raises next out of deleted ranges and sets live_end. */
static void skip_deleted(struct vv_merge_cursor *cursor)
{
    const struct vv_range_list *deleted = cursor->deleted;
    cursor->live_end = cursor->end;
    if (deleted == NULL) {
        return;
    }
    while (cursor->deleted_at < deleted->count) {
        const struct vv_range *range = &deleted->ranges[cursor->deleted_at];
        if (range->start > cursor->next) {
            if (range->start < cursor->end) {
                cursor->live_end = range->start;
            }
            return;
        }
        if (range->end > cursor->next) {
            cursor->next = range->end;
        }
        cursor->deleted_at++;
    }
}

/* Asks the iterator for the span that begins at or after next. */
static bool load(struct vv_merge_cursor *cursor)
{
    if (cursor->next > cursor->span_end) {
        vv_iter_seek(cursor->iter, cursor->next);
    }
    cursor->at = 0;
    if (!vv_iter_next_span(cursor->iter, &cursor->span)) {
        cursor->span.count = 0;
        return false;
    }
    cursor->span_end = cursor->span.timestamps[cursor->span.count - 1] + 1;
    return true;
}

bool vv_merge_cursor_is_over(struct vv_merge_cursor *cursor)
{
    if (cursor->settled || cursor->at < cursor->span.count) {
        return false;
    }
    skip_deleted(cursor);
    return cursor->next >= cursor->end;
}

/* Brings the iterator to next, if it has delivered all that the cursor has. */
static bool go_to_next(struct vv_merge_cursor *cursor)
{
    if (cursor->settled || cursor->at < cursor->span.count || vv_merge_cursor_is_over(cursor)) {
        return false;
    }
    if (cursor->next > cursor->span_end) {
        vv_iter_seek(cursor->iter, cursor->next);
        cursor->span_end = cursor->next; /* where the iterator stands now */
    }
    return true;
}

/* What was peeked at counts if nothing of it is deleted. */
static bool accept(struct vv_merge_cursor *cursor, const struct vv_summary *summary)
{
    if (summary->time_max >= cursor->live_end) {
        return false;
    }
    cursor->next = summary->time_min > cursor->next ? summary->time_min : cursor->next;
    return true;
}

bool vv_merge_cursor_peek(struct vv_merge_cursor *cursor, struct vv_summary *summary)
{
    return go_to_next(cursor) && vv_iter_peek(cursor->iter, summary) && accept(cursor, summary);
}

bool vv_merge_cursor_peek_row(struct vv_merge_cursor *cursor, const struct vv_rollup_wish *wish,
                              struct vv_rollup_row *row)
{
    if (!go_to_next(cursor) || !vv_iter_peek_row(cursor->iter, wish, row)) {
        return false;
    }
    cursor->by_rows = true;
    return accept(cursor, &row->summary);
}

void vv_merge_cursor_pass(struct vv_merge_cursor *cursor, const struct vv_summary *summary)
{
    vv_iter_pass(cursor->iter);
    cursor->next = summary->time_max + 1;
    cursor->span_end = cursor->next;
    cursor->span.count = 0;
    cursor->at = 0;
}

bool vv_merge_cursor_settle(struct vv_merge_cursor *cursor)
{
    while (!cursor->settled) {
        skip_deleted(cursor);
        if (cursor->next >= cursor->end) {
            return false;
        }
        if (cursor->at == cursor->span.count && !load(cursor)) {
            return false;
        }
        cursor->at = vv_timestamps_find(cursor->span.timestamps, cursor->at, cursor->span.count,
                                        cursor->next);
        if (cursor->at < cursor->span.count) {
            int64_t timestamp = cursor->span.timestamps[cursor->at];
            cursor->settled = timestamp == cursor->next || timestamp < cursor->live_end;
            cursor->next = timestamp;
        }
    }
    return cursor->next < cursor->end;
}

void vv_merge_cursor_advance(struct vv_merge_cursor *cursor, size_t count)
{
    VV_ASSERT(cursor->settled && count >= 1 && count <= cursor->span.count - cursor->at);
    cursor->at += count;
    if (cursor->at < cursor->span.count) {
        cursor->next = cursor->span.timestamps[cursor->at];
        cursor->settled = cursor->next < cursor->live_end;
    } else {
        cursor->next = cursor->span_end;
        cursor->settled = false;
    }
}

void vv_merge_cursor_seek(struct vv_merge_cursor *cursor, int64_t timestamp)
{
    if (timestamp > cursor->next) {
        cursor->next = timestamp;
        cursor->settled = false;
    }
}
