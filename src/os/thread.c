/*
 * thread.c - pthread behind names that cannot fail.
 *
 * T1  A lock call that fails is misuse (destroyed, not owned, deadlock with itself): an assertion.
 * T2  Conditions run on the monotonic clock: a jump of the wall clock neither wakes nor strands a
 *     waiter.
 * T3  varve's threads take no signals: handlers of the host program run on the host's threads.
 */
#include "os/thread.h"

#include <errno.h>
#include <linux/futex.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "base/status.h"

enum { NANOSECONDS_PER_SECOND = 1000000000 };

/* Rounds of waiting on a cached line before the core is given up: a holder that runs is done within
 * some 100 ns; a holder that was preempted comes back only if somebody yields to it. */
enum { SPINS_BEFORE_YIELD = 64 };
/* Yields before the waiter sleeps, and for how long: a holder that is still not done has a whole
 * batch to put away, which takes milliseconds. */
enum { YIELDS_BEFORE_SLEEP = 32, SLEEP_NANOSECONDS = 50000 };

void vv_mutex_init(struct vv_mutex *mutex)
{
    VV_ASSERT(pthread_mutex_init(&mutex->mutex, NULL) == 0);
}

void vv_mutex_fini(struct vv_mutex *mutex)
{
    VV_ASSERT(pthread_mutex_destroy(&mutex->mutex) == 0);
}

/* Of this thread. */
static _Thread_local uint64_t waits;

uint64_t vv_thread_waits(void)
{
    return waits;
}

void vv_mutex_lock(struct vv_mutex *mutex)
{
    if (!vv_mutex_try_lock(mutex)) {
        waits++;
        VV_ASSERT(pthread_mutex_lock(&mutex->mutex) == 0);
    }
}

bool vv_mutex_try_lock(struct vv_mutex *mutex)
{
    int error = pthread_mutex_trylock(&mutex->mutex);
    VV_ASSERT(error == 0 || error == EBUSY);
    return error == 0;
}

void vv_mutex_unlock(struct vv_mutex *mutex)
{
    VV_ASSERT(pthread_mutex_unlock(&mutex->mutex) == 0);
}

void vv_condition_init(struct vv_condition *condition)
{
    pthread_condattr_t attributes;
    VV_ASSERT(pthread_condattr_init(&attributes) == 0);
    VV_ASSERT(pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC) == 0);
    VV_ASSERT(pthread_cond_init(&condition->condition, &attributes) == 0);
    VV_ASSERT(pthread_condattr_destroy(&attributes) == 0);
}

void vv_condition_fini(struct vv_condition *condition)
{
    VV_ASSERT(pthread_cond_destroy(&condition->condition) == 0);
}

void vv_condition_wait(struct vv_condition *condition, struct vv_mutex *mutex)
{
    waits++;
    VV_ASSERT(pthread_cond_wait(&condition->condition, &mutex->mutex) == 0);
}

/* Now plus timeout_ns; a timeout beyond the clock's range becomes its end. */
static struct timespec deadline_after(int64_t timeout_ns)
{
    struct timespec now;
    VV_ASSERT(clock_gettime(CLOCK_MONOTONIC, &now) == 0);
    int64_t now_ns = (int64_t)now.tv_sec * NANOSECONDS_PER_SECOND + now.tv_nsec;
    int64_t deadline_ns = 0;
    if (__builtin_add_overflow(now_ns, timeout_ns > 0 ? timeout_ns : 0, &deadline_ns)) {
        deadline_ns = INT64_MAX;
    }
    return (struct timespec){.tv_sec = (time_t)(deadline_ns / NANOSECONDS_PER_SECOND),
                             .tv_nsec = (long)(deadline_ns % NANOSECONDS_PER_SECOND)};
}

bool vv_condition_wait_for(struct vv_condition *condition, struct vv_mutex *mutex,
                           int64_t timeout_ns)
{
    struct timespec deadline = deadline_after(timeout_ns);
    waits++;
    int error = pthread_cond_timedwait(&condition->condition, &mutex->mutex, &deadline);
    VV_ASSERT(error == 0 || error == ETIMEDOUT);
    return error == 0;
}

void vv_condition_signal(struct vv_condition *condition)
{
    VV_ASSERT(pthread_cond_signal(&condition->condition) == 0);
}

void vv_condition_broadcast(struct vv_condition *condition)
{
    VV_ASSERT(pthread_cond_broadcast(&condition->condition) == 0);
}

void vv_rwlock_init(struct vv_rwlock *lock)
{
    VV_ASSERT(pthread_rwlock_init(&lock->lock, NULL) == 0);
}

void vv_rwlock_fini(struct vv_rwlock *lock)
{
    VV_ASSERT(pthread_rwlock_destroy(&lock->lock) == 0);
}

void vv_rwlock_read_lock(struct vv_rwlock *lock)
{
    if (pthread_rwlock_tryrdlock(&lock->lock) != 0) {
        waits++;
        VV_ASSERT(pthread_rwlock_rdlock(&lock->lock) == 0);
    }
}

void vv_rwlock_read_unlock(struct vv_rwlock *lock)
{
    VV_ASSERT(pthread_rwlock_unlock(&lock->lock) == 0);
}

