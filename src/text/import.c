/*
 * import.c - varve_import(): the importer with a database behind it.
 */
#include <string.h>

#include "os/thread.h"
#include "text/importer.h"

/* Where the samples of an import go. */
struct target {
    varve_db *db;
    varve_bulk *bulk;  /* NULL: the log */
    varve_error error; /* of the bulk */
};

static varve_status resolve(void *context, const varve_label *labels, size_t label_count,
                            varve_series *series, varve_error *error)
{
    const struct target *target = context;
    return varve_series_resolve(target->db, labels, label_count, series, error);
}

static varve_status append(void *context, const varve_batch *batch)
{
    struct target *target = context;
    return target->bulk == NULL ? varve_append_batch(target->db, batch, NULL)
                                : varve_bulk_append(target->bulk, batch, &target->error);
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
    if (known.bulk != NULL && varve_bulk_database(known.bulk) != db) {
        return vv_fail(error, VARVE_INVALID,
                       "options.bulk belongs to another database: begin one on this database");
    }
    struct target target = {.db = db, .bulk = known.bulk};
    const struct vv_import_sink sink = {
        .context = &target,
        .resolve = resolve,
        .append = append,
        .appends_beside = varve_background_threads(db) > 0 && vv_thread_cpu_count() > 1,
    };
    varve_status status = vv_import_run(&sink, &known, read, read_context, report, error);
    if (status != VARVE_OK && status == target.error.status && error != NULL) {
        *error = target.error; /* it knows more than the status */
    }
    return status;
}
