/*
 * regex.h - one anchored regular expression; the simple ones without a regex engine.
 *
 * Threads: one at a time, since matching uses scratch memory of the regex.
 */
#ifndef VARVE_INDEX_REGEX_H
#define VARVE_INDEX_REGEX_H

#include "base/status.h"

/* Bytes of a pattern at most; longer ones are INVALID. */
#define VV_REGEX_PATTERN_BYTES_MAX 1024u

struct vv_regex;

/* INVALID: the message says what is wrong and where, without naming the matcher. NO_MEMORY. */
varve_status vv_regex_compile(varve_string pattern, struct vv_regex **regex,
                              varve_error *error) VARVE_MUST_CHECK;
void vv_regex_destroy(struct vv_regex *regex); /* NULL is fine */

/* Whether the whole value matches. LIMIT: it took too many steps or too much memory; INVALID: value
 * is not UTF-8 (only found where PCRE2 is needed). */
varve_status vv_regex_match(struct vv_regex *regex, varve_string value,
                            bool *matched) VARVE_MUST_CHECK;

/* The only values that match, in the order of the pattern; 0 if the pattern is no list of literals.
 * The strings belong to the regex. */
size_t vv_regex_literals(const struct vv_regex *regex, const varve_string **literals);

#endif
