/*
 * block_rollup_write.c - rollups of a block while its samples go by.
 *
 *   samples --each level: maker--> rows, up to 128 --encoded--> page        records of runs:
 *                                                      `- place -> level's, then the directory's
 *
 * U1  Levels of a layer fill up side by side; the records of their runs are kept apart until the
 *     layer ends, because those of one level stand side by side in the directory.
 * U2  Rows of few samples are not worth their place: reading one takes as long as decoding some ten
 *     samples. That is decided by the first run of a level, and then it has no rows of that layer.
 * U3  What is written depends on samples, chunks and rules alone.
 * Threads: one at a time. Format: BLOCK_FORMAT.md, "Rollups".
 */
#include "mmap/block_rollup.h"
#include "os/alloc.h"

enum { ROW_SAMPLES_MIN = 10 };

/* One step of the layer under way. */
struct level {
    struct vv_rollup_maker maker;
    bool is_dropped; /* U2 */
    uint64_t row_count;
    uint64_t sample_count; /* in rows that are not encoded yet */
    size_t pending_count;
    struct vv_rollup_row pending[VV_ROLLUP_RUN_ROWS];
    struct vv_buffer runs; /* records */
};

struct vv_rollup_writer {
    struct vv_rollup_rules *rules;
    struct vv_block_pages *pages;
    struct vv_block_filler filler;
    struct vv_buffer runs;              /* records of all layers that are done */
    struct vv_buffer rollups;           /* the same */
    int64_t steps[VV_ROLLUP_RULES_MAX]; /* of the series under way */
    size_t step_count;
    uint32_t layer; /* VV_BLOCK_NONE: none is under way */
    struct level levels[VV_ROLLUP_RULES_MAX];
};

varve_status vv_rollup_writer_create(struct vv_rollup_rules *rules, struct vv_block_pages *pages,
                                     struct vv_rollup_writer **writer)
{
    struct vv_rollup_writer *made = vv_alloc_zeroed(1, sizeof(*made));
    if (made == NULL) {
        return VARVE_NO_MEMORY;
    }
    made->rules = vv_rollup_rules_acquire(rules);
    made->pages = pages;
    made->filler = (struct vv_block_filler){.pages = pages,
                                            .section = VV_SECTION_ROLLUP_ROWS,
                                            .page_bytes = pages->cold ? VV_BLOCK_COLD_PAGE_BYTES
                                                                      : VV_BLOCK_HOT_PAGE_BYTES};
    made->layer = VV_BLOCK_NONE;
    *writer = made;
    return VARVE_OK;
}

void vv_rollup_writer_destroy(struct vv_rollup_writer *writer)
{
    if (writer == NULL) {
        return;
    }
    for (size_t i = 0; i < VV_ROLLUP_RULES_MAX; i++) {
        vv_buffer_fini(&writer->levels[i].runs);
    }
    vv_block_filler_fini(&writer->filler);
    vv_buffer_fini(&writer->runs);
    vv_buffer_fini(&writer->rollups);
    vv_rollup_rules_release(writer->rules);
    vv_free(writer);
}

static varve_status no_memory(varve_status status, varve_error *error)
{
    return status == VARVE_OK ? status : vv_fail(error, status, "no memory to write rollups");
}

/* ------------------------------------------------------------------------------- Layers */

/* Writes the pending rows of a level as a run. */
static varve_status put_run(struct vv_rollup_writer *writer, struct level *level,
                            varve_error *error)
{
    uint8_t encoded[VV_ROLLUP_RUN_BYTES_MAX(VV_ROLLUP_RUN_ROWS)];
    uint8_t record[VV_ROLLUP_RUN_BYTES];
    struct vv_place place;
    size_t count = level->pending_count;
    if (level->runs.length == 0 && level->sample_count < count * ROW_SAMPLES_MIN) {
        level->is_dropped = true; /* U2 */
        return VARVE_OK;
    }
    size_t length = vv_rollup_run_encode(level->pending, count, encoded);
    VV_TRY(vv_block_filler_put(&writer->filler, encoded, length, &place, error));
    vv_store_u64(record + VV_ROLLUP_RUN_FIRST, (uint64_t)level->pending[0].summary.time_min);
    vv_store_u64(record + VV_ROLLUP_RUN_LAST, (uint64_t)level->pending[count - 1].summary.time_max);
    vv_store_u64(record + VV_ROLLUP_RUN_PLACE, vv_place_pack(place));
    level->row_count += count;
    level->pending_count = 0;
    level->sample_count = 0;
    return no_memory(vv_buffer_append(&level->runs, record, sizeof(record)), error);
}

