/* Tests of block_fill.c and block_sink.c: series that are collected and encoded on all threads make
 * the block that chunks make which are added one by one. */
#include "mmap/block_sink.h"

#include "mmap/rollup_rules.h"
#include "support/block_fixture.h"

enum { SERIES = 700, SAMPLES = 2300 };

/* The samples of series number `series`: a function of it. */
struct series {
    char text[16];
    struct vv_buffer key;
    bool is_empty;
    size_t tombstones;
    size_t count; /* of samples */
    int64_t timestamps[SAMPLES];
    double values[SAMPLES];
};

static void make_series(struct series *series, size_t number)
{
    struct vv_test_random random = vv_test_random_seeded(number);
    (void)snprintf(series->text, sizeof(series->text), "m%04zu", number);
    vv_buffer_clear(&series->key);
    assert_int_equal(
        vv_key_parse((varve_string){series->text, strlen(series->text)}, &series->key, NULL),
        VARVE_OK);
    series->is_empty = number % 13 == 5;
    series->tombstones = number % 7 == 0 ? number % 3 : 0;
    series->count = series->is_empty ? 0 : 1 + vv_test_random_below(&random, SAMPLES);
    for (size_t at = 0; at < series->count; at++) {
        uint64_t noise = vv_test_random_next(&random);
        uint64_t jitter = number % 3 == 0 ? noise % 5 : at * 7919 % 11;
        series->timestamps[at] = (int64_t)(at * 1000 + (number % 5 == 0 ? 0 : jitter));
        series->values[at] = number % 4 == 0   ? (double)(at * (number % 16) / 9 % 100)
                             : number % 4 == 1 ? (double)(noise % 64 == 0)
                                               : (double)(noise % 1000) / 10;
    }
}

static size_t chunk_length(const struct series *series, size_t done)
{
    size_t left = series->count - done;
    return left < VV_COLUMN_MAX ? left : VV_COLUMN_MAX;
}

static void add_series(struct vv_block_writer *writer, struct series *series)
{
    if (series->is_empty) {
        return;
    }
    struct vv_key key = {series->key.bytes, series->key.length};
    assert_int_equal(vv_block_writer_begin_series(writer, key, NULL), VARVE_OK);
    for (size_t i = 0; i < series->tombstones; i++) {
        assert_int_equal(
            vv_block_writer_add_tombstone(writer, (struct vv_range){(int64_t)i, 100}, NULL),
            VARVE_OK);
    }
    for (size_t done = 0; done < series->count; done += VV_COLUMN_MAX) {
        assert_int_equal(vv_block_writer_add_chunk(writer, 0, VARVE_DUPLICATES_LAST,
                                                   series->timestamps + done, series->values + done,
                                                   chunk_length(series, done), NULL),
                         VARVE_OK);
    }
}

/* A chunk that is encoded before it comes to the sink. */
static varve_status sink_encoded(struct vv_block_sink *sink, const int64_t *timestamps,
                                 const double *values, size_t count)
{
    uint8_t bytes[VV_TIMESTAMPS_BOUND(VV_COLUMN_MAX) + VV_VALUES_BOUND(VV_COLUMN_MAX)];
    struct vv_encoded_chunk chunk = {
        .time_min = timestamps[0], .time_max = timestamps[count - 1], .count = (uint32_t)count};
    chunk.times = vv_block_encode_times(timestamps, count, bytes);
    chunk.values =
        vv_block_encode_values(values, count, bytes + chunk.times.length, chunk.statistics);
    return vv_block_sink_add_encoded(sink, 0, VARVE_DUPLICATES_LAST, &chunk);
}

