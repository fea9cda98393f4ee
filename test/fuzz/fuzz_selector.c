/*
 * fuzz_selector.c - selectors and the regexes in them, from any text: a status, bounded time, and
 * matchers that answer for any value without a crash.
 */
#include <stdint.h>

#include "index/matcher.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

static void check_matchers(const varve_matcher *matchers, size_t count, varve_string value)
{
    struct vv_matchers *compiled;
    varve_error error;

    if (vv_matchers_compile(matchers, count, &compiled, &error) != VARVE_OK) {
        return;
    }
    VV_ASSERT(vv_matchers_count(compiled) == count);
    for (size_t index = 0; index < count; index++) {
        const varve_string *literals;
        size_t literal_count = vv_matchers_literals(compiled, index, &literals);
        bool accepted = false;
        varve_status status = vv_matchers_accept(compiled, index, value, &accepted);
        VV_ASSERT(status == VARVE_OK || status == VARVE_LIMIT || status == VARVE_INVALID);
        for (size_t literal = 0; literal < literal_count; literal++) {
            status = vv_matchers_accept(compiled, index, literals[literal], &accepted);
            VV_ASSERT(status == VARVE_OK && accepted);
        }
    }
    vv_matchers_destroy(compiled);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    varve_string text = {(const char *)bytes, length};
    varve_selector *selector;
    varve_error error;
    size_t count;

    if (varve_selector_parse(text, &selector, &error) != VARVE_OK) {
        return 0;
    }
    const varve_matcher *matchers = varve_selector_matchers(selector, &count);
    check_matchers(matchers, count, text);
    check_matchers(matchers, count, VARVE_STRING("node"));
    check_matchers(matchers, count, VARVE_STRING(""));
    varve_selector_destroy(selector);
    return 0;
}
