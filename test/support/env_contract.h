/*
 * env_contract.h - what every environment behind os/env.h has to do, as tests that each backend's
 * own test program runs.
 *
 * The program's setup puts a struct env_fixture into *state: an environment and an existing, empty
 * directory in it.
 */
#ifndef VARVE_TEST_SUPPORT_ENV_CONTRACT_H
#define VARVE_TEST_SUPPORT_ENV_CONTRACT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include <errno.h>

#include "os/env.h"

struct env_fixture {
    const struct vv_env *env;
    char root[200];
    int directory; /* root, open */
};

static int env_fixture_open(const struct env_fixture *fixture, const char *name,
                            enum vv_open_mode mode)
{
    return fixture->env->ops->open(fixture->env->ctx, fixture->directory, name, mode);
}

static void env_fixture_close(const struct env_fixture *fixture, int file)
{
    assert_int_equal(fixture->env->ops->close(fixture->env->ctx, file), 0);
}

/* Makes a file of the given text and leaves it open. */
static int env_fixture_create(const struct env_fixture *fixture, const char *name, const char *text)
{
    int file = env_fixture_open(fixture, name, VV_OPEN_CREATE);
    assert_true(file >= 0);
    assert_int_equal(vv_env_write_all(fixture->env, file, text, strlen(text), 0), 0);
    return file;
}

static uint64_t env_fixture_size(const struct env_fixture *fixture, int file)
{
    struct vv_file_status status;
    assert_int_equal(fixture->env->ops->stat(fixture->env->ctx, file, &status), 0);
    return status.size;
}

static void env_fixture_assert_text(const struct env_fixture *fixture, int file, const char *text)
{
    char found[256] = {0};
    assert_int_equal(env_fixture_size(fixture, file), strlen(text));
    assert_int_equal(vv_env_read_all(fixture->env, file, found, strlen(text), 0), 0);
    assert_string_equal(found, text);
}

static inline void contract_written_bytes_are_read_back(void **state)
{
    const struct env_fixture *fixture = *state;
    int file = env_fixture_create(fixture, "a", "hello");
    assert_int_equal(vv_env_write_all(fixture->env, file, "p me", 4, 3), 0);
    env_fixture_assert_text(fixture, file, "help me");
    env_fixture_close(fixture, file);

    file = env_fixture_open(fixture, "a", VV_OPEN_READ);
    env_fixture_assert_text(fixture, file, "help me");
    assert_true(fixture->env->ops->pwrite(fixture->env->ctx, file, "x", 1, 0) < 0);
    env_fixture_close(fixture, file);
}

static inline void contract_a_gap_reads_as_zeros(void **state)
{
    const struct env_fixture *fixture = *state;
    int file = env_fixture_create(fixture, "a", "x");
    assert_int_equal(vv_env_write_all(fixture->env, file, "y", 1, 1500), 0);
    char bytes[1501];
    assert_int_equal(vv_env_read_all(fixture->env, file, bytes, sizeof(bytes), 0), 0);
    assert_int_equal(bytes[0], 'x');
    for (size_t index = 1; index < 1500; index++) {
        assert_int_equal(bytes[index], 0);
    }
    assert_int_equal(bytes[1500], 'y');
    env_fixture_close(fixture, file);
}

static inline void contract_reading_past_the_end_is_short(void **state)
{
    const struct env_fixture *fixture = *state;
    const struct vv_env *env = fixture->env;
    int file = env_fixture_create(fixture, "a", "hello");
    char bytes[16];
    assert_int_equal(env->ops->pread(env->ctx, file, bytes, sizeof(bytes), 2), 3);
    assert_int_equal(env->ops->pread(env->ctx, file, bytes, sizeof(bytes), 5), 0);
    assert_int_equal(env->ops->pread(env->ctx, file, bytes, sizeof(bytes), 100), 0);
    assert_int_equal(vv_env_read_all(env, file, bytes, 6, 0), -ENODATA);
    env_fixture_close(fixture, file);
}

static inline void contract_open_modes_do_what_they_say(void **state)
{
    const struct env_fixture *fixture = *state;
    assert_int_equal(env_fixture_open(fixture, "a", VV_OPEN_READ), -ENOENT);
    assert_int_equal(env_fixture_open(fixture, "a", VV_OPEN_WRITE), -ENOENT);
    env_fixture_close(fixture, env_fixture_create(fixture, "a", "text"));
    assert_int_equal(env_fixture_open(fixture, "a", VV_OPEN_CREATE), -EEXIST);
    int file = env_fixture_open(fixture, "a", VV_OPEN_WRITE);
    env_fixture_assert_text(fixture, file, "text");
    env_fixture_close(fixture, file);
    file = env_fixture_open(fixture, "a", VV_OPEN_TRUNCATE);
    assert_int_equal(env_fixture_size(fixture, file), 0);
    env_fixture_close(fixture, file);
    file = env_fixture_open(fixture, "b", VV_OPEN_TRUNCATE);
    assert_true(file >= 0);
    env_fixture_close(fixture, file);
}

