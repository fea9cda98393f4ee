/*
 * test_env_sim.c - the simulated disk as an environment like any other while the power is on, and
 * what it does without power, room or memory. Crashes: test_env_sim_crash.c.
 */
#include "os/env_sim.h"

#include "os/alloc.h"
#include "support/sim_fixture.h"

static void after_the_power_cut_nothing_works_but_releasing(void **state)
{
    const struct sim_fixture *fixture = *state;
    const struct vv_env *env = fixture->base.env;
    int file = env_fixture_create(&fixture->base, "a", "hello");
    const uint8_t *mapped = NULL;
    assert_int_equal(env->ops->map(env->ctx, file, 5, &mapped), 0);
    uint64_t mutations = vv_env_sim_mutations(fixture->sim);
    vv_env_sim_cut_power_after(fixture->sim, 2);
    char byte = 'x';
    assert_int_equal(env->ops->pwrite(env->ctx, file, &byte, 1, 0), 1);
    assert_int_equal(env->ops->pread(env->ctx, file, &byte, 1, 0), 1); /* reads are free */
    assert_int_equal(env->ops->fdatasync(env->ctx, file), 0);
    assert_false(vv_env_sim_is_off(fixture->sim));
    assert_int_equal(env->ops->pread(env->ctx, file, &byte, 1, 0), -EIO);
    assert_true(vv_env_sim_is_off(fixture->sim));
    assert_int_equal(env->ops->pwrite(env->ctx, file, &byte, 1, 0), -EIO);
    assert_int_equal(env->ops->sync_directory(env->ctx, fixture->base.directory), -EIO);
    assert_int_equal(vv_env_sim_mutations(fixture->sim), mutations + 2);
    assert_int_equal(env->ops->unmap(env->ctx, mapped, 5), 0);
    assert_int_equal(env->ops->close(env->ctx, file), -EIO);
    assert_int_equal(env->ops->close(env->ctx, file), -EBADF);
    struct sim_fixture after = sim_fixture_crash(fixture, 1, VV_CRASH_KEEP_ALL);
    assert_string_equal(sim_fixture_text(&after.base, "a"), "xello");
    vv_env_sim_destroy(after.sim);
}

static void locks_do_not_outlive_the_power(void **state)
{
    const struct sim_fixture *fixture = *state;
    int file = env_fixture_create(&fixture->base, "lock", "");
    assert_int_equal(fixture->base.env->ops->lock(fixture->base.env->ctx, file), 0);
    struct sim_fixture after = sim_fixture_crash(fixture, 1, VV_CRASH_KEEP_ALL);
    file = env_fixture_open(&after.base, "lock", VV_OPEN_WRITE);
    assert_int_equal(after.base.env->ops->lock(after.base.env->ctx, file), 0);
    vv_env_sim_destroy(after.sim);
}

static void a_full_disk_refuses_to_grow(void **state)
{
    const struct sim_fixture *fixture = *state;
    const struct vv_env *env = fixture->base.env;
    uint64_t free_bytes = 0;
    vv_env_sim_set_capacity(fixture->sim, 8);
    int file = env_fixture_create(&fixture->base, "a", "hello");
    assert_int_equal(env->ops->free_bytes(env->ctx, fixture->base.directory, &free_bytes), 0);
    assert_int_equal(free_bytes, 3);
    assert_int_equal(env->ops->pwrite(env->ctx, file, "12345", 5, 4), -ENOSPC);
    assert_int_equal(env->ops->preallocate(env->ctx, file, 9), -ENOSPC);
    assert_int_equal(env->ops->pwrite(env->ctx, file, "1234", 4, 4), 4);
    assert_string_equal(sim_fixture_text(&fixture->base, "a"), "hell1234");
    env_fixture_close(&fixture->base, file);
    assert_int_equal(env->ops->unlink(env->ctx, fixture->base.directory, "a"), 0);
    /* At once: that the name may come back with a loss of power takes no room. */
    assert_int_equal(env->ops->free_bytes(env->ctx, fixture->base.directory, &free_bytes), 0);
    assert_int_equal(free_bytes, 8);
}

