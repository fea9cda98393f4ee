/*
 * handle_set.h - a set of 64-bit handles that only grows: how many different series got samples.
 *
 * Threads: one at a time. Memory: 12 to 24 bytes a handle. A zeroed struct is an empty set.
 */
#ifndef VARVE_TEXT_HANDLE_SET_H
#define VARVE_TEXT_HANDLE_SET_H

#include "base/status.h"

struct vv_handle_set {
    uint64_t *slots; /* open addressing; 0 is free */
    size_t capacity; /* a power of two, or 0 */
    size_t count;
    bool has_zero; /* the handle 0, which no slot can hold; counted */
};

void vv_handle_set_fini(struct vv_handle_set *set);

/* Adding a handle that is there changes nothing. NO_MEMORY: nothing changed. */
varve_status vv_handle_set_add(struct vv_handle_set *set, uint64_t handle) VARVE_MUST_CHECK;

#endif
