/*
 * head_latest.h - the newest sample of a series, without a lock.
 *
 *   near:  time_last, the ref's struct vv_newest -> latest bit -> time_last again
 *   open:  newest extent -> its version -> latest bit -> count -> newest again, sample -> version
 *
 * Where memory has to be waited for, the near way waits once, since both addresses follow from the
 * ref, and the open way twice. Appends write nothing for the near one: their time_last is greater
 * than that of the sample that was kept, and so nobody takes it for the newest. A reader that went
 * the open way keeps what it found, if the lock is free.
 *
 * R1  If the extent is the newest both times and its version the same and even, then it was the
 *     newest for all that time, and its samples only grew in number: see X6 of head_extent.c. So
 *     the sample was the last one when the count was read.
 * R2  The bit comes before the count: it says that the last sample is the latest of the series, and
 *     a bit that was set after the count was read would speak of another sample.
 * R3  Each load is an acquire of what a release has stored, so none happens before the one above
 *     it. The memory may belong to another series by now, or to none: whoever reads a sample that
 *     its next owner has stored sees the new version, too.
 * R4  As long as the bit is set, a kept sample whose time is time_last is the series' latest: it is
 *     stored under the lock and then, and what could make it another one takes it away before the
 *     bit may be set again. An unset bit goes with no kept sample, or one that is earlier than the
 *     time_last that will be there with the bit.
 * R5  So at the moment when the kept time was found equal to time_last, the sample was the latest
 *     if the bit was set. That it was not set, or that the kept sample was then taken away and
 *     another time_last stood in the line for a while, shows in the bit or in time_last afterwards:
 *     before the bit is set, time_last is put right.
 *
 * Inlined, and without a call on its way: how many reads a core has under way at once, and with
 * that what a cache miss costs, depends on how few instructions each of them is.
 */
#ifndef VARVE_STORAGE_HEAD_LATEST_H
#define VARVE_STORAGE_HEAD_LATEST_H

#include "pool/poison.h"
#include "storage/head/head_line.h"

/* As vv_head_latest(), but false as well if the sample lies before floor or was not kept since it
 * came. */
static inline bool vv_head_latest_near(const struct vv_head *head, uint64_t ref, int64_t floor,
                                       int64_t *timestamp, double *value)
{
    struct vv_head_line *page =
        ref < VV_HEAD_REFS_MAX
            ? atomic_load_explicit(&head->pages[ref / VV_HEAD_PAGE_SERIES], memory_order_acquire)
            : NULL;
    if (page == NULL) {
        return false;
    }
    const struct vv_head_line *line = page + ref % VV_HEAD_PAGE_SERIES / VV_HEAD_LINE_SERIES;
    const struct vv_newest *newest = vv_page_newest(page, (uint32_t)ref);
    unsigned at = ref % VV_HEAD_LINE_SERIES;
    int64_t time_last = __atomic_load_n(&line->time_last[at], __ATOMIC_ACQUIRE);
    uint64_t time = vv_newest_time(time_last);
    double kept;
    uint64_t before = __atomic_load_n(&newest->time, __ATOMIC_ACQUIRE);
    __atomic_load(&newest->value, &kept, __ATOMIC_ACQUIRE);
    if (before != time || __atomic_load_n(&newest->time, __ATOMIC_ACQUIRE) != time ||
        (__atomic_load_n(&line->latest, __ATOMIC_ACQUIRE) >> at & 1) == 0 ||
        __atomic_load_n(&line->time_last[at], __ATOMIC_RELAXED) != time_last || time_last < floor) {
        return false;
    }
    *timestamp = time_last;
    *value = kept;
    return true;
}

/* The same for a sample that was kept or not, as long as the series is being written to. */
VV_MAY_READ_POISONED static inline bool
vv_head_latest_open(const struct vv_head *head, uint32_t ref, int64_t *timestamp, double *value)
{
    const struct vv_head_line *line = vv_head_find_line(head, ref);
    if (line == NULL) {
        return false;
    }
    unsigned at = ref % VV_HEAD_LINE_SERIES;
    uint32_t handle = __atomic_load_n(&line->newest[at], __ATOMIC_ACQUIRE);
    if (handle == 0) {
        return false;
    }
    const struct vv_extent *extent = vv_head_extent(head, handle);
    uint32_t version = atomic_load_explicit(&extent->version, memory_order_acquire);
    if ((__atomic_load_n(&line->latest, __ATOMIC_ACQUIRE) >> at & 1) == 0) {
        return false;
    }
    size_t count = __atomic_load_n(&line->count[at], __ATOMIC_ACQUIRE);
    if (count - 1 >= VV_COUNT_CLOSED - 1 ||
        __atomic_load_n(&line->newest[at], __ATOMIC_ACQUIRE) != handle) {
        return false;
    }
    const struct vv_sample *sample = &extent->samples[0] + (count - 1);
    int64_t last_timestamp;
    double last_value;
    __atomic_load(&sample->timestamp, &last_timestamp, __ATOMIC_ACQUIRE);
    __atomic_load(&sample->value, &last_value, __ATOMIC_ACQUIRE);
    /* An odd version never equals an even one. */
    if (atomic_load_explicit(&extent->version, memory_order_relaxed) != (version & ~1U)) {
        return false;
    }
    *timestamp = last_timestamp;
    *value = last_value;
    return true;
}

#endif
