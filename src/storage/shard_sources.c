/*
 * shard_sources.c - from a series to its resolved samples: blocks and head as sources of one merge.
 *
 * Sources stand in log order: the view's blocks, oldest first, then the head generations behind the
 * view. A block's tombstones delete from older blocks only: they stand before its own layers. What
 * has expired by the view's retention is cut off.
 * Thread: any; what is built owns what it needs.
 */
#include "os/alloc.h"
#include "storage/shard.h"

varve_status vv_shard_block_sources(struct vv_block *block, uint32_t id, struct vv_range range,
                                    struct vv_source_list *sources, struct vv_range **tombstones)
{
    unsigned layer_count;
    size_t tombstone_count;
    VV_TRY(vv_block_series_parts(block, id, &layer_count, &tombstone_count));
    if (tombstone_count > 0) {
        *tombstones = vv_alloc(tombstone_count * sizeof(**tombstones));
        if (*tombstones == NULL) {
            return VARVE_NO_MEMORY;
        }
        VV_TRY(vv_block_tombstones(block, id, *tombstones));
        struct vv_merge_source source = {.policy = VARVE_DUPLICATES_LAST,
                                         .time_min = INT64_MAX,
                                         .time_max = INT64_MIN,
                                         .tombstones = *tombstones,
                                         .tombstone_count = tombstone_count};
        VV_TRY(vv_source_list_add(sources, source));
    }
    for (unsigned layer = 0; layer < layer_count; layer++) {
        struct vv_merge_source source = {0};
        VV_TRY(vv_block_layer_iter(block, id, layer, range.start, range.end, &source));
        VV_TRY(vv_source_list_add(sources, source));
    }
    return VARVE_OK;
}

static varve_status find_id(const struct vv_block *block, const uint32_t *block_ids, size_t index,
                            struct vv_key key, uint64_t hash, uint32_t *id)
{
    if (block_ids != NULL) {
        *id = block_ids[index];
        return VARVE_OK;
    }
    varve_status status = vv_block_find(block, key, hash, id);
    if (status == VARVE_NOT_FOUND) {
        *id = VV_NO_BLOCK_ID;
        return VARVE_OK;
    }
    return status;
}

varve_status vv_shard_clip(const struct vv_view *view, struct vv_key key, struct vv_range *range)
{
    int64_t floor;
    VV_TRY(vv_retention_floor(view->retention, key, &floor));
    if (floor > range->start) {
        range->start = floor < range->end ? floor : range->end;
    }
    return VARVE_OK;
}

varve_status vv_shard_series_iter(struct vv_shard *shard, const struct vv_view *view,
                                  struct vv_series *series, struct vv_key key, uint64_t hash,
                                  const uint32_t *block_ids, struct vv_range range,
                                  struct vv_iter **iter)
{
    struct vv_source_list sources = {0};
    struct vv_range *head_tombstones = NULL;
    VV_TRY(vv_shard_clip(view, key, &range));
    struct vv_range **block_tombstones =
        vv_alloc_zeroed(view->block_count + 1, sizeof(*block_tombstones));
    varve_status status = block_tombstones == NULL ? VARVE_NO_MEMORY : VARVE_OK;
    for (size_t i = 0; i < view->block_count && status == VARVE_OK; i++) {
        uint32_t id;
        status = find_id(view->blocks[i], block_ids, i, key, hash, &id);
        if (status == VARVE_OK && id != VV_NO_BLOCK_ID) {
            status =
                vv_shard_block_sources(view->blocks[i], id, range, &sources, &block_tombstones[i]);
        }
    }
    if (status == VARVE_OK && series != NULL) {
        status =
            vv_head_sources(&shard->head, series->ref, view->flushed_generation, UINT64_MAX - 1,
                            range.start, range.end, &sources, &head_tombstones);
    }
    if (status == VARVE_OK) {
        status = vv_merge_create(sources.list, sources.count, range.start, range.end, iter);
        sources.count = 0; /* the iterators are the merge's now, whatever the status */
    }
    vv_source_list_fini(&sources);
    for (size_t i = 0; block_tombstones != NULL && i < view->block_count; i++) {
        vv_free(block_tombstones[i]);
    }
    vv_free(block_tombstones);
    vv_free(head_tombstones);
    return status;
}
