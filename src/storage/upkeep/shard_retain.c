/*
 * shard_retain.c - retention rules: setting them, and raising their floors as data comes in.
 *
 *   newest sample - age = floor --manifest--> readers see nothing older --later--> blocks go
 *
 * V1  A floor only rises by itself. To lower one (a rule that is removed or made longer), what it
 *     hides is deleted first, like any deletion: what has expired stays so, and what is appended
 *     afterwards is kept.
 * V2  A rule expires by itself at most half of the samples at once by age; a sample of the future
 *     would expire everything otherwise. Whoever sets a rule means it: then there is no such limit.
 * V3  Everything here writes the manifest alone.
 * Thread: under maintenance_mutex.
 */
#include "storage/upkeep/shard_retain.h"

#include <stdlib.h>

#include "os/alloc.h"

enum {
    AGE_STEPS = 64,      /* a floor rises in steps of this share of the age */
    OVERSHOOT_SHARE = 8, /* whole blocks are dropped by size if no more than this is lost */
};

static bool is_rule_of(const struct vv_retention_rule *rule, varve_string selector)
{
    return rule->selector_length == selector.length &&
           (selector.length == 0 || memcmp(rule->selector, selector.bytes, selector.length) == 0);
}

/* The greatest timestamp in blocks, and with the head if asked; INT64_MIN: there is none. */
static int64_t newest_timestamp(struct vv_shard *shard, bool with_head)
{
    int64_t newest = INT64_MIN;
    for (size_t i = 0; i < shard->manifest.block_count; i++) {
        const struct vv_block_info *info = &shard->manifest.blocks[i];
        if (info->sample_count > 0 && info->time_max > newest) {
            newest = info->time_max;
        }
    }
    if (with_head) {
        struct vv_view *view = vv_view_acquire(&shard->views);
        uint32_t count = vv_series_table_count(shard->table);
        for (uint32_t ref = 0; ref < count; ref++) {
            int64_t latest = vv_head_time_max(&shard->head, ref, view->flushed_generation);
            newest = latest > newest ? latest : newest;
        }
        vv_view_release(&shard->views, view);
    }
    return newest;
}

static int64_t floor_of_age(uint64_t age, int64_t newest)
{
    /* newest - age, and no less than the least timestamp */
    return (uint64_t)newest - (uint64_t)INT64_MIN <= age ? INT64_MIN
                                                         : (int64_t)((uint64_t)newest - age);
}

static int compare_time_max(const void *a, const void *b)
{
    int64_t left = ((const struct vv_block_info *)a)->time_max;
    int64_t right = ((const struct vv_block_info *)b)->time_max;
    return (left > right) - (left < right);
}

/* The share of a block that is not behind the floor, as far as its time range tells. */
static double live_share(const struct vv_block_info *info, int64_t floor)
{
    if (info->sample_count == 0 || info->time_min >= floor) {
        return 1;
    }
    if (info->time_max < floor) {
        return 0;
    }
    double span = (double)info->time_max - (double)info->time_min + 1;
    return ((double)info->time_max - (double)floor + 1) / span;
}

static double live_bytes(const struct vv_block_info *info, int64_t floor)
{
    return live_share(info, floor) * (double)info->file_bytes;
}

/* The floor behind which the blocks have bytes_max bytes: the oldest go, as wholes where that loses
 * little. */
static varve_status floor_of_bytes(const struct vv_shard *shard, uint64_t bytes_max, int64_t *floor)
{
    const struct vv_manifest *manifest = &shard->manifest;
    struct vv_block_info *blocks = vv_alloc((manifest->block_count + 1) * sizeof(*blocks));
    if (blocks == NULL) {
        return VARVE_NO_MEMORY;
    }
    double excess = -(double)bytes_max;
    for (size_t i = 0; i < manifest->block_count; i++) {
        blocks[i] = manifest->blocks[i];
        excess += live_bytes(&blocks[i], *floor);
    }
    qsort(blocks, manifest->block_count, sizeof(*blocks), compare_time_max);
    for (size_t i = 0; i < manifest->block_count && excess > 0; i++) {
        const struct vv_block_info *info = &blocks[i];
        double live = live_bytes(info, *floor);
        if (info->sample_count == 0 || live <= 0) {
            continue;
        }
        if (live <= excess + (double)(bytes_max / OVERSHOOT_SHARE)) {
            *floor = info->time_max + 1;
        } else {
            int64_t start = info->time_min > *floor ? info->time_min : *floor;
            uint64_t span = (uint64_t)info->time_max - (uint64_t)start; /* perhaps over 2^63 */
            double part = excess / live * (double)span;
            uint64_t offset = part < (double)span ? (uint64_t)part : span;
            *floor = (int64_t)((uint64_t)start + offset);
        }
        excess -= live;
    }
    vv_free(blocks);
    return VARVE_OK;
}

