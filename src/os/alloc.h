/*
 * alloc.h - the only way to the system heap above base.
 *
 * vv_alloc() and friends return NULL when memory is out; callers turn that into VARVE_NO_MEMORY.
 * Calls are counted, and a test can make the n-th one fail (vv_alloc_fail_at).
 */
#ifndef VARVE_OS_ALLOC_H
#define VARVE_OS_ALLOC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

void *vv_alloc(size_t bytes);                      /* uninitialised; bytes >= 1 */
void *vv_alloc_zeroed(size_t count, size_t bytes); /* count * bytes, zeroed, overflow checked */
void *vv_alloc_aligned(size_t alignment, size_t bytes);
void *vv_realloc(void *memory, size_t bytes);
void vv_free(void *memory); /* NULL is fine */

/* Allocations since the start of the process; never decreases. */
uint64_t vv_alloc_count(void);
/* For tests: the n-th allocation from now (1 = the next) fails, once; 0 switches it off. */
void vv_alloc_fail_at(uint64_t n);
/* For tests: the n-th allocation from now and all behind it fail, until vv_alloc_fail_at(0). */
void vv_alloc_fail_from(uint64_t n);
/* For other sources of memory in os: counts one allocation; true if it is the one that has to
 * fail. */
bool vv_alloc_fails_now(void);

#endif
