/*
 * time_text.c - times and durations as people and data files write them.
 *
 *   varve_time_parse     now, now-1h      relative_parse -> varve_duration_parse
 *                        -1h, +5m         the same
 *                        1700000000.5s    number_parse
 *                        2026-11-21...    vv_rfc3339_parse
 */
#include "base/time_text.h"

#include <string.h>

#include "base/number_text.h"
#include "base/status.h"
#include "base/time_fields.h"

#define RFC3339_HINT "write for example 2026-11-21T10:00:00Z"
#define TIME_HINT RFC3339_HINT ", 1700000000s or now-1h"

static const int64_t precision_ns[] = {
    [VARVE_PRECISION_S] = 1000000000,
    [VARVE_PRECISION_MS] = 1000000,
    [VARVE_PRECISION_US] = 1000,
    [VARVE_PRECISION_NS] = 1,
};

static varve_status refuse_time(varve_string text, const char *reason, varve_error *error)
{
    const char *bytes = text.length != 0 ? text.bytes : "";
    return vv_refuse(error, "time '%.*s': %s", vv_shown_length(text), bytes, reason);
}

/* ----------------------------------------------------------------------------- RFC 3339 */

static bool date_parse(struct vv_cursor *cursor, struct vv_time_fields *fields)
{
    return vv_cursor_digits(cursor, 4, &fields->year) == 4 && vv_cursor_take(cursor, '-') &&
           vv_cursor_digits(cursor, 2, &fields->month) == 2 && vv_cursor_take(cursor, '-') &&
           vv_cursor_digits(cursor, 2, &fields->day) == 2;
}

/* hh:mm, then seconds, fraction and offset if they are there. Returns what is wrong, or NULL. */
static const char *clock_parse(struct vv_cursor *cursor, struct vv_time_fields *fields)
{
    if (vv_cursor_digits(cursor, 2, &fields->hour) != 2 || !vv_cursor_take(cursor, ':') ||
        vv_cursor_digits(cursor, 2, &fields->minute) != 2) {
        return "after the date stands the time of day as hh:mm:ss";
    }
    if (vv_cursor_take(cursor, ':')) {
        if (vv_cursor_digits(cursor, 2, &fields->second) != 2) {
            return "seconds have two digits";
        }
        if (vv_cursor_take(cursor, '.') && !vv_cursor_fraction(cursor, &fields->nanosecond)) {
            return "a fraction of a second has 1 to 9 digits";
        }
    }
    if (!vv_cursor_done(cursor) && !vv_cursor_offset(cursor, &fields->offset_seconds)) {
        return "after the time of day stands Z or an offset as +01:00";
    }
    return NULL;
}

/* hint: what else the caller takes for a time. */
static varve_status rfc3339_parse(varve_string text, const char *hint, int64_t *time,
                                  varve_error *error)
{
    struct vv_cursor cursor = vv_cursor_init(text);
    struct vv_time_fields fields = {0};
    if (!date_parse(&cursor, &fields)) {
        return refuse_time(text, hint, error);
    }
    const char *problem = NULL;
    if (vv_cursor_take(&cursor, 'T') || vv_cursor_take(&cursor, 't') ||
        vv_cursor_take(&cursor, ' ')) {
        problem = clock_parse(&cursor, &fields);
    }
    if (problem == NULL && !vv_cursor_done(&cursor)) {
        problem = "something follows the time";
    }
    if (problem != NULL) {
        return refuse_time(text, problem, error);
    }
    return vv_time_from_fields(text, &fields, time, error);
}

varve_status vv_rfc3339_parse(varve_string text, int64_t *time, varve_error *error)
{
    return rfc3339_parse(text, RFC3339_HINT, time, error);
}

/* ------------------------------------------------------------------------------ Numbers */

/* The unit by which a bare number is meant. */
static varve_precision precision_of_magnitude(uint64_t whole)
{
    if (whole <= UINT64_C(100000000000)) {
        return VARVE_PRECISION_S;
    }
    if (whole <= UINT64_C(100000000000000)) {
        return VARVE_PRECISION_MS;
    }
    return whole <= UINT64_C(100000000000000000) ? VARVE_PRECISION_US : VARVE_PRECISION_NS;
}

