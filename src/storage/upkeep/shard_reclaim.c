/*
 * shard_reclaim.c - giving back the space of what was deleted or has expired, block by block.
 *
 *   newer block with tombstones:   b9 { series a: [0, 50) }
 *   older blocks:                  b1 { a: 10..40 }  nothing left -> dropped
 *                                  b2 { a: 30..90 }  partly dead  -> rewritten, if it is worth it
 *                                  b3 { c: ... }     untouched    -> noted as clean up to b9
 *   all clean -> the tombstones of b9 are not needed any more
 *
 * X1  Dropping and noting write nothing but the manifest: they work on a full disk (shard_space.c).
 * X2  A rewrite needs room for one block, on the disk or in the reserve. What is dead is estimated
 *     from the time ranges of series; the rewrite itself is exact.
 * Thread: under maintenance_mutex.
 */
#include "os/alloc.h"
#include "storage/upkeep/shard_merge.h"
#include "storage/upkeep/shard_retain.h"

enum {
    DELETIONS_MAX = 1 << 20, /* beyond it merges have to do */
    DEAD_SHARE = 4,          /* a block is worth rewriting if so much of it is dead */
    LARGE_SHARE = 8,         /* ... by age only if it is a large part of everything */
};

/* One deletion from one series. */
struct deletion {
    uint64_t hash;
    uint64_t lsn_min; /* of its block: it deletes from blocks that end at or before this */
    uint64_t lsn_max;
    size_t key_offset;
    size_t key_length;
    struct vv_range range;
};

struct deletions {
    struct deletion *list;
    size_t count;
    size_t capacity;
    struct vv_buffer keys;
    bool incomplete; /* too many, or some cannot be read */
};

static void deletions_fini(struct deletions *deletions)
{
    vv_free(deletions->list);
    vv_buffer_fini(&deletions->keys);
}

static varve_status add_deletion(struct deletions *deletions, struct deletion deletion)
{
    if (deletions->count == deletions->capacity) {
        size_t capacity = deletions->capacity == 0 ? 64 : deletions->capacity * 2;
        void *list = vv_realloc(deletions->list, capacity * sizeof(*deletions->list));
        if (list == NULL) {
            return VARVE_NO_MEMORY;
        }
        deletions->list = list;
        deletions->capacity = capacity;
    }
    deletions->list[deletions->count++] = deletion;
    return VARVE_OK;
}

static varve_status add_series(struct deletions *deletions, const struct vv_block *block,
                               uint32_t id, const struct vv_block_series *series)
{
    struct vv_range *ranges = vv_alloc(series->tombstone_count * sizeof(*ranges));
    if (ranges == NULL) {
        return VARVE_NO_MEMORY;
    }
    const struct vv_block_identity *identity = &vv_block_info(block)->identity;
    struct deletion deletion = {.hash = series->key_hash,
                                .lsn_min = identity->lsn_min,
                                .lsn_max = identity->lsn_max,
                                .key_offset = deletions->keys.length,
                                .key_length = series->key.length};
    varve_status status = vv_block_tombstones(block, id, ranges);
    if (status == VARVE_OK) {
        status = vv_buffer_append(&deletions->keys, series->key.bytes, series->key.length);
    }
    for (size_t i = 0; i < series->tombstone_count && status == VARVE_OK; i++) {
        deletion.range = ranges[i];
        status = add_deletion(deletions, deletion);
    }
    vv_free(ranges);
    return status;
}

/* Adds the deletions of one block. */
static varve_status add_block(struct deletions *deletions, const struct vv_block *block)
{
    struct vv_buffer buffer = {0};
    varve_status status = VARVE_OK;
    uint64_t count = vv_block_info(block)->series_count;
    for (uint32_t id = 0; id < count && status == VARVE_OK; id++) {
        struct vv_block_series series;
        status = vv_block_series(block, id, &buffer, &series);
        if (status == VARVE_OK && series.tombstone_count > 0) {
            deletions->incomplete |= deletions->count >= DELETIONS_MAX;
            status = deletions->incomplete ? VARVE_OK : add_series(deletions, block, id, &series);
        }
    }
    vv_buffer_fini(&buffer);
    return status;
}

