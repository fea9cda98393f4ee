/*
 * Tests of shard_log.c: many threads on the same series, stopped at every step, beside flushes and
 * deletions: what is there afterwards is what a replay makes of the log.
 */
#include "storage/shard.h"

#include <string.h>

#include "base/checksum.h"
#include "support/random.h"
#include "support/shard_fixture.h"

#define LAST VARVE_DUPLICATES_LAST

enum { THREADS = 6, SERIES = 40, TIMESTAMPS = 50, ROUNDS = 4, BATCH_MAX = 30 };

struct test {
    struct shard_fixture *fixture;
    varve_series handles[SERIES];
    _Atomic uint64_t yields;
    _Atomic uint64_t running;
    _Atomic uint64_t failures;
};

struct worker {
    struct test *test;
    uint64_t number;
    uint64_t batches;
    struct vv_thread thread;
};

static void yield_at_some_steps(void *context, enum vv_ring_step step)
{
    struct test *test = context;
    uint64_t turn = atomic_fetch_add_explicit(&test->yields, 1, memory_order_relaxed);
    if ((turn * 0x9e3779b97f4a7c15u + step) >> 61 == 0) {
        vv_thread_yield();
    }
}

/* One batch of any series, timestamps and policy; values are as good as unique. */
static varve_status append_some(struct worker *worker, struct vv_test_random *random)
{
    static const varve_duplicates policies[] = {VARVE_DUPLICATES_LAST, VARVE_DUPLICATES_LAST,
                                                VARVE_DUPLICATES_FIRST, VARVE_DUPLICATES_SUM,
                                                VARVE_DUPLICATES_ERROR};
    varve_series handles[BATCH_MAX];
    int64_t timestamps[BATCH_MAX];
    double values[BATCH_MAX];
    bool alone = vv_test_random_below(random, 3) == 0; /* the short way */
    size_t count = alone ? 1 : 1 + vv_test_random_below(random, BATCH_MAX);
    for (size_t i = 0; i < count; i++) {
        handles[i] = worker->test->handles[vv_test_random_below(random, SERIES)];
        timestamps[i] = (int64_t)vv_test_random_below(random, TIMESTAMPS);
        values[i] = (double)(vv_test_random_next(random) >> 24);
    }
    struct vv_shard_batch batch = {
        .policy = policies[vv_test_random_below(random, 5)],
        .count = count,
        .handles = handles,
        .timestamps = timestamps,
        .values = values,
    };
    uint64_t lsn;
    varve_status status = vv_shard_append(worker->test->fixture->shard, &batch, &lsn);
    return status == VARVE_EXISTS ? VARVE_OK : status;
}

static void append_much(void *argument)
{
    struct worker *worker = argument;
    struct test *test = worker->test;
    struct vv_test_random random = vv_test_random_seeded(worker->number);
    for (uint64_t i = 0; i < worker->batches; i++) {
        if (append_some(worker, &random) != VARVE_OK) {
            atomic_fetch_add(&test->failures, 1);
        }
    }
    atomic_fetch_sub(&test->running, 1);
}

/* A checksum over everything that a query sees. */
static uint64_t digest(struct vv_shard *shard, uint64_t *samples)
{
    struct vv_matchers *matchers = NULL;
    struct vv_shard_cursor *cursor = NULL;
    const struct vv_range everything = {INT64_MIN, INT64_MAX};
    uint64_t sum = 0;
    *samples = 0;
    assert_int_equal(vv_matchers_compile(NULL, 0, &matchers, NULL), VARVE_OK);
    assert_int_equal(vv_shard_select(shard, matchers, everything, NULL, &cursor, NULL), VARVE_OK);
    while (vv_shard_cursor_next(cursor)) {
        struct vv_key key = vv_shard_cursor_key(cursor);
        struct vv_iter *iter = NULL;
        varve_span span;
        sum = vv_checksum(key.bytes, key.length, sum);
        assert_int_equal(
            vv_shard_cursor_iter(cursor, &(struct vv_range){INT64_MIN, INT64_MAX}, &iter),
            VARVE_OK);
        while (vv_iter_next_span(iter, &span)) {
            *samples += span.count;
            for (size_t i = 0; i < span.count; i++) {
                sum = vv_checksum(&span.timestamps[i], sizeof(int64_t), sum);
                sum = vv_checksum(&span.values[i], sizeof(double), sum);
            }
        }
        assert_int_equal(vv_iter_status(iter), VARVE_OK);
        vv_iter_destroy(iter);
    }
    assert_int_equal(vv_shard_cursor_status(cursor), VARVE_OK);
    vv_shard_cursor_close(cursor);
    vv_matchers_destroy(matchers);
    return sum;
}

