/*
 * fake_import.h - an import into text instead of a database, for tests of the readers.
 *
 * vv_fake_import() imports a text and returns what became of it, one line each, in the order of the
 * log:
 *
 *   name{a="x"} 1700000000000000000 1.5     a sample: series, nanoseconds, value
 *   ! NAME:LINE:COLUMN: reason              a bad line
 *   = LINE                                  a batch was stored (only if show_batches)
 *   # INVALID message                       the import failed
 *
 * Label sets are judged as the database judges them (index/key.h).
 */
#ifndef VARVE_TEST_SUPPORT_FAKE_IMPORT_H
#define VARVE_TEST_SUPPORT_FAKE_IMPORT_H

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/number_text.h"
#include "index/key.h"
#include "text/importer.h"

struct vv_fake_import {
    varve_import_options options; /* name is "in"; change what the test is about */
    size_t read_bytes_max;        /* given per read at most; 0: as many as asked for */
    bool show_batches;
    varve_status append_status; /* what the sink answers to batches */
    varve_import_report report;
    varve_status status;
    struct vv_buffer out;
    char **series; /* canonical text of series n + 1 */
    size_t series_count;
    const char *text;
    size_t length;
    size_t at;
};

static inline void vv_fake_import_init(struct vv_fake_import *fake, varve_format format)
{
    *fake = (struct vv_fake_import){.options = VARVE_IMPORT_OPTIONS_INIT};
    fake->options.format = format;
    fake->options.name = "in";
    fake->options.now = INT64_C(1000000000);
}

static inline void vv_fake_import_fini(struct vv_fake_import *fake)
{
    for (size_t index = 0; index < fake->series_count; index++) {
        free(fake->series[index]);
    }
    free(fake->series);
    vv_buffer_fini(&fake->out);
}

static inline void vv_fake_put(struct vv_fake_import *fake, const char *text)
{
    VV_ASSERT(vv_buffer_append(&fake->out, text, strlen(text)) == VARVE_OK);
}

static inline varve_status vv_fake_resolve(void *context, const varve_label *labels,
                                           size_t label_count, varve_series *series,
                                           varve_error *error)
{
    struct vv_fake_import *fake = context;
    struct vv_buffer key = {0};
    varve_status status = vv_key_encode(labels, label_count, &key, error);
    if (status == VARVE_OK) {
        varve_label sorted[VARVE_LABELS_MAX];
        size_t count = vv_key_labels((struct vv_key){key.bytes, key.length}, sorted);
        size_t length = varve_series_format(sorted, count, NULL, 0);
        char *text = malloc(length + 1);
        VV_ASSERT(text != NULL);
        (void)varve_series_format(sorted, count, text, length);
        text[length] = '\0';
        size_t index = 0;
        while (index < fake->series_count && strcmp(fake->series[index], text) != 0) {
            index++;
        }
        if (index == fake->series_count) {
            fake->series = realloc(fake->series, (index + 1) * sizeof *fake->series);
            VV_ASSERT(fake->series != NULL);
            fake->series[fake->series_count++] = text;
        } else {
            free(text);
        }
        *series = index + 1;
    }
    vv_buffer_fini(&key);
    return status;
}

static inline varve_status vv_fake_append(void *context, const varve_batch *batch)
{
    struct vv_fake_import *fake = context;
    VV_ASSERT(batch->count >= 1 && batch->count <= VARVE_BATCH_MAX);
    for (size_t index = 0; index < batch->count && fake->append_status == VARVE_OK; index++) {
        char value[VV_NUMBER_TEXT_MAX];
        char time[32];
        VV_ASSERT(batch->series[index] >= 1 && batch->series[index] <= fake->series_count);
        VV_ASSERT(batch->timestamps[index] != INT64_MAX);
        (void)vv_double_format(batch->values[index], value);
        (void)snprintf(time, sizeof time, " %" PRId64 " ", batch->timestamps[index]);
        vv_fake_put(fake, fake->series[batch->series[index] - 1]);
        vv_fake_put(fake, time);
        vv_fake_put(fake, value);
        vv_fake_put(fake, "\n");
    }
    return fake->append_status;
}

static inline void vv_fake_bad_line(void *context, const char *message)
{
    vv_fake_put(context, "! ");
    vv_fake_put(context, message);
    vv_fake_put(context, "\n");
}

static inline void vv_fake_batch_done(void *context, uint64_t line,
                                      const varve_import_report *so_far)
{
    struct vv_fake_import *fake = context;
    char text[64];
    VV_ASSERT(so_far->lines == line);
    (void)snprintf(text, sizeof text, "= %" PRIu64 "\n", line);
    if (fake->show_batches) {
        vv_fake_put(fake, text);
    }
}

static inline int64_t vv_fake_read(void *context, char *bytes, size_t capacity)
{
    struct vv_fake_import *fake = context;
    size_t count = fake->length - fake->at;
    count = count < capacity ? count : capacity;
    if (fake->read_bytes_max > 0 && count > fake->read_bytes_max) {
        count = fake->read_bytes_max;
    }
    memcpy(bytes, fake->text + fake->at, count);
    fake->at += count;
    return (int64_t)count;
}

/* What became of the text, until the next call. */
static inline const char *vv_fake_import(struct vv_fake_import *fake, const char *text,
                                         size_t length)
{
    const struct vv_import_sink sink = {
        .context = fake, .resolve = vv_fake_resolve, .append = vv_fake_append};
    varve_error error = {.status = VARVE_OK};
    fake->text = text;
    fake->length = length;
    fake->at = 0;
    fake->options.context = fake;
    fake->options.bad_line = vv_fake_bad_line;
    fake->options.batch_done = vv_fake_batch_done;
    vv_buffer_clear(&fake->out);
    fake->status = vv_import_run(&sink, &fake->options, vv_fake_read, fake, &fake->report, &error);
    if (fake->status != VARVE_OK) {
        vv_fake_put(fake, "# ");
        vv_fake_put(fake, varve_status_name(fake->status));
        vv_fake_put(fake, " ");
        vv_fake_put(fake, error.message);
        vv_fake_put(fake, "\n");
    }
    VV_ASSERT(vv_buffer_append_u8(&fake->out, 0) == VARVE_OK);
    return (const char *)fake->out.bytes;
}

/* A text and what becomes of it. */
struct vv_fake_case {
    const char *text;
    const char *expected;
};

/* Imports each text of a table, read in pieces of 1 byte and at once; says which one differs. */
static inline size_t vv_fake_check(varve_format format, const struct vv_fake_case *cases,
                                   size_t count)
{
    size_t failures = 0;
    for (size_t index = 0; index < count; index++) {
        for (size_t read_bytes_max = 0; read_bytes_max < 2; read_bytes_max++) {
            struct vv_fake_import fake;
            vv_fake_import_init(&fake, format);
            fake.read_bytes_max = read_bytes_max;
            const char *result =
                vv_fake_import(&fake, cases[index].text, strlen(cases[index].text));
            if (strcmp(result, cases[index].expected) != 0) {
                printf("case %zu: %s\n  expected: %s\n  got:      %s\n", index, cases[index].text,
                       cases[index].expected, result);
                failures++;
            }
            vv_fake_import_fini(&fake);
        }
    }
    return failures;
}

#endif
