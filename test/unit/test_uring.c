/*
 * test_uring.c - queues over io_uring. Where the kernel refuses it, what is left is the contract of
 * the environment, which holds by plain calls.
 */
#include "os/uring.h"

#include "support/env_folder.h"
#include "support/random.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "os/io_queue.h"

enum { DEPTH = 4, WRITES = 100, WRITE_BYTES_MAX = 60000 };

static int setup(void **state)
{
    return env_folder_set_up(state, vv_env_uring());
}

/* A queue over io_uring; ends the test as skipped where there is none. */
static struct vv_io_queue *create_queue(const struct env_fixture *fixture)
{
    struct vv_io_queue *queue = NULL;
    const struct vv_env *env = fixture->env;
    assert_int_equal(env->ops->queue_create(env->ctx, DEPTH, &queue), 0);
    if (!vv_io_queue_is_uring(queue)) {
        env->ops->queue_destroy(env->ctx, queue);
        print_message("no io_uring here\n");
        skip();
    }
    return queue;
}

/* One request from submit to reap. */
static int64_t perform_one(const struct env_fixture *fixture, struct vv_io_queue *queue,
                           struct vv_io *request)
{
    const struct vv_env *env = fixture->env;
    struct vv_io *done = NULL;
    assert_int_equal(env->ops->submit(env->ctx, queue, &request, 1), 1);
    assert_int_equal(env->ops->reap(env->ctx, queue, &done, 1), 1);
    assert_ptr_equal(done, request);
    return request->result;
}

static void writes_in_any_order_of_completion_fill_the_file(void **state)
{
    const struct env_fixture *fixture = *state;
    const struct vv_env *env = fixture->env;
    struct vv_io_queue *queue = create_queue(fixture);
    struct vv_test_random random = vv_test_random_init(1);
    size_t total = WRITES * WRITE_BYTES_MAX, under_way = 0;
    uint8_t *bytes = malloc(total), *read = malloc(total);
    struct vv_io requests[WRITES];
    for (size_t at = 0; at < total; at++) {
        bytes[at] = (uint8_t)vv_test_random_next(&random);
    }
    int file = env_fixture_open(fixture, "a", VV_OPEN_CREATE);
    uint64_t offset = 0;
    for (size_t i = 0; i < WRITES; i++) {
        size_t length = 1 + vv_test_random_below(&random, WRITE_BYTES_MAX);
        requests[i] = (struct vv_io){.kind = VV_IO_WRITE,
                                     .file = file,
                                     .bytes = bytes + offset,
                                     .length = length,
                                     .offset = offset,
                                     .result = -1};
        offset += length;
        struct vv_io *request = &requests[i], *done[DEPTH];
        while (env->ops->submit(env->ctx, queue, &request, 1) == 0) {
            int reaped = env->ops->reap(env->ctx, queue, done, DEPTH);
            assert_in_range(reaped, 1, DEPTH);
            under_way -= (size_t)reaped;
        }
        under_way++;
        assert_true(under_way <= DEPTH);
    }
    struct vv_io *done[DEPTH];
    for (int reaped; (reaped = env->ops->reap(env->ctx, queue, done, DEPTH)) > 0;) {
        under_way -= (size_t)reaped;
    }
    assert_int_equal(under_way, 0);
    for (size_t i = 0; i < WRITES; i++) {
        assert_int_equal(requests[i].result, requests[i].length);
    }
    struct vv_io sync = {.kind = VV_IO_FDATASYNC, .file = file, .result = -1};
    assert_int_equal(perform_one(fixture, queue, &sync), 0);
    assert_int_equal(vv_env_read_all(env, file, read, offset, 0), 0);
    assert_memory_equal(read, bytes, offset);
    env->ops->queue_destroy(env->ctx, queue);
    env_fixture_close(fixture, file);
    free(bytes);
    free(read);
}

static void a_read_across_the_end_is_short(void **state)
{
    const struct env_fixture *fixture = *state;
    struct vv_io_queue *queue = create_queue(fixture);
    int file = env_fixture_create(fixture, "a", "hello");
    char bytes[10] = "";
    struct vv_io request = {
        .kind = VV_IO_READ, .file = file, .bytes = bytes, .length = 10, .offset = 3};
    assert_int_equal(perform_one(fixture, queue, &request), 2);
    assert_memory_equal(bytes, "lo", 2);
    fixture->env->ops->queue_destroy(fixture->env->ctx, queue);
    env_fixture_close(fixture, file);
}

