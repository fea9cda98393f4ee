/*
 * test_select_order.c - selected series come in key order, each once and whole, whatever of them is
 * in which block and in the head.
 *
 * Random series get samples, the head is flushed or everything compacted now and then, and the
 * database opened again: so there are none, one or several blocks, series that only the head or
 * only a block has, and places that are remembered, outdated or unknown. Each question is asked
 * twice: the second time places are known.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "engine/database.h"
#include "storage/shard.h"
#include "support/random.h"
#include "support/temporary.h"
#include "varve/varve.h"

enum { SERIES = 120, ROUNDS = 600, TOUCHED_MAX = 12 };

struct fixture {
    char directory[256];
    char path[300];
    varve_db *db;
    varve_series handles[SERIES]; /* 0: not resolved since the database was opened */
    size_t counts[SERIES];        /* of samples */
    int64_t clock;
    struct vv_test_random random;
};

static void name_of(unsigned number, char name[8])
{
    (void)snprintf(name, 8, "%03u", number);
}

static void open_database(struct fixture *fixture)
{
    varve_options options = VARVE_OPTIONS_INIT;
    varve_error error;
    options.flags = VARVE_OPEN_CREATE;
    options.sync = VARVE_SYNC_NONE;
    if (varve_open(fixture->path, &options, &fixture->db, &error) != VARVE_OK) {
        fail_msg("%s", error.message);
    }
    memset(fixture->handles, 0, sizeof(fixture->handles));
}

static void append_some(struct fixture *fixture)
{
    size_t touched = vv_test_random_below(&fixture->random, TOUCHED_MAX);
    for (size_t i = 0; i < touched; i++) {
        unsigned number = (unsigned)vv_test_random_below(&fixture->random, SERIES);
        int64_t time = fixture->clock++;
        double value = number;
        if (fixture->handles[number] == 0) {
            char name[8];
            name_of(number, name);
            varve_label label = {VARVE_STRING("n"), {name, strlen(name)}};
            assert_int_equal(
                varve_series_resolve(fixture->db, &label, 1, &fixture->handles[number], NULL),
                VARVE_OK);
        }
        assert_int_equal(
            varve_append(fixture->db, fixture->handles[number], &time, &value, 1, NULL), VARVE_OK);
        fixture->counts[number]++;
    }
}

static void flush_head(struct fixture *fixture)
{
    struct vv_shard *shard = fixture->db->shard;
    vv_mutex_lock(&shard->maintenance_mutex);
    assert_int_equal(vv_shard_flush_head(shard, NULL), VARVE_OK);
    vv_mutex_unlock(&shard->maintenance_mutex);
}

/* What the series at the cursor has: all samples of it. */
static void expect_series(const struct fixture *fixture, varve_cursor *cursor, unsigned number)
{
    char name[8];
    const varve_label *labels;
    size_t label_count, count = 0;
    varve_span span;
    name_of(number, name);
    varve_cursor_labels(cursor, &labels, &label_count);
    assert_int_equal(label_count, 1);
    assert_int_equal(labels[0].value.length, strlen(name));
    assert_memory_equal(labels[0].value.bytes, name, strlen(name));
    while (varve_cursor_span(cursor, &span)) {
        for (size_t i = 0; i < span.count; i++) {
            assert_true(span.values[i] == number);
        }
        count += span.count;
    }
    assert_int_equal(count, fixture->counts[number]);
}

/* Asks for the series whose number ends with a digit; 10: for all. */
static void ask(const struct fixture *fixture, unsigned digit)
{
    char pattern[8];
    (void)snprintf(pattern, sizeof(pattern), "..%u", digit);
    varve_matcher matcher = {VARVE_MATCH_REGEX, VARVE_STRING("n"), {pattern, strlen(pattern)}};
    varve_selection selection = VARVE_SELECTION_INIT;
    varve_cursor *cursor = NULL;
    if (digit < 10) {
        selection.matchers = &matcher;
        selection.matcher_count = 1;
    }
    assert_int_equal(varve_select(fixture->db, &selection, &cursor, NULL), VARVE_OK);
    for (unsigned number = 0; number < SERIES; number++) {
        if (fixture->counts[number] > 0 && (digit == 10 || number % 10 == digit)) {
            assert_true(varve_cursor_next(cursor));
            expect_series(fixture, cursor, number);
        }
    }
    assert_false(varve_cursor_next(cursor));
    assert_int_equal(varve_cursor_status(cursor, NULL), VARVE_OK);
    varve_cursor_close(cursor);
}

static void selected_series_come_in_key_order(void **state)
{
    (void)state;
    static struct fixture fixture;
    fixture.random = vv_test_random_init(1);
    assert_true(vv_test_temporary_create(fixture.directory, sizeof(fixture.directory)));
    (void)snprintf(fixture.path, sizeof(fixture.path), "%s/db", fixture.directory);
    open_database(&fixture);
    for (int round = 0; round < ROUNDS; round++) {
        uint64_t choice = vv_test_random_below(&fixture.random, 100);
        append_some(&fixture);
        if (choice < 8) {
            flush_head(&fixture);
        } else if (choice < 12) {
            assert_int_equal(varve_compact(fixture.db, NULL), VARVE_OK);
        } else if (choice < 14) {
            assert_int_equal(varve_close(fixture.db, NULL), VARVE_OK);
            open_database(&fixture);
        }
        unsigned digit = (unsigned)vv_test_random_below(&fixture.random, 11);
        ask(&fixture, digit);
        ask(&fixture, digit);
    }
    assert_int_equal(varve_close(fixture.db, NULL), VARVE_OK);
    assert_true(vv_test_temporary_remove(fixture.directory));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(selected_series_come_in_key_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
