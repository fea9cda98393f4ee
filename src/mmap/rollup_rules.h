/*
 * rollup_rules.h - which series are rolled up in which steps: the rules, compiled.
 */
#ifndef VARVE_MMAP_ROLLUP_RULES_H
#define VARVE_MMAP_ROLLUP_RULES_H

#include "index/key.h"
#include "index/matcher.h"

enum { VV_ROLLUP_RULES_MAX = 8 }; /* each costs a pass over every sample that is written */

/* A level that is kept of the series which a selector names. */
struct vv_rollup_rule {
    int64_t step;   /* nanoseconds, > 0: rows begin at its multiples */
    uint64_t since; /* sequence of the manifest that had it first */
    char *selector; /* owned; NULL if it is empty: all series */
    size_t selector_length;
};

struct vv_rollup_rules; /* immutable, reference-counted; any number of threads */

/* Compiles at most VV_ROLLUP_RULES_MAX rules, with one reference; *rules is NULL if there are none.
 * sequence: of the rules as a whole, > 0. NO_MEMORY; INVALID: a selector makes no sense. */
varve_status vv_rollup_rules_create(const struct vv_rollup_rule *list, size_t count,
                                    uint64_t sequence, struct vv_rollup_rules **rules,
                                    varve_error *error) VARVE_MUST_CHECK;
/* NULL is fine; returns rules. */
struct vv_rollup_rules *vv_rollup_rules_acquire(struct vv_rollup_rules *rules);
void vv_rollup_rules_release(struct vv_rollup_rules *rules); /* NULL is fine */

/* 0 for NULL. */
uint64_t vv_rollup_rules_sequence(const struct vv_rollup_rules *rules);

/* The steps of the series, ascending, each once; steps has room for VV_ROLLUP_RULES_MAX. LIMIT: a
 * regex ran into its limits. Cost: a match for each rule that has a selector. */
varve_status vv_rollup_rules_steps(struct vv_rollup_rules *rules, struct vv_key key, int64_t *steps,
                                   size_t *count) VARVE_MUST_CHECK;

#endif
