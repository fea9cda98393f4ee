/*
 * storage_impl.c - opening, recovering and closing a shard.
 *
 *   manifest -> blocks mapped -> log replayed into the head (shard_recover.c)
 *            -> (a writer:) leftovers swept
 *
 * O1  Recovery writes nothing before it is finished; sweeping and the first new log segment come
 *     after.
 * O2  A block that cannot be opened is quarantined: it stays listed and on disk, is reported at
 *     every open, and everything else is served.
 * O3  A reader beside a writer starts again when the manifest changed under it: what it read
 *     together belongs together.
 * O4  What is swept is what the manifest that was read does not need. Its name is made durable
 *     before: whoever replaced it may have been killed, or told that he failed, just before that.
 * Thread: one, before anybody else has the handle.
 */
#include "storage/storage_impl.h"

#include <errno.h>

#include "os/alloc.h"
#include "storage/shard.h"
#include "storage/upkeep/shard_retain.h"

enum {
    READER_TRIES = 20,
    DAMAGE_TRIES = 4,
};

varve_status vv_shard_create(const struct vv_shard_place *place, varve_error *error)
{
    struct vv_manifest manifest = {
        .sequence = 1, .wal_start_lsn = VV_WAL_FIRST_LSN, .next_block_id = 1};
    return vv_manifest_store(place, &manifest, error);
}

/* ------------------------------------------------------------------------------ blocks */

/* Opens one listed block, and adds to info what the manifest does not say; *block stays NULL if it
 * is quarantined. */
static varve_status open_block(struct vv_shard *shard, struct vv_block_info *info,
                               struct vv_block **block, varve_error *error)
{
    char name[VV_BLOCK_NAME_BYTES];
    varve_error detail = {0};
    vv_block_name(info->identity.id, name);
    varve_status status =
        vv_block_open(shard->place.env, shard->place.directory, name, info, block, &detail);
    bool damaged = status == VARVE_CORRUPT || status == VARVE_NOT_FOUND || status == VARVE_IO;
    if (status == VARVE_OK) {
        vv_block_use_working_set(*block, shard->working_set);
        info->identity.rollup_sequence = vv_block_info(*block)->identity.rollup_sequence;
        info->rollup_bytes = vv_block_info(*block)->rollup_bytes;
        return status;
    }
    if (!damaged || shard->options.strict) {
        detail.status = status == VARVE_NOT_FOUND ? VARVE_CORRUPT : status;
        return vv_fail_with(error, &detail);
    }
    *block = NULL;
    atomic_fetch_add(&shard->damages, 1);
    atomic_store(&shard->has_quarantined, true);
    if (status == VARVE_IO) {
        atomic_store(&shard->has_unreadable, true);
    }
    vv_report(shard->report, VARVE_EVENT_DAMAGE, VARVE_CORRUPT, name, detail.offset,
              "%s; it is set aside with %llu samples of %llu series", detail.message,
              (unsigned long long)info->sample_count, (unsigned long long)info->series_count);
    return VARVE_OK;
}

static varve_status open_blocks(struct vv_shard *shard, varve_error *error)
{
    size_t count = 0;
    struct vv_block **blocks =
        vv_alloc_zeroed(shard->manifest.block_count + 1, sizeof(struct vv_block *));
    if (blocks == NULL) {
        return vv_fail(error, VARVE_NO_MEMORY, "no memory for the list of blocks");
    }
    varve_status status = VARVE_OK;
    for (size_t i = 0; i < shard->manifest.block_count && status == VARVE_OK; i++) {
        struct vv_block *block = NULL;
        vv_head_note_blocks(&shard->head, shard->manifest.blocks[i].time_max);
        status = open_block(shard, &shard->manifest.blocks[i], &block, error);
        if (status == VARVE_OK && block != NULL) {
            blocks[count++] = block;
        }
    }
    if (status == VARVE_OK) {
        status = vv_view_set_init(&shard->views, shard->epoch, blocks, count);
    }
    if (status == VARVE_OK) {
        status = vv_retention_create(shard->manifest.rules, shard->manifest.rule_count,
                                     &shard->views.current->retention, error);
        if (status != VARVE_OK) {
            vv_view_set_fini(&shard->views);
            count = 0; /* the blocks were the view's */
        } else {
            atomic_store(&shard->floor_highest,
                         vv_retention_highest_floor(shard->views.current->retention));
        }
    }
    for (size_t i = 0; i < count && status != VARVE_OK; i++) {
        vv_block_release(blocks[i]);
    }
    vv_free(blocks);
    return status;
}

