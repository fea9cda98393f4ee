/*
 * sim_fixture.h - a folder on a simulated disk, and the disk after a crash.
 */
#ifndef VARVE_TEST_SUPPORT_SIM_FIXTURE_H
#define VARVE_TEST_SUPPORT_SIM_FIXTURE_H

#include "os/env_sim.h"
#include "support/env_contract.h"
#include "support/random.h"

struct sim_fixture {
    struct env_fixture base; /* first, for the contract tests */
    struct vv_env_sim *sim;
};

static inline int sim_fixture_set_up(void **state)
{
    static struct sim_fixture fixture;
    fixture.sim = vv_env_sim_create(vv_test_seed());
    if (fixture.sim == NULL) {
        return -1;
    }
    const struct vv_env *env = vv_env_sim_env(fixture.sim);
    fixture.base.env = env;
    (void)snprintf(fixture.base.root, sizeof fixture.base.root, "/db");
    if (env->ops->make_directory(env->ctx, "/db") != 0) {
        return -1;
    }
    int parent = env->ops->open_directory(env->ctx, "/");
    if (env->ops->sync_directory(env->ctx, parent) != 0 || env->ops->close(env->ctx, parent) != 0) {
        return -1;
    }
    fixture.base.directory = env->ops->open_directory(env->ctx, "/db");
    *state = &fixture;
    return fixture.base.directory >= 0 ? 0 : -1;
}

static inline int sim_fixture_tear_down(void **state)
{
    vv_env_sim_destroy(((struct sim_fixture *)*state)->sim);
    return 0;
}

/* The disk after a crash, ready for the helpers of the contract. */
static inline struct sim_fixture sim_fixture_crash(const struct sim_fixture *before, uint64_t seed,
                                                   enum vv_crash_mode mode)
{
    struct sim_fixture after = {.sim = vv_env_sim_crash(before->sim, seed, mode)};
    assert_non_null(after.sim);
    after.base.env = vv_env_sim_env(after.sim);
    after.base.directory = after.base.env->ops->open_directory(after.base.env->ctx, "/db");
    return after;
}

static inline void sim_fixture_sync(const struct env_fixture *fixture, int file)
{
    assert_int_equal(fixture->env->ops->fdatasync(fixture->env->ctx, file), 0);
}

static inline void sim_fixture_sync_names(const struct env_fixture *fixture)
{
    assert_int_equal(fixture->env->ops->sync_directory(fixture->env->ctx, fixture->directory), 0);
}

/* The content of a file as text, "-" if it is not there. */
static inline const char *sim_fixture_text(const struct env_fixture *fixture, const char *name)
{
    static char text[256];
    int file = env_fixture_open(fixture, name, VV_OPEN_READ);
    if (file < 0) {
        return "-";
    }
    uint64_t size = env_fixture_size(fixture, file);
    assert_true(size < sizeof(text));
    assert_int_equal(vv_env_read_all(fixture->env, file, text, size, 0), 0);
    text[size] = '\0';
    env_fixture_close(fixture, file);
    return text;
}

#endif
