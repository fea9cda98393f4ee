/*
 * test_soak.c - a database in its daily life, for as long as one likes: everything at once, and
 * nothing grows.
 *
 *   writer      batches in order and out of order, deletions; retention lets go of what is old
 *   background  flushes, merges, retention on threads of the library
 *   rollups     kept of half of the series; their rule comes and goes
 *   reader      questions whose answers are known
 *
 * A sample is known by its series and time: value_of() says its value, and an array of what is
 * there, as long as the window of retention, says whether it exists. Memory, files and descriptors
 * are measured while it runs: in the last third they may not be more than in the second. Six
 * seconds, or with VARVE_TEST_LONG=1 twenty minutes (VARVE_TEST_SECONDS says otherwise: tools/test
 * without --quick says thirty).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "support/random.h"
#include "support/series.h"
#include "support/temporary.h"
#include "varve/varve.h"

enum {
    SERIES = 40,
    WINDOW = 20000,
    BATCH = 400,
    LATE_MAX = 3000,
    ROW_SECONDS = 100, /* of samples in a row of the rollup */
    SECONDS = 6,
    LONG_SECONDS = 1200
};
enum { SAMPLE_ROUNDS = 64 }; /* between two measurements */

static const int64_t second = 1000000000;

struct soak {
    char folder[512];
    char path[520];
    varve_db *db;
    varve_series series[SERIES];
    struct vv_test_random random;
    int64_t clock;               /* greatest time written, in seconds */
    bool exists[SERIES][WINDOW]; /* by time modulo WINDOW */
    uint64_t samples_written;
    uint64_t questions;
    uint64_t rollup_rows; /* that answers came from */
    bool rolls_up;
};

/* Greatest figures seen in each third of the run. */
struct footprint {
    uint64_t resident_bytes;
    uint64_t files;
    uint64_t descriptors;
};

static double value_of(size_t series, int64_t time)
{
    return (double)((time * 31 + (int64_t)series * 7) % 100000) / 100;
}

static bool *place_of(struct soak *soak, size_t series, int64_t time)
{
    return &soak->exists[series][time % WINDOW];
}

/* ------------------------------------------------------------------------------ writing */

/* The clock goes on; what falls out of the window is forgotten. */
static void advance(struct soak *soak, int64_t seconds)
{
    for (int64_t i = 0; i < seconds; i++) {
        soak->clock++;
        for (size_t series = 0; series < SERIES; series++) {
            *place_of(soak, series, soak->clock) = false;
        }
    }
}

static void write_batch(struct soak *soak)
{
    varve_series series[BATCH];
    int64_t timestamps[BATCH];
    double values[BATCH];
    varve_batch batch = VARVE_BATCH_INIT;
    bool late = vv_test_random_below(&soak->random, 10) == 0;
    int64_t time = soak->clock;
    if (late) {
        time -= (int64_t)vv_test_random_below(&soak->random, LATE_MAX);
    }
    for (size_t i = 0; i < BATCH; i++) {
        size_t at = i % SERIES;
        if (at == 0 && !late) {
            advance(soak, 1);
            time = soak->clock;
        } else if (at == 0) {
            time = time < soak->clock ? time + 1 : time;
        }
        series[i] = soak->series[at];
        timestamps[i] = time * second;
        values[i] = value_of(at, time);
        *place_of(soak, at, time) = true;
    }
    batch.series = series;
    batch.timestamps = timestamps;
    batch.values = values;
    batch.count = BATCH;
    assert_int_equal(varve_append_batch(soak->db, &batch, NULL), VARVE_OK);
    soak->samples_written += BATCH;
}

static void delete_some(struct soak *soak)
{
    size_t at = vv_test_random_below(&soak->random, SERIES);
    int64_t start = soak->clock - (int64_t)vv_test_random_below(&soak->random, LATE_MAX);
    int64_t end = start + (int64_t)vv_test_random_below(&soak->random, 500);
    assert_int_equal(
        varve_delete_range(soak->db, soak->series[at], start * second, end * second, NULL),
        VARVE_OK);
    for (int64_t time = start; time < end && time <= soak->clock; time++) {
        *place_of(soak, at, time) = false;
    }
}

