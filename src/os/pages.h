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
/* The same bytes as asked for. NULL is fine. */
void vv_pages_free(void *pages, size_t bytes);

#endif
