/*
 * shard_bulk.c - samples that go straight to a block: spilling, merging, attaching.
 *
 *   log:  ... frames up to x - 8 | mark | x | frames ...
 *   head block (.., x - 8], bulk (x - 8, x], later blocks (x, ..]
 *
 * K1  Runs are files with the temporary names of blocks: a crash leaves them to the next open, and
 *     that sweeps them.
 * K2  Attaching is one manifest record, like every publication (shard_publish.c): before it nothing
 *     of the bulk is there, after it everything.
 * K3  The place of the bulk in the log is the end of a generation of the head. A mark is logged
 *     there, so that its last 8 bytes belong to no sample: they are the bulk's.
 * Thread: one for each bulk; attaching holds maintenance_mutex for the moment that decides, appends
 * go on beside it.
 */
#include "storage/copy/shard_bulk.h"

#include <inttypes.h>
#include <stdio.h>

#include "os/alloc.h"
#include "storage/shard.h"

enum {
    RUNS_MAX = 64, /* then they are merged to one: descriptors and merging stay bounded */
    PLACE_BYTES = VV_WAL_ALIGNMENT,
};

/* A sorted run in a file. */
struct run {
    struct vv_block *block;
    uint64_t id;
};

struct vv_shard_bulk {
    struct vv_shard *shard;
    uint64_t memory_bytes;
    varve_duplicates policy;
    struct vv_bulk_rows rows;
    struct run runs[RUNS_MAX]; /* oldest first */
    size_t run_count;
};

static void temporary_name(uint64_t id, char *name)
{
    (void)snprintf(name, VV_BLOCK_NAME_BYTES, "block-%016" PRIx64 ".tmp", id);
}

varve_status vv_shard_bulk_create(struct vv_shard *shard, uint64_t memory_bytes,
                                  varve_duplicates policy, struct vv_shard_bulk **bulk,
                                  varve_error *error)
{
    VV_ASSERT(policy != VARVE_DUPLICATES_DEFAULT);
    if (shard->options.read_only) {
        return vv_fail(error, VARVE_READ_ONLY, "the database was opened read-only");
    }
    struct vv_shard_bulk *made = vv_alloc_zeroed(1, sizeof(*made));
    if (made == NULL) {
        return vv_fail(error, VARVE_NO_MEMORY, "no memory for a bulk");
    }
    made->shard = shard;
    made->policy = policy;
    made->memory_bytes = memory_bytes;
    vv_bulk_rows_init(&made->rows);
    *bulk = made;
    return VARVE_OK;
}

static void drop_run(struct vv_shard_bulk *bulk, struct run *run)
{
    const struct vv_shard_place *place = &bulk->shard->place;
    char name[VV_BLOCK_NAME_BYTES];
    temporary_name(run->id, name);
    vv_block_release(run->block);
    (void)place->env->ops->unlink(place->env->ctx, place->directory, name);
}

void vv_shard_bulk_destroy(struct vv_shard_bulk *bulk)
{
    if (bulk == NULL) {
        return;
    }
    for (size_t i = 0; i < bulk->run_count; i++) {
        drop_run(bulk, &bulk->runs[i]);
    }
    vv_bulk_rows_fini(&bulk->rows);
    vv_free(bulk);
}

/* --------------------------------------------------------------------------------- runs */

static varve_status begin_run(struct vv_shard_bulk *bulk, struct vv_block_writer **writer,
                              uint64_t *id, varve_error *error)
{
    vv_mutex_lock(&bulk->shard->maintenance_mutex); /* for the id */
    varve_status status = vv_shard_begin_block(bulk->shard, 0, 0, false, writer, id, error);
    vv_mutex_unlock(&bulk->shard->maintenance_mutex);
    return status;
}

/* Completes a run and opens it, under the temporary name (K1). Destroys writer. written: what
 * writing it has said. */
static varve_status finish_run(struct vv_shard_bulk *bulk, struct vv_block_writer *writer,
                               varve_status written, struct run *run, varve_error *error)
{
    const struct vv_shard_place *place = &bulk->shard->place;
    struct vv_block_info info;
    char name[VV_BLOCK_NAME_BYTES];
    if (written == VARVE_OK) {
        written = vv_block_writer_finish(writer, &info, error);
    }
    if (written != VARVE_OK) {
        vv_shard_abandon_block(bulk->shard, writer, run->id);
        return written;
    }
    vv_block_writer_destroy(writer);
    temporary_name(run->id, name);
    varve_status status =
        vv_block_open(place->env, place->directory, name, &info, &run->block, error);
    if (status != VARVE_OK) {
        (void)place->env->ops->unlink(place->env->ctx, place->directory, name);
    }
    return status;
}

