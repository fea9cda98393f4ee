/* Tests of shard_merge.c: any mixture of appends, deletions, merges, rewrites and reopenings
 * answers as plain arrays do. */
#include "storage/upkeep/shard_merge.h"

#include "mmap/block_access.h"
#include "os/alloc.h"
#include "storage/upkeep/shard_retain.h"
#include "support/random.h"
#include "support/shard_fixture.h"

enum { SERIES = 3, TIMES = 48, STEPS = 400 };

static const char *const names[SERIES] = {"a", "b", "c{x=\"1\"}"};

/* What must be there. */
struct oracle {
    bool present[SERIES][TIMES];
    double values[SERIES][TIMES];
    int64_t floor;
};

/* Times near and far: two clusters, a century apart, and both ends of time. */
static int64_t time_of(size_t index)
{
    if (index == 0) {
        return INT64_MIN;
    }
    if (index == TIMES - 1) {
        return INT64_MAX - 1;
    }
    return index < TIMES / 2 ? (int64_t)index : INT64_C(3000000000000000000) + (int64_t)index;
}

static void append(struct shard_fixture *fixture, struct oracle *oracle,
                   struct vv_test_random *random)
{
    static const varve_duplicates policies[] = {VARVE_DUPLICATES_LAST, VARVE_DUPLICATES_LAST,
                                                VARVE_DUPLICATES_SUM, VARVE_DUPLICATES_FIRST,
                                                VARVE_DUPLICATES_MAX};
    size_t series = vv_test_random_below(random, SERIES);
    size_t at = vv_test_random_below(random, TIMES);
    double value = (double)vv_test_random_below(random, 100);
    varve_duplicates policy = policies[vv_test_random_below(random, 5)];
    assert_int_equal(shard_fixture_append(fixture, names[series], policy, time_of(at), value),
                     VARVE_OK);
    double *stored = &oracle->values[series][at];
    *stored = oracle->present[series][at] ? vv_resolve_duplicate(policy, *stored, value) : value;
    oracle->present[series][at] = true;
}

static void erase(struct shard_fixture *fixture, struct oracle *oracle,
                  struct vv_test_random *random)
{
    size_t first = vv_test_random_below(random, TIMES);
    size_t end = first + vv_test_random_below(random, TIMES / 3);
    end = end < TIMES ? end : TIMES - 1;
    shard_fixture_delete(fixture, time_of(first), time_of(end));
    for (size_t series = 0; series < SERIES; series++) {
        for (size_t at = first; at < end; at++) {
            oracle->present[series][at] = false;
        }
    }
}

static void expect(struct shard_fixture *fixture, const struct oracle *oracle)
{
    char text[8192] = "";
    size_t length = 0;
    for (size_t series = 0; series < SERIES; series++) {
        bool any = false;
        for (size_t at = 0; at < TIMES; at++) {
            if (!oracle->present[series][at] || time_of(at) < oracle->floor) {
                continue;
            }
            if (!any) {
                length += (size_t)snprintf(text + length, sizeof(text) - length, "%s%s",
                                           length > 0 ? " " : "", names[series]);
            }
            length +=
                (size_t)snprintf(text + length, sizeof(text) - length, "%c%lld=%g", any ? ';' : ':',
                                 (long long)time_of(at), oracle->values[series][at]);
            any = true;
        }
    }
    shard_fixture_expect(fixture, text);
}

/* Blocks that meet have disjoint parts of the log, tombstones stand behind what they delete from,
 * and the manifest lists what the view has. */
static void check_order(struct shard_fixture *fixture)
{
    struct vv_view *view = vv_view_acquire(&fixture->shard->views);
    struct vv_merge_block *blocks;
    size_t *places;
    assert_int_equal(vv_shard_merge_blocks(fixture->shard, view, &blocks, &places), VARVE_OK);
    for (size_t i = 0; i < fixture->shard->manifest.block_count; i++) {
        assert_int_equal(places[i], i);
        for (size_t k = 0; k < i; k++) {
            if (vv_merge_blocks_meet(&blocks[k], &blocks[i]) || blocks[i].has_tombstones) {
                assert_true(blocks[k].lsn_max <= blocks[i].lsn_min);
            }
        }
    }
    vv_free(blocks);
    vv_free(places);
    vv_view_release(&fixture->shard->views, view);
}