static inline void contract_truncate_cuts_and_grows_with_zeros(void **state)
{
    const struct env_fixture *fixture = *state;
    const struct vv_env *env = fixture->env;
    int file = env_fixture_create(fixture, "a", "hello");
    assert_int_equal(env->ops->truncate(env->ctx, file, 2), 0);
    env_fixture_assert_text(fixture, file, "he");
    assert_int_equal(env->ops->truncate(env->ctx, file, 4), 0);
    char bytes[4];
    assert_int_equal(vv_env_read_all(env, file, bytes, 4, 0), 0);
    assert_memory_equal(bytes, "he\0\0", 4);
    env_fixture_close(fixture, file);
}

static inline void contract_held_room_does_not_show(void **state)
{
    const struct env_fixture *fixture = *state;
    const struct vv_env *env = fixture->env;
    int file = env_fixture_create(fixture, "a", "hello");
    int error = env->ops->hold_room(env->ctx, file, 10000);
    if (error != -EOPNOTSUPP) {
        assert_int_equal(error, 0);
        assert_int_equal(env->ops->hold_room(env->ctx, file, 3), 0);
        env_fixture_assert_text(fixture, file, "hello");
    }
    env_fixture_close(fixture, file);
}

static inline void contract_preallocate_never_shrinks(void **state)
{
    const struct env_fixture *fixture = *state;
    const struct vv_env *env = fixture->env;
    int file = env_fixture_create(fixture, "a", "hello");
    int error = env->ops->preallocate(env->ctx, file, 3);
    if (error != -EOPNOTSUPP) {
        assert_int_equal(error, 0);
        env_fixture_assert_text(fixture, file, "hello");
        assert_int_equal(env->ops->preallocate(env->ctx, file, 10000), 0);
        assert_int_equal(env_fixture_size(fixture, file), 10000);
        char bytes[10];
        assert_int_equal(vv_env_read_all(env, file, bytes, 10, 0), 0);
        assert_memory_equal(bytes, "hello\0\0\0\0\0", 10);
    }
    env_fixture_close(fixture, file);
}

static inline void contract_syncs_succeed(void **state)
{
    const struct env_fixture *fixture = *state;
    const struct vv_env *env = fixture->env;
    int file = env_fixture_create(fixture, "a", "hello");
    assert_int_equal(env->ops->fdatasync(env->ctx, file), 0);
    assert_int_equal(env->ops->sync_directory(env->ctx, fixture->directory), 0);
    env_fixture_close(fixture, file);
}

static inline void contract_rename_replaces_its_target(void **state)
{
    const struct env_fixture *fixture = *state;
    const struct vv_env *env = fixture->env;
    env_fixture_close(fixture, env_fixture_create(fixture, "a", "new"));
    env_fixture_close(fixture, env_fixture_create(fixture, "b", "old"));
    assert_int_equal(env->ops->rename(env->ctx, fixture->directory, "a", "b"), 0);
    assert_int_equal(env_fixture_open(fixture, "a", VV_OPEN_READ), -ENOENT);
    int file = env_fixture_open(fixture, "b", VV_OPEN_READ);
    env_fixture_assert_text(fixture, file, "new");
    env_fixture_close(fixture, file);
    assert_int_equal(env->ops->rename(env->ctx, fixture->directory, "none", "b"), -ENOENT);
}

static inline void contract_links_share_one_file(void **state)
{
    const struct env_fixture *fixture = *state;
    const struct vv_env *env = fixture->env;
    int directory = fixture->directory;
    env_fixture_close(fixture, env_fixture_create(fixture, "a", "text"));
    assert_int_equal(env->ops->link(env->ctx, directory, "a", directory, "b"), 0);
    assert_int_equal(env->ops->link(env->ctx, directory, "a", directory, "b"), -EEXIST);
    assert_int_equal(env->ops->unlink(env->ctx, directory, "a"), 0);
    int file = env_fixture_open(fixture, "b", VV_OPEN_READ);
    env_fixture_assert_text(fixture, file, "text");
    env_fixture_close(fixture, file);
    assert_int_equal(env->ops->unlink(env->ctx, directory, "a"), -ENOENT);
}

