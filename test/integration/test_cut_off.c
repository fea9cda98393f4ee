/*
 * test_cut_off.c - a block that is cut off under its readers: with the guard of mappings they get
 * IO and the name of the block, and never a wrong answer; without it, whatever is not in memory is
 * asked for before it is touched.
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
#include <unistd.h>

#include "support/series.h"
#include "support/temporary.h"
#include "varve/varve.h"

enum { SERIES = 400, POINTS = 300 };

struct fixture {
    char folder[256];
    char path[300];
    char block[700]; /* path of the only one */
    varve_db *db;
};

static double value_of(int series, int point)
{
    return (double)(series * 7919 + point * 104729 % 1000) / 7;
}

static void append_all(varve_db *db)
{
    for (int series = 0; series < SERIES; series++) {
        int64_t timestamps[POINTS];
        double values[POINTS];
        varve_series handle = vv_test_series(db, "m{i=\"%03d\"}", series);
        for (int point = 0; point < POINTS; point++) {
            timestamps[point] = (int64_t)point * 1000 + point % 3;
            values[point] = value_of(series, point);
        }
        assert_int_equal(varve_append(db, handle, timestamps, values, POINTS, NULL), VARVE_OK);
    }
}

static void find_block(struct fixture *fixture)
{
    char shard[400];
    (void)snprintf(shard, sizeof(shard), "%s/shard-0000", fixture->path);
    DIR *directory = opendir(shard);
    assert_non_null(directory);
    const struct dirent *entry;
    while ((entry = readdir(directory)) != NULL) {
        if (strncmp(entry->d_name, "block-", 6) == 0) {
            (void)snprintf(fixture->block, sizeof(fixture->block), "%s/%s", shard, entry->d_name);
        }
    }
    (void)closedir(directory);
}

