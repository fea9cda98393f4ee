/*
 * selector.c - from the text of a selector, or of a series, to matchers and keys.
 *
 *   selector  = metric [ "{" list "}" ] | "{" list "}"
 *   list      = [ item { "," item } [ "," ] ]
 *   item      = label operator string | string           the second is a metric name in quotes
 *   label     = identifier without ":" | string
 *   operator  = "=" | "!=" | "=~" | "!~"                  a series has "=" only
 *
 * Z1  The metric name comes at most once: bare, quoted, or as matchers of __name__.
 * Z2  No recursion, and memory in proportion to the text, which has at most TEXT_BYTES_MAX.
 * Z3  A selector owns a copy of its text; its strings point into that and into what was decoded of
 *     it.
 * Threads: pure; a selector is immutable.
 */
#include <string.h>

#include "index/key.h"
#include "index/selector_lexer.h"
#include "os/alloc.h"

enum { TEXT_BYTES_MAX = 65536, MATCHERS_FIRST = 8, SHOWN_BYTES = 24 };

struct varve_selector {
    varve_matcher *matchers;
    size_t count;
    size_t capacity;
    char *text; /* the copy, then as many bytes for decoded strings */
};

struct parser {
    struct vv_lexer lexer;
    struct vv_token token; /* the one to be looked at */
    varve_selector *selector;
    bool labels_only; /* the text of a series */
    bool has_metric;  /* a metric name stands there, bare or in quotes */
    bool has_name;    /* a matcher of __name__ stands there */
    varve_error *error;
};

/* ------------------------------------------------------------------------------- Errors */

/* Bytes of a token that a message shows, without cutting a character in two. */
static int shown_length(const char *bytes, size_t length)
{
    size_t shown = length < SHOWN_BYTES ? length : SHOWN_BYTES;
    while (shown < length && shown > 0 && ((unsigned char)bytes[shown] & 0xc0) == 0x80) {
        shown--;
    }
    return (int)shown;
}

static varve_status fail_expected(const struct parser *parser, const char *expected,
                                  const char *hint)
{
    const struct vv_token *token = &parser->token;
    size_t column = vv_lexer_column(&parser->lexer, token->offset);
    if (token->kind == VV_TOKEN_END) {
        return vv_fail(parser->error, VARVE_INVALID, "column %zu: expected %s, found the end%s",
                       column, expected, hint);
    }
    const char *bytes = parser->lexer.input.bytes + token->offset;
    return vv_fail(parser->error, VARVE_INVALID, "column %zu: expected %s, found %.*s%s", column,
                   expected, shown_length(bytes, token->length), bytes, hint);
}

static varve_status fail_at(const struct parser *parser, size_t offset, const char *message)
{
    return vv_fail(parser->error, VARVE_INVALID, "column %zu: %s",
                   vv_lexer_column(&parser->lexer, offset), message);
}

static varve_status fail_memory(varve_error *error)
{
    return vv_fail(error, VARVE_NO_MEMORY, "no memory to parse a selector");
}

/* ------------------------------------------------------------------------------ Grammar */

static varve_status advance(struct parser *parser)
{
    return vv_lexer_next(&parser->lexer, &parser->token);
}

static varve_status add_matcher(struct parser *parser, varve_match_type type, varve_string name,
                                varve_string value)
{
    varve_selector *selector = parser->selector;
    if (selector->count == selector->capacity) {
        size_t capacity = selector->capacity == 0 ? MATCHERS_FIRST : selector->capacity * 2;
        varve_matcher *matchers = vv_realloc(selector->matchers, capacity * sizeof(matchers[0]));
        if (matchers == NULL) {
            return fail_memory(parser->error);
        }
        selector->matchers = matchers;
        selector->capacity = capacity;
    }
    selector->matchers[selector->count++] =
        (varve_matcher){.type = type, .name = name, .value = value};
    return VARVE_OK;
}

static varve_status add_metric(struct parser *parser, const struct vv_token *token)
{
    if (parser->has_metric || parser->has_name) {
        return fail_at(parser, token->offset, "the metric name is given twice");
    }
    if (token->text.length == 0) {
        return fail_at(parser, token->offset,
                       "the metric name is empty; leave it out for series without one");
    }
    parser->has_metric = true;
    return add_matcher(parser, VARVE_MATCH_EQUAL, VARVE_STRING("__name__"), token->text);
}

static bool match_type_of(enum vv_token_kind kind, varve_match_type *type)
{
    if (kind < VV_TOKEN_EQUAL || kind > VV_TOKEN_NOT_REGEX) {
        return false;
    }
    static const varve_match_type types[] = {
        [VV_TOKEN_EQUAL - VV_TOKEN_EQUAL] = VARVE_MATCH_EQUAL,
        [VV_TOKEN_NOT_EQUAL - VV_TOKEN_EQUAL] = VARVE_MATCH_NOT_EQUAL,
        [VV_TOKEN_REGEX - VV_TOKEN_EQUAL] = VARVE_MATCH_REGEX,
        [VV_TOKEN_NOT_REGEX - VV_TOKEN_EQUAL] = VARVE_MATCH_NOT_REGEX,
    };
    *type = types[kind - VV_TOKEN_EQUAL];
    return true;
}

static varve_status check_label(struct parser *parser, const struct vv_token *label)
{
    bool bare = label->kind == VV_TOKEN_IDENTIFIER;
    if (label->text.length == 0) {
        return fail_at(parser, label->offset, "the label name is empty");
    }
    if (bare && memchr(label->text.bytes, ':', label->text.length) != NULL) {
        return fail_at(parser, label->offset, "a label name with a colon must be in quotes");
    }
    if (label->text.length == 8 && memcmp(label->text.bytes, "__name__", 8) == 0) {
        parser->has_name = true;
        if (parser->has_metric) {
            return fail_at(parser, label->offset, "the metric name is given twice");
        }
    }
    return VARVE_OK;
}

