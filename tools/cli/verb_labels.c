/*
 * verb_labels.c - `varve labels`: label names, or the values of one of them, and how many series
 * have each.
 */
#include "hint.h"
#include "output.h"

#include <stdlib.h>

/* What was asked. */
struct labels {
    struct cli_selection selection;
    uint64_t limit;
    bool counts;
    enum cli_output_format format;
};

static varve_status count_values(varve_db *db, const varve_selection *selection, varve_string name,
                                 uint64_t *count, varve_error *error)
{
    varve_strings *values = NULL;
    varve_status status = varve_label_values(db, name, selection, &values, error);
    if (status == VARVE_OK)
        *count = varve_strings_count(values);
    varve_strings_destroy(values);
    return status;
}

/* The selected series that satisfy one more matcher. */
static varve_status count_series(varve_db *db, const varve_selection *selection,
                                 varve_matcher matcher, uint64_t *count, varve_error *error)
{
    static const varve_function samples = VARVE_FUNCTION_COUNT;
    varve_matcher *matchers = cli_allocate((selection->matcher_count + 1) * sizeof *matchers);
    for (size_t i = 0; i < selection->matcher_count; i++)
        matchers[i] = selection->matchers[i];
    matchers[selection->matcher_count] = matcher;
    varve_selection narrowed = *selection;
    narrowed.matchers = matchers;
    narrowed.matcher_count++;
    varve_aggregation aggregation = VARVE_AGGREGATION_INIT;
    aggregation.functions = &samples;
    aggregation.function_count = 1;
    aggregation.grouping = VARVE_GROUP_BY; /* of no label: one group of all */
    aggregation.reduce = VARVE_FUNCTION_COUNT;
    varve_rows *rows = NULL;
    varve_row row;
    *count = 0;
    varve_status status = varve_aggregate(db, &narrowed, &aggregation, &rows, error);
    if (status == VARVE_OK) {
        if (varve_rows_next(rows, &row))
            *count = (uint64_t)row.values[0];
        status = varve_rows_status(rows, error);
        varve_rows_close(rows);
    }
    free(matchers);
    return status;
}

/* One row: the text, for names the number of values, and if wanted that of series. */
static varve_status write_row(struct cli_output *output, varve_db *db, const struct labels *labels,
                              const char *name, varve_string text, varve_error *error)
{
    const varve_selection *selection = &labels->selection.selection;
    uint64_t count = 0;
    varve_status status = VARVE_OK;
    cli_output_text(output, text.bytes, text.length);
    if (!name) {
        status = count_values(db, selection, text, &count, error);
        cli_output_count(output, count);
    }
    if (status == VARVE_OK && labels->counts) {
        varve_matcher has = {VARVE_MATCH_NOT_EQUAL, text, VARVE_STRING("")};
        varve_matcher is = {VARVE_MATCH_EQUAL, name ? cli_string(name) : text, text};
        status = count_series(db, selection, name ? is : has, &count, error);
    }
    if (labels->counts)
        cli_output_count(output, count);
    return status;
}

static int write_rows(varve_db *db, const struct labels *labels, const char *name)
{
    static const char *const name_columns[] = {"label", "values", "series"};
    static const char *const value_columns[] = {"value", "series"};
    const varve_selection *selection = &labels->selection.selection;
    varve_error error = {0};
    varve_strings *strings = NULL;
    varve_status status =
        name ? varve_label_values(db, cli_string(name), selection, &strings, &error)
             : varve_label_names(db, selection, &strings, &error);
    if (status != VARVE_OK)
        return labels->selection.text
                   ? cli_fail_at(status, &error, "selector", labels->selection.text)
                   : cli_fail(status, &error);
    size_t columns = (name ? 1u : 2u) + (labels->counts ? 1u : 0u);
    struct cli_output *output = cli_output_create(labels->format, VARVE_PRECISION_DEFAULT,
                                                  name ? value_columns : name_columns, columns);
    size_t count = varve_strings_count(strings);
    for (size_t i = 0; i < count && i < labels->limit; i++) {
        varve_string text = varve_strings_get(strings, i);
        status = write_row(output, db, labels, name, text, &error);
        if (!cli_output_row_end(output) || status != VARVE_OK)
            break;
    }
    cli_output_close(output);
    if (name && count == 0)
        cli_hint_no_label(db, name);
    varve_strings_destroy(strings);
    return status == VARVE_OK ? 0 : cli_fail(status, &error);
}

int cli_verb_labels(const struct cli_invocation *invocation)
{
    struct labels labels = {
        .counts = cli_given(invocation, CLI_OPTION_COUNTS),
        .format = cli_output_format(invocation, CLI_OPTION_LIST_OUTPUT),
    };
    struct cli_events events;
    varve_db *db = NULL;
    int code = cli_parse_limit(invocation, &labels.limit);
    if (code == 0)
        code = cli_selection_init(&labels.selection, invocation,
                                  cli_value(invocation, CLI_OPTION_MATCH));
    if (code != 0)
        return code;
    code = cli_open(cli_argument(invocation, 0), VARVE_OPEN_READ_ONLY, VARVE_SYNC_DEFAULT, &events,
                    &db);
    if (code == 0) {
        code = write_rows(db, &labels, cli_argument(invocation, 1));
        code = cli_close(db, &events, code);
    }
    cli_selection_fini(&labels.selection);
    return code;
}
