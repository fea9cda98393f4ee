/*
 * rollup.c - the public way to set and list the rules of rollups.
 *
 * Thread: any.
 */
#include "engine/database.h"

static varve_status check(const varve_rollup *rule, varve_error *error)
{
    if (rule == NULL || rule->options_size != sizeof(*rule)) {
        return vv_fail(error, VARVE_INVALID, "fill the rule with VARVE_ROLLUP_INIT");
    }
    return VARVE_OK;
}

varve_status varve_roll_up(varve_db *db, const varve_rollup *rule, varve_error *error)
{
    vv_error_clear(error);
    VV_TRY(check(rule, error));
    varve_status status = vv_shard_add_rollup(db->shard, rule->selector, rule->step, error);
    vv_background_wake(db); /* it may have to go on */
    return status;
}

varve_status varve_rollup_remove(varve_db *db, const varve_rollup *rule, varve_error *error)
{
    vv_error_clear(error);
    VV_TRY(check(rule, error));
    return vv_shard_remove_rollup(db->shard, rule->selector, rule->step, error);
}

/* Where the rules go. */
struct listing {
    varve_rollup_function visit;
    void *context;
};

static void list_rule(void *context, const struct vv_rollup_rule *rule, uint64_t missing)
{
    const struct listing *listing = context;
    const varve_rollup out = {.options_size = sizeof(out),
                              .selector = {rule->selector, rule->selector_length},
                              .step = rule->step,
                              .missing = missing};
    listing->visit(listing->context, &out);
}

varve_status varve_rollup_list(varve_db *db, varve_rollup_function visit, void *context,
                               varve_error *error)
{
    vv_error_clear(error);
    struct listing listing = {visit, context};
    varve_status status = vv_shard_list_rollups(db->shard, list_rule, &listing);
    return status == VARVE_OK ? status
                              : vv_fail(error, status, "the rollups cannot be listed: %s",
                                        varve_status_text(status));
}
