/*
 * verb_delete.c - `varve delete`: removes samples or series.
 *
 * A selector that matches everything is usually a mistake here, and needs --all.
 */
#include "cli.h"
#include "hint.h"

#include <string.h>

static bool is(varve_string string, const char *text)
{
    return string.length == strlen(text) && memcmp(string.bytes, text, string.length) == 0;
}

/* Whether every series has to satisfy the matcher. */
static bool matches_everything(const varve_matcher *matcher)
{
    bool metric = is(matcher->name, "__name__");
    switch (matcher->type) {
    case VARVE_MATCH_REGEX:
        return is(matcher->value, ".*") || (metric && is(matcher->value, ".+"));
    case VARVE_MATCH_NOT_EQUAL:
        return metric && matcher->value.length == 0;
    case VARVE_MATCH_EQUAL:
    case VARVE_MATCH_NOT_REGEX:
        break;
    }
    return false;
}

static bool selects_everything(const varve_selection *selection)
{
    for (size_t i = 0; i < selection->matcher_count; i++) {
        if (!matches_everything(&selection->matchers[i]))
            return false;
    }
    return true;
}

static int run_delete(const char *path, const struct cli_selection *selection)
{
    struct cli_events events;
    varve_db *db = NULL;
    int code = cli_open(path, 0, VARVE_SYNC_DEFAULT, &events, &db);
    if (code != 0)
        return code;
    varve_error error = {0};
    uint64_t count = 0;
    varve_status status = varve_delete(db, &selection->selection, &count, &error);
    if (status != VARVE_OK)
        code = cli_fail_at(status, &error, "selector", selection->text);
    else if (count == 0)
        cli_hint_nothing_found(db, selection);
    code = cli_close(db, &events, code);
    char text[VARVE_TEXT_MAX];
    if (status == VARVE_OK && count > 0)
        cli_say("deleted from %s series", cli_human_count(count, text));
    return code;
}

int cli_verb_delete(const struct cli_invocation *invocation)
{
    struct cli_selection selection;
    int code = cli_selection_init(&selection, invocation, cli_argument(invocation, 1));
    if (code != 0)
        return code;
    if (selects_everything(&selection.selection) && !cli_given(invocation, CLI_OPTION_ALL))
        code =
            cli_usage_error("%s matches every series; if that is meant, add --all", selection.text);
    else
        code = run_delete(cli_argument(invocation, 0), &selection);
    cli_selection_fini(&selection);
    return code;
}