/* The decimals of a number in units of unit_ns, as nanoseconds. False if they are finer than
 * that. */
static bool fraction_parse(const char *at, const char *end, uint64_t unit_ns, uint64_t *nanoseconds)
{
    uint64_t sum = 0;
    for (; at != end; at++) {
        unit_ns /= 10;
        sum += (uint64_t)(*at - '0') * unit_ns;
        if (*at != '0' && unit_ns == 0) {
            return false;
        }
    }
    *nanoseconds = sum;
    return true;
}

static const char *skip_digits(const char *at, const char *end)
{
    while (at != end && *at >= '0' && *at <= '9') {
        at++;
    }
    return at;
}

/* [+-]digits[.digits] in units of precision; DEFAULT: by magnitude. Returns what is wrong, or
 * NULL. */
static const char *number_parse(varve_string number, varve_precision precision, int64_t *time)
{
    struct vv_cursor cursor = vv_cursor_init(number);
    bool negative = vv_cursor_take(&cursor, '-');
    if (!negative) {
        (void)vv_cursor_take(&cursor, '+');
    }
    const char *whole_end = skip_digits(cursor.at, cursor.end);
    const char *fraction = whole_end;
    const char *fraction_end = whole_end;
    if (whole_end != cursor.end && *whole_end == '.') {
        fraction = whole_end + 1;
        fraction_end = skip_digits(fraction, cursor.end);
    }
    if (whole_end == cursor.at || fraction_end != cursor.end) {
        return "not a number";
    }
    uint64_t whole;
    if (!vv_uint64_parse(cursor.at, (size_t)(whole_end - cursor.at), &whole)) {
        return "too large a number";
    }
    if (precision == VARVE_PRECISION_DEFAULT) {
        precision = precision_of_magnitude(whole);
    }
    uint64_t unit_ns = (uint64_t)precision_ns[precision];
    uint64_t part;
    uint64_t magnitude;
    if (!fraction_parse(fraction, fraction_end, unit_ns, &part)) {
        return "finer than a nanosecond";
    }
    if (__builtin_mul_overflow(whole, unit_ns, &magnitude) ||
        __builtin_add_overflow(magnitude, part, &magnitude) ||
        magnitude > (uint64_t)INT64_MAX + negative) {
        return "outside of what 64 bits of nanoseconds hold (the years 1677 to 2262)";
    }
    *time = negative ? (int64_t)(0 - magnitude) : (int64_t)magnitude;
    return NULL;
}

varve_status vv_time_number_parse(varve_string text, varve_precision precision, int64_t *time,
                                  varve_error *error)
{
    VV_ASSERT(precision >= VARVE_PRECISION_S && precision <= VARVE_PRECISION_NS);
    const char *problem = number_parse(text, precision, time);
    return problem != NULL ? refuse_time(text, problem, error) : VARVE_OK;
}

/* Cuts the unit s, ms, us or ns off the end of the number; DEFAULT if there is none. */
static varve_precision unit_cut(varve_string *number)
{
    static const char prefixes[] = {
        [VARVE_PRECISION_MS] = 'm', [VARVE_PRECISION_US] = 'u', [VARVE_PRECISION_NS] = 'n'};
    if (number->length == 0 || number->bytes[number->length - 1] != 's') {
        return VARVE_PRECISION_DEFAULT;
    }
    number->length--;
    for (int precision = VARVE_PRECISION_MS; precision <= VARVE_PRECISION_NS; precision++) {
        if (number->length != 0 && number->bytes[number->length - 1] == prefixes[precision]) {
            number->length--;
            return (varve_precision)precision;
        }
    }
    return VARVE_PRECISION_S;
}

/* ---------------------------------------------------------------- What people may write */

