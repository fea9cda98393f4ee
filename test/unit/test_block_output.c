/* Tests of block_output.c: what is appended is what the file holds, and failures stick. */
#include "mmap/block_output.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <errno.h>
#include <stdlib.h>

#include "os/env_fault.h"
#include "os/env_sim.h"
#include "support/random.h"
#include "support/temporary.h"

enum { TOTAL_BYTES = 5 << 20, PIECE_BYTES = 1 << 20 };

struct fixture {
    struct vv_env_sim *sim;
    struct vv_env_fault *fault;
    const struct vv_env *env;
    int directory;
};

static int set_up(void **state)
{
    struct fixture *fixture = calloc(1, sizeof(*fixture));
    fixture->sim = vv_env_sim_create(1);
    fixture->fault = vv_env_fault_create(vv_env_sim_env(fixture->sim));
    fixture->env = vv_env_fault_env(fixture->fault);
    fixture->directory = fixture->env->ops->open_directory(fixture->env->ctx, "/");
    *state = fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;
    vv_env_fault_destroy(fixture->fault);
    vv_env_sim_destroy(fixture->sim);
    free(fixture);
    return 0;
}

static uint64_t file_size(struct fixture *fixture, const char *name, uint8_t *bytes)
{
    const struct vv_env *env = fixture->env;
    struct vv_file_status status;
    int file = env->ops->open(env->ctx, fixture->directory, name, VV_OPEN_READ);
    assert_true(file >= 0);
    assert_int_equal(env->ops->stat(env->ctx, file, &status), 0);
    if (bytes != NULL) {
        assert_int_equal(vv_env_read_all(env, file, bytes, status.size, 0), 0);
    }
    (void)env->ops->close(env->ctx, file);
    return status.size;
}

/* Appends TOTAL_BYTES in pieces of random length; the first status that is not OK ends it. */
static varve_status append_all(struct vv_block_output *output, const uint8_t *bytes)
{
    struct vv_test_random random = vv_test_random_init(1);
    size_t done = 0;
    while (done < TOTAL_BYTES) {
        size_t length = vv_test_random_below(&random, 300000);
        length = length < TOTAL_BYTES - done ? length : TOTAL_BYTES - done;
        VV_TRY(vv_block_output_append(output, bytes + done, length, NULL));
        done += length;
        assert_int_equal(output->offset, done);
    }
    return vv_block_output_sync(output, NULL);
}

static uint8_t *make_bytes(void)
{
    struct vv_test_random random = vv_test_random_init(2);
    uint8_t *bytes = malloc(TOTAL_BYTES);
    for (size_t at = 0; at < TOTAL_BYTES; at++) {
        bytes[at] = (uint8_t)vv_test_random_next(&random);
    }
    return bytes;
}

static void the_file_holds_what_was_appended_and_nothing_else(void **state)
{
    struct fixture *fixture = *state;
    struct vv_block_output output;
    uint8_t *bytes = make_bytes();
    uint8_t *read = malloc(TOTAL_BYTES);
    assert_int_equal(vv_block_output_create(&output, fixture->env, fixture->directory, "f", NULL),
                     VARVE_OK);
    assert_int_equal(append_all(&output, bytes), VARVE_OK);
    assert_int_equal(file_size(fixture, "f", read), TOTAL_BYTES);
    assert_memory_equal(read, bytes, TOTAL_BYTES);
    vv_block_output_fini(&output);
    free(read);
    free(bytes);
}

static void writes_are_large_and_aligned(void **state)
{
    struct fixture *fixture = *state;
    struct vv_block_output output;
    struct vv_call_record log[64];
    uint8_t *bytes = make_bytes();
    assert_int_equal(vv_block_output_create(&output, fixture->env, fixture->directory, "f", NULL),
                     VARVE_OK);
    assert_int_equal(append_all(&output, bytes), VARVE_OK);
    vv_block_output_fini(&output);
    size_t count = vv_env_fault_log(fixture->fault, log, 64);
    for (size_t at = 0; at < count; at++) {
        if (log[at].call == VV_CALL_PWRITE) {
            bool last = log[at].offset + log[at].length == TOTAL_BYTES;
            assert_true(log[at].offset % PIECE_BYTES == 0);
            assert_true(last || log[at].length % PIECE_BYTES == 0);
        }
    }
    assert_true(vv_env_fault_count(fixture->fault, VV_CALL_PWRITE) <=
                TOTAL_BYTES / PIECE_BYTES + 1);
    free(bytes);
}

static void the_first_failure_sticks(void **state)
{
    struct fixture *fixture = *state;
    struct vv_block_output output;
    uint8_t *bytes = make_bytes();
    assert_int_equal(vv_block_output_create(&output, fixture->env, fixture->directory, "f", NULL),
                     VARVE_OK);
    vv_env_fault_arm(fixture->fault, VV_CALL_BIT(VV_CALL_PWRITE), 2, ENOSPC, false);
    assert_int_equal(append_all(&output, bytes), VARVE_NO_SPACE);
    assert_int_equal(vv_block_output_append(&output, bytes, 1, NULL), VARVE_NO_SPACE);
    assert_int_equal(vv_block_output_align(&output, 64, NULL), VARVE_NO_SPACE);
    assert_int_equal(vv_block_output_sync(&output, NULL), VARVE_NO_SPACE);
    vv_block_output_fini(&output);
    free(bytes);
}

