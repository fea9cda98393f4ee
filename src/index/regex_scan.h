/*
 * regex_scan.h - what a pattern looks like before an engine compiles it.
 *
 * Threads: pure.
 */
#ifndef VARVE_INDEX_REGEX_SCAN_H
#define VARVE_INDEX_REGEX_SCAN_H

#include "base/status.h"

/* INVALID for what PCRE2 has and linear-time engines have not: look-around, back-references,
 * recursion, verbs, comments. Keeps patterns portable to Prometheus and out of the worst cases. */
varve_status vv_regex_check(varve_string pattern, varve_error *error) VARVE_MUST_CHECK;

enum vv_regex_shape {
    VV_REGEX_GENERAL,  /* needs the engine */
    VV_REGEX_LITERALS, /* a|b|c, also in one group: exactly these values */
    VV_REGEX_PREFIX,   /* abc.* and .*: everything that starts so */
    VV_REGEX_LONGER,   /* abc.+ and .+: everything that starts so and goes on */
};

/**
 * vv_regex_recognise() - the shape of a checked pattern.
 *
 * @text      room for pattern.length bytes: the unescaped literals go there.
 * @literals  room for pattern.length + 1 entries, which point into text; PREFIX and LONGER have
 *            one.
 * @count     out: entries written; 0 for GENERAL.
 */
enum vv_regex_shape vv_regex_recognise(varve_string pattern, char *text, varve_string *literals,
                                       size_t *count);

#endif
