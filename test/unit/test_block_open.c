/* Tests of block_open.c and of what stands behind it: damaged, foreign and unreadable files. */
#include "mmap/block.h"

#include <errno.h>

#include "base/checksum.h"
#include "mmap/block_format.h"
#include "os/alloc.h"
#include "os/env_fault.h"
#include "support/block_fixture.h"

enum { SAMPLED_FLIPS = 1500, SAMPLED_TRUNCATIONS = 400 };

static bool is_long_run(void)
{
    return getenv("VARVE_TEST_LONG") != NULL;
}

/* A small block in memory, and what it says. */
struct specimen {
    struct block_model *model;
    struct vv_block_info info;
    uint8_t *bytes;
    uint64_t label_digest;
};

static struct specimen make_specimen(struct block_fixture *fixture, const char *name, bool cold)
{
    struct specimen specimen = {.model = block_model_create(&fixture->random, 8, 60)};
    struct vv_block *block =
        block_fixture_open(fixture, specimen.model, name, cold, &specimen.info);
    assert_int_equal(block_fixture_digest(block, &specimen.label_digest), VARVE_OK);
    specimen.bytes = block_fixture_read(fixture, name, specimen.info.file_bytes);
    vv_block_release(block);
    return specimen;
}

static void free_specimen(struct specimen *specimen)
{
    block_model_destroy(specimen->model);
    free(specimen->bytes);
}

/* Opens a file that is perhaps damaged: it may be refused, but whatever it answers must be
 * right. */
static varve_status open_and_ask(struct block_fixture *fixture, const struct specimen *specimen,
                                 const char *name)
{
    struct vv_block *block;
    uint64_t digest;
    uint64_t samples;
    VV_TRY(vv_block_open(fixture->env, fixture->directory, name, NULL, &block, NULL));
    varve_status answers = block_model_compare(specimen->model, block);
    varve_status labels = block_fixture_digest(block, &digest);
    assert_true(labels != VARVE_OK || digest == specimen->label_digest);
    varve_status verified = vv_block_verify(block, NULL, NULL, &samples);
    assert_true(verified != VARVE_OK || (answers == VARVE_OK && labels == VARVE_OK));
    vv_block_release(block);
    return vv_first(verified, vv_first(answers, labels));
}

static void check_flip(struct block_fixture *fixture, const struct specimen *specimen, size_t bit,
                       size_t *noticed)
{
    specimen->bytes[bit / 8] ^= (uint8_t)(1 << (bit % 8));
    block_fixture_write(fixture, "flipped", specimen->bytes, specimen->info.file_bytes);
    varve_status status = open_and_ask(fixture, specimen, "flipped");
    assert_true(status == VARVE_OK || status == VARVE_CORRUPT);
    *noticed += status == VARVE_CORRUPT;
    specimen->bytes[bit / 8] ^= (uint8_t)(1 << (bit % 8));
}

static void check_flips(struct block_fixture *fixture, bool cold)
{
    struct specimen specimen = make_specimen(fixture, cold ? "cold" : "hot", cold);
    size_t bits = specimen.info.file_bytes * 8;
    size_t count = is_long_run() ? bits : SAMPLED_FLIPS;
    size_t noticed = 0;
    for (size_t at = 0; at < count; at++) {
        size_t bit = is_long_run() ? at : vv_test_random_below(&fixture->random, bits);
        check_flip(fixture, &specimen, bit, &noticed);
    }
    /* The rest falls into the padding between sections. */
    assert_true(noticed > count * 3 / 4);
    free_specimen(&specimen);
}

static void a_flipped_bit_is_corrupt_or_changes_nothing(void **state)
{
    check_flips(*state, false);
    check_flips(*state, true);
}

static void check_truncations(struct block_fixture *fixture, bool cold)
{
    struct specimen specimen = make_specimen(fixture, cold ? "cold" : "hot", cold);
    size_t count = is_long_run() ? specimen.info.file_bytes : SAMPLED_TRUNCATIONS;
    for (size_t at = 0; at < count; at++) {
        size_t length =
            is_long_run() ? at : vv_test_random_below(&fixture->random, specimen.info.file_bytes);
        block_fixture_write(fixture, "cut", specimen.bytes, length);
        assert_int_equal(open_and_ask(fixture, &specimen, "cut"), VARVE_CORRUPT);
    }
    free_specimen(&specimen);
}

