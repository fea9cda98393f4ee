/*
 * fuzz_times.c - times, durations and patterns from any text: what RFC 3339 text gives is written
 * as text that gives the same time.
 *
 *     input: | length of the pattern (1 byte) | pattern | text |
 */
#include <stdint.h>

#include "base/status.h"
#include "base/time_text.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

static void check_rfc3339(varve_string text)
{
    char written[VARVE_TEXT_MAX];
    varve_error error;
    int64_t first;
    int64_t second;

    if (vv_rfc3339_parse(text, &first, &error) == VARVE_OK) {
        size_t length = varve_time_format(first, VARVE_PRECISION_DEFAULT, written);
        VV_ASSERT(vv_rfc3339_parse((varve_string){written, length}, &second, NULL) == VARVE_OK);
        VV_ASSERT(first == second);
    }
}

/* Any text is either a time or INVALID. */
static void expect_answer(varve_status status)
{
    VV_ASSERT(status == VARVE_OK || status == VARVE_INVALID);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    varve_string text = {(const char *)bytes, length};
    varve_error error;
    int64_t result;

    check_rfc3339(text);
    expect_answer(vv_time_number_parse(text, VARVE_PRECISION_S, &result, &error));
    expect_answer(vv_time_number_parse(text, VARVE_PRECISION_NS, &result, &error));
    expect_answer(varve_time_parse(text, INT64_C(1700000000000000000), &result, &error));
    expect_answer(varve_duration_parse(text, &result, &error));
    if (length > 0 && length - 1 >= bytes[0]) {
        varve_string pattern = {(const char *)bytes + 1, bytes[0]};
        varve_string rest = {pattern.bytes + pattern.length, length - 1 - pattern.length};
        expect_answer(vv_time_pattern_parse(pattern, rest, &result, &error));
    }
    return 0;
}