/* Half of the window is kept: the rest of the array is for what retention has not come to yet. */
static void retain(struct soak *soak)
{
    varve_error error = {0};
    varve_retention rule = VARVE_RETENTION_INIT;
    rule.age = (uint64_t)WINDOW / 2 * (uint64_t)second;
    assert_int_equal(varve_retain(soak->db, &rule, &error), VARVE_OK);
}

/* Half of the series; of the others nothing is rolled up. */
static void set_rollup(struct soak *soak, bool rolls_up)
{
    varve_error error = {0};
    varve_rollup rule = VARVE_ROLLUP_INIT;
    rule.selector = (varve_string)VARVE_STRING("m{i=~\"[01].\"}");
    rule.step = ROW_SECONDS * second;
    assert_int_equal(rolls_up ? varve_roll_up(soak->db, &rule, &error)
                              : varve_rollup_remove(soak->db, &rule, &error),
                     VARVE_OK);
    soak->rolls_up = rolls_up;
}

/* ------------------------------------------------------------------------------ reading */

/* A time from which on nothing can have expired. */
static int64_t random_start(struct soak *soak)
{
    int64_t start = soak->clock - (int64_t)vv_test_random_below(&soak->random, WINDOW / 2 - 1000);
    return start < 1 ? 1 : start;
}

/* All samples of one series in a range that no rule has come to. */
static void ask_range(struct soak *soak)
{
    size_t at = vv_test_random_below(&soak->random, SERIES);
    int64_t start = random_start(soak);
    int64_t end = start + 1 + (int64_t)vv_test_random_below(&soak->random, 3000);
    varve_selection selection = VARVE_SELECTION_INIT;
    varve_cursor *cursor = NULL;
    varve_error error = {0};
    varve_span span;
    int64_t time = start;
    selection.series = &soak->series[at];
    selection.series_count = 1;
    selection.start = start * second;
    selection.end = end * second;
    assert_int_equal(varve_select(soak->db, &selection, &cursor, &error), VARVE_OK);
    while (varve_cursor_next(cursor)) {
        while (varve_cursor_span(cursor, &span)) {
            for (size_t i = 0; i < span.count; i++, time++) {
                while (time < end && time <= soak->clock && !*place_of(soak, at, time)) {
                    time++;
                }
                assert_int_equal(span.timestamps[i], time * second);
                assert_true(span.values[i] == value_of(at, time));
            }
        }
    }
    for (; time < end && time <= soak->clock; time++) {
        assert_false(*place_of(soak, at, time));
    }
    assert_int_equal(varve_cursor_status(cursor, &error), VARVE_OK);
    varve_cursor_close(cursor);
}

/* Counts and sums of all series over the same range, which statistics answer in part. */
static void ask_sums(struct soak *soak)
{
    static const varve_function functions[] = {VARVE_FUNCTION_COUNT, VARVE_FUNCTION_SUM};
    int64_t start = random_start(soak);
    varve_selection selection = VARVE_SELECTION_INIT;
    varve_aggregation aggregation = VARVE_AGGREGATION_INIT;
    varve_rows *rows = NULL;
    varve_row row;
    varve_error error = {0};
    size_t at = 0;
    selection.start = start * second;
    selection.series = soak->series;
    selection.series_count = SERIES;
    aggregation.functions = functions;
    aggregation.function_count = 2;
    assert_int_equal(varve_aggregate(soak->db, &selection, &aggregation, &rows, &error), VARVE_OK);
    for (; varve_rows_next(rows, &row); at++) {
        uint64_t count = 0;
        double sum = 0;
        for (;; at++) { /* series without samples have no row */
            for (int64_t time = start; time <= soak->clock; time++) {
                if (*place_of(soak, at, time)) {
                    count++;
                    sum += value_of(at, time);
                }
            }
            if (count > 0) {
                break;
            }
        }
        assert_int_equal((uint64_t)row.values[0], count);
        assert_true(row.values[1] - sum < 1e-3 && sum - row.values[1] < 1e-3);
    }
    assert_int_equal(varve_rows_status(rows, &error), VARVE_OK);
    varve_rows_close(rows);
}

