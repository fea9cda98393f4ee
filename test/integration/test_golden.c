/*
 * test_golden.c - databases that earlier versions have written are opened and answer, whoever opens
 * them: a reader, which changes nothing, and a writer, which goes on with them.
 *
 *   golden/database_v1   blocks of both tiers, deletions, a rule of retention, duplicates, a log
 *   golden/database_v3   the same with blocks of version 3
 *
 * They never change: a new version of a format gets a database of its own beside them, which
 * VARVE_TEST_WRITE_GOLDEN=<folder> writes there.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/checksum.h"
#include "engine/database.h"
#include "support/series.h"
#include "support/source_tree.h"
#include "support/temporary.h"

enum { SERIES = 5, POINTS = 700, PATH_BYTES = 700 };

/* The last one is of the present version. */
static const char *const goldens[] = {"database_v1", "database_v3"};
enum { GOLDEN_COUNT = sizeof(goldens) / sizeof(goldens[0]) };

static const int64_t start = INT64_C(1700000000000000000);
static const int64_t step = INT64_C(60000000000);

/* --------------------------------------------------------------------------- what it holds */

/* The value of a point that is there: integers, decimals, noise, a constant, oddities. */
static double value_of(int series, int point)
{
    uint64_t bits = UINT64_C(0x3ff0000000000000) +
                    (uint64_t)point * UINT64_C(0x9e3779b97f4a7) % (UINT64_C(1) << 52);
    double noise, oddity;
    uint64_t oddities[] = {UINT64_C(0x7ff8000000000001), UINT64_C(0x8000000000000000),
                           UINT64_C(0x7ff0000000000000), UINT64_C(0x0000000000000001)};
    memcpy(&noise, &bits, sizeof(noise));
    memcpy(&oddity, &oddities[point % 4], sizeof(oddity));
    switch (series) {
    case 0:
        return (double)(point * 37 % 101);
    case 1:
        return (double)(point * 7919 % 10007) / 100;
    case 2:
        return noise;
    case 3:
        return 42.5;
    default:
        return point % 10 == 0 ? oddity : (double)point;
    }
}

static int64_t time_of(int point)
{
    return start + point * step + (point % 7 == 0 ? 1 : 0);
}

/* Points 0 to 99 have expired, 300 to 349 of series 1 were deleted, and 400 of series 0 was written
 * twice. */
static bool is_there(int series, int point)
{
    return point >= 100 && (series != 1 || point < 300 || point >= 350);
}

static void append(varve_db *db, int first, int end)
{
    for (int series = 0; series < SERIES; series++) {
        varve_series handle =
            vv_test_series(db, "metric_%d{host=\"h%d\",zone=\"\xc3\xa4\"}", series % 2, series);
        for (int point = first; point < end; point++) {
            int64_t timestamp = time_of(point);
            double value = value_of(series, point);
            if (series == 0 && point == 400) {
                const double before = -1;
                assert_int_equal(varve_append(db, handle, &timestamp, &before, 1, NULL), VARVE_OK);
            }
            assert_int_equal(varve_append(db, handle, &timestamp, &value, 1, NULL), VARVE_OK);
        }
    }
}

static void delete_points(varve_db *db)
{
    varve_matcher matcher = {VARVE_MATCH_EQUAL, VARVE_STRING("host"), VARVE_STRING("h1")};
    varve_selection selection = VARVE_SELECTION_INIT;
    selection.matchers = &matcher;
    selection.matcher_count = 1;
    selection.start = time_of(300);
    selection.end = time_of(350);
    assert_int_equal(varve_delete(db, &selection, NULL, NULL), VARVE_OK);
}

static void settle(varve_db *db)
{
    bool worked = true;
    while (worked) {
        assert_int_equal(varve_maintain(db, &worked, NULL), VARVE_OK);
    }
}

