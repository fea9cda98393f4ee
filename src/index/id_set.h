/*
 * id_set.h - sets of 32-bit series ids: postings. A thin cover over CRoaring bitmaps.
 *
 * Not thread-safe. Calls that add return NO_MEMORY when memory is out.
 */
#ifndef VARVE_INDEX_ID_SET_H
#define VARVE_INDEX_ID_SET_H

#include "base/status.h"
#include "index/id_runs.h"

struct vv_id_set; /* heap object */

struct vv_id_set *vv_id_set_create(void); /* NULL: out of memory */
void vv_id_set_destroy(struct vv_id_set *set);
varve_status vv_id_set_add(struct vv_id_set *set, uint32_t id) VARVE_MUST_CHECK;
varve_status vv_id_set_add_many(struct vv_id_set *set, const uint32_t *ids,
                                size_t count) VARVE_MUST_CHECK;
void vv_id_set_remove(struct vv_id_set *set, uint32_t id);
uint64_t vv_id_set_count(const struct vv_id_set *set);
bool vv_id_set_contains(const struct vv_id_set *set, uint32_t id);
/* Writes all ids ascending; ids has vv_id_set_count() entries. */
void vv_id_set_to_array(const struct vv_id_set *set, uint32_t *ids);

/* Adds all ids to runs. */
varve_status vv_id_set_add_to(const struct vv_id_set *set,
                              struct vv_id_runs *into) VARVE_MUST_CHECK;

/* Heap bytes that the set takes, without the allocator's own. */
uint64_t vv_id_set_bytes(const struct vv_id_set *set);

#endif
