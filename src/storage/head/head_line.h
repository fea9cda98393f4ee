/*
 * head_line.h - inside of the head: lines, and the extents that hang on them.
 *
 *   extent  | older, form, count, before, generation, version | sample | sample | sample | ...
 *            16 bytes                                           16 bytes each
 *
 * A run is what one generation has of one series under one policy, in log order: chunks, then a
 * tail of samples sorted by time and unique. It begins with the extent that says so.
 *
 * Everything is written under the lock of the line. What is read without it (head_latest.c) is the
 * line's newest extent, count, last times and latest bits, the extent's version, and raw samples:
 * these are written by the functions below that say "shared", as atomic stores with release order.
 */
#ifndef VARVE_STORAGE_HEAD_LINE_H
#define VARVE_STORAGE_HEAD_LINE_H

#include "storage/head/head.h"
#include "storage/head/head_chunk.h"

enum vv_extent_kind {
    VV_EXTENT_SMALL, /* raw samples in 64 << kind bytes */
    VV_EXTENT_MIDDLE,
    VV_EXTENT_LARGE,
    VV_EXTENT_LOOSE, /* a whole tail, on the heap: samples came late */
    VV_EXTENT_CHUNKS,
    VV_EXTENT_TOMBSTONES /* deletions in this generation, for older ones and blocks */
};

enum {
    VV_FORM_KIND = 7,
    VV_FORM_POLICY_SHIFT = 3,
    VV_FORM_POLICY = 7 << VV_FORM_POLICY_SHIFT,
    VV_FORM_BEGINS = 1 << 6,     /* the oldest extent of its run */
    VV_FORM_OLDER_FULL = 1 << 7, /* the next older extent is full, whatever its count says */
    VV_LINE_FORMS = 1 << 6,      /* a line knows kind and policy only */
    VV_COUNT_CLOSED = 255,       /* of a line: nothing may be added to the newest extent in place */
    VV_EXTENT_CHUNKS_MAX = 6,
    VV_EXTENT_TOMBSTONES_MAX = 3
};

struct vv_sample {
    int64_t timestamp;
    double value;
};

/* Shared: stores a sample into a raw extent. */
static inline void vv_sample_store(struct vv_sample *slot, struct vv_sample sample)
{
    __atomic_store(&slot->timestamp, &sample.timestamp, __ATOMIC_RELEASE);
    __atomic_store(&slot->value, &sample.value, __ATOMIC_RELEASE);
}

struct vv_loose_tail {
    int64_t *timestamps; /* capacity entries, values behind them in the same allocation */
    double *values;
    uint32_t count;
    uint32_t capacity;
};

struct vv_extent {
    uint32_t older; /* handle; 0: none */
    uint8_t form;
    uint8_t count; /* samples, chunks or ranges; of the newest extent if it is open: in the line */
    uint16_t before; /* raw: at most so many samples of this tail lie in older extents */
    uint32_t generation;
    _Atomic uint32_t version; /* shared: even while the samples that are there only grow in number;
                                 goes on when the memory is used again */
    union {
        struct vv_sample samples[3]; /* or more */
        struct vv_loose_tail loose;
        struct vv_head_chunk *chunks[VV_EXTENT_CHUNKS_MAX];
        struct vv_range tombstones[VV_EXTENT_TOMBSTONES_MAX];
    };
};
_Static_assert(sizeof(struct vv_extent) == 64, "the smallest extent is a cache line");
_Static_assert(VV_EXTENT_LARGE + 2 == VV_HEAD_EXTENT_POOLS, "one for each raw size, and one more");

static inline enum vv_extent_kind vv_form_kind(uint8_t form)
{
    return (enum vv_extent_kind)(form & VV_FORM_KIND);
}
static inline varve_duplicates vv_form_policy(uint8_t form)
{
    return (varve_duplicates)((form & VV_FORM_POLICY) >> VV_FORM_POLICY_SHIFT);
}
static inline bool vv_form_is_raw(uint8_t form)
{
    return vv_form_kind(form) <= VV_EXTENT_LARGE;
}
/* Samples that fit into a raw extent. */
static inline unsigned vv_form_capacity(uint8_t form)
{
    return (4U << (form & VV_FORM_KIND)) - 1;
}

static inline struct vv_extent *vv_head_extent(const struct vv_head *head, uint32_t handle)
{
    return vv_slab_object(&head->slabs, handle);
}
/* Shared: around a change of an extent other than by a sample behind the last one. Linking it ends
 * the change that creating it began. */
