/*
 * database_file.c - creating, recognising and locking the directory of a database.
 *
 *   <path>.new-<random>/ { LOCK, shard-0000/manifest, varve.db } --synced--> renamed to <path>
 *   --parent synced-->
 *
 * N1  Something that is no database is never written to, and nothing is made but by creation.
 * N2  The lock belongs to the open file of one handle and dies with its process.
 */
#include "engine/database_file.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/bytes.h"
#include "base/checksum.h"
#include "base/number_text.h"
#include "engine/directory.h"
#include "os/alloc.h"
#include "storage/storage_impl.h"

static const char magic[8] = {'V', 'A', 'R', 'V', 'E', 'D', 'B', '\0'};

enum {
    DATABASE_VERSION = 1,
    CHECKSUM_OFFSET = 56,
    INNER_PATH_BYTES_MAX =
        VV_PATH_BYTES_MAX + 64, /* of a folder in a database under construction */
    FLAG_SNAPSHOT = 1,
};

void vv_shard_directory_name(uint32_t shard, char *name)
{
    (void)snprintf(name, VV_SHARD_DIRECTORY_BYTES, "shard-%04" PRIu32, shard);
}

void vv_database_identity_encode(const struct vv_database_identity *identity,
                                 uint8_t out[VV_DATABASE_FILE_BYTES])
{
    memset(out, 0, VV_DATABASE_FILE_BYTES);
    memcpy(out, magic, sizeof(magic));
    vv_store_u32(out + 8, DATABASE_VERSION);
    vv_store_u32(out + 12, identity->shard_count);
    memcpy(out + 16, identity->uuid, sizeof(identity->uuid));
    vv_store_u32(out + 32, identity->sync);
    vv_store_u32(out + 36, identity->duplicates);
    vv_store_u32(out + 40, identity->is_snapshot ? FLAG_SNAPSHOT : 0);
    vv_store_u64(out + 48, identity->snapshot_lsn);
    vv_store_u64(out + CHECKSUM_OFFSET, vv_checksum(out, CHECKSUM_OFFSET, 0));
}

varve_status vv_database_identity_decode(const uint8_t in[VV_DATABASE_FILE_BYTES],
                                         struct vv_database_identity *identity)
{
    if (memcmp(in, magic, sizeof(magic)) != 0) {
        return VARVE_CORRUPT;
    }
    /* Before the checksum: a newer version may have it elsewhere. */
    if (vv_load_u32(in + 8) > DATABASE_VERSION) {
        return VARVE_VERSION;
    }
    if (vv_load_u64(in + CHECKSUM_OFFSET) != vv_checksum(in, CHECKSUM_OFFSET, 0)) {
        return VARVE_CORRUPT;
    }
    uint32_t shard_count = vv_load_u32(in + 12);
    uint32_t sync = vv_load_u32(in + 32), duplicates = vv_load_u32(in + 36);
    if (vv_load_u32(in + 8) == 0 || shard_count != 1 || sync < VARVE_SYNC_NONE ||
        sync > VARVE_SYNC_COMMIT || duplicates < VARVE_DUPLICATES_LAST ||
        duplicates > VARVE_DUPLICATES_ERROR) {
        return VARVE_CORRUPT;
    }
    memcpy(identity->uuid, in + 16, sizeof(identity->uuid));
    identity->shard_count = shard_count;
    identity->sync = (varve_sync_mode)sync;
    identity->duplicates = (varve_duplicates)duplicates;
    identity->is_snapshot = (vv_load_u32(in + 40) & FLAG_SNAPSHOT) != 0;
    identity->snapshot_lsn = vv_load_u64(in + 48);
    return VARVE_OK;
}

int vv_database_identity_write(const struct vv_env *env, int directory,
                               const struct vv_database_identity *identity)
{
    uint8_t encoded[VV_DATABASE_FILE_BYTES];
    vv_database_identity_encode(identity, encoded);
    return vv_file_write_new(env, directory, VV_DATABASE_FILE_NAME, encoded, sizeof(encoded));
}

