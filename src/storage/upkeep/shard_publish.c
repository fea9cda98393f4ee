/*
 * shard_publish.c - making a block part of the shard: the order in which things become durable.
 *
 *   block-N.tmp written, synced -> verified -> renamed -> directory synced -> manifest replaced ->
 *   view swapped -> log segments and replaced blocks removed
 *
 * B1  A file that the manifest lists is complete and synced under its name before the manifest is
 *     replaced; what it replaces is removed only afterwards. A crash in between leaves garbage,
 *     never a gap.
 * B2  What was written is read back and verified before the only other copy goes.
 * B3  After an uncertain replacement of the manifest (UNKNOWN) nothing is published or removed
 *     until the shard is opened again: both manifests' files are there.
 * Thread: under maintenance_mutex.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "os/alloc.h"
#include "storage/shard.h"

static void temporary_block_name(uint64_t id, char *name)
{
    (void)snprintf(name, VV_BLOCK_NAME_BYTES, "block-%016" PRIx64 ".tmp", id);
}

varve_status vv_shard_can_publish(const struct vv_shard *shard, varve_error *error)
{
    if (shard->publish_unknown) {
        return vv_fail(error, VARVE_READ_ONLY,
                       "blocks are not written any more after an uncertain change of the manifest: "
                       "close the database and open it again");
    }
    return VARVE_OK;
}

static void remove_block_files(struct vv_shard *shard, uint64_t id)
{
    const struct vv_env *env = shard->place.env;
    char name[VV_BLOCK_NAME_BYTES];
    temporary_block_name(id, name);
    (void)env->ops->unlink(env->ctx, shard->place.directory, name);
    vv_block_name(id, name);
    (void)env->ops->unlink(env->ctx, shard->place.directory, name);
}

void vv_shard_abandon_block(struct vv_shard *shard, struct vv_block_writer *writer, uint64_t id)
{
    vv_block_writer_destroy(writer);
    remove_block_files(shard, id);
}

varve_status vv_shard_begin_block(struct vv_shard *shard, uint64_t lsn_min, uint64_t lsn_max,
                                  bool cold, struct vv_block_writer **writer, uint64_t *id,
                                  varve_error *error)
{
    VV_TRY(vv_shard_can_publish(shard, error));
    *id = shard->manifest.next_block_id++; /* a gap after a failure is fine */
    struct vv_block_identity identity = {.id = *id,
                                         .lsn_min = lsn_min,
                                         .lsn_max = lsn_max,
                                         .rollup_sequence =
                                             vv_rollup_rules_sequence(shard->rollups),
                                         .shard = shard->place.shard,
                                         .cold = cold};
    memcpy(identity.database_uuid, shard->place.database_uuid, sizeof(identity.database_uuid));
    char name[VV_BLOCK_NAME_BYTES];
    temporary_block_name(*id, name);
    VV_TRY(vv_block_writer_create(shard->place.env, shard->place.directory, name, &identity, writer,
                                  error));
    vv_block_writer_use(*writer, shard->options.workers);
    varve_status status = vv_block_writer_roll_up(*writer, shard->rollups);
    if (status != VARVE_OK) {
        vv_shard_abandon_block(shard, *writer, *id);
        *writer = NULL;
        return vv_fail(error, status, "no memory for the rollups of a block");
    }
    return VARVE_OK;
}

static void discard_blocks(struct vv_shard *shard, struct vv_block *const *blocks, size_t count,
                           bool remove)
{
    for (size_t i = 0; i < count; i++) {
        uint64_t id = vv_block_info(blocks[i])->identity.id;
        vv_block_release(blocks[i]);
        if (remove) {
            remove_block_files(shard, id);
        }
    }
}

void vv_shard_discard_blocks(struct vv_shard *shard, struct vv_block *const *blocks, size_t count)
{
    discard_blocks(shard, blocks, count, true);
}

static void report_damage(void *context, uint64_t offset, const char *message)
{
    struct vv_shard *shard = context;
    vv_report(shard->report, VARVE_EVENT_IO_ERROR, VARVE_CORRUPT, NULL, offset,
              "a block that was just written does not read back: %s", message);
}

