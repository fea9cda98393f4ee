/* Tests of bucket_state.c: states that go through bytes answer as those that did not, the worked
 * example of STATE_FORMAT.md, and bytes that are none. */
#include "query/bucket_state.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "query/track.h"
#include "support/random.h"

enum { PARTS_ALL = 255, SERIES = 6, SAMPLES_MAX = 200, FUNCTIONS = VARVE_FUNCTION_TWA };
enum { STEP_START = 0, STEP_END = 1000000 };

struct state {
    struct vv_bucket bucket;
    struct vv_bucket_more more;
};

/* The state of one random series in a step. */
static void make_state(struct vv_test_random *random, struct state *state)
{
    struct vv_track track;
    size_t count = 1 + vv_test_random_below(random, SAMPLES_MAX);
    int64_t time = (int64_t)vv_test_random_below(random, 1000);
    vv_bucket_init(&state->bucket, STEP_START);
    vv_bucket_more_init(&state->more);
    vv_track_begin(&track, PARTS_ALL, (struct vv_range){INT64_MIN, INT64_MAX});
    for (size_t at = 0; at < count; at++) {
        double value = vv_test_random_uniform(random) * 1000 - 200;
        value = vv_test_random_below(random, 20) == 0 ? (double)NAN : value;
        time += 1 + (int64_t)vv_test_random_below(random, 4000);
        vv_track_add(&track, &time, &value, 1, STEP_START, &state->more);
        assert_int_equal(
            vv_bucket_add(&state->bucket, &state->more, &time, &value, 1, PARTS_ALL, NULL),
            VARVE_OK);
    }
    vv_track_close(&track, STEP_START, STEP_END, 0, &state->more);
}

/* A copy of the state that was written and read. */
static void through_bytes(const struct state *state, struct state *copy)
{
    struct vv_buffer bytes = {0};
    assert_int_equal(vv_bucket_state_encode(&state->bucket, &state->more, &bytes), VARVE_OK);
    assert_int_equal(
        vv_bucket_state_decode(bytes.bytes, bytes.length, NULL, &copy->bucket, &copy->more),
        VARVE_OK);
    vv_buffer_fini(&bytes);
}

static void expect_same_answers(struct state *left, struct state *right)
{
    for (int function = 1; function <= FUNCTIONS; function++) {
        double a, b;
        assert_int_equal(
            vv_bucket_value(&left->bucket, &left->more, (varve_function)function, 0.3, NULL, &a),
            VARVE_OK);
        assert_int_equal(
            vv_bucket_value(&right->bucket, &right->more, (varve_function)function, 0.3, NULL, &b),
            VARVE_OK);
        assert_memory_equal(&a, &b, sizeof(a));
    }
}

static void states_merged_from_bytes_answer_as_those_merged_directly(void **cmocka_state)
{
    (void)cmocka_state;
    struct vv_test_random random = vv_test_random_init(41);
    for (int round = 0; round < 300; round++) {
        struct state parts[SERIES], copies[SERIES];
        for (size_t at = 0; at < SERIES; at++) {
            make_state(&random, &parts[at]);
            through_bytes(&parts[at], &copies[at]);
        }
        for (size_t at = 1; at < SERIES; at++) {
            vv_bucket_merge(&parts[0].bucket, &parts[0].more, &parts[at].bucket, &parts[at].more);
            vv_bucket_merge(&copies[0].bucket, &copies[0].more, &copies[at].bucket,
                            &copies[at].more);
        }
        struct state again;
        through_bytes(&copies[0], &again);
        expect_same_answers(&parts[0], &copies[0]);
        expect_same_answers(&parts[0], &again);
        vv_bucket_more_fini(&parts[0].more, NULL);
        vv_bucket_more_fini(&copies[0].more, NULL);
        vv_bucket_more_fini(&again.more, NULL);
    }
}

/* The bytes of the worked example. */
static size_t example(uint8_t *bytes)
{
    static const double floats[] = {3, 2, 2};
    const double none = (double)NAN, zero = 0, two = 2, four = 4, six = 6;
    uint8_t *at = bytes;
    memset(bytes, 0, 208);
    bytes[0] = 1;
    bytes[1] = 3;
    bytes[4] = 2;
    vv_store_u64(at + 8, 1000);
    vv_store_u64(at + 16, 2);
    memcpy(at + 24, &six, 8);
    memcpy(at + 32, &zero, 8);
    memcpy(at + 40, &two, 8);
    memcpy(at + 48, &four, 8);
    vv_store_u64(at + 56, 2);
    vv_store_u64(at + 64, 1500);
    vv_store_u64(at + 72, 2500);
    memcpy(at + 80, &two, 8);
    memcpy(at + 88, &four, 8);
    memcpy(at + 96, floats, 24);
    for (size_t index = 0; index < 4; index++) {
        memcpy(at + 120 + 8 * index, &none, 8);
    }
    memcpy(at + 192, &two, 8);
    memcpy(at + 200, &four, 8);
    return 208;
}

