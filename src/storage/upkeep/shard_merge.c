/*
 * shard_merge.c - many blocks to few: resolved duplicates, deleted and expired data really gone.
 *
 *   series by series, for each slice of time:
 *     inputs (log order):  [layers of b2 | tombstones of b5 | layers of b5]  [tombstones of b9]
 *                                      \________ merge ________/                    /
 *                                               layers of the output  <------------
 *
 * K1  The set is closed (merge_choose.h), so that the order of the log stays total where blocks
 *     meet. A quarantined block is never part of one: it may be readable again some day.
 * K2  Tombstones of the inputs stay, in the first slice, while older blocks exist that are not
 *     clean of what they delete. Tombstones of newer blocks are applied early: what they delete is
 *     gone either way, and the output is clean up to them.
 * K3  Inputs go after the outputs are verified and published, all at once (shard_publish.c): a
 *     crash leaves the inputs, or the outputs.
 * K4  Between two series a flush that is due is done, and a shard that is to close is obeyed.
 * K5  Pages of cold inputs that nothing touches go into cold outputs as they are (merge_carry.h).
 * Memory: one series at a time, and what a cold block keeps of its chunk directory; a process is
 * not made as large as what it merges. Thread: under maintenance_mutex.
 */
#include "storage/upkeep/shard_merge.h"

#include "mmap/block_access.h"
#include "os/alloc.h"
#include "storage/upkeep/merge_carry.h"
#include "storage/upkeep/merge_slices.h"

enum {
    COLD_SAMPLES_MIN = 4 << 20, /* a merged block of so many samples is written for size, unless it
                                   is read often */
    BLOCK_BYTES_MIN = 64 << 20, /* target of a merged block, if the data is not larger than */
    BLOCKS_WANTED = 64,         /* ... so many of them; then their share of it */
    BREATH_SERIES = 64,         /* between looks at the clock */
    EVICT_SERIES = 1024,        /* after so many what was read of the inputs is let go of */
    PAUSE_NS = 5 * 1000 * 1000,
};

struct merge {
    struct vv_shard *shard;
    const struct vv_merge_set *set;
    struct vv_merge_input *inputs; /* in log order; keep_tombstones: K2 */
    size_t input_count;
    struct vv_block **deleters; /* newer blocks with tombstones, in log order */
    size_t deleter_count;
    struct vv_block_info hull;       /* of the inputs: LSNs, samples, bytes */
    uint64_t clean_lsn;              /* of the outputs */
    uint64_t *removed;               /* ids of the inputs */
    struct vv_block_carry **carries; /* of those inputs of the slice that hand pages on */
    size_t slice_count;

    /* The present slice. */
    struct vv_range slice;
    bool is_first;
    bool has_older; /* blocks with older samples in it */
    struct vv_series_output output;

    /* Throttle. */
    uint64_t series_total; /* over all inputs and slices */
    uint64_t series_done;
    int64_t started_ns;
};

uint64_t vv_shard_merge_target(const struct vv_shard *shard)
{
    if (shard->options.block_bytes_max != 0) {
        return shard->options.block_bytes_max;
    }
    uint64_t bytes = 0;
    for (size_t i = 0; i < shard->manifest.block_count; i++) {
        bytes += shard->manifest.blocks[i].file_bytes;
    }
    return bytes / BLOCKS_WANTED > BLOCK_BYTES_MIN ? bytes / BLOCKS_WANTED : BLOCK_BYTES_MIN;
}

/* ------------------------------------------------------------------------------ inputs */

static bool is_input(const struct merge *merge, uint64_t id)
{
    for (size_t i = 0; i < merge->input_count; i++) {
        if (merge->removed[i] == id) {
            return true;
        }
    }
    return false;
}

static bool in_view(const struct vv_view *view, uint64_t id)
{
    for (size_t i = 0; i < view->block_count; i++) {
        if (vv_block_info(view->blocks[i])->identity.id == id) {
            return true;
        }
    }
    return false;
}

