/*
 * head.h - the samples in memory: what an append touches in one cache line of four series, samples
 * in extents, sealed ones in chunks, by generation.
 *
 *   line of refs 4n .. 4n+3:  lock, generation; for each: newest extent, samples in it, last time
 *                               |
 *   newest extent --older--> extent --older--> chunks --older--> extent of the generation before
 *
 * A generation is what one flush writes as one block: the flush closes it, appends go on in the
 * next one. Its extents stay readable until the view that contains the block is the only one left
 * (view.h).
 */
#ifndef VARVE_STORAGE_HEAD_H
#define VARVE_STORAGE_HEAD_H

#include <stdatomic.h>

#include "os/thread.h"
#include "pool/page_arena.h"
#include "pool/pool.h"
#include "pool/slab_directory.h"
#include "query/merge.h"

enum {
    VV_HEAD_LINE_SERIES = 4, /* neighbouring refs that share a lock and a cache line */
    VV_HEAD_LINE_ALL = (1 << VV_HEAD_LINE_SERIES) - 1, /* their bits */
    VV_HEAD_PAGE_SERIES = 1 << 12,                     /* refs whose lines are allocated together */
    VV_HEAD_PAGES = 1 << 14,
    VV_HEAD_REFS_MAX = VV_HEAD_PAGES * VV_HEAD_PAGE_SERIES,
    VV_HEAD_FLOORS = 8,          /* generations whose earliest times are told apart */
    VV_HEAD_EXTENT_POOLS = 4,    /* raw ones of 64, 128 and 256 bytes: 3, 7 and 15 samples; others
                                    of 64 bytes */
    VV_TAIL_SAMPLES_MAX = 1010,  /* a tail in time order is sealed at this size, and the rest of its
                                    last extent: one chunk. Mostly the flush comes first, and a
                                    sample is encoded once */
    VV_TAIL_UNORDERED_MAX = 4096 /* one that overlaps its run, at this: fewer overlapping chunks */
};

/* What an append to one of four neighbouring series reads and writes, beside the samples. Writers
 * whose refs lie in different aligned runs of VV_HEAD_LINE_SERIES never meet. All but the lock is
 * guarded by it. */
struct vv_head_line {
    _Alignas(64) struct vv_spin lock;
    uint8_t defined; /* a bit for each series, of this generation: see vv_head_is_defined() */
    _Atomic uint8_t position; /* low bits of where it stands among the locks of its holder */
    uint8_t latest; /* for each series a bit: time_last is the greatest time that it has anywhere */
    uint32_t generation; /* low bits of that which form, count and last_time belong to */
    uint8_t form[VV_HEAD_LINE_SERIES];    /* kind and policy of the newest extent */
    uint8_t count[VV_HEAD_LINE_SERIES];   /* samples in it; 255: it takes none */
    uint32_t newest[VV_HEAD_LINE_SERIES]; /* its handle; 0: the series has none */
    int64_t time_last[VV_HEAD_LINE_SERIES];
};

/* What was found to be the newest sample of a series, behind the lines of the page: right as long
 * as its time is the line's time_last and that is known to be the latest. See head_latest.h. */
struct vv_newest {
    uint64_t time; /* vv_newest_time() of a timestamp; 0, as in fresh memory: none */
    double value;
};

struct vv_head {
    /* Constant after init. */
    _Atomic(struct vv_head_line *) *pages; /* VV_HEAD_PAGES entries, filled in as refs come */
    struct vv_slab_directory slabs;
    struct vv_pool *extents[VV_HEAD_EXTENT_POOLS];

    struct vv_mutex page_mutex;
    struct vv_page_arena page_arena; /* under page_mutex */

    _Alignas(64) _Atomic uint64_t bytes; /* memory of extents and chunks */
    _Atomic uint64_t tombstones;         /* extents of them */
    _Atomic uint64_t contended;          /* locks that were not free when somebody came */
    _Atomic uint64_t latest_stamp;       /* see vv_head_latest_stamp() */
    _Atomic int64_t blocks_time_max;     /* greatest time of any sample that is not in the head */
    _Alignas(64) _Atomic int64_t floors[VV_HEAD_FLOORS]; /* see vv_head_time_floor() */
    _Alignas(64) _Atomic uint64_t samples; /* changes with every append: apart from the others */
};

/* NO_MEMORY: nothing is to be undone. */
varve_status vv_head_init(struct vv_head *head) VARVE_MUST_CHECK;
/* Everything must have been dropped. A zeroed head is fine. */
void vv_head_fini(struct vv_head *head);

/* ------------------------------------------------------------------------------- locks */

enum { VV_HEAD_LOCKS_FEW = 8, VV_HEAD_LOCKS_MAX = 1 << 16 };

