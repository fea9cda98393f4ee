/*
 * matcher.h - compiled matchers.
 *
 * Regexes are PCRE2 with UTF, DOTALL, DOLLAR_ENDONLY, anchored at both ends, JIT where there is
 * one, with match, depth and heap limits; look-around and back-references are refused (INVALID).
 * Literals, prefixes (abc.*) and alternations of literals (a|b|c) are recognised and never reach
 * PCRE2. Threads: immutable after compile except match scratch: one thread at a time.
 */
#ifndef VARVE_INDEX_MATCHER_H
#define VARVE_INDEX_MATCHER_H

#include "base/status.h"
#include "index/id_runs.h"

struct vv_matchers;

/* INVALID names the matcher and what is wrong with it. count 0 gives matchers that accept
 * everything. */
varve_status vv_matchers_compile(const varve_matcher *matchers, size_t count,
                                 struct vv_matchers **compiled,
                                 varve_error *error) VARVE_MUST_CHECK;
void vv_matchers_destroy(struct vv_matchers *matchers);

/* Whether these are what compiled was made of: then it may be used again. */
bool vv_matchers_are(const struct vv_matchers *compiled, const varve_matcher *matchers,
                     size_t count);
/* What whoever selects with the matchers may use, and keeps its memory while they live: a place
 * for the result, and one for vv_label_source_select() itself. */
struct vv_id_runs *vv_matchers_selected(const struct vv_matchers *matchers);
struct vv_id_runs *vv_matchers_spare(const struct vv_matchers *matchers);

size_t vv_matchers_count(const struct vv_matchers *matchers);
varve_match_type vv_matchers_type(const struct vv_matchers *matchers, size_t index);
varve_string vv_matchers_name(const struct vv_matchers *matchers, size_t index);

/* Whether matcher index accepts value, its negation included. LIMIT: a regex ran into its
 * limits. */
varve_status vv_matchers_accept(const struct vv_matchers *matchers, size_t index,
                                varve_string value, bool *accepted) VARVE_MUST_CHECK;

/* The literal values that a positive matcher can only accept (equal: 1, alternation: n); 0 when it
 * is not of that kind. The strings belong to matchers. */
size_t vv_matchers_literals(const struct vv_matchers *matchers, size_t index,
                            const varve_string **literals);

/* The same for a negative matcher: the only values that it refuses. */
size_t vv_matchers_literals_refused(const struct vv_matchers *matchers, size_t index,
                                    const varve_string **literals);

#endif
