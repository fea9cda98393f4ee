/*
 * verb_query.c - `varve query`: samples, or functions over them by step and by group.
 */
#include "cli.h"
#include "hint.h"
#include "output.h"
#include "output_lines.h"
#include "query_plot.h"
#include "samples.h"

#include <stdlib.h>
#include <string.h>

#define GROUP_LABELS_MAX 64u

struct query {
    struct cli_selection selection;
    varve_aggregation aggregation;
    varve_function functions[VARVE_FUNCTIONS_MAX];
    varve_string group_labels[GROUP_LABELS_MAX];
    uint64_t limit;
    enum cli_output_format format;
    varve_precision precision;
    bool plot;
};

static int refuse_function(varve_string name)
{
    char word[64] = "", near[64];
    if (name.length < sizeof word)
        memcpy(word, name.bytes, name.length);
    const char *all = "count|sum|min|max|avg|first|last";
    if (cli_suggest_choice(word, all, near))
        return cli_usage_error("--agg knows no function \"%.*s\"; did you mean %s?",
                               (int)name.length, name.bytes, near);
    return cli_usage_error("--agg knows no function \"%.*s\"; it knows %s", (int)name.length,
                           name.bytes, all);
}

static int parse_functions(struct query *query, const char *text)
{
    varve_string names[VARVE_FUNCTIONS_MAX];
    size_t count = cli_split(text, names, VARVE_FUNCTIONS_MAX);
    if (count == 0 || count > VARVE_FUNCTIONS_MAX)
        return cli_usage_error("--agg needs one to %u functions, for example avg,max",
                               VARVE_FUNCTIONS_MAX);
    for (size_t i = 0; i < count; i++) {
        if (varve_function_parse(names[i], &query->functions[i], NULL) != VARVE_OK)
            return refuse_function(names[i]);
        for (size_t k = 0; k < i; k++) {
            if (query->functions[k] == query->functions[i])
                return cli_usage_error("--agg names %s twice",
                                       varve_function_name(query->functions[i]));
        }
    }
    query->aggregation.functions = query->functions;
    query->aggregation.function_count = count;
    return 0;
}

static int parse_grouping(struct query *query, const struct cli_invocation *invocation)
{
    const char *by = cli_value(invocation, CLI_OPTION_BY);
    const char *without = cli_value(invocation, CLI_OPTION_WITHOUT);
    if (by && without)
        return cli_usage_error("--by and --without exclude each other");
    if (!by && !without)
        return 0;
    size_t count = cli_split(by ? by : without, query->group_labels, GROUP_LABELS_MAX);
    if (count > GROUP_LABELS_MAX)
        return cli_usage_error("--%s takes at most %u labels", by ? "by" : "without",
                               GROUP_LABELS_MAX);
    query->aggregation.grouping = by ? VARVE_GROUP_BY : VARVE_GROUP_WITHOUT;
    query->aggregation.group_labels = query->group_labels;
    query->aggregation.group_label_count = count;
    return 0;
}

static int parse_aggregation(struct query *query, const struct cli_invocation *invocation)
{
    static const enum cli_option_id dependent[] = {CLI_OPTION_STEP, CLI_OPTION_BY,
                                                   CLI_OPTION_WITHOUT};
    query->aggregation = (varve_aggregation)VARVE_AGGREGATION_INIT;
    const char *functions = cli_value(invocation, CLI_OPTION_AGG);
    for (size_t i = 0; !functions && i < sizeof dependent / sizeof dependent[0]; i++) {
        if (cli_given(invocation, dependent[i]))
            return cli_usage_error("--%s needs --agg, for example --agg avg",
                                   cli_options[dependent[i]].name);
    }
    if (!functions)
        return 0;
    int code = parse_functions(query, functions);
    const char *step = cli_value(invocation, CLI_OPTION_STEP);
    if (code == 0 && step)
        code = cli_parse_duration("step", step, &query->aggregation.step);
    if (code == 0)
        code = parse_grouping(query, invocation);
    if (code == 0 && !step && query->plot)
        code = cli_usage_error("--plot needs --step beside --agg: it draws over time");
    if (code == 0 && !step && cli_is_lines(query->format))
        code = cli_usage_error("--output %s needs --step beside --agg: its lines have times",
                               cli_value(invocation, CLI_OPTION_OUTPUT));
    return code;
}