/* ---------------------------------------------------------------------------- measuring */

/* The part of [time_min, time_max] that lies in range, times samples; not 0 if anything does. */
static double covered(int64_t time_min, int64_t time_max, uint64_t samples, struct vv_range range)
{
    if (range.start >= range.end) {
        return 0;
    }
    bool is_open = range.end == INT64_MAX || range.end > time_max;
    int64_t first = range.start > time_min ? range.start : time_min;
    int64_t last = is_open ? time_max : range.end - 1;
    if (first > last) {
        return 0;
    }
    double span = (double)((uint64_t)time_max - (uint64_t)time_min) + 1;
    double part = (double)((uint64_t)last - (uint64_t)first) + 1;
    return part / span * (double)samples;
}

/* What of a block is dead, in samples. */
struct dead {
    double deleted;
    double expired;
};

static varve_status measure_deleted(const struct vv_block *block, uint64_t clean_lsn,
                                    const struct deletions *deletions, struct dead *dead)
{
    const struct vv_block_info *info = vv_block_info(block);
    struct vv_buffer buffer = {0};
    varve_status status = VARVE_OK;
    for (size_t i = 0; i < deletions->count && status == VARVE_OK; i++) {
        const struct deletion *deletion = &deletions->list[i];
        if (deletion->lsn_max <= clean_lsn || deletion->lsn_min < info->identity.lsn_max ||
            covered(info->time_min, info->time_max, 1, deletion->range) == 0) {
            continue;
        }
        struct vv_key key = {deletions->keys.bytes + deletion->key_offset, deletion->key_length};
        uint32_t id;
        struct vv_block_series series;
        status = vv_block_find(block, key, deletion->hash, &id);
        if (status == VARVE_OK) {
            status = vv_block_series(block, id, &buffer, &series);
            if (status == VARVE_OK && series.layer_count > 0) {
                dead->deleted +=
                    covered(series.time_min, series.time_max, series.sample_count, deletion->range);
            }
        } else if (status == VARVE_NOT_FOUND) {
            status = VARVE_OK;
        }
    }
    vv_buffer_fini(&buffer);
    return status;
}

static varve_status measure_expired(const struct vv_view *view, const struct vv_block *block,
                                    struct dead *dead)
{
    const struct vv_block_info *info = vv_block_info(block);
    struct vv_range gone = {INT64_MIN, vv_retention_common_floor(view->retention)};
    if (info->time_min >= vv_retention_highest_floor(view->retention)) {
        return VARVE_OK;
    }
    if (!vv_retention_has_selectors(view->retention)) {
        dead->expired = covered(info->time_min, info->time_max, info->sample_count, gone);
        return VARVE_OK;
    }
    struct vv_buffer buffer = {0};
    varve_status status = VARVE_OK;
    for (uint32_t id = 0; id < info->series_count && status == VARVE_OK; id++) {
        struct vv_block_series series;
        status = vv_block_series(block, id, &buffer, &series);
        if (status == VARVE_OK && series.layer_count > 0) {
            status = vv_retention_floor(view->retention, series.key, &gone.end);
            if (status == VARVE_OK && gone.end > INT64_MIN) {
                dead->expired +=
                    covered(series.time_min, series.time_max, series.sample_count, gone);
            }
        }
    }
    vv_buffer_fini(&buffer);
    return status;
}

/* --------------------------------------------------------------------------- reclaiming */

static const struct vv_block_info *listed(const struct vv_shard *shard,
                                          const struct vv_block *block)
{
    for (size_t i = 0; i < shard->manifest.block_count; i++) {
        if (shard->manifest.blocks[i].identity.id == vv_block_info(block)->identity.id) {
            return &shard->manifest.blocks[i];
        }
    }
    VV_ASSERT(false); /* a view shows blocks of the manifest */
    return NULL;
}

