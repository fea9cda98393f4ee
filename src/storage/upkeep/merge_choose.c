/*
 * merge_choose.c - size-tiered merging within parts of time that follow from the data.
 *
 * H1  Count: VV_MERGE_BLOCKS neighbours in time of a similar size whose sum fits into one block
 *     become one: a sample is rewritten about log4(target / flush) times.
 * H2  Depth: as many blocks of a similar size that hold the same timestamp, neighbours in the log
 *     there, become blocks that do not overlap: late data sinks to where it belongs in tiers, and
 *     readers meet a bounded number of blocks.
 * H3  Whatever stands between the chosen ones in the log and meets them goes along: the order of
 *     the log stays total wherever blocks meet.
 * H4  Beyond BLOCKS_MAX blocks, or DEPTH_MAX at one timestamp, sizes need not be similar.
 * Thread: any; no state.
 */
#include "storage/upkeep/merge_choose.h"

#include <stdlib.h>
#include <string.h>

#include "os/alloc.h"

enum {
    SIMILAR_FACTOR = 4, /* the largest is less than so many times the smallest */
    BLOCKS_MAX = 160,
    DEPTH_MAX = 12,
    SMALL_SHARE = 64, /* blocks below this share of the target count as of one size */
};

struct choice {
    const struct vv_merge_block *blocks;
    size_t count;
    uint64_t target;
    bool crowded;    /* H4 */
    bool *candidate; /* scratch */
    bool *best;      /* the best closed choice so far */
    uint64_t best_bytes;
    size_t slices_max; /* of the best */
    bool found;
};

static bool holds_samples(const struct vv_merge_block *block)
{
    return block->time_min <= block->time_max;
}

static bool covers(const struct vv_merge_block *block, int64_t timestamp)
{
    return block->time_min <= timestamp && timestamp <= block->time_max;
}

bool vv_merge_blocks_meet(const struct vv_merge_block *a, const struct vv_merge_block *b)
{
    return a->time_min <= b->time_max && b->time_min <= a->time_max;
}

/* The chosen blocks as one: their hull in time and in the log, and their bytes. */
static struct vv_merge_block hull_of(const struct vv_merge_block *blocks, size_t count,
                                     const bool *chosen)
{
    struct vv_merge_block hull = {
        .lsn_min = UINT64_MAX, .time_min = INT64_MAX, .time_max = INT64_MIN, .readable = true};
    for (size_t i = 0; i < count; i++) {
        const struct vv_merge_block *block = &blocks[i];
        if (!chosen[i]) {
            continue;
        }
        hull.lsn_min = block->lsn_min < hull.lsn_min ? block->lsn_min : hull.lsn_min;
        hull.lsn_max = block->lsn_max > hull.lsn_max ? block->lsn_max : hull.lsn_max;
        hull.time_min = block->time_min < hull.time_min ? block->time_min : hull.time_min;
        hull.time_max = block->time_max > hull.time_max ? block->time_max : hull.time_max;
        hull.bytes += block->bytes;
        hull.has_tombstones |= block->has_tombstones;
        hull.readable &= block->readable;
    }
    return hull;
}

/* Whether blocks[index] deletes from a chosen block what is not gone from there yet. */
static bool deletes_from_chosen(const struct vv_merge_block *blocks, size_t count,
                                const bool *chosen, size_t index)
{
    for (size_t i = 0; blocks[index].has_tombstones && i < count; i++) {
        if (chosen[i] && blocks[i].lsn_max <= blocks[index].lsn_min &&
            blocks[i].clean_lsn < blocks[index].lsn_max) {
            return true;
        }
    }
    return false;
}

bool vv_merge_close(const struct vv_merge_block *blocks, size_t count, bool *chosen)
{
    for (;;) {
        struct vv_merge_block hull = hull_of(blocks, count, chosen);
        bool grown = false;
        for (size_t i = 0; i < count; i++) {
            bool between = blocks[i].lsn_max > hull.lsn_min && blocks[i].lsn_min < hull.lsn_max;
            if (chosen[i] || !between) {
                continue;
            }
            /* The hull stands at its end in the log: tombstones reach what ends before it. */
            bool is_reached = hull.has_tombstones && blocks[i].lsn_max < hull.lsn_max;
            if (is_reached || vv_merge_blocks_meet(&blocks[i], &hull) ||
                deletes_from_chosen(blocks, count, chosen, i)) {
                chosen[i] = grown = true;
            }
        }
        if (!grown) {
            return hull.readable;
        }
    }
}

/* A size for comparing: small ones are all alike. */
static uint64_t size_class_bytes(const struct choice *choice, size_t index)
{
    uint64_t small = choice->target / SMALL_SHARE;
    uint64_t bytes = choice->blocks[index].bytes;
    return bytes > small ? bytes : small;
}

static bool are_similar(const struct choice *choice, const size_t *order, size_t count)
{
    uint64_t least = UINT64_MAX, greatest = 0;
    for (size_t i = 0; i < count; i++) {
        uint64_t bytes = size_class_bytes(choice, order[i]);
        least = bytes < least ? bytes : least;
        greatest = bytes > greatest ? bytes : greatest;
    }
    return greatest / SIMILAR_FACTOR < least;
}

/* Closes the blocks order[0..count) and keeps them if they are cheaper than the best. bytes_max:
 * what the closed set may have. */
