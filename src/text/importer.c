/*
 * importer.c - the loop of an import: lines to a reader, whole lines to batches.
 *
 *   series | timestamps | values     |== whole lines ==|-- line being read --|   room   |
 *                                    0               count                  used   VARVE_BATCH_MAX
 *
 * I1  Samples in [count, used) belong to the line being read: a fault drops them, the end of the
 *     line makes them count. So a bad line leaves nothing behind, and a batch never ends inside a
 *     line.
 * I2  A batch is given to be appended when it has VV_IMPORT_BATCH_LINES lines, or when the line
 *     being read needs the room of the whole lines before it: import_batch.c.
 * I3  Cache entries are only forgotten between lines, so their numbers hold within one.
 *
 * Thread: that of the import.
 */
#include "text/importer.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#include "os/alloc.h"
#include "text/detect.h"

/* An import of a few lines should cost no more memory than they need. */
#define BATCH_CAPACITY_FIRST 1024u
#define SCRATCH_BYTES_FIRST 4096u

/* ------------------------------------------------------------------------------- Faults */

const char *vv_excerpt(char *excerpt, const char *text, size_t length)
{
    const size_t shown_max = 24;
    size_t used = 0;
    excerpt[used++] = '"';
    for (size_t index = 0; index < length && index < shown_max; index++) {
        unsigned char byte = (unsigned char)text[index];
        bool plain = byte >= ' ' && byte < 0x7f && byte != '"';
        if (plain) {
            excerpt[used++] = (char)byte;
        } else {
            used += (size_t)snprintf(excerpt + used, 5, byte == '"' ? "\\\"" : "\\x%02x", byte);
        }
    }
    (void)snprintf(excerpt + used, 5, length > shown_max ? "...\"" : "\"");
    return excerpt;
}

varve_status vv_import_fault(struct vv_importer *importer, const char *at, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(importer->fault_reason, sizeof importer->fault_reason, format, arguments);
    va_end(arguments);
    importer->fault_at = at;
    return VARVE_INVALID;
}

varve_status vv_import_expected(struct vv_importer *importer, const struct vv_line *line,
                                const char *at, const char *what, const char *stops)
{
    const char *end = line->text + line->length;
    if (at >= end) {
        return vv_import_fault(importer, at, "expected %s, got the end of the line", what);
    }
    const char *stop = at + 1;
    while (stop < end && (*stop == '\0' || strchr(stops, *stop) == NULL)) {
        stop++;
    }
    char excerpt[VV_EXCERPT_BYTES];
    return vv_import_fault(importer, at, "expected %s, got %s", what,
                           vv_excerpt(excerpt, at, (size_t)(stop - at)));
}

/* Tells the caller of a bad line, after what became of the batches before it; INVALID if that ends
 * the import. */
static varve_status report_fault(struct vv_importer *importer, const struct vv_line *line)
{
    VV_TRY(vv_import_settle(importer));
    uint64_t number = line->number;
    const char *line_start = line->text;
    const char *fault_at = importer->fault_at;
    if (fault_at < line->text || fault_at > line->text + line->length) {
        fault_at = line->text;
    }
    for (const char *at = line->text; at < fault_at; at++) {
        if (*at == '\n') {
            number++;
            line_start = at + 1;
        }
    }
    char message[1024];
    (void)snprintf(message, sizeof message, "%.600s:%" PRIu64 ":%zu: %s", importer->name, number,
                   (size_t)(fault_at - line_start) + 1, importer->fault_reason);
    importer->report->skipped++;
    if (importer->options->bad_line != NULL) {
        importer->options->bad_line(importer->options->context, message);
    }
    if (importer->options->strict) {
        return vv_fail(importer->error, VARVE_INVALID, "%s", message);
    }
    return VARVE_OK;
}

/* ------------------------------------------------------------------------------- Series */

varve_status vv_import_label(struct vv_importer *importer, const char *at, varve_string name,
                             varve_string value)
{
    if (value.length == 0) {
        return VARVE_OK;
    }
    if (importer->label_count == VARVE_LABELS_MAX) {
        return vv_import_fault(importer, at, "more than %u labels", VARVE_LABELS_MAX);
    }
    importer->labels[importer->label_count++] = (varve_label){.name = name, .value = value};
    return VARVE_OK;
}

