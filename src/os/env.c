/*
 * env.c - reading and writing whole ranges over any backend.
 *
 * A short count is legal for every backend (a signal, a full disk, a fault injected by a test): the
 * loop asks for the rest until it is done, an error comes back, or nothing moves any more.
 */
#include "os/env.h"

#include <errno.h>

int vv_env_read_all(const struct vv_env *env, int file, void *bytes, size_t length, uint64_t offset)
{
    uint8_t *next = bytes;
    while (length > 0) {
        int64_t done = env->ops->pread(env->ctx, file, next, length, offset);
        if (done < 0) {
            return (int)done;
        }
        if (done == 0) {
            return -ENODATA;
        }
        next += done;
        length -= (size_t)done;
        offset += (uint64_t)done;
    }
    return 0;
}

void vv_env_close_locked(const struct vv_env *env, int file)
{
    (void)env->ops->unlock(env->ctx, file); /* closing may do it */
    (void)env->ops->close(env->ctx, file);
}

int vv_env_write_all(const struct vv_env *env, int file, const void *bytes, size_t length,
                     uint64_t offset)
{
    const uint8_t *next = bytes;
    while (length > 0) {
        int64_t done = env->ops->pwrite(env->ctx, file, next, length, offset);
        if (done < 0) {
            return (int)done;
        }
        if (done == 0) {
            return -EIO; /* asking again could go on for ever */
        }
        next += done;
        length -= (size_t)done;
        offset += (uint64_t)done;
    }
    return 0;
}