static void a_truncated_block_is_corrupt(void **state)
{
    check_truncations(*state, false);
    check_truncations(*state, true);
}

static void a_block_with_bytes_behind_it_is_corrupt(void **state)
{
    struct block_fixture *fixture = *state;
    struct specimen specimen = make_specimen(fixture, "whole", false);
    for (size_t more = 1; more < 300; more += 7) {
        uint8_t *longer = calloc(1, specimen.info.file_bytes + more);
        memcpy(longer, specimen.bytes, specimen.info.file_bytes);
        block_fixture_write(fixture, "longer", longer, specimen.info.file_bytes + more);
        assert_int_equal(open_and_ask(fixture, &specimen, "longer"), VARVE_CORRUPT);
        free(longer);
    }
    free_specimen(&specimen);
}

static void overwritten_sectors_are_corrupt_or_change_nothing(void **state)
{
    struct block_fixture *fixture = *state;
    struct specimen specimen = make_specimen(fixture, "whole", false);
    uint8_t *damaged = malloc(specimen.info.file_bytes);
    for (size_t at = 0; at + 512 <= specimen.info.file_bytes; at += 512) {
        for (int kind = 0; kind < 3; kind++) {
            memcpy(damaged, specimen.bytes, specimen.info.file_bytes);
            if (kind == 2) {
                size_t from =
                    vv_test_random_below(&fixture->random, specimen.info.file_bytes - 511);
                memcpy(damaged + at, specimen.bytes + from, 512);
            } else {
                memset(damaged + at, kind == 0 ? 0 : 0xff, 512);
            }
            block_fixture_write(fixture, "damaged", damaged, specimen.info.file_bytes);
            varve_status status = open_and_ask(fixture, &specimen, "damaged");
            assert_true(status == VARVE_OK || status == VARVE_CORRUPT);
        }
    }
    free(damaged);
    free_specimen(&specimen);
}

static void another_block_is_not_what_is_expected(void **state)
{
    struct block_fixture *fixture = *state;
    struct specimen first = make_specimen(fixture, "first", false);
    struct specimen second = make_specimen(fixture, "second", false);
    struct vv_block *block;
    varve_error error = {.status = VARVE_OK};
    assert_int_equal(
        vv_block_open(fixture->env, fixture->directory, "first", &second.info, &block, &error),
        VARVE_CORRUPT);
    assert_int_equal(error.status, VARVE_CORRUPT);
    /* Same size, other content. */
    second.info.file_bytes = first.info.file_bytes;
    assert_int_equal(
        vv_block_open(fixture->env, fixture->directory, "first", &second.info, &block, NULL),
        VARVE_CORRUPT);
    free_specimen(&first);
    free_specimen(&second);
}

static void a_newer_format_is_told_from_damage(void **state)
{
    struct block_fixture *fixture = *state;
    struct specimen specimen = make_specimen(fixture, "whole", false);
    struct vv_block *block;
    varve_error error = {.status = VARVE_OK};
    vv_store_u32(specimen.bytes + VV_HEADER_VERSION, VV_BLOCK_VERSION + 1);
    block_fixture_write(fixture, "newer", specimen.bytes, specimen.info.file_bytes);
    assert_int_equal(open_and_ask(fixture, &specimen, "newer"), VARVE_CORRUPT);
    vv_store_u32(specimen.bytes + VV_HEADER_CHECKSUM,
                 (uint32_t)vv_hash(specimen.bytes, VV_HEADER_CHECKSUM));
    block_fixture_write(fixture, "newer", specimen.bytes, specimen.info.file_bytes);
    assert_int_equal(vv_block_open(fixture->env, fixture->directory, "newer", NULL, &block, &error),
                     VARVE_VERSION);
    assert_non_null(strstr(error.message, "version 4"));
    free_specimen(&specimen);
}