static void a_full_disk_comes_through(void **state)
{
    const struct env_fixture *fixture = *state;
    struct vv_io_queue *queue = create_queue(fixture);
    char byte = 1;
    struct vv_io request = {.kind = VV_IO_WRITE, .bytes = &byte, .length = 1};
    request.file = open("/dev/full", O_RDWR | O_CLOEXEC);
    assert_true(request.file >= 0);
    assert_int_equal(perform_one(fixture, queue, &request), -ENOSPC);
    fixture->env->ops->queue_destroy(fixture->env->ctx, queue);
    (void)close(request.file);
}

static void a_forked_process_leaves_the_ring_alone(void **state)
{
    const struct env_fixture *fixture = *state;
    struct vv_io_queue *queue = create_queue(fixture);
    int file = env_fixture_create(fixture, "a", "");
    char byte = 'p';
    struct vv_io request = {.kind = VV_IO_WRITE, .file = file, .bytes = &byte, .length = 1};
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        byte = 'c';
        bool refused = perform_one(fixture, queue, &request) == -EPERM;
        fixture->env->ops->queue_destroy(fixture->env->ctx, queue);
        _exit(refused ? 0 : 1);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    assert_int_equal(perform_one(fixture, queue, &request), 1);
    env_fixture_assert_text(fixture, file, "p");
    fixture->env->ops->queue_destroy(fixture->env->ctx, queue);
    env_fixture_close(fixture, file);
}

/* The ring's descriptor is closed behind its back: the kernel takes nothing any more. */
static void a_broken_ring_goes_on_by_plain_calls(void **state)
{
    const struct env_fixture *fixture = *state;
    const struct vv_env *env = fixture->env;
    int file = env_fixture_open(fixture, "a", VV_OPEN_CREATE);
    int next = dup(file); /* the ring gets this number */
    assert_true(next >= 0);
    (void)close(next);
    struct vv_io_queue *queue = create_queue(fixture);
    char text[] = "abc";
    struct vv_io requests[3], *pointers[3], *done[DEPTH];
    for (size_t i = 0; i < 3; i++) {
        requests[i] = (struct vv_io){.kind = VV_IO_WRITE,
                                     .file = file,
                                     .bytes = text + i,
                                     .length = 1,
                                     .offset = i,
                                     .result = -1};
        pointers[i] = &requests[i];
    }
    assert_int_equal(perform_one(fixture, queue, &requests[0]), 1);
    (void)close(next);
    assert_int_equal(env->ops->submit(env->ctx, queue, pointers + 1, 2), 2);
    int reaped = 0;
    for (int now; (now = env->ops->reap(env->ctx, queue, done, 1)) > 0;) {
        assert_int_equal(done[0]->result, 1);
        reaped += now;
    }
    assert_int_equal(reaped, 2);
    env_fixture_assert_text(fixture, file, "abc");
    env->ops->queue_destroy(env->ctx, queue);
    env_fixture_close(fixture, file);
}

static void where_the_kernel_refuses_queues_work_by_plain_calls(void **state)
{
    const struct env_fixture *fixture = *state;
    const struct vv_env *env = fixture->env;
    struct rlimit before, none;
    struct vv_io_queue *queue = NULL;
    int file = env_fixture_open(fixture, "a", VV_OPEN_CREATE);
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    none = (struct rlimit){.rlim_cur = 0, .rlim_max = before.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0); /* no descriptor for a ring */
    int created = env->ops->queue_create(env->ctx, DEPTH, &queue);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
    assert_int_equal(created, 0);
    assert_false(vv_io_queue_is_uring(queue));
    char text[] = "x";
    struct vv_io request = {.kind = VV_IO_WRITE, .file = file, .bytes = text, .length = 1};
    assert_int_equal(perform_one(fixture, queue, &request), 1);
    env_fixture_assert_text(fixture, file, "x");
    env->ops->queue_destroy(env->ctx, queue);
    env_fixture_close(fixture, file);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, env_folder_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        ENV_CONTRACT_TESTS(setup, env_folder_tear_down),
        TEST(writes_in_any_order_of_completion_fill_the_file),
        TEST(a_read_across_the_end_is_short),
        TEST(a_full_disk_comes_through),
        TEST(a_forked_process_leaves_the_ring_alone),
        TEST(a_broken_ring_goes_on_by_plain_calls),
        TEST(where_the_kernel_refuses_queues_work_by_plain_calls),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