/* Count, sum, least, greatest and last value in [start, end); false if there is none. */
static bool expected_row(struct soak *soak, size_t at, int64_t start, int64_t end, double row[5])
{
    double count = 0, sum = 0, least = 0, greatest = 0, last = 0;
    for (int64_t time = start; time < end; time++) {
        if (*place_of(soak, at, time)) {
            last = value_of(at, time);
            least = count == 0 || last < least ? last : least;
            greatest = count == 0 || last > greatest ? last : greatest;
            sum += last;
            count++;
        }
    }
    const double all[] = {count, sum, least, greatest, last};
    memcpy(row, all, sizeof(all));
    return count > 0;
}

/* Some functions of all series by steps that are multiples of the rollup's. */
static void ask_steps(struct soak *soak)
{
    static const varve_function functions[] = {VARVE_FUNCTION_COUNT, VARVE_FUNCTION_SUM,
                                               VARVE_FUNCTION_MIN, VARVE_FUNCTION_MAX,
                                               VARVE_FUNCTION_LAST};
    int64_t start = random_start(soak);
    int64_t step = ROW_SECONDS * (1 + (int64_t)vv_test_random_below(&soak->random, 20));
    varve_selection selection = VARVE_SELECTION_INIT;
    varve_aggregation aggregation = VARVE_AGGREGATION_INIT;
    varve_profile profile = VARVE_PROFILE_INIT;
    varve_rows *rows = NULL;
    varve_row row;
    varve_error error = {0};
    selection.start = start * second;
    selection.series = soak->series;
    selection.series_count = SERIES;
    selection.profile = &profile;
    aggregation.functions = functions;
    aggregation.function_count = 5;
    aggregation.step = step * second;
    assert_int_equal(varve_aggregate(soak->db, &selection, &aggregation, &rows, &error), VARVE_OK);
    for (size_t at = 0; at < SERIES; at++) {
        for (int64_t from = start; from <= soak->clock; from += step - from % step) {
            int64_t step_end = from + step - from % step;
            int64_t end = step_end <= soak->clock ? step_end : soak->clock + 1;
            double expected[5];
            if (!expected_row(soak, at, from, end, expected)) {
                continue;
            }
            assert_true(varve_rows_next(rows, &row));
            assert_int_equal(row.time, (step_end - step) * second);
            for (size_t i = 0; i < 5; i++) {
                double difference = row.values[i] - expected[i];
                assert_true(i == 1 ? difference < 1e-3 && difference > -1e-3 : difference == 0);
            }
        }
    }
    assert_false(varve_rows_next(rows, &row));
    assert_int_equal(varve_rows_status(rows, &error), VARVE_OK);
    varve_rows_close(rows);
    soak->rollup_rows += profile.rollup_rows;
}

/* ---------------------------------------------------------------------------- measuring */

static uint64_t count_entries(const char *path)
{
    uint64_t count = 0;
    DIR *directory = opendir(path);
    while (directory != NULL && readdir(directory) != NULL) {
        count++;
    }
    if (directory != NULL) {
        (void)closedir(directory);
    }
    return count;
}

static uint64_t resident_bytes(void)
{
    unsigned long long pages = 0;
    FILE *file = fopen("/proc/self/statm", "r");
    if (file == NULL || fscanf(file, "%*u %llu", &pages) != 1) {
        pages = 0;
    }
    if (file != NULL) {
        (void)fclose(file);
    }
    return pages * 4096;
}

static void measure(const struct soak *soak, struct footprint *footprint)
{
    char shard[600];
    (void)snprintf(shard, sizeof(shard), "%s/shard-0000", soak->path);
    uint64_t resident = resident_bytes();
    uint64_t files = count_entries(shard) + count_entries(soak->path);
    uint64_t descriptors = count_entries("/proc/self/fd");
    footprint->resident_bytes =
        resident > footprint->resident_bytes ? resident : footprint->resident_bytes;
    footprint->files = files > footprint->files ? files : footprint->files;
    footprint->descriptors =
        descriptors > footprint->descriptors ? descriptors : footprint->descriptors;
}

/* Seconds to run. */
static double duration(void)
{
    const char *seconds = getenv("VARVE_TEST_SECONDS");
    const char *is_long = getenv("VARVE_TEST_LONG");
    if (seconds != NULL && seconds[0] != '\0') {
        return strtod(seconds, NULL);
    }
    return is_long != NULL && is_long[0] == '1' ? LONG_SECONDS : SECONDS;
}

