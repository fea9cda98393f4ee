/*
 * exporter.h - what every text format shares on its way out: a buffer, and the walk over the
 * samples.
 *
 *   cursor --labels, spans--> writer of the format --text--> buffer --256 KiB at a time-->
 *   varve_write_function
 *
 * A writer is told of a series, then of its samples in spans, then of its end. What it cannot say
 * without losing something it refuses with vv_export_refuse(), unless options->lossy.
 *
 * Threads: one at a time.
 */
#ifndef VARVE_TEXT_EXPORTER_H
#define VARVE_TEXT_EXPORTER_H

#include <string.h>

#include "base/status.h"

#define VV_EXPORT_BUFFER_BYTES (256u << 10)

struct vv_exporter {
    const varve_export_options *options;
    varve_write_function write;
    void *write_context;
    varve_error *error; /* never NULL */
    char *buffer;
    size_t used;

    const varve_label *labels; /* of the current series */
    size_t label_count;
    char *series; /* text of the current series, as the format begins a sample with it */
    size_t series_length;
    size_t series_capacity;
    bool left_out; /* lossy: the format cannot say the current series at all */
};

/* One format out. Every function is nullable but samples. */
struct vv_text_writer {
    varve_status (*create)(struct vv_exporter *exporter, void **state);
    varve_status (*header)(struct vv_exporter *exporter, void *state);
    varve_status (*series)(struct vv_exporter *exporter, void *state);
    varve_status (*samples)(struct vv_exporter *exporter, void *state, const varve_span *span);
    varve_status (*series_end)(struct vv_exporter *exporter, void *state);
    void (*destroy)(void *state); /* accepts NULL */
};

extern const struct vv_text_writer vv_csv_writer;
extern const struct vv_text_writer vv_prom_writer;
extern const struct vv_text_writer vv_jsonl_writer;
extern const struct vv_text_writer vv_influx_writer;

/* Where the text of an export comes from: the database, or something else in tests. */
struct vv_export_source {
    void *context;
    /* The next series; false at the end and on error. */
    bool (*next)(void *context);
    void (*labels)(void *context, const varve_label **labels, size_t *label_count);
    bool (*span)(void *context, varve_span *span);
    varve_status (*status)(void *context, varve_error *error);
};

/* As varve_export(), from any source. */
varve_status vv_export_run(const struct vv_export_source *source,
                           const varve_export_options *options, varve_write_function write,
                           void *write_context, varve_error *error) VARVE_MUST_CHECK;

/* Hands the buffer to the write function. */
varve_status vv_export_flush(struct vv_exporter *exporter) VARVE_MUST_CHECK;

/* Room for `bytes` (at most VV_EXPORT_BUFFER_BYTES) more at exporter->buffer + exporter->used. */
static inline VARVE_MUST_CHECK varve_status vv_export_room(struct vv_exporter *exporter,
                                                           size_t bytes)
{
    return VV_EXPORT_BUFFER_BYTES - exporter->used >= bytes ? VARVE_OK : vv_export_flush(exporter);
}

/* Adds bytes for which there is room. */
static inline void vv_export_add(struct vv_exporter *exporter, const char *bytes, size_t length)
{
    memcpy(exporter->buffer + exporter->used, bytes, length);
    exporter->used += length;
}

static inline void vv_export_add_char(struct vv_exporter *exporter, char character)
{
    exporter->buffer[exporter->used++] = character;
}

/* Adds bytes of any number. */
varve_status vv_export_put(struct vv_exporter *exporter, const char *bytes,
                           size_t length) VARVE_MUST_CHECK;

/* Room for `length` bytes in exporter->series, whose content may be lost. */
varve_status vv_export_series_room(struct vv_exporter *exporter, size_t length) VARVE_MUST_CHECK;

/**
 * vv_export_refuse() - what the format cannot say about the current series.
 *
 * INVALID, with the series, the reason and the hint that csv and jsonl lose nothing.
 * @time  of the sample, or NULL if it is the series.
 */
varve_status vv_export_refuse(struct vv_exporter *exporter, const int64_t *time,
                              const char *reason);

/* The label __name__, empty if the series has none. */
varve_string vv_export_metric(const struct vv_exporter *exporter);

/* Whether a label is the metric name. */
bool vv_is_metric_name(varve_string name);

/* The bits of a value; equal bits are the same value. */
static inline uint64_t vv_bits_of(double value)
{
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

/* The NaN that text calls NaN. */
#define VV_NAN_BITS UINT64_C(0x7ff8000000000000)

#endif
