/*
 * retention.c - the public way to set and list retention rules.
 *
 * Thread: any.
 */
#include "engine/database.h"

varve_status varve_retain(varve_db *db, const varve_retention *rule, varve_error *error)
{
    vv_error_clear(error);
    if (rule == NULL || rule->options_size != sizeof(*rule)) {
        return vv_fail(error, VARVE_INVALID, "fill the rule with VARVE_RETENTION_INIT");
    }
    varve_status status =
        vv_shard_set_retention(db->shard, rule->selector, rule->age, rule->bytes, error);
    if (status == VARVE_OK) {
        vv_background_wake(db);
    }
    return status;
}

varve_status varve_retention_list(varve_db *db, varve_retention_function visit, void *context,
                                  varve_error *error)
{
    vv_error_clear(error);
    struct vv_manifest rules;
    varve_status status = vv_shard_list_retention(db->shard, &rules);
    if (status != VARVE_OK) {
        return vv_fail(error, status, "no memory for the retention rules");
    }
    for (size_t i = 0; i < rules.rule_count; i++) {
        const struct vv_retention_rule *rule = &rules.rules[i];
        varve_retention out = {.options_size = sizeof(out),
                               .selector = {rule->selector, rule->selector_length},
                               .age = rule->age,
                               .bytes = rule->bytes_max,
                               .floor = rule->floor};
        visit(context, &out);
    }
    vv_retention_rules_free(rules.rules, rules.rule_count);
    return VARVE_OK;
}
