/* Tests of working_set.c: what is kept, what goes, and readers beside writers. */
#include "mmap/working_set.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "os/thread.h"
#include "support/random.h"

enum { ITEM_BYTES = 1000, ROOM_ITEMS = 100, PADDING = 8 };

struct fixture {
    struct vv_epoch *epoch;
    struct vv_working_set *set;
    uint64_t owner;
};

static int set_up(void **state)
{
    static struct fixture fixture;
    assert_int_equal(vv_epoch_create(&fixture.epoch), VARVE_OK);
    fixture.set = vv_working_set_create(fixture.epoch, (uint64_t)ITEM_BYTES * ROOM_ITEMS);
    assert_non_null(fixture.set);
    fixture.owner = vv_working_set_add_owner(fixture.set);
    *state = &fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;
    vv_working_set_remove_owner(fixture->set, fixture->owner);
    vv_working_set_destroy(fixture->set);
    vv_epoch_destroy(fixture->epoch);
    return 0;
}

static struct vv_working_key key_of(const struct fixture *fixture, uint64_t number)
{
    return (struct vv_working_key){fixture->owner, number};
}

/* What every byte of an item says. */
static unsigned char mark_of(uint64_t number)
{
    return (unsigned char)(number * 37 + 11);
}

static void put(const struct fixture *fixture, uint64_t number)
{
    struct vv_working_item *item = vv_working_item_create(ITEM_BYTES, PADDING);
    assert_non_null(item);
    memset(item->bytes, mark_of(number), ITEM_BYTES);
    vv_working_set_keep(fixture->set, key_of(fixture, number), item);
    vv_working_item_release(item);
}

/* Whether it is there; then its bytes must be its own. */
static bool ask(const struct fixture *fixture, uint64_t number)
{
    struct vv_working_item *item = vv_working_set_find(fixture->set, key_of(fixture, number));
    if (item == NULL) {
        return false;
    }
    assert_int_equal(item->length, ITEM_BYTES);
    assert_int_equal(item->bytes[0], mark_of(number));
    assert_int_equal(item->bytes[ITEM_BYTES - 1], mark_of(number));
    vv_working_item_release(item);
    return true;
}

static void what_is_kept_is_found_and_counted(void **state)
{
    const struct fixture *fixture = *state;
    assert_false(ask(fixture, 1));
    put(fixture, 1);
    assert_true(ask(fixture, 1));
    assert_false(ask(fixture, 2));
    struct vv_working_set_figures figures = vv_working_set_figures(fixture->set);
    assert_int_equal(figures.hits, 1);
    assert_int_equal(figures.misses, 2);
    assert_int_equal(figures.bytes, ITEM_BYTES);
    assert_int_equal(figures.evictions, 0);
}

static void a_key_is_kept_once(void **state)
{
    const struct fixture *fixture = *state;
    put(fixture, 1);
    put(fixture, 1);
    assert_int_equal(vv_working_set_figures(fixture->set).bytes, ITEM_BYTES);
}

static void the_bytes_stay_within_their_bound(void **state)
{
    const struct fixture *fixture = *state;
    for (uint64_t number = 0; number < 5 * ROOM_ITEMS; number++) {
        put(fixture, number);
        assert_true(vv_working_set_figures(fixture->set).bytes <= ITEM_BYTES * ROOM_ITEMS);
    }
    assert_int_equal(vv_working_set_figures(fixture->set).evictions, 4 * ROOM_ITEMS);
}

static void an_item_larger_than_the_bound_is_not_kept(void **state)
{
    const struct fixture *fixture = *state;
    struct vv_working_item *item = vv_working_item_create(ITEM_BYTES * ROOM_ITEMS + 1, PADDING);
    vv_working_set_keep(fixture->set, key_of(fixture, 1), item);
    vv_working_item_release(item);
    assert_int_equal(vv_working_set_figures(fixture->set).bytes, 0);
}

static void a_scan_does_not_wash_out_what_is_used(void **state)
{
    const struct fixture *fixture = *state;
    enum { HOT = ROOM_ITEMS / 2 };
    for (uint64_t number = 0; number < HOT; number++) {
        put(fixture, number);
        assert_true(ask(fixture, number));
    }
    for (uint64_t number = HOT; number < 20 * ROOM_ITEMS; number++) {
        put(fixture, number);
        assert_true(ask(fixture, number % HOT)); /* used all the time */
    }
    for (uint64_t number = 0; number < HOT; number++) {
        assert_true(ask(fixture, number));
    }
}