/* Renames the finished file and makes its name durable. */
static varve_status name_block(struct vv_shard *shard, uint64_t id, varve_error *error)
{
    const struct vv_env *env = shard->place.env;
    char from[VV_BLOCK_NAME_BYTES], to[VV_BLOCK_NAME_BYTES];
    temporary_block_name(id, from);
    vv_block_name(id, to);
    int result = env->ops->rename(env->ctx, shard->place.directory, from, to);
    if (result == 0) {
        result = env->ops->sync_directory(env->ctx, shard->place.directory);
    }
    if (result != 0) {
        return vv_fail_io(error, vv_status_from_errno(-result), -result, to, 0,
                          "cannot give the new block its name %s", to);
    }
    return VARVE_OK;
}

/* Opens a block, verifies it and lets go of all that this has unpacked. */
static varve_status verify_block(struct vv_shard *shard, const char *name,
                                 const struct vv_block_info *info, varve_error *error)
{
    struct vv_block *block;
    uint64_t samples;
    VV_TRY(vv_block_open(shard->place.env, shard->place.directory, name, info, &block, error));
    varve_status status = vv_block_verify(block, report_damage, shard, &samples);
    if (status == VARVE_OK && samples != info->sample_count) {
        status = VARVE_CORRUPT;
    }
    vv_block_release(block);
    return status == VARVE_OK
               ? VARVE_OK
               : vv_fail(error, status, "a block that was just written does not read back");
}

varve_status vv_shard_finish_block(struct vv_shard *shard, struct vv_block_writer *writer,
                                   uint64_t id, struct vv_block **block, varve_error *error)
{
    struct vv_block_info info;
    struct vv_block *opened = NULL;
    char name[VV_BLOCK_NAME_BYTES];
    varve_status status = vv_block_writer_finish(writer, &info, error);
    vv_block_writer_destroy(writer);
    vv_block_name(id, name);
    if (status == VARVE_OK) {
        status = name_block(shard, id, error);
    }
    if (status == VARVE_OK) {
        status = verify_block(shard, name, &info, error);
    }
    if (status == VARVE_OK) {
        status =
            vv_block_open(shard->place.env, shard->place.directory, name, &info, &opened, error);
    }
    if (status != VARVE_OK) {
        remove_block_files(shard, id);
        return status;
    }
    vv_block_use_working_set(opened, shard->working_set);
    *block = opened;
    return VARVE_OK;
}

/* The order of the log. Of blocks that share its end and divide its time, the one with tombstones
 * stands first: they delete from what is before it, and the others are not. */
static int compare_infos(const struct vv_block_info *a, const struct vv_block_info *b)
{
    const struct vv_block_identity *left = &a->identity, *right = &b->identity;
    if (left->lsn_max != right->lsn_max) {
        return left->lsn_max < right->lsn_max ? -1 : 1;
    }
    if ((a->tombstone_count > 0) != (b->tombstone_count > 0)) {
        return a->tombstone_count > 0 ? -1 : 1;
    }
    return (left->id > right->id) - (left->id < right->id);
}

static int compare_listed(const void *a, const void *b)
{
    return compare_infos(a, b);
}

static int compare_opened(const void *a, const void *b)
{
    return compare_infos(vv_block_info(*(struct vv_block *const *)a),
                         vv_block_info(*(struct vv_block *const *)b));
}

static bool contains(const uint64_t *ids, size_t count, uint64_t id)
{
    for (size_t i = 0; i < count; i++) {
        if (ids[i] == id) {
            return true;
        }
    }
    return false;
}

static bool is_removed(const struct vv_publication *change, uint64_t id)
{
    return contains(change->removed, change->removed_count, id);
}

/* The rollups after the change. */
static varve_status next_rollups(const struct vv_manifest *now, const struct vv_publication *change,
                                 struct vv_manifest *next)
{
    if (!change->has_rollups) {
        return vv_manifest_copy_rollups(next, now->rollups, now->rollup_count);
    }
    next->rollup_sequence = change->rollup_count > 0 ? next->sequence : 0;
    return vv_manifest_copy_rollups(next, change->rollups, change->rollup_count);
}

