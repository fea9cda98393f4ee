/*
 * test_epoch.c - deferred destruction: never early, exactly once, never forgotten.
 */
#include "pool/epoch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>

#include <cmocka.h>

#include "os/alloc.h"
#include "os/thread.h"

struct item {
    struct vv_epoch_entry entry; /* first */
    uint64_t value;
    struct vv_epoch *defer_again; /* in its destructor */
};

static atomic_int live_items;

static struct item *item_new(uint64_t value)
{
    struct item *item = vv_alloc_zeroed(1, sizeof(*item));
    assert_non_null(item);
    item->value = value;
    atomic_fetch_add(&live_items, 1);
    return item;
}

static void item_free(struct vv_epoch_entry *entry)
{
    struct item *item = (struct item *)entry;
    if (item->defer_again != NULL) {
        struct vv_epoch *epoch = item->defer_again;
        item->defer_again = NULL;
        vv_epoch_defer(epoch, entry, item_free);
        return;
    }
    item->value = UINT64_MAX;
    vv_free(item);
    atomic_fetch_sub(&live_items, 1);
}

static int setup(void **state)
{
    atomic_store(&live_items, 0);
    return vv_epoch_create((struct vv_epoch **)state) == VARVE_OK ? 0 : -1;
}

static int teardown(void **state)
{
    vv_epoch_destroy(*state);
    return atomic_load(&live_items) == 0 ? 0 : -1;
}

static void poll_often(struct vv_epoch *epoch)
{
    for (int count = 0; count < 10; count++) {
        (void)vv_epoch_poll(epoch);
    }
}

static void an_entry_dies_by_polling_when_nobody_reads(void **state)
{
    vv_epoch_defer(*state, &item_new(1)->entry, item_free);
    assert_int_equal(vv_epoch_pending(*state), 1);
    poll_often(*state);
    assert_int_equal(vv_epoch_pending(*state), 0);
    assert_int_equal(atomic_load(&live_items), 0);
}

static void an_entry_outlives_the_section_in_which_it_was_deferred(void **state)
{
    struct vv_epoch_section *section = vv_epoch_enter(*state);
    struct item *item = item_new(7);
    vv_epoch_defer(*state, &item->entry, item_free);
    poll_often(*state);
    assert_int_equal(item->value, 7);
    vv_epoch_exit(section);
    poll_often(*state);
    assert_int_equal(atomic_load(&live_items), 0);
}

static void nested_sections_protect_until_the_outer_one_ends(void **state)
{
    struct vv_epoch_section *outer = vv_epoch_enter(*state);
    struct vv_epoch_section *inner = vv_epoch_enter(*state);
    assert_ptr_equal(outer, inner);
    vv_epoch_defer(*state, &item_new(1)->entry, item_free);
    vv_epoch_exit(inner);
    poll_often(*state);
    assert_int_equal(atomic_load(&live_items), 1);
    vv_epoch_exit(outer);
    poll_often(*state);
    assert_int_equal(atomic_load(&live_items), 0);
}

static void a_destructor_may_defer(void **state)
{
    struct item *item = item_new(1);
    item->defer_again = *state;
    vv_epoch_defer(*state, &item->entry, item_free);
    vv_epoch_drain(*state);
    assert_int_equal(atomic_load(&live_items), 0);
}

static void domains_do_not_hold_each_other_back(void **state)
{
    struct vv_epoch *other = NULL;
    assert_int_equal(vv_epoch_create(&other), VARVE_OK);
    struct vv_epoch_section *section = vv_epoch_enter(*state);
    struct vv_epoch_section *other_section = vv_epoch_enter(other);
    assert_ptr_not_equal(section, other_section);
    vv_epoch_exit(other_section);
    vv_epoch_defer(other, &item_new(1)->entry, item_free);
    poll_often(other);
    assert_int_equal(atomic_load(&live_items), 0);
    vv_epoch_exit(section);
    vv_epoch_destroy(other);
}

static void destroying_a_domain_runs_what_is_pending(void **state)
{
    (void)state;
    struct vv_epoch *epoch = NULL;
    assert_int_equal(vv_epoch_create(&epoch), VARVE_OK);
    vv_epoch_defer(epoch, &item_new(1)->entry, item_free);
    vv_epoch_destroy(epoch);
    assert_int_equal(atomic_load(&live_items), 0);
}

static void a_thread_outlives_the_domains_that_it_used(void **state)
{
    (void)state;
    for (uint64_t round = 0; round < 100; round++) {
        struct vv_epoch *epoch = NULL;
        assert_int_equal(vv_epoch_create(&epoch), VARVE_OK);
        struct vv_epoch_section *section = vv_epoch_enter(epoch);
        vv_epoch_defer(epoch, &item_new(round)->entry, item_free);
        vv_epoch_exit(section);
        vv_epoch_destroy(epoch);
    }
    assert_int_equal(atomic_load(&live_items), 0);
}

static void enter_and_exit(void *argument)
{
    vv_epoch_exit(vv_epoch_enter(argument));
}

