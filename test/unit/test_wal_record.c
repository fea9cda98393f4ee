/* Tests of wal_record.c: payloads come back as they went, and what is none is refused. */
#include "storage/log/wal_format.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "os/alloc.h"
#include "support/labels.h"
#include "support/random.h"

struct columns {
    uint32_t refs[VARVE_BATCH_MAX];
    int64_t timestamps[VARVE_BATCH_MAX];
    double values[VARVE_BATCH_MAX];
};

static struct columns given, decoded;

static struct vv_wal_samples samples_in(struct columns *columns, size_t count)
{
    return (struct vv_wal_samples){.policy = VARVE_DUPLICATES_SUM,
                                   .count = count,
                                   .refs = columns->refs,
                                   .timestamps = columns->timestamps,
                                   .values = columns->values};
}

/* The whole payload: the values follow what is encoded. */
static void encode(const struct vv_wal_samples *batch, struct vv_buffer *payload)
{
    assert_int_equal(vv_wal_samples_encode(batch, payload), VARVE_OK);
    assert_int_equal(vv_buffer_append(payload, batch->values, batch->count * sizeof(double)),
                     VARVE_OK);
}

static bool is_even(const struct vv_wal_samples *batch, bool refs)
{
    bool even = true;
    for (size_t i = 2; i < batch->count; i++) {
        even =
            even && (refs ? (int64_t)batch->refs[i] - batch->refs[i - 1] ==
                                (int64_t)batch->refs[1] - batch->refs[0]
                          : (uint64_t)batch->timestamps[i] - (uint64_t)batch->timestamps[i - 1] ==
                                (uint64_t)batch->timestamps[1] - (uint64_t)batch->timestamps[0]);
    }
    return even;
}

/* What is known of a batch saves time and changes nothing. */
static void expect_same_bytes_for_who_knows_more(const struct vv_wal_samples *batch,
                                                 const struct vv_buffer *payload)
{
    struct vv_buffer again = {0};
    struct vv_wal_samples known = *batch;
    known.even_refs = is_even(batch, true);
    known.even_times = is_even(batch, false);
    encode(&known, &again);
    assert_int_equal(again.length, payload->length);
    assert_memory_equal(again.bytes, payload->bytes, again.length);
    vv_buffer_fini(&again);
}

static void expect_round_trip(size_t count, size_t bytes_max)
{
    struct vv_buffer payload = {0};
    struct vv_wal_samples batch = samples_in(&given, count), again = samples_in(&decoded, 0);
    encode(&batch, &payload);
    assert_in_range(payload.length, 1, bytes_max);
    assert_int_equal(vv_wal_samples_decode(payload.bytes, payload.length, &again), VARVE_OK);
    assert_int_equal(again.count, count);
    assert_int_equal(again.policy, VARVE_DUPLICATES_SUM);
    assert_memory_equal(decoded.refs, given.refs, count * sizeof(uint32_t));
    assert_memory_equal(decoded.timestamps, given.timestamps, count * sizeof(int64_t));
    assert_memory_equal(decoded.values, given.values, count * sizeof(double));
    expect_same_bytes_for_who_knows_more(&batch, &payload);
    vv_buffer_fini(&payload);
}

static void random_columns(struct vv_test_random *random, size_t count, uint64_t style)
{
    for (size_t i = 0; i < count; i++) {
        uint64_t bits = vv_test_random_next(random);
        memcpy(&given.values[i], &bits, sizeof(bits)); /* any pattern, NaN payloads too */
        int64_t any = (int64_t)vv_test_random_next(random);
        switch (style) {
        case 0: /* anything */
            given.refs[i] = (uint32_t)vv_test_random_next(random);
            given.timestamps[i] = any == INT64_MAX ? 0 : any;
            break;
        case 1: /* a round of all series */
            given.refs[i] = (uint32_t)i;
            given.timestamps[i] = 1000;
            break;
        case 2: /* runs of series, each a little later */
            given.refs[i] = (uint32_t)(i / 100);
            given.timestamps[i] = (int64_t)i * 15;
            break;
        default: /* some of the series, about every second */
            given.refs[i] = (uint32_t)(i * 50 + vv_test_random_below(random, 50));
            given.timestamps[i] = (int64_t)i * 1000000 + any % 1000;
            break;
        }
    }
}

