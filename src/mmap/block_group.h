/*
 * block_group.h - value columns of a cold block, collected until they make a group worth
 * compressing.
 *
 * Threads: one at a time.
 */
#ifndef VARVE_MMAP_BLOCK_GROUP_H
#define VARVE_MMAP_BLOCK_GROUP_H

#include "mmap/block_pages.h"

struct vv_block_group;

/* places gets the packed place of every column, in the order in which they were added, when their
 * group has been written. */
varve_status vv_block_group_create(struct vv_block_pages *pages, struct vv_buffer *places,
                                   struct vv_block_group **group) VARVE_MUST_CHECK;
void vv_block_group_destroy(struct vv_block_group *group); /* NULL is fine */
/* Columns that were added and not written. */
size_t vv_block_group_waiting(const struct vv_block_group *group);
/* Adds a column, which is copied; encoded_bytes is its length by vv_values_encode(). */
varve_status vv_block_group_add(struct vv_block_group *group, const double *values, size_t count,
                                size_t encoded_bytes, varve_error *error) VARVE_MUST_CHECK;
/* Writes all that wait. */
varve_status vv_block_group_flush(struct vv_block_group *group,
                                  varve_error *error) VARVE_MUST_CHECK;

#endif
