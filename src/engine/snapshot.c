/*
 * snapshot.c - copies of a database at one moment, and databases made from them.
 *
 *   snapshot: DEST.varve-new { shards copied, blocks linked, varve.db says "snapshot" } -> DEST
 *   restore:  DB.varve-new { shards copied, every byte verified, varve.db } -> DB
 *
 * S1  What gets a name is complete and synced (directory.h); varve.db, without which nothing is a
 *     database, is written last.
 * S2  Only a snapshot of the same database that is not newer, and that nobody has written to, is
 *     ever replaced.
 * Thread: any; the destination is locked against others while it is made.
 */
#include "engine/snapshot.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "engine/database.h"
#include "engine/directory.h"
#include "storage/copy/shard_copy.h"

/* The options in full, whatever version of them the caller knows. */
static varve_status complete_options(const varve_copy_options *given, varve_copy_options *options,
                                     varve_error *error)
{
    *options = (varve_copy_options)VARVE_COPY_OPTIONS_INIT;
    if (given == NULL) {
        return VARVE_OK;
    }
    if (given->options_size < sizeof(size_t) || given->options_size > sizeof(*options)) {
        return vv_fail(error, VARVE_INVALID,
                       "options_size is %zu: fill the options with VARVE_COPY_OPTIONS_INIT",
                       given->options_size);
    }
    memcpy(options, given, given->options_size);
    return VARVE_OK;
}

static void tell(const struct vv_shard_copy *copy, varve_copy_report *report)
{
    *report = (varve_copy_report){
        .lsn = copy->lsn,
        .blocks = copy->blocks,
        .blocks_linked = copy->blocks_linked,
        .bytes = copy->bytes,
        .bytes_copied = copy->bytes_copied,
    };
}

/* ----------------------------------------------------------------------------- snapshot */

/* What stands where the snapshot is to be. */
struct previous {
    bool exists;
    struct vv_database_identity identity;
    int directory;       /* -1: none */
    int shard_directory; /* -1: none */
    int lock_file;       /* -1: none */
};

static void close_previous(const struct vv_env *env, struct previous *previous)
{
    int files[] = {previous->shard_directory, previous->directory};
    if (previous->lock_file >= 0) {
        vv_env_close_locked(env, previous->lock_file);
    }
    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
        if (files[i] >= 0) {
            (void)env->ops->close(env->ctx, files[i]);
        }
    }
}

static int open_shard_folder(const struct vv_env *env, const char *path)
{
    char clean[VV_PATH_BYTES_MAX], shard_path[VV_PATH_BYTES_MAX + VV_PATH_SUFFIX_BYTES];
    char name[VV_SHARD_DIRECTORY_BYTES];
    if (vv_path_clean(path, clean, NULL) != VARVE_OK) {
        return -EINVAL;
    }
    vv_shard_directory_name(0, name);
    (void)snprintf(shard_path, sizeof(shard_path), "%s/%s", clean, name);
    return env->ops->open_directory(env->ctx, shard_path);
}

/* Whether there is an older snapshot of the database at path; anything else is EXISTS (S2). */
static varve_status find_previous(const struct vv_env *env, const char *path,
                                  const struct vv_database_identity *identity,
                                  struct previous *previous, varve_error *error)
{
    struct vv_file_status file_status;
    *previous = (struct previous){.directory = -1, .shard_directory = -1, .lock_file = -1};
    if (env->ops->stat_path(env->ctx, path, &file_status) == -ENOENT) {
        return VARVE_OK;
    }
    previous->exists = true;
    varve_status status =
        vv_database_identify(env, path, &previous->directory, &previous->identity, NULL);
    if (status != VARVE_OK || !previous->identity.is_snapshot ||
        memcmp(previous->identity.uuid, identity->uuid, sizeof(identity->uuid)) != 0) {
        return vv_fail(error, VARVE_EXISTS,
                       "%s exists and is no snapshot of this database (or was written to since): "
                       "name a path that does not exist",
                       path);
    }
    VV_TRY(vv_database_lock(env, previous->directory, path, &previous->lock_file, error));
    previous->shard_directory = open_shard_folder(env, path);
    return VARVE_OK;
}

/* Fills the directory aside. */
static varve_status fill_snapshot(varve_db *db, const struct vv_aside *aside,
                                  const struct previous *previous, struct vv_shard_copy *copy,
                                  varve_error *error)
{
    char name[VV_SHARD_DIRECTORY_BYTES];
    vv_shard_directory_name(0, name);
    VV_TRY(vv_aside_make_folder(aside, name, &copy->to, error));
    varve_status status = vv_shard_copy_open(db->shard, copy, error);
    (void)db->env->ops->close(db->env->ctx, copy->to);
    VV_TRY(status);
    if (previous->exists && previous->identity.snapshot_lsn > copy->lsn) {
        return vv_fail(error, VARVE_EXISTS,
                       "%s is a newer snapshot than this one would be: name a path that does not "
                       "exist",
                       aside->final_path);
    }
    struct vv_database_identity identity = db->identity;
    identity.is_snapshot = true;
    identity.snapshot_lsn = copy->lsn;
    int result = vv_database_identity_write(db->env, aside->directory, &identity);
    return result == 0 ? VARVE_OK
                       : vv_fail_io(error, vv_status_from_errno(-result), -result,
                                    aside->final_path, 0, "cannot be written");
}

