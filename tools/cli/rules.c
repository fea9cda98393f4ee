/*
 * rules.c - lists of rules.
 */
#include "rules.h"

void cli_output_selector(struct cli_output *output, varve_string selector)
{
    if (selector.length == 0)
        selector = cli_string("{}");
    cli_output_text(output, selector.bytes, selector.length);
}

int cli_list_rules(const struct cli_invocation *invocation, const struct cli_rules *rules)
{
    struct cli_events events;
    varve_db *db = NULL;
    int code = cli_open(cli_argument(invocation, 0), VARVE_OPEN_READ_ONLY, VARVE_SYNC_DEFAULT,
                        &events, &db);
    if (code != 0)
        return code;
    struct cli_output *output =
        cli_output_create(cli_output_format(invocation, CLI_OPTION_LIST_OUTPUT),
                          VARVE_PRECISION_DEFAULT, rules->columns, rules->column_count);
    varve_error error = {0};
    varve_status status = rules->list(db, output, &error);
    if (cli_output_close(output) == 0 && status == VARVE_OK)
        cli_say("%s", rules->none);
    return cli_close(db, &events, status == VARVE_OK ? 0 : cli_fail(status, &error));
}
