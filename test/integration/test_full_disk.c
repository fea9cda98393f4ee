/*
 * test_full_disk.c - not a byte left on the disk: appends are refused whole, and deletions,
 * retention, compaction and queries go on in the room that was kept for them.
 */
#include "support/fault_scenario.h"
#include "support/shard_fixture.h"

enum { SERIES = 200, BLOCKS = 6 };

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

/* A sample of each series at the time. Noise does not pack. */
static varve_status append_values(struct shard_fixture *fixture, int64_t timestamp, bool noise)
{
    char name[32];
    varve_status status = VARVE_OK;
    for (int i = 0; i < SERIES && status == VARVE_OK; i++) {
        uint64_t bits = ((uint64_t)timestamp * SERIES + (uint64_t)i) * 0x9e3779b97f4a7c15;
        (void)snprintf(name, sizeof(name), "s%d", i);
        status = shard_fixture_append(fixture, name, VARVE_DUPLICATES_LAST, timestamp,
                                      noise ? (double)bits * 1e-19 : (double)timestamp / 7);
    }
    return status;
}

static varve_status append_round(struct shard_fixture *fixture, int64_t timestamp)
{
    return append_values(fixture, timestamp, false);
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

/* Appends until that is refused, and takes what is left away, too. */
static void append_until_full(struct shard_fixture *fixture)
{
    varve_status status = VARVE_OK;
    int64_t timestamp = 1000;
    for (; status == VARVE_OK; timestamp++) {
        status = append_round(fixture, timestamp);
    }
    assert_int_equal(status, VARVE_NO_SPACE);
    fill_disk(fixture, 0);
    assert_int_equal(append_round(fixture, timestamp), VARVE_NO_SPACE);
}

/* More deletions than the rest of the open segment has room for; then everything goes. */
static void deletions_go_on_when_appends_cannot(void **state)
{
    struct shard_fixture *fixture = *state;
    fixture->options.wal_segment_bytes = 4096;
    shard_fixture_reopen(fixture);
    write_blocks(fixture);
    fill_disk(fixture, 128 << 10);
    append_until_full(fixture);
    for (int64_t i = 0; i < 4; i++) {
        shard_fixture_delete(fixture, i, i + 1);
    }
    shard_fixture_delete(fixture, INT64_MIN, 100000);
    shard_fixture_expect(fixture, "");
    assert_int_equal(append_round(fixture, 0), VARVE_NO_SPACE); /* the reserve is soon in use */
    shard_fixture_delete(fixture, INT64_MIN, 100000);
    assert_int_equal(vv_shard_compact(fixture->shard, NULL), VARVE_OK);
    assert_int_equal(fixture->shard->manifest.block_count, 0);
    assert_true(free_bytes(fixture) > 128 << 10); /* what the blocks had, and the log */
    assert_int_equal(append_round(fixture, 7), VARVE_OK);
}

/* A program that comes to delete finds neither a log segment nor a byte. */
static void a_database_that_is_opened_on_a_full_disk_deletes(void **state)
{
    struct shard_fixture *fixture = *state;
    write_blocks(fixture);
    assert_int_equal(vv_shard_close(fixture->shard, NULL), VARVE_OK);
    fill_disk(fixture, 0);
    shard_fixture_open(fixture);
    assert_int_equal(append_round(fixture, 1), VARVE_NO_SPACE);
    shard_fixture_delete(fixture, 0, 200);
    shard_fixture_reopen(fixture);
    uint64_t before = free_bytes(fixture);
    assert_int_equal(vv_shard_compact(fixture->shard, NULL), VARVE_OK);
    assert_true(free_bytes(fixture) > before);
    uint64_t samples = 0;
    for (size_t i = 0; i < fixture->shard->manifest.block_count; i++) {
        samples += fixture->shard->manifest.blocks[i].sample_count;
    }
    assert_int_equal(samples, SERIES * (BLOCKS - 2) * 4);
}

static void retention_frees_what_has_expired(void **state)
{
    struct shard_fixture *fixture = *state;
    write_blocks(fixture);
    fill_disk(fixture, 256 << 10);
    append_until_full(fixture);
    size_t blocks = fixture->shard->manifest.block_count;
    assert_int_equal(vv_shard_set_retention(fixture->shard, VARVE_STRING(""), 10, 0, NULL),
                     VARVE_OK);
    assert_true(fixture->shard->manifest.block_count + BLOCKS <= blocks + 1);
    assert_true(free_bytes(fixture) > 0);
    shard_fixture_reopen(fixture);
    assert_int_equal(fixture->shard->manifest.rule_count, 1);
    assert_int_equal(append_round(fixture, 100000), VARVE_OK);
}

/* Rules that were set before, applied by maintenance while a flush that is due does not fit. */
static void retention_goes_on_while_a_flush_does_not_fit(void **state)
{
    struct shard_fixture *fixture = *state;
    fixture->options.reserve_bytes = 4096; /* less than the block of the head */
    shard_fixture_reopen(fixture);
    write_blocks(fixture);
    assert_int_equal(append_round(fixture, 900), VARVE_OK);
    assert_int_equal(vv_shard_set_retention(fixture->shard, VARVE_STRING(""), 800, 0, NULL),
                     VARVE_OK);
    for (int64_t i = 0; i < 8; i++) {
        assert_int_equal(append_values(fixture, 1000 + i, true), VARVE_OK);
    }
    fixture->shard->options.head_bytes_max = 1;
    fixture->shard->manifest.rules[0].age = 210; /* as if time had passed */
    fixture->shard->retained_sequence = 0;
    fill_disk(fixture, 0);
    bool worked = true;
    size_t blocks = fixture->shard->manifest.block_count;
    for (int i = 0; i < 20 && worked; i++) {
        assert_int_equal(vv_shard_maintain(fixture->shard, &worked, NULL), VARVE_OK);
    }
    assert_true(fixture->shard->manifest.block_count < blocks);
    assert_true(free_bytes(fixture) > 0);
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

/* The log has taken the disk: it becomes a block, which is smaller, and appending goes on. */
static void a_log_that_fills_the_disk_is_written_as_a_block(void **state)
{
    (void)state;
    enum { ROOM = 2 << 20 };
    struct vv_env_sim *sim = vv_env_sim_create(1);
    const struct vv_env *env = vv_env_sim_env(sim);
    varve_options options = VARVE_OPTIONS_INIT;
    options.flags = VARVE_OPEN_CREATE;
    options.sync = VARVE_SYNC_PROCESS;
    options.background_threads = 0;
    varve_db *db = NULL;
    vv_env_sim_set_capacity(sim, ROOM);
    assert_int_equal(vv_database_open(env, SCENARIO_PATH, &options, NULL, &db, NULL), VARVE_OK);
    varve_series series;
    assert_int_equal(varve_series_parse(db, VARVE_STRING("m{i=\"1\"}"), &series, NULL), VARVE_OK);
    varve_status status = VARVE_OK;
    uint64_t lsn = 0;
    int64_t next = 0;
    for (; status == VARVE_OK && lsn < 4 * ROOM; next += 16) {
        int64_t timestamps[16];
        double values[16];
        for (int64_t i = 0; i < 16; i++) {
            timestamps[i] = next + i;
            values[i] = (double)((next + i) * 7919 % 1000);
        }
        status = varve_append(db, series, timestamps, values, 16, &lsn);
    }
    assert_int_equal(status, VARVE_OK); /* four times as much log as the disk has room for */
    varve_statistics statistics = VARVE_STATISTICS_INIT;
    varve_stats(db, &statistics);
    assert_int_equal(statistics.samples, next);
    assert_int_equal(varve_close(db, NULL), VARVE_OK);
    vv_env_sim_destroy(sim);
}

#define TEST(function)                                                                             \
    cmocka_unit_test_setup_teardown(function, shard_fixture_set_up, shard_fixture_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(deletions_go_on_when_appends_cannot),
        TEST(a_database_that_is_opened_on_a_full_disk_deletes),
        TEST(retention_frees_what_has_expired),
        TEST(retention_goes_on_while_a_flush_does_not_fit),
        cmocka_unit_test(a_log_that_fills_the_disk_is_written_as_a_block),
        TEST(a_compaction_without_room_gives_back_block_by_block),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
