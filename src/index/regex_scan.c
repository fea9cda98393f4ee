/*
 * regex_scan.c - refuses what matchers do not offer, and recognises patterns that need no regex
 * engine.
 *
 * G1  The check is by form, not by meaning: it never refuses what it does not understand; PCRE2 has
 *     the last word on syntax, and its limits bound what slips through.
 * G2  Recognition is conservative: any character with a meaning of its own makes a pattern GENERAL.
 * Threads: pure.
 */
#include "index/regex_scan.h"

#include <string.h>

/* A place in a pattern. */
struct scan {
    const char *bytes;
    size_t length;
    size_t at;
};

static bool looking_at(const struct scan *scan, const char *text)
{
    size_t length = strlen(text);
    return scan->length - scan->at >= length && memcmp(scan->bytes + scan->at, text, length) == 0;
}

static char byte_at(const struct scan *scan, size_t at)
{
    return at < scan->length ? scan->bytes[at] : '\0';
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* --------------------------------------------------------------------------------- Check */

static varve_status refuse(const struct scan *scan, const char *what, varve_error *error)
{
    return vv_fail(error, VARVE_INVALID, "%s at byte %zu: matchers do not support it", what,
                   scan->at + 1);
}

/* At a backslash. \Q...\E is skipped as a whole, everything else as two bytes. */
static varve_status check_escape(struct scan *scan, bool in_class, varve_error *error)
{
    char c = byte_at(scan, scan->at + 1);
    if (c == 'Q') {
        while (scan->at < scan->length && !looking_at(scan, "\\E")) {
            scan->at++;
        }
    } else if (!in_class && ((c >= '1' && c <= '9') || c == 'g' || c == 'k')) {
        return refuse(scan, "a back-reference or subroutine call", error);
    }
    scan->at += 2;
    return VARVE_OK;
}

/* At "(?" or "(*": only plain, named and atomic groups and the options i, m, s and U may follow. */
static varve_status check_group(struct scan *scan, varve_error *error)
{
    static const char *const look_around[] = {"(?=", "(?!", "(?<=", "(?<!", "(?*", "(?<*"};
    static const char *const named[] = {"(?:", "(?>", "(?<", "(?'", "(?P<"};
    if (looking_at(scan, "(*")) {
        return refuse(scan, "a verb (*...)", error);
    }
    for (size_t index = 0; index < sizeof look_around / sizeof look_around[0]; index++) {
        if (looking_at(scan, look_around[index])) {
            return refuse(scan, "look-around", error);
        }
    }
    for (size_t index = 0; index < sizeof named / sizeof named[0]; index++) {
        if (looking_at(scan, named[index])) {
            scan->at += strlen(named[index]);
            return VARVE_OK;
        }
    }
    size_t end = scan->at + 2;
    while (byte_at(scan, end) != '\0' && strchr("imsU-", byte_at(scan, end)) != NULL) {
        end++;
    }
    char closing = byte_at(scan, end);
    if (closing == ')' || closing == ':') {
        scan->at = end + 1;
        return VARVE_OK;
    }
    return refuse(scan, "a special group (?...)", error);
}

/* At '[': skips the class, in which ']' counts as a member where it comes first. */
static varve_status check_class(struct scan *scan, varve_error *error)
{
    scan->at++;
    scan->at += byte_at(scan, scan->at) == '^';
    scan->at += byte_at(scan, scan->at) == ']';
    while (scan->at < scan->length && scan->bytes[scan->at] != ']') {
        if (scan->bytes[scan->at] == '\\') {
            VV_TRY(check_escape(scan, true, error));
        } else if (looking_at(scan, "[:")) {
            const char *rest = scan->bytes + scan->at + 2;
            const char *end = memchr(rest, ']', scan->length - scan->at - 2);
            bool named = end != NULL && end > rest && end[-1] == ':';
            scan->at = named ? (size_t)(end - scan->bytes) + 1 : scan->at + 2;
        } else {
            scan->at++;
        }
    }
    scan->at++;
    return VARVE_OK;
}

varve_status vv_regex_check(varve_string pattern, varve_error *error)
{
    struct scan scan = {.bytes = pattern.bytes, .length = pattern.length};
    while (scan.at < scan.length) {
        char c = scan.bytes[scan.at];
        if (c == '\\') {
            VV_TRY(check_escape(&scan, false, error));
        } else if (c == '[') {
            VV_TRY(check_class(&scan, error));
        } else if (looking_at(&scan, "(?") || looking_at(&scan, "(*")) {
            VV_TRY(check_group(&scan, error));
        } else {
            scan.at++;
        }
    }
    return VARVE_OK;
}

/* --------------------------------------------------------------------------- Recognition */

/* Reads one literal byte, a plain one or an escaped punctuation mark. */
static bool read_literal(struct scan *scan, char *literal)
{
    char c = byte_at(scan, scan->at);
    bool nul = c == '\0';
    if (c == '\\') {
        c = byte_at(scan, scan->at + 1);
        bool ascii = c > ' ' && c <= '~';
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || is_digit(c);
        if (!ascii || letter) {
            return false;
        }
        scan->at++;
    } else if (nul || strchr("^$.|?*+()[]{}", c) != NULL) {
        return false;
    }
    *literal = c;
    scan->at++;
    return true;
}

/* The inside of a pattern that is one group, (a|b) or (?:a|b); the pattern itself if it is not, or
 * if there are more groups (which read_literal() refuses later). */
static struct scan strip_group(varve_string pattern)
{
    struct scan scan = {.bytes = pattern.bytes, .length = pattern.length};
    if (pattern.length >= 2 && pattern.bytes[0] == '(' &&
        pattern.bytes[pattern.length - 1] == ')') {
        size_t opening = looking_at(&scan, "(?:") ? 3 : 1;
        if (opening < pattern.length) {
            scan.bytes += opening;
            scan.length -= opening + 1;
        }
    }
    return scan;
}

enum vv_regex_shape vv_regex_recognise(varve_string pattern, char *text, varve_string *literals,
                                       size_t *count)
{
    struct scan scan = strip_group(pattern);
    bool grouped = scan.length != pattern.length;
    size_t found = 0;
    char *literal = text;
    *count = 0;
    for (;;) {
        char *end = literal;
        while (read_literal(&scan, end)) {
            end++;
        }
        literals[found++] = (varve_string){literal, (size_t)(end - literal)};
        literal = end;
        if (scan.at == scan.length) {
            *count = found;
            return VV_REGEX_LITERALS;
        }
        if (scan.bytes[scan.at] != '|') {
            break;
        }
        scan.at++;
    }
    bool tail = scan.length - scan.at == 2 && found == 1 && !grouped;
    if (tail && (looking_at(&scan, ".*") || looking_at(&scan, ".+"))) {
        *count = 1;
        return looking_at(&scan, ".*") ? VV_REGEX_PREFIX : VV_REGEX_LONGER;
    }
    return VV_REGEX_GENERAL;
}
