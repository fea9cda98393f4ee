/*
 * test_samples.c - single samples through the public API: against a model, and by several threads.
 */
#include "varve/varve.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "os/alloc.h"
#include "os/thread.h"
#include "support/database_model.h"
#include "support/random.h"
#include "support/series.h"
#include "support/temporary.h"

enum { SERIES = 6, STEPS = 4000, BATCH = 40, TIMES = 200 };

struct fixture {
    char folder[512];
    char path[520];
    varve_db *db;
    varve_series series[SERIES];
    struct model_series models[SERIES];
};

static void open_database(struct fixture *fixture)
{
    varve_options options = VARVE_OPTIONS_INIT;
    varve_error error = {0};
    options.flags = VARVE_OPEN_CREATE;
    options.sync = VARVE_SYNC_NONE;
    options.background_threads = 0;
    assert_int_equal(varve_open(fixture->path, &options, &fixture->db, &error), VARVE_OK);
    for (size_t i = 0; i < SERIES; i++) {
        fixture->series[i] = vv_test_series(fixture->db, "m{i=\"%zu\"}", i);
    }
}

static int set_up(void **state)
{
    struct fixture *fixture = calloc(1, sizeof(*fixture));
    assert_non_null(fixture);
    assert_true(vv_test_temporary_create(fixture->folder, sizeof(fixture->folder)));
    (void)snprintf(fixture->path, sizeof(fixture->path), "%s/db", fixture->folder);
    open_database(fixture);
    *state = fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;
    varve_status status = varve_close(fixture->db, NULL);
    for (size_t i = 0; i < SERIES; i++) {
        free(fixture->models[i].samples);
    }
    bool removed = vv_test_temporary_remove(fixture->folder);
    free(fixture);
    return status == VARVE_OK && removed ? 0 : -1;
}

static void append(struct fixture *fixture, size_t at, int64_t timestamp, double value)
{
    assert_int_equal(varve_append(fixture->db, fixture->series[at], &timestamp, &value, 1, NULL),
                     VARVE_OK);
    model_append(&fixture->models[at], VARVE_DUPLICATES_LAST, timestamp, value);
}

static const struct model_sample *model_latest(const struct model_series *model)
{
    return model->count > 0 ? &model->samples[model->count - 1] : NULL;
}

/* -------------------------------------------------------------------- one call at a time */

static void a_series_without_samples_has_no_latest(void **state)
{
    struct fixture *fixture = *state;
    int64_t timestamp = 7;
    double value = 7;
    assert_int_equal(varve_latest(fixture->db, fixture->series[0], &timestamp, &value),
                     VARVE_NOT_FOUND);
    assert_int_equal(varve_get(fixture->db, fixture->series[0], 1, &value), VARVE_NOT_FOUND);
    assert_int_equal(varve_exists(fixture->db, fixture->series[0], 1), VARVE_NOT_FOUND);
    assert_int_equal(timestamp, 7);
    assert_true(value == 7);
}

static void what_is_no_handle_or_no_time_is_refused(void **state)
{
    struct fixture *fixture = *state;
    int64_t timestamp;
    double value;
    assert_int_equal(varve_latest(fixture->db, 0, &timestamp, &value), VARVE_INVALID);
    assert_int_equal(varve_latest(fixture->db, 12345, &timestamp, &value), VARVE_INVALID);
    assert_int_equal(varve_get(fixture->db, fixture->series[0], INT64_MAX, &value), VARVE_INVALID);
    assert_int_equal(varve_add(fixture->db, 12345, 1, 1, NULL, NULL), VARVE_INVALID);
    assert_int_equal(varve_append_if_absent(fixture->db, fixture->series[0], INT64_MAX, 1, NULL),
                     VARVE_INVALID);
}

static void an_add_begins_at_nothing_and_goes_on_from_the_latest(void **state)
{
    struct fixture *fixture = *state;
    double result = 0, value = 0;
    int64_t timestamp = 0;
    assert_int_equal(varve_add(fixture->db, fixture->series[0], 10, 5, &result, NULL), VARVE_OK);
    assert_true(result == 5);
    assert_int_equal(varve_add(fixture->db, fixture->series[0], 20, -2, &result, NULL), VARVE_OK);
    assert_true(result == 3);
    assert_int_equal(varve_add(fixture->db, fixture->series[0], 20, 1, &result, NULL), VARVE_OK);
    assert_true(result == 4);
    assert_int_equal(varve_add(fixture->db, fixture->series[0], 15, 6, &result, NULL), VARVE_OK);
    assert_true(result == 10); /* stands at 15: the sample at 20 stays the latest */
    assert_int_equal(varve_latest(fixture->db, fixture->series[0], &timestamp, &value), VARVE_OK);
    assert_int_equal(timestamp, 20);
    assert_true(value == 4);
}

