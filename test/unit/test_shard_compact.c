/* Tests of shard_compact.c: what merging must not change, least of all around blocks that cannot be
 * read. */
#include "storage/shard.h"

#include <errno.h>

#include "support/shard_fixture.h"

#define LAST VARVE_DUPLICATES_LAST
#define SUM VARVE_DUPLICATES_SUM

static void put(struct shard_fixture *fixture, const char *series, varve_duplicates policy,
                int64_t timestamp, double value)
{
    assert_int_equal(shard_fixture_append(fixture, series, policy, timestamp, value), VARVE_OK);
}

static size_t block_count(struct shard_fixture *fixture)
{
    return atomic_load(&fixture->shard->views.current)->block_count;
}

static void a_compaction_makes_one_block_of_all(void **state)
{
    struct shard_fixture *fixture = *state;
    for (int64_t i = 0; i < 6; i++) {
        put(fixture, i % 2 == 0 ? "a" : "b", LAST, i, (double)i);
        assert_int_equal(shard_fixture_flush(fixture), VARVE_OK);
    }
    assert_int_equal(block_count(fixture), 6);
    assert_int_equal(vv_shard_compact(fixture->shard, NULL), VARVE_OK);
    assert_int_equal(block_count(fixture), 1);
    shard_fixture_expect(fixture, "a:0=0;2=2;4=4 b:1=1;3=3;5=5");
    shard_fixture_reopen(fixture);
    shard_fixture_expect(fixture, "a:0=0;2=2;4=4 b:1=1;3=3;5=5");
}

static void a_merge_of_the_newest_keeps_what_deletes_from_the_oldest(void **state)
{
    struct shard_fixture *fixture = *state;
    put(fixture, "a", LAST, 1, 1);
    put(fixture, "a", SUM, 2, 5);
    assert_int_equal(shard_fixture_flush(fixture), VARVE_OK);
    shard_fixture_delete(fixture, 1, 2);
    put(fixture, "a", SUM, 2, 6);
    assert_int_equal(shard_fixture_flush(fixture), VARVE_OK);
    put(fixture, "a", VARVE_DUPLICATES_FIRST, 2, 100);
    put(fixture, "a", SUM, 2, 7);
    assert_int_equal(shard_fixture_flush(fixture), VARVE_OK);
    shard_fixture_expect(fixture, "a:2=18");
    assert_int_equal(vv_shard_compact(fixture->shard, NULL), VARVE_OK);
    shard_fixture_expect(fixture, "a:2=18");
}

static void deleting_everything_leaves_no_block(void **state)
{
    struct shard_fixture *fixture = *state;
    put(fixture, "a", LAST, 1, 1);
    assert_int_equal(shard_fixture_flush(fixture), VARVE_OK);
    shard_fixture_delete(fixture, INT64_MIN, INT64_MAX);
    assert_int_equal(vv_shard_compact(fixture->shard, NULL), VARVE_OK);
    assert_int_equal(block_count(fixture), 0);
    shard_fixture_expect(fixture, "");
    shard_fixture_reopen(fixture);
    shard_fixture_expect(fixture, "");
}

/* Blocks 1, 2, 3; 3 deletes from 2, which cannot be read while everything is compacted, and can be
 * again afterwards. */
static void a_block_that_comes_back_finds_its_place_and_its_deletions(void **state)
{
    struct shard_fixture *fixture = *state;
    put(fixture, "a", LAST, 1, 1);
    put(fixture, "a", LAST, 2, 1);
    assert_int_equal(shard_fixture_flush(fixture), VARVE_OK);
    put(fixture, "a", LAST, 2, 22);
    put(fixture, "a", LAST, 3, 2);
    assert_int_equal(shard_fixture_flush(fixture), VARVE_OK);
    shard_fixture_delete(fixture, 3, 4);
    put(fixture, "a", LAST, 4, 3);
    assert_int_equal(shard_fixture_flush(fixture), VARVE_OK);
    shard_fixture_expect(fixture, "a:1=1;2=22;4=3");

    assert_int_equal(vv_shard_close(fixture->shard, NULL), VARVE_OK);
    shard_fixture_rename(fixture, "block-0000000000000002", "away");
    shard_fixture_open(fixture);
    assert_int_equal(fixture->damage_reports, 1);
    shard_fixture_expect(fixture, "a:1=1;2=1;4=3");
    assert_int_equal(vv_shard_compact(fixture->shard, NULL), VARVE_OK);
    shard_fixture_expect(fixture, "a:1=1;2=1;4=3");

    assert_int_equal(vv_shard_close(fixture->shard, NULL), VARVE_OK);
    shard_fixture_rename(fixture, "away", "block-0000000000000002");
    shard_fixture_open(fixture);
    assert_int_equal(fixture->damage_reports, 0);
    shard_fixture_expect(fixture, "a:1=1;2=22;4=3");
    assert_int_equal(vv_shard_compact(fixture->shard, NULL), VARVE_OK);
    assert_int_equal(block_count(fixture), 1);
    shard_fixture_expect(fixture, "a:1=1;2=22;4=3");
}

static void whatever_call_fails_nothing_changes(void **state)
{
    (void)state;
    bool was_hit = true;
    for (uint64_t n = 1; was_hit; n++) {
        void *made = NULL;
        (void)shard_fixture_set_up(&made);
        struct shard_fixture *fixture = made;
        for (int64_t i = 0; i < 3; i++) {
            put(fixture, "a", SUM, 7, (double)i);
            put(fixture, "b", LAST, i, (double)i);
            assert_int_equal(shard_fixture_flush(fixture), VARVE_OK);
        }
        put(fixture, "a", SUM, 7, 10);
        vv_env_fault_arm(fixture->fault, VV_CALLS_ALL, n, EIO, false);
        varve_status status = vv_shard_compact(fixture->shard, NULL);
        was_hit = vv_env_fault_hits(fixture->fault) > 0;
        assert_true(status == VARVE_OK || was_hit);
        vv_env_fault_arm(fixture->fault, 0, 0, 0, false); /* a query makes calls, too */
        shard_fixture_expect(fixture, "a:7=13 b:0=0;1=1;2=2");
        assert_int_equal(shard_fixture_append(fixture, "c", LAST, 1, 1), VARVE_OK);
        shard_fixture_reopen(fixture);
        assert_int_equal(fixture->damage_reports, 0);
        shard_fixture_expect(fixture, "a:7=13 b:0=0;1=1;2=2 c:1=1");
        (void)shard_fixture_tear_down(&made);
    }
}

#define TEST(function)                                                                             \
    cmocka_unit_test_setup_teardown(function, shard_fixture_set_up, shard_fixture_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_compaction_makes_one_block_of_all),
        TEST(a_merge_of_the_newest_keeps_what_deletes_from_the_oldest),
        TEST(deleting_everything_leaves_no_block),
        TEST(a_block_that_comes_back_finds_its_place_and_its_deletions),
        cmocka_unit_test(whatever_call_fails_nothing_changes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
