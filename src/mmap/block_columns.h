/*
 * block_columns.h - the write side of samples: columns encoded into pages, equal ones stored once.
 *
 * Threads: one at a time; encoding uses those of the workers.
 */
#ifndef VARVE_MMAP_BLOCK_COLUMNS_H
#define VARVE_MMAP_BLOCK_COLUMNS_H

#include "mmap/block_carry.h"
#include "mmap/block_pages.h"
#include "mmap/block_stage.h"

/* Columns of a cold block that wait for their groups to be full. */
struct vv_block_group;

struct vv_block_columns {
    struct vv_block_filler values; /* hot */
    struct vv_block_group *group;  /* cold, else NULL */
    struct vv_buffer places;       /* packed places of value columns, by number */
    struct vv_block_filler times;
    struct vv_buffer time_columns; /* records */
    struct vv_buffer chunks;       /* records; see flush */
    struct vv_buffer statistics;   /* records */
    struct vv_block_stage *stage;
    struct vv_column_memory *memory;
    struct vv_workers *workers; /* nullable, the caller's: may be set before the first chunk */
};

/* NO_MEMORY: fini releases what there is. */
varve_status vv_block_columns_init(struct vv_block_columns *columns,
                                   struct vv_block_pages *pages) VARVE_MUST_CHECK;
void vv_block_columns_fini(struct vv_block_columns *columns);

/* Adds a chunk of 1 to VV_COLUMN_MAX samples. Its records appear some time later, in order.
 * INVALID: the timestamps do not increase. */
varve_status vv_block_columns_add(struct vv_block_columns *columns, const int64_t *timestamps,
                                  const double *values, size_t count,
                                  varve_error *error) VARVE_MUST_CHECK;
/* Adds a chunk that is encoded, which is read during the call. */
varve_status vv_block_columns_place(struct vv_block_columns *columns,
                                    const struct vv_encoded_chunk *chunk,
                                    varve_error *error) VARVE_MUST_CHECK;
/* Adds a chunk that another block hands on: its page is copied if it is the first one of it. What
 * the carry returns; else as above. */
varve_status vv_block_columns_carry(struct vv_block_columns *columns, struct vv_block_carry *carry,
                                    const struct vv_carried_chunk *carried,
                                    varve_error *error) VARVE_MUST_CHECK;
/* Writes all that waits: then chunks, statistics and time_columns are complete. */
varve_status vv_block_columns_flush(struct vv_block_columns *columns,
                                    varve_error *error) VARVE_MUST_CHECK;

#endif
