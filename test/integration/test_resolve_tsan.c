/*
 * test_resolve_tsan.c - handles of many label sets at once: the same as one by one, whatever fails
 * on the way and whoever else asks.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "os/alloc.h"
#include "support/random.h"
#include "support/temporary.h"
#include "varve/varve.h"

enum { SETS = 200, LABELS = 4, TEXT_BYTES = 32 };

/* Label sets and the bytes that they are made of. */
struct sets {
    char values[SETS][LABELS][TEXT_BYTES];
    varve_label labels[SETS][LABELS];
    varve_label_set list[SETS];
};

struct fixture {
    char folder[512];
    varve_db *db;
    struct sets sets;
};

static varve_string string_of(const char *text)
{
    return (varve_string){text, strlen(text)};
}

/* Sets number(0), number(1), ...: equal numbers are equal sets, with their labels in any order. */
static void make_sets(struct sets *sets, struct vv_test_random *random, uint64_t numbers)
{
    static const char *const names[LABELS] = {"__name__", "host", "job", "region"};
    for (size_t i = 0; i < SETS; i++) {
        uint64_t number = vv_test_random_below(random, numbers);
        size_t first = vv_test_random_below(random, LABELS);
        for (size_t k = 0; k < LABELS; k++) {
            size_t name = (first + k) % LABELS;
            (void)snprintf(sets->values[i][k], TEXT_BYTES, "v%llu",
                           (unsigned long long)(number >> 2 * name));
            sets->labels[i][k] =
                (varve_label){string_of(names[name]), string_of(sets->values[i][k])};
        }
        sets->list[i] = (varve_label_set){sets->labels[i], LABELS};
    }
}

static void open_database(struct fixture *fixture, uint64_t series_max)
{
    char path[600];
    varve_options options = VARVE_OPTIONS_INIT;
    assert_true(vv_test_temporary_create(fixture->folder, sizeof(fixture->folder)));
    (void)snprintf(path, sizeof(path), "%s/db", fixture->folder);
    options.flags = VARVE_OPEN_CREATE;
    options.background_threads = 0;
    options.series_max = series_max;
    assert_int_equal(varve_open(path, &options, &fixture->db, NULL), VARVE_OK);
}

static void close_database(struct fixture *fixture)
{
    assert_int_equal(varve_close(fixture->db, NULL), VARVE_OK);
    assert_true(vv_test_temporary_remove(fixture->folder));
}

/* The handle of a set alone. */
static varve_series resolve_one(const struct fixture *fixture, size_t set)
{
    varve_series series = 0;
    const varve_label_set *labels = &fixture->sets.list[set];
    assert_int_equal(
        varve_series_resolve(fixture->db, labels->labels, labels->count, &series, NULL), VARVE_OK);
    return series;
}

static void a_batch_gives_the_handles_that_its_sets_get_one_by_one(void **state)
{
    (void)state;
    static struct fixture fixture;
    struct vv_test_random random = vv_test_random_init(1);
    open_database(&fixture, 0);
    for (uint64_t round = 0; round < 100; round++) {
        varve_series before[SETS] = {0}, series[SETS];
        size_t count = vv_test_random_below(&random, SETS + 1), resolved = SETS + 1;
        make_sets(&fixture.sets, &random, 1 + vv_test_random_below(&random, 5000));
        for (size_t i = 0; i < count; i++) { /* some are known */
            before[i] = vv_test_random_below(&random, 2) == 0 ? resolve_one(&fixture, i) : 0;
        }
        assert_int_equal(varve_series_resolve_batch(fixture.db, fixture.sets.list, count, series,
                                                    &resolved, NULL),
                         VARVE_OK);
        assert_int_equal(resolved, count);
        for (size_t i = 0; i < count; i++) {
            assert_int_equal(series[i], resolve_one(&fixture, i));
            assert_true(before[i] == 0 || before[i] == series[i]);
        }
    }
    close_database(&fixture);
}

/* Wherever it stands, and with NULL for what is not asked. */
static void a_set_that_is_none_ends_the_batch_behind_those_before_it(void **state)
{
    (void)state;
    static struct fixture fixture;
    struct vv_test_random random = vv_test_random_init(2);
    open_database(&fixture, 0);
    for (size_t bad = 0; bad < SETS; bad++) {
        varve_series series[SETS];
        size_t resolved = SETS;
        varve_error error = {.status = VARVE_OK};
        make_sets(&fixture.sets, &random, 1000000);
        fixture.sets.list[bad].count = 0;
        assert_int_equal(varve_series_resolve_batch(fixture.db, fixture.sets.list, SETS, series,
                                                    &resolved, &error),
                         VARVE_INVALID);
        assert_int_equal(resolved, bad);
        assert_int_equal(error.status, VARVE_INVALID);
        assert_non_null(strstr(error.message, "at least one label"));
        for (size_t i = 0; i < bad; i++) {
            assert_int_equal(series[i], resolve_one(&fixture, i));
        }
        assert_int_equal(
            varve_series_resolve_batch(fixture.db, fixture.sets.list, SETS, series, NULL, NULL),
            VARVE_INVALID);
    }
    close_database(&fixture);
}

