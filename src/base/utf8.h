/*
 * utf8.h - is it UTF-8?
 *
 * Threads: pure. Cost: a byte or so per nanosecond; eight times that for ASCII.
 */
#ifndef VARVE_BASE_UTF8_H
#define VARVE_BASE_UTF8_H

#include <stdbool.h>
#include <stddef.h>

/* Strict, as Unicode has it: no overlong forms, no surrogates, nothing beyond U+10FFFF. U+0000 is a
 * character like any other. bytes may be NULL if length is 0. */
bool vv_utf8_valid(const void *bytes, size_t length);

#endif
