/*
 * verb_rollup.c - `varve rollup`: which series are kept downsampled beside their samples.
 */
#include "rules.h"

static void put_rule(void *context, const varve_rollup *rule)
{
    struct cli_output *output = context;
    cli_output_selector(output, rule->selector);
    cli_output_duration(output, (uint64_t)rule->step);
    cli_output_count(output, rule->missing);
    (void)cli_output_row_end(output);
}

static varve_status list_rules(varve_db *db, struct cli_output *output, varve_error *error)
{
    return varve_rollup_list(db, put_rule, output, error);
}

static int show_rules(const struct cli_invocation *invocation)
{
    static const char *const columns[] = {"selector", "step", "blocks_missing"};
    static const struct cli_rules rules = {
        columns, 3, list_rules,
        "there is no rollup: aggregates are computed from samples and their statistics"};
    return cli_list_rules(invocation, &rules);
}

/* Stores the rule and tells what that made. */
static varve_status roll_up(varve_db *db, const varve_rollup *rule, varve_error *error)
{
    varve_statistics after = VARVE_STATISTICS_INIT;
    char texts[3][VARVE_TEXT_MAX];
    int64_t began = cli_monotonic();
    varve_status status = varve_roll_up(db, rule, error);
    if (status != VARVE_OK)
        return status;
    varve_stats(db, &after);
    cli_say("the rule is stored and its rows are built: rollups have %s of the %s in blocks (%s)",
            cli_human_bytes((double)after.rollup_bytes, texts[0]),
            cli_human_bytes((double)after.block_bytes, texts[1]),
            cli_human_duration(cli_monotonic() - began, texts[2]));
    return VARVE_OK;
}

int cli_verb_rollup(const struct cli_invocation *invocation)
{
    varve_rollup rule = VARVE_ROLLUP_INIT;
    const char *selector = cli_argument(invocation, 1);
    const char *step = cli_value(invocation, CLI_OPTION_ROLLUP_STEP);
    bool remove = cli_given(invocation, CLI_OPTION_REMOVE);
    if (!selector && !step && !remove)
        return show_rules(invocation);
    if (!selector)
        return cli_usage_error("rollup needs a SELECTOR: {} for all series");
    if (!step)
        return cli_usage_error("rollup needs --step: the length of a bucket, for example 1h");
    int code = cli_parse_duration("step", step, &rule.step);
    if (code != 0)
        return code;
    rule.selector = cli_string(selector);
    struct cli_events events;
    varve_db *db = NULL;
    code = cli_open(cli_argument(invocation, 0), 0, VARVE_SYNC_DEFAULT, &events, &db);
    if (code != 0)
        return code;
    varve_error error = {0};
    varve_status status =
        remove ? varve_rollup_remove(db, &rule, &error) : roll_up(db, &rule, &error);
    if (status == VARVE_INVALID)
        code = cli_fail_at(status, &error, "selector", selector);
    else if (status != VARVE_OK)
        code = cli_fail(status, &error);
    else if (remove)
        cli_say("removed the rule; its rows go when blocks are merged, or with varve compact");
    return cli_close(db, &events, code);
}