static void batches_of_any_numbers_come_back(void **state)
{
    (void)state;
    struct vv_test_random random = vv_test_random_init(1);
    for (uint64_t round = 0; round < 300; round++) {
        size_t count = 1 + vv_test_random_below(&random, round < 290 ? 200 : VARVE_BATCH_MAX);
        random_columns(&random, count, round % 4);
        expect_round_trip(count, 16 + count * (5 + 10 + 8));
    }
    random_columns(&random, VARVE_BATCH_MAX, 0);
    expect_round_trip(VARVE_BATCH_MAX, SIZE_MAX);
}

/* The bytes of a column as WAL_FORMAT.md describes them, from its steps one by one. */
static void describe_column(const int64_t *column, size_t count, struct vv_buffer *out)
{
    int64_t least = INT64_MAX, greatest = INT64_MIN, before = 0;
    size_t runs = 0, width = 0;
    for (size_t i = 1; i < count; i++) {
        int64_t step = column[i] - column[i - 1];
        least = step < least ? step : least;
        greatest = step > greatest ? step : greatest;
        runs += i == 1 || step != before;
        before = step;
    }
    while (count > 1 && width < 8 && (uint64_t)(greatest - least) >> 8 * width != 0) {
        width++;
    }
    bool as_runs = count > 1 && (runs + 1) * (width + 2) < count * width;
    assert_int_equal(vv_buffer_append_u8(out, as_runs ? 1 : 2), VARVE_OK);
    if (as_runs) {
        assert_int_equal(vv_buffer_append_varint(out, 1), VARVE_OK);
    }
    assert_int_equal(vv_buffer_append_varint(out, vv_zigzag(column[0])), VARVE_OK);
    if (!as_runs && count > 1) {
        assert_int_equal(vv_buffer_append_u8(out, (uint8_t)width), VARVE_OK);
        assert_int_equal(vv_buffer_append_varint(out, vv_zigzag(least)), VARVE_OK);
    }
    for (size_t i = 1, end; i < count; i = end) {
        int64_t step = column[i] - column[i - 1];
        for (end = i + 1; end < count && column[end] - column[end - 1] == step; end++) {}
        if (as_runs) {
            assert_int_equal(vv_buffer_append_varint(out, end - i), VARVE_OK);
            assert_int_equal(vv_buffer_append_varint(out, vv_zigzag(step)), VARVE_OK);
            continue;
        }
        for (size_t byte = 0; byte < (end - i) * width; byte++) {
            uint8_t bits = (uint8_t)((uint64_t)(step - least) >> 8 * (byte % width));
            assert_int_equal(vv_buffer_append_u8(out, bits), VARVE_OK);
        }
    }
}

/* Long runs are found in blocks, short ones entry by entry: both to the same bytes. */
static void runs_of_any_number_and_length_are_written_as_described(void **state)
{
    (void)state;
    struct vv_test_random random = vv_test_random_init(7);
    static int64_t columns[2][600];
    for (uint64_t round = 0; round < 2000; round++) {
        size_t count = 1 + vv_test_random_below(&random, 600);
        /* Mostly 1 to 40 runs. */
        size_t length = 1 + count / (1 + vv_test_random_below(&random, 40));
        for (size_t i = 0; i < count; i++) {
            size_t shift = round % 3 == 0 ? vv_test_random_below(&random, 2) : i % length % 7 / 6;
            given.refs[i] = (uint32_t)(i % length * 3 + (round % 2) * shift);
            given.timestamps[i] = (int64_t)(i / length * 1000000007) - 4000;
            columns[0][i] = given.refs[i];
            columns[1][i] = given.timestamps[i];
        }
        struct vv_buffer described = {0}, payload = {0};
        struct vv_wal_samples batch = samples_in(&given, count);
        assert_int_equal(vv_buffer_append_u8(&described, VARVE_DUPLICATES_SUM), VARVE_OK);
        assert_int_equal(vv_buffer_append_varint(&described, count), VARVE_OK);
        describe_column(columns[0], count, &described);
        describe_column(columns[1], count, &described);
        assert_int_equal(vv_wal_samples_encode(&batch, &payload), VARVE_OK);
        assert_int_equal(payload.length, described.length);
        assert_memory_equal(payload.bytes, described.bytes, described.length);
        vv_buffer_fini(&described);
        vv_buffer_fini(&payload);
        expect_round_trip(count, SIZE_MAX);
    }
}