varve_status vv_database_leave_snapshot(const struct vv_env *env, int directory,
                                        struct vv_database_identity *identity, varve_error *error)
{
    static const char temporary[] = VV_DATABASE_FILE_NAME ".tmp";
    struct vv_database_identity own = *identity;
    uint8_t encoded[VV_DATABASE_FILE_BYTES];
    own.is_snapshot = false;
    own.snapshot_lsn = 0;
    vv_database_identity_encode(&own, encoded);
    (void)env->ops->unlink(env->ctx, directory, temporary);
    int result = vv_file_write_new(env, directory, temporary, encoded, sizeof(encoded));
    if (result == 0) {
        result = env->ops->rename(env->ctx, directory, temporary, VV_DATABASE_FILE_NAME);
    }
    if (result == 0) {
        result = env->ops->sync_directory(env->ctx, directory);
    }
    if (result != 0) {
        return vv_fail_io(error, vv_status_from_errno(-result), -result, VV_DATABASE_FILE_NAME, 0,
                          "cannot make a database of its own of the snapshot");
    }
    *identity = own;
    return VARVE_OK;
}

/* ----------------------------------------------------------------------------- creation */

/* Makes and fills the folder of shard 0 in the directory at path. */
static varve_status create_shard(const struct vv_env *env, const char *path,
                                 const struct vv_database_identity *identity, varve_error *error)
{
    char name[VV_SHARD_DIRECTORY_BYTES], shard_path[INNER_PATH_BYTES_MAX];
    vv_shard_directory_name(0, name);
    (void)snprintf(shard_path, sizeof(shard_path), "%s/%s", path, name);
    int result = env->ops->make_directory(env->ctx, shard_path);
    int directory = result == 0 ? env->ops->open_directory(env->ctx, shard_path) : result;
    if (directory < 0) {
        return vv_fail_io(error, vv_status_from_errno(-directory), -directory, shard_path, 0,
                          "cannot create %s", shard_path);
    }
    struct vv_shard_place place = {.env = env, .directory = directory, .shard = 0};
    memcpy(place.database_uuid, identity->uuid, sizeof(place.database_uuid));
    varve_status status = vv_shard_create(&place, error);
    (void)env->ops->close(env->ctx, directory);
    return status;
}

/* Fills the directory at path, which is not the final one yet. */
static varve_status fill_directory(const struct vv_env *env, const char *path,
                                   const struct vv_database_identity *identity, varve_error *error)
{
    VV_TRY(create_shard(env, path, identity, error));
    int directory = env->ops->open_directory(env->ctx, path);
    int result = directory < 0 ? directory : 0;
    if (result == 0) {
        result = vv_file_write_new(env, directory, VV_LOCK_FILE_NAME, NULL, 0);
        if (result == 0) {
            result = vv_database_identity_write(env, directory, identity);
        }
        if (result == 0) {
            result = env->ops->sync_directory(env->ctx, directory);
        }
        (void)env->ops->close(env->ctx, directory);
    }
    if (result != 0) {
        return vv_fail_io(error, vv_status_from_errno(-result), -result, path, 0,
                          "cannot create the database in %s", path);
    }
    return VARVE_OK;
}

/* Removes what creation made so far; the files are all known. */
static void remove_partial(const struct vv_env *env, const char *path)
{
    char name[VV_SHARD_DIRECTORY_BYTES], shard_path[INNER_PATH_BYTES_MAX];
    vv_shard_directory_name(0, name);
    (void)snprintf(shard_path, sizeof(shard_path), "%s/%s", path, name);
    int directory = env->ops->open_directory(env->ctx, shard_path);
    if (directory >= 0) {
        (void)env->ops->unlink(env->ctx, directory, VV_MANIFEST_NAME);
        (void)env->ops->close(env->ctx, directory);
        (void)env->ops->remove_directory(env->ctx, shard_path);
    }
    directory = env->ops->open_directory(env->ctx, path);
    if (directory >= 0) {
        (void)env->ops->unlink(env->ctx, directory, VV_LOCK_FILE_NAME);
        (void)env->ops->unlink(env->ctx, directory, VV_DATABASE_FILE_NAME);
        (void)env->ops->close(env->ctx, directory);
        (void)env->ops->remove_directory(env->ctx, path);
    }
}

