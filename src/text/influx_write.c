/*
 * influx_write.c - Influx line protocol out: metric,label=value value=1.5 nanoseconds.
 *
 * The field is always called value, which an import turns back into the bare metric name. What it
 * cannot say: a series without a metric name or whose name begins with #; control characters and a
 * backslash at the end in names and label values; values that are not finite. Lossy leaves such
 * series and samples out.
 *
 * Thread: that of the export.
 */
#include <math.h>

#include "base/number_text.h"
#include "text/exporter.h"

static bool can_say(varve_string text)
{
    for (size_t index = 0; index < text.length; index++) {
        unsigned char byte = (unsigned char)text.bytes[index];
        if (byte < ' ' || byte == 0x7f) {
            return false;
        }
    }
    return text.length > 0 && text.bytes[text.length - 1] != '\\';
}

/* What the format cannot say about the series; NULL if it can. */
static const char *find_obstacle(const struct vv_exporter *exporter, varve_string metric)
{
    if (metric.length == 0) {
        return "the influx format has no series without a metric name";
    }
    if (metric.bytes[0] == '#') {
        return "the influx format takes a name that begins with # for a comment";
    }
    for (size_t index = 0; index < exporter->label_count; index++) {
        const varve_label *label = &exporter->labels[index];
        if (!can_say(label->name) || !can_say(label->value)) {
            return "the influx format has no control characters and no backslash at the end in "
                   "names and labels";
        }
    }
    return NULL;
}

static char *put_escaped(char *out, varve_string text, const char *escapes)
{
    for (size_t index = 0; index < text.length; index++) {
        if (strchr(escapes, text.bytes[index]) != NULL) {
            *out++ = '\\';
        }
        *out++ = text.bytes[index];
    }
    return out;
}

static varve_status influx_series(struct vv_exporter *exporter, void *state)
{
    (void)state;
    varve_string metric = vv_export_metric(exporter);
    const char *obstacle = find_obstacle(exporter, metric);
    if (obstacle != NULL) {
        exporter->left_out = exporter->options->lossy;
        return exporter->options->lossy ? VARVE_OK : vv_export_refuse(exporter, NULL, obstacle);
    }
    size_t bytes = sizeof " value=";
    for (size_t index = 0; index < exporter->label_count; index++) {
        bytes += 2 * (exporter->labels[index].name.length + exporter->labels[index].value.length);
        bytes += 2;
    }
    VV_TRY(vv_export_series_room(exporter, bytes));
    char *out = put_escaped(exporter->series, metric, " ,");
    for (size_t index = 0; index < exporter->label_count; index++) {
        const varve_label *label = &exporter->labels[index];
        if (!vv_is_metric_name(label->name)) {
            *out++ = ',';
            out = put_escaped(out, label->name, " ,=");
            *out++ = '=';
            out = put_escaped(out, label->value, " ,=");
        }
    }
    memcpy(out, " value=", 7);
    exporter->series_length = (size_t)(out - exporter->series) + 7;
    return VARVE_OK;
}

static varve_status influx_samples(struct vv_exporter *exporter, void *state,
                                   const varve_span *span)
{
    (void)state;
    for (size_t index = 0; index < span->count; index++) {
        int64_t time = span->timestamps[index];
        if (!isfinite(span->values[index])) {
            if (!exporter->options->lossy) {
                return vv_export_refuse(exporter, &time,
                                        "the influx format has finite values only");
            }
            continue;
        }
        VV_TRY(vv_export_room(exporter, exporter->series_length + 2 * VV_NUMBER_TEXT_MAX + 2));
        vv_export_add(exporter, exporter->series, exporter->series_length);
        char *out = exporter->buffer + exporter->used;
        size_t length = vv_double_format(span->values[index], out);
        out[length++] = ' ';
        length += vv_int64_format(time, out + length);
        out[length++] = '\n';
        exporter->used += length;
    }
    return VARVE_OK;
}

const struct vv_text_writer vv_influx_writer = {.series = influx_series, .samples = influx_samples};
