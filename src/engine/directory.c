/*
 * directory.c - paths, removing directories, and building one aside.
 *
 * A1  Only the holder of the lock file in a directory aside touches what is in it.
 * A2  The directory is synced before it gets its name, the name before anything that it replaces is
 *     removed: a crash leaves the old one or the new one whole.
 * Thread: one for each directory.
 */
#include "engine/directory.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "engine/database_file.h"
#include "pool/buffer.h"

enum { DEPTH_MAX = 2 }; /* folders in folders that are removed */

varve_status vv_path_clean(const char *path, char clean[VV_PATH_BYTES_MAX], varve_error *error)
{
    size_t length = strlen(path);
    while (length > 1 && path[length - 1] == '/') {
        length--;
    }
    if (length == 0 ||
        length + VV_PATH_SUFFIX_BYTES + VV_SHARD_DIRECTORY_BYTES >= VV_PATH_BYTES_MAX) {
        return vv_fail(error, VARVE_INVALID, "the path of the database is %s",
                       length == 0 ? "empty" : "too long");
    }
    memcpy(clean, path, length);
    clean[length] = '\0';
    return VARVE_OK;
}

int vv_path_sync_parent(const struct vv_env *env, const char *path)
{
    char parent[VV_PATH_BYTES_MAX];
    const char *slash = strrchr(path, '/');
    size_t length = slash == NULL ? 0 : (size_t)(slash - path);
    memcpy(parent, path, length);
    parent[length] = '\0';
    const char *name = slash == NULL ? "." : length == 0 ? "/" : parent;
    int directory = env->ops->open_directory(env->ctx, name);
    if (directory < 0) {
        return directory;
    }
    int result = env->ops->sync_directory(env->ctx, directory);
    (void)env->ops->close(env->ctx, directory);
    return result;
}

int vv_file_write_new(const struct vv_env *env, int directory, const char *name,
                      const uint8_t *bytes, size_t length)
{
    int file = env->ops->open(env->ctx, directory, name, VV_OPEN_CREATE);
    if (file < 0) {
        return file;
    }
    int result = length > 0 ? vv_env_write_all(env, file, bytes, length, 0) : 0;
    if (result == 0) {
        result = env->ops->fdatasync(env->ctx, file);
    }
    int closed = env->ops->close(env->ctx, file);
    return result != 0 ? result : closed;
}

/* ----------------------------------------------------------------------------- removing */

static int add_name(void *visitor, const char *name)
{
    return vv_buffer_append(visitor, name, strlen(name) + 1) == VARVE_OK ? 0 : -ENOMEM;
}

/* All names of a directory, each with its NUL. 0 or -errno. */
static int list_names(const struct vv_env *env, int directory, struct vv_buffer *names)
{
    vv_buffer_clear(names);
    return env->ops->list(env->ctx, directory, add_name, names);
}

static int remove_tree(const struct vv_env *env, const char *path, int depth)
{
    struct vv_buffer names = {0};
    int directory = env->ops->open_directory(env->ctx, path);
    if (directory < 0) {
        return directory;
    }
    int result = list_names(env, directory, &names);
    for (size_t at = 0; at < names.length && result == 0;) {
        const char *name = (const char *)names.bytes + at;
        at += strlen(name) + 1;
        result = env->ops->unlink(env->ctx, directory, name);
        if ((result == -EISDIR || result == -EPERM) && depth < DEPTH_MAX) {
            char inner[VV_PATH_BYTES_MAX + 2 * VV_PATH_SUFFIX_BYTES];
            int length = snprintf(inner, sizeof(inner), "%s/%s", path, name);
            result =
                (size_t)length < sizeof(inner) ? remove_tree(env, inner, depth + 1) : -ENAMETOOLONG;
        }
    }
    vv_buffer_fini(&names);
    (void)env->ops->close(env->ctx, directory);
    return result == 0 ? env->ops->remove_directory(env->ctx, path) : result;
}

int vv_directory_remove(const struct vv_env *env, const char *path)
{
    return remove_tree(env, path, 0);
}

/* -------------------------------------------------------------------------------- aside */

static varve_status in_the_way(const struct vv_aside *aside, varve_error *error)
{
    return vv_fail(error, VARVE_EXISTS,
                   "%s is in the way and not left over from varve: move it elsewhere", aside->path);
}

/* Whether a name is none that a database has. */
static int find_foreign(void *foreign, const char *name)
{
    static const char *const prefixes[] = {VV_LOCK_FILE_NAME, VV_DATABASE_FILE_NAME, "shard-"};
    for (size_t i = 0; i < sizeof(prefixes) / sizeof(prefixes[0]); i++) {
        if (strncmp(name, prefixes[i], strlen(prefixes[i])) == 0) {
            return 0;
        }
    }
    *(bool *)foreign = true;
    return 0;
}