static void the_worked_example_is_written_as_the_format_says(void **cmocka_state)
{
    (void)cmocka_state;
    static const int64_t timestamps[] = {1500, 2500};
    static const double values[] = {2, 4};
    uint8_t wanted[208];
    struct vv_buffer bytes = {0};
    struct state state;
    vv_bucket_init(&state.bucket, 1000);
    vv_bucket_more_init(&state.more);
    assert_int_equal(vv_bucket_add(&state.bucket, &state.more, timestamps, values, 2,
                                   VV_PARTS_NUMBERS | VV_PART_SPREAD | VV_PART_VALUES, NULL),
                     VARVE_OK);
    assert_int_equal(vv_bucket_state_encode(&state.bucket, &state.more, &bytes), VARVE_OK);
    assert_int_equal(bytes.length, example(wanted));
    assert_memory_equal(bytes.bytes, wanted, bytes.length);
    vv_buffer_fini(&bytes);
    vv_bucket_more_fini(&state.more, NULL);
}

static varve_status decode(const uint8_t *bytes, size_t length)
{
    struct state state = {.bucket.count = 77};
    varve_status status = vv_bucket_state_decode(bytes, length, NULL, &state.bucket, &state.more);
    if (status == VARVE_OK) {
        vv_bucket_more_fini(&state.more, NULL);
    } else {
        assert_int_equal(state.bucket.count, 77);
    }
    return status;
}

static void bytes_that_are_no_state_are_refused(void **cmocka_state)
{
    (void)cmocka_state;
    static const struct {
        size_t offset;
        uint8_t byte;
        varve_status status;
    } changes[] = {{0, 0, VARVE_CORRUPT},   {0, 2, VARVE_VERSION},  {1, 1, VARVE_CORRUPT},
                   {1, 7, VARVE_CORRUPT},   {2, 1, VARVE_CORRUPT},  {4, 3, VARVE_CORRUPT},
                   {4, 1, VARVE_CORRUPT},   {16, 0, VARVE_CORRUPT}, {56, 3, VARVE_CORRUPT},
                   {65, 10, VARVE_CORRUPT}, {168, 2, VARVE_CORRUPT}};
    uint8_t bytes[216];
    size_t length = example(bytes);
    assert_int_equal(decode(bytes, length), VARVE_OK);
    for (size_t cut = 0; cut < length; cut++) {
        assert_int_equal(decode(bytes, cut), VARVE_CORRUPT);
    }
    assert_int_equal(decode(bytes, length + 8), VARVE_CORRUPT);
    for (size_t at = 0; at < sizeof(changes) / sizeof(changes[0]); at++) {
        (void)example(bytes);
        bytes[changes[at].offset] = changes[at].byte;
        assert_int_equal(decode(bytes, length), changes[at].status);
    }
    (void)example(bytes);
    memset(bytes + 200, 0xff, 8); /* a NaN among the values */
    assert_int_equal(decode(bytes, length), VARVE_CORRUPT);
}

static void a_state_without_more_is_short(void **cmocka_state)
{
    (void)cmocka_state;
    struct vv_buffer bytes = {0};
    struct state state, read;
    make_state(&(struct vv_test_random){{1, 2, 3, 4}}, &state);
    assert_int_equal(vv_bucket_state_encode(&state.bucket, NULL, &bytes), VARVE_OK);
    assert_int_equal(bytes.length, 96);
    assert_int_equal(vv_bucket_state_decode(bytes.bytes, 96, NULL, &read.bucket, NULL), VARVE_OK);
    assert_true(read.bucket.count == state.bucket.count && read.bucket.last == state.bucket.last);
    assert_int_equal(vv_bucket_state_decode(bytes.bytes, 96, NULL, &read.bucket, &read.more),
                     VARVE_CORRUPT);
    vv_buffer_fini(&bytes);
    vv_bucket_more_fini(&state.more, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(states_merged_from_bytes_answer_as_those_merged_directly),
        cmocka_unit_test(the_worked_example_is_written_as_the_format_says),
        cmocka_unit_test(bytes_that_are_no_state_are_refused),
        cmocka_unit_test(a_state_without_more_is_short),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
