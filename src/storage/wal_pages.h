/*
 * wal_pages.h - the frames that are not durable yet, shared by the appending and the flushing side.
 */
#ifndef VARVE_STORAGE_WAL_PAGES_H
#define VARVE_STORAGE_WAL_PAGES_H

#include "storage/wal.h"

struct vv_wal_page {
    struct vv_wal_page *next;
    uint64_t first_lsn;
    size_t length; /* guarded by page_mutex; bytes below it are whole frames */
    size_t capacity;
    uint8_t bytes[];
};

/* Frees the pages that lie below lsn as a whole. */
void vv_wal_pages_release(struct vv_wal *wal, uint64_t lsn);

/* Seals every frame from durable_lsn on for another segment and continues the chain. chain_before:
 * the checksum of the frame that ends at durable_lsn. A page that straddles durable_lsn keeps its
 * older frames sealed for the old segment: they are never written again. Needs both mutexes. */
void vv_wal_pages_reseal(struct vv_wal *wal, uint64_t durable_lsn, uint64_t sequence,
                         uint64_t *chain_before);

#endif
