/* Tests of shard_append.c: all or nothing, definitions once, policy ERROR. */
#include "storage/shard.h"

#include "os/alloc.h"
#include "support/random.h"
#include "support/shard_fixture.h"

#define LAST VARVE_DUPLICATES_LAST
#define REFUSE VARVE_DUPLICATES_ERROR

static void a_batch_with_an_unknown_ref_stores_nothing(void **state)
{
    struct shard_fixture *fixture = *state;
    varve_series handles[] = {(varve_series)shard_fixture_ref(fixture, "a") + 1, 12345};
    int64_t timestamps[] = {1, 2};
    double values[] = {1, 2};
    uint64_t lsn;
    struct vv_shard_batch batch = {LAST, 2, handles, timestamps, values, false, false};
    assert_int_equal(vv_shard_append(fixture->shard, &batch, &lsn), VARVE_INVALID);
    handles[1] = handles[0];
    timestamps[1] = INT64_MAX;
    assert_int_equal(vv_shard_append(fixture->shard, &batch, &lsn), VARVE_INVALID);
    shard_fixture_expect(fixture, "");
}

static void policy_error_looks_everywhere(void **state)
{
    struct shard_fixture *fixture = *state;
    assert_int_equal(shard_fixture_append(fixture, "a", REFUSE, 1, 1), VARVE_OK);
    assert_int_equal(shard_fixture_append(fixture, "a", REFUSE, 1, 2), VARVE_EXISTS);
    assert_int_equal(shard_fixture_flush(fixture), VARVE_OK);
    assert_int_equal(shard_fixture_append(fixture, "a", REFUSE, 1, 3), VARVE_EXISTS);
    assert_int_equal(shard_fixture_append(fixture, "b", REFUSE, 1, 4), VARVE_OK);
    shard_fixture_delete(fixture, 1, 2);
    assert_int_equal(shard_fixture_append(fixture, "a", REFUSE, 1, 5), VARVE_OK);
    assert_int_equal(shard_fixture_append(fixture, "a", REFUSE, INT64_MAX - 1, 6), VARVE_OK);
    assert_int_equal(shard_fixture_append(fixture, "a", REFUSE, INT64_MAX - 1, 6), VARVE_EXISTS);
    shard_fixture_expect(fixture, "a:1=5;9223372036854775806=6");
}

static void a_sample_alone_takes_the_long_way_where_something_is_in_the_way(void **state)
{
    struct shard_fixture *fixture = *state;
    struct vv_shard *shard = fixture->shard;
    varve_series series = (varve_series)shard_fixture_ref(fixture, "a") + 1;
    varve_status status = VARVE_OK;
    uint64_t lsn;
    /* No line, not defined, somebody alone. */
    assert_false(vv_shard_append_one(shard, series, LAST, 1, 1, &status, &lsn));
    shard_fixture_expect(fixture, "");
    assert_int_equal(shard_fixture_append(fixture, "a", LAST, 1, 1), VARVE_OK);
    assert_true(vv_shard_append_one(shard, series, LAST, 2, 2, &status, &lsn));
    assert_int_equal(status, VARVE_OK);
    assert_int_equal(lsn, vv_wal_end(&shard->wal));
    assert_false(vv_shard_append_one(shard, series + 1, LAST, 1, 1, &status, &lsn));
    atomic_store(&shard->exclusive, true);
    assert_false(vv_shard_append_one(shard, series, LAST, 3, 3, &status, &lsn));
    atomic_store(&shard->exclusive, false);
    (void)vv_ring_close(&shard->wal.ring);
    assert_false(vv_shard_append_one(shard, series, LAST, 4, 4, &status, &lsn));
    vv_ring_open(&shard->wal.ring);
    assert_true(vv_shard_append_one(shard, series, LAST, 5, 5, &status, &lsn));
    shard_fixture_expect(fixture, "a:1=1;2=2;5=5");
    assert_int_equal(shard_fixture_flush(fixture), VARVE_OK); /* another generation */
    assert_false(vv_shard_append_one(shard, series, LAST, 6, 6, &status, &lsn));
    shard_fixture_expect(fixture, "a:1=1;2=2;5=5");
}

/* What a series has after random samples, each on its short way or on the long one; each
 * policy has a series. */
