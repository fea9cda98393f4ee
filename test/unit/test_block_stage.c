/* Tests of block_stage.h: chunks that wait to be encoded, and what the threads may not change. */
#include "mmap/block_stage.h"

#include "support/block_fixture.h"

enum { SERIES = 400, SERIES_SAMPLES = 2300 };

struct stage_fixture {
    struct vv_block_stage *stage;
    int64_t timestamps[VV_COLUMN_MAX];
    double values[VV_COLUMN_MAX];
};

static int set_up(void **state)
{
    struct stage_fixture *fixture = calloc(1, sizeof(*fixture));
    assert_int_equal(vv_block_stage_create(&fixture->stage), VARVE_OK);
    for (size_t at = 0; at < VV_COLUMN_MAX; at++) {
        fixture->timestamps[at] = (int64_t)(at * at);
        fixture->values[at] = (double)(at * 7 % 10);
    }
    *state = fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct stage_fixture *fixture = *state;
    vv_block_stage_destroy(fixture->stage);
    free(fixture);
    return 0;
}

static struct vv_staged_chunk *add(struct stage_fixture *fixture, size_t count)
{
    assert_true(vv_block_stage_add(fixture->stage, fixture->timestamps, fixture->values, count));
    return vv_block_stage_chunk(fixture->stage, vv_block_stage_count(fixture->stage) - 1);
}

static void a_stage_is_full_by_samples_or_by_chunks(void **state)
{
    struct stage_fixture *fixture = *state;
    for (size_t at = 0; at < VV_STAGE_SAMPLES; at += VV_COLUMN_MAX) {
        assert_true(vv_block_stage_has_room(fixture->stage, VV_COLUMN_MAX));
        (void)add(fixture, VV_COLUMN_MAX);
    }
    assert_false(vv_block_stage_has_room(fixture->stage, 1));
    vv_block_stage_clear(fixture->stage);
    for (size_t at = 0; at < VV_STAGE_CHUNKS; at++) {
        assert_true(vv_block_stage_has_room(fixture->stage, VV_COLUMN_MAX));
        (void)add(fixture, 1);
    }
    assert_false(vv_block_stage_has_room(fixture->stage, 1));
}

static bool columns_equal(const struct vv_encoded_column *a, const struct vv_encoded_column *b)
{
    return a->hash == b->hash && a->length == b->length &&
           memcmp(a->bytes, b->bytes, a->length) == 0;
}

static void equal_columns_have_equal_encodings(void **state)
{
    struct stage_fixture *fixture = *state;
    const struct vv_encoded_chunk *first = &add(fixture, 100)->encoded;
    fixture->values[5] += 1;
    const struct vv_encoded_chunk *other_values = &add(fixture, 100)->encoded;
    fixture->timestamps[99] += 1;
    const struct vv_encoded_chunk *other_times = &add(fixture, 100)->encoded;
    const struct vv_encoded_chunk *shorter = &add(fixture, 99)->encoded;
    vv_block_stage_encode(fixture->stage, NULL);
    assert_false(columns_equal(&first->values, &other_values->values));
    assert_true(columns_equal(&other_times->values, &other_values->values));
    assert_false(columns_equal(&first->times, &other_times->times));
    assert_false(columns_equal(&shorter->values, &other_values->values));
    assert_memory_equal(other_times->statistics, other_values->statistics, VV_STATISTICS_BYTES);
    assert_memory_not_equal(first->statistics, other_values->statistics, VV_STATISTICS_BYTES);
    assert_int_equal(other_times->time_min, 0);
    assert_int_equal(other_times->time_max, 99 * 99 + 1);
}

static void timestamps_that_follow_each_other_are_kept_once(void **state)
{
    struct stage_fixture *fixture = *state;
    (void)add(fixture, 100);
    assert_int_equal(add(fixture, 100)->times_twin, 0);
    assert_int_equal(add(fixture, 99)->times_twin, 2); /* shorter */
    fixture->timestamps[50]++;
    assert_int_equal(add(fixture, 99)->times_twin, 3);
    assert_int_equal(add(fixture, 99)->times_twin, 3);
}

static void sequences_are_told_from_each_other_without_bytes(void **state)
{
    struct stage_fixture *fixture = *state;
    for (size_t at = 0; at < VV_COLUMN_MAX; at++) {
        fixture->timestamps[at] = (int64_t)at * 10 - 5;
    }
    const struct vv_encoded_chunk *longer = &add(fixture, 100)->encoded;
    const struct vv_encoded_chunk *shorter = &add(fixture, 99)->encoded;
    fixture->timestamps[0]--;
    const struct vv_encoded_chunk *irregular = &add(fixture, 100)->encoded;
    vv_block_stage_encode(fixture->stage, NULL);
    assert_int_equal(longer->times.length, 0);
    assert_int_equal(shorter->times.length, 0);
    assert_true(longer->times.hash != shorter->times.hash);
    assert_true(irregular->times.length > 0);
}

