/*
 * control.c - what ends a query before its end.
 *
 * A span of 1,024 samples takes some microseconds at most: looking at the clock at every 32nd call
 * keeps a deadline within a fraction of a millisecond and costs nothing.
 * Threads: one at a time; the flag of a cancellation is set by any.
 */
#include "query/control.h"

enum { CALLS_PER_LOOK = 32 };

void varve_cancel_request(varve_cancel *cancel)
{
    /* Relaxed: nothing else is told by the flag. */
    __atomic_store_n(&cancel->requested, 1, __ATOMIC_RELAXED);
}

varve_status vv_query_control_begin(struct vv_query_control *control, const struct vv_env *env,
                                    const varve_limits *limits, varve_error *error)
{
    *control = (struct vv_query_control){.env = env, .deadline_ns = INT64_MAX};
    if (limits == NULL) {
        return VARVE_OK;
    }
    if (limits->options_size != sizeof(*limits)) {
        return vv_fail(error, VARVE_INVALID, "limits: fill them with VARVE_LIMITS_INIT");
    }
    control->cancel = limits->cancel;
    control->series_max = limits->series_max;
    control->samples_max = limits->samples_max;
    if (limits->timeout_ms > 0) {
        int64_t now = env->ops->now_monotonic_ns(env->ctx);
        control->timeout_ms = limits->timeout_ms;
        if (limits->timeout_ms < (uint64_t)(INT64_MAX - now) / 1000000) {
            control->deadline_ns = now + (int64_t)limits->timeout_ms * 1000000;
        }
    }
    return VARVE_OK;
}

varve_status vv_query_control_check(struct vv_query_control *control,
                                    const struct vv_query_counts *counts, varve_error *error)
{
    if (control->cancel != NULL &&
        __atomic_load_n(&control->cancel->requested, __ATOMIC_RELAXED) != 0) {
        return vv_fail(error, VARVE_CANCELLED, "the query was cancelled");
    }
    if (control->samples_max > 0 && counts->samples_read > control->samples_max) {
        return vv_fail(error, VARVE_LIMIT, "samples_max: the query reads more than %llu samples",
                       (unsigned long long)control->samples_max);
    }
    if (control->deadline_ns != INT64_MAX && control->calls++ % CALLS_PER_LOOK == 0 &&
        control->env->ops->now_monotonic_ns(control->env->ctx) >= control->deadline_ns) {
        return vv_fail(error, VARVE_DEADLINE, "timeout_ms: the query took more than %llu ms",
                       (unsigned long long)control->timeout_ms);
    }
    return VARVE_OK;
}
