/*
 * time_zone.c - TZif files and their rules.
 *
 *   header | data of 4-byte times | header | data of 8-byte times | \n rule \n
 *   data:  times | type of each | types: offset, summer, name | names | leap seconds | ...
 *
 * Z1  Between two changes the offset is constant; behind the last one the rule says when it
 *     changes, every year.
 * Z2  Nothing of a file is believed before it was checked against its length.
 * Threads: pure. Format: RFC 8536; rules: POSIX TZ.
 */
#include "base/time_zone.h"

#include <string.h>

#include "base/status.h"
#include "base/time_fields.h"
#include "base/time_text.h"

enum {
    HEADER_BYTES = 44,
    OFFSET_SECONDS_MAX = 26 * 3600, /* RFC 8536 allows 25:59:59 */
    DAY_SECONDS = 86400,
};

/* --------------------------------------------------------------------------------- Rules */

/* A number at the cursor, at least one digit. */
static bool take_number(struct vv_cursor *cursor, int64_t max, int32_t *number)
{
    int64_t value;
    if (vv_cursor_digits(cursor, 5, &value) == 0 || value > max) {
        return false;
    }
    *number = (int32_t)value;
    return true;
}

/* [+-]h[h][h][:mm[:ss]] as seconds. */
static bool take_time(struct vv_cursor *cursor, int32_t hours_max, int32_t *seconds)
{
    int32_t hours, minutes = 0, rest = 0;
    bool negative = vv_cursor_take(cursor, '-');
    if (!negative) {
        (void)vv_cursor_take(cursor, '+');
    }
    if (!take_number(cursor, hours_max, &hours)) {
        return false;
    }
    if (vv_cursor_take(cursor, ':') && !take_number(cursor, 59, &minutes)) {
        return false;
    }
    if (minutes >= 0 && vv_cursor_take(cursor, ':') && !take_number(cursor, 59, &rest)) {
        return false;
    }
    *seconds = hours * 3600 + minutes * 60 + rest;
    *seconds = negative ? -*seconds : *seconds;
    return true;
}

/* The name of a zone: letters, or anything in angle brackets. */
static bool take_name(struct vv_cursor *cursor)
{
    const char *start = cursor->at;
    if (vv_cursor_take(cursor, '<')) {
        while (!vv_cursor_done(cursor) && *cursor->at != '>') {
            cursor->at++;
        }
        return vv_cursor_take(cursor, '>');
    }
    while ((vv_cursor_peek(cursor) | 0x20) >= 'a' && (vv_cursor_peek(cursor) | 0x20) <= 'z') {
        cursor->at++;
    }
    return cursor->at - start >= 3;
}

/* ,M3.2.0[/2] or ,J60[/2] or ,59[/2] */
static bool take_rule(struct vv_cursor *cursor, struct vv_zone_rule *rule)
{
    *rule = (struct vv_zone_rule){.time = 2 * 3600};
    bool good = vv_cursor_take(cursor, ',');
    if (good && vv_cursor_take(cursor, 'M')) {
        rule->kind = VV_RULE_MONTH;
        good = take_number(cursor, 12, &rule->month) && rule->month >= 1 &&
               vv_cursor_take(cursor, '.') && take_number(cursor, 5, &rule->week) &&
               rule->week >= 1 && vv_cursor_take(cursor, '.') && take_number(cursor, 6, &rule->day);
    } else if (good && vv_cursor_take(cursor, 'J')) {
        rule->kind = VV_RULE_JULIAN;
        good = take_number(cursor, 365, &rule->day) && rule->day >= 1;
    } else if (good) {
        rule->kind = VV_RULE_DAY;
        good = take_number(cursor, 365, &rule->day);
    }
    return good && (!vv_cursor_take(cursor, '/') || take_time(cursor, 167, &rule->time));
}

static bool read_rule(varve_string text, struct vv_time_zone *zone)
{
    struct vv_cursor cursor = vv_cursor_init(text);
    int32_t west;
    if (!take_name(&cursor) || !take_time(&cursor, 24, &west)) {
        return false;
    }
    zone->last_offset = -west;
    zone->summer_offset = zone->last_offset + 3600;
    if (vv_cursor_done(&cursor)) {
        return true;
    }
    if (!take_name(&cursor)) {
        return false;
    }
    if (vv_cursor_peek(&cursor) != ',') {
        if (!take_time(&cursor, 24, &west)) {
            return false;
        }
        zone->summer_offset = -west;
    }
    return take_rule(&cursor, &zone->to_summer) && take_rule(&cursor, &zone->to_winter) &&
           vv_cursor_done(&cursor);
}

