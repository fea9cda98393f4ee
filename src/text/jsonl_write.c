/*
 * jsonl_write.c - JSON lines out, in the form that VictoriaMetrics imports. Loses nothing.
 *
 *   {"metric":{"__name__":"up"},"values":[1,"NaN"],"timestamps":[1700000000000,1700000001000]}
 *
 * Samples are gathered until there are OBJECT_SAMPLES, so that an object stays far below the length
 * of a line that is read back. Times are milliseconds, or nanoseconds with "unit":"ns" in an object
 * that has a time between milliseconds.
 *
 * Thread: that of the export.
 */
#include <math.h>

#include "base/number_text.h"
#include "os/alloc.h"
#include "text/exporter.h"

#define OBJECT_SAMPLES 10000u
#define NANOSECONDS INT64_C(1000000)

struct state {
    int64_t timestamps[OBJECT_SAMPLES];
    double values[OBJECT_SAMPLES];
    size_t count;
    bool whole; /* all times are whole milliseconds */
};

static varve_status jsonl_create(struct vv_exporter *exporter, void **out)
{
    (void)exporter;
    struct state *state = vv_alloc(sizeof *state);
    if (state == NULL) {
        return VARVE_NO_MEMORY;
    }
    state->count = 0;
    state->whole = true;
    *out = state;
    return VARVE_OK;
}

static void jsonl_destroy(void *state)
{
    vv_free(state);
}

/* A JSON string: at most six characters for a byte. */
static char *put_string(char *out, varve_string text)
{
    static const char digits[] = "0123456789abcdef";
    *out++ = '"';
    for (size_t index = 0; index < text.length; index++) {
        unsigned char byte = (unsigned char)text.bytes[index];
        if (byte >= ' ' && byte != '"' && byte != '\\') {
            *out++ = (char)byte;
        } else if (byte == '\n') {
            *out++ = '\\';
            *out++ = 'n';
        } else if (byte >= ' ') {
            *out++ = '\\';
            *out++ = (char)byte;
        } else {
            memcpy(out, "\\u00", 4);
            out[4] = digits[byte >> 4];
            out[5] = digits[byte & 15];
            out += 6;
        }
    }
    *out++ = '"';
    return out;
}

/* exporter->series becomes {"metric":{...},"values":[ */
static varve_status jsonl_series(struct vv_exporter *exporter, void *memory)
{
    struct state *state = memory;
    static const char before[] = "{\"metric\":{";
    static const char behind[] = "},\"values\":[";
    size_t bytes = sizeof before + sizeof behind;
    for (size_t index = 0; index < exporter->label_count; index++) {
        bytes += 6 * (exporter->labels[index].name.length + exporter->labels[index].value.length);
        bytes += 6;
    }
    VV_TRY(vv_export_series_room(exporter, bytes));
    char *out = exporter->series;
    memcpy(out, before, sizeof before - 1);
    out += sizeof before - 1;
    for (size_t index = 0; index < exporter->label_count; index++) {
        if (index > 0) {
            *out++ = ',';
        }
        out = put_string(out, exporter->labels[index].name);
        *out++ = ':';
        out = put_string(out, exporter->labels[index].value);
    }
    memcpy(out, behind, sizeof behind - 1);
    exporter->series_length = (size_t)(out - exporter->series) + sizeof behind - 1;
    state->count = 0;
    state->whole = true;
    return VARVE_OK;
}

static varve_status put_values(struct vv_exporter *exporter, const struct state *state)
{
    for (size_t index = 0; index < state->count; index++) {
        VV_TRY(vv_export_room(exporter, VV_NUMBER_TEXT_MAX + 3));
        if (index > 0) {
            vv_export_add_char(exporter, ',');
        }
        bool finite = isfinite(state->values[index]);
        if (!finite) {
            vv_export_add_char(exporter, '"');
        }
        exporter->used += vv_double_format(state->values[index], exporter->buffer + exporter->used);
        if (!finite) {
            vv_export_add_char(exporter, '"');
        }
    }
    return VARVE_OK;
}

static varve_status put_timestamps(struct vv_exporter *exporter, const struct state *state)
{
    int64_t unit = state->whole ? NANOSECONDS : 1;
    for (size_t index = 0; index < state->count; index++) {
        VV_TRY(vv_export_room(exporter, VV_NUMBER_TEXT_MAX + 1));
        if (index > 0) {
            vv_export_add_char(exporter, ',');
        }
        exporter->used +=
            vv_int64_format(state->timestamps[index] / unit, exporter->buffer + exporter->used);
    }
    return VARVE_OK;
}

/* Writes what was gathered as one object. */
static varve_status put_object(struct vv_exporter *exporter, struct state *state)
{
    if (state->count == 0) {
        return VARVE_OK;
    }
    static const char between[] = "],\"timestamps\":[";
    const char *end = state->whole ? "]}\n" : "],\"unit\":\"ns\"}\n";
    VV_TRY(vv_export_put(exporter, exporter->series, exporter->series_length));
    VV_TRY(put_values(exporter, state));
    VV_TRY(vv_export_put(exporter, between, sizeof between - 1));
    VV_TRY(put_timestamps(exporter, state));
    VV_TRY(vv_export_put(exporter, end, strlen(end)));
    state->count = 0;
    state->whole = true;
    return VARVE_OK;
}

static varve_status jsonl_samples(struct vv_exporter *exporter, void *memory,
                                  const varve_span *span)
{
    struct state *state = memory;
    for (size_t index = 0; index < span->count; index++) {
        if (state->count == OBJECT_SAMPLES) {
            VV_TRY(put_object(exporter, state));
        }
        state->timestamps[state->count] = span->timestamps[index];
        state->values[state->count] = span->values[index];
        state->whole = state->whole && span->timestamps[index] % NANOSECONDS == 0;
        state->count++;
    }
    return VARVE_OK;
}

static varve_status jsonl_series_end(struct vv_exporter *exporter, void *memory)
{
    return put_object(exporter, memory);
}

const struct vv_text_writer vv_jsonl_writer = {.create = jsonl_create,
                                               .series = jsonl_series,
                                               .samples = jsonl_samples,
                                               .series_end = jsonl_series_end,
                                               .destroy = jsonl_destroy};
