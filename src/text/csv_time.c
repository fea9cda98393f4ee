/*
 * csv_time.c - times in CSV.
 *
 * A bare number is never guessed to be seconds or milliseconds: a file that crosses a magnitude
 * would be torn apart. Its unit must be said.
 *
 * Thread: that of the import.
 */
#include "text/csv_time.h"

#include "base/time_text.h"

static const struct {
    const char *name;
    varve_precision precision;
} units[] = {{"s", VARVE_PRECISION_S},
             {"ms", VARVE_PRECISION_MS},
             {"us", VARVE_PRECISION_US},
             {"ns", VARVE_PRECISION_NS}};

static bool text_is(varve_string text, const char *word)
{
    return strlen(word) == text.length && memcmp(text.bytes, word, text.length) == 0;
}

varve_status vv_csv_time_init(struct vv_csv_time *time, const varve_import_options *options,
                              varve_error *error)
{
    varve_string format = options->time_format;
    *time = (struct vv_csv_time){.precision = options->precision, .pattern = format};
    if (format.length == 0) {
        time->form = VV_CSV_TIME_ANY;
        return VARVE_OK;
    }
    if (text_is(format, "rfc3339")) {
        time->form = VV_CSV_TIME_RFC3339;
        return VARVE_OK;
    }
    for (size_t index = 0; index < sizeof units / sizeof units[0]; index++) {
        if (text_is(format, units[index].name)) {
            time->form = VV_CSV_TIME_NUMBER;
            time->precision = units[index].precision;
            return VARVE_OK;
        }
    }
    if (memchr(format.bytes, '%', format.length) == NULL) {
        char excerpt[VV_EXCERPT_BYTES];
        return vv_fail(error, VARVE_INVALID,
                       "time format %s: expected rfc3339, s, ms, us, ns or a pattern such as "
                       "%%Y-%%m-%%d %%H:%%M:%%S",
                       vv_excerpt(excerpt, format.bytes, format.length));
    }
    time->form = VV_CSV_TIME_PATTERN;
    return VARVE_OK;
}

/* Digits, a sign and a point only: a number, not a date. */
static bool is_number(varve_string text)
{
    for (size_t index = 0; index < text.length; index++) {
        char character = text.bytes[index];
        bool digit = character >= '0' && character <= '9';
        if (!digit && character != '.' && !(index == 0 && character == '-')) {
            return false;
        }
    }
    return text.length > 0;
}

static varve_status parse(const struct vv_csv_time *time, varve_string text, int64_t *timestamp,
                          varve_error *error)
{
    switch (time->form) {
    case VV_CSV_TIME_NUMBER:
        return vv_time_number_parse(text, time->precision, timestamp, error);
    case VV_CSV_TIME_PATTERN:
        return vv_time_pattern_parse(time->pattern, text, timestamp, error);
    case VV_CSV_TIME_RFC3339:
        return vv_rfc3339_parse(text, timestamp, error);
    case VV_CSV_TIME_ANY:
        break;
    }
    if (!is_number(text)) {
        return vv_rfc3339_parse(text, timestamp, error);
    }
    if (time->precision == VARVE_PRECISION_DEFAULT) {
        return vv_fail(error, VARVE_INVALID,
                       "the time is a bare number: say its unit with --time-format s, ms, us or "
                       "ns");
    }
    return vv_time_number_parse(text, time->precision, timestamp, error);
}

varve_status vv_csv_time_read(struct vv_csv_time *time, struct vv_importer *importer,
                              const char *at, varve_string text, int64_t *timestamp)
{
    if (text.length > 0 && text.length == time->known_length &&
        memcmp(text.bytes, time->known_text, text.length) == 0) {
        *timestamp = time->known_time;
        return VARVE_OK;
    }
    varve_error error = {.status = VARVE_OK};
    if (parse(time, text, timestamp, &error) != VARVE_OK) {
        return vv_import_fault(importer, at, "%s", error.message);
    }
    if (*timestamp == INT64_MAX) {
        return vv_import_fault(importer, at, "the time is one nanosecond too late to be stored");
    }
    if (text.length <= sizeof time->known_text) {
        memcpy(time->known_text, text.bytes, text.length);
        time->known_length = text.length;
        time->known_time = *timestamp;
    }
    return VARVE_OK;
}
