/* Tests of database_file.c: making, recognising and locking the directory of a database. */
#include "engine/database_file.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/bytes.h"
#include "base/checksum.h"
#include "os/env_fault.h"
#include "os/env_sim.h"

static const struct vv_database_identity example = {
    .uuid = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15},
    .shard_count = 1,
    .sync = VARVE_SYNC_PERIODIC,
    .duplicates = VARVE_DUPLICATES_LAST,
};

static void the_worked_example_has_these_bytes(void **state)
{
    (void)state;
    static const uint8_t wanted[VV_DATABASE_FILE_BYTES] = {
        0x56, 0x41, 0x52, 0x56, 0x45, 0x44, 0x42, 0x00, 0x01, 0x00, 0x00, 0x00, 0x01,
        0x00, 0x00, 0x00, 0x00, 0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0x08, 0x09,
        0x0a, 0x0b, 0x0c, 0x0d, 0x0e, 0x0f, 0x03, 0x00, 0x00, 0x00, 0x01};
    uint8_t encoded[VV_DATABASE_FILE_BYTES];
    vv_database_identity_encode(&example, encoded);
    assert_memory_equal(encoded, wanted, 56);
    assert_int_equal(vv_load_u64(encoded + 56), UINT64_C(0xd1c5c9e09f3a1604));
    struct vv_database_identity decoded = {0};
    assert_int_equal(vv_database_identity_decode(encoded, &decoded), VARVE_OK);
    assert_memory_equal(&decoded, &example, sizeof(decoded));
}

static void every_flipped_bit_of_the_identity_is_found(void **state)
{
    (void)state;
    uint8_t encoded[VV_DATABASE_FILE_BYTES];
    struct vv_database_identity decoded;
    vv_database_identity_encode(&example, encoded);
    for (size_t bit = 0; bit < sizeof(encoded) * 8; bit++) {
        encoded[bit / 8] ^= (uint8_t)(1U << bit % 8);
        bool newer = vv_load_u32(encoded + 8) > 1;
        assert_int_equal(vv_database_identity_decode(encoded, &decoded),
                         newer ? VARVE_VERSION : VARVE_CORRUPT);
        encoded[bit / 8] ^= (uint8_t)(1U << bit % 8);
    }
}

static void impossible_settings_are_refused(void **state)
{
    (void)state;
    static const uint32_t offsets[] = {8, 12, 12, 32, 32, 36, 36};
    static const uint32_t values[] = {0, 0, 2, 0, 5, 0, 7};
    for (size_t i = 0; i < 7; i++) {
        uint8_t encoded[VV_DATABASE_FILE_BYTES];
        struct vv_database_identity decoded;
        vv_database_identity_encode(&example, encoded);
        vv_store_u32(encoded + offsets[i], values[i]);
        vv_store_u64(encoded + 56, vv_checksum(encoded, 56, 0));
        varve_status status = vv_database_identity_decode(encoded, &decoded);
        if (status != VARVE_CORRUPT) {
            fail_msg("%u at %u was accepted", values[i], offsets[i]);
        }
    }
}

/* ---------------------------------------------------------------------- on a simulated disk */

static varve_status create(const struct vv_env *env, const char *path)
{
    struct vv_database_identity identity = example;
    return vv_database_create(env, path, &identity, NULL);
}

static varve_status identify(const struct vv_env *env, const char *path)
{
    int directory;
    struct vv_database_identity identity;
    varve_error error = {.status = VARVE_OK};
    varve_status status = vv_database_identify(env, path, &directory, &identity, &error);
    if (status == VARVE_OK) {
        assert_int_equal(identity.sync, VARVE_SYNC_PERIODIC);
        assert_int_equal(env->ops->close(env->ctx, directory), 0);
    } else {
        assert_true(strlen(error.message) > 10);
    }
    return status;
}

static void write_file(const struct vv_env *env, const char *directory_path, const char *name,
                       const void *bytes, size_t length)
{
    int directory = env->ops->open_directory(env->ctx, directory_path);
    int file = env->ops->open(env->ctx, directory, name, VV_OPEN_TRUNCATE);
    assert_true(directory >= 0 && file >= 0);
    assert_int_equal(length > 0 ? vv_env_write_all(env, file, bytes, length, 0) : 0, 0);
    (void)env->ops->close(env->ctx, file);
    (void)env->ops->close(env->ctx, directory);
}

static void what_was_created_is_recognised(void **state)
{
    (void)state;
    struct vv_env_sim *sim = vv_env_sim_create(1);
    const struct vv_env *env = vv_env_sim_env(sim);
    assert_int_equal(create(env, "/db"), VARVE_OK);
    assert_int_equal(identify(env, "/db"), VARVE_OK);
    assert_int_equal(identify(env, "/db///"), VARVE_OK);
    assert_int_equal(create(env, "/db"), VARVE_EXISTS);
    assert_int_equal(create(env, ""), VARVE_INVALID);
    vv_env_sim_destroy(sim);
}