/* V2. Samples, not bytes: a block of one sample has hundreds of them. */
static bool expires_too_much(struct vv_shard *shard, const struct vv_retention_rule *rule,
                             int64_t floor)
{
    double total = 0, kept = 0;
    for (size_t i = 0; i < shard->manifest.block_count; i++) {
        const struct vv_block_info *info = &shard->manifest.blocks[i];
        total += live_share(info, rule->floor) * (double)info->sample_count;
        kept += live_share(info, floor) * (double)info->sample_count;
    }
    return kept < total / 2;
}

/* by_itself: nobody has just asked for it (V2). */
static varve_status raised_floor(struct vv_shard *shard, const struct vv_retention_rule *rule,
                                 int64_t newest, bool by_itself, int64_t *floor)
{
    *floor = rule->floor;
    if (rule->age != 0 && newest > INT64_MIN) {
        int64_t by_age = floor_of_age(rule->age, newest);
        if (by_age > *floor && by_itself && expires_too_much(shard, rule, by_age)) {
            vv_report(shard->report, VARVE_EVENT_NOTE, VARVE_OK, NULL, 0,
                      "a retention rule would expire more than half of the data at once, because "
                      "of a much newer sample: set the rule again if that is meant");
        } else if (by_age > *floor) {
            *floor = by_age;
        }
    }
    return rule->bytes_max != 0 ? floor_of_bytes(shard, rule->bytes_max, floor) : VARVE_OK;
}

static varve_status publish_rules(struct vv_shard *shard, const struct vv_manifest *rules,
                                  varve_error *error)
{
    struct vv_publication change = {
        .rules = rules->rules, .rule_count = rules->rule_count, .has_rules = true};
    return vv_shard_publish(shard, &change, error);
}

varve_status vv_shard_apply_retention(struct vv_shard *shard, bool *worked, varve_error *error)
{
    struct vv_manifest next;
    bool changed = false;
    if (worked != NULL) {
        *worked = false;
    }
    if (shard->manifest.rule_count == 0 || shard->retained_sequence == shard->manifest.sequence) {
        return VARVE_OK;
    }
    varve_status status =
        vv_manifest_copy_rules(&next, shard->manifest.rules, shard->manifest.rule_count);
    int64_t newest = newest_timestamp(shard, false);
    for (size_t i = 0; i < next.rule_count && status == VARVE_OK; i++) {
        struct vv_retention_rule *rule = &next.rules[i];
        int64_t floor;
        status = raised_floor(shard, rule, newest, true, &floor);
        uint64_t step = rule->bytes_max != 0 ? 1 : rule->age / AGE_STEPS;
        if (status != VARVE_OK || (uint64_t)floor - (uint64_t)rule->floor <= step) {
            continue;
        }
        rule->floor = floor;
        changed = true;
    }
    if (status == VARVE_OK && changed) {
        status = publish_rules(shard, &next, error);
        if (worked != NULL) {
            *worked = status == VARVE_OK;
        }
    } else if (status != VARVE_OK) {
        status = vv_fail(error, status, "no memory to apply the retention rules");
    }
    if (status == VARVE_OK) {
        shard->retained_sequence = shard->manifest.sequence;
    }
    vv_retention_rules_free(next.rules, next.rule_count);
    return status;
}

/* ----------------------------------------------------------------------------- setting */

/* V1: deletes durably what the rule hides, so that its floor may go down. */
static varve_status delete_hidden(struct vv_shard *shard, const struct vv_retention_rule *rule,
                                  varve_error *error)
{
    struct vv_matchers *matchers = NULL;
    VV_TRY(vv_retention_matchers(rule->selector, rule->selector_length, &matchers, error));
    uint64_t series, lsn = 0;
    varve_status status = vv_shard_delete(
        shard, matchers, (struct vv_range){INT64_MIN, rule->floor}, &series, &lsn, error);
    vv_matchers_destroy(matchers);
    if (status == VARVE_OK) {
        status = vv_shard_flush_log(shard, lsn, VV_WAL_DURABLE);
        if (status != VARVE_OK) {
            status = vv_fail(error, status, "the log cannot be made durable");
        }
    }
    return status;
}

