/*
 * block_rollup_read.c - finding the rows of a layer and going through them.
 *
 *   rollups, by layer, then step:  | layer 0, 1h | layer 0, 1d | layer 1, 1h | ... | end |
 *   runs of a level, by time:      | first, last, place | first, last, place |
 *
 * D1  A run is decoded when its rows are asked for, and of it what the query needs; runs between
 *     are jumped over by their times.
 * D2  What is decoded must agree with the directory: first and last timestamp, and the step.
 * Threads: any; a reader belongs to one. Format: BLOCK_FORMAT.md, "Rollups".
 */
#include "mmap/block_rollup.h"

enum {
    /* Rows that a step may be put together from before the statistics of chunks do better: a row
     * takes as long as a chunk's statistics, a hundred as long as the chunk at a step's edge. */
    STEP_ROWS_MAX = 100,
};

/* ---------------------------------------------------------------------------- Directory */

static varve_status read_level(const struct vv_block *block, uint32_t index, uint32_t *layer,
                               struct vv_rollup_level *level)
{
    const uint8_t *record;
    VV_TRY(vv_block_record(block, VV_SECTION_ROLLUPS, index, &record));
    level->step = (int64_t)vv_load_u64(record + VV_ROLLUP_STEP);
    level->row_count = vv_load_u64(record + VV_ROLLUP_ROW_COUNT);
    level->first_run = vv_load_u32(record + VV_ROLLUP_FIRST_RUN);
    *layer = vv_load_u32(record + VV_ROLLUP_LAYER);
    return VARVE_OK;
}

/* The layer of an entry of the directory. */
static varve_status layer_at(const struct vv_block *block, uint32_t index, uint32_t *layer)
{
    const uint8_t *record;
    VV_TRY(vv_block_record(block, VV_SECTION_ROLLUPS, index, &record));
    *layer = vv_load_u32(record + VV_ROLLUP_LAYER);
    return VARVE_OK;
}

/* The first entry of count whose layer is not less. Mostly every layer has as many levels, so that
 * the first guess is right. */
static varve_status find_entry(const struct vv_block *block, uint32_t count, uint32_t layer,
                               uint32_t *found)
{
    uint64_t layers = block->sections[VV_SECTION_LAYERS].record_count;
    uint32_t low = 0, high = count;
    uint64_t guess = layers > 1 ? (uint64_t)layer * count / (layers - 1) : 0;
    uint32_t middle = guess < count ? (uint32_t)guess : count / 2;
    while (low < high) {
        uint32_t at, before = 0;
        VV_TRY(layer_at(block, middle, &at));
        if (at == layer && middle > 0) {
            VV_TRY(layer_at(block, middle - 1, &before));
        }
        if (at == layer && (middle == 0 || before < layer)) {
            *found = middle;
            return VARVE_OK;
        }
        if (at < layer) {
            low = middle + 1;
        } else {
            high = middle;
        }
        middle = low + (high - low) / 2;
    }
    *found = low;
    return VARVE_OK;
}

varve_status vv_block_rollup_levels(const struct vv_block *block, uint32_t layer,
                                    struct vv_rollup_level *levels, size_t *count)
{
    uint64_t entries = block->sections[VV_SECTION_ROLLUPS].record_count;
    uint64_t runs = block->sections[VV_SECTION_ROLLUP_RUNS].record_count;
    uint32_t index = 0; /* set by find_entry(), which gcc at -O1 does not see */
    *count = 0;
    if (entries <= 1) {
        return VARVE_OK; /* none, or the end alone */
    }
    VV_TRY(find_entry(block, (uint32_t)(entries - 1), layer, &index));
    for (; index < entries - 1; index++) {
        struct vv_rollup_level level, next;
        uint32_t of, following;
        VV_TRY(read_level(block, index, &of, &level));
        if (of != layer) {
            break;
        }
        VV_TRY(read_level(block, index + 1, &following, &next));
        level.run_end = next.first_run;
        if (*count == VV_ROLLUP_RULES_MAX || level.step <= 0 || level.run_end > runs ||
            level.first_run >= level.run_end || level.row_count == 0 ||
            (*count > 0 && level.step <= levels[*count - 1].step)) {
            return VARVE_CORRUPT;
        }
        levels[(*count)++] = level;
    }
    return VARVE_OK;
}