/* ------------------------------------------------------------------------------- sweep */

static int sweep_name(void *visitor, const char *name)
{
    struct vv_shard *shard = visitor;
    bool leftover = (vv_is_block_name(name) && !vv_manifest_lists(&shard->manifest, name)) ||
                    strcmp(name, VV_MANIFEST_NAME ".tmp") == 0;
    if (vv_wal_is_spare_name(name)) { /* a process that was killed had it */
        (void)shard->place.env->ops->unlink(shard->place.env->ctx, shard->place.directory, name);
    } else if (leftover && vv_is_block_name(name) && vv_shard_is_beyond_log(shard, name)) {
        vv_shard_set_aside(shard, name);
    } else if (leftover) {
        const struct vv_env *env = shard->place.env;
        vv_report(shard->report, VARVE_EVENT_NOTE, VARVE_OK, name, 0,
                  "removed %s, left over from work that was interrupted", name);
        (void)env->ops->unlink(env->ctx, shard->place.directory, name);
    }
    return 0;
}

/* ------------------------------------------------------------------------ open and close */

/* Gives back everything but the directory; the log's files are closed as they are. */
static void release(struct vv_shard *shard, bool has_views, bool has_wal)
{
    if (has_wal) {
        vv_wal_fini(&shard->wal);
    }
    if (shard->head.pages != NULL) {
        uint32_t count = vv_series_table_count(shard->table);
        for (uint32_t ref = 0; ref < count; ref++) {
            (void)vv_head_drop(&shard->head, ref, UINT64_MAX);
        }
    }
    vv_head_fini(&shard->head);
    if (has_views) {
        vv_view_set_fini(&shard->views);
    }
    vv_series_table_destroy(shard->table);
    vv_working_set_destroy(shard->working_set);
    vv_epoch_destroy(shard->epoch);
    vv_rollup_rules_release(shard->rollups);
    vv_manifest_fini(&shard->manifest);
    vv_buffer_fini(&shard->order_buffer);
    vv_free(shard->idle.marks);
    vv_shard_writers_fini(shard);
    vv_reserve_fini(&shard->reserve);
    vv_mutex_fini(&shard->exclusive_mutex);
    vv_mutex_fini(&shard->maintenance_mutex);
    vv_free(shard);
}

static struct vv_shard *allocate(const struct vv_shard_place *place,
                                 const struct vv_shard_options *options,
                                 const struct vv_report *report)
{
    struct vv_shard *shard = vv_alloc_aligned(64, sizeof(*shard));
    if (shard == NULL) {
        return NULL;
    }
    memset(shard, 0, sizeof(*shard));
    shard->place = *place;
    shard->options = *options;
    shard->report = report;
    vv_reserve_init(&shard->reserve, &shard->place, report, options->reserve_bytes);
    vv_mutex_init(&shard->exclusive_mutex);
    vv_mutex_init(&shard->maintenance_mutex);
    vv_shard_writers_init(shard);
    return shard;
}

static void use_report(struct vv_shard *shard, const struct vv_report *report)
{
    shard->report = report;
    shard->wal.report = report;
    shard->reserve.report = report;
}