varve_status vv_import_resolve(struct vv_importer *importer, const char *at, uint32_t parent,
                               const char *text, size_t length, uint32_t *entry)
{
    const varve_import_options *options = importer->options;
    size_t count = importer->label_count;
    for (size_t index = 0; index < options->label_count; index++) {
        importer->labels[count++] = options->labels[index];
    }
    varve_error error = {.status = VARVE_OK};
    varve_series series = 0;
    varve_status status =
        importer->sink->resolve(importer->sink->context, importer->labels, count, &series, &error);
    if (status == VARVE_INVALID || status == VARVE_LIMIT) {
        const char *reason = error.status != VARVE_OK ? error.message : varve_status_text(status);
        return vv_import_fault(importer, at, "%s", reason);
    }
    if (status != VARVE_OK) {
        if (importer->error != NULL) {
            *importer->error = error;
        }
        return vv_fail(importer->error, status, "%s", varve_status_text(status));
    }
    return vv_series_cache_add(&importer->cache, parent, text, length, series, entry);
}

varve_status vv_import_note_fresh(struct vv_importer *importer, uint32_t entry)
{
    if (importer->fresh_count == importer->fresh_capacity) {
        size_t capacity = importer->fresh_capacity == 0 ? 256 : importer->fresh_capacity * 2;
        uint32_t *fresh = vv_realloc(importer->fresh, capacity * sizeof *fresh);
        if (fresh == NULL) {
            return VARVE_NO_MEMORY;
        }
        importer->fresh = fresh;
        importer->fresh_capacity = capacity;
    }
    importer->fresh[importer->fresh_count++] = entry;
    return VARVE_OK;
}

/* -------------------------------------------------------------------------------- Loop */

/* The line was good: its samples, series and counts are now part of the batch. */
static varve_status commit_line(struct vv_importer *importer)
{
    for (size_t index = 0; index < importer->fresh_count; index++) {
        struct vv_series_entry *entry =
            vv_series_cache_entry(&importer->cache, importer->fresh[index]);
        VV_TRY(vv_handle_set_add(&importer->seen, entry->series));
        entry->counted = true;
    }
    importer->fresh_count = 0;
    importer->count = importer->used;
    importer->report->strings += importer->line_strings;
    importer->report->rounded += importer->line_rounded;
    return VARVE_OK;
}

/* A scratch that holds whatever can be unescaped out of the line. What it held is lost. */
static varve_status fit_scratch(struct vv_importer *importer, size_t bytes)
{
    if (bytes <= importer->scratch_capacity) {
        return VARVE_OK;
    }
    char *scratch = vv_alloc(bytes * 2);
    if (scratch == NULL) {
        return VARVE_NO_MEMORY;
    }
    vv_free(importer->scratch);
    importer->scratch = scratch;
    importer->scratch_capacity = bytes * 2;
    return VARVE_OK;
}

varve_status vv_import_extend(struct vv_importer *importer, struct vv_line *line)
{
    VV_TRY(vv_line_reader_extend(&importer->lines, line, importer->error));
    return fit_scratch(importer, line->length);
}

typedef varve_status (*line_function)(struct vv_importer *importer, void *state,
                                      struct vv_line *line);

static varve_status take_line(struct vv_importer *importer, line_function read, void *state,
                              struct vv_line *line)
{
    importer->line_strings = 0;
    importer->line_rounded = 0;
    importer->fault_at = line->text;
    if (line->length > importer->scratch_capacity) {
        VV_TRY(fit_scratch(importer, line->length));
    }
    varve_status status = line->too_long
                              ? vv_import_fault(importer, line->text,
                                                "line is longer than %u bytes", VV_LINE_BYTES_MAX)
                              : read(importer, state, line);
    if (status == VARVE_OK && importer->used > importer->count) {
        status = commit_line(importer);
    } else if (status == VARVE_OK) {
        importer->report->strings += importer->line_strings;
    } else if (status == VARVE_INVALID && importer->error->status == VARVE_OK) {
        importer->used = importer->count;
        importer->fresh_count = 0;
        status = report_fault(importer, line);
    }
    importer->done_line = importer->lines.number;
    return status;
}

static varve_status read_all_lines(struct vv_importer *importer,
                                   const struct vv_text_reader *reader, void *state)
{
    struct vv_line line = {0};
    varve_status status;
    while ((status = vv_line_reader_next(&importer->lines, &line, importer->error)) == VARVE_OK) {
        VV_TRY(take_line(importer, reader->line, state, &line));
        (void)vv_series_cache_trim(&importer->cache);
        if (importer->done_line - importer->batch_line >= VV_IMPORT_BATCH_LINES) {
            VV_TRY(vv_import_flush(importer, false));
        }
    }
    if (status != VARVE_NOT_FOUND) {
        return status;
    }
    if (reader->end != NULL) {
        line = (struct vv_line){.text = "\n", .number = importer->lines.number + 1};
        VV_TRY(take_line(importer, reader->end, state, &line));
    }
    return vv_import_flush(importer, true);
}

static varve_status read_lines(struct vv_importer *importer, const struct vv_text_reader *reader,
                               void *state)
{
    varve_status status = read_all_lines(importer, reader, state);
    /* A batch that was not stored comes before whatever happened since it was given. */
    return vv_first(vv_import_settle(importer), status);
}