static bool write_row(const struct query *query, struct cli_output *output,
                      const struct cli_text *series, const varve_row *row)
{
    cli_output_series(output, series->bytes, series->length);
    if (query->aggregation.step > 0)
        cli_output_time(output, row->time);
    for (size_t i = 0; i < row->value_count; i++)
        cli_output_value(output, row->values[i]);
    return cli_output_row_end(output);
}

/* Writes the rows as a table, csv or json; returns how many there were. */
static uint64_t write_rows(const struct query *query, varve_rows *rows)
{
    const char *columns[CLI_COLUMNS_MAX] = {"series"};
    size_t column_count = 1;
    if (query->aggregation.step > 0)
        columns[column_count++] = "time";
    for (size_t i = 0; i < query->aggregation.function_count; i++)
        columns[column_count++] = varve_function_name(query->functions[i]);
    struct cli_output *output =
        cli_output_create(query->format, query->precision, columns, column_count);
    struct cli_text series = {0};
    varve_row row;
    for (uint64_t count = 0; count < query->limit && varve_rows_next(rows, &row); count++) {
        cli_text_series(&series, row.labels, row.label_count);
        if (!write_row(query, output, &series, &row))
            break;
    }
    free(series.bytes);
    return cli_output_close(output);
}

static int write_lines(const struct query *query, varve_rows *rows)
{
    const char *names[VARVE_FUNCTIONS_MAX];
    for (size_t i = 0; i < query->aggregation.function_count; i++)
        names[i] = varve_function_name(query->functions[i]);
    varve_row row;
    int code = 0;
    for (uint64_t count = 0; code == 0 && count < query->limit && !cli_interrupted(); count++) {
        if (!varve_rows_next(rows, &row))
            break;
        code = cli_lines_write(query->format, row.labels, row.label_count, names, row.values,
                               row.value_count, row.time);
    }
    return code;
}

static int run_aggregation(const struct query *query, varve_db *db)
{
    varve_error error = {0};
    varve_rows *rows = NULL;
    varve_status status =
        varve_aggregate(db, &query->selection.selection, &query->aggregation, &rows, &error);
    if (status != VARVE_OK)
        return cli_fail_at(status, &error, "selector", query->selection.text);
    int code = 0;
    uint64_t count = 1;
    if (query->plot)
        cli_plot_rows(rows);
    else if (cli_is_lines(query->format))
        code = write_lines(query, rows);
    else
        count = write_rows(query, rows);
    status = varve_rows_status(rows, &error);
    if (status != VARVE_OK && code == 0)
        code = cli_fail(status, &error);
    else if (count == 0 && query->limit > 0)
        cli_hint_nothing_found(db, &query->selection);
    varve_rows_close(rows);
    return code;
}

static int run_query(const struct query *query, const char *path)
{
    struct cli_events events;
    varve_db *db = NULL;
    int code = cli_open(path, VARVE_OPEN_READ_ONLY, VARVE_SYNC_DEFAULT, &events, &db);
    if (code != 0)
        return code;
    if (query->aggregation.function_count > 0)
        code = run_aggregation(query, db);
    else if (query->plot)
        code = cli_plot_samples(db, &query->selection);
    else
        code =
            cli_samples_write(db, &query->selection, query->format, query->precision, query->limit);
    return cli_close(db, &events, code);
}

int cli_verb_query(const struct cli_invocation *invocation)
{
    struct query query = {0};
    query.format = cli_output_format(invocation, CLI_OPTION_OUTPUT);
    query.precision = cli_output_precision(invocation);
    query.plot = cli_given(invocation, CLI_OPTION_PLOT);
    if (query.plot &&
        (cli_given(invocation, CLI_OPTION_OUTPUT) || cli_given(invocation, CLI_OPTION_LIMIT)))
        return cli_usage_error("--plot goes with neither --output nor --limit");
    int code = cli_parse_limit(invocation, &query.limit);
    if (code == 0)
        code = parse_aggregation(&query, invocation);
    if (code == 0)
        code = cli_selection_init(&query.selection, invocation, cli_argument(invocation, 1));
    if (code != 0)
        return code;
    code = run_query(&query, cli_argument(invocation, 0));
    cli_selection_fini(&query.selection);
    return code;
}