static inline void contract_an_unlinked_file_lives_until_it_is_closed(void **state)
{
    const struct env_fixture *fixture = *state;
    const struct vv_env *env = fixture->env;
    int file = env_fixture_create(fixture, "a", "text");
    assert_int_equal(env->ops->unlink(env->ctx, fixture->directory, "a"), 0);
    env_fixture_assert_text(fixture, file, "text");
    env_fixture_close(fixture, file);
}

enum { LISTED_BYTES = 100 };

/* visitor: char[LISTED_BYTES], the names so far, each with a blank behind it. */
static int collect_name(void *visitor, const char *name)
{
    char *names = visitor;
    size_t length = strlen(names);
    (void)snprintf(names + length, LISTED_BYTES - length, "%s ", name);
    return 0;
}

static int stop_at_first(void *visitor, const char *name)
{
    (void)name;
    return ++*(int *)visitor == 1 ? 42 : 0;
}

static inline void contract_list_visits_every_name_once(void **state)
{
    const struct env_fixture *fixture = *state;
    const struct vv_env *env = fixture->env;
    env_fixture_close(fixture, env_fixture_create(fixture, "one", ""));
    env_fixture_close(fixture, env_fixture_create(fixture, ".two", ""));
    env_fixture_close(fixture, env_fixture_create(fixture, "three", ""));
    for (int round = 0; round < 2; round++) {
        char names[LISTED_BYTES] = "";
        assert_int_equal(env->ops->list(env->ctx, fixture->directory, collect_name, names), 0);
        assert_int_equal(strlen(names), strlen("one .two three "));
        assert_non_null(strstr(names, "one "));
        assert_non_null(strstr(names, ".two "));
        assert_non_null(strstr(names, "three "));
    }
    int visits = 0;
    assert_int_equal(env->ops->list(env->ctx, fixture->directory, stop_at_first, &visits), 42);
    assert_int_equal(visits, 1);
}

static inline void contract_directories_are_made_renamed_and_removed(void **state)
{
    const struct env_fixture *fixture = *state;
    const struct vv_env *env = fixture->env;
    char from[256];
    char to[256];
    (void)snprintf(from, sizeof(from), "%s/from", fixture->root);
    (void)snprintf(to, sizeof(to), "%s/to", fixture->root);
    assert_int_equal(env->ops->open_directory(env->ctx, from), -ENOENT);
    assert_int_equal(env->ops->make_directory(env->ctx, from), 0);
    assert_int_equal(env->ops->make_directory(env->ctx, from), -EEXIST);
    assert_int_equal(env->ops->make_directory(env->ctx, to), 0);
    assert_int_equal(env->ops->rename_path(env->ctx, from, to), -EEXIST);
    assert_int_equal(env->ops->remove_directory(env->ctx, to), 0);
    assert_int_equal(env->ops->rename_path(env->ctx, from, to), 0);

    int inner = env->ops->open_directory(env->ctx, to);
    assert_true(inner >= 0);
    int file = env->ops->open(env->ctx, inner, "a", VV_OPEN_CREATE);
    env_fixture_close(fixture, file);
    assert_int_equal(env->ops->remove_directory(env->ctx, to), -ENOTEMPTY);
    assert_int_equal(env->ops->unlink(env->ctx, inner, "a"), 0);
    env_fixture_close(fixture, inner);
    assert_int_equal(env->ops->remove_directory(env->ctx, to), 0);
    assert_int_equal(env->ops->remove_directory(env->ctx, to), -ENOENT);
}

static inline void contract_directories_swap_their_names(void **state)
{
    const struct env_fixture *fixture = *state;
    const struct vv_env *env = fixture->env;
    char one[256];
    char other[256];
    struct vv_file_status before[2];
    struct vv_file_status after[2];
    (void)snprintf(one, sizeof(one), "%s/one", fixture->root);
    (void)snprintf(other, sizeof(other), "%s/other", fixture->root);
    assert_int_equal(env->ops->make_directory(env->ctx, one), 0);
    assert_int_equal(env->ops->exchange_paths(env->ctx, one, other), -ENOENT);
    assert_int_equal(env->ops->make_directory(env->ctx, other), 0);
    assert_int_equal(env->ops->stat_path(env->ctx, one, &before[0]), 0);
    assert_int_equal(env->ops->stat_path(env->ctx, other, &before[1]), 0);
    assert_int_equal(env->ops->exchange_paths(env->ctx, one, other), 0);
    assert_int_equal(env->ops->stat_path(env->ctx, one, &after[0]), 0);
    assert_int_equal(env->ops->stat_path(env->ctx, other, &after[1]), 0);
    assert_true(after[0].inode == before[1].inode && after[1].inode == before[0].inode);
    assert_int_equal(env->ops->sync_directory(env->ctx, fixture->directory), 0);
    assert_int_equal(env->ops->remove_directory(env->ctx, one), 0);
    assert_int_equal(env->ops->remove_directory(env->ctx, other), 0);
}

