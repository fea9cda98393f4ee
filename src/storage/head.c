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
#include "storage/head.h"

#include "storage/head_line.h"

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
    const uint8_t *capacities; /* the row of its policy */
    struct vv_head_change change;
};

/* A new extent for a sample that follows a full one. False: this is a case for vv_line_insert(). */
static bool extend_full(struct insertion *insertion, struct vv_head_line *line, unsigned at,
                        struct vv_sample sample)
{
    struct vv_head *head = insertion->head;
    enum vv_extent_kind kind = vv_form_kind(line->form[at]);
    unsigned before = vv_form_capacity(line->form[at]);
    if (kind == VV_EXTENT_LARGE) {
        before += vv_head_extent(head, line->newest[at])->before;
        if (before >= VV_TAIL_SAMPLES_MAX) {
            return false;
        }
    } else { /* the tail began with a small extent; some of it may have been deleted */
        before = kind == VV_EXTENT_SMALL ? 3 : 3 + 7;
        kind++;
    }
    struct vv_extent *extent = vv_extent_create(head, kind, insertion->batch->policy,
                                                insertion->batch->generation, &insertion->change);
    if (extent == NULL) {
        return false;
    }
    extent->before = (uint16_t)before;
    vv_sample_store(&extent->samples[0], sample);
    line->form[at] = extent->form;
    vv_line_link_behind_full(line, at, extent);
    vv_line_set_count(line, at, 1);
    line->time_last[at] = sample.timestamp;
    insertion->change.samples++;
    return true;
}

/* The other ways. */
static __attribute__((noinline)) varve_status
insert_otherwise(struct insertion *insertion, struct vv_head_line *line, unsigned at, size_t i)
{
    const struct vv_head_batch *batch = insertion->batch;
    struct vv_sample sample = {batch->timestamps[i], batch->values[i]};
    if (line->count[at] == insertion->capacities[line->form[at]] && line->count[at] > 0 &&
        sample.timestamp > line->time_last[at] && extend_full(insertion, line, at, sample)) {
        return VARVE_OK;
    }
    return vv_line_insert(insertion->head, line, at, batch->generation, batch->policy, sample,
                          &insertion->change);
}

/* Adds entry i of the batch. */
static inline varve_status insert_entry(struct insertion *insertion, struct vv_head_line *line,
                                        unsigned at, size_t i)
{
    const struct vv_head_batch *batch = insertion->batch;
    int64_t timestamp = batch->timestamps[i];
    unsigned count = line->count[at];
    if (count >= insertion->capacities[line->form[at]] || timestamp <= line->time_last[at]) {
        return insert_otherwise(insertion, line, at, i);
    }
    struct vv_extent *extent = vv_head_extent(insertion->head, line->newest[at]);
    vv_sample_store(&extent->samples[count], (struct vv_sample){timestamp, batch->values[i]});
    vv_line_set_count(line, at, count + 1);
    line->time_last[at] = timestamp;
    insertion->change.samples++;
    return VARVE_OK;
}

static inline varve_status insert_piece(struct insertion *insertion,
                                        const struct vv_head_piece *piece)
{
    struct vv_head_line *line = piece->line;
    size_t i = piece->first;
    if (line->generation != (uint32_t)insertion->batch->generation) {
        vv_line_turn(insertion->head, line, insertion->batch->generation);
    }
    if (piece->whole) {
        for (unsigned at = 0; at < VV_HEAD_LINE_SERIES; at++) {
            VV_TRY(insert_entry(insertion, line, at, i + at));
        }
        return VARVE_OK;
    }
    for (size_t end = i + piece->count; i < end; i++) {
        VV_TRY(insert_entry(insertion, line, insertion->batch->refs[i] % VV_HEAD_LINE_SERIES, i));
    }
    return VARVE_OK;
}

/* Asks for the memory that the first sample of a piece will be written to. */
static inline void prefetch_slot(const struct insertion *insertion,
                                 const struct vv_head_piece *piece)
{
    const struct vv_head_line *line = piece->line;
    unsigned at = insertion->batch->refs[piece->first] % VV_HEAD_LINE_SERIES;
    const uint8_t *extent = (const uint8_t *)vv_head_extent(insertion->head, line->newest[at]);
    __builtin_prefetch(extent + (line->count[at] + 1U) * sizeof(struct vv_sample), 1);
}

/* The first piece of each line; lets go of those that do not come back (H3). */
static varve_status insert_first_pieces(struct insertion *insertion, struct vv_head_locks *locks)
{
    for (size_t i = locks->count; i > 0; i--) {
        struct vv_head_piece *piece = &locks->pieces[i - 1];
        if (i > PREFETCH_PIECES) {
            prefetch_slot(insertion, piece - PREFETCH_PIECES);
        }
        VV_TRY(insert_piece(insertion, piece));
        if (!piece->comes_back) {
            vv_spin_unlock(&piece->line->lock);
            piece->line = NULL;
        }
    }
    return VARVE_OK;
}

static varve_status insert_other_pieces(struct insertion *insertion,
                                        const struct vv_head_locks *locks)
{
    for (size_t i = 1; i <= locks->again_count; i++) {
        VV_TRY(insert_piece(insertion, &locks->pieces[locks->capacity - i]));
    }
    return VARVE_OK;
}

varve_status vv_head_insert_and_unlock(struct vv_head *head, const struct vv_head_batch *batch,
                                       struct vv_head_locks *locks)
{
    struct insertion insertion = {
        .head = head, .batch = batch, .capacities = capacities[batch->policy]};
    varve_status status = insert_first_pieces(&insertion, locks);
    if (status == VARVE_OK && locks->again_count == 0) {
        locks->count = 0;
    } else if (status == VARVE_OK) {
        status = insert_other_pieces(&insertion, locks);
    }
    vv_head_count(head, insertion.change);
    if (status == VARVE_OK) {
        vv_head_unlock_refs(locks);
    }
    return status;
}
