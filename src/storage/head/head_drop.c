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
    const struct vv_encoded_chunk *encoded = &chunk->encoded;
    if (encoded->time_max < range.start || encoded->time_min >= range.end) {
        return VARVE_OK;
    }
    int64_t timestamps[VV_DECODE_ROOM(VV_COLUMN_MAX)];
    double values[VV_DECODE_ROOM(VV_COLUMN_MAX)];
    vv_block_decode(encoded, timestamps, values);
    size_t kept = keep_outside(range, timestamps, values, encoded->count);
    if (kept == encoded->count) {
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
            change->samples +=
                (left == NULL ? 0 : (int64_t)left->encoded.count) - (int64_t)chunk->encoded.count;
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
    vv_head_unknow_latest(head, line, ref);
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

/* A series whose extents are given back beside those of others, so that the memory of several is on
 * its way at a time. */
struct chain {
    struct vv_head_line *line;
    uint32_t ref;
    struct vv_extent *next;
    struct vv_extent *kept; /* of a later generation: the one before next */
    bool is_full;           /* what the newer extent said of next */
};

/* To the next older extent, which nothing is read of yet. */
static inline void go_on(const struct vv_head *head, struct chain *chain)
{
    const struct vv_extent *extent = chain->next;
    chain->is_full = (extent->form & VV_FORM_OLDER_FULL) != 0;
    chain->next = extent->older == 0 ? NULL : vv_head_extent(head, extent->older);
    __builtin_prefetch(chain->next, 1);
}

/* Locks the lines, and begins with the newest extent of each series; returns how many there are. */
static size_t begin_chains(struct vv_head *head, uint32_t ref, size_t line_count,
                           struct chain *chains)
{
    size_t count = 0;
    for (size_t i = 0; i < line_count; i++, ref += VV_HEAD_LINE_SERIES) {
        struct vv_head_line *line = vv_head_find_line(head, ref);
        if (line == NULL) {
            continue;
        }
        vv_head_lock_line(head, line);
        for (unsigned at = 0; at < VV_HEAD_LINE_SERIES; at++) {
            struct vv_extent *newest =
                line->newest[at] == 0 ? NULL : vv_head_extent(head, line->newest[at]);
            __builtin_prefetch(newest, 1);
            chains[count++] = (struct chain){.line = line, .ref = ref + at, .next = newest};
        }
    }
    return count;
}

/* Moves behind what is of later generations. */
static void pass_kept(const struct vv_head *head, struct chain *chains, size_t count,
                      uint64_t up_to)
{
    for (bool any = true; any;) {
        any = false;
        for (size_t i = 0; i < count; i++) {
            struct chain *chain = &chains[i];
            if (chain->next != NULL && chain->next->generation > up_to) {
                chain->kept = chain->next;
                go_on(head, chain);
                any = true;
            }
        }
    }
}

/* Takes what is left of a chain off its line. */
static void unlink_chain(struct vv_head *head, struct chain *chain)
{
    struct vv_head_line *line = chain->line;
    unsigned at = chain->ref % VV_HEAD_LINE_SERIES;
    if (chain->next == NULL) {
        return;
    }
    if (chain->kept != NULL) {
        chain->kept->older = 0;
        chain->kept->form = (uint8_t)(chain->kept->form & ~VV_FORM_OLDER_FULL);
        return;
    }
    vv_line_keep_latest(head, line, chain->ref, vv_line_newest(head, line, at));
    vv_line_set_count(line, at, VV_COUNT_CLOSED);
    vv_line_set_link(&line->newest[at], 0);
}

static void destroy_chains(struct vv_head *head, struct chain *chains, size_t count,
                           struct vv_head_change *change)
{
    for (bool any = true; any;) {
        any = false;
        for (size_t i = 0; i < count; i++) {
            struct vv_extent *extent = chains[i].next;
            if (extent == NULL) {
                continue;
            }
            if (chains[i].is_full) {
                extent->count = (uint8_t)vv_form_capacity(extent->form);
            }
            go_on(head, &chains[i]);
            vv_extent_destroy(head, extent, change);
            any = true;
        }
    }
}

uint64_t vv_head_drop_lines(struct vv_head *head, uint32_t ref, size_t line_count, uint64_t up_to)
{
    struct vv_head_change change = {0};
    struct chain chains[VV_HEAD_DROP_LINES_MAX * VV_HEAD_LINE_SERIES];
    VV_ASSERT(line_count <= VV_HEAD_DROP_LINES_MAX);
    size_t count = begin_chains(head, ref - ref % VV_HEAD_LINE_SERIES, line_count, chains);
    pass_kept(head, chains, count, up_to);
    for (size_t i = 0; i < count; i++) {
        unlink_chain(head, &chains[i]);
    }
    destroy_chains(head, chains, count, &change);
    for (size_t i = 0; i < count; i += VV_HEAD_LINE_SERIES) {
        vv_spin_unlock(&chains[i].line->lock);
    }
    vv_head_count(head, change);
    return (uint64_t)-change.bytes;
}
