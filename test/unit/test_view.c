/* Tests of view.c: which generations the head must keep for whom. */
#include "storage/view.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <string.h>

#include "os/alloc.h"
#include "os/thread.h"
#include "support/random.h"

static void publish(struct vv_view_set *set, uint64_t generation)
{
    struct vv_view *view = NULL;
    assert_int_equal(vv_view_create(NULL, 0, generation, &view), VARVE_OK);
    vv_view_publish(set, view);
}

static void a_held_view_keeps_its_generation_until_it_is_released(void **state)
{
    struct vv_view_set set = {.oldest = NULL};
    assert_int_equal(vv_view_set_init(&set, *state, NULL, 0), VARVE_OK);
    struct vv_view *first = vv_view_acquire(&set);
    publish(&set, 1);
    struct vv_view *second = vv_view_acquire(&set);
    publish(&set, 2);
    publish(&set, 3);
    assert_int_equal(first->flushed_generation, 0);
    assert_int_equal(second->flushed_generation, 1);
    assert_int_equal(vv_view_set_droppable(&set), 0);
    vv_view_release(&set, first);
    assert_int_equal(vv_view_set_droppable(&set), 1);
    vv_view_release(&set, second);
    assert_int_equal(vv_view_set_droppable(&set), 3);
    vv_view_set_fini(&set);
}

/* What may be dropped is the least generation that anybody holds, whatever the order. */
static void random_holders_are_all_respected(void **state)
{
    enum { HOLDERS = 16 };
    struct vv_view_set set = {.oldest = NULL};
    struct vv_view *held[HOLDERS] = {0};
    struct vv_test_random random = vv_test_random_init(1);
    uint64_t generation = 0;
    assert_int_equal(vv_view_set_init(&set, *state, NULL, 0), VARVE_OK);
    for (int step = 0; step < 5000; step++) {
        size_t holder = vv_test_random_below(&random, HOLDERS);
        if (vv_test_random_below(&random, 3) == 0) {
            publish(&set, ++generation);
        } else if (held[holder] == NULL) {
            held[holder] = vv_view_acquire(&set);
            assert_int_equal(held[holder]->flushed_generation, generation);
        } else {
            vv_view_release(&set, held[holder]);
            held[holder] = NULL;
        }
        uint64_t least = generation;
        for (size_t i = 0; i < HOLDERS; i++) {
            if (held[i] != NULL && held[i]->flushed_generation < least) {
                least = held[i]->flushed_generation;
            }
        }
        assert_int_equal(vv_view_set_droppable(&set), least);
    }
    for (size_t i = 0; i < HOLDERS; i++) {
        if (held[i] != NULL) {
            vv_view_release(&set, held[i]);
        }
    }
    vv_view_set_fini(&set);
}

/* ------------------------------------------------------------------------------ threads */

enum { READERS = 4, PUBLICATIONS = 400 };

struct shared {
    struct vv_view_set set;
    _Atomic uint64_t published; /* at least this generation is current */
    _Atomic bool stopping;
    _Atomic uint64_t failures;
};

static void read_views(void *argument)
{
    struct shared *shared = argument;
    struct vv_view *held = NULL;
    for (uint64_t round = 0; !atomic_load(&shared->stopping); round++) {
        uint64_t least = atomic_load(&shared->published);
        struct vv_view *view = vv_view_acquire(&shared->set);
        bool good = view->flushed_generation >= least && view->block_count == 0;
        atomic_fetch_add(&shared->failures, good ? 0 : 1);
        if (held != NULL && round % 7 == 0) {
            vv_view_release(&shared->set, held);
            held = NULL;
        }
        if (held == NULL) {
            held = view;
        } else {
            vv_view_release(&shared->set, view);
        }
        vv_thread_yield();
    }
    if (held != NULL) {
        vv_view_release(&shared->set, held);
    }
}

/* Nobody gets a view that is gone, or one that was replaced before it asked. */
static void readers_get_the_current_view_while_it_is_replaced(void **state)
{
    struct shared *shared = vv_alloc_aligned(64, sizeof(*shared));
    struct vv_thread threads[READERS];
    memset(shared, 0, sizeof(*shared));
    assert_int_equal(vv_view_set_init(&shared->set, *state, NULL, 0), VARVE_OK);
    for (size_t i = 0; i < READERS; i++) {
        assert_int_equal(vv_thread_start(&threads[i], read_views, shared), 0);
    }
    uint64_t droppable = 0;
    for (uint64_t generation = 1; generation <= PUBLICATIONS; generation++) {
        publish(&shared->set, generation);
        atomic_store(&shared->published, generation);
        uint64_t now = vv_view_set_droppable(&shared->set);
        assert_true(now >= droppable && now <= generation);
        droppable = now;
        vv_thread_yield();
    }
    atomic_store(&shared->stopping, true);
    for (size_t i = 0; i < READERS; i++) {
        vv_thread_join(&threads[i]);
    }
    assert_int_equal(atomic_load(&shared->failures), 0);
    assert_int_equal(vv_view_set_droppable(&shared->set), PUBLICATIONS);
    vv_view_set_fini(&shared->set);
    vv_free(shared);
}

static int set_up(void **state)
{
    struct vv_epoch *epoch = NULL;
    assert_int_equal(vv_epoch_create(&epoch), VARVE_OK);
    *state = epoch;
    return 0;
}

static int tear_down(void **state)
{
    vv_epoch_destroy(*state);
    return 0;
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_held_view_keeps_its_generation_until_it_is_released),
        TEST(random_holders_are_all_respected),
        TEST(readers_get_the_current_view_while_it_is_replaced),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
