/*
 * fuzz_time.c - times from any text.
 *
 *     [pattern \n] text
 *
 * The text is read as a time, as a duration, as a number in each unit and, if there is a pattern,
 * by that. Whatever is accepted must mean the same in the other ways to write it; whatever is
 * refused must come with a message and leave the result alone.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/status.h"
#include "base/time_text.h"

#define NOW INT64_C(1700000000123456789)
#define UNTOUCHED INT64_C(-4242424242)

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

/* A record as callers may have it: full of anything. */
static varve_error uninitialised_error(void)
{
    varve_error error;
    memset(&error, 0x5a, sizeof error);
    return error;
}

/* Whether the call succeeded; if not, it has said why and touched nothing else. */
static bool succeeded(varve_status status, const varve_error *error, int64_t result)
{
    if (status == VARVE_OK) {
        return true;
    }
    VV_ASSERT(status == VARVE_INVALID && error->status == VARVE_INVALID);
    VV_ASSERT(memchr(error->message, '\0', sizeof error->message) != NULL);
    VV_ASSERT(error->message[0] != '\0');
    VV_ASSERT(result == UNTOUCHED);
    return false;
}

/* RFC 3339 and numbers in every unit say the same time. */
static void check_written(int64_t time)
{
    for (int precision = 0; precision <= VARVE_PRECISION_NS; precision++) {
        char text[VARVE_TEXT_MAX];
        int64_t back = UNTOUCHED;
        size_t length = varve_time_format(time, (varve_precision)precision, text);
        varve_string written = {text, length};
        VV_ASSERT(length < sizeof text && text[length] == '\0');
        varve_status status =
            precision == VARVE_PRECISION_DEFAULT
                ? vv_rfc3339_parse(written, &back, NULL)
                : vv_time_number_parse(written, (varve_precision)precision, &back, NULL);
        VV_ASSERT(status == VARVE_OK && back == time);
    }
}

static void check_time(varve_string text)
{
    int64_t time = UNTOUCHED;
    varve_error error = uninitialised_error();
    varve_status status = varve_time_parse(text, NOW, &time, &error);
    if (succeeded(status, &error, time)) {
        check_written(time);
    }
    for (int precision = VARVE_PRECISION_S; precision <= VARVE_PRECISION_NS; precision++) {
        time = UNTOUCHED;
        error = uninitialised_error();
        status = vv_time_number_parse(text, (varve_precision)precision, &time, &error);
        if (succeeded(status, &error, time)) {
            check_written(time);
        }
    }
}

/* A duration is the distance from now of the time that now-DURATION is. */
static void check_duration(varve_string text)
{
    int64_t duration = UNTOUCHED;
    varve_error error = uninitialised_error();
    varve_status status = varve_duration_parse(text, &duration, &error);
    if (!succeeded(status, &error, duration)) {
        return;
    }
    VV_ASSERT(duration >= 0);
    int64_t expected;
    int64_t time = UNTOUCHED;
    char *relative = malloc(text.length + 4);
    if (relative == NULL) {
        abort();
    }
    memcpy(relative, "now-", 4);
    memcpy(relative + 4, text.bytes, text.length);
    error = uninitialised_error();
    status = varve_time_parse((varve_string){relative, text.length + 4}, NOW, &time, &error);
    bool fits = !__builtin_sub_overflow(NOW, duration, &expected);
    VV_ASSERT(succeeded(status, &error, time) == fits);
    VV_ASSERT(!fits || time == expected);
    free(relative);
}

static void check_pattern(varve_string pattern, varve_string text)
{
    int64_t time = UNTOUCHED;
    varve_error error = uninitialised_error();
    varve_status status = vv_time_pattern_parse(pattern, text, &time, &error);
    if (succeeded(status, &error, time)) {
        check_written(time);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    varve_string text = {(const char *)bytes, length};
    const char *newline = length != 0 ? memchr(text.bytes, '\n', length) : NULL;
    if (newline != NULL) {
        varve_string pattern = {text.bytes, (size_t)(newline - text.bytes)};
        text.bytes = newline + 1;
        text.length = length - pattern.length - 1;
        check_pattern(pattern, text);
    }
    check_time(text);
    check_duration(text);
    return 0;
}
