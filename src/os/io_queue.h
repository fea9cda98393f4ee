/*
 * io_queue.h - the request queue of backends, with or without asynchronous calls of their own.
 *
 * Without: requests are performed inside submit, in order, through the pread, pwrite and fdatasync
 * of the given environment, and kept until reap asks for them. What a caller sees differs from
 * io_uring in nothing but timing.
 */
#ifndef VARVE_OS_IO_QUEUE_H
#define VARVE_OS_IO_QUEUE_H

#include "os/env.h"

/* For the ops of the same names in a backend's table; env must outlive the queue. See env.h. */
int vv_io_queue_create(const struct vv_env *env, unsigned depth, struct vv_io_queue **queue);
/* The same over io_uring, or else, where the kernel refuses, over env. */
int vv_io_queue_create_uring(const struct vv_env *env, unsigned depth, struct vv_io_queue **queue);
/* Whether it is over io_uring. */
bool vv_io_queue_is_uring(const struct vv_io_queue *queue);
void vv_io_queue_destroy(struct vv_io_queue *queue);
int vv_io_queue_submit(struct vv_io_queue *queue, struct vv_io *const *requests, unsigned count);
int vv_io_queue_reap(struct vv_io_queue *queue, struct vv_io **done, unsigned capacity);

#endif
