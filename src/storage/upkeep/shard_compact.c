/*
 * shard_compact.c - what merging there is to do, and a compaction of everything.
 *
 * C1  Background work does one merge at a time, the cheapest that is due (merge_choose.h), and
 *     looks again: nothing is due twice, because every merge leaves fewer blocks or fewer over one
 *     another.
 * C2  A compaction goes through time in steps of WINDOW_BYTES, so that it needs free space for a
 *     step and not for everything. What is cold, clean and alone is left as it is. Each step is
 *     published by itself: one that was interrupted goes on where it was.
 * Thread: under maintenance_mutex.
 */
#include <stdlib.h>

#include "os/alloc.h"
#include "storage/upkeep/merge_slices.h"
#include "storage/upkeep/shard_merge.h"
#include "storage/upkeep/shard_retain.h"
#include "storage/upkeep/shard_rollup.h"

static const uint64_t window_bytes_min = 1ULL << 30;

/* Whether an older block needs what the tombstones of blocks[index] of the manifest delete. */
static bool has_live_tombstones(const struct vv_manifest *manifest, size_t index)
{
    const struct vv_block_info *info = &manifest->blocks[index];
    for (size_t i = 0; info->tombstone_count > 0 && i < manifest->block_count; i++) {
        const struct vv_block_info *older = &manifest->blocks[i];
        if (older->identity.lsn_max <= info->identity.lsn_min && older->sample_count > 0 &&
            vv_block_clean_lsn(older) < info->identity.lsn_max) {
            return true;
        }
    }
    return false;
}

varve_status vv_shard_merge_blocks(const struct vv_shard *shard, const struct vv_view *view,
                                   struct vv_merge_block **blocks, size_t **places)
{
    const struct vv_manifest *manifest = &shard->manifest;
    *blocks = vv_alloc_zeroed(manifest->block_count + 1, sizeof(**blocks));
    *places = vv_alloc_zeroed(manifest->block_count + 1, sizeof(**places));
    if (*blocks == NULL || *places == NULL) {
        vv_free(*blocks);
        vv_free(*places);
        return VARVE_NO_MEMORY;
    }
    for (size_t i = 0; i < manifest->block_count; i++) {
        const struct vv_block_info *info = &manifest->blocks[i];
        (*places)[i] = SIZE_MAX;
        for (size_t k = 0; k < view->block_count; k++) {
            if (vv_block_info(view->blocks[k])->identity.id == info->identity.id) {
                (*places)[i] = k;
            }
        }
        (*blocks)[i] = (struct vv_merge_block){
            .lsn_min = info->identity.lsn_min,
            .lsn_max = info->identity.lsn_max,
            .clean_lsn = vv_block_clean_lsn(info),
            .bytes = info->file_bytes,
            .time_min = info->time_min,
            .time_max = info->time_max,
            .has_tombstones = has_live_tombstones(manifest, i),
            .readable = (*places)[i] != SIZE_MAX,
        };
    }
    return VARVE_OK;
}

/* The blocks as they are now, and a choice among them. */
struct plan {
    struct vv_view *view;
    size_t count; /* of the manifest's blocks */
    struct vv_merge_block *blocks;
    size_t *places;
    bool *chosen;  /* by block of the manifest */
    bool *in_view; /* the same by block of the view */
};

static void plan_end(struct vv_shard *shard, struct plan *plan)
{
    vv_free(plan->blocks);
    vv_free(plan->places);
    vv_free(plan->chosen);
    vv_free(plan->in_view);
    vv_view_release(&shard->views, plan->view);
}

static varve_status plan_begin(struct vv_shard *shard, struct plan *plan)
{
    *plan =
        (struct plan){.view = vv_view_acquire(&shard->views), .count = shard->manifest.block_count};
    varve_status status = vv_shard_merge_blocks(shard, plan->view, &plan->blocks, &plan->places);
    if (status != VARVE_OK) {
        plan->blocks = NULL;
        plan->places = NULL;
    } else {
        plan->chosen = vv_alloc_zeroed(plan->count + 1, sizeof(bool));
        plan->in_view = vv_alloc_zeroed(plan->view->block_count + 1, sizeof(bool));
        status = plan->chosen == NULL || plan->in_view == NULL ? VARVE_NO_MEMORY : VARVE_OK;
    }
    if (status != VARVE_OK) {
        plan_end(shard, plan);
    }
    return status;
}

