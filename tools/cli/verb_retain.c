/*
 * verb_retain.c - `varve retain`: how long samples are kept.
 */
#include "rules.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* "10GiB", "500MB", "1000": a number and a unit, 1000s for MB and 1024s for MiB. */
static int parse_bytes(const char *text, uint64_t *bytes)
{
    static const char *const units[] = {"",   "B",  "K",  "M",   "G",   "T",   "KB",
                                        "MB", "GB", "TB", "KiB", "MiB", "GiB", "TiB"};
    static const double factors[] = {
        1,   1,   1e3,  1e6,    1e9,       1e12,         1e3,
        1e6, 1e9, 1e12, 1024.0, 1048576.0, 1073741824.0, 1099511627776.0};
    char *end;
    double number = strtod(text, &end);
    for (size_t i = 0; text[0] >= '0' && text[0] <= '9' && i < sizeof units / sizeof units[0];
         i++) {
        if (strcmp(end, units[i]) == 0 && number * factors[i] >= 1 && number * factors[i] < 1e18) {
            *bytes = (uint64_t)(number * factors[i]);
            return 0;
        }
    }
    return cli_usage_error("--bytes cannot be \"%s\"; it is a size, for example 10GiB or 500MB",
                           text);
}

static void put_rule(void *context, const varve_retention *rule)
{
    struct cli_output *output = context;
    char bytes[VARVE_TEXT_MAX] = "", floor[VARVE_TEXT_MAX];
    size_t floor_length = 0;
    cli_output_selector(output, rule->selector);
    if (rule->bytes > 0)
        snprintf(bytes, sizeof bytes, "%llu", (unsigned long long)rule->bytes);
    if (rule->floor > INT64_MIN)
        floor_length = varve_time_format(rule->floor, VARVE_PRECISION_DEFAULT, floor);
    cli_output_duration(output, rule->age);
    cli_output_text(output, bytes, strlen(bytes));
    cli_output_text(output, floor, floor_length);
    (void)cli_output_row_end(output);
}

static varve_status list_rules(varve_db *db, struct cli_output *output, varve_error *error)
{
    return varve_retention_list(db, put_rule, output, error);
}

static int show_rules(const struct cli_invocation *invocation)
{
    static const char *const columns[] = {"selector", "age", "bytes", "expired_before"};
    static const struct cli_rules rules = {columns, 4, list_rules,
                                           "there is no retention rule: everything is kept"};
    return cli_list_rules(invocation, &rules);
}

static int set_rule(const struct cli_invocation *invocation, const varve_retention *rule)
{
    struct cli_events events;
    varve_db *db = NULL;
    int code = cli_open(cli_argument(invocation, 0), 0, VARVE_SYNC_DEFAULT, &events, &db);
    if (code != 0)
        return code;
    varve_statistics before = VARVE_STATISTICS_INIT, after = VARVE_STATISTICS_INIT;
    varve_error error = {0};
    varve_stats(db, &before);
    varve_status status = varve_retain(db, rule, &error);
    const char *selector = cli_value(invocation, CLI_OPTION_SELECTOR);
    if (status == VARVE_INVALID && selector != NULL && rule->bytes == 0)
        code = cli_fail_at(status, &error, "selector", selector);
    else if (status != VARVE_OK)
        code = cli_fail(status, &error);
    varve_stats(db, &after);
    code = cli_close(db, &events, code);
    if (code == 0 && cli_given(invocation, CLI_OPTION_REMOVE)) {
        cli_say("removed the rule; what has expired stays gone");
    } else if (code == 0) {
        char texts[2][VARVE_TEXT_MAX];
        uint64_t freed =
            before.block_bytes > after.block_bytes ? before.block_bytes - after.block_bytes : 0;
        cli_say("the rule is stored and applied: %s freed, %s left in blocks",
                cli_human_bytes((double)freed, texts[0]),
                cli_human_bytes((double)after.block_bytes, texts[1]));
    }
    return code;
}

int cli_verb_retain(const struct cli_invocation *invocation)
{
    varve_retention rule = VARVE_RETENTION_INIT;
    const char *age = cli_value(invocation, CLI_OPTION_AGE);
    const char *bytes = cli_value(invocation, CLI_OPTION_BYTES);
    const char *selector = cli_value(invocation, CLI_OPTION_SELECTOR);
    bool remove = cli_given(invocation, CLI_OPTION_REMOVE);
    int code = 0;
    int64_t duration = 0;
    if (!age && !bytes && !remove) {
        if (selector)
            return cli_usage_error("--selector needs --age or --remove beside it");
        return show_rules(invocation);
    }
    if (remove && (age || bytes))
        return cli_usage_error("--remove takes a rule away: leave --age and --bytes out");
    if (age)
        code = cli_parse_duration("age", age, &duration);
    if (code == 0 && bytes)
        code = parse_bytes(bytes, &rule.bytes);
    if (code != 0)
        return code;
    rule.age = (uint64_t)duration;
    if (selector)
        rule.selector = cli_string(selector);
    return set_rule(invocation, &rule);
}
