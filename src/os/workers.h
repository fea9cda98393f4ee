/*
 * workers.h - a few threads that share one loop: for work that is cut in independent pieces.
 *
 * vv_workers_run() calls a function for every index of a range, each once, on the threads of the
 * group and on the calling one, and returns when all calls have. Pieces should take some
 * microseconds: handing one out costs an atomic addition, starting a loop a wake-up.
 *
 * Threads: any may run a loop; loops of one group wait for each other.
 */
#ifndef VARVE_OS_WORKERS_H
#define VARVE_OS_WORKERS_H

#include <stddef.h>

#include "base/status.h"

struct vv_workers;

/* A group of thread_count threads beside the caller; 0 is legal: then the caller does everything.
 * They start with the first loop; where the system has no thread to give, there are fewer.
 * NO_MEMORY. */
varve_status vv_workers_create(unsigned thread_count, struct vv_workers **workers) VARVE_MUST_CHECK;
/* The thread_count that it was created with; 0 for NULL. */
unsigned vv_workers_threads(const struct vv_workers *workers);
/* Ends the threads. No loop may be running. NULL is fine. */
void vv_workers_destroy(struct vv_workers *workers);

/* workers may be NULL: the caller does everything, in order. */
void vv_workers_run(struct vv_workers *workers, void (*run)(void *context, size_t index),
                    void *context, size_t count);

#endif