static uint64_t chosen_bytes(const struct plan *plan)
{
    uint64_t bytes = 0;
    for (size_t i = 0; i < plan->count; i++) {
        bytes += plan->chosen[i] ? plan->blocks[i].bytes : 0;
    }
    return bytes;
}

bool vv_shard_has_room_for(const struct vv_shard *shard, uint64_t bytes)
{
    const struct vv_env *env = shard->place.env;
    uint64_t available = UINT64_MAX;
    (void)env->ops->free_bytes(env->ctx, shard->place.directory, &available);
    return available / 2 >= bytes;
}

/* The choice as the merge wants it. */
static struct vv_merge_set choose_in_view(const struct plan *plan, size_t slices_max, bool cold)
{
    for (size_t i = 0; i < plan->count; i++) {
        if (plan->chosen[i]) {
            plan->in_view[plan->places[i]] = true;
        }
    }
    return (struct vv_merge_set){
        .view = plan->view, .chosen = plan->in_view, .slices_max = slices_max, .cold = cold};
}

varve_status vv_shard_merge_due(struct vv_shard *shard, bool *worked, varve_error *error)
{
    *worked = false;
    if (shard->publish_unknown || shard->settled_sequence == shard->manifest.sequence) {
        return VARVE_OK;
    }
    struct plan plan;
    size_t slices_max;
    uint64_t sequence = shard->manifest.sequence;
    varve_status status = plan_begin(shard, &plan);
    if (status != VARVE_OK) {
        return vv_fail(error, status, "no memory to choose what to merge");
    }
    bool is_due = vv_merge_choose(plan.blocks, plan.count, vv_shard_merge_target(shard),
                                  plan.chosen, &slices_max);
    bool fits = !is_due || vv_shard_has_room_for(shard, chosen_bytes(&plan));
    if (is_due && fits) {
        *worked = true;
        struct vv_merge_set set = choose_in_view(&plan, slices_max, false);
        status = vv_shard_merge_set(shard, &set, error);
    }
    plan_end(shard, &plan);
    if (status == VARVE_NO_SPACE) { /* a merge that does not fit must not keep dead data alive */
        bool reclaimed = false;
        varve_status other = vv_shard_reclaim(shard, VV_RECLAIM_WORTHWHILE, &reclaimed, NULL);
        if (other == VARVE_OK && reclaimed) {
            vv_error_clear(error);
            return VARVE_OK;
        }
    }
    if (status == VARVE_OK && !*worked) {
        status = vv_shard_reclaim(shard, VV_RECLAIM_WORTHWHILE, worked, error);
    }
    if (status == VARVE_OK && !*worked && fits) {
        status = vv_shard_build_rollups(shard, true, worked, error);
    }
    if (status == VARVE_OK && !*worked && fits) {
        shard->settled_sequence = sequence;
    }
    return status;
}

/* ------------------------------------------------------------------------- everything */

/* The ids of the blocks that a compaction has not come to yet. */
struct todo {
    uint64_t *ids;
    size_t count;
};

static bool is_todo(const struct todo *todo, uint64_t id)
{
    for (size_t i = 0; i < todo->count; i++) {
        if (todo->ids[i] == id) {
            return true;
        }
    }
    return false;
}

static void remove_todo(struct todo *todo, uint64_t id)
{
    for (size_t i = 0; i < todo->count; i++) {
        if (todo->ids[i] == id) {
            todo->ids[i] = todo->ids[--todo->count];
            return;
        }
    }
}

/* The readable block that is still to do and begins first in time; tombstones alone come last. */
static size_t next_in_time(const struct vv_shard *shard, const struct plan *plan,
                           const struct todo *todo)
{
    size_t first = SIZE_MAX;
    for (size_t i = 0; i < plan->count; i++) {
        if (plan->blocks[i].readable && !plan->chosen[i] &&
            is_todo(todo, shard->manifest.blocks[i].identity.id) &&
            (first == SIZE_MAX || plan->blocks[i].time_min < plan->blocks[first].time_min)) {
            first = i;
        }
    }
    return first;
}

