/*
 * exporter.c - walks over the samples and hands their text on.
 *
 * Thread: that of the export.
 */
#include "text/exporter.h"

#include <stdio.h>

#include "os/alloc.h"

varve_status vv_export_flush(struct vv_exporter *exporter)
{
    if (exporter->used == 0) {
        return VARVE_OK;
    }
    int result = exporter->write(exporter->write_context, exporter->buffer, exporter->used);
    exporter->used = 0;
    if (result == 0) {
        return VARVE_OK;
    }
    int system_errno = result > -4096 && result < 0 ? -result : 0;
    return vv_fail_io(exporter->error, vv_status_from_errno(system_errno), system_errno, NULL, 0,
                      "writing the export failed");
}

varve_status vv_export_put(struct vv_exporter *exporter, const char *bytes, size_t length)
{
    while (length > 0) {
        size_t room = VV_EXPORT_BUFFER_BYTES - exporter->used;
        size_t count = length < room ? length : room;
        vv_export_add(exporter, bytes, count);
        bytes += count;
        length -= count;
        if (length > 0) {
            VV_TRY(vv_export_flush(exporter));
        }
    }
    return VARVE_OK;
}

varve_status vv_export_series_room(struct vv_exporter *exporter, size_t length)
{
    if (length <= exporter->series_capacity) {
        return VARVE_OK;
    }
    size_t capacity = length * 2;
    char *series = vv_realloc(exporter->series, capacity);
    if (series == NULL) {
        return VARVE_NO_MEMORY;
    }
    exporter->series = series;
    exporter->series_capacity = capacity;
    return VARVE_OK;
}

varve_status vv_export_refuse(struct vv_exporter *exporter, const int64_t *time, const char *reason)
{
    char text[200];
    char when[VARVE_TEXT_MAX + 8] = "";
    size_t length =
        varve_series_format(exporter->labels, exporter->label_count, text, sizeof text - 4);
    if (length > sizeof text - 4) {
        (void)snprintf(text + sizeof text - 4, 4, "...");
    } else {
        text[length] = '\0';
    }
    if (time != NULL) {
        memcpy(when, " at ", 4);
        when[4 + varve_time_format(*time, VARVE_PRECISION_DEFAULT, when + 4)] = '\0';
    }
    return vv_fail(exporter->error, VARVE_INVALID,
                   "%s%s: %s; csv and jsonl lose nothing, --lossy drops it", text, when, reason);
}

bool vv_is_metric_name(varve_string name)
{
    return name.length == 8 && memcmp(name.bytes, "__name__", 8) == 0;
}

varve_string vv_export_metric(const struct vv_exporter *exporter)
{
    for (size_t index = 0; index < exporter->label_count; index++) {
        if (vv_is_metric_name(exporter->labels[index].name)) {
            return exporter->labels[index].value;
        }
    }
    return (varve_string){"", 0};
}

/* ---------------------------------------------------------------------------------- Walk */

/* All samples of the current series, at most *left of them, which is counted down. */
static varve_status write_samples(struct vv_exporter *exporter, const struct vv_text_writer *writer,
                                  void *state, const struct vv_export_source *source,
                                  uint64_t *left)
{
    varve_span span;
    while (*left > 0 && source->span(source->context, &span)) {
        if (span.count > *left) {
            span.count = (size_t)*left;
        }
        *left -= span.count;
        VV_TRY(writer->samples(exporter, state, &span));
    }
    return VARVE_OK;
}

static varve_status write_series(struct vv_exporter *exporter, const struct vv_text_writer *writer,
                                 void *state, const struct vv_export_source *source, uint64_t *left)
{
    exporter->left_out = false;
    source->labels(source->context, &exporter->labels, &exporter->label_count);
    if (writer->series != NULL) {
        VV_TRY(writer->series(exporter, state));
    }
    if (exporter->left_out) {
        return VARVE_OK;
    }
    VV_TRY(write_samples(exporter, writer, state, source, left));
    return writer->series_end != NULL ? writer->series_end(exporter, state) : VARVE_OK;
}

static varve_status walk(struct vv_exporter *exporter, const struct vv_text_writer *writer,
                         void *state, const struct vv_export_source *source)
{
    uint64_t left = exporter->options->limit > 0 ? exporter->options->limit : UINT64_MAX;
    if (writer->header != NULL) {
        VV_TRY(writer->header(exporter, state));
    }
    while (left > 0 && source->next(source->context)) {
        VV_TRY(write_series(exporter, writer, state, source, &left));
    }
    VV_TRY(source->status(source->context, exporter->error));
    return vv_export_flush(exporter);
}

static const struct vv_text_writer *writer_of(varve_format format)
{
    switch (format) {
    case VARVE_FORMAT_CSV:
        return &vv_csv_writer;
    case VARVE_FORMAT_PROM:
        return &vv_prom_writer;
    case VARVE_FORMAT_JSONL:
        return &vv_jsonl_writer;
    case VARVE_FORMAT_INFLUX:
        return &vv_influx_writer;
    case VARVE_FORMAT_OPENMETRICS:
    case VARVE_FORMAT_AUTO:
        break;
    }
    return NULL;
}

static varve_status run(struct vv_exporter *exporter, const struct vv_export_source *source)
{
    const struct vv_text_writer *writer = writer_of(exporter->options->format);
    if (writer == NULL) {
        return vv_fail(exporter->error, VARVE_INVALID,
                       "cannot export in this format; expected csv, jsonl, prom or influx");
    }
    exporter->buffer = vv_alloc(VV_EXPORT_BUFFER_BYTES);
    if (exporter->buffer == NULL) {
        return VARVE_NO_MEMORY;
    }
    void *state = NULL;
    varve_status status = VARVE_OK;
    if (writer->create != NULL) {
        status = writer->create(exporter, &state);
    }
    if (status == VARVE_OK) {
        status = walk(exporter, writer, state, source);
    }
    if (writer->destroy != NULL) {
        writer->destroy(state);
    }
    return status;
}

varve_status vv_export_run(const struct vv_export_source *source,
                           const varve_export_options *options, varve_write_function write,
                           void *write_context, varve_error *error)
{
    varve_error local = {.status = VARVE_OK};
    struct vv_exporter exporter = {
        .options = options, .write = write, .write_context = write_context, .error = &local};
    varve_status status = run(&exporter, source);
    vv_free(exporter.buffer);
    vv_free(exporter.series);
    if (status != VARVE_OK && local.status == VARVE_OK) {
        (void)vv_fail(&local, status, "%s", varve_status_text(status));
    }
    if (status != VARVE_OK && error != NULL) {
        *error = local;
    }
    return status;
}
