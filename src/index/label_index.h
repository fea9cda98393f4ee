/*
 * label_index.h - the label index of the head: label name -> value -> ids, in memory.
 *
 * Threads: adding needs exclusion by the caller; reading calls may run together.
 */
#ifndef VARVE_INDEX_LABEL_INDEX_H
#define VARVE_INDEX_LABEL_INDEX_H

#include "index/key.h"
#include "index/label_source.h"

struct vv_label_index;

struct vv_label_index *vv_label_index_create(void); /* NULL: out of memory */
void vv_label_index_destroy(struct vv_label_index *index);

/* Adds the labels of series id, which was not added before. On failure the id is not in the
 * index. */
varve_status vv_label_index_add(struct vv_label_index *index, uint32_t id,
                                struct vv_key key) VARVE_MUST_CHECK;
struct vv_label_source vv_label_index_source(const struct vv_label_index *index);
uint64_t vv_label_index_bytes(const struct vv_label_index *index);

#endif
