/*
 * aggregate_rows.c - the rows of an aggregation: states to values, in the order asked for.
 *
 *   groups in key order -> walk over the steps of each -> values
 *   top and bottom:        all rows, ranked              -> values
 *
 * R1  Values are computed when a row is asked for; what is not asked for costs nothing, but for the
 *     first value where rows are ranked.
 * Threads: one at a time.
 */
#include <math.h>

#include "query/aggregator.h"

/* The value of function number index of a state of a group. */
static varve_status value_of(struct vv_aggregator *aggregator, const struct vv_group *group,
                             size_t state, size_t index, double *value)
{
    const varve_aggregation *spec = &aggregator->spec;
    const struct vv_bucket_list *list = &group->buckets;
    bool reduced = spec->reduce != 0;
    size_t at = state * aggregator->stride + (reduced ? index : 0);
    struct vv_bucket_more *more = list->with_more ? &list->more[at] : NULL;
    return vv_bucket_value(
        &list->entries[at], more, reduced ? spec->reduce : spec->functions[index],
        reduced ? spec->reduce_parameter : spec->parameters[index], aggregator->memory, value);
}

/* The values of a state that is not reduced. */
static inline varve_status values_of_state(struct vv_aggregator *aggregator,
                                           const struct vv_group *group, size_t at, double *values)
{
    const struct vv_bucket_list *list = &group->buckets;
    struct vv_bucket_more *more = list->with_more ? &list->more[at] : NULL;
    for (size_t index = 0; index < aggregator->spec.function_count; index++) {
        VV_TRY(vv_bucket_value(&list->entries[at], more, aggregator->functions[index],
                               aggregator->parameters[index], aggregator->memory, &values[index]));
    }
    return VARVE_OK;
}

static varve_status values_of(struct vv_aggregator *aggregator, const struct vv_group *group,
                              size_t state, double *values)
{
    for (size_t index = 0; index < aggregator->spec.function_count; index++) {
        VV_TRY(value_of(aggregator, group, state, index, &values[index]));
    }
    return VARVE_OK;
}

/* Values at time on the lines between two states. */
static varve_status values_between(struct vv_aggregator *aggregator, const struct vv_group *group,
                                   size_t after, int64_t time, double *values)
{
    double from[VARVE_FUNCTIONS_MAX];
    double to[VARVE_FUNCTIONS_MAX];
    const struct vv_bucket *entries = group->buckets.entries;
    uint64_t start = (uint64_t)entries[(after - 1) * aggregator->stride].time;
    uint64_t end = (uint64_t)entries[after * aggregator->stride].time;
    double weight = (double)((uint64_t)time - start) / (double)(end - start);
    VV_TRY(values_of(aggregator, group, after - 1, from));
    VV_TRY(values_of(aggregator, group, after, to));
    for (size_t index = 0; index < aggregator->spec.function_count; index++) {
        values[index] = from[index] * (1 - weight) + to[index] * weight;
    }
    return VARVE_OK;
}

/* Hands out a row of the values. */
static inline bool hand_out(struct vv_aggregator *aggregator, size_t number, bool filled,
                            int64_t time, varve_row *row)
{
    if (aggregator->status != VARVE_OK) {
        return false;
    }
    if (aggregator->labels_group != number + 1) {
        struct vv_key key = vv_group_key_of(aggregator->order[number]);
        aggregator->label_count = key.length > 0 ? vv_key_labels(key, aggregator->labels) : 0;
        aggregator->labels_group = number + 1;
    }
    aggregator->row_count++;
    *row = (varve_row){.labels = aggregator->labels,
                       .label_count = aggregator->label_count,
                       .time = time,
                       .values = aggregator->values,
                       .value_count = aggregator->spec.function_count,
                       .filled = filled};
    return true;
}

/* The row of a state that is not reduced: most rows. */
static inline bool make_state_row(struct vv_aggregator *aggregator, size_t number, int64_t time,
                                  size_t at, varve_row *row)
{
    aggregator->status =
        values_of_state(aggregator, aggregator->order[number], at, aggregator->values);
    return hand_out(aggregator, number, false, time, row);
}

