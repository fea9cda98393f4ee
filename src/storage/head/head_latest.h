/*
 * head_latest.h - the newest sample of a series that is being written to, without a lock.
 *
 *   handle = newest -> version of the extent -> latest bit -> count -> newest again, sample ->
 *   version again
 *
 * R1  If the extent is the newest both times and its version the same and even, then it was the
 *     newest for all that time, and its samples only grew in number: see X6 of head_extent.c. So
 *     the sample was the last one when the count was read.
 * R2  The bit comes before the count: it says that the last sample is the latest of the series, and
 *     a bit that was set after the count was read would speak of another sample.
 * R3  Each load is an acquire of what a release has stored, so none happens before the one above
 *     it. The memory may belong to another series by now, or to none: whoever reads a sample that
 *     its next owner has stored sees the new version, too.
 *
 * Inlined, and without a call on its way: how many reads a core has under way at once, and with
 * that what a cache miss costs, depends on how few instructions each of them is.
 */
#ifndef VARVE_STORAGE_HEAD_LATEST_H
#define VARVE_STORAGE_HEAD_LATEST_H

#include "pool/poison.h"
#include "storage/head/head_line.h"

/* As vv_head_latest(), but false as well if the sample lies before floor or the head would have to
 * lock the series' line to know: where it has been given back, or came late. */
VV_MAY_READ_POISONED static inline bool vv_head_latest_open(const struct vv_head *head,
                                                            uint64_t ref, int64_t floor,
                                                            int64_t *timestamp, double *value)
{
    const struct vv_head_line *line =
        ref < VV_HEAD_REFS_MAX ? vv_head_find_line(head, (uint32_t)ref) : NULL;
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
    if (atomic_load_explicit(&extent->version, memory_order_relaxed) != (version & ~1U) ||
        last_timestamp < floor) {
        return false;
    }
    *timestamp = last_timestamp;
    *value = last_value;
    return true;
}

#endif
