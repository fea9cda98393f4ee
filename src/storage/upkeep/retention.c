/*
 * retention.c - the floors of retention rules, by series.
 *
 * N1  Immutable: a change of the rules makes a new one, which the next view has.
 * N2  Rules without a selector are folded into one floor, which costs readers a comparison.
 * Thread: any; matchers have scratch memory of their own, so that a mutex guards matching.
 */
#include "storage/upkeep/retention.h"

#include <stdatomic.h>

#include "os/alloc.h"
#include "os/thread.h"

struct selective_floor {
    struct vv_matchers *matchers;
    int64_t floor;
};

struct vv_retention {
    int64_t common_floor;
    size_t selective_count;
    atomic_uint_fast32_t references;
    struct vv_mutex mutex; /* for matching */
    struct selective_floor selective[];
};

varve_status vv_retention_matchers(const char *selector, size_t length,
                                   struct vv_matchers **matchers, varve_error *error)
{
    if (length == 0) {
        return vv_matchers_compile(NULL, 0, matchers, error);
    }
    varve_selector *parsed = NULL;
    VV_TRY(varve_selector_parse((varve_string){selector, length}, &parsed, error));
    size_t count;
    const varve_matcher *list = varve_selector_matchers(parsed, &count);
    varve_status status = vv_matchers_compile(list, count, matchers, error);
    varve_selector_destroy(parsed);
    return status;
}

static varve_status add_rule(struct vv_retention *retention, const struct vv_retention_rule *rule,
                             varve_error *error)
{
    if (rule->selector_length == 0) {
        if (rule->floor > retention->common_floor) {
            retention->common_floor = rule->floor;
        }
        return VARVE_OK;
    }
    struct selective_floor *entry = &retention->selective[retention->selective_count];
    VV_TRY(vv_retention_matchers(rule->selector, rule->selector_length, &entry->matchers, error));
    entry->floor = rule->floor;
    retention->selective_count++;
    return VARVE_OK;
}

varve_status vv_retention_create(const struct vv_retention_rule *rules, size_t rule_count,
                                 struct vv_retention **retention, varve_error *error)
{
    size_t count = 0;
    for (size_t i = 0; i < rule_count; i++) {
        count += rules[i].floor > INT64_MIN ? 1 : 0;
    }
    *retention = NULL;
    if (count == 0) {
        return VARVE_OK;
    }
    struct vv_retention *created =
        vv_alloc_zeroed(1, sizeof(*created) + count * sizeof(created->selective[0]));
    if (created == NULL) {
        return vv_fail(error, VARVE_NO_MEMORY, "no memory for the retention rules");
    }
    created->common_floor = INT64_MIN;
    atomic_init(&created->references, 1);
    vv_mutex_init(&created->mutex);
    varve_status status = VARVE_OK;
    for (size_t i = 0; i < rule_count && status == VARVE_OK; i++) {
        if (rules[i].floor > INT64_MIN) {
            status = add_rule(created, &rules[i], error);
        }
    }
    if (status != VARVE_OK) {
        vv_retention_release(created);
        return status;
    }
    *retention = created;
    return VARVE_OK;
}

struct vv_retention *vv_retention_acquire(struct vv_retention *retention)
{
    if (retention != NULL) {
        atomic_fetch_add(&retention->references, 1);
    }
    return retention;
}

void vv_retention_release(struct vv_retention *retention)
{
    if (retention == NULL || atomic_fetch_sub(&retention->references, 1) > 1) {
        return;
    }
    for (size_t i = 0; i < retention->selective_count; i++) {
        vv_matchers_destroy(retention->selective[i].matchers);
    }
    vv_mutex_fini(&retention->mutex);
    vv_free(retention);
}

static varve_status key_matches(const struct vv_matchers *matchers, struct vv_key key,
                                bool *matches)
{
    *matches = true;
    for (size_t i = 0; i < vv_matchers_count(matchers) && *matches; i++) {
        varve_string value = vv_key_value(key, vv_matchers_name(matchers, i));
        VV_TRY(vv_matchers_accept(matchers, i, value, matches));
    }
    return VARVE_OK;
}

varve_status vv_retention_floor(struct vv_retention *retention, struct vv_key key, int64_t *floor)
{
    *floor = vv_retention_common_floor(retention);
    if (retention == NULL || retention->selective_count == 0) {
        return VARVE_OK;
    }
    varve_status status = VARVE_OK;
    vv_mutex_lock(&retention->mutex);
    for (size_t i = 0; i < retention->selective_count && status == VARVE_OK; i++) {
        const struct selective_floor *entry = &retention->selective[i];
        bool matches = false;
        if (entry->floor > *floor) {
            status = key_matches(entry->matchers, key, &matches);
        }
        if (matches) {
            *floor = entry->floor;
        }
    }
    vv_mutex_unlock(&retention->mutex);
    return status;
}

int64_t vv_retention_common_floor(const struct vv_retention *retention)
{
    return retention == NULL ? INT64_MIN : retention->common_floor;
}

bool vv_retention_has_selectors(const struct vv_retention *retention)
{
    return retention != NULL && retention->selective_count > 0;
}

int64_t vv_retention_highest_floor(const struct vv_retention *retention)
{
    int64_t highest = vv_retention_common_floor(retention);
    for (size_t i = 0; retention != NULL && i < retention->selective_count; i++) {
        if (retention->selective[i].floor > highest) {
            highest = retention->selective[i].floor;
        }
    }
    return highest;
}
