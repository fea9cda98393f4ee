/* Tests of manifest.c: read back as written, replaced as a whole, refused when damaged. */
#include "storage/manifest/manifest.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/checksum.h"
#include "os/env_fault.h"
#include "os/env_sim.h"
#include "support/random.h"

struct fixture {
    struct vv_env_sim *sim;
    struct vv_env_fault *fault;
    struct vv_shard_place place;
    struct vv_block_info blocks[9];
};

static void attach(struct fixture *fixture, struct vv_env_sim *sim)
{
    fixture->sim = sim;
    fixture->fault = vv_env_fault_create(vv_env_sim_env(sim));
    fixture->place.env = vv_env_fault_env(fixture->fault);
    fixture->place.directory =
        fixture->place.env->ops->open_directory(fixture->place.env->ctx, "/");
}

static int set_up(void **state)
{
    struct fixture *fixture = calloc(1, sizeof(*fixture));
    fixture->place.shard = 3;
    memset(fixture->place.database_uuid, 0xab, 16);
    attach(fixture, vv_env_sim_create(1));
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

static struct vv_manifest make(struct fixture *fixture, uint64_t sequence, size_t block_count)
{
    struct vv_test_random random = vv_test_random_seeded(sequence);
    for (size_t i = 0; i < block_count; i++) {
        struct vv_block_info *block = &fixture->blocks[i];
        *block = (struct vv_block_info){
            .identity = {.id = i + 1, .lsn_min = i * 100, .lsn_max = i * 100 + 100},
            .file_bytes = vv_test_random_next(&random),
            .checksum = vv_test_random_next(&random),
            .series_count = vv_test_random_next(&random),
            .chunk_count = vv_test_random_next(&random),
            .sample_count = vv_test_random_next(&random),
            .tombstone_count = vv_test_random_next(&random),
            .time_min = (int64_t)vv_test_random_next(&random),
            .time_max = (int64_t)vv_test_random_next(&random),
            .clean_lsn = i * 100 + 100 + i};
        block->identity.cold = i % 2 == 1;
        block->identity.shard = fixture->place.shard;
        memcpy(block->identity.database_uuid, fixture->place.database_uuid, 16);
    }
    return (struct vv_manifest){.sequence = sequence,
                                .wal_start_lsn = 8 * sequence,
                                .wal_sequence = sequence + 5,
                                .next_block_id = 77,
                                .blocks = fixture->blocks,
                                .block_count = block_count};
}

static void store(struct fixture *fixture, uint64_t sequence, size_t block_count)
{
    struct vv_manifest manifest = make(fixture, sequence, block_count);
    assert_int_equal(vv_manifest_store(&fixture->place, &manifest, NULL), VARVE_OK);
}

static uint64_t stored_sequence(struct fixture *fixture)
{
    struct vv_manifest manifest;
    assert_int_equal(vv_manifest_load(&fixture->place, &manifest, NULL), VARVE_OK);
    uint64_t sequence = manifest.sequence;
    vv_manifest_fini(&manifest);
    return sequence;
}

/* Reads the file, at most 1024 bytes of it. */
static size_t read_bytes(struct fixture *fixture, uint8_t *bytes)
{
    const struct vv_env *env = fixture->place.env;
    int file = env->ops->open(env->ctx, fixture->place.directory, VV_MANIFEST_NAME, VV_OPEN_READ);
    int64_t length = env->ops->pread(env->ctx, file, bytes, 1024, 0);
    assert_int_equal(env->ops->close(env->ctx, file), 0);
    assert_true(length > 0);
    return (size_t)length;
}

static varve_status load_bytes(struct fixture *fixture, const uint8_t *bytes, size_t length)
{
    const struct vv_env *env = fixture->place.env;
    struct vv_manifest manifest;
    int file =
        env->ops->open(env->ctx, fixture->place.directory, VV_MANIFEST_NAME, VV_OPEN_TRUNCATE);
    assert_int_equal(length > 0 ? vv_env_write_all(env, file, bytes, length, 0) : 0, 0);
    assert_int_equal(env->ops->close(env->ctx, file), 0);
    varve_status status = vv_manifest_load(&fixture->place, &manifest, NULL);
    vv_manifest_fini(&manifest);
    return status;
}

static void what_was_stored_is_loaded(void **state)
{
    struct fixture *fixture = *state;
    for (size_t count = 0; count <= 9; count++) {
        struct vv_manifest loaded, stored = make(fixture, count + 1, count);
        assert_int_equal(vv_manifest_store(&fixture->place, &stored, NULL), VARVE_OK);
        assert_int_equal(vv_manifest_load(&fixture->place, &loaded, NULL), VARVE_OK);
        assert_int_equal(loaded.sequence, stored.sequence);
        assert_int_equal(loaded.wal_start_lsn, stored.wal_start_lsn);
        assert_int_equal(loaded.wal_sequence, stored.wal_sequence);
        assert_int_equal(loaded.next_block_id, 77);
        assert_int_equal(loaded.block_count, count);
        if (count > 0) {
            assert_memory_equal(loaded.blocks, stored.blocks, count * sizeof(*loaded.blocks));
        }
        vv_manifest_fini(&loaded);
    }
}

static void every_flipped_bit_is_found(void **state)
{
    struct fixture *fixture = *state;
    uint8_t bytes[1024];
    store(fixture, 5, 2);
    size_t length = read_bytes(fixture, bytes);
    assert_int_equal(length, 80 + 2 * 104 + 8);
    for (size_t bit = 0; bit < length * 8; bit++) {
        bytes[bit / 8] ^= (uint8_t)(1U << bit % 8);
        varve_status status = load_bytes(fixture, bytes, length);
        /* A newer version, perhaps; 2 becomes 0 or 3. */
        bool in_version = bit / 8 >= 8 && bit / 8 < 12 && bit != 64 && bit != 65;
        assert_int_equal(status, in_version ? VARVE_VERSION : VARVE_CORRUPT);
        bytes[bit / 8] ^= (uint8_t)(1U << bit % 8);
    }
    assert_int_equal(load_bytes(fixture, bytes, length), VARVE_OK);
}

/* The second example: manifest and the first length bytes of wanted are those of the first. */
static void the_example_with_rollups(struct fixture *fixture, struct vv_manifest *manifest,
                                     const uint8_t *first, size_t length)
{
    static const uint64_t words[] = {5, 1, 60000000000, 4, 2, 0x7075};
    char selector[] = "up";
    struct vv_rollup_rule rule = {
        .step = 60000000000, .since = 4, .selector = selector, .selector_length = 2};
    uint8_t wanted[512], bytes[1024];
    assert_true(length + sizeof(words) + 8 <= sizeof(wanted));
    manifest->rollup_sequence = 5;
    manifest->rollups = &rule;
    manifest->rollup_count = 1;
    memcpy(wanted, first, length);
    vv_store_u32(wanted + 8, 3);
    for (size_t i = 0; i < sizeof(words) / 8; i++) {
        vv_store_u64(wanted + length + 8 * i, words[i]);
    }
    length += sizeof(words);
    vv_store_u64(wanted + length, vv_checksum(wanted, length, 0));
    assert_int_equal(vv_manifest_store(&fixture->place, manifest, NULL), VARVE_OK);
    assert_int_equal(read_bytes(fixture, bytes), length + 8);
    assert_memory_equal(bytes, wanted, length + 8);
    struct vv_manifest loaded;
    assert_int_equal(vv_manifest_load(&fixture->place, &loaded, NULL), VARVE_OK);
    assert_true(loaded.rollup_sequence == 5 && loaded.rollup_count == 1);
    assert_true(loaded.rollups[0].step == 60000000000 && loaded.rollups[0].since == 4);
    assert_int_equal(loaded.rollups[0].selector_length, 2);
    assert_memory_equal(loaded.rollups[0].selector, "up", 2);
    vv_manifest_fini(&loaded);
    for (size_t at = length - sizeof(words); at < length; at += 8) { /* any other number */
        uint64_t word = vv_load_u64(wanted + at);
        vv_store_u64(wanted + at, UINT64_MAX);
        vv_store_u64(wanted + length, vv_checksum(wanted, length, 0));
        bool is_text = at + 8 == length;
        assert_int_equal(load_bytes(fixture, wanted, length + 8),
                         is_text ? VARVE_OK : VARVE_CORRUPT);
        vv_store_u64(wanted + at, word);
    }
}

/* As MANIFEST_FORMAT.md says it. */
static void the_worked_example(void **state)
{
    struct fixture *fixture = *state;
    fixture->place.shard = 0;
    for (uint8_t i = 0; i < 16; i++) {
        fixture->place.database_uuid[i] = i;
    }
    struct vv_block_info block = {.identity = {.id = 3, .lsn_min = 8, .lsn_max = 4096},
                                  .file_bytes = 65536,
                                  .checksum = 0x1122334455667788,
                                  .series_count = 2,
                                  .chunk_count = 2,
                                  .sample_count = 2000,
                                  .tombstone_count = 0,
                                  .time_min = 0,
                                  .time_max = 999,
                                  .clean_lsn = 8192};
    char selector[] = "up";
    struct vv_retention_rule rule = {
        .age = 1000, .floor = -1, .selector = selector, .selector_length = 2};
    struct vv_manifest manifest = {.sequence = 5,
                                   .wal_start_lsn = 4096,
                                   .wal_sequence = 2,
                                   .next_block_id = 4,
                                   .blocks = &block,
                                   .block_count = 1,
                                   .rules = &rule,
                                   .rule_count = 1};
    static const uint64_t words[] = {0, /* the magic */
                                     2, 0x0706050403020100, 0x0f0e0d0c0b0a0908, 5, 4096, 2, 4, 1, 1,
                                     /* the block */
                                     3, 8, 4096, 65536, 0x1122334455667788, 2, 2, 2000, 0, 0, 999,
                                     0, 8192,
                                     /* the rule */
                                     1000, 0, UINT64_MAX, 2, 0x7075};
    uint8_t wanted[sizeof(words) + 8], bytes[1024];
    for (size_t i = 0; i < sizeof(words) / 8; i++) {
        vv_store_u64(wanted + 8 * i, words[i]);
    }
    memcpy(wanted, "VARVEMAN", 8);
    vv_store_u64(wanted + sizeof(words), vv_checksum(wanted, sizeof(words), 0));
    assert_int_equal(vv_manifest_store(&fixture->place, &manifest, NULL), VARVE_OK);
    assert_int_equal(read_bytes(fixture, bytes), sizeof(wanted));
    assert_memory_equal(bytes, wanted, sizeof(wanted));
    struct vv_manifest loaded;
    assert_int_equal(vv_manifest_load(&fixture->place, &loaded, NULL), VARVE_OK);
    assert_int_equal(loaded.rule_count, 1);
    assert_int_equal(loaded.rules[0].age, 1000);
    assert_int_equal(loaded.rules[0].floor, -1);
    assert_int_equal(loaded.rules[0].selector_length, 2);
    assert_memory_equal(loaded.rules[0].selector, "up", 2);
    assert_int_equal(loaded.rollup_count, 0);
    vv_manifest_fini(&loaded);
    the_example_with_rollups(fixture, &manifest, wanted, sizeof(words));
}

static void a_manifest_that_is_too_short_or_too_long_is_damaged(void **state)
{
    struct fixture *fixture = *state;
    uint8_t bytes[1024] = {0};
    store(fixture, 5, 2);
    size_t length = read_bytes(fixture, bytes);
    for (size_t cut = 0; cut < length; cut++) {
        assert_int_equal(load_bytes(fixture, bytes, cut), VARVE_CORRUPT);
    }
    assert_int_equal(load_bytes(fixture, bytes, length + 1), VARVE_CORRUPT);
    assert_int_equal(load_bytes(fixture, bytes, length + 104), VARVE_CORRUPT);
}

static void a_newer_version_is_told_apart_from_damage(void **state)
{
    struct fixture *fixture = *state;
    uint8_t bytes[1024];
    store(fixture, 5, 1);
    size_t length = read_bytes(fixture, bytes);
    vv_store_u32(bytes + 8, 4);
    vv_store_u64(bytes + length - 8, vv_checksum(bytes, length - 8, 0));
    assert_int_equal(load_bytes(fixture, bytes, length), VARVE_VERSION);
}

static void the_manifest_of_another_shard_or_database_is_refused(void **state)
{
    struct fixture *fixture = *state;
    struct vv_manifest manifest;
    store(fixture, 5, 1);
    fixture->place.shard = 4;
    assert_int_equal(vv_manifest_load(&fixture->place, &manifest, NULL), VARVE_CORRUPT);
    fixture->place.shard = 3;
    fixture->place.database_uuid[15] ^= 1;
    assert_int_equal(vv_manifest_load(&fixture->place, &manifest, NULL), VARVE_CORRUPT);
}

static void a_missing_manifest_is_damage(void **state)
{
    struct fixture *fixture = *state;
    struct vv_manifest manifest;
    assert_int_equal(vv_manifest_load(&fixture->place, &manifest, NULL), VARVE_CORRUPT);
}

/* Each call fails once: the old manifest stays, or the new one is there, or it is said to be
 * unknown; and never anything in between, also when the power goes. */
static void a_failed_replacement_leaves_one_of_the_two(void **state)
{
    (void)state;
    bool was_hit = true;
    for (uint64_t n = 1; was_hit; n++) {
        void *made = NULL;
        (void)set_up(&made);
        struct fixture *fixture = made;
        store(fixture, 1, 1);
        struct vv_manifest next = make(fixture, 2, 3);
        vv_env_fault_arm(fixture->fault, VV_CALLS_MUTATING, n, EIO, false);
        varve_status status = vv_manifest_store(&fixture->place, &next, NULL);
        was_hit = vv_env_fault_hits(fixture->fault) > 0;
        vv_env_fault_arm(fixture->fault, 0, 0, 0, false);
        assert_true(was_hit ? status == VARVE_IO || status == VARVE_UNKNOWN : status == VARVE_OK);
        assert_int_equal(stored_sequence(fixture), status == VARVE_IO ? 1 : 2);
        for (uint64_t seed = 0; seed < 20; seed++) {
            struct fixture after = *fixture;
            attach(&after, vv_env_sim_crash(fixture->sim, seed, VV_CRASH_RANDOM));
            uint64_t sequence = stored_sequence(&after);
            assert_true(status == VARVE_UNKNOWN ? sequence == 1 || sequence == 2
                                                : sequence == (status == VARVE_OK ? 2 : 1));
            vv_env_fault_destroy(after.fault);
            vv_env_sim_destroy(after.sim);
        }
        (void)tear_down(&made);
    }
}

static void names_of_blocks(void **state)
{
    (void)state;
    char name[VV_BLOCK_NAME_BYTES];
    vv_block_name(0x1f, name);
    assert_string_equal(name, "block-000000000000001f");
    assert_true(vv_is_block_name(name));
    assert_true(vv_is_block_name("block-000000000000001f.tmp"));
    assert_false(vv_is_block_name("manifest"));
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_was_stored_is_loaded),
        TEST(the_worked_example),
        TEST(every_flipped_bit_is_found),
        TEST(a_manifest_that_is_too_short_or_too_long_is_damaged),
        TEST(a_newer_version_is_told_apart_from_damage),
        TEST(the_manifest_of_another_shard_or_database_is_refused),
        TEST(a_missing_manifest_is_damage),
        cmocka_unit_test(a_failed_replacement_leaves_one_of_the_two),
        cmocka_unit_test(names_of_blocks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
