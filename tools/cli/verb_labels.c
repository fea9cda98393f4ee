/*
 * verb_labels.c - `varve labels`: label names, or the values of one of them.
 */
#include "cli.h"
#include "output.h"

static varve_status count_values(varve_db *db, const varve_selection *all, varve_string name,
                                 uint64_t *count, varve_error *error)
{
    varve_strings *values = NULL;
    varve_status status = varve_label_values(db, name, all, &values, error);
    if (status == VARVE_OK)
        *count = varve_strings_count(values);
    varve_strings_destroy(values);
    return status;
}

static int write_names(varve_db *db, const struct cli_invocation *invocation)
{
    static const char *const columns[] = {"label", "values"};
    varve_selection all = VARVE_SELECTION_INIT;
    varve_error error = {0};
    varve_strings *names = NULL;
    varve_status status = varve_label_names(db, &all, &names, &error);
    if (status != VARVE_OK)
        return cli_fail(status, &error);
    struct cli_output *output = cli_output_create(
        cli_output_format(invocation, CLI_OPTION_LIST_OUTPUT), VARVE_PRECISION_DEFAULT, columns, 2);
    for (size_t i = 0; i < varve_strings_count(names); i++) {
        varve_string name = varve_strings_get(names, i);
        uint64_t count = 0;
        status = count_values(db, &all, name, &count, &error);
        if (status != VARVE_OK)
            break;
        cli_output_text(output, name.bytes, name.length);
        cli_output_count(output, count);
        if (!cli_output_row_end(output))
            break;
    }
    cli_output_close(output);
    varve_strings_destroy(names);
    return status == VARVE_OK ? 0 : cli_fail(status, &error);
}

static int write_values(varve_db *db, const struct cli_invocation *invocation, const char *name)
{
    static const char *const columns[] = {"value"};
    varve_selection all = VARVE_SELECTION_INIT;
    varve_error error = {0};
    varve_strings *values = NULL;
    varve_status status = varve_label_values(db, cli_string(name), &all, &values, &error);
    if (status != VARVE_OK)
        return cli_fail(status, &error);
    struct cli_output *output = cli_output_create(
        cli_output_format(invocation, CLI_OPTION_LIST_OUTPUT), VARVE_PRECISION_DEFAULT, columns, 1);
    for (size_t i = 0; i < varve_strings_count(values); i++) {
        varve_string value = varve_strings_get(values, i);
        cli_output_text(output, value.bytes, value.length);
        if (!cli_output_row_end(output))
            break;
    }
    cli_output_close(output);
    varve_strings_destroy(values);
    return 0;
}

int cli_verb_labels(const struct cli_invocation *invocation)
{
    const char *name = cli_argument(invocation, 1);
    struct cli_events events;
    varve_db *db = NULL;
    int code = cli_open(cli_argument(invocation, 0), VARVE_OPEN_READ_ONLY, VARVE_SYNC_DEFAULT,
                        &events, &db);
    if (code != 0)
        return code;
    code = name ? write_values(db, invocation, name) : write_names(db, invocation);
    return cli_close(db, &events, code);
}
