/*
 * head_extent.c - extents of a series: hung on its line, walked, sealed, given back.
 *
 *   line.newest --> [raw 256 B] --> [raw 128 B] --> [raw 64 B, begins] --> [chunks] --> ...
 *                    ^ open: its count and last time are in the line       generation before
 *
 * X1  From the newest extent on generations never increase; only the newest grows.
 * X2  Extents of one tail are sorted by time and disjoint: each sample of a newer one is later.
 * X3  Within a run all samples have one policy, so that resolving equal timestamps early gives what
 *     resolving them together with older data would: every policy is associative.
 * X4  Tombstones stand between extents without ending a run.
 * X5  The count of an extent that was closed because it was full is written when somebody passes
 *     it: the append that closes it does without that cache miss.
 * X6  Readers without the lock follow the newest extent (head_latest.c). The line's count is closed
 *     before another extent becomes the newest, and set after it has; raw extents have pools of
 *     their own, so that their memory never holds anything but samples, whoever's.
 * X7  What is put into an open extent is later than the line's time_last, the time of a sample of
 *     the same generation: only the first one of a run and what comes late can lower the floor of
 *     the head (vv_head_time_floor()). So a tail without samples is not open.
 * Thread: under the lock of the line.
 */
#include <string.h>

#include "os/alloc.h"
#include "storage/head/head_line.h"

void vv_head_count(struct vv_head *head, struct vv_head_change change)
{
    if (change.bytes != 0) {
        atomic_fetch_add_explicit(&head->bytes, (uint64_t)change.bytes, memory_order_relaxed);
    }
    if (change.samples != 0) {
        atomic_fetch_add_explicit(&head->samples, (uint64_t)change.samples, memory_order_relaxed);
    }
    if (change.tombstones != 0) {
        atomic_fetch_add_explicit(&head->tombstones, (uint64_t)change.tombstones,
                                  memory_order_relaxed);
    }
}

void vv_head_raise_floor(struct vv_head *head, uint64_t up_to, uint64_t open)
{
    /* The floors of generations that begin from now on. Of one that lives nothing is forgotten: if
     * there are many, they share floors. */
    for (uint64_t generation = open + 1; generation <= up_to + VV_HEAD_FLOORS; generation++) {
        atomic_store_explicit(&head->floors[generation % VV_HEAD_FLOORS], INT64_MAX,
                              memory_order_relaxed);
    }
}

/* -------------------------------------------------------------------------- linking */

/* Closes the newest extent: from here on its own count is the right one. */
static void close_newest(struct vv_head *head, struct vv_head_line *line, unsigned at)
{
    (void)vv_line_newest(head, line, at);
    vv_line_set_count(line, at, VV_COUNT_CLOSED);
}

void vv_line_turn(struct vv_head *head, struct vv_head_line *line, uint64_t generation)
{
    for (unsigned at = 0; at < VV_HEAD_LINE_SERIES; at++) {
        close_newest(head, line, at);
    }
    line->defined = 0;
    line->generation = (uint32_t)generation;
}

static size_t extent_pool(enum vv_extent_kind kind)
{
    return kind <= VV_EXTENT_LARGE ? (size_t)kind : VV_EXTENT_LARGE + 1;
}

static int64_t extent_bytes(enum vv_extent_kind kind)
{
    return kind <= VV_EXTENT_LARGE ? INT64_C(64) << kind : 64;
}

struct vv_extent *vv_extent_create(struct vv_head *head, enum vv_extent_kind kind,
                                   varve_duplicates policy, uint64_t generation,
                                   struct vv_head_change *change)
{
    struct vv_extent *extent = vv_pool_acquire(head->extents[extent_pool(kind)]);
    VV_ASSERT(generation <= UINT32_MAX);
    if (extent != NULL) {
        vv_extent_begin_change(extent);
        extent->older = 0;
        extent->form = (uint8_t)(kind | policy << VV_FORM_POLICY_SHIFT);
        extent->count = 0;
        extent->before = 0;
        extent->generation = (uint32_t)generation;
        change->bytes += extent_bytes(kind);
        change->tombstones += kind == VV_EXTENT_TOMBSTONES;
    }
    return extent;
}

void vv_line_link(struct vv_head *head, struct vv_head_line *line, unsigned at,
                  struct vv_extent *extent)
{
    close_newest(head, line, at);
    extent->older = line->newest[at];
    vv_extent_end_change(extent);
    vv_line_set_link(&line->newest[at], vv_slab_handle(extent));
}

