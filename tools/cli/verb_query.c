/*
 * verb_query.c - `varve query`: samples, or functions over them by step and by group.
 */
#include "hint.h"
#include "output_lines.h"
#include "query.h"
#include "query_explain.h"
#include "query_plot.h"
#include "samples.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

static bool write_row(const struct cli_query *query, struct cli_output *output,
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
static uint64_t write_rows(const struct cli_query *query, varve_rows *rows)
{
    const char *columns[CLI_COLUMNS_MAX] = {"series"};
    size_t column_count = 1;
    if (query->aggregation.step > 0)
        columns[column_count++] = "time";
    for (size_t i = 0; i < query->aggregation.function_count; i++)
        columns[column_count++] = query->names[i];
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

/* quantile(0.95) as part of a metric name: quantile_0_95. */
static void name_for_lines(const char *name, char *part)
{
    size_t length = 0;
    for (; *name; name++) {
        if (isalnum((unsigned char)*name))
            part[length++] = *name;
        else if (name[1])
            part[length++] = '_';
    }
    part[length] = '\0';
}

static int write_lines(const struct cli_query *query, varve_rows *rows)
{
    char parts[VARVE_FUNCTIONS_MAX][CLI_FUNCTION_NAME_MAX];
    const char *names[VARVE_FUNCTIONS_MAX];
    for (size_t i = 0; i < query->aggregation.function_count; i++) {
        name_for_lines(query->names[i], parts[i]);
        names[i] = parts[i];
    }
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

/* The message of a refused aggregation names a field of varve.h: to a user it is an option. */
static int refuse_aggregation(varve_status status, const varve_error *error, const char *selector)
{
    static const struct {
        const char *field;
        enum cli_option_id option;
    } names[] = {{"step: ", CLI_OPTION_STEP},       {"time_zone: ", CLI_OPTION_TZ},
                 {"offset: ", CLI_OPTION_OFFSET},   {"fill_gap_max: ", CLI_OPTION_FILL_GAP},
                 {"group_labels: ", CLI_OPTION_BY}, {"reduce: ", CLI_OPTION_REDUCE}};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        size_t length = strlen(names[i].field);
        if (status == VARVE_INVALID && strncmp(error->message, names[i].field, length) == 0)
            return cli_usage_error("--%s: %s", cli_options[names[i].option].name,
                                   error->message + length);
    }
    return cli_fail_at(status, error, "selector", selector);
}

static int run_aggregation(const struct cli_query *query, varve_db *db)
{
    varve_error error = {0};
    varve_rows *rows = NULL;
    varve_status status =
        varve_aggregate(db, &query->selection.selection, &query->aggregation, &rows, &error);
    if (status != VARVE_OK)
        return refuse_aggregation(status, &error, query->selection.text);
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

static int run_explain(const struct cli_query *query, varve_db *db)
{
    varve_error error = {0};
    varve_status status = cli_query_explain(query, db, &error);
    return status == VARVE_OK ? 0 : refuse_aggregation(status, &error, query->selection.text);
}

static int run_query(const struct cli_query *query, const char *path)
{
    struct cli_events events;
    varve_db *db = NULL;
    int code = cli_open(path, VARVE_OPEN_READ_ONLY, VARVE_SYNC_DEFAULT, &events, &db);
    if (code != 0)
        return code;
    if (query->explain)
        code = run_explain(query, db);
    else if (query->aggregation.function_count > 0)
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
    struct cli_query query;
    int code = cli_query_init(&query, invocation);
    if (code == 0)
        code = run_query(&query, cli_argument(invocation, 0));
    cli_query_fini(&query);
    return code;
}
