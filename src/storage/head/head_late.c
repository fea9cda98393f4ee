/*
 * head_late.c - samples that do not simply follow the last one of their series.
 *
 *   the first of a run          a new extent that begins one
 *   behind a full extent        the next larger extent, or, when the tail is long enough, a seal
 *   equal to one of the tail    resolved where that stands
 *   into the newest extent      moved in
 *   further back                the tail becomes loose: one sorted array, to be inserted into
 *
 * H1  Equal timestamps are resolved within the tail; against chunks and blocks, when they are read.
 * Thread: under the lock of the line.
 */
#include <string.h>

#include "os/alloc.h"
#include "storage/head/head_line.h"

enum { LOOSE_SAMPLES_MIN = 32 };

/* A new newest extent of raw samples. */
static varve_status push_raw(struct vv_head *head, struct vv_head_line *line, unsigned at,
                             enum vv_extent_kind kind, uint64_t generation, varve_duplicates policy,
                             struct vv_sample sample, bool begins, size_t before,
                             struct vv_head_change *change)
{
    struct vv_extent *extent = vv_extent_create(head, kind, policy, generation, change);
    if (extent == NULL) {
        return VARVE_NO_MEMORY;
    }
    extent->form |= begins ? VV_FORM_BEGINS : 0;
    extent->before = (uint16_t)before;
    vv_sample_store(&extent->samples[0], sample);
    extent->count = 1;
    vv_line_link(head, line, at, extent);
    vv_line_open(head, line, at);
    change->samples++;
    return VARVE_OK;
}

/* Whether the tail has reached the size at which it is sealed. */
static bool is_long(const struct vv_head *head, struct vv_extent *tail, size_t count)
{
    if (count < VV_TAIL_SAMPLES_MAX) {
        return false;
    }
    if (count >= VV_TAIL_UNORDERED_MAX) {
        return true;
    }
    struct vv_extent *last = tail;
    for (struct vv_extent *next = tail; next != NULL; next = vv_tail_next(head, next)) {
        last = vv_extent_samples(next) > 0 ? next : last;
        tail = next;
    }
    if (vv_extent_samples(last) == 0) {
        return true; /* all deleted */
    }
    int64_t first = vv_form_kind(last->form) == VV_EXTENT_LOOSE ? last->loose.timestamps[0]
                                                                : last->samples[0].timestamp;
    /* In order if the run has no chunk that reaches into the tail. */
    struct vv_extent *chunks = tail;
    while ((chunks->form & VV_FORM_BEGINS) == 0) {
        chunks = vv_run_first(head, vv_extent_older(head, chunks));
        for (unsigned i = 0; i < chunks->count; i++) {
            if (chunks->chunks[i]->encoded.time_max >= first) {
                return false;
            }
        }
    }
    return true;
}

/* ------------------------------------------------------------------------ loose tails */

static varve_status loose_grow(struct vv_loose_tail *loose, uint32_t capacity,
                               struct vv_head_change *change)
{
    int64_t *timestamps = vv_alloc(capacity * sizeof(struct vv_sample));
    if (timestamps == NULL) {
        return VARVE_NO_MEMORY;
    }
    double *values = (double *)(void *)(timestamps + capacity);
    if (loose->count > 0) {
        memcpy(timestamps, loose->timestamps, loose->count * sizeof(*timestamps));
        memcpy(values, loose->values, loose->count * sizeof(*values));
    }
    vv_free(loose->timestamps);
    change->bytes += ((int64_t)capacity - loose->capacity) * (int64_t)sizeof(struct vv_sample);
    loose->timestamps = timestamps;
    loose->values = values;
    loose->capacity = capacity;
    return VARVE_OK;
}

/* Turns the tail of the newest run into a loose one. */
static varve_status loosen(struct vv_head *head, struct vv_head_line *line, unsigned at,
                           struct vv_head_change *change)
{
    struct vv_extent *newest = vv_line_newest(head, line, at);
    struct vv_extent *tail = vv_tail_first(head, newest);
    size_t count = vv_tail_count(head, newest);
    struct vv_extent *extent = vv_extent_create(head, VV_EXTENT_LOOSE, vv_form_policy(tail->form),
                                                tail->generation, change);
    if (extent == NULL) {
        return VARVE_NO_MEMORY;
    }
    extent->loose = (struct vv_loose_tail){0};
    if (loose_grow(&extent->loose, (uint32_t)(count * 2 + LOOSE_SAMPLES_MIN), change) != VARVE_OK) {
        vv_extent_destroy(head, extent, change);
        return VARVE_NO_MEMORY;
    }
    vv_tail_copy(head, newest, count, extent->loose.timestamps, extent->loose.values);
    extent->loose.count = (uint32_t)count;
    change->samples += (int64_t)count;
    bool begins = vv_line_remove_tail(head, line, at, change);
    extent->form |= begins ? VV_FORM_BEGINS : 0;
    vv_line_link(head, line, at, extent);
    return VARVE_OK;
}