/* now + duration, where duration begins with its sign. */
static varve_status relative_parse(varve_string text, varve_string duration, int64_t now,
                                   int64_t *time, varve_error *error)
{
    bool negative = duration.bytes[0] == '-';
    varve_string unsigned_duration = {duration.bytes + 1, duration.length - 1};
    int64_t distance;
    int64_t result;
    VV_TRY(varve_duration_parse(unsigned_duration, &distance, error));
    if (negative ? __builtin_sub_overflow(now, distance, &result)
                 : __builtin_add_overflow(now, distance, &result)) {
        return refuse_time(text, "beyond the years 1677 to 2262", error);
    }
    *time = result;
    return VARVE_OK;
}

static bool is_digit(char character)
{
    return character >= '0' && character <= '9';
}

/* Whether the text is a number, perhaps with a unit: digits and at most one point before it. */
static bool looks_like_number(varve_string number)
{
    size_t index = 0;
    while (index < number.length && (is_digit(number.bytes[index]) || number.bytes[index] == '.')) {
        index++;
    }
    return index != 0 && index == number.length;
}

varve_status varve_time_parse(varve_string text, int64_t now, int64_t *time, varve_error *error)
{
    if (text.length == 0) {
        return vv_refuse(error, "the time is empty: " TIME_HINT);
    }
    if (text.length >= 3 && memcmp(text.bytes, "now", 3) == 0) {
        varve_string rest = {text.bytes + 3, text.length - 3};
        if (rest.length == 0) {
            *time = now;
            return VARVE_OK;
        }
        if (rest.bytes[0] != '+' && rest.bytes[0] != '-') {
            return refuse_time(text, "after now stands + or - and a duration, as in now-1h", error);
        }
        return relative_parse(text, rest, now, time, error);
    }
    /* A sign makes -1h and -86400s durations; a number without a unit is a time, negative or
     * not. */
    bool has_sign = text.bytes[0] == '-' || text.bytes[0] == '+';
    varve_string digits = {text.bytes + has_sign, text.length - has_sign};
    if (!has_sign) {
        (void)unit_cut(&digits);
    }
    if (!looks_like_number(digits)) {
        return has_sign ? relative_parse(text, text, now, time, error)
                        : rfc3339_parse(text, TIME_HINT, time, error);
    }
    varve_string number = text;
    varve_precision precision = unit_cut(&number);
    const char *problem = number_parse(number, precision, time);
    return problem != NULL ? refuse_time(text, problem, error) : VARVE_OK;
}

/* ---------------------------------------------------------------------------- Durations */

struct duration_unit {
    const char *name;
    int64_t ns;
};

/* Longest first: the order in which they may stand. */
static const struct duration_unit duration_units[] = {
    {"y", 365 * VV_NS_PER_DAY},
    {"w", 7 * VV_NS_PER_DAY},
    {"d", VV_NS_PER_DAY},
    {"h", 3600 * VV_NS_PER_SECOND},
    {"m", 60 * VV_NS_PER_SECOND},
    {"s", VV_NS_PER_SECOND},
    {"ms", 1000000},
    {"us", 1000},
    {"ns", 1},
};

#define DURATION_UNIT_COUNT (sizeof duration_units / sizeof duration_units[0])

/* The unit whose name are all letters at the cursor; goes behind it. Its index, or the count of
 * units. */
static size_t duration_unit_take(struct vv_cursor *cursor)
{
    const char *start = cursor->at;
    while (!vv_cursor_done(cursor) && *cursor->at >= 'a' && *cursor->at <= 'z') {
        cursor->at++;
    }
    size_t length = (size_t)(cursor->at - start);
    for (size_t index = 0; index < DURATION_UNIT_COUNT; index++) {
        const char *name = duration_units[index].name;
        if (strlen(name) == length && memcmp(name, start, length) == 0) {
            return index;
        }
    }
    return DURATION_UNIT_COUNT;
}

static varve_status refuse_duration(varve_string text, const char *reason, varve_error *error)
{
    return vv_refuse(error, "duration '%.*s': %s", vv_shown_length(text), text.bytes, reason);
}