varve_status varve_snapshot(varve_db *db, const char *path, const varve_copy_options *options,
                            varve_copy_report *report, varve_error *error)
{
    const struct vv_env *env = db->env;
    varve_copy_options complete;
    struct previous previous;
    struct vv_aside aside;
    vv_error_clear(error);
    VV_TRY(complete_options(options, &complete, error));
    varve_status status = find_previous(env, path, &db->identity, &previous, error);
    if (status == VARVE_OK) {
        status = vv_aside_begin(env, path, &aside, error);
    }
    if (status == VARVE_OK) {
        struct vv_shard_copy copy = {.may_link = true,
                                     .previous = previous.shard_directory,
                                     .progress = complete.progress,
                                     .context = complete.context};
        status = fill_snapshot(db, &aside, &previous, &copy, error);
        if (status == VARVE_OK) {
            status = vv_aside_publish(&aside, previous.exists, error);
        } else {
            vv_aside_abandon(&aside);
        }
        if (status == VARVE_OK && report != NULL) {
            tell(&copy, report);
        }
    }
    close_previous(env, &previous);
    return status;
}

/* ------------------------------------------------------------------------------ restore */

/* Copies and verifies the shard of the database at source. */
static varve_status restore_shard(const struct vv_env *env, const char *source,
                                  const struct vv_database_identity *identity,
                                  const struct vv_aside *aside, struct vv_shard_copy *copy,
                                  varve_error *error)
{
    char name[VV_SHARD_DIRECTORY_BYTES];
    vv_shard_directory_name(0, name);
    copy->from.env = env;
    memcpy(copy->from.database_uuid, identity->uuid, sizeof(copy->from.database_uuid));
    copy->from.directory = open_shard_folder(env, source);
    if (copy->from.directory < 0) {
        int result = copy->from.directory;
        return vv_fail_io(error, result == -ENOENT ? VARVE_CORRUPT : vv_status_from_errno(-result),
                          -result, name, 0, "cannot be opened");
    }
    varve_status status = vv_aside_make_folder(aside, name, &copy->to, error);
    if (status == VARVE_OK) {
        status = vv_shard_copy(copy, error);
        struct vv_shard_place made = copy->from;
        made.directory = copy->to;
        varve_check_report figures = {0};
        if (status == VARVE_OK) {
            status = vv_shard_copy_verify(&made, identity->duplicates, &figures, error);
        }
        (void)env->ops->close(env->ctx, copy->to);
    }
    (void)env->ops->close(env->ctx, copy->from.directory);
    return status;
}

static varve_status fill_restored(const struct vv_env *env, const char *source,
                                  const struct vv_database_identity *identity,
                                  const struct vv_aside *aside, struct vv_shard_copy *copy,
                                  varve_error *error)
{
    VV_TRY(restore_shard(env, source, identity, aside, copy, error));
    struct vv_database_identity own = *identity;
    own.is_snapshot = false;
    own.snapshot_lsn = 0;
    int result = vv_database_identity_write(env, aside->directory, &own);
    return result == 0 ? VARVE_OK
                       : vv_fail_io(error, vv_status_from_errno(-result), -result,
                                    aside->final_path, 0, "cannot be written");
}

varve_status vv_database_restore(const struct vv_env *env, const char *source, const char *path,
                                 const varve_copy_options *options, varve_copy_report *report,
                                 varve_error *error)
{
    varve_copy_options complete;
    struct vv_file_status file_status;
    struct vv_database_identity identity;
    struct vv_aside aside;
    int directory;
    VV_TRY(complete_options(options, &complete, error));
    VV_TRY(vv_database_identify(env, source, &directory, &identity, error));
    (void)env->ops->close(env->ctx, directory);
    if (env->ops->stat_path(env->ctx, path, &file_status) != -ENOENT) {
        return vv_fail(error, VARVE_EXISTS,
                       "%s exists already: name a path for the database that does not", path);
    }
    VV_TRY(vv_aside_begin(env, path, &aside, error));
    struct vv_shard_copy copy = {
        .previous = -1, .progress = complete.progress, .context = complete.context};
    varve_status status = fill_restored(env, source, &identity, &aside, &copy, error);
    if (status != VARVE_OK) {
        vv_aside_abandon(&aside);
        return status;
    }
    VV_TRY(vv_aside_publish(&aside, false, error));
    if (report != NULL) {
        tell(&copy, report);
    }
    return VARVE_OK;
}

varve_status varve_restore(const char *snapshot, const char *path,
                           const varve_copy_options *options, varve_copy_report *report,
                           varve_error *error)
{
    vv_error_clear(error);
    return vv_database_restore(vv_env_posix(), snapshot, path, options, report, error);
}