static void a_block_that_is_not_there_is_not_found(void **state)
{
    struct block_fixture *fixture = *state;
    struct vv_block *block;
    assert_int_equal(vv_block_open(fixture->env, fixture->directory, "none", NULL, &block, NULL),
                     VARVE_NOT_FOUND);
}

/* Opens and reads everything while the n-th call fails; false when there were fewer calls. */
static bool read_with_fault(struct block_fixture *fixture, const struct specimen *specimen,
                            const char *name, uint32_t calls, uint64_t n, bool unmapped)
{
    struct vv_env_fault *fault = vv_env_fault_create(fixture->env);
    struct vv_env_fault *no_map = vv_env_fault_create(vv_env_fault_env(fault));
    const struct vv_env *env = vv_env_fault_env(no_map);
    struct vv_block *block;
    uint64_t samples;
    vv_env_fault_arm(fault, calls, n, EIO, false);
    vv_env_fault_arm(no_map, VV_CALL_BIT(VV_CALL_MAP), unmapped ? 1 : 0, EMFILE, true);
    varve_status status =
        vv_block_open(env, fixture->directory, name, &specimen->info, &block, NULL);
    if (status == VARVE_OK) {
        status = block_model_compare(specimen->model, block);
        if (status == VARVE_OK) {
            status = vv_block_verify(block, NULL, NULL, &samples);
        }
        vv_block_release(block);
    }
    bool hit = vv_env_fault_hits(fault) > 0;
    assert_true(status == VARVE_OK || (hit && status == VARVE_IO));
    vv_env_fault_destroy(no_map);
    vv_env_fault_destroy(fault);
    return hit;
}

static void a_failed_call_is_an_io_error_or_goes_unnoticed(void **state)
{
    struct block_fixture *fixture = *state;
    static const char *const names[] = {"hot", "cold", "hot unmapped", "cold unmapped"};
    for (size_t kind = 0; kind < 4; kind++) {
        struct specimen specimen = make_specimen(fixture, names[kind], kind % 2 != 0);
        uint64_t n = 1;
        while (read_with_fault(fixture, &specimen, names[kind], VV_CALLS_ALL, n, kind >= 2)) {
            n++;
        }
        assert_true(n > 3);
        free_specimen(&specimen);
    }
}

static void memory_that_runs_out_is_reported(void **state)
{
    struct block_fixture *fixture = *state;
    for (int cold = 0; cold < 2; cold++) {
        const char *name = cold != 0 ? "cold" : "hot";
        struct specimen specimen = make_specimen(fixture, name, cold != 0);
        varve_status status = VARVE_NO_MEMORY;
        for (uint64_t n = 1; status != VARVE_OK; n++) {
            struct vv_block *block;
            uint64_t digest;
            vv_alloc_fail_at(n);
            status = vv_block_open(fixture->env, fixture->directory, name, NULL, &block, NULL);
            if (status == VARVE_OK) {
                status = block_model_compare(specimen.model, block);
                status = vv_first(status, block_fixture_digest(block, &digest));
                vv_block_release(block);
            }
            vv_alloc_fail_at(0);
            /* The disk is simulated, in memory too. */
            assert_true(status == VARVE_OK || status == VARVE_NO_MEMORY || status == VARVE_IO);
            assert_true(n < 1000);
        }
        free_specimen(&specimen);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        block_fixture_test(a_flipped_bit_is_corrupt_or_changes_nothing),
        block_fixture_test(a_truncated_block_is_corrupt),
        block_fixture_test(a_block_with_bytes_behind_it_is_corrupt),
        block_fixture_test(overwritten_sectors_are_corrupt_or_change_nothing),
        block_fixture_test(another_block_is_not_what_is_expected),
        block_fixture_test(a_newer_format_is_told_from_damage),
        block_fixture_test(a_block_that_is_not_there_is_not_found),
        block_fixture_test(a_failed_call_is_an_io_error_or_goes_unnoticed),
        block_fixture_test(memory_that_runs_out_is_reported),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