varve_status vv_database_create(const struct vv_env *env, const char *path,
                                struct vv_database_identity *identity, varve_error *error)
{
    char final[VV_PATH_BYTES_MAX], temporary[VV_PATH_BYTES_MAX + VV_PATH_SUFFIX_BYTES];
    VV_TRY(vv_path_clean(path, final, error));
    uint64_t random;
    int result = env->ops->random_bytes(env->ctx, identity->uuid, sizeof(identity->uuid));
    if (result == 0) {
        result = env->ops->random_bytes(env->ctx, &random, sizeof(random));
    }
    if (result == 0) {
        (void)snprintf(temporary, sizeof(temporary), "%s.new-%016" PRIx64, final, random);
        result = env->ops->make_directory(env->ctx, temporary);
    }
    if (result != 0) {
        return vv_fail_io(error, vv_status_from_errno(-result), -result, path, 0,
                          "cannot create a database at %s", path);
    }
    identity->shard_count = 1;
    varve_status status = fill_directory(env, temporary, identity, error);
    if (status == VARVE_OK) {
        result = env->ops->rename_path(env->ctx, temporary, final);
        if (result != 0) {
            status = vv_fail_io(error, vv_status_from_errno(-result), -result, path, 0,
                                "cannot create a database at %s", path);
        }
    }
    if (status != VARVE_OK) {
        remove_partial(env, temporary);
        return status;
    }
    result = vv_path_sync_parent(env, final);
    if (result != 0) {
        return vv_fail_io(error, vv_status_from_errno(-result), -result, path, 0,
                          "the database %s was created, but its name may not be durable", path);
    }
    return VARVE_OK;
}

/* ------------------------------------------------------------------------- recognition */

static varve_status read_identity(const struct vv_env *env, int directory, const char *path,
                                  struct vv_database_identity *identity, varve_error *error)
{
    int file = env->ops->open(env->ctx, directory, VV_DATABASE_FILE_NAME, VV_OPEN_READ);
    if (file == -ENOENT) {
        return vv_fail(error, VARVE_NOT_FOUND,
                       "%s is a directory but no varve database: name one, or a path that does not "
                       "exist yet to create one",
                       path);
    }
    if (file < 0) {
        return vv_fail_io(error, vv_status_from_errno(-file), -file, VV_DATABASE_FILE_NAME, 0,
                          "cannot open %s/%s", path, VV_DATABASE_FILE_NAME);
    }
    uint8_t encoded[VV_DATABASE_FILE_BYTES];
    int result = vv_env_read_all(env, file, encoded, sizeof(encoded), 0);
    (void)env->ops->close(env->ctx, file);
    if (result != 0 && result != -ENODATA) {
        return vv_fail_io(error, VARVE_IO, -result, VV_DATABASE_FILE_NAME, 0, "cannot read %s/%s",
                          path, VV_DATABASE_FILE_NAME);
    }
    varve_status status =
        result != 0 ? VARVE_CORRUPT : vv_database_identity_decode(encoded, identity);
    if (status == VARVE_VERSION) {
        return vv_fail(error, status,
                       "the database %s has format %u, this varve reads up to %d: use a newer one",
                       path, vv_load_u32(encoded + 8), DATABASE_VERSION);
    }
    if (status != VARVE_OK) {
        return vv_fail_io(error, status, 0, VV_DATABASE_FILE_NAME, 0,
                          "%s/%s is damaged: restore it from a copy of the database", path,
                          VV_DATABASE_FILE_NAME);
    }
    return VARVE_OK;
}

