/*
 * shard_salvage.h - the best shard that can be made out of a damaged one.
 */
#ifndef VARVE_STORAGE_SHARD_SALVAGE_H
#define VARVE_STORAGE_SHARD_SALVAGE_H

#include "storage/storage_impl.h"

struct vv_shard_salvage {
    struct vv_shard_place from; /* only read */
    int to;                     /* directory: empty */
    varve_duplicates duplicates;
    const struct vv_report *report; /* told of everything that is lost or odd, by file and offset */

    /* Out. */
    uint64_t files; /* that were read */
    uint64_t bytes;
    uint64_t blocks;         /* in the result, the one of the log not counted */
    uint64_t blocks_damaged; /* of them: written anew without what is lost */
    uint64_t blocks_lost;
    uint64_t samples;      /* in the result */
    uint64_t samples_lost; /* of blocks, as far as it is known how many they had */
    uint64_t log_lsn;      /* where the log that is left begins; UINT64_MAX: there is none */
};

/* The uuid that most files in the directory bear; NOT_FOUND. */
varve_status vv_shard_salvage_uuid(const struct vv_shard_place *place,
                                   uint8_t uuid[16]) VARVE_MUST_CHECK;

/**
 * vv_shard_salvage() - take whatever is intact: blocks, chunks of damaged blocks, frames of the
 * log.
 *
 * With a lost manifest, or where blocks that it lists are missing, the blocks that are there are
 * taken by what their headers say. What is made is a shard without damage, verified, with an empty
 * log. OK also if nothing could be saved. NO_SPACE, NO_MEMORY, IO of the result: it is incomplete.
 */
varve_status vv_shard_salvage(struct vv_shard_salvage *salvage,
                              varve_error *error) VARVE_MUST_CHECK;

/* ---- inside, shared by the files of this part ---- */

/* A block that may be taken. */
struct vv_salvage_block {
    uint64_t id;
    const struct vv_block_info *expected; /* what the manifest says, or NULL: it does not list it */
    struct vv_block *block;               /* NULL: it cannot be opened */
    bool repaired; /* opened from the working copy in the result's directory */
    bool chosen;
};

/* Which of the blocks that can be opened are live. trust_manifest: those that it lists. */
void vv_salvage_choose(struct vv_salvage_block *blocks, size_t count, bool trust_manifest);

/* shard_salvage_log.c: copies the log segments, with headers mended where frames tell what they
 * were. */
varve_status vv_salvage_log(struct vv_shard_salvage *salvage, varve_error *error) VARVE_MUST_CHECK;

/* Copies the first length bytes of a file under another name, beginning with the bytes of header
 * (nullable) instead of its own. *status_of_source: CORRUPT or IO if it cannot be read. */
varve_status vv_salvage_copy(struct vv_shard_salvage *salvage, const char *from, const char *to,
                             uint64_t length, const uint8_t *header, size_t header_bytes,
                             varve_status *status_of_source, varve_error *error) VARVE_MUST_CHECK;

#endif
