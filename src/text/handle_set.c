/*
 * handle_set.c - the set of handles: linear probing, at most two thirds full.
 *
 * Thread: that of the import.
 */
#include "text/handle_set.h"

#include "os/alloc.h"

#define CAPACITY_FIRST 1024u

void vv_handle_set_fini(struct vv_handle_set *set)
{
    vv_free(set->slots);
    *set = (struct vv_handle_set){0};
}

/* Handles may be counters or hashes; a multiplication spreads both over the high bits. */
static size_t home_of(uint64_t handle, size_t capacity)
{
    uint64_t mixed = handle * UINT64_C(0x9e3779b97f4a7c15);
    return (size_t)(mixed >> 20) & (capacity - 1);
}

/* The slot that holds the handle, or the free one where it belongs. */
static size_t find_slot(const uint64_t *slots, size_t capacity, uint64_t handle)
{
    size_t slot = home_of(handle, capacity);
    while (slots[slot] != 0 && slots[slot] != handle) {
        slot = (slot + 1) & (capacity - 1);
    }
    return slot;
}

static varve_status grow(struct vv_handle_set *set)
{
    size_t capacity = set->capacity == 0 ? CAPACITY_FIRST : set->capacity * 2;
    uint64_t *slots = vv_alloc_zeroed(capacity, sizeof *slots);
    if (slots == NULL) {
        return VARVE_NO_MEMORY;
    }
    for (size_t index = 0; index < set->capacity; index++) {
        uint64_t handle = set->slots[index];
        if (handle != 0) {
            slots[find_slot(slots, capacity, handle)] = handle;
        }
    }
    vv_free(set->slots);
    set->slots = slots;
    set->capacity = capacity;
    return VARVE_OK;
}

varve_status vv_handle_set_add(struct vv_handle_set *set, uint64_t handle)
{
    if (handle == 0) {
        set->count += set->has_zero ? 0 : 1;
        set->has_zero = true;
        return VARVE_OK;
    }
    if (set->count * 3 >= set->capacity * 2) {
        VV_TRY(grow(set));
    }
    size_t slot = find_slot(set->slots, set->capacity, handle);
    set->count += set->slots[slot] == 0 ? 1 : 0;
    set->slots[slot] = handle;
    return VARVE_OK;
}