static varve_status fill_one(const struct series *series, struct vv_block_sink *sink)
{
    vv_block_sink_begin(sink, (struct vv_key){series->key.bytes, series->key.length});
    for (size_t i = 0; i < series->tombstones; i++) {
        VV_TRY(vv_block_sink_add_tombstone(sink, (struct vv_range){(int64_t)i, 100}));
    }
    for (size_t done = 0; done < series->count; done += VV_COLUMN_MAX) {
        const int64_t *timestamps = series->timestamps + done;
        const double *values = series->values + done;
        size_t count = chunk_length(series, done);
        VV_TRY(series->count % 2 == 0 && vv_block_times_increase(timestamps, count)
                   ? sink_encoded(sink, timestamps, values, count)
                   : vv_block_sink_add_chunk(sink, 0, VARVE_DUPLICATES_LAST, timestamps, values,
                                             count));
    }
    return VARVE_OK;
}

static void fill(void *context, size_t first, size_t count, struct vv_block_sink *sinks,
                 varve_status *statuses)
{
    const struct series *all = context;
    for (size_t i = 0; i < count; i++) {
        statuses[i] = all[first + i].is_empty ? VARVE_OK : fill_one(&all[first + i], &sinks[i]);
    }
}

static struct vv_block_writer *create(struct block_fixture *fixture, const char *name, bool cold,
                                      struct vv_rollup_rules *rules)
{
    struct vv_block_identity identity = block_model_identity(cold);
    struct vv_block_writer *writer;
    identity.rollup_sequence = vv_rollup_rules_sequence(rules);
    assert_int_equal(
        vv_block_writer_create(fixture->env, fixture->directory, name, &identity, &writer, NULL),
        VARVE_OK);
    assert_int_equal(vv_block_writer_roll_up(writer, rules), VARVE_OK);
    return writer;
}

static struct series *make_all(void)
{
    struct series *all = calloc(SERIES, sizeof(*all));
    for (size_t number = 0; number < SERIES; number++) {
        make_series(&all[number], number);
    }
    return all;
}

static void free_all(struct series *all)
{
    for (size_t number = 0; number < SERIES; number++) {
        vv_buffer_fini(&all[number].key);
    }
    free(all);
}

/* What a block is written with. */
struct variant {
    bool cold;
    struct vv_rollup_rules *rules;
};

/* Writes the series chunk by chunk; the caller frees the bytes of the block. */
static uint8_t *add_all(struct block_fixture *fixture, const struct variant *variant,
                        struct series *all, struct vv_block_info *info)
{
    struct vv_block_writer *writer = create(fixture, "added", variant->cold, variant->rules);
    for (size_t number = 0; number < SERIES; number++) {
        add_series(writer, &all[number]);
    }
    assert_int_equal(vv_block_writer_finish(writer, info, NULL), VARVE_OK);
    vv_block_writer_destroy(writer);
    return block_fixture_read(fixture, "added", info->file_bytes);
}

/* Fills a block with them on so many threads. */
static uint8_t *fill_all(struct block_fixture *fixture, const struct variant *variant,
                         struct series *all, unsigned threads, struct vv_block_info *info)
{
    char name[32];
    struct vv_workers *workers = NULL;
    uint64_t begun_count, samples;
    struct vv_block *block;
    (void)snprintf(name, sizeof(name), "filled%u", threads);
    assert_int_equal(vv_workers_create(threads, &workers), VARVE_OK);
    struct vv_block_writer *writer = create(fixture, name, variant->cold, variant->rules);
    vv_block_writer_use(writer, workers);
    assert_int_equal(vv_block_writer_fill(writer, SERIES, fill, all, &begun_count, NULL), VARVE_OK);
    assert_int_equal(vv_block_writer_finish(writer, info, NULL), VARVE_OK);
    assert_int_equal(begun_count, info->series_count);
    vv_block_writer_destroy(writer);
    vv_workers_destroy(workers);
    assert_int_equal(vv_block_open(fixture->env, fixture->directory, name, info, &block, NULL),
                     VARVE_OK);
    assert_int_equal(vv_block_verify(block, NULL, NULL, &samples), VARVE_OK);
    assert_int_equal(samples, info->sample_count);
    vv_block_release(block);
    return block_fixture_read(fixture, name, info->file_bytes);
}

