/*
 * test_pool.c - pooled objects: each one handed out once, all of them found again.
 */
#include "pool/pool.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>

#include <cmocka.h>

#include <string.h>

#include "os/alloc.h"
#include "os/thread.h"
#include "pool/poison.h"
#include "support/random.h"

static struct vv_pool *pool_of(size_t object_bytes, uint64_t budget_bytes)
{
    struct vv_pool *pool = NULL;
    const struct vv_pool_options options = {.object_bytes = object_bytes,
                                            .budget_bytes = budget_bytes};
    assert_int_equal(vv_pool_create(&options, &pool), VARVE_OK);
    return pool;
}

static void objects_are_aligned_and_rounded_up_to_cache_lines(void **state)
{
    (void)state;
    struct vv_pool *pool = pool_of(65, 0);
    assert_int_equal(vv_pool_stats(pool).object_bytes, 128);
    assert_int_equal(vv_pool_stats(pool).slab_count, 0);
    for (int index = 0; index < 1000; index++) {
        uint8_t *object = vv_pool_acquire(pool);
        assert_non_null(object);
        assert_int_equal((uintptr_t)object % 64, 0);
        memset(object, index, 128);
    }
    vv_pool_destroy(pool);
}

/* Random acquires and releases, single and in bulk: what is in use keeps its mark. */
static void objects_in_use_never_overlap(void **state)
{
    (void)state;
    enum { OBJECTS_MAX = 3000, STEPS = 20000, OBJECT_BYTES = 192 };
    static uint64_t *used[OBJECTS_MAX];
    struct vv_test_random random = vv_test_random_init(1);
    struct vv_pool *pool = pool_of(OBJECT_BYTES, 0);
    size_t count = 0;
    uint64_t mark = 0;
    for (int step = 0; step < STEPS; step++) {
        uint64_t kind = vv_test_random_below(&random, 40);
        size_t bulk = kind == 0 ? 1 + vv_test_random_below(&random, 200) : 1;
        if (vv_test_random_below(&random, 2) == 0 && count + bulk <= OBJECTS_MAX) {
            void *fresh[200];
            if (bulk > 1) {
                assert_int_equal(vv_pool_acquire_bulk(pool, fresh, bulk), bulk);
            } else {
                fresh[0] = vv_pool_acquire(pool);
            }
            for (size_t index = 0; index < bulk; index++) {
                used[count] = fresh[index];
                used[count][0] = mark;
                used[count][OBJECT_BYTES / 8 - 1] = mark++;
                count++;
            }
        } else {
            bulk = bulk < count ? bulk : count;
            void *stale[200];
            for (size_t index = 0; index < bulk; index++) {
                size_t chosen = vv_test_random_below(&random, count);
                assert_int_equal(used[chosen][0], used[chosen][OBJECT_BYTES / 8 - 1]);
                stale[index] = used[chosen];
                used[chosen] = used[--count];
            }
            vv_pool_release_bulk(pool, stale, bulk);
        }
    }
    for (size_t index = 0; index < count; index++) {
        assert_int_equal(used[index][0], used[index][OBJECT_BYTES / 8 - 1]);
    }
    struct vv_pool_stats stats = vv_pool_stats(pool);
    assert_int_equal(stats.in_use, count);
    vv_pool_destroy(pool);
}

static void released_objects_are_used_again(void **state)
{
    (void)state;
    enum { COUNT = 5000 };
    static void *objects[COUNT];
    struct vv_pool *pool = pool_of(64, 0);
    for (int round = 0; round < 10; round++) {
        for (int index = 0; index < COUNT; index++) {
            objects[index] = vv_pool_acquire(pool);
            assert_non_null(objects[index]);
        }
        for (int index = 0; index < COUNT; index++) {
            vv_pool_release(pool, objects[index]);
        }
    }
    /* 5000 objects need 320,000 bytes: slabs of 64, 128 and 256 KiB. */
    assert_int_equal(vv_pool_stats(pool).slab_bytes, (64 + 128 + 256) << 10);
    vv_pool_destroy(pool);
}