static void consider(struct choice *choice, const size_t *order, size_t count, uint64_t bytes_max,
                     bool reduces_count)
{
    uint64_t bytes = 0;
    for (size_t i = 0; i < count; i++) {
        if (!choice->blocks[order[i]].readable) {
            return;
        }
        bytes += choice->blocks[order[i]].bytes;
    }
    if (bytes > bytes_max || (choice->found && bytes >= choice->best_bytes)) {
        return;
    }
    memset(choice->candidate, 0, choice->count * sizeof(bool));
    for (size_t i = 0; i < count; i++) {
        choice->candidate[order[i]] = true;
    }
    if (!vv_merge_close(choice->blocks, choice->count, choice->candidate)) {
        return;
    }
    struct vv_merge_block hull = hull_of(choice->blocks, choice->count, choice->candidate);
    if (hull.bytes > bytes_max || (choice->found && hull.bytes >= choice->best_bytes)) {
        return;
    }
    size_t chosen = 0;
    for (size_t i = 0; i < choice->count; i++) {
        chosen += choice->candidate[i];
    }
    memcpy(choice->best, choice->candidate, choice->count * sizeof(bool));
    choice->best_bytes = hull.bytes;
    choice->slices_max = reduces_count ? chosen - 1 : SIZE_MAX;
    choice->found = true;
}

/* H1 over a list of blocks in some order. */
static void consider_neighbours(struct choice *choice, const size_t *order, size_t count)
{
    for (size_t i = 0; i + VV_MERGE_BLOCKS <= count; i++) {
        if (are_similar(choice, order + i, VV_MERGE_BLOCKS)) {
            consider(choice, order + i, VV_MERGE_BLOCKS, choice->target, true);
        }
    }
    for (size_t i = 0; choice->crowded && i + 2 <= count; i++) {
        consider(choice, order + i, 2, 2 * choice->target, true);
    }
}

/* H2 at one timestamp; order has room for all blocks. */
static void consider_depth(struct choice *choice, int64_t timestamp, size_t *order)
{
    size_t depth = 0;
    for (size_t i = 0; i < choice->count; i++) {
        if (covers(&choice->blocks[i], timestamp)) {
            order[depth++] = i;
        }
    }
    for (size_t i = 0; i + VV_MERGE_BLOCKS <= depth; i++) {
        if (depth > DEPTH_MAX || are_similar(choice, order + i, VV_MERGE_BLOCKS)) {
            consider(choice, order + i, VV_MERGE_BLOCKS, UINT64_MAX, false);
        }
    }
}

/* A block's place in the order of time. */
struct time_place {
    int64_t time_min;
    size_t index;
};

static int compare_places(const void *a, const void *b)
{
    const struct time_place *left = a, *right = b;
    if (left->time_min != right->time_min) {
        return left->time_min < right->time_min ? -1 : 1;
    }
    return (left->index > right->index) - (left->index < right->index);
}

/* Indexes of the blocks with samples by the time at which they begin; returns how many. */
static size_t order_by_time(const struct choice *choice, struct time_place *places, size_t *order)
{
    size_t count = 0;
    for (size_t i = 0; i < choice->count; i++) {
        if (holds_samples(&choice->blocks[i])) {
            places[count++] = (struct time_place){choice->blocks[i].time_min, i};
        }
    }
    qsort(places, count, sizeof(*places), compare_places);
    for (size_t i = 0; i < count; i++) {
        order[i] = places[i].index;
    }
    return count;
}

/* Runs of the log with tombstones: they have no place in time, and go when they meet what they
 * delete. */
static void consider_tombstones(struct choice *choice, size_t *order)
{
    for (size_t i = 0; i + VV_MERGE_BLOCKS <= choice->count; i++) {
        bool any = false;
        for (size_t k = 0; k < VV_MERGE_BLOCKS; k++) {
            order[k] = i + k;
            any |= choice->blocks[i + k].has_tombstones;
        }
        if (any && are_similar(choice, order, VV_MERGE_BLOCKS)) {
            consider(choice, order, VV_MERGE_BLOCKS, choice->target, true);
        }
    }
}

bool vv_merge_choose(const struct vv_merge_block *blocks, size_t count, uint64_t target,
                     bool *chosen, size_t *slices_max)
{
    memset(chosen, 0, count * sizeof(bool));
    if (count < 2 || count > VV_MERGE_CANDIDATES_MAX) {
        return false;
    }
    struct choice choice = {.blocks = blocks,
                            .count = count,
                            .target = target,
                            .crowded = count > BLOCKS_MAX,
                            .best = chosen};
    struct time_place *places = vv_alloc(count * sizeof(*places));
    size_t *order = vv_alloc(count * sizeof(*order));
    choice.candidate = vv_alloc(count * sizeof(bool));
    if (places != NULL && order != NULL && choice.candidate != NULL) {
        consider_tombstones(&choice, order);
        size_t in_time = order_by_time(&choice, places, order);
        consider_neighbours(&choice, order, in_time);
        for (size_t i = 0; i < in_time; i++) {
            consider_depth(&choice, places[i].time_min, order);
        }
    }
    vv_free(places);
    vv_free(order);
    vv_free(choice.candidate);
    *slices_max = choice.slices_max;
    return choice.found;
}