static void expect_fills(struct block_fixture *fixture, const struct variant *variant,
                         struct series *all, const uint8_t *expected, uint64_t expected_bytes)
{
    for (unsigned threads = 0; threads < 4; threads++) {
        struct vv_block_info info;
        uint8_t *bytes = fill_all(fixture, variant, all, threads, &info);
        assert_true(info.file_bytes == expected_bytes);
        assert_memory_equal(bytes, expected, expected_bytes);
        free(bytes);
    }
}

static void a_fill_makes_the_bytes_that_chunks_make(void **state)
{
    for (int cold = 0; cold < 2; cold++) {
        void *made = NULL;
        (void)block_fixture_set_up(&made);
        const struct variant variant = {.cold = cold != 0};
        struct series *all = make_all();
        struct vv_block_info info;
        uint8_t *expected = add_all(made, &variant, all, &info);
        expect_fills(made, &variant, all, expected, info.file_bytes);
        free(expected);
        free_all(all);
        (void)block_fixture_tear_down(&made);
    }
    (void)state;
}

/* Rows are made when a series is placed, so that their pages come to lie elsewhere than among
 * chunks that wait. */
static void rollups_are_the_same_on_all_threads(void **state)
{
    struct block_fixture *fixture = *state;
    struct series *all = make_all();
    const struct vv_rollup_rule rule = {.step = 50000};
    struct variant variant = {0};
    struct vv_block_info added, filled;
    assert_int_equal(vv_rollup_rules_create(&rule, 1, 3, &variant.rules, NULL), VARVE_OK);
    free(add_all(fixture, &variant, all, &added));
    uint8_t *alone = fill_all(fixture, &variant, all, 9, &filled);
    assert_int_equal(filled.file_bytes, added.file_bytes);
    expect_fills(fixture, &variant, all, alone, filled.file_bytes);
    free(alone);
    vv_rollup_rules_release(variant.rules);
    free_all(all);
}

/* One series of many is not as it should be. */
static varve_status fill_broken(struct block_fixture *fixture, struct series *all)
{
    uint64_t begun_count;
    varve_error error = {.status = VARVE_OK};
    struct vv_block_info info;
    struct vv_block_writer *writer = create(fixture, "broken", false, NULL);
    varve_status status = vv_block_writer_fill(writer, SERIES, fill, all, &begun_count, &error);
    assert_int_equal(error.status, status);
    if (status == VARVE_OK) {
        status = vv_block_writer_finish(writer, &info, NULL);
    }
    vv_block_writer_destroy(writer);
    assert_int_equal(fixture->env->ops->unlink(fixture->env->ctx, fixture->directory, "broken"), 0);
    return status;
}

static void what_is_wrong_with_one_series_fails_the_fill(void **state)
{
    struct block_fixture *fixture = *state;
    struct series *all = make_all();
    assert_int_equal(fill_broken(fixture, all), VARVE_OK);
    size_t number = 300;
    while (all[number].count < 100 || all[number + 1].is_empty) {
        number++;
    }
    int64_t kept = all[number].timestamps[50];
    all[number].timestamps[50] = all[number].timestamps[49];
    assert_int_equal(fill_broken(fixture, all), VARVE_INVALID);
    all[number].timestamps[50] = kept;
    struct vv_buffer key = all[number + 1].key;
    all[number + 1].key = all[number].key; /* not in order */
    assert_int_equal(fill_broken(fixture, all), VARVE_INVALID);
    all[number + 1].key = key;
    assert_int_equal(fill_broken(fixture, all), VARVE_OK);
    free_all(all);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_fill_makes_the_bytes_that_chunks_make),
        block_fixture_test(rollups_are_the_same_on_all_threads),
        block_fixture_test(what_is_wrong_with_one_series_fails_the_fill),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
