/*
 * fake_export.h - an export of series that a test made up, into memory.
 */
#ifndef VARVE_TEST_SUPPORT_FAKE_EXPORT_H
#define VARVE_TEST_SUPPORT_FAKE_EXPORT_H

#include "index/key.h"
#include "text/exporter.h"

struct vv_fake_series {
    const varve_label *labels;
    size_t label_count;
    const int64_t *timestamps;
    const double *values;
    size_t count;
};

struct vv_fake_export {
    varve_export_options options;
    const struct vv_fake_series *series;
    size_t series_count;
    size_t span_samples_max; /* samples per span at most */
    size_t next;             /* series after the current one */
    size_t at;               /* samples of the current one handed out */
    int write_result;        /* what the write function returns */
    struct vv_buffer out;
    varve_error error;
};

static inline void vv_fake_export_init(struct vv_fake_export *fake, varve_format format,
                                       const struct vv_fake_series *series, size_t series_count)
{
    *fake = (struct vv_fake_export){.options = VARVE_EXPORT_OPTIONS_INIT,
                                    .series = series,
                                    .series_count = series_count,
                                    .span_samples_max = 1024};
    fake->options.format = format;
}

static inline bool vv_fake_next(void *context)
{
    struct vv_fake_export *fake = context;
    fake->at = 0;
    fake->next++;
    return fake->next <= fake->series_count;
}

static inline void vv_fake_labels(void *context, const varve_label **labels, size_t *label_count)
{
    struct vv_fake_export *fake = context;
    *labels = fake->series[fake->next - 1].labels;
    *label_count = fake->series[fake->next - 1].label_count;
}

static inline bool vv_fake_span(void *context, varve_span *span)
{
    struct vv_fake_export *fake = context;
    const struct vv_fake_series *series = &fake->series[fake->next - 1];
    size_t left = series->count - fake->at;
    size_t count = left < fake->span_samples_max ? left : fake->span_samples_max;
    *span = (varve_span){series->timestamps + fake->at, series->values + fake->at, count};
    fake->at += count;
    return count > 0;
}

static inline varve_status vv_fake_status(void *context, varve_error *error)
{
    (void)context;
    (void)error;
    return VARVE_OK;
}

static inline int vv_fake_write(void *context, const char *bytes, size_t length)
{
    struct vv_fake_export *fake = context;
    VV_ASSERT(vv_buffer_append(&fake->out, bytes, length) == VARVE_OK);
    return fake->write_result;
}

/* Exports; the text, ended by a NUL, is in fake->out. */
static inline varve_status vv_fake_export(struct vv_fake_export *fake)
{
    const struct vv_export_source source = {.context = fake,
                                            .next = vv_fake_next,
                                            .labels = vv_fake_labels,
                                            .span = vv_fake_span,
                                            .status = vv_fake_status};
    fake->next = 0;
    fake->error = (varve_error){.status = VARVE_OK};
    vv_buffer_clear(&fake->out);
    varve_status status = vv_export_run(&source, &fake->options, vv_fake_write, fake, &fake->error);
    VV_ASSERT(vv_buffer_append_u8(&fake->out, 0) == VARVE_OK);
    return status;
}

static inline const char *vv_fake_export_text(const struct vv_fake_export *fake)
{
    return (const char *)fake->out.bytes;
}

static inline void vv_fake_export_fini(struct vv_fake_export *fake)
{
    vv_buffer_fini(&fake->out);
}

#endif
