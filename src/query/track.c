/*
 * track.c - differences, resets, rates and areas along one series.
 *
 *   steps      |  a   b  |      c  |          |  d    ...
 *   step from a to b: inside the first; from b to c: belongs to the step of c
 *   area of b: to the end of its step there, from the start of the next one to c here
 *
 * K1  NaN is passed over; what is compared are neighbouring numbers.
 * K2  A step without samples has no state: the area of the value that holds through it is no
 *     one's.
 * Threads: one at a time. rate: Prometheus, promql/functions.go, extrapolatedRate().
 */
#include "query/track.h"

#include <math.h>

static double increase_between(double from, double to)
{
    return to < from ? to : to - from;
}

static double distance(int64_t from, int64_t to)
{
    return (double)((uint64_t)to - (uint64_t)from);
}

void vv_track_begin(struct vv_track *track, unsigned parts, struct vv_range range)
{
    *track = (struct vv_track){.parts = parts, .range = range};
}

static void add_number(struct vv_track *track, int64_t time, double value)
{
    if (track->count == 0) {
        track->first_time = time;
        track->first = value;
    } else {
        track->inside += increase_between(track->last, value);
        track->resets += value < track->last;
        track->changes += value != track->last;
        track->before_time = track->last_time;
        track->before = track->last;
    }
    track->last_time = time;
    track->last = value;
    track->count++;
}

/* The area under the newest number until time, in the present step. */
static void add_area(const struct vv_track *track, int64_t step_start, int64_t time,
                     struct vv_bucket_more *more)
{
    bool in_step = track->count > 0;
    if (!in_step && !track->has_past) {
        return;
    }
    int64_t from = in_step ? track->last_time : step_start;
    from = !in_step && track->past_time > from ? track->past_time : from;
    double length = distance(from, time);
    more->area += (in_step ? track->last : track->past) * length;
    more->duration += length;
}

void vv_track_add(struct vv_track *track, const int64_t *timestamps, const double *values,
                  size_t count, int64_t step_start, struct vv_bucket_more *more)
{
    bool with_area = (track->parts & VV_PART_AREA) != 0;
    for (size_t at = 0; at < count; at++) {
        if (values[at] != values[at]) {
            continue;
        }
        if (with_area) {
            add_area(track, step_start, timestamps[at], more);
        }
        add_number(track, timestamps[at], values[at]);
    }
}

void vv_track_add_summary(struct vv_track *track, const struct vv_summary *summary)
{
    const struct vv_value_statistics *statistics = &summary->statistics;
    add_number(track, summary->time_min, statistics->first);
    track->inside += statistics->increase;
    track->resets += statistics->resets;
    track->last_time = summary->time_max;
    track->last = statistics->last;
    track->count += statistics->count - 1;
}

/* As Prometheus does; an end of the query's range that is open is not extrapolated to. */
static double extrapolated_rate(const struct vv_track *track, int64_t start, int64_t end)
{
    double sampled = distance(track->first_time, track->last_time);
    double average = sampled / (double)(track->count - 1);
    double window = sampled;
    double extrapolated = sampled;
    double result = track->inside;
    if (start != INT64_MIN) {
        double to_start = distance(start, track->first_time);
        window += to_start;
        to_start = to_start >= average * 1.1 ? average / 2 : to_start;
        if (result > 0 && track->first >= 0) { /* a counter does not begin below 0 */
            double to_zero = sampled * (track->first / result);
            to_start = to_zero < to_start ? to_zero : to_start;
        }
        extrapolated += to_start;
    }
    if (end != INT64_MAX) {
        double to_end = distance(track->last_time, end);
        window += to_end;
        extrapolated += to_end >= average * 1.1 ? average / 2 : to_end;
    }
    return result * (extrapolated / sampled) / (window / 1e9);
}

static void close_steps(const struct vv_track *track, int64_t start, int64_t end,
                        struct vv_bucket_more *more)
{
    more->has_steps = true;
    more->resets += track->resets;
    more->changes += track->changes;
    more->delta = track->last - (track->has_past ? track->past : track->first);
    more->increase =
        track->inside + (track->has_past ? increase_between(track->past, track->first) : 0.0);
    if (track->count < 2) {
        return;
    }
    start = start > track->range.start ? start : track->range.start;
    end = end < track->range.end ? end : track->range.end;
    more->rate = extrapolated_rate(track, start, end);
    if ((track->parts & VV_PART_LAST_TWO) != 0) {
        more->irate = increase_between(track->before, track->last) /
                      (distance(track->before_time, track->last_time) / 1e9);
    }
}

void vv_track_add_past(const struct vv_track *track, int64_t start, int64_t end,
                       struct vv_bucket_more *more)
{
    double length = distance(track->past_time > start ? track->past_time : start, end);
    more->area += track->past * length;
    more->duration += length;
}

void vv_track_close(struct vv_track *track, int64_t start, int64_t end, size_t entry,
                    struct vv_bucket_more *more)
{
    if (track->count == 0) {
        return;
    }
    close_steps(track, start, end, more);
    track->has_past = true;
    track->past_time = track->last_time;
    track->past = track->last;
    track->past_entry = entry;
    track->count = 0;
    track->inside = 0;
    track->resets = 0;
    track->changes = 0;
}