static void a_thread_at_a_boundary_does_not_lock_each_time(void **state)
{
    (void)state;
    struct vv_pool *pool = pool_of(64, 0);
    void *objects[33];
    for (int index = 0; index < 32; index++) {
        objects[index] = vv_pool_acquire(pool); /* one magazine, to the last object */
    }
    uint64_t before = vv_pool_stats(pool).exchanges;
    for (int round = 0; round < 1000; round++) {
        objects[32] = vv_pool_acquire(pool);
        vv_pool_release(pool, objects[32]);
    }
    assert_true(vv_pool_stats(pool).exchanges - before <= 2);
    vv_pool_destroy(pool);
}

static void new_objects_of_a_bulk_lie_in_sequence(void **state)
{
    (void)state;
    struct vv_pool *pool = pool_of(128, 0);
    void *objects[400];
    assert_int_equal(vv_pool_acquire_bulk(pool, objects, 400), 400);
    for (int index = 1; index < 400; index++) {
        assert_ptr_equal(objects[index], (uint8_t *)objects[index - 1] + 128);
    }
    assert_int_equal(vv_pool_stats(pool).exchanges, 1);
    vv_pool_release_bulk(pool, objects, 400);
    assert_int_equal(vv_pool_stats(pool).in_use, 0);
    vv_pool_destroy(pool);
}

static void the_budget_is_the_end(void **state)
{
    (void)state;
    struct vv_pool *pool = pool_of(1024, 3 * (64 << 10));
    static void *objects[300];
    size_t count = vv_pool_acquire_bulk(pool, objects, 300);
    assert_int_equal(count, 192); /* slabs of 64 and 128 KiB */
    assert_null(vv_pool_acquire(pool));
    vv_pool_release(pool, objects[--count]);
    objects[count] = vv_pool_acquire(pool);
    assert_non_null(objects[count]);
    assert_int_equal(vv_pool_stats(pool).slab_bytes, 3 * (64 << 10));
    vv_pool_destroy(pool);
}

static void large_objects_get_slabs_that_hold_them(void **state)
{
    (void)state;
    struct vv_pool *pool = pool_of(300000, 0);
    for (int index = 0; index < 10; index++) {
        uint8_t *object = vv_pool_acquire(pool);
        assert_non_null(object);
        memset(object, index, 300000);
    }
    vv_pool_destroy(pool);
}

static void running_out_of_memory_is_reported_and_survived(void **state)
{
    (void)state;
    struct vv_pool *pool = NULL;
    const struct vv_pool_options options = {.object_bytes = 64};
    vv_alloc_fail_at(1);
    assert_int_equal(vv_pool_create(&options, &pool), VARVE_NO_MEMORY);
    pool = pool_of(64, 0);
    int failures = 0;
    for (uint64_t n = 1;; n++) {
        vv_alloc_fail_at(n);
        void *object = vv_pool_acquire(pool);
        vv_alloc_fail_at(0);
        if (object != NULL) {
            vv_pool_release(pool, object);
            break;
        }
        failures++;
    }
    assert_true(failures >= 3);
    assert_int_equal(vv_pool_stats(pool).in_use, 0);
    vv_pool_destroy(pool);
}

struct handover {
    struct vv_pool *pool;
    void *_Atomic box[64];
    atomic_int wrong;
    atomic_int seeds;
};

/* Puts own objects into boxes and releases what it finds there: mostly those of other threads. */
static void hand_over(void *argument)
{
    struct handover *handover = argument;
    uint64_t salt = (uint64_t)atomic_fetch_add(&handover->seeds, 1);
    struct vv_test_random random = vv_test_random_seeded(vv_test_seed() + salt);
    for (int round = 0; round < 10000; round++) {
        uint64_t *object = vv_pool_acquire(handover->pool);
        if (object == NULL) {
            atomic_fetch_add(&handover->wrong, 1);
            return;
        }
        object[0] = object[7] = vv_test_random_next(&random);
        uint64_t place = vv_test_random_below(&random, 64);
        object = atomic_exchange_explicit(&handover->box[place], object, memory_order_acq_rel);
        if (object != NULL) {
            atomic_fetch_add(&handover->wrong, object[0] != object[7]);
            vv_pool_release(handover->pool, object);
        }
    }
}

