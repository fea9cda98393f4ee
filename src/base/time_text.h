/*
 * time_text.h - timestamps and durations to text and back: the Gregorian calendar in UTC, no
 * locale, no zone data base, no clock.
 *
 * A time is int64 nanoseconds since 1970-01-01T00:00:00Z: 1677-09-21T00:12:43.145224192Z to
 * 2262-04-11T23:47:16.854775807Z. Everything beyond is refused, never wrapped. A leap second (:60)
 * is refused as well: it has no number of its own.
 *
 * Failures are INVALID; *error (nullable) says what is wrong with the text and how to write it. It
 * is written only on failure and may be uninitialised before. Results are written only on success.
 *
 * Threads: pure functions. Nothing allocates. Cost: 20 to 100 ns.
 */
#ifndef VARVE_BASE_TIME_TEXT_H
#define VARVE_BASE_TIME_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "varve/varve.h"

#define VV_NS_PER_SECOND INT64_C(1000000000)
#define VV_NS_PER_DAY (INT64_C(86400) * VV_NS_PER_SECOND)

/* A day of the Gregorian calendar, which is extended to all years. */
struct vv_civil {
    int64_t year;
    unsigned month; /* 1 to 12 */
    unsigned day;   /* 1 to 31 */
};

/* Days since 1970-01-01, for any valid day of the years -1,000,000 to 1,000,000. */
int64_t vv_days_from_civil(struct vv_civil civil);
/* The opposite. */
struct vv_civil vv_civil_from_days(int64_t days);
/* 28 to 31. month is 1 to 12. */
unsigned vv_days_in_month(int64_t year, unsigned month);

/* RFC 3339: 2026-11-21T10:00:00.5Z, or an offset for Z, a space or t for T, z for Z, 1 to 9 digits
 * of fraction, seconds and fraction left out; a date alone is its midnight. UTC where no offset is
 * given. */
varve_status vv_rfc3339_parse(varve_string text, int64_t *time, varve_error *error);

/* A whole number of a unit, with a fraction if there is one (1700000000.25 in seconds): what stands
 * in data files. precision is not DEFAULT. INVALID where the fraction is finer than a
 * nanosecond. */
varve_status vv_time_number_parse(varve_string text, varve_precision precision, int64_t *time,
                                  varve_error *error);

/**
 * vv_time_pattern_parse() - a time in a form that a strptime pattern describes.
 *
 * %Y year  %m month  %d %e day  %j day of the year  %y year of 1969 to 2068  %b %B %h month by its
 * English name, short or long  %H hour  %I hour of 12  %p AM or PM  %M minute  %S second  %f
 * fraction of a second,
 * 1 to 9 digits  %s seconds since the epoch  %z offset (Z, +hh, +hhmm, +hh:mm)  %Z UTC, GMT or Z
 * %a %A name of a day, not checked against the date  %T %H:%M:%S  %R %H:%M  %F %Y-%m-%d  %D
 * %m/%d/%y %n %t and white space: any white space, none too  %% itself. Everything else stands for
 * itself.
 *
 * The pattern must have a year or %s; month and day are 1 where it lacks them, all else is 0. UTC
 * unless it has %z. INVALID too if the pattern itself is wrong.
 */
varve_status vv_time_pattern_parse(varve_string pattern, varve_string text, int64_t *time,
                                   varve_error *error);

#endif
