/*
 * rollup_rules.c - the rules of rollups, by series.
 *
 * R1  Immutable: a change of the rules makes new ones; whoever writes a block keeps those that it
 *     began with.
 * Thread: any; matchers have scratch memory of their own, so that a mutex guards matching.
 */
#include "mmap/rollup_rules.h"

#include <stdatomic.h>

#include "os/alloc.h"
#include "os/thread.h"

struct compiled_rule {
    int64_t step;
    struct vv_matchers *matchers; /* NULL: every series */
};

struct vv_rollup_rules {
    uint64_t sequence;
    atomic_uint_fast32_t references;
    struct vv_mutex mutex; /* for matching */
    size_t count;
    struct compiled_rule list[VV_ROLLUP_RULES_MAX]; /* by step */
};

static varve_status compile(const struct vv_rollup_rule *rule, struct vv_matchers **matchers,
                            varve_error *error)
{
    varve_selector *parsed = NULL;
    size_t count;
    *matchers = NULL;
    if (rule->selector_length == 0) {
        return VARVE_OK;
    }
    VV_TRY(varve_selector_parse((varve_string){rule->selector, rule->selector_length}, &parsed,
                                error));
    const varve_matcher *list = varve_selector_matchers(parsed, &count);
    varve_status status = vv_matchers_compile(list, count, matchers, error);
    varve_selector_destroy(parsed);
    return status;
}

/* Puts the rule at its place by step. */
static void insert(struct vv_rollup_rules *rules, struct compiled_rule rule)
{
    size_t at = rules->count++;
    for (; at > 0 && rules->list[at - 1].step > rule.step; at--) {
        rules->list[at] = rules->list[at - 1];
    }
    rules->list[at] = rule;
}

varve_status vv_rollup_rules_create(const struct vv_rollup_rule *list, size_t count,
                                    uint64_t sequence, struct vv_rollup_rules **rules,
                                    varve_error *error)
{
    VV_ASSERT(count <= VV_ROLLUP_RULES_MAX && (count == 0 || sequence > 0));
    *rules = NULL;
    if (count == 0) {
        return VARVE_OK;
    }
    struct vv_rollup_rules *created = vv_alloc_zeroed(1, sizeof(*created));
    if (created == NULL) {
        return vv_fail(error, VARVE_NO_MEMORY, "no memory for the rules of rollups");
    }
    created->sequence = sequence;
    atomic_init(&created->references, 1);
    vv_mutex_init(&created->mutex);
    for (size_t i = 0; i < count; i++) {
        struct compiled_rule rule = {.step = list[i].step};
        varve_status status = compile(&list[i], &rule.matchers, error);
        if (status != VARVE_OK) {
            vv_rollup_rules_release(created);
            return status;
        }
        insert(created, rule);
    }
    *rules = created;
    return VARVE_OK;
}

struct vv_rollup_rules *vv_rollup_rules_acquire(struct vv_rollup_rules *rules)
{
    if (rules != NULL) {
        atomic_fetch_add(&rules->references, 1);
    }
    return rules;
}

void vv_rollup_rules_release(struct vv_rollup_rules *rules)
{
    if (rules == NULL || atomic_fetch_sub(&rules->references, 1) > 1) {
        return;
    }
    for (size_t i = 0; i < rules->count; i++) {
        vv_matchers_destroy(rules->list[i].matchers);
    }
    vv_mutex_fini(&rules->mutex);
    vv_free(rules);
}

uint64_t vv_rollup_rules_sequence(const struct vv_rollup_rules *rules)
{
    return rules == NULL ? 0 : rules->sequence;
}

static varve_status key_matches(const struct vv_matchers *matchers, struct vv_key key,
                                bool *matches)
{
    *matches = true;
    for (size_t i = 0; matchers != NULL && i < vv_matchers_count(matchers) && *matches; i++) {
        varve_string value = vv_key_value(key, vv_matchers_name(matchers, i));
        VV_TRY(vv_matchers_accept(matchers, i, value, matches));
    }
    return VARVE_OK;
}

varve_status vv_rollup_rules_steps(struct vv_rollup_rules *rules, struct vv_key key, int64_t *steps,
                                   size_t *count)
{
    varve_status status = VARVE_OK;
    size_t found = 0;
    vv_mutex_lock(&rules->mutex);
    for (size_t i = 0; i < rules->count && status == VARVE_OK; i++) {
        const struct compiled_rule *rule = &rules->list[i];
        bool matches = false;
        if (found == 0 || steps[found - 1] != rule->step) {
            status = key_matches(rule->matchers, key, &matches);
        }
        if (matches) {
            steps[found++] = rule->step;
        }
    }
    vv_mutex_unlock(&rules->mutex);
    *count = found;
    return status;
}