/* Whether the block's tombstones are there for nothing. */
static bool is_without_live_tombstones(const struct vv_shard *shard,
                                       const struct vv_block_info *info)
{
    for (size_t i = 0; info->tombstone_count > 0 && i < shard->manifest.block_count; i++) {
        const struct vv_block_info *older = &shard->manifest.blocks[i];
        if (older->identity.lsn_max <= info->identity.lsn_min && older->sample_count > 0 &&
            vv_block_clean_lsn(older) < info->identity.lsn_max) {
            return false;
        }
    }
    return true;
}

varve_status vv_shard_drop_dead(struct vv_shard *shard, bool *worked, varve_error *error)
{
    *worked = false;
    VV_TRY(vv_shard_can_publish(shard, error));
    struct vv_view *view = vv_view_acquire(&shard->views);
    uint64_t *ids = vv_alloc((view->block_count + 1) * sizeof(*ids));
    size_t count = 0;
    int64_t floor = vv_retention_common_floor(view->retention);
    for (size_t i = 0; ids != NULL && i < view->block_count; i++) {
        const struct vv_block_info *info = vv_block_info(view->blocks[i]);
        if ((info->sample_count == 0 || info->time_max < floor) &&
            is_without_live_tombstones(shard, info)) {
            ids[count++] = info->identity.id;
        }
    }
    varve_status status = VARVE_OK;
    if (ids == NULL) {
        status = vv_fail(error, VARVE_NO_MEMORY, "no memory to list the blocks");
    } else if (count > 0) {
        struct vv_publication change = {.removed = ids, .removed_count = count};
        status = vv_shard_publish(shard, &change, error);
        *worked = status == VARVE_OK;
    }
    vv_free(ids);
    vv_view_release(&shard->views, view);
    return status;
}

struct reclaim {
    struct vv_shard *shard;
    struct vv_view *view;
    enum vv_reclaim mode;
    struct deletions deletions;
    uint64_t horizon_lsn; /* of the newest deletion */
    uint64_t *cleaned;    /* ids of blocks that no deletion touches */
    size_t cleaned_count;
    size_t best; /* index of the block to rewrite; SIZE_MAX: none */
    double best_dead;
};

/* All deletions that some older block is not clean of. */
static varve_status list_deletions(struct reclaim *reclaim)
{
    const struct vv_manifest *manifest = &reclaim->shard->manifest;
    for (size_t i = 0; i < manifest->block_count; i++) {
        const struct vv_block_info *info = &manifest->blocks[i];
        if (is_without_live_tombstones(reclaim->shard, info)) {
            continue;
        }
        const struct vv_block *block = NULL;
        for (size_t k = 0; k < reclaim->view->block_count; k++) {
            if (vv_block_info(reclaim->view->blocks[k])->identity.id == info->identity.id) {
                block = reclaim->view->blocks[k];
            }
        }
        reclaim->deletions.incomplete |= block == NULL; /* it is quarantined */
        if (block != NULL) {
            VV_TRY(add_block(&reclaim->deletions, block));
            reclaim->horizon_lsn = info->identity.lsn_max;
        }
    }
    return VARVE_OK;
}

/* Whether the block is worth a rewrite for what is dead in it. */
static bool is_worthwhile(const struct reclaim *reclaim, const struct vv_block_info *info,
                          const struct dead *dead)
{
    if (reclaim->mode == VV_RECLAIM_ANY) {
        return dead->deleted + dead->expired > 0;
    }
    const struct vv_manifest *manifest = &reclaim->shard->manifest;
    uint64_t total = 0, bytes_max = UINT64_MAX;
    for (size_t i = 0; i < manifest->block_count; i++) {
        total += manifest->blocks[i].file_bytes;
    }
    for (size_t i = 0; i < manifest->rule_count; i++) {
        uint64_t limit = manifest->rules[i].bytes_max;
        bytes_max = limit != 0 && limit < bytes_max ? limit : bytes_max;
    }
    bool pressing = total > bytes_max || info->file_bytes > total / LARGE_SHARE;
    double worth = dead->deleted + (pressing ? dead->expired : 0);
    double least = total > bytes_max ? 1 : (double)info->sample_count / DEAD_SHARE;
    return worth > 0 && worth >= least;
}