static void settle(struct shard_fixture *fixture)
{
    bool worked = true;
    for (int i = 0; worked; i++) {
        assert_true(i < 200); /* it comes to an end */
        assert_int_equal(vv_shard_maintain(fixture->shard, &worked, NULL), VARVE_OK);
    }
}

static void reclaim(struct shard_fixture *fixture)
{
    bool worked = true;
    vv_mutex_lock(&fixture->shard->maintenance_mutex);
    for (int i = 0; worked; i++) {
        assert_true(i < 200);
        assert_int_equal(vv_shard_reclaim(fixture->shard, VV_RECLAIM_ANY, &worked, NULL), VARVE_OK);
    }
    vv_mutex_unlock(&fixture->shard->maintenance_mutex);
}

static void raise_floor(struct shard_fixture *fixture, struct oracle *oracle,
                        struct vv_test_random *random)
{
    uint64_t age = vv_test_random_next(random) >> vv_test_random_below(random, 64);
    if (age == 0) {
        return;
    }
    int64_t newest = INT64_MIN;
    for (size_t i = 0; i < fixture->shard->manifest.block_count; i++) {
        const struct vv_block_info *info = &fixture->shard->manifest.blocks[i];
        newest = info->time_max > newest ? info->time_max : newest;
    }
    assert_int_equal(vv_shard_set_retention(fixture->shard, VARVE_STRING(""), age, 0, NULL),
                     VARVE_OK);
    assert_int_equal(fixture->shard->manifest.rule_count, 1);
    oracle->floor = fixture->shard->manifest.rules[0].floor;
    for (size_t series = 0; series < SERIES; series++) { /* expired is expired */
        for (size_t at = 0; at < TIMES; at++) {
            oracle->present[series][at] &= time_of(at) >= oracle->floor;
        }
    }
    assert_int_equal(vv_shard_set_retention(fixture->shard, VARVE_STRING(""), 0, 0, NULL),
                     VARVE_OK);
    oracle->floor = INT64_MIN;
}

static void step(struct shard_fixture *fixture, struct oracle *oracle,
                 struct vv_test_random *random)
{
    switch (vv_test_random_below(random, 24)) {
    case 0:
    case 1:
    case 2:
    case 3:
        assert_int_equal(shard_fixture_flush(fixture), VARVE_OK);
        break;
    case 4:
    case 5:
        erase(fixture, oracle, random);
        break;
    case 6:
        settle(fixture);
        break;
    case 7:
        reclaim(fixture);
        break;
    case 8:
        shard_fixture_reopen(fixture);
        break;
    case 9:
        if (vv_test_random_below(random, 4) == 0) {
            assert_int_equal(vv_shard_compact(fixture->shard, NULL), VARVE_OK);
        }
        break;
    case 10:
        if (vv_test_random_below(random, 4) == 0) {
            raise_floor(fixture, oracle, random);
        }
        break;
    default:
        append(fixture, oracle, random);
        break;
    }
}

static void any_mixture_answers_as_plain_arrays_do(void **state)
{
    (void)state;
    struct vv_test_random random = vv_test_random_init(1);
    for (int round = 0; round < 6; round++) {
        void *made = NULL;
        (void)shard_fixture_set_up(&made);
        struct shard_fixture *fixture = made;
        struct oracle oracle = {.floor = INT64_MIN};
        fixture->options.block_bytes_max = 2000 << round; /* blocks of one sample have 1.5 KiB */
        shard_fixture_reopen(fixture);
        for (int i = 0; i < STEPS; i++) {
            step(fixture, &oracle, &random);
            if (i % 8 == 0) {
                expect(fixture, &oracle);
                check_order(fixture);
            }
        }
        settle(fixture);
        expect(fixture, &oracle);
        assert_int_equal(vv_shard_compact(fixture->shard, NULL), VARVE_OK);
        expect(fixture, &oracle);
        for (size_t i = 0; i < fixture->shard->manifest.block_count; i++) {
            assert_int_equal(fixture->shard->manifest.blocks[i].tombstone_count, 0);
        }
        /* Blocks this small are mostly frame, which changes sizes and so the cuts a little. */
        uint64_t sequence = 0;
        for (int i = 0; sequence != fixture->shard->manifest.sequence; i++) {
            assert_true(i < 20);
            sequence = fixture->shard->manifest.sequence;
            assert_int_equal(vv_shard_compact(fixture->shard, NULL), VARVE_OK);
        }
        (void)shard_fixture_tear_down(&made);
    }
}

