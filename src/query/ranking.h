/*
 * ranking.h - the rows with the greatest or least values of each step.
 *
 * Threads: one at a time.
 */
#ifndef VARVE_QUERY_RANKING_H
#define VARVE_QUERY_RANKING_H

#include "query/memory.h"

/* A row to be ranked: by value within its time, then by order. */
struct vv_ranked_row {
    int64_t time;
    double value;
    uint32_t group;
    uint32_t state; /* of the group */
    uint64_t order; /* of the row among all; unique */
};

/* Keeps of each time the best `keep` rows, greatest first if top is true, NaN last, and brings them
 * in the order of `order`, or in that of rank if ranked is true. Returns how many there are. */
size_t vv_ranking_select(struct vv_ranked_row *rows, size_t count, size_t keep, bool top,
                         bool ranked);

#endif
