/*
 * selector_lexer.c - cuts the text of a selector into words and decodes its strings.
 *
 * L1  The input is UTF-8 and has no NUL byte: checked once at the start.
 * L2  A decoded string is never longer than its text, so that one buffer of the input's size takes
 *     all.
 * L3  What a string stands for is UTF-8 again, though \xHH and \ooo write single bytes.
 * Threads: pure.
 */
#include "index/selector_lexer.h"

#include <string.h>

#include "base/utf8.h"

static varve_status fail_at(const struct vv_lexer *lexer, size_t offset, const char *message)
{
    return vv_fail(lexer->error, VARVE_INVALID, "column %zu: %s", vv_lexer_column(lexer, offset),
                   message);
}

size_t vv_lexer_column(const struct vv_lexer *lexer, size_t offset)
{
    size_t column = 1;
    for (size_t at = 0; at < offset && at < lexer->input.length; at++) {
        /* Bytes that continue a character do not count. */
        column += ((unsigned char)lexer->input.bytes[at] & 0xc0) != 0x80;
    }
    return column;
}

varve_status vv_lexer_init(struct vv_lexer *lexer, varve_string input, char *decoded,
                           varve_error *error)
{
    *lexer = (struct vv_lexer){.input = input, .decoded = decoded, .error = error};
    if (!vv_utf8_valid(input.bytes, input.length)) {
        return vv_fail(error, VARVE_INVALID, "the text is not UTF-8");
    }
    const char *nul = input.length > 0 ? memchr(input.bytes, '\0', input.length) : NULL;
    if (nul != NULL) {
        return fail_at(lexer, (size_t)(nul - input.bytes),
                       "a NUL byte; write it as \\x00 in quotes");
    }
    return VARVE_OK;
}

/* The byte at an offset; NUL, which the input has not, beyond its end. */
static char byte_at(const struct vv_lexer *lexer, size_t at)
{
    return at < lexer->input.length ? lexer->input.bytes[at] : '\0';
}

/* ------------------------------------------------------------------------------- Strings */

/* The value of a digit in a base up to 16, or -1. */
static int digit_value(char c, int base)
{
    int value = -1;
    if (c >= '0' && c <= '9') {
        value = c - '0';
    } else if (c >= 'a' && c <= 'f') {
        value = c - 'a' + 10;
    } else if (c >= 'A' && c <= 'F') {
        value = c - 'A' + 10;
    }
    return value < base ? value : -1;
}

/* Reads exactly count digits at lexer->at. */
static bool read_digits(struct vv_lexer *lexer, int count, int base, uint32_t *number)
{
    uint32_t sum = 0;
    for (int index = 0; index < count; index++) {
        int value = digit_value(byte_at(lexer, lexer->at), base);
        if (value < 0) {
            return false;
        }
        sum = sum * (uint32_t)base + (uint32_t)value;
        lexer->at++;
    }
    *number = sum;
    return true;
}

/* Writes a code point as UTF-8; false for surrogates and beyond the last one. */
static bool put_code_point(struct vv_lexer *lexer, uint32_t code)
{
    char *out = lexer->decoded;
    if (code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff)) {
        return false;
    }
    if (code < 0x80) {
        *out++ = (char)code;
    } else if (code < 0x800) {
        *out++ = (char)(0xc0 | (code >> 6));
        *out++ = (char)(0x80 | (code & 0x3f));
    } else if (code < 0x10000) {
        *out++ = (char)(0xe0 | (code >> 12));
        *out++ = (char)(0x80 | ((code >> 6) & 0x3f));
        *out++ = (char)(0x80 | (code & 0x3f));
    } else {
        *out++ = (char)(0xf0 | (code >> 18));
        *out++ = (char)(0x80 | ((code >> 12) & 0x3f));
        *out++ = (char)(0x80 | ((code >> 6) & 0x3f));
        *out++ = (char)(0x80 | (code & 0x3f));
    }
    lexer->decoded = out;
    return true;
}

/* The byte that a one-letter escape stands for, or NUL. */
static char simple_escape(char c)
{
    static const char letters[] = "abfnrtv\\'\"";
    static const char bytes[] = "\a\b\f\n\r\t\v\\'\"";
    const char *found = c != '\0' ? strchr(letters, c) : NULL;
    return found != NULL ? bytes[found - letters] : '\0';
}

