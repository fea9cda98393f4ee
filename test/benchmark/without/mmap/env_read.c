/*
 * env_read.c - stands in for the system where mappings are switched off: a file that is to be
 * mapped is read into memory as a whole.
 *
 * os/env_posix.c is compiled a second time for it, as vv_env_posix_mapped().
 */
#include <errno.h>

#include "os/alloc.h"
#include "os/env.h"

const struct vv_env *vv_env_posix_mapped(void);

static int read_whole(void *ctx, int file, size_t length, const uint8_t **bytes)
{
    (void)ctx;
    uint8_t *memory = vv_alloc_aligned(64, length);
    if (memory == NULL) {
        return -ENOMEM;
    }
    int result = vv_env_read_all(vv_env_posix(), file, memory, length, 0);
    if (result < 0) {
        vv_free(memory);
        return result;
    }
    *bytes = memory;
    return 0;
}

static int forget_whole(void *ctx, const uint8_t *bytes, size_t length)
{
    (void)ctx;
    (void)length;
    vv_free((void *)(uintptr_t)bytes);
    return 0;
}

static int is_resident(void *ctx, const uint8_t *bytes, size_t length)
{
    (void)ctx;
    (void)bytes;
    (void)length;
    return 0;
}

const struct vv_env *vv_env_posix(void)
{
    static struct vv_env_ops ops;
    static const struct vv_env env = {.ops = &ops, .ctx = NULL};
    if (ops.map == NULL) { /* before a second thread can ask: a database opens with it */
        ops = *vv_env_posix_mapped()->ops;
        ops.unmap = forget_whole;
        ops.populate = is_resident;
        ops.map = read_whole;
    }
    return &env;
}
