/*
 * steps.c - the step that contains a time.
 *
 * T1  A calendar step begins at the first moment at which clocks show its first midnight, so that
 *     steps follow each other without gap whatever clocks do: a change of the clocks makes a step
 *     shorter or longer.
 * T2  Arithmetic is in seconds for calendar steps, whose ends may lie outside of int64
 *     nanoseconds; it cannot overflow there.
 * Threads: pure.
 */
#include "query/steps.h"

#include "base/status.h"
#include "base/time_text.h"

enum { SECOND = 1000000000, DAY_SECONDS = 86400 };

static int64_t floor_divide(int64_t value, int64_t by)
{
    return value / by - (value % by < 0);
}

/* Seconds to nanoseconds, cut off at the ends of int64. */
static int64_t to_nanoseconds(int64_t seconds)
{
    int64_t nanoseconds;
    if (__builtin_mul_overflow(seconds, (int64_t)SECOND, &nanoseconds)) {
        return seconds < 0 ? INT64_MIN : INT64_MAX;
    }
    return nanoseconds;
}

static int64_t add_cut_off(int64_t a, int64_t b)
{
    int64_t sum;
    if (__builtin_add_overflow(a, b, &sum)) {
        return b < 0 ? INT64_MIN : INT64_MAX;
    }
    return sum;
}

/* ----------------------------------------------------------------------------- Calendar */

/* The number of the step of a day. Day 0 is 1970-01-01, a Thursday. */
static int64_t step_of_day(const struct vv_steps *steps, int64_t day)
{
    if (steps->unit == VARVE_STEP_DAYS) {
        return floor_divide(day, steps->count);
    }
    if (steps->unit == VARVE_STEP_WEEKS) {
        return floor_divide(floor_divide(day - 4, 7), steps->count);
    }
    struct vv_civil date = vv_civil_from_days(day);
    int64_t months = (date.year - 1970) * 12 + (int64_t)date.month - 1;
    return floor_divide(months, steps->unit == VARVE_STEP_YEARS ? 12 * steps->count : steps->count);
}

static int64_t first_day(const struct vv_steps *steps, int64_t number)
{
    if (steps->unit == VARVE_STEP_DAYS) {
        return number * steps->count;
    }
    if (steps->unit == VARVE_STEP_WEEKS) {
        return number * steps->count * 7 + 4;
    }
    int64_t months = number * steps->count * (steps->unit == VARVE_STEP_YEARS ? 12 : 1);
    int64_t years = floor_divide(months, 12);
    return vv_days_from_civil((struct vv_civil){
        .year = 1970 + years, .month = (unsigned)(months - years * 12) + 1, .day = 1});
}

/* The beginning of a step in UTC seconds. */
static int64_t step_start(const struct vv_steps *steps, int64_t number)
{
    return vv_time_zone_to_utc(&steps->zone, first_day(steps, number) * DAY_SECONDS);
}

static void calendar_bounds(const struct vv_steps *steps, int64_t timestamp, int64_t *start,
                            int64_t *end)
{
    int64_t seconds = floor_divide(timestamp, SECOND);
    int64_t local = seconds + vv_time_zone_offset(&steps->zone, seconds);
    int64_t number = step_of_day(steps, floor_divide(local, DAY_SECONDS));
    int64_t first = step_start(steps, number);
    int64_t next = step_start(steps, number + 1);
    while (seconds >= next) { /* clocks went back over a midnight (T1) */
        first = next;
        next = step_start(steps, ++number + 1);
    }
    *start = to_nanoseconds(first);
    *end = to_nanoseconds(next);
}

/* --------------------------------------------------------------------------------- Steps */

static void fixed_bounds(int64_t timestamp, int64_t step, int64_t *start, int64_t *end)
{
    int64_t into = timestamp % step;
    if (into < 0) {
        into += step;
    }
    int64_t left = step - into;
    *start = timestamp >= INT64_MIN + into ? timestamp - into : INT64_MIN;
    *end = timestamp <= INT64_MAX - left ? timestamp + left : INT64_MAX;
}

void vv_steps_bounds(const struct vv_steps *steps, int64_t timestamp, int64_t *start, int64_t *end)
{
    if (steps->count == 0) {
        *start = steps->start;
        *end = INT64_MAX;
        return;
    }
    VV_ASSERT(steps->count > 0);
    int64_t moved;
    if (steps->unit == VARVE_STEP_NANOSECONDS) {
        /* Modulo the step, the offset is less than a step, and the sum does not wrap around. */
        int64_t offset = steps->offset % steps->count;
        if (__builtin_sub_overflow(timestamp, offset, &moved)) {
            offset += offset > 0 ? -steps->count : steps->count;
            moved = timestamp - offset;
        }
        fixed_bounds(moved, steps->count, start, end);
        *start = *start == INT64_MIN ? INT64_MIN : add_cut_off(*start, offset);
        *end = *end == INT64_MAX ? INT64_MAX : add_cut_off(*end, offset);
        return;
    }
    moved = add_cut_off(timestamp, steps->offset == INT64_MIN ? INT64_MAX : -steps->offset);
    calendar_bounds(steps, moved, start, end);
    *start = *start == INT64_MIN ? INT64_MIN : add_cut_off(*start, steps->offset);
    *end = *end == INT64_MAX ? INT64_MAX : add_cut_off(*end, steps->offset);
}