/* Whether rows of a level fit into steps and save work. */
static bool is_useful(const struct vv_rollup_level *level, uint64_t sample_count,
                      const struct vv_rollup_wish *wish)
{
    bool long_rows = sample_count / level->row_count >= VV_COLUMN_MAX;
    bool few_rows = wish->length != 0 && wish->length / level->step <= STEP_ROWS_MAX;
    return wish->unit % level->step == 0 && (long_rows || few_rows);
}

varve_status vv_block_rollup_choose(const struct vv_block *block, uint32_t layer,
                                    uint64_t sample_count, const struct vv_rollup_wish *wish,
                                    struct vv_rollup_level *level, bool *found)
{
    struct vv_rollup_level levels[VV_ROLLUP_RULES_MAX];
    size_t count;
    *found = false;
    VV_TRY(vv_block_rollup_levels(block, layer, levels, &count));
    for (size_t i = 0; i < count; i++) {
        if (is_useful(&levels[i], sample_count, wish)) {
            *level = levels[i];
            *found = true;
        }
    }
    return VARVE_OK;
}

/* -------------------------------------------------------------------------------- Rows */

void vv_rollup_reader_init(struct vv_rollup_reader *reader, const struct vv_block *block,
                           const struct vv_rollup_level *level, const struct vv_rollup_wish *wish)
{
    reader->block = block;
    reader->wish = *wish;
    reader->level = *level;
    reader->hold = (struct vv_block_hold){0};
    vv_rollup_reader_restart(reader);
}

void vv_rollup_reader_restart(struct vv_rollup_reader *reader)
{
    reader->next_run = reader->level.first_run;
    reader->run.count = 0;
    reader->at = 0;
}

/* The first run at or behind index that ends at or after time. */
static varve_status find_run(const struct vv_rollup_reader *reader, int64_t time, uint32_t *found)
{
    uint32_t low = reader->next_run;
    uint32_t high = reader->level.run_end;
    uint32_t middle = low; /* mostly it is the next one */
    while (low < high) {
        const uint8_t *record;
        VV_TRY(vv_block_record(reader->block, VV_SECTION_ROLLUP_RUNS, middle, &record));
        if ((int64_t)vv_load_u64(record + VV_ROLLUP_RUN_LAST) < time) {
            low = middle + 1;
        } else {
            high = middle;
        }
        middle = low + (high - low) / 2;
    }
    *found = low;
    return VARVE_OK;
}

static varve_status load_run(struct vv_rollup_reader *reader, uint32_t index)
{
    const uint8_t *record, *bytes;
    struct vv_rollup_run *run = &reader->run;
    VV_TRY(vv_block_record(reader->block, VV_SECTION_ROLLUP_RUNS, index, &record));
    int64_t first = (int64_t)vv_load_u64(record + VV_ROLLUP_RUN_FIRST);
    int64_t last = (int64_t)vv_load_u64(record + VV_ROLLUP_RUN_LAST);
    struct vv_place place = vv_place_unpack(vv_load_u64(record + VV_ROLLUP_RUN_PLACE));
    run->count = 0;
    VV_TRY(vv_block_column(reader->block, VV_SECTION_ROLLUP_ROWS, place, &reader->hold, &bytes));
    VV_TRY(vv_rollup_run_decode(bytes, place.bytes, &reader->wish, run));
    if (vv_rollup_run_time_min(run, 0) != first ||
        vv_rollup_run_time_max(run, run->count - 1) != last) {
        run->count = 0;
        return VARVE_CORRUPT; /* D2 */
    }
    reader->next_run = index + 1;
    reader->at = 0;
    return VARVE_OK;
}

varve_status vv_rollup_reader_seek(struct vv_rollup_reader *reader, int64_t time, bool *found)
{
    const struct vv_rollup_run *run = &reader->run;
    *found = true;
    for (;;) {
        while (reader->at < run->count && vv_rollup_run_time_max(run, reader->at) < time) {
            reader->at++;
        }
        if (reader->at < run->count) {
            return VARVE_OK;
        }
        uint32_t index;
        VV_TRY(find_run(reader, time, &index));
        if (index == reader->level.run_end) {
            *found = false;
            return VARVE_OK;
        }
        VV_TRY(load_run(reader, index));
    }
}
