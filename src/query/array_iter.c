/*
 * array_iter.c - an iterator over copies of two arrays: tails, small results, tests.
 *
 *   one allocation: | struct | timestamps[count] | values[count] |
 *
 * Threads: one at a time.
 */
#include <string.h>

#include "os/alloc.h"
#include "query/merge.h"
#include "query/ranges.h"

struct array_iter {
    struct vv_iter iter;
    size_t count;
    size_t at; /* the next sample to be delivered */
    const double *values;
    int64_t timestamps[];
};

static bool array_next_span(struct vv_iter *iter, varve_span *span)
{
    struct array_iter *array = (struct array_iter *)iter;
    size_t left = array->count - array->at;
    if (left == 0) {
        return false;
    }
    span->timestamps = array->timestamps + array->at;
    span->values = array->values + array->at;
    span->count = left < VV_SPAN_MAX ? left : VV_SPAN_MAX;
    array->at += span->count;
    return true;
}

static void array_seek(struct vv_iter *iter, int64_t timestamp)
{
    struct array_iter *array = (struct array_iter *)iter;
    array->at = vv_timestamps_find(array->timestamps, array->at, array->count, timestamp);
}

static int64_t array_window(struct vv_iter *iter, int64_t before)
{
    struct array_iter *array = (struct array_iter *)iter;
    size_t count = vv_timestamps_find(array->timestamps, 0, array->count, before);
    if (count == 0) {
        return INT64_MIN;
    }
    return array->timestamps[count > VV_SPAN_MAX ? count - VV_SPAN_MAX : 0];
}

/* The end is whoever merges to cut off, as from a fresh iterator. */
static void array_restart(struct vv_iter *iter, int64_t start, int64_t end)
{
    struct array_iter *array = (struct array_iter *)iter;
    (void)end;
    array->at = vv_timestamps_find(array->timestamps, 0, array->count, start);
}

static varve_status array_status(const struct vv_iter *iter)
{
    (void)iter;
    return VARVE_OK;
}

static void array_destroy(struct vv_iter *iter)
{
    vv_free(iter);
}

varve_status vv_array_iter_create(const int64_t *timestamps, const double *values, size_t count,
                                  struct vv_iter **iter)
{
    static const struct vv_iter_ops ops = {
        .next_span = array_next_span,
        .seek = array_seek,
        .window = array_window,
        .restart = array_restart,
        .status = array_status,
        .destroy = array_destroy,
    };
    struct array_iter *array =
        vv_alloc(sizeof(*array) + count * (sizeof(int64_t) + sizeof(double)));
    if (array == NULL) {
        return VARVE_NO_MEMORY;
    }
    double *values_copy = (double *)(void *)(array->timestamps + count);
    if (count > 0) {
        memcpy(array->timestamps, timestamps, count * sizeof(timestamps[0]));
        memcpy(values_copy, values, count * sizeof(values[0]));
    }
    array->iter.ops = &ops;
    array->count = count;
    array->at = 0;
    array->values = values_copy;
    *iter = &array->iter;
    return VARVE_OK;
}
