/*
 * alloc.c - the system heap, counted, and failing on request.
 *
 * A1  Every allocating call, a growing or shrinking vv_realloc() too, counts once, whether it
 *     succeeds or not, so that "the n-th allocation" is the same one in every run of a
 *     deterministic test.
 * A2  A failure on request looks like a real one: NULL, nothing freed, the old block of a realloc
 *     intact.
 * Threads: any. The counters order nothing, hence relaxed.
 */
#include "os/alloc.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>

#include "base/status.h"

static _Atomic uint64_t allocation_count;
static _Atomic uint64_t allocations_until_failure; /* 0 = never */
static _Atomic bool failure_lasts;

bool vv_alloc_fails_now(void)
{
    atomic_fetch_add_explicit(&allocation_count, 1, memory_order_relaxed);
    uint64_t left = atomic_load_explicit(&allocations_until_failure, memory_order_relaxed);
    while (left != 0) {
        if (left == 1 && atomic_load_explicit(&failure_lasts, memory_order_relaxed)) {
            return true;
        }
        if (atomic_compare_exchange_weak_explicit(&allocations_until_failure, &left, left - 1,
                                                  memory_order_relaxed, memory_order_relaxed)) {
            return left == 1;
        }
    }
    return false;
}

void *vv_alloc(size_t bytes)
{
    VV_ASSERT(bytes >= 1);
    return vv_alloc_fails_now() ? NULL : malloc(bytes);
}

void *vv_alloc_zeroed(size_t count, size_t bytes)
{
    VV_ASSERT(count >= 1 && bytes >= 1);
    /* calloc() would refuse the overflow, too, but sanitizers stop the program there. */
    bool fails = vv_alloc_fails_now() || bytes > PTRDIFF_MAX / count;
    return fails ? NULL : calloc(count, bytes);
}

void *vv_alloc_aligned(size_t alignment, size_t bytes)
{
    VV_ASSERT(bytes >= 1);
    VV_ASSERT(alignment >= sizeof(void *) && (alignment & (alignment - 1)) == 0);
    void *memory = NULL;
    if (vv_alloc_fails_now() || posix_memalign(&memory, alignment, bytes) != 0) {
        return NULL;
    }
    return memory;
}

void *vv_realloc(void *memory, size_t bytes)
{
    VV_ASSERT(bytes >= 1);
    return vv_alloc_fails_now() ? NULL : realloc(memory, bytes);
}

void vv_free(void *memory)
{
    free(memory);
}

uint64_t vv_alloc_count(void)
{
    return atomic_load_explicit(&allocation_count, memory_order_relaxed);
}

void vv_alloc_fail_at(uint64_t n)
{
    atomic_store_explicit(&failure_lasts, false, memory_order_relaxed);
    atomic_store_explicit(&allocations_until_failure, n, memory_order_relaxed);
}

void vv_alloc_fail_from(uint64_t n)
{
    atomic_store_explicit(&failure_lasts, true, memory_order_relaxed);
    atomic_store_explicit(&allocations_until_failure, n, memory_order_relaxed);
}