/* Before a read that may take long, what has been read is stored and acknowledged. */
static int64_t read_input(void *context, char *bytes, size_t capacity)
{
    struct vv_importer *importer = context;
    if (importer->input_is_slow && vv_import_settle(importer) != VARVE_OK) {
        return -ECANCELED; /* the error says already what failed */
    }
    int64_t count = importer->read(importer->read_context, bytes, capacity);
    importer->input_is_slow = count < (int64_t)capacity;
    return count;
}

static varve_status init(struct vv_importer *importer)
{
    size_t label_capacity = VARVE_LABELS_MAX + importer->options->label_count;
    VV_TRY(vv_line_reader_init(&importer->lines, read_input, importer, importer->name));
    VV_TRY(vv_series_cache_init(&importer->cache));
    importer->labels = vv_alloc(label_capacity * sizeof *importer->labels);
    if (importer->labels == NULL) {
        return VARVE_NO_MEMORY;
    }
    VV_TRY(vv_sample_columns_reserve(&importer->batch, BATCH_CAPACITY_FIRST));
    return fit_scratch(importer, SCRATCH_BYTES_FIRST);
}

static void fini(struct vv_importer *importer)
{
    vv_appender_fini(&importer->appender);
    vv_line_reader_fini(&importer->lines);
    vv_series_cache_fini(&importer->cache);
    vv_handle_set_fini(&importer->seen);
    vv_sample_columns_fini(&importer->batch);
    vv_sample_sorter_fini(&importer->sorter);
    vv_free(importer->fresh);
    vv_free(importer->labels);
    vv_free(importer->scratch);
}

/* Nanoseconds in a bare integer time: what the options say, else what the format has. */
static int64_t unit_of(varve_format format, varve_precision precision)
{
    switch (precision) {
    case VARVE_PRECISION_S:
        return INT64_C(1000000000);
    case VARVE_PRECISION_MS:
        return INT64_C(1000000);
    case VARVE_PRECISION_US:
        return INT64_C(1000);
    case VARVE_PRECISION_NS:
        return 1;
    case VARVE_PRECISION_DEFAULT:
        break;
    }
    if (format == VARVE_FORMAT_INFLUX) {
        return 1;
    }
    return format == VARVE_FORMAT_OPENMETRICS ? INT64_C(1000000000) : INT64_C(1000000);
}

static const struct vv_text_reader *reader_of(varve_format format)
{
    switch (format) {
    case VARVE_FORMAT_CSV:
        return &vv_csv_reader;
    case VARVE_FORMAT_PROM:
        return &vv_prom_reader;
    case VARVE_FORMAT_JSONL:
        return &vv_jsonl_reader;
    case VARVE_FORMAT_INFLUX:
        return &vv_influx_reader;
    case VARVE_FORMAT_OPENMETRICS:
        return &vv_openmetrics_reader;
    case VARVE_FORMAT_AUTO:
        break;
    }
    return NULL;
}

static varve_status run(struct vv_importer *importer)
{
    VV_TRY(init(importer));
    varve_format format = importer->options->format;
    VV_TRY(vv_detect_format(&importer->lines, &format, importer->error));
    const struct vv_text_reader *reader = reader_of(format);
    if (reader == NULL) {
        return vv_fail(importer->error, VARVE_INVALID, "no such format: %d", (int)format);
    }
    importer->unit = unit_of(format, importer->options->precision);
    void *state = NULL;
    varve_status status = VARVE_OK;
    if (reader->create != NULL) {
        status = reader->create(importer, &state);
    }
    if (status == VARVE_OK) {
        status = read_lines(importer, reader, state);
    }
    if (reader->destroy != NULL) {
        reader->destroy(state);
    }
    return status;
}

varve_status vv_import_run(const struct vv_import_sink *sink, const varve_import_options *options,
                           varve_read_function read, void *read_context,
                           varve_import_report *report, varve_error *error)
{
    varve_error local = {.status = VARVE_OK};
    *report = (varve_import_report){0};
    struct vv_importer importer = {
        .options = options,
        .sink = sink,
        .name = options->name != NULL ? options->name : "input",
        .read = read,
        .read_context = read_context,
        .report = report,
        .error = &local,
    };
    vv_appender_init(&importer.appender, sink->append, sink->context, options->sync,
                     sink->appends_beside);
    varve_status status = run(&importer);
    if (importer.append_status == VARVE_OK) {
        report->lines = importer.lines.number;
        report->bytes = importer.lines.bytes;
    }
    fini(&importer);
    if (status != VARVE_OK && local.status == VARVE_OK) {
        (void)vv_fail(&local, status, "%s: %s", importer.name, varve_status_text(status));
    }
    if (status != VARVE_OK && error != NULL) {
        *error = local;
    }
    return status;
}
