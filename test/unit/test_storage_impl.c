/* Tests of storage_impl.c: opening after damage, and that nothing spins behind it. */
#include "storage/storage_impl.h"

#include <errno.h>

#include "support/shard_fixture.h"

#define LAST VARVE_DUPLICATES_LAST

static void overwrite(struct shard_fixture *fixture, const char *name, uint64_t offset,
                      size_t length)
{
    static const uint8_t zeros[512];
    const struct vv_env *env = fixture->place.env;
    int file = env->ops->open(env->ctx, fixture->place.directory, name, VV_OPEN_WRITE);
    assert_true(file >= 0);
    assert_int_equal(vv_env_write_all(env, file, zeros, length, offset), 0);
    assert_int_equal(env->ops->close(env->ctx, file), 0);
}

/* Does what is due until nothing is; fails if that does not end. */
static void maintain_all(struct shard_fixture *fixture)
{
    bool worked = true;
    for (int round = 0; worked; round++) {
        assert_true(round < 20);
        assert_int_equal(vv_shard_maintain(fixture->shard, &worked, NULL), VARVE_OK);
    }
}

static void a_log_that_is_lost_as_a_whole_is_reported_once(void **state)
{
    struct shard_fixture *fixture = *state;
    assert_int_equal(shard_fixture_append(fixture, "a", LAST, 1, 1), VARVE_OK);
    assert_int_equal(vv_shard_close(fixture->shard, NULL), VARVE_OK);
    overwrite(fixture, "wal-0000000000000001", 0, 64);
    shard_fixture_open(fixture);
    assert_int_equal(fixture->damage_reports, 1);
    shard_fixture_expect(fixture, "");
    maintain_all(fixture);
    assert_int_equal(shard_fixture_append(fixture, "a", LAST, 2, 2), VARVE_OK);
    shard_fixture_reopen(fixture);
    assert_int_equal(fixture->damage_reports, 0);
    shard_fixture_expect(fixture, "a:2=2");
}

static void copy_file(struct shard_fixture *fixture, const char *from, const char *to)
{
    static uint8_t bytes[1 << 16];
    const struct vv_env *env = fixture->place.env;
    int file = env->ops->open(env->ctx, fixture->place.directory, from, VV_OPEN_READ);
    assert_true(file >= 0);
    int64_t length = env->ops->pread(env->ctx, file, bytes, sizeof(bytes), 0);
    assert_int_equal(env->ops->close(env->ctx, file), 0);
    file = env->ops->open(env->ctx, fixture->place.directory, to, VV_OPEN_TRUNCATE);
    assert_true(length > 0 && file >= 0);
    assert_int_equal(vv_env_write_all(env, file, bytes, (size_t)length, 0), 0);
    assert_int_equal(env->ops->close(env->ctx, file), 0);
}

/* The log is empty after a compaction, so that nothing but the block knows of its samples. */
static void a_stale_manifest_does_not_make_newer_blocks_garbage(void **state)
{
    struct shard_fixture *fixture = *state;
    assert_int_equal(shard_fixture_append(fixture, "a", LAST, 1, 1), VARVE_OK);
    assert_int_equal(vv_shard_compact(fixture->shard, NULL), VARVE_OK);
    assert_int_equal(vv_shard_close(fixture->shard, NULL), VARVE_OK);
    copy_file(fixture, "manifest", "old");
    shard_fixture_open(fixture);
    assert_int_equal(shard_fixture_append(fixture, "b", LAST, 2, 2), VARVE_OK);
    assert_int_equal(shard_fixture_flush(fixture), VARVE_OK);
    assert_int_equal(vv_shard_close(fixture->shard, NULL), VARVE_OK);
    copy_file(fixture, "old", "manifest");

    fixture->options.read_only = true;
    shard_fixture_open(fixture);
    varve_check_report figures = {0};
    assert_int_equal(vv_shard_verify(fixture->shard, &fixture->report, &figures), VARVE_OK);
    assert_int_equal(fixture->damage_reports, 1);
    assert_int_equal(vv_shard_close(fixture->shard, NULL), VARVE_OK);
    fixture->options.read_only = false;
    shard_fixture_open(fixture);
    assert_int_equal(fixture->damage_reports, 1);
    shard_fixture_expect(fixture, "a:1=1");
    assert_int_equal(shard_fixture_append(fixture, "c", LAST, 3, 3), VARVE_OK);
    assert_int_equal(vv_shard_compact(fixture->shard, NULL), VARVE_OK);
    shard_fixture_reopen(fixture);
    assert_int_equal(vv_shard_verify(fixture->shard, &fixture->report, &figures), VARVE_OK);
    assert_int_equal(fixture->damage_reports, 1); /* it is still there, and still said */
}