/* Adds the deletions that are newer than the inputs, as far as they can all be read. */
static void find_deleters(struct merge *merge)
{
    const struct vv_manifest *manifest = &merge->shard->manifest;
    const struct vv_view *view = merge->set->view;
    merge->clean_lsn = merge->hull.identity.lsn_max;
    for (size_t i = 0; i < manifest->block_count; i++) {
        const struct vv_block_info *info = &manifest->blocks[i];
        if (info->identity.lsn_min < merge->hull.identity.lsn_max ||
            is_input(merge, info->identity.id)) {
            continue;
        }
        if (info->tombstone_count > 0 && !in_view(view, info->identity.id)) {
            break;
        }
        if (info->identity.lsn_max > merge->clean_lsn) {
            merge->clean_lsn = info->identity.lsn_max;
        }
    }
    for (size_t i = 0; i < view->block_count; i++) {
        const struct vv_block_info *info = vv_block_info(view->blocks[i]);
        if (info->tombstone_count > 0 && info->identity.lsn_min >= merge->hull.identity.lsn_max &&
            info->identity.lsn_max <= merge->clean_lsn) {
            merge->deleters[merge->deleter_count++] = view->blocks[i];
        }
    }
}

/* Whether blocks older than the inputs need the tombstones that go up to lsn (K2). */
static bool tombstones_are_needed(const struct merge *merge, uint64_t lsn)
{
    const struct vv_manifest *manifest = &merge->shard->manifest;
    for (size_t i = 0; i < manifest->block_count; i++) {
        const struct vv_block_info *info = &manifest->blocks[i];
        if (info->identity.lsn_max <= merge->hull.identity.lsn_min && info->sample_count > 0 &&
            vv_block_clean_lsn(info) < lsn) {
            return true;
        }
    }
    return false;
}

static bool slice_has_older(const struct merge *merge)
{
    const struct vv_manifest *manifest = &merge->shard->manifest;
    for (size_t i = 0; i < manifest->block_count; i++) {
        const struct vv_block_info *info = &manifest->blocks[i];
        if (info->identity.lsn_max <= merge->hull.identity.lsn_min && info->sample_count > 0 &&
            info->time_min < merge->slice.end && info->time_max >= merge->slice.start) {
            return true;
        }
    }
    return false;
}

static void add_input(struct merge *merge, struct vv_block *block)
{
    const struct vv_block_info *info = vv_block_info(block);
    struct vv_block_identity *hull = &merge->hull.identity;
    merge->removed[merge->input_count] = info->identity.id;
    merge->inputs[merge->input_count++].block = block;
    hull->lsn_min = info->identity.lsn_min < hull->lsn_min ? info->identity.lsn_min : hull->lsn_min;
    hull->lsn_max = info->identity.lsn_max > hull->lsn_max ? info->identity.lsn_max : hull->lsn_max;
    merge->hull.sample_count += info->sample_count;
    merge->hull.series_count += info->series_count;
    merge->hull.file_bytes += info->file_bytes;
}

static varve_status begin(struct merge *merge)
{
    const struct vv_view *view = merge->set->view;
    size_t room = view->block_count + 1;
    merge->inputs = vv_alloc_zeroed(room, sizeof(*merge->inputs));
    merge->removed = vv_alloc_zeroed(room, sizeof(*merge->removed));
    merge->deleters = vv_alloc_zeroed(room, sizeof(struct vv_block *));
    merge->carries = vv_alloc_zeroed(room, sizeof(*merge->carries));
    if (merge->inputs == NULL || merge->removed == NULL || merge->deleters == NULL ||
        merge->carries == NULL) {
        return VARVE_NO_MEMORY;
    }
    merge->hull.identity.lsn_min = UINT64_MAX;
    for (size_t i = 0; i < view->block_count; i++) {
        if (merge->set->chosen[i]) {
            add_input(merge, view->blocks[i]);
        }
    }
    find_deleters(merge);
    for (size_t i = 0; i < merge->input_count; i++) {
        const struct vv_block_info *info = vv_block_info(merge->inputs[i].block);
        merge->inputs[i].keep_tombstones =
            info->tombstone_count > 0 && tombstones_are_needed(merge, info->identity.lsn_max);
    }
    const struct vv_env *env = merge->shard->place.env;
    merge->started_ns = env->ops->now_monotonic_ns(env->ctx);
    return VARVE_OK;
}

static void end(struct merge *merge)
{
    for (size_t i = 0; merge->inputs != NULL && i < merge->input_count; i++) {
        vv_buffer_fini(&merge->inputs[i].key_buffer);
    }
    vv_free(merge->inputs);
    vv_free(merge->removed);
    vv_free(merge->deleters);
    vv_free(merge->carries);
}

/* ------------------------------------------------------------------------------ series */

/* What the merge of one series reads; tombstones belong to it. */
struct series_sources {
    struct vv_source_list list;
    struct vv_range **tombstones; /* by input, then by deleter */
};