static int set_up(void **state)
{
    struct fixture *fixture = calloc(1, sizeof(*fixture));
    assert_true(vv_test_temporary_create(fixture->folder, sizeof(fixture->folder)));
    (void)snprintf(fixture->path, sizeof(fixture->path), "%s/db", fixture->folder);
    varve_options options = VARVE_OPTIONS_INIT;
    options.flags = VARVE_OPEN_CREATE;
    options.background_threads = 0;
    assert_int_equal(varve_open(fixture->path, &options, &fixture->db, NULL), VARVE_OK);
    append_all(fixture->db);
    assert_int_equal(varve_close(fixture->db, NULL), VARVE_OK);
    options.head_bytes_max = 1; /* one flush, which is due */
    assert_int_equal(varve_open(fixture->path, &options, &fixture->db, NULL), VARVE_OK);
    bool worked = true;
    while (worked) { /* a hot block: its columns are read where they are mapped */
        assert_int_equal(varve_maintain(fixture->db, &worked, NULL), VARVE_OK);
    }
    find_block(fixture);
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

/* Reads everything; what is handed out must be right. */
static varve_status read_all(varve_db *db, uint64_t *samples, varve_error *error)
{
    varve_selection everything = VARVE_SELECTION_INIT;
    varve_cursor *cursor = NULL;
    *samples = 0;
    varve_status status = varve_select(db, &everything, &cursor, error);
    if (status != VARVE_OK) {
        return status;
    }
    while (varve_cursor_next(cursor)) {
        const varve_label *labels;
        size_t count;
        varve_span span;
        varve_cursor_labels(cursor, &labels, &count);
        int series = 0;
        assert_int_equal(count, 2);
        for (size_t i = 0; i < labels[1].value.length; i++) {
            series = series * 10 + (labels[1].value.bytes[i] - '0');
        }
        int point = 0;
        while (varve_cursor_span(cursor, &span)) {
            for (size_t i = 0; i < span.count; i++, point++, (*samples)++) {
                assert_int_equal(span.timestamps[i], (int64_t)point * 1000 + point % 3);
                assert_true(span.values[i] == value_of(series, point));
            }
        }
    }
    status = varve_cursor_status(cursor, error);
    varve_cursor_close(cursor);
    return status;
}

static varve_status sum_all(varve_db *db, double *sum)
{
    static const varve_function functions[] = {VARVE_FUNCTION_SUM};
    varve_selection everything = VARVE_SELECTION_INIT;
    varve_aggregation aggregation = VARVE_AGGREGATION_INIT;
    aggregation.functions = functions;
    aggregation.function_count = 1;
    varve_rows *rows = NULL;
    varve_row row;
    *sum = 0;
    varve_status status = varve_aggregate(db, &everything, &aggregation, &rows, NULL);
    if (status != VARVE_OK) {
        return status;
    }
    while (varve_rows_next(rows, &row)) {
        *sum += row.values[0];
    }
    status = varve_rows_status(rows, NULL);
    varve_rows_close(rows);
    return status;
}

static void expect_named(const struct fixture *fixture, const varve_error *error)
{
    const char *name = strrchr(fixture->block, '/') + 1;
    if (strstr(error->message, name) == NULL) {
        fail_msg("%s is not named: %s", name, error->message);
    }
}

/* Everything has been read, so that every page counts as verified and resident; then the file is
 * cut off. */
static void cut_after_reading(struct fixture *fixture, off_t bytes)
{
    uint64_t samples;
    double sum;
    varve_error error = {0};
    assert_int_equal(read_all(fixture->db, &samples, NULL), VARVE_OK);
    assert_int_equal(samples, SERIES * POINTS);
    assert_int_equal(sum_all(fixture->db, &sum), VARVE_OK);
    assert_int_equal(truncate(fixture->block, bytes), 0);
    assert_int_equal(read_all(fixture->db, &samples, &error), VARVE_IO);
    expect_named(fixture, &error);
    assert_int_equal(sum_all(fixture->db, &sum), VARVE_IO);
}

/* A reader that has only opened the block: what it touches next is asked for first. */
static void cut_before_reading(const struct fixture *fixture, off_t bytes)
{
    uint64_t samples;
    varve_db *reader = NULL;
    varve_options options = VARVE_OPTIONS_INIT;
    options.flags = VARVE_OPEN_READ_ONLY;
    assert_int_equal(varve_open(fixture->path, &options, &reader, NULL), VARVE_OK);
    assert_int_equal(truncate(fixture->block, bytes), 0);
    varve_status found = read_all(reader, &samples, NULL);
    assert_true(found == VARVE_IO || found == VARVE_CORRUPT);
    assert_int_equal(varve_close(reader, NULL), VARVE_OK);
}

/* Nothing is built on zeros either; what is new is safe, and the next opening serves it. */
static void go_on(struct fixture *fixture)
{
    varve_series series;
    int64_t timestamp = 1;
    double value = 1;
    const varve_string name = VARVE_STRING("new");
    assert_int_equal(varve_series_parse(fixture->db, name, &series, NULL), VARVE_OK);
    assert_int_equal(varve_append(fixture->db, series, &timestamp, &value, 1, NULL), VARVE_OK);
    assert_int_not_equal(varve_compact(fixture->db, NULL), VARVE_OK);
    assert_int_equal(varve_close(fixture->db, NULL), VARVE_OK);
    assert_int_equal(varve_open(fixture->path, NULL, &fixture->db, NULL), VARVE_OK);
    assert_int_equal(varve_series_parse(fixture->db, name, &series, NULL), VARVE_OK);
    assert_int_equal(varve_latest(fixture->db, series, &timestamp, &value), VARVE_OK);
}

static void a_reader_of_a_block_that_is_cut_off_gets_an_error(void **state)
{
    (void)state;
    assert_int_equal(varve_sigbus_guard(NULL), VARVE_OK);
    for (int cut = 0; cut < 8; cut++) {
        void *made = NULL;
        (void)set_up(&made);
        struct fixture *fixture = made;
        struct stat status;
        assert_int_equal(stat(fixture->block, &status), 0);
        off_t bytes = status.st_size * (cut / 2) / 4;
        if (cut % 2 == 0) {
            cut_after_reading(fixture, bytes);
        } else {
            cut_before_reading(fixture, bytes);
        }
        go_on(fixture);
        (void)tear_down(&made);
    }
}

int main(void)
{
    /* One test: the framework puts handlers of its own in place for each. */
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_reader_of_a_block_that_is_cut_off_gets_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