static void at_the_greatest_number_of_series_known_ones_still_have_handles(void **state)
{
    (void)state;
    enum { MAX = 70 };
    static struct fixture fixture;
    struct vv_test_random random = vv_test_random_init(3);
    varve_series series[SETS], again[SETS];
    size_t resolved;
    varve_error error = {.status = VARVE_OK};
    open_database(&fixture, MAX);
    make_sets(&fixture.sets, &random, UINT64_C(1) << 40); /* all different */
    fixture.sets.list[MAX + 5].count = 0;                 /* comes too late to be what is told of */
    assert_int_equal(
        varve_series_resolve_batch(fixture.db, fixture.sets.list, SETS, series, &resolved, &error),
        VARVE_LIMIT);
    assert_int_equal(resolved, MAX);
    assert_non_null(strstr(error.message, "series_max"));
    assert_int_equal(
        varve_series_resolve_batch(fixture.db, fixture.sets.list, MAX, again, &resolved, NULL),
        VARVE_OK);
    assert_memory_equal(series, again, MAX * sizeof(*series));
    close_database(&fixture);
}

static void without_memory_what_was_made_stays(void **state)
{
    (void)state;
    static struct fixture fixture;
    struct vv_test_random random = vv_test_random_init(4);
    open_database(&fixture, 0);
    for (uint64_t at = 1; at < 60; at++) {
        varve_series series[SETS];
        size_t resolved = SETS;
        make_sets(&fixture.sets, &random, UINT64_C(1) << 40);
        vv_alloc_fail_at(at);
        varve_status status = varve_series_resolve_batch(fixture.db, fixture.sets.list, SETS,
                                                         series, &resolved, NULL);
        vv_alloc_fail_at(0);
        assert_true(status == VARVE_OK || status == VARVE_NO_MEMORY);
        assert_int_equal(status == VARVE_OK, resolved == SETS);
        for (size_t i = 0; i < resolved; i++) {
            assert_int_equal(series[i], resolve_one(&fixture, i));
        }
    }
    close_database(&fixture);
}

/* ------------------------------------------------------------------------------ threads */

enum { ASKERS = 4, ROUNDS = 20 };

struct asker {
    struct fixture *fixture;
    size_t first; /* where it begins: others are elsewhere */
    varve_series series[SETS];
    pthread_t thread;
};

static void *ask(void *argument)
{
    struct asker *asker = argument;
    varve_label_set list[SETS];
    varve_series series[SETS];
    for (size_t i = 0; i < SETS; i++) {
        list[i] = asker->fixture->sets.list[(asker->first + i) % SETS];
    }
    assert_int_equal(varve_series_resolve_batch(asker->fixture->db, list, SETS, series, NULL, NULL),
                     VARVE_OK);
    for (size_t i = 0; i < SETS; i++) {
        asker->series[(asker->first + i) % SETS] = series[i];
    }
    return NULL;
}

static void threads_that_ask_for_the_same_sets_get_the_same_handles(void **state)
{
    (void)state;
    static struct fixture fixture;
    static struct asker askers[ASKERS];
    struct vv_test_random random = vv_test_random_init(5);
    open_database(&fixture, 0);
    for (size_t round = 0; round < ROUNDS; round++) {
        make_sets(&fixture.sets, &random, 2000000);
        for (size_t i = 0; i < ASKERS; i++) {
            askers[i].fixture = &fixture;
            askers[i].first = vv_test_random_below(&random, SETS);
            assert_int_equal(pthread_create(&askers[i].thread, NULL, ask, &askers[i]), 0);
        }
        for (size_t i = 0; i < ASKERS; i++) {
            assert_int_equal(pthread_join(askers[i].thread, NULL), 0);
        }
        for (size_t i = 0; i < SETS; i++) {
            assert_int_equal(askers[0].series[i], resolve_one(&fixture, i));
            for (size_t k = 1; k < ASKERS; k++) {
                assert_int_equal(askers[k].series[i], askers[0].series[i]);
            }
        }
    }
    close_database(&fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_batch_gives_the_handles_that_its_sets_get_one_by_one),
        cmocka_unit_test(a_set_that_is_none_ends_the_batch_behind_those_before_it),
        cmocka_unit_test(at_the_greatest_number_of_series_known_ones_still_have_handles),
        cmocka_unit_test(without_memory_what_was_made_stays),
        cmocka_unit_test(threads_that_ask_for_the_same_sets_get_the_same_handles),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
