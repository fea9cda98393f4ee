/*
 * Tests of shard_recover.c: records that are intact and make no sense.
 */
#include "storage/shard.h"

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

#define TEST(function)                                                                             \
    cmocka_unit_test_setup_teardown(function, shard_fixture_set_up, shard_fixture_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_ref_that_no_shard_gives_is_damage),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
