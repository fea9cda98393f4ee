/*
 * verb_latest.c - `varve latest`: the newest sample of each selected series.
 */
#include "cli.h"
#include "hint.h"
#include "output.h"
#include "output_lines.h"

#include <stdlib.h>

static int write_lines(varve_cursor *cursor, enum cli_output_format format)
{
    int code = 0;
    while (code == 0 && !cli_interrupted() && varve_cursor_next(cursor)) {
        const varve_label *labels;
        size_t label_count;
        int64_t time;
        double value;
        varve_cursor_labels(cursor, &labels, &label_count);
        if (!varve_cursor_latest(cursor, &time, &value))
            break;
        code = cli_lines_write(format, labels, label_count, NULL, &value, 1, time);
    }
    return code;
}

static uint64_t write_rows(varve_cursor *cursor, enum cli_output_format format,
                           varve_precision precision)
{
    static const char *const columns[] = {"series", "time", "value"};
    struct cli_output *output = cli_output_create(format, precision, columns, 3);
    struct cli_text series = {0};
    bool more = true;
    while (more && varve_cursor_next(cursor)) {
        const varve_label *labels;
        size_t label_count;
        int64_t time;
        double value;
        varve_cursor_labels(cursor, &labels, &label_count);
        cli_text_series(&series, labels, label_count);
        if (!varve_cursor_latest(cursor, &time, &value))
            break;
        cli_output_series(output, series.bytes, series.length);
        cli_output_time(output, time);
        cli_output_value(output, value);
        more = cli_output_row_end(output);
    }
    free(series.bytes);
    return cli_output_close(output);
}

static int run_latest(const struct cli_invocation *invocation,
                      const struct cli_selection *selection, varve_db *db)
{
    enum cli_output_format format = cli_output_format(invocation, CLI_OPTION_OUTPUT);
    bool lines = cli_is_lines(format);
    varve_error error = {0};
    varve_cursor *cursor = NULL;
    varve_status status = varve_select(db, &selection->selection, &cursor, &error);
    if (status != VARVE_OK)
        return cli_fail_at(status, &error, "selector", selection->text);
    int code = 0;
    uint64_t count = 1;
    if (lines)
        code = write_lines(cursor, format);
    else
        count = write_rows(cursor, format, cli_output_precision(invocation));
    status = varve_cursor_status(cursor, &error);
    if (status != VARVE_OK && code == 0)
        code = cli_fail(status, &error);
    else if (count == 0)
        cli_hint_nothing_found(db, selection);
    varve_cursor_close(cursor);
    return code;
}

int cli_verb_latest(const struct cli_invocation *invocation)
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
        code = cli_close(db, &events, run_latest(invocation, &selection, db));
    cli_selection_fini(&selection);
    return code;
}
