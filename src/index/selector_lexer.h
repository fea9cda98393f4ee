/*
 * selector_lexer.h - the words of a selector: identifiers, quoted strings, signs.
 *
 * Threads: pure.
 */
#ifndef VARVE_INDEX_SELECTOR_LEXER_H
#define VARVE_INDEX_SELECTOR_LEXER_H

#include "base/status.h"

enum vv_token_kind {
    VV_TOKEN_END,
    VV_TOKEN_IDENTIFIER, /* [a-zA-Z_:][a-zA-Z0-9_:]* */
    VV_TOKEN_STRING,     /* "..", '..' or `..`; text holds what it stands for */
    VV_TOKEN_OPEN,
    VV_TOKEN_CLOSE,
    VV_TOKEN_COMMA,
    VV_TOKEN_EQUAL,
    VV_TOKEN_NOT_EQUAL,
    VV_TOKEN_REGEX,
    VV_TOKEN_NOT_REGEX,
    VV_TOKEN_OTHER, /* a character that begins no word */
};

struct vv_token {
    enum vv_token_kind kind;
    size_t offset;     /* byte in the selector where it begins */
    size_t length;     /* bytes that it takes there */
    varve_string text; /* of IDENTIFIER (in the selector) and STRING (in decoded) */
};

struct vv_lexer {
    varve_string input; /* UTF-8 without NUL, as vv_lexer_init() checked */
    size_t at;
    /* Where the next string goes; escapes are never shorter than what they stand for. */
    char *decoded;
    varve_error *error;
};

/* decoded has room for input.length bytes and outlives the tokens. INVALID: not UTF-8, or a NUL. */
varve_status vv_lexer_init(struct vv_lexer *lexer, varve_string input, char *decoded,
                           varve_error *error) VARVE_MUST_CHECK;
/* The next token. INVALID: a string that does not end, or a bad escape. */
varve_status vv_lexer_next(struct vv_lexer *lexer, struct vv_token *token) VARVE_MUST_CHECK;

/* The column of a byte: characters from the start, counted from 1. */
size_t vv_lexer_column(const struct vv_lexer *lexer, size_t offset);

#endif
