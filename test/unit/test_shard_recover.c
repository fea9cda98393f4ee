/*
 * Tests of shard_recover.c: records that are intact and make no sense.
 */
#include "storage/shard.h"

#include <errno.h>
#include <string.h>

#include "support/labels.h"
#include "support/shard_fixture.h"

/* Logs a definition behind what the shard has logged itself. */
static void log_definition(struct shard_fixture *fixture, uint32_t ref, const char *text)
{
    struct vv_buffer payload = {0}, key = {0};
    struct vv_wal *wal = &fixture->shard->wal;
    uint64_t lsn;
    assert_int_equal(vv_wal_series_encode(ref, vv_test_key(&key, text), &payload), VARVE_OK);
    assert_int_equal(vv_wal_append(wal, VV_WAL_SERIES, &payload, 0, &lsn), VARVE_OK);
    assert_int_equal(vv_wal_flush(wal, lsn, VV_WAL_DURABLE), VARVE_OK);
    vv_buffer_fini(&payload);
    vv_buffer_fini(&key);
}

/* Memory up to it would be 32 GiB. */
static void a_ref_that_no_shard_gives_is_damage(void **state)
{
    struct shard_fixture *fixture = *state;
    static const uint32_t refs[] = {VV_HEAD_REFS_MAX, UINT32_MAX};
    assert_int_equal(shard_fixture_append(fixture, "a", VARVE_DUPLICATES_LAST, 1, 10), VARVE_OK);
    for (size_t i = 0; i < 2; i++) {
        log_definition(fixture, refs[i], "b");
    }
    assert_int_equal(shard_fixture_append(fixture, "a", VARVE_DUPLICATES_LAST, 2, 20), VARVE_OK);
    shard_fixture_reopen(fixture);
    assert_int_equal(atomic_load(&fixture->shard->damages), 2);
    shard_fixture_expect(fixture, "a:1=10;2=20");
}

/* A file that the next opening removes. */
static void make_leftover(struct shard_fixture *fixture)
{
    const struct vv_env *env = fixture->place.env;
    int file = env->ops->open(env->ctx, fixture->place.directory, "wal-00000000000000ff.spare",
                              VV_OPEN_CREATE);
    assert_true(file >= 0);
    assert_int_equal(env->ops->close(env->ctx, file), 0);
}

/* It may have been replaced by somebody who was killed before he had made its name durable. */
static void the_manifest_that_was_read_is_durable_before_anything_goes(void **state)
{
    struct shard_fixture *fixture = *state;
    static struct vv_call_record calls[1024];
    make_leftover(fixture);
    uint64_t begin = vv_env_fault_total(fixture->fault);
    shard_fixture_reopen(fixture);
    size_t count = vv_env_fault_log(fixture->fault, calls, 1024);
    bool synced = false, removed = false;
    for (size_t i = 0; i < count; i++) {
        if (calls[i].sequence >= begin) {
            removed |= calls[i].call == VV_CALL_UNLINK && strstr(calls[i].name, ".spare") != NULL;
            synced |= calls[i].call == VV_CALL_SYNC_DIRECTORY && !removed;
        }
    }
    assert_true(synced && removed);
}

static void where_it_cannot_be_made_durable_nothing_goes(void **state)
{
    struct shard_fixture *fixture = *state;
    const struct vv_env *env = fixture->place.env;
    assert_int_equal(vv_shard_close(fixture->shard, NULL), VARVE_OK);
    fixture->shard = NULL;
    make_leftover(fixture);
    vv_env_fault_arm(fixture->fault, VV_CALL_BIT(VV_CALL_SYNC_DIRECTORY), 1, EIO, false);
    assert_int_equal(
        vv_shard_open(&fixture->place, &fixture->options, &fixture->report, &fixture->shard, NULL),
        VARVE_IO);
    int file = env->ops->open(env->ctx, fixture->place.directory, "wal-00000000000000ff.spare",
                              VV_OPEN_READ);
    assert_true(file >= 0);
    assert_int_equal(env->ops->close(env->ctx, file), 0);
    shard_fixture_open(fixture);
}

#define TEST(function)                                                                             \
    cmocka_unit_test_setup_teardown(function, shard_fixture_set_up, shard_fixture_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_ref_that_no_shard_gives_is_damage),
        TEST(the_manifest_that_was_read_is_durable_before_anything_goes),
        TEST(where_it_cannot_be_made_durable_nothing_goes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