static void what_comes_back_soon_is_kept_longer(void **state)
{
    const struct fixture *fixture = *state;
    for (uint64_t number = 0; number < 2 * ROOM_ITEMS; number++) {
        put(fixture, number);
    }
    assert_false(ask(fixture, 0)); /* gone, and remembered */
    put(fixture, 0);
    for (uint64_t number = 0; number < ROOM_ITEMS; number++) {
        put(fixture, 10000 + number);
    }
    assert_true(ask(fixture, 0));
}

static void an_owner_takes_its_items_with_it(void **state)
{
    const struct fixture *fixture = *state;
    struct fixture other = *fixture;
    other.owner = vv_working_set_add_owner(fixture->set);
    put(fixture, 1);
    put(&other, 1);
    put(&other, 2);
    vv_working_set_remove_owner(other.set, other.owner);
    assert_true(ask(fixture, 1));
    assert_false(ask(&other, 1));
    assert_int_equal(vv_working_set_figures(fixture->set).bytes, ITEM_BYTES);
}

static void an_item_that_is_held_outlives_the_set(void **state)
{
    const struct fixture *fixture = *state;
    put(fixture, 1);
    struct vv_working_item *held = vv_working_set_find(fixture->set, key_of(fixture, 1));
    assert_non_null(held);
    vv_working_set_remove_owner(fixture->set, fixture->owner);
    vv_epoch_drain(fixture->epoch);
    assert_int_equal(held->bytes[ITEM_BYTES / 2], mark_of(1));
    vv_working_item_release(held);
}

/* ------------------------------------------------------------------------------ threads */

enum { THREADS = 4, OPERATIONS = 20000 };

struct worker {
    struct vv_thread thread;
    struct fixture *fixture;
    uint64_t seed;
    bool torn;
};

static void use_at_random(void *argument)
{
    struct worker *worker = argument;
    struct vv_test_random random = vv_test_random_seeded(worker->seed);
    for (int i = 0; i < OPERATIONS; i++) {
        uint64_t range = vv_test_random_below(&random, 4) == 0 ? 10 * ROOM_ITEMS : ROOM_ITEMS / 2;
        uint64_t number = vv_test_random_below(&random, range);
        struct vv_working_key key = key_of(worker->fixture, number);
        struct vv_working_item *item = vv_working_set_find(worker->fixture->set, key);
        if (item == NULL) {
            item = vv_working_item_create(ITEM_BYTES, PADDING);
            if (item == NULL) {
                worker->torn = true;
                return;
            }
            memset(item->bytes, mark_of(number), ITEM_BYTES);
            vv_working_set_keep(worker->fixture->set, key, item);
        }
        worker->torn |=
            item->bytes[0] != mark_of(number) || item->bytes[ITEM_BYTES - 1] != mark_of(number);
        vv_working_item_release(item);
    }
}

static void readers_and_evictions_do_not_disturb_each_other(void **state)
{
    struct worker workers[THREADS];
    for (size_t i = 0; i < THREADS; i++) {
        workers[i] = (struct worker){.fixture = *state, .seed = vv_test_seed() + i};
        assert_int_equal(vv_thread_start(&workers[i].thread, use_at_random, &workers[i]), 0);
    }
    for (size_t i = 0; i < THREADS; i++) {
        vv_thread_join(&workers[i].thread);
        assert_false(workers[i].torn);
    }
    const struct fixture *fixture = *state;
    struct vv_working_set_figures figures = vv_working_set_figures(fixture->set);
    assert_int_equal(figures.hits + figures.misses, THREADS * OPERATIONS);
    assert_true(figures.bytes <= ITEM_BYTES * ROOM_ITEMS);
    assert_true(figures.evictions > 0 && figures.hits > figures.misses);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_is_kept_is_found_and_counted, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_key_is_kept_once, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_bytes_stay_within_their_bound, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_item_larger_than_the_bound_is_not_kept, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_scan_does_not_wash_out_what_is_used, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_comes_back_soon_is_kept_longer, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_owner_takes_its_items_with_it, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_item_that_is_held_outlives_the_set, set_up, tear_down),
        cmocka_unit_test_setup_teardown(readers_and_evictions_do_not_disturb_each_other, set_up,
                                        tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
