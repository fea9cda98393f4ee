/*
 * control.h - what ends a query before its end: limits, a deadline, a wish from outside.
 *
 * Threads: one at a time; the flag of a cancellation is set by any.
 */
#ifndef VARVE_QUERY_CONTROL_H
#define VARVE_QUERY_CONTROL_H

#include "os/env.h"
#include "query/memory.h"

struct vv_query_control {
    const struct vv_env *env;   /* its clock */
    const varve_cancel *cancel; /* nullable */
    int64_t deadline_ns;        /* of the monotonic clock; INT64_MAX: none */
    uint64_t timeout_ms;        /* for the message */
    uint64_t series_max;        /* 0: any number */
    uint64_t samples_max;
    unsigned calls; /* of check, between looks at the clock */
};

/* limits is nullable. INVALID: it was not filled with its _INIT macro. */
varve_status vv_query_control_begin(struct vv_query_control *control, const struct vv_env *env,
                                    const varve_limits *limits,
                                    varve_error *error) VARVE_MUST_CHECK;

/* To be called for each span, each series, or each few microseconds of other work. CANCELLED,
 * DEADLINE, LIMIT: error (nullable) names what was reached. Cost: nanoseconds; the clock is looked
 * at now and then. */
varve_status vv_query_control_check(struct vv_query_control *control,
                                    const struct vv_query_counts *counts,
                                    varve_error *error) VARVE_MUST_CHECK;

#endif
