/*
 * head.c - appending to the samples in memory.
 *
 *   insert --> newest extent (raw, sorted) --many--> seal: chunk (encoded) --flush--> block
 *
 * H1  The way of nearly every sample: it is later than the last one of its series, of the same
 *     policy and generation, and the newest extent has room. Then the series' line and one line of
 *     the extent are all that is touched. A full extent is followed by a new one without looking
 *     into it, unless the tail may have become long. Everything else is head_late.c.
 * H2  The line says how many samples the newest extent has while it is open; an extent that is
 *     closed says so itself. A line belongs to the generation of its last append and closes its
 *     extents when a later one comes.
 * H3  The first pieces of all lines are inserted backwards: those that were locked last are still
 *     in the cache. (Forwards each would have been evicted when its turn comes, in a batch that
 *     fills the cache.) Pieces of lines that come back follow in the order of the batch, so that
 *     each series gets its samples in that order.
 * Thread: everything of a series under the lock of its line; see head_lock.c.
 */
#include "storage/head/head.h"

#include <string.h>

#include "storage/head/head_one.h"

enum { PREFETCH_PIECES = 8 }; /* ahead: the line is at hand, its extent takes about that long */

/* How many samples an extent takes, by form, for who appends under the policy of the row: none
 * under another one. Looking here answers two questions with one load. */
#define ROW(policy)                                                                                \
    [policy] = {                                                                                   \
        [policy << VV_FORM_POLICY_SHIFT | VV_EXTENT_SMALL] = 3,                                    \
        [policy << VV_FORM_POLICY_SHIFT | VV_EXTENT_MIDDLE] = 7,                                   \
        [policy << VV_FORM_POLICY_SHIFT | VV_EXTENT_LARGE] = 15,                                   \
    }
static const uint8_t capacities[VARVE_DUPLICATES_ERROR + 1][VV_LINE_FORMS] = {
    ROW(VARVE_DUPLICATES_LAST), ROW(VARVE_DUPLICATES_FIRST), ROW(VARVE_DUPLICATES_MIN),
    ROW(VARVE_DUPLICATES_MAX),  ROW(VARVE_DUPLICATES_SUM),   ROW(VARVE_DUPLICATES_ERROR),
};

/* A batch on its way in. */
struct insertion {
    struct vv_head *head;
    const struct vv_head_batch *batch;
    struct vv_head_change change;
};

/* What every sample needs of it: copies, that stay in registers while memory is written to. */
struct columns {
    const struct vv_head *head;
    const uint32_t *refs;
    const int64_t *timestamps;
    const double *values;
    const uint8_t *capacities; /* the row of the policy */
    uint32_t generation;
};

static inline struct columns columns_of(const struct vv_head *head,
                                        const struct vv_head_batch *batch)
{
    return (struct columns){head,
                            batch->refs,
                            batch->timestamps,
                            batch->values,
                            capacities[batch->policy],
                            (uint32_t)batch->generation};
}

/* -------------------------------------------------------------------------- one series */

static enum vv_extent_kind next_kind(enum vv_extent_kind full)
{
    return full == VV_EXTENT_SMALL ? VV_EXTENT_MIDDLE : VV_EXTENT_LARGE;
}

/* How many samples of a tail lie in its newest extent, which is full, and before. */
static inline unsigned tail_samples(const struct vv_head *head, const struct vv_head_line *line,
                                    unsigned at, enum vv_extent_kind full)
{
    if (full == VV_EXTENT_LARGE) {
        return vv_head_extent(head, line->newest[at])->before + 15U;
    }
    /* The tail began with a small one, from which something may have been deleted. */
    return full == VV_EXTENT_SMALL ? 3 : 3 + 7;
}

/* Puts a new extent of the kind that form says behind a full one, with entry i in it. The line's
 * count is closed before and set afterwards (X6 in head_extent.c). */
