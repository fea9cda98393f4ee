/*
 * head_line.h - inside of the head: from a ref to its line.
 */
#ifndef VARVE_STORAGE_HEAD_LINE_H
#define VARVE_STORAGE_HEAD_LINE_H

#include "storage/head.h"

/* The page must be there: it is for every ref that was ever locked. */
static inline struct vv_head_line *vv_head_line_of(const struct vv_head *head, uint32_t ref)
{
    struct vv_head_line *page =
        atomic_load_explicit(&head->pages[ref / VV_HEAD_PAGE_SERIES], memory_order_acquire);
    return page + ref % VV_HEAD_PAGE_SERIES / VV_HEAD_LINE_SERIES;
}

/* The same for a reader: NULL if nothing of the page's refs was ever locked. */
static inline struct vv_head_line *vv_head_find_line(const struct vv_head *head, uint32_t ref)
{
    struct vv_head_line *page =
        atomic_load_explicit(&head->pages[ref / VV_HEAD_PAGE_SERIES], memory_order_acquire);
    return page == NULL ? NULL : page + ref % VV_HEAD_PAGE_SERIES / VV_HEAD_LINE_SERIES;
}

/* Takes one lock and counts it if it was not free. */
void vv_head_lock_line(struct vv_head *head, struct vv_head_line *line);

#endif
