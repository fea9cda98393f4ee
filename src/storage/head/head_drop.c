/*
 * head_drop.c - deleting ranges from the samples in memory, and giving generations back.
 *
 *   delete in generation G:  extents and chunks of G lose the range at once
 *                            older generations and blocks are read through a tombstone of G
 *
 * K1  What is left of an extent stays in it: extents that were emptied are passed over and go with
 *     their generation.
 * Thread: under the lock of the line.
 */
#include "storage/head/head_line.h"

static bool in_range(struct vv_range range, int64_t timestamp)
{
    return timestamp >= range.start && timestamp < range.end;
}

/* Moves the samples outside of the range to the front; returns how many. */
static size_t keep_outside(struct vv_range range, int64_t *timestamps, double *values, size_t count)
{
    size_t kept = 0;
    for (size_t i = 0; i < count; i++) {
        if (!in_range(range, timestamps[i])) {
            timestamps[kept] = timestamps[i];
            values[kept] = values[i];
            kept++;
        }
    }
    return kept;
}

/* The chunk without the range: itself, another one, or NULL if nothing is left. */
static varve_status cut_chunk(struct vv_head_chunk *chunk, struct vv_range range,
                              struct vv_head_chunk **left)
{
    *left = chunk;
    if (chunk->time_max < range.start || chunk->time_min >= range.end) {
        return VARVE_OK;
    }
    int64_t timestamps[VV_COLUMN_MAX];
    double values[VV_COLUMN_MAX];
    vv_head_chunk_decode(chunk, timestamps, values);
    size_t kept = keep_outside(range, timestamps, values, chunk->count);
    if (kept == chunk->count) {
        return VARVE_OK;
    }
    *left = NULL;
    if (kept > 0) {
        *left = vv_head_chunk_create(timestamps, values, kept);
        return *left == NULL ? VARVE_NO_MEMORY : VARVE_OK;
    }
    return VARVE_OK;
}

static varve_status cut_chunks(struct vv_extent *extent, struct vv_range range,
                               struct vv_head_change *change)
{
    uint8_t kept = 0;
    varve_status status = VARVE_OK;
    for (unsigned i = 0; i < extent->count; i++) {
        struct vv_head_chunk *chunk = extent->chunks[i], *left = chunk;
        if (status == VARVE_OK) {
            status = cut_chunk(chunk, range, &left);
            left = status == VARVE_OK ? left : chunk;
        }
        if (left != chunk) {
            change->samples += (left == NULL ? 0 : (int64_t)left->count) - (int64_t)chunk->count;
            change->bytes += (left == NULL ? 0 : (int64_t)vv_head_chunk_bytes(left)) -
                             (int64_t)vv_head_chunk_bytes(chunk);
            vv_head_chunk_release(chunk);
        }
        if (left != NULL) {
            extent->chunks[kept++] = left;
        }
    }
    extent->count = kept;
    return status;
}

static void cut_raw(struct vv_extent *extent, struct vv_range range, struct vv_head_change *change)
{
    uint8_t kept = 0;
    vv_extent_begin_change(extent);
    for (unsigned i = 0; i < extent->count; i++) {
        if (!in_range(range, extent->samples[i].timestamp)) {
            vv_sample_store(&extent->samples[kept++], extent->samples[i]);
        }
    }
    vv_extent_end_change(extent);
    change->samples -= extent->count - kept;
    extent->count = kept;
}

static varve_status cut(struct vv_extent *extent, struct vv_range range,
                        struct vv_head_change *change)
{
    switch (vv_form_kind(extent->form)) {
    case VV_EXTENT_SMALL:
    case VV_EXTENT_MIDDLE:
    case VV_EXTENT_LARGE:
        cut_raw(extent, range, change);
        return VARVE_OK;
    case VV_EXTENT_LOOSE: {
        struct vv_loose_tail *loose = &extent->loose;
        size_t kept = keep_outside(range, loose->timestamps, loose->values, loose->count);
        change->samples -= (int64_t)(loose->count - kept);
        loose->count = (uint32_t)kept;
        return VARVE_OK;
    }
    case VV_EXTENT_CHUNKS:
        return cut_chunks(extent, range, change);
    case VV_EXTENT_TOMBSTONES:
        break;
    }
    return VARVE_OK;
}