static inline void begin_extent(struct columns columns, struct vv_head_line *line, unsigned at,
                                struct vv_extent *extent, uint8_t form, unsigned before, size_t i)
{
    int64_t timestamp = columns.timestamps[i];
    vv_extent_begin_change(extent);
    extent->older = line->newest[at];
    extent->form = form | VV_FORM_OLDER_FULL;
    extent->count = 0;
    extent->before = (uint16_t)before;
    extent->generation = columns.generation;
    vv_sample_store(&extent->samples[0], (struct vv_sample){timestamp, columns.values[i]});
    vv_extent_end_change(extent);
    vv_line_set_link(&line->newest[at], vv_slab_handle(extent));
    line->form[at] = form;
    vv_line_set_time(line, at, timestamp);
}

/* The case of a full extent; false: it is not the simple one of H1. */
static bool begin_one(struct insertion *insertion, struct vv_head_line *line, unsigned at, size_t i)
{
    const struct vv_head_batch *batch = insertion->batch;
    unsigned count = line->count[at];
    if (count == 0 || count != capacities[batch->policy][line->form[at]] ||
        batch->timestamps[i] <= line->time_last[at]) {
        return false;
    }
    enum vv_extent_kind full = vv_form_kind(line->form[at]), kind = next_kind(full);
    unsigned before = tail_samples(insertion->head, line, at, full);
    if (before >= VV_TAIL_SAMPLES_MAX) {
        return false;
    }
    struct vv_extent *extent = vv_pool_acquire(insertion->head->extents[kind]);
    if (extent == NULL) {
        return false;
    }
    uint8_t form = (uint8_t)(kind | batch->policy << VV_FORM_POLICY_SHIFT);
    vv_line_set_count(line, at, VV_COUNT_CLOSED);
    begin_extent(columns_of(insertion->head, batch), line, at, extent, form, before, i);
    vv_line_set_count(line, at, 1);
    insertion->change.bytes += INT64_C(64) << kind;
    return true;
}

/* The ways of a sample that is no case of H1, or that finds its extent full. */
static __attribute__((noinline)) varve_status
insert_otherwise(struct insertion *insertion, struct vv_head_line *line, unsigned at, size_t i)
{
    if (begin_one(insertion, line, at, i)) {
        return VARVE_OK;
    }
    const struct vv_head_batch *batch = insertion->batch;
    struct vv_sample sample = {batch->timestamps[i], batch->values[i]};
    insertion->change.samples--; /* it may resolve to one that is there */
    return vv_line_insert(insertion->head, line, batch->refs[i], batch->generation, batch->policy,
                          sample, &insertion->change);
}

/* Writes entry i behind the count samples of the newest extent. */
static inline __attribute__((always_inline)) void
put(struct columns columns, struct vv_head_line *line, unsigned at, unsigned count, size_t i)
{
    struct vv_extent *extent = vv_head_extent(columns.head, line->newest[at]);
    int64_t timestamp = columns.timestamps[i];
    vv_sample_store(&extent->samples[count], (struct vv_sample){timestamp, columns.values[i]});
    vv_line_set_time(line, at, timestamp);
}

/* Adds entries i, i + 1, ... before end as long as they are of the series of entry i, later than
 * what there is, and its newest extent has room; returns how many. */
static inline __attribute__((always_inline)) size_t
put_run(struct columns columns, struct vv_head_line *line, unsigned at, size_t i, size_t end)
{
    unsigned count = line->count[at], capacity = columns.capacities[line->form[at]];
    int64_t time_last = line->time_last[at];
    if (count >= capacity || columns.timestamps[i] <= time_last) {
        return 0;
    }
    struct vv_extent *extent = vv_head_extent(columns.head, line->newest[at]);
    uint32_t ref = columns.refs[i];
    size_t first = i, stop = end - i < capacity - count ? end : i + capacity - count;
    do {
        time_last = columns.timestamps[i];
        vv_sample_store(&extent->samples[count++],
                        (struct vv_sample){time_last, columns.values[i]});
        i++;
    } while (i < stop && columns.refs[i] == ref && columns.timestamps[i] > time_last);
    vv_line_set_time(line, at, time_last);
    vv_line_set_count(line, at, count);
    return i - first;
}