static inline void contract_status_tells_size_inode_and_kind(void **state)
{
    const struct env_fixture *fixture = *state;
    const struct vv_env *env = fixture->env;
    struct vv_file_status by_handle;
    struct vv_file_status by_path;
    char path[256];
    (void)snprintf(path, sizeof(path), "%s/a", fixture->root);
    assert_int_equal(env->ops->stat_path(env->ctx, path, &by_path), -ENOENT);
    int file = env_fixture_create(fixture, "a", "hello");
    assert_int_equal(env->ops->stat(env->ctx, file, &by_handle), 0);
    assert_int_equal(env->ops->stat_path(env->ctx, path, &by_path), 0);
    assert_int_equal(by_handle.size, 5);
    assert_int_equal(by_path.size, 5);
    assert_int_equal(by_handle.inode, by_path.inode);
    assert_false(by_handle.is_directory);
    env_fixture_close(fixture, file);
    assert_int_equal(env->ops->stat_path(env->ctx, fixture->root, &by_path), 0);
    assert_true(by_path.is_directory);
    assert_int_not_equal(by_path.inode, by_handle.inode);
}

static inline void contract_a_lock_excludes_other_handles_until_it_is_closed(void **state)
{
    const struct env_fixture *fixture = *state;
    const struct vv_env *env = fixture->env;
    int holder = env_fixture_create(fixture, "lock", "");
    int other = env_fixture_open(fixture, "lock", VV_OPEN_WRITE);
    int third = env_fixture_open(fixture, "lock", VV_OPEN_READ);
    assert_int_equal(env->ops->lock(env->ctx, holder), 0);
    assert_int_equal(env->ops->lock(env->ctx, other), -EWOULDBLOCK);
    env_fixture_close(fixture, third); /* closing a handle that does not hold it loses nothing */
    assert_int_equal(env->ops->lock(env->ctx, other), -EWOULDBLOCK);
    env_fixture_close(fixture, holder);
    assert_int_equal(env->ops->lock(env->ctx, other), 0);
    env_fixture_close(fixture, other);
}

static inline void contract_a_mapping_shows_the_file_and_outlives_its_handle(void **state)
{
    const struct env_fixture *fixture = *state;
    const struct vv_env *env = fixture->env;
    int file = env_fixture_create(fixture, "a", "hello");
    const uint8_t *bytes = NULL;
    assert_int_equal(env->ops->map(env->ctx, file, 5, &bytes), 0);
    env_fixture_close(fixture, file);
    assert_int_equal(env->ops->unlink(env->ctx, fixture->directory, "a"), 0);
    assert_int_equal(env->ops->populate(env->ctx, bytes + 1, 4), 0);
    env->ops->evict(env->ctx, bytes, 5);
    assert_memory_equal(bytes, "hello", 5);
    assert_int_equal(env->ops->unmap(env->ctx, bytes, 5), 0);
}

static inline void contract_a_queue_performs_and_returns_each_request_once(void **state)
{
    const struct env_fixture *fixture = *state;
    const struct vv_env *env = fixture->env;
    int file = env_fixture_open(fixture, "a", VV_OPEN_CREATE);
    struct vv_io_queue *queue = NULL;
    assert_int_equal(env->ops->queue_create(env->ctx, 4, &queue), 0);
    char text[] = "0123456789";
    struct vv_io requests[6];
    struct vv_io *pointers[6];
    for (int index = 0; index < 6; index++) {
        requests[index] = (struct vv_io){.kind = VV_IO_WRITE,
                                         .file = file,
                                         .bytes = text + index,
                                         .length = 1,
                                         .offset = (uint64_t)index,
                                         .result = -1};
        pointers[index] = &requests[index];
    }
    struct vv_io *done[6];
    assert_int_equal(env->ops->reap(env->ctx, queue, done, 6), 0);
    assert_int_equal(env->ops->submit(env->ctx, queue, pointers, 6), 4); /* full */
    unsigned seen = 0;
    while (seen < 4) {
        int count = env->ops->reap(env->ctx, queue, done, 3);
        assert_true(count > 0 && count <= 3);
        for (int index = 0; index < count; index++) {
            assert_int_equal(done[index]->result, 1);
            done[index]->result = -1;
            seen++;
        }
    }
    assert_int_equal(env->ops->reap(env->ctx, queue, done, 6), 0);
    env_fixture_assert_text(fixture, file, "0123");
    struct vv_io sync = {.kind = VV_IO_FDATASYNC, .file = file, .result = -1};
    struct vv_io bad = {.kind = VV_IO_READ, .file = 1 << 20, .bytes = text, .length = 1};
    struct vv_io *pair[] = {&sync, &bad};
    assert_int_equal(env->ops->submit(env->ctx, queue, pair, 2), 2);
    while (env->ops->reap(env->ctx, queue, done, 6) > 0) {}
    assert_int_equal(sync.result, 0);
    assert_int_equal(bad.result, -EBADF);
    env->ops->queue_destroy(env->ctx, queue);
    env_fixture_close(fixture, file);
}

