/*
 * test_thread.c - threads, locks and conditions.
 */
#include "os/thread.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <pthread.h>
#include <signal.h>

#include "os/env.h"

enum { THREADS = 4, ROUNDS = 5000 };

static void run_threads(void (*run)(void *argument), void *argument)
{
    struct vv_thread threads[THREADS];
    for (int index = 0; index < THREADS; index++) {
        assert_int_equal(vv_thread_start(&threads[index], run, argument), 0);
    }
    for (int index = 0; index < THREADS; index++) {
        vv_thread_join(&threads[index]);
    }
}

struct counters {
    struct vv_mutex mutex;
    struct vv_spin spin;
    struct vv_rwlock rwlock;
    uint64_t plain;
    uint64_t copy; /* equals plain whenever nobody writes */
    atomic_int wrong;
};

static void count_under_mutex(void *argument)
{
    struct counters *counters = argument;
    for (int round = 0; round < ROUNDS; round++) {
        vv_mutex_lock(&counters->mutex);
        counters->plain++;
        vv_mutex_unlock(&counters->mutex);
    }
}

static void a_mutex_excludes(void **state)
{
    (void)state;
    struct counters counters = {0};
    vv_mutex_init(&counters.mutex);
    run_threads(count_under_mutex, &counters);
    assert_int_equal(counters.plain, THREADS * ROUNDS);
    vv_mutex_fini(&counters.mutex);
}

static void try_and_note(void *argument)
{
    struct counters *counters = argument;
    if (vv_mutex_try_lock(&counters->mutex)) {
        atomic_fetch_add(&counters->wrong, 1);
        vv_mutex_unlock(&counters->mutex);
    }
}

static void trying_a_held_mutex_fails(void **state)
{
    (void)state;
    struct counters counters = {0};
    vv_mutex_init(&counters.mutex);
    assert_true(vv_mutex_try_lock(&counters.mutex));
    run_threads(try_and_note, &counters);
    assert_int_equal(atomic_load(&counters.wrong), 0);
    vv_mutex_unlock(&counters.mutex);
    assert_true(vv_mutex_try_lock(&counters.mutex));
    vv_mutex_unlock(&counters.mutex);
    vv_mutex_fini(&counters.mutex);
}

static void count_under_spin(void *argument)
{
    struct counters *counters = argument;
    for (int round = 0; round < ROUNDS; round++) {
        vv_spin_lock(&counters->spin);
        counters->plain++;
        vv_spin_unlock(&counters->spin);
    }
}

static void a_spin_byte_excludes(void **state)
{
    (void)state;
    struct counters counters = {0};
    run_threads(count_under_spin, &counters);
    assert_int_equal(counters.plain, THREADS * ROUNDS);
}

static void read_or_write(void *argument)
{
    struct counters *counters = argument;
    for (int round = 0; round < ROUNDS / 5; round++) {
        if (round % 4 == 0) {
            vv_rwlock_write_lock(&counters->rwlock);
            counters->plain++;
            counters->copy++;
            vv_rwlock_write_unlock(&counters->rwlock);
        } else {
            vv_rwlock_read_lock(&counters->rwlock);
            atomic_fetch_add(&counters->wrong, counters->plain != counters->copy);
            vv_rwlock_read_unlock(&counters->rwlock);
        }
    }
}

static void a_rwlock_excludes_writers_from_readers(void **state)
{
    (void)state;
    struct counters counters = {0};
    vv_rwlock_init(&counters.rwlock);
    run_threads(read_or_write, &counters);
    assert_int_equal(atomic_load(&counters.wrong), 0);
    assert_int_equal(counters.plain, THREADS * ROUNDS / 20);
    vv_rwlock_fini(&counters.rwlock);
}

struct ping_pong {
    struct vv_mutex mutex;
    struct vv_condition condition;
    int turn;
};

static void answer(void *argument)
{
    struct ping_pong *game = argument;
    vv_mutex_lock(&game->mutex);
    for (int round = 0; round < 100; round++) {
        while (game->turn % 2 == 0) {
            vv_condition_wait(&game->condition, &game->mutex);
        }
        game->turn++;
        vv_condition_signal(&game->condition);
    }
    vv_mutex_unlock(&game->mutex);
}

