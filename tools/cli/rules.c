/*
 * rules.c - lists of rules.
 */
#include "rules.h"

#include <stdio.h>
#include <string.h>

void cli_output_selector(struct cli_output *output, varve_string selector)
{
    if (selector.length == 0)
        selector = cli_string("{}");
    cli_output_text(output, selector.bytes, selector.length);
}

void cli_output_duration(struct cli_output *output, uint64_t duration)
{
    static const struct {
        uint64_t length;
        const char *name;
    } units[] = {{86400000000000, "d"}, {3600000000000, "h"}, {60000000000, "m"}, {1000000000, "s"},
                 {1000000, "ms"},       {1000, "us"},         {1, "ns"}};
    char text[VARVE_TEXT_MAX] = "";
    size_t unit = 0;
    while (duration % units[unit].length != 0)
        unit++;
    if (duration > 0)
        snprintf(text, sizeof text, "%llu%s", (unsigned long long)(duration / units[unit].length),
                 units[unit].name);
    cli_output_text(output, text, strlen(text));
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
