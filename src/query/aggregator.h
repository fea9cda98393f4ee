/*
 * aggregator.h - the inside of an aggregator, shared by the files that add and those that make
 * rows.
 */
#ifndef VARVE_QUERY_AGGREGATOR_H
#define VARVE_QUERY_AGGREGATOR_H

#include "query/aggregate.h"
#include "query/group.h"
#include "query/ranking.h"
#include "query/row_walk.h"
#include "query/track.h"

struct vv_aggregator {
    /* Constant after creation. */
    varve_aggregation spec; /* points to functions, parameters and group_labels below */
    varve_function functions[VARVE_FUNCTIONS_MAX];
    double parameters[VARVE_FUNCTIONS_MAX];
    varve_string *group_labels; /* and behind them their bytes */
    struct vv_query_memory *memory;
    struct vv_steps steps;
    struct vv_range range;
    bool reverse;
    unsigned parts;
    size_t stride; /* states of a step in the lists of groups: more than one if reduced */

    /* Groups, or the one list of a series without key. */
    struct vv_group_table table;
    struct vv_group single;
    bool is_single;
    struct vv_buffer key; /* scratch of add_series */

    /* The current series. */
    struct vv_bucket_list scratch; /* its states where the group has some already, or reduces */
    struct vv_bucket_list reduced; /* results of its states, as states */
    size_t group;
    struct vv_bucket_list *list; /* where its samples go; NULL: no series yet */
    bool open; /* the last state of list takes samples of [step_start, step_end) */
    int64_t step_start;
    int64_t step_end;
    struct vv_track track;
    int64_t *clean_timestamps; /* a span without stale markers; values behind them */
    size_t clean_capacity;

    /* Rows. */
    bool finished;
    varve_status status;
    const struct vv_group **order;
    size_t order_count;
    size_t row_group; /* the next row's, in order */
    bool walking;     /* walk is in row_group */
    struct vv_row_walk walk;
    struct vv_ranked_row *ranked;
    size_t ranked_count;
    size_t next_ranked;
    uint64_t row_count;
    size_t labels_group; /* whose labels these are, plus 1 */
    size_t label_count;
    varve_label labels[VARVE_LABELS_MAX]; /* from here on nothing is set at the beginning */
    double values[VARVE_FUNCTIONS_MAX];
};

/* aggregate_rows.c: ranks the rows of all groups. */
varve_status vv_aggregator_rank(struct vv_aggregator *aggregator) VARVE_MUST_CHECK;

#endif
