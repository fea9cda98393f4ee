/*
 * verb_series.c - `varve series`: the series, how many samples each has, and its newest one.
 *
 * Two walks in step: an aggregation for the counts, which come from the statistics of chunks, and a
 * cursor for the newest samples. Both give the series in the same order, and a database that is
 * open for reading only does not change under them.
 */
#include "cli.h"
#include "hint.h"
#include "output.h"
#include "sparkline.h"

#include <stdlib.h>
#include <unistd.h>

struct walk {
    varve_rows *rows;
    varve_cursor *cursor;
    struct cli_sparklines *sparklines; /* NULL: not wanted */
};

static bool write_series(const struct walk *walk, struct cli_output *output,
                         struct cli_text *series, const varve_row *row)
{
    int64_t time;
    double value;
    if (!varve_cursor_next(walk->cursor) || !varve_cursor_latest(walk->cursor, &time, &value))
        return false;
    cli_text_series(series, row->labels, row->label_count);
    cli_output_series(output, series->bytes, series->length);
    cli_output_count(output, (uint64_t)row->values[0]);
    cli_output_time(output, time);
    cli_output_value(output, value);
    if (walk->sparklines) {
        char text[CLI_SPARKLINE_BYTES];
        size_t length = cli_sparkline_next(walk->sparklines, row->labels, row->label_count, text);
        cli_output_text(output, text, length);
    }
    return cli_output_row_end(output);
}

static varve_status write_walk(const struct walk *walk, const struct cli_invocation *invocation,
                               uint64_t *count, varve_error *error)
{
    static const char *const columns[] = {"series", "samples", "time", "value", "course"};
    struct cli_output *output =
        cli_output_create(cli_output_format(invocation, CLI_OPTION_LIST_OUTPUT),
                          cli_output_precision(invocation), columns, walk->sparklines ? 5 : 4);
    struct cli_text series = {0};
    varve_row row;
    while (varve_rows_next(walk->rows, &row) && write_series(walk, output, &series, &row))
        continue;
    *count = cli_output_close(output);
    free(series.bytes);
    varve_status status = varve_rows_status(walk->rows, error);
    return status == VARVE_OK ? varve_cursor_status(walk->cursor, error) : status;
}

static int list_series(varve_db *db, const struct cli_invocation *invocation,
                       const struct cli_selection *selection)
{
    static const varve_function functions[] = {VARVE_FUNCTION_COUNT};
    varve_aggregation aggregation = VARVE_AGGREGATION_INIT;
    aggregation.functions = functions;
    aggregation.function_count = 1;
    varve_error error = {0};
    struct walk walk = {NULL, NULL, NULL};
    uint64_t count = 0;
    enum cli_output_format format = cli_output_format(invocation, CLI_OPTION_LIST_OUTPUT);
    varve_status status =
        varve_aggregate(db, &selection->selection, &aggregation, &walk.rows, &error);
    if (status == VARVE_OK)
        status = varve_select(db, &selection->selection, &walk.cursor, &error);
    if (status == VARVE_OK && format == CLI_OUTPUT_TABLE && isatty(STDOUT_FILENO))
        walk.sparklines = cli_sparklines_create(db, &selection->selection);
    if (status == VARVE_OK)
        status = write_walk(&walk, invocation, &count, &error);
    if (status == VARVE_OK && count == 0)
        cli_hint_nothing_found(db, selection);
    varve_rows_close(walk.rows);
    varve_cursor_close(walk.cursor);
    cli_sparklines_destroy(walk.sparklines);
    if (status == VARVE_OK)
        return 0;
    return status == VARVE_INVALID && selection->text
               ? cli_fail_at(status, &error, "selector", selection->text)
               : cli_fail(status, &error);
}

int cli_verb_series(const struct cli_invocation *invocation)
{
    struct cli_selection selection;
    int code = cli_selection_init(&selection, invocation, cli_argument(invocation, 1));
    if (code != 0)
        return code;
    struct cli_events events;
    varve_db *db = NULL;
    code = cli_open(cli_argument(invocation, 0), VARVE_OPEN_READ_ONLY, VARVE_SYNC_DEFAULT, &events,
                    &db);
    if (code == 0)
        code = cli_close(db, &events, list_series(db, invocation, &selection));
    cli_selection_fini(&selection);
    return code;
}