static void what_stands_behind_damage_is_kept_and_saved(void **state)
{
    struct shard_fixture *fixture = *state;
    for (int64_t i = 0; i < 6; i++) {
        assert_int_equal(shard_fixture_append(fixture, "a", LAST, i, (double)i), VARVE_OK);
    }
    assert_int_equal(vv_shard_close(fixture->shard, NULL), VARVE_OK);
    overwrite(fixture, "wal-0000000000000001", 64 + 56 + 80, 8); /* a samples frame */
    shard_fixture_open(fixture);
    assert_int_equal(fixture->damage_reports, 1);
    maintain_all(fixture);
    const struct vv_env *env = fixture->place.env;
    int file = env->ops->open(env->ctx, fixture->place.directory, "wal-0000000000000001.damaged",
                              VV_OPEN_READ);
    assert_true(file >= 0);
    assert_int_equal(env->ops->close(env->ctx, file), 0);
    shard_fixture_reopen(fixture);
    assert_int_equal(fixture->damage_reports, 0);
    varve_statistics statistics = VARVE_STATISTICS_INIT;
    vv_shard_statistics(fixture->shard, &statistics);
    assert_int_equal(statistics.samples, 5);
}

static void count_notes(void *context, varve_event_kind kind, varve_status status, const char *file,
                        uint64_t offset, const char *message)
{
    size_t *notes = context;
    (void)status;
    (void)offset;
    (void)message;
    assert_string_equal(file, "wal-0000000000000001");
    *notes += kind == VARVE_EVENT_NOTE;
}

static void a_reader_tells_of_a_torn_tail_too(void **state)
{
    struct shard_fixture *fixture = *state;
    const struct vv_env *env = fixture->place.env;
    size_t notes = 0;
    struct vv_report report = {count_notes, &notes};
    assert_int_equal(shard_fixture_append(fixture, "a", LAST, 1, 1), VARVE_OK);
    assert_int_equal(vv_shard_close(fixture->shard, NULL), VARVE_OK);
    int file =
        env->ops->open(env->ctx, fixture->place.directory, "wal-0000000000000001", VV_OPEN_WRITE);
    struct vv_file_status file_status;
    assert_true(file >= 0);
    assert_int_equal(env->ops->stat(env->ctx, file, &file_status), 0);
    assert_int_equal(env->ops->truncate(env->ctx, file, file_status.size - 16), 0);
    assert_int_equal(env->ops->close(env->ctx, file), 0);

    fixture->options.read_only = true;
    assert_int_equal(
        vv_shard_open(&fixture->place, &fixture->options, &report, &fixture->shard, NULL),
        VARVE_OK);
    assert_int_equal(notes, 1);
    shard_fixture_expect(fixture, "a:1=1");
    assert_int_equal(vv_shard_close(fixture->shard, NULL), VARVE_OK);
    fixture->options.read_only = false;
    shard_fixture_open(fixture);
}

/* An uncertain manifest stops publishing, and nothing grows by trying again. */
static void after_an_uncertain_manifest_appends_and_reads_go_on(void **state)
{
    struct shard_fixture *fixture = *state;
    assert_int_equal(shard_fixture_append(fixture, "a", LAST, 1, 1), VARVE_OK);
    /* The directory is synced for the block's name and then for the manifest's. */
    vv_env_fault_arm(fixture->fault, VV_CALL_BIT(VV_CALL_SYNC_DIRECTORY), 2, EIO, false);
    assert_int_equal(shard_fixture_flush(fixture), VARVE_UNKNOWN);
    uint64_t generation = vv_ring_generation(&fixture->shard->wal.ring);
    assert_int_equal(shard_fixture_append(fixture, "a", LAST, 2, 2), VARVE_OK);
    assert_int_equal(shard_fixture_flush(fixture), VARVE_READ_ONLY);
    assert_int_equal(vv_ring_generation(&fixture->shard->wal.ring), generation);
    shard_fixture_expect(fixture, "a:1=1;2=2");
    shard_fixture_reopen(fixture);
    assert_int_equal(fixture->damage_reports, 0);
    shard_fixture_expect(fixture, "a:1=1;2=2");
    assert_int_equal(shard_fixture_flush(fixture), VARVE_OK);
    shard_fixture_expect(fixture, "a:1=1;2=2");
}

#define TEST(function)                                                                             \
    cmocka_unit_test_setup_teardown(function, shard_fixture_set_up, shard_fixture_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_log_that_is_lost_as_a_whole_is_reported_once),
        TEST(a_stale_manifest_does_not_make_newer_blocks_garbage),
        TEST(what_stands_behind_damage_is_kept_and_saved),
        TEST(a_reader_tells_of_a_torn_tail_too),
        TEST(after_an_uncertain_manifest_appends_and_reads_go_on),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