static void of_two_samples_of_one_time_the_first_stays_if_absent(void **state)
{
    struct fixture *fixture = *state;
    double value = 0;
    uint64_t lsn = 555;
    assert_int_equal(varve_append_if_absent(fixture->db, fixture->series[0], 10, 1, NULL),
                     VARVE_OK);
    assert_int_equal(varve_append_if_absent(fixture->db, fixture->series[0], 10, 2, &lsn),
                     VARVE_EXISTS);
    assert_int_equal(lsn, 555);
    assert_int_equal(varve_flush(fixture->db, NULL), VARVE_OK);
    assert_int_equal(varve_append_if_absent(fixture->db, fixture->series[0], 10, 3, NULL),
                     VARVE_EXISTS);
    assert_int_equal(varve_get(fixture->db, fixture->series[0], 10, &value), VARVE_OK);
    assert_true(value == 1);
}

static void readers_cannot_add(void **state)
{
    struct fixture *fixture = *state;
    varve_options options = VARVE_OPTIONS_INIT;
    varve_db *reader;
    varve_series series;
    int64_t timestamp = 0;
    double value = 0;
    options.flags = VARVE_OPEN_READ_ONLY;
    append(fixture, 0, 10, 2);
    assert_int_equal(varve_flush(fixture->db, NULL), VARVE_OK);
    assert_int_equal(varve_open(fixture->path, &options, &reader, NULL), VARVE_OK);
    assert_int_equal(varve_series_parse(reader, VARVE_STRING("m{i=\"0\"}"), &series, NULL),
                     VARVE_OK);
    assert_int_equal(varve_latest(reader, series, &timestamp, &value), VARVE_OK);
    assert_true(timestamp == 10 && value == 2);
    assert_int_equal(varve_add(reader, series, 20, 1, NULL, NULL), VARVE_READ_ONLY);
    assert_int_equal(varve_append_if_absent(reader, series, 20, 1, NULL), VARVE_READ_ONLY);
    assert_int_equal(varve_close(reader, NULL), VARVE_OK);
}

/* --------------------------------------------------------------------- against the model */

static void check_reads(struct fixture *fixture, struct vv_test_random *random)
{
    int64_t timestamps[SERIES], wanted[SERIES];
    double values[SERIES];
    bool found[SERIES];
    assert_int_equal(
        varve_latest_batch(fixture->db, fixture->series, SERIES, timestamps, values, found),
        VARVE_OK);
    for (size_t i = 0; i < SERIES; i++) {
        const struct model_sample *latest = model_latest(&fixture->models[i]);
        assert_int_equal(found[i], latest != NULL);
        if (found[i]) {
            assert_int_equal(timestamps[i], latest->timestamp);
            assert_memory_equal(&values[i], &latest->value, sizeof(double));
        }
        wanted[i] = (int64_t)vv_test_random_below(random, TIMES);
    }
    assert_int_equal(varve_get_batch(fixture->db, fixture->series, wanted, SERIES, values, found),
                     VARVE_OK);
    for (size_t i = 0; i < SERIES; i++) {
        size_t count;
        const struct model_sample *expected =
            model_range(&fixture->models[i], wanted[i], wanted[i] + 1, &count);
        assert_int_equal(found[i], count == 1);
        assert_int_equal(varve_exists(fixture->db, fixture->series[i], wanted[i]),
                         count == 1 ? VARVE_OK : VARVE_NOT_FOUND);
        if (found[i]) {
            assert_memory_equal(&values[i], &expected->value, sizeof(double));
        }
    }
}

struct random_batch {
    size_t at[BATCH];
    varve_series series[BATCH];
    int64_t timestamps[BATCH];
    double values[BATCH];
    varve_batch batch;
};