varve_status varve_duration_parse(varve_string text, int64_t *duration, varve_error *error)
{
    struct vv_cursor cursor = vv_cursor_init(text);
    size_t unit_next = 0;
    int64_t sum = 0;
    if (text.length == 0) {
        return vv_refuse(error, "the duration is empty: write for example 1h30m or 500ms");
    }
    if (text.length == 1 && text.bytes[0] == '0') {
        *duration = 0;
        return VARVE_OK;
    }
    while (!vv_cursor_done(&cursor)) {
        int64_t count;
        int64_t part;
        if (vv_cursor_digits(&cursor, 18, &count) == 0) {
            return refuse_duration(text, "write whole numbers with units, as 1h30m or 500ms",
                                   error);
        }
        if (!vv_cursor_done(&cursor) && is_digit(*cursor.at)) {
            return refuse_duration(text, "longer than 292 years", error);
        }
        size_t unit = duration_unit_take(&cursor);
        if (unit == DURATION_UNIT_COUNT) {
            return refuse_duration(text, "units are y, w, d, h, m, s, ms, us and ns", error);
        }
        if (unit < unit_next) {
            return refuse_duration(text, "each unit stands once, longer ones first", error);
        }
        unit_next = unit + 1;
        if (__builtin_mul_overflow(count, duration_units[unit].ns, &part) ||
            __builtin_add_overflow(sum, part, &sum)) {
            return refuse_duration(text, "longer than 292 years", error);
        }
    }
    *duration = sum;
    return VARVE_OK;
}

/* ------------------------------------------------------------------------------- Output */

static char *put_two(char *at, unsigned value)
{
    at[0] = (char)('0' + value / 10);
    at[1] = (char)('0' + value % 10);
    return at + 2;
}

/* A point and the fraction without trailing zeros; nothing if it is 0. value is below 10^digits. */
static char *put_fraction(char *at, uint64_t value, unsigned digits)
{
    if (value == 0) {
        return at;
    }
    for (; value % 10 == 0; value /= 10) {
        digits--;
    }
    *at = '.';
    for (unsigned index = digits; index > 0; index--) {
        at[index] = (char)('0' + value % 10);
        value /= 10;
    }
    return at + 1 + digits;
}

static size_t rfc3339_format(int64_t time, char *text)
{
    int64_t days = time / VV_NS_PER_DAY;
    int64_t rest = time % VV_NS_PER_DAY;
    if (rest < 0) {
        rest += VV_NS_PER_DAY;
        days--;
    }
    struct vv_civil civil = vv_civil_from_days(days);
    unsigned second = (unsigned)(rest / VV_NS_PER_SECOND);
    char *at = put_two(text, (unsigned)civil.year / 100);
    at = put_two(at, (unsigned)civil.year % 100);
    *at++ = '-';
    at = put_two(at, civil.month);
    *at++ = '-';
    at = put_two(at, civil.day);
    *at++ = 'T';
    at = put_two(at, second / 3600);
    *at++ = ':';
    at = put_two(at, second / 60 % 60);
    *at++ = ':';
    at = put_two(at, second % 60);
    at = put_fraction(at, (uint64_t)(rest % VV_NS_PER_SECOND), 9);
    *at++ = 'Z';
    *at = '\0';
    return (size_t)(at - text);
}

size_t varve_time_format(int64_t time, varve_precision precision, char *text)
{
    static const unsigned fraction_digits[] = {[VARVE_PRECISION_S] = 9,
                                               [VARVE_PRECISION_MS] = 6,
                                               [VARVE_PRECISION_US] = 3,
                                               [VARVE_PRECISION_NS] = 0};
    if (precision < VARVE_PRECISION_S || precision > VARVE_PRECISION_NS) {
        return rfc3339_format(time, text);
    }
    uint64_t unit_ns = (uint64_t)precision_ns[precision];
    uint64_t magnitude = time < 0 ? 0 - (uint64_t)time : (uint64_t)time;
    char *at = text;
    if (time < 0) {
        *at++ = '-';
    }
    at += vv_uint64_format(magnitude / unit_ns, at);
    at = put_fraction(at, magnitude % unit_ns, fraction_digits[precision]);
    *at = '\0';
    return (size_t)(at - text);
}