static void a_merge_cuts_off_strays(void **state)
{
    struct shard_fixture *fixture = *state;
    const int64_t now = INT64_C(1700000000000000000);
    for (int64_t i = 0; i < 8; i++) {
        assert_int_equal(shard_fixture_append(fixture, "a", VARVE_DUPLICATES_LAST, i, 1), VARVE_OK);
        for (int64_t k = 0; k < 40; k++) {
            assert_int_equal(shard_fixture_append(fixture, "a", VARVE_DUPLICATES_LAST,
                                                  now + 1000 * i + k, (double)k),
                             VARVE_OK);
        }
        assert_int_equal(shard_fixture_flush(fixture), VARVE_OK);
    }
    assert_int_equal(vv_shard_compact(fixture->shard, NULL), VARVE_OK);
    assert_int_equal(fixture->shard->manifest.block_count, 2);
    const struct vv_block_info *blocks = fixture->shard->manifest.blocks;
    assert_int_equal(blocks[0].sample_count, 8);
    assert_int_equal(blocks[0].time_max, 7);
    assert_int_equal(blocks[1].sample_count, 320);
    assert_int_equal(blocks[1].time_min, now);
}

/* Four blocks of 100 samples, merged while the head is too full: the flush is done on the way. */
static void a_flush_that_is_due_does_not_wait_for_a_merge(void **state)
{
    struct shard_fixture *fixture = *state;
    char name[32];
    for (int64_t block = 0; block < 4; block++) {
        for (int64_t i = 0; i < 100; i++) {
            (void)snprintf(name, sizeof(name), "s%lld", (long long)i);
            assert_int_equal(shard_fixture_append(fixture, name, VARVE_DUPLICATES_LAST, block, 1),
                             VARVE_OK);
        }
        assert_int_equal(shard_fixture_flush(fixture), VARVE_OK);
    }
    assert_int_equal(shard_fixture_append(fixture, "s0", VARVE_DUPLICATES_LAST, 99, 1), VARVE_OK);
    fixture->shard->options.head_bytes_max = 1;
    bool worked;
    vv_mutex_lock(&fixture->shard->maintenance_mutex);
    assert_int_equal(vv_shard_merge_due(fixture->shard, &worked, NULL), VARVE_OK);
    vv_mutex_unlock(&fixture->shard->maintenance_mutex);
    assert_true(worked);
    assert_int_equal(fixture->shard->manifest.block_count, 2); /* the merged one and the flush */
    assert_int_equal(fixture->shard->manifest.blocks[0].sample_count, 400);
    assert_int_equal(fixture->shard->manifest.blocks[1].sample_count, 1);
}

static void a_shard_that_closes_gives_a_merge_up_and_keeps_everything(void **state)
{
    struct shard_fixture *fixture = *state;
    for (int64_t i = 0; i < 4; i++) {
        assert_int_equal(shard_fixture_append(fixture, "a", VARVE_DUPLICATES_LAST, i, 1), VARVE_OK);
        assert_int_equal(shard_fixture_flush(fixture), VARVE_OK);
    }
    vv_shard_stop(fixture->shard);
    bool worked;
    vv_mutex_lock(&fixture->shard->maintenance_mutex);
    assert_int_equal(vv_shard_merge_due(fixture->shard, &worked, NULL), VARVE_CANCELLED);
    vv_mutex_unlock(&fixture->shard->maintenance_mutex);
    assert_int_equal(fixture->shard->manifest.block_count, 4);
    shard_fixture_reopen(fixture);
    settle(fixture);
    assert_int_equal(fixture->shard->manifest.block_count, 1);
    shard_fixture_expect(fixture, "a:0=1;1=1;2=1;3=1");
}

