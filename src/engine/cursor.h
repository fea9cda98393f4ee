/*
 * cursor.h - the inside of a cursor: shared by those who walk over samples and over rows.
 *
 * A cursor that was closed is kept for the next query of the database, with its memory, so that a
 * query like one before takes nothing from the heap.
 */
#ifndef VARVE_ENGINE_CURSOR_H
#define VARVE_ENGINE_CURSOR_H

#include "engine/database.h"
#include "query/control.h"

struct varve_cursor {
    /* Constant while it is open. */
    struct varve_db *db;
    struct vv_query_memory memory; /* of everything below */
    struct vv_query_control control;
    struct vv_shard_cursor *shard_cursor;
    struct vv_matchers *matchers; /* of this query or one before; kept for the next */
    struct vv_range range;
    bool reverse;
    varve_profile *profile; /* nullable: the caller's */

    varve_error error; /* status VARVE_OK: none */

    /* Of the current series. */
    struct vv_iter *iter;
    struct vv_range live;  /* range without what has expired */
    varve_span first_span; /* fetched by next(); count 0 when it was handed out */
    bool has_newest;       /* its newest sample was known without decoding */
    int64_t newest_time;
    double newest_value;
    bool has_labels;
    size_t label_count;
    varve_label labels[VARVE_LABELS_MAX];

    /* Reverse: a window of samples, newest first, and what lies before it. */
    int64_t *window_timestamps; /* values behind them */
    size_t window_capacity;
    size_t window_count;
    size_t window_at;
    int64_t window_start; /* INT64_MIN: nothing is left before it */
};

/* As varve_select(); *cursor is closed with varve_cursor_close(). */
varve_status vv_cursor_open(struct varve_db *db, const varve_selection *selection,
                            struct varve_cursor **cursor, varve_error *error) VARVE_MUST_CHECK;
/* Moves to the next series, whether or not it has samples, and makes its iterator. False at the end
 * and on error. */
bool vv_cursor_next_iter(struct varve_cursor *cursor);
/* The key of the current series; empty on error. */
struct vv_key vv_cursor_key(struct varve_cursor *cursor);
/* Looks at limits, deadline and cancellation. False: error is set. */
bool vv_cursor_goes_on(struct varve_cursor *cursor);
/* Whether what was read may be believed (U4). False: error is set. */
bool vv_cursor_is_intact(struct varve_cursor *cursor);
/* Keeps the first error, with the series in which it happened. Always false. */
bool vv_cursor_fail(struct varve_cursor *cursor, varve_status status);

/* Nanoseconds of the clock if there is a profile, else 0. */
static inline int64_t vv_cursor_clock(const struct varve_cursor *cursor)
{
    const struct vv_env *env = cursor->db->env;
    return cursor->profile != NULL ? env->ops->now_monotonic_ns(env->ctx) : 0;
}

/* Gives back the cursors that the database keeps. */
void vv_cursors_drop_idle(struct varve_db *db);

#endif
