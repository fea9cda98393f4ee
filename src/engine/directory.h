/*
 * directory.h - paths, and directories that appear complete or not at all.
 *
 *   PATH.varve-new/ { LOCK, files } --filled and synced--> renamed to PATH, or exchanged with it
 *
 * Snapshots, restored and salvaged databases are built aside. What a crash leaves there is held by
 * nobody, and the next attempt at the same path removes it.
 */
#ifndef VARVE_ENGINE_DIRECTORY_H
#define VARVE_ENGINE_DIRECTORY_H

#include "base/status.h"
#include "os/env.h"

enum {
    VV_PATH_BYTES_MAX = 4096,
    VV_PATH_SUFFIX_BYTES = 32, /* what may be added to a clean path */
};

/* The path without trailing slashes, in clean; INVALID if it is empty or too long. */
varve_status vv_path_clean(const char *path, char clean[VV_PATH_BYTES_MAX],
                           varve_error *error) VARVE_MUST_CHECK;
/* Makes the name at the end of a clean path durable. 0 or -errno. */
int vv_path_sync_parent(const struct vv_env *env, const char *path);

/* Writes one small new file, durably but for its name. 0 or -errno. */
int vv_file_write_new(const struct vv_env *env, int directory, const char *name,
                      const uint8_t *bytes, size_t length);

/* Removes a directory with the files in it and in its folders. 0 or -errno. */
int vv_directory_remove(const struct vv_env *env, const char *path);

/* A directory under construction. */
struct vv_aside {
    const struct vv_env *env;
    char final_path[VV_PATH_BYTES_MAX];
    char path[VV_PATH_BYTES_MAX + VV_PATH_SUFFIX_BYTES];
    int directory;
    int lock_file;
};

/* Begins the directory that is to become path. LOCKED: somebody else is making it. On failure there
 * is nothing to release. */
varve_status vv_aside_begin(const struct vv_env *env, const char *path, struct vv_aside *aside,
                            varve_error *error) VARVE_MUST_CHECK;
/* Makes a folder in it and opens it. */
varve_status vv_aside_make_folder(const struct vv_aside *aside, const char *name, int *directory,
                                  varve_error *error) VARVE_MUST_CHECK;
/* Gives it its name; replace: in exchange for the directory that has it, which is removed. Releases
 * aside; on failure nothing is left behind, unless the message says so. */
varve_status vv_aside_publish(struct vv_aside *aside, bool replace,
                              varve_error *error) VARVE_MUST_CHECK;
/* Gives it up: removes and releases everything. */
void vv_aside_abandon(struct vv_aside *aside);

#endif