/* First index whose timestamp is >= timestamp; new samples mostly come last. */
static uint32_t loose_position(const struct vv_loose_tail *loose, int64_t timestamp)
{
    if (loose->count == 0 || loose->timestamps[loose->count - 1] < timestamp) {
        return loose->count;
    }
    uint32_t low = 0, high = loose->count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (loose->timestamps[middle] < timestamp) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

static varve_status loose_insert(struct vv_loose_tail *loose, varve_duplicates policy,
                                 struct vv_sample sample, struct vv_head_change *change)
{
    uint32_t position = loose_position(loose, sample.timestamp);
    if (position < loose->count && loose->timestamps[position] == sample.timestamp) {
        loose->values[position] =
            vv_resolve_duplicate(policy, loose->values[position], sample.value);
        return VARVE_OK;
    }
    if (loose->count == loose->capacity) {
        VV_TRY(loose_grow(loose, loose->capacity * 2, change));
    }
    size_t behind = loose->count - position;
    memmove(loose->timestamps + position + 1, loose->timestamps + position,
            behind * sizeof(int64_t));
    memmove(loose->values + position + 1, loose->values + position, behind * sizeof(double));
    loose->timestamps[position] = sample.timestamp;
    loose->values[position] = sample.value;
    loose->count++;
    change->samples++;
    return VARVE_OK;
}

/* --------------------------------------------------------------------------- raw tails */

static unsigned raw_position(const struct vv_extent *extent, int64_t timestamp)
{
    unsigned position = 0;
    while (position < extent->count && extent->samples[position].timestamp < timestamp) {
        position++;
    }
    return position;
}

/* The extent of the tail that a late sample belongs into: the newest that begins before it, if it
 * lies within its time; otherwise the next newer one, or the oldest. Empty ones are passed over. */
static struct vv_extent *raw_extent_at(const struct vv_head *head, struct vv_extent *tail,
                                       int64_t timestamp)
{
    struct vv_extent *newer = NULL;
    for (struct vv_extent *extent = tail; extent != NULL; extent = vv_tail_next(head, extent)) {
        if (extent->count == 0) {
            continue;
        }
        if (extent->samples[0].timestamp <= timestamp) {
            bool within = extent->samples[extent->count - 1].timestamp >= timestamp;
            return within || newer == NULL ? extent : newer;
        }
        newer = extent;
    }
    VV_ASSERT(newer != NULL); /* something is later, or the sample would not be late */
    return newer;
}

static void raw_insert(struct vv_extent *extent, unsigned position, struct vv_sample sample)
{
    vv_extent_begin_change(extent);
    for (unsigned at = extent->count; at > position; at--) {
        vv_sample_store(&extent->samples[at], extent->samples[at - 1]);
    }
    vv_sample_store(&extent->samples[position], sample);
    extent->count++;
    vv_extent_end_change(extent);
}

/* After raw extents were changed: what the line says of the newest. */
static void refresh(struct vv_head *head, struct vv_head_line *line, unsigned at)
{
    const struct vv_extent *newest = vv_head_extent(head, line->newest[at]);
    if (vv_form_is_raw(newest->form)) {
        vv_line_open(head, line, at);
    }
}

/* A late sample into a raw tail that is not long. */
static varve_status insert_late(struct vv_head *head, struct vv_head_line *line, unsigned at,
                                struct vv_extent *tail, varve_duplicates policy,
                                struct vv_sample sample, struct vv_head_change *change)
{
    struct vv_extent *extent = raw_extent_at(head, tail, sample.timestamp);
    unsigned position = raw_position(extent, sample.timestamp);
    if (position < extent->count && extent->samples[position].timestamp == sample.timestamp) {
        sample.value = vv_resolve_duplicate(policy, extent->samples[position].value, sample.value);
        vv_sample_store(&extent->samples[position], sample);
        return VARVE_OK;
    }
    if (extent->count < vv_form_capacity(extent->form)) {
        raw_insert(extent, position, sample);
        refresh(head, line, at);
        change->samples++;
        return VARVE_OK;
    }
    if (extent == tail) { /* full: its last sample moves to the next one */
        struct vv_sample last = extent->samples[extent->count - 1];
        VV_TRY(push_raw(head, line, at, VV_EXTENT_LARGE, extent->generation, policy, last, false,
                        extent->before + extent->count, change));
        extent->count--;
        raw_insert(extent, position, sample);
        return VARVE_OK;
    }
    VV_TRY(loosen(head, line, at, change));
    return loose_insert(&vv_head_extent(head, line->newest[at])->loose, policy, sample, change);
}

/* A sample behind the last one of a raw tail that is not long. */
static varve_status insert_behind(struct vv_head *head, struct vv_head_line *line, unsigned at,
                                  struct vv_extent *tail, varve_duplicates policy,
                                  struct vv_sample sample, struct vv_head_change *change)
{
    bool is_newest = vv_head_extent(head, line->newest[at]) == tail;
    if (is_newest && tail->count < vv_form_capacity(tail->form)) {
        vv_sample_store(&tail->samples[tail->count++], sample);
        vv_line_open(head, line, at);
        change->samples++;
        return VARVE_OK;
    }
    enum vv_extent_kind kind = vv_form_kind(tail->form);
    kind = kind < VV_EXTENT_LARGE ? kind + 1 : VV_EXTENT_LARGE;
    return push_raw(head, line, at, kind, tail->generation, policy, sample, false,
                    tail->before + tail->count, change);
}

static varve_status insert(struct vv_head *head, struct vv_head_line *line, unsigned at,
                           uint64_t generation, varve_duplicates policy, struct vv_sample sample,
                           struct vv_head_change *change)
{
    struct vv_extent *newest = vv_line_newest(head, line, at);
    struct vv_extent *first = vv_run_first(head, newest);
    if (first == NULL || first->generation != generation || vv_form_policy(first->form) != policy) {
        VV_ASSERT(first == NULL || first->generation <= generation);
        return push_raw(head, line, at, VV_EXTENT_SMALL, generation, policy, sample, true, 0,
                        change);
    }
    struct vv_extent *tail = vv_tail_first(head, newest);
    if (tail != NULL) {
        bool loose = vv_form_kind(tail->form) == VV_EXTENT_LOOSE;
        size_t count = loose ? tail->loose.count : (size_t)tail->before + tail->count;
        bool full = loose || tail->count >= vv_form_capacity(tail->form);
        if (full && is_long(head, tail, count)) {
            VV_TRY(vv_line_seal(head, line, at, change));
            tail = NULL;
        } else if (loose) {
            return loose_insert(&tail->loose, policy, sample, change);
        }
    }
    if (tail == NULL) { /* behind chunks */
        return push_raw(head, line, at, VV_EXTENT_LARGE, generation, policy, sample, false, 0,
                        change);
    }
    struct vv_extent *last = tail;
    while (last != NULL && last->count == 0) {
        last = vv_tail_next(head, last);
    }
    if (last == NULL || sample.timestamp > last->samples[last->count - 1].timestamp) {
        return insert_behind(head, line, at, tail, policy, sample, change);
    }
    return insert_late(head, line, at, tail, policy, sample, change);
}

varve_status vv_line_insert(struct vv_head *head, struct vv_head_line *line, uint32_t ref,
                            uint64_t generation, varve_duplicates policy, struct vv_sample sample,
                            struct vv_head_change *change)
{
    unsigned at = ref % VV_HEAD_LINE_SERIES;
    bool knew_latest = vv_line_knows_latest(line, at);
    int64_t latest = line->time_last[at];
    if (line->newest[at] == 0 && !knew_latest) { /* all that there may be is in blocks */
        latest = atomic_load_explicit(&head->blocks_time_max, memory_order_relaxed);
        knew_latest = sample.timestamp > latest;
    }
    if (knew_latest && sample.timestamp > latest) {
        vv_line_set_latest(line, at, false); /* what may be kept is earlier */
    } else {
        vv_head_unknow_latest(head, line, ref);
    }
    vv_head_lower_floor(head, generation, sample.timestamp);
    varve_status status = insert(head, line, at, generation, policy, sample, change);
    if (status != VARVE_OK) {
        vv_head_unknow_latest(head, line, ref);
        vv_head_change_latest_stamp(head); /* a seal, and nothing behind it */
    } else if (knew_latest && sample.timestamp > latest) {
        vv_line_set_time(line, at, sample.timestamp);
        vv_line_set_latest(line, at, true);
    } else if (knew_latest && sample.timestamp < latest && line->time_last[at] == latest) {
        vv_line_set_latest(line, at, true);
    }
    return status;
}