/* All runs become one. */
static varve_status merge_runs(struct vv_shard_bulk *bulk, varve_error *error)
{
    struct vv_block *blocks[RUNS_MAX];
    struct run merged = {0};
    struct vv_block_writer *writer = NULL;
    uint64_t samples = 0;
    for (size_t i = 0; i < bulk->run_count; i++) {
        blocks[i] = bulk->runs[i].block;
        samples += vv_block_info(blocks[i])->sample_count;
    }
    VV_TRY(begin_run(bulk, &writer, &merged.id, error));
    varve_status status = vv_bulk_merge(blocks, bulk->run_count, writer, error);
    VV_TRY(finish_run(bulk, writer, status, &merged, error));
    for (size_t i = 0; i < bulk->run_count; i++) {
        drop_run(bulk, &bulk->runs[i]);
    }
    bulk->runs[0] = merged;
    bulk->run_count = 1;
    if (bulk->policy == VARVE_DUPLICATES_ERROR &&
        vv_block_info(merged.block)->sample_count != samples) {
        return vv_fail(error, VARVE_EXISTS, "a timestamp comes twice in one series");
    }
    return VARVE_OK;
}

/* Writes what is in memory as a run. */
static varve_status spill(struct vv_shard_bulk *bulk, varve_error *error)
{
    struct vv_block_writer *writer = NULL;
    struct run run = {0};
    if (bulk->run_count == RUNS_MAX) {
        VV_TRY(merge_runs(bulk, error));
    }
    VV_TRY(begin_run(bulk, &writer, &run.id, error));
    varve_status status =
        vv_bulk_rows_write(&bulk->rows, bulk->shard->table, bulk->policy, writer, error);
    VV_TRY(finish_run(bulk, writer, status, &run, error));
    bulk->runs[bulk->run_count++] = run;
    return VARVE_OK;
}

varve_status vv_shard_bulk_add(struct vv_shard_bulk *bulk, const uint32_t *refs,
                               const int64_t *timestamps, const double *values, size_t count,
                               varve_error *error)
{
    uint32_t known = vv_series_table_count(bulk->shard->table);
    for (size_t i = 0; i < count; i++) {
        if (refs[i] >= known || timestamps[i] == INT64_MAX) {
            return vv_fail(error, VARVE_INVALID, "sample %zu has no %s", i,
                           refs[i] >= known ? "series of this database" : "valid timestamp");
        }
    }
    varve_status status = vv_bulk_rows_add(&bulk->rows, refs, timestamps, values, count);
    if (status != VARVE_OK) {
        return vv_fail(error, status, "no memory for samples");
    }
    return vv_bulk_rows_bytes(&bulk->rows) >= bulk->memory_bytes ? spill(bulk, error) : VARVE_OK;
}

/* --------------------------------------------------------------------------- attaching */

/* Policy ERROR: EXISTS if one of the bulk's timestamps is taken in the series. */
static varve_status check_series(struct vv_shard *shard, const struct vv_view *view,
                                 struct vv_block *added, uint32_t id, struct vv_key key,
                                 uint64_t hash)
{
    struct vv_range range = {INT64_MIN, INT64_MAX};
    struct vv_merge_source ours = {0};
    struct vv_iter *theirs = NULL;
    varve_span our_span = {0}, span;
    size_t at = 0;
    VV_TRY(vv_block_layer_iter(added, id, 0, range.start, range.end, &ours));
    range.start = ours.time_min;
    range.end = ours.time_max + 1; /* no timestamp is INT64_MAX */
    const struct vv_series_place place = {
        .series = vv_series_table_find(shard->table, key, hash), .key = key, .hash = hash};
    varve_status status = vv_shard_series_iter(shard, view, &place, range, NULL, &theirs);
    bool more = status == VARVE_OK && vv_iter_next_span(ours.iter, &our_span);
    while (more && status == VARVE_OK && vv_iter_next_span(theirs, &span)) {
        for (size_t i = 0; i < span.count && more && status == VARVE_OK; i++) {
            while (more && our_span.timestamps[at] < span.timestamps[i]) {
                if (++at == our_span.count) {
                    at = 0;
                    more = vv_iter_next_span(ours.iter, &our_span);
                }
            }
            if (more && our_span.timestamps[at] == span.timestamps[i]) {
                status = VARVE_EXISTS;
            }
        }
    }
    if (status == VARVE_OK) {
        status = vv_first(vv_iter_status(theirs), vv_iter_status(ours.iter));
    }
    vv_iter_destroy(theirs);
    vv_iter_destroy(ours.iter);
    return status;
}

