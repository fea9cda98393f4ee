/*
 * steps.h - steps of time: of a fixed length, or of the calendar in a time zone.
 *
 * Threads: immutable once made; any.
 */
#ifndef VARVE_QUERY_STEPS_H
#define VARVE_QUERY_STEPS_H

#include "base/time_zone.h"

struct vv_steps {
    int64_t count; /* in unit; 0: one step over everything */
    varve_step_unit unit;
    int64_t offset;           /* nanoseconds that steps begin later */
    struct vv_time_zone zone; /* for days and longer */
    int64_t start;            /* time of the only step, if count is 0 */
};

/* The step that contains timestamp, [*start, *end). What lies beyond the ends of int64 is cut off
 * there: INT64_MIN, and INT64_MAX, which is no timestamp. *start is the time of its row. */
void vv_steps_bounds(const struct vv_steps *steps, int64_t timestamp, int64_t *start, int64_t *end);

#endif