/* Removes what an attempt that was interrupted has left at the path (A1). */
static varve_status remove_leftover(const struct vv_aside *aside, varve_error *error)
{
    const struct vv_env *env = aside->env;
    int directory = env->ops->open_directory(env->ctx, aside->path);
    if (directory < 0) {
        return directory == -ENOENT ? VARVE_OK : in_the_way(aside, error);
    }
    bool foreign = false;
    int result = env->ops->list(env->ctx, directory, find_foreign, &foreign);
    int file = env->ops->open(env->ctx, directory, VV_LOCK_FILE_NAME, VV_OPEN_WRITE);
    int locked = file >= 0 ? env->ops->lock(env->ctx, file) : 0;
    varve_status status = VARVE_OK;
    if (locked == -EWOULDBLOCK) {
        status = vv_fail(error, VARVE_LOCKED, "another process is making %s: wait until it is done",
                         aside->final_path);
    } else if (result != 0 || foreign) {
        status = in_the_way(aside, error);
    } else if ((result = vv_directory_remove(env, aside->path)) != 0) {
        status = vv_fail_io(error, vv_status_from_errno(-result), -result, aside->path, 0,
                            "cannot remove what an earlier attempt has left");
    }
    if (file >= 0) {
        (void)env->ops->close(env->ctx, file);
    }
    (void)env->ops->close(env->ctx, directory);
    return status;
}

static varve_status cannot_make(const struct vv_aside *aside, int result, varve_error *error)
{
    varve_status status = vv_status_from_errno(-result);
    return vv_fail_io(error, status, -result, aside->final_path, 0, "cannot be created");
}

static void close_handles(struct vv_aside *aside)
{
    if (aside->lock_file >= 0) {
        vv_env_close_locked(aside->env, aside->lock_file);
    }
    if (aside->directory >= 0) {
        (void)aside->env->ops->close(aside->env->ctx, aside->directory);
    }
    aside->lock_file = aside->directory = -1;
}

varve_status vv_aside_begin(const struct vv_env *env, const char *path, struct vv_aside *aside,
                            varve_error *error)
{
    aside->env = env;
    aside->directory = aside->lock_file = -1;
    VV_TRY(vv_path_clean(path, aside->final_path, error));
    (void)snprintf(aside->path, sizeof(aside->path), "%s.varve-new", aside->final_path);
    int result = env->ops->make_directory(env->ctx, aside->path);
    if (result == -EEXIST) {
        VV_TRY(remove_leftover(aside, error));
        result = env->ops->make_directory(env->ctx, aside->path);
    }
    if (result != 0) {
        return cannot_make(aside, result, error);
    }
    aside->directory = env->ops->open_directory(env->ctx, aside->path);
    result = aside->directory < 0 ? aside->directory : 0;
    if (result == 0) {
        aside->lock_file =
            env->ops->open(env->ctx, aside->directory, VV_LOCK_FILE_NAME, VV_OPEN_CREATE);
        result =
            aside->lock_file < 0 ? aside->lock_file : env->ops->lock(env->ctx, aside->lock_file);
    }
    if (result != 0) {
        varve_status status = cannot_make(aside, result, error);
        vv_aside_abandon(aside);
        return status;
    }
    return VARVE_OK;
}

varve_status vv_aside_make_folder(const struct vv_aside *aside, const char *name, int *directory,
                                  varve_error *error)
{
    const struct vv_env *env = aside->env;
    char path[sizeof(aside->path) + VV_PATH_SUFFIX_BYTES];
    (void)snprintf(path, sizeof(path), "%s/%.30s", aside->path, name);
    int result = env->ops->make_directory(env->ctx, path);
    if (result == 0) {
        result = env->ops->open_directory(env->ctx, path);
    }
    if (result < 0) {
        return cannot_make(aside, result, error);
    }
    *directory = result;
    return VARVE_OK;
}

void vv_aside_abandon(struct vv_aside *aside)
{
    (void)vv_directory_remove(aside->env, aside->path);
    close_handles(aside);
}

/* The path has its final name, but a power cut may take it back. */
static varve_status cannot_sync(const struct vv_aside *aside, int result, varve_error *error)
{
    return vv_fail_io(error, vv_status_from_errno(-result), -result, aside->final_path, 0,
                      "was written, but its name may not survive a loss of power");
}

varve_status vv_aside_publish(struct vv_aside *aside, bool replace, varve_error *error)
{
    const struct vv_env *env = aside->env;
    int result = env->ops->sync_directory(env->ctx, aside->directory);
    if (result == 0) {
        result = replace ? env->ops->exchange_paths(env->ctx, aside->path, aside->final_path)
                         : env->ops->rename_path(env->ctx, aside->path, aside->final_path);
    }
    if (result != 0) {
        varve_status status =
            result == -EOPNOTSUPP
                ? vv_fail(error, VARVE_IO,
                          "the file system cannot exchange directories: name a destination that "
                          "does not exist instead of %s",
                          aside->final_path)
                : cannot_make(aside, result, error);
        vv_aside_abandon(aside);
        return status;
    }
    varve_status status = VARVE_OK;
    result = vv_path_sync_parent(env, aside->final_path);
    if (result != 0) {
        status = cannot_sync(aside, result, error);
    } else if (replace) {
        (void)vv_directory_remove(env,
                                  aside->path); /* A2; what is left, the next attempt removes */
    }
    close_handles(aside);
    return status;
}
