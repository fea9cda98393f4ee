/*
 * prom_write.c - Prometheus text out: name{label="value"} value milliseconds.
 *
 * What it cannot say: a series without a metric name, a time that is no whole millisecond, a NaN
 * with other bits than the usual one. Lossy leaves such a series out, takes the millisecond before,
 * and writes NaN. Names that are no identifiers are written in the quoted form of Prometheus 3.
 *
 * Thread: that of the export.
 */
#include <math.h>

#include "base/number_text.h"
#include "text/exporter.h"

#define NANOSECONDS INT64_C(1000000)

static bool is_identifier(varve_string text, bool colons)
{
    for (size_t index = 0; index < text.length; index++) {
        char character = text.bytes[index];
        bool letter = (character >= 'a' && character <= 'z') ||
                      (character >= 'A' && character <= 'Z') || character == '_' ||
                      (colons && character == ':');
        bool digit = character >= '0' && character <= '9';
        if (!letter && !(digit && index > 0)) {
            return false;
        }
    }
    return text.length > 0;
}

static char *put_quoted(char *out, varve_string text)
{
    *out++ = '"';
    for (size_t index = 0; index < text.length; index++) {
        char character = text.bytes[index];
        if (character == '\\' || character == '"' || character == '\n') {
            *out++ = '\\';
        }
        *out++ = character == '\n' ? 'n' : character;
    }
    *out++ = '"';
    return out;
}

static char *put_text(char *out, varve_string text)
{
    memcpy(out, text.bytes, text.length);
    return out + text.length;
}

/* name{labels} or {"name",labels}, and a space. */
static char *put_series(char *out, const struct vv_exporter *exporter, varve_string metric)
{
    bool bare = is_identifier(metric, true);
    char *brace = out;
    if (bare) {
        out = put_text(out, metric);
        brace = out;
        *out++ = '{';
    } else {
        *out++ = '{';
        out = put_quoted(out, metric);
        *out++ = ',';
    }
    for (size_t index = 0; index < exporter->label_count; index++) {
        const varve_label *label = &exporter->labels[index];
        if (vv_is_metric_name(label->name)) {
            continue;
        }
        out = is_identifier(label->name, false) ? put_text(out, label->name)
                                                : put_quoted(out, label->name);
        *out++ = '=';
        out = put_quoted(out, label->value);
        *out++ = ',';
    }
    if (out[-1] == ',') {
        out[-1] = '}';
    } else {
        out = brace;
    }
    *out++ = ' ';
    return out;
}

static varve_status prom_series(struct vv_exporter *exporter, void *state)
{
    (void)state;
    varve_string metric = vv_export_metric(exporter);
    if (metric.length == 0) {
        exporter->left_out = exporter->options->lossy;
        return exporter->options->lossy
                   ? VARVE_OK
                   : vv_export_refuse(exporter, NULL,
                                      "the prom format has no series without a metric name");
    }
    size_t bytes = 8;
    for (size_t index = 0; index < exporter->label_count; index++) {
        bytes += 2 * (exporter->labels[index].name.length + exporter->labels[index].value.length);
        bytes += 6;
    }
    VV_TRY(vv_export_series_room(exporter, bytes));
    char *end = put_series(exporter->series, exporter, metric);
    exporter->series_length = (size_t)(end - exporter->series);
    return VARVE_OK;
}

/* Milliseconds, rounded down; whether that loses something. */
static bool has_rest(int64_t time, int64_t *milliseconds)
{
    int64_t rest = time % NANOSECONDS;
    *milliseconds = time / NANOSECONDS - (rest < 0 ? 1 : 0);
    return rest != 0;
}

static varve_status prom_samples(struct vv_exporter *exporter, void *state, const varve_span *span)
{
    (void)state;
    bool lossy = exporter->options->lossy;
    for (size_t index = 0; index < span->count; index++) {
        int64_t time = span->timestamps[index];
        double value = span->values[index];
        int64_t milliseconds;
        if (has_rest(time, &milliseconds) && !lossy) {
            return vv_export_refuse(exporter, &time, "the prom format has whole milliseconds only");
        }
        if (isnan(value) && vv_bits_of(value) != VV_NAN_BITS) {
            if (!lossy) {
                return vv_export_refuse(exporter, &time,
                                        "the prom format has one NaN only, this is another");
            }
            value = (double)NAN;
        }
        VV_TRY(vv_export_room(exporter, exporter->series_length + 2 * VV_NUMBER_TEXT_MAX + 2));
        vv_export_add(exporter, exporter->series, exporter->series_length);
        char *out = exporter->buffer + exporter->used;
        size_t length = vv_double_format(value, out);
        out[length++] = ' ';
        length += vv_int64_format(milliseconds, out + length);
        out[length++] = '\n';
        exporter->used += length;
    }
    return VARVE_OK;
}

const struct vv_text_writer vv_prom_writer = {.series = prom_series, .samples = prom_samples};