/* The manifest after the change; its block list is new. Quarantined blocks stay listed. */
static varve_status next_manifest(struct vv_shard *shard, const struct vv_publication *change,
                                  struct vv_manifest *next)
{
    const struct vv_manifest *now = &shard->manifest;
    *next = *now;
    next->sequence++;
    next->wal_start_lsn = change->wal_start_lsn != 0 ? change->wal_start_lsn : now->wal_start_lsn;
    next->wal_sequence = atomic_load(&shard->wal.sequence_max);
    next->block_count = 0;
    next->blocks = NULL;
    next->rules = NULL;
    next->rule_count = 0;
    VV_TRY(next_rollups(now, change, next));
    if (change->has_rules) {
        VV_TRY(vv_manifest_copy_rules(next, change->rules, change->rule_count));
    } else {
        VV_TRY(vv_manifest_copy_rules(next, now->rules, now->rule_count));
    }
    next->blocks =
        vv_alloc_zeroed(now->block_count + change->added_count + 1, sizeof(*next->blocks));
    if (next->blocks == NULL) {
        return VARVE_NO_MEMORY;
    }
    for (size_t i = 0; i < now->block_count; i++) {
        const struct vv_block_info *block = &now->blocks[i];
        if (!is_removed(change, block->identity.id)) {
            struct vv_block_info *copy = &next->blocks[next->block_count++];
            *copy = *block;
            if (contains(change->cleaned, change->cleaned_count, block->identity.id)) {
                copy->clean_lsn = change->cleaned_lsn;
            }
        }
    }
    for (size_t i = 0; i < change->added_count; i++) {
        struct vv_block_info *copy = &next->blocks[next->block_count++];
        *copy = *vv_block_info(change->added[i]);
        copy->clean_lsn = change->added_clean_lsn;
    }
    qsort(next->blocks, next->block_count, sizeof(*next->blocks), compare_listed);
    return VARVE_OK;
}

/* The view after the change, with references of its own to the blocks that stay. */
static varve_status next_view(const struct vv_view *view, const struct vv_publication *change,
                              struct vv_view **next)
{
    size_t count = 0;
    struct vv_block **blocks =
        vv_alloc_zeroed(view->block_count + change->added_count + 1, sizeof(struct vv_block *));
    if (blocks == NULL) {
        return VARVE_NO_MEMORY;
    }
    for (size_t i = 0; i < view->block_count; i++) {
        if (!is_removed(change, vv_block_info(view->blocks[i])->identity.id)) {
            blocks[count++] = view->blocks[i];
            vv_block_acquire(view->blocks[i]);
        }
    }
    for (size_t i = 0; i < change->added_count; i++) {
        blocks[count++] = change->added[i];
    }
    qsort(blocks, count, sizeof(struct vv_block *), compare_opened);
    uint64_t generation =
        change->flushed_generation != 0 ? change->flushed_generation : view->flushed_generation;
    varve_status status = vv_view_create(blocks, count, generation, next);
    for (size_t i = 0; status != VARVE_OK && i < view->block_count; i++) {
        if (!is_removed(change, vv_block_info(view->blocks[i])->identity.id)) {
            vv_block_release(view->blocks[i]);
        }
    }
    vv_free(blocks);
    return status;
}

/* Those of all series that have been put into order: new ones if there are more of them. Without
 * memory those of before do. */
static struct vv_series_ranks *next_ranks(const struct vv_shard *shard, const struct vv_view *view)
{
    const uint32_t *order = (const uint32_t *)(const void *)shard->order_buffer.bytes;
    size_t count = shard->order_buffer.length / sizeof(*order);
    struct vv_series_ranks *ranks = NULL;
    if (count > (view->ranks != NULL ? view->ranks->count : 0)) {
        ranks = vv_series_ranks_create(order, count);
    }
    return ranks != NULL ? ranks : vv_series_ranks_acquire(view->ranks);
}

