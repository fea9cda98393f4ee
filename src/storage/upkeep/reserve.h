/*
 * reserve.h - room on the disk that is kept for what frees more: deletions, retention, flushes.
 *
 *   whole --lend--> lent (the file is gone, its room is free) --return--> whole
 *     \--the disk is full, and more is asked for--> short <--no room to fill it again--/
 *
 * An empty file that holds room behind its end. While it is not whole, appends are refused before
 * anything of them is accepted; whoever frees space does without first, and borrows where that
 * fails.
 */
#ifndef VARVE_STORAGE_RESERVE_H
#define VARVE_STORAGE_RESERVE_H

#include <stdatomic.h>

#include "os/thread.h"
#include "storage/manifest/manifest.h"
#include "storage/report.h"

#define VV_RESERVE_NAME "reserve"

struct vv_reserve {
    /* Constant after init. */
    const struct vv_shard_place *place;
    const struct vv_report *report;
    uint64_t fixed_bytes; /* 0: what is asked for */

    _Atomic bool is_short;       /* lent, or the disk has no room for all of it */
    _Atomic uint64_t held_bytes; /* room */

    /* Guarded by mutex. */
    struct vv_mutex mutex;
    unsigned borrowers;
    bool is_impossible; /* said once: the file cannot be made, for another reason than room */
};

/* place and report must outlive it. No file is made yet. fixed_bytes: options.reserve_bytes. */
void vv_reserve_init(struct vv_reserve *reserve, const struct vv_shard_place *place,
                     const struct vv_report *report, uint64_t fixed_bytes);
void vv_reserve_fini(struct vv_reserve *reserve);

/* How large it is if so many bytes are asked for: a little more, within bounds. */
uint64_t vv_reserve_bytes(const struct vv_reserve *reserve, uint64_t asked_bytes);

/* Whether the file is too small, or much too large. Cheap. */
static inline bool vv_reserve_is_due(const struct vv_reserve *reserve, uint64_t asked_bytes)
{
    uint64_t held = atomic_load(&reserve->held_bytes);
    uint64_t bytes = vv_reserve_bytes(reserve, asked_bytes);
    return atomic_load(&reserve->is_short) || held < bytes || held / 2 > bytes;
}

/* Gives the file the size that is asked for, unless somebody borrows; then, or without room for
 * it, is_short is left set. Threads: any. */
void vv_reserve_fill(struct vv_reserve *reserve, uint64_t asked_bytes);

/* The same for many that find it due at once: the first of them does it for all. */
void vv_reserve_fill_if_due(struct vv_reserve *reserve, uint64_t asked_bytes);

/* Gives its room back to the disk until as many have returned it as have borrowed it. False: there
 * is nothing to give. Threads: any. */
bool vv_reserve_lend(struct vv_reserve *reserve) VARVE_MUST_CHECK;
void vv_reserve_return(struct vv_reserve *reserve, uint64_t asked_bytes);

#endif
