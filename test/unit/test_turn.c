/* Tests of turn.c: one works for all, nobody is forgotten. */
#include "os/turn.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "os/env.h"

enum { THREADS = 8, ROUNDS = 3000 };

struct scene {
    _Atomic uint64_t reached;
    _Atomic uint64_t issued; /* positions that somebody waits for */
    struct vv_turn turn;
    uint64_t plain;     /* guarded by the turn */
    uint64_t works;     /* how often somebody had it; guarded by the turn */
    _Atomic int wrong;  /* returned without what was wanted */
    _Atomic int asleep; /* threads that are about to wait */
};

static void set_up(struct scene *scene, unsigned looks_max)
{
    *scene = (struct scene){0};
    vv_turn_init(&scene->turn, &scene->reached, looks_max);
}

static void run_threads(void (*run)(void *argument), struct scene *scene)
{
    struct vv_thread threads[THREADS];
    for (int i = 0; i < THREADS; i++) {
        assert_int_equal(vv_thread_start(&threads[i], run, scene), 0);
    }
    for (int i = 0; i < THREADS; i++) {
        vv_thread_join(&threads[i]);
    }
}

static void a_free_turn_is_taken_and_a_wish_fulfilled_needs_none(void **state)
{
    (void)state;
    struct scene scene;
    set_up(&scene, 0);
    assert_true(vv_turn_take(&scene.turn, 5));
    assert_false(vv_turn_try_take(&scene.turn));
    atomic_store(&scene.reached, 7);
    vv_turn_give(&scene.turn);
    assert_false(vv_turn_take(&scene.turn, 7));
    assert_true(vv_turn_take(&scene.turn, VV_TURN_ALWAYS));
    vv_turn_give(&scene.turn);
    assert_true(vv_turn_try_take(&scene.turn));
    vv_turn_give(&scene.turn);
    vv_turn_fini(&scene.turn);
}

/* Each wants what it has issued; whoever has the turn does all that is issued by then. */
static void commit(void *argument)
{
    struct scene *scene = argument;
    for (int i = 0; i < ROUNDS; i++) {
        uint64_t wanted = atomic_fetch_add(&scene->issued, 1) + 1;
        if (vv_turn_take(&scene->turn, wanted)) {
            scene->works++;
            uint64_t issued = atomic_load(&scene->issued);
            if (i % 64 == 0) {
                vv_thread_yield(); /* so that the others come to wait */
            }
            scene->plain = issued;
            atomic_store(&scene->reached, issued);
            vv_turn_give(&scene->turn);
        }
        atomic_fetch_add(&scene->wrong, atomic_load(&scene->reached) < wanted);
    }
}

static void check_that_nobody_is_forgotten(unsigned looks_max)
{
    struct scene scene;
    set_up(&scene, looks_max);
    run_threads(commit, &scene);
    assert_int_equal(atomic_load(&scene.wrong), 0);
    assert_int_equal(atomic_load(&scene.reached), THREADS * ROUNDS);
    assert_in_range(scene.works, 1, THREADS * ROUNDS);
    vv_turn_fini(&scene.turn);
}

static void nobody_is_forgotten_who_sleeps_at_once(void **state)
{
    (void)state;
    check_that_nobody_is_forgotten(0);
}

static void nobody_is_forgotten_who_looks_first(void **state)
{
    (void)state;
    check_that_nobody_is_forgotten(200);
}

/* Wants the turn itself, every time: a mutex. */
static void insist(void *argument)
{
    struct scene *scene = argument;
    for (int i = 0; i < ROUNDS; i++) {
        atomic_fetch_add(&scene->wrong, !vv_turn_take(&scene->turn, VV_TURN_ALWAYS));
        scene->plain++;
        if (i % 64 == 0) {
            vv_thread_yield();
        }
        vv_turn_give(&scene->turn);
    }
}

static void who_insists_has_the_turn_alone(void **state)
{
    (void)state;
    struct scene scene;
    set_up(&scene, 0);
    run_threads(insist, &scene);
    assert_int_equal(atomic_load(&scene.wrong), 0);
    assert_int_equal(scene.plain, THREADS * ROUNDS);
    vv_turn_fini(&scene.turn);
}

static void want_one(void *argument)
{
    struct scene *scene = argument;
    uint64_t wanted = (uint64_t)atomic_fetch_add(&scene->asleep, 1) + 1;
    if (vv_turn_take(&scene->turn, wanted)) {
        scene->works++;
        vv_turn_give(&scene->turn);
    }
}

/* One give: all that are served return without a turn of their own, the others get theirs. */
static void all_that_are_served_return_together(void **state)
{
    (void)state;
    enum { SERVED = THREADS - 2 };
    struct scene scene;
    struct vv_thread threads[THREADS];
    set_up(&scene, 0);
    assert_true(vv_turn_try_take(&scene.turn));
    for (int i = 0; i < THREADS; i++) {
        assert_int_equal(vv_thread_start(&threads[i], want_one, &scene), 0);
    }
    const struct vv_env *env = vv_env_posix();
    while (atomic_load(&scene.turn.waiting) < THREADS) {
        env->ops->sleep_ns(env->ctx, 100000);
    }
    atomic_store(&scene.reached, SERVED);
    vv_turn_give(&scene.turn);
    for (int i = 0; i < THREADS; i++) {
        vv_thread_join(&threads[i]);
    }
    assert_int_equal(scene.works, THREADS - SERVED);
    assert_int_equal(atomic_load(&scene.turn.waiting), 0);
    vv_turn_fini(&scene.turn);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_free_turn_is_taken_and_a_wish_fulfilled_needs_none),
        cmocka_unit_test(nobody_is_forgotten_who_sleeps_at_once),
        cmocka_unit_test(nobody_is_forgotten_who_looks_first),
        cmocka_unit_test(who_insists_has_the_turn_alone),
        cmocka_unit_test(all_that_are_served_return_together),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
