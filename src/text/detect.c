/*
 * detect.c - guesses the format from the first lines, by the rules of detect.h and nothing else.
 *
 * Threads: one at a time, that of the import.
 */
#include "text/detect.h"

#include <string.h>

#include "text/number_scan.h"

/* Looked at before giving up on finding the end of a line. */
#define LOOK_BYTES (64u << 10)

#define FORMATS "csv, influx, prom, openmetrics or jsonl"

/* The first bytes of what is not text, what it is, and what makes text of it. */
struct magic {
    const char *bytes;
    size_t length;
    const char *what;
    const char *cure;
};

static const struct magic magics[] = {
    {"\x1f\x8b", 2, "gzip-compressed", "decompress it first: gzip -dc FILE | varve import DB -"},
    {"\x28\xb5\x2f\xfd", 4, "zstd-compressed",
     "decompress it first: zstd -dc FILE | varve import DB -"},
    {"\xfd"
     "7zXZ",
     5, "xz-compressed", "decompress it first: xz -dc FILE | varve import DB -"},
    {"BZh91AY&SY", 10, "bzip2-compressed",
     "decompress it first: bzip2 -dc FILE | varve import DB -"},
    {"\x04\x22\x4d\x18", 4, "lz4-compressed",
     "decompress it first: lz4 -dc FILE | varve import DB -"},
    {"PK\x03\x04", 4, "a zip archive", "unpack it first: unzip -p FILE | varve import DB -"},
    {"\xff\xfe", 2, "UTF-16",
     "convert it first: iconv -f UTF-16 -t UTF-8 FILE | varve import DB -"},
    {"\xfe\xff", 2, "UTF-16",
     "convert it first: iconv -f UTF-16 -t UTF-8 FILE | varve import DB -"},
};

static varve_status refuse_binary(const char *bytes, size_t length, const char *name,
                                  varve_error *error)
{
    for (size_t index = 0; index < sizeof magics / sizeof magics[0]; index++) {
        const struct magic *magic = &magics[index];
        if (length >= magic->length && memcmp(bytes, magic->bytes, magic->length) == 0) {
            return vv_fail(error, VARVE_INVALID, "%s is %s, not text: %s", name, magic->what,
                           magic->cure);
        }
    }
    return VARVE_OK;
}

/* A line of what is looked at, ended by a line feed or the end of the input. */
struct look {
    const char *at;
    const char *end;
};

static bool begins(struct look line, const char *word)
{
    size_t length = strlen(word);
    return (size_t)(line.end - line.at) >= length && memcmp(line.at, word, length) == 0;
}

static bool is_blank(char character)
{
    return character == ' ' || character == '\t';
}

static const char *skip_blanks(struct look line)
{
    while (line.at < line.end && is_blank(*line.at)) {
        line.at++;
    }
    return line.at;
}

/* Behind the quote that closes the string whose opening quote stands at line.at; NULL if none
 * does. */
static const char *skip_string(struct look line)
{
    for (const char *at = line.at + 1; at < line.end; at++) {
        if (*at == '\\') {
            at++;
        } else if (*at == '"') {
            return at + 1;
        }
    }
    return NULL;
}

static bool is_jsonl(struct look line)
{
    if (!begins(line, "{")) {
        return false;
    }
    line.at++;
    line.at = skip_blanks(line);
    if (!begins(line, "\"")) {
        return false;
    }
    line.at = skip_string(line);
    if (line.at == NULL) {
        return false;
    }
    line.at = skip_blanks(line);
    return begins(line, ":");
}

/* Behind a series of Prometheus text, or NULL. What is in the braces is not judged. */
static const char *skip_series(struct look line)
{
    const char *start = line.at;
    while (line.at < line.end && !is_blank(*line.at) && *line.at != '{' && *line.at != ',' &&
           *line.at != '=') {
        line.at++;
    }
    struct look brace = {skip_blanks(line), line.end};
    if (!begins(brace, "{")) {
        return line.at > start ? line.at : NULL;
    }
    for (line.at = brace.at + 1; line.at != NULL && line.at < line.end;) {
        if (*line.at == '}') {
            return line.at + 1;
        }
        line.at = *line.at == '"' ? skip_string(line) : line.at + 1;
    }
    return NULL;
}

enum guess { NOTHING, PROM, OPENMETRICS, EITHER };

/* Whether it is a sample of Prometheus text, of OpenMetrics, of both. */
static enum guess guess_sample(struct look line)
{
    /* Whole times below are milliseconds of before 1973 or seconds of before the year 5138. */
    const int64_t milliseconds_min = INT64_C(100000000000);
    double value;
    line.at = skip_series(line);
    if (line.at == NULL || line.at == line.end || !is_blank(*line.at)) {
        return NOTHING;
    }
    line.at = vv_scan_value(skip_blanks(line), &value);
    if (line.at == NULL || line.at > line.end) {
        return NOTHING;
    }
    line.at = skip_blanks(line);
    if (line.at == line.end) {
        return PROM;
    }
    int64_t time = milliseconds_min;
    if (*line.at != '#') {
        const char *whole = vv_scan_integer(line.at, &time);
        const char *fraction = vv_scan_decimal(line.at, &value);
        if (fraction == NULL || fraction > line.end) {
            return NOTHING;
        }
        bool has_fraction = whole != fraction;
        line.at = fraction;
        line.at = skip_blanks(line);
        if (line.at == line.end && !has_fraction) {
            return time >= milliseconds_min || time <= 0 ? PROM : EITHER;
        }
        if (line.at == line.end) {
            return OPENMETRICS;
        }
    }
    return begins(line, "# {") ? OPENMETRICS : NOTHING;
}