/* -------------------------------------------------------------------- four series in step
 *
 * Series that are always appended to together have extents of the same form with as many samples:
 * one look at the line tells for all four. */

enum { STEP = 0x01010101 }; /* the same byte for each of them */

static inline uint32_t load_four(const uint8_t *bytes)
{
    uint32_t four;
    memcpy(&four, bytes, sizeof(four));
    return four;
}

/* vv_line_set_count() for all four. */
static inline void set_four_counts(struct vv_head_line *line, unsigned count)
{
    uint32_t *counts = (uint32_t *)(void *)line->count;
    __atomic_store_n(counts, count * (unsigned)STEP, __ATOMIC_RELEASE);
}

/* Whether that is so, and entries i to i + 3 are later than what there is. */
static inline bool goes_in_step(struct columns columns, const struct vv_head_line *line, size_t i)
{
    const int64_t *timestamps = columns.timestamps + i, *last = line->time_last;
    return load_four(line->form) == line->form[0] * (unsigned)STEP &&
           load_four(line->count) == line->count[0] * (unsigned)STEP && timestamps[0] > last[0] &&
           timestamps[1] > last[1] && timestamps[2] > last[2] && timestamps[3] > last[3];
}

/* Asks for all of a new extent. Series that are appended to in step fill it within a few batches;
 * and stores that miss, which have to reach memory in their order, wait for each other. */
static inline void prefetch_extent(const struct vv_extent *extent, enum vv_extent_kind kind)
{
    const uint8_t *end = (const uint8_t *)extent + ((size_t)VV_CACHE_LINE_BYTES << kind);
    const uint8_t *line = (const uint8_t *)extent + VV_CACHE_LINE_BYTES; /* the first is written */
    for (; line < end; line += VV_CACHE_LINE_BYTES) {
        __builtin_prefetch(line, 1);
    }
}

/* New extents for all four, which are full; false: not that way. */
static __attribute__((noinline)) bool begin_four(struct insertion *insertion,
                                                 struct vv_head_line *line, size_t i)
{
    struct vv_head *head = insertion->head;
    const struct columns columns = columns_of(head, insertion->batch);
    enum vv_extent_kind full = vv_form_kind(line->form[0]), kind = next_kind(full);
    uint8_t form = (uint8_t)(kind | insertion->batch->policy << VV_FORM_POLICY_SHIFT);
    void *extents[VV_HEAD_LINE_SERIES];
    for (unsigned at = 0; full == VV_EXTENT_LARGE && at < VV_HEAD_LINE_SERIES; at++) {
        if (tail_samples(head, line, at, full) >= VV_TAIL_SAMPLES_MAX) {
            return false;
        }
    }
    size_t found = vv_pool_acquire_bulk(head->extents[kind], extents, VV_HEAD_LINE_SERIES);
    if (found < VV_HEAD_LINE_SERIES) {
        vv_pool_release_bulk(head->extents[kind], extents, found);
        return false;
    }
    set_four_counts(line, VV_COUNT_CLOSED);
    unsigned before = tail_samples(head, line, 0, full);
    for (unsigned at = 0; at < VV_HEAD_LINE_SERIES; at++) {
        before = full == VV_EXTENT_LARGE ? tail_samples(head, line, at, full) : before;
        prefetch_extent(extents[at], kind);
        begin_extent(columns, line, at, extents[at], form, before, i + at);
    }
    set_four_counts(line, 1);
    insertion->change.bytes += VV_HEAD_LINE_SERIES * (INT64_C(64) << kind);
    return true;
}

