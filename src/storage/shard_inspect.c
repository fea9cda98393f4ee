/*
 * shard_inspect.c - what a shard holds, and whether all of it is intact.
 *
 * Reads only. Thread: any.
 */
#include <stdio.h>

#include "mmap/block_access.h"
#include "os/alloc.h"
#include "storage/shard.h"

static void add_times(varve_statistics *statistics, int64_t time_min, int64_t time_max, bool *any)
{
    if (time_min > time_max) {
        return;
    }
    if (!*any || time_min < statistics->time_min) {
        statistics->time_min = time_min;
    }
    if (!*any || time_max > statistics->time_max) {
        statistics->time_max = time_max;
    }
    *any = true;
}

void vv_shard_statistics(struct vv_shard *shard, varve_statistics *statistics)
{
    struct vv_view *view = vv_view_acquire(&shard->views);
    bool any = statistics->samples > 0;
    uint64_t flushed_samples = 0;
    for (size_t i = 0; i < view->block_count; i++) {
        const struct vv_block_info *info = vv_block_info(view->blocks[i]);
        statistics->blocks++;
        statistics->block_bytes += info->file_bytes;
        statistics->rollup_blocks += info->identity.rollup_sequence != 0;
        if (info->identity.cold) {
            statistics->cold_blocks++;
            statistics->cold_samples += info->sample_count;
            statistics->cold_bytes += info->file_bytes;
        }
        statistics->often_read_blocks +=
            vv_block_turns_read(view->blocks[i]) >= VV_BLOCK_READ_OFTEN;
        statistics->rollup_bytes += info->rollup_bytes;
        flushed_samples += info->sample_count;
        add_times(statistics, info->time_min, info->time_max, &any);
    }
    struct vv_head_figures head = VV_HEAD_FIGURES_NONE; /* of what no block of the view has */
    bool is_empty = atomic_load(&shard->head.samples) == 0;
    uint32_t count = is_empty ? 0 : vv_series_table_count(shard->table);
    for (uint32_t ref = 0; ref < count; ref++) {
        vv_head_measure(&shard->head, ref, view->flushed_generation, &head);
    }
    vv_view_release(&shard->views, view);
    add_times(statistics, head.range.start, head.range.end, &any);
    uint64_t wal_segments, wal_bytes;
    vv_wal_size(&shard->wal, &wal_segments, &wal_bytes);
    statistics->head_samples += head.samples;
    statistics->sealed_samples += head.sealed_samples;
    statistics->sealed_bytes += head.sealed_bytes;
    statistics->head_bytes += atomic_load(&shard->head.bytes);
    statistics->samples += flushed_samples + head.samples;
    statistics->wal_segments += wal_segments;
    statistics->wal_bytes += wal_bytes;
    statistics->lsn = vv_wal_end(&shard->wal);
    statistics->durable_lsn = atomic_load(&shard->wal.durable_lsn);
    statistics->damaged += atomic_load(&shard->damages);
    statistics->idle_seals += atomic_load(&shard->idle.sealed_count);
    statistics->cooled_blocks += atomic_load(&shard->cooled_blocks);
    statistics->warmed_blocks += atomic_load(&shard->warmed_blocks);
    struct vv_working_set_figures figures = vv_working_set_figures(shard->working_set);
    statistics->cache_hits += figures.hits;
    statistics->cache_misses += figures.misses;
    statistics->cache_evictions += figures.evictions;
    statistics->cache_bytes += figures.bytes;
    statistics->relogged += atomic_load(&shard->wal.relogged);
}

/* ------------------------------------------------------------------------------ verify */

struct verification {
    struct vv_shard *shard;
    const struct vv_report *report;
    varve_check_report *figures;
    char file[VV_BLOCK_NAME_BYTES]; /* being verified */
};

static void block_damage(void *context, uint64_t offset, const char *message)
{
    struct verification *verification = context;
    vv_report(verification->report, VARVE_EVENT_DAMAGE, VARVE_CORRUPT, verification->file, offset,
              "%s: %s", verification->file, message);
}

static bool has_suffix(const char *name, const char *suffix)
{
    size_t length = strlen(name), suffix_length = strlen(suffix);
    return length >= suffix_length && strcmp(name + length - suffix_length, suffix) == 0;
}

/* Counts a file of the directory and says whether it is one that should not be there. */
static int inspect_name(void *visitor, const char *name)
{
    struct verification *verification = visitor;
    const struct vv_shard_place *place = &verification->shard->place;
    if (strcmp(name, VV_RESERVE_NAME) == 0) {
        return 0; /* nothing in it counts */
    }
    int file = place->env->ops->open(place->env->ctx, place->directory, name, VV_OPEN_READ);
    struct vv_file_status file_status = {0};
    if (file >= 0) {
        (void)place->env->ops->stat(place->env->ctx, file, &file_status);
        (void)place->env->ops->close(place->env->ctx, file);
    }
    verification->figures->files++;
    verification->figures->bytes += file_status.size;
    if (has_suffix(name, ".damaged")) {
        vv_report(verification->report, VARVE_EVENT_DAMAGE, VARVE_CORRUPT, name, 0,
                  "%s was set aside because acknowledged data in it could not be read", name);
    } else if (vv_is_aside_name(name) ||
               (vv_is_block_name(name) &&
                !vv_manifest_lists(&verification->shard->manifest, name) &&
                vv_shard_is_beyond_log(verification->shard, name))) {
        vv_report(verification->report, VARVE_EVENT_DAMAGE, VARVE_CORRUPT, name, 0,
                  "%s has data beyond the end of the log, which the manifest does not know: both "
                  "are older than it",
                  name);
    } else if (has_suffix(name, ".tmp") ||
               (vv_is_block_name(name) &&
                !vv_manifest_lists(&verification->shard->manifest, name))) {
        vv_report(verification->report, VARVE_EVENT_NOTE, VARVE_OK, name, 0,
                  "%s is left over from work that was interrupted; the next writer removes it",
                  name);
    }
    return 0;
}

varve_status vv_shard_verify(struct vv_shard *shard, const struct vv_report *report,
                             varve_check_report *figures)
{
    struct verification verification = {.shard = shard, .report = report, .figures = figures};
    struct vv_view *view = vv_view_acquire(&shard->views);
    varve_status status = VARVE_OK;
    for (size_t i = 0; i < view->block_count; i++) {
        uint64_t samples = 0;
        vv_block_name(vv_block_info(view->blocks[i])->identity.id, verification.file);
        varve_status block_status =
            vv_block_verify(view->blocks[i], block_damage, &verification, &samples);
        figures->samples += samples;
        status = vv_first(status, block_status);
    }
    vv_view_release(&shard->views, view);
    figures->samples += atomic_load(&shard->head.samples);
    const struct vv_env *env = shard->place.env;
    int listed = env->ops->list(env->ctx, shard->place.directory, inspect_name, &verification);
    return vv_first(status, listed == 0 ? VARVE_OK : vv_status_from_errno(-listed));
}