/* At a backslash: \n and the like, \xHH, \ooo, \uHHHH, \UHHHHHHHH. */
static varve_status read_escape(struct vv_lexer *lexer)
{
    size_t start = lexer->at;
    char c = byte_at(lexer, ++lexer->at);
    char simple = simple_escape(c);
    uint32_t number = 0;
    bool good = true;
    if (simple != '\0') {
        *lexer->decoded++ = simple;
        lexer->at++;
    } else if (c >= '0' && c <= '7') {
        good = read_digits(lexer, 3, 8, &number) && number <= 0xff;
        *lexer->decoded++ = (char)number;
    } else if (c == 'x' || c == 'u' || c == 'U') {
        lexer->at++;
        good = read_digits(lexer, c == 'x' ? 2 : c == 'u' ? 4 : 8, 16, &number);
        if (good && c == 'x') {
            *lexer->decoded++ = (char)number;
        } else {
            good = good && put_code_point(lexer, number);
        }
    } else {
        good = false;
    }
    if (!good) {
        return fail_at(lexer, start,
                       "not an escape; write \\\\ for a backslash, or quote with ` instead");
    }
    return VARVE_OK;
}

/* At an opening quote. */
static varve_status read_string(struct vv_lexer *lexer, struct vv_token *token)
{
    char quote = byte_at(lexer, lexer->at++);
    char *start = lexer->decoded;
    for (;;) {
        char c = byte_at(lexer, lexer->at);
        if (c == '\0' || (c == '\n' && quote != '`')) {
            return fail_at(lexer, token->offset,
                           c == '\0' ? "the quoted string that begins here does not end"
                                     : "the quoted string that begins here does not end on its "
                                       "line; write \\n for a line feed");
        }
        if (c == quote) {
            break;
        }
        if (c == '\\' && quote != '`') {
            VV_TRY(read_escape(lexer));
        } else {
            *lexer->decoded++ = c;
            lexer->at++;
        }
    }
    lexer->at++;
    token->kind = VV_TOKEN_STRING;
    token->text = (varve_string){start, (size_t)(lexer->decoded - start)};
    if (!vv_utf8_valid(token->text.bytes, token->text.length)) {
        return fail_at(lexer, token->offset,
                       "the quoted string is not UTF-8; write characters with \\u, not \\x");
    }
    return VARVE_OK;
}

/* -------------------------------------------------------------------------------- Tokens */

static bool begins_identifier(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == ':';
}

static void read_identifier(struct vv_lexer *lexer, struct vv_token *token)
{
    size_t end = lexer->at;
    while (begins_identifier(byte_at(lexer, end)) ||
           (byte_at(lexer, end) >= '0' && byte_at(lexer, end) <= '9')) {
        end++;
    }
    token->kind = VV_TOKEN_IDENTIFIER;
    token->text = (varve_string){lexer->input.bytes + lexer->at, end - lexer->at};
    lexer->at = end;
}

/* Signs of one or two characters; a character that is none is taken whole, for the message. */
static void read_sign(struct vv_lexer *lexer, struct vv_token *token)
{
    static const struct {
        char text[3];
        enum vv_token_kind kind;
    } signs[] = {
        {"=~", VV_TOKEN_REGEX}, {"!=", VV_TOKEN_NOT_EQUAL}, {"!~", VV_TOKEN_NOT_REGEX},
        {"=", VV_TOKEN_EQUAL},  {"{", VV_TOKEN_OPEN},       {"}", VV_TOKEN_CLOSE},
        {",", VV_TOKEN_COMMA},
    };
    for (size_t index = 0; index < sizeof signs / sizeof signs[0]; index++) {
        const char *text = signs[index].text;
        if (byte_at(lexer, lexer->at) == text[0] &&
            (text[1] == '\0' || byte_at(lexer, lexer->at + 1) == text[1])) {
            token->kind = signs[index].kind;
            lexer->at += strlen(text);
            return;
        }
    }
    token->kind = VV_TOKEN_OTHER;
    lexer->at++;
    while (((unsigned char)byte_at(lexer, lexer->at) & 0xc0) == 0x80) {
        lexer->at++;
    }
}

varve_status vv_lexer_next(struct vv_lexer *lexer, struct vv_token *token)
{
    char c = byte_at(lexer, lexer->at);
    while (c == ' ' || c == '\t' || c == '\n' || c == '\r') {
        c = byte_at(lexer, ++lexer->at);
    }
    *token = (struct vv_token){.kind = VV_TOKEN_END, .offset = lexer->at};
    if (lexer->at < lexer->input.length) {
        if (c == '"' || c == '\'' || c == '`') {
            VV_TRY(read_string(lexer, token));
        } else if (begins_identifier(c)) {
            read_identifier(lexer, token);
        } else {
            read_sign(lexer, token);
        }
    }
    token->length = lexer->at - token->offset;
    return VARVE_OK;
}