static varve_status open_once(const struct vv_shard_place *place,
                              const struct vv_shard_options *options,
                              const struct vv_report *report, struct vv_shard **opened,
                              varve_error *error)
{
    bool has_views = false, has_wal = false;
    struct vv_shard *shard = allocate(place, options, report);
    if (shard == NULL) {
        return vv_fail(error, VARVE_NO_MEMORY, "no memory to open a shard");
    }
    varve_status status = vv_manifest_load(place, &shard->manifest, error);
    if (status == VARVE_OK) {
        atomic_store(&shard->wal_start_lsn, shard->manifest.wal_start_lsn);
        atomic_store(&shard->block_bytes, vv_manifest_block_bytes(&shard->manifest));
        status = vv_epoch_create(&shard->epoch);
    }
    if (status == VARVE_OK) {
        status = vv_rollup_rules_create(shard->manifest.rollups, shard->manifest.rollup_count,
                                        shard->manifest.rollup_sequence, &shard->rollups, error);
    }
    if (status == VARVE_OK) {
        shard->table = vv_series_table_create(shard->epoch);
        shard->working_set = vv_working_set_create(shard->epoch, options->cache_bytes_max);
        status = shard->table == NULL || shard->working_set == NULL ? VARVE_NO_MEMORY : VARVE_OK;
    }
    if (status == VARVE_OK) {
        status = vv_head_init(&shard->head);
    }
    if (status == VARVE_OK) {
        status = open_blocks(shard, error);
        has_views = status == VARVE_OK;
    }
    if (status == VARVE_OK) {
        status = vv_shard_recover_log(shard, error);
        has_wal = status == VARVE_OK;
    }
    if (status != VARVE_OK) {
        release(shard, has_views, has_wal);
        return vv_fail(error, status, "cannot open the shard");
    }
    *opened = shard;
    return VARVE_OK;
}

/* Whether the manifest is still the one that the shard was opened from (O3). */
static varve_status check_unchanged(const struct vv_shard *shard, varve_error *error)
{
    struct vv_manifest now;
    VV_TRY(vv_manifest_load(&shard->place, &now, error));
    bool unchanged = now.sequence == shard->manifest.sequence;
    vv_manifest_fini(&now);
    return unchanged ? VARVE_OK : VARVE_BUSY;
}

/* One try of a reader; what it has to report is told only if it counts. BUSY: it was overtaken, or
 * met what may be bytes that a writer is just writing, unless damage is to be believed. */
static varve_status try_reader(const struct vv_shard_place *place,
                               const struct vv_shard_options *options,
                               const struct vv_report *report, bool believe_damage,
                               struct vv_shard **shard, varve_error *error)
{
    struct vv_report_keeper keeper;
    struct vv_shard *opened = NULL;
    vv_report_keeper_init(&keeper);
    varve_status status = open_once(place, options, &keeper.report, &opened, error);
    if (status == VARVE_OK) {
        status = check_unchanged(opened, error);
    }
    if (status == VARVE_OK && atomic_load(&opened->damages) > 0 && !believe_damage) {
        status = VARVE_BUSY;
    }
    if (status == VARVE_OK && vv_report_keeper_tell(&keeper, report) != VARVE_OK) {
        status = vv_fail(error, VARVE_NO_MEMORY, "no memory to open a shard");
    }
    vv_report_keeper_fini(&keeper);
    if (status == VARVE_OK) {
        use_report(opened, report);
        *shard = opened;
    } else if (opened != NULL) {
        release(opened, true, true);
    }
    return status;
}

static varve_status open_reader(const struct vv_shard_place *place,
                                const struct vv_shard_options *options,
                                const struct vv_report *report, struct vv_shard **shard,
                                varve_error *error)
{
    for (int i = 0;; i++) {
        varve_error detail = {0};
        varve_status status =
            try_reader(place, options, report, i + 1 >= DAMAGE_TRIES, shard, &detail);
        if (status == VARVE_OK) {
            return status;
        }
        if ((status != VARVE_BUSY && status != VARVE_CORRUPT) || i + 1 == READER_TRIES) {
            return detail.status != VARVE_OK
                       ? vv_fail_with(error, &detail)
                       : vv_fail(error, status,
                                 "the writer changes the database all the time: try again");
        }
        place->env->ops->sleep_ns(place->env->ctx, 1000000LL << (i < 6 ? i : 6));
    }
}

