/*
 * export.c - varve_export(): the exporter with a database behind it.
 */
#include <string.h>

#include "text/exporter.h"

static bool next(void *context)
{
    return varve_cursor_next(context);
}

static void labels_of(void *context, const varve_label **labels, size_t *label_count)
{
    varve_cursor_labels(context, labels, label_count);
}

static bool span_of(void *context, varve_span *span)
{
    return varve_cursor_span(context, span);
}

static varve_status status_of(void *context, varve_error *error)
{
    return varve_cursor_status(context, error);
}

varve_status varve_export(varve_db *db, const varve_selection *selection,
                          const varve_export_options *options, varve_write_function write,
                          void *write_context, varve_error *error)
{
    vv_error_clear(error);
    if (options == NULL || write == NULL || options->options_size == 0 ||
        options->options_size > sizeof *options) {
        return vv_fail(error, VARVE_INVALID,
                       "varve_export() needs options made with VARVE_EXPORT_OPTIONS_INIT and a "
                       "write function");
    }
    varve_export_options known = {0};
    memcpy(&known, options, options->options_size);
    varve_cursor *cursor;
    VV_TRY(varve_select(db, selection, &cursor, error));
    const struct vv_export_source source = {
        .context = cursor, .next = next, .labels = labels_of, .span = span_of, .status = status_of};
    varve_status status = vv_export_run(&source, &known, write, write_context, error);
    varve_cursor_close(cursor);
    return status;
}