static void objects_may_be_released_by_other_threads(void **state)
{
    (void)state;
    static struct handover handover;
    handover.pool = pool_of(64, 0);
    struct vv_thread threads[4];
    for (int index = 0; index < 4; index++) {
        assert_int_equal(vv_thread_start(&threads[index], hand_over, &handover), 0);
    }
    for (int index = 0; index < 4; index++) {
        vv_thread_join(&threads[index]);
    }
    assert_int_equal(atomic_load(&handover.wrong), 0);
    uint64_t left = 0;
    for (int place = 0; place < 64; place++) {
        left += atomic_load(&handover.box[place]) != NULL;
    }
    struct vv_pool_stats stats = vv_pool_stats(handover.pool);
    assert_int_equal(stats.in_use, left);
    assert_int_equal(stats.slab_count, 1);
    vv_pool_destroy(handover.pool);
}

static void release_one(void *argument)
{
    void **both = argument;
    vv_pool_release(both[0], both[1]);
}

static void release_one_without_memory(void *argument)
{
    void **both = argument;
    vv_alloc_fail_at(1); /* no magazines for this thread */
    vv_pool_release(both[0], both[1]);
    vv_alloc_fail_at(0);
}

static void releasing_works_without_memory(void **state)
{
    (void)state;
    struct vv_pool *pool = pool_of(64, 0);
    void *both[] = {pool, vv_pool_acquire(pool)};
    struct vv_thread thread;
    assert_int_equal(vv_thread_start(&thread, release_one_without_memory, both), 0);
    vv_thread_join(&thread);
    assert_int_equal(vv_pool_stats(pool).in_use, 0);
    vv_pool_destroy(pool);
}

static void objects_left_by_an_ended_thread_are_found_again(void **state)
{
    (void)state;
    struct vv_pool *pool = pool_of(64, 0);
    for (int round = 0; round < 3000; round++) { /* 1024 objects fill the first slab */
        void *both[] = {pool, vv_pool_acquire(pool)};
        struct vv_thread thread;
        assert_int_equal(vv_thread_start(&thread, release_one, both), 0);
        vv_thread_join(&thread);
    }
    assert_int_equal(vv_pool_stats(pool).slab_count, 1);
    vv_pool_destroy(pool);
}

static void free_objects_are_poisoned(void **state)
{
    (void)state;
#ifdef VV_ADDRESS_SANITIZER
    struct vv_pool *pool = pool_of(64, 0);
    uint8_t *object = vv_pool_acquire(pool);
    assert_false(vv_is_poisoned(object));
    assert_true(vv_is_poisoned(object + 64) ||
                vv_is_poisoned(object - 1)); /* neighbours are free */
    vv_pool_release(pool, object);
    assert_true(vv_is_poisoned(object));
    assert_true(vv_is_poisoned(object + 63));
    vv_pool_destroy(pool);
#else
    skip();
#endif
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(objects_are_aligned_and_rounded_up_to_cache_lines),
        cmocka_unit_test(objects_in_use_never_overlap),
        cmocka_unit_test(released_objects_are_used_again),
        cmocka_unit_test(a_thread_at_a_boundary_does_not_lock_each_time),
        cmocka_unit_test(new_objects_of_a_bulk_lie_in_sequence),
        cmocka_unit_test(the_budget_is_the_end),
        cmocka_unit_test(large_objects_get_slabs_that_hold_them),
        cmocka_unit_test(running_out_of_memory_is_reported_and_survived),
        cmocka_unit_test(objects_may_be_released_by_other_threads),
        cmocka_unit_test(releasing_works_without_memory),
        cmocka_unit_test(objects_left_by_an_ended_thread_are_found_again),
        cmocka_unit_test(free_objects_are_poisoned),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