static inline void vv_extent_begin_change(struct vv_extent *extent)
{
    uint32_t version = atomic_load_explicit(&extent->version, memory_order_relaxed);
    atomic_store_explicit(&extent->version, version | 1, memory_order_relaxed);
}
static inline void vv_extent_end_change(struct vv_extent *extent)
{
    uint32_t version = atomic_load_explicit(&extent->version, memory_order_relaxed);
    atomic_store_explicit(&extent->version, (version | 1) + 1, memory_order_release);
}
/* The next older one, with its right count; NULL at the end. */
static inline struct vv_extent *vv_extent_older(const struct vv_head *head,
                                                struct vv_extent *extent)
{
    if (extent->older == 0) {
        return NULL;
    }
    struct vv_extent *older = vv_head_extent(head, extent->older);
    if ((extent->form & VV_FORM_OLDER_FULL) != 0) {
        older->count = (uint8_t)vv_form_capacity(older->form);
        extent->form = (uint8_t)(extent->form & ~VV_FORM_OLDER_FULL);
    }
    return older;
}

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

/* How a timestamp stands in struct vv_newest: INT64_MAX, which is none, as 0. */
static inline uint64_t vv_newest_time(int64_t timestamp)
{
    return (uint64_t)timestamp ^ INT64_MAX;
}
/* The newest samples of the refs of a page follow its lines. */
static inline struct vv_newest *vv_page_newest(struct vv_head_line *page, uint32_t ref)
{
    struct vv_newest *newest =
        (struct vv_newest *)(void *)(page + VV_HEAD_PAGE_SERIES / VV_HEAD_LINE_SERIES);
    return newest + ref % VV_HEAD_PAGE_SERIES;
}
/* Of a ref whose page is there. */
static inline struct vv_newest *vv_head_newest(const struct vv_head *head, uint32_t ref)
{
    return vv_page_newest(
        atomic_load_explicit(&head->pages[ref / VV_HEAD_PAGE_SERIES], memory_order_acquire), ref);
}

/* Makes the page of a ref if it is not there yet. NO_MEMORY. */
varve_status vv_head_reserve_line(struct vv_head *head, uint32_t ref) VARVE_MUST_CHECK;

/* Takes one lock and counts it if it was not free. */
void vv_head_lock_line(struct vv_head *head, struct vv_head_line *line);

/* Lets go of the lines that came back in a batch; all others have been given back. */
void vv_head_unlock_again(struct vv_head_locks *locks);

/* vv_head_is_defined() of the line that the series lies in. */
static inline bool vv_line_is_defined(const struct vv_head_line *line, unsigned at,
                                      uint64_t generation)
{
    return line->generation == (uint32_t)generation && (line->defined >> at & 1) != 0;
}

/* Shared: how many samples the newest extent has while it is open, VV_COUNT_CLOSED before another
 * one becomes the newest. */
static inline void vv_line_set_count(struct vv_head_line *line, unsigned at, unsigned count)
{
    __atomic_store_n(&line->count[at], (uint8_t)count, __ATOMIC_RELEASE);
}
/* Shared: which extent is the newest; link is the line's or that of an extent. */
static inline void vv_line_set_link(uint32_t *link, uint32_t handle)
{
    __atomic_store_n(link, handle, __ATOMIC_RELEASE);
}

/* The newest extent with its right count; NULL without one. Needs the lock. */
static inline struct vv_extent *vv_line_newest(const struct vv_head *head,
                                               const struct vv_head_line *line, unsigned at)
{
    if (line->newest[at] == 0) {
        return NULL;
    }
    struct vv_extent *extent = vv_head_extent(head, line->newest[at]);
    if (line->count[at] != VV_COUNT_CLOSED) {
        extent->count = line->count[at];
    }
    return extent;
}

/* Whether time_last is the greatest timestamp that the series has anywhere, and its sample the last
 * of the newest extent if that is open. Stays so while later samples follow. */
static inline bool vv_line_knows_latest(const struct vv_head_line *line, unsigned at)
{
    return (line->latest >> at & 1) != 0;
}
/* Shared. Before it is said to be known, time_last must say when it is; before it is not, the
 * sample must be unchanged. */
static inline void vv_line_set_latest(struct vv_head_line *line, unsigned at, bool known)
{
    unsigned bit = 1U << at, others = line->latest & ~bit;
    __atomic_store_n(&line->latest, (uint8_t)(known ? others | bit : others), __ATOMIC_RELEASE);
}
/* Shared: the time of the last sample. */
static inline void vv_line_set_time(struct vv_head_line *line, unsigned at, int64_t timestamp)
{
    __atomic_store_n(&line->time_last[at], timestamp, __ATOMIC_RELEASE);
}

