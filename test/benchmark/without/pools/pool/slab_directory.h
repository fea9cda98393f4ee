/*
 * slab_directory.h - stands in for pool/slab_directory.h where pools are switched off: handles of
 * four bytes for objects of the heap.
 *
 *   handle = (address - base) / 64      the heap lies around base, within 256 GiB
 *
 * The other parts of the directory are there, but get no slabs.
 */
#ifndef VARVE_POOL_SLAB_DIRECTORY_H
#define VARVE_POOL_SLAB_DIRECTORY_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"
#include "os/pages.h"
#include "os/thread.h"

enum { VV_SLAB_UNIT_BYTES = 64 };

/* As the library has it, whose other files are compiled with the real header. */
struct vv_slab_directory {
    _Atomic(uint8_t *) *slabs;
    struct vv_spin lock;
    uint32_t count;
};

varve_status vv_slab_directory_init(struct vv_slab_directory *directory) VARVE_MUST_CHECK;
void vv_slab_directory_fini(struct vv_slab_directory *directory);

extern uintptr_t vv_heap_base; /* set when the first pool is made */

static inline void *vv_slab_object(const struct vv_slab_directory *directory, uint32_t handle)
{
    (void)directory;
    return (void *)(vv_heap_base + (uintptr_t)handle * VV_SLAB_UNIT_BYTES);
}

static inline uint32_t vv_slab_handle(const void *object)
{
    uintptr_t handle = ((uintptr_t)object - vv_heap_base) / VV_SLAB_UNIT_BYTES;
    VV_ASSERT(handle > 0 && handle <= UINT32_MAX);
    return (uint32_t)handle;
}

#endif
