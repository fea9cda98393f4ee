/*
 * fuzz_matcher.c - a regex and a value from any bytes: bounded time, and patterns that are simple
 * enough to do without PCRE2 answer as PCRE2 does.
 *
 *   input   type byte | pattern | FF | value
 *
 * Wrapped in two groups a pattern means the same, but is always left to PCRE2.
 */
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "index/matcher.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

/* Steps of a match are bounded, the values of a query are not: keep one input short of a second. */
enum { VALUE_BYTES_MAX = 4096, PATTERN_BYTES_MAX = 1000 };

/* What a matcher says of a value; any other status than OK is no answer. */
static varve_status ask(varve_match_type type, varve_string pattern, varve_string value,
                        bool *accepted)
{
    const varve_matcher matcher = {type, VARVE_STRING("label"), pattern};
    struct vv_matchers *compiled = NULL;
    varve_error error = {.status = VARVE_OK};
    varve_status status = vv_matchers_compile(&matcher, 1, &compiled, &error);

    if (status != VARVE_OK) {
        VV_ASSERT(status == VARVE_INVALID && error.status == status);
        return status;
    }
    status = vv_matchers_accept(compiled, 0, value, accepted);
    VV_ASSERT(status == VARVE_OK || status == VARVE_LIMIT || status == VARVE_INVALID);
    vv_matchers_destroy(compiled);
    return status;
}

static void check_against_engine(varve_string pattern, varve_string value, bool matched)
{
    char text[PATTERN_BYTES_MAX + 16];
    bool accepted = false;
    int length = snprintf(text, sizeof text, "(?:(?:%.*s))", (int)pattern.length, pattern.bytes);
    varve_string wrapped = {text, (size_t)length};

    /* A pattern with a NUL is cut off by the print, one that ends inside \Q...\E swallows the
     * groups. */
    if (wrapped.length == pattern.length + 8 &&
        ask(VARVE_MATCH_REGEX, wrapped, value, &accepted) == VARVE_OK) {
        VV_ASSERT(accepted == matched);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    if (length < 1) {
        return 0;
    }
    varve_match_type type = (varve_match_type)(bytes[0] % 4);
    varve_string pattern = {(const char *)bytes + 1, length - 1};
    varve_string value = {"", 0};
    const char *split = memchr(pattern.bytes, 0xff, pattern.length);
    bool accepted = false;
    bool opposite = false;

    if (split != NULL) {
        value.bytes = split + 1;
        value.length = pattern.length - (size_t)(split + 1 - pattern.bytes);
        pattern.length = (size_t)(split - pattern.bytes);
    }
    if (value.length > VALUE_BYTES_MAX || pattern.length > PATTERN_BYTES_MAX ||
        ask(type, pattern, value, &accepted) != VARVE_OK) {
        return 0;
    }
    if (ask(type ^ 1, pattern, value, &opposite) == VARVE_OK) {
        VV_ASSERT(accepted != opposite);
    }
    if (type >= VARVE_MATCH_REGEX) {
        check_against_engine(pattern, value, accepted == (type == VARVE_MATCH_REGEX));
    }
    return 0;
}