static void conditions_hand_over_turns(void **state)
{
    (void)state;
    struct ping_pong game = {.turn = 0};
    vv_mutex_init(&game.mutex);
    vv_condition_init(&game.condition);
    struct vv_thread thread;
    assert_int_equal(vv_thread_start(&thread, answer, &game), 0);
    vv_mutex_lock(&game.mutex);
    for (int round = 0; round < 100; round++) {
        while (game.turn % 2 == 1) {
            assert_true(vv_condition_wait_for(&game.condition, &game.mutex, INT64_MAX));
        }
        game.turn++;
        vv_condition_broadcast(&game.condition);
    }
    vv_mutex_unlock(&game.mutex);
    vv_thread_join(&thread);
    assert_int_equal(game.turn, 200);
    vv_condition_fini(&game.condition);
    vv_mutex_fini(&game.mutex);
}

static void waiting_ends_with_the_timeout(void **state)
{
    (void)state;
    struct ping_pong game = {.turn = 0};
    const struct vv_env *env = vv_env_posix();
    vv_mutex_init(&game.mutex);
    vv_condition_init(&game.condition);
    vv_mutex_lock(&game.mutex);
    int64_t start_ns = env->ops->now_monotonic_ns(env->ctx);
    while (vv_condition_wait_for(&game.condition, &game.mutex, 2000000)) {}
    assert_true(env->ops->now_monotonic_ns(env->ctx) - start_ns >= 2000000);
    while (vv_condition_wait_for(&game.condition, &game.mutex, 0)) {}
    while (vv_condition_wait_for(&game.condition, &game.mutex, INT64_MIN)) {}
    vv_mutex_unlock(&game.mutex);
    vv_condition_fini(&game.condition);
    vv_mutex_fini(&game.mutex);
}

static void note_unblocked_signals(void *argument)
{
    sigset_t blocked;
    assert_int_equal(pthread_sigmask(SIG_SETMASK, NULL, &blocked), 0);
    /* Those that a thread raises itself reach the host's handlers. */
    *(bool *)argument = sigismember(&blocked, SIGINT) == 1 && sigismember(&blocked, SIGTERM) == 1 &&
                        sigismember(&blocked, SIGBUS) == 0 && sigismember(&blocked, SIGSEGV) == 0;
}

static void threads_take_no_signals(void **state)
{
    (void)state;
    sigset_t before;
    sigset_t after;
    bool is_blocked = false;
    assert_int_equal(pthread_sigmask(SIG_SETMASK, NULL, &before), 0);
    struct vv_thread thread;
    assert_int_equal(vv_thread_start(&thread, note_unblocked_signals, &is_blocked), 0);
    vv_thread_join(&thread);
    assert_true(is_blocked);
    assert_int_equal(pthread_sigmask(SIG_SETMASK, NULL, &after), 0);
    assert_int_equal(sigismember(&before, SIGINT), sigismember(&after, SIGINT));
}

static atomic_int ends;

static void count_end(void)
{
    atomic_fetch_add(&ends, 1);
}

static void ask_for_end(void *argument)
{
    if (vv_thread_at_end(count_end) != 0 || vv_thread_at_end(count_end) != 0) {
        atomic_fetch_add((atomic_int *)argument, 1);
    }
}

static void a_function_at_the_end_runs_once_in_each_thread(void **state)
{
    (void)state;
    atomic_int errors = 0;
    run_threads(ask_for_end, &errors);
    assert_int_equal(atomic_load(&errors), 0);
    assert_int_equal(atomic_load(&ends), THREADS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_mutex_excludes),
        cmocka_unit_test(trying_a_held_mutex_fails),
        cmocka_unit_test(a_spin_byte_excludes),
        cmocka_unit_test(a_rwlock_excludes_writers_from_readers),
        cmocka_unit_test(conditions_hand_over_turns),
        cmocka_unit_test(waiting_ends_with_the_timeout),
        cmocka_unit_test(threads_take_no_signals),
        cmocka_unit_test(a_function_at_the_end_runs_once_in_each_thread),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
