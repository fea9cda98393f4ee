/*
 * time_fields.h - what the parsers of times share: a place in the text, and fields made a
 * timestamp.
 *
 * Threads: pure functions. Nothing allocates.
 */
#ifndef VARVE_BASE_TIME_FIELDS_H
#define VARVE_BASE_TIME_FIELDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "varve/varve.h"

/* A place in the text being read. */
struct vv_cursor {
    const char *at;
    const char *end;
};

static inline struct vv_cursor vv_cursor_init(varve_string text)
{
    const char *start = text.length != 0 ? text.bytes : "";
    return (struct vv_cursor){.at = start, .end = start + text.length};
}

static inline bool vv_cursor_done(const struct vv_cursor *cursor)
{
    return cursor->at == cursor->end;
}

/* The next character, or NUL at the end. */
static inline char vv_cursor_peek(const struct vv_cursor *cursor)
{
    return vv_cursor_done(cursor) ? '\0' : *cursor->at;
}

/* Goes behind the character if it is the next one. */
static inline bool vv_cursor_take(struct vv_cursor *cursor, char character)
{
    if (vv_cursor_done(cursor) || *cursor->at != character) {
        return false;
    }
    cursor->at++;
    return true;
}

/* Reads up to digits_max (at most 18) decimal digits; returns how many there were. */
static inline unsigned vv_cursor_digits(struct vv_cursor *cursor, unsigned digits_max,
                                        int64_t *value)
{
    const char *start = cursor->at;
    const char *at = start;
    int64_t sum = 0;
    while (at != cursor->end && (unsigned)(at - start) < digits_max && *at >= '0' && *at <= '9') {
        sum = sum * 10 + (*at++ - '0');
    }
    cursor->at = at;
    *value = sum;
    return (unsigned)(at - start);
}

/* 1 to 9 digits behind a decimal point, as nanoseconds of a second. False if there is none or
 *   more. */
bool vv_cursor_fraction(struct vv_cursor *cursor, int64_t *nanosecond);

/* Z, z, +hh, +hhmm or +hh:mm (or -), as seconds east of UTC. */
bool vv_cursor_offset(struct vv_cursor *cursor, int64_t *offset_seconds);

/* A time of the day in the calendar. Any numbers: vv_time_from_fields() checks them. */
struct vv_time_fields {
    int64_t year;
    int64_t month;
    int64_t day;
    int64_t hour;
    int64_t minute;
    int64_t second;
    int64_t nanosecond;     /* 0 to 999,999,999 */
    int64_t offset_seconds; /* of the clock that shows the fields, east of UTC; less than a day */
};

/* The timestamp; INVALID, with text in the message, for a field out of range (years 0 to 9999) or a
 * time that int64 nanoseconds cannot hold. */
varve_status vv_time_from_fields(varve_string text, const struct vv_time_fields *fields,
                                 int64_t *time, varve_error *error);

/* seconds * 10^9 + nanoseconds, if int64 holds it. */
bool vv_time_from_seconds(int64_t seconds, int64_t nanoseconds, int64_t *time);

/* How many bytes of a text a message shows. */
static inline int vv_shown_length(varve_string text)
{
    return text.length < 80 ? (int)text.length : 80;
}

#endif