static void make_batch(const struct fixture *fixture, struct vv_test_random *random,
                       struct random_batch *made)
{
    size_t count = vv_test_random_below(random, BATCH + 1);
    for (size_t i = 0; i < count; i++) {
        made->at[i] = vv_test_random_below(random, SERIES);
        made->series[i] = fixture->series[made->at[i]];
        made->timestamps[i] = (int64_t)vv_test_random_below(random, TIMES);
        made->values[i] = (double)vv_test_random_below(random, 100);
    }
    made->batch = (varve_batch)VARVE_BATCH_INIT;
    made->batch.series = made->series;
    made->batch.timestamps = made->timestamps;
    made->batch.values = made->values;
    made->batch.count = count;
}

static void add_some(struct fixture *fixture, struct vv_test_random *random)
{
    struct random_batch made;
    double results[BATCH];
    make_batch(fixture, random, &made);
    assert_int_equal(varve_add_batch(fixture->db, &made.batch, results, NULL), VARVE_OK);
    for (size_t i = 0; i < made.batch.count; i++) {
        struct model_series *model = &fixture->models[made.at[i]];
        const struct model_sample *latest = model_latest(model);
        double expected = made.values[i] + (latest != NULL ? latest->value : 0);
        assert_memory_equal(&results[i], &expected, sizeof(double));
        model_append(model, VARVE_DUPLICATES_LAST, made.timestamps[i], expected);
    }
}

static void append_absent_some(struct fixture *fixture, struct vv_test_random *random)
{
    struct random_batch made;
    bool stored[BATCH];
    make_batch(fixture, random, &made);
    assert_int_equal(varve_append_batch_if_absent(fixture->db, &made.batch, stored, NULL),
                     VARVE_OK);
    for (size_t i = 0; i < made.batch.count; i++) {
        struct model_series *model = &fixture->models[made.at[i]];
        assert_int_equal(stored[i], !model_has(model, made.timestamps[i]));
        if (stored[i]) {
            model_append(model, VARVE_DUPLICATES_LAST, made.timestamps[i], made.values[i]);
        }
    }
}

static void delete_some(struct fixture *fixture, struct vv_test_random *random)
{
    size_t at = vv_test_random_below(random, SERIES);
    int64_t start = (int64_t)vv_test_random_below(random, TIMES);
    int64_t end = start + (int64_t)vv_test_random_below(random, TIMES);
    assert_int_equal(varve_delete_range(fixture->db, fixture->series[at], start, end, NULL),
                     VARVE_OK);
    model_delete(&fixture->models[at], start, end);
}

static void single_samples_agree_with_a_model(void **state)
{
    struct fixture *fixture = *state;
    struct vv_test_random random = vv_test_random_init(1);
    for (int step = 0; step < STEPS; step++) {
        switch (vv_test_random_below(&random, 60)) {
        case 0:
            assert_int_equal(varve_flush(fixture->db, NULL), VARVE_OK);
            break;
        case 1:
            assert_int_equal(varve_compact(fixture->db, NULL), VARVE_OK);
            break;
        case 2:
            assert_int_equal(varve_close(fixture->db, NULL), VARVE_OK);
            open_database(fixture);
            break;
        case 3:
        case 4:
            delete_some(fixture, &random);
            break;
        case 5:
        case 6:
            add_some(fixture, &random);
            break;
        case 7:
        case 8:
            append_absent_some(fixture, &random);
            break;
        default:
            append(fixture, vv_test_random_below(&random, SERIES),
                   (int64_t)vv_test_random_below(&random, TIMES),
                   (double)vv_test_random_below(&random, 100));
        }
        if (step % 8 == 0) {
            check_reads(fixture, &random);
        }
    }
}

/* ------------------------------------------------------------------------------ threads */

enum { THREADS = 4, ROUNDS = 300 };

struct worker {
    struct vv_thread thread;
    struct fixture *fixture;
    int stored; /* if-absent: calls that stored their sample */
    bool failed;
};

static void count_up(void *argument)
{
    struct worker *worker = argument;
    struct fixture *fixture = worker->fixture;
    double value = 1;
    for (int64_t i = 0; i < ROUNDS;
         i++) { /* all at one time: each result replaces the one before */
        worker->failed |= varve_add(fixture->db, fixture->series[0], 9, 1, NULL, NULL) != VARVE_OK;
        worker->failed |=
            varve_append(fixture->db, fixture->series[1], &i, &value, 1, NULL) != VARVE_OK;
    }
}

