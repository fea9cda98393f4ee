/* Tests of head_extent.c: the time before which the head has nothing (its floor). */
#include "storage/head/head.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "os/alloc.h"
#include "support/random.h"

enum { SERIES = 9, GENERATIONS = 3 * VV_HEAD_FLOORS };

struct fixture {
    struct vv_head head;
    uint64_t generation;
    int64_t earliest[GENERATIONS + 3]; /* of what was put into each */
};

static int set_up(void **state)
{
    struct fixture *fixture = vv_alloc_aligned(64, sizeof(*fixture));
    memset(fixture, 0, sizeof(*fixture));
    assert_int_equal(vv_head_init(&fixture->head), VARVE_OK);
    fixture->generation = 1;
    for (size_t i = 0; i < GENERATIONS + 3; i++) {
        fixture->earliest[i] = INT64_MAX;
    }
    *state = fixture;
    return 0;
}

static void drop(struct fixture *fixture, uint64_t up_to)
{
    for (uint32_t ref = 0; ref < SERIES; ref += VV_HEAD_LINE_SERIES) {
        (void)vv_head_drop_lines(&fixture->head, ref, 1, up_to);
    }
    vv_head_raise_floor(&fixture->head, up_to, fixture->generation);
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;
    drop(fixture, fixture->generation);
    bool nothing_left = atomic_load(&fixture->head.bytes) == 0;
    vv_head_fini(&fixture->head);
    vv_free(fixture);
    return nothing_left ? 0 : -1;
}

static void note(struct fixture *fixture, int64_t timestamp)
{
    int64_t *earliest = &fixture->earliest[fixture->generation];
    *earliest = timestamp < *earliest ? timestamp : *earliest;
}

static void insert(struct fixture *fixture, const uint32_t *refs, const int64_t *timestamps,
                   size_t count)
{
    static const double values[SERIES * 8];
    struct vv_head_locks locks;
    vv_head_locks_init(&locks);
    assert_int_equal(vv_head_lock_refs(&fixture->head, refs, count, &locks), VARVE_OK);
    struct vv_head_batch batch = {refs, timestamps, values, VARVE_DUPLICATES_LAST,
                                  fixture->generation};
    assert_int_equal(vv_head_insert_and_unlock(&fixture->head, &batch, &locks), VARVE_OK);
    vv_head_locks_fini(&locks);
    for (size_t i = 0; i < count; i++) {
        note(fixture, timestamps[i]);
    }
}

static void insert_one(struct fixture *fixture, uint32_t ref, int64_t timestamp)
{
    insert(fixture, &ref, &timestamp, 1);
}

static void delete_range(struct fixture *fixture, uint32_t ref, int64_t start, int64_t end,
                         bool older_data)
{
    struct vv_head_locks locks;
    vv_head_locks_init(&locks);
    assert_int_equal(vv_head_lock_refs(&fixture->head, &ref, 1, &locks), VARVE_OK);
    struct vv_range range = {start, end};
    assert_int_equal(vv_head_delete(&fixture->head, ref, fixture->generation, range, older_data),
                     VARVE_OK);
    vv_head_unlock_refs(&locks);
    vv_head_locks_fini(&locks);
}

static void the_floor_is_what_comes_first_in_time(void **state)
{
    struct fixture *fixture = *state;
    assert_int_equal(vv_head_time_floor(&fixture->head), INT64_MAX);
    for (int64_t i = 0; i < 3000; i++) { /* through extents of all sizes, and seals */
        insert_one(fixture, 3, 1000 + i);
        assert_int_equal(vv_head_time_floor(&fixture->head), 1000);
    }
    insert_one(fixture, 3, 2000); /* late, but not earlier than everything */
    assert_int_equal(vv_head_time_floor(&fixture->head), 1000);
    insert_one(fixture, 5, 999);
    assert_int_equal(vv_head_time_floor(&fixture->head), 999);
    insert_one(fixture, 3, -7);
    assert_int_equal(vv_head_time_floor(&fixture->head), -7);
    insert_one(fixture, 3, INT64_MIN);
    assert_int_equal(vv_head_time_floor(&fixture->head), INT64_MIN);
}

