/*
 * env_count.h - an environment that counts what is held: open files and directories, mappings.
 *
 * Wraps another one. When the code under test is through, both counts must be zero. Threads: one.
 */
#ifndef VARVE_TEST_SUPPORT_ENV_COUNT_H
#define VARVE_TEST_SUPPORT_ENV_COUNT_H

#include "os/env.h"

struct env_count {
    struct vv_env env; /* hand this to the code under test */
    struct vv_env_ops ops;
    const struct vv_env *below;
    int64_t handles;
    int64_t mappings;
};

/* Counts on top of below, which must outlive count. Everything else goes straight through. */
void env_count_init(struct env_count *count, const struct vv_env *below);

#endif