static void what_is_no_database_is_told_so(void **state)
{
    (void)state;
    struct vv_env_sim *sim = vv_env_sim_create(1);
    const struct vv_env *env = vv_env_sim_env(sim);
    uint8_t encoded[VV_DATABASE_FILE_BYTES];
    assert_int_equal(identify(env, "/missing"), VARVE_NOT_FOUND);
    write_file(env, "/", "file", "text", 4);
    assert_int_equal(identify(env, "/file"), VARVE_NOT_FOUND);
    assert_int_equal(create(env, "/file"), VARVE_EXISTS);
    assert_int_equal(env->ops->make_directory(env->ctx, "/folder"), 0);
    write_file(env, "/folder", "letter.txt", "text", 4);
    assert_int_equal(identify(env, "/folder"), VARVE_NOT_FOUND);
    assert_int_equal(create(env, "/folder"), VARVE_EXISTS);
    vv_database_identity_encode(&example, encoded);
    write_file(env, "/folder", VV_DATABASE_FILE_NAME, encoded, 63);
    assert_int_equal(identify(env, "/folder"), VARVE_CORRUPT);
    encoded[20] ^= 1;
    write_file(env, "/folder", VV_DATABASE_FILE_NAME, encoded, 64);
    assert_int_equal(identify(env, "/folder"), VARVE_CORRUPT);
    vv_store_u32(encoded + 8, 2);
    write_file(env, "/folder", VV_DATABASE_FILE_NAME, encoded, 64);
    assert_int_equal(identify(env, "/folder"), VARVE_VERSION);
    vv_env_sim_destroy(sim);
}

static int count_name(void *visitor, const char *name)
{
    (void)name;
    (*(int *)visitor)++;
    return 0;
}

static int names_in_root(const struct vv_env *env)
{
    int count = 0;
    int root = env->ops->open_directory(env->ctx, "/");
    assert_int_equal(env->ops->list(env->ctx, root, count_name, &count), 0);
    (void)env->ops->close(env->ctx, root);
    return count;
}

/* Each call fails once: the database is there as a whole, or nothing is, no scaffold either. */
static void a_failed_creation_leaves_nothing_behind(void **state)
{
    (void)state;
    bool was_hit = true;
    for (uint64_t n = 1; was_hit; n++) {
        struct vv_env_sim *sim = vv_env_sim_create(1);
        struct vv_env_fault *fault = vv_env_fault_create(vv_env_sim_env(sim));
        vv_env_fault_arm(fault, VV_CALLS_ALL, n, ENOSPC, false);
        varve_status status = create(vv_env_fault_env(fault), "/db");
        was_hit = vv_env_fault_hits(fault) > 0;
        varve_status found = identify(vv_env_sim_env(sim), "/db");
        assert_true(status != VARVE_OK || found == VARVE_OK);
        assert_true(found == VARVE_OK || found == VARVE_NOT_FOUND);
        assert_int_equal(names_in_root(vv_env_sim_env(sim)), found == VARVE_OK ? 1 : 0);
        vv_env_fault_destroy(fault);
        vv_env_sim_destroy(sim);
    }
}

/* The power goes after each call: complete or not there. */
static void a_creation_cut_by_a_loss_of_power_is_complete_or_not_there(void **state)
{
    (void)state;
    bool was_off = true;
    for (uint64_t n = 0; was_off; n++) {
        struct vv_env_sim *sim = vv_env_sim_create(1);
        vv_env_sim_cut_power_after(sim, n);
        varve_status status = create(vv_env_sim_env(sim), "/db");
        was_off = vv_env_sim_is_off(sim);
        for (uint64_t seed = 0; seed < 10; seed++) {
            enum vv_crash_mode mode = (enum vv_crash_mode)(seed % VV_CRASH_MODE_COUNT);
            struct vv_env_sim *after = vv_env_sim_crash(sim, seed, mode);
            varve_status found = identify(vv_env_sim_env(after), "/db");
            assert_true(found == VARVE_OK || (found == VARVE_NOT_FOUND && status != VARVE_OK));
            vv_env_sim_destroy(after);
        }
        vv_env_sim_destroy(sim);
    }
}

static void one_handle_holds_the_lock(void **state)
{
    (void)state;
    struct vv_env_sim *sim = vv_env_sim_create(1);
    const struct vv_env *env = vv_env_sim_env(sim);
    int first, second;
    varve_error error = {.status = VARVE_OK};
    assert_int_equal(create(env, "/db"), VARVE_OK);
    int directory = env->ops->open_directory(env->ctx, "/db");
    assert_int_equal(vv_database_lock(env, directory, "/db", &first, NULL), VARVE_OK);
    assert_int_equal(vv_database_lock(env, directory, "/db", &second, &error), VARVE_LOCKED);
    if (strstr(error.message, "/db is being written by process 1:") == NULL) {
        fail_msg("%s", error.message);
    }
    assert_int_equal(env->ops->close(env->ctx, first), 0);
    assert_int_equal(env->ops->unlink(env->ctx, directory, VV_LOCK_FILE_NAME), 0);
    assert_int_equal(vv_database_lock(env, directory, "/db", &second, NULL), VARVE_OK);
    vv_env_sim_destroy(sim);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_worked_example_has_these_bytes),
        cmocka_unit_test(every_flipped_bit_of_the_identity_is_found),
        cmocka_unit_test(impossible_settings_are_refused),
        cmocka_unit_test(what_was_created_is_recognised),
        cmocka_unit_test(what_is_no_database_is_told_so),
        cmocka_unit_test(a_failed_creation_leaves_nothing_behind),
        cmocka_unit_test(a_creation_cut_by_a_loss_of_power_is_complete_or_not_there),
        cmocka_unit_test(one_handle_holds_the_lock),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
