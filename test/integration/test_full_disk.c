/* Tests of a full disk: appends stop while there is room left for deletions, retention and
 * compaction. */
#include "storage/shard.h"

#include "support/shard_fixture.h"

enum { RESERVED = 1 << 20, SERIES = 200, BLOCKS = 6 };

static uint64_t free_bytes(struct shard_fixture *fixture)
{
    uint64_t bytes = 0;
    const struct vv_env *env = fixture->place.env;
    assert_int_equal(env->ops->free_bytes(env->ctx, fixture->place.directory, &bytes), 0);
    return bytes;
}

/* Leaves so many bytes free. */
static void fill_disk(struct shard_fixture *fixture, uint64_t left)
{
    const uint64_t large = 1ULL << 40;
    vv_env_sim_set_capacity(fixture->sim, large);
    uint64_t used = large - free_bytes(fixture);
    vv_env_sim_set_capacity(fixture->sim, used + left);
    assert_int_equal(free_bytes(fixture), left);
}

/* A sample of each series at the time. */
static varve_status append_round(struct shard_fixture *fixture, int64_t timestamp)
{
    char name[32];
    varve_status status = VARVE_OK;
    for (int i = 0; i < SERIES && status == VARVE_OK; i++) {
        (void)snprintf(name, sizeof(name), "s%d", i);
        status = shard_fixture_append(fixture, name, VARVE_DUPLICATES_LAST, timestamp,
                                      (double)timestamp / 7);
    }
    return status;
}

static void write_blocks(struct shard_fixture *fixture)
{
    for (int64_t block = 0; block < BLOCKS; block++) {
        for (int64_t i = 0; i < 4; i++) {
            assert_int_equal(append_round(fixture, block * 100 + i), VARVE_OK);
        }
        assert_int_equal(shard_fixture_flush(fixture), VARVE_OK);
    }
}

/* Appends until the disk has no more than what is kept back. */
static void append_until_full(struct shard_fixture *fixture)
{
    varve_status status = VARVE_OK;
    int64_t timestamp = 1000;
    for (; status == VARVE_OK; timestamp++) {
        status = append_round(fixture, timestamp);
    }
    assert_int_equal(status, VARVE_NO_SPACE);
    assert_true(free_bytes(fixture) >= RESERVED / 2);
}

static void deletions_go_on_when_appends_cannot(void **state)
{
    struct shard_fixture *fixture = *state;
    fixture->options.wal_segment_bytes = 4096;
    shard_fixture_reopen(fixture);
    write_blocks(fixture);
    fill_disk(fixture, RESERVED + (256 << 10));
    append_until_full(fixture);
    for (int64_t i = 0; i < 150; i++) { /* more than the rest of the segment holds */
        shard_fixture_delete(fixture, i, i + 1);
    }
    shard_fixture_delete(fixture, INT64_MIN, 100000);
    shard_fixture_expect(fixture, "");
    assert_int_equal(vv_shard_compact(fixture->shard, NULL), VARVE_OK);
    assert_int_equal(fixture->shard->manifest.block_count, 0);
}

static void retention_frees_what_has_expired(void **state)
{
    struct shard_fixture *fixture = *state;
    write_blocks(fixture);
    fill_disk(fixture, RESERVED + (256 << 10));
    append_until_full(fixture);
    uint64_t before = free_bytes(fixture);
    size_t blocks = fixture->shard->manifest.block_count;
    assert_int_equal(vv_shard_set_retention(fixture->shard, VARVE_STRING(""), 10, 0, NULL),
                     VARVE_OK);
    assert_true(fixture->shard->manifest.block_count + BLOCKS <= blocks + 1);
    assert_true(free_bytes(fixture) > before);
    shard_fixture_reopen(fixture);
    assert_int_equal(fixture->shard->manifest.rule_count, 1);
}

/* A compaction of everything does not fit, block by block does. */
static void a_compaction_without_room_gives_back_block_by_block(void **state)
{
    struct shard_fixture *fixture = *state;
    write_blocks(fixture);
    uint64_t bytes = 0;
    for (size_t i = 0; i < fixture->shard->manifest.block_count; i++) {
        bytes += fixture->shard->manifest.blocks[i].file_bytes;
    }
    shard_fixture_delete(fixture, 2, 104); /* half of the first two blocks */
    shard_fixture_delete(fixture, 200, 300);
    assert_int_equal(shard_fixture_flush(fixture), VARVE_OK);
    fill_disk(fixture, bytes / BLOCKS + 4096);
    varve_status status = vv_shard_compact(fixture->shard, NULL);
    assert_true(status == VARVE_OK || status == VARVE_NO_SPACE);
    uint64_t after = 0, samples = 0;
    for (size_t i = 0; i < fixture->shard->manifest.block_count; i++) {
        after += fixture->shard->manifest.blocks[i].file_bytes;
        samples += fixture->shard->manifest.blocks[i].sample_count;
    }
    assert_int_equal(samples, SERIES * (BLOCKS * 4 - 2 - 4 - 4));
    assert_true(after < bytes);
}

#define TEST(function)                                                                             \
    cmocka_unit_test_setup_teardown(function, shard_fixture_set_up, shard_fixture_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(deletions_go_on_when_appends_cannot),
        TEST(retention_frees_what_has_expired),
        TEST(a_compaction_without_room_gives_back_block_by_block),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
