/*
 * test_edges.c - what varve.h says of the edges of its calls: a cursor before its first series and
 * after its last one, what becomes of the caller's varve_error, structs of another size.
 */
#include "varve/varve.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "support/series.h"
#include "support/temporary.h"

struct fixture {
    char folder[512];
    char path[520];
    varve_db *db;
};

static int set_up(void **state)
{
    struct fixture *fixture = calloc(1, sizeof(*fixture));
    varve_options options = VARVE_OPTIONS_INIT;
    const int64_t timestamps[2] = {1, 2};
    const double values[2] = {10, 20};
    assert_non_null(fixture);
    assert_true(vv_test_temporary_create(fixture->folder, sizeof(fixture->folder)));
    (void)snprintf(fixture->path, sizeof(fixture->path), "%s/db", fixture->folder);
    options.flags = VARVE_OPEN_CREATE;
    options.background_threads = 0;
    assert_int_equal(varve_open(fixture->path, &options, &fixture->db, NULL), VARVE_OK);
    varve_series series = vv_test_series(fixture->db, "m{a=\"b\"}");
    assert_int_equal(varve_append(fixture->db, series, timestamps, values, 2, NULL), VARVE_OK);
    *state = fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;
    varve_status status = varve_close(fixture->db, NULL);
    bool removed = vv_test_temporary_remove(fixture->folder);
    free(fixture);
    return status == VARVE_OK && removed ? 0 : -1;
}

static size_t label_count(varve_cursor *cursor)
{
    const varve_label *labels;
    size_t count = SIZE_MAX;
    varve_cursor_labels(cursor, &labels, &count);
    return count;
}

static void a_cursor_has_nothing_before_its_first_series_and_after_its_last(void **state)
{
    struct fixture *fixture = *state;
    varve_selection everything = VARVE_SELECTION_INIT;
    varve_cursor *cursor;
    varve_span span;
    int64_t timestamp;
    double value;
    assert_int_equal(varve_select(fixture->db, &everything, &cursor, NULL), VARVE_OK);
    assert_int_equal(label_count(cursor), 0);
    assert_false(varve_cursor_span(cursor, &span));
    assert_true(varve_cursor_next(cursor));
    assert_int_equal(label_count(cursor), 2);
    assert_true(varve_cursor_span(cursor, &span));
    assert_int_equal(span.count, 2);
    assert_false(varve_cursor_span(cursor, &span));
    assert_int_equal(label_count(cursor), 2);
    for (int i = 0; i < 2; i++) {
        assert_false(varve_cursor_next(cursor));
        assert_int_equal(label_count(cursor), 0);
        assert_false(varve_cursor_span(cursor, &span));
        assert_false(varve_cursor_latest(cursor, &timestamp, &value));
    }
    assert_int_equal(varve_cursor_status(cursor, NULL), VARVE_OK);
    varve_cursor_close(cursor);
}

/* "After a successful call its status is VARVE_OK", although it need not be initialised. */
static void a_status_that_is_ok_says_so_in_the_error_too(void **state)
{
    struct fixture *fixture = *state;
    const varve_function count = VARVE_FUNCTION_COUNT;
    varve_selection everything = VARVE_SELECTION_INIT;
    varve_aggregation aggregation = VARVE_AGGREGATION_INIT;
    varve_cursor *cursor;
    varve_rows *rows;
    varve_row row;
    varve_error error;
    aggregation.functions = &count;
    aggregation.function_count = 1;
    memset(&error, 0xee, sizeof(error));
    assert_int_equal(varve_select(fixture->db, &everything, &cursor, &error), VARVE_OK);
    assert_int_equal(error.status, VARVE_OK);
    memset(&error, 0xee, sizeof(error));
    assert_int_equal(varve_cursor_status(cursor, &error), VARVE_OK);
    assert_int_equal(error.status, VARVE_OK);
    varve_cursor_close(cursor);
    assert_int_equal(varve_aggregate(fixture->db, &everything, &aggregation, &rows, &error),
                     VARVE_OK);
    assert_true(varve_rows_next(rows, &row));
    assert_false(varve_rows_next(rows, &row));
    memset(&error, 0xee, sizeof(error));
    assert_int_equal(varve_rows_status(rows, &error), VARVE_OK);
    assert_int_equal(error.status, VARVE_OK);
    varve_rows_close(rows);
}

/* A program that was compiled when the struct was shorter has no more memory for it than that. */
static void statistics_end_where_the_struct_of_the_caller_ends(void **state)
{
    struct fixture *fixture = *state;
    varve_statistics statistics, untouched;
    const size_t size = offsetof(varve_statistics, blocks);
    memset(&statistics, 0x5a, sizeof(statistics));
    memset(&untouched, 0x5a, sizeof(untouched));
    statistics.options_size = size;
    varve_stats(fixture->db, &statistics);
    assert_int_equal(statistics.options_size, size);
    assert_int_equal(statistics.series, 1);
    assert_int_equal(statistics.samples, 2);
    assert_memory_equal((const char *)&statistics + size, (const char *)&untouched + size,
                        sizeof(statistics) - size);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_cursor_has_nothing_before_its_first_series_and_after_its_last),
        TEST(a_status_that_is_ok_says_so_in_the_error_too),
        TEST(statistics_end_where_the_struct_of_the_caller_ends),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
