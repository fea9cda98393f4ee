/* Tests of shard_idle.c: when maintenance seals idle tails, and what statistics say of it. */
#include "storage/shard.h"

#include "os/alloc.h"
#include "support/shard_fixture.h"

enum { SAMPLES = 40 };

static void append_many(struct shard_fixture *fixture, const char *text, int64_t first)
{
    varve_series handles[SAMPLES];
    int64_t timestamps[SAMPLES];
    double values[SAMPLES];
    uint64_t lsn;
    for (int i = 0; i < SAMPLES; i++) {
        handles[i] = (varve_series)shard_fixture_ref(fixture, text) + 1;
        timestamps[i] = first + i;
        values[i] = i;
    }
    struct vv_shard_batch batch = {
        VARVE_DUPLICATES_LAST, SAMPLES, handles, timestamps, values, false, false};
    assert_int_equal(vv_shard_append(fixture->shard, &batch, &lsn), VARVE_OK);
}

static void let_time_pass(struct shard_fixture *fixture)
{
    const struct vv_env *env = fixture->place.env;
    env->ops->sleep_ns(env->ctx, VV_IDLE_NS);
}

/* Until there is nothing to do. */
static void maintain(struct shard_fixture *fixture)
{
    bool worked = true;
    while (worked) {
        assert_int_equal(vv_shard_maintain(fixture->shard, &worked, NULL), VARVE_OK);
    }
}

static varve_statistics statistics_of(struct shard_fixture *fixture)
{
    varve_statistics statistics = VARVE_STATISTICS_INIT;
    vv_shard_statistics(fixture->shard, &statistics);
    return statistics;
}

static void maintenance_seals_who_got_nothing_between_two_rounds(void **state)
{
    struct shard_fixture *fixture = *state;
    append_many(fixture, "a", 0);
    append_many(fixture, "b", 0);
    let_time_pass(fixture);
    maintain(fixture); /* the first round sees them for the first time */
    maintain(fixture); /* and no second one is due */
    assert_int_equal(statistics_of(fixture).idle_seals, 0);
    append_many(fixture, "b", SAMPLES);
    let_time_pass(fixture);
    maintain(fixture);
    varve_statistics statistics = statistics_of(fixture);
    assert_int_equal(statistics.idle_seals, 1);
    assert_int_equal(statistics.head_samples, 3 * SAMPLES);
    assert_int_equal(statistics.sealed_samples, SAMPLES);
    assert_true(statistics.sealed_bytes > 0 && statistics.sealed_bytes < statistics.head_bytes);
    let_time_pass(fixture);
    maintain(fixture);
    assert_int_equal(statistics_of(fixture).sealed_samples, 3 * SAMPLES);
    assert_int_equal(shard_fixture_flush(fixture), VARVE_OK);
    maintain(fixture);
    statistics = statistics_of(fixture);
    assert_int_equal(statistics.samples, 3 * SAMPLES);
    assert_int_equal(statistics.sealed_samples + statistics.sealed_bytes, 0);
    assert_int_equal(statistics.head_bytes, 0);
    assert_int_equal(statistics.idle_seals, 2);
}

/* More series than a step goes through, and than it seals; and new ones while a round is on. */
static void a_round_goes_on_where_a_step_ended(void **state)
{
    enum { SERIES = 2500 };
    struct shard_fixture *fixture = *state;
    char text[32];
    fixture->options.head_bytes_max = fixture->options.wal_bytes_max = 1 << 30;
    shard_fixture_reopen(fixture);
    for (int i = 0; i < SERIES; i++) {
        (void)snprintf(text, sizeof(text), "a%d", i);
        append_many(fixture, text, 0);
    }
    vv_mutex_lock(&fixture->shard->maintenance_mutex);
    assert_false(vv_shard_seal_idle(fixture->shard, 0));
    assert_true(vv_shard_seal_idle(fixture->shard, 0));
    vv_mutex_unlock(&fixture->shard->maintenance_mutex);
    uint64_t first = statistics_of(fixture).idle_seals;
    assert_in_range(first, 1, SERIES / 2);
    append_many(fixture, "late", 0);
    maintain(fixture); /* a round that is on needs no time to pass */
    assert_int_equal(statistics_of(fixture).idle_seals, SERIES);
    assert_int_equal(statistics_of(fixture).sealed_samples, SERIES * SAMPLES);
}

static void without_memory_for_marks_nothing_is_sealed(void **state)
{
    struct shard_fixture *fixture = *state;
    append_many(fixture, "a", 0);
    vv_mutex_lock(&fixture->shard->maintenance_mutex);
    vv_alloc_fail_from(1);
    bool worked = vv_shard_seal_idle(fixture->shard, 0);
    vv_alloc_fail_at(0);
    assert_false(worked);
    assert_false(vv_shard_seal_idle(fixture->shard, 0));
    assert_true(vv_shard_seal_idle(fixture->shard, 0));
    vv_mutex_unlock(&fixture->shard->maintenance_mutex);
}

/* Sealed samples are what a replay of the log brings back as they came. */
static void a_reopened_shard_has_them_all(void **state)
{
    struct shard_fixture *fixture = *state;
    append_many(fixture, "a", 0);
    for (int round = 0; round < 2; round++) {
        let_time_pass(fixture);
        maintain(fixture);
    }
    assert_int_equal(statistics_of(fixture).sealed_samples, SAMPLES);
    shard_fixture_reopen(fixture);
    varve_statistics statistics = statistics_of(fixture);
    assert_int_equal(statistics.samples, SAMPLES);
    assert_int_equal(statistics.sealed_samples, 0);
}

#define TEST(function)                                                                             \
    cmocka_unit_test_setup_teardown(function, shard_fixture_set_up, shard_fixture_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(maintenance_seals_who_got_nothing_between_two_rounds),
        TEST(a_round_goes_on_where_a_step_ended),
        TEST(without_memory_for_marks_nothing_is_sealed),
        TEST(a_reopened_shard_has_them_all),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