/* The digest of what a writer that starts after a kill finds. */
static uint64_t digest_after_kill(struct shard_fixture *fixture, uint64_t *samples)
{
    struct vv_env_sim *image = vv_env_sim_crash(fixture->sim, 1, VV_CRASH_KEEP_ALL);
    struct vv_shard_place place = fixture->place;
    struct vv_shard *shard = NULL;
    place.env = vv_env_sim_env(image);
    place.directory = place.env->ops->open_directory(place.env->ctx, "/");
    assert_int_equal(vv_shard_open(&place, &fixture->options, &fixture->report, &shard, NULL),
                     VARVE_OK);
    uint64_t sum = digest(shard, samples);
    assert_int_equal(vv_shard_close(shard, NULL), VARVE_OK);
    vv_env_sim_destroy(image);
    return sum;
}

static void delete_some(struct test *test, struct vv_test_random *random)
{
    int64_t start = (int64_t)vv_test_random_below(random, TIMESTAMPS);
    shard_fixture_delete(test->fixture, start, start + 5);
}

/* Threads append; meanwhile the log is written, generations are cut and ranges deleted. */
static void run_round(struct test *test, struct vv_test_random *random, uint64_t batches)
{
    struct worker workers[THREADS];
    atomic_store(&test->running, THREADS);
    for (uint64_t i = 0; i < THREADS; i++) {
        workers[i] = (struct worker){
            .test = test, .number = vv_test_random_next(random), .batches = batches};
        assert_int_equal(vv_thread_start(&workers[i].thread, append_much, &workers[i]), 0);
    }
    while (atomic_load(&test->running) > 0) {
        switch (vv_test_random_below(random, 8)) {
        case 0:
            assert_int_equal(shard_fixture_flush(test->fixture), VARVE_OK);
            break;
        case 1:
            delete_some(test, random);
            break;
        default:
            assert_int_equal(vv_shard_flush_log(test->fixture->shard, UINT64_MAX, VV_WAL_WRITTEN),
                             VARVE_OK);
        }
        vv_thread_yield();
    }
    for (size_t i = 0; i < THREADS; i++) {
        vv_thread_join(&workers[i].thread);
    }
}

static void live_answers_equal_replayed_ones(void **state)
{
    struct shard_fixture *fixture = *state;
    struct test test = {.fixture = fixture};
    struct vv_test_random random = vv_test_random_init(7);
    char text[16];
    fixture->options.ring_bytes = VV_RING_BYTES_MIN;
    fixture->options.wal_segment_bytes = 16 << 10;
    shard_fixture_reopen(fixture);
    for (int i = 0; i < SERIES; i++) {
        (void)snprintf(text, sizeof(text), "s%d", i);
        test.handles[i] = (varve_series)shard_fixture_ref(fixture, text) + 1;
    }
    fixture->shard->wal.ring.step = yield_at_some_steps;
    fixture->shard->wal.ring.step_context = &test;
    for (int round = 0; round < ROUNDS; round++) {
        uint64_t samples, replayed_samples;
        run_round(&test, &random, 60);
        assert_int_equal(atomic_load(&test.failures), 0);
        uint64_t live = digest(fixture->shard, &samples);
        assert_int_equal(vv_shard_flush_log(fixture->shard, UINT64_MAX, VV_WAL_DURABLE), VARVE_OK);
        assert_int_equal(digest_after_kill(fixture, &replayed_samples), live);
        assert_int_equal(replayed_samples, samples);
        assert_true(samples > 100);
    }
    fixture->shard->wal.ring.step = NULL; /* its context ends here, the shard does not yet */
}