static varve_status add_deleters(struct merge *merge, struct vv_key key,
                                 struct series_sources *sources)
{
    uint64_t hash = vv_key_hash(key);
    struct vv_buffer buffer = {0};
    varve_status status = VARVE_OK;
    for (size_t i = 0; i < merge->deleter_count && status == VARVE_OK; i++) {
        uint32_t id;
        struct vv_block_series series;
        status = vv_block_find(merge->deleters[i], key, hash, &id);
        if (status == VARVE_NOT_FOUND) {
            status = VARVE_OK;
            continue;
        }
        if (status == VARVE_OK) {
            status = vv_block_series(merge->deleters[i], id, &buffer, &series);
        }
        if (status != VARVE_OK || series.tombstone_count == 0) {
            continue;
        }
        struct vv_range *ranges = vv_alloc(series.tombstone_count * sizeof(*ranges));
        if (ranges == NULL) {
            status = VARVE_NO_MEMORY;
            continue;
        }
        sources->tombstones[merge->input_count + i] = ranges;
        status = vv_block_tombstones(merge->deleters[i], id, ranges);
        struct vv_merge_source source = {.policy = VARVE_DUPLICATES_LAST,
                                         .time_min = INT64_MAX,
                                         .time_max = INT64_MIN,
                                         .tombstones = ranges,
                                         .tombstone_count = series.tombstone_count};
        if (status == VARVE_OK) {
            status = vv_source_list_add(&sources->list, source);
        }
    }
    vv_buffer_fini(&buffer);
    return status;
}

static varve_status copy_tombstones(struct merge *merge, const bool *taken,
                                    struct series_sources *sources, varve_error *error)
{
    for (size_t i = 0; i < merge->input_count; i++) {
        const struct vv_merge_input *input = &merge->inputs[i];
        if (!taken[i] || !input->keep_tombstones) {
            continue;
        }
        for (size_t k = 0; k < input->series.tombstone_count; k++) {
            VV_TRY(vv_series_output_begin(&merge->output, error));
            VV_TRY(vv_block_writer_add_tombstone(merge->output.writer, sources->tombstones[i][k],
                                                 error));
        }
    }
    return VARVE_OK;
}

/* Collects the sources of the series at key and says which inputs have it. */
static varve_status collect(struct merge *merge, struct vv_key key, bool *taken,
                            struct series_sources *sources)
{
    struct vv_range range = merge->slice;
    VV_TRY(vv_shard_clip(merge->set->view, key, &range));
    for (size_t i = 0; i < merge->input_count; i++) {
        struct vv_merge_input *input = &merge->inputs[i];
        taken[i] = vv_merge_input_has(input, key);
        if (taken[i]) {
            VV_TRY(vv_shard_block_sources(input->block, input->next_id, range, &sources->list,
                                          &sources->tombstones[i]));
        }
    }
    return add_deleters(merge, key, sources);
}

/* Whether the slice can have anything of the series at the least key: saves opening it. */
static bool is_in_slice(const struct merge *merge, struct vv_key key)
{
    for (size_t i = 0; i < merge->input_count; i++) {
        const struct vv_merge_input *input = &merge->inputs[i];
        if (vv_merge_input_has(input, key) &&
            ((merge->is_first && input->series.tombstone_count > 0) ||
             (input->series.layer_count > 0 && input->series.time_min < merge->slice.end &&
              input->series.time_max >= merge->slice.start))) {
            return true;
        }
    }
    return false;
}

/* Merges the series at the key, which stands in an input that is not moved on yet. */
static varve_status merge_series(struct merge *merge, struct vv_key key, varve_error *error)
{
    struct series_sources sources = {0};
    size_t slots = merge->input_count + merge->deleter_count;
    sources.tombstones = vv_alloc_zeroed(slots, sizeof(*sources.tombstones));
    bool *taken = vv_alloc_zeroed(merge->input_count, sizeof(*taken));
    varve_status status = sources.tombstones == NULL || taken == NULL ? VARVE_NO_MEMORY : VARVE_OK;
    if (status == VARVE_OK) {
        status = collect(merge, key, taken, &sources);
    }
    if (status != VARVE_OK) {
        status = vv_fail(error, status, "cannot read a series of the blocks to be merged");
    }
    merge->output.key = key;
    merge->output.begun = false;
    if (status == VARVE_OK && merge->is_first) {
        status = copy_tombstones(merge, taken, &sources, error); /* K2 */
    }
    if (status == VARVE_OK) {
        status = vv_shard_write_layers(&merge->output, &sources.list, merge->has_older, error);
    }
    vv_source_list_fini(&sources.list);
    for (size_t i = 0; sources.tombstones != NULL && i < slots; i++) {
        vv_free(sources.tombstones[i]);
    }
    vv_free(sources.tombstones);
    vv_free(taken);
    return status;
}