/* When the rule applies in a year, in seconds of local time. */
static int64_t rule_time(const struct vv_zone_rule *rule, int64_t year)
{
    int64_t january = vv_days_from_civil((struct vv_civil){year, 1, 1});
    int64_t march = vv_days_from_civil((struct vv_civil){year, 3, 1});
    int64_t day;
    if (rule->kind == VV_RULE_MONTH) {
        unsigned month = (unsigned)rule->month;
        int64_t first = vv_days_from_civil((struct vv_civil){year, month, 1});
        int64_t weekday = ((first + 4) % 7 + 7) % 7; /* 1970-01-01 was a Thursday */
        day = first + (rule->day - weekday + 7) % 7 + 7 * ((int64_t)rule->week - 1);
        while (day >= first + vv_days_in_month(year, month)) {
            day -= 7;
        }
    } else if (rule->kind == VV_RULE_JULIAN) {
        bool leap = march - january == 60;
        day = january + rule->day - 1 + (leap && rule->day >= 60);
    } else {
        day = january + rule->day;
    }
    return day * DAY_SECONDS + rule->time;
}

/* The two changes of a year in UTC. */
static void rule_changes(const struct vv_time_zone *zone, int64_t year, int64_t *summer,
                         int64_t *winter)
{
    *summer = rule_time(&zone->to_summer, year) - zone->last_offset;
    *winter = rule_time(&zone->to_winter, year) - zone->summer_offset;
}

static int64_t year_of(int64_t local)
{
    int64_t days = local / DAY_SECONDS - (local % DAY_SECONDS < 0);
    return vv_civil_from_days(days).year;
}

/* ------------------------------------------------------------------------------- Reading */

