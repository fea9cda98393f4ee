/*
 * posting.h - the ids of one label value in memory: one id in place, a few in an array, many in a
 * set.
 *
 * Most values of a high-cardinality label belong to one or a few series, where a bitmap would cost
 * more than everything else that the index holds about them.
 * Threads: as the label index that owns it.
 */
#ifndef VARVE_INDEX_POSTING_H
#define VARVE_INDEX_POSTING_H

#include "index/id_set.h"

/* Ids in an array at most; beyond, a set. At 32 both cost about the same. */
#define VV_POSTING_ARRAY_MAX 32u

/* A zeroed posting is empty. kind says which member of the union is alive. */
struct vv_posting {
    union {
        uint32_t one;    /* count 1 */
        uint32_t *array; /* count 2 to VV_POSTING_ARRAY_MAX; room for the next power of two */
        struct vv_id_set *many; /* count VV_POSTING_ARRAY_MAX + 1: it knows the number */
    } ids;
    uint8_t count;
};

void vv_posting_fini(struct vv_posting *posting);
/* id is not in the posting. On NO_MEMORY the posting is as it was. */
varve_status vv_posting_add(struct vv_posting *posting, uint32_t id) VARVE_MUST_CHECK;
/* Takes back the newest vv_posting_add(); allocates nothing. */
void vv_posting_undo_add(struct vv_posting *posting, uint32_t id);
uint64_t vv_posting_count(const struct vv_posting *posting);
bool vv_posting_is_empty(const struct vv_posting *posting);
varve_status vv_posting_add_to(const struct vv_posting *posting,
                               struct vv_id_runs *into) VARVE_MUST_CHECK;
/* Heap bytes outside the struct. */
uint64_t vv_posting_bytes(const struct vv_posting *posting);

#endif