static inline void contract_time_does_not_run_backwards(void **state)
{
    const struct vv_env *env = ((const struct env_fixture *)*state)->env;
    int64_t before_ns = env->ops->now_monotonic_ns(env->ctx);
    env->ops->sleep_ns(env->ctx, 1000000);
    env->ops->sleep_ns(env->ctx, -1);
    assert_true(env->ops->now_monotonic_ns(env->ctx) >= before_ns + 1000000);
}

static inline void contract_random_bytes_differ(void **state)
{
    const struct vv_env *env = ((const struct env_fixture *)*state)->env;
    uint8_t first[32] = {0};
    uint8_t second[32] = {0};
    assert_int_equal(env->ops->random_bytes(env->ctx, first, sizeof(first)), 0);
    assert_int_equal(env->ops->random_bytes(env->ctx, second, sizeof(second)), 0);
    assert_memory_not_equal(first, second, sizeof(first));
}

static inline void contract_free_bytes_are_reported(void **state)
{
    const struct env_fixture *fixture = *state;
    uint64_t bytes = 0;
    assert_int_equal(fixture->env->ops->free_bytes(fixture->env->ctx, fixture->directory, &bytes),
                     0);
    assert_true(bytes > 0);
}

/* The entries for a program's list of tests. */
#define ENV_CONTRACT_TEST(name, setup, teardown)                                                   \
    cmocka_unit_test_setup_teardown(contract_##name, setup, teardown)
#define ENV_CONTRACT_TESTS(setup, teardown)                                                        \
    ENV_CONTRACT_TEST(written_bytes_are_read_back, setup, teardown),                               \
        ENV_CONTRACT_TEST(a_gap_reads_as_zeros, setup, teardown),                                  \
        ENV_CONTRACT_TEST(reading_past_the_end_is_short, setup, teardown),                         \
        ENV_CONTRACT_TEST(open_modes_do_what_they_say, setup, teardown),                           \
        ENV_CONTRACT_TEST(truncate_cuts_and_grows_with_zeros, setup, teardown),                    \
        ENV_CONTRACT_TEST(held_room_does_not_show, setup, teardown),                               \
        ENV_CONTRACT_TEST(preallocate_never_shrinks, setup, teardown),                             \
        ENV_CONTRACT_TEST(syncs_succeed, setup, teardown),                                         \
        ENV_CONTRACT_TEST(rename_replaces_its_target, setup, teardown),                            \
        ENV_CONTRACT_TEST(links_share_one_file, setup, teardown),                                  \
        ENV_CONTRACT_TEST(an_unlinked_file_lives_until_it_is_closed, setup, teardown),             \
        ENV_CONTRACT_TEST(list_visits_every_name_once, setup, teardown),                           \
        ENV_CONTRACT_TEST(directories_are_made_renamed_and_removed, setup, teardown),              \
        ENV_CONTRACT_TEST(directories_swap_their_names, setup, teardown),                          \
        ENV_CONTRACT_TEST(status_tells_size_inode_and_kind, setup, teardown),                      \
        ENV_CONTRACT_TEST(a_lock_excludes_other_handles_until_it_is_closed, setup, teardown),      \
        ENV_CONTRACT_TEST(a_mapping_shows_the_file_and_outlives_its_handle, setup, teardown),      \
        ENV_CONTRACT_TEST(a_queue_performs_and_returns_each_request_once, setup, teardown),        \
        ENV_CONTRACT_TEST(time_does_not_run_backwards, setup, teardown),                           \
        ENV_CONTRACT_TEST(random_bytes_differ, setup, teardown),                                   \
        ENV_CONTRACT_TEST(free_bytes_are_reported, setup, teardown)

#endif