/* -------------------------------------------------------------------------------- pace */

/* Sleeps while the merge is ahead of options.merge_bytes_per_second. */
static void keep_pace(struct merge *merge)
{
    uint64_t limit = merge->shard->options.merge_bytes_per_second;
    const struct vv_env *env = merge->shard->place.env;
    if (limit == 0 || merge->set->at_once || merge->series_total == 0) {
        return;
    }
    double share = (double)merge->series_done / (double)merge->series_total;
    double due_ns = share * (double)merge->hull.file_bytes / (double)limit * 1e9;
    while (!atomic_load(&merge->shard->stopping) && !vv_shard_flush_is_due(merge->shard) &&
           (double)(env->ops->now_monotonic_ns(env->ctx) - merge->started_ns) < due_ns) {
        env->ops->sleep_ns(env->ctx, PAUSE_NS);
    }
}

/* K4. */
static varve_status give_way(void *context, varve_error *error)
{
    const struct merge *merge = context;
    if (atomic_load(&merge->shard->stopping)) {
        return vv_fail(error, VARVE_CANCELLED, "the merge was given up: the database is closing");
    }
    if (vv_shard_flush_is_due(merge->shard)) {
        return vv_shard_flush_head(merge->shard, error);
    }
    return VARVE_OK;
}

static varve_status breathe(struct merge *merge, varve_error *error)
{
    if (merge->series_done++ % BREATH_SERIES != 0) {
        return VARVE_OK;
    }
    for (size_t i = 0; merge->series_done % EVICT_SERIES == 1 && i < merge->input_count; i++) {
        vv_block_evict(merge->inputs[i].block);
    }
    keep_pace(merge);
    return give_way(merge, error);
}

/* ------------------------------------------------------------------------------ slices */

static varve_status visit_series(void *context, struct vv_key key, varve_error *error)
{
    struct merge *merge = context;
    VV_TRY(breathe(merge, error));
    return is_in_slice(merge, key) ? merge_series(merge, key, error) : VARVE_OK;
}

bool vv_shard_merges_cold(const struct vv_merge_set *set, uint64_t samples, unsigned turns_read)
{
    return set->cold || (samples >= COLD_SAMPLES_MIN && turns_read < VV_BLOCK_READ_OFTEN);
}

/* In how many turns the block that was read most was read. */
static unsigned turns_read(const struct merge *merge)
{
    unsigned most = 0;
    for (size_t i = 0; i < merge->input_count; i++) {
        unsigned turns = vv_block_turns_read(merge->inputs[i].block);
        most = turns > most ? turns : most;
    }
    return most;
}

/* Counts a block that lies in another tier than a part of what it was made of. */
static void count_move(struct merge *merge, bool cold)
{
    bool moved = false;
    for (size_t i = 0; i < merge->input_count; i++) {
        moved |= vv_block_info(merge->inputs[i].block)->identity.cold != cold;
    }
    if (moved) {
        atomic_fetch_add(cold ? &merge->shard->cooled_blocks : &merge->shard->warmed_blocks, 1);
    }
}

static varve_status finish_slice(struct merge *merge, uint64_t id, struct vv_block **block,
                                 varve_error *error)
{
    VV_TRY(vv_shard_finish_block(merge->shard, merge->output.writer, id, block, error));
    for (size_t i = 0; i < merge->input_count; i++) {
        vv_block_inherit_reads(*block, merge->inputs[i].block);
    }
    count_move(merge, vv_block_info(*block)->identity.cold);
    return VARVE_OK;
}

/* Finds out which pages of the inputs go as they are (K5). */
static varve_status find_carries(struct merge *merge, varve_error *error)
{
    const struct vv_carry_question question = {
        .inputs = merge->inputs,
        .input_count = merge->input_count,
        .deleters = merge->deleters,
        .deleter_count = merge->deleter_count,
        .view = merge->set->view,
        .slice = merge->slice,
        .slice_count = merge->slice_count,
        .breathe = give_way,
        .context = merge,
    };
    return vv_merge_find_carries(&question, merge->carries, &merge->output.carry_count, error);
}

