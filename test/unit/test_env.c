/*
 * test_env.c - whole reads and writes over an environment that moves a few bytes at a time.
 */
#include "os/env.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <errno.h>
#include <string.h>

/* A file of 100 bytes in memory, of which one call moves at most `step` bytes. */
struct dribble {
    uint8_t bytes[100];
    size_t size;
    size_t step;
    int calls;
    int fail_call; /* this call fails, 0 = none */
};

static int64_t dribble_pread(void *ctx, int file, void *bytes, size_t length, uint64_t offset)
{
    struct dribble *dribble = ctx;
    assert_int_equal(file, 7);
    if (++dribble->calls == dribble->fail_call) {
        return -EIO;
    }
    size_t left = offset < dribble->size ? dribble->size - offset : 0;
    size_t count = length < dribble->step ? length : dribble->step;
    count = count < left ? count : left;
    memcpy(bytes, dribble->bytes + offset, count);
    return (int64_t)count;
}

static int64_t dribble_pwrite(void *ctx, int file, const void *bytes, size_t length,
                              uint64_t offset)
{
    struct dribble *dribble = ctx;
    assert_int_equal(file, 7);
    if (++dribble->calls == dribble->fail_call) {
        return -ENOSPC;
    }
    size_t count = length < dribble->step ? length : dribble->step;
    memcpy(dribble->bytes + offset, bytes, count);
    return (int64_t)count;
}

static const struct vv_env_ops dribble_ops = {.pread = dribble_pread, .pwrite = dribble_pwrite};

static void short_counts_are_continued(void **state)
{
    (void)state;
    struct dribble dribble = {.size = 100, .step = 3};
    const struct vv_env env = {.ops = &dribble_ops, .ctx = &dribble};
    assert_int_equal(vv_env_write_all(&env, 7, "0123456789", 10, 5), 0);
    assert_int_equal(dribble.calls, 4);
    char found[10];
    assert_int_equal(vv_env_read_all(&env, 7, found, 10, 5), 0);
    assert_memory_equal(found, "0123456789", 10);
    assert_int_equal(dribble.calls, 8);
}

static void nothing_is_done_for_no_bytes(void **state)
{
    (void)state;
    struct dribble dribble = {.step = 3};
    const struct vv_env env = {.ops = &dribble_ops, .ctx = &dribble};
    assert_int_equal(vv_env_write_all(&env, 7, NULL, 0, 5), 0);
    assert_int_equal(vv_env_read_all(&env, 7, NULL, 0, 5), 0);
    assert_int_equal(dribble.calls, 0);
}

static void an_error_ends_the_loop(void **state)
{
    (void)state;
    struct dribble dribble = {.size = 100, .step = 3, .fail_call = 2};
    const struct vv_env env = {.ops = &dribble_ops, .ctx = &dribble};
    char bytes[10] = {0};
    assert_int_equal(vv_env_write_all(&env, 7, bytes, 10, 0), -ENOSPC);
    assert_int_equal(dribble.calls, 2);
    dribble.calls = 0;
    assert_int_equal(vv_env_read_all(&env, 7, bytes, 10, 0), -EIO);
    assert_int_equal(dribble.calls, 2);
}

static void the_end_of_the_file_is_no_data(void **state)
{
    (void)state;
    struct dribble dribble = {.size = 8, .step = 5};
    const struct vv_env env = {.ops = &dribble_ops, .ctx = &dribble};
    char bytes[10];
    assert_int_equal(vv_env_read_all(&env, 7, bytes, 8, 0), 0);
    assert_int_equal(vv_env_read_all(&env, 7, bytes, 9, 0), -ENODATA);
    assert_int_equal(vv_env_read_all(&env, 7, bytes, 1, 50), -ENODATA);
}

static void a_write_without_progress_is_an_error(void **state)
{
    (void)state;
    struct dribble dribble = {.size = 100, .step = 0};
    const struct vv_env env = {.ops = &dribble_ops, .ctx = &dribble};
    assert_int_equal(vv_env_write_all(&env, 7, "x", 1, 0), -EIO);
    assert_int_equal(dribble.calls, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(short_counts_are_continued),
        cmocka_unit_test(nothing_is_done_for_no_bytes),
        cmocka_unit_test(an_error_ends_the_loop),
        cmocka_unit_test(the_end_of_the_file_is_no_data),
        cmocka_unit_test(a_write_without_progress_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