static bool is_influx(struct look line)
{
    for (; line.at < line.end && *line.at != ' '; line.at++) {
        line.at += *line.at == '\\' && line.at + 1 < line.end ? 1 : 0;
    }
    line.at = skip_blanks(line);
    const char *key = line.at;
    for (; line.at < line.end && *line.at != '=' && *line.at != ' ' && *line.at != ','; line.at++) {
        line.at += *line.at == '\\' && line.at + 1 < line.end ? 1 : 0;
    }
    if (line.at >= line.end || line.at == key || *line.at != '=') {
        return false;
    }
    line.at++;
    return line.at < line.end && *line.at != 0 && strchr("-.0123456789\"tTfF", *line.at) != NULL;
}

static bool is_openmetrics_comment(struct look line)
{
    static const char *const types[] = {" unknown", " info", " stateset", " gaugehistogram"};
    if (begins(line, "# UNIT ") || (begins(line, "# EOF") && line.end - line.at == 5)) {
        return true;
    }
    for (size_t index = 0; index < sizeof types / sizeof types[0]; index++) {
        size_t length = strlen(types[index]);
        if (begins(line, "# TYPE ") && (size_t)(line.end - line.at) > length + 7 &&
            memcmp(line.end - length, types[index], length) == 0) {
            return true;
        }
    }
    return false;
}

/* What the first line of data is; an error if that cannot be told. */
static varve_status guess_line(struct look line, const char *name, varve_format *format,
                               varve_error *error)
{
    enum guess sample = is_jsonl(line) ? NOTHING : guess_sample(line);
    if (sample == EITHER) {
        return vv_fail(error, VARVE_INVALID,
                       "cannot tell the format of %s: its times could be milliseconds (prom) or "
                       "seconds (openmetrics); say which with --format",
                       name);
    }
    if (is_jsonl(line)) {
        *format = VARVE_FORMAT_JSONL;
    } else if (sample != NOTHING) {
        *format = sample == PROM ? VARVE_FORMAT_PROM : VARVE_FORMAT_OPENMETRICS;
    } else if (is_influx(line)) {
        *format = VARVE_FORMAT_INFLUX;
    } else if (memchr(line.at, ',', (size_t)(line.end - line.at)) != NULL) {
        *format = VARVE_FORMAT_CSV;
    } else {
        return vv_fail(error, VARVE_INVALID,
                       "cannot tell the format of %s from its first line; say it with --format: "
                       "%s",
                       name, FORMATS);
    }
    return VARVE_OK;
}

/* Goes through the lines that are there. *format stays AUTO if more bytes are needed to tell. */
static varve_status guess_lines(const char *bytes, size_t length, bool whole, const char *name,
                                varve_format *format, varve_error *error)
{
    struct look rest = {bytes, bytes + length};
    while (rest.at < rest.end) {
        const char *feed = memchr(rest.at, '\n', (size_t)(rest.end - rest.at));
        if (feed == NULL && !whole) {
            return VARVE_OK;
        }
        struct look line = {rest.at, feed != NULL ? feed : rest.end};
        rest.at = feed != NULL ? feed + 1 : rest.end;
        if (line.end > line.at && line.end[-1] == '\r') {
            line.end--;
        }
        if (is_openmetrics_comment(line)) {
            *format = VARVE_FORMAT_OPENMETRICS;
            return VARVE_OK;
        }
        line.at = skip_blanks(line);
        if (line.at < line.end && *line.at != '#') {
            return guess_line(line, name, format, error);
        }
    }
    *format = whole ? VARVE_FORMAT_PROM : VARVE_FORMAT_AUTO;
    return VARVE_OK;
}

varve_status vv_detect_format(struct vv_line_reader *lines, varve_format *format,
                              varve_error *error)
{
    const char *bytes;
    size_t length;
    bool ended;
    VV_TRY(vv_line_reader_peek(lines, 10, &bytes, &length, &ended, error));
    VV_TRY(refuse_binary(bytes, length, lines->name, error));
    varve_format guessed = *format;
    while (guessed == VARVE_FORMAT_AUTO) {
        bool whole = ended || length >= LOOK_BYTES;
        VV_TRY(guess_lines(bytes, length, whole, lines->name, &guessed, error));
        if (guessed == VARVE_FORMAT_AUTO) {
            VV_TRY(vv_line_reader_peek(lines, length + 1, &bytes, &length, &ended, error));
        }
    }
    *format = guessed;
    return VARVE_OK;
}
