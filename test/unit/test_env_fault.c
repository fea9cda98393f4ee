/*
 * test_env_fault.c - the fault injector: transparent until armed, exact when armed.
 */
#include "os/env_fault.h"

#include "os/alloc.h"
#include "os/thread.h"
#include "support/env_contract.h"
#include "support/temporary.h"

struct fault_fixture {
    struct env_fixture base; /* first, for the contract tests */
    struct vv_env_fault *fault;
};

static int setup(void **state)
{
    static struct fault_fixture fixture;
    fixture.fault = vv_env_fault_create(vv_env_posix());
    if (fixture.fault == NULL ||
        !vv_test_temporary_create(fixture.base.root, sizeof(fixture.base.root))) {
        return -1;
    }
    const struct vv_env *env = vv_env_fault_env(fixture.fault);
    fixture.base.env = env;
    fixture.base.directory = env->ops->open_directory(env->ctx, fixture.base.root);
    *state = &fixture;
    return fixture.base.directory >= 0 ? 0 : -1;
}

static int teardown(void **state)
{
    struct fault_fixture *fixture = *state;
    const struct vv_env *env = fixture->base.env;
    vv_env_fault_arm(fixture->fault, 0, 0, 0, false);
    (void)env->ops->close(env->ctx, fixture->base.directory);
    vv_env_fault_destroy(fixture->fault);
    return vv_test_temporary_remove(fixture->base.root) ? 0 : -1;
}

static void the_nth_matching_call_fails_once(void **state)
{
    struct fault_fixture *fixture = *state;
    const struct vv_env *env = fixture->base.env;
    int file = env_fixture_create(&fixture->base, "a", "hello");
    vv_env_fault_arm(fixture->fault, VV_CALL_BIT(VV_CALL_FDATASYNC), 3, EIO, false);
    static const int expected[] = {0, 0, -EIO, 0, 0};
    for (int call = 0; call < 5; call++) {
        env_fixture_assert_text(&fixture->base, file, "hello"); /* other calls do not count */
        assert_int_equal(env->ops->fdatasync(env->ctx, file), expected[call]);
    }
    assert_int_equal(vv_env_fault_hits(fixture->fault), 1);
    env_fixture_close(&fixture->base, file);
}

static void a_persistent_fault_stays(void **state)
{
    struct fault_fixture *fixture = *state;
    const struct vv_env *env = fixture->base.env;
    int file = env_fixture_create(&fixture->base, "a", "hello");
    vv_env_fault_arm(fixture->fault, VV_CALLS_MUTATING, 2, ENOSPC, true);
    assert_int_equal(env->ops->pwrite(env->ctx, file, "j", 1, 0), 1);
    assert_int_equal(env->ops->pwrite(env->ctx, file, "x", 1, 1), -ENOSPC);
    assert_int_equal(env->ops->unlink(env->ctx, fixture->base.directory, "a"), -ENOSPC);
    assert_int_equal(env->ops->truncate(env->ctx, file, 0), -ENOSPC);
    assert_int_equal(vv_env_fault_hits(fixture->fault), 3);
    env_fixture_assert_text(&fixture->base, file, "jello"); /* nothing was done */
    vv_env_fault_arm(fixture->fault, 0, 0, 0, false);
    assert_int_equal(vv_env_fault_hits(fixture->fault), 0);
    assert_int_equal(env->ops->truncate(env->ctx, file, 0), 0);
    env_fixture_close(&fixture->base, file);
}

static void short_transfers_move_half(void **state)
{
    struct fault_fixture *fixture = *state;
    const struct vv_env *env = fixture->base.env;
    int file = env_fixture_create(&fixture->base, "a", "");
    vv_env_fault_arm(fixture->fault, VV_CALLS_ALL, 1, VV_FAULT_SHORT, true);
    assert_int_equal(env->ops->pwrite(env->ctx, file, "hello", 5, 0), 3);
    assert_int_equal(env_fixture_size(&fixture->base, file), 3);
    char bytes[3];
    assert_int_equal(env->ops->pread(env->ctx, file, bytes, 3, 0), 2);
    assert_int_equal(env->ops->pread(env->ctx, file, bytes, 1, 0), 1);
    env_fixture_close(&fixture->base, file);
}

static void loops_continue_after_short_transfers(void **state)
{
    struct fault_fixture *fixture = *state;
    const struct vv_env *env = fixture->base.env;
    int file = env_fixture_create(&fixture->base, "a", "");
    vv_env_fault_arm(fixture->fault, VV_CALLS_ALL, 1, VV_FAULT_SHORT, true);
    assert_int_equal(vv_env_write_all(env, file, "a longer text", 13, 0), 0);
    char bytes[14] = {0};
    assert_int_equal(vv_env_read_all(env, file, bytes, 13, 0), 0);
    assert_string_equal(bytes, "a longer text");
    assert_true(vv_env_fault_hits(fixture->fault) > 4);
    env_fixture_close(&fixture->base, file);
}

