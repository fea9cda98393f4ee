/*
 * pages.c - anonymous mappings, aligned by mapping too much and giving the ends back.
 *
 *   mapped  |~~~~ unmapped again ~~~~|######## kept ########|~~ unmapped again ~~|
 *                                    ^ multiple of 2 MiB
 */
#include "os/pages.h"

#include <errno.h>
#include <stdint.h>
#include <sys/mman.h>

#include "base/status.h"
#include "os/alloc.h"

static uint8_t *map_pages(size_t bytes)
{
    void *mapped = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return mapped == MAP_FAILED ? NULL : mapped;
}

/* bytes at a multiple of VV_PAGES_HUGE_BYTES. */
static uint8_t *map_aligned(size_t bytes)
{
    size_t mapped_bytes = 0;
    if (__builtin_add_overflow(bytes, (size_t)VV_PAGES_HUGE_BYTES, &mapped_bytes)) {
        return NULL;
    }
    uint8_t *mapped = map_pages(mapped_bytes);
    if (mapped == NULL) {
        return NULL;
    }
    size_t before_bytes = -(uintptr_t)mapped & (VV_PAGES_HUGE_BYTES - 1);
    size_t after_bytes = VV_PAGES_HUGE_BYTES - before_bytes;
    uint8_t *pages = mapped + before_bytes;
    if (before_bytes > 0) {
        (void)munmap(mapped, before_bytes); /* a failure wastes address space, no more */
    }
    (void)munmap(pages + bytes, after_bytes);
    return pages;
}

void *vv_pages_alloc(size_t bytes)
{
    VV_ASSERT(bytes > 0 && bytes % VV_PAGES_SMALL_BYTES == 0);
    if (vv_alloc_fails_now()) {
        return NULL;
    }
    if (bytes < VV_PAGES_HUGE_BYTES) {
        return map_pages(bytes);
    }
    uint8_t *pages = map_aligned(bytes);
    if (pages != NULL) {
        (void)madvise(pages, bytes, MADV_HUGEPAGE); /* a wish */
    }
    return pages;
}

void *vv_pages_alloc_sparse(size_t bytes)
{
    VV_ASSERT(bytes > 0 && bytes % VV_PAGES_SMALL_BYTES == 0);
    return vv_alloc_fails_now() ? NULL : map_aligned(bytes);
}

void *vv_pages_realloc(void *pages, size_t old_bytes, size_t bytes)
{
    VV_ASSERT(bytes > 0 && bytes % VV_PAGES_SMALL_BYTES == 0);
    if (vv_alloc_fails_now()) {
        return NULL;
    }
    if (pages == NULL) {
        return map_pages(bytes);
    }
    void *moved = mremap(pages, old_bytes, bytes, MREMAP_MAYMOVE);
    return moved == MAP_FAILED ? NULL : moved;
}

void vv_pages_free(void *pages, size_t bytes)
{
    if (pages == NULL || munmap(pages, bytes) == 0) {
        return;
    }
    /* Taking a piece out of a mapping makes two of one, of which there may be no more: the memory
     * goes, the addresses stay. */
    VV_ASSERT(errno == ENOMEM);
    (void)madvise(pages, bytes, MADV_DONTNEED);
}