varve_status vv_database_identify(const struct vv_env *env, const char *path, int *directory,
                                  struct vv_database_identity *identity, varve_error *error)
{
    char clean[VV_PATH_BYTES_MAX];
    VV_TRY(vv_path_clean(path, clean, error));
    int opened = env->ops->open_directory(env->ctx, clean);
    if (opened == -ENOENT) {
        return vv_fail(error, VARVE_NOT_FOUND, "%s does not exist: name an existing database",
                       path);
    }
    if (opened == -ENOTDIR) {
        return vv_fail(error, VARVE_NOT_FOUND,
                       "%s is a file: a varve database is a directory, name one", path);
    }
    if (opened < 0) {
        return vv_fail_io(error, vv_status_from_errno(-opened), -opened, path, 0, "cannot open %s",
                          path);
    }
    varve_status status = read_identity(env, opened, path, identity, error);
    if (status != VARVE_OK) {
        (void)env->ops->close(env->ctx, opened);
        return status;
    }
    *directory = opened;
    return VARVE_OK;
}

varve_status vv_database_sync_name(const struct vv_env *env, const char *path, varve_error *error)
{
    char clean[VV_PATH_BYTES_MAX];
    VV_TRY(vv_path_clean(path, clean, error));
    int result = vv_path_sync_parent(env, clean);
    if (result == 0 || result == -EACCES) { /* not ours to read: whoever made it took care */
        return VARVE_OK;
    }
    return vv_fail_io(error, vv_status_from_errno(-result), -result, path, 0,
                      "cannot sync the directory in which the database is");
}

/* -------------------------------------------------------------------------------- lock */

/* The process id that the holder wrote, as text in digits; empty if it cannot be read. */
static void read_holder(const struct vv_env *env, int file, char digits[24])
{
    int64_t length = env->ops->pread(env->ctx, file, digits, 20, 0);
    size_t end = 0;
    while (length > 0 && end < (size_t)length && digits[end] >= '0' && digits[end] <= '9') {
        end++;
    }
    digits[end] = '\0';
}

varve_status vv_database_lock(const struct vv_env *env, int directory, const char *path, int *file,
                              varve_error *error)
{
    int opened = env->ops->open(env->ctx, directory, VV_LOCK_FILE_NAME, VV_OPEN_WRITE);
    if (opened == -ENOENT) { /* a copy that left it out */
        opened = env->ops->open(env->ctx, directory, VV_LOCK_FILE_NAME, VV_OPEN_CREATE);
    }
    if (opened < 0) {
        varve_status status = vv_status_from_errno(-opened);
        return vv_fail_io(error, status, -opened, VV_LOCK_FILE_NAME, 0,
                          "cannot open %s/%s for writing", path, VV_LOCK_FILE_NAME);
    }
    char digits[24];
    int result = env->ops->lock(env->ctx, opened);
    if (result == -EWOULDBLOCK) {
        read_holder(env, opened, digits);
        (void)env->ops->close(env->ctx, opened);
        return vv_fail(error, VARVE_LOCKED,
                       "%s is being written by %s%s: wait until it is done, or open it read-only",
                       path, digits[0] != '\0' ? "process " : "another process", digits);
    }
    if (result != 0) {
        (void)env->ops->close(env->ctx, opened);
        return vv_fail_io(error, vv_status_from_errno(-result), -result, VV_LOCK_FILE_NAME, 0,
                          "cannot lock %s", path);
    }
    /* For the message above; nothing depends on it. */
    size_t length = vv_int64_format(env->ops->process_id(env->ctx), digits);
    digits[length++] = '\n';
    (void)env->ops->truncate(env->ctx, opened, 0);
    (void)env->ops->pwrite(env->ctx, opened, digits, length, 0);
    *file = opened;
    return VARVE_OK;
}
