/*
 * block_group.h - value columns of a cold block, collected until they make groups worth
 * compressing, and a number of groups until they occupy all threads.
 *
 * What the groups are and where they lie depends on the columns alone, never on the threads.
 * Threads: one at a time; compressing uses those of the workers.
 */
#ifndef VARVE_MMAP_BLOCK_GROUP_H
#define VARVE_MMAP_BLOCK_GROUP_H

#include "mmap/block_encode.h"
#include "mmap/block_pages.h"
#include "os/workers.h"

struct vv_block_group;

/* places gets the packed place of every column, at its number, when its group has been written. */
varve_status vv_block_group_create(struct vv_block_pages *pages, struct vv_buffer *places,
                                   struct vv_block_group **group) VARVE_MUST_CHECK;
void vv_block_group_destroy(struct vv_block_group *group); /* NULL is fine */
/* Adds a column of count values as vv_values_encode() made it, which is copied. workers may be
 * NULL. */
varve_status vv_block_group_add(struct vv_block_group *group,
                                const struct vv_encoded_column *column, uint32_t count,
                                uint64_t number, struct vv_workers *workers,
                                varve_error *error) VARVE_MUST_CHECK;
/* Writes all that wait. */
varve_status vv_block_group_flush(struct vv_block_group *group, struct vv_workers *workers,
                                  varve_error *error) VARVE_MUST_CHECK;

#endif
