/*
 * uring.h - requests to the kernel through io_uring; what io_queue.c uses where it is wanted.
 *
 * Threads: one at a time per ring; a process that was forked off may only destroy it.
 */
#ifndef VARVE_OS_URING_H
#define VARVE_OS_URING_H

#include "os/env.h"

struct vv_uring;

/* 0 or -errno: -EOPNOTSUPP if the library was built without liburing, -EPERM, -ENOSYS and the like
 * where the kernel has or allows none. */
int vv_uring_create(unsigned depth, struct vv_uring **uring);
/* NULL is fine; everything taken has been reaped. */
void vv_uring_destroy(struct vv_uring *uring);
/* As vv_env_ops.submit and reap. */
int vv_uring_submit(struct vv_uring *uring, struct vv_io *const *requests, unsigned count);
int vv_uring_reap(struct vv_uring *uring, struct vv_io **done, unsigned capacity);

#endif