/* Adds entries i to i + 3 to the four series; false: not that way. */
static inline __attribute__((always_inline)) bool insert_four(struct insertion *insertion,
                                                              struct columns columns,
                                                              struct vv_head_line *line, size_t i)
{
    if (!goes_in_step(columns, line, i)) {
        return false;
    }
    unsigned count = line->count[0], capacity = columns.capacities[line->form[0]];
    if (count >= capacity) {
        return count == capacity && count > 0 && begin_four(insertion, line, i);
    }
    put(columns, line, 0, count, i);
    put(columns, line, 1, count, i + 1);
    put(columns, line, 2, count, i + 2);
    put(columns, line, 3, count, i + 3);
    set_four_counts(line, count + 1);
    return true;
}

/* ---------------------------------------------------------------------------- the batch */

static inline __attribute__((always_inline)) varve_status
insert_piece(struct insertion *insertion, struct columns columns, const struct vv_head_piece *piece)
{
    struct vv_head_line *line = piece->line;
    size_t i = piece->first;
    if (line->generation != columns.generation) {
        vv_line_turn(insertion->head, line, insertion->batch->generation);
    }
    insertion->change.samples += piece->more + 1;
    if (piece->whole && insert_four(insertion, columns, line, i)) {
        return VARVE_OK;
    }
    size_t end = i + piece->more + 1U;
    varve_status status = VARVE_OK;
    while (i < end && status == VARVE_OK) {
        unsigned at = columns.refs[i] % VV_HEAD_LINE_SERIES;
        size_t put = put_run(columns, line, at, i, end);
        if (put == 0) {
            status = insert_otherwise(insertion, line, at, i);
            put = 1;
        }
        i += put;
    }
    return status;
}

/* Asks for the memory that the first sample of a piece will be written to. */
static inline void prefetch_slot(struct columns columns, const struct vv_head_piece *piece)
{
    const struct vv_head_line *line = piece->line;
    const uint8_t *extent = (const uint8_t *)vv_head_extent(columns.head, line->newest[piece->at]);
    __builtin_prefetch(extent + (line->count[piece->at] + 1U) * sizeof(struct vv_sample), 1);
}

/* The first piece of each line; lets go of those that do not come back (H3). */
static varve_status insert_first_pieces(struct insertion *insertion, struct columns columns,
                                        struct vv_head_locks *locks)
{
    struct vv_head_piece *first = locks->pieces;
    for (struct vv_head_piece *piece = first + locks->count; piece-- > first;) {
        if (!piece->whole && piece - first >= PREFETCH_PIECES) {
            prefetch_slot(columns, piece - PREFETCH_PIECES);
        }
        VV_TRY(insert_piece(insertion, columns, piece));
        if (!piece->comes_back) {
            vv_spin_unlock(&piece->line->lock);
            piece->line = NULL;
        }
    }
    return VARVE_OK;
}

static varve_status insert_other_pieces(struct insertion *insertion, struct columns columns,
                                        const struct vv_head_locks *locks)
{
    for (size_t i = 1; i <= locks->again_count; i++) {
        VV_TRY(insert_piece(insertion, columns, &locks->pieces[locks->capacity - i]));
    }
    return VARVE_OK;
}

varve_status vv_head_insert_and_unlock(struct vv_head *head, const struct vv_head_batch *batch,
                                       struct vv_head_locks *locks)
{
    struct insertion insertion = {.head = head, .batch = batch};
    const struct columns columns = columns_of(head, batch);
    varve_status status = insert_first_pieces(&insertion, columns, locks);
    if (status == VARVE_OK) {
        status = insert_other_pieces(&insertion, columns, locks);
    }
    if (status == VARVE_OK) {
        vv_head_unlock_again(locks);
    }
    vv_head_count(head, insertion.change);
    return status;
}

varve_status vv_head_insert_one(struct vv_head *head, struct vv_head_line *line,
                                const struct vv_head_batch *sample)
{
    struct insertion insertion = {.head = head, .batch = sample};
    struct vv_head_piece piece = {.line = line,
                                  .at = (uint8_t)(*sample->refs % VV_HEAD_LINE_SERIES)};
    varve_status status = insert_piece(&insertion, columns_of(head, sample), &piece);
    vv_head_count(head, insertion.change);
    return status;
}