/* Producers that fill a small ring much faster than the disk takes it come through. */
static void a_full_ring_makes_producers_wait_and_loses_nothing(void **state)
{
    enum { BATCHES = 150, SAMPLES = 1000 };
    struct shard_fixture *fixture = *state;
    fixture->options.ring_bytes = VV_RING_BYTES_MIN;
    fixture->options.head_bytes_max = 64 << 20;
    shard_fixture_reopen(fixture);
    static int64_t timestamps[SAMPLES];
    static double values[SAMPLES];
    varve_series handle = (varve_series)shard_fixture_ref(fixture, "a") + 1;
    uint64_t lsn, samples, replayed_samples;
    for (int64_t number = 0; number < BATCHES; number++) {
        for (int64_t i = 0; i < SAMPLES; i++) {
            timestamps[i] = number * SAMPLES + i;
            values[i] = (double)(timestamps[i] * 7);
        }
        struct vv_shard_batch batch = {LAST, SAMPLES, &handle, timestamps, values, true, false};
        assert_int_equal(vv_shard_append(fixture->shard, &batch, &lsn), VARVE_OK);
    }
    uint64_t live = digest(fixture->shard, &samples);
    assert_int_equal(samples, BATCHES * SAMPLES);
    assert_int_equal(vv_shard_flush_log(fixture->shard, UINT64_MAX, VV_WAL_WRITTEN), VARVE_OK);
    assert_int_equal(digest_after_kill(fixture, &replayed_samples), live);
}

/* Who must not wait is told so, nothing is stored, and a flush gives room again. */
static void a_full_ring_is_busy_for_who_does_not_wait(void **state)
{
    enum { SAMPLES = 1000 };
    struct shard_fixture *fixture = *state;
    fixture->options.ring_bytes = VV_RING_BYTES_MIN;
    fixture->options.wal_segment_bytes = 4 << 20;
    fixture->options.head_bytes_max = 64 << 20;
    shard_fixture_reopen(fixture);
    static int64_t timestamps[SAMPLES];
    static double values[SAMPLES];
    varve_series handle = (varve_series)shard_fixture_ref(fixture, "a") + 1;
    uint64_t lsn, samples, accepted = 0, busy = 0;
    for (int64_t number = 0; number < 100; number++) {
        for (int64_t i = 0; i < SAMPLES; i++) {
            timestamps[i] = (int64_t)accepted + i;
        }
        struct vv_shard_batch batch = {LAST, SAMPLES, &handle, timestamps, values, true, true};
        uint64_t writes = vv_env_fault_count(fixture->fault, VV_CALL_PWRITE);
        varve_status status = vv_shard_append(fixture->shard, &batch, &lsn);
        accepted += status == VARVE_OK ? SAMPLES : 0;
        if (status != VARVE_OK) {
            assert_int_equal(status, VARVE_BUSY);
            assert_int_equal(vv_env_fault_count(fixture->fault, VV_CALL_PWRITE), writes);
            assert_int_equal(vv_shard_flush_log(fixture->shard, UINT64_MAX, VV_WAL_WRITTEN),
                             VARVE_OK);
            busy++;
        }
    }
    assert_in_range(busy, 2, 10);
    (void)digest(fixture->shard, &samples);
    assert_int_equal(samples, accepted);
}

static void a_batch_longer_than_half_the_ring_is_refused(void **state)
{
    enum { SAMPLES = 40000 };
    struct shard_fixture *fixture = *state;
    fixture->options.ring_bytes = VV_RING_BYTES_MIN;
    shard_fixture_reopen(fixture);
    varve_series handle = (varve_series)shard_fixture_ref(fixture, "a") + 1;
    int64_t *timestamps = calloc(SAMPLES, sizeof(*timestamps));
    double *values = calloc(SAMPLES, sizeof(*values));
    for (int64_t i = 0; i < SAMPLES; i++) {
        timestamps[i] = i;
    }
    uint64_t lsn;
    struct vv_shard_batch batch = {LAST, SAMPLES, &handle, timestamps, values, true, false};
    assert_int_equal(vv_shard_append(fixture->shard, &batch, &lsn), VARVE_LIMIT);
    shard_fixture_expect(fixture, "");
    free(timestamps);
    free(values);
}

#define TEST(function)                                                                             \
    cmocka_unit_test_setup_teardown(function, shard_fixture_set_up, shard_fixture_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(live_answers_equal_replayed_ones),
        TEST(a_full_ring_makes_producers_wait_and_loses_nothing),
        TEST(a_full_ring_is_busy_for_who_does_not_wait),
        TEST(a_batch_longer_than_half_the_ring_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
