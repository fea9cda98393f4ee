/*
 * row_walk.c - from states to rows, in either direction of time.
 *
 *   states        0       1   2           3
 *   steps     . . # . . . #   #   . . . . # . .
 *   first ----^                                ^---- last
 *
 * W1  time is the start of a step; at counts the states before it. It is a state's step if state at
 *     has that time.
 * W2  A gap lies between two states, or between a state and an end of the range; it is filled as a
 *     whole or not at all.
 * Threads: one at a time.
 */
#include "query/row_walk.h"

static int64_t time_of(const struct vv_row_walk *walk, size_t at)
{
    return walk->entries[at * walk->stride].time;
}

static bool is_state(const struct vv_row_walk *walk)
{
    return walk->at < walk->count && time_of(walk, walk->at) == walk->time;
}

void vv_row_walk_begin(struct vv_row_walk *walk, const struct vv_bucket_list *list, size_t stride,
                       const struct vv_steps *steps, struct vv_range range,
                       const varve_aggregation *spec, bool reverse)
{
    *walk = (struct vv_row_walk){
        .entries = list->entries,
        .stride = stride,
        .count = list->count / stride,
        .steps = steps,
        .fill = spec->fill,
        .gap_max = spec->fill_gap_max,
        .reverse = reverse,
    };
    walk->done = walk->count == 0;
    if (walk->done) {
        return;
    }
    int64_t ignored;
    walk->first = time_of(walk, 0);
    walk->last = time_of(walk, walk->count - 1);
    if (spec->fill == VARVE_FILL_NULL && range.start != INT64_MIN) {
        vv_steps_bounds(steps, range.start, &walk->first, &ignored);
    }
    if ((spec->fill == VARVE_FILL_NULL || spec->fill == VARVE_FILL_PREVIOUS) &&
        range.end != INT64_MAX) {
        vv_steps_bounds(steps, range.end - 1, &walk->last, &ignored);
    }
    walk->time = reverse ? walk->last : walk->first;
    walk->at = reverse ? walk->count : 0;
    while (walk->at > 0 && time_of(walk, walk->at - 1) >= walk->time) {
        walk->at--;
    }
}

/* Whether the gap around time is filled, and how. */
static bool fill_gap(const struct vv_row_walk *walk, enum vv_row_kind *kind)
{
    bool has_before = walk->at > 0;
    bool has_after = walk->at < walk->count;
    int64_t from = has_before ? time_of(walk, walk->at - 1) : walk->first;
    int64_t to = has_after ? time_of(walk, walk->at) : walk->last;
    if (walk->gap_max > 0 && (uint64_t)to - (uint64_t)from > (uint64_t)walk->gap_max) {
        return false;
    }
    switch (walk->fill) {
    case VARVE_FILL_NULL:
        *kind = VV_ROW_NULL;
        return true;
    case VARVE_FILL_PREVIOUS:
        *kind = VV_ROW_PREVIOUS;
        return has_before;
    case VARVE_FILL_LINEAR:
        *kind = VV_ROW_LINEAR;
        return has_before && has_after;
    case VARVE_FILL_NONE:
        break;
    }
    return false;
}

/* Goes to the step behind time, or before it. */
static void advance(struct vv_row_walk *walk)
{
    int64_t start, end;
    if (walk->time == (walk->reverse ? walk->first : walk->last)) {
        walk->done = true;
        return;
    }
    vv_steps_bounds(walk->steps, walk->time, &start, &end);
    if (walk->reverse) {
        vv_steps_bounds(walk->steps, start - 1, &walk->time, &end);
        while (walk->at > 0 && time_of(walk, walk->at - 1) >= walk->time) {
            walk->at--;
        }
    } else {
        walk->at += is_state(walk) ? 1 : 0;
        walk->time = end;
    }
}

/* Goes over a gap that is not filled, to the state behind it. */
static void pass_gap(struct vv_row_walk *walk)
{
    if (walk->reverse ? walk->at == 0 : walk->at == walk->count) {
        walk->done = true;
        return;
    }
    walk->at -= walk->reverse ? 1 : 0;
    walk->time = time_of(walk, walk->at);
}

/* Without fill: state after state. */
static bool next_state(struct vv_row_walk *walk, int64_t *time, size_t *at)
{
    *at = walk->reverse ? walk->at : walk->at++;
    *time = time_of(walk, *at);
    if (walk->reverse) {
        walk->done = walk->at == 0;
        walk->at -= walk->done ? 0 : 1;
    } else {
        walk->done = walk->at == walk->count;
    }
    return true;
}

bool vv_row_walk_next(struct vv_row_walk *walk, enum vv_row_kind *kind, int64_t *time, size_t *at)
{
    *kind = VV_ROW_STATE;
    if (walk->fill == VARVE_FILL_NONE && !walk->done) {
        return next_state(walk, time, at);
    }
    while (!walk->done) {
        if (!is_state(walk) && !fill_gap(walk, kind)) {
            pass_gap(walk);
            continue;
        }
        *time = walk->time;
        *at = walk->at;
        advance(walk);
        return true;
    }
    return false;
}
