/*
 * shard_compact.c - merging blocks: fewer files, resolved duplicates, deleted data really gone.
 *
 *   blocks in LSN order:  [b1][b2][b3][b4][b5]  --merge of neighbours b2..b4-->  [b1][ m ][b5]
 *
 * K1  Only neighbours in LSN order are merged, so that the log order of blocks stays a total order.
 *     A quarantined block between two keeps them apart: it may be readable again some day.
 * K2  Tombstones of the inputs stay in the output while older blocks exist that they delete from.
 * K3  Inputs go after the output is verified and published (shard_publish.c).
 * Choice: four neighbours of a similar size make one, so that a sample is rewritten about log4
 * times; beyond BLOCKS_MAX the cheapest neighbours are merged whatever their sizes.
 * Memory: one series at a time. Thread: under maintenance_mutex.
 */
#include "os/alloc.h"
#include "storage/shard.h"

enum {
    MERGE_BLOCKS = 4,
    SIMILAR_FACTOR = 4, /* the largest of the four is at most so much greater than the smallest */
    BLOCKS_MAX = 48,
    COLD_SAMPLES_MIN = 4 << 20, /* a merged block of so many samples is written for size */
    SMALL_BLOCK_BYTES = 1 << 20 /* sizes below count as this */
};

/* A place in the series of one input. */
struct input {
    struct vv_block *block;
    uint32_t next_id;
    bool loaded; /* series and key_buffer hold series next_id */
    struct vv_block_series series;
    struct vv_buffer key_buffer;
};

static uint64_t effective_bytes(const struct vv_block *block)
{
    uint64_t bytes = vv_block_info(block)->file_bytes;
    return bytes < SMALL_BLOCK_BYTES ? SMALL_BLOCK_BYTES : bytes;
}

/* Whether no block of the manifest stands between block index of the view and the one after it. */
static bool has_neighbour(const struct vv_shard *shard, const struct vv_view *view, size_t index)
{
    const struct vv_manifest *manifest = &shard->manifest;
    uint64_t id = vv_block_info(view->blocks[index])->identity.id;
    uint64_t next_id = vv_block_info(view->blocks[index + 1])->identity.id;
    for (size_t i = 0; i + 1 < manifest->block_count; i++) {
        if (manifest->blocks[i].identity.id == id) {
            return manifest->blocks[i + 1].identity.id == next_id;
        }
    }
    return false;
}

/* First block of the run of neighbours that ends before end. */
static size_t run_start(const struct vv_shard *shard, const struct vv_view *view, size_t end)
{
    size_t first = end - 1;
    while (first > 0 && has_neighbour(shard, view, first - 1)) {
        first--;
    }
    return first;
}

/* The neighbours to merge; false if there is nothing to do. */
static bool choose(const struct vv_shard *shard, const struct vv_view *view, size_t *first,
                   size_t *count)
{
    bool found = false;
    uint64_t best = UINT64_MAX;
    for (size_t i = 0; i + MERGE_BLOCKS <= view->block_count; i++) {
        uint64_t least = UINT64_MAX, greatest = 0, total = 0;
        for (size_t k = i; k < i + MERGE_BLOCKS; k++) {
            uint64_t bytes = effective_bytes(view->blocks[k]);
            least = bytes < least ? bytes : least;
            greatest = bytes > greatest ? bytes : greatest;
            total += bytes;
        }
        bool similar = greatest <= least * SIMILAR_FACTOR;
        if (run_start(shard, view, i + MERGE_BLOCKS) > i) {
            continue;
        }
        if ((similar || view->block_count > BLOCKS_MAX) && total < best) {
            best = total;
            *first = i;
            *count = MERGE_BLOCKS;
            found = true;
        }
    }
    return found;
}

bool vv_shard_merge_is_due(struct vv_shard *shard)
{
    size_t first, count;
    struct vv_view *view = vv_view_acquire(&shard->views);
    bool due = choose(shard, view, &first, &count);
    vv_view_release(&shard->views, view);
    return due;
}

