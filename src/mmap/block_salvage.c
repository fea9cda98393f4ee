/*
 * block_salvage.c - what can still be read of a damaged block, written to another one.
 *
 *   series -> key, tombstones, layers -> chunks: each is taken if every page that it needs has its
 *   checksum, and left out otherwise
 *
 * S1  Nothing is guessed: a chunk whose series, layer or times cannot be read is lost with them.
 * S2  Left-out chunks leave no trace: layers stay in order, and what is empty is not written.
 * Thread: one.
 */
#include "mmap/block_reader.h"
#include "os/alloc.h"

struct salvage {
    const struct vv_block *block;
    struct vv_block_writer *writer;
    struct vv_block_salvaged *salvaged;
    varve_error *error;
    struct vv_block_hold times_hold;
    struct vv_block_hold values_hold;

    /* Of the series under way. */
    uint8_t key[VARVE_SERIES_KEY_BYTES_MAX];
    size_t key_length;
    bool begun;
    unsigned layer; /* the next one to be written */

    int64_t timestamps[VV_COLUMN_MAX];
    double values[VV_COLUMN_MAX];
};

static bool is_damage(varve_status status)
{
    return status == VARVE_CORRUPT || status == VARVE_IO;
}

static varve_status begin(struct salvage *salvage)
{
    if (salvage->begun) {
        return VARVE_OK;
    }
    salvage->begun = true;
    salvage->salvaged->series++;
    struct vv_key key = {salvage->key, salvage->key_length};
    return vv_block_writer_begin_series(salvage->writer, key, salvage->error);
}

static varve_status salvage_tombstones(struct salvage *salvage, uint32_t id, uint32_t count)
{
    if (count == 0) {
        return VARVE_OK;
    }
    struct vv_range *ranges = vv_alloc_zeroed(count, sizeof(*ranges));
    if (ranges == NULL) {
        return vv_fail(salvage->error, VARVE_NO_MEMORY, "no memory to salvage a block");
    }
    varve_status status = vv_block_tombstones(salvage->block, id, ranges);
    if (is_damage(status)) {
        salvage->salvaged->deletions_lost++;
        status = VARVE_OK;
    } else {
        status = status == VARVE_OK ? begin(salvage) : status;
        for (uint32_t i = 0; i < count && status == VARVE_OK; i++) {
            status = vv_block_writer_add_tombstone(salvage->writer, ranges[i], salvage->error);
        }
    }
    vv_free(ranges);
    return status;
}

/* Decodes a chunk. */
static varve_status read_chunk(struct salvage *salvage, uint32_t index, size_t *count)
{
    struct vv_block_chunk chunk;
    VV_TRY(vv_block_chunk_read(salvage->block, index, &chunk));
    VV_TRY(vv_block_chunk_times(salvage->block, &chunk, &salvage->times_hold, salvage->timestamps));
    VV_TRY(vv_block_chunk_values(salvage->block, &chunk, &salvage->values_hold, salvage->values));
    *count = chunk.count;
    return VARVE_OK;
}

static varve_status salvage_layer(struct salvage *salvage, const struct vv_block_layer *layer)
{
    bool written = false;
    for (uint32_t i = 0; i < layer->chunk_count; i++) {
        size_t count = 0;
        varve_status status = read_chunk(salvage, layer->first_chunk + i, &count);
        if (is_damage(status)) {
            salvage->salvaged->chunks_lost++;
            continue;
        }
        VV_TRY(status);
        VV_TRY(begin(salvage));
        VV_TRY(vv_block_writer_add_chunk(salvage->writer, salvage->layer, layer->policy,
                                         salvage->timestamps, salvage->values, count,
                                         salvage->error));
        salvage->salvaged->samples += count;
        written = true;
    }
    salvage->layer += written;
    return VARVE_OK;
}

static varve_status salvage_series(struct salvage *salvage, uint32_t id)
{
    struct vv_block_series_record series;
    salvage->begun = false;
    salvage->layer = 0;
    varve_status status = vv_block_series_read(salvage->block, id, &series);
    if (status == VARVE_OK) {
        status = vv_block_key_read(salvage->block, id, salvage->key, &salvage->key_length);
    }
    if (is_damage(status)) {
        salvage->salvaged->series_lost++;
        return VARVE_OK;
    }
    VV_TRY(status);
    VV_TRY(salvage_tombstones(salvage, id, series.tombstone_count));
    for (uint32_t i = 0; i < series.layer_count; i++) {
        struct vv_block_layer layer;
        status = vv_block_layer_read(salvage->block, series.first_layer + i, &layer);
        if (is_damage(status)) {
            salvage->salvaged->chunks_lost++; /* at least one */
            continue;
        }
        VV_TRY(status);
        VV_TRY(salvage_layer(salvage, &layer));
    }
    return VARVE_OK;
}

varve_status vv_block_salvage(const struct vv_block *block, struct vv_block_writer *writer,
                              struct vv_block_salvaged *salvaged, varve_error *error)
{
    *salvaged = (struct vv_block_salvaged){0};
    struct salvage *salvage = vv_alloc_zeroed(1, sizeof(*salvage));
    if (salvage == NULL) {
        return vv_fail(error, VARVE_NO_MEMORY, "no memory to salvage a block");
    }
    salvage->block = block;
    salvage->writer = writer;
    salvage->salvaged = salvaged;
    salvage->error = error;
    varve_status status = VARVE_OK;
    for (uint32_t id = 0; id < block->info.series_count && status == VARVE_OK; id++) {
        status = salvage_series(salvage, id);
    }
    vv_block_hold_release(&salvage->times_hold);
    vv_block_hold_release(&salvage->values_hold);
    vv_free(salvage);
    return status == VARVE_OK ? status : vv_fail(error, status, "a block cannot be salvaged");
}