static void requests_of_a_queue_can_fail(void **state)
{
    struct fault_fixture *fixture = *state;
    const struct vv_env *env = fixture->base.env;
    int file = env_fixture_create(&fixture->base, "a", "");
    struct vv_io_queue *queue = NULL;
    assert_int_equal(env->ops->queue_create(env->ctx, 2, &queue), 0);
    char text[] = "text";
    struct vv_io write = {.kind = VV_IO_WRITE, .file = file, .bytes = text, .length = 4};
    struct vv_io sync = {.kind = VV_IO_FDATASYNC, .file = file};
    struct vv_io *requests[] = {&write, &sync};
    vv_env_fault_arm(fixture->fault, VV_CALL_BIT(VV_CALL_FDATASYNC), 1, EIO, false);
    assert_int_equal(env->ops->submit(env->ctx, queue, requests, 2), 2);
    struct vv_io *done[2];
    assert_int_equal(env->ops->reap(env->ctx, queue, done, 2), 2);
    assert_int_equal(write.result, 4);
    assert_int_equal(sync.result, -EIO);
    env->ops->queue_destroy(env->ctx, queue);
    vv_env_fault_arm(fixture->fault, VV_CALL_BIT(VV_CALL_QUEUE_CREATE), 1, ENOMEM, false);
    assert_int_equal(env->ops->queue_create(env->ctx, 2, &queue), -ENOMEM);
    env_fixture_close(&fixture->base, file);
}

static void a_failed_close_has_closed(void **state)
{
    struct fault_fixture *fixture = *state;
    const struct vv_env *env = fixture->base.env;
    int file = env_fixture_create(&fixture->base, "a", "hello");
    vv_env_fault_arm(fixture->fault, VV_CALL_BIT(VV_CALL_CLOSE), 1, EIO, false);
    assert_int_equal(env->ops->close(env->ctx, file), -EIO);
    assert_int_equal(env->ops->fdatasync(env->ctx, file), -EBADF);
}

/* One call of each kind that can fail, as the nth-call loop of an engine test makes them. Whatever
 * fails, everything is released; returns the first error. */
static int run_scenario(const struct vv_env *env, const char *root)
{
    char path[256];
    char moved[256];
    (void)snprintf(path, sizeof(path), "%s/inner", root);
    (void)snprintf(moved, sizeof(moved), "%s/moved", root);
    struct vv_file_status status;
    uint64_t free_bytes = 0;
    int file = -1;
    int error = env->ops->make_directory(env->ctx, path);
    if (error == 0) {
        error = env->ops->rename_path(env->ctx, path, moved);
    }
    if (error == 0) {
        error = env->ops->stat_path(env->ctx, moved, &status);
    }
    int directory = error == 0 ? env->ops->open_directory(env->ctx, moved) : error;
    if (directory >= 0) {
        error = env->ops->free_bytes(env->ctx, directory, &free_bytes);
        file = error == 0 ? env->ops->open(env->ctx, directory, "a", VV_OPEN_CREATE) : error;
    } else {
        error = directory;
    }
    if (file >= 0) {
        error = env->ops->lock(env->ctx, file);
        if (error == 0) {
            error = vv_env_write_all(env, file, "hello", 5, 0);
        }
        if (error == 0) {
            error = env->ops->fdatasync(env->ctx, file);
        }
        int close_error = env->ops->close(env->ctx, file);
        error = error != 0 ? error : close_error;
    } else if (directory >= 0) {
        error = file;
    }
    if (directory >= 0) {
        error = error != 0 ? error : env->ops->sync_directory(env->ctx, directory);
        int unlink_error = env->ops->unlink(env->ctx, directory, "a");
        error = error != 0 ? error : unlink_error;
        int close_error = env->ops->close(env->ctx, directory);
        error = error != 0 ? error : close_error;
    }
    return error;
}

static void the_loop_over_all_calls_ends_and_hits_each_once(void **state)
{
    struct fault_fixture *fixture = *state;
    uint64_t hits = 0;
    for (uint64_t n = 1;; n++) {
        char root[200];
        assert_true(vv_test_temporary_create(root, sizeof(root)));
        vv_env_fault_arm(fixture->fault, VV_CALLS_ALL, n, EDQUOT, false);
        int error = run_scenario(fixture->base.env, root);
        bool was_hit = vv_env_fault_hits(fixture->fault) > 0;
        assert_int_equal(error, was_hit ? -EDQUOT : 0);
        vv_env_fault_arm(fixture->fault, 0, 0, 0, false);
        assert_true(vv_test_temporary_remove(root));
        if (!was_hit) {
            break;
        }
        hits++;
    }
    assert_int_equal(hits, 13);
}

