/*
 * aggregate.h - functions over spans, by step and by group.
 *
 *   add_series(key) ... add_span(span) ... add_series(key) ... finish() ... next_row()
 *
 * Every function is a partial state that can be merged (init, add, merge, finish). Rows come
 * ordered by group key (vv_key_compare; {} is the empty group) and time. NaN rules: see
 * VARVE_FUNCTION_MAP. FIRST and LAST of a group take the sample with the least and greatest
 * timestamp; of equal ones that of the first series in key order, so that the answer is
 * deterministic.
 */
#ifndef VARVE_QUERY_AGGREGATE_H
#define VARVE_QUERY_AGGREGATE_H

#include "index/key.h"
#include "query/iter.h"

struct vv_aggregator;

/* spec is checked (INVALID names the field) and copied. start is the time of the only bucket if
 * step is 0. */
varve_status vv_aggregator_create(const varve_aggregation *spec, int64_t start,
                                  struct vv_aggregator **aggregator,
                                  varve_error *error) VARVE_MUST_CHECK;
void vv_aggregator_destroy(struct vv_aggregator *aggregator);

/* The samples that follow belong to this series. key is copied as far as needed. Spans of a series
 * are added in order of time, as an iterator gives them. */
varve_status vv_aggregator_add_series(struct vv_aggregator *aggregator,
                                      struct vv_key key) VARVE_MUST_CHECK;
varve_status vv_aggregator_add_span(struct vv_aggregator *aggregator,
                                    const varve_span *span) VARVE_MUST_CHECK;

/* No more samples come: rows can be read. */
varve_status vv_aggregator_finish(struct vv_aggregator *aggregator) VARVE_MUST_CHECK;
/* The next row; labels and values live until the next call. False at the end. */
bool vv_aggregator_next_row(struct vv_aggregator *aggregator, varve_row *row);
/* Forgets all series and rows, keeps the spec: for one series after the other without grouping. */
void vv_aggregator_reset(struct vv_aggregator *aggregator);

#endif