static void alignment_is_filled_with_zeros(void **state)
{
    struct fixture *fixture = *state;
    struct vv_block_output output;
    uint8_t read[65] = {1};
    assert_int_equal(vv_block_output_create(&output, fixture->env, fixture->directory, "f", NULL),
                     VARVE_OK);
    assert_int_equal(vv_block_output_align(&output, 64, NULL), VARVE_OK);
    assert_int_equal(output.offset, 0);
    assert_int_equal(vv_block_output_append(&output, "a", 1, NULL), VARVE_OK);
    assert_int_equal(vv_block_output_align(&output, 64, NULL), VARVE_OK);
    assert_int_equal(vv_block_output_append(&output, "b", 1, NULL), VARVE_OK);
    assert_int_equal(vv_block_output_sync(&output, NULL), VARVE_OK);
    assert_int_equal(file_size(fixture, "f", read), 65);
    assert_true(read[0] == 'a' && read[64] == 'b');
    for (size_t at = 1; at < 64; at++) {
        assert_int_equal(read[at], 0);
    }
    vv_block_output_fini(&output);
}

/* On a file system, by plain calls and through io_uring: the same bytes. */
static void check_on_files(const struct vv_env *env)
{
    char path[256];
    uint8_t *bytes = make_bytes();
    assert_true(vv_test_temporary_create(path, sizeof(path)));
    struct fixture files = {.env = env, .directory = env->ops->open_directory(env->ctx, path)};
    struct vv_block_output output;
    uint8_t *read = malloc(TOTAL_BYTES);
    assert_int_equal(vv_block_output_create(&output, env, files.directory, "f", NULL), VARVE_OK);
    assert_int_equal(append_all(&output, bytes), VARVE_OK);
    assert_int_equal(file_size(&files, "f", read), TOTAL_BYTES);
    assert_memory_equal(read, bytes, TOTAL_BYTES);
    vv_block_output_fini(&output);
    /* Given up in the middle: what is under way is waited for. */
    assert_int_equal(vv_block_output_create(&output, env, files.directory, "g", NULL), VARVE_OK);
    assert_int_equal(vv_block_output_append(&output, bytes, PIECE_BYTES + 1, NULL), VARVE_OK);
    vv_block_output_fini(&output);
    (void)env->ops->close(env->ctx, files.directory);
    assert_true(vv_test_temporary_remove(path));
    free(read);
    free(bytes);
}

static void both_backends_write_the_same_bytes(void **state)
{
    (void)state;
    check_on_files(vv_env_posix());
    check_on_files(vv_env_uring());
}

/* Finds out about failures as a backend with a mind of its own would tell them: when they are
 * reaped, after later pieces were accepted. */
static void a_failure_that_is_told_late_fails_the_file(void **state)
{
    struct fixture *fixture = *state;
    struct vv_block_output output;
    uint8_t *bytes = make_bytes();
    assert_int_equal(vv_block_output_create(&output, fixture->env, fixture->directory, "f", NULL),
                     VARVE_OK);
    vv_env_fault_arm(fixture->fault, VV_CALL_BIT(VV_CALL_PWRITE), 1, EIO, false);
    assert_int_equal(vv_block_output_append(&output, bytes, PIECE_BYTES, NULL), VARVE_OK);
    assert_true(vv_env_fault_hits(fixture->fault) == 1);
    assert_int_equal(vv_block_output_sync(&output, NULL), VARVE_IO);
    assert_int_equal(vv_env_fault_count(fixture->fault, VV_CALL_FDATASYNC), 0);
    vv_block_output_fini(&output);
    free(bytes);
}

static void a_short_write_is_continued(void **state)
{
    struct fixture *fixture = *state;
    struct vv_block_output output;
    uint8_t *bytes = make_bytes();
    uint8_t *read = malloc(TOTAL_BYTES);
    assert_int_equal(vv_block_output_create(&output, fixture->env, fixture->directory, "f", NULL),
                     VARVE_OK);
    vv_env_fault_arm(fixture->fault, VV_CALL_BIT(VV_CALL_PWRITE), 2, VV_FAULT_SHORT, false);
    assert_int_equal(append_all(&output, bytes), VARVE_OK);
    assert_true(vv_env_fault_hits(fixture->fault) == 1);
    assert_int_equal(file_size(fixture, "f", read), TOTAL_BYTES);
    assert_memory_equal(read, bytes, TOTAL_BYTES);
    vv_block_output_fini(&output);
    free(read);
    free(bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_file_holds_what_was_appended_and_nothing_else, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(writes_are_large_and_aligned, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_first_failure_sticks, set_up, tear_down),
        cmocka_unit_test_setup_teardown(alignment_is_filled_with_zeros, set_up, tear_down),
        cmocka_unit_test(both_backends_write_the_same_bytes),
        cmocka_unit_test_setup_teardown(a_failure_that_is_told_late_fails_the_file, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_short_write_is_continued, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