/* Closes the choice with one more block; false: it would take a quarantined one along, and the
 * choice stays as it was. */
static bool extend(struct plan *plan, size_t index, bool *scratch)
{
    memcpy(scratch, plan->chosen, plan->count * sizeof(bool));
    scratch[index] = true;
    if (!vv_merge_close(plan->blocks, plan->count, scratch)) {
        return false;
    }
    memcpy(plan->chosen, scratch, plan->count * sizeof(bool));
    return true;
}

/* Whether a rewrite would change nothing of a block, its rollups apart. */
static bool is_clean(const struct vv_shard *shard, const struct plan *plan,
                     const struct vv_block_info *info)
{
    uint64_t newest = 0; /* deletion */
    for (size_t i = 0; i < plan->count; i++) {
        const struct vv_block_info *other = &shard->manifest.blocks[i];
        if (other->tombstone_count > 0 && other->identity.lsn_max > newest) {
            newest = other->identity.lsn_max;
        }
    }
    return info->identity.cold && info->tombstone_count == 0 &&
           vv_block_clean_lsn(info) >= newest &&
           info->time_min >= vv_retention_highest_floor(plan->view->retention);
}

/* Whether the chosen blocks are what a compaction would make of them. */
static varve_status check_done(const struct vv_shard *shard, const struct plan *plan,
                               const struct vv_merge_set *set, bool *done)
{
    size_t count = 0, cuts;
    int64_t bounds[VV_MERGE_SLICES_MAX];
    *done = false;
    for (size_t i = 0; i < plan->count; i++) {
        if (!plan->chosen[i]) {
            continue;
        }
        count++;
        bool up_to_date;
        VV_TRY(
            vv_shard_rollups_are_current(shard, plan->view->blocks[plan->places[i]], &up_to_date));
        if (!up_to_date || !is_clean(shard, plan, &shard->manifest.blocks[i])) {
            return VARVE_OK;
        }
        for (size_t k = 0; k < i; k++) {
            if (plan->chosen[k] && vv_merge_blocks_meet(&plan->blocks[k], &plan->blocks[i])) {
                return VARVE_OK;
            }
        }
    }
    if (count > 1) {
        VV_TRY(vv_shard_merge_cuts(shard, set, bounds, &cuts));
        *done = count <= cuts + 1;
    } else {
        *done = true;
    }
    return VARVE_OK;
}

static varve_status merge_unless_done(struct vv_shard *shard, const struct plan *plan,
                                      varve_error *error)
{
    struct vv_merge_set set = choose_in_view(plan, VV_MERGE_SLICES_MAX, true);
    bool done;
    set.at_once = true;
    varve_status status = check_done(shard, plan, &set, &done);
    if (status != VARVE_OK) {
        return vv_fail(error, status, "cannot read the chunk directory of a block");
    }
    return done ? VARVE_OK : vv_shard_merge_set(shard, &set, error);
}

/* One step of a compaction (C2). */
static varve_status compact_window(struct vv_shard *shard, struct todo *todo, varve_error *error)
{
    struct plan plan;
    varve_status status = plan_begin(shard, &plan);
    bool *scratch = status == VARVE_OK ? vv_alloc(plan.count + 1) : NULL;
    if (status == VARVE_OK && scratch == NULL) {
        plan_end(shard, &plan);
        status = VARVE_NO_MEMORY;
    }
    if (status != VARVE_OK) {
        return vv_fail(error, status, "no memory to choose what to compact");
    }
    uint64_t target = vv_shard_merge_target(shard);
    uint64_t limit = shard->options.block_bytes_max == 0 && 4 * target < window_bytes_min
                         ? window_bytes_min
                         : 4 * target;
    size_t index = next_in_time(shard, &plan, todo);
    if (index == SIZE_MAX) {
        todo->count = 0; /* what is left is gone or cannot be read */
    } else if (!extend(&plan, index, scratch)) {
        plan.chosen[index] = true; /* kept apart by a block that cannot be read: alone */
    } else {
        for (;;) {
            index = next_in_time(shard, &plan, todo);
            if (index == SIZE_MAX || chosen_bytes(&plan) + plan.blocks[index].bytes > limit ||
                !extend(&plan, index, scratch)) {
                break;
            }
        }
    }
    for (size_t i = 0; i < plan.count; i++) {
        if (plan.chosen[i]) {
            remove_todo(todo, shard->manifest.blocks[i].identity.id);
        }
    }
    if (chosen_bytes(&plan) > 0) {
        status = merge_unless_done(shard, &plan, error);
    }
    vv_free(scratch);
    plan_end(shard, &plan);
    return status;
}

