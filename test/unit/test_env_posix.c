/*
 * test_env_posix.c - the operating system behind the seam.
 */
#include "support/env_folder.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

static int setup(void **state)
{
    return env_folder_set_up(state, vv_env_posix());
}

static void handles_are_closed_on_exec(void **state)
{
    const struct env_fixture *fixture = *state;
    int file = env_fixture_create(fixture, "a", "");
    assert_true((fcntl(file, F_GETFD) & FD_CLOEXEC) != 0);
    assert_true((fcntl(fixture->directory, F_GETFD) & FD_CLOEXEC) != 0);
    env_fixture_close(fixture, file);
}

static void a_lock_dies_with_its_process(void **state)
{
    const struct env_fixture *fixture = *state;
    int ready[2];
    assert_int_equal(pipe(ready), 0);
    env_fixture_close(fixture, env_fixture_create(fixture, "lock", ""));
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        int file = env_fixture_open(fixture, "lock", VV_OPEN_WRITE);
        char answer = fixture->env->ops->lock(NULL, file) == 0 ? 'y' : 'n';
        ssize_t written = write(ready[1], &answer, 1);
        while (written == 1) {
            pause();
        }
        _exit(1);
    }
    char answer = 0;
    assert_int_equal(read(ready[0], &answer, 1), 1);
    assert_int_equal(answer, 'y');
    int file = env_fixture_open(fixture, "lock", VV_OPEN_WRITE);
    assert_int_equal(fixture->env->ops->lock(NULL, file), -EWOULDBLOCK);
    assert_int_equal(kill(child, SIGKILL), 0);
    assert_int_equal(waitpid(child, NULL, 0), child);
    assert_int_equal(fixture->env->ops->lock(NULL, file), 0);
    env_fixture_close(fixture, file);
    (void)close(ready[0]);
    (void)close(ready[1]);
}

static void a_lock_that_is_given_back_is_not_kept_by_a_forked_child(void **state)
{
    const struct env_fixture *fixture = *state;
    env_fixture_close(fixture, env_fixture_create(fixture, "lock", ""));
    int file = env_fixture_open(fixture, "lock", VV_OPEN_WRITE);
    assert_int_equal(fixture->env->ops->lock(NULL, file), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        for (;;) {
            pause();
        }
    }
    vv_env_close_locked(fixture->env, file);
    int again = env_fixture_open(fixture, "lock", VV_OPEN_WRITE);
    assert_int_equal(fixture->env->ops->lock(NULL, again), 0);
    vv_env_close_locked(fixture->env, again);
    assert_int_equal(kill(child, SIGKILL), 0);
    assert_int_equal(waitpid(child, NULL, 0), child);
}

static void populate_reports_what_would_be_a_bus_error(void **state)
{
    const struct env_fixture *fixture = *state;
    const struct vv_env *env = fixture->env;
    size_t page_bytes = (size_t)sysconf(_SC_PAGESIZE);
    int file = env_fixture_open(fixture, "a", VV_OPEN_CREATE);
    assert_int_equal(env->ops->truncate(NULL, file, 2 * page_bytes), 0);
    const uint8_t *bytes = NULL;
    assert_int_equal(env->ops->map(NULL, file, 2 * page_bytes, &bytes), 0);
    assert_int_equal(env->ops->populate(NULL, bytes, 2 * page_bytes), 0);
    env->ops->evict(NULL, bytes + 1, 2 * page_bytes - 1);
    assert_int_equal(bytes[page_bytes], 0); /* back again */
    assert_int_equal(env->ops->truncate(NULL, file, page_bytes), 0);
    assert_int_equal(env->ops->populate(NULL, bytes, page_bytes), 0);
    assert_int_equal(env->ops->populate(NULL, bytes + page_bytes + 100, 1), -EFAULT);
    assert_int_equal(env->ops->unmap(NULL, bytes, 2 * page_bytes), 0);
    env_fixture_close(fixture, file);
}

static void errors_of_the_kernel_come_through(void **state)
{
    const struct env_fixture *fixture = *state;
    const struct vv_env *env = fixture->env;
    char byte = 0;
    const uint8_t *bytes = NULL;
    struct vv_file_status status;
    assert_int_equal(env->ops->pread(NULL, -1, &byte, 1, 0), -EBADF);
    assert_int_equal(env->ops->pwrite(NULL, -1, &byte, 1, 0), -EBADF);
    assert_int_equal(env->ops->fdatasync(NULL, -1), -EBADF);
    assert_int_equal(env->ops->sync_directory(NULL, -1), -EBADF);
    assert_int_equal(env->ops->truncate(NULL, -1, 0), -EBADF);
    assert_int_equal(env->ops->preallocate(NULL, -1, 1), -EBADF);
    assert_int_equal(env->ops->hold_room(NULL, -1, 1), -EBADF);
    assert_int_equal(env->ops->stat(NULL, -1, &status), -EBADF);
    assert_int_equal(env->ops->lock(NULL, -1), -EBADF);
    assert_int_equal(env->ops->close(NULL, -1), -EBADF);
    assert_int_equal(env->ops->map(NULL, -1, 1, &bytes), -EBADF);
    assert_int_equal(env->ops->list(NULL, -1, NULL, NULL), -EBADF);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ENV_CONTRACT_TESTS(setup, env_folder_tear_down),
        cmocka_unit_test_setup_teardown(handles_are_closed_on_exec, setup, env_folder_tear_down),
        cmocka_unit_test_setup_teardown(a_lock_dies_with_its_process, setup, env_folder_tear_down),
        cmocka_unit_test_setup_teardown(a_lock_that_is_given_back_is_not_kept_by_a_forked_child,
                                        setup, env_folder_tear_down),
        cmocka_unit_test_setup_teardown(populate_reports_what_would_be_a_bus_error, setup,
                                        env_folder_tear_down),
        cmocka_unit_test_setup_teardown(errors_of_the_kernel_come_through, setup,
                                        env_folder_tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
