/*
 * aggregate.h - functions over spans, by step and by group.
 *
 *   add_series(key) ... add_span(span) ... add_series(key) ... finish() ... next_row()
 *
 * Every function is a partial state that can be merged (init, add, merge, finish). Rows come
 * ordered by group key (vv_key_compare; {} is the empty group) and time, or as the specification
 * says (reverse, top, bottom). What functions make of NaN: see VARVE_FUNCTION_MAP. FIRST and LAST
 * of a group take the sample with the least and greatest timestamp; of equal ones that of the
 * first series in key order, so that the answer is deterministic.
 */
#ifndef VARVE_QUERY_AGGREGATE_H
#define VARVE_QUERY_AGGREGATE_H

#include "index/key.h"
#include "query/iter.h"
#include "query/memory.h"
#include "query/merge.h"
#include "query/steps.h"

struct vv_aggregator;

/* What a specification means in a query. */
struct vv_aggregator_place {
    struct vv_range range;           /* of the selection */
    bool reverse;                    /* rows of a group descend in time */
    const struct vv_time_zone *zone; /* nullable: UTC; its changes outlive the aggregator */
    struct vv_query_memory *memory;  /* nullable; outlives the aggregator */
};

/* spec is checked (INVALID names the field) and copied. */
varve_status vv_aggregator_create(const varve_aggregation *spec,
                                  const struct vv_aggregator_place *place,
                                  struct vv_aggregator **aggregator,
                                  varve_error *error) VARVE_MUST_CHECK;
void vv_aggregator_destroy(struct vv_aggregator *aggregator);

/* Whether rows can only be read when all series have been added; else they can after each one, as
 * there are no groups. */
bool vv_aggregator_holds_all(const struct vv_aggregator *aggregator);
/* Whether add_series() looks at its key. */
bool vv_aggregator_needs_key(const struct vv_aggregator *aggregator);

/* The samples that follow belong to this series. key is copied as far as needed. Spans and
 * summaries of a series are added in order of time, as an iterator gives them. */
varve_status vv_aggregator_add_series(struct vv_aggregator *aggregator,
                                      struct vv_key key) VARVE_MUST_CHECK;
/* traits: what is known of the values (vv_iter_traits()); 0 is always right. */
varve_status vv_aggregator_add_span(struct vv_aggregator *aggregator, const varve_span *span,
                                    unsigned traits) VARVE_MUST_CHECK;
/* A chunk known by its statistics. *taken is false, and nothing was added, if its samples are
 * needed: it lies in more than one step, has NaN, or some function needs its values. */
varve_status vv_aggregator_add_summary(struct vv_aggregator *aggregator,
                                       const struct vv_summary *summary,
                                       bool *taken) VARVE_MUST_CHECK;
/* The same for a row of a rollup. */
varve_status vv_aggregator_add_row(struct vv_aggregator *aggregator,
                                   const struct vv_rollup_row *row, bool *taken) VARVE_MUST_CHECK;
/* Whether add_row() ever takes one, and of which the query has use. */
bool vv_aggregator_wants_rows(const struct vv_aggregator *aggregator, struct vv_rollup_wish *wish);
/* Whether vv_aggregator_add_summary() ever takes one. */
bool vv_aggregator_wants_summaries(const struct vv_aggregator *aggregator);
/* All samples of the current series, of which nothing was added and nothing else will be. Only if
 * totals are wanted: there is one step, and the functions are answered from numbers. */
varve_status vv_aggregator_add_total(struct vv_aggregator *aggregator,
                                     const struct vv_total *total) VARVE_MUST_CHECK;
bool vv_aggregator_wants_totals(const struct vv_aggregator *aggregator);

/* No more samples come: rows can be read. */
varve_status vv_aggregator_finish(struct vv_aggregator *aggregator) VARVE_MUST_CHECK;
/* Whether as many rows as the specification allows have been handed out, over all resets. */
bool vv_aggregator_is_full(const struct vv_aggregator *aggregator);
/* The next row; values live until the next call, labels until the next reset. False at the end,
 * and on failure, of which status tells. Without a key the row has no labels. */
bool vv_aggregator_next_row(struct vv_aggregator *aggregator, varve_row *row);
varve_status vv_aggregator_status(const struct vv_aggregator *aggregator);
/* Forgets all series and rows, keeps the spec: for one series after the other without grouping. */
void vv_aggregator_reset(struct vv_aggregator *aggregator);

#endif