static void drop_carries(struct merge *merge)
{
    for (size_t i = 0; i < merge->output.carry_count; i++) {
        vv_block_carry_destroy(merge->carries[i]);
    }
    merge->output.carry_count = 0;
}

/* Writes the part of the set in merge->slice; *block stays NULL if there is nothing in it. */
static varve_status write_slice(struct merge *merge, struct vv_block **block, varve_error *error)
{
    struct vv_shard *shard = merge->shard;
    uint64_t id = 0;
    bool cold = vv_shard_merges_cold(merge->set, merge->hull.sample_count, turns_read(merge));
    merge->has_older = slice_has_older(merge);
    merge->output = (struct vv_series_output){.carries = merge->carries};
    VV_TRY(vv_shard_begin_block(shard, merge->hull.identity.lsn_min, merge->hull.identity.lsn_max,
                                cold, &merge->output.writer, &id, error));
    varve_status status = cold ? find_carries(merge, error) : VARVE_OK;
    if (status == VARVE_OK) {
        status = vv_merge_walk(merge->inputs, merge->input_count, visit_series, merge, error);
    }
    drop_carries(merge);
    if (status == VARVE_OK && merge->output.series_count > 0) {
        return finish_slice(merge, id, block, error);
    }
    vv_shard_abandon_block(shard, merge->output.writer, id); /* failed, or nothing is left */
    return status;
}

varve_status vv_shard_merge_cuts(const struct vv_shard *shard, const struct vv_merge_set *set,
                                 int64_t *bounds, size_t *count)
{
    uint64_t bytes = 0;
    *count = 0;
    if (set->slices_max <= 1) {
        return VARVE_OK;
    }
    for (size_t i = 0; i < set->view->block_count; i++) {
        bytes += set->chosen[i] ? vv_block_info(set->view->blocks[i])->file_bytes : 0;
    }
    struct vv_time_map *map = vv_alloc_zeroed(1, sizeof(*map));
    varve_status status = map == NULL ? VARVE_NO_MEMORY : vv_shard_measure(set, map);
    if (status == VARVE_OK) {
        *count = vv_time_map_cut(map, bytes, vv_shard_merge_target(shard), set->slices_max, bounds);
    }
    vv_free(map);
    return status;
}

static varve_status write_slices(struct merge *merge, struct vv_block **added, size_t *added_count,
                                 varve_error *error)
{
    int64_t bounds[VV_MERGE_SLICES_MAX];
    size_t count;
    varve_status status = vv_shard_merge_cuts(merge->shard, merge->set, bounds, &count);
    if (status != VARVE_OK) {
        return vv_fail(error, status, "cannot read the chunk directory of a block");
    }
    merge->slice_count = count + 1;
    merge->series_total = merge->hull.series_count * (count + 1);
    for (size_t i = 0; i <= count; i++) {
        struct vv_block *block = NULL;
        merge->slice.start = i == 0 ? INT64_MIN : bounds[i - 1];
        merge->slice.end = i == count ? INT64_MAX : bounds[i];
        merge->is_first = i == 0;
        VV_TRY(write_slice(merge, &block, error));
        if (block != NULL) {
            added[(*added_count)++] = block;
        }
    }
    return VARVE_OK;
}

varve_status vv_shard_merge_set(struct vv_shard *shard, const struct vv_merge_set *set,
                                varve_error *error)
{
    struct vv_block *added[VV_MERGE_SLICES_MAX];
    size_t added_count = 0;
    struct merge merge = {.shard = shard, .set = set};
    varve_status status = begin(&merge);
    if (status != VARVE_OK) {
        status = vv_fail(error, status, "no memory to merge blocks");
    } else {
        status = write_slices(&merge, added, &added_count, error);
    }
    if (status == VARVE_OK && vv_view_check(set->view, NULL) != VARVE_OK) { /* zeros were merged */
        status = vv_fail(error, VARVE_IO, "a block was cut off while it was merged");
    }
    if (status == VARVE_OK) {
        struct vv_publication change = {.removed = merge.removed,
                                        .removed_count = merge.input_count,
                                        .added = added,
                                        .added_count = added_count,
                                        .added_clean_lsn = merge.clean_lsn};
        status = vv_shard_publish(shard, &change, error);
    } else {
        vv_shard_discard_blocks(shard, added, added_count);
    }
    end(&merge);
    return status;
}
