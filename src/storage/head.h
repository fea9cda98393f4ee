/*
 * head.h - the samples in memory: runs, tails and chunks of each series, by generation.
 *
 *   series --> oldest run --> ... --> newest run
 *                 run: [chunk][chunk]...[tail]        one generation, one duplicate policy
 *
 * A generation is what one flush writes as one block: the flush closes it, appends go on in the
 * next one. Its runs stay readable until the view that contains the block is the only one left
 * (view.h).
 */
#ifndef VARVE_STORAGE_HEAD_H
#define VARVE_STORAGE_HEAD_H

#include <stdatomic.h>

#include "os/thread.h"
#include "query/merge.h"
#include "storage/series_table.h"

enum {
    VV_HEAD_LOCKS = 256,
    VV_HEAD_LOCK_SERIES = 64,    /* neighbouring refs that share a lock */
    VV_TAIL_SAMPLES_MAX = 1024,  /* a tail in time order is sealed at this size: mostly the flush
                                    comes first, and a sample is encoded once */
    VV_TAIL_UNORDERED_MAX = 4096 /* one that overlaps its run, at this: fewer overlapping chunks */
};

struct vv_head_lock {
    _Alignas(64) struct vv_spin spin;
};

struct vv_head {
    struct vv_head_lock locks[VV_HEAD_LOCKS];
    _Atomic uint64_t bytes;   /* memory of runs, tails and chunks */
    _Atomic uint64_t samples; /* in them */
};

/* A deletion that older generations and blocks must be read through. */
struct vv_head_tombstone {
    uint64_t generation;
    struct vv_range range;
};

void vv_head_init(struct vv_head *head);

/* The locks that a batch holds from before its place in the log is known until its last sample is
 * in the head: so the order of the log and of the head is the same for every series. */
struct vv_head_locks {
    uint64_t taken[VV_HEAD_LOCKS / 64]; /* one bit each */
};

/* Takes the locks of all these series, in an order that is the same for everybody: nobody waits in
 * a circle. The holder waits for nothing and calls nothing that does. */
void vv_head_lock_refs(struct vv_head *head, const uint32_t *refs, size_t count,
                       struct vv_head_locks *locks);
void vv_head_unlock_refs(struct vv_head *head, const struct vv_head_locks *locks);
/* Returns when everybody who held a lock at the call has let go of it. */
void vv_head_wait_for_holders(struct vv_head *head);

/* Adds samples to the series' run of this generation and policy, one after the other, resolving
 * duplicates within the run's tail. Readers see all of them or none. NO_MEMORY: the first ones may
 * have been added. Needs the series' lock, where others have the head. */
varve_status vv_head_insert(struct vv_head *head, struct vv_series *series, uint64_t generation,
                            varve_duplicates policy, const int64_t *timestamps,
                            const double *values, size_t count) VARVE_MUST_CHECK;

/* The same for samples of many series: entry i goes to series[i]. Needs the locks of all. count is
 * at most a few hundred: all of it is prefetched first. */
varve_status vv_head_insert_batch(struct vv_head *head, struct vv_series *const *series,
                                  uint64_t generation, varve_duplicates policy,
                                  const int64_t *timestamps, const double *values,
                                  size_t count) VARVE_MUST_CHECK;

/* Removes the range from the series' runs of this generation and, if older data may exist,
 * remembers it as a tombstone. Needs the series' lock, where others have the head. */
varve_status vv_head_delete(struct vv_head *head, struct vv_series *series, uint64_t generation,
                            struct vv_range range, bool older_data) VARVE_MUST_CHECK;

/* A growing list of merge sources, oldest first. */
struct vv_source_list {
    struct vv_merge_source *list;
    size_t count;
    size_t capacity;
};
/* Gives back the iterators of sources that no merge has taken over, and the list. */
void vv_source_list_fini(struct vv_source_list *sources);
/* Appends; on failure the iterator of source is destroyed. */
varve_status vv_source_list_add(struct vv_source_list *sources,
                                struct vv_merge_source source) VARVE_MUST_CHECK;

/**
 * vv_head_sources() - what the head knows of a series in the generations (after, up_to].
 *
 * Copies tails and takes references to chunks, so that the sources outlive any change. Tombstones
 * stand with the first source of their generation. Takes the series' lock.
 * @tombstones  room for copies of the tombstone ranges that the sources point to; the caller frees
 *              *tombstones with vv_free() after the merge is made.
 */
varve_status vv_head_sources(struct vv_head *head, struct vv_series *series, uint64_t after,
                             uint64_t up_to, int64_t start, int64_t end,
                             struct vv_source_list *sources,
                             struct vv_range **tombstones) VARVE_MUST_CHECK;

/* Whether the series has samples or tombstones in the generations (after, up_to]. Takes the
 * lock. */
bool vv_head_has_series(struct vv_head *head, const struct vv_series *series, uint64_t after,
                        uint64_t up_to);

/* Greatest timestamp in the generations behind after; INT64_MIN if there are no samples. Takes the
 * lock. */
int64_t vv_head_time_max(struct vv_head *head, const struct vv_series *series, uint64_t after);

/* Adds the series' least and greatest timestamp behind after, and the number of its samples. Takes
 * the lock. */
void vv_head_measure(struct vv_head *head, const struct vv_series *series, uint64_t after,
                     struct vv_range *range, uint64_t *samples);

/* Gives back what belongs to generations up to this one; returns how many bytes. Takes the series'
 * lock. */
uint64_t vv_head_drop(struct vv_head *head, struct vv_series *series, uint64_t up_to);

#endif