/* Neighbouring entries of a batch whose series lie in one line. */
struct vv_head_piece {
    struct vv_head_line *line; /* NULL: given back already */
    uint16_t first;            /* entry */
    uint16_t more;             /* entries behind it */
    uint8_t at;                /* series of the first entry, 0 to 3 in the line */
    bool whole;                /* they are the line's four series in order */
    bool comes_back;           /* the line does, in a later piece */
};

/* The locks that one batch holds. In the caller's memory; one may be used for batch after batch and
 * then allocates only for the first large one. */
struct vv_head_locks {
    struct vv_head_piece
        *pieces;        /* from the front: the first of each line, from the back: others */
    size_t count;       /* first ones: each has a lock */
    size_t again_count; /* others */
    size_t capacity;
    bool defined;        /* all lines are of one generation, and all series are defined in it */
    uint32_t generation; /* low bits of it, then */
    struct vv_head_piece few[VV_HEAD_LOCKS_FEW];
};

void vv_head_locks_init(struct vv_head_locks *locks);
void vv_head_locks_fini(struct vv_head_locks *locks);

/**
 * vv_head_lock_refs() - takes the locks of all refs of a batch, so that it is logged and applied in
 * one order with every other batch that shares a series with it.
 *
 * Nobody waits in a circle: locks are waited for in ascending order only. Waiting spins, then
 * yields. The thread must hold no locks of this head yet; a holder waits for nothing and calls
 * nothing that does.
 *
 * @refs   of series of this shard, in any order; ascending, or each once, is cheapest.
 * @count  at most VV_HEAD_LOCKS_MAX.
 * @locks  initialised, holding nothing.
 *
 * Returns VARVE_OK;  VARVE_NO_MEMORY  nothing is locked.
 */
varve_status vv_head_lock_refs(struct vv_head *head, const uint32_t *refs, size_t count,
                               struct vv_head_locks *locks) VARVE_MUST_CHECK;
/* The same for count refs that follow each other from the first on: with a third of the work. */
varve_status vv_head_lock_range(struct vv_head *head, uint32_t first, size_t count,
                                struct vv_head_locks *locks) VARVE_MUST_CHECK;
void vv_head_unlock_refs(struct vv_head_locks *locks);
/* Returns when everybody who held a lock at the call has let go of it. Takes each lock for a
 * moment. */
void vv_head_wait_for_holders(struct vv_head *head);

/* --------------------------------------------------------- writing; needs the locks of the refs */

/* What is to be added: entry i to the run of refs[i] under this policy in this generation. */
struct vv_head_batch {
    const uint32_t *refs;
    const int64_t *timestamps;
    const double *values;
    varve_duplicates policy;
    uint64_t generation;
};

/* Adds the samples for whose refs the locks were taken, each series' in their order, resolving
 * duplicates within the run's tail, and lets go of the locks. NO_MEMORY: some may have been added,
 * and the locks of those that have not are still held. */
varve_status vv_head_insert_and_unlock(struct vv_head *head, const struct vv_head_batch *batch,
                                       struct vv_head_locks *locks) VARVE_MUST_CHECK;

/* Removes the range from the series' runs of this generation and, if older data may exist,
 * remembers it as a tombstone. */
varve_status vv_head_delete(struct vv_head *head, uint32_t ref, uint64_t generation,
                            struct vv_range range, bool older_data) VARVE_MUST_CHECK;

/* Whether the log has the definition of the series since this generation began; to be set when it
 * has, and forgotten if it turns out not to. */
/* Whether that holds for the whole batch of these locks: known since they were taken, and before
 * anything was set or inserted. False is no proof. */
static inline bool vv_head_locks_are_defined(const struct vv_head_locks *locks, uint64_t generation)
{
    return locks->defined && locks->generation == (uint32_t)generation;
}
bool vv_head_is_defined(const struct vv_head *head, uint32_t ref, uint64_t generation);
void vv_head_set_defined(struct vv_head *head, uint32_t ref, uint64_t generation);
void vv_head_forget_defined(struct vv_head *head, uint32_t ref);

/* --------------------------------------------------- reading and giving back; takes the lock */

/* The sample with the greatest timestamp of a series, if the head knows which that is: from the
 * first sample that is later than everything in blocks, or since it was noted, until something
 * happens that makes it unsure. False: ask all sources. No allocation; no waiting for a lock while
 * the series is written to. Cost: the line and one or two lines of the extent; leaves the sample
 * where vv_head_latest_near() finds it. */
bool vv_head_latest(struct vv_head *head, uint32_t ref, int64_t *timestamp, double *value);
/* Asks for the memory that reading the newest sample will touch: for many series the first step for
 * all, then the second, then the reading. */
void vv_head_prefetch_latest(const struct vv_head *head, uint32_t ref, unsigned step);
/* All sources say that this is it. stamp: vv_head_latest_stamp() before they were asked; what
 * happened since is found out. */
uint64_t vv_head_latest_stamp(const struct vv_head *head);
void vv_head_note_latest(struct vv_head *head, uint32_t ref, uint64_t stamp, int64_t timestamp,
                         double value);
