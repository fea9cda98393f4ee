/*
 * row_walk.h - the rows of one list of states: its steps in order of time, and those between that
 * are filled.
 *
 * Threads: one at a time.
 */
#ifndef VARVE_QUERY_ROW_WALK_H
#define VARVE_QUERY_ROW_WALK_H

#include "query/bucket.h"
#include "query/merge.h"
#include "query/steps.h"

/* Where the values of a row come from. */
enum vv_row_kind {
    VV_ROW_STATE,    /* state `at` */
    VV_ROW_NULL,     /* NaN */
    VV_ROW_PREVIOUS, /* state at - 1 */
    VV_ROW_LINEAR,   /* between states at - 1 and at */
};

struct vv_row_walk {
    const struct vv_bucket *entries; /* state i of the list is entries[i * stride] */
    size_t stride;
    size_t count; /* steps with states */
    const struct vv_steps *steps;
    varve_fill fill;
    int64_t gap_max; /* 0: any */
    bool reverse;

    int64_t first; /* steps that rows are made of, if something is filled */
    int64_t last;
    int64_t time; /* of the next row */
    size_t at;    /* states before time */
    bool done;
};

/* The states must stay as they are. range is that of the query; gap_max 0: any. */
void vv_row_walk_begin(struct vv_row_walk *walk, const struct vv_bucket_list *list, size_t stride,
                       const struct vv_steps *steps, struct vv_range range,
                       const varve_aggregation *spec, bool reverse);
/* The next row; at as vv_row_kind says. False at the end. Cost does not depend on the length of
 * gaps that are not filled. */
bool vv_row_walk_next(struct vv_row_walk *walk, enum vv_row_kind *kind, int64_t *time, size_t *at);

/* The next row of most walks: nothing is filled, and time ascends. False: there is none, or the
 * walk is another one. */
static inline bool vv_row_walk_next_state(struct vv_row_walk *walk, int64_t *time, size_t *at)
{
    if (walk->fill != VARVE_FILL_NONE || walk->reverse || walk->at >= walk->count) {
        return false;
    }
    *at = walk->at++;
    *time = walk->entries[*at * walk->stride].time;
    walk->done = walk->at == walk->count;
    return true;
}

#endif
