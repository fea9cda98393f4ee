/*
 * samples.c - samples out: what the library exports itself, and as rows for people and json.
 */
#include "samples.h"

#include "hint.h"
#include "stdout.h"

#include <errno.h>
#include <stdlib.h>

#define CSV_HEADER "series,time,value\n"

static int write_export(void *context, const char *bytes, size_t length)
{
    uint64_t *written = context;
    *written += length;
    cli_stdout_write(bytes, length);
    if (cli_stdout_failed())
        return -cli_stdout_errno();
    return cli_interrupted() ? -EINTR : 0;
}

int cli_samples_export(varve_db *db, const struct cli_selection *selection,
                       const varve_export_options *options)
{
    varve_error error = {0};
    uint64_t written = 0;
    varve_status status =
        varve_export(db, &selection->selection, options, write_export, &written, &error);
    bool empty = written <= (options->format == VARVE_FORMAT_CSV ? sizeof CSV_HEADER - 1 : 0);
    if (status == VARVE_OK && empty)
        cli_hint_nothing_found(db, selection);
    /* What stopped the writing is said by whoever stopped it. */
    if (status == VARVE_OK || cli_stdout_failed())
        return 0;
    if (cli_interrupted())
        return cli_interrupt_exit_code();
    return status == VARVE_INVALID && selection->text
               ? cli_fail_at(status, &error, "selector", selection->text)
               : cli_fail(status, &error);
}

/* The samples of the series at the cursor. False: stop. */
static bool write_series(varve_cursor *cursor, struct cli_output *output, struct cli_text *series,
                         uint64_t *limit)
{
    const varve_label *labels;
    size_t label_count;
    varve_cursor_labels(cursor, &labels, &label_count);
    cli_text_series(series, labels, label_count);
    varve_span span;
    while (*limit > 0 && varve_cursor_span(cursor, &span)) {
        for (size_t i = 0; i<span.count && * limit> 0; i++, --*limit) {
            cli_output_series(output, series->bytes, series->length);
            cli_output_time(output, span.timestamps[i]);
            cli_output_value(output, span.values[i]);
            if (!cli_output_row_end(output))
                return false;
        }
    }
    return *limit > 0;
}

static int write_rows(varve_db *db, const struct cli_selection *selection,
                      enum cli_output_format format, varve_precision precision, uint64_t limit)
{
    static const char *const columns[] = {"series", "time", "value"};
    varve_error error = {0};
    varve_cursor *cursor = NULL;
    varve_status status = varve_select(db, &selection->selection, &cursor, &error);
    if (status != VARVE_OK)
        return selection->text ? cli_fail_at(status, &error, "selector", selection->text)
                               : cli_fail(status, &error);
    struct cli_output *output = cli_output_create(format, precision, columns, 3);
    struct cli_text series = {0};
    bool empty_wanted = limit == 0;
    while (limit > 0 && varve_cursor_next(cursor)) {
        if (!write_series(cursor, output, &series, &limit))
            break;
    }
    uint64_t count = cli_output_close(output);
    status = varve_cursor_status(cursor, &error);
    if (status == VARVE_OK && count == 0 && !empty_wanted)
        cli_hint_nothing_found(db, selection);
    varve_cursor_close(cursor);
    free(series.bytes);
    return status == VARVE_OK ? 0 : cli_fail(status, &error);
}

int cli_samples_write(varve_db *db, const struct cli_selection *selection,
                      enum cli_output_format format, varve_precision precision, uint64_t limit)
{
    varve_export_options options = VARVE_EXPORT_OPTIONS_INIT;
    options.time_precision = precision;
    options.limit = limit == UINT64_MAX ? 0 : limit;
    switch (format) {
    case CLI_OUTPUT_CSV:
        options.format = VARVE_FORMAT_CSV;
        break;
    case CLI_OUTPUT_JSONL:
        options.format = VARVE_FORMAT_JSONL;
        break;
    case CLI_OUTPUT_PROM:
        options.format = VARVE_FORMAT_PROM;
        break;
    case CLI_OUTPUT_INFLUX:
        options.format = VARVE_FORMAT_INFLUX;
        break;
    case CLI_OUTPUT_TABLE:
    case CLI_OUTPUT_JSON:
        return write_rows(db, selection, format, precision, limit);
    }
    /* To the library a limit of 0 is none; for rows of csv it leaves the header. */
    if (limit == 0)
        return format == CLI_OUTPUT_CSV ? write_rows(db, selection, format, precision, limit) : 0;
    return cli_samples_export(db, selection, &options);
}