static varve_status load_input(struct input *input)
{
    if (input->loaded || input->next_id >= vv_block_info(input->block)->series_count) {
        return VARVE_OK;
    }
    VV_TRY(vv_block_series(input->block, input->next_id, &input->key_buffer, &input->series));
    input->loaded = true;
    return VARVE_OK;
}

/* The input that stands at the least key; NULL when all are through. */
static struct input *least_input(struct input *inputs, size_t count)
{
    struct input *least = NULL;
    for (size_t i = 0; i < count; i++) {
        if (inputs[i].loaded &&
            (least == NULL || vv_key_compare(inputs[i].series.key, least->series.key) < 0)) {
            least = &inputs[i];
        }
    }
    return least;
}

static varve_status copy_tombstones(struct vv_series_output *output, struct vv_range *const *ranges,
                                    const struct input *inputs, size_t count, varve_error *error)
{
    for (size_t i = 0; i < count; i++) {
        for (size_t k = 0; ranges[i] != NULL && k < inputs[i].series.tombstone_count; k++) {
            VV_TRY(vv_series_output_begin(output, error));
            VV_TRY(vv_block_writer_add_tombstone(output->writer, ranges[i][k], error));
        }
    }
    return VARVE_OK;
}

/* Merges the series at the least key into the output and moves its inputs on. */
static varve_status merge_series(struct vv_series_output *output, struct input *inputs,
                                 size_t count, const struct input *least, bool has_older,
                                 varve_error *error)
{
    struct vv_source_list sources = {0};
    struct vv_range **tombstones = vv_alloc_zeroed(count, sizeof(*tombstones));
    bool *taken = vv_alloc_zeroed(count, sizeof(*taken));
    varve_status status = tombstones == NULL || taken == NULL ? VARVE_NO_MEMORY : VARVE_OK;
    struct vv_range everything = {INT64_MIN, INT64_MAX};
    for (size_t i = 0; i < count && status == VARVE_OK; i++) {
        taken[i] = inputs[i].loaded && vv_key_equal(inputs[i].series.key, least->series.key);
        if (taken[i]) {
            status = vv_shard_block_sources(inputs[i].block, inputs[i].next_id, everything,
                                            &sources, &tombstones[i]);
        }
    }
    if (status != VARVE_OK) {
        status = vv_fail(error, status, "cannot read a series of the blocks to be merged");
    }
    output->key = least->series.key;
    output->begun = false;
    if (status == VARVE_OK && has_older) {
        status = copy_tombstones(output, tombstones, inputs, count, error); /* K2 */
    }
    if (status == VARVE_OK) {
        status = vv_shard_write_layers(output, &sources, has_older, error);
    }
    vv_source_list_fini(&sources);
    for (size_t i = 0; i < count && tombstones != NULL && taken != NULL; i++) {
        vv_free(tombstones[i]);
        if (taken[i]) {
            inputs[i].loaded = false;
            inputs[i].next_id++;
        }
    }
    vv_free(tombstones);
    vv_free(taken);
    return status;
}

static varve_status merge_inputs(struct vv_series_output *output, struct input *inputs,
                                 size_t count, bool has_older, varve_error *error)
{
    for (;;) {
        for (size_t i = 0; i < count; i++) {
            varve_status status = load_input(&inputs[i]);
            if (status != VARVE_OK) {
                return vv_fail(error, status, "cannot read the series table of a block");
            }
        }
        const struct input *least = least_input(inputs, count);
        if (least == NULL) {
            return VARVE_OK;
        }
        VV_TRY(merge_series(output, inputs, count, least, has_older, error));
    }
}