/* Puts any other row together. */
static bool make_row(struct vv_aggregator *aggregator, size_t number, enum vv_row_kind kind,
                     int64_t time, size_t at, varve_row *row)
{
    const struct vv_group *group = aggregator->order[number];
    double *values = aggregator->values;
    switch (kind) {
    case VV_ROW_STATE:
        aggregator->status = values_of(aggregator, group, at, values);
        break;
    case VV_ROW_PREVIOUS:
        aggregator->status = values_of(aggregator, group, at - 1, values);
        break;
    case VV_ROW_LINEAR:
        aggregator->status = values_between(aggregator, group, at, time, values);
        break;
    case VV_ROW_NULL:
        for (size_t index = 0; index < aggregator->spec.function_count; index++) {
            values[index] = (double)NAN;
        }
        break;
    }
    return hand_out(aggregator, number, kind != VV_ROW_STATE, time, row);
}

varve_status vv_aggregator_rank(struct vv_aggregator *aggregator)
{
    const varve_aggregation *spec = &aggregator->spec;
    size_t count = 0;
    for (size_t number = 0; number < aggregator->order_count; number++) {
        count += aggregator->order[number]->buckets.count / aggregator->stride;
    }
    struct vv_ranked_row *rows =
        vv_query_realloc(aggregator->memory, aggregator->ranked, (count + 1) * sizeof(rows[0]));
    if (rows == NULL) {
        return vv_query_memory_status(aggregator->memory);
    }
    aggregator->ranked = rows;
    size_t at = 0;
    for (size_t number = 0; number < aggregator->order_count; number++) {
        const struct vv_group *group = aggregator->order[number];
        size_t states = group->buckets.count / aggregator->stride;
        for (size_t step = 0; step < states; step++) {
            size_t state = aggregator->reverse ? states - 1 - step : step;
            rows[at] = (struct vv_ranked_row){
                .time = group->buckets.entries[state * aggregator->stride].time,
                .group = (uint32_t)number,
                .state = (uint32_t)state,
                .order = at,
            };
            VV_TRY(value_of(aggregator, group, state, 0, &rows[at].value));
            at++;
        }
    }
    size_t keep = spec->top > 0 ? spec->top : spec->bottom;
    aggregator->ranked_count = vv_ranking_select(rows, count, keep, spec->top > 0, spec->step == 0);
    return VARVE_OK;
}

static bool next_ranked_row(struct vv_aggregator *aggregator, varve_row *row)
{
    if (aggregator->next_ranked == aggregator->ranked_count) {
        return false;
    }
    const struct vv_ranked_row *ranked = &aggregator->ranked[aggregator->next_ranked++];
    return make_row(aggregator, ranked->group, VV_ROW_STATE, ranked->time, ranked->state, row);
}

bool vv_aggregator_next_row(struct vv_aggregator *aggregator, varve_row *row)
{
    const varve_aggregation *spec = &aggregator->spec;
    VV_ASSERT(aggregator->finished);
    if (aggregator->status != VARVE_OK || vv_aggregator_is_full(aggregator)) {
        return false;
    }
    if (spec->top > 0 || spec->bottom > 0) {
        return next_ranked_row(aggregator, row);
    }
    for (; aggregator->row_group < aggregator->order_count; aggregator->row_group++) {
        enum vv_row_kind kind;
        int64_t time;
        size_t at;
        if (!aggregator->walking) {
            const struct vv_group *group = aggregator->order[aggregator->row_group];
            vv_row_walk_begin(&aggregator->walk, &group->buckets, aggregator->stride,
                              &aggregator->steps, aggregator->range, spec, aggregator->reverse);
            aggregator->walking = true;
        }
        if (spec->reduce == 0 && vv_row_walk_next_state(&aggregator->walk, &time, &at)) {
            return make_state_row(aggregator, aggregator->row_group, time, at, row);
        }
        if (vv_row_walk_next(&aggregator->walk, &kind, &time, &at)) {
            return make_row(aggregator, aggregator->row_group, kind, time, at, row);
        }
        aggregator->walking = false;
    }
    return false;
}

varve_status vv_aggregator_status(const struct vv_aggregator *aggregator)
{
    return aggregator->status;
}

bool vv_aggregator_is_full(const struct vv_aggregator *aggregator)
{
    return aggregator->spec.limit > 0 && aggregator->row_count >= aggregator->spec.limit;
}
