/*
 * shard_measure.c - where in time the samples of some blocks are, from the summaries of their
 * chunks.
 *
 * A chunk that spans a good part of everything may hold a stray and hide a gap: such chunks are
 * decoded, up to a number, and taken as they are beyond it. Thread: under maintenance_mutex.
 */
#include "os/alloc.h"
#include "storage/upkeep/merge_slices.h"
#include "storage/upkeep/shard_merge.h"

enum {
    SUMMARIES = 64,
    WIDE_SHARE = 64, /* a chunk is wide if it spans more than this share of everything */
    DECODED_MAX = 4096,
};

struct measure {
    struct vv_time_map *map;
    uint64_t wide;  /* nanoseconds from which a chunk is looked into */
    size_t decoded; /* chunks so far */
};

/* Adds the samples of one chunk of a layer one by one, neighbours together. */
static varve_status add_decoded(struct measure *measure, struct vv_block *block, uint32_t id,
                                unsigned layer, const struct vv_summary *summary)
{
    struct vv_merge_source source = {0};
    VV_TRY(
        vv_block_layer_iter(block, id, layer, summary->time_min, summary->time_max + 1, &source));
    uint64_t close = ((uint64_t)summary->time_max - (uint64_t)summary->time_min) / WIDE_SHARE;
    struct vv_time_extent extent = {0};
    varve_span span;
    while (vv_iter_next_span(source.iter, &span)) {
        for (size_t i = 0; i < span.count; i++) {
            int64_t at = span.timestamps[i];
            if (extent.samples > 0 && (uint64_t)at - (uint64_t)extent.time_max > close) {
                vv_time_map_add(measure->map, extent);
                extent.samples = 0;
            }
            if (extent.samples == 0) {
                extent.time_min = at;
            }
            extent.time_max = at;
            extent.samples++;
        }
    }
    if (extent.samples > 0) {
        vv_time_map_add(measure->map, extent);
    }
    varve_status status = vv_iter_status(source.iter);
    vv_iter_destroy(source.iter);
    return status;
}

static varve_status add_layer(struct measure *measure, struct vv_block *block, uint32_t id,
                              unsigned layer, const struct vv_block_series *series)
{
    struct vv_summary summaries[SUMMARIES];
    int64_t start = series->time_min;
    size_t count;
    do {
        VV_TRY(vv_block_layer_chunks(block, id, layer, start, INT64_MAX, summaries, SUMMARIES,
                                     &count));
        for (size_t i = 0; i < count; i++) {
            const struct vv_summary *summary = &summaries[i];
            uint64_t span = (uint64_t)summary->time_max - (uint64_t)summary->time_min;
            if (span > measure->wide && measure->decoded < DECODED_MAX) {
                measure->decoded++;
                VV_TRY(add_decoded(measure, block, id, layer, summary));
            } else {
                vv_time_map_add(measure->map,
                                (struct vv_time_extent){summary->time_min, summary->time_max,
                                                        summary->statistics.count});
            }
            start = summary->time_max + 1;
        }
    } while (count == SUMMARIES);
    return VARVE_OK;
}

static varve_status add_block(struct measure *measure, struct vv_block *block)
{
    struct vv_buffer key_buffer = {0};
    varve_status status = VARVE_OK;
    uint64_t count = vv_block_info(block)->series_count;
    for (uint32_t id = 0; id < count && status == VARVE_OK; id++) {
        struct vv_block_series series;
        status = vv_block_series(block, id, &key_buffer, &series);
        for (unsigned layer = 0; status == VARVE_OK && layer < series.layer_count; layer++) {
            status = add_layer(measure, block, id, layer, &series);
        }
    }
    vv_buffer_fini(&key_buffer);
    return status;
}

varve_status vv_shard_measure(const struct vv_merge_set *set, struct vv_time_map *map)
{
    int64_t time_min = INT64_MAX, time_max = INT64_MIN;
    for (size_t i = 0; i < set->view->block_count; i++) {
        const struct vv_block_info *info = vv_block_info(set->view->blocks[i]);
        if (set->chosen[i] && info->time_min <= info->time_max) {
            time_min = info->time_min < time_min ? info->time_min : time_min;
            time_max = info->time_max > time_max ? info->time_max : time_max;
        }
    }
    struct measure measure = {.map = map};
    if (time_min < time_max) {
        measure.wide = ((uint64_t)time_max - (uint64_t)time_min) / WIDE_SHARE;
    }
    for (size_t i = 0; i < set->view->block_count; i++) {
        if (set->chosen[i]) {
            VV_TRY(add_block(&measure, set->view->blocks[i]));
        }
    }
    return VARVE_OK;
}
