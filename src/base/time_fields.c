/*
 * time_fields.c - the calendar, and the pieces of which texts of times consist.
 *
 * The calendar counts in eras of 400 years (146,097 days), whose years begin in March, so that the
 * leap day is the last of its year and the lengths of months follow (153 * month + 2) / 5 (Howard
 * Hinnant, "chrono-compatible low-level date algorithms").
 */
#include "base/time_fields.h"

#include "base/status.h"
#include "base/time_text.h"

#define DAYS_PER_ERA 146097
#define DAYS_BEFORE_1970 719468 /* from 0000-03-01 */

int64_t vv_days_from_civil(struct vv_civil civil)
{
    int64_t year = civil.year - (civil.month <= 2);
    int64_t era = (year >= 0 ? year : year - 399) / 400;
    int64_t year_of_era = year - era * 400;
    int64_t month_from_march = civil.month > 2 ? civil.month - 3 : civil.month + 9;
    int64_t day_of_year = (153 * month_from_march + 2) / 5 + civil.day - 1;
    int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    return era * DAYS_PER_ERA + day_of_era - DAYS_BEFORE_1970;
}

struct vv_civil vv_civil_from_days(int64_t days)
{
    days += DAYS_BEFORE_1970;
    int64_t era = (days >= 0 ? days : days - (DAYS_PER_ERA - 1)) / DAYS_PER_ERA;
    int64_t day_of_era = days - era * DAYS_PER_ERA;
    int64_t year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    int64_t month_from_march = (5 * day_of_year + 2) / 153;
    unsigned day = (unsigned)(day_of_year - (153 * month_from_march + 2) / 5 + 1);
    unsigned month =
        (unsigned)(month_from_march < 10 ? month_from_march + 3 : month_from_march - 9);
    int64_t year = year_of_era + era * 400 + (month <= 2);
    return (struct vv_civil){.year = year, .month = month, .day = day};
}

unsigned vv_days_in_month(int64_t year, unsigned month)
{
    static const uint8_t days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    VV_ASSERT(month >= 1 && month <= 12);
    bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    return days[month - 1] + (month == 2 && leap);
}

bool vv_cursor_fraction(struct vv_cursor *cursor, int64_t *nanosecond)
{
    int64_t value;
    int64_t more;
    unsigned count = vv_cursor_digits(cursor, 9, &value);
    if (count == 0 || vv_cursor_digits(cursor, 1, &more) != 0) {
        return false;
    }
    for (; count < 9; count++) {
        value *= 10;
    }
    *nanosecond = value;
    return true;
}

bool vv_cursor_offset(struct vv_cursor *cursor, int64_t *offset_seconds)
{
    if (vv_cursor_take(cursor, 'Z') || vv_cursor_take(cursor, 'z')) {
        *offset_seconds = 0;
        return true;
    }
    int64_t sign = vv_cursor_peek(cursor) == '-' ? -1 : 1;
    int64_t hours;
    int64_t minutes = 0;
    if (!vv_cursor_take(cursor, '-') && !vv_cursor_take(cursor, '+')) {
        return false;
    }
    if (vv_cursor_digits(cursor, 2, &hours) != 2 || hours > 23) {
        return false;
    }
    bool colon = vv_cursor_take(cursor, ':');
    unsigned count = vv_cursor_digits(cursor, 2, &minutes);
    if ((count != 2 && (count != 0 || colon)) || minutes > 59) {
        return false;
    }
    *offset_seconds = sign * (hours * 3600 + minutes * 60);
    return true;
}

bool vv_time_from_seconds(int64_t seconds, int64_t nanoseconds, int64_t *time)
{
    /* Before the epoch seconds alone may lie below the range and come back into it by the
     * nanoseconds. */
    if (seconds < 0 && nanoseconds > 0) {
        seconds += 1;
        nanoseconds -= VV_NS_PER_SECOND;
    }
    int64_t scaled;
    return !__builtin_mul_overflow(seconds, VV_NS_PER_SECOND, &scaled) &&
           !__builtin_add_overflow(scaled, nanoseconds, time);
}

/* INVALID unless low <= value <= high. */
static varve_status check_field(varve_string text, const char *name, int64_t value, int64_t low,
                                int64_t high, varve_error *error)
{
    if (value >= low && value <= high) {
        return VARVE_OK;
    }
    return vv_refuse(error, "time '%.*s': %s %lld is not %lld to %lld", vv_shown_length(text),
                     text.bytes, name, (long long)value, (long long)low, (long long)high);
}

varve_status vv_time_from_fields(varve_string text, const struct vv_time_fields *fields,
                                 int64_t *time, varve_error *error)
{
    VV_TRY(check_field(text, "year", fields->year, 0, 9999, error));
    VV_TRY(check_field(text, "month", fields->month, 1, 12, error));
    int64_t days_in_month = vv_days_in_month(fields->year, (unsigned)fields->month);
    VV_TRY(check_field(text, "day", fields->day, 1, days_in_month, error));
    VV_TRY(check_field(text, "hour", fields->hour, 0, 23, error));
    VV_TRY(check_field(text, "minute", fields->minute, 0, 59, error));
    VV_TRY(check_field(text, "second", fields->second, 0, 59, error));
    struct vv_civil civil = {
        .year = fields->year, .month = (unsigned)fields->month, .day = (unsigned)fields->day};
    int64_t seconds = vv_days_from_civil(civil) * 86400 + fields->hour * 3600 +
                      fields->minute * 60 + fields->second - fields->offset_seconds;
    int64_t result;
    if (!vv_time_from_seconds(seconds, fields->nanosecond, &result)) {
        return vv_refuse(error,
                         "time '%.*s' is outside of what 64 bits of nanoseconds hold: "
                         "1677-09-21T00:12:43.145224192Z to 2262-04-11T23:47:16.854775807Z",
                         vv_shown_length(text), text.bytes);
    }
    *time = result;
    return VARVE_OK;
}