void vv_line_open(struct vv_head *head, struct vv_head_line *line, unsigned at)
{
    struct vv_extent *newest = vv_head_extent(head, line->newest[at]), *last = newest;
    while (last != NULL && last->count == 0) { /* a deletion may have emptied it */
        last = vv_tail_next(head, last);
    }
    if (last == NULL) {
        vv_line_set_count(line, at, VV_COUNT_CLOSED); /* X7 */
        return;
    }
    line->form[at] = newest->form & (VV_LINE_FORMS - 1);
    vv_line_set_time(line, at, last->samples[last->count - 1].timestamp);
    vv_line_set_count(line, at, newest->count);
}

void vv_extent_destroy(struct vv_head *head, struct vv_extent *extent,
                       struct vv_head_change *change)
{
    enum vv_extent_kind kind = vv_form_kind(extent->form);
    vv_extent_begin_change(extent);
    change->bytes -= extent_bytes(kind);
    change->tombstones -= kind == VV_EXTENT_TOMBSTONES;
    if (kind == VV_EXTENT_LOOSE) {
        change->samples -= extent->loose.count;
        change->bytes -= (int64_t)extent->loose.capacity * (int64_t)sizeof(struct vv_sample);
        vv_free(extent->loose.timestamps);
    } else if (kind == VV_EXTENT_CHUNKS) {
        for (unsigned i = 0; i < extent->count; i++) {
            change->samples -= extent->chunks[i]->encoded.count;
            change->bytes -= (int64_t)vv_head_chunk_bytes(extent->chunks[i]);
            vv_head_chunk_release(extent->chunks[i]);
        }
    } else if (kind != VV_EXTENT_TOMBSTONES) {
        change->samples -= extent->count;
    }
    vv_pool_release(head->extents[extent_pool(kind)], extent);
}

/* ---------------------------------------------------------------------------- tails */

static bool holds_tail(const struct vv_extent *extent)
{
    return vv_form_is_raw(extent->form) || vv_form_kind(extent->form) == VV_EXTENT_LOOSE;
}

struct vv_extent *vv_run_first(const struct vv_head *head, struct vv_extent *newest)
{
    while (newest != NULL && vv_form_kind(newest->form) == VV_EXTENT_TOMBSTONES) {
        newest = vv_extent_older(head, newest);
    }
    return newest;
}

struct vv_extent *vv_tail_first(const struct vv_head *head, struct vv_extent *newest)
{
    struct vv_extent *first = vv_run_first(head, newest);
    return first != NULL && holds_tail(first) ? first : NULL;
}

struct vv_extent *vv_tail_next(const struct vv_head *head, struct vv_extent *extent)
{
    if ((extent->form & VV_FORM_BEGINS) != 0) {
        return NULL;
    }
    return vv_tail_first(head, vv_extent_older(head, extent));
}

size_t vv_extent_samples(const struct vv_extent *extent)
{
    return vv_form_kind(extent->form) == VV_EXTENT_LOOSE ? extent->loose.count : extent->count;
}

void vv_extent_copy(const struct vv_extent *extent, int64_t *timestamps, double *values)
{
    if (vv_form_kind(extent->form) == VV_EXTENT_LOOSE) {
        memcpy(timestamps, extent->loose.timestamps, extent->loose.count * sizeof(*timestamps));
        memcpy(values, extent->loose.values, extent->loose.count * sizeof(*values));
        return;
    }
    for (unsigned i = 0; i < extent->count; i++) {
        timestamps[i] = extent->samples[i].timestamp;
        values[i] = extent->samples[i].value;
    }
}

size_t vv_tail_count(const struct vv_head *head, struct vv_extent *newest)
{
    size_t count = 0;
    for (struct vv_extent *extent = vv_tail_first(head, newest); extent != NULL;
         extent = vv_tail_next(head, extent)) {
        /* Whoever counts copies next: while the links are followed the samples are on their way. */
        for (size_t line = 64; line < (size_t)64 << VV_EXTENT_LARGE; line += 64) {
            __builtin_prefetch((const uint8_t *)extent + line);
        }
        count += vv_extent_samples(extent);
    }
    return count;
}

void vv_tail_copy(const struct vv_head *head, struct vv_extent *newest, size_t count,
                  int64_t *timestamps, double *values)
{
    for (struct vv_extent *extent = vv_tail_first(head, newest); extent != NULL;
         extent = vv_tail_next(head, extent)) {
        count -= vv_extent_samples(extent);
        vv_extent_copy(extent, timestamps + count, values + count);
    }
}

