/*
 * fuzz_disk.h - a simulated disk that holds what a fuzzer made up.
 *
 * A fuzz target has no test that could fail: what may not happen, aborts.
 */
#ifndef VARVE_TEST_SUPPORT_FUZZ_DISK_H
#define VARVE_TEST_SUPPORT_FUZZ_DISK_H

#include "os/alloc.h"
#include "os/env_sim.h"

struct fuzz_disk {
    struct vv_env_sim *sim;
    const struct vv_env *env;
    int directory; /* the root */
};

static inline struct fuzz_disk fuzz_disk_create(void)
{
    struct fuzz_disk disk = {.sim = vv_env_sim_create(1)};
    VV_ASSERT(disk.sim != NULL);
    disk.env = vv_env_sim_env(disk.sim);
    disk.directory = disk.env->ops->open_directory(disk.env->ctx, "/");
    VV_ASSERT(disk.directory >= 0);
    return disk;
}

static inline void fuzz_disk_destroy(struct fuzz_disk *disk)
{
    vv_env_sim_destroy(disk->sim);
}

/* Makes the file, or replaces what is in it. */
static inline void fuzz_disk_write(const struct fuzz_disk *disk, const char *name,
                                   const uint8_t *bytes, size_t length)
{
    const struct vv_env *env = disk->env;
    int file = env->ops->open(env->ctx, disk->directory, name, VV_OPEN_TRUNCATE);
    VV_ASSERT(file >= 0);
    VV_ASSERT(length == 0 || vv_env_write_all(env, file, bytes, length, 0) == 0);
    VV_ASSERT(env->ops->close(env->ctx, file) == 0);
}

/* The whole file, from vv_alloc; *length is how long it is. */
static inline uint8_t *fuzz_disk_read(const struct fuzz_disk *disk, const char *name,
                                      size_t *length)
{
    const struct vv_env *env = disk->env;
    struct vv_file_status status;
    int file = env->ops->open(env->ctx, disk->directory, name, VV_OPEN_READ);
    VV_ASSERT(file >= 0);
    VV_ASSERT(env->ops->stat(env->ctx, file, &status) == 0);
    *length = (size_t)status.size;
    uint8_t *bytes = vv_alloc(*length + 1);
    VV_ASSERT(bytes != NULL);
    VV_ASSERT(vv_env_read_all(env, file, bytes, *length, 0) == 0);
    VV_ASSERT(env->ops->close(env->ctx, file) == 0);
    return bytes;
}

#endif