/* Merges blocks [first, first + count) of the view into one and publishes it. */
static varve_status merge_blocks(struct vv_shard *shard, struct vv_view *view, size_t first,
                                 size_t count, bool cold, varve_error *error)
{
    struct input *inputs = vv_alloc_zeroed(count, sizeof(*inputs));
    if (inputs == NULL) {
        return vv_fail(error, VARVE_NO_MEMORY, "no memory to merge %zu blocks", count);
    }
    uint64_t samples = 0;
    for (size_t i = 0; i < count; i++) {
        inputs[i].block = view->blocks[first + i];
        samples += vv_block_info(inputs[i].block)->sample_count;
    }
    const struct vv_block_identity *oldest = &vv_block_info(inputs[0].block)->identity;
    const struct vv_block_identity *newest = &vv_block_info(inputs[count - 1].block)->identity;
    /* A quarantined block may hold older data that nobody can see: its tombstones stay as well. */
    bool has_older = shard->manifest.blocks[0].identity.lsn_max <= oldest->lsn_min;
    struct vv_series_output output = {0};
    struct vv_block *merged = NULL;
    uint64_t id = 0;
    varve_status status =
        vv_shard_begin_block(shard, oldest->lsn_min, newest->lsn_max,
                             cold || samples >= COLD_SAMPLES_MIN, &output.writer, &id, error);
    if (status == VARVE_OK) {
        status = merge_inputs(&output, inputs, count, has_older, error);
        if (status == VARVE_OK && output.series_count > 0) {
            status = vv_shard_finish_block(shard, output.writer, id, &merged, error);
        } else {
            vv_shard_abandon_block(shard, output.writer, id); /* failed, or nothing is left */
        }
    }
    for (size_t i = 0; i < count; i++) {
        vv_buffer_fini(&inputs[i].key_buffer);
    }
    vv_free(inputs);
    VV_TRY(status);
    uint64_t *removed = vv_alloc(count * sizeof(*removed));
    if (removed == NULL) {
        vv_block_release(merged);
        return vv_fail(error, VARVE_NO_MEMORY, "no memory to merge %zu blocks", count);
    }
    for (size_t i = 0; i < count; i++) {
        removed[i] = vv_block_info(view->blocks[first + i])->identity.id;
    }
    struct vv_publication change = {.removed = removed,
                                    .removed_count = count,
                                    .added = &merged,
                                    .added_count = merged != NULL ? 1 : 0};
    status = vv_shard_publish(shard, &change, error);
    vv_free(removed);
    return status;
}

varve_status vv_shard_merge_due(struct vv_shard *shard, varve_error *error)
{
    struct vv_view *view = vv_view_acquire(&shard->views);
    size_t first, count;
    varve_status status = VARVE_OK;
    if (choose(shard, view, &first, &count)) {
        status = merge_blocks(shard, view, first, count, false, error);
    }
    vv_view_release(&shard->views, view);
    return status;
}

/* Merges the run of neighbours that ends before *end, and sets *end to its start. */
static varve_status compact_run(struct vv_shard *shard, size_t *end, varve_error *error)
{
    struct vv_view *view = vv_view_acquire(&shard->views);
    size_t first = run_start(shard, view, *end);
    bool done = *end - first == 1 && vv_block_info(view->blocks[first])->identity.cold;
    varve_status status = VARVE_OK;
    if (!done) {
        status = merge_blocks(shard, view, first, *end - first, true, error);
    }
    vv_view_release(&shard->views, view);
    *end = first;
    return status;
}

varve_status vv_shard_compact(struct vv_shard *shard, varve_error *error)
{
    if (shard->options.read_only) {
        return vv_fail(error, VARVE_READ_ONLY, "the database was opened read-only");
    }
    vv_mutex_lock(&shard->maintenance_mutex);
    varve_status status = vv_shard_flush_head(shard, error);
    struct vv_view *view = vv_view_acquire(&shard->views);
    size_t end = view->block_count;
    vv_view_release(&shard->views, view);
    /* From the newest run back, so that the places of those before it stay the same. */
    while (status == VARVE_OK && end > 0) {
        status = compact_run(shard, &end, error);
    }
    vv_mutex_unlock(&shard->maintenance_mutex);
    return status;
}
