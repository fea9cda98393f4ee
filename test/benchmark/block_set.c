/*
 * block_set.c - sets of series and their blocks.
 */
#include "block_set.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness.h"
#include "tsbs.h"

static struct bench_block_set make_set(size_t series_count, size_t points)
{
    struct bench_block_set set = {.series_count = series_count, .points = points};
    set.timestamps = bench_allocate_zeroed(points * sizeof(*set.timestamps));
    set.values = bench_allocate_zeroed(series_count * points * sizeof(*set.values));
    for (size_t at = 0; at < points; at++) {
        set.timestamps[at] =
            (TSBS_START_SECONDS + (int64_t)at * TSBS_STEP_SECONDS) * INT64_C(1000000000);
    }
    return set;
}

struct bench_block_set bench_block_set_walks(size_t series_count, size_t points, uint64_t seed)
{
    struct bench_block_set set = make_set(series_count, points);
    struct vv_test_random random = vv_test_random_seeded(seed);
    for (size_t series = 0; series < series_count; series++) {
        double walk = vv_test_random_uniform(&random) * 100;
        for (size_t at = 0; at < points; at++) {
            set.values[series * points + at] = floor(walk);
            walk = fmin(100, fmax(0, walk + tsbs_next_normal(&random)));
        }
    }
    return set;
}

struct bench_block_set bench_block_set_precise(size_t series_count, size_t points, uint64_t seed)
{
    struct bench_block_set set = make_set(series_count, points);
    struct vv_test_random random = vv_test_random_seeded(seed);
    for (size_t at = 0; at < series_count * points; at++) {
        set.values[at] = vv_test_random_uniform(&random);
    }
    return set;
}

void bench_block_set_free(struct bench_block_set *set)
{
    free(set->timestamps);
    free(set->values);
}

static varve_status begin_series(struct vv_block_writer *writer, size_t number)
{
    char text[48];
    struct vv_buffer key = {0};
    int length = snprintf(text, sizeof(text), "cpu{host=\"host_%08zu\"}", number);
    varve_status status = vv_key_parse((varve_string){text, (size_t)length}, &key, NULL);
    if (status == VARVE_OK) {
        status = vv_block_writer_begin_series(writer, (struct vv_key){key.bytes, key.length}, NULL);
    }
    vv_buffer_fini(&key);
    return status;
}

static varve_status add_series(const struct bench_block_set *set, struct vv_block_writer *writer,
                               size_t number)
{
    VV_TRY(begin_series(writer, number));
    for (size_t done = 0; done < set->points; done += VV_COLUMN_MAX) {
        size_t left = set->points - done;
        VV_TRY(vv_block_writer_add_chunk(writer, 0, VARVE_DUPLICATES_LAST, set->timestamps + done,
                                         set->values + number * set->points + done,
                                         left < VV_COLUMN_MAX ? left : VV_COLUMN_MAX, NULL));
    }
    return VARVE_OK;
}

struct vv_block_info bench_block_write(const struct bench_block_set *set, const struct vv_env *env,
                                       int directory, const char *name)
{
    const struct vv_block_identity identity = {.id = 1};
    struct vv_block_writer *writer = NULL;
    struct vv_block_info info = {0};
    varve_error error = {.status = VARVE_OK};
    varve_status status = vv_block_writer_create(env, directory, name, &identity, &writer, &error);
    for (size_t number = 0; status == VARVE_OK && number < set->series_count; number++) {
        status = add_series(set, writer, number);
    }
    if (status == VARVE_OK) {
        status = vv_block_writer_finish(writer, &info, &error);
    }
    if (status != VARVE_OK) {
        bench_stop("cannot write a block: %s %s", varve_status_text(status), error.message);
    }
    vv_block_writer_destroy(writer);
    return info;
}

struct vv_block *bench_block_open(const struct vv_env *env, int directory, const char *name,
                                  const struct vv_block_info *info)
{
    struct vv_block *block = NULL;
    varve_error error = {.status = VARVE_OK};
    if (vv_block_open(env, directory, name, info, &block, &error) != VARVE_OK) {
        bench_stop("cannot open a block: %s", error.message);
    }
    return block;
}

double bench_block_add(const double *values, size_t count)
{
    double lanes[4] = {0};
    size_t at = 0;
    for (; at + 4 <= count; at += 4) {
        for (size_t lane = 0; lane < 4; lane++) {
            lanes[lane] += values[at + lane];
        }
    }
    for (; at < count; at++) {
        lanes[0] += values[at];
    }
    return lanes[0] + lanes[1] + lanes[2] + lanes[3];
}

double bench_block_add_series(struct vv_block *block, uint32_t id)
{
    struct vv_merge_source source;
    varve_span span;
    double sum = 0;
    if (vv_block_layer_iter(block, id, 0, INT64_MIN, INT64_MAX, &source) != VARVE_OK) {
        bench_stop("cannot read series %u", id);
    }
    while (vv_iter_next_span(source.iter, &span)) {
        sum += bench_block_add(span.values, span.count);
    }
    if (vv_iter_status(source.iter) != VARVE_OK) {
        bench_stop("cannot read series %u", id);
    }
    vv_iter_destroy(source.iter);
    return sum;
}