static void extremes_come_back(void **state)
{
    (void)state;
    static const int64_t times[] = {INT64_MIN, INT64_MAX - 1, 0, -1, INT64_MIN + 1, 1};
    static const uint32_t refs[] = {UINT32_MAX, 0, UINT32_MAX, 1, UINT32_MAX - 1, 0};
    memcpy(given.timestamps, times, sizeof(times));
    memcpy(given.refs, refs, sizeof(refs));
    expect_round_trip(6, 200);
}

/* As many bytes as the differences between steps need. */
static void an_uneven_batch_costs_what_its_steps_differ_by(void **state)
{
    (void)state;
    struct vv_test_random random = vv_test_random_init(5);
    random_columns(&random, 1000, 3);
    expect_round_trip(1000, (8 + 1 + 2) * 1000 + 20);
}

/* Refs that are even only modulo 2^32. */
static void a_step_over_the_end_of_refs_is_no_step(void **state)
{
    (void)state;
    static const uint32_t refs[] = {UINT32_MAX - 3, UINT32_MAX, 2, 5, 8, 11, 14, 17, 20, 23};
    memset(given.timestamps, 0, sizeof(refs) * 2);
    memcpy(given.refs, refs, sizeof(refs));
    expect_round_trip(10, 200);
}

static void a_regular_batch_costs_little_more_than_its_values(void **state)
{
    (void)state;
    struct vv_test_random random = vv_test_random_init(2);
    random_columns(&random, 1000, 1);
    expect_round_trip(1000, 8 * 1000 + 20);
}

/* Whatever stands in the payload: a status, and no read or write where nobody may. */
static void damaged_batches_never_break_anything(void **state)
{
    (void)state;
    struct vv_test_random random = vv_test_random_init(3);
    struct vv_buffer payload = {0};
    random_columns(&random, 50, 2);
    struct vv_wal_samples batch = samples_in(&given, 50), again = samples_in(&decoded, 0);
    encode(&batch, &payload);
    for (size_t length = 0; length < payload.length; length++) {
        uint8_t *exact = malloc(length + 1); /* so that a sanitizer sees reads behind the end */
        memcpy(exact, payload.bytes, length);
        assert_int_equal(vv_wal_samples_decode(exact, length, &again), VARVE_CORRUPT);
        free(exact);
    }
    for (int round = 0; round < 20000; round++) {
        uint8_t *byte = &payload.bytes[vv_test_random_below(&random, payload.length)];
        uint8_t before = *byte;
        *byte = (uint8_t)vv_test_random_next(&random);
        varve_status status = vv_wal_samples_decode(payload.bytes, payload.length, &again);
        assert_true(status == VARVE_OK || status == VARVE_CORRUPT);
        *byte = before;
    }
    vv_buffer_fini(&payload);
}

static void batches_with_impossible_entries_are_refused(void **state)
{
    (void)state;
    struct vv_wal_samples again = samples_in(&decoded, 0);
    const struct {
        const char *what;
        uint8_t bytes[24];
        size_t length;
    } cases[] = {
        {"policy 0", {0, 1, 2, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0}, 14},
        {"policy 7", {7, 1, 2, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0}, 14},
        {"count 0", {1, 0, 2, 2}, 4},
        {"column form 0", {1, 1, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0}, 14},
        {"column form 3", {1, 1, 3, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0}, 14},
        {"a negative ref", {1, 1, 2, 1, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0}, 14},
        {"a run of 0", {1, 1, 1, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0}, 15},
        {"a run of 2", {1, 1, 1, 2, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0}, 15},
        {"steps of 9 bytes", {1, 2, 2, 0, 9, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0}, 24},
        {"a byte too many", {1, 1, 2, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}, 15},
        {"time INT64_MAX",
         {1,    1,    2, 0, 2, 0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
          0xff, 0xff, 1, 0, 0, 0,    0,    0,    0,    0,    0},
         23},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        if (vv_wal_samples_decode(cases[i].bytes, cases[i].length, &again) != VARVE_CORRUPT) {
            fail_msg("%s was accepted", cases[i].what);
        }
    }
    const uint8_t right[] = {1, 1, 2, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0};
    assert_int_equal(vv_wal_samples_decode(right, sizeof(right), &again), VARVE_OK);
}