static varve_status compact_all(struct vv_shard *shard, varve_error *error)
{
    struct todo todo = {.ids = vv_alloc((shard->manifest.block_count + 1) * sizeof(uint64_t)),
                        .count = shard->manifest.block_count};
    if (todo.ids == NULL) {
        return vv_fail(error, VARVE_NO_MEMORY, "no memory to list the blocks");
    }
    for (size_t i = 0; i < todo.count; i++) {
        todo.ids[i] = shard->manifest.blocks[i].identity.id;
    }
    varve_status status = VARVE_OK;
    while (status == VARVE_OK && todo.count > 0) {
        status = compact_window(shard, &todo, error);
    }
    vv_free(todo.ids);
    return status;
}

/* Whether a block that can be read has tombstones. */
static bool has_tombstones(struct vv_shard *shard)
{
    struct vv_view *view = vv_view_acquire(&shard->views);
    bool found = false;
    for (size_t i = 0; i < view->block_count; i++) {
        found |= vv_block_info(view->blocks[i])->tombstone_count > 0;
    }
    vv_view_release(&shard->views, view);
    return found;
}

/* Rewrites every block with something dead in it, one after the other: needs room for one. */
static varve_status reclaim_all(struct vv_shard *shard, varve_error *error)
{
    bool worked = true;
    varve_status status = VARVE_OK;
    while (status == VARVE_OK && worked) {
        status = vv_shard_reclaim(shard, VV_RECLAIM_ANY, &worked, error);
    }
    return status;
}

/* Applies the rules and lets go of whole blocks: needs no room. */
static varve_status drop_all_dead(struct vv_shard *shard, varve_error *error)
{
    bool worked = true;
    varve_status status = vv_shard_apply_retention(shard, NULL, error);
    while (status == VARVE_OK && worked) {
        status = vv_shard_drop_dead(shard, &worked, error);
    }
    return status;
}

varve_status vv_shard_compact(struct vv_shard *shard, varve_error *error)
{
    if (shard->options.read_only) {
        return vv_fail(error, VARVE_READ_ONLY, "the database was opened read-only");
    }
    vv_mutex_lock(&shard->maintenance_mutex);
    varve_status status = vv_shard_flush_head(shard, error);
    if (status == VARVE_NO_SPACE && drop_all_dead(shard, NULL) == VARVE_OK) {
        vv_error_clear(error);
        status = vv_shard_flush_head(shard, error);
    }
    if (status == VARVE_OK) {
        status = drop_all_dead(shard, error); /* frees what needs no room first */
    }
    /* Once everything is clean of the deletions, a second round takes their tombstones away. */
    for (int round = 0; status == VARVE_OK && (round == 0 || (round < 3 && has_tombstones(shard)));
         round++) {
        status = compact_all(shard, error);
        varve_status reclaimed = reclaim_all(shard, status == VARVE_OK ? error : NULL);
        if (status == VARVE_OK) {
            status = reclaimed;
        } else if (status == VARVE_NO_SPACE && reclaimed == VARVE_OK) {
            vv_error_clear(error);
            status = compact_all(shard, error); /* block by block there was room */
        }
    }
    vv_mutex_unlock(&shard->maintenance_mutex);
    return status;
}

void vv_shard_stop(struct vv_shard *shard)
{
    atomic_store(&shard->stopping, true);
}