static varve_status add_tombstone(struct vv_head *head, struct vv_head_line *line, unsigned at,
                                  uint64_t generation, struct vv_range range,
                                  struct vv_head_change *change)
{
    struct vv_extent *extent = vv_line_newest(head, line, at);
    if (extent == NULL || vv_form_kind(extent->form) != VV_EXTENT_TOMBSTONES ||
        extent->generation != generation || extent->count == VV_EXTENT_TOMBSTONES_MAX) {
        extent =
            vv_extent_create(head, VV_EXTENT_TOMBSTONES, VARVE_DUPLICATES_LAST, generation, change);
        if (extent == NULL) {
            return VARVE_NO_MEMORY;
        }
        vv_line_link(head, line, at, extent);
    }
    extent->tombstones[extent->count++] = range;
    return VARVE_OK;
}

varve_status vv_head_delete(struct vv_head *head, uint32_t ref, uint64_t generation,
                            struct vv_range range, bool older_data)
{
    struct vv_head_line *line = vv_head_line_of(head, ref);
    unsigned at = ref % VV_HEAD_LINE_SERIES;
    struct vv_head_change change = {0};
    varve_status status = VARVE_OK;
    vv_line_forget_latest(line, at);
    if (line->generation != (uint32_t)generation) {
        vv_line_turn(head, line, generation);
    }
    if (older_data) {
        vv_head_lower_floor(head, generation, range.start);
        status = add_tombstone(head, line, at, generation, range, &change);
    }
    struct vv_extent *newest = vv_line_newest(head, line, at), *extent = newest;
    for (; extent != NULL && extent->generation == generation && status == VARVE_OK;
         extent = vv_extent_older(head, extent)) {
        status = cut(extent, range, &change);
    }
    if (line->count[at] != VV_COUNT_CLOSED) {
        vv_line_open(head, line, at);
    }
    vv_head_count(head, change);
    return status;
}

/* Takes the extents of generations up to this one off a line; returns the newest of them. */
static struct vv_extent *unlink_dropped(struct vv_head *head, struct vv_head_line *line,
                                        uint32_t ref, uint64_t up_to)
{
    unsigned at = ref % VV_HEAD_LINE_SERIES;
    struct vv_extent *extent = vv_line_newest(head, line, at), *kept = NULL;
    while (extent != NULL && extent->generation > up_to) {
        kept = extent;
        extent = vv_extent_older(head, extent);
    }
    if (extent != NULL && kept != NULL) {
        kept->older = 0;
    } else if (extent != NULL) {
        vv_line_keep_latest(head, line, ref, extent);
        vv_line_set_count(line, at, VV_COUNT_CLOSED);
        vv_line_set_link(&line->newest[at], 0);
    }
    return extent;
}

uint64_t vv_head_drop(struct vv_head *head, uint32_t ref, uint64_t up_to)
{
    struct vv_head_line *line = vv_head_find_line(head, ref);
    struct vv_head_change change = {0};
    if (line == NULL) {
        return 0;
    }
    vv_head_lock_line(head, line);
    struct vv_extent *extent = unlink_dropped(head, line, ref, up_to);
    while (extent != NULL) {
        struct vv_extent *older = vv_extent_older(head, extent);
        vv_extent_destroy(head, extent, &change);
        extent = older;
    }
    vv_spin_unlock(&line->lock);
    vv_head_count(head, change);
    return (uint64_t)-change.bytes;
}

uint64_t vv_head_drop_line(struct vv_head *head, uint32_t ref, uint64_t up_to)
{
    struct vv_head_line *line = vv_head_find_line(head, ref);
    struct vv_head_change change = {0};
    struct vv_extent *next[VV_HEAD_LINE_SERIES];
    bool is_full[VV_HEAD_LINE_SERIES] = {false}; /* what the newer extent said of next */
    bool any = true;
    if (line == NULL) {
        return 0;
    }
    vv_head_lock_line(head, line);
    for (unsigned at = 0; at < VV_HEAD_LINE_SERIES; at++) {
        next[at] = unlink_dropped(head, line, ref - ref % VV_HEAD_LINE_SERIES + at, up_to);
    }
    while (any) {
        any = false;
        for (unsigned at = 0; at < VV_HEAD_LINE_SERIES; at++) {
            struct vv_extent *extent = next[at];
            if (extent == NULL) {
                continue;
            }
            if (is_full[at]) {
                extent->count = (uint8_t)vv_form_capacity(extent->form);
            }
            is_full[at] = (extent->form & VV_FORM_OLDER_FULL) != 0;
            next[at] = extent->older == 0 ? NULL : vv_head_extent(head, extent->older);
            __builtin_prefetch(next[at]);
            vv_extent_destroy(head, extent, &change);
            any = true;
        }
    }
    vv_spin_unlock(&line->lock);
    vv_head_count(head, change);
    return (uint64_t)-change.bytes;
}