static void timestamps_that_do_not_increase_are_refused(void **state)
{
    struct stage_fixture *fixture = *state;
    fixture->timestamps[50] = fixture->timestamps[49];
    assert_false(vv_block_stage_add(fixture->stage, fixture->timestamps, fixture->values, 100));
    assert_int_equal(vv_block_stage_count(fixture->stage), 0);
    (void)add(fixture, 50);
}

static void a_cleared_stage_remembers_nothing(void **state)
{
    struct stage_fixture *fixture = *state;
    (void)add(fixture, 100);
    (void)add(fixture, 50);
    vv_block_stage_clear(fixture->stage);
    (void)add(fixture, 50);
    assert_int_equal(add(fixture, 100)->times_twin, 1);
}

/* Columns as a block gets them: shared and own timestamps, values that repeat elsewhere, hardly
 * change, or are noise; several times as many as wait at once. */
static void write_mixture(struct block_fixture *fixture, const char *name, bool cold,
                          struct vv_workers *workers, struct vv_block_info *info)
{
    struct vv_block_identity identity = block_model_identity(cold);
    struct vv_test_random random = vv_test_random_seeded(11);
    struct vv_block_writer *writer;
    static int64_t timestamps[SERIES_SAMPLES];
    static double values[SERIES_SAMPLES];
    assert_int_equal(
        vv_block_writer_create(fixture->env, fixture->directory, name, &identity, &writer, NULL),
        VARVE_OK);
    vv_block_writer_use(writer, workers);
    for (unsigned series = 0; series < SERIES; series++) {
        struct vv_buffer key = {0};
        char text[32];
        (void)snprintf(text, sizeof(text), "m%04u", series);
        assert_int_equal(vv_key_parse((varve_string){text, strlen(text)}, &key, NULL), VARVE_OK);
        assert_int_equal(
            vv_block_writer_begin_series(writer, (struct vv_key){key.bytes, key.length}, NULL),
            VARVE_OK);
        vv_buffer_fini(&key);
        for (size_t at = 0; at < SERIES_SAMPLES; at++) {
            uint64_t noise = vv_test_random_next(&random);
            uint64_t jitter = series % 3 == 0 ? noise % 5 : at * 7919 % 11;
            timestamps[at] = (int64_t)(at * 1000 + (series % 5 == 0 ? 0 : jitter));
            values[at] = series % 4 == 0   ? (double)(at * (series % 16) / 9 % 100)
                         : series % 4 == 1 ? (double)(noise % 64 == 0)
                                           : (double)(noise % 1000) / 10;
        }
        for (size_t done = 0; done < SERIES_SAMPLES; done += VV_COLUMN_MAX) {
            size_t left = SERIES_SAMPLES - done;
            assert_int_equal(vv_block_writer_add_chunk(
                                 writer, 0, VARVE_DUPLICATES_LAST, timestamps + done, values + done,
                                 left < VV_COLUMN_MAX ? left : VV_COLUMN_MAX, NULL),
                             VARVE_OK);
        }
    }
    assert_int_equal(vv_block_writer_finish(writer, info, NULL), VARVE_OK);
    vv_block_writer_destroy(writer);
}

static void the_bytes_of_a_block_do_not_depend_on_the_threads(void **state)
{
    static const unsigned counts[] = {0, 1, 2, 4};
    struct block_fixture *fixture = *state;
    for (int cold = 0; cold < 2; cold++) {
        struct vv_block_info expected;
        char name[32];
        (void)snprintf(name, sizeof(name), "alone%d", cold);
        write_mixture(fixture, name, cold != 0, NULL, &expected);
        uint8_t *bytes = block_fixture_read(fixture, name, expected.file_bytes);
        for (size_t at = 0; at < sizeof(counts) / sizeof(counts[0]); at++) {
            struct vv_block_info info;
            struct vv_workers *workers = NULL;
            (void)snprintf(name, sizeof(name), "threads%d-%u", cold, counts[at]);
            assert_int_equal(vv_workers_create(counts[at], &workers), VARVE_OK);
            write_mixture(fixture, name, cold != 0, workers, &info);
            vv_workers_destroy(workers);
            assert_true(info.file_bytes == expected.file_bytes);
            uint8_t *again = block_fixture_read(fixture, name, info.file_bytes);
            assert_memory_equal(again, bytes, info.file_bytes);
            free(again);
        }
        free(bytes);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_stage_is_full_by_samples_or_by_chunks, set_up, tear_down),
        cmocka_unit_test_setup_teardown(equal_columns_have_equal_encodings, set_up, tear_down),
        cmocka_unit_test_setup_teardown(timestamps_that_follow_each_other_are_kept_once, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(sequences_are_told_from_each_other_without_bytes, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(timestamps_that_do_not_increase_are_refused, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_cleared_stage_remembers_nothing, set_up, tear_down),
        block_fixture_test(the_bytes_of_a_block_do_not_depend_on_the_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