enum { PLACES = 48 };
struct oracle {
    bool there[VARVE_DUPLICATES_ERROR][PLACES];
    double values[VARVE_DUPLICATES_ERROR][PLACES];
};

static void oracle_add(struct oracle *oracle, varve_duplicates policy, size_t place, double value)
{
    double *known = &oracle->values[policy][place], old = *known;
    if (!oracle->there[policy][place]) {
        *known = value;
    } else if (policy == VARVE_DUPLICATES_SUM) {
        *known = old + value;
    } else if (policy == VARVE_DUPLICATES_LAST || (policy == VARVE_DUPLICATES_MIN && value < old) ||
               (policy == VARVE_DUPLICATES_MAX && value > old)) {
        *known = value;
    }
    oracle->there[policy][place] = true;
}

static void oracle_text(const struct oracle *oracle, char text[4096])
{
    size_t length = 0;
    for (unsigned policy = VARVE_DUPLICATES_LAST; policy < VARVE_DUPLICATES_ERROR; policy++) {
        length += (size_t)snprintf(text + length, 4096 - length, "%s%c",
                                   policy > VARVE_DUPLICATES_LAST ? " " : "", 'a' + policy);
        const char *separator = ":";
        for (unsigned place = 0; place < PLACES; place++) {
            if (oracle->there[policy][place]) {
                length += (size_t)snprintf(text + length, 4096 - length, "%s%u=%g", separator,
                                           place, oracle->values[policy][place]);
                separator = ";";
            }
        }
    }
}

static void short_and_long_ways_come_to_the_same(void **state)
{
    struct shard_fixture *fixture = *state;
    struct vv_test_random random = vv_test_random_init(3);
    struct oracle oracle = {0};
    char wanted[4096];
    size_t on_short_ways = 0;
    for (size_t round = 0; round < 3000; round++) {
        varve_duplicates policy =
            (varve_duplicates)(1 + vv_test_random_below(&random, VARVE_DUPLICATES_ERROR - 1));
        /* Mostly forwards; each of the places is met from both sides. */
        size_t place =
            round % 100 < 80 ? round % 100 * PLACES / 80 : vv_test_random_below(&random, PLACES);
        int64_t timestamp = (int64_t)place;
        double value = (double)vv_test_random_below(&random, 100);
        const char name[] = {(char)('a' + policy), 0};
        varve_series series = (varve_series)shard_fixture_ref(fixture, name) + 1;
        varve_status status = VARVE_OK;
        uint64_t lsn;
        if (vv_test_random_below(&random, 4) > 0 &&
            vv_shard_append_one(fixture->shard, series, policy, timestamp, value, &status, &lsn)) {
            assert_int_equal(lsn, vv_wal_end(&fixture->shard->wal));
            on_short_ways++;
        } else { /* a batch of two */
            int64_t timestamps[] = {(int64_t)vv_test_random_below(&random, PLACES), timestamp};
            double values[] = {1, value};
            struct vv_shard_batch batch = {policy, 2, &series, timestamps, values, true, false};
            status = vv_shard_append(fixture->shard, &batch, &lsn);
            oracle_add(&oracle, policy, (size_t)timestamps[0], values[0]);
        }
        assert_int_equal(status, VARVE_OK);
        oracle_add(&oracle, policy, place, value);
        if (vv_test_random_below(&random, 200) == 0) {
            assert_int_equal(shard_fixture_flush(fixture), VARVE_OK);
        }
    }
    assert_true(on_short_ways > 1500);
    oracle_text(&oracle, wanted);
    shard_fixture_expect(fixture, wanted);
    shard_fixture_reopen(fixture);
    shard_fixture_expect(fixture, wanted);
}

