/*
 * pages.h - large pieces of memory straight from the kernel, on huge pages where there are any.
 *
 * For slabs that live long and are carved up by their owner: one translation entry covers 2 MiB,
 * and what is freed goes back to the system at once. Counted and made to fail as os/alloc.h says.
 */
#ifndef VARVE_OS_PAGES_H
#define VARVE_OS_PAGES_H

#include <stddef.h>

enum { VV_PAGES_HUGE_BYTES = 2 << 20, VV_PAGES_SMALL_BYTES = 64 << 10 };

/* Zeroed; bytes is a multiple of VV_PAGES_SMALL_BYTES (any page size up to 64 KiB divides it). From
 * VV_PAGES_HUGE_BYTES on aligned to that, and huge pages are asked for. NULL when memory is out. */
void *vv_pages_alloc(size_t bytes);
/* The same, always aligned to VV_PAGES_HUGE_BYTES, without asking for huge pages: for what may stay
 * untouched for the most part, which then costs nothing. */
void *vv_pages_alloc_sparse(size_t bytes);
/* Makes pages (NULL: none yet) of old_bytes into bytes, zeroed where they are new; they may move,
 * which copies nothing. No huge pages, no alignment but that of a page. NULL when memory is out:
 * then nothing has changed. */
void *vv_pages_realloc(void *pages, size_t old_bytes, size_t bytes);
/* So many bytes in whole small pages. */
static inline size_t vv_pages_round(size_t bytes)
{
    return (bytes + VV_PAGES_SMALL_BYTES - 1) / VV_PAGES_SMALL_BYTES * VV_PAGES_SMALL_BYTES;
}
/* The same bytes as asked for. NULL is fine. */
void vv_pages_free(void *pages, size_t bytes);

#endif
