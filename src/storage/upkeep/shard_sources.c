/*
 * shard_sources.c - from a series to its resolved samples: blocks and head as sources of one merge.
 *
 * Sources stand in log order: the view's blocks, oldest first, then the head generations behind the
 * view. A block's tombstones delete from older blocks only: they stand before its own layers. What
 * has expired by the view's retention is cut off.
 * Thread: any; what is built owns what it needs.
 */
#include "mmap/block_access.h"
#include "os/alloc.h"
#include "storage/shard.h"

varve_status vv_shard_block_sources(struct vv_block *block, uint32_t id, struct vv_range range,
                                    struct vv_source_list *sources, struct vv_range **tombstones)
{
    struct vv_block_parts parts;
    VV_TRY(vv_block_series_layers(block, id, &parts));
    if (parts.tombstone_count > 0) {
        *tombstones = vv_alloc(parts.tombstone_count * sizeof(**tombstones));
        if (*tombstones == NULL) {
            return VARVE_NO_MEMORY;
        }
        VV_TRY(vv_block_tombstones(block, id, *tombstones));
        struct vv_merge_source source = {.policy = VARVE_DUPLICATES_LAST,
                                         .time_min = INT64_MAX,
                                         .time_max = INT64_MIN,
                                         .tombstones = *tombstones,
                                         .tombstone_count = parts.tombstone_count};
        VV_TRY(vv_source_list_add(sources, source));
    }
    for (uint32_t layer = 0; layer < parts.layer_count; layer++) {
        struct vv_merge_source source = {0};
        VV_TRY(vv_block_layer_open(block, parts.first_layer + layer, range, sources->memory, NULL,
                                   &source));
        VV_TRY(vv_source_list_add(sources, source));
    }
    return VARVE_OK;
}

/* ------------------------------------------------------------- Where a series is in a block */

/* A place is remembered with the series: the id of the block in which it was found last, and the
 * series' number there. Ids of blocks are never used twice. */
enum { PLACE_BITS = 32 };

bool vv_shard_remembers_place(struct vv_series *series, const struct vv_block *block, uint32_t *id)
{
    uint64_t block_id = vv_block_info(block)->identity.id;
    uint64_t place = atomic_load_explicit(&series->block_place, memory_order_relaxed);
    *id = (uint32_t)place;
    return place >> PLACE_BITS == block_id + 1;
}

void vv_shard_remember_place(struct vv_series *series, const struct vv_block *block, uint32_t id)
{
    uint64_t block_id = vv_block_info(block)->identity.id;
    if (block_id < UINT32_MAX) {
        atomic_store_explicit(&series->block_place, (block_id + 1) << PLACE_BITS | id,
                              memory_order_relaxed);
    }
}

static varve_status find_id(const struct vv_block *block, struct vv_series *series,
                            struct vv_key key, uint64_t hash, uint32_t *id)
{
    if (series != NULL && vv_shard_remembers_place(series, block, id)) {
        return VARVE_OK;
    }
    varve_status status = vv_block_find(block, key, hash, id);
    if (status == VARVE_NOT_FOUND) {
        *id = VV_NO_BLOCK_ID;
        return VARVE_OK;
    }
    if (status == VARVE_OK && series != NULL) {
        vv_shard_remember_place(series, block, *id);
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

/* ------------------------------------------------------------------------------- Series */

enum { FEW_SOURCES = 4, FEW_BLOCKS = 8 };

/* What is held while the sources of a series are put together. */
struct gathering {
    struct vv_source_list sources;
    struct vv_range **tombstones; /* of each block; NULL: none yet */
    size_t block_count;
    struct vv_range *head_tombstones;
    struct vv_range *few_tombstones[FEW_BLOCKS];
    struct vv_merge_source few_sources[FEW_SOURCES]; /* not initialised */
};

/* Mostly there are few of both: then nothing is allocated. */
static varve_status gathering_init(struct gathering *gathering, size_t block_count,
                                   struct vv_query_memory *memory)
{
    gathering->sources = (struct vv_source_list){
        .memory = memory, .list = gathering->few_sources, .capacity = FEW_SOURCES, .is_lent = true};
    gathering->tombstones = gathering->few_tombstones;
    gathering->block_count = block_count;
    gathering->head_tombstones = NULL;
    if (block_count > FEW_BLOCKS) {
        gathering->tombstones =
            vv_query_alloc(memory, block_count * sizeof(*gathering->tombstones));
        if (gathering->tombstones == NULL) {
            return vv_query_memory_status(memory);
        }
    }
    for (size_t i = 0; i < block_count; i++) {
        gathering->tombstones[i] = NULL;
    }
    return VARVE_OK;
}

static void gathering_fini(struct gathering *gathering)
{
    vv_source_list_fini(&gathering->sources);
    for (size_t i = 0; i < gathering->block_count; i++) {
        vv_free(gathering->tombstones[i]);
    }
    if (gathering->tombstones != gathering->few_tombstones) {
        vv_query_free(gathering->sources.memory, gathering->tombstones);
    }
    vv_free(gathering->head_tombstones);
}

/* Adds what a block has of the series. */
static varve_status gather_block(struct gathering *gathering, const struct vv_view *view, size_t i,
                                 uint32_t id, struct vv_range range)
{
    vv_block_note_read(view->blocks[i]);
    return vv_shard_block_sources(view->blocks[i], id, range, &gathering->sources,
                                  &gathering->tombstones[i]);
}

varve_status vv_shard_series_iter(struct vv_shard *shard, const struct vv_view *view,
                                  const struct vv_series_place *place, struct vv_range range,
                                  struct vv_query_memory *memory, struct vv_iter **iter)
{
    struct gathering gathering;
    varve_status status = VARVE_OK;
    if (view->retention != NULL) {
        VV_TRY(vv_shard_clip(view, place->key, &range));
    }
    VV_TRY(gathering_init(&gathering, view->block_count, memory));
    for (size_t i = 0; i < view->block_count && status == VARVE_OK; i++) {
        uint32_t id = VV_NO_BLOCK_ID;
        if (!vv_block_concerns(view->blocks[i], range)) {
            continue;
        }
        if (place->block_ids != NULL) {
            id = place->block_ids[i];
        } else {
            status = find_id(view->blocks[i], place->series, place->key, place->hash, &id);
        }
        if (status == VARVE_OK && id != VV_NO_BLOCK_ID) {
            status = gather_block(&gathering, view, i, id, range);
        }
    }
    if (status == VARVE_OK && place->series != NULL &&
        range.end > vv_head_time_floor(&shard->head)) {
        status = vv_head_sources(&shard->head, place->series->ref, view->flushed_generation,
                                 UINT64_MAX - 1, range.start, range.end, &gathering.sources,
                                 &gathering.head_tombstones);
    }
    if (status == VARVE_OK) {
        status = vv_merge_create_in(memory, gathering.sources.list, gathering.sources.count,
                                    range.start, range.end, iter);
        gathering.sources.count = 0; /* the iterators are the merge's now, whatever the status */
    }
    gathering_fini(&gathering);
    return status;
}
