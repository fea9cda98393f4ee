/*
 * arguments.c - what arguments and option values mean: selectors, times, durations, units.
 */
#include "cli.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

size_t cli_split(const char *text, varve_string *parts, size_t capacity)
{
    size_t count = 0;
    while (*text || count > 0) {
        size_t length = strcspn(text, ",");
        if (count < capacity)
            parts[count] = (varve_string){text, length};
        count++;
        if (!text[length])
            break;
        text += length + 1;
    }
    return count;
}

static int parse_time(const struct cli_invocation *invocation, enum cli_option_id option,
                      int64_t now, int64_t *time)
{
    const char *text = cli_value(invocation, option);
    varve_error error = {0};
    if (!text || varve_time_parse(cli_string(text), now, time, &error) == VARVE_OK)
        return 0;
    return cli_usage_error("--%s: %s", cli_options[option].name, error.message);
}

int cli_selection_init(struct cli_selection *selection, const struct cli_invocation *invocation,
                       const char *selector)
{
    *selection = (struct cli_selection){.selection = VARVE_SELECTION_INIT, .text = selector};
    int64_t now = cli_now();
    varve_selection *range = &selection->selection;
    int code = parse_time(invocation, CLI_OPTION_START, now, &range->start);
    if (code == 0)
        code = parse_time(invocation, CLI_OPTION_END, now, &range->end);
    if (code != 0)
        return code;
    if (range->end < range->start)
        return cli_usage_error("--end %s is before --start %s",
                               cli_value(invocation, CLI_OPTION_END),
                               cli_value(invocation, CLI_OPTION_START));
    if (!selector)
        return 0;
    varve_error error = {0};
    varve_status status = varve_selector_parse(cli_string(selector), &selection->selector, &error);
    if (status != VARVE_OK)
        return cli_fail_at(status, &error, "selector", selector);
    range->matchers = varve_selector_matchers(selection->selector, &range->matcher_count);
    return 0;
}

void cli_selection_fini(struct cli_selection *selection)
{
    varve_selector_destroy(selection->selector);
}

int cli_parse_limit(const struct cli_invocation *invocation, uint64_t *limit)
{
    *limit = UINT64_MAX;
    const char *text = cli_value(invocation, CLI_OPTION_LIMIT);
    if (!text)
        return 0;
    char *end;
    errno = 0;
    unsigned long long number = strtoull(text, &end, 10);
    if (text[0] < '0' || text[0] > '9' || *end || errno)
        return cli_usage_error("--limit cannot be \"%s\"; it is a number of rows", text);
    *limit = number;
    return 0;
}

bool cli_parse_precision(const char *text, varve_precision *precision)
{
    static const char *const names[] = {"rfc3339", "s", "ms", "us", "ns"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (strcmp(text, names[i]) == 0) {
            *precision = (varve_precision)i;
            return true;
        }
    }
    return false;
}

bool cli_parse_sync(const char *text, varve_sync_mode *sync)
{
    static const char *const names[] = {"none", "process", "periodic", "commit"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (strcmp(text, names[i]) == 0) {
            *sync = (varve_sync_mode)(i + 1);
            return true;
        }
    }
    return false;
}

int cli_parse_duration(const char *option, const char *text, int64_t *duration)
{
    varve_error error = {0};
    int64_t parsed = 0;
    varve_status status = varve_duration_parse(cli_string(text), &parsed, &error);
    if (status != VARVE_OK)
        return cli_usage_error("--%s: %s", option, error.message);
    if (parsed <= 0)
        return cli_usage_error(
            "--%s cannot be %s; it is a duration greater than zero, for example 1m", option, text);
    *duration = parsed;
    return 0;
}