/* A cold block, a hot one, deletions in a block and in the log, and samples in the log. */
static void write_database(const char *path)
{
    varve_options options = VARVE_OPTIONS_INIT;
    options.flags = VARVE_OPEN_CREATE | VARVE_OPEN_EXCLUSIVE;
    options.background_threads = 0;
    varve_db *db = NULL;
    assert_int_equal(varve_open(path, &options, &db, NULL), VARVE_OK);
    append(db, 0, 400);
    assert_int_equal(varve_compact(db, NULL), VARVE_OK);
    append(db, 400, 600);
    delete_points(db);
    assert_int_equal(varve_close(db, NULL), VARVE_OK);
    options.flags = 0;
    options.head_bytes_max = 1;
    assert_int_equal(varve_open(path, &options, &db, NULL), VARVE_OK);
    settle(db);
    assert_int_equal(varve_close(db, NULL), VARVE_OK);
    options.head_bytes_max = 0;
    assert_int_equal(varve_open(path, &options, &db, NULL), VARVE_OK);
    append(db, 600, POINTS);
    varve_retention rule = VARVE_RETENTION_INIT;
    rule.age = (uint64_t)(time_of(POINTS - 1) - time_of(100));
    assert_int_equal(varve_retain(db, &rule, NULL), VARVE_OK);
    delete_points(db);
    assert_int_equal(varve_close(db, NULL), VARVE_OK);
}

/* ------------------------------------------------------------------------------ reading */

static void expect_series(varve_cursor *cursor)
{
    const varve_label *labels;
    size_t count;
    varve_span span;
    int point = 0;
    varve_cursor_labels(cursor, &labels, &count);
    assert_int_equal(count, 3);
    int series = labels[1].value.bytes[1] - '0';
    assert_in_range(series, 0, SERIES - 1);
    assert_memory_equal(labels[2].value.bytes, "\xc3\xa4", 2);
    while (varve_cursor_span(cursor, &span)) {
        for (size_t i = 0; i < span.count; i++, point++) {
            while (point < POINTS && !is_there(series, point)) {
                point++;
            }
            double value = value_of(series, point);
            assert_int_equal(span.timestamps[i], time_of(point));
            assert_memory_equal(&span.values[i], &value, sizeof(value));
        }
    }
    assert_int_equal(point, POINTS);
}

static void expect_all(varve_db *db)
{
    varve_selection everything = VARVE_SELECTION_INIT;
    varve_cursor *cursor = NULL;
    int count = 0;
    assert_int_equal(varve_select(db, &everything, &cursor, NULL), VARVE_OK);
    for (; varve_cursor_next(cursor); count++) {
        expect_series(cursor);
    }
    assert_int_equal(varve_cursor_status(cursor, NULL), VARVE_OK);
    varve_cursor_close(cursor);
    assert_int_equal(count, SERIES);
}

/* Counts of an hour, from statistics and from samples. */
static void expect_counts(varve_db *db)
{
    static const varve_function functions[] = {VARVE_FUNCTION_COUNT, VARVE_FUNCTION_MAX};
    varve_matcher matcher = {VARVE_MATCH_REGEX, VARVE_STRING("host"), VARVE_STRING("h[13]")};
    varve_selection selection = VARVE_SELECTION_INIT;
    varve_aggregation aggregation = VARVE_AGGREGATION_INIT;
    varve_rows *rows = NULL;
    varve_row row;
    double total = 0;
    selection.matchers = &matcher;
    selection.matcher_count = 1;
    aggregation.functions = functions;
    aggregation.function_count = 2;
    aggregation.step = 3600 * INT64_C(1000000000);
    assert_int_equal(varve_aggregate(db, &selection, &aggregation, &rows, NULL), VARVE_OK);
    while (varve_rows_next(rows, &row)) {
        total += row.values[0];
    }
    assert_int_equal(varve_rows_status(rows, NULL), VARVE_OK);
    varve_rows_close(rows);
    assert_true(total == 2 * (POINTS - 100) - 50);
}

/* -------------------------------------------------------------------------------- files */

static void golden_path(size_t which, char path[PATH_BYTES])
{
    char place[80];
    (void)snprintf(place, sizeof(place), "test/integration/golden/%s", goldens[which]);
    vv_test_source_path(__FILE__, place, path, PATH_BYTES);
}

