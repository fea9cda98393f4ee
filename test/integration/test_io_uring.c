/*
 * test_io_uring.c - a database whose blocks are written through io_uring is like any other one.
 *
 * Where the kernel refuses io_uring the same calls are made by plain ones, and the test holds too.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdio.h>

#include "support/series.h"
#include "support/temporary.h"
#include "varve/varve.h"

enum { SERIES = 50, SAMPLES = 4000, BATCH = 1000 };

static double value_of(size_t series, int64_t timestamp)
{
    return (double)((series * 7919 + (size_t)timestamp * 104729) % 1000003) / 7;
}

static void append_all(varve_db *db)
{
    static int64_t timestamps[BATCH];
    static double values[BATCH];
    for (size_t number = 0; number < SERIES; number++) {
        varve_series series = vv_test_series(db, "m{a=\"%zu\"}", number);
        for (int64_t first = 0; first < SAMPLES; first += BATCH) {
            for (int64_t i = 0; i < BATCH; i++) {
                timestamps[i] = first + i;
                values[i] = value_of(number, first + i);
            }
            assert_int_equal(varve_append(db, series, timestamps, values, BATCH, NULL), VARVE_OK);
        }
    }
}

static uint64_t count_right_samples(varve_db *db)
{
    varve_selection everything = VARVE_SELECTION_INIT;
    varve_cursor *cursor = NULL;
    varve_span span;
    uint64_t right = 0;
    assert_int_equal(varve_select(db, &everything, &cursor, NULL), VARVE_OK);
    while (varve_cursor_next(cursor)) {
        const varve_label *labels; /* "__name__" and "a" */
        size_t label_count;
        varve_cursor_labels(cursor, &labels, &label_count);
        assert_int_equal(label_count, 2);
        size_t number = 0;
        for (size_t i = 0; i < labels[1].value.length; i++) {
            number = number * 10 + (size_t)(labels[1].value.bytes[i] - '0');
        }
        while (varve_cursor_span(cursor, &span)) {
            for (size_t i = 0; i < span.count; i++) {
                right += span.values[i] == value_of(number, span.timestamps[i]);
            }
        }
    }
    assert_int_equal(varve_cursor_status(cursor, NULL), VARVE_OK);
    varve_cursor_close(cursor);
    return right;
}

static void blocks_written_through_io_uring_are_read_by_everybody(void **state)
{
    (void)state;
    char folder[200], path[256];
    varve_db *db = NULL;
    varve_options options = VARVE_OPTIONS_INIT;
    varve_check_report report;
    assert_true(vv_test_temporary_create(folder, sizeof(folder)));
    (void)snprintf(path, sizeof(path), "%s/db", folder);
    options.flags = VARVE_OPEN_CREATE | VARVE_OPEN_IO_URING;
    assert_int_equal(varve_open(path, &options, &db, NULL), VARVE_OK);
    append_all(db);
    assert_int_equal(varve_compact(db, NULL), VARVE_OK);
    assert_int_equal(count_right_samples(db), SERIES * SAMPLES);
    assert_int_equal(varve_close(db, NULL), VARVE_OK);
    assert_int_equal(varve_check(path, NULL, NULL, &report, NULL), VARVE_OK);
    options.flags = VARVE_OPEN_READ_ONLY;
    assert_int_equal(varve_open(path, &options, &db, NULL), VARVE_OK);
    assert_int_equal(count_right_samples(db), SERIES * SAMPLES);
    assert_int_equal(varve_close(db, NULL), VARVE_OK);
    assert_true(vv_test_temporary_remove(folder));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(blocks_written_through_io_uring_are_read_by_everybody),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