/* At the operator behind label. */
static varve_status parse_condition(struct parser *parser, const struct vv_token *label,
                                    varve_match_type type)
{
    VV_TRY(check_label(parser, label));
    if (parser->labels_only && type != VARVE_MATCH_EQUAL) {
        return fail_expected(parser, "=", "; this names one series, not several");
    }
    VV_TRY(advance(parser));
    if (parser->token.kind != VV_TOKEN_STRING) {
        return fail_expected(parser, "a value in quotes", "; write for example host=\"a\"");
    }
    VV_TRY(add_matcher(parser, type, label->text, parser->token.text));
    return advance(parser);
}

/* label = "value", or a quoted metric name. */
static varve_status parse_item(struct parser *parser)
{
    struct vv_token first = parser->token;
    varve_match_type type;
    if (first.kind != VV_TOKEN_IDENTIFIER && first.kind != VV_TOKEN_STRING) {
        return fail_expected(parser, "a label name or }", "; odd names go in quotes");
    }
    VV_TRY(advance(parser));
    if (match_type_of(parser->token.kind, &type)) {
        return parse_condition(parser, &first, type);
    }
    if (first.kind == VV_TOKEN_IDENTIFIER) {
        return fail_expected(parser, "=, !=, =~ or !~ after the label name", "");
    }
    return add_metric(parser, &first);
}

/* At the opening brace; ends behind the closing one. */
static varve_status parse_list(struct parser *parser)
{
    VV_TRY(advance(parser));
    while (parser->token.kind != VV_TOKEN_CLOSE) {
        VV_TRY(parse_item(parser));
        if (parser->token.kind == VV_TOKEN_COMMA) {
            VV_TRY(advance(parser));
        } else if (parser->token.kind != VV_TOKEN_CLOSE) {
            return fail_expected(parser, ", or }", "");
        }
    }
    return advance(parser);
}

static varve_status parse(struct parser *parser)
{
    VV_TRY(advance(parser));
    if (parser->token.kind == VV_TOKEN_IDENTIFIER) {
        VV_TRY(add_metric(parser, &parser->token));
        VV_TRY(advance(parser));
    } else if (parser->token.kind != VV_TOKEN_OPEN) {
        return fail_expected(parser, "a metric name or {",
                             "; examples: cpu_usage{host=\"a\"}, {\"http.requests\"}, {}");
    }
    bool has_list = parser->token.kind == VV_TOKEN_OPEN;
    if (has_list) {
        VV_TRY(parse_list(parser));
    }
    if (parser->token.kind != VV_TOKEN_END) {
        return fail_expected(parser, has_list ? "the end" : "{ or the end",
                             "; ranges, offsets and functions are no part of a selector");
    }
    return VARVE_OK;
}

/* ------------------------------------------------------------------------------- Public */

static varve_status parse_text(varve_string text, bool labels_only, varve_selector **out,
                               varve_error *error)
{
    if (text.length > TEXT_BYTES_MAX) {
        return vv_fail(error, VARVE_INVALID, "the selector has %zu bytes; at most %d are allowed",
                       text.length, TEXT_BYTES_MAX);
    }
    varve_selector *selector = vv_alloc_zeroed(1, sizeof(*selector));
    if (selector == NULL) {
        return fail_memory(error);
    }
    varve_status status = VARVE_OK;
    struct parser parser = {.selector = selector, .labels_only = labels_only, .error = error};
    selector->text = vv_alloc(text.length * 2 + 1);
    if (selector->text == NULL) {
        status = fail_memory(error);
        goto out;
    }
    if (text.length > 0) {
        memcpy(selector->text, text.bytes, text.length);
    }
    status = vv_lexer_init(&parser.lexer, (varve_string){selector->text, text.length},
                           selector->text + text.length, error);
    if (status == VARVE_OK) {
        status = parse(&parser);
    }
out:
    if (status != VARVE_OK) {
        varve_selector_destroy(selector);
        return status;
    }
    *out = selector;
    return VARVE_OK;
}

varve_status varve_selector_parse(varve_string text, varve_selector **selector, varve_error *error)
{
    vv_error_clear(error);
    return parse_text(text, false, selector, error);
}

const varve_matcher *varve_selector_matchers(const varve_selector *selector, size_t *count)
{
    *count = selector->count;
    return selector->matchers;
}

void varve_selector_destroy(varve_selector *selector)
{
    if (selector != NULL) {
        vv_free(selector->matchers);
        vv_free(selector->text);
        vv_free(selector);
    }
}

varve_status vv_key_parse(varve_string text, struct vv_buffer *out, varve_error *error)
{
    varve_selector *selector = NULL;
    varve_label labels[VARVE_LABELS_MAX];
    VV_TRY(parse_text(text, true, &selector, error));
    varve_status status = VARVE_OK;
    if (selector->count > VARVE_LABELS_MAX) {
        status = vv_fail(error, VARVE_LIMIT, "a series has at most %u labels", VARVE_LABELS_MAX);
        goto out;
    }
    for (size_t index = 0; index < selector->count; index++) {
        const varve_matcher *matcher = &selector->matchers[index];
        labels[index] = (varve_label){.name = matcher->name, .value = matcher->value};
    }
    status = vv_key_encode(labels, selector->count, out, error);
out:
    varve_selector_destroy(selector);
    return status;
}