static void a_deletion_of_older_data_lowers_it(void **state)
{
    struct fixture *fixture = *state;
    fixture->generation = 2;
    insert_one(fixture, 0, 1000);
    delete_range(fixture, 1, 100, 200, true);
    assert_int_equal(vv_head_time_floor(&fixture->head), 100);
}

/* An emptied tail says nothing of what may follow it: X7. */
static void what_follows_an_emptied_tail_lowers_it(void **state)
{
    struct fixture *fixture = *state;
    for (int64_t i = 0; i < 5; i++) { /* an extent and a half */
        insert_one(fixture, 0, 1000 + i);
    }
    delete_range(fixture, 0, 0, 2000, false);
    insert_one(fixture, 0, 500);
    assert_int_equal(vv_head_time_floor(&fixture->head), 500);
    insert_one(fixture, 0, 600);
    delete_range(fixture, 0, 550, 2000, false);
    insert_one(fixture, 0, 520);
    insert_one(fixture, 0, 510);
    assert_int_equal(vv_head_time_floor(&fixture->head), 500);
    assert_int_equal(atomic_load(&fixture->head.samples), 3);
}

static void generations_that_are_given_back_raise_it(void **state)
{
    struct fixture *fixture = *state;
    insert_one(fixture, 0, 100);
    fixture->generation = 2;
    insert_one(fixture, 0, 200);
    assert_int_equal(vv_head_time_floor(&fixture->head), 100);
    drop(fixture, 1);
    assert_int_equal(vv_head_time_floor(&fixture->head), 200);
    fixture->generation = 3;
    drop(fixture, 2);
    assert_int_equal(vv_head_time_floor(&fixture->head), INT64_MAX);
}

/* While somebody reads an old view nothing is given back, and more generations live than there are
 * floors: then it may be lower than it had to be, and never higher. */
static void it_is_never_above_what_lives(void **state)
{
    struct fixture *fixture = *state;
    struct vv_test_random random = vv_test_random_init(1);
    uint64_t dropped = 0;
    while (fixture->generation < GENERATIONS) {
        uint32_t refs[SERIES * 8];
        int64_t timestamps[SERIES * 8];
        size_t count = 1 + vv_test_random_below(&random, SERIES * 8);
        for (size_t i = 0; i < count; i++) {
            uint64_t late = vv_test_random_below(&random, 300) == 0 ? 5000 : 3;
            refs[i] = (uint32_t)(i % SERIES);
            timestamps[i] = (int64_t)(fixture->generation * 1000 + i / SERIES) -
                            (int64_t)vv_test_random_below(&random, late);
        }
        insert(fixture, refs, timestamps, count);
        if (vv_test_random_below(&random, 10) == 0) {
            delete_range(fixture, (uint32_t)vv_test_random_below(&random, SERIES), INT64_MIN,
                         INT64_MAX, false);
        }
        if (vv_test_random_below(&random, 10) == 0) {
            fixture->generation++;
        }
        uint64_t ago = vv_test_random_below(&random, 2 * VV_HEAD_FLOORS);
        if (fixture->generation > dropped + ago + 1 && vv_test_random_below(&random, 20) == 0) {
            dropped = fixture->generation - ago - 1;
            drop(fixture, dropped);
        }
        int64_t earliest = INT64_MAX, floor = vv_head_time_floor(&fixture->head);
        for (uint64_t i = dropped + 1; i <= fixture->generation; i++) {
            earliest = fixture->earliest[i] < earliest ? fixture->earliest[i] : earliest;
        }
        assert_true(floor <= earliest);
        if (fixture->generation <= VV_HEAD_FLOORS) { /* none is shared yet */
            assert_int_equal(floor, earliest);
        }
    }
    for (int i = 0; i < 2; i++) { /* the first open one may share its floor with one before it */
        fixture->generation++;
        drop(fixture, fixture->generation - 1);
    }
    assert_int_equal(vv_head_time_floor(&fixture->head), INT64_MAX);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_floor_is_what_comes_first_in_time),
        TEST(a_deletion_of_older_data_lowers_it),
        TEST(what_follows_an_emptied_tail_lowers_it),
        TEST(generations_that_are_given_back_raise_it),
        TEST(it_is_never_above_what_lives),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
