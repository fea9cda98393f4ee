/*
 * shard_bulk.h - samples that go straight to a block: collected, sorted, attached at once.
 *
 *   add --> rows in memory --full: sorted--> run (a block without a name) --many: merged--> run
 *   attach: the last run or the merge of all --verified, placed in the log, named--> live block
 *
 * The log sees nothing of the samples but their place in it. Until it is attached a bulk is
 * invisible, and a crash or vv_shard_bulk_destroy() leaves nothing of it.
 */
#ifndef VARVE_STORAGE_SHARD_BULK_H
#define VARVE_STORAGE_SHARD_BULK_H

#include "pool/arena.h"
#include "storage/series/series_table.h"
#include "storage/storage_impl.h"

struct vv_shard_bulk;

/* memory_bytes: what is held of samples before they are written to a file. policy: not DEFAULT. */
varve_status vv_shard_bulk_create(struct vv_shard *shard, uint64_t memory_bytes,
                                  varve_duplicates policy, struct vv_shard_bulk **bulk,
                                  varve_error *error) VARVE_MUST_CHECK;
/* Gives up what was not attached. NULL is fine. */
void vv_shard_bulk_destroy(struct vv_shard_bulk *bulk);

/* Adds samples behind those that were added before; any order of series and timestamps. INVALID: a
 * ref that was not resolved, or timestamp INT64_MAX; nothing was added. EXISTS (policy ERROR): a
 * timestamp came twice; then, and after NO_MEMORY, NO_SPACE and IO, the bulk can only be
 * destroyed. */
varve_status vv_shard_bulk_add(struct vv_shard_bulk *bulk, const uint32_t *refs,
                               const int64_t *timestamps, const double *values, size_t count,
                               varve_error *error) VARVE_MUST_CHECK;

/**
 * vv_shard_bulk_attach() - make everything added visible and durable, all at once.
 *
 * As if it had been appended at one moment during the call: later than what was in the log then.
 * EXISTS (policy ERROR): a timestamp is taken. On failure nothing of it is there, unless it is
 * UNKNOWN: then the next open tells.
 */
varve_status vv_shard_bulk_attach(struct vv_shard_bulk *bulk, varve_error *error) VARVE_MUST_CHECK;

/* ---- inside, shared by the files of this part ---- */

struct vv_bulk_page;

/* What is held of one series. */
struct vv_bulk_series {
    struct vv_bulk_page *first;
    struct vv_bulk_page *last;
    uint64_t count;
    int64_t time_max; /* of the last sample that was added */
    bool ascends;     /* every timestamp is greater than the one before */
};

/* Samples in memory, by series. A zeroed struct is empty. */
struct vv_bulk_rows {
    struct vv_arena arena;
    struct vv_bulk_series *series; /* by ref */
    uint32_t series_capacity;
    uint32_t *touched; /* refs of series with samples */
    size_t touched_count;
    size_t touched_capacity;
    uint64_t samples;
    uint64_t unsorted_max; /* samples of the largest series that has to be sorted */
};

void vv_bulk_rows_init(struct vv_bulk_rows *rows);
void vv_bulk_rows_fini(struct vv_bulk_rows *rows);
/* NO_MEMORY: some of the samples may have been added. */
varve_status vv_bulk_rows_add(struct vv_bulk_rows *rows, const uint32_t *refs,
                              const int64_t *timestamps, const double *values,
                              size_t count) VARVE_MUST_CHECK;
/* Bytes that are held, and that writing would take in addition. */
uint64_t vv_bulk_rows_bytes(const struct vv_bulk_rows *rows);
/* Writes all series in key order to a block and forgets them. EXISTS: see vv_shard_bulk_add(). */
varve_status vv_bulk_rows_write(struct vv_bulk_rows *rows, const struct vv_series_table *table,
                                varve_duplicates policy, struct vv_block_writer *writer,
                                varve_error *error) VARVE_MUST_CHECK;

/* Writes the merge of blocks, oldest first, that have no tombstones. */
varve_status vv_bulk_merge(struct vv_block *const *blocks, size_t count,
                           struct vv_block_writer *writer, varve_error *error) VARVE_MUST_CHECK;

#endif
