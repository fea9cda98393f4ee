/*
 * block_columns.h - the write side of samples: columns encoded into pages, equal ones stored once.
 */
#ifndef VARVE_MMAP_BLOCK_COLUMNS_H
#define VARVE_MMAP_BLOCK_COLUMNS_H

#include "mmap/block_pages.h"

/* Columns of a cold block that wait for their group to be full. */
struct vv_block_group;

struct vv_block_columns {
    struct vv_block_filler values; /* hot */
    struct vv_block_group *group;  /* cold, else NULL */
    struct vv_buffer places;       /* packed places of value columns, by number */
    struct vv_block_filler times;
    struct vv_buffer time_columns; /* records */
    struct vv_column_memory *memory;
    uint8_t encoded[VV_VALUES_BOUND(VV_COLUMN_MAX)];
    union {
        int64_t timestamps[VV_COLUMN_MAX];
        double values[VV_COLUMN_MAX];
    } decoded;
};

/* NO_MEMORY: fini releases what there is. */
varve_status vv_block_columns_init(struct vv_block_columns *columns,
                                   struct vv_block_pages *pages) VARVE_MUST_CHECK;
void vv_block_columns_fini(struct vv_block_columns *columns);

/* The number of the time column with exactly these timestamps, made if it is new. */
varve_status vv_block_columns_add_times(struct vv_block_columns *columns, const int64_t *timestamps,
                                        size_t count, uint32_t *time_column,
                                        varve_error *error) VARVE_MUST_CHECK;
/* The number of the value column with exactly these values, made if it is new. Where it is, places
 * tells after the flush. */
varve_status vv_block_columns_add_values(struct vv_block_columns *columns, const double *values,
                                         size_t count, uint64_t *value_column,
                                         varve_error *error) VARVE_MUST_CHECK;
/* Writes the pages and groups under way. */
varve_status vv_block_columns_flush(struct vv_block_columns *columns,
                                    varve_error *error) VARVE_MUST_CHECK;

#endif