/* Visits the files of a database: its own and those of its shard. */
static void each_file(const char *path,
                      void (*visit)(void *context, const char *folder, const char *name),
                      void *context)
{
    static const char *const folders[] = {"", "/shard-0000"};
    for (size_t i = 0; i < 2; i++) {
        char folder[PATH_BYTES + 16];
        (void)snprintf(folder, sizeof(folder), "%s%s", path, folders[i]);
        DIR *directory = opendir(folder);
        const struct dirent *entry;
        assert_non_null(directory);
        while ((entry = readdir(directory)) != NULL) {
            if (entry->d_name[0] != '.' && strncmp(entry->d_name, "shard-", 6) != 0) {
                visit(context, folder, entry->d_name);
            }
        }
        (void)closedir(directory);
    }
}

static size_t read_file(const char *folder, const char *name, uint8_t *bytes, size_t capacity)
{
    char path[2 * PATH_BYTES];
    (void)snprintf(path, sizeof(path), "%s/%s", folder, name);
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    size_t length = fread(bytes, 1, capacity, file);
    assert_true(length < capacity);
    (void)fclose(file);
    return length;
}

static uint8_t file_bytes[1 << 20];

/* Adds up, since directories have no order. */
static void add_hash(void *context, const char *folder, const char *name)
{
    size_t length = read_file(folder, name, file_bytes, sizeof(file_bytes));
    uint64_t hash = vv_checksum(name, strlen(name), length);
    *(uint64_t *)context += vv_checksum(file_bytes, length, hash);
}

static void copy_file(void *context, const char *folder, const char *name)
{
    char path[2 * PATH_BYTES];
    bool in_shard = strstr(folder, "/shard-0000") != NULL;
    size_t length = read_file(folder, name, file_bytes, sizeof(file_bytes));
    (void)snprintf(path, sizeof(path), "%s%s/%s", (const char *)context,
                   in_shard ? "/shard-0000" : "", name);
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(file_bytes, 1, length, file), length);
    (void)fclose(file);
}

static void copy_golden(size_t which, const char *to)
{
    char path[PATH_BYTES], shard[PATH_BYTES + 16];
    golden_path(which, path);
    (void)snprintf(shard, sizeof(shard), "%s/shard-0000", to);
    assert_int_equal(mkdir(to, 0755), 0);
    assert_int_equal(mkdir(shard, 0755), 0);
    each_file(path, copy_file, (void *)(uintptr_t)to);
}

/* -------------------------------------------------------------------------------- tests */

static void read_golden(size_t which)
{
    char path[PATH_BYTES];
    uint64_t before = 0, after = 0;
    varve_error error = {0};
    varve_db *db = NULL;
    varve_options options = VARVE_OPTIONS_INIT;
    varve_check_report report;
    golden_path(which, path);
    each_file(path, add_hash, &before);
    options.flags = VARVE_OPEN_READ_ONLY | VARVE_OPEN_STRICT;
    if (varve_open(path, &options, &db, &error) != VARVE_OK) {
        fail_msg("%s", error.message);
    }
    expect_all(db);
    expect_counts(db);
    varve_statistics statistics = VARVE_STATISTICS_INIT;
    varve_stats(db, &statistics);
    assert_true(statistics.blocks >= 2);
    assert_true(statistics.head_samples > 0);
    assert_int_equal(varve_close(db, NULL), VARVE_OK);
    assert_int_equal(varve_check(path, NULL, NULL, &report, NULL), VARVE_OK);
    assert_int_equal(report.notes, 0);
    each_file(path, add_hash, &after);
    assert_true(before == after);
}

static void a_reader_answers_and_changes_nothing(void **state)
{
    (void)state;
    const char *to = getenv("VARVE_TEST_WRITE_GOLDEN");
    if (to != NULL) {
        char path[PATH_BYTES];
        (void)snprintf(path, sizeof(path), "%s/%s", to, goldens[GOLDEN_COUNT - 1]);
        write_database(path);
    }
    for (size_t which = 0; which < GOLDEN_COUNT; which++) {
        read_golden(which);
    }
}

