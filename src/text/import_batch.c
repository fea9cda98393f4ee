/*
 * import_batch.c - whole lines to the sink, and what became of them to the caller.
 *
 *   flush:   settle the batch before | group by series | give            the next lines are read
 *   settle:  wait for the append | report and batch_done, or the failure
 *
 * B1  A batch is settled before the next one is given, before a bad line is reported, before a read
 *     that may take long, and at the end: the caller hears everything in the order of the input.
 * B2  A batch that was not stored ends the import. What was read after it has left no trace but
 *     series without samples, which nobody sees.
 *
 * Thread: that of the import.
 */
#include <inttypes.h>

#include "text/importer.h"

static varve_status fail_batch(struct vv_importer *importer, varve_status status)
{
    const struct vv_import_given *given = &importer->given;
    importer->append_status = status;
    *importer->report = given->report_failed;
    vv_error_clear(importer->error); /* what has happened since does not matter any more */
    return vv_fail(importer->error, status,
                   "%s: the batch of lines %" PRIu64 " to %" PRIu64 " was not stored: %s",
                   importer->name, given->line_first, given->line_last, varve_status_text(status));
}

/* The lines given are stored: the report says so. */
static void tell_done(struct vv_importer *importer)
{
    const varve_import_options *options = importer->options;
    const varve_import_report *stored = &importer->given.report_stored;
    varve_import_report *report = importer->report;
    report->samples = stored->samples;
    report->series = stored->series;
    report->lines = stored->lines;
    report->bytes = stored->bytes;
    if (importer->given.has_lines && options->batch_done != NULL) {
        options->batch_done(options->context, importer->given.line_last, stored);
    }
}

varve_status vv_import_settle(struct vv_importer *importer)
{
    if (!importer->given.waits) {
        return importer->append_status;
    }
    importer->given.waits = false;
    varve_status status = vv_appender_wait(&importer->appender);
    if (status != VARVE_OK) {
        return fail_batch(importer, status);
    }
    tell_done(importer);
    return VARVE_OK;
}

/* What there will be to say of the whole lines. */
static void note_given(struct vv_importer *importer)
{
    struct vv_import_given *given = &importer->given;
    given->waits = true;
    given->has_lines = importer->done_line > importer->batch_line;
    given->line_first = importer->batch_line + 1;
    given->line_last = importer->done_line;
    given->report_failed = *importer->report;
    given->report_failed.lines = importer->lines.number;
    given->report_failed.bytes = importer->lines.bytes;
    given->report_stored = *importer->report;
    given->report_stored.samples += importer->count;
    given->report_stored.series = importer->seen.count;
    given->report_stored.lines = importer->done_line;
    given->report_stored.bytes = importer->lines.bytes;
}

/* Moves the whole lines to the appender, grouped by series where that pays, and the line being read
 * to the front. */
static varve_status move_lines(struct vv_importer *importer)
{
    struct vv_sample_columns *batch = &importer->batch;
    struct vv_sample_columns *out = &importer->appender.columns;
    struct vv_sample_columns *rest = batch;
    VV_TRY(vv_sample_columns_reserve(out, batch->capacity));
    if (!vv_sample_columns_group(batch, importer->count, &importer->sorter, out)) {
        struct vv_sample_columns swapped = *out;
        *out = *batch;
        *batch = swapped;
        rest = out;
    }
    vv_sample_columns_copy(batch, 0, rest, importer->count, importer->used - importer->count);
    return VARVE_OK;
}

varve_status vv_import_flush(struct vv_importer *importer, bool is_last)
{
    VV_TRY(vv_import_settle(importer));
    note_given(importer);
    size_t count = importer->count;
    if (count > 0) {
        varve_status status = move_lines(importer);
        if (status != VARVE_OK) {
            importer->given.waits = false;
            return status;
        }
        vv_appender_give(&importer->appender, count, is_last);
    }
    importer->used -= count;
    importer->count = 0;
    importer->batch_line = importer->done_line;
    bool is_done = count == 0 || is_last || !importer->appender.has_thread;
    return is_done ? vv_import_settle(importer) : VARVE_OK;
}

/* Doubles the room of the batch. */
static varve_status grow_batch(struct vv_importer *importer)
{
    size_t capacity = importer->batch.capacity * 2;
    return vv_sample_columns_reserve(&importer->batch,
                                     capacity < VARVE_BATCH_MAX ? capacity : VARVE_BATCH_MAX);
}

varve_status vv_import_make_room(struct vv_importer *importer)
{
    if (importer->batch.capacity < VARVE_BATCH_MAX) {
        return grow_batch(importer);
    }
    if (importer->count == 0) {
        return vv_import_fault(importer, importer->fault_at,
                               "more than %u samples in one line, which is stored whole or not at "
                               "all",
                               VARVE_BATCH_MAX);
    }
    return vv_import_flush(importer, false);
}