varve_status vv_shard_open(const struct vv_shard_place *place,
                           const struct vv_shard_options *options, const struct vv_report *report,
                           struct vv_shard **shard, varve_error *error)
{
    if (options->read_only) {
        return open_reader(place, options, report, shard, error);
    }
    struct vv_shard *opened;
    VV_TRY(open_once(place, options, report, &opened, error));
    int result = place->env->ops->sync_directory(place->env->ctx, place->directory); /* O4 */
    if (result != 0) {
        release(opened, true, true);
        return vv_fail_io(error, vv_status_from_errno(-result), -result, VV_MANIFEST_NAME, 0,
                          "the name of the manifest cannot be made durable");
    }
    *shard = opened;
    (void)place->env->ops->list(place->env->ctx, place->directory, sweep_name, *shard);
    vv_wal_drop(&(*shard)->wal, (*shard)->manifest.wal_start_lsn);
    vv_shard_fill_reserve(*shard);
    return VARVE_OK;
}

bool vv_shard_is_pinned(struct vv_shard *shard)
{
    return vv_view_set_is_pinned(&shard->views);
}

varve_status vv_shard_close(struct vv_shard *shard, varve_error *error)
{
    varve_status status = VARVE_OK;
    if (!shard->options.read_only) {
        if (vv_shard_closes_with_flush(shard)) {
            vv_mutex_lock(&shard->maintenance_mutex);
            /* Failing costs nothing but the time of the next open: the log has it all. */
            varve_status flushed = vv_shard_flush_head(shard, NULL);
            (void)flushed;
            vv_mutex_unlock(&shard->maintenance_mutex);
        }
        uint64_t end_lsn = vv_wal_end(&shard->wal);
        uint64_t start_lsn = atomic_load(&shard->wal_start_lsn);
        if (end_lsn > start_lsn && vv_wal_flush(&shard->wal, end_lsn, VV_WAL_DURABLE) == VARVE_OK) {
            vv_shard_mark_log(shard);
        }
        status = vv_wal_close(&shard->wal, start_lsn);
        vv_shard_shrink_reserve(shard);
        if (status != VARVE_OK) {
            status = vv_fail(error, status,
                             "the log could not be made durable when the database was closed");
        }
    }
    release(shard, true, true);
    return status;
}

/* What is due but for a flush. */
static varve_status maintain_blocks(struct vv_shard *shard, bool *worked, varve_error *error)
{
    VV_TRY(vv_shard_apply_retention(shard, worked, error));
    return *worked ? VARVE_OK : vv_shard_merge_due(shard, worked, error);
}

varve_status vv_shard_maintain(struct vv_shard *shard, bool *worked, varve_error *error)
{
    *worked = false;
    if (shard->options.read_only || atomic_load(&shard->wal.failed) ||
        atomic_load(&shard->head_lacks)) {
        return VARVE_OK;
    }
    vv_series_table_make_room(shard->table);
    vv_mutex_lock(&shard->maintenance_mutex);
    varve_status status = VARVE_OK;
    if (vv_shard_drop_flushed(shard)) {
        *worked = true;
    } else if (vv_shard_flush_is_due(shard)) {
        *worked = true;
        status = vv_shard_flush_head(shard, error);
    } else {
        *worked = vv_shard_seal_idle(shard, VV_IDLE_NS);
    }
    bool is_full = status == VARVE_NO_SPACE; /* of what retention may free */
    if (!*worked || is_full) {
        bool freed = false;
        varve_status other = maintain_blocks(shard, &freed, is_full ? NULL : error);
        if (!is_full) {
            status = other;
            *worked = freed;
        } else if (other == VARVE_OK && freed) {
            vv_error_clear(error);
            status = VARVE_OK; /* another try will do */
        }
    }
    if (status == VARVE_NO_SPACE) {
        vv_wal_remove_spares(&shard->wal); /* for the next try */
    }
    if (status == VARVE_CANCELLED) {
        status = VARVE_OK; /* the next opening does it */
    }
    vv_mutex_unlock(&shard->maintenance_mutex);
    return status;
}
