/*
 * time_pattern.c - times in the form of a strptime pattern, without the locale and zones of
 * strptime().
 *
 * T1  The conversions fill the fields only; whether they make a time is decided once, at the end.
 */
#include <string.h>

#include "base/status.h"
#include "base/time_fields.h"
#include "base/time_text.h"

/* What a pattern has read so far. */
struct match {
    varve_string pattern;
    varve_string text;
    struct vv_cursor cursor; /* in text */
    struct vv_time_fields fields;
    int64_t day_of_year;
    int64_t epoch_seconds;
    int64_t hour_of_12;
    bool has_year;
    bool has_day_of_year;
    bool has_epoch;
    bool has_hour_of_12;
    bool has_half;
    bool epoch_negative;
    bool afternoon;
};

/* A conversion that is a number alone. */
struct number_rule {
    char letter;
    uint8_t digits_min;
    uint8_t digits_max;
    size_t field_offset;
    const char *name;
};

static const struct number_rule number_rules[] = {
    {'Y', 4, 4, offsetof(struct match, fields.year), "a year of four digits"},
    {'m', 1, 2, offsetof(struct match, fields.month), "a month"},
    {'d', 1, 2, offsetof(struct match, fields.day), "a day"},
    {'e', 1, 2, offsetof(struct match, fields.day), "a day"},
    {'j', 1, 3, offsetof(struct match, day_of_year), "a day of the year"},
    {'y', 2, 2, offsetof(struct match, fields.year), "a year of two digits"},
    {'H', 1, 2, offsetof(struct match, fields.hour), "an hour"},
    {'I', 1, 2, offsetof(struct match, hour_of_12), "an hour"},
    {'M', 1, 2, offsetof(struct match, fields.minute), "a minute"},
    {'S', 1, 2, offsetof(struct match, fields.second), "a second"},
};

static const char *const month_names[] = {"january",   "february", "march",    "april",
                                          "may",       "june",     "july",     "august",
                                          "september", "october",  "november", "december"};
static const char *const day_names[] = {"monday", "tuesday",  "wednesday", "thursday",
                                        "friday", "saturday", "sunday"};

static varve_status match_pattern(struct match *match, varve_string pattern, varve_error *error);

static varve_status refuse_at(const struct match *match, const char *expected, varve_error *error)
{
    return vv_refuse(error, "time '%.*s': %s expected at character %zu, by the pattern '%.*s'",
                     vv_shown_length(match->text), match->text.bytes, expected,
                     (size_t)(match->cursor.at - match->text.bytes) + 1,
                     vv_shown_length(match->pattern), match->pattern.bytes);
}

static bool is_space(char character)
{
    return character == ' ' || (character >= '\t' && character <= '\r');
}

static void skip_space(struct vv_cursor *cursor)
{
    while (!vv_cursor_done(cursor) && is_space(*cursor->at)) {
        cursor->at++;
    }
}

/* Goes behind the lower-case word if it stands at the cursor in any case. */
static bool take_word(struct vv_cursor *cursor, const char *word, size_t length)
{
    if ((size_t)(cursor->end - cursor->at) < length) {
        return false;
    }
    for (size_t index = 0; index < length; index++) {
        char character = cursor->at[index];
        if (character >= 'A' && character <= 'Z') {
            character = (char)(character | 0x20);
        }
        if (character != word[index]) {
            return false;
        }
    }
    cursor->at += length;
    return true;
}

/* Takes one of the names, in full or its first three letters; returns its index or count. */
static size_t take_name(struct vv_cursor *cursor, const char *const *names, size_t count)
{
    for (size_t index = 0; index < count; index++) {
        if (take_word(cursor, names[index], strlen(names[index])) ||
            take_word(cursor, names[index], 3)) {
            return index;
        }
    }
    return count;
}