static void remove_replaced(struct vv_shard *shard, const struct vv_publication *change)
{
    const struct vv_env *env = shard->place.env;
    for (size_t i = 0; i < change->removed_count; i++) {
        char name[VV_BLOCK_NAME_BYTES];
        vv_block_name(change->removed[i], name);
        int result = env->ops->unlink(env->ctx, shard->place.directory, name);
        if (result != 0) {
            vv_report(shard->report, VARVE_EVENT_IO_ERROR, vv_status_from_errno(-result), name, 0,
                      "cannot remove the replaced block %s (errno %d); the next open does", name,
                      -result);
        }
    }
}

/* The rules after the change, compiled, with references. */
static varve_status next_rules(struct vv_shard *shard, const struct vv_view *view,
                               const struct vv_publication *change,
                               const struct vv_manifest *manifest, struct vv_retention **retention,
                               struct vv_rollup_rules **rollups, varve_error *error)
{
    if (!change->has_rollups) {
        *rollups = vv_rollup_rules_acquire(shard->rollups);
    } else {
        VV_TRY(vv_rollup_rules_create(manifest->rollups, manifest->rollup_count,
                                      manifest->rollup_sequence, rollups, error));
    }
    if (!change->has_rules) {
        *retention = vv_retention_acquire(view->retention);
        return VARVE_OK;
    }
    return vv_retention_create(change->rules, change->rule_count, retention, error);
}

/* What is the truth on the disk becomes so here. */
static void install(struct vv_shard *shard, const struct vv_manifest *manifest,
                    struct vv_view *view, struct vv_rollup_rules *rollups)
{
    atomic_store(&shard->floor_highest, vv_retention_highest_floor(view->retention));
    vv_view_publish(&shard->views, view);
    vv_manifest_fini(&shard->manifest);
    shard->manifest = *manifest;
    vv_rollup_rules_release(shard->rollups);
    shard->rollups = rollups;
    atomic_store(&shard->wal_start_lsn, manifest->wal_start_lsn);
    atomic_store(&shard->block_bytes, vv_manifest_block_bytes(manifest));
}

varve_status vv_shard_publish(struct vv_shard *shard, const struct vv_publication *change,
                              varve_error *error)
{
    struct vv_view *view = vv_view_acquire(&shard->views), *next = NULL;
    struct vv_manifest manifest = {0};
    struct vv_retention *retention = NULL;
    struct vv_rollup_rules *rollups = NULL;
    bool borrowed = false;
    varve_status status = next_manifest(shard, change, &manifest);
    if (status == VARVE_OK) {
        status = next_rules(shard, view, change, &manifest, &retention, &rollups, error);
    }
    if (status == VARVE_OK) {
        status = next_view(view, change, &next);
    }
    if (status == VARVE_OK) {
        next->retention = retention;
        next->ranks = next_ranks(shard, view);
    } else {
        vv_retention_release(retention);
    }
    for (size_t i = 0; i < change->added_count && status == VARVE_OK; i++) {
        vv_head_note_blocks(&shard->head, vv_block_info(change->added[i])->time_max);
    }
    if (status != VARVE_OK) {
        status = vv_fail(error, status, "out of memory while a block was published");
    } else {
        status = vv_manifest_store(&shard->place, &manifest, error);
        if (vv_shard_borrow(shard, status, error)) {
            status = vv_manifest_store(&shard->place, &manifest, error);
            borrowed = true;
        }
    }
    if (status == VARVE_OK) {
        install(shard, &manifest, next, rollups);
        remove_replaced(shard, change);
        vv_wal_drop(&shard->wal, manifest.wal_start_lsn);
    } else {
        shard->publish_unknown |= status == VARVE_UNKNOWN;
        vv_rollup_rules_release(rollups);
        vv_manifest_fini(&manifest);
        for (size_t i = 0; next != NULL && i < change->added_count; i++) {
            vv_block_acquire(change->added[i]); /* the view gives its own references back */
        }
        if (next != NULL) {
            vv_view_discard(next);
        }
        discard_blocks(shard, change->added, change->added_count, status != VARVE_UNKNOWN); /* B3 */
    }
    vv_view_release(&shard->views, view);
    if (borrowed) {
        vv_shard_give_back(shard);
    } else {
        vv_shard_fill_reserve(shard);
    }
    return status;
}
