/*
 * head.c - appending to the samples in memory.
 *
 *   insert --> newest extent (raw, sorted) --many--> seal: chunk (encoded) --flush--> block
 *
 * H1  The way of nearly every sample: it is later than the last one of its series, of the same
 *     policy and generation, and the newest extent has room. Then the series' line and one line of
 *     the extent are all that is touched. Everything else is head_late.c.
 * H2  The line says how many samples the newest extent has while it is open; an extent that is
 *     closed says so itself. A line belongs to the generation of its last append and closes its
 *     extents when a later one comes.
 * Thread: everything of a series under the lock of its line; see head_lock.c.
 */
#include "storage/head.h"

#include "storage/head_line.h"

enum { PREFETCH_SAMPLES = 8 }; /* ahead: the line is at hand, its extent takes about that long */

/* Adds a sample that simply follows. */
static inline bool extend(const struct vv_head *head, struct vv_head_line *line, unsigned at,
                          unsigned policy_bits, int64_t timestamp, double value)
{
    unsigned count = line->count[at];
    uint8_t form = line->form[at];
    if (count >= vv_form_capacity(form) || (form & VV_FORM_POLICY) != policy_bits ||
        timestamp <= line->time_last[at]) {
        return false;
    }
    struct vv_sample *samples = vv_head_extent(head, line->newest[at])->samples;
    samples[count] = (struct vv_sample){timestamp, value};
    line->count[at] = (uint8_t)(count + 1);
    line->time_last[at] = timestamp;
    return true;
}

/* Asks for the memory that a sample of the series will be written to. */
static inline void prefetch_slot(const struct vv_head *head, uint32_t ref)
{
    const struct vv_head_line *line = vv_head_line_of(head, ref);
    unsigned at = ref % VV_HEAD_LINE_SERIES;
    const uint8_t *extent = (const uint8_t *)vv_head_extent(head, line->newest[at]);
    __builtin_prefetch(extent + (line->count[at] + 1U) * sizeof(struct vv_sample), 1);
}

/* Lets go of the held lines one by one if release is given. */
static varve_status insert(struct vv_head *head, const uint32_t *refs, uint64_t generation,
                           varve_duplicates policy, const int64_t *timestamps, const double *values,
                           size_t count, struct vv_head_locks *release)
{
    unsigned policy_bits = (unsigned)policy << VV_FORM_POLICY_SHIFT;
    struct vv_head_change change = {0};
    struct vv_head_line *line = NULL;
    varve_status status = VARVE_OK;
    uint32_t group = UINT32_MAX;
    size_t extended = 0;
    for (size_t i = 0; i < count && status == VARVE_OK; i++) {
        unsigned at = refs[i] % VV_HEAD_LINE_SERIES;
        if (i + PREFETCH_SAMPLES < count) {
            prefetch_slot(head, refs[i + PREFETCH_SAMPLES]);
        }
        if (refs[i] / VV_HEAD_LINE_SERIES != group) {
            if (release != NULL && line != NULL) {
                vv_head_release_line(release, line);
            }
            group = refs[i] / VV_HEAD_LINE_SERIES;
            line = vv_head_line_of(head, refs[i]);
            if (line->generation != (uint32_t)generation) {
                vv_line_turn(head, line, generation);
            }
        }
        if (extend(head, line, at, policy_bits, timestamps[i], values[i])) {
            extended++;
        } else {
            struct vv_sample sample = {timestamps[i], values[i]};
            status = vv_line_insert(head, line, at, generation, policy, sample, &change);
        }
    }
    change.samples += (int64_t)extended;
    vv_head_count(head, change);
    return status;
}

varve_status vv_head_insert(struct vv_head *head, const uint32_t *refs, uint64_t generation,
                            varve_duplicates policy, const int64_t *timestamps,
                            const double *values, size_t count)
{
    return insert(head, refs, generation, policy, timestamps, values, count, NULL);
}

varve_status vv_head_insert_and_unlock(struct vv_head *head, const uint32_t *refs,
                                       uint64_t generation, varve_duplicates policy,
                                       const int64_t *timestamps, const double *values,
                                       size_t count, struct vv_head_locks *locks)
{
    varve_status status = insert(head, refs, generation, policy, timestamps, values, count, locks);
    if (status == VARVE_OK) {
        vv_head_unlock_refs(locks);
    }
    return status;
}
