/*
 * shard_copy.h - a shard as it is at one moment, made again in another directory: snapshots and
 * what is restored from them.
 */
#ifndef VARVE_STORAGE_SHARD_COPY_H
#define VARVE_STORAGE_SHARD_COPY_H

#include "storage/storage_impl.h"

struct vv_shard_copy {
    struct vv_shard_place from;
    int to; /* directory: empty */

    /* Blocks are immutable: link them where the file system can. previous: directory of an older
     * copy, whose blocks are linked where those of from cannot be; -1: none. */
    bool may_link;
    int previous;

    /* Nullable; called now and then with bytes of blocks; false ends the copy with CANCELLED. */
    bool (*progress)(void *context, uint64_t done, uint64_t total);
    void *context;

    /* Out. */
    uint64_t lsn; /* everything below is in the copy, and nothing else */
    uint64_t blocks;
    uint64_t blocks_linked;
    uint64_t bytes;
    uint64_t bytes_copied;
};

/**
 * vv_shard_copy() - copy the state that the shard has at some moment during the call.
 *
 * Works beside a writer in this process or another one: nothing is locked, nothing but copy->to is
 * written. What is made is synced, but for the name of the directory; on failure it is incomplete.
 * CORRUPT: something of the shard is damaged. BUSY: the writer changed it all the time. NO_SPACE,
 * IO, CANCELLED.
 */
varve_status vv_shard_copy(struct vv_shard_copy *copy, varve_error *error) VARVE_MUST_CHECK;

/* As vv_shard_copy() of a shard that is open for writing: with everything that was accepted before
 * the call; it makes no other changes for the moment that decides. copy->from is filled. */
varve_status vv_shard_copy_open(struct vv_shard *shard, struct vv_shard_copy *copy,
                                varve_error *error) VARVE_MUST_CHECK;

/* Opens what was copied and verifies every byte. CORRUPT: with the first place. place: the copy. */
varve_status vv_shard_copy_verify(const struct vv_shard_place *place, varve_duplicates duplicates,
                                  varve_check_report *figures, varve_error *error) VARVE_MUST_CHECK;

#endif