void vv_rwlock_write_lock(struct vv_rwlock *lock)
{
    if (pthread_rwlock_trywrlock(&lock->lock) != 0) {
        waits++;
        VV_ASSERT(pthread_rwlock_wrlock(&lock->lock) == 0);
    }
}

void vv_rwlock_write_unlock(struct vv_rwlock *lock)
{
    VV_ASSERT(pthread_rwlock_unlock(&lock->lock) == 0);
}

static void *thread_main(void *argument)
{
    struct vv_thread *thread = argument;
    thread->run(thread->argument);
    return NULL;
}

/* Of what a thread does itself, a touch of a mapping that is gone among them (os/map_guard.h).
 * Blocked, they end the process without a call of the handler. */
static const int own_signals[] = {SIGBUS, SIGSEGV, SIGFPE, SIGILL, SIGTRAP};

int vv_thread_start(struct vv_thread *thread, void (*run)(void *argument), void *argument)
{
    thread->run = run;
    thread->argument = argument;
    /* A new thread inherits the mask of its creator: blocking here, not in the thread, leaves no
     * moment in which a signal could still be delivered to it. */
    sigset_t all;
    sigset_t before;
    VV_ASSERT(sigfillset(&all) == 0);
    for (size_t i = 0; i < sizeof(own_signals) / sizeof(own_signals[0]); i++) {
        VV_ASSERT(sigdelset(&all, own_signals[i]) == 0);
    }
    VV_ASSERT(pthread_sigmask(SIG_SETMASK, &all, &before) == 0);
    int error = pthread_create(&thread->thread, NULL, thread_main, thread);
    VV_ASSERT(pthread_sigmask(SIG_SETMASK, &before, NULL) == 0);
    return -error;
}

void vv_thread_join(struct vv_thread *thread)
{
    VV_ASSERT(pthread_join(thread->thread, NULL) == 0);
}

unsigned vv_thread_processors(void)
{
    long online = sysconf(_SC_NPROCESSORS_ONLN);
    cpu_set_t allowed; /* fails on machines with more than CPU_SETSIZE processors */
    int count = sched_getaffinity(0, sizeof(allowed), &allowed) == 0 ? CPU_COUNT(&allowed) : 0;
    return count > 0 ? (unsigned)count : online > 0 ? (unsigned)online : 1;
}

void vv_thread_yield(void)
{
    (void)sched_yield(); /* cannot fail on Linux */
}

unsigned vv_thread_cpu_count(void)
{
    cpu_set_t allowed;
    int count = sched_getaffinity(0, sizeof(allowed), &allowed) == 0 ? CPU_COUNT(&allowed) : 1;
    return count > 1 ? (unsigned)count : 1;
}

static pthread_once_t end_key_once = PTHREAD_ONCE_INIT;
static pthread_key_t end_key;
static int end_key_error;

static void run_at_end(void *value)
{
    void (*run)(void) = (void (*)(void))(uintptr_t)value;
    run();
}

static void create_end_key(void)
{
    end_key_error = pthread_key_create(&end_key, run_at_end);
}

int vv_thread_at_end(void (*run)(void))
{
    VV_ASSERT(pthread_once(&end_key_once, create_end_key) == 0);
    if (end_key_error != 0) {
        return -end_key_error;
    }
    return -pthread_setspecific(end_key, (const void *)(uintptr_t)run);
}

void vv_event_wait(struct vv_event *event)
{
    /* Acquire pairs with the release in vv_event_set(). The kernel compares before it lets the
     * thread sleep, so that an event between the load and the call is not missed. */
    while (atomic_load_explicit(&event->happened, memory_order_acquire) == 0) {
        waits++;
        long result = syscall(SYS_futex, &event->happened, FUTEX_WAIT_PRIVATE, 0, NULL, NULL, 0);
        VV_ASSERT(result == 0 || errno == EAGAIN || errno == EINTR);
    }
}

void vv_event_set(struct vv_event *event)
{
    atomic_store_explicit(&event->happened, 1, memory_order_release);
    /* From here on the event may be gone: its address only names a queue of the kernel, and waking
     * who has come to sleep at the same address since is harmless. */
    (void)syscall(SYS_futex, &event->happened, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
}

static void give_up_core(unsigned times)
{
    if (times <= YIELDS_BEFORE_SLEEP) {
        vv_thread_yield();
        return;
    }
    const struct timespec pause = {.tv_nsec = SLEEP_NANOSECONDS};
    waits++;
    (void)nanosleep(&pause, NULL); /* a signal ends it early, which does no harm */
}

void vv_spin_lock(struct vv_spin *spin)
{
    unsigned spins = 0;
    /* Acquire pairs with the release in vv_spin_unlock(). The inner loop only reads, so that
     * waiters share the line instead of tearing it from the holder. */
    while (atomic_exchange_explicit(&spin->taken, 1, memory_order_acquire) != 0) {
        while (atomic_load_explicit(&spin->taken, memory_order_relaxed) != 0) {
            if (++spins % SPINS_BEFORE_YIELD == 0) {
                give_up_core(spins / SPINS_BEFORE_YIELD);
            } else {
                vv_thread_relax();
            }
        }
    }
}