/* ---- head_extent.c; all need the lock of the line ---- */

/* What changes in the head's figures; added to them once per call from outside. */
struct vv_head_change {
    int64_t bytes;
    int64_t samples;
    int64_t tombstones; /* extents of them */
};
void vv_head_count(struct vv_head *head, struct vv_head_change change);

/* Before anything of this time is put into the generation, unless something earlier is there for
 * sure: so whoever knows of it finds the floor at or below it. */
static inline void vv_head_lower_floor(struct vv_head *head, uint64_t generation, int64_t timestamp)
{
    _Atomic int64_t *floor = &head->floors[generation % VV_HEAD_FLOORS];
    int64_t known = atomic_load_explicit(floor, memory_order_relaxed);
    while (timestamp < known &&
           !atomic_compare_exchange_weak_explicit(floor, &known, timestamp, memory_order_relaxed,
                                                  memory_order_relaxed)) {}
}

/* Moves a line to a generation: what it knew of its newest extents goes into them. */
void vv_line_turn(struct vv_head *head, struct vv_head_line *line, uint64_t generation);

/* An extent of a kind, of 64 bytes where it is not raw; empty, linked nowhere, beginning no run.
 * NULL: out of memory. */
struct vv_extent *vv_extent_create(struct vv_head *head, enum vv_extent_kind kind,
                                   varve_duplicates policy, uint64_t generation,
                                   struct vv_head_change *change);
/* Makes it the newest, closed. */
void vv_line_link(struct vv_head *head, struct vv_head_line *line, unsigned at,
                  struct vv_extent *extent);
/* Opens the newest extent, which is raw, for appends behind the last sample of its tail; leaves it
 * closed if that has none. */
void vv_line_open(struct vv_head *head, struct vv_head_line *line, unsigned at);
/* Gives an extent back with what it holds; it must have been unlinked. */
void vv_extent_destroy(struct vv_head *head, struct vv_extent *extent,
                       struct vv_head_change *change);

/* The newest extent of the newest run: newest itself, unless it is one of tombstones. */
struct vv_extent *vv_run_first(const struct vv_head *head, struct vv_extent *newest);
/* The tail of the newest run: its raw or loose extents, from the newest on; NULL at the end. */
struct vv_extent *vv_tail_first(const struct vv_head *head, struct vv_extent *newest);
struct vv_extent *vv_tail_next(const struct vv_head *head, struct vv_extent *extent);
/* Of one raw or loose extent. */
size_t vv_extent_samples(const struct vv_extent *extent);
void vv_extent_copy(const struct vv_extent *extent, int64_t *timestamps, double *values);
/* Of the whole tail: how many samples, and a copy of that many, oldest first. */
size_t vv_tail_count(const struct vv_head *head, struct vv_extent *newest);
void vv_tail_copy(const struct vv_head *head, struct vv_extent *newest, size_t count,
                  int64_t *timestamps, double *values);
/* Unlinks and frees the tail of the newest run; true if the run began with it. Tombstones stay. */
bool vv_line_remove_tail(struct vv_head *head, struct vv_head_line *line, unsigned at,
                         struct vv_head_change *change);

/* Encodes the tail of the newest run. On failure nothing changes. */
varve_status vv_line_seal(struct vv_head *head, struct vv_head_line *line, unsigned at,
                          struct vv_head_change *change) VARVE_MUST_CHECK;

/* ---- head_latest.c; needs the lock ---- */

/* Something has happened, or will, after which the latest sample may be another one, have another
 * value, or be none. */
void vv_head_unknow_latest(struct vv_head *head, struct vv_head_line *line, uint32_t ref);
/* From here on no note is believed that was made of what was read before. */
void vv_head_change_latest_stamp(struct vv_head *head);
/* The last extents of a series are about to be given back or sealed, newest the newest of them:
 * keeps the value of the latest sample if it is known, or forgets that it is. */
void vv_line_keep_latest(struct vv_head *head, struct vv_head_line *line, uint32_t ref,
                         struct vv_extent *newest);

/* ---- head_late.c ---- */

/* Adds a sample that does not simply follow: of a new run, late, equal to one that is there, or
 * behind a full extent. */
varve_status vv_line_insert(struct vv_head *head, struct vv_head_line *line, uint32_t ref,
                            uint64_t generation, varve_duplicates policy, struct vv_sample sample,
                            struct vv_head_change *change) VARVE_MUST_CHECK;

#endif
