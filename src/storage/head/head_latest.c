/*
 * head_latest.c - the newest sample of a series, from memory that its appends have just touched.
 *
 *   line: latest bits, time_last --newest--> extent | version ... | last sample |
 *   the same sample once more, after it was read or flushed     (behind the lines of the page)
 *
 * L1  A series' bit is set by its first sample if that is later than anything in blocks, or by
 *     whoever has asked all sources and found the last sample of the newest extent to be the
 *     greatest in time. Later samples keep it, since they are greater still; anything else that
 *     could make it wrong (a deletion, an equal timestamp, blocks that came from elsewhere) clears
 *     it.
 * L2  The bit outlives the generation: what is flushed does not get greater timestamps by that. The
 *     sample is kept at the latest when the extent that has it is given back.
 * L3  While the series is written to nobody takes its lock to read: see head_latest.h.
 * L4  What is noted was read before the line was locked. Since the stamp nothing was given back, so
 *     that all appends since are in the head: if that has nothing of the series, or nothing newer,
 *     the note is right. Sealing the last samples of a series changes the stamp, too: what has
 *     come since is not in chunks, unless raw samples follow them.
 * Thread: any.
 */
#include <string.h>

#include "storage/head/head_latest.h"

/* The last sample of a tail; false if the extent holds none. */
static bool last_of(const struct vv_extent *extent, struct vv_sample *last)
{
    if (vv_form_is_raw(extent->form) && extent->count > 0) {
        *last = extent->samples[extent->count - 1];
        return true;
    }
    if (vv_form_kind(extent->form) == VV_EXTENT_LOOSE && extent->loose.count > 0) {
        last->timestamp = extent->loose.timestamps[extent->loose.count - 1];
        last->value = extent->loose.values[extent->loose.count - 1];
        return true;
    }
    return false;
}

/* The extent in which the samples end; NULL if there are none, or something of them may have been
 * deleted that is still in it: a deletion leaves older generations as they are. */
static const struct vv_extent *last_extent(const struct vv_head *head, struct vv_extent *newest)
{
    const struct vv_extent *first = vv_run_first(head, newest);
    return first != NULL && first->generation == newest->generation ? first : NULL;
}

static bool newest_last(const struct vv_head *head, struct vv_extent *newest,
                        struct vv_sample *last)
{
    const struct vv_extent *first = last_extent(head, newest);
    return first != NULL && last_of(first, last);
}

/* ------------------------------------------------------------------------ keeping a sample */

/* Readers are under way: whoever sees the value sees that the time before it was taken away. */
static void keep(struct vv_newest *newest, struct vv_sample sample)
{
    __atomic_store_n(&newest->time, 0, __ATOMIC_RELAXED);
    __atomic_store(&newest->value, &sample.value, __ATOMIC_RELEASE);
    __atomic_store_n(&newest->time, vv_newest_time(sample.timestamp), __ATOMIC_RELEASE);
}

static bool is_kept(const struct vv_newest *newest, int64_t timestamp)
{
    return newest->time == vv_newest_time(timestamp);
}

void vv_head_unknow_latest(struct vv_head *head, struct vv_head_line *line, uint32_t ref)
{
    struct vv_newest *newest = vv_head_newest(head, ref);
    vv_line_set_latest(line, ref % VV_HEAD_LINE_SERIES, false);
    if (newest->time != 0) {
        __atomic_store_n(&newest->time, 0, __ATOMIC_RELEASE);
    }
}

/* Under the lock: also what is closed, loose, or kept. Keeps what it finds. */
static bool read_locked(const struct vv_head *head, const struct vv_head_line *line, uint32_t ref,
                        int64_t *timestamp, double *value)
{
    unsigned at = ref % VV_HEAD_LINE_SERIES;
    struct vv_newest *kept = vv_head_newest(head, ref);
    struct vv_sample last;
    if (!vv_line_knows_latest(line, at)) {
        return false;
    }
    if (is_kept(kept, line->time_last[at])) {
        last = (struct vv_sample){line->time_last[at], kept->value};
    } else if (newest_last(head, vv_line_newest(head, line, at), &last) &&
               last.timestamp == line->time_last[at]) {
        keep(kept, last);
    } else {
        return false;
    }
    *timestamp = last.timestamp;
    *value = last.value;
    return true;
}

bool vv_head_latest(struct vv_head *head, uint32_t ref, int64_t *timestamp, double *value)
{
    if (ref >= VV_HEAD_REFS_MAX) {
        return false;
    }
    struct vv_head_line *line = vv_head_find_line(head, ref);
    if (line == NULL) {
        return false;
    }
    bool found = vv_head_latest_open(head, ref, timestamp, value);
    if (!found) {
        vv_head_lock_line(head, line);
    } else if (!vv_spin_try_lock(&line->lock)) {
        return true; /* it is being written to: another one would have to be kept soon */
    }
    bool still_found = read_locked(head, line, ref, timestamp, value);
    vv_spin_unlock(&line->lock);
    return found || still_found;
}