static void calls_are_counted_and_logged(void **state)
{
    struct fault_fixture *fixture = *state;
    uint64_t total_before = vv_env_fault_total(fixture->fault);
    int file = env_fixture_create(&fixture->base, "a-file", "hello");
    vv_env_fault_arm(fixture->fault, VV_CALL_BIT(VV_CALL_FDATASYNC), 1, EIO, false);
    (void)fixture->base.env->ops->fdatasync(fixture->base.env->ctx, file);
    assert_int_equal(vv_env_fault_total(fixture->fault), total_before + 3);
    assert_int_equal(vv_env_fault_count(fixture->fault, VV_CALL_PWRITE), 1);

    struct vv_call_record records[3];
    assert_int_equal(vv_env_fault_log(fixture->fault, records, 3), 3);
    assert_int_equal(records[0].call, VV_CALL_OPEN);
    assert_string_equal(records[0].name, "a-file");
    assert_int_equal(records[0].result, file);
    assert_int_equal(records[1].call, VV_CALL_PWRITE);
    assert_int_equal(records[1].file, file);
    assert_int_equal(records[1].length, 5);
    assert_int_equal(records[1].result, 5);
    assert_false(records[1].injected);
    assert_string_equal(vv_call_name(records[2].call), "fdatasync");
    assert_int_equal(records[2].result, -EIO);
    assert_true(records[2].injected);
    assert_int_equal(records[2].sequence, records[0].sequence + 2);
    env_fixture_close(&fixture->base, file);
}

static void the_log_keeps_the_newest_calls(void **state)
{
    struct fault_fixture *fixture = *state;
    const struct vv_env *env = fixture->base.env;
    int file = env_fixture_create(&fixture->base, "a", "hello");
    for (uint64_t offset = 0; offset < 3000; offset++) {
        char byte;
        (void)env->ops->pread(env->ctx, file, &byte, 1, offset);
    }
    static struct vv_call_record records[5000];
    size_t count = vv_env_fault_log(fixture->fault, records, 5000);
    assert_int_equal(count, 1024);
    assert_int_equal(records[count - 1].offset, 2999);
    assert_int_equal(records[0].offset, 2999 - 1023);
    env_fixture_close(&fixture->base, file);
}

struct parallel_syncs {
    const struct vv_env *env;
    int file;
    atomic_int errors;
};

static void sync_often(void *argument)
{
    struct parallel_syncs *syncs = argument;
    for (int count = 0; count < 200; count++) {
        struct vv_file_status status;
        if (syncs->env->ops->stat(syncs->env->ctx, syncs->file, &status) != 0) {
            atomic_fetch_add(&syncs->errors, 1);
        }
    }
}

static void one_thread_of_many_meets_the_fault(void **state)
{
    struct fault_fixture *fixture = *state;
    struct parallel_syncs syncs = {.env = fixture->base.env,
                                   .file = env_fixture_create(&fixture->base, "a", "hello")};
    vv_env_fault_arm(fixture->fault, VV_CALL_BIT(VV_CALL_STAT), 500, EIO, false);
    struct vv_thread threads[4];
    for (int index = 0; index < 4; index++) {
        assert_int_equal(vv_thread_start(&threads[index], sync_often, &syncs), 0);
    }
    for (int index = 0; index < 4; index++) {
        vv_thread_join(&threads[index]);
    }
    assert_int_equal(atomic_load(&syncs.errors), 1);
    assert_int_equal(vv_env_fault_count(fixture->fault, VV_CALL_STAT), 800);
    env_fixture_close(&fixture->base, syncs.file);
}

static void creating_it_reports_that_memory_is_out(void **state)
{
    (void)state;
    vv_alloc_fail_at(1);
    assert_null(vv_env_fault_create(vv_env_posix()));
    vv_env_fault_destroy(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ENV_CONTRACT_TESTS(setup, teardown),
        cmocka_unit_test_setup_teardown(the_nth_matching_call_fails_once, setup, teardown),
        cmocka_unit_test_setup_teardown(a_persistent_fault_stays, setup, teardown),
        cmocka_unit_test_setup_teardown(short_transfers_move_half, setup, teardown),
        cmocka_unit_test_setup_teardown(loops_continue_after_short_transfers, setup, teardown),
        cmocka_unit_test_setup_teardown(requests_of_a_queue_can_fail, setup, teardown),
        cmocka_unit_test_setup_teardown(a_failed_close_has_closed, setup, teardown),
        cmocka_unit_test_setup_teardown(the_loop_over_all_calls_ends_and_hits_each_once, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(calls_are_counted_and_logged, setup, teardown),
        cmocka_unit_test_setup_teardown(the_log_keeps_the_newest_calls, setup, teardown),
        cmocka_unit_test_setup_teardown(one_thread_of_many_meets_the_fault, setup, teardown),
        cmocka_unit_test(creating_it_reports_that_memory_is_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
