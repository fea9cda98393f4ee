/*
 * fuzz_import.h - what the fuzz targets of the text formats share: an import that must obey,
 * whatever the input.
 *
 * The input is imported twice, read in large and in small pieces: both must give the same samples
 * and the same messages. Inputs without records over several lines are also imported twice in a row
 * within one import: what was recognised from the cache must equal what was parsed.
 */
#ifndef VARVE_TEST_SUPPORT_FUZZ_IMPORT_H
#define VARVE_TEST_SUPPORT_FUZZ_IMPORT_H

#include <stdlib.h>

#include "base/checksum.h"
#include "index/key.h"
#include "text/importer.h"

struct vv_fuzz_import {
    varve_import_options options;
    const uint8_t *bytes;
    size_t length;
    size_t repeats; /* of the bytes, one behind the other */
    size_t at;
    size_t read_bytes_max;
    uint64_t samples;
    uint64_t messages;
    uint64_t digest; /* of all samples and messages, in order */
    varve_status status;
    varve_import_report report;
};

static inline void vv_fuzz_add(struct vv_fuzz_import *fuzz, const void *bytes, size_t length)
{
    fuzz->digest = vv_checksum(bytes, length, fuzz->digest);
}

static inline varve_status vv_fuzz_resolve(void *context, const varve_label *labels,
                                           size_t label_count, varve_series *series,
                                           varve_error *error)
{
    (void)context;
    struct vv_buffer key = {0};
    varve_status status = vv_key_encode(labels, label_count, &key, error);
    if (status == VARVE_OK) {
        *series = vv_key_hash((struct vv_key){key.bytes, key.length});
    }
    vv_buffer_fini(&key);
    return status;
}

static inline varve_status vv_fuzz_append(void *context, const varve_batch *batch)
{
    struct vv_fuzz_import *fuzz = context;
    VV_ASSERT(batch->count > 0 && batch->count <= VARVE_BATCH_MAX);
    for (size_t index = 0; index < batch->count; index++) {
        VV_ASSERT(batch->timestamps[index] != INT64_MAX);
        vv_fuzz_add(fuzz, &batch->series[index], sizeof batch->series[index]);
        vv_fuzz_add(fuzz, &batch->timestamps[index], sizeof batch->timestamps[index]);
        vv_fuzz_add(fuzz, &batch->values[index], sizeof batch->values[index]);
    }
    fuzz->samples += batch->count;
    return VARVE_OK;
}

static inline void vv_fuzz_bad_line(void *context, const char *message)
{
    struct vv_fuzz_import *fuzz = context;
    fuzz->messages++;
    vv_fuzz_add(fuzz, message, strlen(message));
}

static inline int64_t vv_fuzz_read(void *context, char *bytes, size_t capacity)
{
    struct vv_fuzz_import *fuzz = context;
    size_t place = fuzz->length > 0 ? fuzz->at % fuzz->length : 0;
    size_t count = fuzz->at < fuzz->length * fuzz->repeats ? fuzz->length - place : 0;
    count = count < capacity ? count : capacity;
    count = count < fuzz->read_bytes_max ? count : fuzz->read_bytes_max;
    if (count > 0) {
        memcpy(bytes, fuzz->bytes + place, count);
    }
    fuzz->at += count;
    return (int64_t)count;
}

/* Imports the bytes so often, read in such pieces, and checks that the report tells the truth. */
static inline void vv_fuzz_run(struct vv_fuzz_import *fuzz, size_t repeats, size_t read_bytes_max)
{
    const struct vv_import_sink sink = {
        .context = fuzz, .resolve = vv_fuzz_resolve, .append = vv_fuzz_append};
    varve_error error = {.status = VARVE_OK};
    fuzz->repeats = repeats;
    fuzz->read_bytes_max = read_bytes_max;
    fuzz->at = 0;
    fuzz->samples = 0;
    fuzz->messages = 0;
    fuzz->digest = 0;
    fuzz->options.context = fuzz;
    fuzz->options.bad_line = vv_fuzz_bad_line;
    fuzz->status = vv_import_run(&sink, &fuzz->options, vv_fuzz_read, fuzz, &fuzz->report, &error);
    VV_ASSERT(fuzz->status == VARVE_OK || fuzz->status == VARVE_INVALID);
    VV_ASSERT((fuzz->status == VARVE_OK) == (error.status == VARVE_OK));
    VV_ASSERT(fuzz->report.samples == fuzz->samples);
    VV_ASSERT(fuzz->report.skipped == fuzz->messages);
    VV_ASSERT(fuzz->report.series <= fuzz->samples);
    if (fuzz->status == VARVE_OK) {
        VV_ASSERT(fuzz->report.bytes == fuzz->length * repeats);
    }
}

/* The checks of all targets; options.format and what else the target wants are set. */
static inline void vv_fuzz_check(struct vv_fuzz_import *fuzz, const uint8_t *bytes, size_t length)
{
    fuzz->options.options_size = sizeof fuzz->options;
    fuzz->options.now = 1;
    fuzz->bytes = bytes;
    fuzz->length = length;
    vv_fuzz_run(fuzz, 1, SIZE_MAX);
    struct vv_fuzz_import whole = *fuzz;
    vv_fuzz_run(fuzz, 1, 1 + length / 7);
    VV_ASSERT(fuzz->status == whole.status && fuzz->digest == whole.digest);
    VV_ASSERT(fuzz->report.lines == whole.report.lines);

    bool lines_only = fuzz->options.format == VARVE_FORMAT_PROM ||
                      fuzz->options.format == VARVE_FORMAT_JSONL ||
                      (fuzz->options.format == VARVE_FORMAT_INFLUX && length > 0 &&
                       memchr(bytes, '"', length) == NULL);
    bool has_mark = length >= 2 && (bytes[0] == 0xef || bytes[0] == 0x1f);
    if (lines_only && !has_mark && length > 0 && bytes[length - 1] == '\n') {
        vv_fuzz_run(fuzz, 2, SIZE_MAX);
        VV_ASSERT(fuzz->status == whole.status);
        VV_ASSERT(fuzz->samples == 2 * whole.samples && fuzz->messages == 2 * whole.messages);
        VV_ASSERT(fuzz->report.series == whole.report.series);
    }
}

#endif
