/*
 * query_plot.c - samples and aggregated rows on their way into a plot.
 */
#include "query_plot.h"

#include "hint.h"
#include "plot.h"

#include <stdlib.h>
#include <string.h>

static void plot_series(varve_cursor *cursor, struct cli_plot *plot, struct cli_text *name)
{
    const varve_label *labels;
    size_t label_count;
    varve_cursor_labels(cursor, &labels, &label_count);
    cli_text_series(name, labels, label_count);
    cli_plot_series(plot, name->bytes, name->length);
    varve_span span;
    while (!cli_interrupted() && varve_cursor_span(cursor, &span)) {
        for (size_t i = 0; i < span.count; i++)
            cli_plot_add(plot, span.timestamps[i], span.values[i]);
    }
}

int cli_plot_samples(varve_db *db, const struct cli_selection *selection)
{
    varve_error error = {0};
    varve_cursor *cursor = NULL;
    varve_status status = varve_select(db, &selection->selection, &cursor, &error);
    if (status != VARVE_OK)
        return cli_fail_at(status, &error, "selector", selection->text);
    struct cli_plot *plot = cli_plot_create();
    struct cli_text name = {0};
    uint64_t count = 0;
    while (!cli_interrupted() && varve_cursor_next(cursor)) {
        /* Series that are not drawn are only counted. */
        if (count++ < CLI_PLOT_SERIES_MAX)
            plot_series(cursor, plot, &name);
        else
            cli_plot_series(plot, "", 0);
    }
    cli_plot_close(plot);
    free(name.bytes);
    status = varve_cursor_status(cursor, &error);
    varve_cursor_close(cursor);
    if (status != VARVE_OK)
        return cli_fail(status, &error);
    if (count == 0)
        cli_hint_nothing_found(db, selection);
    return 0;
}

void cli_plot_rows(varve_rows *rows)
{
    struct cli_plot *plot = cli_plot_create();
    struct cli_text name = {0}, next = {0};
    bool first = true;
    varve_row row;
    while (!cli_interrupted() && varve_rows_next(rows, &row)) {
        cli_text_series(&next, row.labels, row.label_count);
        if (first || next.length != name.length ||
            memcmp(next.bytes, name.bytes, name.length) != 0) {
            cli_plot_series(plot, next.bytes, next.length);
            name.length = 0;
            cli_text_append(&name, next.bytes, next.length);
            first = false;
        }
        cli_plot_add(plot, row.time, row.values[0]);
    }
    cli_plot_close(plot);
    free(name.bytes);
    free(next.bytes);
}
