/*
 * time_columns.h - decoded columns of timestamps that the series of a query share.
 *
 * Series that are sampled together have one column of timestamps for each of their chunks: a query
 * that reads chunk after chunk of them decodes it once. A few are kept, from query to query.
 * Threads: one at a time.
 */
#ifndef VARVE_QUERY_TIME_COLUMNS_H
#define VARVE_QUERY_TIME_COLUMNS_H

#include "query/memory.h"

struct vv_time_column {
    uint64_t owner; /* with number: which column it is; no owner comes twice in a memory's life */
    uint32_t number;
    uint32_t users; /* it is overwritten only without any */
    bool filled;
    int64_t *timestamps; /* VV_COLUMN_MAX of them */
};

/* The place of a column, with one more user. Unless it is filled, the caller fills it or leaves it
 * unfilled. NULL: there is none free, or no memory for them. */
struct vv_time_column *vv_time_column_acquire(struct vv_query_memory *memory, uint64_t owner,
                                              uint32_t number);
/* NULL is fine. */
void vv_time_column_release(struct vv_time_column *column);

/* Frees them: nobody uses any. */
void vv_time_columns_fini(struct vv_query_memory *memory);

#endif