/* Samples up to this time are to be found in blocks, too: before any of those that the head had is
 * given back. */
void vv_head_note_blocks(struct vv_head *head, int64_t time_max);
/* Samples have got into blocks that never were in the head. */
void vv_head_forget_latest(struct vv_head *head);

/* A time before which the head has nothing: no sample that was added before the call, and no range
 * that was deleted, in any generation that was not given back. INT64_MAX if it is empty. A query
 * that ends there need not look at any series. Takes no lock; reads one cache line, which is
 * written only when something comes that is earlier than all of its generation. */
static inline int64_t vv_head_time_floor(const struct vv_head *head)
{
    int64_t floor = INT64_MAX;
    for (size_t i = 0; i < VV_HEAD_FLOORS; i++) {
        int64_t own = atomic_load_explicit(&head->floors[i], memory_order_relaxed);
        floor = own < floor ? own : floor;
    }
    return floor;
}
/* Everything of generations up to this one was given back; open is the one that takes appends.
 * Until the next one begins the caller alone calls this. */
void vv_head_raise_floor(struct vv_head *head, uint64_t up_to, uint64_t open);

/* A growing list of merge sources, oldest first. */
struct vv_source_list {
    struct vv_query_memory *memory; /* nullable: the heap; for the list and its iterators */
    struct vv_merge_source *list;
    size_t count;
    size_t capacity;
    bool is_lent; /* list is the caller's memory, not to be freed */
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
 * stand with the first source of their generation.
 * @tombstones  room for copies of the tombstone ranges that the sources point to; the caller frees
 *              *tombstones with vv_free() after the merge is made.
 */
varve_status vv_head_sources(struct vv_head *head, uint32_t ref, uint64_t after, uint64_t up_to,
                             int64_t start, int64_t end, struct vv_source_list *sources,
                             struct vv_range **tombstones) VARVE_MUST_CHECK;
/* The same for a caller that holds the lock. */
varve_status vv_head_sources_locked(struct vv_head *head, uint32_t ref, uint64_t after,
                                    uint64_t up_to, int64_t start, int64_t end,
                                    struct vv_source_list *sources,
                                    struct vv_range **tombstones) VARVE_MUST_CHECK;

enum { VV_HEAD_NEAR_MAX = 8 };

/* Brings what the head has of a few series (at most VV_HEAD_NEAR_MAX) in the generations
 * (after, up_to] into the cache, for sources that are asked for next: their chains are followed
 * side by side, so that they wait for memory together. Nothing of these generations may be given
 * back meanwhile. */
void vv_head_bring_near(struct vv_head *head, const uint32_t *refs, size_t count, uint64_t after,
                        uint64_t up_to);

/* Whether the series has samples or tombstones in the generations (after, up_to]. */
bool vv_head_has_series(struct vv_head *head, uint32_t ref, uint64_t after, uint64_t up_to);

/* Greatest timestamp in the generations behind after; INT64_MIN if there are no samples. */
int64_t vv_head_time_max(struct vv_head *head, uint32_t ref, uint64_t after);

/* What the head has of some series. */
struct vv_head_figures {
    struct vv_range range; /* least and greatest timestamp; {INT64_MAX, INT64_MIN}: no samples */
    uint64_t samples;
    uint64_t sealed_samples; /* of samples: in chunks */
    uint64_t sealed_bytes;   /* of the head's bytes: chunks */
};
#define VV_HEAD_FIGURES_NONE ((struct vv_head_figures){.range = {INT64_MAX, INT64_MIN}})
/* Adds what it has of this one behind after. */
void vv_head_measure(struct vv_head *head, uint32_t ref, uint64_t after,
                     struct vv_head_figures *figures);

/**
 * vv_head_seal_idle() - seal the tails of a line that got no sample since the last visit.
 *
 * Tails of a few dozen samples and more, of generations behind after; what is in them stays known
 * as it is, their latest sample too. Nothing of a flush may be under way.
 * @ref    the first of the line.
 * @marks  what the last visit left there, one for each of the line's series; 0: none yet.
 * Returns how many were sealed; a tail for whose chunks there is no memory is left as it is. Cost:
 * the line, and an extent of each series that has got samples and then none.
 */
size_t vv_head_seal_idle(struct vv_head *head, uint32_t ref, uint64_t after, uint32_t *marks);

/* Gives back what belongs to generations up to this one; returns how many bytes. */
uint64_t vv_head_drop(struct vv_head *head, uint32_t ref, uint64_t up_to);
/* The same for all series of up to VV_HEAD_DROP_LINES_MAX lines, from ref's on, in turn: while one
 * waits for memory the others are on. */
#define VV_HEAD_DROP_LINES_MAX 4u
uint64_t vv_head_drop_lines(struct vv_head *head, uint32_t ref, size_t line_count, uint64_t up_to);

#endif