void vv_head_prefetch_latest(const struct vv_head *head, uint32_t ref, unsigned step)
{
    struct vv_head_line *line = ref < VV_HEAD_REFS_MAX ? vv_head_find_line(head, ref) : NULL;
    if (line == NULL) {
        return;
    }
    struct vv_newest *newest = vv_head_newest(head, ref);
    if (step == 0) {
        __builtin_prefetch(line);
        __builtin_prefetch(newest);
        return;
    }
    unsigned at = ref % VV_HEAD_LINE_SERIES;
    uint32_t handle = __atomic_load_n(&line->newest[at], __ATOMIC_RELAXED);
    unsigned count = __atomic_load_n(&line->count[at], __ATOMIC_RELAXED);
    int64_t time_last = __atomic_load_n(&line->time_last[at], __ATOMIC_RELAXED);
    if (handle != 0 && count != VV_COUNT_CLOSED &&
        __atomic_load_n(&newest->time, __ATOMIC_RELAXED) != vv_newest_time(time_last)) {
        const uint8_t *extent = (const uint8_t *)vv_head_extent(head, handle);
        __builtin_prefetch(extent);
        __builtin_prefetch(extent + count * sizeof(struct vv_sample));
    }
}

/* --------------------------------------------------------------------------- getting to know */

uint64_t vv_head_latest_stamp(const struct vv_head *head)
{
    return atomic_load_explicit(&head->latest_stamp, memory_order_acquire);
}

/* Under the lock of the line whose samples are given back, or before samples of unknown series are
 * looked for: whoever compares the stamp under the lock later sees it (L4). */
void vv_head_change_latest_stamp(struct vv_head *head)
{
    atomic_fetch_add_explicit(&head->latest_stamp, 1, memory_order_acq_rel);
}

static bool equal_bits(double left, double right)
{
    return memcmp(&left, &right, sizeof(left)) == 0;
}

/* Whether the samples end in a chunk that ends at that time: if the stamp is still the same,
 * nothing came since (L4). */
static bool ends_sealed(const struct vv_head *head, struct vv_extent *newest, int64_t timestamp)
{
    const struct vv_extent *first = last_extent(head, newest);
    return first != NULL && vv_form_kind(first->form) == VV_EXTENT_CHUNKS && first->count > 0 &&
           first->chunks[first->count - 1]->encoded.time_max == timestamp;
}

static void note_locked(struct vv_head *head, struct vv_head_line *line, uint32_t ref,
                        struct vv_sample sample)
{
    unsigned at = ref % VV_HEAD_LINE_SERIES;
    struct vv_extent *newest = vv_line_newest(head, line, at);
    struct vv_sample last;
    bool is_last = newest == NULL || ends_sealed(head, newest, sample.timestamp) ||
                   (newest_last(head, newest, &last) && last.timestamp == sample.timestamp &&
                    equal_bits(last.value, sample.value));
    if (is_last) {
        vv_line_set_time(line, at, sample.timestamp);
        keep(vv_head_newest(head, ref), sample);
        vv_line_set_latest(line, at, true);
    }
}

void vv_head_note_latest(struct vv_head *head, uint32_t ref, uint64_t stamp, int64_t timestamp,
                         double value)
{
    if (ref >= VV_HEAD_REFS_MAX) {
        return;
    }
    if (vv_head_reserve_line(head, ref) != VARVE_OK) {
        return; /* it will be asked for again */
    }
    struct vv_head_line *line = vv_head_line_of(head, ref);
    vv_head_lock_line(head, line);
    if (stamp == vv_head_latest_stamp(head)) {
        note_locked(head, line, ref, (struct vv_sample){timestamp, value});
    }
    vv_spin_unlock(&line->lock);
}

void vv_line_keep_latest(struct vv_head *head, struct vv_head_line *line, uint32_t ref,
                         struct vv_extent *newest)
{
    unsigned at = ref % VV_HEAD_LINE_SERIES;
    struct vv_newest *kept = vv_head_newest(head, ref);
    struct vv_sample last;
    vv_head_change_latest_stamp(head);
    if (!vv_line_knows_latest(line, at) || is_kept(kept, line->time_last[at])) {
        return;
    }
    if (newest_last(head, newest, &last) && last.timestamp == line->time_last[at]) {
        keep(kept, last);
    } else {
        vv_head_unknow_latest(head, line, ref);
    }
}

/* -------------------------------------------------------------------------------- blocks */

void vv_head_note_blocks(struct vv_head *head, int64_t time_max)
{
    int64_t known = atomic_load_explicit(&head->blocks_time_max, memory_order_relaxed);
    if (time_max > known) { /* one at a time: maintenance */
        atomic_store_explicit(&head->blocks_time_max, time_max, memory_order_relaxed);
    }
}

void vv_head_forget_latest(struct vv_head *head)
{
    vv_head_change_latest_stamp(head);
    for (size_t i = 0; i < VV_HEAD_PAGES; i++) {
        struct vv_head_line *page = atomic_load_explicit(&head->pages[i], memory_order_acquire);
        for (uint32_t k = 0; page != NULL && k < VV_HEAD_PAGE_SERIES; k += VV_HEAD_LINE_SERIES) {
            struct vv_head_line *line = page + k / VV_HEAD_LINE_SERIES;
            vv_head_lock_line(head, line);
            for (uint32_t at = 0; at < VV_HEAD_LINE_SERIES; at++) {
                vv_head_unknow_latest(head, line, (uint32_t)i * VV_HEAD_PAGE_SERIES + k + at);
            }
            vv_spin_unlock(&line->lock);
        }
    }
}
