/*
 * thread.h - threads, mutexes, conditions, thread-safe spin bytes: pthread is named nowhere else.
 *
 * A mutex or condition lives in the caller's memory. Locking cannot fail: misuse is an assertion.
 */
#ifndef VARVE_OS_THREAD_H
#define VARVE_OS_THREAD_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct vv_mutex {
    pthread_mutex_t mutex;
};
struct vv_condition {
    pthread_cond_t condition; /* on the monotonic clock */
};
struct vv_rwlock {
    pthread_rwlock_t lock;
};
struct vv_thread {
    pthread_t thread;
    void (*run)(void *argument);
    void *argument;
};

void vv_mutex_init(struct vv_mutex *mutex);
void vv_mutex_fini(struct vv_mutex *mutex);
void vv_mutex_lock(struct vv_mutex *mutex);
bool vv_mutex_try_lock(struct vv_mutex *mutex);
void vv_mutex_unlock(struct vv_mutex *mutex);

void vv_condition_init(struct vv_condition *condition);
void vv_condition_fini(struct vv_condition *condition);
void vv_condition_wait(struct vv_condition *condition, struct vv_mutex *mutex);
/* False if the timeout passed. */
bool vv_condition_wait_for(struct vv_condition *condition, struct vv_mutex *mutex,
                           int64_t timeout_ns);
void vv_condition_signal(struct vv_condition *condition);
void vv_condition_broadcast(struct vv_condition *condition);

void vv_rwlock_init(struct vv_rwlock *lock);
void vv_rwlock_fini(struct vv_rwlock *lock);
void vv_rwlock_read_lock(struct vv_rwlock *lock);
void vv_rwlock_read_unlock(struct vv_rwlock *lock);
void vv_rwlock_write_lock(struct vv_rwlock *lock);
void vv_rwlock_write_unlock(struct vv_rwlock *lock);

/* thread stays in place until vv_thread_join(). 0 or -errno. All signals are blocked in it. */
int vv_thread_start(struct vv_thread *thread, void (*run)(void *argument), void *argument);
void vv_thread_join(struct vv_thread *thread);
void vv_thread_yield(void);
/* Between two looks at something that another core is about to change. */
static inline void vv_thread_relax(void)
{
#if defined(__x86_64__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}
/* Processors that this process may run on, at least 1. */
unsigned vv_thread_processors(void);
/* On how many processors this process may run; at least 1. */
unsigned vv_thread_cpu_count(void);
/* Makes run() happen in the calling thread when it ends; 0 or -errno. One function per thread: the
 * last one given. Not run for a thread that ends with the process. */
int vv_thread_at_end(void (*run)(void));

/* How often the calling thread has had to wait for another one, at a lock that was taken or for
 * something to happen; spinning and yielding do not count. */
uint64_t vv_thread_waits(void);

/* Something that happens once, and one thread that waits for it. Zero has not happened. The waiter
 * may destroy it as soon as its wait is over. */
struct vv_event {
    _Atomic uint32_t happened;
};
void vv_event_wait(struct vv_event *event);
void vv_event_set(struct vv_event *event);

/* A lock of one byte, mostly held for a few instructions: a waiter spins, then yields, then sleeps
 * between looks. Zero is unlocked. */
struct vv_spin {
    atomic_uchar taken;
};
void vv_spin_lock(struct vv_spin *spin);
static inline bool vv_spin_try_lock(struct vv_spin *spin)
{
    return atomic_exchange_explicit(&spin->taken, 1, memory_order_acquire) == 0;
}
/* Release pairs with the acquire of the next holder. */
static inline void vv_spin_unlock(struct vv_spin *spin)
{
    atomic_store_explicit(&spin->taken, 0, memory_order_release);
}

#endif
