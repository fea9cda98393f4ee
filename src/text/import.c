/*
 * import.c - varve_import(): the importer with a database behind it.
 */
#include <string.h>

#include "os/thread.h"
#include "text/importer.h"

static varve_status resolve(void *context, const varve_label *labels, size_t label_count,
                            varve_series *series, varve_error *error)
{
    return varve_series_resolve(context, labels, label_count, series, error);
}

static varve_status append(void *context, const varve_batch *batch)
{
    return varve_append_batch(context, batch, NULL);
}

varve_status varve_import(varve_db *db, const varve_import_options *options,
                          varve_read_function read, void *read_context, varve_import_report *report,
                          varve_error *error)
{
    *report = (varve_import_report){0};
    vv_error_clear(error);
    if (db == NULL || options == NULL || read == NULL || options->options_size == 0 ||
        options->options_size > sizeof *options) {
        return vv_fail(error, VARVE_INVALID,
                       "varve_import() needs a database, options made with "
                       "VARVE_IMPORT_OPTIONS_INIT and a read function");
    }
    /* A program built against an older header has fewer fields: the rest is 0, the default. */
    varve_import_options known = {0};
    memcpy(&known, options, options->options_size);
    const struct vv_import_sink sink = {
        .context = db,
        .resolve = resolve,
        .append = append,
        .appends_beside = varve_background_threads(db) > 0 && vv_thread_cpu_count() > 1,
    };
    return vv_import_run(&sink, &known, read, read_context, report, error);
}
