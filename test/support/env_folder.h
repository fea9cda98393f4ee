/*
 * env_folder.h - a folder of the real file system as the fixture of env_contract.h.
 */
#ifndef VARVE_TEST_SUPPORT_ENV_FOLDER_H
#define VARVE_TEST_SUPPORT_ENV_FOLDER_H

#include "support/env_contract.h"
#include "support/temporary.h"

static inline int env_folder_set_up(void **state, const struct vv_env *env)
{
    static struct env_fixture fixture;
    fixture.env = env;
    if (!vv_test_temporary_create(fixture.root, sizeof(fixture.root))) {
        return -1;
    }
    fixture.directory = env->ops->open_directory(env->ctx, fixture.root);
    *state = &fixture;
    return fixture.directory >= 0 ? 0 : -1;
}

static inline int env_folder_tear_down(void **state)
{
    const struct env_fixture *fixture = *state;
    (void)fixture->env->ops->close(fixture->env->ctx, fixture->directory);
    return vv_test_temporary_remove(fixture->root) ? 0 : -1;
}

#endif
