/*
 * head_one.h - appending one sample: what an append of a batch does (head.c, head_lock.c), for one.
 *
 *   vv_head_approach() ... vv_head_lock_one() ... vv_head_put_one() ... vv_head_unlock_one()
 *      | line asked for       | extent asked for
 *      frame of the record    record to the log
 *
 * Inlined: two cache misses, of which the second one needs what the first one brings, cost more
 * than all else. So each is asked for as soon as its address is known, and something else is done
 * until it is there. Nothing with a lock prefix comes behind the last store: the next one would
 * wait until the extent is there, and so would the next append.
 */
#ifndef VARVE_STORAGE_HEAD_ONE_H
#define VARVE_STORAGE_HEAD_ONE_H

#include "storage/head/head_line.h"

/* The line of a ref, asked for from memory; NULL: there is none yet, or the ref is none. */
static inline struct vv_head_line *vv_head_approach(const struct vv_head *head, uint64_t ref)
{
    if (ref >= VV_HEAD_REFS_MAX) {
        return NULL;
    }
    struct vv_head_line *line = vv_head_find_line(head, (uint32_t)ref);
    __builtin_prefetch(line, 1);
    return line;
}

/* Takes the lock of its line alone, and asks for the place behind the last sample of the series. */
static inline void vv_head_lock_one(struct vv_head *head, struct vv_head_line *line, unsigned at)
{
    if (__builtin_expect(!vv_spin_try_lock(&line->lock), 0)) {
        vv_head_lock_line(head, line);
    }
    const uint8_t *extent = (const uint8_t *)vv_head_extent(head, line->newest[at]);
    __builtin_prefetch(extent + (line->count[at] + 1U) * sizeof(struct vv_sample), 1);
}

static inline void vv_head_unlock_one(struct vv_head_line *line)
{
    vv_spin_unlock(&line->lock);
}

/* Adds the sample to the run of its generation, which the line must be of, if that is the case of
 * H1 in head.c and the newest extent has room. False: vv_head_insert_one() adds it. */
static inline bool vv_head_put_one(struct vv_head *head, struct vv_head_line *line, unsigned at,
                                   varve_duplicates policy, struct vv_sample sample)
{
    /* Of another policy the difference is no kind. */
    unsigned kind = line->form[at] - ((unsigned)policy << VV_FORM_POLICY_SHIFT);
    unsigned count = line->count[at];
    if (kind > VV_EXTENT_LARGE || count >= vv_form_capacity((uint8_t)kind) ||
        sample.timestamp <= line->time_last[at]) {
        return false;
    }
    atomic_fetch_add_explicit(&head->samples, 1, memory_order_relaxed);
    vv_sample_store(&vv_head_extent(head, line->newest[at])->samples[0] + count, sample);
    vv_line_set_time(line, at, sample.timestamp);
    vv_line_set_count(line, at, count + 1);
    return true;
}

/* The same in any case, for a batch of one. NO_MEMORY. */
varve_status vv_head_insert_one(struct vv_head *head, struct vv_head_line *line,
                                const struct vv_head_batch *sample) VARVE_MUST_CHECK;

#endif
