/*
 * aggregate.c - samples of many series to rows: groups, buckets, functions.
 *
 *   series --group key--> group 0: [bucket][bucket][bucket]
 *                         group 1: [bucket][bucket]          rows: groups in key order, then time
 *   current series        its own list, merged into the group's when the next series begins
 *
 * A1  Spans of a series come in order of time, so that a sample belongs to the last bucket of its
 *     list or to a new one behind it.
 * A2  The first series of a group writes into the group's list itself: without grouping, and where
 *     groups have one series, nothing is merged.
 * A3  All functions are answered from one state; what a call did not ask for costs little beside
 *     the samples' way here.
 * Threads: one at a time.
 */
#include "query/aggregate.h"

#include <stdlib.h>
#include <string.h>

#include "os/alloc.h"
#include "query/functions.h"
#include "query/group.h"
#include "query/ranges.h"

struct vv_aggregator {
    varve_aggregation spec; /* points to functions and group_labels below */
    varve_function functions[VARVE_FUNCTIONS_MAX];
    varve_string *group_labels; /* and behind them their bytes */
    int64_t start;
    bool with_numbers; /* some function is more than count, first and last */

    struct vv_group_table table;
    struct vv_buffer key; /* scratch of add_series */
    struct vv_bucket_list
        scratch;  /* buckets of the current series where the group has some already */
    size_t group; /* of the current series */
    struct vv_bucket_list *list; /* where its samples go; NULL: no series yet */
    int64_t bucket_end;          /* of the last bucket of list; INT64_MIN: none */

    bool finished;
    const struct vv_group **order; /* of the rows; table.count entries */
    size_t row_group;              /* the next row, in order and its buckets */
    size_t row_bucket;
    varve_label labels[VARVE_LABELS_MAX];
    size_t label_count;
    double values[VARVE_FUNCTIONS_MAX];
};

/* ------------------------------------------------------------------------ Specification */

/* What is not answered yet is refused, so that nobody takes another answer for it. */
static varve_status check_answered(const varve_aggregation *spec, varve_error *error)
{
    for (size_t index = 0; index < spec->function_count; index++) {
        if (spec->functions[index] > VARVE_FUNCTION_LAST) {
            return vv_fail(error, VARVE_INVALID, "functions: %s is not answered by this version",
                           varve_function_name(spec->functions[index]));
        }
    }
    if (spec->step_unit != VARVE_STEP_NANOSECONDS || spec->offset != 0 || spec->reduce != 0 ||
        spec->fill != VARVE_FILL_NONE || spec->top > 0 || spec->bottom > 0 || spec->limit > 0) {
        return vv_fail(error, VARVE_INVALID,
                       "step_unit, offset, reduce, fill, top, bottom and limit are not answered "
                       "by this version");
    }
    return VARVE_OK;
}

/* Copies the group labels into one allocation: the strings, then their bytes. */
static varve_status copy_group_labels(struct vv_aggregator *aggregator)
{
    size_t count = aggregator->spec.group_label_count;
    const varve_string *labels = aggregator->spec.group_labels;
    size_t bytes = 1;
    for (size_t index = 0; index < count; index++) {
        bytes += sizeof(labels[0]) + labels[index].length;
    }
    aggregator->group_labels = vv_alloc(bytes);
    if (aggregator->group_labels == NULL) {
        return VARVE_NO_MEMORY;
    }
    char *at = (char *)(aggregator->group_labels + count);
    for (size_t index = 0; index < count; index++) {
        memcpy(at, labels[index].bytes, labels[index].length);
        aggregator->group_labels[index] = (varve_string){at, labels[index].length};
        at += labels[index].length;
    }
    aggregator->spec.group_labels = aggregator->group_labels;
    return VARVE_OK;
}

static bool needs_numbers(varve_function function)
{
    return function != VARVE_FUNCTION_COUNT && function != VARVE_FUNCTION_FIRST &&
           function != VARVE_FUNCTION_LAST;
}

varve_status vv_aggregator_create(const varve_aggregation *spec, int64_t start,
                                  struct vv_aggregator **out, varve_error *error)
{
    VV_TRY(vv_aggregation_check(spec, error));
    VV_TRY(check_answered(spec, error));
    struct vv_aggregator *aggregator = vv_alloc_zeroed(1, sizeof(*aggregator));
    if (aggregator == NULL) {
        return vv_fail(error, VARVE_NO_MEMORY, "no memory to aggregate");
    }
    aggregator->spec = *spec;
    aggregator->start = start;
    memcpy(aggregator->functions, spec->functions,
           spec->function_count * sizeof(spec->functions[0]));
    aggregator->spec.functions = aggregator->functions;
    for (size_t index = 0; index < spec->function_count; index++) {
        aggregator->with_numbers |= needs_numbers(spec->functions[index]);
    }
    if (copy_group_labels(aggregator) != VARVE_OK) {
        vv_aggregator_destroy(aggregator);
        return vv_fail(error, VARVE_NO_MEMORY, "no memory to aggregate");
    }
    *out = aggregator;
    return VARVE_OK;
}

void vv_aggregator_destroy(struct vv_aggregator *aggregator)
{
    if (aggregator == NULL) {
        return;
    }
    vv_group_table_fini(&aggregator->table);
    vv_bucket_list_fini(&aggregator->scratch);
    vv_buffer_fini(&aggregator->key);
    vv_free(aggregator->group_labels);
    vv_free(aggregator->order);
    vv_free(aggregator);
}

/* ------------------------------------------------------------------------------- Adding */