/* Once a thread has had a batch of some size, others of that size need no memory. */
static void the_second_batch_of_a_size_does_not_allocate(void **state)
{
    enum { COUNT = 2000, SERIES = 6 };
    struct shard_fixture *fixture = *state;
    varve_series *handles = calloc(COUNT, sizeof(*handles));
    int64_t *timestamps = calloc(COUNT, sizeof(*timestamps));
    double *values = calloc(COUNT, sizeof(*values));
    varve_series series[SERIES];
    for (size_t i = 0; i < SERIES; i++) {
        char text[] = {(char)('a' + i), 0};
        series[i] = (varve_series)shard_fixture_ref(fixture, text) + 1;
    }
    for (size_t i = 0; i < COUNT; i++) {
        handles[i] = series[i * 7 % SERIES];
        values[i] = (double)i;
    }
    struct vv_shard_batch batch = {LAST, COUNT, handles, timestamps, values, false, false};
    uint64_t lsn;
    assert_int_equal(vv_shard_append(fixture->shard, &batch, &lsn), VARVE_OK);
    assert_int_equal(vv_shard_flush_log(fixture->shard, UINT64_MAX, VV_WAL_DURABLE), VARVE_OK);
    vv_alloc_fail_at(1);
    varve_status status = vv_shard_append(fixture->shard, &batch, &lsn);
    vv_alloc_fail_at(0);
    assert_int_equal(status, VARVE_OK);
    free(handles);
    free(timestamps);
    free(values);
}

/* A batch of one new series with a long key needs room in the log for one definition only. */
static void the_log_grows_by_what_a_batch_needs(void **state)
{
    enum { COUNT = 20000 };
    struct shard_fixture *fixture = *state;
    char text[4000];
    memset(text, 'x', sizeof(text) - 1);
    memcpy(text, "{a=\"", 4);
    memcpy(text + sizeof(text) - 3, "\"}", 3);
    varve_series handle = (varve_series)shard_fixture_ref(fixture, text) + 1;
    int64_t *timestamps = calloc(COUNT, sizeof(*timestamps));
    double *values = calloc(COUNT, sizeof(*values));
    for (size_t i = 0; i < COUNT; i++) {
        timestamps[i] = (int64_t)i;
    }
    uint64_t lsn, segments, bytes;
    struct vv_shard_batch batch = {LAST, COUNT, &handle, timestamps, values, true, false};
    assert_int_equal(vv_shard_append(fixture->shard, &batch, &lsn), VARVE_OK);
    vv_wal_size(&fixture->shard->wal, &segments, &bytes);
    assert_in_range(bytes, COUNT * 8, COUNT * 8 + 70000);
    free(timestamps);
    free(values);
}

static void a_series_is_defined_again_after_its_definition_left_the_log(void **state)
{
    struct shard_fixture *fixture = *state;
    for (int64_t i = 0; i < 4; i++) {
        assert_int_equal(shard_fixture_append(fixture, "b", LAST, i, (double)i), VARVE_OK);
        assert_int_equal(shard_fixture_append(fixture, "a", LAST, i, (double)-i), VARVE_OK);
        if (i == 1) {
            assert_int_equal(shard_fixture_flush(fixture), VARVE_OK);
        }
        shard_fixture_reopen(fixture);
    }
    shard_fixture_expect(fixture, "a:0=0;1=-1;2=-2;3=-3 b:0=0;1=1;2=2;3=3");
}

static void known_series_go_on_where_new_ones_are_refused(void **state)
{
    struct shard_fixture *fixture = *state;
    struct vv_buffer buffer = {0};
    uint32_t ref;
    fixture->options.series_max = 2;
    shard_fixture_reopen(fixture);
    assert_int_equal(shard_fixture_append(fixture, "a", LAST, 1, 1), VARVE_OK);
    assert_int_equal(shard_fixture_append(fixture, "b", LAST, 1, 1), VARVE_OK);
    assert_int_equal(vv_shard_resolve(fixture->shard, vv_test_key(&buffer, "c"), &ref),
                     VARVE_LIMIT);
    assert_int_equal(shard_fixture_append(fixture, "a", LAST, 2, 2), VARVE_OK);
    shard_fixture_expect(fixture, "a:1=1;2=2 b:1=1");
    vv_buffer_fini(&buffer);
}

#define TEST(function)                                                                             \
    cmocka_unit_test_setup_teardown(function, shard_fixture_set_up, shard_fixture_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_batch_with_an_unknown_ref_stores_nothing),
        TEST(policy_error_looks_everywhere),
        TEST(the_second_batch_of_a_size_does_not_allocate),
        TEST(a_sample_alone_takes_the_long_way_where_something_is_in_the_way),
        TEST(short_and_long_ways_come_to_the_same),
        TEST(the_log_grows_by_what_a_batch_needs),
        TEST(a_series_is_defined_again_after_its_definition_left_the_log),
        TEST(known_series_go_on_where_new_ones_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