/* Four blocks of 500 series, and a rate by which merging them takes four seconds. */
static void make_blocks_and_rate(struct shard_fixture *fixture)
{
    char name[32];
    for (int64_t block = 0; block < 4; block++) {
        for (int64_t i = 0; i < 500; i++) {
            (void)snprintf(name, sizeof(name), "s%lld", (long long)i);
            assert_int_equal(shard_fixture_append(fixture, name, VARVE_DUPLICATES_LAST, block, 1),
                             VARVE_OK);
        }
        assert_int_equal(shard_fixture_flush(fixture), VARVE_OK);
    }
    uint64_t bytes = 0;
    for (size_t i = 0; i < 4; i++) {
        bytes += fixture->shard->manifest.blocks[i].file_bytes;
    }
    fixture->shard->options.merge_bytes_per_second = bytes / 4;
}

/* The simulated clock moves by what is slept. */
static void a_merge_keeps_to_its_rate(void **state)
{
    struct shard_fixture *fixture = *state;
    const struct vv_env *env = fixture->place.env;
    make_blocks_and_rate(fixture);
    int64_t before = env->ops->now_monotonic_ns(env->ctx);
    settle(fixture);
    int64_t seconds = (env->ops->now_monotonic_ns(env->ctx) - before) / 100000000;
    assert_in_range(seconds, 5, 45);
    assert_int_equal(fixture->shard->manifest.block_count, 1);
}

static void a_compaction_that_somebody_waits_for_does_not(void **state)
{
    struct shard_fixture *fixture = *state;
    const struct vv_env *env = fixture->place.env;
    make_blocks_and_rate(fixture);
    int64_t before = env->ops->now_monotonic_ns(env->ctx);
    assert_int_equal(vv_shard_compact(fixture->shard, NULL), VARVE_OK);
    assert_true(env->ops->now_monotonic_ns(env->ctx) - before < 100000000);
    assert_int_equal(fixture->shard->manifest.block_count, 1);
}

/* ------------------------------------------------------------------- what is read often */

/* The block at a place of the present view; it lives at least until the next publication. */
static struct vv_block *block_at(struct shard_fixture *fixture, size_t index)
{
    struct vv_view *view = vv_view_acquire(&fixture->shard->views);
    assert_true(index < view->block_count);
    struct vv_block *block = view->blocks[index];
    vv_view_release(&fixture->shard->views, view);
    return block;
}

/* A flush of another sample: a turn. */
static void turn(struct shard_fixture *fixture)
{
    static int64_t time = 1000;
    assert_int_equal(shard_fixture_append(fixture, "other", VARVE_DUPLICATES_LAST, time++, 1),
                     VARVE_OK);
    assert_int_equal(shard_fixture_flush(fixture), VARVE_OK);
}

static void queries_between_flushes_are_noticed(void **state)
{
    struct shard_fixture *fixture = *state;
    varve_statistics statistics = VARVE_STATISTICS_INIT;
    assert_int_equal(shard_fixture_append(fixture, "a", VARVE_DUPLICATES_LAST, 1, 1), VARVE_OK);
    assert_int_equal(shard_fixture_flush(fixture), VARVE_OK);
    for (int i = 0; i < VV_BLOCK_READ_OFTEN; i++) {
        struct vv_block *block = block_at(fixture, 0);
        assert_int_equal(vv_block_turns_read(block), i);
        struct vv_view *view = vv_view_acquire(&fixture->shard->views);
        struct vv_series *series =
            vv_series_table_get(fixture->shard->table, shard_fixture_ref(fixture, "a"));
        const struct vv_series_place place = {
            .series = series, .key = vv_series_key(series), .hash = series->hash};
        struct vv_iter *iter = NULL;
        assert_int_equal(vv_shard_series_iter(fixture->shard, view, &place,
                                              (struct vv_range){0, 10}, NULL, &iter),
                         VARVE_OK);
        vv_iter_destroy(iter);
        vv_view_release(&fixture->shard->views, view);
        turn(fixture);
    }
    vv_shard_statistics(fixture->shard, &statistics);
    assert_true(statistics.often_read_blocks >= 1);
}

static varve_statistics statistics_of(struct shard_fixture *fixture)
{
    varve_statistics statistics = VARVE_STATISTICS_INIT;
    vv_shard_statistics(fixture->shard, &statistics);
    return statistics;
}

