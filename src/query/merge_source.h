/*
 * merge_source.h - one source of a merge: its iterator, opened late, without what is deleted from
 * it.
 *
 * Internal to the merge. Threads: one at a time.
 */
#ifndef VARVE_QUERY_MERGE_SOURCE_H
#define VARVE_QUERY_MERGE_SOURCE_H

#include "query/merge.h"
#include "query/ranges.h"

struct vv_merge_cursor {
    struct vv_iter *iter; /* owned */
    varve_duplicates policy;
    int64_t time_min; /* of the source; its samples lie in [time_min, time_max] */
    int64_t time_max;
    int64_t end;                         /* nothing at or after it is wanted */
    const struct vv_range_list *deleted; /* nullable */

    int64_t next;     /* no undelivered sample is earlier; exact if settled */
    int64_t live_end; /* if settled: first deleted timestamp after next, or end */
    bool settled;     /* span.timestamps[at] == next is the next sample that counts */
    bool by_rows;     /* it has rows of rollups: where a span ends one may begin */
    varve_span span;  /* the newest span of iter; at == span.count: used up */
    int64_t span_end; /* behind its last timestamp: where the iterator stands */
    size_t at;
    size_t deleted_at; /* ranges before it end at or before next */
};

void vv_merge_cursor_init(struct vv_merge_cursor *cursor, const struct vv_merge_source *source,
                          int64_t start, int64_t end, const struct vv_range_list *deleted);

/* Begins anew in another range. */
void vv_merge_cursor_restart(struct vv_merge_cursor *cursor, int64_t start, int64_t end);

/* Whether all of the source has been delivered, as far as that is known without loading. */
bool vv_merge_cursor_is_over(struct vv_merge_cursor *cursor);
/* Whether the next samples are a whole chunk of the source, with nothing of it deleted; raises next
 * to its first timestamp then. Only for a cursor that is not settled. */
bool vv_merge_cursor_peek(struct vv_merge_cursor *cursor, struct vv_summary *summary);
/* The same for a row of a rollup; to go behind it, seek to time_max + 1. */
bool vv_merge_cursor_peek_row(struct vv_merge_cursor *cursor, const struct vv_rollup_wish *wish,
                              struct vv_rollup_row *row);
/* Goes behind the chunk that was peeked at. */
void vv_merge_cursor_pass(struct vv_merge_cursor *cursor, const struct vv_summary *summary);

/* Finds the next sample that counts, loading spans where needed: invalidates the span if it is used
 * up. False: there is none, or the iterator failed (its status tells). */
bool vv_merge_cursor_settle(struct vv_merge_cursor *cursor);

/* Drops count samples of the span from the front. The cursor stays settled if the next one stands
 * in the span and is not deleted. */
void vv_merge_cursor_advance(struct vv_merge_cursor *cursor, size_t count);

/* Raises next to timestamp; loads nothing. */
void vv_merge_cursor_seek(struct vv_merge_cursor *cursor, int64_t timestamp);

#endif