static double now(void)
{
    struct timespec time;
    (void)clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

/* ---------------------------------------------------------------------------------- runs */

static void open_soak(struct soak *soak)
{
    varve_options options = VARVE_OPTIONS_INIT;
    varve_error error = {0};
    options.flags = VARVE_OPEN_CREATE;
    options.sync = VARVE_SYNC_PROCESS;
    options.head_bytes_max = 1 << 20;
    options.wal_bytes_max = 4 << 20;
    options.wal_segment_bytes = 1 << 20;
    assert_true(vv_test_temporary_create(soak->folder, sizeof(soak->folder)));
    (void)snprintf(soak->path, sizeof(soak->path), "%s/db", soak->folder);
    assert_int_equal(varve_open(soak->path, &options, &soak->db, &error), VARVE_OK);
    for (size_t i = 0; i < SERIES; i++) {
        soak->series[i] = vv_test_series(soak->db, "m{i=\"%02zu\"}", i);
    }
}

static void one_round(struct soak *soak)
{
    write_batch(soak);
    switch (vv_test_random_below(&soak->random, 400)) {
    case 0:
        retain(soak);
        break;
    case 1:
        ask_sums(soak);
        soak->questions++;
        break;
    case 2:
    case 3:
        delete_some(soak);
        break;
    case 4:
        ask_steps(soak);
        soak->questions++;
        break;
    case 5:
        if (vv_test_random_below(&soak->random, 16) == 0) {
            set_rollup(soak, !soak->rolls_up);
        }
        break;
    default:
        break;
    }
    if (vv_test_random_below(&soak->random, 8) == 0) {
        ask_range(soak);
        soak->questions++;
    }
}

/* By now, or else with everything in blocks: a slow machine may have come to few questions. */
static void expect_rollups_used(struct soak *soak)
{
    if (!soak->rolls_up) {
        set_rollup(soak, true);
    }
    assert_int_equal(varve_compact(soak->db, NULL), VARVE_OK);
    for (int round = 0; round < 20 && soak->rollup_rows == 0; round++) {
        ask_steps(soak);
    }
    assert_true(soak->rollup_rows > 0);
}

static void nothing_grows_and_every_answer_is_right(void **state)
{
    (void)state;
    struct soak *soak = calloc(1, sizeof(*soak));
    struct footprint thirds[3] = {{0}};
    assert_non_null(soak);
    soak->random = vv_test_random_init(1);
    soak->clock = LATE_MAX; /* late samples have times above 0 */
    open_soak(soak);
    set_rollup(soak, true);
    double begin = now(), length = duration(), passed = 0;
    for (uint64_t round = 0; passed < length; round++) {
        one_round(soak);
        if (round % SAMPLE_ROUNDS == 0) {
            passed = now() - begin;
            size_t third = (size_t)(passed * 3 / length);
            measure(soak, &thirds[third > 2 ? 2 : third]);
        }
    }
    print_message("%llu samples, %llu questions, %llu rows of rollups in %.0f s; resident %llu, "
                  "%llu, %llu KiB; files %llu, %llu, %llu; descriptors %llu, %llu, %llu\n",
                  (unsigned long long)soak->samples_written, (unsigned long long)soak->questions,
                  (unsigned long long)soak->rollup_rows, passed,
                  (unsigned long long)thirds[0].resident_bytes / 1024,
                  (unsigned long long)thirds[1].resident_bytes / 1024,
                  (unsigned long long)thirds[2].resident_bytes / 1024,
                  (unsigned long long)thirds[0].files, (unsigned long long)thirds[1].files,
                  (unsigned long long)thirds[2].files, (unsigned long long)thirds[0].descriptors,
                  (unsigned long long)thirds[1].descriptors,
                  (unsigned long long)thirds[2].descriptors);
    assert_true(soak->questions > 0);
    expect_rollups_used(soak);
    assert_true(thirds[2].files <= thirds[1].files + 16);
    assert_true(thirds[2].descriptors <= thirds[1].descriptors + 4);
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
    /* Sanitizers keep what is freed. */
    assert_true(thirds[2].resident_bytes <= thirds[1].resident_bytes * 5 / 4 + (16 << 20));
#endif
    assert_int_equal(varve_close(soak->db, NULL), VARVE_OK);
    assert_true(vv_test_temporary_remove(soak->folder));
    free(soak);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_grows_and_every_answer_is_right),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
