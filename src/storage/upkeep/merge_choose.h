/*
 * merge_choose.h - which blocks are to be merged next. Pure: blocks in, choice out.
 *
 *   time -->                                  a merge is due where
 *   [b1][b2][b3][b4]                 small neighbours in time fit into one block (count)
 *   [  b5    ][  b6    ]             or many of a size lie over one another (depth)
 */
#ifndef VARVE_STORAGE_MERGE_CHOOSE_H
#define VARVE_STORAGE_MERGE_CHOOSE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { VV_MERGE_BLOCKS = 4, VV_MERGE_CANDIDATES_MAX = 4096 };

struct vv_merge_block {
    uint64_t lsn_min; /* holds what was logged in (lsn_min, lsn_max] */
    uint64_t lsn_max;
    uint64_t clean_lsn; /* deletions up to here have been applied to its samples */
    uint64_t bytes;
    int64_t time_min; /* of samples; greater than time_max: there are none */
    int64_t time_max;
    bool has_tombstones; /* that something needs: they delete from blocks before it, at any time */
    bool readable;       /* false: quarantined, must stay as it is */
};

/* Whether two blocks may have samples at the same timestamp. */
bool vv_merge_blocks_meet(const struct vv_merge_block *a, const struct vv_merge_block *b);

/* Adds to the chosen blocks those that lie between them in the log and cannot stay outside: they
 * meet them, delete from them, or something is deleted from them. The rest commutes with the merged
 * block. False: one of them is not readable. Cost: count squared. */
bool vv_merge_close(const struct vv_merge_block *blocks, size_t count, bool *chosen);

/**
 * vv_merge_choose() - the cheapest merge that is due.
 *
 * @blocks     in log order, at most VV_MERGE_CANDIDATES_MAX.
 * @target     bytes that a merged block should have at most.
 * @chosen     out, count entries, always written: closed as by vv_merge_close().
 * @slices_max out: into so many blocks the merged ones may be cut at most, so that a merge always
 *             leaves fewer blocks, or fewer over one another.
 * False: nothing is due.
 */
bool vv_merge_choose(const struct vv_merge_block *blocks, size_t count, uint64_t target,
                     bool *chosen, size_t *slices_max);

#endif
