/*
 * salvage.c - the best database that can be made out of a damaged one.
 *
 *   SRC, only read --> PATH.varve-new { shard salvaged, varve.db } --> PATH
 *
 * A lost varve.db is made again: the uuid is that which the shard's files bear, the rest are
 * defaults (the policies of the samples stand beside them, in blocks and log).
 * Thread: any.
 */
#include "engine/salvage.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "engine/database.h"
#include "engine/directory.h"
#include "storage/copy/shard_salvage.h"

/* Where findings go. */
struct findings {
    varve_finding_function found;
    void *context;
    varve_salvage_report *figures;
};

static void tell(void *context, varve_event_kind kind, varve_status status, const char *file,
                 uint64_t offset, const char *message)
{
    struct findings *findings = context;
    (void)status;
    if (kind == VARVE_EVENT_RECOVERED) {
        return;
    }
    bool is_damage = kind != VARVE_EVENT_NOTE;
    findings->figures->damages += is_damage;
    findings->figures->notes += !is_damage;
    vv_tell_finding(findings->found, findings->context, is_damage, file, offset, message);
}

/* Opens the shard's folder; NOT_FOUND: source is missing or was never a database. */
static varve_status open_source(const struct vv_env *env, const char *source, int *shard_directory,
                                varve_error *error)
{
    char clean[VV_PATH_BYTES_MAX], path[VV_PATH_BYTES_MAX + VV_PATH_SUFFIX_BYTES];
    char name[VV_SHARD_DIRECTORY_BYTES];
    VV_TRY(vv_path_clean(source, clean, error));
    vv_shard_directory_name(0, name);
    (void)snprintf(path, sizeof(path), "%s/%s", clean, name);
    int directory = env->ops->open_directory(env->ctx, path);
    if (directory == -ENOENT || directory == -ENOTDIR) {
        return vv_fail(error, VARVE_NOT_FOUND,
                       "%s is no varve database: it has no folder %s, so there is nothing to "
                       "salvage",
                       source, name);
    }
    if (directory < 0) {
        return vv_fail_io(error, vv_status_from_errno(-directory), -directory, path, 0,
                          "cannot be opened");
    }
    *shard_directory = directory;
    return VARVE_OK;
}

/* What the database is: from varve.db, or from what is left (see above). */
static varve_status find_identity(const struct vv_env *env, const char *source,
                                  const struct vv_shard_place *place,
                                  const struct vv_report *report,
                                  struct vv_database_identity *identity, varve_error *error)
{
    int directory;
    varve_error detail = {0};
    varve_status status = vv_database_identify(env, source, &directory, identity, &detail);
    if (status == VARVE_OK) {
        (void)env->ops->close(env->ctx, directory);
        identity->is_snapshot = false;
        identity->snapshot_lsn = 0;
        return VARVE_OK;
    }
    if (status == VARVE_NO_MEMORY) {
        return vv_fail_with(error, &detail);
    }
    /* A newer version, too, may be a damaged number; if it is none, the files are newer as well. */
    *identity = (struct vv_database_identity){
        .shard_count = 1, .sync = VARVE_SYNC_PERIODIC, .duplicates = VARVE_DUPLICATES_LAST};
    vv_report(report, VARVE_EVENT_DAMAGE, VARVE_CORRUPT, NULL, 0,
              "%s is lost or damaged: it is made again with sync mode periodic and duplicate "
              "policy last",
              VV_DATABASE_FILE_NAME);
    status = vv_shard_salvage_uuid(place, identity->uuid);
    return status == VARVE_OK
               ? status
               : vv_fail(error, status, "nothing in %s can be read: there is nothing to salvage",
                         source);
}

static varve_status fill(const struct vv_aside *aside, const struct vv_database_identity *identity,
                         struct vv_shard_salvage *salvage, varve_error *error)
{
    const struct vv_env *env = aside->env;
    char name[VV_SHARD_DIRECTORY_BYTES];
    vv_shard_directory_name(0, name);
    VV_TRY(vv_aside_make_folder(aside, name, &salvage->to, error));
    varve_status status = vv_shard_salvage(salvage, error);
    (void)env->ops->close(env->ctx, salvage->to);
    VV_TRY(status);
    int result = vv_database_identity_write(env, aside->directory, identity);
    return result == 0 ? VARVE_OK
                       : vv_fail_io(error, vv_status_from_errno(-result), -result,
                                    aside->final_path, 0, "cannot be written");
}

static varve_status make(const struct vv_env *env, const char *path,
                         const struct vv_database_identity *identity,
                         struct vv_shard_salvage *salvage, varve_error *error)
{
    struct vv_aside aside;
    VV_TRY(vv_aside_begin(env, path, &aside, error));
    varve_status status = fill(&aside, identity, salvage, error);
    if (status != VARVE_OK) {
        vv_aside_abandon(&aside);
        return status;
    }
    return vv_aside_publish(&aside, false, error);
}

varve_status vv_database_salvage(const struct vv_env *env, const char *source, const char *path,
                                 varve_finding_function found, void *context,
                                 varve_salvage_report *figures, varve_error *error)
{
    *figures = (varve_salvage_report){0};
    struct findings findings = {found, context, figures};
    struct vv_report report = {tell, &findings};
    struct vv_database_identity identity;
    struct vv_file_status file_status;
    struct vv_shard_salvage salvage = {.from.env = env, .report = &report};
    VV_TRY(open_source(env, source, &salvage.from.directory, error));
    varve_status status = VARVE_OK;
    if (env->ops->stat_path(env->ctx, path, &file_status) != -ENOENT) {
        status = vv_fail(error, VARVE_EXISTS,
                         "%s exists already: name a path for the database that does not", path);
    }
    if (status == VARVE_OK) {
        status = find_identity(env, source, &salvage.from, &report, &identity, error);
    }
    if (status == VARVE_OK) {
        memcpy(salvage.from.database_uuid, identity.uuid, sizeof(identity.uuid));
        salvage.duplicates = identity.duplicates;
        status = make(env, path, &identity, &salvage, error);
    }
    (void)env->ops->close(env->ctx, salvage.from.directory);
    figures->files = salvage.files;
    figures->bytes = salvage.bytes;
    figures->blocks = salvage.blocks;
    figures->blocks_damaged = salvage.blocks_damaged;
    figures->blocks_lost = salvage.blocks_lost;
    figures->samples = salvage.samples;
    figures->samples_lost = salvage.samples_lost;
    return status;
}

varve_status varve_salvage(const char *source, const char *path, varve_finding_function found,
                           void *context, varve_salvage_report *report, varve_error *error)
{
    vv_error_clear(error);
    return vv_database_salvage(vv_env_posix(), source, path, found, context, report, error);
}