static void a_record_of_an_ended_thread_is_used_again(void **state)
{
    struct vv_thread thread;
    assert_int_equal(vv_thread_start(&thread, enter_and_exit, *state), 0);
    vv_thread_join(&thread);
    uint64_t allocations_before = vv_alloc_count();
    for (int count = 0; count < 5; count++) {
        assert_int_equal(vv_thread_start(&thread, enter_and_exit, *state), 0);
        vv_thread_join(&thread);
    }
    assert_int_equal(vv_alloc_count(), allocations_before);
}

static void entering_reports_that_memory_is_out(void **state)
{
    vv_alloc_fail_at(1);
    assert_null(vv_epoch_enter(*state));
    struct vv_epoch_section *section = vv_epoch_enter(*state);
    assert_non_null(section);
    vv_epoch_exit(section);

    struct vv_epoch *other = NULL;
    vv_alloc_fail_at(1);
    assert_int_equal(vv_epoch_create(&other), VARVE_NO_MEMORY);
    assert_null(other);
}

struct churn {
    struct vv_epoch *epoch;
    struct item *_Atomic shared;
    atomic_bool stop;
    atomic_int wrong;
};

static void read_shared_item(void *argument)
{
    struct churn *churn = argument;
    uint64_t last = 0;
    while (!atomic_load_explicit(&churn->stop, memory_order_acquire)) {
        struct vv_epoch_section *section = vv_epoch_enter(churn->epoch);
        struct item *item = atomic_load_explicit(&churn->shared, memory_order_acquire);
        uint64_t value = item->value;
        vv_thread_yield();
        if (item->value != value || value < last) {
            atomic_fetch_add(&churn->wrong, 1);
        }
        last = value;
        vv_epoch_exit(section);
    }
}

/* Plain values of freed items are what ASan and TSan look at here. */
static void readers_never_see_a_destroyed_item(void **state)
{
    struct churn churn = {.epoch = *state};
    atomic_init(&churn.shared, item_new(0));
    struct vv_thread readers[3];
    for (int index = 0; index < 3; index++) {
        assert_int_equal(vv_thread_start(&readers[index], read_shared_item, &churn), 0);
    }
    for (uint64_t value = 1; value <= 20000; value++) {
        struct item *old =
            atomic_exchange_explicit(&churn.shared, item_new(value), memory_order_acq_rel);
        vv_epoch_defer(churn.epoch, &old->entry, item_free);
        if (value % 8 == 0) {
            (void)vv_epoch_poll(churn.epoch);
        }
    }
    atomic_store_explicit(&churn.stop, true, memory_order_release);
    for (int index = 0; index < 3; index++) {
        vv_thread_join(&readers[index]);
    }
    vv_epoch_drain(churn.epoch);
    assert_int_equal(atomic_load(&churn.wrong), 0);
    assert_int_equal(atomic_load(&live_items), 1);
    item_free(&atomic_load(&churn.shared)->entry);
}

struct defer_many {
    struct vv_epoch *epoch;
    int count;
};

static void defer_and_poll(void *argument)
{
    struct defer_many *many = argument;
    for (int index = 0; index < many->count; index++) {
        struct vv_epoch_section *section = vv_epoch_enter(many->epoch);
        struct item *item = vv_alloc_zeroed(1, sizeof(*item));
        atomic_fetch_add(&live_items, 1);
        vv_epoch_defer(many->epoch, &item->entry, item_free);
        vv_epoch_exit(section);
        (void)vv_epoch_poll(many->epoch);
    }
}

static void many_threads_may_defer_and_poll_at_once(void **state)
{
    struct defer_many many = {.epoch = *state, .count = 3000};
    struct vv_thread threads[4];
    for (int index = 0; index < 4; index++) {
        assert_int_equal(vv_thread_start(&threads[index], defer_and_poll, &many), 0);
    }
    for (int index = 0; index < 4; index++) {
        vv_thread_join(&threads[index]);
    }
    vv_epoch_drain(*state);
    assert_int_equal(atomic_load(&live_items), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(an_entry_dies_by_polling_when_nobody_reads, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(an_entry_outlives_the_section_in_which_it_was_deferred,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(nested_sections_protect_until_the_outer_one_ends, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_destructor_may_defer, setup, teardown),
        cmocka_unit_test_setup_teardown(domains_do_not_hold_each_other_back, setup, teardown),
        cmocka_unit_test_setup_teardown(destroying_a_domain_runs_what_is_pending, setup, teardown),
        cmocka_unit_test_setup_teardown(a_thread_outlives_the_domains_that_it_used, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_record_of_an_ended_thread_is_used_again, setup, teardown),
        cmocka_unit_test_setup_teardown(entering_reports_that_memory_is_out, setup, teardown),
        cmocka_unit_test_setup_teardown(readers_never_see_a_destroyed_item, setup, teardown),
        cmocka_unit_test_setup_teardown(many_threads_may_defer_and_poll_at_once, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