static void blocks_that_change_their_tier_are_counted(void **state)
{
    struct shard_fixture *fixture = *state;
    bool worked = true;
    for (int64_t i = 0; i < 10; i++) {
        assert_int_equal(shard_fixture_append(fixture, "a", VARVE_DUPLICATES_LAST, i, 1), VARVE_OK);
    }
    assert_int_equal(shard_fixture_flush(fixture), VARVE_OK);
    varve_statistics statistics = statistics_of(fixture);
    assert_int_equal(statistics.cold_samples + statistics.cold_bytes, 0);
    assert_int_equal(vv_shard_compact(fixture->shard, NULL), VARVE_OK);
    assert_int_equal(shard_fixture_append(fixture, "a", VARVE_DUPLICATES_LAST, 99, 1), VARVE_OK);
    assert_int_equal(shard_fixture_flush(fixture), VARVE_OK);
    statistics = statistics_of(fixture);
    assert_int_equal(statistics.cold_blocks, 1);
    assert_int_equal(statistics.cold_samples, 10);
    assert_int_equal(statistics.samples, 11);
    assert_true(statistics.cold_bytes > 0 && statistics.cold_bytes < statistics.block_bytes);
    assert_int_equal(statistics.cooled_blocks, 1);
    assert_int_equal(statistics.warmed_blocks, 0);
    for (int64_t i = 100; i < 100 + VV_MERGE_BLOCKS; i++) { /* a small merge is due */
        assert_int_equal(shard_fixture_append(fixture, "a", VARVE_DUPLICATES_LAST, i, 1), VARVE_OK);
        assert_int_equal(shard_fixture_flush(fixture), VARVE_OK);
    }
    while (worked) {
        assert_int_equal(vv_shard_maintain(fixture->shard, &worked, NULL), VARVE_OK);
    }
    statistics = statistics_of(fixture);
    assert_int_equal(statistics.cold_blocks + statistics.cold_samples + statistics.cold_bytes, 0);
    assert_int_equal(statistics.cooled_blocks, 1);
    assert_int_equal(statistics.warmed_blocks, 1);
}

static void a_merge_hands_on_what_was_read_most(void **state)
{
    struct shard_fixture *fixture = *state;
    for (int64_t i = 0; i < 2; i++) {
        assert_int_equal(shard_fixture_append(fixture, "a", VARVE_DUPLICATES_LAST, i, 1), VARVE_OK);
        assert_int_equal(shard_fixture_flush(fixture), VARVE_OK);
    }
    for (int i = 0; i < 5; i++) {
        vv_block_note_read(block_at(fixture, 1));
        vv_block_end_turn(block_at(fixture, 1));
    }
    assert_int_equal(vv_shard_compact(fixture->shard, NULL), VARVE_OK);
    assert_int_equal(vv_block_turns_read(block_at(fixture, 0)), 5);
}

static void what_is_read_often_stays_fast_unless_size_is_asked_for(void **state)
{
    (void)state;
    struct vv_merge_set set = {.cold = false};
    uint64_t many = UINT64_C(1) << 30;
    assert_true(vv_shard_merges_cold(&set, many, VV_BLOCK_READ_OFTEN - 1));
    assert_false(vv_shard_merges_cold(&set, many, VV_BLOCK_READ_OFTEN));
    assert_false(vv_shard_merges_cold(&set, 1000, 0));
    set.cold = true;
    assert_true(vv_shard_merges_cold(&set, 1000, VV_BLOCK_TURNS));
}

#define TEST(function)                                                                             \
    cmocka_unit_test_setup_teardown(function, shard_fixture_set_up, shard_fixture_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_mixture_answers_as_plain_arrays_do),
        TEST(a_merge_cuts_off_strays),
        TEST(a_flush_that_is_due_does_not_wait_for_a_merge),
        TEST(a_shard_that_closes_gives_a_merge_up_and_keeps_everything),
        TEST(a_merge_keeps_to_its_rate),
        TEST(a_compaction_that_somebody_waits_for_does_not),
        TEST(queries_between_flushes_are_noticed),
        TEST(a_merge_hands_on_what_was_read_most),
        TEST(blocks_that_change_their_tier_are_counted),
        cmocka_unit_test(what_is_read_often_stays_fast_unless_size_is_asked_for),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
