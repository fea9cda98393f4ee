/* Tests of wal_sample.h: the short way of a single sample leads to the same bytes as the long
 * one. */
#include "storage/log/wal_sample.h"

#include "support/random.h"
#include "support/wal_fixture.h"

enum { ROUNDS = 20000, FRAME_MAX = VV_WAL_SAMPLE_FRAME_BYTES_MAX };

struct sample {
    varve_duplicates policy;
    uint32_t ref;
    int64_t timestamp;
    double value;
};

/* Numbers of every length in bits, and the greatest of both signs. */
static struct sample random_sample(struct vv_test_random *random, uint64_t round)
{
    static const int64_t extremes[] = {INT64_MIN, INT64_MAX, 0, -1};
    uint64_t any = vv_test_random_next(random);
    struct sample sample = {
        .policy = (varve_duplicates)(1 + any % VARVE_DUPLICATES_ERROR),
        .ref = (uint32_t)vv_test_random_next(random) >> any / 8 % 32,
        .timestamp = (int64_t)vv_test_random_next(random) >> any / 256 % 64,
    };
    if (round < 16) {
        sample.timestamp = extremes[round % 4];
        sample.ref = round % 8 < 4 ? UINT32_MAX : 0;
    }
    any = vv_test_random_next(random);
    memcpy(&sample.value, &any, sizeof(any));
    return sample;
}

/* The payload of a batch of one. */
static void encode(struct sample *sample, struct vv_buffer *payload)
{
    struct vv_wal_samples batch = {.policy = sample->policy,
                                   .count = 1,
                                   .refs = &sample->ref,
                                   .timestamps = &sample->timestamp,
                                   .values = &sample->value};
    vv_buffer_clear(payload);
    assert_int_equal(vv_wal_samples_encode(&batch, payload), VARVE_OK);
    assert_int_equal(vv_buffer_append(payload, &sample->value, sizeof(double)), VARVE_OK);
}

static void the_payload_is_that_of_a_batch_of_one(void **state)
{
    (void)state;
    struct vv_test_random random = vv_test_random_init(6);
    struct vv_buffer payload = {0};
    for (uint64_t round = 0; round < ROUNDS; round++) {
        struct sample sample = random_sample(&random, round);
        uint8_t again[FRAME_MAX];
        encode(&sample, &payload);
        size_t length =
            vv_wal_sample_encode(sample.policy, sample.ref, sample.timestamp, sample.value, again);
        assert_int_equal(length, payload.length);
        assert_memory_equal(again, payload.bytes, length);
    }
    vv_buffer_fini(&payload);
}

/* Both ways take turns, several times round the ring: so frames lie across its end, too. */
static void the_frame_in_the_ring_is_that_of_a_batch_of_one(void **state)
{
    struct wal_fixture *fixture = *state;
    struct vv_test_random random = vv_test_random_init(7);
    struct vv_wal *wal = &fixture->wal;
    struct vv_buffer payload = {0};
    uint64_t across = 0;
    fixture->ring_bytes = VV_RING_BYTES_MIN;
    wal_fixture_open(fixture, VV_WAL_FIRST_LSN, 1 << 20);
    for (uint64_t round = 0; round < ROUNDS; round++) {
        struct sample sample = random_sample(&random, round);
        uint8_t frame[FRAME_MAX], stands[2][FRAME_MAX];
        uint64_t lsns[2], begins[2];
        size_t bytes =
            vv_wal_sample_frame(sample.policy, sample.ref, sample.timestamp, sample.value, frame);
        encode(&sample, &payload);
        begins[0] = vv_wal_end(wal);
        if (!vv_wal_try_append_sample(wal, vv_ring_look(&wal->ring), 1, frame, bytes, &lsns[0])) {
            assert_int_equal(vv_wal_make_room(wal, bytes, true), VARVE_OK);
            continue;
        }
        assert_int_equal(vv_ring_frame_end(&wal->ring, begins[0]), lsns[0]);
        vv_ring_read(&wal->ring, begins[0], stands[0], bytes); /* nobody seals it meanwhile */
        across += vv_ring_place(&wal->ring, begins[0], bytes) == NULL;
        assert_int_equal(vv_wal_append(wal, VV_WAL_SAMPLES, &payload, 1, &lsns[1]), VARVE_OK);
        begins[1] = lsns[1] - bytes;
        assert_true(begins[1] >= lsns[0] && lsns[0] == begins[0] + bytes);
        vv_ring_read(&wal->ring, begins[1], stands[1], bytes);
        assert_memory_equal(stands[0], stands[1], bytes);
    }
    assert_true(across > 0);
    vv_buffer_fini(&payload);
}

static void a_sample_is_appended_where_the_end_is_by_now_but_to_its_generation(void **state)
{
    struct wal_fixture *fixture = *state;
    struct vv_wal *wal = &fixture->wal;
    uint8_t frame[FRAME_MAX];
    uint64_t lsn = 0;
    wal_fixture_open(fixture, VV_WAL_FIRST_LSN, 1 << 20);
    assert_int_equal(wal_fixture_append(fixture, 1, 100, &lsn), VARVE_OK);
    size_t bytes = vv_wal_sample_frame(VARVE_DUPLICATES_LAST, 1, 2, 3, frame);
    uint64_t seen = vv_ring_look(&wal->ring), end = vv_wal_end(wal);
    for (uint64_t i = 1; i <= 2; i++) { /* as it was seen, and not any more */
        assert_true(vv_wal_try_append_sample(wal, seen, 1, frame, bytes, &lsn));
        assert_int_equal(lsn, end + i * bytes);
    }
    seen = vv_ring_look(&wal->ring);
    (void)vv_ring_cut(&wal->ring);
    assert_false(vv_wal_try_append_sample(wal, seen, 1, frame, bytes, &lsn));
    (void)vv_ring_close(&wal->ring);
    seen = vv_ring_look(&wal->ring);
    assert_false(vv_wal_try_append_sample(wal, seen, 2, frame, bytes, &lsn));
    vv_ring_open(&wal->ring);
    assert_int_equal(vv_wal_end(wal), end + 2 * bytes);
    assert_true(vv_wal_try_append_sample(wal, seen, 2, frame, bytes, &lsn)); /* seen closed */
}

#define TEST(function)                                                                             \
    cmocka_unit_test_setup_teardown(function, wal_fixture_set_up, wal_fixture_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_payload_is_that_of_a_batch_of_one),
        TEST(the_frame_in_the_ring_is_that_of_a_batch_of_one),
        TEST(a_sample_is_appended_where_the_end_is_by_now_but_to_its_generation),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
