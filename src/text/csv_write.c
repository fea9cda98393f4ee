/*
 * csv_write.c - CSV out: series,time,value, one line per sample. Loses nothing.
 *
 * The series cell is canonical text, quoted as RFC 4180 has it where it holds a comma, a quote or a
 * line end. It is made once per series.
 *
 * Thread: that of the export.
 */
#include "base/number_text.h"
#include "text/exporter.h"

/* A time, a value, two commas and a line feed. */
#define REST_BYTES (2u * VARVE_TEXT_MAX + 3u)

static varve_status csv_header(struct vv_exporter *exporter, void *state)
{
    (void)state;
    return vv_export_put(exporter, "series,time,value\n", 18);
}

static bool needs_quotes(const char *text, size_t length)
{
    for (size_t index = 0; index < length; index++) {
        if (strchr(",\"\r\n", text[index]) != NULL) {
            return true;
        }
    }
    return false;
}

/* exporter->series becomes the series cell and the comma behind it. */
static varve_status csv_series(struct vv_exporter *exporter, void *state)
{
    (void)state;
    size_t length = varve_series_format(exporter->labels, exporter->label_count, NULL, 0);
    /* The text, and in front of it room for the text with every quote doubled. */
    size_t cell_max = 2 * length + 3;
    VV_TRY(vv_export_series_room(exporter, cell_max + length));
    char *text = exporter->series + cell_max;
    (void)varve_series_format(exporter->labels, exporter->label_count, text, length);
    char *out = exporter->series;
    if (needs_quotes(text, length)) {
        *out++ = '"';
        for (size_t index = 0; index < length; index++) {
            if (text[index] == '"') {
                *out++ = '"';
            }
            *out++ = text[index];
        }
        *out++ = '"';
    } else {
        memcpy(out, text, length);
        out += length;
    }
    *out++ = ',';
    exporter->series_length = (size_t)(out - exporter->series);
    return VARVE_OK;
}

static varve_status csv_samples(struct vv_exporter *exporter, void *state, const varve_span *span)
{
    (void)state;
    varve_precision precision = exporter->options->time_precision;
    for (size_t index = 0; index < span->count; index++) {
        VV_TRY(vv_export_room(exporter, exporter->series_length + REST_BYTES));
        vv_export_add(exporter, exporter->series, exporter->series_length);
        char *out = exporter->buffer + exporter->used;
        size_t length = varve_time_format(span->timestamps[index], precision, out);
        out[length++] = ',';
        length += vv_double_format(span->values[index], out + length);
        out[length++] = '\n';
        exporter->used += length;
    }
    return VARVE_OK;
}

const struct vv_text_writer vv_csv_writer = {
    .header = csv_header, .series = csv_series, .samples = csv_samples};