static varve_status match_number(struct match *match, const struct number_rule *rule,
                                 varve_error *error)
{
    int64_t value;
    if (rule->letter == 'e') {
        skip_space(&match->cursor);
    }
    struct vv_cursor start = match->cursor;
    if (vv_cursor_digits(&match->cursor, rule->digits_max, &value) < rule->digits_min) {
        match->cursor = start;
        return refuse_at(match, rule->name, error);
    }
    if (rule->letter == 'y') {
        value += value < 69 ? 2000 : 1900;
    }
    match->has_year |= rule->letter == 'Y' || rule->letter == 'y';
    match->has_day_of_year |= rule->letter == 'j';
    match->has_hour_of_12 |= rule->letter == 'I';
    memcpy((char *)match + rule->field_offset, &value, sizeof value);
    return VARVE_OK;
}

static bool match_epoch(struct match *match)
{
    match->epoch_negative = vv_cursor_take(&match->cursor, '-');
    match->has_epoch = true;
    return vv_cursor_digits(&match->cursor, 18, &match->epoch_seconds) != 0;
}

static bool match_half(struct match *match)
{
    match->has_half = true;
    match->afternoon = take_word(&match->cursor, "pm", 2);
    return match->afternoon || take_word(&match->cursor, "am", 2);
}

static bool match_month_name(struct match *match)
{
    size_t index = take_name(&match->cursor, month_names, 12);
    match->fields.month = (int64_t)index + 1;
    return index < 12;
}

static bool match_zone_name(struct match *match)
{
    return take_word(&match->cursor, "utc", 3) || take_word(&match->cursor, "gmt", 3) ||
           take_word(&match->cursor, "z", 1);
}

/* The conversions that are neither numbers nor short for others. */
static varve_status match_other(struct match *match, char letter, varve_error *error)
{
    switch (letter) {
    case 'b':
    case 'B':
    case 'h':
        return match_month_name(match) ? VARVE_OK : refuse_at(match, "the name of a month", error);
    case 'a':
    case 'A':
        return take_name(&match->cursor, day_names, 7) < 7
                   ? VARVE_OK
                   : refuse_at(match, "the name of a day", error);
    case 'p':
        return match_half(match) ? VARVE_OK : refuse_at(match, "AM or PM", error);
    case 'f':
        return vv_cursor_fraction(&match->cursor, &match->fields.nanosecond)
                   ? VARVE_OK
                   : refuse_at(match, "a fraction of 1 to 9 digits", error);
    case 's':
        return match_epoch(match) ? VARVE_OK : refuse_at(match, "seconds since 1970", error);
    case 'z':
        return vv_cursor_offset(&match->cursor, &match->fields.offset_seconds)
                   ? VARVE_OK
                   : refuse_at(match, "Z or an offset as +01:00", error);
    case 'Z':
        return match_zone_name(match) ? VARVE_OK : refuse_at(match, "UTC, GMT or Z", error);
    case '%':
        return vv_cursor_take(&match->cursor, '%') ? VARVE_OK : refuse_at(match, "'%'", error);
    default:
        return vv_refuse(error, "time pattern '%.*s': %%%c is not known",
                         vv_shown_length(match->pattern), match->pattern.bytes, letter);
    }
}

static varve_status match_conversion(struct match *match, char letter, varve_error *error)
{
    switch (letter) {
    case 'T':
        return match_pattern(match, VARVE_STRING("%H:%M:%S"), error);
    case 'R':
        return match_pattern(match, VARVE_STRING("%H:%M"), error);
    case 'F':
        return match_pattern(match, VARVE_STRING("%Y-%m-%d"), error);
    case 'D':
        return match_pattern(match, VARVE_STRING("%m/%d/%y"), error);
    case 'n':
    case 't':
        skip_space(&match->cursor);
        return VARVE_OK;
    default:
        break;
    }
    for (size_t index = 0; index < sizeof number_rules / sizeof number_rules[0]; index++) {
        if (number_rules[index].letter == letter) {
            return match_number(match, &number_rules[index], error);
        }
    }
    return match_other(match, letter, error);
}