static varve_status add_row(struct vv_rollup_writer *writer, struct level *level,
                            const struct vv_rollup_row *row, varve_error *error)
{
    level->pending[level->pending_count++] = *row;
    level->sample_count += row->summary.statistics.count;
    return level->pending_count == VV_ROLLUP_RUN_ROWS ? put_run(writer, level, error) : VARVE_OK;
}

/* Ends a level of the layer and puts it into the directory. */
static varve_status end_level(struct vv_rollup_writer *writer, struct level *level,
                              varve_error *error)
{
    struct vv_rollup_row row;
    uint8_t record[VV_ROLLUP_BYTES];
    if (!level->is_dropped && vv_rollup_make_last(&level->maker, &row)) {
        VV_TRY(add_row(writer, level, &row, error));
    }
    if (!level->is_dropped && level->pending_count > 0) {
        VV_TRY(put_run(writer, level, error));
    }
    if (level->runs.length == 0) {
        return VARVE_OK;
    }
    size_t first_run = writer->runs.length / VV_ROLLUP_RUN_BYTES;
    if (first_run + level->runs.length / VV_ROLLUP_RUN_BYTES >= VV_BLOCK_NONE) {
        return vv_fail(error, VARVE_LIMIT,
                       "a block cannot have more than 2^32 - 2 runs of rollups");
    }
    vv_store_u64(record + VV_ROLLUP_STEP, (uint64_t)level->maker.step);
    vv_store_u64(record + VV_ROLLUP_ROW_COUNT, level->row_count);
    vv_store_u32(record + VV_ROLLUP_LAYER, writer->layer);
    vv_store_u32(record + VV_ROLLUP_FIRST_RUN, (uint32_t)first_run);
    VV_TRY(no_memory(vv_buffer_append(&writer->rollups, record, sizeof(record)), error));
    return no_memory(vv_buffer_append(&writer->runs, level->runs.bytes, level->runs.length), error);
}

static varve_status end_layer(struct vv_rollup_writer *writer, varve_error *error)
{
    for (size_t i = 0; writer->layer != VV_BLOCK_NONE && i < writer->step_count; i++) {
        VV_TRY(end_level(writer, &writer->levels[i], error));
    }
    writer->layer = VV_BLOCK_NONE;
    return VARVE_OK;
}

static void begin_layer(struct vv_rollup_writer *writer, uint32_t layer)
{
    writer->layer = layer;
    for (size_t i = 0; i < writer->step_count; i++) {
        struct level *level = &writer->levels[i];
        level->maker = (struct vv_rollup_maker){.step = writer->steps[i]};
        level->is_dropped = false;
        level->row_count = 0;
        level->sample_count = 0;
        level->pending_count = 0;
        vv_buffer_clear(&level->runs);
    }
}

varve_status vv_rollup_writer_begin_series(struct vv_rollup_writer *writer, struct vv_key key,
                                           varve_error *error)
{
    VV_TRY(end_layer(writer, error));
    varve_status status =
        vv_rollup_rules_steps(writer->rules, key, writer->steps, &writer->step_count);
    return status == VARVE_OK
               ? status
               : vv_fail(error, status, "the selector of a rollup cannot be matched: %s",
                         varve_status_text(status));
}

varve_status vv_rollup_writer_add(struct vv_rollup_writer *writer, uint32_t layer,
                                  const int64_t *timestamps, const double *values, size_t count,
                                  varve_error *error)
{
    if (layer != writer->layer) {
        VV_TRY(end_layer(writer, error));
        begin_layer(writer, layer);
    }
    for (size_t i = 0; i < writer->step_count; i++) {
        struct level *level = &writer->levels[i];
        struct vv_rollup_row row;
        size_t at = 0;
        while (!level->is_dropped &&
               vv_rollup_make(&level->maker, timestamps, values, count, &at, &row)) {
            VV_TRY(add_row(writer, level, &row, error));
        }
    }
    return VARVE_OK;
}

varve_status vv_rollup_writer_finish(struct vv_rollup_writer *writer, varve_error *error)
{
    uint8_t record[VV_ROLLUP_BYTES] = {0};
    VV_TRY(end_layer(writer, error));
    vv_store_u32(record + VV_ROLLUP_LAYER, VV_BLOCK_NONE);
    vv_store_u32(record + VV_ROLLUP_FIRST_RUN,
                 (uint32_t)(writer->runs.length / VV_ROLLUP_RUN_BYTES));
    VV_TRY(no_memory(vv_buffer_append(&writer->rollups, record, sizeof(record)), error));
    VV_TRY(vv_block_filler_flush(&writer->filler, error));
    VV_TRY(vv_block_pages_put_records(writer->pages, VV_SECTION_ROLLUP_RUNS, &writer->runs, error));
    return vv_block_pages_put_records(writer->pages, VV_SECTION_ROLLUPS, &writer->rollups, error);
}
