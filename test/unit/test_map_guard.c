/* Tests of map_guard.c: pages that are gone read as zeros and set the flag of their mapping; a
 * SIGBUS that is not ours reaches the handler before. */
#include "os/map_guard.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "os/env.h"
#include "support/temporary.h"

enum { PAGE_BYTES = 4096, PAGES = 4 };

struct file {
    char folder[256];
    char path[300];
    int fd;
};

static struct file make_file(void)
{
    struct file file;
    static const uint8_t page[PAGE_BYTES] = {7};
    assert_true(vv_test_temporary_create(file.folder, sizeof(file.folder)));
    (void)snprintf(file.path, sizeof(file.path), "%s/f", file.folder);
    FILE *stream = fopen(file.path, "w+");
    assert_non_null(stream);
    for (int i = 0; i < PAGES; i++) {
        assert_int_equal(fwrite(page, sizeof(page), 1, stream), 1);
    }
    assert_int_equal(fflush(stream), 0);
    file.fd = dup(fileno(stream));
    (void)fclose(stream);
    return file;
}

static void remove_file(struct file *file)
{
    (void)close(file->fd);
    assert_true(vv_test_temporary_remove(file->folder));
}

static const uint8_t *map_file(const struct file *file)
{
    const struct vv_env *env = vv_env_posix();
    const uint8_t *bytes = NULL;
    assert_int_equal(env->ops->map(env->ctx, file->fd, PAGES * PAGE_BYTES, &bytes), 0);
    return bytes;
}

static void unmap_file(const uint8_t *bytes)
{
    const struct vv_env *env = vv_env_posix();
    assert_int_equal(env->ops->unmap(env->ctx, bytes, PAGES * PAGE_BYTES), 0);
}

static uint8_t look(const uint8_t *bytes, size_t at)
{
    return ((const volatile uint8_t *)bytes)[at];
}

static void a_page_that_is_gone_reads_as_zeros_and_is_told(void **state)
{
    (void)state;
    struct file one = make_file(), other = make_file();
    const uint8_t *bytes = map_file(&one), *others = map_file(&other);
    const _Atomic(bool) *lost = vv_map_guard_flag(bytes);
    uint64_t losses = atomic_load(&vv_map_guard_losses);
    assert_int_equal(vv_map_guard_install(), 0);
    assert_int_equal(vv_map_guard_install(), 0); /* once for all */
    assert_int_equal(look(bytes, 2 * PAGE_BYTES), 7);
    assert_false(atomic_load(lost));
    assert_int_equal(ftruncate(one.fd, PAGE_BYTES), 0);
    assert_int_equal(look(bytes, 0), 7);
    assert_false(atomic_load(lost));
    assert_int_equal(look(bytes, 2 * PAGE_BYTES), 0);
    assert_true(atomic_load(lost));
    assert_int_equal(look(bytes, 3 * PAGE_BYTES + 5), 0);
    assert_int_equal(atomic_load(&vv_map_guard_losses), losses + 2);
    assert_false(atomic_load(vv_map_guard_flag(others)));
    unmap_file(bytes);
    /* What is mapped there next starts afresh. */
    const uint8_t *again = map_file(&other);
    assert_false(atomic_load(vv_map_guard_flag(again)));
    unmap_file(again);
    unmap_file(others);
    remove_file(&one);
    remove_file(&other);
}

static void what_is_no_mapping_is_never_lost(void **state)
{
    (void)state;
    static const uint8_t memory[8];
    assert_false(atomic_load(vv_map_guard_flag(NULL)));
    assert_false(atomic_load(vv_map_guard_flag(memory)));
}

/* More mappings than there is room for: the rest is unguarded, and nothing is confused. */
static void a_full_table_leaves_the_rest_unguarded(void **state)
{
    (void)state;
    enum { MANY = 5000 };
    static const uint8_t addresses[MANY * 2];
    for (size_t i = 0; i < MANY; i++) {
        vv_map_guard_add(addresses + 2 * i, 1);
    }
    assert_ptr_equal(vv_map_guard_flag(addresses + 2 * (MANY - 1)), vv_map_guard_flag(NULL));
    assert_ptr_not_equal(vv_map_guard_flag(addresses), vv_map_guard_flag(NULL));
    for (size_t i = 0; i < MANY; i++) {
        vv_map_guard_remove(addresses + 2 * i);
    }
    assert_ptr_equal(vv_map_guard_flag(addresses), vv_map_guard_flag(NULL));
}

static void exit_with_3(int number)
{
    (void)number;
    _exit(3);
}

static void exit_with_4(int number, siginfo_t *info, void *context)
{
    (void)number;
    (void)context;
    _exit(info->si_addr != NULL ? 4 : 5);
}

/* Touches a page of a mapping that is not ours and gone, in a child; how that ended. */
static int touch_foreign(const struct sigaction *before)
{
    struct file file = make_file();
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        const uint8_t *bytes = mmap(NULL, PAGES * PAGE_BYTES, PROT_READ, MAP_SHARED, file.fd, 0);
        (void)sigaction(SIGBUS, before, NULL);
        if (bytes == MAP_FAILED || vv_map_guard_install() != 0 || ftruncate(file.fd, 0) != 0) {
            _exit(99);
        }
        _exit(look(bytes, PAGE_BYTES));
    }
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    remove_file(&file);
    return status;
}

static void what_is_not_ours_goes_to_the_handler_before(void **state)
{
    (void)state;
    struct sigaction action = {.sa_handler = exit_with_3};
    int status = touch_foreign(&action);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 3);
    action = (struct sigaction){.sa_sigaction = exit_with_4, .sa_flags = SA_SIGINFO};
    status = touch_foreign(&action);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 4);
    action = (struct sigaction){.sa_handler = SIG_DFL};
    status = touch_foreign(&action);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGBUS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_not_ours_goes_to_the_handler_before), /* nothing installed yet */
        cmocka_unit_test(a_page_that_is_gone_reads_as_zeros_and_is_told),
        cmocka_unit_test(what_is_no_mapping_is_never_lost),
        cmocka_unit_test(a_full_table_leaves_the_rest_unguarded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