/* Big-endian, as everything in these files. */
static uint32_t load_u32(const uint8_t *at)
{
    return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

/* What a header says is behind it. */
struct data {
    uint32_t utc_count, standard_count, leap_count, time_count, type_count, name_bytes;
    size_t time_bytes; /* of one time */
};

static size_t data_bytes(const struct data *data)
{
    return (size_t)data->time_count * (data->time_bytes + 1) + (size_t)data->type_count * 6 +
           data->name_bytes + (size_t)data->leap_count * (data->time_bytes + 4) +
           data->standard_count + data->utc_count;
}

static bool read_header(const uint8_t *bytes, size_t length, size_t time_bytes, struct data *data)
{
    if (length < HEADER_BYTES || memcmp(bytes, "TZif", 4) != 0) {
        return false;
    }
    *data = (struct data){
        .utc_count = load_u32(bytes + 20),
        .standard_count = load_u32(bytes + 24),
        .leap_count = load_u32(bytes + 28),
        .time_count = load_u32(bytes + 32),
        .type_count = load_u32(bytes + 36),
        .name_bytes = load_u32(bytes + 40),
        .time_bytes = time_bytes,
    };
    return data_bytes(data) <= length - HEADER_BYTES && data->type_count >= 1;
}

static int64_t load_time(const uint8_t *at, size_t time_bytes)
{
    if (time_bytes == 4) {
        return (int32_t)load_u32(at);
    }
    return (int64_t)((uint64_t)load_u32(at) << 32 | load_u32(at + 4));
}

/* The changes of a body; false if a type or an offset is none. */
static bool read_changes(const uint8_t *body, const struct data *data,
                         struct vv_zone_change *changes, struct vv_time_zone *zone)
{
    const uint8_t *types = body + (size_t)data->time_count * data->time_bytes;
    const uint8_t *offsets = types + data->time_count;
    size_t left_out = data->time_count > VV_TIME_ZONE_CHANGES_MAX
                          ? data->time_count - VV_TIME_ZONE_CHANGES_MAX
                          : 0;
    zone->first_offset = (int32_t)load_u32(offsets);
    zone->last_offset = zone->first_offset;
    for (size_t index = 0; index < data->time_count; index++) {
        if (types[index] >= data->type_count) {
            return false;
        }
        int32_t offset = (int32_t)load_u32(offsets + (size_t)types[index] * 6);
        int64_t at = load_time(body + index * data->time_bytes, data->time_bytes);
        if (offset > OFFSET_SECONDS_MAX || offset < -OFFSET_SECONDS_MAX ||
            (zone->change_count > 0 && at <= changes[zone->change_count - 1].at)) {
            return false;
        }
        zone->last_offset = offset;
        if (index < left_out) {
            zone->first_offset = offset;
            continue;
        }
        changes[zone->change_count++] = (struct vv_zone_change){at, offset};
    }
    zone->changes = changes;
    return zone->first_offset <= OFFSET_SECONDS_MAX && zone->first_offset >= -OFFSET_SECONDS_MAX;
}

varve_status vv_time_zone_read(const uint8_t *bytes, size_t length, struct vv_zone_change *changes,
                               struct vv_time_zone *zone)
{
    struct data data;
    struct vv_time_zone found = {0};
    if (!read_header(bytes, length, 4, &data)) {
        return VARVE_INVALID;
    }
    bool has_second = bytes[4] >= '2';
    if (has_second) {
        size_t first = HEADER_BYTES + data_bytes(&data);
        bytes += first;
        length -= first;
        if (!read_header(bytes, length, 8, &data)) {
            return VARVE_INVALID;
        }
    }
    if (!read_changes(bytes + HEADER_BYTES, &data, changes, &found)) {
        return VARVE_INVALID;
    }
    size_t body = HEADER_BYTES + data_bytes(&data);
    if (has_second && length - body > 2) {
        const char *rule = (const char *)bytes + body + 1;
        const char *end = memchr(rule, '\n', length - body - 1);
        if (bytes[body] != '\n' || end == NULL ||
            (end > rule && !read_rule((varve_string){rule, (size_t)(end - rule)}, &found))) {
            return VARVE_INVALID;
        }
    }
    *zone = found;
    return VARVE_OK;
}

varve_status vv_time_zone_fixed(varve_string text, struct vv_time_zone *zone)
{
    int64_t seconds = 0;
    struct vv_cursor cursor = vv_cursor_init(text);
    bool utc = (text.length == 3 && memcmp(text.bytes, "UTC", 3) == 0) || text.length == 0;
    if (!utc && (!vv_cursor_offset(&cursor, &seconds) || !vv_cursor_done(&cursor))) {
        return VARVE_INVALID;
    }
    int32_t offset = (int32_t)seconds;
    *zone = (struct vv_time_zone){.first_offset = offset, .last_offset = offset};
    return VARVE_OK;
}

/* ------------------------------------------------------------------------------- Asking */

/* How many changes are at or before a time. */
static size_t changes_until(const struct vv_time_zone *zone, int64_t seconds)
{
    size_t low = 0;
    size_t high = zone->change_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (zone->changes[middle].at <= seconds) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

int32_t vv_time_zone_offset(const struct vv_time_zone *zone, int64_t seconds)
{
    size_t until = changes_until(zone, seconds);
    if (until == 0 && zone->change_count > 0) {
        return zone->first_offset;
    }
    if (until < zone->change_count) {
        return zone->changes[until - 1].offset_seconds;
    }
    if (zone->to_summer.kind == VV_RULE_NONE) {
        return zone->last_offset;
    }
    int64_t summer, winter;
    rule_changes(zone, year_of(seconds + zone->last_offset), &summer, &winter);
    bool is_summer = summer < winter ? seconds >= summer && seconds < winter
                                     : seconds >= summer || seconds < winter;
    return is_summer ? zone->summer_offset : zone->last_offset;
}

/* The first change behind a time; INT64_MAX if there is none. */
static int64_t next_change(const struct vv_time_zone *zone, int64_t seconds)
{
    size_t until = changes_until(zone, seconds);
    if (until < zone->change_count) {
        return zone->changes[until].at;
    }
    int64_t next = INT64_MAX;
    if (zone->to_summer.kind == VV_RULE_NONE) {
        return next;
    }
    int64_t year = year_of(seconds);
    for (int64_t candidate = year - 1; candidate <= year + 1; candidate++) {
        int64_t summer, winter;
        rule_changes(zone, candidate, &summer, &winter);
        next = summer > seconds && summer < next ? summer : next;
        next = winter > seconds && winter < next ? winter : next;
    }
    return next;
}

int64_t vv_time_zone_to_utc(const struct vv_time_zone *zone, int64_t local)
{
    /* No offset is beyond 26 hours: two days before, no clock shows that time yet. */
    int64_t at = local - 2 * (int64_t)DAY_SECONDS;
    for (;;) {
        int64_t end = next_change(zone, at);
        int64_t utc = local - vv_time_zone_offset(zone, at);
        utc = utc > at ? utc : at;
        if (utc < end) {
            return utc;
        }
        at = end;
    }
}