static void room_that_is_held_is_taken_from_the_disk_and_given_back(void **state)
{
    const struct sim_fixture *fixture = *state;
    const struct vv_env *env = fixture->base.env;
    uint64_t free_bytes = 0;
    vv_env_sim_set_capacity(fixture->sim, 10);
    int file = env_fixture_create(&fixture->base, "a", "hi");
    assert_int_equal(env->ops->hold_room(env->ctx, file, 11), -ENOSPC);
    assert_int_equal(env->ops->hold_room(env->ctx, file, 7), 0);
    assert_int_equal(env->ops->free_bytes(env->ctx, fixture->base.directory, &free_bytes), 0);
    assert_int_equal(free_bytes, 3);
    assert_int_equal(env->ops->pwrite(env->ctx, file, "12345", 5, 2), 5); /* into it */
    assert_int_equal(env->ops->pwrite(env->ctx, file, "1234", 4, 7), -ENOSPC);
    env_fixture_close(&fixture->base, file);
    assert_int_equal(env->ops->unlink(env->ctx, fixture->base.directory, "a"), 0);
    assert_int_equal(env->ops->free_bytes(env->ctx, fixture->base.directory, &free_bytes), 0);
    assert_int_equal(free_bytes, 10);
}

static void a_lying_disk_loses_what_it_said_was_synced(void **state)
{
    const struct sim_fixture *fixture = *state;
    vv_env_sim_set_lying(fixture->sim, true);
    int file = env_fixture_create(&fixture->base, "a", "hello");
    sim_fixture_sync(&fixture->base, file);
    sim_fixture_sync_names(&fixture->base);
    struct sim_fixture after = sim_fixture_crash(fixture, 1, VV_CRASH_LOSE_ALL);
    assert_string_equal(sim_fixture_text(&after.base, "a"), "-");
    vv_env_sim_destroy(after.sim);
}

static void populate_refuses_pages_behind_the_file(void **state)
{
    const struct sim_fixture *fixture = *state;
    const struct vv_env *env = fixture->base.env;
    int file = env_fixture_create(&fixture->base, "a", "hello");
    const uint8_t *bytes = NULL;
    assert_int_equal(env->ops->map(env->ctx, file, 10000, &bytes), 0);
    assert_int_equal(env->ops->populate(env->ctx, bytes, 4096), 0);
    assert_int_equal(env->ops->populate(env->ctx, bytes + 4000, 200), -EFAULT);
    assert_int_equal(env->ops->unmap(env->ctx, bytes, 10000), 0);
}

static void running_out_of_memory_changes_nothing(void **state)
{
    const struct sim_fixture *fixture = *state;
    const struct vv_env *env = fixture->base.env;
    int file = env_fixture_create(&fixture->base, "a", "hello");
    char path[] = "/db/inner";
    uint8_t bytes[2000] = {0};
    for (uint64_t n = 1; n < 100; n++) {
        vv_alloc_fail_at(n);
        if (env->ops->pwrite(env->ctx, file, bytes, sizeof(bytes), 5) == sizeof(bytes)) {
            break;
        }
        vv_alloc_fail_at(0);
        assert_string_equal(sim_fixture_text(&fixture->base, "a"), "hello");
    }
    for (uint64_t n = 1; n < 100; n++) {
        vv_alloc_fail_at(n);
        if (env->ops->make_directory(env->ctx, path) == 0) {
            break;
        }
        vv_alloc_fail_at(0);
        struct vv_file_status status;
        assert_int_equal(env->ops->stat_path(env->ctx, path, &status), -ENOENT);
    }
    int failures = 0;
    for (uint64_t n = 1; n < 100; n++) {
        vv_alloc_fail_at(n);
        struct vv_env_sim *after = vv_env_sim_crash(fixture->sim, n, VV_CRASH_RANDOM);
        vv_alloc_fail_at(0);
        failures += after == NULL;
        vv_env_sim_destroy(after);
    }
    assert_true(failures >= 6);
}

#define SIM_TEST(function)                                                                         \
    cmocka_unit_test_setup_teardown(function, sim_fixture_set_up, sim_fixture_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        ENV_CONTRACT_TESTS(sim_fixture_set_up, sim_fixture_tear_down),
        SIM_TEST(after_the_power_cut_nothing_works_but_releasing),
        SIM_TEST(locks_do_not_outlive_the_power),
        SIM_TEST(a_full_disk_refuses_to_grow),
        SIM_TEST(room_that_is_held_is_taken_from_the_disk_and_given_back),
        SIM_TEST(a_lying_disk_loses_what_it_said_was_synced),
        SIM_TEST(populate_refuses_pages_behind_the_file),
        SIM_TEST(running_out_of_memory_changes_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