static void claim(void *argument)
{
    struct worker *worker = argument;
    for (int64_t i = 0; i < ROUNDS; i++) {
        varve_status status =
            varve_append_if_absent(worker->fixture->db, worker->fixture->series[2], i, 1, NULL);
        worker->stored += status == VARVE_OK;
        worker->failed |= status != VARVE_OK && status != VARVE_EXISTS;
    }
}

/* Runs work in all threads; how many samples they have stored. */
static int run_threads(struct fixture *fixture, void (*work)(void *argument))
{
    struct worker workers[THREADS] = {0};
    int stored = 0;
    for (size_t i = 0; i < THREADS; i++) {
        workers[i].fixture = fixture;
        assert_int_equal(vv_thread_start(&workers[i].thread, work, &workers[i]), 0);
    }
    for (size_t i = 0; i < THREADS; i++) {
        vv_thread_join(&workers[i].thread);
        assert_false(workers[i].failed);
        stored += workers[i].stored;
    }
    return stored;
}

static void no_addition_of_several_threads_is_lost(void **state)
{
    struct fixture *fixture = *state;
    int64_t timestamp;
    double value = 0;
    (void)run_threads(fixture, count_up);
    assert_int_equal(varve_latest(fixture->db, fixture->series[0], &timestamp, &value), VARVE_OK);
    assert_int_equal(timestamp, 9);
    assert_true(value == THREADS * ROUNDS);
}

static void a_timestamp_is_claimed_once(void **state)
{
    struct fixture *fixture = *state;
    assert_int_equal(run_threads(fixture, claim), ROUNDS);
}

static void expect_latest(struct fixture *fixture, int64_t timestamp, double value)
{
    int64_t found_timestamp;
    double found_value;
    assert_int_equal(varve_latest(fixture->db, fixture->series[0], &found_timestamp, &found_value),
                     VARVE_OK);
    assert_int_equal(found_timestamp, timestamp);
    assert_true(found_value == value);
}

static void append_one(struct fixture *fixture, int64_t timestamp, double value)
{
    assert_int_equal(varve_append(fixture->db, fixture->series[0], &timestamp, &value, 1, NULL),
                     VARVE_OK);
}

/* What a bulk brings is in no append that the latest sample could be known from. */
static void a_bulk_import_may_bring_the_latest(void **state)
{
    struct fixture *fixture = *state;
    int64_t timestamp = 20;
    double value = 2;
    varve_bulk *bulk = NULL;
    varve_batch batch = VARVE_BATCH_INIT;
    batch.series = &fixture->series[0];
    batch.timestamps = &timestamp;
    batch.values = &value;
    batch.count = 1;
    append_one(fixture, 10, 1);
    expect_latest(fixture, 10, 1);
    assert_int_equal(varve_bulk_begin(fixture->db, NULL, &bulk, NULL), VARVE_OK);
    assert_int_equal(varve_bulk_append(bulk, &batch, NULL), VARVE_OK);
    expect_latest(fixture, 10, 1);
    assert_int_equal(varve_bulk_commit(bulk, NULL), VARVE_OK);
    varve_bulk_close(bulk);
    expect_latest(fixture, 20, 2);
    append_one(fixture, 15, 3);
    expect_latest(fixture, 20, 2);
    append_one(fixture, 21, 4);
    expect_latest(fixture, 21, 4);
}

static void the_latest_is_known_behind_a_flush_without_memory(void **state)
{
    struct fixture *fixture = *state;
    append_one(fixture, 10, 1);
    assert_int_equal(varve_compact(fixture->db, NULL), VARVE_OK);
    uint64_t before = vv_alloc_count();
    expect_latest(fixture, 10, 1);
    assert_int_equal(vv_alloc_count() - before, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_series_without_samples_has_no_latest, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_is_no_handle_or_no_time_is_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_add_begins_at_nothing_and_goes_on_from_the_latest,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(of_two_samples_of_one_time_the_first_stays_if_absent,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(readers_cannot_add, set_up, tear_down),
        cmocka_unit_test_setup_teardown(single_samples_agree_with_a_model, set_up, tear_down),
        cmocka_unit_test_setup_teardown(no_addition_of_several_threads_is_lost, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_timestamp_is_claimed_once, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_bulk_import_may_bring_the_latest, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_latest_is_known_behind_a_flush_without_memory, set_up,
                                        tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
