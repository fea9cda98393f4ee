/*
 * heap_count.c - malloc() and its kind, counted by thread.
 *
 * Defined in the program, these names come before those of glibc for every library that it loads;
 * the work is done by glibc under its inner names. free() is left alone.
 */
#include "heap_count.h"

#include <errno.h>
#include <stddef.h>

#define EXPORTED __attribute__((visibility("default")))

void *__libc_malloc(size_t bytes);
void *__libc_calloc(size_t count, size_t bytes);
void *__libc_realloc(void *memory, size_t bytes);
void *__libc_memalign(size_t alignment, size_t bytes);

EXPORTED void *malloc(size_t bytes);
EXPORTED void *calloc(size_t count, size_t bytes);
EXPORTED void *realloc(void *memory, size_t bytes);
EXPORTED void *aligned_alloc(size_t alignment, size_t bytes);
EXPORTED int posix_memalign(void **memory, size_t alignment, size_t bytes);

static _Thread_local uint64_t calls;

uint64_t bench_heap_calls(void)
{
    return calls;
}

void *malloc(size_t bytes)
{
    calls++;
    return __libc_malloc(bytes);
}

void *calloc(size_t count, size_t bytes)
{
    calls++;
    return __libc_calloc(count, bytes);
}

void *realloc(void *memory, size_t bytes)
{
    calls++;
    return __libc_realloc(memory, bytes);
}

void *aligned_alloc(size_t alignment, size_t bytes)
{
    calls++;
    return __libc_memalign(alignment, bytes);
}

int posix_memalign(void **memory, size_t alignment, size_t bytes)
{
    calls++;
    void *taken = __libc_memalign(alignment, bytes);
    if (taken == NULL) {
        return ENOMEM;
    }
    *memory = taken;
    return 0;
}