static varve_status examine(struct reclaim *reclaim, size_t index)
{
    const struct vv_block *block = reclaim->view->blocks[index];
    const struct vv_block_info *info = listed(reclaim->shard, block);
    struct dead dead = {0};
    if (info->sample_count == 0) {
        return VARVE_OK;
    }
    VV_TRY(measure_deleted(block, vv_block_clean_lsn(info), &reclaim->deletions, &dead));
    VV_TRY(measure_expired(reclaim->view, block, &dead));
    if (dead.deleted == 0 && !reclaim->deletions.incomplete &&
        vv_block_clean_lsn(info) < reclaim->horizon_lsn) {
        reclaim->cleaned[reclaim->cleaned_count++] = info->identity.id;
    }
    if (is_worthwhile(reclaim, info, &dead) && dead.deleted + dead.expired > reclaim->best_dead) {
        reclaim->best = index;
        reclaim->best_dead = dead.deleted + dead.expired;
    }
    return VARVE_OK;
}

static varve_status rewrite(struct reclaim *reclaim, varve_error *error)
{
    bool *chosen = vv_alloc_zeroed(reclaim->view->block_count + 1, sizeof(*chosen));
    if (chosen == NULL) {
        return vv_fail(error, VARVE_NO_MEMORY, "no memory to rewrite a block");
    }
    chosen[reclaim->best] = true;
    struct vv_merge_set set = {
        .view = reclaim->view,
        .chosen = chosen,
        .slices_max = 1,
        .cold = vv_block_info(reclaim->view->blocks[reclaim->best])->identity.cold};
    varve_status status = vv_shard_merge_set(reclaim->shard, &set, error);
    if (vv_shard_borrow(reclaim->shard, status, error)) {
        status = vv_shard_merge_set(reclaim->shard, &set, error);
        vv_shard_give_back(reclaim->shard);
    }
    vv_free(chosen);
    return status;
}

varve_status vv_shard_reclaim(struct vv_shard *shard, enum vv_reclaim mode, bool *worked,
                              varve_error *error)
{
    VV_TRY(vv_shard_drop_dead(shard, worked, error));
    if (*worked) {
        return VARVE_OK;
    }
    struct reclaim reclaim = {
        .shard = shard, .view = vv_view_acquire(&shard->views), .mode = mode, .best = SIZE_MAX};
    reclaim.cleaned = vv_alloc((reclaim.view->block_count + 1) * sizeof(uint64_t));
    varve_status status = reclaim.cleaned == NULL ? VARVE_NO_MEMORY : list_deletions(&reclaim);
    for (size_t i = 0; status == VARVE_OK && i < reclaim.view->block_count; i++) {
        status = examine(&reclaim, i);
    }
    if (status != VARVE_OK) {
        status = vv_fail(error, status, "cannot find out what was deleted from a block");
    } else if (reclaim.best != SIZE_MAX) {
        *worked = true;
        status = rewrite(&reclaim, error);
    } else if (reclaim.cleaned_count > 0) {
        *worked = true;
        struct vv_publication change = {.cleaned = reclaim.cleaned,
                                        .cleaned_count = reclaim.cleaned_count,
                                        .cleaned_lsn = reclaim.horizon_lsn};
        status = vv_shard_publish(shard, &change, error);
    }
    deletions_fini(&reclaim.deletions);
    vv_free(reclaim.cleaned);
    vv_view_release(&shard->views, reclaim.view);
    return status;
}