/* The rules with one of them set: *at is its place. The memory is next's. */
static varve_status set_in_copy(struct vv_shard *shard, varve_string selector,
                                struct vv_manifest *next, size_t *at, varve_error *error)
{
    const struct vv_manifest *now = &shard->manifest;
    struct vv_retention_rule *list = vv_alloc((now->rule_count + 1) * sizeof(*list));
    if (list == NULL) {
        return vv_fail(error, VARVE_NO_MEMORY, "no memory for a retention rule");
    }
    size_t count = now->rule_count;
    *at = count;
    for (size_t i = 0; i < now->rule_count; i++) {
        list[i] = now->rules[i];
        if (is_rule_of(&list[i], selector)) {
            *at = i;
        }
    }
    if (*at == count) {
        list[count++] = (struct vv_retention_rule){.floor = INT64_MIN,
                                                   .selector = (char *)(uintptr_t)selector.bytes,
                                                   .selector_length = selector.length};
    }
    varve_status status = vv_manifest_copy_rules(next, list, count);
    vv_free(list);
    return status == VARVE_OK ? status : vv_fail(error, status, "no memory for a retention rule");
}

static void remove_at(struct vv_manifest *rules, size_t at)
{
    vv_free(rules->rules[at].selector);
    rules->rules[at] = rules->rules[--rules->rule_count];
    rules->rules[rules->rule_count] = (struct vv_retention_rule){0};
}

static varve_status set_rule(struct vv_shard *shard, varve_string selector, uint64_t age,
                             uint64_t bytes_max, varve_error *error)
{
    struct vv_manifest next;
    size_t at = 0; /* gcc does not see that set_in_copy() sets it whenever it succeeds */
    VV_TRY(vv_shard_can_publish(shard, error));
    VV_TRY(set_in_copy(shard, selector, &next, &at, error));
    struct vv_retention_rule *rule = &next.rules[at];
    bool is_new = at == shard->manifest.rule_count;
    varve_status status = VARVE_OK;
    struct vv_retention_rule wanted = {.age = age, .bytes_max = bytes_max, .floor = INT64_MIN};
    if (is_new && age == 0 && bytes_max == 0) {
        status = vv_fail(error, VARVE_NOT_FOUND, "there is no retention rule for this selector");
    } else if (is_new && at >= VV_RETENTION_RULES_MAX) {
        status = vv_fail(error, VARVE_LIMIT, "there are %d retention rules already: remove one",
                         VV_RETENTION_RULES_MAX);
    } else {
        status = raised_floor(shard, &wanted, newest_timestamp(shard, true), false, &wanted.floor);
    }
    if (status == VARVE_OK && wanted.floor < rule->floor) {
        status = delete_hidden(shard, rule, error);
    }
    if (status == VARVE_OK) {
        rule->age = age;
        rule->bytes_max = bytes_max;
        rule->floor = wanted.floor;
        if (age == 0 && bytes_max == 0) {
            remove_at(&next, at);
        }
        status = publish_rules(shard, &next, error);
    }
    vv_retention_rules_free(next.rules, next.rule_count);
    return status;
}

varve_status vv_shard_set_retention(struct vv_shard *shard, varve_string selector, uint64_t age,
                                    uint64_t bytes_max, varve_error *error)
{
    if (shard->options.read_only) {
        return vv_fail(error, VARVE_READ_ONLY, "the database was opened read-only");
    }
    struct vv_matchers *matchers = NULL;
    if (selector.length > VV_SELECTOR_BYTES_MAX) {
        return vv_fail(error, VARVE_LIMIT, "the selector has %zu bytes, more than %d",
                       selector.length, VV_SELECTOR_BYTES_MAX);
    }
    VV_TRY(vv_retention_matchers(selector.bytes, selector.length, &matchers, error));
    if (vv_matchers_count(matchers) == 0) {
        selector = (varve_string){"", 0}; /* {} is everything, too */
    }
    vv_matchers_destroy(matchers);
    if (selector.length > 0 && bytes_max != 0) {
        return vv_fail(error, VARVE_INVALID,
                       "a limit of bytes is for the whole database: leave the selector out");
    }
    vv_mutex_lock(&shard->maintenance_mutex);
    varve_status status = set_rule(shard, selector, age, bytes_max, error);
    bool worked = true;
    while (status == VARVE_OK && worked) {
        status = vv_shard_reclaim(shard, VV_RECLAIM_ANY, &worked, error);
        if (status == VARVE_NO_SPACE) { /* what could be dropped is: the rest comes with merges */
            status = VARVE_OK;
            worked = false;
        }
    }
    vv_mutex_unlock(&shard->maintenance_mutex);
    return status;
}

varve_status vv_shard_list_retention(struct vv_shard *shard, struct vv_manifest *rules)
{
    vv_mutex_lock(&shard->maintenance_mutex);
    varve_status status =
        vv_manifest_copy_rules(rules, shard->manifest.rules, shard->manifest.rule_count);
    vv_mutex_unlock(&shard->maintenance_mutex);
    return status;
}