static varve_status match_pattern(struct match *match, varve_string pattern, varve_error *error)
{
    struct vv_cursor at = vv_cursor_init(pattern);
    while (!vv_cursor_done(&at)) {
        char character = *at.at++;
        if (character == '%') {
            if (vv_cursor_done(&at)) {
                return vv_refuse(error, "time pattern '%.*s': a letter follows %%",
                                 vv_shown_length(match->pattern), match->pattern.bytes);
            }
            VV_TRY(match_conversion(match, *at.at++, error));
        } else if (is_space(character)) {
            skip_space(&match->cursor);
        } else if (!vv_cursor_take(&match->cursor, character)) {
            char expected[] = {'\'', character, '\'', '\0'};
            return refuse_at(match, expected, error);
        }
    }
    return VARVE_OK;
}

/* Hours of 12 and a day of the year become fields like others. */
static varve_status fields_complete(struct match *match, varve_error *error)
{
    struct vv_time_fields *fields = &match->fields;
    if (match->has_hour_of_12) {
        if (match->hour_of_12 < 1 || match->hour_of_12 > 12) {
            return vv_refuse(error, "time '%.*s': hour %lld is not 1 to 12",
                             vv_shown_length(match->text), match->text.bytes,
                             (long long)match->hour_of_12);
        }
        fields->hour = match->hour_of_12 % 12 + (match->afternoon ? 12 : 0);
    }
    if (match->has_day_of_year) {
        int64_t first = vv_days_from_civil((struct vv_civil){fields->year, 1, 1});
        struct vv_civil civil = vv_civil_from_days(first + match->day_of_year - 1);
        if (civil.year != fields->year) {
            return vv_refuse(error, "time '%.*s': the year %lld has no day %lld",
                             vv_shown_length(match->text), match->text.bytes,
                             (long long)fields->year, (long long)match->day_of_year);
        }
        fields->month = civil.month;
        fields->day = civil.day;
    }
    return VARVE_OK;
}

/* The time from seconds since the epoch and a fraction, which the sign of the seconds goes for,
 * too. */
static varve_status epoch_time(const struct match *match, int64_t *time, varve_error *error)
{
    int64_t sign = match->epoch_negative ? -1 : 1;
    int64_t result;
    if (!vv_time_from_seconds(sign * match->epoch_seconds, sign * match->fields.nanosecond,
                              &result)) {
        return vv_refuse(error, "time '%.*s' is outside of the years 1677 to 2262",
                         vv_shown_length(match->text), match->text.bytes);
    }
    *time = result;
    return VARVE_OK;
}

varve_status vv_time_pattern_parse(varve_string pattern, varve_string text, int64_t *time,
                                   varve_error *error)
{
    struct match match = {.pattern = pattern,
                          .text = text,
                          .cursor = vv_cursor_init(text),
                          .fields = {.month = 1, .day = 1}};
    /* Messages print both, and an empty one may be NULL. */
    match.text.bytes = match.cursor.at;
    match.pattern.bytes = vv_cursor_init(pattern).at;
    VV_TRY(match_pattern(&match, pattern, error));
    if (!vv_cursor_done(&match.cursor)) {
        return refuse_at(&match, "the end", error);
    }
    if (match.has_epoch) {
        return epoch_time(&match, time, error);
    }
    if (!match.has_year || match.has_hour_of_12 != match.has_half) {
        const char *missing =
            !match.has_year ? "the year (%Y, %y) or %s" : "%I with %p, or %H without";
        return vv_refuse(error, "time pattern '%.*s' lacks %s", vv_shown_length(pattern),
                         match.pattern.bytes, missing);
    }
    VV_TRY(fields_complete(&match, error));
    return vv_time_from_fields(text, &match.fields, time, error);
}
