/*
 * test_time_spans.c - blocks follow the data and not the calendar: decades of sparse samples make
 * few blocks, so does an hour of very many series, and a stray of another century costs one small
 * block.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "support/series.h"
#include "support/temporary.h"
#include "varve/varve.h"

enum { BATCH = 5000 };

static const int64_t minute = INT64_C(60) * 1000000000;
static const int64_t decades_start = INT64_C(946684800) * 1000000000; /* 2000 */

struct fixture {
    char folder[256];
    char path[300];
    varve_db *db;
};

static int set_up(void **state)
{
    struct fixture *fixture = calloc(1, sizeof(*fixture));
    varve_options options = VARVE_OPTIONS_INIT;
    options.flags = VARVE_OPEN_CREATE;
    options.sync = VARVE_SYNC_NONE;
    options.background_threads = 0;
    options.head_bytes_max = 64 << 10; /* so that there are many flushes */
    assert_true(vv_test_temporary_create(fixture->folder, sizeof(fixture->folder)));
    (void)snprintf(fixture->path, sizeof(fixture->path), "%s/db", fixture->folder);
    assert_int_equal(varve_open(fixture->path, &options, &fixture->db, NULL), VARVE_OK);
    *state = fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;
    (void)varve_close(fixture->db, NULL);
    (void)vv_test_temporary_remove(fixture->folder);
    free(fixture);
    return 0;
}

static void settle(struct fixture *fixture)
{
    bool worked = true;
    while (worked) {
        assert_int_equal(varve_maintain(fixture->db, &worked, NULL), VARVE_OK);
    }
}

static varve_series series_of(struct fixture *fixture, int number)
{
    varve_series series = vv_test_series(fixture->db, "m{i=\"%06d\"}", number);
    return series;
}

static uint64_t count_blocks(struct fixture *fixture, uint64_t *samples, uint64_t *bytes)
{
    varve_statistics statistics = VARVE_STATISTICS_INIT;
    varve_stats(fixture->db, &statistics);
    *samples = statistics.samples;
    *bytes = statistics.block_bytes;
    return statistics.blocks;
}

/* A sample each five minutes, flushed many times. */
static uint64_t append_regular(struct fixture *fixture, int64_t start, int64_t points)
{
    static int64_t timestamps[BATCH];
    static double values[BATCH];
    varve_series series = series_of(fixture, 0);
    uint64_t flushes = 0;
    for (int64_t done = 0; done < points; done += BATCH) {
        for (int64_t i = 0; i < BATCH; i++) {
            timestamps[i] = start + (done + i) * 5 * minute;
            values[i] = (double)((done + i) * 7919 % 1000) / 10;
        }
        assert_int_equal(varve_append(fixture->db, series, timestamps, values, BATCH, NULL),
                         VARVE_OK);
        bool worked = false;
        assert_int_equal(varve_maintain(fixture->db, &worked, NULL), VARVE_OK);
        flushes += worked;
    }
    assert_true(flushes > 0);
    return (uint64_t)points;
}

static void decades_of_five_minute_data_make_few_blocks(void **state)
{
    struct fixture *fixture = *state;
    uint64_t wanted = append_regular(fixture, decades_start, 500 * BATCH), samples, bytes;
    settle(fixture);
    assert_in_range(count_blocks(fixture, &samples, &bytes), 1, 8);
    assert_int_equal(samples, wanted);
    assert_int_equal(varve_compact(fixture->db, NULL), VARVE_OK);
    assert_int_equal(count_blocks(fixture, &samples, &bytes), 1);
    assert_int_equal(samples, wanted);
}

static void a_stray_of_another_century_costs_one_small_block(void **state)
{
    struct fixture *fixture = *state;
    static const int64_t strays[] = {0, INT64_MAX - 1}; /* 1970 and 2262 */
    uint64_t samples, bytes, before, blocks;
    (void)append_regular(fixture, INT64_C(1735689600) * 1000000000, 120 * BATCH); /* from 2025 on */
    assert_int_equal(varve_compact(fixture->db, NULL), VARVE_OK);
    blocks = count_blocks(fixture, &samples, &before);
    for (uint64_t i = 0; i < 2; i++) {
        const double value = 1;
        assert_int_equal(
            varve_append(fixture->db, series_of(fixture, 0), &strays[i], &value, 1, NULL),
            VARVE_OK);
        assert_int_equal(varve_compact(fixture->db, NULL), VARVE_OK);
        assert_int_equal(count_blocks(fixture, &samples, &bytes), blocks + i + 1);
        assert_in_range(bytes, before, before + (i + 1) * 4096);
    }
}

/* So many that every sample counts; a million would take CI a minute. */
static void an_hour_of_very_many_series_makes_few_blocks(void **state)
{
    struct fixture *fixture = *state;
    enum { SERIES = 60000, POINTS = 6 };
    varve_series *handles = calloc(SERIES, sizeof(*handles));
    int64_t *timestamps = calloc(SERIES, sizeof(*timestamps));
    double *values = calloc(SERIES, sizeof(*values));
    uint64_t samples, bytes;
    for (int i = 0; i < SERIES; i++) {
        handles[i] = series_of(fixture, i);
    }
    for (int64_t point = 0; point < POINTS; point++) {
        for (int i = 0; i < SERIES; i++) {
            timestamps[i] = decades_start + point * 10 * minute;
            values[i] = (double)(i % 100 + point);
        }
        varve_batch batch = VARVE_BATCH_INIT;
        batch.series = handles;
        batch.timestamps = timestamps;
        batch.values = values;
        batch.count = SERIES;
        assert_int_equal(varve_append_batch(fixture->db, &batch, NULL), VARVE_OK);
        settle(fixture); /* a flush for every point */
    }
    assert_in_range(count_blocks(fixture, &samples, &bytes), 1, 8);
    assert_int_equal(samples, SERIES * POINTS);
    assert_int_equal(varve_compact(fixture->db, NULL), VARVE_OK);
    assert_int_equal(count_blocks(fixture, &samples, &bytes), 1);
    assert_int_equal(samples, SERIES * POINTS);
    free(handles);
    free(timestamps);
    free(values);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(decades_of_five_minute_data_make_few_blocks),
        TEST(a_stray_of_another_century_costs_one_small_block),
        TEST(an_hour_of_very_many_series_makes_few_blocks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