static varve_status check_absent(struct vv_shard *shard, struct vv_block *added, varve_error *error)
{
    struct vv_view *view = vv_view_acquire(&shard->views);
    struct vv_buffer key = {0};
    varve_status status = VARVE_OK;
    for (uint32_t id = 0; id < vv_block_info(added)->series_count && status == VARVE_OK; id++) {
        struct vv_block_series series;
        status = vv_block_series(added, id, &key, &series);
        if (status == VARVE_OK) {
            status = check_series(shard, view, added, id, series.key, series.key_hash);
        }
    }
    vv_buffer_fini(&key);
    vv_view_release(&shard->views, view);
    return status == VARVE_OK
               ? status
               : vv_fail(error, status,
                         status == VARVE_EXISTS
                             ? "a series has a sample at one of the timestamps already"
                             : "cannot read what is in the database already");
}

/* Gives the run its place in the log and its name (K3), and opens it again. The run is gone
 * whatever the status. */
static varve_status name_run(struct vv_shard_bulk *bulk, uint64_t lsn, struct vv_block **named,
                             varve_error *error)
{
    const struct vv_shard_place *place = &bulk->shard->place;
    const struct vv_env *env = place->env;
    struct run *run = &bulk->runs[0];
    struct vv_block_info info = *vv_block_info(run->block);
    char from[VV_BLOCK_NAME_BYTES], to[VV_BLOCK_NAME_BYTES];
    temporary_name(run->id, from);
    vv_block_name(run->id, to);
    vv_block_release(run->block);
    run->block = NULL;
    varve_status status =
        vv_block_stamp(env, place->directory, from, lsn - PLACE_BYTES, lsn, &info, error);
    if (status == VARVE_OK) {
        int result = env->ops->rename(env->ctx, place->directory, from, to);
        if (result == 0) {
            result = env->ops->sync_directory(env->ctx, place->directory);
        }
        if (result != 0) {
            status = vv_fail_io(error, vv_status_from_errno(-result), -result, to, 0,
                                "cannot give the new block its name");
        }
    }
    if (status == VARVE_OK) {
        status = vv_block_open(env, place->directory, to, &info, named, error);
    }
    if (status != VARVE_OK) {
        (void)env->ops->unlink(env->ctx, place->directory, from);
        (void)env->ops->unlink(env->ctx, place->directory, to);
    }
    bulk->run_count = 0;
    return status;
}

static varve_status attach_locked(struct vv_shard_bulk *bulk, varve_error *error)
{
    struct vv_shard *shard = bulk->shard;
    struct vv_block *added = NULL;
    uint64_t lsn;
    VV_TRY(vv_shard_can_publish(shard, error));
    varve_status status = vv_shard_log_mark(shard);
    if (status != VARVE_OK) {
        return vv_fail(error, status, "the log cannot be written: %s", varve_status_text(status));
    }
    VV_TRY(vv_shard_flush_before(shard, PLACE_BYTES, &lsn, error));
    if (bulk->policy == VARVE_DUPLICATES_ERROR) {
        VV_TRY(check_absent(shard, bulk->runs[0].block, error));
    }
    VV_TRY(name_run(bulk, lsn, &added, error));
    struct vv_publication change = {.added = &added, .added_count = 1};
    VV_TRY(vv_shard_publish(shard, &change, error));
    vv_head_forget_latest(&shard->head);
    return VARVE_OK;
}

varve_status vv_shard_bulk_attach(struct vv_shard_bulk *bulk, varve_error *error)
{
    if (bulk->rows.samples > 0) {
        VV_TRY(spill(bulk, error));
    }
    if (bulk->run_count == 0) {
        return VARVE_OK;
    }
    if (bulk->run_count > 1) {
        VV_TRY(merge_runs(bulk, error));
    }
    uint64_t samples;
    const struct vv_block *block = bulk->runs[0].block;
    varve_status status = vv_block_verify(block, NULL, NULL, &samples);
    if (status != VARVE_OK || samples != vv_block_info(block)->sample_count) {
        return vv_fail(error, vv_first(status, VARVE_CORRUPT),
                       "a block that was just written does not read back");
    }
    vv_mutex_lock(&bulk->shard->maintenance_mutex);
    status = attach_locked(bulk, error);
    vv_mutex_unlock(&bulk->shard->maintenance_mutex);
    return status;
}
