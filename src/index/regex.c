/*
 * regex.c - anchored regular expressions over PCRE2, and without it where the pattern is simple
 * enough.
 *
 * R1  A match is bounded: MATCH_STEPS_MAX backtracking steps, DEPTH_MAX nested points, HEAP_KIB_MAX
 *     of heap. Values have at most 4 KiB, so that only patterns with real explosions get there.
 * R2  A value is checked to be UTF-8 here, which is faster than PCRE2's own check; handing it a bad
 *     one unchecked would be undefined.
 * R3  Where the JIT cannot work (refused by the kernel, its stack too small), the interpreter
 *     answers.
 * Threads: one at a time per regex (match_data is scratch).
 */
#include "index/regex.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>
#include <string.h>

#include "base/utf8.h"
#include "index/regex_scan.h"
#include "os/alloc.h"

enum {
    MATCH_STEPS_MAX = 1000000,
    DEPTH_MAX = 100000,
    HEAP_KIB_MAX = 16384,
    PAREN_DEPTH_MAX = 100,
};

struct vv_regex {
    enum vv_regex_shape shape;
    char *text; /* of the literals */
    varve_string *literals;
    size_t literal_count;
    pcre2_code *code; /* from here on NULL unless shape is GENERAL */
    pcre2_match_data *match_data;
    pcre2_match_context *limits;
    bool has_jit;
};

/* PCRE2 asks for memory through these, so that it is counted and can fail in tests. */
static void *pcre_alloc(size_t bytes, void *unused)
{
    (void)unused;
    return vv_alloc(bytes > 0 ? bytes : 1);
}

static void pcre_free(void *memory, void *unused)
{
    (void)unused;
    vv_free(memory);
}

/* Says what PCRE2 found; number is its error code, at the byte offset of the pattern. */
static varve_status compile_failed(int number, size_t at, varve_error *error)
{
    if (number == PCRE2_ERROR_HEAP_FAILED) {
        return vv_fail(error, VARVE_NO_MEMORY, "no memory to compile a regular expression");
    }
    PCRE2_UCHAR text[160];
    (void)pcre2_get_error_message(number, text, sizeof text);
    return vv_fail(error, VARVE_INVALID, "%s at byte %zu", (const char *)text, at + 1);
}

static varve_status compile_code(struct vv_regex *regex, varve_string pattern,
                                 pcre2_general_context *memory, varve_error *error)
{
    const uint32_t options = PCRE2_UTF | PCRE2_DOTALL | PCRE2_DOLLAR_ENDONLY | PCRE2_ANCHORED |
                             PCRE2_ENDANCHORED | PCRE2_NO_AUTO_CAPTURE | PCRE2_NEVER_BACKSLASH_C;
    pcre2_compile_context *context = pcre2_compile_context_create(memory);
    if (context == NULL) {
        return vv_fail(error, VARVE_NO_MEMORY, "no memory to compile a regular expression");
    }
    (void)pcre2_set_parens_nest_limit(context, PAREN_DEPTH_MAX);
    int number = 0;
    size_t at = 0;
    regex->code =
        pcre2_compile((PCRE2_SPTR)pattern.bytes, pattern.length, options, &number, &at, context);
    pcre2_compile_context_free(context);
    if (regex->code == NULL) {
        return compile_failed(number, at, error);
    }
    regex->has_jit = pcre2_jit_compile(regex->code, PCRE2_JIT_COMPLETE) == 0;
    regex->match_data = pcre2_match_data_create(1, memory);
    regex->limits = pcre2_match_context_create(memory);
    if (regex->match_data == NULL || regex->limits == NULL) {
        return vv_fail(error, VARVE_NO_MEMORY, "no memory to compile a regular expression");
    }
    (void)pcre2_set_match_limit(regex->limits, MATCH_STEPS_MAX);
    (void)pcre2_set_depth_limit(regex->limits, DEPTH_MAX);
    (void)pcre2_set_heap_limit(regex->limits, HEAP_KIB_MAX);
    return VARVE_OK;
}

static varve_status compile_general(struct vv_regex *regex, varve_string pattern,
                                    varve_error *error)
{
    pcre2_general_context *memory = pcre2_general_context_create(pcre_alloc, pcre_free, NULL);
    if (memory == NULL) {
        return vv_fail(error, VARVE_NO_MEMORY, "no memory to compile a regular expression");
    }
    varve_status status = compile_code(regex, pattern, memory, error);
    pcre2_general_context_free(memory);
    return status;
}

