/*
 * slab_directory.h - objects of pools by a number of four bytes instead of a pointer of eight.
 *
 *   handle = slab << 15 | unit       a slab is 2 MiB of 32,768 units of 64 bytes
 *   slab:  | number | object | object | ... |        the first unit says which slab it is
 *
 * Pools that share a directory (pool.h) get their slabs from it. Slabs stay until the directory is
 * destroyed, so handles of objects in use need no lock to be followed. No handle is 0.
 * Threads: any.
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

enum {
    VV_SLAB_UNIT_BYTES = 64,
    VV_SLAB_UNIT_BITS = 15,
    VV_SLAB_BYTES = VV_SLAB_UNIT_BYTES << VV_SLAB_UNIT_BITS,
    VV_SLABS_MAX = 1 << (32 - VV_SLAB_UNIT_BITS) /* 256 GiB */
};
_Static_assert((int)VV_SLAB_BYTES == (int)VV_PAGES_HUGE_BYTES, "a slab is a huge page");

struct vv_slab_directory {
    _Atomic(uint8_t *) *slabs; /* VV_SLABS_MAX entries; those used are never replaced */
    struct vv_spin lock;
    uint32_t count; /* under lock */
};

/* NO_MEMORY; then nothing is to be undone. */
varve_status vv_slab_directory_init(struct vv_slab_directory *directory) VARVE_MUST_CHECK;
/* Frees all slabs; the pools that use them must have been destroyed. Zeroed is fine. */
void vv_slab_directory_fini(struct vv_slab_directory *directory);

/* A slab whose first unit is taken. The first slabs do not ask for huge pages, so that a small
 * database stays small. NULL when memory is out. */
uint8_t *vv_slab_directory_add(struct vv_slab_directory *directory, bool huge);

static inline void *vv_slab_object(const struct vv_slab_directory *directory, uint32_t handle)
{
    /* Whoever has the handle has it from somebody who had the object: the slab is there. */
    uint8_t *slab =
        atomic_load_explicit(&directory->slabs[handle >> VV_SLAB_UNIT_BITS], memory_order_relaxed);
    uint32_t unit = handle & ((1U << VV_SLAB_UNIT_BITS) - 1);
    return slab + (size_t)unit * VV_SLAB_UNIT_BYTES;
}

static inline uint32_t vv_slab_handle(const void *object)
{
    uintptr_t address = (uintptr_t)object;
    uintptr_t slab = address & ~(uintptr_t)(VV_SLAB_BYTES - 1);
    uint32_t number = *(const uint32_t *)slab;
    return number << VV_SLAB_UNIT_BITS | (uint32_t)((address - slab) / VV_SLAB_UNIT_BYTES);
}

#endif