static void write_on(size_t which)
{
    char folder[256], path[PATH_BYTES];
    varve_db *db = NULL;
    varve_options options = VARVE_OPTIONS_INIT;
    varve_series series;
    int64_t timestamp = time_of(POINTS);
    double value = 7, found = 0;
    assert_true(vv_test_temporary_create(folder, sizeof(folder)));
    (void)snprintf(path, sizeof(path), "%s/db", folder);
    copy_golden(which, path);
    options.flags = VARVE_OPEN_STRICT;
    options.background_threads = 0;
    assert_int_equal(varve_open(path, &options, &db, NULL), VARVE_OK);
    expect_all(db);
    assert_int_equal(varve_series_parse(db, VARVE_STRING("new"), &series, NULL), VARVE_OK);
    assert_int_equal(varve_append(db, series, &timestamp, &value, 1, NULL), VARVE_OK);
    assert_int_equal(varve_delete_range(db, series, INT64_MIN, timestamp, NULL), VARVE_OK);
    for (int round = 0; round < 2; round++) {
        assert_int_equal(varve_latest(db, series, &timestamp, &found), VARVE_OK);
        assert_true(found == 7);
        expect_counts(db);
        assert_int_equal(varve_compact(db, NULL), VARVE_OK);
        assert_int_equal(varve_close(db, NULL), VARVE_OK);
        assert_int_equal(varve_open(path, &options, &db, NULL), VARVE_OK);
        assert_int_equal(varve_series_parse(db, VARVE_STRING("new"), &series, NULL), VARVE_OK);
    }
    assert_int_equal(varve_delete_range(db, series, INT64_MIN, INT64_MAX, NULL), VARVE_OK);
    expect_all(db);
    assert_int_equal(varve_close(db, NULL), VARVE_OK);
    assert_true(vv_test_temporary_remove(folder));
}

static void a_writer_goes_on_with_it(void **state)
{
    (void)state;
    for (size_t which = 0; which < GOLDEN_COUNT; which++) {
        write_on(which);
    }
}

/* Nothing but the manifest says what a header of zeros was. */
static void zero_block_header(void *context, const char *folder, const char *name)
{
    static const uint8_t zeros[64];
    char path[2 * PATH_BYTES];
    (void)context;
    if (strncmp(name, "block-", 6) == 0) {
        (void)snprintf(path, sizeof(path), "%s/%s", folder, name);
        FILE *file = fopen(path, "r+b");
        assert_non_null(file);
        assert_int_equal(fwrite(zeros, 1, sizeof(zeros), file), sizeof(zeros));
        (void)fclose(file);
    }
}

static void salvage_golden(size_t which)
{
    char folder[256], from[PATH_BYTES], to[PATH_BYTES];
    varve_salvage_report report;
    varve_db *db = NULL;
    varve_options options = VARVE_OPTIONS_INIT;
    assert_true(vv_test_temporary_create(folder, sizeof(folder)));
    (void)snprintf(from, sizeof(from), "%s/db", folder);
    copy_golden(which, from);
    for (int round = 0; round < 2; round++) {
        (void)snprintf(to, sizeof(to), "%s/saved-%d", folder, round);
        assert_int_equal(varve_salvage(from, to, NULL, NULL, &report, NULL), VARVE_OK);
        assert_int_equal(report.samples_lost, 0);
        options.flags = VARVE_OPEN_STRICT;
        assert_int_equal(varve_open(to, &options, &db, NULL), VARVE_OK);
        expect_all(db);
        assert_int_equal(varve_close(db, NULL), VARVE_OK);
        each_file(from, zero_block_header, NULL);
    }
    assert_true(vv_test_temporary_remove(folder));
}

static void salvage_keeps_the_version_of_blocks(void **state)
{
    (void)state;
    for (size_t which = 0; which < GOLDEN_COUNT; which++) {
        salvage_golden(which);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_reader_answers_and_changes_nothing),
        cmocka_unit_test(a_writer_goes_on_with_it),
        cmocka_unit_test(salvage_keeps_the_version_of_blocks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