static varve_status check_pattern(varve_string pattern, varve_error *error)
{
    if (pattern.length > VV_REGEX_PATTERN_BYTES_MAX) {
        return vv_fail(error, VARVE_INVALID, "the pattern has %zu bytes; at most %u are allowed",
                       pattern.length, VV_REGEX_PATTERN_BYTES_MAX);
    }
    if (!vv_utf8_valid(pattern.bytes, pattern.length)) {
        return vv_fail(error, VARVE_INVALID, "the pattern is not UTF-8");
    }
    return vv_regex_check(pattern, error);
}

varve_status vv_regex_compile(varve_string pattern, struct vv_regex **out, varve_error *error)
{
    VV_TRY(check_pattern(pattern, error));
    struct vv_regex *regex = vv_alloc_zeroed(1, sizeof(*regex));
    if (regex == NULL) {
        return vv_fail(error, VARVE_NO_MEMORY, "no memory to compile a regular expression");
    }
    varve_status status = VARVE_OK;
    regex->text = vv_alloc(pattern.length + 1);
    regex->literals = vv_alloc((pattern.length + 1) * sizeof(regex->literals[0]));
    if (regex->text == NULL || regex->literals == NULL) {
        status = vv_fail(error, VARVE_NO_MEMORY, "no memory to compile a regular expression");
        goto out;
    }
    regex->shape = vv_regex_recognise(pattern, regex->text, regex->literals, &regex->literal_count);
    if (regex->shape == VV_REGEX_GENERAL) {
        status = compile_general(regex, pattern, error);
    }
out:
    if (status != VARVE_OK) {
        vv_regex_destroy(regex);
        return status;
    }
    *out = regex;
    return VARVE_OK;
}

void vv_regex_destroy(struct vv_regex *regex)
{
    if (regex == NULL) {
        return;
    }
    pcre2_match_context_free(regex->limits);
    pcre2_match_data_free(regex->match_data);
    pcre2_code_free(regex->code);
    vv_free(regex->literals);
    vv_free(regex->text);
    vv_free(regex);
}

static varve_status match_general(struct vv_regex *regex, varve_string value, bool *matched)
{
    if (!vv_utf8_valid(value.bytes, value.length)) {
        return VARVE_INVALID;
    }
    PCRE2_SPTR subject = (PCRE2_SPTR)(value.length > 0 ? value.bytes : "");
    int result = PCRE2_ERROR_JIT_STACKLIMIT;
    if (regex->has_jit) {
        result = pcre2_jit_match(regex->code, subject, value.length, 0, 0, regex->match_data,
                                 regex->limits);
    }
    if (result == PCRE2_ERROR_JIT_STACKLIMIT) {
        result = pcre2_match(regex->code, subject, value.length, 0,
                             PCRE2_NO_JIT | PCRE2_NO_UTF_CHECK, regex->match_data, regex->limits);
    }
    if (result >= 0 || result == PCRE2_ERROR_NOMATCH) {
        *matched = result >= 0;
        return VARVE_OK;
    }
    return result == PCRE2_ERROR_NOMEMORY ? VARVE_NO_MEMORY : VARVE_LIMIT;
}

static bool starts_with(varve_string value, varve_string prefix)
{
    return value.length >= prefix.length &&
           (prefix.length == 0 || memcmp(value.bytes, prefix.bytes, prefix.length) == 0);
}

static bool match_literals(const struct vv_regex *regex, varve_string value)
{
    for (size_t index = 0; index < regex->literal_count; index++) {
        if (regex->literals[index].length == value.length &&
            starts_with(value, regex->literals[index])) {
            return true;
        }
    }
    return false;
}

varve_status vv_regex_match(struct vv_regex *regex, varve_string value, bool *matched)
{
    switch (regex->shape) {
    case VV_REGEX_LITERALS:
        *matched = match_literals(regex, value);
        return VARVE_OK;
    case VV_REGEX_PREFIX:
        *matched = starts_with(value, regex->literals[0]);
        return VARVE_OK;
    case VV_REGEX_LONGER:
        *matched =
            starts_with(value, regex->literals[0]) && value.length > regex->literals[0].length;
        return VARVE_OK;
    case VV_REGEX_GENERAL:
        break;
    }
    return match_general(regex, value, matched);
}

size_t vv_regex_literals(const struct vv_regex *regex, const varve_string **literals)
{
    *literals = regex->literals;
    return regex->shape == VV_REGEX_LITERALS ? regex->literal_count : 0;
}
