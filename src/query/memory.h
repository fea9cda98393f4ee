/*
 * memory.h - the memory of one query: bounded by its budget, used again by the next query.
 *
 *   free[c]  -> block of 128 << c bytes -> block -> ...      given back, not to the heap
 *
 * What a query gives back goes to lists by size, so that a query like the one before takes nothing
 * from the heap. Threads: one at a time.
 */
#ifndef VARVE_QUERY_MEMORY_H
#define VARVE_QUERY_MEMORY_H

#include "base/status.h"

enum {
    VV_QUERY_CLASSES = 20,            /* 128 bytes to 64 MiB; larger blocks go back to the heap */
    VV_QUERY_ALIGNMENT = 64,          /* of everything handed out */
    VV_QUERY_BYTES_MAX = 64 << 20,    /* default budget */
    VV_QUERY_KEPT_BYTES_MAX = 4 << 20 /* what an idle query keeps */
};

/* What a query reads, counted by the iterators that have its memory. */
struct vv_query_counts {
    uint64_t merged;          /* iterators over more than one source */
    uint64_t chunks;          /* in blocks, of what was opened */
    uint64_t chunks_answered; /* by statistics */
    uint64_t chunks_decoded;
    uint64_t rows_answered; /* buckets answered by rows of rollups */
    uint64_t samples_answered;
    uint64_t samples_read;
    uint64_t bytes_decoded;
};

struct vv_time_columns;

struct vv_query_memory {
    void *free[VV_QUERY_CLASSES];
    uint64_t held_bytes; /* taken from the heap */
    uint64_t used_bytes; /* of them handed out */
    uint64_t peak_bytes; /* most that was handed out since begin */
    uint64_t bytes_max;
    uint64_t allocations;                 /* from the heap since begin */
    struct vv_query_counts counts;        /* since begin */
    struct vv_time_columns *time_columns; /* NULL until one is needed; time_columns.h */
    bool refused;                         /* the budget was the reason for a NULL */
};

/* A zeroed struct is a memory without a budget yet. Begins a query: bytes_max 0 is the default. */
void vv_query_memory_begin(struct vv_query_memory *memory, uint64_t bytes_max);
/* Everything has been given back: keeps a moderate amount. */
void vv_query_memory_end(struct vv_query_memory *memory);
void vv_query_memory_fini(struct vv_query_memory *memory);

/* bytes >= 1, uninitialised. NULL: over the budget, or out of memory; see
 * vv_query_memory_status(). memory NULL: from the heap. */
void *vv_query_alloc(struct vv_query_memory *memory, size_t bytes);
void *vv_query_alloc_zeroed(struct vv_query_memory *memory, size_t bytes);
/* old (nullable) keeps its content, whatever fails. */
void *vv_query_realloc(struct vv_query_memory *memory, void *old, size_t bytes);
/* NULL is fine; memory as at the allocation. */
void vv_query_free(struct vv_query_memory *memory, void *bytes);

/* What a NULL meant: LIMIT or NO_MEMORY. */
varve_status vv_query_memory_status(const struct vv_query_memory *memory);

#endif
