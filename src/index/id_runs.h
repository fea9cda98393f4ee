/*
 * id_runs.h - the ids of the series of a selection, as runs of neighbours.
 *
 *   add 7, 8, 9, 2, 3       [7 8 9] [2 3]   --settled--> [2 3] [7 8 9]
 *
 * Selections are made again and again, of sets that are walked once: runs keep their memory when
 * they are cleared, so that a selection like the one before takes nothing from the heap. What the
 * index keeps for long are the more compact sets of id_set.h. The series of a metric lie side by
 * side, and are one run.
 * Threads: one at a time; reading calls settle what was added, and so change it.
 */
#ifndef VARVE_INDEX_ID_RUNS_H
#define VARVE_INDEX_ID_RUNS_H

#include "base/status.h"

struct vv_id_runs; /* heap object */

struct vv_id_runs *vv_id_runs_create(void); /* NULL: out of memory */
void vv_id_runs_destroy(struct vv_id_runs *runs);
/* Empties it, and keeps its memory. */
void vv_id_runs_clear(struct vv_id_runs *runs);

varve_status vv_id_runs_add(struct vv_id_runs *runs, uint32_t id) VARVE_MUST_CHECK;
varve_status vv_id_runs_add_many(struct vv_id_runs *runs, const uint32_t *ids,
                                 size_t count) VARVE_MUST_CHECK;
/* Adds [first, first + count). */
varve_status vv_id_runs_add_range(struct vv_id_runs *runs, uint32_t first,
                                  uint32_t count) VARVE_MUST_CHECK;
varve_status vv_id_runs_unite(struct vv_id_runs *runs, struct vv_id_runs *other) VARVE_MUST_CHECK;
/* Keep what other has too, or has not. On NO_MEMORY runs is as it was. */
varve_status vv_id_runs_intersect(struct vv_id_runs *runs,
                                  struct vv_id_runs *other) VARVE_MUST_CHECK;
varve_status vv_id_runs_subtract(struct vv_id_runs *runs,
                                 struct vv_id_runs *other) VARVE_MUST_CHECK;

uint64_t vv_id_runs_count(struct vv_id_runs *runs);
bool vv_id_runs_is_empty(const struct vv_id_runs *runs);
bool vv_id_runs_contains(struct vv_id_runs *runs, uint32_t id);
/* Writes all ids ascending; ids has vv_id_runs_count() entries. */
void vv_id_runs_to_array(struct vv_id_runs *runs, uint32_t *ids);

/* Heap bytes. */
uint64_t vv_id_runs_bytes(const struct vv_id_runs *runs);

#endif