/* Ends the current series: what it has apart goes to its group. */
static varve_status end_series(struct vv_aggregator *aggregator)
{
    if (aggregator->list == &aggregator->scratch) {
        struct vv_group *group = &aggregator->table.groups[aggregator->group];
        VV_TRY(vv_bucket_list_merge(&group->buckets, &aggregator->scratch));
    }
    aggregator->scratch.count = 0;
    aggregator->list = NULL;
    return VARVE_OK;
}

varve_status vv_aggregator_add_series(struct vv_aggregator *aggregator, struct vv_key key)
{
    VV_ASSERT(!aggregator->finished);
    VV_TRY(end_series(aggregator));
    VV_TRY(vv_group_key(&aggregator->spec, key, &aggregator->key));
    struct vv_key group_key = {aggregator->key.bytes, aggregator->key.length};
    VV_TRY(vv_group_table_intern(&aggregator->table, group_key, &aggregator->group));
    struct vv_bucket_list *own = &aggregator->table.groups[aggregator->group].buckets;
    aggregator->list = own->count == 0 ? own : &aggregator->scratch;
    aggregator->bucket_end = INT64_MIN;
    return VARVE_OK;
}

/* The time and end of the bucket of a timestamp at or behind the end of the last one. Mostly it is
 * the next, which needs no division. */
static int64_t next_bucket(const struct vv_aggregator *aggregator, int64_t timestamp, int64_t *end)
{
    int64_t step = aggregator->spec.step;
    int64_t time = aggregator->bucket_end;
    if (step == 0) {
        *end = INT64_MAX;
        return aggregator->start;
    }
    if (time == INT64_MIN || time > INT64_MAX - step || timestamp >= time + step) {
        vv_bucket_bounds(timestamp, step, &time, end);
        return time;
    }
    *end = time + step;
    return time;
}

/* The bucket of a sample that is not earlier than any before it. */
static struct vv_bucket *bucket_for(struct vv_aggregator *aggregator, int64_t timestamp)
{
    struct vv_bucket_list *list = aggregator->list;
    if (list->count > 0 && timestamp < aggregator->bucket_end) {
        return &list->entries[list->count - 1];
    }
    int64_t end = 0;
    int64_t time = next_bucket(aggregator, timestamp, &end);
    aggregator->bucket_end = end;
    return vv_bucket_list_append(list, time);
}

varve_status vv_aggregator_add_span(struct vv_aggregator *aggregator, const varve_span *span)
{
    VV_ASSERT(aggregator->list != NULL);
    size_t at = 0;
    while (at < span->count) {
        struct vv_bucket *bucket = bucket_for(aggregator, span->timestamps[at]);
        if (bucket == NULL) {
            return VARVE_NO_MEMORY;
        }
        size_t end = vv_timestamps_find(span->timestamps, at, span->count, aggregator->bucket_end);
        vv_bucket_add(bucket, span->timestamps + at, span->values + at, end - at,
                      aggregator->with_numbers);
        at = end;
    }
    return VARVE_OK;
}

/* --------------------------------------------------------------------------------- Rows */

static int compare_groups(const void *a, const void *b)
{
    const struct vv_group *left = *(const struct vv_group *const *)a;
    const struct vv_group *right = *(const struct vv_group *const *)b;
    return vv_key_compare((struct vv_key){left->key.bytes, left->key.length},
                          (struct vv_key){right->key.bytes, right->key.length});
}

varve_status vv_aggregator_finish(struct vv_aggregator *aggregator)
{
    VV_ASSERT(!aggregator->finished);
    size_t count = aggregator->table.count;
    VV_TRY(end_series(aggregator));
    const struct vv_group **order = vv_realloc(aggregator->order, (count + 1) * sizeof(order[0]));
    if (order == NULL) {
        return VARVE_NO_MEMORY;
    }
    aggregator->order = order;
    for (size_t group = 0; group < count; group++) {
        order[group] = &aggregator->table.groups[group];
    }
    qsort(order, count, sizeof(order[0]), compare_groups);
    aggregator->finished = true;
    aggregator->row_group = 0;
    aggregator->row_bucket = 0;
    return VARVE_OK;
}

bool vv_aggregator_next_row(struct vv_aggregator *aggregator, varve_row *row)
{
    VV_ASSERT(aggregator->finished);
    const struct vv_group *group = NULL;
    for (;;) {
        if (aggregator->row_group == aggregator->table.count) {
            return false;
        }
        group = aggregator->order[aggregator->row_group];
        if (aggregator->row_bucket < group->buckets.count) {
            break;
        }
        aggregator->row_group++;
        aggregator->row_bucket = 0;
    }
    const struct vv_bucket *bucket = &group->buckets.entries[aggregator->row_bucket];
    if (aggregator->row_bucket == 0) {
        struct vv_key key = {group->key.bytes, group->key.length};
        aggregator->label_count = vv_key_labels(key, aggregator->labels);
    }
    for (size_t index = 0; index < aggregator->spec.function_count; index++) {
        aggregator->values[index] = vv_bucket_value(bucket, aggregator->functions[index]);
    }
    aggregator->row_bucket++;
    *row = (varve_row){.labels = aggregator->labels,
                       .label_count = aggregator->label_count,
                       .time = bucket->time,
                       .values = aggregator->values,
                       .value_count = aggregator->spec.function_count};
    return true;
}

void vv_aggregator_reset(struct vv_aggregator *aggregator)
{
    vv_group_table_clear(&aggregator->table);
    aggregator->scratch.count = 0;
    aggregator->list = NULL;
    aggregator->finished = false;
    aggregator->row_group = 0;
    aggregator->row_bucket = 0;
}
