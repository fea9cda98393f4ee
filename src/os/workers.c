/*
 * workers.c - threads that wait for a loop, take indexes until there are none, and wait again.
 *
 *   caller: publish loop --broadcast--> threads: take index, run, take index, run ... none left
 *   caller: takes indexes as well, then waits until every thread has left the loop
 *
 * K1  A loop lives on the caller's stack: nobody touches it after the count of threads in it is 0.
 * K2  A thread enters the present loop only under the mutex, and each loop at most once.
 * K3  Threads start with the first loop, so that a group which is never used costs nothing; those
 *     that cannot be started are done without.
 */
#include "os/workers.h"

#include <stdatomic.h>

#include "os/alloc.h"
#include "os/thread.h"

struct loop {
    void (*run)(void *context, size_t index);
    void *context;
    size_t count;
    atomic_size_t next;
};

struct vv_workers {
    struct vv_mutex loop_mutex; /* held by whoever runs a loop */
    unsigned thread_count;      /* wanted */
    /* Guarded by loop_mutex. */
    bool started;
    unsigned started_count;

    /* Guarded by mutex. */
    struct vv_mutex mutex;
    struct vv_condition wake; /* a loop began, or the end */
    struct vv_condition left; /* a thread left the loop */
    struct loop *loop;        /* NULL: none */
    unsigned long loop_number;
    unsigned inside; /* threads in the loop */
    bool stopping;

    struct vv_thread threads[];
};

static void take_pieces(struct loop *loop)
{
    for (;;) {
        size_t index = atomic_fetch_add_explicit(&loop->next, 1, memory_order_relaxed);
        if (index >= loop->count) {
            return;
        }
        loop->run(loop->context, index);
    }
}

static void work(void *argument)
{
    struct vv_workers *workers = argument;
    unsigned long seen = 0;
    vv_mutex_lock(&workers->mutex);
    while (!workers->stopping) {
        if (workers->loop == NULL || workers->loop_number == seen) {
            vv_condition_wait(&workers->wake, &workers->mutex);
            continue;
        }
        struct loop *loop = workers->loop;
        seen = workers->loop_number;
        workers->inside++;
        vv_mutex_unlock(&workers->mutex);
        take_pieces(loop);
        vv_mutex_lock(&workers->mutex);
        workers->inside--;
        vv_condition_signal(&workers->left);
    }
    vv_mutex_unlock(&workers->mutex);
}

varve_status vv_workers_create(unsigned thread_count, struct vv_workers **workers)
{
    struct vv_workers *created =
        vv_alloc_zeroed(1, sizeof(*created) + thread_count * sizeof(created->threads[0]));
    if (created == NULL) {
        return VARVE_NO_MEMORY;
    }
    vv_mutex_init(&created->loop_mutex);
    vv_mutex_init(&created->mutex);
    vv_condition_init(&created->wake);
    vv_condition_init(&created->left);
    created->thread_count = thread_count;
    *workers = created;
    return VARVE_OK;
}

unsigned vv_workers_threads(const struct vv_workers *workers)
{
    return workers != NULL ? workers->thread_count : 0;
}

/* Starts what threads can be (K3). Needs loop_mutex. */
static void start_threads(struct vv_workers *workers)
{
    while (!workers->started && workers->started_count < workers->thread_count &&
           vv_thread_start(&workers->threads[workers->started_count], work, workers) == 0) {
        workers->started_count++;
    }
    workers->started = true;
}

void vv_workers_destroy(struct vv_workers *workers)
{
    if (workers == NULL) {
        return;
    }
    vv_mutex_lock(&workers->mutex);
    workers->stopping = true;
    vv_condition_broadcast(&workers->wake);
    vv_mutex_unlock(&workers->mutex);
    for (unsigned i = 0; i < workers->started_count; i++) {
        vv_thread_join(&workers->threads[i]);
    }
    vv_condition_fini(&workers->left);
    vv_condition_fini(&workers->wake);
    vv_mutex_fini(&workers->mutex);
    vv_mutex_fini(&workers->loop_mutex);
    vv_free(workers);
}

void vv_workers_run(struct vv_workers *workers, void (*run)(void *context, size_t index),
                    void *context, size_t count)
{
    struct loop loop = {.run = run, .context = context, .count = count};
    atomic_init(&loop.next, 0);
    if (workers == NULL || workers->thread_count == 0 || count < 2) {
        take_pieces(&loop);
        return;
    }
    vv_mutex_lock(&workers->loop_mutex);
    start_threads(workers);
    vv_mutex_lock(&workers->mutex);
    workers->loop = &loop;
    workers->loop_number++;
    vv_condition_broadcast(&workers->wake);
    vv_mutex_unlock(&workers->mutex);
    take_pieces(&loop);
    vv_mutex_lock(&workers->mutex);
    workers->loop = NULL; /* who has not entered does not any more (K1) */
    while (workers->inside > 0) {
        vv_condition_wait(&workers->left, &workers->mutex);
    }
    vv_mutex_unlock(&workers->mutex);
    vv_mutex_unlock(&workers->loop_mutex);
}
