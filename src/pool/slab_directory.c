/*
 * slab_directory.c - numbering slabs.
 *
 * D1  Slab 0 does not exist: a handle of 0 means none, and the first unit of each slab, which holds
 *     its number, is no object either.
 * Thread: adding under the lock; following a handle needs nothing.
 */
#include "pool/slab_directory.h"

enum { DIRECTORY_BYTES = VV_SLABS_MAX * sizeof(_Atomic(uint8_t *)) };

varve_status vv_slab_directory_init(struct vv_slab_directory *directory)
{
    *directory = (struct vv_slab_directory){0}; /* its lock is free */
    /* Zeroed pages: what is never used is never touched. */
    directory->slabs = vv_pages_alloc(DIRECTORY_BYTES);
    if (directory->slabs == NULL) {
        return VARVE_NO_MEMORY;
    }
    directory->count = 1; /* D1 */
    return VARVE_OK;
}

void vv_slab_directory_fini(struct vv_slab_directory *directory)
{
    if (directory->slabs == NULL) {
        return;
    }
    for (uint32_t i = 1; i < directory->count; i++) {
        vv_pages_free(atomic_load(&directory->slabs[i]), VV_SLAB_BYTES);
    }
    vv_pages_free(directory->slabs, DIRECTORY_BYTES);
    *directory = (struct vv_slab_directory){0};
}

uint8_t *vv_slab_directory_add(struct vv_slab_directory *directory, bool huge)
{
    uint8_t *slab = NULL;
    vv_spin_lock(&directory->lock);
    if (directory->count < VV_SLABS_MAX) {
        slab = huge ? vv_pages_alloc(VV_SLAB_BYTES) : vv_pages_alloc_sparse(VV_SLAB_BYTES);
    }
    if (slab != NULL) {
        *(uint32_t *)(void *)slab = directory->count;
        atomic_store_explicit(&directory->slabs[directory->count], slab, memory_order_release);
        directory->count++;
    }
    vv_spin_unlock(&directory->lock);
    return slab;
}