static void definitions_come_back_in_order(void **state)
{
    (void)state;
    struct vv_buffer payload = {0}, key_buffer = {0};
    static const char *const texts[] = {"cpu", "{a=\"b\"}", "http{x=\"y\",z=\"\\\"\"}"};
    static const uint32_t refs[] = {0, UINT32_MAX, 12};
    for (size_t i = 0; i < 3; i++) {
        struct vv_key key = vv_test_key(&key_buffer, texts[i]);
        assert_int_equal(vv_wal_series_encode(refs[i], key, &payload), VARVE_OK);
    }
    struct vv_reader reader = vv_reader_init(payload.bytes, payload.length);
    uint32_t ref;
    struct vv_key key;
    bool done;
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(vv_wal_series_decode(&reader, &ref, &key, &done), VARVE_OK);
        assert_false(done);
        assert_int_equal(ref, refs[i]);
        assert_true(vv_key_equal(key, vv_test_key(&key_buffer, texts[i])));
    }
    assert_int_equal(vv_wal_series_decode(&reader, &ref, &key, &done), VARVE_OK);
    assert_true(done);
    vv_buffer_fini(&payload);
    vv_buffer_fini(&key_buffer);
}

static void a_definition_without_a_canonical_key_is_refused(void **state)
{
    (void)state;
    static const uint8_t cases[][8] = {
        {0, 0},                         /* no key at all */
        {0, 1, 0},                      /* the key of {} */
        {0, 5, 1, 1, 'a', 1},           /* cut off */
        {0, 5, 2, 1, 'a', 1, 'b'},      /* two labels, one is there */
        {0, 5, 1, 1, 0xff, 1, 'b'},     /* not UTF-8 */
        {0x80, 0x80, 0x80, 0x80, 0x80}, /* a varint without end */
    };
    static const size_t lengths[] = {2, 3, 6, 7, 7, 5};
    for (size_t i = 0; i < 6; i++) {
        struct vv_reader reader = vv_reader_init(cases[i], lengths[i]);
        uint32_t ref;
        struct vv_key key;
        bool done;
        assert_int_equal(vv_wal_series_decode(&reader, &ref, &key, &done), VARVE_CORRUPT);
    }
}

static void deletions_come_back(void **state)
{
    (void)state;
    struct vv_test_random random = vv_test_random_init(4);
    for (size_t count = 0; count < 60; count++) {
        struct vv_buffer payload = {0};
        random_columns(&random, count, count % 4);
        struct vv_wal_delete record = {INT64_MIN + (int64_t)count, INT64_MAX, count, given.refs};
        struct vv_wal_delete again;
        assert_int_equal(vv_wal_delete_encode(&record, &payload), VARVE_OK);
        assert_int_equal(vv_wal_delete_decode(payload.bytes, payload.length, &again), VARVE_OK);
        assert_int_equal(again.start, record.start);
        assert_int_equal(again.end, record.end);
        assert_int_equal(again.count, count);
        if (count > 0) {
            assert_memory_equal(again.refs, given.refs, count * sizeof(uint32_t));
        }
        vv_free(again.refs);
        for (size_t length = 0; length < payload.length; length++) {
            assert_int_equal(vv_wal_delete_decode(payload.bytes, length, &again), VARVE_CORRUPT);
            assert_null(again.refs);
        }
        vv_buffer_fini(&payload);
    }
}

static void impossible_deletions_are_refused(void **state)
{
    (void)state;
    static const uint8_t other_form[] = {1, 0, 0, 0, 2};
    static const uint8_t end_before_start[] = {0, 4, 2, 0, 2};
    static const uint8_t more_refs_than_bytes[] = {0, 0, 0, 5, 2, 1};
    struct vv_wal_delete record;
    assert_int_equal(vv_wal_delete_decode(other_form, 5, &record), VARVE_CORRUPT);
    assert_int_equal(vv_wal_delete_decode(end_before_start, 5, &record), VARVE_CORRUPT);
    assert_int_equal(vv_wal_delete_decode(more_refs_than_bytes, 6, &record), VARVE_CORRUPT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(batches_of_any_numbers_come_back),
        cmocka_unit_test(runs_of_any_number_and_length_are_written_as_described),
        cmocka_unit_test(extremes_come_back),
        cmocka_unit_test(an_uneven_batch_costs_what_its_steps_differ_by),
        cmocka_unit_test(a_step_over_the_end_of_refs_is_no_step),
        cmocka_unit_test(a_regular_batch_costs_little_more_than_its_values),
        cmocka_unit_test(damaged_batches_never_break_anything),
        cmocka_unit_test(batches_with_impossible_entries_are_refused),
        cmocka_unit_test(definitions_come_back_in_order),
        cmocka_unit_test(a_definition_without_a_canonical_key_is_refused),
        cmocka_unit_test(deletions_come_back),
        cmocka_unit_test(impossible_deletions_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