bool vv_line_remove_tail(struct vv_head *head, struct vv_head_line *line, unsigned at,
                         struct vv_head_change *change)
{
    close_newest(head, line, at);
    uint32_t *link = &line->newest[at];
    bool begins = false;
    while (*link != 0 && !begins) {
        struct vv_extent *extent = vv_head_extent(head, *link);
        if (vv_form_kind(extent->form) == VV_EXTENT_TOMBSTONES) {
            link = &extent->older;
        } else if (holds_tail(extent)) {
            begins = (extent->form & VV_FORM_BEGINS) != 0;
            (void)vv_extent_older(head, extent); /* settles the count of it */
            vv_line_set_link(link, extent->older);
            vv_extent_destroy(head, extent, change);
        } else {
            break;
        }
    }
    return begins;
}

/* -------------------------------------------------------------------------- sealing */

/* Encodes count sorted samples; *made chunks, or none on failure. */
static varve_status make_chunks(const int64_t *timestamps, const double *values, size_t count,
                                struct vv_head_chunk **chunks, unsigned *made)
{
    *made = 0;
    for (size_t first = 0; first < count; first += VV_COLUMN_MAX) {
        size_t length = count - first < VV_COLUMN_MAX ? count - first : VV_COLUMN_MAX;
        VV_ASSERT(*made < VV_EXTENT_CHUNKS_MAX);
        struct vv_head_chunk *chunk =
            vv_head_chunk_create(timestamps + first, values + first, length);
        if (chunk == NULL) {
            while (*made > 0) {
                vv_head_chunk_release(chunks[--*made]);
            }
            return VARVE_NO_MEMORY;
        }
        chunks[(*made)++] = chunk;
    }
    return VARVE_OK;
}

/* The extent of chunks right below the tail, of the same run and with room; NULL otherwise. */
static struct vv_extent *chunks_below(const struct vv_head *head, struct vv_extent *newest,
                                      unsigned more)
{
    struct vv_extent *extent = vv_tail_first(head, newest), *last = NULL;
    while (extent != NULL) {
        last = extent;
        extent = vv_tail_next(head, extent);
    }
    if (last == NULL || (last->form & VV_FORM_BEGINS) != 0) {
        return NULL;
    }
    struct vv_extent *below = vv_run_first(head, vv_extent_older(head, last));
    return below->count + more <= VV_EXTENT_CHUNKS_MAX ? below : NULL;
}

/* Puts chunks into the place of the tail. */
static varve_status replace_tail(struct vv_head *head, struct vv_head_line *line, unsigned at,
                                 struct vv_head_chunk *const *chunks, unsigned count,
                                 struct vv_head_change *change)
{
    struct vv_extent *newest = vv_line_newest(head, line, at);
    struct vv_extent *tail = vv_tail_first(head, newest);
    struct vv_extent *into = chunks_below(head, newest, count), *fresh = NULL;
    if (into == NULL) {
        into = fresh = vv_extent_create(head, VV_EXTENT_CHUNKS, vv_form_policy(tail->form),
                                        tail->generation, change);
        if (fresh == NULL) {
            return VARVE_NO_MEMORY;
        }
    }
    bool begins = vv_line_remove_tail(head, line, at, change);
    if (fresh != NULL) {
        fresh->form |= begins ? VV_FORM_BEGINS : 0;
        vv_line_link(head, line, at, fresh);
    }
    for (unsigned i = 0; i < count; i++) {
        into->chunks[into->count++] = chunks[i];
        change->samples += chunks[i]->encoded.count;
        change->bytes += (int64_t)vv_head_chunk_bytes(chunks[i]);
    }
    return VARVE_OK;
}

varve_status vv_line_seal(struct vv_head *head, struct vv_head_line *line, unsigned at,
                          struct vv_head_change *change)
{
    struct vv_extent *newest = vv_line_newest(head, line, at);
    size_t count = vv_tail_count(head, newest);
    if (count == 0) {
        return VARVE_OK;
    }
    struct vv_head_chunk *chunks[VV_EXTENT_CHUNKS_MAX];
    unsigned made = 0;
    int64_t *timestamps = vv_alloc(count * sizeof(struct vv_sample));
    varve_status status = timestamps == NULL ? VARVE_NO_MEMORY : VARVE_OK;
    if (status == VARVE_OK) {
        double *values = (double *)(void *)(timestamps + count);
        vv_tail_copy(head, newest, count, timestamps, values);
        status = make_chunks(timestamps, values, count, chunks, &made);
    }
    vv_free(timestamps);
    if (status == VARVE_OK) {
        status = replace_tail(head, line, at, chunks, made, change);
        for (unsigned i = 0; i < made && status != VARVE_OK; i++) {
            vv_head_chunk_release(chunks[i]);
        }
    }
    return status;
}
